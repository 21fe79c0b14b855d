//! Stories of i3X subscriptions: what is owed to a client, how it is acknowledged, and what becomes of it when nobody asks. Time
//! stands still unless everybody waits.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use crate::plant::{NOON, Plant, ROBOT3, payload, robot3};
use axum::body::{Body, BodyDataStream};
use axum::http::{Method, Request, StatusCode};
use factree_http::{I3xLimits, StreamLimits};
use factree_ingest::{Placement, SparkplugRuleText};
use factree_namespace::{Block, DataType, Kind, Level, Metadata, PathSpec, Place, Quality, Timestamp, ValueRef};
use futures_util::{FutureExt, StreamExt};
use serde_json::{Value, json};

const ROBOT: &str = "Acme/Dallas/Press/Line1/Robot3";

/// A client with one subscription.
struct Client {
    plant: Plant,
    block: Arc<Block>,
    id: String,
}

impl Client {
    /// Of a Robot3 with this many doubles.
    async fn of(count: usize, change: impl FnOnce(&mut I3xLimits)) -> Client {
        let mut limits = I3xLimits::default();
        change(&mut limits);
        let plant = Plant::bounded(factree_ingest::Limits::default(), StreamLimits::default(), limits);
        let block = plant.doubles(count);
        let created = plant.i3x_post("/subscriptions", json!({"clientId": "me", "displayName": "mine"})).await;
        assert_eq!((&created["result"]["clientId"], &created["result"]["displayName"]), (&json!("me"), &json!("mine")));
        let id = created["result"]["subscriptionId"].as_str().unwrap().to_owned();
        Client { plant, block, id }
    }

    fn asks(&self, more: &Value) -> String {
        let mut body = json!({"clientId": "me", "subscriptionId": self.id});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body.to_string()
    }

    /// Which of these were registered.
    async fn register(&self, names: &[&str], depth: u64) -> Vec<bool> {
        self.bulk("/subscriptions/register", names, depth).await
    }

    async fn bulk(&self, path: &str, names: &[&str], depth: u64) -> Vec<bool> {
        let ids: Vec<String> = names.iter().map(|name| element_id(name)).collect();
        let body = self.asks(&json!({"elementIds": ids, "maxDepth": depth}));
        let told = self.plant.i3x(Method::POST, path, &body).await.json();
        let results = told["results"].as_array().unwrap();
        assert_eq!(
            results.iter().map(|result| &result["elementId"]).collect::<Vec<_>>(),
            ids.iter().collect::<Vec<_>>()
        );
        let done: Vec<bool> = results.iter().map(|result| result["success"].as_bool().unwrap()).collect();
        assert_eq!(told["success"], !done.contains(&false));
        done
    }

    /// Status, and the batches as `1: M0=0.5 M1=null`.
    async fn sync(&self, last: Value) -> (u16, Vec<String>) {
        let body = self.asks(&json!({"lastSequenceNumber": last}));
        let answer = self.plant.i3x(Method::POST, "/subscriptions/sync", &body).await;
        let body: Value = serde_json::from_str(&answer.body).unwrap();
        let batches = body["result"].as_array().map_or(&[][..], Vec::as_slice);
        let tell = |batch: &Value| format!("{}: {}", batch["sequenceNumber"], told(&batch["updates"]));
        (answer.status.as_u16(), batches.iter().map(tell).collect())
    }

    /// The batches of a sync that acknowledges nothing.
    async fn owed(&self) -> Vec<String> {
        let (status, batches) = self.sync(Value::Null).await;
        assert_eq!(status, 200);
        batches
    }

    fn write(&self, samples: &[(u32, f64)]) {
        self.plant.write(&self.block, samples);
    }

    /// Lets the subscription look.
    async fn rest(&self) {
        tokio::time::sleep(Duration::from_millis(150)).await;
    }

