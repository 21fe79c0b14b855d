//! Births from before a restart of ours: taken in again, so that nobody has to be asked for them.
//!
//! A restored birth is enrolled like any other, so metrics have their numbers and metric aliases again; but nobody is
//! online by it, since no session of this process has published it. Nothing is judged: what was wrong with the birth has
//! been said when it was published. An Edge Node comes before its devices.
//!
//! Many client libraries connect again by themselves and go on with data, so whoever speaks first over a session of our own
//! broker is *adopted*: online by that session, under the birth from before. Over an attachment nobody is, because births
//! may have passed while we were away.
//! Invariant: what was born in this process is never replaced by what was born before it.

use super::{
    Adopted, Born, DeviceIndex, DeviceState, EdgeNodeIndex, Host, Message, MetricIndex, Output, Outputs, SessionKey,
    Turn, certificate,
    device::Device,
    edge_node::{Life, Past, State},
    finding::{self, Reporter},
    metrics::Owner,
    roster::Roster,
};
use crate::{DeviceId, DeviceMessage, EdgeNodeDescriptor, NodeMessage, Now, Payload, Seq, Timestamp, Topic};
use std::fmt;

/// Why a birth from before was not taken in again. Nothing has changed then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotRestored {
    /// The Edge Node or device has a birth already.
    Known,
    /// A device of an Edge Node that has no birth.
    NoEdgeNode,
    /// [`crate::Limits::edge_nodes_max`] is reached.
    EdgeNodesFull,
    /// [`crate::Limits::devices_per_edge_node_max`] is reached.
    DevicesFull,
    /// [`crate::Limits::birth_bytes_max`] is reached.
    BirthBytesFull,
    /// [`crate::Limits::metrics_per_edge_node_max`] is reached.
    MetricsFull,
}

impl fmt::Display for NotRestored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            NotRestored::Known => "it has been born already",
            NotRestored::NoEdgeNode => "its Edge Node has no birth",
            NotRestored::EdgeNodesFull => "as many Edge Nodes as edge_nodes_max are known already",
            NotRestored::DevicesFull => "as many devices as devices_per_edge_node_max are known already",
            NotRestored::MetricsFull => "the Edge Node has as many metrics as metrics_per_edge_node_max already",
            NotRestored::BirthBytesFull => "the kept births take as much room as birth_bytes_max gives them",
        })
    }
}

impl Host {
    /// Takes in again the birth of an Edge Node, or of its `device`, that arrived at `received` in a process before this
    /// one. Replaces `outputs` by one [`Born`], whose metrics are known from now on; the Edge Node or device is offline.
    /// Its `session` means nothing.
    ///
    /// # Errors
    /// [`NotRestored`]. A metric beyond [`crate::Limits::metrics_per_edge_node_max`] is left out, as it is of any birth.
    pub fn restore(
        &mut self,
        now: Now,
        received: Timestamp,
        (descriptor, device): (EdgeNodeDescriptor<'_>, Option<DeviceId<'_>>),
        (bytes, payload): (&[u8], &Payload),
        outputs: &mut Outputs,
    ) -> Result<(), NotRestored> {
        outputs.clear();
        let then = Now { wall: received, ..now };
        let EdgeNodeDescriptor { group, edge_node } = descriptor;
        let topic = match device {
            None => Topic::Node { group, message: NodeMessage::Nbirth, edge_node },
            Some(device) => Topic::Device { group, message: DeviceMessage::Dbirth, edge_node, device },
        };
        let message = Message {
            now: then,
            session: SessionKey::BEFORE_RESTART,
            retained: false,
            topic: &topic,
            published: bytes,
            bytes,
            payload,
            turn: Turn::Unheld,
            expected: None,
        };
        let born = match device {
            None => self.restore_edge_node(now, &message, descriptor, outputs),
            Some(device) => self.restore_device(now, &message, descriptor, device, outputs),
        };
        // Whatever was found has been found before.
        outputs.list.clear();
        outputs.list.push(Output::Born(born?));
        Ok(())
    }

    fn restore_edge_node(
        &mut self,
        now: Now,
        message: &Message<'_>,
        descriptor: EdgeNodeDescriptor<'_>,
        outputs: &mut Outputs,
    ) -> Result<Born, NotRestored> {
        let known = self.edge_nodes.find(descriptor).and_then(|index| self.edge_nodes.get(index));
        if known.is_some_and(|node| !matches!(node.state, State::Unknown)) {
            return Err(NotRestored::Known);
        }
        let limits = &self.limits;
        if !self.archive.has_room(message, limits) {
            return Err(NotRestored::BirthBytesFull);
        }
        let index = self.edge_nodes.find_or_add(descriptor, limits.edge_nodes_max).ok_or(NotRestored::EdgeNodesFull)?;
        let node = self.edge_nodes.get_mut(index);
        let mut reporter = Reporter { outputs, edge_node: Some(index), device: None };
        let birth = self.archive.keep(message, None, limits, &mut reporter);
        let bd_seq = certificate::bd_seq(message).valid();
        node.last_message = message.now.wall;
        node.definitions.learn(message);
        node.state = State::Restored(Past { birth, bd_seq, since: now.wall });
        let owner = Owner::new(None);
        let (metrics, vanished) =
            node.roster.enrol(owner, message, limits, &mut node.metrics, &mut self.registrar, &mut reporter);
        Ok(Born {
            edge_node: index,
            device: None,
            session: SessionKey::BEFORE_RESTART,
            timestamp: message.payload.timestamp,
            bd_seq,
            is_rebirth: false,
            is_kept: true,
            metrics,
            vanished,
        })
    }

