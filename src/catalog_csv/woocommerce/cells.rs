//! How WooCommerce writes text into a cell.

/// Removes the apostrophe that keeps a spreadsheet from running a cell as a formula.
pub(super) fn unguarded(text: &str) -> &str {
    match text.strip_prefix('\'') {
        Some(rest) if rest.starts_with(['=', '+', '-', '@', '\t', '\r']) => rest,
        _ => text,
    }
}

/// Line breaks are written as `\n`, and a backslash before an n as `\\n`.
pub(super) fn line_breaks(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(place) = rest.find('\\') {
        out.push_str(&rest[..place]);
        let (written, meant) = match &rest[place..] {
            tail if tail.starts_with("\\\\n") => (3, "\\n"),
            tail if tail.starts_with("\\n") => (2, "\n"),
            _ => (1, "\\"),
        };
        out.push_str(meant);
        rest = &rest[place + written..];
    }
    out.push_str(rest);
    out
}

/// The entries of a comma list, in which `\,` is a comma.
pub(super) fn list(text: &str) -> Vec<String> {
    let mut entries = vec![String::new()];
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        let last = entries.len() - 1;
        match character {
            '\\' if characters.peek() == Some(&',') => {
                characters.next();
                entries[last].push(',');
            }
            ',' => entries.push(String::new()),
            _ => entries[last].push(character),
        }
    }
    entries
        .iter()
        .map(|entry| entry.trim().to_owned())
        .filter(|entry| !entry.is_empty())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_undone() {
        assert_eq!(unguarded("'-1"), "-1");
        assert_eq!(unguarded("'tis"), "'tis");
        assert_eq!(line_breaks(r"a\nb\\nc\d"), "a\nb\\nc\\d");
        assert_eq!(
            list(r"Tops\, tees > Red, Sale,, "),
            ["Tops, tees > Red", "Sale"]
        );
        assert!(list("").is_empty());
    }
}
