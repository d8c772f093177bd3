//! The folder of a claim, and the processes that work in it.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use tempfile::TempDir;

use crate::Result;
use crate::claims::PARTS;

/// One side of a claim: works in a folder, and answers how long the part took that is measured.
pub struct Part {
    pub name: &'static str,
    pub run: fn(&Path, u64) -> Result<Duration>,
}

/// What a process measured of itself.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub struct Figures {
    pub seconds: f64,
    /// Of the whole process; 0 where the system does not tell.
    pub peak_bytes: u64,
}

impl Figures {
    pub fn mebibytes(self) -> f64 {
        self.peak_bytes as f64 / (1024.0 * 1024.0)
    }
}

pub struct Stage {
    folder: TempDir,
    pub size: u64,
    rounds: u32,
}

impl Stage {
    pub fn new(size: u64, rounds: u32) -> Result<Self> {
        Ok(Self {
            // Beside the build and not in /tmp, which some systems keep in memory: commits must reach a disk.
            folder: tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?,
            size,
            rounds: rounds.max(1),
        })
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Runs a part in a process of its own.
    pub fn part(&self, name: &str) -> Result<Figures> {
        self.part_in(name, self.path(), self.size)
    }

    pub fn part_in(&self, name: &str, folder: &Path, size: u64) -> Result<Figures> {
        let ended = self.spawn(name, folder, size)?.wait_with_output()?;
        if !ended.status.success() {
            let told = String::from_utf8_lossy(&ended.stderr);
            return Err(format!("{name}: {}", told.trim()).into());
        }
        Ok(serde_json::from_slice(&std::fs::read(figures_file(
            folder,
        ))?)?)
    }

    fn spawn(&self, name: &str, folder: &Path, size: u64) -> Result<std::process::Child> {
        Ok(Command::new(std::env::current_exe()?)
            .arg("--part")
            .arg(name)
            .arg("--folder")
            .arg(folder)
            .arg("--size")
            .arg(size.to_string())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()?)
    }

    /// Measures both sides in turn, and keeps the best of each.
    pub fn duel(
        &self,
        mut ours: impl FnMut() -> Result<Figures>,
        mut floor: impl FnMut() -> Result<Figures>,
    ) -> Result<(Figures, Figures)> {
        let mut best: Option<(Figures, Figures)> = None;
        for _ in 0..self.rounds {
            let (one, other) = (ours()?, floor()?);
            best = Some(match best {
                None => (one, other),
                Some((a, b)) => (better(a, one), better(b, other)),
            });
        }
        best.ok_or_else(|| "no round was measured".into())
    }
}

fn better(one: Figures, other: Figures) -> Figures {
    Figures {
        seconds: one.seconds.min(other.seconds),
        peak_bytes: one.peak_bytes.max(other.peak_bytes),
    }
}

fn figures_file(folder: &Path) -> PathBuf {
    folder.join("figures.json")
}

/// The other end of [`Stage::part`].
pub fn run_part(name: &str, folder: &Path, size: u64) -> Result<()> {
    let part = PARTS
        .iter()
        .flat_map(|parts| parts.iter())
        .find(|part| part.name == name)
        .ok_or_else(|| format!("no part is called `{name}`"))?;
    let took = (part.run)(folder, size)?;
    let figures = Figures {
        seconds: took.as_secs_f64(),
        peak_bytes: peak_bytes().unwrap_or(0),
    };
    std::fs::write(figures_file(folder), serde_json::to_vec(&figures)?)?;
    Ok(())
}

/// How long something takes.
pub fn timed<T>(work: impl FnOnce() -> Result<T>) -> Result<(T, Duration)> {
    let started = Instant::now();
    let done = work()?;
    Ok((done, started.elapsed()))
}

/// The most memory that this process ever held.
fn peak_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    let kibibytes: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kibibytes * 1024)
}
