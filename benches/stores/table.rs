//! What was measured, for people and for programs.

use std::collections::BTreeMap;
use std::fmt::Write;

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};
use serde::Serialize;

use crate::Result;
use crate::proxy::Operation;
use crate::verdict::Verdict;

const MEBIBYTE: f64 = 1024.0 * 1024.0;
const OURS: &str = "skucast";

/// One run of a contender.
#[derive(Debug, Serialize)]
pub struct Line {
    pub contender: &'static str,
    /// `load`, or `update`
    pub step: &'static str,
    pub seconds: f64,
    pub requests: u64,
    pub bytes_sent: u64,
    pub bytes_received: u64,
    /// Seconds that the contender's process worked, on all processors together.
    pub client_worked: Option<f64>,
    /// The same of the server's process meanwhile; that of its database is not counted.
    pub server_worked: Option<f64>,
    /// Bytes that the contender's process held at most.
    pub client_peak: Option<u64>,
    /// Bytes that the server's process held at most meanwhile.
    pub server_peak: Option<u64>,
    /// The same beyond what it held before.
    pub server_growth: Option<u64>,
    pub verdict: Verdict,
    /// The last thing that a contender said whose run failed.
    pub failed: Option<String>,
    pub operations: BTreeMap<String, Operation>,
}

#[derive(Debug, Serialize)]
struct Comparison {
    kind: String,
    /// Work that the machine had already.
    load_before: Option<f64>,
    lines: Vec<Line>,
}

#[derive(Debug, Serialize)]
pub struct Report {
    version: u32,
    products: usize,
    changed: usize,
    kinds: Vec<Comparison>,
}

impl Report {
    pub fn begin(products: usize, changed: usize) -> Self {
        Self {
            version: 1,
            products,
            changed,
            kinds: Vec::new(),
        }
    }

    pub fn add(&mut self, kind: &str, load_before: Option<f64>, lines: Vec<Line>) {
        self.kinds.push(Comparison {
            kind: kind.to_owned(),
            load_before,
            lines,
        });
    }

    pub fn json(&self) -> Result<String> {
        Ok(serde_json::to_string_pretty(self)? + "\n")
    }

    /// The table of the kind that was added last.
    pub fn last(&self, operations: bool) -> String {
        let Some(comparison) = self.kinds.last() else {
            return String::new();
        };
        let mut text = format!(
            "{}: {} products, {} changed; x is the multiple of what skucast took\n",
            comparison.kind, self.products, self.changed
        );
        if let Some(load) = comparison.load_before {
            // Into a String, which takes everything.
            let _ = writeln!(text, "load average before: {load}");
        }
        for (step, title) in [("load", "first load"), ("update", "after the change")] {
            let lines: Vec<&Line> = comparison
                .lines
                .iter()
                .filter(|line| line.step == step)
                .collect();
            // Into a String, which takes everything.
            let _ = writeln!(text, "\n{title}\n{}", table(&lines));
            if operations {
                for line in lines {
                    text.push_str(&sent(line));
                }
            }
        }
        text.push('\n');
        text
    }
}

fn table(lines: &[&Line]) -> Table {
    let ours = lines.iter().find(|line| line.contender == OURS);
    let mut table = Table::new();
    table
        .load_style(presets::ASCII_MARKDOWN)
        .set_content_arrangement(ContentArrangement::Disabled)
        .set_header([
            "",
            "seconds",
            "server works s",
            "requests",
            "client MiB",
            "server MiB",
            "x seconds",
            "x requests",
            "x client MiB",
            "right",
        ]);
    for line in lines {
        let ratio = |of: &dyn Fn(&Line) -> Option<f64>| match ours
            .and_then(|ours| of(ours))
            .zip(of(line))
        {
            Some((ours, own)) if ours > 0.0 => format!("{:.2}", own / ours),
            _ => "?".to_owned(),
        };
        table.add_row([
            line.contender.to_owned(),
            format!("{:.2}", line.seconds),
            line.server_worked
                .map_or_else(|| "?".to_owned(), |seconds| format!("{seconds:.2}")),
            line.requests.to_string(),
            mebibytes(line.client_peak),
            format!(
                "{} (+{})",
                mebibytes(line.server_peak),
                mebibytes(line.server_growth)
            ),
            ratio(&|line| Some(line.seconds)),
            ratio(&|line| Some(line.requests as f64)),
            ratio(&|line| line.client_peak.map(|bytes| bytes as f64)),
            match &line.failed {
                Some(complaint) => format!("failed ({complaint}); {}", line.verdict.text()),
                None => line.verdict.text(),
            },
        ]);
    }
    for column in 1..9 {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}

fn mebibytes(bytes: Option<u64>) -> String {
    bytes.map_or_else(
        || "?".to_owned(),
        |bytes| format!("{:.0}", bytes as f64 / MEBIBYTE),
    )
}

/// What a contender sent, by operation.
fn sent(line: &Line) -> String {
    let mut text = format!("\n{}\n", line.contender);
    for (name, operation) in &line.operations {
        let each = 1000.0 * operation.seconds / operation.requests as f64;
        // Into a String, which takes everything.
        let _ = writeln!(
            text,
            "  {:6} x {name}: {:.2} s, {each:.1} ms each",
            operation.requests, operation.seconds
        );
    }
    text
}
