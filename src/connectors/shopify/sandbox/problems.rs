//! What is wrong with the values of a request, by the types of the schema: what scalars look like as well, of which
//! the schema says nothing.

use std::str::FromStr;

use apollo_compiler::Node;
use apollo_compiler::ast::{Type, Value as Literal};
use apollo_compiler::executable::{Field, Operation, Selection, SelectionSet};
use apollo_compiler::response::JsonMap;
use apollo_compiler::schema::ExtendedType;
use jiff::Timestamp;
use rust_decimal::Decimal;
use serde_json::{Map, Value, json};

use super::engine::{Document, SCHEMA};
use super::gid::is_gid;

/// Errors of all variables that do not fit their types.
pub fn of_variables(
    document: &Document,
    operation: &Operation,
    sent: &Map<String, Value>,
) -> Vec<Value> {
    operation
        .variables
        .iter()
        .filter_map(|variable| {
            let name = variable.name.as_str();
            let mut found = Vec::new();
            match sent.get(name) {
                None if variable.default_value.is_some() => {}
                value => {
                    let value = value.unwrap_or(&Value::Null);
                    check(&variable.ty, value, &mut Vec::new(), &mut found);
                }
            }
            if found.is_empty() {
                return None;
            }
            let told: Vec<_> = found.iter().map(Problem::told).collect();
            let problems: Vec<_> = found.iter().map(Problem::document).collect();
            let location = variable
                .location()
                .and_then(|at| at.line_column(&document.inner().sources))
                .map(|at| json!({"line": at.line, "column": at.column}));
            Some(json!({
                "message": format!(
                    "Variable ${name} of type {} was provided invalid value{}",
                    variable.ty,
                    told.join(", "),
                ),
                "locations": location.into_iter().collect::<Vec<_>>(),
                "extensions": {
                    "code": "INVALID_VARIABLE",
                    "value": sent.get(name),
                    "problems": problems,
                },
            }))
        })
        .collect()
}

/// Errors of values that are written into the document.
pub fn of_literals(document: &Document, operation: &Operation) -> Vec<Value> {
    let mut errors = Vec::new();
    each_field(document, &operation.selection_set, &mut |field| {
        for argument in &field.arguments {
            let Some(definition) = field.definition.argument_by_name(&argument.name) else {
                continue;
            };
            let Some(value) = plain(&argument.value) else {
                continue;
            };
            let mut found = Vec::new();
            check(
                &definition.ty,
                &value,
                &mut vec![json!(argument.name.as_str())],
                &mut found,
            );
            errors.extend(found.iter().map(|problem| {
                let message = format!(
                    "Argument '{}' on Field '{}' has an invalid value{}",
                    argument.name,
                    field.name,
                    problem.told(),
                );
                json!({
                    "message": message,
                    "extensions": {
                        "code": "argumentLiteralsIncompatible",
                        "typeName": "Field",
                        "argumentName": argument.name.as_str(),
                    },
                })
            }));
        }
    });
    errors
}

pub fn each_field(document: &Document, set: &SelectionSet, visit: &mut dyn FnMut(&Node<Field>)) {
    for selection in &set.selections {
        match selection {
            Selection::Field(field) => {
                visit(field);
                each_field(document, &field.selection_set, visit);
            }
            Selection::InlineFragment(fragment) => {
                each_field(document, &fragment.selection_set, visit);
            }
            Selection::FragmentSpread(spread) => {
                if let Some(fragment) = document.inner().fragments.get(&spread.fragment_name) {
                    each_field(document, &fragment.selection_set, visit);
                }
            }
        }
    }
}

/// A literal's value; `None` when a variable is in it.
fn plain(literal: &Literal) -> Option<Value> {
    filled(literal, None)
}

/// A literal's value with the variables filled in. What a variable leaves out stays out.
pub fn filled(literal: &Literal, variables: Option<&JsonMap>) -> Option<Value> {
    Some(match literal {
        Literal::Null => Value::Null,
        Literal::Enum(name) => json!(name.as_str()),
        Literal::String(text) => json!(text),
        Literal::Boolean(flag) => json!(flag),
        Literal::Int(number) => serde_json::from_str(number.as_str()).ok()?,
        Literal::Float(number) => serde_json::from_str(number.as_str()).ok()?,
        Literal::Variable(name) => {
            let value = variables?.get(name.as_str())?;
            serde_json::to_value(value).unwrap_or_default()
        }
        Literal::List(items) => {
            let items: Option<Vec<_>> = items.iter().map(|item| filled(item, variables)).collect();
            Value::Array(items?)
        }
        Literal::Object(fields) => {
            let mut object = Map::new();
            for (name, value) in fields {
                match filled(value, variables) {
                    Some(value) => {
                        object.insert(name.as_str().to_owned(), value);
                    }
                    None if variables.is_none() => return None,
                    None => {}
                }
            }
            Value::Object(object)
        }
    })
}

