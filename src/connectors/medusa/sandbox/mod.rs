//! An emulated Medusa 2.21.2 server, written from the vendor's documentation and from what that version does.
//!
//! The shop sells in EUR on one sales channel from one stock location, charges a tax of 19 % on top of its prices and
//! ships at a flat rate. Buyers pay at once, and the money is captured later. Its key is invented and printed with its
//! settings.

mod catalog;
mod fields;
mod inventory;
mod orders;
mod terms;
#[cfg(test)]
mod tests;
mod wire;

use iso_currency::Currency;
use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use self::catalog::{Catalog, Product, Variant};
use self::orders::{Line, Order, Orders, Payment};
use self::wire::{Answer, Call, Refusal, authorize, known_fields, no_route, objects, text};
use crate::domain::money::Money;
use crate::sandbox::{
    Fault, Faults, ListingState, Purchase, Receipt, ReceiptLine, Request, Response, Sandbox, State,
};

const SALES_CHANNEL: &str = "sc_01000000000000000000SANDBOX";
const STOCK_LOCATION: &str = "sloc_01000000000000000000SANDBOX";
const SHIPPING_PROFILE: &str = "sp_01000000000000000000SANDBOX";
const CURRENCY: &str = "eur";

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Shop {
    catalog: Catalog,
    orders: Orders,
}

/// One emulated shop.
#[derive(Debug, Default)]
pub struct MedusaSandbox {
    shop: Shop,
}

impl MedusaSandbox {
    fn answer(&mut self, request: &Request, faults: &mut Faults) -> Response {
        let segments = request.segments();
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        let ["admin", path @ ..] = segments.as_slice() else {
            return no_route(&request.method, &request.path);
        };
        if let Err(refused) = authorize(request) {
            return refused;
        }
        let call = match Call::parse(request) {
            Ok(call) => call,
            Err(refused) => return refused,
        };
        let writes = request.method == "POST" || request.method == "DELETE";
        if !writes {
            let read = self.read(&call, path, faults);
            return read.unwrap_or_else(|refusal| refusal.response());
        }
        // Every write is carried out whole or not at all.
        let before = self.shop.clone();
        let is_batch = path.last() == Some(&"batch");
        let written = match is_batch && faults.strikes(Fault::PartialBatch, true) {
            true => Err(Refusal::unknown()),
            false => self.write(&call, path, faults),
        };
        let ignored = path[0] != "orders" && faults.strikes(Fault::Ignored, true);
        if written.is_err() || ignored {
            self.shop = before;
        }
        written.unwrap_or_else(|refusal| refusal.response())
    }

