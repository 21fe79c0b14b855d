//! What streams count.
//!
//! Invariant: every [`Count`] only grows; what is open now is counted by those who hold a place.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use super::event::{Event, Kind};

/// A counter.
#[derive(Debug, Default)]
pub(crate) struct Count(AtomicU64);

impl Count {
    pub(crate) fn add(&self, amount: u64) {
        self.0.fetch_add(amount, Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

#[derive(Debug, Default)]
pub(crate) struct Stats {
    told: [Count; Kind::ALL.len()],
    pub(crate) bytes: Count,
    pub(crate) frames: Count,
    pub(crate) looks: Count,
    pub(crate) refused: Count,
    /// Feeds there are now.
    pub(crate) feeds: AtomicU32,
}

impl Stats {
    pub(crate) fn told(&self, event: &Event) {
        self.told[event.kind() as usize].add(1);
        self.bytes.add(event.data().len() as u64);
    }

    pub(crate) fn events(&self) -> [(&'static str, u64); Kind::ALL.len()] {
        Kind::ALL.map(|kind| (kind.name(), self.told[kind as usize].get()))
    }
}
