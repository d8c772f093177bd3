//! Amazon, through the Selling Partner API: listings by feed or one by one, orders by their last change.

mod account;
mod api;
mod audit;
mod content;
mod convert;
mod descriptor;
mod feeds;
mod live;
mod orders;
mod pages;
mod sandbox;
mod stated;
#[cfg(test)]
mod tests;
mod wire;

use async_trait::async_trait;

use self::account::{Account, Servers};
use self::api::{Api, SellingPartner};
use self::descriptor::DESCRIPTOR;
use self::feeds::{Include, Message};
use self::wire::{ConfirmShipment, Item, PackageDetail, Patch, ShippedItem, Submitted};
use super::{Environment, Factory};
use crate::config::settings::Settings;
use crate::domain::capability::Descriptor;
use crate::domain::change::{
    Batch, EndChange, Keyed, ListingChange, PriceChange, Route, StockChange,
};
use crate::domain::connector::{
    self, Connector, ItemOutcome, OrderPage, Outcome, Page, Submission, Watermark,
};
use crate::domain::ids::{ChannelOrderId, ListingRef, PageToken, Sku, SubmissionId};
use crate::domain::issue::Issue;
use crate::domain::listing::{ChannelListing, Listing};
use crate::domain::order::Shipment;
use crate::domain::{Error, ErrorKind, Result};
use crate::http::token::TokenSource;

pub static FACTORY: Factory = Factory {
    descriptor: &DESCRIPTOR,
    build,
    sandbox: Some(|| Box::new(sandbox::AmazonSandbox::default())),
};

fn build(settings: &Settings, environment: &Environment) -> Result<Box<dyn Connector>> {
    let account = Account::from_settings(settings)?;
    let servers = Servers::from_settings(settings)?;
    let token = TokenSource::refresh_token(
        &environment.http.client,
        servers.token_url,
        settings.text("client_id")?.to_owned(),
        settings.secret("client_secret")?.clone(),
        settings.secret("refresh_token")?.clone(),
    );
    let dialect = SellingPartner::new(token);
    Ok(Box::new(Amazon {
        api: Api::new(environment, dialect, servers.endpoint.as_str()),
        account,
    }))
}

#[derive(Debug)]
struct Amazon {
    api: Api,
    account: Account,
}

/// One item's error as data. A refused request says that the seller's data has to change.
fn failed(error: Error) -> Outcome {
    if error.in_doubt {
        return Outcome::Unknown(error);
    }
    match error.kind {
        ErrorKind::Rejected => {
            Outcome::Rejected(vec![Issue::error("amazon:request", error.to_string())])
        }
        _ => Outcome::Failed(error),
    }
}

/// Adds one item's outcome. `Err` when nothing was applied yet and the error is not about this item alone.
fn record<K>(outcomes: &mut Vec<ItemOutcome<K>>, key: K, result: Result<Outcome>) -> Result<()> {
    let outcome = match result {
        Ok(outcome) => outcome,
        Err(error) => {
            let of_item = matches!(
                error.kind,
                ErrorKind::Rejected | ErrorKind::NotFound | ErrorKind::Conflict
            );
            if outcomes.is_empty() && !of_item && !error.in_doubt {
                return Err(error);
            }
            failed(error)
        }
    };
    outcomes.push(ItemOutcome { key, outcome });
    Ok(())
}

/// What Amazon's answer to a single write means.
fn submitted(sku: &Sku, answer: Submitted) -> Outcome {
    let issues: Vec<Issue> = answer
        .issues
        .iter()
        .map(|issue| live::issue(issue).sku(sku))
        .collect();
    match answer.status.as_str() {
        "ACCEPTED" => Outcome::Accepted {
            submission: None,
            part: None,
            listing_ref: Some(ListingRef::new(sku.as_str())),
        },
        "VALID" => Outcome::Applied {
            listing_ref: None,
            issues,
        },
        _ if issues.is_empty() => Outcome::Rejected(vec![
            Issue::error("amazon", format!("Amazon answered {}", answer.status)).sku(sku),
        ]),
        _ => Outcome::Rejected(issues),
    }
}

fn no_dry_run(operation: &'static str, dry_run: bool) -> Result<()> {
    match dry_run {
        true => Err(Error::unsupported(operation)),
        false => Ok(()),
    }
}

impl Amazon {
    async fn preview(&self, change: &ListingChange) -> Result<Outcome> {
        let listing = &change.listing;
        let answer = if change.is_create() {
            match convert::creation(&self.account, listing) {
                Ok(put) => {
                    self.api
                        .preview_put(&self.account, listing.sku.as_str(), &put)
                        .await
                }
                Err(issues) => return Ok(Outcome::Rejected(issues)),
            }
        } else {
            let patch = convert::update(&self.account, listing);
            self.api
                .preview_patch(&self.account, listing.sku.as_str(), &patch)
                .await
        };
        // Whatever happened to a preview, nothing was applied.
        let answer = answer.map_err(|mut error| {
            error.in_doubt = false;
            error
        })?;
        Ok(submitted(&listing.sku, answer))
    }

