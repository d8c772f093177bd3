//! Issues as a list that a person reads and `grep` understands: `FILE:LINE: severity: …`.

use std::collections::HashMap;

use serde::Serialize;

use super::text::{Paint, Tone, clean, counted, number};
use crate::cli::documents::VERSION;
use crate::domain::issue::{Issue, Severity};

/// So many issues of one kind are shown; the rest is counted.
const SHOWN_OF_A_KIND: usize = 5;

/// How many issues of each severity there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    pub errors: u64,
    pub warnings: u64,
    pub notes: u64,
}

impl Tally {
    pub fn of<'a>(issues: impl IntoIterator<Item = &'a Issue>) -> Self {
        let mut tally = Self::default();
        for issue in issues {
            match issue.severity {
                Severity::Error => tally.errors += 1,
                Severity::Warning => tally.warnings += 1,
                Severity::Note => tally.notes += 1,
            }
        }
        tally
    }

    /// `2 errors, 1 warning`; `no issues` when there are none.
    pub fn words(self) -> String {
        let parts: Vec<String> = [
            (self.errors, "error", "errors"),
            (self.warnings, "warning", "warnings"),
            (self.notes, "note", "notes"),
        ]
        .into_iter()
        .filter(|(count, ..)| *count > 0)
        .map(|(count, one, many)| counted(count, one, many))
        .collect();
        if parts.is_empty() {
            "no issues".to_owned()
        } else {
            parts.join(", ")
        }
    }
}

/// What makes issues alike: the same complaint about the same column on the same channel.
type Alike<'a> = (Option<&'a str>, &'a str, Option<&'a str>, Severity);

fn alike(issue: &Issue) -> Alike<'_> {
    (
        channel(issue),
        issue.code.as_str(),
        column(issue),
        issue.severity,
    )
}

fn channel(issue: &Issue) -> Option<&str> {
    issue.channel.as_ref().map(|channel| channel.as_str())
}

fn column(issue: &Issue) -> Option<&str> {
    let stated = issue
        .source
        .as_ref()
        .and_then(|source| source.column.as_deref());
    stated.or(issue.field.as_deref())
}

/// The list by channel (the catalog's own first), then by file and line, with counts at the end. `left_out`
/// were found too, but not kept. Empty when there is nothing to tell.
pub fn text(issues: &[Issue], left_out: u64, paint: Paint) -> String {
    let mut out = list(issues, paint);
    if left_out > 0 {
        out.push_str(&format!("… and {} more\n", number(left_out)));
    }
    if !out.is_empty() {
        out.push_str(&format!("\n{}\n", Tally::of(issues).words()));
    }
    out
}

/// The list without its counts.
pub fn list(issues: &[Issue], paint: Paint) -> String {
    let mut sorted: Vec<&Issue> = issues.iter().collect();
    // Stable: issues without a place stay in the order in which they were found, before those with one.
    sorted.sort_by_key(|issue| {
        let place = issue
            .source
            .as_ref()
            .map(|source| (source.file.clone(), source.line));
        (channel(issue), place)
    });
    let mut counts: HashMap<Alike<'_>, usize> = HashMap::new();
    for issue in &sorted {
        *counts.entry(alike(issue)).or_default() += 1;
    }
    let has_channels = sorted.iter().any(|issue| issue.channel.is_some());
    let mut out = String::new();
    let mut seen: HashMap<Alike<'_>, (usize, Option<&str>)> = HashMap::new();
    let mut heading: Option<Option<&str>> = None;
    for issue in sorted {
        let (met, last_hint) = seen.entry(alike(issue)).or_default();
        *met += 1;
        if *met > SHOWN_OF_A_KIND {
            continue;
        }
        if has_channels && heading != Some(channel(issue)) {
            heading = Some(channel(issue));
            if !out.is_empty() {
                out.push('\n');
            }
            let name = channel(issue).unwrap_or("catalog");
            out.push_str(&paint.text(Tone::Strong, &clean(name)));
            out.push('\n');
        }
        out.push_str(&line(issue, paint));
        // The same advice is given once per kind.
        if let Some(hint) = issue.hint.as_deref()
            && last_hint.replace(hint) != Some(hint)
        {
            out.push_str(&format!("    hint: {}\n", clean(hint)));
        }
        let all = counts[&alike(issue)];
        if *met == SHOWN_OF_A_KIND && all > SHOWN_OF_A_KIND {
            let more = number((all - SHOWN_OF_A_KIND) as u64);
            let code = clean(&issue.code);
            out.push_str(&format!(
                "    … and {more} more like this [{code}]; --json lists all\n"
            ));
        }
    }
    out
}

