//! The document and what it is about: written down in the repository, true of every answer.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Arc, LazyLock};

use crate::plant::Plant;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use callers::{who_is_let_in, who_may_not};
use deeds::{
    Book, how_it_is, what_happened, what_is_forgotten, what_is_reloaded, what_is_sent, when_there_is_too_much,
    who_is_connected,
};
use factree_http::{NoAudit, access_router, audit_router, clients_router, events_router, openapi};
use recorded::what_is_on_record;
use serde_json::{Value, json};
use told::{Told, get, plant};
use tower::ServiceExt;

mod callers;
mod deeds;
mod recorded;
mod told;

/// `UPDATE_GUIDES=1 cargo test -p factree-http --test stories openapi` writes it anew; what has changed is then to be read, as
/// somebody's client is made of it.
#[test]
fn the_document_in_the_repository_is_that_of_the_code() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/openapi.json");
    let text = format!("{}\n", openapi());
    if std::env::var_os("UPDATE_GUIDES").is_some() {
        std::fs::write(&path, &text).expect("the document can be written");
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(written == text, "docs/openapi.json is not what the code says; UPDATE_GUIDES=1 writes it");
}

fn document() -> &'static Value {
    static DOCUMENT: LazyLock<Value> = LazyLock::new(|| serde_json::from_str(openapi()).unwrap());
    &DOCUMENT
}

/// The document, but an object has the members that are named and no others: a member that is not described must not be
/// there, though a client is told to ignore it.
fn strict() -> Value {
    fn close(schema: &mut Value) {
        match schema {
            Value::Object(members) => {
                let is_object = members.get("type") == Some(&json!("object"));
                if is_object && members.contains_key("properties") && !members.contains_key("additionalProperties") {
                    members.insert("additionalProperties".to_owned(), json!(false));
                }
                members.values_mut().for_each(close);
            }
            Value::Array(items) => items.iter_mut().for_each(close),
            _ => {}
        }
    }
    let mut schemas = document()["components"]["schemas"].clone();
    close(&mut schemas);
    schemas
}

/// Refuses what does not look as a schema says.
fn holds(what: &str, schema: &Value, answer: &Value) {
    static SCHEMAS: LazyLock<Value> = LazyLock::new(strict);
    let whole = json!({"components": {"schemas": &*SCHEMAS}, "allOf": [schema]});
    let validator = jsonschema::draft202012::new(&whole).unwrap();
    let errors: Vec<String> = validator.iter_errors(answer).map(|it| format!("{}: {it}", it.instance_path())).collect();
    assert!(errors.is_empty(), "{what}\n{answer:#}\nis not what the document says:\n{}", errors.join("\n"));
}

fn shape(name: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{name}")})
}

/// Every operation with its method and address.
fn operations() -> impl Iterator<Item = (String, String, &'static Value)> {
    let paths = document()["paths"].as_object().unwrap();
    paths.iter().flat_map(|(path, item)| {
        item.as_object()
            .unwrap()
            .iter()
            .map(move |(method, operation)| (method.to_uppercase(), path.clone(), operation))
    })
}

const TREE: &str = "/api/v1/namespace";
const ELEMENT: &str = "/api/v1/namespace/{path}";
const VALUES: &str = "/api/v1/values";
const VALUE: &str = "/api/v1/values/{path}";
const READ: &str = "/api/v1/values/read";
const NODES: &str = "/api/v1/edge-nodes";
const NODE: &str = "/api/v1/edge-nodes/{group}/{edge_node}";
const REBIRTH: &str = "/api/v1/edge-nodes/{group}/{edge_node}/rebirth";
const DEVICE: &str = "/api/v1/edge-nodes/{group}/{edge_node}/devices/{device}";
const TYPES: &str = "/api/v1/types";
const TYPE: &str = "/api/v1/types/{name}";
const INSTANCES: &str = "/api/v1/types/{name}/instances";
const CONTEXTS: &str = "/api/v1/context";
const CONTEXT: &str = "/api/v1/context/{path}";
const TRIAL: &str = "/api/v1/placement/try";
const CONFORMANCE: &str = "/api/v1/edge-nodes/{group}/{edge_node}/conformance";

