//! What the shop does to texts and numbers on their way in and out.

use rust_decimal::Decimal;

/// Keeps digits, signs and the last dot: `12,50` becomes `1250`, `1e3` becomes `13`, `abc` nothing.
pub fn decimal(text: &str) -> String {
    let last_dot = text.rfind('.');
    text.char_indices()
        .filter(|(at, c)| c.is_ascii_digit() || *c == '-' || (*c == '.' && Some(*at) == last_dot))
        .map(|(_, c)| c)
        .collect()
}

/// A stored price as a number; `.5` and `007.50` are numbers too.
pub fn number(text: &str) -> Option<Decimal> {
    let padded = match text.strip_prefix('.') {
        Some(rest) => format!("0.{rest}"),
        None => text.to_owned(),
    };
    padded.parse().ok()
}

/// Removes everything between `<` and the next `>`.
fn without_tags(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find('<') {
        let Some(length) = rest[start..].find('>') else {
            break;
        };
        kept.push_str(&rest[..start]);
        rest = &rest[start + length + 1..];
    }
    kept.push_str(rest);
    kept
}

/// Escapes `&` where it begins no entity.
fn escape_ampersands(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for (at, character) in text.char_indices() {
        escaped.push(character);
        if character == '&' {
            let name = text[at + 1..].split(';').next().unwrap_or_default();
            let is_entity = text[at + 1..].contains(';')
                && !name.is_empty()
                && name.len() <= 8
                && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '#');
            if !is_entity {
                escaped.push_str("amp;");
            }
        }
    }
    escaped
}

/// A name: no tags, no backslashes, entities.
pub fn name(text: &str) -> String {
    let text = without_tags(&text.replace('\\', ""));
    escape_ampersands(&text)
        .replace('<', "&lt;")
        .trim()
        .to_owned()
}

/// A text that may hold markup.
pub fn rich(text: &str) -> String {
    escape_ampersands(&text.replace('\\', ""))
}

/// Paragraphs, as a reader of the page sees them.
pub fn paragraphs(text: &str) -> String {
    text.replace("\r\n", "\n")
        .split("\n\n")
        .map(str::trim)
        .filter(|part| !part.is_empty())
        .map(|part| match part.starts_with('<') {
            true => format!("{part}\n"),
            false => format!("<p>{}</p>\n", part.replace('\n', "<br />\n")),
        })
        .collect()
}

/// Trimmed, blanks folded, tags and `%20` stripped, a lone `<` escaped.
pub fn sku(text: &str) -> String {
    let text = without_tags(text);
    let mut kept = String::with_capacity(text.len());
    let mut rest = text.as_str();
    while let Some(at) = rest.find('%') {
        kept.push_str(&rest[..at]);
        let is_octet = rest
            .as_bytes()
            .get(at + 1..at + 3)
            .is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit));
        let length = if is_octet { 3 } else { 1 };
        kept.push_str(if is_octet { "" } else { "%" });
        rest = &rest[at + length..];
    }
    kept.push_str(rest);
    let folded: Vec<_> = kept.split_whitespace().collect();
    folded.join(" ").replace('<', "&lt;")
}

/// Letters empty it; anything of digits and hyphens passes.
pub fn gtin(text: &str) -> String {
    let text = text.trim();
    match text.chars().all(|c| c.is_ascii_digit() || c == '-') {
        true => text.to_owned(),
        false => String::new(),
    }
}

/// `Tom & Jerry` in an address: `tom-jerry`.
pub fn slug(text: &str) -> String {
    let plain = text.replace("&amp;", " ");
    let words: Vec<String> = plain
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect();
    words.join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prices_are_mangled_as_the_shop_does_it() {
        for (sent, stored) in [
            ("12,50", "1250"),
            ("1.234,56", "1.23456"),
            ("1e3", "13"),
            ("€19.99", "19.99"),
            ("abc", ""),
            ("-5", "-5"),
            ("007.50", "007.50"),
            (".5", ".5"),
        ] {
            assert_eq!(decimal(sent), stored);
        }
        assert_eq!(number(".5"), number("0.50"));
    }

    #[test]
    fn skus_and_names_are_cleaned() {
        assert_eq!(sku("  A   B "), "A B");
        assert_eq!(sku("A%20B<b>C</b>"), "ABC");
        assert_eq!(sku("100%"), "100%");
        assert_eq!(sku("a<b"), "a&lt;b");
        assert_eq!(name("Tom & Jerry"), "Tom &amp; Jerry");
        assert_eq!(name("Tom &amp; Jerry"), "Tom &amp; Jerry");
        assert_eq!(name("5 < 6 > 4"), "5  4");
        assert_eq!(name("a\\b"), "ab");
        assert_eq!(gtin("4006381333931"), "4006381333931");
        assert_eq!(gtin("40063X"), "");
        assert_eq!(paragraphs("é😀"), "<p>é😀</p>\n");
    }
}
