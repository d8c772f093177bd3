//! `check`: every problem that can be found before anyone is asked.

use jiff::Timestamp;
use serde::Serialize;

use super::print_json;
use crate::app::check::check;
use crate::cli::args::{CheckFormat, Global};
use crate::cli::documents::{VERSION, channel_issue};
use crate::cli::exit::Exit;
use crate::cli::render;
use crate::cli::render::text::counted;
use crate::cli::session::{Contact, Session, scope};
use crate::cli::ui::Ui;
use crate::domain::Result;
use crate::domain::issue::Issue;
use crate::halt::Halt;

#[derive(Serialize)]
struct CheckDocument {
    version: u32,
    rows: u64,
    issues: Vec<Issue>,
}

pub async fn run(format: CheckFormat, global: &Global, ui: &Ui, halt: Halt) -> Result<Exit> {
    let mut session = Session::open(global, Contact::Offline, halt).await?;
    session.require_catalog()?;
    let shelf = session.shelf().await?;
    let checked = check(&session.channels, &shelf, &scope(global), Timestamp::now())?;
    let rows = checked.summary.rows;
    let mut issues: Vec<Issue> = session
        .absentees
        .iter()
        .map(|absentee| channel_issue(&absentee.name, &absentee.error))
        .collect();
    issues.extend(checked.issues);
    issues.extend(session.stock_issues());
    let left_out: u64 = checked
        .channels
        .iter()
        .map(|channel| channel.issues_left_out)
        .sum();
    issues.extend(
        checked
            .channels
            .into_iter()
            .flat_map(|channel| channel.issues),
    );
    let has_errors = issues.iter().any(Issue::is_error);
    match format {
        CheckFormat::Sarif => print_json(
            ui,
            &render::sarif::document(&issues, std::env::current_dir().ok().as_deref()),
        )?,
        CheckFormat::Text if !global.json => {
            ui.data(&render::issues::text(&issues, left_out, ui.paint()))?;
            let channels = session.channels.len() as u64;
            ui.say(&format!(
                "{} checked for {}",
                counted(rows, "row", "rows"),
                counted(channels, "channel", "channels")
            ));
        }
        CheckFormat::Text | CheckFormat::Json => print_json(
            ui,
            &CheckDocument {
                version: VERSION,
                rows,
                issues,
            },
        )?,
    }
    session.close(false, ui)?;
    Ok(if has_errors { Exit::Partly } else { Exit::Done })
}
