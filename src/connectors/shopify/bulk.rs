//! Many changes at once: a file with the variables of one mutation on each line, carried out by Shopify beside the
//! bucket of points, and answered by another file with a line for each.
//!
//! Source: shopify.dev/docs/api/usage/bulk-operations/imports. A file has at most 100 MB, five operations run at a
//! time, and an operation that is done may have failed on any of its lines.

use std::collections::{BTreeMap, HashMap, HashSet};

use futures::stream::{self, StreamExt};
use serde::Deserialize;
use serde_json::{Value, json};

use super::api::UploadTarget;
use super::documents::{self, Document};
use super::place::{Place, gid, number};
use super::prices::{self, Sheet};
use super::products::{self, Draft};
use super::push::{Answered, add_all_places, add_places, all, first_error, publish};
use super::shop::{Facts, Shop};
use super::wire::{Product, ProductSet, UserError};
use crate::domain::change::Lane;
use crate::domain::connector::{ItemOutcome, Outcome, Submission, Submitted};
use crate::domain::ids::{Sku, SubmissionId};
use crate::domain::{Error, ErrorKind, Result};
use crate::http::Replay;

/// Below what Shopify takes, whichever way it counts a megabyte.
const MOST_BYTES: usize = 95_000_000;
/// Products that are asked for or published at a time.
const PUBLISHED_AT_ONCE: usize = 100;
const AT_ONCE: usize = 4;

/// One line of a file, and whose changes it holds.
struct Line {
    skus: Vec<Sku>,
    text: String,
}

