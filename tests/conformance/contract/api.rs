//! An API description, Swagger 2.0 or OpenAPI 3.0, as operations that exchanges are held against.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};

use jsonschema::{Draft, Validator};
use serde_json::{Value, json};
use skucast::sandbox::{Exchange, Request};

use super::schema::{Side, standalone};

/// The operations of one or several documents.
pub struct Api {
    operations: Vec<Operation>,
    /// What counts as a `date-time`, where the vendor does not mean RFC 3339.
    date_time: Option<fn(&str) -> bool>,
}

struct Operation {
    method: String,
    template: String,
    parameters: Vec<Parameter>,
    body: Option<Value>,
    /// By status, or `default`; `None` where no body is described.
    answers: BTreeMap<String, Option<Value>>,
    compiled: RefCell<HashMap<String, Validator>>,
    date_time: Option<fn(&str) -> bool>,
}

struct Parameter {
    name: String,
    place: String,
    required: bool,
    is_list: bool,
    schema: Value,
}

const METHODS: [&str; 5] = ["get", "put", "post", "patch", "delete"];

impl Api {
    pub fn new(date_time: Option<fn(&str) -> bool>) -> Self {
        Self {
            operations: Vec::new(),
            date_time,
        }
    }

    /// Adds every operation of a document; its paths start behind `prefix`.
    pub fn add(&mut self, document: &Value, prefix: &str) {
        let swagger = document["swagger"] == json!("2.0");
        for (path, item) in document["paths"]
            .as_object()
            .expect("a description has paths")
        {
            let shared = item["parameters"].as_array().cloned().unwrap_or_default();
            for method in METHODS {
                let Some(operation) = item.get(method) else {
                    continue;
                };
                let own = operation["parameters"]
                    .as_array()
                    .cloned()
                    .unwrap_or_default();
                let stated: Vec<Value> = shared
                    .iter()
                    .chain(&own)
                    .map(|parameter| dereferenced(parameter, document))
                    .collect();
                let body = if swagger {
                    let body = stated
                        .iter()
                        .find(|parameter| parameter["in"] == json!("body"));
                    body.map(|body| body["schema"].clone())
                } else {
                    operation
                        .pointer("/requestBody/content/application~1json/schema")
                        .cloned()
                };
                let answers = operation["responses"]
                    .as_object()
                    .expect("an operation has answers");
                self.operations.push(Operation {
                    method: method.to_uppercase(),
                    template: format!("{prefix}{path}"),
                    parameters: stated
                        .iter()
                        .filter(|parameter| parameter["in"] != json!("body"))
                        .map(|parameter| Parameter::read(parameter, document))
                        .collect(),
                    body: body.map(|schema| standalone(&schema, document, Side::Request)),
                    answers: answers
                        .iter()
                        .map(|(status, answer)| {
                            let answer = dereferenced(answer, document);
                            let schema = if swagger {
                                answer.get("schema")
                            } else {
                                answer.pointer("/content/application~1json/schema")
                            };
                            let schema =
                                schema.map(|schema| standalone(schema, document, Side::Answer));
                            (status.clone(), schema)
                        })
                        .collect(),
                    compiled: RefCell::default(),
                    date_time: self.date_time,
                });
            }
        }
    }

    /// What is wrong with an exchange: the operation, and what.
    pub fn check(&self, exchange: &Exchange, free: &[&str]) -> Vec<(String, String)> {
        let request = &exchange.request;
        let Some(operation) = self.find(request) else {
            let what = format!("{} {}", request.method, request.path);
            return vec![(what, "is no operation of the specification".to_owned())];
        };
        let mut wrong = operation.check_parameters(request, free);
        wrong.extend(operation.check_body(request));
        wrong.extend(operation.check_answer(exchange));
        let name = format!("{} {}", operation.method, operation.template);
        wrong.into_iter().map(|what| (name.clone(), what)).collect()
    }

    /// The operation with the most literal path: `/products/batch` stands before `/products/{id}`.
    fn find(&self, request: &Request) -> Option<&Operation> {
        let parts: Vec<_> = request.path.trim_end_matches('/').split('/').collect();
        self.operations
            .iter()
            .filter(|operation| operation.method == request.method)
            .filter(|operation| {
                let template: Vec<_> = operation.template.split('/').collect();
                template.len() == parts.len()
                    && template.iter().zip(&parts).all(|(wanted, part)| {
                        wanted.starts_with('{') && !part.is_empty() || wanted == part
                    })
            })
            .min_by_key(|operation| operation.template.matches('{').count())
    }
}

fn dereferenced(value: &Value, document: &Value) -> Value {
    match value["$ref"].as_str() {
        Some(reference) => document
            .pointer(reference.trim_start_matches('#'))
            .unwrap_or_else(|| panic!("the specification refers to nothing: {reference}"))
            .clone(),
        None => value.clone(),
    }
}

impl Parameter {
    fn read(parameter: &Value, document: &Value) -> Self {
        let text = |key: &str| parameter[key].as_str().unwrap_or_default().to_owned();
        // Swagger 2.0 writes the schema into the parameter itself.
        let mut schema = parameter.get("schema").cloned().unwrap_or_else(|| {
            let mut own = parameter.clone();
            for key in ["name", "in", "required", "collectionFormat"] {
                own.as_object_mut().and_then(|own| own.remove(key));
            }
            own
        });
        schema = standalone(&schema, document, Side::Request);
        Self {
            name: text("name"),
            place: text("in"),
            required: parameter["required"] == json!(true),
            is_list: schema["type"] == json!("array"),
            schema,
        }
    }

