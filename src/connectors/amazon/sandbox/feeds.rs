//! Feeds 2021-06-30 with JSON_LISTINGS_FEED: documents, a queue that takes its time, and reports.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use iso_currency::Currency;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::super::account::find_marketplace;
use super::attributes::{self, Issue, Write};
use super::listings::Shelf;
use super::{SELLER_ID, Timing, error, invalid, list, quota_exceeded, told};
use crate::sandbox::{Buckets, Fault, Faults, Rate, Request, Response};

/// feeds-api-best-practices: five in five minutes, beside the operation's own rate.
const JSON_FEEDS: Rate = Rate {
    operation: "JSON_LISTINGS_FEED",
    per_second: 5.0 / 300.0,
    burst: 5.0,
};
/// schemas/feeds/listings-feed-schema-v2.json, `messages.maxItems`.
const MOST_MESSAGES: usize = 25_000;
/// An address is good for so long.
const ADDRESS_LIFETIME: SignedDuration = SignedDuration::from_mins(5);
const DOCUMENT_LIFETIME: SignedDuration = SignedDuration::from_hours(48);
/// Longer reports are packed.
const PACKED_FROM: usize = 1024;

#[derive(Clone, Serialize, Deserialize)]
struct Document {
    created: Timestamp,
    content_type: String,
    /// `None` until it is uploaded, and again once its feed holds it.
    body: Option<String>,
}

/// What becomes of a message whatever it says.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Fate {
    Refused,
    Temporary,
}

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
enum Status {
    Waiting,
    Done,
    Fatal,
    Canceled,
}

#[derive(Clone, Serialize, Deserialize)]
struct Feed {
    created: Timestamp,
    marketplaces: Vec<String>,
    status: Status,
    /// The document until it is processed.
    input: String,
    fates: BTreeMap<String, Fate>,
    ignored: bool,
    result: Option<String>,
}

#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Feeds {
    counter: u64,
    documents: BTreeMap<String, Document>,
    feeds: BTreeMap<String, Feed>,
}

impl Feeds {
    fn next_id(&mut self) -> u64 {
        self.counter += 1;
        self.counter
    }

    fn next_document_id(&mut self) -> String {
        format!("amzn1.tortuga.4.eu.{:012x}", self.next_id())
    }

    pub fn create_document(&mut self, request: &Request) -> Response {
        let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
        let Some(content_type) = body["contentType"].as_str().filter(|text| !text.is_empty())
        else {
            return invalid("contentType is required");
        };
        let now = request.now;
        self.documents
            .retain(|_, one| one.body.is_some() || now < one.created + DOCUMENT_LIFETIME);
        let id = self.next_document_id();
        let document = Document {
            created: now,
            content_type: content_type.to_owned(),
            body: None,
        };
        self.documents.insert(id.clone(), document);
        let url = address(request, "uploads", &id);
        Response::json(201, &json!({"feedDocumentId": id, "url": url}))
    }

    pub fn upload(&mut self, id: &str, request: &Request) -> Response {
        let Some(document) = self.documents.get_mut(id) else {
            return store_error(404, "NoSuchKey", "The specified key does not exist.");
        };
        if !is_fresh(request) {
            return store_error(403, "AccessDenied", "Request has expired");
        }
        if request.header("content-type") != Some(&document.content_type) {
            return store_error(
                403,
                "SignatureDoesNotMatch",
                "The request signature we calculated does not match the signature you provided.",
            );
        }
        document.body = Some(String::from_utf8_lossy(&request.body).into_owned());
        Response::empty(200)
    }

    pub fn document(&self, id: &str, request: &Request) -> Response {
        let Some(document) = self.documents.get(id) else {
            return error(404, "NotFound", "The feed document does not exist.", "");
        };
        let mut url = address(request, "results", id);
        let mut body = json!({"feedDocumentId": id});
        if document.is_packed() {
            body["compressionAlgorithm"] = "GZIP".into();
            if request.query("enableContentEncodingUrlHeader") == Some("true") {
                url.push_str("&response-content-encoding=gzip");
            }
        }
        body["url"] = url.into();
        Response::json(200, &body)
    }

    pub fn download(&self, id: &str, request: &Request) -> Response {
        let Some(document) = self.documents.get(id) else {
            return store_error(404, "NoSuchKey", "The specified key does not exist.");
        };
        if !is_fresh(request) {
            return store_error(403, "AccessDenied", "Request has expired");
        }
        let text = document.body.as_deref().unwrap_or_default();
        let mut response = Response::empty(200).header("content-type", &*document.content_type);
        if let Some(encoding) = request.query("response-content-encoding") {
            response = response.header("content-encoding", encoding);
        }
        response.body = match document.is_packed() {
            true => pack(text),
            false => text.as_bytes().to_vec(),
        };
        response
    }