/// What can be asked of one plant, nothing of which changes it. By the operation's path, the address without it if it is the same.
const QUESTIONS: &[(&str, &str)] = &[
    ("/healthz", "/healthz"),
    (TREE, "/api/v1/namespace?depth=9"),
    (TREE, "/api/v1/namespace?depth=9&fields=value,unit&context=true"),
    (TREE, "/api/v1/namespace?limit=0"),
    (TREE, "/api/v1/namespace?path=Acme/.."),
    (ELEMENT, "/api/v1/namespace/Acme/Dallas?depth=9&limit=2"),
    (ELEMENT, "/api/v1/namespace/_conflicts?depth=20"),
    (ELEMENT, "/api/v1/namespace/%ff"),
    (ELEMENT, "/api/v1/namespace/Acme?dpth=1"),
    (ELEMENT, "/api/v1/namespace/Acme/Dalas"),
    (VALUES, "/api/v1/values?filter=%23"),
    (VALUES, "/api/v1/values?filter=%23&limit=3&fields=value,quality"),
    (VALUES, "/api/v1/values?filter=%23&context=true"),
    (VALUES, "/api/v1/values?filter=%23&fields=path"),
    (VALUES, "/api/v1/values?filter=a/%23/b"),
    (VALUES, "/api/v1/values"),
    (VALUES, "/api/v1/values?filter=%23&fields=valeu"),
    (VALUE, "/api/v1/values/Acme/Dallas/Press/Line1/Robot3/Speed"),
    (VALUE, "/api/v1/values/Acme/Dallas/Press/Line1/Robot3/Load"),
    (VALUE, "/api/v1/values/Acme/Dallas/Press/Line1/Robot3/Load?fields=timestamp,source"),
    (VALUE, "/api/v1/values/Acme/Dallas/Press/Line1/Uptime"),
    (VALUE, "/api/v1/values/Acme/Dallas/Oven/Status/list"),
    (VALUE, "/api/v1/values/Acme/Dallas/Oven/Setpoint?context=true"),
    (VALUE, "/api/v1/values/Acme/100%"),
    (VALUE, "/api/v1/values/Acme?depth=1"),
    (VALUE, "/api/v1/values/Acme"),
    (VALUE, "/api/v1/values/Acne"),
    ("/api/v1/search", "/api/v1/search?q=dallas+robot3"),
    ("/api/v1/search", "/api/v1/search?q="),
    (TYPES, "/api/v1/types"),
    (TYPES, "/api/v1/types?limit=0"),
    (TYPE, "/api/v1/types/Press"),
    (TYPE, "/api/v1/types/Belt"),
    (TYPE, "/api/v1/types/Press?version=1.0"),
    (TYPE, "/api/v1/types/Press?version=2.0"),
    (TYPE, "/api/v1/types/%ff"),
    (TYPE, "/api/v1/types/Press?label=1.0"),
    (INSTANCES, "/api/v1/types/Press/instances"),
    (INSTANCES, "/api/v1/types/Motor/instances"),
    (INSTANCES, "/api/v1/types/%ff/instances"),
    (INSTANCES, "/api/v1/types/Press/instances?limit=0"),
    (CONTEXTS, "/api/v1/context?limit=1"),
    (CONTEXTS, "/api/v1/context"),
    (CONTEXTS, "/api/v1/context?limit=0"),
    (CONTEXT, "/api/v1/context/Acme/Dallas/Oven/Setpoint"),
    (CONTEXT, "/api/v1/context/Acme/Dallas/Oven/Setpoint?at=2026-01-31T12:00:10Z"),
    (CONTEXT, "/api/v1/context/Acme/Dalas"),
    (CONTEXT, "/api/v1/context/%ff"),
    (CONTEXT, "/api/v1/context/Acme?at=noon"),
    (NODES, "/api/v1/edge-nodes?limit=1"),
    (NODES, "/api/v1/edge-nodes?online=false"),
    (NODES, "/api/v1/edge-nodes?limit=0"),
    (NODE, "/api/v1/edge-nodes/Acme:Dallas:Press/Line1?metrics=true&limit=2"),
    (NODE, "/api/v1/edge-nodes/Acme:Dallas:Paint/Line9"),
    (NODE, "/api/v1/edge-nodes/Acme/Line9"),
    (NODE, "/api/v1/edge-nodes/%ff/Line9"),
    (NODE, "/api/v1/edge-nodes/Acme/Line9?metrics=yes"),
    (CONFORMANCE, "/api/v1/edge-nodes/Acme:Dallas:Press/Line1/conformance"),
    (CONFORMANCE, "/api/v1/edge-nodes/Acme/Line1/conformance"),
    (CONFORMANCE, "/api/v1/edge-nodes/%ff/Line1/conformance"),
    (CONFORMANCE, "/api/v1/edge-nodes/Acme/Line1/conformance?x=1"),
    ("/api/v1/findings", "/api/v1/findings?limit=5"),
    ("/api/v1/findings", "/api/v1/findings?about=values"),
    ("/api/v1/findings", "/api/v1/findings?level=shall"),
    ("/api/v1/commands/{id}", "/api/v1/commands/1"),
    ("/api/v1/commands/{id}", "/api/v1/commands/1?x=1"),
    ("/api/v1/attachments", "/api/v1/attachments"),
    ("/api/v1/attachments", "/api/v1/attachments?limit=1"),
    ("/api/v1/placement", "/api/v1/placement?topic=spBv1.0/Acme:Dallas:Press/DDATA/Line1/Robot3&metric=Speed"),
    ("/api/v1/placement", "/api/v1/placement?topic=Acme/Dallas/Oven/Setpoint"),
    ("/api/v1/placement", "/api/v1/placement"),
    ("/api/v1/stream", "/api/v1/stream?filter=%23"),
    ("/api/v1/stream", "/api/v1/stream?filter=a/%23/b"),
    ("/api/v1/stream", "/api/v1/stream?filter=%23&since=x"),
    ("/api/v1/ws", "/api/v1/ws"),
    ("/api/v1/ws", "/api/v1/ws?filter=%23"),
    ("/openapi.json", "/openapi.json"),
    ("/openapi.json", "/openapi.json?x=1"),
    ("/docs", "/docs"),
    ("/docs", "/docs?x=1"),
    ("/docs/style.css", "/docs/style.css"),
];

