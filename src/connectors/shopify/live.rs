//! Reading what is live: products page by page, each with its variants; and listings by their skus.

use std::collections::{HashMap, HashSet};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::content;
use super::documents;
use super::place::{Place, number};
use super::shop::{Facts, Shop, next_cursor, product_gid, repeated};
use super::wire::{Connection, Media, Product, Variant};
use crate::domain::connector::Page;
use crate::domain::ids::{PageToken, Sku};
use crate::domain::issue::Issue;
use crate::domain::listing::ChannelListing;
use crate::domain::money::Money;
use crate::domain::{Error, ErrorKind, Result};

/// Variants of the first page when one product is read; most have no more.
const FIRST_VARIANTS: usize = 10;
const MORE_VARIANTS: usize = 50;

/// A place in the walk over products and the variants that do not fit their page.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Position {
    /// Cursor of the next page of products.
    after: Option<String>,
    /// Highest product seen: pages are sorted by id, so one that does not go beyond it is a repeat.
    last: u64,
    /// Whether the list of products has been read to its end.
    done: bool,
    /// Products with more variants, and the cursor of the next page of them.
    unfinished: Vec<(u64, String)>,
}

impl Position {
    fn parse(token: Option<&PageToken>) -> Result<Self> {
        let Some(token) = token else {
            return Ok(Self::default());
        };
        serde_json::from_str(token.as_str())
            .map_err(|error| Error::unexpected("a page token is not ours").caused_by(error))
    }

    fn token(&self) -> Result<Option<PageToken>> {
        if self.done && self.unfinished.is_empty() {
            return Ok(None);
        }
        let text = serde_json::to_string(self)
            .map_err(|error| Error::unexpected("a page token cannot be kept").caused_by(error))?;
        Ok(Some(text.into()))
    }
}

/// One page.
pub async fn fetch(shop: &Shop, token: Option<&PageToken>) -> Result<Page<ChannelListing>> {
    let facts = shop.facts().await?;
    let mut position = Position::parse(token)?;
    let items = match position.unfinished.first().cloned() {
        Some((product, after)) => {
            more_variants(shop, facts, &mut position, product, &after).await?
        }
        None => products(shop, facts, &mut position).await?,
    };
    for listing in &items {
        shop.remember(&listing.sku, &listing.listing_ref);
    }
    Ok(Page {
        items,
        next: position.token()?,
    })
}

async fn products(
    shop: &Shop,
    facts: &Facts,
    position: &mut Position,
) -> Result<Vec<ChannelListing>> {
    #[derive(Deserialize)]
    struct Data {
        products: Connection<Product>,
    }
    let variables = json!({"after": position.after, "location": facts.location, "publication": facts.publication()});
    let data: Data = shop.api.query(&documents::PRODUCTS, &variables).await?;
    let mut page = data.products;
    let ids = page.nodes.iter().filter_map(Product::number);
    match ids.max() {
        Some(last) if last <= position.last => return Err(repeated()),
        Some(last) => position.last = last,
        None => {}
    }
    let next = next_cursor(&page, position.after.as_deref())?;
    position.done = next.is_none();
    position.after = next;
    let mut items = Vec::new();
    for product in &mut page.nodes {
        complete_media(shop, product).await?;
        if let (Some(number), Some(after)) = (product.number(), product.variants.page_info.next()) {
            position.unfinished.push((number, after.to_owned()));
        }
        items.extend(listings(facts, product));
    }
    Ok(items)
}

async fn more_variants(
    shop: &Shop,
    facts: &Facts,
    position: &mut Position,
    product: u64,
    after: &str,
) -> Result<Vec<ChannelListing>> {
    let page = variants_page(shop, facts, product, MORE_VARIANTS, Some(after)).await?;
    let Some(page) = page else {
        // Deleted while it was read.
        position.unfinished.remove(0);
        return Ok(Vec::new());
    };
    match next_cursor(&page.variants, Some(after))? {
        Some(next) => position.unfinished[0].1 = next,
        None => {
            position.unfinished.remove(0);
        }
    }
    let items = page.variants.nodes.iter();
    Ok(items
        .filter_map(|variant| of_variant(facts, &page, variant, false))
        .collect())
}

