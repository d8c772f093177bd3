//! Planning: everything new, nothing to do, a little to do.
//!
//! The plan is that of the command line, from arguments to output, in a process of its own. The floors are the `csv`
//! crate reading the same file into byte records, and reading the file.

use std::io::Read;
use std::path::Path;
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
    stage.part("plan-prepare-new")?;
    lines(stage, "plan-something", "csv-floor", 6.0)
}

pub fn unchanged(stage: &Stage) -> Result<Vec<Line>> {
    stage.part("plan-prepare-known")?;
    // The same rows in a file of another order.
    let shape = Shape {
        first_product: stage.size / 5,
        ..Shape::of(stage.size)
    };
    Source::open()?.write(&seller::catalog_file(stage.path()), shape)?;
    lines(stage, "plan-nothing", "csv-floor", 2.0)
}

pub fn changed(stage: &Stage) -> Result<Vec<Line>> {
    stage.part("plan-prepare-known")?;
    let shape = Shape {
        changed_one_in: 100,
        ..Shape::of(stage.size)
    };
    Source::open()?.write(&seller::catalog_file(stage.path()), shape)?;
    lines(stage, "plan-something", "csv-floor", 2.5)
}

pub fn settled(stage: &Stage) -> Result<Vec<Line>> {
    stage.part("plan-prepare-known")?;
    lines(stage, "plan-nothing", "read-floor", 1.3)
}

fn lines(stage: &Stage, ours: &str, floor: &str, most: f64) -> Result<Vec<Line>> {
    let (ours, floor) = stage.duel(|| stage.part(ours), || stage.part(floor))?;
    Ok(vec![
        Line::against("time", ours.seconds, floor.seconds, most),
        Line::alone(
            "peak memory",
            Unit::Mebibytes,
            ours.mebibytes(),
            MOST_MEMORY,
        ),
    ])
}

/// A plan of everything at this size, in a folder of its own.
pub fn first_of(stage: &Stage, folder: &Path, size: u64) -> Result<(Figures, Figures)> {
    stage.part_in("plan-prepare-new", folder, size)?;
    let run = |part| stage.part_in(part, folder, size);
    stage.duel(|| run("plan-something"), || run("csv-floor"))
}

/// A plan with nothing to do at this size, in a folder of its own.
pub fn nothing_of(stage: &Stage, folder: &Path, size: u64) -> Result<(Figures, Figures)> {
    stage.part_in("plan-prepare-known", folder, size)?;
    let run = |part| stage.part_in(part, folder, size);
    stage.duel(|| run("plan-nothing"), || run("csv-floor"))
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
    // Finds nothing to do, and leaves behind whatever a push leaves for the next plan.
    seller::skucast(folder, &["push", "--quiet"], 0)
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
