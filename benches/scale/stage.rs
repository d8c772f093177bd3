//! The folder of a claim, and the processes that work in it.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use tempfile::TempDir;

use crate::Result;
use crate::claims::PARTS;

/// How often another program's memory is looked at. What counts is its highest mark so far, so that only what it takes
/// in its last moment is missed.
const LOOK: Duration = Duration::from_millis(2);

/// One side of a claim: works in a folder, and answers how long the part took that is measured.
pub struct Part {
    pub name: &'static str,
    pub run: fn(&Path, u64) -> Result<Duration>,
}

/// What a process took: of a [`Part`] by its own measure, of any other program from its start to its end.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub struct Figures {
    pub seconds: f64,
    /// Of the whole process; 0 where the system does not tell.
    pub peak_bytes: u64,
}

impl Figures {
    /// Any other is better.
    const WORST: Self = Self {
        seconds: f64::INFINITY,
        peak_bytes: 0,
    };

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
        let [ours, floor] = self.contest([&mut ours, &mut floor])?;
        Ok((ours, floor))
    }

    /// Measures all in turn, and keeps the best of each.
    pub fn contest<const N: usize>(
        &self,
        mut contenders: [&mut dyn FnMut() -> Result<Figures>; N],
    ) -> Result<[Figures; N]> {
        let mut best = [Figures::WORST; N];
        for _ in 0..self.rounds {
            for (best, contender) in best.iter_mut().zip(&mut contenders) {
                *best = better(*best, contender()?);
            }
        }
        Ok(best)
    }
}

/// Runs any program, from its start to its end.
pub fn whole_process(command: &mut Command) -> Result<Figures> {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    let (ended, took, peak) = thread::scope(|scope| {
        let started = Instant::now();
        let child = command.spawn()?;
        let process = child.id().to_string();
        let (stop, stopped) = mpsc::channel::<()>();
        let watch = scope.spawn(move || {
            let mut peak = 0;
            while stopped.recv_timeout(LOOK) == Err(RecvTimeoutError::Timeout) {
                peak = peak_bytes(&process).unwrap_or(peak);
            }
            peak
        });
        let ended = child.wait_with_output();
        let took = started.elapsed();
        drop(stop);
        let peak = watch.join().map_err(|_| "nobody watched the memory")?;
        Ok::<_, Box<dyn std::error::Error>>((ended?, took, peak))
    })?;
    if !ended.status.success() {
        let told = String::from_utf8_lossy(&ended.stderr);
        return Err(format!("{}: {}", ended.status, told.trim()).into());
    }
    Ok(Figures {
        seconds: took.as_secs_f64(),
        peak_bytes: peak,
    })
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
        peak_bytes: peak_bytes("self").unwrap_or(0),
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

/// The most memory that a process ever held, by its id.
fn peak_bytes(process: &str) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    let kibibytes: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kibibytes * 1024)
}
