//! Commands over HTTP: what is sent, what is refused, and what became of it.

use std::num::NonZeroUsize;
use std::time::Duration;

use crate::plant::payload::{Value, payload};
use crate::plant::{NOON, Plant};
use axum::http::Method;
use factree_ingest::{Limits, SessionKey};

const SPEED: &str = "/api/v1/values/Acme/Dallas/Press/Line%201/Robot3/Speed";
const COUNT: &str = "/api/v1/values/Acme/Dallas/Press/Line%201/Count";
const REBIRTH: &str = "/api/v1/edge-nodes/Acme:Dallas:Press/Line%201/rebirth";

fn press(limits: Limits) -> Plant {
    let plant = Plant::with(limits);
    let line = [
        ("bdSeq", None, Value::Int64(0)),
        ("Node Control/Rebirth", None, Value::Boolean(false)),
        ("Count", Some(1), Value::Int64(0)),
    ];
    plant.publish(1, "spBv1.0/Acme:Dallas:Press/NBIRTH/Line 1", &payload(NOON, 0, &line));
    let robot = [("Speed", Some(7), Value::Float(1.5))];
    plant.publish(1, "spBv1.0/Acme:Dallas:Press/DBIRTH/Line 1/Robot3", &payload(NOON, 1, &robot));
    plant.published();
    plant
}

