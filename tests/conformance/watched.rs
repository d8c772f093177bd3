//! A connector that is looked over the shoulder: every call is noted, every promise of the contract is checked
//! on both sides of it, and answers can be lost on purpose.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use skucast::domain::capability::{Descriptor, Grouping, Limits, TextLimits, Variants};
use skucast::domain::catalog::ItemKind;
use skucast::domain::change::{
    Batch, EndChange, Keyed, Lane, ListingChange, PriceChange, Route, StockChange,
};
use skucast::domain::connector::{
    Account, Connector, ItemOutcome, OrderPage, Outcome, Page, Submission, Submitted, Watermark,
};
use skucast::domain::ids::{ChannelOrderId, PageToken, Sku, SubmissionId};
use skucast::domain::issue::Issue;
use skucast::domain::listing::{ChannelListing, Listing};
use skucast::domain::order::Shipment;
use skucast::domain::{Error, ErrorKind, Result};

/// One call, as far as tests ask for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Call {
    Push {
        lane: Lane,
        route: Route,
        skus: Vec<String>,
        creates: bool,
        dry_run: bool,
    },
    Find(Vec<String>),
    Listings,
    Orders,
    Poll,
    Ship,
}

/// What happens to a push.
pub enum Mischief {
    None,
    /// Carried out, but nobody hears of it.
    LoseAnswer,
    /// Never arrives, and nobody hears of that either.
    LoseRequest,
    /// Refused as a whole.
    Refuse(Error),
}

type Script = Box<dyn FnMut(&Call) -> Mischief + Send>;

pub struct Watched {
    inner: Box<dyn Connector>,
    descriptor: &'static Descriptor,
    calls: Mutex<Vec<Call>>,
    violations: Mutex<Vec<String>>,
    ended: Mutex<HashSet<Sku>>,
    /// The product of each sku that was listed through this connector.
    products: Mutex<HashMap<Sku, Sku>>,
    under_way: Mutex<BTreeMap<(Lane, Way), usize>>,
    script: Mutex<Option<Script>>,
}

/// A route as a key.
type Way = &'static str;

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl std::fmt::Debug for Watched {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.inner.fmt(f)
    }
}

impl Watched {
    /// With other limits than the connector's own, when a test needs small batches.
    pub fn new(inner: Box<dyn Connector>, limits: Option<Limits>) -> Self {
        let own = inner.descriptor();
        let descriptor = match limits {
            None => own,
            Some(limits) => Box::leak(Box::new(Descriptor {
                kind: own.kind,
                display_name: own.display_name,
                docs_url: own.docs_url,
                portal_url: own.portal_url,
                capability: own.capability,
                limits,
                settings: own.settings,
                notes: own.notes,
            })),
        };
        Self {
            inner,
            descriptor,
            calls: Mutex::default(),
            violations: Mutex::default(),
            ended: Mutex::default(),
            products: Mutex::default(),
            under_way: Mutex::default(),
            script: Mutex::default(),
        }
    }

    /// Without anybody watching.
    pub fn inner(&self) -> &dyn Connector {
        self.inner.as_ref()
    }

    pub fn calls(&self) -> Vec<Call> {
        lock(&self.calls).clone()
    }

    /// Calls that may change something.
    pub fn pushes(&self) -> Vec<Call> {
        let is_push = |call: &Call| matches!(call, Call::Push { dry_run: false, .. } | Call::Ship);
        self.calls().into_iter().filter(is_push).collect()
    }

    pub fn forget_calls(&self) {
        lock(&self.calls).clear();
    }

    pub fn violations(&self) -> Vec<String> {
        lock(&self.violations).clone()
    }

    pub fn set_script(&self, script: impl FnMut(&Call) -> Mischief + Send + 'static) {
        *lock(&self.script) = Some(Box::new(script));
    }

