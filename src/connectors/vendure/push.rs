//! Listings on their way to the shop, and what became of each.
//!
//! Products first, then what is sold of them. A list mutation of Vendure is one transaction: refused as a whole for one
//! bad item, so its halves are then sent by themselves, and so on. Products have no list mutation to create them: several mutations
//! share a document, and when one of them fails those before it are through although the answer does not name them.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use super::api::{self, Api, Count, FacetValue, List, Product, StockLevel};
use super::labels::{self, Label};
use super::options::{self, Axes, Options};
use super::pictures::{Gallery, Pictures, Wish};
use super::place::Place;
use super::shop::Shop;
use super::{convert, documents, stock};
use crate::domain::capability::Endpoint;
use crate::domain::catalog::ItemKind;
use crate::domain::change::ListingChange;
use crate::domain::connector::{ItemOutcome, Outcome};
use crate::domain::issue::Issue;
use crate::domain::listing::Listing;
use crate::domain::{Error, ErrorKind, Result};
use crate::http::Replay;

/// Products that one document creates at most.
const CREATED_AT_ONCE: usize = 25;

/// One listing on its way.
struct Row<'a> {
    listing: &'a Listing,
    creates: bool,
    /// Known of what is live, and of what this push has made.
    product: Option<String>,
    variant: Option<String>,
    labels: Vec<Label>,
    gallery: Gallery,
    /// Whether this push has made the product, so that it may be taken back.
    made: bool,
    outcome: Option<Outcome>,
}

impl Row<'_> {
    fn is_open(&self) -> bool {
        self.outcome.is_none()
    }

    fn writes_product(&self) -> bool {
        self.listing.kind != ItemKind::Variant
    }

    fn writes_variant(&self) -> bool {
        self.listing.kind != ItemKind::Parent
    }

    /// Those of a product that is sold as its only variant hang on the product.
    fn add_own_pictures(&self, input: &mut Map<String, Value>) {
        if !self.writes_product() {
            self.gallery.add_to(input);
        }
    }

    fn place(&self) -> Option<Place> {
        let product = self.product.clone()?;
        Some(match (self.listing.kind, self.variant.clone()) {
            (ItemKind::Parent, _) => Place::Parent { product },
            (ItemKind::Single, Some(variant)) => Place::Single { product, variant },
            (ItemKind::Variant, Some(variant)) => Place::Variant { product, variant },
            (ItemKind::Single | ItemKind::Variant, None) => return None,
        })
    }
}

/// Creates listings and updates content. `Err` only while nothing was applied.
pub async fn listings(
    api: &Api,
    shop: &Shop,
    pictures: &Pictures,
    changes: &[ListingChange],
) -> Result<Vec<ItemOutcome>> {
    let mut rows: Vec<Row> = changes.iter().map(row).collect();
    match prepare(api, shop, pictures, &mut rows).await {
        Ok(ground) => {
            update_products(api, shop, &mut rows, &ground).await;
            create_products(api, shop, &mut rows, &ground).await;
            create_variants(api, shop, &mut rows, &ground).await;
            update_variants(api, shop, &mut rows, &ground).await;
            take_back_refused(api, &rows).await;
        }
        // The answer about a facet or an option was lost, and nothing that depends on it was sent.
        Err(error) if error.in_doubt => {
            for row in rows.iter_mut().filter(|row| row.is_open()) {
                row.outcome = Some(Outcome::Unknown(error.again()));
            }
        }
        Err(error) => return Err(error),
    }
    Ok(rows.into_iter().map(settled).collect())
}

/// What listings refer to, and must be there before them.
struct Ground {
    labels: labels::Ids,
    options: Options,
    /// The live products of the rows.
    products: HashMap<String, Product>,
}