struct Problem {
    path: Vec<Value>,
    explanation: String,
}

impl Problem {
    fn told(&self) -> String {
        let path: Vec<_> = self
            .path
            .iter()
            .map(|part| match part {
                Value::String(name) => name.clone(),
                part => part.to_string(),
            })
            .collect();
        match path.is_empty() {
            true => String::new(),
            false => format!(" for {} ({})", path.join("."), self.explanation),
        }
    }

    fn document(&self) -> Value {
        json!({"path": self.path, "explanation": self.explanation})
    }
}

fn check(ty: &Type, value: &Value, path: &mut Vec<Value>, found: &mut Vec<Problem>) {
    let problem = |path: &[Value], explanation: String| Problem {
        path: path.to_vec(),
        explanation,
    };
    if value.is_null() {
        if ty.is_non_null() {
            found.push(problem(path, "Expected value to not be null".to_owned()));
        }
        return;
    }
    let name = match ty {
        Type::List(inner) | Type::NonNullList(inner) => {
            let Some(items) = value.as_array() else {
                return check(inner, value, path, found);
            };
            for (index, item) in items.iter().enumerate() {
                path.push(json!(index));
                check(inner, item, path, found);
                path.pop();
            }
            return;
        }
        Type::Named(name) | Type::NonNullNamed(name) => name,
    };
    match SCHEMA.types.get(name) {
        Some(ExtendedType::Enum(definition)) => {
            let known = value
                .as_str()
                .is_some_and(|value| definition.values.contains_key(value));
            if !known {
                let values: Vec<_> = definition.values.keys().map(|key| key.as_str()).collect();
                let explanation = format!("Expected {value} to be one of: {}", values.join(", "));
                found.push(problem(path, explanation));
            }
        }
        Some(ExtendedType::InputObject(definition)) => {
            let Some(object) = value.as_object() else {
                let explanation = format!("Expected {value} to be a key-value object.");
                found.push(problem(path, explanation));
                return;
            };
            for key in object.keys() {
                if !definition.fields.contains_key(key.as_str()) {
                    path.push(json!(key));
                    found.push(problem(path, format!("Field is not defined on {name}")));
                    path.pop();
                }
            }
            let stated = object.values().filter(|value| !value.is_null()).count();
            if definition.directives.has("oneOf") && (stated != 1 || object.len() != 1) {
                let explanation = format!(
                    "'{name}' requires exactly one argument, but {} were provided.",
                    object.len()
                );
                found.push(problem(path, explanation));
            }
            for field in definition.fields.values() {
                let value = object.get(field.name.as_str());
                if value.is_none() && field.default_value.is_some() {
                    continue;
                }
                path.push(json!(field.name.as_str()));
                check(&field.ty, value.unwrap_or(&Value::Null), path, found);
                path.pop();
            }
        }
        _ => found.extend(scalar(name, value).map(|explanation| problem(path, explanation))),
    }
}

/// What is wrong with a scalar, by its type.
fn scalar(name: &str, value: &Value) -> Option<String> {
    let text = value.as_str();
    let number_text = match value {
        Value::Number(number) => Some(number.to_string()),
        value => value.as_str().map(str::to_owned),
    };
    let fits = match name {
        "String" | "HTML" => text.is_some(),
        "Boolean" => value.is_boolean(),
        "Int" => value.as_i64().is_some_and(|n| i32::try_from(n).is_ok()),
        "Float" => value.is_number(),
        "UnsignedInt64" => number_text.is_some_and(|text| text.parse::<u64>().is_ok()),
        "Money" | "Decimal" => number_text.is_some_and(|text| Decimal::from_str(&text).is_ok()),
        "DateTime" => text.is_some_and(|text| text.parse::<Timestamp>().is_ok()),
        "URL" => text.is_some_and(is_url),
        "ID" => {
            let known = text.is_some_and(is_gid);
            return (!known).then(|| match text {
                Some(text) => format!("Invalid global id '{text}'"),
                None => format!("Invalid global id '{value}'"),
            });
        }
        _ => true,
    };
    let what = match name {
        "Money" => "money",
        "Decimal" => "decimal",
        "DateTime" => "date and time",
        "URL" => "url",
        _ => "",
    };
    (!fits).then(|| match what {
        "" => format!("Could not coerce value {value} to {name}"),
        what => format!("Invalid {what} {value}"),
    })
}

pub fn is_url(text: &str) -> bool {
    ["http://", "https://"].iter().any(|scheme| {
        text.strip_prefix(scheme).is_some_and(|rest| {
            rest.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '[')
                && !text.contains(char::is_whitespace)
        })
    })
}
