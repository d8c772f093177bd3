//! skucast: one catalog, many channels, one ledger.
//!
//! The library behind the command `skucast`. What it does and how to use it is told in README.md; this is the map
//! of the code. The arrows between the modules go one way, and `tests/it/architecture.rs` holds them.
//!
//! | module | job | may use |
//! |---|---|---|
//! | [`domain`] | the words, and the two contracts: [`Connector`](domain::connector::Connector) and [`Ledger`](domain::ledger::Ledger) | nothing |
//! | [`halt`] | when a run has to stop starting new work | `domain` |
//! | [`policy`] | what the seller decided for one channel: price, stock, words, selection | `domain` |
//! | [`catalog_csv`] | reads the seller's files | `domain` |
//! | [`config`] | reads channels.toml, and fetches secrets at the last moment | `domain`, `policy` |
//! | [`http`] | the one way to a channel: quotas, signing, repeats | `domain`, `halt` |
//! | [`sandbox`] | serves emulated channels, with faults and buyers | `domain` |
//! | [`ledger`] | the SQLite file behind [`domain::ledger`] | `domain` |
//! | [`connectors`] | one folder per kind of channel, and the registry | `config`, `domain`, `halt`, `http`, `sandbox` |
//! | [`app`] | the use cases: plan, push, pull, ship, explain, check | `domain`, `halt`, `policy` |
//! | [`cli`] | the command line: puts everything together and talks | all |
//!
//! A run, from the outside in: [`cli::run`] reads the command line and opens the configuration, the files and the
//! ledger; [`app::sync`] pulls orders, gets even with each channel ([`app::contact`]), plans ([`app::plan`]) and
//! pushes ([`app::push`]); a connector translates and speaks through [`http`].

pub mod app;
pub mod catalog_csv;
pub mod cli;
pub mod config;
pub mod connectors;
pub mod domain;
pub mod halt;
pub mod http;
pub mod ledger;
pub mod policy;
pub mod sandbox;
