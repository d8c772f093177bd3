//! How WordPress reads a request and writes an answer.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::sandbox::{Request, Response};

pub const ROOT: &str = "/wp-json";
pub const NAMESPACE: &str = "/wp-json/wc/v3";

/// WordPress' error value.
#[derive(Clone, Debug, PartialEq)]
pub struct WpError {
    pub status: u16,
    pub code: String,
    pub message: String,
    /// Beside `status`.
    pub data: Box<Map<String, Value>>,
}

impl WpError {
    pub fn new(status: u16, code: &str, message: impl Into<String>) -> Self {
        Self {
            status,
            code: code.to_owned(),
            message: message.into(),
            data: Box::default(),
        }
    }

    /// `rest_invalid_param` for one parameter; `reason` is the code of the detail.
    pub fn parameter(name: &str, reason: &str, message: impl Into<String>) -> Self {
        let message = message.into();
        let mut error = Self::new(
            400,
            "rest_invalid_param",
            format!("Invalid parameter(s): {name}"),
        );
        let detail = json!({"code": reason, "message": message, "data": null});
        error.data.insert("params".into(), json!({name: message}));
        error.data.insert("details".into(), json!({name: detail}));
        error
    }

    pub fn with(mut self, key: &str, value: Value) -> Self {
        self.data.insert(key.to_owned(), value);
        self
    }

    pub fn no_route() -> Self {
        Self::new(
            404,
            "rest_no_route",
            "No route was found matching the URL and request method.",
        )
    }

    pub fn body(&self) -> Value {
        let mut data = Map::from_iter([("status".to_owned(), json!(self.status))]);
        data.extend((*self.data).clone());
        json!({"code": self.code, "message": self.message, "data": data})
    }

    pub fn response(&self) -> Response {
        Response::json(self.status, &self.body())
    }
}

pub type WpResult<T> = Result<T, WpError>;

/// A request with its parameters as PHP sees them.
#[derive(Debug)]
pub struct Call<'a> {
    pub request: &'a Request,
    pub method: String,
    /// Of a repeated name the last one counts.
    pub query: BTreeMap<String, String>,
    /// The body's fields, if it was sent as one that is read.
    pub body: Map<String, Value>,
    pub now: Timestamp,
}

impl<'a> Call<'a> {
    pub fn parse(request: &'a Request) -> WpResult<Self> {
        let query: BTreeMap<_, _> = request.query.iter().cloned().collect();
        let method = match (request.method.as_str(), query.get("_method")) {
            ("POST", Some(method)) => method.to_ascii_uppercase(),
            ("POST", None) => request
                .header("x-http-method-override")
                .map_or_else(|| "POST".to_owned(), str::to_ascii_uppercase),
            (method, _) => method.to_owned(),
        };
        let kind = request.header("content-type").unwrap_or_default();
        let body = if request.body.is_empty() {
            Map::new()
        } else if kind.starts_with("application/json") {
            match serde_json::from_slice(&request.body) {
                Ok(Value::Object(fields)) => fields,
                Ok(_) => Map::new(),
                Err(_) => {
                    return Err(WpError::new(
                        400,
                        "rest_invalid_json",
                        "Invalid JSON body passed.",
                    ));
                }
            }
        } else if kind.starts_with("application/x-www-form-urlencoded") {
            form(&String::from_utf8_lossy(&request.body))
        } else {
            // Without its type a JSON body is not read at all.
            Map::new()
        };
        Ok(Self {
            request,
            method,
            query,
            body,
            now: request.now,
        })
    }

    /// A parameter of the query, or of the body for writes.
    pub fn parameter(&self, name: &str) -> Option<String> {
        match self.body.get(name) {
            Some(Value::String(text)) => Some(text.clone()),
            Some(Value::Null) | None => self.query.get(name).cloned(),
            Some(value) => Some(value.to_string()),
        }
    }

    /// `a,b` and `name[]=a&name[]=b` alike.
    pub fn list(&self, name: &str) -> Vec<String> {
        let indexed = format!("{name}[");
        self.request
            .query
            .iter()
            .filter(|(key, _)| key.starts_with(&indexed))
            .map(|(_, value)| value.clone())
            .chain(
                self.query
                    .get(name)
                    .into_iter()
                    .flat_map(|text| text.split(',').map(str::to_owned)),
            )
            .map(|value| value.trim().to_owned())
            .filter(|value| !value.is_empty())
            .collect()
    }

    pub fn flag(&self, name: &str) -> bool {
        matches!(self.parameter(name).as_deref(), Some("true" | "1"))
    }

    pub fn is_edit(&self) -> bool {
        self.method != "GET" || self.query.get("context").is_some_and(|text| text == "edit")
    }
}

fn form(text: &str) -> Map<String, Value> {
    text.split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            let decode = |text: &str| {
                percent_encoding::percent_decode_str(&text.replace('+', " "))
                    .decode_utf8_lossy()
                    .into_owned()
            };
            (decode(key), Value::String(decode(value)))
        })
        .collect()
}

/// A page of a list, as asked for.
#[derive(Clone, Copy, Debug)]
pub struct Paging {
    pub page: usize,
    pub per_page: usize,
    offset: Option<usize>,
}

