//! An emulated Vendure 3.7 server: its Admin API, as that version answers it.
//!
//! The shop has one channel, which therefore answers for every `vendure-token`, and one stock location, sells in EUR with 20 % tax inside, and ships for a flat fee. Its
//! administrator and API key are invented and printed with its settings. Requests are validated and executed by the
//! GraphQL library over the part of the API that `schema.graphql` names.

mod assets;
mod catalog;
mod lists;
mod orders;
mod queries;
mod store;
#[cfg(test)]
mod tests;
mod view;

use std::cell::RefCell;
use std::sync::LazyLock;

use apollo_compiler::Schema;
use apollo_compiler::validation::Valid;
use iso_currency::Currency;
use jiff::Timestamp;
use rust_decimal::Decimal;
use serde_json::{Map, Value, json};

use self::catalog::{Catalog, not_found, parent_sku};
use self::store::{CHANNEL_TOKEN, Id, Store};
use crate::domain::money::Money;
use crate::sandbox::graphql::{self, Body, Data, Refused, Unfit};
use crate::sandbox::uploads::{self, Files};
use crate::sandbox::{
    Fault, Faults, ListingState, Purchase, Receipt, Request, Response, Sandbox, State,
};

pub const USERNAME: &str = "sandbox@example.com";
pub const PASSWORD: &str = "sandbox-password-5c1e";
pub const API_KEY: &str = "5a5a5a5a5a5a5a5a5a5a5a5a:sandbox-api-key-9d41";
const PATH: &str = "/admin-api";
/// Bodies up to here are read (Express, `limit: 100kb`).
const LARGEST_BODY: usize = 102_400;
const TOKEN: &str = "vendure-auth-token";

static SCHEMA: LazyLock<Valid<Schema>> = LazyLock::new(|| {
    // A part of the program; a test parses it.
    Schema::parse_and_validate(include_str!("schema.graphql"), "schema.graphql")
        .expect("the schema is valid")
});

/// One emulated server.
#[derive(Debug, Default)]
pub struct VendureSandbox {
    store: Store,
}

#[cfg(test)]
impl VendureSandbox {
    /// A server to which nobody has added a place for files.
    pub fn without_storage() -> Self {
        let mut sandbox = Self::default();
        sandbox.store.has_no_storage = true;
        sandbox
    }
}

/// One request's view of the server.
struct Session<'a> {
    store: RefCell<&'a mut Store>,
    faults: RefCell<&'a mut Faults>,
    now: Timestamp,
    is_known: bool,
    /// Known by an API key, and not by a session.
    by_key: bool,
    files: Files,
    opened: RefCell<Option<String>>,
}

impl Data for Session<'_> {
    fn root(
        &self,
        mutates: bool,
        field: &str,
        arguments: &Map<String, Value>,
    ) -> Result<Value, Refused> {
        if mutates && field == "login" {
            return Ok(self.log_in(arguments));
        }
        // A key is nobody, so it may not ask who it is.
        if !self.is_known || (self.by_key && field == "me") {
            return Err(Refused {
                message: "You are not currently authorized to perform this action".to_owned(),
                code: Some("FORBIDDEN"),
            });
        }
        if mutates {
            self.mutate(field, arguments)
        } else {
            let repeats = self.faults.borrow_mut().strikes(Fault::RepeatedPage, false);
            queries::field(&self.store.borrow(), field, arguments, repeats)
        }
    }

    fn load(&self, type_name: &str, id: &str) -> Option<Map<String, Value>> {
        view::object(&self.store.borrow(), type_name, id.parse().ok()?)
    }
}

