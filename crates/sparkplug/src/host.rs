//! What a Host Application knows about each Edge Node.
//!
//! [`Host::handle`] takes one message, or the end of one MQTT session, and says what follows from it: who is born,
//! which metrics have values, who died, whom to ask for a rebirth, and what broke a rule. The parts below it own their
//! state (an Edge Node, its devices, its metrics, the names, the sessions, the budget) and do not call each other; the
//! decisions are made here.
//!
//! Knows nothing of MQTT packets, sockets, clocks or the tree, and nothing of values: a metric is a number here.
//! Invariant: an Edge Node or device is online exactly while the MQTT session that published its latest birth lives and
//! no death has been accepted.

mod alias;
mod certificate;
mod definitions;
mod device;
mod edge_node;
mod finding;
mod lookup;
mod metrics;
mod names;
mod outputs;
mod rebirth;
mod registry;
mod restore;
mod roster;
mod sessions;
mod view;

pub use device::DeviceState;
pub use edge_node::{Birth, Counters};
pub use finding::{Finding, Rule};
pub use outputs::{
    AskRebirth, Born, BornMetric, Cause, Data, DeviceIndex, Died, EdgeNodeIndex, MetricIndex, Output, Outputs, Reason,
    Update,
};
pub use restore::NotRestored;
pub use roster::RosterMetrics;
pub use view::{DeviceView, EdgeNodeState, EdgeNodeView, MetricView};

use crate::{DecodeError, DeviceId, DeviceMessage, EdgeNodeDescriptor, Limits, NodeMessage, Now, Payload, Topic};
use certificate::Archive;
use device::Device;
use edge_node::{Order, State};
use finding::Reporter;
use lookup::Lookup;
use metrics::Owner;
use rebirth::Rebirths;
use registry::EdgeNodes;
use roster::{Registrar, Roster};
use sessions::Sessions;

/// One MQTT connection's lifetime: a client's to our broker as that numbers it, or ours to somebody else's broker
/// ([`SessionKey::attached`]), over which all its clients speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionKey(pub u64);

impl SessionKey {
    const ATTACHED: u64 = 1 << 63;
    const ATTACHMENT_SHIFT: u32 = 48;

    /// Our connection number `connection` (from 1, below 2^48) to the foreign broker number `attachment` (below 2^15).
    ///
    /// # Panics
    /// If a number is out of its range.
    pub fn attached(attachment: u16, connection: u64) -> SessionKey {
        assert!(attachment < 1 << 15 && connection < 1 << SessionKey::ATTACHMENT_SHIFT, "numbers of an attachment fit");
        SessionKey(SessionKey::ATTACHED | u64::from(attachment) << SessionKey::ATTACHMENT_SHIFT | connection)
    }

    /// Whatever connection there is to the foreign broker number `attachment`: an address, and nothing is heard over it.
    ///
    /// # Panics
    /// If the number is not below 2^15.
    pub fn any_to(attachment: u16) -> SessionKey {
        SessionKey::attached(attachment, 0)
    }

    /// The foreign broker whose clients all speak over this session; `None` for a session of one client with our broker.
    pub fn attachment(self) -> Option<u16> {
        (self.0 & SessionKey::ATTACHED != 0).then_some((self.0 >> SessionKey::ATTACHMENT_SHIFT) as u16 & 0x7fff)
    }
}

/// Something the host is told, in the broker's order.
#[derive(Clone, Copy, Debug)]
pub enum Input<'a> {
    /// A Sparkplug message whose payload decoded.
    Message {
        /// The MQTT session that published it.
        session: SessionKey,
        /// The retain flag it was published with.
        retained: bool,
        /// Its topic.
        topic: Topic<'a>,
        /// Its payload's bytes, or what [`crate::inflate`] made of them.
        bytes: &'a [u8],
        /// What [`crate::decode`] made of `bytes`.
        payload: &'a Payload,
    },
    /// A Sparkplug message whose payload did not decode.
    Malformed {
        /// The MQTT session that published it.
        session: SessionKey,
        /// Its topic.
        topic: Topic<'a>,
        /// What is wrong with it.
        error: DecodeError,
    },
    /// An MQTT session is over. This is the death authority: whatever it gave birth to is offline.
    SessionEnded {
        /// The session.
        session: SessionKey,
    },
}

