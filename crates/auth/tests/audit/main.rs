//! Stories of the audit log: what is written, and what shows when somebody lays hands on it.
//!
//! The attacker here knows the format and can do everything but sign, unless a story says that he has the key.

mod log;
mod properties;

use std::time::Duration;

use factree_auth::audit::{
    Fault, Head, Installation, OnFull, Page, Policy, Query, Step, Trust, Writer, export, stub, verify,
};
use factree_auth::{Now, Timestamp};
use log::{HERE, Log, MORNING, entry, forge, frames, key, rechain};

fn faults(log: &[u8], trust: &Trust) -> String {
    verify(log, trust).expect_err("something is wrong").to_string()
}

/// Twelve records, a head behind each fifth entry: `S R R R R R H R R R R R H R R`, and the head that was kept
/// elsewhere.
fn morning() -> (Vec<Vec<u8>>, Trust) {
    let mut log = Log::new(Policy { head_every: 6, ..Policy::default() });
    for number in 1..=12 {
        log.append(&entry(&format!("Line{number}")));
    }
    let trust = log.trust();
    (frames(&log.bytes()), trust)
}

fn without_head(trust: &Trust) -> Trust {
    Trust { head: None, ..trust.clone() }
}

#[test]
fn a_log_that_nobody_touched_is_what_was_written() {
    let (frames, trust) = morning();
    assert_eq!(frames.iter().map(|frame| frame[0] as char).collect::<String>(), "SRRRRRHRRRRRRHR");
    let verified = verify(&frames.concat()[..], &trust).unwrap();
    assert_eq!((verified.first_seq, verified.last_seq, verified.records, verified.unsigned), (1, 15, 12, 1));
    assert_eq!((verified.installation, verified.head.unwrap().seq), (HERE, 13));
}

#[test]
fn an_edited_entry_is_named() {
    let (mut frames, trust) = morning();
    let at = frames[3].windows(5).position(|bytes| bytes == b"Line3").unwrap();
    frames[3][at + 4] = b'7';
    assert_eq!(faults(&frames.concat(), &trust), "entry 4 is not what was written: its hash does not fit");
}

#[test]
fn every_flipped_byte_is_found_and_its_entry_is_named() {
    let mut log = Log::new(Policy { head_every: 3, ..Policy::default() });
    (1..=5).for_each(|number| log.append(&entry(&format!("Line{number}"))));
    let (trust, log, mut at) = (log.trust_without_head(), log.bytes(), 0);
    for (number, frame) in (1u64..).zip(&frames(&log)) {
        for _ in frame {
            let mut flipped = log.clone();
            flipped[at] ^= 1 << (at % 8);
            let named = match verify(&flipped[..], &trust).expect_err("a flipped bit") {
                Fault::Edited { seq, .. } | Fault::Torn { seq } => seq,
                other => panic!("byte {at} of entry {number}: {other}"),
            };
            assert_eq!(named, number, "byte {at}");
            at += 1;
        }
    }
}

#[test]
fn a_deleted_entry_is_named() {
    for (gone, said) in
        [(4..5, "entry 5 is missing"), (4..6, "entries 5 to 6 are missing"), (6..7, "entry 7 is missing")]
    {
        let (mut frames, trust) = morning();
        frames.drain(gone);
        assert_eq!(faults(&frames.concat(), &trust), said);
    }
    let (mut frames, trust) = morning();
    frames.remove(0);
    assert_eq!(faults(&frames.concat(), &trust), "entry 1 is missing", "the start of the log");
}

#[test]
fn an_inserted_entry_is_named() {
    let (mut frames, trust) = morning();
    // One that fits behind the entry before it, as anybody can make it.
    let fitting = forge(b'R', 5, &frames[5][13..frames[5].len() - 32], &frames[3]);
    frames.insert(4, fitting);
    assert_eq!(faults(&frames.concat(), &trust), "entry 5 was inserted: there are two with that number");
    let (mut frames, trust) = morning();
    frames.insert(4, frames[2].clone());
    assert_eq!(faults(&frames.concat(), &trust), "entry 3 was inserted: there are two with that number", "one twice");
}

#[test]
fn two_entries_in_the_other_order_are_named() {
    let (mut frames, trust) = morning();
    frames.swap(8, 9);
    assert_eq!(faults(&frames.concat(), &trust), "entry 9 is not in its place");
}

