//! The messages of a WebSocket, both ways.
//!
//! | from the client | |
//! |---|---|
//! | `{"subscribe":{"id","filter","interval","fields","since","context"}}` | `filter` is a text or a list of them; the last four may be left out |
//! | `{"unsubscribe":{"id"}}` | |
//!
//! | to the client | |
//! |---|---|
//! | `{"id","event":"subscribed"}`, `{"id","event":"unsubscribed"}` | done |
//! | `{"id","event":"snapshot\|changes\|reread","position","data"}` | `data` as in Server-Sent Events, `position` as their `id` |
//! | `{"id","event":"problem","problem"}` | a problem document; without `id` where there was none to be read |
//!
//! Invariant: what is written is one JSON object; what is read is refused whole if any of it is not understood.

use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

use crate::json;
use crate::problem::{Kind, Problem, clipped};
use crate::query::{fields, refused};
use crate::sample::Fields;
use crate::stream::event::{Event, Reread};
use crate::stream::{self, INTERVAL_DEFAULT, INTERVAL_MAX, INTERVAL_MIN, Position, Wish};

/// A longer id is refused: it comes back with every event.
const ID_BYTES_MAX: usize = 128;

/// What a client asks for.
pub(crate) enum Asked {
    /// To follow something; what, if that can be understood.
    Subscribe { id: String, wish: Result<Wish, Problem>, since: Option<Result<Position, Reread>> },
    /// To follow it no longer.
    Unsubscribe { id: String },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
enum Message {
    Subscribe(Subscribe),
    Unsubscribe(Unsubscribe),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Subscribe {
    id: String,
    filter: Value,
    interval: Option<Value>,
    fields: Option<Value>,
    since: Option<String>,
    #[serde(default)]
    context: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Unsubscribe {
    id: String,
}

pub(crate) fn parse(text: &str) -> Result<Asked, Problem> {
    let message = serde_json::from_str(text).map_err(|why| not_json(&why.to_string()))?;
    let (Message::Subscribe(Subscribe { ref id, .. }) | Message::Unsubscribe(Unsubscribe { ref id })) = message;
    if id.len() > ID_BYTES_MAX {
        return Err(not_json(&format!("an id has at most {ID_BYTES_MAX} bytes")));
    }
    Ok(match message {
        Message::Unsubscribe(Unsubscribe { id }) => Asked::Unsubscribe { id },
        Message::Subscribe(subscribe) => {
            let since = subscribe.since.as_deref().map(stream::since).transpose();
            let wish = wish(&subscribe);
            let (wish, since) = match since {
                Ok(since) => (wish, since.map(Ok)),
                Err(problem) => (Err(problem), None),
            };
            Asked::Subscribe { id: subscribe.id, wish, since }
        }
    })
}

fn wish(subscribe: &Subscribe) -> Result<Wish, Problem> {
    let filters =
        texts(&subscribe.filter).ok_or_else(|| refused("filter", "'filter' takes a text or a list of texts"))?;
    let interval = match &subscribe.interval {
        None => INTERVAL_DEFAULT,
        Some(value) => {
            let number = value.as_u64().and_then(|number| usize::try_from(number).ok());
            let is_within = |number: &usize| (INTERVAL_MIN..=INTERVAL_MAX).contains(number);
            let why = || format!("'interval' takes a number from {INTERVAL_MIN} to {INTERVAL_MAX}");
            number.filter(is_within).ok_or_else(|| refused("interval", why()))?
        }
    };
    let fields = match &subscribe.fields {
        None => Fields::ALL,
        Some(names) => {
            let names = texts(names).ok_or_else(|| refused("fields", "'fields' takes a list of texts"))?;
            fields(names.iter().map(String::as_str))?
        }
    };
    Ok(Wish {
        filters,
        interval: Duration::from_millis(interval as u64),
        fields,
        context: subscribe.context,
        bounds: None,
    })
}

/// A text alone, or a list of them.
fn texts(value: &Value) -> Option<Vec<String>> {
    match value {
        Value::String(text) => Some(vec![text.clone()]),
        Value::Array(items) => items.iter().map(|item| item.as_str().map(str::to_owned)).collect(),
        _ => None,
    }
}

/// A message that is not understood.
pub(crate) fn not_json(why: &str) -> Problem {
    let forms = r#"{"subscribe":{"id":…,"filter":…}} or {"unsubscribe":{"id":…}}"#;
    Problem::new(Kind::BadMessage, format!("a message is {forms} in JSON and nothing else: {}", clipped(why)))
}

pub(crate) fn subscribed(id: &str) -> Vec<u8> {
    let mut out = begun(Some(id), "subscribed");
    out.push(b'}');
    out
}

pub(crate) fn unsubscribed(id: &str) -> Vec<u8> {
    let mut out = begun(Some(id), "unsubscribed");
    out.push(b'}');
    out
}

pub(crate) fn problem(id: Option<&str>, problem: &Problem) -> Vec<u8> {
    let mut out = begun(id, "problem");
    out.extend_from_slice(b",\"problem\":");
    out.extend_from_slice(&problem.to_json());
    out.push(b'}');
    out
}

pub(crate) fn event(id: &str, event: &Event) -> Vec<u8> {
    let mut out = begun(Some(id), event.kind().name());
    if let Some(position) = event.position() {
        out.extend_from_slice(b",\"position\":");
        out.push(b'"');
        position.write(&mut out);
        out.push(b'"');
    }
    out.extend_from_slice(b",\"data\":");
    out.extend_from_slice(event.data());
    out.push(b'}');
    out
}

fn begun(id: Option<&str>, event: &str) -> Vec<u8> {
    let mut out = b"{".to_vec();
    if let Some(id) = id {
        out.extend_from_slice(b"\"id\":");
        json::string(&mut out, id);
        out.push(b',');
    }
    out.extend_from_slice(b"\"event\":");
    json::string(&mut out, event);
    out
}
