//! The keeper: one thread that makes the broker's writes durable, all that gathered since the last time in one commit.
//!
//! While a commit is under way the next one gathers, so its size follows the load: one write on an idle plant, thousands
//! on a busy one, and a sync for each commit, not for each message. Writes of one key are folded first; a message that was
//! acknowledged before the disk got to it never touches the disk. Last-known samples are not written as they come: twice a
//! second the tree is asked what has changed, a budget at a time, and that rides along.
//! Refuses to guess what a failed disk holds: it ends the process, which has acknowledged nothing of the failed commit.
//! Invariant: `durable` is told only after the commit that holds these writes has returned.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use factree_ingest::{Budget, Keep, Mark, More};
use factree_store::{Batch, CommitError, Space, Store};
use tracing::{error, info, warn};

use crate::folded::Folded;
use crate::hub::Hub;
use crate::storage::calendar;

/// How often samples are looked at, and whether the disk has room.
const LOOK: Duration = Duration::from_millis(500);
/// Commits begin no closer together than that: where a commit is cheap, many small ones cost more than they hurry, and what
/// gathers may yet cancel out. The first after a quiet moment does not wait.
const COMMIT_INTERVAL: Duration = Duration::from_millis(1);
/// The exit code of a process whose disk has failed.
const EXIT_DISK_FAILED: i32 = 4;

/// The running thread. Dropped, it commits what there is, and ends.
pub(crate) struct Keeper {
    thread: Option<JoinHandle<()>>,
    hub: Arc<Hub>,
}

impl Keeper {
    /// Begins to keep what the hub's broker and tree say; `useless` records are removed first.
    ///
    /// # Errors
    /// The machine has no thread to give.
    pub(crate) fn start(hub: Arc<Hub>, store: Store, useless: Vec<Keep>) -> std::io::Result<Self> {
        let mut folded = Folded::default();
        folded.keep(useless);
        let keeping = Keeping {
            store,
            batch: Batch::new(),
            folded,
            waiting_bytes: 0,
            last_commit: Instant::now(),
            samples: Samples { mark: hub.mark_samples(), due: Instant::now() + LOOK },
            hub: Arc::clone(&hub),
        };
        let thread = std::thread::Builder::new().name("keeper".into()).spawn(move || run_or_end(keeping))?;
        Ok(Self { thread: Some(thread), hub })
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.hub.disk().stop();
        if let Some(thread) = self.thread.take() {
            thread.join().expect("a keeper that panics has ended the process");
        }
    }
}

/// Without a keeper every answer would wait for ever; a process that ends is started again and goes on from the disk.
fn run_or_end(keeping: Keeping) {
    if catch_unwind(AssertUnwindSafe(|| keeping.run())).is_err() {
        error!("the keeper panicked, so nothing more can be acknowledged; ending the process");
        std::process::abort();
    }
}

struct Keeping {
    hub: Arc<Hub>,
    store: Store,
    batch: Batch,
    folded: Folded,
    /// Of messages that were taken and are not committed.
    waiting_bytes: usize,
    last_commit: Instant,
    samples: Samples,
}

/// How far the samples are on disk.
struct Samples {
    mark: Mark,
    /// When to go on.
    due: Instant,
}

impl Keeping {
    fn run(mut self) {
        loop {
            let going_on = self.hub.disk().wait_for_work(self.samples.due.saturating_duration_since(Instant::now()));
            std::thread::sleep(COMMIT_INTERVAL.saturating_sub(self.last_commit.elapsed()));
            self.last_commit = Instant::now();
            let taken = self.hub.take_writes();
            self.waiting_bytes += taken.bytes;
            self.folded.write(taken.writes);
            self.folded.keep(taken.births);
            self.take_samples(!going_on);
            self.folded.spell(&calendar(), &mut self.batch);
            let something = !self.batch.is_empty();
            match self.store.commit(&mut self.batch) {
                Ok(()) => {
                    if something {
                        self.hub.disk().committed();
                    }
                    self.folded.clear();
                    self.hub.disk().set_stuck(false);
                    self.hub.disk().reached(taken.noted, std::mem::take(&mut self.waiting_bytes));
                    // Near the end of the disk new work is refused, while there is still room to note the end of the old.
                    self.set_full(self.store.space() == Space::Low);
                }
                Err(CommitError::Full) => {
                    self.batch.clear();
                    self.hub.disk().set_stuck(true);
                    self.set_full(true);
                }
                Err(CommitError::Fatal(why)) => {
                    error!("the disk failed: {why}; ending the process, which can acknowledge nothing more");
                    std::process::exit(EXIT_DISK_FAILED);
                }
            }
            if !going_on {
                return;
            }
        }
    }

    /// What has changed in the tree, as much as one commit should carry; at the end, everything. What a full disk does not
    /// take waits with the rest, and a newer sample takes its place.
    fn take_samples(&mut self, all: bool) {
        let Samples { mark, due } = &mut self.samples;
        if !all && Instant::now() < *due {
            return;
        }
        loop {
            let mut records = Vec::new();
            let more = self.hub.changed_samples(mark, Budget::default(), &mut records);
            self.folded.keep(records.into_iter().map(|record| Keep::Put(factree_ingest::Table::Samples, record)));
            match more {
                More::Yes if all => {}
                More::Yes => return,
                More::No => break,
            }
        }
        *due = Instant::now() + LOOK;
        // What does not answer is not known, and a disk that has failed is told by its commits.
        self.hub.disk().set_free_bytes(self.store.free_bytes().unwrap_or_default());
    }

    fn set_full(&self, full: bool) {
        if full == self.hub.disk().is_full() {
            return;
        }
        if full {
            warn!("the disk is full: QoS 1 and 2 publications are refused with Quota Exceeded until there is room");
        } else {
            info!("the disk has room again: QoS 1 and 2 publications are taken");
        }
        self.hub.set_storage_full(full);
    }
}
