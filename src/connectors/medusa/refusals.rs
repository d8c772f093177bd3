//! What the shop's refusals mean to the seller. They have no codes: only their wording tells them apart, here that
//! of Medusa 2.21.

use crate::domain::connector::Outcome;
use crate::domain::ids::Sku;
use crate::domain::issue::Issue;
use crate::domain::{Error, ErrorKind};

/// Part of the message, the field that it is about, and what to do.
const KNOWN: &[(&str, &str, &str)] = &[
    (
        "variant with sku:",
        "sku",
        "another product of the shop has this sku already: take it over, or change its sku there",
    ),
    (
        "Inventory item with sku:",
        "sku",
        "the shop still keeps an inventory item of this sku: delete it in Medusa Admin > Inventory, or rename it",
    ),
    (
        "variant with ean:",
        "gtin",
        "another product of the shop has this GTIN already; one of the two is wrong",
    ),
    (
        "variant with upc:",
        "gtin",
        "another product of the shop has this GTIN already; one of the two is wrong",
    ),
    (
        "variant with barcode:",
        "gtin",
        "another product of the shop has this GTIN already; one of the two is wrong",
    ),
    (
        "Product with handle:",
        "title",
        "another product of the shop has the same address: change one of the titles",
    ),
    (
        "with provided options already exists",
        "options",
        "another variant of the product has the same choices: tell them apart by a column `option:NAME`",
    ),
    (
        "option values but there were",
        "options",
        "every variant of a product needs a value for each of its options, and no others",
    ),
    (
        "does not exist for option",
        "options",
        "the product does not know this value; run with `--refresh` to read what is live",
    ),
];

fn known(message: &str) -> Option<(&'static str, &'static str)> {
    let entry = KNOWN.iter().find(|(part, _, _)| message.contains(part))?;
    Some((entry.1, entry.2))
}

/// Adds what the seller can do about a refusal.
pub fn explain(error: Error) -> Error {
    match known(&error.message) {
        Some((_, hint)) => error.hint(hint),
        None => error,
    }
}

/// A refusal of one listing.
pub fn issue(sku: &Sku, error: &Error) -> Issue {
    let kind = error.context.iter().find(|(key, _)| *key == "type");
    let code = kind.map_or("refused", |(_, kind)| kind.as_str());
    let issue = Issue::error(format!("medusa:{code}"), error.message.clone()).sku(sku);
    match known(&error.message) {
        Some((field, hint)) => issue.field(field).hint(hint),
        None => issue,
    }
}

/// What an error of a call means for one of its items.
pub fn outcome(sku: &Sku, error: &Error) -> Outcome {
    match error.kind {
        _ if error.in_doubt => Outcome::Unknown(error.again()),
        ErrorKind::Rejected => Outcome::Rejected(vec![issue(sku, error)]),
        _ => Outcome::Failed(error.again()),
    }
}
