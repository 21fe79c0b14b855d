//! Many samples by path in one question, and members of a sample alone.

use crate::plant::{self, Plant};
use axum::http::{Method, StatusCode};
use axum::{body::Body, http::Request};
use factree_namespace::{DataType, Metadata, Modelled, Value as Sampled};
use serde_json::{Value, json};

const ROBOT: &str = "Acme/Dallas/Press/Line1/Robot3";

async fn read(plant: &Plant, question: Value) -> plant::Answer {
    let body = Body::from(question.to_string());
    plant.send(Request::post("/api/v1/values/read").body(body).unwrap()).await
}

#[tokio::test]
async fn what_is_asked_for_comes_in_its_order_found_or_not() {
    let plant = Plant::new();
    plant.doubles(2);
    let paths = [
        format!("{ROBOT}/M1"),
        "Acme/Dallas".to_owned(),
        format!("{ROBOT}/M0"),
        "Nowhere".to_owned(),
        format!("{ROBOT}/M1"),
    ];
    let answer = read(&plant, json!({"paths": paths, "fields": ["value", "quality"]})).await.json();
    let good = |path: &str| json!({"path": path, "value": 0.0, "quality": "Good"});
    let refused = |index: usize, kind: &str| {
        let entry = &answer["samples"][index];
        assert_eq!((&entry["path"], &entry["problem"]["status"]), (&json!(paths[index]), &json!(404)));
        assert_eq!(entry["problem"]["type"], format!("urn:factree:problem:{kind}"));
    };
    assert_eq!(answer["samples"].as_array().unwrap().len(), 5);
    assert_eq!([&answer["samples"][0], &answer["samples"][4]], [&good(&paths[0]); 2]);
    assert_eq!(answer["samples"][2], good(&paths[2]));
    refused(1, "no-sample");
    refused(3, "element-not-found");
    let whole = read(&plant, json!({"paths": [paths[0]]})).await.json();
    assert_eq!(whole["samples"][0], plant.get(&format!("/api/v1/values/{}", paths[0])).await.json());
}

#[tokio::test]
async fn who_says_what_he_knows_is_told_only_what_has_changed() {
    let plant = Plant::new();
    let block = plant.doubles(3);
    let paths: Vec<String> = (0..3).map(|number| format!("{ROBOT}/M{number}")).collect();
    let ask =
        async |since: &Value| read(&plant, json!({"paths": paths, "fields": ["value"], "since": since})).await.json();
    let unchanged = |number: usize| json!({"path": paths[number], "unchanged": true});
    let first = read(&plant, json!({"paths": paths})).await.json();
    let second = ask(&first["position"]).await;
    assert_eq!(second["samples"], json!([unchanged(0), unchanged(1), unchanged(2)]));
    plant.write(&block, &[(1, 7.5)]);
    let third = ask(&second["position"]).await;
    assert_eq!(third["samples"], json!([unchanged(0), {"path": paths[1], "value": 7.5}, unchanged(2)]));
    assert_eq!(ask(&third["position"]).await["samples"][1], unchanged(1));
    let unit = Metadata { unit: Some("bar".into()), ..Metadata::default() };
    plant.declare(&[Modelled { path: paths[0].clone(), metadata: unit, ..Modelled::default() }]);
    let other_words = read(&plant, json!({"paths": paths, "since": third["position"]})).await.json();
    assert_eq!((&other_words["samples"][0]["unit"], &other_words["samples"][2]["value"]), (&json!("bar"), &json!(0.0)));
    assert_eq!(ask(&other_words["position"]).await["samples"][0], unchanged(0));
    let of_another_process = ask(&json!("1-999")).await;
    assert_eq!(of_another_process["samples"][0]["value"], 0.0, "whose revisions mean nothing here");
}

