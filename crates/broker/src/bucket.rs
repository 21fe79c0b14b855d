//! A token bucket: at most so many in a time, and a burst of as many at once.
//!
//! It is kept as one instant: when the bucket will be full again. Taking moves that instant away by what the taken amount
//! costs, so nothing ticks and nothing is refilled. It may go into debt: whoever takes more than is there is told how long
//! to pause. Knows nothing of who takes or of what happens to those who must not.
//! Invariant: without debt, the bucket is full again at most one `per` from now.

use std::num::NonZeroU64;
use std::time::{Duration, Instant};

/// So many in this time; also the size of the bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// How many.
    pub amount: NonZeroU64,
    /// In which time.
    pub per: Duration,
}

impl Rate {
    /// So many a second.
    pub const fn per_second(amount: NonZeroU64) -> Self {
        Self { amount, per: Duration::from_secs(1) }
    }

    /// How long it takes until so many have come back.
    fn cost(self, amount: u64) -> Duration {
        let nanos = self.per.as_nanos() * u128::from(amount) / u128::from(self.amount.get());
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }
}

/// What is left of a [`Rate`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bucket {
    /// None: it has always been full.
    full_at: Option<Instant>,
}

impl Bucket {
    /// A full one.
    pub const fn new() -> Self {
        Self { full_at: None }
    }

    /// Takes `amount` if so much is there; otherwise nothing.
    pub fn try_take(&mut self, now: Instant, rate: Rate, amount: u64) -> bool {
        let full_at = self.after(now, rate, amount);
        let there = full_at.saturating_duration_since(now) <= rate.per;
        if there {
            self.full_at = Some(full_at);
        }
        there
    }

    /// Takes `amount`, there or not; says how long it takes until the debt is paid. Zero: there is none.
    pub fn take(&mut self, now: Instant, rate: Rate, amount: u64) -> Duration {
        let full_at = self.after(now, rate, amount);
        self.full_at = Some(full_at);
        full_at.saturating_duration_since(now).saturating_sub(rate.per)
    }

    /// How much is there; nothing while there is a debt.
    pub fn available(&self, now: Instant, rate: Rate) -> u64 {
        let taken = self.full_at.map_or(Duration::ZERO, |at| at.saturating_duration_since(now));
        let left = rate.per.saturating_sub(taken).as_nanos();
        let available = left * u128::from(rate.amount.get()) / rate.per.as_nanos();
        u64::try_from(available).unwrap_or(u64::MAX)
    }

    /// Whether it is as if nothing had ever been taken.
    pub fn is_full(&self, now: Instant) -> bool {
        self.full_at.is_none_or(|at| at <= now)
    }

    /// When it would be full again if so much were taken.
    fn after(&self, now: Instant, rate: Rate, amount: u64) -> Instant {
        const NEVER: Duration = Duration::from_secs(100 * 365 * 86_400);
        let from = self.full_at.map_or(now, |at| at.max(now));
        // A debt beyond the end of time is one that is never paid; a century says that too.
        from.checked_add(rate.cost(amount)).unwrap_or(now + NEVER)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rate(amount: u64, seconds: u64) -> Rate {
        Rate { amount: NonZeroU64::new(amount).unwrap(), per: Duration::from_secs(seconds) }
    }

    #[test]
    fn a_burst_passes_and_then_one_at_a_time() {
        let start = Instant::now();
        let at = |millis| start + Duration::from_millis(millis);
        let mut bucket = Bucket::default();
        let three = rate(3, 3);
        let passed = (0..5).filter(|_| bucket.try_take(at(0), three, 1)).count();
        assert_eq!(passed, 3);
        assert!(!bucket.try_take(at(999), three, 1));
        assert!(bucket.try_take(at(1000), three, 1));
        assert!(!bucket.try_take(at(1001), three, 1), "what was refused cost nothing, what passed did");
        assert!(!bucket.is_full(at(3999)) && bucket.is_full(at(4000)));
    }

    #[test]
    fn a_debt_is_paid_in_time() {
        let start = Instant::now();
        let mut bucket = Bucket::default();
        let ten = rate(10, 1);
        assert_eq!(bucket.available(start, ten), 10);
        assert_eq!(bucket.take(start, ten, 10), Duration::ZERO, "the whole bucket at once");
        assert_eq!(bucket.available(start + Duration::from_millis(250), ten), 2);
        assert_eq!(bucket.take(start, ten, 5), Duration::from_millis(500));
        assert_eq!(bucket.take(start + Duration::from_millis(500), ten, 0), Duration::ZERO);
        assert_eq!(bucket.take(start + Duration::from_secs(60), ten, 20), Duration::from_secs(1), "no more than full");
    }

    #[test]
    fn the_largest_amount_is_only_a_very_long_debt() {
        let now = Instant::now();
        let mut bucket = Bucket::default();
        assert!(bucket.take(now, rate(1, 60), u64::MAX) > Duration::from_secs(1 << 30));
        assert!(!bucket.try_take(now, rate(1, 60), u64::MAX));
    }
}
