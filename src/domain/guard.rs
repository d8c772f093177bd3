//! Thresholds above which a plan needs a person's yes.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::change::{Action, Change, Lane};
use super::money::lenient;

/// Limits per channel, in percent. A channel with fewer live listings than `min_listings` is not guarded
/// by shares, only by `price_jump`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Guard {
    pub min_listings: u64,
    /// Share of live listings that one plan may end.
    #[serde(deserialize_with = "lenient")]
    pub end: Decimal,
    /// Share of live listings whose stock one plan may set to zero.
    #[serde(deserialize_with = "lenient")]
    pub zero: Decimal,
    /// Share of live listings that one plan may reprice.
    #[serde(deserialize_with = "lenient")]
    pub reprice: Decimal,
    /// How far one price may move, up or down.
    #[serde(deserialize_with = "lenient")]
    pub price_jump: Decimal,
}

impl Default for Guard {
    fn default() -> Self {
        Self {
            min_listings: 10,
            end: Decimal::from(30),
            zero: Decimal::from(30),
            reprice: Decimal::from(30),
            price_jump: Decimal::from(50),
        }
    }
}

/// Why a plan was stopped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stop {
    pub rule: &'static str,
    pub percent: Decimal,
    pub limit: Decimal,
    /// The sku, for a rule about one price.
    pub sku: Option<super::ids::Sku>,
}

/// Counts a plan's changes of one channel as they are made, and judges them at the end.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    ends: u64,
    zeros: u64,
    reprices: u64,
    largest_jump: Option<(Decimal, super::ids::Sku)>,
}

impl Tally {
    pub fn count(&mut self, change: &Change) {
        match (change.lane, change.action) {
            (Lane::End, _) => self.ends += 1,
            // What was zero before, or was not known, loses nothing.
            (Lane::Zero, _) if change.before.quantity.is_some_and(|quantity| quantity > 0) => {
                self.zeros += 1
            }
            (Lane::Price, Action::Set) => {
                self.reprices += 1;
                if let Some(jump) = jump_percent(change)
                    && self
                        .largest_jump
                        .as_ref()
                        .is_none_or(|(largest, _)| jump > *largest)
                {
                    self.largest_jump = Some((jump, change.sku.clone()));
                }
            }
            _ => {}
        }
    }

    /// The first rule that is broken, with `live` listings on the channel before this plan.
    pub fn judge(&self, guard: &Guard, live: u64) -> Option<Stop> {
        if let Some((jump, sku)) = &self.largest_jump
            && *jump > guard.price_jump
        {
            return Some(Stop {
                rule: "price_jump",
                percent: *jump,
                limit: guard.price_jump,
                sku: Some(sku.clone()),
            });
        }
        if live < guard.min_listings {
            return None;
        }
        let shares = [
            ("end", self.ends, guard.end),
            ("zero", self.zeros, guard.zero),
            ("reprice", self.reprices, guard.reprice),
        ];
        shares.into_iter().find_map(|(rule, count, limit)| {
            let percent =
                (Decimal::from(count) * Decimal::ONE_HUNDRED / Decimal::from(live)).round_dp(1);
            (percent > limit).then_some(Stop {
                rule,
                percent,
                limit,
                sku: None,
            })
        })
    }
}

/// How far a price moves in percent of what it was; `None` when that is not known or was zero.
fn jump_percent(change: &Change) -> Option<Decimal> {
    let (before, after) = (change.before.price?, change.after.price?);
    if before.currency != after.currency || before.amount.is_zero() {
        return None;
    }
    let moved = (after.amount - before.amount).abs() * Decimal::ONE_HUNDRED / before.amount.abs();
    Some(moved.round_dp(1))
}

#[cfg(test)]
mod tests {
    use super::super::listing::Facets;
    use super::super::money::Money;
    use super::*;
    use iso_currency::Currency;

    fn price(amount: i64) -> Facets {
        Facets {
            price: Some(Money::new(Decimal::from(amount), Currency::EUR)),
            ..Facets::default()
        }
    }

    fn change(lane: Lane, before: Facets, after: Facets) -> Change {
        let action = if lane == Lane::End {
            Action::End
        } else {
            Action::Set
        };
        Change {
            sku: "A".into(),
            lane,
            action,
            before,
            after,
        }
    }

    #[test]
    fn shares_are_judged_above_the_minimum_only() {
        let mut tally = Tally::default();
        for _ in 0..4 {
            tally.count(&change(Lane::End, Facets::default(), Facets::default()));
        }
        assert_eq!(tally.judge(&Guard::default(), 9), None);
        let stop = tally.judge(&Guard::default(), 10).unwrap();
        assert_eq!((stop.rule, stop.percent), ("end", Decimal::from(40)));
        assert_eq!(tally.judge(&Guard::default(), 14), None);
    }

    #[test]
    fn one_wild_price_stops_even_a_small_channel() {
        let mut tally = Tally::default();
        tally.count(&change(Lane::Price, price(100), price(149)));
        assert_eq!(tally.judge(&Guard::default(), 1), None);
        tally.count(&change(Lane::Price, price(100), price(10)));
        assert_eq!(
            tally.judge(&Guard::default(), 1).unwrap().rule,
            "price_jump"
        );
    }

    #[test]
    fn zeroing_what_was_zero_is_no_loss() {
        let mut tally = Tally::default();
        let zero = Facets {
            quantity: Some(0),
            ..Facets::default()
        };
        for before in [Some(0), None, Some(5)] {
            let before = Facets {
                quantity: before,
                ..Facets::default()
            };
            tally.count(&change(Lane::Zero, before, zero));
        }
        assert_eq!(tally.zeros, 1);
    }
}
