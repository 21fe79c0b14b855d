//! What a Host Application knows about each Edge Node.
//!
//! [`Host::handle`] takes one input (a message, or what a client does beside publishing) and says what follows from it: who
//! is born, which metrics have values, who died, whom to ask for a rebirth, and what broke a rule. The parts below it own their
//! state (an Edge Node, its devices, its metrics, the names, the sessions, the budget) and do not call each other; the
//! decisions are made here.
//!
//! Knows nothing of MQTT packets, sockets, clocks or the tree, and nothing of values: a metric is a number here.
//! Invariant: an Edge Node or device is online exactly while the MQTT session lives that published its latest birth, or that
//! went on under it after our restart, and no death has been accepted.

mod alias;
mod births;
mod certificate;
mod data;
mod deaths;
mod definitions;
mod device;
mod edge_node;
pub(crate) mod finding;
mod foresight;
mod forget;
mod insistence;
mod judging;
mod lookup;
mod metrics;
mod names;
mod outputs;
mod rebirth;
mod registry;
mod reorder;
mod restore;
mod roster;
mod sessions;
mod view;

pub(crate) use alias::NUMBER_BITS;
pub(crate) use certificate::{FoundBdSeq, bd_seq_in};
pub use device::DeviceState;
pub use edge_node::{Birth, Counters};
pub use finding::{Finding, Occasion};
pub use forget::NotForgotten;
pub use outputs::{
    Adopted, AskRebirth, Born, BornMetric, Cause, Data, DeviceIndex, Died, EdgeNodeIndex, MetricIndex, Output, Outputs,
    Rivals, UnheldIndex, Update,
};
pub use rebirth::{Asked, Reason, Rebirths};
pub use reorder::Unheld;
pub use restore::NotRestored;
pub use roster::RosterMetrics;
pub use sessions::SessionKey;
pub use view::{DeviceView, EdgeNodeState, EdgeNodeView, MetricView};

use crate::{
    Connection, DecodeError, DeviceId, DeviceMessage, EdgeNodeDescriptor, Limits, NodeMessage, Now, Payload, Topic,
    TopicError,
};
use certificate::Archive;
use edge_node::Order;
use finding::Reporter;
use judging::Judges;
use rebirth::Budget;
use registry::EdgeNodes;
use reorder::WaitingRoom;
use roster::Registrar;
use sessions::Sessions;
use std::time::Instant;

/// Something the host is told, in the broker's order.
#[derive(Clone, Copy, Debug)]
pub enum Input<'a> {
    /// A Sparkplug message whose payload decoded.
    Message {
        /// The MQTT session that published it.
        session: SessionKey,
        /// The QoS it was published with, 0 to 2.
        qos: u8,
        /// The retain flag it was published with.
        retained: bool,
        /// Its topic.
        topic: Topic<'a>,
        /// Its payload as it was published: what is kept of it if it has to wait for others.
        published: &'a [u8],
        /// The bytes that were decoded: the same, or what [`crate::inflate`] made of them.
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
    /// A STATE message of a Host Application: it changes nothing here, and is judged.
    State {
        /// The MQTT session that published it.
        session: SessionKey,
        /// The QoS it was published with, 0 to 2.
        qos: u8,
        /// The retain flag it was published with.
        retained: bool,
        /// Its topic.
        topic: Topic<'a>,
        /// Its payload.
        payload: &'a [u8],
    },
    /// A message whose topic is none of Sparkplug's: judged if it claims to be one.
    TopicMalformed {
        /// The MQTT session that published it.
        session: SessionKey,
        /// Its topic name.
        topic: &'a str,
        /// What [`Topic::parse`] says of it.
        error: TopicError,
    },
    /// A client of our own broker has connected. Sessions that were never said to have started are not judged by how they
    /// connect, subscribe and end.
    SessionStarted {
        /// The session.
        session: SessionKey,
        /// How.
        connection: Connection<'a>,
    },
    /// A client of our own broker has subscribed.
    Subscribed {
        /// The session.
        session: SessionKey,
        /// Topic filter.
        filter: &'a str,
        /// The QoS it asks for, 0 to 2.
        qos: u8,
    },
    /// A client of our own broker sends DISCONNECT; its will, if it asks for that, and the end of the session follow.
    Disconnecting {
        /// The session.
        session: SessionKey,
        /// Whether it asks for its will to be published: reason code 0x04 of MQTT 5.0.
        with_will: bool,
    },
    /// An MQTT session is over. This is the death authority: whatever it gave birth to is offline.
    SessionEnded {
        /// The session.
        session: SessionKey,
    },
    /// Nothing but time has passed; due when [`Host::next_deadline`] says.
    Tick,
}

