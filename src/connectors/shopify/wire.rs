//! The shapes of Shopify's answers, as far as they are read.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::place::number;

/// One page of a connection.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Connection<T> {
    #[serde(default)]
    pub page_info: PageInfo,
    pub nodes: Vec<T>,
}

impl<T> Default for Connection<T> {
    fn default() -> Self {
        Self {
            page_info: PageInfo::default(),
            nodes: Vec::new(),
        }
    }
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PageInfo {
    pub has_next_page: bool,
    pub end_cursor: Option<String>,
}

impl PageInfo {
    /// Where the next page begins; `None` behind the last one.
    pub fn next(&self) -> Option<&str> {
        self.end_cursor.as_deref().filter(|_| self.has_next_page)
    }
}

/// Why a mutation did not do something.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct UserError {
    #[serde(default)]
    pub field: Option<Vec<String>>,
    #[serde(default)]
    pub message: String,
    #[serde(default)]
    pub code: Option<String>,
}

/// A mutation of which only the complaints are read.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Complaints {
    #[serde(default)]
    pub user_errors: Vec<UserError>,
}

#[derive(Clone, Debug, Deserialize)]
pub struct Text {
    pub value: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Product {
    pub id: String,
    pub handle: String,
    pub title: String,
    pub status: String,
    pub has_only_default_variant: bool,
    pub published_on_publication: bool,
    /// The sku that the catalog gives to the product as a whole.
    pub parent_sku: Option<Text>,
    pub variants: Connection<Variant>,
    // Content, where it was asked for.
    pub description_html: String,
    pub vendor: String,
    pub product_type: String,
    pub tags: Vec<String>,
    pub template_suffix: Option<String>,
    pub seo: Seo,
    pub category: Option<Category>,
    pub options: Vec<ProductOption>,
    pub pictures: Option<Text>,
    pub media: Connection<Media>,
}

impl Product {
    pub fn number(&self) -> Option<u64> {
        number(&self.id)
    }

    pub fn is_active(&self) -> bool {
        self.status == "ACTIVE"
    }

    pub fn parent_sku(&self) -> Option<&str> {
        self.parent_sku.as_ref().map(|text| text.value.as_str())
    }

    /// Sold as it is: without options, or with one variant and not made as the parent of one.
    pub fn is_single(&self) -> bool {
        let [variant] = self.variants.nodes.as_slice() else {
            return false;
        };
        !self.variants.page_info.has_next_page
            && self
                .parent_sku()
                .is_none_or(|sku| variant.sku.as_deref() == Some(sku))
    }
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Seo {
    pub title: Option<String>,
    pub description: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
pub struct Category {
    pub id: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProductOption {
    pub name: String,
    pub option_values: Vec<OptionValue>,
}

#[derive(Clone, Debug, Deserialize)]
pub struct OptionValue {
    pub name: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Media {
    pub id: String,
    #[serde(default)]
    pub media_content_type: String,
    /// `None` while Shopify still fetches it, and of videos.
    pub image: Option<Image>,
}

impl Media {
    pub fn url(&self) -> Option<&str> {
        self.image.as_ref().map(|image| image.url.as_str())
    }
}

#[derive(Clone, Debug, Deserialize)]
pub struct Image {
    pub url: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Variant {
    pub id: String,
    pub sku: Option<String>,
    pub price: Option<Decimal>,
    pub compare_at_price: Option<Decimal>,
    pub published_on_publication: bool,
    pub selected_options: Vec<SelectedOption>,
    pub inventory_item: InventoryItem,
    /// Where the variant was asked for by itself.
    pub product: Option<Box<Product>>,
    // Content, where it was asked for.
    pub barcode: Option<String>,
    pub taxable: Option<bool>,
    pub media: Connection<Media>,
}

impl Variant {
    /// The sku, if it has one that says something.
    pub fn sku(&self) -> Option<&str> {
        self.sku.as_deref().filter(|sku| !sku.trim().is_empty())
    }

    pub fn number(&self) -> Option<u64> {
        number(&self.id)
    }

    /// Its stock at the location that was asked for; `None` when it is not stocked there.
    pub fn available(&self) -> Option<i64> {
        let level = self.inventory_item.inventory_level.as_ref()?;
        let available = level.quantities.iter().find(|one| one.name == "available");
        available.map(|one| one.quantity)
    }
}

#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
pub struct SelectedOption {
    pub name: String,
    pub value: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct InventoryItem {
    pub id: String,
    pub tracked: bool,
    pub inventory_level: Option<InventoryLevel>,
    pub requires_shipping: Option<bool>,
    pub country_code_of_origin: Option<String>,
    pub harmonized_system_code: Option<String>,
    pub measurement: Option<Measurement>,
}

#[derive(Clone, Debug, Deserialize)]
pub struct InventoryLevel {
    pub quantities: Vec<Quantity>,
}

#[derive(Clone, Debug, Deserialize)]
pub struct Quantity {
    pub name: String,
    pub quantity: i64,
}

#[derive(Clone, Debug, Deserialize)]
pub struct Measurement {
    pub weight: Option<Weight>,
}

#[derive(Clone, Debug, Deserialize)]
pub struct Weight {
    pub value: serde_json::Number,
    pub unit: String,
}

/// What a `productSet` answers, at once or as a line of a bulk operation's result.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProductSet {
    pub product: Option<Product>,
    #[serde(default)]
    pub user_errors: Vec<UserError>,
}

/// Which pictures a product was given: kept in its metafield `pictures`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Album {
    /// Addresses of the product's own pictures, in order.
    #[serde(rename = "product")]
    pub own: Vec<String>,
    /// The picture of each variant, by sku.
    #[serde(rename = "variants")]
    pub of: BTreeMap<String, String>,
}
