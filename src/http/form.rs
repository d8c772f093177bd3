//! Forms with files: `multipart/form-data` (RFC 7578).

/// A form that is being filled in, field after field.
#[derive(Debug)]
pub struct Form {
    boundary: String,
    body: Vec<u8>,
}

impl Default for Form {
    fn default() -> Self {
        Self {
            boundary: format!("skucast-{}", uuid::Uuid::now_v7().simple()),
            body: Vec::new(),
        }
    }
}

impl Form {
    pub fn text(mut self, name: &str, value: &str) -> Self {
        self.part(
            &format!("name=\"{}\"", quoted(name)),
            None,
            value.as_bytes(),
        );
        self
    }

    pub fn file(mut self, name: &str, file: &FormFile<'_>) -> Self {
        let disposition = format!(
            "name=\"{}\"; filename=\"{}\"",
            quoted(name),
            quoted(file.name)
        );
        self.part(&disposition, Some(file.content_type), file.content);
        self
    }

    /// The form's content type and its body.
    pub fn finish(mut self) -> (String, Vec<u8>) {
        let end = format!("--{}--\r\n", self.boundary);
        self.body.extend_from_slice(end.as_bytes());
        let content_type = format!("multipart/form-data; boundary={}", self.boundary);
        (content_type, self.body)
    }

    fn part(&mut self, disposition: &str, content_type: Option<&str>, content: &[u8]) {
        let kind = match content_type {
            Some(kind) => format!("Content-Type: {}\r\n", quoted(kind)),
            None => String::new(),
        };
        let head = format!(
            "--{}\r\nContent-Disposition: form-data; {disposition}\r\n{kind}\r\n",
            self.boundary
        );
        self.body.extend_from_slice(head.as_bytes());
        self.body.extend_from_slice(content);
        self.body.extend_from_slice(b"\r\n");
    }
}

/// A file of a form.
#[derive(Clone, Copy, Debug)]
pub struct FormFile<'a> {
    pub name: &'a str,
    pub content_type: &'a str,
    pub content: &'a [u8],
}

/// What would end a header, or a text in it, is written as browsers do.
fn quoted(text: &str) -> String {
    text.replace('"', "%22")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_its_parts_between_its_boundary() {
        let file = FormFile {
            name: "a \"b\"\r\n.png",
            content_type: "image/png",
            content: b"\x89PNG",
        };
        let (kind, body) = Form::default()
            .text("key", "value")
            .file("0", &file)
            .finish();
        let boundary = kind.strip_prefix("multipart/form-data; boundary=").unwrap();
        let wanted = [
            format!("--{boundary}\r\nContent-Disposition: form-data; name=\"key\"\r\n\r\nvalue\r\n")
                .as_bytes(),
            format!(
                "--{boundary}\r\nContent-Disposition: form-data; name=\"0\"; filename=\"a %22b%22%0D%0A.png\"\r\nContent-Type: image/png\r\n\r\n"
            )
            .as_bytes(),
            b"\x89PNG\r\n",
            format!("--{boundary}--\r\n").as_bytes(),
        ]
        .concat();
        assert_eq!(body, wanted);
    }
}
