//! What the GraphQL library asks for fields.
//!
//! An object of the API is either an entity, which lives in the shop and has a global id, or a document: a plain
//! value. Fields are told as JSON; where the schema wants an object and the JSON is a global id, that entity is meant.

use std::cell::{RefCell, RefMut};
use std::collections::HashMap;

use apollo_compiler::ast::Type;
use apollo_compiler::resolvers::{FieldError, ObjectValue, ResolveInfo, ResolvedValue};
use apollo_compiler::schema::ExtendedType;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::engine::SCHEMA;
use super::gid::Gid;
use super::shop::Shop;
use super::{entities, mutations, queries};
use crate::sandbox::Faults;

pub type Arguments = Map<String, Value>;

/// A field that cannot be told: message and code of the error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    pub message: String,
    pub code: &'static str,
}

impl Refused {
    pub fn new(message: impl Into<String>, code: &'static str) -> Self {
        Self {
            message: message.into(),
            code,
        }
    }

    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::new(message, "BAD_REQUEST")
    }
}

/// What one execution works on.
pub struct World<'w> {
    shop: RefCell<&'w mut Shop>,
    faults: RefCell<&'w mut Faults>,
    pub now: Timestamp,
    pub base_url: &'w str,
    /// The sandbox works off an operation of the bulk queue.
    pub in_bulk: bool,
    rate: f64,
    /// Keys of `@idempotent`, by the mutation's key in the answer.
    keys: HashMap<String, String>,
    codes: RefCell<HashMap<String, &'static str>>,
    searches: RefCell<Vec<Value>>,
    /// The shop before a change that is not meant to last.
    before: RefCell<Option<Shop>>,
}

impl<'w> World<'w> {
    pub fn new(
        shop: &'w mut Shop,
        faults: &'w mut Faults,
        now: Timestamp,
        base_url: &'w str,
    ) -> Self {
        Self {
            shop: RefCell::new(shop),
            faults: RefCell::new(faults),
            now,
            base_url,
            in_bulk: false,
            rate: 0.0,
            keys: HashMap::new(),
            codes: RefCell::default(),
            searches: RefCell::default(),
            before: RefCell::default(),
        }
    }

    pub fn of_bulk(mut self) -> Self {
        self.in_bulk = true;
        self
    }

    /// The plan, by its points per second.
    pub fn with_plan(mut self, rate: f64) -> Self {
        self.rate = rate;
        self
    }

    pub fn plan_name(&self) -> &'static str {
        match self.rate {
            rate if rate >= 2000.0 => "Enterprise",
            rate if rate >= 1000.0 => "Shopify Plus",
            rate if rate >= 200.0 => "Advanced",
            _ => "Basic",
        }
    }

    pub fn with_keys(mut self, keys: HashMap<String, String>) -> Self {
        self.keys = keys;
        self
    }

    fn key_of(&self, response_key: &str) -> Option<String> {
        self.keys.get(response_key).cloned()
    }

    /// An app of the shop takes back at the end what changes from here on; the answer still tells of it.
    pub fn ignore_from_here(&self) {
        let mut before = self.before.borrow_mut();
        if before.is_none() {
            *before = Some(Shop::clone(&self.shop()));
        }
    }

    /// Ends the execution: the searches with their warnings.
    pub fn finish(self) -> Vec<Value> {
        if let Some(before) = self.before.take() {
            self.shop().take_back(before);
        }
        self.searches.take()
    }

    /// The shop, for the time of one field.
    pub fn shop(&self) -> RefMut<'_, &'w mut Shop> {
        self.shop.borrow_mut()
    }

    pub fn faults(&self) -> RefMut<'_, &'w mut Faults> {
        self.faults.borrow_mut()
    }

    /// Adds to `extensions.search`.
    pub fn note_search(&self, field: &str, query: &str, warnings: Vec<Value>) {
        self.searches.borrow_mut().push(json!({
            "path": [field],
            "query": query,
            "warnings": warnings,
        }));
    }

    /// The code of an error that an execution told.
    pub fn code_of(&self, message: &str) -> &'static str {
        let codes = self.codes.borrow();
        codes
            .get(message)
            .copied()
            .unwrap_or("INTERNAL_SERVER_ERROR")
    }

    fn refuse(&self, refused: Refused) -> FieldError {
        let message = refused.message.clone();
        self.codes.borrow_mut().insert(message, refused.code);
        FieldError {
            message: refused.message,
        }
    }

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
            (value, ty) => {
                let name = ty.inner_named_type();
                let is_composite = matches!(
                    SCHEMA.types.get(name),
                    Some(
                        ExtendedType::Object(_)
                            | ExtendedType::Interface(_)
                            | ExtendedType::Union(_)
                    )
                );
                match value {
                    Value::String(text) if is_composite => match Gid::parse(&text) {
                        Some(gid) => ResolvedValue::object(Entity { world: self, gid }),
                        None => ResolvedValue::null(),
                    },
                    Value::Object(fields) if is_composite => {
                        let stated = fields.get("__typename").and_then(Value::as_str);
                        ResolvedValue::object(Document {
                            type_name: stated.unwrap_or(name.as_str()).to_owned(),
                            world: self,
                            fields,
                        })
                    }
                    value => ResolvedValue::leaf(value),
                }
            }
        }
    }
}

/// An object that lives in the shop.
pub struct Entity<'a, 'w> {
    world: &'a World<'w>,
    gid: Gid,
}

impl<'a, 'w> Entity<'a, 'w> {
    pub fn root(world: &'a World<'w>, is_mutation: bool) -> Self {
        let kind = if is_mutation { "Mutation" } else { "QueryRoot" };
        let gid = Gid {
            kind: kind.to_owned(),
            id: 0,
            item: None,
        };
        Self { world, gid }
    }
}

impl ObjectValue for Entity<'_, '_> {
    fn type_name(&self) -> &str {
        &self.gid.kind
    }

    fn resolve_field<'a>(
        &'a self,
        info: &'a ResolveInfo<'a>,
    ) -> Result<ResolvedValue<'a>, FieldError> {
        let arguments = arguments(info);
        let name = info.field_name();
        let value = match self.gid.kind.as_str() {
            "QueryRoot" => queries::field(self.world, name, &arguments),
            "Mutation" => {
                let key = self.world.key_of(info.field_selections()[0].response_key());
                mutations::field(self.world, name, &arguments, key.as_deref())
            }
            _ => entities::field(self.world, &self.gid, name, &arguments),
        };
        let value = value
            .map_err(|refused| self.world.refuse(refused))?
            .ok_or_else(|| self.unknown_field_error(info))?;
        Ok(self.world.resolved(value, &info.field_definition().ty))
    }
}

/// A plain value.
struct Document<'a, 'w> {
    world: &'a World<'w>,
    type_name: String,
    fields: Map<String, Value>,
}

impl ObjectValue for Document<'_, '_> {
    fn type_name(&self) -> &str {
        &self.type_name
    }

    fn resolve_field<'a>(
        &'a self,
        info: &'a ResolveInfo<'a>,
    ) -> Result<ResolvedValue<'a>, FieldError> {
        let value = self.fields.get(info.field_name()).cloned();
        let value = value.ok_or_else(|| self.unknown_field_error(info))?;
        Ok(self.world.resolved(value, &info.field_definition().ty))
    }
}

fn arguments(info: &ResolveInfo<'_>) -> Arguments {
    match serde_json::to_value(info.arguments()) {
        Ok(Value::Object(arguments)) => arguments,
        _ => Arguments::new(),
    }
}
