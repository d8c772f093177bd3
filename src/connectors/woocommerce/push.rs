//! Batches on their way to the shop, and what became of each row.

use std::collections::HashMap;

use reqwest::Method;
use serde_json::{Map, Value, json};

use super::api::{Api, BatchAnswer, BatchRow, Product, Refusal};
use super::convert::{self, Place};
use crate::domain::connector::{ItemOutcome, Outcome};
use crate::domain::ids::Sku;
use crate::domain::issue::Issue;
use crate::domain::{Error, ErrorKind, Result};
use crate::http::Replay;

/// Which of the shop's batch calls a row belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Target {
    Products,
    /// The variations of one product.
    Variations(u64),
}

impl Target {
    pub fn of(place: Place) -> Self {
        match place.variation {
            Some(_) => Self::Variations(place.product),
            None => Self::Products,
        }
    }

    fn path(self) -> String {
        match self {
            Self::Products => "products/batch".to_owned(),
            Self::Variations(parent) => format!("products/{parent}/variations/batch"),
        }
    }

    fn endpoint(self) -> &'static str {
        match self {
            Self::Products => "batchProducts",
            Self::Variations(_) => "batchVariations",
        }
    }

    fn place(self, id: u64) -> Place {
        match self {
            Self::Products => Place {
                product: id,
                variation: None,
            },
            Self::Variations(product) => Place {
                product,
                variation: Some(id),
            },
        }
    }
}

/// One row of a batch.
#[derive(Debug)]
pub struct Row {
    pub sku: Sku,
    pub target: Target,
    /// `None` creates.
    pub id: Option<u64>,
    pub document: Map<String, Value>,
}

/// Collects the outcomes of one push.
#[derive(Debug, Default)]
pub struct Push {
    rows: Vec<Row>,
    outcomes: Vec<ItemOutcome>,
}

impl Push {
    pub fn add(&mut self, row: Row) {
        self.rows.push(row);
    }

    /// Settles an item without asking the shop.
    pub fn settle(&mut self, sku: &Sku, outcome: Outcome) {
        self.outcomes.push(ItemOutcome {
            key: sku.clone(),
            outcome,
        });
    }

    /// Sends everything, products before variations. `Err` only while nothing was applied.
    pub async fn send(self, api: &Api) -> Result<Vec<ItemOutcome>> {
        let Self { rows, mut outcomes } = self;
        let mut targets: Vec<Target> = Vec::new();
        let mut groups: HashMap<Target, Vec<Row>> = HashMap::new();
        for row in rows {
            let group = groups.entry(row.target).or_default();
            if group.is_empty() {
                targets.push(row.target);
            }
            group.push(row);
        }
        targets.sort_by_key(|target| *target != Target::Products);
        let mut answered_before = false;
        for target in targets {
            let rows = groups.remove(&target).unwrap_or_default();
            match send_group(api, target, &rows).await {
                Ok(answered) => {
                    answered_before = true;
                    outcomes.extend(answered);
                }
                // Nothing was applied yet: the caller decides about the whole, and splits it where that helps.
                Err(error) if !answered_before => return Err(error),
                Err(error) => outcomes.extend(rows.iter().map(|row| ItemOutcome {
                    key: row.sku.clone(),
                    outcome: Outcome::Failed(error.again()),
                })),
            }
        }
        Ok(outcomes)
    }
}

