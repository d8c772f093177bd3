//! What has changed between two versions of a catalog, 1 % of its rows.
//!
//! The scripts read both files and write the rows that differ. We read the new one, compare it with what the ledger and
//! its memo know of five channels, and write what is to be sent to each of them.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::Result;
use crate::catalog::{Shape, Source};
use crate::python::Python;
use crate::seller;
use crate::stage::{Figures, Stage, whole_process};
use crate::table::{Line, Unit};

const CHANGED_ONE_IN: u64 = 100;

pub fn diff(stage: &Stage) -> Result<Vec<Line>> {
    let python = Python::ready()?;
    let memo = prepare(stage)?;
    let changed = stage.size.div_ceil(CHANGED_ONE_IN);
    let [ours, duckdb, polars] = stage.contest([
        &mut || ours(stage.path(), &memo, changed),
        &mut || script(&python, "diff_duckdb.py", stage.path(), changed),
        &mut || script(&python, "diff_polars.py", stage.path(), changed),
    ])?;
    let lines = [("DuckDB", duckdb), ("Polars", polars)].map(|(name, script)| {
        [
            Line::beside(
                format!("time, beside a script over {name}"),
                Unit::Seconds,
                ours.seconds,
                script.seconds,
            ),
            Line::beside(
                format!("peak memory, beside a script over {name}"),
                Unit::Mebibytes,
                ours.mebibytes(),
                script.mebibytes(),
            ),
        ]
    });
    Ok(lines.into_iter().flatten().collect())
}

/// Five channels that show all of the catalog as it was, and the catalog as it is now. Answers the memo that the last
/// push left.
fn prepare(stage: &Stage) -> Result<Vec<u8>> {
    stage.part("plan-prepare-known")?;
    // The memo of another program says nothing to the binary: the last push has to be its own.
    whole_process(&mut seller::binary(stage.path(), &["push", "--quiet"]))?;
    let memo = std::fs::read(memo_file(stage.path()))?;
    std::fs::rename(seller::catalog_file(stage.path()), before(stage.path()))?;
    let shape = Shape {
        changed_one_in: CHANGED_ONE_IN,
        ..Shape::of(stage.size)
    };
    Source::open()?.write(&seller::catalog_file(stage.path()), shape)?;
    Ok(memo)
}

fn ours(folder: &Path, memo: &[u8], changed: u64) -> Result<Figures> {
    // A plan remembers what it has found: the next round must not find it easier.
    std::fs::write(memo_file(folder), memo)?;
    let out = folder.join("plan.json");
    let mut command = seller::binary(folder, &["plan", "--quiet", "--out"]);
    let figures = whole_process(command.arg(&out))?;
    expect("the plan", changed_skus(&out)?, changed)?;
    std::fs::remove_file(out)?;
    Ok(figures)
}

fn script(python: &Python, name: &str, folder: &Path, changed: u64) -> Result<Figures> {
    let out = folder.join("changes.csv");
    let mut command = python.script(name);
    command
        .arg(before(folder))
        .arg(seller::catalog_file(folder))
        .arg(&out);
    let figures = whole_process(&mut command).map_err(|error| format!("{name}: {error}"))?;
    expect(name, changed_rows(&out)?, changed)?;
    std::fs::remove_file(out)?;
    Ok(figures)
}

fn before(folder: &Path) -> PathBuf {
    folder.join("before.csv")
}

fn memo_file(folder: &Path) -> PathBuf {
    folder.join("skucast.db.memo")
}

fn expect(who: &str, found: u64, changed: u64) -> Result<()> {
    match found == changed {
        true => Ok(()),
        false => Err(format!("{changed} rows have changed, and {who} has {found}").into()),
    }
}

#[derive(Deserialize)]
struct Plan {
    channels: Vec<Planned>,
}

#[derive(Deserialize)]
struct Planned {
    rows: Vec<Row>,
}

#[derive(Deserialize)]
struct Row {
    sku: String,
}

/// Skus with a change on any channel. One row of the catalog comes to as many changes as channels show it, or to fewer:
/// a buffer, a share or the most that a channel may offer swallow some changes of a stock, but not on all five.
fn changed_skus(plan: &Path) -> Result<u64> {
    let plan: Plan = serde_json::from_slice(&std::fs::read(plan)?)?;
    let rows = plan.channels.iter().flat_map(|channel| &channel.rows);
    let skus: HashSet<&str> = rows.map(|row| row.sku.as_str()).collect();
    Ok(skus.len() as u64)
}

/// Nothing came or went between the two versions: a row that says so counts for nothing.
fn changed_rows(file: &Path) -> Result<u64> {
    let mut reader = csv::Reader::from_path(file)?;
    let change = reader
        .headers()?
        .iter()
        .position(|name| name == "change")
        .ok_or("the script does not say what became of a row")?;
    let mut changed = 0;
    for record in reader.records() {
        match &record?[change] {
            "changed" => changed += 1,
            other => return Err(format!("no row is {other}").into()),
        }
    }
    Ok(changed)
}