    async fn stream(&self) -> Stream {
        let request = Request::post("/i3x/v1/subscriptions/stream").body(Body::from(self.asks(&json!({}))));
        let response = self.plant.answer(request.unwrap()).await;
        assert_eq!(
            (response.status(), &response.headers()["content-type"]),
            (StatusCode::OK, &"text/event-stream".parse().unwrap())
        );
        Stream(response.into_body().into_data_stream())
    }
}

struct Stream(BodyDataStream);

impl Stream {
    /// What the next event tells; none at the end.
    async fn next(&mut self) -> Option<String> {
        let bytes = self.0.next().await?.unwrap();
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        let data = text.strip_prefix("data: ").and_then(|text| text.strip_suffix("\n\n"));
        Some(data.map_or(text.clone(), |data| told(&serde_json::from_str(data).unwrap())))
    }
}

fn element_id(name: &str) -> String {
    if name.is_empty() { ROBOT.to_owned() } else { format!("{ROBOT}/{name}") }
}

fn told(updates: &Value) -> String {
    let tell = |update: &Value| {
        assert!(update["quality"].is_string() && update["timestamp"].as_str().unwrap().ends_with('Z'), "{update}");
        let name = update["elementId"].as_str().unwrap().strip_prefix(ROBOT).unwrap().trim_start_matches('/');
        format!("{name}={}", update["value"])
    };
    updates.as_array().unwrap().iter().map(tell).collect::<Vec<_>>().join(" ")
}

fn max(number: u32) -> NonZeroU32 {
    NonZeroU32::new(number).unwrap()
}

#[tokio::test(start_paused = true)]
async fn what_is_owed_is_told_until_it_is_acknowledged() {
    let client = Client::of(3, |_| {}).await;
    assert!(client.owed().await.is_empty(), "nothing is registered");
    assert_eq!(client.register(&["M0", "M1", "Nowhere", "M0"], 1).await, [true, true, false, true]);
    assert_eq!(client.owed().await, ["1: M0=0.0 M1=0.0"], "what is comes first");
    assert_eq!(client.owed().await, ["1: M0=0.0 M1=0.0"], "and again until it is acknowledged");
    client.write(&[(1, 1.5), (2, 9.0)]);
    assert_eq!(client.owed().await, ["1: M0=0.0 M1=0.0", "2: M1=1.5"], "a sync misses nothing that is in the tree");
    assert_eq!(client.sync(json!(7)).await.1.len(), 2, "nobody can have what was never told");
    assert_eq!(client.sync(json!(1)).await.1, ["2: M1=1.5"]);
    client.write(&[(0, 2.5)]);
    assert_eq!(client.sync(json!(2)).await.1, ["3: M0=2.5"]);
    client.write(&[(0, 3.5)]);
    client.rest().await;
    assert_eq!(client.sync(json!(-1)).await, (200, vec![]));
    assert!(client.owed().await.is_empty());
    client.write(&[(0, 4.5)]);
    assert_eq!(client.owed().await, ["4: M0=4.5"]);
    for wrong in [json!(-2), json!(1.5), json!("4"), json!(1e300)] {
        assert_eq!(client.sync(wrong).await.0, 400);
    }
    assert_eq!(client.owed().await, ["4: M0=4.5"]);
}

#[tokio::test(start_paused = true)]
async fn changes_between_two_looks_are_one_and_further_apart_are_all() {
    let client = Client::of(2, |_| {}).await;
    client.register(&["M0", "M1"], 1).await;
    client.sync(json!(-1)).await;
    for value in [1.0, 2.0, 3.0] {
        client.write(&[(0, value)]);
        client.write(&[(0, value + 0.5), (1, value)]);
        client.rest().await;
    }
    assert_eq!(client.owed().await, ["1: M0=1.5 M1=1.0 M0=2.5 M1=2.0 M0=3.5 M1=3.0"]);
}

