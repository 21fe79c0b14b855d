//! A client that keeps to the protocol: what an MQTT client library does below its application.
//!
//! Packet ids, the sending half and the receiving half of QoS 1 and 2, everything unanswered again after a resumed session
//! `[MQTT-4.4.0-1]`, answers in the order of what they answer `[MQTT-4.6.0-2]`, the server's Receive Maximum, topic aliases
//! both ways. What it does not forgive, it reports. Says nothing on its own: [`conduct`](crate::conduct) decides.
//! Invariant: `outbox` is in the order of first sending, and only what is in it has a packet id in use.

mod reading;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::num::{NonZeroU16, NonZeroU32};
use std::time::{Duration, Instant};

use factree_mqtt::{
    Acknowledgement, Connect, Disconnect, Handshake, Packet, PacketId, ProtocolVersion, Publish, QoS, ReasonCode,
    SessionExpiry, TopicAlias, encode,
};

use crate::checkers::Arrival;
use crate::history::History;
use crate::message::Message;

pub(crate) const NAMES: [&str; 5] = ["ann", "bob", "cy", "di", "eve"];

/// Who has this client id.
pub(crate) fn index_of(name: &str) -> usize {
    NAMES.iter().position(|known| *known == name).expect("the broker names clients that have connected")
}

/// How a client presents itself.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Profile {
    pub(crate) version: ProtocolVersion,
    pub(crate) session_expiry: SessionExpiry,
    pub(crate) receive_maximum: u16,
    pub(crate) maximum_packet_size: Option<u32>,
    pub(crate) topic_alias_maximum: u16,
    pub(crate) keep_alive: Duration,
}

#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) index: usize,
    pub(crate) profile: Profile,
    pub(crate) link: Option<usize>,
    /// Its CONNECT was accepted.
    pub(crate) online: bool,
    pub(crate) last_sent: Instant,
    pub(crate) ping_sent: Option<Instant>,
    outbox: VecDeque<Outgoing>,
    /// Messages that wait for the server's Receive Maximum.
    waiting: VecDeque<u32>,
    /// QoS 2 packet ids that were received and not released.
    held: BTreeSet<u16>,
    /// What came over this connection and is not finally answered.
    open: BTreeSet<u16>,
    /// Answers that are due, in order.
    owed: VecDeque<Owed>,
    /// SUBSCRIBE and UNSUBSCRIBE without answer.
    asked: BTreeSet<u16>,
    packet_id: u16,
    window: usize,
    /// 3.1.1 does not tell; what is unanswered may have to be said again over 5.0.
    window_of_3_1_1: usize,
    unread: Vec<u8>,
    /// Nobody answered the last CONNECT: whether the broker began a session with it is not known.
    unanswered: bool,
    begins_anew: bool,
    ends_with_connection: bool,
    expires: bool,
    /// The session ends, or may since the last CONNACK have ended, without this client being told.
    may_have_ended: bool,
    aliases_in: BTreeMap<u16, String>,
    aliases_out: Vec<&'static str>,
    aliases_max: usize,
}

#[derive(Clone, Copy, Debug)]
struct Outgoing {
    packet_id: PacketId,
    number: u32,
    released: bool,
}

#[derive(Clone, Copy, Debug)]
#[allow(clippy::enum_variant_names, reason = "the packets' names")]
enum Owed {
    PubAck(PacketId),
    PubRec(PacketId),
    PubComp(PacketId),
}

/// What reading led to.
#[derive(Debug, Default)]
pub(crate) struct Heard {
    pub(crate) arrivals: Vec<Arrival>,
    /// To be sent.
    pub(crate) bytes: Vec<u8>,
    /// The connection is over, as far as this client cares.
    pub(crate) hangs_up: bool,
    pub(crate) packets: Vec<String>,
}

