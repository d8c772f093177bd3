//! Files that are uploaded: what the server takes, and what it says of the others.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::store::{Asset, Store};
use crate::connectors::vendure::api::NO_STORAGE;
use crate::sandbox::form::Part;
use crate::sandbox::graphql::Refused;
use crate::sandbox::uploads::Files;

/// `assetOptions.uploadMaxFileSize` of a server that was not told otherwise; a file of this size is too large.
const LARGEST: usize = 20_971_520;

/// One transaction: a file that is too large undoes it, one of another type is only left out.
pub fn create(
    store: &mut Store,
    inputs: &Value,
    files: &Files,
    now: Timestamp,
) -> Result<Value, Refused> {
    let refused = |message: String, code| Err(Refused { message, code });
    if store.has_no_storage {
        return refused(NO_STORAGE.to_owned(), Some("INTERNAL_SERVER_ERROR"));
    }
    let inputs = inputs.as_array().map_or(&[][..], Vec::as_slice);
    let file_of = |input: &Value| files.get(input["file"].as_str()?);
    if inputs
        .iter()
        .filter_map(file_of)
        .any(|file| file.content.len() >= LARGEST)
    {
        let message = format!("File truncated as it exceeds the {LARGEST} byte size limit.");
        return refused(message, None);
    }
    let mut told = Vec::new();
    for input in inputs {
        let Some(file) = file_of(input) else {
            return refused("Upload value invalid.".to_owned(), Some("BAD_USER_INPUT"));
        };
        let name = file.file_name.clone().unwrap_or_default();
        if let Some(kind) = unfit(&name, file) {
            told.push(
                json!({"__typename": "MimeTypeError", "errorCode": "MIME_TYPE_ERROR",
                "message": format!("The MIME type \"{kind}\" is not permitted."), "fileName": name,
                "mimeType": kind}),
            );
            continue;
        }
        let tags = input["tags"].as_array().into_iter().flatten();
        let id = store.next_id();
        let asset = Asset {
            name,
            mime_type: file.content_type.clone().unwrap_or_default(),
            size: file.content.len(),
            tags: tags
                .filter_map(|tag| Some(tag.as_str()?.to_owned()))
                .collect(),
            at: now,
        };
        store.assets.insert(id, asset);
        let mut asset = super::view::object(store, "Asset", id).unwrap_or_default();
        asset.insert("__typename".to_owned(), json!("Asset"));
        told.push(Value::Object(asset));
    }
    Ok(Value::Array(told))
}

/// What the file is, if that is not taken: by what it is said to be, then by the end of its name, then by its content.
fn unfit(name: &str, file: &Part) -> Option<String> {
    let told = file.content_type.as_deref().unwrap_or("text/plain");
    let end = name.rsplit_once('.').map(|(_, end)| end.to_lowercase());
    let by_name = match end.as_deref() {
        Some("jpg" | "jpeg" | "png" | "gif" | "webp" | "avif" | "svg") => Some("image/*"),
        Some("php") => Some("application/x-httpd-php"),
        Some("html" | "htm") => Some("text/html"),
        _ => None,
    };
    let by_content = match file.content.as_slice() {
        [b'%', b'P', b'D', b'F', ..] => Some("application/pdf"),
        [b'P', b'K', 3, 4, ..] => Some("application/zip"),
        [0x89, b'P', b'N', b'G', ..] => Some("image/png"),
        _ => None,
    };
    let kinds = [Some(told), by_name, by_content];
    let is_taken = |kind: &&str| kind.starts_with("image/") || *kind == "application/pdf";
    if let Some(kind) = kinds.into_iter().flatten().find(|kind| !is_taken(kind)) {
        return Some(kind.to_owned());
    }
    let is_verified = by_name.is_some() || by_content.is_some();
    (!is_verified).then(|| "application/octet-stream".to_owned())
}

#[cfg(test)]
mod tests {
    use super::super::{API_KEY, PATH, VendureSandbox};
    use super::*;
    use crate::http::form::{Form, FormFile};
    use crate::sandbox::{Faults, Profile, Request, Sandbox};

