//! What the connectors declare, as tables: for the terminal, for the README, and one kind in full.

use std::time::Duration;

use comfy_table::Cell;
use serde::Serialize;

use super::text::{Paint, Tone, cells, counted, indented, number, table};
use crate::cli::documents::VERSION;
use crate::domain::capability::{
    Batching, Capability, Descriptor, Grouping, Routes, SettingKind, Variants,
};

/// The README's table stands between these lines.
pub const START: &str = "<!-- capabilities start -->";
pub const END: &str = "<!-- capabilities end -->";

/// One row per capability, one column per kind, for the terminal.
pub fn text(kinds: &[&Descriptor], paint: Paint) -> String {
    if kinds.is_empty() {
        return "No connectors.\n".to_owned();
    }
    let mut header = vec![""];
    header.extend(kinds.iter().map(|kind| kind.kind));
    let mut notes = Footnotes::default();
    let mut rows = Vec::new();
    for (position, (name, meaning, _)) in Capability::NONE.rows().into_iter().enumerate() {
        let mut row = vec![Cell::new(meaning)];
        for kind in kinds {
            let (_, _, can) = kind.capability.rows()[position];
            let (tone, word) = if can {
                (Tone::Good, "yes")
            } else {
                (Tone::Faint, "-")
            };
            let marks = notes.marks(kind, name);
            let marks = marks.iter().map(|mark| format!(" [{mark}]"));
            let marks: String = marks.collect();
            row.push(paint.cell(tone, &format!("{word}{marks}")));
        }
        rows.push(row);
    }
    let mut out = table(paint, &header, rows, &[]);
    if !notes.texts.is_empty() {
        out.push('\n');
    }
    for (position, note) in notes.texts.iter().enumerate() {
        out.push_str(&format!("[{}] {note}\n", position + 1));
    }
    out
}

/// The same as Markdown, with footnotes below the table.
pub fn markdown(kinds: &[&Descriptor]) -> String {
    let mut notes = Footnotes::default();
    let mut out = String::from("| |");
    for kind in kinds {
        out.push_str(&format!(" [{}]({}) |", kind.display_name, kind.docs_url));
    }
    out.push_str("\n|---|");
    out.push_str(&":-:|".repeat(kinds.len()));
    out.push('\n');
    for (position, (name, meaning, _)) in Capability::NONE.rows().into_iter().enumerate() {
        out.push_str(&format!("| {meaning} |"));
        for kind in kinds {
            let (_, _, can) = kind.capability.rows()[position];
            let marks = notes.marks(kind, name);
            let marks = marks.iter().map(|mark| format!("<sup>{mark}</sup>"));
            let marks: String = marks.collect();
            out.push_str(&format!(" {}{marks} |", if can { "✓" } else { "–" }));
        }
        out.push('\n');
    }
    if !notes.texts.is_empty() {
        out.push('\n');
    }
    for (position, note) in notes.texts.iter().enumerate() {
        out.push_str(&format!("{}. {note}\n", position + 1));
    }
    out
}

/// A text with what stands between the two markers replaced by the table; `None` without the markers.
pub fn inserted(text: &str, table: &str) -> Option<String> {
    let (before, rest) = text.split_once(START)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!(
        "{before}{START}\n{}\n{END}{after}",
        table.trim_end()
    ))
}

/// Notes in the order in which the table meets them.
#[derive(Default)]
struct Footnotes {
    texts: Vec<String>,
}

impl Footnotes {
    fn marks(&mut self, kind: &Descriptor, capability: &str) -> Vec<usize> {
        let of_cell = kind
            .notes
            .iter()
            .filter(|note| note.capability == capability);
        of_cell
            .map(|note| {
                let text = format!("{}: {}", kind.display_name, note.text);
                let known = self.texts.iter().position(|known| *known == text);
                1 + known.unwrap_or_else(|| {
                    self.texts.push(text);
                    self.texts.len() - 1
                })
            })
            .collect()
    }
}

