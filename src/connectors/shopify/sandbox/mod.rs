//! An emulated shop: the Admin GraphQL API of 2026-07, written from the vendor's schema and documentation.
//!
//! The shop sells in EUR with the tax inside, keeps UTC, has two locations and three publications. Requests are
//! validated and executed by the GraphQL library over a schema that is a part of the vendor's; what the schema does not
//! say is told where it is decided. Its client is invented and printed with its settings.

mod auth;
mod bulk;
mod buying;
mod cost;
mod engine;
mod entities;
mod fulfillment_view;
mod fulfillments;
mod gid;
mod idempotency;
mod inventory;
mod metafields;
mod mutations;
mod objects;
mod order_mutations;
mod order_view;
mod orders;
mod page;
mod problems;
mod product;
mod product_mutations;
mod product_set;
mod product_view;
mod queries;
mod refunds;
mod rules;
mod search;
mod shop;
#[cfg(test)]
mod tests;
mod text;
mod uploads;
mod user_error;
mod variant_input;
mod variants;

use apollo_compiler::ast;
use iso_currency::Currency;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use self::auth::Tokens;
use self::cost::{Bucket, Counting};
use self::engine::Document;
use self::objects::World;
use self::shop::{CURRENCY, LOCATIONS, Shop};
use crate::domain::money::Money;
use crate::sandbox::{
    Fault, Faults, ListingState, Purchase, Receipt, Request, Response, Sandbox, State,
};

const TOKEN_PATH: &str = "/admin/oauth/access_token";
const SCOPES_PATH: &str = "/admin/oauth/access_scopes.json";
/// Versions that are answered; each as 2026-07.
const VERSIONS: &[&str] = &["2026-04", "2026-07", "2026-10"];
/// Points per second of a Plus shop.
const PLUS: u32 = 1000;

/// Everything that survives the process.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Data {
    shop: Shop,
    tokens: Tokens,
    bucket: Bucket,
}

/// One emulated shop.
#[derive(Debug)]
pub struct ShopifySandbox {
    data: Data,
    base_url: String,
}

impl Default for ShopifySandbox {
    fn default() -> Self {
        Self::with_plan(PLUS)
    }
}

impl ShopifySandbox {
    /// A shop whose plan restores so many points per second: 100 Standard, 200 Advanced, 1,000 Plus,
    /// 2,000 Enterprise.
    pub fn with_plan(rate: u32) -> Self {
        Self {
            data: Data {
                shop: Shop::default(),
                tokens: Tokens::default(),
                bucket: Bucket::new(rate),
            },
            base_url: String::new(),
        }
    }

    fn graphql(&mut self, request: &Request, version: &str, faults: &mut Faults) -> Response {
        if let Err(refused) = self.data.tokens.check(request) {
            return refused;
        }
        let answer = self.execute(request, faults);
        Response::json(200, &answer).header("x-shopify-api-version", version)
    }

    fn execute(&mut self, request: &Request, faults: &mut Faults) -> Value {
        let failed = |errors: Vec<Value>| json!({"errors": errors});
        let Ok(body) = serde_json::from_slice::<Body>(&request.body) else {
            let error = json!({"message": "The body is not a GraphQL request"});
            return failed(vec![error]);
        };
        let read = || {
            let document = Document::parse(&body.query)?;
            let operation = document.operation(body.operation_name.as_deref())?;
            let literals = problems::of_literals(&document, operation);
            if !literals.is_empty() {
                return Err(literals);
            }
            let sent = body.variables.clone().unwrap_or_default();
            let variables = engine::variables(&document, operation, &sent)?;
            let broken = rules::broken(&document, operation, &variables);
            match broken.is_empty() {
                true => Ok((document, variables)),
                false => Err(broken),
            }
        };
        let (document, variables) = match read() {
            Ok(read) => read,
            Err(errors) => return failed(errors),
        };
        let operation = match document.operation(body.operation_name.as_deref()) {
            Ok(operation) => operation,
            Err(errors) => return failed(errors),
        };
        let counting = Counting {
            document: &document,
            variables: &variables,
        };
        let requested = counting.requested(operation);
        if let Some(refused) = cost::too_expensive(requested) {
            return refused;
        }
        let bucket = &mut self.data.bucket;
        if bucket.take(requested, request.now).is_err() {
            return cost::throttled(&bucket.told(requested, None));
        }
        let keys = engine::idempotency_keys(&document, operation, &variables);
        let rate = bucket.rate();
        let shop = &mut self.data.shop;
        let world = World::new(shop, faults, request.now, &request.base_url)
            .with_keys(keys)
            .with_plan(rate);
        let (data, errors) = engine::execute(&world, &document, operation, &variables);
        let searches = world.finish();
        let actual = counting.actual(operation, &data).min(requested);
        let bucket = &mut self.data.bucket;
        bucket.give_back(requested - actual);
        let mut answer = json!({
            "data": data,
            "extensions": {"cost": bucket.told(requested, Some(actual))},
        });
        if !errors.is_empty() {
            answer["errors"] = Value::Array(errors);
        }
        if !searches.is_empty() {
            answer["extensions"]["search"] = Value::Array(searches);
        }
        answer
    }
}