impl Input<'_> {
    /// The session it happened on, and what it is.
    fn cause(&self) -> (SessionKey, Occasion) {
        match *self {
            Input::Message { session, topic, .. } | Input::Malformed { session, topic, .. } => (session, topic.into()),
            Input::State { session, .. } => (session, Occasion::State),
            Input::TopicMalformed { session, .. } => (session, Occasion::Publish),
            Input::SessionStarted { session, .. } => (session, Occasion::Connect),
            Input::Subscribed { session, .. } => (session, Occasion::Subscribe),
            Input::Disconnecting { session, .. } | Input::SessionEnded { session } => (session, Occasion::Disconnect),
            // Findings are about what was held, and say so.
            Input::Tick => (SessionKey::BEFORE_RESTART, Occasion::Publish),
        }
    }
}

/// The Host Application's knowledge of all Edge Nodes.
#[derive(Debug)]
pub struct Host {
    limits: Limits,
    edge_nodes: EdgeNodes,
    sessions: Sessions,
    registrar: Registrar,
    archive: Archive,
    waiting_room: WaitingRoom,
    budget: Budget,
    judges: Judges,
    /// Whom the next message is about, where that has been foreseen.
    expected: Option<EdgeNodeIndex>,
}

/// A message as the parts below see it.
#[derive(Clone, Copy, Debug)]
struct Message<'a> {
    now: Now,
    session: SessionKey,
    retained: bool,
    topic: &'a Topic<'a>,
    published: &'a [u8],
    bytes: &'a [u8],
    payload: &'a Payload,
    turn: Turn,
    /// Its Edge Node, where that has been foreseen.
    expected: Option<EdgeNodeIndex>,
}

/// How a message comes to be handled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Turn {
    /// It has just arrived.
    Arrived,
    /// It was held, and is not to be held again.
    Unheld,
    /// The same, and its Edge Node is about to die: a rebirth would be asked of nobody.
    Last,
}

