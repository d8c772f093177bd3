//! Forms with files (`multipart/form-data`), taken apart.

use super::Request;

/// A field of a form, or a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    pub name: String,
    /// Of a file.
    pub file_name: Option<String>,
    pub content_type: Option<String>,
    pub content: Vec<u8>,
}

impl Part {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.content).into_owned()
    }
}

/// The parts of a form in their order; `None` when the body is none.
pub fn parts(request: &Request) -> Option<Vec<Part>> {
    let kind = request.header("content-type")?;
    let boundary = kind
        .strip_prefix("multipart/form-data")?
        .split(';')
        .find_map(|part| part.trim().strip_prefix("boundary="))?
        .trim_matches('"');
    let delimiter = format!("\r\n--{boundary}").into_bytes();
    // The first delimiter has no line before it.
    let body = [b"\r\n".as_slice(), &request.body].concat();
    let mut parts = Vec::new();
    for part in split(&body, &delimiter).skip(1) {
        if part.starts_with(b"--") {
            break;
        }
        let part = part.strip_prefix(b"\r\n")?;
        let end = find(part, b"\r\n\r\n")?;
        let head = String::from_utf8_lossy(&part[..end]).into_owned();
        let header = |name: &str| {
            let lines = head.lines().filter_map(|line| line.split_once(':'));
            let mut own = lines.filter(|(key, _)| key.eq_ignore_ascii_case(name));
            own.next().map(|(_, value)| value.trim().to_owned())
        };
        let disposition = header("content-disposition")?;
        let of_disposition = |name: &str| {
            let start = format!("{name}=\"");
            let mut pieces = disposition.split(';').map(str::trim);
            let value = pieces.find_map(|piece| piece.strip_prefix(&*start))?;
            Some(value.split('"').next().unwrap_or_default().to_owned())
        };
        parts.push(Part {
            name: of_disposition("name")?,
            file_name: of_disposition("filename"),
            content_type: header("content-type"),
            content: part[end + 4..].to_vec(),
        });
    }
    Some(parts)
}

fn find(bytes: &[u8], needle: &[u8]) -> Option<usize> {
    bytes
        .windows(needle.len())
        .position(|window| window == needle)
}

fn split<'a>(bytes: &'a [u8], delimiter: &'a [u8]) -> impl Iterator<Item = &'a [u8]> {
    let mut rest = Some(bytes);
    std::iter::from_fn(move || {
        let bytes = rest?;
        match find(bytes, delimiter) {
            Some(at) => {
                rest = Some(&bytes[at + delimiter.len()..]);
                Some(&bytes[..at])
            }
            None => {
                rest = None;
                Some(bytes)
            }
        }
    })
}
