//! What clients do besides publishing: how they connect, what they leave as a will, what they subscribe to, how they go.
//!
//! The will says what a client means to be: an NDEATH makes an Edge Node, a STATE a Host Application. Some of what is wrong
//! shows at once, most of it when the client is born, and the rest when it goes.
//! Only clients of our own broker are known here; who speaks at another broker is nobody's session.
//! Invariant: a session is forgotten when it ends, wherever it stands.

use super::subscriptions::{Covered, Subscriptions};
use crate::{
    BdSeq, DecodeError, EdgeNodeDescriptor, EdgeNodeIndex, HostState, Limits, NodeMessage, Now, Payload, SessionKey,
    Timestamp, Topic, TopicError, decode,
    host::{
        FoundBdSeq, bd_seq_in,
        finding::{self, Reporter},
    },
};
use hashbrown::{HashMap, HashSet};
use std::time::Duration;

/// How a client connects, as far as Sparkplug has a say in it.
#[derive(Clone, Copy, Debug)]
pub struct Connection<'a> {
    /// Whether it speaks MQTT 5.0; if not, 3.1.1.
    pub is_v5: bool,
    /// Clean Start, or Clean Session.
    pub clean_start: bool,
    /// Session Expiry Interval; zero for a clean session of 3.1.1.
    pub session_expiry: Duration,
    /// What is published when it goes without a word.
    pub will: Option<Will<'a>>,
}

/// A client's Will Message.
#[derive(Clone, Copy, Debug)]
pub struct Will<'a> {
    /// Topic name.
    pub topic: &'a str,
    /// 0 to 2.
    pub qos: u8,
    /// Whether it is to be retained.
    pub retain: bool,
    /// Application message. Only that of a Sparkplug topic is looked at.
    pub payload: &'a [u8],
}

/// All sessions of clients of ours.
#[derive(Debug, Default)]
pub(crate) struct Sessions {
    all: HashMap<SessionKey, Session>,
    /// Who has subscribed to just one host's STATE, by its topic.
    awaiting: HashMap<Box<str>, HashSet<SessionKey>>,
    /// Who has published last, so that a client that publishes much is looked up once.
    last: Option<SessionKey>,
    scratch: Payload,
}

#[derive(Debug)]
struct Session {
    is_v5: bool,
    is_clean: bool,
    has_spoken: bool,
    role: Role,
    subscriptions: Subscriptions,
    /// The Edge Nodes it gave birth to, and whether their deaths have been said since.
    born: Vec<(EdgeNodeIndex, bool)>,
    is_host_online: bool,
}

/// Most Edge Nodes of one session whose deaths are waited for.
const BORN_MAX: usize = 64;

/// What a client means to be.
#[derive(Debug, PartialEq, Eq)]
enum Role {
    /// No will.
    Unknown,
    /// A will for something else.
    Other,
    EdgeNode {
        topic: Box<str>,
        bd_seq: Option<BdSeq>,
    },
    HostApplication {
        topic: Box<str>,
        timestamp: Option<Timestamp>,
    },
}

/// What a birth is to be held against.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Speaker<'a> {
    /// Where it came from.
    pub(crate) session: SessionKey,
    /// The topic of what it says, or that stands for it.
    pub(crate) topic: Topic<'a>,
}

impl Sessions {
    /// A client connects. `before` is the bdSeq of the will that its Edge Node left last time, if it is known; the
    /// answer is the one it leaves now.
    pub(crate) fn start(
        &mut self,
        now: Now,
        session: SessionKey,
        connection: &Connection<'_>,
        before: Option<BdSeq>,
        limits: &Limits,
        reporter: &mut Reporter<'_>,
    ) -> Option<BdSeq> {
        let is_clean = connection.clean_start && connection.session_expiry.is_zero();
        let role = connection.will.map_or(Role::Unknown, |will| match Topic::parse(will.topic) {
            Ok(Topic::Node { message: NodeMessage::Ndeath, .. }) => {
                let bd_seq = self.judge_ndeath(&will, before, limits, reporter);
                Role::EdgeNode { topic: will.topic.into(), bd_seq }
            }
            Ok(Topic::State { .. }) => {
                let timestamp = judge_state_will(now, &will, reporter);
                Role::HostApplication { topic: will.topic.into(), timestamp }
            }
            Ok(_) | Err(TopicError::NotSparkplug) => Role::Other,
            Err(error) => {
                super::judge_topic(will.topic, error, reporter);
                Role::Other
            }
        });
        let started = Session {
            is_v5: connection.is_v5,
            is_clean,
            has_spoken: false,
            role,
            subscriptions: Subscriptions::default(),
            born: Vec::new(),
            is_host_online: false,
        };
        started.judge_clean(reporter);
        let bd_seq = match &started.role {
            Role::EdgeNode { bd_seq, .. } => *bd_seq,
            Role::Unknown | Role::Other | Role::HostApplication { .. } => None,
        };
        self.all.insert(session, started);
        bd_seq
    }

