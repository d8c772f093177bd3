//! How the channels stand: what succeeded last, what is on its way, what is refused and why.

use jiff::Timestamp;
use serde::Serialize;

use super::issues;
use super::text::{Paint, Tone, clean, counted, indented, number, relative, short, span};
use crate::cli::documents::VERSION;
use crate::domain::change::Lane;
use crate::domain::ids::{ChannelName, RunId, Sku, SubmissionId};
use crate::domain::issue::Issue;
use crate::domain::ledger::{ChannelState, Pending, Rejection, RunRecord};

/// A success that is older is told loudly.
const STALE_SECONDS: i64 = 24 * 3_600;
/// A credential that ends sooner is told loudly.
const EXPIRY_SECONDS: i64 = 14 * 24 * 3_600;
/// Refusals that are shown per channel.
const REJECTED_SHOWN: usize = 10;

/// What `status` is made of.
#[derive(Debug)]
pub struct StatusView {
    pub channels: Vec<ChannelStatus>,
    pub last_run: Option<RunRecord>,
}

#[derive(Debug)]
pub struct ChannelStatus {
    pub name: ChannelName,
    pub kind: &'static str,
    /// Whether the channel has orders at all.
    pub pulls_orders: bool,
    pub state: ChannelState,
    /// Listings that are live and ours.
    pub live: u64,
    pub pending: Vec<PendingGroup>,
    pub rejected: Vec<Rejection>,
    pub in_doubt: u64,
    pub unreadable_orders: u64,
}

/// Changes that travel together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PendingGroup {
    /// `null` when the live listings are read until they show the change.
    pub submission: Option<SubmissionId>,
    pub count: u64,
    pub since: Timestamp,
    pub deadline: Timestamp,
}

/// Gathers what is pending by submission, the oldest first.
pub fn grouped(pending: &[Pending]) -> Vec<PendingGroup> {
    let mut groups: Vec<PendingGroup> = Vec::new();
    let mut places = std::collections::HashMap::new();
    for one in pending {
        let place = *places.entry(&one.submission).or_insert_with(|| {
            groups.push(PendingGroup {
                submission: one.submission.clone(),
                count: 0,
                since: one.since,
                deadline: one.deadline,
            });
            groups.len() - 1
        });
        let group = &mut groups[place];
        group.count += 1;
        group.since = group.since.min(one.since);
        group.deadline = group.deadline.min(one.deadline);
    }
    groups.sort_by_key(|group| group.since);
    groups
}

/// For the terminal.
pub fn text(view: &StatusView, now: Timestamp, paint: Paint) -> String {
    let mut out = String::new();
    for channel in &view.channels {
        out.push_str(&format!(
            "{} {}\n",
            paint.text(Tone::Strong, &clean(channel.name.as_str())),
            paint.text(Tone::Faint, &format!("({})", channel.kind))
        ));
        out.push_str(&indented(&channel_text(channel, now, paint), 2));
        out.push('\n');
    }
    match &view.last_run {
        None => out.push_str("No run yet.\n"),
        Some(run) => {
            let started = relative(run.started, now);
            let end = match run.finished {
                Some(finished) => {
                    format!(
                        "took {}",
                        span(finished.as_second() - run.started.as_second())
                    )
                }
                None => "did not finish, or still runs".to_owned(),
            };
            let command = clean(&run.command);
            out.push_str(&format!(
                "Last run: {command} {started}, {end} ({})\n",
                run.id
            ));
        }
    }
    out
}

