//! Products on their way to the shop: one call writes one product whole.

use std::collections::HashMap;

use futures::stream::{self, StreamExt};
use serde::Deserialize;
use serde_json::{Value, json};

use super::bulk;
use super::cost;
use super::documents;
use super::live;
use super::pictures::Gallery;
use super::place::{Place, gid, number};
use super::products::{self, Draft, Family};
use super::refusal;
use super::shop::{Facts, NAMESPACE, SKU_KEY, Shop, product_gid};
use super::stock;
use super::wire::{Complaints, Product, ProductSet, UserError};
use crate::domain::change::{Batch, ListingChange, Route};
use crate::domain::connector::{ItemOutcome, Outcome};
use crate::domain::ids::{IdempotencyKey, Sku};
use crate::domain::issue::Issue;
use crate::domain::{Error, ErrorKind, Result};
use crate::http::Replay;

/// Products of one batch that are under way at a time.
const AT_ONCE: usize = 4;

/// Creates and updates products.
pub async fn push(shop: &Shop, batch: Batch<'_, ListingChange>) -> Result<Vec<ItemOutcome>> {
    let facts = shop.facts().await?;
    let (families, settled) = products::families(batch.items);
    if families.iter().any(|family| family.product.is_none()) {
        shop.define_sku().await?;
    }
    let mut answered = Answered::new(settled);
    let (bulk, direct): (Vec<_>, Vec<_>) = families
        .into_iter()
        .partition(|family| batch.route == Route::Bulk && family.product.is_none());
    let mut drafts = Vec::new();
    for family in &bulk {
        match products::create(facts, family) {
            Ok(mut draft) => {
                answered.settle(std::mem::take(&mut draft.settled));
                drafts.push(draft);
            }
            Err(settled) => answered.settle(settled),
        }
    }
    if !drafts.is_empty() {
        bulk::submit_products(shop, &drafts, &mut answered).await;
    }
    let under_way: Vec<_> = direct
        .iter()
        .map(|family| async move { (family, one(shop, facts, family, batch.key).await) })
        .collect();
    let mut under_way = stream::iter(under_way).buffer_unordered(AT_ONCE);
    while let Some((family, outcome)) = under_way.next().await {
        let skus = family.rows.iter().map(|change| &change.listing.sku);
        answered.add(skus, outcome);
    }
    answered.finish()
}

/// Collects what became of the parts of a batch.
pub struct Answered {
    outcomes: Vec<ItemOutcome>,
    /// Of parts of which certainly nothing was done.
    failed: Vec<(Vec<Sku>, Error)>,
}

impl Answered {
    pub fn new(outcomes: Vec<ItemOutcome>) -> Self {
        Self {
            outcomes,
            failed: Vec::new(),
        }
    }

    pub fn settle(&mut self, outcomes: Vec<ItemOutcome>) {
        self.outcomes.extend(outcomes);
    }

    pub fn add<'s>(
        &mut self,
        skus: impl Iterator<Item = &'s Sku>,
        outcome: Result<Vec<ItemOutcome>>,
    ) {
        match outcome {
            Ok(outcomes) => self.outcomes.extend(outcomes),
            Err(error) => self.failed.push((skus.cloned().collect(), error)),
        }
    }

    /// `Err` only when nothing of the batch was done, so that the caller decides about the whole.
    pub fn finish(mut self) -> Result<Vec<ItemOutcome>> {
        let in_doubt = self.failed.iter().any(|(_, error)| error.in_doubt);
        if self.outcomes.is_empty() && !in_doubt {
            match self.failed.pop() {
                Some((_, error)) => return Err(error),
                None => return Ok(Vec::new()),
            }
        }
        for (skus, error) in self.failed {
            self.outcomes.extend(all(skus.iter(), &error));
        }
        Ok(self.outcomes)
    }
}

/// The same error for several items.
pub fn all<'s>(skus: impl Iterator<Item = &'s Sku>, error: &Error) -> Vec<ItemOutcome> {
    skus.map(|sku| ItemOutcome {
        key: sku.clone(),
        outcome: refusal::of_call(error),
    })
    .collect()
}

/// One product, at once.
async fn one(
    shop: &Shop,
    facts: &Facts,
    family: &Family<'_>,
    key: &IdempotencyKey,
) -> Result<Vec<ItemOutcome>> {
    let drafted = match family.product {
        None => products::create(facts, family),
        Some(product) => match live::product(shop, facts, product).await? {
            Some(live) => products::update(facts, family, &live),
            None => {
                let rows = family.rows.iter();
                return Ok(rows
                    .map(|change| products::gone(&change.listing.sku))
                    .collect());
            }
        },
    };
    let mut draft = match drafted {
        Ok(draft) => draft,
        Err(settled) => return Ok(settled),
    };
    let mut outcomes = std::mem::take(&mut draft.settled);
    let skus = || draft.skus();
    if cost::of(&documents::PRODUCT_SET, &draft.variables) > cost::MOST {
        outcomes.extend(skus().map(too_large));
        return Ok(outcomes);
    }
    match send(shop, facts, &draft, key).await {
        Ok(sent) => outcomes.extend(sent),
        Err(error) if outcomes.is_empty() => return Err(error),
        Err(error) => outcomes.extend(all(skus(), &error)),
    }
    Ok(outcomes)
}

