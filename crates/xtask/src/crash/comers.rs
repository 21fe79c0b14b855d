//! Sessions that begin and end: what was kept must be there, what was ended must not come back.
//!
//! A handful of client ids in turn, each connection a beginning (keep the session) or an end (discard it and leave
//! nothing). The CONNACK makes either final; a connection that the server did not survive may have done it or not.

use std::sync::Arc;

use factree_mqtt::{Connect, Packet, ProtocolVersion, SessionExpiry};

use super::chance::Chance;
use super::ledger::Fault;
use super::link::{Out, Role, Turn};
use super::world::World;

const NAMES: [&str; 4] = ["comer-0", "comer-1", "comer-2", "comer-3"];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Known {
    Kept,
    Ended,
    Either,
}

pub(super) struct Comers {
    world: Arc<World>,
    chance: Chance,
    sessions: [Known; NAMES.len()],
    /// Who is connecting, and whether to keep the session.
    now: usize,
    keep: bool,
    /// What was known before this connection asked for something else.
    before: Known,
}

impl Comers {
    pub(super) fn new(world: Arc<World>, chance: Chance) -> Self {
        let sessions = [Known::Ended; NAMES.len()];
        Self { world, chance, sessions, now: 0, keep: true, before: Known::Ended }
    }
}

impl Role for Comers {
    fn wants_in(&mut self) -> bool {
        World::is_load(self.world.phase())
    }

    fn connect(&mut self) -> Connect<'_> {
        self.now = self.chance.between(0, NAMES.len() as u64) as usize;
        self.keep = !self.chance.once_in(3);
        self.before = std::mem::replace(&mut self.sessions[self.now], Known::Either);
        if self.keep && self.before == Known::Kept {
            self.sessions[self.now] = Known::Kept;
        }
        let version = if self.now.is_multiple_of(2) { ProtocolVersion::V5 } else { ProtocolVersion::V311 };
        let session_expiry = if self.keep { SessionExpiry::Never } else { SessionExpiry::ENDS_WITH_CONNECTION };
        Connect { clean_start: !self.keep, session_expiry, ..Connect::new(version, NAMES[self.now]) }
    }

    fn connected(&mut self, session_present: bool, _out: &mut Out) {
        let name = NAMES[self.now];
        match (self.keep, self.before, session_present) {
            (true, Known::Kept, false) => self.world.fault(Fault::Lost, &format!("the session of {name} is gone")),
            (true, Known::Ended, true) => {
                self.world.fault(Fault::Wrong, &format!("the session of {name}, which had ended, is back"));
            }
            (false, _, true) => self.world.fault(Fault::Wrong, &format!("{name} began anew and found a session")),
            _ => {}
        }
        self.sessions[self.now] = if self.keep { Known::Kept } else { Known::Ended };
    }

    fn on_packet(&mut self, _packet: &Packet<'_>, _out: &mut Out) {}

    fn turn(&mut self, _out: &mut Out) -> Turn {
        if self.chance.once_in(2) { Turn::Drop } else { Turn::Leave }
    }
}
