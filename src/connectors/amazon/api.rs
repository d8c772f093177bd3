//! The wire: one function per operation of the Selling Partner API, its signature and its errors.

use std::sync::Arc;

use async_trait::async_trait;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use reqwest::{Method, Request, StatusCode};
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::account::Account;
use super::descriptor::QUOTAS;
use super::wire::{
    ConfirmShipment, Feed, FeedDocument, Item, OrdersPage, Patch, Put, SearchResults, Submitted,
};
use crate::connectors::Environment;
use crate::domain::capability::Endpoint;
use crate::domain::{Error, ErrorKind, Result};
use crate::http::token::TokenSource;
use crate::http::{ChannelHttp, Dialect, Replay, Reply, Signing, kind_of};

/// A preview counts against a limit of its own, see [`QUOTAS`].
pub const PREVIEW: Endpoint = "previewListingsItem";

/// What RFC 3986 calls unreserved stays; a sku may hold slashes, blanks, plus and percent signs.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

pub fn encode(text: &str) -> String {
    utf8_percent_encode(text, RESERVED).to_string()
}

/// `a=1&b=x%2Cy`
fn encode_query(pairs: &[(&str, &str)]) -> String {
    let pairs: Vec<_> = pairs
        .iter()
        .map(|(key, value)| format!("{key}={}", encode(value)))
        .collect();
    pairs.join("&")
}

/// The body of every error of every operation.
#[derive(Debug, Default, Deserialize)]
struct ErrorList {
    #[serde(default)]
    errors: Vec<WireError>,
}

#[derive(Debug, Default, Deserialize)]
struct WireError {
    #[serde(default)]
    code: String,
    #[serde(default)]
    message: String,
    #[serde(default)]
    details: String,
}

/// How Amazon signs and refuses.
#[derive(Debug)]
pub struct SellingPartner {
    token: TokenSource,
}

impl SellingPartner {
    pub fn new(token: TokenSource) -> Self {
        Self { token }
    }
}

#[async_trait]
impl Dialect for SellingPartner {
    async fn sign(&self, mut request: Request, signing: &Signing) -> Result<Request> {
        let token = self.token.get(signing.now, signing.refresh).await?;
        let mut token = HeaderValue::from_str(token.expose_secret()).map_err(|_| {
            Error::unexpected("the access token holds characters that no header may have")
        })?;
        token.set_sensitive(true);
        let date = signing.now.strftime("%Y%m%dT%H%M%SZ").to_string();
        let date = HeaderValue::from_str(&date)
            .map_err(|error| Error::unexpected("a date is no header").caused_by(error))?;
        let headers = request.headers_mut();
        headers.insert(HeaderName::from_static("x-amz-access-token"), token);
        headers.insert(HeaderName::from_static("x-amz-date"), date);
        Ok(request)
    }

    fn classify(&self, reply: &Reply) -> Error {
        let body: ErrorList = serde_json::from_slice(&reply.body).unwrap_or_default();
        let first = body.errors.into_iter().next().unwrap_or_default();
        let said = format!("{} {}", first.message, first.details).to_lowercase();
        // Amazon answers 403 for a token that has run out and for a role that is missing; only the details
        // tell them apart (amzn/selling-partner-api-docs issues 2147 and 2336).
        let token_refused = reply.status == StatusCode::FORBIDDEN && said.contains("token");
        let kind = if token_refused {
            ErrorKind::Unauthorized
        } else {
            kind_of(reply.status)
        };
        let error = Error::new(kind, describe(reply.status, &first));
        match kind {
            ErrorKind::Unauthorized => error.hint(
                "authorize the app again in Seller Central and put the new refresh token into this channel's settings",
            ),
            ErrorKind::Forbidden => error
                .hint("check that the app has the roles Product Listing and Inventory and Order Tracking; after adding a role the app must be authorized again")
                .hint("check that `seller_id`, `marketplace_id` and `region` belong to the account that authorized the app"),
            _ => error,
        }
    }