    fn restore_device(
        &mut self,
        now: Now,
        message: &Message<'_>,
        descriptor: EdgeNodeDescriptor<'_>,
        id: DeviceId<'_>,
        outputs: &mut Outputs,
    ) -> Result<Born, NotRestored> {
        let limits = &self.limits;
        let index = self.edge_nodes.find(descriptor).ok_or(NotRestored::NoEdgeNode)?;
        let node = self.edge_nodes.get_mut(index);
        if matches!(node.state, State::Unknown) {
            return Err(NotRestored::NoEdgeNode);
        }
        if node.devices.find(id).is_some() {
            return Err(NotRestored::Known);
        }
        if !node.devices.have_room(limits) {
            return Err(NotRestored::DevicesFull);
        }
        if !self.archive.has_room(message, limits) {
            return Err(NotRestored::BirthBytesFull);
        }
        let mut reporter = Reporter { outputs, edge_node: Some(index), device: None };
        let birth = self.archive.keep(message, None, limits, &mut reporter);
        node.last_message = node.last_message.max(message.now.wall);
        let state = DeviceState::Restored { since: now.wall };
        let device = node.devices.add(Device { id: id.as_str().into(), state, birth, roster: Roster::default() });
        let owner = Owner::new(Some(device));
        let roster = &mut node.devices.get_mut(device).roster;
        let (metrics, vanished) =
            roster.enrol(owner, message, limits, &mut node.metrics, &mut self.registrar, &mut reporter);
        Ok(Born {
            edge_node: index,
            device: Some(device),
            session: SessionKey::BEFORE_RESTART,
            timestamp: message.payload.timestamp,
            bd_seq: None,
            is_rebirth: false,
            is_kept: true,
            metrics,
            vanished,
        })
    }

    /// Takes in again a metric that the latest birth of an Edge Node or device, which has been taken in again, does not have.
    /// Its number.
    ///
    /// # Errors
    /// [`NotRestored`]; without room it is forgotten.
    pub fn restore_vanished(
        &mut self,
        (descriptor, device): (EdgeNodeDescriptor<'_>, Option<DeviceId<'_>>),
        name: &str,
    ) -> Result<MetricIndex, NotRestored> {
        let index = self.edge_nodes.find(descriptor).ok_or(NotRestored::NoEdgeNode)?;
        let node = self.edge_nodes.get_mut(index);
        let device = match device {
            None => None,
            Some(id) => Some(node.devices.find(id).ok_or(NotRestored::NoEdgeNode)?),
        };
        let (owner, names) = (Owner::new(device), &mut self.registrar.names);
        if node.metrics.find(names, owner, name).is_some() {
            return Err(NotRestored::Known);
        }
        if node.metrics.len() >= self.limits.metrics_per_edge_node_max {
            return Err(NotRestored::MetricsFull);
        }
        let metric = node.metrics.add(names, owner, name, self.limits.metrics_per_edge_node_max);
        Ok(metric.expect("there is room for it"))
    }

    /// Takes a restored Edge Node for online because `message` came over a session of its own; whether that may be. The seq
    /// is counted on from there: what was said while we were away is lost, and its metrics stay Stale until they speak.
    #[cold]
    pub(super) fn adopt(&mut self, index: EdgeNodeIndex, message: &Message<'_>, outputs: &mut Outputs) -> bool {
        if message.session.attachment().is_some() {
            return false;
        }
        let (node, session) = (self.edge_nodes.get_mut(index), message.session);
        let past = match node.state.take() {
            State::Restored(past) => past,
            other => {
                node.state = other;
                return false;
            }
        };
        let Past { birth, bd_seq, .. } = past;
        let next = message.payload.seq.map_or(Seq::ZERO, |number| Seq::new(number as u8).next());
        let since = message.now.wall;
        let (sent, skipped) = (message.payload.timestamp, (next, 0));
        node.state = State::Online(Life { birth, bd_seq, session, since, next, sent, skipped, displaced: None });
        self.sessions.bear((index, None), session, None);
        Reporter { outputs, edge_node: Some(index), device: None }.report(finding::BIRTH_FIRST);
        outputs.list.push(Output::Adopted(Adopted { edge_node: index, device: None, session }));
        true
    }

    /// The same for a restored device of an Edge Node that is online.
    #[cold]
    pub(super) fn adopt_device(
        &mut self,
        index: EdgeNodeIndex,
        device: DeviceIndex,
        message: &Message<'_>,
        outputs: &mut Outputs,
    ) -> bool {
        let (state, session) = (&mut self.edge_nodes.get_mut(index).devices.get_mut(device).state, message.session);
        if !matches!(state, DeviceState::Restored { .. }) || session.attachment().is_some() {
            return false;
        }
        *state = DeviceState::Online { session, since: message.now.wall };
        self.sessions.bear((index, Some(device)), session, None);
        outputs.list.push(Output::Adopted(Adopted { edge_node: index, device: Some(device), session }));
        true
    }
}
