//! Census: all Edge Nodes taken together, for a scrape.
//!
//! Counted when asked for, in one walk under the lock of the caller: some ten nanoseconds an Edge Node.

use factree_sparkplug::host::EdgeNodeState;

use crate::edge_nodes::EdgeNodes;
use crate::report::Counters;

/// How many Edge Nodes there are, how they are, and what they sent and got together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Census {
    /// Born and not dead.
    pub online: u64,
    /// The same, and messages before one that has come are missing.
    pub reordering: u64,
    /// Known from before our restart and not heard since.
    pub restored: u64,
    /// Dead.
    pub offline: u64,
    /// Heard of, but without a Birth.
    pub unborn: u64,
    /// Sums over all of them.
    pub counters: Counters,
}

impl EdgeNodes {
    pub(crate) fn census(&self) -> Census {
        let mut census = Census::default();
        for node in self.host.edge_nodes() {
            match node.state() {
                EdgeNodeState::Online { .. } => census.online += 1,
                EdgeNodeState::Reordering { .. } => census.reordering += 1,
                EdgeNodeState::Restored { .. } => census.restored += 1,
                EdgeNodeState::Offline { .. } => census.offline += 1,
                EdgeNodeState::Unknown => census.unborn += 1,
                // What was counted of it stays counted.
                EdgeNodeState::Forgotten => {}
            }
            census.counters.add(&node.counters());
        }
        census.counters.findings = self.ledger.count_all();
        census
    }
}
