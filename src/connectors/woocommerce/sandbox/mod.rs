//! An emulated WooCommerce 10.0.2 shop on plain HTTP, written from the vendor's documentation and from what
//! that version does.
//!
//! The shop sells in EUR, keeps UTC, charges no taxes and ships at a flat rate. Orders are kept the newer way
//! (HPOS). Its keys are invented and printed with its settings.

mod auth;
mod catalog;
mod index;
mod order_routes;
mod orders;
mod product;
mod products;
mod render;
#[cfg(test)]
mod tests;
mod text;
mod wire;

use iso_currency::Currency;
use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use self::auth::Nonces;
use self::catalog::Catalog;
use self::order_routes::OrderRoutes;
use self::orders::{Order, Orders, SideLine, stock_owner};
use self::products::Products;
use self::render::View;
use self::wire::{Call, NAMESPACE, ROOT, WpError, WpResult};
use crate::domain::money::Money;
use crate::sandbox::{
    Fault, Faults, ListingState, Purchase, Receipt, ReceiptLine, Request, Response, Sandbox, State,
};

#[cfg(test)]
pub use self::auth::READ_ONLY_KEY;

const VERSION: &str = "10.0.2";
const CURRENCY: &str = "EUR";
/// The flat rate, in cents.
const SHIPPING: i64 = 490;

#[derive(Debug, Default, Serialize, Deserialize)]
struct Shop {
    catalog: Catalog,
    orders: Orders,
}

/// One emulated shop.
#[derive(Debug, Default)]
pub struct WooCommerceSandbox {
    shop: Shop,
    nonces: Nonces,
    base_url: String,
}

impl WooCommerceSandbox {
    fn answer(&mut self, request: &Request, faults: &mut Faults) -> WpResult<Response> {
        let call = Call::parse(request)?;
        let path = request.path.trim_end_matches('/');
        if call.method == "GET" && path == ROOT {
            return Ok(index::shop(&request.base_url));
        }
        if call.method == "GET" && path == NAMESPACE {
            return Ok(index::namespace(&request.base_url));
        }
        let segments = request.segments();
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        let [
            "wp-json",
            "wc",
            "v3",
            resource @ ("products" | "orders"),
            rest @ ..,
        ] = segments.as_slice()
        else {
            return Err(WpError::no_route());
        };
        auth::authorize(&call, &mut self.nonces)?;
        let catalog = &mut self.shop.catalog;
        if *resource == "orders" {
            let orders = &mut self.shop.orders;
            let mut routes = OrderRoutes {
                orders,
                catalog,
                faults,
            };
            return routes.respond(&call, rest);
        }
        // A plugin of the shop answers with the new values and keeps the old ones.
        let before =
            (call.method != "GET" && faults.strikes(Fault::Ignored, true)).then(|| catalog.clone());
        let answer = Products { catalog, faults }.respond(&call, rest);
        if let Some(before) = before {
            self.shop.catalog = before;
        }
        answer
    }

    fn view(&self, now: Timestamp) -> View<'_> {
        View {
            edit: true,
            base_url: &self.base_url,
            now,
        }
    }
}