    /// Sends patches one by one.
    async fn patch_each<T: Keyed + Sync>(
        &self,
        items: &[T],
        patch: impl Fn(&T) -> Result<Patch, Vec<Issue>> + Send + Sync,
    ) -> Result<Vec<ItemOutcome>> {
        let mut outcomes = Vec::with_capacity(items.len());
        for item in items {
            let sku = item.sku();
            let result = match patch(item) {
                Ok(patch) => self
                    .api
                    .patch(&self.account, sku.as_str(), &patch)
                    .await
                    .map(|answer| submitted(sku, answer)),
                Err(issues) => Ok(Outcome::Rejected(issues)),
            };
            record(&mut outcomes, sku.clone(), result)?;
        }
        Ok(outcomes)
    }

    /// Sends what can be written as a feed; the rest is refused here.
    async fn feed<T: Keyed + Sync>(
        &self,
        items: &[T],
        include: Include,
        message: impl Fn(&T) -> Result<Message, Vec<Issue>> + Send + Sync,
    ) -> Result<Vec<ItemOutcome>> {
        let mut messages = Vec::with_capacity(items.len());
        let mut refused = Vec::new();
        for item in items {
            match message(item) {
                Ok(message) => messages.push(message),
                Err(issues) => refused.push(ItemOutcome {
                    key: item.sku().clone(),
                    outcome: Outcome::Rejected(issues),
                }),
            }
        }
        let mut outcomes = feeds::submit(&self.api, &self.account, messages, include).await?;
        outcomes.extend(refused);
        Ok(outcomes)
    }
}

