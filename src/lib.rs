//! skucast: one catalog, many channels, one ledger.

pub mod app;
pub mod config;
pub mod connectors;
pub mod domain;
pub mod halt;
pub mod http;
pub mod policy;
pub mod sandbox;
pub mod ledger;
