//! A ledger that breaks at the worst moment.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use jiff::Timestamp;
use serde_json::Value;
use skucast::domain::change::{Change, Lane};
use skucast::domain::connector::Watermark;
use skucast::domain::ids::{ChannelName, IdempotencyKey, RunId, Sku};
use skucast::domain::ledger::{
    ChannelState, Intent, IntentId, Ledger, LedgerOrder, ListingRecord, Lock, OrderFilter, Pending,
    Rejection, RunRecord, Settlement, Standing, TouchId, Touched, Upserted,
};
use skucast::domain::order::{Order, Shipment, UnreadableOrder};
use skucast::domain::stock::SoldLine;
use skucast::domain::{Error, Result};

/// Where it breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Breaks {
    /// When the second page of orders is to be recorded.
    AtSecondPage,
    /// When the outcome of a push is to be recorded.
    AtSettlement,
}

/// Everything else goes through to the real one.
#[derive(Debug)]
pub struct Frail {
    inner: Arc<dyn Ledger>,
    breaks: Breaks,
    pages: AtomicUsize,
}

impl Frail {
    pub fn new(inner: Arc<dyn Ledger>, breaks: Breaks) -> Arc<Self> {
        Arc::new(Self {
            inner,
            breaks,
            pages: AtomicUsize::new(0),
        })
    }
}

fn broken() -> Error {
    Error::unexpected("the ledger broke on purpose")
}

#[async_trait]
impl Ledger for Frail {
    async fn settle(
        &self,
        channel: &ChannelName,
        at: Timestamp,
        settlements: &[Settlement],
    ) -> Result<()> {
        match self.breaks {
            Breaks::AtSettlement => Err(broken()),
            Breaks::AtSecondPage => self.inner.settle(channel, at, settlements).await,
        }
    }

    async fn record_orders(
        &self,
        channel: &ChannelName,
        orders: &[Order],
        unreadable: &[UnreadableOrder],
        watermark: Option<&Watermark>,
        at: Timestamp,
    ) -> Result<Upserted> {
        let earlier = self.pages.fetch_add(1, Ordering::Relaxed);
        if self.breaks == Breaks::AtSecondPage && earlier >= 1 {
            return Err(broken());
        }
        self.inner
            .record_orders(channel, orders, unreadable, watermark, at)
            .await
    }

    async fn begin_run(&self, command: &str, at: Timestamp) -> Result<RunId> {
        self.inner.begin_run(command, at).await
    }

    async fn finish_run(&self, run: &RunId, at: Timestamp, summary: &Value) -> Result<()> {
        self.inner.finish_run(run, at, summary).await
    }

    async fn runs(&self, most: u32) -> Result<Vec<RunRecord>> {
        self.inner.runs(most).await
    }

    async fn lock(&self) -> Result<Option<Box<dyn Lock>>> {
        self.inner.lock().await
    }

    async fn catalog_rows(&self) -> Result<Option<u64>> {
        self.inner.catalog_rows().await
    }

    async fn set_catalog_rows(&self, rows: u64) -> Result<()> {
        self.inner.set_catalog_rows(rows).await
    }

    async fn channel(&self, channel: &ChannelName) -> Result<ChannelState> {
        self.inner.channel(channel).await
    }

    async fn set_channel(&self, channel: &ChannelName, state: &ChannelState) -> Result<()> {
        self.inner.set_channel(channel, state).await
    }

    async fn standing(&self, channel: &ChannelName) -> Result<Standing> {
        self.inner.standing(channel).await
    }

    async fn listings(&self, channel: &ChannelName) -> Result<HashMap<Sku, ListingRecord>> {
        self.inner.listings(channel).await
    }

    async fn listings_of(
        &self,
        channel: &ChannelName,
        skus: &[Sku],
    ) -> Result<HashMap<Sku, ListingRecord>> {
        self.inner.listings_of(channel, skus).await
    }

    async fn touched_since(&self, since: Option<TouchId>, most: usize) -> Result<Touched> {
        self.inner.touched_since(since, most).await
    }

    async fn forget_touched(&self, before: TouchId) -> Result<()> {
        self.inner.forget_touched(before).await
    }

    async fn record_listings(
        &self,
        channel: &ChannelName,
        records: &[(Sku, ListingRecord)],
    ) -> Result<()> {
        self.inner.record_listings(channel, records).await
    }

    async fn record_intents(
        &self,
        run: &RunId,
        channel: &ChannelName,
        changes: &[(Change, IdempotencyKey)],
        at: Timestamp,
    ) -> Result<Vec<IntentId>> {
        self.inner.record_intents(run, channel, changes, at).await
    }

    async fn open_intents(&self, channel: &ChannelName) -> Result<Vec<Intent>> {
        self.inner.open_intents(channel).await
    }

    async fn pending(&self, channel: &ChannelName) -> Result<Vec<Pending>> {
        self.inner.pending(channel).await
    }

    async fn supersede(&self, channel: &ChannelName, lane: Lane, skus: &[Sku]) -> Result<()> {
        self.inner.supersede(channel, lane, skus).await
    }

    async fn rejections(&self, channel: &ChannelName) -> Result<Vec<Rejection>> {
        self.inner.rejections(channel).await
    }

    async fn orders(&self, filter: &OrderFilter) -> Result<Vec<LedgerOrder>> {
        self.inner.orders(filter).await
    }

    async fn sold_lines(&self, oldest: Timestamp) -> Result<Vec<SoldLine>> {
        self.inner.sold_lines(oldest).await
    }

    async fn unreadable_orders(&self, channel: &ChannelName) -> Result<Vec<UnreadableOrder>> {
        self.inner.unreadable_orders(channel).await
    }

    async fn record_shipments(&self, channel: &ChannelName, shipments: &[Shipment]) -> Result<()> {
        self.inner.record_shipments(channel, shipments).await
    }
}
