//! The shapes of what is written by hand: elements, samples, commands, events, problems, as the document describes them.
//!
//! These types are never made. A sample is written straight into the body (`sample.rs`), and what it looks like stands
//! here; `tests/openapi` holds real answers against it and refuses members that are not named.
//! Invariant: a member that may be missing is an `Option`, and then it is missing, never `null`.
#![allow(dead_code, reason = "shapes of what others write; nobody makes one")]

use std::collections::BTreeMap;

use serde::Serialize;
use utoipa::ToSchema;

pub(crate) use super::form::*;

mod audit;
mod client;
mod context;
mod definition;

pub(crate) use audit::AuditPage;
pub(crate) use client::{Client, Clients};
pub(crate) use context::{ContextAt, ContextDocument, Contexts};
pub(crate) use definition::{InstanceOf, Instances, Type, Types};

/// A point in the tree.
#[derive(Serialize, ToSchema)]
pub(crate) struct Element {
    /// Names joined by `/`; only the root has none.
    #[schema(example = "Acme/Dallas/Press")]
    path: Option<String>,
    /// The last of them.
    #[schema(example = "Press")]
    name: Option<String>,
    /// If placement gave it one.
    level: Option<Level>,
    kind: ElementKind,
    equipment: Option<EquipmentKind>,
    /// What it is an instance of.
    #[serde(rename = "type")]
    instance_of: Option<InstanceOf>,
    datatype: Option<Datatype>,
    /// What the configuration says of it, or else its source, or else its type.
    #[schema(example = "°C")]
    unit: Option<String>,
    /// What the configuration says of it, or else its source, or else its type.
    description: Option<String>,
    /// The lower end of its range.
    low: Option<Floating>,
    /// The upper end of its range.
    high: Option<Floating>,
    /// Who answers for it, by the configuration.
    owner: Option<String>,
    /// By the configuration.
    tags: Option<Vec<String>>,
    /// What else its source declared, by name.
    properties: Option<BTreeMap<String, String>>,
    /// The documents that apply to it: their paths by name.
    contexts: Option<BTreeMap<String, String>>,
    /// Under `_conflicts` only: the path it wanted, which another source owns.
    conflict: Option<String>,
    /// Who owns that path.
    conflict_owner: Option<Owner>,
    /// Where `_unplaced/…` is asked for, of an Edge Node or Device: why no rule placed it.
    reason: Option<String>,
    /// Left out if it has none, or none yet.
    sample: Option<Sample>,
    /// How many children it has, shown here or not.
    children_count: u64,
    /// By name in byte order; left out below the depth asked for.
    #[schema(no_recursion)]
    children: Option<Vec<Element>>,
    /// There are more children: ask for *this* element with `?cursor=`.
    next_cursor: Option<String>,
    /// The response was full before the first child: ask for this element on its own.
    truncated: Option<True>,
}

/// Elements that a search found, the best first, each without its children.
#[derive(Serialize, ToSchema)]
pub(crate) struct Found {
    elements: Vec<Element>,
    /// Whether there are more than are shown; one more word helps.
    more: bool,
}

