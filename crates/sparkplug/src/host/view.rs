//! The host's knowledge, to be read: Edge Nodes, devices, metrics.
//!
//! Views borrow and compute on demand. What only a reader wants (which alias a metric has) is not stored twice.

use super::{
    Asked, Birth, Counters, DeviceIndex, DeviceState, EdgeNodeIndex, Host, MetricIndex, SessionKey,
    device::Device,
    edge_node::{EdgeNode, Life, Past, State},
    metrics::Owner,
    roster::{Roster, RosterMetrics},
};
use crate::{BdSeq, DataType, DeviceId, EdgeNodeDescriptor, Seq, Timestamp};

impl Host {
    /// All Edge Nodes the host has heard of, in the order of their numbers, those that were forgotten among them.
    pub fn edge_nodes(&self) -> impl Iterator<Item = EdgeNodeView<'_>> {
        (0..self.edge_nodes.len()).filter_map(|index| self.edge_node_at(EdgeNodeIndex(index)))
    }

    /// The Edge Node with this descriptor.
    pub fn edge_node(&self, descriptor: EdgeNodeDescriptor<'_>) -> Option<EdgeNodeView<'_>> {
        self.edge_nodes.find(descriptor).and_then(|index| self.edge_node_at(index))
    }

    /// The Edge Node with this number, even if it was forgotten.
    pub fn edge_node_at(&self, index: EdgeNodeIndex) -> Option<EdgeNodeView<'_>> {
        self.edge_nodes.get(index).map(|node| EdgeNodeView { host: self, index, node })
    }
}

/// Whether an Edge Node is online.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EdgeNodeState {
    /// It has sent something, but no birth that was accepted.
    Unknown,
    /// Born.
    Online {
        /// The MQTT session that published its NBIRTH.
        session: SessionKey,
        /// Since when, by our clock; a rebirth does not change it.
        since: Timestamp,
        /// The seq of the message to come.
        next: Seq,
        /// The NBIRTH's bdSeq, if it had a valid one.
        bd_seq: Option<BdSeq>,
    },
    /// Born, and messages before one that has come are missing. All else is as if it were [`EdgeNodeState::Online`].
    Reordering {
        /// The MQTT session that published its NBIRTH.
        session: SessionKey,
        /// Since when it is online, by our clock.
        since: Timestamp,
        /// The seq of the message that is missing.
        next: Seq,
        /// The NBIRTH's bdSeq, if it had a valid one.
        bd_seq: Option<BdSeq>,
        /// How many messages wait for it.
        held: usize,
    },
    /// Known from before our restart, and not heard since.
    Restored {
        /// Since when, by our clock.
        since: Timestamp,
        /// The last NBIRTH's bdSeq, if it had a valid one.
        bd_seq: Option<BdSeq>,
    },
    /// Dead.
    Offline {
        /// Since when, by our clock.
        since: Timestamp,
        /// The last NBIRTH's bdSeq, if it had a valid one.
        bd_seq: Option<BdSeq>,
    },
    /// Forgotten: only its number and what was counted is left.
    Forgotten,
}

/// An Edge Node.
#[derive(Clone, Copy, Debug)]
pub struct EdgeNodeView<'a> {
    host: &'a Host,
    index: EdgeNodeIndex,
    node: &'a EdgeNode,
}

/// A device.
#[derive(Clone, Copy, Debug)]
pub struct DeviceView<'a> {
    /// Its number within the Edge Node.
    pub index: DeviceIndex,
    /// Its id.
    pub id: &'a str,
    /// Whether its metrics are live.
    pub state: DeviceState,
    /// Its latest DBIRTH.
    pub birth: &'a Birth,
    /// How many metrics that birth declared.
    pub metrics_len: usize,
}

impl<'a> DeviceView<'a> {
    fn new(index: DeviceIndex, device: &'a Device) -> DeviceView<'a> {
        let metrics_len = device.roster.len();
        DeviceView { index, id: &device.id, state: device.state, birth: &device.birth, metrics_len }
    }
}

/// A metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MetricView<'a> {
    /// Its number within the Edge Node.
    pub index: MetricIndex,
    /// The device it belongs to, or the Edge Node itself.
    pub device: Option<DeviceIndex>,
    /// Its name.
    pub name: &'a str,
    /// The metric alias its latest birth gave it, if it means this metric alone.
    pub alias: Option<u64>,
    /// The datatype its latest birth declared.
    pub datatype: DataType,
    /// Whether that birth had a UInt32 in the field for long numbers, as npm's and Tahu's clients do: they look for it there.
    pub is_long: bool,
    /// Whether that birth was its Edge Node's or device's latest; if not, the metric has vanished.
    pub is_alive: bool,
}

impl<'a> EdgeNodeView<'a> {
    /// Its number.
    pub fn index(&self) -> EdgeNodeIndex {
        self.index
    }

