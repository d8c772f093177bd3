//! The ledger, against bare SQLite with the same rows in the same tables under the same settings.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use rusqlite::Connection;
use rusqlite::types::{Value, ValueRef};
use rust_decimal::Decimal;
use skucast::app::pull::pull;
use skucast::app::{Channel, Silent};
use skucast::domain::capability::Descriptor;
use skucast::domain::catalog::Columns;
use skucast::domain::change::{Action, Change, Lane};
use skucast::domain::connector::{Account, Connector, OrderPage, Watermark};
use skucast::domain::fingerprint::Fingerprint;
use skucast::domain::guard::Guard;
use skucast::domain::ids::{ChannelName, IdempotencyKey, PageToken, Sku};
use skucast::domain::ledger::{Ledger, Settled, Settlement};
use skucast::domain::listing::Facets;
use skucast::domain::money::{Money, currency};
use skucast::domain::order::{Charge, ChargeKind, FulfilledBy, Order, OrderLine, OrderStatus};
use skucast::halt::Halt;
use skucast::policy::ChannelPolicy;
use tokio::runtime::Runtime;

use crate::Result;
use crate::seller;
use crate::stage::{Part, Stage, timed};
use crate::table::{Line, Target};

pub const PARTS: &[Part] = &[
    Part {
        name: "outcomes-ours",
        run: outcomes_ours,
    },
    Part {
        name: "outcomes-floor",
        run: |folder, _| insert_again(folder, &["runs", "journal", "listings"]),
    },
    Part {
        name: "orders-ours",
        run: orders_ours,
    },
    Part {
        name: "orders-floor",
        run: |folder, _| insert_again(folder, &["orders", "order_lines", "charges"]),
    },
    Part {
        name: "listings-ours",
        run: listings_ours,
    },
    Part {
        name: "listings-floor",
        run: listings_floor,
    },
];

const MOST: f64 = 2.0;
/// Rows of one call. A push settles fewer, a submission of a large channel more.
const OUTCOMES_AT_ONCE: u64 = 10_000;
/// A page of most channels' order lists.
const ORDERS_AT_ONCE: u64 = 100;

pub fn outcomes(stage: &Stage) -> Result<Vec<Line>> {
    against(stage, "outcomes-ours", "outcomes-floor")
}

pub fn orders(stage: &Stage) -> Result<Vec<Line>> {
    against(stage, "orders-ours", "orders-floor")
}

pub fn listings(stage: &Stage) -> Result<Vec<Line>> {
    stage.part("outcomes-ours")?;
    // Nothing is promised of it: what costs is a table in memory, which the floor does not make.
    let untold = |line| Line {
        target: Target::None,
        ..line
    };
    let lines = against(stage, "listings-ours", "listings-floor")?;
    Ok(lines.into_iter().map(untold).collect())
}

fn against(stage: &Stage, ours: &str, floor: &str) -> Result<Vec<Line>> {
    let (ours, floor) = stage.duel(|| stage.part(ours), || stage.part(floor))?;
    Ok(vec![Line::against(
        "time",
        ours.seconds,
        floor.seconds,
        MOST,
    )])
}

fn channel() -> ChannelName {
    ChannelName::new("shop")
}

fn facets(number: u64) -> Result<Facets> {
    let euro = currency("EUR").ok_or("no euro")?;
    Ok(Facets {
        price: Some(Money::new(
            Decimal::new(i64::try_from(number % 90_000)? + 99, 2),
            euro,
        )),
        compare_at: None,
        quantity: Some(number % 200),
        content: Some(Fingerprint(
            u128::from(number).wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835),
        )),
    })
}

fn begin_anew(folder: &Path) -> Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path
            .file_name()
            .is_some_and(|name| name.to_string_lossy().starts_with("skucast.db"))
        {
            std::fs::remove_file(path)?;
        }
    }
    Ok(())
}

/// Every outcome is a row of the journal, written before and ended after, and what the channel confirmed.
fn outcomes_ours(folder: &Path, size: u64) -> Result<Duration> {
    begin_anew(folder)?;
    Runtime::new()?.block_on(async {
        let ledger = seller::open_ledger(folder).await?;
        let now = Timestamp::now();
        let run = ledger.begin_run("push", now).await?;
        let mut took = Duration::ZERO;
        for first in (0..size).step_by(usize::try_from(OUTCOMES_AT_ONCE)?) {
            let mut changes = Vec::new();
            for number in first..size.min(first + OUTCOMES_AT_ONCE) {
                let after = facets(number)?;
                let change = Change {
                    sku: Sku::new(format!("SKU-{number:07}")),
                    lane: Lane::Listing,
                    action: Action::Create,
                    before: Facets::default(),
                    after,
                };
                changes.push((
                    change,
                    IdempotencyKey::new(format!("key-{:05}", number / 100)),
                ));
            }
            let started = std::time::Instant::now();
            let intents = ledger
                .record_intents(&run, &channel(), &changes, now)
                .await?;
            took += started.elapsed();
            let settlements: Vec<_> = intents
                .into_iter()
                .zip(changes)
                .zip(first..)
                .map(|((intent, (change, _)), number)| Settlement {
                    intent,
                    record: Some(seller::confirmed(number, change.after)),
                    sku: change.sku,
                    lane: change.lane,
                    settled: Settled::Applied,
                    issues: Vec::new(),
                    pending: None,
                    resolves_pending: false,
                    rejection: None,
                })
                .collect();
            let started = std::time::Instant::now();
            ledger.settle(&channel(), now, &settlements).await?;
            took += started.elapsed();
        }
        ledger.close().await;
        Ok(took)
    })
}

