//! What the shop would refuse or change, known without asking it. Pure.

use crate::domain::catalog::ItemKind;
use crate::domain::issue::Issue;
use crate::domain::listing::Listing;
use crate::domain::measure;

/// Complaints about one listing.
pub fn audit(listing: &Listing) -> Vec<Issue> {
    let mut issues = Vec::new();
    check_sku(listing, &mut issues);
    check_title(listing, &mut issues);
    check_options(listing, &mut issues);
    check_images(listing, &mut issues);
    check_prices(listing, &mut issues);
    issues.extend(measure::unknown_units(listing));
    issues
}

/// The shop keeps blanks, but people who type skus into it do not, and then they are not found.
fn check_sku(listing: &Listing, issues: &mut Vec<Issue>) {
    let sku = listing.sku.as_str();
    if sku.trim() != sku {
        issues.push(
            Issue::error(
                "sku_blank",
                "a sku with blanks at its ends cannot be matched",
            )
            .field("sku")
            .hint("take the blanks away"),
        );
    }
}

fn check_title(listing: &Listing, issues: &mut Vec<Issue>) {
    if listing.is_untitled() {
        issues.push(
            Issue::error("title_missing", "the shop takes no product without a title")
                .field("title")
                .hint("fill in the column `title`"),
        );
    }
}

fn check_options(listing: &Listing, issues: &mut Vec<Issue>) {
    let message = match listing.kind {
        ItemKind::Variant if listing.options.is_empty() => {
            "a variant needs an option by which the buyer chooses it"
        }
        ItemKind::Parent if listing.axes.is_empty() => {
            "none of the variants has an option by which the buyer chooses it"
        }
        _ => return,
    };
    issues.push(
        Issue::error("options_missing", message)
            .field("options")
            .hint("fill in a column `option:NAME`, for example `option:Size`"),
    );
}

/// The shop stores addresses as they are; buyers' browsers fetch them.
fn check_images(listing: &Listing, issues: &mut Vec<Issue>) {
    for image in &listing.images {
        let url = reqwest::Url::parse(image).ok();
        if url.is_none_or(|url| !matches!(url.scheme(), "http" | "https")) {
            issues.push(
                Issue::error(
                    "image_address",
                    format!(
                        "`{image}` is no address that a buyer's browser can fetch a picture from"
                    ),
                )
                .field("images")
                .hint("write the picture's full address: https://…"),
            );
        }
    }
}

fn check_prices(listing: &Listing, issues: &mut Vec<Issue>) {
    if listing
        .price
        .is_some_and(|price| price.amount.is_sign_negative())
    {
        issues.push(
            Issue::error(
                "price_negative",
                "the shop would sell this for a negative price",
            )
            .field("price")
            .hint("write a price of 0 or more"),
        );
    }
    if listing.compare_at.is_some() {
        issues.push(
            Issue::note(
                "compare_at_dropped",
                "Medusa shows a struck-through price only for a price list of the kind `sale`; this one is not sent",
            )
            .field("compare_at_price"),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::{euros, parent, single, variant};
    use super::*;

    #[test]
    fn complete_listings_pass() {
        for listing in [
            single("MUG-1"),
            parent("TEE", &["S", "M"]),
            variant("TEE-S", "TEE", "S"),
        ] {
            assert_eq!(audit(&listing), []);
        }
    }

    #[test]
    fn each_mistake_is_named() {
        let with = |change: &dyn Fn(&mut Listing)| {
            let mut listing = single("MUG-1");
            change(&mut listing);
            audit(&listing)
                .into_iter()
                .map(|issue| issue.code)
                .collect::<Vec<_>>()
        };
        assert_eq!(with(&|mug| mug.title = Some(" ".into())), ["title_missing"]);
        assert_eq!(with(&|mug| mug.sku = " A".into()), ["sku_blank"]);
        assert_eq!(
            with(&|mug| mug.images = vec!["front.jpg".into()]),
            ["image_address"]
        );
        assert_eq!(
            with(&|mug| mug.price = Some(euros("-1"))),
            ["price_negative"]
        );
        assert_eq!(
            with(&|mug| mug.compare_at = Some(euros("19"))),
            ["compare_at_dropped"]
        );
        assert_eq!(
            with(&|mug| mug.weight.as_mut().unwrap().unit = "stone".into()),
            ["unit_unknown"]
        );
        let mut lost = variant("TEE-S", "TEE", "S");
        lost.options.clear();
        assert_eq!(audit(&lost)[0].code, "options_missing");
        assert_eq!(audit(&parent("TEE", &[]))[0].code, "options_missing");
    }
}