#[derive(Deserialize)]
struct Body {
    query: String,
    variables: Option<Map<String, Value>>,
    #[serde(rename = "operationName")]
    operation_name: Option<String>,
}

/// The version in `/admin/api/{version}/graphql.json`.
fn version(path: &str) -> Option<&str> {
    path.strip_prefix("/admin/api/")?
        .strip_suffix("/graphql.json")
}

fn not_found() -> Response {
    Response::json(404, &json!({"errors": "Not Found"}))
}

/// A GraphQL request's type and first field: `query orders`, `mutation productSet`.
fn graphql_operation(request: &Request) -> Option<(ast::OperationType, String)> {
    let body: Body = serde_json::from_slice(&request.body).ok()?;
    let document = ast::Document::parse(body.query, "query.graphql").ok()?;
    document.definitions.iter().find_map(|definition| {
        let ast::Definition::OperationDefinition(operation) = definition else {
            return None;
        };
        let is_meant = match (&body.operation_name, &operation.name) {
            (Some(wanted), Some(name)) => wanted == name.as_str(),
            (Some(_), None) => false,
            (None, _) => true,
        };
        let first = operation
            .selection_set
            .first()
            .and_then(|first| match first {
                ast::Selection::Field(field) => Some(field.name.to_string()),
                _ => None,
            });
        is_meant.then(|| (operation.operation_type, first.unwrap_or_default()))
    })
}

