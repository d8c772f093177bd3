//! Starting: the version, and how the channels stand.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use skucast::domain::ids::{ChannelName, Sku};
use skucast::domain::ledger::Ledger;
use skucast::domain::listing::Facets;
use skucast::domain::money::{Money, currency};
use tokio::runtime::Runtime;

use crate::Result;
use crate::seller::{self, CHANNELS};
use crate::stage::{Part, Stage, timed};
use crate::table::Line;

pub const PARTS: &[Part] = &[Part {
    name: "status-prepare",
    run: prepare,
}];

/// Starting takes so little that one more does not matter.
const STARTS: u32 = 50;

pub fn start(stage: &Stage) -> Result<Vec<Line>> {
    stage.part("status-prepare")?;
    let empty = empty_program(stage.path())?;
    let skucast = Path::new(env!("CARGO_BIN_EXE_skucast"));
    let mut best = [Duration::MAX; 3];
    for _ in 0..STARTS {
        let commands: [(&Path, &[&str]); 3] = [
            (&empty, &[]),
            (skucast, &["--version"]),
            (skucast, &["status"]),
        ];
        for (best, (program, arguments)) in best.iter_mut().zip(commands) {
            *best = (*best).min(run(program, arguments, stage.path())?);
        }
    }
    let [empty, version, status] = best.map(|best| best.as_secs_f64());
    Ok(vec![
        Line::against("--version", version, empty, 3.0),
        Line::against("status", status, empty, 50.0),
    ])
}

fn run(program: &Path, arguments: &[&str], folder: &Path) -> Result<Duration> {
    let mut command = Command::new(program);
    command
        .args(arguments)
        .current_dir(folder)
        .env_remove("SKUCAST_CONFIG")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let (status, took) = timed(|| Ok(command.status()?))?;
    match status.success() {
        true => Ok(took),
        false => Err(format!("`{} {}` failed", program.display(), arguments.join(" ")).into()),
    }
}

/// What the system needs to start anything at all.
fn empty_program(folder: &Path) -> Result<std::path::PathBuf> {
    let (source, program) = (folder.join("empty.rs"), folder.join("empty"));
    std::fs::write(&source, "fn main() {}\n")?;
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let built = Command::new(rustc)
        .arg("-O")
        .arg("-o")
        .arg(&program)
        .arg(&source)
        .status()?;
    match built.success() {
        true => Ok(program),
        false => Err("the empty program could not be built".into()),
    }
}

/// A ledger in which every channel shows every sku.
fn prepare(folder: &Path, size: u64) -> Result<Duration> {
    seller::configure_five(folder)?;
    let euro = currency("EUR").ok_or("no euro")?;
    Runtime::new()?.block_on(async {
        let ledger = seller::open_ledger(folder).await?;
        for channel in CHANNELS {
            seller::met(ledger.as_ref(), channel).await?;
            for first in (0..size).step_by(10_000) {
                let records: Vec<_> = (first..size.min(first + 10_000))
                    .map(|number| {
                        let facets = Facets {
                            price: Some(Money::new(number.into(), euro)),
                            quantity: Some(number),
                            ..Facets::default()
                        };
                        (
                            Sku::new(format!("SKU-{number:07}")),
                            seller::confirmed(number, facets),
                        )
                    })
                    .collect();
                ledger
                    .record_listings(&ChannelName::new(channel), &records)
                    .await?;
            }
        }
        ledger.close().await;
        Ok(Duration::ZERO)
    })
}
