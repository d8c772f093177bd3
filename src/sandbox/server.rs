//! Serves one sandbox on loopback: faults around it, requests counted, state kept in a file.

use std::collections::BTreeMap;
use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use axum::body::{Body, Bytes};
use axum::extract::State as Shared;
use axum::http::{Request as HttpRequest, Response as HttpResponse, StatusCode};
use jiff::Timestamp;
use rand::SeedableRng;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use serde_json::{Value, json};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::{Fault, Faults, Profile, Purchase, PurchaseLine, Request, Response, Sandbox};
use crate::domain::{Error, Result};

/// Largest body that a sandbox reads.
const LARGEST_BODY: usize = 256 << 20;
/// Longer than a patient client waits for an answer that does not come.
const NO_ANSWER: Duration = Duration::from_secs(90);

/// A request and its answer, as they went over the wire.
#[derive(Clone, Debug)]
pub struct Exchange {
    pub request: Request,
    pub response: Response,
}

/// Watches the wire.
pub type Tap = Arc<dyn Fn(&Exchange) + Send + Sync>;

pub struct ServeOptions {
    /// 0 takes any free port.
    pub port: u16,
    /// Where the state lives between runs; `None` forgets it.
    pub state_file: Option<PathBuf>,
    pub faults: Profile,
    pub seed: u64,
    /// Shown every exchange with the vendor's own paths, before faults touch the answer.
    pub tap: Option<Tap>,
}

impl Default for ServeOptions {
    fn default() -> Self {
        Self {
            port: 0,
            state_file: None,
            faults: Profile::default(),
            seed: 1,
            tap: None,
        }
    }
}

/// A served sandbox. Dropping it ends the server; [`Running::stop`] saves its state first.
pub struct Running {
    pub url: String,
    /// What goes into `[channels.X.settings]`.
    pub settings: serde_json::Map<String, Value>,
    core: Arc<Mutex<Core>>,
    server: JoinHandle<()>,
    _stop: oneshot::Sender<()>,
}

impl std::fmt::Debug for Running {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Running")
            .field("url", &self.url)
            .finish_non_exhaustive()
    }
}

impl Running {
    /// Direct access for tests and simulated buyers.
    pub fn with<T>(&self, work: impl FnOnce(&mut dyn Sandbox) -> T) -> T {
        let mut core = lock(&self.core);
        let result = work(core.sandbox.as_mut());
        core.touched = true;
        result
    }

    pub fn set_faults(&self, profile: Profile) {
        lock(&self.core).faults.replace(profile);
    }

    /// How often each operation was called since the server started.
    pub fn requests(&self) -> BTreeMap<String, u64> {
        lock(&self.core).requests.clone()
    }

    /// How many requests came that write.
    pub fn writes(&self) -> u64 {
        lock(&self.core).writes
    }

    /// Lets simulated buyers place orders until there have been `orders` of them in all. Returns how many were
    /// placed now.
    pub fn simulate_buyers(&self, orders: u64, seed: u64) -> u64 {
        let mut core = lock(&self.core);
        let mut dice = StdRng::seed_from_u64(seed);
        let state = core.sandbox.state();
        let on_sale: Vec<String> = state
            .listings
            .iter()
            .filter(|(_, listing)| {
                listing.live && listing.quantity.is_some_and(|quantity| quantity > 0)
            })
            .map(|(sku, _)| sku.clone())
            .collect();
        let mut placed = 0;
        for _ in state.orders.len() as u64..orders {
            let Some(sku) = on_sale.choose(&mut dice) else {
                break;
            };
            let lines = vec![PurchaseLine {
                sku: sku.clone(),
                quantity: 1,
            }];
            if core
                .sandbox
                .buy(&Purchase { lines, buyer: None }, Timestamp::now())
                .is_ok()
            {
                core.touched = true;
                placed += 1;
            }
        }
        placed
    }

    /// Saves the state and ends the server.
    pub fn stop(self) -> Result<()> {
        self.server.abort();
        lock(&self.core).save(true)
    }

    /// Serves until the process ends or `until` does.
    pub async fn serve_until(self, until: impl Future<Output = ()>) -> Result<()> {
        until.await;
        self.stop()
    }
}

struct Core {
    sandbox: Box<dyn Sandbox>,
    faults: Faults,
    requests: BTreeMap<String, u64>,
    writes: u64,
    options: ServeOptions,
    base_url: String,
    touched: bool,
    /// Saving takes at most a tenth of the time: a large state is saved less often.
    next_save: Instant,
}

