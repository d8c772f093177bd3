//! Listings on their way to the shop, product by product, and what became of each.
//!
//! All new products and all changed ones share one call, which the shop carries out whole or not at all. Variants of
//! products that are there follow, a call a product, and then the stock of what is new, in one call.

use std::collections::{HashMap, HashSet};

use serde_json::{Map, Value, json};

use super::api::{Api, BatchAnswer, Product, Variant};
use super::content::{is_ended, shelf};
use super::convert::{self, ENDED, Shop};
use super::options;
use super::place::{Place, foreign};
use super::stock::{self, Write, gone};
use super::terms::Terms;
use super::{live, refusals};
use crate::domain::catalog::ItemKind;
use crate::domain::change::ListingChange;
use crate::domain::connector::{ItemOutcome, Outcome};
use crate::domain::ids::Sku;
use crate::domain::issue::Issue;
use crate::domain::listing::Listing;
use crate::domain::{Error, ErrorKind, Result};
use crate::http::Replay;

/// What an answer tells of what was written: ids, and where the stock of it is kept.
const PRODUCT_ANSWER: &str = "id,external_id,options.id,options.title,options.values.value,variants.id,variants.sku,\
variants.manage_inventory,variants.inventory_items.inventory_item_id,variants.inventory_items.required_quantity";
const VARIANT_ANSWER: &str =
    "id,sku,manage_inventory,inventory_items.inventory_item_id,inventory_items.required_quantity";

/// What of one product changes.
struct Work<'a> {
    /// As it is in the shop; `None` of one that is new.
    live: Option<Product>,
    /// The product itself: a parent, or what stands alone.
    head: Option<&'a ListingChange>,
    variants: Vec<&'a ListingChange>,
}

impl<'a> Work<'a> {
    fn rows(&self) -> impl Iterator<Item = &'a ListingChange> {
        self.head.into_iter().chain(self.variants.iter().copied())
    }

    /// The document of a product that is new.
    fn creation(&self, shop: &Shop, terms: &Terms) -> Option<Value> {
        let head = self.head.filter(|_| self.live.is_none())?;
        let variants: Vec<&Listing> = self.variants.iter().map(|row| &row.listing).collect();
        Some(Value::Object(convert::new_product(
            &head.listing,
            &variants,
            shop,
            terms,
        )))
    }

    /// The document of a product that changes, or goes on sale again because a variant does.
    fn update(&self, shop: &Shop, terms: &Terms) -> Option<Value> {
        let live = self.live.as_ref()?;
        let mut document = convert::on_sale(live, shop);
        if let Some(head) = self.head {
            document.extend(convert::product_content(&head.listing, shop, terms));
            let pictures = document.get("images").and_then(Value::as_array);
            let same = |wanted: &Vec<Value>| {
                let live = live.images.iter().map(|image| json!({ "url": image.url }));
                live.eq(wanted.iter().cloned())
            };
            if pictures.is_some_and(same) {
                document.remove("images");
            }
        }
        if document.is_empty() {
            return None;
        }
        document.insert("id".to_owned(), json!(live.id));
        Some(Value::Object(document))
    }
}

/// Outcomes by sku, the first one counts; and shelves to be filled.
#[derive(Default)]
struct Settled {
    outcomes: HashMap<Sku, Outcome>,
    writes: Vec<Write>,
}

impl Settled {
    fn put(&mut self, sku: &Sku, outcome: Outcome) {
        self.outcomes.entry(sku.clone()).or_insert(outcome);
    }

    fn applied(&mut self, sku: &Sku, place: &Place) {
        self.put(
            sku,
            Outcome::Applied {
                listing_ref: Some(place.listing_ref()),
                issues: Vec::new(),
            },
        );
    }

    /// A variant that was written, with its stock where that is stated.
    fn sold(
        &mut self,
        row: &ListingChange,
        product: &str,
        written: &Variant,
        live: Option<&Variant>,
        shop: &Shop,
    ) {
        let sku = &row.listing.sku;
        self.applied(sku, &Place::variant(product, &written.id));
        let Some(quantity) = row.listing.quantity else {
            return;
        };
        let known = live.filter(|live| live.manage_inventory).unwrap_or(written);
        if let Some((item, level)) = shelf(known, &shop.stock_location) {
            self.writes.push(Write::new(sku, item, level, quantity));
        }
    }
}

