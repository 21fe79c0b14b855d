//! Salvage: a new store out of what can still be read of a damaged one.
//!
//! Two passes over everything readable, table files and journals alike: the first finds the newest version of each key,
//! the second writes these. The damaged files are only read, and moved aside when the new store is finished, so a stop
//! at any point loses nothing and the next open starts over.
//! Knows nothing of which damage led here. Invariant: a record that is carried over has a seal that holds.

use std::collections::HashMap;
use std::io;
use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use lsm_tree::table::Scanner;
use lsm_tree::{Cache, Checksum, CompressionType, InternalValue};

use crate::batch::Batch;
use crate::directory::{Directory, replace_file};
use crate::engine::{Engine, Failure};
use crate::identity::Identity;
use crate::inspect::Damage;
use crate::journal;
use crate::limits::{Durability, Limits};
use crate::seal::Sealer;
use crate::table::Table;

/// The new store is written in batches of about this many bytes.
const BATCH_BYTES: usize = 1 << 20;

/// What became of a damaged store.
pub(crate) struct Salvaged {
    pub(crate) set_aside: PathBuf,
    pub(crate) damages: Vec<Damage>,
    pub(crate) kept: u64,
    pub(crate) dropped: u64,
}

/// Replaces the engine's files by a new store of what they still hold, and sets them aside. Without an identity no seal
/// can be opened, so nothing is carried over.
pub(crate) fn salvage(
    directory: &Directory,
    identity: Option<Identity>,
    mut damages: Vec<Damage>,
    limits: &Limits,
) -> Result<Salvaged, Failure> {
    directory.discard_unfinished()?;
    let engine = Engine::open(&directory.unfinished(), limits)?;
    let secret = identity.map_or_else(Sealer::invent, |identity| identity.secret);
    let mut found = Found::default();
    if identity.is_some() {
        found = Found::gather(&directory.engine(), Sealer::new(secret), &engine)?;
    }
    engine.sync()?;
    drop(engine);
    let Found { kept, dropped, damages: more, .. } = found;
    damages.extend(more);
    let set_aside = directory.make_damaged()?;
    write_report(&set_aside, &damages, kept, dropped)?;
    Identity::new(secret).write(&directory.unfinished())?;
    directory.set_engine_aside(&set_aside)?;
    directory.finish()?;
    Ok(Salvaged { set_aside, damages, kept, dropped })
}

/// The same words the caller gets, for whoever finds the directory later.
fn write_report(set_aside: &Path, damages: &[Damage], kept: u64, dropped: u64) -> io::Result<()> {
    let mut report = format!(
        "This store was damaged and has been set aside. {kept} records were carried over into a new one, {dropped} were \
         seen and not trusted.\n\n"
    );
    damages.iter().for_each(|Damage { file, what }| report.push_str(&format!("engine/{file}: {what}\n")));
    replace_file(&set_aside.join("report.txt"), std::iter::once(report.as_bytes()))
}

#[derive(Default)]
struct Found {
    /// The newest version's number by table and key.
    newest: HashMap<(Table, Box<[u8]>), u64>,
    kept: u64,
    dropped: u64,
    damages: Vec<Damage>,
}

impl Found {
    fn gather(damaged: &Path, mut sealer: Sealer, into: &Engine) -> Result<Self, Failure> {
        let mut found = Self::default();
        let sources = Sources::list(damaged, &mut sealer)?;
        found.damages = sources.visit(|table, key, number, stored| {
            if stored.is_some_and(|stored| sealer.open(table, key, stored).is_none()) {
                found.dropped += 1;
                return;
            }
            let newest = found.newest.entry((table, key.into())).or_insert(number);
            *newest = number.max(*newest);
        })?;

        let mut writer = Writer { engine: into, sealer: sealer.clone(), batch: Batch::new(), failed: None };
        sources.visit(|table, key, number, stored| {
            let id = (table, key.into());
            let Some(stored) = stored.filter(|_| found.newest.get(&id) == Some(&number)) else { return };
            if let Some(value_start) = sealer.open(table, key, stored) {
                found.newest.remove(&id);
                found.kept += 1;
                writer.put(table, key, &stored[value_start..]);
            }
        })?;
        writer.finish()?;
        Ok(found)
    }
}

