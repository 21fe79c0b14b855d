//! Who hangs up before he is answered: what is on record as begun is done, and has an end there.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;

use axum::body::Body;
use axum::http::Request;
use factree_auth::audit::{Outcome, OwnedEntry};
use factree_http::{Auditor, ClientReport, Clients, Disconnected, Reloaded, clients_router, reload_router};
use factree_ingest::SessionKey;

use crate::plant::gate::{Gated, Gatekeeper};
use crate::plant::log::Log;
use crate::plant::payload::{Value as Metric, payload};
use crate::plant::{NOON, Plant};

struct Book;

impl Clients for Book {
    fn page(&self, _: Option<&str>, _: usize) -> Vec<ClientReport> {
        Vec::new()
    }
    fn one(&self, _: &str) -> Option<ClientReport> {
        None
    }
    fn disconnect(&self, _: &str, _: bool) -> Disconnected {
        Disconnected::Done
    }
}

/// As often as a task may be polled until something has happened that needs no clock and no other thread.
const POLLS: usize = 1_000;

/// Each thing that is on record before it is done.
const DEEDS: [(&str, &str, &str); 14] = [
    ("PUT", "/api/v1/values/Acme/Dallas/Press/Line1/Speed", r#"{"value": 2.5}"#),
    ("PUT", "/api/v1/values?path=Acme/Dallas/Press/Line1/Speed", r#"{"value": 2.5}"#),
    (
        "PUT",
        "/i3x/v1/objects/value",
        r#"{"updates": [{"elementId": "Acme/Dallas/Press/Line1/Speed", "value": {"value": 2.5}}]}"#,
    ),
    ("POST", "/api/v1/edge-nodes/Acme%3ADallas%3APress/Line1/rebirth", ""),
    ("DELETE", "/api/v1/edge-nodes/Acme%3ADallas%3APress/Scrap?reason=old", ""),
    ("DELETE", "/api/v1/edge-nodes/Acme%3ADallas%3APress/Scrap/devices/Robot3", ""),
    ("DELETE", "/api/v1/values/Acme/Junk", ""),
    ("DELETE", "/api/v1/clients/press", ""),
    ("POST", "/api/v1/admin/reload", ""),
    ("POST", "/api/v1/users", r#"{"name": "dora", "password": "correct horse", "roles": []}"#),
    ("PUT", "/api/v1/users/anna", r#"{"roles": ["admin"]}"#),
    ("PUT", "/api/v1/roles/fitter", r#"{"grants": ["read tree:#"]}"#),
    ("POST", "/api/v1/keys", r#"{"label": "historian", "owner": "anna"}"#),
    ("DELETE", "/api/v1/users/anna", ""),
];

fn plant() -> Plant {
    let plant = Plant::new();
    plant.happen(|batch| batch.session_started(SessionKey(1), "press-gateway"));
    let metrics = [
        ("bdSeq", None, Metric::Int64(3)),
        ("Node Control/Rebirth", None, Metric::Boolean(false)),
        ("Speed", None, Metric::Float(1.5)),
    ];
    plant.publish(1, "spBv1.0/Acme:Dallas:Press/NBIRTH/Line1", &payload(NOON, 0, &metrics));
    plant.publish(1, "Acme/Junk", b"1");
    plant.publish(2, "spBv1.0/Acme:Dallas:Press/NBIRTH/Scrap", &payload(NOON, 0, &metrics));
    plant.publish(2, "spBv1.0/Acme:Dallas:Press/DBIRTH/Scrap/Robot3", &payload(NOON, 1, &metrics[2..]));
    plant.happen(|batch| batch.session_ended(SessionKey(2)));
    plant
}

fn gated(plant: &Plant) -> (Gated, Arc<Gatekeeper>, String) {
    let keeper = Gatekeeper::new();
    keeper.user("root", &["admin"]);
    keeper.user("anna", &[]);
    let (key, _) = keeper.key("root");
    let auditor = || Arc::clone(&plant.log) as Arc<dyn Auditor>;
    let reload = Arc::new(|| Box::pin(reloading()) as Pin<Box<dyn Future<Output = _> + Send>>);
    let routes =
        plant.bare.clone().merge(reload_router(reload, auditor())).merge(clients_router(Arc::new(Book), auditor()));
    (Gated::recorded(keeper.doorway(), routes, Some(auditor())), keeper, key)
}

/// Takes several steps, as reading files does.
async fn reloading() -> Result<Reloaded, String> {
    tokio::task::yield_now().await;
    Ok(Reloaded { new: Some("http.hosts".to_owned()), ..Reloaded::default() })
}

/// Polls a request until something is so, and hangs up.
async fn hang_up_when(gated: &Gated, request: Request<Body>, mut is_so: impl FnMut() -> bool) {
    let mut asked = pin!(gated.answer(request));
    for _ in 0..POLLS {
        let is_pending = poll_fn(|context| Poll::Ready(asked.as_mut().poll(context).is_pending())).await;
        assert!(is_pending, "it waits for the log");
        if is_so() {
            return;
        }
        tokio::task::yield_now().await;
    }
    panic!("it never came so far");
}

async fn until(mut is_so: impl FnMut() -> bool) -> bool {
    for _ in 0..POLLS {
        if is_so() {
            return true;
        }
        tokio::task::yield_now().await;
    }
    false
}

fn count(log: &Log, is_meant: impl Fn(&OwnedEntry) -> bool) -> usize {
    log.entries.lock().unwrap().iter().filter(|entry| is_meant(entry)).count()
}

#[tokio::test]
async fn what_is_begun_has_an_end_on_record_though_the_asker_is_gone() {
    for (method, uri, body) in DEEDS {
        let plant = plant();
        let (gated, _, key) = gated(&plant);
        let log = &plant.log;
        log.is_slow.send_replace(true);
        let request = Request::builder().method(method).uri(uri).header("authorization", format!("Bearer {key}"));
        let request = request.header("content-type", "application/json").body(Body::from(body)).unwrap();
        hang_up_when(&gated, request, || count(log, |entry| entry.outcome == Outcome::Begun) == 1).await;
        log.is_slow.send_replace(false);
        let has_ended = || {
            let done = count(log, |entry| entry.outcome == Outcome::Done);
            done + log.followed.lock().unwrap().len() == 1
        };
        assert!(until(has_ended).await, "{method} {uri}: {:?}", log.entries.lock().unwrap());
    }
}

#[tokio::test]
async fn who_tries_a_password_and_hangs_up_is_on_record() {
    for (password, outcome) in [("rootroot", Outcome::Done), ("wrong", Outcome::Refused)] {
        let plant = plant();
        let (gated, keeper, _) = gated(&plant);
        keeper.is_slow.send_replace(true);
        let body = format!(r#"{{"name": "root", "password": "{password}"}}"#);
        let request = Request::post("/api/v1/login").header("content-type", "application/json");
        hang_up_when(&gated, request.body(Body::from(body)).unwrap(), || keeper.is_slow.receiver_count() == 1).await;
        keeper.is_slow.send_replace(false);
        let is_told = || count(&plant.log, |entry| entry.verb == "log in" && entry.outcome == outcome) == 1;
        assert!(until(is_told).await, "{:?}", plant.log.entries.lock().unwrap());
    }
}