    fn request_id_header(&self) -> Option<&'static str> {
        Some("x-amzn-requestid")
    }

    fn observed_rate(&self, reply: &Reply) -> Option<f64> {
        // The header of a preview tells the rate of the real call.
        if reply.endpoint == PREVIEW {
            return None;
        }
        reply.header("x-amzn-ratelimit-limit")?.trim().parse().ok()
    }
}

fn describe(status: StatusCode, error: &WireError) -> String {
    if error.code.is_empty() && error.message.is_empty() {
        return format!("Amazon refused the request with status {}", status.as_u16());
    }
    let mut text = format!("Amazon refused the request: {}", error.message);
    if !error.details.is_empty() && error.details != error.message {
        text.push_str(&format!(" ({})", error.details));
    }
    text.push_str(&format!(" [{}]", error.code));
    text
}

/// For addresses that Amazon has signed already: they must not get our token.
#[derive(Debug)]
struct Presigned;

#[async_trait]
impl Dialect for Presigned {
    async fn sign(&self, request: Request, _: &Signing) -> Result<Request> {
        Ok(request)
    }

    fn classify(&self, reply: &Reply) -> Error {
        Error::new(
            kind_of(reply.status),
            "Amazon's document store refused the request",
        )
        .hint("its addresses are valid for five minutes: run the command again")
    }
}

/// The operations that the connector uses.
#[derive(Debug)]
pub struct Api {
    http: ChannelHttp,
    documents: ChannelHttp,
    /// Without a slash at its end.
    endpoint: String,
}

const ITEM_DATA: &str = "summaries,attributes,issues,offers,fulfillmentAvailability,relationships";
const DOCUMENT_TYPE: &str = "application/json; charset=UTF-8";

impl Api {
    pub fn new(environment: &Environment, dialect: SellingPartner, endpoint: &str) -> Self {
        let (channel, context) = (&environment.channel, &environment.http);
        Self {
            http: ChannelHttp::new(channel, context, Arc::new(dialect), QUOTAS),
            documents: ChannelHttp::new(channel, context, Arc::new(Presigned), &[]),
            endpoint: endpoint.trim_end_matches('/').to_owned(),
        }
    }

    async fn call(
        &self,
        endpoint: Endpoint,
        replay: Replay,
        method: Method,
        path_and_query: &str,
        body: Option<&Value>,
    ) -> Result<Reply> {
        let url = format!("{}{path_and_query}", self.endpoint);
        self.http
            .send(endpoint, replay, |client| {
                let request = client.request(method.clone(), &url);
                match body {
                    Some(body) => request.json(body),
                    None => request,
                }
            })
            .await
    }

    fn item_path(account: &Account, sku: &str, query: &[(&str, &str)]) -> String {
        format!(
            "/listings/2021-08-01/items/{}/{}?{}",
            encode(&account.seller_id),
            encode(sku),
            encode_query(query)
        )
    }