/// Whoever changes an entry can make the chain fit again, up to the next head.
#[test]
fn a_chain_that_was_made_anew_does_not_fit_its_heads() {
    let (mut frames, trust) = morning();
    let at = frames[8].windows(5).position(|bytes| bytes == b"Line7").unwrap();
    frames[8][at + 4] = b'1';
    rechain(&mut frames);
    assert_eq!(faults(&frames.concat(), &trust), "entries 8 to 13 are not those that were signed");
    let (mut frames, trust) = morning();
    frames.remove(8);
    rechain(&mut frames);
    assert_eq!(faults(&frames.concat(), &without_head(&trust)), "entries 8 to 12 are not those that were signed");
}

#[test]
fn a_log_that_was_cut_off_is_found_by_whoever_kept_a_head() {
    let (frames, trust) = morning();
    let cut = frames[..10].concat();
    assert_eq!(faults(&cut, &trust), "the end is missing: entry 10 is the last, 13 is known");
    assert!(verify(&cut[..], &without_head(&trust)).is_ok(), "without a head nobody can tell");
    assert_eq!(faults(&frames.concat()[..cut.len() - 1], &trust), "the log ends in the middle of entry 10");
}

#[test]
fn an_older_copy_is_found_by_whoever_kept_a_newer_head() {
    let (frames, trust) = morning();
    let older = frames[..7].concat();
    assert_eq!(
        faults(&older, &trust),
        "the log was set back or cut off: it ends with the head of entry 6, 13 is known"
    );
    // Factree goes on with the older copy, in good faith and with the right key.
    let mut gone_on = Log::resume(&older);
    for number in 20..30 {
        gone_on.append(&entry(&format!("Line{number}")));
    }
    assert!(verify(&gone_on.bytes()[..], &without_head(&trust)).is_ok());
    assert_eq!(
        faults(&gone_on.bytes(), &trust),
        "the log has another history: its entry 13 is not the one that is known"
    );
}

#[test]
fn a_forged_head_is_named() {
    let (mut frames, trust) = morning();
    let last = frames[6].len() - 33;
    frames[6][last] ^= 1;
    rechain(&mut frames);
    assert_eq!(faults(&frames.concat(), &trust), "entry 7 is a head that the key has not signed");
    let (frames, mut trust) = morning();
    trust.head.as_mut().unwrap().seq = 9;
    assert_eq!(faults(&frames.concat(), &trust), "the head from elsewhere is a head that the key has not signed");
}

#[test]
fn a_log_of_another_key_is_of_another_key() {
    let (frames, trust) = morning();
    let other = Trust { key: key(2).public_key(), head: None, ..trust.clone() };
    assert_eq!(faults(&frames.concat(), &other), "entry 1 is of another key");
    assert_eq!(
        faults(&frames.concat(), &Trust { head: trust.head, ..other }),
        "the head from elsewhere is of another key"
    );
}

/// The key was copied to another installation. What it signs there is told by its installation id; the same number
/// signed twice is told by the heads. If the thief also takes the id and nobody has a head from elsewhere, nothing can
/// be told.
#[test]
fn a_copied_key_gives_itself_away() {
    let (_, trust) = morning();
    let elsewhere = Installation([9; 16]);
    let mut copy = Log::of(elsewhere, Policy::default());
    copy.append(&entry("Line1"));
    copy.close();
    assert_eq!(
        faults(&copy.bytes(), &without_head(&trust)),
        format!("entry 1 is of another installation, {elsewhere}: the key was copied")
    );
    let mut twin = Log::new(Policy { head_every: 6, ..Policy::default() });
    for number in 1..=12 {
        twin.append(&entry(&format!("Other{number}")));
    }
    let (ours, theirs) = (trust.head.clone().unwrap(), twin.trust().head.unwrap());
    assert!(trust.key.verifies(&ours) && trust.key.verifies(&theirs) && ours.contradicts(&theirs));
    assert!(!ours.contradicts(&ours.clone()));
    assert_eq!(faults(&twin.bytes(), &trust), "the log has another history: its entry 13 is not the one that is known");
}

#[test]
fn a_head_is_kept_on_one_line() {
    let (_, trust) = morning();
    let head = trust.head.unwrap();
    let line = head.to_string();
    assert_eq!(Head::parse(&line).as_ref(), Ok(&head));
    for broken in ["", "factree-audit-head-1", &line[..line.len() - 1], &line.to_uppercase(), &format!("{line} x")] {
        assert!(Head::parse(broken).is_err(), "{broken}");
    }
}