/// One call. `Err` when certainly nothing was applied.
async fn send_group(api: &Api, target: Target, rows: &[Row]) -> Result<Vec<ItemOutcome>> {
    let (creates, updates): (Vec<_>, Vec<_>) = rows.iter().partition(|row| row.id.is_none());
    let mut body = Map::new();
    if !creates.is_empty() {
        let documents: Vec<_> = creates.iter().map(|row| json!(row.document)).collect();
        body.insert("create".to_owned(), Value::Array(documents));
    }
    if !updates.is_empty() {
        let documents: Vec<_> = updates
            .iter()
            .map(|row| {
                let mut document = Map::from_iter([("id".to_owned(), json!(row.id))]);
                document.extend(row.document.clone());
                Value::Object(document)
            })
            .collect();
        body.insert("update".to_owned(), Value::Array(documents));
    }
    let replay = if creates.is_empty() {
        Replay::Safe
    } else {
        Replay::Never
    };
    let sent = api
        .write(
            target.endpoint(),
            replay,
            Method::POST,
            &target.path(),
            &Value::Object(body),
        )
        .await;
    let answer = match sent.and_then(|reply| reply.json::<BatchAnswer>().map_err(Error::in_doubt)) {
        Ok(answer) => answer,
        Err(error) if error.in_doubt => {
            return Ok(rows
                .iter()
                .map(|row| ItemOutcome {
                    key: row.sku.clone(),
                    outcome: Outcome::Unknown(error.again()),
                })
                .collect());
        }
        Err(error) => return Err(error),
    };
    let created = settled(target, &creates, answer.create);
    let updated = settled(target, &updates, answer.update);
    Ok(created.chain(updated).collect())
}

/// Pairs rows with answers by their position, which is all that the shop promises.
fn settled<'a>(
    target: Target,
    rows: &'a [&'a Row],
    answers: Vec<BatchRow>,
) -> impl Iterator<Item = ItemOutcome> + 'a {
    let answers = answers
        .into_iter()
        .map(Some)
        .chain(std::iter::repeat_with(|| None));
    rows.iter()
        .zip(answers)
        .map(move |(row, answer)| ItemOutcome {
            key: row.sku.clone(),
            outcome: match answer {
                Some(answer) => outcome(target, row, answer),
                None => Outcome::Unknown(
                    Error::unexpected("the shop's answer leaves this row out")
                        .with("sku", row.sku.as_str())
                        .in_doubt(),
                ),
            },
        })
}

fn outcome(target: Target, row: &Row, answer: BatchRow) -> Outcome {
    if let Some(refusal) = answer.error {
        return refused(row, &refusal);
    }
    match serde_json::from_value::<Product>(answer.product) {
        Ok(product) if product.id > 0 => Outcome::Applied {
            listing_ref: Some(target.place(product.id).listing_ref()),
            issues: convert::changed_by_store(&row.document, &product),
        },
        _ => Outcome::Unknown(
            Error::unexpected("the shop's answer to this row cannot be read")
                .with("sku", row.sku.as_str())
                .in_doubt(),
        ),
    }
}

/// What a row's own error means. The codes are those of WooCommerce 10.0.2.
fn refused(row: &Row, refusal: &Refusal) -> Outcome {
    let code = refusal.code.as_str();
    // Skus are unique in the shop, so a repeat of a creation that did happen is refused and doubles nothing.
    let temporary = refusal
        .status()
        .is_some_and(|status| status >= 500 || status == 429)
        || code == "internal_server_error";
    if temporary {
        return Outcome::Failed(
            Error::new(ErrorKind::Unavailable, refusal.text())
                .with("code", code)
                .with("sku", row.sku.as_str())
                .retry_after(None),
        );
    }
    if is_gone(refusal) {
        return Outcome::Failed(
            Error::new(
                ErrorKind::NotFound,
                "the product was deleted in the shop, or moved to another parent",
            )
            .with("code", code)
            .with("sku", row.sku.as_str())
            .hint("run with `--refresh` to read what is live; it is then created again"),
        );
    }
    Outcome::Rejected(vec![explained(row, refusal)])
}

/// The listing that a row names is no longer there.
pub fn is_gone(refusal: &Refusal) -> bool {
    matches!(
        refusal.code.as_str(),
        "woocommerce_rest_product_invalid_id"
            | "woocommerce_rest_product_variation_invalid_id"
            | "woocommerce_rest_product_variation_invalid_parent"
            | "woocommerce_rest_invalid_product_id"
    )
}

