//! The broker: one input after another goes in, what is to be done comes out.
//!
//! This is the spine. It decides which part is asked and in which order; each part owns its state and never calls
//! another: sessions (handshakes, queue, will), the subscription tree, shared subscriptions, retained messages,
//! deadlines, the journal. Its further chapters are [`connect`](crate::connect), [`subscribing`](crate::subscribing),
//! [`announcing`](crate::announcing), [`refusal`](crate::refusal) and [`ending`](crate::ending).
//! Knows nothing of sockets, tasks, clocks or of what a payload means.
//! Invariant: between two inputs `by_connection`, the tree and the deadlines describe the same sessions.

use std::sync::Arc;
use std::time::Instant;

use factree_mqtt::{Acknowledgement, Handshake, Packet, PacketId, ProtocolVersion, Publish, ReasonCode, TopicName};

use crate::announcing::Announced;
use crate::connect::ClientIds;
use crate::deadlines::Deadlines;
use crate::event::{Ending, Event};
use crate::holder::{Right, Subject};
use crate::identity::{ConnectionId, GroupId, SessionId};
use crate::inbound::{Received, Released};
use crate::input::Input;
use crate::journal::Journal;
use crate::judging;
use crate::limits::Limits;
use crate::outbound::Acknowledged;
use crate::output::{Accepted, Output, Outputs, Refused};
use crate::publication::{Identifiers, Publication};
use crate::queue::Queued;
use crate::refusal::{Refusal, WillJudge, only_clears};
use crate::reply::Reply;
use crate::retained::Retained;
use crate::session::Offered;
use crate::sessions::Sessions;
use crate::shared::SharedSubscriptions;
use crate::stats::Stats;
use crate::subscriptions::{Matches, Subscriptions};
use crate::will::WillRewrite;

/// An MQTT broker without sockets: sessions, subscriptions, retained and will messages, QoS and flow control.
#[derive(Debug)]
pub struct Broker {
    pub(crate) limits: Limits,
    pub(crate) sessions: Sessions,
    pub(crate) subscriptions: Subscriptions,
    pub(crate) shared: SharedSubscriptions,
    pub(crate) retained: Retained,
    pub(crate) deadlines: Deadlines,
    pub(crate) client_ids: ClientIds,
    pub(crate) stats: Stats,
    pub(crate) journal: Journal,
    /// Nothing more can be kept: what would have to be is refused.
    pub(crate) storage_full: bool,
    pub(crate) rewrite_will: Option<WillRewrite>,
    pub(crate) will_judge: Option<WillJudge>,
    /// Topics of which each refusal is told, not the first of a connection alone.
    tells_each: Option<fn(TopicName<'_>) -> bool>,
    /// Where announced topics stand in the driver's tree.
    pub(crate) announced: Option<Box<dyn Announced>>,
    /// The driver hears who subscribes.
    pub(crate) tells_subscriptions: bool,
    pub(crate) matches: Matches,
    /// Connections to be closed once the current input is routed to everybody, so that routing never recurses.
    condemned: Vec<(ConnectionId, &'static str)>,
}

/// Whose packet is being handled.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Client {
    pub(crate) session: SessionId,
    pub(crate) connection: ConnectionId,
}

impl Broker {
    /// A broker without sessions.
    ///
    /// # Panics
    /// If the limits contradict each other: ask [`Limits::validate`] before.
    pub fn new(limits: Limits) -> Self {
        if let Err(relation) = limits.validate() {
            panic!("limits: {relation}");
        }
        Broker {
            limits,
            sessions: Sessions::default(),
            subscriptions: Subscriptions::new(),
            shared: SharedSubscriptions::default(),
            retained: Retained::new(),
            deadlines: Deadlines::default(),
            client_ids: ClientIds::default(),
            stats: Stats::default(),
            journal: Journal::default(),
            storage_full: false,
            rewrite_will: None,
            will_judge: None,
            tells_each: None,
            announced: None,
            tells_subscriptions: false,
            matches: Matches::default(),
            condemned: Vec::new(),
        }
    }

