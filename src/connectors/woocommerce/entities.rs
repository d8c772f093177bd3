//! WordPress keeps names with HTML entities: `Tom &amp; Jerry`. The catalog says `Tom & Jerry`.

/// Entities that WordPress writes itself, beside the numeric ones.
const NAMED: &[(&str, char)] = &[
    ("amp", '&'),
    ("lt", '<'),
    ("gt", '>'),
    ("quot", '"'),
    ("apos", '\''),
    ("nbsp", '\u{a0}'),
    ("ndash", '–'),
    ("mdash", '—'),
    ("hellip", '…'),
    ("lsquo", '‘'),
    ("rsquo", '’'),
    ("ldquo", '“'),
    ("rdquo", '”'),
    ("times", '×'),
];

/// Longest entity that is looked for, without `&` and `;`.
const LONGEST: usize = 8;

/// Replaces entities by their characters, once: `&amp;lt;` becomes `&lt;`.
pub fn decode(text: &str) -> String {
    let mut decoded = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find('&') {
        decoded.push_str(&rest[..start]);
        rest = &rest[start..];
        let end = rest.find(';').filter(|end| (2..=LONGEST + 1).contains(end));
        match end.and_then(|end| Some((character(&rest[1..end])?, end))) {
            Some((character, end)) => {
                decoded.push(character);
                rest = &rest[end + 1..];
            }
            None => {
                decoded.push('&');
                rest = &rest[1..];
            }
        }
    }
    decoded.push_str(rest);
    decoded
}

fn character(name: &str) -> Option<char> {
    let Some(number) = name.strip_prefix('#') else {
        return NAMED
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, character)| *character);
    };
    let code = match number.strip_prefix(['x', 'X']) {
        Some(hexadecimal) => u32::from_str_radix(hexadecimal, 16),
        None => number.parse(),
    };
    char::from_u32(code.ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entities_are_decoded_once_and_stray_marks_stay() {
        for (stored, meant) in [
            ("Tom &amp; Jerry", "Tom & Jerry"),
            ("a &#8211; b &#x2013; c &ndash; d", "a – b – c – d"),
            ("&amp;lt;", "&lt;"),
            ("A & B; C&", "A & B; C&"),
            ("&unknown; &#99999999;", "&unknown; &#99999999;"),
        ] {
            assert_eq!(decode(stored), meant);
        }
    }
}
