//! Forgetting: an Edge Node or a device that will not come back leaves nothing behind but its number.
//!
//! Its names, its births' room and its place among those that may be known are free at once. Its number is nobody's again, so
//! that whoever still has it finds nothing there; born again it is a new one.
//! Knows nobody's wish and no tree. Invariant: who is online is not forgotten.

use super::{
    DeviceIndex, EdgeNodeIndex, Host,
    device::{Device, DeviceState},
    edge_node::{Birth, EdgeNode, State},
};
use crate::{DeviceId, EdgeNodeDescriptor, Timestamp};

/// Why an Edge Node or device is not forgotten. Nothing has changed then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotForgotten {
    /// Nobody has heard of it.
    Unknown,
    /// It is online, since then.
    Online {
        /// By our clock.
        since: Timestamp,
    },
}

impl Host {
    /// Forgets an Edge Node with its devices, or one device of it. Which numbers are nobody's now.
    ///
    /// # Errors
    /// [`NotForgotten`].
    pub fn forget(
        &mut self,
        descriptor: EdgeNodeDescriptor<'_>,
        device: Option<DeviceId<'_>>,
    ) -> Result<(EdgeNodeIndex, Option<DeviceIndex>), NotForgotten> {
        let index = self.edge_nodes.find(descriptor).ok_or(NotForgotten::Unknown)?;
        let node = self.edge_nodes.get_mut(index);
        let Some(id) = device else {
            let alive = node.devices.iter().find_map(|(_, device)| online_since(device.state));
            if let Some(since) = node.state.life().map(|life| life.since).or(alive) {
                return Err(NotForgotten::Online { since });
            }
            self.forget_edge_node(index);
            return Ok((index, None));
        };
        let device = node.devices.find(id).ok_or(NotForgotten::Unknown)?;
        if let Some(since) = node.devices.get(device).and_then(|known| online_since(known.state)) {
            return Err(NotForgotten::Online { since });
        }
        let Device { birth, roster, .. } = node.devices.remove(device);
        for metric in roster.metrics().at(0..usize::MAX) {
            node.metrics.set_alive(metric, false);
        }
        self.archive.give_back(&birth);
        Ok((index, Some(device)))
    }

    fn forget_edge_node(&mut self, index: EdgeNodeIndex) {
        self.edge_nodes.remove(index);
        let node = self.edge_nodes.get_mut(index);
        let nobody = EdgeNode { counters: node.counters, state: State::Forgotten, ..EdgeNode::new(node.descriptor()) };
        let former = std::mem::replace(node, nobody);
        let births = former.devices.iter().filter(|(_, device)| device.state != DeviceState::Forgotten);
        let births: Vec<&Birth> =
            former.state.birth().into_iter().chain(births.map(|(_, device)| &device.birth)).collect();
        births.into_iter().for_each(|birth| self.archive.give_back(birth));
        former.metrics.give_back(&mut self.registrar.names);
    }
}

fn online_since(state: DeviceState) -> Option<Timestamp> {
    match state {
        DeviceState::Online { since, .. } => Some(since),
        DeviceState::Stale { .. }
        | DeviceState::Restored { .. }
        | DeviceState::Offline { .. }
        | DeviceState::Forgotten => None,
    }
}
