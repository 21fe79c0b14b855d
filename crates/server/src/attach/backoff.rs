//! How long to wait before the next connection: twice as long each time, with some of it left to chance.
//!
//! Chance, so that a hundred clients of a broker that restarts do not come back in step. A connection that lasted makes
//! the next wait short again; one that was accepted and thrown out does not, or two clients with one client id would
//! push each other out once a second for ever.
//! Knows no clock and no source of chance. Invariant: between `min / 2` and `max`.

use std::time::Duration;

#[derive(Debug)]
pub(super) struct Backoff {
    min: Duration,
    max: Duration,
    failures: u32,
}

impl Backoff {
    pub(super) fn new(min: Duration, max: Duration) -> Self {
        Self { min, max: max.max(min), failures: 0 }
    }

    /// A connection was online for so long.
    pub(super) fn lasted(&mut self, online: Duration) {
        if online >= self.max {
            self.failures = 0;
        }
    }

    /// A connection failed or ended: how long to wait. `chance` is any number.
    pub(super) fn next(&mut self, chance: u64) -> Duration {
        let whole = self.min.saturating_mul(1 << self.failures.min(16)).min(self.max);
        self.failures = self.failures.saturating_add(1);
        // From half of it to all of it.
        whole / 2 + (whole / 2).mul_f64((chance % 1024) as f64 / 1023.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_up_to_a_minute_and_begin_anew_after_a_connection_that_lasted() {
        let mut backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(60));
        let waits: Vec<u64> = (0..9).map(|_| backoff.next(1023).as_millis() as u64).collect();
        assert_eq!(waits, [1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000, 60_000]);
        assert_eq!(backoff.next(0), Duration::from_secs(30), "by chance, half of it");
        backoff.lasted(Duration::from_secs(59));
        assert_eq!(backoff.next(1023), Duration::from_secs(60));
        backoff.lasted(Duration::from_secs(60));
        assert_eq!(backoff.next(1023), Duration::from_secs(1));
    }

    #[test]
    fn no_number_of_failures_is_too_many() {
        let mut backoff = Backoff::new(Duration::from_secs(1), Duration::MAX);
        for chance in 0..100_000 {
            assert!(backoff.next(chance) >= Duration::from_millis(500));
        }
    }
}
