//! What Amazon would refuse or change, as far as it is known without its product type schemas. Pure.
//!
//! Lengths and required attributes differ by product type and are not public, so nothing is said about them.

use super::account::Account;
use super::content::{self, AMAZON_CONDITIONS, MOST_IMAGES};
use super::convert;
use super::descriptor;
use crate::domain::catalog::ItemKind;
use crate::domain::issue::Issue;
use crate::domain::listing::Listing;

/// Attributes that stand in for a GTIN.
const INSTEAD_OF_GTIN: &[&str] = &[
    "merchant_suggested_asin",
    "supplier_declared_has_product_identifier_exemption",
    "externally_assigned_product_identifier",
];

pub fn audit(account: &Account, listing: &Listing) -> Vec<Issue> {
    let mut issues = Vec::new();
    if !content::is_offer_only(listing) {
        product(account, listing, &mut issues);
    }
    if listing.kind != ItemKind::Parent {
        offer(account, listing, &mut issues);
    }
    apart(listing, &mut issues);
    measures(listing, &mut issues);
    variation(listing, &mut issues);
    for issue in &mut issues {
        issue.sku = Some(listing.sku.clone());
    }
    issues
}

fn product(account: &Account, listing: &Listing, issues: &mut Vec<Issue>) {
    let has = |attribute: &str| listing.attributes.contains_key(attribute);
    if listing.title.is_none() && !has("item_name") {
        issues.push(
            Issue::error("title_missing", "Amazon needs a title")
                .field("title")
                .hint("fill the column `title`"),
        );
    }
    if listing.kind != ItemKind::Parent
        && listing.gtin.is_none()
        && !INSTEAD_OF_GTIN.iter().any(|one| has(one))
    {
        issues.push(
            Issue::error(
                "gtin_missing",
                "Amazon takes no new listing without a product number",
            )
            .field("gtin")
            .hint("fill the column `gtin`, name Amazon's own number in `attr:merchant_suggested_asin`, or, with a GTIN exemption, set `attr:supplier_declared_has_product_identifier_exemption` to `true`"),
        );
    }
    if convert::stated_type(listing).is_none() && account.product_type == descriptor::PRODUCT_TYPE {
        issues.push(
            Issue::warning(
                "product_type_missing",
                "without a product type Amazon cannot check what kind of product this is",
            )
            .field("category")
            .hint("map the category to one of Amazon's product types, such as `LUGGAGE`, or set `product_type` for the channel"),
        );
    }
    if listing.images.len() > MOST_IMAGES {
        let message = format!(
            "Amazon shows {MOST_IMAGES} pictures; the last {} are left out",
            listing.images.len() - MOST_IMAGES
        );
        issues.push(Issue::warning("too_many_images", message).field("images"));
    }
}

fn offer(account: &Account, listing: &Listing, issues: &mut Vec<Issue>) {
    if listing.price.is_none() {
        issues.push(
            Issue::error(
                "price_missing",
                "a listing that is to be sold needs a price",
            )
            .field("price"),
        );
    }
    for (field, money) in [
        ("price", listing.price),
        ("compare_at_price", listing.compare_at),
    ] {
        if let Some(money) = money
            && money.currency != account.currency
        {
            let message = format!(
                "{money} cannot be sent: {} sells in {}",
                account.store,
                account.currency.code()
            );
            issues.push(
                Issue::error("currency", message)
                    .field(field)
                    .hint("set a currency and a rate in the channel's price policy"),
            );
        }
    }
    let condition = content::condition(account, listing);
    if !AMAZON_CONDITIONS.contains(&condition) {
        let message = format!("`{condition}` is not one of Amazon's conditions");
        let hint = format!(
            "use `new`, `refurbished`, `used` or one of: {}",
            AMAZON_CONDITIONS.join(", ")
        );
        issues.push(
            Issue::error("condition_unknown", message)
                .field("condition")
                .hint(hint),
        );
    } else if listing.condition.as_deref() == Some("used") {
        issues.push(
            Issue::warning(
                "condition_vague",
                "Amazon grades used goods; this one is sent as `used_good`",
            )
            .field("condition")
            .hint("state `used_like_new`, `used_very_good`, `used_good` or `used_acceptable`"),
        );
    }
}

