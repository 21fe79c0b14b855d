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
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use axum::routing::post;
use factree_ingest::Replaced;
use serde::Serialize;

use crate::commands::from_our_own;
use crate::problem::{Kind, Problem};
use crate::query::Query;
use crate::{answer, dto};

/// What has come of reading the configuration again.
#[derive(Clone, Debug, Default)]
pub struct Reloaded {
    /// What has moved.
    pub replaced: Replaced,
    /// Keys of the file that have changed since the start and need a restart, as `mqtt.listen`.
    pub restart_needed: Vec<String>,
    /// What could not be done though the file is valid, as sentences.
    pub warnings: Vec<String>,
}

/// Reads the configuration again; an error is for the operator, and says why nothing has changed.
pub type Reload =
    Arc<dyn Fn() -> Pin<Box<dyn Future<Output = Result<Reloaded, String>> + Send + 'static>> + Send + Sync>;

/// Where the configuration is read again.
pub(crate) const RELOAD: &str = "/api/v1/admin/reload";

/// The route alone.
pub fn reload_router(reload: Reload) -> Router {
    Router::new().route(RELOAD, post(answer_reload)).method_not_allowed_fallback(crate::wrong_method).with_state(reload)
}

#[derive(Serialize)]
struct Body {
    sources_moved: usize,
    metrics_moved: usize,
    refused: usize,
    conflicts: usize,
    restart_needed: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<String>,
}

async fn answer_reload(State(reload): State<Reload>, headers: HeaderMap, uri: Uri) -> Result<Response, Problem> {
    from_our_own(&headers)?;
    Query::parse(uri.query(), &[])?;
    let Reloaded { replaced, restart_needed, warnings } =
        reload().await.map_err(|why| Problem::new(Kind::ConfigurationRefused, why))?;
    let Replaced { sources_moved, metrics_moved, refused, conflicts } = replaced;
    let body = Body { sources_moved, metrics_moved, refused, conflicts, restart_needed, warnings };
    Ok(answer::json(dto::to_json(&body)))
}
