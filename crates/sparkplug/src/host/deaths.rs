//! Deaths: an Edge Node or a device is gone, by its own word or because its MQTT session is over. And what does not decode.
//!
//! The session is the death authority; an NDEATH counts if it is that of the NBIRTH in force. The time of an Edge Node's
//! death is ours, that of a device's is its own.

use super::{
    Cause, DeviceIndex, DeviceState, Died, EdgeNodeIndex, Host, Message, Output, Outputs, Reason, SessionKey, Turn,
    certificate,
    edge_node::State,
    finding::{self, Reporter},
};
use crate::{DecodeError, DeviceMessage, EdgeNodeDescriptor, NodeMessage, Now, Topic};

impl Host {
    /// Only the NDEATH of the NBIRTH that is in force kills: an older session's delayed will does not (SP17). The time
    /// of death is ours (`tck-id-operational-behavior-edge-node-termination-host-action-ndeath-node-offline`).
    pub(super) fn on_ndeath(
        &mut self,
        message: &Message<'_>,
        descriptor: EdgeNodeDescriptor<'_>,
        outputs: &mut Outputs,
    ) {
        // The death of an Edge Node we never saw is nothing to remember.
        let Some(index) = self.edge_nodes.find(descriptor) else { return };
        let node = self.edge_nodes.get_mut(index);
        let mut reporter = Reporter { outputs, edge_node: Some(index), device: None };
        node.counters.ndeath += 1;
        node.last_message = message.now.wall;
        if message.retained {
            reporter.report(finding::NDEATH_RETAINED);
        }
        if message.payload.seq.is_some() {
            reporter.report(finding::NDEATH_SEQ);
        }
        let Some(got) = certificate::bd_seq(message).valid() else {
            return reporter.report(finding::NDEATH_PAYLOAD);
        };
        let bd_seq = match &node.state {
            State::Unknown | State::Forgotten => return,
            State::Online(life) | State::Reordering(life, _) => life.bd_seq,
            State::Restored(past) | State::Offline(past) => past.bd_seq,
        };
        match bd_seq {
            Some(born) if born == got => {}
            Some(born) => {
                return reporter.report_numbers(finding::NDEATH_BD_SEQ, born.get().into(), got.get().into());
            }
            None => return reporter.report(finding::NDEATH_BD_SEQ),
        }
        // The delayed will of a connection that was replaced. Clients begin at bdSeq 0 with every process, so equal numbers
        // do not make it this birth's death.
        if node.state.life().is_some_and(|life| life.session != message.session) {
            return reporter.report(finding::NDEATH_SESSION);
        }
        // The wills of all connections that our restart cut off say no more than that.
        if message.session == SessionKey::BEFORE_RESTART {
            return;
        }
        self.kill(index, Cause::Ndeath, message.now, outputs);
    }

    pub(super) fn on_ddeath(
        &mut self,
        message: &Message<'_>,
        index: EdgeNodeIndex,
        device: Option<DeviceIndex>,
        outputs: &mut Outputs,
    ) {
        let node = self.edge_nodes.get_mut(index);
        let mut reporter = Reporter { outputs, edge_node: Some(index), device };
        node.counters.ddeath += 1;
        if message.retained {
            reporter.report(finding::DDEATH_RETAINED);
        }
        let Some(device) = device else { return reporter.report(finding::BEFORE_DBIRTH) };
        if message.payload.timestamp.is_none() {
            reporter.report(finding::DDEATH_TIMESTAMP);
        }
        let at = message.payload.timestamp.unwrap_or(message.now.wall);
        let state = &mut node.devices.get_mut(device).state;
        let session = state.session();
        if !matches!(state, DeviceState::Offline { .. }) {
            *state = DeviceState::Offline { since: at };
            let died = Died { edge_node: index, device: Some(device), at, cause: Cause::Ddeath };
            outputs.list.push(Output::Died(died));
        }
        if let Some(session) = session {
            self.sessions.forget((index, Some(device)), session);
        }
    }

    /// A payload that does not decode is lost. Lost data is made good by a rebirth; a broken birth would only be
    /// repeated. An empty one takes a retained message away, in the broker, and is no word of the Edge Node's.
    pub(super) fn on_malformed(
        &mut self,
        now: Now,
        session: SessionKey,
        topic: &Topic<'_>,
        error: DecodeError,
        outputs: &mut Outputs,
    ) {
        let (is_from_edge_node, is_data) = match topic {
            Topic::Node { message, .. } => (*message != NodeMessage::Ncmd, *message == NodeMessage::Ndata),
            Topic::Device { message, .. } => (*message != DeviceMessage::Dcmd, *message == DeviceMessage::Ddata),
            Topic::State { .. } => (false, false),
        };
        let is_empty = error == DecodeError::Empty;
        if !is_from_edge_node && !is_empty {
            return;
        }
        // A birth that is too large is an Edge Node's, which has something to be told about.
        let is_born = topic.is_birth() && error.is_about_limits();
        let edge_node = topic.edge_node().and_then(|descriptor| match is_born {
            true => self.edge_nodes.find_or_add(descriptor, self.limits.edge_nodes_max),
            false => self.edge_nodes.find(descriptor),
        });
        let mut reporter = Reporter { outputs, edge_node, device: None };
        let rule = finding::malformed(topic, error);
        let Some(index) = edge_node else { return reporter.report_fault(rule, error) };
        let node = self.edge_nodes.get_mut(index);
        reporter.device = topic.device().and_then(|id| node.devices.find(id));
        reporter.report_fault(rule, error);
        if is_empty {
            return;
        }
        node.counters.malformed += 1;
        node.last_message = now.wall;
        if is_data {
            self.ask_rebirth_of(index, Reason::Malformed, now, session, outputs);
        }
    }

    /// Whoever the session gave birth to last is offline, whatever an NDEATH has said or has not. If a newer session's
    /// birth came first, this one no longer speaks for anybody.
    pub(super) fn on_session_ended(&mut self, now: Now, session: SessionKey, outputs: &mut Outputs) {
        self.budget.forget(session);
        self.give_up_for(session, now, outputs);
        for (index, device) in self.sessions.end(session) {
            let node = self.edge_nodes.get_mut(index);
            match device {
                None if node.session() == Some(session) => self.kill(index, Cause::SessionEnded, now, outputs),
                None => {}
                Some(device) => {
                    let state = &mut node.devices.get_mut(device).state;
                    if state.session() == Some(session) {
                        *state = DeviceState::Offline { since: now.wall };
                        let died =
                            Died { edge_node: index, device: Some(device), at: now.wall, cause: Cause::SessionEnded };
                        outputs.list.push(Output::Died(died));
                    }
                }
            }
        }
    }

    /// The Edge Node is offline, and its devices with it. What was held is its last words.
    fn kill(&mut self, index: EdgeNodeIndex, cause: Cause, now: Now, outputs: &mut Outputs) {
        self.give_up(index, Turn::Last, now, outputs);
        let node = self.edge_nodes.get_mut(index);
        if let Some(session) = node.session() {
            self.sessions.forget((index, None), session);
        }
        for (device, each) in node.devices.iter() {
            if let Some(session) = each.state.session() {
                self.sessions.forget((index, Some(device)), session);
            }
        }
        if node.die(now.wall) {
            outputs.list.push(Output::Died(Died { edge_node: index, device: None, at: now.wall, cause }));
        }
    }
}
