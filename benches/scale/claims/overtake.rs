//! An order on one channel takes the last piece: another channel, busy with content, must stop selling it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use skucast::domain::capability::Batching;
use skucast::domain::change::Route;
use skucast::domain::fingerprint::Fingerprint;
use skucast::domain::ids::{ChannelName, Sku};
use skucast::domain::ledger::Ledger;
use skucast::domain::listing::Facets;
use skucast::domain::money::{Money, currency};
use skucast::domain::order::{FulfilledBy, Order, OrderLine, OrderStatus};
use skucast::halt::Halt;
use tokio::runtime::Runtime;

use super::shop_floor::{Manner, ShopFloor};
use crate::Result;
use crate::metered::{Meter, Metered, Till};
use crate::seller;
use crate::sink::{Allowance, Arrival, Sink};
use crate::stage::Stage;
use crate::table::{Line, Target, Unit};

const QUOTA: Meter = Meter {
    permits: 20,
    per: Duration::from_secs(1),
    burst: 5,
    cost: 1,
    tells_level: false,
    batch: Batching::items(25, 2),
    route: Route::Direct,
    content: true,
};
/// The order is placed so long after the run began.
const PLACED_AFTER: Duration = Duration::from_secs(1);
/// Content gives way to what is urgent after so long. The command line takes a minute.
const SLICE: Duration = Duration::from_secs(2);
/// Enough rounds for the order to be pulled and its stock to go out.
const BUDGET: Duration = Duration::from_secs(15);

pub fn overtake(stage: &Stage) -> Result<Vec<Line>> {
    let sink = Sink::serve(
        Some(Allowance {
            per_second: f64::from(QUOTA.permits),
            burst: f64::from(QUOTA.burst),
            cost: 1.0,
        }),
        true,
    )?;
    let floor = ShopFloor::open(stage.path(), stage.size)?;
    let sold = floor
        .figures
        .iter()
        .find(|figure| figure.quantity > 0)
        .ok_or("nothing is in stock")?;
    let pulled_at: Arc<Mutex<Option<Instant>>> = Arc::default();
    let till = till(order(&sold.sku, sold.quantity), pulled_at.clone());
    // The other channel's own requests are of no interest.
    let elsewhere = Sink::serve(None, false)?;
    Runtime::new()?.block_on(run(stage, &floor, [&sink, &elsewhere], till))?;
    let pulled_at = lock(&pulled_at).ok_or("the order was never pulled")?;
    let after: Vec<Arrival> = sink
        .take_arrivals()
        .into_iter()
        .filter(|arrival| arrival.at >= pulled_at)
        .collect();
    let zero = after
        .iter()
        .position(|arrival| is_zero(arrival, &sold.sku))
        .ok_or("the stock never went to zero")?;
    let waited = after[zero].at.duration_since(pulled_at).as_secs_f64();
    Ok(vec![
        Line::alone(
            "batches in between",
            Unit::Count,
            zero as f64,
            Target::AtMost(1.0),
        ),
        Line::alone(
            "from the pull to the request, planning included",
            Unit::Seconds,
            waited,
            Target::None,
        ),
    ])
}

async fn run(stage: &Stage, floor: &ShopFloor, sinks: [&Sink; 2], till: Till) -> Result<()> {
    let ledger = seller::open_ledger(stage.path()).await?;
    let euro = currency("EUR").ok_or("no euro")?;
    // Price and stock are as they should be on both. New content is for the busy one.
    for channel in ["idle", "busy"] {
        let records: Vec<_> = floor
            .figures
            .iter()
            .zip(1..)
            .map(|(figure, number)| {
                let facets = Facets {
                    price: Some(Money::new(figure.price, euro)),
                    compare_at: None,
                    quantity: Some(figure.quantity),
                    content: Some(Fingerprint(0)),
                };
                (Sku::new(&figure.sku), seller::confirmed(number, facets))
            })
            .collect();
        ledger
            .record_listings(&ChannelName::new(channel), &records)
            .await?;
    }
    let (_interrupter, halt) = Halt::new(Some(BUDGET));
    let columns = floor.columns();
    let [busy, idle] = sinks;
    let channel = |name, sink: &Sink, content, till| {
        Metered::channel(
            name,
            &sink.url,
            Meter { content, ..QUOTA },
            till,
            &columns,
            ledger.clone(),
            halt.branch(),
        )
    };
    let channels = [
        channel("busy", busy, true, None)?,
        channel("idle", idle, false, Some(till))?,
    ];
    let manner = Manner {
        pull: true,
        lanes: Vec::new(),
        slice: SLICE,
        halt,
    };
    floor.run(&channels, ledger.clone(), manner).await?;
    Ok(())
}

/// Hands the order out once it is placed.
fn till(order: Order, pulled_at: Arc<Mutex<Option<Instant>>>) -> Till {
    let opened = Instant::now();
    Arc::new(move || {
        if opened.elapsed() < PLACED_AFTER {
            return Vec::new();
        }
        lock(&pulled_at).get_or_insert_with(Instant::now);
        vec![order.clone()]
    })
}

fn order(sku: &str, quantity: u64) -> Order {
    let now = Timestamp::now();
    Order {
        channel_order_id: "1".into(),
        number: None,
        status: OrderStatus::Open,
        channel_status: "open".to_owned(),
        placed_at: now,
        updated_at: now,
        shipped_at: None,
        total: None,
        lines: vec![OrderLine {
            line_id: "1".into(),
            sku: Some(Sku::new(sku)),
            title: None,
            quantity,
            canceled: 0,
            shipped: 0,
            unit_price: None,
            tax_included: true,
            fulfilled_by: FulfilledBy::Seller,
            charges: Vec::new(),
        }],
        charges: Vec::new(),
    }
}

fn is_zero(arrival: &Arrival, sku: &str) -> bool {
    let body: serde_json::Value = serde_json::from_slice(&arrival.body).unwrap_or_default();
    arrival.path == "stock"
        && body.as_array().is_some_and(|rows| {
            rows.iter()
                .any(|row| row["sku"] == sku && row["quantity"] == 0)
        })
}

fn lock(moment: &Mutex<Option<Instant>>) -> std::sync::MutexGuard<'_, Option<Instant>> {
    moment.lock().unwrap_or_else(PoisonError::into_inner)
}
