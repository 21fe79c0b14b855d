//! The tree's face on MQTT: each element's samples as messages on its own topic.
//!
//! What changes is announced as it is written, message by message, and what is current is brought to whoever subscribes, as a
//! retained message would be; the tree is the store of both. Nothing is looked at while no subscription begins with a name that
//! the tree begins with, and nothing is encoded for cells that nobody is subscribed to. What is too much at once is an
//! errand: what is [current](currents) for one subscription, and [sweeps] for all. The hub, which has the locks, does what is decided here.
//! Knows no packet and no socket.
//! Invariant: the state is locked under ingest's lock whenever samples are read to be said, so that no topic's messages are
//! said in another order than they were written.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use factree_broker::Broker;
use factree_ingest::{Bulk, Ingest, Sights};
use factree_namespace::{ElementId, Namespace, Revision, View};
use tokio::sync::Notify;

mod currents;
mod owners;
mod rendering;
mod sweeps;
mod topics;

pub(crate) use currents::{Currents, Turn};
pub(crate) use owners::Owners;
pub(crate) use rendering::Renderer;
pub(crate) use sweeps::{Sweep, Sweeps};
pub use topics::FaceRoot;

/// If the tree begins with more names than this, or filters do, not each is asked about.
const FIRST_LEVELS_MAX: usize = 256;

/// The tree's face on MQTT.
pub(crate) struct Face {
    /// The tree and its root, if it has a face; and whose its topics are.
    pub(crate) owners: Owners,
    state: Mutex<State>,
    /// The topics that the tree's topics begin with; none: too many to ask about each.
    tops: Mutex<Option<Arc<[String]>>>,
    /// How many sources had a place in the tree when that was looked at.
    sources: AtomicUsize,
    /// The state of the broker's subscriptions that is taken account of; at first none.
    heeded: AtomicU64,
    is_watching: AtomicBool,
    /// The arrangement of the tree when it was last looked at,
    arrangement: AtomicU64,
    /// and whether retained messages are still to be held against it.
    is_rearranged: AtomicBool,
    /// Says that there may be an errand to run.
    pub(crate) work: Notify,
    pub(crate) stats: Stats,
}

/// What was said, and is still to be.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct FaceFigures {
    pub(crate) announced: u64,
    pub(crate) brought: u64,
    /// Subscriptions that wait for what is current.
    pub(crate) due: u64,
}

/// What was said, counted.
#[derive(Debug, Default)]
pub(crate) struct Stats {
    /// Samples announced to somebody.
    pub(crate) announced: AtomicU64,
    /// Messages brought to single subscriptions.
    pub(crate) brought: AtomicU64,
}

/// What is still to be told, and what is taken account of.
#[derive(Default)]
pub(crate) struct State {
    /// How often things have been moved.
    layout: u64,
    /// What was written up to then is told, or noted to be.
    revision: Revision,
    pub(crate) sweeps: Sweeps,
    pub(crate) sights: Sights,
    /// How far retained messages have been held against the tree, while that is done.
    retained: Option<usize>,
}

/// What was applied to the tree just now.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Applied {
    /// The revision before it.
    pub(crate) since: Revision,
    /// Whether it led to anything else than new samples.
    pub(crate) is_news: bool,
}

/// What is to be done about what was applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sighted {
    Nothing,
    /// It is to be announced.
    Samples,
    /// The tree begins with other names now: ask [`Face::is_wanted`], and if it is, [`Face::begin`].
    Tops,
}

