//! Routes that the server crate answers, described here because it does not know OpenAPI.
//!
//! `interop/test_openapi.py` asks a whole server whatever the document allows, these among it.
//! Invariant: what stands here is what `crates/server/src/probes.rs` answers.

use utoipa_axum::routes;

use super::routes::{Description, Routes};
use super::shape;

pub(super) fn description() -> Description {
    Routes::<()>::new().at("/readyz", routes!(ready)).at("/metrics", routes!(metrics)).description()
}

/// Whether clients are served.
///
/// From the moment the listeners are bound until the shutdown begins; what an acknowledgement is worth, and whether one is
/// to be had. Who may not read `/metrics` learns the status alone.
#[utoipa::path(
    get, path = "/readyz", tag = "server", operation_id = "ready",
    responses(
        (status = 200, description = "They are.", body = shape::Readiness),
        (status = 503, description = "The server is stopping.", body = shape::Readiness),
    )
)]
async fn ready() {}

/// Figures for Prometheus.
#[utoipa::path(
    get, path = "/metrics", tag = "server", operation_id = "metrics",
    responses(
        (status = 200, description = "In Prometheus' text format.", body = String, content_type = "text/plain"),
        (status = 403, description = "not-allowed"),
    )
)]
async fn metrics() {}
