//! `/i3x/v1/subscriptions`: what clients ask of their subscriptions.
//!
//! Sync is polled and acknowledged; a stream is told once, as Server-Sent Events. Neither makes a writer wait.
//! Invariant: every request names its client, and what is another client's is not there.

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use factree_namespace::Timestamp;
use futures_util::stream;
use serde::Deserialize;
use tokio::sync::watch;

use super::envelope::{Bulk, Refusal, bounded, read, result};
use super::monitored::Update;
use super::subscription::{Acknowledged, Subscription};
use super::subscriptions::{Entry, I3xSubscriptions};
use super::value::depth;
use crate::caller::Caller;
use crate::stream::heartbeat::Heartbeat;
use crate::stream::registry::{Place, Way};
use crate::{App, answer, json};

/// Bytes of a client's id, and of the name it gives to a subscription.
const NAME_BYTES_MAX: usize = 4 << 10;
/// An event of a stream ends after this many bytes, by one update more.
const EVENT_BYTES: usize = 64 << 10;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Create {
    client_id: String,
    display_name: Option<String>,
}

/// `POST /subscriptions`.
pub(super) async fn create(State(app): State<App>, caller: Caller, body: Body) -> Result<Response, Refusal> {
    let Create { client_id, display_name } = read(body).await?;
    named(&client_id)?;
    if display_name.as_ref().is_some_and(|name| name.len() > NAME_BYTES_MAX) {
        return Err(Refusal::bad(format!("displayName takes {NAME_BYTES_MAX} bytes")));
    }
    let entry = app.i3x.create(&caller, client_id, display_name)?;
    Ok(result(|out| {
        out.extend_from_slice(b"{\"clientId\":");
        json::string(out, &entry.client_id);
        out.extend_from_slice(b",\"subscriptionId\":");
        json::string(out, &entry.id);
        display_name_of(out, &entry);
        out.push(b'}');
    }))
}

fn display_name_of(out: &mut Vec<u8>, entry: &Entry) {
    out.extend_from_slice(b",\"displayName\":");
    match &entry.display_name {
        Some(name) => json::string(out, name),
        None => out.extend_from_slice(b"null"),
    }
}

