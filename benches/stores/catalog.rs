//! Products from a seed, and the same with a few changes.

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use rust_decimal::Decimal;

use crate::Result;

const SEED: u64 = 20;
const GOODS: [&str; 8] = [
    "Lamp", "Mug", "Bowl", "Tee", "Hoodie", "Cushion", "Tray", "Vase",
];
const LOOKS: [&str; 8] = [
    "Oak", "Linen", "Copper", "Glass", "Cotton", "Slate", "Birch", "Wool",
];
const BRANDS: [&str; 6] = ["Lumen", "Nordhus", "Faro", "Kiln", "Atelier Six", "Marl"];
const COLORS: [&str; 3] = ["red", "blue", "black"];
const SIZES: [&str; 4] = ["S", "M", "L", "XL"];
/// One product in so many comes in variants.
const FAMILY_ONE_IN: usize = 4;

/// A product as its seller means it.
#[derive(Clone, Debug)]
pub struct Product {
    pub sku: String,
    pub title: String,
    pub description: String,
    pub brand: String,
    /// What its variants differ in; none when it is sold as it is.
    pub axes: Vec<&'static str>,
    pub variants: Vec<Variant>,
}

#[derive(Clone, Debug)]
pub struct Variant {
    /// The product's own when that is sold as it is.
    pub sku: String,
    /// One value per axis.
    pub values: Vec<&'static str>,
    pub price: Decimal,
    pub quantity: u32,
}

impl Product {
    pub fn is_family(&self) -> bool {
        !self.axes.is_empty()
    }

    /// Its part of a web address.
    pub fn handle(&self) -> String {
        self.sku.to_lowercase()
    }
}

impl Variant {
    /// `red / M`, or `Default`.
    pub fn title(&self) -> String {
        match self.values.is_empty() {
            true => "Default".to_owned(),
            false => self.values.join(" / "),
        }
    }
}

#[derive(Clone, Debug)]
pub struct Catalog {
    pub products: Vec<Product>,
}

impl Catalog {
    /// `mark` begins every sku and ends every title, so that catalogs of several marks share nothing. Apart from it, the
    /// same size gives the same catalog.
    pub fn generate(mark: &str, products: usize) -> Self {
        let mut random = StdRng::seed_from_u64(SEED);
        let products = (0..products)
            .map(|number| product(mark, number, &mut random))
            .collect();
        Self { products }
    }

    /// Of so many products, evenly spread: half get another price and stock, a quarter another title, the rest another
    /// description.
    pub fn edited(&self, changed: usize) -> Self {
        let mut edited = self.clone();
        let changed = changed.min(self.products.len());
        let step = self.products.len() / changed.max(1);
        for number in 0..changed {
            let product = &mut edited.products[number * step];
            match number % 4 {
                0 | 1 => {
                    for variant in &mut product.variants {
                        variant.price += Decimal::new(50, 2);
                        variant.quantity += 3;
                    }
                }
                2 => product.title.insert_str(0, "New "),
                _ => product
                    .description
                    .push_str(" Now with a longer guarantee."),
            }
        }
        edited
    }

    /// As skucast reads it.
    pub fn native_csv(&self) -> Result<String> {
        let mut rows = csv::Writer::from_writer(Vec::new());
        rows.write_record([
            "sku",
            "parent_sku",
            "title",
            "description",
            "brand",
            "price",
            "quantity",
            "option:Color",
            "option:Size",
        ])?;
        for product in &self.products {
            if product.is_family() {
                rows.write_record([
                    product.sku.as_str(),
                    "",
                    &product.title,
                    &product.description,
                    &product.brand,
                    "",
                    "",
                    "",
                    "",
                ])?;
            }
            for variant in &product.variants {
                let value = |axis: &str| {
                    let at = product.axes.iter().position(|known| *known == axis);
                    at.map_or("", |at| variant.values[at])
                };
                let own = |text: &str| match product.is_family() {
                    true => String::new(),
                    false => text.to_owned(),
                };
                let parent = match product.is_family() {
                    true => product.sku.as_str(),
                    false => "",
                };
                let title = match product.is_family() {
                    true => format!("{} {}", product.title, variant.values.join(" ")),
                    false => product.title.clone(),
                };
                rows.write_record([
                    variant.sku.as_str(),
                    parent,
                    &title,
                    &own(&product.description),
                    &own(&product.brand),
                    &variant.price.to_string(),
                    &variant.quantity.to_string(),
                    value("Color"),
                    value("Size"),
                ])?;
            }
        }
        Ok(String::from_utf8(rows.into_inner()?)?)
    }
}

fn product(mark: &str, number: usize, random: &mut StdRng) -> Product {
    let mut any = |words: &[&'static str]| words[random.random_range(0..words.len())];
    let (look, good, brand) = (any(&LOOKS), any(&GOODS), any(&BRANDS));
    let sku = format!("{mark}-{number:05}");
    let price = Decimal::new(random.random_range(499..19_999), 2);
    let is_family = number % FAMILY_ONE_IN == 1;
    let axes: Vec<&'static str> = match (is_family, random.random_bool(0.5)) {
        (false, _) => vec![],
        (true, true) => vec!["Size"],
        (true, false) => vec!["Color", "Size"],
    };
    let colors = &COLORS[..random.random_range(1..=COLORS.len())];
    let sizes = &SIZES[..random.random_range(2..=SIZES.len())];
    let choices: Vec<Vec<&'static str>> = match axes.len() {
        0 => vec![vec![]],
        1 => sizes.iter().map(|size| vec![*size]).collect(),
        _ => colors
            .iter()
            .flat_map(|color| sizes.iter().map(|size| vec![*color, *size]))
            .collect(),
    };
    let variants = choices
        .into_iter()
        .map(|values| Variant {
            sku: match values.is_empty() {
                true => sku.clone(),
                false => format!("{sku}-{}", values.join("-").to_uppercase()),
            },
            values,
            price,
            quantity: random.random_range(1..200),
        })
        .collect();
    Product {
        title: format!("{look} {good} no {number} {mark}"),
        description: format!(
            "{good} of {}, made by {brand} in small series, checked by hand, packed without plastic. Model {number}.",
            look.to_lowercase()
        ),
        brand: brand.to_owned(),
        sku,
        axes,
        variants,
    }
}