pub async fn push(
    api: &Api,
    shop: &Shop,
    terms: &Terms,
    changes: &[ListingChange],
) -> Result<Vec<ItemOutcome>> {
    let mut settled = Settled::default();
    let live = read_live(api, changes).await?;
    let works = sort(changes, live, terms, &mut settled);
    let works = send_products(api, shop, terms, works, &mut settled).await?;
    for work in &works {
        send_variants(api, shop, work, &mut settled).await;
    }
    stock_up(api, shop, &mut settled).await;
    Ok(settled
        .outcomes
        .into_iter()
        .map(|(key, outcome)| ItemOutcome { key, outcome })
        .collect())
}

fn place_of(change: &ListingChange) -> Option<Place> {
    let named = change.listing_ref.as_ref().or(change.parent_ref.as_ref());
    named.and_then(Place::parse)
}

async fn read_live(api: &Api, changes: &[ListingChange]) -> Result<HashMap<String, Product>> {
    let ids: HashSet<String> = changes
        .iter()
        .filter_map(place_of)
        .map(|place| place.product)
        .collect();
    live::products(api, ids.into_iter().collect()).await
}

/// Sorts rows by product. What cannot be sent is settled here.
fn sort<'a>(
    changes: &'a [ListingChange],
    mut live: HashMap<String, Product>,
    terms: &Terms,
    settled: &mut Settled,
) -> Vec<Work<'a>> {
    let mut works: Vec<Work<'a>> = Vec::new();
    // By the product's id, or by the sku of a head that is new.
    let mut by_key: HashMap<String, usize> = HashMap::new();
    // Heads come first, so that variants find them.
    let (variants, heads): (Vec<_>, Vec<_>) = changes
        .iter()
        .partition(|change| change.listing.kind == ItemKind::Variant);
    for change in heads.into_iter().chain(variants) {
        let listing = &change.listing;
        let sku = &listing.sku;
        if let Some(issue) = refused(change, terms) {
            settled.put(sku, Outcome::Rejected(vec![issue]));
            continue;
        }
        let head = listing.parent_sku.as_ref().unwrap_or(sku);
        let key = match place_of(change) {
            Some(place) => place.product,
            None => head.to_string(),
        };
        let is_new = place_of(change).is_none();
        let work = match by_key.get(&key).copied() {
            Some(work) => work,
            None => {
                let product = live.remove(&key);
                let orphan = is_new && listing.kind == ItemKind::Variant;
                if orphan || (!is_new && product.is_none()) {
                    let outcome = match orphan {
                        true => Outcome::Rejected(vec![parent_missing()]),
                        false => Outcome::Failed(gone(sku)),
                    };
                    settled.put(sku, outcome);
                    continue;
                }
                works.push(Work {
                    live: product,
                    head: None,
                    variants: Vec::new(),
                });
                by_key.insert(key, works.len() - 1);
                works.len() - 1
            }
        };
        // A parent may be there already while its new variants only know its sku.
        by_key.entry(head.to_string()).or_insert(work);
        let work = &mut works[work];
        if let Some(outcome) = misplaced(change, work.live.as_ref()) {
            settled.put(sku, outcome);
        } else if listing.kind == ItemKind::Variant {
            work.variants.push(change);
        } else {
            work.head = Some(change);
        }
    }
    works
}

/// Why a row is not sent at all.
fn refused(change: &ListingChange, terms: &Terms) -> Option<Issue> {
    let unreadable = [&change.listing_ref, &change.parent_ref]
        .into_iter()
        .flatten()
        .find(|listing_ref| Place::parse(listing_ref).is_none());
    match (unreadable, change.listing.kind) {
        (Some(listing_ref), _) => Some(foreign(listing_ref)),
        (None, ItemKind::Variant) => None,
        (None, _) => terms.refusal(&change.listing),
    }
}

fn parent_missing() -> Issue {
    Issue::error(
        "parent_missing",
        "the parent of this variant is not in the shop",
    )
    .field("parent_sku")
    .hint("see why the parent was refused; the variant follows it")
}