    fn read(&self, call: &Call<'_>, path: &[&str], faults: &mut Faults) -> Answer {
        let catalog = &self.shop.catalog;
        let mut repeats = || faults.strikes(Fault::RepeatedPage, false);
        let named = |name: &str, value: &str| match call.filter(name) {
            Some(wanted) => wanted.iter().any(|one| one == value),
            None => true,
        };
        match path {
            ["products"] => {
                let matches = |product: &&Product| {
                    named("id", &product.id)
                        && named("external_id", product.text("external_id"))
                        && named("handle", product.text("handle"))
                        && named("status", product.text("status"))
                };
                let found = catalog.products.values().filter(matches);
                let documents = found
                    .map(|product| catalog.product_document(product))
                    .collect();
                call.page("products", documents, 50, repeats())
            }
            ["products", id] => {
                let product = catalog.products.get(*id).ok_or_else(|| {
                    Refusal::not_found(format!("Product with id: {id} was not found"))
                })?;
                Ok(call.one("product", catalog.product_document(product)))
            }
            ["product-variants"] => {
                let matches = |variant: &&Variant| {
                    named("id", &variant.id)
                        && ["sku", "ean", "upc", "barcode"]
                            .iter()
                            .all(|name| named(name, variant.text(name)))
                };
                let found = catalog.variants.values().filter(matches);
                let documents = found
                    .map(|variant| catalog.variant_document(variant))
                    .collect();
                call.page("variants", documents, 50, false)
            }
            ["inventory-items"] => {
                let items = catalog.inventory.items.iter();
                let found = items.filter(|(id, item)| named("id", id) && named("sku", &item.sku));
                let documents = found
                    .map(|(id, _)| catalog.inventory.document(id))
                    .collect();
                call.page("inventory_items", documents, 20, false)
            }
            ["product-tags"] => {
                let tags = catalog
                    .terms
                    .tags
                    .iter()
                    .filter(|(_, value)| named("value", value));
                let documents = tags.filter_map(|(id, _)| catalog.terms.tag(id)).collect();
                call.page("product_tags", documents, 20, false)
            }
            ["product-categories"] => self.categories(call),
            ["shipping-profiles"] => {
                let profile = json!({"id": SHIPPING_PROFILE, "name": "Default", "type": "default"});
                let documents = vec![profile]
                    .into_iter()
                    .filter(|_| named("type", "default"));
                call.page("shipping_profiles", documents.collect(), 20, false)
            }
            ["stores"] => {
                let currencies = ["eur", "usd"].map(|code| json!({"currency_code": code}));
                let store = json!({"id": "store_sandbox", "supported_currencies": currencies});
                call.page("stores", vec![store], 50, false)
            }
            ["stock-locations", STOCK_LOCATION] => Ok(call.one(
                "stock_location",
                json!({
                    "id": STOCK_LOCATION,
                    "name": "Sampleton",
                    "sales_channels": [{"id": SALES_CHANNEL}],
                }),
            )),
            ["stock-locations", id] => Err(Refusal::not_found(format!(
                "Stock location with id: {id} was not found"
            ))),
            ["orders"] => {
                let since = call.since()?;
                let matches = |order: &&Order| {
                    named("id", &order.id)
                        && named("sales_channel_id", &order.sales_channel)
                        && since.is_none_or(|since| order.updated_at >= since)
                };
                let found = self.shop.orders.all.values().filter(matches);
                let asks_total = call.selection().asks("total");
                let documents = found.map(|order| order.answer(asks_total)).collect();
                call.page("orders", documents, 15, repeats())
            }
            ["orders", id] => {
                let asks_total = call.selection().asks("total");
                Ok(call.one("order", self.order(id)?.answer(asks_total)))
            }
            ["payments"] => {
                let since = call.since()?;
                let matches =
                    |order: &&Order| since.is_none_or(|since| order.payment.updated_at >= since);
                let found = self.shop.orders.all.values().filter(matches);
                call.page(
                    "payments",
                    found.map(Order::payment_document).collect(),
                    20,
                    repeats(),
                )
            }
            _ => Ok(no_route(&call.request.method, &call.request.path)),
        }
    }

    fn categories(&self, call: &Call<'_>) -> Answer {
        let terms = &self.shop.catalog.terms;
        let search = call.request.query("q").map(str::to_lowercase);
        let parent = call.request.query("parent_category_id");
        let handle = call.request.query("handle");
        let ids = call.filter("id");
        let found = terms.categories.iter().filter(|(id, category)| {
            let below = category.parent.as_deref().unwrap_or("null");
            search
                .as_ref()
                .is_none_or(|search| category.name.to_lowercase().contains(search))
                && parent.is_none_or(|parent| parent == below)
                && handle.is_none_or(|handle| handle == category.handle)
                && ids.as_ref().is_none_or(|ids| ids.contains(id))
        });
        let documents = found.filter_map(|(id, _)| terms.category(id)).collect();
        call.page("product_categories", documents, 50, false)
    }

    fn order(&self, id: &str) -> Answer<&Order> {
        let order = self.shop.orders.all.get(id);
        order.ok_or_else(|| Refusal::not_found(format!("Order id not found: {id}")))
    }

