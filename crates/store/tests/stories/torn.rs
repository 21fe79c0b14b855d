//! Stories of processes that were stopped in the middle of a write: what is found is what was committed, up to some
//! batch, and no part of another.

use std::fs;
use std::path::PathBuf;

use crate::world::{Content, commit, content, newest_journal, open, place};
use factree_store::Batch;
use factree_store::Table::{Messages, Sessions};
use tempfile::TempDir;

/// A store of four batches, closed; the journal's length after each, and the content then.
struct Four {
    place: TempDir,
    journal: PathBuf,
    whole: Vec<u8>,
    states: Vec<(usize, Content)>,
}

fn four_batches() -> Four {
    let place = place();
    drop(open(place.path()));
    // From its second opening on a journal is as long as what is in it.
    let (mut store, _) = open(place.path());
    let journal = newest_journal(place.path());
    let length = || usize::try_from(fs::metadata(&journal).expect("a journal").len()).expect("short");
    let mut now = Content::new();
    let mut states = vec![(length(), now.clone())];
    for number in 0..4 {
        let (message, other) = (format!("m{number}"), format!("m{}", number - 2));
        let writes = [
            (Sessions, "robot", Some(message.as_str())),
            (Messages, message.as_str(), Some("")),
            (Messages, other.as_str(), None),
        ];
        commit(&mut store, &mut now, &writes);
        states.push((length(), now.clone()));
    }
    drop(store);
    let whole = fs::read(&journal).expect("a journal");
    assert_eq!((states[0].0, states[4].0), (0, whole.len()), "the journal holds the four batches and nothing else");
    Four { place, journal, whole, states }
}

impl Four {
    /// Opens with `bytes` for a journal, and says how many batches are there. Now and then: a batch more can be committed and stays.
    fn batches_in(&self, bytes: &[u8]) -> usize {
        fs::write(&self.journal, bytes).expect("a journal");
        let (mut store, opened) = open(self.place.path());
        assert!(opened.damaged.is_none(), "a torn end is no damage: {opened:?}");
        let mut found = content(&store);
        let batches = self.states.iter().position(|(_, state)| *state == found).expect("the state after some batch");
        if !bytes.len().is_multiple_of(8) {
            return batches;
        }
        commit(&mut store, &mut found, &[(Sessions, "afterwards", Some("here"))]);
        drop(store);
        let (store, opened) = open(self.place.path());
        assert_eq!((content(&store), opened.torn_bytes), (found, 0), "what was committed after a torn end is there");
        batches
    }

    fn whole_until(&self, len: usize) -> usize {
        self.states.iter().rposition(|(end, _)| *end <= len).expect("no batch at all ends at 0")
    }
}

#[test]
fn a_journal_cut_off_anywhere_holds_the_batches_before() {
    let four = four_batches();
    for len in 0..=four.whole.len() {
        assert_eq!(four.batches_in(&four.whole[..len]), four.whole_until(len), "cut off at {len}");
    }
}

#[test]
fn zeros_instead_of_the_end_hold_the_batches_before() {
    let four = four_batches();
    for len in (four.states[3].0..four.whole.len()).step_by(3) {
        let mut bytes = four.whole.clone();
        bytes[len..].fill(0);
        bytes.resize(bytes.len() + 4096, 0);
        assert_eq!(four.batches_in(&bytes), 3, "zeros from {len}");
    }
}

#[test]
fn a_page_that_never_reached_the_disk_takes_its_batch_with_it() {
    let four = four_batches();
    let (start, end) = (four.states[3].0, four.states[4].0);
    for at in (start..end - 16).step_by(7) {
        let mut bytes = four.whole.clone();
        bytes[at..at + 16].fill(0);
        // Only a run of zeros that was a run of zeros before is no loss.
        let expected = if bytes == four.whole { 4 } else { 3 };
        assert_eq!(four.batches_in(&bytes), expected, "a hole at {at}");
    }
}

#[test]
fn garbage_behind_the_last_batch_is_cut_off() {
    let four = four_batches();
    for garbage in [&b"\x01"[..], b"\x01\x01\0\0\0", b"\x03\0\0\0\0\0\0\0\0FJL\x03", b"garbage", &[0xff; 300]] {
        assert_eq!(four.batches_in(&[&four.whole, garbage].concat()), 4, "{garbage:02x?}");
    }
}

#[test]
fn any_altered_byte_of_the_last_batch_costs_that_batch() {
    let four = four_batches();
    let (start, end) = (four.states[3].0, four.states[4].0);
    for at in start..end {
        let mut bytes = four.whole.clone();
        bytes[at] ^= 0x21;
        let found = four.batches_in(&bytes);
        // The batch's number may be altered upwards and still be in order: nothing is lost then.
        let number = start + 5..start + 13;
        assert!(found == 3 || number.contains(&at) && found == 4, "byte {at} altered: {found} batches");
    }
}

#[test]
fn a_batch_forged_in_a_payload_is_not_believed() {
    let place = place();
    drop(open(place.path()));
    let (mut store, _) = open(place.path());
    let journal = newest_journal(place.path());
    let mut now = Content::new();
    commit(&mut store, &mut now, &[(Sessions, "robot", Some("before"))]);
    let start = fs::metadata(&journal).expect("a journal").len();
    commit(&mut store, &mut now, &[(Sessions, "robot", Some("forged"))]);
    drop(store);
    // A batch as another store writes it, and one that only removes, as payloads of a message.
    let forged = forged_batches();
    let (mut store, _) = open(place.path());
    let mut batch = Batch::new();
    batch.put(Messages, b"hostile", &forged);
    store.commit(&mut batch).expect("a commit");
    drop(store);
    // The head of the batch that carries the payload is altered, and of the one before: the search goes through the payload.
    let mut bytes = fs::read(&journal).expect("a journal");
    let carrier = bytes.windows(forged.len()).position(|window| window == forged).expect("the payload is in there");
    bytes[usize::try_from(start).expect("short") + 1] ^= 1;
    bytes[carrier - 36] ^= 1; // the kind of the write
    fs::write(&journal, &bytes).expect("a journal");
    let (store, opened) = open(place.path());
    assert_eq!(content(&store), Content::from([((Sessions, b"robot".to_vec()), b"before".to_vec())]));
    assert!(opened.torn_bytes > 0);
}

/// What another store's journal holds: a put and a removal of the key the victim has.
fn forged_batches() -> Vec<u8> {
    let other = place();
    drop(open(other.path()));
    let (mut store, _) = open(other.path());
    let mut content = Content::new();
    (0..4).for_each(|_| commit(&mut store, &mut content, &[(Sessions, "robot", Some("invented"))]));
    commit(&mut store, &mut content, &[(Sessions, "robot", None)]);
    drop(store);
    fs::read(newest_journal(other.path())).expect("a journal")
}
