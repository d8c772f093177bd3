//! Shopify's schemas of the Admin API: every document and its variables, and every answer by what was selected.
//!
//! The schema says nothing of tokens, uploads and results of bulk operations; these are held against small rules.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::{Arc, Mutex};

use apollo_compiler::ast::Type;
use apollo_compiler::executable::{Field, Operation, Selection, SelectionSet};
use apollo_compiler::schema::ExtendedType;
use apollo_compiler::validation::Valid;
use apollo_compiler::{ExecutableDocument, Node, Schema};
use jiff::Timestamp;
use rust_decimal::Decimal;
use serde_json::{Map, Value};
use skucast::sandbox::Exchange;

use super::{Amendment, Contract};
use crate::world::{is_token, lock};

pub const CONTRACT: Contract = Contract {
    kind: "shopify",
    amendments: &[],
    check,
    proof: ("/variables/input", "/data"),
};

const VERSION: &str = "2026-07";
const TRIMMED: &str = include_str!("../../../src/connectors/shopify/sandbox/schema.graphql");

/// What the vendor took out of a later version. The sandbox answers every version as the one above.
const GONE: &[(&str, &str)] = &[(
    "2026-10",
    "InventorySetQuantitiesUserErrorCode has no ITEM_NOT_STOCKED_AT_LOCATION",
)];

type Complaint = (String, String);

/// A schema of the vendor's, read once.
fn official(specs: &Path, version: &str) -> Arc<Valid<Schema>> {
    static READ: Mutex<BTreeMap<PathBuf, Arc<Valid<Schema>>>> = Mutex::new(BTreeMap::new());
    let path = specs.join(format!("admin-{version}.graphql"));
    let mut read = lock(&READ);
    let schema = read.entry(path).or_insert_with_key(|path| {
        let text = std::fs::read_to_string(path)
            .unwrap_or_else(|error| panic!("{} cannot be read: {error}", path.display()));
        // The vendor's text applies this directive and leaves its definition out.
        let text = format!("directive @oneOf on INPUT_OBJECT\n{text}");
        let schema = Schema::parse_and_validate(text, path)
            .unwrap_or_else(|invalid| panic!("{} is no schema: {invalid}", path.display()));
        Arc::new(schema)
    });
    schema.clone()
}

fn check(specs: &Path, _: &[&Amendment], seen: &[Exchange]) -> Vec<Complaint> {
    let schema = official(specs, VERSION);
    let mut talk = Talk {
        api: Api { schema: &schema },
        files: HashMap::new(),
        operations: HashMap::new(),
    };
    seen.iter()
        .flat_map(|exchange| talk.check(exchange))
        .collect()
}

/// What earlier exchanges told and later ones refer to.
struct Talk<'a> {
    api: Api<'a>,
    /// Uploaded files by their keys.
    files: HashMap<String, String>,
    /// Mutations of bulk operations by the operations' ids.
    operations: HashMap<String, String>,
}

