//! What a row says, in the words in which a catalog states it: the inverse of [`convert`](super::convert::convert),
//! as far as a feed keeps it. Pure.

use super::convert::{LinkTemplate, convert};
use super::format::{Column, Format, Row, Spec};
use crate::domain::catalog::ItemKind;
use crate::domain::ids::Sku;
use crate::domain::listing::{Listing, Measure};

/// Columns that tell variants of one group apart, and what a catalog calls them.
const OPTIONS: [(&str, &str); 4] = [
    ("color", "Color"),
    ("size", "Size"),
    ("material", "Material"),
    ("pattern", "Pattern"),
];
/// Between the values of one cell.
const VALUES: &str = "|";

pub fn read(spec: &Spec, row: &Row) -> Listing {
    let parent = spec
        .position("item_group_id")
        .and_then(|position| row.first(position))
        .map(Sku::new);
    let kind = match parent {
        Some(_) => ItemKind::Variant,
        None => ItemKind::Single,
    };
    let mut listing = Listing {
        parent_sku: parent,
        ..Listing::blank(Sku::new(row.id()), kind)
    };
    for (column, values) in spec.columns.iter().zip(&row.cells) {
        if !values.is_empty() {
            take_over(&mut listing, column, values);
        }
    }
    listing
}

/// What a file of this format keeps of a listing.
pub fn kept(format: Format, links: Option<&LinkTemplate>, listing: &Listing) -> Listing {
    let offer_aside = Listing {
        price: None,
        compare_at: None,
        quantity: None,
        ..listing.clone()
    };
    let row = convert(format, links, &offer_aside)
        .cells
        .into_row(format.spec());
    Listing {
        // Parents stand in no file.
        kind: listing.kind,
        ..read(format.spec(), &row)
    }
}

fn take_over(listing: &mut Listing, column: &Column, values: &[String]) {
    let first = values.first().cloned();
    match column.source {
        Some("title") => listing.title = first,
        Some("description") => listing.description = first,
        Some("url") => listing.url = first,
        // The main picture stands before the others.
        Some("images") => listing.images.extend_from_slice(values),
        Some("brand") => listing.brand = first,
        Some("gtin") => listing.gtin = first,
        Some("mpn") => listing.mpn = first,
        Some("condition") => listing.condition = first,
        Some("category") => listing.category = first,
        Some("country_of_origin") => listing.country_of_origin = first,
        Some("weight") => listing.weight = first.and_then(measure),
        Some("length") => listing.length = first.and_then(measure),
        Some("width") => listing.width = first.and_then(measure),
        Some("height") => listing.height = first.and_then(measure),
        // The key, its group, price and stock.
        Some(_) => {}
        None => {
            let option = OPTIONS.iter().find(|(name, _)| *name == column.name);
            match (option, first) {
                (Some((_, ours)), Some(value)) if listing.kind == ItemKind::Variant => {
                    listing.options.push(((*ours).to_owned(), value));
                }
                _ => {
                    let name = column.name.to_owned();
                    listing.attributes.insert(name, values.join(VALUES));
                }
            }
        }
    }
}

/// `0.5 kg`
fn measure(text: String) -> Option<Measure> {
    let (value, unit) = text.split_once(' ')?;
    Some(Measure {
        value: value.parse().ok()?,
        unit: unit.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::super::tests::listing;
    use super::*;

    fn to_row(format: Format, listing: &Listing) -> Row {
        convert(format, None, listing).cells.into_row(format.spec())
    }

    #[test]
    fn content_goes_there_and_back() {
        let measure = |text: &str| measure(text.to_owned());
        let mut tee = Listing {
            parent_sku: Some("TEE".into()),
            kind: ItemKind::Variant,
            condition: Some("new".into()),
            category: Some("Clothing > Shirts".into()),
            country_of_origin: Some("PT".into()),
            weight: measure("0.2 kg"),
            length: measure("12 cm"),
            images: ["1", "2", "3"]
                .map(|n| format!("https://img.example/{n}.jpg"))
                .into(),
            options: vec![("Color".into(), "red".into()), ("Size".into(), "S".into())],
            tags: Vec::new(),
            ..listing("TEE-S")
        };
        tee.attributes = [
            ("gender", "female"),
            ("pattern", "dots"),
            ("age_group", "adult"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
        for format in [Format::GoogleTsv, Format::GoogleXml, Format::MetaCsv] {
            let row = to_row(format, &tee);
            let again = to_row(format, &read(format.spec(), &row));
            let offers = [
                "availability",
                "price",
                "sale_price",
                "quantity_to_sell_on_facebook",
            ];
            for (column, (first, second)) in format
                .spec()
                .columns
                .iter()
                .zip(row.cells.iter().zip(&again.cells))
            {
                if !offers.contains(&column.name) {
                    assert_eq!(first, second, "{format:?} {}", column.name);
                }
            }
            let live = read(format.spec(), &row);
            assert_eq!(live.options[0], ("Color".to_owned(), "red".to_owned()));
            assert_eq!((live.kind, live.images.len()), (ItemKind::Variant, 3));
        }
    }
}
