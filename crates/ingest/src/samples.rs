//! Last-known samples for the store: what has changed since it was last asked, a budget at a time.
//!
//! Writers know nothing of this: cells and groups of 64 cells carry the revision of their last change, so a pass looks at one
//! word for 64 cells that have not changed. A record holds a chunk of 64 metrics, in the order of the birth that declared
//! them, or of 64 fields of a plain topic; if one has changed the chunk is written whole, so a record needs no other to be
//! read.
//! Knows no store: what does not get there is written again if the [`Mark`] from before it is used again.
//! Invariant: when a pass has ended, every change up to its beginning has been in a record of it or of one before.

use factree_namespace::Revision;
use factree_sparkplug as sparkplug;
use sparkplug::{DeviceIndex, DeviceMessage, EdgeNodeIndex, EdgeNodeView, NodeMessage};

use crate::Ingest;
use crate::cells::Cells;
use crate::edge_nodes::EdgeNodes;
use crate::keep::{CHUNK, Record, begin_samples, samples_key};
use crate::seat::Seat;

/// How far the samples are in the store: everything up to a revision, and where the pass at hand goes on.
///
/// The default is the beginning: everything is to be written. A clone taken before a pass repeats it, if what the pass
/// yielded could not be stored.
#[derive(Clone, Debug, Default)]
pub struct Mark {
    pub(crate) since: Revision,
    pass: Option<Pass>,
}

#[derive(Clone, Debug)]
struct Pass {
    /// The newest revision when it began.
    until: Revision,
    /// The next chunk of an Edge Node to be looked at.
    next: Position,
    /// The next slot of the plain topics' block to be looked at.
    slot: u32,
}

#[derive(Clone, Copy, Debug, Default)]
struct Position {
    edge_node: u32,
    /// 0 is the Edge Node itself, its devices follow.
    owner: u32,
    chunk: u32,
}

/// How much one call may yield before it lets go. It may go over by one record, and always yields one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// Records.
    pub records_max: usize,
    /// Bytes of keys and values.
    pub bytes_max: usize,
}

impl Default for Budget {
    /// 16,384 samples and less than a millisecond.
    fn default() -> Self {
        Self { records_max: 256, bytes_max: 512 << 10 }
    }
}

/// Whether the budget cut a pass short.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "a pass that was cut short goes on with the next call"]
pub enum More {
    /// Call again, soon, with the same mark.
    Yes,
    /// The pass has ended.
    No,
}

/// Where records are written, until the budget is spent.
pub(crate) struct Desk<'d> {
    pub(crate) since: Revision,
    pub(crate) value_bytes_max: usize,
    budget: Budget,
    /// Edge Nodes, chunks and topics that may still be looked at.
    looks_left: u32,
    into: &'d mut Vec<Record>,
}

/// Looking costs as well: 100,000 Edge Nodes of which none has changed must not be looked at in one go.
const LOOKS_MAX: u32 = 8_192;

impl Desk<'_> {
    pub(crate) fn is_full(&self) -> bool {
        self.budget.records_max == 0 || self.budget.bytes_max == 0 || self.looks_left == 0
    }

    pub(crate) fn look(&mut self) {
        self.looks_left = self.looks_left.saturating_sub(1);
    }

    pub(crate) fn put(&mut self, key: Option<Box<[u8]>>, value: Vec<u8>) {
        let Some(key) = key else { return };
        self.budget.records_max = self.budget.records_max.saturating_sub(1);
        self.budget.bytes_max = self.budget.bytes_max.saturating_sub(key.len() + value.len());
        self.into.push(Record { key, value: value.into() });
    }
}

impl Ingest {
    /// Where to begin right after restoring: the store has everything up to now. If records of plain topics were missing,
    /// that is the beginning, and everything is written anew.
    pub fn mark(&self) -> Mark {
        let since = if self.plain.is_renumbered { Revision::ZERO } else { self.namespace.revision() };
        Mark { since, pass: None }
    }

