//! Puts the parts together: configuration, ledger, catalog, sandboxes, connectors.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::args::Global;
use super::ui::Ui;
use crate::app::plan::MemoFile;
use crate::app::shelf::{Shelf, Sold};
use crate::app::{Channel, Scope, SkuGlob};
use crate::catalog_csv::{self, CsvCatalog, DecimalSeparator, Format, ReadOptions};
use crate::config::{ChannelConfig, Config, FileOptions};
use crate::connectors::{self, Environment, Factory};
use crate::domain::capability::SettingKind;
use crate::domain::catalog::{Catalog, Columns};
use crate::domain::fingerprint::{Fingerprint, Fingerprinter};
use crate::domain::ids::ChannelName;
use crate::domain::issue::Issue;
use crate::domain::ledger::{ChannelState, Ledger, QuotaMemory};
use crate::domain::{Error, Result};
use crate::halt::Halt;
use crate::http::{HttpContext, HttpOptions};
use crate::ledger::{self, SqliteLedger};
use crate::policy::ChannelPolicy;
use crate::sandbox::{self, Profile, Running, ServeOptions};

/// A channel that cannot take part, and why.
pub struct Absentee {
    pub name: ChannelName,
    pub kind: &'static str,
    pub error: Error,
}

/// What a command works with.
pub struct Session {
    pub config: Config,
    pub ledger: Arc<SqliteLedger>,
    pub channels: Vec<Arc<Channel>>,
    pub absentees: Vec<Absentee>,
    pub catalog: Option<Arc<CsvCatalog>>,
    /// Why there is no catalog.
    pub catalog_error: Option<Error>,
    pub halt: Halt,
    http: HttpContext,
    sandboxes: Vec<ServedSandbox>,
    stock_as_of: Option<Timestamp>,
    stock_issues: Mutex<Vec<Issue>>,
}

struct ServedSandbox {
    channel: ChannelName,
    buyers: u64,
    seed: u64,
    running: Running,
}

/// What a command needs of the session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Contact {
    /// Channels are talked to: credentials are fetched, sandboxes started.
    Online,
    /// Nobody is asked: connectors are built with stand-ins for their credentials.
    Offline,
}

/// Reads and checks the configuration that the global flags name.
pub fn load_config(global: &Global) -> Result<Config> {
    Ok(Config::load(&global.config, &kinds())?)
}

/// The connector kinds of this program, for the configuration.
pub fn kinds() -> Vec<&'static crate::domain::capability::Descriptor> {
    connectors::REGISTRY
        .iter()
        .map(|factory| factory.descriptor)
        .collect()
}

impl Session {
    pub async fn open(global: &Global, contact: Contact, halt: Halt) -> Result<Self> {
        Self::open_for(&global.channel, global, contact, halt).await
    }

    /// A session of these channels; none means all that are enabled.
    pub async fn open_for(
        wanted: &[String],
        global: &Global,
        contact: Contact,
        halt: Halt,
    ) -> Result<Self> {
        let config = load_config(global)?;
        let ledger = ledger::open(&config.ledger_url, &config.folder).await?;
        let (catalog, catalog_error) = match open_catalog(&config, &memo_of(&ledger)) {
            Ok(catalog) => (Some(Arc::new(catalog)), None),
            Err(error) => (None, Some(error)),
        };
        let memory: Arc<dyn QuotaMemory> = ledger.clone();
        let mut session = Self {
            http: HttpContext::new(HttpOptions::default(), memory, halt.clone()),
            ledger,
            channels: Vec::new(),
            absentees: Vec::new(),
            catalog,
            catalog_error,
            halt,
            sandboxes: Vec::new(),
            stock_as_of: global.stock_as_of,
            stock_issues: Mutex::default(),
            config,
        };
        session.join_channels(wanted, contact).await?;
        Ok(session)
    }

