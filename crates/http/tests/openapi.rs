//! The document and what it is about: written down in the repository, true of every answer.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::http::{Method, Request, StatusCode};
use factree_http::{Reloaded, openapi, reload_router};
use factree_ingest::{Limits, SessionKey};
use plant::payload::{Value as Metric, payload};
use plant::{NOON, Plant};
use serde_json::{Value, json};
use tower::ServiceExt;

#[allow(dead_code, reason = "each test file uses its part")]
mod plant;

/// `UPDATE_GUIDES=1 cargo test -p factree-http --test openapi` writes it anew; what has changed is then to be read, as
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
        item.as_object().unwrap().iter().map(move |(method, operation)| (method.to_uppercase(), path.clone(), operation))
    })
}

/// A press that answers, an oven on plain topics, a line that is gone, somebody who publishes where another one does.
fn plant() -> Plant {
    let plant = Plant::new();
    plant.happen(|batch| {
        batch.session_started(SessionKey(1), "press-gateway");
        batch.session_started(SessionKey(2), "paint-gateway");
    });
    let born = [
        ("bdSeq", None, Metric::Int64(3)),
        ("Node Control/Rebirth", None, Metric::Boolean(false)),
        ("Uptime", Some(1), Metric::Int64(1 << 60)),
    ];
    plant.publish(1, "spBv1.0/Acme:Dallas:Press/NBIRTH/Line1", &payload(NOON, 0, &born));
    let robot = [
        ("Speed", Some(10), Metric::Float(21.4)),
        ("Load", Some(u64::MAX), Metric::Double(f64::NAN)),
        ("Running", Some(12), Metric::Boolean(true)),
    ];
    plant.publish(1, "spBv1.0/Acme:Dallas:Press/DBIRTH/Line1/Robot3", &payload(NOON, 1, &robot));
    plant.publish(1, "spBv1.0/Acme:Dallas:Press/DDATA/Line1/Robot3", &payload(u64::MAX, 4, &robot));
    plant.publish(2, "spBv1.0/Acme:Dallas:Paint/NBIRTH/Line9", &payload(NOON, 0, &born[..2]));
    plant.happen(|batch| batch.session_ended(SessionKey(2)));
    plant.publish(3, "Acme/Dallas/Oven/Setpoint", br#"{"value": 180.5, "unit": "\u00b0C"}"#);
    plant.publish(3, "Acme/Dallas/Oven/Status", br#"{"zone": 5, "text": "on", "list": [1, null, {"a": 1e300}]}"#);
    plant.publish(3, "Acme/Dallas/Press/Line1/Robot3/Running", b"false");
    plant.published();
    plant
}

/// What was asked, and what came back.
struct Told {
    seen: BTreeSet<(String, String)>,
}

impl Told {
    /// Holds an answer against what the operation says of its status.
    fn check(&mut self, (method, path): (&str, &str), uri: &str, status: StatusCode, content_type: &str, body: &str) {
        let what = format!("{method} {uri}: {status}");
        let operation = &document()["paths"][path][method.to_lowercase()];
        let response = &operation["responses"][status.as_str()];
        assert!(response.is_object(), "{what} is not in the document: {body}");
        let id = operation["operationId"].as_str().unwrap();
        self.seen.insert((id.to_owned(), status.as_str().to_owned()));
        let media = content_type.split(';').next().unwrap();
        let Some(contents) = response["content"].as_object() else {
            return assert_eq!(body, "", "{what}");
        };
        let content = contents.get(media).unwrap_or_else(|| panic!("{what} is {media}, the document says {contents:?}"));
        if media.ends_with("json") {
            let answer: Value = serde_json::from_str(body).unwrap();
            holds(&what, &content["schema"], &answer);
            if media == "application/problem+json" {
                let name = answer["type"].as_str().unwrap().rsplit(':').next().unwrap();
                let named = response["description"].as_str().unwrap();
                assert!(named.contains(&format!("`{name}`")), "{what} is {name}, which #[utoipa::path] does not name");
                self.seen.insert((id.to_owned(), name.to_owned()));
            }
        }
    }

    async fn ask(&mut self, plant: &Plant, path: &str, request: Request<Body>) {
        let (method, uri) = (request.method().clone(), request.uri().to_string());
        let (parts, body) = plant.answer(request).await.into_parts();
        let content_type = parts.headers.get("content-type").map_or("", |it| it.to_str().unwrap()).to_owned();
        // A stream goes on; its events are held against the document elsewhere.
        let body = match content_type.as_str() {
            "text/event-stream" => Vec::new(),
            _ => to_bytes(body, usize::MAX).await.unwrap().to_vec(),
        };
        let body = String::from_utf8(body).unwrap();
        self.check((method.as_str(), path), &uri, parts.status, &content_type, &body);
    }
}

fn get(uri: &str) -> Request<Body> {
    Request::get(uri).body(Body::empty()).unwrap()
}

const LONG: &str = "/api/v1/values/read";
const VALUE: &str = "/api/v1/values/{path}";
const NODE: &str = "/api/v1/edge-nodes/{group}/{edge_node}";
const REBIRTH: &str = "/api/v1/edge-nodes/{group}/{edge_node}/rebirth";
const CONFORMANCE: &str = "/api/v1/edge-nodes/{group}/{edge_node}/conformance";
