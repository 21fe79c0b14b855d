//! Figures of the store: commits beside plain write + fdatasync of the same bytes on the same disk in alternating runs;
//! opening and reading everything; the directory and the memory under churn.
//!
//! The disk is the one of the current directory, or of `FACTREE_BENCH_DIR`. `cargo bench -p factree-benches --bench store`,
//! or one part: `-- commits`, `-- open`, `-- churn`.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use factree_store::{Batch, Durability, Limits, Store, Table};
use tempfile::TempDir;

const VALUE_BYTES: usize = 250;
const ROUNDS: usize = 7;

fn main() {
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with("--")).collect();
    let wanted = |part: &str| args.is_empty() || args.iter().any(|arg| arg == part);
    if wanted("commits") {
        [(1, 100), (100, 50), (10_000, 8)].into_iter().for_each(|(size, count)| commits(size, count));
    }
    if wanted("open") {
        open();
    }
    if wanted("churn") {
        churn();
    }
}

fn place() -> TempDir {
    let directory = std::env::var("FACTREE_BENCH_DIR").unwrap_or_else(|_| ".".to_owned());
    tempfile::tempdir_in(directory).expect("a directory")
}

fn open_at(path: &Path, durability: Durability) -> Store {
    Store::open(path, durability, Limits::default()).expect("the store opens").0
}

/// `count` commits of `size` values each, beside as many writes of the same bytes with an fdatasync each.
fn commits(size: usize, count: usize) {
    let (ours, raw, unsynced) = (place(), place(), place());
    let (mut store, mut process) =
        (open_at(ours.path(), Durability::Power), open_at(unsynced.path(), Durability::Process));
    let mut file = File::create(raw.path().join("raw")).expect("a file");
    let (mut next, mut batch) = (0_u64, Batch::new());
    let bytes = vec![7; size * (VALUE_BYTES + 8)];
    let mut commit = |store: &mut Store| {
        for _ in 0..size {
            batch.put(Table::Messages, &next.to_be_bytes(), &[next as u8; VALUE_BYTES]);
            next += 1;
        }
        store.commit(&mut batch).expect("a commit");
    };
    let (mut power, mut plain, mut in_process) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        power.push(timed(|| (0..count).for_each(|_| commit(&mut store))));
        plain.push(timed(|| {
            for _ in 0..count {
                file.write_all(&bytes).and_then(|()| file.sync_data()).expect("a write");
            }
        }));
        in_process.push(timed(|| (0..count).for_each(|_| commit(&mut process))));
    }
    let per = |times: Vec<Duration>| median(times).as_secs_f64() / count as f64;
    let (power, plain, in_process) = (per(power), per(plain), per(in_process));
    println!(
        "store, batches of {size:>5} × {VALUE_BYTES} B: {:>8.1} commits/s ({:.0} records/s), write + fdatasync {:>8.1}/s: \
         {:.2} of it; outlasting the process only: {:.0} commits/s",
        1.0 / power,
        size as f64 / power,
        1.0 / plain,
        plain / power,
        1.0 / in_process,
    );
}

/// 100,000 retained messages, 10,000 sessions, 50,000 subscriptions.
fn open() {
    let place = place();
    let mut store = open_at(place.path(), Durability::Process);
    let mut batch = Batch::new();
    for (table, count, len) in
        [(Table::Retained, 100_000_u32, 200), (Table::Sessions, 10_000, 120), (Table::Subscriptions, 50_000, 40)]
    {
        for number in 0..count {
            batch.put(table, format!("Acme/Dallas/Press/Line1/{number:08}").as_bytes(), &vec![number as u8; len]);
            if batch.len() == 1_000 {
                store.commit(&mut batch).expect("a commit");
            }
        }
    }
    drop(store);
    for what in ["first time", "again", "and again"] {
        let start = Instant::now();
        let store = open_at(place.path(), Durability::Power);
        let opened = start.elapsed();
        let (mut records, mut bytes) = (0, 0);
        for record in Table::ALL.into_iter().flat_map(|table| store.read(table)) {
            let record = record.expect("a record");
            records += 1;
            bytes += record.key().len() + record.value().len();
        }
        println!(
            "store, opened {what}: {} ms, with reading {records} records of {} MB: {} ms; {} MB on disk, {} MB resident",
            opened.as_millis(),
            bytes / 1_000_000,
            start.elapsed().as_millis(),
            store.disk_bytes().expect("a size") / 1_000_000,
            resident() / 1_000_000,
        );
    }
}

/// Messages that come, wait a little and go, five million of them; a retained message that changes each time.
fn churn() {
    let place = place();
    let mut store = open_at(place.path(), Durability::Process);
    let (mut batch, mut most, start) = (Batch::new(), (0, 0), Instant::now());
    let count = 5_000_000_u64;
    for number in 0..count {
        batch.put(Table::Messages, &number.to_be_bytes(), &[number as u8; VALUE_BYTES]);
        batch.put(Table::Retained, &(number % 1_000).to_be_bytes(), &[number as u8; VALUE_BYTES]);
        if let Some(old) = number.checked_sub(10_000) {
            batch.remove(Table::Messages, &old.to_be_bytes());
        }
        // A table that is hardly ever written holds the journals back unless somebody looks after it.
        if number % 100_000 == 0 {
            batch.put(Table::Sessions, b"robot", &number.to_be_bytes());
        }
        if number % 100 == 99 {
            store.commit(&mut batch).expect("a commit");
        }
        if number % 50_000 == 0 {
            most = (most.0.max(store.disk_bytes().expect("a size")), most.1.max(resident()));
        }
    }
    println!(
        "store, churn of {count} messages ({} MB written by the caller) in {:.0} s: at most {} MB on disk, {} MB resident",
        count * 2 * VALUE_BYTES as u64 / 1_000_000,
        start.elapsed().as_secs_f64(),
        most.0 / 1_000_000,
        most.1 / 1_000_000,
    );
    drop(store);
    let start = Instant::now();
    let store = open_at(place.path(), Durability::Process);
    let records = Table::ALL.into_iter().flat_map(|table| store.read(table)).count();
    println!(
        "store, opened after the churn and read ({records} records): {} ms; {} MB on disk",
        start.elapsed().as_millis(),
        store.disk_bytes().expect("a size") / 1_000_000
    );
}

/// Bytes of this process in memory.
fn resident() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    statm.split_whitespace().nth(1).and_then(|pages| pages.parse::<u64>().ok()).unwrap_or(0) * 4096
}

fn timed(work: impl FnOnce()) -> Duration {
    let start = Instant::now();
    work();
    start.elapsed()
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}
