//! The shop's wire: GraphQL documents over one address, and what its errors mean.

use std::sync::Arc;

use async_trait::async_trait;
use reqwest::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use reqwest::{Client, Request, StatusCode, Url};
use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::{Map, Value, json};

use super::addresses::Asset;
use super::session::Credential;
use crate::connectors::Environment;
use crate::domain::capability::Endpoint;
use crate::domain::{Error, ErrorKind, Result};
use crate::http::form::{Form, FormFile};
use crate::http::{ChannelHttp, Dialect, Replay, Reply, Signing, kind_of, redirected};

/// Names the sales channel of a shop that has several.
const CHANNEL: HeaderName = HeaderName::from_static("vendure-token");
/// Express refuses bodies of 100 kB with status 500; the document and its envelope have to fit as well.
pub const LARGEST_INPUT: usize = 80_000;
const LIST_LIMIT: &str =
    "`apiOptions.adminListQueryLimit` of the server must be 1000, its default, or more";
/// What of a redirection's address belongs into `url`.
pub const REDIRECTED: &str = "with the Admin API's path where that is not /admin-api";
/// Where to look when the Admin API does not answer.
pub const CHECK_URL: &str =
    "check `url`: the shop's own address, or its Admin API's where that has another path";
/// What a server says that has no place for files.
pub const NO_STORAGE: &str = "error.no-asset-storage-strategy-configured";
/// How it begins to say that a file is larger than it takes.
const TOO_LARGE: &str = "File truncated as it exceeds";
/// Context of an error that names the mutation of a document which failed.
pub const FAILED_FIELD: &str = "mutation";

#[derive(Debug)]
pub struct VendureDialect {
    pub credential: Credential,
    pub channel: Option<HeaderValue>,
}

/// The errors of an answer. `data` is passed over.
#[derive(Deserialize)]
struct Envelope {
    #[serde(default)]
    errors: Vec<WireError>,
    #[serde(default)]
    data: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct WireError {
    #[serde(default)]
    message: String,
    #[serde(default)]
    path: Vec<Value>,
    #[serde(default)]
    extensions: Extensions,
}

#[derive(Default, Deserialize)]
struct Extensions {
    #[serde(default)]
    code: String,
}

#[async_trait]
impl Dialect for VendureDialect {
    async fn sign(&self, mut request: Request, signing: &Signing) -> Result<Request> {
        self.credential.sign(&mut request, signing.refresh).await?;
        if let Some(channel) = &self.channel {
            request.headers_mut().insert(CHANNEL, channel.clone());
        }
        Ok(request)
    }

    /// Almost every error comes with status 200.
    fn is_success(&self, reply: &Reply) -> bool {
        reply.status.is_success()
            && serde_json::from_slice(&reply.body).is_ok_and(|envelope: Envelope| {
                envelope.errors.is_empty() && envelope.data.is_some()
            })
    }

