//! DATA: the hot path. One lookup for the Edge Node, one for the device, then the metric aliases.
//!
//! Invariant: what a DATA message says reaches metrics of the latest birth of its own Edge Node or device, or nothing.

use super::{
    Data, DeviceIndex, DeviceState, EdgeNodeIndex, Follower, Host, Message, Output, Outputs, Reason,
    finding::{self, Reporter},
    lookup::Lookup,
    metrics::Owner,
};
use crate::payload::Traits;

impl Host {
    /// NDATA, or DDATA of `device`, if that is known. Where it is called: `benches/benches/ingest.rs` counts each call.
    #[inline(always)]
    pub(super) fn on_data(
        &mut self,
        message: &Message<'_>,
        index: EdgeNodeIndex,
        follower: Follower<'_>,
        (device, is_late): (Option<DeviceIndex>, bool),
        outputs: &mut Outputs,
    ) {
        let node = self.edge_nodes.get_mut(index);
        let roster = match (follower.device(), device.and_then(|device| node.devices.get(device))) {
            (None, _) => &node.roster,
            (Some(_), Some(device)) if matches!(device.state, DeviceState::Online { .. }) => &device.roster,
            (Some(_), _) => return self.on_unborn_device(message, index, follower, device, outputs),
        };
        follower.count(&mut node.counters);
        let mut reporter = Reporter { outputs, edge_node: Some(index), device };
        if message.retained || message.payload.timestamp.is_none() {
            judge(message, follower, &mut reporter);
        }
        let unknown = match follower.device() {
            None => finding::NODE_METRIC_UNKNOWN,
            Some(_) => finding::DEVICE_METRIC_UNKNOWN,
        };
        // Metrics we left out of the birth would be left out of the next one too.
        let is_partial = roster.is_partial();
        let start = reporter.outputs.updates.len();
        let lookup = Lookup { owner: Owner::new(device), roster, metrics: &node.metrics, registrar: &self.registrar };
        let unknown_count = lookup.resolve_all(message, unknown, &mut reporter);
        node.counters.unknown_metrics += u64::from(unknown_count);
        let updates = start as u32..outputs.updates.len() as u32;
        if !updates.is_empty() {
            outputs.list.push(Output::Data(Data { edge_node: index, device, is_late, updates }));
        }
        if unknown_count > 0 && !is_partial {
            self.ask_rebirth(index, Reason::UnknownMetric, message, outputs);
        }
        if message.payload.traits().has(Traits::TEMPLATE) {
            self.ask_for_definitions(index, message, outputs);
        }
    }

    /// Asks for a rebirth if what a message is made of is not defined: the NBIRTH has to have it
    /// (`tck-id-payloads-template-definition-nbirth`), and may have it by now.
    #[cold]
    pub(super) fn ask_for_definitions(&mut self, index: EdgeNodeIndex, message: &Message<'_>, outputs: &mut Outputs) {
        if self.edge_nodes.get_mut(index).definitions.are_missing(message) {
            self.ask_rebirth(index, Reason::UndefinedTemplate, message, outputs);
        }
    }

    /// DDATA of a device that is not online: it may go on from before our restart.
    #[cold]
    fn on_unborn_device(
        &mut self,
        message: &Message<'_>,
        index: EdgeNodeIndex,
        follower: Follower<'_>,
        device: Option<DeviceIndex>,
        outputs: &mut Outputs,
    ) {
        if device.is_some_and(|device| self.adopt_device(index, device, message, outputs)) {
            return self.on_data(message, index, follower, (device, false), outputs);
        }
        follower.count(&mut self.edge_nodes.get_mut(index).counters);
        let mut reporter = Reporter { outputs, edge_node: Some(index), device };
        judge(message, follower, &mut reporter);
        reporter.report(finding::BEFORE_DBIRTH);
        self.ask_rebirth(index, Reason::BeforeBirth, message, outputs);
    }
}

/// Judges a DATA message as a whole.
#[cold]
fn judge(message: &Message<'_>, follower: Follower<'_>, reporter: &mut Reporter<'_>) {
    let (retained, untimed) = match follower.device() {
        None => (finding::NDATA_RETAINED, finding::NDATA_TIMESTAMP),
        Some(_) => (finding::DDATA_RETAINED, finding::DDATA_TIMESTAMP),
    };
    if message.retained {
        reporter.report(retained);
    }
    if message.payload.timestamp.is_none() {
        reporter.report(untimed);
    }
}