impl Sandbox for WooCommerceSandbox {
    fn kind(&self) -> &'static str {
        "woocommerce"
    }

    fn settings(&self, base_url: &str) -> Map<String, Value> {
        Map::from_iter([
            ("url".to_owned(), json!(base_url)),
            ("consumer_key".to_owned(), json!(auth::KEY)),
            ("consumer_secret".to_owned(), json!(auth::SECRET)),
            ("currency".to_owned(), json!(CURRENCY)),
        ])
    }

    fn respond(&mut self, request: &Request, faults: &mut Faults) -> Response {
        self.base_url.clone_from(&request.base_url);
        self.answer(request, faults)
            .unwrap_or_else(|error| error.response())
    }

    fn operation(&self, request: &Request) -> String {
        let path = request.path.trim_end_matches('/');
        let path = path.strip_prefix(NAMESPACE).unwrap_or(path);
        let parts: Vec<_> = path
            .split('/')
            .map(|part| match part.parse::<u64>() {
                Ok(_) => "{id}",
                Err(_) => part,
            })
            .collect();
        format!("{} {}", request.method, parts.join("/"))
    }

    fn throttled(&self, retry_after_seconds: u64) -> Response {
        Response::turned_away(retry_after_seconds)
    }

    fn broken(&self) -> Response {
        WpError::new(
            500,
            "internal_server_error",
            "There has been a critical error on this website.",
        )
        .response()
    }

    fn state(&self) -> State {
        let now = Timestamp::now();
        let catalog = &self.shop.catalog;
        let currency = Currency::from_code(CURRENCY);
        let listings = catalog
            .products
            .values()
            .filter(|product| !product.sku.is_empty() && product.status != "trash")
            .map(|product| {
                let amount = product.amount(now).filter(|_| !product.is_variable());
                let owner = stock_owner(catalog, product.id);
                let stock = owner.and_then(|id| catalog.products.get(&id));
                let listing = ListingState {
                    price: amount
                        .zip(currency)
                        .map(|(amount, currency)| Money::new(amount, currency)),
                    quantity: stock.and_then(|owner| owner.stock_quantity),
                    live: catalog.is_live(product),
                    content: render::product(catalog, product, self.view(now)),
                };
                (product.sku.clone(), listing)
            })
            .collect();
        let orders = self.shop.orders.all.values();
        let documents = orders
            .clone()
            .map(|order| order.document(catalog, &self.base_url))
            .collect();
        let shipments = orders
            .filter(|order| order.completed.is_some() || !order.notes.is_empty())
            .map(|order| {
                let notes: Vec<_> = order.notes.iter().map(|note| &note.text).collect();
                json!({
                    "order_id": order.id.to_string(),
                    "status": order.status,
                    "date_completed_gmt": order.completed.map(wire::local),
                    "notes": notes,
                    "meta_data": order.meta,
                })
            })
            .collect();
        State {
            listings,
            orders: documents,
            shipments,
            created: catalog.created.clone(),
        }
    }

    fn buy(&mut self, purchase: &Purchase, now: Timestamp) -> Result<Receipt, String> {
        let catalog = &mut self.shop.catalog;
        let mut lines = Vec::new();
        let mut receipt = Vec::new();
        for wanted in &purchase.lines {
            let product = catalog
                .by_sku(&wanted.sku)
                .ok_or_else(|| format!("there is no product with the sku {}", wanted.sku))?;
            let priced = product.amount(now).is_some() && !product.is_variable();
            if !catalog.is_live(product) || !priced {
                return Err(format!("{} is not for sale", wanted.sku));
            }
            let owner = stock_owner(catalog, product.id);
            let in_stock = owner
                .and_then(|id| catalog.products.get(&id))
                .map(|owner| owner.stock_quantity.unwrap_or(0));
            let quantity = i64::try_from(wanted.quantity).unwrap_or(i64::MAX);
            receipt.push(ReceiptLine {
                sku: wanted.sku.clone(),
                quantity: wanted.quantity,
                in_stock,
                oversold: in_stock.is_some_and(|stock| stock < quantity),
            });
            lines.push(json!({"sku": wanted.sku, "quantity": wanted.quantity}));
        }
        let mut order = Order::new(0, now);
        let buyer = purchase.buyer.clone().unwrap_or_else(fictional_buyer);
        let fields = json!({
            "payment_method": "bacs",
            "payment_method_title": "Direct bank transfer",
            "billing": buyer,
            "shipping": buyer,
            "line_items": lines,
        });
        let fields = fields.as_object().cloned().unwrap_or_default();
        let refused = |error: WpError| error.message;
        order.write(&fields, catalog, now).map_err(refused)?;
        order.shipping_lines.push(SideLine {
            id: catalog.next_id(),
            title: "Flat rate".to_owned(),
            method: "flat_rate".to_owned(),
            total: Decimal::new(SHIPPING, 2),
        });
        order.set_status("processing", catalog, now);
        order.id = catalog.next_id();
        let order_id = order.id.to_string();
        self.shop.orders.all.insert(order.id, order);
        Ok(Receipt {
            order_id,
            lines: receipt,
        })
    }

    fn cancel(&mut self, order_id: &str, now: Timestamp) -> Result<(), String> {
        let order = order_id
            .parse()
            .ok()
            .and_then(|id: u64| self.shop.orders.all.get_mut(&id))
            .ok_or_else(|| format!("there is no order {order_id}"))?;
        order.set_status("cancelled", &mut self.shop.catalog, now);
        order.modified = now;
        Ok(())
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
        "first_name": "Fictional",
        "last_name": "Buyer",
        "company": "",
        "address_1": "1 Example Street",
        "address_2": "",
        "city": "Sampleton",
        "state": "",
        "postcode": "00000",
        "country": "DE",
        "email": "fictional.buyer@example.com",
        "phone": "",
    })
}