impl Session<'_> {
    fn log_in(&self, arguments: &Map<String, Value>) -> Value {
        let is =
            |key: &str, wanted: &str| arguments.get(key).and_then(Value::as_str) == Some(wanted);
        if !is("username", USERNAME) || !is("password", PASSWORD) {
            return json!({"__typename": "InvalidCredentialsError", "errorCode": "INVALID_CREDENTIALS_ERROR",
                "message": "The provided credentials are invalid", "authenticationError": ""});
        }
        let token = format!("sandbox-session-{}", uuid::Uuid::now_v7().simple());
        self.store.borrow_mut().sessions.insert(token.clone());
        *self.opened.borrow_mut() = Some(token);
        json!({"__typename": "CurrentUser", "id": "1", "identifier": USERNAME,
            "channels": [{"id": "1", "token": CHANNEL_TOKEN, "code": "__default_channel__"}]})
    }

    fn mutate(&self, field: &str, arguments: &Map<String, Value>) -> Result<Value, Refused> {
        let mut store = self.store.borrow_mut();
        let mut faults = self.faults.borrow_mut();
        if faults.strikes(Fault::PartialBatch, true) {
            return Err(Refused {
                message: "The database is locked".to_owned(),
                code: Some("INTERNAL_SERVER_ERROR"),
            });
        }
        let empty = Value::Null;
        let input = arguments.get("input").unwrap_or(&empty);
        let text = |key: &str| {
            arguments
                .get(key)
                .and_then(Value::as_str)
                .unwrap_or_default()
        };
        let now = self.now;
        let mut catalog = Catalog {
            store: &mut store,
            faults: &faults,
            now,
        };
        match field {
            "createAssets" => assets::create(&mut store, input, &self.files, now),
            "createFacet" => catalog.create_facet(input),
            "createFacetValues" => catalog.create_facet_values(input),
            "createProduct" => catalog.create_product(input),
            "updateProduct" => {
                let updated = catalog.update_products(&json!([input]))?;
                Ok(updated[0].clone())
            }
            "updateProducts" => catalog.update_products(input),
            "deleteProduct" => catalog.delete_product(text("id")),
            "createProductOptionGroup" => catalog.create_option_group(input),
            "createProductOption" => catalog.create_option(input),
            "addOptionGroupToProduct" => {
                catalog.add_group_to_product(text("productId"), text("optionGroupId"))
            }
            "createProductVariants" => catalog.create_variants(input),
            "updateProductVariants" => catalog.update_variants(input),
            "addFulfillmentToOrder" => Ok(orders::fulfill(&mut store, input, now)),
            "transitionFulfillmentToState" => {
                orders::transition(&mut store, text("id"), text("state"), now)
                    .ok_or_else(|| not_found("Fulfillment", text("id")))
            }
            "cancelOrder" => {
                let id = input["orderId"].as_str().unwrap_or_default();
                let told =
                    orders::cancel(&mut store, input, now).ok_or_else(|| not_found("Order", id))?;
                Ok(match told {
                    Value::String(_) => {
                        let mut order =
                            view::object(&store, "Order", id.parse().unwrap_or_default())
                                .unwrap_or_default();
                        order.insert("__typename".to_owned(), json!("Order"));
                        Value::Object(order)
                    }
                    refused => refused,
                })
            }
            _ => Ok(Value::Null),
        }
    }
}

impl VendureSandbox {
    fn is_known(&self, request: &Request) -> bool {
        let token = request
            .header("authorization")
            .and_then(|text| text.strip_prefix("Bearer "));
        token.is_some_and(|token| self.store.sessions.contains(token))
            || request.header("vendure-api-key") == Some(API_KEY)
    }
}

/// What Express and the server around GraphQL answer.
fn plain_error(status: u16, message: &str, now: Timestamp) -> Response {
    let body = json!({"statusCode": status, "message": message, "timestamp": now.to_string(), "path": PATH});
    Response::json(status, &body)
}

fn unfit(status: u16, message: &str, code: &str) -> Response {
    Response::json(
        status,
        &json!({"errors": [{"message": message, "extensions": {"code": code}}]}),
    )
}

fn document(request: &Request) -> Option<Body> {
    uploads::read(request).map(|(body, _)| body)
}

