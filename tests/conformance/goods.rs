//! What the seller sells: complete enough for every channel, and written as the native catalog.

use std::path::Path;

use crate::pictures;

/// One row of the catalog.
#[derive(Clone, Debug)]
pub struct Good {
    pub sku: String,
    pub parent: Option<String>,
    pub title: String,
    pub price: String,
    pub quantity: Option<u64>,
    pub size: Option<&'static str>,
    /// Groups variants: has no price and no stock.
    pub is_parent: bool,
    /// Makes the GTIN and the address: two goods must not share it.
    pub number: u32,
}

impl Good {
    pub fn new(number: u32) -> Self {
        Self {
            sku: format!("SKU-{number:04}"),
            parent: None,
            title: format!("Travel bag number {number}"),
            price: format!("{}.90", 10 + number % 50),
            quantity: Some(5),
            size: None,
            is_parent: false,
            number,
        }
    }

    pub fn sku(mut self, sku: &str) -> Self {
        self.sku = sku.to_owned();
        self
    }

    pub fn quantity(mut self, quantity: u64) -> Self {
        self.quantity = Some(quantity);
        self
    }

    /// A parent and its variants.
    pub fn family(number: u32) -> Vec<Self> {
        let parent = Self {
            sku: format!("FAMILY-{number:04}"),
            is_parent: true,
            quantity: None,
            ..Self::new(number)
        };
        let mut family = vec![parent.clone()];
        for (step, size) in (1..).zip(["S", "M", "L"]) {
            family.push(Self {
                sku: format!("FAMILY-{number:04}-{size}"),
                parent: Some(parent.sku.clone()),
                title: format!("{} {size}", parent.title),
                size: Some(size),
                ..Self::new(number + step)
            });
        }
        family
    }

    /// 13 digits with a right check digit.
    fn gtin(&self) -> String {
        let digits = format!("4006381{:05}", self.number % 100_000);
        let sum: u32 = digits
            .bytes()
            .zip([1, 3].into_iter().cycle())
            .map(|(digit, weight)| u32::from(digit - b'0') * weight)
            .sum();
        format!("{digits}{}", (10 - sum % 10) % 10)
    }
}

/// So many rows that have nothing to do with each other.
pub fn singles(count: u32) -> Vec<Good> {
    (1..=count).map(Good::new).collect()
}

const HEADER: [&str; 15] = [
    "sku",
    "parent_sku",
    "title",
    "description",
    "price",
    "currency",
    "quantity",
    "brand",
    "gtin",
    "category",
    "condition",
    "images",
    "url",
    "weight",
    "option:Size",
];

pub fn write(path: &Path, goods: &[Good]) {
    let mut file = csv::Writer::from_path(path).unwrap();
    file.write_record(HEADER).unwrap();
    for good in goods {
        let sellable = |text: String| if good.is_parent { String::new() } else { text };
        file.write_record([
            good.sku.clone(),
            good.parent.clone().unwrap_or_default(),
            good.title.clone(),
            format!("{}. Carries what you need.", good.title),
            sellable(good.price.clone()),
            sellable("EUR".to_owned()),
            sellable(
                good.quantity
                    .map(|quantity| quantity.to_string())
                    .unwrap_or_default(),
            ),
            "Example".to_owned(),
            sellable(good.gtin()),
            "LUGGAGE".to_owned(),
            "new".to_owned(),
            pictures::address("bag.png"),
            format!("https://shop.example.com/p/{}", good.number),
            sellable("1.5 kg".to_owned()),
            good.size.unwrap_or_default().to_owned(),
        ])
        .unwrap();
    }
    file.flush().unwrap();
}
