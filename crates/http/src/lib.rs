//! The HTTP face of the tree: REST over live state, commands to the plant, problem documents for everything that goes wrong.
//!
//! [`router`] is all there is to call: it answers out of a [`Namespace`] and an [`Ingest`] that others fill, and owns
//! no listener, so the server decides about addresses, TLS and limits. A [`Guard`] belongs in front of the routes, and
//! a [`Doorway`] that says of each request who sends it ([`Caller`]; without one it is refused); [`seal`] belongs behind. Handlers are synchronous inside: they copy what
//! they need out from under a lock, let go, and write JSON. The contract is in [`dto`].
//!
//! Knows nothing of MQTT packets or Sparkplug payloads. Invariant: no lock is held across an await, and the tree's
//! never while ingest's is taken.
//!
//! Which routes there are, [`openapi()`] says: each is described where it is handled, and none can be without. i3X below
//! `/i3x/v1`, which has a document of its own, and the files of the web UI ([`ui_router`]) are not in it.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::FromRef;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use factree_ingest::{Ingest, Now, Output};
use factree_namespace::Namespace;
use utoipa_axum::routes;

pub use crate::reload::{Reload, Reloaded, reload_router};

use crate::openapi::routes::Routes;
use crate::openapi::shape;
use crate::problem::{Kind, Problem, clipped};

mod access;
mod answer;
mod attachments;
mod audit;
mod bulk;
mod caller;
mod clients;
mod commands;
mod context;
mod docs;
mod doorway;
pub mod dto;
mod edge_nodes;
mod events;
mod findings;
mod forget;
mod guard;
pub mod guide;
mod i3x;
mod json;
mod large;
mod login;
mod lookup;
mod message;
mod namespace;
mod nearest;
mod openapi;
mod overview;
mod path;
mod placement;
mod problem;
mod query;
mod reload;
mod sample;
mod search;
mod stream;
mod trial;
mod type_reports;
mod ui;
mod values;
mod wanted;
mod web_socket;
mod wishes;

pub use access::access_router;
pub use attachments::{AttachmentCounters, AttachmentReport};
pub use audit::{
    AuditHead, AuditPage, Auditor, NoAudit, Order, Recording, Records, audit_router, is_told, note_refusal,
};
pub use caller::{By, Caller};
pub use clients::{
    ClientConnection, ClientReport, Clients, Disconnected, SUBSCRIPTIONS_SHOWN_MAX, SubscriptionReport, clients_router,
};
pub use doorway::{Authority, Changed, CommandFailed, Doorway, NotLetIn, Pending, Shown};
pub use events::{EventKind, EventReport, Events, events_router};
pub use forget::{Forget, Forgettable};
pub use guard::{Guard, GuardLimits, UpgradeGuard, seal};
pub use i3x::{I3xLimits, I3xStats, I3xSubscriptions};
pub use message::MessageWriter;
pub use openapi::openapi;
pub use overview::{
    AWAY_SHOWN_MAX, ClientCounts, MessageCounts, Overlook, OverviewReport, PlantCounts, Room, StorageReport,
    overview_router,
};
pub use stream::{StreamLimits, StreamStats, Streams};
pub use ui::ui_router;
pub use values::Shortcut;

/// What the routes answer from.
#[derive(Clone)]
pub struct App {
    /// The tree.
    pub namespace: Arc<Namespace>,
    /// What is known about Edge Nodes. Locked for as long as it takes to copy a report.
    pub ingest: Arc<Mutex<Ingest>>,
    /// Both clocks, for what depends on the time.
    pub clock: Arc<dyn Fn() -> Now + Send + Sync>,
    /// Does what ingest wants done. Called without a lock held; it may take that of ingest, and does not wait for anything
    /// else.
    pub say: Arc<dyn Fn(Vec<Output>) + Send + Sync>,
    /// Forgets what will not come back.
    pub forget: Forget,
    /// The foreign brokers we are attached to, by the number that ingest knows them by. Called without a lock held.
    pub attachments: Arc<dyn Fn() -> Vec<AttachmentReport> + Send + Sync>,
    /// Who follows the tree.
    pub streams: Arc<Streams>,
    /// Who follows it by i3X.
    pub i3x: Arc<I3xSubscriptions>,
    /// Who keeps the record of what is done.
    pub audit: Arc<dyn Auditor>,
}

/// For handlers that are not called often enough to mind a copy of all this; the others take the `Arc` itself.
impl FromRef<Arc<App>> for App {
    fn from_ref(app: &Arc<App>) -> App {
        App::clone(app)
    }
}

/// Every route of this crate, with JSON answers for the paths and methods that are none.
///
/// Paths of elements are taken from the URI as it is, so the router may be nested but nothing in front of it may decode
/// or normalise paths.
pub fn router(app: App) -> Router {
    let described = routes().router().nest(i3x::ROUTE, i3x::router());
    described.fallback(no_route).method_not_allowed_fallback(wrong_method).with_state(Arc::new(app))
}

