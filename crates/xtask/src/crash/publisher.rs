//! A publisher that keeps its half of QoS 1 and 2 across connections: what is not acknowledged is sent again, in order.
//!
//! Its packet ids come from a small circle, so they are reused as soon as they are free. A publisher without a kept
//! session begins anew on every connection and sends what is open as new publications.
//! Invariant: a number is in flight until the server has had the last word on it.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use factree_mqtt::{
    Acknowledgement, Connect, Handshake, Packet, PacketId, ProtocolVersion, Publish, QoS, ReasonCode, SessionExpiry,
    TopicName,
};

use super::chance::Chance;
use super::ledger::Fault;
use super::link::{Out, Role, Turn};
use super::message;
use super::world::World;

/// How long a publisher rests after it was refused.
const REST: Duration = Duration::from_millis(20);

/// How a publisher publishes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Manner {
    pub(super) name: &'static str,
    pub(super) version: ProtocolVersion,
    pub(super) qos: QoS,
    /// How many it has in flight.
    pub(super) window: usize,
    pub(super) kept: bool,
    pub(super) retain: bool,
    /// Every sixteenth message is so large.
    pub(super) filling: usize,
}

pub(super) struct Publisher {
    manner: Manner,
    number: u16,
    world: Arc<World>,
    chance: Chance,
    packet_id: u16,
    /// The server has accepted a connection that leaves a session behind.
    confirmed: bool,
    in_flight: VecDeque<InFlight>,
    /// It was refused, and rests until then.
    rests_until: Instant,
}

#[derive(Clone, Copy)]
struct InFlight {
    packet_id: PacketId,
    number: u64,
    /// PUBREC came.
    released: bool,
    /// It was sent over an earlier connection too.
    resent: bool,
}

impl Publisher {
    pub(super) fn new(manner: Manner, world: Arc<World>, chance: Chance) -> Self {
        let number = world.ledger().add_publisher(manner.name, manner.qos, false);
        let (in_flight, rests_until) = (VecDeque::new(), Instant::now());
        Self { manner, number, world, chance, packet_id: 0, confirmed: false, in_flight, rests_until }
    }

    /// Its number in the ledger.
    pub(super) fn number(&self) -> u16 {
        self.number
    }

    fn publish(&mut self, out: &mut Out) {
        let number = self.world.ledger().publish(self.number);
        match self.manner.qos {
            QoS::AtMostOnce => self.say(number, Handshake::AtMostOnce, false, out),
            _ => {
                let packet_id = self.free_packet_id();
                self.in_flight.push_back(InFlight { packet_id, number, released: false, resent: false });
                self.say(number, self.handshake(packet_id), false, out);
            }
        }
    }

    fn say(&self, number: u64, handshake: Handshake, dup: bool, out: &mut Out) {
        let topic = message::topic(self.number, number);
        let filling = if number.is_multiple_of(16) { self.manner.filling } else { (number % 100) as usize };
        let payload = message::encode(self.number, number, filling);
        let topic = TopicName::parse(&topic).expect("a topic without wildcards");
        let publish = Publish::new(topic, &payload);
        out.send(&Packet::Publish(Publish { dup, handshake, retain: self.manner.retain, ..publish }));
    }

    fn handshake(&self, packet_id: PacketId) -> Handshake {
        match self.manner.qos {
            QoS::AtMostOnce => Handshake::AtMostOnce,
            QoS::AtLeastOnce => Handshake::AtLeastOnce(packet_id),
            QoS::ExactlyOnce => Handshake::ExactlyOnce(packet_id),
        }
    }

    fn free_packet_id(&mut self) -> PacketId {
        loop {
            self.packet_id = self.packet_id % (self.manner.window as u16 * 2) + 1;
            let packet_id = PacketId::new(self.packet_id).expect("counted from one");
            if self.in_flight.iter().all(|in_flight| in_flight.packet_id != packet_id) {
                return packet_id;
            }
        }
    }

    /// Sends again what has no last word yet, in the order in which it was sent first `[MQTT-4.6.0-1]`.
    fn resend(&mut self, session_present: bool, out: &mut Out) {
        for index in 0..self.in_flight.len() {
            if !session_present {
                // Under a packet id that nobody knows: a new publication of the same number.
                self.in_flight[index].packet_id = self.free_packet_id();
            }
            self.in_flight[index].resent = true;
            let InFlight { packet_id, number, released, .. } = self.in_flight[index];
            match released {
                true => out.send(&Packet::PubRel(Acknowledgement::new(packet_id))),
                false => self.say(number, self.handshake(packet_id), session_present, out),
            }
        }
    }

    /// The first answer to a PUBLISH.
    fn answered(&mut self, packet_id: PacketId, reason: ReasonCode) -> Option<&mut InFlight> {
        let index = self.in_flight.iter().position(|open| open.packet_id == packet_id && !open.released)?;
        let InFlight { number, resent, .. } = self.in_flight[index];
        if reason.is_failure() {
            self.in_flight.remove(index);
            self.rests_until = Instant::now() + REST;
            self.world.ledger().refused(self.number, number, resent);
            return None;
        }
        self.world.ledger().acknowledged(self.number, number);
        self.in_flight.get_mut(index)
    }

    fn done(&mut self, packet_id: PacketId) {
        self.in_flight.retain(|open| open.packet_id != packet_id);
    }
}

impl Role for Publisher {
    fn connect(&mut self) -> Connect<'_> {
        let session_expiry = if self.manner.kept { SessionExpiry::Never } else { SessionExpiry::ENDS_WITH_CONNECTION };
        let connect = Connect::new(self.manner.version, self.manner.name);
        Connect { clean_start: !self.manner.kept, session_expiry, ..connect }
    }

    fn connected(&mut self, session_present: bool, out: &mut Out) {
        if self.confirmed && !session_present {
            self.world.fault(Fault::Lost, &format!("the session of {} is gone", self.manner.name));
        }
        if !session_present {
            self.in_flight.iter_mut().for_each(|open| open.released = false);
        }
        self.confirmed = self.manner.kept;
        self.resend(session_present, out);
    }

    fn on_packet(&mut self, packet: &Packet<'_>, out: &mut Out) {
        match packet {
            Packet::PubAck(ack) => {
                if self.answered(ack.packet_id, ack.reason).is_some() {
                    self.done(ack.packet_id);
                }
            }
            Packet::PubRec(ack) => {
                if let Some(open) = self.answered(ack.packet_id, ack.reason) {
                    open.released = true;
                    out.send(&Packet::PubRel(Acknowledgement::new(ack.packet_id)));
                }
            }
            Packet::PubComp(ack) => self.done(ack.packet_id),
            other => self.world.fault(Fault::Wrong, &format!("{} got {}", self.manner.name, other.name())),
        }
    }

    fn turn(&mut self, out: &mut Out) -> Turn {
        let phase = self.world.phase();
        if !World::is_load(phase) {
            if self.in_flight.is_empty() {
                self.world.ledger().quiet(self.number, phase);
            }
            return Turn::Stay;
        }
        if Instant::now() < self.rests_until {
            return Turn::Stay;
        }
        // Bursts of different lengths, so that commits are cut in different places.
        let burst = self.chance.between(1, 2 + self.manner.window as u64) as usize;
        for _ in 0..burst {
            if self.in_flight.len() >= self.manner.window || !self.world.has_room() {
                break;
            }
            self.publish(out);
        }
        Turn::Stay
    }
}