    pub fn create(
        &mut self,
        request: &Request,
        buckets: &mut Buckets,
        faults: &mut Faults,
    ) -> Response {
        let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
        if body["feedType"] != "JSON_LISTINGS_FEED" {
            return invalid("this sandbox processes JSON_LISTINGS_FEED only");
        }
        let marketplaces: Vec<String> =
            serde_json::from_value(body["marketplaceIds"].clone()).unwrap_or_default();
        if marketplaces.is_empty() || marketplaces.len() > 25 {
            return invalid("marketplaceIds must name 1 to 25 marketplaces");
        }
        if marketplaces.iter().any(|id| find_marketplace(id).is_none()) {
            return invalid("marketplaceIds holds an unknown marketplace");
        }
        let document = body["inputFeedDocumentId"].as_str().unwrap_or_default();
        let Some(uploaded) = self
            .documents
            .get_mut(document)
            .map(|document| &mut document.body)
            .filter(|body| body.is_some())
        else {
            return invalid("inputFeedDocumentId names no uploaded document");
        };
        if buckets.take(&JSON_FEEDS, request.now).is_err() {
            return quota_exceeded();
        }
        let input = uploaded.take().unwrap_or_default();
        let id = (50_000_000 + self.next_id()).to_string();
        let feed = Feed {
            created: request.now,
            marketplaces,
            status: Status::Waiting,
            fates: fates(&input, faults),
            ignored: faults.strikes(Fault::Ignored, true),
            input,
            result: None,
        };
        self.feeds.insert(id.clone(), feed);
        Response::json(202, &json!({"feedId": id}))
    }

    pub fn get(&self, id: &str, now: Timestamp, timing: &Timing) -> Response {
        match self.feeds.get(id) {
            Some(feed) => Response::json(200, &feed.show(id, now, timing)),
            None => error(404, "NotFound", "The feed does not exist.", ""),
        }
    }

    pub fn list(&self, request: &Request, timing: &Timing) -> Response {
        let statuses = list(request, "processingStatuses");
        let most = match request.query("pageSize").map(str::parse) {
            None => 10,
            Some(Ok(size @ 1..=100)) => size,
            Some(_) => return invalid("pageSize must be between 1 and 100"),
        };
        let types = list(request, "feedTypes");
        let feeds: Vec<_> = self
            .feeds
            .iter()
            .rev()
            .filter(|_| types.is_empty() || types.contains(&"JSON_LISTINGS_FEED"))
            .map(|(id, feed)| feed.show(id, request.now, timing))
            .filter(|feed| {
                let status = feed["processingStatus"].as_str().unwrap_or_default();
                statuses.is_empty() || statuses.contains(&status)
            })
            .take(most)
            .collect();
        Response::json(200, &json!({"feeds": feeds}))
    }

    pub fn cancel(&mut self, id: &str, now: Timestamp, timing: &Timing) -> Response {
        match self.feeds.get_mut(id) {
            None => error(404, "NotFound", "The feed does not exist.", ""),
            Some(feed) if feed.word(now, timing) != "IN_QUEUE" => {
                invalid("only a feed with the status IN_QUEUE can be cancelled")
            }
            Some(feed) => {
                feed.status = Status::Canceled;
                feed.input.clear();
                Response::empty(200)
            }
        }
    }

    /// Processes what is due, the oldest first.
    pub fn settle(&mut self, now: Timestamp, timing: &Timing, shelf: &mut Shelf) {
        let due: Vec<String> = self
            .feeds
            .iter()
            .filter(|(_, feed)| feed.status == Status::Waiting && feed.end(timing) <= now)
            .map(|(id, _)| id.clone())
            .collect();
        for id in due {
            let document = self.next_document_id();
            let Some(feed) = self.feeds.get_mut(&id) else {
                continue;
            };
            let at = feed.end(timing);
            let report = feed.process(&id, at, shelf);
            feed.result = Some(document.clone());
            feed.input.clear();
            self.documents.insert(
                document,
                Document {
                    created: at,
                    content_type: "application/json; charset=UTF-8".into(),
                    body: Some(report.to_string()),
                },
            );
        }
    }
}

