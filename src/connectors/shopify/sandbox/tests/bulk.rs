//! Bulk operations, from the upload to the results.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{Client, single};
use crate::sandbox::{Faults, Profile, Sandbox};

const RUN: &str = "
    mutation R($mutation: String!, $path: String!) {
      bulkOperationRunMutation(mutation: $mutation, stagedUploadPath: $path) {
        bulkOperation { id status } userErrors { field message code }
      }
    }";
const SET: &str = "mutation S($input: ProductSetInput!) {
    productSet(input: $input) { product { id } userErrors { field message code } } }";

/// Uploads lines; the path of the file.
fn upload(client: &mut Client, lines: &str) -> String {
    let payload = client.payload(
        "mutation U($input: [StagedUploadInput!]!) { stagedUploadsCreate(input: $input) {
           stagedTargets { url resourceUrl parameters { name value } } userErrors { field message } } }",
        json!({"input": [{
            "resource": "BULK_MUTATION_VARIABLES", "filename": "vars.jsonl", "mimeType": "text/jsonl",
            "httpMethod": "POST",
        }]}),
    );
    let target = &payload["stagedTargets"][0];
    let mut form = String::new();
    let mut key = String::new();
    for parameter in target["parameters"].as_array().unwrap() {
        let (name, value) = (
            parameter["name"].as_str().unwrap(),
            parameter["value"].as_str().unwrap(),
        );
        if name == "key" {
            key = value.to_owned();
        }
        form +=
            &format!("--xyz\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
    }
    form += &format!(
        "--xyz\r\nContent-Disposition: form-data; name=\"file\"; filename=\"vars.jsonl\"\r\n\
         Content-Type: text/jsonl\r\n\r\n{lines}\r\n--xyz--\r\n"
    );
    let path = target["url"]
        .as_str()
        .unwrap()
        .strip_prefix("http://127.0.0.1:1234")
        .unwrap();
    let kind = [("content-type", "multipart/form-data; boundary=xyz")];
    let answer = client.send("POST", path, &kind, form.as_bytes());
    assert_eq!(answer.status, 201);
    key
}

fn poll(client: &mut Client, id: &Value) -> Value {
    let data = client.data(
        "query B($id: ID!) { bulkOperation(id: $id) {
           id status errorCode objectCount rootObjectCount fileSize url partialDataUrl } }",
        json!({"id": id}),
    );
    data["bulkOperation"].clone()
}

fn results(client: &mut Client, operation: &Value) -> Vec<Value> {
    let url = operation["url"].as_str().unwrap();
    let path = url
        .strip_prefix("http://127.0.0.1:1234")
        .unwrap()
        .to_owned();
    let answer = client.send("GET", &path, &[], b"");
    let text = String::from_utf8(answer.body).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn every_line_has_a_result_in_an_order_of_its_own() {
    let mut client = Client::new();
    let mut lines: Vec<_> = (0..5)
        .map(|number| json!({"input": single(&format!("S{number}"), "1.00", 1)}).to_string())
        .collect();
    lines[2] = json!({"input": {"title": ""}}).to_string();
    lines[3] = json!({"input": {"titel": "x"}}).to_string();
    let key = upload(&mut client, &lines.join("\n"));
    let before = client.ask("{ shop { name } }", json!({}));
    let run = client.payload(RUN, json!({"mutation": SET, "path": key}));
    assert_eq!(run["bulkOperation"]["status"], "CREATED");
    let id = run["bulkOperation"]["id"].clone();
    client.wait(150);
    assert_eq!(poll(&mut client, &id)["status"], "RUNNING");
    client.wait(500);
    let done = poll(&mut client, &id);
    assert_eq!(done["status"], "COMPLETED");
    assert_eq!(done["objectCount"], "5");
    let results = results(&mut client, &done);
    let numbers: Vec<_> = results
        .iter()
        .map(|one| one["__lineNumber"].as_u64().unwrap())
        .collect();
    assert_ne!(numbers, [0, 1, 2, 3, 4]);
    assert_eq!(numbers.iter().collect::<BTreeSet<_>>().len(), 5);
    for result in &results {
        match result["__lineNumber"].as_u64().unwrap() {
            2 => assert_eq!(
                result["data"]["productSet"]["userErrors"][0]["code"],
                "INVALID_PRODUCT"
            ),
            3 => assert_eq!(
                result["errors"][0]["extensions"]["code"],
                "INVALID_VARIABLE"
            ),
            _ => assert_eq!(result["data"]["productSet"]["userErrors"], json!([])),
        }
    }
    assert_eq!(client.sandbox.state().listings.len(), 3);
    assert!(before.get("errors").is_none());
}

#[test]
fn refusals_say_why() {
    let mut client = Client::new();
    let line = json!({"input": single("A", "1.00", 1)}).to_string();
    let key = upload(&mut client, &line);
    let code = |payload: &Value| payload["userErrors"][0]["code"].clone();
    let none = client.payload(RUN, json!({"mutation": SET, "path": "tmp/none"}));
    assert_eq!(code(&none), "NO_SUCH_FILE");
    let bad = client.payload(RUN, json!({"mutation": "{ shop { name } }", "path": key}));
    assert_eq!(code(&bad), "INVALID_MUTATION");
    let empty = upload(&mut client, "");
    let empty = client.payload(RUN, json!({"mutation": SET, "path": empty}));
    assert_eq!(code(&empty), "INVALID_STAGED_UPLOAD_FILE");
    for _ in 0..5 {
        let run = client.payload(RUN, json!({"mutation": SET, "path": key}));
        assert_eq!(run["userErrors"], json!([]));
    }
    let sixth = client.payload(RUN, json!({"mutation": SET, "path": key}));
    assert_eq!(code(&sixth), "LIMIT_REACHED");
}

#[test]
fn a_stuck_operation_stays_and_can_be_cancelled() {
    let mut client = Client::new();
    client.faults = Faults::new(
        Profile {
            stuck_submission: 1.0,
            ..Profile::default()
        },
        1,
    );
    let key = upload(
        &mut client,
        &json!({"input": single("A", "1.00", 1)}).to_string(),
    );
    let run = client.payload(RUN, json!({"mutation": SET, "path": key}));
    let id = run["bulkOperation"]["id"].clone();
    client.wait(60_000);
    assert_eq!(poll(&mut client, &id)["status"], "RUNNING");
    let cancelled = client.payload(
        "mutation C($id: ID!) { bulkOperationCancel(id: $id) { bulkOperation { status } userErrors { message } } }",
        json!({"id": id}),
    );
    assert_eq!(cancelled["bulkOperation"]["status"], "CANCELING");
    assert_eq!(poll(&mut client, &id)["status"], "CANCELED");
    assert!(client.sandbox.state().listings.is_empty());
}

#[test]
fn a_form_without_its_policy_is_refused() {
    let mut client = Client::new();
    let form = b"--xyz\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\nx\r\n--xyz--\r\n";
    let kind = [("content-type", "multipart/form-data; boundary=xyz")];
    let answer = client.send("POST", "/staged-uploads/", &kind, form);
    assert_eq!(answer.status, 403);
}
