//! The audit log of a real run, and what is done to it: `factree audit` finds out.

mod attack;
mod run;

use attack::{Frame, copy, rewrite};
use run::{Run, factree};

/// A log with two starts and stops, two heads at least, and something done in between.
/// What is done to a log, and what is said of it.
type Attack = (&'static str, fn(&mut Vec<Frame>), &'static str);

fn lived() -> Run {
    let mut run = Run::new("[audit]\nhead_every = 5\n");
    run.start();
    run.do_something(3);
    run.stop();
    run.start();
    run.do_something(2);
    run
}

#[test]
fn a_log_of_a_real_run_verifies_while_it_is_written_and_afterwards() {
    let mut run = lived();
    let head = run.keep_head();
    let (code, said) = run.verify(&["--head", &head]);
    assert!(code == 0 && said.contains("is what was written") && said.contains("is the one that was known"), "{said}");
    run.stop();
    let (code, said) = run.verify(&["--head", &head, "--key", &run.key]);
    assert!(code == 0 && said.contains("signed        all of them"), "{said}");
    assert!(!said.contains("lay beside the log"), "{said}");
    let (code, last) = run.audit("head", &[]);
    assert!(code == 0 && last.starts_with("factree-audit-head-1 ") && last.lines().count() == 1, "{last}");
    let (code, said) = run.verify(&["--key", "00"]);
    assert!(code == 5 && said.contains("64 hexadecimal digits"), "{said}");
}

#[test]
fn whoever_lays_hands_on_it_is_found_out() {
    let mut run = lived();
    let head = run.keep_head();
    run.stop();
    let attacks: [Attack; 10] = [
        ("an entry is edited", |log| log[3].flip(22), "entry 4 is not what was written"),
        ("entries are deleted", |log| drop(log.drain(3..5)), "entries 4 to 5 are missing"),
        ("two change places", |log| log.swap(3, 4), "entry 4 is not in its place"),
        ("one is there twice", |log| log.insert(4, log[3].clone()), "there are two with that number"),
        ("the end is cut off", |log| attack::cut_off(log), "the end is missing"),
        ("an older copy is put back", |log| attack::set_back(log), "the log was set back or cut off"),
        ("the end is torn", |log| log.last_mut().unwrap().tear(), "ends in the middle of entry"),
        (
            "an entry is edited, and all is chained anew",
            |log| {
                log[3].flip(22);
                rewrite(log);
            },
            "are not those that were signed",
        ),
        (
            "a head is forged",
            |log| {
                attack::first_head(log).flip(130);
                rewrite(log);
            },
            "is a head that the key has not signed",
        ),
        ("the beginning is missing", |log| drop(log.drain(..3)), "entries 1 to 3 are missing"),
    ];
    for (what, attack, said) in attacks {
        let copied = copy(&run.data);
        attack::alter(copied.path(), attack);
        let (code, told) = run::verify(copied.path(), &["--head", &head, "--key", &run.key]);
        assert!(code == 1 && told.contains("NOT what was written") && told.contains(said), "{what}: {told}");
    }
}

#[test]
fn a_key_that_was_copied_gives_itself_away() {
    let mut ours = lived();
    let head = ours.keep_head();
    ours.stop();
    // Somebody takes the key, and lets another installation write a nicer history with it.
    let mut theirs = Run::new("");
    theirs.start();
    theirs.stop();
    std::fs::remove_dir_all(theirs.data.join("audit")).unwrap();
    std::fs::create_dir(theirs.data.join("audit")).unwrap();
    std::fs::copy(ours.data.join("audit/key"), theirs.data.join("audit/key")).unwrap();
    std::fs::write(theirs.data.join("audit/installation"), [7; 16]).unwrap();
    theirs.start();
    theirs.do_something(3);
    theirs.stop();
    assert_eq!(theirs.key, ours.key);
    let (code, told) = theirs.verify(&["--key", &ours.key, "--head", &head]);
    assert!(code == 1 && told.contains("of another installation"), "{told}");
    std::fs::copy(theirs.data.join("audit/000001.log"), ours.data.join("audit/000001.log")).unwrap();
    let (code, told) = ours.verify(&["--key", &ours.key]);
    assert!(code == 1 && told.contains("of another installation"), "{told}");
}

#[test]
fn a_log_of_another_key_and_two_histories_are_named() {
    let (mut one, mut other) = (lived(), lived());
    let head = one.keep_head();
    one.stop();
    other.stop();
    let (code, told) = other.verify(&["--key", &one.key]);
    assert!(code == 1 && told.contains("is of another key"), "{told}");
    // The log is set back to a copy, and goes on: both ends were signed.
    let mut forked = Run::new("");
    attack::copy_into(&one.data, &forked.data);
    forked.start();
    forked.do_something(4);
    forked.stop();
    one.start();
    one.do_something(1);
    let newer = one.keep_head();
    one.stop();
    let (code, told) = forked.verify(&["--key", &one.key, "--head", &newer]);
    assert!(code == 1 && told.contains("another history"), "{told}");
    let (code, told) = forked.verify(&["--key", &one.key, "--head", &head]);
    assert!(code == 0, "the older head is of both: {told}");
}

/// ST02, as far as a process can be killed and not the machine.
#[test]
fn what_was_answered_is_on_record_after_a_kill() {
    let mut run = Run::new("");
    run.start();
    let done = run.do_something(5);
    run.kill();
    run.start();
    let exported = run.audit("export", &["--verb", "command", "--result", "begun"]).1;
    assert_eq!(exported.lines().count(), done, "{exported}");
    let (code, told) = run.verify(&[]);
    assert_eq!(code, 0, "{told}");
}

#[test]
fn exports_are_lines_and_tables() {
    let mut run = lived();
    run.stop();
    let lines = run.audit("export", &["--verb", "server"]).1;
    let verbs: Vec<String> = lines
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["verb"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(verbs, ["server.start", "server.stop", "server.start", "server.stop"]);
    let table = run.audit("export", &["--format", "csv", "--target", "=cmd"]).1;
    assert_eq!(table.lines().count(), 1, "only the header: {table}");
    let elsewhere = factree().args(["audit", "verify", "--data", "/nowhere"]).output().unwrap();
    assert_eq!(elsewhere.status.code(), Some(5));
}
