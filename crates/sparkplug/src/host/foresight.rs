//! Foresight: what a DATA message is about, before its turn has come.
//!
//! Whoever keeps a million samples has most of them far away in memory. Asked for them one message ahead, that memory is near
//! when the message is handled. So this looks up no more than a guess needs: the Edge Node, the table of metric aliases, the
//! numbers. Whether the message is in order, or its metrics are known, is not asked.
//! Invariant: nothing is changed by it that anybody can see.

use super::{EdgeNodeIndex, Host, MetricIndex};
use crate::{
    EdgeNodeDescriptor, Payload, Topic,
    topic::{DeviceMessage, NodeMessage},
};

impl Host {
    /// The Edge Node of an NDATA or DDATA, and the metrics that it means as far as their aliases tell.
    #[inline]
    pub fn foresee<'h>(
        &'h self,
        topic: &Topic<'_>,
        payload: &'h Payload,
    ) -> Option<(EdgeNodeIndex, impl Iterator<Item = MetricIndex> + use<'h>)> {
        let (group, edge_node, id) = match *topic {
            Topic::Node { group, message: NodeMessage::Ndata, edge_node } => (group, edge_node, None),
            Topic::Device { group, message: DeviceMessage::Ddata, edge_node, device } => {
                (group, edge_node, Some(device))
            }
            Topic::Node { .. } | Topic::Device { .. } | Topic::State { .. } => return None,
        };
        let index = self.edge_nodes.find(EdgeNodeDescriptor { group, edge_node })?;
        let node = self.edge_nodes.get(index)?;
        let roster = match id {
            None => &node.roster,
            Some(id) => &node.devices.get(node.devices.find(id)?)?.roster,
        };
        Some((index, roster.aliases.guess(&payload.metrics)))
    }

    /// Whom the next input is about: what [`Host::foresee`] has said of its topic, so that it need not be looked up again. Holds
    /// for that one input.
    #[inline]
    pub fn expect(&mut self, edge_node: Option<EdgeNodeIndex>) {
        self.expected = edge_node;
    }
}
