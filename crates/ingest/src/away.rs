//! Away: which Edge Nodes and Devices are not online, for whoever has to look after them.
//!
//! Looked for a slice of the Edge Nodes at a time, in the order of their names, so nobody waits for ingest longer than for
//! a few messages. Those that went last are kept, the others counted. A Device is told only where its Edge Node is online:
//! that of one that is away went with it.
//! Invariant: nothing is copied of who is online.

use std::ops::Bound;

use factree_namespace::Timestamp;
use factree_sparkplug::host::{DeviceState, EdgeNodeState, EdgeNodeView};

use crate::Ingest;
use crate::convert::timestamp;
use crate::edge_nodes::EdgeNodes;
use crate::report::Liveness;

/// An Edge Node or a Device that is not online.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Absentee {
    /// Group id.
    pub group: String,
    /// Edge Node id.
    pub edge_node: String,
    /// Device id; none: the Edge Node itself.
    pub device: Option<String>,
    /// In which way it is not.
    pub liveness: Liveness,
    /// Since when, by our clock.
    pub since: Timestamp,
}

/// Who is not online, as far as was looked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Away {
    /// How many Edge Nodes.
    pub edge_nodes: u64,
    /// How many Devices of Edge Nodes that are online.
    pub devices: u64,
    /// Of both those that went last, the last first.
    pub last: Vec<Absentee>,
}

impl Ingest {
    /// Looks at `looked_at_max` Edge Nodes behind the named one and adds those that are away to `away`, which keeps
    /// `last_max` of them. Answers behind whom to go on; none at the end.
    pub fn look_who_is_away(
        &self,
        after: Option<&(String, String)>,
        looked_at_max: usize,
        last_max: usize,
        away: &mut Away,
    ) -> Option<(String, String)> {
        self.edge_nodes.look_who_is_away(after, looked_at_max, last_max, away)
    }
}

impl EdgeNodes {
    fn look_who_is_away(
        &self,
        after: Option<&(String, String)>,
        looked_at_max: usize,
        last_max: usize,
        away: &mut Away,
    ) -> Option<(String, String)> {
        let start =
            after.map_or(Bound::Unbounded, |(group, id)| Bound::Excluded((group.as_str().into(), id.as_str().into())));
        let mut last = None;
        for (looked_at, (name, index)) in self.order.range((start, Bound::Unbounded)).enumerate() {
            if looked_at == looked_at_max {
                return last.map(|(group, id): &(Box<str>, Box<str>)| (group.to_string(), id.to_string()));
            }
            last = Some(name);
            if let Some(node) = self.host.edge_node_at(*index) {
                away.look_at(&node, last_max);
            }
        }
        None
    }
}

impl Away {
    fn look_at(&mut self, node: &EdgeNodeView<'_>, last_max: usize) {
        let gone = match node.state() {
            EdgeNodeState::Online { .. } | EdgeNodeState::Reordering { .. } | EdgeNodeState::Forgotten => None,
            EdgeNodeState::Unknown => Some((Liveness::Unborn, node.last_message())),
            EdgeNodeState::Restored { since, .. } => Some((Liveness::Restored, since)),
            EdgeNodeState::Offline { since, .. } => Some((Liveness::Offline, since)),
        };
        if let Some((liveness, since)) = gone {
            self.edge_nodes += 1;
            return self.keep((timestamp(since), liveness), last_max, || (node, None));
        }
        for device in node.devices() {
            let (liveness, since) = match device.state {
                DeviceState::Online { .. } | DeviceState::Forgotten => continue,
                DeviceState::Stale { since } => (Liveness::Unborn, since),
                DeviceState::Restored { since } => (Liveness::Restored, since),
                DeviceState::Offline { since } => (Liveness::Offline, since),
            };
            self.devices += 1;
            self.keep((timestamp(since), liveness), last_max, || (node, Some(device.id)));
        }
    }

    fn keep<'n>(
        &mut self,
        (since, liveness): (Timestamp, Liveness),
        last_max: usize,
        who: impl FnOnce() -> (&'n EdgeNodeView<'n>, Option<&'n str>),
    ) {
        let at = self.last.partition_point(|other| other.since >= since);
        if at >= last_max {
            return;
        }
        let (node, device) = who();
        let (group, edge_node) = (node.group().to_owned(), node.id().to_owned());
        self.last.truncate(last_max - 1);
        self.last.insert(at, Absentee { group, edge_node, device: device.map(str::to_owned), liveness, since });
    }
}