    /// `None` when there is no such sku.
    pub async fn item(&self, account: &Account, sku: &str) -> Result<Option<Item>> {
        let path = Self::item_path(
            account,
            sku,
            &[
                ("marketplaceIds", &account.marketplace_id),
                ("includedData", ITEM_DATA),
                ("issueLocale", &account.language),
            ],
        );
        match self
            .call("getListingsItem", Replay::Safe, Method::GET, &path, None)
            .await
        {
            Ok(reply) => reply.json().map(Some),
            Err(error) if error.kind == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Searches with these parameters beside the account's own.
    pub async fn search_items(
        &self,
        account: &Account,
        parameters: &[(&str, &str)],
    ) -> Result<SearchResults> {
        let mut query = vec![
            ("marketplaceIds", &*account.marketplace_id),
            ("includedData", ITEM_DATA),
            ("issueLocale", &account.language),
        ];
        query.extend_from_slice(parameters);
        let path = format!(
            "/listings/2021-08-01/items/{}?{}",
            encode(&account.seller_id),
            encode_query(&query)
        );
        self.call(
            "searchListingsItems",
            Replay::Safe,
            Method::GET,
            &path,
            None,
        )
        .await?
        .json()
    }

    /// The cheapest search: proves token, role, seller and marketplace.
    pub async fn probe(&self, account: &Account) -> Result<()> {
        let path = format!(
            "/listings/2021-08-01/items/{}?{}",
            encode(&account.seller_id),
            encode_query(&[
                ("marketplaceIds", &*account.marketplace_id),
                ("pageSize", "1")
            ])
        );
        let results: SearchResults = self
            .call(
                "searchListingsItems",
                Replay::Safe,
                Method::GET,
                &path,
                None,
            )
            .await?
            .json()?;
        tracing::debug!(listings = results.number_of_results, "probed");
        Ok(())
    }

    async fn submit(
        &self,
        endpoint: Endpoint,
        method: Method,
        account: &Account,
        sku: &str,
        body: Option<&impl Serialize>,
    ) -> Result<Submitted> {
        let mut query = vec![
            ("marketplaceIds", &*account.marketplace_id),
            ("issueLocale", &account.language),
        ];
        if body.is_some() {
            query.push(("includedData", "issues"));
        }
        if endpoint == PREVIEW {
            query.push(("mode", "VALIDATION_PREVIEW"));
        }
        let body = body.map(to_json).transpose()?;
        let path = Self::item_path(account, sku, &query);
        let reply = self
            .call(endpoint, Replay::Safe, method, &path, body.as_ref())
            .await?;
        reply.json().map_err(Error::in_doubt)
    }

    pub async fn preview_put(&self, account: &Account, sku: &str, put: &Put) -> Result<Submitted> {
        self.submit(PREVIEW, Method::PUT, account, sku, Some(put))
            .await
    }

    pub async fn preview_patch(
        &self,
        account: &Account,
        sku: &str,
        patch: &Patch,
    ) -> Result<Submitted> {
        self.submit(PREVIEW, Method::PATCH, account, sku, Some(patch))
            .await
    }

    pub async fn patch(&self, account: &Account, sku: &str, patch: &Patch) -> Result<Submitted> {
        let endpoint = "patchListingsItem";
        self.submit(endpoint, Method::PATCH, account, sku, Some(patch))
            .await
    }

    pub async fn delete(&self, account: &Account, sku: &str) -> Result<Submitted> {
        let endpoint = "deleteListingsItem";
        self.submit(endpoint, Method::DELETE, account, sku, None::<&()>)
            .await
    }

    /// Stores a document for a feed and returns its id. Nothing on the channel changes by it, so that an error
    /// is never in doubt.
    pub async fn upload(&self, body: Vec<u8>) -> Result<String> {
        let harmless = |mut error: Error| {
            error.in_doubt = false;
            error
        };
        let specification = serde_json::json!({"contentType": DOCUMENT_TYPE});
        let document: FeedDocument = self
            .call(
                "createFeedDocument",
                Replay::Safe,
                Method::POST,
                "/feeds/2021-06-30/documents",
                Some(&specification),
            )
            .await
            .map_err(harmless)?
            .json()?;
        self.documents
            .send("uploadFeedDocument", Replay::Safe, |client| {
                client
                    .put(&document.url)
                    .header(CONTENT_TYPE, DOCUMENT_TYPE)
                    .body(body.clone())
            })
            .await
            .map_err(harmless)?;
        Ok(document.feed_document_id)
    }

    /// Starts the processing of a document and returns the feed's id. A repeat would queue a second feed.
    pub async fn create_feed(&self, account: &Account, document_id: &str) -> Result<String> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Created {
            feed_id: String,
        }
        let specification = serde_json::json!({
            "feedType": "JSON_LISTINGS_FEED",
            "marketplaceIds": [account.marketplace_id],
            "inputFeedDocumentId": document_id,
        });
        let reply = self
            .call(
                "createFeed",
                Replay::Never,
                Method::POST,
                "/feeds/2021-06-30/feeds",
                Some(&specification),
            )
            .await?;
        let created: Created = reply.json().map_err(Error::in_doubt)?;
        Ok(created.feed_id)
    }

    pub async fn feed(&self, id: &str) -> Result<Feed> {
        let path = format!("/feeds/2021-06-30/feeds/{}", encode(id));
        self.call("getFeed", Replay::Safe, Method::GET, &path, None)
            .await?
            .json()
    }

    /// The bytes of a document, unpacked.
    pub async fn download(&self, document_id: &str) -> Result<Vec<u8>> {
        let path = format!("/feeds/2021-06-30/documents/{}", encode(document_id));
        let document: FeedDocument = self
            .call("getFeedDocument", Replay::Safe, Method::GET, &path, None)
            .await?
            .json()?;
        let reply = self
            .documents
            .send("downloadFeedDocument", Replay::Safe, |client| {
                client.get(&document.url)
            })
            .await?;
        match document.compression_algorithm.as_deref() {
            None => Ok(reply.body),
            Some("GZIP") => super::feeds::unzip(reply.body),
            Some(other) => Err(Error::unexpected(format!(
                "the feed's report is packed as `{other}`, which is not documented"
            ))),
        }
    }

    pub async fn search_orders(&self, parameters: &[(&str, &str)]) -> Result<OrdersPage> {
        let path = format!("/orders/2026-01-01/orders?{}", encode_query(parameters));
        self.call("searchOrders", Replay::Safe, Method::GET, &path, None)
            .await?
            .json()
    }

    /// After a lost answer Amazon may refuse the repeat of what it has already taken, so it is not repeated.
    pub async fn confirm_shipment(
        &self,
        order_id: &str,
        confirmation: &ConfirmShipment<'_>,
    ) -> Result<()> {
        let path = format!(
            "/orders/v0/orders/{}/shipmentConfirmation",
            encode(order_id)
        );
        let body = to_json(confirmation)?;
        self.call(
            "confirmShipment",
            Replay::Never,
            Method::POST,
            &path,
            Some(&body),
        )
        .await
        .map(drop)
    }
}

pub fn to_json(value: &(impl Serialize + ?Sized)) -> Result<Value> {
    serde_json::to_value(value)
        .map_err(|error| Error::unexpected("a request cannot be written").caused_by(error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use reqwest::header::HeaderMap;

    fn dialect() -> SellingPartner {
        SellingPartner::new(TokenSource::refresh_token(
            &crate::http::LazyClient::new(std::time::Duration::from_secs(1)),
            "http://127.0.0.1:1/".parse().unwrap(),
            String::new(),
            String::new().into(),
            String::new().into(),
        ))
    }

    fn reply(status: u16, body: &str) -> Reply {
        Reply {
            endpoint: "getFeed",
            status: StatusCode::from_u16(status).unwrap(),
            headers: HeaderMap::new(),
            body: body.as_bytes().to_vec(),
        }
    }

    #[test]
    fn a_token_that_ran_out_is_told_from_a_role_that_is_missing() {
        let body = |details: &str| {
            format!(
                r#"{{"errors":[{{"code":"Unauthorized","message":"Access to requested resource is denied.","details":"{details}"}}]}}"#
            )
        };
        let expired = dialect().classify(&reply(403, &body("The access token has expired.")));
        assert_eq!(expired.kind, ErrorKind::Unauthorized);
        let role = dialect().classify(&reply(403, &body("")));
        assert_eq!(role.kind, ErrorKind::Forbidden);
        assert!(role.hints.iter().any(|hint| hint.contains("roles")));
    }

    #[test]
    fn an_error_says_what_amazon_said() {
        let body = r#"{"errors":[{"code":"InvalidInput","message":"Bad sku","details":"line 1"}]}"#;
        let error = dialect().classify(&reply(400, body));
        assert_eq!(error.kind, ErrorKind::Rejected);
        assert_eq!(
            error.message,
            "Amazon refused the request: Bad sku (line 1) [InvalidInput]"
        );
        let mute = dialect().classify(&reply(404, "<html>"));
        assert_eq!(mute.kind, ErrorKind::NotFound);
        assert!(mute.message.contains("404"));
    }

    #[test]
    fn a_sku_stays_one_part_of_the_path() {
        assert_eq!(
            encode("A/B C+D%E#ü.1_~-"),
            "A%2FB%20C%2BD%25E%23%C3%BC.1_~-"
        );
    }
}
