//! The log of a process that is killed, that runs out of disk, and that goes on.

use std::time::Duration;

use factree_auth::Timestamp;
use factree_auth::audit::{Policy, Query, Record};
use tokio::sync::oneshot;

use super::*;
use crate::audit::reading;

/// 2026-11-22T06:00:00Z
const MORNING: Timestamp = Timestamp(1_795_327_200_000);
const KIB: u64 = 1 << 10;

fn at(seconds: u64) -> Now {
    let passed = Duration::from_secs(seconds);
    Now { wall: MORNING.after(passed), monotonic: passed }
}

fn config() -> AuditConfig {
    AuditConfig { policy: Policy { head_every: 6, ..Policy::default() }, ..AuditConfig::default() }
}

struct Log {
    data: tempfile::TempDir,
    writing: Option<Writing>,
}

impl Log {
    fn new(config: &AuditConfig) -> Self {
        let data = tempfile::tempdir().unwrap();
        let mut writing = Writing::open(data.path(), config).unwrap();
        writing.believed = Believed::open(data.path(), None, at(0));
        Self { data, writing: Some(writing) }
    }

    /// The process ends without a word, and the next one goes on.
    fn killed(self, config: &AuditConfig, what_the_disk_does: impl FnOnce(&Path)) -> Self {
        let Self { data, writing } = self;
        drop(writing);
        what_the_disk_does(&segments::path(data.path(), *segments::numbers(data.path()).unwrap().last().unwrap()));
        let writing = Some(Writing::open(data.path(), config).unwrap());
        Self { data, writing }
    }

    fn writing(&mut self) -> &mut Writing {
        self.writing.as_mut().unwrap()
    }

    /// Records something; whether it may be done.
    fn record(&mut self, seconds: u64, target: &str) -> bool {
        let (told, mut hears) = oneshot::channel();
        let entry = OwnedEntry::new("user:anna", "command", target);
        self.writing().write(vec![Waiting { at: at(seconds), entry, told: Some(told) }]);
        hears.try_recv().unwrap().is_ok()
    }

    /// `target` or, if it is not a command, the verb; one after another.
    fn told(&self) -> String {
        let told = |record: Record| if record.verb == "command" { record.target } else { record.verb };
        let records = reading::all(self.data.path(), Query::default()).unwrap();
        records.map(|record| told(record.unwrap())).collect::<Vec<_>>().join(" ")
    }

    fn verify(&self) -> String {
        let writing = self.writing.as_ref().unwrap();
        let key = writing.writer.public_key();
        let trust = Trust { key, installation: Some(writing.writer.installation()), head: None };
        let numbers = segments::numbers(self.data.path()).unwrap();
        match verify(Stream::new(self.data.path(), numbers), &trust) {
            Ok(verified) => format!("{} records from {}", verified.records, verified.first_seq),
            Err(fault) => fault.to_string(),
        }
    }
}

#[test]
fn what_was_recorded_is_there_after_a_kill_whatever_tail_the_disk_has() {
    type Disk = fn(&Path);
    let disks: [(&str, Disk); 4] = [
        ("nothing", |_| {}),
        ("half an entry", |path| {
            let mut bytes = std::fs::read(path).unwrap();
            let start = bytes[..100].to_vec();
            bytes.extend(start);
            std::fs::write(path, bytes).unwrap();
        }),
        ("zeros that were never written", |path| {
            let mut bytes = std::fs::read(path).unwrap();
            bytes.extend([0; 5000]);
            std::fs::write(path, bytes).unwrap();
        }),
        ("an entry whose end was never written", |path| {
            let mut bytes = std::fs::read(path).unwrap();
            bytes.extend([&[b'R', 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 90, 1, 2][..], &[0; 200]].concat());
            std::fs::write(path, bytes).unwrap();
        }),
    ];
    for (what, disk) in disks {
        let mut log = Log::new(&config());
        assert!(log.record(0, "a") && log.record(1, "b"));
        let mut log = log.killed(&config(), disk);
        assert_eq!(log.told(), "a b", "{what}");
        assert!(log.record(2, "c"));
        assert_eq!((log.told().as_str(), log.verify().as_str()), ("a b c", "3 records from 1"), "{what}");
    }
}