/// Everything that one kind declares: limits, quotas, settings and notes.
pub fn details(kind: &Descriptor, paint: Paint) -> String {
    let mut out = format!(
        "{} {}\n  documentation  {}\n  credentials    {}\n",
        paint.text(Tone::Strong, kind.display_name),
        paint.text(Tone::Faint, &format!("(kind = \"{}\")", kind.kind)),
        kind.docs_url,
        kind.portal_url
    );
    out.push_str(&section("Can", can(kind, paint), paint));
    out.push_str(&section("Limits", limits(kind, paint), paint));
    out.push_str(&section("Quotas", quotas(kind, paint), paint));
    out.push_str(&section("Settings", settings(kind, paint), paint));
    out.push_str(&section("Notes", notes(kind), paint));
    out
}

fn section(title: &str, body: String, paint: Paint) -> String {
    if body.is_empty() {
        return body;
    }
    let title = paint.text(Tone::Strong, title);
    format!("\n{title}\n{}", indented(&body, 2))
}

fn can(kind: &Descriptor, paint: Paint) -> String {
    let rows = kind.capability.rows().map(|(_, meaning, can)| {
        let (tone, word) = if can {
            (Tone::Good, "yes")
        } else {
            (Tone::Faint, "-")
        };
        vec![Cell::new(meaning), paint.cell(tone, word)]
    });
    table(paint, &[], rows.to_vec(), &[])
}

fn limits(kind: &Descriptor, paint: Paint) -> String {
    let limits = &kind.limits;
    let capability = &kind.capability;
    let mut rows = Vec::new();
    let mut put = |label: &str, text: String| rows.push(cells([label.to_owned(), text]));
    let variants = match limits.variants {
        Variants::Flat => "listings of their own that name their group",
        Variants::ParentFirst => "under a parent that is live before them",
        Variants::InOrder => "in one list, after their parent",
        Variants::Together => "with their parent, as one product",
    };
    put("variants", variants.to_owned());
    let lanes = [
        ("stock", capability.stock_push, limits.stock),
        ("prices", capability.price_push, limits.price),
        (
            "listings",
            capability.listing_create || capability.listing_update,
            limits.listing,
        ),
        ("ends", capability.listing_end, limits.end),
    ];
    for (label, declared, routes) in lanes {
        if declared {
            put(label, route_words(&routes));
        }
    }
    let lengths = [
        ("title", limits.title_length, "characters"),
        ("description", limits.description_length, "characters"),
        ("sku", limits.sku_length, "characters"),
        ("pictures", limits.images, "per listing"),
    ];
    for (label, most, unit) in lengths {
        if let Some(most) = most {
            put(label, format!("at most {} {unit}", number(most as u64)));
        }
    }
    if capability.orders_pull {
        put(
            "orders",
            format!("read again from {} back", duration(limits.order_lookback)),
        );
    }
    if capability.submissions {
        let patience = duration(limits.submission_deadline);
        put("submissions", format!("given up after {patience}"));
    }
    table(paint, &[], rows, &[])
}

fn size_words(batching: &Batching) -> String {
    let size = batching.size as u64;
    match batching.grouping {
        Grouping::Items | Grouping::OneParent => counted(size, "item", "items"),
        Grouping::Products => counted(size, "product", "products"),
    }
}

fn route_words(routes: &Routes) -> String {
    let direct = |batching: &Batching| {
        let items = size_words(batching);
        match batching.concurrency {
            0 | 1 => format!("{items} per call"),
            calls => format!("{items} per call, {calls} calls at once"),
        }
    };
    let bulk = |batching: &Batching| {
        let items = size_words(batching);
        format!("{items} per submission")
    };
    match (&routes.direct, &routes.bulk) {
        (Some(one), Some(many)) => format!(
            "up to {}: {}; more: {}",
            number(routes.direct_up_to as u64),
            direct(one),
            bulk(many)
        ),
        (Some(one), None) => direct(one),
        (None, Some(many)) => bulk(many),
        (None, None) => "no route".to_owned(),
    }
}

/// `45 s`, `3 min`, `250 ms`: exact, in the largest unit that divides it.
fn duration(duration: Duration) -> String {
    let seconds = duration.as_secs();
    if duration.subsec_millis() > 0 {
        return format!("{} ms", number(duration.as_millis() as u64));
    }
    for (size, unit) in [(86_400, "d"), (3_600, "h"), (60, "min")] {
        if seconds > 0 && seconds.is_multiple_of(size) {
            return format!("{} {unit}", number(seconds / size));
        }
    }
    format!("{seconds} s")
}