/// A row that names a variant which its product does not have, or not alone.
fn misplaced(change: &ListingChange, live: Option<&Product>) -> Option<Outcome> {
    let place = change.listing_ref.as_ref().and_then(Place::parse)?;
    let (live, variant) = (live?, place.variant?);
    if live.variants.iter().all(|known| known.id != variant) {
        return Some(Outcome::Failed(gone(&change.listing.sku)));
    }
    let stands_alone = change.listing.kind != ItemKind::Variant;
    (stands_alone && live.variants.len() > 1).then(|| {
        let issue = Issue::error(
            "is_a_variant",
            "in the shop this is one of several variants of a product",
        );
        Outcome::Rejected(vec![
            issue
                .field("parent_sku")
                .hint("name the product in the column `parent_sku`, or make it a product of its own in the shop"),
        ])
    })
}

/// One call for all products. Returns what is left to do: the variants of products that are there.
///
/// `Err` only while nothing was applied.
async fn send_products<'a>(
    api: &Api,
    shop: &Shop,
    terms: &Terms,
    works: Vec<Work<'a>>,
    settled: &mut Settled,
) -> Result<Vec<Work<'a>>> {
    let create: Vec<Value> = works
        .iter()
        .filter_map(|work| work.creation(shop, terms))
        .collect();
    let update: Vec<Value> = works
        .iter()
        .filter_map(|work| work.update(shop, terms))
        .collect();
    if create.is_empty() && update.is_empty() {
        return Ok(works);
    }
    let replay = match create.is_empty() {
        true => Replay::Safe,
        false => Replay::Never,
    };
    let body = json!({ "create": create, "update": update });
    let created = match batch::<Product>(
        api,
        "batchProducts",
        "products/batch",
        PRODUCT_ANSWER,
        replay,
        &body,
    )
    .await
    {
        Ok(answer) => answer.created,
        Err(error) if error.in_doubt => {
            for row in works.iter().flat_map(Work::rows) {
                settled.put(&row.listing.sku, Outcome::Unknown(error.again()));
            }
            return Ok(Vec::new());
        }
        // One product: what is wrong is one of its variants, or the product itself.
        Err(error) if works.len() == 1 && error.kind == ErrorKind::Rejected => {
            return take_apart(api, shop, terms, works, error, settled).await;
        }
        Err(error) => return Err(error),
    };
    let mut left = Vec::new();
    for work in works {
        match (work.head, &work.live) {
            (Some(head), None) => {
                // The answer has an order of its own.
                let sku = head.listing.sku.as_str();
                let product = created.iter().find(|product| product.external_id == sku);
                settle_created(&work, product, shop, terms, settled);
            }
            (head, Some(live)) => {
                if let Some(head) = head.filter(|head| head.listing.kind == ItemKind::Parent) {
                    settled.applied(&head.listing.sku, &Place::product(&live.id));
                }
                left.push(work);
            }
            (None, None) => {}
        }
    }
    Ok(left)
}

fn settle_created(
    work: &Work<'_>,
    product: Option<&Product>,
    shop: &Shop,
    terms: &Terms,
    settled: &mut Settled,
) {
    for row in work.rows() {
        let sku = &row.listing.sku;
        let variant = product.and_then(|product| {
            product
                .variants
                .iter()
                .find(|variant| variant.sku == sku.as_str())
        });
        match (product, variant) {
            (Some(product), _) if row.listing.kind == ItemKind::Parent => {
                settled.applied(sku, &Place::product(&product.id));
            }
            (Some(product), Some(variant)) => settled.sold(row, &product.id, variant, None, shop),
            _ => settled.put(sku, Outcome::Unknown(left_out(sku))),
        }
    }
    let head = work.head.map(|head| &head.listing.sku);
    if terms.shipping_profile().is_none()
        && let Some(sku) = head
        && let Some(Outcome::Applied { issues, .. }) = settled.outcomes.get_mut(sku)
    {
        issues.push(without_profile(sku));
    }
}

fn without_profile(sku: &Sku) -> Issue {
    Issue::warning(
        "no_shipping_profile",
        "the shop has no default shipping profile: it has no way to ship this product",
    )
    .sku(sku)
    .hint("make a profile in Medusa Admin > Settings > Locations & Shipping, and choose it on the product's page")
}

