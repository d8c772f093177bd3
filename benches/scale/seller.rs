//! A seller's folder: configuration, catalog, and a ledger in which everything was pushed before.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde::de::{Deserializer, SeqAccess, Visitor};
use skucast::domain::change::Change;
use skucast::domain::ids::{ChannelName, ListingRef, Sku};
use skucast::domain::ledger::{ChannelState, Ledger, ListingRecord};
use skucast::domain::listing::Facets;
use skucast::ledger::SqliteLedger;
use tokio::runtime::Runtime;

use crate::Result;
use crate::catalog::Figure;
use crate::stage::timed;

/// The channels of [`FIVE_CHANNELS`].
pub const CHANNELS: [&str; 5] = ["shop", "outlet", "amazon-de", "google", "meta"];

/// Prices, buffers and templates on each. Nobody listens at the address: a plan asks nobody.
const FIVE_CHANNELS: &str = r#"
[catalog]
file = "catalog.csv"
currency = "EUR"

[ledger]
url = "sqlite:skucast.db"

[guard]
min_listings = 1000000000

[channels.shop]
kind = "woocommerce"
[channels.shop.settings]
url = "http://127.0.0.1:9"
consumer_key = "file:key"
consumer_secret = "file:key"
currency = "EUR"
[channels.shop.price]
round = "x.95"
[channels.shop.stock]
buffer = 1
[channels.shop.content]
title = "{{ title }} by {{ brand }}"

[channels.outlet]
kind = "woocommerce"
[channels.outlet.settings]
url = "http://127.0.0.1:9"
consumer_key = "file:key"
consumer_secret = "file:key"
currency = "EUR"
[channels.outlet.price]
markup_percent = -10
round = "0.05"
[channels.outlet.stock]
share = "0.5"
buffer = 2
[channels.outlet.content]
title = "{{ title }} (outlet)"

[channels.amazon-de]
kind = "amazon"
[channels.amazon-de.settings]
marketplace_id = "A1PA6795UKMFR9"
seller_id = "A2EXAMPLE1234"
client_id = "amzn1.application-oa2-client.0123"
client_secret = "file:key"
refresh_token = "file:key"
[channels.amazon-de.price]
markup_percent = 8
round = "x.99"
[channels.amazon-de.stock]
buffer = 1
[channels.amazon-de.content]
locale = "de"
title = "{{ brand }} {{ title }}"
category_default = "HOME"
[channels.amazon-de.content.categories]
"Clothing > T-Shirts" = "SHIRT"
"Kitchen > Bottles" = "BOTTLE"
"Outdoor" = "SPORTING_GOODS"

[channels.google]
kind = "feed"
[channels.google.settings]
path = "feeds/google.tsv"
format = "google-tsv"
link_template = "https://shop.example.com/p/{sku}"
[channels.google.stock]
buffer = 3
[channels.google.content]
title = "{{ brand }} {{ title }}"

[channels.meta]
kind = "feed"
[channels.meta.settings]
path = "feeds/meta.csv"
format = "meta-csv"
link_template = "https://shop.example.com/p/{sku}"
[channels.meta.stock]
max = 20
[channels.meta.content]
title = "{{ title }}, {{ brand }}"
"#;

/// One shop at this address, for pushes.
pub fn one_shop(url: &str) -> String {
    format!(
        "[catalog]\nfile = \"catalog.csv\"\ncurrency = \"EUR\"\n\
         [ledger]\nurl = \"sqlite:skucast.db\"\n\
         [guard]\nmin_listings = 1000000000\nprice_jump = 1000000\n\
         [channels.shop]\nkind = \"woocommerce\"\nverify = 0\n\
         [channels.shop.settings]\nurl = \"{url}\"\nconsumer_key = \"file:key\"\n\
         consumer_secret = \"file:key\"\ncurrency = \"EUR\"\n"
    )
}

pub fn configure(folder: &Path, toml: &str) -> Result<()> {
    std::fs::write(folder.join("key"), "a-key-of-nobody\n")?;
    std::fs::write(folder.join("channels.toml"), toml)?;
    Ok(())
}

pub fn configure_five(folder: &Path) -> Result<()> {
    configure(folder, FIVE_CHANNELS)
}

pub fn catalog_file(folder: &Path) -> PathBuf {
    folder.join("catalog.csv")
}

