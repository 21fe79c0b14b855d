//! A simulated disk: what is durable survives the broker, what is not is gone.
//!
//! Writes are committed in groups: one sync at a time, each with what had gathered, all of a group or nothing. Records are
//! kept as bytes, spelled and read back with the broker's own codec. With each group goes a copy of the ledger, so that after
//! a crash the ledger knows what the broker can know.
//! Invariant: `durable` writes, `records` and `ledger` belong to one instant.

use std::collections::BTreeMap;
use std::time::Instant;

use factree_broker::{Broker, Calendar, Key, Kind, Record, Write};

use crate::ledger::Ledger;

#[derive(Default)]
pub(crate) struct Store {
    /// How many of the broker's writes are durable.
    pub(crate) durable: u64,
    /// What the broker owed then.
    pub(crate) ledger: Ledger,
    records: BTreeMap<(Kind, Vec<u8>), Vec<u8>>,
    /// The group that is being synced.
    syncing: Option<Group>,
    /// A fault: records of this kind are not kept.
    forgets: Option<Kind>,
}

struct Group {
    made: u64,
    writes: Vec<Write>,
    ledger: Ledger,
}

impl Store {
    pub(crate) fn new(forgets: Option<Kind>) -> Self {
        Store { forgets, ..Store::default() }
    }

    /// Begins to sync what has gathered; says whether there is anything.
    pub(crate) fn begin(&mut self, broker: &mut Broker, ledger: &Ledger) -> bool {
        if self.syncing.is_some() || broker.writes_made() == self.durable {
            return false;
        }
        let mut writes = Vec::new();
        let made = broker.take_writes(&mut writes);
        self.syncing = Some(Group { made, writes, ledger: ledger.clone() });
        true
    }

    /// The sync has come back.
    pub(crate) fn synced(&mut self, calendar: &Calendar) {
        let Some(Group { made, writes, ledger }) = self.syncing.take() else { return };
        for Write { key, record } in writes {
            if self.forgets(key.kind()) {
                continue;
            }
            let mut spelled = Vec::new();
            key.encode(&mut spelled);
            let place = (key.kind(), spelled);
            match record {
                Some(record) => {
                    let mut bytes = Vec::new();
                    record.encode(calendar, &mut bytes);
                    self.records.insert(place, bytes);
                }
                None => drop(self.records.remove(&place)),
            }
        }
        (self.durable, self.ledger) = (made, ledger);
    }

    /// Messages go with the deliveries that wait with them.
    fn forgets(&self, kind: Kind) -> bool {
        self.forgets == Some(kind) || self.forgets == Some(Kind::Delivery) && kind == Kind::Message
    }

    /// The process is gone, and with it the sync; what is there for the next.
    pub(crate) fn crash(&mut self, calendar: &Calendar) -> Vec<(Key, Record)> {
        self.syncing = None;
        self.durable = 0;
        let read = |((kind, key), value): (&(Kind, Vec<u8>), &Vec<u8>)| Record::decode(*kind, key, value, calendar);
        self.records.iter().map(|record| read(record).expect("what was spelled can be read")).collect()
    }
}

/// The wall clock of the virtual world: whole milliseconds, so that no instant is rounded on its way to the disk.
pub(crate) fn calendar(began: Instant, now: Instant) -> Calendar {
    Calendar { instant: now, unix_millis: 1_700_000_000_000 + (now - began).as_millis() as u64 }
}
