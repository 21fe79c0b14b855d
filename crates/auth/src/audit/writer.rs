//! The writer: which bytes to store for what happened.
//!
//! A machine without IO. It appends to the chain in memory and says what to write; the caller stores it and says
//! whether that worked. If it did not, the chain goes back to where the store is, what was lost is counted, and a
//! record of the gap is the first thing written when there is room again. Until then [`Writer::may_command`] says no,
//! unless the policy says otherwise. Knows no files: a segment is a number.
//! Invariant: `durable` is what the store has; everything in `pending` comes after it, in order.

use std::collections::VecDeque;
use std::fmt;
use std::io::Read;
use std::time::Duration;

use super::entry::{Entry, Record};
use super::frame::{Frame, FrameError, Frames, Hash, Kind, NOTHING_BEFORE};
use super::head::{Head, Installation, PublicKey, SigningKey};
use super::stub::{Start, StubError};
use crate::time::{Now, Timestamp};

/// How far the two clocks may differ between two entries before that counts as a step: this, and a thousandth of the
/// time.
const CLOCK_SLACK: Duration = Duration::from_secs(2);

/// What happens to commands while nothing can be written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnFull {
    /// They are refused: nothing privileged is done that is not on record.
    Refuse,
    /// They go on, and the gap in the log says how many entries are missing.
    Alarm,
}

/// When heads are signed and segments end.
#[derive(Clone, Copy, Debug)]
pub struct Policy {
    /// Entries after which a head is signed; at least 1.
    pub head_every: u64,
    /// How long an entry waits at most for a head behind it.
    pub head_after: Duration,
    /// Bytes after which a segment ends. One entry more may fit in.
    pub segment_bytes: u64,
    /// How long after its beginning, by the wall clock, a segment ends.
    pub segment_after: Duration,
    /// What happens while nothing can be stored.
    pub on_full: OnFull,
}

impl Default for Policy {
    /// A head for 1,000 entries or an hour, segments of 64 MiB or 30 days, commands refused while nothing can be stored.
    fn default() -> Self {
        Policy {
            head_every: 1000,
            head_after: Duration::from_secs(3600),
            segment_bytes: 64 << 20,
            segment_after: Duration::from_secs(30 * 24 * 3600),
            on_full: OnFull::Refuse,
        }
    }
}

/// What the caller is to do, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// What follows goes to a new segment with this number, from 1.
    Begin(u64),
    /// Append this to the current segment.
    Write(Vec<u8>),
    /// A head was signed and is in what was written before; when that is stored, it can be kept elsewhere too.
    Signed(Head),
}

/// Where the chain is.
#[derive(Clone, Copy, Debug)]
struct Place {
    /// The number of the last frame; 0: there is none.
    seq: u64,
    hash: Hash,
    /// The number of the current segment; 0: none has begun.
    segment: u64,
    segment_bytes: u64,
    segment_began: Timestamp,
    /// Frames since the last head.
    unsigned: u64,
    /// When the first of them came.
    unsigned_since: Duration,
    clocks: Option<Clocks>,
    /// Records that could not be stored and are not yet on record as lost.
    lost: Option<Lost>,
}

#[derive(Clone, Copy, Debug)]
struct Clocks {
    wall: Timestamp,
    /// None: of another process.
    monotonic: Option<Duration>,
}

#[derive(Clone, Copy, Debug)]
struct Lost {
    count: u64,
    first: Timestamp,
    last: Timestamp,
}

/// Something that was handed out and is not yet known to be stored.
#[derive(Clone, Copy, Debug)]
struct Pending {
    place: Place,
    /// The record in it, if it is lost.
    record: Option<Timestamp>,
}

/// Writes one log.
#[derive(Debug)]
pub struct Writer {
    key: SigningKey,
    installation: Installation,
    policy: Policy,
    place: Place,
    durable: Place,
    pending: VecDeque<Pending>,
    is_full: bool,
}