fn channel_text(channel: &ChannelStatus, now: Timestamp, paint: Paint) -> String {
    let state = &channel.state;
    let mut out = format!("{} live\n", counted(channel.live, "listing", "listings"));
    out.push_str(&success("push", state.last_push, now, paint));
    if channel.pulls_orders {
        out.push_str(&success("pull", state.last_pull, now, paint));
    }
    if let Some((at, message)) = &state.last_failure {
        let last_success = state.last_push.max(state.last_pull);
        // What failed and has worked since is history.
        if last_success.is_none_or(|success| success < *at) {
            let words = format!(
                "last failure {}: {}",
                relative(*at, now),
                short(message, 200)
            );
            out.push_str(&loud(Tone::Bad, &words, paint));
        }
    }
    if let Some(expires) = state.credential_expires {
        let left = expires.as_second() - now.as_second();
        if left <= 0 {
            let words = format!("the credential expired {}", relative(expires, now));
            out.push_str(&loud(Tone::Bad, &words, paint));
        } else if left < EXPIRY_SECONDS {
            let words = format!("the credential expires in {}: renew it", span(left));
            out.push_str(&loud(Tone::Warning, &words, paint));
        } else {
            out.push_str(&format!("the credential expires in {}\n", span(left)));
        }
    }
    for group in &channel.pending {
        out.push_str(&pending_text(group, now, paint));
    }
    if channel.in_doubt > 0 {
        let words = format!(
            "{} in doubt: looked up before anything else is sent",
            counted(channel.in_doubt, "change", "changes")
        );
        out.push_str(&loud(Tone::Warning, &words, paint));
    }
    if channel.unreadable_orders > 0 {
        let words = format!(
            "{} could not be read: look at them on the channel",
            counted(channel.unreadable_orders, "order", "orders")
        );
        out.push_str(&loud(Tone::Bad, &words, paint));
    }
    out.push_str(&rejected_text(&channel.rejected, now, paint));
    out
}

fn loud(tone: Tone, words: &str, paint: Paint) -> String {
    format!("{}\n", paint.text(tone, &format!("! {words}")))
}

fn success(what: &str, at: Option<Timestamp>, now: Timestamp, paint: Paint) -> String {
    match at {
        None => loud(Tone::Warning, &format!("last {what}: never"), paint),
        Some(at) if now.as_second() - at.as_second() > STALE_SECONDS => {
            let words = format!("last {what}: {}, more than a day", relative(at, now));
            loud(Tone::Warning, &words, paint)
        }
        Some(at) => format!("last {what}: {}\n", relative(at, now)),
    }
}

fn pending_text(group: &PendingGroup, now: Timestamp, paint: Paint) -> String {
    let changes = counted(group.count, "change", "changes");
    let by = match &group.submission {
        Some(id) => format!("submission {}", short(id.as_str(), 60)),
        None => "seen when the live listing shows it".to_owned(),
    };
    let since = relative(group.since, now);
    if group.deadline < now {
        let late = relative(group.deadline, now);
        let words = format!("{changes} on the way, sent {since}, due {late} ({by})");
        return loud(Tone::Warning, &words, paint);
    }
    let left = span(group.deadline.as_second() - now.as_second());
    format!("{changes} on the way, sent {since}, given up in {left} ({by})\n")
}

fn rejected_text(rejected: &[Rejection], now: Timestamp, paint: Paint) -> String {
    if rejected.is_empty() {
        return String::new();
    }
    let mut newest: Vec<&Rejection> = rejected.iter().collect();
    newest.sort_by(|a, b| b.at.cmp(&a.at).then_with(|| a.sku.cmp(&b.sku)));
    let words = format!(
        "{} refused; not sent again until the data changes",
        counted(rejected.len() as u64, "change", "changes")
    );
    let mut out = loud(Tone::Bad, &words, paint);
    for rejection in newest.iter().take(REJECTED_SHOWN) {
        out.push_str(&format!(
            "  {} {} {}\n",
            short(rejection.sku.as_str(), 48),
            rejection.lane.as_str(),
            paint.text(Tone::Faint, &relative(rejection.at, now))
        ));
        for issue in &rejection.issues {
            out.push_str(&indented(&issues::line(issue, paint), 4));
            if let Some(hint) = &issue.hint {
                out.push_str(&format!("      hint: {}\n", clean(hint)));
            }
        }
    }
    if newest.len() > REJECTED_SHOWN {
        let more = number((newest.len() - REJECTED_SHOWN) as u64);
        out.push_str(&format!("  … {more} more; --json lists all\n"));
    }
    out
}