    fn judge_ndeath(
        &mut self,
        will: &Will<'_>,
        before: Option<BdSeq>,
        limits: &Limits,
        reporter: &mut Reporter<'_>,
    ) -> Option<BdSeq> {
        if will.qos != 1 {
            reporter.report_numbers(finding::WILL_QOS, 1, will.qos.into());
        }
        if will.retain {
            reporter.report(finding::WILL_RETAINED);
        }
        let payload = &mut self.scratch;
        // An empty will is a payload without a bdSeq: nobody clears a retained message by dying.
        let decoded = match decode(will.payload, limits, payload) {
            Err(DecodeError::Empty) => Ok(()),
            decoded => decoded,
        };
        if decoded.is_err() {
            reporter.report(finding::WILL_PAYLOAD);
        }
        // Nobody compresses a single number; if someone does, it is looked at when it is published.
        if decoded.is_err() || payload.is_compressed(will.payload) {
            return None;
        }
        let found = bd_seq_in(will.payload, payload);
        match (found, before) {
            (FoundBdSeq::Missing | FoundBdSeq::Invalid | FoundBdSeq::Valid { is_int64: false, .. }, _) => {
                reporter.report(finding::WILL_BD_SEQ);
            }
            // What is ahead may have been used on a connection that never reached us, 0 after a restart.
            (FoundBdSeq::Valid { bd_seq, .. }, Some(before)) if bd_seq.get() != 0 => {
                let steps = bd_seq.get().wrapping_sub(before.get());
                if steps == 0 || steps > i8::MAX as u8 {
                    reporter.report_numbers(finding::WILL_BD_SEQ, before.next().get().into(), bd_seq.get().into());
                }
            }
            (FoundBdSeq::Valid { .. }, _) => {}
        }
        if payload.seq.is_some() {
            reporter.report(finding::NDEATH_SEQ);
        }
        if payload.metrics.len() > 1 {
            reporter.report(finding::NDEATH_PAYLOAD);
        }
        payload.trim(1);
        found.valid()
    }

    /// A client subscribes.
    pub(crate) fn subscribe(&mut self, session: SessionKey, filter: &str, qos: u8) {
        let Some(known) = self.all.get_mut(&session) else { return };
        if known.subscriptions.add(filter, qos) && is_one_hosts_state(filter) {
            self.awaiting.entry(filter.into()).or_default().insert(session);
        }
    }

    /// Whether it was this client that published last.
    #[inline]
    pub(crate) fn has_just_heard(&self, session: SessionKey) -> bool {
        self.last == Some(session)
    }

    /// A client publishes something of Sparkplug's: judges whether it may be the first thing it says.
    pub(crate) fn speak(&mut self, session: SessionKey, topic: Topic<'_>, report: impl FnOnce(crate::Rule)) {
        if self.last != Some(session) {
            self.last = Some(session);
            self.speak_first(session, topic, report);
        }
    }

    fn speak_first(&mut self, session: SessionKey, topic: Topic<'_>, report: impl FnOnce(crate::Rule)) {
        let Some(known) = self.all.get_mut(&session) else { return };
        if std::mem::replace(&mut known.has_spoken, true) {
            return;
        }
        match (&known.role, topic) {
            // A will may be the first and last thing that is said.
            (Role::EdgeNode { .. }, Topic::Node { message: NodeMessage::Nbirth | NodeMessage::Ndeath, .. }) => {}
            (Role::EdgeNode { .. }, _) => report(finding::BIRTH_FIRST),
            (Role::HostApplication { .. }, Topic::State { .. }) => {}
            (Role::HostApplication { .. }, _) => report(finding::STATE_FIRST),
            (Role::Unknown | Role::Other, _) => {}
        }
    }

