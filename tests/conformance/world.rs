//! One test's world: a channel, its emulation, a ledger and a catalog, all of its own and gone at its end.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;
use skucast::app::plan::MemoFile;
use skucast::app::push::Work;
use skucast::app::shelf::{Shelf, Sold};
use skucast::app::sync::{ChannelRun, Order, Run, sync};
use skucast::app::{Channel, PageCursor, Scope, Silent};
use skucast::catalog_csv::{CsvCatalog, ReadOptions};
use skucast::config::settings::Settings;
use skucast::connectors::Environment;
use skucast::domain::capability::{Limits, Setting};
use skucast::domain::catalog::Catalog;
use skucast::domain::connector::Connector;
use skucast::domain::fingerprint::Fingerprint;
use skucast::domain::guard::Guard;
use skucast::domain::ids::ChannelName;
use skucast::domain::ledger::{Ledger, OrderFilter};
use skucast::domain::money::Money;
use skucast::domain::order::Order as SoldOrder;
use skucast::domain::stock::{CountsOrders, StockBook};
use skucast::domain::{Result, money};
use skucast::halt::Halt;
use skucast::http::{HttpContext, HttpOptions};
use skucast::ledger::SqliteLedger;
use skucast::policy::ChannelPolicy;
use skucast::sandbox::{
    self, Exchange, Profile, Purchase, PurchaseLine, Running, ServeOptions, State,
};

use crate::contract;
use crate::goods::{self, Good};
use crate::live;
use crate::saboteur::{Plot, Saboteur};
use crate::subject::Subject;
use crate::watched::Watched;

/// Nothing in the suite may take longer, whatever a connector does: a real server on a busy machine needs minutes for what
/// its emulation does in a second.
pub const PATIENCE: Duration = Duration::from_secs(300);
/// How long a run waits for what the channel took for later: emulated channels need about a second.
const WAIT: Duration = Duration::from_secs(20);

pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What differs from the usual.
pub struct Options {
    pub http: HttpOptions,
    pub policy: ChannelPolicy,
    pub guard: Guard,
    pub limits: Option<Limits>,
    pub slice: Duration,
    pub seed: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            http: HttpOptions {
                timeout: Duration::from_secs(30),
                attempts: 4,
                first_backoff: Duration::from_millis(5),
                longest_backoff: Duration::from_millis(50),
            },
            policy: ChannelPolicy::default(),
            guard: Guard {
                min_listings: u64::MAX,
                price_jump: Decimal::from(100_000),
                ..Guard::default()
            },
            limits: None,
            slice: PATIENCE,
            seed: 1,
        }
    }
}

/// One listing as it can be seen on the channel.
#[derive(Clone, Debug, PartialEq)]
pub struct Shown {
    pub price: Option<Money>,
    /// `None` when the channel does not tell how many.
    pub quantity: Option<i64>,
    pub live: bool,
    /// The whole of it, to search in.
    pub content: String,
}

pub struct World {
    pub subject: Subject,
    pub ledger: Arc<SqliteLedger>,
    pub connector: Arc<Watched>,
    pub sandbox: Option<Running>,
    pub settings: Settings,
    pub channel_name: ChannelName,
    folder: tempfile::TempDir,
    ledgers: u32,
    options: Options,
    wire: Arc<Mutex<Vec<Exchange>>>,
    /// What goes wrong at one certain write.
    pub plot: Plot,
}

impl World {
    pub async fn new(subject: Subject) -> Self {
        Self::with(subject, Options::default()).await
    }

