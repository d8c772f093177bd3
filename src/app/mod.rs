//! The use cases: plan, push, pull, ship, explain, check. They know the domain and the policy; which connector,
//! ledger and files stand behind the traits is decided by the command line.

mod audit;
pub mod check;
pub mod contact;
mod desired;
pub mod explain;
pub mod export;
mod family;
pub mod live;
pub mod plan;
pub mod pull;
pub mod push;
pub mod shelf;
pub mod ship;
pub mod submissions;
pub mod sync;

use std::sync::Arc;

use jiff::Timestamp;

use crate::domain::change::Lane;
use crate::domain::connector::Connector;
use crate::domain::fingerprint::Fingerprint;
use crate::domain::guard::Guard;
use crate::domain::ids::{ChannelName, PageToken};
use crate::domain::{Error, Result};
use crate::halt::Halt;
use crate::policy::Compiled;

/// One channel, ready to be worked on.
#[derive(Debug)]
pub struct Channel {
    pub name: ChannelName,
    pub connector: Arc<dyn Connector>,
    pub policy: Compiled,
    /// Stands for everything that the seller states of this channel: a connector may keep content otherwise under
    /// other settings.
    pub settings: Fingerprint,
    pub guard: Guard,
    /// How many writes of one run are read back; those to zero come first.
    pub verify: usize,
    /// Where this channel's waits end. Its HTTP waits on the same.
    pub halt: Halt,
    /// Orders placed before this are never asked for.
    pub orders_since: Option<Timestamp>,
}

/// Which part of the work a run is about.
#[derive(Clone, Debug, Default)]
pub struct Scope {
    /// Empty means all.
    pub lanes: Vec<Lane>,
    /// Globs over skus; empty means all.
    pub skus: Vec<SkuGlob>,
}

impl Scope {
    /// Whether nothing is left out.
    pub fn is_whole(&self) -> bool {
        self.lanes.is_empty() && self.skus.is_empty()
    }

    pub fn has_lane(&self, lane: Lane) -> bool {
        self.lanes.is_empty() || self.lanes.contains(&lane)
    }

    pub fn has_sku(&self, sku: &str) -> bool {
        self.skus.is_empty() || self.skus.iter().any(|glob| glob.matches(sku))
    }
}

/// `*` stands for any characters, `?` for one; everything else for itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SkuGlob(Vec<char>);

impl SkuGlob {
    pub fn new(pattern: &str) -> Self {
        Self(pattern.chars().collect())
    }

    pub fn matches(&self, sku: &str) -> bool {
        let sku: Vec<char> = sku.chars().collect();
        let (mut s, mut p) = (0, 0);
        let mut star: Option<(usize, usize)> = None;
        while s < sku.len() {
            match self.0.get(p) {
                Some('*') => {
                    star = Some((p, s));
                    p += 1;
                }
                Some(c) if *c == '?' || *c == sku[s] => {
                    p += 1;
                    s += 1;
                }
                // Let the last star take one more character.
                _ => match star {
                    Some((at, taken)) => {
                        star = Some((at, taken + 1));
                        p = at + 1;
                        s = taken + 1;
                    }
                    None => return false,
                },
            }
        }
        self.0[p..].iter().all(|c| *c == '*')
    }
}

/// Told what happens while it happens. Every method may be ignored.
pub trait Progress: Send + Sync + std::fmt::Debug {
    /// A channel starts on something of `total` steps: a lane, or reading.
    fn begin(&self, channel: &ChannelName, what: &str, total: u64) {
        let _ = (channel, what, total);
    }

    fn advance(&self, channel: &ChannelName, steps: u64) {
        let _ = (channel, steps);
    }

    fn end(&self, channel: &ChannelName) {
        let _ = channel;
    }

    /// One line for a person.
    fn say(&self, channel: &ChannelName, text: &str) {
        let _ = (channel, text);
    }
}

/// Says nothing.
#[derive(Debug)]
pub struct Silent;

impl Progress for Silent {}

/// The place in a list that is read page by page, to its last one.
#[derive(Debug, Default)]
pub struct PageCursor(Option<PageToken>);

impl PageCursor {
    pub fn token(&self) -> Option<&PageToken> {
        self.0.as_ref()
    }

    /// Goes on to the next page; `false` when there is none. A token that repeats would loop for ever.
    pub fn advance(&mut self, next: Option<PageToken>) -> Result<bool> {
        if next.is_some() && next == self.0 {
            return Err(Error::unexpected("the channel's list repeats the same page without end")
                .hint("the list was not read to its end; try again later, and tell the channel if it stays so"));
        }
        self.0 = next;
        Ok(self.0.is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs_match_whole_skus() {
        for (pattern, sku, matches) in [
            ("A*", "A-1", true),
            ("A*", "BA", false),
            ("*-RED-*", "TEE-RED-M", true),
            ("?-1", "A-1", true),
            ("?-1", "AB-1", false),
            ("*", "", true),
            ("a*b*c", "aXbYbZc", true),
            ("a*b*c", "aXbYbZ", false),
        ] {
            assert_eq!(
                SkuGlob::new(pattern).matches(sku),
                matches,
                "{pattern} {sku}"
            );
        }
    }

    #[test]
    fn a_repeated_token_ends_in_an_error() {
        let mut cursor = PageCursor::default();
        assert!(cursor.advance(Some("a".into())).unwrap());
        assert!(cursor.advance(Some("b".into())).unwrap());
        assert!(cursor.advance(Some("b".into())).is_err());
        assert!(!cursor.advance(None).unwrap());
    }
}
