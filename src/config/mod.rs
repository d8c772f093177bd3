//! channels.toml: what the seller declares.
//!
//! [`Config::load`] reads and checks the whole file and tells everything that is wrong with it at once. Secrets
//! stay where they are until [`ChannelConfig::resolve`] needs them, so that a plan or a check can be made
//! without any.

mod channel;
mod files;
mod parse;
mod report;
mod resolve;
mod secret;
pub mod settings;
#[cfg(test)]
mod tests;

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::SignedDuration;
use rust_decimal::Decimal;
use serde::Deserialize;
use toml::Spanned;

use crate::domain::capability::Descriptor;
use crate::domain::money::lenient;

pub use channel::{ChannelConfig, SandboxConfig};
pub use files::{CatalogConfig, FileOptions, StockConfig};
pub use report::{ConfigErrors, Place, Problem};

use channel::{Shared, check_guard};
use parse::Section;
use report::Problems;

/// Percent of the catalog's rows that may be lost from one run to the next.
const ROWS_LOST: i64 = 30;
const WAIT: Duration = Duration::from_secs(30);

/// The whole file, checked. Every path in it is whole, except the ledger's.
#[derive(Clone)]
pub struct Config {
    /// As the seller named it.
    pub path: PathBuf,
    /// Where the file stands: what its paths are relative to.
    pub folder: PathBuf,
    pub catalog: CatalogConfig,
    pub stock: StockConfig,
    /// As it is written: a file in it is relative to `folder`. May hold a password.
    pub ledger_url: String,
    /// Percent of the catalog's rows that may be missing before a run stops.
    pub rows_lost: Decimal,
    /// How long a push waits for what a channel accepted for later.
    pub wait: Duration,
    /// In the order of the file.
    pub channels: Vec<ChannelConfig>,
}

/// Leaves out what the ledger's URL may hold.
impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = self.ledger_url.split(':').next().unwrap_or_default();
        f.debug_struct("Config")
            .field("path", &self.path)
            .field("folder", &self.folder)
            .field("catalog", &self.catalog)
            .field("stock", &self.stock)
            .field("ledger_url", &format_args!("{scheme}:…"))
            .field("rows_lost", &self.rows_lost)
            .field("wait", &self.wait)
            .field("channels", &self.channels)
            .finish()
    }
}

impl Config {
    /// Reads and checks the file. `kinds` are the connectors that a channel may name. Contacts nobody and
    /// fetches no secret.
    pub fn load(path: &Path, kinds: &[&'static Descriptor]) -> Result<Self, ConfigErrors> {
        let unreadable = |error: io::Error| unreadable(path, &error);
        let whole = std::path::absolute(path).map_err(unreadable)?;
        let text = std::fs::read_to_string(path).map_err(unreadable)?;
        let mut problems = Problems::default();
        let config = parse::document(&text, &mut problems)
            .and_then(|document| read(path, &whole, &text, document, kinds, &mut problems));
        problems.into_result(config, &path.display().to_string(), &text)
    }
}

fn unreadable(path: &Path, error: &io::Error) -> ConfigErrors {
    let file = path.display().to_string();
    match error.kind() {
        io::ErrorKind::NotFound => ConfigErrors::unreadable(
            format!("there is no {file}"),
            "run `skucast init` to write one, or name yours with --config FILE or SKUCAST_CONFIG",
        ),
        io::ErrorKind::InvalidData => ConfigErrors::unreadable(
            format!("{file} is no text in UTF-8"),
            "save it again as UTF-8",
        ),
        _ => ConfigErrors::unreadable(
            format!("{file} cannot be read: {error}"),
            "name a file that can be read with --config FILE or SKUCAST_CONFIG",
        ),
    }
}

/// The whole document. `None` only together with a problem.
fn read(
    path: &Path,
    whole: &Path,
    text: &str,
    mut document: Section<'_>,
    kinds: &[&'static Descriptor],
    problems: &mut Problems,
) -> Option<Config> {
    let folder = whole.parent().unwrap_or(whole);
    let catalog = match document.section("catalog", problems) {
        Some(section) => files::read_catalog(section, folder, problems),
        None => {
            problems
                .add(0..0, "there is no catalog")
                .hint("add a table [catalog] with `file = \"catalog.csv\"`");
            None
        }
    };
    let stock = document
        .section("stock", problems)
        .map(|section| files::read_stock(section, folder, problems))
        .unwrap_or_default();
    let ledger_url = document
        .section("ledger", problems)
        .and_then(|section| read_ledger(section, problems))
        .unwrap_or_else(|| format!("sqlite:{}", default_ledger(path).display()));
    let (guard, rows_lost) = read_guard(&mut document, problems);
    let wait = document
        .section("push", problems)
        .and_then(|section| read_wait(section, problems))
        .unwrap_or(WAIT);
    let named = document.section("channels", problems);
    document.finish(problems);
    let named = named.map_or_else(Vec::new, |section| section.sections(problems));
    if named.is_empty() {
        problems
            .add(text.len()..text.len(), "there is no channel")
            .hint("add a table such as [channels.my-shop] with its `kind`");
    }
    let shared = Shared {
        kinds,
        folder,
        text,
        guard,
    };
    let channels = named
        .into_iter()
        .filter_map(|(name, section)| shared.read_channel(&name, section, problems))
        .collect();
    Some(Config {
        path: path.to_owned(),
        folder: folder.to_owned(),
        catalog: catalog?,
        stock,
        ledger_url,
        rows_lost,
        wait,
        channels,
    })
}

/// `channels.toml` keeps its ledger in `channels.db`.
fn default_ledger(path: &Path) -> PathBuf {
    let stem = path.file_stem().unwrap_or(path.as_os_str());
    let mut name = stem.to_owned();
    name.push(".db");
    PathBuf::from(name)
}

fn read_ledger(mut section: Section<'_>, problems: &mut Problems) -> Option<String> {
    section.hide("url", problems);
    let url = section.read::<String>("url", problems);
    section.finish(problems);
    url.map(Spanned::into_inner)
}

/// `[guard]`: what all channels share, and the share of rows, which belongs to the run.
fn read_guard<'i>(
    document: &mut Section<'i>,
    problems: &mut Problems,
) -> (Option<Section<'i>>, Decimal) {
    #[derive(Deserialize)]
    struct Percent(#[serde(deserialize_with = "lenient")] Decimal);

    let default = Decimal::from(ROWS_LOST);
    let Some(mut section) = document.section("guard", problems) else {
        return (None, default);
    };
    let rows_lost = section.read::<Percent>("rows_lost", problems);
    if let Some(percent) = &rows_lost
        && !(Decimal::ZERO..=Decimal::ONE_HUNDRED).contains(&percent.get_ref().0)
    {
        let message = "`rows_lost` must be from 0 to 100, in percent";
        problems.add(percent.span(), message);
    }
    check_guard(&mut section, problems);
    let rows_lost = rows_lost.map_or(default, |percent| percent.into_inner().0);
    (Some(section), rows_lost)
}

fn read_wait(mut section: Section<'_>, problems: &mut Problems) -> Option<Duration> {
    let text = section.read::<String>("wait", problems);
    section.finish(problems);
    let text = text?;
    let wait = text
        .get_ref()
        .parse::<SignedDuration>()
        .ok()
        .and_then(|wait| Duration::try_from(wait).ok());
    if wait.is_none() {
        problems
            .add(text.span(), "`wait` is no length of time")
            .hint("write it as \"30s\" or \"2m\"");
    }
    wait
}
