//! `explain SKU`.

use jiff::Timestamp;

use super::print_json;
use crate::app::explain::explain;
use crate::app::plan::Known;
use crate::cli::args::Global;
use crate::cli::exit::Exit;
use crate::cli::session::{Contact, Session};
use crate::cli::ui::Ui;
use crate::cli::{render, report};
use crate::domain::Result;
use crate::domain::ids::Sku;
use crate::halt::Halt;

pub async fn run(sku: &str, global: &Global, ui: &Ui, halt: Halt) -> Result<Exit> {
    let mut session = Session::open(global, Contact::Offline, halt).await?;
    session.require_catalog()?;
    let shelf = session.shelf().await?;
    let mut known = Vec::new();
    for channel in &session.channels {
        known.push(Known::from_ledger(session.ledger.as_ref(), &channel.name).await?);
    }
    for absentee in &session.absentees {
        ui.complain(&report::error(&absentee.error, ui));
    }
    let explanation = explain(&session.channels, &known, &shelf, &Sku::new(sku))?;
    if global.json {
        print_json(ui, &render::explain::document(&explanation))?;
    } else {
        ui.data(&render::explain::text(
            &explanation,
            Timestamp::now(),
            ui.paint(),
        ))?;
    }
    let complete = session.absentees.is_empty();
    session.close(false, ui)?;
    Ok(if complete { Exit::Done } else { Exit::Partly })
}
