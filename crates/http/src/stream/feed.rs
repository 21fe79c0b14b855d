//! A feed: one set of filters at one pace, followed once for all who ask for the same.
//!
//! Its driver waits for the [bell](super::bell), looks at what the filters cover, renders what changed and shows it as the
//! latest frame. Between two frames is the interval: a change that comes later goes out at once and costs no clock, what
//! comes sooner is conflated. What others follow is no reason to wait; but where much changes and little of it is covered,
//! [looks](super::looks) that find nothing are bounded in what they take. Readers at the frame's beginning take its bytes; a
//! reader who is elsewhere (it has just come, or its socket was slow) looks for himself with [`Feed::changes`] and is at the
//! frame's end then. So nothing is kept for anybody.
//! Invariant: a frame begins where the one before it ended, and covers every change in between.

use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use factree_namespace::{Coverage, Cursor, Filter, Horizon, Namespace, Revision, Sight, View};
use tokio::sync::Notify;
use tokio::sync::futures::Notified;
use tokio::task::AbortHandle;
use tokio::time::Instant;

use super::bell::Bell;
use super::event::{Event, Kind, PAGE_BYTES, PageWriter};
use super::looks::Looks;
use super::position::Position;
use super::stats::Stats;
use crate::caller::Bounds;
use crate::json;
use crate::sample::Fields;

/// Elements looked at while the tree is held still once: what is newly born waits no longer than for these (about 0.2 ms).
const HELD: usize = 1_000;
/// Cells copied out for one page.
const CELLS_PER_PAGE: usize = 256;
/// More than this is not rendered for all: each reader takes it page by page as his socket drains.
const FRAME_BYTES_MAX: usize = 1 << 20;

/// What is followed, and how.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Wish {
    /// Filters as they are written, in the order asked for.
    pub(crate) filters: Vec<String>,
    pub(crate) interval: Duration,
    pub(crate) fields: Fields,
    /// Each sample with what was going on when it was captured.
    pub(crate) context: bool,
    /// How far whoever wishes may read: what one may see and another may not is never the same feed.
    pub(crate) bounds: Option<Bounds>,
}

/// What changed between two revisions.
#[derive(Debug)]
pub(crate) struct Frame {
    pub(crate) since: Revision,
    pub(crate) until: Revision,
    /// None: too much to be kept.
    pub(crate) events: Option<Vec<Event>>,
}

/// An event, unless nothing has changed, and where to go on, unless this was the last.
pub(crate) type Page = (Option<Event>, Option<Cursor>);

/// More has gone than can be told.
#[derive(Debug)]
pub(crate) struct TooFarBehind;

/// A feed with its driver, which ends when the last reader has gone.
pub(crate) struct Feed {
    inner: Arc<Inner>,
    filters: Vec<Filter>,
    driver: AbortHandle,
}

/// What the driver shows to the readers.
struct Shown {
    /// None once the driver has panicked.
    latest: RwLock<Option<Arc<Frame>>>,
    /// Says that there is another.
    changed: Notify,
}

/// The driver's hold of what it shows: when it is gone, so is the frame.
struct Showing<'s>(&'s Shown);

impl Showing<'_> {
    fn show(&self, frame: Option<Frame>) {
        let frame = frame.map(Arc::new);
        let former = std::mem::replace(&mut *self.0.latest.write().unwrap_or_else(PoisonError::into_inner), frame);
        self.0.changed.notify_waiters();
        drop(former);
    }
}

impl Drop for Showing<'_> {
    fn drop(&mut self) {
        self.show(None);
    }
}

/// What the driver and the readers share.
struct Inner {
    namespace: Arc<Namespace>,
    bell: Arc<Bell>,
    stats: Arc<Stats>,
    process: u64,
    coverage: RwLock<Coverage>,
    interval: Duration,
    fields: Fields,
    context: bool,
    bounds: Option<Bounds>,
    shown: Shown,
}

impl Feed {
    /// Begins to follow. Within a tokio runtime.
    pub(crate) fn start(
        (namespace, bell, stats): (Arc<Namespace>, Arc<Bell>, Arc<Stats>),
        process: u64,
        filters: Vec<Filter>,
        wish: &Wish,
    ) -> Feed {
        let now = namespace.revision();
        let &Wish { interval, fields, context, .. } = wish;
        let bounds = wish.bounds.clone();
        let horizon = bounds.clone().map(|bounds| Arc::new(bounds) as Arc<dyn Horizon>);
        let coverage = RwLock::new(Coverage::within(&namespace.read(), filters.clone(), horizon));
        let latest = RwLock::new(Some(Arc::new(Frame { since: now, until: now, events: None })));
        let shown = Shown { latest, changed: Notify::new() };
        let inner =
            Arc::new(Inner { namespace, bell, stats, process, coverage, interval, fields, context, bounds, shown });
        inner.stats.feeds.fetch_add(1, Ordering::Relaxed);
        let driver = tokio::spawn(Arc::clone(&inner).drive(now)).abort_handle();
        Feed { inner, filters, driver }
    }

    /// The latest frame; none if there will be no more.
    pub(crate) fn latest(&self) -> Option<Arc<Frame>> {
        self.inner.shown.latest.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits for a frame that is shown after this was called.
    pub(crate) fn changed(&self) -> Notified<'_> {
        self.inner.shown.changed.notified()
    }

    pub(crate) fn namespace(&self) -> &Namespace {
        &self.inner.namespace
    }