fn order(number: u64) -> Result<Order> {
    let euro = currency("EUR").ok_or("no euro")?;
    let money = |cents: u64| -> Result<Money> {
        Ok(Money::new(Decimal::new(i64::try_from(cents)?, 2), euro))
    };
    let placed_at = Timestamp::UNIX_EPOCH.checked_add(SignedDuration::from_secs(i64::try_from(
        1_760_000_000 + number * 60,
    )?))?;
    let charge = |kind, label: &str, cents| -> Result<Charge> {
        Ok(Charge {
            kind,
            label: label.to_owned(),
            amount: money(cents)?,
        })
    };
    let line = |position: u64| -> Result<OrderLine> {
        Ok(OrderLine {
            line_id: format!("{number}-{position}").into(),
            sku: Some(Sku::new(format!(
                "SKU-{:07}",
                (number * 7 + position) % 1_000_000
            ))),
            title: Some("Merino T-Shirt, Grey, S".to_owned()),
            quantity: 1 + position,
            canceled: 0,
            shipped: 0,
            unit_price: Some(money(5_900 + number % 1_000)?),
            tax_included: true,
            fulfilled_by: FulfilledBy::Seller,
            charges: vec![charge(ChargeKind::Tax, "VAT 19%", 942)?],
        })
    };
    Ok(Order {
        channel_order_id: format!("{number:09}").into(),
        number: Some(format!("#{number}")),
        status: OrderStatus::Open,
        channel_status: "processing".to_owned(),
        placed_at,
        updated_at: placed_at,
        shipped_at: None,
        total: Some(money(12_300 + number % 5_000)?),
        lines: vec![line(0)?, line(1)?],
        charges: vec![charge(ChargeKind::Shipping, "DHL", 490)?],
    })
}

/// A channel whose pages of orders are there at once.
#[derive(Debug)]
struct Pages {
    descriptor: &'static Descriptor,
    left: Mutex<VecDeque<Vec<Order>>>,
}

#[async_trait]
impl Connector for Pages {
    fn descriptor(&self) -> &'static Descriptor {
        self.descriptor
    }

    async fn check(&self) -> skucast::domain::Result<Account> {
        Ok(Account::default())
    }

    async fn fetch_orders(
        &self,
        _since: &Watermark,
        _page: Option<&PageToken>,
    ) -> skucast::domain::Result<OrderPage> {
        let mut pages = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(OrderPage {
            orders: pages.pop_front().unwrap_or_default(),
            unreadable: Vec::new(),
            next: (!pages.is_empty()).then(|| pages.len().to_string().into()),
            watermark: None,
        })
    }
}

fn orders_ours(folder: &Path, size: u64) -> Result<Duration> {
    begin_anew(folder)?;
    let mut pages = VecDeque::new();
    for first in (0..size).step_by(usize::try_from(ORDERS_AT_ONCE)?) {
        let page = first..size.min(first + ORDERS_AT_ONCE);
        pages.push_back(page.map(order).collect::<Result<_>>()?);
    }
    let kind = skucast::connectors::find("woocommerce").ok_or("no such kind of channel")?;
    let connector = Arc::new(Pages {
        descriptor: kind.descriptor,
        left: Mutex::new(pages),
    });
    let policy = ChannelPolicy::default();
    let columns = Arc::new(Columns::default());
    let policy = policy.compile(&channel(), &columns, connector.text_limits(), None);
    let channel = Channel {
        name: channel(),
        policy: policy.map_err(|issues| format!("the policy is not one: {issues:?}"))?,
        connector,
        settings: Fingerprint::default(),
        guard: Guard::default(),
        verify: 0,
        halt: Halt::never(),
        orders_since: None,
    };
    Runtime::new()?.block_on(async {
        let ledger = seller::open_ledger(folder).await?;
        let as_ledger: Arc<dyn Ledger> = ledger.clone();
        let started = std::time::Instant::now();
        let pulled = pull(&channel, &as_ledger, &Silent, Timestamp::now()).await?;
        let took = started.elapsed();
        ledger.close().await;
        match pulled.orders.new == size {
            true => Ok(took),
            false => Err(format!("{} orders were pulled", pulled.orders.new).into()),
        }
    })
}