pub async fn submit_products(shop: &Shop, drafts: &[Draft<'_>], answered: &mut Answered) {
    let lines = drafts.iter().map(|draft| Line {
        skus: draft.skus().cloned().collect(),
        text: draft.variables.to_string(),
    });
    submit(shop, &documents::PRODUCT_SET, lines, answered).await;
}

pub async fn submit_prices(shop: &Shop, sheets: &[Sheet], answered: &mut Answered) {
    let lines = sheets.iter().map(|sheet| Line {
        skus: sheet.skus.clone(),
        text: sheet.variables.to_string(),
    });
    submit(shop, &documents::SET_PRICES, lines, answered).await;
}

/// Sends the lines in as few files as possible.
async fn submit(
    shop: &Shop,
    document: &'static Document,
    lines: impl Iterator<Item = Line>,
    answered: &mut Answered,
) {
    for file in split(lines, MOST_BYTES) {
        let started = start(shop, document, &file).await;
        let outcomes = started.map(|submission| {
            let parts = (0..).zip(&file).flat_map(|(part, line)| {
                let submission = &submission;
                line.skus.iter().map(move |sku| ItemOutcome {
                    key: sku.clone(),
                    outcome: Outcome::Accepted {
                        submission: Some(submission.clone()),
                        part: Some(part),
                        listing_ref: None,
                    },
                })
            });
            parts.collect()
        });
        answered.add(file.iter().flat_map(|line| &line.skus), outcomes);
    }
}

fn split(lines: impl Iterator<Item = Line>, most: usize) -> Vec<Vec<Line>> {
    let mut files: Vec<Vec<Line>> = Vec::new();
    let mut size = 0;
    for line in lines {
        let own = line.text.len() + 1;
        match files.last_mut() {
            Some(file) if size + own <= most => {
                file.push(line);
                size += own;
            }
            _ => {
                files.push(vec![line]);
                size = own;
            }
        }
    }
    files
}

/// Uploads a file and has it worked on. An error is only in doubt where the work may have begun.
async fn start(shop: &Shop, document: &'static Document, file: &[Line]) -> Result<SubmissionId> {
    let mut bytes = Vec::with_capacity(file.iter().map(|line| line.text.len() + 1).sum());
    for line in file {
        bytes.extend_from_slice(line.text.as_bytes());
        bytes.push(b'\n');
    }
    let target = stage(shop, bytes.len()).await.map_err(|mut error| {
        error.in_doubt = false;
        error
    })?;
    let key = target.parameters.iter().find(|one| one.name == "key");
    let path = key
        .map(|one| one.value.clone())
        .ok_or_else(|| Error::unexpected("the shop offers a place for a file that has no name"))?;
    shop.api.upload(&target, &bytes).await?;
    run(shop, document, &path).await
}

async fn stage(shop: &Shop, size: usize) -> Result<UploadTarget> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Data {
        staged_uploads_create: Payload,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Payload {
        staged_targets: Option<Vec<UploadTarget>>,
        #[serde(default)]
        user_errors: Vec<UserError>,
    }
    let variables = json!({"input": [{
        "resource": "BULK_MUTATION_VARIABLES",
        "filename": "changes.jsonl",
        "mimeType": "text/jsonl",
        "httpMethod": "POST",
        "fileSize": size.to_string(),
    }]});
    let data: Data = shop
        .api
        .mutate(&documents::STAGE_UPLOAD, Replay::Safe, &variables)
        .await?;
    let payload = data.staged_uploads_create;
    first_error(&payload.user_errors, "the shop takes no file")?;
    let targets = payload.staged_targets.unwrap_or_default();
    targets
        .into_iter()
        .next()
        .ok_or_else(|| Error::unexpected("the shop offers no place for a file"))
}

/// A repeat would do the same work a second time.
async fn run(shop: &Shop, document: &'static Document, path: &str) -> Result<SubmissionId> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Data {
        bulk_operation_run_mutation: Payload,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Payload {
        bulk_operation: Option<Named>,
        #[serde(default)]
        user_errors: Vec<UserError>,
    }
    #[derive(Deserialize)]
    struct Named {
        id: String,
    }
    let variables = json!({"mutation": document.text, "path": path});
    let data: Data = shop
        .api
        .mutate(&documents::RUN_BULK, Replay::Never, &variables)
        .await?;
    let payload = data.bulk_operation_run_mutation;
    first_error(&payload.user_errors, "the shop does not begin the work")?;
    let id = payload.bulk_operation.and_then(|own| number(&own.id));
    id.map(|id| SubmissionId::from(id.to_string()))
        .ok_or_else(|| Error::unexpected("the shop does not name the work it began").in_doubt())
}

/// Asks about the work, and reads its result when there is one.
pub async fn poll(shop: &Shop, id: &SubmissionId, items: &[Submitted]) -> Result<Submission> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Data {
        bulk_operation: Option<Operation>,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Operation {
        status: String,
        error_code: Option<String>,
        url: Option<String>,
        partial_data_url: Option<String>,
    }
    let id_of_work = id.as_str().parse().unwrap_or_default();
    let variables = json!({"id": gid("BulkOperation", id_of_work)});
    let data: Data = shop
        .api
        .query(&documents::BULK_OPERATION, &variables)
        .await?;
    let broken = |message: String| {
        let error = Error::new(ErrorKind::Unavailable, message).in_doubt();
        Submission::Broken(error.with("bulk operation", id.as_str()))
    };
    let Some(operation) = data.bulk_operation else {
        return Ok(broken(
            "Shopify does not know the bulk operation any more".into(),
        ));
    };
    if matches!(
        operation.status.as_str(),
        "CREATED" | "RUNNING" | "CANCELING"
    ) {
        return Ok(Submission::Pending);
    }
    let Some(url) = operation.url.or(operation.partial_data_url) else {
        let code = operation.error_code.unwrap_or_default();
        let message = format!(
            "Shopify ended a bulk operation as {} {code}",
            operation.status
        );
        return Ok(broken(message.trim_end().to_owned()));
    };
    let result = shop.api.download(&url).await?;
    let answers = read(&result);
    if items.iter().any(|item| item.lane == Lane::Price) {
        return Ok(Submission::Done(read_prices(items, &answers)));
    }
    read_products(shop, items, &answers)
        .await
        .map(Submission::Done)
}

/// What became of one line.
#[derive(Debug, Deserialize)]
struct Answer {
    #[serde(rename = "__lineNumber")]
    line: u32,
    #[serde(default)]
    data: Value,
    #[serde(default)]
    errors: Value,
}

/// The lines of a result, which come in any order. One that cannot be read is left out, as if it had not come.
fn read(result: &[u8]) -> HashMap<u32, Answer> {
    result
        .split(|byte| *byte == b'\n')
        .filter_map(|line| serde_json::from_slice::<Answer>(line).ok())
        .map(|answer| (answer.line, answer))
        .collect()
}

/// The items of each line, in the order in which they were sent.
fn by_part(items: &[Submitted]) -> BTreeMap<Option<u32>, Vec<&Sku>> {
    let mut parts: BTreeMap<Option<u32>, Vec<&Sku>> = BTreeMap::new();
    for item in items {
        parts.entry(item.part).or_default().push(&item.sku);
    }
    parts
}

/// A line that was not worked on, or whose work broke off. Each line is absolute, so that it may be sent again.
fn trouble(answer: Option<&Answer>) -> Error {
    let Some(answer) = answer else {
        return Error::new(
            ErrorKind::Unavailable,
            "Shopify ended the bulk operation before it came to this",
        )
        .retry_after(None);
    };
    let first = &answer.errors[0];
    let message = first["message"]
        .as_str()
        .unwrap_or("an answer that says nothing");
    let error = Error::new(
        ErrorKind::Unavailable,
        format!("Shopify could not carry this out: {message}"),
    );
    let error = match first["extensions"]["code"].as_str() {
        Some(code) => error.with("code", code),
        None => error,
    };
    error.retry_after(None)
}

fn read_prices(items: &[Submitted], answers: &HashMap<u32, Answer>) -> Vec<ItemOutcome> {
    let mut outcomes = Vec::with_capacity(items.len());
    for (part, skus) in by_part(items) {
        let answer = part.and_then(|part| answers.get(&part));
        let parsed = answer.and_then(|answer| prices::Data::deserialize(&answer.data).ok());
        match parsed {
            Some(data) => {
                let errors = data.product_variants_bulk_update.user_errors;
                outcomes.extend(prices::outcomes(skus.into_iter(), &errors));
            }
            None => outcomes.extend(all(skus.into_iter(), &trouble(answer))),
        }
    }
    outcomes
}

async fn read_products(
    shop: &Shop,
    items: &[Submitted],
    answers: &HashMap<u32, Answer>,
) -> Result<Vec<ItemOutcome>> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Data {
        product_set: ProductSet,
    }
    let facts = shop.facts().await?;
    let mut outcomes = Vec::with_capacity(items.len());
    let mut made: Vec<(Product, Vec<&Sku>)> = Vec::new();
    for (part, skus) in by_part(items) {
        let answer = part.and_then(|part| answers.get(&part));
        let parsed = answer.and_then(|answer| Data::deserialize(&answer.data).ok());
        match parsed.map(|data| data.product_set) {
            Some(set) if !set.user_errors.is_empty() => {
                outcomes.extend(refused(&skus, &set.user_errors));
            }
            Some(ProductSet {
                product: Some(product),
                ..
            }) => made.push((product, skus)),
            _ => outcomes.extend(all(skus.into_iter(), &trouble(answer))),
        }
    }
    let unpublished = publish_all(shop, facts, &made).await?;
    for (product, skus) in made {
        match unpublished.get(product.id.as_str()) {
            Some(error) => outcomes.extend(all(skus.into_iter(), error)),
            None => outcomes.extend(found(shop, facts, &product, &skus).await?),
        }
    }
    Ok(outcomes)
}

