//! The JSON contract: what every body looks like, in one place.
//!
//! The tree's types never reach the wire; what does is written down here and converted by hand, so the tree may change
//! shape without a client noticing. Elements and samples come by the thousand and are written straight into the body
//! (in `namespace.rs` and `sample.rs`); the rest are the small types below.
//! Knows nothing of routes. Invariant: a member that is not named here does not exist.
//!
//! Two rules hold everywhere:
//!
//! - A member that has nothing to say is left out. `null` appears only as a value.
//! - Members and parameters are `snake_case`. New members may be added; a client ignores what it does not know.
//!
//! # Element
//!
//! ```json
//! { "path": "Acme/Dallas", "name": "Dallas", "level": "site", "kind": "equipment", "children_count": 2,
//!   "children": [ { "path": "Acme/Dallas/Press", "…": "…" } ], "next_cursor": "UHJlc3M" }
//! ```
//!
//! | member | |
//! |---|---|
//! | `path`, `name` | names joined by `/`, and the last of them; the root has neither, and only the root |
//! | `level` | `enterprise`, `site`, `area`, `work_center`, `work_unit`, if placement gave it one |
//! | `kind` | `folder`, `equipment`, `metric`, `document` |
//! | `equipment` | `process_cell`, `production_unit`, `production_line`, `storage_zone`, `unit`, `work_cell`, `storage_unit` |
//! | `type` | what it is an instance of: `{"name","version","label"}` as in [`type_reports`], or `{"name","undefined":true}` |
//! | `datatype` | what its source declared |
//! | `unit`, `description`, `low`, `high` | what the model says, or else its source, or else its type; the last two are numbers |
//! | `owner`, `tags` | what the model says: a text, and a list of texts |
//! | `properties` | what else its source declared: texts by name |
//! | `conflict` | under `_conflicts` only: the path it wanted, which another source owns |
//! | `conflict_owner` | who owns that path: `{"type":"sparkplug","group","edge_node","device"}`, `{"type":"mqtt","topic"}` |
//! | `reason` | of an Edge Node or Device, where what is asked for is under `_unplaced`: why no rule placed it |
//! | `contexts` | the documents that apply to it, their paths by name, if there are any |
//! | `sample` | its sample, if it has one yet |
//! | `children_count` | how many children it has, shown here or not |
//! | `children` | elements, by name in byte order; left out below the depth asked for |
//! | `next_cursor` | there are more children: ask for *this* element with `?cursor=` |
//! | `truncated` | `true` if the response was full before the first child: ask for this element on its own |
//!
//! A response holds at most 10,000 elements and ends after 4 MiB: then every list that was open ends where it is, with
//! a `next_cursor` or `truncated`, so nothing is lost by asking too deep.
//!
//! A search answers `{"elements":[…],"more":…}`: elements without children, the best first.
//!
//! # Sample
//!
//! ```json
//! { "path": "Acme/Dallas/Press/Line1/Robot3/Temperature", "value": 21.4, "quality": "Good",
//!   "timestamp": "2026-01-31T12:00:00.000Z", "received": "2026-01-31T12:00:00.012Z",
//!   "datatype": "Double", "unit": "°C", "revision": 4711,
//!   "source": { "type": "sparkplug", "group": "Acme:Dallas:Press", "edge_node": "Line1", "device": "Robot3",
//!               "metric": "Temperature", "metric_alias": 7 } }
//! ```
//!
//! | member | |
//! |---|---|
//! | `value` | see below |
//! | `quality` | `Good`; `Bad`: the source says so; `Stale`: the source is gone; `Uncertain`: type or time in doubt |
//! | `gone`, `gone_since` | `true` if the latest Birth no longer has it, and when that came; it is Stale then |
//! | `timestamp` | the source's time, as it was sent, however absurd |
//! | `received` | when the message that last changed it arrived here |
//! | `datatype` | declared type: Sparkplug's names, and `Structure` for JSON arrays and objects |
//! | `revision` | the batch that last changed it: samples of one message share it, later ones have a larger one |
//! | `source` | `{"type":"sparkplug","group","edge_node","device","metric","metric_alias"}`, `{"type":"mqtt","topic"}`|
//!
//! `device` is left out for the Edge Node's own metrics. `metric_alias` is told only where one sample is asked for
//! (`/values/{path}`) and with the metrics of an Edge Node: it belongs to the session, and looking it up takes the lock
//! that publishers need, so the routes that return thousands of samples do not.
//!
//! # Context
//!
//! With `?context=true`, or `"context":true` in a body or message, each sample has two members more: what was in force at its `timestamp`, by name.
//!
//! ```json
//! "context": { "order": { "path": "Acme/Dallas/Press/Line1/Order", "since": "2026-01-31T06:00:00.000Z", "quality": "Good",
//!                         "value": { "Number": "A-17", "Product/Name": "Door left" } } },
//! "context_complete": false
//! ```
//!
//! | member | |
//! |---|---|
//! | `path` | where the document is |
//! | `since` | since when it said what follows; left out with the next two if that is not known |
//! | `quality` | the least of its fields': `Stale` if its source was gone or the document deleted |
//! | `value` | its fields by their paths below it, or the value alone of a document that is one value |
//! | `context_complete` | only as `false`: something applies, and what it said at that time is not known, wholly or in part |
//!
//! `GET /api/v1/context/{path}?at=` answers `{"path","at","context","context_complete"}`, `GET /api/v1/context` answers
//! `{"contexts":[{"name","applies_to","path","since","quality","value"}],"next_cursor"}`, each as it was last said.
//!
//! # Values
//!
//! Nothing is rounded. What JSON or a reader that keeps numbers as doubles could not hold is a string, and `datatype`
//! tells such a string from text.
//!
//! | datatype | JSON | e.g. |
//! |---|---|---|
//! | `Int8` … `UInt64` | number up to ±(2^53 − 1), beyond that its digits as a string | `42`, `"9007199254740993"` |
//! | `Float` | number with the shortest digits that give the same 32 bits | `21.4` |
//! | `Double` | number with the shortest digits that give the same 64 bits | `21.4`, `1e+300` |
//! | `Float`, `Double` that is no number | string | `"NaN"`, `"Infinity"`, `"-Infinity"` |
//! | `Boolean` | `true`, `false` | |
//! | `String`, `Text`, `UUID` | string | |
//! | `DateTime`, and every time | RFC 3339, UTC, milliseconds | `"2024-02-29T12:34:56.789Z"` |
//! | the same, later than 9999-12-30T22:00:00.999Z | milliseconds since 1970 as a string | `"253402207201000"` |
//! | `Bytes`, `File` | base64, standard alphabet, padded [RFC 4648, 4] | `"RmFjdHJlZQ=="` |
//! | arrays | array of these | `[1,2]` |
//! | `DataSet` | `{"columns":[names],"types":[names],"rows":[[cells]]}` | |
//! | `Template`, an instance | `null`; its members are elements below it | |
//! | `Template`, a definition | `{"definition":true,"version","parameters":[…],"members":[…]}` | |
//! | `Structure` | array or object of these | |
//! | any, without a value | `null` | |
//!
//! Inside an array or object nothing says whether `"NaN"` was text or a number.
//!
//! # MQTT message
//!
//! On the topic of its element a sample is `{"value","timestamp","quality","unit"}`, and `"gone":true` behind it: the members of a
//! sample in the same forms, without what the topic says already and what does not change.
//!
//! # Pages
//!
//! `{"samples":[…],"revision":…,"next_cursor":…}`, `{"edge_nodes":[…],"next_cursor":…}`. A cursor is opaque and holds a
//! place in the order, not a position in a list: what stays in the tree comes exactly once, whatever is added or
//! changed between the pages. `revision` is the tree's when the page was begun: it holds at least everything up to it.
//!
//! # Events
//!
//! `/stream` and `/ws` tell `snapshot` and `changes` as `{"removed":[paths],"samples":[…],"revision":…,"more":true}`: samples as
//! above, with the members asked for; `removed`, the paths that have no sample any more, comes with changes only, `more` with every page but the last. `reread` is
//! `{"reason":"other_process|unknown_position|too_far_behind","detail"}`. The forms of `/ws` around them stand in
//! `web_socket/message.rs`.
//!
//! # Edge Node
//!
//! `{"group","edge_node","state":"online|reordering|restored|offline|unborn","held","since","born","bd_seq","next_seq",
//! "client_id","link","path","metrics_count","devices":[{"device","state","since","path","metrics_count"}],"counters":{…},
//! "last_message","rebirth":{"asked","reason"}}`. `reordering` is online with `held` messages that wait for one that is
//! missing; `restored` is known from before a restart of Factree and not heard since. `rebirth` is the last one that was
//! asked for; the counter `rebirths` has as many as there were by the same reasons. With `?metrics=true` also `"metrics":[{"device","name","metric_alias","datatype","path"}]` and a `next_cursor` for them.
//!
//! `link` is `attach:{name}` where the Edge Node was last born on a foreign broker, and left out where it was on our
//! own. A foreign broker does not tell client ids, so such an Edge Node has none.
//!
//! # Attachment
//!
//! ```json
//! { "name": "plant1", "url": "mqtts://broker.plant1:8883", "version": "5.0", "client_id": "factree-scada", "host_id": "scada",
//!   "publish_state": true, "filters": ["Acme/#"], "state": "online", "since": "2026-01-31T12:00:00.000Z",
//!   "last_error": { "at": "2026-01-31T11:59:58.000Z", "class": "closed", "text": "closed the connection without saying why" },
//!   "counters": { "connects": 2, "messages": 4711, "bytes_received": 90210, "bytes_sent": 812, "sent": 3, "unsent": 0,
//!                 "passed_over": 0, "old_copies": 0 } }
//! ```
//!
//! `state` is `connecting`, `online`, `offline` (it will try again) or `stopped`. `last_error` stays when it is over;
//! its `class` is `unreachable`, `handshake`, `silent`, `refused`, `closed`, `protocol`, or `state` where somebody
//! disputes our STATE. `sent` and `unsent` count commands and rebirth requests, `passed_over` publications that were
//! not taken, `old_copies` retained Sparkplug messages, which say how things were.
//!
//! # Finding
//!
//! See [`findings`].
//!
//! # Type
//!
//! See [`type_reports`].
//!
//! # Client
//!
//! See [`clients`].
//!
//! # Command
//!
//! ```json
//! { "id": "1769860800000", "path": "Acme/Dallas/Press/Line1/Robot3/Setpoint", "value": 21.5, "datatype": "Float",
//!   "topic": "spBv1.0/Acme:Dallas:Press/DCMD/Line1/Robot3", "state": "sent", "sent": "2026-01-31T12:00:00.000Z" }
//! ```
//!
//! `state` is `sent`, `confirmed`, `timed_out` or `superseded`; the last three are final and come with `settled`, the time
//! since when. An `id` is a string, opaque to clients.
//!
//! # Placement
//!
//! `{"topic","metric","path","placed_by":"default|rule|nothing","rule","reason","levels":[{"name","level","equipment"}],
//! "tried":[{"rule","template","matched","why"}]}`. Rules are counted from 1 in the order of the file. `path` is left out for
//! what is not in the tree, `reason` for what is placed.
//!
//! # Reload
//!
//! `{"sources_moved","metrics_moved","refused","conflicts","restart_needed":[keys],"warnings":[texts]}`, when everything
//! stands where the new rules say.
//!
//! # Problems
//!
//! RFC 9457, `application/problem+json`: `type` (a URN that never changes), `title`, `status`, `detail`; and where it
//! helps `deepest` (the deepest element that does exist), `nearest` (names there), `ask` (addresses that have an
//! answer), `moved` (where what stood at this path stands now), `parameter`, `accepted`.

