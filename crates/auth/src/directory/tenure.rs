//! Tenure: whether anything has changed since somebody logged in, in one comparison.
//!
//! Each party has a counter that goes up when something about it changes; a login remembers where it stood. A
//! connection looks at it before each packet or frame, without a lock, and only when it has moved asks the directory
//! what is left.
//! Invariant: a counter never goes back.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The counter of one party.
#[derive(Debug, Default)]
pub(super) struct Reign(Arc<AtomicU64>);

impl Reign {
    /// Ends all tenures that began until now.
    pub(super) fn end(&self) {
        self.0.fetch_add(1, Ordering::Release);
    }

    pub(super) fn begin_tenure(&self) -> Tenure {
        Tenure { current: Arc::clone(&self.0), began: self.0.load(Ordering::Acquire) }
    }
}

/// Held by whoever has logged in.
#[derive(Clone, Debug)]
pub struct Tenure {
    current: Arc<AtomicU64>,
    began: u64,
}

impl Tenure {
    /// Whether something has changed since. Then what may be done has to be asked anew.
    #[inline]
    pub fn is_over(&self) -> bool {
        self.current.load(Ordering::Acquire) != self.began
    }
}