#[test]
fn segments_follow_on_each_other_and_a_stub_stands_for_those_that_are_gone() {
    let mut log = Log::new(Policy { segment_bytes: 1000, ..Policy::default() });
    for number in 1..=40 {
        log.append(&entry(&format!("Line{number}")));
    }
    log.close();
    let (segments, trust) = (log.segments.clone(), log.trust());
    assert!(segments.len() > 3);
    assert!(segments.iter().all(|segment| segment[0] == b'S'), "each begins with its start");
    assert!(segments.iter().all(|segment| frames(segment).last().unwrap()[0] == b'H'), "and ends with a head");
    assert_eq!(verify(&segments.concat()[..], &trust).unwrap().records, 40);

    let first_kept = frames(&segments[2])[0].clone();
    let seq = u64::from_be_bytes(first_kept[1..9].try_into().unwrap());
    assert_eq!(
        faults(&segments[2..].concat(), &trust),
        format!("the log begins with entry {seq}, and no stub says why")
    );
    let missing = [&segments[..1], &segments[2..]].concat().concat();
    assert!(faults(&missing, &trust).ends_with(&format!("to {} are missing", seq - 1)));

    let stub = stub(&key(1), &segments[2][..], MORNING, MORNING).unwrap();
    let rest = [&stub, &segments[2..].concat()[..]].concat();
    let verified = verify(&rest[..], &trust).unwrap();
    assert_eq!((verified.first_seq, verified.unsigned), (seq, 0));
    let others = [&stub, &segments[3..].concat()[..]].concat();
    assert!(faults(&others, &trust).ends_with("are missing"), "a stub speaks for what it names only");
    let thief = factree_auth::audit::stub(&key(2), &segments[2][..], MORNING, MORNING).unwrap();
    assert!(verify(&[thief, segments[2..].concat()].concat()[..], &trust).is_err());
}

/// A stub that was made for one segment, then another for a later one: the second takes the first in.
#[test]
fn a_later_stub_takes_the_earlier_one_in() {
    let mut log = Log::new(Policy { segment_bytes: 600, ..Policy::default() });
    for number in 1..=40 {
        log.append(&entry(&format!("Line{number}")));
    }
    let later = stub(&key(1), &log.segments[4][..], MORNING, MORNING).unwrap();
    assert!(verify(&[later, log.segments[4..].concat()].concat()[..], &without_head(&log.trust())).is_ok());
}

#[test]
fn a_writer_goes_on_where_a_torn_write_begins() {
    let mut log = Log::new(Policy::default());
    (1..=3).for_each(|number| log.append(&entry(&format!("Line{number}"))));
    let whole = log.bytes();
    for torn in 1..40 {
        let bytes = [&whole[..], &whole[whole.len() - 200..][..torn]].concat();
        // What looks like the header of a frame and is none is damage, not a torn end; here only real beginnings are
        // torn.
        let bytes =
            if bytes[whole.len()] == b'R' { bytes } else { [&whole[..], &b"R"[..], &[0; 39][..torn - 1]].concat() };
        let resumed = Writer::resume(key(1), HERE, Policy::default(), &bytes[..]);
        match resumed {
            Ok(resumed) => assert_eq!((resumed.whole_bytes, resumed.is_torn), (whole.len() as u64, true), "{torn}"),
            Err(error) => panic!("{torn}: {error}"),
        }
    }
    let mut damaged = whole.clone();
    damaged[200] ^= 1;
    assert!(Writer::resume(key(1), HERE, Policy::default(), &damaged[..]).is_err());
    assert!(Writer::resume(key(1), Installation([9; 16]), Policy::default(), &whole[..]).is_err());
    assert!(Writer::resume(key(2), HERE, Policy::default(), &whole[..]).is_err());
    assert!(Writer::resume(key(1), HERE, Policy::default(), &whole[..50]).is_err(), "torn in its start");
}

#[test]
fn heads_come_after_so_many_entries_or_so_much_time() {
    let mut log = Log::new(Policy { head_every: 100, head_after: Duration::from_secs(60), ..Policy::default() });
    assert_eq!(log.writer.next_head(), None, "nothing is unsigned");
    log.append(&entry("Line1"));
    assert_eq!(log.writer.next_head(), Some(Duration::from_secs(60)));
    log.pass(Duration::from_secs(58));
    log.tick();
    assert_eq!(log.heads.len(), 0);
    log.pass(Duration::from_secs(1));
    log.tick();
    assert_eq!((log.heads.len(), log.writer.next_head()), (1, None));
    (0..100).for_each(|_| log.append(&entry("Line1")));
    assert_eq!(log.heads.len(), 2);
}

