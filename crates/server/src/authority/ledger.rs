//! The ledger: users, roles, keys and sessions on disk.
//!
//! A store of its own below the data directory, synced for each command whatever `[data] durability` says: a plant may be
//! content to lose its messages in a power cut, but not that somebody was locked out. What cannot be read is named in the
//! log and lets nobody in. Sessions that were in a damaged store are forgotten, since one that was ended may be among them.
//! Invariant: what [`Ledger::keep`] returned `Ok` for is there after any restart, whole.

use std::fs::DirBuilder;
use std::io;
use std::path::Path;

use factree_auth::Directory;
use factree_auth::directory::{Change, Put};
use factree_store::{Batch, CommitError, Durability, Limits, OpenError, Store, Table};
use tracing::{error, info};

use super::CommandError;
use crate::storage::{StorageError, tell};

/// Below the data directory.
const DIRECTORY: &str = "access";
/// It is small and read once.
const LIMITS: Limits = Limits {
    reserve_bytes: 4 << 20,
    floor_bytes: 2 << 20,
    memtable_bytes: 1 << 20,
    cache_bytes: 1 << 20,
    open_files_max: 16,
};

/// The directory's records.
pub(crate) struct Ledger {
    store: Store,
    batch: Batch,
}

impl Ledger {
    /// Opens the ledger in a data directory, which the caller holds, and puts what it says into the directory.
    pub(crate) fn open(data: &Path, directory: &mut Directory) -> Result<Self, StorageError> {
        let path = data.join(DIRECTORY);
        make_private(&path).map_err(|error| StorageError::Open(OpenError::Io { path: path.clone(), error }))?;
        let opening = Store::open(&path, Durability::Power, LIMITS);
        let (mut store, opened) = opening.map_err(StorageError::Open)?;
        tell(&opened);
        if opened.damaged.is_some() {
            error!(
                "the store of users was damaged: look through them and their keys, one that was removed may be back; and \
                 through the names that are shut out, one may be gone"
            );
            forget_sessions(&mut store)?;
        }
        let (mut records, mut unreadable) = (0, 0);
        for record in store.read(Table::Access) {
            let restored = match record {
                Ok(record) => directory.restore(record.key(), record.value()).map_err(|error| error.to_string()),
                Err(error) => Err(error.to_string()),
            };
            match restored {
                Ok(()) => records += 1,
                Err(why) => {
                    unreadable += 1;
                    error!("{why}; whoever is in it is not let in");
                }
            }
        }
        info!(records, unreadable, "users, roles, keys and sessions are back");
        Ok(Self { store, batch: Batch::new() })
    }

    /// Makes a change durable.
    ///
    /// # Errors
    /// [`CommandError`]; nothing of it is kept.
    pub(crate) fn keep(&mut self, change: &Change) -> Result<(), CommandError> {
        for put in change.puts() {
            match put {
                Put::Keep(key, value) => self.batch.put(Table::Access, &key, &value),
                Put::Remove(key) => self.batch.remove(Table::Access, &key),
            }
        }
        let kept = self.store.commit(&mut self.batch);
        self.batch.clear();
        kept.map_err(|error| match error {
            CommitError::Full => CommandError::Full,
            CommitError::Fatal(why) => CommandError::Failed(why),
        })
    }
}

/// Hashes of passwords are for nobody else on this machine.
fn make_private(path: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    match builder.create(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        made => made,
    }
}

fn forget_sessions(store: &mut Store) -> Result<(), StorageError> {
    let mut batch = Batch::new();
    for record in store.prefix(Table::Access, b"session/") {
        batch.remove(Table::Access, record.map_err(StorageError::Read)?.key());
    }
    store.commit(&mut batch).map_err(StorageError::Forget)
}
