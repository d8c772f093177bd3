//! What speed costs against its floor, and beside what a seller would do instead, measured in the same run.
//!
//! `cargo bench --bench scale -- [CLAIM...] [--size N] [--rounds N] [--json FILE] [--list]`
//!
//! A claim sets something this program does beside the least that anybody could do for it: parse the same file, insert
//! the same rows, send the same bodies. The ratio of the two means the same on every machine; seconds do not. Both
//! sides run in a process of their own, several times in turn, and the best of each counts, which is the one that
//! other work on the machine disturbed least.
//!
//! Claims that need Python beside, for the scripts of a seller, say `skipped: ...` without it.
//!
//! | module | job |
//! |---|---|
//! | [`claims`] | one file per claim, its floor beside it |
//! | [`catalog`] | catalogs of any size, from real rows and a seed |
//! | [`stage`] | the folder of a claim, and the processes that work in it |
//! | [`python`] | the scripts that a seller would write instead |
//! | [`sink`] | a channel's server that says yes, with a quota or without |
//! | [`metered`] | a connector with a quota of its own |
//! | [`table`] | what was measured, for people and for programs |

mod catalog;
mod claims;
mod metered;
mod python;
mod seller;
mod sink;
mod stage;
mod table;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;

use claims::CLAIMS;
use python::Unavailable;
use stage::Stage;
use table::Report;

type Result<T, E = Box<dyn std::error::Error>> = std::result::Result<T, E>;

#[derive(Debug, Parser)]
#[command(name = "scale", about = "What speed costs against its floor")]
struct Arguments {
    /// Which claims, by the start of their names; all when none is named
    claims: Vec<String>,
    /// Skus, outcomes, changes: whatever the claim counts; each has its own default
    #[arg(long)]
    size: Option<u64>,
    /// How often each side is measured
    #[arg(long, default_value_t = 3)]
    rounds: u32,
    /// Writes what was measured as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Names the claims and ends
    #[arg(long)]
    list: bool,
    /// Given by cargo
    #[arg(long, hide = true)]
    bench: bool,
    /// Runs one side of a claim in this process
    #[arg(long, hide = true)]
    part: Option<String>,
    #[arg(long, hide = true, default_value = ".")]
    folder: PathBuf,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let done = match &arguments.part {
        Some(part) => stage::run_part(part, &arguments.folder, arguments.size.unwrap_or(0)),
        None => measure(&arguments),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn measure(arguments: &Arguments) -> Result<()> {
    let chosen: Vec<_> = CLAIMS
        .iter()
        .filter(|claim| {
            let wanted = &arguments.claims;
            wanted.is_empty() || wanted.iter().any(|name| claim.name.starts_with(name))
        })
        .collect();
    if chosen.is_empty() {
        return Err("no claim is called so; `--list` names them all".into());
    }
    if arguments.list {
        for claim in chosen {
            println!("{:16} {}", claim.name, claim.says);
        }
        return Ok(());
    }
    let mut report = Report::begin();
    for claim in chosen {
        let size = arguments.size.unwrap_or(claim.size);
        eprintln!("{} ({size}) ...", claim.name);
        let stage = Stage::new(size, arguments.rounds)?;
        match (claim.measure)(&stage) {
            Ok(lines) => report.add(claim.name, size, lines),
            Err(error) if error.is::<Unavailable>() => println!("skipped: {}: {error}", claim.name),
            Err(error) => return Err(format!("{}: {error}", claim.name).into()),
        }
    }
    print!("{}", report.text());
    if let Some(file) = &arguments.json {
        std::fs::write(file, report.json()?)?;
    }
    Ok(())
}
