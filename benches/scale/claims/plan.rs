//! Planning: everything new, nothing touched, nothing to do, a little to do.
//!
//! The plan is that of the command line, from arguments to output, in a process of its own. The floors are the `csv`
//! crate reading the same file into byte records, and reading the file.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::runtime::Runtime;

use crate::Result;
use crate::catalog::{Shape, Source};
use crate::seller;
use crate::stage::{Figures, Part, Stage, timed};
use crate::table::{Line, Target, Unit};

pub const PARTS: &[Part] = &[
    Part {
        name: "plan-prepare-new",
        run: prepare_new,
    },
    Part {
        name: "plan-prepare-known",
        run: prepare_known,
    },
    Part {
        name: "plan-something",
        run: |folder, _| seller::skucast(folder, &["plan", "--quiet", "--exit-code"], 4),
    },
    Part {
        name: "plan-nothing",
        run: |folder, _| seller::skucast(folder, &["plan", "--quiet", "--exit-code"], 0),
    },
    Part {
        name: "csv-floor",
        run: csv_floor,
    },
    Part {
        name: "read-floor",
        run: read_floor,
    },
];

const MOST_MEMORY: Target = Target::AtMost(400.0);

pub fn first(stage: &Stage) -> Result<Vec<Line>> {
    lines("", first_of(stage, stage.path(), stage.size)?, 6.0)
}

/// The three plans of a seller whose channels show everything.
pub fn again(stage: &Stage) -> Result<Vec<Line>> {
    let folder = stage.path();
    stage.part("plan-prepare-known")?;
    let mut all = Vec::new();
    let settled = stage.duel(|| stage.part("plan-nothing"), || stage.part("read-floor"))?;
    all.extend(lines("nothing was touched", settled, 1.3)?);
    let nothing = nothing_of(stage, folder, stage.size)?;
    all.extend(lines("nothing to do, rows in another order", nothing, 2.0)?);
    let changed = changed_of(stage, folder, stage.size)?;
    all.extend(lines("1 % of the rows changed", changed, 2.5)?);
    let forgotten = stage.duel(
        || {
            std::fs::remove_file(memo(folder))?;
            stage.part("plan-something")
        },
        || stage.part("csv-floor"),
    )?;
    all.extend(lines(
        "the same, without the memo of the last push",
        forgotten,
        f64::INFINITY,
    )?);
    Ok(all)
}

/// Ours, and the floor.
type Duel = (Figures, Figures);

fn lines(what: &str, (ours, floor): Duel, most: f64) -> Result<Vec<Line>> {
    let named = |figure: &str| match what {
        "" => figure.to_owned(),
        what => format!("{what}: {figure}"),
    };
    let (time, memory) = match most.is_finite() {
        true => (Target::AtMost(most), MOST_MEMORY),
        false => (Target::None, Target::None),
    };
    Ok(vec![
        Line {
            target: time,
            ..Line::against(named("time"), ours.seconds, floor.seconds, most)
        },
        Line::alone(
            named("peak memory"),
            Unit::Mebibytes,
            ours.mebibytes(),
            memory,
        ),
    ])
}

/// A plan of everything.
pub fn first_of(stage: &Stage, folder: &Path, size: u64) -> Result<Duel> {
    stage.part_in("plan-prepare-new", folder, size)?;
    let run = |part| stage.part_in(part, folder, size);
    stage.duel(|| run("plan-something"), || run("csv-floor"))
}

/// A plan with nothing to do, where everything is known: the same rows in a file of another order.
pub fn nothing_of(stage: &Stage, folder: &Path, size: u64) -> Result<Duel> {
    let shape = Shape {
        first_product: size / 5,
        ..Shape::of(size)
    };
    after_a_push(stage, folder, shape, "plan-nothing")
}

/// A plan of 1 % of the rows, where everything is known.
pub fn changed_of(stage: &Stage, folder: &Path, size: u64) -> Result<Duel> {
    let shape = Shape {
        changed_one_in: 100,
        ..Shape::of(size)
    };
    after_a_push(stage, folder, shape, "plan-something")
}

/// Every round finds the memo of the last push, and not that of the round before.
fn after_a_push(stage: &Stage, folder: &Path, shape: Shape, part: &str) -> Result<Duel> {
    Source::open()?.write(&seller::catalog_file(folder), shape)?;
    let saved = folder.join("memo");
    if !saved.exists() {
        std::fs::copy(memo(folder), &saved)?;
    }
    let run = |part| stage.part_in(part, folder, shape.skus);
    stage.duel(
        || {
            std::fs::copy(&saved, memo(folder))?;
            run(part)
        },
        || run("csv-floor"),
    )
}

fn memo(folder: &Path) -> PathBuf {
    folder.join("skucast.db.memo")
}

/// A catalog, and channels that are known to be empty.
fn prepare_new(folder: &Path, size: u64) -> Result<Duration> {
    seller::configure_five(folder)?;
    Source::open()?.write(&seller::catalog_file(folder), Shape::of(size))?;
    let runtime = Runtime::new()?;
    runtime.block_on(async {
        let ledger = seller::open_ledger(folder).await?;
        for channel in seller::CHANNELS {
            seller::met(ledger.as_ref(), channel).await?;
        }
        ledger.close().await;
        Ok(Duration::ZERO)
    })
}

/// A catalog, and channels that show all of it.
fn prepare_known(folder: &Path, size: u64) -> Result<Duration> {
    seller::configure_five(folder)?;
    Source::open()?.write(&seller::catalog_file(folder), Shape::of(size))?;
    seller::push_everything_once(folder)?;
    // Finds nothing to do, and leaves behind whatever a push leaves for the next plan. Of real catalogs some rows are
    // held back, which ends with another code.
    let push = ["push", "--quiet"];
    seller::skucast(folder, &push, 0).or_else(|_| seller::skucast(folder, &push, 3))
}

fn csv_floor(folder: &Path, _: u64) -> Result<Duration> {
    let (bytes, took) = timed(|| {
        let mut reader = csv::Reader::from_path(seller::catalog_file(folder))?;
        let mut record = csv::ByteRecord::new();
        let mut bytes = 0;
        while reader.read_byte_record(&mut record)? {
            bytes += record.as_slice().len();
        }
        Ok(bytes)
    })?;
    std::hint::black_box(bytes);
    Ok(took)
}

fn read_floor(folder: &Path, _: u64) -> Result<Duration> {
    let (bytes, took) = timed(|| {
        let mut file = std::fs::File::open(seller::catalog_file(folder))?;
        let mut buffer = vec![0; 128 * 1024];
        let mut bytes = 0;
        loop {
            match file.read(&mut buffer)? {
                0 => return Ok(bytes),
                read => bytes += read,
            }
        }
    })?;
    std::hint::black_box(bytes);
    Ok(took)
}
