//! What a person or another program gets to see: pure functions from values to text, without a terminal.

pub mod capabilities;
pub mod explain;
pub mod issues;
pub mod orders;
pub mod plan;
pub mod run;
pub mod sarif;
pub mod ship;
pub mod status;
pub mod text;

use serde::Serialize;

/// One JSON document, indented, with a line end after it.
pub fn json(document: &impl Serialize) -> String {
    // A document is plain data with text keys: the only ways in which this can fail do not occur.
    let mut text = serde_json::to_string_pretty(document).unwrap_or_default();
    text.push('\n');
    text
}
