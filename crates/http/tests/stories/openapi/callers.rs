//! Who asks: what is refused for want of a grant, and everything that manages users, roles, keys and sessions.

use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::http::{Method, Request};
use factree_http::{
    Caller, Doorway, NoAudit, OverviewReport, Reloaded, audit_router, clients_router, events_router, overview_router,
    reload_router,
};
use tower::ServiceExt;

use super::deeds::Book;
use super::operations;
use super::told::{Told, plant};
use crate::plant::gate::{Gated, Gatekeeper};

async fn told_of(told: &mut Told, response: axum::response::Response, method: &str, path: &str, uri: &str) -> String {
    let (parts, body) = response.into_parts();
    let body = String::from_utf8(to_bytes(body, usize::MAX).await.unwrap().to_vec()).unwrap();
    let content_type = parts.headers.get("content-type").map_or("", |it| it.to_str().unwrap());
    told.check((method, path), uri, parts.status, content_type, &body);
    body
}

/// Every operation of the plant that says it may be refused, asked by somebody who may do nothing.
pub(crate) async fn who_may_not(told: &mut Told) {
    let reload = reload_router(Arc::new(|| Box::pin(std::future::ready(Ok(Reloaded::default())))), Arc::new(NoAudit));
    let router = plant()
        .bare
        .clone()
        .merge(reload)
        .merge(clients_router(Arc::new(Book), Arc::new(NoAudit)))
        .merge(audit_router(Arc::new(NoAudit)))
        .merge(events_router(Arc::new(|_, _| Vec::new())))
        .merge(overview_router(Arc::new(OverviewReport::default)));
    let nobody = Caller::nobody("127.0.0.1".parse().unwrap());
    let mut refused = 0;
    for (method, path, operation) in operations() {
        let says = operation["responses"]["403"]["description"].as_str().is_some_and(|it| it.contains("`not-allowed`"));
        if !says || operation["tags"][0] == "access" || path == "/metrics" {
            continue;
        }
        let named = [
            ("{path}", "Acme/Dallas/Oven/Setpoint"),
            ("{group}", "Acme:Dallas:Press"),
            ("{edge_node}", "Line1"),
            ("{device}", "Robot3"),
            ("{client_id}", "x"),
        ];
        let uri = named.iter().fold(path.clone(), |uri, (place, name)| uri.replace(place, name));
        let uri = match (method.as_str(), path.as_str()) {
            ("GET", "/api/v1/placement") => format!("{uri}?topic=a"),
            ("PUT" | "DELETE", "/api/v1/values") => format!("{uri}?path=Acme/Dallas/Oven/Setpoint"),
            _ => uri,
        };
        let who = if method == "PUT" || path.ends_with("rebirth") { reader() } else { nobody.clone() };
        let request = Request::builder().method(method.as_str()).uri(&uri).extension(who);
        let response = router.clone().oneshot(request.body(Body::from(r#"{"value": 1}"#)).unwrap()).await.unwrap();
        assert_eq!(response.status(), 403, "{method} {uri}");
        told_of(told, response, &method, &path, &uri).await;
        refused += 1;
    }
    assert!(refused >= 12, "{refused}");
}

/// Somebody who reads the whole tree and commands nothing.
fn reader() -> Caller {
    let keeper = Gatekeeper::new();
    keeper.user("reader", &["reader"]);
    let (key, _) = keeper.key("reader");
    let request = Request::get("/x").header("authorization", format!("Bearer {key}")).body(()).unwrap();
    keeper.doorway().caller(&request, "127.0.0.1".parse().unwrap()).expect("a good key")
}

const LOGIN: &str = "/api/v1/login";
const PASSWORD: &str = "/api/v1/me/password";
const USERS: &str = "/api/v1/users";
const USER: &str = "/api/v1/users/{name}";
const ROLES: &str = "/api/v1/roles";
const ROLE: &str = "/api/v1/roles/{name}";
const KEYS: &str = "/api/v1/keys";
const KEY: &str = "/api/v1/keys/{id}";
const SESSIONS: &str = "/api/v1/sessions";
const SESSION: &str = "/api/v1/sessions/{id}";
const DISABLED: &str = "/api/v1/disabled";
const NOT_LET_IN: &str = "/api/v1/disabled/{principal}";
const EXPLAIN: &str = "/api/v1/access/explain";

const ANNA: &str = r#"{"name": "anna", "password": "annaanna"}"#;
const OTHER: &str = r#"{"current": "annaanna", "new": "berta-berta"}"#;
const SOMEBODY: &str = r#"{"name": "new", "password": "newnewnew", "roles": ["reader"]}"#;
const GRANTS: &str = r#"{"grants": ["read tree:Acme/#"], "pins": []}"#;
const LABEL: &str = r#"{"label": "mine", "verbs": ["read"], "expires": "2999-01-31T12:00:00Z"}"#;

/// Who, how, which operation, at which address, with what, and what comes of it.
type Step<'a> = (&'a str, &'a str, &'a str, &'a str, &'a str, u16);

const STEPS: &[Step<'_>] = &[
    ("", "GET", "/api/v1/me", "/api/v1/me", "", 200),
    ("", "GET", "/api/v1/me", "/api/v1/me?x=1", "", 400),
    ("admin", "GET", "/api/v1/me", "/api/v1/me", "", 200),
    ("", "POST", LOGIN, LOGIN, ANNA, 200),
    ("", "POST", LOGIN, LOGIN, r#"{"name": "anna", "password": "wrong"}"#, 401),
    ("", "POST", LOGIN, LOGIN, r#"{"name": "anna"}"#, 400),
    ("", "POST", LOGIN, "/api/v1/login?x=1", ANNA, 400),
    ("", "POST", LOGIN, LOGIN, "large", 413),
    ("", "DELETE", LOGIN, LOGIN, "", 204),
    ("anna", "DELETE", LOGIN, "/api/v1/login?x=1", "", 400),
    ("anna", "PUT", PASSWORD, PASSWORD, r#"{"current": "wrong", "new": "berta-berta"}"#, 401),
    ("anna", "PUT", PASSWORD, PASSWORD, r#"{"current": "annaanna", "new": "short"}"#, 422),
    ("anna", "PUT", PASSWORD, PASSWORD, "[]", 400),
    ("anna", "PUT", PASSWORD, "/api/v1/me/password?x=1", OTHER, 400),
    ("anna", "PUT", PASSWORD, PASSWORD, "large", 413),
    ("key", "PUT", PASSWORD, PASSWORD, OTHER, 403),
    ("admin", "GET", USERS, "/api/v1/users?limit=1", "", 200),
    ("admin", "GET", USERS, "/api/v1/users?limit=0", "", 400),
    ("anna", "GET", USERS, USERS, "", 403),
    ("admin", "GET", USER, "/api/v1/users/anna", "", 200),
    ("admin", "GET", USER, "/api/v1/users/anna?x=1", "", 400),
    ("admin", "GET", USER, "/api/v1/users/%ff", "", 400),
    ("anna", "GET", USER, "/api/v1/users/anna", "", 403),
    ("admin", "GET", USER, "/api/v1/users/nobody", "", 404),
    ("admin", "POST", USERS, USERS, SOMEBODY, 201),
    ("admin", "POST", USERS, USERS, SOMEBODY, 409),
    ("admin", "POST", USERS, USERS, "{", 400),
    ("admin", "POST", USERS, "/api/v1/users?x=1", SOMEBODY, 400),
    ("anna", "POST", USERS, USERS, SOMEBODY, 403),
    ("admin", "POST", USERS, USERS, r#"{"name": "x", "roles": ["nobodys"]}"#, 404),
    ("admin", "POST", USERS, USERS, r#"{"name": "x\n"}"#, 422),
    ("admin", "POST", USERS, USERS, "large", 413),
    ("admin", "PUT", USER, "/api/v1/users/new", r#"{"roles": [], "password": "newnewnew", "disabled": true}"#, 200),
    ("admin", "PUT", USER, "/api/v1/users/new", "5", 400),
    ("admin", "PUT", USER, "/api/v1/users/new?x=1", "{}", 400),
    ("admin", "PUT", USER, "/api/v1/users/%ff", "{}", 400),
    ("anna", "PUT", USER, "/api/v1/users/anna", r#"{"roles": ["admin"]}"#, 403),
    ("admin", "PUT", USER, "/api/v1/users/nobody", "{}", 404),
    ("admin", "PUT", USER, "/api/v1/users/new", r#"{"roles": ["nobodys"]}"#, 404),
    ("admin", "PUT", USER, "/api/v1/users/root", r#"{"disabled": true}"#, 409),
    ("admin", "PUT", USER, "/api/v1/users/new", "large", 413),
    ("admin", "PUT", USER, "/api/v1/users/new", r#"{"password": "x"}"#, 422),
    ("admin", "GET", ROLES, ROLES, "", 200),
    ("admin", "GET", ROLES, "/api/v1/roles?x=1", "", 400),
    ("anna", "GET", ROLES, ROLES, "", 403),
    ("admin", "PUT", ROLE, "/api/v1/roles/fitter", GRANTS, 200),
    ("admin", "PUT", ROLE, "/api/v1/roles/fitter", "{}", 400),
    ("admin", "PUT", ROLE, "/api/v1/roles/fitter?x=1", GRANTS, 400),
    ("admin", "PUT", ROLE, "/api/v1/roles/%ff", GRANTS, 400),
    ("anna", "PUT", ROLE, "/api/v1/roles/fitter", GRANTS, 403),
    ("admin", "PUT", ROLE, "/api/v1/roles/admin", GRANTS, 409),
    ("admin", "PUT", ROLE, "/api/v1/roles/fitter", "large", 413),
    ("admin", "PUT", ROLE, "/api/v1/roles/fitter", r#"{"grants": ["read everything"]}"#, 422),
    ("admin", "GET", ROLE, "/api/v1/roles/fitter", "", 200),
    ("admin", "GET", ROLE, "/api/v1/roles/fitter?x=1", "", 400),
    ("admin", "GET", ROLE, "/api/v1/roles/%ff", "", 400),
    ("anna", "GET", ROLE, "/api/v1/roles/fitter", "", 403),
    ("admin", "GET", ROLE, "/api/v1/roles/nobodys", "", 404),
    ("admin", "PUT", USER, "/api/v1/users/new", r#"{"roles": ["fitter"]}"#, 200),
    ("admin", "DELETE", ROLE, "/api/v1/roles/fitter", "", 409),
    ("admin", "DELETE", ROLE, "/api/v1/roles/admin", "", 409),
    ("admin", "DELETE", ROLE, "/api/v1/roles/nobodys", "", 404),
    ("admin", "DELETE", ROLE, "/api/v1/roles/%ff", "", 400),
    ("admin", "DELETE", ROLE, "/api/v1/roles/fitter?x=1", "", 400),
    ("anna", "DELETE", ROLE, "/api/v1/roles/fitter", "", 403),
    ("admin", "DELETE", USER, "/api/v1/users/root", "", 409),
    ("admin", "DELETE", USER, "/api/v1/users/nobody", "", 404),
    ("admin", "DELETE", USER, "/api/v1/users/%ff", "", 400),
    ("admin", "DELETE", USER, "/api/v1/users/new?x=1", "", 400),
    ("anna", "DELETE", USER, "/api/v1/users/new", "", 403),
    ("full", "DELETE", USER, "/api/v1/users/new", "", 503),
    ("admin", "DELETE", USER, "/api/v1/users/new", "", 204),
    ("full", "DELETE", ROLE, "/api/v1/roles/fitter", "", 503),
    ("admin", "DELETE", ROLE, "/api/v1/roles/fitter", "", 204),
    ("anna", "POST", KEYS, KEYS, LABEL, 201),
    ("anna", "POST", KEYS, KEYS, "{}", 400),
    ("anna", "POST", KEYS, "/api/v1/keys?x=1", LABEL, 400),
    ("anna", "POST", KEYS, KEYS, r#"{"label": "x", "owner": "root"}"#, 403),
    ("key", "POST", KEYS, KEYS, LABEL, 403),
    ("admin", "POST", KEYS, KEYS, r#"{"label": "x", "owner": "nobody"}"#, 404),
    ("anna", "POST", KEYS, KEYS, "large", 413),
    ("anna", "POST", KEYS, KEYS, r#"{"label": "x", "expires": "1999-01-31T12:00:00Z"}"#, 422),
    ("anna", "POST", KEYS, KEYS, r#"{"label": "x", "roles": ["admin"]}"#, 422),
    ("anna", "POST", KEYS, KEYS, LABEL, 201),
    ("anna", "POST", KEYS, KEYS, LABEL, 409),
    ("anna", "GET", KEYS, "/api/v1/keys?limit=1", "", 200),
    ("anna", "GET", KEYS, "/api/v1/keys?limit=0", "", 400),
    ("key", "GET", KEYS, KEYS, "", 403),
    ("key", "DELETE", KEY, "/api/v1/keys/{key}", "", 403),
    ("anna", "DELETE", KEY, "/api/v1/keys/x", "", 404),
    ("anna", "DELETE", KEY, "/api/v1/keys/{key}?x=1", "", 400),
    ("full", "DELETE", KEY, "/api/v1/keys/{key}", "", 503),
    ("anna", "DELETE", KEY, "/api/v1/keys/{key}", "", 204),
    ("anna", "GET", SESSIONS, SESSIONS, "", 200),
    ("anna", "GET", SESSIONS, "/api/v1/sessions?limit=0", "", 400),
    ("key", "GET", SESSIONS, SESSIONS, "", 403),
    ("key", "DELETE", SESSION, "/api/v1/sessions/x", "", 403),
    ("anna", "DELETE", SESSION, "/api/v1/sessions/x", "", 404),
    ("anna", "DELETE", SESSION, "/api/v1/sessions/{session}?x=1", "", 400),
    ("full", "DELETE", SESSION, "/api/v1/sessions/{session}", "", 503),
    ("admin", "DELETE", SESSION, "/api/v1/sessions/{session}", "", 204),
    ("full", "PUT", NOT_LET_IN, "/api/v1/disabled/token:carl", "", 503),
    ("admin", "PUT", NOT_LET_IN, "/api/v1/disabled/token:carl", "", 204),
    ("admin", "PUT", NOT_LET_IN, "/api/v1/disabled/certificate:a%2Fb", "", 204),
    ("admin", "PUT", NOT_LET_IN, "/api/v1/disabled/token:one%20more", "", 409),
    ("admin", "PUT", NOT_LET_IN, "/api/v1/disabled/user:anna", "", 404),
    ("admin", "PUT", NOT_LET_IN, "/api/v1/disabled/token:x?x=1", "", 400),
    ("admin", "PUT", NOT_LET_IN, "/api/v1/disabled/%ff", "", 400),
    ("anna", "PUT", NOT_LET_IN, "/api/v1/disabled/token:x", "", 403),
    ("admin", "GET", DISABLED, "/api/v1/disabled?limit=1", "", 200),
    ("admin", "GET", DISABLED, "/api/v1/disabled?limit=0", "", 400),
    ("anna", "GET", DISABLED, DISABLED, "", 403),
    ("full", "DELETE", NOT_LET_IN, "/api/v1/disabled/token:carl", "", 503),
    ("admin", "DELETE", NOT_LET_IN, "/api/v1/disabled/token:carl", "", 204),
    ("admin", "DELETE", NOT_LET_IN, "/api/v1/disabled/token:carl", "", 404),
    ("admin", "DELETE", NOT_LET_IN, "/api/v1/disabled/token:x?x=1", "", 400),
    ("admin", "DELETE", NOT_LET_IN, "/api/v1/disabled/%ff", "", 400),
    ("anna", "DELETE", NOT_LET_IN, "/api/v1/disabled/token:x", "", 403),
    ("anna", "POST", EXPLAIN, EXPLAIN, r#"{"verb": "command", "topic": "spBv1.0/G/NCMD/E"}"#, 200),
    ("admin", "POST", EXPLAIN, EXPLAIN, r##"{"verb": "read", "elements": "Acme/#", "user": "anna"}"##, 200),
    ("anna", "POST", EXPLAIN, EXPLAIN, r#"{"verb": "read"}"#, 422),
    ("anna", "POST", EXPLAIN, EXPLAIN, r#"{"verb": "read", "area": "audit", "user": "root"}"#, 403),
    ("admin", "POST", EXPLAIN, EXPLAIN, r#"{"verb": "read", "area": "audit", "user": "nobody"}"#, 404),
    ("admin", "POST", EXPLAIN, EXPLAIN, "{", 400),
    ("admin", "POST", EXPLAIN, "/api/v1/access/explain?x=1", "{}", 400),
    ("admin", "POST", EXPLAIN, EXPLAIN, "large", 413),
    ("hasty", "POST", LOGIN, LOGIN, ANNA, 429),
    ("hasty", "PUT", PASSWORD, PASSWORD, OTHER, 429),
    ("hasty", "POST", USERS, USERS, SOMEBODY, 429),
    ("hasty", "PUT", USER, "/api/v1/users/anna", r#"{"password": "newnewnew"}"#, 429),
    ("full", "POST", LOGIN, LOGIN, r#"{"name": "root", "password": "rootroot"}"#, 503),
    ("full", "DELETE", LOGIN, LOGIN, "", 503),
    ("full", "PUT", PASSWORD, PASSWORD, r#"{"current": "rootroot", "new": "toor-toor"}"#, 503),
    ("full", "POST", USERS, USERS, r#"{"name": "x"}"#, 503),
    ("full", "PUT", USER, "/api/v1/users/anna", r#"{"disabled": false}"#, 503),
    ("full", "PUT", ROLE, "/api/v1/roles/fitter", GRANTS, 503),
    ("full", "POST", KEYS, KEYS, LABEL, 503),
    ("anna", "PUT", PASSWORD, PASSWORD, OTHER, 204),
];

/// Logging in, and managing who may, with everything that can go wrong.
pub(crate) async fn who_is_let_in(told: &mut Told) {
    let keeper = Gatekeeper::new();
    keeper.user("root", &["admin"]);
    keeper.user("anna", &["operator"]);
    let gated = Gated::new(keeper.doorway(), axum::Router::new());
    let (root, anna) = (keeper.session("root"), keeper.session("anna"));
    let (anna_key, _) = keeper.key("anna");
    let (mut key, session) = (String::new(), keeper.session_id(&keeper.session("anna").0));
    for (who, method, path, uri, body, expected) in STEPS {
        let body = if *body == "large" { " ".repeat(2 << 20) } else { (*body).to_owned() };
        let uri = uri.replace("{key}", &key).replace("{session}", &session);
        let request = Request::builder().method(*method).uri(&uri);
        let cookie = |(cookie, csrf): &(String, String)| (format!("factree={cookie}"), csrf.clone());
        let request = match *who {
            "admin" | "hasty" | "full" => {
                let (cookie, csrf) = cookie(&root);
                request.header("cookie", cookie).header("x-csrf-token", csrf)
            }
            "anna" => {
                let (cookie, csrf) = cookie(&anna);
                request.header("cookie", cookie).header("x-csrf-token", csrf)
            }
            "key" => request.header("authorization", format!("Bearer {anna_key}")),
            _ => request,
        };
        *keeper.is_hasty.lock().unwrap() = *who == "hasty";
        *keeper.is_full.lock().unwrap() = *who == "full";
        let response = gated.answer(request.body(Body::from(body)).unwrap()).await;
        assert_eq!(response.status().as_u16(), *expected, "{who}: {method} {uri}");
        let text = told_of(told, response, method, path, &uri).await;
        if *path == KEYS && *expected == 201 {
            key = serde_json::from_str::<serde_json::Value>(&text).unwrap()["id"].as_str().unwrap().to_owned();
        }
    }
    bounds(told).await;
    where_nobody_logs_in(told).await;
}

/// As many as there may be.
async fn bounds(told: &mut Told) {
    let keeper = Gatekeeper::new();
    keeper.user("root", &["admin"]);
    let gated = Gated::new(keeper.doorway(), axum::Router::new());
    let (root, _) = keeper.key("root");
    let ask = async |method: Method, uri: String, body: String| {
        let request = Request::builder().method(method).uri(uri).header("authorization", format!("Bearer {root}"));
        gated.answer(request.body(Body::from(body)).unwrap()).await
    };
    for number in 0.. {
        let response = ask(Method::POST, USERS.to_owned(), format!(r#"{{"name": "u{number}"}}"#)).await;
        if response.status() != 201 {
            told_of(told, response, "POST", USERS, USERS).await;
            break;
        }
    }
    for number in 0.. {
        let uri = format!("/api/v1/roles/r{number}");
        let response = ask(Method::PUT, uri.clone(), GRANTS.to_owned()).await;
        if response.status() != 200 {
            told_of(told, response, "PUT", ROLE, &uri).await;
            break;
        }
    }
    let roles: Vec<String> = ["reader", "writer", "operator", "r0"].map(str::to_owned).to_vec();
    let body = serde_json::json!({"roles": roles}).to_string();
    let response = ask(Method::PUT, "/api/v1/users/u0".to_owned(), body).await;
    told_of(told, response, "PUT", USER, "/api/v1/users/u0").await;
}

/// An open server has no directory: every operation that needs one says so.
async fn where_nobody_logs_in(told: &mut Told) {
    let gated = Gated::new(Doorway::open(), axum::Router::new());
    let mut said = 0;
    for (method, path, operation) in operations() {
        let conflict = operation["responses"]["409"]["description"].as_str().unwrap_or_default();
        if !conflict.contains("`no-logins`") {
            continue;
        }
        let uri = path.replace("{name}", "x").replace("{id}", "x");
        let body = if path == EXPLAIN { r#"{"verb": "read", "element": "x", "user": "y"}"# } else { "{}" };
        let request = Request::builder().method(method.as_str()).uri(&uri).body(Body::from(body)).unwrap();
        let response = gated.answer(request).await;
        assert_eq!(response.status(), 409, "{method} {uri}");
        told_of(told, response, &method, &path, &uri).await;
        said += 1;
    }
    assert!(said >= 15, "{said}");
}