    pub async fn with(subject: Subject, options: Options) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let wire: Arc<Mutex<Vec<Exchange>>> = Arc::default();
        let plot = Plot::default();
        let sandbox = match subject.factory.sandbox {
            None => None,
            Some(make) => {
                let kind = subject.factory.descriptor.kind;
                let seen = wire.clone();
                let tap: sandbox::Tap = Arc::new(move |exchange: &Exchange| {
                    contract::observe(kind, exchange);
                    lock(&seen).push(exchange.clone());
                });
                let sandbox = Saboteur {
                    inner: live::open(kind).unwrap_or_else(make),
                    plot: plot.clone(),
                };
                let serve = ServeOptions {
                    seed: options.seed,
                    tap: Some(tap),
                    ..ServeOptions::default()
                };
                Some(sandbox::serve(Box::new(sandbox), serve).await.unwrap())
            }
        };
        let settings = subject.resolve(
            sandbox.as_ref().map(|running| &running.settings),
            folder.path(),
            |_, text| Some(text),
        );
        let ledger = open_ledger(folder.path(), 1).await;
        let connector = connect(&subject, &settings, &ledger, &options);
        Self {
            channel_name: ChannelName::new(subject.factory.descriptor.kind),
            subject,
            ledger,
            connector,
            sandbox,
            settings,
            folder,
            ledgers: 1,
            options,
            wire,
            plot,
        }
    }

    /// A world in which these goods are on sale already.
    pub async fn stocked(subject: Subject, goods: &[Good]) -> Self {
        Self::stocked_with(subject, goods, Options::default()).await
    }

    pub async fn stocked_with(subject: Subject, goods: &[Good], options: Options) -> Self {
        let world = Self::with(subject, options).await;
        world.offer(goods);
        world.sync_well().await;
        world.forget_exchanges();
        world
    }

    /// The same channel, as a program sees it that knows nothing of it yet: another ledger, another connector.
    pub async fn forget(&mut self) {
        if !self.subject.limits().quotas.is_empty() {
            // The memory of the quotas goes too. Nobody loses a ledger and is back within a second.
            tokio::time::sleep(std::time::Duration::from_secs(1)).await;
        }
        self.ledgers += 1;
        self.ledger = open_ledger(self.folder.path(), self.ledgers).await;
        self.reconnect();
    }

    /// As after a restart of the program: tokens are gone, the ledger is there.
    pub fn reconnect(&mut self) {
        self.report_violations();
        self.connector = connect(&self.subject, &self.settings, &self.ledger, &self.options);
    }

    /// Writes the catalog.
    pub fn offer(&self, goods: &[Good]) {
        goods::write(&self.catalog_path(), goods);
    }

    pub fn catalog_path(&self) -> PathBuf {
        self.folder.path().join("catalog.csv")
    }

    pub fn environment(&self) -> Environment {
        environment(&self.channel_name, &self.ledger, &self.options)
    }

    /// A connector of its own with other settings; see [`Subject::resolve`].
    pub fn build(
        &self,
        adjust: impl Fn(&Setting, String) -> Option<String>,
    ) -> Result<Box<dyn Connector>> {
        let sandbox = self.sandbox.as_ref().map(|running| &running.settings);
        let settings = self.subject.resolve(sandbox, self.folder.path(), adjust);
        (self.subject.factory.build)(&settings, &self.environment())
    }

    pub fn running(&self) -> &Running {
        self.sandbox
            .as_ref()
            .expect("the check asked for a sandbox")
    }

    pub fn channel(&self, policy: &ChannelPolicy) -> Arc<Channel> {
        let catalog = self.open_catalog().unwrap();
        let name = self.channel_name.clone();
        let limits = self.connector.text_limits();
        let policy = policy
            .compile(&name, catalog.columns(), limits, money::currency("EUR"))
            .unwrap_or_else(|issues| panic!("the policy does not fit: {issues:?}"));
        Arc::new(Channel {
            name,
            connector: self.connector.clone(),
            policy,
            settings: Default::default(),
            guard: self.options.guard.clone(),
            verify: 1000,
            halt: Halt::never(),
            orders_since: None,
        })
    }

    fn open_catalog(&self) -> Result<CsvCatalog> {
        CsvCatalog::open(&ReadOptions {
            path: self.catalog_path(),
            ..ReadOptions::default()
        })
    }

    /// What the seller has now. The stock figures are a little old, so that every order of the test is newer.
    pub async fn shelf(&self) -> Result<Shelf> {
        let as_of = Timestamp::now() - SignedDuration::from_mins(5);
        let sold = self.ledger.sold_lines(as_of).await?;
        Ok(Shelf {
            catalog: Arc::new(self.open_catalog()?),
            stock: StockBook::default(),
            catalog_as_of: as_of,
            sold: Sold::new(sold, CountsOrders::WhenPlaced),
        })
    }

    pub fn order() -> Order {
        Order {
            pull: true,
            push: true,
            scope: Scope::default(),
            approved: Vec::new(),
            reviewed: None,
            rows_lost: Decimal::ONE_HUNDRED,
            wait: WAIT,
        }
    }

    pub async fn work(&self) -> Work {
        let ledger: Arc<dyn Ledger> = self.ledger.clone();
        Work {
            run: ledger.begin_run("sync", Timestamp::now()).await.unwrap(),
            ledger,
            progress: Arc::new(Silent),
            halt: Halt::never(),
            slice: self.options.slice,
            dry_run: false,
            memo: Some(MemoFile::new(
                self.folder.path().join("memo"),
                Fingerprint::default(),
            )),
        }
    }

    /// One run with everything as it is.
    pub async fn sync(&self) -> ChannelRun {
        self.sync_with(|_, _| {}).await
    }

    pub async fn sync_with(&self, change: impl FnOnce(&mut Order, &mut Work)) -> ChannelRun {
        let mut order = Self::order();
        let mut work = self.work().await;
        change(&mut order, &mut work);
        let run = self.run(&order, &work).await;
        assert!(
            run.error.is_none(),
            "nothing could be planned: {:?}",
            run.error
        );
        assert!(
            run.rows_lost.is_none(),
            "rows were lost: {:?}",
            run.rows_lost
        );
        run.channels
            .into_iter()
            .next()
            .expect("one channel was given")
    }

    pub async fn run(&self, order: &Order, work: &Work) -> Run {
        let channels = [self.channel(&self.options.policy)];
        let run = sync(&channels, async || self.shelf().await, order, work);
        tokio::time::timeout(PATIENCE, run)
            .await
            .expect("a run came to no end")
    }

    /// A run that must have nothing to complain about.
    pub async fn sync_well(&self) -> ChannelRun {
        let run = self.sync().await;
        assert!(
            run.is_clean() && run.report.accepted == 0,
            "the run went wrong: {run:#?}"
        );
        run
    }

    /// Asserts that everything is done: nothing is planned, nothing is sent.
    pub async fn nothing_to_do(&self) {
        self.connector.forget_calls();
        let before = self.writes();
        let run = self.sync_well().await;
        assert_eq!(
            self.connector.pushes(),
            [],
            "pushes although nothing changed"
        );
        assert_eq!(
            self.writes(),
            before,
            "writing requests although nothing changed"
        );
        assert_eq!(
            run.counts,
            Default::default(),
            "changes although nothing changed"
        );
    }

    /// Runs until nothing is left to do, and asserts that this comes soon.
    pub async fn converge(&self) {
        let mut last = None;
        for _ in 0..4 {
            self.connector.forget_calls();
            let run = self.sync().await;
            assert!(
                run.error.is_none() && run.stop.is_none(),
                "the run went wrong: {run:#?}"
            );
            let pushes = self.connector.pushes();
            if run.is_clean() && run.report.accepted == 0 && pushes.is_empty() {
                return;
            }
            last = Some((pushes, run));
        }
        panic!("there is still something to do after four runs: {last:#?}");
    }

    /// Requests that write; for a file, pushes.
    pub fn writes(&self) -> u64 {
        match &self.sandbox {
            None => self.connector.pushes().len() as u64,
            Some(running) => running.writes(),
        }
    }

    /// What went over the wire.
    pub fn exchanges(&self) -> Vec<Exchange> {
        lock(&self.wire).clone()
    }

    fn forget_exchanges(&self) {
        self.connector.forget_calls();
    }

    pub fn set_faults(&self, profile: Profile) {
        self.running().set_faults(profile);
    }

    pub fn state(&self) -> State {
        self.running().with(|sandbox| sandbox.state())
    }

    /// Everything that is on the channel, by sku.
    pub async fn shown(&self) -> BTreeMap<String, Shown> {
        if self.sandbox.is_some() {
            let shown = |listing: skucast::sandbox::ListingState| Shown {
                price: listing.price,
                quantity: listing.quantity,
                live: listing.live,
                content: listing.content.to_string(),
            };
            let listings = self.state().listings.into_iter();
            return listings
                .map(|(sku, listing)| (sku, shown(listing)))
                .collect();
        }
        let mut shown = BTreeMap::new();
        let mut cursor = PageCursor::default();
        loop {
            let page = self.connector.fetch_listings(cursor.token()).await.unwrap();
            for listing in page.items {
                let one = Shown {
                    price: listing.price,
                    quantity: listing.quantity.map(|quantity| quantity as i64),
                    live: listing.live,
                    content: format!("{listing:?}"),
                };
                assert!(
                    shown.insert(listing.sku.to_string(), one).is_none(),
                    "{} is there twice",
                    listing.sku
                );
            }
            if !cursor.advance(page.next).unwrap() {
                return shown;
            }
        }
    }

    /// Asserts that the channel shows these goods, each listed exactly once.
    pub async fn shows(&self, goods: &[Good]) {
        let shown = self.shown().await;
        for good in goods.iter().filter(|good| !good.is_parent) {
            let sku = &good.sku;
            let one = shown
                .get(sku)
                .unwrap_or_else(|| panic!("{sku} is not on the channel: {:?}", shown.keys()));
            assert!(one.live, "{sku} is not live: {}", one.content);
            let wanted = good.quantity.map(|quantity| quantity as i64);
            // Some files only say whether there is any.
            if one.quantity.is_some() || wanted == Some(0) {
                assert_eq!(one.quantity, wanted, "the stock of {sku}");
            }
            let price = one.price.map(|price| price.to_string());
            assert_eq!(
                price,
                Some(format!("{} EUR", good.price)),
                "the price of {sku}"
            );
        }
        self.nothing_is_doubled();
    }

    pub fn nothing_is_doubled(&self) {
        if self.sandbox.is_some() {
            let doubled: Vec<_> = self
                .state()
                .created
                .into_iter()
                .filter(|(_, count)| *count != 1)
                .collect();
            assert_eq!(doubled, [], "listings were created more than once");
        }
    }

    /// A buyer buys.
    pub fn buy(&self, lines: &[(&str, u64)]) -> String {
        let lines = lines
            .iter()
            .map(|(sku, quantity)| PurchaseLine {
                sku: (*sku).to_owned(),
                quantity: *quantity,
            })
            .collect();
        let purchase = Purchase { lines, buyer: None };
        self.running()
            .with(|sandbox| sandbox.buy(&purchase, Timestamp::now()))
            .unwrap_or_else(|reason| panic!("a buyer was turned away: {reason}"))
            .order_id
    }

    pub async fn orders(&self) -> Vec<SoldOrder> {
        let orders = self.ledger.orders(&OrderFilter::default()).await.unwrap();
        orders.into_iter().map(|entry| entry.order).collect()
    }

    /// Requests that the channel's own quotas refused.
    pub fn refused_as_too_fast(&self) -> Vec<String> {
        let Some(running) = &self.sandbox else {
            return Vec::new();
        };
        let exchanges = self.exchanges();
        running.with(|sandbox| {
            exchanges
                .iter()
                .filter(|exchange| sandbox.refuses_pace(&exchange.response))
                .map(|exchange| sandbox.operation(&exchange.request))
                .collect()
        })
    }

    fn report_violations(&self) {
        let violations = self.connector.violations();
        assert!(
            violations.is_empty(),
            "the contract was broken: {violations:#?}"
        );
    }
}