/// The messages that have a seq and follow an NBIRTH.
#[derive(Clone, Copy, Debug)]
enum Follower<'a> {
    Ndata,
    Ddata(DeviceId<'a>),
    Dbirth(DeviceId<'a>),
    Ddeath(DeviceId<'a>),
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
            budget: Budget::new(&limits),
            limits,
            edge_nodes: EdgeNodes::default(),
            sessions: Sessions::default(),
            registrar: Registrar::default(),
            archive: Archive::default(),
            waiting_room: WaitingRoom::default(),
            judges: Judges::default(),
            expected: None,
        }
    }

    /// Handles one input and appends what is to be done. The commands of other Host Applications and their STATE change
    /// nothing here.
    pub fn handle(&mut self, now: Now, input: &Input<'_>, outputs: &mut Outputs) {
        let (session, occasion) = input.cause();
        let expected = self.expected.take();
        outputs.begin(session, occasion);
        let (start, is_late_birth) = (outputs.len(), self.is_late_birth(input));
        // By reference: what was written a field at a time is slow to read as a whole.
        match input {
            &Input::Message { session, retained, ref topic, published, bytes, payload, .. } => {
                let turn = Turn::Arrived;
                let message = Message { now, session, retained, topic, published, bytes, payload, turn, expected };
                self.on_message(&message, outputs);
            }
            &Input::Malformed { session, ref topic, error } => self.on_malformed(now, session, topic, error, outputs),
            &Input::SessionEnded { session } => self.on_session_ended(now, session, outputs),
            Input::Tick => self.on_tick(now, outputs),
            Input::State { .. }
            | Input::TopicMalformed { .. }
            | Input::SessionStarted { .. }
            | Input::Subscribed { .. }
            | Input::Disconnecting { .. } => {}
        }
        self.note_requests(now, start, outputs);
        if !self.is_as_usual(input) {
            let judged = outputs.len();
            outputs.go_on(session, occasion);
            self.judge(now, input, is_late_birth, outputs);
            outputs.put_before_unheld(start, judged);
        }
    }

    /// When [`Input::Tick`] is due, if time alone will change anything.
    pub fn next_deadline(&self) -> Option<Instant> {
        self.waiting_room.next_deadline()
    }

    /// In [`Host::handle`]: as a function of its own it costs each message 37 instructions (`benches/benches/ingest.rs`).
    #[inline(always)]
    fn on_message(&mut self, message: &Message<'_>, outputs: &mut Outputs) {
        match *message.topic {
            Topic::Node { group, message: kind, edge_node } => {
                let descriptor = EdgeNodeDescriptor { group, edge_node };
                match kind {
                    NodeMessage::Ndata => self.on_follower(message, descriptor, Follower::Ndata, outputs),
                    NodeMessage::Nbirth => self.on_nbirth(message, descriptor, outputs),
                    NodeMessage::Ndeath => self.on_ndeath(message, descriptor, outputs),
                    NodeMessage::Ncmd => {}
                }
            }
            Topic::Device { group, message: kind, edge_node, device } => {
                let follower = match kind {
                    DeviceMessage::Ddata => Follower::Ddata(device),
                    DeviceMessage::Dbirth => Follower::Dbirth(device),
                    DeviceMessage::Ddeath => Follower::Ddeath(device),
                    DeviceMessage::Dcmd => return,
                };
                self.on_follower(message, EdgeNodeDescriptor { group, edge_node }, follower, outputs);
            }
            Topic::State { .. } => {}
        }
    }

    /// A message that has a seq and follows an NBIRTH: whether it is its turn, what it says, and what follows from its
    /// place in the order.
    fn on_follower(
        &mut self,
        message: &Message<'_>,
        descriptor: EdgeNodeDescriptor<'_>,
        follower: Follower<'_>,
        outputs: &mut Outputs,
    ) {
        let Some(index) = self.take_in(message, descriptor, outputs) else { return };
        let node = self.edge_nodes.get_mut(index);
        let device = follower.device().and_then(|id| node.devices.find(id));
        node.last_message = message.now.wall;
        let mut reporter = Reporter { outputs, edge_node: Some(index), device };
        let order = node.follow(message, &self.limits, &mut reporter);
        match order {
            Order::Due | Order::Filling | Order::Late | Order::Gap => {}
            Order::Early => return self.hold(index, message, outputs),
            Order::Displaced => return,
            Order::Restored => {
                if !self.adopt(index, message, outputs) {
                    return self.on_unborn(index, message, follower, outputs);
                }
            }
            Order::NotBorn => return self.on_unborn(index, message, follower, outputs),
        }
        match follower {
            Follower::Ndata | Follower::Ddata(_) => {
                self.on_data(message, index, follower, (device, order == Order::Late), outputs);
            }
            Follower::Dbirth(id) => self.on_dbirth(message, index, (device, id), outputs),
            Follower::Ddeath(_) => self.on_ddeath(message, index, device, outputs),
        }
        if order == Order::Gap {
            self.ask_rebirth(index, Reason::SeqGap, message, outputs);
        }
        // What was held is handled by whoever drains.
        if order == Order::Filling && message.turn == Turn::Arrived {
            self.drain(index, message.now, outputs);
        }
    }

    /// A message of an Edge Node whose NBIRTH we have not seen, or not since it died.
    #[cold]
    fn on_unborn(
        &mut self,
        index: EdgeNodeIndex,
        message: &Message<'_>,
        follower: Follower<'_>,
        outputs: &mut Outputs,
    ) {
        let node = self.edge_nodes.get_mut(index);
        follower.count(&mut node.counters);
        node.unborn_on = Some(message.session);
        let device = follower.device().and_then(|id| node.devices.find(id));
        let mut reporter = Reporter { outputs, edge_node: Some(index), device };
        // Of clients of a foreign broker we may have come too late to hear the birth.
        if message.session.attachment().is_none() {
            reporter.report(match follower {
                Follower::Dbirth(_) => finding::DBIRTH_BEFORE_NBIRTH,
                Follower::Ndata | Follower::Ddata(_) | Follower::Ddeath(_) => finding::BEFORE_NBIRTH,
            });
        }
        self.ask_rebirth(index, Reason::BeforeBirth, message, outputs);
    }

    /// The Edge Node's number, if there is room for it.
    fn take_in(
        &mut self,
        message: &Message<'_>,
        descriptor: EdgeNodeDescriptor<'_>,
        outputs: &mut Outputs,
    ) -> Option<EdgeNodeIndex> {
        if let Some(expected) = message.expected {
            debug_assert_eq!(self.edge_nodes.find(descriptor), message.expected, "foreseen for another message");
            return Some(expected);
        }
        let index = self.edge_nodes.find_or_add(descriptor, self.limits.edge_nodes_max);
        if index.is_none() {
            Reporter { outputs, edge_node: None, device: None }.report(finding::EDGE_NODES_FULL);
        }
        index
    }
}

impl<'a> Follower<'a> {
    #[inline]
    fn device(self) -> Option<DeviceId<'a>> {
        match self {
            Follower::Ndata => None,
            Follower::Ddata(device) | Follower::Dbirth(device) | Follower::Ddeath(device) => Some(device),
        }
    }

    #[inline]
    fn count(self, counters: &mut Counters) {
        let count = match self {
            Follower::Ndata => &mut counters.ndata,
            Follower::Ddata(_) => &mut counters.ddata,
            Follower::Dbirth(_) => &mut counters.dbirth,
            Follower::Ddeath(_) => &mut counters.ddeath,
        };
        *count += 1;
    }
}
