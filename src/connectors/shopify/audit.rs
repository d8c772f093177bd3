//! What the shop would refuse or change, known without asking it. Pure.

use super::convert;
use crate::domain::catalog::ItemKind;
use crate::domain::issue::Issue;
use crate::domain::listing::Listing;

const MOST_OPTIONS: usize = 3;
const MOST_TAGS: usize = 250;
const LONGEST_TAG: usize = 255;
const LONGEST_OPTION: usize = 255;

/// Complaints about one listing. Lengths of title and sku and the number of pictures are checked by the declared limits.
pub fn audit(listing: &Listing) -> Vec<Issue> {
    let mut issues = Vec::new();
    check_title(listing, &mut issues);
    check_options(listing, &mut issues);
    check_images(listing, &mut issues);
    check_tags(listing, &mut issues);
    check_attributes(listing, &mut issues);
    check_weight(listing, &mut issues);
    check_price(listing, &mut issues);
    issues
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
    let names: Vec<&str> = match listing.kind {
        ItemKind::Parent => listing.axes.iter().map(|axis| axis.name.as_str()).collect(),
        _ => listing
            .options
            .iter()
            .map(|(name, _)| name.as_str())
            .collect(),
    };
    if listing.kind != ItemKind::Single && names.is_empty() {
        issues.push(
            Issue::error(
                "options_missing",
                "a variant needs an option by which the buyer chooses it",
            )
            .field("options")
            .hint("fill in a column `option:NAME`, for example `option:Size`"),
        );
    }
    if names.len() > MOST_OPTIONS {
        issues.push(
            Issue::error(
                "too_many_options",
                format!(
                    "a product has {MOST_OPTIONS} options at most, this one has {}",
                    names.len()
                ),
            )
            .field("options")
            .hint("put two of them into one: `Red / cotton`"),
        );
    }
    let mut seen: Vec<String> = Vec::new();
    for name in names {
        let lower = name.to_lowercase();
        if seen.contains(&lower) {
            issues.push(
                Issue::error(
                    "option_doubled",
                    format!("the option {name} is there twice"),
                )
                .field(format!("option:{name}"))
                .hint("large and small letters do not tell options apart"),
            );
        }
        seen.push(lower);
    }
    for (name, value) in &listing.options {
        if value.trim().is_empty() || value.chars().count() > LONGEST_OPTION {
            issues.push(
                Issue::error(
                    "option_value",
                    format!("the value of an option has 1 to {LONGEST_OPTION} characters"),
                )
                .field(format!("option:{name}")),
            );
        }
    }
    for axis in &listing.axes {
        let mut seen: Vec<String> = Vec::new();
        for value in &axis.values {
            let lower = value.to_lowercase();
            if seen.contains(&lower) {
                issues.push(
                    Issue::error(
                        "option_value_doubled",
                        format!(
                            "{} has the value {value} twice, but for large and small letters",
                            axis.name
                        ),
                    )
                    .field(format!("option:{}", axis.name))
                    .hint("write the value the same way in all variants"),
                );
            }
            seen.push(lower);
        }
    }
}

fn check_images(listing: &Listing, issues: &mut Vec<Issue>) {
    for image in &listing.images {
        let url = reqwest::Url::parse(image).ok();
        if url.is_none_or(|url| !matches!(url.scheme(), "http" | "https")) {
            issues.push(
                Issue::error(
                    "image_address",
                    format!("`{image}` is no address that the shop can fetch a picture from"),
                )
                .field("images")
                .hint("write the picture's full address: https://…"),
            );
        }
    }
}

fn check_tags(listing: &Listing, issues: &mut Vec<Issue>) {
    if listing.tags.len() > MOST_TAGS {
        issues.push(
            Issue::error(
                "too_many_tags",
                format!(
                    "a product has {MOST_TAGS} tags at most, this one has {}",
                    listing.tags.len()
                ),
            )
            .field("tags"),
        );
    }
    let is_long = |tag: &&String| tag.chars().count() > LONGEST_TAG;
    for tag in listing.tags.iter().filter(is_long) {
        let start: String = tag.chars().take(20).collect();
        issues.push(
            Issue::error(
                "tag_too_long",
                format!("the tag `{start}…` is longer than {LONGEST_TAG} characters"),
            )
            .field("tags"),
        );
    }
}

