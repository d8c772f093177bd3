//! The detour that counts: hands every request on to the server, and the answer back.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use axum::response::Response;
use serde::Serialize;
use serde_json::Value;
use skucast::sandbox::graphql;

use crate::Result;

/// Of one connection and not of the message, or set anew by either side.
const HOP_BY_HOP: [HeaderName; 5] = [
    header::CONNECTION,
    header::CONTENT_LENGTH,
    header::HOST,
    header::TRANSFER_ENCODING,
    header::EXPECT,
];

/// What went through.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Traffic {
    pub requests: u64,
    pub bytes_sent: u64,
    pub bytes_received: u64,
    pub operations: BTreeMap<String, Operation>,
}

/// All requests of one kind.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Operation {
    pub requests: u64,
    /// That the server took to answer them.
    pub seconds: f64,
}

pub struct Proxy {
    url: String,
    detour: Arc<Detour>,
    serving: tokio::task::JoinHandle<()>,
}

struct Detour {
    server: String,
    client: reqwest::Client,
    traffic: Mutex<Traffic>,
}

impl Proxy {
    pub async fn start(server: &str) -> Result<Self> {
        let client = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .no_gzip()
            // Servers close idle connections without a word.
            .pool_idle_timeout(Duration::from_secs(2))
            .build()?;
        let detour = Arc::new(Detour {
            server: server.trim_end_matches('/').to_owned(),
            client,
            traffic: Mutex::default(),
        });
        let router = Router::new().fallback(hand_on).with_state(detour.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        let serving = tokio::spawn(async move {
            // Ends with the task.
            let _ = axum::serve(listener, router).await;
        });
        Ok(Self {
            url,
            detour,
            serving,
        })
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    /// What went through since it was last asked.
    pub fn take(&self) -> Traffic {
        std::mem::take(&mut self.detour.traffic())
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Detour {
    fn traffic(&self) -> std::sync::MutexGuard<'_, Traffic> {
        self.traffic.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn forward(&self, request: Request) -> Result<Response> {
        let (head, body) = request.into_parts();
        let body = to_bytes(body, usize::MAX).await?;
        let name = operation(head.method.as_str(), head.uri.path(), &body);
        let target = head.uri.path_and_query().map_or("/", |path| path.as_str());
        let (sent, begin) = (body.len(), Instant::now());
        let answer = self
            .client
            .request(head.method, format!("{}{target}", self.server))
            .headers(kept(&head.headers))
            .body(body)
            .send()
            .await?;
        let (status, headers) = (answer.status(), kept(answer.headers()));
        let received = answer.bytes().await?;
        let mut traffic = self.traffic();
        traffic.requests += 1;
        traffic.bytes_sent += sent as u64;
        traffic.bytes_received += received.len() as u64;
        let known = traffic.operations.entry(name).or_default();
        known.requests += 1;
        known.seconds += begin.elapsed().as_secs_f64();
        drop(traffic);
        let mut response = Response::new(Body::from(received));
        *response.status_mut() = status;
        *response.headers_mut() = headers;
        Ok(response)
    }
}

async fn hand_on(State(detour): State<Arc<Detour>>, request: Request) -> Response {
    detour.forward(request).await.unwrap_or_else(|error| {
        eprintln!("the server does not answer: {error}");
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::BAD_GATEWAY;
        response
    })
}

fn kept(headers: &HeaderMap) -> HeaderMap {
    let mut kept = headers.clone();
    for name in HOP_BY_HOP {
        kept.remove(name);
    }
    kept
}

/// `POST /admin/products/batch`, or `mutation createProduct`: without ids.
fn operation(method: &str, path: &str, body: &Bytes) -> String {
    if let Ok(body) = serde_json::from_slice::<Value>(body)
        && let Some(query) = body["query"].as_str()
    {
        let (mutates, field) = graphql::heading(query);
        return format!("{} {field}", if mutates { "mutation" } else { "query" });
    }
    let path: Vec<&str> = path
        .split('/')
        .map(|part| match part.contains(|c: char| c.is_ascii_digit()) {
            true => "{id}",
            false => part,
        })
        .collect();
    format!("{method} {}", path.join("/"))
}