/// One issue on one line.
pub fn line(issue: &Issue, paint: Paint) -> String {
    let mut out = String::new();
    if let Some(source) = &issue.source {
        out.push_str(&format!("{}:{}: ", clean(&source.file), source.line));
    }
    let severity = match issue.severity {
        Severity::Error => paint.text(Tone::Bad, "error:"),
        Severity::Warning => paint.text(Tone::Warning, "warning:"),
        Severity::Note => paint.text(Tone::Faint, "note:"),
    };
    out.push_str(&severity);
    let mut subject = String::new();
    if let Some(sku) = &issue.sku {
        subject.push_str(&format!(" {}", clean(sku.as_str())));
    }
    if let Some(column) = column(issue) {
        subject.push_str(&format!(" {}", clean(column)));
    }
    if let Some(value) = issue
        .source
        .as_ref()
        .and_then(|source| source.value.as_deref())
    {
        subject.push_str(&format!(" \"{}\"", clean(value)));
    }
    if !subject.is_empty() {
        out.push_str(&subject);
        out.push(':');
    }
    let code = paint.text(Tone::Faint, &format!("[{}]", clean(&issue.code)));
    out.push_str(&format!(" {} {code}\n", clean(&issue.message)));
    out
}

/// `check --json`.
#[derive(Debug, Serialize)]
pub struct IssuesDocument<'a> {
    pub version: u32,
    pub counts: Tally,
    pub issues_left_out: u64,
    pub issues: &'a [Issue],
}

pub fn document(issues: &[Issue], left_out: u64) -> IssuesDocument<'_> {
    IssuesDocument {
        version: VERSION,
        counts: Tally::of(issues),
        issues_left_out: left_out,
        issues,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    fn price(line: u64, value: &str) -> Issue {
        let file: Arc<str> = "catalog.csv".into();
        Issue::error("price_unreadable", "this is not a price")
            .hint("write a number such as 12.50")
            .field("price")
            .at(&file, line, Some("price"), Some(value))
    }

    #[test]
    fn issues_stand_by_channel_and_then_in_file_order() {
        let channel = "amazon-de".into();
        let issues = [
            Issue::warning("title_cut", "the title is cut to 200 characters")
                .channel(&channel)
                .sku(&"TENT-2".into())
                .field("title"),
            price(14, "Nill"),
            price(3, "ask"),
            Issue::note("columns", "the column `shelf` is not used"),
        ];
        insta::assert_snapshot!(text(&issues, 0, Paint::PLAIN), @r#"
        catalog
        note: the column `shelf` is not used [columns]
        catalog.csv:3: error: price "ask": this is not a price [price_unreadable]
            hint: write a number such as 12.50
        catalog.csv:14: error: price "Nill": this is not a price [price_unreadable]

        amazon-de
        warning: TENT-2 title: the title is cut to 200 characters [title_cut]

        2 errors, 1 warning, 1 note
        "#);
    }

    #[test]
    fn many_of_a_kind_are_counted_and_another_kind_is_still_seen() {
        let mut issues: Vec<Issue> = (2..44).map(|line| price(line, "Nill")).collect();
        issues.push(Issue::error("sku_blank", "this row has no sku").at(
            &"catalog.csv".into(),
            99,
            Some("sku"),
            None,
        ));
        let text = text(&issues, 1_200, Paint::PLAIN);
        assert_eq!(text.matches("this is not a price").count(), 5);
        assert!(text.contains("… and 37 more like this [price_unreadable]; --json lists all"));
        assert!(text.contains("catalog.csv:99: error: sku: this row has no sku"));
        assert!(text.ends_with("… and 1,200 more\n\n43 errors\n"));
    }

    #[test]
    fn nothing_found_is_nothing_said() {
        assert_eq!(text(&[], 0, Paint::PLAIN), "");
        assert_eq!(Tally::default().words(), "no issues");
    }

    #[test]
    fn a_cell_cannot_steer_the_terminal() {
        let text = line(&price(2, "\u{1b}[2J1\n2"), Paint::PLAIN);
        assert!(!text.contains('\u{1b}'));
        assert_eq!(text.lines().count(), 1);
    }

    #[test]
    fn json_lists_all_with_counts() {
        let issues = [price(2, "Nill")];
        let value = serde_json::to_value(document(&issues, 3)).unwrap();
        assert_eq!(value["version"], 1);
        assert_eq!(value["counts"]["errors"], 1);
        assert_eq!(value["issues_left_out"], 3);
        assert_eq!(value["issues"][0]["source"]["line"], 2);
    }
}