/// A writer that goes on where a log ends.
#[derive(Debug)]
pub struct Resumed {
    /// Goes on.
    pub writer: Writer,
    /// How many bytes of the last segment are whole; the rest is to be cut off before anything is written.
    pub whole_bytes: u64,
    /// Whether there is a rest: a write that the end of the last process tore.
    pub is_torn: bool,
}

/// Why a log cannot be gone on with.
#[derive(Debug)]
pub enum ResumeError {
    /// It cannot be read.
    Frame(FrameError),
    /// The segment does not begin with its start. If it is torn before that, it is to be removed, and the one before
    /// resumed.
    NoStart,
    /// The log is another installation's.
    OtherInstallation(Installation),
    /// It is signed with another key. A new key begins a new log.
    OtherKey,
    /// An entry is not what was written. Verify the log; a new one begins elsewhere.
    Damaged {
        /// Its number.
        seq: u64,
    },
}

impl fmt::Display for ResumeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Frame(error) => error.fmt(f),
            Self::NoStart => f.write_str("the last segment of the audit log does not begin with its start"),
            Self::OtherInstallation(other) => write!(f, "the audit log is of another installation: {other}"),
            Self::OtherKey => f.write_str("the audit log is signed with another key; a new key begins a new log"),
            Self::Damaged { seq } => write!(f, "entry {seq} of the audit log is not what was written"),
        }
    }
}

impl std::error::Error for ResumeError {}

impl Writer {
    /// A new log.
    pub fn new(key: SigningKey, installation: Installation, policy: Policy) -> Self {
        let place = Place {
            seq: 0,
            hash: NOTHING_BEFORE,
            segment: 0,
            segment_bytes: 0,
            segment_began: Timestamp(0),
            unsigned: 0,
            unsigned_since: Duration::ZERO,
            clocks: None,
            lost: None,
        };
        Self::at(key, installation, policy, place)
    }

    fn at(key: SigningKey, installation: Installation, policy: Policy, place: Place) -> Self {
        Writer { key, installation, policy, place, durable: place, pending: VecDeque::new(), is_full: false }
    }

    /// Goes on with a log whose last segment is read from its beginning. That segment's chain is checked, since going
    /// on with a damaged one would bury the damage; [`verify`](super::verify()) checks the rest.
    ///
    /// # Errors
    /// [`ResumeError`]. A torn end is none.
    pub fn resume(
        key: SigningKey,
        installation: Installation,
        policy: Policy,
        last_segment: impl Read,
    ) -> Result<Resumed, ResumeError> {
        let fingerprint = key.public_key().fingerprint();
        let mut writer = Self::new(key, installation, policy);
        let place = &mut writer.place;
        let (mut is_torn, mut is_first) = (false, true);
        for frame in Frames::new(last_segment) {
            let frame = match frame {
                Ok(frame) => frame,
                Err(FrameError::Torn) => {
                    is_torn = true;
                    break;
                }
                Err(error) => return Err(ResumeError::Frame(error)),
            };
            if is_first {
                let start = Start::of(&frame).map_err(ResumeError::Frame)?.ok_or(ResumeError::NoStart)?;
                if start.installation != installation {
                    return Err(ResumeError::OtherInstallation(start.installation));
                }
                if start.fingerprint != fingerprint {
                    return Err(ResumeError::OtherKey);
                }
                (place.segment, place.hash, place.seq) = (start.segment, start.previous, frame.seq.saturating_sub(1));
                place.segment_began = start.time;
                is_first = false;
            }
            if frame.seq != place.seq.saturating_add(1) || frame.hash != frame.hash_behind(&place.hash) {
                return Err(ResumeError::Damaged { seq: place.seq.saturating_add(1) });
            }
            if let Some(record) = Record::of(&frame).map_err(ResumeError::Frame)? {
                place.clocks = Some(Clocks { wall: record.time, monotonic: None });
            }
            place.follow(&frame);
        }
        if is_first {
            return Err(ResumeError::NoStart);
        }
        let whole_bytes = place.segment_bytes;
        writer.durable = writer.place;
        Ok(Resumed { writer, whole_bytes, is_torn })
    }

