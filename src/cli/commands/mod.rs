//! One file per command: what was asked, as a call of a use case, and its answer as text.

pub mod channels;
pub mod check;
pub mod explain;
pub mod export;
pub mod orders;
pub mod plan;
pub mod sandbox;
pub mod ship;
pub mod status;
pub mod sync;

use crate::cli::render;
use crate::cli::ui::Ui;
use crate::domain::Result;
use serde::Serialize;

/// Prints a document for other programs.
fn print_json(ui: &Ui, document: &impl Serialize) -> Result<()> {
    ui.data(&render::json(document))
}
