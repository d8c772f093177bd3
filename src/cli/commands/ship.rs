//! `ship FILE`: reads the seller's list of parcels and confirms them.

use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;

use super::print_json;
use crate::app::ship::{Parcel, ship};
use crate::cli::args::Global;
use crate::cli::exit::Exit;
use crate::cli::render;
use crate::cli::session::{Contact, Session};
use crate::cli::ui::Ui;
use crate::domain::ids::{ChannelName, Sku};
use crate::domain::issue::{Issue, Source};
use crate::domain::{Error, Result};
use crate::halt::Halt;

pub async fn run(file: &Path, global: &Global, ui: &Ui, halt: Halt) -> Result<Exit> {
    let (parcels, unreadable) = read(file)?;
    let session = Session::open(global, Contact::Online, halt).await?;
    let ledger = session.ledger();
    let Some(_lock) = ledger.lock().await? else {
        ui.warn("another run of skucast is working on this ledger; this one did nothing");
        session.close(false, ui)?;
        return Ok(Exit::Locked);
    };
    let mut shipped = ship(&session.channels, &ledger, parcels, Timestamp::now()).await?;
    shipped.failed += unreadable.len() as u64;
    shipped.issues.extend(unreadable);
    if global.json {
        print_json(ui, &render::ship::document(&shipped))?;
    } else {
        ui.data(&render::ship::text(&shipped, ui.paint()))?;
    }
    session.close(false, ui)?;
    Ok(if shipped.failed > 0 {
        Exit::Partly
    } else {
        Exit::Done
    })
}

/// One parcel per row; rows that cannot be read are issues.
fn read(file: &Path) -> Result<(Vec<Parcel>, Vec<Issue>)> {
    let unusable = |error: csv::Error| {
        Error::config(format!("`{}` cannot be read", file.display()))
            .hint("it needs the columns order, carrier and tracking, separated by commas")
            .caused_by(error)
    };
    let text = std::fs::read(file).map_err(|error| unusable(error.into()))?;
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(delimiter(&text))
        .trim(csv::Trim::All)
        .flexible(true)
        .from_reader(text.as_slice());
    let headers = reader.headers().map_err(unusable)?.clone();
    let column = |name: &str| {
        headers.iter().position(|header| {
            header
                .trim_start_matches('\u{feff}')
                .eq_ignore_ascii_case(name)
        })
    };
    let require = |name: &str| {
        column(name).ok_or_else(|| {
            let found: Vec<_> = headers.iter().collect();
            Error::config(format!("`{}` has no column `{name}`", file.display()))
                .hint(format!("it has: {}", found.join(", ")))
        })
    };
    let (order, carrier, tracking) = (require("order")?, require("carrier")?, require("tracking")?);
    let (channel, sku) = (column("channel"), column("sku"));
    let (quantity, shipped_at) = (column("quantity"), column("shipped_at"));
    let name: Arc<str> = file.display().to_string().into();
    let (mut parcels, mut issues) = (Vec::new(), Vec::new());
    for record in reader.records() {
        let record = record.map_err(unusable)?;
        let line = record.position().map_or(0, csv::Position::line);
        let cell = |position: Option<usize>| {
            position
                .and_then(|position| record.get(position))
                .filter(|text| !text.is_empty())
        };
        let mut problem = |column: &str, value: Option<&str>, message: &str, hint: &str| {
            issues.push(
                Issue::error("ship_row", message)
                    .field(column)
                    .hint(hint)
                    .at(&name, line, Some(column), value),
            );
        };
        let (Some(order), Some(carrier), Some(tracking)) =
            (cell(Some(order)), cell(Some(carrier)), cell(Some(tracking)))
        else {
            problem(
                "order",
                None,
                "order, carrier and tracking must all be there",
                "complete the row",
            );
            continue;
        };
        let quantity = match cell(quantity).map(|text| (text, text.parse::<u64>())) {
            Some((text, Err(_))) => {
                problem(
                    "quantity",
                    Some(text),
                    "the quantity is not a whole number",
                    "write 1, 2, 3 …",
                );
                continue;
            }
            parsed => parsed.and_then(|(_, number)| number.ok()),
        };
        let shipped_at = match cell(shipped_at).map(|text| (text, text.parse::<Timestamp>())) {
            Some((text, Err(_))) => {
                problem(
                    "shipped_at",
                    Some(text),
                    "the time cannot be read",
                    "write it as 2026-11-21T14:30:00Z",
                );
                continue;
            }
            parsed => parsed.and_then(|(_, at)| at.ok()),
        };
        parcels.push(Parcel {
            order: order.to_owned(),
            channel: cell(channel).map(ChannelName::new),
            carrier: carrier.to_owned(),
            tracking: tracking.to_owned(),
            sku: cell(sku).map(Sku::new),
            quantity,
            shipped_at,
            source: Source {
                file: name.clone(),
                line,
                column: Some("order".to_owned()),
                value: Some(order.to_owned()),
            },
        });
    }
    Ok((parcels, issues))
}

/// What separates the names in the first line: spreadsheets of some countries write semicolons.
fn delimiter(text: &[u8]) -> u8 {
    let first_line = text
        .split(|byte| matches!(byte, b'\n' | b'\r'))
        .next()
        .unwrap_or_default();
    let count = |wanted: u8| first_line.iter().filter(|byte| **byte == wanted).count();
    [b',', b';', b'\t']
        .into_iter()
        .rev()
        .max_by_key(|byte| count(*byte))
        .unwrap_or(b',')
}
