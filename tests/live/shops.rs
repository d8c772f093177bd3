//! The seller's folder, and the shops around it: the real server of a kind where one was started, its emulation elsewhere.

use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use serde_json::{Value, json};
use skucast::sandbox::{Sandbox, State};

use crate::live;
use crate::pictures;
use crate::world::World;

/// A few families and single goods, as the sellers of such shops have them.
pub const CATALOG: &str = include_str!("catalog.csv");

/// A catalog whose addresses all lead to pictures of this machine: tests ask nothing of the internet.
pub fn with_local_pictures(text: &str) -> String {
    let mut parts = text.split("https://");
    let mut local = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (host, path) = part.split_once('/').unwrap_or((part, ""));
        let name = format!("{host}/{path}");
        local.push_str(&pictures::address(&name));
    }
    local
}

/// A real server may have one list of products for all of its channels: its tests go one after the other.
static TURN: Mutex<()> = Mutex::new(());

/// One channel per kind, called like it.
pub struct Shops {
    pub world: World,
    _turn: Option<MutexGuard<'static, ()>>,
    real: Vec<(&'static str, Box<dyn Sandbox>)>,
}

impl Shops {
    pub fn open(kinds: &[&'static str]) -> Self {
        let is_judged = kinds.iter().any(|kind| live::judges(kind));
        let turn = is_judged.then(|| TURN.lock().unwrap_or_else(PoisonError::into_inner));
        let mut world = World::new();
        let mut real = Vec::new();
        for kind in kinds {
            let Some(store) = live::open(kind) else {
                world.marketplace(kind, kind);
                continue;
            };
            let address = live::address(kind).expect("the server has an address");
            let mut toml =
                format!("[channels.{kind}]\nkind = \"{kind}\"\n[channels.{kind}.settings]\n");
            for (key, value) in &store.settings(&address) {
                toml.push_str(&format!("{key} = {value}\n"));
            }
            world.configure(&toml);
            real.push((*kind, store));
        }
        world.write("catalog.csv", with_local_pictures(CATALOG));
        Self {
            world,
            _turn: turn,
            real,
        }
    }

    pub fn sync(&self) -> Value {
        self.world.json(&["sync", "--wait", "60s"]).expect(0).json()
    }

    /// As the shop itself tells.
    pub fn state(&self, kind: &str) -> State {
        match self.real.iter().find(|(known, _)| *known == kind) {
            Some((_, store)) => store.state(),
            None => self.world.state(kind),
        }
    }

    /// Price, stock, and whether it can be bought.
    pub fn shows(&self, kind: &str, sku: &str) -> (Option<String>, Option<i64>, bool) {
        let mut state = self.state(kind);
        let listing = state
            .listings
            .remove(sku)
            .unwrap_or_else(|| panic!("{sku} is on {kind}"));
        let price = listing.price.map(|price| price.to_plain());
        (price, listing.quantity, listing.live)
    }

    pub fn quantity(&self, kind: &str, sku: &str) -> Option<i64> {
        self.shows(kind, sku).1
    }

    /// A buyer goes through the shop's own checkout; answers the order's id.
    pub fn buy(&mut self, kind: &str, lines: &[(&str, u64)]) -> String {
        let lines: Vec<_> = lines
            .iter()
            .map(|(sku, quantity)| json!({"sku": sku, "quantity": quantity}))
            .collect();
        let purchase = serde_json::from_value(json!({ "lines": lines })).expect("a purchase");
        let now = Timestamp::now();
        let receipt = match self.real.iter_mut().find(|(known, _)| *known == kind) {
            Some((_, store)) => store.buy(&purchase, now),
            None => self
                .world
                .at(kind)
                .with(|sandbox| sandbox.buy(&purchase, now)),
        };
        receipt.expect("the shop sells").order_id
    }

    /// The seller edits the catalog.
    pub fn edit(&self, from: &str, to: &str) {
        let text = self.world.read("catalog.csv");
        assert!(text.contains(from), "{from} is in the catalog");
        self.world.write("catalog.csv", text.replace(from, to));
    }
}
