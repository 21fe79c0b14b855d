//! A storm: anybody sends anything, in tiny limits.
//!
//! Nobody behaves here. What must hold is that nothing panics, limits hold, nothing is said to connections that are
//! over, each ends once, and in the end nothing is left that is not to be kept.

use std::collections::BTreeSet;
use std::num::NonZeroU16;
use std::time::{Duration, Instant};

use factree_broker::{Accepted, Broker, ConnectionId, Input, Limits, Lost, Output, Outputs, Reply};
use factree_mqtt::{
    Acknowledgement, Connect, Disconnect, Handshake, Packet, PacketId, ProtocolVersion, Publish, QoS, ReasonCode,
    SessionExpiry, Subscribe, SubscribeRequest, TopicName, Unsubscribe, WillMessage,
};
use proptest::prelude::*;

use crate::{FILTERS, TOPICS};

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn a_storm_breaks_no_limit(events in prop::collection::vec(any::<(u8, u8, u16, u16)>(), 1..200)) {
        let mut storm = Storm::new();
        for (what, who, x, y) in events {
            storm.blow(what, who, x, y);
        }
        storm.calm();
    }
}

/// Anybody sends anything; each connection may end for any reason.
struct Storm {
    broker: Broker,
    limits: Limits,
    now: Instant,
    out: Outputs,
    connections: u64,
    living: BTreeSet<ConnectionId>,
    ended: BTreeSet<ConnectionId>,
    /// Topics that the local session has retained messages on, without asking for room.
    ours: BTreeSet<&'static str>,
}

impl Storm {
    fn new() -> Self {
        let limits = Limits {
            sessions_max: 6,
            subscriptions_per_session_max: 4,
            queue_len_max: 3,
            retained_max: 3,
            retained_backlog_max: 5,
            receive_maximum: NonZeroU16::new(2).unwrap(),
            in_flight_max: NonZeroU16::new(2).unwrap(),
            ..Limits::default()
        };
        Storm {
            broker: Broker::new(limits.clone()),
            limits,
            now: Instant::now(),
            out: Outputs::default(),
            connections: 0,
            living: BTreeSet::new(),
            ended: BTreeSet::new(),
            ours: BTreeSet::new(),
        }
    }

    fn blow(&mut self, what: u8, who: u8, x: u16, y: u16) {
        // Any connection there ever was, also those that are over.
        let connection = ConnectionId(1 + u64::from(who) % self.connections.max(1));
        let packet_id = PacketId::new(1 + x % 4).unwrap();
        let qos = [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce][usize::from(y % 3)];
        let topic = TopicName::parse(TOPICS[usize::from(x) % TOPICS.len()]).unwrap();
        let reason = if y.is_multiple_of(5) { ReasonCode::QuotaExceeded } else { ReasonCode::Success };
        let ack = Acknowledgement::with_reason(packet_id, reason);
        let shared = ["$share/g/a", "$share/g/#", "$share/h/+/a", "bad+"];
        let filters: Vec<&str> = FILTERS.into_iter().chain(shared).collect();
        let filter = filters[usize::from(x) % filters.len()];
        let handshake = match qos {
            QoS::AtMostOnce => Handshake::AtMostOnce,
            QoS::AtLeastOnce => Handshake::AtLeastOnce(packet_id),
            QoS::ExactlyOnce => Handshake::ExactlyOnce(packet_id),
        };
        let payload: &[u8] = if y.is_multiple_of(7) { b"" } else { b"payload" };
        let mut message = Publish { handshake, retain: y.is_multiple_of(2), ..Publish::new(topic, payload) };
        message.properties.message_expiry = (y.is_multiple_of(11)).then_some(Duration::from_secs(2));
        match what % 20 {
            0 | 1 => self.connect(who, x, y),
            2 => self.input(Input::Lost { connection, cause: Lost::Closed }),
            3 => {
                self.now += Duration::from_millis(u64::from(x) * 50);
                self.input(Input::Tick);
            }
            4 => {
                if message.retain {
                    self.ours.insert(TOPICS[usize::from(x) % TOPICS.len()]);
                }
                self.input(Input::Publish { publication: &message });
            }
            5 => {
                let mut deliveries = Vec::new();
                let _ = self.broker.take_deliveries(self.now, connection, usize::from(y % 50), &mut deliveries);
                assert!(deliveries.is_empty() || self.living.contains(&connection), "nothing for the dead");
            }
            6..=10 => self.packet(connection, &Packet::Publish(message)),
            11..=13 => {
                let mut request = SubscribeRequest::new(filter, qos);
                request.options.retain_as_published = y.is_multiple_of(2);
                request.options.no_local = y.is_multiple_of(3) && !filter.starts_with("$share");
                self.packet(connection, &Packet::Subscribe(Subscribe::new(packet_id, &[request, request])));
            }
            14 => self.packet(connection, &Packet::Unsubscribe(Unsubscribe::new(packet_id, &[filter]))),
            15 => self.packet(connection, &Packet::PubAck(ack)),
            16 => self.packet(connection, &Packet::PubRec(ack)),
            17 => self.packet(connection, &Packet::PubRel(ack)),
            18 => self.packet(connection, &Packet::PubComp(ack)),
            _ => {
                let reason =
                    if y.is_multiple_of(2) { ReasonCode::Success } else { ReasonCode::DisconnectWithWillMessage };
                let session_expiry =
                    (y.is_multiple_of(3)).then_some(SessionExpiry::After(Duration::from_secs(u64::from(x % 9))));
                self.packet(connection, &Packet::Disconnect(Disconnect { session_expiry, ..Disconnect::new(reason) }));
            }
        }
    }

