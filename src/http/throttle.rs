//! Keeps to each channel's quotas, and remembers between runs how much of them is used.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::Mutex;

use crate::domain::Result;
use crate::domain::capability::{Endpoint, Quota};
use crate::domain::ids::ChannelName;
use crate::domain::ledger::QuotaMemory;
use crate::halt::Halt;

use super::Level;

/// A bucket that takes longer than this to fill keeps its state in the ledger: a run may follow another, or one
/// that was killed, at once. Faster ones are full again before a process has started.
const REMEMBERED_FROM: Duration = Duration::from_millis(500);
/// What is remembered runs so far ahead of the truth, so that a busy bucket is not written down for every request.
const AHEAD: SignedDuration = SignedDuration::from_millis(500);

/// A request that is not answered for so long was given up: handshakes and an answer take less.
const UNCONFIRMED: Duration = Duration::from_secs(10);

/// A token bucket, kept as the one moment at which it is full again.
#[derive(Clone, Copy, Debug)]
struct Bucket {
    /// Time to gain one permit.
    interval: Duration,
    burst: u32,
    full_at: Timestamp,
    /// When a request left that found the bucket full, until one is answered: the channel begins to fill it again when
    /// the request arrives, which may take long for the first one.
    unconfirmed: Option<Timestamp>,
    /// Permits of requests that are not answered yet.
    under_way: u32,
    /// Some of them were under way together: none of their answers knows all of the others.
    overlapping: bool,
    /// What we last wrote into the ledger.
    written: Option<Timestamp>,
}

impl Bucket {
    fn new(quota: &Quota) -> Self {
        Self {
            interval: quota.per / quota.permits.max(1),
            burst: quota.burst.max(1),
            full_at: Timestamp::MIN,
            unconfirmed: None,
            under_way: 0,
            overlapping: false,
            written: None,
        }
    }

    fn is_remembered(&self) -> bool {
        self.interval.saturating_mul(self.burst) >= REMEMBERED_FROM
    }

    /// How long so many permits take to come.
    fn time_for(&self, permits: u32) -> SignedDuration {
        signed(self.interval.saturating_mul(permits))
    }

    /// How long until so many permits are there, or until it is worth looking again. What costs more than the bucket
    /// holds waits for a full one.
    fn wait(&self, now: Timestamp, cost: u32) -> Duration {
        let is_awaited = |left: &Timestamp| now.duration_since(*left) < signed(UNCONFIRMED);
        let now = self.unconfirmed.filter(is_awaited).unwrap_or(now);
        let missing_from_full = self.time_for(self.burst.saturating_sub(cost));
        let ready_at = self
            .full_at
            .saturating_sub(missing_from_full)
            .unwrap_or(Timestamp::MIN);
        Duration::try_from(ready_at.duration_since(now)).unwrap_or(Duration::ZERO)
    }

    fn take(&mut self, now: Timestamp, cost: u32) {
        if self.full_at <= now {
            self.unconfirmed = Some(now);
        }
        self.full_at = after(self.full_at.max(now), self.time_for(cost));
        self.overlapping |= self.under_way > 0;
        self.under_way = self.under_way.saturating_add(cost);
    }

    /// Nothing before `wait` has passed, then one permit at a time.
    fn empty(&mut self, now: Timestamp, wait: Duration) {
        let until = after(now, signed(wait));
        let full_but_one = self.time_for(self.burst - 1);
        self.full_at = self.full_at.max(after(until, full_but_one));
    }

    fn answered(&mut self, now: Timestamp, cost: u32, level: Option<Level>) {
        if let Some(left) = self.unconfirmed.take() {
            self.full_at = after(self.full_at, now.duration_since(left));
        }
        self.under_way = self.under_way.saturating_sub(cost);
        let is_idle = self.under_way == 0;
        let was_alone = is_idle && !self.overlapping;
        self.overlapping &= !is_idle;
        let Some(level) = level else { return };
        let interval = Duration::try_from_secs_f64(1.0 / level.per_second);
        let (Ok(interval), true) = (interval, level.capacity >= 1.0) else {
            return;
        };
        // What is under way may be charged already or not: it counts as not.
        let available = level.available - f64::from(self.under_way);
        let missing = (level.capacity - available).max(0.0);
        let full_at = after(
            now,
            SignedDuration::from_secs_f64(missing / level.per_second),
        );
        let known = self.interval == interval && f64::from(self.burst) == level.capacity.floor();
        if known && was_alone {
            // Nothing else of ours can have changed it since: what was assumed too carefully before is made good.
            self.full_at = full_at;
        } else if known {
            // What it was expected to cost is taken off already, and may have been too much or too little.
            let refund = (f64::from(cost) - level.charged) / level.per_second;
            let refund = SignedDuration::from_secs_f64(refund);
            let own = self.full_at.saturating_sub(refund).unwrap_or(now);
            // Ours is right unless somebody else uses the same bucket: answers overtake each other.
            self.full_at = own.max(full_at);
        } else {
            self.interval = interval;
            self.burst = level.capacity as u32;
            self.full_at = full_at;
        }
    }
}

