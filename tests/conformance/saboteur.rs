//! An emulated channel that goes wrong at one certain write, where dice would hit any.

use std::sync::{Arc, Mutex};

use jiff::Timestamp;
use serde_json::{Map, Value};
use skucast::sandbox::{Faults, Profile, Purchase, Receipt, Request, Response, Sandbox, State};

use crate::world::lock;

/// After so many more writes, this.
#[derive(Clone, Default)]
pub struct Plot(Arc<Mutex<Option<(u64, Profile)>>>);

impl Plot {
    pub fn set(&self, after: u64, profile: Profile) {
        *lock(&self.0) = Some((after, profile));
    }

    /// Whether it is still to come.
    pub fn is_pending(&self) -> bool {
        lock(&self.0).is_some()
    }
}

pub struct Saboteur {
    pub inner: Box<dyn Sandbox>,
    pub plot: Plot,
}

impl Sandbox for Saboteur {
    fn respond(&mut self, request: &Request, faults: &mut Faults) -> Response {
        let response = self.inner.respond(request, faults);
        if request.method != "GET" {
            let mut plot = lock(&self.plot.0);
            match plot.as_mut() {
                Some((0, profile)) => {
                    // What becomes of this answer is drawn after it was made.
                    faults.replace(profile.clone());
                    *plot = None;
                }
                Some((after, _)) => *after -= 1,
                None => {}
            }
        }
        response
    }

    fn kind(&self) -> &'static str {
        self.inner.kind()
    }

    fn settings(&self, base_url: &str) -> Map<String, Value> {
        self.inner.settings(base_url)
    }

    fn operation(&self, request: &Request) -> String {
        self.inner.operation(request)
    }

    fn throttled(&self, retry_after_seconds: u64) -> Response {
        self.inner.throttled(retry_after_seconds)
    }

    fn broken(&self) -> Response {
        self.inner.broken()
    }

    fn state(&self) -> State {
        self.inner.state()
    }

    fn buy(&mut self, purchase: &Purchase, now: Timestamp) -> Result<Receipt, String> {
        self.inner.buy(purchase, now)
    }

    fn cancel(&mut self, order_id: &str, now: Timestamp) -> Result<(), String> {
        self.inner.cancel(order_id, now)
    }

    fn save(&self) -> Value {
        self.inner.save()
    }

    fn restore(&mut self, saved: Value) -> Result<(), String> {
        self.inner.restore(saved)
    }
}