    fn classify(&self, reply: &Reply) -> Error {
        if reply.status.is_redirection() {
            return redirected(&reply.headers, REDIRECTED);
        }
        let envelope: Option<Envelope> = serde_json::from_slice(&reply.body).ok();
        match envelope.and_then(|envelope| envelope.errors.into_iter().next()) {
            Some(first) => refused(reply.status, first),
            None if reply.status.is_success() => {
                Error::unexpected("the shop answered neither data nor an error")
                    .hint(CHECK_URL)
                    .in_doubt()
            }
            None => Error::new(
                kind_of(reply.status),
                "the shop answered an error without a reason",
            )
            .hint(CHECK_URL),
        }
    }
}

fn refused(status: StatusCode, first: WireError) -> Error {
    let code = first.extensions.code.as_str();
    let kind = match code {
        // Also for a session that has ended, or a key that was withdrawn.
        "FORBIDDEN" => ErrorKind::Unauthorized,
        "CHANNEL_NOT_FOUND" => ErrorKind::ConfigInvalid,
        "ENTITY_NOT_FOUND" => ErrorKind::NotFound,
        "USER_INPUT_ERROR" | "BAD_USER_INPUT" => ErrorKind::Rejected,
        // Says the same whenever it is asked.
        _ if first.message == NO_STORAGE || first.message.starts_with(TOO_LARGE) => {
            ErrorKind::Rejected
        }
        // Without a code it is the database's own complaint, or an error of a plugin.
        "INTERNAL_SERVER_ERROR" | "" => ErrorKind::Unavailable,
        _ if status.is_success() => ErrorKind::Rejected,
        _ => kind_of(status),
    };
    let mut error = Error::new(kind, first.message);
    if !code.is_empty() {
        error = error.with("code", code);
    }
    let field = first
        .path
        .first()
        .and_then(Value::as_str)
        .unwrap_or_default();
    if !field.is_empty() {
        error = error.with(FAILED_FIELD, field);
    }
    if kind == ErrorKind::Unavailable {
        error = error.retry_after(None);
    }
    // A mutation is one transaction, which an error of its own rolls back. One that comes up while the answer is
    // put together, or in a later mutation of the document, rolls nothing back.
    let rolled_back = first.path.len() <= 1 && matches!(position(field), None | Some(0));
    if !rolled_back {
        error = error.in_doubt();
    }
    match code {
        "FORBIDDEN" => error
            .hint("check `username` and `secret` of this channel; without `username`, `secret` is an API key")
            .hint("the role needs the rights that the connector's README lists, on this channel"),
        "CHANNEL_NOT_FOUND" => error.hint("check `channel_token`: Settings > Channels in the shop's dashboard"),
        "GRAPHQL_VALIDATION_FAILED" => error.hint("Vendure 3.5 or later is needed"),
        _ if error.message.contains("Cannot take more than") => error.hint(LIST_LIMIT),
        _ => error,
    }
}

/// The name of the `index`-th mutation of a document that holds several.
pub fn alias(index: usize) -> String {
    format!("m{index}")
}

fn position(alias: &str) -> Option<usize> {
    alias.strip_prefix('m')?.parse().ok()
}

/// Which mutation of a document with several failed: those before it were carried out, those after it were not.
pub fn failed_at(error: &Error) -> Option<usize> {
    let field = error.context.iter().find(|(key, _)| *key == FAILED_FIELD)?;
    position(&field.1)
}

/// The shop behind its address.
#[derive(Debug)]
pub struct Api {
    http: ChannelHttp,
    url: Url,
}

#[derive(Deserialize)]
struct Data<T> {
    data: T,
}

impl Api {
    pub fn new(url: Url, dialect: VendureDialect, environment: &Environment) -> Self {
        Self {
            http: ChannelHttp::new(
                &environment.channel,
                &environment.http,
                Arc::new(dialect),
                &[],
            ),
            url,
        }
    }

    pub fn host(&self) -> &str {
        self.url.host_str().unwrap_or_default()
    }

    /// Reads. An error is never in doubt: a read carries nothing out.
    pub async fn query<T: DeserializeOwned>(
        &self,
        endpoint: Endpoint,
        document: &str,
        variables: Value,
    ) -> Result<T> {
        self.query_raw(endpoint, document, variables)
            .await?
            .json::<Data<T>>()
            .map(|answer| answer.data)
    }

    /// The same with the headers of the answer.
    pub async fn query_raw(
        &self,
        endpoint: Endpoint,
        document: &str,
        variables: Value,
    ) -> Result<Reply> {
        self.send(endpoint, Replay::Safe, document, variables)
            .await
            .map_err(|mut error| {
                error.in_doubt = false;
                error
            })
    }

    /// Writes.
    pub async fn mutate<T: DeserializeOwned>(
        &self,
        endpoint: Endpoint,
        replay: Replay,
        document: &str,
        variables: Value,
    ) -> Result<T> {
        let reply = self.send(endpoint, replay, document, variables).await?;
        reply
            .json::<Data<T>>()
            .map(|answer| answer.data)
            .map_err(Error::in_doubt)
    }

