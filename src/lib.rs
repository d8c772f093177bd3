//! skucast: one catalog, many channels, one ledger.

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
