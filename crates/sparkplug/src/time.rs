//! Two kinds of time, so that nobody mixes them up.
//!
//! [`Timestamp`] is a wall clock reading: ours, or one a payload claims, which may be any 64-bit number and drives no
//! decision. [`Now`] carries both clocks into the state machines; timeouts and cooldowns look at `instant` only.

use std::time::Instant;

/// A wall clock reading: milliseconds since 1970-01-01T00:00:00Z. Any `u64` may come from a peer (SP12), so arithmetic
/// on it saturates or is not done at all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(pub u64);

/// The time at which an input is handled, from both clocks, given by whoever owns them.
#[derive(Clone, Copy, Debug)]
pub struct Now {
    /// Monotonic: cooldowns and budgets.
    pub instant: Instant,
    /// Wall clock: what is shown to people and stored.
    pub wall: Timestamp,
}
