//! The store: open, commit, read.
//!
//! The spine over the parts: `directory` says what lies where, `inspect` looks at the files before and after the engine
//! opens them, `salvage` makes a new store of what is left of a damaged one, `engine` does the work.
//! Invariant: a commit that returned `Ok` is found by every later open; one that returned an error is found by none,
//! unless the process ended before anyone could cut it off.

use std::io;
use std::path::{Path, PathBuf};

use crate::batch::Batch;
use crate::directory::{self, Directory};
use crate::engine::{Engine, Failure};
use crate::error::{CommitError, OpenError, ReadError};
use crate::identity::{Identity, VERSION};
use crate::inspect::{self, Damage};
use crate::journal;
use crate::limits::{Durability, Limits, Space};
use crate::salvage::{self, Salvaged};
use crate::seal::Sealer;
use crate::table::Table;

/// Everything that must outlive the process. One writer; reading is for the start and for rare questions.
pub struct Store {
    directory: Directory,
    durability: Durability,
    limits: Limits,
    sealer: Sealer,
    state: State,
    /// Free bytes that what was refused last is waiting for.
    wanted: u64,
    /// The reserve was touched since the last commit that found it whole.
    short: bool,
}

enum State {
    Running(Engine),
    /// The disk refused. The old engine still answers reads; its journal may hold a batch nobody was told of, which is
    /// cut off before a new engine opens: everything numbered `unacknowledged` or higher.
    Full {
        engine: Option<Engine>,
        unacknowledged: u64,
    },
    Dead(String),
}

/// What opening found.
#[derive(Debug, Default)]
pub struct Opened {
    /// There was no store; this one is new.
    pub created: bool,
    /// Bytes at the journal's end that were no whole batch: what the process was writing when it was stopped. Nothing
    /// acknowledged is in them, unless the disk has altered its last bytes.
    pub torn_bytes: u64,
    /// Files that were not what was written and had a whole copy; they are mended.
    pub mended: Vec<Damage>,
    /// The store was damaged.
    pub damaged: Option<Damaged>,
}

/// What was damaged and what became of it. Worth the operator's attention every time.
#[derive(Debug)]
pub struct Damaged {
    /// Where the damaged files are now.
    pub set_aside: PathBuf,
    /// What was wrong with which file.
    pub damages: Vec<Damage>,
    /// Records carried over into the new store. Where newer bytes were lost a record may be an older state of itself,
    /// or one that was removed since.
    pub kept: u64,
    /// Records that could be seen and not trusted. What stood in bytes that make no sense at all is not counted.
    pub dropped: u64,
}

/// A record as it was written.
#[derive(Debug, Clone)]
pub struct Record {
    key: fjall::Slice,
    stored: fjall::Slice,
    value_start: usize,
}

impl Record {
    /// The key.
    #[must_use]
    pub fn key(&self) -> &[u8] {
        &self.key
    }

    /// The value.
    #[must_use]
    pub fn value(&self) -> &[u8] {
        &self.stored[self.value_start..]
    }
}

