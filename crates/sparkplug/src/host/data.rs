//! DATA: the hot path. One lookup for the Edge Node, one for the device, then the metric aliases.
//!
//! Invariant: what a DATA message says reaches metrics of the latest birth of its own Edge Node or device, or nothing.

use super::{
    Data, DeviceIndex, DeviceState, EdgeNodeIndex, Follower, Host, Message, Output, Outputs, Reason,
    finding::{self, Reporter},
    lookup::Lookup,
    metrics::Owner,
};

impl Host {
    /// NDATA, or DDATA of `device`, if that is known.
    pub(super) fn on_data(
        &mut self,
        message: &Message<'_>,
        index: EdgeNodeIndex,
        follower: Follower<'_>,
        device: Option<DeviceIndex>,
        outputs: &mut Outputs,
    ) {
        let is_device = follower.device().is_some();
        let node = self.edge_nodes.get_mut(index);
        let mut reporter = Reporter { outputs, edge_node: Some(index), device };
        let (count, retained, untimed, unknown) = if is_device {
            let count = &mut node.counters.ddata;
            (count, finding::DDATA_RETAINED, finding::DDATA_TIMESTAMP, finding::DEVICE_METRIC_UNKNOWN)
        } else {
            let count = &mut node.counters.ndata;
            (count, finding::NDATA_RETAINED, finding::NDATA_TIMESTAMP, finding::NODE_METRIC_UNKNOWN)
        };
        *count += 1;
        if message.retained {
            reporter.report(retained);
        }
        if message.payload.timestamp.is_none() {
            reporter.report(untimed);
        }
        if is_device && !device.is_some_and(|device| node.is_born(device)) {
            let is_adopted = device.is_some_and(|device| self.adopt_device(index, device, message, reporter.outputs));
            if !is_adopted {
                reporter.report(finding::BEFORE_DBIRTH);
                return self.ask_rebirth(index, Reason::BeforeBirth, message, outputs);
            }
        }
        let node = self.edge_nodes.get_mut(index);
        let roster = match device.and_then(|device| node.devices.get(device)) {
            None => &node.roster,
            Some(device) => &device.roster,
        };
        // Metrics we left out of the birth would be left out of the next one too.
        let is_partial = roster.is_partial();
        let start = reporter.outputs.updates.len();
        let lookup = Lookup { owner: Owner::new(device), roster, metrics: &node.metrics, registrar: &self.registrar };
        let unknown_count = lookup.resolve_all(message, unknown, &mut reporter);
        node.counters.unknown_metrics += u64::from(unknown_count);
        let updates = start as u32..outputs.updates.len() as u32;
        if !updates.is_empty() {
            outputs.list.push(Output::Data(Data { edge_node: index, device, updates }));
        }
        if unknown_count > 0 && !is_partial {
            self.ask_rebirth(index, Reason::UnknownMetric, message, outputs);
        }
    }
}

impl super::edge_node::EdgeNode {
    #[inline]
    fn is_born(&self, device: DeviceIndex) -> bool {
        self.devices.get(device).is_some_and(|device| matches!(device.state, DeviceState::Online { .. }))
    }
}
