//! The engine: fjall behind the few calls the store makes, with its settings and what its errors mean to us.
//!
//! One journal takes every batch and is synced once per commit; the tables catch up in the background on one thread.
//! Knows nothing of damage beyond naming it, and nothing of what to do when the disk is full.
//! Invariant: a batch reaches the tables only after the journal has it as durably as asked for.

use std::io;
use std::panic::AssertUnwindSafe;
use std::path::Path;
use std::time::Duration;

use fjall::config::FilterPolicy;
use fjall::{
    AbstractTree, Database, Keyspace, KeyspaceCreateOptions, LsmError, OwnedWriteBatch, PersistMode, Readable,
};

use crate::batch::Batch;
use crate::limits::{Durability, Limits};
use crate::seal::Sealer;
use crate::table::Table;

/// The engine rotates and deletes its journals once they pass this; 64 MiB is the least it accepts.
const JOURNALS_BYTES: u64 = 64 << 20;
/// How long to wait before looking again whether the background thread has caught up.
const CATCH_UP: Duration = Duration::from_millis(2);

pub(crate) struct Engine {
    database: Database,
    keyspaces: Vec<Keyspace>,
}

/// What the engine's refusal means.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The disk has no room.
    Full,
    /// The machine refuses: permissions, a broken disk.
    Io(io::Error),
    /// The files are not what was written.
    Damaged(String),
    /// A write or a sync failed earlier, perhaps in the background; the engine takes nothing more.
    Poisoned,
}

impl Engine {
    /// Opens the engine's files in `path`, or makes new ones, and all tables that are missing.
    pub(crate) fn open(path: &Path, limits: &Limits) -> Result<Self, Failure> {
        // Damaged settings make the engine panic ("should exist"); that is damage like any other.
        std::panic::catch_unwind(AssertUnwindSafe(|| Self::open_unguarded(path, limits)))
            .unwrap_or_else(|_| Err(Failure::Damaged("the engine cannot make sense of its own files".to_owned())))
    }

    fn open_unguarded(path: &Path, limits: &Limits) -> Result<Self, Failure> {
        let database = Database::builder(path)
            .cache_size(limits.cache_bytes)
            .max_cached_files(Some(limits.open_files_max))
            .max_journaling_size(JOURNALS_BYTES)
            .manual_journal_persist(true)
            .worker_threads(1)
            .open()
            .map_err(Failure::from)?;
        let mut keyspaces = Vec::with_capacity(Table::ALL.len());
        for table in Table::ALL {
            let keyspace = database.keyspace(table.name(), || settings(limits)).map_err(Failure::from)?;
            if keyspace.id() != table.keyspace_id() {
                return Err(Failure::Damaged(format!("table {} stands at number {}", table.name(), keyspace.id())));
            }
            keyspaces.push(keyspace);
        }
        Ok(Self { database, keyspaces })
    }

    /// Stores the batch; when it returns, the batch is as durable as `durability` says.
    pub(crate) fn commit(&self, batch: &Batch, sealer: &mut Sealer, durability: Durability) -> Result<(), Failure> {
        self.catch_up(batch)?;
        let mut writes = OwnedWriteBatch::with_capacity(self.database.clone(), batch.len());
        for (table, key, value) in batch.writes() {
            match value {
                Some(value) => writes.insert(self.keyspace(table), key, sealer.seal(table, key, value)),
                None => writes.remove(self.keyspace(table), key),
            }
        }
        let mode = match durability {
            Durability::Power => PersistMode::SyncData,
            Durability::Process => PersistMode::Buffer,
        };
        writes.durability(Some(mode)).commit().map_err(Failure::from)
    }

    /// The engine slows writers down by sleeping inside `commit` until its background thread has caught up, and would
    /// sleep for ever if that thread has died. So we wait out here, where a dead thread is noticed.
    fn catch_up(&self, batch: &Batch) -> Result<(), Failure> {
        let mut touched = [false; Table::ALL.len()];
        batch.writes().for_each(|(table, ..)| touched[table as usize] = true);
        loop {
            // Nothing is buffered between commits, so this only asks whether the engine still takes writes.
            self.database.persist(PersistMode::Buffer).map_err(Failure::from)?;
            let behind = self.keyspaces.iter().zip(touched).any(|(keyspace, touched)| {
                touched && (keyspace.tree.sealed_memtable_count() >= 3 || keyspace.tree.l0_run_count() >= 19)
            });
            if !behind {
                return Ok(());
            }
            std::thread::sleep(CATCH_UP);
        }
    }