impl Client {
    pub(crate) fn new(index: usize, profile: Profile, window: u16, now: Instant) -> Self {
        Client {
            index,
            profile,
            link: None,
            online: false,
            last_sent: now,
            ping_sent: None,
            outbox: VecDeque::new(),
            waiting: VecDeque::new(),
            held: BTreeSet::new(),
            open: BTreeSet::new(),
            owed: VecDeque::new(),
            asked: BTreeSet::new(),
            packet_id: 0,
            window: 0,
            window_of_3_1_1: window.into(),
            unread: Vec::new(),
            unanswered: false,
            begins_anew: false,
            ends_with_connection: false,
            expires: false,
            may_have_ended: false,
            aliases_in: BTreeMap::new(),
            aliases_out: Vec::new(),
            aliases_max: 0,
        }
    }

    /// Nothing is owed and nothing waits. A client that lowered its Maximum Packet Size between two connections may hold a
    /// packet id for ever: what was sent under it is too large to come again.
    pub(crate) fn is_idle(&self, shifty: bool) -> bool {
        let waits = [self.outbox.len(), self.waiting.len(), self.owed.len(), self.held.len() * usize::from(!shifty)];
        waits == [0; 4]
    }

    pub(crate) fn owes(&self) -> bool {
        !self.owed.is_empty()
    }

    /// Begins over a new link. A client that cannot know whether a session that is present would be its own begins anew.
    pub(crate) fn connect(&mut self, link: usize, clean_start: bool, will: Option<(&Message, Duration)>) -> Vec<u8> {
        self.hang_up();
        self.link = Some(link);
        let Profile { version, session_expiry, .. } = self.profile;
        let clean_start = clean_start || self.begins_anew || self.unanswered && self.may_have_ended;
        if clean_start {
            // Both sides forget `[MQTT-3.1.2-4]`; what was forgotten cannot be resumed, so it asks until it is answered.
            self.forget();
            self.begins_anew = true;
        }
        self.unanswered = true;
        let payload = will.map(|(message, _)| message.payload()).unwrap_or_default();
        let v5 = version == ProtocolVersion::V5;
        let session_expiry = match (v5, clean_start) {
            (true, _) => session_expiry,
            (false, true) => SessionExpiry::ENDS_WITH_CONNECTION,
            (false, false) => SessionExpiry::Never,
        };
        self.expires = session_expiry != SessionExpiry::Never;
        self.may_have_ended |= self.expires;
        self.ends_with_connection = session_expiry == SessionExpiry::ENDS_WITH_CONNECTION;
        let connect = Connect {
            clean_start,
            keep_alive: self.profile.keep_alive,
            session_expiry,
            receive_maximum: NonZeroU16::new(self.profile.receive_maximum).expect("profiles are legal"),
            maximum_packet_size: self.profile.maximum_packet_size.and_then(NonZeroU32::new),
            topic_alias_maximum: self.profile.topic_alias_maximum,
            will: will.map(|(message, delay)| factree_mqtt::WillMessage {
                topic: message.name(),
                payload: &payload,
                qos: message.qos,
                retain: message.retain,
                delay,
                properties: message.properties(),
            }),
            ..Connect::new(version, NAMES[self.index])
        };
        let mut bytes = Vec::new();
        encode(version, &Packet::Connect(connect), &mut bytes);
        bytes
    }

    /// The connection is over; what belongs to it is forgotten.
    pub(crate) fn hang_up(&mut self) {
        self.link = None;
        self.online = false;
        self.ping_sent = None;
        self.open.clear();
        self.owed.clear();
        self.asked.clear();
        self.unread.clear();
        self.aliases_in.clear();
        self.aliases_out.clear();
        if self.ends_with_connection {
            self.forget();
            self.begins_anew |= self.unanswered;
        }
    }

    /// The session is over.
    fn forget(&mut self) {
        self.outbox.clear();
        self.held.clear();
    }

