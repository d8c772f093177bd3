//! The main job: one catalog, several channels, one ledger, again and again.

use crate::world::{HEADER, World, channel, row};

fn shop_amazon_google(rows: u32) -> World {
    let mut world = World::new();
    world
        .marketplace("shop", "woocommerce")
        .marketplace("amazon", "amazon")
        .feed("google");
    write_rows(&world, rows, "10");
    world
}

fn write_rows(world: &World, rows: u32, quantity: &str) {
    let mut lines = vec![HEADER.to_owned()];
    lines.extend((1..=rows).map(|number| row(number, "19.90", quantity)));
    world.catalog(&lines.iter().map(String::as_str).collect::<Vec<_>>());
}

fn writes(world: &World, name: &str) -> u64 {
    world
        .at(name)
        .requests()
        .iter()
        .filter(|(operation, _)| !operation.starts_with("GET") && !operation.contains("token"))
        .map(|(_, count)| count)
        .sum()
}

#[test]
fn creates_then_sends_what_changed_then_nothing() {
    let world = shop_amazon_google(12);
    let first = world.json(&["sync"]).expect(0).json();
    for name in ["shop", "amazon", "google"] {
        assert_eq!(channel(&first, name)["applied"], 12, "{first:#}");
    }
    let before = (writes(&world, "shop"), writes(&world, "amazon"));
    let feed_before = world.read("google.tsv");

    let second = world.json(&["sync"]).expect(0).json();
    for name in ["shop", "amazon", "google"] {
        assert_eq!(channel(&second, name)["applied"], 0, "{second:#}");
        assert_eq!(channel(&second, name)["unchanged"], 12);
    }
    assert_eq!(
        (writes(&world, "shop"), writes(&world, "amazon")),
        before,
        "a run with nothing to do wrote something"
    );
    assert_eq!(world.read("google.tsv"), feed_before);
    assert!(
        world
            .state("shop")
            .created
            .values()
            .all(|count| *count == 1)
    );
}

#[test]
fn an_order_on_one_channel_lowers_the_stock_on_all() {
    let world = shop_amazon_google(3);
    world.json(&["sync"]).expect(0);
    let order = world.buy("amazon", "SKU-2", 4);

    let second = world.json(&["sync"]).expect(0).json();
    assert_eq!(channel(&second, "amazon")["orders"]["new"], 1, "{second:#}");
    assert_eq!(world.quantity("shop", "SKU-2"), Some(6));
    assert_eq!(world.quantity("amazon", "SKU-2"), Some(6));
    assert_eq!(world.quantity("shop", "SKU-1"), Some(10));

    let orders = world.json(&["orders", "list"]).expect(0).json();
    assert_eq!(orders["orders"][0]["channel_order_id"], order.as_str());
    assert_eq!(orders["orders"][0]["lines"][0]["sku"], "SKU-2");
    assert_eq!(orders["orders"][0]["lines"][0]["quantity"], 4);

    let third = world.json(&["sync"]).expect(0).json();
    for name in ["shop", "amazon", "google"] {
        assert_eq!(channel(&third, name)["applied"], 0, "{third:#}");
    }
}

#[test]
fn a_canceled_order_gives_its_stock_back() {
    let world = shop_amazon_google(1);
    world.json(&["sync"]).expect(0);
    let order = world.buy("shop", "SKU-1", 3);
    world.json(&["sync"]).expect(0);
    assert_eq!(world.quantity("amazon", "SKU-1"), Some(7));
    let now = jiff::Timestamp::now();
    world
        .at("shop")
        .with(|sandbox| sandbox.cancel(&order, now))
        .unwrap();
    world.json(&["sync"]).expect(0);
    assert_eq!(world.quantity("amazon", "SKU-1"), Some(10));
}