/// A new product is a single, or a parent and its variants in the order of the line.
fn refused(skus: &[&Sku], errors: &[UserError]) -> Vec<ItemOutcome> {
    let has_parent = skus.len() > 1;
    let lines: Vec<_> = skus
        .iter()
        .skip(usize::from(has_parent))
        .map(|sku| Some(*sku))
        .collect();
    products::refused(skus, &lines, has_parent, |_, _| None, errors)
}

/// Rows of a product that was made, with their references.
async fn found(
    shop: &Shop,
    facts: &Facts,
    product: &Product,
    skus: &[&Sku],
) -> Result<Vec<ItemOutcome>> {
    let id = product
        .number()
        .ok_or_else(|| Error::unexpected("a bulk operation's result names no product"))?;
    let mut places = HashMap::new();
    add_places(&mut places, id, product);
    let parent = skus.first().filter(|_| skus.len() > 1);
    if let Some(parent) = parent {
        places.insert((*parent).clone(), Place::of_product(id));
    }
    if skus.iter().any(|sku| !places.contains_key(*sku)) {
        add_all_places(shop, facts, id, &mut places).await?;
    }
    let outcomes = skus.iter().map(|sku| {
        let outcome = match places.get(*sku) {
            Some(place) => {
                let listing_ref = place.listing_ref();
                shop.remember(sku, &listing_ref);
                Outcome::Applied {
                    listing_ref: Some(listing_ref),
                    issues: Vec::new(),
                }
            }
            None => Outcome::Failed(
                Error::unexpected("the product was made without this variant")
                    .with("sku", sku.as_str()),
            ),
        };
        ItemOutcome {
            key: (*sku).clone(),
            outcome,
        }
    });
    Ok(outcomes.collect())
}

