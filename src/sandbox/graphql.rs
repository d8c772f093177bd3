//! What sandboxes of GraphQL channels share: a request is validated against a schema and executed over JSON documents.

use std::cell::RefCell;
use std::collections::HashMap;

use apollo_compiler::ast::Type;
use apollo_compiler::executable::OperationType;
use apollo_compiler::resolvers::{Execution, FieldError, ObjectValue, ResolveInfo, ResolvedValue};
use apollo_compiler::response::JsonMap;
use apollo_compiler::schema::ExtendedType;
use apollo_compiler::validation::Valid;
use apollo_compiler::{ExecutableDocument, Schema};
use serde::Deserialize;
use serde_json::{Map, Value, json};

/// Before the message of an error that a field told.
const OF_A_FIELD: &str = "resolver error: ";

/// A field that cannot be told: message of the error, and its code where it has one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    pub message: String,
    pub code: Option<&'static str>,
}

/// The data behind a schema.
pub trait Data {
    /// The value of a field of the query or mutation root. Objects are JSON objects, which name their type in
    /// `__typename` where the schema leaves a choice, or the id of something that [`Data::load`] knows.
    fn root(
        &self,
        mutates: bool,
        field: &str,
        arguments: &Map<String, Value>,
    ) -> Result<Value, Refused>;

    /// An object that was named by its id.
    fn load(&self, type_name: &str, id: &str) -> Option<Map<String, Value>>;
}

/// The body of a request.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Body {
    pub query: String,
    #[serde(default)]
    pub variables: Option<Map<String, Value>>,
    #[serde(default)]
    pub operation_name: Option<String>,
}

/// Why a request was not executed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unfit {
    /// The document does not keep to the schema.
    Document(String),
    /// A variable is not of its type.
    Variables(String),
}

/// Validates and executes. The answer has `data`, and `errors` where there are any.
pub fn execute(schema: &Valid<Schema>, body: &Body, data: &dyn Data) -> Result<Value, Unfit> {
    let document = ExecutableDocument::parse_and_validate(schema, &*body.query, "query.graphql")
        .map_err(|invalid| {
            let messages: Vec<String> = invalid
                .errors
                .iter()
                .map(|one| {
                    let message = one.error.unstable_compat_message();
                    message.unwrap_or_else(|| one.error.to_string())
                })
                .collect();
            // A field that is not there leaves its selection empty as well, which is complained of first.
            let of_a_name = messages
                .iter()
                .find(|message| message.contains("Cannot query"));
            let message = of_a_name.or(messages.first()).cloned();
            Unfit::Document(message.unwrap_or_default())
        })?;
    let operation = document
        .operations
        .get(body.operation_name.as_deref())
        .map_err(|error| Unfit::Document(error.message().to_string()))?;
    let sent: JsonMap = body
        .variables
        .iter()
        .flatten()
        .map(|(name, value)| (name.as_str().into(), value.clone().into()))
        .collect();
    let variables = apollo_compiler::request::coerce_variable_values(schema, operation, &sent)
        .map_err(|error| Unfit::Variables(error.message().to_string()))?;
    let execution = Running {
        schema,
        data,
        codes: RefCell::default(),
    };
    let root = Root {
        execution: &execution,
        mutates: operation.operation_type == OperationType::Mutation,
    };
    let executed = Execution::new(schema, &document)
        .operation(operation)
        .coerced_variable_values(&variables)
        .execute_sync(&root)
        .map_err(|error| Unfit::Variables(error.message().to_string()))?;
    let mut answer = Map::new();
    let mut errors = serde_json::to_value(&executed.errors).unwrap_or_default();
    for error in errors.as_array_mut().into_iter().flatten() {
        let codes = execution.codes.borrow();
        let told = error["message"].as_str().unwrap_or_default();
        // The library says whose error it is.
        let message = told.strip_prefix(OF_A_FIELD).unwrap_or(told).to_owned();
        match codes.get(&message) {
            Some(Some(code)) => error["extensions"] = json!({"code": code}),
            Some(None) => {}
            None => error["extensions"] = json!({"code": "INTERNAL_SERVER_ERROR"}),
        }
        error["message"] = json!(message);
    }
    if errors.as_array().is_some_and(|errors| !errors.is_empty()) {
        answer.insert("errors".to_owned(), errors);
    }
    let data = serde_json::to_value(&executed.data).unwrap_or_default();
    answer.insert("data".to_owned(), data);
    Ok(Value::Object(answer))
}

