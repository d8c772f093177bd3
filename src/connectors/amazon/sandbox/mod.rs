//! An emulated Selling Partner API: tokens, listings, feeds and orders of one seller.
//!
//! Written from Amazon's models and guides. What no document says is decided here as the public issue tracker
//! of the models tells it; each such place names the issue.

mod attributes;
mod auth;
mod feeds;
mod listings;
mod orders;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::account::MARKETPLACES;
use crate::sandbox::{
    Buckets, Fault, Faults, Purchase, Rate, Receipt, Request, Response, Sandbox, State,
};

const SELLER_ID: &str = "A2SKUCASTSANDBOX";
const MARKETPLACE_ID: &str = "A1PA6795UKMFR9";

/// One operation: method, path, name, requests per second and burst. Without a rate it is not limited.
struct Operation {
    method: &'static str,
    path: &'static str,
    name: &'static str,
    rate: Option<Rate>,
}

const fn operation(method: &'static str, path: &'static str, name: &'static str) -> Operation {
    Operation {
        method,
        path,
        name,
        rate: None,
    }
}

const fn limited(operation: Operation, per_second: f64, burst: f64) -> Operation {
    Operation {
        rate: Some(Rate {
            operation: operation.name,
            per_second,
            burst,
        }),
        ..operation
    }
}

const ITEMS: &str = "/listings/2021-08-01/items/{sellerId}";
const ITEM: &str = "/listings/2021-08-01/items/{sellerId}/{sku}";
const FEED: &str = "/feeds/2021-06-30/feeds/{feedId}";

/// Rates: the usage plans in the models.
const OPERATIONS: &[Operation] = &[
    operation("POST", "/auth/o2/token", "token"),
    limited(operation("GET", ITEMS, "searchListingsItems"), 5.0, 5.0),
    limited(operation("GET", ITEM, "getListingsItem"), 5.0, 10.0),
    limited(operation("PUT", ITEM, "putListingsItem"), 5.0, 10.0),
    limited(operation("PATCH", ITEM, "patchListingsItem"), 5.0, 5.0),
    limited(operation("DELETE", ITEM, "deleteListingsItem"), 5.0, 5.0),
    limited(
        operation("POST", "/feeds/2021-06-30/documents", "createFeedDocument"),
        0.5,
        15.0,
    ),
    limited(
        operation(
            "GET",
            "/feeds/2021-06-30/documents/{feedDocumentId}",
            "getFeedDocument",
        ),
        0.0222,
        10.0,
    ),
    limited(
        operation("POST", "/feeds/2021-06-30/feeds", "createFeed"),
        0.0083,
        15.0,
    ),
    limited(
        operation("GET", "/feeds/2021-06-30/feeds", "getFeeds"),
        0.0222,
        10.0,
    ),
    limited(operation("GET", FEED, "getFeed"), 2.0, 15.0),
    limited(operation("DELETE", FEED, "cancelFeed"), 2.0, 15.0),
    limited(
        operation("GET", "/orders/2026-01-01/orders", "searchOrders"),
        0.0056,
        20.0,
    ),
    limited(
        operation("GET", "/orders/2026-01-01/orders/{orderId}", "getOrder"),
        0.5,
        30.0,
    ),
    limited(
        operation(
            "POST",
            "/orders/v0/orders/{orderId}/shipmentConfirmation",
            "confirmShipment",
        ),
        2.0,
        10.0,
    ),
    limited(
        operation(
            "GET",
            "/sellers/v1/marketplaceParticipations",
            "getMarketplaceParticipations",
        ),
        0.016,
        15.0,
    ),
    operation("PUT", "/uploads/{documentId}", "upload"),
    operation("GET", "/results/{documentId}", "download"),
];

/// Paths that are called without an access token.
const PUBLIC: &[&str] = &["token", "upload", "download"];

impl Operation {
    fn find(request: &Request) -> Option<&'static Self> {
        let parts: Vec<_> = request.path.split('/').skip(1).collect();
        OPERATIONS.iter().find(|operation| {
            let pattern: Vec<_> = operation.path.split('/').skip(1).collect();
            operation.method == request.method
                && pattern.len() == parts.len()
                && pattern
                    .iter()
                    .zip(&parts)
                    .all(|(wanted, part)| wanted.starts_with('{') || wanted == part)
        })
    }
}