/// ST09: the wall clock goes back a day and forward a year; slow drift is no step.
#[test]
fn a_step_of_the_clock_is_marked() {
    let mut log = Log::new(Policy::default());
    let mut marks = Vec::new();
    for (wall, monotonic) in [(0, 0), (10, 10), (-86_400, 20), (-86_390, 30), (31_536_000, 40), (31_622_486, 86_526)] {
        let wall = Timestamp(MORNING.0.saturating_add_signed(wall * 1000));
        log.append_at(Now { wall, monotonic: Duration::from_secs(monotonic) }, &entry("x"));
        marks.push(log.records().last().unwrap().clock_stepped);
    }
    // 86,486 s passed on one clock, 86,486 s on the other.
    assert_eq!(marks, [false, false, true, false, true, false]);
    let mut resumed = Log::resume(&log.bytes());
    resumed.append_at(Now { wall: MORNING, monotonic: Duration::ZERO }, &entry("x"));
    assert!(resumed.records().last().unwrap().clock_stepped, "back behind what the last process wrote");
}

/// AU02: the disk is full. Commands are refused, and when there is room again the gap is on record before anything
/// else.
#[test]
fn what_could_not_be_stored_is_on_record_as_a_gap() {
    let mut log = Log::new(Policy { head_every: 6, ..Policy::default() });
    (1..=3).for_each(|number| log.append(&entry(&format!("Line{number}"))));
    assert!(log.writer.may_command());
    for number in 4..=13 {
        log.fail(&entry(&format!("Line{number}")));
        assert!(!log.writer.may_command() && log.writer.is_full());
    }
    log.append(&entry("Line14"));
    assert!(log.writer.may_command());
    let told: Vec<_> = log.records().iter().map(|record| (record.target.clone(), record.new.clone())).collect();
    let gap = format!("10 entries from {} to {}", log::after(3), log::after(12));
    assert_eq!(told[3], ("audit".to_owned(), Some(gap)));
    assert_eq!(told[4].0, "Line14");
    assert_eq!(told.len(), 5);
    assert!(verify(&log.bytes()[..], &log.trust_without_head()).is_ok());
    let mut alarm = Log::new(Policy { on_full: OnFull::Alarm, ..Policy::default() });
    alarm.fail(&entry("Line1"));
    assert!(alarm.writer.is_full() && alarm.writer.may_command(), "by setting");
}

/// Several entries on their way to the disk at once, of which the first is confirmed and the others fail.
#[test]
fn a_chain_goes_back_to_what_the_store_has() {
    let mut log = Log::new(Policy::default());
    let mut steps = Vec::new();
    let now = Now { wall: MORNING, monotonic: Duration::ZERO };
    let first = log.writer.append(now, &entry("Line1"), &mut steps);
    let kept = steps.len();
    log.writer.append(now, &entry("Line2"), &mut steps);
    log.writer.append(now, &entry("Line3"), &mut steps);
    log.writer.stored(first);
    log.writer.not_stored();
    log.take(&steps[..kept]);
    log.append(&entry("Line4"));
    let targets: Vec<_> = log.records().iter().map(|record| record.target.clone()).collect();
    assert_eq!(targets, ["Line1", "audit", "Line4"]);
    assert!(log.records()[1].new.as_ref().unwrap().starts_with("2 entries"));
    assert!(verify(&log.bytes()[..], &log.trust_without_head()).is_ok());
}

