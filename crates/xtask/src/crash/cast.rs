//! Who takes part: each client a thread of its own.

use std::sync::Arc;
use std::thread::JoinHandle;

use factree_mqtt::ProtocolVersion::{V5, V311};
use factree_mqtt::QoS::{AtLeastOnce, AtMostOnce, ExactlyOnce};

use super::auditor::Auditor;
use super::chance::Chance;
use super::comers::Comers;
use super::link::{self, Role};
use super::mortal::Mortal;
use super::publisher::{self, Publisher};
use super::subscriber::{self, Subscriber, Temper};
use super::world::World;

/// A publisher is like this where it does not say otherwise.
const PUBLISHER: publisher::Manner =
    publisher::Manner { name: "", version: V5, qos: AtLeastOnce, window: 1, kept: true, retain: false, filling: 0 };

/// And a subscriber like this.
const SUBSCRIBER: subscriber::Manner = subscriber::Manner {
    name: "",
    version: V5,
    qos: ExactlyOnce,
    temper: Temper::Steady,
    receive_maximum: 100,
    filters: ALL,
};

const PUBLISHERS: &[publisher::Manner] = &[
    publisher::Manner { name: "one by one, QoS 1", version: V311, ..PUBLISHER },
    publisher::Manner { name: "fifty, QoS 1", window: 50, filling: 4_000, ..PUBLISHER },
    publisher::Manner { name: "fifty, QoS 2", version: V311, qos: ExactlyOnce, window: 50, ..PUBLISHER },
    publisher::Manner { name: "one by one, QoS 2", qos: ExactlyOnce, ..PUBLISHER },
    publisher::Manner { name: "large, QoS 2", qos: ExactlyOnce, window: 20, filling: 20_000, ..PUBLISHER },
    publisher::Manner { name: "forgetful, QoS 1", version: V311, window: 20, kept: false, ..PUBLISHER },
    publisher::Manner { name: "QoS 0", qos: AtMostOnce, kept: false, ..PUBLISHER },
];

const RETAINING: publisher::Manner =
    publisher::Manner { name: "retained, QoS 1", window: 50, retain: true, filling: 2_000, ..PUBLISHER };

const ALL: &[&str] = &["load/#", "will/#"];

const SUBSCRIBERS: &[subscriber::Manner] = &[
    subscriber::Manner { name: "there, QoS 1", version: V311, qos: AtLeastOnce, ..SUBSCRIBER },
    subscriber::Manner { name: "there, QoS 2", ..SUBSCRIBER },
    subscriber::Manner { name: "away, QoS 2", temper: Temper::Away, receive_maximum: 10, ..SUBSCRIBER },
    subscriber::Manner { name: "away, QoS 2 (3.1.1)", version: V311, temper: Temper::Away, ..SUBSCRIBER },
    subscriber::Manner { name: "slow, QoS 2", temper: Temper::Slow, receive_maximum: 20, ..SUBSCRIBER },
    subscriber::Manner { name: "slow, QoS 1", version: V311, qos: AtLeastOnce, temper: Temper::Slow, ..SUBSCRIBER },
];

const SHARED: &[&str] = &["$share/group/load/#"];

const GROUP: &[subscriber::Manner] = &[
    subscriber::Manner { name: "group, there", receive_maximum: 20, filters: SHARED, ..SUBSCRIBER },
    subscriber::Manner {
        name: "group, away",
        temper: Temper::Away,
        receive_maximum: 20,
        filters: SHARED,
        ..SUBSCRIBER
    },
];

const WATCHER: subscriber::Manner =
    subscriber::Manner { name: "watcher", qos: AtLeastOnce, temper: Temper::Watcher, ..SUBSCRIBER };

/// The clients that were let loose.
pub(super) struct Cast {
    threads: Vec<JoinHandle<()>>,
    /// The publisher whose messages are retained.
    pub(super) retaining: u16,
}

impl Cast {
    pub(super) fn begin(world: &Arc<World>, chance: &mut Chance) -> Self {
        let mut roles: Vec<Box<dyn Role + Send>> = Vec::new();
        for manner in PUBLISHERS {
            roles.push(Box::new(Publisher::new(*manner, Arc::clone(world), chance.fork())));
        }
        let retaining = Publisher::new(RETAINING, Arc::clone(world), chance.fork());
        let retaining_number = retaining.number();
        roles.push(Box::new(retaining));
        for (name, version, qos) in [("mortal, QoS 1", V311, AtLeastOnce), ("mortal, QoS 2", V5, ExactlyOnce)] {
            roles.push(Box::new(Mortal::new(name, version, qos, Arc::clone(world), chance.fork())));
        }
        let mut subscribe = |manner, number| {
            roles.push(Box::new(Subscriber::new(manner, number, Arc::clone(world), chance.fork())));
        };
        for manner in SUBSCRIBERS {
            let number = world.ledger().add_subscriber(manner.name, manner.qos, false);
            subscribe(*manner, Some(number));
        }
        let group = world.ledger().add_subscriber("group", ExactlyOnce, true);
        GROUP.iter().for_each(|manner| subscribe(*manner, Some(group)));
        subscribe(WATCHER, None);
        roles.push(Box::new(Auditor::new(Arc::clone(world), chance.fork())));
        roles.push(Box::new(Comers::new(Arc::clone(world), chance.fork())));
        let threads = roles.into_iter().map(|mut role| {
            let world = Arc::clone(world);
            std::thread::spawn(move || link::live(&mut *role, &world))
        });
        Self { threads: threads.collect(), retaining: retaining_number }
    }

    /// How many SUBACKs are to come before load may begin.
    pub(super) fn subscribers(&self) -> u64 {
        (SUBSCRIBERS.len() + GROUP.len() + 1) as u64
    }

    /// Waits for all of them; the world is over.
    pub(super) fn end(self) {
        self.threads.into_iter().for_each(|thread| thread.join().expect("a client of the harness panicked"));
    }
}
