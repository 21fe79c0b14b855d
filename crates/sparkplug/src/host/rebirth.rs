//! When to ask for a rebirth: not the same Edge Node again within its cooldown, and not a whole plant at once.
//!
//! A rebirth is the dearest message there is, so a broken Edge Node may cost its own plant one every cooldown, and a
//! restart of ours spreads its requests evenly. What is refused is not queued: the next message that cannot be
//! understood asks again.

use super::{EdgeNodeIndex, Host};
use crate::Limits;
use std::time::{Duration, Instant};

#[derive(Debug)]
pub(super) struct Rebirths {
    cooldown: Duration,
    /// The time one request costs.
    interval: Duration,
    /// How far `paid_until` may run ahead of the clock.
    credit: Duration,
    /// All requests so far are paid for by this time.
    paid_until: Option<Instant>,
}

impl Rebirths {
    pub(super) fn new(limits: &Limits) -> Rebirths {
        let interval = Duration::from_secs(1) / limits.rebirths_per_second_max;
        Rebirths {
            cooldown: limits.rebirth_cooldown,
            interval,
            credit: Duration::from_secs(1) - interval,
            paid_until: None,
        }
    }

    /// Whether a request may go out now to an Edge Node that was last asked at `*asked_at`. If so, notes it there.
    pub(super) fn may_ask(&mut self, now: Instant, asked_at: &mut Option<Instant>) -> bool {
        self.ask(now, asked_at).is_ok()
    }

    /// The same; if not, how long it takes until it may.
    fn ask(&mut self, now: Instant, asked_at: &mut Option<Instant>) -> Result<(), Duration> {
        let since_asked = asked_at.map_or(self.cooldown, |asked_at| now.saturating_duration_since(asked_at));
        let paid_until = self.paid_until.map_or(now, |paid_until| paid_until.max(now));
        let wait = self.cooldown.saturating_sub(since_asked).max((paid_until - now).saturating_sub(self.credit));
        if !wait.is_zero() {
            return Err(wait);
        }
        self.paid_until = Some(paid_until + self.interval);
        *asked_at = Some(now);
        Ok(())
    }
}

impl Host {
    /// Somebody wishes a rebirth of this Edge Node: notes that it is asked now, if cooldown and budget allow it. The
    /// request itself is for the caller to send.
    ///
    /// # Errors
    /// How long to wait before it may be asked.
    ///
    /// # Panics
    /// If the host has no Edge Node of this number.
    pub fn wish_rebirth(&mut self, now: Instant, edge_node: EdgeNodeIndex) -> Result<(), Duration> {
        let node = self.edge_nodes.get_mut(edge_node);
        self.rebirths.ask(now, &mut node.rebirth_asked)?;
        node.counters.rebirths_asked += 1;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rebirths() -> Rebirths {
        Rebirths::new(&Limits { rebirths_per_second_max: 10, ..Limits::default() })
    }

    #[test]
    fn one_edge_node_is_asked_once_in_its_cooldown() {
        let (mut rebirths, start, mut asked_at) = (rebirths(), Instant::now(), None);
        let at = |ms| start + Duration::from_millis(ms);
        let answers = [0, 1, 4_999, 5_000, 5_001].map(|ms| rebirths.may_ask(at(ms), &mut asked_at));
        assert_eq!(answers, [true, false, false, true, false]);
    }

    #[test]
    fn who_is_refused_is_told_how_long_to_wait() {
        let (mut rebirths, start, mut asked_at) = (rebirths(), Instant::now(), None);
        assert_eq!(rebirths.ask(start, &mut asked_at), Ok(()));
        let wait = rebirths.ask(start + Duration::from_secs(2), &mut asked_at).unwrap_err();
        assert_eq!(wait, Duration::from_secs(3), "the rest of its cooldown");
        assert_eq!(rebirths.ask(start + Duration::from_secs(5), &mut asked_at), Ok(()));
        while rebirths.ask(start + Duration::from_secs(5), &mut None).is_ok() {}
        let wait = rebirths.ask(start + Duration::from_secs(5), &mut None).unwrap_err();
        assert_eq!(wait, Duration::from_millis(100), "until the plant's budget has one again");
    }

    #[test]
    fn a_whole_plant_is_asked_at_the_budgets_pace() {
        let (mut rebirths, start) = (rebirths(), Instant::now());
        let mut asked =
            |ms| (0..100).filter(|_| rebirths.may_ask(start + Duration::from_millis(ms), &mut None)).count();
        assert_eq!([asked(0), asked(50), asked(100), asked(1_100), asked(60_000)], [10, 0, 1, 10, 10]);
    }
}