/// What a document does, by a look at its beginning: whether it mutates, and its first field.
pub fn heading(document: &str) -> (bool, &str) {
    let text = document.trim_start();
    let mutates = text.starts_with("mutation");
    let mut depth = 0;
    let start = text.char_indices().find_map(|(at, c)| {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        (c == '{' && depth == 0).then_some(at + 1)
    });
    let mut rest = start.map_or("", |start| &text[start..]);
    let mut name = "";
    // The second word, where the first is an alias.
    for _ in 0..2 {
        rest = rest.trim_start();
        let end = rest
            .find(|c: char| !c.is_ascii_alphanumeric() && c != '_')
            .unwrap_or(rest.len());
        name = &rest[..end];
        match rest[end..].trim_start().strip_prefix(':') {
            Some(after) => rest = after,
            None => break,
        }
    }
    (mutates, name)
}

struct Running<'a> {
    schema: &'a Valid<Schema>,
    data: &'a dyn Data,
    /// Codes of the errors that were told, by message.
    codes: RefCell<HashMap<String, Option<&'static str>>>,
}

impl Running<'_> {
    fn resolved<'a>(&'a self, value: Value, ty: &Type) -> ResolvedValue<'a> {
        match (value, ty) {
            (Value::Null, _) => ResolvedValue::null(),
            (Value::Array(items), Type::List(inner) | Type::NonNullList(inner)) => {
                let items: Vec<_> = items
                    .into_iter()
                    .map(|item| self.resolved(item, inner))
                    .collect();
                ResolvedValue::list(items)
            }
            (value, ty) => self.one(value, ty.inner_named_type().as_str()),
        }
    }

    fn one<'a>(&'a self, value: Value, type_name: &str) -> ResolvedValue<'a> {
        let is_composite = matches!(
            self.schema.types.get(type_name),
            Some(ExtendedType::Object(_) | ExtendedType::Interface(_) | ExtendedType::Union(_))
        );
        let fields = match value {
            Value::Object(fields) if is_composite => Some(fields),
            Value::String(id) if is_composite => self.data.load(type_name, &id),
            leaf => return ResolvedValue::leaf(leaf),
        };
        ResolvedValue::nullable_object(fields.map(|fields| {
            Document {
                execution: self,
                type_name: fields
                    .get("__typename")
                    .and_then(Value::as_str)
                    .unwrap_or(type_name)
                    .to_owned(),
                fields,
            }
        }))
    }
}

struct Root<'a> {
    execution: &'a Running<'a>,
    mutates: bool,
}

impl ObjectValue for Root<'_> {
    fn type_name(&self) -> &str {
        if self.mutates { "Mutation" } else { "Query" }
    }

    fn resolve_field<'a>(
        &'a self,
        info: &'a ResolveInfo<'a>,
    ) -> Result<ResolvedValue<'a>, FieldError> {
        let arguments = match serde_json::to_value(info.arguments()) {
            Ok(Value::Object(arguments)) => arguments,
            _ => Map::new(),
        };
        let value = self
            .execution
            .data
            .root(self.mutates, info.field_name(), &arguments)
            .map_err(|refused| {
                let mut codes = self.execution.codes.borrow_mut();
                codes.insert(refused.message.clone(), refused.code);
                FieldError {
                    message: refused.message,
                }
            })?;
        Ok(self.execution.resolved(value, &info.field_definition().ty))
    }
}

struct Document<'a> {
    execution: &'a Running<'a>,
    type_name: String,
    fields: Map<String, Value>,
}

