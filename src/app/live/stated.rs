//! Live content as a catalog can state it: what no catalog can hold is left away, so that it is neither compared nor
//! exported.

use crate::domain::catalog::{Column, Qualifier};
use crate::domain::gtin;
use crate::domain::listing::{Listing, Measure};
use crate::domain::measure;

pub(super) fn as_stated(content: Listing) -> Listing {
    Listing {
        title: text(content.title),
        description: text(content.description),
        brand: text(content.brand),
        gtin: text(content.gtin).filter(|gtin| gtin::is_valid(gtin)),
        mpn: text(content.mpn),
        category: text(content.category),
        condition: text(content.condition),
        url: text(content.url),
        // Lists stand in one cell: this mark parts them, and is not part of an address (RFC 3986).
        images: words(content.images.iter().map(|image| image.replace('|', "%7C"))),
        weight: measured(content.weight, measure::in_grams),
        length: measured(content.length, measure::in_millimeters),
        width: measured(content.width, measure::in_millimeters),
        height: measured(content.height, measure::in_millimeters),
        country_of_origin: text(content.country_of_origin),
        tags: words(
            content
                .tags
                .iter()
                .flat_map(|tag| tag.split(['|', ',']).map(str::to_owned)),
        ),
        options: content
            .options
            .into_iter()
            .filter_map(|(name, value)| Some((column("option", &name)?, text(Some(value))?)))
            .collect(),
        attributes: content
            .attributes
            .into_iter()
            .filter_map(|(name, value)| Some((column("attr", &name)?, text(Some(value))?)))
            .collect(),
        ..content
    }
}

fn text(text: Option<String>) -> Option<String> {
    let text = text?;
    let trimmed = text.trim();
    match trimmed.len() {
        0 => None,
        length if length == text.len() => Some(text),
        _ => Some(trimmed.to_owned()),
    }
}

fn words(words: impl Iterator<Item = String>) -> Vec<String> {
    words.filter_map(|word| text(Some(word))).collect()
}

/// Nothing weighs nothing, and a unit that is not known says nothing.
fn measured(own: Option<Measure>, known: fn(&Measure) -> Option<Measure>) -> Option<Measure> {
    own.filter(|own| known(own).is_some_and(|converted| converted.value > 0.into()))
}

/// A name that a column can carry: `x@shop` would speak for one channel, `x#de` for one locale.
fn column(prefix: &str, name: &str) -> Option<String> {
    let name = name.trim();
    let header = format!("{prefix}:{name}");
    let fits = !name.is_empty()
        && !name.chars().any(char::is_control)
        && Column::parse(&header).qualifier == Qualifier::None;
    fits.then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::catalog::ItemKind;

    #[test]
    fn what_no_catalog_can_hold_is_left_away() {
        let stated = as_stated(Listing {
            title: Some("  ".into()),
            brand: Some(" Acme ".into()),
            gtin: Some("4006381333932".into()),
            weight: Some(Measure {
                value: 0.into(),
                unit: "kg".into(),
            }),
            length: Some(Measure {
                value: 2.into(),
                unit: "ells".into(),
            }),
            tags: vec!["a, b".into(), " ".into()],
            images: vec!["https://img.example/a|b.jpg".into()],
            attributes: [("size@shop", "1"), ("fit", "slim"), ("", "x"), ("cut", " ")]
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into(),
            ..Listing::blank("A".into(), ItemKind::Single)
        });
        assert_eq!(
            stated,
            Listing {
                brand: Some("Acme".into()),
                tags: vec!["a".into(), "b".into()],
                images: vec!["https://img.example/a%7Cb.jpg".into()],
                attributes: [("fit".to_owned(), "slim".to_owned())].into(),
                ..Listing::blank("A".into(), ItemKind::Single)
            }
        );
    }
}
