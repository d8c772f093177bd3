//! Listings that the tests of this folder start from.

use iso_currency::Currency;

use crate::domain::catalog::ItemKind;
use crate::domain::listing::{Listing, OptionAxis};
use crate::domain::money::Money;

pub fn euros(text: &str) -> Money {
    Money::new(text.parse().unwrap(), Currency::EUR)
}

pub fn single(sku: &str) -> Listing {
    Listing {
        title: Some(format!("Mug {sku}")),
        description: Some("Holds coffee & tea".to_owned()),
        brand: Some("Potters".to_owned()),
        tags: vec!["new".to_owned()],
        attributes: [("Material".to_owned(), "Clay".to_owned())].into(),
        price: Some(euros("9.50")),
        quantity: Some(12),
        ..Listing::blank(sku.into(), ItemKind::Single)
    }
}

pub fn parent(sku: &str, sizes: &[&str]) -> Listing {
    let axis = OptionAxis {
        name: "Size".to_owned(),
        values: sizes.iter().map(|size| (*size).to_owned()).collect(),
    };
    Listing {
        kind: ItemKind::Parent,
        axes: if sizes.is_empty() {
            Vec::new()
        } else {
            vec![axis]
        },
        price: None,
        quantity: None,
        ..single(sku)
    }
}

pub fn variant(sku: &str, parent: &str, size: &str) -> Listing {
    Listing {
        kind: ItemKind::Variant,
        parent_sku: Some(parent.into()),
        options: vec![("Size".to_owned(), size.to_owned())],
        ..single(sku)
    }
}
