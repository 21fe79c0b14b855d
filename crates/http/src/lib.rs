//! The HTTP face of the tree: REST over live state, commands to the plant, problem documents for everything that goes wrong.
//!
//! [`router`] is all there is to call: it answers out of a [`Namespace`] and an [`Ingest`] that others fill, and owns
//! no listener, so the server decides about addresses, TLS and limits. Handlers are synchronous inside: they copy what
//! they need out from under a lock, let go, and write JSON. The contract is in [`dto`].
//!
//! Knows nothing of MQTT packets or Sparkplug payloads. Invariant: no lock is held across an await, and the tree's
//! never while ingest's is taken.
//!
//! | route | |
//! |---|---|
//! | `GET /api/v1/namespace[/{path}]?depth&limit&cursor&context` | an element with its children |
//! | `GET /api/v1/values/{path}?context` | one sample |
//! | `GET /api/v1/values?filter&limit&cursor&context` | the samples that a topic filter covers |
//! | `GET /api/v1/search?q&limit` | the elements that some words mean |
//! | `GET /api/v1/types?limit&cursor` | the types that Templates and the configuration define |
//! | `GET /api/v1/types/{name}?version` | one of them: versions, members, who defines it, deviations |
//! | `GET /api/v1/types/{name}/instances?version&limit&cursor` | the elements that are of it |
//! | `GET /api/v1/context?limit&cursor` | the documents that are context, as they are |
//! | `GET /api/v1/context/{path}?at` | what is or was in force at an element |
//! | `GET /api/v1/edge-nodes?limit&cursor` | all Edge Nodes |
//! | `GET /api/v1/edge-nodes/{group}/{edge_node}?metrics&limit&cursor` | one Edge Node |
//! | `GET /api/v1/edge-nodes/{group}/{edge_node}/conformance` | one Edge Node against every rule about Edge Nodes |
//! | `GET /api/v1/findings?tck_id&group&edge_node&client&level&since&limit&cursor` | which rules of Sparkplug were broken |
//! | `PUT /api/v1/values/{path}` | a command that sets a value |
//! | `GET /api/v1/commands/{id}` | what became of it |
//! | `POST /api/v1/edge-nodes/{group}/{edge_node}/rebirth` | asks an Edge Node to be born again |
//! | `GET /api/v1/attachments` | the foreign brokers we are attached to |
//! | `GET /api/v1/stream?filter&interval&fields&since&context` | what filters cover, and what changes: Server-Sent Events |
//! | `GET /api/v1/ws` | the same over a WebSocket |
//! | `GET /api/v1/placement?topic&metric` | which rule puts it where, and why others do not |
//! | `GET /api/v1/clients?limit&cursor` | the broker's clients ([`clients_router`]) |
//! | `GET`, `DELETE /api/v1/clients/{client_id}` | one of them, and the end of its connection |
//! | `POST /api/v1/admin/reload` | reads the configuration again ([`reload_router`]) |
//! | `/i3x/v1/…` | i3X 1.0 |
//! | `GET /healthz` | the process answers |
//! | `GET /`, `/ui/…` and the addresses of its pages | the web UI ([`ui_router`]) |

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::http::{Method, Uri};
use axum::response::Response;
use axum::routing::{get, post};
use factree_ingest::{Ingest, Now, Output};
use factree_namespace::Namespace;

pub use crate::reload::{Reload, Reloaded, reload_router};

use crate::problem::{Kind, Problem, clipped};

mod answer;
mod attachments;
mod clients;
mod commands;
mod context;
pub mod dto;
mod edge_nodes;
mod findings;
mod i3x;
mod json;
mod lookup;
mod message;
mod namespace;
mod nearest;
mod path;
mod placement;
mod problem;
mod query;
mod reload;
mod sample;
mod search;
mod stream;
mod type_reports;
mod ui;
mod values;
mod wanted;
mod web_socket;
mod wishes;

