//! What is live on a channel, as families that a catalog can hold; and the ledger's memory of having seen them.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use jiff::Timestamp;
use serde::Serialize;

use super::contact::observed_whole;
use super::live::{LiveListings, settle_axes};
use super::{Channel, Progress, Scope};
use crate::domain::capability::Variants;
use crate::domain::ids::Sku;
use crate::domain::issue::Issue;
use crate::domain::ledger::{Ledger, ListingRecord};
use crate::domain::listing::Family;
use crate::domain::{Error, Result};

/// How many listings are not exported, by reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct LeftOut {
    /// Drafts and ended listings, variants of such a parent, and parents without a variant that is live.
    pub not_live: u64,
    /// Not of the skus that were asked for.
    pub not_asked: u64,
    /// For a reason that is an issue.
    pub faulty: u64,
}

/// A channel's listings that go into a catalog.
#[derive(Debug)]
pub struct Export<'a> {
    channel: &'a Channel,
    scope: &'a Scope,
    /// Why a sku cannot stand in the file.
    refuses: fn(&Sku) -> Option<&'static str>,
    live: LiveListings,
    /// Skus that are sold on their own and are the parent of others as well.
    clashing: HashSet<Sku>,
}

impl<'a> Export<'a> {
    /// Reads the channel to its last page.
    pub async fn read(
        channel: &'a Channel,
        scope: &'a Scope,
        refuses: fn(&Sku) -> Option<&'static str>,
        progress: &dyn Progress,
    ) -> Result<Self> {
        let descriptor = channel.connector.descriptor();
        if !descriptor.capability.listing_read {
            return Err(Error::config(format!(
                "`{}` cannot be exported: {} does not tell what is live",
                channel.name, descriptor.display_name
            ))
            .hint("`skucast channels capabilities` shows which kinds can be read"));
        }
        progress.begin(&channel.name, "reading live listings", 0);
        let live = LiveListings::read(channel, progress).await;
        progress.end(&channel.name);
        let mut export = Self {
            channel,
            scope,
            refuses,
            live: live?,
            clashing: HashSet::new(),
        };
        export.clashing = export.live.clashing();
        Ok(export)
    }

    /// Visits every family of which something is exported.
    pub fn visit(&self, visit: &mut dyn FnMut(&Family) -> Result<()>) -> Result<LeftOut> {
        let mut left_out = LeftOut::default();
        self.live.visit(&mut |mut family| {
            self.keep(&mut family, &mut left_out);
            if family.members.is_empty() {
                Ok(())
            } else {
                visit(&family)
            }
        })?;
        left_out.faulty += self.live.nameless;
        Ok(left_out)
    }

    fn keep(&self, family: &mut Family, left_out: &mut LeftOut) {
        let is_flat = self.channel.connector.descriptor().limits.variants == Variants::Flat;
        let parent_is_live = family.parent.as_ref().is_some_and(|parent| parent.live);
        let parent_is_faulty = family.key.as_ref().is_some_and(|key| self.is_faulty(key));
        let orphaned = family.key.is_some() && !is_flat && !parent_is_live;
        let not_asked = left_out.not_asked;
        family.members.retain(|member| {
            let count = if self.is_faulty(&member.sku) || parent_is_faulty {
                &mut left_out.faulty
            } else if !member.live || orphaned {
                &mut left_out.not_live
            } else if !self.scope.has_sku(member.sku.as_str()) {
                &mut left_out.not_asked
            } else {
                return true;
            };
            *count += 1;
            false
        });
        // A parent goes where its variants go, and groups nothing without them.
        if family.members.is_empty() && family.parent.is_some() && left_out.not_asked == not_asked {
            left_out.not_live += 1;
        }
        settle_axes(family);
    }

    fn is_faulty(&self, sku: &Sku) -> bool {
        self.live.doubled.contains(sku)
            || self.clashing.contains(sku)
            || (self.refuses)(sku).is_some()
    }

    /// What is wrong on the channel, so that a listing is left out.
    pub fn issues(&self) -> Result<Vec<Issue>> {
        let mut issues = Vec::new();
        let about = |code: &str, message: String, sku: &Sku| {
            Issue::error(code, message)
                .channel(&self.channel.name)
                .sku(sku)
                .field("sku")
        };
        let mut doubled: Vec<&Sku> = self.live.doubled.iter().collect();
        doubled.sort();
        for sku in doubled {
            let message = "the channel has several listings of this sku; none is exported";
            issues.push(
                about("duplicate_sku", message.to_owned(), sku)
                    .hint("give each of them a sku of its own on the channel"),
            );
        }
        let mut clashing: Vec<&Sku> = self.clashing.iter().collect();
        clashing.sort();
        for sku in clashing {
            let message = "this sku is sold, and is the parent of others as well";
            issues.push(
                about("parent_sku_wrong", message.to_owned(), sku)
                    .hint("give the group another name on the channel"),
            );
        }
        for sku in self.live.skus() {
            if let Some(reason) = (self.refuses)(sku) {
                issues.push(
                    about("sku_unwritable", format!("not exported: {reason}"), sku)
                        .hint("correct the sku on the channel"),
                );
            }
        }
        if self.live.nameless > 0 {
            let message = format!(
                "{} listings have no sku and are not exported",
                self.live.nameless
            );
            issues.push(
                Issue::error("sku_missing", message)
                    .channel(&self.channel.name)
                    .field("sku")
                    .hint("give them skus on the channel"),
            );
        }
        Ok(issues)
    }

    /// Remembers in the ledger what the channel shows, so that a plan from the exported catalog has nothing to do.
    /// The caller holds the ledger's lock.
    pub async fn record(&self, ledger: &Arc<dyn Ledger>, now: Timestamp) -> Result<()> {
        let name = &self.channel.name;
        let known = ledger.listings(name).await?;
        let open: HashSet<Sku> = ledger
            .open_intents(name)
            .await?
            .into_iter()
            .map(|intent| intent.change.sku)
            .collect();
        let records = self.records(&known, &open, now)?;
        ledger.record_listings(name, &records).await
    }

    fn records(
        &self,
        known: &HashMap<Sku, ListingRecord>,
        open: &HashSet<Sku>,
        now: Timestamp,
    ) -> Result<Vec<(Sku, ListingRecord)>> {
        let mut records = Vec::new();
        self.visit(&mut |family| {
            let listings = family.parent.iter().chain(&family.members);
            // What is in doubt is looked up by the next run, which knows what was sent.
            records.extend(
                listings
                    .filter(|live| !open.contains(&live.sku))
                    .map(|live| {
                        let before = known.get(&live.sku);
                        let record = observed_whole(self.channel, live, before, now);
                        (live.sku.clone(), record)
                    }),
            );
            Ok(())
        })?;
        Ok(records)
    }
}

#[cfg(test)]
#[path = "export_tests.rs"]
mod tests;
