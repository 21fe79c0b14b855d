//! One connection after the other to a foreign broker, as an MQTT client: bytes in, bytes and publications out.
//!
//! ```text
//!            connect            CONNACK              SUBACK: STATE birth
//!  Offline ──────────► Connecting ──────► Subscribing ──────► Online ─┐ PINGREQ, PUBACK, STATE corrections
//!     ▲                    │                   │                │ ▲   │
//!     └─ lost, or a Fault ─┴───────────────────┴────────────────┘ └───┘
//! ```
//!
//! A Host Application's client and no more: a clean session, literal filters at QoS 1, STATE out with QoS 1 one at a
//! time, commands with QoS 0. What it hears is handed on in place. A PUBLISH that is too large or malformed costs
//! itself, not the connection, because its publisher is not the broker.
//! Knows no socket and no clock, and nothing of Edge Nodes.
//! Invariant: nothing is published before the SUBACK (`tck-id-host-topic-phid-birth-sub-required`), and a PUBACK is
//! written after its publication was handed on.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::{Duration, Instant};

use factree_mqtt::{
    Acknowledgement, ConnAck, Connect, DecodeError, Decoded, Disconnect, Handshake, Limits, Packet, PacketId,
    ProtocolVersion, Publish, QoS, ReasonCode, SubAck, Subscribe, SubscribeRequest, TopicName, Violation, WillMessage,
    decode, encode, encode_publish, encoded_publish_len,
};
use factree_sparkplug::{HostApplication, HostId, Legacy, Now, StateFault, StateHeard, StateMessage, Timestamp};

use super::fault::{Fault, quoted};
use super::frame::{Frame, PacketIdOf};
use super::said::{self, StateOut};
use super::{Attachment, StateWord};

#[cfg(test)]
mod story;

/// More notes than this between two looks at them are not news.
const NOTES_MAX: usize = 16;
/// What every Sparkplug topic begins with.
const SPARKPLUG: &str = "spBv1.0/";

/// The client's side of one connection after the other.
#[derive(Debug)]
pub(crate) struct Link {
    terms: Arc<Attachment>,
    /// What the codec lets pass: more than the tree takes, so that a publisher cannot cost us the connection.
    codec: Limits,
    /// What the tree takes.
    admitted: Limits,
    /// None if it says nothing of itself.
    application: Option<HostApplication>,
    phase: Phase,
    last_packet_id: u16,
    /// The largest packet the broker takes.
    packet_bytes_max: Option<NonZeroU32>,
    /// So many bytes of a PUBLISH that is passed over have yet to come.
    passing_over: usize,
    state: StateOut,
    notes: Vec<Note>,
    online_since: Option<Instant>,
    passed_over: u64,
    old_copies: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Offline,
    /// CONNECT is sent; all of it must be over by then.
    Connecting {
        by: Instant,
    },
    /// CONNACK came, SUBSCRIBE is sent.
    Subscribing {
        by: Instant,
        packet_id: PacketId,
        every: Duration,
    },
    /// SUBACK came. `ping` is when an unanswered PINGREQ was sent.
    Online {
        ping_at: Instant,
        every: Duration,
        ping: Option<Instant>,
    },
}

/// A publication as it came over the link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Heard<'a> {
    pub(crate) topic: &'a str,
    pub(crate) payload: &'a [u8],
    /// It stood there, retained, when we subscribed.
    pub(crate) stored: bool,
}

/// What the operator should hear of, although the connection goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Note {
    /// Subscribed; heard from now on.
    Online,
    /// Somebody said something else than we are on our STATE topic; it has been put right.
    Corrected { said: Result<bool, StateFault> },
    /// Somebody else is online under our host id.
    Rival { timestamp: Timestamp },
    /// The broker does not let us publish our STATE.
    StateRefused { reason: ReasonCode },
}

/// A message is larger than the broker takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooLarge;

