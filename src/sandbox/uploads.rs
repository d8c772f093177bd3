//! GraphQL requests with files: a form of the request (`operations`), of where its files belong (`map`), and the files.
//! See <https://github.com/jaydenseric/graphql-multipart-request-spec>.

use std::collections::BTreeMap;

use serde_json::Value;

use super::Request;
use super::form::{self, Part};
use super::graphql::Body;

/// Files by the names that stand in the places of the variables.
pub type Files = BTreeMap<String, Part>;

/// A request with its files, if it has any. In the variables the name of a file stands for it.
pub fn read(request: &Request) -> Option<(Body, Files)> {
    let Some(parts) = form::parts(request) else {
        let body = serde_json::from_slice(&request.body).ok()?;
        return Some((body, Files::new()));
    };
    let mut fields: Files = parts
        .into_iter()
        .map(|part| (part.name.clone(), part))
        .collect();
    let mut operations: Value = serde_json::from_str(&fields.remove("operations")?.text()).ok()?;
    let map: BTreeMap<String, Vec<String>> =
        serde_json::from_str(&fields.remove("map")?.text()).ok()?;
    for (name, places) in &map {
        fields.get(name)?;
        for place in places {
            let pointer = format!("/{}", place.replace('.', "/"));
            *operations.pointer_mut(&pointer)? = Value::from(name.as_str());
        }
    }
    Some((serde_json::from_value(operations).ok()?, fields))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::http::form::{Form, FormFile};

    fn request((kind, body): (String, Vec<u8>)) -> Request {
        Request {
            method: "POST".to_owned(),
            path: "/".to_owned(),
            raw_query: String::new(),
            query: Vec::new(),
            headers: [("content-type".to_owned(), kind)].into(),
            body,
            base_url: String::new(),
            now: jiff::Timestamp::UNIX_EPOCH,
        }
    }

    fn form(operations: Value, map: Value) -> Form {
        Form::default()
            .text("operations", &operations.to_string())
            .text("map", &map.to_string())
    }

    #[test]
    fn files_are_named_where_they_belong() {
        let operations =
            json!({"query": "q", "variables": {"input": [{"file": null, "tags": ["t"]}]}});
        let file = FormFile {
            name: "a.png",
            content_type: "image/png",
            content: b"\r\n--x\r\n\x00",
        };
        let sent = form(operations.clone(), json!({"0": ["variables.input.0.file"]}));
        let (body, files) = read(&request(sent.file("0", &file).finish())).unwrap();
        let variables = Value::Object(body.variables.unwrap());
        assert_eq!(variables, json!({"input": [{"file": "0", "tags": ["t"]}]}));
        assert_eq!(files["0"].content, file.content);
        assert_eq!(files["0"].file_name.as_deref(), Some("a.png"));
        assert_eq!(files["0"].content_type.as_deref(), Some("image/png"));
        let nowhere = form(operations, json!({"0": ["variables.input.7.file"]}));
        assert!(read(&request(nowhere.file("0", &file).finish())).is_none());
    }

    #[test]
    fn a_request_without_files_is_json() {
        let body = json!({"query": "{ me }"}).to_string().into_bytes();
        let (body, files) = read(&request(("application/json".to_owned(), body))).unwrap();
        assert_eq!((&*body.query, files.len()), ("{ me }", 0));
    }
}
