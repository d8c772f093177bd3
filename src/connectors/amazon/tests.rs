//! The real connector against its sandbox, over HTTP.

use std::collections::BTreeMap;

use super::account::Account;
use crate::domain::catalog::ItemKind;
use crate::domain::listing::Listing;
use crate::domain::money::Money;
use iso_currency::Currency;

pub fn account() -> Account {
    Account {
        seller_id: "A2SELLER".into(),
        marketplace_id: "A1PA6795UKMFR9".into(),
        store: "amazon.de".into(),
        currency: Currency::EUR,
        language: "de_DE".into(),
        tax_included: true,
        product_type: "PRODUCT".into(),
        condition: "new".into(),
        fulfillment_channel: "DEFAULT".into(),
    }
}

/// A complete listing.
pub fn listing(sku: &str) -> Listing {
    Listing {
        sku: sku.into(),
        parent_sku: None,
        kind: ItemKind::Single,
        title: Some(format!("Hat {sku}")),
        description: Some("Keeps the sun off.".into()),
        brand: Some("Example".into()),
        gtin: Some("4006381333931".into()),
        mpn: None,
        category: Some("HAT".into()),
        condition: None,
        url: None,
        images: vec!["https://example.com/hat.jpg".into()],
        weight: None,
        length: None,
        width: None,
        height: None,
        country_of_origin: None,
        tags: Vec::new(),
        options: Vec::new(),
        axes: Vec::new(),
        attributes: BTreeMap::new(),
        price: Some(Money::new("19.99".parse().unwrap(), Currency::EUR)),
        compare_at: None,
        quantity: Some(7),
    }
}