async fn variants_page(
    shop: &Shop,
    facts: &Facts,
    product: u64,
    first: usize,
    after: Option<&str>,
) -> Result<Option<Product>> {
    #[derive(Deserialize)]
    struct Data {
        product: Option<Product>,
    }
    let variables = json!({"id": product_gid(product), "first": first, "after": after,
        "location": facts.location, "publication": facts.publication()});
    let data: Data = shop
        .api
        .query(&documents::PRODUCT_VARIANTS, &variables)
        .await?;
    Ok(data.product)
}

/// One product with everything that it has; `None` when there is none.
pub async fn product(shop: &Shop, facts: &Facts, product: u64) -> Result<Option<Product>> {
    let Some(mut whole) = variants_page(shop, facts, product, FIRST_VARIANTS, None).await? else {
        return Ok(None);
    };
    let mut after = next_cursor(&whole.variants, None)?;
    while let Some(cursor) = after {
        let page = variants_page(shop, facts, product, MORE_VARIANTS, Some(&cursor)).await?;
        let Some(page) = page else { return Ok(None) };
        after = next_cursor(&page.variants, Some(&cursor))?;
        whole.variants.nodes.extend(page.variants.nodes);
    }
    whole.variants.page_info = Default::default();
    complete_media(shop, &mut whole).await?;
    Ok(Some(whole))
}

/// Reads the media that do not fit the first page.
async fn complete_media(shop: &Shop, product: &mut Product) -> Result<()> {
    #[derive(Deserialize)]
    struct Data {
        product: Option<WithMedia>,
    }
    #[derive(Deserialize)]
    struct WithMedia {
        media: Connection<Media>,
    }
    let mut after = next_cursor(&product.media, None)?;
    while let Some(cursor) = after {
        let variables = json!({"id": product.id, "after": cursor});
        let data: Data = shop
            .api
            .query(&documents::PRODUCT_MEDIA, &variables)
            .await?;
        let page = data
            .product
            .map(|product| product.media)
            .unwrap_or_default();
        after = next_cursor(&page, Some(&cursor))?;
        product.media.nodes.extend(page.nodes);
    }
    product.media.page_info = Default::default();
    Ok(())
}

/// The product as listings: one of a single, otherwise the parent before the variants that its page holds.
fn listings(facts: &Facts, product: &Product) -> Vec<ChannelListing> {
    let single = product.is_single();
    let parent = (!single).then(|| of_product(product)).flatten();
    let variants = product.variants.nodes.iter();
    let variants = variants.filter_map(|variant| of_variant(facts, product, variant, single));
    let mut items: Vec<ChannelListing> = Vec::new();
    let mut doubled: HashSet<Sku> = HashSet::new();
    for listing in parent.into_iter().chain(variants) {
        if items.iter().any(|known| known.sku == listing.sku) {
            doubled.insert(listing.sku);
        } else {
            items.push(listing);
        }
    }
    for listing in items.iter_mut().filter(|one| doubled.contains(&one.sku)) {
        listing.issues.push(doubled_sku(&listing.sku));
    }
    items
}

fn doubled_sku(sku: &Sku) -> Issue {
    Issue::warning(
        "sku_doubled",
        "several variants of the shop have this sku; the first one is taken",
    )
    .sku(sku)
    .hint("give the others another sku in the shop's admin")
}

/// What the product as a whole is called: as the catalog named it, else by its handle, as exports of Shopify do.
fn sku_of_product(product: &Product) -> Sku {
    if let Some(sku) = product.parent_sku() {
        return Sku::new(sku);
    }
    let variants = &product.variants.nodes;
    let is_taken = variants
        .iter()
        .any(|variant| variant.sku() == Some(product.handle.as_str()));
    match is_taken {
        true => Sku::from(format!("{}:parent", product.handle)),
        false => Sku::new(&product.handle),
    }
}

/// A variant without a sku is known by handle and options, as in exports of Shopify.
fn sku_of_variant(product: &Product, variant: &Variant) -> Sku {
    if let Some(sku) = variant.sku() {
        return Sku::new(sku);
    }
    let mut key = product.handle.clone();
    for option in &variant.selected_options {
        if (option.name.as_str(), option.value.as_str()) != super::convert::NO_OPTION {
            key.push('/');
            key.push_str(&option.value);
        }
    }
    Sku::from(key)
}

fn of_product(product: &Product) -> Option<ChannelListing> {
    let sku = sku_of_product(product);
    Some(ChannelListing {
        listing_ref: Place::of_product(product.number()?).listing_ref(),
        parent_ref: None,
        live: product.is_active() && product.published_on_publication,
        title: Some(product.title.clone()),
        price: None,
        compare_at: None,
        quantity: None,
        issues: Vec::new(),
        content: Some(Box::new(content::of_product(product, &sku))),
        sku,
    })
}