impl Talk<'_> {
    fn check(&mut self, exchange: &Exchange) -> Vec<Complaint> {
        let path = exchange.request.path.as_str();
        if path.ends_with("/graphql.json") {
            return self.graphql(exchange);
        }
        let what = format!("{} {path}", exchange.request.method);
        let complaints = if is_token(exchange) {
            token(exchange)
        } else if path.ends_with("/access_scopes.json") {
            keys(&body(&exchange.response.body), &["access_scopes"])
        } else if path.starts_with("/staged-uploads") {
            self.upload(exchange)
        } else if path.starts_with("/bulk-results") {
            self.results(exchange)
        } else {
            vec!["nobody documents this path".to_owned()]
        };
        complaints
            .into_iter()
            .map(|one| (what.clone(), one))
            .collect()
    }

    fn graphql(&mut self, exchange: &Exchange) -> Vec<Complaint> {
        let request = body(&exchange.request.body);
        let answer = body(&exchange.response.body);
        let what = |name: &str| name.to_owned();
        let wrong = keys(&request, &["query", "variables", "operationName"]);
        let query = request["query"].as_str().unwrap_or_default();
        let mut complaints: Vec<Complaint> = wrong
            .into_iter()
            .map(|one| (what("the request"), one))
            .collect();
        let document = match ExecutableDocument::parse_and_validate(self.api.schema, query, "query")
        {
            Ok(document) => document,
            Err(invalid) => {
                complaints.push((query.to_owned(), invalid.errors.to_string()));
                return complaints;
            }
        };
        let Ok(operation) = document.operations.get(request["operationName"].as_str()) else {
            complaints.push((query.to_owned(), "no operation is meant".to_owned()));
            return complaints;
        };
        let root = operation.root_fields(&document).next();
        let name = root.map_or("", |field| field.name.as_str()).to_owned();
        let none = Map::new();
        let variables = request["variables"].as_object().unwrap_or(&none);
        let mut found = self.api.variables(operation, variables);
        found.extend(keys(&answer, &["data", "errors", "extensions"]));
        if answer["data"].is_object() {
            let sets = [&operation.selection_set];
            self.api
                .object(&document, &sets, &answer["data"], "data", &mut found);
        } else if exchange.response.status == 200 && !answer["errors"].is_array() {
            found.push("neither data nor errors are answered".to_owned());
        }
        if name == "bulkOperationRunMutation" {
            found.extend(self.bulk(variables, &answer));
        }
        complaints.extend(found.into_iter().map(|one| (name.clone(), one)));
        complaints
    }

    /// The mutation of a bulk operation, with every line of its file as its variables.
    fn bulk(&mut self, variables: &Map<String, Value>, answer: &Value) -> Vec<String> {
        let texts: Vec<&str> = variables.values().filter_map(Value::as_str).collect();
        let Some(mutation) = texts.iter().find(|text| text.contains('{')) else {
            return vec!["the mutation is not in the variables".to_owned()];
        };
        let parsed = ExecutableDocument::parse_and_validate(self.api.schema, *mutation, "bulk");
        let document = match parsed {
            Ok(document) => document,
            Err(invalid) => return vec![invalid.errors.to_string()],
        };
        let Ok(operation) = document.operations.get(None) else {
            return vec!["the bulk operation is not one operation".to_owned()];
        };
        let run = &answer["data"]["bulkOperationRunMutation"]["bulkOperation"]["id"];
        if let Some(id) = run.as_str() {
            self.operations
                .insert(id.to_owned(), (*mutation).to_owned());
        }
        let file = texts.iter().find_map(|text| self.files.get(*text));
        let lines = file.into_iter().flat_map(|file| file.lines());
        lines
            .flat_map(
                |line| match serde_json::from_str::<Map<String, Value>>(line) {
                    Ok(variables) => self.api.variables(operation, &variables),
                    Err(error) => vec![format!("a line of the file is no JSON object: {error}")],
                },
            )
            .collect()
    }

    /// The file comes last in its form, after the key it is kept by.
    fn upload(&mut self, exchange: &Exchange) -> Vec<String> {
        let form = String::from_utf8_lossy(&exchange.request.body);
        let boundary = form.lines().next().unwrap_or_default();
        let parts: Vec<_> = form
            .split(boundary)
            .filter_map(|part| {
                let (head, content) = part.split_once("\r\n\r\n")?;
                let name = head.split_once(" name=\"")?.1.split('"').next()?;
                let content = content.strip_suffix("\r\n").unwrap_or(content);
                Some((name.to_owned(), content.to_owned()))
            })
            .collect();
        let key = parts.iter().find(|(name, _)| name == "key");
        let last = parts.last().filter(|(name, _)| name == "file");
        match (key, last) {
            (Some((_, key)), Some((_, file))) => {
                self.files.insert(key.clone(), file.clone());
                Vec::new()
            }
            _ => vec!["the form has no key, or the file is not its last part".to_owned()],
        }
    }

    /// Lines of results, each by the mutation's selection.
    fn results(&self, exchange: &Exchange) -> Vec<String> {
        let id = exchange.request.path.rsplit('/').next().unwrap_or_default();
        let id = format!(
            "gid://shopify/BulkOperation/{}",
            id.trim_end_matches(".jsonl")
        );
        let mutation = self.operations.get(&id);
        let document = mutation.and_then(|mutation| {
            ExecutableDocument::parse_and_validate(self.api.schema, mutation, "bulk").ok()
        });
        let text = String::from_utf8_lossy(&exchange.response.body);
        let mut found = Vec::new();
        for line in text.lines() {
            let line = body(line.as_bytes());
            found.extend(keys(&line, &["data", "errors", "__lineNumber"]));
            if !line["__lineNumber"].is_u64() {
                found.push("a line of results has no number".to_owned());
            }
            if let Some(document) = &document
                && let Ok(operation) = document.operations.get(None)
                && line["data"].is_object()
            {
                let sets = [&operation.selection_set];
                self.api
                    .object(document, &sets, &line["data"], "data", &mut found);
            }
        }
        found
    }
}

