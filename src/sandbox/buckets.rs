//! The vendor's side of a quota: token buckets that refuse.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// What the vendor's documentation allows for one operation.
#[derive(Clone, Copy, Debug)]
pub struct Rate {
    pub operation: &'static str,
    pub per_second: f64,
    pub burst: f64,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Level {
    tokens: f64,
    at: Timestamp,
}

/// How full each operation's bucket is. Part of the saved state: a quota outlives the server's restart.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Buckets(BTreeMap<String, Level>);

impl Buckets {
    /// Takes a permit, or says how long until there is one.
    pub fn take(&mut self, rate: &Rate, now: Timestamp) -> Result<(), SignedDuration> {
        let level = self.0.entry(rate.operation.to_owned()).or_insert(Level {
            tokens: rate.burst,
            at: now,
        });
        let gained = now.duration_since(level.at).as_secs_f64().max(0.0) * rate.per_second;
        level.tokens = (level.tokens + gained).min(rate.burst);
        level.at = now;
        // A caller that comes exactly on time must not be refused for a rounding error.
        if level.tokens >= 1.0 - 1e-3 {
            level.tokens -= 1.0;
            Ok(())
        } else {
            Err(SignedDuration::from_secs_f64(
                (1.0 - level.tokens) / rate.per_second,
            ))
        }
    }
}
