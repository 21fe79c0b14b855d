//! The plan of a life: who takes part, what may go wrong, how fast time goes. Drawn from the seed before anything happens.

use std::num::NonZeroU16;
use std::time::Duration;

use factree_broker::Limits;
use factree_mqtt::{ProtocolVersion, SessionExpiry};

use crate::chance::Chance;
use crate::client::Profile;

#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) clients: usize,
    /// How many things clients do before all must come to rest.
    pub(crate) acts: usize,
    /// Clients present themselves differently each time.
    pub(crate) shifty: bool,
    /// Queues are small enough to be full.
    pub(crate) tight: bool,
    /// There are shared subscriptions.
    pub(crate) shares: bool,
    /// How probable it is that a link does not hold.
    pub(crate) trouble: f64,
    /// The usual pause between two acts of a client, at most.
    pub(crate) pace: Duration,
    /// How probable it is that an act finds the broker killed; zero: there is no disk either.
    pub(crate) kills: f64,
    /// How long a sync takes at most.
    pub(crate) sync: Duration,
    pub(crate) limits: Limits,
}

impl Plan {
    pub(crate) fn draw(chance: &mut Chance) -> Self {
        let tight = chance.happens(0.2);
        let small = |chance: &mut Chance| NonZeroU16::new(1 + chance.below(5) as u16).expect("at least one");
        Plan {
            clients: 2 + chance.below(4),
            acts: 40 + chance.below(120),
            shifty: chance.happens(0.25),
            tight,
            shares: chance.happens(0.4),
            trouble: chance.pick(&[0.0, 0.3, 0.6, 0.9]),
            pace: chance.pick(&[Duration::from_millis(200), Duration::from_secs(60), Duration::from_secs(6 * 3600)]),
            kills: if chance.happens(0.4) { 0.05 } else { 0.0 },
            sync: chance.pick(&[Duration::ZERO, Duration::from_millis(30), Duration::from_millis(400)]),
            limits: Limits {
                queue_len_max: if tight { 2 + chance.below(6) } else { Limits::DEFAULT.queue_len_max },
                in_flight_max: if chance.happens(0.3) { small(chance) } else { Limits::DEFAULT.in_flight_max },
                receive_maximum: if chance.happens(0.3) { small(chance) } else { Limits::DEFAULT.receive_maximum },
                // With one place there is one alias whatever a topic's hash, which differs from process to process.
                topic_alias_maximum: 1,
                ..Limits::DEFAULT
            },
        }
    }

    pub(crate) fn profile(&self, chance: &mut Chance) -> Profile {
        let v5 = chance.happens(0.6);
        let keep_alive = [Duration::ZERO, Duration::from_secs(60).max(self.pace / 4)];
        Profile {
            version: if v5 { ProtocolVersion::V5 } else { ProtocolVersion::V311 },
            session_expiry: match chance.below(4) {
                0 => SessionExpiry::ENDS_WITH_CONNECTION,
                1 => SessionExpiry::After(self.seconds(2)),
                2 => SessionExpiry::After(self.seconds(20)),
                _ => SessionExpiry::Never,
            },
            receive_maximum: if v5 && chance.happens(0.5) { 1 + chance.below(4) as u16 } else { u16::MAX },
            maximum_packet_size: (v5 && chance.happens(0.3)).then(|| 90 + chance.below(120) as u32),
            topic_alias_maximum: u16::from(v5 && chance.happens(0.5)),
            keep_alive: chance.pick(&keep_alive),
        }
    }

    /// So many paces in whole seconds, at least one.
    pub(crate) fn seconds(&self, paces: u32) -> Duration {
        Duration::from_secs((self.pace * paces).as_secs().max(1))
    }
}