/// Answered elsewhere: by the server's own routes, and by a WebSocket that is a real one.
const ELSEWHERE: &[(&str, &str)] = &[
    ("ready", "200"),
    ("ready", "503"),
    ("metrics", "200"),
    ("metrics", "403"),
    ("metrics", "not-allowed"),
    ("follow_by_web_socket", "101"),
];

#[tokio::test]
async fn every_answer_is_as_the_document_says_and_every_answer_it_names_can_be_had() {
    let mut told = Told { seen: BTreeSet::new() };
    let plant = plant();
    let against = plant.get("/api/v1/findings?about=values").await.json();
    assert_eq!(against["findings"][0]["rule"], "rule 2", "there is one to be told: {against}");
    for (path, uri) in QUESTIONS {
        told.ask(&plant, path, get(uri)).await;
        let answer = plant.answer(get(uri)).await;
        if answer.status() == StatusCode::OK {
            let is_said = document()["paths"][path]["get"]["responses"]["304"].is_object();
            assert_eq!(answer.headers().contains_key("etag"), is_said, "{path} says whether it has a tag");
        }
        if let Some(tag) = answer.headers().get("etag") {
            told.ask(&plant, path, Request::get(*uri).header("if-none-match", tag).body(Body::empty()).unwrap()).await;
        }
    }
    what_is_sent(&mut told).await;
    what_is_forgotten(&mut told).await;
    when_there_is_too_much(&mut told).await;
    what_is_reloaded(&mut told).await;
    who_is_connected(&mut told).await;
    who_may_not(&mut told).await;
    who_is_let_in(&mut told).await;
    what_happened(&mut told).await;
    how_it_is(&mut told).await;
    what_is_on_record(&mut told).await;

    let mut named = BTreeSet::new();
    for (_, _, operation) in operations() {
        let id = operation["operationId"].as_str().unwrap();
        for (status, response) in operation["responses"].as_object().unwrap() {
            // Said in front of the routes; `tests/stories/matrix.rs` asks there.
            if response["$ref"].is_string() {
                continue;
            }
            named.insert((id.to_owned(), status.clone()));
            if response["content"]["application/problem+json"].is_object() {
                let names: Vec<&str> =
                    response["description"].as_str().unwrap().split('`').skip(1).step_by(2).collect();
                // The guard's answer, in front of all routes.
                if names == ["cross-site"] {
                    named.remove(&(id.to_owned(), status.clone()));
                }
                let names = names.into_iter().filter(|&name| name != "cross-site");
                named.extend(names.map(|name| (id.to_owned(), name.to_owned())));
            }
        }
    }
    named.retain(|(id, answer)| !ELSEWHERE.contains(&(id, answer)));
    let unseen: Vec<_> = named.difference(&told.seen).collect();
    assert!(
        unseen.is_empty(),
        "the document names answers that no question here has had; add a line to QUESTIONS or a step below: {unseen:?}"
    );
}

