//! What a channel would refuse of a listing, as far as it is known without asking.

use super::Channel;
use crate::domain::capability::TextLimits;
use crate::domain::catalog::Item;
use crate::domain::issue::Issue;
use crate::domain::listing::Listing;

/// The limits that every channel declares, then what only this one knows.
pub(crate) fn audit(channel: &Channel, item: &Item, listing: &Listing) -> Vec<Issue> {
    let mut issues = over_long(channel.connector.text_limits(), listing);
    issues.extend(channel.connector.audit(listing));
    issues
        .into_iter()
        .map(|issue| placed(issue, channel, item))
        .collect()
}

/// Texts that policy could not cut: a key must not be shortened, markup must not be torn.
fn over_long(limits: TextLimits, listing: &Listing) -> Vec<Issue> {
    let mut issues = Vec::new();
    let mut check = |field: &str, text: Option<&str>, limit: Option<usize>, hint: &str| {
        let text = text.unwrap_or_default();
        // No text has more characters than bytes.
        let Some(limit) = limit.filter(|limit| text.len() > *limit) else {
            return;
        };
        let length = text.chars().count();
        if length > limit {
            let message = format!("{length} characters, but this channel takes {limit}");
            issues.push(Issue::error("too_long", message).field(field).hint(hint));
        }
    };
    check(
        "sku",
        Some(listing.sku.as_str()),
        limits.sku,
        "give this item a shorter sku",
    );
    check(
        "description",
        listing.description.as_deref(),
        limits.description,
        "a text with markup is not cut: shorten it, or write a template for this channel's description",
    );
    issues
}

/// An audit's issue, with the row that it is about.
pub(crate) fn placed(issue: Issue, channel: &Channel, item: &Item) -> Issue {
    let column = issue.field.clone();
    let value = column
        .as_deref()
        .and_then(|name| item.value(name))
        .map(str::to_owned);
    issue.channel(&channel.name).sku(&item.sku).at(
        &item.file,
        item.line,
        column.as_deref(),
        value.as_deref(),
    )
}
