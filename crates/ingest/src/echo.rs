//! What Edge Nodes say, held against what they were told.
//!
//! Apart from the data path, which asks for it only while a command waits.
//! Invariant: a value from the past confirms nothing.

use factree_sparkplug as sparkplug;
use sparkplug::{DeviceIndex, EdgeNodeIndex, Now, Update};

use crate::convert;
use crate::edge_nodes::{Context, EdgeNodes, Received};

impl EdgeNodes {
    /// Holds data against the commands that wait.
    #[cold]
    pub(crate) fn confirm(
        &mut self,
        context: &Context<'_>,
        edge_node: EdgeNodeIndex,
        updates: &[Update],
        received: &Received<'_>,
    ) {
        let value_bytes_max = context.namespace.limits().value_bytes_max;
        for update in updates.iter().filter(|update| !update.is_historical) {
            let raw = received.payload.metric(update.position);
            if let Ok(value) = sparkplug::interpret(update.datatype, raw.wire_value(received.bytes))
                && convert::fits(&value, received.limits, value_bytes_max).is_ok()
            {
                let commands = &mut self.commands;
                convert::with_value(value, |value| commands.on_value(received.now, edge_node, update.metric, value));
            }
        }
    }

    /// What an Edge Node with all its Devices, or one Device, was told before its Birth or Death may not have arrived.
    pub(crate) fn on_life(&mut self, now: Now, edge_node: EdgeNodeIndex, device: Option<DeviceIndex>) {
        if self.commands.are_waiting() {
            self.commands.on_life(now, edge_node, |target| device.is_none() || target.device == device);
        }
    }
}