    fn write(&mut self, call: &Call<'_>, path: &[&str], faults: &Faults) -> Answer {
        let now = call.now;
        let Shop { catalog, orders } = &mut self.shop;
        match (call.request.method.as_str(), path) {
            ("POST", ["products", "batch"]) => batch_products(catalog, call, faults),
            ("POST", ["products"]) => {
                refuse(&call.body, faults)?;
                let id = catalog.create_product(&call.body, now)?;
                Ok(call.one("product", catalog.product_document(&catalog.products[&id])))
            }
            ("POST", ["products", id]) => {
                known_products(catalog, &[id])?;
                catalog.update_product(id, &call.body, now)?;
                Ok(call.one("product", catalog.product_document(&catalog.products[*id])))
            }
            ("DELETE", ["products", id]) => {
                catalog.delete_product(id)?;
                let body = json!({"id": id, "object": "product", "deleted": true});
                Ok(Response::json(200, &body))
            }
            ("POST", ["products", id, "variants", "batch"]) => {
                batch_variants(catalog, id, call, faults)
            }
            ("POST", ["products", id, "options", "batch"]) => {
                catalog.batch_options(id, &call.body, now)?;
                Ok(call.one("product", catalog.product_document(&catalog.products[*id])))
            }
            ("POST", ["inventory-items", "location-levels", "batch"]) => {
                batch_levels(catalog, call)
            }
            ("POST", ["product-tags"]) => {
                let id = catalog.next_id("ptag");
                Ok(call.one("product_tag", catalog.terms.create_tag(id, &call.body)?))
            }
            ("POST", ["product-categories"]) => {
                let id = catalog.next_id("pcat");
                Ok(call.one(
                    "product_category",
                    catalog.terms.create_category(id, &call.body)?,
                ))
            }
            ("POST", ["orders", id, "fulfillments"]) => {
                let parcel = catalog.next_id("ful");
                let order = known_order(orders, id)?;
                order.fulfill(parcel, &call.body, &mut catalog.inventory, now)?;
                Ok(call.one("order", order.document()))
            }
            ("POST", ["orders", id, "fulfillments", parcel, "shipments"]) => {
                let order = known_order(orders, id)?;
                order.ship(parcel, &call.body, now)?;
                Ok(call.one("order", order.document()))
            }
            ("POST", ["orders", id, "cancel"]) => {
                let order = known_order(orders, id)?;
                order.cancel(&mut catalog.inventory, now)?;
                Ok(call.one("order", order.document()))
            }
            ("POST", ["payments", id, "capture"]) => {
                let order = orders
                    .all
                    .values_mut()
                    .find(|order| order.payment.id == *id);
                let order = order.ok_or_else(|| {
                    Refusal::not_found(format!("Payment with id: {id} was not found"))
                })?;
                order.capture(now);
                Ok(call.one("payment", order.payment_document()))
            }
            _ => Ok(no_route(&call.request.method, &call.request.path)),
        }
    }

    fn is_on_sale(&self, variant: &Variant) -> bool {
        let product = self.shop.catalog.products.get(&variant.product_id);
        product.is_some_and(|product| {
            product.text("status") == "published"
                && product
                    .sales_channels
                    .iter()
                    .any(|channel| channel == SALES_CHANNEL)
        })
    }

    /// `None` where the stock is not counted.
    fn available(&self, variant: &Variant) -> Option<Decimal> {
        let item = variant
            .inventory_item
            .as_ref()
            .filter(|_| variant.flag("manage_inventory"))?;
        let level = self.shop.catalog.inventory.level(item, STOCK_LOCATION);
        Some(level.unwrap_or_default().available())
    }

