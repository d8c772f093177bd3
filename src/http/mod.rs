//! The one way to a channel: throttle, sign, send, classify, repeat where a repeat cannot do harm.
//!
//! A connector contributes a [`Dialect`]: how a request is signed and what an answer means. Everything that
//! must be the same for every channel is here, once.

mod client;
pub mod download;
pub mod form;
pub mod rest;
#[cfg(test)]
pub mod test_kit;
mod throttle;
pub mod token;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use backon::{BackoffBuilder, ExponentialBuilder};
use jiff::Timestamp;
use reqwest::header::{HeaderMap, LOCATION, RETRY_AFTER};
use reqwest::{Client, Request, RequestBuilder, StatusCode};
use serde::de::DeserializeOwned;

use crate::domain::capability::{Endpoint, Quota};
use crate::domain::ids::ChannelName;
use crate::domain::ledger::QuotaMemory;
use crate::domain::{Error, ErrorKind, Result, Retry};
use crate::halt::Halt;
pub use client::LazyClient;
use throttle::Throttle;

/// Who asks.
const USER_AGENT: &str = concat!("skucast/", env!("CARGO_PKG_VERSION"), " (Language=Rust)");
/// Longest wait that a channel's `Retry-After` may ask for; a longer one fails with the time to come back.
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(15 * 60);

/// Whether a request may be sent twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Replay {
    /// Sending it again does no harm: reads, absolute values, writes keyed by sku.
    Safe,
    /// It may create something a second time.
    Never,
}

/// One request, as the throttle and the seller know it.
#[derive(Clone, Copy, Debug)]
pub struct Call {
    /// Names it in messages.
    pub operation: &'static str,
    /// The quota that it uses.
    pub quota: Endpoint,
    /// Permits that it takes: 1, or its price in points.
    pub cost: u32,
    pub replay: Replay,
}

impl Call {
    /// One permit of the operation's own quota.
    pub fn new(endpoint: Endpoint, replay: Replay) -> Self {
        Self {
            operation: endpoint,
            quota: endpoint,
            cost: 1,
            replay,
        }
    }
}

/// How full the channel's own bucket is, as an answer tells it. All in permits.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Level {
    pub capacity: f64,
    pub available: f64,
    pub per_second: f64,
    /// What this request was charged in the end; nothing when it was refused for going too fast.
    pub charged: f64,
}

/// What a signature may need beside the request.
#[derive(Clone, Debug)]
pub struct Signing {
    pub now: Timestamp,
    /// 32 characters, never used before.
    pub nonce: String,
    /// The last signature was refused: renew the credential first.
    pub refresh: bool,
}

/// What one kind of channel says about its wire.
#[async_trait]
pub trait Dialect: fmt::Debug + Send + Sync {
    async fn sign(&self, request: Request, signing: &Signing) -> Result<Request>;

    /// Whether an answer says that the work was done. Some say no with a success status.
    fn is_success(&self, reply: &Reply) -> bool {
        reply.status.is_success()
    }

    /// Turns an answer that is no success into an error: kind, whether a repeat may help, the vendor's code.
    /// It does not decide about repeats of writes; [`Replay`] does.
    fn classify(&self, reply: &Reply) -> Error;

    /// The header that names a request in the vendor's support.
    fn request_id_header(&self) -> Option<&'static str> {
        None
    }

    /// The current rate in requests per second, when an answer tells it.
    fn observed_rate(&self, reply: &Reply) -> Option<f64> {
        let _ = reply;
        None
    }

    /// The state of the quota that the request used, when an answer tells it.
    fn observed_level(&self, reply: &Reply) -> Option<Level> {
        let _ = reply;
        None
    }
}

/// An answer that has arrived whole.
#[derive(Debug)]
pub struct Reply {
    pub endpoint: Endpoint,
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Reply {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// Reads the body as JSON. The error names the place in the document, never its content.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T> {
        serde_json::from_slice(&self.body).map_err(|error| {
            Error::unexpected(format!(
                "the answer is not what the channel's documentation promises: {error}"
            ))
            .with("operation", self.endpoint)
            .with("status", self.status.as_str())
        })
    }

    /// The body as JSON of any shape, for an error's code and message.
    pub fn value(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

/// Patience of one run.
#[derive(Clone, Debug)]
pub struct HttpOptions {
    /// For one request, from connecting to the end of the answer.
    pub timeout: Duration,
    /// Tries of one request in all.
    pub attempts: usize,
    pub first_backoff: Duration,
    pub longest_backoff: Duration,
}

impl Default for HttpOptions {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(60),
            attempts: 5,
            first_backoff: Duration::from_millis(500),
            longest_backoff: Duration::from_secs(30),
        }
    }
}

