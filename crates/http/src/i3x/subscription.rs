//! One subscription: what it owes its client, and what the client has acknowledged.
//!
//! A sync gathers all that waits into a batch with the next sequence number, and tells every batch that has not been
//! acknowledged. A stream tells the same once and forgets it. What is dropped because there was too much of it is confessed
//! by the next sync.
//! Knows no socket and no clock. Invariant: sequence numbers ascend and are never given twice; batches that are kept are later than
//! what was acknowledged.

use std::collections::VecDeque;

use factree_namespace::{Namespace, Timestamp};

use super::I3xLimits;
use super::monitored::{Monitored, Update};
use crate::caller::Caller;
use crate::json;

#[derive(Debug)]
pub(super) struct Subscription {
    /// Whose it is, as he was let in last.
    pub(super) caller: Caller,
    pub(super) monitored: Monitored,
    limits: I3xLimits,
    batches: VecDeque<Batch>,
    batches_bytes: usize,
    /// The sequence number given last.
    last: u64,
    /// Updates dropped, of those in batches.
    dropped: u64,
    /// As many drops as have been confessed.
    confessed: u64,
}

#[derive(Debug)]
struct Batch {
    sequence: u64,
    bytes: usize,
    updates: Vec<Update>,
}

/// What a client says it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Acknowledged {
    Nothing,
    /// Everything up to this sequence number.
    Until(u64),
    /// Whatever there is.
    Everything,
}

impl Subscription {
    pub(super) fn new(limits: I3xLimits, caller: Caller) -> Subscription {
        Subscription {
            caller,
            monitored: Monitored::new(limits.clone()),
            limits,
            batches: VecDeque::new(),
            batches_bytes: 0,
            last: 0,
            dropped: 0,
            confessed: 0,
        }
    }

    /// Its owner has been let in once more. If he may see less than before, what is beyond is not told any more.
    pub(super) fn belong_to(&mut self, caller: &Caller, namespace: &Namespace, now: Timestamp) {
        let is_as_before = self.caller.bounds() == caller.bounds();
        self.caller = caller.clone();
        if is_as_before {
            return;
        }
        let sight = caller.sight(namespace);
        self.monitored.keep_within(&sight, now);
        for batch in &mut self.batches {
            batch.updates.retain(|update| update.is_within(&sight));
        }
    }

    /// Updates dropped untold so far.
    pub(super) fn dropped(&self) -> u64 {
        self.dropped + self.monitored.dropped
    }

    /// Writes the batches that are owed now; whether some updates have been dropped since this was asked last.
    pub(super) fn sync(&mut self, acknowledged: Acknowledged, out: &mut Vec<u8>) -> bool {
        match acknowledged {
            Acknowledged::Nothing => {}
            // Nobody can have what was not told yet.
            Acknowledged::Until(sequence) if sequence > self.last => {}
            Acknowledged::Until(sequence) => {
                while self.batches.front().is_some_and(|batch| batch.sequence <= sequence) {
                    self.drop_first();
                }
            }
            Acknowledged::Everything => self.forget(),
        }
        self.gather();
        out.push(b'[');
        for (index, batch) in self.batches.iter().enumerate() {
            json::comma(out, index);
            out.extend_from_slice(b"{\"sequenceNumber\":");
            out.extend_from_slice(batch.sequence.to_string().as_bytes());
            out.extend_from_slice(b",\"updates\":[");
            for (index, update) in batch.updates.iter().enumerate() {
                json::comma(out, index);
                update.write(out);
            }
            out.extend_from_slice(b"]}");
        }
        out.push(b']');
        let has_dropped = self.dropped() > self.confessed;
        self.confessed = self.dropped();
        has_dropped
    }

    /// Everything that is owed, which is not owed any more.
    pub(super) fn take(&mut self) -> Vec<Update> {
        let mut updates: Vec<Update> = self.batches.drain(..).flat_map(|batch| batch.updates).collect();
        self.batches_bytes = 0;
        updates.append(&mut self.monitored.take());
        updates
    }

    pub(super) fn owes_anything(&self) -> bool {
        self.monitored.has_news() || !self.batches.is_empty()
    }

    fn forget(&mut self) {
        self.batches.clear();
        self.batches_bytes = 0;
        self.monitored.take();
    }

    /// Makes a batch of all that waits. The oldest batches make room if they must.
    fn gather(&mut self) {
        let bytes = self.monitored.bytes();
        let updates = self.monitored.take();
        if updates.is_empty() {
            return;
        }
        let max = self.limits.i3x_queue_bytes_max.get() as usize;
        while self.batches_bytes + bytes > max && !self.batches.is_empty() {
            self.dropped += self.batches.front().map_or(0, |batch| batch.updates.len() as u64);
            self.drop_first();
        }
        self.last += 1;
        self.batches_bytes += bytes;
        self.batches.push_back(Batch { sequence: self.last, bytes, updates });
    }

    fn drop_first(&mut self) {
        if let Some(batch) = self.batches.pop_front() {
            self.batches_bytes -= batch.bytes;
        }
    }
}
