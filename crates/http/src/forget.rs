//! `DELETE /api/v1/edge-nodes/{group}/{edge_node}`, of one of its Devices, and of the plain topics at a path: what will not come
//! back leaves the tree, and what is kept for a restart.
//!
//! It is done by whoever has broker, tree and disk ([`App::forget`](crate::App)), and answered when the disk has it.
//! Invariant: what somebody may not see is not there for him, and so is not forgotten either.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use factree_auth::{Area, Verb};
use factree_ingest::{ForgetRefused, Forgotten};

use crate::audit::{Deed, reason_of, to_the_end};
use crate::caller::Caller;
use crate::json::Clock;
use crate::problem::{Kind, Problem, clipped};
use crate::query::{Query, refused};
use crate::{App, EDGE_NODES, VALUES, answer, behind, edge_nodes, lookup, path};

/// What somebody wants to be forgotten.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Forgettable {
    /// An Edge Node with its Devices, or one Device of it.
    EdgeNode {
        /// Group id.
        group: String,
        /// Edge Node id.
        edge_node: String,
        /// Device id.
        device: Option<String>,
    },
    /// The plain topics that stand at a path.
    Topics {
        /// The path.
        path: String,
    },
}

/// Forgets something; resolves when that is on disk. Called without a lock held.
pub type Forget =
    Arc<dyn Fn(Forgettable) -> Pin<Box<dyn Future<Output = Result<Forgotten, ForgetRefused>> + Send>> + Send + Sync>;

/// Forget an Edge Node.
///
/// With its Devices: elements, samples, Births and their certificates, findings. Only while it is not online; should it be born again,
/// it is new. Who has waited under `_conflicts` for one of its paths has it at once. It is on disk when it is answered.
#[utoipa::path(
    delete, path = "/api/v1/edge-nodes/{group}/{edge_node}", tag = "sparkplug", operation_id = "forget_edge_node",
    params(
        ("group" = String, Path, description = "Its group id, percent-encoded.", example = "Acme:Dallas:Press"),
        ("edge_node" = String, Path, description = "Its Edge Node id, percent-encoded.", example = "Line1"),
        ("reason" = Option<String>, Query, description = "Why, for the audit log; at most 1,024 bytes."),
    ),
    responses(
        (status = 204, description = "It is forgotten."),
        (status = 400, description = "bad-path, bad-parameter"),
        (status = 403, description = "not-allowed, cross-site"),
        (status = 404, description = "edge-node-not-found"),
        (status = 409, description = "online"),
        (status = 422, description = "reason-missing"),
        (status = 503, description = "audit-full"),
    )
)]
pub(crate) async fn edge_node(State(app): State<App>, caller: Caller, uri: Uri) -> Result<Response, Problem> {
    let reason = reason_of(&uri)?;
    let (group, edge_node) = edge_nodes::named(&uri)?;
    forget_edge_node(app, caller, (group, edge_node, None), reason).await
}

/// Forget a Device.
///
/// As an Edge Node, which stays and may be online.
#[utoipa::path(
    delete, path = "/api/v1/edge-nodes/{group}/{edge_node}/devices/{device}", tag = "sparkplug",
    operation_id = "forget_device",
    params(
        ("group" = String, Path, description = "Its group id, percent-encoded.", example = "Acme:Dallas:Press"),
        ("edge_node" = String, Path, description = "Its Edge Node id, percent-encoded.", example = "Line1"),
        ("device" = String, Path, description = "Its Device id, percent-encoded.", example = "Robot3"),
        ("reason" = Option<String>, Query, description = "Why, for the audit log; at most 1,024 bytes."),
    ),
    responses(
        (status = 204, description = "It is forgotten."),
        (status = 400, description = "bad-path, bad-parameter"),
        (status = 403, description = "not-allowed, cross-site"),
        (status = 404, description = "edge-node-not-found"),
        (status = 409, description = "online"),
        (status = 422, description = "reason-missing"),
        (status = 503, description = "audit-full"),
    )
)]
pub(crate) async fn device(State(app): State<App>, caller: Caller, uri: Uri) -> Result<Response, Problem> {
    let reason = reason_of(&uri)?;
    let (group, edge_node) = edge_nodes::named(&uri)?;
    let device = behind(&uri, EDGE_NODES).rsplit('/').next().expect("the route ends in its id");
    let device = path::decode(device)?;
    forget_edge_node(app, caller, (group, edge_node, Some(device)), reason).await
}

