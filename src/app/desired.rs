//! What one channel should show of one item.

use super::Channel;
use super::shelf::Shelf;
use crate::domain::catalog::{Held, Item, ItemKind};
use crate::domain::issue::Issue;
use crate::domain::listing::{Facets, Listing, OptionAxis};
use crate::policy::{Cut, Trace};

/// The desired listing and its facets. What is held is not compared and not sent.
#[derive(Debug)]
pub(crate) struct Desired {
    pub facets: Facets,
    pub held: Held,
    /// `None` when the content is held back.
    pub listing: Option<Listing>,
    pub cuts: Vec<Cut>,
}

/// Computes everything the channel should show of a selected item; problems go to `issues` and hold back
/// their part.
pub(crate) fn desire(
    channel: &Channel,
    item: &Item,
    axes: &[OptionAxis],
    shelf: &Shelf,
    issues: &mut Vec<Issue>,
) -> Desired {
    let blank = Listing::blank(item.sku.clone(), item.kind);
    desire_in_place_of(blank, channel, item, axes, shelf, issues)
}

/// [`desire`] in the place of a listing that is no longer needed, whatever it says: of a first plan there are millions.
pub(crate) fn desire_in_place_of(
    mut listing: Listing,
    channel: &Channel,
    item: &Item,
    axes: &[OptionAxis],
    shelf: &Shelf,
    issues: &mut Vec<Issue>,
) -> Desired {
    let policy = &channel.policy;
    let mut held = item.held;
    let mut facets = Facets::default();
    if item.kind != ItemKind::Parent {
        if !held.price {
            match policy.price(item, &mut Trace::off()) {
                Ok(Some(price)) => {
                    facets.price = Some(price.price);
                    facets.compare_at = price.compare_at;
                }
                Ok(None) => {}
                Err(issue) => {
                    held.price = true;
                    issues.push(*issue);
                }
            }
        }
        if !held.stock {
            facets.quantity = policy.available(item, &shelf.on_hand(item), &mut Trace::off());
        }
    }
    let mut cuts = Vec::new();
    let listing = match policy.fill(&mut listing, item, axes, &mut cuts) {
        Ok(()) => {
            facets.content = Some(listing.content_fingerprint());
            listing.price = facets.price;
            listing.compare_at = facets.compare_at;
            listing.quantity = facets.quantity;
            Some(listing)
        }
        Err(issue) => {
            held.content = true;
            issues.push(*issue);
            None
        }
    };
    Desired {
        facets,
        held,
        listing,
        cuts,
    }
}
