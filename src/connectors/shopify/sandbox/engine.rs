//! GraphQL requests: read, validated against the schema, executed, answered with the vendor's errors.

use std::collections::HashMap;
use std::sync::LazyLock;

use apollo_compiler::executable::{Operation, OperationType};
use apollo_compiler::resolvers::Execution;
use apollo_compiler::response::JsonMap;
use apollo_compiler::validation::{DiagnosticList, Valid};
use apollo_compiler::{ExecutableDocument, Schema};
use serde_json::{Map, Value, json};

use super::objects::{Entity, World};
use super::problems;

/// What is emulated of the Admin API: names and types as in the vendor's schema of 2026-07.
pub static SCHEMA: LazyLock<Valid<Schema>> = LazyLock::new(|| {
    // A part of the program; a test parses it.
    Schema::parse_and_validate(include_str!("schema.graphql"), "schema.graphql")
        .expect("the schema is valid")
});

/// A document that keeps to the schema.
pub struct Document(Valid<ExecutableDocument>);

impl Document {
    /// `Err` is the list of `errors` of the answer.
    pub fn parse(text: &str) -> Result<Self, Vec<Value>> {
        ExecutableDocument::parse_and_validate(&SCHEMA, text, "query.graphql")
            .map(Self)
            .map_err(|invalid| validation_errors(&invalid.errors))
    }

    pub fn operation(&self, name: Option<&str>) -> Result<&Operation, Vec<Value>> {
        self.0
            .operations
            .get(name)
            .map(|operation| &**operation)
            .map_err(|_| match name {
                Some(name) => vec![json!({"message": format!("No operation named \"{name}\"")})],
                None => vec![json!({"message": "An operation name is required"})],
            })
    }

    pub fn inner(&self) -> &Valid<ExecutableDocument> {
        &self.0
    }
}

/// The variables of one execution, read by their types.
pub fn variables(
    document: &Document,
    operation: &Operation,
    sent: &Map<String, Value>,
) -> Result<Valid<JsonMap>, Vec<Value>> {
    let wrong = problems::of_variables(document, operation, sent);
    if !wrong.is_empty() {
        return Err(wrong);
    }
    let declared: JsonMap = operation
        .variables
        .iter()
        .filter_map(|variable| {
            let value = sent.get(variable.name.as_str())?;
            Some((variable.name.as_str().into(), value.clone().into()))
        })
        .collect();
    apollo_compiler::request::coerce_variable_values(&SCHEMA, operation, &declared).map_err(
        |error| {
            let message = error.message().to_string();
            vec![json!({"message": message, "extensions": {"code": "INVALID_VARIABLE"}})]
        },
    )
}

/// Keys of `@idempotent`, by the mutation's key in the answer.
pub fn idempotency_keys(
    document: &Document,
    operation: &Operation,
    variables: &JsonMap,
) -> HashMap<String, String> {
    operation
        .root_fields(document.inner())
        .filter_map(|field| {
            let directive = field.directives.get("idempotent")?;
            let key = directive.specified_argument_by_name("key")?;
            let key = problems::filled(key, Some(variables))?;
            Some((field.response_key().to_string(), key.as_str()?.to_owned()))
        })
        .collect()
}

/// `data` and `errors` of an execution.
pub fn execute(
    world: &World<'_>,
    document: &Document,
    operation: &Operation,
    variables: &Valid<JsonMap>,
) -> (Value, Vec<Value>) {
    let root = Entity::root(world, operation.operation_type == OperationType::Mutation);
    let executed = Execution::new(&SCHEMA, document.inner())
        .operation(operation)
        .coerced_variable_values(variables)
        .execute_sync(&root);
    match executed {
        Ok(response) => {
            let mut errors = serde_json::to_value(&response.errors).unwrap_or_default();
            for error in errors.as_array_mut().into_iter().flatten() {
                let message = error["message"].as_str().unwrap_or_default();
                let message = message.trim_start_matches("resolver error: ").to_owned();
                let code = world.code_of(&message);
                error["message"] = json!(message);
                error["extensions"] = json!({"code": code});
            }
            let errors = errors.as_array().cloned().unwrap_or_default();
            (
                serde_json::to_value(response.data).unwrap_or_default(),
                errors,
            )
        }
        Err(error) => {
            let message = error.message().to_string();
            (Value::Null, vec![json!({"message": message})])
        }
    }
}

