//! Stories of disks that alter, lose or cut off what was written. Whatever happens to a file: the store opens, every
//! record read is one that was written, and if anything is not as it was, opening says so.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};

use crate::world::{self, Content, commit, content, copy, files, newest_journal, open, place};
use factree_store::Table::{Messages, Retained, Sessions};
use factree_store::{Durability, OpenError, Store, Table};
use tempfile::TempDir;

/// A store with table files and a journal, closed.
struct Written {
    place: TempDir,
    content: Content,
    /// Everything that was ever written under a key.
    history: HashMap<(Table, Vec<u8>), HashSet<Vec<u8>>>,
}

fn written() -> Written {
    let place = place();
    drop(open(place.path()));
    let (mut store, _) = open(place.path());
    let (mut now, mut history) = (Content::new(), HashMap::<_, HashSet<_>>::new());
    // The engine writes table files in the background: go on until there are some.
    let in_table_files =
        |table: &Table| !files(&place.path().join(format!("engine/keyspaces/{}/tables", *table as u8 + 1))).is_empty();
    for round in 0.. {
        if round > 120 && [Messages, Retained, Sessions].iter().all(in_table_files) {
            break;
        }
        let writes: Vec<_> = (0..6)
            .map(|number| {
                let table = [Messages, Retained, Sessions][number % 3];
                let value = (number != 5 || round % 3 > 0).then(|| format!("value {round} {}", "x".repeat(120)));
                (table, format!("key {}", (round * 7 + number) % 90), value)
            })
            .collect();
        let writes: Vec<_> =
            writes.iter().map(|(table, key, value)| (*table, key.as_str(), value.as_deref())).collect();
        commit(&mut store, &mut now, &writes);
        for (table, key, value) in writes {
            let known = history.entry((table, key.as_bytes().to_vec())).or_default();
            known.extend(value.map(|value| value.as_bytes().to_vec()));
        }
    }
    drop(store);
    Written { place, content: now, history }
}

impl Written {
    /// Does `harm` to a copy of the store, and opens it; says how many records are as they were.
    fn after(&self, what: &str, harm: impl FnOnce(&Path)) -> usize {
        let place = place();
        copy(self.place.path(), place.path());
        harm(place.path());
        let (store, opened) = Store::open(place.path(), Durability::Process, world::limits())
            .unwrap_or_else(|error| panic!("{what}: {error}"));
        let found = content(&store);
        for (id, value) in &found {
            let known = self.history.get(id).is_some_and(|known| known.contains(value));
            assert!(known, "{what}: {id:?} was never written with the value that is read");
        }
        let said = opened.damaged.is_some() || opened.torn_bytes > 0;
        assert!(said || found == self.content, "{what}: records are not as they were, and nobody says so");
        if let Some(damaged) = &opened.damaged {
            assert!(
                !damaged.damages.is_empty() && damaged.set_aside.join("report.txt").is_file(),
                "{what}: {damaged:?}"
            );
            assert_eq!(usize::try_from(damaged.kept).expect("few"), found.len(), "{what}");
        }
        drop(store);
        let (store, again) = open(place.path());
        assert!(again.damaged.is_none() && content(&store) == found, "{what}: what is salvaged stays, {again:?}");
        self.content.iter().filter(|(id, value)| found.get(*id) == Some(value)).count()
    }

    fn files(&self) -> Vec<PathBuf> {
        files(self.place.path())
    }
}

#[test]
fn an_altered_byte_anywhere_is_noticed_and_costs_little() {
    let written = written();
    let (mut worst, all) = (written.content.len(), written.content.len());
    for file in written.files() {
        let len = fs::metadata(written.place.path().join(&file)).expect("a file").len();
        let step = usize::try_from(len / 3).expect("short").max(1);
        for at in (0..usize::try_from(len).expect("short")).step_by(step) {
            let kept = written.after(&format!("byte {at} of {}", file.display()), |place| {
                let path = place.join(&file);
                let mut bytes = fs::read(&path).expect("a file");
                bytes[at] ^= 0x10;
                fs::write(path, bytes).expect("a file");
            });
            worst = worst.min(kept);
        }
    }
    assert!(worst * 10 > all * 5, "one byte costs {} of {all} records", all - worst);
}

