//! Sequence numbers: `seq` counts an Edge Node's messages, `bdSeq` its MQTT connections.
//!
//! Both are 8 bits wide and wrap from 255 to 0 (`tck-id-payloads-sequence-num-incrementing`). They are different types
//! because a mixed-up comparison would compile and be wrong. Peers send them in 64-bit fields; what does not fit is
//! told apart here ([`Seq::from_wire`]), once.

use std::fmt;

/// A message's sequence number within its Edge Node's session, 0 to 255, wrapping.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Seq(u8);

impl Seq {
    /// What an NBIRTH starts from (`tck-id-topics-nbirth-seq-num`).
    pub const ZERO: Seq = Seq(0);

    /// The sequence number `value`.
    pub const fn new(value: u8) -> Seq {
        Seq(value)
    }

    /// Reads the payload field. Past 255 it is none (`tck-id-payloads-ndata-seq-inc`: "MUST never exceed 255").
    pub fn from_wire(value: u64) -> Option<Seq> {
        u8::try_from(value).ok().map(Seq)
    }

    /// The one that follows: 255 is followed by 0.
    #[must_use]
    pub const fn next(self) -> Seq {
        Seq(self.0.wrapping_add(1))
    }

    /// How many messages lie between `self`, which was expected, and `got`, going forward round the circle (0 to 255).
    pub const fn gap_to(self, got: Seq) -> u8 {
        got.0.wrapping_sub(self.0)
    }

    /// The number, 0 to 255.
    pub const fn get(self) -> u8 {
        self.0
    }
}

impl fmt::Display for Seq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The birth/death sequence number: says which NBIRTH an NDEATH belongs to. 0 to 255, wrapping.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct BdSeq(u8);

impl BdSeq {
    /// The number `value`.
    pub const fn new(value: u8) -> BdSeq {
        BdSeq(value)
    }

    /// Reads the value of the metric `bdSeq`. Past 255, or negative, it is none.
    pub fn from_wire(value: u64) -> Option<BdSeq> {
        u8::try_from(value).ok().map(BdSeq)
    }

    /// The one the next MQTT connection must use (`tck-id-topics-nbirth-bdseq-increment`).
    #[must_use]
    pub const fn next(self) -> BdSeq {
        BdSeq(self.0.wrapping_add(1))
    }

    /// The number, 0 to 255.
    pub const fn get(self) -> u8 {
        self.0
    }
}

impl fmt::Display for BdSeq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_wrap_after_255_and_nothing_larger_is_one() {
        assert_eq!(Seq::new(254).next(), Seq::new(255));
        assert_eq!(Seq::new(255).next(), Seq::ZERO);
        assert_eq!(BdSeq::new(255).next(), BdSeq::new(0));
        assert_eq!(Seq::from_wire(255), Some(Seq::new(255)));
        assert_eq!(Seq::from_wire(256), None);
        assert_eq!(BdSeq::from_wire(u64::MAX), None);
    }

    #[test]
    fn a_gap_is_counted_forward_round_the_circle() {
        assert_eq!(Seq::new(4).gap_to(Seq::new(7)), 3);
        assert_eq!(Seq::new(254).gap_to(Seq::new(1)), 3);
        assert_eq!(Seq::new(5).gap_to(Seq::new(4)), 255);
    }
}
