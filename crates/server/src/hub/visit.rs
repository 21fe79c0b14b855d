//! One stay inside the core lock: inputs in, and what the broker wants done, done or noted for afterwards.
//!
//! Replies to the connection the visit is made for are encoded at once; those to others become letters. What was accepted
//! goes into the batch in the broker's order.
//! Invariant: nobody is woken before the lock is let go.

use std::sync::Arc;
use std::time::{Duration, Instant};

use factree_broker::{
    Accepted, ConnectionId, Event, Holder, Input, Output, Publication, Refusal, Refused, Reply, Right,
};
use factree_ingest::{Batch, Connection, Manner, Will};
use factree_mqtt::{
    Connect, Handshake, Packet, PacketId, ProtocolVersion, Publish, ReasonCode, SessionExpiry, TopicName,
};
use factree_namespace::Timestamp;

use super::mailbox::{Closer, Closing, Letters, Mailbox};
use super::{Answer, Core, Door, Home, now, recorded, session};
use crate::audit::{Audit, OwnedEntry};
use crate::events::{self, Noted};
use crate::recent::Recent;

/// One stay inside the core lock.
pub(super) struct Visit<'v> {
    pub(super) core: &'v mut Core,
    pub(super) ingest_limits: &'v factree_ingest::Limits,
    pub(super) door: &'v Door,
    pub(super) now: Instant,
    pub(super) home: Option<Home>,
    /// Who brings a CONNECT, if he is let in.
    pub(super) claimant: Option<Arc<Holder>>,
    /// A client was admitted.
    pub(super) is_admitted: bool,
    pub(super) batch: Box<Batch>,
    pub(super) outgoing: &'v mut Vec<u8>,
    pub(super) replies: usize,
    pub(super) closing: Option<Closing>,
    pub(super) refused_for_haste: bool,
    /// What was answered to the last SUBSCRIBE.
    pub(super) granted: Vec<ReasonCode>,
    pub(super) woken: Vec<Arc<Mailbox>>,
    pub(super) events: Vec<Noted>,
    /// What is to be on record.
    pub(super) deeds: Vec<OwnedEntry>,
}

/// Something the local session publishes.
#[derive(Clone, Copy)]
pub(super) struct Words<'w> {
    pub(super) topic: &'w str,
    pub(super) payload: &'w [u8],
    pub(super) retained: bool,
}

/// What a visit leaves to be done outside the lock.
pub(super) struct Left {
    pub(super) answer: Answer,
    pub(super) woken: Vec<Arc<Mailbox>>,
    pub(super) events: Vec<Noted>,
    pub(super) deeds: Vec<OwnedEntry>,
}

impl<'w> Words<'w> {
    /// The PUBLISH: QoS 0, or QoS 1 if it is to be retained, since who reads it later should not have missed it before. None
    /// if the topic is none.
    pub(super) fn publication(self) -> Option<Publish<'w>> {
        let mut publication = Publish::new(TopicName::parse(self.topic).ok()?, self.payload);
        if self.retained {
            publication.retain = true;
            publication.handshake = Handshake::AtLeastOnce(PacketId::new(1).expect("not zero"));
        }
        Some(publication)
    }
}

impl Left {
    /// Wakes, logs, remembers and has it written down; outside the locks.
    pub(super) fn carry_out(&self, audit: &Audit, recent: &Recent) {
        self.woken.iter().for_each(|mailbox| mailbox.wake());
        for event in &self.events {
            events::log(event);
            recent.note(Timestamp(now().wall.0), event);
        }
        self.deeds.iter().for_each(|deed| audit.note(deed.clone()));
    }
}

