//! Reads the numbers that people and spreadsheets write, and refuses what can be read in two ways.

use std::borrow::Cow;

use iso_currency::Currency;
use rust_decimal::Decimal;
use serde::Deserialize;

use super::affixes::{amount_currency, has_small_units, measure_unit};
use super::digits::{not_plain, plain_digits};

/// The decimal separator of a file's numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DecimalSeparator {
    /// Only plain numbers are accepted; whether they have a decimal comma is seen from the first rows.
    #[default]
    Auto,
    /// `1,234.56`; grouped numbers and currencies are accepted.
    Point,
    /// `1.234,56`; grouped numbers and currencies are accepted.
    Comma,
}

/// How the numbers of one file are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Notation {
    pub decimal: char,
    /// The seller stated it, so a number with grouping has one meaning only.
    pub stated: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NumberKind {
    Money,
    Quantity,
    Weight,
    Length,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Number<'a> {
    /// Decimal point, no grouping; a measure is followed by a blank and its unit.
    pub text: Cow<'a, str>,
    /// The currency that was written beside the amount.
    pub currency: Option<Currency>,
    /// A quantity below zero, read as zero.
    pub oversold: bool,
}

/// Why a cell is not a number that can be used, and what to do.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct NumberFault {
    pub code: &'static str,
    pub message: String,
    pub hint: String,
}

pub(super) fn fault(
    code: &'static str,
    message: impl Into<String>,
    hint: impl Into<String>,
) -> NumberFault {
    NumberFault {
        code,
        message: message.into(),
        hint: hint.into(),
    }
}

const BLANK_MEANS: &str =
    "leave the cell blank when the value is not known; blank means \"not stated\"";

const PLACEHOLDERS: &[&str] = &[
    "nil",
    "nill",
    "null",
    "none",
    "n/a",
    "na",
    "nan",
    "-",
    "--",
    "–",
    "—",
    "?",
    "tbd",
    "undefined",
    "unknown",
];

const LARGEST_PRICE: i64 = 10_000_000;
const LARGEST_QUANTITY: i64 = 10_000_000;

/// Reads one cell, which is not blank and has no outer blanks. `row_currency` widens the limit for absurd
/// prices where a currency has small units.
pub(super) fn read_number(
    text: &str,
    kind: NumberKind,
    notation: Notation,
    row_currency: Option<Currency>,
) -> Result<Number<'_>, NumberFault> {
    if is_plain(text, kind, notation) {
        return Ok(Number {
            text: Cow::Borrowed(text),
            currency: None,
            oversold: false,
        });
    }
    // Spreadsheets and shops write an apostrophe to mark text.
    let text = text.strip_prefix('\'').unwrap_or(text).trim();
    refuse_placeholder(text)?;
    let parts = Parts::of(text)?;
    if let Some(fault) = scientific(text) {
        return Err(fault);
    }
    let digits = plain_digits(parts.core, kind, notation, text)?;
    let (unit, money) = match kind {
        NumberKind::Weight | NumberKind::Length => {
            (measure_unit(parts.prefix, parts.suffix, kind)?, None)
        }
        NumberKind::Quantity if parts.has_affix() => {
            return Err(not_plain(text, parts.core, "a quantity is a number only"));
        }
        NumberKind::Quantity => ("", None),
        NumberKind::Money if !parts.has_affix() => ("", None),
        NumberKind::Money if !notation.stated => {
            return Err(not_plain(
                text,
                parts.core,
                "the cell is not a plain number",
            ));
        }
        NumberKind::Money => ("", amount_currency(parts.prefix, parts.suffix)?),
    };
    let value: Decimal = digits.parse().map_err(|_| too_large(kind))?;
    check_range(value, kind, parts.negative, money.or(row_currency))?;
    let oversold = parts.negative && !value.is_zero();
    let text = match kind {
        NumberKind::Money => digits,
        NumberKind::Quantity if oversold => "0".to_owned(),
        NumberKind::Quantity if value.fract().is_zero() => value.trunc().normalize().to_string(),
        NumberKind::Quantity => {
            return Err(fault(
                "quantity_fraction",
                format!("{text} is not a whole number of pieces"),
                "state whole pieces",
            ));
        }
        NumberKind::Weight | NumberKind::Length if unit.is_empty() => value.normalize().to_string(),
        NumberKind::Weight | NumberKind::Length => format!("{} {unit}", value.normalize()),
    };
    Ok(Number {
        text: Cow::Owned(text),
        currency: money,
        oversold,
    })
}

