//! What the hub does for the tree's face on MQTT: announces what is written, and runs errands.
//!
//! What is written is announced by whoever applied it, before ingest's lock is let go; that is what keeps a topic's messages in
//! order. Errands are run by a task of their own, a chunk at a time under the same lock.
//! Invariant: locks are taken in the order ingest, the face's state, core; the tree is let go before the core.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use factree_broker::Publication;
use factree_ingest::Ingest;
use factree_mqtt::TopicFilter;
use factree_namespace::{Block, Sample};

use super::visit::Left;
use super::{Core, Hub, lock};
use crate::face::{Applied, FaceFigures, Renderer, Sighted, State, Stats, Sweep, Turn};

/// Cells of a sweep that are looked at together.
const SWEPT_AT_ONCE: usize = 256;
/// Clients that are asked for room under the core lock at a time.
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
        let root = self.face.owners.root.as_ref()?;
        let now = Instant::now();
        let mut state = self.face.state();
        let mut told: Vec<Told> = Vec::new();
        {
            let view = self.face.owners.namespace.read();
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
        let State { sights, sweeps, .. } = &mut *state;
        for bulk in sights.bulks.drain(..) {
            sweeps.add(bulk);
        }
        if sweeps.first().is_some() {
            self.face.work.notify_one();
        }
        Some(self.announce(ingest, &told))
    }

    /// Announces messages; cells that nobody wants to hear of are not looked at again.
    fn announce(&self, ingest: &mut Ingest, told: &[Told]) -> Left {
        let mut announced = 0;
        let left = self.enter_locked(&mut self.core(), None, Box::default(), &mut Vec::new(), |visit| {
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
        if self.face.owners.root.is_none() {
            return;
        }
        let mut ingest = lock(&self.ingest);
        let was_watching = self.face.is_watching();
        self.face.look_again();
        self.face.note_arrangement();
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

    /// A chunk of what is current for one subscription, one of a sweep, and some retained messages; none if there was nothing to
    /// do.
    fn run_some(&self) -> Option<Went> {
        let (turn, are_more) = self.next_turn();
        let is_somebody_served = turn.is_some();
        turn.into_iter().for_each(|turn| self.bring(&turn));
        let swept = self.sweep_some();
        let has_looked = self.forget_some_owned();
        let are_subscribers_behind = swept == Some(true);
        (is_somebody_served || are_more || has_looked || swept.is_some()).then_some(Went { are_subscribers_behind })
    }

    /// Everything is Stale after a restart, and subscriptions that were kept are told so, each as far as its client reads.
    pub(crate) fn tell_kept_subscriptions(&self) {
        if self.face.owners.root.is_none() {
            return;
        }
        let mut core = self.core();
        let Core { broker, currents, .. } = &mut *core;
        for session in broker.sessions() {
            for (filter, _) in broker.subscriptions(session.client_id.as_str()) {
                if !filter.starts_with(['+', '#', '$']) {
                    currents.add(session.client_id.clone(), filter.into(), false);
                }
            }
        }
    }

    /// Whose turn it is to be told what is current, and whether others may be ready too.
    fn next_turn(&self) -> (Option<Turn>, bool) {
        let mut core = self.core();
        let Core { broker, currents, .. } = &mut *core;
        let turn = currents.next(ASKED_AT_ONCE, |client_id, filter| broker.room_for_current(client_id, filter));
        (turn, currents.is_anybody_in_line())
    }

    /// Brings what is current to one subscription, as much as there is room for.
    fn bring(&self, turn: &Turn) {
        let meant = self.face.owners.root.as_ref().and_then(|root| {
            let filter = TopicFilter::parse(&turn.filter).ok()?;
            Some((root, filter, root.meaning(filter.as_str())?))
        });
        let Some((root, filter, meaning)) = meant else { return self.core().currents.served(turn, None) };
        let narrower = Some(filter).filter(|_| meaning.is_wider);
        let now = Instant::now();
        // Nobody writes meanwhile: what is announced later is newer.
        let _ingest = lock(&self.ingest);
        let state = self.face.state();
        let (mut messages, mut elements) = (Vec::new(), Vec::new());
        let (is_last, end) = {
            let view = self.face.owners.namespace.read();
            let found = view.select(&meaning.filter, turn.after.as_deref(), turn.room);
            let mut samples: Vec<(_, Sample)> = Vec::with_capacity(found.len());
            view.samples(&found, |id, reading| samples.extend(reading.map(|(sample, _)| (id, sample))));
            let mut renderer = Renderer::new(&view, root, now);
            for (id, sample) in samples {
                if let Some(message) = renderer.message(id, &sample, narrower) {
                    messages.push(message);
                    elements.push(view.path(id));
                }
            }
            (found.len() < turn.room, found.last().map(|id| view.path(*id)))
        };
        let mut brought = 0;
        let left = self.enter_locked(&mut self.core(), None, Box::default(), &mut Vec::new(), |visit| {
            let is_wanted = visit.core.currents.is_wanted(turn);
            let to = (turn.client_id.as_str(), &*turn.filter);
            let taken = if is_wanted { visit.hand_over(to, turn.retain, &messages) } else { None };
            brought = taken.unwrap_or_default();
            let upto = match taken {
                None => None,
                // Where it stands before the first that was not taken.
                Some(0) if !messages.is_empty() => Some(turn.after.clone()),
                Some(taken) if taken < messages.len() => Some(Some(elements.swap_remove(taken - 1))),
                Some(_) if is_last => None,
                Some(_) => Some(end),
            };
            visit.core.currents.served(turn, upto);
        });
        self.face.stats.brought.fetch_add(brought as u64, Ordering::Relaxed);
        drop(state);
        left.carry_out(&self.audit, &self.recent);
    }

    /// Announces some of what a sweep is about; whether subscribers are behind, or none if there is no sweep.
    fn sweep_some(&self) -> Option<bool> {
        let root = self.face.owners.root.as_ref()?;
        let now = Instant::now();
        let mut ingest = lock(&self.ingest);
        let mut state = self.face.state();
        let Sweep { block, since, until, slot } = state.sweeps.first()?.clone();
        let mut changed: Vec<(u32, Sample)> = Vec::new();
        {
            let held = block.hold();
            // What was written after it has been announced, or is in another sweep.
            let samples = held.changed_slots(slot, since).filter(|slot| !ingest.is_ignored(&block, *slot));
            let samples = samples.filter_map(|slot| Some((slot, held.sample(slot)?)));
            changed.extend(samples.filter(|(_, sample)| sample.revision <= until).take(SWEPT_AT_ONCE));
        }
        state.sweeps.swept((changed.len() == SWEPT_AT_ONCE).then(|| changed.last().map_or(0, |(slot, _)| slot + 1)));
        let mut told: Vec<Told> = Vec::new();
        {
            let view = self.face.owners.namespace.read();
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
        let due = self.core().currents.len() as u64;
        FaceFigures { announced: announced.load(Ordering::Relaxed), brought: brought.load(Ordering::Relaxed), due }
    }
}

/// How a chunk of errands went.
struct Went {
    /// A moment's rest saves messages from being dropped.
    are_subscribers_behind: bool,
}

/// Wakes the task that runs errands if there is one for it.
pub(super) fn wake_errands(hub: &Hub, core: &Core) {
    if core.currents.is_anybody_in_line() {
        hub.face.work.notify_one();
    }
}
