//! `GET /api/v1/clients`, `GET` and `DELETE /api/v1/clients/{client_id}`: who is connected to the broker, what each has
//! subscribed to, what waits for it; and an end to its connection.
//!
//! A router of its own, because sessions are the broker's: whoever has one hands in a [`Clients`] that answers with plain
//! copies. A client id may hold `/`; in a URI it stands as it is, as in the path of an element.
//! Knows nothing of MQTT. Invariant: a page is in the order of client ids, so who stays comes exactly once.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{FromRef, Request, State};
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use factree_auth::{Area, Verb};
use factree_namespace::Timestamp;
use utoipa_axum::routes;

use crate::audit::{Auditor, Deed, to_the_end};
use crate::caller::Caller;
use crate::edge_nodes::PageSize;
use crate::openapi::routes::Routes;
use crate::openapi::shape;
use crate::problem::{Kind, Problem, clipped};
use crate::query::{Query, cursor};
use crate::wishes::Wishes;
use crate::{answer, behind, dto, path};

/// Clients in one page.
const PAGE: PageSize = PageSize { default: 100, max: 1_000 };

/// Where clients are found.
pub(crate) const CLIENTS: &str = "/api/v1/clients";

/// Subscriptions of one client that [`Clients::one`] copies at most.
pub const SUBSCRIPTIONS_SHOWN_MAX: usize = 1_000;

/// Who knows the broker's clients. Called without a lock held; locks only as long as copying takes.
pub trait Clients: Send + Sync {
    /// Up to `limit` clients by client id, those behind `after`; subscriptions are counted and not told.
    fn page(&self, after: Option<&str>, limit: usize) -> Vec<ClientReport>;
    /// One client with its subscriptions.
    fn one(&self, client_id: &str) -> Option<ClientReport>;
    /// Ends a client's connection; its will is published and its session ends or stays as if the connection had broken. Where there
    /// is none, or `with_session`, the session ends too.
    fn disconnect(&self, client_id: &str, with_session: bool) -> Disconnected;
}

/// What became of a wish to disconnect a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Disconnected {
    /// The broker has ended the connection.
    Done,
    /// The session has ended, and the connection, if there was one.
    SessionEnded {
        /// To whom it belonged, as [`ClientReport::principal`].
        principal: String,
    },
    /// Nobody of this client id.
    Unknown,
}

/// One session of the broker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientReport {
    /// Whose.
    pub client_id: String,
    /// To whom the session belongs: `user:anna`, or `anonymous`.
    pub principal: String,
    /// While the client is connected.
    pub connection: Option<ClientConnection>,
    /// How long the session outlives its connection; none: for ever.
    pub session_expiry: Option<Duration>,
    /// Subscriptions, shared ones among them.
    pub subscriptions_len: usize,
    /// Those that are told, in no order; [`SUBSCRIPTIONS_SHOWN_MAX`] at most.
    pub subscriptions: Option<Vec<SubscriptionReport>>,
    /// Deliveries that wait.
    pub queue_len: usize,
    /// Live ones among them, in bytes of topic and payload.
    pub queue_bytes: usize,
    /// QoS>0 deliveries that were sent and not acknowledged.
    pub in_flight: usize,
    /// PUBLISH packets from this client in this session.
    pub published: u64,
    /// Deliveries to this client in this session.
    pub delivered: u64,
    /// Deliveries to it that were lost by policy.
    pub dropped: u64,
}

/// The connection of a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientConnection {
    /// As the log numbers it.
    pub number: u64,
    /// `3.1.1` or `5.0`.
    pub version: &'static str,
    /// Where the client is.
    pub address: SocketAddr,
    /// What the client calls itself, proven or not.
    pub username: Option<String>,
    /// Since when.
    pub since: Timestamp,
    /// When something was last heard.
    pub last_packet: Timestamp,
    /// The client speaks at least this often, or is taken for dead after one and a half times as long.
    pub keep_alive: Duration,
}

/// One subscription.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubscriptionReport {
    /// The topic filter, with `$share/{name}/` where it is shared.
    pub filter: String,
    /// The QoS it asked for: 0, 1 or 2.
    pub qos: u8,
}

/// What the routes answer from.
#[derive(Clone)]
pub(crate) struct Broker {
    clients: Arc<dyn Clients>,
    audit: Arc<dyn Auditor>,
}

impl FromRef<Broker> for Arc<dyn Clients> {
    fn from_ref(broker: &Broker) -> Self {
        Arc::clone(&broker.clients)
    }
}

/// The routes alone.
pub fn clients_router(clients: Arc<dyn Clients>, audit: Arc<dyn Auditor>) -> Router {
    routes().router().method_not_allowed_fallback(crate::wrong_method).with_state(Broker { clients, audit })
}

pub(crate) fn routes() -> Routes<Broker> {
    Routes::new().at(CLIENTS, routes!(list)).at(&format!("{CLIENTS}/{{*client_id}}"), routes!(one, disconnect))
}

