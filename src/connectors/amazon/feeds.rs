//! Many listings in one submission: builds JSON_LISTINGS_FEED documents and reads their reports.
//!
//! Shapes: schemas/feeds/listings-feed-schema-v2.json and listings-feed-processing-report-schema-v2.json.

use std::collections::BTreeMap;
use std::io::Read;

use flate2::read::GzDecoder;
use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Map, Value};

use super::account::Account;
use super::api::Api;
use super::live;
use super::wire::{Patch, PatchOperation, Put, WireIssue};
use crate::domain::connector::{ItemOutcome, Outcome, Submission};
use crate::domain::ids::{ListingRef, Sku, SubmissionId};
use crate::domain::issue::Issue;
use crate::domain::{Error, ErrorKind, Result};

/// schemas/feeds/listings-feed-schema-v2.json, `messages.maxItems`.
pub const MOST_MESSAGES: usize = 25_000;
/// Amazon advises at most 10 MiB; the rest is for the header and the commas.
const MOST_BYTES: usize = 10 * 1024 * 1024 - 64 * 1024;

/// One message without its number, which it gets when its place in a feed is known.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Message {
    sku: String,
    operation_type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    product_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    requirements: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    attributes: Option<Map<String, Value>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    patches: Option<Vec<PatchOperation>>,
}

impl Message {
    fn new(sku: &Sku, operation_type: &'static str) -> Self {
        Self {
            sku: sku.as_str().to_owned(),
            operation_type,
            product_type: None,
            requirements: None,
            attributes: None,
            patches: None,
        }
    }

    pub fn put(sku: &Sku, put: Put) -> Self {
        Self {
            product_type: Some(put.product_type),
            requirements: Some(put.requirements),
            attributes: Some(put.attributes),
            ..Self::new(sku, "UPDATE")
        }
    }

    pub fn patch(sku: &Sku, patch: Patch) -> Self {
        Self {
            product_type: Some(patch.product_type),
            patches: Some(patch.patches),
            ..Self::new(sku, "PATCH")
        }
    }

    pub fn delete(sku: &Sku) -> Self {
        Self::new(sku, "DELETE")
    }
}

/// What the report tells about the listings beside the messages themselves. Asking for anything makes Amazon
/// hold the report back until the messages are carried out, and not merely accepted.
#[derive(Clone, Copy, Debug)]
pub enum Include {
    /// Complaints about the listing as a whole belong to a push of its content.
    Issues,
    /// A push of price or stock succeeds even if the listing has old complaints.
    Offers,
}

#[derive(Serialize)]
struct Document<'a> {
    header: Value,
    messages: &'a [Numbered<'a>],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Numbered<'a> {
    message_id: usize,
    #[serde(flatten)]
    message: &'a Message,
}

/// Cuts the list so that no feed is longer or larger than Amazon takes.
fn split(messages: Vec<Message>, most: usize, bytes: usize) -> Result<Vec<Vec<Message>>> {
    let mut feeds: Vec<Vec<Message>> = Vec::new();
    let mut size = 0;
    for message in messages {
        // With its number and comma.
        let own = raw(&message)?.get().len() + 32;
        match feeds.last_mut() {
            Some(feed) if feed.len() < most && size + own <= bytes => {
                feed.push(message);
                size += own;
            }
            _ => {
                feeds.push(vec![message]);
                size = own;
            }
        }
    }
    Ok(feeds)
}

fn raw(value: &impl Serialize) -> Result<Box<RawValue>> {
    to_raw_value(value)
        .map_err(|error| Error::unexpected("a feed cannot be written").caused_by(error))
}

fn document(account: &Account, messages: &[Message], include: Include) -> Result<Vec<u8>> {
    let included: &[&str] = match include {
        Include::Issues => &["issues"],
        Include::Offers => &["offers", "fulfillmentAvailability"],
    };
    let numbered: Vec<_> = (1..)
        .zip(messages)
        .map(|(message_id, message)| Numbered {
            message_id,
            message,
        })
        .collect();
    let document = Document {
        header: serde_json::json!({
            "sellerId": account.seller_id,
            "version": "2.0",
            "issueLocale": account.language,
            "report": {"includedData": included, "apiVersion": "2021-08-01"},
        }),
        messages: &numbered,
    };
    serde_json::to_vec(&document)
        .map_err(|error| Error::unexpected("a feed cannot be written").caused_by(error))
}

/// The feed and how many messages it was given, so that a report about fewer is noticed: `FEED/MESSAGES`.
fn submission_id(feed: &str, messages: usize) -> SubmissionId {
    SubmissionId::from(format!("{feed}/{messages}"))
}

fn parse_submission(id: &SubmissionId) -> (&str, Option<u64>) {
    match id.as_str().rsplit_once('/') {
        Some((feed, messages)) => (feed, messages.parse().ok()),
        None => (id.as_str(), None),
    }
}