    /// Writes with files, each with the place of the variables where it belongs
    /// (<https://github.com/jaydenseric/graphql-multipart-request-spec>).
    pub async fn upload<T: DeserializeOwned>(
        &self,
        endpoint: Endpoint,
        document: &str,
        variables: Value,
        files: &[(String, FormFile<'_>)],
    ) -> Result<T> {
        let places: Map<String, Value> = files
            .iter()
            .enumerate()
            .map(|(at, (place, _))| (at.to_string(), json!([place])))
            .collect();
        let operations = json!({"query": document, "variables": variables});
        let form = Form::default()
            .text("operations", &operations.to_string())
            .text("map", &Value::Object(places).to_string());
        let files = files.iter().enumerate();
        let form = files.fold(form, |form, (at, (_, file))| {
            form.file(&at.to_string(), file)
        });
        let (content_type, body) = form.finish();
        let build = |client: &Client| {
            client
                .post(self.url.clone())
                .header(CONTENT_TYPE, &content_type)
                // Asked for where `apiOptions.csrfPrevention` is on.
                .header("apollo-require-preflight", "true")
                .body(body.clone())
        };
        let reply = self.http.send(endpoint, Replay::Never, build).await?;
        reply
            .json::<Data<T>>()
            .map(|answer| answer.data)
            .map_err(Error::in_doubt)
    }

    async fn send(
        &self,
        endpoint: Endpoint,
        replay: Replay,
        document: &str,
        variables: Value,
    ) -> Result<Reply> {
        let body = json!({"query": document, "variables": variables});
        let build = |client: &Client| client.post(self.url.clone()).json(&body);
        self.http.send(endpoint, replay, build).await
    }
}

/// A page of a list.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct List<T> {
    pub items: Vec<T>,
    #[serde(default)]
    pub total_items: u64,
}

impl<T> List<T> {
    /// The items of a list that was asked for as a whole: without `take` the server gives as many as it ever gives.
    pub fn whole(self) -> Result<Vec<T>> {
        let length = self.items.len() as u64;
        match self.total_items > length {
            false => Ok(self.items),
            true => Err(Error::config("the server cuts a list off")
                .with("after", length.to_string())
                .with("of", self.total_items.to_string())
                .hint(LIST_LIMIT)),
        }
    }
}

/// How many inputs of these lengths in bytes fit one request; at least one.
pub fn fitting(lengths: impl Iterator<Item = usize>, most: usize) -> usize {
    let mut sum = 0;
    let fits = lengths.take(most).take_while(|length| {
        sum += length;
        sum <= LARGEST_INPUT
    });
    fits.count().max(1)
}

#[derive(Clone, Debug, Deserialize)]
pub struct Named {
    pub id: String,
    #[serde(default)]
    pub name: String,
}

/// A value of a facet, with the facet.
#[derive(Clone, Debug, Deserialize)]
pub struct FacetValue {
    pub id: String,
    pub name: String,
    pub facet: Named,
}

/// What tells a product's variants apart.
#[derive(Clone, Debug, Deserialize)]
pub struct OptionGroup {
    pub id: String,
    pub name: String,
    #[serde(default)]
    pub options: Vec<Named>,
}

#[derive(Clone, Debug, Deserialize)]
pub struct ChosenOption {
    pub name: String,
    pub group: Named,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Product {
    pub id: String,
    pub enabled: bool,
    pub name: String,
    pub slug: String,
    #[serde(default)]
    pub description: String,
    #[serde(default)]
    pub option_groups: Vec<OptionGroup>,
    #[serde(default)]
    pub facet_values: Vec<FacetValue>,
    #[serde(default)]
    pub variants: Vec<Variant>,
    /// Where only their number was asked for.
    #[serde(default)]
    pub variant_list: Option<Count>,
    /// Pictures, where they were asked for.
    #[serde(default)]
    pub assets: Vec<Asset>,
    #[serde(default)]
    pub featured_asset: Option<Asset>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Count {
    pub total_items: u64,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Variant {
    pub id: String,
    pub sku: String,
    pub name: String,
    pub enabled: bool,
    pub track_inventory: String,
    pub out_of_stock_threshold: i64,
    pub use_global_out_of_stock_threshold: bool,
    pub prices: Vec<Price>,
    pub stock_levels: Vec<StockLevel>,
    #[serde(default)]
    pub options: Vec<ChosenOption>,
    /// Where the variant was asked for by itself.
    #[serde(default)]
    pub product: Option<Product>,
    /// Pictures of its own, where they were asked for.
    #[serde(default)]
    pub assets: Vec<Asset>,
    #[serde(default)]
    pub featured_asset: Option<Asset>,
}

/// Minor units of the currency.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Price {
    pub currency_code: String,
    pub price: i64,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StockLevel {
    pub stock_location_id: String,
    pub stock_on_hand: i64,
    /// Of what is on hand: sold and not yet sent.
    pub stock_allocated: i64,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn classify(status: u16, body: &str) -> Error {
        let dialect = VendureDialect {
            credential: Credential::ApiKey("k".into()),
            channel: None,
        };
        let reply = Reply {
            endpoint: "x",
            status: StatusCode::from_u16(status).unwrap(),
            headers: Default::default(),
            body: body.as_bytes().to_vec(),
        };
        assert!(!dialect.is_success(&reply));
        dialect.classify(&reply)
    }

    fn error(path: &str, code: &str) -> Error {
        classify(
            200,
            &format!(
                r#"{{"errors":[{{"message":"No.","path":{path},"extensions":{{"code":"{code}"}}}}],"data":null}}"#
            ),
        )
    }

    #[test]
    fn codes_tell_what_went_wrong() {
        assert_eq!(error(r#"["a"]"#, "FORBIDDEN").kind, ErrorKind::Unauthorized);
        assert_eq!(
            error(r#"["a"]"#, "USER_INPUT_ERROR").kind,
            ErrorKind::Rejected
        );
        assert_eq!(
            error(r#"["a"]"#, "ENTITY_NOT_FOUND").kind,
            ErrorKind::NotFound
        );
        let channel = error(r#"["a"]"#, "CHANNEL_NOT_FOUND");
        assert!(channel.hints[0].contains("channel_token"));
        let broken = error(r#"["a"]"#, "INTERNAL_SERVER_ERROR");
        assert!(broken.is_temporary() && !broken.in_doubt);
        for message in [
            NO_STORAGE,
            "File truncated as it exceeds the 5000 byte size limit.",
        ] {
            let body = format!(
                r#"{{"errors":[{{"message":"{message}","path":["createAssets"]}}],"data":null}}"#
            );
            let error = classify(200, &body);
            assert!(!error.is_temporary() && !error.in_doubt, "{error}");
        }
    }

    #[test]
    fn what_came_before_an_error_was_carried_out() {
        assert!(!error(r#"["updateProductVariants"]"#, "USER_INPUT_ERROR").in_doubt);
        assert!(!error(r#"["m0"]"#, "USER_INPUT_ERROR").in_doubt);
        let third = error(r#"["m2"]"#, "USER_INPUT_ERROR");
        assert!(third.in_doubt);
        assert_eq!(failed_at(&third), Some(2));
        // The mutation was through when its answer failed.
        assert!(error(r#"["createProduct", "slug"]"#, "INTERNAL_SERVER_ERROR").in_doubt);
    }

    #[test]
    fn an_answer_that_is_no_graphql_names_the_address() {
        assert!(classify(404, "<html>").hints[0].contains("`url`"));
        let page = classify(200, "<html>");
        assert!(page.in_doubt && page.hints[0].contains("`url`"));
    }

    #[test]
    fn a_list_that_was_cut_off_is_an_error() {
        let list = |total_items| List {
            items: vec![1, 2],
            total_items,
        };
        assert_eq!(list(2).whole().unwrap(), [1, 2]);
        let error = list(3).whole().unwrap_err();
        assert!(error.hints[0].contains("adminListQueryLimit"));
        let refused = error_of("Cannot take more than 50 results from a list query");
        assert!(refused.hints[0].contains("adminListQueryLimit"));
    }

    #[test]
    fn what_fits_a_request_is_counted_in_bytes() {
        assert_eq!(fitting([30_000, 30_000, 30_000].into_iter(), 9), 2);
        assert_eq!(fitting([10, 10, 10].into_iter(), 2), 2);
        assert_eq!(fitting([100_000].into_iter(), 9), 1);
    }

    fn error_of(message: &str) -> Error {
        let body = json!({"errors": [{"message": message, "extensions": {"code": "USER_INPUT_ERROR"}}], "data": null});
        classify(200, &body.to_string())
    }
}
