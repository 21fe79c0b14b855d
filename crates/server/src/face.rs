//! The tree's face on MQTT: each element's samples as messages on its own topic.
//!
//! What changes is announced as it is written, message by message, and what is current is brought to whoever subscribes, as a
//! retained message would be; the tree is the store of both. Nothing is looked at while no subscription begins with a name that
//! the tree begins with, and nothing is encoded for cells that nobody is subscribed to. What is too much at once is an
//! [errand](errands). The hub, which has the locks, does what is decided here.
//! Knows no packet and no socket.
//! Invariant: the state is locked under ingest's lock whenever samples are read to be said, so that no topic's messages are
//! said in another order than they were written.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use factree_broker::Broker;
use factree_ingest::{Bulk, Ingest, Sights};
use factree_namespace::{ElementId, Namespace, Revision, Source, View};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use tokio::sync::Notify;

mod errands;
mod rendering;
mod topics;

pub(crate) use errands::{Current, Errands, Sweep};
pub(crate) use rendering::Renderer;
pub use topics::FaceRoot;

/// Of so many levels that filters begin with, and no more, it is asked whether the tree begins with them too.
const FIRST_LEVELS_MAX: usize = 1_000;
/// What a URI's path may hold as it is; more is encoded than must be.
const URI_PATH: &AsciiSet = &NON_ALPHANUMERIC.remove(b'/').remove(b'-').remove(b'_').remove(b'.').remove(b'~');
/// A longer path is not said in a reason string.
const TOLD_BYTES_MAX: usize = 1_024;

/// The tree's face on MQTT.
pub(crate) struct Face {
    pub(crate) namespace: Arc<Namespace>,
    /// None: the tree has no face.
    pub(crate) root: Option<FaceRoot>,
    state: Mutex<State>,
    /// The state of the broker's subscriptions that is taken account of; one more, so that the first look is one.
    heeded: AtomicU64,
    is_watching: AtomicBool,
    /// Says that there may be an errand to run.
    pub(crate) work: Notify,
    pub(crate) stats: Stats,
}

/// What was said, counted.
#[derive(Debug, Default)]
pub(crate) struct Stats {
    /// Samples announced to somebody.
    pub(crate) announced: AtomicU64,
    /// Messages brought to single subscriptions.
    pub(crate) brought: AtomicU64,
}

/// What is known about who wants what.
#[derive(Default)]
pub(crate) struct State {
    /// Levels that filters begin with and that the tree may begin with; none: too many to look at.
    levels: Option<HashSet<Box<str>>>,
    /// How many elements the tree began with when it was last held against them.
    tops: usize,
    /// What is taken account of: how often things have been moved, and what was written.
    layout: u64,
    revision: Revision,
    pub(crate) errands: Errands,
    pub(crate) sights: Sights,
}