    fn line(&mut self, sku: &str, quantity: u64) -> Result<(Line, ReceiptLine), String> {
        let catalog = &self.shop.catalog;
        let variant = catalog
            .by_sku(sku)
            .ok_or_else(|| format!("there is no variant with the sku {sku}"))?;
        let price = variant.price(CURRENCY).filter(|_| self.is_on_sale(variant));
        let unit_price = price.ok_or_else(|| format!("{sku} is not for sale"))?;
        let available = self.available(variant);
        let wanted = Decimal::from(quantity);
        if available.is_some_and(|available| available < wanted) && !variant.flag("allow_backorder")
        {
            return Err(format!(
                "the variant {sku} does not have the required inventory"
            ));
        }
        let product = catalog.products.get(&variant.product_id);
        let line = Line {
            id: String::new(),
            title: product
                .map(|product| product.text("title").to_owned())
                .unwrap_or_default(),
            variant_id: variant.id.clone(),
            variant_title: variant.text("title").to_owned(),
            sku: sku.to_owned(),
            unit_price,
            quantity: wanted,
            fulfilled: Decimal::ZERO,
            shipped: Decimal::ZERO,
            reserves: available.is_some(),
        };
        let receipt = ReceiptLine {
            sku: sku.to_owned(),
            quantity,
            in_stock: available.and_then(|available| i64::try_from(available.floor()).ok()),
            oversold: false,
        };
        Ok((line, receipt))
    }
}

fn known_order<'a>(orders: &'a mut Orders, id: &str) -> Answer<&'a mut Order> {
    let order = orders.all.get_mut(id);
    order.ok_or_else(|| Refusal::not_found(format!("Order id not found: {id}")))
}

fn known_products(catalog: &Catalog, ids: &[&str]) -> Answer<()> {
    let unknown: Vec<&str> = ids
        .iter()
        .copied()
        .filter(|id| !catalog.products.contains_key(*id))
        .collect();
    match unknown.is_empty() {
        true => Ok(()),
        false => Err(Refusal::not_found(format!(
            "Unable to update the products with ids: {}",
            unknown.join(", ")
        ))),
    }
}

/// Skus that the fault profile refuses, in the words for one that is taken.
fn refuse(body: &Map<String, Value>, faults: &Faults) -> Answer<()> {
    let own = [text(body, "sku"), text(body, "external_id")];
    let variants = objects(body, "variants")?;
    let all = variants
        .iter()
        .map(|variant| text(variant, "sku"))
        .chain(own);
    match all.flatten().find(|sku| faults.refuses(sku)) {
        Some(sku) => Err(Refusal::invalid(format!(
            "Product variant with sku: {sku}, already exists."
        ))),
        None => Ok(()),
    }
}

fn ids<'a>(bodies: &'a [Map<String, Value>], place: &str) -> Answer<Vec<&'a str>> {
    let id = |(number, body): (usize, &'a Map<String, Value>)| {
        text(body, "id").ok_or_else(|| {
            Refusal::invalid(format!(
                "Invalid request: Field '{place}, {number}, id' is required"
            ))
        })
    };
    bodies.iter().enumerate().map(id).collect()
}

fn deletions(call: &Call<'_>) -> Vec<String> {
    let ids = call
        .body
        .get("delete")
        .and_then(Value::as_array)
        .into_iter()
        .flatten();
    ids.filter_map(|id| id.as_str().map(str::to_owned))
        .collect()
}

/// The answer of a batch. What was created comes in no order that a caller could know.
fn batch_answer(
    call: &Call<'_>,
    object: &str,
    created: Vec<Value>,
    updated: Vec<Value>,
) -> Response {
    let selection = call.selection();
    let of = |documents: Vec<Value>| -> Vec<Value> {
        documents
            .into_iter()
            .map(|document| selection.of(document))
            .collect()
    };
    let mut created = of(created);
    created.reverse();
    Response::json(
        200,
        &json!({
            "created": created,
            "updated": of(updated),
            "deleted": {"ids": deletions(call), "object": object, "deleted": true},
        }),
    )
}

fn batch_products(catalog: &mut Catalog, call: &Call<'_>, faults: &Faults) -> Answer {
    known_fields(&call.body, &["create", "update", "delete"])?;
    let (create, update) = (
        objects(&call.body, "create")?,
        objects(&call.body, "update")?,
    );
    let updated = ids(&update, "update")?;
    known_products(catalog, &updated)?;
    let mut created = Vec::with_capacity(create.len());
    for body in &create {
        refuse(body, faults)?;
        created.push(catalog.create_product(body, call.now)?);
    }
    for (id, body) in updated.iter().zip(&update) {
        catalog.update_product(id, body, call.now)?;
    }
    for id in deletions(call) {
        catalog.delete_product(&id)?;
    }
    let document = |id: &str| {
        catalog
            .products
            .get(id)
            .map(|product| catalog.product_document(product))
    };
    let created = created.iter().filter_map(|id| document(id)).collect();
    let updated = updated.iter().filter_map(|id| document(id)).collect();
    Ok(batch_answer(call, "product", created, updated))
}

