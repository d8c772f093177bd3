//! A connector with a quota of its own, which sends its batches to a [`Sink`](crate::sink::Sink).

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use reqwest::Request;
use serde_json::{Value, json};
use skucast::app::Channel;
use skucast::domain::Error;
use skucast::domain::capability::{
    Batching, Capability, Descriptor, Limits, Quota, Routes, Variants,
};
use skucast::domain::catalog::Columns;
use skucast::domain::change::{Batch, Keyed, ListingChange, Route, StockChange};
use skucast::domain::connector::{
    Account, Connector, ItemOutcome, OrderPage, Outcome, Submission, Submitted, Watermark,
};
use skucast::domain::fingerprint::Fingerprint;
use skucast::domain::guard::Guard;
use skucast::domain::ids::{ChannelName, PageToken, SubmissionId};
use skucast::domain::ledger::QuotaMemory;
use skucast::domain::money;
use skucast::domain::order::Order;
use skucast::halt::Halt;
use skucast::http::{
    Call, ChannelHttp, Dialect, HttpContext, HttpOptions, Level, Replay, Reply, Signing, kind_of,
};
use skucast::policy::ChannelPolicy;

use crate::Result;

/// How a channel meters what is sent to it.
#[derive(Clone, Copy, Debug)]
pub struct Meter {
    pub permits: u32,
    pub per: Duration,
    pub burst: u32,
    /// Permits of one batch.
    pub cost: u32,
    /// Its answers say how full the bucket is.
    pub tells_level: bool,
    pub batch: Batching,
    pub route: Route,
    /// It takes new content of listings.
    pub content: bool,
}

/// Orders that a channel is to hand out: asked for with every pull.
pub type Till = Arc<dyn Fn() -> Vec<Order> + Send + Sync>;

pub struct Metered {
    descriptor: &'static Descriptor,
    meter: Meter,
    http: ChannelHttp,
    url: String,
    till: Option<Till>,
    submissions: AtomicU32,
}

impl std::fmt::Debug for Metered {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Metered")
    }
}

#[derive(Debug)]
struct Wire {
    meter: Meter,
}

#[async_trait]
impl Dialect for Wire {
    async fn sign(&self, request: Request, _: &Signing) -> skucast::domain::Result<Request> {
        Ok(request)
    }

    fn classify(&self, reply: &Reply) -> Error {
        Error::new(kind_of(reply.status), "the sink says no")
    }

    fn observed_level(&self, reply: &Reply) -> Option<Level> {
        let number = |name| reply.header(name)?.parse().ok();
        Some(Level {
            capacity: number("x-capacity")?,
            available: number("x-available")?,
            per_second: number("x-per-second")?,
            charged: match reply.status.is_success() {
                true => f64::from(self.meter.cost),
                false => 0.0,
            },
        })
        .filter(|_| self.meter.tells_level)
    }
}

impl Metered {
    pub fn channel(
        name: &str,
        url: &str,
        meter: Meter,
        till: Option<Till>,
        columns: &Arc<Columns>,
        memory: Arc<dyn QuotaMemory>,
        halt: Halt,
    ) -> Result<Arc<Channel>> {
        let name = ChannelName::new(name);
        let quotas = vec![Quota {
            endpoint: "write",
            permits: meter.permits,
            per: meter.per,
            burst: meter.burst,
            source: "",
        }];
        let quotas: &'static [Quota] = Vec::leak(quotas);
        let routes = match meter.route {
            Route::Direct => Routes::direct(meter.batch),
            Route::Bulk => Routes::bulk(meter.batch),
        };
        // A descriptor is static because a kind of channel is; these live as long as the process.
        let descriptor = Box::leak(Box::new(descriptor(
            routes,
            quotas,
            Capability {
                listing_update: meter.content,
                stock_push: true,
                submissions: true,
                orders_pull: till.is_some(),
                ..Capability::NONE
            },
        )));
        let context = HttpContext::new(HttpOptions::default(), memory, halt.clone());
        let wire = Wire { meter };
        let connector = Arc::new(Self {
            descriptor,
            meter,
            http: ChannelHttp::new(&name, &context, Arc::new(wire), quotas),
            url: url.to_owned(),
            till,
            submissions: AtomicU32::new(0),
        });
        let policy = ChannelPolicy::default()
            .compile(
                &name,
                columns,
                connector.text_limits(),
                money::currency("EUR"),
            )
            .map_err(|issues| format!("{issues:?}"))?;
        Ok(Arc::new(Channel {
            name,
            connector,
            policy,
            settings: Fingerprint::default(),
            guard: Guard {
                min_listings: u64::MAX,
                ..Guard::default()
            },
            verify: 0,
            halt,
            orders_since: None,
        }))
    }

