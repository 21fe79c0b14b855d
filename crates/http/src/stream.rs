//! `GET /api/v1/stream?filter=…`: what a part of the tree is, and from then on what changes about it, as Server-Sent Events.
//!
//! The tree's writers know nothing of this. A [feed](feed) looks at stamps when the [bell](bell) has rung and renders what
//! changed for all who follow the same; a [follower](follower) asks for the next event when its socket has taken the last.
//! The WebSocket (`web_socket.rs`) tells the same events.
//! Invariant: what a reader has not taken is not kept for it, beyond what its connection holds.

use std::time::Duration;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::header::{HOST, ORIGIN};
use axum::http::{HeaderMap, HeaderName, Uri};
use axum::response::Response;
use futures_util::stream;

use crate::commands::from_our_own;
use crate::problem::{Kind, Problem, clipped};
use crate::query::{Query, refused};
use crate::sample::Fields;
use crate::{App, answer};

mod bell;
pub(crate) mod event;
mod feed;
pub(crate) mod follower;
mod position;
pub(crate) mod registry;
mod stats;

use event::Reread;
pub(crate) use feed::Wish;
use follower::Follower;
pub(crate) use position::Position;
use registry::Way;
pub use registry::{StreamLimits, StreamStats, Streams};

/// Milliseconds between two looks at what changed: the least, the most, and unless asked for otherwise.
pub(crate) const INTERVAL_MIN: usize = 10;
pub(crate) const INTERVAL_MAX: usize = 60_000;
pub(crate) const INTERVAL_DEFAULT: usize = 100;

/// A stream without an event says that it is still there, so that neither side nor anything in between takes it for dead.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// Where a client of Server-Sent Events says which event it saw last.
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// The stream.
pub(crate) async fn events(State(app): State<App>, headers: HeaderMap, uri: Uri) -> Result<Response, Problem> {
    from_our_own_page(&headers)?;
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
    let fields = query.text("fields")?.map_or(Ok(Fields::ALL), |names| fields(names.split(',')))?;
    let context = query.flag("context")?;
    // The header is what the client has seen since, so it goes before what it began with.
    let since = match headers.get(LAST_EVENT_ID) {
        Some(id) => Some(id.to_str().ok().and_then(Position::parse).ok_or(Reread::UnknownPosition)),
        None => query.text("since")?.map(|text| since(&text)).transpose()?.map(Ok),
    };
    let wish = Wish { filters, interval: Duration::from_millis(interval as u64), fields, context };
    Ok(response(app.streams.follow(wish, since, Way::ServerSentEvents)?))
}

fn response(follower: Follower) -> Response {
    answer::events(stream::unfold(follower, |mut follower| async move {
        let bytes = match tokio::time::timeout(HEARTBEAT, follower.next()).await {
            Ok(event) => event?.bytes(),
            Err(_) => Bytes::from_static(b": heartbeat\n\n"),
        };
        Some((bytes, follower))
    }))
}

/// A position that a client says on its own account, and not because its library remembered it.
pub(crate) fn since(text: &str) -> Result<Position, Problem> {
    let why =
        || refused("since", format!("'{}' is no position; it takes the id of an event, unchanged", clipped(text)));
    Position::parse(text).ok_or_else(why)
}

/// The members of a sample that are wanted beside its path.
pub(crate) fn fields<'n>(names: impl Iterator<Item = &'n str>) -> Result<Fields, Problem> {
    let add = |fields: Fields, name: &str| match Fields::named(name) {
        Some(field) => Ok(fields.with(field)),
        None => {
            let accepted: Vec<&str> = Fields::NAMES.to_vec();
            let detail = format!("'{}' is no member of a sample; it takes {}", clipped(name), accepted.join(", "));
            Err(refused("fields", detail).accepted(Fields::NAMES))
        }
    };
    names.filter(|&name| name != "path").try_fold(Fields::NONE, add)
}

/// A page of another site must not read the plant. A browser says whose page it is that asks: `Sec-Fetch-Site`, or for a
/// WebSocket at least `Origin`, which then names this very address.
pub(crate) fn from_our_own_page(headers: &HeaderMap) -> Result<(), Problem> {
    let foreign = || Problem::new(Kind::CrossSite, "a page of another site may not follow the plant");
    from_our_own(headers).map_err(|_| foreign())?;
    let Some(origin) = headers.get(ORIGIN) else { return Ok(()) };
    let origin = origin.to_str().unwrap_or_default();
    let address = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    if address.is_some() && address == host { Ok(()) } else { Err(foreign()) }
}
