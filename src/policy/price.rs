//! The price on one channel: base, currency, markup, limits, rounding.

use iso_currency::Currency;
use rust_decimal::{Decimal, RoundingStrategy};
use serde::{Deserialize, Deserializer};

use super::{Places, Trace};
use crate::domain::catalog::{Columns, Item};
use crate::domain::ids::ChannelName;
use crate::domain::issue::Issue;
use crate::domain::money::{Money, currency, lenient, lenient_option};

/// `[channels.X.price]`
///
/// Steps, in this order: base column (or `price@CHANNEL`, which takes no markup), currency rate, markup percent,
/// markup amount, rounding, minimum, maximum. What the minimum raises is rounded up, what the maximum lowers is
/// rounded down.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PricePolicy {
    /// Catalog column that holds the base price.
    pub column: String,
    #[serde(deserialize_with = "lenient")]
    pub markup_percent: Decimal,
    /// In the channel's currency.
    #[serde(deserialize_with = "lenient")]
    pub markup_amount: Decimal,
    /// ISO 4217 code of this channel's prices; absent means the catalog's.
    pub currency: Option<String>,
    /// What one unit of the catalog's currency is worth in the channel's.
    #[serde(deserialize_with = "lenient_option")]
    pub rate: Option<Decimal>,
    pub round: Rounding,
    /// In the channel's currency.
    #[serde(deserialize_with = "lenient_option")]
    pub minimum: Option<Decimal>,
    /// Percent over the catalog's `cost`, so that 25 asks for at least 1.25 x cost.
    #[serde(deserialize_with = "lenient_option")]
    pub minimum_margin_percent: Option<Decimal>,
    #[serde(deserialize_with = "lenient_option")]
    pub maximum: Option<Decimal>,
    /// Whether `compare_at_price` is shown struck through.
    pub compare_at: bool,
}

impl Default for PricePolicy {
    fn default() -> Self {
        Self {
            column: "price".to_owned(),
            markup_percent: Decimal::ZERO,
            markup_amount: Decimal::ZERO,
            currency: None,
            rate: None,
            round: Rounding::None,
            minimum: None,
            minimum_margin_percent: None,
            maximum: None,
            compare_at: true,
        }
    }
}

/// How a computed price is made pretty.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Rounding {
    /// To the currency's own decimals.
    #[default]
    None,
    /// `"0.05"`: to the nearest multiple.
    Step(Decimal),
    /// `"x.99"`: to the nearest price with this fraction.
    Ending(Decimal),
}

#[derive(Clone, Copy)]
enum Direction {
    Nearest,
    Up,
    Down,
}

impl Rounding {
    fn parse(text: &str) -> Option<Self> {
        if text == "none" {
            return Some(Self::None);
        }
        if let Some(ending) = text.strip_prefix('x') {
            let fraction: Decimal = format!("0{ending}").parse().ok()?;
            return (ending.starts_with('.') && fraction < Decimal::ONE)
                .then_some(Self::Ending(fraction));
        }
        let step: Decimal = text.parse().ok()?;
        (step > Decimal::ZERO).then_some(Self::Step(step))
    }

    fn apply(self, money: Money, direction: Direction) -> Money {
        let strategy = match direction {
            Direction::Nearest => RoundingStrategy::MidpointAwayFromZero,
            Direction::Up => RoundingStrategy::AwayFromZero,
            Direction::Down => RoundingStrategy::ToZero,
        };
        let decimals = u32::from(money.currency.exponent().unwrap_or(2));
        let amount = match self {
            Self::None => money.amount.round_dp_with_strategy(decimals, strategy),
            Self::Step(step) => (money.amount / step).round_dp_with_strategy(0, strategy) * step,
            Self::Ending(fraction) => {
                let whole = (money.amount - fraction).round_dp_with_strategy(0, strategy);
                // 0.99 is the lowest price that ends so: a cheap item never becomes negative.
                whole.max(Decimal::ZERO) + fraction
            }
        };
        Money::new(amount, money.currency).rounded()
    }
}

impl<'de> Deserialize<'de> for Rounding {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| {
            serde::de::Error::custom(format!(
                "`{text}` is no rounding: use \"none\", \"x.99\" or a step as \"0.05\""
            ))
        })
    }
}

