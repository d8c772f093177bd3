//! A real Medusa server. Each test gets a sales channel with a stock location, a way to ship and a storefront's key of
//! its own; what the test before has left on sale is deleted first, because skus are unique in the whole shop.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use jiff::Timestamp;
use rust_decimal::Decimal;
use serde_json::{Map, Value, json};
use skucast::domain::money::{self, Money};
use skucast::sandbox::{
    Faults, ListingState, Purchase, Receipt, ReceiptLine, Request, Response, Sandbox, State,
};

use super::wire;

const PRODUCT_FIELDS: &str = "id,title,handle,external_id,status,description,metadata,images.url,sales_channels.id,options.title,\
variants.id,variants.sku,variants.title,variants.metadata,variants.manage_inventory,variants.options.value,\
variants.prices.amount,variants.prices.currency_code,variants.prices.min_quantity,\
variants.inventory_items.inventory.location_levels.location_id,\
variants.inventory_items.inventory.location_levels.stocked_quantity,\
variants.inventory_items.inventory.location_levels.reserved_quantity";
const VARIANT_FIELDS: &str = "id,sku,manage_inventory,inventory_items.inventory.location_levels.location_id,\
inventory_items.inventory.location_levels.stocked_quantity,\
inventory_items.inventory.location_levels.reserved_quantity";
const ORDER_FIELDS: &str = "id,display_id,status,items.id,items.variant_sku,items.quantity,\
fulfillments.id,fulfillments.shipped_at,fulfillments.labels.tracking_number,fulfillments.items.line_item_id,\
payment_collections.payments.id";
const PAGE: usize = 200;

struct Store {
    server: String,
    /// As the name of HTTP Basic.
    key: String,
    region: String,
    sales_channel: String,
    location: String,
    shipping_option: String,
    storefront_key: String,
}

pub fn open(server: &Value) -> Box<dyn Sandbox> {
    let text = |key: &str| {
        server[key]
            .as_str()
            .unwrap_or_else(|| panic!("`{key}` is told"))
            .to_owned()
    };
    let mut store = Store {
        server: text("url"),
        key: text("api_key"),
        region: text("region"),
        sales_channel: String::new(),
        location: String::new(),
        shipping_option: String::new(),
        storefront_key: String::new(),
    };
    store.clear();
    store.make_channel(&text("shipping_profile"));
    Box::new(store)
}