    /// Writes an entry down. It is on record when [`stored`](Self::stored) is told its number, the one returned here.
    /// Sooner or later the caller says either that or [`not_stored`](Self::not_stored); until then the writer remembers
    /// a little for each entry.
    pub fn append(&mut self, now: Now, entry: &Entry<'_>, steps: &mut Vec<Step>) -> u64 {
        let mut bytes = Vec::new();
        self.begin_segment(now, &mut bytes, steps);
        if let Some(lost) = self.place.lost.take() {
            self.record(now, &lost.entry(&lost.said()), &mut bytes);
        }
        self.record(now, entry, &mut bytes);
        let seq = self.place.seq;
        let signed = (self.place.unsigned >= self.policy.head_every).then(|| self.sign(now, &mut bytes));
        self.hand_out(bytes, signed, Some(now.wall), steps);
        seq
    }

    /// Signs a head if it is time for one: when [`next_head`](Self::next_head) has come.
    pub fn tick(&mut self, now: Now, steps: &mut Vec<Step>) {
        if self.next_head().is_some_and(|due| due <= now.monotonic) {
            self.close(now, steps);
        }
    }

    /// Signs a head if anything is unsigned: before the process ends.
    pub fn close(&mut self, now: Now, steps: &mut Vec<Step>) {
        if self.place.unsigned > 0 {
            let mut bytes = Vec::new();
            let head = self.sign(now, &mut bytes);
            self.hand_out(bytes, Some(head), None, steps);
        }
    }

    /// When [`tick`](Self::tick) wants to be called, since the process began; never, if nothing is unsigned.
    pub fn next_head(&self) -> Option<Duration> {
        (self.place.unsigned > 0).then(|| self.place.unsigned_since.saturating_add(self.policy.head_after))
    }

    /// What verifies what this writer signs.
    pub fn public_key(&self) -> PublicKey {
        self.key.public_key()
    }

    /// Whose log it writes.
    pub fn installation(&self) -> Installation {
        self.installation
    }

    /// What takes the place of everything before a segment that stays; see [`stub`](super::stub()).
    ///
    /// # Errors
    /// [`StubError`].
    pub fn stub(&self, first_kept: impl Read, until: Timestamp, time: Timestamp) -> Result<Vec<u8>, StubError> {
        super::stub(&self.key, first_kept, until, time)
    }

    /// The time of the last record, as the clock said; none: there is none in the segment that is gone on with.
    pub fn last_time(&self) -> Option<Timestamp> {
        self.place.clocks.map(|clocks| clocks.wall)
    }

    /// The number of the last entry that was handed out.
    pub fn last_seq(&self) -> u64 {
        self.place.seq
    }

    /// Everything up to this entry is in the store for good.
    pub fn stored(&mut self, seq: u64) {
        while let Some(pending) = self.pending.pop_front_if(|pending| pending.place.seq <= seq) {
            self.durable = pending.place;
            self.is_full = false;
        }
    }

    /// What was handed out and not confirmed could not be stored. The caller cuts off what it may have written of it,
    /// and forgets steps that it has not taken.
    pub fn not_stored(&mut self) {
        let mut lost = self.durable.lost;
        for at in self.pending.drain(..).filter_map(|pending| pending.record) {
            let before = lost.unwrap_or(Lost { count: 0, first: at, last: at });
            lost = Some(Lost { count: before.count + 1, last: at, ..before });
        }
        self.durable.lost = lost;
        self.place = self.durable;
        self.is_full = true;
    }

    /// Whether what was tried last could not be stored.
    pub fn is_full(&self) -> bool {
        self.is_full
    }