    fn connect(&mut self, who: u8, x: u16, y: u16) {
        self.connections += 1;
        let connection = ConnectionId(self.connections);
        let id = ["ann", "bob", "cy", "di", "eve", "flo", "gus", ""][usize::from(who % 8)];
        let mut connect =
            Connect::new(if x.is_multiple_of(3) { ProtocolVersion::V311 } else { ProtocolVersion::V5 }, id);
        connect.clean_start = x.is_multiple_of(2);
        connect.session_expiry = match y % 3 {
            0 => SessionExpiry::ENDS_WITH_CONNECTION,
            1 => SessionExpiry::After(Duration::from_secs(u64::from(y % 100))),
            _ => SessionExpiry::Never,
        };
        connect.keep_alive = Duration::from_secs(u64::from(y % 50));
        connect.receive_maximum = NonZeroU16::new(1 + x % 3).unwrap();
        connect.maximum_packet_size = std::num::NonZeroU32::new(u32::from(x % 40));
        if y.is_multiple_of(2) {
            let mut will = WillMessage::new(TopicName::parse(TOPICS[usize::from(x) % TOPICS.len()]).unwrap(), b"gone");
            will.qos = QoS::AtLeastOnce;
            will.retain = x.is_multiple_of(5);
            will.delay = Duration::from_secs(u64::from(y % 4));
            connect.will = Some(will);
        }
        self.broker.handle(
            self.now,
            Input::Connect { connection, connect: &connect, holder: factree_broker::Holder::unrestricted() },
            &mut self.out,
        );
        self.check();
    }

    fn packet(&mut self, connection: ConnectionId, packet: &Packet<'_>) {
        self.input(Input::Packet { connection, packet });
    }

    fn input(&mut self, input: Input<'_>) {
        self.broker.handle(self.now, input, &mut self.out);
        self.check();
    }

    fn check(&mut self) {
        let mut closing = BTreeSet::new();
        for output in self.out.drain() {
            match output {
                Output::Reply { to, reply: Reply::ConnAck(reply) } => {
                    if !reply.reason.is_failure() {
                        assert!(self.living.insert(to), "one CONNACK");
                    }
                }
                Output::Reply { to, .. } | Output::Wake(to) => {
                    assert!(self.living.contains(&to) && !closing.contains(&to), "nothing for the dead");
                }
                Output::Accepted(Accepted::Will { connection, .. }) => {
                    // At once, so before it has ended; or later, when it has.
                    assert!(self.living.contains(&connection) || self.ended.contains(&connection));
                }
                Output::Accepted(Accepted::Packet { connection }) => assert!(self.living.contains(&connection)),
                Output::Close { connection, .. } => assert!(closing.insert(connection), "closed once"),
                Output::Ended { connection, .. } => {
                    assert!(self.living.remove(&connection), "ended once");
                    self.ended.insert(connection);
                }
                Output::Accepted(Accepted::Local)
                | Output::Refused(_)
                | Output::Subscribed { .. }
                | Output::Event(_) => {}
            }
        }
        assert_eq!(self.broker.connections_len(), self.living.len());
        assert!(self.broker.sessions_len() <= self.limits.sessions_max as usize);
        assert!(self.broker.retained_len() <= self.limits.retained_max + self.ours.len());
        for session in self.broker.sessions() {
            let backlog_max = self.limits.retained_backlog_max.max(TOPICS.len());
            assert!(session.queue_len <= self.limits.queue_len_max + backlog_max);
            assert!(session.subscriptions <= self.limits.subscriptions_per_session_max as usize);
            assert_eq!(session.subscriptions, self.broker.subscriptions(session.client_id.as_str()).count());
        }
    }

    /// Everybody goes; in the end nothing is left but what is kept for ever.
    fn calm(&mut self) {
        for connection in self.living.clone() {
            self.input(Input::Lost { connection, cause: Lost::Closed });
        }
        self.now += Duration::from_secs(1_000_000);
        self.input(Input::Tick);
        assert!(self.living.is_empty());
        assert_eq!(self.broker.next_deadline(), None, "nothing is due any more");
        assert!(self.broker.sessions().all(|session| session.session_expiry == SessionExpiry::Never));
    }
}
