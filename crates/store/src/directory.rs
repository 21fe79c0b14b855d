//! The store's directory: what lies where, and the few file operations that must survive a power cut.
//!
//! ```text
//! <directory>/engine/              the engine's files, and the identity twice: identity, identity.copy
//! <directory>/engine.new/          a store being made; becomes engine/ by one rename, so engine/ is always whole
//! <directory>/damaged-<time>/      what was set aside, never written to again; deleting it is the operator's choice
//! ```
//! Invariant: `engine/` appears only by renaming a finished `engine.new/`.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

const ENGINE: &str = "engine";
const UNFINISHED: &str = "engine.new";
const DAMAGED: &str = "damaged";

/// The paths in one store directory.
#[derive(Debug, Clone)]
pub(crate) struct Directory {
    root: PathBuf,
}

impl Directory {
    /// Makes the directory if it is not there, and its name in its parent outlast a power cut.
    pub(crate) fn prepare(root: &Path) -> io::Result<Self> {
        make(root)?;
        Ok(Self { root: root.to_owned() })
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    pub(crate) fn engine(&self) -> PathBuf {
        self.root.join(ENGINE)
    }

    pub(crate) fn unfinished(&self) -> PathBuf {
        self.root.join(UNFINISHED)
    }

    /// Throws away a store whose making was interrupted: nothing in it was ever acknowledged.
    pub(crate) fn discard_unfinished(&self) -> io::Result<()> {
        match std::fs::remove_dir_all(self.unfinished()) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// The unfinished store is finished.
    pub(crate) fn finish(&self) -> io::Result<()> {
        sync_all_directories(&self.unfinished())?;
        std::fs::rename(self.unfinished(), self.engine())?;
        sync_directory(&self.root)
    }

    /// A new directory for what is set aside now.
    pub(crate) fn make_damaged(&self) -> io::Result<PathBuf> {
        let time = jiff::Timestamp::now().strftime("%Y%m%dT%H%M%SZ").to_string();
        for attempt in 1..1_000 {
            let name = if attempt == 1 { format!("{DAMAGED}-{time}") } else { format!("{DAMAGED}-{time}-{attempt}") };
            match std::fs::create_dir(self.root.join(&name)) {
                Ok(()) => return Ok(self.root.join(name)),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
        Err(io::Error::other(format!("too many directories are named {DAMAGED}-{time}")))
    }

    /// Moves the engine's files into `damaged`.
    pub(crate) fn set_engine_aside(&self, damaged: &Path) -> io::Result<()> {
        std::fs::rename(self.engine(), damaged.join(ENGINE))?;
        sync_directory(damaged)?;
        sync_directory(&self.root)
    }
}

fn make(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    make(parent)?;
    std::fs::create_dir(path)?;
    sync_directory(parent)
}

/// The engine syncs most of the directories it makes; a new store must not depend on which.
pub(crate) fn sync_all_directories(path: &Path) -> io::Result<()> {
    for entry in std::fs::read_dir(path)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            sync_all_directories(&entry.path())?;
        }
    }
    sync_directory(path)
}

/// Makes renames, creations and removals in `path` outlast a power cut.
pub(crate) fn sync_directory(path: &Path) -> io::Result<()> {
    if cfg!(windows) { Ok(()) } else { File::open(path)?.sync_all() }
}

/// Replaces the file at `path` by `parts`, one after the other, in one step.
pub(crate) fn replace_file<'a>(path: &Path, parts: impl Iterator<Item = &'a [u8]>) -> io::Result<()> {
    let parent = path.parent().expect("a file of the store lies in a directory");
    let new = path.with_extension("new");
    let mut file = io::BufWriter::new(File::create(&new)?);
    parts.into_iter().try_for_each(|part| file.write_all(part))?;
    file.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
    std::fs::rename(&new, path)?;
    sync_directory(parent)
}

/// Bytes that the file at `path` takes on the disk.
pub(crate) fn file_bytes(path: &Path) -> io::Result<u64> {
    Ok(allocated(&std::fs::metadata(path)?))
}

/// Bytes that the files below `path` take on the disk. Files that go away meanwhile do not count.
pub(crate) fn disk_bytes(path: &Path) -> io::Result<u64> {
    let entries = match std::fs::read_dir(path) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
        Err(error) => return Err(error),
    };
    let mut bytes = 0;
    for entry in entries {
        let entry = entry?;
        bytes += match entry.metadata() {
            Ok(metadata) if metadata.is_dir() => disk_bytes(&entry.path())?,
            Ok(metadata) => allocated(&metadata),
            Err(error) if error.kind() == io::ErrorKind::NotFound => 0,
            Err(error) => return Err(error),
        };
    }
    Ok(bytes)
}

/// Journals are created long and empty: what counts is what the file system gave them.
#[cfg(unix)]
fn allocated(metadata: &std::fs::Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::blocks(metadata) * 512
}

#[cfg(not(unix))]
fn allocated(metadata: &std::fs::Metadata) -> u64 {
    metadata.len()
}
