//! What can be typed after `skucast`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};
use jiff::{SignedDuration, Timestamp};

use super::ui::{ColorChoice, UiOptions};
use crate::domain::change::Lane;
use crate::domain::order::OrderStatus;

/// One catalog, many channels: push listings, prices and stock, pull orders
#[derive(Debug, Parser)]
#[command(name = "skucast", version, max_term_width = 100, after_help = EXIT_CODES)]
pub struct Cli {
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    pub command: Command,
}

const EXIT_CODES: &str = "\
Exit codes:
    0  done
    1  failed
    2  usage or configuration
    3  some items or channels failed, the rest is done
    4  changes are pending (plan --exit-code)
    5  stopped by the guard
    6  another run holds the lock
    7  the time budget ran out, the remainder is kept
  130  interrupted";

#[derive(Debug, Args)]
#[command(next_help_heading = "Everywhere")]
pub struct Global {
    /// The configuration file
    #[arg(
        long,
        global = true,
        env = "SKUCAST_CONFIG",
        default_value = "channels.toml",
        value_name = "FILE"
    )]
    pub config: PathBuf,
    /// Only this channel (repeatable)
    #[arg(long, global = true, value_name = "NAME")]
    pub channel: Vec<String>,
    /// Only skus like this: * stands for anything, ? for one character (repeatable)
    #[arg(long, global = true, value_name = "GLOB")]
    pub sku: Vec<String>,
    /// Only these changes, separated by commas
    #[arg(
        long,
        global = true,
        value_enum,
        value_delimiter = ',',
        value_name = "WHAT"
    )]
    pub only: Vec<Only>,
    /// Print one JSON document instead of text
    #[arg(long, global = true)]
    pub json: bool,
    /// Say nothing but results and errors
    #[arg(short, long, global = true)]
    pub quiet: bool,
    /// Say more; -vv names every request
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub verbose: u8,
    /// Show no progress
    #[arg(long, global = true)]
    pub no_progress: bool,
    /// Color the output
    #[arg(
        long,
        global = true,
        value_enum,
        default_value = "auto",
        value_name = "WHEN"
    )]
    pub color: ColorChoice,
    /// When the stock was counted, as 2026-11-01T06:00:00Z, for rows without `as_of` (otherwise: when the file was
    /// last changed)
    #[arg(long, global = true, value_name = "TIME")]
    pub stock_as_of: Option<Timestamp>,
}

