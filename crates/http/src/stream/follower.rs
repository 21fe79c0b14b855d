//! A follower: one reader's way along a feed, as fast as he asks for the next event and no faster.
//!
//! Snapshot, then live; a reader who resumes begins by catching up instead, and one who fell behind catches up before he
//! is live again. Whoever asks late finds more changes conflated into one look, so a slow reader costs less than a fast
//! one, and nothing grows while he does not ask.
//! Knows no socket. Invariant: `position` is where the reader is once `queue` is empty; between two events nothing is
//! held but that.

use std::collections::VecDeque;
use std::sync::Arc;

use factree_namespace::{Cursor, Revision};

use super::event::{Event, Reread};
use super::feed::{Feed, Frame, TooFarBehind};
use super::position::Position;
use super::registry::Place;

/// Elements considered at once for a page of a snapshot, and how often: a filter may mean very few, or many without a sample.
const ELEMENTS_AT_ONCE: usize = 256;
const LOOKS_PER_PAGE: usize = 16;

/// One reader's way along a feed.
pub(crate) struct Follower {
    feed: Arc<Feed>,
    position: Revision,
    stage: Stage,
    queue: VecDeque<Event>,
    place: Place,
}

/// What the reader is to be told next.
enum Stage {
    /// That what he knows is to be forgotten, then a snapshot.
    Reread(Reread),
    /// A page of what is.
    Snapshot(Snapshot),
    /// A page of what changed after the position.
    CatchUp { until: Revision, from: Cursor },
    /// What changes from now on.
    Live,
}

/// How far a snapshot has come.
struct Snapshot {
    /// The revision from before the first page; none before that.
    revision: Option<Revision>,
    /// The filter at hand, by number.
    filter: usize,
    /// The path of the last element considered.
    after: Option<String>,
}

impl Stage {
    const SNAPSHOT: Stage = Stage::Snapshot(Snapshot { revision: None, filter: 0, after: None });
}

impl Follower {
    /// A reader who knows nothing yet, or what was told up to `since`.
    pub(crate) fn new(feed: Arc<Feed>, since: Option<Result<Position, Reread>>, place: Place) -> Follower {
        let now = feed.namespace().revision();
        let (position, stage) = match since {
            None => (now, Stage::SNAPSHOT),
            Some(Ok(since)) if since.process != feed.position(now).process => {
                (now, Stage::Reread(Reread::OtherProcess))
            }
            Some(Ok(since)) if since.revision <= now => {
                (since.revision, Stage::CatchUp { until: now, from: Cursor::default() })
            }
            Some(Ok(_)) => (now, Stage::Reread(Reread::UnknownPosition)),
            Some(Err(why)) => (now, Stage::Reread(why)),
        };
        Follower { feed, position, stage, queue: VecDeque::new(), place }
    }

    /// The next event, when there is one; none at the end. Nothing is lost if it is not waited for.
    pub(crate) async fn next(&mut self) -> Option<Event> {
        loop {
            if self.place.is_closing() {
                return None;
            }
            let event = match self.queue.pop_front() {
                Some(event) => Some(event),
                None => self.step().await?,
            };
            if let Some(event) = event {
                self.place.stats().told(&event);
                return Some(event);
            }
            // Pages are made one after the other while the socket takes them; others want the thread too.
            tokio::task::yield_now().await;
        }
    }

    /// One step on the way: an event, or nothing yet; none at the end.
    async fn step(&mut self) -> Option<Option<Event>> {
        match &mut self.stage {
            Stage::Reread(why) => {
                let event = Event::reread(*why);
                self.stage = Stage::SNAPSHOT;
                Some(Some(event))
            }
            Stage::Snapshot(snapshot) => {
                let (event, end) = snapshot.page(&self.feed);
                if let Some(revision) = end {
                    self.position = revision;
                    self.stage = Stage::Live;
                }
                Some(Some(event))
            }
            Stage::CatchUp { until, from } => {
                self.place.stats().looks.add(1);
                match self.feed.changes(self.position, *until, *from).await {
                    Ok((event, Some(next))) => {
                        *from = next;
                        Some(event)
                    }
                    Ok((event, None)) => {
                        self.position = *until;
                        self.stage = Stage::Live;
                        Some(event)
                    }
                    Err(TooFarBehind) => {
                        self.stage = Stage::Reread(Reread::TooFarBehind);
                        Some(None)
                    }
                }
            }
            Stage::Live => self.live().await,
        }
    }

    async fn live(&mut self) -> Option<Option<Event>> {
        // Borrowed beside the place.
        let feed = Arc::clone(&self.feed);
        loop {
            // Before the look: what is shown after it is not missed.
            let changed = feed.changed();
            let frame = feed.latest()?;
            if frame.until > self.position {
                return Some(self.take(&frame));
            }
            tokio::select! {
                // Whether it is to end is looked at before each event.
                biased;
                () = changed => {}
                () = self.place.closing() => return None,
            }
        }
    }

    /// Takes what is rendered already, or begins to look for himself.
    fn take(&mut self, frame: &Frame) -> Option<Event> {
        match &frame.events {
            Some(events) if frame.since == self.position => {
                self.position = frame.until;
                let mut events = events.iter().cloned();
                let first = events.next();
                self.queue.extend(events);
                first
            }
            Some(_) | None => {
                self.stage = Stage::CatchUp { until: frame.until, from: Cursor::default() };
                None
            }
        }
    }
}

impl Snapshot {
    /// The next page, and after the last one the revision that the reader is at.
    fn page(&mut self, feed: &Feed) -> (Event, Option<Revision>) {
        // Read before the samples, so that whoever asks for changes since this revision misses none.
        let revision = *self.revision.get_or_insert_with(|| feed.namespace().revision());
        let mut page = feed.snapshot();
        let filters = feed.filters();
        for _ in 0..LOOKS_PER_PAGE {
            if page.is_full() {
                break;
            }
            let Some(filter) = filters.get(self.filter) else { break };
            let view = feed.sight();
            let found = view.select(filter, self.after.as_deref(), ELEMENTS_AT_ONCE);
            let mut readings = Vec::with_capacity(found.len());
            view.samples(&found, |id, reading| readings.push((id, reading)));
            let mut last = None;
            for (id, reading) in &readings {
                if page.is_full() {
                    break;
                }
                last = Some(*id);
                // What several filters mean is told by the first of them.
                if let Some(reading) = reading.as_ref().filter(|_| !view.is_covered(&filters[..self.filter], *id)) {
                    page.sample(&view, *id, reading);
                }
            }
            let is_all = found.len() < ELEMENTS_AT_ONCE && last == found.last().copied();
            match last {
                Some(last) if !is_all => self.after = Some(view.path(last)),
                Some(_) | None => (self.filter, self.after) = (self.filter + 1, None),
            }
        }
        let more = self.filter < filters.len();
        (page.finish(feed.position(revision), more), (!more).then_some(revision))
    }
}
