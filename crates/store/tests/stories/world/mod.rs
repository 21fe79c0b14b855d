//! What the stories share: a place for a store, and its content as a map.
//!
//! Places are in memory where there is such a file system, so that a story may open a store a thousand times.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use factree_store::{Batch, Durability, Limits, Opened, Store, Table};
use tempfile::TempDir;

/// All records: table and key to value.
pub(crate) type Content = BTreeMap<(Table, Vec<u8>), Vec<u8>>;

/// A directory for a store.
pub(crate) fn place() -> TempDir {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.expect("a directory")
}

/// Opens a store that must open.
pub(crate) fn open(path: &Path) -> (Store, Opened) {
    Store::open(path, Durability::Process, limits()).expect("the store opens")
}

/// Small enough that a few hundred records reach table files; the disk is never too full.
pub(crate) fn limits() -> Limits {
    Limits { reserve_bytes: 0, floor_bytes: 0, memtable_bytes: 16 << 10, ..Limits::default() }
}

/// All that can be read; it must all be readable.
pub(crate) fn content(store: &Store) -> Content {
    let records = Table::ALL.into_iter().flat_map(|table| store.read(table).map(move |record| (table, record)));
    records
        .map(|(table, record)| {
            let record = record.expect("a record of an open store can be read");
            ((table, record.key().to_vec()), record.value().to_vec())
        })
        .collect()
}

/// Commits `writes` and does the same to `content`.
pub(crate) fn commit(store: &mut Store, content: &mut Content, writes: &[(Table, &str, Option<&str>)]) {
    let mut batch = Batch::new();
    for (table, key, value) in writes {
        match value {
            Some(value) => batch.put(*table, key.as_bytes(), value.as_bytes()),
            None => batch.remove(*table, key.as_bytes()),
        }
    }
    store.commit(&mut batch).expect("a commit");
    for (table, key, value) in writes {
        let key = (*table, key.as_bytes().to_vec());
        match value {
            Some(value) => drop(content.insert(key, value.as_bytes().to_vec())),
            None => drop(content.remove(&key)),
        }
    }
}

/// Everything below `from`, to `to`.
pub(crate) fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a directory");
    for entry in fs::read_dir(from).expect("a directory").map(|entry| entry.expect("an entry").path()) {
        let target = to.join(entry.file_name().expect("a name"));
        if entry.is_dir() {
            copy(&entry, &target);
        } else {
            fs::copy(&entry, &target).expect("a copy");
        }
    }
}

/// All files below `path`, relative to it.
pub(crate) fn files(path: &Path) -> Vec<PathBuf> {
    fn walk(path: &Path, root: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(path).expect("a directory").map(|entry| entry.expect("an entry").path()) {
            if entry.is_dir() {
                walk(&entry, root, found);
            } else {
                found.push(entry.strip_prefix(root).expect("below the root").to_owned());
            }
        }
    }
    let mut found = Vec::new();
    walk(path, path, &mut found);
    found.sort();
    found
}

/// The newest journal of the store in `path`.
pub(crate) fn newest_journal(path: &Path) -> PathBuf {
    let engine = path.join("engine");
    let journals = files(&engine).into_iter().filter(|file| file.extension().is_some_and(|ext| ext == "jnl"));
    let newest =
        journals.max_by_key(|file| file.with_extension("").to_string_lossy().parse::<u64>().expect("a number"));
    engine.join(newest.expect("a journal"))
}