#[tokio::test(start_paused = true)]
async fn who_does_not_fetch_loses_what_is_superseded_and_is_told() {
    let client = Client::of(2, |limits| limits.i3x_updates_per_element_max = max(2)).await;
    client.register(&["M0", "M1"], 1).await;
    for value in 1..=4 {
        client.write(&[(0, f64::from(value))]);
        client.rest().await;
    }
    assert_eq!(client.sync(Value::Null).await, (206, vec!["1: M1=0.0 M0=3.0 M0=4.0".into()]));
    assert_eq!(client.sync(Value::Null).await.0, 200, "it is confessed once");
    assert_eq!(client.plant.i3x.stats().dropped, 3);

    let client = Client::of(2, |limits| limits.i3x_queue_bytes_max = max(700)).await;
    client.register(&["M0", "M1"], 1).await;
    for value in 1..=20 {
        client.write(&[(0, f64::from(value))]);
        client.rest().await;
    }
    let (status, batches) = client.sync(Value::Null).await;
    assert!(status == 206 && batches[0].starts_with("1: M1=0.0 ") && batches[0].ends_with(" M0=20.0"), "{batches:?}");
    for value in 21..=40 {
        client.write(&[(0, f64::from(value))]);
        client.owed_or_cut().await;
    }
    let (_, batches) = client.sync(Value::Null).await;
    assert!(
        batches.len() < 15 && batches.last().unwrap().ends_with("M0=40.0"),
        "the oldest batches made room: {batches:?}"
    );
}

