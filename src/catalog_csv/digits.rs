//! Points, commas and blanks between the digits of a number: which of them is the decimal separator.

use super::numbers::{Notation, NumberFault, NumberKind, fault};

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

/// The digits of the number with a decimal point.
pub(super) fn plain_digits(
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

/// One separator with exactly three digits behind it can be a thousand or a decimal.
fn may_be_grouping(whole: &str, fraction: &str) -> bool {
    fraction.len() == 3 && (1..=3).contains(&whole.len()) && !whole.starts_with('0')
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

/// The fault of a cell with more in it than a plain number.
pub(super) fn not_plain(text: &str, core: &str, message: &str) -> NumberFault {
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
