//! All subscriptions of the process: who may have one, who has which, and how long it lives.
//!
//! Each has a task that waits for the bell, looks at what is monitored and rests for a moment, as a feed does; a sync looks for
//! itself first, so it misses nothing that is in the tree. A subscription that nobody syncs or streams for a while is deleted.
//! Invariant: what is not in `all` any more is found by nobody, and its task has ended or is about to.

use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use factree_auth::Principal;
use factree_ingest::Now;
use factree_namespace::{Namespace, Revision, Timestamp};
use tokio::sync::{Notify, watch};
use tokio::task::AbortHandle;
use tokio::time::Instant;

use super::envelope::Refusal;
use super::subscription::Subscription;
use crate::caller::Caller;
use crate::doorway::wall;
use crate::stream::Streams;

/// Between two looks at what is monitored: what changes twice within it is seen once.
pub(super) const PACE: Duration = Duration::from_millis(100);

/// Bounds on what i3X clients subscribe to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct I3xLimits {
    /// Subscriptions at once.
    pub i3x_subscriptions_max: NonZeroU32,
    /// Elements monitored by one subscription, components among them.
    pub i3x_elements_per_subscription_max: NonZeroU32,
    /// Elements monitored by all subscriptions together: each is looked at ten times a second while the tree changes.
    pub i3x_elements_max: NonZeroU32,
    /// Updates of one element that wait for a client.
    pub i3x_updates_per_element_max: NonZeroU32,
    /// Bytes of updates that wait for a client, and as many that it has been told and not acknowledged.
    pub i3x_queue_bytes_max: NonZeroU32,
    /// How long a subscription lives that is neither synced nor streamed.
    pub i3x_subscription_ttl: Duration,
}

impl Default for I3xLimits {
    fn default() -> Self {
        let max = |number| NonZeroU32::new(number).expect("not zero");
        Self {
            i3x_subscriptions_max: max(500),
            i3x_elements_per_subscription_max: max(10_000),
            i3x_elements_max: max(100_000),
            i3x_updates_per_element_max: max(100),
            i3x_queue_bytes_max: max(1 << 20),
            i3x_subscription_ttl: Duration::from_secs(300),
        }
    }
}

/// What subscriptions have done so far, and how many there are now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct I3xStats {
    /// Subscriptions now.
    pub subscriptions: u64,
    /// Elements they monitor now.
    pub elements: u64,
    /// Changes seen for them.
    pub updates: u64,
    /// Changes dropped because a client did not fetch them in time.
    pub dropped: u64,
    /// Subscriptions deleted because nobody asked for what they had.
    pub expired: u64,
    /// Subscriptions refused because there were too many.
    pub refused: u64,
}

/// All i3X subscriptions of the process.
pub struct I3xSubscriptions {
    namespace: Arc<Namespace>,
    streams: Arc<Streams>,
    clock: Arc<dyn Fn() -> Now + Send + Sync>,
    limits: I3xLimits,
    all: Mutex<HashMap<Arc<str>, Arc<Entry>>>,
    made: AtomicU64,
    secret: RandomState,
    elements: AtomicUsize,
    updates: AtomicU64,
    dropped: AtomicU64,
    expired: AtomicU64,
    refused: AtomicU64,
}

/// One subscription, and who works for it.
pub(super) struct Entry {
    pub(super) id: Arc<str>,
    principal: Principal,
    pub(super) client_id: String,
    pub(super) display_name: Option<String>,
    subscription: Mutex<Subscription>,
    used: Mutex<Used>,
    /// Says that there is something to tell to a stream.
    pub(super) news: Notify,
    /// The number of the latest stream; none after the subscription was deleted.
    latest: watch::Sender<Option<u64>>,
    task: Mutex<Option<AbortHandle>>,
}

/// When it was last asked for what it has.
#[derive(Clone, Copy, Debug)]
enum Used {
    At(Instant),
    /// By the stream of this number.
    Streaming(u64),
}

