//! Listings that the tests of this folder start from.

use iso_currency::Currency;

use super::shop::Facts;
use crate::domain::catalog::ItemKind;
use crate::domain::listing::{Listing, Measure, OptionAxis};
use crate::domain::money::Money;

pub fn euros(text: &str) -> Money {
    Money::new(text.parse().unwrap(), Currency::EUR)
}

pub fn facts() -> Facts {
    Facts {
        currency: Currency::EUR,
        location: "gid://shopify/Location/1".to_owned(),
        publications: vec!["gid://shopify/Publication/1".to_owned()],
    }
}

pub fn single(sku: &str) -> Listing {
    Listing {
        sku: sku.into(),
        parent_sku: None,
        kind: ItemKind::Single,
        title: Some(format!("Mug {sku}")),
        description: Some("Holds coffee & tea".to_owned()),
        brand: Some("Potters".to_owned()),
        gtin: None,
        mpn: None,
        category: None,
        condition: None,
        url: None,
        images: Vec::new(),
        weight: Some(Measure {
            value: 350.into(),
            unit: "g".to_owned(),
        }),
        length: None,
        width: None,
        height: None,
        country_of_origin: None,
        tags: Vec::new(),
        options: Vec::new(),
        axes: Vec::new(),
        attributes: Default::default(),
        price: Some(euros("9.50")),
        compare_at: None,
        quantity: Some(12),
    }
}

pub fn parent(sku: &str, sizes: &[&str]) -> Listing {
    let axes = OptionAxis {
        name: "Size".to_owned(),
        values: sizes.iter().map(|size| size.to_string()).collect(),
    };
    Listing {
        kind: ItemKind::Parent,
        title: Some(format!("Shirt {sku}")),
        axes: if sizes.is_empty() { vec![] } else { vec![axes] },
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
