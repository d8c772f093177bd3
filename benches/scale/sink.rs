//! A channel's server that says yes: it answers a request with the request's own body, keeps a quota when it is given
//! one, and is far away when it is told to be.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodFilter, on};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

use crate::Result;

/// A token bucket as the channel's server keeps it.
#[derive(Clone, Copy, Debug)]
pub struct Allowance {
    pub per_second: f64,
    pub burst: f64,
    /// What one request is charged.
    pub cost: f64,
}

impl Allowance {
    /// The least time from the first to the last of so many requests.
    pub fn least(&self, requests: usize) -> f64 {
        (requests as f64 * self.cost - self.burst).max(0.0) / self.per_second
    }
}

/// What arrived, in its order.
#[derive(Clone, Debug)]
pub struct Arrival {
    pub at: Instant,
    pub path: String,
    /// Kept only when the sink was told to.
    pub body: Bytes,
    pub served: bool,
}

#[derive(Debug)]
struct Counter {
    allowance: Option<Allowance>,
    available: f64,
    since: Instant,
    keep_bodies: bool,
    /// Between a request and its answer.
    delay: Duration,
    arrivals: Vec<Arrival>,
}

impl Counter {
    fn arrive(&mut self, path: String, body: &Bytes) -> (bool, Option<Allowance>, f64) {
        let now = Instant::now();
        let mut served = true;
        if let Some(allowance) = self.allowance {
            let gained = now.duration_since(self.since).as_secs_f64() * allowance.per_second;
            self.available = (self.available + gained).min(allowance.burst);
            self.since = now;
            served = self.available >= allowance.cost;
            if served {
                self.available -= allowance.cost;
            }
        }
        self.arrivals.push(Arrival {
            at: now,
            path,
            body: if self.keep_bodies {
                body.clone()
            } else {
                Bytes::new()
            },
            served,
        });
        (served, self.allowance, self.available)
    }
}

/// Serves until it is dropped.
pub struct Sink {
    pub url: String,
    counter: Arc<Mutex<Counter>>,
    _runtime: Runtime,
}

impl Sink {
    pub fn serve(allowance: Option<Allowance>, keep_bodies: bool) -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()?;
        let counter = Arc::new(Mutex::new(Counter {
            allowance,
            available: allowance.map_or(0.0, |allowance| allowance.burst),
            since: Instant::now(),
            keep_bodies,
            delay: Duration::ZERO,
            arrivals: Vec::new(),
        }));
        let app = Router::new()
            .route(
                "/{*path}",
                on(MethodFilter::POST.or(MethodFilter::PUT), answer),
            )
            .with_state(counter.clone());
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0"))?;
        let url = format!("http://{}", listener.local_addr()?);
        runtime.spawn(async move { axum::serve(listener, app).await });
        Ok(Self {
            url,
            counter,
            _runtime: runtime,
        })
    }

    /// From now on every answer takes so long, as one from far away does. Requests may overlap.
    pub fn answer_after(&self, delay: Duration) {
        lock(&self.counter).delay = delay;
    }

    pub fn take_arrivals(&self) -> Vec<Arrival> {
        std::mem::take(&mut lock(&self.counter).arrivals)
    }
}

fn lock(counter: &Mutex<Counter>) -> MutexGuard<'_, Counter> {
    counter.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn answer(
    State(counter): State<Arc<Mutex<Counter>>>,
    Path(path): Path<String>,
    body: Bytes,
) -> Response {
    let ((served, allowance, available), delay) = {
        let mut counter = lock(&counter);
        (counter.arrive(path, &body), counter.delay)
    };
    if !delay.is_zero() {
        tokio::time::sleep(delay).await;
    }
    // Told in headers, so that the body can be the request's own.
    let level = allowance.map(|allowance| {
        [
            ("x-available", available.to_string()),
            ("x-capacity", allowance.burst.to_string()),
            ("x-per-second", allowance.per_second.to_string()),
        ]
    });
    let status = match served {
        true => StatusCode::OK,
        false => StatusCode::TOO_MANY_REQUESTS,
    };
    match level {
        Some(level) => (status, level, body).into_response(),
        None => (status, body).into_response(),
    }
}

/// From the first request to the last one.
pub fn span(arrivals: &[Arrival]) -> Duration {
    match (arrivals.first(), arrivals.last()) {
        (Some(first), Some(last)) => last.at.duration_since(first.at),
        _ => Duration::ZERO,
    }
}