#[test]
fn a_hash_that_ends_in_zeros_is_told_from_zeros_that_were_never_written() {
    // Only records, so that the last frame is one.
    let policy = Policy { head_every: u64::MAX, ..Policy::default() };
    let config = AuditConfig { policy, ..AuditConfig::default() };
    let mut log = Log::new(&config);
    let path = segments::path(log.data.path(), 1);
    let last_byte = || *std::fs::read(&path).unwrap().last().unwrap();
    let mut recorded = 0;
    while recorded < 2 || last_byte() != 0 {
        assert!(recorded < 10_000 && log.record(0, "a"), "one hash in 256 does");
        recorded += 1;
    }
    let written = std::fs::read(&path).unwrap();
    let with_zeros = |bytes: &[u8]| [bytes, &[0; 5000]].concat();
    let mut log = log.killed(&config, |path| std::fs::write(path, with_zeros(&written)).unwrap());
    assert_eq!(log.told().split(' ').count() as u64, recorded, "all are there");
    assert!(log.record(0, "b"));
    assert_eq!(log.verify(), format!("{} records from 1", recorded + 1));
    // The same end, but for a byte that was never written: that one is torn, and not damaged.
    let torn = &written[..written.len() - 2];
    let log = log.killed(&config, |path| std::fs::write(path, with_zeros(torn)).unwrap());
    let told = log.told().split(' ').count() as u64;
    let was_zero = written[written.len() - 2] == 0;
    assert_eq!(told, recorded - u64::from(!was_zero), "the last is cut off, unless its end were zeros anyway");
}

#[test]
fn a_log_that_was_edited_is_not_gone_on_with() {
    let mut log = Log::new(&config());
    assert!(log.record(0, "a") && log.record(1, "b"));
    let path = segments::path(log.data.path(), 1);
    let mut bytes = std::fs::read(&path).unwrap();
    let place = bytes.len() / 2;
    bytes[place] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    let why = Writing::open(log.data.path(), &config()).err().unwrap().to_string();
    assert!(
        why.contains("000001.log") && why.contains("is not what was written") && why.contains("move it away"),
        "{why}"
    );
}

#[test]
fn a_log_without_its_key_is_not_gone_on_with() {
    let mut log = Log::new(&config());
    assert!(log.record(0, "a"));
    std::fs::remove_file(log.data.path().join("key")).unwrap();
    let why = Writing::open(log.data.path(), &config()).err().unwrap().to_string();
    assert!(why.contains("key is missing or damaged") && why.contains("backup"), "{why}");
}