    fn note(&self, call: Call) -> Mischief {
        let mischief = match &mut *lock(&self.script) {
            Some(script) => script(&call),
            None => Mischief::None,
        };
        lock(&self.calls).push(call);
        mischief
    }

    fn require(&self, holds: bool, otherwise: impl FnOnce() -> String) {
        if !holds {
            lock(&self.violations).push(otherwise());
        }
    }

    fn require_declared(&self, declared: bool, operation: &str) {
        self.require(declared, || {
            format!("{operation} was called, but is not declared")
        });
    }

    /// One push, with everything that the contract says of it.
    async fn push<T: Keyed + Sync>(
        &self,
        lane: Lane,
        creates: bool,
        batch: &Batch<'_, T>,
        send: impl Future<Output = Result<Vec<ItemOutcome>>> + Send,
    ) -> Result<Vec<ItemOutcome>> {
        let what = format!(
            "a push of {} rows in lane {}",
            batch.items.len(),
            lane.as_str()
        );
        let routes = self.descriptor.limits.routes(lane);
        let batching = match batch.route {
            Route::Direct => routes.direct,
            Route::Bulk => routes.bulk,
        };
        self.require(!batch.items.is_empty(), || {
            "an empty batch was pushed".to_owned()
        });
        self.require(
            batching.is_some_and(|limit| self.counted(batch.items, limit.grouping) <= limit.size),
            || format!("{what} is more than {batching:?} allows"),
        );
        let skus: Vec<String> = batch
            .items
            .iter()
            .map(|item| item.sku().to_string())
            .collect();
        let distinct: HashSet<String> = skus.iter().cloned().collect();
        self.require(distinct.len() == skus.len(), || {
            format!("{what} names a sku twice")
        });
        let mischief = self.note(Call::Push {
            lane,
            route: batch.route,
            skus: skus.clone(),
            creates,
            dry_run: batch.dry_run,
        });
        let lost = || {
            Error::new(ErrorKind::Unavailable, "the answer was lost on purpose")
                .retry_after(None)
                .in_doubt()
        };
        let unknown = || {
            let outcome = |item: &T| ItemOutcome {
                key: item.sku().clone(),
                outcome: Outcome::Unknown(lost()),
            };
            batch.items.iter().map(outcome).collect()
        };
        match mischief {
            Mischief::LoseRequest => return Ok(unknown()),
            Mischief::Refuse(error) => return Err(error),
            Mischief::None | Mischief::LoseAnswer => {}
        }
        let way: Way = match batch.route {
            Route::Direct => "direct",
            Route::Bulk => "bulk",
        };
        let _under_way =
            UnderWay::start(self, (lane, way), batching.map_or(0, |one| one.concurrency));
        let answer = send.await;
        match &answer {
            Ok(outcomes) => {
                let mut named: Vec<&str> = outcomes.iter().map(|one| one.key.as_str()).collect();
                named.sort_unstable();
                let mut expected: Vec<&str> = skus.iter().map(String::as_str).collect();
                expected.sort_unstable();
                self.require(named == expected, || {
                    format!("{what} of {expected:?} was answered for {named:?}")
                });
            }
            Err(error) => self.require(!error.in_doubt, || {
                format!("{what} failed as a whole, although it may have arrived: {error}")
            }),
        }
        match mischief {
            Mischief::LoseAnswer => Ok(unknown()),
            _ => answer,
        }
    }

    /// How much of a batch's size these use up.
    fn counted<T: Keyed>(&self, items: &[T], grouping: Grouping) -> usize {
        if grouping != Grouping::Products {
            return items.len();
        }
        let products = lock(&self.products);
        // Those of which nothing is known may all be one.
        let product = |item: &T| products.get(item.sku()).cloned();
        items.iter().map(product).collect::<HashSet<_>>().len()
    }