fn too_large(sku: &Sku) -> ItemOutcome {
    let issue = Issue::error(
        "product_too_large",
        "the product has more variants with pictures of their own than one call of Shopify may change",
    )
    .sku(sku)
    .field("images")
    .hint("give the pictures to the product instead of to each variant, or split the product");
    ItemOutcome {
        key: sku.clone(),
        outcome: Outcome::Rejected(vec![issue]),
    }
}

/// `Err` when certainly nothing was done.
async fn send(
    shop: &Shop,
    facts: &Facts,
    draft: &Draft<'_>,
    key: &IdempotencyKey,
) -> Result<Vec<ItemOutcome>> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Data {
        product_set: ProductSet,
    }
    // Content of what is live may go twice. A creation without an answer is looked up first.
    let replay = match draft.is_creation() {
        true => Replay::Never,
        false => Replay::Safe,
    };
    let skus = || draft.skus();
    let sent = shop
        .api
        .mutate::<Data>(&documents::PRODUCT_SET, replay, &draft.variables)
        .await;
    let answer = match sent {
        Ok(data) => data.product_set,
        Err(error) if error.in_doubt => return Ok(all(skus(), &error)),
        Err(error) => return Err(error),
    };
    if !answer.user_errors.is_empty() {
        return Ok(draft.refused(&answer.user_errors));
    }
    let Some(product) = answer.product else {
        return Ok(all(skus(), &unreadable().in_doubt()));
    };
    Ok(match complete(shop, facts, draft, &product, key).await {
        Ok((places, issues)) => applied(shop, skus(), &places, &issues),
        // The product is written, but not all of it is as it shall be: what is live decides.
        Err(error) if error.in_doubt || error.is_temporary() => all(skus(), &error.in_doubt()),
        Err(error) => all(skus(), &error),
    })
}

fn unreadable() -> Error {
    Error::unexpected("the shop's answer names no product")
}

/// Each row with its reference, and the warnings at the first.
pub fn applied<'s>(
    shop: &Shop,
    skus: impl Iterator<Item = &'s Sku>,
    places: &HashMap<Sku, Place>,
    issues: &[Issue],
) -> Vec<ItemOutcome> {
    let mut issues = issues.to_vec();
    let outcomes = skus.map(|sku| {
        let outcome = match places.get(sku) {
            Some(place) => {
                let listing_ref = place.listing_ref();
                shop.remember(sku, &listing_ref);
                Outcome::Applied {
                    listing_ref: Some(listing_ref),
                    issues: std::mem::take(&mut issues),
                }
            }
            None => Outcome::Unknown(
                Error::unexpected("the shop's answer leaves this row out")
                    .with("sku", sku.as_str())
                    .in_doubt(),
            ),
        };
        ItemOutcome {
            key: sku.clone(),
            outcome,
        }
    });
    outcomes.collect()
}

/// What a product needs beside its own call. Each step is absolute, so that a repeat does no harm.
async fn complete(
    shop: &Shop,
    facts: &Facts,
    draft: &Draft<'_>,
    product: &Product,
    key: &IdempotencyKey,
) -> Result<(HashMap<Sku, Place>, Vec<Issue>)> {
    let id = product.number().ok_or_else(unreadable)?;
    let mut places = draft.places.clone();
    for change in &draft.rows {
        if change.listing.kind == crate::domain::catalog::ItemKind::Parent {
            places.insert(change.listing.sku.clone(), Place::of_product(id));
        }
    }
    add_places(&mut places, id, product);
    if draft.skus().any(|sku| !places.contains_key(sku)) {
        add_all_places(shop, facts, id, &mut places).await?;
    }
    if draft.is_creation() && !product.published_on_publication {
        publish(shop, facts, &product.id).await?;
    }
    for variant in &draft.unpublished {
        publish(shop, facts, variant).await?;
    }
    for (item, quantity) in &draft.unstocked {
        stock::stock_at_location(shop, facts, *item, *quantity, key).await?;
    }
    let mut issues = Vec::new();
    if let Err(error) = remember(shop, id, draft).await {
        issues.push(
            Issue::warning(
                "product_not_noted",
                format!("the product is up to date, but a note that it carries is not: {error}"),
            )
            .hint("its pictures may be uploaded again with their next change"),
        );
    }
    Ok((places, issues))
}