fn left_out(sku: &Sku) -> Error {
    Error::unexpected("the shop's answer leaves this listing out")
        .with("sku", sku.as_str())
        .in_doubt()
}

/// A product that was refused with all its variants: first without them, so that each is judged by itself.
async fn take_apart<'a>(
    api: &Api,
    shop: &Shop,
    terms: &Terms,
    mut works: Vec<Work<'a>>,
    refusal: Error,
    settled: &mut Settled,
) -> Result<Vec<Work<'a>>> {
    let Some(work) = works.first_mut().filter(|work| !work.variants.is_empty()) else {
        return Err(refusal);
    };
    let Some(head) = work.head else {
        return Err(refusal);
    };
    let sku = &head.listing.sku;
    if work.live.is_some() {
        settled.put(sku, refusals::outcome(sku, &refusal));
        return Ok(works);
    }
    let variants = std::mem::take(&mut work.variants);
    let listings: Vec<&Listing> = variants.iter().map(|row| &row.listing).collect();
    let mut document = convert::new_product(&head.listing, &listings, shop, terms);
    document.remove("variants");
    let body = json!({ "create": [document] });
    let sent = batch::<Product>(
        api,
        "batchProducts",
        "products/batch",
        PRODUCT_ANSWER,
        Replay::Never,
        &body,
    )
    .await;
    let created = match sent {
        Ok(answer) => answer.created.into_iter().next(),
        Err(error) if error.in_doubt => {
            settled.put(sku, Outcome::Unknown(error.again()));
            for row in variants {
                settled.put(&row.listing.sku, Outcome::Unknown(error.again()));
            }
            return Ok(Vec::new());
        }
        Err(error) => return Err(error),
    };
    work.variants = variants;
    settle_created(
        &Work {
            variants: Vec::new(),
            live: None,
            head: work.head,
        },
        created.as_ref(),
        shop,
        terms,
        settled,
    );
    work.live = created;
    work.head = None;
    Ok(works)
}

async fn batch<T: serde::de::DeserializeOwned>(
    api: &Api,
    endpoint: &'static str,
    path: &str,
    fields: &str,
    replay: Replay,
    body: &Value,
) -> Result<BatchAnswer<T>> {
    let reply = api
        .post(endpoint, replay, path, &[("fields", fields)], body)
        .await?;
    // What cannot be read was carried out all the same.
    reply.json().map_err(Error::in_doubt)
}

/// One variant that is to be made or changed.
struct Item<'a> {
    row: &'a ListingChange,
    live: Option<&'a Variant>,
    document: Map<String, Value>,
}

impl<'a> Item<'a> {
    fn new(row: &'a ListingChange, product: &'a Product, shop: &Shop) -> Self {
        let listing = &row.listing;
        let id = row
            .listing_ref
            .as_ref()
            .and_then(Place::parse)
            .and_then(|place| place.variant);
        let live = product
            .variants
            .iter()
            .find(|variant| Some(&variant.id) == id.as_ref());
        let document = match live {
            None => convert::new_variant(listing, shop),
            Some(live) => {
                let mut document = convert::variant_content(listing, &shop.units);
                convert::only_changes(&mut document, live);
                if is_ended(live) {
                    // An empty text takes the mark away.
                    let metadata = document.entry("metadata").or_insert_with(|| json!({}));
                    metadata[ENDED] = json!("");
                }
                if let Some(price) = listing.price {
                    document.insert(
                        "prices".to_owned(),
                        convert::prices(&live.prices, Some(price)),
                    );
                }
                if listing.quantity.is_some() && !live.manage_inventory {
                    document.insert("manage_inventory".to_owned(), json!(true));
                }
                document
            }
        };
        Self {
            row,
            live,
            document,
        }
    }

    fn body(items: &[&Self]) -> Value {
        let create = items
            .iter()
            .filter(|item| item.live.is_none())
            .map(|item| json!(item.document));
        let update = items.iter().filter_map(|item| {
            let mut document = item.document.clone();
            document.insert("id".to_owned(), json!(item.live?.id));
            Some(Value::Object(document))
        });
        json!({ "create": create.collect::<Vec<_>>(), "update": update.collect::<Vec<_>>() })
    }
}

