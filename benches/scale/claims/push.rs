//! Pushing prices and stock over WooCommerce's wire, to a server that does nothing but say yes.
//!
//! Both sides are timed from their first request to their end, so that planning does not count. The bare client sends
//! the very bodies that the push sent, as many at a time, and keeps no ledger.

use std::path::Path;
use std::time::{Duration, Instant};

use futures::StreamExt;
use skucast::domain::ids::{ChannelName, Sku};
use skucast::domain::ledger::Ledger;
use skucast::domain::listing::Facets;
use skucast::domain::money::{Money, currency};
use tokio::runtime::Runtime;

use crate::Result;
use crate::catalog::{Shape, Source};
use crate::seller;
use crate::sink::{Arrival, Sink};
use crate::stage::{Figures, Part, Stage, timed};
use crate::table::{Line, Target, Unit};

pub const PARTS: &[Part] = &[
    Part {
        name: "push-prepare",
        run: prepare,
    },
    Part {
        name: "push-ours",
        run: |folder, _| seller::skucast(folder, &["push", "--quiet", "--only", "stock,price"], 0),
    },
    Part {
        name: "push-floor",
        run: bare_client,
    },
];

/// As many as the connector sends at a time.
const CONCURRENCY: usize = 2;

pub fn push(stage: &Stage) -> Result<Vec<Line>> {
    let sink = Sink::serve(None, true)?;
    let mut changes = 0;
    let mut batches = 0;
    let (ours, floor) = stage.duel(
        || {
            seller::configure(stage.path(), &seller::one_shop(&sink.url))?;
            stage.part("push-prepare")?;
            let (figures, arrivals) = from_first_request(&sink, || stage.part("push-ours"))?;
            changes = arrivals
                .iter()
                .map(|one| rows(one))
                .sum::<Result<usize>>()?;
            batches = arrivals.len();
            write_bodies(stage.path(), &sink.url, &arrivals)?;
            Ok(figures)
        },
        || Ok(from_first_request(&sink, || stage.part("push-floor"))?.0),
    )?;
    if changes as u64 != stage.size {
        return Err(format!("{changes} changes were sent").into());
    }
    Ok(vec![
        Line::against(
            format!("time of {batches} batches"),
            ours.seconds,
            floor.seconds,
            1.5,
        ),
        Line::alone(
            "peak memory",
            Unit::Mebibytes,
            ours.mebibytes(),
            Target::None,
        ),
    ])
}

/// The seconds from the first request to the end of the part.
fn from_first_request(
    sink: &Sink,
    part: impl FnOnce() -> Result<Figures>,
) -> Result<(Figures, Vec<Arrival>)> {
    let figures = part()?;
    let end = Instant::now();
    let arrivals = sink.take_arrivals();
    let first = arrivals.first().ok_or("nothing was sent")?.at;
    let seconds = end.duration_since(first).as_secs_f64();
    Ok((Figures { seconds, ..figures }, arrivals))
}

fn rows(arrival: &Arrival) -> Result<usize> {
    let body: serde_json::Value = serde_json::from_slice(&arrival.body)?;
    Ok(body["update"].as_array().map_or(0, Vec::len))
}

/// Every sku is live with another price and another stock. Half as many skus as changes.
fn prepare(folder: &Path, size: u64) -> Result<Duration> {
    for name in ["skucast.db", "skucast.db-wal", "skucast.db-shm"] {
        let file = folder.join(name);
        if file.exists() {
            std::fs::remove_file(file)?;
        }
    }
    let source = Source::open()?;
    let shape = Shape::of(size / 2);
    source.write(&seller::catalog_file(folder), shape)?;
    let euro = currency("EUR").ok_or("no euro")?;
    let mut records = Vec::new();
    let figures = source.figures(shape)?;
    for (reference, figure) in seller::references(&figures).into_iter().zip(figures) {
        let facets = Facets {
            price: Some(Money::new(figure.price + rust_decimal::Decimal::ONE, euro)),
            quantity: Some(figure.quantity + 1),
            ..Facets::default()
        };
        records.push((Sku::new(figure.sku), seller::confirmed(reference, facets)));
    }
    Runtime::new()?.block_on(async {
        let ledger = seller::open_ledger(folder).await?;
        seller::met(ledger.as_ref(), "shop").await?;
        for records in records.chunks(10_000) {
            ledger
                .record_listings(&ChannelName::new("shop"), records)
                .await?;
        }
        ledger.close().await;
        Ok(Duration::ZERO)
    })
}

fn write_bodies(folder: &Path, url: &str, arrivals: &[Arrival]) -> Result<()> {
    let requests: Vec<_> = arrivals
        .iter()
        .map(|arrival| {
            let body = String::from_utf8_lossy(&arrival.body).into_owned();
            (format!("{url}/{}", arrival.path), body)
        })
        .collect();
    std::fs::write(folder.join("bodies.json"), serde_json::to_vec(&requests)?)?;
    Ok(())
}

fn bare_client(folder: &Path, _: u64) -> Result<Duration> {
    let requests: Vec<(String, String)> =
        serde_json::from_slice(&std::fs::read(folder.join("bodies.json"))?)?;
    let client = reqwest::Client::new();
    let runtime = Runtime::new()?;
    let ((), took) = timed(|| {
        runtime.block_on(async {
            let sent = requests.into_iter().map(|(url, body)| {
                let request = client
                    .post(url)
                    .header("content-type", "application/json")
                    .body(body);
                async move { request.send().await?.error_for_status()?.bytes().await }
            });
            let mut answers = futures::stream::iter(sent).buffer_unordered(CONCURRENCY);
            while let Some(answer) = answers.next().await {
                answer?;
            }
            Ok(())
        })
    })?;
    Ok(took)
}