/// How long Amazon takes. Real feeds need minutes to hours, and real writes seconds to minutes.
#[derive(Clone, Copy, Debug)]
pub struct Timing {
    /// From an accepted write to the live listing.
    pub publish: SignedDuration,
    /// A feed's time in the queue.
    pub queue: SignedDuration,
    /// A feed's time in progress.
    pub process: SignedDuration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            publish: SignedDuration::from_millis(200),
            queue: SignedDuration::from_millis(300),
            process: SignedDuration::from_millis(700),
        }
    }
}

/// Everything that survives the process.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(default)]
struct Data {
    tokens: auth::Tokens,
    shelf: listings::Shelf,
    feeds: feeds::Feeds,
    orders: orders::Orders,
    buckets: Buckets,
}

impl Data {
    /// Carries out what is due.
    fn settle(&mut self, now: Timestamp, timing: &Timing, stuck: bool) {
        self.shelf.settle(now);
        if !stuck {
            self.feeds.settle(now, timing, &mut self.shelf);
        }
    }
}

#[derive(Default)]
pub struct AmazonSandbox {
    data: Data,
    timing: Timing,
    /// Feeds stay as they are.
    stuck: bool,
}

impl AmazonSandbox {
    #[cfg(test)]
    pub fn with_timing(timing: Timing) -> Self {
        Self {
            timing,
            ..Self::default()
        }
    }

    fn answer(
        &mut self,
        operation: &Operation,
        request: &Request,
        faults: &mut Faults,
    ) -> Response {
        let now = request.now;
        if !PUBLIC.contains(&operation.name)
            && let Err(refused) = self.data.tokens.check(request)
        {
            return refused;
        }
        if let Some(rate) = &operation.rate
            && self.data.buckets.take(rate, now).is_err()
        {
            return quota_exceeded();
        }
        let data = &mut self.data;
        let path: Vec<String> = request.segments();
        let last = path.last().map_or("", String::as_str);
        let seller = path.get(3).map_or("", String::as_str);
        if operation.path.starts_with(ITEMS) && seller != SELLER_ID {
            return denied("");
        }
        match operation.name {
            "token" => data.tokens.grant(request),
            "searchListingsItems" => data.shelf.search(request, faults),
            "getListingsItem" => data.shelf.get(last, request),
            "putListingsItem" | "patchListingsItem" | "deleteListingsItem" => {
                data.shelf.write(last, request, &self.timing, faults)
            }
            "createFeedDocument" => data.feeds.create_document(request),
            "getFeedDocument" => data.feeds.document(last, request),
            "createFeed" => data.feeds.create(request, &mut data.buckets, faults),
            "getFeeds" => data.feeds.list(request, &self.timing),
            "getFeed" => data.feeds.get(last, now, &self.timing),
            "cancelFeed" => data.feeds.cancel(last, now, &self.timing),
            "upload" => data.feeds.upload(last, request),
            "download" => data.feeds.download(last, request),
            "searchOrders" => data.orders.search(request, faults),
            "getOrder" => data.orders.get(last, request),
            "confirmShipment" => {
                let order = path.get(3).map_or("", String::as_str);
                let ignored = faults.strikes(Fault::Ignored, true);
                data.orders.ship(order, request, ignored)
            }
            "getMarketplaceParticipations" => participations(),
            _ => not_found(),
        }
    }
}

/// The first call of many clients. The seller sells everywhere.
fn participations() -> Response {
    let participations: Vec<_> = MARKETPLACES
        .iter()
        .map(|one| {
            json!({
                "marketplace": {
                    "id": one.id,
                    "name": one.domain,
                    "countryCode": one.country(),
                    "defaultCurrencyCode": one.currency.code(),
                    "defaultLanguageCode": one.language,
                    "domainName": format!("www.{}", one.domain),
                },
                "storeName": "Sandbox",
                "participation": {"isParticipating": true, "hasSuspendedListings": false},
            })
        })
        .collect();
    Response::json(200, &json!({"payload": participations}))
}

/// models: `ErrorList`.
fn error(status: u16, code: &str, message: &str, details: &str) -> Response {
    let body = json!({"errors": [{"code": code, "message": message, "details": details}]});
    Response::json(status, &body)
}

fn not_found() -> Response {
    let message = "The specified resource does not exist.";
    error(404, "NotFound", message, "")
}

fn invalid(details: &str) -> Response {
    error(400, "InvalidInput", "Invalid Input", details)
}