#[test]
fn an_order_that_the_stock_file_knows_is_not_counted_twice() {
    let world = shop_amazon_google(1);
    world.json(&["sync"]).expect(0);
    world.buy("amazon", "SKU-1", 4);
    world.json(&["sync"]).expect(0);
    assert_eq!(world.quantity("shop", "SKU-1"), Some(6));
    // The seller's own system has counted the order and wrote its stock anew.
    write_rows(&world, 1, "6");
    world.json(&["sync"]).expect(0);
    assert_eq!(world.quantity("shop", "SKU-1"), Some(6));
}

#[test]
fn a_sku_that_left_the_catalog_goes_to_zero_and_a_held_one_stays() {
    let world = shop_amazon_google(4);
    world.json(&["sync"]).expect(0);
    let rows = [
        HEADER.to_owned(),
        row(1, "19.90", "10"),
        row(2, "Nill", "9"),
        row(3, "19.90", "10"),
    ];
    world.catalog(&rows.iter().map(String::as_str).collect::<Vec<_>>());
    let ran = world.json(&["sync"]).expect(3).json();
    assert_eq!(world.quantity("shop", "SKU-4"), Some(0), "{ran:#}");
    // The bad price keeps the price; the stock goes on.
    assert_eq!(world.quantity("shop", "SKU-2"), Some(9));
    assert_eq!(ran["issues"][0]["source"]["line"], 3);
    assert_eq!(ran["issues"][0]["source"]["value"], "Nill");
}

#[test]
fn one_channel_that_is_down_does_not_keep_the_others() {
    let mut world = World::new();
    world.marketplace("shop", "woocommerce").feed("google");
    world.configure(
        "[channels.dead]\nkind = \"woocommerce\"\n[channels.dead.settings]\nurl = \"http://127.0.0.1:9\"\n\
         consumer_key = \"ck_x\"\nconsumer_secret = \"cs_x\"\ncurrency = \"EUR\"",
    );
    write_rows(&world, 2, "5");
    let ran = world.json(&["sync"]).expect(3).json();
    assert_eq!(channel(&ran, "shop")["applied"], 2, "{ran:#}");
    assert_eq!(channel(&ran, "google")["applied"], 2);
    assert_eq!(channel(&ran, "dead")["ok"], false);
    assert_eq!(channel(&ran, "dead")["error"]["code"], "unavailable");
}

#[test]
fn live_listings_are_taken_over_and_foreign_ones_left_alone() {
    let mut world = World::new();
    world.marketplace("shop", "woocommerce");
    write_rows(&world, 3, "5");
    world.json(&["sync"]).expect(0);
    // A new ledger: nothing is known, but three listings are live.
    for name in ["channels.db", "channels.db-wal", "channels.db-shm"] {
        let _ = std::fs::remove_file(world.path(name));
    }
    let rows = [
        HEADER.to_owned(),
        row(1, "19.90", "5"),
        row(2, "19.90", "4"),
    ];
    world.catalog(&rows.iter().map(String::as_str).collect::<Vec<_>>());
    world.json(&["sync"]).expect(0);
    let state = world.state("shop");
    assert!(
        state.created.values().all(|count| *count == 1),
        "{:?}",
        state.created
    );
    assert_eq!(world.quantity("shop", "SKU-2"), Some(4));
    assert_eq!(
        world.quantity("shop", "SKU-3"),
        Some(5),
        "a listing that was never ours was touched"
    );
}

#[test]
fn a_reviewed_plan_is_sent_and_rows_whose_ground_moved_are_refused() {
    let mut world = World::new();
    world.marketplace("shop", "woocommerce");
    write_rows(&world, 3, "5");
    world.json(&["sync"]).expect(0);
    write_rows(&world, 3, "4");
    let plan = world
        .json(&["plan", "--out", "reviewed.json", "--exit-code"])
        .expect(4)
        .json();
    assert_eq!(channel(&plan, "shop")["changes"]["stock"], 3, "{plan:#}");
    assert_eq!(world.quantity("shop", "SKU-1"), Some(5), "a plan wrote");
    // One row moves on after the review.
    let rows = [
        HEADER.to_owned(),
        row(1, "19.90", "2"),
        row(2, "19.90", "4"),
        row(3, "19.90", "4"),
    ];
    world.catalog(&rows.iter().map(String::as_str).collect::<Vec<_>>());
    let ran = world
        .json(&["push", "--plan", "reviewed.json"])
        .expect(3)
        .json();
    assert_eq!(channel(&ran, "shop")["applied"], 2, "{ran:#}");
    assert_eq!(channel(&ran, "shop")["issues"][0]["code"], "plan_row_moved");
    assert_eq!(world.quantity("shop", "SKU-1"), Some(5));
    assert_eq!(world.quantity("shop", "SKU-2"), Some(4));
}

