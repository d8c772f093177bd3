//! The scripts that a seller would write instead, and the Python that they run in.
//!
//! An environment of its own holds the versions of `scripts/requirements.txt`. It is made once, and anew when the file
//! has changed.

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::Result;

/// Python, or a package, cannot be had here: a claim that needs it is skipped.
#[derive(Debug)]
pub struct Unavailable(String);

impl fmt::Display for Unavailable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Unavailable {}

/// Python with everything that the scripts import.
pub struct Python {
    program: PathBuf,
}

impl Python {
    pub fn ready() -> Result<Self> {
        let wanted = std::fs::read(scripts().join("requirements.txt"))?;
        let home = Path::new(env!("CARGO_TARGET_TMPDIR")).join("scale-python");
        let program = match cfg!(windows) {
            true => home.join("Scripts").join("python.exe"),
            false => home.join("bin").join("python"),
        };
        // Written last, so that what was interrupted is made anew.
        let installed = home.join("installed.txt");
        if std::fs::read(&installed).ok() != Some(wanted.clone()) {
            eprintln!("installing what the scripts need ...");
            make(&home, &program)?;
            std::fs::write(installed, wanted)?;
        }
        Ok(Self { program })
    }

    pub fn script(&self, name: &str) -> Command {
        let mut command = Command::new(&self.program);
        command.arg(scripts().join(name));
        command
    }
}

fn scripts() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/scale/scripts")
}

fn make(home: &Path, program: &Path) -> Result<(), Unavailable> {
    let mut venv = Command::new("python3");
    venv.args(["-m", "venv", "--clear"]).arg(home);
    run(venv, "python3 could not make an environment")?;
    let mut pip = Command::new(program);
    pip.args(["-m", "pip", "install", "--quiet"])
        .args(["--disable-pip-version-check", "--only-binary", ":all:"])
        .arg("--requirement")
        .arg(scripts().join("requirements.txt"));
    run(pip, "pip could not install what the scripts need")
}

fn run(mut command: Command, failed: &str) -> Result<(), Unavailable> {
    let ended = command
        .stdin(Stdio::null())
        .output()
        .map_err(|error| Unavailable(format!("{failed}: {error}")))?;
    if ended.status.success() {
        return Ok(());
    }
    // `venv` complains on stdout.
    let told = [ended.stderr, ended.stdout].map(|text| String::from_utf8_lossy(&text).into_owned());
    let last = told
        .iter()
        .flat_map(|text| text.lines().rev())
        .find(|line| !line.trim().is_empty())
        .unwrap_or("without a word");
    Err(Unavailable(format!("{failed}: {}", last.trim())))
}