fn explained(row: &Row, refusal: &Refusal) -> Issue {
    let owner = refusal.resource_id();
    let issue = Issue::error(
        format!("woocommerce:{}", refusal.code),
        if refusal.message.is_empty() {
            "the shop refused this without a reason".to_owned()
        } else {
            refusal.text()
        },
    )
    .sku(&row.sku);
    match (refusal.code.as_str(), owner) {
        ("product_invalid_sku", Some(owner)) => issue.field("sku").hint(format!(
            "product {owner} of the shop has this sku already (letter case does not count): take it over, or change its sku there"
        )),
        ("product_invalid_sku", None) => issue
            .field("sku")
            .hint("another product of the shop has this sku already; look in the trash too"),
        ("woocommerce_rest_product_not_created", _) => issue.field("sku").hint(
            "a product in the trash may still hold this sku: delete it for good in Products > Trash, or restore it",
        ),
        ("product_invalid_global_unique_id", Some(owner)) => issue.field("gtin").hint(format!(
            "product {owner} of the shop has this GTIN already; one of the two is wrong"
        )),
        ("product_invalid_global_unique_id", None) => issue
            .field("gtin")
            .hint("another product of the shop has this GTIN already"),
        (
            "woocommerce_product_image_upload_error" | "woocommerce_product_invalid_image_id",
            _,
        ) => issue
            .field("images")
            .hint("the shop could not fetch a picture: open its address in a browser without being logged in; JPEG, PNG, GIF and WebP work"),
        ("woocommerce_rest_cannot_create" | "woocommerce_rest_cannot_edit", _) => {
            issue.hint("the key's user may not do this: it needs the role Shop manager")
        }
        _ => issue,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row() -> Row {
        Row {
            sku: "MUG-1".into(),
            target: Target::Products,
            id: None,
            document: Map::new(),
        }
    }

    fn settle(answer: Value) -> Outcome {
        outcome(
            Target::Products,
            &row(),
            serde_json::from_value(answer).unwrap(),
        )
    }

    #[test]
    fn a_sku_that_is_taken_names_its_owner() {
        let outcome = settle(
            json!({"id": 0, "error": {"code": "product_invalid_sku", "message": "Taken.",
            "data": {"status": 400, "resource_id": 123, "unique_sku": "mug-1-1"}}}),
        );
        let Outcome::Rejected(issues) = outcome else {
            panic!("{outcome:?}");
        };
        assert_eq!(issues[0].code, "woocommerce:product_invalid_sku");
        assert_eq!(issues[0].field.as_deref(), Some("sku"));
        assert!(issues[0].hint.as_ref().unwrap().contains("product 123"));
    }

    #[test]
    fn a_broken_row_may_be_repeated_and_a_gone_one_not() {
        let broken = settle(
            json!({"id": 0, "error": {"code": "internal_server_error", "message": "Oops.",
            "data": {"status": 500}}}),
        );
        assert!(matches!(broken, Outcome::Failed(error) if error.is_temporary()));
        let gone = settle(
            json!({"id": 9, "error": {"code": "woocommerce_rest_product_invalid_id",
            "message": "Invalid ID.", "data": {"status": 400}}}),
        );
        assert!(matches!(gone, Outcome::Failed(error) if error.kind == ErrorKind::NotFound));
    }

    #[test]
    fn rows_without_an_answer_are_in_doubt() {
        let (one, two) = (row(), row());
        let rows = [&one, &two];
        let answers = vec![serde_json::from_value(json!({"id": 5})).unwrap()];
        let outcomes: Vec<_> = settled(Target::Products, &rows, answers).collect();
        assert!(matches!(outcomes[0].outcome, Outcome::Applied { .. }));
        assert!(matches!(outcomes[1].outcome, Outcome::Unknown(_)));
    }
}
