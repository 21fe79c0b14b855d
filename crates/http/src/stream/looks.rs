//! Looks that find nothing: where much changes and little of it is followed, there would be one for each message.
//!
//! They take a small part of the time at most, those of all feeds together; a few close together are no reason to rest. Time
//! is an argument.

use std::time::Duration;

use tokio::time::Instant;

/// One part in so many of the time.
const PART: u32 = 32;
/// What it takes to wake a feed for a look and to lay it down again, beside the look itself. Measured with 900 feeds that
/// nothing is said to: 7 µs.
const WAKE: Duration = Duration::from_micros(10);
/// How long the time may be that is owed: looks of 3 ms in all, one behind the other.
const CREDIT: Duration = Duration::from_millis(100);

/// What a feed's looks have cost.
pub(crate) struct Looks {
    /// The time that has to pass until they are paid for, as of `since`.
    debt: Duration,
    since: Instant,
}

impl Looks {
    pub(crate) fn since(now: Instant) -> Looks {
        Looks { debt: Duration::ZERO, since: now }
    }

    /// One of so many feeds has looked, from when to when, and found nothing; when it may look again: within `longest`.
    pub(crate) fn rested(&mut self, (began, ended): (Instant, Instant), feeds: u32, longest: Duration) -> Instant {
        let price = (ended - began + WAKE).saturating_mul(PART).saturating_mul(feeds);
        self.debt = (self.debt.saturating_sub(ended - self.since) + price).min(CREDIT + longest);
        self.since = ended;
        ended + self.debt.saturating_sub(CREDIT)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOOK: Duration = Duration::from_micros(10);
    const SECOND: Duration = Duration::from_secs(1);

    /// Looks as often as it may, but not more often than every `pace`; how many looks in ten seconds.
    fn looks(pace: Duration, feeds: u32) -> u32 {
        let start = Instant::now();
        let (mut looks, mut now, mut count) = (Looks::since(start), start, 0);
        while now < start + 10 * SECOND {
            let ended = now + LOOK;
            now = looks.rested((now, ended), feeds, SECOND / 10).max(now + pace);
            count += 1;
        }
        count
    }

    #[test]
    fn a_look_for_each_of_a_thousand_messages_a_second_costs_little_and_needs_no_rest() {
        assert_eq!(looks(SECOND / 1_000, 1), 10_000);
    }

    #[test]
    fn no_more_than_a_part_of_the_time_is_spent_by_all_together() {
        for feeds in [1, 10, 100] {
            let spent = (LOOK + WAKE) * looks(Duration::ZERO, feeds) * feeds;
            assert!((SECOND * 10 / 40..=SECOND * 10 / 30).contains(&spent), "{feeds} feeds spent {spent:?}");
        }
    }

    #[test]
    fn one_that_takes_long_rests_no_longer_than_it_may() {
        let start = Instant::now();
        let mut looks = Looks::since(start);
        for _ in 0..3 {
            assert_eq!(looks.rested((start, start + SECOND), 1_000, SECOND / 10), start + SECOND + SECOND / 10);
        }
    }
}
