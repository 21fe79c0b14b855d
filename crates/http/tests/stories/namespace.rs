//! Elements and what is below them: depth, pages, conflicts.

use std::collections::BTreeSet;

use crate::plant::{self, Plant};
use factree_namespace::{DataType, Metadata, Segment, Source, Value};
use serde_json::Value as Json;

/// Names of the children shown.
fn names(element: &Json) -> Vec<&str> {
    let children = element["children"].as_array().unwrap();
    children.iter().map(|child| child["name"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn the_root_shows_the_enterprises_and_depth_opens_them() {
    let plant = Plant::new();
    plant.robot(&[("Temperature", DataType::Float, Value::Float(21.4))]);
    plant.add(
        Source::Topic { topic: "Brown".into() },
        &[],
        &Metadata::default(),
        &[("Brown", DataType::Int32, Value::Int(1))],
    );

    let root = plant.get("/api/v1/namespace").await.json();
    assert_eq!((names(&root), &root["children_count"]), (vec!["Acme", "Brown"], &2.into()));
    assert!(root["children"][0].get("children").is_none(), "depth 1 ends there");
    assert_eq!(root["children"][0]["children_count"], 1);
    assert_eq!(root["children"][1]["sample"]["value"], 1);

    let flat = plant.get("/api/v1/namespace?depth=0").await.json();
    assert_eq!(flat, serde_json::json!({"kind": "folder", "children_count": 2}));

    let deep = plant.get("/api/v1/namespace/Acme?depth=9").await.json();
    let robot = &deep["children"][0]["children"][0]["children"][0]["children"][0];
    assert_eq!((&robot["path"], &robot["level"]), (&"Acme/Dallas/Press/Line1/Robot3".into(), &"work_unit".into()));
    assert_eq!(robot["children"][0]["sample"]["value"], 21.4);
    assert!(robot["children"][0].get("next_cursor").is_none());
}

#[tokio::test]
async fn children_come_page_by_page_each_once() {
    let plant = Plant::new();
    let names_sent: Vec<String> = (0..103).map(|n| format!("M{n}")).collect();
    let cells: Vec<_> = names_sent.iter().map(|name| (name.as_str(), DataType::Int32, Value::Int(7))).collect();
    plant.robot(&cells);
    let mut expected: Vec<&str> = names_sent.iter().map(String::as_str).collect();
    expected.sort_unstable();
    for limit in [1, 50, 102, 103, 104] {
        let pages = plant.pages(&format!("/api/v1/namespace/Acme/Dallas/Press/Line1/Robot3?limit={limit}")).await;
        assert_eq!(pages.iter().flat_map(names).collect::<Vec<_>>(), expected, "in pages of {limit}");
        assert!(pages.iter().all(|page| page["children_count"] == 103));
        assert_eq!(pages.len(), 103_usize.div_ceil(limit));
    }
}

/// Follows every `next_cursor` and every `truncated` there is, as a client would that wants everything.
async fn harvest(plant: &Plant, limit: usize) -> (Vec<String>, usize) {
    let mut paths = Vec::new();
    let mut ask = vec![format!("/api/v1/namespace?depth=64&limit={limit}")];
    let mut requests = 0;
    while let Some(uri) = ask.pop() {
        requests += 1;
        let answer = plant.get(&uri).await;
        assert!(answer.body.len() < 6 << 20, "{} bytes", answer.body.len());
        let page = answer.json();
        let mut open = vec![&page];
        let mut shown = 0;
        while let Some(element) = open.pop() {
            shown += 1;
            let path = element.get("path").map_or(String::new(), |path| format!("/{}", path.as_str().unwrap()));
            let uri = format!("/api/v1/namespace{path}?depth=64&limit={limit}");
            if let Some(cursor) = element["next_cursor"].as_str() {
                ask.push(format!("{uri}&cursor={cursor}"));
            }
            if element["truncated"] == true {
                assert!(element.get("children").is_none());
                ask.push(uri);
            }
            for child in element["children"].as_array().into_iter().flatten() {
                paths.push(child["path"].as_str().unwrap().to_owned());
                open.push(child);
            }
        }
        assert!(shown <= 10_000, "{shown} elements");
    }
    (paths, requests)
}

#[tokio::test]
async fn asking_too_deep_costs_a_page_and_loses_nothing() {
    let plant = Plant::new();
    let names: Vec<String> = (0..12_000).map(|n| format!("{}/{}/{}", n / 1000, n / 50 % 20, n % 50)).collect();
    let cells: Vec<_> = names.iter().map(|name| (name.as_str(), DataType::Int32, Value::Int(7))).collect();
    plant.robot(&cells);
    for limit in [7, 1000] {
        let (paths, requests) = harvest(&plant, limit).await;
        let distinct: BTreeSet<&String> = paths.iter().collect();
        assert_eq!(distinct.len(), paths.len(), "each once, in {requests} requests");
        assert_eq!(paths.len(), 5 + 12 + 12 * 20 + 12_000);
    }
}

#[tokio::test]
async fn heavy_values_end_a_page_early() {
    let plant = Plant::new();
    let text = Value::String("x".repeat(1 << 20).into());
    let names: Vec<String> = (0..9).map(|n| format!("{}/{n}", n / 4)).collect();
    let cells: Vec<_> = names.iter().map(|name| (name.as_str(), DataType::Text, text.clone())).collect();
    plant.robot(&cells);
    let (paths, requests) = harvest(&plant, 1000).await;
    assert_eq!(paths.len(), 5 + 3 + 9);
    assert!(requests >= 3);
}

#[tokio::test]
async fn a_conflict_says_what_it_wanted_and_metadata_what_was_declared() {
    let plant = Plant::new();
    let metadata = Metadata {
        unit: Some("°C".into()),
        description: Some("of the \"left\" axis".into()),
        properties: vec![("engHigh".into(), "120".into())],
        ..Metadata::default()
    };
    let cells = [("Temperature", DataType::Float, Value::Float(21.4))];
    plant.add(plant::robot3(), &plant::ROBOT3, &metadata, &cells);
    let topic = Source::Topic { topic: "Acme/Dallas/Press/Line1/Robot3/Temperature".into() };
    plant.add(topic, &plant::ROBOT3, &Metadata::default(), &cells);

    let owner = plant.get("/api/v1/namespace/Acme/Dallas/Press/Line1/Robot3/Temperature").await.json();
    assert_eq!((&owner["unit"], &owner["datatype"]), (&"°C".into(), &"Float".into()));
    assert_eq!(owner["description"], "of the \"left\" axis");
    assert_eq!(owner["properties"], serde_json::json!({"engHigh": "120"}));
    assert!(owner.get("conflict").is_none());

    let mut at = plant.get("/api/v1/namespace/_conflicts?depth=64").await.json();
    while let Some(child) = at["children"].get(0).cloned() {
        at = child;
    }
    assert_eq!(at["conflict"], "Acme/Dallas/Press/Line1/Robot3/Temperature");
    assert_eq!((&at["sample"]["value"], &at["sample"]["source"]["type"]), (&21.4.into(), &"mqtt".into()));
}

#[tokio::test]
async fn hostile_names_are_text_and_nothing_else() {
    let plant = Plant::new();
    let name = "<script>alert(\"1\")</script>";
    plant.add(
        Source::Topic { topic: "x".into() },
        &[Segment::named("__proto__")],
        &Metadata::default(),
        &[(name, DataType::String, Value::String(name.into()))],
    );
    let answer = plant.get("/api/v1/namespace/__proto__").await;
    assert_eq!(names(&answer.json()), [name.split('/').next().unwrap()], "a slash makes two names of it");
    assert_eq!(answer.json()["name"], "__proto__");
}

#[tokio::test]
async fn bad_questions_are_refused() {
    let plant = Plant::new();
    for (query, detail) in [
        ("depth=129", "from 0 to 128"),
        ("limit=1001", "from 1 to 1000"),
        ("cursor=*", "next_cursor"),
        ("deep=1", "it takes path, depth, fields, context, limit, cursor"),
    ] {
        let problem = plant.get(&format!("/api/v1/namespace?{query}")).await.problem();
        assert!(problem["detail"].as_str().unwrap().contains(detail), "{problem}");
    }
    assert_eq!(plant.get("/api/v1/namespace/Acme").await.problem()["type"], "urn:factree:problem:element-not-found");
}