/// The product in the path is only asked for what is new.
fn batch_variants(
    catalog: &mut Catalog,
    product: &str,
    call: &Call<'_>,
    faults: &Faults,
) -> Answer {
    known_fields(&call.body, &["create", "update", "delete"])?;
    let (create, update) = (
        objects(&call.body, "create")?,
        objects(&call.body, "update")?,
    );
    let updated = ids(&update, "update")?;
    let unknown: Vec<&str> = updated
        .iter()
        .copied()
        .filter(|id| !catalog.variants.contains_key(*id))
        .collect();
    if !unknown.is_empty() {
        return Err(Refusal::invalid(format!(
            "Cannot update non-existing variants with ids: {}",
            unknown.join(", ")
        )));
    }
    let mut created = Vec::with_capacity(create.len());
    for body in &create {
        refuse(body, faults)?;
        created.push(catalog.create_variant(product, body, call.now, true)?);
    }
    for (id, body) in updated.iter().zip(&update) {
        catalog.update_variant(id, body, call.now)?;
    }
    let document = |id: &str| {
        catalog
            .variants
            .get(id)
            .map(|variant| catalog.variant_document(variant))
    };
    let created = created.iter().filter_map(|id| document(id)).collect();
    let updated = updated.iter().filter_map(|id| document(id)).collect();
    Ok(batch_answer(call, "variant", created, updated))
}

fn batch_levels(catalog: &mut Catalog, call: &Call<'_>) -> Answer {
    known_fields(&call.body, &["create", "update", "delete", "force"])?;
    let mut write = |name: &str, is_new: bool| -> Answer<Vec<Value>> {
        let rows = objects(&call.body, name)?;
        let row = |(number, body): (usize, &Map<String, Value>)| {
            catalog
                .inventory
                .write(body, is_new, &format!("{name}, {number}, "))
        };
        rows.iter().enumerate().map(row).collect()
    };
    let body = json!({"created": write("create", true)?, "updated": write("update", false)?});
    Ok(Response::json(200, &body))
}

