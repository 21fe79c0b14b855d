//! Stories of a disk that runs full, on a real small file system. They need to mount one: where that is not allowed they
//! say so and pass.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::world::{self, Content, commit, content, open};
use factree_store::Table::{Messages, Meta, Sessions};
use factree_store::{Batch, CommitError, Durability, Limits, OpenError, Space, Store};
use tempfile::TempDir;

const MIB: u64 = 1 << 20;

/// A file system in memory, of a size.
struct SmallDisk {
    place: TempDir,
}

impl SmallDisk {
    fn mount(mib: u64) -> Option<Self> {
        let place = tempfile::tempdir().expect("a directory");
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={mib}m"), "tmpfs"])
            .arg(place.path())
            .output()
            .is_ok_and(|output| output.status.success());
        if !mounted {
            eprintln!("skipped: no file system can be mounted here");
        }
        mounted.then_some(Self { place })
    }

    fn store(&self) -> PathBuf {
        self.place.path().join("store")
    }

    /// Fills the disk but for `left` bytes with a file that has nothing to do with the store.
    fn fill_up_to(&self, left: u64) {
        let free = fs4::available_space(self.place.path()).expect("a file system");
        let ballast = vec![1; usize::try_from(free.saturating_sub(left)).expect("a small disk")];
        fs::write(self.ballast(), ballast).expect("there is room for it");
    }

    fn make_room(&self) {
        fs::remove_file(self.ballast()).expect("the ballast is there");
        // ext4 counts what was freed as free once its journal has it.
        fs::File::open(self.place.path()).and_then(|place| place.sync_all()).expect("a directory can be synced");
    }

    fn ballast(&self) -> PathBuf {
        self.place.path().join("ballast")
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.place.path()).output();
    }
}

/// Commits until the disk refuses; the refusal. Many small writes take more room than the batch lets on, so that it is the
/// disk that refuses and not the look at the free space.
fn fill(store: &mut Store, content: &mut Content, next: &mut u32) -> CommitError {
    loop {
        let mut batch = Batch::new();
        let keys =
            (0..300 + *next % 100).map(|number| (*next * 1000 + number).to_be_bytes().to_vec()).collect::<Vec<_>>();
        keys.iter().for_each(|key| batch.put(Messages, key, b""));
        batch.put(Sessions, b"newest", &next.to_be_bytes());
        let writes = batch.len();
        match store.commit(&mut batch) {
            Ok(()) => {
                content.extend(keys.into_iter().map(|key| ((Messages, key), Vec::new())));
                content.insert((Sessions, b"newest".to_vec()), next.to_be_bytes().to_vec());
                *next += 1;
            }
            Err(error) => {
                assert_eq!(batch.len(), writes, "a refused batch keeps its writes");
                return error;
            }
        }
    }
}

fn reopened(path: &Path) -> Content {
    let (store, opened) = open(path);
    assert!(opened.damaged.is_none(), "{opened:?}");
    content(&store)
}

#[test]
fn a_disk_that_refuses_a_write_loses_nothing_and_recovers_by_itself() {
    let Some(disk) = SmallDisk::mount(24) else { return };
    // A background thread that fails does not say by what: there is a reserve, so that a full disk is recognised.
    let limits = Limits { reserve_bytes: MIB, ..world::limits() };
    let (mut store, _) = Store::open(&disk.store(), Durability::Power, limits).expect("the store opens");
    let (mut now, mut next) = (Content::new(), 0);
    for round in 0..3 {
        disk.fill_up_to(MIB / 2);
        assert_eq!(fill(&mut store, &mut now, &mut next), CommitError::Full, "round {round}");
        assert_eq!(store.space(), Space::Low);
        assert_eq!(fill(&mut store, &mut now, &mut next), CommitError::Full, "it stays full until there is room");
        disk.make_room();
        commit(&mut store, &mut now, &[(Meta, "round", Some(&round.to_string()))]);
        assert!(content(&store) == now, "round {round}: what was acknowledged is there, and nothing else");
    }
    drop(store);
    assert!(reopened(&disk.store()) == now, "and so it is after a restart");
}

#[test]
fn a_process_killed_on_a_full_disk_finds_what_was_acknowledged() {
    let Some(disk) = SmallDisk::mount(24) else { return };
    let limits = Limits { reserve_bytes: MIB, ..world::limits() };
    let (mut store, _) = Store::open(&disk.store(), Durability::Process, limits).expect("the store opens");
    let (mut now, mut next) = (Content::new(), 0);
    disk.fill_up_to(MIB);
    assert_eq!(fill(&mut store, &mut now, &mut next), CommitError::Full);
    let copy = world::place();
    world::copy(&disk.store(), copy.path());
    assert!(reopened(copy.path()) == now);
}

#[test]
fn little_room_is_said_before_there_is_none_and_housekeeping_goes_on() {
    let Some(disk) = SmallDisk::mount(24) else { return };
    let limits = Limits { reserve_bytes: 8 * MIB, floor_bytes: 2 * MIB, ..world::limits() };
    let (mut store, _) = Store::open(&disk.store(), Durability::Power, limits).expect("the store opens");
    let mut now = Content::new();
    assert_eq!(store.space(), Space::Enough);
    disk.fill_up_to(4 * MIB);
    assert_eq!(store.space(), Space::Low);
    commit(&mut store, &mut now, &[(Sessions, "robot", Some("still taken"))]);
    disk.make_room();
    disk.fill_up_to(MIB);
    let mut batch = Batch::new();
    batch.put(Sessions, b"robot", b"refused");
    assert_eq!(store.commit(&mut batch), Err(CommitError::Full), "below the floor nothing is written at all");
    disk.make_room();
    assert_eq!((store.space(), store.commit(&mut batch)), (Space::Enough, Ok(())));
    assert_eq!(store.get(Sessions, b"robot").expect("readable").expect("there").value(), b"refused");
}

#[test]
fn no_room_to_make_a_store_is_an_error_and_no_damage() {
    let Some(disk) = SmallDisk::mount(1) else { return };
    disk.fill_up_to(8 << 10);
    let error = Store::open(&disk.store(), Durability::Power, Limits::default()).err().expect("an error");
    assert!(
        matches!(&error, OpenError::Io { error, .. } if error.kind() == std::io::ErrorKind::StorageFull),
        "{error}"
    );
    disk.make_room();
    drop(open(&disk.store()));
}
