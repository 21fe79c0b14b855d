//! A client with a will: each connection leaves a new one, which must be published once the connection is lost.
//!
//! The CONNACK is the acknowledgement of the will; dying is what publishes it, be it the client's death or the
//! server's. When all is to become quiet it dies once more and stays dead.

use std::sync::Arc;
use std::time::{Duration, Instant};

use factree_mqtt::{Connect, MessageProperties, Packet, ProtocolVersion, QoS, SessionExpiry, TopicName, WillMessage};

use super::chance::Chance;
use super::ledger::Fault;
use super::link::{Out, Role, Turn};
use super::message;
use super::world::World;

pub(super) struct Mortal {
    name: &'static str,
    version: ProtocolVersion,
    qos: QoS,
    publisher: u16,
    topic: String,
    world: Arc<World>,
    chance: Chance,
    /// The will of this connection, and whether the server has it.
    will: Option<Will>,
    until: Instant,
}

struct Will {
    number: u64,
    payload: Vec<u8>,
    left: bool,
}

impl Mortal {
    pub(super) fn new(
        name: &'static str,
        version: ProtocolVersion,
        qos: QoS,
        world: Arc<World>,
        chance: Chance,
    ) -> Self {
        let publisher = world.ledger().add_publisher(name, qos, true);
        let topic = message::will_topic(publisher);
        Self { name, version, qos, publisher, topic, world, chance, will: None, until: Instant::now() }
    }
}

impl Role for Mortal {
    fn wants_in(&mut self) -> bool {
        let phase = self.world.phase();
        if !World::is_load(phase) {
            self.world.ledger().quiet(self.publisher, phase);
        }
        World::is_load(phase) && Instant::now() >= self.until
    }

    fn connect(&mut self) -> Connect<'_> {
        let number = self.world.ledger().publish(self.publisher);
        let payload = message::encode(self.publisher, number, 10);
        let will = self.will.insert(Will { number, payload, left: false });
        let will = WillMessage {
            topic: TopicName::parse(&self.topic).expect("a topic without wildcards"),
            payload: &will.payload,
            qos: self.qos,
            retain: false,
            delay: Duration::ZERO,
            properties: MessageProperties::default(),
        };
        let kept = self.version == ProtocolVersion::V5;
        let session_expiry = if kept { SessionExpiry::Never } else { SessionExpiry::ENDS_WITH_CONNECTION };
        let connect = Connect::new(self.version, self.name);
        Connect { clean_start: !kept, session_expiry, will: Some(will), ..connect }
    }

    fn connected(&mut self, _session_present: bool, _out: &mut Out) {
        if let Some(will) = &mut self.will {
            will.left = true;
        }
        self.until = Instant::now() + Duration::from_millis(self.chance.between(1, 120));
    }

    fn on_packet(&mut self, packet: &Packet<'_>, _out: &mut Out) {
        self.world.fault(Fault::Wrong, &format!("{} got {}", self.name, packet.name()));
    }

    fn turn(&mut self, _out: &mut Out) -> Turn {
        if World::is_load(self.world.phase()) && Instant::now() < self.until {
            return Turn::Stay;
        }
        if World::is_load(self.world.phase()) && self.chance.once_in(4) {
            // A DISCONNECT takes the will back, if it arrives.
            self.will = None;
            return Turn::Leave;
        }
        Turn::Drop
    }

    fn ended(&mut self) {
        if let Some(will) = self.will.take().filter(|will| will.left) {
            self.world.ledger().acknowledged(self.publisher, will.number);
        }
        self.until = Instant::now() + Duration::from_millis(self.chance.between(1, 40));
    }
}
