//! Descriptions as plain text: both formats show tags to the buyer as they stand, or refuse them.

use std::borrow::Cow;

/// Tags that end a line.
const BREAKS: &[&str] = &[
    "br",
    "p",
    "div",
    "li",
    "ul",
    "ol",
    "tr",
    "table",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "hr",
    "section",
    "article",
    "blockquote",
];

/// Removes tags, comments, scripts and styles, and resolves the common entities. A text without any is given
/// back as it is; `a < b` and `R&D` are no markup.
pub fn to_plain_text(text: &str) -> Cow<'_, str> {
    if !text.contains(['<', '&']) {
        return Cow::Borrowed(text);
    }
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(['<', '&']) {
        plain.push_str(&rest[..start]);
        rest = &rest[start..];
        let step = if rest.starts_with('<') {
            markup(rest)
        } else {
            entity(rest)
        };
        match step {
            Some((text, length)) => {
                plain.push_str(&text);
                rest = &rest[length..];
            }
            None => {
                plain.push_str(&rest[..1]);
                rest = &rest[1..];
            }
        }
    }
    plain.push_str(rest);
    Cow::Owned(plain)
}

/// What a tag or comment at the start of the text comes down to, and its length in bytes.
fn markup(text: &str) -> Option<(String, usize)> {
    if let Some(rest) = text.strip_prefix("<!--") {
        return rest.find("-->").map(|end| (String::new(), end + 7));
    }
    if let Some(rest) = text.strip_prefix("<![CDATA[") {
        let end = rest.find("]]>")?;
        return Some((rest[..end].to_owned(), end + 12));
    }
    let after = text[1..].strip_prefix('/').unwrap_or(&text[1..]);
    let length = after
        .find(|c: char| !c.is_ascii_alphanumeric())
        .unwrap_or(after.len());
    let name = after[..length].to_ascii_lowercase();
    let follows = after[length..].chars().next()?;
    if !name.starts_with(|c: char| c.is_ascii_alphabetic())
        || !(follows.is_whitespace() || matches!(follows, '>' | '/'))
    {
        return None;
    }
    let end = text.find('>')? + 1;
    if matches!(name.as_str(), "script" | "style") && !text.starts_with("</") {
        let close = format!("</{name}");
        let body = text[end..].to_ascii_lowercase().find(&close)? + end;
        let end = text[body..].find('>')? + body + 1;
        return Some((String::new(), end));
    }
    let replacement = if BREAKS.contains(&name.as_str()) {
        "\n"
    } else {
        ""
    };
    Some((replacement.to_owned(), end))
}

/// The character that an entity at the start of the text stands for, and the entity's length in bytes.
fn entity(text: &str) -> Option<(String, usize)> {
    const LONGEST: usize = 10;
    let end = text
        .char_indices()
        .take(LONGEST)
        .find(|(_, c)| *c == ';')?
        .0;
    let name = &text[1..end];
    let c = match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        "nbsp" => ' ',
        "ndash" => '\u{2013}',
        "mdash" => '\u{2014}',
        "hellip" => '\u{2026}',
        "bull" => '\u{2022}',
        "deg" => '\u{b0}',
        "euro" => '\u{20ac}',
        "auml" => 'ä',
        "ouml" => 'ö',
        "uuml" => 'ü',
        "Auml" => 'Ä',
        "Ouml" => 'Ö',
        "Uuml" => 'Ü',
        "szlig" => 'ß',
        "eacute" => 'é',
        "egrave" => 'è',
        "agrave" => 'à',
        "ccedil" => 'ç',
        _ => {
            let digits = name.strip_prefix('#')?;
            let code = match digits.strip_prefix(['x', 'X']) {
                Some(hexadecimal) => u32::from_str_radix(hexadecimal, 16).ok()?,
                None => digits.parse().ok()?,
            };
            char::from_u32(code)?
        }
    };
    Some((c.to_string(), end + 1))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn markup_goes_and_text_stays() {
        for (html, plain) in [
            ("<p>Soft <b>tee</b></p>", "\nSoft tee\n"),
            ("a < b, R&D; 5 <6 & x<y", "a < b, R&D; 5 <6 & x<y"),
            ("one<br/>two<BR class=\"x\">three", "one\ntwo\nthree"),
            (
                "K&amp;M &#8364;5 &#x1F600; &uuml;ber &unknown;",
                "K&M €5 😀 über &unknown;",
            ),
            ("a<!-- <b> -->b<script>if (x<y) {}</script>c", "abc"),
            ("<![CDATA[raw]]>!", "raw!"),
            ("cut <b", "cut <b"),
        ] {
            assert_eq!(to_plain_text(html), plain);
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in any::<String>()) {
            let _ = to_plain_text(&text);
        }

        #[test]
        fn a_text_without_marks_stays_as_it_is(text in "[^<&]*") {
            prop_assert_eq!(&*to_plain_text(&text), &text);
        }
    }
}
