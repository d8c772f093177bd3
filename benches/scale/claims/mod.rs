//! One file per claim, its floor beside it, or what a seller would do instead.

mod growth;
mod instead;
mod ledger;
mod overtake;
mod plan;
mod push;
mod quota;
mod shop_floor;
mod start;

use crate::Result;
use crate::stage::{Part, Stage};
use crate::table::Line;

/// Something this program promises about its speed.
pub struct Claim {
    pub name: &'static str,
    pub says: &'static str,
    /// Unless `--size` says otherwise. Small enough that all claims together take a few minutes.
    pub size: u64,
    pub measure: fn(&Stage) -> Result<Vec<Line>>,
}

pub const CLAIMS: &[Claim] = &[
    Claim {
        name: "plan-first",
        says: "the first plan, five channels, everything new; against the csv crate",
        size: 20_000,
        measure: plan::first,
    },
    Claim {
        name: "plan-again",
        says: "plans after everything was pushed; against reading the file, and against the csv crate",
        size: 20_000,
        measure: plan::again,
    },
    Claim {
        name: "growth",
        says: "time per sku and memory per sku and channel, from 10,000 skus or a tenth of the size to all of it",
        size: 40_000,
        measure: growth::growth,
    },
    Claim {
        name: "push",
        says: "price and stock changes over WooCommerce's wire; against a bare client with the same bodies",
        size: 100_000,
        measure: push::push,
    },
    Claim {
        name: "quota",
        says: "share of a quota that a push uses, and refusals that it causes",
        size: 30,
        measure: quota::quotas,
    },
    Claim {
        name: "overtake",
        says: "content batches that go out between a pulled order and its stock to zero on another channel",
        size: 20_000,
        measure: overtake::overtake,
    },
    Claim {
        name: "start",
        says: "`--version`, and `status` of a full ledger; against an empty program",
        size: 100_000,
        measure: start::start,
    },
    Claim {
        name: "ledger-outcomes",
        says: "intents and outcomes recorded, 10,000 to a transaction; against bare inserts in one",
        size: 200_000,
        measure: ledger::outcomes,
    },
    Claim {
        name: "ledger-orders",
        says: "orders pulled from pages of 100 that are there at once; against bare inserts in one transaction",
        size: 20_000,
        measure: ledger::orders,
    },
    Claim {
        name: "ledger-listings",
        says: "what a channel last confirmed, read; against stepping over the same rows",
        size: 200_000,
        measure: ledger::listings,
    },
    Claim {
        name: "instead-diff",
        says: "a plan with 1 % of the rows changed; beside scripts over DuckDB and Polars that find these rows",
        size: 100_000,
        measure: instead::diff::diff,
    },
    Claim {
        name: "instead-push",
        says: "price and stock changes over WooCommerce's wire; beside scripts over its client library",
        size: 2_000,
        measure: instead::push::push,
    },
];

/// What processes of their own are started for.
pub const PARTS: &[&[Part]] = &[plan::PARTS, push::PARTS, start::PARTS, ledger::PARTS];