#[tokio::test]
async fn a_full_answer_says_of_the_rest_that_it_is_full() {
    let plant = Plant::new();
    let text = Sampled::String("x".repeat(1 << 20).into());
    let names: Vec<String> = (0..7).map(|number| format!("M{number}")).collect();
    let cells: Vec<_> = names.iter().map(|name| (name.as_str(), DataType::Text, text.clone())).collect();
    plant.robot(&cells);
    let paths: Vec<String> = names.iter().map(|name| format!("{ROBOT}/{name}")).collect();
    let answer = read(&plant, json!({"paths": paths})).await.json();
    let entries = answer["samples"].as_array().unwrap();
    let full = |entry: &&Value| entry["problem"]["type"] == "urn:factree:problem:response-full";
    assert_eq!((entries.len(), entries.iter().filter(full).count()), (7, 3));
}

#[tokio::test]
async fn questions_are_bounded_and_say_what_they_may_be() {
    let plant = Plant::new();
    let many = json!({"paths": vec!["a"; 10_001]}).to_string();
    let large = json!({"paths": ["a".repeat(2 << 20)]}).to_string();
    for (body, status, detail) in [
        ("", 400, "it is no object"),
        ("[[]]", 400, "it is no object"),
        ("{}", 400, "missing field `paths`"),
        (r#"{"paths": [5]}"#, 400, "expected a string"),
        (r#"{"paths": [], "path": "a"}"#, 400, "unknown field"),
        (r#"{"paths": [], "fields": ["valeu"]}"#, 400, "'valeu' is no member of a sample"),
        (r#"{"paths": [], "since": "4711"}"#, 400, "the id of an event"),
        (&*many, 400, "up to 10000"),
        (&*large, 413, "1048576 bytes"),
    ] {
        let request = Request::post("/api/v1/values/read").body(Body::from(body.to_owned())).unwrap();
        let answer = plant.send(request).await;
        let problem = answer.problem();
        assert_eq!(answer.status.as_u16(), status, "{problem}");
        assert!(problem["detail"].as_str().unwrap().contains(detail), "{problem}");
    }
}

/// The address of the question is an element's as well, if there is one of that name.
#[tokio::test]
async fn an_element_called_read_can_still_be_read() {
    let plant = Plant::new();
    plant.publish(1, "read", b"1.5");
    assert_eq!(plant.get("/api/v1/values/read").await.json()["value"], 1.5);
    let set = plant.put("/api/v1/values/read", r#"{"value": 2.5}"#).await;
    assert_eq!((set.status, plant.published().len()), (StatusCode::ACCEPTED, 1));
    let other = plant.ask(Method::DELETE, "/api/v1/values/read").await;
    assert_eq!(other.header("allow"), "POST,GET,HEAD,PUT");
}

#[tokio::test]
async fn fields_are_chosen_in_every_way_of_reading() {
    let plant = Plant::new();
    plant.doubles(1);
    let sample = json!({"path": format!("{ROBOT}/M0"), "value": 0.0, "timestamp": "2026-01-31T12:00:00.000Z"});
    let one = plant.get(&format!("/api/v1/values/{ROBOT}/M0?fields=timestamp,value")).await.json();
    assert_eq!(one, sample);
    let many = plant.get("/api/v1/values?filter=%23&fields=value,timestamp").await;
    assert_eq!(many.json()["samples"], json!([sample]));
    assert_ne!(many.header("etag"), plant.get("/api/v1/values?filter=%23&fields=value").await.header("etag"));
    let tree = plant.get(&format!("/api/v1/namespace/{ROBOT}?fields=value,timestamp")).await.json();
    assert_eq!(tree["children"][0]["sample"], sample);
    assert_eq!(tree["children"][0]["datatype"], "Double", "of the element, which is shown whole");
    for uri in ["/api/v1/values?filter=%23&", "/api/v1/namespace?", "/api/v1/values/Acme?"] {
        let problem = plant.get(&format!("{uri}fields=value,unti")).await.problem();
        assert_eq!(problem["parameter"], "fields");
        assert!(
            problem["detail"].as_str().unwrap().contains("'unti' is no member of a sample; it takes value, quality")
        );
    }
}
