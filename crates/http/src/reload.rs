//! `POST /api/v1/admin/reload`: the configuration is read again.
//!
//! A router of its own, because reading files is the caller's: it hands in what does it. An answer comes when everything
//! stands where the new rules say.
//! Invariant: a configuration that is refused changes nothing.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::Uri;
use axum::response::Response;
use factree_auth::{Area, Verb};
use factree_ingest::Replaced;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::routes;

use crate::audit::{Auditor, Deed, reason_of, to_the_end};
use crate::caller::Caller;
use crate::openapi::routes::Routes;
use crate::problem::{Kind, Problem};
use crate::{answer, dto};

/// What has come of reading the configuration again.
#[derive(Clone, Debug, Default)]
pub struct Reloaded {
    /// What has moved.
    pub replaced: Replaced,
    /// Keys of the file that have changed since the start and need a restart, as `mqtt.listen`.
    pub restart_needed: Vec<String>,
    /// What changed in the file, as it was when it was read last; none: nothing. For the record, so without secrets.
    pub old: Option<String>,
    /// The same as it is now, and what tells this configuration from others.
    pub new: Option<String>,
    /// What could not be done though the file is valid, as sentences.
    pub warnings: Vec<String>,
}

/// Reads the configuration again; an error is for the operator, and says why nothing has changed. Polled to its end, whoever
/// asked: half a move is never left.
pub type Reload =
    Arc<dyn Fn() -> Pin<Box<dyn Future<Output = Result<Reloaded, String>> + Send + 'static>> + Send + Sync>;

/// Where the configuration is read again.
pub(crate) const RELOAD: &str = "/api/v1/admin/reload";

/// What the route answers from.
#[derive(Clone)]
pub(crate) struct Configuration {
    reload: Reload,
    audit: Arc<dyn Auditor>,
}

/// The route alone.
pub fn reload_router(reload: Reload, audit: Arc<dyn Auditor>) -> Router {
    routes().router().method_not_allowed_fallback(crate::wrong_method).with_state(Configuration { reload, audit })
}

pub(crate) fn routes() -> Routes<Configuration> {
    Routes::new().at(RELOAD, routes!(answer_reload))
}

/// What has come of reading the configuration again.
#[derive(Serialize, ToSchema)]
#[schema(as = Reload)]
pub(crate) struct Body {
    /// Edge Nodes and plain topics.
    sources_moved: usize,
    metrics_moved: usize,
    /// What could not be moved, for want of room.
    refused: usize,
    /// What stands under `_conflicts` now.
    conflicts: usize,
    /// Keys of the file that have changed since the start and need a restart, as `mqtt.listen`.
    restart_needed: Vec<String>,
    /// What could not be done though the file is valid.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    warnings: Vec<String>,
}

/// Read the configuration again.
///
/// Placement rules and declared elements change while everything runs; what is in the tree moves with its samples.
#[utoipa::path(
    post, path = "/api/v1/admin/reload", tag = "server", operation_id = "reload",
    params(("reason" = Option<String>, Query, description = "Why, for the audit log; at most 1,024 bytes.")),
    responses(
        (status = 200, description = "It is in force, and everything stands where it says.", body = Body),
        (status = 400, description = "bad-parameter"),
        (status = 403, description = "not-allowed, cross-site"),
        (status = 422, description = "configuration-refused, reason-missing"),
        (status = 503, description = "audit-full"),
    )
)]
async fn answer_reload(
    State(Configuration { reload, audit }): State<Configuration>,
    caller: Caller,
    uri: Uri,
) -> Result<Response, Problem> {
    caller.manage(Verb::Admin, Area::Config)?;
    let deed = Deed::new(&audit, &caller, "config.reload", "configuration").because(reason_of(&uri)?)?;
    let reloaded = to_the_end(|whole| async move {
        let mut begun = deed.begin(&whole).await?;
        let reloaded = reload().await.map_err(|why| Problem::new(Kind::ConfigurationRefused, why));
        if let Ok(Reloaded { old, new, .. }) = &reloaded {
            begun.changed(old.clone(), new.clone());
        }
        begun.ended(reloaded)
    });
    let Reloaded { replaced, restart_needed, warnings, old: _, new: _ } = reloaded.await?;
    let Replaced { sources_moved, metrics_moved, refused, conflicts } = replaced;
    let body = Body { sources_moved, metrics_moved, refused, conflicts, restart_needed, warnings };
    Ok(answer::json(dto::to_json(&body)))
}