pub use attachments::{AttachmentCounters, AttachmentReport};
pub use clients::{
    ClientConnection, ClientReport, Clients, Disconnected, SUBSCRIPTIONS_SHOWN_MAX, SubscriptionReport, clients_router,
};
pub use i3x::{I3xLimits, I3xStats, I3xSubscriptions};
pub use message::MessageWriter;
pub use stream::{StreamLimits, StreamStats, Streams};
pub use ui::ui_router;

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
    /// The foreign brokers we are attached to, by the number that ingest knows them by. Called without a lock held.
    pub attachments: Arc<dyn Fn() -> Vec<AttachmentReport> + Send + Sync>,
    /// Who follows the tree.
    pub streams: Arc<Streams>,
    /// Who follows it by i3X.
    pub i3x: Arc<I3xSubscriptions>,
}

/// Every route of this crate, with JSON answers for the paths and methods that are none.
///
/// Paths of elements are taken from the URI as it is, so the router may be nested but nothing in front of it may decode
/// or normalise paths.
pub fn router(app: App) -> Router {
    Router::new()
        .route("/healthz", get(health))
        .route(NAMESPACE, get(namespace::root))
        .route(&format!("{NAMESPACE}/"), get(namespace::element))
        .route(&format!("{NAMESPACE}/{{*path}}"), get(namespace::element))
        .route(VALUES, get(values::many))
        .route(&format!("{VALUES}/"), get(values::one).put(commands::put))
        .route(&format!("{VALUES}/{{*path}}"), get(values::one).put(commands::put))
        .route(SEARCH, get(search::search))
        .route(TYPES, get(type_reports::list))
        .route(&format!("{TYPES}/{{name}}"), get(type_reports::one))
        .route(&format!("{TYPES}/{{name}}/instances"), get(type_reports::instances))
        .route(CONTEXT, get(context::list))
        .route(&format!("{CONTEXT}/{{*path}}"), get(context::at))
        .route(EDGE_NODES, get(edge_nodes::list))
        .route(&format!("{EDGE_NODES}/{{group}}/{{edge_node}}"), get(edge_nodes::one))
        .route(&format!("{EDGE_NODES}/{{group}}/{{edge_node}}/rebirth"), post(commands::rebirth))
        .route(&format!("{EDGE_NODES}/{{group}}/{{edge_node}}/conformance"), get(findings::conformance))
        .route(FINDINGS, get(findings::list))
        .route(&format!("{COMMANDS}/{{id}}"), get(commands::one))
        .route(ATTACHMENTS, get(attachments::list))
        .route(STREAM, get(stream::events))
        .route(WEB_SOCKET, get(web_socket::open))
        .route(PLACEMENT, get(placement::explain))
        .nest(i3x::ROUTE, i3x::router())
        .fallback(no_route)
        .method_not_allowed_fallback(wrong_method)
        .with_state(app)
}

/// A response ends after this many bytes, by one sample more, and says where to go on. Holds 10,000 samples of usual
/// size; fifty callers at once who never read cost 200 MB and no more.
const RESPONSE_BYTES_MAX: usize = 4 << 20;

const NAMESPACE: &str = "/api/v1/namespace";
const VALUES: &str = "/api/v1/values";
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

/// Liveness only: that this is answered at all is the answer.
async fn health() -> Response {
    answer::json(br#"{"status":"ok"}"#.to_vec())
}

async fn no_route(uri: Uri) -> Problem {
    let detail = format!("'{}' is no route of this API", clipped(uri.path()));
    Problem::new(Kind::RouteNotFound, detail).ask([NAMESPACE, VALUES, SEARCH, EDGE_NODES, FINDINGS].map(str::to_owned))
}

async fn wrong_method(method: Method, uri: Uri) -> Problem {
    let detail = format!(
        "'{}' does not take {}; the Allow header says what it does",
        clipped(uri.path()),
        clipped(method.as_str())
    );
    Problem::new(Kind::MethodNotAllowed, detail)
}
