//! What the hub does for the tree's face on MQTT: announces what is written, runs errands, keeps clients off topics that
//! Edge Nodes own.
//!
//! What is written is announced by whoever applied it, before ingest's lock is let go; that is what keeps a topic's messages in
//! order. Errands are run by a task of their own, a chunk at a time under the same lock.
//! Invariant: locks are taken in the order ingest, the face's state, core; the tree is let go before the core.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use factree_broker::{Publication, Refusal};
use factree_ingest::{Batch, Ingest};
use factree_mqtt::{Connect, Packet, ReasonCode, TopicFilter};
use factree_namespace::{Block, Sample};

use super::visit::Left;
use super::{Core, Hub, Incoming, lock};
use crate::face::{Applied, Current, FaceFigures, Renderer, Sighted, State, Stats, Sweep};

/// Cells of a sweep that are looked at together.
const SWEPT_AT_ONCE: usize = 256;
/// Subscriptions that are asked for room under the core lock at a time.
const ASKED_AT_ONCE: usize = 64;
/// How long a sweep rests while subscribers are behind: at first, and twice as long each time until
/// the longest.
const REST: Duration = Duration::from_millis(1);
const REST_MAX: Duration = Duration::from_millis(64);

/// A message about a cell.
type Told = (Arc<Publication>, Arc<Block>, u32);

impl Hub {
    /// Announces what has been applied since the last time. Called with ingest's lock, after each batch.
    #[inline]
    pub(super) fn show(&self, ingest: &mut Ingest, applied: Applied) -> Option<Left> {
        match self.face.sight(ingest, applied) {
            Sighted::Nothing => None,
            Sighted::Samples => self.show_sights(ingest),
            Sighted::Tops => {
                let is_wanted = self.face.is_wanted(&self.core().broker);
                is_wanted.then(|| {
                    self.face.begin(ingest, applied);
                    self.show_sights(ingest)
                })?
            }
        }
    }

    #[cold]
    fn show_sights(&self, ingest: &mut Ingest) -> Option<Left> {
        let root = self.face.root.as_ref()?;
        let now = Instant::now();
        let mut state = self.face.state();
        let mut told: Vec<Told> = Vec::new();
        {
            let view = self.face.namespace.read();
            let mut renderer = Renderer::new(&view, root, now);
            for seen in state.sights.seen.drain(..) {
                // What stands nowhere in the tree stands nowhere on MQTT.
                let message = seen.block.element(seen.slot).and_then(|id| renderer.message(id, &seen.sample, None));
                match message {
                    Some(message) => told.push((message, seen.block, seen.slot)),
                    None => ingest.ignore(&seen.block, seen.slot),
                }
            }
            self.face.note_moved(ingest, &mut state, &view);
        }
        let State { sights, errands, .. } = &mut *state;
        for bulk in sights.bulks.drain(..) {
            errands.add_bulk(bulk);
        }
        if errands.sweep().is_some() {
            self.face.work.notify_one();
        }
        Some(self.announce(ingest, &told))
    }

    /// Announces messages; cells that nobody wants to hear of are not looked at again.
    fn announce(&self, ingest: &mut Ingest, told: &[Told]) -> Left {
        let mut announced = 0;
        let left = self.enter_locked(&mut self.core(), None, Batch::default(), &mut Vec::new(), |visit| {
            for (message, block, slot) in told {
                if visit.announce(message) {
                    announced += 1;
                } else {
                    ingest.ignore(block, *slot);
                }
            }
        });
        self.face.stats.announced.fetch_add(announced, Ordering::Relaxed);
        // What was queued for sessions that are kept is on disk before the message that led to it is acknowledged.
        self.births.fetch_max(left.answer.ticket.note(), Ordering::AcqRel);
        left
    }

    /// The tree has been moved: what stands elsewhere now is told there.
    pub(crate) fn show_moved(&self) {
        self.streams.ring();
        if self.face.root.is_none() {
            return;
        }
        let mut ingest = lock(&self.ingest);
        let was_watching = self.face.is_watching();
        self.face.look_again();
        let heard = self.face.hear(&self.core().broker);
        heard.into_iter().for_each(|heard| self.face.heed(&mut ingest, heard));
        if self.face.is_watching() {
            self.face.tell_moved(was_watching);
        }
    }

