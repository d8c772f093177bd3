//! A downloaded file as a picture: its type, and a name that the shop takes. Pure.

use percent_encoding::percent_decode_str;
use reqwest::Url;

use super::assets::Picture;
use crate::http::download::Downloaded;

/// What hosts say of files that they know nothing of.
const UNKNOWN: [&str; 2] = ["application/octet-stream", "binary/octet-stream"];
const LONGEST_NAME: usize = 100;

/// `None` when it is no picture.
pub fn of(url: &Url, file: Downloaded, mark: &str) -> Option<Picture> {
    let content_type = match file.content_type {
        Some(told) if !UNKNOWN.contains(&&*told) => told,
        _ => seen(&file.content)?.to_owned(),
    };
    let extension = extension(&content_type)?;
    Some(Picture {
        mark: mark.to_owned(),
        name: format!("{}.{extension}", stem(url)),
        content_type,
        content: file.content,
    })
}

/// The type by the first bytes.
fn seen(content: &[u8]) -> Option<&'static str> {
    match content {
        [0x89, b'P', b'N', b'G', ..] => Some("image/png"),
        [0xff, 0xd8, 0xff, ..] => Some("image/jpeg"),
        [b'G', b'I', b'F', b'8', ..] => Some("image/gif"),
        [
            b'R',
            b'I',
            b'F',
            b'F',
            _,
            _,
            _,
            _,
            b'W',
            b'E',
            b'B',
            b'P',
            ..,
        ] => Some("image/webp"),
        [
            _,
            _,
            _,
            _,
            b'f',
            b't',
            b'y',
            b'p',
            b'a',
            b'v',
            b'i',
            b'f',
            ..,
        ] => Some("image/avif"),
        _ => None,
    }
}

/// The server looks at a name's end as well: `picture.php` would be no picture to it.
fn extension(content_type: &str) -> Option<String> {
    let subtype = content_type.strip_prefix("image/")?;
    let extension = match subtype {
        "jpeg" | "jpg" | "pjpeg" => "jpg",
        "svg+xml" => "svg",
        other => other,
    };
    let is_plain = !extension.is_empty()
        && extension
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    is_plain.then(|| extension.to_owned())
}

/// What people know it by: the end of its address.
fn stem(url: &Url) -> String {
    let last = url.path_segments().and_then(|mut parts| parts.next_back());
    let last = percent_decode_str(last.unwrap_or_default()).decode_utf8_lossy();
    let stem = last.rsplit_once('.').map_or(&*last, |(stem, _)| stem);
    let stem: String = stem
        .chars()
        .map(|c| {
            if c.is_alphanumeric() || c == '_' {
                c
            } else {
                '-'
            }
        })
        .take(LONGEST_NAME)
        .collect();
    match stem.trim_matches('-') {
        "" => "picture".to_owned(),
        stem => stem.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(url: &str, content_type: Option<&str>, content: &[u8]) -> Option<(String, String)> {
        let file = Downloaded {
            content_type: content_type.map(str::to_owned),
            content: content.to_vec(),
        };
        let picture = of(&Url::parse(url).unwrap(), file, url)?;
        Some((picture.name, picture.content_type))
    }

    fn named(url: &str, content_type: &str) -> Option<String> {
        name(url, Some(content_type), b"").map(|(name, _)| name)
    }

    #[test]
    fn a_name_says_what_the_file_is() {
        let jpeg = |url| named(url, "image/jpeg").unwrap();
        assert_eq!(jpeg("https://a.example/red%20bag.jpeg?v=2"), "red-bag.jpg");
        assert_eq!(jpeg("https://a.example/picture.php?id=7"), "picture.jpg");
        assert_eq!(jpeg("https://a.example/%22..%2Fx%0d%0a.jpg"), "x.jpg");
        assert_eq!(jpeg("https://a.example/"), "picture.jpg");
        assert_eq!(
            named("https://a.example/a", "image/svg+xml").unwrap(),
            "a.svg"
        );
    }

    #[test]
    fn only_pictures_pass_and_unknown_files_are_looked_at() {
        let url = "https://a.example/a";
        assert_eq!(named(url, "text/html"), None);
        assert_eq!(named(url, "image/a/b"), None);
        assert_eq!(named(url, "image/"), None);
        let webp = b"RIFF\x01\x02\x03\x04WEBPVP8 ";
        let seen = name(url, Some("binary/octet-stream"), webp).unwrap();
        assert_eq!(seen, ("a.webp".to_owned(), "image/webp".to_owned()));
        assert_eq!(name(url, None, b"\xff\xd8\xff\xe0").unwrap().0, "a.jpg");
        assert_eq!(name(url, None, b"<html>"), None);
    }
}