fn listings_ours(folder: &Path, size: u64) -> Result<Duration> {
    Runtime::new()?.block_on(async {
        let ledger = seller::open_ledger(folder).await?;
        let started = std::time::Instant::now();
        let listings = ledger.listings(&channel()).await?;
        let took = started.elapsed();
        match listings.len() as u64 == size {
            true => Ok(took),
            false => Err(format!("{} listings were read", listings.len()).into()),
        }
    })
}

/// Write-ahead log and full synchronisation, as the ledger has them.
fn bare(file: &Path) -> Result<Connection> {
    let connection = Connection::open(file)?;
    connection.pragma_update(None, "journal_mode", "wal")?;
    connection.pragma_update(None, "synchronous", "full")?;
    connection.pragma_update(None, "cache_size", -32_768)?;
    connection.pragma_update(None, "wal_autocheckpoint", 8192)?;
    connection.pragma_update(None, "foreign_keys", true)?;
    Ok(connection)
}

/// Inserts the rows of these tables into the same tables of an empty ledger, in one transaction.
fn insert_again(folder: &Path, tables: &[&str]) -> Result<Duration> {
    let copy = folder.join("copy");
    if copy.exists() {
        std::fs::remove_dir_all(&copy)?;
    }
    std::fs::create_dir(&copy)?;
    Runtime::new()?.block_on(async {
        seller::open_ledger(&copy).await?.close().await;
        Ok::<_, Box<dyn std::error::Error>>(())
    })?;
    let from = bare(&folder.join("skucast.db"))?;
    let mut loads = Vec::new();
    for table in tables {
        loads.push((insert_statement(&from, table)?, rows(&from, table)?));
    }
    let mut to = bare(&copy.join("skucast.db"))?;
    drop_triggers(&to)?;
    let ((), took) = timed(|| {
        let transaction = to.transaction()?;
        for (statement, rows) in &loads {
            let mut insert = transaction.prepare(statement)?;
            for row in rows {
                insert.execute(rusqlite::params_from_iter(row))?;
            }
        }
        Ok(transaction.commit()?)
    })?;
    Ok(took)
}

/// What the ledger does beside the inserts is not part of the floor.
fn drop_triggers(connection: &Connection) -> Result<()> {
    let mut statement =
        connection.prepare("SELECT name FROM sqlite_schema WHERE type = 'trigger'")?;
    let names = statement.query_map([], |row| row.get(0))?;
    for name in names.collect::<Result<Vec<String>, _>>()? {
        connection.execute_batch(&format!("DROP TRIGGER {name}"))?;
    }
    Ok(())
}

/// The columns that can be written: generated ones are left out.
fn columns(connection: &Connection, table: &str) -> Result<Vec<String>> {
    let mut statement = connection.prepare("SELECT name FROM pragma_table_info($1)")?;
    let names = statement.query_map([table], |row| row.get(0))?;
    Ok(names.collect::<Result<_, _>>()?)
}

fn insert_statement(connection: &Connection, table: &str) -> Result<String> {
    let columns = columns(connection, table)?;
    let marks = vec!["?"; columns.len()].join(", ");
    Ok(format!(
        "INSERT INTO {table} ({}) VALUES ({marks})",
        columns.join(", ")
    ))
}

fn rows(connection: &Connection, table: &str) -> Result<Vec<Vec<Value>>> {
    let columns = columns(connection, table)?;
    let mut statement =
        connection.prepare(&format!("SELECT {} FROM {table}", columns.join(", ")))?;
    let rows = statement.query_map([], |row| (0..columns.len()).map(|at| row.get(at)).collect())?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Steps over every row and looks at every column.
fn listings_floor(folder: &Path, size: u64) -> Result<Duration> {
    let connection = bare(&folder.join("skucast.db"))?;
    let (bytes, took) = timed(|| {
        let mut statement = connection.prepare(
            "SELECT sku, listing_ref, live, managed, price, price_currency, compare_at, \
             compare_at_currency, quantity, content, at FROM listings WHERE channel = 'shop'",
        )?;
        let mut rows = statement.query([])?;
        let (mut found, mut bytes) = (0, 0);
        while let Some(row) = rows.next()? {
            found += 1;
            for column in 0..11 {
                bytes += match row.get_ref(column)? {
                    ValueRef::Text(text) => text.len(),
                    ValueRef::Null => 0,
                    _ => 8,
                };
            }
        }
        match found == size {
            true => Ok(bytes),
            false => Err(format!("{found} listings were read").into()),
        }
    })?;
    std::hint::black_box(bytes);
    Ok(took)
}