#[test]
fn queries_come_in_pages() {
    let mut log = Log::new(Policy { head_every: 3, ..Policy::default() });
    for number in 1..=20 {
        let target = if number % 2 == 0 { format!("Acme/Line{number}") } else { format!("Other/Line{number}") };
        log.append(&entry(&target));
    }
    let even = Query { target_prefix: Some("Acme/".to_owned()), ..Query::default() };
    let (mut pages, mut after) = (Vec::new(), None);
    loop {
        let Page { records, next } = Query { after, ..even.clone() }.page(&log.bytes()[..], 4).unwrap();
        pages.push(
            records.iter().map(|record| record.target.trim_start_matches("Acme/Line").to_owned()).collect::<Vec<_>>(),
        );
        after = next;
        if next.is_none() {
            break;
        }
    }
    assert_eq!(pages, [vec!["2", "4", "6", "8"], vec!["10", "12", "14", "16"], vec!["18", "20"]]);
    let between = Query { from: Some(log::after(5)), to: Some(log::after(8)), ..Query::default() };
    assert_eq!(between.page(&log.bytes()[..], 100).unwrap().records.len(), 3);
    let nobody = Query { principal: Some("user:nobody".to_owned()), ..Query::default() };
    assert_eq!(nobody.page(&log.bytes()[..], 100).unwrap(), Page { records: vec![], next: None });
    assert_eq!(Query::default().records(&log.bytes()[..log.bytes().len() - 5]).count(), 20, "the torn head is an end");
}

/// HT23 and formulas: one line per record, whatever a name contains.
#[test]
fn an_export_has_a_line_for_each_record_and_nothing_to_calculate() {
    let mut log = Log::new(Policy::default());
    for principal in
        ["a\nADMIN login ok\x1b[31m", "=cmd|' /C calc'!A0", "+1", "-2+3", "@SUM(A1)", "\tx", "say \"so\", please"]
    {
        log.append(&factree_auth::audit::Entry { principal, ..entry("Line1") });
    }
    let (mut json, mut csv) = (Vec::new(), Vec::new());
    export::csv_header(&mut csv).unwrap();
    for record in log.records() {
        export::json_line(&record, &mut json).unwrap();
        export::csv_line(&record, &mut csv).unwrap();
    }
    let (json, csv) = (String::from_utf8(json).unwrap(), String::from_utf8(csv).unwrap());
    assert_eq!((json.lines().count(), csv.lines().count()), (7, 8));
    assert!(!json.contains('\x1b') && !csv.contains('\x1b'));
    let cells: Vec<_> = csv.lines().skip(1).map(|line| line.splitn(6, ',').nth(5).unwrap()).collect();
    let principal = |line: &str| line.split("\",").next().unwrap().to_owned();
    let principals: Vec<_> = cells.iter().map(|cells| principal(cells)).collect();
    assert_eq!(principals[0], "\"a\\nADMIN login ok\\u{1b}[31m");
    assert_eq!(&principals[1..6], ["\"'=cmd|' /C calc'!A0", "\"'+1", "\"'-2+3", "\"'@SUM(A1)", "\"'\\tx"]);
    assert!(csv.lines().last().unwrap().contains("\"say \"\"so\"\", please\""));
    let first: serde_json::Value = serde_json::from_str(json.lines().next().unwrap()).unwrap();
    assert_eq!(first["principal"], "a\nADMIN login ok\x1b[31m");
    assert_eq!(first["time"], "2026-11-22T06:00:00.000Z");
    let keys: Vec<_> = first.as_object().unwrap().keys().map(String::as_str).collect();
    assert!(keys.iter().all(|key| export::COLUMNS.contains(key)));
}

#[test]
fn what_is_too_long_is_cut_and_the_record_says_so() {
    let mut log = Log::new(Policy::default());
    let long = "ä".repeat(100_000);
    log.append(&factree_auth::audit::Entry { new: Some(&long), ..entry(&long) });
    let record = log.records().pop().unwrap();
    assert!(record.clipped && record.target.len() <= 8192 && long.starts_with(&record.target));
    assert!(log.bytes().len() < 20_000);
    assert!(verify(&log.bytes()[..], &log.trust_without_head()).is_ok());
}

#[test]
fn steps_are_what_the_caller_stores() {
    let mut steps = Vec::new();
    let now = Now { wall: MORNING, monotonic: Duration::ZERO };
    let mut writer = Writer::new(key(1), HERE, Policy { head_every: 1, ..Policy::default() });
    writer.append(now, &entry("Line1"), &mut steps);
    assert!(matches!(&steps[..], [Step::Begin(1), Step::Write(_), Step::Signed(head)] if head.seq == 2), "{steps:?}");
}

#[test]
fn an_installation_and_a_key_are_shown_and_their_seed_is_not() {
    let key = factree_auth::audit::SigningKey::from_seed(&[0xAB; 32]);
    assert!(!format!("{key:?}").contains("abab"));
    assert_eq!(factree_auth::audit::PublicKey::parse(&key.public_key().to_string()), Some(key.public_key()));
    assert_eq!(Installation([7; 16]).to_string(), "07".repeat(16));
}
