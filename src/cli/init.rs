//! `init`: a folder that works at once. The same files are the repository's example.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use crate::domain::{Error, Result};

/// The example of this repository, whose catalog lies in `examples/`.
pub const CONFIG: &str = include_str!("../../channels.example.toml");
pub const CATALOG: &str = include_str!("../../examples/catalog.csv");
pub const STOCK: &str = include_str!("../../examples/stock.csv");

/// The feeds are written into this folder.
const FEEDS: &str = "feeds";

/// Writes the files and returns their paths. Nothing is written when one of them is there already, unless
/// `force` says to replace it.
pub fn init(dir: &Path, force: bool) -> Result<Vec<PathBuf>> {
    // In a folder of its own the catalog lies beside the configuration.
    let config = CONFIG.replace("\"examples/", "\"");
    let files = [
        ("channels.toml", config.as_str()),
        ("catalog.csv", CATALOG),
        ("stock.csv", STOCK),
    ];
    let paths: Vec<PathBuf> = files.iter().map(|(name, _)| dir.join(name)).collect();
    let taken = paths.iter().find(|path| path.symlink_metadata().is_ok());
    if let (Some(path), false) = (taken, force) {
        return Err(
            Error::config(format!("`{}` exists, nothing was written", path.display()))
                .hint("name another folder, or replace the files with `--force`"),
        );
    }
    fs::create_dir_all(dir.join(FEEDS)).map_err(|error| unwritable(&dir.join(FEEDS), error))?;
    for (path, (_, text)) in paths.iter().zip(files) {
        write(path, text, force).map_err(|error| unwritable(path, error))?;
    }
    Ok(paths)
}

fn write(path: &Path, text: &str, force: bool) -> std::io::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.write(true);
    if force {
        options.create(true).truncate(true);
    } else {
        // Another process may have written it since it was looked for.
        options.create_new(true);
    }
    let mut file = options.open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

fn unwritable(path: &Path, error: std::io::Error) -> Error {
    Error::config(format!("`{}` cannot be written", path.display())).caused_by(error)
}

#[cfg(test)]
mod tests;
