//! Why one sku is shown as it is, step by step.

use comfy_table::Cell;
use jiff::Timestamp;
use serde::Serialize;

use super::issues;
use super::plan::words;
use super::text::{Paint, Tone, clean, indented, money, number, relative, short, table};
use crate::app::explain::{ChannelExplanation, Confirmed, Explanation};
use crate::cli::documents::VERSION;
use crate::policy::Step;

/// `explain --json`.
#[derive(Debug, Serialize)]
pub struct ExplainDocument<'a> {
    pub version: u32,
    #[serde(flatten)]
    pub explanation: &'a Explanation,
}

pub fn document(explanation: &Explanation) -> ExplainDocument<'_> {
    ExplainDocument {
        version: VERSION,
        explanation,
    }
}

/// For the terminal.
pub fn text(explanation: &Explanation, now: Timestamp, paint: Paint) -> String {
    let mut out = paint.text(Tone::Strong, &clean(explanation.sku.as_str()));
    match &explanation.source {
        Some(source) => out.push_str(&format!("  {}:{}\n", clean(&source.file), source.line)),
        None => out.push_str("  not in the catalog\n"),
    }
    for channel in &explanation.channels {
        out.push('\n');
        out.push_str(&channel_text(channel, now, paint));
    }
    out
}

fn channel_text(channel: &ChannelExplanation, now: Timestamp, paint: Paint) -> String {
    let mut out = format!(
        "{} {}\n",
        paint.text(Tone::Strong, &clean(channel.channel.as_str())),
        paint.text(Tone::Faint, &format!("({})", channel.kind))
    );
    let mut block = String::new();
    if let Some(reason) = &channel.why_not {
        let label = if channel.included {
            ""
        } else {
            "not sold here: "
        };
        block.push_str(&paint.text(Tone::Warning, &format!("{label}{}", clean(reason))));
        block.push('\n');
    }
    if channel.included {
        for (label, text) in [("title", &channel.title), ("category", &channel.category)] {
            if let Some(text) = text {
                block.push_str(&labeled(label, &short(text, 100), paint));
            }
        }
        let price = channel.price.result.as_ref();
        let price = price.map_or_else(|| "not stated".to_owned(), money);
        let computed = steps(&channel.price.steps, &price, paint);
        block.push_str(&labeled("price", &computed, paint));
        let stock = channel.stock.result;
        let stock = stock.map_or_else(|| "not stated".to_owned(), number);
        let computed = steps(&channel.stock.steps, &stock, paint);
        block.push_str(&labeled("stock", &computed, paint));
    }
    let known = confirmed(channel.confirmed.as_ref(), now);
    block.push_str(&labeled("confirmed", &known, paint));
    for change in &channel.pending {
        block.push_str(&labeled("on the way", &words(change), paint));
    }
    for issue in &channel.issues {
        block.push_str(&issues::line(issue, paint));
        if let Some(hint) = &issue.hint {
            block.push_str(&format!("    hint: {}\n", clean(hint)));
        }
    }
    out.push_str(&indented(&block, 2));
    out
}

/// A label beside a block whose lines all start in the same column.
fn labeled(label: &str, block: &str, paint: Paint) -> String {
    const WIDTH: usize = 12;
    let mut out = String::new();
    for (position, line) in block.lines().enumerate() {
        let label = if position == 0 { label } else { "" };
        out.push_str(&paint.text(Tone::Faint, &format!("{label:WIDTH$}")));
        out.push_str(line);
        out.push('\n');
    }
    out
}

/// One line per step, and the result.
fn steps(steps: &[Step], result: &str, paint: Paint) -> String {
    let rows = steps
        .iter()
        .map(|step| vec![Cell::new(clean(&step.step)), Cell::new(clean(&step.value))]);
    let mut out = table(paint, &[], rows.collect(), &[]);
    let result = paint.text(Tone::Strong, result);
    if steps.is_empty() {
        out.push_str(&result);
    } else {
        out.push_str(&format!("= {result}"));
    }
    out
}

