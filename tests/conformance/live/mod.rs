//! Real servers as judges: a sandbox that emulates nothing, and hands every request on to a server that was started for
//! the purpose (see tests/live). Faults, counting and the checks around it stay as they are.
//!
//! `SKUCAST_LIVE_VENDURE` and the like name the server: JSON, or a file with it.

mod medusa;
mod vendure;
mod wire;

use std::path::Path;

use serde_json::Value;
use skucast::sandbox::Sandbox;

/// One kind of channel whose real server can be asked.
struct Judge {
    kind: &'static str,
    variable: &'static str,
    /// An empty store of its own on that server.
    open: fn(&Value) -> Box<dyn Sandbox>,
}

const JUDGES: &[Judge] = &[
    Judge {
        kind: "medusa",
        variable: "SKUCAST_LIVE_MEDUSA",
        open: medusa::open,
    },
    Judge {
        kind: "vendure",
        variable: "SKUCAST_LIVE_VENDURE",
        open: vendure::open,
    },
];

/// What only an emulation can play.
const ONLY_EMULATED: &[(&str, &str)] = &[
    (REFUSED, "one_bad_variant_holds_back_itself"),
    (REFUSED, "partial_rejection_keeps_the_rest"),
    (REFUSED, "channel_side_dry_run_finds_what_would_be_refused"),
    (IGNORED, "ignored_write_is_found_by_read_back"),
    (REPEATED, "repeated_order_page_is_an_error"),
    (REPEATED, "repeated_listing_page_is_an_error"),
    (
        "a real server's submissions do not stick on demand",
        "urgent_stock_while_a_submission_is_stuck",
    ),
];
const REFUSED: &str = "a real server refuses no sku on demand";
const IGNORED: &str = "a real server ignores no write on demand";
const REPEATED: &str = "a real server repeats no page on demand";

fn named(kind: &str) -> Option<(&'static Judge, Value)> {
    let judge = JUDGES.iter().find(|judge| judge.kind == kind)?;
    let text = std::env::var(judge.variable).ok()?;
    let text = match Path::new(&text).is_file() {
        true => std::fs::read_to_string(&text).expect("the file can be read"),
        false => text,
    };
    let server = serde_json::from_str(&text)
        .unwrap_or_else(|error| panic!("{} is neither a file nor JSON: {error}", judge.variable));
    Some((judge, server))
}

/// A store on the real server of this kind, when there is one.
pub fn open(kind: &str) -> Option<Box<dyn Sandbox>> {
    let (judge, server) = named(kind)?;
    Some((judge.open)(&server))
}

/// Whether a real server judges this kind.
pub fn judges(kind: &str) -> bool {
    named(kind).is_some()
}

/// Where the real server of this kind is.
#[allow(dead_code, reason = "the suite reaches it through a proxy")]
pub fn address(kind: &str) -> Option<String> {
    let (_, server) = named(kind)?;
    Some(server["url"].as_str()?.to_owned())
}

/// Whether any does: its tests run one after the other.
#[allow(dead_code, reason = "a seller's day asks for one kind")]
pub fn any() -> bool {
    JUDGES
        .iter()
        .any(|judge| std::env::var_os(judge.variable).is_some())
}

/// Why a check says nothing about a real server.
#[allow(dead_code, reason = "a seller's day is no check")]
pub fn not_for(kind: &str, check: &str) -> Option<&'static str> {
    let known = ONLY_EMULATED.iter().find(|(_, name)| *name == check)?;
    judges(kind).then_some(known.0)
}