    /// Builds every channel that is asked for; one that cannot be built does not keep the others away.
    async fn join_channels(&mut self, wanted: &[String], contact: Contact) -> Result<()> {
        for name in wanted {
            if self
                .config
                .channels
                .iter()
                .all(|channel| channel.name.as_str() != name)
            {
                let known: Vec<_> = self
                    .config
                    .channels
                    .iter()
                    .map(|channel| channel.name.as_str())
                    .collect();
                return Err(Error::config(format!("there is no channel `{name}`"))
                    .hint(format!("the configuration has: {}", known.join(", "))));
            }
        }
        let chosen: Vec<ChannelConfig> = self
            .config
            .channels
            .iter()
            .filter(|channel| match wanted.is_empty() {
                true => channel.enabled,
                false => wanted.iter().any(|name| channel.name.as_str() == name),
            })
            .cloned()
            .collect();
        for channel in chosen {
            match self.join(&channel, contact).await {
                Ok(joined) => self.channels.push(Arc::new(joined)),
                Err(error) => {
                    let error = error.with("channel", channel.name.as_str());
                    self.absentees.push(Absentee {
                        name: channel.name,
                        kind: channel.kind,
                        error,
                    });
                }
            }
        }
        Ok(())
    }

    async fn join(&mut self, config: &ChannelConfig, contact: Contact) -> Result<Channel> {
        let factory = connectors::find(config.kind)
            .ok_or_else(|| Error::unexpected(format!("no connector for kind `{}`", config.kind)))?;
        let rehearsal = config.sandbox.is_some();
        self.refuse_mixing(&config.name, rehearsal).await?;
        let overlay = match (contact, &config.sandbox) {
            (Contact::Offline, Some(_)) => Some(emulated_settings(factory)),
            (Contact::Offline, None) => Some(stand_ins(config, factory)),
            (Contact::Online, Some(_)) => Some(self.start_sandbox(config, factory).await?),
            (Contact::Online, None) => None,
        };
        let settings = config.resolve(overlay.as_ref(), &self.config)?;
        let halt = self.halt.branch();
        let environment = Environment {
            channel: config.name.clone(),
            http: HttpContext {
                halt: halt.clone(),
                ..self.http.clone()
            },
        };
        let connector = (factory.build)(&settings, &environment)?;
        // Without a catalog orders can still be pulled, for which any policy will do.
        let nothing = ChannelPolicy::default();
        let (policy, columns) = match &self.catalog {
            Some(catalog) => (&config.policy, catalog.columns().clone()),
            None => (&nothing, Arc::new(Columns::default())),
        };
        let limits = connector.text_limits();
        let policy = policy
            .compile(&config.name, &columns, limits, self.config.catalog.currency)
            .map_err(|issues| policy_error(&issues))?;
        Ok(Channel {
            name: config.name.clone(),
            connector: connector.into(),
            policy,
            settings: stated(config),
            guard: config.guard.clone(),
            verify: config.verify,
            halt,
            orders_since: config.orders_since,
        })
    }

    /// What an emulated channel confirmed says nothing of the real one, and the other way round: listings would
    /// count as there that are not, and invented orders would hold back real stock.
    async fn refuse_mixing(&self, channel: &ChannelName, rehearsal: bool) -> Result<()> {
        let known = self.ledger.channel(channel).await?.rehearsal;
        let was = match known {
            Some(true) if !rehearsal => "an emulated channel",
            Some(false) if rehearsal => "a real channel",
            _ => return Ok(()),
        };
        Err(Error::config(format!(
            "what the ledger knows of `{channel}` comes from {was}"
        ))
        .hint("keep rehearsal and business apart: give this channel another name in channels.toml")
        .hint("or begin with an empty ledger: name another one below [ledger]"))
    }

    /// Remembers what stands behind each name, before anything is learnt from it.
    pub async fn remember_what_stands_behind(&self) -> Result<()> {
        for channel in &self.channels {
            let is_served = self
                .sandboxes
                .iter()
                .any(|sandbox| sandbox.channel == channel.name);
            let state = self.ledger.channel(&channel.name).await?;
            if state.rehearsal.is_none() {
                let state = ChannelState {
                    rehearsal: Some(is_served),
                    ..state
                };
                self.ledger.set_channel(&channel.name, &state).await?;
            }
        }
        Ok(())
    }