    /// Its group id.
    pub fn group(&self) -> &'a str {
        &self.node.group
    }

    /// Its Edge Node id.
    pub fn id(&self) -> &'a str {
        &self.node.id
    }

    /// Its descriptor.
    pub fn descriptor(&self) -> EdgeNodeDescriptor<'a> {
        self.node.descriptor()
    }

    /// The MQTT session that published its NBIRTH, while it is online.
    pub fn session(&self) -> Option<SessionKey> {
        self.node.session()
    }

    /// The MQTT session over which it has said last what needs an NBIRTH, while there has been none since.
    pub fn unborn_on(&self) -> Option<SessionKey> {
        self.node.unborn_on
    }

    /// Whether it is online.
    pub fn state(&self) -> EdgeNodeState {
        match &self.node.state {
            State::Unknown => EdgeNodeState::Unknown,
            State::Forgotten => EdgeNodeState::Forgotten,
            &State::Restored(Past { bd_seq, since, .. }) => EdgeNodeState::Restored { since, bd_seq },
            &State::Online(Life { session, since, next, bd_seq, .. }) => {
                EdgeNodeState::Online { session, since, next, bd_seq }
            }
            &State::Reordering(Life { session, since, next, bd_seq, .. }, ref held) => {
                EdgeNodeState::Reordering { session, since, next, bd_seq, held: held.len() }
            }
            &State::Offline(Past { bd_seq, since, .. }) => EdgeNodeState::Offline { since, bd_seq },
        }
    }

    /// Its latest NBIRTH.
    pub fn birth(&self) -> Option<&'a Birth> {
        self.node.state.birth()
    }

    /// When and why it was last asked for a rebirth.
    pub fn asked(&self) -> Option<Asked> {
        self.node.asked
    }

    /// Its devices, in the order of their numbers, without those that were forgotten.
    pub fn devices(&self) -> impl Iterator<Item = DeviceView<'a>> + use<'a> {
        let known = self.node.devices.iter().filter(|(_, device)| device.state != DeviceState::Forgotten);
        known.map(|(index, device)| DeviceView::new(index, device))
    }

    /// The device with this number, even if it was forgotten.
    pub fn device(&self, index: DeviceIndex) -> Option<DeviceView<'a>> {
        self.node.devices.get(index).map(|device| DeviceView::new(index, device))
    }

    /// The device with this id.
    pub fn device_named(&self, id: DeviceId<'_>) -> Option<DeviceView<'a>> {
        self.node.devices.find(id).and_then(|index| self.device(index))
    }

    /// How many metrics its latest NBIRTH declared; those of its devices are not counted.
    pub fn metrics_len(&self) -> usize {
        self.node.roster.len()
    }

    /// The metrics that the latest birth of `device`, or of the Edge Node itself, declared: in the order of its payload,
    /// each metric once. None for a device that does not exist.
    pub fn roster(&self, device: Option<DeviceIndex>) -> Option<&'a RosterMetrics> {
        match device {
            None => Some(self.node.roster.metrics()),
            Some(device) => self.node.devices.get(device).map(|device| device.roster.metrics()),
        }
    }

    /// All metrics of the Edge Node and its devices, vanished ones too, in the order of their numbers.
    pub fn metrics(&self) -> impl Iterator<Item = MetricView<'a>> + use<'a> {
        let mut aliases = vec![None; self.node.metrics.len() as usize];
        let devices = self.node.devices.iter().map(|(_, device)| &device.roster);
        for roster in devices.chain(std::iter::once(&self.node.roster)) {
            note_aliases(roster, &mut aliases);
        }
        let (metrics, names) = (&self.node.metrics, &self.host.registrar.names);
        aliases.into_iter().enumerate().filter_map(move |(index, alias)| {
            let index = MetricIndex(index as u32);
            Some(MetricView {
                index,
                device: metrics.owner(index).device(),
                name: metrics.name(names, index)?,
                alias,
                datatype: metrics.datatype(index),
                is_long: metrics.is_long(index),
                is_alive: metrics.is_alive(index),
            })
        })
    }

    /// The metric that `device`, or the Edge Node itself, calls `name`.
    pub fn metric(&self, device: Option<DeviceIndex>, name: &str) -> Option<MetricView<'a>> {
        let roster = match device {
            None => &self.node.roster,
            Some(device) => &self.node.devices.get(device)?.roster,
        };
        let (metrics, names) = (&self.node.metrics, &self.host.registrar.names);
        let index = metrics.find(names, Owner::new(device), name)?;
        Some(MetricView {
            index,
            device,
            name: metrics.name(names, index)?,
            alias: roster.aliases.of(index),
            datatype: metrics.datatype(index),
            is_long: metrics.is_long(index),
            is_alive: metrics.is_alive(index),
        })
    }

    /// The datatype of the metric that this metric alias of `device`, or of the Edge Node itself, stands for.
    pub(super) fn datatype_of_alias(&self, device: Option<DeviceIndex>, alias: u64) -> Option<DataType> {
        let roster = match device {
            None => &self.node.roster,
            Some(device) => &self.node.devices.get(device)?.roster,
        };
        roster.aliases.find(alias).map(|(_, datatype)| datatype)
    }

    /// The name of the metric that this metric alias of `device`, or of the Edge Node itself, stands for.
    pub fn name_of_alias(&self, device: Option<DeviceIndex>, alias: u64) -> Option<&'a str> {
        let roster = match device {
            None => &self.node.roster,
            Some(device) => &self.node.devices.get(device)?.roster,
        };
        self.metric_name(roster.aliases.find(alias)?.0)
    }

    /// The device whose the metric with this number is; none if it is the Edge Node's own.
    pub fn metric_device(&self, metric: MetricIndex) -> Option<DeviceIndex> {
        self.node.metrics.owner(metric).device()
    }

    /// The name of the metric with this number.
    pub fn metric_name(&self, metric: MetricIndex) -> Option<&'a str> {
        self.node.metrics.name(&self.host.registrar.names, metric)
    }

    /// How often it did what.
    pub fn counters(&self) -> Counters {
        self.node.counters
    }

    /// When it was last heard of, by our clock.
    pub fn last_message(&self) -> Timestamp {
        self.node.last_message
    }
}

fn note_aliases(roster: &Roster, aliases: &mut [Option<u64>]) {
    for (alias, metric) in roster.aliases.iter() {
        if let Some(slot) = aliases.get_mut(metric.0 as usize) {
            *slot = Some(alias);
        }
    }
}