#[tokio::test]
async fn events_of_a_stream_are_as_the_document_says() {
    let plant = Plant::new();
    let block = plant.doubles(3);
    let mut reader = plant.follow("filter=%23&interval=10&context=true").await;
    for name in ["snapshot", "changes"] {
        let event = reader.event().await;
        assert_eq!(event.name, name);
        holds(name, &shape("StreamPage"), &event.data);
        plant.write(&block, &[(0, 1.5), (2, f64::INFINITY)]);
    }
    let mut reader = plant.resume("filter=%23", Some("1-1")).await;
    let event = reader.event().await;
    assert_eq!(event.name, "reread");
    holds("reread", &shape("StreamReread"), &event.data);
}

/// Where the forms change, exactly: 2^53 − 1 is a number, 2^53 is not.
#[test]
fn the_forms_of_numbers_and_times_are_told_apart_at_their_borders() {
    let fits = |form: &str, value: &Value| {
        let whole = json!({"components": {"schemas": strict()}, "allOf": [shape(form)]});
        jsonschema::draft202012::new(&whole).unwrap().is_valid(value)
    };
    for (form, value, is_fit) in [
        ("Integer", json!(0), true),
        ("Integer", json!(9_007_199_254_740_991_u64), true),
        ("Integer", json!(-9_007_199_254_740_991_i64), true),
        ("Integer", json!(9_007_199_254_740_992_u64), false),
        ("Integer", json!(-9_007_199_254_740_992_i64), false),
        ("Integer", json!("9007199254740992"), true),
        ("Integer", json!("-9223372036854775808"), true),
        ("Integer", json!("18446744073709551615"), true),
        ("Integer", json!("5"), false),
        ("Integer", json!(1.5), false),
        ("Integer", json!("NaN"), false),
        ("Floating", json!(1e300), true),
        ("Floating", json!(5e-324), true),
        ("Floating", json!("NaN"), true),
        ("Floating", json!("Infinity"), true),
        ("Floating", json!("-Infinity"), true),
        ("Floating", json!("+Infinity"), false),
        ("Floating", json!(null), false),
        ("Time", json!("1970-01-01T00:00:00.000Z"), true),
        ("Time", json!("9999-12-30T22:00:00.999Z"), true),
        ("Time", json!("253402207201000"), true),
        ("Time", json!("18446744073709551615"), true),
        ("Time", json!("2026-01-31T12:00:00Z"), false),
        ("Time", json!(1_769_860_800_000_u64), false),
        ("SampleValue", json!(null), true),
        ("SampleValue", json!({"columns": ["a"], "types": ["Int64"], "rows": [["9007199254740992"], [null]]}), true),
        ("SampleValue", json!(9_007_199_254_740_992_u64), true),
    ] {
        assert_eq!(fits(form, &value), is_fit, "{form} {value}");
    }
}

/// What the document shows as an example is one.
#[test]
fn examples_are_true() {
    for (name, schema) in document()["components"]["schemas"].as_object().unwrap() {
        for example in schema.get("example").into_iter().chain(schema["examples"].as_array().into_iter().flatten()) {
            holds(&format!("the example of {name}"), &shape(name), example);
        }
        for (member, property) in schema["properties"].as_object().into_iter().flatten() {
            if let Some(example) = property.get("example") {
                holds(&format!("the example of {name}.{member}"), property, example);
            }
        }
    }
}

