//! Schemas of API descriptions as JSON Schema, as strict as they can be read.

use serde_json::{Map, Value, json};

/// Who writes the document that a schema is held against.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    Request,
    Answer,
}

/// Replaces every reference by what it refers to, so that the result stands alone; and closes objects that name
/// their fields: a field that the vendor does not document is a mistake of ours.
pub fn standalone(schema: &Value, document: &Value, side: Side) -> Value {
    resolve(schema, document, side, &mut Vec::new())
}

fn resolve(schema: &Value, document: &Value, side: Side, path: &mut Vec<String>) -> Value {
    let Some(object) = schema.as_object() else {
        return schema.clone();
    };
    if let Some(reference) = object.get("$ref").and_then(Value::as_str) {
        if path.iter().any(|one| one == reference) {
            // A schema within itself: one level is checked.
            return json!({});
        }
        let target = document
            .pointer(reference.trim_start_matches('#'))
            .unwrap_or_else(|| panic!("the specification refers to nothing: {reference}"));
        path.push(reference.to_owned());
        let resolved = resolve(target, document, side, path);
        path.pop();
        return resolved;
    }
    let mut resolved = Map::new();
    for (key, value) in object {
        let value = match (key.as_str(), value) {
            ("properties", Value::Object(properties)) => {
                let properties = properties.iter().filter(|(_, property)| {
                    side == Side::Answer || property["readOnly"] != json!(true)
                });
                let each = |(name, property): (&String, &Value)| {
                    (name.clone(), resolve(property, document, side, path))
                };
                Value::Object(properties.map(each).collect())
            }
            ("items" | "additionalProperties" | "not" | "if" | "then" | "else", value) => {
                resolve(value, document, side, path)
            }
            ("allOf" | "anyOf" | "oneOf", Value::Array(parts)) => {
                let each = |part| resolve(part, document, side, path);
                Value::Array(parts.iter().map(each).collect())
            }
            // A format's name may be the vendor's own; examples are no part of the schema.
            ("example" | "examples" | "default" | "description", _) => continue,
            (_, value) => value.clone(),
        };
        resolved.insert(key.clone(), value);
    }
    merge_all_of(&mut resolved);
    close(&mut resolved);
    allow_null(resolved)
}

/// `allOf` of objects is one object with the fields of all: only so can it be closed.
fn merge_all_of(schema: &mut Map<String, Value>) {
    let all_objects = schema
        .get("allOf")
        .and_then(Value::as_array)
        .is_some_and(|parts| parts.iter().all(|part| part["properties"].is_object()));
    if !all_objects {
        return;
    }
    let parts = schema.remove("allOf").unwrap_or_default();
    for part in parts.as_array().into_iter().flatten() {
        for (key, value) in part.as_object().into_iter().flatten() {
            let Some(known) = schema.get_mut(key) else {
                schema.insert(key.clone(), value.clone());
                continue;
            };
            match (known, value) {
                (Value::Object(known), Value::Object(more)) => {
                    known.extend(more.iter().map(|(key, value)| (key.clone(), value.clone())));
                }
                (Value::Array(known), Value::Array(more)) if key == "required" => {
                    known.extend(more.iter().cloned());
                }
                _ => {}
            }
        }
    }
}

fn close(schema: &mut Map<String, Value>) {
    let names_fields = schema
        .get("properties")
        .and_then(Value::as_object)
        .is_some_and(|properties| !properties.is_empty());
    if names_fields && !schema.contains_key("additionalProperties") {
        schema.insert("additionalProperties".to_owned(), json!(false));
    }
}

/// OpenAPI 3.0 says `nullable` beside the type.
fn allow_null(mut schema: Map<String, Value>) -> Value {
    if schema.remove("nullable") == Some(json!(true)) {
        if let Some(Value::String(one)) = schema.get("type").cloned() {
            schema.insert("type".to_owned(), json!([one, "null"]));
        }
        if let Some(Value::Array(values)) = schema.get_mut("enum") {
            values.push(Value::Null);
        }
    }
    Value::Object(schema)
}