fn of_variant(
    facts: &Facts,
    product: &Product,
    variant: &Variant,
    single: bool,
) -> Option<ChannelListing> {
    let id = product.number()?;
    let place = Place::of_variant(id, variant.number()?, number(&variant.inventory_item.id)?);
    let money = |amount| Money::new(amount, facts.currency);
    let sku = sku_of_variant(product, variant);
    let tracked = variant.inventory_item.tracked;
    let mut issues = Vec::new();
    if !tracked {
        issues.push(
            Issue::warning(
                "stock_not_tracked",
                "the shop does not track the stock of this, and sells it without end",
            )
            .sku(&sku)
            .hint("the next change of its stock switches tracking on; in the admin it is \"Track quantity\""),
        );
    }
    let parent = (!single).then(|| sku_of_product(product));
    Some(ChannelListing {
        listing_ref: place.listing_ref(),
        parent_ref: (!single).then(|| Place::of_product(id).listing_ref()),
        live: product.is_active()
            && product.published_on_publication
            && variant.published_on_publication,
        title: Some(product.title.clone()),
        price: variant.price.map(money),
        compare_at: variant.compare_at_price.map(money),
        // Not stocked at the location is nothing to sell there.
        quantity: tracked.then(|| variant.available().unwrap_or(0).max(0).unsigned_abs()),
        issues,
        content: Some(Box::new(content::of_variant(
            product,
            variant,
            &sku,
            parent.as_ref(),
        ))),
        sku,
    })
}

/// Of an answer without content.
fn without_content(listing: ChannelListing) -> ChannelListing {
    ChannelListing {
        content: None,
        ..listing
    }
}

/// The listings of these skus, exactly.
pub async fn find(shop: &Shop, skus: &[Sku]) -> Result<Vec<ChannelListing>> {
    let facts = shop.facts().await?;
    let mut found = Found::new(facts, skus);
    by_id(shop, facts, &mut found).await?;
    by_sku(shop, facts, &mut found).await?;
    by_parent_sku(shop, facts, &mut found).await?;
    by_handle(shop, facts, &mut found).await?;
    for listing in found.listings.values() {
        shop.remember(&listing.sku, &listing.listing_ref);
    }
    Ok(skus
        .iter()
        .filter_map(|sku| found.listings.remove(sku))
        .collect())
}

/// What was looked for and found.
struct Found<'a> {
    facts: &'a Facts,
    wanted: HashSet<&'a Sku>,
    listings: HashMap<Sku, ChannelListing>,
}

impl<'a> Found<'a> {
    fn new(facts: &'a Facts, skus: &'a [Sku]) -> Self {
        Self {
            facts,
            wanted: skus.iter().collect(),
            listings: HashMap::new(),
        }
    }

    fn missing(&self) -> Vec<Sku> {
        let missing = self
            .wanted
            .iter()
            .filter(|sku| !self.listings.contains_key(**sku));
        let mut missing: Vec<Sku> = missing.map(|sku| (*sku).clone()).collect();
        missing.sort();
        missing
    }

    /// The search is fuzzy, so that only what has exactly this sku counts. Of several the oldest is taken.
    fn add(&mut self, listing: ChannelListing) {
        if !self.wanted.contains(&listing.sku) {
            return;
        }
        let listing = without_content(listing);
        match self.listings.get_mut(&listing.sku) {
            None => {
                self.listings.insert(listing.sku.clone(), listing);
            }
            Some(known) if known.listing_ref != listing.listing_ref => {
                if !known.issues.iter().any(|issue| issue.code == "sku_doubled") {
                    known.issues.push(doubled_sku(&listing.sku));
                }
            }
            Some(_) => {}
        }
    }

    fn add_product(&mut self, product: &Product) {
        if let Some(listing) = of_product(product) {
            self.add(listing);
        }
    }

    fn add_variant(&mut self, variant: &Variant) {
        let Some(product) = &variant.product else {
            return;
        };
        let single = product.has_only_default_variant
            && product
                .parent_sku()
                .is_none_or(|sku| variant.sku() == Some(sku));
        if let Some(listing) = of_variant(self.facts, product, variant, single) {
            self.add(listing);
        }
        if !single {
            self.add_product(product);
        }
    }
}

