//! Pushing under a quota: none of it is left unused, and nothing is refused.
//!
//! The sink keeps the quota and refuses what is too fast. The least time is what the quota allows from the first
//! request to the last. The third quota has the shape of five feeds in five minutes, sixty times as fast.

use std::time::Duration;

use skucast::domain::capability::Batching;
use skucast::domain::change::Route;
use skucast::domain::ids::{ChannelName, Sku};
use skucast::domain::ledger::Ledger;
use skucast::domain::listing::Facets;
use skucast::halt::Halt;
use tokio::runtime::Runtime;

use super::shop_floor::ShopFloor;
use crate::Result;
use crate::metered::{Meter, Metered};
use crate::seller;
use crate::sink::{Allowance, Sink, span};
use crate::stage::Stage;
use crate::table::{Line, Target, Unit};

struct Case {
    name: &'static str,
    meter: Meter,
    /// Batches, for each one of the size.
    requests_per_cent: u64,
}

const CASES: &[Case] = &[
    Case {
        name: "2/s, burst 10, batches of 25",
        meter: Meter {
            permits: 2,
            per: Duration::from_secs(1),
            burst: 10,
            cost: 1,
            tells_level: false,
            batch: Batching::items(25, 2),
            route: Route::Direct,
            content: false,
        },
        requests_per_cent: 100,
    },
    Case {
        name: "100 points/s of 2000, 50 a batch of 25",
        meter: Meter {
            permits: 100,
            per: Duration::from_secs(1),
            burst: 2000,
            cost: 50,
            tells_level: true,
            batch: Batching::items(25, 4),
            route: Route::Direct,
            content: false,
        },
        requests_per_cent: 200,
    },
    Case {
        name: "5 feeds in 5 s",
        meter: Meter {
            permits: 1,
            per: Duration::from_secs(1),
            burst: 5,
            cost: 1,
            tells_level: false,
            batch: Batching::items(25, 1),
            route: Route::Bulk,
            content: false,
        },
        requests_per_cent: 50,
    },
];

pub fn quotas(stage: &Stage) -> Result<Vec<Line>> {
    let mut lines = Vec::new();
    for (number, case) in CASES.iter().enumerate() {
        let folder = stage.path().join(number.to_string());
        std::fs::create_dir(&folder)?;
        let requests = (stage.size * case.requests_per_cent / 100).max(2);
        lines.extend(measure(case, requests, &folder)?);
    }
    Ok(lines)
}

fn measure(case: &Case, requests: u64, folder: &std::path::Path) -> Result<Vec<Line>> {
    let meter = case.meter;
    let allowance = Allowance {
        per_second: f64::from(meter.permits) / meter.per.as_secs_f64(),
        burst: f64::from(meter.burst),
        cost: f64::from(meter.cost),
    };
    let sink = Sink::serve(Some(allowance), false)?;
    let runtime = Runtime::new()?;
    let skus = requests * meter.batch.size as u64;
    let floor = ShopFloor::open(folder, skus)?;
    runtime.block_on(async {
        let ledger = seller::open_ledger(folder).await?;
        // Everything is live with another stock.
        let records: Vec<_> = floor
            .figures
            .iter()
            .zip(1..)
            .map(|(figure, number)| {
                let facets = Facets {
                    quantity: Some(figure.quantity + 1),
                    ..Facets::default()
                };
                (Sku::new(&figure.sku), seller::confirmed(number, facets))
            })
            .collect();
        ledger
            .record_listings(&ChannelName::new("metered"), &records)
            .await?;
        let columns = floor.columns();
        let channel = Metered::channel(
            "metered",
            &sink.url,
            meter,
            None,
            &columns,
            ledger.clone(),
            Halt::never(),
        )?;
        let run = floor.push_stock(&[channel], ledger).await?;
        let report = &run.channels[0].report;
        if report.applied + report.accepted != skus {
            return Err(format!("{}: {report:?}", case.name).into());
        }
        Ok::<_, Box<dyn std::error::Error>>(())
    })?;
    let arrivals = sink.take_arrivals();
    let refused = arrivals.iter().filter(|arrival| !arrival.served).count();
    let served = arrivals.len() - refused;
    let used = allowance.least(served) / span(&arrivals).as_secs_f64();
    Ok(vec![
        Line::alone(
            format!("{}: used by {served} requests", case.name),
            Unit::Share,
            used,
            Target::AtLeast(0.97),
        ),
        Line::alone(
            format!("{}: refused", case.name),
            Unit::Count,
            refused as f64,
            Target::AtMost(0.0),
        ),
    ])
}
