//! A seller's day in one shop, with Amazon beside it.

use crate::shops::{CATALOG, Shops};
use crate::world::channel;

pub fn passes(kind: &'static str) {
    let mut shops = Shops::open(&[kind, "amazon"]);

    // First load: every product with its variants, once.
    let first = shops.sync();
    let rows = CATALOG.lines().count() as u64 - 1;
    assert_eq!(channel(&first, kind)["applied"], rows, "{first:#}");
    let created = shops.state(kind).created;
    assert!(created.values().all(|count| *count == 1), "{created:?}");
    let shown = |price: &str, quantity| (Some(price.to_owned()), Some(quantity), true);
    assert_eq!(shops.shows(kind, "TEE-RED-M"), shown("19.90", 12));
    for sku in ["TEE", "MUG-1"] {
        let content = shops.state(kind).listings[sku].content.to_string();
        assert!(content.contains(&format!("/{sku}.jpg")), "{sku}: {content}");
    }
    let again = shops.sync();
    assert_eq!(channel(&again, kind)["applied"], 0, "{again:#}");

    // A price and a stock change.
    shops.edit(
        "TEE-RED-M,TEE,Logo tee red M,19.90,12",
        "TEE-RED-M,TEE,Logo tee red M,17.50,9",
    );
    let changed = shops.sync();
    assert_eq!(channel(&changed, kind)["applied"], 2, "{changed:#}");
    assert_eq!(shops.shows(kind, "TEE-RED-M"), shown("17.50", 9));

    // A buyer buys in the shop: the order is in the ledger, and Amazon has less to sell.
    let order = shops.buy(kind, &[("TEE-RED-M", 2), ("MUG-1", 1)]);
    shops.sync();
    let listed = shops.world.json(&["orders", "list"]).expect(0).json();
    let known = &listed["orders"][0];
    assert_eq!(known["channel_order_id"], order.as_str(), "{listed:#}");
    assert_eq!(known["status"], "open");
    assert_eq!(known["lines"].as_array().map(Vec::len), Some(2));
    assert_eq!(shops.quantity("amazon", "TEE-RED-M"), Some(7));
    let counted_by_itself = Some(7);
    assert_eq!(shops.quantity(kind, "TEE-RED-M"), counted_by_itself);

    // The parcel leaves, and the buyer can see it.
    let parcels = format!("order,carrier,tracking\n{order},DHL,JD0001\n");
    shops
        .world
        .write("parcels.csv", parcels)
        .run(&["ship", "parcels.csv"])
        .expect(0);
    let shipments = serde_json::to_string(&shops.state(kind).shipments).expect("shipments");
    assert!(shipments.contains("JD0001"), "{shipments}");
    shops.sync();
    let listed = shops.world.json(&["orders", "list"]).expect(0).json();
    assert_eq!(listed["orders"][0]["status"], "shipped", "{listed:#}");
    let was_sold_before = Some(7);
    assert_eq!(shops.quantity(kind, "TEE-RED-M"), was_sold_before);

    // A sku is taken off sale.
    let table = format!("[channels.{kind}]\n");
    let config = shops.world.read("channels.toml");
    shops.world.write(
        "channels.toml",
        config.replace(&table, &format!("{table}absent = \"end\"\n")),
    );
    let text = shops.world.read("catalog.csv");
    let rest: Vec<_> = text
        .lines()
        .filter(|line| !line.starts_with("MUG-2,"))
        .collect();
    shops.world.catalog(&rest);
    shops.sync();
    let (_, _, is_on_sale) = shops.shows(kind, "MUG-2");
    assert!(!is_on_sale, "MUG-2 is off sale");
    let last = shops.sync();
    assert_eq!(channel(&last, kind)["applied"], 0, "{last:#}");
}