/// What this run has met before is asked for by its id: the search learns of a change only some seconds later.
async fn by_id(shop: &Shop, facts: &Facts, found: &mut Found<'_>) -> Result<()> {
    #[derive(Deserialize)]
    struct Data {
        nodes: Vec<Option<Value>>,
    }
    let places = found.missing();
    let ids: Vec<String> = places
        .iter()
        .filter_map(|sku| Some(shop.recall(sku)?.gid()))
        .collect();
    if ids.is_empty() {
        return Ok(());
    }
    let variables =
        json!({"ids": ids, "location": facts.location, "publication": facts.publication()});
    let data: Data = shop
        .api
        .query(&documents::LISTINGS_BY_ID, &variables)
        .await?;
    for node in data.nodes.into_iter().flatten() {
        let is_product = node["id"]
            .as_str()
            .is_some_and(|id| id.contains("/Product/"));
        if is_product {
            found.add_product(&parsed(node)?);
        } else {
            found.add_variant(&parsed(node)?);
        }
    }
    Ok(())
}

fn parsed<T: serde::de::DeserializeOwned>(node: Value) -> Result<T> {
    serde_json::from_value(node)
        .map_err(|error| Error::unexpected(format!("a node cannot be read: {error}")))
}

async fn by_sku(shop: &Shop, facts: &Facts, found: &mut Found<'_>) -> Result<()> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Data {
        product_variants: Connection<Variant>,
    }
    let missing = found.missing();
    if missing.is_empty() {
        return Ok(());
    }
    let query = any_of("sku", missing.iter().map(Sku::as_str));
    let mut after: Option<String> = None;
    loop {
        let variables = json!({"query": query, "after": after, "location": facts.location,
            "publication": facts.publication()});
        let data: Data = shop
            .api
            .query(&documents::VARIANTS_BY_SKU, &variables)
            .await?;
        let mut page = data.product_variants;
        page.nodes.sort_by_key(Variant::number);
        page.nodes
            .iter()
            .for_each(|variant| found.add_variant(variant));
        match next_cursor(&page, after.as_deref())? {
            Some(next) => after = Some(next),
            None => return Ok(()),
        }
    }
}