impl Link {
    /// One that is offline; `limits` are those of our own listeners.
    pub(crate) fn new(terms: Arc<Attachment>, limits: &Limits) -> Self {
        let codec = Limits {
            topic_levels_max: u16::MAX,
            topic_bytes_max: u16::MAX,
            user_properties_max: u32::MAX,
            ..limits.clone()
        };
        let host = HostId::new(&terms.host).expect("the configuration has proven the host id");
        let application = match terms.state {
            StateWord::Silent => None,
            StateWord::Told => Some(HostApplication::new(host, Legacy::Silent)),
            StateWord::ToldWithLegacy => Some(HostApplication::new(host, Legacy::Told)),
        };
        Self {
            codec,
            admitted: limits.clone(),
            application,
            phase: Phase::Offline,
            last_packet_id: 0,
            packet_bytes_max: None,
            passing_over: 0,
            state: StateOut::default(),
            notes: Vec::new(),
            online_since: None,
            passed_over: 0,
            old_copies: 0,
            terms,
        }
    }

    /// A socket is open: writes the CONNECT. CONNACK and SUBACK must be there `by` then.
    pub(crate) fn connect(&mut self, now: Now, by: Instant, out: &mut Vec<u8>) {
        (self.packet_bytes_max, self.passing_over, self.state) = (None, 0, StateOut::default());
        let Attachment { version, client_id, username, password, keep_alive, .. } = &*self.terms;
        let death = self.application.as_mut().map(|application| application.connect(now.wall));
        // tck-id-host-topic-phid-death-required, -death-qos, -death-retain
        let will = death.as_ref().map(|StateMessage { topic, payload }| WillMessage {
            qos: QoS::AtLeastOnce,
            retain: true,
            ..WillMessage::new(name(topic), payload.as_bytes())
        });
        // tck-id-message-flow-phid-sparkplug-clean-session-311, -50: `Connect::new` starts clean and ends with the
        // connection.
        let connect = Connect {
            will,
            keep_alive: *keep_alive,
            username: username.as_deref(),
            password: password.as_ref().map(super::Secret::reveal),
            maximum_packet_size: NonZeroU32::new(self.codec.packet_size_max),
            ..Connect::new(*version, client_id)
        };
        encode(*version, &Packet::Connect(connect), out);
        self.phase = Phase::Connecting { by };
    }

