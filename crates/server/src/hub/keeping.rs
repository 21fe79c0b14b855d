//! What the hub tells the disk, and what the keeper asks of the hub.
//!
//! Broker and tree say what is to be kept while they are visited; it gathers here until the keeper takes all of it.
//! Invariant: what is taken is whole visits.

use std::sync::atomic::Ordering;

use factree_broker::Write;
use factree_ingest::{Budget, Keep, Mark, More, Record};

use super::{Core, Hub, lock};
use crate::disk::{Disk, Ticket};

/// What the keeper has yet to take, besides the broker's writes.
#[derive(Default)]
pub(super) struct Gathered {
    births: Vec<Keep>,
    births_bytes: usize,
    /// Of the messages among the broker's writes.
    writes_bytes: usize,
}

/// What the keeper is to write.
pub(crate) struct Taken {
    pub(crate) writes: Vec<Write>,
    pub(crate) births: Vec<Keep>,
    /// The number of the last note they stand for.
    pub(crate) noted: u64,
    /// Of the messages among them.
    pub(crate) bytes: usize,
}

impl Hub {
    /// The ticket of all visits that have ended, and of none that is under way: whoever left a letter has noted its writes.
    pub(crate) fn ticket(&self) -> Ticket {
        let _core = self.core();
        self.disk.latest()
    }

    /// How far the disk is.
    pub(crate) fn disk(&self) -> &Disk {
        &self.disk
    }

    /// Everything that was noted since the last time.
    pub(crate) fn take_writes(&self) -> Taken {
        let mut core = self.core();
        let mut writes = Vec::new();
        core.broker.take_writes(&mut writes);
        let Gathered { births, births_bytes, writes_bytes } = std::mem::take(&mut core.gathered);
        Taken { writes, births, noted: self.disk.last_note(), bytes: births_bytes + writes_bytes }
    }

    /// Where the samples on disk stand, right after restoring.
    pub(crate) fn mark_samples(&self) -> Mark {
        lock(&self.ingest).mark()
    }

    /// Samples that have changed since the mark, as much as the budget allows.
    pub(crate) fn changed_samples(&self, mark: &mut Mark, budget: Budget, into: &mut Vec<Record>) -> More {
        lock(&self.ingest).changed_samples(mark, budget, into)
    }

    /// What has to be kept is refused from now on, or taken again.
    pub(crate) fn set_storage_full(&self, full: bool) {
        self.core().broker.set_storage_full(full);
        self.disk.set_full(full);
    }

    /// Tells the keeper what was written since; the ticket of all that was decided up to now.
    pub(super) fn note(&self, core: &mut Core, before: u64) -> Ticket {
        if core.broker.writes_made() == before {
            return self.disk.latest();
        }
        let bytes = core.broker.written_bytes();
        let new = bytes - std::mem::replace(&mut core.gathered.writes_bytes, bytes);
        self.disk.note(new)
    }

    /// Takes births out of what the tree says, for the keeper.
    pub(super) fn note_births(&self, core: &mut Core, said: &mut Vec<factree_ingest::Output>) {
        let mut bytes = 0;
        for output in said.extract_if(.., |output| matches!(output, factree_ingest::Output::Keep(_))) {
            if let (factree_ingest::Output::Keep(keep), true) = (output, self.disk.is_kept()) {
                bytes += keep.bytes();
                core.gathered.births.push(keep);
            }
        }
        if bytes > 0 {
            core.gathered.births_bytes += bytes;
            self.births.fetch_max(self.disk.note(bytes).note(), Ordering::AcqRel);
        }
    }
}
