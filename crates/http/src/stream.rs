//! `GET /api/v1/stream?filter=…`: what a part of the tree is, and from then on what changes about it, as Server-Sent Events.
//!
//! The tree's writers know nothing of this. A [feed](feed) looks at stamps when the [bell](bell) has rung and renders what
//! changed for all who follow the same; a [follower](follower) asks for the next event when its socket has taken the last.
//! The WebSocket (`web_socket.rs`) tells the same events.
//! Invariant: what a reader has not taken is not kept for it, beyond what its connection holds.

use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, Uri};
use axum::response::Response;
use futures_util::stream;

use crate::caller::Caller;
use crate::problem::{Problem, clipped};
use crate::query::{Query, refused};
use crate::{App, answer};

mod bell;
pub(crate) mod event;
mod feed;
pub(crate) mod follower;
pub(crate) mod heartbeat;
mod looks;
mod position;
pub(crate) mod registry;
mod stats;

use event::Reread;
pub(crate) use feed::Wish;
use follower::Follower;
use heartbeat::Heartbeat;
pub(crate) use position::Position;
use registry::Way;
pub use registry::{StreamLimits, StreamStats, Streams};

/// Milliseconds between two looks at what changed: the least, the most, and unless asked for otherwise.
pub(crate) const INTERVAL_MIN: usize = 10;
pub(crate) const INTERVAL_MAX: usize = 60_000;
pub(crate) const INTERVAL_DEFAULT: usize = 100;

/// Where a client of Server-Sent Events says which event it saw last.
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// Follow, by Server-Sent Events.
///
/// First what the filters cover, then what changes about it, conflated: a reader that is slow gets fewer events, not old ones.
#[utoipa::path(
    get, path = "/api/v1/stream", tag = "streams", operation_id = "follow",
    params(
        ("filter" = Vec<String>, Query, description = "MQTT topic filters of what to follow, 1 to 32. In a URL `#` is \
            written `%23`.", example = json!(["Acme/+/Press/#"])),
        ("interval" = Option<u32>, Query, minimum = 10, maximum = 60000, description = "Milliseconds between two \
            looks at what changed; 100 if it is left out."),
        ("fields" = Option<String>, Query, description = "Members of a sample beside its path, with commas between: \
            `value`, `quality`, `timestamp`, `received`, `datatype`, `unit`, `revision`, `source`. All of them if it \
            is left out.", example = "value,quality,timestamp"),
        ("context" = Option<bool>, Query, description = "Whether each sample comes with what was going on when it was \
            captured."),
        ("since" = Option<String>, Query, description = "The `id` of an event: what changed after it is told instead \
            of a snapshot.", example = "19c13ec9e00-4711"),
        ("Last-Event-ID" = Option<String>, Header, description = "The same, as a browser sends it after a broken \
            connection. Goes before `since`."),
    ),
    responses(
        (status = 200, description = "Server-Sent Events without end. `event:` is `snapshot` or `changes`, and \
            `data:` a `StreamPage`; or `reread`, and `data:` a `StreamReread`. `id:` comes with the last page of each \
            and is what to go on from. A comment comes every 15 s if nothing else does.", body = String, content_type
            = "text/event-stream"),
        (status = 400, description = "bad-filter, bad-parameter"),
        (status = 403, description = "cross-site"),
        (status = 503, description = "too-many-streams"),
    )
)]
pub(crate) async fn events(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Response, Problem> {
    let query =
        Query::parse_repeating(uri.query(), &["filter", "interval", "fields", "since", "context"], &["filter"])?;
    let filters = query.filters()?;
    if filters.is_empty() {
        return Err(refused(
            "filter",
            "say what to follow with ?filter=, e.g. Acme/+/Press/%23, or %23 for everything; it may come several times",
        ));
    }
    let interval = query.number("interval", INTERVAL_MIN..=INTERVAL_MAX, INTERVAL_DEFAULT)?;
    let fields = query.fields()?;
    let context = query.flag("context")?;
    // The header is what the client has seen since, so it goes before what it began with.
    let since = match headers.get(LAST_EVENT_ID) {
        Some(id) => Some(id.to_str().ok().and_then(Position::parse).ok_or(Reread::UnknownPosition)),
        None => query.text("since")?.map(|text| since(&text)).transpose()?.map(Ok),
    };
    let wish = Wish { filters, interval: Duration::from_millis(interval as u64), fields, context, bounds: None };
    Ok(response(app.streams.follow(wish, since, Way::ServerSentEvents, &caller)?))
}

fn response(follower: Follower) -> Response {
    // Boxed, for each event moves it in and out.
    let reader = Box::new((follower, Heartbeat::start()));
    answer::events(stream::unfold(reader, |mut reader| async move {
        let (follower, heartbeat) = &mut *reader;
        let bytes = match heartbeat.unless(follower.next()).await {
            Some(event) => event?.bytes(),
            None => Heartbeat::COMMENT,
        };
        Some((bytes, reader))
    }))
}

/// A position that a client says on its own account, and not because its library remembered it.
pub(crate) fn since(text: &str) -> Result<Position, Problem> {
    let why =
        || refused("since", format!("'{}' is no position; it takes the id of an event, unchanged", clipped(text)));
    Position::parse(text).ok_or_else(why)
}