fn after(moment: Timestamp, duration: SignedDuration) -> Timestamp {
    moment.saturating_add(duration).unwrap_or(Timestamp::MAX)
}

fn signed(duration: Duration) -> SignedDuration {
    SignedDuration::try_from(duration).unwrap_or(SignedDuration::MAX)
}

/// The buckets of one channel.
#[derive(Debug)]
pub struct Throttle {
    channel: ChannelName,
    memory: Arc<dyn QuotaMemory>,
    halt: Halt,
    buckets: Mutex<HashMap<Endpoint, Bucket>>,
}

impl Throttle {
    pub fn new(
        channel: ChannelName,
        quotas: &[Quota],
        memory: Arc<dyn QuotaMemory>,
        halt: Halt,
    ) -> Self {
        let buckets = quotas
            .iter()
            .map(|quota| (quota.endpoint, Bucket::new(quota)))
            .collect();
        Self {
            channel,
            memory,
            halt,
            buckets: Mutex::new(buckets),
        }
    }

    /// Waits for permits and takes them. An endpoint without a quota is free, until the channel throttles it.
    pub async fn acquire(&self, endpoint: Endpoint, cost: u32) -> Result<()> {
        loop {
            let wait = {
                let mut buckets = self.buckets.lock().await;
                let Some(bucket) = buckets.get_mut(endpoint) else {
                    return Ok(());
                };
                if bucket.is_remembered() {
                    let remembered = self.memory.full_at(&self.channel, endpoint).await?;
                    if remembered != bucket.written
                        && let Some(full_at) = remembered
                    {
                        bucket.full_at = bucket.full_at.max(full_at);
                    }
                }
                let now = Timestamp::now();
                let wait = bucket.wait(now, cost);
                if wait.is_zero() {
                    let mut taken = *bucket;
                    taken.take(now, cost);
                    self.remember(endpoint, bucket, taken.full_at).await?;
                    // Counted from when the request leaves: remembering took its time, and not always the same.
                    bucket.take(Timestamp::now(), cost);
                    return Ok(());
                }
                wait
            };
            if wait > Duration::from_secs(5) {
                tracing::info!(channel = %self.channel, endpoint, seconds = wait.as_secs(), "waiting for the quota");
            }
            self.halt.sleep(wait).await?;
        }
    }

    /// What was asked for is answered, or will not be.
    pub async fn answered(&self, endpoint: Endpoint, cost: u32, level: Option<Level>) {
        if let Some(bucket) = self.buckets.lock().await.get_mut(endpoint) {
            bucket.answered(Timestamp::now(), cost, level);
        }
    }

    /// Writes down when the bucket is full again, if what is written would let a later run go too fast.
    async fn remember(
        &self,
        endpoint: Endpoint,
        bucket: &mut Bucket,
        full_at: Timestamp,
    ) -> Result<()> {
        let is_covered = bucket.written.is_some_and(|written| full_at <= written);
        if !bucket.is_remembered() || is_covered {
            return Ok(());
        }
        // A bucket of few permits is exact: it is written down for each.
        let ahead = if bucket.interval < REMEMBERED_FROM / 10 {
            AHEAD
        } else {
            SignedDuration::ZERO
        };
        let full_at = after(full_at, ahead);
        self.memory
            .set_full_at(&self.channel, endpoint, full_at)
            .await?;
        bucket.written = Some(full_at);
        Ok(())
    }

    /// The channel said that we went too fast.
    pub async fn throttled(&self, endpoint: Endpoint, wait: Duration) -> Result<()> {
        let mut buckets = self.buckets.lock().await;
        let bucket = buckets.entry(endpoint).or_insert(Bucket {
            interval: Duration::ZERO,
            burst: 1,
            full_at: Timestamp::MIN,
            unconfirmed: None,
            under_way: 0,
            overlapping: false,
            written: None,
        });
        bucket.empty(Timestamp::now(), wait);
        let full_at = bucket.full_at;
        self.remember(endpoint, bucket, full_at).await
    }

