//! What a request costs, and the bucket that it is paid from.
//!
//! Documented at <https://shopify.dev/docs/apps/build/apis/graphql-admin/rate-limits>: scalars and enums 0, objects 1,
//! interfaces and unions the most of what can be selected, mutations 10, connections sized by `first` and `last`;
//! a bucket of points that refills continuously; a request is let in when the bucket holds what it asks for at most,
//! and the difference to what it really cost is given back; one request may ask for 1,000 points. productSet says in
//! the schema what variants, files and metafields add.
//!
//! Told by the vendor's staff in <https://community.shopify.dev/t/how-to-calculate-graphql-cost-estimates/24364>: a
//! connection costs 2 + children x floor(2 x ln(size)), and plain values without an identity cost nothing. A published
//! measurement agrees: 250 variants with their inventory items below a product are 25 points.
//!
//! Assumed: which types are plain values, beyond the ones that were named; that what a mutation selects adds nothing;
//! that the real cost is counted by the same rule with the number of rows that came, each as dear as the dearest; that
//! fractions are rounded up; that the bucket is twenty times the rate for every plan (so it is for one that was
//! measured).

use std::collections::BTreeMap;

use apollo_compiler::Node;
use apollo_compiler::executable::{Field, Operation, OperationType, Selection, SelectionSet};
use apollo_compiler::response::JsonMap;
use apollo_compiler::schema::ExtendedType;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::engine::{Document, SCHEMA};
use super::problems::filled;

/// One request may not ask for more.
const MOST: u64 = 1000;
/// A full bucket holds so many seconds of the rate.
const SECONDS: f64 = 20.0;
const DOCUMENTATION: &str = "https://shopify.dev/api/usage/rate-limits";

/// Types that are values of the object they belong to.
const VALUES: &[&str] = &[
    "Count",
    "InventoryItemMeasurement",
    "MailingAddress",
    "MoneyBag",
    "MoneyV2",
    "PageInfo",
    "SEO",
    "SelectedOption",
    "Weight",
];

/// Points in stock. Part of the saved state: a quota outlives the server's restart.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Bucket {
    /// Points per second.
    rate: f64,
    available: f64,
    at: Option<Timestamp>,
}

impl Bucket {
    /// A full bucket of a plan's rate: 100 Standard, 200 Advanced, 1,000 Plus, 2,000 Enterprise.
    pub fn new(rate: u32) -> Self {
        Self {
            rate: f64::from(rate),
            available: f64::from(rate) * SECONDS,
            at: None,
        }
    }

    pub fn rate(&self) -> f64 {
        self.rate
    }

    fn size(&self) -> f64 {
        self.rate * SECONDS
    }

    fn refill(&mut self, now: Timestamp) {
        if let Some(at) = self.at {
            let seconds = now.duration_since(at).as_secs_f64().max(0.0);
            self.available = (self.available + seconds * self.rate).min(self.size());
        }
        self.at = Some(now);
    }

    /// Takes the points that a request asks for, or says that it has to wait.
    pub fn take(&mut self, requested: u64, now: Timestamp) -> Result<(), ()> {
        self.refill(now);
        // Whoever comes exactly on time must not be refused for a rounding error.
        if self.available + 1e-3 < requested as f64 {
            return Err(());
        }
        self.available -= requested as f64;
        Ok(())
    }

    pub fn give_back(&mut self, points: u64) {
        self.available = (self.available + points as f64).min(self.size());
    }

    /// `extensions.cost`; without an actual cost the request was not carried out.
    pub fn told(&self, requested: u64, actual: Option<u64>) -> Value {
        json!({
            "requestedQueryCost": requested,
            "actualQueryCost": actual,
            "throttleStatus": {
                "maximumAvailable": self.size(),
                "currentlyAvailable": self.available.max(0.0).floor() as u64,
                "restoreRate": self.rate,
            },
        })
    }
}

/// The answer to a request for which the bucket does not suffice.
pub fn throttled(cost: &Value) -> Value {
    json!({
        "errors": [{
            "message": "Throttled",
            "extensions": {"code": "THROTTLED", "documentation": DOCUMENTATION},
        }],
        "extensions": {"cost": cost},
    })
}

/// The answer to a request that no bucket suffices for.
pub fn too_expensive(cost: u64) -> Option<Value> {
    (cost > MOST).then(|| {
        let message = format!(
            "Query cost is {cost}, which exceeds the single query max cost limit ({MOST})."
        );
        json!({
            "errors": [{
                "message": message,
                "extensions": {
                    "code": "MAX_COST_EXCEEDED",
                    "cost": cost,
                    "maxCost": MOST,
                    "documentation": DOCUMENTATION,
                },
            }],
        })
    })
}

/// Counts what a request asks for, and with its data what it got.
pub struct Counting<'a> {
    pub document: &'a Document,
    pub variables: &'a JsonMap,
}

