//! The time, as this room is told it.
//!
//! What outlives the process (expiry of keys and sessions, the audit log) is reckoned by the wall clock, which may be
//! set; what drives a delay within the process is an `Instant` or a `Duration` since its start. Nobody here asks a
//! clock.
//! Invariant: none; a wall clock promises nothing.

use std::fmt;
use std::time::Duration;

/// A wall clock reading: milliseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(pub u64);

impl Timestamp {
    /// Later by so much, or as late as can be.
    #[must_use]
    pub fn after(self, duration: Duration) -> Timestamp {
        Timestamp(self.0.saturating_add(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)))
    }

    /// How long after an earlier one; nothing if it is not.
    pub fn since(self, earlier: Timestamp) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }
}

impl fmt::Display for Timestamp {
    /// `2026-11-22T09:30:00.000Z`; a number of milliseconds if no calendar reaches that far.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match i64::try_from(self.0).ok().and_then(|millis| jiff::Timestamp::from_millisecond(millis).ok()) {
            Some(time) => write!(f, "{time:.3}"),
            None => write!(f, "{} ms", self.0),
        }
    }
}

/// Both clocks at once: what the audit log writes down.
#[derive(Clone, Copy, Debug)]
pub struct Now {
    /// What the clock on the wall shows.
    pub wall: Timestamp,
    /// Since the process began.
    pub monotonic: Duration,
}