/// A computed price. `compare_at` is only kept when it is higher.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Price {
    pub price: Money,
    pub compare_at: Option<Money>,
}

#[derive(Debug)]
pub(super) struct CompiledPrice {
    policy: PricePolicy,
    currency: Option<Currency>,
    default_currency: Option<Currency>,
    base: Places,
    compare_at: Places,
    cost: Places,
    row_currency: Places,
}

impl CompiledPrice {
    pub(super) fn new(
        policy: &PricePolicy,
        channel: &ChannelName,
        columns: &Columns,
        default_currency: Option<Currency>,
        issue: &mut dyn FnMut(Issue),
    ) -> Option<Self> {
        let find = |name: &str| Places::find(columns, channel, None, name);
        if policy.column != "price" && find(&policy.column).0.iter().all(Option::is_none) {
            issue(
                Issue::error(
                    "unknown_price_column",
                    format!("the catalog has no column `{}`", policy.column),
                )
                .field("price.column")
                .hint("name a column of the catalog that holds prices"),
            );
            return None;
        }
        let wanted = match policy
            .currency
            .as_deref()
            .map(|code| (code, currency(code)))
        {
            Some((code, None)) => {
                issue(
                    Issue::error(
                        "unknown_currency",
                        format!("`{code}` is no ISO 4217 currency"),
                    )
                    .field("price.currency")
                    .hint("write a code such as \"EUR\""),
                );
                return None;
            }
            Some((_, found)) => found,
            None => None,
        };
        Some(Self {
            policy: policy.clone(),
            currency: wanted,
            default_currency,
            base: find(&policy.column),
            compare_at: find("compare_at_price"),
            cost: find("cost"),
            row_currency: find("currency"),
        })
    }

    pub(super) fn compute(
        &self,
        item: &Item,
        trace: &mut Trace,
    ) -> Result<Option<Price>, Box<Issue>> {
        let own = self.base.own(item);
        let Some(text) = own.or_else(|| self.base.shared(item)) else {
            return Ok(None);
        };
        let amount = number(text, &self.policy.column)?;
        let from = match self.row_currency.value(item) {
            Some(code) => Some(currency(code).ok_or_else(|| {
                Issue::error("unknown_currency", "no ISO 4217 code").field("currency")
            })?),
            None => self.default_currency,
        };
        // A channel's own price is stated in the channel's currency.
        let from = if own.is_some() {
            self.currency.or(from)
        } else {
            from
        };
        let Some(from) = from.or(self.currency) else {
            return Err(Issue::error("no_currency", "the price has no currency")
                .field("currency")
                .hint("add a `currency` column, or `currency = \"EUR\"` below [catalog] in channels.toml").into());
        };
        let to = self.currency.unwrap_or(from);
        let base = Money::new(amount, from);
        trace.step(|| match own {
            Some(_) => (
                format!("column {}@… of this channel", self.policy.column),
                base.to_string(),
            ),
            None => (format!("column {}", self.policy.column), base.to_string()),
        });
        let price = if own.is_some() {
            base
        } else {
            self.marked_up(base, to, trace)?
        };
        let mut price = price.rounded();
        let pretty = if own.is_some() {
            Rounding::None
        } else {
            self.policy.round
        };
        let rounded = pretty.apply(price, Direction::Nearest);
        if rounded != price {
            price = rounded;
            trace.step(|| ("rounding".to_owned(), price.to_string()));
        }
        price = self.limited(price, item, from, pretty, trace)?;
        if price.amount <= Decimal::ZERO {
            return Err(Issue::error(
                "price_not_positive",
                format!("the price comes out as {price}"),
            )
            .field(&*self.policy.column)
            .hint("check the price, the markup and the rate; a free item is never published")
            .into());
        }
        Ok(Some(Price {
            price,
            compare_at: self.struck_through(item, from, to, price, trace)?,
        }))
    }

