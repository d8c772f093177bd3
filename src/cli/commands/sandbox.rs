//! `sandbox`: one emulated channel on a port of its own, for rehearsals and for other people's clients.

use serde_json::json;

use crate::cli::args::SandboxArgs;
use crate::cli::exit::Exit;
use crate::cli::ui::Ui;
use crate::connectors;
use crate::domain::{Error, Result};
use crate::sandbox::{Profile, ServeOptions, serve};

pub async fn run(arguments: &SandboxArgs, ui: &Ui) -> Result<Exit> {
    let with_sandbox = || {
        let kinds: Vec<_> = connectors::REGISTRY
            .iter()
            .filter(|factory| factory.sandbox.is_some())
            .map(|factory| factory.descriptor.kind)
            .collect();
        format!("the kinds with a sandbox are: {}", kinds.join(", "))
    };
    let kind = &arguments.kind;
    let make = connectors::find(kind)
        .and_then(|factory| factory.sandbox)
        .ok_or_else(|| {
            Error::config(format!("there is no sandbox for kind `{kind}`")).hint(with_sandbox())
        })?;
    let options = ServeOptions {
        port: arguments.port,
        state_file: arguments.state.clone(),
        faults: faults(&arguments.faults)?,
        seed: arguments.seed,
        tap: None,
    };
    let running = serve(make(), options).await?;
    // One line, flushed: a script waits for it.
    ui.data(&json!({"kind": kind, "url": running.url, "settings": running.settings}).to_string())?;
    running.serve_until(stopped()).await?;
    Ok(Exit::Done)
}

/// A name, or a file with the profile as JSON.
fn faults(name: &str) -> Result<Profile> {
    if let Some(profile) = Profile::named(name) {
        return Ok(profile);
    }
    let unknown = || {
        Error::config(format!(
            "`{name}` is neither a fault profile nor a file with one"
        ))
        .hint(format!("the profiles are: {}", Profile::NAMES.join(", ")))
    };
    let text = std::fs::read_to_string(name).map_err(|error| unknown().caused_by(error))?;
    serde_json::from_str(&text).map_err(|error| unknown().caused_by(error))
}

/// Ctrl-C, or a polite kill.
async fn stopped() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminate.recv() => {}
            }
            return;
        }
    }
    // Without a handler the signal itself ends the process, which is what it asks for.
    let _ = tokio::signal::ctrl_c().await;
}