#[async_trait]
impl Connector for Amazon {
    fn descriptor(&self) -> &'static Descriptor {
        &DESCRIPTOR
    }

    /// A search for one listing: every sync searches, and it proves token, role, seller and marketplace at
    /// five calls a second, where the list of marketplaces may be asked for once a minute.
    async fn check(&self) -> Result<connector::Account> {
        self.api.probe(&self.account).await?;
        Ok(connector::Account {
            name: format!("{} on {}", self.account.seller_id, self.account.store),
            credential_expires: None,
        })
    }

    fn audit(&self, listing: &Listing) -> Vec<Issue> {
        audit::audit(&self.account, listing)
    }

    fn kept(&self, listing: &Listing) -> Listing {
        stated::kept(&self.account, listing)
    }

    async fn fetch_listings(&self, page: Option<&PageToken>) -> Result<Page<ChannelListing>> {
        let place = pages::Place::parse(page)?;
        let after = place.after.map(|after| after.to_string());
        let mut parameters = vec![
            ("sortBy", "createdDate"),
            ("sortOrder", "ASC"),
            ("pageSize", "20"),
        ];
        if let Some(after) = &after {
            parameters.push(("createdAfter", after));
        }
        if let Some(token) = &place.token {
            parameters.push(("pageToken", token));
        }
        let mut results = self.api.search_items(&self.account, &parameters).await?;
        let created = |item: &Item| {
            item.summaries
                .iter()
                .find(|summary| summary.marketplace_id == self.account.marketplace_id)
                .and_then(|summary| summary.created_date)
        };
        let next = place.clone().next(
            results.items.iter().map(|item| (&*item.sku, created(item))),
            results.number_of_results,
            results.pagination.next_token.take(),
        )?;
        Ok(Page {
            next: next.map(|next| next.to_token()).transpose()?,
            items: results
                .items
                .into_iter()
                .filter(|item| !place.has_seen(&item.sku, created(item)))
                .map(|item| live::whole_listing(&self.account, item))
                .collect(),
        })
    }

    async fn find_listings(&self, skus: &[Sku]) -> Result<Vec<ChannelListing>> {
        // The list of identifiers is separated by commas and knows no way to write one.
        let (single, listed): (Vec<_>, Vec<_>) = skus
            .iter()
            .map(Sku::as_str)
            .partition(|sku| sku.contains(','));
        let mut items = Vec::with_capacity(skus.len());
        if !listed.is_empty() {
            let identifiers = listed.join(",");
            let parameters = [
                ("identifiersType", "SKU"),
                ("identifiers", &*identifiers),
                ("pageSize", "20"),
            ];
            let results = self.api.search_items(&self.account, &parameters).await?;
            items.extend(results.items);
        }
        for sku in single {
            items.extend(self.api.item(&self.account, sku).await?);
        }
        Ok(items
            .into_iter()
            .map(|item| live::channel_listing(&self.account, item))
            .collect())
    }

    async fn push_listings(&self, batch: Batch<'_, ListingChange>) -> Result<Vec<ItemOutcome>> {
        if batch.dry_run {
            let mut outcomes = Vec::with_capacity(batch.items.len());
            for change in batch.items {
                let result = self.preview(change).await;
                record(&mut outcomes, change.listing.sku.clone(), result)?;
            }
            return Ok(outcomes);
        }
        self.feed(batch.items, Include::Issues, |change| {
            let sku = &change.listing.sku;
            if change.is_create() {
                let put = convert::creation(&self.account, &change.listing)?;
                Ok(Message::put(sku, put))
            } else {
                let patch = convert::update(&self.account, &change.listing);
                Ok(Message::patch(sku, patch))
            }
        })
        .await
    }

    async fn push_stock(&self, batch: Batch<'_, StockChange>) -> Result<Vec<ItemOutcome>> {
        no_dry_run("push_stock without applying", batch.dry_run)?;
        let patch = |change: &StockChange| convert::stock(&self.account, change.quantity);
        match batch.route {
            Route::Direct => self.patch_each(batch.items, patch).await,
            Route::Bulk => {
                self.feed(batch.items, Include::Offers, |change| {
                    patch(change).map(|patch| Message::patch(&change.sku, patch))
                })
                .await
            }
        }
    }

    async fn push_prices(&self, batch: Batch<'_, PriceChange>) -> Result<Vec<ItemOutcome>> {
        no_dry_run("push_prices without applying", batch.dry_run)?;
        let patch = |change: &PriceChange| convert::price(&self.account, change);
        match batch.route {
            Route::Direct => self.patch_each(batch.items, patch).await,
            Route::Bulk => {
                self.feed(batch.items, Include::Offers, |change| {
                    patch(change).map(|patch| Message::patch(&change.sku, patch))
                })
                .await
            }
        }
    }

    async fn end_listings(&self, batch: Batch<'_, EndChange>) -> Result<Vec<ItemOutcome>> {
        no_dry_run("end_listings without applying", batch.dry_run)?;
        if batch.route == Route::Bulk {
            let message = |change: &EndChange| Ok(Message::delete(&change.sku));
            return self.feed(batch.items, Include::Offers, message).await;
        }
        let mut outcomes = Vec::with_capacity(batch.items.len());
        for change in batch.items {
            let sku = &change.sku;
            let result = match self.api.delete(&self.account, sku.as_str()).await {
                Ok(answer) => Ok(submitted(sku, answer)),
                Err(error) if error.kind == ErrorKind::NotFound => Ok(Outcome::applied()),
                Err(error) => Err(error),
            };
            record(&mut outcomes, sku.clone(), result)?;
        }
        Ok(outcomes)
    }

    async fn poll_submission(
        &self,
        id: &SubmissionId,
        _: &[connector::Submitted],
    ) -> Result<Submission> {
        feeds::poll(&self.api, id).await
    }

    async fn fetch_orders(&self, since: &Watermark, page: Option<&PageToken>) -> Result<OrderPage> {
        let after = since.at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
        let mut parameters = vec![
            ("lastUpdatedAfter", &*after),
            ("marketplaceIds", &self.account.marketplace_id),
            ("maxResultsPerPage", "100"),
            ("includedData", orders::INCLUDED),
        ];
        if let Some(page) = page {
            parameters.push(("paginationToken", page.as_str()));
        }
        let answer = self.api.search_orders(&parameters).await?;
        let (mut orders, mut unreadable) = (Vec::new(), Vec::new());
        for raw in &answer.orders {
            match orders::read(&self.account, raw) {
                Ok(order) => orders.push(order),
                Err(order) => unreadable.push(order),
            }
        }
        Ok(OrderPage {
            orders,
            unreadable,
            next: answer.pagination.next_token.map(PageToken::from),
            watermark: answer
                .last_updated_before
                .map(|at| Watermark { at, cursor: None }),
        })
    }

    async fn confirm_shipments(
        &self,
        shipments: &[Shipment],
    ) -> Result<Vec<ItemOutcome<ChannelOrderId>>> {
        let mut outcomes = Vec::with_capacity(shipments.len());
        for shipment in shipments {
            let confirmation = ConfirmShipment {
                marketplace_id: &self.account.marketplace_id,
                package_detail: PackageDetail {
                    package_reference_id: shipment.parcel.to_string(),
                    carrier_code: orders::carrier_code(&shipment.carrier),
                    carrier_name: &shipment.carrier,
                    tracking_number: &shipment.tracking,
                    ship_date: shipment.shipped_at,
                    order_items: shipment
                        .lines
                        .iter()
                        .map(|(line, quantity)| ShippedItem {
                            order_item_id: line.as_str(),
                            quantity: *quantity,
                        })
                        .collect(),
                },
            };
            let order = &shipment.channel_order_id;
            let result = self
                .api
                .confirm_shipment(order.as_str(), &confirmation)
                .await
                .map(|()| Outcome::applied());
            record(&mut outcomes, order.clone(), result)?;
        }
        Ok(outcomes)
    }
}
