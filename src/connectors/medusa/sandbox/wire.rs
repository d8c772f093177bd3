//! What requests and answers look like, right and wrong.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use jiff::Timestamp;
use rust_decimal::Decimal;
use serde_json::{Map, Value, json};

use super::fields::Selection;
use crate::sandbox::{Request, Response};

/// Invented, and printed with the settings.
pub const KEY: &str = "sk_5a4db0c55a4db0c55a4db0c55a4db0c55a4db0c55a4db0c55a4db0c55a4db0c5";

const BATCH_LIMIT: usize = 2 << 20;
const LIMIT: usize = 100 << 10;

#[derive(Debug)]
pub struct Refusal {
    pub status: u16,
    pub kind: &'static str,
    pub message: String,
}

pub type Answer<T = Response> = Result<T, Refusal>;

impl Refusal {
    pub fn invalid(message: impl Into<String>) -> Self {
        Self {
            status: 400,
            kind: "invalid_data",
            message: message.into(),
        }
    }

    pub fn not_allowed(message: impl Into<String>) -> Self {
        Self {
            kind: "not_allowed",
            ..Self::invalid(message)
        }
    }

    pub fn not_found(message: impl Into<String>) -> Self {
        Self {
            status: 404,
            kind: "not_found",
            message: message.into(),
        }
    }

    pub fn unknown() -> Self {
        Self {
            status: 500,
            kind: "unknown_error",
            message: "An unknown error occurred.".to_owned(),
        }
    }

    /// Only a field's name and place tell what is wrong with a request.
    pub fn field(name: &str, what: &str) -> Self {
        Self::invalid(format!("Invalid request: {what} for field '{name}'"))
    }

    pub fn response(&self) -> Response {
        let mut body = json!({ "type": self.kind, "message": self.message });
        if self.status == 500 {
            body["code"] = json!(self.kind);
        }
        Response::json(self.status, &body)
    }
}

/// A path or method that the server does not have: answered by its web framework.
pub fn no_route(method: &str, path: &str) -> Response {
    let body = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>Error</title>\n</head>\n<body>\n<pre>Cannot {method} {path}</pre>\n</body>\n</html>\n"
    );
    Response {
        status: 404,
        headers: vec![("content-type".into(), "text/html; charset=utf-8".into())],
        body: body.into_bytes(),
    }
}

/// The key as the name of HTTP Basic. Every failure gets the same answer.
pub fn authorize(request: &Request) -> Result<(), Response> {
    let expected = format!("Basic {}", BASE64_STANDARD.encode(format!("{KEY}:")));
    match request.header("authorization") == Some(expected.as_str()) {
        true => Ok(()),
        false => Err(Response::json(401, &json!({ "message": "Unauthorized" }))),
    }
}

/// A request, as far as routes read it.
pub struct Call<'a> {
    pub request: &'a Request,
    pub body: Map<String, Value>,
    pub now: Timestamp,
}

impl<'a> Call<'a> {
    pub fn parse(request: &'a Request) -> Result<Self, Response> {
        let limit = match request.path.ends_with("/batch") {
            true => BATCH_LIMIT,
            false => LIMIT,
        };
        if request.body.len() > limit {
            let body = json!({"message": "request entity too large", "type": "unknown_error"});
            return Err(Response::json(413, &body));
        }
        let body = match request.body.is_empty() {
            true => Map::new(),
            false => serde_json::from_slice(&request.body).map_err(|error| {
                Response::json(
                    400,
                    &json!({"message": error.to_string(), "type": "invalid_data"}),
                )
            })?,
        };
        Ok(Self {
            request,
            body,
            now: request.now,
        })
    }

    /// The values of a list filter, `sku[]` or `sku`; `None` when it is not given. A lone value is taken apart at its
    /// commas.
    pub fn filter(&self, name: &str) -> Option<Vec<String>> {
        let list = format!("{name}[]");
        let values: Vec<&String> = self
            .request
            .query
            .iter()
            .filter(|(key, _)| *key == list || key == name)
            .map(|(_, value)| value)
            .collect();
        match values.as_slice() {
            [] => None,
            [only] => Some(only.split(',').map(str::to_owned).collect()),
            all => Some(all.iter().map(|value| (*value).clone()).collect()),
        }
    }