/// Each finding of the validator, with the code that the vendor's library gives it.
fn validation_errors(found: &DiagnosticList) -> Vec<Value> {
    // The validator leaves unknown fields out and then misses what they stood for: that is no finding.
    let is_unknown = |name: Option<&str>| name == Some("UndefinedField");
    let only_unknown = found
        .iter()
        .any(|one| is_unknown(one.error.unstable_error_name()));
    found
        .iter()
        .filter(|one| !only_unknown || is_unknown(one.error.unstable_error_name()))
        .map(|one| {
            let name = one.error.unstable_error_name().unwrap_or_default();
            let plain = one
                .error
                .unstable_compat_message()
                .unwrap_or_else(|| one.error.to_string());
            let quoted: Vec<&str> = plain.split('"').skip(1).step_by(2).collect();
            let (message, extensions) = told(name, &plain, &quoted);
            let location = one
                .line_column_range()
                .map(|range| json!({"line": range.start.line, "column": range.start.column}));
            json!({
                "message": message,
                "locations": location.into_iter().collect::<Vec<_>>(),
                "extensions": extensions,
            })
        })
        .collect()
}

/// The vendor's message and extensions for a finding. `quoted` are the names in the validator's own words.
fn told(name: &str, plain: &str, quoted: &[&str]) -> (String, Value) {
    let at = |index: usize| quoted.get(index).copied().unwrap_or_default();
    match name {
        "UndefinedField" => (
            format!("Field '{}' doesn't exist on type '{}'", at(0), at(1)),
            json!({"code": "undefinedField", "typeName": at(1), "fieldName": at(0)}),
        ),
        "UndefinedArgument" => {
            let field = at(1).rsplit('.').next().unwrap_or_default();
            let field = field.split('(').next().unwrap_or_default();
            (
                format!("Field '{field}' doesn't accept argument '{}'", at(0)),
                json!({
                    "code": "argumentNotAccepted",
                    "name": field,
                    "typeName": "Field",
                    "argumentName": at(0),
                }),
            )
        }
        "UndefinedInputValue" => (
            format!(
                "InputObject '{}' doesn't accept argument '{}'",
                at(1),
                at(0)
            ),
            json!({
                "code": "argumentNotAccepted",
                "name": at(1),
                "typeName": "InputObject",
                "argumentName": at(0),
            }),
        ),
        "RequiredArgument" => (
            format!("Field '{}' is missing required arguments: {}", at(0), at(1)),
            json!({
                "code": "missingRequiredArguments",
                "className": "Field",
                "name": at(0),
                "arguments": at(1),
            }),
        ),
        "RequiredField" => {
            let (object, argument) = at(0).split_once('.').unwrap_or((at(0), ""));
            let message = format!(
                "Argument '{argument}' on InputObject '{object}' is required. Expected type {}",
                at(1)
            );
            let extensions = json!({
                "code": "missingRequiredInputObjectAttribute",
                "argumentName": argument,
                "argumentType": at(1),
                "inputObjectType": object,
            });
            (message, extensions)
        }
        _ => (plain.to_owned(), json!({"code": code(name)})),
    }
}

fn code(name: &str) -> &'static str {
    match name {
        "UndefinedVariable" => "variableNotDefined",
        "UnusedVariable" => "variableNotUsed",
        "DisallowedVariableUsage" => "variableMismatch",
        "VariableInputType" => "variableRequiresValidType",
        "UndefinedFragment" | "UnusedFragment" => "useAndDefineFragment",
        "UndefinedDirective" => "undefinedDirective",
        "UndefinedDefinition" => "undefinedType",
        "MissingSubselection" | "SubselectionOnScalarType" | "SubselectionOnEnumType" => {
            "selectionMismatch"
        }
        "UnsupportedValueType"
        | "UndefinedEnumValue"
        | "IntCoercionError"
        | "FloatCoercionError" => "argumentLiteralsIncompatible",
        "ConflictingFieldName" | "ConflictingFieldArgument" | "ConflictingFieldType" => {
            "fieldConflict"
        }
        "InvalidFragmentSpread" | "InvalidFragmentTarget" => "cannotSpreadFragment",
        _ => "graphqlParseError",
    }
}