    /// Runs errands, for as long as it is polled.
    pub(crate) async fn run_errands(&self) {
        let mut rest = REST;
        loop {
            self.face.work.notified().await;
            while let Some(went) = self.run_some() {
                if went.are_subscribers_behind {
                    tokio::time::sleep(rest).await;
                    rest = (rest * 2).min(REST_MAX);
                } else {
                    rest = REST;
                    tokio::task::yield_now().await;
                }
            }
        }
    }

    /// A chunk of what is current for one subscription, and one of a sweep; none if there was nothing to do.
    fn run_some(&self) -> Option<Went> {
        self.hear_subscribed();
        let current = self.next_current();
        let has_current = current.is_some();
        if let Some((current, room)) = current {
            self.bring(current, room);
        }
        let swept = self.sweep_some();
        let are_subscribers_behind = swept == Some(true);
        (has_current || swept.is_some()).then_some(Went { are_subscribers_behind })
    }

    /// Makes errands of subscriptions.
    fn hear_subscribed(&self) {
        let mut state = self.face.state();
        let mut core = self.core();
        for (client_id, filter) in std::mem::take(&mut core.subscribed) {
            if let Some(errand) = self.face.errand(client_id, &filter, true) {
                state.errands.add_current(errand);
            }
        }
        core.is_something_current_due = state.errands.currents_len() > 0;
    }

    /// Everything is Stale after a restart, and subscriptions that were kept are told so, each as far as its client reads.
    pub(crate) fn tell_kept_subscriptions(&self) {
        let mut state = self.face.state();
        let mut core = self.core();
        let broker = &core.broker;
        for session in broker.sessions() {
            for (filter, _) in broker.subscriptions(session.client_id.as_str()) {
                if filter.starts_with(['+', '#', '$']) {
                    continue;
                }
                if let Some(errand) = self.face.errand(session.client_id.clone(), filter, false) {
                    state.errands.add_current(errand);
                }
            }
        }
        core.is_something_current_due = state.errands.currents_len() > 0;
    }

    /// The next subscription that has room for what is current, and for how many messages.
    fn next_current(&self) -> Option<(Current, usize)> {
        let mut state = self.face.state();
        let mut left = state.errands.currents_len();
        while left > 0 {
            let core = self.core();
            let room = |current: &Current| core.broker.room_for_current(current.client_id.as_str(), &current.filter);
            if let Some(found) = state.errands.next_current(left.min(ASKED_AT_ONCE), room) {
                return Some(found);
            }
            left = left.saturating_sub(ASKED_AT_ONCE);
        }
        None
    }

    /// Brings what is current to one subscription, as much as there is room for.
    fn bring(&self, mut current: Current, room: usize) {
        let Some(root) = self.face.root.as_ref() else { return };
        let now = Instant::now();
        // Nobody writes meanwhile: what is announced later is newer.
        let _ingest = lock(&self.ingest);
        let mut state = self.face.state();
        let Ok(filter) = TopicFilter::parse(&current.filter) else { return state.errands.forget(&current) };
        let (mut messages, mut elements) = (Vec::new(), Vec::new());
        let (is_last, end) = {
            let view = self.face.namespace.read();
            let found = current.select(&view, room);
            let mut samples: Vec<(_, Sample)> = Vec::with_capacity(found.len());
            view.samples(&found, |id, reading| samples.extend(reading.map(|(sample, _)| (id, sample))));
            let mut renderer = Renderer::new(&view, root, now);
            for (id, sample) in samples {
                if let Some(message) = renderer.message(id, &sample, current.narrower(filter)) {
                    messages.push(message);
                    elements.push(view.path(id));
                }
            }
            (found.len() < room, found.last().map(|id| view.path(*id)))
        };
        let mut taken = None;
        let left = self.enter_locked(&mut self.core(), None, Batch::default(), &mut Vec::new(), |visit| {
            taken = visit.hand_over((current.client_id.as_str(), &current.filter), current.retain, &messages);
        });
        self.face.stats.brought.fetch_add(taken.unwrap_or_default() as u64, Ordering::Relaxed);
        match taken {
            None => state.errands.forget(&current),
            Some(taken) if taken < messages.len() => {
                // Where it stands before the first that was not taken.
                if let Some(last) = taken.checked_sub(1) {
                    current.after = Some(elements.swap_remove(last));
                }
                state.errands.put_back(current);
            }
            Some(_) if is_last => state.errands.forget(&current),
            Some(_) => {
                current.after = end;
                state.errands.put_back(current);
            }
        }
        drop(state);
        left.carry_out(&self.audit, &self.recent);
    }