/// Every route with its description; see `openapi/routes.rs`.
fn routes() -> Routes<Arc<App>> {
    Routes::new()
        .at("/healthz", routes!(health))
        .at(NAMESPACE, routes!(namespace::root))
        .at(&format!("{NAMESPACE}/{{*path}}"), routes!(namespace::element))
        // The path that is one empty name.
        .or_at(&format!("{NAMESPACE}/"), get(namespace::element))
        .at(VALUES, routes!(values::many, commands::put_by_query, forget::topic_by_query))
        .at(&format!("{VALUES}/{{*path}}"), routes!(values::one, commands::put, forget::topic))
        .or_at(&format!("{VALUES}/"), get(values::one).put(commands::put).delete(forget::topic))
        .at(READ, routes!(bulk::read))
        // An element may be called so.
        .or_at(READ, get(values::one).put(commands::put))
        .at(SEARCH, routes!(search::search))
        .at(TYPES, routes!(type_reports::list))
        .at(&format!("{TYPES}/{{name}}"), routes!(type_reports::one))
        .at(&format!("{TYPES}/{{name}}/instances"), routes!(type_reports::instances))
        .at(CONTEXT, routes!(context::list))
        .at(&format!("{CONTEXT}/{{*path}}"), routes!(context::at))
        .or_at(&format!("{CONTEXT}/"), get(context::at))
        .at(EDGE_NODES, routes!(edge_nodes::list))
        .at(&format!("{EDGE_NODES}/{{group}}/{{edge_node}}"), routes!(edge_nodes::one, forget::edge_node))
        .at(&format!("{EDGE_NODES}/{{group}}/{{edge_node}}/devices/{{device}}"), routes!(forget::device))
        .at(&format!("{EDGE_NODES}/{{group}}/{{edge_node}}/rebirth"), routes!(commands::rebirth))
        .at(&format!("{EDGE_NODES}/{{group}}/{{edge_node}}/conformance"), routes!(findings::conformance))
        .at(FINDINGS, routes!(findings::list))
        .at(&format!("{COMMANDS}/{{id}}"), routes!(commands::one))
        .at(ATTACHMENTS, routes!(attachments::list))
        .at(STREAM, routes!(stream::events))
        .at(WEB_SOCKET, routes!(web_socket::open))
        .at(PLACEMENT, routes!(placement::explain))
        .at(&format!("{PLACEMENT}/try"), routes!(trial::attempt))
        .at(openapi::OPENAPI, routes!(openapi::serve))
        .at(docs::DOCS, routes!(docs::page))
        .at(docs::STYLE, routes!(docs::style))
}

/// A response ends after this many bytes, by one sample more, and says where to go on. Holds 10,000 samples of usual
/// size; fifty callers at once who never read cost 200 MB and no more.
const RESPONSE_BYTES_MAX: usize = 4 << 20;

const NAMESPACE: &str = "/api/v1/namespace";
const VALUES: &str = "/api/v1/values";
const READ: &str = "/api/v1/values/read";
const CONTEXT: &str = "/api/v1/context";
const SEARCH: &str = "/api/v1/search";
const COMMANDS: &str = "/api/v1/commands";
const PLACEMENT: &str = "/api/v1/placement";
const TYPES: &str = "/api/v1/types";
const EDGE_NODES: &str = "/api/v1/edge-nodes";
const ATTACHMENTS: &str = "/api/v1/attachments";
const FINDINGS: &str = "/api/v1/findings";
const STREAM: &str = "/api/v1/stream";
const WEB_SOCKET: &str = "/api/v1/ws";

/// What stands behind `route/` in the URI, still encoded. The router has matched the prefix; it is taken off here, and
/// not read from axum's parameters, because those are decoded already and `a%2Fb` would look like `a/b`.
fn behind<'a>(uri: &'a Uri, route: &str) -> &'a str {
    let rest = uri.path().strip_prefix(route).and_then(|rest| rest.strip_prefix('/'));
    rest.expect("the router has matched this prefix")
}

/// The process answers.
///
/// Liveness only: that this is answered at all is the answer. `/readyz` says whether clients are served.
#[utoipa::path(
    get, path = "/healthz", tag = "server", operation_id = "health",
    responses((status = 200, description = "It does.", body = shape::Health))
)]
async fn health() -> Response {
    answer::json(br#"{"status":"ok"}"#.to_vec())
}

/// Whoever is told as a page that there is no such page knows where he is.
async fn no_route(method: Method, uri: Uri, headers: HeaderMap) -> Response {
    if ui::is_visit(&method, &headers) && !uri.path().starts_with("/api/") && !uri.path().starts_with(i3x::ROUTE) {
        return ui::page_instead(StatusCode::NOT_FOUND);
    }
    no_such_route(&uri).into_response()
}

fn no_such_route(uri: &Uri) -> Problem {
    let detail = format!("'{}' is no route of this API", clipped(uri.path()));
    Problem::new(Kind::RouteNotFound, detail).ask([NAMESPACE, VALUES, SEARCH, EDGE_NODES, FINDINGS].map(str::to_owned))
}

/// The answer to a method that a route does not take: a problem document, for routes that others have beside ours too.
pub async fn wrong_method(method: Method, uri: Uri) -> impl IntoResponse {
    let detail = format!(
        "'{}' does not take {}; the Allow header says what it does",
        clipped(uri.path()),
        clipped(method.as_str())
    );
    Problem::new(Kind::MethodNotAllowed, detail)
}