/// The Host Application's knowledge of all Edge Nodes.
#[derive(Debug)]
pub struct Host {
    limits: Limits,
    edge_nodes: EdgeNodes,
    sessions: Sessions,
    registrar: Registrar,
    archive: Archive,
    rebirths: Rebirths,
}

/// A message as the parts below see it.
#[derive(Clone, Copy, Debug)]
struct Message<'a> {
    now: Now,
    session: SessionKey,
    retained: bool,
    bytes: &'a [u8],
    payload: &'a Payload,
}

impl Host {
    /// A host that knows no Edge Node.
    ///
    /// # Panics
    /// When the limits contradict each other ([`Limits::check`]).
    pub fn new(limits: Limits) -> Host {
        if let Err(rule) = limits.check() {
            panic!("{rule}");
        }
        Host {
            rebirths: Rebirths::new(&limits),
            limits,
            edge_nodes: EdgeNodes::default(),
            sessions: Sessions::default(),
            registrar: Registrar::default(),
            archive: Archive::default(),
        }
    }

    /// Handles one input and appends what is to be done. The commands of other Host Applications and their STATE change
    /// nothing here.
    pub fn handle(&mut self, now: Now, input: Input<'_>, outputs: &mut Outputs) {
        outputs.begin();
        match input {
            Input::Message { session, retained, topic, bytes, payload } => {
                let message = Message { now, session, retained, bytes, payload };
                match topic {
                    Topic::Node { group, message: kind, edge_node } => {
                        let descriptor = EdgeNodeDescriptor { group, edge_node };
                        match kind {
                            NodeMessage::Ndata => self.on_data(&message, descriptor, None, outputs),
                            NodeMessage::Nbirth => self.on_nbirth(&message, descriptor, outputs),
                            NodeMessage::Ndeath => self.on_ndeath(&message, descriptor, outputs),
                            NodeMessage::Ncmd => {}
                        }
                    }
                    Topic::Device { group, message: kind, edge_node, device } => {
                        let descriptor = EdgeNodeDescriptor { group, edge_node };
                        match kind {
                            DeviceMessage::Ddata => self.on_data(&message, descriptor, Some(device), outputs),
                            DeviceMessage::Dbirth => self.on_dbirth(&message, descriptor, device, outputs),
                            DeviceMessage::Ddeath => self.on_ddeath(&message, descriptor, device, outputs),
                            DeviceMessage::Dcmd => {}
                        }
                    }
                    Topic::State { .. } => {}
                }
            }
            Input::Malformed { session, topic, error } => self.on_malformed(now, session, &topic, error, outputs),
            Input::SessionEnded { session } => self.on_session_ended(now, session, outputs),
        }
    }

