//! Stories of context over HTTP: the order of its time beside each sample, by itself, and on streams.

use crate::plant::{NOON, Plant};
use factree_namespace::{ContextRule, ContextScope, Filter};
use serde_json::{Value, json};

const ORDER: &str = "Acme/Dallas/Line1/Order";
const TEMP: &str = "Acme/Dallas/Line1/Temp";

/// Order A since noon, B since 5 s later.
fn plant() -> Plant {
    let plant = Plant::new();
    let rule = |name: &str, path: &str| ContextRule {
        name: name.into(),
        path: Filter::parse(path).unwrap(),
        scope: ContextScope::Above(1),
        fields: None,
    };
    plant.contexts(vec![rule("order", "Acme/+/+/Order"), rule("shift", "Acme/+/Shift")]);
    order(&plant, "A", 0);
    order(&plant, "B", 5_000);
    plant
}

fn order(plant: &Plant, number: &str, since: u64) {
    let document = json!({ "Number": number, "Part": { "Name": "Door \"left\"" }, "timestamp": NOON + since });
    plant.publish(3, ORDER, document.to_string().as_bytes());
}

fn temp(plant: &Plant, path: &str, value: u64, at: u64) {
    plant.publish(3, path, json!({ "value": value, "timestamp": NOON + at }).to_string().as_bytes());
}

/// The number of the order in a sample, and whether anything is missing.
fn number(sample: &Value) -> (&str, bool) {
    let order = &sample["context"]["order"]["value"];
    (order["Number"].as_str().unwrap_or("-"), sample["context_complete"] == false)
}

