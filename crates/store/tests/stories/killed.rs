//! Stories of processes that were killed while they wrote: what they had acknowledged is there, and every batch is there
//! whole or not at all.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use crate::world::{limits, place};
use factree_store::Table::{Deliveries, Messages, Meta, Sessions};
use factree_store::{Batch, Durability, Store};

/// Where the child process finds its store; without it the child's part is not played.
const PLACE: &str = "FACTREE_STORE_KILLED_PLACE";
const DURABILITY: &str = "FACTREE_STORE_KILLED_DURABILITY";

/// The child: commits numbered batches for ever and says each number once its commit has returned.
#[test]
fn child() {
    let Ok(place) = std::env::var(PLACE) else { return };
    let durability = if std::env::var(DURABILITY).is_ok() { Durability::Power } else { Durability::Process };
    let (mut store, _) = Store::open(Path::new(&place), durability, limits()).expect("the store opens");
    let first = last(&store).map_or(0, |last| last + 1);
    let mut batch = Batch::new();
    for number in first.. {
        let bytes = number.to_be_bytes();
        for table in [Messages, Deliveries, Sessions] {
            batch.put(table, &bytes, &[number as u8; 300]);
        }
        if let Some(old) = number.checked_sub(50) {
            [Messages, Deliveries, Sessions].iter().for_each(|table| batch.remove(*table, &old.to_be_bytes()));
        }
        batch.put(Meta, b"last", &bytes);
        store.commit(&mut batch).expect("a commit");
        let mut out = std::io::stdout().lock();
        writeln!(out, "committed {number}").and_then(|()| out.flush()).expect("the parent listens");
    }
}

fn last(store: &Store) -> Option<u64> {
    let last = store.get(Meta, b"last").expect("readable")?;
    Some(u64::from_be_bytes(last.value().try_into().expect("eight bytes")))
}

/// Lets a child commit some batches and kills it; the last number it said.
fn commit_and_kill(place: &Path, durability: Durability, batches: usize) -> u64 {
    let mut child = Command::new(std::env::current_exe().expect("a test program"));
    child.args(["--exact", "killed::child", "--nocapture"]).env(PLACE, place).stdout(Stdio::piped());
    if durability == Durability::Power {
        child.env(DURABILITY, "power");
    }
    let mut child = child.spawn().expect("a child");
    let lines = BufReader::new(child.stdout.take().expect("its voice")).lines().map(|line| line.expect("a line"));
    // The test harness speaks too, on the same line as the first number.
    let mut numbers = lines.filter_map(|line| Some(line.split_once("committed ")?.1.parse().expect("a number")));
    let said = numbers.by_ref().take(batches).last().expect("it lives");
    child.kill().expect("it can be killed");
    let said = numbers.last().unwrap_or(said);
    child.wait().expect("it has ended");
    said
}

fn kill_again_and_again(durability: Durability) {
    let place = place();
    let mut before = 0;
    for round in 0..12 {
        let said = commit_and_kill(place.path(), durability, 1 + round * 23);
        assert!(said >= before, "numbers go up");
        let (store, opened) = Store::open(place.path(), durability, limits()).expect("the store opens");
        assert!(opened.damaged.is_none(), "a killed process leaves no damage: {opened:?}");
        let last = last(&store).expect("something was committed");
        assert!(last == said || last == said + 1, "{said} was acknowledged, {last} is there");
        let expected: Vec<u64> = (last.saturating_sub(49)..=last).collect();
        for table in [Messages, Deliveries, Sessions] {
            let numbers: Vec<u64> = store
                .read(table)
                .map(|record| u64::from_be_bytes(record.expect("a record").key().try_into().expect("eight bytes")))
                .collect();
            assert_eq!(numbers, expected, "round {round}, {table:?}");
        }
        before = last;
    }
}

#[test]
fn a_killed_process_loses_nothing_it_acknowledged() {
    kill_again_and_again(Durability::Process);
}

#[test]
fn a_killed_process_loses_nothing_that_was_to_outlast_the_power() {
    kill_again_and_again(Durability::Power);
}
