//! Stories of a disk that fails: the store says so, for good, and acknowledges nothing more.

use std::fs;

use crate::world::{Content, commit, content, copy, open, place};
use factree_store::Table::{Messages, Sessions};
use factree_store::{Batch, CommitError, Durability, Limits, OpenError, Store};

#[test]
fn a_failed_write_in_the_background_is_fatal_and_stays_so() {
    let here = place();
    let (mut store, _) = open(here.path());
    let mut now = Content::new();
    commit(&mut store, &mut now, &[(Sessions, "robot", Some("acknowledged"))]);
    let kept = place();
    copy(here.path(), kept.path());
    // The engine has nowhere to write its next table file.
    fs::remove_dir_all(here.path().join(format!("engine/keyspaces/{}/tables", Messages as u8 + 1)))
        .expect("a directory");
    let mut batch = Batch::new();
    let why = loop {
        batch.put(Messages, b"message", &[7; 20 << 10]);
        match store.commit(&mut batch) {
            Ok(()) => {}
            Err(CommitError::Fatal(why)) => break why,
            Err(CommitError::Full) => panic!("the disk is not full"),
        }
    };
    assert!(!batch.is_empty(), "the batch is not acknowledged");
    assert_eq!(store.commit(&mut batch), Err(CommitError::Fatal(why.clone())));
    batch.clear();
    batch.put(Sessions, b"robot", b"another batch");
    assert_eq!(store.commit(&mut batch), Err(CommitError::Fatal(why)));
    assert!(store.read(Sessions).next().expect("one error").is_err(), "nor is it read from any more");
    drop(store);
    assert!(content(&open(kept.path()).0) == now);
}

#[test]
fn a_machine_that_refuses_is_not_damage() {
    let here = place();
    let path = here.path().join("store");
    fs::write(&path, "a file where the directory should be").expect("a file");
    let error = Store::open(&path, Durability::Power, Limits::default()).err().expect("an error");
    assert!(matches!(error, OpenError::Io { .. }), "{error}");
    assert_eq!(fs::read(&path).expect("a file"), b"a file where the directory should be");
}
