//! `channels list`, `check` and `capabilities`; `export` has a file of its own.

use futures::future::join_all;
use serde_json::json;

use super::print_json;
use crate::cli::args::{ChannelsCommand, Global};
use crate::cli::documents::{VERSION, channel_issue};
use crate::cli::exit::Exit;
use crate::cli::render;
use crate::cli::report;
use crate::cli::session::{Contact, Session, kinds, load_config};
use crate::cli::ui::Ui;
use crate::connectors;
use crate::domain::ledger::{ChannelState, Ledger};
use crate::domain::{Error, Result};
use crate::halt::Halt;

pub async fn run(command: &ChannelsCommand, global: &Global, ui: &Ui, halt: Halt) -> Result<Exit> {
    match command {
        ChannelsCommand::List => list(global, ui),
        ChannelsCommand::Check => check(global, ui, halt).await,
        ChannelsCommand::Export { name, format, out } => {
            super::export::run(name, *format, out.as_deref(), global, ui, halt).await
        }
        ChannelsCommand::Capabilities { kind, markdown } => {
            capabilities(kind.as_deref(), *markdown, global, ui)
        }
    }
}

fn list(global: &Global, ui: &Ui) -> Result<Exit> {
    let config = load_config(global)?;
    if global.json {
        let channels: Vec<_> = config
            .channels
            .iter()
            .map(|channel| {
                json!({
                    "channel": channel.name,
                    "kind": channel.kind,
                    "enabled": channel.enabled,
                    "sandbox": channel.sandbox.is_some(),
                })
            })
            .collect();
        print_json(ui, &json!({"version": VERSION, "channels": channels}))?;
        return Ok(Exit::Done);
    }
    for channel in &config.channels {
        let sandbox = if channel.sandbox.is_some() {
            "  sandbox"
        } else {
            ""
        };
        let off = if channel.enabled { "" } else { "  off" };
        ui.data(&format!(
            "{:<20} {}{sandbox}{off}",
            channel.name, channel.kind
        ))?;
    }
    Ok(Exit::Done)
}

async fn check(global: &Global, ui: &Ui, halt: Halt) -> Result<Exit> {
    let session = Session::open(global, Contact::Online, halt).await?;
    let checks = join_all(
        session
            .channels
            .iter()
            .map(|channel| channel.connector.check()),
    )
    .await;
    let mut shown = Vec::new();
    let mut good = session.absentees.is_empty();
    for (channel, result) in session.channels.iter().zip(checks) {
        match result {
            Ok(account) => {
                let state = session.ledger.channel(&channel.name).await?;
                let credential_expires = account.credential_expires;
                session
                    .ledger
                    .set_channel(
                        &channel.name,
                        &ChannelState {
                            credential_expires,
                            ..state
                        },
                    )
                    .await?;
                if !global.json {
                    ui.data(&format!("{:<20} ok      {}", channel.name, account.name))?;
                }
                shown.push(json!({"channel": channel.name, "ok": true, "account": account.name, "error": null}));
            }
            Err(error) => {
                good = false;
                if !global.json {
                    ui.data(&format!("{:<20} failed", channel.name))?;
                    ui.complain(&report::error(&error, ui));
                }
                let issue = channel_issue(&channel.name, &error);
                shown.push(
                    json!({"channel": channel.name, "ok": false, "account": null, "error": issue}),
                );
            }
        }
    }
    for absentee in &session.absentees {
        if !global.json {
            ui.data(&format!("{:<20} failed", absentee.name))?;
            ui.complain(&report::error(&absentee.error, ui));
        }
        let issue = channel_issue(&absentee.name, &absentee.error);
        shown.push(json!({"channel": absentee.name, "ok": false, "account": null, "error": issue}));
    }
    if global.json {
        print_json(ui, &json!({"version": VERSION, "channels": shown}))?;
    }
    session.close(false, ui)?;
    Ok(if good { Exit::Done } else { Exit::Partly })
}

fn capabilities(kind: Option<&str>, markdown: bool, global: &Global, ui: &Ui) -> Result<Exit> {
    match kind {
        None if markdown => ui.data(&render::capabilities::markdown(&kinds()))?,
        None if global.json => print_json(ui, &render::capabilities::document(&kinds()))?,
        None => ui.data(&render::capabilities::text(&kinds(), ui.paint()))?,
        Some(kind) => {
            let factory = connectors::find(kind).ok_or_else(|| {
                let known: Vec<_> = kinds().iter().map(|descriptor| descriptor.kind).collect();
                Error::config(format!("there is no kind `{kind}`"))
                    .hint(format!("the kinds are: {}", known.join(", ")))
            })?;
            if global.json {
                print_json(ui, &render::capabilities::document(&[factory.descriptor]))?;
            } else {
                ui.data(&render::capabilities::details(
                    factory.descriptor,
                    ui.paint(),
                ))?;
            }
        }
    }
    Ok(Exit::Done)
}