async fn prepare(
    api: &Api,
    shop: &Shop,
    pictures: &Pictures,
    rows: &mut [Row<'_>],
) -> Result<Ground> {
    let products = products_of(api, rows).await?;
    for row in rows.iter_mut().filter(|row| row.is_open()) {
        let is_gone = row
            .product
            .as_ref()
            .is_some_and(|id| !products.contains_key(id));
        if is_gone {
            row.outcome = Some(Outcome::Failed(stock::gone()));
        }
    }
    for row in rows.iter_mut().filter(|row| row.is_open()) {
        let live = row.product.as_ref().and_then(|id| products.get(id));
        let siblings = live.and_then(|product| product.variant_list.as_ref());
        if row.listing.kind == ItemKind::Single && siblings.is_some_and(|list| list.total_items > 1)
        {
            row.outcome = Some(Outcome::Rejected(vec![
                Issue::error("is_a_variant", "in the shop this is one of several variants of a product")
                    .field("parent_sku")
                    .hint("name the product in the column `parent_sku`, or make it a product of its own in the shop"),
            ]));
        }
    }
    fill_empty_products(api, rows).await?;
    let labels = labels::ensure(api, &labels_of(rows), &shop.language).await?;
    let axes = axes_of(rows);
    let options = if axes.is_empty() {
        Options::default()
    } else {
        options::ensure(api, &products, &axes, &shop.language).await?
    };
    hang_pictures(api, pictures, rows).await?;
    Ok(Ground {
        labels,
        options,
        products,
    })
}

async fn hang_pictures(api: &Api, pictures: &Pictures, rows: &mut [Row<'_>]) -> Result<()> {
    let wishes: Vec<Wish> = rows
        .iter()
        .filter(|row| row.is_open())
        .map(|row| Wish {
            listing: row.listing,
            product: row.product.as_deref().filter(|_| row.writes_product()),
            variant: row.variant.as_deref().filter(|_| !row.writes_product()),
        })
        .collect();
    let galleries = pictures.ensure(api, &wishes).await?;
    let open = rows.iter_mut().filter(|row| row.is_open());
    for (row, gallery) in open.zip(galleries) {
        row.gallery = gallery;
    }
    Ok(())
}

fn row(change: &ListingChange) -> Row<'_> {
    let listing = &change.listing;
    let mut row = Row {
        listing,
        creates: change.is_create(),
        product: None,
        variant: None,
        labels: Vec::new(),
        gallery: Gallery::default(),
        made: false,
        outcome: None,
    };
    let known = [&change.listing_ref, &change.parent_ref];
    if let Some(reference) = known.into_iter().flatten().next() {
        match Place::parse(reference) {
            Ok(place) => {
                row.product = Some(place.product().to_owned());
                row.variant = place.variant().map(str::to_owned);
            }
            Err(issue) => row.outcome = Some(Outcome::Rejected(vec![*issue])),
        }
    }
    let own = change
        .listing_ref
        .as_ref()
        .and_then(|own| Place::parse(own).ok());
    if matches!(own, Some(Place::Single { .. })) && listing.kind == ItemKind::Variant {
        row.outcome = Some(Outcome::Rejected(vec![
            Issue::error("stands_alone", "in the shop this is a product of its own")
                .field("parent_sku")
                .hint("empty its column `parent_sku`, or make it a variant of the product in the shop"),
        ]));
    }
    if row.is_open() && row.product.is_none() && listing.kind == ItemKind::Variant {
        row.outcome = Some(Outcome::Rejected(vec![
            Issue::error(
                "parent_missing",
                "the parent of this variant is not in the shop",
            )
            .field("parent_sku")
            .hint("see why the parent was refused; the variant follows it"),
        ]));
    }
    if row.writes_product() {
        row.labels = labels::wanted(listing);
    }
    row
}

fn labels_of(rows: &[Row]) -> BTreeSet<Label> {
    rows.iter()
        .filter(|row| row.is_open())
        .flat_map(|row| row.labels.iter().cloned())
        .collect()
}

#[derive(Deserialize)]
struct Products<T> {
    products: List<T>,
}

/// The live products that the rows name.
async fn products_of(api: &Api, rows: &[Row<'_>]) -> Result<HashMap<String, Product>> {
    let ids: BTreeSet<&str> = rows
        .iter()
        .filter(|row| row.is_open())
        .filter_map(|row| row.product.as_deref())
        .collect();
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let answer: Products<Product> = api
        .query(
            "productsById",
            documents::PRODUCTS_BY_ID,
            json!({"ids": ids}),
        )
        .await?;
    let products = answer.products.whole()?.into_iter();
    Ok(products
        .map(|product| (product.id.clone(), product))
        .collect())
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct EmptyProduct {
    id: String,
    name: String,
    facet_values: Vec<FacetValue>,
    variant_list: Count,
}

/// A product without variants is what an earlier push has left behind when its answer was lost: it has no sku yet, so
/// it is found by its name, and filled rather than made a second time.
async fn fill_empty_products(api: &Api, rows: &mut [Row<'_>]) -> Result<()> {
    let missing = |row: &Row| row.is_open() && row.writes_product() && row.product.is_none();
    let names: BTreeSet<&str> = rows
        .iter()
        .filter(|row| missing(row))
        .map(|row| convert::name(row.listing))
        .collect();
    if names.is_empty() {
        return Ok(());
    }
    let answer: Products<EmptyProduct> = api
        .query(
            "emptyProducts",
            documents::EMPTY_PRODUCTS,
            json!({"names": names}),
        )
        .await?;
    let mut empty: Vec<EmptyProduct> = answer.products.whole()?;
    empty.retain(|product| product.variant_list.total_items == 0);
    for row in rows.iter_mut().filter(|row| missing(row)) {
        let fits = |product: &EmptyProduct| {
            let mark = product
                .facet_values
                .iter()
                .find(|value| value.facet.name == labels::PARENT_SKU)
                .map(|value| value.name.as_str());
            let own = (row.listing.kind == ItemKind::Parent).then(|| row.listing.sku.as_str());
            product.name == convert::name(row.listing) && mark == own
        };
        if let Some(at) = empty.iter().position(fits) {
            row.product = Some(empty.swap_remove(at).id);
        }
    }
    Ok(())
}

/// What the variants choose, by product.
fn axes_of(rows: &[Row]) -> BTreeMap<String, Axes> {
    let mut wanted: BTreeMap<String, Axes> = BTreeMap::new();
    for row in rows.iter().filter(|row| row.is_open()) {
        let Some(product) = &row.product else {
            continue;
        };
        for (axis, value) in convert::choices(row.listing) {
            let axes = wanted.entry(product.clone()).or_default();
            let values = match axes.iter_mut().find(|known| known.0 == axis) {
                Some((_, values)) => values,
                None => {
                    axes.push((axis.to_owned(), Vec::new()));
                    let last = axes.len() - 1;
                    &mut axes[last].1
                }
            };
            if values.iter().all(|known| known != value) {
                values.push(value.to_owned());
            }
        }
    }
    wanted
}

async fn update_products(api: &Api, shop: &Shop, rows: &mut [Row<'_>], ground: &Ground) {
    let mut inputs = Vec::new();
    for (at, row) in rows.iter().enumerate() {
        let Some(id) = row
            .product
            .as_ref()
            .filter(|_| row.is_open() && row.writes_product())
        else {
            continue;
        };
        let live = ground
            .products
            .get(id)
            .map_or(&[][..], |product| &product.facet_values);
        let values = labels::ids_of(&row.labels, &ground.labels, live);
        let mut input = convert::product(row.listing, shop, &values);
        row.gallery.add_to(&mut input);
        input.insert("id".to_owned(), json!(id));
        inputs.push((at, input));
    }
    let call = ListCall::products();
    for (at, answer) in call.send::<Written>(api, inputs).await {
        if let Err(outcome) = answer {
            rows[at].outcome = Some(outcome);
        }
    }
}

async fn create_products(api: &Api, shop: &Shop, rows: &mut [Row<'_>], ground: &Ground) {
    let mut waiting: Vec<(usize, Value)> = Vec::new();
    for (at, row) in rows.iter().enumerate() {
        if row.is_open() && row.writes_product() && row.product.is_none() {
            let values = labels::ids_of(&row.labels, &ground.labels, &[]);
            let mut input = convert::new_product(row.listing, shop, &values);
            row.gallery.add_to(&mut input);
            waiting.push((at, Value::Object(input)));
        }
    }
    while !waiting.is_empty() {
        let lengths = waiting.iter().map(|(_, input)| input.to_string().len());
        let rest = waiting.split_off(api::fitting(lengths, CREATED_AT_ONCE));
        let part = std::mem::replace(&mut waiting, rest);
        let inputs: Vec<&Value> = part.iter().map(|(_, input)| input).collect();
        let sent = options::several::<Written>(
            api,
            "createProduct",
            "CreateProductInput",
            "{ id }",
            &inputs,
        );
        match sent.await {
            Ok(made) => {
                for ((at, _), product) in part.iter().zip(made) {
                    rows[*at].product = Some(product.id);
                    rows[*at].made = true;
                }
            }
            Err(error) => {
                let after = settle_failed_creation(api, rows, part, error).await;
                waiting.splice(0..0, after);
            }
        }
    }
}

/// A document failed. Where it says at which mutation, those before it are through and are looked up, that one is
/// refused, and those after it come back to be sent.
async fn settle_failed_creation(
    api: &Api,
    rows: &mut [Row<'_>],
    mut part: Vec<(usize, Value)>,
    mut error: Error,
) -> Vec<(usize, Value)> {
    let Some(failed) = api::failed_at(&error).filter(|at| *at < part.len()) else {
        for (at, _) in part {
            rows[at].outcome = Some(undone(error.again()));
        }
        return Vec::new();
    };
    let after = part.split_off(failed + 1);
    if let Some((at, _)) = part.pop() {
        // Its own transaction was rolled back; only those before it are through.
        error.in_doubt = false;
        rows[at].outcome = Some(undone(error.again()));
    }
    if !part.is_empty() {
        let looked = fill_empty_products(api, rows).await;
        for (at, _) in part {
            if rows[at].product.is_some() {
                rows[at].made = true;
            } else {
                let cause = match &looked {
                    Ok(()) => Error::unexpected("the shop made a product that it does not show"),
                    Err(error) => error.again(),
                };
                rows[at].outcome = Some(Outcome::Unknown(cause.in_doubt()));
            }
        }
    }
    after
}

async fn create_variants(api: &Api, shop: &Shop, rows: &mut [Row<'_>], ground: &Ground) {
    let mut inputs = Vec::new();
    for (at, row) in rows.iter_mut().enumerate() {
        if !row.is_open() || !row.writes_variant() || row.variant.is_some() {
            continue;
        }
        let Some(product) = &row.product else {
            continue;
        };
        let input = chosen(row.listing, product, &ground.options)
            .and_then(|chosen| convert::new_variant(row.listing, shop, product, &chosen));
        match input {
            Ok(mut input) => {
                row.add_own_pictures(&mut input);
                inputs.push((at, input));
            }
            Err(issue) => row.outcome = Some(Outcome::Rejected(vec![*issue])),
        }
    }
    let call = ListCall {
        endpoint: "createProductVariants",
        document: documents::CREATE_VARIANTS,
        key: "sku",
        replay: Replay::Never,
    };
    for (at, answer) in call.send::<Written>(api, inputs).await {
        match answer {
            Ok(made) => rows[at].variant = Some(made.id),
            Err(outcome) => rows[at].outcome = Some(outcome),
        }
        // What is new is whole by now.
        let row = &mut rows[at];
        if row.is_open() {
            row.outcome = Some(applied(row));
        }
    }
}

async fn update_variants(api: &Api, shop: &Shop, rows: &mut [Row<'_>], ground: &Ground) {
    let returning: Vec<&str> = rows
        .iter()
        .filter(|row| row.is_open() && row.creates && row.listing.quantity.is_some())
        .filter_map(|row| row.variant.as_deref())
        .collect();
    let stock = stock::read(api, &returning).await;
    let mut inputs = Vec::new();
    for (at, row) in rows.iter_mut().enumerate() {
        let (Some(product), Some(id)) = (&row.product, &row.variant) else {
            continue;
        };
        if row.outcome.is_some() || row.listing.kind == ItemKind::Parent {
            continue;
        }
        let mut input = match chosen(row.listing, product, &ground.options) {
            Ok(chosen) => convert::variant(row.listing, shop, &chosen),
            Err(issue) => {
                row.outcome = Some(Outcome::Rejected(vec![*issue]));
                continue;
            }
        };
        row.add_own_pictures(&mut input);
        input.insert("id".to_owned(), json!(id));
        if row.creates {
            // It was ended, and comes back as it is wanted now.
            if let Some(price) = row.listing.price {
                match convert::price(price, shop) {
                    Ok(price) => input.extend(price),
                    Err(issue) => {
                        row.outcome = Some(Outcome::Rejected(vec![*issue]));
                        continue;
                    }
                }
            }
            if let Some(quantity) = row.listing.quantity {
                let allocated = match &stock {
                    Ok(live) => live
                        .get(id)
                        .map_or(0, |live| convert::allocated(&live.stock_levels, shop)),
                    Err(error) => {
                        row.outcome = Some(Outcome::Failed(error.again()));
                        continue;
                    }
                };
                input.extend(convert::stock(quantity, allocated, shop));
            }
        }
        inputs.push((at, input));
    }
    let call = ListCall::variants();
    for (at, answer) in call.send::<Written>(api, inputs).await {
        if let Err(outcome) = answer {
            rows[at].outcome = Some(outcome);
        }
    }
}

fn chosen(listing: &Listing, product: &str, options: &Options) -> Result<Vec<String>, Box<Issue>> {
    options
        .ids(product, &convert::choices(listing))
        .ok_or_else(|| {
            Issue::error(
                "option_missing",
                "the shop did not make an option of this variant",
            )
            .field("options")
            .hint("look at the product's options in the shop")
            .into()
        })
}

/// A product that was made for something that the shop then refused would stay in the shop as an empty page. One that
/// cannot be taken back is filled when the listing is sent again under the same title.
async fn take_back_refused(api: &Api, rows: &[Row<'_>]) {
    for row in rows {
        let is_refused = matches!(row.outcome, Some(Outcome::Rejected(_)));
        if let Some(id) = row.product.as_ref().filter(|_| row.made && is_refused) {
            let deleted: Result<Value> = api
                .mutate(
                    "deleteProduct",
                    Replay::Safe,
                    documents::DELETE_PRODUCT,
                    json!({"id": id}),
                )
                .await;
            if let Err(error) = deleted {
                tracing::debug!(%error, product = id, "an empty product stays in the shop");
            }
        }
    }
}

fn applied(row: &Row) -> Outcome {
    Outcome::Applied {
        listing_ref: row.place().map(|place| place.listing_ref()),
        issues: row.gallery.issues.clone(),
    }
}

fn settled(mut row: Row) -> ItemOutcome {
    let outcome = row.outcome.take();
    ItemOutcome {
        key: row.listing.sku.clone(),
        outcome: outcome.unwrap_or_else(|| applied(&row)),
    }
}

/// A product or variant, as a mutation answers it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Written {
    pub id: String,
    /// Of a variant that was there.
    #[serde(default)]
    pub stock_levels: Vec<StockLevel>,
}

/// A mutation that takes a list of inputs, in one transaction.
pub struct ListCall {
    pub endpoint: Endpoint,
    pub document: &'static str,
    /// Which field of an input its answer repeats.
    pub key: &'static str,
    pub replay: Replay,
}

impl ListCall {
    pub fn products() -> Self {
        Self {
            endpoint: "updateProducts",
            document: documents::UPDATE_PRODUCTS,
            key: "id",
            replay: Replay::Safe,
        }
    }

    pub fn variants() -> Self {
        Self {
            endpoint: "updateProductVariants",
            document: documents::UPDATE_VARIANTS,
            key: "id",
            replay: Replay::Safe,
        }
    }

    /// Sends the inputs, each with a number of the caller's; answers each with what the shop says of it, or with what
    /// became of it.
    pub async fn send<T: DeserializeOwned>(
        &self,
        api: &Api,
        inputs: Vec<(usize, Map<String, Value>)>,
    ) -> Vec<(usize, Result<T, Outcome>)> {
        let mut answers = Vec::with_capacity(inputs.len());
        let mut waiting: Vec<(usize, Value)> = inputs
            .into_iter()
            .map(|(at, input)| (at, Value::Object(input)))
            .collect();
        let mut parts = Vec::new();
        while !waiting.is_empty() {
            let lengths = waiting.iter().map(|(_, input)| input.to_string().len());
            let rest = waiting.split_off(api::fitting(lengths, usize::MAX));
            parts.push(std::mem::replace(&mut waiting, rest));
        }
        while let Some(mut part) = parts.pop() {
            match self.call(api, &part).await {
                Ok(answered) => answers.extend(answered),
                Err(error) if part.len() > 1 && concerns_items(&error) => {
                    parts.push(part.split_off(part.len() / 2));
                    parts.push(part);
                }
                Err(error) => {
                    answers.extend(part.iter().map(|(at, _)| (*at, Err(undone(error.again())))));
                }
            }
        }
        answers
    }

    async fn call<T: DeserializeOwned>(
        &self,
        api: &Api,
        part: &[(usize, Value)],
    ) -> Result<Vec<(usize, Result<T, Outcome>)>> {
        let inputs: Vec<&Value> = part.iter().map(|(_, input)| input).collect();
        let mut answer: HashMap<String, Vec<Value>> = api
            .mutate(
                self.endpoint,
                self.replay,
                self.document,
                json!({"input": inputs}),
            )
            .await?;
        // Variants that are updated come back in the order of their ids.
        let mut written: HashMap<String, Value> = answer
            .remove(self.endpoint)
            .unwrap_or_default()
            .into_iter()
            .filter_map(|answer| Some((answer[self.key].as_str()?.to_owned(), answer)))
            .collect();
        let unreadable = || {
            Outcome::Unknown(
                Error::unexpected("the shop's answer to this item cannot be read").in_doubt(),
            )
        };
        Ok(part
            .iter()
            .map(|(at, input)| {
                let own = input[self.key].as_str().and_then(|key| written.remove(key));
                let read = own.and_then(|answer| serde_json::from_value(answer).ok());
                (*at, read.ok_or_else(unreadable))
            })
            .collect())
    }
}

/// Whether one of several items may be to blame: then each half is sent by itself. Nothing of the list was applied.
fn concerns_items(error: &Error) -> bool {
    !error.in_doubt
        && matches!(
            error.kind,
            ErrorKind::Rejected | ErrorKind::NotFound | ErrorKind::Unavailable
        )
        && error
            .context
            .iter()
            .any(|(key, _)| *key == api::FAILED_FIELD)
}

/// What became of an item whose request failed.
pub fn undone(error: Error) -> Outcome {
    if error.in_doubt {
        return Outcome::Unknown(error);
    }
    match error.kind {
        ErrorKind::Rejected => Outcome::Rejected(vec![explained(&error)]),
        _ => Outcome::Failed(error),
    }
}

fn explained(error: &Error) -> Issue {
    let code = error
        .context
        .iter()
        .find(|(key, _)| *key == "code")
        .map_or("refused", |(_, code)| code.as_str());
    let issue = Issue::error(format!("vendure:{code}"), error.message.clone());
    if error.message.contains("selected options already exists") {
        return issue
            .field("options")
            .hint("another variant of the product has these options: change one of the two, or give the other this sku");
    }
    if error.message.contains("must include one optionId") {
        return issue
            .field("options")
            .hint("the product in the shop has an option that this variant does not state: fill in its column `option:NAME`");
    }
    issue
}
