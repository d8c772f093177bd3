//! Turns planned rows into what the connector takes, and calls it.

use crate::app::audit::placed;
use crate::app::desired::desire;
use crate::app::plan::{Planned, reread};
use crate::domain::change::{
    Action, Batch, EndChange, Lane, ListingChange, PriceChange, Route, StockChange,
};
use crate::domain::connector::{Connector, ItemOutcome};
use crate::domain::ids::IdempotencyKey;
use crate::domain::issue::Issue;
use crate::domain::ledger::ListingRecord;
use crate::domain::{Error, Result};

use super::Push;

/// Typed changes of one lane.
pub(super) enum Load {
    Stock(Vec<StockChange>),
    Prices(Vec<PriceChange>),
    Listings(Vec<ListingChange>),
    Ends(Vec<EndChange>),
}

impl Load {
    pub(super) fn empty(lane: Lane) -> Self {
        match lane {
            Lane::Zero | Lane::Stock => Self::Stock(Vec::new()),
            Lane::Price => Self::Prices(Vec::new()),
            Lane::Listing => Self::Listings(Vec::new()),
            Lane::End => Self::Ends(Vec::new()),
        }
    }

    /// The one place where changes reach a connector.
    pub(super) async fn send(
        &self,
        connector: &dyn Connector,
        route: Route,
        key: &IdempotencyKey,
        dry_run: bool,
    ) -> Result<Vec<ItemOutcome>> {
        match self {
            Self::Stock(items) => {
                connector
                    .push_stock(Batch {
                        items,
                        route,
                        key,
                        dry_run,
                    })
                    .await
            }
            Self::Prices(items) => {
                connector
                    .push_prices(Batch {
                        items,
                        route,
                        key,
                        dry_run,
                    })
                    .await
            }
            Self::Listings(items) => {
                connector
                    .push_listings(Batch {
                        items,
                        route,
                        key,
                        dry_run,
                    })
                    .await
            }
            Self::Ends(items) => {
                connector
                    .end_listings(Batch {
                        items,
                        route,
                        key,
                        dry_run,
                    })
                    .await
            }
        }
    }
}

impl Push<'_> {
    /// Adds one row to a load. `Err` holds back this row alone.
    pub(super) async fn add(&self, load: &mut Load, planned: &Planned) -> Result<(), Box<Issue>> {
        let sku = planned.change.sku.clone();
        let held = |code: &str, message: &str, hint: &str| {
            Box::new(
                Issue::error(code, message)
                    .channel(&self.channel.name)
                    .sku(&planned.change.sku)
                    .hint(hint),
            )
        };
        let (listing_ref, confirmed) = match self.records.lock().await.get(&sku) {
            Some(record) => (record.reference(), record.confirmed.quantity),
            None => (planned.listing_ref.clone(), None),
        };
        let live_ref = || {
            listing_ref.clone().ok_or_else(|| {
                held(
                    "not_on_channel",
                    "this listing is not on the channel",
                    "run `skucast sync` to create it first",
                )
            })
        };
        let after = planned.change.after;
        match load {
            Load::Stock(items) => {
                let quantity = after.quantity.unwrap_or_default();
                items.push(StockChange {
                    sku,
                    listing_ref: live_ref()?,
                    quantity,
                    confirmed,
                });
            }
            Load::Prices(items) => {
                let Some(price) = after.price else {
                    return Err(held("no_price", "no price to send", "plan again"));
                };
                items.push(PriceChange {
                    sku,
                    listing_ref: live_ref()?,
                    price,
                    compare_at: after.compare_at,
                });
            }
            Load::Ends(items) => items.push(EndChange {
                sku,
                listing_ref: live_ref()?,
            }),
            Load::Listings(items) => items.push(self.listing_change(planned, listing_ref).await?),
        }
        Ok(())
    }

    /// Reads the item again and computes its listing, which must still be what was planned.
    async fn listing_change(
        &self,
        planned: &Planned,
        listing_ref: Option<crate::domain::ids::ListingRef>,
    ) -> Result<ListingChange, Box<Issue>> {
        let moved = || {
            Box::new(
                Issue::error(
                    "catalog_changed",
                    "the catalog changed while it was being sent",
                )
                .channel(&self.channel.name)
                .sku(&planned.change.sku)
                .hint("run the command again: it plans from the new file"),
            )
        };
        let at = planned.at.ok_or_else(moved)?;
        let item = reread(self.shelf, self.families, planned, at).map_err(|_| moved())?;
        let axes = self
            .families
            .get(&item.sku)
            .map(|family| family.axes.as_slice())
            .unwrap_or_default();
        let mut issues = Vec::new();
        let desired = desire(self.channel, &item, axes, self.shelf, &mut issues);
        if desired.facets.content != planned.change.after.content {
            return Err(issues
                .into_iter()
                .next()
                .map_or_else(moved, |issue| Box::new(placed(issue, self.channel, &item))));
        }
        let mut listing = desired.listing.ok_or_else(moved)?;
        let creates = planned.change.action == Action::Create;
        listing.price = planned.change.after.price.filter(|_| creates);
        listing.compare_at = planned.change.after.compare_at.filter(|_| creates);
        listing.quantity = planned.change.after.quantity.filter(|_| creates);
        let parent_ref = match &planned.parent {
            Some(parent) => self
                .records
                .lock()
                .await
                .get(parent)
                .and_then(ListingRecord::reference),
            None => None,
        };
        Ok(ListingChange {
            action: planned.change.action,
            listing_ref,
            parent_ref,
            listing,
        })
    }
}

/// An answer for every item is part of the contract.
pub(super) fn no_outcome() -> Error {
    Error::unexpected("the connector named no outcome for this item").in_doubt()
}