    /// The channel named its current rate in an answer.
    pub async fn observed(&self, endpoint: Endpoint, per_second: f64) {
        if per_second.is_finite()
            && per_second > 0.0
            && let Some(bucket) = self.buckets.lock().await.get_mut(endpoint)
        {
            bucket.interval =
                Duration::try_from_secs_f64(1.0 / per_second).unwrap_or(bucket.interval);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bucket(permits: u32, seconds: u64, burst: u32) -> Bucket {
        Bucket::new(&Quota {
            endpoint: "x",
            permits,
            per: Duration::from_secs(seconds),
            burst,
            source: "",
        })
    }

    #[test]
    fn a_burst_goes_at_once_and_the_rest_at_the_rate() {
        let mut bucket = bucket(2, 1, 3);
        let start = Timestamp::UNIX_EPOCH;
        for _ in 0..3 {
            assert!(bucket.wait(start, 1).is_zero());
            bucket.take(start, 1);
        }
        bucket.answered(start, 1, None);
        assert_eq!(bucket.wait(start, 1), Duration::from_millis(500));
        let later = start + SignedDuration::from_millis(500);
        assert!(bucket.wait(later, 1).is_zero());
        bucket.take(later, 1);
        assert_eq!(bucket.wait(later, 1), Duration::from_millis(500));
    }

    #[test]
    fn over_a_long_time_exactly_the_quota_is_used() {
        let mut bucket = bucket(2, 1, 10);
        let mut now = Timestamp::UNIX_EPOCH;
        let end = now + SignedDuration::from_secs(60);
        let mut sent = 0;
        while now < end {
            let wait = bucket.wait(now, 1);
            if wait.is_zero() {
                bucket.take(now, 1);
                bucket.answered(now, 1, None);
                sent += 1;
            } else {
                now += signed(wait);
            }
        }
        assert_eq!(sent, 10 + 2 * 60 - 1);
    }

    /// The first request has to shake hands, and arrives a second late; the others do not.
    #[test]
    fn a_bucket_fills_from_when_the_channel_knows_of_the_first_request() {
        let start = Timestamp::UNIX_EPOCH;
        let ms = SignedDuration::from_millis;
        let mut server = Server::full(10.0, 2.0, start);
        let mut bucket = bucket(2, 1, 10);
        let (mut now, end) = (start, start + SignedDuration::from_mins(1));
        let mut trip = ms(1000);
        while now < end {
            let wait = bucket.wait(now, 1);
            if !wait.is_zero() {
                now += signed(wait);
                continue;
            }
            bucket.take(now, 1);
            let arrives = now + trip;
            let (served, _) = server.arrive(arrives, 1, 1);
            assert!(served, "refused at {arrives}");
            // One at a time.
            now = arrives + ms(5);
            bucket.answered(now, 1, None);
            trip = ms(5);
        }
        let used = server.charged / (10.0 + 2.0 * 60.0);
        assert!(used >= 0.97, "only {used:.3} of the quota was used");
    }

    #[test]
    fn a_request_that_is_given_up_does_not_hold_the_bucket() {
        let mut bucket = bucket(2, 1, 1);
        let start = Timestamp::UNIX_EPOCH;
        bucket.take(start, 1);
        let later = start + signed(UNCONFIRMED);
        assert!(bucket.wait(later, 1).is_zero());
    }

    #[test]
    fn nothing_is_gained_before_the_first_answer() {
        let mut bucket = bucket(2, 1, 2);
        let start = Timestamp::UNIX_EPOCH;
        bucket.take(start, 1);
        bucket.take(start, 1);
        let later = start + SignedDuration::from_millis(700);
        assert_eq!(bucket.wait(later, 1), Duration::from_millis(500));
        bucket.answered(later, 1, None);
        assert_eq!(bucket.wait(later, 1), Duration::from_millis(500));
        let enough = later + SignedDuration::from_millis(500);
        assert!(bucket.wait(enough, 1).is_zero());
    }

    #[test]
    fn being_throttled_empties_the_bucket() {
        let mut bucket = bucket(1, 1, 5);
        let now = Timestamp::UNIX_EPOCH;
        bucket.empty(now, Duration::from_secs(30));
        assert_eq!(bucket.wait(now, 1), Duration::from_secs(30));
    }

    #[test]
    fn the_level_that_the_channel_tells_replaces_what_was_assumed() {
        let mut bucket = bucket(100, 1, 2000);
        let now = Timestamp::UNIX_EPOCH;
        bucket.take(now, 10);
        bucket.take(now, 30);
        let level = Level {
            capacity: 20_000.0,
            available: 1_000.0,
            per_second: 1_000.0,
            charged: 10.0,
        };
        bucket.answered(now, 10, Some(level));
        // 30 points are still under way.
        assert!(bucket.wait(now, 970).is_zero());
        assert_eq!(bucket.wait(now, 971), Duration::from_millis(1));
        // Somebody else has been there.
        let level = Level {
            available: 500.0,
            ..level
        };
        bucket.answered(now, 30, Some(level));
        assert_eq!(bucket.wait(now, 600), Duration::from_millis(100));
    }

    #[test]
    fn a_request_that_was_alone_tells_the_level_exactly() {
        let now = Timestamp::UNIX_EPOCH;
        let later = now + SignedDuration::from_secs(10);
        let level = |available| Level {
            capacity: 2000.0,
            available,
            per_second: 100.0,
            charged: 500.0,
        };
        let mut bucket = bucket(100, 1, 2000);
        for _ in 0..4 {
            bucket.take(now, 500);
        }
        // The first answer knows of all four already, which nobody can tell from it: the rest counts twice.
        bucket.answered(now, 500, Some(level(0.0)));
        assert_eq!(bucket.wait(now, 500), Duration::from_secs(20));
        for _ in 0..3 {
            bucket.answered(now, 500, Some(level(0.0)));
        }
        assert_eq!(bucket.wait(now, 500), Duration::from_secs(20));
        bucket.take(later, 500);
        bucket.answered(later, 500, Some(level(500.0)));
        assert!(bucket.wait(later, 500).is_zero());
        // The answer to one of two may be older than the other request.
        bucket.take(later, 200);
        bucket.take(later, 200);
        let level = Level {
            charged: 200.0,
            ..level(300.0)
        };
        bucket.answered(later, 200, Some(level));
        bucket.answered(later, 200, Some(level));
        assert_eq!(bucket.wait(later, 101), Duration::from_millis(10));
    }

    /// The channel's side: charges what is asked for on arrival, and gives back what was not needed.
    struct Server {
        capacity: f64,
        available: f64,
        per_second: f64,
        at: Timestamp,
        charged: f64,
    }

    impl Server {
        fn full(capacity: f64, per_second: f64, at: Timestamp) -> Self {
            Self {
                capacity,
                available: capacity,
                per_second,
                at,
                charged: 0.0,
            }
        }

        fn arrive(&mut self, now: Timestamp, requested: u32, actual: u32) -> (bool, Level) {
            let gained = now.duration_since(self.at).as_secs_f64() * self.per_second;
            self.available = (self.available + gained).min(self.capacity);
            self.at = now;
            let served = self.available >= f64::from(requested) - 1e-6;
            if served {
                self.available -= f64::from(actual);
                self.charged += f64::from(actual);
            }
            let level = Level {
                capacity: self.capacity,
                available: self.available,
                per_second: self.per_second,
                charged: if served { f64::from(actual) } else { 0.0 },
            };
            (served, level)
        }
    }

    /// Eight requests at a time, on their way for 20 to 160 ms, for ten minutes of a shop's clock.
    #[test]
    fn points_are_used_up_and_never_overdrawn() {
        let start = Timestamp::UNIX_EPOCH;
        let mut server = Server::full(2000.0, 100.0, start);
        let mut bucket = bucket(100, 1, 2000);
        let ms = SignedDuration::from_millis;
        // Arrival, departure of the answer, cost, what is charged.
        let mut travelling: Vec<(Timestamp, Timestamp, u32, u32)> = Vec::new();
        let mut answers: Vec<(Timestamp, u32, Level)> = Vec::new();
        let (mut now, end) = (start, start + SignedDuration::from_mins(10));
        let mut number = 0u32;
        while now < end {
            while let Some(at) = travelling.iter().position(|one| one.0 <= now) {
                let (_, back, cost, actual) = travelling.swap_remove(at);
                let (served, level) = server.arrive(now, cost, actual);
                assert!(served, "refused at {now}");
                answers.push((back, cost, level));
            }
            while let Some(at) = answers.iter().position(|one| one.0 <= now) {
                let (_, cost, level) = answers.swap_remove(at);
                bucket.answered(now, cost, Some(level));
            }
            let cost = [10, 10, 45, 10, 300][number as usize % 5];
            let busy = travelling.len() + answers.len() >= 8;
            if !busy && bucket.wait(now, cost).is_zero() {
                bucket.take(now, cost);
                let there = now + ms(10 + i64::from(number * 7 % 8) * 10);
                let back = there + ms(10 + i64::from(number * 5 % 8) * 10);
                travelling.push((there, back, cost, cost - cost / 4));
                number += 1;
            } else {
                now += ms(1);
            }
        }
        let allowed = 2000.0 + 100.0 * 600.0;
        let used = server.charged / allowed;
        assert!(used >= 0.97, "only {used:.3} of the points were used");
    }
}