/// What a point in the tree says: its value, how good it is, and of when. With `fields`, `path` and the members named.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({
    "path": "Acme/Dallas/Press/Line1/Robot3/Axis/1/Temperature", "value": 21.4, "quality": "Good",
    "timestamp": "2026-01-31T12:00:00.000Z", "received": "2026-01-31T12:00:00.012Z", "datatype": "Float",
    "unit": "°C", "revision": 4711,
    "source": {
        "type": "sparkplug", "group": "Acme:Dallas:Press", "edge_node": "Line1", "device": "Robot3",
        "metric": "Axis/1/Temperature", "metric_alias": 10
    }
}))]
pub(crate) struct Sample {
    #[schema(example = "Acme/Dallas/Press/Line1/Robot3/Axis/1/Temperature")]
    path: String,
    #[schema(required = false)]
    value: SampleValue,
    quality: Option<Quality>,
    /// The source no longer has it: its newest Birth came without it.
    gone: Option<True>,
    /// When that Birth came.
    gone_since: Option<Time>,
    /// The source's time, as it was sent, however absurd.
    timestamp: Option<Time>,
    /// When the message that last changed it arrived here.
    received: Option<Time>,
    datatype: Option<Datatype>,
    #[schema(example = "°C")]
    unit: Option<String>,
    /// The message that last changed it: samples of one message share it, later ones have a larger one. Counts anew with
    /// each start of Factree.
    revision: Option<Integer>,
    source: Option<Source>,
    /// With `context` only: what was in force at its `timestamp`, by name.
    context: Option<BTreeMap<String, ContextDocument>>,
    /// With `context` only: something applies, and what it said at that time is not known, wholly or in part.
    context_complete: Option<False>,
}

/// Who says it.
#[derive(Serialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum Source {
    /// A metric of an Edge Node or Device.
    Sparkplug {
        group: String,
        edge_node: String,
        /// Left out for a metric of the Edge Node itself.
        device: Option<String>,
        metric: String,
        /// Of the present session; told only where one sample is asked for.
        metric_alias: Option<Integer>,
    },
    /// A plain topic.
    Mqtt { topic: String },
}

/// Who owns a path.
#[derive(Serialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum Owner {
    /// An Edge Node or Device.
    Sparkplug { group: String, edge_node: String, device: Option<String> },
    /// A plain topic.
    Mqtt { topic: String },
}

/// A page of samples, depth first by name, all read at one moment.
#[derive(Serialize, ToSchema)]
pub(crate) struct Samples {
    samples: Vec<Sample>,
    /// The tree's when the page was begun: it holds at least everything up to it.
    revision: Integer,
    /// Where the next page begins; left out with the last.
    next_cursor: Option<String>,
}

/// What was asked for by path, in the same order.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({
    "samples": [
        { "path": "Acme/Dallas/Press/Line1/Robot3/Speed", "value": 1.5, "quality": "Good" },
        { "path": "Acme/Dallas/Press/Line1/Robot3/Running", "unchanged": true },
        { "path": "Acme/Dallas/Prss", "problem": {
            "type": "urn:factree:problem:element-not-found", "title": "No element has this path", "status": 404,
            "detail": "the tree has no such element"
        } }
    ],
    "position": "19c13ec9e00-4711"
}))]
pub(crate) struct ReadSamples {
    /// As many as paths were asked for.
    samples: Vec<ReadSample>,
    /// What to say as `since` the next time. Taken before the samples were read, so nothing is missed.
    position: String,
}

/// A sample that has not changed since the position that was given.
#[derive(Serialize, ToSchema)]
pub(crate) struct Unchanged {
    path: String,
    unchanged: True,
}

/// Why there is no sample.
#[derive(Serialize, ToSchema)]
pub(crate) struct Refused {
    path: String,
    problem: Problem,
}

/// A command and what became of it.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({
    "id": "1795325806463", "path": "Acme/Dallas/Paint/Line1/Oven1/Zone/1/SetPoint", "value": 171.5, "datatype": "Float",
    "topic": "spBv1.0/Acme:Dallas:Paint/DCMD/Line1/Oven1",
    "state": "confirmed", "sent": "2026-11-22T05:36:46.463Z", "settled": "2026-11-22T05:36:46.465Z"
}))]
pub(crate) struct Command {
    /// Opaque.
    id: String,
    path: String,
    value: SampleValue,
    datatype: Datatype,
    /// Where it was published.
    topic: String,
    state: CommandState,
    /// When, by our clock.
    sent: Time,
    /// Since when the state is final.
    settled: Option<Time>,
}

/// The process answers.
#[derive(Serialize, ToSchema)]
pub(crate) struct Health {
    #[schema(example = "ok")]
    status: String,
}

