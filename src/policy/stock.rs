//! Available to sell, in one published order of steps.

use std::collections::BTreeSet;

use jiff::Timestamp;
use rust_decimal::prelude::ToPrimitive;
use rust_decimal::{Decimal, RoundingStrategy};
use serde::Deserialize;

use super::Trace;
use crate::domain::money::lenient;
use crate::domain::stock::StockLevel;

/// `[channels.X.stock]`
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StockPolicy {
    /// Locations of the stock file that this channel sells from; empty means all.
    pub locations: Vec<String>,
    /// This channel's part, from 0 to 1.
    #[serde(deserialize_with = "lenient")]
    pub share: Decimal,
    /// Pieces held back. The catalog's `buffer` column overrides it per sku.
    pub buffer: u64,
    /// Below so many pieces, none is offered.
    pub keep_minimum: u64,
    /// Never more than this is offered.
    pub max: Option<u64>,
}

impl Default for StockPolicy {
    fn default() -> Self {
        Self {
            locations: Vec::new(),
            share: Decimal::ONE,
            buffer: 0,
            keep_minimum: 0,
            max: None,
        }
    }
}

/// What the seller has of one sku, before this channel's part is computed.
#[derive(Clone, Debug, Default)]
pub struct OnHand<'a> {
    pub levels: &'a [StockLevel],
    /// The catalog's own `quantity` cell, used when the stock file does not name the sku.
    pub catalog: Option<(u64, Timestamp)>,
    /// Pieces that are sold and still contained in figures as of the moment given.
    pub reserved: Option<&'a dyn Reserved>,
}

/// Answers how much of one sku is reserved against figures as of a moment.
pub trait Reserved: std::fmt::Debug {
    fn pieces(&self, as_of: Timestamp) -> u64;
}

/// `None` means that nothing is stated about this sku's stock, which is not zero.
pub type Availability = Option<u64>;

impl StockPolicy {
    pub fn available(
        &self,
        on_hand: &OnHand<'_>,
        own_buffer: Option<u64>,
        trace: &mut Trace,
    ) -> Availability {
        let counts = |level: &&StockLevel| {
            self.locations.is_empty()
                || level
                    .location
                    .as_deref()
                    .is_some_and(|name| self.locations.iter().any(|own| own == name))
        };
        let levels: Vec<_> = on_hand.levels.iter().filter(counts).collect();
        let (stated, as_of) = match levels.iter().map(|level| level.as_of).min() {
            Some(as_of) => (
                levels.iter().map(|level| level.quantity).sum::<u64>(),
                as_of,
            ),
            // Stated, but at none of this channel's locations.
            None if !on_hand.levels.is_empty() => (0, on_hand.levels[0].as_of),
            None => on_hand.catalog?,
        };
        trace.step(|| {
            let places: BTreeSet<_> = levels
                .iter()
                .filter_map(|level| level.location.as_deref())
                .collect();
            let places = places.into_iter().collect::<Vec<_>>().join(", ");
            let from = match (levels.is_empty(), places.is_empty()) {
                (true, _) if on_hand.levels.is_empty() => "catalog".to_owned(),
                (true, _) => "none of this channel's locations".to_owned(),
                (false, true) => "stock file".to_owned(),
                (false, false) => format!("stock file: {places}"),
            };
            (
                format!("on hand as of {as_of:.0} ({from})"),
                stated.to_string(),
            )
        });
        let reserved = on_hand
            .reserved
            .map_or(0, |reserved| reserved.pieces(as_of));
        let mut left = stated.saturating_sub(reserved);
        trace.step(|| {
            (
                format!("- {reserved} reserved by open orders of all channels"),
                left.to_string(),
            )
        });
        if self.share != Decimal::ONE {
            let part = (Decimal::from(left) * self.share)
                .round_dp_with_strategy(0, RoundingStrategy::ToZero);
            left = part.to_u64().unwrap_or(0).min(left);
            trace.step(|| {
                (
                    format!("x {} share, rounded down", self.share),
                    left.to_string(),
                )
            });
        }
        let buffer = own_buffer.unwrap_or(self.buffer);
        if buffer > 0 {
            left = left.saturating_sub(buffer);
            trace.step(|| (format!("- {buffer} buffer"), left.to_string()));
        }
        if left < self.keep_minimum {
            left = 0;
            trace.step(|| {
                (
                    format!("below keep_minimum {}", self.keep_minimum),
                    "0".to_owned(),
                )
            });
        }
        if let Some(max) = self.max
            && left > max
        {
            left = max;
            trace.step(|| (format!("max {max}"), left.to_string()));
        }
        Some(left)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[derive(Debug)]
    struct Fixed(u64);

    impl Reserved for Fixed {
        fn pieces(&self, _: Timestamp) -> u64 {
            self.0
        }
    }

    fn level(location: Option<&str>, quantity: u64) -> StockLevel {
        StockLevel {
            location: location.map(Arc::from),
            quantity,
            as_of: Timestamp::UNIX_EPOCH,
        }
    }

    fn available(
        policy: &StockPolicy,
        levels: &[StockLevel],
        reserved: u64,
        buffer: Option<u64>,
    ) -> Option<u64> {
        let reserved = Fixed(reserved);
        let on_hand = OnHand {
            levels,
            catalog: None,
            reserved: Some(&reserved),
        };
        policy.available(&on_hand, buffer, &mut Trace::off())
    }

    #[test]
    fn the_steps_come_in_the_published_order() {
        let policy = StockPolicy {
            share: "0.5".parse().unwrap(),
            buffer: 2,
            keep_minimum: 3,
            max: Some(5),
            ..StockPolicy::default()
        };
        // (21 - 2) x 0.5 = 9.5 -> 9, - 2 = 7, capped at 5
        assert_eq!(available(&policy, &[level(None, 21)], 2, None), Some(5));
        // (11 - 2) x 0.5 -> 4, - 2 = 2, below 3
        assert_eq!(available(&policy, &[level(None, 11)], 2, None), Some(0));
        // the sku's own buffer wins: 4 - 0
        assert_eq!(available(&policy, &[level(None, 11)], 2, Some(0)), Some(4));
    }

    #[test]
    fn more_reserved_than_there_is_leaves_none() {
        assert_eq!(
            available(&StockPolicy::default(), &[level(None, 3)], 5, None),
            Some(0)
        );
    }

    #[test]
    fn only_the_channels_locations_count() {
        let policy = StockPolicy {
            locations: vec!["berlin".into()],
            ..StockPolicy::default()
        };
        let levels = [level(Some("berlin"), 3), level(Some("paris"), 4)];
        assert_eq!(available(&policy, &levels, 0, None), Some(3));
        assert_eq!(available(&policy, &levels[1..], 0, None), Some(0));
        assert_eq!(
            available(&StockPolicy::default(), &levels, 0, None),
            Some(7)
        );
    }

    #[test]
    fn nothing_stated_is_not_zero() {
        assert_eq!(available(&StockPolicy::default(), &[], 0, None), None);
    }
}
