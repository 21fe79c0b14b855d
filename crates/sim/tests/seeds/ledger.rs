//! The ledger: what the broker owes, by the specification's letter, read off at its front door.
//!
//! It sees every packet that reaches the broker and what comes of it, and keeps the plainest account there could be: lists
//! of sessions, subscriptions and retained messages. From them follow entitlements (who may get what) and promises (who
//! must). It knows nothing of queues, windows or packet ids to clients.
//! Invariant: it is a value; a copy of it is what the broker owes if it dies now and all before was durable.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use factree_broker::{Accepted, ConnectionId, Ending, Event, Input, Output, Reply};
use factree_mqtt::{
    Connect, Handshake, Packet, PacketId, QoS, ReasonCode, SessionExpiry, SubscriptionOptions, TopicName, WillMessage,
};

use crate::checkers::Findings;
use crate::history::History;
use crate::message::number_of;

mod endings;
mod routing;

#[derive(Clone, Debug, Default)]
pub(crate) struct Ledger {
    /// By client.
    pub(crate) sessions: BTreeMap<usize, Session>,
    /// By topic.
    pub(crate) retained: BTreeMap<&'static str, Kept>,
    /// Numbers of QoS>0 that were routed.
    pub(crate) accepted: BTreeSet<u32>,
    /// QoS 2 messages to which a client is entitled so often.
    pub(crate) exactly_once: BTreeMap<(usize, u32), u32>,
    pub(crate) group_promises: Vec<GroupPromise>,
    /// Wills that wait for their delay.
    wills: BTreeMap<usize, (Instant, Will)>,
    pub(crate) counts: Counts,
    crashed: bool,
    /// What thrown out for silence would be judged by: silence and keep-alive.
    silence: Option<(Duration, Duration)>,
    /// The client whose CONNECT is being handled, and whether it begins anew.
    connecting: Option<(usize, bool)>,
}

#[derive(Clone, Debug)]
pub(crate) struct Session {
    pub(crate) connection: Option<Line>,
    pub(crate) expiry: SessionExpiry,
    expires_at: Option<Instant>,
    /// By whole filter.
    pub(crate) subscriptions: BTreeMap<&'static str, Terms>,
    pub(crate) promises: Vec<Promise>,
    /// Packet ids of deliveries that the client has not answered, and those whose PUBREC came.
    pub(crate) in_flight: BTreeSet<u16>,
}

#[derive(Clone, Debug)]
pub(crate) struct Line {
    pub(crate) id: ConnectionId,
    will: Option<Will>,
    keep_alive: Duration,
    heard: Instant,
    farewell: Option<ReasonCode>,
}

#[derive(Clone, Copy, Debug)]
struct Will {
    number: u32,
    delay: Duration,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Terms {
    options: SubscriptionOptions,
    identifier: Option<u32>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Kept {
    pub(crate) number: u32,
    pub(crate) expires: Option<Instant>,
}

/// A QoS>0 message that a session must get.
#[derive(Clone, Debug)]
pub(crate) struct Promise {
    pub(crate) number: u32,
    pub(crate) sequence: u64,
    pub(crate) expires: Option<Instant>,
    /// Routed to a standing subscription.
    pub(crate) live: bool,
}

/// A QoS>0 message that a member of a shared subscription must get.
#[derive(Clone, Debug)]
pub(crate) struct GroupPromise {
    pub(crate) filter: &'static str,
    pub(crate) promise: Promise,
    /// It may wait with a session that a crash ends, or that it is bound to since a crash.
    fragile: bool,
}

/// What must agree with the broker's figures.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counts {
    pub(crate) publish_received: u64,
    pub(crate) accepted: u64,
    pub(crate) wills: u64,
    pub(crate) connected: u64,
    pub(crate) ended: u64,
    /// Deliveries that routing made, one for each session and each shared subscription, and retained ones.
    pub(crate) offered: u64,
    pub(crate) delivered: u64,
    pub(crate) redelivered: u64,
    /// Deliveries that were on their way when their session ended.
    pub(crate) lost_in_flight: u64,
    pub(crate) retained_expired: u64,
}

impl Session {
    /// It outlives its connection, and so the process.
    pub(crate) fn is_kept(&self) -> bool {
        !self.ends_with_connection()
    }

    fn ends_with_connection(&self) -> bool {
        self.expiry == SessionExpiry::ENDS_WITH_CONNECTION
    }
}

impl Ledger {
    /// Something is about to be handed to the broker.
    pub(crate) fn before(&mut self, now: Instant, client: usize, input: &Input<'_>, history: &mut History) {
        history.sequence += 1;
        match input {
            Input::Connect { connect, .. } => {
                self.connecting = Some((client, connect.clean_start));
                self.expire_retained(now);
            }
            Input::Tick => self.expire_retained(now),
            Input::Packet { connection, packet } => {
                let Some(session) = self.sessions.get_mut(&client) else { return };
                let Some(line) = session.connection.as_mut().filter(|line| line.id == *connection) else { return };
                line.heard = now;
                match packet {
                    Packet::Publish(_) => self.counts.publish_received += 1,
                    Packet::PubAck(ack) | Packet::PubRec(ack) => {
                        session.in_flight.remove(&ack.packet_id.get());
                    }
                    Packet::Disconnect(disconnect) => {
                        line.farewell = Some(disconnect.reason);
                        session.expiry = disconnect.session_expiry.unwrap_or(session.expiry);
                    }
                    _ => {}
                }
            }
            Input::JudgedPublish { .. } | Input::RefusedConnect { .. } | Input::EndSession { .. } => {
                unreachable!("nobody else is in the house")
            }
            Input::Lost { .. } | Input::Publish { .. } => {}
        }
    }

