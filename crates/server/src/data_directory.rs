//! The data directory: it belongs to one process at a time.
//!
//! A lock on a file in it says so, and the operating system lets go of the lock however the process ends. The file carries
//! the process id, so the second instance can say who is in its way.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::{fmt, io};

const LOCK_FILE: &str = "factree.lock";

/// A data directory that is ours until this value is dropped.
#[derive(Debug)]
pub struct DataDirectory {
    path: PathBuf,
    _lock: File,
}

/// Why the data directory cannot be ours.
#[derive(Debug)]
pub enum DataDirectoryError {
    /// Another process holds it.
    Locked {
        /// The directory.
        path: PathBuf,
        /// The other process, as far as it could be read.
        process: String,
    },
    /// The machine refused.
    Io {
        /// The directory or the lock file in it.
        path: PathBuf,
        /// What it said.
        error: io::Error,
    },
}

impl fmt::Display for DataDirectoryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Locked { path, process } => write!(
                f,
                "the data directory {} is locked by process {process}; stop that one, or give this one a directory of its \
                 own with --data",
                path.display()
            ),
            Self::Io { path, error } => write!(f, "the data directory needs {}: {error}", path.display()),
        }
    }
}

impl std::error::Error for DataDirectoryError {}

impl DataDirectory {
    /// Creates the directory if need be and locks it.
    ///
    /// # Errors
    /// [`DataDirectoryError`]: somebody else has it, or the machine refuses.
    pub fn lock(path: &Path) -> Result<Self, DataDirectoryError> {
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |error| DataDirectoryError::Io { path, error }
        };
        make(path).map_err(failed(path))?;
        let lock_path = path.join(LOCK_FILE);
        let mut lock = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&lock_path)
            .map_err(failed(&lock_path))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut process = String::new();
                let known = lock.take(32).read_to_string(&mut process).is_ok() && !process.trim().is_empty();
                let process = if known { process.trim().to_owned() } else { "unknown".into() };
                return Err(DataDirectoryError::Locked { path: path.to_owned(), process });
            }
            Err(TryLockError::Error(error)) => return Err(failed(&lock_path)(error)),
        }
        let write_process = |lock: &mut File| {
            lock.set_len(0)?;
            lock.rewind()?;
            writeln!(lock, "{}", std::process::id())
        };
        write_process(&mut lock).map_err(failed(&lock_path))?;
        Ok(Self { path: path.to_owned(), _lock: lock })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// Makes the directory and those above it, unless they are there; what it will hold is nobody else's to read.
fn make(path: &Path) -> std::io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cf10_a_second_instance_learns_who_holds_the_directory_and_gets_it_afterwards() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("deep/data");
        let first = DataDirectory::lock(&path).unwrap();
        let refused = DataDirectory::lock(&path).unwrap_err();
        assert!(
            matches!(&refused, DataDirectoryError::Locked { process, .. } if *process == std::process::id().to_string())
        );
        drop(first);
        DataDirectory::lock(&path).unwrap();
    }

    #[cfg(unix)]
    #[test]
    fn what_it_makes_is_nobody_elses_to_read() {
        use std::os::unix::fs::PermissionsExt;
        let parent = tempfile::tempdir().unwrap();
        let _held = DataDirectory::lock(&parent.path().join("data")).unwrap();
        let mode = std::fs::metadata(parent.path().join("data")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
    }
}
