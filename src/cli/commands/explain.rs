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
    let sku = Sku::new(sku);
    let ledger = session.ledger.as_ref();
    let mut known = Vec::new();
    for channel in &session.channels {
        let mut one = Known::from_ledger(ledger, &channel.name).await?;
        let asked = std::slice::from_ref(&sku);
        one.load(ledger, &channel.name, Some(asked)).await?;
        known.push(one);
    }
    for absentee in &session.absentees {
        ui.complain(&report::error(&absentee.error, ui));
    }
    let explanation = explain(&session.channels, &known, &shelf, &sku)?;
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