impl Sandbox for ShopifySandbox {
    fn kind(&self) -> &'static str {
        "shopify"
    }

    fn settings(&self, base_url: &str) -> Map<String, Value> {
        Map::from_iter([
            ("shop".to_owned(), json!(base_url)),
            ("client_id".to_owned(), json!(auth::CLIENT_ID)),
            ("client_secret".to_owned(), json!(auth::CLIENT_SECRET)),
            ("location".to_owned(), json!(LOCATIONS[0].name)),
        ])
    }

    fn respond(&mut self, request: &Request, faults: &mut Faults) -> Response {
        self.base_url.clone_from(&request.base_url);
        let stuck = faults.strikes(Fault::StuckSubmission, true);
        let shop = &mut self.data.shop;
        bulk::settle(shop, faults, request.now, &request.base_url, stuck);
        let path = request.path.as_str();
        if let Some(version) = version(path) {
            return match (request.method.as_str(), VERSIONS.contains(&version)) {
                ("POST", true) => self.graphql(request, version, faults),
                _ => not_found(),
            };
        }
        match (request.method.as_str(), path) {
            ("POST", TOKEN_PATH) => self.data.tokens.grant(request),
            ("GET", SCOPES_PATH) => match self.data.tokens.check(request) {
                Ok(()) => auth::scopes(),
                Err(refused) => refused,
            },
            ("POST" | "PUT", path) if path.starts_with(uploads::PATH) => {
                self.data.shop.uploads.receive(request)
            }
            ("GET", path) if path.starts_with(bulk::PATH) => self.data.shop.bulk.download(request),
            _ => not_found(),
        }
    }

    fn operation(&self, request: &Request) -> String {
        let path = request.path.as_str();
        if version(path).is_some() {
            return match graphql_operation(request) {
                Some((kind, field)) => format!("{kind} {field}"),
                None => format!("{} (unreadable)", request.method),
            };
        }
        let path = match path {
            path if path.starts_with(uploads::PATH) => uploads::PATH,
            path if path.starts_with(bulk::PATH) => bulk::PATH,
            path => path,
        };
        format!("{} {path}", request.method)
    }

    fn writes(&self, request: &Request) -> bool {
        let path = request.path.as_str();
        if version(path).is_some() {
            let operation = graphql_operation(request);
            return operation.is_some_and(|(kind, _)| kind == ast::OperationType::Mutation);
        }
        request.method != "GET" && path != TOKEN_PATH
    }

    /// As for a request of the bucket's size a second: waiting by the body is waiting so long.
    fn throttled(&self, retry_after_seconds: u64) -> Response {
        let rate = self.data.bucket.rate();
        let cost = json!({
            "requestedQueryCost": retry_after_seconds * rate as u64,
            "actualQueryCost": null,
            "throttleStatus": {
                "maximumAvailable": rate * 20.0,
                "currentlyAvailable": 0,
                "restoreRate": rate,
            },
        });
        Response::json(200, &cost::throttled(&cost)).header("x-shopify-api-version", VERSIONS[1])
    }

    fn throttled_request(&self, request: &Request, retry_after_seconds: u64) -> Response {
        match version(&request.path) {
            Some(_) => self.throttled(retry_after_seconds),
            None => Response::json(429, &json!({"errors": "Too many requests"}))
                .header("retry-after", format!("{retry_after_seconds}.0")),
        }
    }

    fn refuses_pace(&self, response: &Response) -> bool {
        response.status == 429
            || serde_json::from_slice::<Value>(&response.body)
                .is_ok_and(|body| body["errors"][0]["extensions"]["code"] == "THROTTLED")
    }

    fn broken(&self) -> Response {
        Response::json(500, &json!({"errors": "Internal Server Error"}))
    }

    fn state(&self) -> State {
        let shop = &self.data.shop;
        let now = Timestamp::now();
        let currency = Currency::from_code(CURRENCY);
        let listings = shop
            .variants()
            .filter(|variant| !variant.sku.is_empty())
            .filter_map(|variant| {
                let product = shop.product(variant.product)?;
                let listing = ListingState {
                    price: currency.map(|currency| Money::new(variant.price, currency)),
                    quantity: variant.item.tracked.then(|| variant.available()),
                    live: shop.is_shown(product, variant, now),
                    content: product_view::document(shop, product, variant),
                };
                Some((variant.sku.clone(), listing))
            })
            .collect();
        let orders = shop.orders.iter();
        let shipments = orders.clone().flat_map(|order| {
            order.fulfillments.iter().map(move |fulfillment| {
                json!({
                    "order_id": order.id.to_string(),
                    "fulfillment": fulfillment,
                })
            })
        });
        State {
            listings,
            shipments: shipments.collect(),
            orders: orders.map(|order| json!(order)).collect(),
            created: shop.created.clone(),
        }
    }

    fn buy(&mut self, purchase: &Purchase, now: Timestamp) -> Result<Receipt, String> {
        buying::buy(&mut self.data.shop, purchase, now)
    }

    fn cancel(&mut self, order_id: &str, now: Timestamp) -> Result<(), String> {
        order_mutations::cancel_by_buyer(&mut self.data.shop, order_id, now)
    }

    fn save(&self) -> Value {
        // Every part is made of maps, lists and texts, so it can always be written.
        serde_json::to_value(&self.data).unwrap_or_default()
    }

    fn restore(&mut self, saved: Value) -> Result<(), String> {
        self.data = serde_json::from_value(saved).map_err(|error| error.to_string())?;
        self.data.shop.build_indexes();
        Ok(())
    }
}
