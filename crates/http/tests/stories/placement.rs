//! Where things stand and why, asked over HTTP; and what is told of paths of the past.

use std::sync::{Arc, Mutex};

use crate::plant::payload::{Value, payload};
use crate::plant::{NOON, Plant};
use axum::body::{Body, to_bytes};
use axum::http::{Method, Request};
use factree_http::{NoAudit, Reloaded, reload_router};
use factree_ingest::{Placement, SparkplugRuleText, TopicRuleText};
use factree_namespace::{Bound, EquipmentKind, Level, Metadata, Modelled};
use serde_json::json;
use tower::ServiceExt;

fn rules(group: &str, node: &str, topics: &[&str]) -> Placement {
    let sparkplug = SparkplugRuleText {
        group: group.into(),
        node: Some(node.into()),
        kinds: vec![(Level::WorkCenter, EquipmentKind::ProductionLine)],
        ..SparkplugRuleText::default()
    };
    let topic = |topic: &&str| TopicRuleText { topic: (*topic).into(), ..TopicRuleText::default() };
    let topics: Vec<_> = topics.iter().map(topic).collect();
    Placement::parse(&Level::ALL, &[sparkplug], Some(&topics)).unwrap()
}

fn line1() -> Plant {
    let plant = Plant::new();
    let born = [("bdSeq", None, Value::Int64(3)), ("Speed", Some(7), Value::Int64(5))];
    plant.publish(1, "spBv1.0/Acme:Dallas/NBIRTH/Line1", &payload(NOON, 0, &born));
    plant.publish(2, "Acme/Dallas/Line1/order", br#"{"id":"PO-1"}"#);
    plant
}

#[tokio::test]
async fn a_topic_is_explained_by_the_rules_in_force() {
    let plant = Plant::new();
    let uri = "/api/v1/placement?topic=spBv1.0/Acme:Dallas/DDATA/Line1/Robot3&metric=Axis/1/Temp+%C2%B0C";
    let it = plant.get(uri).await.json();
    assert_eq!((&it["path"], &it["placed_by"]), (&json!("Acme/Dallas/Line1/Robot3/Axis/1/Temp °C"), &json!("default")));
    assert_eq!(it["levels"][2], json!({"name": "Line1", "level": "work_center"}));

    plant.replace(rules("{enterprise}:{site}", "{work_center:L.*}", &["{site}/x"]));
    let it = plant.get(uri).await.json();
    assert_eq!((&it["placed_by"], &it["rule"]), (&json!("rule"), &json!(1)));
    assert_eq!(it["levels"][2], json!({"name": "Line1", "level": "work_center", "equipment": "production_line"}));
    let it = plant.get("/api/v1/placement?topic=spBv1.0/Acme/NDATA/Line1").await.json();
    let why = r#"the group does not match "{enterprise}:{site}""#;
    let template = r#"group = "{enterprise}:{site}", node = "{work_center:L.*}""#;
    assert_eq!(it["tried"], json!([{"rule": 1, "template": template, "matched": false, "why": why}]));
    assert_eq!((&it["path"], &it["reason"]), (&json!("_unplaced/Acme/Line1"), &json!(format!("rule 1: {why}"))));
    let it = plant.get("/api/v1/placement?topic=a/b").await.json();
    assert_eq!((&it["path"], &it["placed_by"]), (&json!(null), &json!("nothing")));

    for (uri, why) in [
        ("/api/v1/placement", "?topic="),
        ("/api/v1/placement?topic=spBv1.0/STATE/x", "Host Application"),
        ("/api/v1/placement?topic=", "empty"),
        ("/api/v1/placement?topic=a&name=b", "'name' is not a parameter"),
    ] {
        let problem = plant.get(uri).await.problem();
        assert_eq!(problem["status"], 400, "{uri}");
        assert!(problem["detail"].as_str().unwrap().contains(why), "{uri}: {problem}");
    }
}

#[tokio::test]
async fn a_rule_is_tried_on_all_that_is_known_and_changes_nothing() {
    let plant = line1();
    let born = [("bdSeq", None, Value::Int64(0)), ("Speed", None, Value::Int64(6))];
    plant.publish(3, "spBv1.0/ULM_Paint/NBIRTH/PLC 7", &payload(NOON, 0, &born));
    plant.publish(3, "spBv1.0/ULM_Paint/DBIRTH/PLC 7/Press1", &payload(NOON, 1, &born[1..]));
    let attempt = async |body: serde_json::Value| {
        let request = Request::post("/api/v1/placement/try").body(Body::from(body.to_string())).unwrap();
        plant.send(request).await
    };
    let of_ulm = json!({"group": "{site}_{area}", "node": "{work_center}", "device": "{work_unit}"});

    let first = attempt(json!({"rule": of_ulm})).await.json();
    assert_eq!((&first["sources"], &first["ends_the_default"]), (&json!(3), &json!(true)));
    assert_eq!((&first["moved"], &first["unplaced"]), (&json!(2), &json!(1)), "Acme:Dallas lived by the default");
    let lost = json!({"group": "Acme:Dallas", "edge_node": "Line1", "becomes": "unplaced",
        "from": "Acme/Dallas/Line1", "to": "_unplaced/Acme:Dallas/Line1"});
    assert_eq!(first["changes"][0], lost);

    plant.replace(rules("{enterprise}:{site}", "{work_center:L.*}", &[]));
    let second = attempt(json!({"rule": of_ulm})).await.json();
    assert_eq!((&second["placed"], &second["moved"], &second["unplaced"]), (&json!(2), &json!(0), &json!(0)));
    assert_eq!(second["changes"][1]["to"], "ULM/Paint/PLC 7/Press1");
    let before = attempt(json!({"rule": {"group": "{site}"}, "at": 1})).await.json();
    assert_eq!((&before["placed"], &before["moved"]), (&json!(2), &json!(1)), "now it is asked before the other");
    assert_eq!(plant.get("/api/v1/placement?topic=spBv1.0/ULM_Paint/NDATA/PLC+7").await.json()["placed_by"], "nothing");

    let refused = attempt(json!({"rule": {"group": "{plant}"}})).await.problem();
    assert_eq!(refused["status"], 422);
    assert!(refused["detail"].as_str().unwrap().starts_with("rule 2, key `group`: "), "{refused}");
    let kinds = attempt(json!({"rule": {"group": "{site}", "kinds": {"site": "press"}}})).await.problem();
    assert!(kinds["detail"].as_str().unwrap().contains("'site = press'"), "{kinds}");
}

#[tokio::test]
async fn what_is_not_placed_or_disputed_says_why() {
    let plant = line1();
    let born = [("bdSeq", None, Value::Int64(0)), ("Speed", None, Value::Int64(6))];
    plant.publish(3, "spBv1.0/Acme/NBIRTH/Line1", &payload(NOON, 0, &born));
    plant.publish(4, "Acme/Dallas/Line1/Speed", b"9");
    let dispute = plant.get("/api/v1/namespace/_conflicts/mqtt/Acme/Dallas/Line1/Speed").await.json();
    assert_eq!(dispute["conflict"], "Acme/Dallas/Line1/Speed");
    assert_eq!(
        dispute["conflict_owner"],
        json!({"type": "sparkplug", "group": "Acme:Dallas", "edge_node": "Line1"}),
        "whose it is"
    );
    plant.replace(rules("{enterprise}:{site}", "{work_center}", &[]));
    let unplaced = plant.get("/api/v1/namespace/_unplaced/Acme?depth=3").await.json();
    assert_eq!(unplaced["reason"], json!(null), "a group alone is no Edge Node");
    let why = "rule 1: the group does not match \"{enterprise}:{site}\"";
    assert_eq!(unplaced["children"][0]["reason"], why);
    assert_eq!(plant.get("/api/v1/namespace/Acme/Dallas/Line1").await.json()["equipment"], "production_line");
}

#[tokio::test]
async fn a_path_of_the_past_is_not_found_and_told_where_it_leads() {
    let plant = line1();
    plant.replace(rules("{site}:{enterprise}", "{work_center}", &["Acme/{site}/{area}/{rest...}"]));
    for (uri, moved) in [
        ("/api/v1/values/Acme/Dallas/Line1/Speed", "Dallas/Acme/Line1/Speed"),
        ("/api/v1/namespace/Acme/Dallas/Line1", "Dallas/Acme/Line1"),
        ("/api/v1/values/Acme/Dallas/Line1/order/id", "Dallas/Line1/order/id"),
    ] {
        let problem = plant.get(uri).await.problem();
        assert_eq!((&problem["status"], &problem["moved"]), (&json!(404), &json!(moved)), "{uri}: {problem}");
        assert_eq!(problem["ask"][0], format!("/api/v1/namespace/{moved}"));
    }
    let problem = plant.put("/api/v1/values/Acme/Dallas/Line1/Speed", r#"{"value":1}"#).await.problem();
    assert_eq!((&problem["status"], &problem["moved"]), (&json!(404), &json!("Dallas/Acme/Line1/Speed")));
    let problem = plant.get("/api/v1/values/Acme/Dallas/Line1/Nothing").await.problem();
    assert_eq!(problem["moved"], json!(null));
    let sample = plant.get("/api/v1/values/Dallas/Acme/Line1/Speed").await.json();
    assert_eq!((&sample["value"], &sample["source"]["metric_alias"]), (&json!(5), &json!(7)));
}

#[tokio::test]
async fn the_model_is_shown_with_and_without_data() {
    let plant = line1();
    let text = |text: &str| Some(text.into());
    plant.declare(&[
        Modelled {
            path: "Acme/Dallas/Line2".into(),
            kind: Some(EquipmentKind::ProductionLine),
            metadata: Metadata { owner: text("Team 4"), tags: vec!["new".into()], ..Metadata::default() },
        },
        Modelled {
            path: "Acme/Dallas/Line1/Speed".into(),
            kind: None,
            metadata: Metadata {
                unit: text("m/s"),
                low: Bound::new(-0.0),
                high: Bound::new(2.5),
                ..Metadata::default()
            },
        },
    ]);
    let dallas = plant.get("/api/v1/namespace/Acme/Dallas").await.json();
    assert_eq!(
        dallas["children"][1],
        json!({
            "path": "Acme/Dallas/Line2", "name": "Line2", "level": "work_center", "kind": "equipment",
            "equipment": "production_line", "owner": "Team 4", "tags": ["new"], "children_count": 0
        })
    );
    let speed = plant.get("/api/v1/namespace/Acme/Dallas/Line1/Speed").await.json();
    assert_eq!((&speed["unit"], &speed["low"], &speed["high"]), (&json!("m/s"), &json!(0.0), &json!(2.5)));
    assert_eq!(speed["sample"]["unit"], "m/s");
    let found = plant.get("/api/v1/search?q=team").await.json();
    assert_eq!(found["elements"][0]["path"], "Acme/Dallas/Line2");
}

#[tokio::test]
async fn a_reload_is_asked_for_by_this_machine_only_and_says_what_came_of_it() {
    let outcomes = Arc::new(Mutex::new(vec![
        Ok(Reloaded { restart_needed: vec!["mqtt.listen".into()], ..Reloaded::default() }),
        Err("factree.toml: line 3: no".to_owned()),
    ]));
    let router = reload_router(
        Arc::new(move || {
            let outcome = outcomes.lock().unwrap().pop().expect("asked twice");
            Box::pin(async move { outcome })
        }),
        Arc::new(NoAudit),
    );
    let router = router.layer(axum::Extension(factree_http::Caller::open()));
    let ask = async |method: Method, host: &str| {
        let request = Request::builder().method(method).uri("/api/v1/admin/reload").header("host", host);
        let response = router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        let status = response.status().as_u16();
        let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
        (status, serde_json::from_slice::<serde_json::Value>(&body).unwrap())
    };
    assert_eq!(ask(Method::GET, "localhost").await.0, 405);
    let (status, problem) = ask(Method::POST, "localhost").await;
    assert_eq!((status, &problem["detail"]), (422, &json!("factree.toml: line 3: no")));
    let (status, body) = ask(Method::POST, "127.0.0.1:8080").await;
    assert_eq!((status, &body["restart_needed"], &body["metrics_moved"]), (200, &json!(["mqtt.listen"]), &json!(0)));
}