    /// Whether something privileged may be done, as far as the log is concerned. Its entry is to be stored before it is
    /// done.
    pub fn may_command(&self) -> bool {
        !self.is_full || self.policy.on_full == OnFull::Alarm
    }

    /// Begins the first segment, or the next one if this one is long or old enough; that ends with a head.
    fn begin_segment(&mut self, now: Now, bytes: &mut Vec<u8>, steps: &mut Vec<Step>) {
        let (is_first, age) = (self.place.segment == 0, now.wall.since(self.place.segment_began));
        let has_room = self.place.segment_bytes < self.policy.segment_bytes && age < self.policy.segment_after;
        if !is_first && has_room {
            return;
        }
        if !is_first && self.place.unsigned > 0 {
            let head = self.sign(now, bytes);
            self.hand_out(std::mem::take(bytes), Some(head), None, steps);
        }
        let start = Start {
            installation: self.installation,
            fingerprint: self.key.public_key().fingerprint(),
            segment: self.place.segment + 1,
            time: now.wall,
            previous: self.place.hash,
        };
        (self.place.segment, self.place.segment_bytes, self.place.segment_began) = (start.segment, 0, start.time);
        steps.push(Step::Begin(start.segment));
        self.frame(now, Kind::Start, start.body(), bytes);
    }

    fn record(&mut self, now: Now, entry: &Entry<'_>, bytes: &mut Vec<u8>) {
        let stepped = self.place.clocks.is_some_and(|before| before.stepped(now));
        self.place.clocks = Some(Clocks { wall: now.wall, monotonic: Some(now.monotonic) });
        self.frame(now, Kind::Record, entry.body(now, stepped), bytes);
    }

    fn sign(&mut self, now: Now, bytes: &mut Vec<u8>) -> Head {
        let head = Head::sign(&self.key, self.installation, self.place.seq, now.wall, self.place.hash);
        self.frame(now, Kind::Head, head.body(), bytes);
        head
    }

    fn frame(&mut self, now: Now, kind: Kind, body: Vec<u8>, bytes: &mut Vec<u8>) {
        if self.place.unsigned == 0 {
            self.place.unsigned_since = now.monotonic;
        }
        let frame = Frame::chained(kind, self.place.seq + 1, body, &self.place.hash);
        frame.write(bytes);
        self.place.follow(&frame);
    }

    fn hand_out(&mut self, bytes: Vec<u8>, signed: Option<Head>, record: Option<Timestamp>, steps: &mut Vec<Step>) {
        steps.push(Step::Write(bytes));
        steps.extend(signed.map(Step::Signed));
        self.pending.push_back(Pending { place: self.place, record });
    }
}

impl Place {
    /// Goes one frame on.
    fn follow(&mut self, frame: &Frame) {
        self.seq = frame.seq;
        self.hash = frame.hash;
        self.segment_bytes += frame.bytes();
        self.unsigned = if frame.kind == Kind::Head { 0 } else { self.unsigned + 1 };
    }
}

impl Clocks {
    /// Whether the wall clock went another way since than time did.
    fn stepped(self, now: Now) -> bool {
        let Some(monotonic) = self.monotonic else { return now.wall < self.wall };
        let passed = now.monotonic.saturating_sub(monotonic);
        let shown = now.wall.since(self.wall);
        let differs = passed.abs_diff(shown).max(self.wall.since(now.wall));
        differs > CLOCK_SLACK + passed / 1000
    }
}

impl Lost {
    fn said(&self) -> String {
        format!("{} entries from {} to {}", self.count, self.first, self.last)
    }

    fn entry<'a>(&self, said: &'a str) -> Entry<'a> {
        Entry {
            principal: "factree",
            address: None,
            verb: "audit.gap",
            target: "audit",
            old: None,
            new: Some(said),
            reason: Some("they could not be stored"),
            result: "lost",
        }
    }
}
