//! The desk: entries on their way to the scribe.
//!
//! Refusals and logins beyond a number are dropped and counted, so a scribe that waits for a slow disk costs bounded memory. What
//! was done never is: as long as too much lies here no command is taken.
//! Knows no files. Invariant: entries are taken in the order of their times.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use factree_auth::audit::{AuditFull, Head, Outcome, OwnedEntry};
use factree_auth::{Now, Timestamp};
use tokio::sync::oneshot;

use super::storm::Storm;

/// Notes that wait at most.
const NOTES_MAX: usize = 10_000;
/// With this many entries waiting, no further command is taken.
const COMMANDS_MAX: usize = 2 * NOTES_MAX;

/// What programs do all day without being refused.
const FREQUENT: [&str; 2] = ["log in", "audit.read"];

/// Where entries wait.
#[derive(Debug)]
pub(super) struct Desk {
    pile: Mutex<Pile>,
    arrived: Condvar,
    began: Instant,
    /// What the scribe says.
    may_store: AtomicBool,
    is_piled_up: AtomicBool,
    written: AtomicU64,
    lost: AtomicU64,
}

#[derive(Default)]
struct Pile {
    storm: Storm,
    taken: Taken,
}

impl std::fmt::Debug for Pile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} entries", self.taken.entries.len())
    }
}

/// What the scribe takes at once.
#[derive(Default)]
pub(super) struct Taken {
    pub(super) entries: Vec<Waiting>,
    /// Who wants to know the head.
    pub(super) heads: Vec<oneshot::Sender<Option<Head>>>,
    pub(super) is_ending: bool,
    dropped: u64,
}

/// An entry that waits.
pub(super) struct Waiting {
    pub(super) at: Now,
    pub(super) entry: OwnedEntry,
    /// Who waits for it.
    pub(super) told: Option<oneshot::Sender<Result<(), AuditFull>>>,
}

impl Desk {
    pub(super) fn new() -> Self {
        Self {
            pile: Mutex::default(),
            arrived: Condvar::new(),
            began: Instant::now(),
            may_store: AtomicBool::new(true),
            is_piled_up: AtomicBool::new(false),
            written: AtomicU64::new(0),
            lost: AtomicU64::new(0),
        }
    }

    /// Both clocks.
    pub(super) fn now(&self) -> Now {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
        Now { wall: Timestamp(u64::try_from(wall).unwrap_or(u64::MAX)), monotonic: self.began.elapsed() }
    }

    pub(super) fn note(&self, entry: OwnedEntry) {
        let may_be_a_storm = entry.outcome == Outcome::Refused || FREQUENT.contains(&entry.verb);
        let mut pile = self.pile();
        let at = self.now();
        let waiting = pile.taken.entries.len();
        let admitted = if may_be_a_storm { pile.storm.admit(at.monotonic, entry) } else { Some(entry) };
        let Some(entry) = admitted else { return };
        if may_be_a_storm && waiting >= NOTES_MAX {
            pile.taken.dropped += 1;
            self.lost.fetch_add(1, Ordering::Relaxed);
            return;
        }
        pile.taken.entries.push(Waiting { at, entry, told: None });
        self.is_piled_up.store(waiting + 1 >= COMMANDS_MAX, Ordering::Relaxed);
        self.arrived.notify_one();
    }

    /// An entry that somebody waits for.
    pub(super) fn record(&self, entry: OwnedEntry) -> oneshot::Receiver<Result<(), AuditFull>> {
        let (told, hears) = oneshot::channel();
        let mut pile = self.pile();
        let at = self.now();
        if pile.taken.is_ending {
            return hears;
        }
        pile.taken.entries.push(Waiting { at, entry, told: Some(told) });
        self.arrived.notify_one();
        hears
    }

    /// The end of the log, signed.
    pub(super) fn head(&self) -> oneshot::Receiver<Option<Head>> {
        let (told, hears) = oneshot::channel();
        let mut pile = self.pile();
        if !pile.taken.is_ending {
            pile.taken.heads.push(told);
            self.arrived.notify_one();
        }
        hears
    }

    /// Nothing more is said.
    pub(super) fn end(&self) {
        self.pile().taken.is_ending = true;
        self.arrived.notify_one();
    }

    pub(super) fn may_command(&self) -> bool {
        self.may_store.load(Ordering::Relaxed) && !self.is_piled_up.load(Ordering::Relaxed)
    }

    /// Written and lost.
    pub(super) fn counts(&self) -> (u64, u64) {
        (self.written.load(Ordering::Relaxed), self.lost.load(Ordering::Relaxed))
    }

    /// What the scribe has to say about the store.
    pub(super) fn store_is(&self, may_command: bool) {
        self.may_store.store(may_command, Ordering::Relaxed);
    }

    pub(super) fn count(&self, written: u64, lost: u64) {
        self.written.fetch_add(written, Ordering::Relaxed);
        self.lost.fetch_add(lost, Ordering::Relaxed);
    }

    /// Waits until there is something, or for so long; then takes it all.
    pub(super) fn take(&self, wait: Duration) -> Taken {
        let mut pile = self.pile();
        let now = self.now().monotonic;
        let wait = pile.storm.until().map_or(wait, |until| wait.min(until.saturating_sub(now)));
        if pile.taken.is_nothing() {
            let waited = self.arrived.wait_timeout_while(pile, wait, |pile| pile.taken.is_nothing());
            pile = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        let at = self.now();
        let is_ending = pile.taken.is_ending;
        let kept_back = pile.storm.flush(at.monotonic, is_ending);
        let mut taken = std::mem::replace(&mut pile.taken, Taken { is_ending, ..Taken::default() });
        self.is_piled_up.store(false, Ordering::Relaxed);
        drop(pile);
        if taken.dropped > 0 {
            let mut entry = OwnedEntry::new("factree", "audit.gap", "audit");
            entry.new = Some(format!("{} entries", taken.dropped));
            taken.push(at, entry.ended(Outcome::Failed, "they came faster than they could be written"));
        }
        kept_back.into_iter().for_each(|entry| taken.push(at, entry));
        taken
    }

    fn pile(&self) -> MutexGuard<'_, Pile> {
        self.pile.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Taken {
    fn is_nothing(&self) -> bool {
        self.entries.is_empty() && self.heads.is_empty() && self.dropped == 0 && !self.is_ending
    }

    fn push(&mut self, at: Now, entry: OwnedEntry) {
        self.entries.push(Waiting { at, entry, told: None });
    }
}
