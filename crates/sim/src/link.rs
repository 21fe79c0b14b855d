//! One MQTT client's connection: CONNECT, keep-alive, packet ids, acknowledgements.
//!
//! The smallest client that a broker cannot complain about: clean sessions, subscriptions at QoS 1, nothing kept across a
//! connection. What is said over it is the business of `edge_node` and `mes`, which write through a [`Wire`].
//! Knows nothing of Sparkplug or JSON.

use std::time::{Duration, Instant};

use factree_mqtt::{
    Acknowledgement, Connect, Disconnect, Handshake, Packet, PacketId, ProtocolVersion, Publish, QoS, ReasonCode,
    SessionExpiry, Subscribe, SubscribeRequest, TopicName, WillMessage, encode, encode_publish,
};
use factree_sparkplug::Now;

/// What the client promises in its CONNECT; it pings at two thirds.
const KEEP_ALIVE: Duration = Duration::from_secs(30);
const PING_AFTER: Duration = Duration::from_secs(20);

/// How long CONNACK or PINGRESP may take before the connection is given up.
const PATIENCE: Duration = Duration::from_secs(10);

/// An MQTT client's side of one connection after the other.
#[derive(Clone, Debug)]
pub(crate) struct Link {
    pub(crate) client_id: String,
    pub(crate) version: ProtocolVersion,
    state: State,
    last_packet_id: u16,
}

/// `Offline` → socket open → `Connecting` → CONNACK → `Online` → lost, dropped or stopped → `Offline`.
#[derive(Clone, Copy, Debug)]
enum State {
    /// May connect again at this time; none: at once.
    Offline { reconnect_at: Option<Instant> },
    /// CONNECT is sent.
    Connecting { since: Instant },
    /// CONNACK came. `ping` is when an unanswered PINGREQ was sent.
    Online { last_sent: Instant, ping: Option<Instant> },
}

/// A Will Message as `edge_node` words it.
pub(crate) struct Will {
    pub(crate) topic: String,
    pub(crate) payload: Vec<u8>,
}

impl Link {
    pub(crate) fn new(client_id: String, version: ProtocolVersion) -> Self {
        Link { client_id, version, state: State::Offline { reconnect_at: None }, last_packet_id: 0 }
    }

    pub(crate) fn is_online(&self) -> bool {
        matches!(self.state, State::Online { .. })
    }

    pub(crate) fn is_offline(&self) -> bool {
        matches!(self.state, State::Offline { .. })
    }

    /// CONNECT with a clean session that ends with the connection
    /// (`tck-id-principles-persistence-clean-session-311`, `-50`).
    pub(crate) fn connect(&mut self, now: Now, will: Option<&Will>, out: &mut Vec<u8>) {
        let will = will.map(|will| WillMessage {
            // tck-id-payloads-ndeath-will-message-qos, tck-id-payloads-ndeath-will-message-retain
            qos: QoS::AtLeastOnce,
            retain: false,
            ..WillMessage::new(topic_name(&will.topic), &will.payload)
        });
        let connect = Connect {
            clean_start: true,
            session_expiry: SessionExpiry::After(Duration::ZERO),
            keep_alive: KEEP_ALIVE,
            will,
            ..Connect::new(self.version, &self.client_id)
        };
        encode(self.version, &Packet::Connect(connect), out);
        self.state = State::Connecting { since: now.instant };
    }

    /// The CONNACK came. False if none was waited for.
    pub(crate) fn accepted(&mut self, now: Now) -> bool {
        let waited_for = matches!(self.state, State::Connecting { .. });
        if waited_for {
            self.state = State::Online { last_sent: now.instant, ping: None };
        }
        waited_for
    }

    pub(crate) fn ping_answered(&mut self) {
        if let State::Online { ping, .. } = &mut self.state {
            *ping = None;
        }
    }

    /// The connection is over; the next may be opened at `reconnect_at`.
    pub(crate) fn ended(&mut self, reconnect_at: Option<Instant>) {
        self.state = State::Offline { reconnect_at };
    }

