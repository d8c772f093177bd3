//! The shapes of requests and answers. Of answers only what is read.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// models/listingsItems_2021-08-01.json, `Item`. Only what is read.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Item {
    pub sku: String,
    #[serde(default)]
    pub summaries: Vec<Summary>,
    #[serde(default)]
    pub attributes: Map<String, Value>,
    #[serde(default)]
    pub issues: Vec<WireIssue>,
    #[serde(default)]
    pub offers: Vec<Offer>,
    #[serde(default)]
    pub fulfillment_availability: Vec<Availability>,
    #[serde(default)]
    pub relationships: Vec<Relationships>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    pub marketplace_id: String,
    #[serde(default)]
    pub status: Vec<String>,
    pub product_type: Option<String>,
    pub item_name: Option<String>,
    pub created_date: Option<Timestamp>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Offer {
    pub marketplace_id: String,
    pub offer_type: String,
    pub price: WireMoney,
}

/// Amazon answers money as a decimal text.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WireMoney {
    pub amount: String,
    pub currency_code: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Availability {
    pub fulfillment_channel_code: String,
    pub quantity: Option<i64>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Relationships {
    pub marketplace_id: String,
    #[serde(default)]
    pub relationships: Vec<Relationship>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Relationship {
    #[serde(default)]
    pub parent_skus: Vec<String>,
}

/// An issue of a listing, or of a feed's report: the report says `attributeName`, the listing `attributeNames`.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WireIssue {
    #[serde(default)]
    pub code: String,
    pub message: String,
    pub severity: String,
    #[serde(default)]
    pub attribute_names: Vec<String>,
    pub attribute_name: Option<String>,
    #[serde(default)]
    pub categories: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SearchResults {
    /// At most 1000 can be paged through, whatever this says.
    pub number_of_results: u64,
    #[serde(default)]
    pub pagination: Pagination,
    #[serde(default)]
    pub items: Vec<Item>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Pagination {
    pub next_token: Option<String>,
}

/// `ListingsItemPutRequest`
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Put {
    pub product_type: String,
    pub requirements: &'static str,
    pub attributes: Map<String, Value>,
}

/// `ListingsItemPatchRequest`
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Patch {
    pub product_type: String,
    pub patches: Vec<PatchOperation>,
}

/// Replaces, merges into, or deletes one top-level attribute.
#[derive(Debug, Serialize)]
pub struct PatchOperation {
    pub op: &'static str,
    pub path: String,
    pub value: Value,
}

/// `ListingsItemSubmissionResponse`
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Submitted {
    /// `ACCEPTED`, `INVALID`, and `VALID` for a preview.
    pub status: String,
    #[serde(default)]
    pub issues: Vec<WireIssue>,
}

/// models/feeds_2021-06-30.json, `CreateFeedDocumentResponse` and `FeedDocument`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FeedDocument {
    pub feed_document_id: String,
    pub url: String,
    pub compression_algorithm: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Feed {
    pub processing_status: String,
    pub result_feed_document_id: Option<String>,
}

/// models/orders_2026-01-01.json, `SearchOrdersResponse`. Orders are read one by one, so that one that cannot
/// be understood does not take the page with it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OrdersPage {
    pub orders: Vec<Value>,
    #[serde(default)]
    pub pagination: Pagination,
    pub last_updated_before: Option<Timestamp>,
}

/// models/ordersV0.json, `ConfirmShipmentRequest`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ConfirmShipment<'a> {
    pub marketplace_id: &'a str,
    pub package_detail: PackageDetail<'a>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PackageDetail<'a> {
    pub package_reference_id: String,
    pub carrier_code: &'a str,
    pub carrier_name: &'a str,
    pub tracking_number: &'a str,
    pub ship_date: Timestamp,
    pub order_items: Vec<ShippedItem<'a>>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ShippedItem<'a> {
    pub order_item_id: &'a str,
    pub quantity: u64,
}
