//! The wire: the one endpoint for documents, its signature and its errors; and the stores for files of bulk
//! operations.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use reqwest::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use reqwest::{Request, StatusCode, Url};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::cost;
use super::descriptor::{POINTS, QUOTAS};
use super::documents::Document;
use crate::connectors::Environment;
use crate::domain::{Error, ErrorKind, Result};
use crate::http::form::{Form, FormFile};
use crate::http::token::TokenSource;
use crate::http::{Call, ChannelHttp, Dialect, Level, Replay, Reply, Signing, kind_of};

/// Quarterly; each is served for a year at least.
pub const VERSION: &str = "2026-07";

/// Where the access token comes from.
#[derive(Debug)]
pub enum Credential {
    /// Shown once in the admin; does not expire.
    Token(SecretString),
    /// Asked for with the app's id and secret, and again every day.
    App(Box<TokenSource>),
}

/// How the Admin API is signed to and how it refuses.
#[derive(Debug)]
pub struct AdminApi {
    pub credential: Credential,
}

/// The part of an answer that is beside the data.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Beside {
    errors: Value,
    extensions: Extensions,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Extensions {
    cost: Option<QueryCost>,
    search: Vec<SearchNote>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct QueryCost {
    requested_query_cost: f64,
    /// `null` of a query that was refused.
    actual_query_cost: Option<f64>,
    throttle_status: ThrottleStatus,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ThrottleStatus {
    maximum_available: f64,
    currently_available: f64,
    restore_rate: f64,
}

/// How a search text was understood.
#[derive(Deserialize)]
struct SearchNote {
    #[serde(default)]
    warnings: Vec<Value>,
}

impl Beside {
    fn of(reply: &Reply) -> Self {
        serde_json::from_slice(&reply.body).unwrap_or_default()
    }

    fn has_errors(&self) -> bool {
        match &self.errors {
            Value::Null => false,
            Value::Array(errors) => !errors.is_empty(),
            _ => true,
        }
    }

    fn first(&self) -> (&str, &str) {
        let error = match &self.errors {
            Value::Array(errors) => errors.first().unwrap_or(&Value::Null),
            other => other,
        };
        let code = error["extensions"]["code"].as_str().unwrap_or_default();
        let message = error.as_str().or_else(|| error["message"].as_str());
        (code, message.unwrap_or_default())
    }

    /// Until the bucket holds what the query asks for.
    fn wait(&self) -> Option<Duration> {
        let cost = self.extensions.cost.as_ref()?;
        let status = &cost.throttle_status;
        let missing = (cost.requested_query_cost - status.currently_available).max(0.0);
        Duration::try_from_secs_f64(missing / status.restore_rate).ok()
    }
}

#[async_trait]
impl Dialect for AdminApi {
    async fn sign(&self, mut request: Request, signing: &Signing) -> Result<Request> {
        let token = match &self.credential {
            Credential::Token(token) => token.clone(),
            Credential::App(source) => source.get(signing.now, signing.refresh).await?,
        };
        let mut token = HeaderValue::from_str(token.expose_secret()).map_err(|_| {
            Error::config("the access token holds characters that no header may have")
        })?;
        token.set_sensitive(true);
        let name = HeaderName::from_static("x-shopify-access-token");
        request.headers_mut().insert(name, token);
        Ok(request)
    }

    /// A query that failed, or half of it, is answered with status 200 and `errors`.
    fn is_success(&self, reply: &Reply) -> bool {
        reply.status.is_success() && !Beside::of(reply).has_errors()
    }

    fn classify(&self, reply: &Reply) -> Error {
        let beside = Beside::of(reply);
        let (code, message) = beside.first();
        let error = match reply.status {
            status if status.is_success() => refused(&beside),
            StatusCode::UNAUTHORIZED => self.unauthorized(),
            StatusCode::PAYMENT_REQUIRED | StatusCode::LOCKED => not_open(message),
            StatusCode::FORBIDDEN => Error::new(ErrorKind::Forbidden, said(message))
                .hint("install the app in the shop, and grant it the scopes that README.md of this connector lists"),
            StatusCode::NOT_FOUND => Error::config("there is no shop at this address")
                .hint("check `shop`: it is the address that ends in .myshopify.com, as in Settings > Domains"),
            // Shopify's own, when it takes somebody for a robot.
            status if status.as_u16() == 430 => {
                Error::new(ErrorKind::RateLimited, said(message)).retry_after(None)
            }
            status => Error::new(kind_of(status), said(message)),
        };
        match code {
            "" => error,
            code => error.with("code", code),
        }
    }

    fn request_id_header(&self) -> Option<&'static str> {
        Some("x-request-id")
    }

    fn observed_level(&self, reply: &Reply) -> Option<Level> {
        let cost = Beside::of(reply).extensions.cost?;
        Some(Level {
            capacity: cost.throttle_status.maximum_available,
            available: cost.throttle_status.currently_available,
            per_second: cost.throttle_status.restore_rate,
            charged: cost.actual_query_cost.unwrap_or(0.0),
        })
    }
}

impl AdminApi {
    fn unauthorized(&self) -> Error {
        let error = Error::new(ErrorKind::Unauthorized, "the shop refuses the access token");
        match &self.credential {
            Credential::Token(_) => error.hint(
                "check `access_token` of this channel: the app may have been removed, or its token made anew",
            ),
            Credential::App(_) => {
                error.hint("check that the app is installed in the shop that `shop` names")
            }
        }
    }
}

/// Errors beside or instead of the data.
fn refused(beside: &Beside) -> Error {
    let (code, message) = beside.first();
    match code {
        "THROTTLED" => Error::new(
            ErrorKind::RateLimited,
            "more points were asked for than the shop has left",
        )
        .retry_after(beside.wait()),
        "ACCESS_DENIED" => Error::new(ErrorKind::Forbidden, said(message)).hint(
            "grant the scope that is named to the app in the Dev Dashboard, and install it again",
        ),
        "SHOP_INACTIVE" => not_open(message),
        "NOT_FOUND" => Error::new(ErrorKind::NotFound, said(message)),
        // Shopify does not say how far it came.
        "INTERNAL_SERVER_ERROR" | "TIMEOUT" => Error::new(ErrorKind::Unavailable, said(message))
            .retry_after(None)
            .in_doubt(),
        // MAX_COST_EXCEEDED, and documents that the schema does not allow: ours to repair.
        _ => Error::unexpected(said(message)),
    }
}

fn not_open(message: &str) -> Error {
    Error::new(ErrorKind::Forbidden, said(message))
        .hint("the shop is frozen, paused or locked: open its admin, which says why")
}

fn said(message: &str) -> String {
    match message {
        "" => "Shopify refused the request without a reason".to_owned(),
        message => format!("Shopify refused the request: {message}"),
    }
}

/// For addresses that are signed already: they must not get our token.
#[derive(Debug)]
struct Store;

#[async_trait]
impl Dialect for Store {
    async fn sign(&self, request: Request, _: &Signing) -> Result<Request> {
        Ok(request)
    }

    fn classify(&self, reply: &Reply) -> Error {
        Error::new(
            kind_of(reply.status),
            "the store for files of bulk operations refused the request",
        )
        .hint("its addresses are valid for a limited time: run the command again")
    }
}

#[derive(Deserialize)]
struct Answer<T> {
    data: T,
}

/// Where a file is to be uploaded to.
#[derive(Debug, Deserialize)]
pub struct UploadTarget {
    pub url: String,
    pub parameters: Vec<Parameter>,
}

#[derive(Debug, Deserialize)]
pub struct Parameter {
    pub name: String,
    pub value: String,
}

/// One shop.
#[derive(Debug)]
pub struct Api {
    http: ChannelHttp,
    store: ChannelHttp,
    endpoint: Url,
}

impl Api {
    /// `shop` is the shop's own address.
    pub fn new(shop: &Url, dialect: AdminApi, environment: &Environment) -> Result<Self> {
        let (channel, context) = (&environment.channel, &environment.http);
        let endpoint = shop
            .join(&format!("/admin/api/{VERSION}/graphql.json"))
            .map_err(|error| {
                Error::config("`shop` cannot be extended by a path").caused_by(error)
            })?;
        Ok(Self {
            http: ChannelHttp::new(channel, context, Arc::new(dialect), QUOTAS),
            store: ChannelHttp::new(channel, context, Arc::new(Store), &[]),
            endpoint,
        })
    }

    async fn send(
        &self,
        document: &'static Document,
        replay: Replay,
        variables: &Value,
    ) -> Result<Reply> {
        let call = Call {
            operation: document.operation,
            quota: POINTS,
            cost: cost::of(document, variables),
            replay,
        };
        let body = json!({"query": document.text, "variables": variables});
        self.http
            .send_call(call, |client| {
                client.post(self.endpoint.clone()).json(&body)
            })
            .await
    }

    /// Reads. An error is never in doubt: a read carries nothing out.
    pub async fn query<T: DeserializeOwned>(
        &self,
        document: &'static Document,
        variables: &Value,
    ) -> Result<T> {
        let reply = self.send(document, Replay::Safe, variables).await;
        reply
            .map_err(harmless)?
            .json::<Answer<T>>()
            .map(|answer| answer.data)
    }

    /// Reads what a search finds. A search that was not understood finds something else, so that is an error.
    pub async fn search<T: DeserializeOwned>(
        &self,
        document: &'static Document,
        variables: &Value,
    ) -> Result<T> {
        let reply = self.send(document, Replay::Safe, variables).await;
        let reply = reply.map_err(harmless)?;
        let notes = Beside::of(&reply).extensions.search;
        if notes.iter().any(|note| !note.warnings.is_empty()) {
            return Err(Error::unexpected(
                "Shopify understands a search otherwise than its documentation says",
            )
            .with("operation", document.operation));
        }
        reply.json::<Answer<T>>().map(|answer| answer.data)
    }

    /// Writes. An answer that cannot be read leaves in doubt what was done.
    pub async fn mutate<T: DeserializeOwned>(
        &self,
        document: &'static Document,
        replay: Replay,
        variables: &Value,
    ) -> Result<T> {
        let reply = self.send(document, replay, variables).await?;
        let answer = reply.json::<Answer<T>>().map_err(Error::in_doubt)?;
        Ok(answer.data)
    }

    /// Stores a file as a form, the file last. Nothing in the shop changes by it.
    pub async fn upload(&self, target: &UploadTarget, file: &[u8]) -> Result<()> {
        let (content_type, body) = form(target, file);
        let sent = self
            .store
            .send("uploadFile", Replay::Safe, |client| {
                client
                    .post(&target.url)
                    .header(CONTENT_TYPE, &content_type)
                    .body(body.clone())
            })
            .await;
        sent.map(drop).map_err(harmless)
    }

    pub async fn download(&self, url: &str) -> Result<Vec<u8>> {
        let reply = self
            .store
            .send("downloadResult", Replay::Safe, |client| client.get(url))
            .await;
        reply.map(|reply| reply.body).map_err(harmless)
    }
}

fn harmless(mut error: Error) -> Error {
    error.in_doubt = false;
    error
}

fn form(target: &UploadTarget, file: &[u8]) -> (String, Vec<u8>) {
    let fields = target.parameters.iter();
    let form = fields.fold(Form::default(), |form, Parameter { name, value }| {
        form.text(name, value)
    });
    let file = FormFile {
        name: "changes.jsonl",
        content_type: "text/jsonl",
        content: file,
    };
    form.file("file", &file).finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dialect() -> AdminApi {
        AdminApi {
            credential: Credential::Token("shpat_test".into()),
        }
    }

    fn reply(status: u16, body: &str) -> Reply {
        Reply {
            endpoint: "x",
            status: StatusCode::from_u16(status).unwrap(),
            headers: Default::default(),
            body: body.as_bytes().to_vec(),
        }
    }

    const THROTTLED: &str = r#"{"errors":[{"message":"Throttled","extensions":{"code":"THROTTLED"}}],
        "extensions":{"cost":{"requestedQueryCost":862,"actualQueryCost":null,
        "throttleStatus":{"maximumAvailable":4000.0,"currentlyAvailable":572,"restoreRate":200.0}}}}"#;

    #[test]
    fn throttling_hides_in_a_200_and_says_how_long_to_wait() {
        let reply = reply(200, THROTTLED);
        assert!(!dialect().is_success(&reply));
        let error = dialect().classify(&reply);
        assert_eq!(error.kind, ErrorKind::RateLimited);
        let wait = crate::domain::Retry::After(Some(Duration::from_millis(1450)));
        assert_eq!(error.retry, wait);
        assert!(!error.in_doubt);
        let level = dialect().observed_level(&reply).unwrap();
        assert_eq!((level.available, level.charged), (572.0, 0.0));
    }

    #[test]
    fn half_an_answer_is_an_error() {
        let half = reply(
            200,
            r#"{"data":{"orders":null},"errors":[{"message":"Access denied for orders field. Required access: `read_orders` access scope.","extensions":{"code":"ACCESS_DENIED"}}]}"#,
        );
        assert!(!dialect().is_success(&half));
        let error = dialect().classify(&half);
        assert_eq!(error.kind, ErrorKind::Forbidden);
        assert!(error.message.contains("read_orders"));
        assert!(dialect().is_success(&reply(200, r#"{"data":{},"errors":[]}"#)));
    }

    #[test]
    fn a_broken_server_leaves_doubt_and_a_query_too_dear_none() {
        let broken = reply(
            200,
            r#"{"errors":[{"message":"Oops","extensions":{"code":"INTERNAL_SERVER_ERROR"}}]}"#,
        );
        let error = dialect().classify(&broken);
        assert!(error.in_doubt && error.is_temporary());
        let dear = reply(
            200,
            r#"{"errors":[{"message":"Query cost is 1293","extensions":{"code":"MAX_COST_EXCEEDED","cost":1293}}]}"#,
        );
        let error = dialect().classify(&dear);
        assert!(!error.in_doubt && !error.is_temporary());
        assert_eq!(error.kind, ErrorKind::Unexpected);
    }

    #[test]
    fn what_stands_in_the_way_as_a_whole_is_told() {
        let kind = |status: u16, body: &str| dialect().classify(&reply(status, body)).kind;
        let key = r#"{"errors":"[API] Invalid API key or access token"}"#;
        assert_eq!(kind(401, key), ErrorKind::Unauthorized);
        assert_eq!(
            kind(402, r#"{"errors":"Unavailable Shop"}"#),
            ErrorKind::Forbidden
        );
        assert_eq!(
            kind(404, r#"{"errors":"Not Found"}"#),
            ErrorKind::ConfigInvalid
        );
        assert_eq!(kind(502, ""), ErrorKind::Unavailable);
    }

    #[tokio::test]
    async fn the_token_travels_in_its_own_header() {
        let request = Request::new(
            reqwest::Method::POST,
            "https://x.myshopify.com/admin".parse().unwrap(),
        );
        let signing = Signing {
            now: jiff::Timestamp::UNIX_EPOCH,
            nonce: String::new(),
            refresh: false,
        };
        let signed = dialect().sign(request, &signing).await.unwrap();
        assert_eq!(signed.headers()["x-shopify-access-token"], "shpat_test");
        assert!(!format!("{signed:?}").contains("shpat_test"));
    }

    #[test]
    fn the_file_is_the_last_part_of_the_form() {
        let target = UploadTarget {
            url: "https://store.example".into(),
            parameters: vec![Parameter {
                name: "key".into(),
                value: "tmp/1/bulk".into(),
            }],
        };
        let (content_type, body) = form(&target, b"{\"a\":1}\n");
        let boundary = content_type.split("boundary=").nth(1).unwrap();
        let text = String::from_utf8(body).unwrap();
        let parts: Vec<_> = text.split(&format!("--{boundary}")).collect();
        assert_eq!(parts.len(), 4);
        assert!(parts[1].contains("name=\"key\"\r\n\r\ntmp/1/bulk\r\n"));
        assert!(parts[2].contains("name=\"file\"") && parts[2].contains("{\"a\":1}\n"));
        assert_eq!(parts[3], "--\r\n");
    }
}
