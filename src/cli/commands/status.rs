//! `status`: how every channel stands, from the ledger alone.

use jiff::Timestamp;

use super::print_json;
use crate::cli::args::Global;
use crate::cli::exit::Exit;
use crate::cli::render;
use crate::cli::render::status::{ChannelStatus, StatusView, grouped};
use crate::cli::session::load_config;
use crate::cli::ui::Ui;
use crate::connectors;
use crate::domain::Result;
use crate::domain::ledger::Ledger;

pub async fn run(global: &Global, ui: &Ui) -> Result<Exit> {
    let config = load_config(global)?;
    let ledger = crate::ledger::open(&config.ledger_url, &config.folder).await?;
    let mut channels = Vec::new();
    for channel in &config.channels {
        let name = &channel.name;
        if !global.channel.is_empty()
            && !global.channel.iter().any(|wanted| wanted == name.as_str())
        {
            continue;
        }
        let standing = ledger.standing(name).await?;
        let pending = ledger.pending(name).await?;
        channels.push(ChannelStatus {
            name: name.clone(),
            kind: channel.kind,
            pulls_orders: connectors::find(channel.kind)
                .is_some_and(|factory| factory.descriptor.capability.orders_pull),
            state: ledger.channel(name).await?,
            live: standing.live,
            pending: grouped(&pending),
            rejected: ledger.rejections(name).await?,
            in_doubt: standing.in_doubt,
            unreadable_orders: standing.unreadable_orders,
        });
    }
    let view = StatusView {
        channels,
        last_run: ledger.runs(1).await?.into_iter().next(),
    };
    if global.json {
        print_json(ui, &render::status::document(&view))?;
    } else {
        ui.data(&render::status::text(&view, Timestamp::now(), ui.paint()))?;
    }
    Ok(Exit::Done)
}
