//! Stories of i3X: the tree as objects, their types, relationships and values. Every answer is held against i3X's OpenAPI
//! document, and every value against the schema of its type.

use std::io::Read;
use std::sync::Arc;

use crate::plant::i3x::is_valid;
use crate::plant::payload::{self, payload};
use crate::plant::{NOON, Plant, ROBOT3, robot3};
use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use factree_ingest::SessionKey;
use factree_namespace::{
    Bound, DataType, Kind, Level, Metadata, PathSpec, Place, Quality, Segment, Source, Timestamp, Value, ValueRef,
};
use flate2::read::GzDecoder;
use futures_util::StreamExt;
use serde_json::{Value as Json, json};

const ROBOT: &str = "Acme/Dallas/Press/Line1/Robot3";

/// A press with an Edge Node and a Device, and an oven that speaks plain JSON.
fn press() -> Plant {
    let plant = Plant::new();
    let born = [
        ("bdSeq", None, payload::Value::Int64(3)),
        ("Node Control/Rebirth", None, payload::Value::Boolean(false)),
        ("Uptime", Some(1), payload::Value::Int64(1 << 60)),
    ];
    plant.publish(1, "spBv1.0/Acme:Dallas:Press/NBIRTH/Line1", &payload(NOON, 0, &born));
    let robot = [
        ("Axis/1/Temperature", Some(10), payload::Value::Float(21.4)),
        ("Axis/2/Temperature", Some(11), payload::Value::Double(f64::NAN)),
        ("Running", Some(12), payload::Value::Boolean(true)),
    ];
    plant.publish(1, "spBv1.0/Acme:Dallas:Press/DBIRTH/Line1/Robot3", &payload(NOON, 1, &robot));
    plant.publish(3, "Acme/Dallas/Oven/Setpoint", br#"{"value": 180.5, "unit": "\u00b0C"}"#);
    plant.publish(3, "Acme/Dallas/Oven/Order", br#"{"id": "PO-7", "count": 12, "done": false}"#);
    plant
}

fn ids(objects: &Json) -> Vec<&str> {
    objects.as_array().unwrap().iter().map(|object| object["elementId"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_client_finds_its_way_from_the_roots() {
    let plant = press();
    let info = plant.i3x_get("/info").await;
    assert_eq!(info["result"]["specVersion"], "1.0");
    assert_eq!(info["result"]["capabilities"]["query"]["history"], false);
    let namespaces = plant.i3x_get("/namespaces").await;
    let uris: Vec<&Json> = namespaces["result"].as_array().unwrap().iter().map(|it| &it["uri"]).collect();
    assert_eq!(uris.len(), 6);

    let types = plant.i3x_get("/objecttypes").await;
    for each in types["result"].as_array().unwrap() {
        assert!(uris.contains(&&each["namespaceUri"]), "{each}");
        jsonschema::meta::validate(&each["schema"]).unwrap_or_else(|why| panic!("{each}: {why}"));
        let asked = plant.i3x_one("/objecttypes/query", each["elementId"].as_str().unwrap()).await;
        assert_eq!(asked, *each);
    }
    let isa_95 = plant.i3x_get("/objecttypes?namespaceUri=urn%3Afactree%3Aisa95").await;
    assert_eq!(isa_95["result"].as_array().unwrap().len(), 12);

    let objects = plant.i3x_get("/objects?includeMetadata=true").await;
    let roots = plant.i3x_get("/objects?root=true").await;
    assert_eq!((ids(&roots["result"]), &roots["result"][0]["parentId"]), (vec!["Acme"], &Json::Null));
    let mut seen = ids(&objects["result"]);
    for object in objects["result"].as_array().unwrap() {
        let object_type = &object["typeElementId"];
        assert!(ids(&types["result"]).contains(&object_type.as_str().unwrap()), "{object}");
        let of_type = plant.i3x_get(&format!("/objects?typeElementId={}", object_type.as_str().unwrap())).await;
        assert!(of_type["result"].as_array().unwrap().iter().all(|other| other["typeElementId"] == *object_type));
        assert!(ids(&of_type["result"]).contains(&object["elementId"].as_str().unwrap()));
        let listed = plant.i3x_one("/objects/list", object["elementId"].as_str().unwrap()).await;
        assert_eq!(listed, *object);
    }
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen.len(), objects["result"].as_array().unwrap().len(), "each object comes once");
    assert!(!seen.contains(&"Acme/Dallas/Press/Line1/bdSeq"), "which is about a connection and not about the plant");
    let nobody = plant.i3x_get("/objects?typeElementId=urn:factree:isa95:Galaxy").await;
    assert_eq!(nobody["result"], json!([]));
}

#[tokio::test]
async fn what_stands_on_its_own_is_a_child_and_the_rest_a_component() {
    let plant = press();
    for (object, object_type, relationships, is_composition) in [
        ("Acme", "isa95:Enterprise", json!({"HasChildren": ["Acme/Dallas"]}), false),
        (
            "Acme/Dallas/Press/Line1",
            "isa95:WorkCenter",
            json!({
                "HasParent": "Acme/Dallas/Press",
                "HasChildren": [ROBOT],
                "HasComponent": ["Acme/Dallas/Press/Line1/Node Control", "Acme/Dallas/Press/Line1/Uptime"],
            }),
            true,
        ),
        (
            ROBOT,
            "isa95:WorkUnit",
            json!({
                "HasParent": "Acme/Dallas/Press/Line1",
                "HasComponent": [format!("{ROBOT}/Axis"), format!("{ROBOT}/Running")],
            }),
            true,
        ),
        (
            "Acme/Dallas/Press/Line1/Robot3/Axis/1",
            "tree:Folder",
            json!({"ComponentOf": format!("{ROBOT}/Axis"), "HasComponent": [format!("{ROBOT}/Axis/1/Temperature")]}),
            true,
        ),
        ("Acme/Dallas/Press/Line1/Robot3/Running", "datatype:Boolean", json!({"ComponentOf": ROBOT}), false),
        (
            "Acme/Dallas/Oven/Order",
            "tree:Folder",
            json!({
                "HasParent": "Acme/Dallas/Oven",
                "HasComponent": [
                    "Acme/Dallas/Oven/Order/count",
                    "Acme/Dallas/Oven/Order/done",
                    "Acme/Dallas/Oven/Order/id",
                ],
            }),
            true,
        ),
    ] {
        let told = plant.i3x_one("/objects/list", object).await;
        assert_eq!(told["typeElementId"], format!("urn:factree:{object_type}"), "{object}");
        assert_eq!(told["metadata"]["relationships"], relationships, "{object}");
        assert_eq!(told["isComposition"], is_composition, "{object}");
        assert_eq!(told["metadata"]["sourceTypeId"], object_type.split(':').next_back().unwrap());
    }
}

#[tokio::test]
async fn every_relationship_leads_there_and_back() {
    let plant = press();
    let types = plant.i3x_get("/relationshiptypes").await;
    let reverse = |name: &Json| {
        let found = types["result"].as_array().unwrap().iter().find(|it| it["elementId"] == *name).unwrap();
        found["reverseOf"].clone()
    };
    let objects = plant.i3x_get("/objects").await;
    let mut edges = Vec::new();
    for id in ids(&objects["result"]) {
        for edge in plant.i3x_one("/objects/related", id).await.as_array().unwrap() {
            edges.push((json!(id), edge["sourceRelationship"].clone(), edge["object"]["elementId"].clone()));
        }
    }
    assert_eq!(edges.len(), 2 * (objects["result"].as_array().unwrap().len() - 1), "a tree, and each branch twice");
    for (from, name, to) in &edges {
        assert!(edges.contains(&(to.clone(), reverse(name), from.clone())), "{from} {name} {to}");
    }
    let body = json!({"elementIds": [ROBOT, "Acme/Nowhere"], "relationshipType": "ComponentOf"});
    let related = plant.i3x_post("/objects/related", body).await;
    assert_eq!(
        (&related["success"], &related["results"][0]["result"], &related["results"][1]["responseDetail"]["status"]),
        (&json!(false), &json!([]), &json!(404))
    );
}

#[tokio::test]
async fn values_are_those_of_their_type_whatever_a_source_sends() {
    let list = |items: Vec<Value>| Value::List(items.into());
    let text = |text: &str| Value::String(text.into());
    let table = |names: &[&str]| {
        let column = list(names.iter().map(|name| text(name)).collect());
        let field = |name: &str, value| (Arc::from(name), value);
        Value::Object([field("columns", column.clone()), field("types", column), field("rows", list(vec![]))].into())
    };
    let cells = [
        ("a", DataType::Int8, Value::Int(-128), json!(-128)),
        ("b", DataType::Int64, Value::Int(i64::MIN), json!(i64::MIN)),
        ("c", DataType::UInt64, Value::UInt(u64::MAX), json!(u64::MAX)),
        ("d", DataType::Float, Value::Float(21.4), json!(21.4)),
        ("e", DataType::Double, Value::Double(f64::NAN), Json::Null),
        ("f", DataType::Double, Value::Double(f64::INFINITY), Json::Null),
        ("g", DataType::Boolean, Value::Boolean(true), json!(true)),
        ("h", DataType::Text, text("°"), json!("°")),
        ("i", DataType::DateTime, Value::DateTime(u64::MAX), json!("18446744073709551615")),
        ("j", DataType::Bytes, Value::Bytes([1, 2].as_slice().into()), json!("AQI=")),
        ("k", DataType::UInt64Array, list(vec![Value::UInt(u64::MAX)]), json!(["18446744073709551615"])),
        ("l", DataType::FloatArray, list(vec![Value::Float(f32::NAN)]), json!(["NaN"])),
        ("m", DataType::DataSet, table(&["x"]), json!({"columns": ["x"], "types": ["x"], "rows": []})),
        ("n", DataType::Structure, list(vec![Value::Null]), json!([null])),
        ("o", DataType::Template, Value::Null, Json::Null),
        ("p", DataType::Int8, Value::Int(300), Json::Null),
        ("q", DataType::Boolean, text("yes"), Json::Null),
        ("r", DataType::Unknown, Value::Int(1), Json::Null),
    ];
    let plant = Plant::new();
    let given: Vec<_> = cells.iter().map(|(name, datatype, value, _)| (*name, *datatype, value.clone())).collect();
    plant.robot(&given);
    for (name, datatype, _, expected) in &cells {
        let id = format!("{ROBOT}/{name}");
        let object = plant.i3x_one("/objects/list", &id).await;
        let told = plant.i3x_one("/objects/value", &id).await;
        assert_eq!(told["value"], *expected, "{datatype:?}");
        let quality = match (name, expected) {
            (&"o", _) => "GoodNoData",
            (_, Json::Null) => "Bad",
            _ => "Good",
        };
        assert_eq!(told["quality"], quality, "{name}");
        let object_type = plant.i3x_one("/objecttypes/query", object["typeElementId"].as_str().unwrap()).await;
        if !told["value"].is_null() {
            is_valid(&object_type["schema"], &told["value"]).unwrap_or_else(|why| panic!("{name}: {why}"));
        }
    }
}

#[tokio::test]
async fn a_quality_says_whether_there_is_a_value_and_a_time_is_one() {
    let plant = Plant::new();
    let block = plant.doubles(6);
    let mut writer = plant.namespace.write(&block, Timestamp(NOON + 12));
    let value = ValueRef::Double(1.5);
    for (slot, value, quality, timestamp) in [
        (0, value, Quality::Good, NOON),
        (1, value, Quality::Stale, NOON),
        (2, value, Quality::Uncertain, NOON),
        (3, value, Quality::Bad, NOON),
        (4, ValueRef::Null, Quality::Stale, NOON),
        (5, value, Quality::Good, u64::MAX),
    ] {
        writer.set(slot, value, DataType::Double, quality, Timestamp(timestamp)).unwrap();
    }
    writer.finish();
    let origin = plant.namespace.origin(&block, robot3(), plant.namespace.ensure(&ROBOT3, Kind::Equipment).unwrap());
    let (path, metadata) = (PathSpec::Below("M6"), Metadata { unit: Some("kW".into()), ..Metadata::default() });
    let place = Place {
        slot: 6,
        origin: origin.unwrap(),
        path,
        kind: Kind::Metric,
        datatype: DataType::Double,
        metadata: &metadata,
    };
    plant.namespace.place(&block, &place).unwrap();
    let noon = "2026-01-31T12:00:00.000Z";
    for (name, expected) in [
        ("M0", json!([1.5, "Good", noon])),
        ("M1", json!([1.5, "Uncertain", noon])),
        ("M2", json!([1.5, "Uncertain", noon])),
        ("M3", json!([null, "Bad", noon])),
        ("M4", json!([null, "Bad", noon])),
        ("M5", json!([1.5, "Good", "2026-01-31T12:00:00.012Z"])),
        ("M6", json!([null, "GoodNoData", "2026-01-31T12:00:00.012Z"])),
    ] {
        let told = plant.i3x_one("/objects/value", &format!("{ROBOT}/{name}")).await;
        assert_eq!(json!([told["value"], told["quality"], told["timestamp"]]), expected, "{name}");
    }
    let described = plant.i3x_one("/objects/list", &format!("{ROBOT}/M6")).await;
    assert_eq!(described["metadata"]["engUnit"], "kW");
}

#[tokio::test]
async fn a_composition_is_as_deep_as_asked_for() {
    let plant = press();
    for (depth, components) in [
        (json!(null), None),
        (json!(1), None),
        (json!(2), Some(vec!["Axis", "Running"])),
        (json!(3), Some(vec!["Axis", "Axis/1", "Axis/2", "Running"])),
        (json!(0), Some(vec!["Axis", "Axis/1", "Axis/1/Temperature", "Axis/2", "Axis/2/Temperature", "Running"])),
    ] {
        let told = plant.i3x_post("/objects/value", json!({"elementIds": [ROBOT], "maxDepth": depth})).await;
        let result = &told["results"][0]["result"];
        assert_eq!((&result["isComposition"], &result["quality"]), (&json!(true), &json!("GoodNoData")));
        let names = result.get("components").map(|components| {
            let names = components.as_object().unwrap().keys();
            names.map(|id| id.strip_prefix(&format!("{ROBOT}/")).unwrap()).collect::<Vec<_>>()
        });
        assert_eq!(names, components, "{depth}");
    }
    let line = plant.i3x_one("/objects/value", "Acme/Dallas/Press/Line1").await;
    assert!(line["components"].as_object().unwrap().keys().all(|id| !id.starts_with(ROBOT)), "a child is no component");
    let temperature = plant.i3x_one("/objects/value", &format!("{ROBOT}/Axis/1/Temperature")).await;
    assert_eq!((&temperature["value"], temperature.get("components")), (&json!(21.4), None));
}

#[tokio::test]
async fn an_answer_that_is_cut_says_so() {
    let plant = Plant::new();
    plant.doubles(12_000);
    let asked = json!({"elementIds": [ROBOT, ROBOT, format!("{ROBOT}/M0")], "maxDepth": 0});
    let answer = plant.i3x(Method::POST, "/objects/value", &asked.to_string()).await;
    assert_eq!(answer.status, StatusCode::PARTIAL_CONTENT);
    let body: Json = serde_json::from_str(&answer.body).unwrap();
    let lens: Vec<_> =
        (0..2).map(|at| body["results"][at]["result"]["components"].as_object().unwrap().len()).collect();
    assert_eq!(lens, [10_000, 0]);
    assert_eq!(body["results"][2]["result"]["value"], 0.0, "what is asked for by name is there");
}

#[tokio::test]
async fn the_past_is_empty_and_stays_so() {
    let plant = press();
    let day = |ids: Json| json!({"elementIds": ids, "startTime": "2026-01-30T12:00:00Z", "endTime": "2026-01-31T12:00:00.5+00:00"});
    let told = plant.i3x_post("/objects/history", day(json!([ROBOT, "x"]))).await;
    assert_eq!(told["results"][0]["result"], json!({"isComposition": true, "values": []}));
    assert_eq!(told["results"][1]["responseDetail"]["status"], 404);
    for (name, wrong) in [("startTime", "yesterday"), ("endTime", "2020-01-01T00:00:00Z"), ("endTime", "")] {
        let mut asked = day(json!([ROBOT]));
        asked[name] = json!(wrong);
        assert_eq!(plant.i3x(Method::POST, "/objects/history", &asked.to_string()).await.status.as_u16(), 400);
    }
    let written = plant.i3x(Method::PUT, "/objects/history", r#"{"updates": []}"#).await;
    assert_eq!(written.status, StatusCode::NOT_IMPLEMENTED);
}

#[tokio::test]
async fn a_value_that_is_put_is_a_command() {
    let plant = press();
    plant.published();
    let update = |id: &str, value: Json| json!({"elementId": id, "value": {"value": value, "quality": "Good"}});
    let updates = [
        (update(&format!("{ROBOT}/Axis/1/Temperature"), json!(22.5)), None),
        (update("Acme/Dallas/Oven/Setpoint", json!(181)), None),
        (update(&format!("{ROBOT}/Running"), json!("fast")), Some(400)),
        (update(ROBOT, json!({})), Some(400)),
        (update("Acme/Dallas/Oven/Order/count", json!(1)), Some(403)),
        (update("Acme/Nowhere", json!(1)), Some(404)),
        (update("Acme/Dallas/Press/Line1/bdSeq", json!(1)), Some(404)),
        (json!({"elementId": ROBOT, "value": {"value": 1, "quality": "Bad"}}), Some(400)),
        (json!({"elementId": ROBOT, "value": {"value": 1, "timestamp": "now"}}), Some(400)),
    ];
    let body = json!({"updates": updates.iter().map(|(update, _)| update).collect::<Vec<_>>()}).to_string();
    let told = plant.i3x(Method::PUT, "/objects/value", &body).await.json();
    for (result, (update, status)) in told["results"].as_array().unwrap().iter().zip(&updates) {
        assert_eq!(result["responseDetail"]["status"].as_u64(), *status, "{update}: {result}");
        assert_eq!(result["success"], status.is_none());
    }
    let topics: Vec<String> = plant.published().iter().map(|message| message.topic.to_string()).collect();
    assert_eq!(topics, ["spBv1.0/Acme:Dallas:Press/DCMD/Line1/Robot3", "Acme/Dallas/Oven/Setpoint"]);
    assert_eq!(plant.i3x_one("/objects/value", "Acme/Dallas/Oven/Setpoint").await["value"], 181.0);

    plant.happen(|batch| batch.session_ended(SessionKey(1)));
    let body = json!({"updates": [updates[0].0]}).to_string();
    let offline = plant.i3x(Method::PUT, "/objects/value", &body).await.json();
    assert_eq!(offline["results"][0]["responseDetail"]["status"], 409);
}

#[tokio::test]
async fn what_is_not_understood_is_refused_in_an_envelope() {
    let plant = press();
    let many = json!({"elementIds": vec!["x"; 10_001]}).to_string();
    let large = json!({"elementIds": ["x".repeat(3 << 20)]}).to_string();
    let deep = format!(r#"{{"updates":[{{"elementId":"x","value":{{"value":{}}}}}]}}"#, "[".repeat(10_000));
    for (method, path, body, status) in [
        (Method::POST, "/objects/list", "", 400),
        (Method::POST, "/objects/list", "{", 400),
        (Method::POST, "/objects/list", r#"[["Acme"]]"#, 400),
        (Method::POST, "/objects/list", "{}", 400),
        (Method::POST, "/objects/list", r#"{"elementIds": "Acme"}"#, 400),
        (Method::POST, "/objects/list", r#"{"elementIds": [1]}"#, 400),
        (Method::POST, "/objects/list", &many, 400),
        (Method::POST, "/objects/list", &large, 413),
        (Method::POST, "/objects/value", r#"{"elementIds": [], "maxDepth": -1}"#, 400),
        (Method::POST, "/objects/related", r#"{"elementIds": [], "relationshipType": "Likes"}"#, 404),
        (Method::PUT, "/objects/value", r#"{"updates": [{"elementId": "Acme"}]}"#, 400),
        (Method::PUT, "/objects/value", r#"{"updates": [{"elementId": "Acme", "value": {}}]}"#, 400),
        (Method::PUT, "/objects/value", &deep, 400),
        (Method::GET, "/objects?root=maybe", "", 400),
        (Method::GET, "/objects?limit=1", "", 400),
        (Method::GET, "/objects/Acme", "", 404),
        (Method::GET, "", "", 404),
        (Method::DELETE, "/objects", "", 405),
        (Method::GET, "/objects/value", "", 405),
    ] {
        let answer = plant.i3x(method.clone(), path, body).await;
        let shown = &body[..body.len().min(60)];
        assert_eq!(answer.status.as_u16(), status, "{method} {path} {shown}: {}", answer.body);
    }
    let empty = plant.i3x_post("/objects/list", json!({"elementIds": [], "somethingElse": 1})).await;
    assert_eq!(empty, json!({"results": [], "success": true}));
}

#[tokio::test]
async fn odd_names_have_element_ids_that_i3x_allows() {
    let plant = Plant::new();
    for topic in [" Oven ", "Fill%20", "/x", "HasParent", "a\u{1f}b", "urn:factree:isa95:Site", "Ö/ /°/.."] {
        plant.publish(1, topic, b"1");
    }
    let objects = plant.i3x_get("/objects").await;
    let all = ids(&objects["result"]);
    for id in ["%20Oven%20", "Fill%2520", "%", "/x", "%48asParent", "a%1Fb", "%75rn:factree:isa95:Site", "Ö/ /°/.."] {
        assert!(all.contains(&id), "{id}: {all:?}");
    }
    for id in &all {
        assert!(!id.is_empty() && id.trim() == *id && !id.contains(char::is_control), "{id:?}");
        let told = plant.i3x_post("/objects/list", json!({"elementIds": [id]})).await;
        assert_eq!((&told["results"][0]["elementId"], &told["success"]), (&json!(id), &json!(true)));
    }
    for id in ["", " Oven ", "Fill%20", "Ö%2F%20/°/..", "HasParent"] {
        let told = plant.i3x_post("/objects/list", json!({"elementIds": [id]})).await;
        assert_eq!((&told["success"], &told["results"][0]["elementId"]), (&json!(false), &json!(id)));
    }
}

#[tokio::test]
async fn whoever_takes_gzip_gets_it_however_little_it_is() {
    let plant = press();
    plant.robot(&[]);
    for path in ["/i3x/v1/namespaces", "/i3x/v1/objects?includeMetadata=true", "/i3x/v1/nothing"] {
        let (_, plain) = plant.bytes(Request::get(path).body(Body::empty()).unwrap()).await;
        let request = Request::get(path).header("accept-encoding", "gzip").body(Body::empty()).unwrap();
        let (headers, compressed) = plant.bytes(request).await;
        assert_eq!(
            (&headers["content-encoding"], &headers["vary"]),
            (&"gzip".parse().unwrap(), &"accept-encoding".parse().unwrap())
        );
        let mut inflated = Vec::new();
        GzDecoder::new(compressed.as_slice()).read_to_end(&mut inflated).unwrap();
        assert_eq!(inflated, plain, "{path}");
    }
}

/// There are no pages, so what matters is that it comes in pieces, and that nothing is left out.
#[tokio::test]
async fn a_large_tree_is_told_piece_by_piece() {
    let plant = Plant::new();
    let metadata = Metadata { low: Bound::new(1.0), ..Metadata::default() };
    let names: Vec<String> = (0..30_000).map(|number| format!("{}/M{number}", number % 300)).collect();
    let cells: Vec<_> = names.iter().map(|name| (name.as_str(), DataType::Int8, Value::Int(1))).collect();
    let source = Source::Sparkplug { group: "G".into(), edge_node: "N".into(), device: None };
    plant.add(source, &[Segment::at("Line", Level::WorkCenter)], &metadata, &cells);
    let request = Request::get("/i3x/v1/objects").body(Body::empty()).unwrap();
    let mut pieces = plant.answer(request).await.into_body().into_data_stream();
    let mut body = Vec::new();
    while let Some(piece) = pieces.next().await {
        let piece = piece.unwrap();
        assert!(piece.len() < 160 << 10, "{}", piece.len());
        body.extend_from_slice(&piece);
    }
    let told: Json = serde_json::from_slice(&body).unwrap();
    assert_eq!(told["result"].as_array().unwrap().len(), 30_301);
    let related = plant.i3x_one("/objects/related", "Line").await;
    assert_eq!(related.as_array().unwrap().len(), 300);
    let crowded = plant.i3x_one("/objects/list", "Line/7").await;
    assert_eq!(crowded["metadata"]["relationships"]["HasComponent"].as_array().unwrap().len(), 100);
    assert_eq!(plant.i3x_one("/objects/list", "Line/7/M7").await["metadata"]["system"]["low"], 1.0);
}
