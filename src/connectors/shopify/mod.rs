//! Shopify, by its Admin GraphQL API.
//!
//! A parent and its variants are one product and are written in one call, which replaces the product's lists. Calls
//! cost points from a bucket that refills; large pushes go beside it as bulk operations.

mod api;
mod audit;
mod bulk;
mod content;
mod convert;
mod cost;
mod descriptor;
mod documents;
mod ends;
#[cfg(test)]
mod fixtures;
mod live;
mod orders;
mod pictures;
mod place;
mod prices;
mod products;
mod pull;
mod push;
mod refusal;
mod sandbox;
mod shipments;
mod shop;
mod stock;
#[cfg(test)]
mod tests;
mod wire;

use async_trait::async_trait;

use self::shop::Shop;
use super::{Environment, Factory};
use crate::config::settings::Settings;
use crate::domain::capability::Descriptor;
use crate::domain::change::{Batch, EndChange, ListingChange, PriceChange, StockChange};
use crate::domain::connector::{
    Account, Connector, ItemOutcome, OrderPage, Page, Submission, Submitted, Watermark,
};
use crate::domain::ids::{ChannelOrderId, PageToken, Sku, SubmissionId};
use crate::domain::issue::Issue;
use crate::domain::listing::{ChannelListing, Listing};
use crate::domain::order::Shipment;
use crate::domain::{Error, ErrorKind, Result};

pub static FACTORY: Factory = Factory {
    descriptor: &descriptor::DESCRIPTOR,
    build,
    sandbox: Some(|| Box::new(sandbox::ShopifySandbox::default())),
};

fn build(settings: &Settings, environment: &Environment) -> Result<Box<dyn Connector>> {
    Ok(Box::new(Shopify {
        shop: Shop::new(settings, environment)?,
    }))
}

#[derive(Debug)]
struct Shopify {
    shop: Shop,
}

/// Nothing here can be tried without doing it.
fn refuse_dry_run<T>(batch: &Batch<'_, T>) -> Result<()> {
    match batch.dry_run {
        true => Err(Error::unsupported("dry_run")),
        false => Ok(()),
    }
}

#[async_trait]
impl Connector for Shopify {
    fn descriptor(&self) -> &'static Descriptor {
        &descriptor::DESCRIPTOR
    }

    async fn check(&self) -> Result<Account> {
        let identity = self.shop.identity().await?;
        let missing = identity.missing_scopes();
        if !missing.is_empty() {
            return Err(Error::new(
                ErrorKind::Forbidden,
                format!("the app may not do everything that is needed: {}", missing.join(", ")),
            )
            .hint("add these scopes to the app in the Dev Dashboard, release the version, and install it again"));
        }
        self.shop.facts().await?;
        Ok(Account {
            name: format!("{} ({})", identity.name, identity.domain),
            credential_expires: None,
        })
    }

    fn audit(&self, listing: &Listing) -> Vec<Issue> {
        audit::audit(listing)
    }

    fn kept(&self, listing: &Listing) -> Listing {
        content::kept(listing)
    }

    async fn fetch_listings(&self, page: Option<&PageToken>) -> Result<Page<ChannelListing>> {
        live::fetch(&self.shop, page).await
    }

    async fn find_listings(&self, skus: &[Sku]) -> Result<Vec<ChannelListing>> {
        live::find(&self.shop, skus).await
    }

    async fn push_listings(&self, batch: Batch<'_, ListingChange>) -> Result<Vec<ItemOutcome>> {
        refuse_dry_run(&batch)?;
        push::push(&self.shop, batch).await
    }

    async fn push_stock(&self, batch: Batch<'_, StockChange>) -> Result<Vec<ItemOutcome>> {
        stock::push(&self.shop, batch).await
    }

    async fn push_prices(&self, batch: Batch<'_, PriceChange>) -> Result<Vec<ItemOutcome>> {
        prices::push(&self.shop, batch).await
    }

    async fn end_listings(&self, batch: Batch<'_, EndChange>) -> Result<Vec<ItemOutcome>> {
        ends::push(&self.shop, batch).await
    }

    async fn poll_submission(&self, id: &SubmissionId, items: &[Submitted]) -> Result<Submission> {
        bulk::poll(&self.shop, id, items).await
    }

    async fn fetch_orders(&self, since: &Watermark, page: Option<&PageToken>) -> Result<OrderPage> {
        pull::fetch(&self.shop, since, page).await
    }

    async fn confirm_shipments(
        &self,
        shipments: &[Shipment],
    ) -> Result<Vec<ItemOutcome<ChannelOrderId>>> {
        let mut outcomes = Vec::with_capacity(shipments.len());
        for shipment in shipments {
            let confirmed = shipments::confirm(&self.shop, shipment).await;
            outcomes.push(ItemOutcome {
                key: shipment.channel_order_id.clone(),
                outcome: confirmed.unwrap_or_else(|error| refusal::of_call(&error)),
            });
        }
        Ok(outcomes)
    }
}