fn quotas(kind: &Descriptor, paint: Paint) -> String {
    if kind.limits.quotas.is_empty() {
        return String::new();
    }
    let rows = kind.limits.quotas.iter().map(|quota| {
        cells([
            quota.endpoint.to_owned(),
            format!("{} per {}", quota.permits, duration(quota.per)),
            quota.burst.to_string(),
            quota.source.to_owned(),
        ])
    });
    let header = ["operation", "rate", "at once", "source"];
    table(paint, &header, rows.collect(), &[2])
}

fn settings(kind: &Descriptor, paint: Paint) -> String {
    let mut out = String::new();
    for setting in kind.settings {
        let mut facts = vec![
            match setting.kind {
                SettingKind::Text => "text",
                SettingKind::Secret => "secret",
                SettingKind::Url => "url",
                SettingKind::Path => "path",
                SettingKind::Flag => "true or false",
                SettingKind::Choice(_) => "choice",
                SettingKind::List => "list",
            }
            .to_owned(),
        ];
        if setting.required {
            facts.push("required".to_owned());
        }
        if let Some(default) = setting.default {
            facts.push(format!("default {default}"));
        }
        if let SettingKind::Choice(choices) = setting.kind {
            facts.push(format!("one of {}", choices.join(", ")));
        }
        out.push_str(&format!(
            "{} {}\n  {}, such as `{}`\n",
            paint.text(Tone::Strong, setting.key),
            paint.text(Tone::Faint, &format!("({})", facts.join("; "))),
            setting.help,
            setting.example
        ));
    }
    out
}

fn notes(kind: &Descriptor) -> String {
    let mut out = String::new();
    for note in kind.notes {
        let meaning = kind.capability.rows();
        let meaning = meaning.iter().find(|(name, ..)| *name == note.capability);
        let label = meaning.map_or(note.capability, |(_, meaning, _)| meaning);
        out.push_str(&format!("{label}: {} ({})\n", note.text, note.source));
    }
    out
}

/// `channels capabilities --json`.
#[derive(Debug, Serialize)]
pub struct CapabilitiesDocument {
    version: u32,
    kinds: Vec<KindView>,
}

#[derive(Debug, Serialize)]
struct KindView {
    kind: &'static str,
    name: &'static str,
    docs_url: &'static str,
    capabilities: serde_json::Map<String, serde_json::Value>,
    notes: Vec<NoteView>,
    quotas: Vec<QuotaView>,
    settings: Vec<SettingView>,
}

#[derive(Debug, Serialize)]
struct NoteView {
    capability: &'static str,
    text: &'static str,
    source: &'static str,
}

#[derive(Debug, Serialize)]
struct QuotaView {
    operation: &'static str,
    permits: u32,
    per_milliseconds: u64,
    burst: u32,
    source: &'static str,
}

#[derive(Debug, Serialize)]
struct SettingView {
    key: &'static str,
    help: &'static str,
    required: bool,
    secret: bool,
    default: Option<&'static str>,
    example: &'static str,
}

pub fn document(kinds: &[&Descriptor]) -> CapabilitiesDocument {
    CapabilitiesDocument {
        version: VERSION,
        kinds: kinds.iter().map(|kind| kind_view(kind)).collect(),
    }
}

