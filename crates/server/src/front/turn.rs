//! A turn: whose it is on a connection, ours or the peer's, and the place its request holds meanwhile.
//!
//! A number goes up with every step, so whether anything has happened is one comparison, made a few times in the time that
//! a peer has: precise to a quarter of it, and a request costs a few stores to its own connection's memory.
//! Invariant: a place is given back once, when the answer has left, or with the connection.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

/// A connection is closed after as many looks at which nothing had happened.
pub(crate) const LOOKS: u32 = 4;

/// ```text
/// Waiting ──head──► Arriving ──body──► Answering ──answer is made──► Leaving ──answer is written──► Waiting
///        ╰──head without a body──────────►╯
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// The peer owes us a head.
    Waiting = 0,
    /// The peer owes us a body.
    Arriving = 1,
    Answering = 2,
    /// All of the answer waits for room in the socket.
    Leaving = 3,
}

/// One connection's turn. Only the connection's task writes it.
pub(crate) struct Turn {
    /// The phase in the lowest two bits, the steps above.
    state: AtomicU64,
    has_place: AtomicBool,
    places: Arc<Places>,
}

impl Turn {
    pub(crate) fn new(places: Arc<Places>) -> Self {
        Self { state: AtomicU64::new(Phase::Waiting as u64), has_place: AtomicBool::new(false), places }
    }

    /// A head is there.
    pub(crate) fn begin(&self, has_body: bool) {
        self.step(if has_body { Phase::Arriving } else { Phase::Answering });
    }

    /// Its body is there, or nobody wants it.
    pub(crate) fn body_arrived(&self) {
        if self.is(Phase::Arriving) {
            self.step(Phase::Answering);
        }
    }

    /// The answer begins.
    pub(crate) fn answer(&self) {
        self.step(Phase::Answering);
    }

    /// The answer is made.
    pub(crate) fn answered(&self) {
        self.step(Phase::Leaving);
    }

    /// Some of it has gone.
    pub(crate) fn wrote(&self) {
        self.state.store(self.state.load(Ordering::Relaxed).wrapping_add(1 << 2), Ordering::Relaxed);
    }

    /// Nothing is left to be written.
    pub(crate) fn flushed(&self) {
        if self.is(Phase::Leaving) {
            self.step(Phase::Waiting);
            self.give_place_back();
        }
    }

    /// Takes a place, if one is free.
    pub(crate) fn take_place(&self) -> bool {
        let has_place = self.has_place.load(Ordering::Relaxed) || self.places.take();
        self.has_place.store(has_place, Ordering::Relaxed);
        has_place
    }

    /// Gives it back, if it has one.
    pub(crate) fn give_place_back(&self) {
        if self.has_place.swap(false, Ordering::Relaxed) {
            self.places.give_back();
        }
    }

    fn is(&self, phase: Phase) -> bool {
        self.state.load(Ordering::Relaxed) & 3 == phase as u64
    }

    fn step(&self, phase: Phase) {
        let steps = (self.state.load(Ordering::Relaxed) >> 2).wrapping_add(1);
        self.state.store(steps << 2 | phase as u64, Ordering::Relaxed);
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.give_place_back();
    }
}

/// Looks at a connection now and then.
#[derive(Default)]
pub(crate) struct Watch {
    seen: u64,
    unchanged: u32,
}

impl Watch {
    /// Whether this is the last of [`LOOKS`] at which the peer owed us something and had not moved.
    pub(crate) fn sees_one_that_stands_still(&mut self, turn: &Turn) -> bool {
        let state = turn.state.load(Ordering::Relaxed);
        let is_owed = turn.is(Phase::Waiting) || turn.is(Phase::Arriving);
        self.unchanged = if is_owed && state == self.seen { self.unchanged + 1 } else { 0 };
        self.seen = state;
        self.unchanged >= LOOKS
    }
}

/// Places for requests whose answers have not left.
pub(crate) struct Places {
    max: u32,
    taken: AtomicU32,
}

impl Places {
    pub(crate) fn new(max: u32) -> Self {
        Self { max, taken: AtomicU32::new(0) }
    }

    /// How many are taken now.
    pub(crate) fn taken(&self) -> u64 {
        self.taken.load(Ordering::Relaxed).into()
    }

    fn take(&self) -> bool {
        let is_free = self.taken.fetch_add(1, Ordering::Relaxed) < self.max;
        if !is_free {
            self.give_back();
        }
        is_free
    }

    fn give_back(&self) {
        self.taken.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn turn(places: u32) -> (Arc<Places>, Turn) {
        let places = Arc::new(Places::new(places));
        (Arc::clone(&places), Turn::new(places))
    }

    fn looks(turn: &Turn, watch: &mut Watch) -> Vec<bool> {
        (0..LOOKS).map(|_| watch.sees_one_that_stands_still(turn)).collect()
    }

    #[test]
    fn who_owes_a_request_is_closed_and_who_waits_for_an_answer_is_not() {
        let (_, turn) = turn(1);
        let mut watch = Watch::default();
        assert_eq!(looks(&turn, &mut watch), [false, false, false, true], "no head");
        turn.begin(true);
        assert!(!watch.sees_one_that_stands_still(&turn));
        assert_eq!(looks(&turn, &mut watch), [false, false, false, true], "no body");
        turn.body_arrived();
        assert_eq!(looks(&turn, &mut watch), [false; 4]);
        turn.answer();
        turn.answered();
        assert_eq!(looks(&turn, &mut watch), [false; 4], "a slow reader");
        turn.flushed();
        assert!(!watch.sees_one_that_stands_still(&turn));
        assert_eq!(looks(&turn, &mut watch), [false, false, false, true], "idle");
    }

    #[test]
    fn a_place_is_held_until_the_answer_has_left_and_given_back_once() {
        let (places, one) = turn(1);
        let other = Turn::new(Arc::clone(&places));
        one.begin(false);
        assert!(one.take_place() && one.take_place() && !other.take_place());
        one.answer();
        one.flushed();
        assert_eq!(places.taken(), 1, "the head has been written, the body not");
        one.answered();
        one.flushed();
        one.flushed();
        assert_eq!(places.taken(), 0);
        assert!(other.take_place());
        drop(other);
        assert!(one.take_place());
        drop(one);
        assert_eq!(places.taken(), 0);
    }
}