use std::borrow::Cow;

use factree_ingest::{Command, CommandState, Liveness};
use factree_namespace::Timestamp;
use serde::{Serialize, Serializer};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use crate::json::{self, Clock, EXACT_MAX};
use crate::openapi::shape;

mod attachments;
pub mod clients;
mod edge_nodes;
pub mod findings;
mod overview;
pub mod type_reports;

pub(crate) use attachments::{Attachment, Attachments};
pub(crate) use edge_nodes::{EdgeNode, EdgeNodes};
pub(crate) use findings::{Conformance, Findings};
pub(crate) use overview::Overview;

/// Writes one of the types below.
pub(crate) fn to_json(body: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(body).expect("our own types are strings, numbers and lists of them")
}

/// A command, with its value in the form of a sample's.
pub(crate) fn command(command: &Command) -> Vec<u8> {
    let state = match command.state {
        CommandState::Sent => "sent",
        CommandState::Confirmed => "confirmed",
        CommandState::TimedOut => "timed_out",
        CommandState::Superseded => "superseded",
    };
    let mut out = Vec::with_capacity(256);
    let member = |out: &mut Vec<u8>, name: &str, text: &str| {
        out.extend_from_slice(name.as_bytes());
        json::string(out, text);
    };
    member(&mut out, "{\"id\":", &command.id.to_string());
    member(&mut out, ",\"path\":", &command.path);
    out.extend_from_slice(b",\"value\":");
    json::value(&mut out, &command.value);
    member(&mut out, ",\"datatype\":", command.datatype.as_str());
    member(&mut out, ",\"topic\":", &command.topic);
    member(&mut out, ",\"state\":", state);
    member(&mut out, ",\"sent\":", &Clock::text(command.sent));
    if let Some(settled) = command.settled {
        member(&mut out, ",\"settled\":", &Clock::text(settled));
    }
    out.push(b'}');
    out
}

