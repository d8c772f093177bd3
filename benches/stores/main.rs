//! skucast beside the importers that stores bring themselves, and beside scripts over the vendor's client library.
//!
//! `cargo bench --bench stores -- [KIND...] [--products N] [--changed N] [--json FILE]`
//!
//! One real server per kind, started by `tests/live/serve`. Each contender gets a store of its own on it (a sales channel
//! with a stock location) and the same generated catalog under skus of its own. It loads the catalog, then a few products
//! change and it runs again. What it sent is counted on the way, by a proxy that all of them go through; what then stands
//! in the store is read back and compared with the catalog.
//!
//! | module | job |
//! |---|---|
//! | [`catalog`] | products from a seed, and the same with a few changes |
//! | [`contender`] | one that loads a catalog, and what it took |
//! | [`process`] | memory and working time of a process |
//! | [`proxy`] | the detour that counts |
//! | [`server`] | the real server, from its start to its end |
//! | [`shops`] | what differs between kinds: a store on the server, its import file, what it shows |
//! | [`table`] | what was measured, for people and for programs |
//! | [`verdict`] | what is missing, double or wrong in a store |

mod catalog;
mod contender;
mod process;
mod proxy;
mod server;
mod shops;
mod table;
mod verdict;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;

use catalog::Catalog;
use contender::{Contender, Stage};
use proxy::Proxy;
use server::Server;
use table::{Line, Report};

type Result<T, E = Box<dyn std::error::Error>> = std::result::Result<T, E>;

/// Goods of the run that nobody looks at.
const WARM_UP: usize = 20;

#[derive(Debug, Parser)]
#[command(
    name = "stores",
    about = "skucast beside the importers of the stores themselves"
)]
struct Arguments {
    /// vendure, medusa; all when none is named
    kinds: Vec<String>,
    /// Of the first load
    #[arg(long, default_value_t = 2000)]
    products: usize,
    /// Between the first run and the second
    #[arg(long, default_value_t = 20)]
    changed: usize,
    /// Who takes part, in this order; skucast goes last unless told otherwise, when the server holds most
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    order: Vec<String>,
    /// Prints what was sent, by operation
    #[arg(long)]
    operations: bool,
    /// Writes what was measured as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Given by cargo
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let done = tokio::runtime::Runtime::new()
        .map_err(Into::into)
        .and_then(|runtime| runtime.block_on(measure(&arguments)));
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn measure(arguments: &Arguments) -> Result<()> {
    let mut kinds: Vec<&str> = arguments.kinds.iter().map(String::as_str).collect();
    if kinds.is_empty() {
        kinds.extend(shops::KINDS);
    }
    if let Some(unknown) = kinds.iter().find(|kind| !shops::KINDS.contains(*kind)) {
        return Err(format!(
            "there is no {unknown} here; there are {}",
            shops::KINDS.join(", ")
        )
        .into());
    }
    let order = contender::order(&arguments.order)?;
    let mut report = Report::begin(arguments.products, arguments.changed);
    for kind in kinds {
        match Server::start(kind).await? {
            Ok(server) => {
                let load = process::load();
                let lines = compare(arguments, &server, kind, &order).await;
                server.stop().await?;
                report.add(kind, load, lines?);
                print!("{}", report.last(arguments.operations));
            }
            Err(skipped) => println!("skipped: {skipped}"),
        }
    }
    if let Some(file) = &arguments.json {
        std::fs::write(file, report.json()?)?;
    }
    Ok(())
}

async fn compare(
    arguments: &Arguments,
    server: &Server,
    kind: &str,
    order: &[Contender],
) -> Result<Vec<Line>> {
    let proxy = Proxy::start(server.url()).await?;
    let shop = shops::open(kind, server).await?;
    let stage = Stage {
        server,
        proxy: &proxy,
        shop: shop.as_ref(),
        folder: tempfile::tempdir()?,
    };
    stage.install().await?;
    // A server compiles what it runs often: the first who comes must not pay for the others.
    for contender in order {
        eprintln!("{kind}: {}, to warm up", contender.name());
        let mark = format!("W{}", contender.mark());
        stage
            .measure(*contender, &Catalog::generate(&mark, WARM_UP), 1)
            .await?;
    }
    let mut lines = Vec::new();
    for contender in order {
        eprintln!(
            "{kind}: {}, {} products",
            contender.name(),
            arguments.products
        );
        let catalog = Catalog::generate(contender.mark(), arguments.products);
        lines.extend(
            stage
                .measure(*contender, &catalog, arguments.changed)
                .await?,
        );
    }
    Ok(lines)
}