/// amzn/selling-partner-api-docs issues 2147 and 2336.
fn denied(details: &str) -> Response {
    let message = "Access to requested resource is denied.";
    error(403, "Unauthorized", message, details)
}

fn quota_exceeded() -> Response {
    let message = "You exceeded your quota for the requested resource.";
    error(429, "QuotaExceeded", message, "")
}

fn with_request_id(response: Response) -> Response {
    response.header("x-amzn-RequestId", uuid::Uuid::now_v7().to_string())
}

/// A moment as it is told: to the microsecond, which every client can read.
fn told(at: Timestamp) -> String {
    format!("{at:.6}")
}

/// A comma-separated parameter, also when it is given several times.
fn list<'a>(request: &'a Request, name: &str) -> Vec<&'a str> {
    request
        .query
        .iter()
        .filter(|(key, _)| key == name)
        .flat_map(|(_, value)| value.split(','))
        .filter(|value| !value.is_empty())
        .collect()
}

/// A moment in a parameter; `Err` answers a value that is none.
fn moment(request: &Request, name: &str) -> Result<Option<Timestamp>, Response> {
    request
        .query(name)
        .map(|text| {
            text.parse()
                .map_err(|_| invalid(&format!("{name} is not in ISO 8601 format")))
        })
        .transpose()
}

impl Sandbox for AmazonSandbox {
    fn kind(&self) -> &'static str {
        "amazon"
    }

    fn settings(&self, base_url: &str) -> Map<String, Value> {
        let settings = json!({
            "region": "eu",
            "marketplace_id": MARKETPLACE_ID,
            "seller_id": SELLER_ID,
            "client_id": auth::CLIENT_ID,
            "client_secret": auth::CLIENT_SECRET,
            "refresh_token": auth::REFRESH_TOKEN,
            "endpoint": base_url,
            "token_url": format!("{base_url}/auth/o2/token"),
        });
        settings.as_object().cloned().unwrap_or_default()
    }

    fn respond(&mut self, request: &Request, faults: &mut Faults) -> Response {
        self.stuck = faults.strikes(Fault::StuckSubmission, true);
        self.data.settle(request.now, &self.timing, self.stuck);
        let Some(operation) = Operation::find(request) else {
            return with_request_id(not_found());
        };
        let mut response = self.answer(operation, request, faults);
        if let Some(rate) = &operation.rate
            && !matches!(response.status, 403 | 429)
        {
            response = response.header("x-amzn-RateLimit-Limit", format!("{:?}", rate.per_second));
        }
        with_request_id(response)
    }

    fn operation(&self, request: &Request) -> String {
        match Operation::find(request) {
            Some(operation) => format!("{} {}", operation.method, operation.path),
            None => format!("{} (unknown)", request.method),
        }
    }

    fn writes(&self, request: &Request) -> bool {
        let is_token = Operation::find(request).is_some_and(|operation| operation.name == "token");
        request.method != "GET" && !is_token
    }

    /// Amazon names no time to wait.
    fn throttled(&self, _: u64) -> Response {
        with_request_id(quota_exceeded())
    }

    fn broken(&self) -> Response {
        let message = "We encountered an internal error. Please try again.";
        with_request_id(error(500, "InternalFailure", message, ""))
    }

    fn state(&self) -> State {
        let mut data = self.data.clone();
        data.settle(Timestamp::now(), &self.timing, self.stuck);
        State {
            listings: data.shelf.state(),
            created: data.shelf.created().clone(),
            shipments: data.orders.shipments(),
            orders: data.orders.state(),
        }
    }

    fn buy(&mut self, purchase: &Purchase, now: Timestamp) -> Result<Receipt, String> {
        self.data.settle(now, &self.timing, self.stuck);
        self.data.orders.buy(purchase, &mut self.data.shelf, now)
    }

    fn cancel(&mut self, order_id: &str, now: Timestamp) -> Result<(), String> {
        self.data.settle(now, &self.timing, self.stuck);
        self.data.orders.cancel(order_id, &mut self.data.shelf, now)
    }

    fn save(&self) -> Value {
        // Every part is made of maps, lists and texts, so it can always be written.
        serde_json::to_value(&self.data).unwrap_or_default()
    }

    fn restore(&mut self, saved: Value) -> Result<(), String> {
        self.data = serde_json::from_value(saved).map_err(|error| error.to_string())?;
        Ok(())
    }
}
