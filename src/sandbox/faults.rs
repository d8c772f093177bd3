//! Trouble on order: a seeded profile of what goes wrong, and how often.

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde::{Deserialize, Serialize};

/// What can go wrong. Probabilities are per request, from 0 to 1, unless said otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// 429 in bursts, without the quota being used up.
    Throttle,
    /// 5xx before any work is done.
    ServerError,
    /// The work is done, then 5xx is answered.
    LostAnswer,
    /// The work is done, then the connection breaks in the middle of the answer.
    Reset,
    /// The work is done, then the answer takes longer than a client waits.
    Timeout,
    /// Some items of a batch fail with a temporary error.
    PartialBatch,
    /// A write is answered with success and not carried out.
    Ignored,
    /// A list repeats its page token. Not a probability: any value above 0 switches it on.
    RepeatedPage,
    /// Submissions stay in progress. Any value above 0 switches it on.
    StuckSubmission,
}

/// A profile; `PUT /_sandbox/faults` replaces it. All zero is a channel on its best day.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Profile {
    pub throttle: f64,
    pub server_error: f64,
    pub lost_answer: f64,
    pub reset: f64,
    pub timeout: f64,
    pub partial_batch: f64,
    pub ignored: f64,
    pub repeated_page: f64,
    pub stuck_submission: f64,
    /// Stops each fault after so many times; 0 never stops.
    pub most: u64,
    /// Only requests that write are hit.
    pub writes_only: bool,
    /// Skus that the channel refuses, whatever is sent.
    pub refused_skus: Vec<String>,
}

impl Profile {
    fn probability(&self, fault: Fault) -> f64 {
        match fault {
            Fault::Throttle => self.throttle,
            Fault::ServerError => self.server_error,
            Fault::LostAnswer => self.lost_answer,
            Fault::Reset => self.reset,
            Fault::Timeout => self.timeout,
            Fault::PartialBatch => self.partial_batch,
            Fault::Ignored => self.ignored,
            Fault::RepeatedPage => self.repeated_page,
            Fault::StuckSubmission => self.stuck_submission,
        }
    }

    /// The profiles that `--faults` knows by name.
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "none" => Self::default(),
            "throttled" => Self {
                throttle: 0.3,
                ..Self::default()
            },
            "flaky" => Self {
                throttle: 0.1,
                server_error: 0.1,
                partial_batch: 0.1,
                ..Self::default()
            },
            "lossy" => Self {
                lost_answer: 0.1,
                reset: 0.1,
                ..Self::default()
            },
            "ignoring" => Self {
                ignored: 0.2,
                ..Self::default()
            },
            "stuck" => Self {
                stuck_submission: 1.0,
                ..Self::default()
            },
            "looping" => Self {
                repeated_page: 1.0,
                ..Self::default()
            },
            _ => return None,
        })
    }

    pub const NAMES: [&str; 7] = [
        "none",
        "throttled",
        "flaky",
        "lossy",
        "ignoring",
        "stuck",
        "looping",
    ];
}

/// The profile and its dice. The same seed and the same requests meet the same faults.
#[derive(Debug)]
pub struct Faults {
    profile: Profile,
    dice: StdRng,
    struck: u64,
    /// Left of a burst of throttling.
    burst: u32,
}

impl Faults {
    pub fn new(profile: Profile, seed: u64) -> Self {
        Self {
            profile,
            dice: StdRng::seed_from_u64(seed),
            struck: 0,
            burst: 0,
        }
    }

    pub fn replace(&mut self, profile: Profile) {
        self.profile = profile;
        self.struck = 0;
        self.burst = 0;
    }

    /// Whether this fault strikes now. `writes` tells whether the request changes anything.
    pub fn strikes(&mut self, fault: Fault, writes: bool) -> bool {
        if self.profile.writes_only && !writes {
            return false;
        }
        if fault == Fault::Throttle && self.burst > 0 {
            self.burst -= 1;
            return true;
        }
        let probability = self.profile.probability(fault);
        if matches!(fault, Fault::RepeatedPage | Fault::StuckSubmission) {
            return probability > 0.0;
        }
        if probability <= 0.0 || (self.profile.most > 0 && self.struck >= self.profile.most) {
            return false;
        }
        let strikes = self.dice.random_bool(probability.min(1.0));
        if strikes {
            self.struck += 1;
            if fault == Fault::Throttle && self.profile.most == 0 {
                self.burst = self.dice.random_range(0..2);
            }
        }
        strikes
    }

    pub fn refuses(&self, sku: &str) -> bool {
        self.profile
            .refused_skus
            .iter()
            .any(|refused| refused == sku)
    }
}