impl Global {
    pub fn ui(&self) -> UiOptions {
        UiOptions {
            color: self.color,
            quiet: self.quiet,
            verbose: self.verbose,
            no_progress: self.no_progress,
            json: self.json,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Only {
    Stock,
    Price,
    Listing,
}

impl Only {
    pub fn lanes(self) -> &'static [Lane] {
        match self {
            Self::Stock => &[Lane::Zero, Lane::Stock],
            Self::Price => &[Lane::Price],
            Self::Listing => &[Lane::Listing, Lane::End],
        }
    }
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Write a commented channels.toml, a small catalog and a stock file that work at once
    Init {
        /// The folder, made when it is missing
        #[arg(default_value = ".")]
        dir: PathBuf,
        /// Replace files that are there
        #[arg(long)]
        force: bool,
    },
    /// Find every problem of the files that can be found without asking a channel
    Check {
        /// SARIF is for code review tools
        #[arg(long, value_enum, default_value = "text", value_name = "FORMAT")]
        format: CheckFormat,
    },
    /// Show what would change on every channel, and change nothing
    Plan {
        /// Markdown is for a pull request
        #[arg(long, value_enum, default_value = "text", value_name = "FORMAT")]
        format: PlanFormat,
        /// Write the plan to a file too, for `push --plan`
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
        /// Exit with 4 when there is something to change
        #[arg(long)]
        exit_code: bool,
    },
    /// Send the changes, without pulling orders first
    Push(PushArgs),
    /// Pull orders into the ledger
    Pull {
        #[command(flatten)]
        limits: LimitArgs,
    },
    /// Pull orders, then push what changed: the cron job
    Sync(PushArgs),
    /// Tell how every channel stands: last success, what waits, what was refused
    Status,
    /// Show every step from the catalog to the price and stock of one sku on each channel
    Explain {
        /// As in the catalog
        sku: String,
    },
    /// Look at the orders in the ledger
    #[command(subcommand)]
    Orders(OrdersCommand),
    /// Tell the channels which parcels have left, from a CSV
    Ship {
        /// CSV with the columns order, carrier, tracking; where needed also channel and shipped_at, and sku and quantity
        /// for a part of an order
        file: PathBuf,
    },
    /// Look at the configured channels, and at what each kind can do
    #[command(subcommand)]
    Channels(ChannelsCommand),
    /// Serve one emulated channel until it is stopped, for rehearsals
    Sandbox(SandboxArgs),
    /// Write a completion script for a shell to stdout
    Completions {
        /// Which shell
        shell: clap_complete::Shell,
    },
    /// Write the manual page to stdout
    Man,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum CheckFormat {
    Text,
    Json,
    Sarif,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum PlanFormat {
    Text,
    Json,
    Markdown,
}

#[derive(Debug, Args)]
pub struct LimitArgs {
    /// Start nothing new after so long and keep the remainder: 50s, 10m
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub time: Option<Duration>,
}

#[derive(Debug, Args)]
pub struct PushArgs {
    /// Send exactly this plan; refuse rows that have changed since it was made
    #[arg(long, value_name = "FILE")]
    pub plan: Option<PathBuf>,
    /// Change nothing; let the channels that can do so validate the listings
    #[arg(long)]
    pub dry_run: bool,
    /// Let pass once what the guard stopped: the token that it named (repeatable)
    #[arg(long, value_name = "TOKEN")]
    pub approve: Vec<String>,
    /// Wait at the end for what channels took for later: 30s, 5m
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub wait: Option<Duration>,
    #[command(flatten)]
    pub limits: LimitArgs,
}

#[derive(Debug, Subcommand)]
pub enum OrdersCommand {
    /// List orders, the newest first
    List(OrderArgs),
    /// Show one order with its lines, money and parcels
    Show {
        /// The channel's id of the order
        order: String,
    },
    /// Write orders for a spreadsheet, one row per line, or as JSON
    Export {
        #[command(flatten)]
        orders: OrderArgs,
        /// CSV or JSON
        #[arg(long, value_enum, default_value = "csv", value_name = "FORMAT")]
        format: ExportFormat,
        /// Write to this file instead of stdout
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ExportFormat {
    Csv,
    Json,
}

#[derive(Debug, Args)]
pub struct OrderArgs {
    /// Only orders that stand so: pending, open, partially_shipped, shipped, canceled, refunded, failed
    #[arg(long, value_parser = status, value_name = "STATUS")]
    pub status: Option<OrderStatus>,
    /// Only orders placed since then: 2026-11-01T00:00:00Z, or 7d
    #[arg(long, value_parser = since, value_name = "TIME")]
    pub since: Option<Timestamp>,
}

#[derive(Debug, Subcommand)]
pub enum ChannelsCommand {
    /// List the channels of the configuration
    List,
    /// Prove each credential with one cheap call
    Check,
    /// Show what each kind of channel can do
    Capabilities {
        /// Show limits, quotas and settings of this kind: woocommerce
        kind: Option<String>,
        /// Print the table as Markdown
        #[arg(long)]
        markdown: bool,
    },
    /// Write what is live on a channel as a catalog, which reads back to an empty plan
    Export {
        /// The channel's name in the configuration
        name: String,
        /// Your own catalog, or Shopify's product CSV
        #[arg(long, value_enum, default_value = "native", value_name = "FORMAT")]
        format: CatalogFormat,
        /// Write to this file instead of stdout
        #[arg(long, alias = "output", value_name = "FILE")]
        out: Option<PathBuf>,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum CatalogFormat {
    Native,
    Shopify,
}

#[derive(Debug, Args)]
pub struct SandboxArgs {
    /// Which kind of channel: woocommerce
    #[arg(long)]
    pub kind: String,
    /// The port on this machine; 0 takes any free one
    #[arg(long, default_value_t = 0)]
    pub port: u16,
    /// Keep listings and orders in this file between runs
    #[arg(long, value_name = "FILE")]
    pub state: Option<PathBuf>,
    /// What goes wrong: none, throttled, flaky, lossy, ignoring, stuck, looping, or a JSON file
    #[arg(long, default_value = "none", value_name = "PROFILE")]
    pub faults: String,
    /// The same number meets the same faults
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
}

fn duration(text: &str) -> Result<Duration, String> {
    let parsed: SignedDuration = text
        .parse()
        .map_err(|_| format!("`{text}` is no duration: write 30s, 10m or 1h30m"))?;
    Duration::try_from(parsed).map_err(|_| "a duration cannot be negative".to_owned())
}

fn status(text: &str) -> Result<OrderStatus, String> {
    OrderStatus::parse(text).ok_or_else(|| {
        let known: Vec<_> = OrderStatus::ALL
            .iter()
            .map(|status| status.as_str())
            .collect();
        format!("`{text}` is no status: {}", known.join(", "))
    })
}

fn since(text: &str) -> Result<Timestamp, String> {
    if let Ok(at) = text.parse() {
        return Ok(at);
    }
    let days = text
        .strip_suffix('d')
        .and_then(|days| days.parse::<i64>().ok());
    let back = days
        .map(|days| SignedDuration::from_hours(24 * days))
        .or_else(|| text.parse().ok());
    back.and_then(|back| Timestamp::now().saturating_sub(back).ok())
        .ok_or_else(|| {
            format!("`{text}` is neither a time as 2026-11-01T00:00:00Z nor an age as 7d")
        })
}
