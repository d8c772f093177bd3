//! What the shop would refuse or change, known without asking it. Pure.

use serde_json::json;

use super::api::LARGEST_INPUT;
use super::{addresses, convert};
use crate::domain::catalog::ItemKind;
use crate::domain::issue::Issue;
use crate::domain::listing::Listing;

/// Complaints about one listing. Lengths are checked by the declared limits.
pub fn audit(listing: &Listing) -> Vec<Issue> {
    let mut issues = Vec::new();
    let sku = listing.sku.as_str();
    if sku.trim() != sku {
        issues.push(
            Issue::error(
                "sku_rewritten",
                "the shop would store this sku without the blanks around it",
            )
            .field("sku")
            .hint("take the blanks off the sku"),
        );
    }
    if listing
        .title
        .as_ref()
        .is_none_or(|title| title.trim().is_empty())
    {
        issues.push(
            Issue::error(
                "title_missing",
                "without a title the shop shows a product without a name",
            )
            .field("title")
            .hint("fill in the column `title`"),
        );
    }
    let has_options = match listing.kind {
        ItemKind::Single => true,
        ItemKind::Variant => !convert::choices(listing).is_empty(),
        ItemKind::Parent => !listing.axes.is_empty(),
    };
    if !has_options {
        issues.push(
            Issue::error(
                "options_missing",
                "a variant needs an option by which the buyer chooses it",
            )
            .field("options")
            .hint("fill in a column `option:NAME` of the variants, for example `option:Size`"),
        );
    }
    // As it travels: quotes and line breaks take two bytes.
    let length = |text: &String| json!(text).to_string().len();
    if listing
        .description
        .as_ref()
        .is_some_and(|text| length(text) > LARGEST_INPUT)
    {
        issues.push(
            Issue::error(
                "description_too_long",
                "the shop reads no more than 100 kB in one request",
            )
            .field("description")
            .hint("shorten the description to less than 80,000 letters; pictures do not belong inside it"),
        );
    }
    issues.extend(addresses::audit(listing));
    if listing
        .price
        .is_some_and(|price| price.amount.is_sign_negative())
    {
        issues.push(
            Issue::error("price_negative", "the shop would take a price below zero")
                .field("price")
                .hint("write the price that a buyer pays"),
        );
    }
    issues
}

#[cfg(test)]
mod tests {
    use super::super::fixtures;
    use super::*;

    fn codes(listing: &Listing) -> Vec<String> {
        audit(listing).into_iter().map(|issue| issue.code).collect()
    }

    #[test]
    fn a_complete_listing_passes_and_each_mistake_is_named() {
        let mug = fixtures::single("MUG-1");
        assert!(audit(&mug).is_empty());
        assert!(audit(&fixtures::parent("TEE", &["S", "M"])).is_empty());
        let variant = fixtures::variant("TEE-S", "TEE", "S");
        assert!(audit(&variant).is_empty());
        let untitled = Listing {
            title: Some(" ".into()),
            ..mug.clone()
        };
        assert_eq!(codes(&untitled), ["title_missing"]);
        let long = Listing {
            description: Some("\n".repeat(50_000)),
            ..mug.clone()
        };
        assert_eq!(codes(&long), ["description_too_long"]);
        let blank = Listing {
            sku: " A".into(),
            ..mug
        };
        assert_eq!(codes(&blank), ["sku_rewritten"]);
        let plain = Listing {
            options: Vec::new(),
            ..variant
        };
        assert_eq!(codes(&plain), ["options_missing"]);
        assert_eq!(codes(&fixtures::parent("TEE", &[])), ["options_missing"]);
    }
}
