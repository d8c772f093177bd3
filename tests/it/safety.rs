//! What stops a run before it does harm, and what it says then.

use crate::world::{HEADER, World, channel, codes, row};

fn world(rows: u32, price: &str) -> World {
    let mut world = World::new();
    world.marketplace("shop", "woocommerce");
    write(&world, rows, price, "5");
    world
}

fn write(world: &World, rows: u32, price: &str, quantity: &str) {
    let mut lines = vec![HEADER.to_owned()];
    lines.extend((1..=rows).map(|number| row(number, price, quantity)));
    world.catalog(&lines.iter().map(String::as_str).collect::<Vec<_>>());
}

#[test]
fn a_mass_repricing_needs_approval_once() {
    let world = world(12, "20.00");
    world.json(&["sync"]).expect(0);
    write(&world, 12, "21.00", "5");
    let stopped = world.json(&["sync"]).expect(5).json();
    let guard = &channel(&stopped, "shop")["guard"];
    assert_eq!(guard["rule"], "reprice", "{stopped:#}");
    let token = guard["approve"].as_str().unwrap().to_owned();
    // Another plan is not covered by the token.
    write(&world, 12, "21.50", "5");
    world.json(&["sync", "--approve", &token]).expect(5);
    write(&world, 12, "21.00", "5");
    world.json(&["sync", "--approve", &token]).expect(0);
    assert_eq!(
        world.state("shop").listings["SKU-1"]
            .price
            .unwrap()
            .to_string(),
        "21.00 EUR"
    );
}

#[test]
fn a_slipped_decimal_point_stops_the_channel() {
    let world = world(2, "20.00");
    world.json(&["sync"]).expect(0);
    write(&world, 2, "2.00", "5");
    let stopped = world.json(&["sync"]).expect(5).json();
    assert_eq!(channel(&stopped, "shop")["guard"]["rule"], "price_jump");
    assert_eq!(
        world.state("shop").listings["SKU-1"]
            .price
            .unwrap()
            .to_string(),
        "20.00 EUR"
    );
}

#[test]
fn a_catalog_that_lost_rows_stops_the_run() {
    let world = world(20, "20.00");
    world.json(&["sync"]).expect(0);
    write(&world, 10, "20.00", "5");
    let stopped = world.json(&["sync"]).expect(5).json();
    assert_eq!(stopped["guard"]["rule"], "rows_lost", "{stopped:#}");
    assert_eq!(world.quantity("shop", "SKU-20"), Some(5));
}

#[test]
fn a_broken_file_stops_the_run_before_any_write() {
    let world = world(3, "20.00");
    world.json(&["sync"]).expect(0);
    for (content, said) in [
        (String::new(), "empty"),
        (format!("{HEADER}\n"), "no row"),
        (
            format!("{HEADER}\n{}\nSKU-2,Lant", row(1, "20.00", "5")),
            "cut short",
        ),
        ("name,colour\nlamp,red\n".to_owned(), "sku"),
    ] {
        world.write("catalog.csv", &content);
        let ran = world.run(&["sync"]);
        assert!(matches!(ran.code, 1 | 2), "{} {}", ran.code, ran.stderr);
        assert!(ran.stderr.contains(said), "`{said}` in {}", ran.stderr);
        assert_eq!(world.quantity("shop", "SKU-3"), Some(5));
    }
}

#[test]
fn absence_is_not_believed_while_rows_cannot_be_read() {
    let world = world(4, "20.00");
    world.json(&["sync"]).expect(0);
    // The third row's quote swallows the rest of its line.
    let rows = [
        HEADER.to_owned(),
        row(1, "20.00", "5"),
        row(2, "20.00", "5"),
        format!("\"{}", row(3, "20.00", "5")),
    ];
    world.catalog(&rows.iter().map(String::as_str).collect::<Vec<_>>());
    let ran = world.json(&["sync"]).expect(3).json();
    assert!(
        codes(&ran["issues"]).contains(&("unclosed_quote".to_owned(), 4)),
        "{ran:#}"
    );
    assert_eq!(world.quantity("shop", "SKU-4"), Some(5));
}

#[test]
fn a_wrong_key_is_named_and_not_shown() {
    let mut world = World::new();
    world.marketplace("shop", "woocommerce");
    write(&world, 1, "20.00", "5");
    let config = world
        .read("channels.toml")
        .replace("cs_sandbox", "cs_wrong");
    world.write("channels.toml", &config);
    let ran = world.run(&["sync", "-vv"]).expect(3);
    let all = format!("{}{}", ran.stdout, ran.stderr);
    assert!(all.contains("consumer_"), "{all}");
    assert!(!all.contains("cs_wrong"), "{all}");
    let checked = world.json(&["channels", "check"]).expect(3).json();
    assert_eq!(channel(&checked, "shop")["error"]["code"], "unauthorized");
}

