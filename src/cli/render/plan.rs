//! A plan as text for the terminal and as Markdown for a pull request.

use rust_decimal::Decimal;
use serde_json::Value;

use super::issues;
use super::text::{Paint, Tone, clean, counted, indented, money, number, short};
use crate::app::plan::{Changes, Counts};
use crate::cli::documents::{GuardStop, PlanChannel, PlanDocument};
use crate::domain::change::{Action, Change, Lane};
use crate::domain::issue::Issue;
use crate::domain::listing::Facets;
use crate::domain::money::Money;

/// A sku is cut after so many characters, so that one row stays on one line.
const SKU_LENGTH: usize = 48;

/// The document as JSON without the single changes. The key is left out, so that this is never taken for a plan
/// that can be pushed.
pub fn without_rows(mut document: PlanDocument) -> Value {
    document
        .channels
        .iter_mut()
        .for_each(|channel| channel.rows = Changes::default());
    // Plain data with text keys: this does not fail.
    let mut value = serde_json::to_value(document).unwrap_or_default();
    let channels = value.get_mut("channels").and_then(Value::as_array_mut);
    for channel in channels.into_iter().flatten() {
        if let Some(channel) = channel.as_object_mut() {
            channel.shift_remove("rows");
        }
    }
    value
}

fn labeled(counts: &Counts) -> [(&'static str, u64); 6] {
    [
        ("zero", counts.zero),
        ("stock", counts.stock),
        ("price", counts.price),
        ("create", counts.create),
        ("update", counts.update),
        ("end", counts.end),
    ]
}

/// For the terminal.
pub fn text(plan: &PlanDocument, paint: Paint) -> String {
    let mut out = String::new();
    if let Some(stop) = &plan.guard {
        out.push_str(&guard_text(stop, paint));
    }
    for channel in &plan.channels {
        out.push_str(&channel_text(channel, paint));
        out.push('\n');
    }
    let (found, left_out) = all_issues(plan);
    let list = issues::text(&found, left_out, paint);
    if !list.is_empty() {
        out.push_str(&list);
        out.push('\n');
    }
    out.push_str(&closing(plan));
    out.push('\n');
    out
}

fn all_issues(plan: &PlanDocument) -> (Vec<Issue>, u64) {
    let of_channels = plan.channels.iter().flat_map(|channel| &channel.issues);
    (
        plan.issues.iter().chain(of_channels).cloned().collect(),
        plan.channels
            .iter()
            .map(|channel| channel.issues_left_out)
            .sum(),
    )
}

fn closing(plan: &PlanDocument) -> String {
    let changing = plan
        .channels
        .iter()
        .filter(|channel| channel.changes.total() > 0)
        .count() as u64;
    match (plan.total(), plan.channels.len()) {
        (_, 0) => "No channels.".to_owned(),
        (0, _) if plan.channels.iter().any(|channel| channel.error.is_some()) => {
            "Not every channel could be planned; nothing to do on the others.".to_owned()
        }
        (0, _) => "Nothing to do.".to_owned(),
        (total, _) => format!(
            "{} on {}. Nothing has been sent.",
            counted(total, "change", "changes"),
            counted(changing, "channel", "channels")
        ),
    }
}

fn channel_text(channel: &PlanChannel, paint: Paint) -> String {
    let name = clean(channel.channel.as_str());
    let mut out = format!(
        "{} {}\n",
        paint.text(Tone::Strong, &name),
        paint.text(Tone::Faint, &format!("({})", channel.kind))
    );
    if let Some(error) = &channel.error {
        out.push_str(&indented(&error_text(error, paint), 2));
        return out;
    }
    let counts = labeled(&channel.changes).map(|(label, count)| {
        let tone = if count == 0 {
            Tone::Faint
        } else {
            Tone::Strong
        };
        paint.text(tone, &format!("{} {label}", number(count)))
    });
    out.push_str(&format!("  {}", counts.join("  ")));
    out.push_str(&format!("  {} unchanged", number(channel.unchanged)));
    for (label, count) in [
        ("held back", channel.blocked),
        ("on the way", channel.waiting),
    ] {
        if count > 0 {
            let words = format!("{} {label}", number(count));
            out.push_str(&format!("  {}", paint.text(Tone::Warning, &words)));
        }
    }
    out.push('\n');
    if let Some(stop) = &channel.guard {
        out.push_str(&indented(&guard_text(stop, paint), 2));
    }
    for lane in Lane::ALL {
        let (shown, more) = channel.rows.examples(lane);
        out.push_str(&examples(shown, more));
    }
    out
}

fn error_text(error: &Issue, paint: Paint) -> String {
    let mut out = format!(
        "{} {}\n",
        paint.text(Tone::Bad, "error:"),
        clean(&error.message)
    );
    if let Some(hint) = &error.hint {
        out.push_str(&format!("hint: {}\n", clean(hint)));
    }
    out
}

/// Why the guard stopped a channel, and how to let it pass once.
pub fn guard_text(stop: &GuardStop, paint: Paint) -> String {
    format!(
        "{} {}\nhint: read the rows; if they are right, run again with `--approve {}`\n",
        paint.text(Tone::Bad, "stopped by the guard:"),
        clean(&stop.message()),
        clean(&stop.approve),
    )
}

fn examples(shown: &[Change], more: u64) -> String {
    // Aligned by characters: a sku with wide letters moves only its own line.
    let width = shown
        .iter()
        .map(|row| short(row.sku.as_str(), SKU_LENGTH).chars().count())
        .max()
        .unwrap_or(0);
    let mut out = String::new();
    for row in shown {
        let sku = short(row.sku.as_str(), SKU_LENGTH);
        out.push_str(&format!("    {sku:width$}  {}\n", words(row)));
    }
    if more > 0 {
        let more = number(more);
        out.push_str(&format!("    … {more} more\n"));
    }
    out
}

/// One change in words: `stock 10 -> 7`, `price 19.99 EUR -> 21.49 EUR (+7.5 %)`, `create at 5.00 EUR, stock 3`.
pub fn words(change: &Change) -> String {
    let Change { before, after, .. } = change;
    match (change.lane, change.action) {
        (Lane::Zero | Lane::Stock, _) => {
            format!("stock {} -> {}", pieces(before), pieces(after))
        }
        (Lane::Price, _) => price_words(before, after),
        (Lane::Listing, Action::Create) => {
            let mut text = "create".to_owned();
            if let Some(price) = &after.price {
                text.push_str(&format!(" at {}", money(price)));
            }
            if let Some(quantity) = after.quantity {
                text.push_str(&format!(", stock {}", number(quantity)));
            }
            text
        }
        (Lane::Listing, _) => "update content".to_owned(),
        (Lane::End, _) => "end".to_owned(),
    }
}

fn pieces(facets: &Facets) -> String {
    facets.quantity.map_or_else(|| "unknown".to_owned(), number)
}

fn price_words(before: &Facets, after: &Facets) -> String {
    let stated =
        |price: &Option<Money>, none: &str| price.as_ref().map_or_else(|| none.to_owned(), money);
    let mut parts = Vec::new();
    if before.price != after.price {
        let mut text = format!(
            "price {} -> {}",
            stated(&before.price, "unknown"),
            stated(&after.price, "none")
        );
        if let Some(percent) = moved_percent(before, after) {
            text.push_str(&format!(" ({percent} %)"));
        }
        parts.push(text);
    }
    if before.compare_at != after.compare_at {
        parts.push(format!(
            "compare-at price {} -> {}",
            stated(&before.compare_at, "none"),
            stated(&after.compare_at, "none")
        ));
    }
    if parts.is_empty() {
        parts.push(format!("price {} again", stated(&after.price, "none")));
    }
    parts.join(", ")
}

/// `+7.5`; `None` when it cannot be told.
fn moved_percent(before: &Facets, after: &Facets) -> Option<String> {
    let (before, after) = (before.price?, after.price?);
    if before.currency != after.currency || before.amount.is_zero() {
        return None;
    }
    let moved = after
        .amount
        .checked_sub(before.amount)?
        .checked_mul(Decimal::ONE_HUNDRED)?
        .checked_div(before.amount)?
        .round_dp(1)
        .normalize();
    let sign = if moved > Decimal::ZERO { "+" } else { "" };
    Some(format!("{sign}{moved}"))
}

/// For a pull request: a table of counts, and what changes below a fold per channel.
pub fn markdown(plan: &PlanDocument) -> String {
    let mut out = format!("### skucast plan `{}`\n\n", plan.plan_id);
    out.push_str("| channel | kind | zero | stock | price | create | update | end | unchanged | held back |\n");
    out.push_str("|---|---|--:|--:|--:|--:|--:|--:|--:|--:|\n");
    for channel in &plan.channels {
        let counts = if channel.error.is_some() {
            vec!["?".to_owned(); 8]
        } else {
            labeled(&channel.changes)
                .into_iter()
                .map(|(_, count)| count)
                .chain([channel.unchanged, channel.blocked])
                .map(number)
                .collect()
        };
        out.push_str(&format!(
            "| {} | {} | {} |\n",
            escaped(channel.channel.as_str()),
            escaped(&channel.kind),
            counts.join(" | ")
        ));
    }
    out.push('\n');
    if let Some(stop) = &plan.guard {
        out.push_str(&format!(
            "**Stopped by the guard:** {}\n\n",
            escaped(&stop.message())
        ));
    }
    for channel in &plan.channels {
        let name = escaped(channel.channel.as_str());
        if let Some(error) = &channel.error {
            out.push_str(&format!(
                "**{name} could not be planned:** {}\n\n",
                escaped(&error.message)
            ));
        }
        if let Some(stop) = &channel.guard {
            out.push_str(&format!(
                "**{name} is stopped by the guard:** {}. Once it is read and right: `--approve {}`\n\n",
                escaped(&stop.message()),
                stop.approve
            ));
        }
    }
    for channel in plan
        .channels
        .iter()
        .filter(|channel| !channel.rows.is_empty())
    {
        out.push_str(&markdown_details(channel));
    }
    let (found, left_out) = all_issues(plan);
    if !found.is_empty() {
        out.push_str(&markdown_issues(&found, left_out));
    }
    out.push_str(&closing(plan));
    out.push('\n');
    out
}

fn markdown_details(channel: &PlanChannel) -> String {
    let mut out = format!(
        "<details><summary>{}: {}</summary>\n\n| sku | change |\n|---|---|\n",
        escaped(channel.channel.as_str()),
        counted(channel.rows.len() as u64, "change", "changes")
    );
    for lane in Lane::ALL {
        let (shown, more) = channel.rows.examples(lane);
        for row in shown {
            let sku = escaped(&short(row.sku.as_str(), SKU_LENGTH));
            out.push_str(&format!("| {sku} | {} |\n", escaped(&words(row))));
        }
        if more > 0 {
            out.push_str(&format!(
                "| | … {} more ({}) |\n",
                number(more),
                lane.as_str()
            ));
        }
    }
    out.push_str("\n</details>\n\n");
    out
}

fn markdown_issues(found: &[Issue], left_out: u64) -> String {
    const SHOWN: usize = 50;
    let mut out = format!(
        "<details><summary>{}</summary>\n\n",
        issues::Tally::of(found).words()
    );
    for issue in found.iter().take(SHOWN) {
        let line = issues::line(issue, Paint::PLAIN);
        out.push_str(&format!("- {}\n", escaped(line.trim_end())));
    }
    let more = found.len().saturating_sub(SHOWN) as u64 + left_out;
    if more > 0 {
        out.push_str(&format!("- … and {} more\n", number(more)));
    }
    out.push_str("\n</details>\n\n");
    out
}

/// Text of the catalog inside Markdown: no cell, tag, link or mention begins where none was meant.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in clean(text).chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '|' | '\\' | '`' | '*' | '_' | '[' | ']' | '~' | '#' => {
                out.push('\\');
                out.push(c);
            }
            // Keeps `@name` from calling someone.
            '@' => out.push_str("&#64;"),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use iso_currency::Currency;

    use super::*;

    fn eur(text: &str) -> Option<Money> {
        Some(Money::new(text.parse().unwrap(), Currency::EUR))
    }

    fn change(sku: &str, lane: Lane, action: Action, before: Facets, after: Facets) -> Change {
        Change {
            sku: sku.into(),
            lane,
            action,
            before,
            after,
        }
    }

    fn stock(sku: &str, before: Option<u64>, after: u64) -> Change {
        let lane = if after == 0 { Lane::Zero } else { Lane::Stock };
        let of = |quantity| Facets {
            quantity,
            ..Facets::default()
        };
        change(sku, lane, Action::Set, of(before), of(Some(after)))
    }

    fn price(sku: &str, before: Option<Money>, after: Option<Money>) -> Change {
        let of = |price| Facets {
            price,
            ..Facets::default()
        };
        change(sku, Lane::Price, Action::Set, of(before), of(after))
    }

    fn channel(name: &str, rows: Vec<Change>) -> PlanChannel {
        let rows: Changes = rows.into_iter().collect();
        PlanChannel {
            channel: name.into(),
            kind: "woocommerce".into(),
            changes: rows.counts(),
            unchanged: 1_204,
            blocked: 0,
            waiting: 0,
            guard: None,
            error: None,
            issues: Vec::new(),
            issues_left_out: 0,
            rows,
        }
    }

    fn document(channels: Vec<PlanChannel>) -> PlanDocument {
        PlanDocument {
            version: 1,
            plan_id: "00ff".into(),
            made_at: "2026-01-10T00:00:00Z".parse().unwrap(),
            channels,
            guard: None,
            issues: Vec::new(),
        }
    }

    fn busy() -> PlanDocument {
        let listing =
            |sku: &str, action, after| change(sku, Lane::Listing, action, Facets::default(), after);
        let mut shop = channel(
            "shop",
            vec![
                stock("MUG|1", Some(4), 0),
                stock("TEE-S", Some(10), 7),
                stock("LAMP", None, 1_500),
                price("TENT-2", eur("19.99"), eur("21.49")),
                listing(
                    "NEW",
                    Action::Create,
                    Facets {
                        price: eur("5"),
                        quantity: Some(3),
                        ..Facets::default()
                    },
                ),
                listing("OLD", Action::Update, Facets::default()),
                change(
                    "GONE",
                    Lane::End,
                    Action::End,
                    Facets::default(),
                    Facets::default(),
                ),
            ],
        );
        shop.blocked = 2;
        shop.guard = Some(GuardStop {
            rule: "end".into(),
            percent: "40".into(),
            limit: "30".into(),
            sku: None,
            approve: "shop-01020304".into(),
        });
        let mut down = channel("amazon-de", Vec::new());
        down.error = Some(
            Issue::error("unauthorized", "the refresh token is not accepted")
                .hint("make a new one in Seller Central"),
        );
        document(vec![shop, down])
    }

    #[test]
    fn text_tells_counts_rows_guard_and_errors() {
        insta::assert_snapshot!(text(&busy(), Paint::PLAIN), @"
        shop (woocommerce)
          1 zero  2 stock  1 price  1 create  1 update  1 end  1,204 unchanged  2 held back
          stopped by the guard: 40 % of the live listings would be ended (limit 30 %)
          hint: read the rows; if they are right, run again with `--approve shop-01020304`
            MUG|1  stock 4 -> 0
            TEE-S  stock 10 -> 7
            LAMP   stock unknown -> 1,500
            TENT-2  price 19.99 EUR -> 21.49 EUR (+7.5 %)
            NEW  create at 5.00 EUR, stock 3
            OLD  update content
            GONE  end

        amazon-de (woocommerce)
          error: the refresh token is not accepted
          hint: make a new one in Seller Central

        7 changes on 1 channel. Nothing has been sent.
        ");
    }

    #[test]
    fn markdown_keeps_its_table_whatever_a_sku_holds() {
        insta::assert_snapshot!(markdown(&busy()), @r"
        ### skucast plan `00ff`

        | channel | kind | zero | stock | price | create | update | end | unchanged | held back |
        |---|---|--:|--:|--:|--:|--:|--:|--:|--:|
        | shop | woocommerce | 1 | 2 | 1 | 1 | 1 | 1 | 1,204 | 2 |
        | amazon-de | woocommerce | ? | ? | ? | ? | ? | ? | ? | ? |

        **shop is stopped by the guard:** 40 % of the live listings would be ended (limit 30 %). Once it is read and right: `--approve shop-01020304`

        **amazon-de could not be planned:** the refresh token is not accepted

        <details><summary>shop: 7 changes</summary>

        | sku | change |
        |---|---|
        | MUG\|1 | stock 4 -&gt; 0 |
        | TEE-S | stock 10 -&gt; 7 |
        | LAMP | stock unknown -&gt; 1,500 |
        | TENT-2 | price 19.99 EUR -&gt; 21.49 EUR (+7.5 %) |
        | NEW | create at 5.00 EUR, stock 3 |
        | OLD | update content |
        | GONE | end |

        </details>

        7 changes on 1 channel. Nothing has been sent.
        ");
    }

    #[test]
    fn many_rows_of_a_lane_are_cut_and_other_lanes_still_shown() {
        let mut rows: Vec<Change> = (0..400)
            .map(|n| stock(&format!("S{n}"), Some(1), 2))
            .collect();
        rows.push(price("P", eur("1"), eur("2")));
        let text = text(&document(vec![channel("shop", rows)]), Paint::PLAIN);
        assert_eq!(text.matches("stock 1 -> 2").count(), 20);
        assert!(text.contains("… 380 more"));
        assert!(text.contains("P  price 1.00 EUR -> 2.00 EUR (+100 %)"));
    }

    #[test]
    fn nothing_to_do_is_said() {
        let empty = document(vec![channel("shop", Vec::new())]);
        assert!(text(&empty, Paint::PLAIN).ends_with("\nNothing to do.\n"));
        assert_eq!(text(&document(Vec::new()), Paint::PLAIN), "No channels.\n");
    }

    #[test]
    fn a_price_that_fell_or_was_unknown_is_told_as_such() {
        assert_eq!(
            words(&price("A", eur("20"), eur("15"))),
            "price 20.00 EUR -> 15.00 EUR (-25 %)"
        );
        assert_eq!(
            words(&price("A", None, eur("15"))),
            "price unknown -> 15.00 EUR"
        );
        let mut only_compare = price("A", eur("15"), eur("15"));
        only_compare.before.compare_at = eur("19");
        assert_eq!(words(&only_compare), "compare-at price 19.00 EUR -> none");
    }

    #[test]
    fn without_rows_the_document_cannot_be_taken_for_a_plan() {
        let value = without_rows(busy());
        assert_eq!(value["channels"][0]["changes"]["stock"], 2);
        assert_eq!(value["channels"][0].get("rows"), None);
        assert!(serde_json::from_value::<PlanDocument>(value).is_err());
    }

    #[test]
    fn a_sku_cannot_steer_the_terminal_or_call_someone() {
        let plan = document(vec![channel(
            "shop",
            vec![stock("\u{1b}[2J@all<b>", Some(1), 2)],
        )]);
        assert!(!text(&plan, Paint::PLAIN).contains('\u{1b}'));
        let markdown = markdown(&plan);
        assert!(!markdown.contains("@all") && !markdown.contains("<b>"));
    }
}
