//! What may stand beside a number: the unit of a measure, the currency of an amount.

use iso_currency::Currency;

use crate::domain::money::currency;

use super::numbers::{NumberFault, NumberKind, fault};

const WEIGHT_UNITS: &[(&str, &str)] = &[
    ("mg", "mg"),
    ("g", "g"),
    ("gr", "g"),
    ("gram", "g"),
    ("grams", "g"),
    ("kg", "kg"),
    ("kgs", "kg"),
    ("kilo", "kg"),
    ("lb", "lb"),
    ("lbs", "lb"),
    ("pound", "lb"),
    ("pounds", "lb"),
    ("oz", "oz"),
    ("ounce", "oz"),
    ("ounces", "oz"),
];

const LENGTH_UNITS: &[(&str, &str)] = &[
    ("mm", "mm"),
    ("cm", "cm"),
    ("m", "m"),
    ("in", "in"),
    ("inch", "in"),
    ("inches", "in"),
    ("\"", "in"),
    ("ft", "ft"),
    ("feet", "ft"),
    ("yd", "yd"),
];

/// The unit as it is written from here on, for any spelling of it.
pub(super) fn known_unit(text: &str, kind: NumberKind) -> Option<&'static str> {
    let units = if kind == NumberKind::Weight {
        WEIGHT_UNITS
    } else {
        LENGTH_UNITS
    };
    let wanted = text.trim_end_matches('.').to_lowercase();
    units
        .iter()
        .find(|(spelling, _)| *spelling == wanted)
        .map(|(_, unit)| *unit)
}

/// The unit behind a measure; empty when there is none.
pub(super) fn measure_unit(
    prefix: &str,
    suffix: &str,
    kind: NumberKind,
) -> Result<&'static str, NumberFault> {
    if prefix.is_empty() && suffix.is_empty() {
        return Ok("");
    }
    known_unit(suffix, kind)
        .filter(|_| prefix.is_empty())
        .ok_or_else(|| {
            fault(
                "unit_unknown",
                format!("`{} {}` is not a unit that is known here", prefix, suffix),
                if kind == NumberKind::Weight {
                    "write a number and one of g, kg, lb, oz"
                } else {
                    "write a number and one of mm, cm, m, in, ft"
                },
            )
        })
}

/// Signs that belong to one currency only.
const SYMBOLS: &[(&str, Currency)] = &[
    ("€", Currency::EUR),
    ("£", Currency::GBP),
    ("₺", Currency::TRY),
    ("₹", Currency::INR),
    ("zł", Currency::PLN),
    ("kč", Currency::CZK),
    ("r$", Currency::BRL),
    ("₽", Currency::RUB),
    ("₴", Currency::UAH),
    ("₩", Currency::KRW),
    ("₫", Currency::VND),
    ("฿", Currency::THB),
    ("us$", Currency::USD),
];

/// Signs that several currencies share: accepted, but they state nothing.
const SHARED_SYMBOLS: &[&str] = &["$", "¥", "kr", "kr.", "rs", "rs.", "fr.", "lei"];

/// The currency before or behind an amount; `None` when there is none, or a sign that several share.
pub(super) fn amount_currency(prefix: &str, suffix: &str) -> Result<Option<Currency>, NumberFault> {
    let mut found = None;
    for affix in [prefix, suffix] {
        let lower = affix.to_lowercase();
        if affix.is_empty() || SHARED_SYMBOLS.contains(&lower.as_str()) {
            continue;
        }
        let known = SYMBOLS
            .iter()
            .find(|(symbol, _)| *symbol == lower)
            .map(|(_, currency)| *currency)
            .or_else(|| currency(affix));
        match (known, found) {
            (Some(known), None) => found = Some(known),
            (Some(known), Some(before)) if known == before => {}
            _ => {
                return Err(fault(
                    "number_unreadable",
                    format!("`{affix}` beside the amount is not a currency"),
                    "write the amount only, and the ISO code in a `currency` column",
                ));
            }
        }
    }
    Ok(found)
}

/// Currencies in which an ordinary price has seven digits and more.
pub(super) fn has_small_units(currency: Currency) -> bool {
    const SMALL: &[&str] = &[
        "IDR", "VND", "IRR", "LAK", "UZS", "GNF", "PYG", "COP", "KRW", "LBP", "CLP", "MMK", "KHR",
        "MNT", "SLL", "UGX",
    ];
    SMALL.contains(&currency.code())
}
