//! Emulated channels: a vendor's wire protocol over real HTTP, with state, quotas, faults and buyers.
//!
//! Each connector folder brings its own [`Sandbox`], written from the vendor's documentation. What all of them
//! share is here: the server, the faults, the file that keeps the state between runs, and the paths below
//! `/_sandbox/` that tests and other people's clients use.

mod buckets;
mod faults;
pub mod form;
pub mod graphql;
mod server;
pub mod uploads;

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use buckets::{Buckets, Rate};
pub use faults::{Fault, Faults, Profile};
pub use server::{Exchange, Running, ServeOptions, Tap, serve};

use crate::domain::money::Money;

/// A request as a sandbox sees it. Names of headers are lower case.
#[derive(Clone, Debug)]
pub struct Request {
    pub method: String,
    /// Still percent-encoded.
    pub path: String,
    /// Still percent-encoded, without `?`.
    pub raw_query: String,
    /// Decoded, in order.
    pub query: Vec<(String, String)>,
    pub headers: BTreeMap<String, String>,
    pub body: Vec<u8>,
    /// `http://127.0.0.1:PORT`
    pub base_url: String,
    pub now: Timestamp,
}

impl Request {
    pub fn query(&self, name: &str) -> Option<&str> {
        self.query
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    /// The path's parts, percent-decoded.
    pub fn segments(&self) -> Vec<String> {
        let decode = |part: &str| {
            percent_encoding::percent_decode_str(part)
                .decode_utf8_lossy()
                .into_owned()
        };
        self.path
            .split('/')
            .filter(|part| !part.is_empty())
            .map(decode)
            .collect()
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Response {
    pub fn json(status: u16, body: &Value) -> Self {
        Self {
            status,
            headers: vec![(
                "content-type".into(),
                "application/json; charset=UTF-8".into(),
            )],
            body: body.to_string().into_bytes(),
        }
    }

    pub fn empty(status: u16) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: Vec::new(),
        }
    }

    /// What hosts and their firewalls answer where the shop has no limit of its own.
    pub fn turned_away(retry_after_seconds: u64) -> Self {
        let page = Self {
            body: b"<html><body><h1>429 Too Many Requests</h1></body></html>".to_vec(),
            ..Self::empty(429)
        };
        page.header("content-type", "text/html; charset=UTF-8")
            .header("retry-after", retry_after_seconds.to_string())
    }

    pub fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }
}

/// A buyer at the counter. Without `buyer` the sandbox invents one.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Purchase {
    pub lines: Vec<PurchaseLine>,
    #[serde(default)]
    pub buyer: Option<Value>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PurchaseLine {
    pub sku: String,
    pub quantity: u64,
}

/// What the buyer got. An order is placed even when the stock did not suffice: that is an oversale, and the
/// point of the exercise is to see none.
#[derive(Clone, Debug, Serialize)]
pub struct Receipt {
    pub order_id: String,
    pub lines: Vec<ReceiptLine>,
}

#[derive(Clone, Debug, Serialize)]
pub struct ReceiptLine {
    pub sku: String,
    pub quantity: u64,
    /// What the channel had on offer before this purchase; `None` when it does not count this listing's stock.
    pub in_stock: Option<i64>,
    pub oversold: bool,
}

/// One listing as `GET /_sandbox/state` tells it.
#[derive(Clone, Debug, Serialize)]
pub struct ListingState {
    pub price: Option<Money>,
    pub quantity: Option<i64>,
    pub live: bool,
    /// The vendor's own document of it.
    pub content: Value,
}

#[derive(Clone, Debug, Default, Serialize)]
pub struct State {
    pub listings: BTreeMap<String, ListingState>,
    pub orders: Vec<Value>,
    pub shipments: Vec<Value>,
    /// How many listings were ever created per sku: 2 is a doubled listing.
    pub created: BTreeMap<String, u64>,
}

/// One emulated channel. Calls come one at a time.
pub trait Sandbox: Send {
    fn kind(&self) -> &'static str;

    /// What goes into `[channels.X.settings]` to reach it at this address.
    fn settings(&self, base_url: &str) -> serde_json::Map<String, Value>;

    /// Answers a request with the vendor's own bodies, for mistakes as well. Vendor-specific faults (a write
    /// that is ignored, a submission that is stuck, a page that repeats) are drawn from `faults` here.
    fn respond(&mut self, request: &Request, faults: &mut Faults) -> Response;

    /// The operation's name for counting requests: `POST /products/batch`, with ids taken out of the path.
    fn operation(&self, request: &Request) -> String;

    /// Whether the request changes anything of the seller's.
    fn writes(&self, request: &Request) -> bool {
        request.method != "GET"
    }

    /// The vendor's answer to a caller that is too fast, and to one that meets a broken server.
    fn throttled(&self, retry_after_seconds: u64) -> Response;
    fn broken(&self) -> Response;

    /// The answer to this request when it comes too fast, where that differs from path to path.
    fn throttled_request(&self, _: &Request, retry_after_seconds: u64) -> Response {
        self.throttled(retry_after_seconds)
    }

    /// Whether this answer refuses a caller that is too fast.
    fn refuses_pace(&self, response: &Response) -> bool {
        response.status == 429
    }

    fn state(&self) -> State;

    /// A buyer buys. `Err` says in words why this cannot be ordered (no such listing, not live).
    fn buy(&mut self, purchase: &Purchase, now: Timestamp) -> Result<Receipt, String>;

    /// The buyer cancels; stock comes back as the vendor does it.
    fn cancel(&mut self, order_id: &str, now: Timestamp) -> Result<(), String>;

    /// Everything that must survive the process.
    fn save(&self) -> Value;
    fn restore(&mut self, saved: Value) -> Result<(), String>;
}
