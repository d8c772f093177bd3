//! An emulated channel that goes wrong at one certain write, where dice would hit any.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};

use jiff::Timestamp;
use serde_json::{Map, Value};
use skucast::sandbox::{
    Faults, Profile, Purchase, PurchaseLine, Receipt, Request, Response, Sandbox, State,
};

use crate::world::lock;

/// What goes wrong when, and what came of it.
#[derive(Clone, Default)]
pub struct Plot(Arc<Mutex<Scheme>>);

#[derive(Default)]
struct Scheme {
    /// After so many more writes, this.
    next: Option<(u64, Profile)>,
    /// Before the next write, so many pieces of this sku are sold.
    purchase: Option<(String, u64)>,
    watches: bool,
    /// Requests that created listings: method, path and body.
    creations: HashSet<(String, String, Vec<u8>)>,
    resent: Vec<String>,
}

impl Plot {
    pub fn set(&self, after: u64, profile: Profile) {
        lock(&self.0).next = Some((after, profile));
    }

    /// A buyer is quicker than the next write.
    pub fn sell_before_next_write(&self, sku: &str, quantity: u64) {
        lock(&self.0).purchase = Some((sku.to_owned(), quantity));
    }

    /// Whether it is still to come.
    pub fn is_pending(&self) -> bool {
        lock(&self.0).next.is_some()
    }

    /// From here on requests that create something are remembered.
    pub fn watch_creations(&self) {
        lock(&self.0).watches = true;
    }

    /// Requests that had created something and came once more.
    pub fn resent(&self) -> Vec<String> {
        lock(&self.0).resent.clone()
    }
}

pub struct Saboteur {
    pub inner: Box<dyn Sandbox>,
    pub plot: Plot,
}

impl Sandbox for Saboteur {
    fn respond(&mut self, request: &Request, faults: &mut Faults) -> Response {
        if !self.inner.writes(request) {
            return self.inner.respond(request, faults);
        }
        let mut scheme = lock(&self.plot.0);
        if let Some((sku, quantity)) = scheme.purchase.take() {
            let lines = vec![PurchaseLine { sku, quantity }];
            let purchase = Purchase { lines, buyer: None };
            self.inner
                .buy(&purchase, request.now)
                .expect("the sku is on sale");
        }
        let watches = scheme.watches;
        let created = |inner: &dyn Sandbox| watches.then(|| inner.state().created);
        let before = created(self.inner.as_ref());
        let response = self.inner.respond(request, faults);
        let this = (
            request.method.clone(),
            request.path.clone(),
            request.body.clone(),
        );
        if watches && scheme.creations.contains(&this) {
            let what = format!("{} {}", request.method, request.path);
            scheme.resent.push(what);
        }
        if created(self.inner.as_ref()) != before {
            scheme.creations.insert(this);
        }
        match scheme.next.as_mut() {
            Some((0, profile)) => {
                // What becomes of this answer is drawn after it was made.
                faults.replace(profile.clone());
                scheme.next = None;
            }
            Some((after, _)) => *after -= 1,
            None => {}
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

    fn writes(&self, request: &Request) -> bool {
        self.inner.writes(request)
    }

    fn throttled(&self, retry_after_seconds: u64) -> Response {
        self.inner.throttled(retry_after_seconds)
    }

    fn throttled_request(&self, request: &Request, retry_after_seconds: u64) -> Response {
        self.inner.throttled_request(request, retry_after_seconds)
    }

    fn refuses_pace(&self, response: &Response) -> bool {
        self.inner.refuses_pace(response)
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
