//! How the API writes values, and makes addresses out of names.

use jiff::Timestamp;
use rust_decimal::Decimal;

/// A moment, to the second.
pub fn moment(at: Timestamp) -> String {
    format!("{at:.0}")
}

/// An amount of an order: `19.9`, `20.0`. Trailing zeroes are left out, but for one.
pub fn amount(amount: Decimal) -> String {
    let text = amount.round_dp(2).normalize().to_string();
    if text.contains('.') {
        text
    } else {
        format!("{text}.0")
    }
}

/// A price of a variant: always two decimals.
pub fn price(price: Decimal) -> String {
    format!("{:.2}", price.round_dp(2))
}

/// A handle made from a title: lower case, everything else than letters and digits as one hyphen.
pub fn handle(title: &str) -> String {
    let mut handle = String::new();
    for c in title.to_lowercase().chars() {
        if c.is_alphanumeric() {
            handle.push(c);
        } else if !handle.ends_with('-') && !handle.is_empty() {
            handle.push('-');
        }
    }
    let handle = handle.trim_end_matches('-');
    match handle {
        "" => "product".to_owned(),
        handle => handle.to_owned(),
    }
}

/// Text without its tags.
pub fn plain(html: &str) -> String {
    let mut plain = String::new();
    let mut inside = false;
    for c in html.chars() {
        match c {
            '<' => inside = true,
            '>' if inside => inside = false,
            c if !inside => plain.push(c),
            _ => {}
        }
    }
    plain.split_whitespace().collect::<Vec<_>>().join(" ")
}
