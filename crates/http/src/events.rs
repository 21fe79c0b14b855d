//! `GET /api/v1/events`: the rare things that happened last, newest first.
//!
//! A router of its own, because who sees them happen is the caller's: it hands in what has kept them. Nothing outlives the
//! process; what must be kept is in the log and in the audit trail.
//! Knows neither broker nor plant. Invariant: an event is told once or not at all, and numbers only go up.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::Uri;
use axum::response::Response;
use factree_auth::{Area, Verb};
use factree_namespace::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::routes;

use crate::caller::Caller;
use crate::dto;
use crate::openapi::routes::Routes;
use crate::problem::Problem;
use crate::query::Query;
use crate::wishes::Wishes;

/// Where they are told.
pub(crate) const EVENTS: &str = "/api/v1/events";

/// Events in one answer unless asked for otherwise, and at most.
const LIMIT_DEFAULT: usize = 100;
const LIMIT_MAX: usize = 1_000;

/// What has happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    /// An Edge Node was born, or born again.
    EdgeNodeBorn,
    /// An Edge Node or a Device known from before a restart goes on without a Birth.
    EdgeNodeAdopted,
    /// An Edge Node went offline; its samples are Stale.
    EdgeNodeDied,
    /// A Device was born, or born again.
    DeviceBorn,
    /// A Device went offline; its samples are Stale.
    DeviceDied,
    /// An Edge Node was asked for a rebirth.
    RebirthAsked,
    /// Two clients publish births of one Edge Node.
    Rivals,
    /// An Edge Node or a client broke a rule of Sparkplug for the first time.
    Finding,
    /// What was published is against a rule of the operator's, for the first time.
    Deviation,
    /// Something is wrong with our own STATE topic, or with a message.
    Trouble,
    /// A client connected.
    ClientConnected,
    /// A client's connection is over.
    ClientDisconnected,
    /// A client was refused.
    ClientRefused,
    /// A client's Will Message was published.
    WillPublished,
    /// A client's session is forgotten.
    SessionEnded,
    /// A client's publication was refused.
    PublicationRefused,
    /// A client's subscription was not granted, or taken away.
    SubscriptionRefused,
    /// What waits for a client is more than may, and is being lost.
    QueueFull,
}

impl EventKind {
    /// Whether it is about a client of the broker and not about the plant.
    fn is_of_clients(self) -> bool {
        match self {
            Self::ClientConnected
            | Self::ClientDisconnected
            | Self::ClientRefused
            | Self::WillPublished
            | Self::SessionEnded
            | Self::PublicationRefused
            | Self::SubscriptionRefused
            | Self::QueueFull => true,
            Self::EdgeNodeBorn
            | Self::EdgeNodeAdopted
            | Self::EdgeNodeDied
            | Self::DeviceBorn
            | Self::DeviceDied
            | Self::RebirthAsked
            | Self::Rivals
            | Self::Finding
            | Self::Deviation
            | Self::Trouble => false,
        }
    }
}

/// One of them. What it is not about is left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventReport {
    /// Counted from 1 since this process started.
    pub number: u64,
    /// When, by our clock.
    pub at: Timestamp,
    /// What.
    pub kind: EventKind,
    /// Group id.
    pub group: Option<String>,
    /// Edge Node id.
    pub edge_node: Option<String>,
    /// Device id.
    pub device: Option<String>,
    /// The client.
    pub client_id: Option<String>,
    /// Where the client was.
    pub address: Option<SocketAddr>,
    /// The topic, or the path of the element.
    pub about: Option<String>,
    /// Why, or in which way.
    pub text: Option<String>,
}

/// Tells the last events, newest first: at most so many, and only what is newer than a number. Locks only as long
/// as copying takes.
pub type Events = Arc<dyn Fn(usize, u64) -> Vec<EventReport> + Send + Sync>;

/// The route alone.
pub fn events_router(events: Events) -> Router {
    routes().router().method_not_allowed_fallback(crate::wrong_method).with_state(events)
}

pub(crate) fn routes() -> Routes<Events> {
    Routes::new().at(EVENTS, routes!(list))
}

/// The last events.
#[derive(Serialize, ToSchema)]
#[schema(as = Events)]
pub(crate) struct Body<'a> {
    events: Vec<Event<'a>>,
}

/// Something rare that happened.
#[derive(Serialize, ToSchema)]
#[schema(as = Event)]
struct Event<'a> {
    /// Counted from 1 since this process started.
    number: u64,
    at: dto::Rfc3339,
    kind: EventKind,
    #[serde(skip_serializing_if = "Option::is_none")]
    group: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    edge_node: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    device: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_id: Option<&'a str>,
    /// Where the client was.
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<String>,
    /// The topic, or the path of the element.
    #[serde(skip_serializing_if = "Option::is_none")]
    about: Option<&'a str>,
    /// Why, or in which way.
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<&'a str>,
}

/// Recent events.
///
/// The rare things that happened last, newest first: births and deaths, clients that came and went, rules that were broken for
/// the first time. Some hundred are kept, long texts in them clipped, until this process ends.
#[utoipa::path(
    get, path = "/api/v1/events", tag = "server", operation_id = "list_events",
    params(
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 1000, description = "Events to tell; 100 if it is left out."),
        ("after" = Option<u64>, Query, minimum = 0, description = "Only events with a greater number: the newest you have."),
    ),
    responses(
        (status = 200, description = "The last events.", body = Body<'static>),
        (status = 304, description = "It is what you have."),
        (status = 400, description = "bad-parameter"),
        (status = 403, description = "not-allowed"),
    )
)]
async fn list(State(events): State<Events>, caller: Caller, wishes: Wishes, uri: Uri) -> Result<Response, Problem> {
    let of_clients = caller.manage(Verb::Read, Area::Clients).is_ok();
    let of_plant = caller.manage(Verb::Read, Area::Conformance);
    let of_plant = match of_plant {
        Err(refused) if !of_clients => return Err(refused),
        of_plant => of_plant.is_ok(),
    };
    let is_for_him = |report: &EventReport| if report.kind.is_of_clients() { of_clients } else { of_plant };
    let query = Query::parse(uri.query(), &["limit", "after"])?;
    let limit = query.number("limit", 1..=LIMIT_MAX, LIMIT_DEFAULT)?;
    let after = query.number("after", 0..=usize::MAX, 0)?;
    let reports = events(usize::MAX, after as u64);
    let events = reports.iter().filter(|&report| is_for_him(report)).take(limit).map(Event::of).collect();
    Ok(wishes.json(dto::to_json(&Body { events })).await)
}

impl<'a> Event<'a> {
    fn of(report: &'a EventReport) -> Self {
        let EventReport { number, at, kind, group, edge_node, device, client_id, address, about, text } = report;
        Self {
            number: *number,
            at: dto::Rfc3339(*at),
            kind: *kind,
            group: group.as_deref(),
            edge_node: edge_node.as_deref(),
            device: device.as_deref(),
            client_id: client_id.as_deref(),
            address: address.map(|address| address.to_string()),
            about: about.as_deref(),
            text: text.as_deref(),
        }
    }
}