    /// The tree as far as those who follow may read it.
    pub(crate) fn sight(&self) -> Sight<'_> {
        let horizon = self.inner.bounds.as_ref().map(|bounds| bounds as &dyn Horizon);
        Sight::new(self.inner.namespace.read(), horizon)
    }

    /// A page of what is.
    pub(crate) fn snapshot(&self) -> PageWriter<'_> {
        self.inner.writer(Kind::Snapshot, &[])
    }

    pub(crate) fn position(&self, revision: Revision) -> Position {
        Position { process: self.inner.process, revision }
    }

    pub(crate) fn filters(&self) -> &[Filter] {
        &self.filters
    }

    /// A page of what changed after `since`, for one reader. See [`Inner::page`].
    pub(crate) async fn changes(&self, since: Revision, until: Revision, from: Cursor) -> Result<Page, TooFarBehind> {
        self.inner.page(since, until, from).await
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        self.driver.abort();
        self.inner.stats.feeds.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Inner {
    async fn drive(self: Arc<Self>, start: Revision) {
        let showing = Showing(&self.shown);
        // Nothing has changed between the two: who is at the first is at the second.
        let (mut shown, mut seen) = (start, start);
        self.refresh().await;
        let mut rested = Instant::now();
        let mut looks = Looks::since(rested);
        loop {
            self.bell.changed(&self.namespace, seen).await;
            let mut began = Instant::now();
            if began < rested {
                tokio::time::sleep_until(rested).await;
                began = Instant::now();
            }
            let until = self.namespace.revision();
            let events = self.frame(seen, until).await;
            seen = until;
            if events.as_ref().is_some_and(Vec::is_empty) {
                let feeds = self.stats.feeds.load(Ordering::Relaxed);
                rested = looks.rested((began, Instant::now()), feeds, self.interval);
                continue;
            }
            self.stats.frames.add(1);
            showing.show(Some(Frame { since: shown, until, events }));
            shown = until;
            // Looking at a great deal takes a while; at most half of the time is spent on it.
            let ended = Instant::now();
            rested = (began + self.interval).max(ended + (ended - began));
        }
    }

    /// All that changed; none if that is too much.
    async fn frame(&self, since: Revision, until: Revision) -> Option<Vec<Event>> {
        let (mut events, mut bytes, mut from) = (Vec::new(), 0, Some(Cursor::default()));
        while let Some(cursor) = from {
            if bytes >= FRAME_BYTES_MAX {
                return None;
            }
            let (event, next) = self.page(since, until, cursor).await.ok()?;
            bytes += event.as_ref().map_or(0, |event| event.bytes().len());
            events.extend(event);
            from = next;
        }
        Some(events)
    }

    /// A page of what changed after `since`: an event, unless nothing did, and where to go on. `until` is a revision from
    /// before the first page; it is where a reader is that has had them all. What changes later may be in it too.
    async fn page(&self, since: Revision, until: Revision, from: Cursor) -> Result<Page, TooFarBehind> {
        loop {
            if let Some(page) = self.try_page(since, until, from)? {
                return Ok(page);
            }
            self.refresh().await;
        }
    }

    fn writer(&self, kind: Kind, gone: &[u8]) -> PageWriter<'_> {
        let page = PageWriter::new(kind, self.fields, gone);
        if self.context { page.with_context(&self.namespace, self.bounds.as_ref()) } else { page }
    }

    /// The same; none if the coverage is outdated.
    fn try_page(&self, since: Revision, until: Revision, from: Cursor) -> Result<Option<Page>, TooFarBehind> {
        let coverage = self.coverage.read().unwrap_or_else(PoisonError::into_inner);
        let view = self.namespace.read();
        // Before the samples: what has gone and come again is a sample.
        let gone = if from == Cursor::default() { gone(&view, &coverage, since, until)? } else { Vec::new() };
        let mut changes = Vec::new();
        let Ok(mut next) = coverage.changes(&view, since, from, CELLS_PER_PAGE, &mut changes) else { return Ok(None) };
        if changes.is_empty() && gone.is_empty() {
            return Ok(Some((None, next)));
        }
        let mut page = self.writer(Kind::Changes, &gone);
        for (taken, change) in changes.iter().enumerate() {
            // At least one, however much has gone: the next page must begin further on.
            if taken > 0 && page.is_full() {
                next = Some(change.at);
                break;
            }
            page.sample(&view, change.element, &change.reading);
        }
        let position = Position { process: self.process, revision: until };
        Ok(Some((Some(page.finish(position, next.is_some())), next)))
    }

    /// Makes the coverage current, and lets go of the tree now and then.
    async fn refresh(&self) {
        loop {
            let is_current = {
                let mut coverage = self.coverage.write().unwrap_or_else(PoisonError::into_inner);
                let view = self.namespace.read();
                coverage.refresh(&view, HELD)
            };
            if is_current {
                return;
            }
            tokio::task::yield_now().await;
        }
    }
}

/// The paths that lost their sample, as JSON strings with commas between.
fn gone(view: &View<'_>, coverage: &Coverage, since: Revision, until: Revision) -> Result<Vec<u8>, TooFarBehind> {
    let mut out = Vec::new();
    let gone = view.gone(since, until).ok_or(TooFarBehind)?;
    for (index, path) in gone.filter(|path| coverage.covers_path(path)).enumerate() {
        json::comma(&mut out, index);
        json::string(&mut out, path);
        if out.len() > PAGE_BYTES {
            return Err(TooFarBehind);
        }
    }
    Ok(out)
}