#[test]
fn a_second_run_leaves_at_once() {
    let world = world(1, "20.00");
    world.json(&["sync"]).expect(0);
    let lock = std::fs::File::open(world.path("channels.db.run.lock")).unwrap();
    lock.lock().unwrap();
    world.json(&["sync"]).expect(6);
    lock.unlock().unwrap();
    world.json(&["sync"]).expect(0);
}

#[test]
fn mistakes_of_the_configuration_are_told_with_their_place() {
    let world = World::new();
    world.write(
        "channels.toml",
        "[catalog]\nfile = \"catalog.csv\"\n[channels.shop]\nkind = \"woocomerce\"\n[channels.shop.stock]\nbufer = 2\n",
    );
    let ran = world.run(&["check"]).expect(2);
    for said in [
        "channels.toml:4",
        "woocommerce",
        "channels.toml:6",
        "buffer",
    ] {
        assert!(ran.stderr.contains(said), "`{said}` in {}", ran.stderr);
    }
    let missing = world.run(&["check", "--config", "nowhere.toml"]).expect(2);
    assert!(
        missing.stderr.contains("skucast init"),
        "{}",
        missing.stderr
    );
}

#[test]
fn a_refused_row_is_not_sent_again_until_it_changes() {
    let world = world(3, "20.00");
    let refused = vec!["SKU-2".to_owned()];
    world.at("shop").set_faults(skucast::sandbox::Profile {
        refused_skus: refused,
        ..Default::default()
    });
    let first = world.json(&["sync"]).expect(3).json();
    assert_eq!(channel(&first, "shop")["applied"], 2, "{first:#}");
    assert_eq!(channel(&first, "shop")["rejected"], 1);
    let writes = |world: &World| {
        world
            .at("shop")
            .requests()
            .get("POST /products/batch")
            .copied()
    };
    let before = writes(&world);
    let second = world.json(&["sync"]).expect(3).json();
    assert_eq!(channel(&second, "shop")["blocked"], 1, "{second:#}");
    assert_eq!(writes(&world), before);
}

#[test]
fn what_a_rehearsal_confirmed_is_not_taken_for_the_real_shop() {
    let mut world = World::new();
    world.configure("[channels.shop]\nkind = \"woocommerce\"\nsandbox = true");
    write(&world, 2, "20.00", "5");
    world.json(&["sync"]).expect(0);
    let rehearsed = world.read("channels.toml");
    let mut real = World::new();
    real.marketplace("shop", "woocommerce");
    let settings = real.read("channels.toml");
    let settings = settings.split("[channels.shop.settings]").nth(1).unwrap();
    let live = rehearsed.replace(
        "sandbox = true",
        &format!("[channels.shop.settings]{settings}"),
    );
    world.write("channels.toml", live);
    let ran = world.json(&["sync"]).expect(3).json();
    let error = &channel(&ran, "shop")["error"];
    assert!(
        error["message"].as_str().unwrap().contains("emulated"),
        "{ran:#}"
    );
    assert!(real.state("shop").created.is_empty());
}

#[test]
fn a_parcel_with_a_quantity_and_no_sku_is_refused() {
    let world = world(1, "20.00");
    world.json(&["sync"]).expect(0);
    let order = world.buy("shop", "SKU-1", 3);
    world.json(&["pull"]).expect(0);
    world.write(
        "parcels.csv",
        format!("order,carrier,tracking,quantity\n{order},DHL,T1,1\n"),
    );
    let refused = world.json(&["ship", "parcels.csv"]).expect(3).json();
    assert_eq!(
        refused["issues"][0]["code"], "quantity_without_sku",
        "{refused:#}"
    );
    world.write(
        "parcels.csv",
        format!("order,carrier,tracking,sku,quantity\n{order},DHL,T1,SKU-1,1\n"),
    );
    assert_eq!(
        world.json(&["ship", "parcels.csv"]).expect(0).json()["confirmed"],
        1
    );
    // The same list again confirms nothing twice.
    assert_eq!(
        world.json(&["ship", "parcels.csv"]).expect(0).json()["known"],
        1
    );
}

