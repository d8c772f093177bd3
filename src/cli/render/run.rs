//! What a push, pull or sync did: a table by channel, what went wrong, and one closing sentence.

use super::issues;
use super::plan::guard_text;
use super::text::{Paint, Tone, clean, counted, indented, number, table};
use crate::cli::documents::{RunChannel, RunDocument};

/// A column of the table.
struct Column {
    title: &'static str,
    tone: Tone,
    /// Shown even when every channel has 0 there: the others would only widen the table.
    always: bool,
    count: fn(&RunChannel) -> u64,
}

const fn column(title: &'static str, tone: Tone, count: fn(&RunChannel) -> u64) -> Column {
    Column {
        title,
        tone,
        always: false,
        count,
    }
}

const fn always(column: Column) -> Column {
    Column {
        always: true,
        ..column
    }
}

const COLUMNS: [Column; 10] = [
    always(column("applied", Tone::Good, |channel| channel.applied)),
    column("accepted", Tone::Warning, |channel| channel.accepted),
    always(column("rejected", Tone::Bad, |channel| channel.rejected)),
    always(column("failed", Tone::Bad, |channel| channel.failed)),
    column("in doubt", Tone::Bad, |channel| channel.in_doubt),
    column("left", Tone::Warning, |channel| channel.left),
    column("held back", Tone::Warning, |channel| channel.blocked),
    always(column("unchanged", Tone::Faint, |channel| {
        channel.unchanged
    })),
    column("new orders", Tone::Good, |channel| channel.orders.new),
    column("updated orders", Tone::Strong, |channel| {
        channel.orders.updated
    }),
];

/// For the terminal.
pub fn text(run: &RunDocument, paint: Paint) -> String {
    let mut out = String::new();
    if !run.channels.is_empty() {
        out.push_str(&counts(run, paint));
        out.push('\n');
    }
    if let Some(stop) = &run.guard {
        out.push_str(&guard_text(stop, paint));
    }
    for channel in &run.channels {
        out.push_str(&trouble(channel, paint));
    }
    let of_channels = run.channels.iter().flat_map(|channel| &channel.issues);
    let all: Vec<_> = run.issues.iter().chain(of_channels).cloned().collect();
    let list = issues::text(&all, 0, paint);
    if !list.is_empty() {
        out.push_str(&list);
        out.push('\n');
    }
    out.push_str(&closing(run));
    out.push('\n');
    out
}

fn counts(run: &RunDocument, paint: Paint) -> String {
    let shown: Vec<&Column> = COLUMNS
        .iter()
        .filter(|column| column.always || run.channels.iter().any(|one| (column.count)(one) > 0))
        .collect();
    let mut header = vec!["channel"];
    header.extend(shown.iter().map(|column| column.title));
    let rows = run.channels.iter().map(|channel| {
        let name_tone = if channel.ok { Tone::Strong } else { Tone::Bad };
        let mut row = vec![paint.cell(name_tone, &clean(channel.channel.as_str()))];
        for column in &shown {
            let count = (column.count)(channel);
            let tone = if count == 0 { Tone::Faint } else { column.tone };
            row.push(paint.cell(tone, &number(count)));
        }
        row
    });
    let right: Vec<usize> = (1..header.len()).collect();
    table(paint, &header, rows.collect(), &right)
}

/// What stopped a channel as a whole.
fn trouble(channel: &RunChannel, paint: Paint) -> String {
    let mut block = String::new();
    if let Some(error) = &channel.error {
        block.push_str(&format!(
            "{} {}\n",
            paint.text(Tone::Bad, "error:"),
            clean(&error.message)
        ));
        if let Some(hint) = &error.hint {
            block.push_str(&format!("hint: {}\n", clean(hint)));
        }
    }
    if let Some(stop) = &channel.guard {
        block.push_str(&guard_text(stop, paint));
    }
    if block.is_empty() {
        return block;
    }
    let name = paint.text(Tone::Strong, &clean(channel.channel.as_str()));
    format!("{name}\n{}\n", indented(&block, 2))
}

