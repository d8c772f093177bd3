//! What was measured, for people and for programs.

use serde::Serialize;

use crate::Result;

/// In what the two sides of a line are counted.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    Seconds,
    Mebibytes,
    Bytes,
    Count,
    /// Of one.
    Share,
}

impl Unit {
    fn show(self, value: f64) -> String {
        match self {
            Self::Seconds if value < 0.1 => format!("{:.2} ms", value * 1000.0),
            Self::Seconds => format!("{value:.2} s"),
            Self::Mebibytes => format!("{value:.0} MiB"),
            Self::Bytes => format!("{value:.0} B"),
            Self::Count => format!("{value:.0}"),
            Self::Share => format!("{:.1} %", value * 100.0),
        }
    }
}

/// What has to hold: of the ratio when there is something to compare with, else of our own figure.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    AtMost(f64),
    AtLeast(f64),
    /// Shown for comparison.
    None,
}

/// One line of the table.
#[derive(Debug, Serialize)]
pub struct Line {
    pub what: String,
    pub unit: Unit,
    pub ours: f64,
    /// The floor, or what a seller would run instead.
    pub against: Option<f64>,
    pub target: Target,
}

impl Line {
    /// Seconds, and the multiple of their floor that they may come to.
    pub fn against(what: impl Into<String>, ours: f64, floor: f64, most: f64) -> Self {
        Self {
            what: what.into(),
            unit: Unit::Seconds,
            ours,
            against: Some(floor),
            target: Target::AtMost(most),
        }
    }

    /// Beside something that is no floor: shown for comparison.
    pub fn beside(what: impl Into<String>, unit: Unit, ours: f64, other: f64) -> Self {
        Self {
            what: what.into(),
            unit,
            ours,
            against: Some(other),
            target: Target::None,
        }
    }

    pub fn alone(what: impl Into<String>, unit: Unit, ours: f64, target: Target) -> Self {
        Self {
            what: what.into(),
            unit,
            ours,
            against: None,
            target,
        }
    }

    fn judged(&self) -> f64 {
        self.against.map_or(self.ours, |other| self.ours / other)
    }

    fn met(&self) -> Option<bool> {
        match self.target {
            Target::AtMost(most) => Some(self.judged() <= most),
            Target::AtLeast(least) => Some(self.judged() >= least),
            Target::None => None,
        }
    }

    fn cells(&self) -> [String; 6] {
        let in_unit = |value: f64| match self.against {
            Some(_) => format!("{value}x"),
            None => self.unit.show(value),
        };
        [
            self.what.clone(),
            self.unit.show(self.ours),
            self.against
                .map_or(String::new(), |other| self.unit.show(other)),
            self.against
                .map_or(String::new(), |_| format!("{:.2}x", self.judged())),
            match self.target {
                Target::AtMost(most) => format!("at most {}", in_unit(most)),
                Target::AtLeast(least) => format!("at least {}", in_unit(least)),
                Target::None => String::new(),
            },
            match self.met() {
                Some(true) => "met".to_owned(),
                Some(false) => "missed".to_owned(),
                None => String::new(),
            },
        ]
    }
}

#[derive(Serialize)]
struct Judged {
    claim: &'static str,
    size: u64,
    #[serde(flatten)]
    line: Line,
    ratio: Option<f64>,
    met: Option<bool>,
}

/// All lines of one run.
#[derive(Serialize)]
pub struct Report {
    version: u32,
    processors: usize,
    /// Of the machine, over the last minute, before the first claim and after the last one.
    load_before: Option<f64>,
    load_after: Option<f64>,
    lines: Vec<Judged>,
}

impl Report {
    pub fn begin() -> Self {
        Self {
            version: 1,
            processors: std::thread::available_parallelism().map_or(1, usize::from),
            load_before: load(),
            load_after: None,
            lines: Vec::new(),
        }
    }

    pub fn add(&mut self, claim: &'static str, size: u64, lines: Vec<Line>) {
        self.load_after = load();
        self.lines.extend(lines.into_iter().map(|line| Judged {
            claim,
            size,
            ratio: line.against.map(|_| line.judged()),
            met: line.met(),
            line,
        }));
    }

    pub fn json(&self) -> Result<String> {
        Ok(serde_json::to_string_pretty(self)? + "\n")
    }

    /// A table in Markdown.
    pub fn text(&self) -> String {
        let mut rows = vec![
            [
                "claim", "size", "", "ours", "against", "ratio", "target", "",
            ]
            .map(str::to_owned)
            .to_vec(),
        ];
        let mut before = "";
        for judged in &self.lines {
            let mut row = match judged.claim == before {
                true => vec![String::new(), String::new()],
                false => vec![judged.claim.to_owned(), judged.size.to_string()],
            };
            row.extend(judged.line.cells());
            rows.push(row);
            before = judged.claim;
        }
        let widths: Vec<usize> = (0..rows[0].len())
            .map(|column| {
                rows.iter()
                    .map(|row| row[column].chars().count())
                    .max()
                    .unwrap_or(0)
            })
            .collect();
        let mut text = String::new();
        for (number, row) in rows.iter().enumerate() {
            for (cell, width) in row.iter().zip(&widths) {
                text.push_str(&format!("| {cell:width$} "));
            }
            text.push_str("|\n");
            if number == 0 {
                for width in &widths {
                    text.push_str(&format!("|{}", "-".repeat(width + 2)));
                }
                text.push_str("|\n");
            }
        }
        let shown =
            |load: Option<f64>| load.map_or("unknown".to_owned(), |load| format!("{load:.1}"));
        text.push_str(&format!(
            "\n{} processors; load {} before, {} after\n",
            self.processors,
            shown(self.load_before),
            shown(self.load_after)
        ));
        text
    }
}

/// Linux tells it; other systems' tables go without.
fn load() -> Option<f64> {
    let text = std::fs::read_to_string("/proc/loadavg").ok()?;
    text.split_whitespace().next()?.parse().ok()
}
