//! A log in memory: the writer and a disk that never fails unless it is told to.
//!
//! And what an attacker has: frames taken apart and chained anew, written from `docs/guides/audit.md` and not from the
//! code.

use std::time::Duration;

use factree_auth::audit::{Entry, Head, Installation, Policy, Query, Record, SigningKey, Step, Trust, Writer};
use factree_auth::{Now, Timestamp};

pub(crate) const HERE: Installation = Installation([7; 16]);
/// 2026-11-22T06:00:00Z
pub(crate) const MORNING: Timestamp = Timestamp(1_795_327_200_000);

pub(crate) fn key(number: u8) -> SigningKey {
    SigningKey::from_seed(&[number; 32])
}

/// The wall clock so many seconds after the morning.
pub(crate) fn after(seconds: u64) -> Timestamp {
    MORNING.after(Duration::from_secs(seconds))
}

pub(crate) fn entry(target: &str) -> Entry<'_> {
    Entry {
        principal: "user:anna",
        address: Some("10.0.0.7"),
        verb: "command",
        target,
        old: Some("1.5"),
        new: Some("2.5"),
        reason: None,
        result: "done",
    }
}

pub(crate) struct Log {
    pub(crate) writer: Writer,
    pub(crate) segments: Vec<Vec<u8>>,
    pub(crate) heads: Vec<Head>,
    passed: Duration,
}

impl Log {
    pub(crate) fn new(policy: Policy) -> Self {
        Self::of(HERE, policy)
    }

    pub(crate) fn of(installation: Installation, policy: Policy) -> Self {
        Self {
            writer: Writer::new(key(1), installation, policy),
            segments: vec![],
            heads: vec![],
            passed: Duration::ZERO,
        }
    }

    pub(crate) fn resume(bytes: &[u8]) -> Self {
        let resumed = Writer::resume(key(1), HERE, Policy { head_every: 6, ..Policy::default() }, bytes).unwrap();
        let whole = bytes[..resumed.whole_bytes as usize].to_vec();
        Self { writer: resumed.writer, segments: vec![whole], heads: vec![], passed: Duration::ZERO }
    }

    fn now(&self) -> Now {
        Now { wall: MORNING.after(self.passed), monotonic: self.passed }
    }

    pub(crate) fn pass(&mut self, time: Duration) {
        self.passed += time;
    }

    /// Appends, stores, and a second passes.
    pub(crate) fn append(&mut self, entry: &Entry<'_>) {
        self.append_at(self.now(), entry);
        self.pass(Duration::from_secs(1));
    }

    pub(crate) fn append_at(&mut self, now: Now, entry: &Entry<'_>) {
        let mut steps = Vec::new();
        self.writer.append(now, entry, &mut steps);
        self.take(&steps);
    }

    /// Appends, and the disk is full.
    pub(crate) fn fail(&mut self, entry: &Entry<'_>) {
        self.writer.append(self.now(), entry, &mut Vec::new());
        self.writer.not_stored();
        self.pass(Duration::from_secs(1));
    }

    pub(crate) fn tick(&mut self) {
        let mut steps = Vec::new();
        self.writer.tick(self.now(), &mut steps);
        self.take(&steps);
    }

    pub(crate) fn close(&mut self) {
        let mut steps = Vec::new();
        self.writer.close(self.now(), &mut steps);
        self.take(&steps);
    }

    pub(crate) fn take(&mut self, steps: &[Step]) {
        for step in steps {
            match step {
                Step::Begin(number) => {
                    assert_eq!(*number, self.segments.len() as u64 + 1);
                    self.segments.push(vec![]);
                }
                Step::Write(bytes) => self.segments.last_mut().expect("a segment has begun").extend_from_slice(bytes),
                Step::Signed(head) => self.heads.push(head.clone()),
            }
        }
        self.writer.stored(self.writer.last_seq());
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.segments.concat()
    }

    pub(crate) fn records(&self) -> Vec<Record> {
        Query::default().records(&self.bytes()[..]).collect::<Result<_, _>>().unwrap()
    }

    /// The key, the installation, and the last head.
    pub(crate) fn trust(&self) -> Trust {
        Trust { head: Some(self.heads.last().expect("a head was signed").clone()), ..self.trust_without_head() }
    }

    pub(crate) fn trust_without_head(&self) -> Trust {
        Trust { key: key(1).public_key(), installation: Some(HERE), head: None }
    }
}

/// A log taken apart: kind, number, length of body, body, hash.
pub(crate) fn frames(mut log: &[u8]) -> Vec<Vec<u8>> {
    let mut frames = Vec::new();
    while !log.is_empty() {
        let len = u32::from_be_bytes(log[9..13].try_into().unwrap()) as usize;
        let (frame, rest) = log.split_at(13 + len + 32);
        frames.push(frame.to_vec());
        log = rest;
    }
    frames
}

/// A frame that fits behind another, as anybody can make it.
pub(crate) fn forge(kind: u8, seq: u64, body: &[u8], before: &[u8]) -> Vec<u8> {
    let mut frame = [&[kind][..], &seq.to_be_bytes(), &(body.len() as u32).to_be_bytes(), body].concat();
    let previous = if before.is_empty() { &[0; 32][..] } else { &before[before.len() - 32..] };
    let hashed = [b"factree-audit-1\n", previous, &frame].concat();
    frame.extend_from_slice(ring::digest::digest(&ring::digest::SHA256, &hashed).as_ref());
    frame
}

/// Numbers and chains all frames anew.
pub(crate) fn rechain(frames: &mut [Vec<u8>]) {
    let mut before = Vec::new();
    for (seq, frame) in (1..).zip(frames) {
        *frame = forge(frame[0], seq, &frame[13..frame.len() - 32], &before);
        before.clone_from(frame);
    }
}
