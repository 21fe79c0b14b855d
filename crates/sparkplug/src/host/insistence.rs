//! Insistence: how often an Edge Node has been asked for a rebirth in vain, and how long it is left alone for that.
//!
//! A rebirth that does not help would not help a moment later: the metric is still in no birth, the birth is still too large, the
//! Edge Node is still deaf. So each request in vain doubles the time until the next, up to [`WAIT_MAX`]; the first may be lost and
//! costs nothing. A birth helped if there was none in force when it was asked for, if it brings metrics that nobody knew, or if
//! nobody has wanted another for a while.
//! Knows no reasons but what they mean for that, and no budget.
//! Invariant: `in_vain` is 0 from a birth that helped until the next request.

use super::rebirth::Reason;
use std::time::{Duration, Instant};

/// Nobody is left alone for longer, unless the cooldown is longer.
const WAIT_MAX: Duration = Duration::from_secs(60 * 60);

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Insistence {
    /// Requests since a birth that helped.
    in_vain: u8,
    /// Whether a birth was in force at the last request.
    had_birth: bool,
    /// Whether one has come since.
    is_answered: bool,
    /// When a message last wanted a rebirth, whether it was asked for or not.
    wanted: Option<Instant>,
}

impl Insistence {
    /// A message wants a rebirth: how long after the last request that may be asked for.
    pub(super) fn want(&mut self, now: Instant, reason: Reason, cooldown: Duration) -> Duration {
        let is_quiet = |wanted| now.saturating_duration_since(wanted) >= quiet(reason);
        if self.is_answered && self.wanted.is_none_or(is_quiet) {
            self.in_vain = 0;
        }
        self.wanted = Some(now);
        let doublings = u32::from(self.in_vain.saturating_sub(1)).min(31);
        cooldown.saturating_mul(1 << doublings).min(WAIT_MAX.max(cooldown))
    }

    /// It was asked for, with a birth in force or without.
    pub(super) fn ask(&mut self, has_birth: bool) {
        self.in_vain = self.in_vain.saturating_add(1);
        (self.had_birth, self.is_answered) = (has_birth, false);
    }

    /// An NBIRTH or DBIRTH came.
    pub(super) fn answer(&mut self, is_nbirth: bool, has_news: bool) {
        if has_news || (is_nbirth && !self.had_birth) {
            self.in_vain = 0;
        }
        self.is_answered |= is_nbirth;
    }
}

/// How long nobody may want another rebirth for one to have helped. Messages that are lost now and then are made good by each.
fn quiet(reason: Reason) -> Duration {
    Duration::from_secs(match reason {
        Reason::SeqGap => 60,
        Reason::BeforeBirth
        | Reason::UnknownMetric
        | Reason::Malformed
        | Reason::UndefinedTemplate
        | Reason::Wished
        | Reason::Doubt => 600,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_request_in_vain_doubles_the_wait_up_to_an_hour() {
        let (start, cooldown) = (Instant::now(), Duration::from_secs(5));
        let mut insistence = Insistence::default();
        let mut waits = Vec::new();
        for second in 0..20 {
            waits.push(insistence.want(start + Duration::from_secs(second), Reason::BeforeBirth, cooldown).as_secs());
            insistence.ask(false);
        }
        assert_eq!(waits[..6], [5, 5, 10, 20, 40, 80]);
        assert_eq!(waits[19], 3600);
        insistence.answer(true, false);
        assert_eq!(insistence.want(start + Duration::from_secs(20), Reason::BeforeBirth, cooldown), cooldown);
        let day = Duration::from_secs(24 * 60 * 60);
        assert_eq!(insistence.want(start, Reason::SeqGap, day), day, "who wants it longer has it longer");
    }
}
