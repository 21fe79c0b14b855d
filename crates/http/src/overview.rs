//! `GET /api/v1/overview`: how the plant and this server do, in figures, and who is not there.
//!
//! A router of its own, because most of it is counted elsewhere: whoever serves it hands in what makes an
//! [`OverviewReport`]. It is told by parts, and each part to whom one of some grants shows the same elsewhere in more
//! detail; of a part that is left out, the grant that opens it is told.
//! Knows neither broker nor disk. Invariant: nothing of a part is written for whom none of its grants is given.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::Uri;
use axum::response::Response;
use factree_auth::{Area, Verb};
use factree_ingest::Away;
use factree_namespace::Timestamp;
use utoipa_axum::routes;

use crate::caller::Caller;
use crate::dto;
use crate::openapi::routes::Routes;
use crate::problem::Problem;
use crate::query::Query;
use crate::wishes::Wishes;

/// Where it is told.
const OVERVIEW: &str = "/api/v1/overview";

/// Those away that are named; the others are counted.
pub const AWAY_SHOWN_MAX: usize = 20;

/// Everything that is known of a moment.
#[derive(Clone, Debug, Default)]
pub struct OverviewReport {
    /// The server has begun to stop.
    pub is_stopping: bool,
    /// For how long it has run.
    pub uptime: Duration,
    /// Memory of the process in RAM; none: the machine does not tell.
    pub memory_bytes: Option<u64>,
    /// What is kept, and whether it can be.
    pub storage: StorageReport,
    /// What the broker counted.
    pub messages: MessageCounts,
    /// Who is connected.
    pub clients: ClientCounts,
    /// What the tree holds.
    pub plant: PlantCounts,
    /// Foreign brokers: name, state, and since when.
    pub attachments: Vec<(String, &'static str, Timestamp)>,
}

/// What is kept, and whether it can be.
#[derive(Clone, Copy, Debug, Default)]
pub struct StorageReport {
    /// What an acknowledged message survives: `memory`, `process` or `power`.
    pub durability: &'static str,
    /// How much room there is.
    pub room: Room,
    /// Bytes the disk has left; none: nothing is kept, or the machine does not tell.
    pub free_bytes: Option<u64>,
    /// What is done can be put on record. While it cannot, nothing is commanded.
    pub is_audit_writable: bool,
}

/// How much room the disk has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Room {
    /// Enough.
    #[default]
    Enough,
    /// It comes to its end.
    Low,
    /// What has to be kept is refused.
    None,
}

/// What the broker counted since the start.
#[derive(Clone, Copy, Debug, Default)]
pub struct MessageCounts {
    /// PUBLISH packets from clients.
    pub received: u64,
    /// MQTT bytes from clients.
    pub received_bytes: u64,
    /// Deliveries sent.
    pub sent: u64,
    /// MQTT bytes to clients.
    pub sent_bytes: u64,
    /// Deliveries lost by policy.
    pub dropped: u64,
}

/// Who is connected.
#[derive(Clone, Copy, Debug, Default)]
pub struct ClientCounts {
    /// Clients connected now.
    pub connected: u64,
    /// Sessions kept for clients that are away.
    pub absent: u64,
    /// MQTT subscriptions.
    pub subscriptions: u64,
    /// Streams of changes over HTTP.
    pub streams: u64,
    /// WebSockets among what carries them.
    pub web_sockets: u64,
}

/// What the tree holds.
#[derive(Clone, Debug, Default)]
pub struct PlantCounts {
    /// Edge Nodes that are online.
    pub online: u64,
    /// Those that are online and wait for a message that is missing.
    pub reordering: u64,
    /// Those that are not, and Devices; of both the last [`AWAY_SHOWN_MAX`] that went.
    pub away: Away,
    /// Elements, without the root.
    pub elements: u64,
    /// Elements kept under `_conflicts`.
    pub conflicts: u64,
}

/// Answers how it is now. Takes microseconds for each Edge Node, and locks only for a slice of them.
pub type Overlook = Arc<dyn Fn() -> OverviewReport + Send + Sync>;

/// The route alone.
pub fn overview_router(overlook: Overlook) -> Router {
    routes().router().method_not_allowed_fallback(crate::wrong_method).with_state(overlook)
}

pub(crate) fn routes() -> Routes<Overlook> {
    Routes::new().at(OVERVIEW, routes!(overview))
}

/// A part of the overview, and the areas of which reading any one shows it; the first is the one that is named.
#[derive(Clone, Copy)]
pub(crate) struct Part {
    pub(crate) name: &'static str,
    areas: &'static [Area],
}

pub(crate) const SERVER: Part = Part { name: "server", areas: &[Area::Conformance, Area::Metrics] };
pub(crate) const STORAGE: Part = Part { name: "storage", areas: &[Area::Conformance, Area::Metrics] };
pub(crate) const MESSAGES: Part = Part { name: "messages", areas: &[Area::Conformance, Area::Metrics] };
pub(crate) const CLIENTS: Part = Part { name: "clients", areas: &[Area::Conformance, Area::Metrics, Area::Clients] };
pub(crate) const PLANT: Part = Part { name: "plant", areas: &[Area::Conformance] };
pub(crate) const ATTACHMENTS: Part =
    Part { name: "attachments", areas: &[Area::Conformance, Area::Metrics, Area::Config] };

const PARTS: [Part; 6] = [SERVER, STORAGE, MESSAGES, CLIENTS, PLANT, ATTACHMENTS];

impl Part {
    /// The grant that would show it.
    pub(crate) fn grant(self) -> String {
        format!("read area:{}", self.areas[0])
    }

    pub(crate) fn is_for(self, caller: &Caller) -> bool {
        self.areas.iter().any(|&area| caller.manage(Verb::Read, area).is_ok())
    }
}

/// The plant and this server at a glance.
///
/// How it is now and what was counted since the start, by parts. Whoever may read `area:conformance` is told all of it; others,
/// the parts that they could read elsewhere, and in `withheld` which grant the other parts take.
#[utoipa::path(
    get, path = "/api/v1/overview", tag = "server", operation_id = "overview",
    responses(
        (status = 200, description = "As far as the caller may see.", body = dto::Overview<'static>),
        (status = 304, description = "It is what you have."),
        (status = 400, description = "bad-parameter"),
        (status = 403, description = "not-allowed"),
    )
)]
async fn overview(
    State(overlook): State<Overlook>,
    caller: Caller,
    wishes: Wishes,
    uri: Uri,
) -> Result<Response, Problem> {
    if !PARTS.iter().any(|part| part.is_for(&caller)) {
        caller.manage(Verb::Read, Area::Conformance)?;
    }
    Query::parse(uri.query(), &[])?;
    let withheld = PARTS.into_iter().filter(|part| !part.is_for(&caller)).collect::<Vec<_>>();
    Ok(wishes.json(dto::to_json(&dto::Overview::of(&overlook(), &withheld))).await)
}