/// A panic in one request must not take the channel down for the others.
fn lock(core: &Arc<Mutex<Core>>) -> MutexGuard<'_, Core> {
    core.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Starts a sandbox on loopback, with the state of its last time when there is a file.
pub async fn serve(mut sandbox: Box<dyn Sandbox>, options: ServeOptions) -> Result<Running> {
    if let Some(file) = &options.state_file
        && let Ok(text) = std::fs::read_to_string(file)
    {
        let unreadable = |reason: String| {
            Error::config(format!(
                "the sandbox's saved state cannot be read: {reason}"
            ))
            .with("file", file.display().to_string())
            .hint("delete the file to start with an empty sandbox")
        };
        let saved = serde_json::from_str(&text).map_err(|error| unreadable(error.to_string()))?;
        sandbox.restore(saved).map_err(unreadable)?;
    }
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, options.port));
    let listener = tokio::net::TcpListener::bind(address)
        .await
        .map_err(|error| {
            Error::config(format!(
                "the sandbox cannot listen on port {}",
                options.port
            ))
            .caused_by(error)
        })?;
    let address = listener
        .local_addr()
        .map_err(|error| Error::unexpected("the sandbox's port is not known").caused_by(error))?;
    let base_url = format!("http://{address}");
    let settings = sandbox.settings(&base_url);
    let core = Arc::new(Mutex::new(Core {
        sandbox,
        faults: Faults::new(options.faults.clone(), options.seed),
        requests: BTreeMap::new(),
        writes: 0,
        options,
        base_url: base_url.clone(),
        touched: false,
        next_save: Instant::now(),
    }));
    let app = axum::Router::new()
        .fallback(handle)
        .with_state(core.clone());
    let (stop, stopped) = oneshot::channel::<()>();
    let server = tokio::spawn(async move {
        let serving = axum::serve(listener, app);
        tokio::select! {
            _ = serving => {}
            _ = stopped => {}
        }
    });
    Ok(Running {
        url: base_url,
        settings,
        core,
        server,
        _stop: stop,
    })
}

async fn handle(
    Shared(core): Shared<Arc<Mutex<Core>>>,
    request: HttpRequest<Body>,
) -> HttpResponse<Body> {
    let (parts, body) = request.into_parts();
    let Ok(body) = axum::body::to_bytes(body, LARGEST_BODY).await else {
        return plain(
            StatusCode::PAYLOAD_TOO_LARGE,
            "the body is too large or was cut off",
        );
    };
    let answer = {
        let mut core = lock(&core);
        let raw_query = parts.uri.query().unwrap_or_default().to_owned();
        let request = Request {
            method: parts.method.as_str().to_owned(),
            path: parts.uri.path().to_owned(),
            query: decode_pairs(&raw_query),
            raw_query,
            headers: parts
                .headers
                .iter()
                .map(|(name, value)| {
                    (
                        name.as_str().to_owned(),
                        String::from_utf8_lossy(value.as_bytes()).into_owned(),
                    )
                })
                .collect(),
            body: body.to_vec(),
            base_url: core.base_url.clone(),
            now: Timestamp::now(),
        };
        match request.path.strip_prefix("/_sandbox/") {
            Some(path) => Answer::Whole(core.control(path, &request)),
            None => core.vendor(request),
        }
    };
    match answer {
        Answer::Whole(response) => deliver(response),
        Answer::Broken(response) => {
            // The promised length never comes: the client sees the connection break.
            let length = response.body.len() + 1;
            let mut broken = deliver(response.header("content-length", length.to_string()));
            let stream =
                futures::stream::once(async { Err::<Bytes, _>(std::io::Error::other("reset")) });
            *broken.body_mut() = Body::from_stream(stream);
            broken
        }
        Answer::Never => {
            tokio::time::sleep(NO_ANSWER).await;
            plain(StatusCode::GATEWAY_TIMEOUT, "timeout")
        }
    }
}

enum Answer {
    Whole(Response),
    Broken(Response),
    Never,
}