/// The common case, told without any copying: digits, at most one point that is no grouping.
pub(super) fn is_plain(text: &str, kind: NumberKind, notation: Notation) -> bool {
    let bytes = text.as_bytes();
    // Seven digits cannot pass any limit.
    let digits = bytes
        .iter()
        .take_while(|byte| byte.is_ascii_digit())
        .count();
    if digits == 0 || digits > 7 || (digits > 1 && bytes[0] == b'0') {
        return false;
    }
    match bytes[digits..].split_first() {
        None => !matches!(kind, NumberKind::Weight | NumberKind::Length),
        Some((b'.', fraction)) => {
            kind == NumberKind::Money
                && notation.decimal == '.'
                && matches!(fraction.len(), 1 | 2)
                && fraction.iter().all(u8::is_ascii_digit)
        }
        Some(_) => false,
    }
}

fn refuse_placeholder(text: &str) -> Result<(), NumberFault> {
    if text.starts_with('#') {
        return Err(fault(
            "spreadsheet_error",
            format!("{text} is an error that the spreadsheet wrote"),
            format!("repair the formula, or {BLANK_MEANS}"),
        ));
    }
    if PLACEHOLDERS.contains(&text.to_lowercase().as_str()) {
        return Err(fault(
            "number_placeholder",
            format!("`{text}` is not a number"),
            BLANK_MEANS,
        ));
    }
    Ok(())
}

/// A number and what stands around it.
#[derive(Debug)]
struct Parts<'a> {
    prefix: &'a str,
    negative: bool,
    /// From the first digit or separator to the last digit, without the sign.
    core: &'a str,
    suffix: &'a str,
}

impl<'a> Parts<'a> {
    fn of(text: &'a str) -> Result<Self, NumberFault> {
        let unreadable = || {
            fault(
                "number_unreadable",
                format!("`{text}` is not a number"),
                "enter a plain number such as 12.50",
            )
        };
        let first = text
            .find(|c: char| c.is_ascii_digit())
            .ok_or_else(unreadable)?;
        let last = text
            .rfind(|c: char| c.is_ascii_digit())
            .ok_or_else(unreadable)?;
        // `.5` and `,5`, but not the point of `Rs. 5`.
        let start = match text[..first].chars().next_back() {
            Some('.' | ',') if text[..first - 1].chars().all(|c| !c.is_alphabetic()) => first - 1,
            _ => first,
        };
        let before = text[..start].trim();
        let is_sign = |c: char| matches!(c, '-' | '+' | '\u{2212}');
        let (sign, prefix) = match before.chars().next() {
            Some(c) if is_sign(c) => (Some(c), before[c.len_utf8()..].trim_start()),
            _ => match before.chars().next_back() {
                Some(c) if is_sign(c) => {
                    (Some(c), before[..before.len() - c.len_utf8()].trim_end())
                }
                _ => (None, before),
            },
        };
        let suffix = text[last + 1..].trim();
        // `5.` and the Swiss and Nordic `12.-`, `12,-`.
        let suffix = match suffix.strip_prefix(['.', ',']) {
            Some(rest) if rest.is_empty() || matches!(rest, "-" | "--" | "–") => "",
            _ => suffix,
        };
        Ok(Self {
            prefix,
            negative: matches!(sign, Some('-' | '\u{2212}')),
            core: &text[start..=last],
            suffix,
        })
    }

    fn has_affix(&self) -> bool {
        !self.prefix.is_empty() || !self.suffix.is_empty()
    }
}

fn scientific(text: &str) -> Option<NumberFault> {
    let (mantissa, exponent) = text.split_once(['e', 'E'])?;
    let exponent_digits = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
    let is_scientific = !exponent_digits.is_empty()
        && exponent_digits.bytes().all(|byte| byte.is_ascii_digit())
        && mantissa.bytes().any(|byte| byte.is_ascii_digit())
        && mantissa
            .bytes()
            .all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b',' | b'-' | b'+'));
    is_scientific.then(|| {
        let value = Decimal::from_scientific(&text.replace(',', ".")).ok();
        fault(
            "number_scientific",
            format!("{text} is in scientific notation"),
            match value {
                Some(value) => format!("write it out, if it is right: {}", value.normalize()),
                None => "write the number out".to_owned(),
            },
        )
    })
}

fn check_range(
    value: Decimal,
    kind: NumberKind,
    negative: bool,
    currency: Option<Currency>,
) -> Result<(), NumberFault> {
    let limit = match kind {
        NumberKind::Money if currency.is_some_and(has_small_units) => LARGEST_PRICE * 1000,
        NumberKind::Money => LARGEST_PRICE,
        _ => LARGEST_QUANTITY,
    };
    if value > Decimal::from(limit) {
        return Err(too_large(kind));
    }
    if negative && !value.is_zero() && kind != NumberKind::Quantity {
        return Err(fault(
            "number_negative",
            "the number is below zero",
            BLANK_MEANS,
        ));
    }
    Ok(())
}