impl Document {
    fn is_packed(&self) -> bool {
        self.body
            .as_ref()
            .is_some_and(|body| body.len() >= PACKED_FROM)
    }
}

impl Feed {
    fn end(&self, timing: &Timing) -> Timestamp {
        self.created + timing.queue + timing.process
    }

    fn word(&self, now: Timestamp, timing: &Timing) -> &'static str {
        match self.status {
            Status::Done => "DONE",
            Status::Fatal => "FATAL",
            Status::Canceled => "CANCELLED",
            Status::Waiting if now < self.created + timing.queue => "IN_QUEUE",
            Status::Waiting => "IN_PROGRESS",
        }
    }

    fn show(&self, id: &str, now: Timestamp, timing: &Timing) -> Value {
        let word = self.word(now, timing);
        let mut shown = json!({
            "feedId": id,
            "feedType": "JSON_LISTINGS_FEED",
            "marketplaceIds": self.marketplaces,
            "createdTime": told(self.created),
            "processingStatus": word,
        });
        if word != "IN_QUEUE" {
            shown["processingStartTime"] = told(self.created + timing.queue).into();
        }
        if let Some(result) = &self.result {
            shown["processingEndTime"] = told(self.end(timing)).into();
            shown["resultFeedDocumentId"] = result.as_str().into();
        }
        shown
    }

    /// Carries the messages out and writes the report.
    fn process(&mut self, id: &str, at: Timestamp, shelf: &mut Shelf) -> Value {
        let document: Value = serde_json::from_str(&self.input).unwrap_or_default();
        let messages = document["messages"]
            .as_array()
            .map_or(&[][..], Vec::as_slice);
        let header = &document["header"];
        let mut report = Report::new(id, &header["report"]);
        let problem = if header["version"] != "2.0" || header["sellerId"] != SELLER_ID {
            Some("The feed header is not valid.")
        } else if messages.is_empty() || messages.len() > MOST_MESSAGES {
            Some("The feed must hold 1 to 25000 messages.")
        } else {
            None
        };
        if let Some(problem) = problem {
            self.status = Status::Fatal;
            report.issues.push(json!({
                "code": "4000003", "severity": "ERROR", "message": problem,
            }));
            return report.finish(shelf);
        }
        let marketplace = self.marketplaces[0].as_str();
        let currency = find_marketplace(marketplace).map_or(Currency::EUR, |one| one.currency);
        let mut seen = BTreeSet::new();
        for (message, order) in messages.iter().zip(0..) {
            let sku = message["sku"].as_str().unwrap_or_default();
            let number = message["messageId"].as_i64().unwrap_or_default();
            let outcome = match self.fates.get(sku) {
                Some(Fate::Temporary) => Err(vec![temporary()]),
                Some(Fate::Refused) => Err(vec![attributes::refused()]),
                None if sku.is_empty() || number < 1 || !seen.insert(number) => {
                    Err(vec![malformed(
                        "messageId must be unique and sku given".into(),
                    )])
                }
                None => read(message).map_err(|reason| vec![malformed(reason)]),
            };
            let outcome = outcome.and_then(|write| match write.issues(currency) {
                issues if issues.is_empty() => Ok(write),
                issues => Err(issues),
            });
            match outcome {
                Ok(write) => {
                    report.accepted += 1;
                    report.skus.push(sku.to_owned());
                    if !self.ignored {
                        // One after the other: no two listings are created at the same moment.
                        let at = at + SignedDuration::from_micros(order);
                        shelf.apply(sku.to_owned(), marketplace, write, at);
                    }
                }
                Err(issues) => report.refuse(message, &issues),
            }
        }
        self.status = Status::Done;
        report.finish(shelf)
    }
}

/// schemas/feeds/listings-feed-schema-v2.json, `oneOf`.
fn read(message: &Value) -> Result<Write, String> {
    let forbid = |fields: &[&str]| match fields.iter().find(|field| message.get(**field).is_some())
    {
        Some(field) => Err(format!("{field} does not belong to this operationType")),
        None => Ok(()),
    };
    match message["operationType"].as_str() {
        Some("UPDATE") => forbid(&["patches"]).and_then(|()| Write::put(message)),
        Some("PARTIAL_UPDATE") => {
            forbid(&["requirements", "patches"]).and_then(|()| Write::partial(message))
        }
        Some("PATCH") => {
            forbid(&["requirements", "attributes"]).and_then(|()| Write::patch(message))
        }
        Some("DELETE") => forbid(&["requirements", "attributes", "productType", "patches"])
            .map(|()| Write::Delete),
        _ => Err("operationType is not one of its values".into()),
    }
}