pub fn add_places(places: &mut HashMap<Sku, Place>, product: u64, answer: &Product) {
    for variant in &answer.variants.nodes {
        if let (Some(sku), Some(id), Some(item)) = (
            variant.sku(),
            variant.number(),
            number(&variant.inventory_item.id),
        ) {
            let place = Place::of_variant(product, id, item);
            places.entry(Sku::new(sku)).or_insert(place);
        }
    }
}

/// Of a product with more variants than its answer holds.
pub async fn add_all_places(
    shop: &Shop,
    facts: &Facts,
    product: u64,
    places: &mut HashMap<Sku, Place>,
) -> Result<()> {
    if let Some(shelf) = shelf(shop, facts, product).await? {
        add_places(places, product, &shelf);
    }
    Ok(())
}

/// A product with all its variants, without their content.
pub async fn shelf(shop: &Shop, facts: &Facts, product: u64) -> Result<Option<Product>> {
    #[derive(Deserialize)]
    struct Data {
        product: Option<Product>,
    }
    let mut whole: Option<Product> = None;
    let mut after: Option<String> = None;
    loop {
        let variables =
            json!({"id": product_gid(product), "after": after, "publication": facts.publication()});
        let data: Data = shop
            .api
            .query(&documents::PRODUCT_SHELF, &variables)
            .await?;
        let Some(mut page) = data.product else {
            return Ok(None);
        };
        let next = super::shop::next_cursor(&page.variants, after.as_deref())?;
        page.variants.page_info = Default::default();
        match &mut whole {
            None => whole = Some(page),
            Some(whole) => whole.variants.nodes.extend(page.variants.nodes),
        }
        match next {
            Some(next) => after = Some(next),
            None => return Ok(whole),
        }
    }
}

/// Shows a product or a variant on the publications of the settings. Doing it twice does no harm.
pub async fn publish(shop: &Shop, facts: &Facts, id: &str) -> Result<()> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Data {
        publishable_publish: Complaints,
    }
    let variables = json!({"id": id, "input": facts.publication_inputs()});
    let data: Data = shop
        .api
        .mutate(&documents::PUBLISH, Replay::Safe, &variables)
        .await?;
    first_error(
        &data.publishable_publish.user_errors,
        "it is in the shop, but cannot be published",
    )
}

pub async fn unpublish(shop: &Shop, facts: &Facts, variant: u64) -> Result<()> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Data {
        publishable_unpublish: Complaints,
    }
    let variables =
        json!({"id": gid("ProductVariant", variant), "input": facts.publication_inputs()});
    let data: Data = shop
        .api
        .mutate(&documents::UNPUBLISH, Replay::Safe, &variables)
        .await?;
    first_error(
        &data.publishable_unpublish.user_errors,
        "the variant cannot be unpublished",
    )
}

/// An error for a mutation that has only one thing to do.
pub fn first_error(errors: &[UserError], what: &str) -> Result<()> {
    let Some(error) = errors.first() else {
        return Ok(());
    };
    let kind = match (error.is_temporary(), error.is_gone()) {
        (true, _) => ErrorKind::Unavailable,
        (_, true) => ErrorKind::NotFound,
        _ => ErrorKind::Rejected,
    };
    let mut told = error.error(kind);
    told.message = format!("{what}: {}", told.message);
    Err(match kind {
        ErrorKind::Unavailable => told.retry_after(None),
        _ => told,
    })
}

/// Writes down which pictures the product has now, and by which sku it is known. A new product brings both along.
async fn remember(shop: &Shop, product: u64, draft: &Draft<'_>) -> Result<()> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Data {
        metafields_set: Complaints,
    }
    let is_new = draft.variables["identifier"].get("customId").is_some();
    if is_new {
        return Ok(());
    }
    let mut metafields: Vec<Value> = Vec::new();
    let album = draft.gallery.as_ref().map(|Gallery { album, .. }| album);
    if let Some(mut metafield) = album.and_then(|album| album.metafield()) {
        metafield.insert("ownerId".to_owned(), json!(product_gid(product)));
        metafields.push(Value::Object(metafield));
    }
    if let Some(sku) = &draft.parent_sku {
        shop.define_sku().await?;
        metafields.push(
            json!({"ownerId": product_gid(product), "namespace": NAMESPACE,
            "key": SKU_KEY, "type": "id", "value": sku.as_str()}),
        );
    }
    if metafields.is_empty() {
        return Ok(());
    }
    let variables = json!({"metafields": metafields});
    let data: Data = shop
        .api
        .mutate(&documents::REMEMBER, Replay::Safe, &variables)
        .await?;
    first_error(
        &data.metafields_set.user_errors,
        "the shop refuses a metafield",
    )
}