impl Store {
    fn call(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<Value>,
    ) -> Result<Value, String> {
        let mut all = vec![("content-type".to_owned(), "application/json".to_owned())];
        all.extend(
            headers
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned())),
        );
        let body = body
            .map(|body| body.to_string().into_bytes())
            .unwrap_or_default();
        let response = wire::send(method, &format!("{}/{path}", self.server), &all, body);
        let answer: Value = serde_json::from_slice(&response.body).unwrap_or_default();
        match response.status {
            200..300 => Ok(answer),
            status => Err(format!("{method} {path}: {status} {}", answer["message"])),
        }
    }

    fn admin(&self, method: &str, path: &str, body: Option<Value>) -> Result<Value, String> {
        let key = BASE64_STANDARD.encode(format!("{}:", self.key));
        self.call(
            method,
            &format!("admin/{path}"),
            &[("authorization", &format!("Basic {key}"))],
            body,
        )
    }

    fn get(&self, path: &str) -> Value {
        self.admin("GET", path, None)
            .unwrap_or_else(|refusal| panic!("{refusal}"))
    }

    fn post(&self, path: &str, body: Value) -> Value {
        self.admin("POST", path, Some(body))
            .unwrap_or_else(|refusal| panic!("{refusal}"))
    }

    /// A step of a shopper; `Err` is what the shop says.
    fn shop(&self, path: &str, body: Value) -> Result<Value, String> {
        let key = [("x-publishable-api-key", self.storefront_key.as_str())];
        self.call("POST", &format!("store/{path}"), &key, Some(body))
    }

    /// Everything of a list.
    fn list(&self, path: &str, name: &str, query: &str) -> Vec<Value> {
        let mut all = Vec::new();
        loop {
            let page = self.get(&format!("{path}?limit={PAGE}&offset={}&{query}", all.len()));
            let items = page[name].as_array().cloned().unwrap_or_default();
            let is_last = items.len() < PAGE;
            all.extend(items);
            if is_last {
                return all;
            }
        }
    }

    /// Products go for good; what is promised to buyers is released first, for otherwise they stay.
    fn clear(&self) {
        for reservation in self.list("reservations", "reservations", "fields=id") {
            let path = format!("reservations/{}", id(&reservation));
            self.admin("DELETE", &path, None)
                .unwrap_or_else(|refusal| panic!("{refusal}"));
        }
        let products = self.list("products", "products", "fields=id");
        let ids: Vec<_> = products.iter().map(id).collect();
        for portion in ids.chunks(100) {
            self.post("products/batch", json!({ "delete": portion }));
        }
    }

    fn make_channel(&mut self, profile: &str) {
        let unique = uuid::Uuid::now_v7().simple().to_string();
        let channel = self.post(
            "sales-channels",
            json!({"name": format!("Channel {unique}")}),
        );
        self.sales_channel = id(&channel["sales_channel"]);
        let address =
            json!({"address_1": "1 Example Street", "city": "Sampleton", "country_code": "de"});
        let location = json!({"name": format!("Location {unique}"), "address": address});
        self.location = id(&self.post("stock-locations", location)["stock_location"]);
        let location = format!("stock-locations/{}", self.location);
        self.post(
            &format!("{location}/sales-channels"),
            json!({"add": [self.sales_channel]}),
        );
        self.post(
            &format!("{location}/fulfillment-providers"),
            json!({"add": ["manual_manual"]}),
        );
        let set = json!({"name": format!("Shipping {unique}"), "type": "shipping"});
        let set = self.post(
            &format!("{location}/fulfillment-sets?fields=*fulfillment_sets"),
            set,
        );
        let set = id(&set["stock_location"]["fulfillment_sets"][0]);
        let zone = json!({"name": format!("Zone {unique}"), "geo_zones": [{"type": "country", "country_code": "de"}]});
        let zone = self.post(&format!("fulfillment-sets/{set}/service-zones"), zone);
        let zone = id(&zone["fulfillment_set"]["service_zones"][0]);
        let option = self.post(
            "shipping-options",
            json!({
                "name": "Standard",
                "service_zone_id": zone,
                "shipping_profile_id": profile,
                "provider_id": "manual_manual",
                "price_type": "flat",
                "type": {"label": "Standard", "description": "In some days", "code": "standard"},
                "prices": [{"currency_code": "eur", "amount": 5}],
                "rules": [],
            }),
        );
        self.shipping_option = id(&option["shipping_option"]);
        let key = self.post(
            "api-keys",
            json!({"title": format!("Storefront {unique}"), "type": "publishable"}),
        );
        let key = &key["api_key"];
        self.post(
            &format!("api-keys/{}/sales-channels", id(key)),
            json!({"add": [self.sales_channel]}),
        );
        self.storefront_key = key["token"].as_str().expect("a key has a token").to_owned();
    }

    fn orders(&self) -> Vec<Value> {
        let query = format!(
            "sales_channel_id[]={}&order=id&fields={ORDER_FIELDS}",
            self.sales_channel
        );
        self.list("orders", "orders", &query)
    }

    /// Free pieces at the test's own location; `None` where they are not counted.
    fn offered(&self, variant: &Value) -> Option<i64> {
        let counted = variant["manage_inventory"] == true;
        let levels = variant
            .pointer("/inventory_items/0/inventory/location_levels")?
            .as_array()?;
        let own = levels
            .iter()
            .find(|level| level["location_id"] == self.location.as_str());
        let number = |level: &Value, key: &str| level[key].as_i64().unwrap_or_default();
        let free = own.map_or(0, |level| {
            number(level, "stocked_quantity") - number(level, "reserved_quantity")
        });
        counted.then_some(free)
    }

    fn find(&self, sku: &str) -> Result<Value, String> {
        let path = format!("product-variants?sku[]={sku}&fields={VARIANT_FIELDS}");
        let found = self.get(&path)["variants"][0].clone();
        match found.is_null() {
            true => Err(format!("there is no variant with the sku {sku}")),
            false => Ok(found),
        }
    }
}

fn id(value: &Value) -> String {
    value["id"]
        .as_str()
        .unwrap_or_else(|| panic!("no id: {value}"))
        .to_owned()
}