    fn check_listings(&self, items: &[ListingChange]) {
        let limits = &self.descriptor.limits;
        let variants = limits.variants;
        let mut parents = HashSet::new();
        let product_of = |change: &ListingChange| {
            let listing = &change.listing;
            let product = listing.parent_sku.as_ref().unwrap_or(&listing.sku);
            (listing.sku.clone(), product.clone())
        };
        lock(&self.products).extend(items.iter().map(product_of));
        for change in items {
            let listing = &change.listing;
            let sku = &listing.sku;
            // One that had ended is put on sale again with all it needs.
            if !change.is_create() && !lock(&self.ended).contains(sku) {
                self.require(
                    listing.price.is_none() && listing.quantity.is_none(),
                    || format!("the update of {sku} carries price or stock"),
                );
            }
            match (listing.kind, variants) {
                (ItemKind::Parent, Variants::Flat) => {
                    self.require(false, || {
                        format!("the parent {sku} was sent to a flat channel")
                    });
                }
                (ItemKind::Parent, _) => {
                    parents.insert(sku.clone());
                }
                (ItemKind::Variant, Variants::ParentFirst) => self
                    .require(!change.is_create() || change.parent_ref.is_some(), || {
                        format!("the variant {sku} was sent before its parent was there")
                    }),
                (ItemKind::Variant, Variants::InOrder | Variants::Together) => self.require(
                    change.parent_ref.is_some()
                        || listing
                            .parent_sku
                            .as_ref()
                            .is_some_and(|sku| parents.contains(sku)),
                    || format!("the variant {sku} was sent ahead of its parent"),
                ),
                _ => {}
            }
        }
        let is = |grouping| {
            let ways = [limits.listing.direct, limits.listing.bulk];
            ways.into_iter()
                .flatten()
                .any(|way| way.grouping == grouping)
        };
        if is(Grouping::OneParent) {
            let families: HashSet<_> = items
                .iter()
                .filter(|change| change.listing.kind == ItemKind::Variant)
                .map(|change| &change.listing.parent_sku)
                .collect();
            self.require(families.len() <= 1, || {
                "one batch holds several families".to_owned()
            });
        }
    }
}

/// Counts the pushes that run side by side.
struct UnderWay<'a>(&'a Watched, (Lane, Way));

impl<'a> UnderWay<'a> {
    fn start(watched: &'a Watched, key: (Lane, Way), most: usize) -> Self {
        let mut under_way = lock(&watched.under_way);
        let count = under_way.entry(key).or_default();
        *count += 1;
        let count = *count;
        drop(under_way);
        watched.require(count <= most, || {
            format!("{count} pushes of {key:?} at a time, {most} are declared")
        });
        Self(watched, key)
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        if let Some(count) = lock(&self.0.under_way).get_mut(&self.1) {
            *count -= 1;
        }
    }
}

