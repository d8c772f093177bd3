//! The ledger in a SQLite file: what [`domain::ledger`](crate::domain::ledger) promises, kept across runs,
//! crashes and power cuts.
//!
//! Write-ahead log with full synchronisation: when a method that writes has returned, it is on the disk; when the
//! process dies before, none of it is. Readers never wait for writers, so that `status` works during a run. What
//! two runs must not do at the same time is kept apart by file locks beside the database.
//!
//! Times are kept to the microsecond, money to the millionth of its unit. Of buyers nothing is kept.

mod fault;
mod journal;
mod listings;
mod lock;
mod merge;
mod order_rows;
mod orders;
mod quota;
mod rows;
mod runs;
mod sqlite;
mod touched;

#[cfg(test)]
mod suite;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;

use crate::domain::capability::Endpoint;
use crate::domain::change::{Change, Lane};
use crate::domain::connector::Watermark;
use crate::domain::ids::{ChannelName, IdempotencyKey, RunId, Sku};
use crate::domain::ledger::{
    ChannelState, Intent, IntentId, Ledger, LedgerOrder, ListingRecord, Lock, OrderFilter, Pending,
    QuotaMemory, Rejection, RunRecord, Settlement, Standing, TouchId, Touched, Upserted,
};
use crate::domain::order::{Order, Shipment, UnreadableOrder};
use crate::domain::stock::SoldLine;
use crate::domain::{Error, Result};

pub use sqlite::SqliteLedger;

use fault::Fault;

/// Opens the ledger that `url` names, and creates it when it does not exist yet. `sqlite:FILE` is relative to
/// `base`, the folder of the configuration file.
pub async fn open(url: &str, base: &Path) -> Result<Arc<SqliteLedger>> {
    match url.split_once(':') {
        Some(("sqlite", "" | "//" | ":memory:" | "//:memory:")) => {
            Err(Error::config(format!("the ledger `{url}` names no file"))
                .hint("write `sqlite:ledger.db`"))
        }
        Some(("sqlite", file)) => {
            let file = file.strip_prefix("//").unwrap_or(file);
            Ok(Arc::new(SqliteLedger::open(base.join(file)).await?))
        }
        _ => Err(
            Error::config(format!("the ledger `{}` is of no known kind", scheme(url)))
                .hint("known kinds: `sqlite:FILE`, for example `sqlite:ledger.db`"),
        ),
    }
}

/// What may be shown of a URL: the rest can hold a password.
fn scheme(url: &str) -> String {
    match url.split_once(':') {
        Some((scheme, _)) => format!("{scheme}:…"),
        None => url.to_owned(),
    }
}

/// Runs `$work` in one transaction of `$begin`, and names the file when it fails.
macro_rules! transaction {
    ($ledger:expr, $begin:ident, |$connection:ident| $work:expr) => {{
        let ledger = $ledger;
        let done: Result<_, Fault> = async {
            let mut transaction = ledger.$begin().await?;
            let $connection = &mut *transaction;
            let done = $work.await?;
            transaction.commit().await?;
            Ok(done)
        }
        .await;
        done.map_err(|fault| fault.about(&ledger.path))
    }};
}

#[async_trait]
impl Ledger for SqliteLedger {
    async fn begin_run(&self, command: &str, at: Timestamp) -> Result<RunId> {
        transaction!(self, begin_write, |connection| runs::begin_run(
            connection, command, at
        ))
    }

    async fn finish_run(
        &self,
        run: &RunId,
        at: Timestamp,
        summary: &serde_json::Value,
    ) -> Result<()> {
        transaction!(self, begin_write, |connection| runs::finish_run(
            connection, run, at, summary
        ))
    }

    async fn runs(&self, most: u32) -> Result<Vec<RunRecord>> {
        transaction!(self, begin_read, |connection| runs::runs(connection, most))
    }

    async fn lock(&self) -> Result<Option<Box<dyn Lock>>> {
        lock::try_lock(&self.path)
    }

    async fn catalog_rows(&self) -> Result<Option<u64>> {
        let rows = transaction!(self, begin_read, |connection| runs::number(
            connection,
            "catalog_rows"
        ))?;
        Ok(rows.map(i64::unsigned_abs))
    }

    async fn set_catalog_rows(&self, rows: u64) -> Result<()> {
        transaction!(self, begin_write, |connection| runs::set_number(
            connection,
            "catalog_rows",
            rows::count(rows)
        ))
    }

    async fn channel(&self, channel: &ChannelName) -> Result<ChannelState> {
        transaction!(self, begin_read, |connection| listings::channel(
            connection, channel
        ))
    }

    async fn set_channel(&self, channel: &ChannelName, state: &ChannelState) -> Result<()> {
        transaction!(self, begin_write, |connection| listings::set_channel(
            connection, channel, state
        ))
    }