/// Whether clients are served.
#[derive(Serialize, ToSchema)]
pub(crate) struct Readiness {
    /// `ready` or `stopping`.
    #[schema(example = "ready")]
    status: String,
    /// What an acknowledged message survives: `memory`, `process` or `power`.
    #[schema(example = "power")]
    durability: Option<String>,
    /// `ok` or `full`.
    #[schema(example = "ok")]
    disk: Option<String>,
}

/// What went wrong [RFC 9457]. A member that would not help is left out.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({
    "type": "urn:factree:problem:element-not-found", "title": "No element has this path", "status": 404,
    "detail": "'Acme/Dallas' exists, it has no 'Prss'; nearest: Press",
    "deepest": "Acme/Dallas", "nearest": ["Press"], "ask": ["/api/v1/namespace/Acme/Dallas"]
}))]
pub(crate) struct Problem {
    #[serde(rename = "type")]
    kind: ProblemType,
    /// The same for all problems of the type.
    title: String,
    status: u16,
    /// About this request, for people.
    detail: String,
    /// The path of the deepest element on the way that does exist.
    deepest: Option<String>,
    /// Where what stood at this path stands now.
    moved: Option<String>,
    /// Names that exist there and look like the one asked for, the likeliest first.
    nearest: Option<Vec<String>>,
    /// Addresses that would have an answer.
    ask: Option<Vec<String>>,
    /// The parameter at fault.
    parameter: Option<String>,
    /// What would have been accepted.
    accepted: Option<Vec<String>>,
}

/// The data of the events `snapshot` (what is) and `changes` (what has changed since).
#[derive(Serialize, ToSchema)]
pub(crate) struct StreamPage {
    /// With `changes` only: paths that have no sample any more.
    removed: Option<Vec<String>>,
    samples: Vec<Sample>,
    revision: Integer,
    /// Another page of the same event follows.
    more: Option<True>,
}

/// The data of the event `reread`: what was told before is to be forgotten; a snapshot follows.
#[derive(Serialize, ToSchema)]
pub(crate) struct StreamReread {
    reason: RereadReason,
    detail: String,
}

/// A message to a WebSocket: one of the two members.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum WebSocketRequest {
    Subscribe(Subscribe),
    Unsubscribe(Unsubscribe),
}

/// To follow something.
#[derive(Serialize, ToSchema)]
pub(crate) struct Subscribe {
    /// Comes back with every event; at most 128 bytes.
    id: String,
    /// A topic filter, or a list of them.
    filter: Texts,
    /// Milliseconds between two looks at what changed.
    #[schema(minimum = 10, maximum = 60000, default = 100)]
    interval: Option<u32>,
    /// Members of a sample beside its path: a name, or a list of them.
    fields: Option<Texts>,
    /// The `position` of an earlier event: told is what changed after it.
    since: Option<String>,
    /// Whether each sample comes with what was going on when it was captured.
    context: Option<bool>,
}

/// To follow it no longer.
#[derive(Serialize, ToSchema)]
pub(crate) struct Unsubscribe {
    id: String,
}

/// One text, or a list of them.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
pub(crate) enum Texts {
    One(String),
    Several(Vec<String>),
}

/// A message from a WebSocket.
#[derive(Serialize, ToSchema)]
pub(crate) struct WebSocketMessage {
    /// The subscription; left out where a message was not understood.
    id: Option<String>,
    event: WebSocketEvent,
    /// With the last page of `snapshot` and `changes`: what to say as `since` after a broken connection.
    position: Option<String>,
    /// With `snapshot`, `changes` and `reread`.
    data: Option<StreamData>,
    /// With `problem`.
    problem: Option<Problem>,
}

/// As Server-Sent Events have it.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
pub(crate) enum StreamData {
    Page(StreamPage),
    Reread(StreamReread),
}