impl Face {
    pub(crate) fn new(namespace: Arc<Namespace>, root: Option<FaceRoot>) -> Self {
        let face = Self {
            owners: Owners { namespace, root },
            state: Mutex::default(),
            tops: Mutex::new(Some(Arc::new([]))),
            sources: AtomicUsize::new(0),
            heeded: AtomicU64::new(u64::MAX),
            is_watching: AtomicBool::new(false),
            arrangement: AtomicU64::new(0),
            is_rearranged: AtomicBool::new(true),
            work: Notify::new(),
            stats: Stats::default(),
        };
        face.look_at_tops(&face.owners.namespace.read());
        face
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    /// Whether what is written is looked at.
    pub(crate) fn is_watching(&self) -> bool {
        self.is_watching.load(Ordering::Relaxed)
    }

    /// Whether any subscription may be about the tree, if one was made or taken away since that was last heeded.
    #[inline]
    pub(crate) fn hear(&self, broker: &Broker) -> Option<Heard> {
        let changes = broker.subscription_changes();
        let is_new = self.owners.root.is_some() && self.heeded.load(Ordering::Relaxed) != changes;
        is_new.then(|| Heard { changes, is_wanted: self.is_wanted(broker) })
    }

    /// Whether any subscription may be about the tree.
    #[cold]
    pub(crate) fn is_wanted(&self, broker: &Broker) -> bool {
        let Some(root) = &self.owners.root else { return false };
        if let Some(first) = root.first_level() {
            return broker.is_subscribed_below(first);
        }
        if let Some(tops) = &*lock(&self.tops) {
            return tops.iter().any(|top| broker.is_subscribed_below(top));
        }
        let mut levels = broker.subscribed_first_levels();
        levels.by_ref().take(FIRST_LEVELS_MAX).any(|level| root.may_begin_with(level)) || levels.next().is_some()
    }

    /// Takes account of what was heard, before anything is applied that was accepted after it.
    #[cold]
    pub(crate) fn heed(&self, ingest: &mut Ingest, Heard { changes, is_wanted }: Heard) {
        self.heeded.store(changes, Ordering::Relaxed);
        self.watch(ingest, &mut self.state(), &self.owners.namespace.read(), is_wanted);
    }

    fn watch(&self, ingest: &mut Ingest, state: &mut State, view: &View<'_>, is_watching: bool) {
        if is_watching && !self.is_watching() {
            (state.revision, state.layout) = (self.owners.namespace.revision(), view.layout());
        }
        self.is_watching.store(is_watching, Ordering::Relaxed);
        ingest.watch(is_watching);
    }

    /// Whether what was applied is to be announced.
    #[inline]
    pub(crate) fn sight(&self, ingest: &mut Ingest, applied: Applied) -> Sighted {
        if self.is_watching() {
            let mut state = self.state();
            ingest.take_sights(&mut state.sights);
            return if state.sights.is_empty() { Sighted::Nothing } else { Sighted::Samples };
        }
        let sources = ingest.sources_len();
        if self.owners.root.is_none() || !applied.is_news && self.sources.load(Ordering::Relaxed) == sources {
            return Sighted::Nothing;
        }
        self.sources.store(sources, Ordering::Relaxed);
        if self.look_at_tops(&self.owners.namespace.read()) { Sighted::Tops } else { Sighted::Nothing }
    }

    /// Notes what the tree begins with; whether that is something else than before.
    fn look_at_tops(&self, view: &View<'_>) -> bool {
        let root = self.owners.root.as_ref().filter(|root| root.first_level().is_none());
        let names = view.children(ElementId::ROOT, None, FIRST_LEVELS_MAX + 1);
        let tops = names.iter().filter_map(|&id| root?.topic(view.name(id)));
        let tops = (names.len() <= FIRST_LEVELS_MAX).then(|| tops.collect::<Arc<[String]>>());
        let mut known = lock(&self.tops);
        let is_new = *known != tops;
        *known = tops;
        is_new
    }

    /// What was applied is the first of the tree that anybody asked for: all of it is [sighted](Sighted::Samples).
    #[cold]
    pub(crate) fn begin(&self, ingest: &mut Ingest, applied: Applied) {
        let mut state = self.state();
        let view = self.owners.namespace.read();
        self.watch(ingest, &mut state, &view, true);
        let until = self.owners.namespace.revision();
        for block in view.blocks().filter(|block| block.hold().is_newer(applied.since)) {
            ingest.look_back(block, applied.since, until);
        }
        ingest.take_sights(&mut state.sights);
    }

    /// Things may have been moved, so that what is current stands elsewhere.
    pub(crate) fn note_moved(&self, ingest: &mut Ingest, state: &mut State, view: &View<'_>) {
        if state.layout != view.layout() {
            state.layout = view.layout();
            ingest.watch(true);
            let since = state.revision;
            self.note_changed(state, view, since);
        }
        state.revision = self.owners.namespace.revision();
    }

    /// The tree may begin with other names, because everything stands where new rules say: there is something to
    /// [hear](Face::hear).
    pub(crate) fn look_again(&self) {
        self.look_at_tops(&self.owners.namespace.read());
        self.heeded.store(u64::MAX, Ordering::Relaxed);
    }

    /// What has moved is to be told where it stands now; everything, unless somebody was watching when it began to move.
    pub(crate) fn tell_moved(&self, was_watching: bool) {
        let mut state = self.state();
        let view = self.owners.namespace.read();
        state.layout = view.layout();
        let since = if was_watching { state.revision } else { Revision::ZERO };
        self.note_changed(&mut state, &view, since);
    }

    /// Everything that was written since is to be swept.
    fn note_changed(&self, state: &mut State, view: &View<'_>, since: Revision) {
        let until = self.owners.namespace.revision();
        for block in view.blocks().filter(|block| block.hold().is_newer(since)) {
            state.sweeps.add(Bulk { block: Arc::clone(block), since, until });
        }
        state.revision = until;
        self.work.notify_one();
    }

    /// Things may stand elsewhere than when retained messages were last held against the tree.
    pub(crate) fn note_arrangement(&self) {
        let arrangement = self.owners.namespace.read().arrangement();
        if self.arrangement.swap(arrangement, Ordering::Relaxed) != arrangement {
            self.is_rearranged.store(true, Ordering::Relaxed);
            self.work.notify_one();
        }
    }

    /// Where retained messages are to be held against the tree next; none if there is no reason to.
    pub(crate) fn next_retained(&self) -> Option<usize> {
        let mut state = self.state();
        if state.retained.is_none() && self.is_rearranged.swap(false, Ordering::Relaxed) {
            state.retained = self.owners.root.is_some().then_some(0);
        }
        state.retained
    }

    /// It has been done up to there; none: to the end.
    pub(crate) fn have_looked_at_retained(&self, next: Option<usize>) {
        self.state().retained = next;
    }
}

/// What the broker's subscriptions are like.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Heard {
    /// In which state of theirs.
    changes: u64,
    /// One of them may be about the tree.
    is_wanted: bool,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
