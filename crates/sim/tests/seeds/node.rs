//! The broker with its connections: what a server does around it, without sockets.
//!
//! Reads bytes, decodes, resolves aliases, hands in one packet after the other; encodes what comes out. A line's outgoing
//! bytes are bounded: beyond, nothing is read from that client and its deliveries stay in the broker. The ledger watches at
//! the door.
//! Invariant: what goes to a line leaves it in the same order.

use std::collections::BTreeMap;
use std::time::Instant;

use factree_broker::{
    Broker, ConnectionId, Delivery, DeliveryEncoder, Input, Key, Limits, More, Output, Outputs, Record, Restored,
    TopicAliases,
};
use factree_mqtt::{Decoded, Disconnect, Packet, ProtocolVersion, Publish, QoS, decode, decode_connect, encode};

use crate::outgoing::Outgoing;
use crate::tamper::Tamper;
use crate::watch::Watch;

/// No more is read while so many bytes wait.
const OUTGOING_BYTES_MAX: usize = 1500;
/// Deliveries are taken until so many wait.
const DELIVERY_BYTES: usize = 400;

pub(crate) struct Node {
    pub(crate) broker: Broker,
    pub(crate) lines: BTreeMap<ConnectionId, Line>,
    pub(crate) tamper: Tamper,
    limits: Limits,
    out: Outputs,
}

/// The broker's end of a network connection.
pub(crate) struct Line {
    pub(crate) client: usize,
    version: Option<ProtocolVersion>,
    unread: Vec<u8>,
    aliases: TopicAliases,
    encoder: Option<DeliveryEncoder>,
    pub(crate) outgoing: Outgoing,
    has_deliveries: bool,
    /// Closes when all is written.
    pub(crate) closing: bool,
}

impl Line {
    pub(crate) fn has_connected(&self) -> bool {
        self.version.is_some()
    }
}

impl Node {
    pub(crate) fn new(limits: &Limits, tamper: Tamper) -> Self {
        let actual = tamper.limits(limits);
        Node {
            broker: Broker::new(actual),
            lines: BTreeMap::new(),
            tamper,
            limits: limits.clone(),
            out: Outputs::default(),
        }
    }

    pub(crate) fn open(&mut self, connection: ConnectionId, client: usize) {
        let line = Line {
            client,
            version: None,
            unread: Vec::new(),
            aliases: TopicAliases::new(self.limits.topic_alias_maximum),
            encoder: None,
            outgoing: Outgoing::default(),
            has_deliveries: false,
            closing: false,
        };
        self.lines.insert(connection, line);
    }

    pub(crate) fn may_read(&self, connection: ConnectionId) -> bool {
        self.lines.get(&connection).is_some_and(|line| line.outgoing.len() < OUTGOING_BYTES_MAX && !line.closing)
    }

    /// Bytes came from a client.
    pub(crate) fn read(&mut self, now: Instant, connection: ConnectionId, bytes: &[u8], watch: &mut Watch) {
        let Some(line) = self.lines.get_mut(&connection) else { return };
        let client = line.client;
        let mut unread = std::mem::take(&mut line.unread);
        unread.extend_from_slice(bytes);
        let mut at = 0;
        while let Some(line) = self.lines.get_mut(&connection).filter(|line| !line.closing) {
            let Some(version) = line.version else {
                let Ok(decoded) = decode_connect(&unread[at..], &self.limits.packet) else {
                    panic!("clients begin well")
                };
                let Decoded::Packet { packet: mut connect, len } = decoded else { break };
                at += len;
                line.version = Some(connect.version);
                line.encoder = Some(DeliveryEncoder::new(&connect, &self.limits));
                watch.note(now, client, ">", || crate::transcript::packet(&Packet::Connect(connect.clone())));
                self.tamper.connect(&mut connect);
                self.hand_in(
                    now,
                    client,
                    Input::Connect { connection, connect: &connect, holder: factree_broker::Holder::unrestricted() },
                    watch,
                );
                continue;
            };
            let decoded = decode(version, &unread[at..], &self.limits.packet);
            let Ok(Decoded::Packet { packet, len }) = decoded else {
                assert!(decoded.is_ok(), "clients speak MQTT: {decoded:?}");
                break;
            };
            at += len;
            watch.note(now, client, ">", || crate::transcript::packet(&packet));
            if let Packet::Publish(publish) = &packet {
                let resolved = line.aliases.resolve(publish).expect("clients define their aliases");
                let publish = Publish { topic: Some(resolved.topic()), ..publish.clone() };
                self.hand_in(now, client, Input::Packet { connection, packet: &Packet::Publish(publish) }, watch);
            } else {
                self.hand_in(now, client, Input::Packet { connection, packet: &packet }, watch);
            }
        }
        if let Some(line) = self.lines.get_mut(&connection) {
            line.unread = unread.split_off(at);
        }
        self.seal();
    }

    /// What was said since leaves when all is durable that was written up to now.
    pub(crate) fn seal(&mut self) {
        let made = if self.tamper.is_hasty() { 0 } else { self.broker.writes_made() };
        self.lines.values_mut().for_each(|line| line.outgoing.seal(made));
    }