impl I3xSubscriptions {
    /// Subscriptions to a tree. The bell of `streams` is theirs too, and they end with them.
    pub fn new(
        namespace: Arc<Namespace>,
        streams: Arc<Streams>,
        clock: Arc<dyn Fn() -> Now + Send + Sync>,
        limits: I3xLimits,
    ) -> Self {
        Self {
            namespace,
            streams,
            clock,
            limits,
            all: Mutex::default(),
            made: AtomicU64::new(0),
            secret: RandomState::new(),
            elements: AtomicUsize::new(0),
            updates: AtomicU64::new(0),
            dropped: AtomicU64::new(0),
            expired: AtomicU64::new(0),
            refused: AtomicU64::new(0),
        }
    }

    /// What they have done so far.
    pub fn stats(&self) -> I3xStats {
        let get = |count: &AtomicU64| count.load(Ordering::Relaxed);
        I3xStats {
            subscriptions: self.all().len() as u64,
            elements: self.elements.load(Ordering::Relaxed) as u64,
            updates: get(&self.updates),
            dropped: get(&self.dropped),
            expired: get(&self.expired),
            refused: get(&self.refused),
        }
    }

    /// A new one. Within a tokio runtime.
    pub(super) fn create(
        self: &Arc<Self>,
        caller: &Caller,
        client_id: String,
        display_name: Option<String>,
    ) -> Result<Arc<Entry>, Refusal> {
        let mut all = self.all();
        if all.len() >= self.limits.i3x_subscriptions_max.get() as usize {
            self.refused.fetch_add(1, Ordering::Relaxed);
            let detail = "there are as many subscriptions as there may be (i3x_subscriptions_max)";
            return Err(Refusal::new(axum::http::StatusCode::SERVICE_UNAVAILABLE, detail));
        }
        let entry = Arc::new(Entry {
            id: self.new_id().into(),
            principal: caller.principal().clone(),
            client_id,
            display_name,
            subscription: Mutex::new(Subscription::new(self.limits.clone(), caller.clone())),
            used: Mutex::new(Used::At(Instant::now())),
            news: Notify::new(),
            latest: watch::Sender::new(Some(0)),
            task: Mutex::new(None),
        });
        let task = tokio::spawn(Arc::clone(self).keep(Arc::clone(&entry))).abort_handle();
        *entry.task.lock().unwrap_or_else(PoisonError::into_inner) = Some(task);
        all.insert(Arc::clone(&entry.id), Arc::clone(&entry));
        Ok(entry)
    }

    /// The subscription, if it is this client's and this principal's. From here on it has what the caller may read now.
    pub(super) fn find(&self, caller: &Caller, client_id: &str, id: &str) -> Result<Arc<Entry>, Refusal> {
        // Whose it is is nobody's business: to others it is not there.
        let is_his = |entry: &&Arc<Entry>| entry.client_id == client_id && entry.principal == *caller.principal();
        let entry = self.all().get(id).filter(is_his).map(Arc::clone);
        let entry = entry.ok_or_else(|| Refusal::not_found("subscription", id))?;
        let now = Timestamp((self.clock)().wall.0);
        self.with(&entry, |subscription| subscription.belong_to(caller, &self.namespace, now));
        Ok(entry)
    }

    /// Deletes it, if it is there; its stream ends.
    pub(super) fn delete(&self, entry: &Entry) {
        if self.all().remove(&entry.id).is_none() {
            return;
        }
        entry.latest.send_replace(None);
        if let Some(task) = entry.task.lock().unwrap_or_else(PoisonError::into_inner).take() {
            task.abort();
        }
        self.with(entry, |_| ());
    }

    /// Works on it, and counts what that changed.
    pub(super) fn with<T>(&self, entry: &Entry, work: impl FnOnce(&mut Subscription) -> T) -> T {
        let mut subscription = entry.subscription.lock().unwrap_or_else(PoisonError::into_inner);
        let figures = |it: &Subscription| (it.monitored.len(), it.monitored.seen, it.dropped());
        let before = figures(&subscription);
        let result = work(&mut subscription);
        if entry.latest.borrow().is_none() {
            // Deleted: whoever found it before leaves nothing behind.
            *subscription = Subscription::new(self.limits.clone(), Caller::nobody(subscription.caller.address()));
        }
        let after = figures(&subscription);
        self.elements.fetch_add(after.0, Ordering::Relaxed);
        self.elements.fetch_sub(before.0, Ordering::Relaxed);
        self.updates.fetch_add(after.1.saturating_sub(before.1), Ordering::Relaxed);
        self.dropped.fetch_add(after.2.saturating_sub(before.2), Ordering::Relaxed);
        result
    }

