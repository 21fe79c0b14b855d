//! Trouble: what goes wrong every so often.
//!
//! Each Edge Node has its own clock for each kind of trouble; the plant sets them off one after the other, so that in a
//! plant of many something happens every minute and nothing happens all at once.

use std::time::{Duration, Instant};

use crate::chance::Chance;

/// One kind of trouble of one Edge Node.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Trouble {
    /// From the first connection to the first strike.
    first: Duration,
    /// From strike to strike, give or take a fifth.
    every: Duration,
    next: Option<Instant>,
}

impl Trouble {
    pub(crate) fn new(first: Duration, every: Duration) -> Self {
        Trouble { first, every, next: None }
    }

    /// Whether it strikes now; the first question starts the clock.
    pub(crate) fn strikes(&mut self, now: Instant, chance: &mut Chance) -> bool {
        let next = *self.next.get_or_insert(now + self.first);
        let strikes = now >= next;
        if strikes {
            self.next = Some(now + self.every.mul_f64(chance.between(0.8, 1.2)));
        }
        strikes
    }
}
