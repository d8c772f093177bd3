//! Bulk operations: one mutation over the lines of an uploaded file, which takes its time.

use std::collections::BTreeMap;

use apollo_compiler::executable::OperationType;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::engine::{self, Document};
use super::gid::{Gid, gid};
use super::objects::{Arguments, World};
use super::page::Row;
use super::search::Search;
use super::shop::Shop;
use super::text::moment;
use super::user_error::{UserError, documents};
use crate::sandbox::{Fault, Faults, Request, Response};

/// Where results are fetched from.
pub const PATH: &str = "/bulk-results";
/// Since 2026-01 so many run at a time:
/// <https://shopify.dev/docs/api/usage/bulk-operations/imports>.
const MOST_AT_A_TIME: usize = 5;
/// Largest file.
const LARGEST: usize = 100 << 20;
/// An address of results is good for so long.
const LIFETIME: SignedDuration = SignedDuration::from_hours(7 * 24);

/// Real operations take seconds to hours.
const QUEUE: SignedDuration = SignedDuration::from_millis(100);
const WORK: SignedDuration = SignedDuration::from_millis(300);

/// The fields that `bulkOperations` can be searched by.
pub const FIELDS: &[&str] = &["id", "status", "created_at", "operation_type"];

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct BulkOperations(BTreeMap<u64, Operation>);

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Operation {
    id: u64,
    mutation: String,
    /// The file; empty once it is worked off.
    lines: String,
    client: Option<String>,
    created: Timestamp,
    completed: Option<Timestamp>,
    status: String,
    objects: usize,
    result: String,
    /// Answered as if it were carried out, and not carried out.
    is_ignored: bool,
}

impl Operation {
    fn is_open(&self) -> bool {
        matches!(self.status.as_str(), "CREATED" | "RUNNING" | "CANCELING")
    }
}

impl BulkOperations {
    pub fn contains(&self, id: u64) -> bool {
        self.0.contains_key(&id)
    }

    /// A field of one operation.
    pub fn field(&self, id: u64, base_url: &str, name: &str) -> Option<Value> {
        let Some(operation) = self.0.get(&id) else {
            return Some(Value::Null);
        };
        let is_complete = operation.status == "COMPLETED";
        Some(match name {
            "id" => json!(gid("BulkOperation", id)),
            "status" => json!(operation.status),
            "type" => json!("MUTATION"),
            "errorCode" | "partialDataUrl" => Value::Null,
            "createdAt" => json!(moment(operation.created)),
            "completedAt" => json!(operation.completed.map(moment)),
            "objectCount" | "rootObjectCount" => json!(operation.objects.to_string()),
            "fileSize" if is_complete => json!(operation.result.len().to_string()),
            "url" if is_complete => json!(format!("{base_url}{PATH}/{id}.jsonl")),
            "fileSize" | "url" => Value::Null,
            "query" => json!(operation.mutation),
            _ => return None,
        })
    }

    /// `GET` of the results.
    pub fn download(&self, request: &Request) -> Response {
        let id = request
            .path
            .rsplit('/')
            .next()
            .and_then(|name| name.strip_suffix(".jsonl")?.parse().ok());
        let operation = id.and_then(|id: u64| self.0.get(&id)).filter(|operation| {
            operation
                .completed
                .is_some_and(|at| request.now.duration_since(at) < LIFETIME)
        });
        match operation {
            None => Response::empty(404),
            Some(operation) => {
                let mut response = Response::empty(200).header("content-type", "application/jsonl");
                response.body = operation.result.clone().into_bytes();
                response
            }
        }
    }
}

/// Rows of `bulkOperations`.
pub fn rows(shop: &Shop, search: &Search, sort_key: &str) -> (Vec<Row>, &'static str) {
    let operations = shop.bulk.0.values().filter(|operation| {
        search.matches(&|term| match term.field.as_str() {
            "id" => term.matches_number(operation.id),
            "status" => term.matches_text(&operation.status),
            "operation_type" => term.value.eq_ignore_ascii_case("mutation"),
            "created_at" => term.matches_time(operation.created),
            _ => true,
        })
    });
    let row = |operation: &Operation| {
        let at = match sort_key {
            "COMPLETED_AT" => operation.completed.unwrap_or(operation.created),
            _ => operation.created,
        };
        Row::by_rank(at.as_microsecond(), operation.id)
    };
    (operations.map(row).collect(), "BulkOperation")
}