fn malformed(message: String) -> Issue {
    Issue::general("4000003", message)
}

/// The code that every operation has for trouble of Amazon's own.
fn temporary() -> Issue {
    let message = "We encountered an internal error. Please try again.";
    Issue::general("InternalFailure", message.into())
}

/// Drawn when the feed is made, so that processing needs no dice.
fn fates(input: &str, faults: &mut Faults) -> BTreeMap<String, Fate> {
    #[derive(Deserialize)]
    struct Skus {
        #[serde(default)]
        messages: Vec<Named>,
    }
    #[derive(Deserialize)]
    struct Named {
        #[serde(default)]
        sku: String,
    }
    let Ok(skus) = serde_json::from_str::<Skus>(input) else {
        return BTreeMap::new();
    };
    skus.messages
        .into_iter()
        .filter_map(|message| {
            let fate = if faults.refuses(&message.sku) {
                Fate::Refused
            } else if faults.strikes(Fault::PartialBatch, true) {
                Fate::Temporary
            } else {
                return None;
            };
            Some((message.sku, fate))
        })
        .collect()
}

/// schemas/feeds/listings-feed-processing-report-schema-v2.json.
struct Report {
    header: Map<String, Value>,
    /// Data sets for `items`.
    included: Vec<String>,
    issues: Vec<Value>,
    accepted: u64,
    invalid: u64,
    skus: Vec<String>,
}

impl Report {
    fn new(feed: &str, asked: &Value) -> Self {
        let mut header = Map::new();
        header.insert("sellerId".into(), SELLER_ID.into());
        header.insert("version".into(), "2.0".into());
        header.insert("feedId".into(), feed.into());
        if asked.is_object() {
            header.insert("report".into(), asked.clone());
        }
        Self {
            header,
            included: serde_json::from_value(asked["includedData"].clone()).unwrap_or_default(),
            issues: Vec::new(),
            accepted: 0,
            invalid: 0,
            skus: Vec::new(),
        }
    }

    fn refuse(&mut self, message: &Value, issues: &[Issue]) {
        self.invalid += 1;
        for issue in issues {
            let mut written = json!({
                "messageId": message["messageId"],
                "sku": message["sku"],
                "code": issue.code,
                "severity": "ERROR",
                "message": issue.message,
            });
            // As in Amazon's example: a missing attribute is named in the message, others in a field.
            match &issue.attribute {
                Some(attribute) if issue.is_missing() => {
                    let message = format!("'[{attribute}]' is required but not supplied.");
                    written["message"] = message.into();
                }
                Some(attribute) => written["attributeName"] = attribute.as_str().into(),
                None => {}
            }
            self.issues.push(written);
        }
    }

    fn finish(self, shelf: &Shelf) -> Value {
        let mut summary = json!({
            "errors": self.issues.len(),
            "warnings": 0,
            "messagesProcessed": self.accepted + self.invalid,
            "messagesAccepted": self.accepted,
            "messagesInvalid": self.invalid,
        });
        let mut report = json!({"header": self.header, "issues": self.issues});
        if !self.included.is_empty() {
            let included: Vec<_> = self.included.iter().map(String::as_str).collect();
            let items: Vec<_> = self
                .skus
                .iter()
                .filter_map(|sku| Some(shelf.show(sku, shelf.item(sku)?, &included)))
                .collect();
            summary["itemSummary"] = json!({"items": items.len(), "errors": 0, "warnings": 0});
            report["items"] = items.into();
        }
        report["summary"] = summary;
        report
    }
}

/// An address that is good for five minutes from now.
fn address(request: &Request, folder: &str, id: &str) -> String {
    let until = (request.now + ADDRESS_LIFETIME).as_millisecond();
    format!("{}/{folder}/{id}?X-Amz-Expires={until}", request.base_url)
}

fn is_fresh(request: &Request) -> bool {
    request
        .query("X-Amz-Expires")
        .and_then(|until| until.parse().ok())
        .is_some_and(|until: i64| request.now.as_millisecond() < until)
}

/// The store behind the addresses speaks XML.
fn store_error(status: u16, code: &str, message: &str) -> Response {
    let mut response = Response::empty(status).header("content-type", "application/xml");
    response.body =
        format!("<Error><Code>{code}</Code><Message>{message}</Message></Error>").into_bytes();
    response
}

fn pack(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    // Writing into memory does not fail.
    let _ = encoder.write_all(text.as_bytes());
    encoder.finish().unwrap_or_default()
}
