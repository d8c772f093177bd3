//! Orders as every channel's connector normalises them. Buyers' personal data is not part of them.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::ids::{ChannelOrderId, LineId, Sku};
use super::money::Money;

/// Where an order stands. The channel's own word is kept beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrderStatus {
    /// Placed, not yet paid or released: reserves stock, must not be shipped.
    Pending,
    /// To be shipped.
    Open,
    PartiallyShipped,
    Shipped,
    Canceled,
    /// Paid back in full after all; whether the goods came back is not said.
    Refunded,
    /// The payment failed; nothing was sold.
    Failed,
}

impl OrderStatus {
    pub const ALL: [Self; 7] = [
        Self::Pending,
        Self::Open,
        Self::PartiallyShipped,
        Self::Shipped,
        Self::Canceled,
        Self::Refunded,
        Self::Failed,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Open => "open",
            Self::PartiallyShipped => "partially_shipped",
            Self::Shipped => "shipped",
            Self::Canceled => "canceled",
            Self::Refunded => "refunded",
            Self::Failed => "failed",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == text)
    }

    /// Nothing left the shelf, or will.
    pub fn is_void(self) -> bool {
        matches!(self, Self::Canceled | Self::Failed)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FulfilledBy {
    Seller,
    /// The channel's own warehouse: reserves nothing of ours.
    Channel,
}

impl FulfilledBy {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Seller => "seller",
            Self::Channel => "channel",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    pub channel_order_id: ChannelOrderId,
    /// What the buyer calls it, when that differs from the id.
    pub number: Option<String>,
    pub status: OrderStatus,
    /// The channel's own word: `processing`, `UNSHIPPED`.
    pub channel_status: String,
    pub placed_at: Timestamp,
    pub updated_at: Timestamp,
    /// When the last of it left, if the channel tells.
    pub shipped_at: Option<Timestamp>,
    /// `None` while the channel does not tell the price yet.
    pub total: Option<Money>,
    pub lines: Vec<OrderLine>,
    /// Shipping, discounts, fees and taxes of the order as a whole, as the channel states them.
    pub charges: Vec<Charge>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderLine {
    pub line_id: LineId,
    /// `None` when the channel does not say what was sold (a product deleted since, say).
    pub sku: Option<Sku>,
    pub title: Option<String>,
    pub quantity: u64,
    /// Of `quantity`; not to be shipped.
    pub canceled: u64,
    /// Of `quantity`.
    pub shipped: u64,
    /// Price of one piece before discounts, as the channel counts it (with or without tax: `tax_included`).
    pub unit_price: Option<Money>,
    pub tax_included: bool,
    pub fulfilled_by: FulfilledBy,
    /// What belongs to this line: its tax, its discount, its shipping.
    pub charges: Vec<Charge>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ChargeKind {
    Tax,
    Shipping,
    ShippingTax,
    /// A negative amount.
    Discount,
    Fee,
    /// A negative amount.
    Refund,
    Other,
}

impl ChargeKind {
    pub const ALL: [Self; 7] = [
        Self::Tax,
        Self::Shipping,
        Self::ShippingTax,
        Self::Discount,
        Self::Fee,
        Self::Refund,
        Self::Other,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Tax => "tax",
            Self::Shipping => "shipping",
            Self::ShippingTax => "shippingtax",
            Self::Discount => "discount",
            Self::Fee => "fee",
            Self::Refund => "refund",
            Self::Other => "other",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

/// Money beside the goods, signed as it adds up to the buyer's total.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Charge {
    pub kind: ChargeKind,
    /// The channel's word for it: a tax rate's name, a coupon's code.
    pub label: String,
    pub amount: Money,
}

/// An order that could not be understood. Kept, so that it is not lost; personal fields are blanked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnreadableOrder {
    /// Empty when not even the id could be read.
    pub channel_order_id: ChannelOrderId,
    pub reason: String,
    pub raw: String,
}

/// One parcel that left.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shipment {
    pub channel_order_id: ChannelOrderId,
    /// Line and quantity; never empty.
    pub lines: Vec<(LineId, u64)>,
    pub carrier: String,
    pub tracking: String,
    pub shipped_at: Timestamp,
    /// Whether nothing of the order is left to ship after this.
    pub completes_order: bool,
    /// Counts the parcels of one order from 1: a repeat names the same parcel.
    pub parcel: u32,
}
