use super::*;
use crate::domain::stock::CountsOrders;
use crate::policy::Absent;

#[test]
fn the_least_file_has_the_documented_defaults() {
    let (folder, config) = with_channel("kind = \"feed\"").config();
    let base = folder.path();
    assert_eq!(config.folder, base);
    assert_eq!(config.catalog.options.file, base.join("catalog.csv"));
    assert_eq!(config.catalog.options.format, None);
    assert_eq!(config.catalog.currency, None);
    assert_eq!(config.stock, StockConfig::default());
    assert_eq!(config.ledger_url, "sqlite:channels.db");
    assert_eq!(config.rows_lost, Decimal::from(30));
    assert_eq!(config.wait, Duration::from_secs(30));
    let channel = &config.channels[0];
    assert_eq!((channel.name.as_str(), channel.kind), ("one", "feed"));
    assert!(channel.enabled);
    assert_eq!(channel.sandbox, None);
    assert_eq!(channel.verify, 1000);
    assert_eq!(channel.orders_since, None);
    assert_eq!(channel.guard, Default::default());
    assert_eq!(channel.policy.absent, Absent::Zero);
}

#[test]
fn everything_that_can_be_said_is_heard() {
    let (folder, config) = load(
        r#"
[catalog]
file = "data/catalog.csv"
format = "shopify"
encoding = "windows-1252"
delimiter = "	"
decimal = "comma"
currency = "eur"
[catalog.columns]
sku = "SKU Code"
"attr:Color" = "Colour"
[stock]
file = "/srv/stock.csv"
counts_orders = "when_shipped"
columns = { quantity = "On hand" }
[ledger]
url = "sqlite:other.db"
[guard]
rows_lost = 12.5
end = 20
zero = "40"
[push]
wait = "2m"
[channels.z-first]
kind = "shop"
enabled = false
sandbox = true
verify = 5
orders_since = 2026-01-01T00:00:00+01:00
absent = "end"
[channels.z-first.price]
markup_percent = 8.35
round = "x.99"
[channels.z-first.stock]
share = 0.5
[channels.z-first.content.categories]
"Shoes > Boots" = "12"
[channels.z-first.select]
include = "price > 10"
[channels.z-first.guard]
end = 5
[channels.z-first.sandbox_options]
buyers = 9
faults = "lossy"
[channels.a-second]
kind = "feed"
orders_since = "2026-01-01T00:00:00Z"
"#,
    )
    .config();
    let catalog = &config.catalog.options;
    assert_eq!(catalog.file, folder.path().join("data/catalog.csv"));
    assert_eq!(catalog.format.as_deref(), Some("shopify"));
    assert_eq!(catalog.encoding.as_deref(), Some("windows-1252"));
    assert_eq!(catalog.delimiter.as_deref(), Some("\t"));
    assert_eq!(catalog.decimal.as_deref(), Some("comma"));
    assert_eq!(catalog.columns["sku"], "SKU Code");
    assert_eq!(catalog.columns["attr:Color"], "Colour");
    assert_eq!(config.catalog.currency.unwrap().code(), "EUR");
    let stock = config.stock.options.as_ref().unwrap();
    assert_eq!(stock.file, Path::new("/srv/stock.csv"));
    assert_eq!(stock.columns["quantity"], "On hand");
    assert_eq!(config.stock.counts_orders, CountsOrders::WhenShipped);
    assert_eq!(config.ledger_url, "sqlite:other.db");
    assert_eq!(config.rows_lost, Decimal::new(125, 1));
    assert_eq!(config.wait, Duration::from_secs(120));

    let [first, second] = config.channels.as_slice() else {
        panic!("two channels")
    };
    assert_eq!(first.name.as_str(), "z-first");
    assert!(!first.enabled);
    let sandbox = SandboxConfig {
        buyers: 9,
        seed: 1,
        faults: "lossy".to_owned(),
    };
    assert_eq!(first.sandbox, Some(sandbox));
    assert_eq!(first.verify, 5);
    assert_eq!(
        first.orders_since.unwrap().to_string(),
        "2025-12-31T23:00:00Z"
    );
    assert_eq!(first.policy.absent, Absent::End);
    assert_eq!(first.policy.price.markup_percent, Decimal::new(835, 2));
    assert_eq!(first.policy.stock.share, Decimal::new(5, 1));
    assert_eq!(first.policy.content.categories["Shoes > Boots"], "12");
    assert_eq!(first.policy.select.include.as_deref(), Some("price > 10"));
    // Its own key, the file's key, and the default.
    assert_eq!(first.guard.end, Decimal::from(5));
    assert_eq!(first.guard.zero, Decimal::from(40));
    assert_eq!(first.guard.reprice, Decimal::from(30));
    assert_eq!(first.policy.guard.as_ref(), Some(&first.guard));
    assert_eq!(second.name.as_str(), "a-second");
    assert_eq!(second.guard.end, Decimal::from(20));
}

#[test]
fn the_password_of_a_ledger_is_not_printed() {
    let text = "[catalog]\nfile = \"a\"\n[ledger]\nurl = \"postgres://me:s3cret@host/db\"\n[channels.one]\nkind = \"feed\"";
    let (_folder, config) = load(text).config();
    assert!(config.ledger_url.contains("s3cret"));
    assert!(!format!("{config:?}").contains("s3cret"));
}