    /// Announces some of what a sweep is about; whether subscribers are behind, or none if there is no sweep.
    fn sweep_some(&self) -> Option<bool> {
        let root = self.face.root.as_ref()?;
        let now = Instant::now();
        let mut ingest = lock(&self.ingest);
        let mut state = self.face.state();
        let Sweep { block, since, until, slot } = state.errands.sweep()?.clone();
        let mut changed: Vec<(u32, Sample)> = Vec::new();
        {
            let held = block.hold();
            // What was written after it has been announced, or is in another sweep.
            let samples = held.changed_slots(slot, since).filter(|slot| !ingest.is_ignored(&block, *slot));
            let samples = samples.filter_map(|slot| Some((slot, held.sample(slot)?)));
            changed.extend(samples.filter(|(_, sample)| sample.revision <= until).take(SWEPT_AT_ONCE));
        }
        state.errands.swept((changed.len() == SWEPT_AT_ONCE).then(|| changed.last().map_or(0, |(slot, _)| slot + 1)));
        let mut told: Vec<Told> = Vec::new();
        {
            let view = self.face.namespace.read();
            let mut renderer = Renderer::new(&view, root, now);
            for (slot, sample) in changed {
                match block.element(slot).and_then(|id| renderer.message(id, &sample, None)) {
                    Some(message) => told.push((message, Arc::clone(&block), slot)),
                    None => ingest.ignore(&block, slot),
                }
            }
        }
        let left = self.announce(&mut ingest, &told);
        drop(state);
        drop(ingest);
        left.carry_out(&self.audit, &self.recent);
        Some(left.answer.subscribers_behind)
    }

    /// What was said, and is still to be.
    pub(crate) fn face_figures(&self) -> FaceFigures {
        let Stats { announced, brought } = &self.face.stats;
        let state = self.face.state();
        let due = (state.errands.due() + self.core().subscribed.len()) as u64;
        FaceFigures { announced: announced.load(Ordering::Relaxed), brought: brought.load(Ordering::Relaxed), due }
    }

    /// Marks the publications that go to topics which Edge Nodes own.
    pub(crate) fn forbid(&self, incoming: &mut [Incoming<'_>]) {
        if self.face.root.is_none() {
            return;
        }
        let mut view = None;
        for Incoming { packet, aliased, refusal, .. } in incoming {
            let Packet::Publish(publish) = packet else { continue };
            let topic = match (aliased, publish.topic) {
                (Some(topic), _) => topic.as_str(),
                (None, Some(topic)) => topic.as_str(),
                (None, None) => continue,
            };
            if topic.starts_with("spBv1.0/") || topic.starts_with('$') {
                continue;
            }
            let view = view.get_or_insert_with(|| self.face.namespace.read());
            if let Some(why) = self.face.forbids(view, topic) {
                *refusal = Some(Box::new(owned(why)));
            }
        }
    }

    /// Whether a client may not leave the will it brings.
    pub(super) fn forbids_will(&self, connect: &Connect<'_>) -> bool {
        let is_forbidden = |topic: &str| self.face.forbids(&self.face.namespace.read(), topic).is_some();
        connect.will.as_ref().is_some_and(|will| is_forbidden(will.topic.as_str()))
    }
}

/// In MQTT's words.
fn owned(why: String) -> Refusal {
    Refusal { reason: ReasonCode::NotAuthorized, why: why.into() }
}

/// How a chunk of errands went.
struct Went {
    /// A moment's rest saves messages from being dropped.
    are_subscribers_behind: bool,
}

/// Wakes the task that runs errands if there is one for it.
pub(super) fn wake_errands(hub: &Hub, core: &mut Core) {
    if std::mem::take(&mut core.is_somebody_back) || !core.subscribed.is_empty() {
        hub.face.work.notify_one();
    }
}