impl Client {
    async fn owed_or_cut(&self) {
        let (status, batches) = self.sync(Value::Null).await;
        assert!(matches!(status, 200 | 206) && !batches.is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn components_are_monitored_and_those_born_later_too() {
    let client = Client::of(2, |_| {}).await;
    assert_eq!(client.register(&[""], 0).await, [true]);
    assert_eq!(client.owed().await, ["1: M0=0.0 M1=0.0"], "the robot has no value of its own");
    let root = client.plant.namespace.ensure(&ROBOT3, Kind::Equipment).unwrap();
    let origin = client.plant.namespace.origin(&client.block, robot3(), root).unwrap();
    let metadata = Metadata::default();
    let (kind, datatype, path) = (Kind::Metric, DataType::Double, PathSpec::Below("M2"));
    let place = Place { slot: 2, origin, path, kind, datatype, metadata: &metadata };
    client.plant.namespace.place(&client.block, &place).unwrap();
    client.write(&[(2, 5.0)]);
    assert_eq!(client.sync(json!(1)).await.1, ["2: M2=5.0"]);
    let listed =
        client.plant.i3x_post("/subscriptions/list", json!({"clientId": "me", "subscriptionIds": [client.id]}));
    let objects = listed.await["results"][0]["result"]["monitoredObjects"].clone();
    assert_eq!(objects, json!([{"elementId": ROBOT, "maxDepth": 0}]));

    client.write(&[(0, 1.0)]);
    client.rest().await;
    assert_eq!(client.bulk("/subscriptions/unregister", &["", "M0"], 1).await, [true, false]);
    client.write(&[(0, 2.0)]);
    assert_eq!(client.sync(json!(2)).await.1, ["3: M0=1.0"], "what was seen before is told");
    assert_eq!(client.plant.i3x.stats().elements, 0);
}

#[tokio::test(start_paused = true)]
async fn what_other_rules_move_is_gone_here_until_it_is_back() {
    let rules = |site: &str| {
        let rule = SparkplugRuleText { group: site.into(), node: Some("{work_center}".into()), ..Default::default() };
        Placement::parse(&Level::ALL, &[rule], None).unwrap()
    };
    let plant = Plant::new();
    let born = [("bdSeq", None, payload::Value::Int64(3)), ("Speed", Some(7), payload::Value::Int64(5))];
    plant.publish(1, "spBv1.0/Acme:Dallas/NBIRTH/Line1", &payload::payload(NOON, 0, &born));
    let created = plant.i3x_post("/subscriptions", json!({"clientId": "me"})).await;
    let asks = |more: Value| {
        let mut body = json!({"clientId": "me", "subscriptionId": created["result"]["subscriptionId"]});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    let items = json!({"elementIds": ["Acme/Dallas/Line1", "Acme/Dallas/Line1/Speed"], "maxDepth": 0});
    plant.i3x_post("/subscriptions/register", asks(items)).await;
    let sync = async |last: i64| {
        let told = plant.i3x_post("/subscriptions/sync", asks(json!({"lastSequenceNumber": last}))).await;
        let updates = told["result"][0]["updates"].as_array().unwrap().clone();
        let tell = |it: &Value| json!([it["elementId"], it["value"], it["quality"]]);
        updates.iter().map(tell).collect::<Value>()
    };
    let speed = "Acme/Dallas/Line1/Speed";
    assert_eq!(sync(0).await, json!([[speed, 5, "Good"]]));
    plant.replace(rules("{site}:{enterprise}"));
    assert_eq!(sync(1).await, json!([["Acme/Dallas/Line1", null, "Bad"], [speed, null, "Bad"]]));
    plant.replace(rules("{enterprise}:{site}"));
    assert_eq!(sync(2).await, json!([[speed, 5, "Good"]]));
}

#[tokio::test(start_paused = true)]
async fn another_quality_is_an_update() {
    let client = Client::of(1, |_| {}).await;
    client.register(&["M0"], 1).await;
    client.sync(json!(-1)).await;
    let mut writer = client.plant.namespace.write(&client.block, Timestamp(NOON + 5000));
    writer.set(0, ValueRef::Double(1.0), DataType::Double, Quality::Bad, Timestamp(NOON + 1)).unwrap();
    writer.finish();
    assert_eq!(client.owed().await, ["1: M0=null"]);
}

#[tokio::test(start_paused = true)]
async fn it_is_nobody_elses_and_ends_when_nobody_asks() {
    let client = Client::of(1, |limits| limits.i3x_subscriptions_max = max(2)).await;
    let plant = &client.plant;
    client.register(&["M0"], 1).await;
    for path in ["register", "unregister", "sync", "stream", "list", "delete"] {
        let path = format!("/subscriptions/{path}");
        let ids = json!({"subscriptionId": client.id, "subscriptionIds": [client.id], "elementIds": []});
        assert_eq!(plant.i3x(Method::POST, &path, &ids.to_string()).await.status.as_u16(), 400, "{path}: nobody asks");
        let mut ids = ids.clone();
        ids["clientId"] = json!("");
        assert_eq!(plant.i3x(Method::POST, &path, &ids.to_string()).await.status.as_u16(), 400, "{path}: nobody");
        ids["clientId"] = json!("you");
        let answer = plant.i3x(Method::POST, &path, &ids.to_string()).await;
        let body: Value = serde_json::from_str(&answer.body).unwrap();
        let status = if answer.status == 200 { &body["results"][0] } else { &body }["responseDetail"]["status"].clone();
        assert_eq!(status, 404, "{path}: {body}");
    }
    assert_eq!(plant.i3x(Method::POST, "/subscriptions", r#"{"displayName": "x"}"#).await.status.as_u16(), 400);
    let second = plant.i3x_post("/subscriptions", json!({"clientId": "you"})).await["result"].clone();
    assert_eq!(second["displayName"], Value::Null);
    assert_eq!(plant.i3x(Method::POST, "/subscriptions", r#"{"clientId": "you"}"#).await.status.as_u16(), 503);

    tokio::time::sleep(Duration::from_secs(200)).await;
    client.owed().await;
    tokio::time::sleep(Duration::from_secs(200)).await;
    let stats = plant.i3x.stats();
    assert_eq!((stats.subscriptions, stats.expired, stats.refused), (1, 1, 1), "the one that was synced is there");
    let both = json!({"clientId": "you", "subscriptionIds": [second["subscriptionId"]]});
    assert_eq!(plant.i3x_post("/subscriptions/delete", both).await["success"], false);
    let mine = json!({"clientId": "me", "subscriptionIds": [client.id]});
    assert_eq!(plant.i3x_post("/subscriptions/delete", mine).await["success"], true);
    assert_eq!(client.sync(Value::Null).await.0, 404);
    assert_eq!((plant.i3x.stats().subscriptions, plant.i3x.stats().elements), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_stream_tells_what_waits_and_then_what_changes() {
    let client = Client::of(2, |_| {}).await;
    client.register(&["M0"], 1).await;
    assert_eq!(client.owed().await, ["1: M0=0.0"]);
    client.write(&[(0, 1.0)]);
    client.rest().await;
    let mut stream = client.stream().await;
    assert_eq!(stream.next().await.unwrap(), "M0=0.0 M0=1.0", "what was told and not acknowledged is owed as well");
    client.write(&[(0, 2.0), (1, 9.0)]);
    assert_eq!(stream.next().await.unwrap(), "M0=2.0");
    client.register(&["M1"], 1).await;
    assert_eq!(stream.next().await.unwrap(), "M1=9.0");
    assert_eq!(stream.next().await.unwrap(), ": heartbeat\n\n");
    assert_eq!(client.sync(Value::Null).await.0, 400, "one way at a time");

    let mut second = client.stream().await;
    assert_eq!(stream.next().await, None, "the first ends");
    drop(stream);
    assert_eq!(client.sync(Value::Null).await.0, 400, "but not the second");
    client.write(&[(0, 3.0)]);
    assert_eq!(second.next().await.unwrap(), "M0=3.0");
    tokio::time::sleep(Duration::from_secs(1000)).await;
    assert_eq!(client.plant.i3x.stats().subscriptions, 1, "a stream keeps it");
    drop(second);
    assert!(client.owed().await.is_empty(), "what was streamed is not owed");
    tokio::time::sleep(Duration::from_secs(301)).await;
    assert_eq!(client.plant.i3x.stats().subscriptions, 0);
}

#[tokio::test(start_paused = true)]
async fn a_stream_ends_with_its_subscription_and_with_the_server() {
    let client = Client::of(1, |_| {}).await;
    let mut stream = client.stream().await;
    assert!(stream.next().now_or_never().is_none(), "there is nothing to tell");
    let mine = json!({"clientId": "me", "subscriptionIds": [client.id]});
    client.plant.i3x_post("/subscriptions/delete", mine).await;
    assert_eq!(stream.next().await, None);

    let client = Client::of(1, |_| {}).await;
    let mut stream = client.stream().await;
    client.plant.streams.close();
    assert_eq!(stream.next().await, None);
    drop(stream);
    client.plant.streams.all_closed().await;
    let late = client.plant.i3x(Method::POST, "/subscriptions/stream", &client.asks(&json!({}))).await;
    assert_eq!(late.status.as_u16(), 503);
}

#[tokio::test(start_paused = true)]
async fn no_more_is_monitored_than_may_be() {
    let client = Client::of(5, |limits| {
        limits.i3x_elements_per_subscription_max = max(4);
        limits.i3x_elements_max = max(5);
    })
    .await;
    assert_eq!(client.register(&[""], 0).await, [false], "six elements");
    assert_eq!(client.register(&["M0", "M1", "M2", "M3", "M4", "M3"], 1).await, [true, true, true, true, false, true]);
    let other = client.plant.i3x_post("/subscriptions", json!({"clientId": "me"})).await;
    let body = json!({"clientId": "me", "subscriptionId": other["result"]["subscriptionId"], "elementIds": [element_id("M0"), element_id("M1")]});
    let told = client.plant.i3x_post("/subscriptions/register", body).await;
    assert_eq!(told["results"][0]["success"], true, "{told}");
    assert!(told["results"][1]["responseDetail"]["detail"].as_str().unwrap().contains("i3x_elements_max"), "{told}");
}
