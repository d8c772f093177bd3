//! The command line: the only place that knows which connector, ledger and files stand behind the traits.
//!
//! Data goes to stdout, talk and progress to stderr.

pub mod args;
mod commands;
pub mod documents;
pub mod exit;
pub mod init;
mod logging;
pub mod render;
pub mod report;
mod session;
pub mod ui;

use std::ffi::OsString;
use std::process::ExitCode;
use std::time::Duration;

use clap::{CommandFactory, Parser};

use crate::domain::{Error, Result};
use crate::halt::Halt;
use args::{Cli, Command, LimitArgs, PushArgs};
use commands::sync::Job;
use documents::FailureDocument;
use exit::Exit;
use ui::Ui;

/// Runs one command line and returns its exit code.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are no mistake; their text goes to stdout.
            let exit = if error.use_stderr() {
                Exit::Usage
            } else {
                Exit::Done
            };
            // A reader that went away needs no message.
            let _ = error.print();
            return exit.into();
        }
    };
    let ui = Ui::new(&cli.global.ui());
    logging::start(cli.global.verbose);
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => {
            let error = Error::unexpected("the program cannot start its threads").caused_by(error);
            ui.complain(&report::error(&error, &ui));
            return Exit::Failed.into();
        }
    };
    let exit = match runtime.block_on(dispatch(&cli, &ui)) {
        Ok(exit) => exit,
        Err(error) => {
            ui.complain(&report::error(&error, &ui));
            if cli.global.json {
                // A program that reads the answer finds the reason where it looks. It is told above as well.
                let _ = ui.data(&render::json(&FailureDocument::new(&error)));
            }
            Exit::from(&error)
        }
    };
    // What still waits (a sandbox that does not answer, say) must not keep the process.
    runtime.shutdown_timeout(Duration::from_millis(200));
    exit.into()
}

async fn dispatch(cli: &Cli, ui: &Ui) -> Result<Exit> {
    let global = &cli.global;
    match &cli.command {
        Command::Init { dir, force } => {
            let written = init::init(dir, *force)?;
            written
                .iter()
                .for_each(|file| ui.say(&format!("wrote {}", file.display())));
            ui.say(&format!(
                "try it: skucast sync --config {}",
                dir.join("channels.toml").display()
            ));
            Ok(Exit::Done)
        }
        Command::Check { format } => commands::check::run(*format, global, ui, Halt::never()).await,
        Command::Plan {
            format,
            out,
            exit_code,
        } => {
            let halt = interruptible(None, ui);
            commands::plan::run(*format, out.as_deref(), *exit_code, global, ui, halt).await
        }
        Command::Push(arguments) => {
            let halt = interruptible(arguments.limits.time, ui);
            commands::sync::run(Job::Push, arguments, global, ui, halt).await
        }
        Command::Sync(arguments) => {
            let halt = interruptible(arguments.limits.time, ui);
            commands::sync::run(Job::Sync, arguments, global, ui, halt).await
        }
        Command::Pull { limits } => {
            let halt = interruptible(limits.time, ui);
            let arguments = PushArgs {
                plan: None,
                dry_run: false,
                approve: Vec::new(),
                wait: None,
                limits: LimitArgs { time: limits.time },
            };
            commands::sync::run(Job::Pull, &arguments, global, ui, halt).await
        }
        Command::Status => commands::status::run(global, ui).await,
        Command::Explain { sku } => commands::explain::run(sku, global, ui, Halt::never()).await,
        Command::Orders(command) => commands::orders::run(command, global, ui).await,
        Command::Ship { file } => {
            commands::ship::run(file, global, ui, interruptible(None, ui)).await
        }
        Command::Channels(command) => {
            commands::channels::run(command, global, ui, interruptible(None, ui)).await
        }
        Command::Sandbox(arguments) => commands::sandbox::run(arguments, ui).await,
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(*shell, &mut Cli::command(), "skucast", &mut script);
            ui.data(String::from_utf8_lossy(&script).trim_end())?;
            Ok(Exit::Done)
        }
        Command::Man => {
            let mut page = Vec::new();
            clap_mangen::Man::new(Cli::command())
                .render(&mut page)
                .map_err(|error| {
                    Error::unexpected("the manual page cannot be written").caused_by(error)
                })?;
            ui.data(String::from_utf8_lossy(&page).trim_end())?;
            Ok(Exit::Done)
        }
    }
}

/// Ctrl-C lets what is under way finish; a second one ends the program at once, which loses nothing either.
fn interruptible(budget: Option<Duration>, ui: &Ui) -> Halt {
    let (interrupter, halt) = Halt::new(budget);
    let talk = ui.clone();
    tokio::spawn(async move {
        if tokio::signal::ctrl_c().await.is_ok() {
            talk.warn(
                "stopping: what is under way is finished first; press Ctrl-C again to stop at once",
            );
            interrupter.interrupt();
        }
        if tokio::signal::ctrl_c().await.is_ok() {
            std::process::exit(Exit::Interrupted as i32);
        }
    });
    halt
}