#[async_trait]
impl Connector for Watched {
    fn descriptor(&self) -> &'static Descriptor {
        self.descriptor
    }

    fn text_limits(&self) -> TextLimits {
        self.inner.text_limits()
    }

    async fn check(&self) -> Result<Account> {
        self.inner.check().await
    }

    fn audit(&self, listing: &Listing) -> Vec<Issue> {
        let issues = self.inner.audit(listing);
        let again = self.inner.audit(listing);
        self.require(issues == again, || {
            format!("audit of {} is not pure", listing.sku)
        });
        issues
    }

    fn kept(&self, listing: &Listing) -> Listing {
        let kept = self.inner.kept(listing);
        let again = self.inner.kept(&kept);
        self.require(
            kept.shown_fingerprint() == again.shown_fingerprint(),
            || format!("what is kept of {} is not kept", listing.sku),
        );
        kept
    }

    async fn fetch_listings(&self, page: Option<&PageToken>) -> Result<Page<ChannelListing>> {
        self.require_declared(self.descriptor.capability.listing_read, "fetch_listings");
        self.note(Call::Listings);
        self.inner.fetch_listings(page).await
    }

    async fn find_listings(&self, skus: &[Sku]) -> Result<Vec<ChannelListing>> {
        self.require_declared(self.descriptor.capability.listing_read, "find_listings");
        let most = self.descriptor.limits.find_batch;
        self.require(!skus.is_empty() && skus.len() <= most, || {
            format!(
                "{} skus were looked up at once, {most} are declared",
                skus.len()
            )
        });
        self.note(Call::Find(skus.iter().map(Sku::to_string).collect()));
        let found = self.inner.find_listings(skus).await?;
        for listing in &found {
            self.require(skus.contains(&listing.sku), || {
                format!("a look-up found `{}`, which was not asked for", listing.sku)
            });
        }
        Ok(found)
    }

    async fn push_listings(&self, batch: Batch<'_, ListingChange>) -> Result<Vec<ItemOutcome>> {
        let capability = self.descriptor.capability;
        let creates = batch.items.iter().any(ListingChange::is_create);
        self.require_declared(capability.listing_create || !creates, "a create");
        self.require_declared(
            capability.listing_update || batch.items.iter().all(ListingChange::is_create),
            "an update",
        );
        self.require_declared(capability.listing_dry_run || !batch.dry_run, "a dry run");
        self.check_listings(batch.items);
        let send = self.inner.push_listings(Batch { ..batch });
        self.push(Lane::Listing, creates, &batch, send).await
    }

    async fn push_stock(&self, batch: Batch<'_, StockChange>) -> Result<Vec<ItemOutcome>> {
        self.require_declared(self.descriptor.capability.stock_push, "push_stock");
        let zero = batch.items.iter().all(|item| item.quantity == 0);
        let lane = if zero { Lane::Zero } else { Lane::Stock };
        let send = self.inner.push_stock(Batch { ..batch });
        self.push(lane, false, &batch, send).await
    }

    async fn push_prices(&self, batch: Batch<'_, PriceChange>) -> Result<Vec<ItemOutcome>> {
        self.require_declared(self.descriptor.capability.price_push, "push_prices");
        let send = self.inner.push_prices(Batch { ..batch });
        self.push(Lane::Price, false, &batch, send).await
    }

    async fn end_listings(&self, batch: Batch<'_, EndChange>) -> Result<Vec<ItemOutcome>> {
        self.require_declared(self.descriptor.capability.listing_end, "end_listings");
        lock(&self.ended).extend(batch.items.iter().map(|item| item.sku.clone()));
        let send = self.inner.end_listings(Batch { ..batch });
        self.push(Lane::End, false, &batch, send).await
    }

    async fn poll_submission(&self, id: &SubmissionId, items: &[Submitted]) -> Result<Submission> {
        self.require_declared(self.descriptor.capability.submissions, "poll_submission");
        self.note(Call::Poll);
        self.inner.poll_submission(id, items).await
    }

    async fn fetch_orders(&self, since: &Watermark, page: Option<&PageToken>) -> Result<OrderPage> {
        self.require_declared(self.descriptor.capability.orders_pull, "fetch_orders");
        self.note(Call::Orders);
        self.inner.fetch_orders(since, page).await
    }

    async fn confirm_shipments(
        &self,
        shipments: &[Shipment],
    ) -> Result<Vec<ItemOutcome<ChannelOrderId>>> {
        self.require_declared(
            self.descriptor.capability.shipments_confirm,
            "confirm_shipments",
        );
        let most = self.descriptor.limits.shipment_batch;
        self.require(!shipments.is_empty() && shipments.len() <= most, || {
            format!(
                "{} shipments were confirmed at once, {most} are declared",
                shipments.len()
            )
        });
        self.note(Call::Ship);
        let outcomes = self.inner.confirm_shipments(shipments).await?;
        self.require(outcomes.len() == shipments.len(), || {
            format!(
                "{} shipments were answered {} times",
                shipments.len(),
                outcomes.len()
            )
        });
        Ok(outcomes)
    }
}
