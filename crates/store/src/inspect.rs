//! A look at the engine's files before and after it opens them.
//!
//! The engine deletes what its manifest does not mention, deletes a table whose manifest is gone, cuts a journal off at
//! the first byte it does not understand, and does not check everything it has a checksum for. So we look first and let
//! it open only what is whole; then we hold every table file against the checksum its manifest gives.
//! Invariant: nothing here writes, but for cutting off the torn end of the newest journal.

use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::path::Path;

use fjall::AbstractTree;
use xxhash_rust::xxh3::Xxh3;

use crate::engine::Engine;
use crate::identity::Identity;
use crate::journal;
use crate::seal::Sealer;
use crate::table::Table;

/// What is wrong with which file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    /// The file, relative to the engine's directory.
    pub file: String,
    /// What is wrong with it.
    pub what: String,
}

impl Damage {
    pub(crate) fn new(file: impl Into<String>, what: impl Into<String>) -> Self {
        Self { file: file.into(), what: what.into() }
    }
}

/// What was seen before opening.
#[derive(Debug, Default)]
pub(crate) struct Looked {
    pub(crate) damages: Vec<Damage>,
    /// Cut off the newest journal's end.
    pub(crate) torn_bytes: u64,
}

/// Looks at journals and manifests, and cuts off what a stopped process left half written.
pub(crate) fn before_opening(engine: &Path, identity: Identity) -> io::Result<Looked> {
    let mut looked = Looked::default();
    check_manifests(engine, identity, &mut looked.damages)?;
    let journals = journal::read_all(engine, &mut Sealer::new(identity.secret))?;
    for (at, journal) in journals.iter().enumerate() {
        let file = format!("{}.jnl", journal.id);
        let newest = at + 1 == journals.len();
        if journal.gap_bytes > 0 {
            let what = format!("{} bytes between whole batches are not what was written", journal.gap_bytes);
            looked.damages.push(Damage::new(&file, what));
        }
        if journal.torn_bytes > 0 && !newest {
            let what = format!("{} bytes at its end are not what was written", journal.torn_bytes);
            looked.damages.push(Damage::new(&file, what));
        }
        if journals.get(at + 1).is_some_and(|next| next.id != journal.id + 1) {
            looked.damages.push(Damage::new(format!("{}.jnl", journal.id + 1), "is missing"));
        }
    }
    match journals.last() {
        None => looked.damages.push(Damage::new("0.jnl", "there is no journal at all")),
        Some(newest) if newest.torn_bytes > 0 => {
            looked.torn_bytes = newest.torn_bytes;
            // A store with other damage is about to be set aside as it is.
            if looked.damages.is_empty() {
                let file = OpenOptions::new().write(true).open(&newest.path)?;
                file.set_len(newest.end)?;
                file.sync_all()?;
            }
        }
        Some(_) => {}
    }
    Ok(looked)
}

/// `current` names the manifest and its checksum: 8 bytes of number, 16 of XXH3, one of checksum kind.
fn check_manifests(engine: &Path, identity: Identity, damages: &mut Vec<Damage>) -> io::Result<()> {
    for id in 0..=u64::from(identity.tables) {
        let folder = engine.join("keyspaces").join(id.to_string());
        let name = format!("keyspaces/{id}/current");
        let Some(current) = read_if_there(&folder.join("current"))? else {
            damages.push(Damage::new(name, "is missing"));
            continue;
        };
        let Some((version, sum)) = current.split_at_checked(8).filter(|_| current.len() == 25 && current[24] == 0)
        else {
            damages.push(Damage::new(name, "is not what was written"));
            continue;
        };
        let version = u64::from_le_bytes(version.try_into().expect("eight bytes"));
        let sum = u128::from_le_bytes(sum[..16].try_into().expect("sixteen bytes"));
        let manifest = folder.join(format!("v{version}"));
        let whole = match file_sum(&manifest) {
            Ok(found) => found == sum,
            Err(error) if error.kind() == io::ErrorKind::NotFound => false,
            Err(error) => return Err(error),
        };
        if !whole {
            damages.push(Damage::new(format!("keyspaces/{id}/v{version}"), "is not what was written, or not there"));
        }
    }
    Ok(())
}

/// Holds every table file against its checksum.
pub(crate) fn after_opening(engine: &Engine) -> io::Result<Vec<Damage>> {
    let mut damages = Vec::new();
    for table in Table::ALL {
        for file in engine.keyspace(table).tree.current_version().iter_tables() {
            if file_sum(&file.path)? != file.checksum().into_u128() {
                let name = format!("keyspaces/{}/tables/{}", table.keyspace_id(), file.id());
                damages.push(Damage::new(name, format!("is not what was written (table {})", table.name())));
            }
        }
    }
    Ok(damages)
}

fn read_if_there(path: &Path) -> io::Result<Option<Vec<u8>>> {
    match std::fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn file_sum(path: &Path) -> io::Result<u128> {
    let mut file = File::open(path)?;
    let (mut hasher, mut chunk) = (Xxh3::new(), vec![0; 128 << 10]);
    loop {
        match file.read(&mut chunk)? {
            0 => return Ok(hasher.digest128()),
            len => hasher.update(&chunk[..len]),
        }
    }
}