impl Visit<'_> {
    /// Hands one input to the broker and deals with its outputs; `publication` is the input's number in the batch.
    pub(super) fn handle(&mut self, input: Input<'_>, publication: Option<usize>) {
        let mut outputs = std::mem::take(&mut self.core.outputs);
        self.core.broker.handle(self.now, input, &mut outputs);
        for output in outputs.drain() {
            self.on_output(output, publication);
        }
        self.core.outputs = outputs;
    }

    /// Hands in a packet, or a PUBLISH with what is known of it.
    pub(super) fn publish(
        &mut self,
        connection: ConnectionId,
        packet: &Packet<'_>,
        (right, refusal): (Right<'_>, Option<&Refusal>),
        publication: Option<usize>,
    ) {
        let deeds_before = self.deeds.len();
        match (packet, right, refusal) {
            (packet, Right::Unasked, None) => self.handle(Input::Packet { connection, packet }, publication),
            (Packet::Publish(publish), right, refusal) => {
                self.handle(Input::JudgedPublish { connection, publish, right, refusal }, publication);
            }
            (packet, ..) => self.handle(Input::Packet { connection, packet }, publication),
        }
        if self.deeds.len() > deeds_before
            && let Packet::Publish(publish) = packet
        {
            recorded::note_reason(&mut self.deeds[deeds_before..], &publish.properties);
        }
    }

    /// Announces what has changed on a topic of the tree; whether anybody wants to hear of it.
    pub(super) fn announce(&mut self, publication: &Arc<Publication>) -> bool {
        let mut outputs = std::mem::take(&mut self.core.outputs);
        let is_wanted = self.core.broker.announce(self.now, publication, &mut outputs);
        outputs.drain().for_each(|output| self.on_output(output, None));
        self.core.outputs = outputs;
        is_wanted
    }

    /// Hands over what is current to a client's subscription; how many messages were taken, if there is one.
    pub(super) fn hand_over(
        &mut self,
        to: (&str, &str),
        retain: bool,
        publications: &[Arc<Publication>],
    ) -> Option<usize> {
        let mut outputs = std::mem::take(&mut self.core.outputs);
        let taken = self.core.broker.hand_over_current(self.now, to, retain, publications, &mut outputs);
        outputs.drain().for_each(|output| self.on_output(output, None));
        self.core.outputs = outputs;
        taken
    }

    /// The local session publishes. What is retained of a plain topic would be told to newcomers beside what the tree says, so
    /// new words take its place.
    pub(super) fn say(&mut self, mut words: Words<'_>) {
        let is_retained = |topic| self.core.broker.retained(topic).is_some();
        if !words.topic.starts_with("spBv1.0/") {
            words.retained |= TopicName::parse(words.topic).is_ok_and(is_retained);
        }
        let publication = words.publication().expect("what we say ourselves, we say on a topic");
        self.handle(Input::Publish { publication: &publication }, None);
    }

    /// Tells the tree how a client has connected, if it has.
    pub(super) fn tell_connected(&mut self, connection: ConnectionId, connect: &Connect<'_>) {
        if self.is_admitted {
            self.batch.connected(session(connection), &connection_of(connect));
        }
    }

    /// Tells the tree how a client goes, before it does.
    pub(super) fn tell(&mut self, connection: ConnectionId, packet: &Packet<'_>) {
        if let Packet::Disconnect(disconnect) = packet {
            let with_will = disconnect.reason == ReasonCode::DisconnectWithWillMessage;
            self.batch.disconnecting(session(connection), with_will);
        }
    }

    /// Tells the tree of the subscriptions that were granted, and the tree's face of those that are over.
    pub(super) fn tell_subscribed(&mut self, connection: ConnectionId, packet: &Packet<'_>) {
        let subscribe = match packet {
            Packet::Subscribe(subscribe) => subscribe,
            Packet::Unsubscribe(unsubscribe) => {
                let Core { broker, currents, .. } = &mut *self.core;
                if let Some((client_id, _)) = broker.holder(connection) {
                    unsubscribe.filters.iter().for_each(|filter| currents.forget(client_id.as_str(), filter));
                }
                return;
            }
            _ => return,
        };
        let granted = std::mem::take(&mut self.granted);
        for (request, reason) in subscribe.requests.iter().zip(granted) {
            if !reason.is_failure() {
                self.batch.subscribed(session(connection), request.filter, request.options.maximum_qos as u8);
            }
        }
    }

    /// Gives a client's session a holder with other rights.
    pub(super) fn hand_to(&mut self, client_id: &str, holder: Arc<Holder>) {
        let mut outputs = std::mem::take(&mut self.core.outputs);
        self.core.broker.set_holder(client_id, holder, &mut outputs);
        // What waited for it may be less.
        self.core.currents.is_back(client_id);
        outputs.drain().for_each(|output| self.on_output(output, None));
        self.core.outputs = outputs;
    }

    fn on_output(&mut self, output: Output, publication: Option<usize>) {
        match output {
            Output::Reply { to, reply } => {
                self.replies += 1;
                if let Reply::ConnAck(answer) = &reply {
                    self.refused_for_haste = answer.reason == ReasonCode::ConnectionRateExceeded;
                }
                if let Reply::SubAck { reasons, .. } = &reply {
                    self.granted.clone_from(reasons);
                }
                match self.home {
                    Some(home) if home.connection == to => reply.encode(home.version, self.outgoing),
                    _ => self.leave_letter(to, |letters| letters.replies.push(reply)),
                }
            }
            Output::Accepted(Accepted::Packet { .. }) => {
                let number = publication.expect("only a PUBLISH is accepted, and it is in the batch");
                self.batch.accept(number);
                if let Some(command) = self.batch.command(number) {
                    self.deeds.extend(recorded::command(self.core, self.home, command));
                }
            }
            Output::Accepted(Accepted::Will { connection, holder, publication }) => {
                let number = self.push_will(connection, &publication);
                self.batch.accept(number);
                if let Some(command) = self.batch.command(number) {
                    let mut deed = [recorded::will(connection, &holder, command)];
                    recorded::note_reason(&mut deed, &publication.properties());
                    self.deeds.extend(deed);
                }
            }
            // The tree said it; it needs no telling.
            Output::Accepted(Accepted::Local) => {}
            Output::Refused(Refused::Packet { .. }) => {
                self.batch.refuse(publication.expect("only a PUBLISH is refused, and it is in the batch"));
            }
            Output::Refused(Refused::Will { connection, publication }) => {
                let number = self.push_will(connection, &publication);
                self.batch.refuse(number);
            }
            Output::Subscribed { client_id, filter } => self.core.currents.add(client_id, filter, true),
            Output::Wake(connection) => self.leave_letter(connection, |_| {}),
            Output::Close { connection, reason, reason_string } => {
                let closing = Closing { reason, reason_string, by: Closer::Broker };
                match self.home {
                    Some(home) if home.connection == connection => self.closing = Some(closing),
                    _ => self.leave_letter(connection, |letters| letters.closing = Some(closing)),
                }
            }
            Output::Ended { connection, .. } => self.batch.session_ended(session(connection)),
            Output::Event(event) => {
                if let Event::Connected { connection, client_id, .. } = &event {
                    self.batch.session_started(session(*connection), client_id.as_str());
                    self.is_admitted = true;
                    self.core.currents.is_back(client_id.as_str());
                }
                if let Event::SessionEnded { client_id, .. } = &event {
                    self.core.currents.forget_client(client_id.as_str());
                }
                self.deeds.extend(recorded::refusal(self.core, self.claimant.as_deref(), &event));
                // On record, and nowhere else: the log would be full of them.
                if matches!(event, Event::PublicationRefused { is_first: false, .. }) {
                    return;
                }
                let mailboxes = &self.core.mailboxes;
                self.events.push(Noted::new(event, |of| mailboxes.get(&of).map(|mailbox| mailbox.peer)));
            }
        }
    }

    /// Takes a will into the batch, and has it judged like what clients publish themselves.
    fn push_will(&mut self, connection: ConnectionId, will: &Publication) -> usize {
        let manner = Manner { qos: will.qos() as u8, retain: will.retain() };
        let (topic, payload) = (will.topic().as_str(), will.payload());
        let number = self.batch.push(session(connection), manner, topic, payload, self.ingest_limits);
        if let Some(doorkeeper) = self.door.keeper() {
            // Whether it is refused, the broker has asked before.
            let _: Option<String> = self.batch.judge(number, &doorkeeper);
        }
        number
    }

    /// A connection that is gone needs no letters.
    fn leave_letter(&mut self, to: ConnectionId, write: impl FnOnce(&mut Letters)) {
        if let Some(mailbox) = self.core.mailboxes.get(&to) {
            mailbox.leave(write);
            self.woken.push(Arc::clone(mailbox));
        }
    }
}

/// What Sparkplug has a say in.
fn connection_of<'a>(connect: &'a Connect<'_>) -> Connection<'a> {
    let session_expiry = match connect.session_expiry {
        SessionExpiry::After(expiry) => expiry,
        SessionExpiry::Never => Duration::MAX,
    };
    let will = connect.will.as_ref().map(|will| Will {
        topic: will.topic.as_str(),
        qos: will.qos as u8,
        retain: will.retain,
        payload: will.payload,
    });
    let (is_v5, clean_start) = (connect.version == ProtocolVersion::V5, connect.clean_start);
    Connection { is_v5, clean_start, session_expiry, will }
}