    fn marked_up(&self, base: Money, to: Currency, trace: &mut Trace) -> Result<Money, Box<Issue>> {
        let mut price = self.converted(base, to)?;
        if price.currency != base.currency {
            trace.step(|| {
                (
                    format!("x {} rate", self.policy.rate.unwrap_or_default()),
                    price.to_string(),
                )
            });
        }
        if !self.policy.markup_percent.is_zero() {
            price.amount += price.amount * self.policy.markup_percent / Decimal::ONE_HUNDRED;
            trace.step(|| {
                (
                    format!("+ {} % markup", self.policy.markup_percent),
                    price.to_string(),
                )
            });
        }
        if !self.policy.markup_amount.is_zero() {
            price.amount += self.policy.markup_amount;
            trace.step(|| {
                (
                    format!("+ {} markup", self.policy.markup_amount),
                    price.to_string(),
                )
            });
        }
        Ok(price)
    }

    fn converted(&self, money: Money, to: Currency) -> Result<Money, Box<Issue>> {
        if money.currency == to {
            return Ok(money);
        }
        match self.policy.rate {
            Some(rate) if rate > Decimal::ZERO => Ok(Money::new(money.amount * rate, to)),
            _ => Err(Issue::error(
                "no_rate",
                format!(
                    "the price is in {}, but this channel sells in {}",
                    money.currency.code(),
                    to.code()
                ),
            )
            .field("currency")
            .hint(format!(
                "state `rate` below [channels.….price]: what 1 {} is in {}",
                money.currency.code(),
                to.code()
            ))
            .into()),
        }
    }

    fn limited(
        &self,
        price: Money,
        item: &Item,
        from: Currency,
        pretty: Rounding,
        trace: &mut Trace,
    ) -> Result<Money, Box<Issue>> {
        let mut price = price;
        let mut floor = self.policy.minimum;
        if let Some(margin) = self.policy.minimum_margin_percent
            && let Some(cost) = self.cost.value(item)
        {
            let cost = self.converted(Money::new(number(cost, "cost")?, from), price.currency)?;
            let least = cost.amount + cost.amount * margin / Decimal::ONE_HUNDRED;
            floor = Some(floor.map_or(least, |floor| floor.max(least)));
        }
        if let Some(floor) = floor
            && price.amount < floor
        {
            price = pretty.apply(Money::new(floor, price.currency), Direction::Up);
            trace.step(|| (format!("minimum {}", floor.normalize()), price.to_string()));
        }
        if let Some(ceiling) = self.policy.maximum
            && price.amount > ceiling
        {
            price = pretty.apply(Money::new(ceiling, price.currency), Direction::Down);
            trace.step(|| {
                (
                    format!("maximum {}", ceiling.normalize()),
                    price.to_string(),
                )
            });
        }
        if floor.is_some_and(|floor| price.amount < floor) {
            return Err(Issue::error("minimum_above_maximum", format!("the price {price} is below its minimum"))
                .field(&*self.policy.column)
                .hint("`minimum` (or the margin over `cost`) is higher than `maximum`: raise one or lower the other").into());
        }
        Ok(price)
    }

    fn struck_through(
        &self,
        item: &Item,
        from: Currency,
        to: Currency,
        price: Money,
        trace: &mut Trace,
    ) -> Result<Option<Money>, Box<Issue>> {
        if !self.policy.compare_at {
            return Ok(None);
        }
        let own = self.compare_at.own(item);
        let Some(text) = own.or_else(|| self.compare_at.shared(item)) else {
            return Ok(None);
        };
        let stated = number(text, "compare_at_price")?;
        let compare_at = if own.is_some() {
            Money::new(stated, to)
        } else {
            let marked_up = self.marked_up(Money::new(stated, from), to, &mut Trace::off())?;
            self.policy.round.apply(marked_up, Direction::Nearest)
        };
        let compare_at = compare_at.rounded();
        if compare_at.amount <= price.amount {
            return Ok(None);
        }
        trace.step(|| ("compare at".to_owned(), compare_at.to_string()));
        Ok(Some(compare_at))
    }
}