    /// Takes one input in and appends what is to be done. `now` never goes back.
    pub fn handle(&mut self, now: Instant, input: Input<'_>, out: &mut Outputs) {
        match input {
            Input::Packet { connection, packet } => {
                // Packets that were on their way when the broker closed the connection are nobody's.
                if let Some(session) = self.sessions.of_connection(connection) {
                    self.on_packet(now, Client { session, connection }, packet, out);
                }
            }
            Input::Connect { connection, connect, holder } => self.on_connect(now, connection, connect, holder, out),
            Input::RefusedConnect { connection, connect, reason, why } => {
                self.on_refused_connect(now, connection, connect, (reason, why), out);
            }
            Input::JudgedPublish { connection, publish, right, refusal } => {
                if let Some(session) = self.sessions.of_connection(connection) {
                    let from = Client { session, connection };
                    self.hear(now, from);
                    self.on_publish(now, from, publish, (right, refusal), out);
                }
            }
            Input::Publish { publication } => self.on_local_publish(now, publication, out),
            Input::Lost { connection, cause } => {
                if let Some(session) = self.sessions.of_connection(connection) {
                    self.end_connection(now, Client { session, connection }, Ending::Lost(cause), out);
                }
            }
            Input::EndSession { client_id } => self.on_end_session(now, client_id, out),
            Input::Tick => self.on_tick(now, out),
        }
        self.close_condemned(now, out);
    }

    /// Closes the connections of those who did not keep up.
    pub(crate) fn close_condemned(&mut self, now: Instant, out: &mut Outputs) {
        while let Some((connection, why)) = self.condemned.pop() {
            if let Some(session) = self.sessions.of_connection(connection) {
                self.close(now, Client { session, connection }, ReasonCode::QuotaExceeded, why, out);
            }
        }
    }

    fn on_packet(&mut self, now: Instant, from: Client, packet: &Packet<'_>, out: &mut Outputs) {
        self.hear(now, from);
        match packet {
            Packet::Publish(publish) => self.on_publish(now, from, publish, (Right::Unasked, None), out),
            Packet::PubAck(ack) => self.on_puback(now, from, ack, out),
            Packet::PubRec(ack) => self.on_pubrec(now, from, ack, out),
            Packet::PubRel(ack) => self.on_pubrel(from, ack, out),
            Packet::PubComp(ack) => self.on_pubcomp(now, from, ack, out),
            Packet::Subscribe(subscribe) => self.on_subscribe(now, from, subscribe, out),
            Packet::Unsubscribe(unsubscribe) => self.on_unsubscribe(now, from, unsubscribe, out),
            Packet::PingReq => out.reply(from.connection, Reply::PingResp),
            Packet::Disconnect(disconnect) => self.on_disconnect(now, from, disconnect, out),
            Packet::Connect(_) => self.violation(now, from, "a second CONNECT [MQTT-3.1.0-2]", out),
            Packet::Auth(_) => self.violation(now, from, "AUTH without an authentication method [MQTT-4.12.0-7]", out),
            Packet::ConnAck(_) | Packet::SubAck(_) | Packet::UnsubAck(_) | Packet::PingResp => {
                self.violation(now, from, "a packet that only a server sends", out);
            }
        }
    }

    /// The client is alive.
    fn hear(&mut self, now: Instant, from: Client) {
        let connected = self.sessions[from.session].connected_mut();
        connected.expect("a connection's session is connected").last_packet = now;
    }

    // ---- PUBLISH, chapter 3.3 -------------------------------------------------------------------------------------