/// Parents have no sku of their own in the shop: those that were made here remember it.
async fn by_parent_sku(shop: &Shop, facts: &Facts, found: &mut Found<'_>) -> Result<()> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Data {
        product_by_identifier: Option<Product>,
    }
    for sku in found.missing() {
        let variables = json!({"sku": sku.as_str(), "publication": facts.publication()});
        let asked = shop
            .api
            .query::<Data>(&documents::PRODUCT_BY_SKU, &variables)
            .await;
        match asked {
            Ok(data) => {
                let product = data.product_by_identifier;
                // A single has its sku at its variant, and was looked for there.
                if let Some(product) = product.filter(|product| !product.has_only_default_variant) {
                    found.add_product(&product);
                }
            }
            // Nothing was ever made here, so that not even the definition is there.
            Err(error) if error.kind == ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Products of the shop's own, by the keys that exports of Shopify give them: `handle`, `handle:parent`,
/// `handle/M/red`.
async fn by_handle(shop: &Shop, facts: &Facts, found: &mut Found<'_>) -> Result<()> {
    #[derive(Deserialize)]
    struct Data {
        products: Connection<Product>,
    }
    let missing = found.missing();
    let handles: HashSet<&str> = missing
        .iter()
        .filter_map(|sku| handle(sku.as_str()))
        .collect();
    if handles.is_empty() {
        return Ok(());
    }
    let mut handles: Vec<&str> = handles.into_iter().collect();
    handles.sort_unstable();
    let query = any_of("handle", handles.into_iter());
    let mut after: Option<String> = None;
    loop {
        let variables = json!({"query": query, "after": after, "location": facts.location,
            "publication": facts.publication()});
        let data: Data = shop
            .api
            .query(&documents::PRODUCTS_BY_HANDLE, &variables)
            .await?;
        let page = data.products;
        for product in &page.nodes {
            for listing in listings(facts, product) {
                found.add(listing);
            }
        }
        match next_cursor(&page, after.as_deref())? {
            Some(next) => after = Some(next),
            None => return Ok(()),
        }
    }
}

/// The handle that a key of an export begins with. Handles hold small letters, digits and hyphens.
fn handle(sku: &str) -> Option<&str> {
    let handle = sku.split('/').next()?;
    let handle = handle.strip_suffix(":parent").unwrap_or(handle);
    let is_handle = !handle.is_empty()
        && handle
            .chars()
            .all(|c| c == '-' || c == '_' || (c.is_alphanumeric() && !c.is_uppercase()));
    is_handle.then_some(handle)
}

/// `sku:"A" OR sku:"B"` in Shopify's search syntax, where backslash and quote are escaped.
fn any_of<'t>(field: &str, texts: impl Iterator<Item = &'t str>) -> String {
    let terms: Vec<_> = texts
        .map(|text| {
            let escaped = text.replace('\\', "\\\\").replace('"', "\\\"");
            format!("{field}:\"{escaped}\"")
        })
        .collect();
    terms.join(" OR ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connectors::shopify::fixtures::facts;

    fn product(variants: Value) -> Product {
        serde_json::from_value(
            json!({"id": "gid://shopify/Product/1", "handle": "tee", "title": "Tee",
            "status": "ACTIVE", "publishedOnPublication": true, "variants": {"nodes": variants}}),
        )
        .unwrap()
    }

    fn variant(id: u64, sku: Option<&str>, size: &str, tracked: bool, available: i64) -> Value {
        json!({"id": format!("gid://shopify/ProductVariant/{id}"), "sku": sku, "price": "9.50",
            "publishedOnPublication": true, "selectedOptions": [{"name": "Size", "value": size}],
            "inventoryItem": {"id": format!("gid://shopify/InventoryItem/{id}0"), "tracked": tracked,
                "inventoryLevel": {"quantities": [{"name": "available", "quantity": available}]}}})
    }

    fn skus(listings: &[ChannelListing]) -> Vec<&str> {
        listings
            .iter()
            .map(|listing| listing.sku.as_str())
            .collect()
    }

    #[test]
    fn a_product_reads_as_an_export_of_the_shop_names_it() {
        let both = product(json!([
            variant(2, Some("T-S"), "S", true, 3),
            variant(3, None, "M", true, -2)
        ]));
        let read = listings(&facts(), &both);
        assert_eq!(skus(&read), ["tee", "T-S", "tee/M"]);
        assert_eq!(read[1].listing_ref.as_str(), "1/2/20");
        assert_eq!(read[1].parent_ref, Some("1".into()));
        assert_eq!((read[1].quantity, read[2].quantity), (Some(3), Some(0)));
        let taken = product(json!([
            variant(2, Some("tee"), "S", true, 3),
            variant(3, Some("x"), "M", true, 1)
        ]));
        assert_eq!(
            skus(&listings(&facts(), &taken)),
            ["tee:parent", "tee", "x"]
        );
        let alone = product(json!([variant(2, Some("MUG"), "S", true, 3)]));
        let read = listings(&facts(), &alone);
        assert_eq!((skus(&read), &read[0].parent_ref), (vec!["MUG"], &None));
    }

    #[test]
    fn what_is_not_counted_or_doubled_is_told() {
        let untracked = product(json!([variant(2, Some("MUG"), "S", false, 3)]));
        let read = &listings(&facts(), &untracked)[0];
        assert_eq!(read.quantity, None);
        assert_eq!(read.issues[0].code, "stock_not_tracked");
        let doubled = product(json!([
            variant(2, Some("T"), "S", true, 3),
            variant(3, Some("T"), "M", true, 1)
        ]));
        let read = listings(&facts(), &doubled);
        assert_eq!(skus(&read), ["tee", "T"]);
        assert_eq!(read[1].listing_ref.as_str(), "1/2/20");
        assert_eq!(read[1].issues[0].code, "sku_doubled");
    }

    #[test]
    fn a_parent_that_was_made_here_keeps_its_sku() {
        let mut one = product(json!([variant(2, Some("T-S"), "S", true, 3)]));
        one.parent_sku = Some(super::super::wire::Text {
            value: "TEE".into(),
        });
        assert_eq!(skus(&listings(&facts(), &one)), ["TEE", "T-S"]);
    }

    #[test]
    fn searches_are_quoted() {
        assert_eq!(
            any_of("sku", ["A B", "C\"\\"].into_iter()),
            r#"sku:"A B" OR sku:"C\"\\""#
        );
        assert_eq!(handle("tee/M/red"), Some("tee"));
        assert_eq!(handle("tee:parent"), Some("tee"));
        assert_eq!(handle("TEE-1"), None);
    }
}
