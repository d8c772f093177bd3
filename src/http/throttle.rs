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

/// An endpoint that gains a permit less often than this keeps its state in the ledger: a run may follow another,
/// or one that was killed, at once. Faster ones are full again before a process has started.
const REMEMBERED_FROM: Duration = Duration::from_millis(50);

/// A token bucket, kept as the one moment at which it is full again.
#[derive(Clone, Copy, Debug)]
struct Bucket {
    /// Time to gain one permit.
    interval: Duration,
    burst: u32,
    full_at: Timestamp,
}

impl Bucket {
    fn new(quota: &Quota) -> Self {
        Self {
            interval: quota.per / quota.permits.max(1),
            burst: quota.burst.max(1),
            full_at: Timestamp::MIN,
        }
    }

    /// What an emptied bucket needs to be full but for one permit.
    fn slack(&self) -> SignedDuration {
        signed(self.interval) * i32::try_from(self.burst - 1).unwrap_or(i32::MAX)
    }

    /// How long until a permit is there.
    fn wait(&self, now: Timestamp) -> Duration {
        let ready_at = self
            .full_at
            .saturating_sub(self.slack())
            .unwrap_or(Timestamp::MIN);
        Duration::try_from(ready_at.duration_since(now)).unwrap_or(Duration::ZERO)
    }

    fn take(&mut self, now: Timestamp) {
        self.full_at = self
            .full_at
            .max(now)
            .saturating_add(signed(self.interval))
            .unwrap_or(Timestamp::MAX);
    }

    /// Nothing before `wait` has passed, then one permit at a time.
    fn empty(&mut self, now: Timestamp, wait: Duration) {
        let until = now.saturating_add(signed(wait)).unwrap_or(Timestamp::MAX);
        self.full_at = self
            .full_at
            .max(until.saturating_add(self.slack()).unwrap_or(Timestamp::MAX));
    }
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

    /// Waits for a permit and takes it. An endpoint without a quota is free, until the channel throttles it.
    pub async fn acquire(&self, endpoint: Endpoint) -> Result<()> {
        loop {
            let wait = {
                let mut buckets = self.buckets.lock().await;
                let Some(bucket) = buckets.get_mut(endpoint) else {
                    return Ok(());
                };
                let now = Timestamp::now();
                let remembered = bucket.interval >= REMEMBERED_FROM;
                if remembered
                    && let Some(full_at) = self.memory.full_at(&self.channel, endpoint).await?
                {
                    bucket.full_at = bucket.full_at.max(full_at);
                }
                let wait = bucket.wait(now);
                if wait.is_zero() {
                    if remembered {
                        let mut taken = *bucket;
                        taken.take(now);
                        self.memory
                            .set_full_at(&self.channel, endpoint, taken.full_at)
                            .await?;
                    }
                    // Counted from when the request leaves: remembering took its time, and not always the same.
                    bucket.take(Timestamp::now());
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

    /// The channel said that we went too fast.
    pub async fn throttled(&self, endpoint: Endpoint, wait: Duration) -> Result<()> {
        let mut buckets = self.buckets.lock().await;
        let bucket = buckets.entry(endpoint).or_insert(Bucket {
            interval: Duration::ZERO,
            burst: 1,
            full_at: Timestamp::MIN,
        });
        bucket.empty(Timestamp::now(), wait);
        if bucket.interval >= REMEMBERED_FROM {
            self.memory
                .set_full_at(&self.channel, endpoint, bucket.full_at)
                .await?;
        }
        Ok(())
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
            assert!(bucket.wait(start).is_zero());
            bucket.take(start);
        }
        assert_eq!(bucket.wait(start), Duration::from_millis(500));
        let later = start + SignedDuration::from_millis(500);
        assert!(bucket.wait(later).is_zero());
        bucket.take(later);
        assert_eq!(bucket.wait(later), Duration::from_millis(500));
    }

    #[test]
    fn over_a_long_time_exactly_the_quota_is_used() {
        let mut bucket = bucket(2, 1, 10);
        let mut now = Timestamp::UNIX_EPOCH;
        let end = now + SignedDuration::from_secs(60);
        let mut sent = 0;
        while now < end {
            let wait = bucket.wait(now);
            if wait.is_zero() {
                bucket.take(now);
                sent += 1;
            } else {
                now += signed(wait);
            }
        }
        assert_eq!(sent, 10 + 2 * 60 - 1);
    }

    #[test]
    fn being_throttled_empties_the_bucket() {
        let mut bucket = bucket(1, 1, 5);
        let now = Timestamp::UNIX_EPOCH;
        bucket.empty(now, Duration::from_secs(30));
        assert_eq!(bucket.wait(now), Duration::from_secs(30));
    }
}
