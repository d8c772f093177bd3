//! What the seller has, and which open order lines the seller's own numbers cannot know yet.

use std::collections::HashMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::fingerprint::{Fingerprint, Fingerprinter};
use super::ids::{ChannelName, ChannelOrderId, Sku};
use super::order::{FulfilledBy, OrderStatus};

/// Pieces of one sku at one place, as of a moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StockLevel {
    /// `None` for a file without locations.
    pub location: Option<std::sync::Arc<str>>,
    pub quantity: u64,
    pub as_of: Timestamp,
}

/// Every stated stock level.
#[derive(Debug, Default)]
pub struct StockBook {
    pub levels: HashMap<Sku, Vec<StockLevel>>,
    /// Stands for the file's text and how it is read.
    pub text: Fingerprint,
}

impl StockBook {
    /// The oldest moment that any level speaks of: order lines from before it are known to the file.
    pub fn oldest(&self) -> Option<Timestamp> {
        self.levels
            .values()
            .flatten()
            .map(|level| level.as_of)
            .min()
    }

    /// Stands for how many pieces of a sku are where; 0 when nothing is stated. The moments that they speak of are left
    /// out: they only matter beside order lines.
    pub fn hash(&self, sku: &str) -> u64 {
        let Some(levels) = self.levels.get(sku) else {
            return 0;
        };
        let mut print = Fingerprinter::default();
        for level in levels {
            print.optional(level.location.as_deref());
            print.text(&level.quantity.to_string());
        }
        (print.finish().0 as u64).max(1)
    }
}

/// When the seller's own system takes an order off its stock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CountsOrders {
    #[default]
    WhenPlaced,
    WhenShipped,
}

/// An order line of any channel, as far as stock is concerned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SoldLine {
    pub channel: ChannelName,
    pub channel_order_id: ChannelOrderId,
    pub sku: Sku,
    pub quantity: u64,
    pub canceled: u64,
    pub shipped: u64,
    pub status: OrderStatus,
    pub fulfilled_by: FulfilledBy,
    pub placed_at: Timestamp,
    pub shipped_at: Option<Timestamp>,
}

impl SoldLine {
    /// Pieces of this line that a stock figure as of `as_of` still contains although they are sold.
    pub fn reserved(&self, as_of: Timestamp, counts: CountsOrders) -> u64 {
        if self.status.is_void() || self.fulfilled_by == FulfilledBy::Channel {
            return 0;
        }
        let sold = self.quantity.saturating_sub(self.canceled);
        match counts {
            CountsOrders::WhenPlaced if self.placed_at > as_of => sold,
            CountsOrders::WhenPlaced => 0,
            // Paid back and never sent, or sent and known since: nothing will leave the shelf any more.
            CountsOrders::WhenShipped if self.status == OrderStatus::Refunded => 0,
            CountsOrders::WhenShipped => {
                let counted_when_shipped = self.shipped_at.is_some_and(|at| at <= as_of);
                let gone = match (counted_when_shipped, self.shipped_at) {
                    (true, _) if self.status == OrderStatus::Shipped => sold,
                    (true, _) => self.shipped,
                    (false, _) => 0,
                };
                sold.saturating_sub(gone)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(status: OrderStatus, shipped: u64, shipped_at: Option<&str>) -> SoldLine {
        SoldLine {
            channel: "shop".into(),
            channel_order_id: "1".into(),
            sku: "A".into(),
            quantity: 3,
            canceled: 1,
            shipped,
            status,
            fulfilled_by: FulfilledBy::Seller,
            placed_at: "2026-01-02T00:00:00Z".parse().unwrap(),
            shipped_at: shipped_at.map(|at| at.parse().unwrap()),
        }
    }

    fn at(day: u8) -> Timestamp {
        format!("2026-01-{day:02}T00:00:00Z").parse().unwrap()
    }

    #[test]
    fn counted_when_placed_reserves_until_the_file_is_newer() {
        let open = line(OrderStatus::Open, 0, None);
        assert_eq!(open.reserved(at(1), CountsOrders::WhenPlaced), 2);
        assert_eq!(open.reserved(at(3), CountsOrders::WhenPlaced), 0);
        let shipped = line(OrderStatus::Shipped, 2, Some("2026-01-04T00:00:00Z"));
        assert_eq!(shipped.reserved(at(1), CountsOrders::WhenPlaced), 2);
    }

    #[test]
    fn counted_when_shipped_reserves_until_the_file_knows_the_shipment() {
        let open = line(OrderStatus::Open, 0, None);
        assert_eq!(open.reserved(at(9), CountsOrders::WhenShipped), 2);
        let shipped = line(OrderStatus::Shipped, 2, Some("2026-01-04T00:00:00Z"));
        assert_eq!(shipped.reserved(at(3), CountsOrders::WhenShipped), 2);
        assert_eq!(shipped.reserved(at(5), CountsOrders::WhenShipped), 0);
        let partial = line(
            OrderStatus::PartiallyShipped,
            1,
            Some("2026-01-04T00:00:00Z"),
        );
        assert_eq!(partial.reserved(at(5), CountsOrders::WhenShipped), 1);
    }

    #[test]
    fn canceled_failed_and_channel_fulfilled_lines_reserve_nothing() {
        assert_eq!(
            line(OrderStatus::Canceled, 0, None).reserved(at(1), CountsOrders::WhenPlaced),
            0
        );
        assert_eq!(
            line(OrderStatus::Failed, 0, None).reserved(at(1), CountsOrders::WhenPlaced),
            0
        );
        let by_channel = SoldLine {
            fulfilled_by: FulfilledBy::Channel,
            ..line(OrderStatus::Open, 0, None)
        };
        assert_eq!(by_channel.reserved(at(1), CountsOrders::WhenPlaced), 0);
    }
}
