//! A sample: what a metric was, when, and how far to trust it.
//!
//! Plain data that readers copy out and keep. Refuses to know the wall clock: both times are given by the writer.
//! Invariant: a timestamp is kept exactly as its source sent it, however absurd.

use std::fmt;

use crate::{DataType, Provenance, Value};

/// Wall-clock time in milliseconds since the Unix epoch, UTC. From a payload it is untrusted: 0, 2^63 and 2^64-1 are
/// stored as sent, and nothing here does arithmetic on it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(pub u64);

/// One tick of the namespace's global counter. Every applied batch gets the next one, and stamps it on every cell it
/// touched; [`Revision::ZERO`] comes before all batches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Revision(pub u64);

impl Revision {
    /// Before the first batch: "everything changed since then" is everything.
    pub const ZERO: Self = Self(0);
}

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// How far to trust a sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Quality {
    /// As the source reports it, and the source is online.
    Good,
    /// The source itself says the value is not to be used.
    Bad,
    /// The source is gone; this is the last that was heard.
    Stale,
    /// Received, but something about it (its type, its time) is in doubt.
    Uncertain,
}

impl Quality {
    /// The word used in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Good => "Good",
            Self::Bad => "Bad",
            Self::Stale => "Stale",
            Self::Uncertain => "Uncertain",
        }
    }
}

/// A sample and where it comes from.
pub type Reading = (Sample, Provenance);

/// The state of one cell, copied out.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// The value; text and structures are shared with the tree, not copied.
    pub value: Value,
    /// How far to trust it.
    pub quality: Quality,
    /// The source's time, untrusted.
    pub timestamp: Timestamp,
    /// When the batch that last changed this cell reached us. Kept in 48 bits: later than the year 10889 reads as then.
    pub received: Timestamp,
    /// The type the source declared.
    pub datatype: DataType,
    /// The batch that last changed this cell.
    pub revision: Revision,
    /// Whether its source no longer has it: since `received`, when it said so. Then it is Stale for good.
    pub is_gone: bool,
}
