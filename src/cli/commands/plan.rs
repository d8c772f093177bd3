//! `plan`: what would change, and nothing that does.

use std::io::Write;
use std::path::Path;

use futures::future::join_all;
use jiff::Timestamp;

use super::print_json;
use crate::app::contact;
use crate::app::plan::{Ground, plan, require_rows};
use crate::cli::args::{Global, PlanFormat};
use crate::cli::documents::{GuardStop, PlanDocument};
use crate::cli::exit::Exit;
use crate::cli::render;
use crate::cli::session::{Absentee, Contact, Session, scope};
use crate::cli::ui::Ui;
use crate::domain::{Error, Result};
use crate::halt::Halt;

pub async fn run(
    format: PlanFormat,
    out: Option<&Path>,
    exit_code: bool,
    global: &Global,
    ui: &Ui,
    halt: Halt,
) -> Result<Exit> {
    let mut session = Session::open(global, Contact::Online, halt).await?;
    session.require_catalog()?;
    let ledger = session.ledger();
    let progress = ui.progress();
    let now = Timestamp::now();
    let read = join_all(
        session
            .channels
            .iter()
            .map(|channel| contact::known(channel, &ledger, &progress, false, now)),
    );
    let read = read.await;
    drop(progress);
    let (mut channels, mut known) = (Vec::new(), Vec::new());
    let mut absentees = std::mem::take(&mut session.absentees);
    for (channel, result) in session.channels.iter().zip(read) {
        match result {
            Ok(one) => {
                channels.push(channel.clone());
                known.push(one);
            }
            Err(error) => absentees.push(Absentee {
                name: channel.name.clone(),
                kind: channel.connector.descriptor().kind,
                error,
            }),
        }
    }
    let shelf = session.shelf().await?;
    let memo = session.memo();
    let ground = Ground {
        ledger: ledger.as_ref(),
        memo: Some(&memo),
    };
    let planned = plan(&channels, &mut known, &ground, &shelf, &scope(global), now).await?;
    require_rows(planned.summary)?;
    let failed: Vec<_> = absentees
        .into_iter()
        .map(|absentee| (absentee.name, absentee.kind, absentee.error))
        .collect();
    let rows = planned.summary.rows;
    let mut document = PlanDocument::new(planned, &channels, &failed, now)?;
    document.issues.extend(session.stock_issues());
    let min_rows = crate::app::sync::MIN_ROWS;
    document.guard = crate::app::plan::lost_rows(
        ledger.catalog_rows().await?,
        rows,
        session.config.rows_lost,
        min_rows,
    )
    .map(|stop| GuardStop::new(&stop, crate::app::plan::rows_token(rows)));
    if let Some(file) = out {
        write_plan(file, &document)?;
        ui.say(&format!(
            "the plan is in {}; send it with `skucast push --plan {}`",
            file.display(),
            file.display()
        ));
    }
    let exit = exit(&document, exit_code);
    match format {
        _ if global.json => print_json(ui, &render::plan::without_rows(document))?,
        PlanFormat::Json => print_json(ui, &render::plan::without_rows(document))?,
        PlanFormat::Text => ui.data(&render::plan::text(&document, ui.paint()))?,
        PlanFormat::Markdown => ui.data(&render::plan::markdown(&document))?,
    }
    session.close(false, ui)?;
    Ok(exit)
}

fn exit(document: &PlanDocument, exit_code: bool) -> Exit {
    if document
        .channels
        .iter()
        .any(|channel| channel.error.is_some())
    {
        Exit::Partly
    } else if exit_code && document.total() > 0 {
        Exit::Pending
    } else {
        Exit::Done
    }
}

fn write_plan(file: &Path, document: &PlanDocument) -> Result<()> {
    let failed = |error: std::io::Error| {
        Error::config(format!(
            "the plan cannot be written to `{}`",
            file.display()
        ))
        .caused_by(error)
    };
    let folder = file
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    let mut temporary = tempfile::NamedTempFile::new_in(folder).map_err(failed)?;
    let text = serde_json::to_vec(document).map_err(|error| {
        Error::unexpected("the plan cannot be written as JSON").caused_by(error)
    })?;
    temporary.write_all(&text).map_err(failed)?;
    temporary
        .persist(file)
        .map_err(|error| failed(error.error))?;
    Ok(())
}