/// A rebirth that was asked for.
#[derive(Serialize, ToSchema)]
pub(crate) struct RebirthAsked<'a> {
    #[schema(example = "Acme:Dallas:Press")]
    group: &'a str,
    #[schema(example = "Line1")]
    edge_node: &'a str,
    /// When, by our clock.
    asked: Rfc3339,
}

impl<'a> RebirthAsked<'a> {
    pub(crate) fn of(group: &'a str, edge_node: &'a str, asked: Timestamp) -> Self {
        RebirthAsked { group, edge_node, asked: Rfc3339(asked) }
    }
}

fn state(liveness: Liveness) -> &'static str {
    match liveness {
        Liveness::Online => "online",
        Liveness::Reordering { .. } => "reordering",
        Liveness::Restored => "restored",
        Liveness::Offline => "offline",
        Liveness::Unborn => "unborn",
    }
}

/// A time in the form of the table above.
pub(crate) struct Rfc3339(pub(crate) Timestamp);

impl Serialize for Rfc3339 {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&Clock::text(self.0))
    }
}

/// An unsigned integer in the form of the table above.
struct Exact(u64);

impl Serialize for Exact {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0 <= EXACT_MAX { serializer.serialize_u64(self.0) } else { serializer.collect_str(&self.0) }
    }
}

/// As [`shape::Time`] is described.
impl PartialSchema for Rfc3339 {
    fn schema() -> RefOr<Schema> {
        shape::Time::schema()
    }
}

impl ToSchema for Rfc3339 {
    fn name() -> Cow<'static, str> {
        shape::Time::name()
    }
}

/// As [`shape::Integer`] is described.
impl PartialSchema for Exact {
    fn schema() -> RefOr<Schema> {
        shape::Integer::schema()
    }
}

impl ToSchema for Exact {
    fn name() -> Cow<'static, str> {
        shape::Integer::name()
    }
}