/// `bulkOperationRunMutation`.
pub fn run_mutation(world: &World<'_>, arguments: &Arguments) -> Value {
    let text = |name: &str| {
        arguments
            .get(name)
            .and_then(Value::as_str)
            .map(str::to_owned)
    };
    let mutation = text("mutation").unwrap_or_default();
    let path = text("stagedUploadPath").unwrap_or_default();
    let mut shop = world.shop();
    let refused = match shop.uploads.body(&path) {
        _ if !is_one_mutation(&mutation) => {
            let message = "The mutation is invalid. Check its syntax and try again.";
            Some(UserError::new("mutation", message, "INVALID_MUTATION"))
        }
        None => {
            let message = "The JSONL file could not be found. Try uploading the file again.";
            Some(UserError::new("stagedUploadPath", message, "NO_SUCH_FILE"))
        }
        Some(body) if body.trim().is_empty() || body.len() > LARGEST => {
            let message = "The JSONL file is invalid. Update the file and try again.";
            let code = "INVALID_STAGED_UPLOAD_FILE";
            Some(UserError::new("stagedUploadPath", message, code))
        }
        Some(_) => {
            let open = shop.bulk.0.values().filter(|operation| operation.is_open());
            let message = "Bulk operations limit reached. Please try again later.";
            (open.count() >= MOST_AT_A_TIME).then(|| UserError::new("", message, "LIMIT_REACHED"))
        }
    };
    if let Some(error) = refused {
        return json!({"bulkOperation": null, "userErrors": documents(&[error])});
    }
    let id = shop.next_id();
    let operation = Operation {
        id,
        mutation,
        lines: shop.uploads.body(&path).unwrap_or_default().to_owned(),
        client: text("clientIdentifier"),
        created: world.now,
        completed: None,
        status: "CREATED".to_owned(),
        objects: 0,
        result: String::new(),
        is_ignored: world.faults().strikes(Fault::Ignored, true),
    };
    shop.bulk.0.insert(id, operation);
    json!({"bulkOperation": gid("BulkOperation", id), "userErrors": []})
}

/// One mutation, and none of the bulk queue's own.
fn is_one_mutation(text: &str) -> bool {
    let Ok(document) = Document::parse(text) else {
        return false;
    };
    let Ok(operation) = document.operation(None) else {
        return false;
    };
    let names: Vec<_> = operation
        .root_fields(document.inner())
        .map(|field| field.name.as_str())
        .collect();
    operation.operation_type == OperationType::Mutation
        && names.len() == 1
        && !names[0].starts_with("bulkOperation")
}

/// `bulkOperationCancel`.
pub fn cancel(world: &World<'_>, arguments: &Arguments) -> Value {
    let mut shop = world.shop();
    let id = Gid::number(arguments.get("id"), "BulkOperation");
    let Some(operation) = id.and_then(|id| shop.bulk.0.get_mut(&id)) else {
        let error = UserError::plain("id", "Bulk operation does not exist");
        return json!({"bulkOperation": null, "userErrors": documents(&[error])});
    };
    let reference = gid("BulkOperation", operation.id);
    if operation.is_open() {
        operation.status = "CANCELING".to_owned();
        return json!({"bulkOperation": reference, "userErrors": []});
    }
    let message = format!(
        "A bulk operation cannot be canceled when it is {}",
        operation.status.to_lowercase()
    );
    let error = UserError::plain("", message);
    json!({"bulkOperation": reference, "userErrors": documents(&[error])})
}

/// Carries out what is due. A stuck queue begins and never ends.
pub fn settle(shop: &mut Shop, faults: &mut Faults, now: Timestamp, base_url: &str, stuck: bool) {
    let open: Vec<u64> = shop
        .bulk
        .0
        .values()
        .filter(|operation| operation.is_open())
        .map(|operation| operation.id)
        .collect();
    for id in open {
        let Some(operation) = shop.bulk.0.get_mut(&id) else {
            continue;
        };
        let age = now.duration_since(operation.created);
        if operation.status == "CANCELING" {
            operation.status = "CANCELED".to_owned();
            operation.completed = Some(now);
        } else if age >= QUEUE + WORK && !stuck {
            let mut operation = operation.clone();
            let lines = std::mem::take(&mut operation.lines);
            let before = operation.is_ignored.then(|| shop.clone());
            let results = work_off(shop, faults, now, base_url, &operation.mutation, &lines);
            if let Some(before) = before {
                shop.take_back(before);
            }
            operation.objects = results.len();
            operation.result = results.concat();
            operation.status = "COMPLETED".to_owned();
            operation.completed = Some(now);
            shop.bulk.0.insert(id, operation);
        } else if age >= QUEUE {
            operation.status = "RUNNING".to_owned();
        }
    }
}

/// One line of result per line of input, in an order of their own.
fn work_off(
    shop: &mut Shop,
    faults: &mut Faults,
    now: Timestamp,
    base_url: &str,
    mutation: &str,
    lines: &str,
) -> Vec<String> {
    let Ok(document) = Document::parse(mutation) else {
        return Vec::new();
    };
    let Ok(operation) = document.operation(None) else {
        return Vec::new();
    };
    let mut results: Vec<(usize, String)> = lines
        .lines()
        .filter(|line| !line.trim().is_empty())
        .enumerate()
        .map(|(number, line)| {
            let mut result = match serde_json::from_str::<Map<String, Value>>(line) {
                Err(_) => json!({"errors": [{"message": "The line is not a JSON object"}]}),
                Ok(sent) => match engine::variables(&document, operation, &sent) {
                    Err(errors) => json!({"errors": errors}),
                    Ok(variables) => {
                        let keys = engine::idempotency_keys(&document, operation, &variables);
                        let world = World::new(shop, faults, now, base_url)
                            .of_bulk()
                            .with_keys(keys);
                        let (data, errors) =
                            engine::execute(&world, &document, operation, &variables);
                        match errors.is_empty() {
                            true => json!({"data": data}),
                            false => json!({"data": data, "errors": errors}),
                        }
                    }
                },
            };
            result["__lineNumber"] = json!(number);
            (number, format!("{result}\n"))
        })
        .collect();
    results.sort_by_key(|(number, _)| (number % 3, *number));
    results.into_iter().map(|(_, line)| line).collect()
}