#[test]
fn a_listing_that_vanished_is_created_again() {
    let mut world = World::new();
    world.marketplace("shop", "woocommerce");
    let config = world.read("channels.toml");
    let config = config.replacen("[channels.shop]\n", "[channels.shop]\nverify = 0\n", 1);
    world.write("channels.toml", config);
    let catalog = |price: &str, quantity: u32| {
        let header = "sku,parent_sku,title,price,quantity,option:Size";
        let rows = ["A,,Lamp,P,Q,", "S,P,Shirt,P,Q,S", "M,P,Shirt,P,Q,M"]
            .map(|row| row.replace(",P,Q,", &format!(",{price},{quantity},")));
        world.catalog(&[header, &rows[0], &rows[1], &rows[2]]);
    };
    catalog("20.00", 5);
    // The shop answers yes to everything, does nothing, and is not looked at afterwards.
    world.at("shop").set_faults(skucast::sandbox::Profile {
        ignored: 1.0,
        ..Default::default()
    });
    world.json(&["sync"]);
    assert!(world.state("shop").listings.is_empty());
    world.at("shop").set_faults(Default::default());
    catalog("20.00", 4);
    world.json(&["sync"]);
    world.json(&["sync"]).expect(0);
    for sku in ["A", "S", "M"] {
        assert_eq!(world.quantity("shop", sku), Some(4), "{sku}");
    }
    assert!(
        world
            .state("shop")
            .created
            .values()
            .all(|count| *count == 1)
    );
}

#[test]
fn a_report_that_says_done_is_not_believed_alone() {
    let mut world = World::new();
    world.marketplace("amazon", "amazon");
    write(&world, 60, "20.00", "5");
    world.json(&["sync"]).expect(0);
    world.at("amazon").set_faults(skucast::sandbox::Profile {
        ignored: 1.0,
        ..Default::default()
    });
    write(&world, 60, "20.00", "4");
    let ran = world.json(&["sync", "--wait", "1s"]).json();
    assert_eq!(world.quantity("amazon", "SKU-1"), Some(5));
    assert_eq!(channel(&ran, "amazon")["applied"], 0, "{ran:#}");
    assert_eq!(channel(&ran, "amazon")["accepted"], 60);
}

#[test]
fn a_mistake_is_one_json_document_too() {
    let world = world(1, "20.00");
    for arguments in [
        &["explain", "NOWHERE"][..],
        &["orders", "show", "NOWHERE"],
        &["ship", "nowhere.csv"],
        &["sync", "--channel", "nowhere"],
        &["plan", "--config", "nowhere.toml"],
    ] {
        let document = world.json(arguments).expect(2).json();
        assert_eq!(document["version"], 1, "{arguments:?}");
        assert!(
            document["error"]["message"].is_string(),
            "{arguments:?} {document:#}"
        );
    }
}

#[test]
fn as_many_writes_are_read_back_as_the_seller_wants() {
    let mut world = World::new();
    world.marketplace("shop", "woocommerce");
    let config = world.read("channels.toml");
    world.write(
        "channels.toml",
        config.replacen("[channels.shop]\n", "[channels.shop]\nverify = 2\n", 1),
    );
    write(&world, 5, "20.00", "5");
    world.json(&["sync"]).expect(0);
    world.at("shop").set_faults(skucast::sandbox::Profile {
        ignored: 1.0,
        ..Default::default()
    });
    // One goes to zero: it is among the two.
    let mut rows = vec![HEADER.to_owned(), row(1, "20.00", "0")];
    rows.extend((2..=5).map(|number| row(number, "20.00", "4")));
    world.catalog(&rows.iter().map(String::as_str).collect::<Vec<_>>());
    let ran = world.json(&["sync"]).expect(3).json();
    let shop = channel(&ran, "shop");
    assert_eq!(
        (&shop["failed"], &shop["applied"]),
        (&2.into(), &3.into()),
        "{ran:#}"
    );
    assert!(
        codes(&shop["issues"])
            .iter()
            .all(|(code, _)| code == "ignored_by_channel")
    );
    assert!(
        shop["issues"]
            .as_array()
            .unwrap()
            .iter()
            .any(|issue| issue["sku"] == "SKU-1")
    );
}

#[test]
fn a_run_out_of_time_keeps_the_remainder_for_the_next() {
    let mut world = World::new();
    world.marketplace("amazon", "amazon");
    write(&world, 40, "20.00", "5");
    world.json(&["sync"]).expect(0);
    write(&world, 40, "20.00", "4");
    // Five patches a second, and a few at once: forty take longer than this.
    let ran = world
        .json(&["sync", "--time", "2s", "--wait", "0s"])
        .expect(7)
        .json();
    let amazon = channel(&ran, "amazon");
    assert_eq!(amazon["failed"], 0, "{ran:#}");
    assert!(amazon["left"].as_u64().unwrap() > 0, "{ran:#}");
    assert!(
        world.quantity("amazon", "SKU-1") == Some(4)
            || world.quantity("amazon", "SKU-40") == Some(5)
    );
}