impl Store {
    /// Opens the store in `directory`, or makes one. One process at a time: the caller holds the lock.
    ///
    /// What is damaged is set aside under `directory`, the rest is salvaged, and opening succeeds; see [`Opened`].
    ///
    /// # Errors
    /// [`OpenError`]: a newer format, or the machine refuses. Nothing is destroyed in either case.
    pub fn open(directory: &Path, durability: Durability, limits: Limits) -> Result<(Self, Opened), OpenError> {
        let failed = |failure| OpenError::Io { path: directory.to_owned(), error: into_io(failure) };
        let directory = Directory::prepare(directory).map_err(|error| failed(error.into()))?;
        let created = make_if_missing(&directory, &limits).map_err(failed)?;
        let found = Identity::read(&directory.engine()).map_err(|error| failed(error.into()))?;
        if let Some(Identity { version: found @ VERSION.., .. }) = found.identity
            && found > VERSION
        {
            return Err(OpenError::Newer { path: directory.root().to_owned(), found, known: VERSION });
        }
        let mut opened = Opened { created, ..Opened::default() };
        let identities = found.damaged.iter().map(|name| Damage::new(*name, "is not what was written"));
        let engine = match open_engine(&directory, found.identity, &limits, &mut opened).map_err(failed)? {
            Ok(engine) => {
                opened.mended.extend(identities);
                engine
            }
            Err(mut damages) => {
                damages.extend(identities);
                let salvaged = salvage::salvage(&directory, found.identity, damages, &limits).map_err(failed)?;
                let Salvaged { set_aside, damages, kept, dropped } = salvaged;
                opened.damaged = Some(Damaged { set_aside, damages, kept, dropped });
                Engine::open(&directory.engine(), &limits).map_err(failed)?
            }
        };
        let identity = settle_identity(&directory).map_err(|error| failed(error.into()))?;
        let sealer = Sealer::new(identity.secret);
        Ok((
            Self { directory, durability, limits, sealer, state: State::Running(engine), wanted: 0, short: false },
            opened,
        ))
    }

    /// Stores the whole batch and clears it. When it returns, the batch is as durable as the store's [`Durability`].
    ///
    /// # Errors
    /// [`CommitError`]: nothing of the batch counts, and the batch keeps its writes.
    pub fn commit(&mut self, batch: &mut Batch) -> Result<(), CommitError> {
        if batch.is_empty() {
            return Ok(());
        }
        match self.try_commit(batch) {
            // What has failed meanwhile is replaced as soon as there is room, and there may be room again.
            Err(CommitError::Full) if self.space() == Space::Enough => self.try_commit(batch),
            result => result,
        }
    }

    fn try_commit(&mut self, batch: &mut Batch) -> Result<(), CommitError> {
        self.look_for_room(batch)?;
        let engine = match &self.state {
            State::Running(engine) => engine,
            State::Dead(why) => return Err(CommitError::Fatal(why.clone())),
            State::Full { .. } => unreachable!("where there is room a new engine runs"),
        };
        let number = engine.next_number();
        match engine.commit(batch, &mut self.sealer, self.durability) {
            Ok(()) => {
                batch.clear();
                self.wanted = 0;
                self.short = self.space() == Space::Low;
                Ok(())
            }
            Err(failure) => Err(self.refuse(failure, number)),
        }
    }

    /// Refuses what the disk would refuse; starts a new engine when the disk was full and has room again.
    fn look_for_room(&mut self, batch: &Batch) -> Result<(), CommitError> {
        let path = self.directory.engine();
        self.wanted = self.limits.floor_bytes.saturating_add(batch.bytes() as u64);
        if let State::Full { .. } = &self.state {
            // The journal is copied, so that what the old engine still has in its hands goes to a file of no name.
            self.wanted = self.wanted.saturating_add(journal::disk_bytes(&path).unwrap_or(0));
        }
        let free = self.free_bytes().unwrap_or(u64::MAX);
        self.short |= free < self.limits.reserve_bytes.max(self.wanted);
        if !matches!(self.state, State::Dead(_)) && free < self.wanted {
            return Err(CommitError::Full);
        }
        if let State::Full { engine, unacknowledged } = &mut self.state {
            let unacknowledged = *unacknowledged;
            drop(engine.take());
            let cut = journal::cut(&path, unacknowledged).map_err(Failure::from);
            match cut.and_then(|()| Engine::open(&path, &self.limits)) {
                Ok(engine) => self.state = State::Running(engine),
                Err(failure) => return Err(self.refuse(failure, unacknowledged)),
            }
        }
        Ok(())
    }

