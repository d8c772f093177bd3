//! Numbers, ages, tables and colors as a person reads them. Nothing of this appears in JSON.

use std::borrow::Cow;

use comfy_table::{Attribute, Cell, CellAlignment, Color, Table, presets};
use jiff::Timestamp;

use crate::domain::money::Money;

/// Whether text may carry colors. Without them it says the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Paint {
    pub color: bool,
}

/// What a color stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    Bad,
    Warning,
    Good,
    Strong,
    Faint,
}

impl Paint {
    pub const PLAIN: Self = Self { color: false };

    pub fn text(self, tone: Tone, text: &str) -> String {
        let code = match tone {
            Tone::Bad => "1;31",
            Tone::Warning => "1;33",
            Tone::Good => "32",
            Tone::Strong => "1",
            Tone::Faint => "2",
        };
        if self.color {
            format!("\u{1b}[{code}m{text}\u{1b}[0m")
        } else {
            text.to_owned()
        }
    }

    /// A cell of a table: its width is counted without its color.
    pub fn cell(self, tone: Tone, text: &str) -> Cell {
        let cell = Cell::new(text);
        match tone {
            _ if !self.color => cell,
            Tone::Bad => cell.fg(Color::Red).add_attribute(Attribute::Bold),
            Tone::Warning => cell.fg(Color::Yellow).add_attribute(Attribute::Bold),
            Tone::Good => cell.fg(Color::Green),
            Tone::Strong => cell.add_attribute(Attribute::Bold),
            Tone::Faint => cell.add_attribute(Attribute::Dim),
        }
    }
}

/// Text of others on one line of the terminal: what would move the cursor, change colors or turn the
/// direction of reading is replaced.
pub fn clean(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_unsafe) {
        return Cow::Borrowed(text);
    }
    let replaced = text.chars().map(|c| match c {
        '\n' | '\r' | '\t' | '\u{2028}' | '\u{2029}' => ' ',
        c if is_unsafe(c) => '\u{FFFD}',
        c => c,
    });
    Cow::Owned(replaced.collect())
}

fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{061C}' | '\u{200B}' | '\u{200E}' | '\u{200F}' | '\u{2028}'..='\u{202E}'
            | '\u{2066}'..='\u{2069}' | '\u{FEFF}')
}

/// [`clean`], and cut to at most `most` characters.
pub fn short(text: &str, most: usize) -> String {
    let text = clean(text);
    match text.char_indices().nth(most) {
        None => text.into_owned(),
        Some(_) => {
            let kept: String = text.chars().take(most.saturating_sub(1)).collect();
            format!("{}…", kept.trim_end())
        }
    }
}

/// `1,204`.
pub fn number(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `1 order`, `1,204 orders`.
pub fn counted(count: u64, one: &str, many: &str) -> String {
    let word = if count == 1 { one } else { many };
    format!("{} {word}", number(count))
}

/// The exact amount, with at least the decimals that its currency has: `5.00`, `0.0525`.
pub fn amount(money: &Money) -> String {
    if money.rounded().amount == money.amount {
        money.to_plain()
    } else {
        money.amount.normalize().to_string()
    }
}

/// The exact amount and its currency.
pub fn money(money: &Money) -> String {
    format!("{} {}", amount(money), money.currency.code())
}

/// `2026-11-21 09:15` in UTC.
pub fn moment(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

/// `45 s`, `12 min`, `47 h`, `2 d`: rounded down; below two days in hours.
pub fn span(seconds: i64) -> String {
    let seconds = seconds.max(0);
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3_600 => format!("{} min", seconds / 60),
        3_600..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} d", seconds / 86_400),
    }
}

/// `3 h ago`; a moment to come is `in 3 h`.
pub fn relative(at: Timestamp, now: Timestamp) -> String {
    let seconds = now.as_second() - at.as_second();
    if seconds < 0 {
        format!("in {}", span(-seconds))
    } else {
        format!("{} ago", span(seconds))
    }
}