    /// Bytes came. Returns how many of them are done with; the rest must be handed in again, with more behind.
    ///
    /// # Errors
    /// [`Fault`]: say [`Link::give_up`], close the socket, say [`Link::lost`].
    pub(crate) fn received(
        &mut self,
        now: Now,
        bytes: &[u8],
        out: &mut Vec<u8>,
        mut heard: impl FnMut(Heard<'_>),
    ) -> Result<usize, Fault> {
        let mut consumed = 0;
        loop {
            let passed = self.passing_over.min(bytes.len() - consumed);
            self.passing_over -= passed;
            consumed += passed;
            let rest = &bytes[consumed..];
            match decode(self.terms.version, rest, &self.codec) {
                Ok(Decoded::Incomplete { .. }) => return Ok(consumed),
                Ok(Decoded::Packet { packet, len }) => {
                    consumed += len;
                    self.handle(now, &packet, out, &mut heard)?;
                }
                Err(error) => match self.pass_over(&error, rest, out)? {
                    Some(len) => self.passing_over = len,
                    None => return Ok(consumed),
                },
            }
        }
    }

    /// Time passed: PINGREQ when it is due.
    ///
    /// # Errors
    /// [`Fault::Silent`] if the broker has not answered in time.
    pub(crate) fn wake(&mut self, now: Instant, out: &mut Vec<u8>) -> Result<(), Fault> {
        let patience = self.terms.connect_timeout;
        let silent = |awaited| Err(Fault::Silent { awaited, after: patience });
        match &mut self.phase {
            Phase::Connecting { by } if now >= *by => silent("CONNACK"),
            Phase::Subscribing { by, .. } if now >= *by => silent("SUBACK"),
            Phase::Online { ping: Some(asked), .. } if now >= *asked + patience => silent("PINGRESP"),
            Phase::Online { ping_at, every, ping: ping @ None } if now >= *ping_at => {
                // Whatever else was sent meanwhile: what is to be known is whether the broker still answers.
                encode(self.terms.version, &Packet::PingReq, out);
                (*ping_at, *ping) = (now + *every, Some(now));
                Ok(())
            }
            Phase::Offline | Phase::Connecting { .. } | Phase::Subscribing { .. } | Phase::Online { .. } => Ok(()),
        }
    }

    /// When to call [`Link::wake`]; none while offline.
    pub(crate) fn next_wake(&self) -> Option<Instant> {
        match self.phase {
            Phase::Offline => None,
            Phase::Connecting { by } | Phase::Subscribing { by, .. } => Some(by),
            Phase::Online { ping: Some(asked), .. } => Some(asked + self.terms.connect_timeout),
            Phase::Online { ping_at, ping: None, .. } => Some(ping_at),
        }
    }

    /// Whether commands may go out.
    pub(crate) fn is_online(&self) -> bool {
        matches!(self.phase, Phase::Online { .. })
    }

    /// PUBLISH with QoS 0, not retained: commands (`tck-id-topics-ncmd-mqtt`, `tck-id-topics-dcmd-mqtt`).
    ///
    /// # Errors
    /// [`TooLarge`] for this broker; nothing is written.
    pub(crate) fn publish(&mut self, topic: &str, payload: &[u8], out: &mut Vec<u8>) -> Result<(), TooLarge> {
        let publish = Publish::new(name(topic), payload);
        let len = encoded_publish_len(self.terms.version, &publish);
        if self.packet_bytes_max.is_some_and(|maximum| len > maximum.get() as usize) {
            return Err(TooLarge);
        }
        encode_publish(self.terms.version, &publish, out);
        Ok(())
    }

    /// An end in order: STATE death, then DISCONNECT
    /// (`tck-id-host-topic-phid-death-payload-timestamp-disconnect-clean`).
    pub(crate) fn leave(&mut self, now: Now, out: &mut Vec<u8>) {
        let deaths = self.application.as_mut().map(|application| application.leave(now.wall)).unwrap_or_default();
        for death in &deaths {
            self.write_state(death, out);
        }
        if !matches!(self.phase, Phase::Offline | Phase::Connecting { .. }) {
            encode(self.terms.version, &Packet::Disconnect(Disconnect::new(ReasonCode::Success)), out);
        }
        self.phase = Phase::Offline;
    }

    /// The last word to a broker that we leave because of a fault. A will is published after it, or says what is so
    /// already.
    pub(crate) fn give_up(&mut self, fault: &Fault, out: &mut Vec<u8>) {
        let reason = match fault {
            Fault::NotSubscribed { .. } | Fault::Lacking(_) => ReasonCode::Success,
            Fault::Malformed(error) => error.reason,
            Fault::Unexpected(_) => ReasonCode::ProtocolError,
            _ => return,
        };
        if self.terms.version == ProtocolVersion::V5 || reason == ReasonCode::Success {
            encode(self.terms.version, &Packet::Disconnect(Disconnect::new(reason)), out);
        }
    }

    /// The connection is gone.
    pub(crate) fn lost(&mut self) {
        self.phase = Phase::Offline;
        if let Some(application) = &mut self.application {
            application.lost();
        }
    }

    /// What the operator should hear of, since the last time.
    pub(crate) fn take_notes(&mut self) -> Vec<Note> {
        std::mem::take(&mut self.notes)
    }

    /// Since when it had been online, if the connection that was lost ever was.
    pub(crate) fn take_online_since(&mut self) -> Option<Instant> {
        self.online_since.take()
    }

    /// How many publications were too large, malformed, or on a topic the tree does not take, since the last time.
    pub(crate) fn take_passed_over(&mut self) -> u64 {
        std::mem::take(&mut self.passed_over)
    }

    /// How many retained copies of Sparkplug messages came, which say how things were, since the last time.
    pub(crate) fn take_old_copies(&mut self) -> u64 {
        std::mem::take(&mut self.old_copies)
    }

    fn handle(
        &mut self,
        now: Now,
        packet: &Packet<'_>,
        out: &mut Vec<u8>,
        heard: &mut impl FnMut(Heard<'_>),
    ) -> Result<(), Fault> {
        match (packet, self.phase) {
            (Packet::ConnAck(connack), Phase::Connecting { by }) => self.on_connack(connack, by, out),
            // [MQTT-3.2.0-1]: the first packet of a server is the CONNACK, and there is one.
            (_, Phase::Offline | Phase::Connecting { .. }) | (Packet::ConnAck(_), _) => {
                Err(Fault::Unexpected(packet.name()))
            }
            (Packet::SubAck(suback), Phase::Subscribing { packet_id, every, .. }) if suback.packet_id == packet_id => {
                self.on_suback(now, suback, every, out)
            }
            (Packet::Publish(publish), _) => self.on_publish(publish, out, heard),
            (Packet::PubAck(answer), _) => {
                self.on_puback(answer, out);
                Ok(())
            }
            (Packet::PingResp, Phase::Online { ping_at, every, .. }) => {
                self.phase = Phase::Online { ping_at, every, ping: None };
                Ok(())
            }
            (Packet::Disconnect(disconnect), _) if self.terms.version == ProtocolVersion::V5 => {
                Err(Fault::Closed { reason: Some(disconnect.reason), said: quoted(disconnect.reason_string) })
            }
            (packet, _) => Err(Fault::Unexpected(packet.name())),
        }
    }

    fn on_connack(&mut self, connack: &ConnAck<'_>, by: Instant, out: &mut Vec<u8>) -> Result<(), Fault> {
        let properties = &connack.properties;
        if connack.reason.is_failure() {
            return Err(Fault::Refused { reason: connack.reason, said: quoted(properties.reason_string) });
        }
        if self.application.is_some() && properties.maximum_qos == Some(QoS::AtMostOnce) {
            return Err(Fault::Lacking("QoS 1"));
        }
        if self.application.is_some() && properties.retain_available == Some(false) {
            return Err(Fault::Lacking("retained messages"));
        }
        self.packet_bytes_max = properties.maximum_packet_size;
        // [MQTT-3.1.2-21]; zero turns it off, which is no reason for us not to look.
        let keep_alive = properties.server_keep_alive.filter(|time| !time.is_zero()).unwrap_or(self.terms.keep_alive);
        let every = keep_alive * 2 / 3;
        let packet_id = self.packet_id();
        let filters = said::filters(self.application.as_ref(), &self.terms);
        let requests: Vec<SubscribeRequest<'_>> = filters.iter().map(|filter| said::request(filter)).collect();
        let subscribe = Subscribe::new(packet_id, requests.as_slice());
        encode(self.terms.version, &Packet::Subscribe(subscribe), out);
        self.phase = Phase::Subscribing { by, packet_id, every };
        Ok(())
    }

    fn on_suback(&mut self, now: Now, suback: &SubAck<'_>, every: Duration, out: &mut Vec<u8>) -> Result<(), Fault> {
        let filters = said::filters(self.application.as_ref(), &self.terms);
        if suback.reasons.len() != filters.len() {
            return Err(Fault::Unexpected("a SUBACK for another number of filters"));
        }
        if let Some((filter, reason)) =
            filters.iter().zip(suback.reasons.iter()).find(|(_, reason)| reason.is_failure())
        {
            return Err(Fault::NotSubscribed { filter: filter.clone(), reason });
        }
        self.phase = Phase::Online { ping_at: now.instant + every, every, ping: None };
        self.online_since = Some(now.instant);
        self.note(Note::Online);
        let births = self.application.as_mut().map(HostApplication::subscribed).unwrap_or_default();
        births.into_iter().for_each(|birth| self.state.owe(birth));
        self.say_next_state(out);
        Ok(())
    }

    fn on_publish(
        &mut self,
        publish: &Publish<'_>,
        out: &mut Vec<u8>,
        heard: &mut impl FnMut(Heard<'_>),
    ) -> Result<(), Fault> {
        // We have granted no topic alias, and asked for QoS 1 at most.
        let topic = publish.topic.ok_or(Fault::Unexpected("a topic alias"))?;
        let acknowledged = match publish.handshake {
            Handshake::AtMostOnce => None,
            Handshake::AtLeastOnce(packet_id) => Some(packet_id),
            Handshake::ExactlyOnce(_) => return Err(Fault::Unexpected("a PUBLISH of QoS 2")),
        };
        if !self.admitted.admit_name(topic) {
            self.passed_over += 1;
        } else if self.is_our_voice(topic.as_str()) {
            if publish.retain && self.application.as_mut().is_some_and(|it| it.resume(publish.payload)) {
                return Err(Fault::Overtaken);
            }
            self.on_state(topic.as_str(), publish.payload, publish.retain, out);
        } else if publish.retain && topic.as_str().starts_with(SPARKPLUG) {
            self.old_copies += 1;
        } else {
            heard(Heard { topic: topic.as_str(), payload: publish.payload, stored: publish.retain });
        }
        if let Some(packet_id) = acknowledged {
            encode(self.terms.version, &Packet::PubAck(Acknowledgement::new(packet_id)), out);
        }
        Ok(())
    }

    /// Whatever makes our STATE topic say something else than we are is put right at once
    /// (`tck-id-message-flow-hid-sparkplug-state-message-delivered`).
    fn on_state(&mut self, topic: &str, payload: &[u8], retained: bool, out: &mut Vec<u8>) {
        let Some(application) = &self.application else { return };
        match application.received(topic, payload, retained) {
            StateHeard::NotOurs | StateHeard::Nothing => {}
            StateHeard::Contradicted { correction, said } => {
                self.note(Note::Corrected { said: said.map(|state| state.online) });
                self.state.owe(correction);
                self.say_next_state(out);
            }
            StateHeard::Rival { timestamp } => self.note(Note::Rival { timestamp }),
        }
    }

    fn on_puback(&mut self, answer: &Acknowledgement<'_>, out: &mut Vec<u8>) {
        if self.state.in_flight != Some(answer.packet_id) {
            return;
        }
        self.state.in_flight = None;
        if answer.reason.is_failure() {
            self.note(Note::StateRefused { reason: answer.reason });
        }
        self.say_next_state(out);
    }

    fn say_next_state(&mut self, out: &mut Vec<u8>) {
        if self.state.in_flight.is_none()
            && let Some(message) = self.state.owed.pop_front()
        {
            self.state.in_flight = Some(self.write_state(&message, out));
        }
    }

    /// PUBLISH with QoS 1, retained (`tck-id-host-topic-phid-birth-qos`, `tck-id-host-topic-phid-birth-retain`).
    fn write_state(&mut self, message: &StateMessage, out: &mut Vec<u8>) -> PacketId {
        let packet_id = self.packet_id();
        let handshake = Handshake::AtLeastOnce(packet_id);
        let publish =
            Publish { handshake, retain: true, ..Publish::new(name(&message.topic), message.payload.as_bytes()) };
        encode_publish(self.terms.version, &publish, out);
        packet_id
    }

    /// What is no packet that we take. A PUBLISH is somebody else's and costs itself: how many bytes to pass over, or
    /// none while it is not yet known. Anything else is the broker's.
    fn pass_over(&mut self, error: &DecodeError, bytes: &[u8], out: &mut Vec<u8>) -> Result<Option<usize>, Fault> {
        if let (Phase::Connecting { .. }, &[0x20, 2, 0, code, ..]) = (self.phase, bytes) {
            // A broker that knows 3.1.1 alone says in its own form that it does not know 5.0.
            if let Some(reason) = ReasonCode::from_connack_return_code(code).filter(|reason| reason.is_failure()) {
                return Err(Fault::Refused { reason, said: None });
            }
        }
        let fault = Err(Fault::Malformed(*error));
        let listening = matches!(self.phase, Phase::Subscribing { .. } | Phase::Online { .. });
        if !listening || bytes[0] >> 4 != 3 || error.what == Violation::VarintMalformed {
            return fault;
        }
        let Some(frame) = Frame::of(bytes) else { return fault };
        match frame.packet_id(bytes) {
            PacketIdOf::QoS0 | PacketIdOf::Missing => {}
            PacketIdOf::QoS1(packet_id) => {
                encode(self.terms.version, &Packet::PubAck(Acknowledgement::new(packet_id)), out);
            }
            PacketIdOf::NotYet => return Ok(None),
            PacketIdOf::Foreign => return fault,
        }
        self.passed_over += 1;
        Ok(Some(frame.len()))
    }

    /// A topic on which we say that we are online; what is said there is no news to the tree.
    fn is_our_voice(&self, topic: &str) -> bool {
        let host = topic.strip_prefix(SPARKPLUG).unwrap_or(topic).strip_prefix("STATE/");
        self.application.is_some() && host == Some(self.terms.host.as_str())
    }

    fn note(&mut self, note: Note) {
        if self.notes.len() < NOTES_MAX {
            self.notes.push(note);
        }
    }

    fn packet_id(&mut self) -> PacketId {
        self.last_packet_id = self.last_packet_id.checked_add(1).unwrap_or(1);
        PacketId::new(self.last_packet_id).expect("packet ids start at 1 and wrap to 1")
    }
}

/// The host id was proven, and ingest addresses Edge Nodes it has heard from.
fn name(topic: &str) -> TopicName<'_> {
    TopicName::parse(topic).unwrap_or_else(|error| panic!("our own topic {topic:?}: {error}"))
}