impl Drop for World {
    /// What holds in every test, whatever else it is about.
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        self.report_violations();
        let too_fast = self.refused_as_too_fast();
        assert!(
            too_fast.is_empty(),
            "the channel's quotas were not kept: {too_fast:?}"
        );
    }
}

/// A request for an access token, RFC 6749: it changes nothing of the seller's.
pub fn is_token(exchange: &Exchange) -> bool {
    exchange.request.method == "POST"
        && String::from_utf8_lossy(&exchange.request.body).contains("grant_type=")
}

async fn open_ledger(folder: &Path, number: u32) -> Arc<SqliteLedger> {
    skucast::ledger::open(&format!("sqlite:ledger-{number}.db"), folder)
        .await
        .unwrap()
}

fn environment(
    channel: &ChannelName,
    ledger: &Arc<SqliteLedger>,
    options: &Options,
) -> Environment {
    let http = HttpContext::new(options.http.clone(), ledger.clone(), Halt::never());
    Environment {
        channel: channel.clone(),
        http,
    }
}

fn connect(
    subject: &Subject,
    settings: &Settings,
    ledger: &Arc<SqliteLedger>,
    options: &Options,
) -> Arc<Watched> {
    let name = ChannelName::new(subject.factory.descriptor.kind);
    let environment = environment(&name, ledger, options);
    let connector = (subject.factory.build)(settings, &environment).unwrap();
    Arc::new(Watched::new(connector, options.limits))
}
