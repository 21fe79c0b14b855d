//! A client that subscribes and unsubscribes all the time, and looks after every connection what the server makes of
//! it.
//!
//! The look is an audit: it publishes its number to each of its topics, and at last to one that it never unsubscribes
//! from. When that has come back, all that is to come has come. What had a SUBACK must be among it, what had an
//! UNSUBACK must not, and what had no answer is from now on what it was seen to be.

use std::sync::Arc;

use factree_mqtt::{
    Acknowledgement, Connect, Handshake, Packet, PacketId, ProtocolVersion, Publish, QoS, SessionExpiry, Subscribe,
    SubscribeRequest, TopicName, Unsubscribe,
};

use super::chance::Chance;
use super::ledger::Fault;
use super::link::{Out, Role, Turn};
use super::world::World;

const TOPICS: usize = 8;
const NAME: &str = "auditor";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Known {
    Subscribed,
    Unsubscribed,
    /// Asked, and not answered.
    Either,
}

enum Doing {
    /// Waits for the SUBACK of the fence.
    Beginning,
    /// Waits for the fence.
    Audit {
        seen: [bool; TOPICS],
    },
    Nothing,
    /// Waits for a SUBACK or UNSUBACK of this topic.
    Asked {
        topic: usize,
        then: Known,
    },
}

pub(super) struct Auditor {
    world: Arc<World>,
    chance: Chance,
    topics: [Known; TOPICS],
    audit: u64,
    doing: Doing,
    confirmed: bool,
}

const ASK_ID: PacketId = PacketId::new(100).expect("not zero");

impl Auditor {
    pub(super) fn new(world: Arc<World>, chance: Chance) -> Self {
        let topics = [Known::Unsubscribed; TOPICS];
        Self { world, chance, topics, audit: 0, doing: Doing::Beginning, confirmed: false }
    }

    fn begin_audit(&mut self, out: &mut Out) {
        self.audit += 1;
        self.doing = Doing::Audit { seen: [false; TOPICS] };
        for topic in 0..=TOPICS {
            let name = format!("audit/{topic}");
            let payload = self.audit.to_string();
            let publish = Publish::new(TopicName::parse(&name).expect("plain"), payload.as_bytes());
            let handshake = Handshake::AtLeastOnce(PacketId::new(topic as u16 + 1).expect("from one"));
            out.send(&Packet::Publish(Publish { handshake, ..publish }));
        }
    }

    fn on_publish(&mut self, topic: &str, payload: &[u8]) {
        // Anything else is of an audit that a crash has ended.
        if payload != self.audit.to_string().as_bytes() {
            return;
        }
        let Doing::Audit { seen } = &mut self.doing else { return };
        match topic.strip_prefix("audit/").and_then(|topic| topic.parse::<usize>().ok()) {
            Some(TOPICS) => {
                let seen = *seen;
                self.conclude(seen);
                self.doing = Doing::Nothing;
            }
            Some(topic) if topic < TOPICS => seen[topic] = true,
            _ => self.world.fault(Fault::Wrong, &format!("{NAME} got something on {topic}")),
        }
    }

    fn conclude(&mut self, seen: [bool; TOPICS]) {
        let mut ledger = self.world.ledger();
        ledger.totals.audits += 1;
        for (topic, (known, seen)) in self.topics.iter_mut().zip(seen).enumerate() {
            match (*known, seen) {
                (Known::Subscribed, false) => {
                    ledger.fault(Fault::Lost, &format!("{NAME}'s subscription to audit/{topic}, which had its SUBACK"));
                }
                (Known::Unsubscribed, true) => {
                    ledger
                        .fault(Fault::Wrong, &format!("{NAME}'s subscription to audit/{topic} is back after UNSUBACK"));
                }
                _ => {}
            }
            *known = if seen { Known::Subscribed } else { Known::Unsubscribed };
        }
    }

    fn ask(&mut self, out: &mut Out) {
        let topic = self.chance.between(0, TOPICS as u64) as usize;
        let filter = format!("audit/{topic}");
        let then = match self.topics[topic] {
            Known::Unsubscribed => {
                let request = [SubscribeRequest::new(&filter, QoS::AtLeastOnce)];
                out.send(&Packet::Subscribe(Subscribe::new(ASK_ID, &request[..])));
                Known::Subscribed
            }
            Known::Subscribed | Known::Either => {
                out.send(&Packet::Unsubscribe(Unsubscribe::new(ASK_ID, &[filter.as_str()][..])));
                Known::Unsubscribed
            }
        };
        self.topics[topic] = Known::Either;
        self.doing = Doing::Asked { topic, then };
    }
}

impl Role for Auditor {
    fn connect(&mut self) -> Connect<'_> {
        let connect = Connect::new(ProtocolVersion::V5, NAME);
        Connect { clean_start: false, session_expiry: SessionExpiry::Never, ..connect }
    }

    fn connected(&mut self, session_present: bool, out: &mut Out) {
        if self.confirmed && !session_present {
            self.world.fault(Fault::Lost, &format!("the session of {NAME} is gone"));
        }
        self.confirmed = true;
        if !session_present {
            self.topics = [Known::Unsubscribed; TOPICS];
        }
        if session_present && !matches!(self.doing, Doing::Beginning) {
            return self.begin_audit(out);
        }
        self.doing = Doing::Beginning;
        let fence = format!("audit/{TOPICS}");
        let request = [SubscribeRequest::new(&fence, QoS::AtLeastOnce)];
        out.send(&Packet::Subscribe(Subscribe::new(ASK_ID, &request[..])));
    }

    fn on_packet(&mut self, packet: &Packet<'_>, out: &mut Out) {
        match packet {
            Packet::Publish(publish) => {
                self.on_publish(publish.topic.map_or("", factree_mqtt::TopicName::as_str), publish.payload);
                if let Some(packet_id) = publish.handshake.packet_id() {
                    out.send(&Packet::PubAck(Acknowledgement::new(packet_id)));
                }
            }
            Packet::SubAck(_) | Packet::UnsubAck(_) => match self.doing {
                Doing::Asked { topic, then } => {
                    self.topics[topic] = then;
                    self.doing = Doing::Nothing;
                }
                Doing::Beginning => self.begin_audit(out),
                Doing::Audit { .. } | Doing::Nothing => {}
            },
            Packet::PubAck(ack) if ack.reason.is_failure() => {
                // The disk is full: no audit now; the next connection makes one.
                self.doing = Doing::Nothing;
            }
            _ => {}
        }
    }

    fn turn(&mut self, out: &mut Out) -> Turn {
        if matches!(self.doing, Doing::Nothing) && World::is_load(self.world.phase()) {
            self.ask(out);
        }
        Turn::Stay
    }
}