    async fn send<T: Keyed + Sync>(
        &self,
        what: &'static str,
        batch: Batch<'_, T>,
        row: impl Fn(&T) -> Value,
    ) -> skucast::domain::Result<Vec<ItemOutcome>> {
        let body = Value::Array(batch.items.iter().map(row).collect());
        let call = Call {
            operation: what,
            quota: "write",
            cost: self.meter.cost,
            replay: Replay::Safe,
        };
        let url = format!("{}/{what}", self.url);
        self.http
            .send_call(call, |client| client.post(&url).json(&body))
            .await?;
        let submission = (batch.route == Route::Bulk).then(|| {
            let number = self.submissions.fetch_add(1, Ordering::Relaxed);
            SubmissionId::new(format!("feed-{number}"))
        });
        let outcome = || match &submission {
            Some(submission) => Outcome::Accepted {
                submission: Some(submission.clone()),
                part: None,
                listing_ref: None,
            },
            None => Outcome::applied(),
        };
        Ok(batch
            .items
            .iter()
            .map(|item| ItemOutcome {
                key: item.sku().clone(),
                outcome: outcome(),
            })
            .collect())
    }
}

fn descriptor(routes: Routes, quotas: &'static [Quota], capability: Capability) -> Descriptor {
    Descriptor {
        kind: "metered",
        display_name: "Metered",
        docs_url: "",
        portal_url: "",
        capability,
        limits: Limits {
            variants: Variants::Flat,
            stock: routes,
            price: Routes::NONE,
            listing: routes,
            end: Routes::NONE,
            find_batch: 1,
            shipment_batch: 1,
            order_lookback: Duration::ZERO,
            submissions_at_once: None,
            submission_deadline: Duration::from_secs(3600),
            sight_deadline: Duration::from_secs(3600),
            quotas,
            title_length: None,
            description_length: None,
            images: None,
            sku_length: None,
        },
        settings: &[],
        notes: &[],
    }
}

#[async_trait]
impl Connector for Metered {
    fn descriptor(&self) -> &'static Descriptor {
        self.descriptor
    }

    async fn check(&self) -> skucast::domain::Result<Account> {
        Ok(Account::default())
    }

    async fn push_stock(
        &self,
        batch: Batch<'_, StockChange>,
    ) -> skucast::domain::Result<Vec<ItemOutcome>> {
        self.send(
            "stock",
            batch,
            |change| json!({"sku": change.sku.as_str(), "quantity": change.quantity}),
        )
        .await
    }

    async fn push_listings(
        &self,
        batch: Batch<'_, ListingChange>,
    ) -> skucast::domain::Result<Vec<ItemOutcome>> {
        self.send(
            "content",
            batch,
            |change| json!({"sku": change.listing.sku.as_str(), "title": change.listing.title}),
        )
        .await
    }

    async fn poll_submission(
        &self,
        _: &SubmissionId,
        _: &[Submitted],
    ) -> skucast::domain::Result<Submission> {
        Ok(Submission::Done(Vec::new()))
    }

    async fn fetch_orders(
        &self,
        _: &Watermark,
        _: Option<&PageToken>,
    ) -> skucast::domain::Result<OrderPage> {
        Ok(OrderPage {
            orders: self.till.as_ref().map_or_else(Vec::new, |till| till()),
            unreadable: Vec::new(),
            next: None,
            watermark: Some(Watermark {
                at: Timestamp::now(),
                cursor: None,
            }),
        })
    }
}