    /// An NBIRTH: judges it against the connection it came over. Returns the bdSeq of the will.
    pub(crate) fn judge_nbirth(
        &mut self,
        speaker: Speaker<'_>,
        edge_node: EdgeNodeIndex,
        bd_seq: Option<BdSeq>,
        reporter: &mut Reporter<'_>,
    ) -> Option<BdSeq> {
        let known = self.all.get_mut(&speaker.session)?;
        let descriptor = speaker.topic.edge_node().expect("an NBIRTH is an Edge Node's");
        let will = match &known.role {
            Role::Unknown => {
                reporter.report(finding::WILL_MISSING);
                None
            }
            Role::EdgeNode { topic, bd_seq } if **topic == descriptor.topic(NodeMessage::Ndeath).to_string() => *bd_seq,
            Role::EdgeNode { .. } | Role::HostApplication { .. } | Role::Other => {
                reporter.report(finding::WILL_TOPIC);
                None
            }
        };
        if let (Some(will), Some(got)) = (will, bd_seq)
            && will != got
        {
            reporter.report_numbers(finding::WILL_OTHER_BD_SEQ, will.get().into(), got.get().into());
        }
        if !matches!(known.role, Role::EdgeNode { .. }) {
            known.judge_clean_as(finding::CLEAN_SESSION, finding::CLEAN_START, reporter);
        }
        match known.subscriptions.qos(&descriptor.ncmd().to_string()) {
            Covered::With(1..) | Covered::Unknown => {}
            Covered::With(0) | Covered::No => reporter.report(finding::NCMD_SUBSCRIPTION),
        }
        match known.born.iter().position(|&(born, _)| born == edge_node) {
            Some(found) => known.born[found].1 = false,
            None if known.born.len() < BORN_MAX => known.born.push((edge_node, false)),
            None => {}
        }
        will
    }

    /// A DBIRTH: judges it against the connection it came over.
    pub(crate) fn judge_dbirth(
        &mut self,
        speaker: Speaker<'_>,
        edge_node: EdgeNodeIndex,
        is_born_here: bool,
        reporter: &mut Reporter<'_>,
    ) {
        let Some(known) = self.all.get(&speaker.session) else { return };
        if !is_born_here {
            let is_another = known.born.iter().any(|&(born, _)| born != edge_node);
            let rule = if is_another { finding::DBIRTH_OF_ANOTHER } else { finding::DBIRTH_BEFORE_NBIRTH };
            reporter.report(rule);
        }
        let Topic::Device { group, edge_node, device, .. } = speaker.topic else { return };
        let dcmd = EdgeNodeDescriptor { group, edge_node }.device_topic(crate::DeviceMessage::Dcmd, device);
        // Who does not subscribe takes no commands, which is nobody's mistake.
        if known.subscriptions.qos(&dcmd.to_string()) == Covered::With(0) {
            reporter.report(finding::DCMD_SUBSCRIPTION);
        }
    }

    /// The client has said that this Edge Node is dead.
    pub(crate) fn say_death(&mut self, session: SessionKey, edge_node: EdgeNodeIndex) {
        let born = self.all.get_mut(&session).into_iter().flat_map(|known| &mut known.born);
        born.filter(|(born, _)| *born == edge_node).for_each(|(_, is_dead)| *is_dead = true);
    }

    /// A STATE message: judges it against the connection it came over.
    pub(crate) fn judge_state(&mut self, speaker: Speaker<'_>, state: HostState, reporter: &mut Reporter<'_>) {
        let Some(known) = self.all.get_mut(&speaker.session) else { return };
        known.is_host_online = state.online;
        if !state.online {
            return;
        }
        let own = speaker.topic.to_string();
        match &known.role {
            Role::HostApplication { topic, timestamp } if **topic == own => {
                if let Some(will) = timestamp.filter(|&will| will != state.timestamp) {
                    reporter.report_numbers(finding::STATE_TIMESTAMP, will.0, state.timestamp.0);
                }
            }
            Role::Unknown => reporter.report(finding::HOST_WILL_MISSING),
            Role::HostApplication { .. } | Role::EdgeNode { .. } | Role::Other => {
                reporter.report(finding::HOST_WILL_TOPIC);
            }
        }
        if !matches!(known.role, Role::HostApplication { .. }) {
            known.judge_clean_as(finding::HOST_CLEAN_SESSION, finding::HOST_CLEAN_START, reporter);
        }
        if known.subscriptions.qos(&own) == Covered::No {
            reporter.report(finding::STATE_SUBSCRIPTION);
        }
    }

