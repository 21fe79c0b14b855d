//! A turn: whose it is on a connection, ours or the peer's, and the [place](Places) its request holds meanwhile.
//!
//! A number goes up with every step, so whether anything has happened is one comparison, made a few times in the time that
//! a peer has: precise to a quarter of it, and a request costs a few stores to its own connection's memory.
//! Invariant: a place is given back once: when the answer has left, with the connection, or when it is taken back.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::task::Waker;

use super::places::{Places, Waiting};
use crate::gate::Origin;

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

/// What is known of a turn's place.
mod place {
    /// It has one,
    pub(super) const HELD: u8 = 1;
    /// of the strangers' at its address,
    pub(super) const STRANGERS: u8 = 2;
    /// and the peer has made us wait since.
    pub(super) const WAITING: u8 = 4;
    /// It had one, which was taken back.
    pub(super) const TAKEN_BACK: u8 = 8;
}

/// What is known of the heads of a connection.
mod heads {
    /// None is to come: what is behind the last one has no length, or is no HTTP.
    pub(super) const OVER: u8 = 1;
    /// The first line of the last one was too long, and has been cut.
    pub(super) const LONG_LINE: u8 = 2;
}

/// What is known of a head that is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Begun {
    /// Its first line was too long, and what it asks for is not what was meant.
    pub(crate) is_cut: bool,
    /// No other comes behind it.
    pub(crate) is_last: bool,
}

/// Nobody has said how long the body is.
const UNTOLD: u64 = u64::MAX;

/// One connection's turn. Only the connection's task writes it, but that its place may be taken back.
pub(crate) struct Turn {
    /// The phase in the lowest two bits, the steps above.
    state: AtomicU64,
    place: AtomicU8,
    heads: AtomicU8,
    /// Bytes of the body behind the last head, until somebody has taken note.
    body_bytes: AtomicU64,
    places: Arc<Places>,
    origin: Origin,
}

impl Turn {
    pub(crate) fn new(places: Arc<Places>, origin: Origin) -> Self {
        let (state, body_bytes) = (AtomicU64::new(Phase::Waiting as u64), AtomicU64::new(UNTOLD));
        Self { state, place: AtomicU8::new(0), heads: AtomicU8::new(0), body_bytes, places, origin }
    }

    /// A head is there, and a body of so many bytes is to come; none: nobody knows how many. From here on what is behind it may
    /// be read, so what is noted of heads may be the next one's.
    pub(crate) fn begin(&self, body_bytes: Option<u64>) -> Begun {
        match body_bytes {
            Some(len) => self.body_bytes.store(len, Ordering::Relaxed),
            None => self.note_heads(heads::OVER),
        }
        self.step(if body_bytes == Some(0) { Phase::Answering } else { Phase::Arriving });
        Begun { is_cut: self.has_long_line(), is_last: self.has_no_more_heads() }
    }

    /// How long the body is behind the head that has begun; said once.
    pub(super) fn body_bytes(&self) -> Option<u64> {
        let len = self.body_bytes.swap(UNTOLD, Ordering::Relaxed);
        (len != UNTOLD).then_some(len)
    }

    /// What is read from here on is no HTTP.
    pub(super) fn switches(&self) {
        self.note_heads(heads::OVER);
    }

    /// Whether the connection cannot go on with another request.
    pub(super) fn has_no_more_heads(&self) -> bool {
        self.heads.load(Ordering::Relaxed) & heads::OVER != 0
    }

    /// The first line is longer than may be. No request is behind it.
    pub(super) fn note_long_line(&self) {
        self.note_heads(heads::OVER | heads::LONG_LINE);
    }

    fn has_long_line(&self) -> bool {
        self.heads.load(Ordering::Relaxed) & heads::LONG_LINE != 0
    }

