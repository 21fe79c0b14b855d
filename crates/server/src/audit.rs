//! The audit log of this process: who did what, written down before it counts.
//!
//! [`Audit`] is what everybody holds: entries go onto a desk, and one thread, the [`Scribe`], writes all that gathered with
//! one sync, as the keeper does for the broker. Whoever is about to do something privileged waits for that; whoever
//! tells what has happened does not.
//! Knows nothing of what the entries say. Invariant: what [`Audit::record`] has answered with `Ok` is on disk, or
//! the operator has said that commands go on without.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

pub(crate) use factree_auth::audit::{AuditFull, Outcome, OwnedEntry};
use factree_auth::audit::{Head, Installation, Policy, PublicKey, ResumeError};
use factree_ingest::Ingest;

mod believed;
pub mod command;
mod desk;
mod following;
mod http;
mod identity;
mod reading;
mod scribe;
mod segments;
mod storm;

use desk::Desk;
use following::Following;
pub(crate) use scribe::Scribe;

/// The directory of the log within the data directory.
const DIRECTORY: &str = "audit";

/// What the operator wants of the audit log.
#[derive(Clone, Debug, Default)]
pub struct AuditConfig {
    /// When heads are signed and segments end, and what happens while nothing can be stored.
    pub policy: Policy,
    /// How long entries are kept at least; none: for ever. A clock that leaps ahead is believed by a day for each hour.
    pub retention: Option<Duration>,
    /// Bytes that the log may have; none: as the disk has room.
    pub size_max: Option<u64>,
    /// Whether commands have to say why.
    pub commands_require_reason: bool,
}

/// Why the audit log cannot be gone on with; reads as a sentence for the operator.
#[derive(Debug)]
pub enum AuditError {
    /// The machine refused.
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What it said.
        error: io::Error,
    },
    /// The key or the number of the installation is missing, or is not what was written.
    Identity(PathBuf),
    /// The last segment is not what was written.
    Log {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        error: ResumeError,
    },
}

impl AuditError {
    fn io(path: &Path, error: io::Error) -> Self {
        Self::Io { path: path.to_owned(), error }
    }
}

impl std::fmt::Display for AuditError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Io { path, error } => write!(f, "the audit log needs {}: {error}", path.display()),
            Self::Identity(path) => write!(
                f,
                "{} is missing or damaged, and without it the audit log cannot be gone on with: bring it back from a backup, \
                 or move the directory away to begin a new log",
                path.display()
            ),
            Self::Log { path, error } => write!(
                f,
                "{}: {error}\nSee what `factree audit verify` says, keep the directory as evidence, and move it away to begin \
                 a new log",
                path.display()
            ),
        }
    }
}

impl std::error::Error for AuditError {}

/// Where everybody says what is to be written down.
#[derive(Debug)]
pub(crate) struct Audit {
    log: Option<Log>,
    requires_reason: bool,
    following: Following,
}

/// The log that is written.
#[derive(Debug)]
struct Log {
    desk: Arc<Desk>,
    directory: PathBuf,
    identity: (PublicKey, Installation),
}

impl Audit {
    /// Nothing is written down: where there is no data directory to write it into.
    pub(crate) fn off() -> Self {
        Self { log: None, requires_reason: false, following: Following::default() }
    }

    /// Goes on with the log in the data directory, or begins one. The scribe is to be dropped when nothing more is said.
    ///
    /// # Errors
    /// [`AuditError`], for the operator.
    pub(crate) fn open(data: &Path, config: &AuditConfig) -> Result<(Self, Scribe), AuditError> {
        let (scribe, log) = Scribe::start(&data.join(DIRECTORY), config)?;
        let requires_reason = config.commands_require_reason;
        Ok((Self { log: Some(log), requires_reason, following: Following::default() }, scribe))
    }

    /// Writes down what has happened; nobody waits for it. Floods of what is alike are told by their number.
    pub(crate) fn note(&self, entry: OwnedEntry) {
        if let Some(log) = &self.log {
            log.desk.note(entry);
        }
    }

    /// Writes down what is about to be done.
    ///
    /// # Errors
    /// [`AuditFull`]: it is not on record, and not to be done.
    pub(crate) async fn record(&self, entry: OwnedEntry) -> Result<(), AuditFull> {
        match &self.log {
            Some(log) => log.desk.record(entry).await.unwrap_or(Err(AuditFull)),
            None => Ok(()),
        }
    }

    /// Whether commands have to say why.
    pub(crate) fn requires_reason(&self) -> bool {
        self.requires_reason
    }

    /// Whether anything privileged may be done now, as far as the log is concerned.
    pub(crate) fn may_command(&self) -> bool {
        self.log.as_ref().is_none_or(|log| log.desk.may_command())
    }

    /// Notes how commands end that were begun, for as long as it is polled.
    pub(crate) async fn follow_commands(&self, ingest: &Mutex<Ingest>) {
        loop {
            tokio::time::sleep(following::LOOK).await;
            self.following.look(ingest).into_iter().for_each(|entry| self.note(entry));
        }
    }

    /// What is not known of commands when nobody looks any more.
    pub(crate) fn stop_following(&self, ingest: &Mutex<Ingest>) {
        self.following.look(ingest).into_iter().for_each(|entry| self.note(entry));
        self.following.end().into_iter().for_each(|entry| self.note(entry));
    }

    /// The end of the log, signed now if it is not yet; none if nothing can be stored, or there is no log.
    pub(crate) async fn head(&self) -> Option<Head> {
        self.log.as_ref()?.desk.head().await.ok().flatten()
    }

    /// What verifies heads, and whose log it is; none if there is none.
    pub(crate) fn identity(&self) -> Option<(PublicKey, Installation)> {
        self.log.as_ref().map(|log| log.identity)
    }

    /// Entries that were written since the start, and those that could not be.
    pub(crate) fn counts(&self) -> (u64, u64) {
        self.log.as_ref().map_or((0, 0), |log| log.desk.counts())
    }
}
