use std::time::Duration;

use insta::assert_snapshot;
use rust_decimal::Decimal;
use secrecy::ExposeSecret;
use serde_json::json;
use tempfile::TempDir;

use super::*;
use crate::domain::Error;
use crate::domain::capability::{Capability, Limits, Routes, Setting, SettingKind, Variants};
use crate::domain::stock::CountsOrders;
use crate::policy::Absent;

const fn setting(key: &'static str, kind: SettingKind, example: &'static str) -> Setting {
    Setting {
        key,
        help: "what the shop says",
        kind,
        required: false,
        default: None,
        example,
    }
}

const fn required(setting: Setting) -> Setting {
    Setting {
        required: true,
        ..setting
    }
}

static SHOP: Descriptor = Descriptor {
    kind: "shop",
    display_name: "Shop",
    docs_url: "https://shop.example",
    portal_url: "https://shop.example",
    capability: Capability::NONE,
    limits: Limits {
        variants: Variants::Flat,
        batch_within_parent: false,
        stock: Routes::NONE,
        price: Routes::NONE,
        listing: Routes::NONE,
        end: Routes::NONE,
        find_batch: 1,
        shipment_batch: 1,
        order_lookback: Duration::ZERO,
        submission_deadline: Duration::ZERO,
        quotas: &[],
        title_length: None,
        description_length: None,
        images: None,
        sku_length: None,
    },
    settings: &[
        required(setting("url", SettingKind::Url, "https://shop.example.com")),
        required(setting("token", SettingKind::Secret, "env:SHOP_TOKEN")),
        setting("second_token", SettingKind::Secret, "env:SHOP_SECOND"),
        setting("out", SettingKind::Path, "public/feed.csv"),
        setting("drafts", SettingKind::Flag, "true"),
        setting("sites", SettingKind::List, "de"),
        Setting {
            default: Some("kg"),
            ..setting("unit", SettingKind::Choice(&["kg", "lbs"]), "kg")
        },
    ],
    notes: &[],
};

static FEED: Descriptor = Descriptor {
    kind: "feed",
    settings: &[],
    ..SHOP
};

const KINDS: &[&Descriptor] = &[&SHOP, &FEED];

struct Given {
    folder: TempDir,
    loaded: Result<Config, ConfigErrors>,
}

fn load(text: &str) -> Given {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("channels.toml");
    std::fs::write(&path, text).unwrap();
    let loaded = Config::load(&path, KINDS);
    Given { folder, loaded }
}

impl Given {
    fn config(self) -> (TempDir, Config) {
        let config = self.loaded.unwrap_or_else(|errors| panic!("{errors}"));
        (self.folder, config)
    }

    /// The errors as they are shown, with a folder that is the same in every run.
    fn errors(self) -> String {
        let folder = format!("{}/", self.folder.path().display());
        let errors = self.loaded.unwrap_err();
        assert!(!format!("{errors:?}").contains("s3cret"), "{errors:?}");
        errors.to_string().replace(&folder, "")
    }
}

/// A file that is good but for one channel's table.
fn with_channel(channel: &str) -> Given {
    load(&format!(
        "[catalog]\nfile = \"catalog.csv\"\n[channels.one]\n{channel}"
    ))
}

fn message(error: &Error, folder: &TempDir) -> String {
    let folder = format!("{}/", folder.path().display());
    error.to_string().replace(&folder, "")
}

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
fn every_mistake_is_told_at_once_and_in_the_order_of_the_file() {
    let errors = load(
        r#"
titel = 1
[catalog]
format = "shopfy"
delimiter = "x"
encoding = "utf-9"
currency = "EURO"
[stock]
columns = { qantity = "On hand" }
[guard]
rows_lost = 130
end = -1
zero = true
[push]
wait = "soon"
[channels."my shop"]
kind = "shpo"
[channels.one]
kind = "shop"
enabled = "yes"
absent = "remove"
orders_since = 2026-01-01
verify = -1
passwrd = "s3cret"
[channels.one.settings]
url = "shop.example.com"
tokn = "s3cret"
drafts = 1
sites = "de"
unit = "lb"
[channels.one.price]
markup_percnt = 8
minimum = "free"
currency = "XXY"
rate = 0
[channels.one.stock]
share = 50
buffer = -2
[channels.one.content]
title = 5
categories = { Shoes = 12, Hats = 13 }
[channels.one.sandbox_options]
buyers = 1
[channels.two]
kind = "feed"
price = 5
"#,
    )
    .errors();
    assert_snapshot!(errors);
}

#[test]
fn a_missing_setting_is_told_with_its_help_and_an_example() {
    assert_snapshot!(
        with_channel("kind = \"shop\"\nsettings.url = \"https://shop.example\"").errors()
    );
    assert!(
        with_channel("kind = \"shop\"\nsandbox = true")
            .loaded
            .is_ok()
    );
}

