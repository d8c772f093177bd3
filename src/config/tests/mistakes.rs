use insta::assert_snapshot;

use super::*;

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
    assert_snapshot!(errors, @r#"
    channels.toml:2:1: unknown key `titel` at the top of the file
      |
    2 | titel = …
      | ^^^^^
      = known: `catalog`, `stock`, `ledger`, `guard`, `push`, `channels`

    channels.toml:3:2: [catalog] names no file
      |
    3 | [catalog]
      |  ^^^^^^^
      = write `file = "catalog.csv"` below [catalog]

    channels.toml:4:10: `format` cannot be "shopfy"
      |
    4 | format = "shopfy"
      |          ^^^^^^^^
      = did you mean "shopify"?
      = choose one of "auto", "native", "shopify", "woocommerce"

    channels.toml:5:13: `delimiter` cannot be "x"
      |
    5 | delimiter = "x"
      |             ^^^
      = choose one of ",", ";", "\t", "|"

    channels.toml:6:12: `encoding` cannot be "utf-9"
      |
    6 | encoding = "utf-9"
      |            ^^^^^^^
      = name an encoding such as "utf-8", "utf-16le" or "windows-1252"

    channels.toml:7:12: `currency` cannot be "EURO"
      |
    7 | currency = "EURO"
      |            ^^^^^^
      = write an ISO 4217 code such as "EUR"

    channels.toml:9:11: [stock] has `columns` and names no file
      |
    9 | columns = { qantity = "On hand" }
      |           ^^^^^^^^^^^^^^^^^^^^^^^
      = write `file = "stock.csv"` below [stock]

    channels.toml:9:13: a stock file has no column `qantity`
      |
    9 | columns = { qantity = "On hand" }
      |             ^^^^^^^
      = did you mean `quantity`?

    channels.toml:11:13: `rows_lost` must be from 0 to 100, in percent
       |
    11 | rows_lost = 130
       |             ^^^

    channels.toml:12:7: `end` must be 0 or more, in percent
       |
    12 | end = -1
       |       ^^

    channels.toml:13:8: `zero` must be a number
       |
    13 | zero = true
       |        ^^^^

    channels.toml:15:8: `wait` is no length of time
       |
    15 | wait = "soon"
       |        ^^^^^^
       = write it as "30s" or "2m"

    channels.toml:16:11: `my shop` cannot be a channel's name
       |
    16 | [channels."my shop"]
       |           ^^^^^^^^^
       = use letters from A to Z, digits, `-` and `_`, as in `amazon-de`

    channels.toml:17:8: `shpo` is no kind of channel
       |
    17 | kind = "shpo"
       |        ^^^^^^
       = did you mean `shop`?
       = known kinds: `shop`, `feed`

    channels.toml:20:11: `enabled` must be true or false
       |
    20 | enabled = "yes"
       |           ^^^^^

    channels.toml:21:10: `absent` cannot be "remove": choose one of "zero", "end", "keep"
       |
    21 | absent = "remove"
       |          ^^^^^^^^

    channels.toml:22:16: `orders_since` must be a moment with its time zone
       |
    22 | orders_since = 2026-01-01
       |                ^^^^^^^^^^
       = write `orders_since = 2026-01-01T00:00:00Z`

    channels.toml:23:10: `verify` must be a whole number, 0 or more
       |
    23 | verify = -1
       |          ^^

    channels.toml:24:1: unknown key `passwrd` in [channels.one]
       |
    24 | passwrd = …
       | ^^^^^^^
       = known: `kind`, `enabled`, `sandbox`, `sandbox_options`, `verify`, `orders_since`, `absent`, `price`, `stock`, `content`, `select`, `guard`, `settings`

    channels.toml:25:15: the channel `one` lacks the setting `token`
       |
    25 | [channels.one.settings]
       |               ^^^^^^^^
       = token: what the shop says
       = write `token = "env:SHOP_TOKEN"` below [channels.one.settings]

    channels.toml:26:7: `url` is not a web address
       |
    26 | url = "shop.example.com"
       |       ^^^^^^^^^^^^^^^^^^
       = for example: url = "https://shop.example.com"

    channels.toml:27:1: unknown key `tokn` in [channels.one.settings]
       |
    27 | tokn = …
       | ^^^^
       = did you mean `token`?

    channels.toml:28:10: `drafts` must be true or false, not a number
       |
    28 | drafts = 1
       |          ^
       = for example: drafts = true

    channels.toml:29:9: `sites` must be a list of texts, not a text
       |
    29 | sites = "de"
       |         ^^^^
       = for example: sites = ["de"]

    channels.toml:30:8: `unit` cannot be "lb"
       |
    30 | unit = "lb"
       |        ^^^^
       = did you mean "lbs"?
       = choose one of "kg", "lbs"

    channels.toml:32:1: unknown key `markup_percnt` in [channels.one.price]
       |
    32 | markup_percnt = …
       | ^^^^^^^^^^^^^
       = did you mean `markup_percent`?

    channels.toml:33:11: `minimum` cannot be used: `free` is not a decimal number
       |
    33 | minimum = "free"
       |           ^^^^^^

    channels.toml:34:12: `currency` cannot be "XXY"
       |
    34 | currency = "XXY"
       |            ^^^^^
       = write an ISO 4217 code such as "EUR"

    channels.toml:35:8: `rate` must be more than 0
       |
    35 | rate = 0
       |        ^

    channels.toml:37:9: `share` must be from 0 to 1, as in 0.5 for a half
       |
    37 | share = 50
       |         ^^

    channels.toml:38:10: `buffer` must be a whole number, 0 or more
       |
    38 | buffer = -2
       |          ^^

    channels.toml:40:9: `title` must be a text in quotes
       |
    40 | title = 5
       |         ^

    channels.toml:41:24: `Shoes` must be a text in quotes
       |
    41 | categories = { Shoes = 12, Hats = 13 }
       |                        ^^

    channels.toml:41:35: `Hats` must be a text in quotes
       |
    41 | categories = { Shoes = 12, Hats = 13 }
       |                                   ^^

    channels.toml:42:15: [channels.one.sandbox_options] needs `sandbox = true`
       |
    42 | [channels.one.sandbox_options]
       |               ^^^^^^^^^^^^^^^
       = add `sandbox = true` to the channel, or remove this table

    channels.toml:46:1: `price` must be a table, not a number
       |
    46 | price = 5
       | ^^^^^
       = write `[channels.two.price]` and its keys below it
    "#);
}

#[test]
fn a_missing_setting_is_told_with_its_help_and_an_example() {
    let errors = with_channel("kind = \"shop\"\nsettings.url = \"https://shop.example\"").errors();
    assert_snapshot!(errors, @r#"
    channels.toml:5:1: the channel `one` lacks the setting `token`
      |
    5 | settings.url = "https://shop.example"
      | ^^^^^^^^
      = token: what the shop says
      = write `token = "env:SHOP_TOKEN"` below [channels.one.settings]
    "#);
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
    assert_snapshot!(load(text).errors(), @r#"
    channels.toml:2:8: this is no TOML: string values must be quoted, expected literal string
      |
    2 | file = catalog.csv
      |        ^^^^^^^^^^^

    channels.toml:4:16: this is no TOML: invalid basic string, expected `"`
      |
    4 | token = …
      |          ^
    "#);
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