    pub(crate) fn on_publish(
        &mut self,
        now: Instant,
        from: Client,
        publish: &Publish<'_>,
        (right, refusal): (Right<'_>, Option<&Refusal>),
        out: &mut Outputs,
    ) {
        self.stats.publish_received += 1;
        self.stats.publish_received_bytes += publish.payload.len() as u64;
        let Some(topic) = publish.topic else {
            return self.violation(now, from, "PUBLISH without topic", out);
        };
        if !publish.subscription_identifiers.is_empty() {
            return self.violation(now, from, "PUBLISH with a subscription identifier [MQTT-3.3.4-6]", out);
        }
        match self.sessions[from.session].receive(publish.handshake, &self.limits) {
            Received::Fresh => {}
            Received::Repeat(packet_id) => {
                self.stats.publish_repeated += 1;
                let reason = ReasonCode::Success;
                return out.reply(from.connection, Reply::PubRec { packet_id, reason, reason_string: None });
            }
            Received::TooMany => {
                let why = "more QoS 2 publications than Receive Maximum [MQTT-3.3.4-7]";
                return self.close(now, from, ReasonCode::ReceiveMaximumExceeded, why, out);
            }
        }
        let clears = refusal.is_some() && only_clears(publish);
        let refusal = refusal.filter(|_| !clears);
        let mut why = None;
        let verdict = match (self.judge(from, topic, publish, right), refusal) {
            (Ok(()), Some(refusal)) => {
                self.count_refused(refusal.reason);
                out.push(Output::Refused(Refused::Packet { connection: from.connection }));
                why = Some(&*refusal.why);
                Err(refusal.reason)
            }
            (verdict, _) => verdict,
        };
        let reason = match verdict {
            Ok(()) if clears => {
                self.forget_retained(topic);
                ReasonCode::Success
            }
            Ok(()) => {
                out.push(Output::Accepted(Accepted::Packet { connection: from.connection }));
                let make = || Arc::new(Publication::of_publish(now, topic, publish));
                match self.route(topic, publish.retain, Some(from.session), make, out) {
                    true => ReasonCode::Success,
                    false => ReasonCode::NoMatchingSubscribers,
                }
            }
            Err(reason) => {
                self.tell_refused(from, topic, reason, out);
                if self.must_close_to_refuse(from, publish.handshake, reason) {
                    let why = "a publication was refused, which 3.1.1 has no other word for";
                    self.release(from.session, publish.handshake);
                    return self.close(now, from, reason, why, out);
                }
                reason
            }
        };
        match publish.handshake {
            Handshake::AtMostOnce => {}
            Handshake::AtLeastOnce(packet_id) => {
                let reason_string = self.explain(from, packet_id, reason, why);
                out.reply(from.connection, Reply::PubAck { packet_id, reason, reason_string });
            }
            Handshake::ExactlyOnce(packet_id) => {
                if reason.is_failure() {
                    // The exchange ends with this PUBREC `[MQTT-4.3.3-9]`.
                    self.release(from.session, publish.handshake);
                } else if let Some(number) = self.sessions[from.session].number {
                    self.journal.received(number, packet_id);
                }
                let reason_string = self.explain(from, packet_id, reason, why);
                out.reply(from.connection, Reply::PubRec { packet_id, reason, reason_string });
            }
        }
    }

    fn explain(&self, from: Client, packet_id: PacketId, reason: ReasonCode, why: Option<&str>) -> Option<Box<str>> {
        self.sessions[from.session].connected()?.explain(packet_id, reason, why?)
    }

    /// A client of 3.1.1 takes every PUBACK and PUBREC for success. What it may not publish at all, now or later, it may
    /// believe published (section 3.3.5.2 leaves it to us); what was only refused today it must be able to send again.
    fn must_close_to_refuse(&self, from: Client, handshake: Handshake, reason: ReasonCode) -> bool {
        let connected = self.sessions[from.session].connected().expect("a connection's session is connected");
        connected.version == ProtocolVersion::V311
            && handshake != Handshake::AtMostOnce
            && reason == ReasonCode::QuotaExceeded
    }

    /// The publication was not taken, so its packet id is not kept.
    fn release(&mut self, id: SessionId, handshake: Handshake) {
        if let Handshake::ExactlyOnce(packet_id) = handshake {
            self.sessions[id].inbound.release(packet_id);
        }
    }

    /// Whether a client's publication passes.
    fn judge(
        &mut self,
        from: Client,
        topic: TopicName<'_>,
        publish: &Publish<'_>,
        right: Right<'_>,
    ) -> Result<(), ReasonCode> {
        if !clients_may_publish_to(topic) {
            self.stats.refused_topic += 1;
            return Err(ReasonCode::NotAuthorized);
        }
        if !self.sessions[from.session].may_publish(topic, right) {
            self.stats.refused_access += 1;
            return Err(ReasonCode::NotAuthorized);
        }
        if self.storage_full && publish.handshake != Handshake::AtMostOnce {
            self.stats.refused_storage += 1;
            return Err(ReasonCode::QuotaExceeded);
        }
        if publish.retain {
            if !self.limits.packet.admit_name(topic) {
                self.stats.refused_topic += 1;
                return Err(ReasonCode::TopicNameInvalid);
            }
            if !self.retained.has_room(topic, publish.payload, &self.limits) {
                self.stats.refused_retained += 1;
                return Err(ReasonCode::QuotaExceeded);
            }
        }
        Ok(())
    }

    fn tell_refused(&mut self, from: Client, topic: TopicName<'_>, reason: ReasonCode, out: &mut Outputs) {
        let session = &mut self.sessions[from.session];
        let connected = session.connected_mut().expect("a connection's session is connected");
        let is_first = !std::mem::replace(&mut connected.told_refused, true);
        if is_first || self.tells_each.is_some_and(|is_told| is_told(topic)) {
            let (client_id, principal) = (session.client_id.clone(), session.holder().principal().clone());
            out.event(Event::PublicationRefused { client_id, principal, topic: topic.to_buf(), reason, is_first });
        }
    }

    fn on_local_publish(&mut self, now: Instant, publish: &Publish<'_>, out: &mut Outputs) {
        let topic = publish.topic.expect("the local session names its topics");
        out.push(Output::Accepted(Accepted::Local));
        // Retained without asking for room: it is not a client's, and out of date it would mislead.
        let make = || Arc::new(Publication::of_publish(now, topic, publish).ours());
        self.route(topic, publish.retain, None, make, out);
    }

    /// Keeps a message as the retained one of its topic and delivers it to nobody: what the local session said in a process
    /// before this one, and whoever wanted it has had. For topics that begin with `$`, which are not written down; those that
    /// are come back with [`Broker::restore`].
    pub fn retain(&mut self, now: Instant, publish: &Publish<'_>) {
        let topic = publish.topic.expect("the local session names its topics");
        self.retained.keep(&Arc::new(Publication::of_publish(now, topic, publish).ours()));
    }

    /// Has every will looked at when it is published: what the function makes of topic and payload goes out in place of the
    /// payload; none leaves it as its client wrote it.
    pub fn rewrite_wills(&mut self, rewrite: WillRewrite) {
        self.rewrite_will = Some(rewrite);
    }

    /// Has each refusal of a publication to some topics told, where otherwise only the first of a connection is.
    pub fn tell_each_refusal(&mut self, of: fn(TopicName<'_>) -> bool) {
        self.tells_each = Some(of);
    }

    /// Has every will judged when it is published, with what is to be said in place of its payload: one that is refused is
    /// published to nobody.
    pub fn judge_wills(&mut self, judge: impl Fn(&Publication) -> Option<Refusal> + Send + 'static) {
        self.will_judge = Some(WillJudge(Box::new(judge)));
    }

    /// Routes a will, which cannot be refused any more: over the quota it is delivered, but not retained.
    pub(crate) fn route_will(&mut self, publisher: SessionId, publication: &Arc<Publication>, out: &mut Outputs) {
        let (topic, retain) = (publication.topic(), publication.retain());
        let keep = retain && self.retained.has_room(topic, publication.payload(), &self.limits);
        self.stats.refused_retained += u64::from(retain && !keep);
        self.route(topic, keep, Some(publisher), || publication.clone(), out);
    }

    /// Keeps a publication if it is to be retained and queues it for everybody who wants it; makes it only if somebody
    /// does. Says whether a subscriber was found.
    fn route(
        &mut self,
        topic: TopicName<'_>,
        keep: bool,
        publisher: Option<SessionId>,
        make: impl FnOnce() -> Arc<Publication>,
        out: &mut Outputs,
    ) -> bool {
        self.stats.accepted += 1;
        let mut matches = std::mem::take(&mut self.matches);
        self.subscriptions.lookup(topic, publisher, &mut matches);
        self.keep_granted(&Subject::Topic(topic), &mut matches);
        let found = !matches.is_empty();
        if found || keep {
            let publication = make();
            if keep {
                self.retained.keep(&publication);
                self.journal.retained(&publication);
            }
            self.deliver(&publication, &mut matches, out);
        }
        self.matches = matches;
        found
    }

    /// Queues a publication for those who were found to want it.
    pub(crate) fn deliver(&mut self, publication: &Arc<Publication>, matches: &mut Matches, out: &mut Outputs) {
        for found in matches.sessions.drain(..) {
            let queued = Queued {
                qos: publication.qos().min(found.maximum_qos),
                // Cleared unless the subscriber wants it as published `[MQTT-3.3.1-12]`, `[MQTT-3.3.1-13]`.
                retain: publication.retain() && found.retain_as_published,
                identifiers: found.identifiers,
                group: None,
                number: None,
                publication: publication.clone(),
            };
            self.offer(found.session, queued, out);
        }
        for group in matches.groups.drain(..) {
            self.offer_to_group(group, publication, out);
        }
    }

    /// Gives a message to one member of a shared subscription, with the QoS it was granted `[MQTT-4.8.2-3]`.
    pub(crate) fn offer_to_group(&mut self, group: GroupId, publication: &Arc<Publication>, out: &mut Outputs) -> bool {
        let (sessions, limits) = (&self.sessions, &self.limits);
        let subject = judging::subject(publication, sessions, self.announced.as_deref());
        let may_have = |member| sessions[member].may_receive(&subject);
        let is_ready = |member| sessions[member].is_ready_for(publication, limits);
        let Some(member) = self.shared.pick(group, may_have, is_ready) else { return false };
        let queued = Queued {
            qos: publication.qos().min(member.terms.options.maximum_qos),
            retain: publication.retain() && member.terms.options.retain_as_published,
            identifiers: Identifiers::of(member.terms.identifier),
            group: Some(group),
            number: None,
            publication: publication.clone(),
        };
        self.offer(member.session, queued, out);
        true
    }

    pub(crate) fn offer(&mut self, id: SessionId, queued: Queued, out: &mut Outputs) {
        let session = &mut self.sessions[id];
        match session.offer(queued, &self.limits, &mut self.stats, &mut self.journal) {
            Offered::Waits | Offered::Dropped { first: false } => {}
            Offered::Wake(connection) => out.push(Output::Wake(connection)),
            Offered::Dropped { first: true } => out.event(Event::QueueFull { client_id: session.client_id.clone() }),
            Offered::Overrun => self.condemn(id, "the client does not keep up with its subscriptions"),
        }
    }

    fn condemn(&mut self, id: SessionId, why: &'static str) {
        if let Some(connected) = self.sessions[id].connected() {
            self.condemned.push((connected.connection, why));
        }
    }

    // ---- Acknowledgements, chapters 3.4 to 3.7 and 4.3 ------------------------------------------------------------

    fn on_puback(&mut self, now: Instant, from: Client, ack: &Acknowledgement<'_>, out: &mut Outputs) {
        let done = self.sessions[from.session].outbound.puback(ack.packet_id);
        self.after_acknowledgement(now, from, done, "PUBACK for a QoS 2 PUBLISH", out);
    }

    fn on_pubrec(&mut self, now: Instant, from: Client, ack: &Acknowledgement<'_>, out: &mut Outputs) {
        let outbound = &mut self.sessions[from.session].outbound;
        let packet_id = ack.packet_id;
        if ack.reason.is_failure() {
            let done = outbound.pubrec_refused(packet_id);
            return self.after_acknowledgement(now, from, done, "PUBREC for a QoS 1 PUBLISH", out);
        }
        let reason = match outbound.pubrec(packet_id) {
            Acknowledged::Yes(finished) => {
                if let Some(number) = self.sessions[from.session].number {
                    self.journal.delivery_released(number, &finished, packet_id);
                }
                ReasonCode::Success
            }
            Acknowledged::Again => ReasonCode::Success,
            Acknowledged::Unknown => {
                self.stats.acknowledgements_unknown += 1;
                ReasonCode::PacketIdentifierNotFound
            }
            Acknowledged::Mismatch => return self.violation(now, from, "PUBREC for a QoS 1 PUBLISH", out),
        };
        out.reply(from.connection, Reply::PubRel { packet_id, reason });
    }

    fn on_pubrel(&mut self, from: Client, ack: &Acknowledgement<'_>, out: &mut Outputs) {
        let packet_id = ack.packet_id;
        let session = &mut self.sessions[from.session];
        let reason = match session.inbound.release(packet_id) {
            Released::Now => {
                if let Some(number) = session.number {
                    self.journal.released(number, packet_id);
                }
                ReasonCode::Success
            }
            // "Not found" would be allowed, but clients take it for a failure of their publication, and publish it again.
            Released::Before => ReasonCode::Success,
            Released::Unknown => {
                self.stats.acknowledgements_unknown += 1;
                ReasonCode::PacketIdentifierNotFound
            }
        };
        out.reply(from.connection, Reply::PubComp { packet_id, reason });
    }

    fn on_pubcomp(&mut self, now: Instant, from: Client, ack: &Acknowledgement<'_>, out: &mut Outputs) {
        let done = self.sessions[from.session].outbound.pubcomp(ack.packet_id);
        self.after_acknowledgement(now, from, done, "PUBCOMP before PUBREC", out);
    }

    /// The window may have opened.
    fn after_acknowledgement(
        &mut self,
        now: Instant,
        from: Client,
        done: Acknowledged,
        mismatch: &'static str,
        out: &mut Outputs,
    ) {
        match done {
            Acknowledged::Yes(finished) => {
                self.journal.delivery_ended(self.sessions[from.session].number, &finished);
                self.wake(from.session, out);
            }
            Acknowledged::Again => {}
            Acknowledged::Unknown => self.stats.acknowledgements_unknown += 1,
            Acknowledged::Mismatch => self.violation(now, from, mismatch, out),
        }
    }

    pub(crate) fn wake(&mut self, id: SessionId, out: &mut Outputs) {
        if let Some(connection) = self.sessions[id].wake(&self.limits) {
            out.push(Output::Wake(connection));
        }
    }

    // ---- What the peer does wrong ---------------------------------------------------------------------------------

    /// The peer broke the protocol `[MQTT-4.13.1-1]`.
    pub(crate) fn violation(&mut self, now: Instant, from: Client, why: &'static str, out: &mut Outputs) {
        self.close(now, from, ReasonCode::ProtocolError, why, out);
    }

    /// Closes a connection because of its peer.
    pub(crate) fn close(
        &mut self,
        now: Instant,
        client: Client,
        reason: ReasonCode,
        why: &'static str,
        out: &mut Outputs,
    ) {
        self.stats.closed += 1;
        let connected = self.sessions[client.session].connected().expect("a connection's session is connected");
        out.push(connected.farewell(reason, why));
        let ending = if reason == ReasonCode::KeepAliveTimeout { Ending::KeepAlive } else { Ending::Closed(reason) };
        self.end_connection(now, client, ending, out);
    }
}

/// Where clients may publish. Topics that begin with `$` are the server's (section 4.7.2): `$SYS`, `$share`,
/// `$sparkplug`.
pub(crate) fn clients_may_publish_to(topic: TopicName<'_>) -> bool {
    !topic.is_dollar()
}
