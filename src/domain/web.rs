//! Web addresses that are plain enough to be told without parsing them.

/// The path of an address such as `https://shop.example.com/p/tee.jpg?size=2`, as a parser of URLs would give it.
///
/// `None` says nothing: the address may be wrong, or right in a way that only a parser can tell (a port, letters
/// beyond ASCII, a number for a host, dots in its path that lead upwards).
pub fn plain_path(address: &str) -> Option<&str> {
    let rest = address
        .strip_prefix("https://")
        .or_else(|| address.strip_prefix("http://"))?;
    let end = rest
        .bytes()
        .position(|byte| !matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.'))
        .unwrap_or(rest.len());
    let (host, rest) = rest.split_at(end);
    if !is_plain_host(host) {
        return None;
    }
    let end = rest
        .bytes()
        .position(|byte| matches!(byte, b'?' | b'#'))
        .unwrap_or(rest.len());
    let (path, query) = rest.split_at(end);
    let is_path =
        path.starts_with('/') && path.bytes().all(is_plain_in_path) && !path.contains("/.");
    let is_query = query.bytes().all(|byte| byte.is_ascii_graphic());
    (is_path && is_query).then_some(path)
}

/// Labels that begin with a letter or a digit; the last one with a letter, or the host might be a number.
fn is_plain_host(host: &str) -> bool {
    let mut labels = host.split('.');
    labels.all(|label| label.starts_with(|c: char| c != '-') && !label.starts_with("xn--"))
        && host
            .rsplit('.')
            .next()
            .is_some_and(|last| last.starts_with(|c: char| c.is_ascii_lowercase()))
}

/// Those that stand in a path as they are.
fn is_plain_in_path(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'-' | b'_' | b'.' | b'~' | b',' | b'+')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use reqwest::Url;

    use super::*;

    #[test]
    fn an_ordinary_address_is_plain() {
        for (address, path) in [
            ("https://images.example.com/tee-grey.jpg", "/tee-grey.jpg"),
            ("http://example.com/", "/"),
            (
                "https://shop.example.com/p/a_b.C~d?size=M#top",
                "/p/a_b.C~d",
            ),
        ] {
            assert_eq!(plain_path(address), Some(path));
        }
    }

    #[test]
    fn what_needs_a_parser_is_left_to_it() {
        for address in [
            "",
            "ftp://example.com/a",
            "https://",
            "https:///a",
            "https://example.com",
            "https://example.com:8080/a",
            "https://me@example.com/a",
            "https://1.2.3.4/a",
            "https://example.0x1/a",
            "https://example.com./a",
            "https://a..b/c",
            "https://xn--a/c",
            "https://Example.com/a",
            "https://example.com/a/../b",
            "https://example.com/a/%2e%2e/b",
            "https://example.com/a b",
            "https://example.com/\u{fc}",
            "https://example.com/a?b c",
        ] {
            assert_eq!(plain_path(address), None, "{address}");
        }
    }

    proptest! {
        #[test]
        fn what_is_plain_is_what_a_parser_says(
            address in "https?:/{1,3}[a-zA-Zx0-9.@:%-]{0,9}\\.?[a-z0-9]{0,4}[/?#\\\\]?([a-z0-9A-Z./?#%_~ ,+;|-]|é){0,12}",
        ) {
            if let Some(path) = plain_path(&address) {
                let url = Url::parse(&address).unwrap();
                prop_assert_eq!(url.path(), path);
                prop_assert!(matches!(url.scheme(), "http" | "https") && url.has_host());
                prop_assert!(!address.contains(char::is_whitespace));
            }
        }
    }
}