/// Sends the messages in as few feeds as possible. `Err` means that nothing was sent.
pub async fn submit(
    api: &Api,
    account: &Account,
    messages: Vec<Message>,
    include: Include,
) -> Result<Vec<ItemOutcome>> {
    let mut outcomes = Vec::with_capacity(messages.len());
    for feed in split(messages, MOST_MESSAGES, MOST_BYTES)? {
        let body = document(account, &feed, include)?;
        let sent = match api.upload(body).await {
            Ok(document) => api.create_feed(account, &document).await,
            Err(error) => Err(error),
        };
        match sent {
            Ok(id) => {
                let submission = submission_id(&id, feed.len());
                outcomes.extend(feed.into_iter().map(|message| ItemOutcome {
                    outcome: Outcome::Accepted {
                        submission: Some(submission.clone()),
                        part: None,
                        listing_ref: Some(ListingRef::new(&message.sku)),
                    },
                    key: Sku::from(message.sku),
                }));
            }
            Err(error) if outcomes.is_empty() && !error.in_doubt => return Err(error),
            Err(error) => outcomes.extend(feed.into_iter().map(|message| ItemOutcome {
                key: Sku::from(message.sku),
                outcome: super::failed(error.again()),
            })),
        }
    }
    Ok(outcomes)
}

/// Asks about a feed, and reads its report when there is one.
pub async fn poll(api: &Api, id: &SubmissionId) -> Result<Submission> {
    let (feed_id, sent) = parse_submission(id);
    let feed = api.feed(feed_id).await?;
    match (
        feed.processing_status.as_str(),
        feed.result_feed_document_id,
    ) {
        ("IN_QUEUE" | "IN_PROGRESS", _) => Ok(Submission::Pending),
        ("DONE", Some(document)) => {
            let bytes = api.download(&document).await?;
            let report = serde_json::from_slice(&bytes).map_err(|error| {
                Error::unexpected(format!("the feed's report cannot be read: {error}"))
                    .with("feed", feed_id)
            })?;
            Ok(match read(report, sent) {
                Ok(outcomes) => Submission::Done(outcomes),
                Err(error) => Submission::Broken(error.with("feed", feed_id)),
            })
        }
        (status, _) => Ok(Submission::Broken(
            Error::new(
                ErrorKind::Unavailable,
                format!("Amazon ended the feed as {status}; some of it may have been applied"),
            )
            .with("feed", feed_id)
            .in_doubt(),
        )),
    }
}