fn kind_view(kind: &Descriptor) -> KindView {
    let rows = kind.capability.rows().into_iter();
    KindView {
        kind: kind.kind,
        name: kind.display_name,
        docs_url: kind.docs_url,
        capabilities: rows
            .map(|(name, _, can)| (name.to_owned(), can.into()))
            .collect(),
        notes: kind
            .notes
            .iter()
            .map(|note| NoteView {
                capability: note.capability,
                text: note.text,
                source: note.source,
            })
            .collect(),
        quotas: kind
            .limits
            .quotas
            .iter()
            .map(|quota| QuotaView {
                operation: quota.endpoint,
                permits: quota.permits,
                per_milliseconds: quota.per.as_millis() as u64,
                burst: quota.burst,
                source: quota.source,
            })
            .collect(),
        settings: kind
            .settings
            .iter()
            .map(|setting| SettingView {
                key: setting.key,
                help: setting.help,
                required: setting.required,
                secret: setting.kind == SettingKind::Secret,
                default: setting.default,
                example: setting.example,
            })
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::capability::{Limits, Note, Quota, Setting};

    const SHOP: Descriptor = Descriptor {
        kind: "shop",
        display_name: "Example Shop",
        docs_url: "https://docs.example.com",
        portal_url: "https://keys.example.com",
        capability: Capability {
            listing_read: true,
            stock_push: true,
            submissions: true,
            orders_pull: true,
            ..Capability::NONE
        },
        limits: Limits {
            variants: Variants::ParentFirst,
            stock: Routes {
                direct: Some(Batching::items(1, 5)),
                bulk: Some(Batching::items(10_000, 1)),
                direct_up_to: 1_000,
                bulk_creates_only: false,
            },
            price: Routes::NONE,
            listing: Routes::NONE,
            end: Routes::NONE,
            find_batch: 20,
            shipment_batch: 1,
            order_lookback: Duration::from_secs(600),
            submissions_at_once: None,
            submission_deadline: Duration::from_secs(86_400),
            sight_deadline: Duration::from_secs(600),
            quotas: &[Quota {
                endpoint: "searchOrders",
                permits: 1,
                per: Duration::from_millis(500),
                burst: 20,
                source: "rate limits page",
            }],
            title_length: Some(1_500),
            description_length: None,
            images: None,
            sku_length: None,
        },
        settings: &[Setting {
            key: "token",
            help: "The key of the shop",
            kind: SettingKind::Secret,
            required: true,
            default: None,
            example: "env:SHOP_TOKEN",
        }],
        notes: &[Note {
            capability: "stock_push",
            text: "only where the shop counts",
            source: "stock page",
        }],
    };

    const FILE: Descriptor = Descriptor {
        kind: "file",
        display_name: "File",
        capability: Capability::NONE,
        settings: &[],
        notes: &[],
        ..SHOP
    };

    #[test]
    fn the_terminal_matrix_has_footnotes() {
        insta::assert_snapshot!(text(&[&SHOP, &FILE], Paint::PLAIN), @"
                                 shop     file
        read live listings       yes      -
        create listings          -        -
        update content           -        -
        end listings             -        -
        validate on the channel  -        -
        set stock                yes [1]  -
        set prices               -        -
        answers later            yes      -
        pull orders              yes      -
        confirm shipments        -        -
        partial shipments        -        -

        [1] Example Shop: only where the shop counts
        ");
        assert_eq!(text(&[], Paint::PLAIN), "No connectors.\n");
    }

    #[test]
    fn the_readme_matrix_replaces_what_stands_between_the_markers() {
        let table = markdown(&[&SHOP, &FILE]);
        assert!(table.starts_with(
            "| | [Example Shop](https://docs.example.com) | [File](https://docs.example.com) |\n|---|:-:|:-:|\n"
        ));
        assert!(table.contains("| set stock | ✓<sup>1</sup> | – |\n"));
        assert!(table.ends_with("\n1. Example Shop: only where the shop counts\n"));
        let readme = format!("# x\n{START}\nold\n{END}\nrest\n");
        let new = inserted(&readme, &table).unwrap();
        assert!(!new.contains("old") && new.starts_with("# x\n") && new.ends_with("\nrest\n"));
        assert_eq!(inserted(&new, &table).unwrap(), new);
        assert_eq!(inserted("no markers", &table), None);
    }

    #[test]
    fn details_tell_limits_quotas_settings_and_notes() {
        let text = details(&SHOP, Paint::PLAIN);
        for part in [
            "up to 1,000: 1 item per call, 5 calls at once; more: 10,000 items per submission",
            "at most 1,500 characters",
            "read again from 10 min back",
            "given up after 1 d",
            "searchOrders  1 per 500 ms       20  rate limits page",
            "token (secret; required)",
            "set stock: only where the shop counts (stock page)",
        ] {
            assert!(text.contains(part), "{part} in\n{text}");
        }
        assert!(!text.contains("no route"));
    }

    #[test]
    fn json_holds_the_same_facts() {
        let value = serde_json::to_value(document(&[&SHOP])).unwrap();
        let kind = &value["kinds"][0];
        assert_eq!(value["version"], 1);
        assert_eq!(kind["capabilities"]["stock_push"], true);
        assert_eq!(kind["capabilities"]["price_push"], false);
        assert_eq!(kind["settings"][0]["secret"], true);
        assert_eq!(kind["quotas"][0]["per_milliseconds"], 500);
    }
}
