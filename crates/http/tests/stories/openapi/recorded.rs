//! What is on record: reading it, and what is not done because it could not be.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::Request;
use factree_http::{Auditor, Caller, Reloaded, audit_router, clients_router, reload_router};
use tower::ServiceExt;

use super::deeds::Book;
use super::told::{Told, plant};
use crate::plant::log::Log;

const AUDIT: &str = "/api/v1/audit";
const HEAD: &str = "/api/v1/audit/head";

/// Deeds that are on record before they are done: method, path, address, body.
const DEEDS: [(&str, &str, &str, &str); 9] = [
    ("PUT", "/api/v1/values/{path}", "/api/v1/values/Acme/Dallas/Oven/Setpoint", r#"{"value": 1}"#),
    ("PUT", "/api/v1/values", "/api/v1/values?path=Acme/Dallas/Oven/Setpoint", r#"{"value": 1}"#),
    ("POST", super::REBIRTH, "/api/v1/edge-nodes/Acme%3ADallas%3APress/Line1/rebirth", ""),
    ("DELETE", super::NODE, "/api/v1/edge-nodes/Acme%3ADallas%3APress/Line1", ""),
    ("DELETE", super::DEVICE, "/api/v1/edge-nodes/Acme%3ADallas%3APress/Line1/devices/Robot3", ""),
    ("DELETE", "/api/v1/values/{path}", "/api/v1/values/Acme/Dallas/Oven/Setpoint", ""),
    ("DELETE", "/api/v1/values", "/api/v1/values?path=Acme/Dallas/Oven/Setpoint", ""),
    ("DELETE", "/api/v1/clients/{client_id}", "/api/v1/clients/press", ""),
    ("POST", "/api/v1/admin/reload", "/api/v1/admin/reload", ""),
];

pub(crate) async fn what_is_on_record(told: &mut Told) {
    let plant = plant();
    let log: Arc<Log> = Arc::clone(&plant.log);
    let auditor = || Arc::clone(&log) as Arc<dyn Auditor>;
    let router = plant
        .router()
        .merge(reload_router(Arc::new(|| Box::pin(std::future::ready(Ok(Reloaded::default())))), auditor()))
        .merge(clients_router(Arc::new(Book), auditor()))
        .merge(audit_router(auditor()))
        .layer(axum::Extension(Caller::open()));
    let to_read = [
        (AUDIT, "/api/v1/audit?limit=2"),
        (AUDIT, "/api/v1/audit?order=oldest&from=2026-01-01T00:00:00Z&verb=command&result=begun&cursor=MQ"),
        (AUDIT, "/api/v1/audit?format=csv"),
        (AUDIT, "/api/v1/audit?format=jsonl&principal=user%3Aanna"),
        (AUDIT, "/api/v1/audit?format=jsonl&limit=3"),
        (AUDIT, "/api/v1/audit?cursor=YQ"),
        (HEAD, HEAD),
        (HEAD, "/api/v1/audit/head?x=1"),
    ];
    for (path, uri) in to_read {
        ask(told, &router, ("GET", path), uri, "").await;
    }
    log.is_broken.store(true, Ordering::Relaxed);
    ask(told, &router, ("GET", AUDIT), AUDIT, "").await;
    log.requires_reason.store(true, Ordering::Relaxed);
    for (method, path, uri, body) in DEEDS {
        assert_eq!(ask(told, &router, (method, path), uri, body).await, 422, "{method} {uri}");
    }
    log.requires_reason.store(false, Ordering::Relaxed);
    log.is_full.store(true, Ordering::Relaxed);
    for (method, path, uri, body) in DEEDS {
        assert_eq!(ask(told, &router, (method, path), uri, body).await, 503, "{method} {uri}");
    }
    ask(told, &router, ("GET", HEAD), HEAD, "").await;
    assert_eq!(plant.published(), [], "nothing was done that is not on record");
}

async fn ask(told: &mut Told, router: &Router, of: (&str, &str), uri: &str, body: &str) -> u16 {
    let request = Request::builder().method(of.0).uri(uri).body(Body::from(body.to_owned())).unwrap();
    let (parts, body) = router.clone().oneshot(request).await.unwrap().into_parts();
    let body = String::from_utf8(to_bytes(body, usize::MAX).await.unwrap().to_vec()).unwrap();
    let content_type = parts.headers.get("content-type").map_or("", |it| it.to_str().unwrap());
    told.check(of, uri, parts.status, content_type, &body);
    parts.status.as_u16()
}
