//! `/metrics` and `/readyz`: what monitoring and orchestrators ask this process.
//!
//! They look at everything, broker and sockets and the machine, and so belong to the rim and not to the API's crate.
//! Invariant: a scrape holds no lock across an await, and each lock only as long as copying figures takes.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use factree_http::{Caller, I3xSubscriptions};
use factree_namespace::Namespace;

use crate::front::Reception;
use crate::gate::Gate;
use crate::hub::Hub;
use crate::metrics::{self, Scrape};
use crate::process::Process;

/// What they look at.
#[derive(Clone)]
pub(crate) struct Probes {
    pub(crate) hub: Arc<Hub>,
    pub(crate) gate: Arc<Gate>,
    pub(crate) reception: Arc<Reception>,
    pub(crate) namespace: Arc<Namespace>,
    pub(crate) i3x: Arc<I3xSubscriptions>,
    /// What an acknowledged message survives: `memory`, `process` or `power`.
    pub(crate) storage_mode: &'static str,
}

/// The routes.
pub(crate) fn router(probes: Probes) -> Router {
    let routes = Router::new().route("/metrics", get(scrape)).route("/readyz", get(ready));
    routes.method_not_allowed_fallback(factree_http::wrong_method).with_state(probes)
}

async fn scrape(
    caller: Caller,
    State(Probes { hub, gate, reception, namespace, i3x, storage_mode }): State<Probes>,
) -> Result<impl IntoResponse, Response> {
    caller.may_read_metrics().map_err(|refusal| *refusal)?;
    let text = metrics::render(&Scrape {
        figures: hub.figures(),
        plant: hub.plant_figures(),
        tree: namespace.stats(),
        contexts: namespace.contexts().stats(),
        streams: hub.streams().stats(),
        mirror: hub.face_figures(),
        i3x: i3x.stats(),
        process: Process::now(),
        traffic: hub.traffic(),
        gate: &gate,
        reception: &reception,
        storage_mode,
        disk: hub.disk(),
        audit: hub.audit(),
        outlets: hub.outlets(),
    });
    Ok(([(CONTENT_TYPE, metrics::CONTENT_TYPE), (CACHE_CONTROL, "no-store")], text))
}

/// Whether clients are served, from the moment the listeners are bound until the shutdown begins; what an acknowledgement
/// is worth, and whether one is to be had.
async fn ready(caller: Caller, State(Probes { hub, storage_mode, .. }): State<Probes>) -> impl IntoResponse {
    let (status, word) = match hub.is_stopping() {
        false => (StatusCode::OK, "ready"),
        true => (StatusCode::SERVICE_UNAVAILABLE, "stopping"),
    };
    // Who watches from outside learns whether, and nothing of how.
    if caller.may_read_metrics().is_err() {
        let body = format!(r#"{{"status":"{word}"}}"#);
        return (status, [(CONTENT_TYPE, "application/json"), (CACHE_CONTROL, "no-store")], body);
    }
    let disk = if hub.disk().is_full() { "full" } else { "ok" };
    let body = format!(r#"{{"status":"{word}","durability":"{storage_mode}","disk":"{disk}"}}"#);
    (status, [(CONTENT_TYPE, "application/json"), (CACHE_CONTROL, "no-store")], body)
}