fn named(client_id: &str) -> Result<(), Refusal> {
    match client_id.len() {
        1..=NAME_BYTES_MAX => Ok(()),
        _ => Err(Refusal::bad(format!("clientId takes 1 to {NAME_BYTES_MAX} bytes"))),
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Several {
    client_id: String,
    subscription_ids: Vec<String>,
}

/// `POST /subscriptions/list`.
pub(super) async fn list(State(app): State<App>, caller: Caller, body: Body) -> Result<Response, Refusal> {
    let Several { client_id, subscription_ids } = read(body).await?;
    named(&client_id)?;
    bounded(&subscription_ids)?;
    let mut bulk = Bulk::new();
    for id in &subscription_ids {
        let subscriptions = &app.i3x;
        let found = subscriptions.find(&caller, &client_id, id);
        let found = found.map(|entry| move |out: &mut Vec<u8>| detail(out, subscriptions, &entry));
        bulk.item("subscriptionId", id, found);
    }
    Ok(bulk.finish(None))
}

fn detail(out: &mut Vec<u8>, subscriptions: &I3xSubscriptions, entry: &Entry) {
    out.extend_from_slice(b"{\"subscriptionId\":");
    json::string(out, &entry.id);
    display_name_of(out, entry);
    out.extend_from_slice(b",\"monitoredObjects\":[");
    subscriptions.with(entry, |subscription| {
        for (index, (element_id, depth)) in subscription.monitored.items().enumerate() {
            json::comma(out, index);
            out.extend_from_slice(b"{\"elementId\":");
            json::string(out, element_id);
            out.extend_from_slice(b",\"maxDepth\":");
            json::unsigned(out, depth as u64);
            out.push(b'}');
        }
    });
    out.extend_from_slice(b"]}");
}

/// `POST /subscriptions/delete`.
pub(super) async fn delete(State(app): State<App>, caller: Caller, body: Body) -> Result<Response, Refusal> {
    let Several { client_id, subscription_ids } = read(body).await?;
    named(&client_id)?;
    bounded(&subscription_ids)?;
    let mut bulk = Bulk::new();
    for id in &subscription_ids {
        bulk.done("subscriptionId", id, app.i3x.find(&caller, &client_id, id).map(|entry| app.i3x.delete(&entry)));
    }
    Ok(bulk.finish(None))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Items {
    client_id: String,
    subscription_id: String,
    element_ids: Vec<String>,
    max_depth: Option<u64>,
}

/// `POST /subscriptions/register`.
pub(super) async fn register(State(app): State<App>, caller: Caller, body: Body) -> Result<Response, Refusal> {
    let Items { client_id, subscription_id, element_ids, max_depth } = read(body).await?;
    named(&client_id)?;
    bounded(&element_ids)?;
    let entry = app.i3x.find(&caller, &client_id, &subscription_id)?;
    let mut bulk = Bulk::new();
    for element_id in &element_ids {
        let room = app.i3x.room();
        let registered = app.i3x.with(&entry, |subscription| {
            subscription.monitored.register(&caller.sight(app.i3x.namespace()), element_id, depth(max_depth), room)
        });
        bulk.done("elementId", element_id, registered);
    }
    // What they are now is the first that is told of them.
    if app.i3x.with(&entry, |subscription| app.i3x.look(subscription)) {
        entry.news.notify_one();
    }
    Ok(bulk.finish(None))
}

/// `POST /subscriptions/unregister`.
pub(super) async fn unregister(State(app): State<App>, caller: Caller, body: Body) -> Result<Response, Refusal> {
    let Items { client_id, subscription_id, element_ids, .. } = read(body).await?;
    named(&client_id)?;
    bounded(&element_ids)?;
    let entry = app.i3x.find(&caller, &client_id, &subscription_id)?;
    let mut bulk = Bulk::new();
    let now = Timestamp((app.clock)().wall.0);
    let unregistered = app.i3x.with(&entry, |subscription| {
        subscription.monitored.unregister(&caller.sight(app.i3x.namespace()), &element_ids, now)
    });
    for (element_id, was_registered) in element_ids.iter().zip(unregistered) {
        let done = if was_registered { Ok(()) } else { Err(Refusal::not_found("monitored element", element_id)) };
        bulk.done("elementId", element_id, done);
    }
    Ok(bulk.finish(None))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Sync {
    client_id: String,
    subscription_id: String,
    last_sequence_number: Option<serde_json::Number>,
}

/// `POST /subscriptions/sync`.
pub(super) async fn sync(State(app): State<App>, caller: Caller, body: Body) -> Result<Response, Refusal> {
    let Sync { client_id, subscription_id, last_sequence_number } = read(body).await?;
    named(&client_id)?;
    let acknowledged = match last_sequence_number.map(|number| (number.as_u64(), number.as_i64())) {
        None => Acknowledged::Nothing,
        Some((Some(sequence), _)) => Acknowledged::Until(sequence),
        Some((None, Some(-1))) => Acknowledged::Everything,
        Some(_) => return Err(Refusal::bad("lastSequenceNumber is one that was told, or -1 for all")),
    };
    let entry = app.i3x.find(&caller, &client_id, &subscription_id)?;
    entry.touch()?;
    let mut out = b"{\"success\":true,\"result\":".to_vec();
    let has_dropped = app.i3x.with(&entry, |subscription| {
        app.i3x.look(subscription);
        subscription.sync(acknowledged, &mut out)
    });
    let mut status = StatusCode::OK;
    if has_dropped {
        status = StatusCode::PARTIAL_CONTENT;
        let detail = "updates were dropped because they were not fetched in time (i3x_updates_per_element_max, \
                      i3x_queue_bytes_max); of each element the latest is here, if it found room";
        out.extend_from_slice(b",\"responseDetail\":");
        Refusal::new(status, detail).write(&mut out);
    }
    out.push(b'}');
    Ok(answer::with(status, "application/json", out))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct One {
    client_id: String,
    subscription_id: String,
}

/// `POST /subscriptions/stream`.
pub(super) async fn stream(State(app): State<App>, caller: Caller, body: Body) -> Result<Response, Refusal> {
    let One { client_id, subscription_id } = read(body).await?;
    named(&client_id)?;
    let entry = app.i3x.find(&caller, &client_id, &subscription_id)?;
    let place = app.streams.place(Way::ServerSentEvents, &caller)?;
    let (number, latest) = entry.open();
    let owed = Vec::new().into_iter();
    let listener = Listener { subscriptions: app.i3x, caller, entry, number, latest, place, owed };
    Ok(answer::events(stream::unfold((listener, Heartbeat::start()), |(mut listener, mut heartbeat)| async move {
        let bytes = match heartbeat.unless(listener.next()).await {
            Some(event) => event?,
            None => Heartbeat::COMMENT,
        };
        Some((bytes, (listener, heartbeat)))
    })))
}

/// Who reads a stream.
struct Listener {
    subscriptions: Arc<I3xSubscriptions>,
    caller: Caller,
    entry: Arc<Entry>,
    number: u64,
    latest: watch::Receiver<Option<u64>>,
    place: Place,
    owed: std::vec::IntoIter<Update>,
}

impl Listener {
    /// The next event, when there is one; none when another stream is open, the subscription was deleted, or its principal
    /// asks with other rights than he reads this with.
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            if self.place.is_closing() || *self.latest.borrow_and_update() != Some(self.number) {
                return None;
            }
            if let Some(event) = self.event()? {
                return Some(event);
            }
            tokio::select! {
                () = self.entry.news.notified() => {}
                () = self.place.closing() => {}
                _ = self.latest.changed() => {}
            }
        }
    }

    /// What there is to tell, if anything; none at the end.
    fn event(&mut self) -> Option<Option<Bytes>> {
        if self.owed.len() == 0 {
            // A key may give less than another one of the same owner, and what waits was gathered for who asked last.
            let take = |it: &mut Subscription| (it.caller.bounds() == self.caller.bounds()).then(|| it.take());
            self.owed = self.subscriptions.with(&self.entry, take)?.into_iter();
        }
        let mut out = b"data: [".to_vec();
        let mut written = 0;
        while out.len() < EVENT_BYTES {
            let Some(update) = self.owed.next() else { break };
            json::comma(&mut out, written);
            written += 1;
            update.write(&mut out);
        }
        out.extend_from_slice(b"]\n\n");
        Some((written > 0).then(|| out.into()))
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.entry.close(self.number);
    }
}
