//! What requests must keep to beside the schema, before anything is done.

use apollo_compiler::executable::{Operation, OperationType};
use apollo_compiler::response::JsonMap;
use serde_json::{Map, Value, json};

use super::engine::Document;
use super::page::MOST_ROWS;
use super::problems::{each_field, filled};

/// Mutations that need a key since 2026-04, of those that are emulated.
pub const KEYED: &[&str] = &[
    "inventorySetQuantities",
    "inventoryActivate",
    "refundCreate",
];

/// Longest list in an input.
const LONGEST_LIST: usize = 250;

/// Errors of the request as a whole; with any, nothing is carried out.
pub fn broken(document: &Document, operation: &Operation, variables: &JsonMap) -> Vec<Value> {
    let mut errors = Vec::new();
    each_field(document, &operation.selection_set, &mut |field| {
        let name = field.name.as_str();
        for argument in field.arguments.iter().filter(|argument| {
            matches!(argument.name.as_str(), "first" | "last")
                && field
                    .definition
                    .ty
                    .inner_named_type()
                    .ends_with("Connection")
        }) {
            let size = filled(&argument.value, Some(variables)).and_then(|size| size.as_u64());
            if size.is_some_and(|size| size > MOST_ROWS) {
                let message = format!(
                    "The maximum allowed value for `{}` is {MOST_ROWS}.",
                    argument.name
                );
                errors.push(error(&message, "BAD_REQUEST", &[json!(name)]));
            }
        }
    });
    if operation.operation_type != OperationType::Mutation {
        return errors;
    }
    for field in operation.root_fields(document.inner()) {
        let name = field.name.as_str();
        if KEYED.contains(&name) && !field.directives.has("idempotent") {
            let message =
                "The @idempotent directive is required for this mutation but was not provided.";
            errors.push(error(message, "BAD_REQUEST", &[json!(name)]));
        }
        let arguments: Map<String, Value> = field
            .arguments
            .iter()
            .filter_map(|argument| {
                let value = filled(&argument.value, Some(variables))?;
                Some((argument.name.as_str().to_owned(), value))
            })
            .collect();
        for (argument, value) in &arguments {
            let mut path = vec![json!(name), json!(argument)];
            lists(name, value, &mut path, &mut errors);
        }
        if name == "inventorySetQuantities" {
            let entries = arguments
                .get("input")
                .and_then(|input| input["quantities"].as_array());
            let is_silent = |entry: &Value| entry.get("changeFromQuantity").is_none();
            if entries.is_some_and(|entries| entries.iter().any(is_silent)) {
                let message = "InventoryQuantityInput must include the following argument: \
                               changeFromQuantity";
                errors.push(error(message, "INVALID_FIELD_ARGUMENTS", &[json!(name)]));
            }
        }
    }
    errors
}

fn lists(mutation: &str, value: &Value, path: &mut Vec<Value>, errors: &mut Vec<Value>) {
    match value {
        Value::Array(items) => {
            let is_variants = mutation == "productSet" && path.last() == Some(&json!("variants"));
            // A product's variants go in one call, and productSet itself says when they are too many.
            if items.len() > LONGEST_LIST && !is_variants {
                let message = format!(
                    "The input array size of {} is greater than the maximum allowed of {LONGEST_LIST}.",
                    items.len()
                );
                errors.push(error(&message, "MAX_INPUT_SIZE_EXCEEDED", path));
            }
            for (index, item) in items.iter().enumerate() {
                path.push(json!(index));
                lists(mutation, item, path, errors);
                path.pop();
            }
        }
        Value::Object(fields) => {
            for (name, value) in fields {
                path.push(json!(name));
                lists(mutation, value, path, errors);
                path.pop();
            }
        }
        _ => {}
    }
}

pub fn error(message: &str, code: &str, path: &[Value]) -> Value {
    json!({"message": message, "path": path, "extensions": {"code": code}})
}