/// `status --json`.
#[derive(Debug, Serialize)]
pub struct StatusDocument<'a> {
    version: u32,
    channels: Vec<ChannelDocument<'a>>,
    last_run: Option<RunView<'a>>,
}

#[derive(Debug, Serialize)]
struct ChannelDocument<'a> {
    channel: &'a ChannelName,
    kind: &'static str,
    live: u64,
    first_contact: Option<Timestamp>,
    last_push: Option<Timestamp>,
    last_pull: Option<Timestamp>,
    last_failure: Option<Failure<'a>>,
    credential_expires: Option<Timestamp>,
    pending: &'a [PendingGroup],
    in_doubt: u64,
    unreadable_orders: u64,
    rejected: Vec<Rejected<'a>>,
}

#[derive(Debug, Serialize)]
struct Failure<'a> {
    at: Timestamp,
    message: &'a str,
}

#[derive(Debug, Serialize)]
struct Rejected<'a> {
    sku: &'a Sku,
    lane: Lane,
    at: Timestamp,
    issues: &'a [Issue],
}

#[derive(Debug, Serialize)]
struct RunView<'a> {
    run_id: &'a RunId,
    command: &'a str,
    started: Timestamp,
    finished: Option<Timestamp>,
}

pub fn document(view: &StatusView) -> StatusDocument<'_> {
    let channels = view.channels.iter().map(|channel| {
        let state = &channel.state;
        ChannelDocument {
            channel: &channel.name,
            kind: channel.kind,
            live: channel.live,
            first_contact: state.first_contact,
            last_push: state.last_push,
            last_pull: state.last_pull,
            last_failure: state
                .last_failure
                .as_ref()
                .map(|(at, message)| Failure { at: *at, message }),
            credential_expires: state.credential_expires,
            pending: &channel.pending,
            in_doubt: channel.in_doubt,
            unreadable_orders: channel.unreadable_orders,
            rejected: channel
                .rejected
                .iter()
                .map(|rejection| Rejected {
                    sku: &rejection.sku,
                    lane: rejection.lane,
                    at: rejection.at,
                    issues: &rejection.issues,
                })
                .collect(),
        }
    });
    StatusDocument {
        version: VERSION,
        channels: channels.collect(),
        last_run: view.last_run.as_ref().map(|run| RunView {
            run_id: &run.id,
            command: &run.command,
            started: run.started,
            finished: run.finished,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::change::{Action, Change};
    use crate::domain::listing::Facets;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn now() -> Timestamp {
        at("2026-01-10T00:00:00Z")
    }

    fn channel(name: &str) -> ChannelStatus {
        ChannelStatus {
            name: name.into(),
            kind: "amazon",
            pulls_orders: true,
            state: ChannelState::default(),
            live: 0,
            pending: Vec::new(),
            rejected: Vec::new(),
            in_doubt: 0,
            unreadable_orders: 0,
        }
    }

    fn rejection(sku: &str) -> Rejection {
        Rejection {
            sku: sku.into(),
            lane: Lane::Listing,
            after: Facets::default(),
            issues: vec![Issue::error("amazon:90220", "`brand` is required").hint("fill `brand`")],
            at: at("2026-01-09T23:00:00Z"),
        }
    }

    fn pending(submission: &str, since: &str) -> Pending {
        Pending {
            change: Change {
                sku: "A".into(),
                lane: Lane::Stock,
                action: Action::Set,
                before: Facets::default(),
                after: Facets::default(),
            },
            intent: 1,
            submission: Some(submission.into()),
            part: None,
            listing_ref: None,
            since: at(since),
            deadline: at("2026-01-10T12:00:00Z"),
            superseded: false,
        }
    }

    fn busy() -> StatusView {
        let busy = ChannelStatus {
            state: ChannelState {
                last_push: Some(at("2026-01-09T21:00:00Z")),
                last_pull: Some(at("2026-01-07T00:00:00Z")),
                last_failure: Some((at("2026-01-09T22:00:00Z"), "down\u{1b}[2J".into())),
                credential_expires: Some(at("2026-01-13T00:00:00Z")),
                ..ChannelState::default()
            },
            live: 1_204,
            pending: vec![
                PendingGroup {
                    deadline: at("2026-01-09T23:00:00Z"),
                    ..grouped(&[pending("f1", "2026-01-09T20:00:00Z")]).remove(0)
                },
                grouped(&[pending("f2", "2026-01-09T23:30:00Z")]).remove(0),
            ],
            rejected: (0..12).map(|n| rejection(&format!("S{n:02}"))).collect(),
            in_doubt: 2,
            unreadable_orders: 1,
            ..channel("amazon-de")
        };
        let feed = ChannelStatus {
            kind: "feed",
            pulls_orders: false,
            ..channel("google")
        };
        StatusView {
            channels: vec![busy, feed],
            last_run: Some(RunRecord {
                id: "2026-01-09T21:00:00Z-1f3a".into(),
                command: "sync".into(),
                started: at("2026-01-09T21:00:00Z"),
                finished: Some(at("2026-01-09T21:00:42Z")),
                summary: None,
            }),
        }
    }

    #[test]
    fn what_needs_a_person_is_loud() {
        let text = text(&busy(), now(), Paint::PLAIN);
        let head: Vec<&str> = text.lines().take(14).collect();
        insta::assert_snapshot!(head.join("\n"), @"
        amazon-de (amazon)
          1,204 listings live
          last push: 3 h ago
          ! last pull: 3 d ago, more than a day
          ! last failure 2 h ago: down�[2J
          ! the credential expires in 3 d: renew it
          ! 1 change on the way, sent 4 h ago, due 1 h ago (submission f1)
          1 change on the way, sent 30 min ago, given up in 12 h (submission f2)
          ! 2 changes in doubt: looked up before anything else is sent
          ! 1 order could not be read: look at them on the channel
          ! 12 changes refused; not sent again until the data changes
            S00 listing 1 h ago
              error: `brand` is required [amazon:90220]
                hint: fill `brand`
        ");
        assert_eq!(text.matches("is required").count(), REJECTED_SHOWN);
        assert!(text.contains("… 2 more; --json lists all"));
        assert!(text.ends_with(
            "google (feed)\n  0 listings live\n  ! last push: never\n\n\
             Last run: sync 3 h ago, took 42 s (2026-01-09T21:00:00Z-1f3a)\n"
        ));
    }

    #[test]
    fn a_failure_before_the_last_success_is_history() {
        let mut channel = channel("shop");
        channel.state.last_failure = Some((at("2026-01-08T00:00:00Z"), "down".into()));
        channel.state.last_push = Some(at("2026-01-09T23:00:00Z"));
        assert!(!channel_text(&channel, now(), Paint::PLAIN).contains("down"));
    }

    #[test]
    fn pending_changes_are_gathered_by_submission() {
        let groups = grouped(&[
            pending("f2", "2026-01-09T23:00:00Z"),
            pending("f1", "2026-01-09T22:00:00Z"),
            pending("f2", "2026-01-09T23:00:00Z"),
        ]);
        let told: Vec<_> = groups
            .iter()
            .map(|group| (group.submission.as_ref().unwrap().as_str(), group.count))
            .collect();
        assert_eq!(told, [("f1", 1), ("f2", 2)]);
    }

    #[test]
    fn json_has_moments_and_all_refusals() {
        let view = busy();
        let value = serde_json::to_value(document(&view)).unwrap();
        let channel = &value["channels"][0];
        assert_eq!(value["version"], 1);
        assert_eq!(channel["last_push"], "2026-01-09T21:00:00Z");
        assert_eq!(channel["rejected"].as_array().unwrap().len(), 12);
        assert_eq!(channel["pending"][0]["submission"], "f1");
        assert_eq!(value["channels"][1]["last_push"], serde_json::Value::Null);
        assert_eq!(value["last_run"]["command"], "sync");
    }

    #[test]
    fn before_the_first_run_there_is_nothing_to_tell() {
        let view = StatusView {
            channels: Vec::new(),
            last_run: None,
        };
        assert_eq!(text(&view, now(), Paint::PLAIN), "No run yet.\n");
    }
}