    /// The text of the wire as the type that the schema asks for.
    fn value(&self, text: &str) -> Value {
        let typed = |schema: &Value, text: &str| match schema["type"].as_str() {
            Some("integer") => text
                .parse::<i64>()
                .map_or(json!(text), |number| json!(number)),
            Some("number") => text
                .parse::<f64>()
                .map_or(json!(text), |number| json!(number)),
            Some("boolean") => text.parse::<bool>().map_or(json!(text), |flag| json!(flag)),
            _ => json!(text),
        };
        if self.is_list {
            let items = text
                .split(',')
                .map(|part| typed(&self.schema["items"], part));
            return items.collect();
        }
        typed(&self.schema, text)
    }
}

impl Operation {
    fn check_parameters(&self, request: &Request, free: &[&str]) -> Vec<String> {
        let mut wrong = Vec::new();
        let of_query = |parameter: &&Parameter| parameter.place == "query";
        for (name, _) in &request.query {
            let known = self
                .parameters
                .iter()
                .filter(of_query)
                .any(|one| one.name == *name);
            if !known && !free.iter().any(|free| name.starts_with(free)) {
                wrong.push(format!("the parameter `{name}` is not documented"));
            }
        }
        for parameter in self.parameters.iter().filter(of_query) {
            let name = &parameter.name;
            let mut stated = request.query.iter().filter(|(key, _)| key == name);
            match (stated.next(), stated.next()) {
                (Some(_), Some(_)) => wrong.push(format!("the parameter `{name}` is given twice")),
                (Some((_, text)), None) => {
                    let value = parameter.value(text);
                    let errors = self.errors(&format!("query {name}"), &parameter.schema, &value);
                    wrong.extend(errors.into_iter().map(|error| format!("`{name}`: {error}")));
                }
                (None, _) if parameter.required => {
                    wrong.push(format!("the parameter `{name}` is missing"));
                }
                (None, _) => {}
            }
        }
        wrong
    }

    fn check_body(&self, request: &Request) -> Vec<String> {
        match (&self.body, request.body.is_empty()) {
            (None, true) => Vec::new(),
            (None, false) => vec!["the request has a body, and none is documented".to_owned()],
            (Some(_), true) => vec!["the request has no body".to_owned()],
            (Some(schema), false) => match serde_json::from_slice(&request.body) {
                Ok(body) => self
                    .errors("body", schema, &body)
                    .into_iter()
                    .map(|error| format!("request {error}"))
                    .collect(),
                Err(error) => vec![format!("the request is not JSON: {error}")],
            },
        }
    }

    fn check_answer(&self, exchange: &Exchange) -> Vec<String> {
        let response = &exchange.response;
        let status = response.status.to_string();
        let Some(schema) = self
            .answers
            .get(&status)
            .or_else(|| self.answers.get("default"))
        else {
            return vec![format!("an answer {status} is not documented")];
        };
        match (schema, response.body.is_empty()) {
            (None, true) => Vec::new(),
            (None, false) => vec![format!(
                "the answer {status} has a body, and none is documented"
            )],
            (Some(_), true) => vec![format!("the answer {status} has no body")],
            (Some(schema), false) => match serde_json::from_slice(&response.body) {
                Ok(body) => self
                    .errors(&format!("answer {status}"), schema, &body)
                    .into_iter()
                    .map(|error| format!("answer {status} {error}"))
                    .collect(),
                Err(error) => vec![format!("the answer {status} is not JSON: {error}")],
            },
        }
    }

    fn errors(&self, key: &str, schema: &Value, value: &Value) -> Vec<String> {
        let mut compiled = self.compiled.borrow_mut();
        let validator = compiled
            .entry(key.to_owned())
            .or_insert_with(|| compile(schema, self.date_time));
        errors(validator, value)
    }
}

pub fn compile(schema: &Value, date_time: Option<fn(&str) -> bool>) -> Validator {
    let mut options = jsonschema::options()
        .with_draft(Draft::Draft7)
        .should_validate_formats(true);
    if let Some(date_time) = date_time {
        options = options.with_format("date-time", date_time);
    }
    options
        .build(schema)
        .unwrap_or_else(|error| panic!("a schema of the specification cannot be used: {error}"))
}

/// Each error with its place; numbers in the place are blanked, so that the same mistake is one.
pub fn errors(validator: &Validator, value: &Value) -> Vec<String> {
    let blanked = |place: String| -> String {
        let part = |part: &str| match part.parse::<u64>() {
            Ok(_) => "*".to_owned(),
            Err(_) => part.to_owned(),
        };
        place.split('/').map(part).collect::<Vec<_>>().join("/")
    };
    validator
        .iter_errors(value)
        .map(|error| {
            let mut told = error.to_string();
            if told.chars().count() > 300 {
                told = told.chars().skip(told.chars().count() - 300).collect();
            }
            format!("{}: {told}", blanked(error.instance_path().to_string()))
        })
        .collect()
}
