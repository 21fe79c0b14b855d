//! The contract, word for word: a small plant and everything one can ask about it.
//!
//! When this file's snapshot changes, somebody's program may stop working: say so in the changelog, or do not change
//! it.

use std::fmt::Write;

use crate::plant::payload::{Value, payload};
use crate::plant::{NOON, Plant};

/// One press with two axes behind Line1, an oven that speaks plain JSON, a line that has died, and
/// somebody who publishes where the robot does.
fn small_plant() -> Plant {
    let plant = Plant::new();
    plant.happen(|batch| {
        batch.session_started(factree_ingest::SessionKey(1), "press-gateway");
        batch.session_started(factree_ingest::SessionKey(2), "paint-gateway");
    });
    let born = [
        ("bdSeq", None, Value::Int64(3)),
        ("Node Control/Rebirth", None, Value::Boolean(false)),
        ("Uptime", Some(1), Value::Int64(1 << 60)),
    ];
    plant.publish(1, "spBv1.0/Acme:Dallas:Press/NBIRTH/Line1", &payload(NOON, 0, &born));
    let robot = [
        ("Axis/1/Temperature", Some(10), Value::Float(21.4)),
        ("Axis/2/Temperature", Some(u64::MAX), Value::Double(f64::NAN)),
        ("Running", Some(12), Value::Boolean(true)),
    ];
    plant.publish(1, "spBv1.0/Acme:Dallas:Press/DBIRTH/Line1/Robot3", &payload(NOON, 1, &robot));
    plant.publish(2, "spBv1.0/Acme:Dallas:Paint/NBIRTH/Line9", &payload(NOON, 0, &born[..2]));
    plant.happen(|batch| batch.session_ended(factree_ingest::SessionKey(2)));
    plant.publish(3, "Acme/Dallas/Oven/Setpoint", br#"{"value": 180.5, "unit": "\u00b0C"}"#);
    plant.publish(3, "Acme/Dallas/Press/Line1/Robot3/Running", b"false");
    plant
}

#[tokio::test]
async fn the_api_says_exactly_this() {
    let plant = small_plant();
    let mut transcript = String::new();
    for uri in [
        "/healthz",
        "/api/v1/namespace",
        "/api/v1/namespace/Acme/Dallas/Press/Line1?depth=3&limit=2",
        "/api/v1/namespace/Acme/Dallas/Oven/Setpoint",
        "/api/v1/namespace/_conflicts/mqtt/Acme/Dallas/Press/Line1/Robot3",
        "/api/v1/values/Acme/Dallas/Press/Line1/Robot3/Axis/1/Temperature",
        "/api/v1/values?filter=Acme/+/%23&limit=4",
        "/api/v1/search?q=axis+double",
        "/api/v1/search?q=line1&limit=1",
        "/api/v1/search?q=%20",
        "/api/v1/placement?topic=spBv1.0/Acme:Dallas/NDATA/Line1&metric=a/b",
        "/api/v1/edge-nodes?limit=1",
        "/api/v1/edge-nodes/Acme:Dallas:Press/Line1?metrics=true",
        "/api/v1/attachments",
        "/api/v1/values/Acme/Dallas",
        "/api/v1/values/Acme/Dallas/Prss/Line1",
        "/api/v1/values?filter=Acme/%23/Line1",
        "/api/v1/values?filter=%23&limt=3",
        "/api/v1/edge-nodes/Acme:Dallas:Press/Line2",
        "/api/v2",
    ] {
        let answer = plant.get(uri).await;
        let (status, content_type) = (answer.status, answer.header("content-type"));
        writeln!(transcript, "GET {uri}\n{status}, {content_type}\n{}\n", indented(&answer.body)).unwrap();
    }
    insta::assert_snapshot!(transcript);
}

/// JSON with a line per member, in the order of the body; what is empty stays on its line.
fn indented(json: &str) -> String {
    let (mut out, mut depth, mut in_string, mut escaped) = (String::new(), 0, false, false);
    for (at, c) in json.char_indices() {
        match c {
            _ if in_string => {
                in_string = escaped || c != '"';
                escaped = !escaped && c == '\\';
                out.push(c);
            }
            '{' | '[' if !json[at + 1..].starts_with(['}', ']']) => {
                depth += 1;
                write!(out, "{c}\n{:1$}", "", depth * 2).unwrap();
            }
            '}' | ']' if !out.ends_with(['{', '[']) => {
                depth -= 1;
                write!(out, "\n{:1$}{c}", "", depth * 2).unwrap();
            }
            ',' => write!(out, ",\n{:1$}", "", depth * 2).unwrap(),
            ':' => out.push_str(": "),
            c => {
                in_string = c == '"';
                out.push(c);
            }
        }
    }
    out
}
