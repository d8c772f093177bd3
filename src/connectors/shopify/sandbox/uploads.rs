//! Staged uploads: files that are sent to a store of the vendor's, by an address that is asked for first.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::objects::{Arguments, World};
use super::user_error::{UserError, documents};
use crate::sandbox::{Request, Response, form};

/// Where files are sent to.
pub const PATH: &str = "/staged-uploads";
/// Stands for the signature of the address.
const POLICY: &str = "c2t1Y2FzdC1zYW5kYm94";

/// Files by their keys, the paths that a bulk operation is given.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Uploads(BTreeMap<String, Upload>);

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Upload {
    content_type: String,
    by_form: bool,
    created: Timestamp,
    /// `None` until it is there.
    body: Option<String>,
}

impl Uploads {
    pub fn body(&self, key: &str) -> Option<&str> {
        self.0.get(key)?.body.as_deref()
    }

    /// The store's answer to a file.
    pub fn receive(&mut self, request: &Request) -> Response {
        let path = percent_encoding::percent_decode_str(&request.path).decode_utf8_lossy();
        let sent = match request.method.as_str() {
            "POST" => signed_file(request),
            "PUT" => path
                .strip_prefix(PATH)
                .map(|key| (key.trim_start_matches('/').to_owned(), request.body.clone())),
            _ => None,
        };
        let Some((key, body)) = sent else {
            return refused(400, "MalformedPOSTRequest", "The form cannot be read.");
        };
        let by_form = request.method == "POST";
        let Some(upload) = self
            .0
            .get_mut(&key)
            .filter(|upload| upload.by_form == by_form)
        else {
            return refused(
                403,
                "AccessDenied",
                "The key or its signature is not valid.",
            );
        };
        let Ok(body) = String::from_utf8(body) else {
            return refused(400, "InvalidArgument", "The file is not UTF-8.");
        };
        upload.body = Some(body);
        let status = if by_form { 201 } else { 200 };
        let mut response = Response::empty(status).header("content-type", "application/xml");
        response.body = format!("<PostResponse><Key>{key}</Key></PostResponse>").into_bytes();
        response
    }
}

fn refused(status: u16, code: &str, message: &str) -> Response {
    let mut response = Response::empty(status).header("content-type", "application/xml");
    response.body =
        format!("<Error><Code>{code}</Code><Message>{message}</Message></Error>").into_bytes();
    response
}

/// Key and file of a form. The store ignores what follows the file, so that a file that is not last lacks its policy.
fn signed_file(request: &Request) -> Option<(String, Vec<u8>)> {
    let mut fields = BTreeMap::new();
    for part in form::parts(request)? {
        if part.name == "file" {
            let text = |name: &str| fields.get(name).map(String::as_str);
            let is_signed =
                text("policy") == Some(POLICY) && text("success_action_status") == Some("201");
            let key = text("key").filter(|_| is_signed).unwrap_or_default();
            return Some((key.to_owned(), part.content));
        }
        fields.insert(part.name.clone(), part.text());
    }
    None
}

/// `stagedUploadsCreate`.
pub fn create(world: &World<'_>, arguments: &Arguments) -> Value {
    let mut shop = world.shop();
    let mut targets = Vec::new();
    let mut errors = Vec::new();
    let sent = arguments.get("input").and_then(Value::as_array);
    for (index, one) in sent.into_iter().flatten().enumerate() {
        let text = |name: &str| one[name].as_str().unwrap_or_default();
        let (resource, content_type) = (text("resource"), text("mimeType"));
        if resource == "BULK_MUTATION_VARIABLES" && content_type != "text/jsonl" {
            let field = format!("input.{index}.mimeType");
            let message = format!("{content_type} is not a recognized format for {resource}");
            errors.push(UserError::plain(&field, message));
            continue;
        }
        let key = format!("tmp/1/bulk/{}/{}", shop.next_id(), text("filename"));
        let by_form = text("httpMethod") == "POST";
        let parameters: Vec<_> = match by_form {
            true => vec![
                json!({"name": "key", "value": key}),
                json!({"name": "Content-Type", "value": content_type}),
                json!({"name": "success_action_status", "value": "201"}),
                json!({"name": "acl", "value": "private"}),
                json!({"name": "policy", "value": POLICY}),
            ],
            false => vec![
                json!({"name": "content_type", "value": content_type}),
                json!({"name": "acl", "value": "private"}),
            ],
        };
        let url = match by_form {
            true => format!("{}{PATH}/", world.base_url),
            false => format!("{}{PATH}/{key}", world.base_url),
        };
        let is_bulk = resource == "BULK_MUTATION_VARIABLES";
        targets.push(json!({
            "url": url,
            "resourceUrl": (!is_bulk).then(|| format!("{}{PATH}/{key}", world.base_url)),
            "parameters": parameters,
        }));
        let upload = Upload {
            content_type: content_type.to_owned(),
            by_form,
            created: world.now,
            body: None,
        };
        shop.uploads.0.insert(key, upload);
    }
    json!({"stagedTargets": targets, "userErrors": documents(&errors)})
}