    /// One input, and what follows from it.
    pub(crate) fn hand_in(&mut self, now: Instant, client: usize, input: Input<'_>, watch: &mut Watch) {
        // What is due comes first, so that the ledger need not guess how late a timer was.
        if !matches!(input, Input::Tick) && self.broker.next_deadline().is_some_and(|at| at <= now) {
            self.hand_in(now, client, Input::Tick, watch);
        }
        watch.before(now, client, &input);
        self.broker.handle(now, input, &mut self.out);
        let mut out = std::mem::take(&mut self.out);
        for output in out.drain() {
            if !self.tamper.hides(&output) {
                watch.said(now, client, &input, &output);
            }
            if !self.tamper.loses(&output) {
                self.obey(output);
            }
        }
        self.out = out;
        watch.after(now, &input);
    }

    fn obey(&mut self, output: Output) {
        match output {
            Output::Reply { to, reply } => {
                if let Some((line, version)) = self.speaking(to) {
                    let mut bytes = Vec::new();
                    reply.encode(version, &mut bytes);
                    line.outgoing.append(bytes);
                }
            }
            Output::Wake(connection) => {
                if let Some(line) = self.lines.get_mut(&connection) {
                    line.has_deliveries = true;
                }
            }
            Output::Close { connection, reason, reason_string } => {
                if let Some((line, version)) = self.speaking(connection) {
                    line.closing = true;
                    if let (Some(reason), ProtocolVersion::V5) = (reason, version) {
                        let disconnect =
                            Disconnect { reason_string: reason_string.as_deref(), ..Disconnect::new(reason) };
                        let mut bytes = Vec::new();
                        encode(version, &Packet::Disconnect(disconnect), &mut bytes);
                        line.outgoing.append(bytes);
                    }
                }
            }
            Output::Accepted(_)
            | Output::Refused(_)
            | Output::Ended { .. }
            | Output::Event(_)
            | Output::Subscribed { .. } => {}
        }
    }

    fn speaking(&mut self, connection: ConnectionId) -> Option<(&mut Line, ProtocolVersion)> {
        let line = self.lines.get_mut(&connection)?;
        let version = line.version?;
        Some((line, version))
    }

    /// Moves deliveries to the lines that have room for them.
    pub(crate) fn collect(&mut self, now: Instant, watch: &mut Watch) {
        let connections: Vec<ConnectionId> = self.lines.keys().copied().collect();
        for connection in connections {
            let line = self.lines.get_mut(&connection).expect("it was here a moment ago");
            if !line.has_deliveries || line.closing || line.outgoing.len() >= DELIVERY_BYTES {
                continue;
            }
            let mut deliveries: Vec<Delivery> = Vec::new();
            let room = DELIVERY_BYTES - line.outgoing.len();
            let more = self.broker.take_deliveries(now, connection, room, &mut deliveries);
            line.has_deliveries = more == More::Yes;
            let extra = self.tamper.deliveries(&mut self.broker, now, connection, &mut deliveries);
            let line = self.lines.get_mut(&connection).expect("it was here a moment ago");
            let mut bytes = Vec::new();
            // A QoS 2 delivery whose packet id were forgotten would be delivered twice.
            let holds = deliveries.iter().any(|delivery| delivery.handshake().qos() == QoS::ExactlyOnce);
            for delivery in deliveries {
                watch.ledger.delivered(line.client, delivery.handshake(), delivery.dup());
                line.encoder.as_mut().expect("it has connected").encode(&delivery, &mut bytes);
            }
            let made = if holds && !self.tamper.is_hasty() { self.broker.writes_made() } else { 0 };
            line.outgoing.append(bytes);
            line.outgoing.seal(made);
            if let Some(extra) = extra {
                self.misdeliver(connection, &extra);
            }
        }
    }

    /// The tamperer's own words, to the same client or to another.
    fn misdeliver(&mut self, connection: ConnectionId, extra: &crate::tamper::Extra) {
        let to = match extra.elsewhere {
            false => Some(connection),
            true => self.lines.keys().copied().find(|other| *other != connection),
        };
        if let Some((line, version)) = to.and_then(|to| self.speaking(to)) {
            let mut bytes = Vec::new();
            let mut publish = extra.delivery.as_publish();
            publish.handshake = extra.handshake;
            encode(version, &Packet::Publish(publish), &mut bytes);
            line.outgoing.append(bytes);
            line.outgoing.seal(0);
        }
    }

    /// The connection is gone; the broker hears of it.
    pub(crate) fn lost(&mut self, now: Instant, connection: ConnectionId, watch: &mut Watch) {
        if let Some(line) = self.lines.remove(&connection) {
            let cause = factree_broker::Lost::Closed;
            watch.note(now, line.client, ">", || "lost".to_owned());
            self.hand_in(now, line.client, Input::Lost { connection, cause }, watch);
            self.seal();
        }
    }

    /// Time has come for something.
    pub(crate) fn tick(&mut self, now: Instant, watch: &mut Watch) {
        self.hand_in(now, 0, Input::Tick, watch);
        self.seal();
    }

    /// Kill -9: everything is gone but these records, from which another process goes on.
    pub(crate) fn restart(&mut self, now: Instant, records: Vec<(Key, Record)>) -> Restored {
        self.lines.clear();
        self.out = Outputs::default();
        self.broker = Broker::new(self.tamper.limits(&self.limits));
        self.broker.restore(now, records)
    }
}