/// What every channel's HTTP shares within a run.
#[derive(Clone, Debug)]
pub struct HttpContext {
    pub client: LazyClient,
    pub options: HttpOptions,
    pub memory: Arc<dyn QuotaMemory>,
    pub halt: Halt,
}

impl HttpContext {
    pub fn new(options: HttpOptions, memory: Arc<dyn QuotaMemory>, halt: Halt) -> Self {
        Self {
            client: LazyClient::new(options.timeout),
            options,
            memory,
            halt,
        }
    }
}

/// One channel's HTTP.
#[derive(Debug)]
pub struct ChannelHttp {
    channel: ChannelName,
    context: HttpContext,
    dialect: Arc<dyn Dialect>,
    throttle: Throttle,
}

impl ChannelHttp {
    pub fn new(
        channel: &ChannelName,
        context: &HttpContext,
        dialect: Arc<dyn Dialect>,
        quotas: &[Quota],
    ) -> Self {
        let throttle = Throttle::new(
            channel.clone(),
            quotas,
            context.memory.clone(),
            context.halt.clone(),
        );
        Self {
            channel: channel.clone(),
            context: context.clone(),
            dialect,
            throttle,
        }
    }

    /// [`ChannelHttp::send_call`] for a request that takes one permit of its own quota.
    pub async fn send(
        &self,
        endpoint: Endpoint,
        replay: Replay,
        build: impl Fn(&Client) -> RequestBuilder + Send + Sync,
    ) -> Result<Reply> {
        self.send_call(Call::new(endpoint, replay), build).await
    }

    /// Sends a request until it succeeds, fails for good, or may not be repeated.
    ///
    /// `Ok` is a reply that says that the work was done. An `Err` with `in_doubt` may have been carried out.
    pub async fn send_call(
        &self,
        call: Call,
        build: impl Fn(&Client) -> RequestBuilder + Send + Sync,
    ) -> Result<Reply> {
        let options = &self.context.options;
        let mut backoffs = ExponentialBuilder::default()
            .with_min_delay(options.first_backoff)
            .with_max_delay(options.longest_backoff)
            .with_max_times(options.attempts.saturating_sub(1))
            .with_jitter()
            .build();
        let mut refresh = false;
        loop {
            self.throttle.acquire(call.quota, call.cost).await?;
            let answer = self.attempt(call.operation, refresh, &build).await;
            let level = answer
                .as_ref()
                .ok()
                .and_then(|reply| self.dialect.observed_level(reply));
            self.throttle.answered(call.quota, call.cost, level).await;
            let error = match answer {
                Ok(reply) if self.dialect.is_success(&reply) => return Ok(reply),
                Ok(reply) => self.classify(&reply),
                Err(error) => error,
            };
            if error.kind == ErrorKind::Unauthorized && !refresh {
                refresh = true;
                continue;
            }
            let Retry::After(wait) = error.retry else {
                return Err(error);
            };
            let unharmed = !error.in_doubt || call.replay == Replay::Safe;
            if !unharmed {
                return Err(error);
            }
            let Some(backoff) = backoffs.next() else {
                return Err(error.exhausted());
            };
            let wait = wait.unwrap_or(backoff);
            if wait > LONGEST_RETRY_AFTER {
                return Err(error.with("come back after", format!("{} s", wait.as_secs())));
            }
            // A channel that tells how full its bucket is has said all there is to know.
            if error.kind == ErrorKind::RateLimited && level.is_none() {
                self.throttle.throttled(call.quota, wait).await?;
            }
            tracing::debug!(channel = %self.channel, operation = call.operation, %error, wait_ms = wait.as_millis(), "trying again");
            self.context.halt.sleep(wait).await?;
        }
    }