#[test]
fn only_and_sku_narrow_a_run() {
    let mut world = World::new();
    world.marketplace("shop", "woocommerce");
    write_rows(&world, 3, "5");
    world.json(&["sync"]).expect(0);
    let rows = [
        HEADER.to_owned(),
        row(1, "21.90", "4"),
        row(2, "21.90", "4"),
        row(3, "19.90", "5"),
    ];
    world.catalog(&rows.iter().map(String::as_str).collect::<Vec<_>>());
    world
        .json(&["sync", "--only", "stock", "--sku", "*-1"])
        .expect(0);
    assert_eq!(world.quantity("shop", "SKU-1"), Some(4));
    assert_eq!(world.quantity("shop", "SKU-2"), Some(5));
    let plan = world.json(&["plan"]).expect(0).json();
    assert_eq!(channel(&plan, "shop")["changes"]["price"], 2, "{plan:#}");
    assert_eq!(channel(&plan, "shop")["changes"]["stock"], 1);
}

#[test]
fn what_was_ended_comes_back_whole() {
    let mut world = World::new();
    for (name, kind) in [("shop", "woocommerce"), ("amazon", "amazon")] {
        world.marketplace(name, kind);
        // The table of the last marketplace is its settings; a dotted key reaches the channel itself.
        world.configure(&format!("[channels.{name}.guard]\nmin_listings = 100"));
    }
    world.feed("google");
    let config = world.read("channels.toml");
    let config = config.replace("kind = ", "absent = \"end\"\nkind = ");
    world.write("channels.toml", config);
    write_rows(&world, 3, "10");
    world.json(&["sync"]).expect(0);
    write_rows(&world, 2, "10");
    world
        .json(&["sync", "--wait", "10s", "--approve", "rows-2"])
        .expect(0);
    for name in ["shop", "amazon"] {
        assert!(
            world
                .state(name)
                .listings
                .get("SKU-3")
                .is_none_or(|listing| !listing.live),
            "{name}"
        );
    }
    assert!(!world.read("google.tsv").contains("SKU-3"));
    // Back, cheaper and with less stock than before.
    let rows = [
        HEADER.to_owned(),
        row(1, "19.90", "10"),
        row(2, "19.90", "10"),
        row(3, "15.00", "4"),
    ];
    world.catalog(&rows.iter().map(String::as_str).collect::<Vec<_>>());
    let back = world.json(&["sync", "--wait", "10s"]).expect(0).json();
    for name in ["shop", "amazon"] {
        let listing = &world.state(name).listings["SKU-3"];
        assert!(listing.live, "{name} {back:#}");
        assert_eq!(listing.quantity, Some(4), "{name}");
        assert_eq!(listing.price.unwrap().to_string(), "15.00 EUR", "{name}");
    }
    assert!(world.read("google.tsv").contains("15.00 EUR"));
    let third = world.json(&["sync"]).expect(0).json();
    for name in ["shop", "amazon", "google"] {
        assert_eq!(channel(&third, name)["applied"], 0, "{third:#}");
    }
}