    /// Serves the channel's sandbox, with its state of the last time, and returns the settings that reach it.
    async fn start_sandbox(
        &mut self,
        config: &ChannelConfig,
        factory: &Factory,
    ) -> Result<Map<String, Value>> {
        let options = config.sandbox.clone().unwrap_or_default();
        let Some(make) = factory.sandbox else {
            return Err(
                Error::config(format!("kind `{}` has no sandbox", config.kind))
                    .hint("take `sandbox = true` away: this kind only writes files"),
            );
        };
        let faults = Profile::named(&options.faults).ok_or_else(|| {
            Error::config(format!("there is no fault profile `{}`", options.faults))
                .hint(format!("the profiles are: {}", Profile::NAMES.join(", ")))
        })?;
        let state_file = self
            .state_folder()
            .join(format!("sandbox-{}.json", config.name));
        let serve = ServeOptions {
            state_file: Some(state_file),
            faults,
            seed: options.seed,
            ..ServeOptions::default()
        };
        let running = sandbox::serve(make(), serve).await?;
        let settings = running.settings.clone();
        self.sandboxes.push(ServedSandbox {
            channel: config.name.clone(),
            buyers: options.buyers,
            seed: options.seed,
            running,
        });
        Ok(settings)
    }

    /// Where skucast keeps what is neither the ledger nor the seller's.
    fn state_folder(&self) -> PathBuf {
        self.config.folder.join(".skucast")
    }

    /// What the last plan found settled.
    pub fn memo(&self) -> MemoFile {
        memo_of(&self.ledger)
    }

    /// The catalog, or why there is none.
    pub fn require_catalog(&mut self) -> Result<Arc<CsvCatalog>> {
        match (&self.catalog, self.catalog_error.take()) {
            (Some(catalog), _) => Ok(catalog.clone()),
            (None, Some(error)) => Err(error),
            (None, None) => Err(Error::unexpected("the catalog was not opened")),
        }
    }

    /// The seller's side as it is now: the stock file and the open orders are read anew each time.
    pub async fn shelf(&self) -> Result<Shelf> {
        let catalog = self
            .catalog
            .clone()
            .ok_or_else(|| Error::config("nothing is sent, because the catalog cannot be read"))?;
        let catalog_as_of = self.as_of(&self.config.catalog.options.file)?;
        let mut issues = Vec::new();
        let stock = match &self.config.stock.options {
            Some(options) => {
                let as_of = self.as_of(&options.file)?;
                catalog_csv::read_stock(&read_options(options)?, as_of, &mut |issue| {
                    issues.push(issue)
                })?
            }
            None => Default::default(),
        };
        *self
            .stock_issues
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = issues;
        let lines = self
            .ledger
            .sold_lines(Shelf::oldest_stock(&stock, catalog_as_of))
            .await?;
        let sold = Sold::new(lines, self.config.stock.counts_orders);
        Ok(Shelf {
            catalog,
            stock,
            catalog_as_of,
            sold,
        })
    }

