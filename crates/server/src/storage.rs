//! Opening what a former process left: the store, and what it says.
//!
//! Everything that was damaged, torn off or does not fit is named in the log, with what became of it. A directory that
//! cannot be read at all is the operator's affair, and nothing is started over it.

use std::path::Path;
use std::{fmt, io};

use factree_broker::{Broker, Restored};
use factree_store::{OpenError, Opened, ReadError, Store};
use tracing::{error, info, warn};

use crate::config::Durability;
use crate::keeper;
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
            Self::Thread(error) => write!(f, "cannot start the thread that writes to disk: {error}"),
        }
    }
}

impl std::error::Error for StorageError {}

/// Opens the store below the data directory and takes back what it holds; no store in `memory`.
pub(crate) fn open(
    data: &Path,
    durability: Durability,
    broker: &mut Broker,
) -> Result<(Option<Store>, Found), StorageError> {
    let durability = match durability {
        Durability::Power => factree_store::Durability::Power,
        Durability::Process => factree_store::Durability::Process,
        Durability::Memory => return Ok((None, Found::default())),
    };
    let opening = Store::open(&data.join(STORE), durability, factree_store::Limits::default());
    let (store, opened) = opening.map_err(StorageError::Open)?;
    tell(&opened);
    let restored = keeper::restore(&store, broker).map_err(StorageError::Read)?;
    if restored != Restored::default() {
        let Restored { sessions, subscriptions, deliveries, retained, wills, orphans } = restored;
        info!(sessions, subscriptions, deliveries, retained, wills, "went on from what was on disk");
        if orphans > 0 {
            warn!(orphans, "records without the session or message they belong to were dropped");
        }
    }
    Ok((Some(store), Found { sessions: restored.sessions, retained: restored.retained }))
}

fn tell(opened: &Opened) {
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
