//! Figures of the audit log: what an entry costs to write, and how fast a log is verified.
//!
//! The log is in memory: chain, signatures and encoding, no disk. Verifying is set beside SHA-256 of the same bytes in
//! one piece, which is what it cannot be faster than. `cargo bench -p factree-benches --bench audit`.

use std::hint::black_box;
use std::time::{Duration, Instant};

use factree_auth::audit::{Entry, Installation, Policy, SigningKey, Step, Trust, Writer, verify};
use factree_auth::{Now, Timestamp};

const ROUNDS: usize = 7;
const ENTRIES: u64 = 20_000;

fn main() {
    let (mut append, mut check, mut floor) = (Vec::new(), Vec::new(), Vec::new());
    let mut len = 0;
    for _ in 0..ROUNDS {
        let started = Instant::now();
        let log = written();
        append.push(started.elapsed().as_nanos() as f64 / ENTRIES as f64);
        let key = SigningKey::from_seed(&[1; 32]).public_key();
        let trust = Trust { key, installation: None, head: None };
        let started = Instant::now();
        verify(&log[..], &trust).expect("nobody touched it");
        check.push(started.elapsed().as_secs_f64());
        let started = Instant::now();
        black_box(ring::digest::digest(&ring::digest::SHA256, &log));
        floor.push(started.elapsed().as_secs_f64());
        len = log.len();
    }
    let (append, check, floor) = (median(append), median(check), median(floor));
    let megabytes = len as f64 / 1e6;
    println!("audit append: {append:.0} ns/entry of {} bytes, a head each 1,000", len as u64 / ENTRIES);
    println!("audit verify: {:.0} MB/s, {:.1} times SHA-256 alone", megabytes / check, check / floor);
}

fn written() -> Vec<u8> {
    let mut writer = Writer::new(SigningKey::from_seed(&[1; 32]), Installation([7; 16]), Policy::default());
    let (mut log, mut steps) = (Vec::new(), Vec::new());
    let entry = Entry {
        principal: "user:anna",
        address: Some("10.0.0.7"),
        verb: "command",
        target: "Acme/Dallas/Press/Line1/Robot3/Speed",
        old: Some("1.5"),
        new: Some("2.5"),
        reason: Some("order 4711"),
        result: "done",
    };
    for number in 0..ENTRIES {
        let now = Now { wall: Timestamp(1_795_327_200_000 + number), monotonic: Duration::from_millis(number) };
        let seq = writer.append(now, &entry, &mut steps);
        writer.stored(seq);
        for step in steps.drain(..) {
            if let Step::Write(bytes) = step {
                log.extend_from_slice(&bytes);
            }
        }
    }
    log
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}
