//! skucast: one catalog, many channels, one ledger.

pub mod domain;