fn too_large(kind: NumberKind) -> NumberFault {
    let (code, what) = match kind {
        NumberKind::Money => ("price_absurd", "price"),
        NumberKind::Quantity => ("quantity_absurd", "quantity"),
        NumberKind::Weight | NumberKind::Length => ("measure_absurd", "measure"),
    };
    fault(
        code,
        format!("the {what} is absurdly large"),
        "are there digits too many, or is a decimal separator missing?",
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::digits::decimal_evidence;
    use super::*;

    const AUTO: Notation = Notation {
        decimal: '.',
        stated: false,
    };
    const AUTO_COMMA: Notation = Notation {
        decimal: ',',
        stated: false,
    };
    const POINT: Notation = Notation {
        decimal: '.',
        stated: true,
    };
    const COMMA: Notation = Notation {
        decimal: ',',
        stated: true,
    };

    fn read(text: &str, kind: NumberKind, notation: Notation) -> Result<String, &'static str> {
        read_number(text, kind, notation, None)
            .map(|number| number.text.into_owned())
            .map_err(|fault| fault.code)
    }

    fn money(text: &str, notation: Notation) -> Result<String, &'static str> {
        read(text, NumberKind::Money, notation)
    }

    #[test]
    fn plain_amounts_keep_their_decimals() {
        for text in ["0", "12", "12.5", "12.50", "0.05", "1299.00", "1234.567"] {
            assert_eq!(money(text, AUTO).as_deref(), Ok(text));
        }
        assert_eq!(money(".5", AUTO).as_deref(), Ok("0.5"));
        assert_eq!(money("007.50", AUTO).as_deref(), Ok("7.50"));
        assert_eq!(money("'7.50", AUTO).as_deref(), Ok("7.50"));
        assert_eq!(money("12,50", AUTO_COMMA).as_deref(), Ok("12.50"));
        assert_eq!(money(",5", AUTO_COMMA).as_deref(), Ok("0.5"));
    }

    #[test]
    fn what_can_be_read_in_two_ways_is_refused() {
        assert_eq!(money("1.234", AUTO), Err("number_ambiguous"));
        assert_eq!(money("1,234", AUTO), Err("number_ambiguous"));
        assert_eq!(money("1,234", AUTO_COMMA), Err("number_ambiguous"));
        assert_eq!(money("0.234", AUTO).as_deref(), Ok("0.234"));
        assert_eq!(
            read("1.234 kg", NumberKind::Weight, AUTO).as_deref(),
            Ok("1.234 kg")
        );
        assert_eq!(
            read("1,234 kg", NumberKind::Weight, AUTO),
            Err("number_ambiguous")
        );
        let hint = read_number("1.234", NumberKind::Money, AUTO, None)
            .unwrap_err()
            .hint;
        assert!(hint.contains("1234 ") && hint.contains("1.2340"), "{hint}");
        assert_eq!(money("1.234", COMMA).as_deref(), Ok("1234"));
        assert_eq!(money("1.234", POINT).as_deref(), Ok("1.234"));
        assert_eq!(money("12,50", AUTO), Err("number_separator"));
        assert_eq!(money("12.50", AUTO_COMMA), Err("number_separator"));
    }

    #[test]
    fn grouping_and_currency_need_a_stated_separator() {
        for text in [
            "1.234,56 EUR",
            "2\u{A0}999,00 kr",
            "SEK 2.000,00",
            "€ 5",
            "5 €",
        ] {
            let fault = read_number(text, NumberKind::Money, AUTO, None).unwrap_err();
            assert_eq!(fault.code, "number_not_plain", "{text}");
            assert!(fault.hint.contains("decimal = \"comma\""));
        }
        let fault = read_number("1.234,56 EUR", NumberKind::Money, AUTO, None).unwrap_err();
        assert!(fault.hint.contains("1234.56"), "{}", fault.hint);
        assert_eq!(money("1.234,56 EUR", COMMA).as_deref(), Ok("1234.56"));
        assert_eq!(money("2\u{A0}999,00 kr", COMMA).as_deref(), Ok("2999.00"));
        assert_eq!(money("1'234.50", POINT).as_deref(), Ok("1234.50"));
        assert_eq!(money("12,-", COMMA).as_deref(), Ok("12"));
        for text in [
            "1.23,56",
            "12.50",
            "1,234,5",
            "1.2345.678",
            "0.123",
            "1..234",
        ] {
            assert_eq!(money(text, COMMA), Err("number_grouping"), "{text}");
        }
        let sek = read_number("SEK 2.000,00", NumberKind::Money, COMMA, None).unwrap();
        assert_eq!(
            (sek.text.as_ref(), sek.currency),
            ("2000.00", Some(Currency::SEK))
        );
        assert_eq!(money("5 apples", COMMA), Err("number_unreadable"));
        assert_eq!(money("EUR 5 SEK", COMMA), Err("number_unreadable"));
    }

    #[test]
    fn words_errors_and_exponents_are_named() {
        for text in ["Nill", "null", "N/A", "-", "none"] {
            assert_eq!(money(text, AUTO), Err("number_placeholder"), "{text}");
        }
        for text in ["#REF!", "#VALUE!", "#N/A", "#DIV/0!"] {
            assert_eq!(money(text, COMMA), Err("spreadsheet_error"), "{text}");
        }
        assert_eq!(money("cheap", AUTO), Err("number_unreadable"));
        let fault =
            read_number("1.956000000000000e+02", NumberKind::Money, AUTO, None).unwrap_err();
        assert_eq!(fault.code, "number_scientific");
        assert!(fault.hint.contains("195.6"));
    }

    #[test]
    fn signs_and_sizes() {
        assert_eq!(money("-5", AUTO), Err("number_negative"));
        assert_eq!(money("-0.00", AUTO).as_deref(), Ok("0.00"));
        assert_eq!(money("10000001", AUTO), Err("price_absurd"));
        assert_eq!(money("10000000", AUTO).as_deref(), Ok("10000000"));
        assert!(read_number("25000000", NumberKind::Money, AUTO, Some(Currency::VND)).is_ok());
        assert_eq!(money(&"9".repeat(60), AUTO), Err("price_absurd"));
        let quantity = |text| read(text, NumberKind::Quantity, AUTO);
        assert_eq!(quantity("5.0").as_deref(), Ok("5"));
        assert_eq!(quantity("2.5"), Err("quantity_fraction"));
        assert_eq!(quantity("5 pcs"), Err("number_not_plain"));
        assert_eq!(quantity("10000001"), Err("quantity_absurd"));
        let sold = read_number("-3", NumberKind::Quantity, AUTO, None).unwrap();
        assert_eq!((sold.text.as_ref(), sold.oversold), ("0", true));
        assert!(
            !read_number("0", NumberKind::Quantity, AUTO, None)
                .unwrap()
                .oversold
        );
    }

    #[test]
    fn measures_carry_one_spelling_of_their_unit() {
        let weight = |text| read(text, NumberKind::Weight, AUTO);
        assert_eq!(weight("2000.0 g").as_deref(), Ok("2000 g"));
        assert_eq!(weight("0.5KG").as_deref(), Ok("0.5 kg"));
        assert_eq!(weight("2 lbs").as_deref(), Ok("2 lb"));
        assert_eq!(weight("2").as_deref(), Ok("2"));
        assert_eq!(weight("2 stone"), Err("unit_unknown"));
        assert_eq!(read("3\"", NumberKind::Length, AUTO).as_deref(), Ok("3 in"));
        assert_eq!(
            read("0.5", NumberKind::Length, AUTO_COMMA).as_deref(),
            Ok("0.5")
        );
    }

    #[test]
    fn evidence_is_only_what_has_one_reading() {
        assert_eq!(decimal_evidence("12,50"), Some(','));
        assert_eq!(decimal_evidence(",5"), Some(','));
        assert_eq!(decimal_evidence("0,123"), Some(','));
        assert_eq!(decimal_evidence("12.5"), Some('.'));
        for text in ["12", "1,234", "1.234,56", "Nill", "12,50 EUR", "1,", ""] {
            assert_eq!(decimal_evidence(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "\\PC{1,20}", stated in any::<bool>(), comma in any::<bool>()) {
            let notation = Notation { decimal: if comma { ',' } else { '.' }, stated };
            for kind in [NumberKind::Money, NumberKind::Quantity, NumberKind::Weight, NumberKind::Length] {
                if let Ok(number) = read_number(text.trim(), kind, notation, None) {
                    let digits = number.text.split(' ').next().unwrap();
                    prop_assert!(digits.parse::<Decimal>().is_ok(), "{} became {}", text, number.text);
                }
            }
        }

        #[test]
        fn a_grouped_number_is_the_number(cents in 0_i64..1_000_000_000) {
            let value = Decimal::new(cents, 2);
            let plain = format!("{value:.2}");
            let (whole, fraction) = plain.split_once('.').unwrap();
            let mut grouped = String::new();
            for (place, digit) in whole.chars().enumerate() {
                if place > 0 && (whole.len() - place) % 3 == 0 {
                    grouped.push('.');
                }
                grouped.push(digit);
            }
            let written = format!("{grouped},{fraction} EUR");
            prop_assert_eq!(money(&written, COMMA), Ok(plain.clone()));
            prop_assert_eq!(money(&plain, AUTO), Ok(plain));
        }
    }
}