/// The broker's clients.
///
/// Every session there is, of clients that are connected and of clients that are away.
#[utoipa::path(
    get, path = "/api/v1/clients", tag = "clients", operation_id = "list_clients",
    params(
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 1000, description = "Clients in a page; 100 if it is left \
            out."),
        ("cursor" = Option<String>, Query, description = "The `next_cursor` of the page before."),
    ),
    responses(
        (status = 200, description = "A page of clients, by client id.", body = shape::Clients),
        (status = 304, description = "It is what you have."),
        (status = 400, description = "bad-parameter"),
        (status = 403, description = "not-allowed"),
    )
)]
async fn list(
    State(clients): State<Arc<dyn Clients>>,
    caller: Caller,
    wishes: Wishes,
    uri: Uri,
) -> Result<Response, Problem> {
    caller.manage(Verb::Read, Area::Clients)?;
    let query = Query::parse(uri.query(), &["limit", "cursor"])?;
    let limit = query.number("limit", 1..=PAGE.max, PAGE.default)?;
    let after = query.cursor()?;
    // One more than asked for tells whether there is a next page.
    let mut reports = clients.page(after.as_deref(), limit + 1);
    let more = reports.len() > limit;
    reports.truncate(limit);
    let next_cursor = reports.last().filter(|_| more).map(|last| cursor(&last.client_id));
    let clients = reports.iter().map(dto::clients::Client::of).collect();
    Ok(wishes.json(dto::to_json(&dto::clients::Clients { clients, next_cursor })).await)
}

/// One client.
///
/// With its subscriptions.
#[utoipa::path(
    get, path = "/api/v1/clients/{client_id}", tag = "clients", operation_id = "read_client",
    params(
        ("client_id" = String, Path, description = "Its client id, percent-encoded; a `/` in it may stand as it is.",
            example = "press-gateway"),
    ),
    responses(
        (status = 200, description = "The client.", body = shape::Client),
        (status = 304, description = "It is what you have."),
        (status = 400, description = "bad-path, bad-parameter"),
        (status = 403, description = "not-allowed"),
        (status = 404, description = "client-not-found"),
    )
)]
async fn one(
    State(clients): State<Arc<dyn Clients>>,
    caller: Caller,
    wishes: Wishes,
    uri: Uri,
) -> Result<Response, Problem> {
    caller.manage(Verb::Read, Area::Clients)?;
    Query::parse(uri.query(), &[])?;
    let client_id = path::decode(behind(&uri, CLIENTS))?;
    let mut report = clients.one(&client_id).ok_or_else(|| unknown(&client_id))?;
    if let Some(subscriptions) = &mut report.subscriptions {
        subscriptions.sort_unstable_by(|a, b| a.filter.cmp(&b.filter));
    }
    Ok(wishes.json(dto::to_json(&dto::clients::Client::of(&report))).await)
}

/// Disconnect a client, or end its session.
///
/// Its will is published, and its session ends or stays, as if the connection had broken. Nothing keeps it from coming back. Of a
/// client that is away the session ends, with its subscriptions and all that waits; a will that waits for its time is published. From
/// then on its client id is anybody's who may connect.
#[utoipa::path(
    delete, path = "/api/v1/clients/{client_id}", tag = "clients", operation_id = "disconnect_client",
    params(
        ("client_id" = String, Path, description = "Its client id, percent-encoded; a `/` in it may stand as it is.",
            example = "press-gateway"),
        ("session" = Option<String>, Query, description = "`end`: the session of a client that is connected ends too. `keep`, if \
            it is left out.", example = "end"),
        ("reason" = Option<String>, Query, description = "Why, for the audit log; at most 1,024 bytes."),
    ),
    responses(
        (status = 204, description = "The connection has ended, or the session."),
        (status = 400, description = "bad-path, bad-parameter"),
        (status = 403, description = "not-allowed, cross-site"),
        (status = 404, description = "client-not-found"),
        (status = 422, description = "reason-missing"),
        (status = 503, description = "audit-full"),
    )
)]
async fn disconnect(
    State(Broker { clients, audit }): State<Broker>,
    caller: Caller,
    request: Request,
) -> Result<Response, Problem> {
    caller.manage(Verb::Admin, Area::Clients)?;
    let query = Query::parse(request.uri().query(), &["reason", "session"])?;
    let reason = query.text("reason")?;
    let with_session = query.choice("session", &[("keep", false), ("end", true)])?.unwrap_or(false);
    let client_id = path::decode(behind(request.uri(), CLIENTS))?;
    let deed = Deed::new(&audit, &caller, "client.disconnect", &client_id).because(reason)?;
    let answer = to_the_end(|whole| async move {
        let mut begun = deed.begin(&whole).await?;
        match clients.disconnect(&client_id, with_session) {
            Disconnected::Done => {}
            Disconnected::SessionEnded { principal } => {
                begun.changed(Some(format!("session of {principal}")), Some("no session".to_owned()));
            }
            Disconnected::Unknown => return begun.ended(Err(unknown(&client_id))),
        }
        begun.ended(Ok(answer::with(StatusCode::NO_CONTENT, "application/json", Vec::new())))
    });
    answer.await
}

fn unknown(client_id: &str) -> Problem {
    let detail = format!("the broker has no session of a client '{}'", clipped(client_id));
    Problem::new(Kind::ClientNotFound, detail).ask([CLIENTS.to_owned()])
}