#[test]
fn a_file_that_is_gone_empty_or_half_is_noticed() {
    let written = written();
    for file in written.files().iter().filter(|file| !file.ends_with("lock")) {
        let name = file.display();
        written.after(&format!("{name} gone"), |place| fs::remove_file(place.join(file)).expect("a file"));
        let half = fs::metadata(written.place.path().join(file)).expect("a file").len() / 2;
        for len in [0, half] {
            // A journal that ends between two batches is like one to which no more was written.
            if len == 0 && file.extension().is_some_and(|ext| ext == "jnl") {
                continue;
            }
            written.after(&format!("{name} cut to {len}"), |place| {
                let file = fs::OpenOptions::new().write(true).open(place.join(file)).expect("a file");
                file.set_len(len).expect("cut");
            });
        }
    }
}

#[test]
fn a_hole_in_the_journal_costs_the_batches_in_it_and_no_other() {
    let written = written();
    let kept = written.after("a hole", |place| {
        let journal = newest_journal(place);
        let mut bytes = fs::read(&journal).expect("a journal");
        let middle = bytes.len() / 2;
        bytes[middle..middle + 40].fill(0xee);
        fs::write(journal, bytes).expect("a journal");
    });
    assert!(kept + 12 >= written.content.len(), "{kept} of {} records", written.content.len());
}

#[test]
fn a_batch_whose_place_in_the_order_is_altered_is_not_believed() {
    let place = place();
    drop(open(place.path()));
    let (mut store, _) = open(place.path());
    let journal = newest_journal(place.path());
    let (mut now, mut ends) = (Content::new(), vec![0]);
    for value in ["one", "two", "three", "four"] {
        commit(&mut store, &mut now, &[(Sessions, "robot", Some(value)), (Messages, value, Some(""))]);
        ends.push(usize::try_from(fs::metadata(&journal).expect("a journal").len()).expect("short"));
    }
    drop(store);
    let whole = fs::read(&journal).expect("a journal");
    // The lowest byte of the third batch's number set to zero, and its highest byte but one.
    for (at, value) in [(ends[2] + 5, 0), (ends[2] + 11, 0x20)] {
        let copied = world::place();
        copy(place.path(), copied.path());
        let mut bytes = whole.clone();
        bytes[at] = value;
        fs::write(newest_journal(copied.path()), bytes).expect("a journal");
        let (store, opened) = open(copied.path());
        assert!(opened.damaged.is_some());
        let mut expected = now.clone();
        expected.remove(&(Messages, b"three".to_vec()));
        assert_eq!(content(&store), expected, "the other three are there, in their order");
    }
}

#[test]
fn both_identities_gone_means_starting_empty_and_saying_so() {
    let written = written();
    let kept = written.after("no identity", |place| {
        for file in ["identity", "identity.copy"] {
            fs::write(place.join("engine").join(file), "?").expect("a file");
        }
    });
    assert_eq!(kept, 0);
}

#[test]
fn one_identity_gone_is_mended() {
    let written = written();
    for file in ["identity", "identity.copy"] {
        let place = written.place.path();
        fs::remove_file(place.join("engine").join(file)).expect("a file");
        let (store, opened) = open(place);
        assert!(opened.damaged.is_none() && content(&store) == written.content);
        assert_eq!(opened.mended.iter().map(|damage| damage.file.as_str()).collect::<Vec<_>>(), [file]);
        drop(store);
        assert!(open(place).1.mended.is_empty(), "it is whole again");
    }
}

#[test]
fn a_store_that_was_being_made_is_made_anew_and_a_finished_one_is_kept() {
    let written = written();
    let place = place();
    copy(&written.place.path().join("engine"), &place.path().join("engine.new"));
    let (store, opened) = open(place.path());
    assert!(!opened.created && content(&store) == written.content, "all that was missing was its name");

    let place = world::place();
    copy(&written.place.path().join("engine"), &place.path().join("engine.new"));
    for file in ["identity", "identity.copy"] {
        fs::remove_file(place.path().join("engine.new").join(file)).expect("a file");
    }
    let (store, opened) = open(place.path());
    assert!(opened.created && content(&store).is_empty(), "the identity is written last");
}

#[test]
fn a_newer_store_is_left_alone() {
    let place = place();
    drop(open(place.path()));
    let mut identity = b"factree\0\x02\0\0\0\x0a\0\0\0".to_vec();
    identity.resize(32, 7);
    identity.extend(xxhash_rust::xxh3::xxh3_64(&identity).to_le_bytes());
    fs::write(place.path().join("engine/identity"), &identity).expect("a file");
    let before = files(place.path());
    let error = Store::open(place.path(), Durability::Power, world::limits()).err().expect("an error");
    assert!(matches!(error, OpenError::Newer { found: 2, known: 1, .. }), "{error}");
    assert_eq!(files(place.path()), before);
    assert_eq!(fs::read(place.path().join("engine/identity")).expect("a file"), identity);
}
