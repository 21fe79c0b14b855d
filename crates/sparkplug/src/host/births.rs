//! Births: an Edge Node or a device says which metrics it has.
//!
//! The newest NBIRTH owns the Edge Node, whoever sends it. What was held for messages before it is dropped: the birth has
//! every value anew, and may have given the metric aliases of the old messages to other metrics.
//! Invariant: after an NBIRTH no device is online until its own DBIRTH.

use super::{
    Born, Cause, DeviceIndex, DeviceState, Died, EdgeNodeIndex, Host, Message, Output, Outputs, Rivals, SessionKey,
    certificate,
    device::Device,
    edge_node::{Life, State},
    finding::{self, Reporter},
    metrics::Owner,
    roster::Roster,
};
use crate::{DeviceId, EdgeNodeDescriptor};
use std::ops::Range;

impl Host {
    pub(super) fn on_nbirth(
        &mut self,
        message: &Message<'_>,
        descriptor: EdgeNodeDescriptor<'_>,
        outputs: &mut Outputs,
    ) {
        let Some(index) = self.take_in(message, descriptor, outputs) else { return };
        self.forget_held(index);
        let node = self.edge_nodes.get_mut(index);
        let mut reporter = Reporter { outputs, edge_node: Some(index), device: None };
        node.counters.nbirth += 1;
        node.unborn_on = None;
        node.last_message = message.now.wall;
        if message.retained {
            reporter.report(finding::NBIRTH_RETAINED);
        }
        if message.payload.timestamp.is_none() {
            reporter.report(finding::NBIRTH_TIMESTAMP);
        }
        let next = certificate::first_seq(message, &mut reporter).next();
        let found = certificate::bd_seq(message);
        certificate::judge_bd_seq(found, message.session, &node.state, &mut reporter);
        certificate::judge_rebirth_metric(message, &mut reporter);
        node.definitions.learn(message);
        node.definitions.judge(message, true, &mut reporter);

        let at = message.now.wall;
        for (device, state) in node.devices.iter_mut().map(|(device, each)| (device, &mut each.state)) {
            match *state {
                DeviceState::Online { session, .. } => {
                    self.sessions.forget((index, Some(device)), session);
                    let died = Died { edge_node: index, device: Some(device), at, cause: Cause::NodeBirth };
                    reporter.outputs.list.push(Output::Died(died));
                }
                DeviceState::Restored { .. } => {}
                DeviceState::Stale { .. } | DeviceState::Offline { .. } | DeviceState::Forgotten => continue,
            }
            *state = DeviceState::Stale { since: at };
        }
        let owner = Owner::new(None);
        let (metrics, vanished) =
            node.roster.enrol(owner, message, &self.limits, &mut node.metrics, &mut self.registrar, &mut reporter);
        node.insistence.answer(true, has_news(reporter.outputs, &metrics));
        let before = node.state.life().map(|life| (life.session, life.since));
        let displaced = displaced(node.state.life(), message.session);
        self.sessions.bear((index, None), message.session, before.map(|(session, _)| session));
        let birth = self.archive.keep(message, node.state.birth(), &self.limits, &mut reporter);
        let is_kept = birth.kept_bytes.is_some();
        let bd_seq = found.valid();
        let rival = node.state.life().and_then(|life| life.displaced);
        if rival == Some(message.session) {
            reporter.report(finding::EDGE_NODE_TWICE);
            node.counters.rivalries += 1;
            // Two clients may go on like this for ever, several times a second.
            if let Some(loser) = displaced.filter(|_| node.counters.rivalries.is_power_of_two()) {
                outputs.list.push(Output::Rivals(Rivals { edge_node: index, winner: message.session, loser }));
            }
        }
        let since = before.map_or(at, |(_, since)| since);
        let (sent, skipped) = (message.payload.timestamp, (next, 0));
        let life = Life { birth, bd_seq, session: message.session, since, next, sent, skipped, displaced };
        node.state = State::Online(life);
        outputs.list.push(Output::Born(Born {
            edge_node: index,
            device: None,
            session: message.session,
            timestamp: message.payload.timestamp,
            bd_seq,
            is_rebirth: before.is_some(),
            is_kept,
            metrics,
            vanished,
        }));
    }

    pub(super) fn on_dbirth(
        &mut self,
        message: &Message<'_>,
        index: EdgeNodeIndex,
        (device, id): (Option<DeviceIndex>, DeviceId<'_>),
        outputs: &mut Outputs,
    ) {
        let node = self.edge_nodes.get_mut(index);
        let mut reporter = Reporter { outputs, edge_node: Some(index), device };
        node.counters.dbirth += 1;
        if message.retained {
            reporter.report(finding::DBIRTH_RETAINED);
        }
        if message.payload.timestamp.is_none() {
            reporter.report(finding::DBIRTH_TIMESTAMP);
        }
        if device.is_none() && !node.devices.have_room(&self.limits) {
            return reporter.report(finding::DEVICES_FULL);
        }
        let before = device.and_then(|device| node.devices.get(device));
        let session = before.and_then(|device| device.state.session());
        let birth = self.archive.keep(message, before.map(|device| &device.birth), &self.limits, &mut reporter);
        let is_kept = birth.kept_bytes.is_some();
        let since = match before.map(|device| device.state) {
            Some(DeviceState::Online { since, .. }) => since,
            Some(
                DeviceState::Restored { .. }
                | DeviceState::Stale { .. }
                | DeviceState::Offline { .. }
                | DeviceState::Forgotten,
            )
            | None => message.now.wall,
        };
        let state = DeviceState::Online { session: message.session, since };
        let device = match device {
            Some(device) => {
                let known = node.devices.get_mut(device);
                (known.state, known.birth) = (state, birth);
                device
            }
            None => node.devices.add(Device { id: id.as_str().into(), state, birth, roster: Roster::default() }),
        };
        self.sessions.bear((index, Some(device)), message.session, session);
        reporter.device = Some(device);
        let owner = Owner::new(Some(device));
        let roster = &mut node.devices.get_mut(device).roster;
        let (metrics, vanished) =
            roster.enrol(owner, message, &self.limits, &mut node.metrics, &mut self.registrar, &mut reporter);
        node.insistence.answer(false, has_news(reporter.outputs, &metrics));
        node.definitions.judge(message, false, &mut reporter);
        if node.shares_aliases(device) {
            reporter.report(finding::ALIAS_TWICE);
        }
        outputs.list.push(Output::Born(Born {
            edge_node: index,
            device: Some(device),
            session: message.session,
            timestamp: message.payload.timestamp,
            bd_seq: None,
            is_rebirth: session.is_some(),
            is_kept,
            metrics,
            vanished,
        }));
        self.ask_for_definitions(index, message, outputs);
    }
}

/// Whether a birth brings metrics that nobody has known.
fn has_news(outputs: &Outputs, metrics: &Range<u32>) -> bool {
    outputs.born[metrics.start as usize..metrics.end as usize].iter().any(|metric| metric.is_new)
}

/// Whose place the NBIRTH of `session` takes: that session is no longer listened to. All clients of a foreign broker
/// speak over one session, so nobody can be told apart there.
fn displaced(before: Option<&Life>, session: SessionKey) -> Option<SessionKey> {
    let before = before?;
    if before.session == session { before.displaced } else { Some(before.session) }
}