    /// Appends records of the samples that have changed since `mark`, for [`Table::Samples`](crate::Table::Samples), and
    /// moves the mark on. Never more than `budget` at a time, so whoever waits for this ingest waits a millisecond at most.
    pub fn changed_samples(&self, mark: &mut Mark, budget: Budget, into: &mut Vec<Record>) -> More {
        let now = self.namespace.revision();
        let pass = mark.pass.get_or_insert(Pass { until: now, next: Position::default(), slot: 0 });
        let value_bytes_max = self.limits.kept_value_bytes_max;
        let budget = Budget { records_max: budget.records_max.max(1), bytes_max: budget.bytes_max.max(1) };
        let mut desk = Desk { since: mark.since, value_bytes_max, budget, looks_left: LOOKS_MAX, into };
        let edge_nodes = self.edge_nodes.changed_samples(&mut pass.next, &mut desk);
        if edge_nodes == More::Yes || self.plain.changed_samples(&mut pass.slot, &mut desk) == More::Yes {
            return More::Yes;
        }
        *mark = Mark { since: pass.until, pass: None };
        More::No
    }
}

impl EdgeNodes {
    fn changed_samples(&self, next: &mut Position, desk: &mut Desk<'_>) -> More {
        while let Some(node) = self.host.edge_node_at(EdgeNodeIndex(next.edge_node)) {
            desk.look();
            let seat = self.seat(node.index());
            if let Some(seat) = seat.filter(|seat| seat.block.hold().is_newer(desk.since))
                && seat.changed_samples(&node, next, desk) == More::Yes
            {
                return More::Yes;
            }
            *next = Position { edge_node: next.edge_node + 1, ..Position::default() };
            if desk.is_full() {
                return More::Yes;
            }
        }
        More::No
    }
}

impl Seat {
    fn changed_samples(&self, node: &EdgeNodeView<'_>, next: &mut Position, desk: &mut Desk<'_>) -> More {
        loop {
            let device = next.owner.checked_sub(1).map(DeviceIndex);
            if device.is_some_and(|device| node.device(device).is_none()) {
                return More::No;
            }
            if self.changed_chunks(node, device, &mut next.chunk, desk) == More::Yes {
                return More::Yes;
            }
            (next.owner, next.chunk) = (next.owner + 1, 0);
        }
    }

    fn changed_chunks(
        &self,
        node: &EdgeNodeView<'_>,
        device: Option<DeviceIndex>,
        next: &mut u32,
        desk: &mut Desk<'_>,
    ) -> More {
        // A device that the tree had no room for has samples nowhere.
        let birth = self.corner(device).and_then(|corner| corner.birth);
        let Some((birth, roster)) = birth.zip(node.roster(device)) else { return More::No };
        let mut topic = None;
        while (*next as usize) * CHUNK < roster.len() {
            if desk.is_full() {
                return More::Yes;
            }
            desk.look();
            let chunk = std::mem::replace(next, *next + 1);
            let first = chunk as usize * CHUNK;
            let metrics = roster.at(first..first + CHUNK);
            let cells = self.block.hold();
            if !metrics.clone().any(|metric| cells.has_changed(metric.0, desk.since)) {
                continue;
            }
            let mut value = begin_samples(Some(birth));
            let mut written = Cells::new();
            for metric in metrics {
                written.write(cells.sample(metric.0).as_ref(), desk.value_bytes_max, &mut value);
            }
            drop(cells);
            desk.put(samples_key(topic.get_or_insert_with(|| birth_topic(node, device)), chunk), value);
        }
        More::No
    }
}

pub(crate) fn birth_topic(node: &EdgeNodeView<'_>, device: Option<DeviceIndex>) -> String {
    let id = device.and_then(|device| sparkplug::DeviceId::new(node.device(device)?.id));
    match id {
        None => node.descriptor().topic(NodeMessage::Nbirth).to_string(),
        Some(id) => node.descriptor().device_topic(DeviceMessage::Dbirth, id).to_string(),
    }
}
