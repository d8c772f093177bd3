//! A seller's day against real servers: the binary, a shop that was started for the purpose, and an emulated Amazon
//! beside it. Without a server there is nothing to do; `tests/live/run` starts them.

#[path = "../conformance/live/mod.rs"]
mod live;
#[path = "../it/world.rs"]
#[allow(dead_code, reason = "shared with the tests of the program")]
mod world;

use jiff::Timestamp;
use serde_json::{Value, json};
use skucast::sandbox::Sandbox;

use world::{World, channel};

/// A catalog of a few families and single goods, as the sellers of such shops have them.
const CATALOG: &str = include_str!("catalog.csv");

/// The seller's folder, and the store as its buyers see it.
struct Day {
    world: World,
    store: Box<dyn Sandbox>,
}

impl Day {
    /// `None` without a server.
    fn begin(kind: &str) -> Option<Self> {
        let store = live::open(kind)?;
        let address = live::address(kind).expect("the server has an address");
        let mut world = World::new();
        world.marketplace("amazon", "amazon");
        let mut toml = format!("[channels.shop]\nkind = \"{kind}\"\n[channels.shop.settings]\n");
        for (key, value) in store.settings(&address) {
            toml.push_str(&format!("{key} = {value}\n"));
        }
        world.configure(&toml);
        world.write("catalog.csv", CATALOG);
        Some(Self { world, store })
    }

    fn sync(&self) -> Value {
        self.world.json(&["sync"]).expect(0).json()
    }

    fn shows(&self, sku: &str) -> (Option<String>, Option<i64>, bool) {
        let mut state = self.store.state();
        let listing = state
            .listings
            .remove(sku)
            .unwrap_or_else(|| panic!("{sku} is in the shop"));
        (
            listing.price.map(|price| price.to_plain()),
            listing.quantity,
            listing.live,
        )
    }

    fn edit(&self, from: &str, to: &str) {
        let text = self.world.read("catalog.csv");
        assert!(text.contains(from), "{from} is in the catalog");
        self.world.write("catalog.csv", text.replace(from, to));
    }

    fn passes(mut self) {
        // First load: every product with its variants, once.
        let first = self.sync();
        let rows = CATALOG.lines().count() as u64 - 1;
        assert_eq!(channel(&first, "shop")["applied"], rows, "{first:#}");
        let state = self.store.state();
        assert!(
            state.created.values().all(|count| *count == 1),
            "{:?}",
            state.created
        );
        assert_eq!(
            self.shows("TEE-RED-M"),
            (Some("19.90".to_owned()), Some(12), true)
        );
        let again = self.sync();
        assert_eq!(channel(&again, "shop")["applied"], 0, "{again:#}");

        // A price and a stock change.
        self.edit(
            "TEE-RED-M,TEE,Logo tee red M,19.90,12",
            "TEE-RED-M,TEE,Logo tee red M,17.50,9",
        );
        let changed = self.sync();
        assert_eq!(channel(&changed, "shop")["applied"], 2, "{changed:#}");
        assert_eq!(
            self.shows("TEE-RED-M"),
            (Some("17.50".to_owned()), Some(9), true)
        );

        // A buyer buys in the shop: the order is in the ledger, and Amazon has less to sell.
        let purchase = json!({"lines": [{"sku": "TEE-RED-M", "quantity": 2}, {"sku": "MUG-1", "quantity": 1}]});
        let purchase = serde_json::from_value(purchase).unwrap();
        let order = self
            .store
            .buy(&purchase, Timestamp::now())
            .unwrap()
            .order_id;
        self.sync();
        let listed = self.world.json(&["orders", "list"]).expect(0).json();
        let known = &listed["orders"][0];
        assert_eq!(known["channel_order_id"], order.as_str(), "{listed:#}");
        assert_eq!(known["status"], "open");
        assert_eq!(known["lines"].as_array().map(Vec::len), Some(2));
        assert_eq!(self.world.quantity("amazon", "TEE-RED-M"), Some(7));
        assert_eq!(
            self.shows("TEE-RED-M").1,
            Some(7),
            "the shop counts its own order"
        );

        // The parcel leaves, and the buyer can see it.
        self.world
            .write(
                "parcels.csv",
                format!("order,carrier,tracking\n{order},DHL,JD0001\n"),
            )
            .run(&["ship", "parcels.csv"])
            .expect(0);
        let shipments = serde_json::to_string(&self.store.state().shipments).unwrap();
        assert!(shipments.contains("JD0001"), "{shipments}");
        self.sync();
        let listed = self.world.json(&["orders", "list"]).expect(0).json();
        assert_eq!(listed["orders"][0]["status"], "shipped", "{listed:#}");
        assert_eq!(
            self.shows("TEE-RED-M").1,
            Some(7),
            "what was sent was sold before"
        );

        // A sku is taken off sale.
        let config = self.world.read("channels.toml");
        self.world.write(
            "channels.toml",
            config.replace("[channels.shop]\n", "[channels.shop]\nabsent = \"end\"\n"),
        );
        let text = self.world.read("catalog.csv");
        let rest: Vec<_> = text
            .lines()
            .filter(|line| !line.starts_with("MUG-2,"))
            .collect();
        self.world.catalog(&rest);
        self.sync();
        assert!(!self.shows("MUG-2").2, "MUG-2 is off sale");
        let last = self.sync();
        assert_eq!(channel(&last, "shop")["applied"], 0, "{last:#}");
    }
}

fn day(kind: &str) {
    match Day::begin(kind) {
        Some(day) => day.passes(),
        None => println!("skipped: no {kind} server; run tests/live/run {kind}"),
    }
}

#[test]
fn medusa() {
    day("medusa");
}

#[test]
fn vendure() {
    day("vendure");
}