/// The bounds that the document tells are those that hold: what is outside is refused, what is on the border is not.
#[tokio::test]
async fn the_bounds_of_parameters_are_true() {
    let clients =
        clients_router(Arc::new(Book), Arc::new(NoAudit)).layer(axum::Extension(factree_http::Caller::open()));
    let events = events_router(Arc::new(|_, _| Vec::new())).layer(axum::Extension(factree_http::Caller::open()));
    let access = access_router(factree_http::Doorway::open(), None);
    let access = access.layer(axum::Extension(factree_http::Caller::open()));
    let audit = audit_router(Arc::new(NoAudit)).layer(axum::Extension(factree_http::Caller::open()));
    let router = plant().router().merge(clients).merge(events).merge(access).merge(audit);
    let mut found = 0;
    for (_, path, operation) in operations().filter(|(method, ..)| method == "GET") {
        let named =
            [("{path}", "Acme"), ("{group}", "Acme:Dallas:Press"), ("{edge_node}", "Line1"), ("{name}", "Press")];
        let uri = named.iter().fold(path, |uri, (place, name)| uri.replace(place, name));
        let needed = |it: &&Value| it["in"] == "query" && it["required"] == true;
        let parameters = operation["parameters"].as_array().map_or(&[] as &[Value], Vec::as_slice);
        let needed = parameters.iter().find(needed).map(|it| it["name"].as_str().unwrap());
        let given = needed.map_or_else(String::new, |name| format!("{name}=a&"));
        for parameter in parameters {
            let (name, schema) = (parameter["name"].as_str().unwrap(), &parameter["schema"]);
            let (Some(least), Some(most)) = (schema["minimum"].as_i64(), schema["maximum"].as_i64()) else { continue };
            for (number, is_taken) in [(least - 1, false), (least, true), (most, true), (most + 1, false)] {
                let request = get(&format!("{uri}?{given}{name}={number}"));
                let answer = router.clone().oneshot(request).await.unwrap();
                assert_eq!(answer.status() != StatusCode::BAD_REQUEST, is_taken, "{uri} {name}={number}");
            }
            found += 1;
        }
    }
    assert!(found >= 11, "limits, depths and intervals");
}

/// Names by which others find their way: one for each operation, a chapter, a title; and nothing that points nowhere.
#[test]
fn every_operation_can_be_found() {
    let tags: Vec<&str> =
        document()["tags"].as_array().unwrap().iter().map(|tag| tag["name"].as_str().unwrap()).collect();
    let mut ids = BTreeSet::new();
    for (method, path, operation) in operations() {
        let what = format!("{method} {path}: its #[utoipa::path] or doc comment");
        assert!(ids.insert(operation["operationId"].as_str().unwrap()), "{what} has an operation_id of its own");
        assert!(tags.contains(&operation["tags"][0].as_str().unwrap_or_default()), "{what} has a tag of {tags:?}");
        assert!(operation["summary"].as_str().is_some_and(|text| text.len() < 60), "{what} begins with a short title");
    }
    let text = openapi();
    for reference in text.split("\"#/components/schemas/").skip(1).map(|rest| rest.split('"').next().unwrap()) {
        assert!(
            document()["components"]["schemas"][reference].is_object(),
            "{reference} is no shape; see beyond_routes"
        );
    }
}

#[tokio::test]
async fn the_page_for_people_shows_every_operation_and_runs_nothing() {
    let plant = Plant::new();
    let request = Request::get("/docs").header("host", "plant.local:8080").body(Body::empty()).unwrap();
    let page = plant.send(request).await;
    assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
    assert!(page.header("content-security-policy").starts_with("default-src 'none'; style-src 'self'"));
    for (method, path, operation) in operations() {
        let id = operation["operationId"].as_str().unwrap();
        assert!(page.body.contains(&format!("<article id=\"{id}\">")), "{method} {path}");
    }
    for name in document()["components"]["schemas"].as_object().unwrap().keys() {
        assert!(page.body.contains(&format!("<article id=\"shape-{name}\">")), "{name}");
    }
    let line =
        "curl -G &#39;http://plant.local:8080/api/v1/values&#39; --data-urlencode &#39;filter=Acme/+/Press/#&#39;";
    assert!(page.body.contains(line), "a line to copy, with the reader's own address");
    for tag in page.body.split('<').filter_map(|tag| tag.split('>').next()) {
        let mut words = tag.split_whitespace();
        assert!(!matches!(words.next(), Some("script" | "style" | "img" | "iframe")), "{tag}");
        assert!(
            !words.any(|word| word.starts_with("on") || word.starts_with("style=") || word.contains("//")),
            "{tag}"
        );
    }
    let hostile = Request::get("/docs").header("host", "<script>").body(Body::empty()).unwrap();
    assert!(!plant.send(hostile).await.body.contains("<script"));
    assert_eq!(plant.answer(get("/docs/style.css")).await.headers()["content-type"], "text/css; charset=utf-8");
}