async fn forget_edge_node(
    app: App,
    caller: Caller,
    (group, edge_node, device): (String, String, Option<String>),
    reason: Option<String>,
) -> Result<Response, Problem> {
    caller.manage(Verb::Admin, Area::Config)?;
    let target = match &device {
        None => format!("{group}/{edge_node}"),
        Some(device) => format!("{group}/{edge_node}/{device}"),
    };
    let deed = Deed::new(&app.audit, &caller, "forget", target).because(reason)?;
    let unknown = match &device {
        None => edge_nodes::unknown(&group, &edge_node),
        Some(device) => {
            let (edge_node, device) = (clipped(&edge_node), clipped(device));
            Problem::new(Kind::EdgeNodeNotFound, format!("no Device '{device}' of an Edge Node '{edge_node}' is known"))
        }
    };
    let what = Forgettable::EdgeNode { group, edge_node, device };
    carry_out(app, deed, what, unknown).await
}

/// Forget a plain topic.
///
/// The plain topics that stand at this path, with the fields of their documents: elements, samples, what is kept of them, and the
/// retained message. Other topics below the path stay, and so does what an Edge Node owns. Who publishes it again makes it anew.
#[utoipa::path(
    delete, path = "/api/v1/values/{path}", tag = "values", operation_id = "forget_topic",
    params(
        ("path" = String, Path, description = "Names joined by `/`, each percent-encoded on its own.", example =
            "Acme/Dallas/Order"),
        ("reason" = Option<String>, Query, description = "Why, for the audit log; at most 1,024 bytes."),
    ),
    responses(
        (status = 204, description = "It is forgotten."),
        (status = 400, description = "bad-path, bad-parameter"),
        (status = 403, description = "not-allowed, cross-site"),
        (status = 404, description = "element-not-found"),
        (status = 409, description = "no-plain-topic"),
        (status = 422, description = "reason-missing"),
        (status = 503, description = "audit-full"),
    )
)]
pub(crate) async fn topic(State(app): State<App>, caller: Caller, uri: Uri) -> Result<Response, Problem> {
    let reason = reason_of(&uri)?;
    let path = path::decode(behind(&uri, VALUES))?;
    forget_topic(app, caller, path, reason).await
}

/// Forget a plain topic, by query.
///
/// As by path. For browsers, which resolve names that are `.` or `..` even where they are percent-encoded.
#[utoipa::path(
    delete, path = "/api/v1/values", tag = "values", operation_id = "forget_topic_by_query",
    params(
        ("path" = String, Query, description = "The element, as its path stands in samples.", example = "Acme/Dallas/Order"),
        ("reason" = Option<String>, Query, description = "Why, for the audit log; at most 1,024 bytes."),
    ),
    responses(
        (status = 204, description = "It is forgotten."),
        (status = 400, description = "bad-parameter"),
        (status = 403, description = "not-allowed, cross-site"),
        (status = 404, description = "element-not-found"),
        (status = 409, description = "no-plain-topic"),
        (status = 422, description = "reason-missing"),
        (status = 503, description = "audit-full"),
    )
)]
pub(crate) async fn topic_by_query(State(app): State<App>, caller: Caller, uri: Uri) -> Result<Response, Problem> {
    let query = Query::parse(uri.query(), &["path", "reason"])?;
    let path =
        query.text("path")?.ok_or_else(|| refused("path", "say which with ?path=, or put it behind /values/"))?;
    forget_topic(app, caller, path, query.text("reason")?).await
}

async fn forget_topic(app: App, caller: Caller, path: String, reason: Option<String>) -> Result<Response, Problem> {
    caller.manage(Verb::Admin, Area::Config)?;
    lookup::find(&caller.sight(&app.namespace), &path)?;
    let deed = Deed::new(&app.audit, &caller, "forget", &path).because(reason)?;
    let unknown = Problem::new(Kind::ElementNotFound, format!("'{}' is gone already", clipped(&path)));
    carry_out(app, deed, Forgettable::Topics { path }, unknown).await
}

async fn carry_out(app: App, deed: Deed, what: Forgettable, unknown: Problem) -> Result<Response, Problem> {
    let answer = to_the_end(|whole| async move {
        let begun = deed.begin(&whole).await?;
        let forgotten = (app.forget)(what).await.map_err(|why| match why {
            ForgetRefused::Unknown | ForgetRefused::Moving => unknown,
            ForgetRefused::Online { since } => online(since),
            ForgetRefused::NoTopic => {
                let detail = "no plain topic stands at this path; what an Edge Node owns goes with that: \
                              DELETE /api/v1/edge-nodes/{group}/{edge_node}";
                Problem::new(Kind::NoPlainTopic, detail)
            }
        });
        begun.ended(forgotten)
    });
    answer.await?;
    Ok(answer::with(StatusCode::NO_CONTENT, "application/json", Vec::new()))
}

fn online(since: factree_namespace::Timestamp) -> Problem {
    let since = Clock::text(since);
    let detail = format!("it is online since {since}: stop it, or disconnect its client, and ask again");
    Problem::new(Kind::Online, detail)
}
