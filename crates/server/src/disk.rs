//! How far the disk is: which of the broker's writes are durable, and who waits for the rest.
//!
//! Whatever is to be kept is noted, and each note has a number. What a client is told may depend on everything noted
//! before it, so it carries the number reached so far as a [`Ticket`] and leaves its connection once all of that is
//! durable. One thread, the
//! [keeper](crate::keeper), commits all that gathered meanwhile, so a busy disk serves thousands of clients with one sync.
//! Knows no file and no packet. Without a keeper (`memory`) nothing is noted, and nothing waits.
//! Invariant: tickets are stamped and notes numbered under the core lock, after the decisions they stand for.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::hub::Mailbox;

/// While more than so many bytes wait for the disk, publishers that wait for it too are not read.
const WAITING_BYTES_MAX: usize = 64 << 20;
/// Below this many free bytes the disk is called low: eight times what the store keeps in reserve.
const LOW_BYTES: u64 = 512 << 20;

/// So many notes must be durable first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Ticket(u64);

impl Ticket {
    /// Depends on nothing.
    pub(crate) const FREE: Ticket = Ticket(0);

    /// Depends on that note and all before it; 0 is none.
    pub(crate) fn of_note(number: u64) -> Self {
        Ticket(number)
    }

    /// The number of the note it depends on.
    pub(crate) fn note(self) -> u64 {
        self.0
    }
}

/// What hub, connections and keeper know of the disk.
#[derive(Default)]
pub(crate) struct Disk {
    /// Somebody keeps what is noted.
    kept: bool,
    /// How often something was noted.
    noted: AtomicU64,
    /// How many of these notes are durable.
    durable: AtomicU64,
    /// Messages that wait for a commit or are in one.
    waiting_bytes: AtomicUsize,
    commits: AtomicU64,
    /// What must be kept is refused: the room is, or nearly is, used up.
    full: AtomicBool,
    /// Commits are refused.
    stuck: AtomicBool,
    /// Bytes it has left, when it was looked at last and told; 0 before.
    free_bytes: AtomicU64,
    waiting: Mutex<Vec<(Ticket, Arc<Mailbox>)>>,
    work: Mutex<Work>,
    begin: Condvar,
}

/// What the keeper is to do next.
#[derive(Default)]
struct Work {
    some: bool,
    stop: bool,
}

impl Disk {
    /// With a keeper, or without one.
    pub(crate) fn new(kept: bool) -> Self {
        Self { kept, ..Self::default() }
    }

    /// Whether somebody keeps what is noted.
    pub(crate) fn is_kept(&self) -> bool {
        self.kept
    }

    /// The ticket of all that was decided up to now and is not itself to be kept. While commits are refused it waits for
    /// nobody: only what has to be kept waits for room.
    pub(crate) fn latest(&self) -> Ticket {
        if self.is_stuck() { Ticket::FREE } else { Ticket(self.last_note()) }
    }

    /// There is something new to be kept, with messages of so many bytes; its ticket.
    pub(crate) fn note(&self, bytes: usize) -> Ticket {
        let number = self.noted.fetch_add(1, Ordering::AcqRel) + 1;
        self.waiting_bytes.fetch_add(bytes, Ordering::Relaxed);
        let mut work = lock(&self.work);
        if !std::mem::replace(&mut work.some, true) {
            self.begin.notify_one();
        }
        Ticket(number)
    }

    /// The number of the last note.
    pub(crate) fn last_note(&self) -> u64 {
        self.noted.load(Ordering::Acquire)
    }

    /// Whether what depends on this ticket may leave.
    pub(crate) fn has(&self, ticket: Ticket) -> bool {
        ticket.0 <= self.durable.load(Ordering::Acquire)
    }

    /// Whether publishers are ahead of the disk.
    pub(crate) fn is_behind(&self) -> bool {
        self.waiting_bytes() > WAITING_BYTES_MAX
    }

    /// How often something was committed.
    pub(crate) fn commits(&self) -> u64 {
        self.commits.load(Ordering::Relaxed)
    }

    /// Bytes of messages that wait for a commit or are in one.
    pub(crate) fn waiting_bytes(&self) -> usize {
        self.waiting_bytes.load(Ordering::Relaxed)
    }

    /// Whether the disk has no room for what must be kept.
    pub(crate) fn is_full(&self) -> bool {
        self.full.load(Ordering::Relaxed)
    }

    /// Bytes it has left, looked at twice a second; none if nothing is kept, or the machine does not tell.
    pub(crate) fn free_bytes(&self) -> Option<u64> {
        Some(self.free_bytes.load(Ordering::Relaxed)).filter(|free| self.kept && *free > 0)
    }

    /// Whether it comes to its end, so that somebody makes room while there is some.
    pub(crate) fn is_low(&self) -> bool {
        self.free_bytes().is_some_and(|free| free < LOW_BYTES)
    }

    /// Whether commits are refused.
    pub(crate) fn is_stuck(&self) -> bool {
        self.stuck.load(Ordering::Relaxed)
    }

    /// Wakes the mailbox once the disk is as far as the ticket, at once if it is.
    pub(crate) fn wake_at(&self, ticket: Ticket, mailbox: &Arc<Mailbox>) {
        let mut waiting = lock(&self.waiting);
        if self.has(ticket) {
            mailbox.wake();
        } else {
            waiting.push((ticket, Arc::clone(mailbox)));
        }
    }

    // ---- The keeper's side ----------------------------------------------------------------------------------------

    /// Waits for work, no longer than that; `false` once it is time to stop.
    pub(crate) fn wait_for_work(&self, at_most: Duration) -> bool {
        let work = lock(&self.work);
        let waited = self.begin.wait_timeout_while(work, at_most, |work| !work.some && !work.stop);
        let (mut work, _) = waited.unwrap_or_else(PoisonError::into_inner);
        work.some = false;
        !work.stop
    }

    /// So many notes are durable; `bytes` of messages wait no more.
    pub(crate) fn reached(&self, durable: u64, bytes: usize) {
        self.waiting_bytes.fetch_sub(bytes, Ordering::Relaxed);
        let mut waiting = lock(&self.waiting);
        // Under the lock, so that nobody begins to wait for what has just come.
        self.durable.store(durable, Ordering::Release);
        let woken: Vec<_> = waiting.extract_if(.., |(ticket, _)| ticket.0 <= durable).collect();
        drop(waiting);
        woken.iter().for_each(|(_, mailbox)| mailbox.wake());
    }

    /// Commits are refused, or taken again.
    pub(crate) fn set_stuck(&self, stuck: bool) {
        self.stuck.store(stuck, Ordering::Relaxed);
    }

    pub(crate) fn set_free_bytes(&self, free: u64) {
        self.free_bytes.store(free, Ordering::Relaxed);
    }

    /// Something was committed.
    pub(crate) fn committed(&self) {
        self.commits.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn set_full(&self, full: bool) {
        self.full.store(full, Ordering::Relaxed);
    }

    /// Tells the keeper to commit what there is and stop.
    pub(crate) fn stop(&self) {
        lock(&self.work).stop = true;
        self.begin.notify_one();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
