//! New prices and stocks for a WooCommerce shop, over the library that the vendor made for Python.
//!
//! Every sku has a new price and a new stock, which are two changes. A script sends both in one row: one row per request,
//! or up to a hundred, of products together and of the variations of one product. We send all stocks before all prices,
//! so that no piece is sold twice while prices are on their way; that takes about twice the requests. Two of ours are on
//! their way at a time, of a script one.
//!
//! Finding out what to send is part of our time. The scripts are told, in a file.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use rust_decimal::Decimal;
use serde_json::Value;

use crate::Result;
use crate::catalog::{Figure, Shape, Source};
use crate::python::Python;
use crate::seller;
use crate::sink::{Arrival, Sink};
use crate::stage::{Figures, Stage, whole_process};
use crate::table::{Line, Unit};

/// From a request to its answer when the shop is far away: little for a real one, which has to work for its answer too.
/// The library makes a connection for every request, whose handshakes would take this time once to three times more;
/// they cost nothing here.
const FAR: Duration = Duration::from_millis(50);
/// So many take ten seconds one by one when the shop is far away: the whole claim stays below a minute.
const MOST_CHANGES_FAR: u64 = 400;

pub fn push(stage: &Stage) -> Result<Vec<Line>> {
    let python = Python::ready()?;
    let sink = Sink::serve(None, true)?;
    let mut lines = Vec::new();

    let [ours, single, batch] = measure(stage, &python, &sink, stage.size)?;
    for (name, script) in [("one by one", single), ("in batches", batch)] {
        let line = |what, unit, of: fn(&Taken) -> f64| {
            let what = format!("{what}, beside a script {name}");
            Line::beside(what, unit, of(&ours), of(&script))
        };
        lines.extend([
            line("time", Unit::Seconds, |taken| taken.figures.seconds),
            line("requests", Unit::Count, |taken| taken.requests as f64),
            line("peak memory", Unit::Mebibytes, |taken| {
                taken.figures.mebibytes()
            }),
        ]);
    }

    sink.answer_after(FAR);
    let few = stage.size.min(MOST_CHANGES_FAR);
    let [ours, single, batch] = measure(stage, &python, &sink, few)?;
    let delay = FAR.as_millis();
    for (name, script) in [("one by one", single), ("in batches", batch)] {
        lines.push(Line::beside(
            format!("{few} changes, answers after {delay} ms: time, beside a script {name}"),
            Unit::Seconds,
            ours.figures.seconds,
            script.figures.seconds,
        ));
    }
    Ok(lines)
}

/// What a push took.
#[derive(Clone, Copy)]
struct Taken {
    figures: Figures,
    requests: usize,
}

/// Ours, the script one by one, and the script in batches.
fn measure(stage: &Stage, python: &Python, sink: &Sink, changes: u64) -> Result<[Taken; 3]> {
    let folder = tempfile::tempdir_in(stage.path())?;
    let folder = folder.path();
    seller::configure(folder, &seller::one_shop(&sink.url))?;
    let figures = Source::open()?.figures(Shape::of(changes / 2))?;
    let file = folder.join("changes.csv");
    write_changes(&file, &figures)?;
    let shop = Shop {
        sink,
        wanted: wanted(&figures),
    };
    let script = |way| {
        let mut command = python.script("push_woocommerce.py");
        command
            .arg(&sink.url)
            .arg(&file)
            .arg(way)
            .env("NO_PROXY", "127.0.0.1")
            .env("no_proxy", "127.0.0.1");
        command
    };
    let [mut by_us, mut single, mut batch] = [0; 3];
    let best = stage.contest([
        &mut || {
            stage.part_in("push-prepare", folder, changes)?;
            let push = ["push", "--quiet", "--only", "stock,price"];
            shop.take(&mut seller::binary(folder, &push), &mut by_us)
        },
        &mut || shop.take(&mut script("single"), &mut single),
        &mut || shop.take(&mut script("batch"), &mut batch),
    ])?;
    let requests = [by_us, single, batch];
    Ok(std::array::from_fn(|place| Taken {
        figures: best[place],
        requests: requests[place],
    }))
}

/// A shop, and what has to arrive there.
struct Shop<'a> {
    sink: &'a Sink,
    /// In order.
    wanted: Vec<Change>,
}

/// What is said of one listing, by its reference.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Change {
    Price(String, Decimal),
    Stock(String, u64),
}

impl Shop<'_> {
    /// Runs a program that pushes: every change must arrive, and once.
    fn take(&self, program: &mut Command, requests: &mut usize) -> Result<Figures> {
        let figures = whole_process(program)?;
        let arrivals = self.sink.take_arrivals();
        *requests = arrivals.len();
        let mut arrived = Vec::new();
        for arrival in &arrivals {
            read(arrival, &mut arrived)?;
        }
        arrived.sort();
        if arrived == self.wanted {
            return Ok(figures);
        }
        let strange = arrived.iter().find(|change| !self.wanted.contains(change));
        Err(format!(
            "{} changes arrived instead of {}; nobody wanted {strange:?}",
            arrived.len(),
            self.wanted.len()
        )
        .into())
    }
}

fn wanted(figures: &[Figure]) -> Vec<Change> {
    let mut wanted = Vec::new();
    for (reference, figure) in seller::references(figures).into_iter().zip(figures) {
        wanted.push(Change::Price(reference.clone(), figure.price));
        wanted.push(Change::Stock(reference, figure.quantity));
    }
    wanted.sort();
    wanted
}

fn write_changes(file: &Path, figures: &[Figure]) -> Result<()> {
    let mut out = csv::Writer::from_path(file)?;
    out.write_record(["product", "variation", "price", "quantity"])?;
    for (reference, figure) in seller::references(figures).iter().zip(figures) {
        let (product, variation) = reference.split_once('/').unwrap_or((reference, ""));
        let (price, quantity) = (figure.price.to_string(), figure.quantity.to_string());
        out.write_record([product, variation, &price, &quantity])?;
    }
    out.flush()?;
    Ok(())
}

/// The path tells what a request is about, and in a batch each row does.
fn read(arrival: &Arrival, changes: &mut Vec<Change>) -> Result<()> {
    let body: Value = serde_json::from_slice(&arrival.body)?;
    let strange = || format!("nobody should ask for {}", arrival.path);
    let path = arrival.path.strip_prefix("wp-json/wc/v3/products/");
    let words: Vec<&str> = path.ok_or_else(strange)?.split('/').collect();
    let (parent, rows) = match words[..] {
        ["batch"] => (None, rows(&body)?),
        [product] => (None, vec![(product.to_owned(), &body)]),
        [product, "variations", "batch"] => (Some(product), rows(&body)?),
        [product, "variations", variation] => (Some(product), vec![(variation.to_owned(), &body)]),
        _ => return Err(strange().into()),
    };
    for (id, row) in rows {
        let reference = match parent {
            Some(product) => format!("{product}/{id}"),
            None => id,
        };
        // With a price struck through, the one to pay is that of a sale.
        let prices = ["sale_price", "regular_price"].map(|name| row[name].as_str());
        if let Some(price) = prices.into_iter().flatten().find(|price| !price.is_empty()) {
            changes.push(Change::Price(reference.clone(), price.parse()?));
        }
        if let Some(stock) = row["stock_quantity"].as_u64() {
            changes.push(Change::Stock(reference, stock));
        }
    }
    Ok(())
}

fn rows(batch: &Value) -> Result<Vec<(String, &Value)>> {
    let rows = batch["update"].as_array().ok_or("a batch without rows")?;
    Ok(rows
        .iter()
        .map(|row| (row["id"].to_string(), row))
        .collect())
}