/// The state of the command that this PUT led to.
async fn state(plant: &Plant, address: &str) -> String {
    plant.get(address).await.json()["state"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_value_is_sent_and_confirmed_by_data() {
    let plant = press(Limits::default());
    let answer = plant.put(SPEED, r#"{"value": 21.4}"#).await;
    let address = answer.header("location").to_owned();
    assert_eq!((answer.status.as_u16(), &*address), (202, "/api/v1/commands/1769860800012"));
    let told = plant.published();
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].topic, "spBv1.0/Acme:Dallas:Press/DCMD/Line 1/Robot3");
    let sent = plant.get(&address).await;
    assert_eq!(sent.body, answer.body, "the answer is the command");
    assert_eq!(
        sent.body,
        r#"{"id":"1769860800012","path":"Acme/Dallas/Press/Line 1/Robot3/Speed","value":21.4,"datatype":"Float","topic":"spBv1.0/Acme:Dallas:Press/DCMD/Line 1/Robot3","state":"sent","sent":"2026-01-31T12:00:00.012Z"}"#
    );
    plant.wait(Duration::from_secs(1));
    let echo = payload(NOON, 2, &[("Speed", Some(7), Value::Float(21.4))]);
    plant.publish(1, "spBv1.0/Acme:Dallas:Press/DDATA/Line 1/Robot3", &echo);
    let confirmed = plant.get(&address).await.json();
    assert_eq!((&confirmed["state"], &confirmed["settled"]), (&"confirmed".into(), &"2026-01-31T12:00:01.012Z".into()));
}

#[tokio::test]
async fn a_command_ends_by_time_or_by_death() {
    let plant = press(Limits::default());
    let first = plant.put(COUNT, r#"{"value": "-9223372036854775808"}"#).await.header("location").to_owned();
    plant.wait(Duration::from_secs(20));
    let second = plant.put(COUNT, r#"{"value": 5}"#).await.header("location").to_owned();
    plant.wait(Duration::from_secs(10));
    assert_eq!([state(&plant, &first).await, state(&plant, &second).await], ["timed_out", "sent"]);
    plant.happen(|batch| batch.session_ended(SessionKey(1)));
    assert_eq!([state(&plant, &first).await, state(&plant, &second).await], ["timed_out", "superseded"]);
}

#[tokio::test]
async fn what_cannot_be_sent_is_refused_with_its_reason() {
    let plant = press(Limits::default());
    plant.publish(2, "Oven/Status", br#"{"zone": 5}"#);
    plant.publish(2, "Oven/Recipe", br#"[1, 2]"#);
    let large = format!(r#"{{"value": "{}"}}"#, "x".repeat(70_000));
    let deep = format!(r#"{{"value": {}1{}}}"#, "[".repeat(10_000), "]".repeat(10_000));
    for (uri, body, status, kind) in [
        ("/api/v1/values/Acme/Dallas/Prss", r#"{"value": 1}"#, 404, "element-not-found"),
        ("/api/v1/values/Acme/Dallas", r#"{"value": 1}"#, 404, "no-sample"),
        ("/api/v1/values/Acme%2FDallas", r#"{"value": 1}"#, 404, "no-sample"),
        ("/api/v1/values/Acme?force=1", r#"{"value": 1}"#, 400, "bad-parameter"),
        (SPEED, "", 400, "bad-body"),
        (SPEED, "{", 400, "bad-body"),
        (SPEED, "5", 400, "bad-body"),
        (SPEED, "{}", 400, "bad-body"),
        (SPEED, "[5]", 400, "bad-body"),
        (SPEED, r#"{"value": 1, "value": 2}"#, 400, "bad-body"),
        (SPEED, r#"{"value": 1, "valeu": 2}"#, 400, "bad-body"),
        (SPEED, &deep, 400, "bad-body"),
        (SPEED, &large, 413, "body-too-large"),
        (SPEED, r#"{"value": 1e39}"#, 422, "value-does-not-fit"),
        (SPEED, r#"{"value": "fast"}"#, 422, "value-does-not-fit"),
        (COUNT, r#"{"value": 9223372036854775808}"#, 422, "value-does-not-fit"),
        (COUNT, r#"{"value": 1.5}"#, 422, "value-does-not-fit"),
        ("/api/v1/values/Oven/Recipe", r#"{"value": [1]}"#, 422, "value-does-not-fit"),
        ("/api/v1/values/Oven/Status/zone", r#"{"value": 1}"#, 403, "read-only"),
        ("/api/v1/values/Acme/Dallas/Press/Line%201/bdSeq", r#"{"value": 1}"#, 403, "read-only"),
    ] {
        let answer = plant.put(uri, body).await;
        let shown = &body[..body.len().min(40)];
        assert_eq!(answer.problem()["type"], format!("urn:factree:problem:{kind}"), "{uri} {shown}");
        assert_eq!(answer.status.as_u16(), status, "{uri} {shown}");
    }
    plant.happen(|batch| batch.session_ended(SessionKey(1)));
    let offline = plant.put(SPEED, r#"{"value": 1}"#).await;
    assert_eq!((offline.status.as_u16(), &offline.problem()["type"]), (409, &"urn:factree:problem:offline".into()));
    assert_eq!(plant.published(), [], "nothing of this was sent");
    for id in ["1", "", "x", "-1", "99999999999999999999999"] {
        assert_eq!(plant.get(&format!("/api/v1/commands/{id}")).await.status.as_u16(), 404, "{id}");
    }
}

#[tokio::test]
async fn a_plain_topic_is_published_to_and_read_at_once() {
    let plant = Plant::new();
    plant.publish(1, "Oven/Setpoint", b"180.5");
    let answer = plant.put("/api/v1/values/Oven/Setpoint", r#"{"value": 181.5}"#).await;
    assert_eq!(answer.status.as_u16(), 202);
    let published = plant.published();
    assert_eq!((&*published[0].topic, &*published[0].payload), ("Oven/Setpoint", b"181.5".as_slice()));
    assert_eq!(plant.get("/api/v1/values/Oven/Setpoint").await.json()["value"], 181.5);
    assert_eq!(state(&plant, answer.header("location")).await, "confirmed");
}

#[tokio::test]
async fn a_full_house_says_when_to_come_again() {
    let plant = press(Limits { commands_max: NonZeroUsize::new(1).unwrap(), ..Limits::default() });
    assert_eq!(plant.put(SPEED, r#"{"value": 1}"#).await.status.as_u16(), 202);
    plant.wait(Duration::from_millis(20_500));
    let full = plant.put(SPEED, r#"{"value": 2}"#).await;
    assert_eq!((full.status.as_u16(), full.header("retry-after")), (503, "10"), "{}", full.body);
}

#[tokio::test]
async fn a_rebirth_is_asked_for_once_in_the_cooldown() {
    let plant = press(Limits::default());
    let asked = plant.ask(Method::POST, REBIRTH).await;
    assert_eq!(
        (asked.status.as_u16(), asked.header("location")),
        (202, "/api/v1/edge-nodes/Acme:Dallas:Press/Line%201")
    );
    assert_eq!(plant.published()[0].topic, "spBv1.0/Acme:Dallas:Press/NCMD/Line 1");
    plant.wait(Duration::from_secs(2));
    let again = plant.ask(Method::POST, REBIRTH).await;
    assert_eq!((again.status.as_u16(), again.header("retry-after")), (429, "3"));
    plant.wait(Duration::from_secs(3));
    assert_eq!(plant.ask(Method::POST, REBIRTH).await.status.as_u16(), 202);
    let unknown = plant.ask(Method::POST, "/api/v1/edge-nodes/Acme:Dallas:Press/Line2/rebirth").await;
    assert_eq!(unknown.problem()["type"], "urn:factree:problem:edge-node-not-found");
    plant.happen(|batch| batch.session_ended(SessionKey(1)));
    assert_eq!(plant.ask(Method::POST, REBIRTH).await.status.as_u16(), 409);
}

#[tokio::test]
async fn a_rebirth_that_would_not_leave_is_not_said_to_have_been_asked_for() {
    let plant = Plant::new();
    let data = payload(NOON, 1, &[("Speed", None, Value::Double(1.0))]);
    plant.publish(SessionKey::attached(0, 1).0, "spBv1.0/G/NDATA/N", &data);
    plant.wait(Duration::from_secs(5));
    plant.set_attached(false);
    let refused = plant.ask(Method::POST, "/api/v1/edge-nodes/G/N/rebirth").await.problem();
    assert_eq!(refused["type"], "urn:factree:problem:offline", "{refused}");
    assert_eq!(refused["ask"], serde_json::json!(["/api/v1/attachments"]));
    plant.set_attached(true);
    assert_eq!(plant.ask(Method::POST, "/api/v1/edge-nodes/G/N/rebirth").await.status.as_u16(), 202);
    assert_eq!(plant.published()[0].session, Some(SessionKey::any_to(0)));
}

#[tokio::test]
async fn names_that_no_header_may_hold_are_encoded_in_it() {
    let plant = Plant::new();
    let born = payload(NOON, 0, &[("bdSeq", None, Value::Int64(0))]);
    plant.publish(1, "spBv1.0/Öfen/NBIRTH/Ä1", &born);
    for uri in ["/api/v1/edge-nodes/Öfen/Ä1/rebirth", "/api/v1/edge-nodes/%C3%96fen/%C3%841/rebirth"] {
        let asked = plant.ask(Method::POST, uri).await;
        assert_eq!((asked.status.as_u16(), asked.header("location")), (202, "/api/v1/edge-nodes/%C3%96fen/%C3%841"));
        plant.wait(Duration::from_secs(5));
    }
}
