//! All streams of the process: who may have one, and which feeds are shared.
//!
//! A place is counted when a stream is asked for and given back when it ends, whichever way. Feeds are found by what was
//! wished for, so a thousand readers of the same are one feed with a thousand places.
//! Invariant: a feed lives as long as a follower holds it; the registry only remembers where it is.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::pin::Pin;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use factree_auth::Principal;
use factree_namespace::{Filter, Namespace, Revision};
use tokio::sync::{Notify, watch};

use super::bell::Bell;
use super::event::Reread;
use super::feed::{Feed, Wish};
use super::follower::Follower;
use super::position::Position;
use super::stats::Stats;
use crate::caller::Caller;
use crate::doorway::wall;
use crate::problem::{Kind, Problem, clipped};

/// Between two looks at whether a quiet stream's caller is still let in. He is to be cut off within 5 s.
const LOOK_AT_CALLER: Duration = Duration::from_secs(2);

/// Bounds on streams.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamLimits {
    /// Streams at once: Server-Sent Events, and subscriptions of WebSockets. One that is not read holds about 0.5 MB.
    pub streams_max: NonZeroU32,
    /// The same of one principal, where callers have to prove who they are.
    pub streams_per_principal_max: NonZeroU32,
    /// Different things followed at once, by filters, interval and fields. Each holds a bit for every cell it covers.
    pub feeds_max: NonZeroU32,
    /// Filters of one stream.
    pub filters_per_stream_max: NonZeroU32,
    /// WebSockets at once.
    pub web_sockets_max: NonZeroU32,
    /// Subscriptions of one WebSocket.
    pub subscriptions_per_web_socket_max: NonZeroU32,
    /// Bytes in one message from a WebSocket's client.
    pub web_socket_message_bytes_max: NonZeroU32,
}

impl Default for StreamLimits {
    fn default() -> Self {
        let max = |number| NonZeroU32::new(number).expect("not zero");
        Self {
            streams_max: max(5_000),
            streams_per_principal_max: max(1_000),
            feeds_max: max(1_000),
            filters_per_stream_max: max(32),
            web_sockets_max: max(1_000),
            subscriptions_per_web_socket_max: max(64),
            web_socket_message_bytes_max: max(64 << 10),
        }
    }
}

