//! Whose log it is: the key that signs heads, and the number of the installation.
//!
//! Both are drawn once, when there is no log yet, and are files that only their owner reads. A log whose key is gone is not
//! gone on with: a new key under an old log would look like a forgery.
//! Invariant: the seed is nowhere but in its file and, wiped after use, on the way from it.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

use factree_auth::audit::{Installation, PublicKey, SigningKey};
use factree_auth::credential::random;

use super::AuditError;

const KEY: &str = "key";
const INSTALLATION: &str = "installation";

/// What signs, and for whom.
pub(super) struct Identity {
    pub(super) key: SigningKey,
    pub(super) installation: Installation,
}

impl Identity {
    /// Reads it; draws it if nothing is there and no log either.
    pub(super) fn open(directory: &Path, has_log: bool) -> Result<Self, AuditError> {
        if !has_log && !directory.join(KEY).exists() {
            keep(directory, INSTALLATION, &draw::<16>(directory)?)?;
            keep(directory, KEY, &draw::<32>(directory)?)?;
        }
        Ok(Self { key: SigningKey::from_seed(&read(directory, KEY)?), installation: installation(directory)? })
    }
}

/// Whose log a directory has.
pub(super) fn installation(directory: &Path) -> Result<Installation, AuditError> {
    read(directory, INSTALLATION).map(Installation)
}

/// What verifies the log, by the key that lies beside it.
pub(super) fn public_key(directory: &Path) -> Result<PublicKey, AuditError> {
    Ok(SigningKey::from_seed(&read(directory, KEY)?).public_key())
}

fn draw<const N: usize>(directory: &Path) -> Result<[u8; N], AuditError> {
    random().map_err(|error| AuditError::io(directory, io::Error::other(error.to_string())))
}

/// A file is whole or not there.
fn keep(directory: &Path, name: &str, bytes: &[u8]) -> Result<(), AuditError> {
    let (path, new) = (directory.join(name), directory.join(format!("{name}.new")));
    let write = || {
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true);
        private(&mut options);
        let mut file = options.open(&new)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        std::fs::rename(&new, &path)?;
        sync_directory(directory)
    };
    write().map_err(|error| AuditError::io(&path, error))
}

fn read<const N: usize>(directory: &Path, name: &str) -> Result<[u8; N], AuditError> {
    let path = directory.join(name);
    match std::fs::read(&path) {
        Ok(bytes) => bytes.try_into().map_err(|_| AuditError::Identity(path)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(AuditError::Identity(path)),
        Err(error) => Err(AuditError::io(&path, error)),
    }
}

/// For its owner alone.
pub(super) fn private(options: &mut OpenOptions) {
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    #[cfg(not(unix))]
    let _ = options;
}

/// A name that was made or changed is there after a power cut.
pub(super) fn sync_directory(directory: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(directory)?.sync_all() } else { Ok(()) }
}