impl Sandbox for MedusaSandbox {
    fn kind(&self) -> &'static str {
        "medusa"
    }

    fn settings(&self, base_url: &str) -> Map<String, Value> {
        Map::from_iter([
            ("url".to_owned(), json!(base_url)),
            ("api_key".to_owned(), json!(wire::KEY)),
            ("currency".to_owned(), json!("EUR")),
            ("sales_channel".to_owned(), json!(SALES_CHANNEL)),
            ("stock_location".to_owned(), json!(STOCK_LOCATION)),
        ])
    }

    fn respond(&mut self, request: &Request, faults: &mut Faults) -> Response {
        self.answer(request, faults)
    }

    fn operation(&self, request: &Request) -> String {
        let path = request.path.trim_end_matches('/');
        let path = path.strip_prefix("/admin").unwrap_or(path);
        let parts: Vec<_> = path
            .split('/')
            .map(|part| if part.contains('_') { "{id}" } else { part })
            .collect();
        format!("{} {}", request.method, parts.join("/"))
    }

    fn throttled(&self, retry_after_seconds: u64) -> Response {
        Response::turned_away(retry_after_seconds)
    }

    fn broken(&self) -> Response {
        Refusal::unknown().response()
    }

    fn state(&self) -> State {
        let catalog = &self.shop.catalog;
        let mut state = State {
            created: catalog.created.clone(),
            ..State::default()
        };
        for product in catalog.products.values() {
            let document = catalog.product_document(product);
            let parent = product.text("external_id");
            if !parent.is_empty() {
                let on_sale = product.text("status") == "published"
                    && product
                        .sales_channels
                        .iter()
                        .any(|channel| channel == SALES_CHANNEL);
                let listing = ListingState {
                    price: None,
                    quantity: None,
                    live: on_sale,
                    content: document.clone(),
                };
                state.listings.insert(parent.to_owned(), listing);
            }
            for variant in catalog.variants_of(&product.id) {
                let sku = variant.text("sku");
                if sku.is_empty() {
                    continue;
                }
                let price = variant.price(CURRENCY).zip(Currency::from_code("EUR"));
                let available = self.available(variant);
                let listing = ListingState {
                    price: price.map(|(amount, currency)| Money::new(amount, currency)),
                    quantity: available.and_then(|available| i64::try_from(available.floor()).ok()),
                    live: self.is_on_sale(variant),
                    content: document.clone(),
                };
                state.listings.insert(sku.to_owned(), listing);
            }
        }
        let orders = self.shop.orders.all.values();
        state.orders = orders.clone().map(Order::document).collect();
        state.shipments = orders
            .flat_map(|order| order.fulfillments.iter().map(move |parcel| (order, parcel)))
            .filter(|(_, parcel)| parcel.shipped_at.is_some())
            .map(|(order, parcel)| json!({"order_id": order.id, "fulfillment": parcel.document()}))
            .collect();
        state
    }

    /// The server takes no order beyond its stock, unless the variant may be ordered without.
    fn buy(&mut self, purchase: &Purchase, now: Timestamp) -> Result<Receipt, String> {
        let mut lines = Vec::new();
        let mut receipt = Vec::new();
        for wanted in &purchase.lines {
            let (line, told) = self.line(&wanted.sku, wanted.quantity)?;
            lines.push(line);
            receipt.push(told);
        }
        let catalog = &mut self.shop.catalog;
        for line in &mut lines {
            line.id = catalog.next_id("ordli");
            let variant = catalog.variants.get(&line.variant_id);
            let item = variant.and_then(|variant| variant.inventory_item.clone());
            if let Some(item) = item.filter(|_| line.reserves) {
                catalog
                    .inventory
                    .reserve(&line.id, &item, STOCK_LOCATION, line.quantity);
            }
        }
        let order = Order {
            id: catalog.next_id("order"),
            display_id: self.shop.orders.all.len() as u64 + 1,
            sales_channel: SALES_CHANNEL.to_owned(),
            currency: CURRENCY.to_owned(),
            buyer: purchase.buyer.clone().unwrap_or_else(fictional_buyer),
            lines,
            fulfillments: Vec::new(),
            payment: Payment {
                id: catalog.next_id("pay"),
                captured_at: None,
                canceled_at: None,
                updated_at: now,
            },
            canceled_at: None,
            created_at: now,
            updated_at: now,
        };
        let order_id = order.id.clone();
        self.shop.orders.all.insert(order_id.clone(), order);
        Ok(Receipt {
            order_id,
            lines: receipt,
        })
    }

    fn cancel(&mut self, order_id: &str, now: Timestamp) -> Result<(), String> {
        let Shop { catalog, orders } = &mut self.shop;
        let order = known_order(orders, order_id).map_err(|refusal| refusal.message)?;
        order
            .cancel(&mut catalog.inventory, now)
            .map_err(|refusal| refusal.message)
    }

    fn save(&self) -> Value {
        serde_json::to_value(&self.shop).unwrap_or_default()
    }

    fn restore(&mut self, saved: Value) -> Result<(), String> {
        self.shop = serde_json::from_value(saved).map_err(|error| error.to_string())?;
        Ok(())
    }
}

/// Nobody: the names say so, and the mail goes to a domain that is reserved for examples.
fn fictional_buyer() -> Value {
    json!({
        "email": "fictional.buyer@example.com",
        "first_name": "Fictional",
        "last_name": "Buyer",
        "address_1": "1 Example Street",
        "city": "Sampleton",
        "postal_code": "00000",
        "country_code": "de",
    })
}
