//! What waits for a commit: the last word on each key.
//!
//! Writes of one key replace each other. One that the disk has never had, and that is gone before a commit, leaves nothing to
//! be written at all: this is what keeps the messages of a brisk plant off the disk.
//! Invariant: committing what is here leaves the disk as if each write had been committed in its turn.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use factree_broker::{Calendar, Key, Record, Write};
use factree_ingest::Keep;
use factree_store::{Batch, Table};

use crate::storage::{ingest_table, table};

#[derive(Default)]
pub(crate) struct Folded {
    writes: HashMap<Key, Last>,
    /// Values by table and key; `None`: to be removed.
    kept: HashMap<(Table, Bytes), Option<Bytes>>,
}

type Bytes = Box<[u8]>;

struct Last {
    /// The disk has never had this key.
    new: bool,
    record: Option<Record>,
}

impl Folded {
    /// The broker's writes.
    pub(crate) fn write(&mut self, writes: Vec<Write>) {
        for write in writes {
            let new = write.is_new();
            match self.writes.entry(write.key) {
                Entry::Vacant(vacant) => {
                    vacant.insert(Last { new, record: write.record });
                }
                Entry::Occupied(occupied) if write.record.is_none() && occupied.get().new => {
                    occupied.remove();
                }
                Entry::Occupied(mut occupied) => occupied.get_mut().record = write.record,
            }
        }
    }

    /// The tree's records.
    pub(crate) fn keep(&mut self, kept: impl IntoIterator<Item = Keep>) {
        for keep in kept {
            let (table, key, value) = match keep {
                Keep::Put(table, record) => (table, record.key, Some(record.value)),
                Keep::Remove(table, key) => (table, key, None),
            };
            self.kept.insert((ingest_table(table), key), value);
        }
    }

    /// Everything, as bytes.
    pub(crate) fn spell(&self, calendar: &Calendar, batch: &mut Batch) {
        let (mut key_bytes, mut value_bytes) = (Vec::new(), Vec::new());
        for (key, last) in &self.writes {
            key_bytes.clear();
            key.encode(&mut key_bytes);
            match &last.record {
                Some(record) => {
                    value_bytes.clear();
                    record.encode(calendar, &mut value_bytes);
                    batch.put(table(key.kind()), &key_bytes, &value_bytes);
                }
                None => batch.remove(table(key.kind()), &key_bytes),
            }
        }
        for ((table, key), value) in &self.kept {
            match value {
                Some(value) => batch.put(*table, key, value),
                None => batch.remove(*table, key),
            }
        }
    }

    /// It is committed.
    pub(crate) fn clear(&mut self) {
        self.writes.clear();
        self.kept.clear();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use factree_broker::{Broker, Input, Limits, Outputs};
    use factree_mqtt::{
        Acknowledgement, Connect, Handshake, Packet, PacketId, ProtocolVersion, Publish, QoS, SessionExpiry, Subscribe,
        SubscribeRequest, TopicName,
    };

    use super::*;

    /// What a broker with one kept subscriber would have written after each step.
    #[test]
    fn what_came_and_went_between_two_commits_leaves_no_trace() {
        let (now, mut broker, mut out) = (Instant::now(), Broker::new(Limits::default()), Outputs::default());
        broker.restore(now, []);
        let connection = factree_broker::ConnectionId(1);
        let connect =
            Connect { session_expiry: SessionExpiry::Never, ..Connect::new(ProtocolVersion::V5, "historian") };
        broker.handle(
            now,
            Input::Connect { connection, connect: &connect, holder: factree_broker::Holder::unrestricted() },
            &mut out,
        );
        let id = PacketId::new(1).unwrap();
        let requests = [SubscribeRequest::new("#", QoS::AtLeastOnce)];
        let subscribe = Packet::Subscribe(Subscribe::new(id, &requests[..]));
        broker.handle(now, Input::Packet { connection, packet: &subscribe }, &mut out);
        let publish = Publish {
            handshake: Handshake::AtLeastOnce(id),
            ..Publish::new(TopicName::parse("Acme/Count").unwrap(), b"1")
        };
        let puback = Packet::PubAck(Acknowledgement::new(id));
        let mut folded = Folded::default();
        let mut fold = |broker: &mut Broker, commit: bool| {
            let (mut writes, mut batch) = (Vec::new(), Batch::new());
            broker.take_writes(&mut writes);
            folded.write(writes);
            folded.spell(&crate::storage::calendar(), &mut batch);
            if commit {
                folded.clear();
            }
            batch.len()
        };
        assert_eq!(fold(&mut broker, true), 2, "the session and its subscription");
        broker.handle(now, Input::Publish { publication: &publish }, &mut out);
        assert_eq!(fold(&mut broker, false), 2, "the message and its delivery");
        let _: factree_broker::More = broker.take_deliveries(now, connection, 1000, &mut Vec::new());
        assert_eq!(fold(&mut broker, false), 2, "the same, sent");
        broker.handle(now, Input::Packet { connection, packet: &puback }, &mut out);
        assert_eq!(fold(&mut broker, true), 0, "nothing is owed");

        broker.handle(now, Input::Publish { publication: &publish }, &mut out);
        assert_eq!(fold(&mut broker, true), 2);
        let _: factree_broker::More = broker.take_deliveries(now, connection, 1000, &mut Vec::new());
        let puback = Packet::PubAck(Acknowledgement::new(PacketId::new(2).unwrap()));
        broker.handle(now, Input::Packet { connection, packet: &puback }, &mut out);
        assert_eq!(fold(&mut broker, true), 2, "what was committed is taken back");
    }
}
