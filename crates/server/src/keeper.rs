//! The keeper: one thread that makes the broker's writes durable, all that gathered since the last time in one commit.
//!
//! While a commit is under way the next one gathers, so its size follows the load: one write on an idle plant, thousands
//! on a busy one, and a sync for each commit, not for each message. Writes of one key are folded first; a message that was
//! acknowledged before the disk got to it never touches the disk.
//! Refuses to guess what a failed disk holds: it ends the process, which has acknowledged nothing of the failed commit.
//! Invariant: `durable` is told only after the commit that holds these writes has returned.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use factree_broker::{Broker, Calendar, Key, Kind, Record, Restored, Write};
use factree_store::{Batch, CommitError, ReadError, Space, Store, Table};
use tracing::{error, info, warn};

use crate::hub::Hub;

/// How often an idle keeper looks whether the disk still has room, and a full one whether it has room again.
const LOOK: Duration = Duration::from_millis(500);
/// Commits begin no closer together than that: where a commit is cheap, many small ones cost more than they hurry, and what
/// gathers may yet cancel out. The first after a quiet moment does not wait.
const COMMIT_INTERVAL: Duration = Duration::from_millis(1);
/// The exit code of a process whose disk has failed.
const EXIT_DISK_FAILED: i32 = 4;

/// The running thread. Dropped, it commits what there is, and ends.
pub(crate) struct Keeper {
    thread: Option<JoinHandle<()>>,
    hub: Arc<Hub>,
}

impl Keeper {
    /// Begins to keep what the hub's broker writes.
    ///
    /// # Errors
    /// The machine has no thread to give.
    pub(crate) fn start(hub: Arc<Hub>, store: Store) -> std::io::Result<Self> {
        let keeping = Keeping {
            hub: Arc::clone(&hub),
            store,
            batch: Batch::new(),
            folded: Folded::default(),
            waiting_bytes: 0,
            last_commit: Instant::now(),
        };
        let thread = std::thread::Builder::new().name("keeper".into()).spawn(move || keeping.run())?;
        Ok(Self { thread: Some(thread), hub })
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.hub.disk().stop();
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            error!("the keeper panicked; what it had not committed was not acknowledged");
        }
    }
}

struct Keeping {
    hub: Arc<Hub>,
    store: Store,
    batch: Batch,
    folded: Folded,
    /// Of messages that were taken and are not committed.
    waiting_bytes: usize,
    last_commit: Instant,
}

impl Keeping {
    fn run(mut self) {
        loop {
            let going_on = self.hub.disk().wait_for_work(LOOK);
            std::thread::sleep(COMMIT_INTERVAL.saturating_sub(self.last_commit.elapsed()));
            self.last_commit = Instant::now();
            let taken = self.hub.take_writes();
            self.waiting_bytes += taken.bytes;
            self.folded.take(taken.writes);
            self.folded.spell(&calendar(), &mut self.batch);
            match self.store.commit(&mut self.batch) {
                Ok(()) => {
                    self.folded.writes.clear();
                    self.hub.disk().reached(taken.noted, std::mem::take(&mut self.waiting_bytes));
                    // Near the end of the disk new work is refused, while there is still room to note the end of the old.
                    self.set_full(self.store.space() == Space::Low);
                }
                Err(CommitError::Full) => {
                    self.batch.clear();
                    self.set_full(true);
                }
                Err(CommitError::Fatal(why)) => {
                    error!("the disk failed: {why}; ending the process, which can acknowledge nothing more");
                    std::process::exit(EXIT_DISK_FAILED);
                }
            }
            if !going_on {
                return;
            }
        }
    }

    fn set_full(&self, full: bool) {
        if full == self.hub.disk().is_full() {
            return;
        }
        if full {
            warn!("the disk is full: QoS 1 and 2 publications are refused with Quota Exceeded until there is room");
        } else {
            info!("the disk has room again: QoS 1 and 2 publications are taken");
        }
        self.hub.set_storage_full(full);
    }
}

/// Writes that wait for a commit, the last one of each key.
#[derive(Default)]
struct Folded {
    writes: HashMap<Key, Last>,
}

struct Last {
    /// The disk has never had this key.
    new: bool,
    record: Option<Record>,
}

impl Folded {
    fn take(&mut self, writes: Vec<Write>) {
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

    fn spell(&self, calendar: &Calendar, batch: &mut Batch) {
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
    }
}

/// Takes everything back that was kept, and opens the broker's journal.
///
/// # Errors
/// [`ReadError`]: the machine refuses, or the disk has changed since the store was opened.
pub(crate) fn restore(store: &Store, broker: &mut Broker) -> Result<Restored, ReadError> {
    let calendar = calendar();
    let mut records = Vec::new();
    for kind in Kind::ALL {
        for record in store.read(table(kind)) {
            let record = record?;
            match Record::decode(kind, record.key(), record.value(), &calendar) {
                Ok(read) => records.push(read),
                // Its checksum holds, so another version of this program has written it; it may yet read it.
                Err(unreadable) => warn!("left where it is: {unreadable}"),
            }
        }
    }
    Ok(broker.restore(calendar.instant, records))
}

fn table(kind: Kind) -> Table {
    match kind {
        Kind::Session => Table::Sessions,
        Kind::Subscription => Table::Subscriptions,
        Kind::Message => Table::Messages,
        Kind::Delivery => Table::Deliveries,
        Kind::Received => Table::Received,
        Kind::Will => Table::Wills,
        Kind::Retained => Table::Retained,
    }
}

fn calendar() -> Calendar {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Calendar { instant: Instant::now(), unix_millis: since_epoch.as_millis() as u64 }
}

#[cfg(test)]
mod tests {
    use factree_broker::ClientId;

    use super::*;

    #[test]
    fn the_last_write_of_a_key_counts() {
        let will = |due| Write { key: Key::Will(ClientId::from("a")), record: due };
        let mut folded = Folded::default();
        folded.take(vec![will(Some(Record::Received)), will(None)]);
        let mut batch = Batch::new();
        folded.spell(&calendar(), &mut batch);
        assert_eq!(batch.len(), 1, "the disk may have had it, so its end is written");
    }
}
