//! `channels export`: what is live becomes a catalog that leaves nothing to do.

use crate::world::{HEADER, World, row};

/// Every channel's plan from the export of that channel alone, with the ledger that knows it and with an empty one.
fn reads_back(world: &World, name: &str, format: &str) {
    let own = world.read("catalog.csv");
    world
        .run(&[
            "channels", "export", name, "--format", format, "--out", "live.csv",
        ])
        .expect(0);
    world.write("catalog.csv", world.read("live.csv"));
    let plan = ["plan", "--exit-code", "--channel", name];
    world.run(&plan).expect(0);
    // A ledger is called like its configuration.
    world.write("empty.toml", world.read("channels.toml"));
    let _ = std::fs::remove_file(world.path("empty.db"));
    world
        .run(&[&["--config", "empty.toml"], &plan[..]].concat())
        .expect(0);
    world.write("catalog.csv", own);
}

#[test]
fn an_export_of_the_example_leaves_nothing_to_do() {
    let mut world = World::new();
    world
        .marketplace("shop", "woocommerce")
        .marketplace("amazon", "amazon")
        .feed("google");
    let example = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/");
    for file in ["catalog.csv", "stock.csv"] {
        world.write(file, std::fs::read(format!("{example}{file}")).unwrap());
    }
    world.configure("[stock]\nfile = \"stock.csv\"");
    world.json(&["sync", "--wait", "20s"]).expect(0);
    // The export states the stock itself.
    world.write("stock.csv", "sku,quantity\nNONE-OF-OURS,1\n");
    for name in ["shop", "amazon", "google"] {
        for format in ["native", "shopify"] {
            reads_back(&world, name, format);
        }
    }
}

const SHOPIFY: &str = "\
Handle,Title,Body (HTML),Vendor,Product Category,Tags,Option1 Name,Option1 Value,Option2 Name,Option2 Value,Variant SKU,Variant Grams,Variant Inventory Tracker,Variant Inventory Qty,Variant Price,Variant Compare At Price,Variant Barcode,Image Src,Image Position,Variant Image,Status
tee,\"Tee, \"\"soft\"\"\",\"<p>One
two &amp; three</p>\",Acme,Clothing > Tees,\"cotton, summer\",Size,M,Color,Red,TEE-M,200,shopify,3,19.90,25,4006381333931,https://img.example/1.jpg,1,https://img.example/m.jpg,active
tee,,,,,,,L,,Blue,TEE-L,210,shopify,0,19.90,,,https://img.example/2.jpg,2,,
tee,,,,,,,,,,,,,,,,,https://img.example/3.jpg,3,,
mug,Tom & Jerry's mug,Plain,Acme,Home > Mugs,,Title,Default Title,,,MUG,350.5,,,9,,,https://img.example/4.jpg,1,,active
";

#[test]
fn shopifys_file_goes_in_and_comes_out() {
    let mut world = World::new();
    world.marketplace("shop", "woocommerce");
    world.write("catalog.csv", SHOPIFY);
    world.run(&["sync"]).expect(0);
    for format in ["shopify", "native"] {
        reads_back(&world, "shop", format);
    }
    let exported = world
        .run(&["channels", "export", "shop", "--format", "shopify"])
        .expect(0);
    assert!(exported.stdout.starts_with("Handle,Title,"));
    assert!(exported.stdout.contains("\"Tee, \"\"soft\"\"\""));
    assert_eq!(
        exported.stdout.matches("\ntee,").count(),
        3,
        "{}",
        exported.stdout
    );
}

#[test]
fn what_is_not_live_is_left_out_and_counted() {
    let mut world = World::new();
    world.marketplace("shop", "woocommerce").configure(
        "[channels.shop.price]\nmarkup_percent = 10\n[channels.shop.guard]\nmin_listings = 100",
    );
    let config = world.read("channels.toml");
    world.write(
        "channels.toml",
        config.replace("kind = ", "absent = \"end\"\nkind = "),
    );
    let rows = [row(1, "10", "1"), row(2, "20", "2"), row(3, "30", "3")];
    let with = |world: &World, rows: &[String]| {
        let mut lines = vec![HEADER.to_owned()];
        lines.extend_from_slice(rows);
        world.write("catalog.csv", lines.join("\n") + "\n");
    };
    with(&world, &rows);
    world.run(&["sync"]).expect(0);
    with(&world, &rows[..2]);
    world
        .run(&["sync", "--approve", "rows-2", "--quiet"])
        .expect(0);

    let export = world.run(&["channels", "export", "shop"]).expect(0);
    assert_eq!(export.stdout.lines().count(), 3, "{}", export.stdout);
    assert!(export.stdout.contains("\nSKU-2,"));
    assert!(
        export.stderr.contains("1 that are not live"),
        "{}",
        export.stderr
    );
    assert!(
        export.stderr.contains("policy (price)"),
        "{}",
        export.stderr
    );

    let document = world
        .json(&["channels", "export", "shop", "--out", "live.csv"])
        .expect(0)
        .json();
    assert_eq!(document["listings"], 2, "{document:#}");
    assert_eq!(document["left_out"]["not_live"], 1);
    assert_eq!(world.read("live.csv"), export.stdout);

    let one = world
        .run(&["channels", "export", "shop", "--sku", "SKU-1"])
        .expect(0);
    assert_eq!(one.stdout.lines().count(), 2, "{}", one.stdout);
}

#[test]
fn mistakes_are_told_before_anything_is_written() {
    let mut world = World::new();
    world.feed("google");
    world.catalog(&[HEADER, &row(1, "10", "1")]);
    world.run(&["channels", "export", "nobody"]).expect(2);
    world.json(&["channels", "export", "google"]).expect(2);
    world.run(&["sync"]).expect(0);
    world
        .run(&[
            "channels",
            "export",
            "google",
            "--out",
            "no/such/folder.csv",
        ])
        .expect(2);
    // No catalog is needed to make one.
    std::fs::remove_file(world.path("catalog.csv")).unwrap();
    let export = world.run(&["channels", "export", "google"]).expect(0);
    assert_eq!(export.stdout.lines().count(), 2, "{}", export.stdout);
}
