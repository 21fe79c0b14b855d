//! The door: who judges a publication before the broker has it.
//!
//! Connection tasks ask for the doorkeeper once per read, and without rules that costs one load. Reloading puts another in its place.
//! Invariant: what a task has judged by one doorkeeper it does not judge by another.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use factree_broker::Refusal;
use factree_ingest::Doorkeeper;
use factree_mqtt::{ReasonCode, TopicName};

/// Where the doorkeeper stands, if there is one.
#[derive(Default)]
pub(crate) struct Door {
    /// Looked at before the lock, which all connections would share.
    is_kept: AtomicBool,
    keeper: RwLock<Option<Arc<Doorkeeper>>>,
}

impl Door {
    /// From now on this one judges; none: nobody does.
    pub(crate) fn keep(&self, keeper: Option<Doorkeeper>) {
        let mut place = self.keeper.write().unwrap_or_else(PoisonError::into_inner);
        self.is_kept.store(keeper.is_some(), Ordering::Relaxed);
        *place = keeper.map(Arc::new);
    }

    /// Who judges.
    pub(crate) fn keeper(&self) -> Option<Arc<Doorkeeper>> {
        if !self.is_kept.load(Ordering::Relaxed) {
            return None;
        }
        self.keeper.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Why a will is not published, if it is not.
    pub(super) fn judge_will(
        &self,
        topic: TopicName<'_>,
        payload: &[u8],
        limits: &factree_ingest::Limits,
    ) -> Option<Refusal> {
        self.keeper()?.refuses(topic.as_str(), payload, limits).map(refusal)
    }
}

/// In MQTT's words.
pub(super) fn refusal(why: String) -> Refusal {
    Refusal { reason: ReasonCode::PayloadFormatInvalid, why: why.into() }
}