/// Publishes the products that are not yet, so that a run that ended in between goes on where it was. Tells which
/// cannot be published; `Err` where the whole has to be tried again.
async fn publish_all(
    shop: &Shop,
    facts: &Facts,
    made: &[(Product, Vec<&Sku>)],
) -> Result<HashMap<String, Error>> {
    let mut refused = HashMap::new();
    for portion in made.chunks(PUBLISHED_AT_ONCE) {
        let ids: Vec<&str> = portion
            .iter()
            .map(|(product, _)| product.id.as_str())
            .collect();
        let shown = published(shop, facts, &ids).await?;
        let missing = ids.into_iter().filter(|id| !shown.contains(*id));
        let under_way: Vec<_> = missing
            .map(|id| async move { (id, publish(shop, facts, id).await) })
            .collect();
        let mut under_way = stream::iter(under_way).buffer_unordered(AT_ONCE);
        while let Some((id, outcome)) = under_way.next().await {
            match outcome {
                Ok(()) => {}
                Err(error) if matches!(error.kind, ErrorKind::Rejected | ErrorKind::NotFound) => {
                    refused.insert(id.to_owned(), error.again());
                }
                Err(error) => return Err(error),
            }
        }
    }
    Ok(refused)
}

async fn published(shop: &Shop, facts: &Facts, ids: &[&str]) -> Result<HashSet<String>> {
    #[derive(Deserialize)]
    struct Data {
        nodes: Vec<Option<Node>>,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Node {
        id: String,
        #[serde(default)]
        published_on_publication: bool,
    }
    let variables = json!({"ids": ids, "publication": facts.publication()});
    let data: Data = shop.api.query(&documents::PUBLISHED, &variables).await?;
    let shown = data.nodes.into_iter().flatten();
    Ok(shown
        .filter(|node| node.published_on_publication)
        .map(|node| node.id)
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str) -> Line {
        Line {
            skus: Vec::new(),
            text: text.to_owned(),
        }
    }

    fn item(sku: &str, part: u32) -> Submitted {
        Submitted {
            sku: sku.into(),
            lane: Lane::Price,
            part: Some(part),
        }
    }

    #[test]
    fn files_are_cut_by_their_size() {
        let sizes = |most| {
            let files = split(["aaaa", "bbbb", "cccc"].map(line).into_iter(), most);
            files.iter().map(Vec::len).collect::<Vec<_>>()
        };
        assert_eq!(sizes(100), [3]);
        assert_eq!(sizes(10), [2, 1]);
        assert_eq!(sizes(1), [1, 1, 1]);
    }

    #[test]
    fn every_item_hears_of_its_own_line() {
        let result = br#"{"data":{"productVariantsBulkUpdate":{"userErrors":[{"field":["variants","1","price"],"message":"No.","code":"INVALID_VALUE"}]}},"__lineNumber":1}
{"data":{"productVariantsBulkUpdate":{"userErrors":[]}},"__lineNumber":0}
{"errors":[{"message":"Oops","extensions":{"code":"INTERNAL_SERVER_ERROR"}}],"__lineNumber":2}
not JSON
"#;
        let items = [
            item("A", 0),
            item("B", 1),
            item("C", 1),
            item("D", 2),
            item("E", 3),
        ];
        let outcomes = read_prices(&items, &read(result));
        let of = |sku: &str| {
            &outcomes
                .iter()
                .find(|one| one.key.as_str() == sku)
                .unwrap()
                .outcome
        };
        assert!(matches!(of("A"), Outcome::Applied { .. }));
        assert!(matches!(of("B"), Outcome::Applied { .. }));
        assert!(matches!(of("C"), Outcome::Rejected(_)));
        assert!(matches!(of("D"), Outcome::Failed(error) if error.is_temporary()));
        assert!(matches!(of("E"), Outcome::Failed(error) if error.is_temporary()));
        assert_eq!(outcomes.len(), items.len());
    }

    #[test]
    fn a_variant_that_is_refused_holds_back_its_product_and_is_named() {
        let skus: Vec<Sku> = ["TEE", "TEE-S", "TEE-M"].map(Sku::from).into();
        let skus: Vec<&Sku> = skus.iter().collect();
        let error = |field: &[&str]| UserError {
            field: Some(field.iter().map(|part| part.to_string()).collect()),
            message: "No.".into(),
            code: Some("INVALID_VARIANT".into()),
        };
        let of_variant = refused(&skus, &[error(&["input", "variants", "1", "barcode"])]);
        assert!(
            matches!(&of_variant[2].outcome, Outcome::Rejected(issues) if issues[0].sku.as_ref() == Some(skus[2]))
        );
        assert!(matches!(&of_variant[0].outcome, Outcome::Failed(error) if error.is_temporary()));
        let of_parent = refused(&skus, &[error(&["input", "title"])]);
        assert!(matches!(of_parent[0].outcome, Outcome::Rejected(_)));
        assert!(matches!(&of_parent[1].outcome, Outcome::Failed(error) if !error.is_temporary()));
    }
}
