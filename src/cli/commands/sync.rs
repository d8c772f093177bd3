//! `push`, `pull` and `sync`.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::print_json;
use crate::app::Progress;
use crate::app::push::Work;
use crate::app::sync::{Order, Run, sync};
use crate::cli::args::{Global, PushArgs};
use crate::cli::documents::{
    GuardStop, PlanDocument, RunChannel, RunDocument, VERSION, channel_issue, error_issue,
};
use crate::cli::exit::Exit;
use crate::cli::render;
use crate::cli::report;
use crate::cli::session::{Contact, Session, scope};
use crate::cli::ui::Ui;
use crate::domain::change::Change;
use crate::domain::ids::{ChannelName, RunId};
use crate::domain::{Error, Result};
use crate::halt::{Halt, Reason};

/// Content yields to what is urgent after so long.
const SLICE: Duration = Duration::from_secs(60);

/// Which of the three commands runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Job {
    Pull,
    Push,
    Sync,
}

impl Job {
    fn name(self) -> &'static str {
        match self {
            Self::Pull => "pull",
            Self::Push => "push",
            Self::Sync => "sync",
        }
    }
}

pub async fn run(
    job: Job,
    arguments: &PushArgs,
    global: &Global,
    ui: &Ui,
    halt: Halt,
) -> Result<Exit> {
    let reviewed = arguments.plan.as_deref().map(read_plan).transpose()?;
    let session = Session::open(global, Contact::Online, halt.clone()).await?;
    let ledger = session.ledger();
    let Some(_lock) = ledger.lock().await? else {
        ui.warn("another run of skucast is working on this ledger; this one did nothing");
        session.close(false, ui)?;
        return Ok(Exit::Locked);
    };
    session.remember_what_stands_behind().await?;
    let run_id = ledger.begin_run(job.name(), Timestamp::now()).await?;
    let progress: Arc<dyn Progress> = Arc::new(ui.progress());
    let work = Work {
        ledger: ledger.clone(),
        run: run_id.clone(),
        progress: progress.clone(),
        halt: halt.clone(),
        slice: SLICE,
        dry_run: arguments.dry_run,
        memo: Some(session.memo()),
    };
    let order = Order {
        pull: job != Job::Push && !arguments.dry_run,
        push: job != Job::Pull,
        scope: scope(global),
        approved: arguments.approve.clone(),
        reviewed,
        rows_lost: session.config.rows_lost,
        wait: arguments.wait.unwrap_or(session.config.wait),
    };
    let result = sync(
        &session.channels,
        async || session.shelf().await,
        &order,
        &work,
    )
    .await;
    drop(progress);
    let mut result = result;
    let error = result
        .error
        .take()
        .map(|error| session_error(error, &session));
    let exit = exit(&result, &session, error.as_ref(), &halt);
    let document = document(run_id.clone(), &mut result, error.as_ref(), &session);
    let summary = serde_json::json!({"exit": exit as u8, "channels": &document.channels});
    ledger
        .finish_run(&run_id, Timestamp::now(), &summary)
        .await?;
    if global.json {
        print_json(ui, &document)?;
    } else {
        ui.data(&render::run::text(&document, ui.paint()))?;
    }
    session.close(!arguments.dry_run, ui)?;
    match error {
        Some(error) => {
            ui.complain(&report::error(&error, ui));
            Ok(exit)
        }
        None => Ok(exit),
    }
}

/// A catalog that could not be opened is why nothing could be planned.
fn session_error(error: Error, session: &Session) -> Error {
    match &session.catalog_error {
        Some(cause) => {
            let mut shown = Error::config(cause.to_string());
            shown.hints.clone_from(&cause.hints);
            shown
        }
        None => error,
    }
}

fn exit(run: &Run, session: &Session, error: Option<&Error>, halt: &Halt) -> Exit {
    let has_errors =
        |issues: &[crate::domain::issue::Issue]| issues.iter().any(|issue| issue.is_error());
    let stopped =
        run.rows_lost.is_some() || run.channels.iter().any(|channel| channel.stop.is_some());
    let unclean = !session.absentees.is_empty()
        || run
            .channels
            .iter()
            .any(|channel| !channel.is_clean() || has_errors(&channel.report.issues))
        || has_errors(&run.issues)
        || has_errors(&session.stock_issues());
    match (error, halt.reason()) {
        (Some(error), _) => Exit::from(error),
        (None, Some(Reason::Interrupted)) => Exit::Interrupted,
        (None, _) if stopped => Exit::Guard,
        (None, Some(Reason::OutOfTime)) => Exit::OutOfTime,
        // A wait that would not have ended in time was not begun.
        (None, None) if halt.has_budget() && run.has_remainder() => Exit::OutOfTime,
        (None, None) if unclean => Exit::Partly,
        (None, None) => Exit::Done,
    }
}

fn document(run_id: RunId, run: &mut Run, error: Option<&Error>, session: &Session) -> RunDocument {
    let mut channels = Vec::new();
    for (channel, booked) in session.channels.iter().zip(&mut run.channels) {
        let mut shown = RunChannel::new(&channel.name, channel.connector.descriptor().kind);
        shown.unchanged = booked.unchanged;
        shown.blocked = booked.blocked;
        shown.orders = booked.orders;
        shown.guard = booked
            .stop
            .as_ref()
            .map(|(stop, token)| GuardStop::new(stop, token.clone()));
        shown.ok = booked.is_clean();
        shown.add_report(std::mem::take(&mut booked.report));
        if let Some(error) = &booked.error {
            shown.fail(error);
        }
        channels.push(shown);
    }
    for absentee in &session.absentees {
        let mut shown = RunChannel::new(&absentee.name, absentee.kind);
        shown.ok = false;
        shown.error = Some(channel_issue(&absentee.name, &absentee.error));
        channels.push(shown);
    }
    let mut issues = std::mem::take(&mut run.issues);
    issues.extend(session.stock_issues());
    let guard = run
        .rows_lost
        .as_ref()
        .map(|(stop, token)| GuardStop::new(stop, token.clone()));
    RunDocument {
        version: VERSION,
        run_id,
        channels,
        error: error.map(error_issue),
        guard,
        issues,
    }
}

fn read_plan(file: &Path) -> Result<HashMap<ChannelName, Vec<Change>>> {
    let unusable = |reason: String| {
        Error::config(format!(
            "the plan `{}` cannot be used: {reason}",
            file.display()
        ))
        .hint("make one with `skucast plan --out FILE`")
    };
    let text = std::fs::read_to_string(file).map_err(|error| unusable(error.to_string()))?;
    let plan: PlanDocument =
        serde_json::from_str(&text).map_err(|error| unusable(error.to_string()))?;
    if plan.version != VERSION {
        return Err(unusable(format!(
            "it has version {}, this program reads {VERSION}",
            plan.version
        )));
    }
    plan.channels
        .into_iter()
        .map(|channel| {
            let rows = channel.rows.iter();
            let rows = rows.map(|planned| Ok(planned?.change));
            Ok((channel.channel, rows.collect::<Result<_>>()?))
        })
        .collect()
}
