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
    let listing = match policy.listing(item, axes, &mut cuts) {
        Ok(listing) => {
            facets.content = Some(listing.content_fingerprint());
            Some(Listing {
                price: facets.price,
                compare_at: facets.compare_at,
                quantity: facets.quantity,
                ..listing
            })
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
