//! Reads the numbers that people and spreadsheets write, and refuses what can be read in two ways.

use std::borrow::Cow;

use iso_currency::Currency;
use rust_decimal::Decimal;
use serde::Deserialize;

use crate::domain::money::currency;

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

fn fault(code: &'static str, message: impl Into<String>, hint: impl Into<String>) -> NumberFault {
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
    if is_plain(text, kind) {
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
        NumberKind::Weight | NumberKind::Length => (measure_unit(&parts, kind)?, None),
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
        NumberKind::Money => ("", amount_currency(&parts)?),
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

/// What one cell tells about the file: `','` or `'.'` when it can only be a decimal separator.
pub(super) fn decimal_evidence(text: &str) -> Option<char> {
    let core = text.strip_prefix(['-', '\'']).unwrap_or(text);
    let separator = core.chars().find(|c| !c.is_ascii_digit())?;
    let (whole, fraction) = core.split_once(separator)?;
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let decimal = matches!(separator, ',' | '.')
        && !fraction.is_empty()
        && digits(whole)
        && digits(fraction)
        && !may_be_grouping(whole, fraction);
    decimal.then_some(separator)
}

/// The common case, told without any copying: digits, at most one point that is no grouping.
fn is_plain(text: &str, kind: NumberKind) -> bool {
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
                && matches!(fraction.len(), 1 | 2)
                && fraction.iter().all(u8::is_ascii_digit)
        }
        Some(_) => false,
    }
}

/// One separator with exactly three digits behind it can be a thousand or a decimal.
fn may_be_grouping(whole: &str, fraction: &str) -> bool {
    fraction.len() == 3 && (1..=3).contains(&whole.len()) && !whole.starts_with('0')
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

/// The digits of the number with a decimal point.
fn plain_digits(
    core: &str,
    kind: NumberKind,
    notation: Notation,
    text: &str,
) -> Result<String, NumberFault> {
    let is_separator = |c: char| !c.is_ascii_digit();
    let separators = core.chars().filter(|&c| is_separator(c)).count();
    if separators == 0 {
        return Ok(tidy(core, ""));
    }
    if notation.stated {
        return grouped_digits(core, notation.decimal).ok_or_else(|| {
            fault(
                "number_grouping",
                format!(
                    "`{text}` is not a number with decimal {}",
                    name_of(notation.decimal)
                ),
                format!(
                    "write {} or {}, as `decimal` says",
                    plain_suggestion(core).replace('.', &notation.decimal.to_string()),
                    if notation.decimal == ',' {
                        "1.234,56"
                    } else {
                        "1,234.56"
                    }
                ),
            )
        });
    }
    let separator = core.chars().find(|&c| is_separator(c)).unwrap_or('.');
    if separators > 1 || !matches!(separator, '.' | ',') {
        return Err(not_plain(text, core, "the cell is not a plain number"));
    }
    let (whole, fraction) = core.split_once(separator).unwrap_or((core, ""));
    let measure = matches!(kind, NumberKind::Weight | NumberKind::Length);
    if may_be_grouping(whole, fraction)
        && !(measure && (separator == '.' || separator == notation.decimal))
    {
        return Err(fault(
            "number_ambiguous",
            format!("{core} can be read in two ways"),
            format!(
                "write {whole}{fraction} for the thousands, or {whole}.{fraction}0 for the decimals; or state `decimal = \"comma\"` or `decimal = \"point\"` for the file"
            ),
        ));
    }
    // A decimal point in a measure is what shops write whatever their prices look like.
    if separator != notation.decimal && !(measure && separator == '.') {
        return Err(fault(
            "number_separator",
            format!(
                "{core} has a decimal {}, while the file's other numbers have a decimal {}",
                name_of(separator),
                name_of(notation.decimal)
            ),
            format!(
                "write {whole}{}{fraction}, or state `decimal = \"{}\"` when the whole file is meant so",
                notation.decimal,
                name_of(separator)
            ),
        ));
    }
    Ok(tidy(whole, fraction))
}

/// Digits in groups of three with one kind of separator, and an optional fraction.
fn grouped_digits(core: &str, decimal: char) -> Option<String> {
    let (whole, fraction) = match core.split_once(decimal) {
        Some((whole, fraction)) => (whole, fraction),
        None => (core, ""),
    };
    if !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let Some(group) = whole.chars().find(|c| !c.is_ascii_digit()) else {
        return Some(tidy(whole, fraction));
    };
    let allowed = matches!(
        group,
        '.' | ',' | ' ' | '\u{A0}' | '\u{202F}' | '\u{2009}' | '\'' | '\u{2019}'
    );
    let mut groups = whole.split(group);
    let first = groups.next()?;
    let right = allowed
        && group != decimal
        && (1..=3).contains(&first.len())
        && !first.starts_with('0')
        && first.bytes().all(|byte| byte.is_ascii_digit())
        && groups
            .all(|digits| digits.len() == 3 && digits.bytes().all(|byte| byte.is_ascii_digit()));
    right.then(|| tidy(&whole.replace(group, ""), fraction))
}

fn tidy(whole: &str, fraction: &str) -> String {
    let whole = whole.trim_start_matches('0');
    let whole = if whole.is_empty() { "0" } else { whole };
    if fraction.is_empty() {
        whole.to_owned()
    } else {
        format!("{whole}.{fraction}")
    }
}

fn name_of(separator: char) -> &'static str {
    if separator == ',' { "comma" } else { "point" }
}

fn not_plain(text: &str, core: &str, message: &str) -> NumberFault {
    fault(
        "number_not_plain",
        format!("{message}: `{text}`"),
        format!(
            "write {}, or state `decimal = \"comma\"` or `decimal = \"point\"` so that grouping and currency are understood",
            plain_suggestion(core)
        ),
    )
}

/// The most likely plain form, for a hint only: the last point or comma is taken for the decimal separator
/// unless exactly three digits follow it.
fn plain_suggestion(core: &str) -> String {
    let digits = |text: &str| {
        text.chars()
            .filter(char::is_ascii_digit)
            .collect::<String>()
    };
    match core.rfind(['.', ',']) {
        Some(place) if core[place + 1..].len() != 3 => {
            tidy(&digits(&core[..place]), &core[place + 1..])
        }
        _ => tidy(&digits(core), ""),
    }
}

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

fn measure_unit(parts: &Parts<'_>, kind: NumberKind) -> Result<&'static str, NumberFault> {
    if parts.prefix.is_empty() && parts.suffix.is_empty() {
        return Ok("");
    }
    known_unit(parts.suffix, kind)
        .filter(|_| parts.prefix.is_empty())
        .ok_or_else(|| {
            fault(
                "unit_unknown",
                format!(
                    "`{} {}` is not a unit that is known here",
                    parts.prefix, parts.suffix
                ),
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

fn amount_currency(parts: &Parts<'_>) -> Result<Option<Currency>, NumberFault> {
    let mut found = None;
    for affix in [parts.prefix, parts.suffix] {
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
fn has_small_units(currency: Currency) -> bool {
    const SMALL: &[&str] = &[
        "IDR", "VND", "IRR", "LAK", "UZS", "GNF", "PYG", "COP", "KRW", "LBP", "CLP", "MMK", "KHR",
        "MNT", "SLL", "UGX",
    ];
    SMALL.contains(&currency.code())
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