/// One command line in this process, as the binary runs it. `expected` is the exit code.
pub fn skucast(folder: &Path, arguments: &[&str], expected: u8) -> Result<Duration> {
    let config = folder.join("channels.toml");
    let words = ["skucast".into(), "--config".into(), config.into_os_string()];
    let words = words.into_iter().chain(arguments.iter().map(Into::into));
    let (code, took) = timed(|| Ok(skucast::cli::run(words)))?;
    if code != ExitCode::from(expected) {
        return Err(format!("`skucast {}` ended with {code:?}", arguments.join(" ")).into());
    }
    Ok(took)
}

/// One command line for the binary itself, in a process of its own.
pub fn binary(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_skucast"));
    command
        .arg("--config")
        .arg(folder.join("channels.toml"))
        .args(arguments);
    command
}

pub async fn open_ledger(folder: &Path) -> Result<Arc<SqliteLedger>> {
    Ok(skucast::ledger::open("sqlite:skucast.db", folder).await?)
}

/// Has read what is live there, so that nobody is asked again.
pub async fn met(ledger: &dyn Ledger, channel: &str) -> Result<()> {
    let state = ChannelState {
        first_contact: Some(Timestamp::UNIX_EPOCH),
        rehearsal: Some(false),
        ..ChannelState::default()
    };
    ledger
        .set_channel(&ChannelName::new(channel), &state)
        .await?;
    Ok(())
}

pub fn confirmed(reference: impl ToString, facets: Facets) -> ListingRecord {
    ListingRecord {
        listing_ref: ListingRef::new(reference.to_string()),
        live: true,
        managed: true,
        confirmed: facets,
        shown: None,
        at: Timestamp::UNIX_EPOCH,
    }
}

/// What a WooCommerce shop calls them: products are numbered through, and a variation is named after its product.
pub fn references(figures: &[Figure]) -> Vec<String> {
    let mut parents = HashMap::new();
    (1..)
        .zip(figures)
        .map(|(number, figure)| match &figure.parent {
            Some(parent) => {
                let next = figures.len() + parents.len() + 1;
                let product = parents.entry(parent).or_insert(next);
                format!("{product}/{number}")
            }
            None => number.to_string(),
        })
        .collect()
}

/// Plans each channel and records the plan as carried out.
pub fn push_everything_once(folder: &Path) -> Result<()> {
    let runtime = Runtime::new()?;
    let ledger = runtime.block_on(open_ledger(folder))?;
    for channel in CHANNELS {
        runtime.block_on(met(ledger.as_ref(), channel))?;
        let plan = folder.join("plan.json");
        let out = plan.to_string_lossy().into_owned();
        skucast(
            folder,
            &["plan", "--quiet", "--channel", channel, "--out", &out],
            0,
        )?;
        let recorder = Recorder {
            runtime: &runtime,
            ledger: &ledger,
            channel: ChannelName::new(channel),
            number: 0,
        };
        recorder.carry_out(&plan)?;
        std::fs::remove_file(plan)?;
    }
    runtime.block_on(ledger.close());
    Ok(())
}

/// Reads the rows of a plan one by one: a million of them need not be held.
struct Recorder<'a> {
    runtime: &'a Runtime,
    ledger: &'a SqliteLedger,
    channel: ChannelName,
    number: u64,
}

impl Recorder<'_> {
    fn carry_out(self, plan: &Path) -> Result<()> {
        let text = std::fs::read(plan)?;
        // Everything before the rows of the one channel is skipped by its name.
        let marker = b"\"rows\":";
        let start = text
            .windows(marker.len())
            .position(|window| window == marker)
            .ok_or("the plan has no rows")?;
        let mut rows = serde_json::Deserializer::from_slice(&text[start + marker.len()..]);
        rows.deserialize_seq(self)?;
        Ok(())
    }

    fn record(&self, records: &mut Vec<(Sku, ListingRecord)>) -> Result<(), String> {
        let recorded = self.ledger.record_listings(&self.channel, records);
        self.runtime
            .block_on(recorded)
            .map_err(|error| error.to_string())?;
        records.clear();
        Ok(())
    }
}

impl<'de> Visitor<'de> for Recorder<'_> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the rows of a plan")
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut rows: A) -> Result<(), A::Error> {
        let mut records = Vec::new();
        while let Some(change) = rows.next_element::<Change>()? {
            self.number += 1;
            records.push((change.sku, confirmed(self.number, change.after)));
            if records.len() == 10_000 {
                self.record(&mut records)
                    .map_err(serde::de::Error::custom)?;
            }
        }
        self.record(&mut records).map_err(serde::de::Error::custom)
    }
}