impl Counting<'_> {
    pub fn requested(&self, operation: &Operation) -> u64 {
        self.operation(operation, None)
    }

    pub fn actual(&self, operation: &Operation, data: &Value) -> u64 {
        self.operation(operation, Some(data))
    }

    fn operation(&self, operation: &Operation, data: Option<&Value>) -> u64 {
        let cost = match operation.operation_type {
            OperationType::Mutation => operation
                .root_fields(self.document.inner())
                .map(|field| 10.0 + self.extra(field))
                .sum(),
            _ => self.selections(&[&operation.selection_set], data),
        };
        cost.ceil() as u64
    }

    /// What productSet's lists add.
    fn extra(&self, field: &Field) -> f64 {
        if field.name != "productSet" {
            return 0.0;
        }
        let input = field
            .written("input")
            .and_then(|value| filled(value, Some(self.variables)))
            .unwrap_or_default();
        let count = |value: &Value| value.as_array().map_or(0, Vec::len) as f64;
        let variants = input["variants"].as_array();
        let inside: f64 = variants
            .into_iter()
            .flatten()
            .map(|variant| {
                let file = if variant["file"].is_object() {
                    0.6
                } else {
                    0.0
                };
                file + 0.4 * count(&variant["metafields"])
            })
            .sum();
        0.2 * count(&input["variants"])
            + 1.9 * count(&input["files"])
            + 0.4 * count(&input["metafields"])
            + inside
    }

    /// The cost of what is selected of one object: of an abstract one, the most that it can be.
    fn selections(&self, sets: &[&SelectionSet], data: Option<&Value>) -> f64 {
        let mut common = BTreeMap::new();
        let mut conditional = BTreeMap::new();
        for set in sets {
            self.collect(set, &set.ty, &mut common, &mut conditional);
        }
        let sum = |fields: &BTreeMap<&str, Vec<&Node<Field>>>| -> f64 {
            fields
                .iter()
                .map(|(key, fields)| match data {
                    None => self.field(fields, None),
                    // What is not there belongs to another type.
                    Some(data) => data
                        .get(key)
                        .map_or(0.0, |value| self.field(fields, Some(value))),
                })
                .sum()
        };
        let most = conditional.values().map(sum).fold(0.0, f64::max);
        sum(&common) + most
    }

    #[allow(clippy::type_complexity)] // fields by key, and the same by type
    fn collect<'f>(
        &'f self,
        set: &'f SelectionSet,
        parent: &str,
        common: &mut BTreeMap<&'f str, Vec<&'f Node<Field>>>,
        conditional: &mut BTreeMap<&'f str, BTreeMap<&'f str, Vec<&'f Node<Field>>>>,
    ) {
        for selection in &set.selections {
            let inner = match selection {
                Selection::Field(field) => {
                    let key = field.response_key().as_str();
                    let is_other = set.ty != parent
                        && matches!(SCHEMA.types.get(&set.ty), Some(ExtendedType::Object(_)));
                    let fields = match is_other {
                        true => conditional.entry(set.ty.as_str()).or_default(),
                        false => &mut *common,
                    };
                    fields.entry(key).or_default().push(field);
                    continue;
                }
                Selection::InlineFragment(fragment) => &fragment.selection_set,
                Selection::FragmentSpread(spread) => {
                    match self.document.inner().fragments.get(&spread.fragment_name) {
                        Some(fragment) => &fragment.selection_set,
                        None => continue,
                    }
                }
            };
            self.collect(inner, parent, common, conditional);
        }
    }

    fn field(&self, fields: &[&Node<Field>], data: Option<&Value>) -> f64 {
        let first = fields[0];
        let name = first.definition.ty.inner_named_type();
        let is_leaf = matches!(
            SCHEMA.types.get(name),
            Some(ExtendedType::Scalar(_) | ExtendedType::Enum(_)) | None
        );
        if is_leaf || VALUES.contains(&name.as_str()) {
            return 0.0;
        }
        let sets: Vec<_> = fields.iter().map(|field| &field.selection_set).collect();
        let children = || match data {
            None => self.selections(&sets, None),
            Some(Value::Null) => 0.0,
            Some(Value::Array(items)) => items
                .iter()
                .filter(|item| !item.is_null())
                .map(|item| self.selections(&sets, Some(item)))
                .fold(0.0, f64::max),
            Some(data) => self.selections(&sets, Some(data)),
        };
        if name.ends_with("Connection") {
            let size = match data {
                Some(data) => ["nodes", "edges"]
                    .iter()
                    .find_map(|rows| data[*rows].as_array())
                    .map(Vec::len),
                None => ["first", "last"]
                    .iter()
                    .find_map(|size| first.written(size))
                    .and_then(|value| filled(value, Some(self.variables)))
                    .and_then(|size| size.as_u64())
                    .and_then(|size| usize::try_from(size).ok()),
            };
            return 2.0 + factor(size.unwrap_or(0)) * children();
        }
        let own = if name.ends_with("Edge") { 0.0 } else { 1.0 };
        own + children()
    }
}

/// How often a row counts in a connection of this size.
fn factor(size: usize) -> f64 {
    match size {
        0 => 0.0,
        size => (2.0 * (size.max(2) as f64).ln()).floor(),
    }
}

/// An argument as it is written.
trait Written {
    fn written(&self, name: &str) -> Option<&apollo_compiler::ast::Value>;
}

impl Written for Field {
    fn written(&self, name: &str) -> Option<&apollo_compiler::ast::Value> {
        self.arguments
            .iter()
            .find(|argument| argument.name == name)
            .map(|argument| &*argument.value)
    }
}
