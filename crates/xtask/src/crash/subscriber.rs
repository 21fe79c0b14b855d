//! A subscriber with a kept session that keeps its half of QoS 2: a packet id that it has answered with PUBREC is the
//! same publication until PUBREL `[MQTT-4.3.3-10]`.
//!
//! Three temperaments: always there, often away, slow. Members of a group say so by their filter and share a page in
//! the ledger. Without a kept session it only looks at what it gets.

use std::collections::HashSet;
use std::num::NonZeroU16;
use std::sync::Arc;
use std::time::{Duration, Instant};

use factree_mqtt::{
    Acknowledgement, Connect, Handshake, Packet, PacketId, ProtocolVersion, QoS, SessionExpiry, Subscribe,
    SubscribeRequest,
};

use super::chance::Chance;
use super::ledger::Fault;
use super::link::{Out, Role, Turn};
use super::message;
use super::world::World;

/// Where the last message of a page is published.
pub(super) const FENCE: &str = "load/fence";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Temper {
    Steady,
    /// Connected for some 100 ms at a time while load runs.
    Away,
    /// Rests a moment between reads, and takes few publications at once.
    Slow,
    /// Begins anew each time; what it misses is nobody's fault.
    Watcher,
}

/// How a subscriber subscribes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Manner {
    pub(super) name: &'static str,
    pub(super) version: ProtocolVersion,
    pub(super) qos: QoS,
    pub(super) temper: Temper,
    pub(super) receive_maximum: u16,
    pub(super) filters: &'static [&'static str],
}

pub(super) struct Subscriber {
    manner: Manner,
    /// In the ledger; none for a watcher.
    number: Option<usize>,
    world: Arc<World>,
    chance: Chance,
    /// The server has accepted a connection that leaves a session behind.
    confirmed: bool,
    subscribed: bool,
    /// QoS 2 publications between PUBREC and PUBREL.
    received: HashSet<PacketId>,
    /// When this connection is dropped, or the next one opened.
    until: Instant,
}

const SUBSCRIBE_ID: PacketId = PacketId::new(1).expect("not zero");

impl Subscriber {
    pub(super) fn new(manner: Manner, number: Option<usize>, world: Arc<World>, chance: Chance) -> Self {
        let (until, received) = (Instant::now(), HashSet::new());
        Self { manner, number, world, chance, confirmed: false, subscribed: false, received, until }
    }

    fn is_kept(&self) -> bool {
        self.manner.temper != Temper::Watcher
    }

    fn got(&self, topic: &str, payload: &[u8]) {
        let mut ledger = self.world.ledger();
        match (self.number, topic) {
            (Some(number), FENCE) => {
                let fence = payload.try_into().map_or(0, u64::from_be_bytes);
                ledger.fence(number, fence);
            }
            (None, FENCE) => {}
            (Some(number), _) => ledger.delivered(number, topic, payload),
            (None, _) if message::decode(payload).is_some() => {}
            (None, _) => ledger.fault(Fault::Wrong, &format!("{} got something on {topic}", self.manner.name)),
        }
    }
}

impl Role for Subscriber {
    fn wants_in(&mut self) -> bool {
        !World::is_load(self.world.phase()) || Instant::now() >= self.until
    }

    fn connect(&mut self) -> Connect<'_> {
        let kept = self.is_kept();
        let session_expiry = if kept { SessionExpiry::Never } else { SessionExpiry::ENDS_WITH_CONNECTION };
        let connect = Connect::new(self.manner.version, self.manner.name);
        let receive_maximum = NonZeroU16::new(self.manner.receive_maximum).expect("not zero");
        Connect { clean_start: !kept, session_expiry, receive_maximum, ..connect }
    }

    fn connected(&mut self, session_present: bool, out: &mut Out) {
        if self.confirmed && !session_present {
            self.world.fault(Fault::Lost, &format!("the session of {} is gone", self.manner.name));
        }
        if !session_present {
            self.received.clear();
            self.subscribed = false;
        }
        self.confirmed = self.is_kept();
        self.until = Instant::now() + Duration::from_millis(self.chance.between(20, 200));
        if !self.subscribed {
            let requests: Vec<_> =
                self.manner.filters.iter().map(|filter| SubscribeRequest::new(filter, self.manner.qos)).collect();
            out.send(&Packet::Subscribe(Subscribe::new(SUBSCRIBE_ID, requests.as_slice())));
        }
    }

    fn on_packet(&mut self, packet: &Packet<'_>, out: &mut Out) {
        match packet {
            Packet::SubAck(suback) if suback.reasons.iter().any(factree_mqtt::ReasonCode::is_failure) => {
                self.world.fault(Fault::Wrong, &format!("{} may not subscribe", self.manner.name));
            }
            Packet::SubAck(_) => {
                self.subscribed = true;
                self.world.subscribed();
            }
            Packet::Publish(publish) => {
                let topic = publish.topic.map_or("", factree_mqtt::TopicName::as_str);
                match publish.handshake {
                    Handshake::AtMostOnce => self.got(topic, publish.payload),
                    Handshake::AtLeastOnce(packet_id) => {
                        self.got(topic, publish.payload);
                        out.send(&Packet::PubAck(Acknowledgement::new(packet_id)));
                    }
                    Handshake::ExactlyOnce(packet_id) => {
                        if self.received.insert(packet_id) {
                            self.got(topic, publish.payload);
                        }
                        out.send(&Packet::PubRec(Acknowledgement::new(packet_id)));
                    }
                }
            }
            Packet::PubRel(release) => {
                self.received.remove(&release.packet_id);
                out.send(&Packet::PubComp(Acknowledgement::new(release.packet_id)));
            }
            other => self.world.fault(Fault::Wrong, &format!("{} got {}", self.manner.name, other.name())),
        }
    }

    fn turn(&mut self, _out: &mut Out) -> Turn {
        if !World::is_load(self.world.phase()) {
            return Turn::Stay;
        }
        match self.manner.temper {
            Temper::Steady | Temper::Watcher => Turn::Stay,
            Temper::Slow => {
                if self.chance.once_in(2) {
                    std::thread::sleep(Duration::from_millis(self.chance.between(1, 4)));
                }
                Turn::Stay
            }
            Temper::Away if Instant::now() < self.until => Turn::Stay,
            Temper::Away => {
                self.until = Instant::now() + Duration::from_millis(self.chance.between(20, 200));
                if self.chance.once_in(2) { Turn::Drop } else { Turn::Leave }
            }
        }
    }
}