    const PNG: &[u8] = b"\x89PNG\r\n\x1a\n";
    const CREATE: &str = "mutation($i: [CreateAssetInput!]!) { createAssets(input: $i) {
        __typename ... on Asset { id tags { value } } ... on MimeTypeError { message mimeType } } }";

    fn send(sandbox: &mut VendureSandbox, (kind, body): (String, Vec<u8>)) -> Value {
        let headers = [
            ("vendure-api-key".to_owned(), API_KEY.to_owned()),
            ("content-type".to_owned(), kind),
        ];
        let request = Request {
            method: "POST".to_owned(),
            path: PATH.to_owned(),
            raw_query: String::new(),
            query: Vec::new(),
            headers: headers.into(),
            body,
            base_url: "http://127.0.0.1:1".to_owned(),
            now: "2026-11-21T10:00:00Z".parse().unwrap(),
        };
        let response = sandbox.respond(&request, &mut Faults::new(Profile::default(), 1));
        assert_eq!(response.status, 200);
        serde_json::from_slice(&response.body).unwrap()
    }

    fn ask(sandbox: &mut VendureSandbox, query: &str, variables: Value) -> Value {
        let body = json!({"query": query, "variables": variables}).to_string();
        send(sandbox, ("application/json".to_owned(), body.into_bytes()))
    }

    /// Name, type and content of each.
    fn upload(sandbox: &mut VendureSandbox, files: &[(&str, &str, &[u8])]) -> Value {
        let inputs: Vec<_> = files
            .iter()
            .map(|(name, ..)| json!({"file": null, "tags": [format!("https://x/{name}")]}))
            .collect();
        let places: serde_json::Map<_, _> = (0..files.len())
            .map(|at| (at.to_string(), json!([format!("variables.i.{at}.file")])))
            .collect();
        let operations = json!({"query": CREATE, "variables": {"i": inputs}});
        let mut form = Form::default()
            .text("operations", &operations.to_string())
            .text("map", &Value::Object(places).to_string());
        for (at, (name, content_type, content)) in files.iter().enumerate() {
            let file = FormFile {
                name,
                content_type,
                content,
            };
            form = form.file(&at.to_string(), &file);
        }
        send(sandbox, form.finish())
    }

    #[test]
    fn a_file_of_another_type_is_left_out_and_one_that_is_too_large_undoes_all() {
        let mut sandbox = VendureSandbox::default();
        let answer = upload(
            &mut sandbox,
            &[
                ("a.html", "text/html", b"<html>"),
                ("b.php", "image/png", PNG),
                ("c", "image/png", b"?"),
                ("d.png", "image/png", PNG),
            ],
        );
        let told = &answer["data"]["createAssets"];
        let kinds: Vec<_> = (0..3).map(|at| told[at]["mimeType"].clone()).collect();
        let wanted = [
            "text/html",
            "application/x-httpd-php",
            "application/octet-stream",
        ];
        assert_eq!(kinds, wanted);
        assert_eq!(
            told[0]["message"],
            "The MIME type \"text/html\" is not permitted."
        );
        assert_eq!(told[3]["tags"], json!([{"value": "https://x/d.png"}]));
        assert_eq!(sandbox.store.assets.len(), 1);
        let large = vec![0; LARGEST];
        let both: [(&str, &str, &[u8]); 2] =
            [("e.png", "image/png", PNG), ("f.png", "image/png", &large)];
        let answer = upload(&mut sandbox, &both);
        let error = &answer["errors"][0];
        assert_eq!(
            error["message"],
            "File truncated as it exceeds the 20971520 byte size limit."
        );
        assert!(error["extensions"].is_null());
        assert_eq!(sandbox.store.assets.len(), 1);
    }

    #[test]
    fn without_a_storage_no_file_is_taken() {
        let mut sandbox = VendureSandbox::without_storage();
        let answer = upload(&mut sandbox, &[("a.png", "image/png", PNG)]);
        let error = &answer["errors"][0];
        assert_eq!(error["message"], NO_STORAGE);
        assert_eq!(error["extensions"]["code"], "INTERNAL_SERVER_ERROR");
    }

    #[test]
    fn assets_are_found_by_any_tag_or_by_all() {
        let mut sandbox = VendureSandbox::default();
        upload(
            &mut sandbox,
            &[("a.png", "image/png", PNG), ("b.png", "image/png", PNG)],
        );
        let query = "query($t: [String!], $o: LogicalOperator) {
            assets(options: { tags: $t, tagsOperator: $o }) { totalItems } }";
        let mut count = |operator: &str, tags: Value| {
            let answer = ask(&mut sandbox, query, json!({"t": tags, "o": operator}));
            answer["data"]["assets"]["totalItems"].clone()
        };
        let both = json!(["https://x/a.png", "https://x/b.png"]);
        assert_eq!(count("OR", both.clone()), 2);
        assert_eq!(count("AND", both), 0);
        assert_eq!(count("AND", json!(["https://x/a.png"])), 1);
        // No tags are no filter.
        assert_eq!(count("OR", json!([])), 2);
    }

    #[test]
    fn a_product_shows_its_pictures_in_their_order() {
        let mut sandbox = VendureSandbox::default();
        upload(
            &mut sandbox,
            &[("a.png", "image/png", PNG), ("b.png", "image/png", PNG)],
        );
        let ids: Vec<_> = sandbox.store.assets.keys().map(u64::to_string).collect();
        let texts = json!([{"languageCode": "en", "name": "A", "slug": "a", "description": ""}]);
        let create = "mutation($i: CreateProductInput!) { createProduct(input: $i) {
            id assets { id } featuredAsset { id } } }";
        let input =
            json!({"translations": texts, "assetIds": [ids[1], ids[0]], "featuredAssetId": ids[1]});
        let answer = ask(&mut sandbox, create, json!({"i": input}));
        let product = &answer["data"]["createProduct"];
        assert_eq!(product["assets"], json!([{"id": ids[1]}, {"id": ids[0]}]));
        assert_eq!(product["featuredAsset"], json!({"id": ids[1]}));
        let update = "mutation($i: [UpdateProductInput!]!) { updateProducts(input: $i) {
            assets { id } featuredAsset { id } } }";
        let none = json!({"i": [{"id": product["id"], "assetIds": []}]});
        let answer = ask(&mut sandbox, update, none);
        let bare = json!([{"assets": [], "featuredAsset": null}]);
        assert_eq!(answer["data"]["updateProducts"], bare);
        let unknown = json!({"i": [{"id": product["id"], "featuredAssetId": "999"}]});
        let answer = ask(&mut sandbox, update, unknown);
        assert_eq!(
            answer["errors"][0]["message"],
            "FOREIGN KEY constraint failed"
        );
    }
}
