//! Whether a timestamp can be milliseconds of UTC.
//!
//! Clocks differ and messages wait, so only what cannot be true is found: the future, and times before there was any
//! Sparkplug, which is where seconds in place of milliseconds land.

use crate::Timestamp;
use std::time::Duration;

/// 2000-01-01.
const EARLIEST: u64 = 946_684_800_000;

/// 2020-01-01: our own clock was set once, or it judges nobody.
const TRUSTED: u64 = 1_577_836_800_000;

/// How far another clock may be ahead of ours.
const AHEAD: Duration = Duration::from_secs(15 * 60);

/// Whether `said` is no time of UTC at which this could have happened.
pub(super) fn is_wrong(said: Timestamp, now: Timestamp) -> bool {
    now.0 >= TRUSTED && (said.0 < EARLIEST || said.0 > now.0.saturating_add(AHEAD.as_millis() as u64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_microseconds_and_the_future_are_wrong_and_the_past_is_not() {
        let now = Timestamp(1_795_298_431_000);
        let wrong = |said| is_wrong(Timestamp(said), now);
        assert!(![now.0, now.0 + 800_000, 1_700_000_000_000].map(wrong).contains(&true));
        assert!([now.0 / 1000, now.0 * 1000, now.0 + 3_600_000, 0, u64::MAX].iter().all(|&said| wrong(said)));
        assert!(!is_wrong(Timestamp(u64::MAX), Timestamp(0)), "a clock that was never set");
    }
}
