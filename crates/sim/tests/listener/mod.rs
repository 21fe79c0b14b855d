//! A listener at the other end of one client: answers as the politest broker would, and writes down what it hears.
//!
//! The clock is its own and moves when told. Everything heard is decoded, so a test that hears anything has checked that
//! it decodes.
#![allow(dead_code, reason = "each test binary uses its part")]

use std::time::{Duration, Instant};

use factree_mqtt::{
    ConnAck, Decoded, Packet, PacketId, ProtocolVersion, Publish, ReasonCode, SubAck, TopicName, decode,
    decode_connect, encode,
};
use factree_sim::{Action, Client, Now, Timestamp};
use factree_sparkplug::encode::{BD_SEQ, MetricBuilder, PayloadBuilder};
use factree_sparkplug::{Payload, RawMetric, Topic, WireValue};

pub(crate) struct Listener {
    pub(crate) client: Client,
    pub(crate) now: Now,
    version: ProtocolVersion,
    /// Whether PINGREQ is answered.
    pub(crate) answers_pings: bool,
    pub(crate) heard: Vec<Heard>,
    pub(crate) bytes_heard: Vec<u8>,
}

/// One packet of the client.
#[derive(Clone, Debug)]
pub(crate) struct Heard {
    pub(crate) at: Timestamp,
    /// One line for people.
    pub(crate) line: String,
    /// If it is a PUBLISH: topic and payload.
    pub(crate) message: Option<(String, Vec<u8>)>,
}

pub(crate) fn noon() -> Now {
    Now { instant: Instant::now(), wall: Timestamp(1_767_268_800_000) }
}

pub(crate) fn later(now: Now, by: Duration) -> Now {
    Now { instant: now.instant + by, wall: Timestamp(now.wall.0 + by.as_millis() as u64) }
}

impl Listener {
    pub(crate) fn new(client: Client, now: Now) -> Self {
        Listener {
            client,
            now,
            version: ProtocolVersion::V311,
            answers_pings: true,
            heard: Vec::new(),
            bytes_heard: Vec::new(),
        }
    }

    pub(crate) fn connect(&mut self) {
        let mut out = Vec::new();
        self.client.connected(self.now, &mut out);
        self.hear(&out);
    }

    /// Lets time pass, waking the client when it wants to be woken and reconnecting it after each death.
    pub(crate) fn run(&mut self, time: Duration) {
        let end = later(self.now, time);
        while let Some(at) = self.client.next_wake().filter(|at| *at <= end.instant) {
            self.now = later(self.now, at.saturating_duration_since(self.now.instant));
            if self.heard.last().is_some_and(|last| last.line == "gone") {
                self.connect();
            } else if self.wake() == Action::DropConnection {
                self.note("gone".into(), None);
            }
        }
        self.now = later(self.now, end.instant.saturating_duration_since(self.now.instant));
    }

    /// Wakes the client once.
    pub(crate) fn wake(&mut self) -> Action {
        let mut out = Vec::new();
        let action = self.client.wake(self.now, &mut out);
        self.hear(&out);
        action
    }

    /// Publishes to the client.
    pub(crate) fn say(&mut self, topic: &str, payload: &[u8]) {
        let topic = TopicName::parse(topic).unwrap();
        self.answer(&Packet::Publish(Publish::new(topic, payload)));
    }

    /// Publishes a command to the client, metrics by name.
    pub(crate) fn command(&mut self, topic: &str, metrics: impl IntoIterator<Item = MetricBuilder>) {
        let payload = PayloadBuilder::at(self.now.wall).metrics(metrics).encode();
        self.say(topic, &payload);
    }

    pub(crate) fn stop(&mut self) {
        let mut out = Vec::new();
        self.client.disconnecting(self.now, &mut out);
        self.hear(&out);
    }

    /// What was heard since last asked, one line each.
    pub(crate) fn lines(&mut self) -> Vec<String> {
        self.heard.drain(..).map(|heard| heard.line).collect()
    }

    fn answer(&mut self, packet: &Packet<'_>) {
        let (mut bytes, mut out) = (Vec::new(), Vec::new());
        encode(self.version, packet, &mut bytes);
        let consumed = self.client.received(self.now, &bytes, &mut out).expect("the client understands its broker");
        assert_eq!(consumed, bytes.len());
        self.hear(&out);
    }