    /// Sends PINGREQ when it is time. False if the other side has been silent for too long.
    pub(crate) fn keep_alive(&mut self, now: Now, out: &mut Vec<u8>) -> bool {
        match &mut self.state {
            State::Offline { .. } => true,
            State::Connecting { since } => now.instant < *since + PATIENCE,
            State::Online { ping: Some(asked), .. } => now.instant < *asked + PATIENCE,
            State::Online { last_sent, ping } => {
                if now.instant >= *last_sent + PING_AFTER {
                    encode(self.version, &Packet::PingReq, out);
                    (*last_sent, *ping) = (now.instant, Some(now.instant));
                }
                true
            }
        }
    }

    /// When [`keep_alive`](Self::keep_alive) has something to do; while offline, when to connect.
    pub(crate) fn next_wake(&self) -> Option<Instant> {
        match self.state {
            State::Offline { reconnect_at } => reconnect_at,
            State::Connecting { since } => Some(since + PATIENCE),
            State::Online { ping: Some(asked), .. } => Some(asked + PATIENCE),
            State::Online { last_sent, ping: None } => Some(last_sent + PING_AFTER),
        }
    }

    /// DISCONNECT. An Edge Node that speaks 5.0 must ask for its will to be published all the same
    /// (`tck-id-payloads-ndeath-will-message-publisher-disconnect-mqtt50`).
    pub(crate) fn disconnect(&mut self, with_will: bool, out: &mut Vec<u8>) {
        let reason = if with_will && self.version == ProtocolVersion::V5 {
            ReasonCode::DisconnectWithWillMessage
        } else {
            ReasonCode::Success
        };
        encode(self.version, &Packet::Disconnect(Disconnect::new(reason)), out);
        self.ended(None);
    }

    fn packet_id(&mut self) -> PacketId {
        self.last_packet_id = self.last_packet_id.checked_add(1).unwrap_or(1);
        PacketId::new(self.last_packet_id).expect("packet ids start at 1 and wrap to 1")
    }
}

/// Where a client writes: its link, the time, and the bytes to send.
pub(crate) struct Wire<'a> {
    pub(crate) link: &'a mut Link,
    pub(crate) now: Now,
    pub(crate) out: &'a mut Vec<u8>,
}

impl Wire<'_> {
    /// PUBLISH with QoS 0, not retained: births, data and deaths
    /// (`tck-id-payloads-nbirth-qos`, `tck-id-payloads-nbirth-retain` and the like).
    pub(crate) fn publish(&mut self, topic: &str, payload: &[u8]) {
        self.write(Handshake::AtMostOnce, false, topic, payload);
    }

    /// PUBLISH with QoS 1, retained: documents. The PUBACK needs no waiting for, since all documents are sent again on the
    /// next connection.
    pub(crate) fn publish_retained(&mut self, topic: &str, payload: &[u8]) {
        let packet_id = self.link.packet_id();
        self.write(Handshake::AtLeastOnce(packet_id), true, topic, payload);
    }

    fn write(&mut self, handshake: Handshake, retain: bool, topic: &str, payload: &[u8]) {
        let publish = Publish { handshake, retain, ..Publish::new(topic_name(topic), payload) };
        encode_publish(self.link.version, &publish, self.out);
        self.sent();
    }

    /// SUBSCRIBE with QoS 1.
    pub(crate) fn subscribe(&mut self, filters: &[&str]) {
        let requests: Vec<_> = filters.iter().map(|filter| SubscribeRequest::new(filter, QoS::AtLeastOnce)).collect();
        let subscribe = Subscribe::new(self.link.packet_id(), requests.as_slice());
        encode(self.link.version, &Packet::Subscribe(subscribe), self.out);
        self.sent();
    }

    /// PUBACK.
    pub(crate) fn acknowledge(&mut self, packet_id: PacketId) {
        encode(self.link.version, &Packet::PubAck(Acknowledgement::new(packet_id)), self.out);
        self.sent();
    }

    fn sent(&mut self) {
        if let State::Online { last_sent, .. } = &mut self.link.state {
            *last_sent = self.now.instant;
        }
    }
}

/// The plant's own topics are topic names; anything else is a mistake in its tables.
fn topic_name(topic: &str) -> TopicName<'_> {
    TopicName::parse(topic).unwrap_or_else(|error| panic!("the plant made the topic {topic:?}: {error}"))
}