    /// Makes everything committed so far outlast a power cut.
    pub(crate) fn sync(&self) -> Result<(), Failure> {
        self.database.persist(PersistMode::SyncAll).map_err(Failure::from)
    }

    /// The number the next batch will carry in the journal; no batch so far has one as high.
    pub(crate) fn next_number(&self) -> u64 {
        self.database.seqno()
    }

    pub(crate) fn keyspace(&self, table: Table) -> &Keyspace {
        &self.keyspaces[table as usize]
    }

    /// Stored pairs whose keys begin with `prefix`, ascending, seals unopened.
    pub(crate) fn prefix(
        &self,
        table: Table,
        prefix: &[u8],
    ) -> impl Iterator<Item = Result<(fjall::Slice, fjall::Slice), Failure>> + use<> {
        let snapshot = self.database.snapshot();
        snapshot.prefix(self.keyspace(table), prefix).map(|guard| guard.into_inner().map_err(Failure::from))
    }

    pub(crate) fn get(&self, table: Table, key: &[u8]) -> Result<Option<fjall::Slice>, Failure> {
        self.keyspace(table).get(key).map_err(Failure::from)
    }
}

/// Settings of one table. They are stored with it: changing them here changes new stores only.
fn settings(limits: &Limits) -> KeyspaceCreateOptions {
    KeyspaceCreateOptions::default()
        .max_memtable_size(limits.memtable_bytes)
        .manual_journal_persist(true)
        // Tables are read from end to end at start and point reads are rare: filters would only cost memory.
        .filter_policy(FilterPolicy::disabled())
        .expect_point_read_hits(true)
}

impl From<fjall::Error> for Failure {
    fn from(error: fjall::Error) -> Self {
        match error {
            fjall::Error::Io(error) | fjall::Error::Storage(LsmError::Io(error)) => error.into(),
            fjall::Error::Poisoned => Self::Poisoned,
            fjall::Error::Locked => Self::Io(io::Error::new(io::ErrorKind::WouldBlock, "the store is open elsewhere")),
            other => Self::Damaged(other.to_string()),
        }
    }
}

impl From<lsm_tree::Error> for Failure {
    fn from(error: lsm_tree::Error) -> Self {
        fjall::Error::from(error).into()
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        use io::ErrorKind as Kind;
        match error.kind() {
            Kind::StorageFull | Kind::QuotaExceeded => Self::Full,
            // The machine works, but a file is missing, too short, or sent us to a place that does not exist.
            Kind::NotFound
            | Kind::AlreadyExists
            | Kind::NotADirectory
            | Kind::IsADirectory
            | Kind::InvalidInput
            | Kind::InvalidData
            | Kind::UnexpectedEof => Self::Damaged(error.to_string()),
            Kind::Other if error.raw_os_error().is_none() => Self::Damaged(error.to_string()),
            _ => Self::Io(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_files_say_is_damage() {
        use io::ErrorKind as Kind;
        let story: Vec<String> = [
            Kind::NotFound,
            Kind::UnexpectedEof,
            Kind::PermissionDenied,
            Kind::StorageFull,
            Kind::QuotaExceeded,
            Kind::ReadOnlyFilesystem,
            Kind::OutOfMemory,
        ]
        .into_iter()
        .map(|kind| match Failure::from(io::Error::from(kind)) {
            Failure::Full => format!("{kind:?}: full"),
            Failure::Io(_) => format!("{kind:?}: the machine refuses"),
            Failure::Damaged(_) => format!("{kind:?}: damage"),
            Failure::Poisoned => format!("{kind:?}: poisoned"),
        })
        .collect();
        assert_eq!(
            story,
            [
                "NotFound: damage",
                "UnexpectedEof: damage",
                "PermissionDenied: the machine refuses",
                "StorageFull: full",
                "QuotaExceeded: full",
                "ReadOnlyFilesystem: the machine refuses",
                "OutOfMemory: the machine refuses",
            ]
        );
        assert!(matches!(Failure::from(io::Error::from_raw_os_error(5)), Failure::Io(_)), "EIO");
    }
}