/// Cells are normalised by the reader; a column that it did not know to hold numbers may still hold anything.
fn number(text: &str, column: &str) -> Result<Decimal, Box<Issue>> {
    text.parse().map_err(|_| {
        Issue::error("not_a_number", format!("`{text}` is not a number"))
            .field(column)
            .hint("write digits and a decimal point, as 1234.56")
            .into()
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::domain::catalog::{Column, Held, ItemKind};

    fn item(cells: &[(&str, &str)]) -> Item {
        let columns = cells.iter().map(|(name, _)| Column::parse(name)).collect();
        Item {
            sku: "A".into(),
            parent_sku: None,
            kind: ItemKind::Single,
            held: Held::default(),
            file: "catalog.csv".into(),
            line: 2,
            columns: Arc::new(Columns::new(columns)),
            cells: cells.iter().map(|(_, cell)| (*cell).to_owned()).collect(),
        }
    }

    fn compute(policy: &str, cells: &[(&str, &str)]) -> Result<Option<Price>, Box<Issue>> {
        let policy: PricePolicy = toml::from_str(policy).unwrap();
        let item = item(cells);
        let compiled = CompiledPrice::new(
            &policy,
            &"shop".into(),
            &item.columns,
            Some(Currency::EUR),
            &mut |_| {},
        )
        .unwrap();
        compiled.compute(&item, &mut Trace::off())
    }

    fn price(policy: &str, cells: &[(&str, &str)]) -> String {
        compute(policy, cells).unwrap().unwrap().price.to_string()
    }

    #[test]
    fn markup_rate_and_rounding() {
        assert_eq!(price("", &[("price", "19.9")]), "19.90 EUR");
        assert_eq!(
            price(
                "markup_percent = 10\nmarkup_amount = 0.3",
                &[("price", "20")]
            ),
            "22.30 EUR"
        );
        assert_eq!(
            price("currency = \"GBP\"\nrate = 0.86", &[("price", "10")]),
            "8.60 GBP"
        );
        assert_eq!(
            price("round = \"x.99\"", &[("price", "12.40")]),
            "11.99 EUR"
        );
        assert_eq!(
            price("round = \"x.99\"", &[("price", "12.50")]),
            "12.99 EUR"
        );
        assert_eq!(price("round = \"x.99\"", &[("price", "0.20")]), "0.99 EUR");
        assert_eq!(
            price("round = \"0.05\"", &[("price", "12.43")]),
            "12.45 EUR"
        );
    }

    #[test]
    fn limits_round_to_the_safe_side() {
        assert_eq!(
            price("minimum = 10\nround = \"x.99\"", &[("price", "5")]),
            "10.99 EUR"
        );
        assert_eq!(
            price("maximum = 10\nround = \"x.99\"", &[("price", "50")]),
            "9.99 EUR"
        );
        assert_eq!(
            price(
                "minimum_margin_percent = 25",
                &[("price", "5"), ("cost", "8")]
            ),
            "10.00 EUR"
        );
        let clash = compute("minimum = 20\nmaximum = 10", &[("price", "15")]).unwrap_err();
        assert_eq!(clash.code, "minimum_above_maximum");
    }

    #[test]
    fn a_price_for_the_channel_alone_takes_no_markup() {
        let cells = [
            ("price", "10"),
            ("price@shop", "17.5"),
            ("price@other", "99"),
        ];
        assert_eq!(
            price("markup_percent = 50\nround = \"x.99\"", &cells),
            "17.50 EUR"
        );
    }

    #[test]
    fn nothing_is_guessed() {
        assert_eq!(compute("", &[("price", "")]).unwrap(), None);
        assert_eq!(
            compute("currency = \"GBP\"", &[("price", "10")])
                .unwrap_err()
                .code,
            "no_rate"
        );
        assert_eq!(
            compute("", &[("price", "0")]).unwrap_err().code,
            "price_not_positive"
        );
    }

    #[test]
    fn the_struck_through_price_is_higher_or_not_there() {
        let found = compute("", &[("price", "10"), ("compare_at_price", "15")])
            .unwrap()
            .unwrap();
        assert_eq!(found.compare_at.unwrap().to_string(), "15.00 EUR");
        let none = compute("", &[("price", "10"), ("compare_at_price", "10")])
            .unwrap()
            .unwrap();
        assert_eq!(none.compare_at, None);
    }
}
