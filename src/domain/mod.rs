//! The words and rules of selling one catalog on many channels. Knows nothing of files, HTTP or databases.
//!
//! An [`Item`](catalog::Item) is one row of the seller's catalog. Policy turns it into the
//! [`Listing`](listing::Listing) that one channel should show. The ledger knows what that channel last
//! confirmed, a [`ListingRecord`](ledger::ListingRecord). The difference is a list of changes, grouped in
//! [`Lane`](change::Lane)s, which a [`Connector`](connector::Connector) carries to the channel; every change
//! comes back with an [`Outcome`](connector::Outcome). Orders flow the other way.

pub mod capability;
pub mod catalog;
pub mod change;
pub mod connector;
pub mod error;
pub mod fingerprint;
pub mod gtin;
pub mod guard;
pub mod ids;
pub mod issue;
pub mod ledger;
pub mod listing;
pub mod measure;
pub mod money;
pub mod nearest;
pub mod order;
pub mod rows;
pub mod stock;
pub mod web;

pub use error::{Error, ErrorKind, Result, Retry};