    /// Elements that may still be monitored.
    pub(super) fn room(&self) -> usize {
        (self.limits.i3x_elements_max.get() as usize).saturating_sub(self.elements.load(Ordering::Relaxed))
    }

    pub(super) fn namespace(&self) -> &Namespace {
        &self.namespace
    }

    /// Takes what has changed into the queues of a subscription; whether it owes anything now.
    pub(super) fn look(&self, subscription: &mut Subscription) -> bool {
        let now = Timestamp((self.clock)().wall.0);
        // Until he is let in anew nobody knows what he may see.
        if !subscription.caller.is_over(wall()) {
            let caller = subscription.caller.clone();
            subscription.monitored.look(&caller.sight(&self.namespace), now);
        }
        subscription.owes_anything()
    }

    /// Looks after one subscription until it is deleted, or nobody wants it any more.
    async fn keep(self: Arc<Self>, entry: Arc<Entry>) {
        let mut closing = self.streams.closing();
        let mut seen = Revision::ZERO;
        loop {
            let unused = entry.unused();
            if unused >= self.limits.i3x_subscription_ttl {
                self.expired.fetch_add(1, Ordering::Relaxed);
                return self.delete(&entry);
            }
            tokio::select! {
                _ = closing.wait_for(|closing| *closing) => return,
                () = tokio::time::sleep(self.limits.i3x_subscription_ttl - unused) => continue,
                () = self.streams.changed(seen) => {}
            }
            seen = self.namespace.revision();
            if self.with(&entry, |subscription| self.look(subscription)) {
                entry.news.notify_one();
            }
            tokio::time::sleep(PACE).await;
        }
    }

    /// Nobody guesses it: a keyed hash of a counter, its key from the system's randomness.
    fn new_id(&self) -> String {
        let number = self.made.fetch_add(1, Ordering::Relaxed);
        format!("{:016x}{:016x}", self.secret.hash_one((number, 0)), self.secret.hash_one((number, 1)))
    }

    fn all(&self) -> MutexGuard<'_, HashMap<Arc<str>, Arc<Entry>>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for I3xSubscriptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "I3xSubscriptions({:?})", self.stats())
    }
}

impl Entry {
    /// How long nobody has asked for what it has.
    fn unused(&self) -> Duration {
        match *self.used() {
            Used::At(when) => when.elapsed(),
            Used::Streaming(_) => Duration::ZERO,
        }
    }

    /// Somebody syncs; not while a stream is open.
    pub(super) fn touch(&self) -> Result<(), Refusal> {
        let mut used = self.used();
        match *used {
            Used::Streaming(_) => Err(Refusal::bad("a stream is open on this subscription: close it before you sync")),
            Used::At(_) => {
                *used = Used::At(Instant::now());
                Ok(())
            }
        }
    }

    /// Opens a stream, and closes the one that was open. Its number, and what tells of the next one.
    pub(super) fn open(&self) -> (u64, watch::Receiver<Option<u64>>) {
        let mut used = self.used();
        let mut number = 0;
        self.latest.send_modify(|latest| {
            if let Some(latest) = latest {
                *latest += 1;
                number = *latest;
            }
        });
        *used = Used::Streaming(number);
        (number, self.latest.subscribe())
    }

    /// A stream has ended; unless there is another one already, time runs.
    pub(super) fn close(&self, number: u64) {
        let mut used = self.used();
        if matches!(*used, Used::Streaming(latest) if latest == number) {
            *used = Used::At(Instant::now());
        }
    }

    fn used(&self) -> MutexGuard<'_, Used> {
        self.used.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