impl ObjectValue for Document<'_> {
    fn type_name(&self) -> &str {
        &self.type_name
    }

    fn resolve_field<'a>(
        &'a self,
        info: &'a ResolveInfo<'a>,
    ) -> Result<ResolvedValue<'a>, FieldError> {
        let value = self.fields.get(info.field_name()).cloned();
        let value = value.ok_or_else(|| self.unknown_field_error(info))?;
        Ok(self.execution.resolved(value, &info.field_definition().ty))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCHEMA: &str =
        "type Query { shelf(of: Int!): [Book!]! } type Mutation { write(title: String!): Book! }
        type Book { id: ID! title: String! next: Book }";

    struct Library(RefCell<Vec<String>>);

    impl Data for Library {
        fn root(
            &self,
            mutates: bool,
            _: &str,
            arguments: &Map<String, Value>,
        ) -> Result<Value, Refused> {
            if !mutates {
                return Ok(json!(["1", "2"]));
            }
            let title = arguments["title"].as_str().unwrap_or_default().to_owned();
            if title.is_empty() {
                return Err(Refused {
                    message: "no title".to_owned(),
                    code: Some("BAD"),
                });
            }
            self.0.borrow_mut().push(title.clone());
            Ok(json!({"id": "3", "title": title, "next": null}))
        }

        fn load(&self, _: &str, id: &str) -> Option<Map<String, Value>> {
            json!({"id": id, "title": format!("Book {id}"), "next": "9"})
                .as_object()
                .cloned()
        }
    }

    fn run(query: &str, variables: Value) -> (Result<Value, Unfit>, Vec<String>) {
        let schema = Schema::parse_and_validate(SCHEMA, "schema").unwrap();
        let body = Body {
            query: query.to_owned(),
            variables: variables.as_object().cloned(),
            operation_name: None,
        };
        let library = Library(RefCell::default());
        (execute(&schema, &body, &library), library.0.into_inner())
    }

    #[test]
    fn ids_become_objects() {
        let (answer, _) = run("{ shelf(of: 1) { title next { next { id } } } }", json!({}));
        let answer = answer.unwrap();
        assert_eq!(answer["data"]["shelf"][1]["title"], "Book 2");
        assert_eq!(answer["data"]["shelf"][0]["next"]["next"]["id"], "9");
    }

    #[test]
    fn a_mutation_that_fails_stops_those_after_it() {
        let (answer, written) = run(
            r#"mutation { a: write(title: "A") { id } b: write(title: "") { id } c: write(title: "C") { id } }"#,
            json!({}),
        );
        let answer = answer.unwrap();
        assert_eq!(answer["data"], Value::Null);
        assert_eq!(answer["errors"][0]["path"], json!(["b"]));
        assert_eq!(answer["errors"][0]["extensions"]["code"], "BAD");
        assert_eq!(answer["errors"][0]["message"], "no title");
        assert_eq!(written, ["A"]);
    }

    #[test]
    fn what_is_not_in_the_schema_is_not_executed() {
        let (answer, _) = run("{ shelf(of: 1) { isbn } }", json!({}));
        let unfit = answer.unwrap_err();
        assert!(
            matches!(&unfit, Unfit::Document(message) if message.contains("isbn")),
            "{unfit:?}"
        );
        let (answer, _) = run(
            "query($n: Int!) { shelf(of: $n) { id } }",
            json!({"n": "x"}),
        );
        assert!(matches!(answer, Err(Unfit::Variables(_))));
    }

    #[test]
    fn a_document_is_named_by_its_first_field() {
        assert_eq!(
            heading("query A($o: X = {a: 1}) { products(o: $o) { id } }"),
            (false, "products")
        );
        assert_eq!(
            heading("mutation { m0: createProduct(input: $i) { id } }"),
            (true, "createProduct")
        );
        assert_eq!(heading("{ me { id } }"), (false, "me"));
        assert_eq!(heading("nonsense"), (false, ""));
    }
}