    /// `updated_at[$gte]`. A date that is none breaks the server.
    pub fn since(&self) -> Answer<Option<Timestamp>> {
        let text = self.request.query("updated_at[$gte]");
        text.map(|text| text.parse().map_err(|_| Refusal::unknown()))
            .transpose()
    }

    pub fn selection(&self) -> Selection {
        Selection::parse(self.request.query("fields"))
    }

    /// One page of a list, sorted by id or by the last change.
    pub fn page(
        &self,
        name: &str,
        mut documents: Vec<Value>,
        default: usize,
        repeats: bool,
    ) -> Answer {
        let number = |key: &str, default: usize| -> Answer<usize> {
            let text = self.request.query(key);
            text.map_or(Ok(default), |text| {
                text.parse().map_err(|_| {
                    Refusal::invalid(format!(
                        "Invalid request: Expected type: 'number' for field '{key}', got: '{text}'"
                    ))
                })
            })
        };
        let (limit, offset) = (number("limit", default)?, number("offset", 0)?);
        let order = self.request.query("order").unwrap_or("id");
        let (key, descending) = match order.strip_prefix('-') {
            Some(key) => (key, true),
            None => (order, false),
        };
        let text = |document: &Value| document[key].as_str().unwrap_or_default().to_owned();
        documents.sort_by_key(text);
        if descending {
            documents.reverse();
        }
        let count = documents.len();
        let from = if repeats { 0 } else { offset };
        let selection = self.selection();
        let page = documents
            .into_iter()
            .skip(from)
            .take(limit)
            .map(|document| selection.of(document));
        let mut body = Map::new();
        body.insert(name.to_owned(), page.collect());
        body.insert("count".to_owned(), json!(count));
        body.insert("offset".to_owned(), json!(offset));
        body.insert("limit".to_owned(), json!(limit));
        Ok(Response::json(200, &Value::Object(body)))
    }

    pub fn one(&self, name: &str, document: Value) -> Response {
        let mut body = Map::new();
        body.insert(name.to_owned(), self.selection().of(document));
        Response::json(200, &Value::Object(body))
    }
}

/// Refuses what the server's own validation would: it knows every field.
pub fn known_fields(body: &Map<String, Value>, known: &[&str]) -> Answer<()> {
    let unknown: Vec<_> = body
        .keys()
        .filter(|key| !known.contains(&key.as_str()))
        .map(|key| format!("'{key}'"))
        .collect();
    match unknown.is_empty() {
        true => Ok(()),
        false => Err(Refusal::invalid(format!(
            "Invalid request: Unrecognized fields: {}",
            unknown.join(", ")
        ))),
    }
}

/// The objects of a list field; absent is empty.
pub fn objects(body: &Map<String, Value>, name: &str) -> Answer<Vec<Map<String, Value>>> {
    let wrong = || Refusal::invalid(format!("Invalid request: Field '{name}' is required"));
    match body.get(name) {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::Array(items)) => items
            .iter()
            .map(|item| item.as_object().cloned().ok_or_else(wrong))
            .collect(),
        Some(_) => Err(wrong()),
    }
}

pub fn text<'a>(body: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    body.get(name).and_then(Value::as_str)
}

/// A number of a request. Texts are refused with words that mislead.
pub fn decimal(body: &Map<String, Value>, name: &str, place: &str) -> Answer<Decimal> {
    let number = body.get(name).and_then(Value::as_number);
    number
        .and_then(|number| number.to_string().parse().ok())
        .ok_or_else(|| {
            Refusal::invalid(format!(
                "Invalid request: Field '{place}{name}' is required"
            ))
        })
}

/// A number of an answer, with as few digits as it needs.
pub fn number(amount: Decimal) -> Value {
    let text = amount.normalize().to_string();
    serde_json::from_str(&text).unwrap_or(Value::Null)
}

/// The exact digits beside a number, as the server keeps them.
pub fn raw(amount: Decimal) -> Value {
    json!({ "value": amount.normalize().to_string(), "precision": 20 })
}