impl Face {
    pub(crate) fn new(namespace: Arc<Namespace>, root: Option<FaceRoot>) -> Self {
        let state = Mutex::new(State { levels: Some(HashSet::new()), ..State::default() });
        let (heeded, is_watching) = (AtomicU64::new(u64::MAX), AtomicBool::new(false));
        Self { namespace, root, state, heeded, is_watching, work: Notify::new(), stats: Stats::default() }
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether what is written is looked at.
    pub(crate) fn is_watching(&self) -> bool {
        self.is_watching.load(Ordering::Relaxed)
    }

    /// What subscriptions begin with, if any was made or taken away since the last time.
    #[inline]
    pub(crate) fn hear(&self, broker: &Broker) -> Option<Heard> {
        let root = self.root.as_ref()?;
        let changes = broker.subscription_changes();
        (self.heeded.load(Ordering::Relaxed) != changes).then(|| Heard::of(broker, root, changes))
    }

    /// Takes account of it, before anything is applied that was accepted after it.
    #[cold]
    pub(crate) fn heed(&self, ingest: &mut Ingest, Heard { changes, levels }: Heard) {
        let mut state = self.state();
        self.heeded.store(changes, Ordering::Relaxed);
        state.levels = levels;
        let view = self.namespace.read();
        let is_watching = self.is_wanted(&mut state, &view);
        if is_watching && !self.is_watching() {
            (state.revision, state.layout) = (self.namespace.revision(), view.layout());
        }
        self.is_watching.store(is_watching, Ordering::Relaxed);
        ingest.watch(is_watching);
    }

    /// Whether any subscription may be about the tree.
    fn is_wanted(&self, state: &mut State, view: &View<'_>) -> bool {
        state.tops = view.child_count(ElementId::ROOT);
        let Some(levels) = &state.levels else { return true };
        // Below a root of its own, everything is the tree's.
        let is_rooted = self.root.as_ref().is_some_and(|root| root.first_level().is_some());
        let mut of_tree = levels.iter().filter_map(|level| self.root.as_ref()?.path(level));
        if is_rooted { !levels.is_empty() } else { of_tree.any(|name| view.child(ElementId::ROOT, &name).is_some()) }
    }

    /// After something was applied: whether there is anything to be said. If what was applied is the first of the tree that
    /// anybody asked for, all of it is.
    pub(crate) fn has_sights(&self, ingest: &mut Ingest) -> bool {
        if self.root.is_none() {
            return false;
        }
        let mut state = self.state();
        if self.is_watching() {
            let State { sights, .. } = &mut *state;
            ingest.take_sights(sights);
            return !sights.is_empty();
        }
        if state.levels.as_ref().is_some_and(HashSet::is_empty) {
            return false;
        }
        let view = self.namespace.read();
        if view.child_count(ElementId::ROOT) == state.tops || !self.is_wanted(&mut state, &view) {
            state.revision = self.namespace.revision();
            return false;
        }
        self.is_watching.store(true, Ordering::Relaxed);
        ingest.watch(true);
        state.layout = view.layout();
        let since = state.revision;
        self.note_changed(&mut state, &view, since);
        self.work.notify_one();
        false
    }

    /// Everything stands where new rules say: what the tree begins with, and where what changed meanwhile stands.
    pub(crate) fn heed_moved(&self, ingest: &mut Ingest) {
        let mut state = self.state();
        let view = self.namespace.read();
        let is_watching = self.is_wanted(&mut state, &view);
        self.is_watching.store(is_watching, Ordering::Relaxed);
        ingest.watch(is_watching);
        if is_watching {
            state.layout = view.layout();
            let since = state.revision;
            self.note_changed(&mut state, &view, since);
            self.work.notify_one();
        }
    }

    /// Things have been moved, so that what is current stands elsewhere.
    pub(crate) fn note_moved(&self, ingest: &mut Ingest, state: &mut State, view: &View<'_>) {
        if state.layout != view.layout() {
            state.layout = view.layout();
            ingest.watch(true);
            let since = state.revision;
            self.note_changed(state, view, since);
        }
        state.revision = self.namespace.revision();
    }

    /// Everything that was written since is to be swept.
    fn note_changed(&self, state: &mut State, view: &View<'_>, since: Revision) {
        let until = self.namespace.revision();
        for block in view.blocks().filter(|block| block.hold().is_newer(since)) {
            state.errands.add_bulk(Bulk { block: Arc::clone(block), since, until });
        }
        state.revision = until;
    }

    /// The errand of a subscription that was made just now, if it is about the tree.
    pub(crate) fn errand(&self, client_id: factree_broker::ClientId, filter: &str, retain: bool) -> Option<Current> {
        let meaning = self.root.as_ref()?.meaning(filter)?;
        Some(Current { client_id, filter: filter.into(), meaning, after: None, retain })
    }

    /// Why clients may not publish to a topic, because a Sparkplug source owns it; none if they may.
    pub(crate) fn forbids(&self, view: &View<'_>, topic: &str) -> Option<String> {
        let path = self.root.as_ref()?.path(topic)?;
        let Source::Sparkplug { group, edge_node, device } = view.publisher(view.find(&path)?)? else { return None };
        let mut why = match device {
            Some(device) => format!("Device {device} of the Edge Node {group}/{edge_node} owns this topic"),
            None => format!("the Edge Node {group}/{edge_node} owns this topic"),
        };
        if path.len() <= TOLD_BYTES_MAX {
            let path = utf8_percent_encode(&path, URI_PATH);
            why.push_str(&format!("; set its value with PUT /api/v1/values/{path}"));
        }
        Some(why)
            .filter(|why| why.len() <= 8 * TOLD_BYTES_MAX)
            .or_else(|| Some("an Edge Node owns this topic".to_owned()))
    }
}

/// What subscriptions begin with.
pub(crate) struct Heard {
    changes: u64,
    levels: Option<HashSet<Box<str>>>,
}

impl Heard {
    #[cold]
    fn of(broker: &Broker, root: &FaceRoot, changes: u64) -> Self {
        let mut levels = HashSet::new();
        if let Some(first) = root.first_level() {
            levels.extend(broker.is_subscribed_below(first).then(|| first.into()));
            return Self { changes, levels: Some(levels) };
        }
        for (number, level) in broker.subscribed_first_levels().enumerate() {
            if number == FIRST_LEVELS_MAX {
                return Self { changes, levels: None };
            }
            if root.may_begin_with(level) {
                levels.insert(level.into());
            }
        }
        Self { changes, levels: Some(levels) }
    }
}