    async fn standing(&self, channel: &ChannelName) -> Result<Standing> {
        transaction!(self, begin_read, |connection| listings::standing(
            connection, channel
        ))
    }

    async fn listings(&self, channel: &ChannelName) -> Result<HashMap<Sku, ListingRecord>> {
        transaction!(self, begin_read, |connection| listings::listings(
            connection, channel
        ))
    }

    async fn listings_of(
        &self,
        channel: &ChannelName,
        skus: &[Sku],
    ) -> Result<HashMap<Sku, ListingRecord>> {
        transaction!(self, begin_read, |connection| listings::listings_of(
            connection, channel, skus
        ))
    }

    async fn touched_since(&self, since: Option<TouchId>, most: usize) -> Result<Touched> {
        transaction!(self, begin_read, |connection| touched::touched_since(
            connection, since, most
        ))
    }

    async fn forget_touched(&self, before: TouchId) -> Result<()> {
        transaction!(self, begin_write, |connection| touched::forget_touched(
            connection, before
        ))
    }

    async fn record_listings(
        &self,
        channel: &ChannelName,
        records: &[(Sku, ListingRecord)],
    ) -> Result<()> {
        let records: Vec<_> = records.iter().map(|(sku, record)| (sku, record)).collect();
        transaction!(self, begin_write, |connection| listings::record_listings(
            connection, channel, &records
        ))
    }

    async fn record_intents(
        &self,
        run: &RunId,
        channel: &ChannelName,
        changes: &[(Change, IdempotencyKey)],
        at: Timestamp,
    ) -> Result<Vec<IntentId>> {
        transaction!(self, begin_write, |connection| journal::record_intents(
            connection, run, channel, changes, at
        ))
    }

    async fn settle(
        &self,
        channel: &ChannelName,
        at: Timestamp,
        settlements: &[Settlement],
    ) -> Result<()> {
        transaction!(self, begin_write, |connection| journal::settle(
            connection,
            channel,
            at,
            settlements
        ))
    }

    async fn open_intents(&self, channel: &ChannelName) -> Result<Vec<Intent>> {
        transaction!(self, begin_read, |connection| journal::open_intents(
            connection, channel
        ))
    }

    async fn pending(&self, channel: &ChannelName) -> Result<Vec<Pending>> {
        transaction!(self, begin_read, |connection| journal::pending(
            connection, channel
        ))
    }

    async fn supersede(&self, channel: &ChannelName, lane: Lane, skus: &[Sku]) -> Result<()> {
        transaction!(self, begin_write, |connection| journal::supersede(
            connection, channel, lane, skus
        ))
    }

    async fn rejections(&self, channel: &ChannelName) -> Result<Vec<Rejection>> {
        transaction!(self, begin_read, |connection| journal::rejections(
            connection, channel
        ))
    }

    async fn record_orders(
        &self,
        channel: &ChannelName,
        orders: &[Order],
        unreadable: &[UnreadableOrder],
        watermark: Option<&Watermark>,
        at: Timestamp,
    ) -> Result<Upserted> {
        transaction!(self, begin_write, |connection| orders::record_orders(
            connection, channel, orders, unreadable, watermark, at
        ))
    }

    async fn orders(&self, filter: &OrderFilter) -> Result<Vec<LedgerOrder>> {
        transaction!(self, begin_read, |connection| orders::orders(
            connection, filter
        ))
    }

    async fn sold_lines(&self, oldest: Timestamp) -> Result<Vec<SoldLine>> {
        transaction!(self, begin_read, |connection| orders::sold_lines(
            connection, oldest
        ))
    }

    async fn unreadable_orders(&self, channel: &ChannelName) -> Result<Vec<UnreadableOrder>> {
        transaction!(self, begin_read, |connection| orders::unreadable_orders(
            connection, channel
        ))
    }

    async fn record_shipments(&self, channel: &ChannelName, shipments: &[Shipment]) -> Result<()> {
        transaction!(self, begin_write, |connection| orders::record_shipments(
            connection, channel, shipments
        ))
    }
}

#[async_trait]
impl QuotaMemory for SqliteLedger {
    async fn full_at(
        &self,
        channel: &ChannelName,
        endpoint: Endpoint,
    ) -> Result<Option<Timestamp>> {
        transaction!(self, begin_read, |connection| quota::full_at(
            connection, channel, endpoint
        ))
    }

    async fn set_full_at(
        &self,
        channel: &ChannelName,
        endpoint: Endpoint,
        at: Timestamp,
    ) -> Result<()> {
        transaction!(self, begin_forgetful, |connection| quota::set_full_at(
            connection, channel, endpoint, at
        ))
    }
}