    fn hear(&mut self, mut bytes: &[u8]) {
        self.bytes_heard.extend_from_slice(bytes);
        let limits = factree_mqtt::Limits::DEFAULT;
        if bytes.first() == Some(&0x10)
            && let Decoded::Packet { packet, .. } = decode_connect(bytes, &limits).expect("a CONNECT")
        {
            self.version = packet.version;
        }
        while !bytes.is_empty() {
            let Decoded::Packet { packet, len } =
                decode(self.version, bytes, &limits).expect("what clients say is MQTT")
            else {
                panic!("a client writes whole packets");
            };
            bytes = &bytes[len..];
            self.on_packet(&packet);
        }
    }

    fn on_packet(&mut self, packet: &Packet<'_>) {
        match packet {
            Packet::Connect(connect) => {
                let will = connect.will.as_ref().map(|will| {
                    assert!(!will.retain && will.qos as u8 == 1 && connect.clean_start);
                    format!(" will {}", describe(will.topic.as_str(), will.payload))
                });
                let line = format!("CONNECT {}{}", connect.client_id, will.unwrap_or_default());
                self.note(line, None);
                self.answer(&Packet::ConnAck(ConnAck::new(ReasonCode::Success)));
            }
            Packet::Subscribe(subscribe) => {
                let filters: Vec<_> = subscribe.requests.iter().map(|request| request.filter).collect();
                self.note(format!("SUBSCRIBE {}", filters.join(" ")), None);
                let granted = vec![ReasonCode::GrantedQoS1; filters.len()];
                self.answer(&Packet::SubAck(SubAck::new(subscribe.packet_id, granted.as_slice())));
            }
            Packet::Publish(publish) => {
                let topic = publish.topic.unwrap().as_str();
                assert_eq!(publish.retain, !topic.starts_with("spBv1.0/"), "{topic}");
                self.note(describe(topic, publish.payload), Some((topic.to_owned(), publish.payload.to_vec())));
                if let Some(packet_id) = publish.handshake.packet_id() {
                    self.acknowledge(packet_id);
                }
            }
            Packet::PingReq => {
                self.note("PINGREQ".into(), None);
                if self.answers_pings {
                    self.answer(&Packet::PingResp);
                }
            }
            Packet::Disconnect(disconnect) => self.note(format!("DISCONNECT {}", disconnect.reason), None),
            packet => self.note(packet.name().into(), None),
        }
    }

    fn acknowledge(&mut self, packet_id: PacketId) {
        self.answer(&Packet::PubAck(factree_mqtt::Acknowledgement::new(packet_id)));
    }

    fn note(&mut self, line: String, message: Option<(String, Vec<u8>)>) {
        self.heard.push(Heard { at: self.now.wall, line, message });
    }
}

/// A Sparkplug message in one line, in the notation of the stories; other messages as they are.
pub(crate) fn describe(topic: &str, bytes: &[u8]) -> String {
    let Ok(parsed) = Topic::parse(topic) else {
        return format!("{topic} {}", String::from_utf8_lossy(bytes));
    };
    let payload = sparkplug(bytes);
    let verb = topic.split('/').nth(2).unwrap();
    let mut line = verb.to_owned();
    if let Some(device) = parsed.device() {
        line += &format!(" {device}");
    }
    if let Some(seq) = payload.seq {
        line += &format!(" seq={seq}");
    }
    if let Some(metric) = payload.metrics.iter().find(|metric| metric.name(bytes) == Some(BD_SEQ)) {
        let WireValue::Long(bd_seq) = metric.wire_value(bytes) else { panic!("bdSeq is an Int64") };
        line += &format!(" bdSeq={bd_seq}");
    }
    line
}

pub(crate) fn sparkplug(bytes: &[u8]) -> Payload {
    let mut payload = Payload::new();
    factree_sparkplug::decode(bytes, &factree_sparkplug::Limits::default(), &mut payload).expect("a Sparkplug payload");
    payload
}

/// The metrics of a payload by alias, with the value on the wire.
pub(crate) fn metrics<'a>(
    payload: &'a Payload,
    bytes: &'a [u8],
) -> impl Iterator<Item = (&'a RawMetric, WireValue<'a>)> {
    payload.metrics.iter().map(|metric| (metric, metric.wire_value(bytes)))
}