fn body(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).unwrap_or_default()
}

/// Members that nobody documents.
fn keys(value: &Value, known: &[&str]) -> Vec<String> {
    let members = value.as_object().into_iter().flatten();
    members
        .filter(|(name, _)| !known.contains(&name.as_str()))
        .map(|(name, _)| format!("{name} is not documented"))
        .collect()
}

/// <https://shopify.dev/docs/apps/build/authentication-authorization>: client credentials.
fn token(exchange: &Exchange) -> Vec<String> {
    let form = String::from_utf8_lossy(&exchange.request.body);
    let names: BTreeSet<&str> = form
        .split('&')
        .map(|pair| pair.split('=').next().unwrap_or_default())
        .collect();
    let mut found = Vec::new();
    if names != BTreeSet::from(["client_id", "client_secret", "grant_type"]) {
        found.push(format!("a token is asked for with {names:?}"));
    }
    if exchange.response.status == 200 {
        let answer = body(&exchange.response.body);
        found.extend(keys(&answer, &["access_token", "scope", "expires_in"]));
    }
    found
}

struct Api<'a> {
    schema: &'a Valid<Schema>,
}

impl Api<'_> {
    fn variables(&self, operation: &Operation, sent: &Map<String, Value>) -> Vec<String> {
        let mut found = Vec::new();
        for name in sent.keys() {
            if !operation
                .variables
                .iter()
                .any(|one| one.name == name.as_str())
            {
                found.push(format!("the variable {name} is not declared"));
            }
        }
        for variable in &operation.variables {
            match sent.get(variable.name.as_str()) {
                None if variable.default_value.is_some() => {}
                value => {
                    let value = value.unwrap_or(&Value::Null);
                    self.input(&variable.ty, value, variable.name.as_str(), &mut found);
                }
            }
        }
        found
    }

    fn input(&self, ty: &Type, value: &Value, place: &str, found: &mut Vec<String>) {
        if value.is_null() {
            if ty.is_non_null() {
                found.push(format!("{place} may not be null"));
            }
            return;
        }
        let name = match ty {
            Type::List(inner) | Type::NonNullList(inner) => {
                match value.as_array() {
                    Some(items) => items
                        .iter()
                        .for_each(|item| self.input(inner, item, place, found)),
                    None => found.push(format!("{place} is not a list")),
                }
                return;
            }
            Type::Named(name) | Type::NonNullNamed(name) => name,
        };
        let Some(ExtendedType::InputObject(object)) = self.schema.types.get(name) else {
            return self.leaf(name, value, place, found);
        };
        let Some(fields) = value.as_object() else {
            found.push(format!("{place} is not an object"));
            return;
        };
        if object.directives.has("oneOf") && fields.len() != 1 {
            found.push(format!(
                "{place} has {} members instead of one",
                fields.len()
            ));
        }
        for key in fields.keys() {
            if !object.fields.contains_key(key.as_str()) {
                found.push(format!("{place}.{key}: {name} has no such field"));
            }
        }
        for field in object.fields.values() {
            match fields.get(field.name.as_str()) {
                None if field.default_value.is_some() => {}
                value => {
                    let place = format!("{place}.{}", field.name);
                    self.input(&field.ty, value.unwrap_or(&Value::Null), &place, found);
                }
            }
        }
    }

    /// Scalars as the documentation describes them, and enums.
    fn leaf(&self, name: &str, value: &Value, place: &str, found: &mut Vec<String>) {
        let text = value.as_str();
        let fits = match (name, self.schema.types.get(name)) {
            (_, Some(ExtendedType::Enum(definition))) => {
                text.is_some_and(|text| definition.values.contains_key(text))
            }
            ("Int", _) => value
                .as_i64()
                .is_some_and(|number| i32::try_from(number).is_ok()),
            ("Float", _) => value.is_number(),
            ("Boolean", _) => value.is_boolean(),
            ("String" | "HTML" | "FormattedString", _) => text.is_some(),
            ("ID", _) => text.is_some_and(|text| text.starts_with("gid://shopify/")),
            ("Money" | "Decimal", _) => text.is_some_and(|text| Decimal::from_str(text).is_ok()),
            ("UnsignedInt64", _) => text.is_some_and(|text| text.parse::<u64>().is_ok()),
            ("DateTime", _) => text.is_some_and(|text| text.parse::<Timestamp>().is_ok()),
            ("URL", _) => text.is_some_and(|text| text.starts_with("http")),
            _ => true,
        };
        if !fits {
            found.push(format!("{place}: {value} is no {name}"));
        }
    }

    /// An object by what was selected of it.
    fn object(
        &self,
        document: &ExecutableDocument,
        sets: &[&SelectionSet],
        value: &Value,
        place: &str,
        found: &mut Vec<String>,
    ) {
        let Some(members) = value.as_object() else {
            found.push(format!("{place} is not an object"));
            return;
        };
        let mut fields = BTreeMap::new();
        for set in sets {
            self.collect(document, set, &set.ty, true, &mut fields);
        }
        for key in members.keys() {
            if !fields.contains_key(key) {
                found.push(format!("{place}.{key} was not selected"));
            }
        }
        for (key, (is_sure, selected)) in &fields {
            let place = format!("{place}.{key}");
            match members.get(key) {
                Some(value) => {
                    let ty = &selected[0].definition.ty;
                    self.field(document, selected, ty, value, &place, found);
                }
                None if *is_sure => found.push(format!("{place} is missing")),
                None => {}
            }
        }
    }

    /// Fields by their keys, and whether they belong to the object whatever its type turns out to be.
    fn collect<'d>(
        &self,
        document: &'d ExecutableDocument,
        set: &'d SelectionSet,
        parent: &str,
        is_sure: bool,
        fields: &mut BTreeMap<String, (bool, Vec<&'d Node<Field>>)>,
    ) {
        for selection in &set.selections {
            let inner = match selection {
                Selection::Field(field) => {
                    let key = field.response_key().to_string();
                    let entry = fields.entry(key).or_insert((is_sure, Vec::new()));
                    entry.0 |= is_sure;
                    entry.1.push(field);
                    continue;
                }
                Selection::InlineFragment(fragment) => &fragment.selection_set,
                Selection::FragmentSpread(spread) => {
                    match document.fragments.get(&spread.fragment_name) {
                        Some(fragment) => &fragment.selection_set,
                        None => continue,
                    }
                }
            };
            let is_same = inner.ty == parent || self.schema.is_subtype(&inner.ty, parent);
            self.collect(document, inner, parent, is_sure && is_same, fields);
        }
    }

    fn field(
        &self,
        document: &ExecutableDocument,
        selected: &[&Node<Field>],
        ty: &Type,
        value: &Value,
        place: &str,
        found: &mut Vec<String>,
    ) {
        if value.is_null() {
            if ty.is_non_null() {
                found.push(format!("{place} is null"));
            }
            return;
        }
        match ty {
            Type::List(inner) | Type::NonNullList(inner) => match value.as_array() {
                Some(items) => items.iter().for_each(|item| {
                    self.field(document, selected, inner, item, place, found);
                }),
                None => found.push(format!("{place} is not a list")),
            },
            Type::Named(name) | Type::NonNullNamed(name) => {
                let sets: Vec<_> = selected.iter().map(|field| &field.selection_set).collect();
                if sets.iter().all(|set| set.selections.is_empty()) {
                    self.leaf(name, value, place, found);
                } else {
                    self.object(document, &sets, value, place, found);
                }
            }
        }
    }
}