    /// Decides what a refusal means. The engine says that it is poisoned without saying by what: where the disk was nearly
    /// full lately it was that, and everything acknowledged is in journals and tables; otherwise it was worse.
    fn refuse(&mut self, failure: Failure, unacknowledged: u64) -> CommitError {
        let why = match failure {
            Failure::Full => None,
            Failure::Poisoned if self.short || self.space() == Space::Low => None,
            Failure::Poisoned => Some("a write in the background failed".to_owned()),
            Failure::Io(error) => Some(error.to_string()),
            Failure::Damaged(what) => Some(what),
        };
        let state = std::mem::replace(&mut self.state, State::Dead(String::new()));
        match why {
            None => {
                let engine = match state {
                    State::Running(engine) => Some(engine),
                    State::Full { engine, .. } => engine,
                    State::Dead(_) => None,
                };
                self.state = State::Full { engine, unacknowledged };
                CommitError::Full
            }
            Some(why) => {
                self.state = State::Dead(why.clone());
                CommitError::Fatal(why)
            }
        }
    }

    /// All records of a table, ascending by key.
    pub fn read(&self, table: Table) -> impl Iterator<Item = Result<Record, ReadError>> + '_ {
        self.prefix(table, &[])
    }

    /// The records of a table whose keys begin with `prefix`, ascending by key.
    pub fn prefix(&self, table: Table, prefix: &[u8]) -> impl Iterator<Item = Result<Record, ReadError>> + '_ {
        let mut sealer = self.sealer.clone();
        let (found, closed) = match self.engine() {
            Some(engine) => (Some(engine.prefix(table, prefix)), None),
            None => (None, Some(Err(ReadError::Closed))),
        };
        let found = found.into_iter().flatten().map(move |found| match found {
            Ok((key, stored)) => unseal(&mut sealer, table, key, stored),
            Err(failure) => Err(into_read_error(table, failure)),
        });
        closed.into_iter().chain(found)
    }

    /// The record under `key`.
    ///
    /// # Errors
    /// [`ReadError`]: it is damaged, or cannot be read.
    pub fn get(&self, table: Table, key: &[u8]) -> Result<Option<Record>, ReadError> {
        let engine = self.engine().ok_or(ReadError::Closed)?;
        let stored = engine.get(table, key).map_err(|failure| into_read_error(table, failure))?;
        stored.map(|stored| unseal(&mut self.sealer.clone(), table, key.into(), stored)).transpose()
    }

    fn engine(&self) -> Option<&Engine> {
        match &self.state {
            State::Running(engine) | State::Full { engine: Some(engine), .. } => Some(engine),
            State::Full { engine: None, .. } | State::Dead(_) => None,
        }
    }

    /// Whether the disk has room for new work. Costs one system call.
    #[must_use]
    pub fn space(&self) -> Space {
        let low = self.free_bytes().is_ok_and(|free| free < self.limits.reserve_bytes.max(self.wanted));
        if low { Space::Low } else { Space::Enough }
    }

    /// Bytes the disk has left for this process.
    ///
    /// # Errors
    /// The file system does not answer.
    pub fn free_bytes(&self) -> io::Result<u64> {
        fs4::available_space(self.directory.root())
    }

    /// Bytes the store takes on the disk, without what was set aside.
    ///
    /// # Errors
    /// A file cannot be asked for its size.
    pub fn disk_bytes(&self) -> io::Result<u64> {
        directory::disk_bytes(&self.directory.engine())
    }
}

/// Makes a new store, or finishes one that was being made; says whether it is new.
fn make_if_missing(directory: &Directory, limits: &Limits) -> Result<bool, Failure> {
    if directory.engine().try_exists()? {
        directory.discard_unfinished()?;
        return Ok(false);
    }
    let unfinished = directory.unfinished();
    if unfinished.try_exists()? && Identity::read(&unfinished)?.identity.is_some() {
        directory.finish()?;
        return Ok(false);
    }
    directory.discard_unfinished()?;
    drop(Engine::open(&unfinished, limits)?);
    Identity::new(Sealer::invent()).write(&unfinished)?;
    directory.finish()?;
    Ok(true)
}