/// The variants of a product that is there, in one call; when it is refused, each in its own.
async fn send_variants(api: &Api, shop: &Shop, work: &Work<'_>, settled: &mut Settled) {
    let Some(product) = &work.live else {
        return;
    };
    let lone = work
        .head
        .filter(|head| head.listing.kind == ItemKind::Single);
    let rows = lone.into_iter().chain(work.variants.iter().copied());
    let mut items = Vec::new();
    for item in rows.map(|row| Item::new(row, product, shop)) {
        match item.live {
            Some(live) if item.document.is_empty() => {
                settled.sold(item.row, &product.id, live, Some(live), shop)
            }
            _ => items.push(item),
        }
    }
    if items.is_empty() {
        return;
    }
    let chosen = items.iter().filter_map(|item| item.document.get("options"));
    match options::extend(api, product, chosen).await {
        Ok(()) => {}
        Err(mut error) => {
            // Only an option was under way, and no variant.
            error.in_doubt = false;
            for item in &items {
                let sku = &item.row.listing.sku;
                settled.put(sku, refusals::outcome(sku, &error));
            }
            return;
        }
    }
    let mut parts: Vec<Vec<&Item>> = vec![items.iter().collect()];
    while let Some(part) = parts.pop() {
        let replay = match part.iter().all(|item| item.live.is_some()) {
            true => Replay::Safe,
            false => Replay::Never,
        };
        let path = format!("products/{}/variants/batch", product.id);
        let body = Item::body(&part);
        match batch::<Variant>(api, "batchVariants", &path, VARIANT_ANSWER, replay, &body).await {
            Ok(answer) => {
                let written: Vec<Variant> =
                    answer.created.into_iter().chain(answer.updated).collect();
                for item in part {
                    let sku = &item.row.listing.sku;
                    let same = |written: &&Variant| match item.live {
                        Some(live) => written.id == live.id,
                        None => written.sku == sku.as_str(),
                    };
                    match written.iter().find(same) {
                        Some(written) => {
                            settled.sold(item.row, &product.id, written, item.live, shop)
                        }
                        None => settled.put(sku, Outcome::Unknown(left_out(sku))),
                    }
                }
            }
            Err(error) if error.kind == ErrorKind::Rejected && part.len() > 1 => {
                parts.extend(part.into_iter().map(|item| vec![item]));
            }
            Err(error) => {
                for item in part {
                    let sku = &item.row.listing.sku;
                    settled.put(sku, refusals::outcome(sku, &error));
                }
            }
        }
    }
}

/// Fills the shelves of what is new. Where that fails the listing is there without its stock: it is looked up, and
/// its stock planned.
async fn stock_up(api: &Api, shop: &Shop, settled: &mut Settled) {
    let writes = std::mem::take(&mut settled.writes);
    let unsettled = match stock::write(api, shop, &writes).await {
        Ok(written) => written,
        Err(error) => {
            let unknown = |write: &Write| ItemOutcome {
                key: write.sku.clone(),
                outcome: Outcome::Unknown(error.again().in_doubt()),
            };
            writes.iter().map(unknown).collect()
        }
    };
    for item in unsettled {
        if !matches!(item.outcome, Outcome::Applied { .. }) {
            settled.outcomes.insert(item.key, item.outcome);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::{shop, single};
    use super::*;
    use crate::domain::change::Action;

    #[test]
    fn a_product_that_cannot_be_shipped_is_told() {
        let head = ListingChange {
            action: Action::Create,
            listing_ref: None,
            parent_ref: None,
            listing: single("A"),
        };
        let work = Work {
            live: None,
            head: Some(&head),
            variants: Vec::new(),
        };
        let made: Product = serde_json::from_value(
            json!({"id": "prod_1", "variants": [{"id": "variant_1", "sku": "A"}]}),
        )
        .unwrap();
        let mut settled = Settled::default();
        settle_created(&work, Some(&made), &shop(), &Terms::default(), &mut settled);
        let outcome = &settled.outcomes[&Sku::from("A")];
        assert!(
            matches!(outcome, Outcome::Applied { issues, .. } if issues[0].code == "no_shipping_profile"),
            "{outcome:?}"
        );
    }
}