fn check_attributes(listing: &Listing, issues: &mut Vec<Issue>) {
    for name in ["taxable", "requires_shipping"] {
        if let Some(value) = listing.attributes.get(name)
            && convert::flag(value).is_none()
        {
            issues.push(
                Issue::warning(
                    "attribute_value",
                    format!("`{value}` is neither yes nor no, so {name} is left out"),
                )
                .field(format!("attr:{name}"))
                .hint("write `true` or `false`"),
            );
        }
    }
}

fn check_weight(listing: &Listing, issues: &mut Vec<Issue>) {
    if let Some(weight) = listing
        .weight
        .as_ref()
        .filter(|weight| !convert::knows_unit(weight))
    {
        issues.push(
            Issue::warning(
                "unit_unknown",
                format!(
                    "`{}` is no unit that is known here, so weight is left out",
                    weight.unit
                ),
            )
            .field("weight")
            .hint("use one of mg, g, kg, oz, lb"),
        );
    }
}

fn check_price(listing: &Listing, issues: &mut Vec<Issue>) {
    let is_negative = listing
        .price
        .is_some_and(|price| price.amount.is_sign_negative());
    if is_negative {
        issues.push(
            Issue::error("price_negative", "the shop takes no price below zero").field("price"),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connectors::shopify::fixtures::{euros, parent, single, variant};

    fn codes(listing: &Listing) -> Vec<String> {
        audit(listing).into_iter().map(|issue| issue.code).collect()
    }

    #[test]
    fn a_complete_listing_passes() {
        assert_eq!(codes(&single("MUG-1")), [""; 0]);
        assert_eq!(codes(&parent("TEE", &["S", "M"])), [""; 0]);
        assert_eq!(codes(&variant("TEE-S", "TEE", "S")), [""; 0]);
    }

    #[test]
    fn each_mistake_is_named() {
        let with = |change: &dyn Fn(&mut Listing)| {
            let mut listing = single("MUG-1");
            change(&mut listing);
            codes(&listing)
        };
        let attribute = |name: &str, value: &str| [(name.to_owned(), value.to_owned())].into();
        assert_eq!(with(&|mug| mug.title = None), ["title_missing"]);
        assert_eq!(
            with(&|mug| mug.images = vec!["front.jpg".into()]),
            ["image_address"]
        );
        assert_eq!(
            with(&|mug| mug.tags = vec!["x".repeat(256)]),
            ["tag_too_long"]
        );
        assert_eq!(
            with(&|mug| mug.tags = vec!["x".into(); 251]),
            ["too_many_tags"]
        );
        assert_eq!(
            with(&|mug| mug.price = Some(euros("-1"))),
            ["price_negative"]
        );
        assert_eq!(
            with(&|mug| mug.attributes = attribute("taxable", "perhaps")),
            ["attribute_value"]
        );
        assert_eq!(
            with(&|mug| mug.attributes = attribute("hs_code", "6912")),
            [""; 0]
        );
        assert_eq!(
            with(&|mug| mug.weight.as_mut().unwrap().unit = "stone".into()),
            ["unit_unknown"]
        );
    }

    #[test]
    fn options_that_shopify_cannot_tell_apart_are_named() {
        let mut tee = variant("TEE-S", "TEE", "S");
        tee.options.clear();
        assert_eq!(codes(&tee), ["options_missing"]);
        for name in ["size", "Color", "Fit"] {
            tee.options.push((name.into(), "x".into()));
        }
        assert_eq!(codes(&tee), [""; 0]);
        tee.options.push(("Size".into(), " ".into()));
        assert_eq!(
            codes(&tee),
            ["too_many_options", "option_doubled", "option_value"]
        );
        assert_eq!(codes(&parent("TEE", &["S", "s"])), ["option_value_doubled"]);
    }
}