impl Core {
    /// A request to the vendor's own paths.
    fn vendor(&mut self, request: Request) -> Answer {
        *self
            .requests
            .entry(self.sandbox.operation(&request))
            .or_default() += 1;
        let writes = self.sandbox.writes(&request);
        self.writes += u64::from(writes);
        if self.faults.strikes(Fault::Throttle, writes) {
            return Answer::Whole(self.sandbox.throttled_request(&request, 1));
        }
        if self.faults.strikes(Fault::ServerError, writes) {
            return Answer::Whole(self.sandbox.broken());
        }
        let response = self.sandbox.respond(&request, &mut self.faults);
        // Also a request that only reads may take from a quota, or come when something is due.
        self.touched |= request.method != "GET";
        // A state that cannot be saved is told at the end; the answer stands all the same.
        if let Err(error) = self.save(false) {
            tracing::warn!(%error, "the sandbox's state was not saved");
        }
        if let Some(tap) = &self.options.tap {
            tap(&Exchange {
                request,
                response: response.clone(),
            });
        }
        if self.faults.strikes(Fault::LostAnswer, writes) {
            Answer::Whole(self.sandbox.broken())
        } else if self.faults.strikes(Fault::Reset, writes) {
            Answer::Broken(response)
        } else if self.faults.strikes(Fault::Timeout, writes) {
            Answer::Never
        } else {
            Answer::Whole(response)
        }
    }

    /// A request to the sandbox itself.
    fn control(&mut self, path: &str, request: &Request) -> Response {
        let refuse = |reason: String| Response::json(400, &json!({"error": reason}));
        let response = match (
            request.method.as_str(),
            path.split('/').collect::<Vec<_>>().as_slice(),
        ) {
            ("GET", ["state"]) => {
                let mut state = serde_json::to_value(self.sandbox.state()).unwrap_or_default();
                state["requests"] = json!(self.requests);
                Response::json(200, &state)
            }
            ("POST", ["orders"]) => match serde_json::from_slice::<Purchase>(&request.body) {
                Ok(purchase) => match self.sandbox.buy(&purchase, request.now) {
                    Ok(receipt) => Response::json(201, &json!(receipt)),
                    Err(reason) => refuse(reason),
                },
                Err(error) => refuse(error.to_string()),
            },
            ("POST", ["orders", id, "cancel"]) => {
                let id = percent_encoding::percent_decode_str(id).decode_utf8_lossy();
                match self.sandbox.cancel(&id, request.now) {
                    Ok(()) => Response::json(200, &json!({"order_id": id, "canceled": true})),
                    Err(reason) => refuse(reason),
                }
            }
            ("PUT", ["faults"]) => match serde_json::from_slice::<Profile>(&request.body) {
                Ok(profile) => {
                    self.faults.replace(profile.clone());
                    Response::json(200, &json!(profile))
                }
                Err(error) => refuse(error.to_string()),
            },
            _ => Response::json(404, &json!({"error": "no such path below /_sandbox/"})),
        };
        self.touched |= request.method != "GET";
        match self.save(false) {
            Ok(()) => response,
            Err(error) => Response::json(500, &json!({"error": error.to_string()})),
        }
    }

    /// Replaces the state file as a whole, if there is anything new and, unless `now`, if it is time.
    fn save(&mut self, now: bool) -> Result<()> {
        let Some(file) = &self.options.state_file else {
            return Ok(());
        };
        let started = Instant::now();
        if !self.touched || (!now && started < self.next_save) {
            return Ok(());
        }
        let failed = |error: std::io::Error| {
            Error::config("the sandbox's state cannot be saved")
                .with("file", file.display().to_string())
                .caused_by(error)
        };
        let folder = file
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty());
        if let Some(folder) = folder {
            std::fs::create_dir_all(folder).map_err(failed)?;
        }
        let mut temporary = tempfile::NamedTempFile::new_in(folder.unwrap_or_else(|| ".".as_ref()))
            .map_err(failed)?;
        temporary
            .write_all(self.sandbox.save().to_string().as_bytes())
            .map_err(failed)?;
        temporary
            .persist(file)
            .map_err(|error| failed(error.error))?;
        self.touched = false;
        self.next_save = Instant::now() + started.elapsed() * 9;
        Ok(())
    }
}

fn deliver(response: Response) -> HttpResponse<Body> {
    let mut builder = HttpResponse::builder().status(response.status);
    for (name, value) in &response.headers {
        builder = builder.header(name, value);
    }
    builder.body(Body::from(response.body)).unwrap_or_else(|_| {
        plain(
            StatusCode::INTERNAL_SERVER_ERROR,
            "the sandbox built a bad answer",
        )
    })
}

fn plain(status: StatusCode, text: &'static str) -> HttpResponse<Body> {
    let mut response = HttpResponse::new(Body::from(text));
    *response.status_mut() = status;
    response
}

/// Decodes `a=1&b=x%20y`, plus signs as blanks, in order.
fn decode_pairs(query: &str) -> Vec<(String, String)> {
    let decode = |text: &str| {
        let text = text.replace('+', " ");
        percent_encoding::percent_decode_str(&text)
            .decode_utf8_lossy()
            .into_owned()
    };
    query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decode(key), decode(value))
        })
        .collect()
}