/// A table without lines: columns two blanks apart. `right` names the columns of numbers.
pub fn table(paint: Paint, header: &[&str], rows: Vec<Vec<Cell>>, right: &[usize]) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    if paint.color {
        table.enforce_styling();
    } else {
        table.force_no_tty();
    }
    if !header.is_empty() {
        let cells: Vec<Cell> = header
            .iter()
            .map(|title| paint.cell(Tone::Strong, title))
            .collect();
        table.set_header(cells);
    }
    table.add_rows(rows);
    for (position, column) in table.column_iter_mut().enumerate() {
        column.set_padding((0, 2));
        if right.contains(&position) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    let mut text = String::new();
    for line in table.lines() {
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// Cells of plain text.
pub fn cells<const N: usize>(texts: [String; N]) -> Vec<Cell> {
    texts.into_iter().map(Cell::new_owned).collect()
}

/// Every line of a block moved to the right.
pub fn indented(block: &str, blanks: usize) -> String {
    let mut text = String::with_capacity(block.len());
    for line in block.lines() {
        if !line.is_empty() {
            text.push_str(&" ".repeat(blanks));
            text.push_str(line);
        }
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use iso_currency::Currency;

    use super::*;

    #[test]
    fn numbers_have_separators_from_a_thousand_on() {
        for (value, text) in [
            (0, "0"),
            (999, "999"),
            (1_000, "1,000"),
            (1_234_567, "1,234,567"),
        ] {
            assert_eq!(number(value), text);
        }
        assert_eq!(counted(1, "order", "orders"), "1 order");
        assert_eq!(counted(0, "order", "orders"), "0 orders");
    }

    #[test]
    fn what_would_steer_a_terminal_is_replaced() {
        assert_eq!(
            clean("\u{1b}]0;owned\u{7}\u{9b}31mred"),
            "\u{FFFD}]0;owned\u{FFFD}\u{FFFD}31mred"
        );
        assert_eq!(clean("two\r\nlines\tand tab"), "two  lines and tab");
        assert_eq!(clean("\u{202e}txt.exe"), "\u{FFFD}txt.exe");
        // Joins emoji and letters of some scripts: harmless, and needed.
        assert_eq!(
            clean("👩\u{200d}🌾 größe 自転車"),
            "👩\u{200d}🌾 größe 自転車"
        );
    }

    #[test]
    fn long_text_is_cut_by_characters() {
        assert_eq!(short("自転車のライト", 4), "自転車…");
        assert_eq!(short("four", 4), "four");
    }

    #[test]
    fn ages_use_one_unit() {
        let now: Timestamp = "2026-01-10T00:00:00Z".parse().unwrap();
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        assert_eq!(relative(at("2026-01-09T23:59:15Z"), now), "45 s ago");
        assert_eq!(relative(at("2026-01-09T21:00:00Z"), now), "3 h ago");
        assert_eq!(relative(at("2026-01-01T00:00:00Z"), now), "9 d ago");
        assert_eq!(relative(at("2026-01-10T00:12:00Z"), now), "in 12 min");
    }

    #[test]
    fn an_amount_keeps_every_decimal() {
        let eur = |text: &str| Money::new(text.parse().unwrap(), Currency::EUR);
        assert_eq!(amount(&eur("5")), "5.00");
        assert_eq!(amount(&eur("0.052500")), "0.0525");
        assert_eq!(amount(&eur("-3.5")), "-3.50");
        assert_eq!(
            amount(&Money::new("1200".parse().unwrap(), Currency::JPY)),
            "1200"
        );
    }

    #[test]
    fn wide_letters_and_colors_do_not_shift_columns() {
        let rows = || {
            vec![
                vec![Cell::new("自転車"), Cell::new("1")],
                vec![
                    Paint { color: true }.cell(Tone::Bad, "abc"),
                    Cell::new("20"),
                ],
            ]
        };
        let plain = table(Paint::PLAIN, &["what", "n"], rows(), &[1]);
        assert_eq!(plain, "what     n\n自転車   1\nabc     20\n");
        assert!(!plain.contains('\u{1b}'));
        assert!(table(Paint { color: true }, &["what", "n"], rows(), &[1]).contains('\u{1b}'));
    }
}