    /// A client sends DISCONNECT, asking for its will to be published or not.
    pub(crate) fn judge_disconnect(&self, session: SessionKey, with_will: bool, reporter: &mut Reporter<'_>) {
        let Some(known) = self.all.get(&session) else { return };
        let deaths_missing = known.born.iter().filter(|&&(_, is_dead)| !is_dead);
        if !with_will && let Some(&(edge_node, _)) = deaths_missing.clone().next() {
            reporter.edge_node = Some(edge_node);
            reporter.report(finding::DISCONNECT_WITHOUT_NDEATH);
        }
        if known.is_v5
            && !with_will
            && let Some(&(edge_node, _)) = known.born.first()
        {
            reporter.edge_node = Some(edge_node);
            reporter.report(finding::DISCONNECT_WITHOUT_WILL);
        }
        reporter.edge_node = None;
        if known.is_host_online {
            reporter.report(finding::DISCONNECT_WITHOUT_STATE);
        }
    }

    /// The client is gone.
    pub(crate) fn end(&mut self, session: SessionKey) {
        let Some(known) = self.all.remove(&session) else { return };
        for filter in known.subscriptions.filters().filter(|filter| is_one_hosts_state(filter)) {
            if let Some(awaiting) = self.awaiting.get_mut(filter) {
                awaiting.remove(&session);
                if awaiting.is_empty() {
                    self.awaiting.remove(filter);
                }
            }
        }
    }

    /// Whether the client is connected to our own broker.
    pub(crate) fn has(&self, session: SessionKey) -> bool {
        self.all.contains_key(&session)
    }

    /// Whether the client has subscribed to just this topic.
    pub(crate) fn has_subscribed_to(&self, session: SessionKey, topic: &str) -> bool {
        self.all.get(&session).is_some_and(|known| known.subscriptions.has(topic))
    }

    /// Who has subscribed to just this topic and given birth to somebody.
    pub(crate) fn edge_nodes_waiting_for(&self, topic: &str) -> impl Iterator<Item = SessionKey> {
        let is_born = |session: &SessionKey| self.all.get(session).is_some_and(|known| !known.born.is_empty());
        self.awaiting.get(topic).into_iter().flatten().copied().filter(is_born)
    }
}

impl Session {
    fn judge_clean(&self, reporter: &mut Reporter<'_>) {
        match self.role {
            Role::EdgeNode { .. } => self.judge_clean_as(finding::CLEAN_SESSION, finding::CLEAN_START, reporter),
            Role::HostApplication { .. } => {
                self.judge_clean_as(finding::HOST_CLEAN_SESSION, finding::HOST_CLEAN_START, reporter);
            }
            Role::Unknown | Role::Other => {}
        }
    }

    fn judge_clean_as(&self, v311: crate::Rule, v5: crate::Rule, reporter: &mut Reporter<'_>) {
        if !self.is_clean {
            reporter.report(if self.is_v5 { v5 } else { v311 });
        }
    }
}

fn is_one_hosts_state(filter: &str) -> bool {
    matches!(Topic::parse(filter), Ok(Topic::State { .. }))
}

/// The timestamp of a Host Application's will, if it has one.
fn judge_state_will(now: Now, will: &Will<'_>, reporter: &mut Reporter<'_>) -> Option<Timestamp> {
    if will.qos != 1 {
        reporter.report_numbers(finding::HOST_WILL_QOS, 1, will.qos.into());
    }
    if !will.retain {
        reporter.report(finding::HOST_WILL_RETAIN);
    }
    let state = HostState::parse(will.payload).ok().filter(|state| !state.online);
    let Some(HostState { timestamp, .. }) = state else {
        reporter.report(finding::HOST_WILL_PAYLOAD);
        return None;
    };
    let is_old = now.wall.0.saturating_sub(timestamp.0) > OLD.as_millis() as u64;
    if is_old || super::clock::is_wrong(timestamp, now.wall) {
        reporter.report_numbers(finding::HOST_WILL_TIMESTAMP, now.wall.0, timestamp.0);
    }
    Some(timestamp)
}

/// A will that says an earlier time is of an earlier CONNECT; clocks do not differ by that much.
const OLD: Duration = Duration::from_secs(3600);
