//! Every operation × everybody who may ask: what each is told, and that no name of what he may not read is in it.
//!
//! Whatever is called `zq…` is somebody else's. Operations come from the document, those of i3X from i3X's, so a new one that is
//! not in the table fails.

mod commanding;
mod following;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use crate::plant::gate::{Gated, Gatekeeper, name};
use crate::plant::payload::{Value as Metric, payload};
use crate::plant::{NOON, Plant};
use axum::body::Body;
use axum::http::{Request, StatusCode};
use factree_http::{
    ClientReport, Clients, Disconnected, NoAudit, OverviewReport, Reloaded, audit_router, clients_router,
    events_router, openapi, overview_router, reload_router, ui_router,
};
use factree_ingest::SessionKey;
use factree_namespace::{ContextRule, ContextScope, Filter};
use futures_util::StreamExt;
use serde_json::Value;

/// What the grants of the two are about.
const OURS: &str = "Acme/Dallas/Press";

/// Who asks: each with what he shows.
struct Asker {
    who: &'static str,
    key: Option<String>,
}

const NOBODY: usize = 0;
const WITHOUT: usize = 1;
const READER: usize = 2;
const OPERATOR: usize = 3;
const ADMIN: usize = 4;
const REVOKED: usize = 5;

/// A press that is ours, a vault that is not, and what is said about both.
fn plant() -> Plant {
    let plant = Plant::new();
    plant.happen(|batch| {
        batch.session_started(SessionKey(1), "press-gateway");
        batch.session_started(SessionKey(2), "zq-gateway");
    });
    let born = |metric: &'static str| {
        [
            ("bdSeq", None, Metric::Int64(3)),
            ("Node Control/Rebirth", None, Metric::Boolean(false)),
            (metric, None, Metric::Float(1.5)),
        ]
    };
    plant.publish(1, "spBv1.0/Acme:Dallas:Press/NBIRTH/Line1", &payload(NOON, 0, &born("Speed")));
    plant.publish(1, "spBv1.0/Acme:Dallas:Press/DBIRTH/Line1/Robot3", &payload(NOON, 1, &born("Load")[2..]));
    plant.publish(2, "spBv1.0/Acme:Dallas:zqVault/NBIRTH/zqLine", &payload(NOON, 0, &born("zqSpeed")));
    plant.publish(2, "spBv1.0/zqCorp:zqSite/NBIRTH/zqLine", &payload(NOON, 0, &born("zqLoad")));
    plant.publish(2, "spBv1.0/zqCorp:zqSite/NDATA/zqLine", &payload(NOON, 7, &born("zqLoad")[2..]));
    let rule = |name: &str, path: &str| ContextRule {
        name: name.into(),
        path: Filter::parse(path).unwrap(),
        scope: ContextScope::Above(1),
        fields: None,
    };
    plant.contexts(vec![rule("order", "Acme/Dallas/Press/Order"), rule("zqshift", "Acme/zqShift")]);
    plant.publish(3, "Acme/zqShift", br#"{"zqname": "zqearly"}"#);
    plant.publish(3, "Acme/Dallas/Press/Order", br#"{"Number": 4711}"#);
    plant.published();
    plant
}

fn gate() -> (Arc<Gatekeeper>, [Asker; 6]) {
    let keeper = Gatekeeper::new();
    keeper.role("press-reader", &[&format!("read tree:{OURS}/#")]);
    keeper.role("press-operator", &[&format!("read,command tree:{OURS}/#")]);
    for (user, roles) in [
        ("without", &[][..]),
        ("reader", &["press-reader"]),
        ("operator", &["press-operator"]),
        ("zqadmin", &["admin"]),
        ("gone", &["admin"]),
    ] {
        keeper.user(user, roles);
    }
    let (gone, revoke) = keeper.key("gone");
    keeper.command(revoke);
    let key = |user: &str| Some(keeper.key(user).0);
    let askers = [
        Asker { who: "nobody", key: None },
        Asker { who: "without", key: key("without") },
        Asker { who: "reader", key: key("reader") },
        Asker { who: "operator", key: key("operator") },
        Asker { who: "admin", key: key("zqadmin") },
        Asker { who: "revoked", key: Some(gone) },
    ];
    (keeper, askers)
}

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

fn routes(plant: &Plant) -> axum::Router {
    let reload = reload_router(Arc::new(|| Box::pin(std::future::ready(Ok(Reloaded::default())))), Arc::new(NoAudit));
    plant
        .bare
        .clone()
        .merge(reload)
        .merge(clients_router(Arc::new(Book), Arc::new(NoAudit)))
        .merge(audit_router(Arc::new(NoAudit)))
        .merge(events_router(Arc::new(|_, _| Vec::new())))
        .merge(overview_router(Arc::new(OverviewReport::default)))
        .merge(ui_router())
}

fn request(asker: &Asker, method: &str, uri: &str, body: &str) -> Request<Body> {
    let request = Request::builder().method(method).uri(uri).header("content-type", "application/json");
    let request = match &asker.key {
        Some(key) => request.header("authorization", format!("Bearer {key}")),
        None => request,
    };
    request.body(Body::from(body.to_owned())).unwrap()
}

/// Status, and what was told: of a stream, what comes in the first tenth of a second.
async fn told(gated: &Gated, request: Request<Body>) -> (StatusCode, String) {
    let (parts, body) = gated.answer(request).await.into_parts();
    let is_stream = parts.headers.get("content-type").is_some_and(|it| it == "text/event-stream");
    let (mut body, mut text) = (body.into_data_stream(), Vec::new());
    // Time stands still but for timers, so nothing is waited for.
    while let Ok(Some(Ok(bytes))) = tokio::time::timeout(Duration::from_millis(100), body.next()).await {
        text.extend_from_slice(&bytes);
        if is_stream && text.len() > 1 << 20 {
            break;
        }
    }
    (parts.status, String::from_utf8(text).unwrap())
}

/// Operation, its request, and the statuses of nobody, without, reader, operator, admin, revoked.
type Row = (&'static str, &'static str, &'static str, &'static str, [u16; 6]);

const ALL: [u16; 6] = [200; 6];
/// There for who may read the press.
const PRESS: [u16; 6] = [401, 404, 200, 200, 200, 401];
/// There for who may read everything.
const VAULT: [u16; 6] = [401, 404, 404, 404, 200, 401];
/// Lists: everybody has one, with what is his.
const LIST: [u16; 6] = [401, 200, 200, 200, 200, 401];
/// Parts of Factree.
const AREA: [u16; 6] = [401, 403, 403, 403, 200, 401];

const TABLE: &[Row] = &[
    ("health", "GET", "/healthz", "", ALL),
    ("browse_root", "GET", "/api/v1/namespace?depth=20&context=true", "", LIST),
    ("browse_root", "GET", "/api/v1/namespace?depth=20&path=Acme/Dallas/Press", "", PRESS),
    ("browse_root", "GET", "/api/v1/namespace?path=Acme/Dallas/zqVault", "", VAULT),
    ("browse", "GET", "/api/v1/namespace/Acme/Dallas/Press?depth=20&context=true", "", PRESS),
    ("browse", "GET", "/api/v1/namespace/Acme?depth=20&context=true", "", PRESS),
    ("browse", "GET", "/api/v1/namespace/Acme/Dallas/zqVault", "", VAULT),
    ("browse", "GET", "/api/v1/namespace/Acme/Dallas/zqVaul", "", [401, 404, 404, 404, 404, 401]),
    ("read_value", "GET", "/api/v1/values/Acme/Dallas/Press/Line1/Speed?context=true", "", PRESS),
    ("read_value", "GET", "/api/v1/values/Acme/Dallas/zqVault/zqLine/zqSpeed?context=true", "", VAULT),
    ("read_values", "GET", "/api/v1/values?filter=%23&context=true", "", LIST),
    ("read_values", "GET", "/api/v1/values?filter=Acme/Dallas/zqVault/%23", "", LIST),
    (
        "read_paths",
        "POST",
        "/api/v1/values/read",
        r#"{"paths": ["Acme/Dallas/Press/Line1/Speed"], "context": true}"#,
        LIST,
    ),
    ("search", "GET", "/api/v1/search?q=speed", "", LIST),
    ("search", "GET", "/api/v1/search?q=z", "", LIST),
    ("list_types", "GET", "/api/v1/types", "", LIST),
    ("read_type", "GET", "/api/v1/types/Pump", "", [401, 404, 404, 404, 404, 401]),
    ("list_instances", "GET", "/api/v1/types/Pump/instances", "", [401, 404, 404, 404, 404, 401]),
    ("list_contexts", "GET", "/api/v1/context", "", LIST),
    ("read_context", "GET", "/api/v1/context/Acme/Dallas/Press/Line1/Speed", "", PRESS),
    ("read_context", "GET", "/api/v1/context/zqCorp", "", VAULT),
    ("list_edge_nodes", "GET", "/api/v1/edge-nodes", "", AREA),
    ("read_edge_node", "GET", "/api/v1/edge-nodes/Acme:Dallas:Press/Line1", "", AREA),
    ("read_conformance", "GET", "/api/v1/edge-nodes/Acme:Dallas:Press/Line1/conformance", "", AREA),
    ("list_findings", "GET", "/api/v1/findings", "", AREA),
    (
        "ask_rebirth",
        "POST",
        "/api/v1/edge-nodes/Acme:Dallas:zqVault/zqLine/rebirth",
        "",
        [401, 404, 404, 404, 202, 401],
    ),
    ("ask_rebirth", "POST", "/api/v1/edge-nodes/Acme:Dallas:Press/Line1/rebirth", "", [401, 404, 403, 202, 429, 401]),
    (
        "set_value",
        "PUT",
        "/api/v1/values/Acme/Dallas/Press/Line1/Speed",
        r#"{"value": 2.5}"#,
        [401, 404, 403, 202, 202, 401],
    ),
    (
        "set_value",
        "PUT",
        "/api/v1/values/Acme/Dallas/zqVault/zqLine/zqSpeed",
        r#"{"value": 2.5}"#,
        [401, 404, 404, 404, 202, 401],
    ),
    (
        "set_value_by_query",
        "PUT",
        "/api/v1/values?path=Acme/Dallas/Press/Line1/Speed",
        r#"{"value": 3.5}"#,
        [401, 404, 403, 202, 202, 401],
    ),
    (
        "set_value_by_query",
        "PUT",
        "/api/v1/values?path=Acme/Dallas/zqVault/zqLine/zqSpeed",
        r#"{"value": 3.5}"#,
        [401, 404, 404, 404, 202, 401],
    ),
    ("forget_topic", "DELETE", "/api/v1/values/Acme/Dallas/Press/Line1/Speed", "", [401, 403, 403, 403, 409, 401]),
    ("forget_topic", "DELETE", "/api/v1/values/Acme/Dallas/Press/Nothing", "", [401, 403, 403, 403, 404, 401]),
    (
        "forget_topic_by_query",
        "DELETE",
        "/api/v1/values?path=Acme/Dallas/zqVault/zqLine/zqSpeed",
        "",
        [401, 403, 403, 403, 409, 401],
    ),
    (
        "forget_edge_node",
        "DELETE",
        "/api/v1/edge-nodes/Acme%3ADallas%3APress/Line1",
        "",
        [401, 403, 403, 403, 409, 401],
    ),
    (
        "forget_device",
        "DELETE",
        "/api/v1/edge-nodes/Acme%3ADallas%3APress/Line1/devices/Robot3",
        "",
        [401, 403, 403, 403, 409, 401],
    ),
    ("read_command", "GET", "/api/v1/commands/1", "", [401, 404, 404, 404, 404, 401]),
    ("list_attachments", "GET", "/api/v1/attachments", "", AREA),
    ("follow", "GET", "/api/v1/stream?filter=%23&context=true", "", LIST),
    ("follow_by_web_socket", "GET", "/api/v1/ws", "", [401, 426, 426, 426, 426, 401]),
    ("explain_placement", "GET", "/api/v1/placement?topic=Acme/Dallas/x", "", AREA),
    ("try_placement_rule", "POST", "/api/v1/placement/try", r#"{"rule": {"group": "{site}"}}"#, AREA),
    ("list_events", "GET", "/api/v1/events", "", AREA),
    ("overview", "GET", "/api/v1/overview", "", AREA),
    ("openapi", "GET", "/openapi.json", "", LIST),
    ("docs", "GET", "/docs", "", LIST),
    ("docs_style", "GET", "/docs/style.css", "", LIST),
    ("reload", "POST", "/api/v1/admin/reload", "", AREA),
    ("read_audit", "GET", "/api/v1/audit", "", AREA),
    ("read_audit_head", "GET", "/api/v1/audit/head", "", [401, 403, 403, 403, 503, 401]),
    ("list_clients", "GET", "/api/v1/clients", "", AREA),
    ("read_client", "GET", "/api/v1/clients/x", "", [401, 403, 403, 403, 404, 401]),
    ("disconnect_client", "DELETE", "/api/v1/clients/x", "", [401, 403, 403, 403, 204, 401]),
    ("me", "GET", "/api/v1/me", "", ALL),
    ("log_in", "POST", "/api/v1/login", r#"{"name": "reader", "password": "wrong"}"#, [401; 6]),
    ("log_out", "DELETE", "/api/v1/login", "", [204; 6]),
    (
        "change_my_password",
        "PUT",
        "/api/v1/me/password",
        r#"{"current": "x", "new": "y"}"#,
        [401, 403, 403, 403, 403, 401],
    ),
    ("list_users", "GET", "/api/v1/users", "", AREA),
    ("read_user", "GET", "/api/v1/users/reader", "", AREA),
    ("add_user", "POST", "/api/v1/users", r#"{"name": "new"}"#, [401, 403, 403, 403, 201, 401]),
    ("change_user", "PUT", "/api/v1/users/new", r#"{"disabled": true}"#, AREA),
    ("remove_user", "DELETE", "/api/v1/users/new", "", [401, 403, 403, 403, 204, 401]),
    ("list_roles", "GET", "/api/v1/roles", "", AREA),
    ("set_role", "PUT", "/api/v1/roles/new", r#"{"grants": []}"#, AREA),
    ("read_role", "GET", "/api/v1/roles/new", "", AREA),
    ("remove_role", "DELETE", "/api/v1/roles/new", "", [401, 403, 403, 403, 204, 401]),
    ("list_keys", "GET", "/api/v1/keys", "", AREA),
    ("add_key", "POST", "/api/v1/keys", r#"{"label": "mine"}"#, [401, 403, 403, 403, 201, 401]),
    ("remove_key", "DELETE", "/api/v1/keys/AAAAAAAAAAAA", "", [401, 403, 403, 403, 404, 401]),
    ("list_sessions", "GET", "/api/v1/sessions", "", AREA),
    ("end_session", "DELETE", "/api/v1/sessions/00", "", [401, 403, 403, 403, 404, 401]),
    ("list_disabled", "GET", "/api/v1/disabled", "", AREA),
    ("disable_principal", "PUT", "/api/v1/disabled/token:carl", "", [401, 403, 403, 403, 204, 401]),
    ("enable_principal", "DELETE", "/api/v1/disabled/token:carl", "", [401, 403, 403, 403, 204, 401]),
    ("explain_access", "POST", "/api/v1/access/explain", r#"{"verb": "read", "element": "Acme"}"#, LIST),
    (
        "explain_access",
        "POST",
        "/api/v1/access/explain",
        r#"{"verb": "read", "element": "Acme", "user": "without"}"#,
        [401, 200, 403, 403, 200, 401],
    ),
    // The UI, the same for all.
    ("", "GET", "/", "", ALL),
    ("", "GET", "/ns/Acme", "", ALL),
    ("", "GET", "/ui/app.js", "", ALL),
    // i3X, which another document describes.
    ("", "GET", "/i3x/v1/info", "", LIST),
    ("", "GET", "/i3x/v1/namespaces", "", LIST),
    ("", "GET", "/i3x/v1/objecttypes", "", LIST),
    ("", "POST", "/i3x/v1/objecttypes/query", r#"{"elementIds": ["urn:factree:tree:Folder"]}"#, LIST),
    ("", "GET", "/i3x/v1/relationshiptypes", "", LIST),
    ("", "POST", "/i3x/v1/relationshiptypes/query", r#"{"elementIds": ["HasChildren"]}"#, LIST),
    ("", "GET", "/i3x/v1/objects?includeMetadata=true", "", LIST),
    ("", "GET", "/i3x/v1/objects?root=true", "", LIST),
    ("", "POST", "/i3x/v1/objects/list", r#"{"elementIds": ["Acme/Dallas"], "includeMetadata": true}"#, LIST),
    (
        "",
        "POST",
        "/i3x/v1/objects/related",
        r#"{"elementIds": ["Acme/Dallas", "Acme"], "includeMetadata": true}"#,
        LIST,
    ),
    ("", "POST", "/i3x/v1/objects/value", r#"{"elementIds": ["Acme", "Acme/Dallas"], "maxDepth": 0}"#, LIST),
    (
        "",
        "PUT",
        "/i3x/v1/objects/value",
        r#"{"updates": [{"elementId": "Acme/Dallas/Press/Line1/Speed", "value": {"value": 4.5}}]}"#,
        LIST,
    ),
    (
        "",
        "POST",
        "/i3x/v1/objects/history",
        r#"{"elementIds": ["Acme"], "startTime": "2026-01-31T12:00:00Z", "endTime": "2026-01-31T12:00:00Z"}"#,
        LIST,
    ),
    ("", "PUT", "/i3x/v1/objects/history", r#"{}"#, [401, 501, 501, 501, 501, 401]),
    ("", "POST", "/i3x/v1/subscriptions", r#"{"clientId": "c"}"#, LIST),
    ("", "POST", "/i3x/v1/subscriptions/list", r#"{"clientId": "c", "subscriptionIds": ["x"]}"#, LIST),
    (
        "",
        "POST",
        "/i3x/v1/subscriptions/register",
        r#"{"clientId": "c", "subscriptionId": "x", "elementIds": []}"#,
        [401, 404, 404, 404, 404, 401],
    ),
    (
        "",
        "POST",
        "/i3x/v1/subscriptions/unregister",
        r#"{"clientId": "c", "subscriptionId": "x", "elementIds": []}"#,
        [401, 404, 404, 404, 404, 401],
    ),
    (
        "",
        "POST",
        "/i3x/v1/subscriptions/sync",
        r#"{"clientId": "c", "subscriptionId": "x"}"#,
        [401, 404, 404, 404, 404, 401],
    ),
    (
        "",
        "POST",
        "/i3x/v1/subscriptions/stream",
        r#"{"clientId": "c", "subscriptionId": "x"}"#,
        [401, 404, 404, 404, 404, 401],
    ),
    ("", "POST", "/i3x/v1/subscriptions/delete", r#"{"clientId": "c", "subscriptionIds": ["x"]}"#, LIST),
];

/// Answered by the server's own routes, and asked in its own matrix (`server/tests/access/matrix/http.rs`).
const ELSEWHERE: &[&str] = &["ready", "metrics"];

/// The operations of i3X, as its document has them.
fn i3x_operations() -> Vec<(String, String)> {
    let document: Value = serde_json::from_str(include_str!("../i3x/openapi.json")).unwrap();
    let of_path = |(path, item): (&String, &Value)| {
        let methods = item.as_object().unwrap().keys().map(|method| method.to_uppercase());
        methods.map(|method| (method, format!("/i3x/v1{path}"))).collect::<Vec<_>>()
    };
    document["paths"].as_object().unwrap().iter().flat_map(of_path).collect()
}

#[tokio::test(start_paused = true)]
async fn everybody_is_told_what_is_his_and_nothing_else() {
    let (plant, (keeper, askers)) = (plant(), gate());
    let gated = Gated::new(keeper.doorway(), routes(&plant));
    let (mut asked, mut would_show) = (BTreeSet::new(), 0);
    for (operation, method, uri, body, expected) in TABLE {
        asked.insert(*operation);
        for (asker, expected) in askers.iter().zip(expected) {
            let (status, text) = told(&gated, request(asker, method, uri, body)).await;
            let what = format!("{method} {uri} by {}: {status} {text}", asker.who);
            assert_eq!(status.as_u16(), *expected, "{what}");
            // What he said himself may come back to him.
            let said: Vec<&str> = uri.split(['/', '=', '&', '?']).filter(|word| word.contains("zq")).collect();
            let text = said.iter().fold(text.clone(), |text, word| text.replace(word, ""));
            let may_read_all = asker.who == "admin";
            would_show += u32::from(may_read_all && text.contains("zq"));
            assert!(may_read_all || !text.contains("zq"), "{what}\nnames what he may not read");
        }
    }
    assert!(would_show >= 20, "where there is something to be hidden: {would_show}");
    let document: Value = serde_json::from_str(openapi()).unwrap();
    let paths = document["paths"].as_object().unwrap().values().flat_map(|item| item.as_object().unwrap().values());
    let ids = paths.map(|operation| operation["operationId"].as_str().unwrap());
    let missing: Vec<_> = ids.filter(|id| !asked.contains(id) && !ELSEWHERE.contains(id)).collect();
    assert!(missing.is_empty(), "operations that nobody has asked: {missing:?}");
    let is_asked = |(method, path): &(String, String)| {
        TABLE.iter().any(|(_, asked, uri, ..)| asked == method && uri.split('?').next() == Some(path))
    };
    let missing: Vec<_> = i3x_operations().into_iter().filter(|operation| !is_asked(operation)).collect();
    assert!(missing.is_empty(), "operations of i3X that nobody has asked: {missing:?}");
}

/// What the reader does see: enough to walk there, the same by every way, and nothing that counts what he does not.
#[tokio::test(start_paused = true)]
async fn a_reader_of_one_area_finds_it_by_every_way() {
    let (plant, (keeper, askers)) = (plant(), gate());
    let gated = Gated::new(keeper.doorway(), routes(&plant));
    let get = async |who: usize, uri: &str| {
        let (status, text) = told(&gated, request(&askers[who], "GET", uri, "")).await;
        assert_eq!(status, StatusCode::OK, "{uri} {text}");
        text
    };
    let json = async |who, uri: &str| serde_json::from_str::<Value>(&get(who, uri).await).unwrap();
    let root = json(READER, "/api/v1/namespace?depth=3").await;
    assert_eq!(root["children_count"], 1, "{root}");
    assert_eq!(root["children"][0]["children_count"], 1, "{root}");
    assert_eq!(root["children"][0]["children"][0]["children"][0]["path"], OURS);
    assert_eq!(json(ADMIN, "/api/v1/namespace").await["children_count"], 2);
    assert_eq!(json(WITHOUT, "/api/v1/namespace").await["children_count"], 0);
    let samples = json(READER, "/api/v1/values?filter=%23&fields=value").await;
    let his = json(READER, "/api/v1/values?filter=Acme/Dallas/Press/%23&fields=value").await;
    assert_eq!(samples["samples"], his["samples"]);
    assert!(samples["samples"].as_array().unwrap().len() >= 4, "{samples}");
    assert_eq!(json(READER, "/api/v1/search?q=speed").await["elements"].as_array().unwrap().len(), 1);
    assert_eq!(json(ADMIN, "/api/v1/search?q=speed").await["elements"].as_array().unwrap().len(), 2);
    let contexts = json(READER, "/api/v1/context").await;
    assert_eq!(contexts["contexts"][0]["name"], "order");
    assert_eq!(contexts["contexts"].as_array().unwrap().len(), 1);
    let context = json(READER, "/api/v1/context/Acme/Dallas/Press/Line1/Speed").await;
    assert_eq!(context["context"], serde_json::json!({"order": context["context"]["order"]}));
    assert_eq!(context["context"]["order"]["value"]["Number"], 4711);
    let context = json(ADMIN, "/api/v1/context/Acme/Dallas/Press/Line1/Speed").await;
    assert_eq!(context["context"]["zqshift"]["value"]["zqname"], "zqearly");
    let stream = get(READER, "/api/v1/stream?filter=Acme/Dallas/Press/%23&fields=value").await;
    assert_eq!(stream, get(OPERATOR, "/api/v1/stream?filter=%23&fields=value").await, "the same for the same rights");
    for (number, asker) in askers.iter().enumerate() {
        assert!([NOBODY, WITHOUT, READER, OPERATOR, ADMIN, REVOKED].contains(&number), "{}", asker.who);
    }
}

/// Paging with what is hidden in between: each element once, none of the others, and the end is the end.
#[tokio::test(start_paused = true)]
async fn pages_pass_over_what_is_not_there() {
    let (plant, (keeper, askers)) = (plant(), gate());
    keeper.role("patchwork", &["read tree:+/+/+/+/bdSeq", "read tree:Acme/Dallas/Press/Line1/Speed"]);
    keeper.user("patch", &["patchwork"]);
    let asker = Asker { who: "patch", key: Some(keeper.key("patch").0) };
    let gated = Gated::new(keeper.doorway(), routes(&plant));
    let (mut cursor, mut found) = (String::new(), Vec::new());
    loop {
        let uri = format!("/api/v1/values?filter=%23&limit=1&fields=value{cursor}");
        let (_, text) = told(&gated, request(&asker, "GET", &uri, "")).await;
        let page: Value = serde_json::from_str(&text).unwrap();
        found.extend(page["samples"].as_array().unwrap().iter().map(|it| it["path"].as_str().unwrap().to_owned()));
        let Some(next) = page["next_cursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    let all = ["Acme/Dallas/Press/Line1/Speed", "Acme/Dallas/Press/Line1/bdSeq", "Acme/Dallas/zqVault/zqLine/bdSeq"];
    assert_eq!(found, all);
    let (_, text) = told(&gated, request(&askers[ADMIN], "GET", "/api/v1/values?filter=%23", "")).await;
    assert!(serde_json::from_str::<Value>(&text).unwrap()["samples"].as_array().unwrap().len() > 8);
}

#[tokio::test(start_paused = true)]
async fn a_tag_of_one_caller_tells_another_nothing() {
    let (plant, (keeper, askers)) = (plant(), gate());
    let gated = Gated::new(keeper.doorway(), routes(&plant));
    for uri in ["/api/v1/values?filter=%23", "/api/v1/namespace?depth=9", "/api/v1/values?filter=Acme/%23&context=true"]
    {
        let admin = gated.answer(request(&askers[ADMIN], "GET", uri, "")).await;
        let tag = admin.headers()["etag"].clone();
        for (who, expected) in [(ADMIN, 304), (READER, 200), (WITHOUT, 200), (NOBODY, 401)] {
            let mut again = request(&askers[who], "GET", uri, "");
            again.headers_mut().insert("if-none-match", tag.clone());
            assert_eq!(gated.answer(again).await.status(), expected, "{uri} {}", askers[who].who);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_anonymous_callers_may_is_what_their_roles_say() {
    let (plant, (keeper, askers)) = (plant(), gate());
    *keeper.anonymous.lock().unwrap() = Some(vec![name("press-reader")]);
    let gated = Gated::new(keeper.doorway(), routes(&plant));
    for (uri, expected) in [
        ("/api/v1/values/Acme/Dallas/Press/Line1/Speed", 200),
        ("/api/v1/values/zqCorp/zqSite/zqLine/zqLoad", 404),
        ("/api/v1/findings", 403),
    ] {
        assert_eq!(told(&gated, request(&askers[NOBODY], "GET", uri, "")).await.0, expected, "{uri}");
        let revoked = told(&gated, request(&askers[REVOKED], "GET", uri, "")).await.0;
        assert_eq!(revoked, 401, "who shows what is not good is not anonymous");
    }
}
