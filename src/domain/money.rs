//! Money is a decimal amount with its currency, never a float.

use std::fmt;

use iso_currency::Currency;
use rust_decimal::{Decimal, RoundingStrategy};
use serde::{Deserialize, Deserializer, Serialize};

/// An amount in one currency. Serialises as `{"amount": "19.99", "currency": "EUR"}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Money {
    pub amount: Decimal,
    pub currency: Currency,
}

impl Money {
    pub fn new(amount: Decimal, currency: Currency) -> Self {
        Self { amount, currency }
    }

    /// Rounds half away from zero to the currency's own number of decimals (2 for EUR, 0 for JPY).
    pub fn rounded(self) -> Self {
        let decimals = u32::from(self.currency.exponent().unwrap_or(2));
        let amount = self
            .amount
            .round_dp_with_strategy(decimals, RoundingStrategy::MidpointAwayFromZero);
        Self { amount, ..self }
    }

    /// The amount with exactly the currency's number of decimals: `5.00`, for channels that take text.
    pub fn to_plain(self) -> String {
        let decimals = usize::from(self.currency.exponent().unwrap_or(2));
        let rounded = self.rounded().amount;
        format!("{rounded:.decimals$}")
    }

    /// Millionths of the currency's unit: exact for every currency's minor unit and for the extra decimals
    /// that tax lines carry. `None` when the amount does not fit.
    pub fn to_micros(self) -> Option<i64> {
        let scaled = self.amount.checked_mul(Decimal::from(1_000_000))?;
        i64::try_from(scaled.round()).ok()
    }

    /// The inverse of [`Money::to_micros`].
    pub fn from_micros(micros: i64, currency: Currency) -> Self {
        Self::new(Decimal::new(micros, 6).normalize(), currency)
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{} {}", self.to_plain(), self.currency.code()))
    }
}

/// Reads an ISO 4217 code in any letter case.
pub fn currency(code: &str) -> Option<Currency> {
    Currency::from_code(code).or_else(|| Currency::from_code(&code.trim().to_ascii_uppercase()))
}

/// Reads a decimal from TOML as a number or a text: `8`, `8.5`, `"8.5"`. A float counts as it is written.
pub fn lenient<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Decimal, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Stated {
        Whole(i64),
        Float(f64),
        Text(String),
    }
    let text = match Stated::deserialize(deserializer)? {
        Stated::Whole(number) => return Ok(Decimal::from(number)),
        Stated::Float(number) => number.to_string(),
        Stated::Text(text) => text,
    };
    text.trim()
        .parse()
        .map_err(|_| serde::de::Error::custom(format!("`{text}` is not a decimal number")))
}

/// [`lenient`] for a value that may be left out.
pub fn lenient_option<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Decimal>, D::Error> {
    lenient(deserializer).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn micros_go_there_and_back() {
        for text in ["0", "19.99", "-3.5", "1234567.123456"] {
            let money = Money::new(text.parse().unwrap(), Currency::EUR);
            let back = Money::from_micros(money.to_micros().unwrap(), Currency::EUR);
            assert_eq!(back, money, "{text}");
        }
    }

    #[test]
    fn rounding_follows_the_currency() {
        let amount: Decimal = "1999.995".parse().unwrap();
        assert_eq!(Money::new(amount, Currency::EUR).to_plain(), "2000.00");
        assert_eq!(Money::new(amount, Currency::JPY).to_plain(), "2000");
    }
}