#[test]
fn a_file_that_is_not_there_says_how_to_get_one() {
    let errors = Config::load(Path::new("no/such.toml"), KINDS).unwrap_err();
    assert_snapshot!(errors, @r"
    there is no no/such.toml
     = run `skucast init` to write one, or name yours with --config FILE or SKUCAST_CONFIG
    ");
}

#[test]
fn a_file_without_catalog_and_channels_is_refused() {
    let errors = load("").errors();
    assert!(errors.contains("there is no catalog"), "{errors}");
    assert!(errors.contains("there is no channel"), "{errors}");
}

#[test]
fn broken_toml_is_shown_without_what_may_be_secret() {
    let text = "[catalog]\nfile = catalog.csv\n[channels.one.settings]\ntoken = \"s3cret\n";
    assert_snapshot!(load(text).errors());
    for text in [
        "[channels.one]\nsettings = { url = \"s3cret\", token = s3cret }",
        "[channels.one.settings]\ntoken = \"\"\"\ns3cret\n s3cret= \\q \"\"\"",
        "[channels.one.setings]\ntoken = s3cret",
        "[channels]\none = {\n settings = {\n token = s3cret\n }}",
        "[ledger]\nurl = postgres://me:s3cret@host",
    ] {
        let errors = load(text).errors();
        assert!(!errors.contains("s3cret"), "{errors}");
        assert!(errors.contains('^'), "{errors}");
    }
}

#[test]
fn no_error_shows_a_secret_that_stands_in_its_line() {
    for channel in [
        "kind = \"shop\"\ntoken = \"s3cret\"",
        "kind = \"nope\"\nsettings = { token = \"s3cret\", url = \"s3cret\" }",
        "kind = \"shop\"\nsettings = { token = \"s3cret\", drafts = 5, url = \"x\" }",
        "kind = \"shop\"\nsettings = { tokens = { a = [\"s3cret\"] } }",
        "kind = \"shop\"\nsettings = \"s3cret\"",
        "kind = \"shop\"\nsettings.url = \"https://me:s3cret@shop.example\"",
        "kind = \"shop\"\nsettings.token = \"env:s3cret-live\"",
        "kind = \"shop\"\nsettings.token = \"cmd:print 's3cret\"",
        "kind = \"shop\"\nsettings.token = [\"s3cret\"]",
    ] {
        let errors = with_channel(channel).errors();
        assert!(!errors.contains("s3cret"), "{errors}");
    }
}

#[test]
fn settings_are_resolved_with_their_defaults_and_whole_paths() {
    let (folder, config) = with_channel(
        r#"kind = "shop"
[channels.one.settings]
url = "https://shop.example"
token = "file:keys/token"
second_token = "s3cret-2"
out = "public/feed.csv"
drafts = true
sites = ["de", "at"]
"#,
    )
    .config();
    std::fs::create_dir(folder.path().join("keys")).unwrap();
    std::fs::write(folder.path().join("keys/token"), "s3cret-1\n").unwrap();
    let settings = config.channels[0].resolve(None, &config).unwrap();
    assert_eq!(
        settings.url("url").unwrap().as_str(),
        "https://shop.example/"
    );
    assert_eq!(
        settings.secret("token").unwrap().expose_secret(),
        "s3cret-1"
    );
    let second = settings.secret("second_token").unwrap();
    assert_eq!(second.expose_secret(), "s3cret-2");
    let out = folder.path().join("public/feed.csv");
    assert_eq!(settings.path("out").unwrap(), out);
    assert!(settings.flag("drafts"));
    assert_eq!(settings.list("sites"), ["de", "at"]);
    assert_eq!(settings.text("unit").unwrap(), "kg");
    let printed = format!("{settings:?} {config:?}");
    assert!(!printed.contains("s3cret"), "{printed}");
}

#[test]
fn secrets_that_cannot_be_fetched_are_told_together_with_their_places() {
    let (folder, config) = with_channel(
        r#"kind = "shop"
[channels.one.settings]
url = "https://shop.example"
token = "env:SKUCAST_TEST_UNSET"
second_token = "file:no-such-file"
"#,
    )
    .config();
    let error = config.channels[0].resolve(None, &config).unwrap_err();
    assert_snapshot!(message(&error, &folder), @r"
    the environment variable `SKUCAST_TEST_UNSET` is not set (channel one, setting token, at channels.toml:7:9)
    the secret's file no-such-file cannot be read: No such file or directory (os error 2) (channel one, setting second_token, at channels.toml:8:16)
    ");
}

#[test]
fn a_sandbox_replaces_settings_and_never_sees_a_real_secret() {
    let (_folder, config) = with_channel(
        r#"kind = "shop"
sandbox = true
[channels.one.settings]
url = "https://shop.example"
token = "env:SKUCAST_TEST_UNSET"
second_token = "s3cret"
unit = "lbs"
"#,
    )
    .config();
    let overlay = json!({"url": "http://127.0.0.1:9", "token": "env:looks-like-a-source"});
    let settings = config.channels[0]
        .resolve(overlay.as_object(), &config)
        .unwrap();
    assert_eq!(settings.text("url").unwrap(), "http://127.0.0.1:9");
    let token = settings.secret("token").unwrap();
    assert_eq!(token.expose_secret(), "env:looks-like-a-source");
    assert!(settings.secret("second_token").is_err());
    assert_eq!(settings.text("unit").unwrap(), "lbs");

    let unknown = json!({"tokens": "x"});
    let error = config.channels[0]
        .resolve(unknown.as_object(), &config)
        .unwrap_err();
    assert_eq!(error.to_string(), "unknown setting `tokens` (channel one)");
    let error = config.channels[0]
        .resolve(json!({}).as_object(), &config)
        .unwrap_err();
    assert!(error.to_string().contains("`token` is missing"), "{error}");
}

#[test]
fn the_password_of_a_ledger_is_not_printed() {
    let text = "[catalog]\nfile = \"a\"\n[ledger]\nurl = \"postgres://me:s3cret@host/db\"\n[channels.one]\nkind = \"feed\"";
    let (_folder, config) = load(text).config();
    assert!(config.ledger_url.contains("s3cret"));
    assert!(!format!("{config:?}").contains("s3cret"));
}