#[derive(Debug, Deserialize)]
struct Report {
    #[serde(default)]
    issues: Vec<MessageIssue>,
    summary: Summary,
    #[serde(default)]
    items: Vec<ReportItem>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct MessageIssue {
    message_id: Option<u64>,
    sku: Option<String>,
    #[serde(flatten)]
    issue: WireIssue,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Summary {
    messages_processed: u64,
    messages_invalid: u64,
}

#[derive(Debug, Deserialize)]
struct ReportItem {
    sku: String,
    #[serde(default)]
    issues: Vec<WireIssue>,
}

/// Codes of the Selling Partner API for trouble of its own, which may pass.
const TEMPORARY: &[&str] = &["InternalFailure", "ServiceUnavailable"];

/// Outcomes by sku. `Err` when the report leaves open what became of some messages.
fn read(report: Report, sent: Option<u64>) -> Result<Vec<ItemOutcome>> {
    let incomplete = |message: String| {
        Err(Error::unexpected(message)
            .in_doubt()
            .hint("the live listings are read to see what was applied"))
    };
    if let Some(general) = report
        .issues
        .iter()
        .find(|one| one.sku.is_none() && one.message_id.is_none() && one.is_error())
    {
        return incomplete(format!(
            "Amazon refused the feed as a whole: {}",
            general.issue.message
        ));
    }
    let processed = report.summary.messages_processed;
    if let Some(sent) = sent.filter(|sent| processed < *sent) {
        return incomplete(format!(
            "Amazon processed {processed} of the {sent} changes of a feed and does not say which"
        ));
    }
    let mut by_sku: BTreeMap<String, Vec<WireIssue>> = BTreeMap::new();
    let mut refused = 0;
    for one in report.issues {
        let is_error = one.is_error();
        let Some(sku) = one.sku else {
            return incomplete("Amazon complains about a change without naming its sku".into());
        };
        let issues = by_sku.entry(sku).or_default();
        if is_error && !issues.iter().any(is_refusal) {
            refused += 1;
        }
        issues.push(one.issue);
    }
    if report.summary.messages_invalid > refused {
        return incomplete(format!(
            "Amazon refused {} changes of a feed and names only {refused} of them",
            report.summary.messages_invalid
        ));
    }
    for item in report.items {
        if !item.issues.is_empty() {
            by_sku.entry(item.sku).or_default().extend(item.issues);
        }
    }
    Ok(by_sku
        .into_iter()
        .map(|(sku, issues)| ItemOutcome {
            outcome: outcome(&sku, &issues),
            key: Sku::from(sku),
        })
        .collect())
}

impl MessageIssue {
    fn is_error(&self) -> bool {
        is_refusal(&self.issue)
    }
}

fn is_refusal(issue: &WireIssue) -> bool {
    issue.severity == "ERROR"
}

fn outcome(sku: &str, wire: &[WireIssue]) -> Outcome {
    let sku = Sku::new(sku);
    let mut refusals = wire.iter().filter(|one| is_refusal(one)).peekable();
    if let Some(first) = refusals.peek().copied()
        && refusals.all(|one| TEMPORARY.contains(&&*one.code))
    {
        let error = Error::new(ErrorKind::Unavailable, &first.message).retry_after(None);
        return Outcome::Failed(error.with("sku", sku.as_str()));
    }
    let issues: Vec<Issue> = wire.iter().map(|one| live::issue(one).sku(&sku)).collect();
    if issues.iter().any(Issue::is_error) {
        Outcome::Rejected(issues)
    } else {
        Outcome::Applied {
            listing_ref: Some(ListingRef::new(sku.as_str())),
            issues,
        }
    }
}

/// Unpacks gzip. A client that already did so on the way is fine.
pub fn unzip(bytes: Vec<u8>) -> Result<Vec<u8>> {
    if !bytes.starts_with(&[0x1f, 0x8b]) {
        return Ok(bytes);
    }
    let mut plain = Vec::new();
    GzDecoder::new(&*bytes)
        .read_to_end(&mut plain)
        .map_err(|error| Error::unexpected("the feed's report is damaged").caused_by(error))?;
    Ok(plain)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn report(issues: Value, processed: u64, invalid: u64) -> Report {
        serde_json::from_value(json!({
            "header": {"sellerId": "S", "version": "2.0", "feedId": "1"},
            "issues": issues,
            "summary": {"errors": 0, "warnings": 0, "messagesProcessed": processed,
                "messagesAccepted": processed - invalid, "messagesInvalid": invalid},
            "items": [{"sku": "W", "issues": [
                {"code": "18448", "message": "incomplete", "severity": "WARNING", "categories": []}]}],
        }))
        .unwrap()
    }

    fn issue(sku: &str, code: &str) -> Value {
        json!({"messageId": 2, "sku": sku, "code": code, "severity": "ERROR", "message": "no"})
    }

    #[test]
    fn errors_reject_warnings_apply_and_trouble_of_amazons_own_may_be_repeated() {
        let issues = json!([
            issue("E", "90220"),
            issue("E", "90220"),
            issue("T", "InternalFailure")
        ]);
        let outcomes = read(report(issues, 9, 2), Some(9)).unwrap();
        let of = |sku: &str| {
            &outcomes
                .iter()
                .find(|one| one.key.as_str() == sku)
                .unwrap()
                .outcome
        };
        assert!(matches!(of("E"), Outcome::Rejected(issues) if issues.len() == 2));
        assert!(matches!(of("T"), Outcome::Failed(error) if error.is_temporary()));
        assert!(matches!(of("W"), Outcome::Applied { issues, .. } if issues.len() == 1));
        assert_eq!(outcomes.len(), 3);
    }

    #[test]
    fn a_report_that_leaves_changes_open_is_in_doubt() {
        let few = read(report(json!([]), 8, 0), Some(9)).unwrap_err();
        assert!(few.in_doubt && few.message.contains("8 of the 9"), "{few}");
        let unnamed = read(report(json!([issue("E", "1")]), 9, 2), Some(9)).unwrap_err();
        assert!(unnamed.in_doubt, "{unnamed}");
        let general = json!([{"severity": "ERROR", "message": "not JSON"}]);
        assert!(read(report(general, 9, 0), Some(9)).unwrap_err().in_doubt);
    }

    #[test]
    fn a_feed_is_cut_by_count_and_by_size() {
        let messages = |count: usize| {
            (0..count)
                .map(|n| Message::delete(&Sku::from(format!("S{n}"))))
                .collect::<Vec<_>>()
        };
        let counts = |feeds: Vec<Vec<Message>>| feeds.iter().map(Vec::len).collect::<Vec<_>>();
        assert_eq!(counts(split(messages(7), 3, 9999).unwrap()), [3, 3, 1]);
        let one = raw(&messages(1)[0]).unwrap().get().len() + 32;
        assert_eq!(counts(split(messages(5), 9, one * 2).unwrap()), [2, 2, 1]);
        // One that is too large for any feed still goes: Amazon says what is wrong with it.
        assert_eq!(counts(split(messages(2), 9, 1).unwrap()), [1, 1]);
    }

    #[test]
    fn a_submission_remembers_how_many_messages_it_has() {
        assert_eq!(
            parse_submission(&submission_id("23492394", 7)),
            ("23492394", Some(7))
        );
        assert_eq!(parse_submission(&"23492394".into()), ("23492394", None));
    }
}