/// The run in one sentence, or two when something is left over.
pub fn closing(run: &RunDocument) -> String {
    let sum = |count: fn(&RunChannel) -> u64| -> u64 { run.channels.iter().map(count).sum() };
    let channels_with = |count: fn(&RunChannel) -> u64| {
        let channels = run.channels.iter().filter(|channel| count(channel) > 0);
        channels.count() as u64
    };
    let mut done = Vec::new();
    let applied = sum(|channel| channel.applied);
    if applied > 0 {
        done.push(format!(
            "{} applied on {}",
            counted(applied, "change", "changes"),
            counted(
                channels_with(|channel| channel.applied),
                "channel",
                "channels"
            )
        ));
    }
    let accepted = sum(|channel| channel.accepted);
    if accepted > 0 {
        done.push(format!(
            "{} on the way",
            counted(accepted, "change", "changes")
        ));
    }
    let (new, updated) = (
        sum(|channel| channel.orders.new),
        sum(|channel| channel.orders.updated),
    );
    if new > 0 {
        done.push(counted(new, "new order", "new orders"));
    }
    if updated > 0 {
        done.push(counted(updated, "order updated", "orders updated"));
    }
    let not_done: Vec<String> = [
        (sum(|channel| channel.rejected), "rejected"),
        (sum(|channel| channel.failed), "failed"),
        (sum(|channel| channel.in_doubt), "in doubt"),
        (sum(|channel| channel.left), "left for the next run"),
    ]
    .into_iter()
    .filter(|(count, _)| *count > 0)
    .map(|(count, words)| format!("{} {words}", number(count)))
    .collect();
    let stopped = run
        .channels
        .iter()
        .filter(|channel| channel.error.is_some() || channel.guard.is_some())
        .count() as u64;

    let mut sentences = Vec::new();
    if !done.is_empty() {
        sentences.push(format!("{}.", done.join(", ")));
    }
    if !not_done.is_empty() {
        sentences.push(format!("Not done: {}.", not_done.join(", ")));
    }
    if stopped > 0 {
        let channels = counted(stopped, "channel", "channels");
        sentences.push(format!("{channels} did not come to the end."));
    }
    if sentences.is_empty() {
        let stopped = run.error.is_some() || run.guard.is_some();
        let said = if stopped {
            "Nothing was sent."
        } else {
            "Nothing to do."
        };
        sentences.push(said.to_owned());
    }
    sentences.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Error;
    use crate::domain::issue::Issue;
    use crate::domain::ledger::Upserted;

    fn run(channels: Vec<RunChannel>) -> RunDocument {
        RunDocument {
            version: 1,
            run_id: "2026-01-10T00:00:00Z-1f3a".into(),
            channels,
            error: None,
            guard: None,
            issues: Vec::new(),
        }
    }

    #[test]
    fn a_run_is_a_table_its_issues_and_a_sentence() {
        let mut shop = RunChannel::new(&"shop".into(), "woocommerce");
        shop.applied = 1_234;
        shop.unchanged = 20;
        shop.orders = Upserted {
            new: 3,
            updated: 1,
            unchanged: 7,
        };
        let mut amazon = RunChannel::new(&"amazon-de".into(), "amazon");
        amazon.applied = 1;
        amazon.accepted = 2;
        amazon.rejected = 1;
        amazon.issues.push(
            Issue::error("amazon:90220", "`brand` is required")
                .channel(&"amazon-de".into())
                .sku(&"MUG".into())
                .hint("fill the column `brand`"),
        );
        amazon.fail(&Error::unexpected("the report is cut short").hint("run again"));
        insta::assert_snapshot!(text(&run(vec![shop, amazon]), Paint::PLAIN), @"
        channel    applied  accepted  rejected  failed  unchanged  new orders  updated orders
        shop         1,234         0         0       0         20           3               1
        amazon-de        1         2         1       0          0           0               0

        amazon-de
          error: the report is cut short
          hint: run again

        amazon-de
        error: MUG: `brand` is required [amazon:90220]
            hint: fill the column `brand`

        1 error

        1,235 changes applied on 2 channels, 2 changes on the way, 3 new orders, 1 order updated. Not done: 1 rejected. 1 channel did not come to the end.
        ");
    }

    #[test]
    fn nothing_to_do_is_said_only_when_nothing_is_wrong() {
        let quiet = RunChannel::new(&"shop".into(), "woocommerce");
        assert_eq!(closing(&run(vec![quiet])), "Nothing to do.");
        assert_eq!(text(&run(Vec::new()), Paint::PLAIN), "Nothing to do.\n");
        let mut down = RunChannel::new(&"shop".into(), "woocommerce");
        down.fail(&Error::unexpected("down"));
        assert_eq!(
            closing(&run(vec![down])),
            "1 channel did not come to the end."
        );
    }

    #[test]
    fn one_sentence_for_plain_success() {
        let channels = (0..4).map(|n| {
            let mut channel = RunChannel::new(&format!("c{n}").into(), "feed");
            channel.applied = 3;
            channel
        });
        assert_eq!(
            closing(&run(channels.collect())),
            "12 changes applied on 4 channels."
        );
    }
}
