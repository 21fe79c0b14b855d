//! A client of either version that says one thing at a time and keeps what it hears meanwhile.

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::num::NonZeroU32;

use factree_mqtt::{
    Acknowledgement, Connect, Decoded, Handshake, Limits, Packet, PacketId, ProtocolVersion, Publish, QoS, ReasonCode,
    Subscribe, SubscribeRequest, TopicName, Unsubscribe, WillMessage, decode, encode,
};

use crate::plant::Plant;

pub(crate) const V3: ProtocolVersion = ProtocolVersion::V311;
pub(crate) const V5: ProtocolVersion = ProtocolVersion::V5;

/// A message as a subscriber has it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Heard {
    pub(crate) topic: String,
    pub(crate) payload: Vec<u8>,
    pub(crate) qos: QoS,
    pub(crate) retain: bool,
    pub(crate) identifiers: Vec<u32>,
}

pub(crate) struct Client {
    stream: TcpStream,
    version: ProtocolVersion,
    unread: Vec<u8>,
    heard: VecDeque<Heard>,
    /// What is heard is acknowledged.
    acknowledges: bool,
}

impl Client {
    pub(crate) fn connect(plant: &Plant, id: &str, version: ProtocolVersion) -> Self {
        let (client, reason) = Self::connect_with(plant, Connect::new(version, id));
        assert_eq!(reason, ReasonCode::Success);
        client
    }

    pub(crate) fn connect_with(plant: &Plant, connect: Connect<'_>) -> (Self, ReasonCode) {
        let version = connect.version;
        let (stream, unread, heard) = (plant.socket(), Vec::new(), VecDeque::new());
        let mut client = Self { stream, version, unread, heard, acknowledges: true };
        client.send(&Packet::Connect(connect));
        let reason = client.answer(|packet| if let Packet::ConnAck(ack) = packet { Some(ack.reason) } else { None });
        (client, reason)
    }

    /// Connected, with that will.
    pub(crate) fn mortal(plant: &Plant, id: &str, topic: &str, payload: &[u8]) -> Self {
        let will = WillMessage::new(TopicName::parse(topic).unwrap(), payload);
        Self::connect_with(plant, Connect { will: Some(will), ..Connect::new(V5, id) }).0
    }

    /// Acknowledges nothing, so that with a Receive Maximum of one it gets one message, and the others wait.
    pub(crate) fn stops_reading(&mut self) {
        self.acknowledges = false;
    }

    /// Acknowledges that message, and all that come.
    pub(crate) fn goes_on(&mut self) {
        self.acknowledges = true;
        self.send(&Packet::PubAck(Acknowledgement::new(id(1))));
    }

    pub(crate) fn send(&mut self, packet: &Packet<'_>) {
        let mut bytes = Vec::new();
        encode(self.version, packet, &mut bytes);
        self.stream.write_all(&bytes).unwrap();
    }

    /// Reads until a packet is the answer; what is delivered meanwhile is kept.
    pub(crate) fn answer<T>(&mut self, answer: impl Fn(&Packet<'_>) -> Option<T>) -> T {
        loop {
            if let Some(answer) = self.step(&answer) {
                return answer;
            }
        }
    }

    /// Reads one packet.
    fn step<T>(&mut self, answer: &impl Fn(&Packet<'_>) -> Option<T>) -> Option<T> {
        loop {
            let mut reply = None;
            if let Decoded::Packet { packet, len } = decode(self.version, &self.unread, &Limits::default()).unwrap() {
                if let Packet::Publish(publish) = &packet {
                    self.heard.push_back(Heard {
                        topic: publish.topic.unwrap().as_str().to_owned(),
                        payload: publish.payload.to_vec(),
                        qos: publish.handshake.qos(),
                        retain: publish.retain,
                        identifiers: publish.subscription_identifiers.iter().map(NonZeroU32::get).collect(),
                    });
                    if let Handshake::AtLeastOnce(packet_id) = publish.handshake {
                        reply = Some(packet_id);
                    }
                }
                let answered = answer(&packet);
                self.unread.drain(..len);
                if let Some(packet_id) = reply.filter(|_| self.acknowledges) {
                    self.send(&Packet::PubAck(Acknowledgement::new(packet_id)));
                }
                return answered;
            }
            let mut bytes = [0; 4096];
            let len = self.stream.read(&mut bytes).unwrap();
            assert!(len > 0, "the server closed the connection");
            self.unread.extend_from_slice(&bytes[..len]);
        }
    }

    /// Subscribes with QoS 0.
    pub(crate) fn subscribe(&mut self, filter: &str) {
        self.subscribe_with(SubscribeRequest::new(filter, QoS::AtMostOnce), None);
    }

    pub(crate) fn subscribe_with(&mut self, request: SubscribeRequest<'_>, identifier: Option<u32>) {
        let requests = [request];
        let subscription_identifier = identifier.and_then(NonZeroU32::new);
        self.send(&Packet::Subscribe(Subscribe { subscription_identifier, ..Subscribe::new(id(7), &requests[..]) }));
        self.answer(|packet| matches!(packet, Packet::SubAck(_)).then_some(()));
    }

    pub(crate) fn unsubscribe(&mut self, filter: &str) {
        let filters = [filter];
        self.send(&Packet::Unsubscribe(Unsubscribe::new(id(8), &filters[..])));
        self.answer(|packet| matches!(packet, Packet::UnsubAck(_)).then_some(()));
    }

    pub(crate) fn publish(&mut self, topic: &str, payload: &[u8]) {
        self.send(&Packet::Publish(Publish::new(TopicName::parse(topic).unwrap(), payload)));
    }

    /// Publishes with QoS 1; how that went, and what is said about it.
    pub(crate) fn publish_1(&mut self, topic: &str, payload: &[u8]) -> (ReasonCode, Option<String>) {
        let handshake = Handshake::AtLeastOnce(id(9));
        self.send(&Packet::Publish(Publish { handshake, ..Publish::new(TopicName::parse(topic).unwrap(), payload) }));
        self.answer(|packet| match packet {
            Packet::PubAck(ack) => Some((ack.reason, ack.reason_string.map(str::to_owned))),
            _ => None,
        })
    }

    /// What was published before is in the tree when this returns.
    pub(crate) fn barrier(&mut self) {
        self.publish_1("barrier", b"1");
    }

    /// The next message.
    pub(crate) fn hear(&mut self) -> Heard {
        loop {
            if let Some(heard) = self.heard.pop_front() {
                return heard;
            }
            self.step(&|_| None::<()>);
        }
    }

    /// What was queued before has come, and was heard.
    pub(crate) fn heard_nothing_else(&mut self) {
        self.subscribe_with(SubscribeRequest::new("the/end", QoS::AtMostOnce), None);
        self.publish("the/end", b"");
        let last = self.hear();
        assert_eq!(last.topic, "the/end", "{}", String::from_utf8_lossy(&last.payload));
        self.unsubscribe("the/end");
    }
}

pub(crate) fn id(number: u16) -> PacketId {
    PacketId::new(number).unwrap()
}
