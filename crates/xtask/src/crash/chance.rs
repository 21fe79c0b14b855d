//! Chance from a seed: the same seed makes the same choices.
//!
//! SplitMix64, because it is five lines and any number will do as its seed. When threads and kills meet is not in it,
//! so a run can be repeated in its choices and not in its timing.

/// A stream of choices.
#[derive(Clone, Debug)]
pub(super) struct Chance(u64);

impl Chance {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Another stream, as far as can be told independent of this one.
    pub(super) fn fork(&mut self) -> Self {
        Self(self.number())
    }

    pub(super) fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// From `low` up to but without `high`.
    pub(super) fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.number() % (high - low)
    }

    /// True once in so many times.
    pub(super) fn once_in(&mut self, times: u64) -> bool {
        self.between(0, times) == 0
    }
}