/// Whatever the sandbox's schema has, the vendor's have too, and the same.
pub fn trimmed_schema(specs: &Path) -> Result<(), String> {
    let trimmed = Schema::parse_and_validate(TRIMMED, "schema.graphql")
        .map_err(|invalid| invalid.errors.to_string())?;
    let mut wrong = Vec::new();
    for version in [VERSION, "2026-10"] {
        let full = official(specs, version);
        for (name, ours) in trimmed.types.iter().filter(|(_, ours)| !ours.is_built_in()) {
            let differences = match full.types.get(name) {
                None => vec!["is not there".to_owned()],
                Some(theirs) => differences(ours, theirs),
            };
            wrong.extend(
                differences
                    .into_iter()
                    .map(|difference| format!("{name} {difference}"))
                    .filter(|difference| !GONE.contains(&(version, difference.as_str())))
                    .map(|difference| format!("{version}: {difference}")),
            );
        }
    }
    match wrong.is_empty() {
        true => Ok(()),
        false => Err(wrong.join("\n")),
    }
}

/// Parts of a type by their names: types of fields, of arguments with their defaults, of values.
fn parts(definition: &ExtendedType) -> BTreeMap<String, String> {
    let mut parts = BTreeMap::new();
    let mut add = |name: String, ty: String| {
        parts.insert(name, ty);
    };
    let fields = match definition {
        ExtendedType::Object(object) => Some(&object.fields),
        ExtendedType::Interface(interface) => Some(&interface.fields),
        ExtendedType::Union(union) => {
            union
                .members
                .iter()
                .for_each(|one| add(one.to_string(), String::new()));
            None
        }
        ExtendedType::Enum(values) => {
            values
                .values
                .keys()
                .for_each(|one| add(one.to_string(), String::new()));
            None
        }
        ExtendedType::InputObject(input) => {
            for field in input.fields.values() {
                add(
                    field.name.to_string(),
                    default(&field.ty, field.default_value.as_deref()),
                );
            }
            None
        }
        ExtendedType::Scalar(_) => None,
    };
    for field in fields.into_iter().flat_map(|fields| fields.values()) {
        add(field.name.to_string(), field.ty.to_string());
        for argument in &field.arguments {
            let ty = default(&argument.ty, argument.default_value.as_deref());
            add(format!("{}({})", field.name, argument.name), ty);
        }
    }
    parts
}

fn default(ty: &Type, default: Option<&apollo_compiler::ast::Value>) -> String {
    match default {
        Some(default) => format!("{ty} = {default}"),
        None => ty.to_string(),
    }
}

fn differences(ours: &ExtendedType, theirs: &ExtendedType) -> Vec<String> {
    if std::mem::discriminant(ours) != std::mem::discriminant(theirs) {
        return vec!["is another kind of type".to_owned()];
    }
    let full = parts(theirs);
    parts(ours)
        .into_iter()
        .filter_map(|(name, ty)| match full.get(&name) {
            None => Some(format!("has no {name}")),
            Some(other) if *other != ty => Some(format!("has {name} as {other}, not {ty}")),
            Some(_) => None,
        })
        .collect()
}