    fn on_nbirth(&mut self, message: &Message<'_>, descriptor: EdgeNodeDescriptor<'_>, outputs: &mut Outputs) {
        let Some(index) = self.take_in(descriptor, outputs) else { return };
        let node = self.edge_nodes.get_mut(index);
        let mut reporter = Reporter { outputs, edge_node: Some(index), device: None };
        node.counters.nbirth += 1;
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
            if let Some(session) = state.session() {
                *state = DeviceState::Stale { since: at };
                self.sessions.forget((index, Some(device)), session);
                let died = Died { edge_node: index, device: Some(device), at, cause: Cause::NodeBirth };
                reporter.outputs.list.push(Output::Died(died));
            }
        }
        let owner = Owner::new(None);
        let (metrics, vanished) =
            node.roster.enrol(owner, message, &self.limits, &mut node.metrics, &mut self.registrar, &mut reporter);
        let (before, session, since) = match &node.state {
            State::Unknown => (None, None, at),
            State::Online { birth, session, since, .. } => (Some(birth), Some(*session), *since),
            State::Offline { birth, .. } => (Some(birth), None, at),
        };
        self.sessions.bear((index, None), message.session, session);
        let birth = self.archive.keep(message, before, &self.limits, &mut reporter);
        let is_kept = birth.kept_bytes.is_some();
        let bd_seq = found.valid();
        node.state = State::Online { birth, bd_seq, session: message.session, since, next };
        outputs.list.push(Output::Born(Born {
            edge_node: index,
            device: None,
            session: message.session,
            timestamp: message.payload.timestamp,
            bd_seq,
            is_rebirth: session.is_some(),
            is_kept,
            metrics,
            vanished,
        }));
    }

    fn on_dbirth(
        &mut self,
        message: &Message<'_>,
        descriptor: EdgeNodeDescriptor<'_>,
        id: DeviceId<'_>,
        outputs: &mut Outputs,
    ) {
        let Some(index) = self.take_in(descriptor, outputs) else { return };
        let node = self.edge_nodes.get_mut(index);
        let device = node.devices.find(id);
        let mut reporter = Reporter { outputs, edge_node: Some(index), device };
        node.counters.dbirth += 1;
        node.last_message = message.now.wall;
        if message.retained {
            reporter.report(finding::DBIRTH_RETAINED);
        }
        let order = node.follow(message, &mut reporter);
        if order == Order::NotBorn {
            reporter.report(finding::DBIRTH_BEFORE_NBIRTH);
            return self.ask_rebirth(index, Reason::BeforeBirth, message.now, message.session, outputs);
        }
        if message.payload.timestamp.is_none() {
            reporter.report(finding::DBIRTH_TIMESTAMP);
        }
        if device.is_none() && node.devices.next().0 >= self.limits.devices_per_edge_node_max {
            return reporter.report(finding::DEVICES_FULL);
        }
        let before = device.and_then(|device| node.devices.get(device));
        let session = before.and_then(|device| device.state.session());
        let birth = self.archive.keep(message, before.map(|device| &device.birth), &self.limits, &mut reporter);
        let is_kept = birth.kept_bytes.is_some();
        let since = match before.map(|device| device.state) {
            Some(DeviceState::Online { since, .. }) => since,
            Some(DeviceState::Stale { .. } | DeviceState::Offline { .. }) | None => message.now.wall,
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
        if order == Order::Gap {
            self.ask_rebirth(index, Reason::SeqGap, message.now, message.session, outputs);
        }
    }

    /// NDATA, or DDATA of the device `id`: the hot path. One lookup for the Edge Node, one for the device, then the
    /// metric aliases.
    fn on_data(
        &mut self,
        message: &Message<'_>,
        descriptor: EdgeNodeDescriptor<'_>,
        id: Option<DeviceId<'_>>,
        outputs: &mut Outputs,
    ) {
        let Some(index) = self.take_in(descriptor, outputs) else { return };
        let node = self.edge_nodes.get_mut(index);
        let device = id.and_then(|id| node.devices.find(id));
        let mut reporter = Reporter { outputs, edge_node: Some(index), device };
        node.last_message = message.now.wall;
        let (count, retained, untimed, unknown) = match id {
            None => (
                &mut node.counters.ndata,
                finding::NDATA_RETAINED,
                finding::NDATA_TIMESTAMP,
                finding::NODE_METRIC_UNKNOWN,
            ),
            Some(_) => (
                &mut node.counters.ddata,
                finding::DDATA_RETAINED,
                finding::DDATA_TIMESTAMP,
                finding::DEVICE_METRIC_UNKNOWN,
            ),
        };
        *count += 1;
        if message.retained {
            reporter.report(retained);
        }
        let order = node.follow(message, &mut reporter);
        if order == Order::NotBorn {
            reporter.report(finding::BEFORE_NBIRTH);
            return self.ask_rebirth(index, Reason::BeforeBirth, message.now, message.session, outputs);
        }
        if message.payload.timestamp.is_none() {
            reporter.report(untimed);
        }
        let born = device.and_then(|device| node.devices.get(device)).filter(|each| each.state.session().is_some());
        let roster = match (id, born) {
            (None, _) => &node.roster,
            (Some(_), Some(device)) => &device.roster,
            (Some(_), None) => {
                reporter.report(finding::BEFORE_DBIRTH);
                return self.ask_rebirth(index, Reason::BeforeBirth, message.now, message.session, outputs);
            }
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
            self.ask_rebirth(index, Reason::UnknownMetric, message.now, message.session, outputs);
        }
        if order == Order::Gap {
            self.ask_rebirth(index, Reason::SeqGap, message.now, message.session, outputs);
        }
    }

    /// Only the NDEATH of the NBIRTH that is in force kills: an older session's delayed will does not (SP17). The time
    /// of death is ours (`tck-id-operational-behavior-edge-node-termination-host-action-ndeath-node-offline`).
    fn on_ndeath(&mut self, message: &Message<'_>, descriptor: EdgeNodeDescriptor<'_>, outputs: &mut Outputs) {
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
        let (State::Online { bd_seq, .. } | State::Offline { bd_seq, .. }) = &node.state else { return };
        match bd_seq {
            Some(born) if *born == got => {}
            Some(born) => {
                return reporter.report_numbers(finding::NDEATH_BD_SEQ, born.get().into(), got.get().into());
            }
            None => return reporter.report(finding::NDEATH_BD_SEQ),
        }
        // The delayed will of a connection that was replaced. Clients begin at bdSeq 0 with every process, so equal numbers
        // do not make it this birth's death.
        if matches!(&node.state, State::Online { session, .. } if *session != message.session) {
            return reporter.report(finding::NDEATH_SESSION);
        }
        self.kill(index, Cause::Ndeath, message.now, outputs);
    }

    fn on_ddeath(
        &mut self,
        message: &Message<'_>,
        descriptor: EdgeNodeDescriptor<'_>,
        id: DeviceId<'_>,
        outputs: &mut Outputs,
    ) {
        let Some(index) = self.take_in(descriptor, outputs) else { return };
        let node = self.edge_nodes.get_mut(index);
        let device = node.devices.find(id);
        let mut reporter = Reporter { outputs, edge_node: Some(index), device };
        node.counters.ddeath += 1;
        node.last_message = message.now.wall;
        if message.retained {
            reporter.report(finding::DDEATH_RETAINED);
        }
        let order = node.follow(message, &mut reporter);
        if order == Order::NotBorn {
            reporter.report(finding::BEFORE_NBIRTH);
            return self.ask_rebirth(index, Reason::BeforeBirth, message.now, message.session, outputs);
        }
        match device {
            None => reporter.report(finding::BEFORE_DBIRTH),
            Some(device) => {
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
        }
        if order == Order::Gap {
            self.ask_rebirth(index, Reason::SeqGap, message.now, message.session, outputs);
        }
    }

    /// A payload that does not decode is lost. Lost data is made good by a rebirth; a broken birth would only be
    /// repeated.
    fn on_malformed(
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
        if !is_from_edge_node {
            return;
        }
        let edge_node = topic.edge_node().and_then(|descriptor| self.edge_nodes.find(descriptor));
        let mut reporter = Reporter { outputs, edge_node, device: None };
        let rule = if error.is_about_compression() { finding::COMPRESSED } else { finding::MALFORMED };
        let Some(index) = edge_node else { return reporter.report(rule) };
        let node = self.edge_nodes.get_mut(index);
        node.counters.malformed += 1;
        node.last_message = now.wall;
        reporter.device = topic.device().and_then(|id| node.devices.find(id));
        reporter.report(rule);
        if is_data {
            self.ask_rebirth(index, Reason::Malformed, now, session, outputs);
        }
    }

    /// Whoever the session gave birth to last is offline, whatever an NDEATH has said or has not. If a newer session's
    /// birth came first, this one no longer speaks for anybody.
    fn on_session_ended(&mut self, now: Now, session: SessionKey, outputs: &mut Outputs) {
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

    /// The Edge Node is offline, and its devices with it.
    fn kill(&mut self, index: EdgeNodeIndex, cause: Cause, now: Now, outputs: &mut Outputs) {
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

    /// The Edge Node's number, if there is room for it.
    fn take_in(&mut self, descriptor: EdgeNodeDescriptor<'_>, outputs: &mut Outputs) -> Option<EdgeNodeIndex> {
        let index = self.edge_nodes.find_or_add(descriptor, self.limits.edge_nodes_max);
        if index.is_none() {
            Reporter { outputs, edge_node: None, device: None }.report(finding::EDGE_NODES_FULL);
        }
        index
    }

    fn ask_rebirth(
        &mut self,
        index: EdgeNodeIndex,
        reason: Reason,
        now: Now,
        session: SessionKey,
        outputs: &mut Outputs,
    ) {
        let node = self.edge_nodes.get_mut(index);
        if self.rebirths.may_ask(now.instant, &mut node.rebirth_asked) {
            node.counters.rebirths_asked += 1;
            outputs.list.push(Output::AskRebirth(AskRebirth { edge_node: index, reason, session }));
        }
    }
}
