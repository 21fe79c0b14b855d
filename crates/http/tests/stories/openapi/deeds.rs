//! What changes something, or needs a plant of its own: commands, bounds, a reload, the broker's clients.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::http::{HeaderValue, Request};
use factree_http::{
    ClientConnection, ClientReport, Clients, Disconnected, EventKind, EventReport, NoAudit, Reloaded, StreamLimits,
    SubscriptionReport, clients_router, events_router, overview_router, reload_router,
};
use factree_ingest::{Limits, SessionKey};
use factree_namespace::Timestamp;
use tower::ServiceExt;

use super::told::{Told, get, plant};
use super::{DEVICE, NODE, READ, REBIRTH, TRIAL, VALUE, VALUES};
use crate::plant::payload::{Value as Metric, payload};
use crate::plant::{NOON, Plant};

/// Commands and bulk reads, and what is refused of them.
pub(crate) async fn what_is_sent(told: &mut Told) {
    let plant = plant();
    let put = |path: &str, body: &str| {
        Request::put(format!("/api/v1/values/{path}")).body(Body::from(body.to_owned())).unwrap()
    };
    let speed = "Acme/Dallas/Press/Line1/Robot3/Speed";
    let large = "x".repeat(2 << 20);
    for (path, body) in [
        (speed, r#"{"value": 21.5}"#),
        ("Acme/Dallas/Oven/Setpoint", r#"{"value": 181.5}"#),
        ("Acme/Dallas/Oven/Setpoint", r#"{"value": 301}"#),
        (speed, "{"),
        (speed, r#"{"value": "fast"}"#),
        (speed, &large),
        ("Acme/Dallas/Press/Line1/Robot3/Speed?x=1", r#"{"value": 1}"#),
        ("%ff", r#"{"value": 1}"#),
        ("Acme", r#"{"value": 1}"#),
        ("Acne", r#"{"value": 1}"#),
        ("Acme/Dallas/Press/Line1/bdSeq", r#"{"value": 1}"#),
        ("Acme/Dallas/Paint/Line9/Node%20Control/Rebirth", r#"{"value": true}"#),
        ("Acme/Dallas/Press/Line1/Node%20Control/Rebirth", r#"{"value": true}"#),
        ("Acme/Dallas/Press/Line1/Node%20Control/Rebirth", r#"{"value": true}"#),
    ] {
        told.ask(&plant, VALUE, put(path, body)).await;
        let (path, more) = path.split_once('?').map_or((path, ""), |(path, more)| (path, more));
        let by_query = Request::put(format!("{VALUES}?path={path}&{more}")).body(Body::from(body.to_owned())).unwrap();
        told.ask(&plant, VALUES, by_query).await;
    }
    for query in ["?path=Acme/Dallas/Oven/Setpoint", "?path=Acme/..", ""] {
        let request = Request::put(format!("/api/v1/values{query}")).body(Body::from(r#"{"value": 182.5}"#)).unwrap();
        told.ask(&plant, "/api/v1/values", request).await;
    }
    let foreign = Request::put("/api/v1/values/Acme").header("host", "evil.example").body(Body::empty()).unwrap();
    told.ask(&plant, VALUE, foreign).await;
    told.ask(&plant, "/api/v1/commands/{id}", get("/api/v1/commands/1769860800012")).await;

    plant.wait(Duration::from_secs(60));
    for (node, header) in [
        ("Acme:Dallas:Press/Line1/rebirth", "x"),
        ("Acme:Dallas:Press/Line1/rebirth", "x"),
        ("Acme:Dallas:Press/Line1/rebirth?x=1", "x"),
        ("Acme:Dallas:Press/Line1/rebirth", "sec-fetch-site"),
        ("Acme:Dallas:Paint/Line9/rebirth", "x"),
        ("Acme/Line9/rebirth", "x"),
        ("%ff/Line9/rebirth", "x"),
    ] {
        let request = Request::post(format!("/api/v1/edge-nodes/{node}")).header(header, "cross-site");
        told.ask(&plant, REBIRTH, request.body(Body::empty()).unwrap()).await;
    }
    for body in [
        r#"{"paths": ["Acme/Dallas/Press/Line1/Robot3/Speed", "Acme", "Acne", ""], "fields": ["value"], "context": true}"#,
        r#"{"paths": [], "since": "19c13ec9e00-1"}"#,
        r#"{"paths": ["Acme"], "since": "yesterday"}"#,
        r#"{"paths": "Acme"}"#,
        &large,
    ] {
        told.ask(&plant, READ, Request::post(READ).body(Body::from(body.to_owned())).unwrap()).await;
    }
    for (query, body) in [
        ("", r#"{"rule": {"group": "{enterprise}:{site}:{area}", "kinds": {"area": "unit"}}}"#),
        ("", r#"{"rule": {"group": "{site}:Dallas:{area}", "node": "{work_center}"}, "at": 1}"#),
        ("", r#"{"rule": "{site}"}"#),
        ("?at=1", r#"{"rule": {"group": "{site}"}}"#),
        ("", &large),
    ] {
        told.ask(&plant, TRIAL, Request::post(format!("{TRIAL}{query}")).body(Body::from(body.to_owned())).unwrap())
            .await;
    }
}

/// What is to be forgotten, and what is not.
pub(crate) async fn what_is_forgotten(told: &mut Told) {
    let plant = plant();
    let nodes = "/api/v1/edge-nodes";
    for (operation, uri) in [
        (NODE, format!("{nodes}/Acme:Dallas:Press/Line1")),
        (NODE, format!("{nodes}/Acme/Line9")),
        (NODE, format!("{nodes}/%ff/Line9")),
        (NODE, format!("{nodes}/Acme/Line9?x=1")),
        (DEVICE, format!("{nodes}/Acme:Dallas:Press/Line1/devices/Robot3")),
        (DEVICE, format!("{nodes}/Acme:Dallas:Press/Line1/devices/Robot9")),
        (DEVICE, format!("{nodes}/Acme:Dallas:Press/Line1/devices/%ff")),
        (DEVICE, format!("{nodes}/Acme:Dallas:Press/Line1/devices/Robot3?x=1")),
        (VALUE, format!("{VALUES}/Acme/Dallas/Press/Line1/Robot3/Speed")),
        (VALUE, format!("{VALUES}/Acne")),
        (VALUE, format!("{VALUES}/%ff")),
        (VALUE, format!("{VALUES}/Acme?x=1")),
        (VALUE, format!("{VALUES}/Acme/Dallas/Oven/Setpoint?reason=moved")),
        (VALUES, format!("{VALUES}?path=Acme/Dallas/Oven/Setpoint")),
        (VALUES, format!("{VALUES}?path=Acme")),
        (VALUES, VALUES.to_owned()),
    ] {
        told.ask(&plant, operation, Request::delete(uri).body(Body::empty()).unwrap()).await;
    }
    plant.publish(9, "Acme/Dallas/Oven/Setpoint", b"1");
    let by_query = format!("{VALUES}?path=Acme/Dallas/Oven/Setpoint&reason=moved");
    told.ask(&plant, VALUES, Request::delete(by_query).body(Body::empty()).unwrap()).await;
    plant.happen(|batch| (0..9).for_each(|session| batch.session_ended(SessionKey(session))));
    for (operation, uri) in [
        (DEVICE, format!("{nodes}/Acme:Dallas:Press/Line1/devices/Robot3")),
        (NODE, format!("{nodes}/Acme:Dallas:Press/Line1?reason=scrapped")),
        (NODE, format!("{nodes}/Acme:Dallas:Press/Line1")),
    ] {
        told.ask(&plant, operation, Request::delete(uri).body(Body::empty()).unwrap()).await;
    }
}

/// Where everything has its bounds.
pub(crate) async fn when_there_is_too_much(told: &mut Told) {
    let one = std::num::NonZeroU32::new(1).unwrap();
    let limits = StreamLimits { streams_max: one, web_sockets_max: one, ..StreamLimits::default() };
    let plant =
        Plant::within(Limits { commands_max: std::num::NonZeroUsize::new(1).unwrap(), ..Limits::default() }, limits);
    let born = [("bdSeq", None, Metric::Int64(3)), ("Speed", Some(1), Metric::Float(1.5))];
    plant.publish(1, "spBv1.0/Acme:Dallas:Press/NBIRTH/Line1", &payload(NOON, 0, &born));
    for _ in 0..2 {
        let path = "Acme/Dallas/Press/Line1/Speed";
        for (operation, uri) in [(VALUE, format!("{VALUES}/{path}")), (VALUES, format!("{VALUES}?path={path}"))] {
            told.ask(&plant, operation, Request::put(uri).body(Body::from(r#"{"value": 2.5}"#)).unwrap()).await;
        }
    }
    let _held = plant.follow("filter=%23").await;
    told.ask(&plant, "/api/v1/stream", get("/api/v1/stream?filter=%23")).await;
    plant.streams.close();
    let key = Request::get("/api/v1/ws").header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==");
    let key = key.header("connection", "upgrade").header("upgrade", "websocket").header("sec-websocket-version", "13");
    let upgrade = hyper::upgrade::on(Request::new(Body::empty()));
    let key = key.extension(upgrade);
    told.ask(&plant, "/api/v1/ws", key.body(Body::empty()).unwrap()).await;
}

/// The configuration that is read again, or not.
pub(crate) async fn what_is_reloaded(told: &mut Told) {
    const RELOAD: &str = "/api/v1/admin/reload";
    for (uri, header, outcome) in [
        (
            RELOAD,
            "x",
            Ok(Reloaded {
                restart_needed: vec!["mqtt.listen".into()],
                warnings: vec!["w".into()],
                ..Reloaded::default()
            }),
        ),
        (RELOAD, "x", Err("no such file".to_owned())),
        (RELOAD, "sec-fetch-site", Ok(Reloaded::default())),
        ("/api/v1/admin/reload?x=1", "x", Ok(Reloaded::default())),
    ] {
        let router = reload_router(Arc::new(move || Box::pin(std::future::ready(outcome.clone()))), Arc::new(NoAudit))
            .layer(axum::Extension(factree_http::Caller::open()));
        let request = Request::post(uri).header(header, "cross-site").body(Body::empty()).unwrap();
        let (parts, body) = router.oneshot(request).await.unwrap().into_parts();
        let body = String::from_utf8(to_bytes(body, usize::MAX).await.unwrap().to_vec()).unwrap();
        let content_type = parts.headers["content-type"].to_str().unwrap();
        told.check(("POST", RELOAD), uri, parts.status, content_type, &body);
    }
}

/// The broker's clients, and the end of one's connection.
pub(crate) async fn who_is_connected(told: &mut Told) {
    const CLIENTS: &str = "/api/v1/clients";
    const CLIENT: &str = "/api/v1/clients/{client_id}";
    let router = clients_router(Arc::new(Book), Arc::new(NoAudit)).layer(axum::Extension(factree_http::Caller::open()));
    let from = |site: &str, request: axum::http::request::Builder| request.header("sec-fetch-site", site);
    let tagged = |uri: &str, tag: Option<&HeaderValue>| {
        let request = from("same-origin", Request::get(uri));
        tag.into_iter().fold(request, |request, tag| request.header("if-none-match", tag))
    };
    let mut questions = Vec::new();
    for (path, uri) in [(CLIENTS, "/api/v1/clients?limit=1"), (CLIENT, "/api/v1/clients/press/gateway")] {
        let plain = tagged(uri, None).body(Body::empty()).unwrap();
        let answer = router.clone().oneshot(plain).await.unwrap();
        questions.push((path, tagged(uri, None)));
        questions.push((path, tagged(uri, answer.headers().get("etag"))));
    }
    for (path, uri) in [
        (CLIENTS, "/api/v1/clients?limit=0"),
        (CLIENT, "/api/v1/clients/nobody"),
        (CLIENT, "/api/v1/clients/%ff"),
        (CLIENT, "/api/v1/clients/nobody?x=1"),
    ] {
        questions.push((path, tagged(uri, None)));
    }
    for (site, uri) in [
        ("same-origin", "/api/v1/clients/press/gateway"),
        ("same-origin", "/api/v1/clients/sleeper"),
        ("same-origin", "/api/v1/clients/nobody"),
        ("same-origin", "/api/v1/clients/%ff"),
        ("same-origin", "/api/v1/clients/nobody?x=1"),
        ("cross-site", "/api/v1/clients/nobody"),
    ] {
        questions.push((CLIENT, from(site, Request::delete(uri))));
    }
    for (path, request) in questions {
        let request = request.body(Body::empty()).unwrap();
        let (method, uri) = (request.method().clone(), request.uri().to_string());
        let (parts, body) = router.clone().oneshot(request).await.unwrap().into_parts();
        let body = String::from_utf8(to_bytes(body, usize::MAX).await.unwrap().to_vec()).unwrap();
        let content_type = parts.headers.get("content-type").map_or("", |it| it.to_str().unwrap());
        told.check((method.as_str(), path), &uri, parts.status, content_type, &body);
    }
}

/// What happened last.
pub(crate) async fn what_happened(told: &mut Told) {
    const EVENTS: &str = "/api/v1/events";
    let texts = |text: &str| Some(text.to_owned());
    let event = EventReport {
        number: 2,
        at: Timestamp(NOON),
        kind: EventKind::ClientRefused,
        group: None,
        edge_node: None,
        device: None,
        client_id: texts("press-gateway"),
        address: Some("127.0.0.1:50112".parse().unwrap()),
        about: None,
        text: texts("its password is wrong"),
    };
    let died = EventReport {
        number: 1,
        kind: EventKind::DeviceDied,
        group: texts("Acme:Dallas"),
        edge_node: texts("Line1"),
        device: texts("Robot3"),
        client_id: None,
        address: None,
        about: texts("a/b"),
        ..event.clone()
    };
    let router = events_router(Arc::new(move |limit, _| vec![event.clone(), died.clone()][..limit.min(2)].to_vec()));
    let router = router.layer(axum::Extension(factree_http::Caller::open()));
    let known = router.clone().oneshot(get(EVENTS)).await.unwrap().headers()["etag"].clone();
    for (uri, tag) in [(EVENTS, "x"), (EVENTS, known.to_str().unwrap()), ("/api/v1/events?limit=0", "x")] {
        let request = Request::get(uri).header("if-none-match", tag).body(Body::empty()).unwrap();
        let (parts, body) = router.clone().oneshot(request).await.unwrap().into_parts();
        let body = String::from_utf8(to_bytes(body, usize::MAX).await.unwrap().to_vec()).unwrap();
        let content_type = parts.headers.get("content-type").map_or("", |it| it.to_str().unwrap());
        told.check(("GET", EVENTS), uri, parts.status, content_type, &body);
    }
}

/// How everything is.
pub(crate) async fn how_it_is(told: &mut Told) {
    const OVERVIEW: &str = "/api/v1/overview";
    let router = overview_router(Arc::new(crate::overview::report));
    let router = router.layer(axum::Extension(factree_http::Caller::open()));
    let known = router.clone().oneshot(get(OVERVIEW)).await.unwrap().headers()["etag"].clone();
    for (uri, tag) in [(OVERVIEW, "x"), (OVERVIEW, known.to_str().unwrap()), ("/api/v1/overview?limit=1", "x")] {
        let request = Request::get(uri).header("if-none-match", tag).body(Body::empty()).unwrap();
        let (parts, body) = router.clone().oneshot(request).await.unwrap().into_parts();
        let body = String::from_utf8(to_bytes(body, usize::MAX).await.unwrap().to_vec()).unwrap();
        let content_type = parts.headers.get("content-type").map_or("", |it| it.to_str().unwrap());
        told.check(("GET", OVERVIEW), uri, parts.status, content_type, &body);
    }
}

/// A gateway that is connected, and somebody who sleeps.
pub(crate) struct Book;

impl Clients for Book {
    fn page(&self, _after: Option<&str>, limit: usize) -> Vec<ClientReport> {
        ["press/gateway", "sleeper"].iter().take(limit).filter_map(|client_id| self.one(client_id)).collect()
    }

    fn one(&self, client_id: &str) -> Option<ClientReport> {
        let connection = ClientConnection {
            number: 14,
            version: "5.0",
            address: "127.0.0.1:50112".parse().unwrap(),
            username: Some("press".to_owned()),
            since: Timestamp(NOON),
            last_packet: Timestamp(NOON + 12),
            keep_alive: Duration::from_secs(60),
        };
        let connection = match client_id {
            "press/gateway" => Some(connection),
            "sleeper" => None,
            _ => return None,
        };
        Some(ClientReport {
            client_id: client_id.to_owned(),
            principal: "user:press".to_owned(),
            session_expiry: connection.as_ref().map(|_| Duration::from_secs(3600)),
            subscriptions: connection.as_ref().map(|_| vec![SubscriptionReport { filter: "b/#".to_owned(), qos: 2 }]),
            connection,
            subscriptions_len: 1,
            queue_len: 3,
            queue_bytes: 90,
            in_flight: 1,
            published: 4711,
            delivered: 12,
            dropped: 2,
        })
    }

    fn disconnect(&self, client_id: &str, _: bool) -> Disconnected {
        match self.one(client_id) {
            None => Disconnected::Unknown,
            Some(client) if client.connection.is_some() => Disconnected::Done,
            Some(client) => Disconnected::SessionEnded { principal: client.principal },
        }
    }
}