struct Writer<'a> {
    engine: &'a Engine,
    sealer: Sealer,
    batch: Batch,
    failed: Option<Failure>,
}

impl Writer<'_> {
    fn put(&mut self, table: Table, key: &[u8], value: &[u8]) {
        self.batch.put(table, key, value);
        if self.batch.bytes() >= BATCH_BYTES {
            self.flush();
        }
    }

    fn flush(&mut self) {
        if self.failed.is_none() {
            self.failed = self.engine.commit(&self.batch, &mut self.sealer, Durability::Process).err();
        }
        self.batch.clear();
    }

    fn finish(mut self) -> Result<(), Failure> {
        self.flush();
        self.failed.map_or(Ok(()), Err)
    }
}

/// Everything that may hold records.
struct Sources {
    files: Vec<(Table, PathBuf)>,
    journals: Vec<journal::Journal>,
}

impl Sources {
    fn list(damaged: &Path, sealer: &mut Sealer) -> io::Result<Self> {
        let mut files = Vec::new();
        for table in Table::ALL {
            let folder = damaged.join("keyspaces").join(table.keyspace_id().to_string()).join("tables");
            match std::fs::read_dir(folder) {
                Ok(entries) => {
                    for entry in entries {
                        files.push((table, entry?.path()));
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        Ok(Self { files, journals: journal::read_all(damaged, sealer)? })
    }

    /// Hands every version of every record to `visit`: table, key, number, and the stored bytes unless it is a removal.
    fn visit(&self, mut visit: impl FnMut(Table, &[u8], u64, Option<&[u8]>)) -> Result<Vec<Damage>, Failure> {
        let mut damages = Vec::new();
        for (table, path) in &self.files {
            let mut on_item = |item: InternalValue| {
                let stored = (!item.is_tombstone()).then_some(&item.value[..]);
                visit(*table, &item.key.user_key, item.key.seqno, stored);
            };
            let whole = std::panic::catch_unwind(AssertUnwindSafe(|| visit_file(path, &mut on_item)));
            let what = match whole {
                Ok(Ok(0)) => continue,
                Ok(Ok(blocks)) => format!("{blocks} of its blocks cannot be read (table {})", table.name()),
                Ok(Err(Failure::Io(error))) => return Err(Failure::Io(error)),
                Ok(Err(_)) | Err(_) => format!("cannot be read to its end (table {})", table.name()),
            };
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            damages.push(Damage::new(format!("keyspaces/{}/tables/{name}", table.keyspace_id()), what));
        }
        for journal in &self.journals {
            journal.visit(|number, write| visit(write.table, write.key, number, write.stored))?;
        }
        Ok(damages)
    }
}

/// Reads a table file block by block and says how many blocks could not be read. A file whose index is damaged is read
/// from its beginning as far as it goes.
fn visit_file(path: &Path, visit: &mut dyn FnMut(InternalValue)) -> Result<u64, Failure> {
    let cache = Arc::new(Cache::with_capacity_bytes(1 << 20));
    let opened = lsm_tree::Table::recover(path.to_owned(), Checksum::from_raw(0), 0, 0, cache, None, false, true);
    let table = match opened.map_err(Failure::from) {
        Ok(table) => table,
        Err(Failure::Io(error)) => return Err(Failure::Io(error)),
        Err(failure) => {
            let blocks = Scanner::new(path, usize::MAX, CompressionType::None, 0)?;
            blocks.map_while(Result::ok).for_each(visit);
            return Err(failure);
        }
    };
    let mut unreadable = 0;
    for item in table.iter() {
        match item.map_err(Failure::from) {
            Ok(item) => visit(item),
            Err(Failure::Io(error)) => return Err(Failure::Io(error)),
            Err(_) => unreadable += 1,
        }
    }
    Ok(unreadable)
}
