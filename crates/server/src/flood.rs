//! Flood: how long a client that publishes too fast is not read.
//!
//! Two buckets per connection, publications and bytes. What has arrived is handled in any case; it may put a bucket into
//! debt, and until the debt is paid nothing more is read, so that TCP makes the client wait. Nothing is dropped.
//! Knows no socket; the clock is asked only where there is a limit. Invariant: without limits it costs a few comparisons a read.

use std::num::NonZeroU64;
use std::time::{Duration, Instant};

use factree_broker::{Bucket, Rate};

use crate::limits::FloodLimits;

/// What one connection has left of its rates.
#[derive(Default)]
pub(crate) struct Flood {
    publishes: Bucket,
    bytes: Bucket,
}

impl Flood {
    /// How many publications may be handled now, at least one; those behind them in the same read wait.
    pub(crate) fn publishes_now(&self, limits: &FloodLimits, now: impl FnOnce() -> Instant) -> u64 {
        let Some(limit) = limits.publishes_per_second_max else { return u64::MAX };
        self.publishes.available(now(), Rate::per_second(limit.into())).max(1)
    }

    /// Takes note of what was handled; says how long the client is to rest.
    pub(crate) fn note(
        &mut self,
        limits: &FloodLimits,
        now: impl FnOnce() -> Instant,
        publishes: u64,
        bytes: u64,
    ) -> Duration {
        let FloodLimits { publishes_per_second_max, bytes_per_second_max } = limits;
        if publishes_per_second_max.is_none() && bytes_per_second_max.is_none() {
            return Duration::ZERO;
        }
        let now = now();
        let publishes = pay(&mut self.publishes, now, publishes_per_second_max.map(NonZeroU64::from), publishes);
        let bytes = pay(&mut self.bytes, now, *bytes_per_second_max, bytes);
        publishes.max(bytes)
    }
}

fn pay(bucket: &mut Bucket, now: Instant, limit: Option<NonZeroU64>, amount: u64) -> Duration {
    limit.map_or(Duration::ZERO, |limit| bucket.take(now, Rate::per_second(limit), amount))
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use super::*;

    #[test]
    fn who_publishes_too_fast_rests_as_long_as_the_slower_rate_says() {
        let limits =
            FloodLimits { publishes_per_second_max: NonZeroU32::new(100), bytes_per_second_max: NonZeroU64::new(1000) };
        let (mut flood, start) = (Flood::default(), Instant::now());
        let at = |millis| start + Duration::from_millis(millis);
        assert_eq!(flood.publishes_now(&limits, || at(0)), 100);
        assert_eq!(flood.note(&limits, || at(0), 100, 1000), Duration::ZERO, "a second's worth at once");
        assert_eq!(flood.publishes_now(&limits, || at(0)), 1, "the one that makes it rest");
        assert_eq!(flood.note(&limits, || at(0), 10, 10), Duration::from_millis(100));
        assert_eq!(flood.note(&limits, || at(100), 0, 590), Duration::from_millis(500));
        assert_eq!(flood.note(&limits, || at(5000), 1, 1), Duration::ZERO);
    }

    #[test]
    fn without_limits_nobody_rests() {
        let mut flood = Flood::default();
        let note = |flood: &mut Flood| {
            flood.note(&FloodLimits::default(), || unreachable!("no limit, no clock"), 1 << 40, 1 << 60)
        };
        assert_eq!((note(&mut flood), note(&mut flood)), (Duration::ZERO, Duration::ZERO));
        assert_eq!(flood.publishes_now(&FloodLimits::default(), || unreachable!("no limit, no clock")), u64::MAX);
    }
}