/// The engine, or what is wrong with its files.
fn open_engine(
    directory: &Directory,
    identity: Option<Identity>,
    limits: &Limits,
    opened: &mut Opened,
) -> Result<Result<Engine, Vec<Damage>>, Failure> {
    let path = directory.engine();
    let Some(identity) = identity else { return Ok(Err(Vec::new())) };
    let looked = inspect::before_opening(&path, identity)?;
    opened.torn_bytes = looked.torn_bytes;
    if !looked.damages.is_empty() {
        return Ok(Err(looked.damages));
    }
    match Engine::open(&path, limits) {
        Ok(engine) => {
            let damages = inspect::after_opening(&engine)?;
            Ok(if damages.is_empty() { Ok(engine) } else { Err(damages) })
        }
        Err(Failure::Damaged(what)) => Ok(Err(vec![Damage::new("engine", what)])),
        Err(failure) => Err(failure),
    }
}

/// Both identity files whole again, and counting all tables.
fn settle_identity(directory: &Directory) -> io::Result<Identity> {
    let found = Identity::read(&directory.engine())?;
    let identity = found.identity.expect("a store that opened has an identity");
    let current = Identity::new(identity.secret);
    if !found.damaged.is_empty() || identity != current {
        // Tables made just now: the identity must not promise them before their directories outlast a power cut.
        directory::sync_all_directories(&directory.engine())?;
        current.write(&directory.engine())?;
    }
    Ok(current)
}

fn unseal(sealer: &mut Sealer, table: Table, key: fjall::Slice, stored: fjall::Slice) -> Result<Record, ReadError> {
    match sealer.open(table, &key, &stored) {
        Some(value_start) => Ok(Record { key, stored, value_start }),
        None => Err(ReadError::Damaged { table, what: format!("the seal under key {:02x?} does not hold", &*key) }),
    }
}

fn into_read_error(table: Table, failure: Failure) -> ReadError {
    match failure {
        Failure::Io(error) => ReadError::Io(error),
        Failure::Damaged(what) => ReadError::Damaged { table, what },
        Failure::Full | Failure::Poisoned => ReadError::Closed,
    }
}

fn into_io(failure: Failure) -> io::Error {
    match failure {
        Failure::Full => io::Error::from(io::ErrorKind::StorageFull),
        Failure::Io(error) => error,
        Failure::Damaged(what) => io::Error::new(io::ErrorKind::InvalidData, what),
        Failure::Poisoned => io::Error::other("a write in the background failed"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One thread writes; it need not be the one that opened.
    #[test]
    fn a_store_can_be_sent_to_its_writer() {
        fn sent<T: Send>() {}
        sent::<Store>();
        sent::<Batch>();
    }

    /// No file system can be made to fail a sync at will, so the engine's answer is put in by hand.
    #[test]
    fn a_failed_sync_is_fatal_and_nothing_is_acknowledged_after_it() {
        let place = tempfile::tempdir().expect("a directory");
        let (mut store, _) = Store::open(place.path(), Durability::Power, Limits::default()).expect("the store opens");
        let mut batch = Batch::new();
        batch.put(Table::Sessions, b"robot", b"acknowledged");
        assert_eq!(store.commit(&mut batch), Ok(()));
        let failed = store.refuse(Failure::from(io::Error::from_raw_os_error(5)), 2);
        assert!(matches!(failed, CommitError::Fatal(_)), "EIO: {failed:?}");
        batch.put(Table::Sessions, b"robot", b"not acknowledged");
        assert_eq!(store.commit(&mut batch), Err(failed));
        drop(store);
        let (store, opened) = Store::open(place.path(), Durability::Power, Limits::default()).expect("the store opens");
        let record = store.get(Table::Sessions, b"robot").expect("readable").expect("there");
        assert!(record.value() == b"acknowledged" && opened.damaged.is_none());
    }
}