impl Sandbox for VendureSandbox {
    fn kind(&self) -> &'static str {
        "vendure"
    }

    fn settings(&self, base_url: &str) -> Map<String, Value> {
        Map::from_iter([
            ("url".to_owned(), json!(base_url)),
            ("username".to_owned(), json!(USERNAME)),
            ("secret".to_owned(), json!(PASSWORD)),
        ])
    }

    fn respond(&mut self, request: &Request, faults: &mut Faults) -> Response {
        if request.path.trim_end_matches('/') != PATH {
            return plain_error(
                404,
                &format!("Cannot {} {}", request.method, request.path),
                request.now,
            );
        }
        // Forms are read by another part of the server, file by file.
        let is_form = request
            .header("content-type")
            .is_some_and(|kind| kind.starts_with("multipart/form-data"));
        if !is_form && request.body.len() > LARGEST_BODY {
            return plain_error(500, "", request.now);
        }
        if request.body.trim_ascii_start().starts_with(b"[") {
            return unfit(400, "Operation batching disabled.", "BAD_REQUEST");
        }
        let Some((body, files)) = uploads::read(request) else {
            return plain_error(
                400,
                "The body is not a GraphQL request in JSON",
                request.now,
            );
        };
        let is_known = self.is_known(request);
        // A plugin of the shop answers with the new values and keeps the old ones.
        let (mutates, field) = graphql::heading(&body.query);
        let ignores = mutates && field != "login" && faults.strikes(Fault::Ignored, true);
        let before = ignores.then(|| self.store.clone());
        let session = Session {
            store: RefCell::new(&mut self.store),
            faults: RefCell::new(faults),
            now: request.now,
            is_known,
            by_key: request.header("vendure-api-key").is_some(),
            files,
            opened: RefCell::default(),
        };
        let executed = graphql::execute(&SCHEMA, &body, &session);
        let opened = session.opened.take();
        if let Some(before) = before {
            self.store = before;
        }
        match executed {
            Ok(answer) => {
                let response = Response::json(200, &answer);
                match opened {
                    Some(token) => response.header(TOKEN, token),
                    None => response,
                }
            }
            Err(Unfit::Document(message)) => unfit(400, &message, "GRAPHQL_VALIDATION_FAILED"),
            Err(Unfit::Variables(message)) => unfit(200, &message, "BAD_USER_INPUT"),
        }
    }

    fn operation(&self, request: &Request) -> String {
        let body = document(request);
        let (mutates, field) = body
            .as_ref()
            .map_or((false, ""), |body| graphql::heading(&body.query));
        let kind = if mutates { "mutation" } else { "query" };
        format!("{kind} {field}")
    }

    fn writes(&self, request: &Request) -> bool {
        let body = document(request);
        let (mutates, field) = body
            .as_ref()
            .map_or((false, ""), |body| graphql::heading(&body.query));
        mutates && field != "login"
    }

    /// Vendure has no limit of its own: this is what a proxy in front of it answers.
    fn throttled(&self, retry_after_seconds: u64) -> Response {
        Response {
            status: 429,
            headers: vec![
                ("content-type".into(), "text/html".into()),
                ("retry-after".into(), retry_after_seconds.to_string()),
            ],
            body: b"<html><body><h1>429 Too Many Requests</h1></body></html>".to_vec(),
        }
    }

    fn broken(&self) -> Response {
        plain_error(500, "Internal server error", Timestamp::UNIX_EPOCH)
    }

    fn state(&self) -> State {
        let store = &self.store;
        let currency = Currency::EUR;
        let mut state = State {
            created: store.created.clone(),
            ..State::default()
        };
        for (id, product) in &store.products {
            if let Some(sku) = parent_sku(store, product) {
                let listing = ListingState {
                    price: None,
                    quantity: None,
                    live: product.enabled,
                    content: view::content(store, *id, None),
                };
                state.listings.insert(sku, listing);
            }
        }
        for sku in store.by_sku.keys() {
            let Some((id, variant)) = store.variant_of(sku) else {
                continue;
            };
            let listing = ListingState {
                price: Some(Money::new(Decimal::new(variant.price, 2), currency)),
                quantity: variant.offered(),
                live: store.is_live(variant),
                content: view::content(store, variant.product, Some(id)),
            };
            state.listings.insert(sku.clone(), listing);
        }
        let placed = store
            .orders
            .iter()
            .filter(|(_, order)| order.placed.is_some());
        for (id, order) in placed {
            state
                .orders
                .extend(view::object(store, "Order", *id).map(Value::Object));
            for parcel in order.fulfillments.keys() {
                let mut shipment = view::fulfillment(order, *parcel).unwrap_or_default();
                shipment["order_id"] = json!(id.to_string());
                state.shipments.push(shipment);
            }
        }
        state
    }

    fn buy(&mut self, purchase: &Purchase, now: Timestamp) -> Result<Receipt, String> {
        orders::buy(&mut self.store, purchase, now)
    }

    fn cancel(&mut self, order_id: &str, now: Timestamp) -> Result<(), String> {
        let unknown = || format!("there is no order {order_id}");
        order_id.parse::<Id>().map_err(|_| unknown())?;
        let told = orders::cancel(&mut self.store, &json!({"orderId": order_id}), now);
        match told.ok_or_else(unknown)? {
            Value::String(_) => Ok(()),
            refused => Err(refused["message"].as_str().unwrap_or_default().to_owned()),
        }
    }

    fn save(&self) -> Value {
        serde_json::to_value(&self.store).unwrap_or_default()
    }

    fn restore(&mut self, saved: Value) -> Result<(), String> {
        self.store = serde_json::from_value(saved).map_err(|error| error.to_string())?;
        Ok(())
    }
}