    /// What the last reading of the stock file complained about.
    pub fn stock_issues(&self) -> Vec<Issue> {
        self.stock_issues
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn as_of(&self, file: &Path) -> Result<Timestamp> {
        if let Some(stated) = self.stock_as_of {
            return Ok(stated);
        }
        let modified = std::fs::metadata(file)
            .and_then(|metadata| metadata.modified())
            .map_err(|error| {
                Error::config(format!("`{}` cannot be read", file.display())).caused_by(error)
            })?;
        let modified = Timestamp::try_from(modified).unwrap_or(Timestamp::MIN);
        let now = Timestamp::try_from(SystemTime::now()).unwrap_or(Timestamp::MAX);
        // A file from the future would hide orders.
        Ok(modified.min(now))
    }

    pub fn ledger(&self) -> Arc<dyn Ledger> {
        self.ledger.clone()
    }

    /// Lets simulated buyers buy, and saves the sandboxes.
    pub fn close(self, buyers_may_buy: bool, ui: &Ui) -> Result<()> {
        for sandbox in self.sandboxes {
            if buyers_may_buy {
                let bought = sandbox
                    .running
                    .simulate_buyers(sandbox.buyers, sandbox.seed);
                if bought > 0 {
                    ui.say(&format!(
                        "{}: {bought} simulated buyers bought; the next run pulls their orders",
                        sandbox.channel
                    ));
                }
            }
            sandbox.running.stop()?;
        }
        Ok(())
    }
}

/// A channel's table shows all that is stated in it when it is printed, and none of its secrets.
fn stated(config: &ChannelConfig) -> Fingerprint {
    let mut print = Fingerprinter::default();
    print.text(&format!("{config:?}"));
    print.finish()
}

/// Stands for the code that runs: its version, and between versions the file that it was built into.
fn this_program() -> Fingerprint {
    let mut print = Fingerprinter::default();
    print.text(env!("CARGO_PKG_VERSION"));
    let built = std::env::current_exe().and_then(|path| path.metadata());
    if let Ok(built) = built {
        let written = built.modified().ok();
        print.text(&format!("{:?}", (built.len(), written)));
    }
    print.finish()
}

/// The scope that the global flags describe.
pub fn scope(global: &Global) -> Scope {
    Scope {
        lanes: global
            .only
            .iter()
            .flat_map(|only| only.lanes())
            .copied()
            .collect(),
        skus: global.sku.iter().map(|glob| SkuGlob::new(glob)).collect(),
    }
}

fn open_catalog(config: &Config, memo: &MemoFile) -> Result<CsvCatalog> {
    CsvCatalog::open(&ReadOptions {
        known: memo.catalog_text(),
        ..read_options(&config.catalog.options)?
    })
}

/// Beside the ledger, which it is only good for.
fn memo_of(ledger: &SqliteLedger) -> MemoFile {
    let mut path = ledger.path().as_os_str().to_owned();
    path.push(".memo");
    MemoFile::new(path, this_program())
}

/// The configuration's words as the reader's options. They were checked when the configuration was read.
pub fn read_options(options: &FileOptions) -> Result<ReadOptions> {
    let unknown = |what: &str, word: &str| Error::config(format!("`{word}` is no {what}"));
    let format = match options.format.as_deref().unwrap_or("auto") {
        "auto" => Format::Auto,
        "native" => Format::Native,
        "shopify" => Format::Shopify,
        "woocommerce" => Format::WooCommerce,
        word => return Err(unknown("format", word)),
    };
    let delimiter = match options.delimiter.as_deref() {
        None => None,
        Some("," | "comma") => Some(b','),
        Some(";" | "semicolon") => Some(b';'),
        Some("\t" | "tab") => Some(b'\t'),
        Some("|" | "pipe") => Some(b'|'),
        Some(word) => return Err(unknown("delimiter", word)),
    };
    let decimal = match options.decimal.as_deref().unwrap_or("auto") {
        "auto" => DecimalSeparator::Auto,
        "point" => DecimalSeparator::Point,
        "comma" => DecimalSeparator::Comma,
        word => return Err(unknown("decimal separator", word)),
    };
    Ok(ReadOptions {
        path: as_seen_from_here(&options.file),
        format,
        encoding: options.encoding.clone(),
        delimiter,
        decimal,
        known: None,
        columns: options.columns.clone(),
    })
}

/// The path as the person at the keyboard would write it: issues name it.
fn as_seen_from_here(path: &Path) -> PathBuf {
    let here = std::env::current_dir().ok();
    here.and_then(|here| path.strip_prefix(here).ok())
        .unwrap_or(path)
        .to_owned()
}

/// Settings as the channel's sandbox would supply them, without starting it.
fn emulated_settings(factory: &Factory) -> Map<String, Value> {
    factory
        .sandbox
        .map(|make| make().settings("http://127.0.0.1"))
        .unwrap_or_default()
}

/// What stands for the secrets that are stated, so that a connector can be built without fetching them.
fn stand_ins(config: &ChannelConfig, factory: &Factory) -> Map<String, Value> {
    factory
        .descriptor
        .settings
        .iter()
        .filter(|setting| setting.kind == SettingKind::Secret && config.states(setting.key))
        .map(|setting| (setting.key.to_owned(), Value::from(setting.example)))
        .collect()
}

fn policy_error(issues: &[Issue]) -> Error {
    let mut error = Error::config("the channel's policy does not fit the catalog");
    for issue in issues {
        let place = issue.field.as_deref().unwrap_or_default();
        let hint = issue
            .hint
            .as_deref()
            .map(|hint| format!(" ({hint})"))
            .unwrap_or_default();
        error = error.hint(format!("`{place}`: {}{hint}", issue.message));
    }
    error
}
