//! What the shop would refuse or change, known without asking it. Pure.

use std::borrow::Cow;

use crate::domain::catalog::ItemKind;
use crate::domain::issue::Issue;
use crate::domain::listing::Listing;
use crate::domain::measure;
use crate::domain::web::plain_path;

/// Pictures that a WordPress without plugins takes; an address without an extension is let through.
const REFUSED_EXTENSIONS: &[&str] = &["svg", "tif", "tiff", "bmp", "heic", "pdf", "psd"];

/// Complaints about one listing. Its sku's length is checked by the declared limits.
pub fn audit(listing: &Listing) -> Vec<Issue> {
    let mut issues = Vec::new();
    check_sku(listing, &mut issues);
    check_title(listing, &mut issues);
    check_options(listing, &mut issues);
    check_gtin(listing, &mut issues);
    check_images(listing, &mut issues);
    issues.extend(measure::unknown_units(listing));
    issues
}

/// The shop trims and folds blanks, strips tags and `%20`, and escapes `<`: then the sku is not found again.
fn check_sku(listing: &Listing, issues: &mut Vec<Issue>) {
    let sku = listing.sku.as_str();
    let escaped = sku
        .as_bytes()
        .windows(3)
        .any(|part| part[0] == b'%' && part[1..].iter().all(u8::is_ascii_hexdigit));
    if is_folded(sku) || sku.contains('<') || escaped {
        issues.push(
            Issue::error(
                "sku_rewritten",
                "the shop would store this sku differently and not find it again",
            )
            .field("sku")
            .hint("use a sku without `<`, `%20` and the like, and without blanks at its ends or in a row"),
        );
    }
}

/// Whether joining its words by one blank each makes another text.
fn is_folded(text: &str) -> bool {
    let mut words = text.split(' ');
    text.contains(|c: char| c.is_whitespace() && c != ' ')
        || (!text.is_empty() && words.any(str::is_empty))
}

fn check_title(listing: &Listing, issues: &mut Vec<Issue>) {
    if listing.is_untitled() {
        issues.push(
            Issue::error(
                "title_missing",
                "without a title the shop publishes this as \"Product\"",
            )
            .field("title")
            .hint("fill in the column `title`"),
        );
    }
}

fn check_options(listing: &Listing, issues: &mut Vec<Issue>) {
    match listing.kind {
        ItemKind::Variant if listing.options.is_empty() => issues.push(
            Issue::error(
                "options_missing",
                "a variant needs an option by which the buyer chooses it",
            )
            .field("options")
            .hint("fill in a column `option:NAME`, for example `option:Size`"),
        ),
        ItemKind::Parent if listing.axes.is_empty() => issues.push(
            Issue::error(
                "options_missing",
                "none of the variants has an option by which the buyer chooses it",
            )
            .field("options")
            .hint("fill in a column `option:NAME` of the variants, for example `option:Size`"),
        ),
        _ => {}
    }
}

/// Letters are emptied silently by the shop.
fn check_gtin(listing: &Listing, issues: &mut Vec<Issue>) {
    if let Some(gtin) = &listing.gtin
        && !gtin.chars().all(|c| c.is_ascii_digit() || c == '-')
    {
        issues.push(
            Issue::error(
                "gtin_format",
                "the shop empties a GTIN that holds anything but digits",
            )
            .field("gtin")
            .hint("write the digits below the bar code"),
        );
    }
}

fn check_images(listing: &Listing, issues: &mut Vec<Issue>) {
    for image in &listing.images {
        let Some(path) = path(image) else {
            issues.push(
                Issue::error(
                    "image_address",
                    format!("`{image}` is no address that the shop can fetch a picture from"),
                )
                .field("images")
                .hint("write the picture's full address: https://…"),
            );
            continue;
        };
        let is_refused = |extension: &str| {
            let mut refused = REFUSED_EXTENSIONS.iter();
            refused.any(|one| extension.eq_ignore_ascii_case(one))
        };
        if path
            .rsplit_once('.')
            .is_some_and(|(_, end)| is_refused(end))
        {
            issues.push(
                Issue::error(
                    "image_format",
                    format!("the shop does not take the format of `{image}`"),
                )
                .field("images")
                .hint("use JPEG, PNG, GIF or WebP"),
            );
        }
    }
    if listing.kind == ItemKind::Variant && listing.images.len() > 1 {
        issues.push(
            Issue::note(
                "images_dropped",
                "a variation has one picture: only the first is sent",
            )
            .field("images"),
        );
    }
}

/// The path of a web address; `None` when it is none.
fn path(address: &str) -> Option<Cow<'_, str>> {
    if let Some(path) = plain_path(address) {
        return Some(Cow::Borrowed(path));
    }
    let url = reqwest::Url::parse(address).ok()?;
    matches!(url.scheme(), "http" | "https").then(|| Cow::Owned(url.path().to_owned()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::connectors::woocommerce::fixtures;

    fn codes(listing: &Listing) -> Vec<String> {
        audit(listing).into_iter().map(|issue| issue.code).collect()
    }

    #[test]
    fn a_complete_listing_passes() {
        assert!(audit(&fixtures::single("MUG-1")).is_empty());
        assert!(audit(&fixtures::parent("TEE", &["S", "M"])).is_empty());
        assert!(audit(&fixtures::variant("TEE-S", "TEE", "S")).is_empty());
    }

    proptest! {
        #[test]
        fn blanks_are_folded_where_joining_the_words_says_so(text in "[ab \t\u{a0}]{0,6}") {
            let joined = text.split_whitespace().collect::<Vec<_>>().join(" ");
            prop_assert_eq!(is_folded(&text), joined != text);
        }
    }

    #[test]
    fn each_mistake_is_named() {
        let mug = fixtures::single("MUG-1");
        let with = |change: &dyn Fn(&mut Listing)| {
            let mut listing = mug.clone();
            change(&mut listing);
            codes(&listing)
        };
        assert_eq!(with(&|mug| mug.title = Some(" ".into())), ["title_missing"]);
        assert_eq!(with(&|mug| mug.sku = "A  B".into()), ["sku_rewritten"]);
        assert_eq!(with(&|mug| mug.sku = "A%20B".into()), ["sku_rewritten"]);
        assert_eq!(
            with(&|mug| mug.gtin = Some("40063813X".into())),
            ["gtin_format"]
        );
        assert_eq!(
            with(&|mug| mug.images = vec!["front.jpg".into(), "https://x.example/a.svg".into()]),
            ["image_address", "image_format"]
        );
        assert_eq!(
            with(&|mug| mug.weight.as_mut().unwrap().unit = "stone".into()),
            ["unit_unknown"]
        );
        let mut variant = fixtures::variant("TEE-S", "TEE", "S");
        variant.options.clear();
        assert_eq!(codes(&variant), ["options_missing"]);
        assert_eq!(codes(&fixtures::parent("TEE", &[])), ["options_missing"]);
    }
}
