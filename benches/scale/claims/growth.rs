//! Cost against size: a sku must not cost more because there are many.

use std::path::Path;

use crate::Result;
use crate::claims::plan::{changed_of, first_of, nothing_of};
use crate::seller::CHANNELS;
use crate::stage::{Figures, Stage};
use crate::table::{Line, Target, Unit};

/// Measured as far as `--size` goes.
const SIZES: [u64; 4] = [10_000, 100_000, 1_000_000, 5_000_000];
/// The size that larger ones are held against: below it starting counts for more than skus.
const BASE: u64 = 100_000;

type Measure = fn(&Stage, &Path, u64) -> Result<(Figures, Figures)>;

/// In their order: a first plan begins with an empty ledger, the others go on from a full one.
const PLANS: [(&str, Measure); 3] = [
    ("first plan", first_of),
    ("nothing to do", |stage, folder, size| {
        stage.part_in("plan-prepare-known", folder, size)?;
        nothing_of(stage, folder, size)
    }),
    ("1 % changed", changed_of),
];

pub fn growth(stage: &Stage) -> Result<Vec<Line>> {
    let mut sizes: Vec<u64> = SIZES
        .into_iter()
        .filter(|size| *size <= stage.size)
        .collect();
    if sizes.last() != Some(&stage.size) {
        sizes.push(stage.size);
    }
    if sizes.len() < 2 {
        sizes.insert(0, stage.size / 10);
    }
    let mut measured: Vec<(u64, Vec<Figures>)> = Vec::new();
    for size in sizes {
        let folder = stage.path().join(size.to_string());
        std::fs::create_dir(&folder)?;
        let mut figures = Vec::new();
        for (_, measure) in PLANS {
            figures.push(measure(stage, &folder, size)?.0);
        }
        measured.push((size, figures));
        std::fs::remove_dir_all(&folder)?;
    }
    let base = measured
        .iter()
        .position(|(size, _)| *size == BASE)
        .unwrap_or(0);
    let mut lines = Vec::new();
    for (plan, (what, _)) in PLANS.iter().enumerate() {
        let seconds = |at: usize| measured[at].1[plan].seconds / measured[at].0.max(1) as f64;
        let (few, _) = measured[base];
        for (at, (many, _)) in measured.iter().enumerate().filter(|(at, _)| *at != base) {
            let line = Line::against(
                format!("{what}: 1000 skus of {many}, of {few}"),
                seconds(at) * 1000.0,
                seconds(base) * 1000.0,
                1.3,
            );
            lines.push(match at > base {
                true => line,
                false => Line {
                    target: Target::None,
                    ..line
                },
            });
        }
        let (Some((few, small)), Some((many, large))) = (measured.first(), measured.last()) else {
            return Err("nothing was measured".into());
        };
        let more = large[plan].peak_bytes as f64 - small[plan].peak_bytes as f64;
        lines.push(Line::alone(
            format!("{what}: memory per sku and channel"),
            Unit::Bytes,
            more / ((many - few) as f64 * CHANNELS.len() as f64),
            Target::AtMost(150.0),
        ));
    }
    Ok(lines)
}
