//! Cost against size: a sku must not cost more because there are many.

use crate::Result;
use crate::claims::plan::{first_of, nothing_of};
use crate::seller::CHANNELS;
use crate::stage::{Figures, Stage};
use crate::table::{Line, Target, Unit};

/// The smaller size is so many times smaller.
const STEP: u64 = 10;

pub fn growth(stage: &Stage) -> Result<Vec<Line>> {
    let mut lines = Vec::new();
    for (what, measure) in [
        (
            "first plan",
            first_of as fn(&Stage, &std::path::Path, u64) -> _,
        ),
        ("plan with nothing to do", nothing_of),
    ] {
        let mut measured: Vec<(u64, Figures)> = Vec::new();
        for size in [stage.size / STEP, stage.size] {
            let folder = stage
                .path()
                .join(format!("{what}-{size}").replace(' ', "-"));
            std::fs::create_dir(&folder)?;
            let (ours, _): (Figures, Figures) = measure(stage, &folder, size)?;
            measured.push((size, ours));
            std::fs::remove_dir_all(&folder)?;
        }
        let [(few, small), (many, large)] = measured[..] else {
            return Err("two sizes are measured".into());
        };
        let per_sku = |size: u64, figures: Figures| figures.seconds / size.max(1) as f64;
        lines.push(Line::against(
            format!("{what}: 1000 skus of {many}, of {few}"),
            per_sku(many, large) * 1000.0,
            per_sku(few, small) * 1000.0,
            1.3,
        ));
        let more = large.peak_bytes as f64 - small.peak_bytes as f64;
        lines.push(Line::alone(
            format!("{what}: memory per sku and channel"),
            Unit::Bytes,
            more / ((many - few) as f64 * CHANNELS.len() as f64),
            Target::AtMost(150.0),
        ));
    }
    Ok(lines)
}
