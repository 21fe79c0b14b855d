//! What can go wrong, by who must act.

use std::path::PathBuf;
use std::{fmt, io};

use crate::table::Table;

/// Why a store cannot be opened. Damage is not among them: it is set aside and reported in [`crate::Opened`].
#[derive(Debug)]
pub enum OpenError {
    /// A newer program wrote it; nothing was touched. The operator takes that program, or another directory.
    Newer {
        /// The directory.
        path: PathBuf,
        /// Its format version.
        found: u32,
        /// The newest version this program reads.
        known: u32,
    },
    /// The machine refuses: permissions, a full or broken disk. Nothing was destroyed.
    Io {
        /// The directory.
        path: PathBuf,
        /// What it said.
        error: io::Error,
    },
}

/// Why a commit did not happen. Nothing of the batch counts in either case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CommitError {
    /// The disk has no room. The batch is kept: the same call may succeed once there is room.
    Full,
    /// The disk failed a write or a sync, so nobody knows what it holds: the process must end without acknowledging
    /// anything more. Every later commit says the same; opening the store anew finds everything that was acknowledged.
    Fatal(String),
}

/// Why a record cannot be read.
#[derive(Debug)]
pub enum ReadError {
    /// What stands there is not what was written. Opening the store anew sets it aside.
    Damaged {
        /// Where.
        table: Table,
        /// What is wrong.
        what: String,
    },
    /// The machine refuses.
    Io(io::Error),
    /// The store waits for room on the disk, or it has failed.
    Closed,
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Newer { path, found, known } => write!(
                f,
                "the store in {} has format version {found}, this program reads up to {known}; use the program that wrote \
                 it, or another data directory",
                path.display()
            ),
            Self::Io { path, error } => write!(f, "the store in {}: {error}", path.display()),
        }
    }
}

impl fmt::Display for CommitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full => f.write_str("the disk is full"),
            Self::Fatal(why) => write!(f, "the store has failed: {why}"),
        }
    }
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Damaged { table, what } => write!(f, "table {} is damaged: {what}", table.name()),
            Self::Io(error) => error.fmt(f),
            Self::Closed => f.write_str("the store is closed"),
        }
    }
}

impl std::error::Error for OpenError {}
impl std::error::Error for CommitError {}
impl std::error::Error for ReadError {}
