//! Who is alive: Edge Nodes, their Devices and metrics.

use crate::plant::payload::{Value, payload};
use crate::plant::{NOON, Plant};
use factree_ingest::SessionKey;

fn birth(metrics: &[(&str, Option<u64>)]) -> Vec<u8> {
    let mut all = vec![("bdSeq", None, Value::Int64(0)), ("Node Control/Rebirth", None, Value::Boolean(false))];
    all.extend(metrics.iter().map(|&(name, alias)| (name, alias, Value::Double(1.5))));
    payload(NOON, 0, &all)
}

#[tokio::test]
async fn an_edge_node_is_born_and_dies_with_its_session() {
    let plant = Plant::new();
    plant.happen(|batch| batch.session_started(SessionKey(1), "gateway-1"));
    plant.publish(1, "spBv1.0/Acme:Dallas/NBIRTH/Line 1", &birth(&[("Speed", Some(7))]));
    let uri = "/api/v1/edge-nodes/Acme:Dallas/Line%201";

    let alive = plant.get(uri).await.json();
    assert_eq!((&alive["state"], &alive["client_id"]), (&"online".into(), &"gateway-1".into()));
    assert_eq!((&alive["bd_seq"], &alive["next_seq"]), (&0.into(), &1.into()));
    assert_eq!((&alive["path"], &alive["counters"]["births"]), (&"Acme/Dallas/Line 1".into(), &1.into()));
    assert!(alive.get("metrics").is_none(), "only when asked for");

    let speed = plant.get("/api/v1/values/Acme/Dallas/Line%201/Speed").await.json();
    assert_eq!((&speed["source"]["metric_alias"], &speed["quality"]), (&7.into(), &"Good".into()));
    let with_context = plant.get("/api/v1/values/Acme/Dallas/Line%201/Speed?context=true").await.json();
    assert_eq!(with_context["source"], speed["source"], "what is behind the source does not hide it");

    plant.happen(|batch| batch.session_ended(SessionKey(1)));
    let dead = plant.get(uri).await.json();
    assert_eq!((&dead["state"], dead.get("next_seq")), (&"offline".into(), None));
    assert_eq!(plant.get("/api/v1/values/Acme/Dallas/Line%201/Speed").await.json()["quality"], "Stale");
}

#[tokio::test]
async fn those_that_are_online_are_told_apart_from_those_that_are_not() {
    let plant = Plant::new();
    plant.happen(|batch| batch.session_started(SessionKey(1), "gateway-1"));
    for line in ["Line1", "Line2", "Line3"] {
        plant.publish(1, &format!("spBv1.0/Acme/NBIRTH/{line}"), &birth(&[]));
    }
    plant.happen(|batch| batch.session_ended(SessionKey(1)));
    plant.publish(2, "spBv1.0/Acme/NBIRTH/Line2", &birth(&[]));
    let names = async |uri: &str| -> Vec<String> {
        let pages = plant.pages(uri).await;
        let nodes = pages.iter().flat_map(|page| page["edge_nodes"].as_array().unwrap());
        nodes.map(|node| node["edge_node"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names("/api/v1/edge-nodes?online=true&limit=1").await, ["Line2"]);
    assert_eq!(names("/api/v1/edge-nodes?online=false&limit=1").await, ["Line1", "Line3"]);
    let refused = plant.get("/api/v1/edge-nodes?online=maybe").await.problem();
    assert!(refused["detail"].as_str().unwrap().contains("true"), "{refused}");
}

#[tokio::test]
async fn edge_nodes_come_in_order_each_once() {
    let plant = Plant::new();
    let mut expected = Vec::new();
    for (session, (group, edge_node)) in
        (1..).zip([("B", "1"), ("A", "2"), ("A", "10"), ("A:x", "1"), ("A b", "%"), ("Ä", "..")])
    {
        plant.publish(session, &format!("spBv1.0/{group}/NBIRTH/{edge_node}"), &birth(&[]));
        expected.push(format!("{group}/{edge_node}"));
    }
    expected.sort_by(|a, b| a.split_once('/').cmp(&b.split_once('/')));
    for limit in 1..=7 {
        let pages = plant.pages(&format!("/api/v1/edge-nodes?limit={limit}")).await;
        let nodes = pages.iter().flat_map(|page| page["edge_nodes"].as_array().unwrap());
        let name = |node: &serde_json::Value| {
            format!("{}/{}", node["group"].as_str().unwrap(), node["edge_node"].as_str().unwrap())
        };
        assert_eq!(nodes.map(name).collect::<Vec<_>>(), expected, "in pages of {limit}");
    }
    assert_eq!(plant.get("/api/v1/edge-nodes/A%20b/%25").await.json()["group"], "A b");
    assert_eq!(plant.get("/api/v1/edge-nodes/%C3%84/%2E%2E").await.json()["edge_node"], "..");
}

#[tokio::test]
async fn metrics_come_in_pages_each_once() {
    let plant = Plant::new();
    let names: Vec<String> = (0..25).map(|n| format!("M/{n}")).collect();
    let metrics: Vec<_> = names.iter().zip(0..).map(|(name, alias)| (name.as_str(), Some(alias))).collect();
    plant.publish(1, "spBv1.0/G/NBIRTH/N", &birth(&metrics));
    let mut expected: Vec<&str> = names.iter().map(String::as_str).chain(["bdSeq", "Node Control/Rebirth"]).collect();
    expected.sort_unstable();
    for limit in [1, 26, 27, 28] {
        let pages = plant.pages(&format!("/api/v1/edge-nodes/G/N?metrics=true&limit={limit}")).await;
        let metrics = pages.iter().flat_map(|page| page["metrics"].as_array().unwrap());
        let shown: Vec<&str> = metrics.map(|metric| metric["name"].as_str().unwrap()).collect();
        assert_eq!(shown, expected, "in pages of {limit}");
    }
}

#[tokio::test]
async fn questions_about_nobody_are_refused() {
    let plant = Plant::new();
    assert_eq!(plant.get("/api/v1/edge-nodes").await.body, r#"{"edge_nodes":[]}"#);
    for (uri, kind) in [
        ("/G/N", "edge-node-not-found"),
        ("/G/%ff", "bad-path"),
        ("/G/N?metrics=yes", "bad-parameter"),
        ("?limit=0", "bad-parameter"),
        ("?cursor=QWNtZQ", "bad-parameter"),
        ("?metrics=true", "bad-parameter"),
    ] {
        let problem = plant.get(&format!("/api/v1/edge-nodes{uri}")).await.problem();
        assert_eq!(problem["type"], format!("urn:factree:problem:{kind}"), "{uri}");
    }
}

/// Ingest holds its lock and wants the tree's; a reader that did it the other way round would stop both for good.
#[test]
fn births_and_readers_pass_each_other() {
    let plant = Plant::new();
    plant.publish(1, "spBv1.0/G/NBIRTH/N", &birth(&[("M", Some(1))]));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for n in 0..300 {
                plant.publish(1, "spBv1.0/G/NBIRTH/N", &birth(&[("M", Some(1)), (&format!("M{n}"), Some(2))]));
            }
        });
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        for _ in 0..100 {
            for uri in ["/values/G/N/M", "/values?filter=%23", "/namespace?depth=9", "/edge-nodes/G/N?metrics=true"] {
                runtime.block_on(plant.get(&format!("/api/v1{uri}"))).json();
            }
        }
    });
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    assert_eq!(runtime.block_on(plant.get("/api/v1/values/G/N/M299")).json()["value"], 1.5);
}