fn confirmed(confirmed: Option<&Confirmed>, now: Timestamp) -> String {
    let Some(confirmed) = confirmed else {
        return "nothing yet".to_owned();
    };
    let mut parts = vec![if confirmed.live {
        format!("live as {}", clean(confirmed.listing_ref.as_str()))
    } else {
        format!("not live ({})", clean(confirmed.listing_ref.as_str()))
    }];
    if let Some(price) = &confirmed.price {
        parts.push(format!("price {}", money(price)));
    }
    if let Some(stock) = confirmed.stock {
        parts.push(format!("stock {}", number(stock)));
    }
    parts.push(relative(confirmed.at, now));
    parts.join(", ")
}

#[cfg(test)]
mod tests {
    use iso_currency::Currency;

    use super::*;
    use crate::app::explain::Computed;
    use crate::domain::issue::{Issue, Source};
    use crate::domain::money::Money;

    fn step(step: &str, value: &str) -> Step {
        Step {
            step: step.into(),
            value: value.into(),
        }
    }

    fn channel(name: &str) -> ChannelExplanation {
        ChannelExplanation {
            channel: name.into(),
            kind: "woocommerce",
            included: false,
            why_not: None,
            price: Computed::default(),
            stock: Computed::default(),
            title: None,
            category: None,
            confirmed: None,
            pending: Vec::new(),
            issues: Vec::new(),
        }
    }

    fn explanation() -> Explanation {
        let price = Money::new("21.49".parse().unwrap(), Currency::EUR);
        let shop = ChannelExplanation {
            included: true,
            title: Some("Tee\u{1b}[31m, small".into()),
            price: Computed {
                steps: vec![
                    step("base `price`", "19.99 EUR"),
                    step("markup 7.5 %", "21.49 EUR"),
                ],
                result: Some(price),
            },
            stock: Computed {
                steps: vec![step("on hand", "1,510"), step("- buffer 10", "1,500")],
                result: Some(1_500),
            },
            confirmed: Some(Confirmed {
                listing_ref: "77".into(),
                live: true,
                price: Some(price),
                stock: Some(7),
                at: "2026-01-09T21:00:00Z".parse().unwrap(),
            }),
            issues: vec![Issue::warning("image_missing", "no picture").hint("fill `images`")],
            ..channel("shop")
        };
        let amazon = ChannelExplanation {
            why_not: Some("excluded: category == 'Knives'; a listing that is live is kept".into()),
            ..channel("amazon-de")
        };
        Explanation {
            sku: "TEE-S".into(),
            source: Some(Source {
                file: "catalog.csv".into(),
                line: 14,
                column: None,
                value: None,
            }),
            channels: vec![shop, amazon],
        }
    }

    #[test]
    fn steps_are_aligned_and_lead_to_the_result() {
        let now = "2026-01-10T00:00:00Z".parse().unwrap();
        insta::assert_snapshot!(text(&explanation(), now, Paint::PLAIN), @"
        TEE-S  catalog.csv:14

        shop (woocommerce)
          title       Tee�[31m, small
          price       base `price`  19.99 EUR
                      markup 7.5 %  21.49 EUR
                      = 21.49 EUR
          stock       on hand      1,510
                      - buffer 10  1,500
                      = 1,500
          confirmed   live as 77, price 21.49 EUR, stock 7, 3 h ago
          warning: no picture [image_missing]
              hint: fill `images`

        amazon-de (woocommerce)
          not sold here: excluded: category == 'Knives'; a listing that is live is kept
          confirmed   nothing yet
        ");
    }

    #[test]
    fn json_is_versioned_and_keeps_exact_values() {
        let explanation = explanation();
        let value = serde_json::to_value(document(&explanation)).unwrap();
        assert_eq!(value["version"], 1);
        assert_eq!(value["sku"], "TEE-S");
        let shop = &value["channels"][0];
        assert_eq!(shop["price"]["result"]["amount"], "21.49");
        assert_eq!(shop["stock"]["result"], 1_500);
        assert_eq!(shop["confirmed"]["stock"], 7);
        assert_eq!(value["channels"][1]["included"], false);
    }
}