/// What streams have done so far, and what is open now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StreamStats {
    /// Streams open now by Server-Sent Events, and subscriptions of WebSockets.
    pub streams: [(&'static str, u64); 2],
    /// WebSockets open now.
    pub web_sockets: u64,
    /// Different things followed now.
    pub feeds: u64,
    /// Events told so far, by their name.
    pub events: [(&'static str, u64); 3],
    /// Bytes of JSON in them.
    pub events_bytes: u64,
    /// Times that changes were rendered for all readers of a feed.
    pub frames: u64,
    /// Times that a reader who was not where the others are looked for changes himself, by the page.
    pub looks: u64,
    /// Streams and WebSockets refused because there were too many.
    pub refused: u64,
}

/// All streams of the process.
pub struct Streams {
    namespace: Arc<Namespace>,
    limits: StreamLimits,
    process: u64,
    bell: Arc<Bell>,
    stats: Arc<Stats>,
    feeds: Mutex<HashMap<Wish, Weak<Feed>>>,
    open: Arc<Open>,
    closing: watch::Sender<bool>,
}

/// How many of each are open.
#[derive(Debug, Default)]
struct Open {
    counts: [AtomicU32; Way::ALL.len()],
    /// Streams of each principal that has any.
    by_principal: Mutex<HashMap<Principal, u32>>,
    /// Says that somebody has gone.
    gone: Notify,
}

/// What a place is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// A stream of Server-Sent Events.
    ServerSentEvents,
    /// A subscription of a WebSocket.
    Subscription,
    /// A WebSocket.
    WebSocket,
}

impl Way {
    const ALL: [Way; 3] = [Way::ServerSentEvents, Way::Subscription, Way::WebSocket];

    /// Whether it is for something that is followed.
    fn is_stream(self) -> bool {
        matches!(self, Way::ServerSentEvents | Way::Subscription)
    }
}

impl Open {
    /// Counts one stream more of this caller's; not if he has `max` already.
    fn count_in(&self, caller: &Caller, max: u32) -> bool {
        let mut by_principal = self.by_principal.lock().unwrap_or_else(PoisonError::into_inner);
        let his = by_principal.entry(caller.principal().clone()).or_default();
        let is_room = *his < max;
        *his += u32::from(is_room);
        is_room
    }

    fn count_out(&self, caller: &Caller) {
        let mut by_principal = self.by_principal.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(his) = by_principal.get_mut(caller.principal()) {
            *his -= 1;
            if *his == 0 {
                by_principal.remove(caller.principal());
            }
        }
    }
}

/// A place among the streams, given back when it is dropped.
pub(crate) struct Place {
    way: Way,
    caller: Caller,
    open: Arc<Open>,
    stats: Arc<Stats>,
    closing: watch::Receiver<bool>,
    /// Resolves when this stream is to end. Made once: a place among those who wait, and a clock, cost as much as an event.
    ending: Pin<Box<dyn Future<Output = ()> + Send>>,
    has_ended: bool,
}

impl Place {
    pub(crate) fn stats(&self) -> &Stats {
        &self.stats
    }

    /// Whether this stream is to end: all are, or whoever has it is not let in any longer.
    pub(crate) fn is_closing(&self) -> bool {
        self.has_ended || *self.closing.borrow() || self.is_over()
    }

    /// Whether whoever has it is not let in any longer.
    pub(crate) fn is_over(&self) -> bool {
        self.caller.is_over(wall())
    }

    /// Waits until this stream is to end.
    pub(crate) async fn closing(&mut self) {
        if !self.has_ended {
            self.ending.as_mut().await;
            self.has_ended = true;
        }
    }
}

/// Resolves when all streams are to end, or whoever has this one is not let in any longer.
async fn ending(caller: Caller, mut closing: watch::Receiver<bool>) {
    loop {
        tokio::select! {
            biased;
            // An error means that nobody could say so any more, which is an end as well.
            _ = closing.wait_for(|closing| *closing) => return,
            () = tokio::time::sleep(LOOK_AT_CALLER), if caller.may_end() => {}
        }
        if caller.is_over(wall()) {
            return;
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.open.counts[self.way as usize].fetch_sub(1, Ordering::AcqRel);
        if self.way.is_stream() && self.caller.may_end() {
            self.open.count_out(&self.caller);
        }
        self.open.gone.notify_waiters();
    }
}

impl Streams {
    /// Streams of a tree. `process` tells this process from those before it: the time it began, in milliseconds since 1970.
    pub fn new(namespace: Arc<Namespace>, limits: StreamLimits, process: u64) -> Self {
        Self {
            namespace,
            limits,
            process,
            bell: Arc::default(),
            stats: Arc::default(),
            feeds: Mutex::default(),
            open: Arc::default(),
            closing: watch::Sender::new(false),
        }
    }

    /// To be called by whoever has written to the tree, once what is written can be read. Costs a load while nobody waits
    /// and wakes one task if anybody does; never waits itself.
    #[inline]
    pub fn ring(&self) {
        self.bell.ring();
    }

    /// Ends all streams; new ones are refused.
    pub fn close(&self) {
        self.closing.send_replace(true);
    }

    /// Waits until no stream and no WebSocket is open.
    pub async fn all_closed(&self) {
        loop {
            let mut gone = std::pin::pin!(self.open.gone.notified());
            gone.as_mut().enable();
            if Way::ALL.into_iter().all(|way| self.open(way) == 0) {
                return;
            }
            gone.await;
        }
    }

    /// What they have done so far.
    pub fn stats(&self) -> StreamStats {
        let open = |way| u64::from(self.open(way));
        StreamStats {
            streams: [("sse", open(Way::ServerSentEvents)), ("websocket", open(Way::Subscription))],
            web_sockets: open(Way::WebSocket),
            feeds: self.stats.feeds.load(Ordering::Relaxed).into(),
            events: self.stats.events(),
            events_bytes: self.stats.bytes.get(),
            frames: self.stats.frames.get(),
            looks: self.stats.looks.get(),
            refused: self.stats.refused.get(),
        }
    }

    /// How far a reader has come who has read everything up to this revision.
    pub(crate) fn position(&self, revision: Revision) -> Position {
        Position { process: self.process, revision }
    }

    /// Waits until the tree's revision is later than `seen`.
    pub(crate) async fn changed(&self, seen: Revision) {
        self.bell.changed(&self.namespace, seen).await;
    }

    /// Tells when all streams are to end.
    pub(crate) fn closing(&self) -> watch::Receiver<bool> {
        self.closing.subscribe()
    }

    pub(crate) fn limits(&self) -> &StreamLimits {
        &self.limits
    }

    /// A place, if there is one. It ends when the caller is let in no longer.
    pub(crate) fn place(&self, way: Way, caller: &Caller) -> Result<Place, Problem> {
        if *self.closing.borrow() {
            return Err(Problem::new(Kind::TooManyStreams, "the server is stopping"));
        }
        let (count, max, limit) = match way {
            Way::ServerSentEvents | Way::Subscription => {
                let count = self.open(Way::ServerSentEvents) + self.open(Way::Subscription);
                (count, self.limits.streams_max, "streams_max")
            }
            Way::WebSocket => (self.open(Way::WebSocket), self.limits.web_sockets_max, "web_sockets_max"),
        };
        // Two who ask at the same moment may both get the last place; a bound on memory needs no more.
        if count >= max.get() {
            return Err(self.refuse(limit));
        }
        if way.is_stream()
            && caller.may_end()
            && !self.open.count_in(caller, self.limits.streams_per_principal_max.get())
        {
            return Err(self.refuse("streams_per_principal_max"));
        }
        self.open.counts[way as usize].fetch_add(1, Ordering::AcqRel);
        let (open, stats) = (Arc::clone(&self.open), Arc::clone(&self.stats));
        let ending = Box::pin(ending(caller.clone(), self.closing.subscribe()));
        let closing = self.closing.subscribe();
        Ok(Place { way, caller: caller.clone(), open, stats, closing, ending, has_ended: false })
    }

    /// A follower of what is wished for, as far as the caller may read.
    pub(crate) fn follow(
        &self,
        wish: Wish,
        since: Option<Result<Position, Reread>>,
        way: Way,
        caller: &Caller,
    ) -> Result<Follower, Problem> {
        let wish = Wish { bounds: caller.bounds().cloned(), ..wish };
        let filters = self.filters(&wish, caller)?;
        let place = self.place(way, caller)?;
        let feed = self.feed(wish, filters)?;
        Ok(Follower::new(feed, since, place))
    }

    fn filters(&self, wish: &Wish, caller: &Caller) -> Result<Vec<Filter>, Problem> {
        let bad = |why: String| Problem::new(Kind::BadFilter, why).parameter("filter");
        let max = self.limits.filters_per_stream_max.get() as usize;
        if wish.filters.is_empty() || wish.filters.len() > max {
            let detail = format!("a stream has 1 to {max} filters (filters_per_stream_max)");
            return Err(Problem::new(Kind::BadParameter, detail).parameter("filter"));
        }
        let parse = |text: &String| Filter::parse(text).map_err(|why| bad(format!("'{}': {why}", clipped(text))));
        let filters: Vec<Filter> = wish.filters.iter().map(parse).collect::<Result<_, _>>()?;
        let view = caller.sight(&self.namespace);
        let mut pairs = wish.filters.iter().zip(&filters);
        if pairs.any(|(text, filter)| text.ends_with('/') && view.select(filter, None, 1).is_empty()) {
            // Everybody types `Acme/#` once; what arrives is `Acme/`, and silence would not tell them why.
            let why =
                "the filter ends with '/' and covers nothing; a # behind it is cut off on the way unless written %23";
            return Err(bad(why.to_owned()));
        }
        Ok(filters)
    }

    fn feed(&self, wish: Wish, filters: Vec<Filter>) -> Result<Arc<Feed>, Problem> {
        let mut feeds = self.feeds.lock().unwrap_or_else(PoisonError::into_inner);
        // A driver that panicked has taken its frame along.
        if let Some(feed) = feeds.get(&wish).and_then(Weak::upgrade).filter(|feed| feed.latest().is_some()) {
            return Ok(feed);
        }
        if feeds.len() >= self.limits.feeds_max.get() as usize {
            feeds.retain(|_, feed| feed.strong_count() > 0);
        }
        if feeds.len() >= self.limits.feeds_max.get() as usize {
            return Err(self.refuse("feeds_max"));
        }
        let tools = (Arc::clone(&self.namespace), Arc::clone(&self.bell), Arc::clone(&self.stats));
        let feed = Arc::new(Feed::start(tools, self.process, filters, &wish));
        feeds.insert(wish, Arc::downgrade(&feed));
        Ok(feed)
    }

    fn refuse(&self, limit: &str) -> Problem {
        self.stats.refused.add(1);
        let detail = format!("there are as many as there may be ({limit})");
        Problem::new(Kind::TooManyStreams, detail).retry_after(Duration::from_secs(5))
    }

    fn open(&self, way: Way) -> u32 {
        self.open.counts[way as usize].load(Ordering::Acquire)
    }
}

impl std::fmt::Debug for Streams {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Streams({:?})", self.stats())
    }
}