#[tokio::test]
async fn an_edge_node_that_waits_for_a_message_says_so_and_what_it_was_asked_and_why() {
    let plant = Plant::new();
    let session = SessionKey::attached(0, 1).0;
    let data = |seq, metrics: &[(&str, Option<u64>, Value)]| payload(NOON, seq, metrics);
    plant.publish(session, "spBv1.0/Acme:Dallas/NBIRTH/Line1", &birth(&[("Speed", Some(7))]));
    plant.publish(session, "spBv1.0/Acme:Dallas/NDATA/Line1", &data(3, &[("Speed", None, Value::Double(2.5))]));
    let uri = "/api/v1/edge-nodes/Acme:Dallas/Line1";
    let waiting = plant.get(uri).await.json();
    assert_eq!(
        (&waiting["state"], &waiting["held"], &waiting["next_seq"]),
        (&"reordering".into(), &1.into(), &1.into())
    );
    assert_eq!((&waiting["counters"]["held"], waiting.get("rebirth")), (&1.into(), None));

    plant.publish(session, "spBv1.0/Acme:Dallas/NDATA/Line1", &data(1, &[("Unheard of", None, Value::Double(2.5))]));
    let asked = plant.get(uri).await.json();
    assert_eq!(asked["rebirth"], serde_json::json!({"asked": "2026-01-31T12:00:00.012Z", "reason": "unknown_metric"}));
    assert_eq!(asked["counters"]["rebirths"], serde_json::json!({"unknown_metric": 1}));
    assert_eq!(asked["counters"]["rebirths_asked"], 1);
}

#[tokio::test]
async fn a_metric_that_is_gone_stays_to_be_seen_and_says_since_when() {
    let plant = Plant::new();
    plant.publish(1, "spBv1.0/Acme:Dallas/NBIRTH/Line1", &birth(&[("Speed", Some(7)), ("Torque", None)]));
    plant.wait(std::time::Duration::from_secs(1));
    plant.publish(1, "spBv1.0/Acme:Dallas/NBIRTH/Line1", &birth(&[("Torque", None)]));
    for uri in ["/api/v1/values/Acme/Dallas/Line1/Speed", "/api/v1/namespace/Acme/Dallas/Line1/Speed"] {
        let body = plant.get(uri).await.json();
        let sample = body.get("sample").unwrap_or(&body);
        let seen = (&sample["value"], &sample["quality"], &sample["gone"], &sample["gone_since"]);
        assert_eq!(seen, (&1.5.into(), &"Stale".into(), &true.into(), &"2026-01-31T12:00:01.012Z".into()), "{uri}");
    }
    let torque = plant.get("/api/v1/values/Acme/Dallas/Line1/Torque").await.json();
    assert_eq!((torque.get("gone"), &torque["quality"]), (None, &"Good".into()));
    plant.publish(1, "spBv1.0/Acme:Dallas/NBIRTH/Line1", &birth(&[("Speed", Some(7))]));
    let back = plant.get("/api/v1/values/Acme/Dallas/Line1/Speed").await.json();
    assert_eq!((back.get("gone"), &back["quality"]), (None, &"Good".into()));
}