    /// One try. `Ok` is any answer that arrived whole.
    async fn attempt(
        &self,
        endpoint: Endpoint,
        refresh: bool,
        build: &(impl Fn(&Client) -> RequestBuilder + Send + Sync),
    ) -> Result<Reply> {
        let client = self.context.client.get()?;
        let request = build(client).build().map_err(|error| {
            Error::unexpected("a request could not be built").caused_by(error.without_url())
        })?;
        let signing = Signing {
            now: Timestamp::now(),
            nonce: uuid::Uuid::now_v7().simple().to_string(),
            refresh,
        };
        let request = self
            .dialect
            .sign(request, &signing)
            .await
            .map_err(|error| self.place(error, endpoint))?;
        tracing::trace!(channel = %self.channel, endpoint, method = %request.method(), path = request.url().path(), "sending");
        let response = match client.execute(request).await {
            Ok(response) => response,
            Err(error) => return Err(self.no_answer(endpoint, error)),
        };
        let (status, headers) = (response.status(), response.headers().clone());
        let reply = match response.bytes().await {
            Ok(body) => Reply {
                endpoint,
                status,
                headers,
                body: body.to_vec(),
            },
            Err(error) => return Err(self.no_answer(endpoint, error)),
        };
        if let Some(rate) = self.dialect.observed_rate(&reply) {
            self.throttle.observed(endpoint, rate).await;
        }
        tracing::debug!(channel = %self.channel, endpoint, status = status.as_u16(), request_id = self.request_id(&reply), "answered");
        Ok(reply)
    }

    fn request_id<'a>(&self, reply: &'a Reply) -> Option<&'a str> {
        self.dialect
            .request_id_header()
            .and_then(|name| reply.header(name))
    }

    fn place(&self, error: Error, endpoint: Endpoint) -> Error {
        error
            .with("channel", self.channel.as_str())
            .with("operation", endpoint)
    }

    fn classify(&self, reply: &Reply) -> Error {
        let mut error = self
            .place(self.dialect.classify(reply), reply.endpoint)
            .with("status", reply.status.as_str());
        if let Some(id) = self.request_id(reply) {
            error = error.with("request id", id);
        }
        match reply.status {
            StatusCode::TOO_MANY_REQUESTS => {
                error.kind = ErrorKind::RateLimited;
                error.retry = Retry::After(retry_after(reply));
            }
            // Only what the server itself refuses is known not to have been carried out.
            status if status.is_server_error() => {
                error.in_doubt = true;
                error.retry = Retry::After(retry_after(reply));
            }
            _ => {}
        }
        error
    }

    fn no_answer(&self, endpoint: Endpoint, error: reqwest::Error) -> Error {
        // Without a connection nothing was sent; any later trouble may have come after the work was done.
        let in_doubt = !error.is_connect();
        let what = if error.is_timeout() {
            "the channel did not answer in time"
        } else if error.is_connect() {
            "the channel cannot be reached"
        } else {
            "the connection broke before the answer was complete"
        };
        let mut unavailable = Error::new(ErrorKind::Unavailable, what)
            .retry_after(None)
            .caused_by(error.without_url());
        unavailable.in_doubt = in_doubt;
        self.place(unavailable, endpoint)
    }
}

/// `Retry-After` in seconds, which some write with decimals; the form with a date is read too.
fn retry_after(reply: &Reply) -> Option<Duration> {
    let text = reply.header(RETRY_AFTER.as_str())?.trim();
    if let Ok(seconds) = text.parse() {
        return Duration::try_from_secs_f64(seconds).ok();
    }
    let at = jiff::fmt::rfc2822::parse(text).ok()?.timestamp();
    Duration::try_from(at.duration_since(Timestamp::now())).ok()
}

/// What a redirection means: no redirect is followed, for the key may not be meant for the other host. `place` is what
/// stands in `url`, in the seller's words.
pub fn redirected(headers: &HeaderMap, place: &str) -> Error {
    let error = Error::new(
        ErrorKind::ConfigInvalid,
        "the shop answers at another address",
    );
    // Its query repeats the key when the key travels there.
    let target = headers
        .get(LOCATION)
        .and_then(|text| text.to_str().ok()?.split(['?', '#']).next())
        .filter(|text| !text.is_empty());
    match target {
        Some(target) => error.with("location", target).hint(format!(
            "put the address that the shop redirects to into `url`, {place}"
        )),
        None => error.hint("check `url`"),
    }
}

/// The usual meaning of a status, for a [`Dialect::classify`] to refine.
pub fn kind_of(status: StatusCode) -> ErrorKind {
    match status {
        StatusCode::UNAUTHORIZED => ErrorKind::Unauthorized,
        StatusCode::FORBIDDEN => ErrorKind::Forbidden,
        StatusCode::NOT_FOUND | StatusCode::GONE => ErrorKind::NotFound,
        StatusCode::CONFLICT | StatusCode::PRECONDITION_FAILED => ErrorKind::Conflict,
        StatusCode::TOO_MANY_REQUESTS => ErrorKind::RateLimited,
        status if status.is_client_error() => ErrorKind::Rejected,
        status if status.is_server_error() => ErrorKind::Unavailable,
        _ => ErrorKind::Unexpected,
    }
}