impl Sandbox for Store {
    fn kind(&self) -> &'static str {
        "medusa"
    }

    fn settings(&self, base_url: &str) -> Map<String, Value> {
        Map::from_iter([
            ("url".to_owned(), json!(base_url)),
            ("api_key".to_owned(), json!(self.key)),
            ("currency".to_owned(), json!("EUR")),
            ("sales_channel".to_owned(), json!(self.sales_channel)),
            ("stock_location".to_owned(), json!(self.location)),
        ])
    }

    fn respond(&mut self, request: &Request, _: &mut Faults) -> Response {
        wire::forward(request, &self.server)
    }

    fn operation(&self, request: &Request) -> String {
        let path = request.path.strip_prefix("/admin").unwrap_or(&request.path);
        let parts: Vec<_> = path
            .split('/')
            .map(|part| if part.contains('_') { "{id}" } else { part })
            .collect();
        format!("{} {}", request.method, parts.join("/"))
    }

    /// Medusa has no limit of its own: this is what stands before it.
    fn throttled(&self, retry_after_seconds: u64) -> Response {
        Response::empty(429).header("retry-after", retry_after_seconds.to_string())
    }

    fn broken(&self) -> Response {
        let body = json!({"code": "unknown_error", "type": "unknown_error", "message": "An unknown error occurred."});
        Response::json(500, &body)
    }

    fn state(&self) -> State {
        let currency = money::currency("EUR").expect("EUR is a currency");
        let mut state = State::default();
        for product in self.list(
            "products",
            "products",
            &format!("order=id&fields={PRODUCT_FIELDS}"),
        ) {
            let mut channels = product["sales_channels"].as_array().into_iter().flatten();
            let is_live = product["status"] == "published"
                && channels.any(|channel| channel["id"] == self.sales_channel.as_str());
            let variants = product["variants"].as_array().cloned().unwrap_or_default();
            let own = product["external_id"].as_str().unwrap_or_default();
            if variants.iter().all(|variant| variant["sku"] != own) && !own.is_empty() {
                *state.created.entry(own.to_owned()).or_default() += 1;
                let listing = ListingState {
                    price: None,
                    quantity: None,
                    live: is_live,
                    content: product.clone(),
                };
                state.listings.insert(own.to_owned(), listing);
            }
            let mut page = product.clone();
            page["variants"] = Value::Null;
            for variant in variants {
                let sku = variant["sku"].as_str().unwrap_or_default().to_owned();
                let mut prices = variant["prices"].as_array().into_iter().flatten();
                let price = prices.find(|price| {
                    price["currency_code"] == "eur" && price["min_quantity"].is_null()
                });
                let amount =
                    price.and_then(|price| price["amount"].to_string().parse::<Decimal>().ok());
                *state.created.entry(sku.clone()).or_default() += 1;
                let listing = ListingState {
                    price: amount.map(|amount| Money::new(amount, currency)),
                    quantity: self.offered(&variant),
                    live: is_live && variant["metadata"]["skucast_ended"].is_null(),
                    content: json!({"variant": variant, "product": page}),
                };
                state.listings.insert(sku, listing);
            }
        }
        state.orders = self.orders();
        for order in &state.orders {
            let parcels = order["fulfillments"].as_array().into_iter().flatten();
            state.shipments.extend(
                parcels
                    .filter(|parcel| !parcel["shipped_at"].is_null())
                    .cloned(),
            );
        }
        state
    }

    /// The storefront's own checkout, paid with the payment of tests.
    fn buy(&mut self, purchase: &Purchase, _: Timestamp) -> Result<Receipt, String> {
        let address = json!({
            "first_name": "Fictional", "last_name": "Buyer", "address_1": "1 Example Street",
            "city": "Sampleton", "postal_code": "00000", "country_code": "de",
        });
        let (mut items, mut lines) = (Vec::new(), Vec::new());
        for line in &purchase.lines {
            let variant = self.find(&line.sku)?;
            items.push(json!({"variant_id": variant["id"], "quantity": line.quantity}));
            let in_stock = self.offered(&variant);
            let stock = in_stock.map(|stock| u64::try_from(stock).unwrap_or(0));
            lines.push(ReceiptLine {
                sku: line.sku.clone(),
                quantity: line.quantity,
                in_stock,
                oversold: stock.is_some_and(|stock| stock < line.quantity),
            });
        }
        let cart = json!({
            "region_id": self.region,
            "sales_channel_id": self.sales_channel,
            "email": format!("buyer-{}@example.com", uuid::Uuid::now_v7().simple()),
            "shipping_address": address,
            "billing_address": address,
            "items": items,
        });
        let cart = id(&self.shop("carts", cart)?["cart"]);
        self.shop(
            &format!("carts/{cart}/shipping-methods"),
            json!({"option_id": self.shipping_option}),
        )?;
        let payment = self.shop("payment-collections", json!({ "cart_id": cart }))?;
        let payment = id(&payment["payment_collection"]);
        let provider = json!({"provider_id": "pp_system_default"});
        self.shop(
            &format!("payment-collections/{payment}/payment-sessions"),
            provider,
        )?;
        let done = self.shop(&format!("carts/{cart}/complete"), json!({}))?;
        match done["type"].as_str() {
            Some("order") => Ok(Receipt {
                order_id: id(&done["order"]),
                lines,
            }),
            _ => Err(done["error"]["message"].to_string()),
        }
    }

    fn cancel(&mut self, order_id: &str, _: Timestamp) -> Result<(), String> {
        self.admin(
            "POST",
            &format!("orders/{order_id}/cancel"),
            Some(json!({})),
        )
        .map(drop)
    }

    /// The server keeps its state itself.
    fn save(&self) -> Value {
        Value::Null
    }

    fn restore(&mut self, _: Value) -> Result<(), String> {
        Ok(())
    }
}
