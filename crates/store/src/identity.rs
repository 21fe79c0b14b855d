//! Who a store is: the version of its format, how many tables it has, and the number its seals are keyed with.
//!
//! Forty bytes, kept in two files, because without the number not one seal opens. Magic, version and checksum keep their
//! places in every later version, so that an older program can tell a newer store from a damaged one.
//! Invariant: both files say the same after every open.

use std::io;
use std::path::Path;

use xxhash_rust::xxh3::xxh3_64;

use crate::directory::replace_file;
use crate::table::Table;

/// The format this version writes, and the newest it reads.
pub(crate) const VERSION: u32 = 1;
const MAGIC: &[u8; 8] = b"factree\0";
const LEN: usize = 40;
const FILES: [&str; 2] = ["identity", "identity.copy"];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Identity {
    pub(crate) version: u32,
    /// How many of [`crate::Table::ALL`] were there when it was written.
    pub(crate) tables: u32,
    pub(crate) secret: u64,
}

/// What the two files said.
#[derive(Debug)]
pub(crate) struct Found {
    /// From the first file that is whole.
    pub(crate) identity: Option<Identity>,
    /// The files that are not.
    pub(crate) damaged: Vec<&'static str>,
}

impl Identity {
    /// Of a store this version makes.
    pub(crate) fn new(secret: u64) -> Self {
        let tables = u32::try_from(Table::ALL.len()).expect("a handful of tables");
        Self { version: VERSION, tables, secret }
    }

    pub(crate) fn read(engine: &Path) -> io::Result<Found> {
        let mut found = Found { identity: None, damaged: Vec::new() };
        for name in FILES {
            let bytes = match std::fs::read(engine.join(name)) {
                Ok(bytes) => bytes,
                Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
                Err(error) => return Err(error),
            };
            match Self::decode(&bytes) {
                Some(identity) => found.identity = found.identity.or(Some(identity)),
                None => found.damaged.push(name),
            }
        }
        Ok(found)
    }

    pub(crate) fn write(self, engine: &Path) -> io::Result<()> {
        let bytes = self.encode();
        FILES.iter().try_for_each(|name| replace_file(&engine.join(name), std::iter::once(&bytes[..])))
    }

    fn encode(self) -> [u8; LEN] {
        let mut bytes = [0; LEN];
        bytes[..8].copy_from_slice(MAGIC);
        bytes[8..12].copy_from_slice(&self.version.to_le_bytes());
        bytes[12..16].copy_from_slice(&self.tables.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.secret.to_le_bytes());
        let sum = xxh3_64(&bytes[..32]);
        bytes[32..].copy_from_slice(&sum.to_le_bytes());
        bytes
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; LEN] = bytes.try_into().ok()?;
        let number = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"));
        let long = |at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"));
        let whole = &bytes[..8] == MAGIC && long(32) == xxh3_64(&bytes[..32]);
        whole.then(|| Self { version: number(8), tables: number(12), secret: long(16) })
    }
}
