//! `orders list`, `show` and `export`: the ledger only, no channel is asked.

use std::path::Path;

use super::print_json;
use crate::cli::args::{ExportFormat, Global, OrderArgs, OrdersCommand};
use crate::cli::exit::Exit;
use crate::cli::render;
use crate::cli::session::load_config;
use crate::cli::ui::Ui;
use crate::domain::ids::{ChannelName, ChannelOrderId};
use crate::domain::ledger::{Ledger, LedgerOrder, OrderFilter};
use crate::domain::{Error, Result};
use jiff::Timestamp;

pub async fn run(command: &OrdersCommand, global: &Global, ui: &Ui) -> Result<Exit> {
    let config = load_config(global)?;
    let ledger = crate::ledger::open(&config.ledger_url, &config.folder).await?;
    let channels: Vec<ChannelName> = global.channel.iter().map(ChannelName::new).collect();
    let filter = |arguments: &OrderArgs| OrderFilter {
        channels: channels.clone(),
        status: arguments.status,
        since: arguments.since,
        id: None,
    };
    match command {
        OrdersCommand::List(arguments) => {
            let orders = ledger.orders(&filter(arguments)).await?;
            if global.json {
                print_json(ui, &render::orders::document(&orders))?;
            } else {
                ui.data(&render::orders::list(&orders, Timestamp::now(), ui.paint()))?;
            }
        }
        OrdersCommand::Show { order } => {
            let filter = OrderFilter {
                channels,
                id: Some(ChannelOrderId::new(order)),
                ..OrderFilter::default()
            };
            let orders = ledger.orders(&filter).await?;
            if orders.is_empty() {
                return Err(Error::config(format!("order `{order}` is not in the ledger"))
                    .hint("`skucast pull` reads new orders; `skucast orders list` shows those that are here"));
            }
            if global.json {
                print_json(ui, &render::orders::document(&orders))?;
            } else {
                for order in &orders {
                    ui.data(&render::orders::show(order, Timestamp::now(), ui.paint()))?;
                }
            }
        }
        OrdersCommand::Export {
            orders: arguments,
            format,
            out,
        } => {
            let orders = ledger.orders(&filter(arguments)).await?;
            export(&orders, *format, out.as_deref(), ui)?;
        }
    }
    Ok(Exit::Done)
}

fn export(orders: &[LedgerOrder], format: ExportFormat, out: Option<&Path>, ui: &Ui) -> Result<()> {
    let text = match format {
        ExportFormat::Csv => render::orders::csv(orders),
        ExportFormat::Json => render::json(&render::orders::document(orders)),
    };
    match out {
        None => ui.data(text.trim_end())?,
        Some(file) => {
            std::fs::write(file, text).map_err(|error| {
                Error::config(format!("`{}` cannot be written", file.display())).caused_by(error)
            })?;
            ui.say(&format!(
                "{} orders are in {}",
                orders.len(),
                file.display()
            ));
        }
    }
    Ok(())
}