    /// Publishes, now or when the window allows.
    pub(crate) fn publish(&mut self, number: u32, history: &History, bytes: &mut Vec<u8>) {
        if history.message(number).qos == QoS::AtMostOnce {
            return self.write_publish(history.message(number), Handshake::AtMostOnce, false, bytes);
        }
        self.waiting.push_back(number);
        self.send_waiting(history, bytes);
    }

    fn send_waiting(&mut self, history: &History, bytes: &mut Vec<u8>) {
        while self.online && self.outbox.len() < self.window {
            let Some(number) = self.waiting.pop_front() else { return };
            let packet_id = self.fresh_packet_id();
            self.outbox.push_back(Outgoing { packet_id, number, released: false });
            self.write_publish(
                history.message(number),
                handshake(history.message(number).qos, packet_id),
                false,
                bytes,
            );
        }
    }

    /// Asks for something that is answered under a packet id.
    pub(crate) fn ask(&mut self, packet: impl FnOnce(PacketId) -> Packet<'static>, bytes: &mut Vec<u8>) {
        let packet_id = self.fresh_packet_id();
        self.asked.insert(packet_id.get());
        self.write(&packet(packet_id), bytes);
    }

    pub(crate) fn write(&self, packet: &Packet<'_>, bytes: &mut Vec<u8>) {
        encode(self.profile.version, packet, bytes);
    }

    /// Answers the first that are due.
    pub(crate) fn answer(&mut self, how_many: usize, bytes: &mut Vec<u8>) {
        for _ in 0..how_many {
            let Some(owed) = self.owed.pop_front() else { return };
            let packet = match owed {
                Owed::PubAck(id) => {
                    self.open.remove(&id.get());
                    Packet::PubAck(Acknowledgement::new(id))
                }
                Owed::PubRec(id) => Packet::PubRec(Acknowledgement::new(id)),
                Owed::PubComp(id) => {
                    self.open.remove(&id.get());
                    Packet::PubComp(Acknowledgement::new(id))
                }
            };
            self.write(&packet, bytes);
        }
    }

    fn fresh_packet_id(&mut self) -> PacketId {
        loop {
            self.packet_id = self.packet_id % 60_000 + 1;
            let packet_id = PacketId::new(self.packet_id).expect("from one on");
            let in_use = self.outbox.iter().any(|outgoing| outgoing.packet_id == packet_id)
                || self.asked.contains(&packet_id.get());
            if !in_use {
                return packet_id;
            }
        }
    }

    fn write_publish(&mut self, message: &Message, handshake: Handshake, dup: bool, bytes: &mut Vec<u8>) {
        let payload = message.payload();
        let mut publish = Publish {
            dup,
            handshake,
            retain: message.retain,
            properties: message.properties(),
            ..Publish::new(message.name(), &payload)
        };
        match self.aliases_out.iter().position(|known| *known == message.topic) {
            Some(place) => {
                publish.topic_alias = TopicAlias::new(place as u16 + 1);
                publish.topic = None;
            }
            None if self.aliases_out.len() < self.aliases_max => {
                self.aliases_out.push(message.topic);
                publish.topic_alias = TopicAlias::new(self.aliases_out.len() as u16);
            }
            None => {}
        }
        self.write(&Packet::Publish(publish), bytes);
    }

    pub(crate) fn disconnect(&mut self, reason: ReasonCode, expiry: Option<SessionExpiry>) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.may_have_ended |= expiry.is_some();
        self.write(&Packet::Disconnect(Disconnect { session_expiry: expiry, ..Disconnect::new(reason) }), &mut bytes);
        self.hang_up();
        bytes
    }
}

fn handshake(qos: QoS, packet_id: PacketId) -> Handshake {
    match qos {
        QoS::AtMostOnce => Handshake::AtMostOnce,
        QoS::AtLeastOnce => Handshake::AtLeastOnce(packet_id),
        QoS::ExactlyOnce => Handshake::ExactlyOnce(packet_id),
    }
}
