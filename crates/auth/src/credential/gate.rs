//! The gate before hashing: how many passwords may be hashed at the same time.
//!
//! One hash takes 19 MiB, on purpose; a storm of logins would take all there is. Nobody can hash without a [`Permit`],
//! and there are only so many. Who gets none waits or is turned away; which, is the server's to say.
//! Invariant: permits that exist never outnumber what the gate was made for.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Bounds the memory that hashing takes: permits times [`Cost::memory_kib`](super::Cost).
#[derive(Clone, Debug)]
pub struct HashingGate {
    taken: Arc<AtomicUsize>,
    permits: usize,
}

/// The right to hash one password after another. Given back when it is dropped.
#[derive(Debug)]
pub struct Permit {
    taken: Arc<AtomicUsize>,
}

impl HashingGate {
    /// A gate with so many permits, at least one.
    pub fn new(permits: usize) -> Self {
        HashingGate { taken: Arc::default(), permits: permits.max(1) }
    }

    /// A permit, if there is one left.
    pub fn enter(&self) -> Option<Permit> {
        let one_more = |taken| (taken < self.permits).then_some(taken + 1);
        self.taken.fetch_update(Ordering::AcqRel, Ordering::Acquire, one_more).ok()?;
        Some(Permit { taken: Arc::clone(&self.taken) })
    }

    /// How many permits are taken.
    pub fn taken(&self) -> usize {
        self.taken.load(Ordering::Acquire)
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.taken.fetch_sub(1, Ordering::AcqRel);
    }
}
