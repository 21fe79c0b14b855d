//! Opening what a former process left: the store, and what it says.
//!
//! Everything that was damaged, torn off or does not fit is named in the log, with what became of it. A directory that
//! cannot be read at all is the operator's affair, and nothing is started over it.

use std::path::Path;
use std::{fmt, io};

use factree_broker::{Broker, Calendar, Kind, Record};
use factree_ingest::{Birth, Ingest, Keep, Now};
use factree_store::{CommitError, OpenError, Opened, ReadError, Store, Table};
use tracing::{debug, error, info, warn};

use crate::config::Durability;
use crate::hub::{certify_again, now};
use crate::server::Found;

/// Below the data directory.
const STORE: &str = "store";

/// Why what is on disk cannot be used; reads as a sentence for the operator.
#[derive(Debug)]
pub enum StorageError {
    /// The store does not open.
    Open(OpenError),
    /// It opened, and does not read.
    Read(ReadError),
    /// What must be forgotten cannot be.
    Forget(CommitError),
    /// The machine has no thread for it.
    Thread(io::Error),
}

impl fmt::Display for StorageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Open(error) => error.fmt(f),
            Self::Read(error) => {
                write!(f, "what was kept cannot be read: {error}; starting again sets aside what is damaged")
            }
            Self::Forget(error) => write!(f, "sessions of a damaged store cannot be removed: {error}"),
            Self::Thread(error) => write!(f, "cannot start a thread: {error}"),
        }
    }
}

impl std::error::Error for StorageError {}

/// A store that was opened, and what it has brought back.
pub(crate) struct Restored {
    pub(crate) store: Store,
    pub(crate) found: Found,
    /// Records that nobody will ever want.
    pub(crate) useless: Vec<Keep>,
}

/// Opens the store below the data directory and takes back what it holds, and makes `certificates` of the births among it;
/// no store in `memory`.
pub(crate) fn open(
    data: &Path,
    durability: Durability,
    certificates: bool,
    broker: &mut Broker,
    ingest: &mut Ingest,
) -> Result<Option<Restored>, StorageError> {
    let durability = match durability {
        Durability::Power => factree_store::Durability::Power,
        Durability::Process => factree_store::Durability::Process,
        Durability::Memory => return Ok(None),
    };
    let opening = Store::open(&data.join(STORE), durability, factree_store::Limits::default());
    let (store, opened) = opening.map_err(StorageError::Open)?;
    tell(&opened);
    let restored = restore_broker(&store, broker).map_err(StorageError::Read)?;
    let certify = |birth: &Birth<'_>| {
        if certificates {
            certify_again(broker, birth);
        }
    };
    let (edge_nodes, useless) = restore_tree(&store, ingest, certify).map_err(StorageError::Read)?;
    let found = Found { sessions: restored.sessions, retained: restored.retained, edge_nodes };
    Ok(Some(Restored { store, found, useless }))
}

/// Sessions, what they wait for, retained messages, wills; and opens the broker's journal.
fn restore_broker(store: &Store, broker: &mut Broker) -> Result<factree_broker::Restored, ReadError> {
    let calendar = calendar();
    let mut records = Vec::new();
    for kind in Kind::ALL {
        for record in store.read(table(kind)) {
            let record = record?;
            match Record::decode(kind, record.key(), record.value(), &calendar) {
                Ok(read) => records.push(read),
                // Its seal holds, so another version of this program has written it; it may yet read it.
                Err(unreadable) => warn!("left where it is: {unreadable}"),
            }
        }
    }
    let restored = broker.restore(calendar.instant, records);
    if restored != factree_broker::Restored::default() {
        let factree_broker::Restored { sessions, subscriptions, deliveries, retained, wills, orphans } = restored;
        info!(sessions, subscriptions, deliveries, retained, wills, "sessions and messages are back");
        if orphans > 0 {
            warn!(orphans, "records without the session or message they belong to were dropped");
        }
    }
    Ok(restored)
}

/// Births, then samples and what context documents said; says how many Edge Nodes are back, and which records nobody will ever want. Each birth that the tree
/// took again is handed on.
fn restore_tree(
    store: &Store,
    ingest: &mut Ingest,
    mut certify: impl FnMut(&Birth<'_>),
) -> Result<(usize, Vec<Keep>), ReadError> {
    let (mut births, mut samples, mut rejected) = (0, 0, 0);
    let mut useless = Vec::new();
    for table in [factree_ingest::Table::Births, factree_ingest::Table::Samples, factree_ingest::Table::Contexts] {
        for record in store.read(ingest_table(table)) {
            let record = record?;
            match ingest.restore(now(), table, record.key(), record.value()) {
                Ok(restored) => {
                    // What a birth says itself is there again in most records of samples, and would be counted twice.
                    if table == factree_ingest::Table::Samples {
                        samples += restored.samples;
                    }
                    if table == factree_ingest::Table::Births {
                        births += 1;
                        certify(&Birth::read(record.key(), record.value()).expect("it was read just now"));
                    }
                }
                Err(error) => {
                    rejected += 1;
                    let key = String::from_utf8_lossy(record.key());
                    debug!(?key, "a record of the tree was rejected: {error}");
                    if !error.may_fit_later() {
                        useless.push(Keep::Remove(table, record.key().into()));
                    }
                }
            }
        }
    }
    if births + samples > 0 {
        info!(births, samples, "the tree is back, Stale until its sources speak");
    }
    if rejected > 0 {
        warn!(rejected, removed = useless.len(), "records of the tree fit nothing any more; RUST_LOG=debug names them");
    }
    Ok((ingest.census().restored as usize, useless))
}

/// The table of a kind of the broker's records.
pub(crate) fn table(kind: Kind) -> Table {
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

/// The table of a kind of the tree's records.
pub(crate) fn ingest_table(table: factree_ingest::Table) -> Table {
    match table {
        factree_ingest::Table::Births => Table::Births,
        factree_ingest::Table::Samples => Table::Samples,
        factree_ingest::Table::Contexts => Table::Contexts,
    }
}

/// Both clocks, now.
pub(crate) fn calendar() -> Calendar {
    let Now { instant, wall } = now();
    Calendar { instant, unix_millis: wall.0 }
}

/// Names what opening a store found.
pub(crate) fn tell(opened: &Opened) {
    if opened.torn_bytes > 0 {
        info!(bytes = opened.torn_bytes, "cut off what was being written when the last process ended");
    }
    for damage in &opened.mended {
        warn!("mended from its copy: {} {}", damage.file, damage.what);
    }
    if let Some(damaged) = &opened.damaged {
        let (kept, dropped) = (damaged.kept, damaged.dropped);
        error!(
            set_aside = %damaged.set_aside.display(),
            kept,
            dropped,
            "the store was damaged; the files were set aside, and what could be trusted was carried over"
        );
        for damage in &damaged.damages {
            error!("damaged: {} {}", damage.file, damage.what);
        }
    }
}