#[test]
fn drafts_of_the_sellers_own_shop_are_not_sold_elsewhere() {
    let mut world = World::new();
    world.marketplace("shop", "woocommerce");
    world.catalog(&[
        "Handle,Title,Variant SKU,Variant Price,Variant Inventory Tracker,Variant Inventory Qty,Published,Status",
        "lamp,Lamp,LAMP,20.00,shopify,5,true,active",
        "secret,Secret lamp,SECRET,20.00,shopify,5,true,draft",
        "hidden,Hidden lamp,HIDDEN,20.00,shopify,5,false,active",
    ]);
    world.json(&["sync"]).expect(0);
    let listed: Vec<String> = world.state("shop").listings.into_keys().collect();
    assert_eq!(listed, ["LAMP"]);
    let explained = world.json(&["explain", "SECRET"]).expect(0).json();
    assert_eq!(explained["channels"][0]["included"], false);
    world.configure("[channels.shop.select]\ninclude = \"true\"");
    world.json(&["sync"]).expect(0);
    assert_eq!(world.state("shop").listings.len(), 3);
}

#[test]
fn an_expression_that_fails_for_an_item_leaves_it_as_it_is() {
    let mut world = World::new();
    world.marketplace("shop", "woocommerce");
    world.catalog(&[
        "sku,title,price,quantity,grade",
        "A,Lamp,20.00,5,1",
        "B,Lamp,20.00,5,2",
    ]);
    world.json(&["sync"]).expect(0);
    world.configure("[channels.shop.select]\ninclude = \"grade|int > 0\"");
    world.catalog(&[
        "sku,title,price,quantity,grade",
        "A,Lamp,20.00,5,1",
        "B,Lamp,20.00,5,two",
    ]);
    let ran = world.json(&["sync"]).expect(3).json();
    assert_eq!(
        channel(&ran, "shop")["issues"][0]["code"],
        "template_failed",
        "{ran:#}"
    );
    assert_eq!(world.quantity("shop", "B"), Some(5));
}

#[test]
fn a_parent_waits_for_a_variant_that_can_be_sold() {
    let mut world = World::new();
    world.marketplace("shop", "woocommerce");
    let header = "sku,parent_sku,title,price,quantity,option:Size";
    world.catalog(&[
        header,
        "TEE,,Shirt,,,",
        "TEE-S,TEE,,Nill,5,S",
        "LAMP,,Lamp,20.00,5,",
    ]);
    world.json(&["sync"]).expect(3);
    assert_eq!(world.state("shop").created.len(), 1);
    world.catalog(&[
        header,
        "TEE,,Shirt,,,",
        "TEE-S,TEE,,19.00,5,S",
        "LAMP,,Lamp,20.00,5,",
    ]);
    world.json(&["sync"]).expect(0);
    assert_eq!(world.quantity("shop", "TEE-S"), Some(5));
}

/// What is computed without asking anybody is computed for every kind, whether its credentials are real or not.
#[test]
fn every_kind_is_explained_without_being_asked() {
    let mut world = World::new();
    let mut names = Vec::new();
    for factory in skucast::connectors::REGISTRY {
        let kind = factory.descriptor.kind;
        if factory.sandbox.is_none() {
            continue;
        }
        let emulated = format!("{kind}-emulated");
        world.marketplace(kind, kind).configure(&format!(
            "[channels.{emulated}]\nkind = \"{kind}\"\nsandbox = true"
        ));
        names.extend([kind.to_owned(), emulated]);
    }
    write_rows(&world, 1, "10");
    let explained = world.json(&["explain", "SKU-1"]).expect(0).json();
    for name in &names {
        assert_eq!(channel(&explained, name)["included"], true, "{explained:#}");
    }
    let checked = world.json(&["check"]).json();
    let severe =
        |issue: &&serde_json::Value| issue["sku"].is_null() && issue["severity"] == "error";
    let issues = checked["issues"].as_array().unwrap();
    assert_eq!(issues.iter().find(severe), None);
    // A channel that cannot take part is named, and the others are explained all the same.
    world.configure(
        "[channels.odd]\nkind = \"shopify\"\n[channels.odd.settings]\nshop = \"odd.myshopify.com\"",
    );
    let explained = world.run(&["explain", "SKU-1"]).expect(3);
    assert!(explained.stderr.contains("odd"), "{}", explained.stderr);
    assert!(explained.stdout.contains(&names[0]), "{}", explained.stdout);
}