#[cfg(unix)]
#[test]
fn what_signs_is_readable_by_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let mut log = Log::new(&config());
    assert!(log.record(0, "a"));
    for name in ["key", "installation", "000001.log"] {
        let mode = std::fs::metadata(log.data.path().join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
}

/// AU02
#[test]
fn a_full_disk_refuses_commands_and_the_gap_is_on_record_when_there_is_room() {
    let mut log = Log::new(&config());
    assert!(log.record(0, "a") && log.writing().desk.may_command());
    log.writing().segments.set_size_max(Some(1));
    assert!(!log.record(1, "b") && !log.record(2, "c"));
    assert!(!log.writing().desk.may_command());
    // Nothing comes, and there is no room: nothing is tried.
    log.writing().on_taken(Taken::default());
    assert!(!log.writing().desk.may_command());
    log.writing().segments.set_size_max(None);
    log.writing().on_taken(Taken::default());
    assert!(log.writing().desk.may_command());
    assert!(log.record(3, "d"));
    assert_eq!((log.told().as_str(), log.verify().as_str()), ("a audit.gap audit.resumed d", "4 records from 1"));
    let gap = reading::all(log.data.path(), Query::default()).unwrap().nth(1).unwrap().unwrap();
    assert!(gap.new.unwrap().starts_with("2 entries from 2026-11-22T06:00:01.000Z to 2026-11-22T06:00:02.000Z"));
}

#[test]
fn a_log_that_is_as_large_as_it_may_be_takes_no_shorter_entry_either() {
    let mut log = Log::new(&config());
    assert!(log.record(0, "a"));
    log.writing().segments.set_size_max(Some(4000));
    assert!(!log.record(1, &"b".repeat(4000)) && !log.record(2, "c"));
}

/// AU02
#[test]
fn by_setting_commands_go_on_and_are_counted() {
    let mut config = config();
    config.policy.on_full = OnFull::Alarm;
    let mut log = Log::new(&config);
    assert!(log.record(0, "a"));
    log.writing().segments.set_size_max(Some(1));
    assert!(log.record(1, "b") && log.writing().desk.may_command());
    log.writing().segments.set_size_max(None);
    assert!(log.record(2, "c"));
    assert_eq!(log.told(), "a audit.gap c");
}

/// ST09
#[test]
fn a_clock_that_was_set_is_marked() {
    let mut log = Log::new(&config());
    let year = 365 * 86_400;
    for (wall, monotonic) in [(0, 0), (1, 1), (1 + year, 2), (2 + year, 3), (2, 4)] {
        let at = Now { wall: at(wall).wall, monotonic: Duration::from_secs(monotonic) };
        log.writing().write(vec![own(at, OwnedEntry::new("factree", "tick", ""))]);
    }
    let records = reading::all(log.data.path(), Query::default()).unwrap();
    let stepped: Vec<bool> = records.map(|record| record.unwrap().clock_stepped).collect();
    assert_eq!(stepped, [false, false, true, false, true]);
}

#[test]
fn segments_end_by_size_and_by_age_and_leave_a_stub_when_their_time_is_over() {
    let day = 86_400;
    let mut config = config();
    (config.policy.segment_bytes, config.retention) = (KIB, Some(Duration::from_secs(30 * day)));
    let mut log = Log::new(&config);
    (0..20).for_each(|number| assert!(log.record(number, &format!("{number}"))));
    let many = segments::numbers(log.data.path()).unwrap();
    assert!(many.len() > 3 && many[0] == 1, "{many:?}");
    // A quiet month, and a segment ends for its age.
    assert!(log.record(31 * day, "later"));
    assert_eq!(segments::numbers(log.data.path()).unwrap().len(), many.len() + 1);
    for seconds in 0..20 {
        log.writing().drop_old(at(62 * day + seconds));
    }
    let left = segments::numbers(log.data.path()).unwrap();
    assert_eq!((left[0], left[1]), (0, *many.last().unwrap() + 1), "the stub, and what is not old: {left:?}");
    assert!(log.verify().ends_with(&format!("records from {}", first_seq(&log))), "{}", log.verify());
    let mut log = log.killed(&config, |_| {});
    assert!(log.record(62 * day + 30, "and on"));
    assert!(log.told().starts_with("later audit.retention") && log.told().ends_with("and on"), "{}", log.told());
    // A stub that is forged is named.
    let stub = segments::path(log.data.path(), 0);
    let mut bytes = std::fs::read(&stub).unwrap();
    bytes[80] ^= 1;
    std::fs::write(&stub, bytes).unwrap();
    assert!(log.verify().contains("stub of dropped entries is forged"), "{}", log.verify());
}

fn first_seq(log: &Log) -> u64 {
    let first = *segments::numbers(log.data.path()).unwrap().iter().find(|number| **number > 0).unwrap();
    SegmentStart::read(segments::read(log.data.path(), first).unwrap()).unwrap().first_seq
}

#[test]
fn pages_come_from_either_end_and_leave_nothing_out() {
    let mut config = config();
    config.policy.segment_bytes = KIB;
    let mut log = Log::new(&config);
    (0..30).for_each(|number| assert!(log.record(number, &format!("{}", number % 3))));
    let zeros = Query { target_prefix: Some("0".into()), ..Query::default() };
    let all: Vec<u64> =
        reading::all(log.data.path(), zeros.clone()).unwrap().map(|record| record.unwrap().seq).collect();
    assert_eq!(all.len(), 10);
    for limit in [1, 3, 10, 100] {
        let (mut query, mut up) = (zeros.clone(), Vec::new());
        loop {
            let page = reading::oldest_first(log.data.path(), &query, limit).unwrap();
            up.extend(page.records.iter().map(|record| record.seq));
            let Some(next) = page.next else { break };
            query.after = Some(next);
        }
        let (mut query, mut down) = (zeros.clone(), Vec::new());
        loop {
            let page = reading::newest_first(log.data.path(), &query, limit).unwrap();
            down.extend(page.records.iter().map(|record| record.seq));
            let Some(next) = page.next else { break };
            query.before = Some(next);
        }
        down.reverse();
        assert_eq!((&up, &down), (&all, &all), "{limit} at a time");
    }
}

/// ST09
#[test]
fn nothing_is_dropped_on_the_word_of_a_clock_that_has_leapt() {
    const DAY: u64 = 86_400;
    let mut config = config();
    (config.policy.segment_bytes, config.retention) = (KIB, Some(Duration::from_secs(30 * DAY)));
    let mut log = Log::new(&config);
    (0..20).for_each(|number| assert!(log.record(number, &format!("{number}"))));
    let all = segments::numbers(log.data.path()).unwrap();
    let look = |log: &mut Log, lived: u64, wall: u64| {
        let now = Now { wall: at(wall).wall, monotonic: Duration::from_secs(lived) };
        (0..all.len()).for_each(|_| log.writing().drop_old(now));
        segments::numbers(log.data.path()).unwrap()
    };
    let (hour, years) = (3600, 10 * 365 * DAY);
    assert_eq!(look(&mut log, hour, hour), all);
    assert_eq!(look(&mut log, 2 * hour, years), all, "it leaps ahead");
    // Each process that starts meanwhile writes down that it did, with the time the clock says.
    for lived in [1, hour] {
        log = log.killed(&config, |_| {});
        log.writing().write(vec![own(at(years + lived), OwnedEntry::new("factree", "server.start", ""))]);
        let left = look(&mut log, lived, years + lived);
        assert_eq!(left[..all.len()], all, "and stays there after a restart");
    }
    let left = look(&mut log, 2 * hour, 3 * hour);
    assert_eq!(left[..all.len()], all, "it is set right");
    assert_eq!(look(&mut log, 3 * hour, 0)[..all.len()], all, "and back");
    let left = look(&mut log, 35 * DAY, 35 * DAY);
    assert_eq!((left[0], left.contains(&all[0])), (0, false), "their time is over");
}

/// ST09
#[test]
fn a_clock_that_stays_where_it_leapt_to_is_believed_by_and_by() {
    const DAY: u64 = 86_400;
    let mut config = config();
    (config.policy.segment_bytes, config.retention) = (KIB, Some(Duration::from_secs(30 * DAY)));
    let mut log = Log::new(&config);
    (0..20).for_each(|number| assert!(log.record(number, &format!("{number}"))));
    let all = segments::numbers(log.data.path()).unwrap();
    // The machine was off for half a year.
    let mut log = log.killed(&config, |_| {});
    assert!(log.record(180 * DAY, "later"));
    let mut days = 0;
    while segments::numbers(log.data.path()).unwrap().contains(&all[0]) {
        let now = Now { wall: at((180 + days) * DAY).wall, monotonic: Duration::from_secs(days * DAY) };
        log.writing().drop_old(now);
        days += 1;
        assert!(days < 30, "it never was");
    }
    assert!(days > 1, "not at once");
}