fn apart(listing: &Listing, issues: &mut Vec<Issue>) {
    for name in content::OFFER {
        if listing.attributes.contains_key(*name) {
            issues.push(
                Issue::warning(
                    "offer_attribute",
                    format!("`{name}` is not sent: price and stock have columns of their own"),
                )
                .field(format!("attr:{name}"))
                .hint("use the columns `price`, `compare_at_price` and `quantity`"),
            );
        }
    }
}

fn measures(listing: &Listing, issues: &mut Vec<Issue>) {
    for (field, measure) in [
        ("weight", &listing.weight),
        ("length", &listing.length),
        ("width", &listing.width),
        ("height", &listing.height),
    ] {
        if let Some(measure) = measure
            && content::unit(&measure.unit).is_none()
        {
            let message = format!(
                "the unit `{}` is not known, so this is not sent",
                measure.unit
            );
            issues.push(
                Issue::warning("unit_unknown", message)
                    .field(field)
                    .hint("use kg, g, lb or oz for weights and cm, mm, m or in for lengths"),
            );
        }
    }
}

fn variation(listing: &Listing, issues: &mut Vec<Issue>) {
    if listing.attributes.contains_key("variation_theme") {
        return;
    }
    let axes = listing.axes.iter().map(|axis| &axis.name);
    let options = listing.options.iter().map(|(name, _)| name);
    for name in axes.chain(options) {
        if content::attribute_name(name).is_none() {
            let message = format!("`{name}` is not the name of one of Amazon's attributes");
            issues.push(
                Issue::error("variation_theme", message)
                    .field(format!("option:{name}"))
                    .hint("name the option in English as Amazon does (`Size`, `Color`), or set `attr:variation_theme` and the attribute itself"),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connectors::amazon::tests::{account, listing};
    use crate::domain::listing::Measure;

    fn codes(listing: &Listing) -> Vec<String> {
        audit(&account(), listing)
            .into_iter()
            .map(|issue| issue.code)
            .collect()
    }

    #[test]
    fn a_complete_listing_has_no_issues() {
        assert_eq!(codes(&listing("A")), Vec::<String>::new());
    }

    #[test]
    fn what_amazon_needs_is_missed() {
        let bare = Listing {
            title: None,
            gtin: None,
            category: None,
            price: None,
            ..listing("A")
        };
        assert_eq!(
            codes(&bare),
            [
                "title_missing",
                "gtin_missing",
                "product_type_missing",
                "price_missing"
            ]
        );
        let parent = Listing {
            kind: ItemKind::Parent,
            gtin: None,
            price: None,
            ..listing("A")
        };
        assert_eq!(codes(&parent), Vec::<String>::new());
    }

    #[test]
    fn an_exemption_or_a_known_product_replaces_the_gtin() {
        for attribute in INSTEAD_OF_GTIN {
            let mut listing = listing("A");
            listing.gtin = None;
            listing
                .attributes
                .insert((*attribute).into(), "true".into());
            assert_eq!(codes(&listing), Vec::<String>::new(), "{attribute}");
        }
    }

    #[test]
    fn what_would_be_changed_or_left_out_is_told() {
        let odd = Listing {
            condition: Some("used".into()),
            images: vec!["https://example.com/a.jpg".into(); 11],
            weight: Some(Measure {
                value: 1.into(),
                unit: "stone".into(),
            }),
            options: vec![("Größe".into(), "M".into())],
            ..listing("A")
        };
        assert_eq!(
            codes(&odd),
            [
                "too_many_images",
                "condition_vague",
                "unit_unknown",
                "variation_theme"
            ]
        );
        let mut priced = listing("A");
        let attributes = &mut priced.attributes;
        attributes.insert("purchasable_offer".into(), "1".into());
        assert_eq!(codes(&priced), ["offer_attribute"]);
        let unknown = Listing {
            condition: Some("shiny".into()),
            ..listing("A")
        };
        assert_eq!(codes(&unknown), ["condition_unknown"]);
    }
}