    fn expire_retained(&mut self, now: Instant) {
        let before = self.retained.len();
        self.retained.retain(|_, kept| kept.expires.is_none_or(|at| at > now));
        self.counts.retained_expired += (before - self.retained.len()) as u64;
    }

    /// What the broker said to that.
    pub(crate) fn said(
        &mut self,
        now: Instant,
        client: usize,
        input: &Input<'_>,
        output: &Output,
        history: &mut History,
        findings: &mut Findings,
    ) {
        match (output, input) {
            (Output::Reply { reply: Reply::ConnAck(reply), to }, Input::Connect { connect, .. })
                if !reply.reason.is_failure() =>
            {
                self.connected(now, client, *to, connect, reply.session_present, findings);
            }
            (
                Output::Reply { reply: Reply::SubAck { reasons, .. }, .. },
                Input::Packet { packet: Packet::Subscribe(subscribe), .. },
            ) => self.subscribed(now, client, subscribe, reasons, history),
            (
                Output::Reply { reply: Reply::UnsubAck { reasons, .. }, .. },
                Input::Packet { packet: Packet::Unsubscribe(unsubscribe), .. },
            ) => self.unsubscribed(client, unsubscribe, reasons, history, findings),
            (Output::Accepted(Accepted::Packet { .. }), Input::Packet { packet: Packet::Publish(publish), .. }) => {
                let number = number_of(publish.payload);
                findings.expect("accepting", !publish.topic.is_some_and(TopicName::is_dollar), || {
                    "a publication to the server's own topics passed".to_owned()
                });
                let fresh = publish.handshake.qos() == QoS::AtMostOnce
                    || number.is_none_or(|number| self.accepted.insert(number));
                if publish.handshake.qos() != QoS::AtMostOnce {
                    history.accepted.extend(number);
                }
                findings.expect("exactly once", fresh || publish.handshake.qos() != QoS::ExactlyOnce, || {
                    format!("n={} was routed twice with QoS 2", number.unwrap_or_default())
                });
                let topic = publish.topic.expect("aliases are resolved").as_str();
                self.route(now, topic, number, publish.handshake.qos(), publish.retain, Some(client), None, history);
            }
            (Output::Accepted(Accepted::Will { connection, publication, .. }), _) => {
                let number = number_of(publication.payload()).unwrap_or_default();
                self.will_published(now, *connection, number, history, findings);
            }
            (Output::Ended { connection, .. }, _) => self.ended(now, *connection, findings),
            (Output::Event(Event::Disconnected { cause: Ending::KeepAlive, .. }), _) => {
                let (silent, keep_alive) = self.silence.take().unwrap_or_default();
                findings.expect("keep-alive", silent >= keep_alive * 3 / 2 && !silent.is_zero(), || {
                    format!("thrown out after {silent:?} of silence, keep-alive {keep_alive:?}")
                });
            }
            (Output::Event(Event::SessionEnded { client_id, .. }), _) => {
                let gone = crate::client::index_of(client_id.as_str());
                self.session_ended(now, gone, history, findings);
            }
            _ => {}
        }
    }

    /// It has said everything: what should have been said?
    pub(crate) fn after(&mut self, now: Instant, input: &Input<'_>, findings: &mut Findings) {
        self.connecting = None;
        if matches!(input, Input::Tick | Input::Connect { .. }) {
            let late = self.wills.iter().find(|(_, (at, _))| *at <= now);
            findings.expect("wills", late.is_none(), || format!("a will is due and not published: {late:?}"));
            let overdue = self.sessions.iter().find(|(_, session)| session.expires_at.is_some_and(|at| at <= now));
            findings.expect("sessions", overdue.is_none(), || format!("a session should be over: {overdue:?}"));
        }
    }

    fn connected(
        &mut self,
        now: Instant,
        client: usize,
        id: ConnectionId,
        connect: &Connect<'_>,
        present: bool,
        findings: &mut Findings,
    ) {
        self.counts.connected += 1;
        let has = self.sessions.contains_key(&client);
        findings.expect("sessions", present == has, || {
            format!("session present: {present} is said, {has} is true, client {client}")
        });
        // A delayed will of a session that goes on is forgotten `[MQTT-3.1.3-9]`.
        self.wills.remove(&client);
        let session = self.sessions.entry(client).or_insert_with(|| Session {
            connection: None,
            expiry: SessionExpiry::Never,
            expires_at: None,
            subscriptions: BTreeMap::new(),
            promises: Vec::new(),
            in_flight: BTreeSet::new(),
        });
        findings.expect("sessions", session.connection.is_none(), || "two connections of one client".to_owned());
        session.expiry = connect.session_expiry;
        session.expires_at = None;
        let number = |will: &WillMessage<'_>| number_of(will.payload).unwrap_or_default();
        let will = connect.will.as_ref().map(|will| Will { number: number(will), delay: will.delay });
        // Who asks for none is given the longest.
        let keep_alive = if connect.keep_alive.is_zero() { Duration::from_secs(65_535) } else { connect.keep_alive };
        session.connection = Some(Line { id, will, keep_alive, heard: now, farewell: None });
    }

    /// A delivery leaves the broker.
    pub(crate) fn delivered(&mut self, client: usize, handshake: Handshake, dup: bool) {
        self.counts.delivered += 1;
        self.counts.redelivered += u64::from(dup);
        if let Some(session) = self.sessions.get_mut(&client) {
            session.in_flight.extend(handshake.packet_id().map(PacketId::get));
        }
    }
}