    fn note_heads(&self, what: u8) {
        self.heads.store(self.heads.load(Ordering::Relaxed) | what, Ordering::Relaxed);
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

    /// Takes a place, if one is free or can be taken from somebody; the one it has serves for requests that come one behind the
    /// other.
    #[inline]
    pub(crate) fn take_place(&self, is_stranger: bool) -> bool {
        self.hold(|places| match is_stranger {
            false => places.take().then_some(place::HELD),
            true => places.take_for_stranger(self.origin).then_some(place::HELD | place::STRANGERS),
        })
    }

    /// Takes one of those that are for what monitoring asks.
    pub(crate) fn take_place_for_probe(&self) -> bool {
        self.hold(|places| places.take_for_probe().then_some(place::HELD))
    }

    #[inline]
    fn hold(&self, take: impl FnOnce(&Places) -> Option<u8>) -> bool {
        let mut held = self.place.load(Ordering::Relaxed);
        if held == 0 {
            held = take(&self.places).unwrap_or(0);
            self.place.store(held, Ordering::Relaxed);
        }
        held & place::HELD != 0
    }

    /// Gives it back, if it has one.
    #[inline]
    pub(crate) fn give_place_back(&self) {
        match self.place.swap(0, Ordering::Relaxed) {
            0 => {}
            place::HELD => self.places.give_back(),
            held => self.let_go(held),
        }
    }

    /// Takes it back, if it has one; whether it had. The connection sees that it [is over](Self::is_over).
    pub(super) fn take_place_back(&self) -> bool {
        let take = |held| (held & place::HELD != 0).then_some(place::TAKEN_BACK);
        let taken = self.place.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take);
        taken.map(|held| self.let_go(held)).is_ok()
    }

    #[cold]
    fn let_go(&self, held: u8) {
        if held & place::WAITING != 0 {
            self.places.forget_waiting(self);
        }
        match held & (place::HELD | place::STRANGERS) {
            0 => {}
            place::HELD => self.places.give_back(),
            _ => self.places.give_back_of_stranger(self.origin),
        }
    }

    /// Nothing can be done before the peer sends or takes something.
    pub(crate) fn waits_for_peer(self: &Arc<Self>, waker: &Waker) {
        let held = self.place.load(Ordering::Relaxed);
        if held & place::HELD != 0 && held & place::WAITING == 0 {
            // Before anybody sees it among those who wait: nobody else writes it until then.
            self.place.store(held | place::WAITING, Ordering::Relaxed);
            let is_stranger = held & place::STRANGERS != 0;
            self.places.note_waiting(Waiting::new(self, is_stranger.then_some(self.origin), waker));
        }
    }

    /// Whether its place was taken back, so that the connection is to end.
    #[inline]
    pub(crate) fn is_over(&self) -> bool {
        self.place.load(Ordering::Relaxed) == place::TAKEN_BACK
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

#[cfg(test)]
mod tests {
    use std::net::IpAddr;
    use std::time::Duration;

    use super::*;

    fn turn(places: u32) -> (Arc<Places>, Turn) {
        let places = Arc::new(Places::new(places, Duration::MAX));
        (Arc::clone(&places), Turn::new(places, Origin::of(IpAddr::from([10, 0, 0, 1]))))
    }

    fn looks(turn: &Turn, watch: &mut Watch) -> Vec<bool> {
        (0..LOOKS).map(|_| watch.sees_one_that_stands_still(turn)).collect()
    }

    #[test]
    fn who_owes_a_request_is_closed_and_who_waits_for_an_answer_is_not() {
        let (_, turn) = turn(1);
        let mut watch = Watch::default();
        assert_eq!(looks(&turn, &mut watch), [false, false, false, true], "no head");
        turn.begin(Some(9));
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
        let other = Turn::new(Arc::clone(&places), one.origin);
        one.begin(Some(0));
        assert!(one.take_place(false) && one.take_place(false) && !other.take_place(false));
        one.answer();
        one.flushed();
        assert_eq!(places.taken(), 1, "the head has been written, the body not");
        one.answered();
        one.flushed();
        one.flushed();
        assert_eq!(places.taken(), 0);
        assert!(other.take_place(false));
        drop(other);
        assert!(one.take_place(false));
        drop(one);
        assert_eq!(places.taken(), 0);
    }
}