impl Paging {
    pub fn parse(call: &Call<'_>) -> WpResult<Self> {
        let number = |name: &str, least: usize, most: usize, otherwise: usize| {
            let Some(text) = call.query.get(name) else {
                return Ok(otherwise);
            };
            let number: i64 = text.parse().map_err(|_| {
                WpError::parameter(
                    name,
                    "rest_invalid_type",
                    format!("{name} is not of type integer."),
                )
            })?;
            match usize::try_from(number) {
                Ok(number) if (least..=most).contains(&number) => Ok(number),
                _ => Err(WpError::parameter(
                    name,
                    "rest_out_of_bounds",
                    format!("{name} must be between {least} (inclusive) and {most} (inclusive)"),
                )),
            }
        };
        Ok(Self {
            page: number("page", 1, usize::MAX >> 1, 1)?,
            per_page: number("per_page", 1, 100, 10)?,
            offset: match call.query.contains_key("offset") {
                true => Some(number("offset", 0, usize::MAX >> 1, 0)?),
                false => None,
            },
        })
    }

    fn start(&self) -> usize {
        self.offset
            .unwrap_or_else(|| (self.page - 1).saturating_mul(self.per_page))
    }

    /// Cuts the page out of all matches, and answers it with the headers that count them. With `repeat` every
    /// page is the first one and another always follows: a cache that ignores the query.
    pub fn answer<T>(
        &self,
        call: &Call<'_>,
        all: Vec<T>,
        repeat: bool,
        render: impl Fn(T) -> Value,
    ) -> Response {
        let start = if repeat { 0 } else { self.start() };
        // What lies beyond the end is counted as nothing by an offset always, and by pages of orders (HPOS).
        let forgets = self.offset.is_some() || call.request.path.ends_with("/orders");
        let total = match all.len() {
            total if start >= total && forgets => 0,
            total => total,
        };
        let documents: Vec<Value> = all
            .into_iter()
            .skip(start)
            .take(self.per_page)
            .map(|item| only_fields(render(item), call, false))
            .collect();
        let pages = match repeat {
            true => self.page + 1,
            false => total.div_ceil(self.per_page),
        };
        let mut response = Response::json(200, &Value::Array(documents))
            .header("x-wp-total", total.to_string())
            .header("x-wp-totalpages", pages.to_string());
        // The links repeat the query with its signature, whose nonce is used up: they cannot be followed.
        let link = |page: usize, relation: &str| {
            let mut query: Vec<_> = call
                .request
                .raw_query
                .split('&')
                .filter(|pair| !pair.is_empty() && !pair.starts_with("page="))
                .map(str::to_owned)
                .collect();
            query.push(format!("page={page}"));
            let (base, path) = (&call.request.base_url, &call.request.path);
            format!("<{base}{path}?{}>; rel=\"{relation}\"", query.join("&"))
        };
        let mut links = Vec::new();
        if self.page > 1 {
            links.push(link((self.page - 1).min(pages.max(1)), "prev"));
        }
        if self.page < pages {
            links.push(link(self.page + 1, "next"));
        }
        if !links.is_empty() {
            response = response.header("link", links.join(", "));
        }
        response
    }
}

/// `_fields` names top-level keys. `_links` stays in a single answer.
pub fn only_fields(mut document: Value, call: &Call<'_>, single: bool) -> Value {
    let wanted = call.list("_fields");
    if let Value::Object(fields) = &mut document
        && !wanted.is_empty()
    {
        fields.retain(|key, _| wanted.contains(key) || (single && key == "_links"));
    }
    document
}

/// A date without zone, and the moment that it names in a shop whose time is UTC.
pub fn local(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S").to_string()
}

/// The moment that a date names, with or without a zone.
pub fn moment(text: &str) -> Option<Timestamp> {
    if let Ok(at) = text.parse() {
        return Some(at);
    }
    let civil: jiff::civil::DateTime = text.parse().ok()?;
    let zoned = civil.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
    Some(zoned.timestamp())
}

/// `after`, `modified_before` and their like: exclusive, in whole seconds.
pub fn date_parameter(call: &Call<'_>, name: &str) -> WpResult<Option<i64>> {
    let Some(text) = call.query.get(name) else {
        return Ok(None);
    };
    let invalid = || WpError::parameter(name, "rest_invalid_date", "Invalid date.".to_owned());
    if !text.contains(['T', ' ']) {
        return Err(invalid());
    }
    moment(text)
        .map(|at| Some(at.as_second()))
        .ok_or_else(invalid)
}

/// One of the texts that a parameter may be.
pub fn choice<'c>(
    call: &'c Call<'_>,
    name: &str,
    allowed: &[&str],
    otherwise: &'c str,
) -> WpResult<&'c str> {
    match call.query.get(name) {
        None => Ok(otherwise),
        Some(text) if allowed.contains(&text.as_str()) => Ok(text),
        Some(_) => Err(not_one_of(name, allowed)),
    }
}

pub fn not_one_of(name: &str, allowed: &[&str]) -> WpError {
    WpError::parameter(
        name,
        "rest_not_in_enum",
        format!("{name} is not one of {}.", allowed.join(", ")),
    )
}
