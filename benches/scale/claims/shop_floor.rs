//! What a run needs beside its channels, for claims that put the parts together themselves.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;
use skucast::app::push::Work;
use skucast::app::shelf::{Shelf, Sold};
use skucast::app::sync::{Order, Run, sync};
use skucast::app::{Channel, Scope, Silent};
use skucast::catalog_csv::{CsvCatalog, ReadOptions};
use skucast::domain::catalog::{Catalog, Columns};
use skucast::domain::change::Lane;
use skucast::domain::ledger::Ledger;
use skucast::domain::stock::{CountsOrders, StockBook};
use skucast::halt::Halt;
use skucast::ledger::SqliteLedger;

use crate::Result;
use crate::catalog::{Figure, Shape, Source};
use crate::seller;

pub struct ShopFloor {
    pub catalog: Arc<CsvCatalog>,
    pub figures: Vec<Figure>,
}

/// How a run goes about it.
pub struct Manner {
    pub pull: bool,
    pub lanes: Vec<Lane>,
    pub slice: Duration,
    pub halt: Halt,
}

impl ShopFloor {
    pub fn open(folder: &Path, skus: u64) -> Result<Self> {
        let source = Source::open()?;
        let path = seller::catalog_file(folder);
        source.write(&path, Shape::of(skus))?;
        Ok(Self {
            catalog: Arc::new(CsvCatalog::open(&ReadOptions {
                path,
                ..ReadOptions::default()
            })?),
            figures: source.figures(Shape::of(skus))?,
        })
    }

    pub fn columns(&self) -> Arc<Columns> {
        self.catalog.columns().clone()
    }

    /// Stock alone, to the end.
    pub async fn push_stock(
        &self,
        channels: &[Arc<Channel>],
        ledger: Arc<SqliteLedger>,
    ) -> Result<Run> {
        let manner = Manner {
            pull: false,
            lanes: vec![Lane::Zero, Lane::Stock],
            slice: Duration::from_secs(3600),
            halt: Halt::never(),
        };
        self.run(channels, ledger, manner).await
    }

    pub async fn run(
        &self,
        channels: &[Arc<Channel>],
        ledger: Arc<SqliteLedger>,
        manner: Manner,
    ) -> Result<Run> {
        let order = Order {
            pull: manner.pull,
            push: true,
            scope: Scope {
                lanes: manner.lanes,
                skus: Vec::new(),
            },
            approved: Vec::new(),
            reviewed: None,
            rows_lost: Decimal::ONE_HUNDRED,
            wait: Duration::ZERO,
        };
        let work = Work {
            run: ledger.begin_run("sync", Timestamp::now()).await?,
            ledger: ledger.clone(),
            progress: Arc::new(Silent),
            halt: manner.halt,
            slice: manner.slice,
            dry_run: false,
            memo: None,
        };
        // The stock was counted before any order of the claim.
        let as_of = Timestamp::now() - SignedDuration::from_mins(5);
        let shelf = async || {
            Ok(Shelf {
                catalog: self.catalog.clone(),
                stock: StockBook::default(),
                catalog_as_of: as_of,
                sold: Sold::new(ledger.sold_lines(as_of).await?, CountsOrders::WhenPlaced),
            })
        };
        let run = sync(channels, shelf, &order, &work).await;
        match run.error {
            Some(error) => Err(error.into()),
            None => Ok(run),
        }
    }
}