#[tokio::test]
async fn a_sample_has_the_order_of_its_time() {
    let plant = plant();
    for (at, wanted) in [(4_999, ("A", false)), (5_000, ("B", false)), (60_000, ("B", false))] {
        temp(&plant, TEMP, 20, at);
        let sample = plant.get(&format!("/api/v1/values/{TEMP}?context=true")).await.json();
        assert_eq!(number(&sample), wanted, "{at}");
    }
    let sample = plant.get(&format!("/api/v1/values/{TEMP}?context=true")).await.json();
    assert_eq!(
        sample["context"],
        json!({ "order": {
            "path": ORDER,
            "since": "2026-01-31T12:00:05.000Z",
            "quality": "Good",
            "value": { "Number": "B", "Part/Name": "Door \"left\"", "timestamp": NOON + 5_000 },
        } })
    );
    let plain = plant.get(&format!("/api/v1/values/{TEMP}")).await.json();
    assert!(plain.get("context").is_none() && plain.get("context_complete").is_none(), "{plain}");

    plant.publish(3, "Acme/Dallas/Line1/Old", br#"{"value":1,"timestamp":1000}"#);
    let old = plant.get("/api/v1/values/Acme/Dallas/Line1/Old?context=true").await.json();
    assert_eq!((&old["context"], &old["context_complete"]), (&json!({ "order": { "path": ORDER } }), &json!(false)));

    plant.publish(3, "Acme/Dallas/Shift", b"\"early\"");
    let sample = plant.get(&format!("/api/v1/values/{TEMP}?context=true")).await.json();
    assert_eq!(sample["context"]["shift"]["value"], "early", "a document that is one value");
    assert_eq!(sample["quality"], "Good");
    let elsewhere = plant.get("/api/v1/values/Acme/Dallas/Shift?context=sometimes").await.problem();
    assert_eq!(elsewhere["parameter"], "context");
}

#[tokio::test]
async fn pages_and_elements_have_it_as_well() {
    let plant = plant();
    for (name, at) in [("T1", 1_000), ("T2", 6_000), ("T3", 2_000)] {
        temp(&plant, &format!("Acme/Dallas/Line1/{name}"), 1, at);
    }
    temp(&plant, "Acme/Dallas/Line2/T", 1, 1_000);
    let uri = "/api/v1/values?filter=Acme/Dallas/%2B/%2B&context=true";
    let page = plant.get(uri).await;
    let samples = page.json()["samples"].clone();
    let numbers: Vec<_> = samples.as_array().unwrap().iter().map(number).collect();
    assert_eq!(numbers, [("A", false), ("B", false), ("A", false), ("-", false)], "{samples}");
    assert_eq!(samples[3]["context"], json!({}), "nothing applies to Line2");

    let tag = page.header("etag").to_owned();
    let again = |tag: String| {
        let request = axum::http::Request::get(uri).header("if-none-match", tag);
        plant.send(request.body(axum::body::Body::empty()).unwrap())
    };
    assert_eq!(again(tag.clone()).await.status, 304);
    order(&plant, "A2", 1_500);
    let changed = again(tag).await;
    let numbers: Vec<_> =
        changed.json()["samples"].as_array().unwrap().iter().map(|it| number(it).0.to_owned()).collect();
    assert_eq!(numbers, ["A", "B", "A2", "-"], "an order that came late is another answer about the same sample");

    let element = plant.get("/api/v1/namespace/Acme/Dallas/Line1?context=true").await.json();
    assert_eq!(element["contexts"], json!({ "order": ORDER }));
    let children = element["children"].as_array().unwrap();
    let child = |name: &str| children.iter().find(|child| child["name"] == name).unwrap();
    assert_eq!(number(&child("T1")["sample"]), ("A", false));
    assert_eq!(child("T1")["contexts"], json!({ "order": ORDER }));
    let found = plant.get("/api/v1/search?q=t2&fields=value&context=true").await.json();
    let sample = &found["elements"][0]["sample"];
    assert_eq!((number(sample), &sample["value"], sample.get("quality")), (("B", false), &json!(1), None), "{sample}");
    let other = plant.get("/api/v1/namespace/Acme/Dallas/Line2?depth=0").await.json();
    assert!(other.get("contexts").is_none(), "{other}");
}

/// Fields choose members of the sample; its context is asked for on its own.
#[tokio::test]
async fn samples_read_by_path_or_by_field_have_it_as_well() {
    let plant = plant();
    temp(&plant, TEMP, 20, 6_000);
    let read = async |body: Value| {
        let request = axum::http::Request::post("/api/v1/values/read").body(axum::body::Body::from(body.to_string()));
        plant.send(request.unwrap()).await.json()
    };
    let paths = [TEMP, "Acme/Dallas", TEMP];
    let told = read(json!({ "paths": paths, "fields": ["value"], "context": true })).await;
    let in_force = &told["samples"][0]["context"]["order"];
    assert_eq!(in_force["value"]["Number"], "B");
    assert_eq!(told["samples"][2], json!({ "path": TEMP, "value": 20, "context": { "order": in_force } }));
    assert!(told["samples"][1]["problem"].is_object(), "{told}");
    let plain = read(json!({ "paths": paths, "fields": ["value"] })).await;
    assert_eq!(plain["samples"][0], json!({ "path": TEMP, "value": 20 }));

    order(&plant, "B2", 5_500);
    let since = &told["position"];
    let again = read(json!({ "paths": [TEMP, ORDER.to_owned() + "/Number"], "since": since, "context": true })).await;
    assert_eq!(
        again["samples"][0],
        json!({ "path": TEMP, "unchanged": true }),
        "an order that came late changes no sample"
    );
    assert_eq!(again["samples"][1]["value"], "B2");

    for uri in [
        format!("/api/v1/values/{TEMP}?fields=value&context=true"),
        format!("/api/v1/values?filter={TEMP}&fields=value&context=true"),
        format!("/api/v1/namespace/{TEMP}?fields=value&context=true"),
    ] {
        let answer = plant.get(&uri).await.json();
        let sample = answer.get("sample").or(answer["samples"].get(0)).unwrap_or(&answer);
        assert_eq!((number(sample), sample.get("quality")), (("B2", false), None), "{uri}");
    }
}

#[tokio::test]
async fn context_can_be_asked_for_by_itself() {
    let plant = plant();
    temp(&plant, TEMP, 20, 0);
    let at = async |query: &str| plant.get(&format!("/api/v1/context/{TEMP}{query}")).await.json();
    let now = at("").await;
    assert_eq!((now["at"].as_str().unwrap(), number(&now)), ("2026-01-31T12:00:00.012Z", ("A", false)));
    assert_eq!(number(&at("?at=2026-01-31T12:00:05Z").await), ("B", false));
    assert_eq!(number(&at("?at=2026-01-31T11:59:59.999Z").await), ("-", true));
    let problem = plant.get(&format!("/api/v1/context/{TEMP}x")).await.problem();
    assert_eq!((problem["status"].as_u64(), &problem["nearest"][0]), (Some(404), &json!("Temp")));

    plant.publish(3, "Acme/Ulm/Shift", b"\"late\"");
    let pages = plant.pages("/api/v1/context?limit=1").await;
    let told: Vec<String> = pages
        .iter()
        .flat_map(|page| page["contexts"].as_array().unwrap())
        .map(|it| format!("{} {} for {}: {}", it["name"], it["path"], it["applies_to"], it["value"]))
        .collect();
    assert_eq!(told.len(), 2);
    assert!(told[0].starts_with("\"order\" \"Acme/Dallas/Line1/Order\" for \"Acme/Dallas/Line1\": {\"Number\":\"B\""));
    assert_eq!(told[1], "\"shift\" \"Acme/Ulm/Shift\" for \"Acme/Ulm\": \"late\"");
    assert_eq!(plant.get("/api/v1/context?cursor=TQ").await.problem()["parameter"], "cursor");
    let nothing = Plant::new().get("/api/v1/context").await.json();
    assert_eq!(nothing, json!({ "contexts": [] }));
}

#[tokio::test(start_paused = true)]
async fn a_stream_tells_each_sample_with_its_context() {
    let plant = plant();
    temp(&plant, TEMP, 20, 1_000);
    let query = "filter=Acme/%2B/Line1/Temp&fields=value&context=true";
    let mut reader = plant.follow(query).await;
    let snapshot = reader.event().await;
    assert_eq!(number(&snapshot.data["samples"][0]), ("A", false));

    temp(&plant, TEMP, 21, 6_000);
    temp(&plant, TEMP, 22, 7_000);
    plant.streams.ring();
    let changes = reader.event().await;
    assert_eq!((changes.samples(), number(&changes.data["samples"][0])), (vec![format!("{TEMP}=22")], ("B", false)));

    order(&plant, "C", 8_000);
    plant.streams.ring();
    assert!(reader.is_silent().await, "a new order changes no sample");
    let plain = plant.follow("filter=Acme/%2B/Line1/Temp&fields=value").await.event().await;
    assert!(plain.data["samples"][0].get("context").is_none(), "those who did not ask are told as ever");
}
