//! Holds everything that went over the wire during the suite against the vendors' own specifications, so that a
//! connector and its emulated channel cannot agree on a mistake.
//!
//! `SKUCAST_SPECS` names the folder of the specifications: one folder per kind.

mod amazon;
mod api;
mod schema;
mod shopify;
mod woocommerce;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use libtest_mimic::{Completion, Failed, Trial};
use serde_json::Value;
use skucast::sandbox::Exchange;

use crate::subject::Subject;
use crate::world::lock;

static SEEN: Mutex<Vec<(&'static str, Exchange)>> = Mutex::new(Vec::new());

const SPECS: &str = "SKUCAST_SPECS";

fn specs() -> Option<PathBuf> {
    std::env::var_os(SPECS)
        .filter(|path| !path.is_empty())
        .map(PathBuf::from)
}

/// Keeps an exchange for later.
pub fn observe(kind: &'static str, exchange: &Exchange) {
    if specs().is_some() {
        lock(&SEEN).push((kind, exchange.clone()));
    }
}

/// A defect of a specification, not of ours.
struct Amendment {
    /// JSON pointers to the objects that are amended; `*` stands for every member.
    schema: &'static str,
    /// The members that are added or replaced, as JSON.
    with: &'static str,
    reason: &'static str,
}

type Check = fn(&Path, &[&Amendment], &[Exchange]) -> Vec<(String, String)>;

struct Contract {
    kind: &'static str,
    amendments: &'static [Amendment],
    check: Check,
    /// JSON pointers to the objects of requests and of answers in which a made-up field must be found.
    proof: (&'static str, &'static str),
}

impl Contract {
    /// What is wrong, by operation and complaint, and how often; without the amendment at `without`.
    fn complaints(&self, specs: &Path, seen: &[Exchange], without: Option<usize>) -> Complaints {
        let amendments: Vec<&Amendment> = (0..)
            .zip(self.amendments)
            .filter(|(index, _)| Some(*index) != without)
            .map(|(_, amendment)| amendment)
            .collect();
        let mut complaints = Complaints::new();
        for complaint in (self.check)(specs, &amendments, seen) {
            *complaints.entry(complaint).or_default() += 1;
        }
        complaints
    }
}

type Complaints = BTreeMap<(String, String), u64>;

const CONTRACTS: &[Contract] = &[amazon::CONTRACT, shopify::CONTRACT, woocommerce::CONTRACT];

/// One per kind that is a server. They run after the suite.
pub fn trials() -> Vec<Trial> {
    Subject::all()
        .into_iter()
        .filter(|subject| subject.factory.sandbox.is_some())
        .map(|subject| {
            let kind = subject.factory.descriptor.kind;
            Trial::ignorable_test(format!("{kind}::contract"), move || verify(kind))
        })
        .chain([Trial::ignorable_test("shopify::trimmed schema", || {
            let Some(specs) = specs() else {
                return Ok(Completion::ignored_with(format!("{SPECS} is not set")));
            };
            shopify::trimmed_schema(&specs.join("shopify"))?;
            Ok(Completion::Completed)
        })])
        .collect()
}

fn verify(kind: &'static str) -> Result<Completion, Failed> {
    let Some(specs) = specs() else {
        return Ok(Completion::ignored_with(format!("{SPECS} is not set")));
    };
    let Some(contract) = CONTRACTS.iter().find(|contract| contract.kind == kind) else {
        return Ok(Completion::ignored_with(
            "its vendor publishes no specification",
        ));
    };
    let seen: Vec<Exchange> = lock(&SEEN)
        .iter()
        .filter(|(of, _)| *of == kind)
        .map(|(_, exchange)| exchange.clone())
        .collect();
    if seen.is_empty() {
        return Ok(Completion::ignored_with(
            "nothing went over the wire in this run",
        ));
    }
    let specs = specs.join(kind);
    proves_itself(contract, &specs, &seen);
    let complaints = contract.complaints(&specs, &seen, None);
    for (index, amendment) in contract.amendments.iter().enumerate() {
        // A part of the suite may not meet everything, so that this is no failure.
        if contract.complaints(&specs, &seen, Some(index)) == complaints {
            eprintln!(
                "{kind}: not needed: {}, {}",
                amendment.schema, amendment.reason
            );
        }
    }
    if complaints.is_empty() {
        return Ok(Completion::Completed);
    }
    let list: Vec<String> = complaints
        .iter()
        .map(|((operation, complaint), count)| format!("{count} x {operation}\n      {complaint}"))
        .collect();
    Err(format!(
        "{} of {} exchanges differ from the specification:\n  {}",
        complaints.values().sum::<u64>(),
        seen.len(),
        list.join("\n  ")
    )
    .into())
}

/// A check that finds nothing may be blind: a field that nobody documents must be found, on either side.
fn proves_itself(contract: &Contract, specs: &Path, seen: &[Exchange]) {
    let spoil = |body: &[u8], place: &str| -> Option<Vec<u8>> {
        let mut value: Value = serde_json::from_slice(body).ok()?;
        value
            .pointer_mut(place)?
            .as_object_mut()?
            .insert("of_no_specification".to_owned(), Value::Null);
        Some(value.to_string().into_bytes())
    };
    let finds = |exchange: Exchange| {
        let complaints = contract.complaints(specs, &[exchange], None);
        complaints
            .keys()
            .any(|(_, complaint)| complaint.contains("of_no_specification"))
    };
    let request = seen.iter().any(|exchange| {
        spoil(&exchange.request.body, contract.proof.0).is_some_and(|body| {
            let mut exchange = exchange.clone();
            exchange.request.body = body;
            finds(exchange)
        })
    });
    let answer = seen.iter().any(|exchange| {
        exchange.response.status == 200
            && spoil(&exchange.response.body, contract.proof.1).is_some_and(|body| {
                let mut exchange = exchange.clone();
                exchange.response.body = body;
                finds(exchange)
            })
    });
    assert!(
        request && answer,
        "the check is blind: it missed a made-up field"
    );
}

fn amend(document: &mut Value, amendments: &[&Amendment]) {
    fn apply(place: &mut Value, path: &[&str], with: &Value) {
        match path {
            [] => {
                let object = place
                    .as_object_mut()
                    .expect("an amended schema is an object");
                object.extend(
                    with.as_object()
                        .into_iter()
                        .flatten()
                        .map(|(key, value)| (key.clone(), value.clone())),
                );
            }
            ["*", rest @ ..] => place
                .as_object_mut()
                .into_iter()
                .flat_map(|object| object.values_mut())
                .for_each(|member| apply(member, rest, with)),
            [name, rest @ ..] => {
                if let Some(member) = place.get_mut(*name) {
                    apply(member, rest, with);
                }
            }
        }
    }
    for amendment in amendments {
        let with = serde_json::from_str(amendment.with).expect("an amendment is JSON");
        let path: Vec<&str> = amendment.schema.split('/').skip(1).collect();
        apply(document, &path, &with);
    }
}

fn read(path: &Path) -> Value {
    let text = std::fs::read(path)
        .unwrap_or_else(|error| panic!("{} cannot be read: {error}", path.display()));
    serde_json::from_slice(&text)
        .unwrap_or_else(|error| panic!("{} is not JSON: {error}", path.display()))
}
