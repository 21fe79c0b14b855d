//! What was found against Sparkplug's rules: the list, its filters and pages, and one Edge Node held against all rules.

use std::time::Duration;

use crate::plant::payload::{Value, payload};
use crate::plant::{NOON, Plant};
use factree_ingest::SessionKey;
use serde_json::json;

const BD_SEQ_MISSING: &str = "tck-id-topics-nbirth-bdseq-included";
const SEQ_GAP: &str = "tck-id-payloads-sequence-num-incrementing";

/// An NBIRTH that says what it should but no bdSeq.
fn poor_birth() -> Vec<u8> {
    payload(NOON, 0, &[("Node Control/Rebirth", None, Value::Boolean(false))])
}

/// A gateway whose robot loses a message, twice.
fn lossy_plant() -> Plant {
    let plant = Plant::new();
    plant.happen(|batch| batch.session_started(SessionKey(7), "press-gateway"));
    let born = [("bdSeq", None, Value::Int64(3)), ("Node Control/Rebirth", None, Value::Boolean(false))];
    plant.publish(7, "spBv1.0/Acme:Dallas:Press/NBIRTH/Line 1", &payload(NOON, 0, &born));
    let robot = [("Temperature", Some(10), Value::Float(21.4))];
    plant.publish(7, "spBv1.0/Acme:Dallas:Press/DBIRTH/Line 1/Robot3", &payload(NOON, 1, &robot));
    plant.publish(7, "spBv1.0/Acme:Dallas:Press/DDATA/Line 1/Robot3", &payload(NOON, 4, &robot));
    plant.wait(Duration::from_secs(60));
    plant.publish(7, "spBv1.0/Acme:Dallas:Press/DDATA/Line 1/Robot3", &payload(NOON, 9, &robot));
    plant
}

#[tokio::test]
async fn a_finding_names_the_rule_the_device_the_client_and_an_example() {
    let plant = lossy_plant();
    let answer = plant.get(&format!("/api/v1/findings?tck_id={SEQ_GAP}")).await.json();
    assert_eq!(
        answer["findings"],
        json!([{
            "tck_id": SEQ_GAP, "level": "MUST", "text": "seq goes up by one from message to message, 0 after 255.",
            "group": "Acme:Dallas:Press", "edge_node": "Line 1", "device": "Robot3",
            "client_id": "press-gateway", "session": 7,
            "first": "2026-01-31T12:00:00.012Z", "last": "2026-01-31T12:01:00.012Z", "count": 2,
            "example": {
                "occasion": "DDATA", "topic": "spBv1.0/Acme:Dallas:Press/DDATA/Line 1/Robot3", "expected": 2, "got": 4
            }
        }])
    );
    assert_eq!(answer["dropped"], 0);
    assert!(answer["entries"].as_u64() >= Some(1) && answer.get("next_cursor").is_none(), "{answer}");
}

#[tokio::test]
async fn every_filter_narrows_the_list() {
    let plant = Plant::new();
    plant.happen(|batch| {
        batch.session_started(SessionKey(8), "a b+c");
        batch.session_started(SessionKey(9), "press");
    });
    plant.publish(8, "spBv1.0/Early/NBIRTH/E", &poor_birth());
    plant.wait(Duration::from_secs(60));
    plant.publish(9, "spBv1.0/Late/NBIRTH/Line 1", &poor_birth());
    for (query, groups) in [
        ("", &["Early", "Late"] as &[&str]),
        ("group=Early", &["Early"]),
        ("edge_node=Line%201", &["Late"]),
        ("edge_node=Line+1&group=Late", &["Late"]),
        ("edge_node=Line+1&group=Early", &[]),
        ("client=a+b%2Bc", &["Early"]),
        ("since=2026-01-31T12:01:00Z", &["Late"]),
        ("since=2026-01-31T14:01:00%2B02:00", &["Late"]),
        ("since=2026-01-31T12:01:01Z", &[]),
        ("level=must", &["Early", "Late"]),
        ("level=SHOULD", &[]),
        ("level=may", &[]),
    ] {
        let uri = format!("/api/v1/findings?tck_id={BD_SEQ_MISSING}&{query}");
        let answer = plant.get(&uri).await.json();
        let found = answer["findings"].as_array().unwrap().iter().map(|finding| finding["group"].as_str().unwrap());
        assert_eq!(found.collect::<Vec<_>>(), groups, "{query}");
    }
    let all = plant.get("/api/v1/findings?limit=1000").await.json();
    assert!(all["findings"].as_array().unwrap().iter().any(|finding| finding["tck_id"] == BD_SEQ_MISSING));
    assert_eq!(plant.get("/api/v1/findings?tck_id=tck-id-nonsense").await.json()["findings"], json!([]));
}

#[tokio::test]
async fn findings_come_in_order_each_once() {
    let plant = Plant::new();
    let mut expected = Vec::new();
    for (session, (group, edge_node)) in
        (1..).zip([("B", "1"), ("A", "2"), ("A", "10"), ("A:x", "1"), ("A b", "%"), ("Ä", "..")])
    {
        plant.happen(|batch| batch.session_started(SessionKey(session), &format!("client/{session}")));
        plant.publish(session, &format!("spBv1.0/{group}/NBIRTH/{edge_node}"), &poor_birth());
        expected.push(format!("{group}/{edge_node}"));
    }
    expected.sort_by(|a, b| a.split_once('/').cmp(&b.split_once('/')));
    for limit in 1..=7 {
        let pages = plant.pages(&format!("/api/v1/findings?tck_id={BD_SEQ_MISSING}&limit={limit}")).await;
        let findings = pages.iter().flat_map(|page| page["findings"].as_array().unwrap());
        let name = |finding: &serde_json::Value| {
            format!("{}/{}", finding["group"].as_str().unwrap(), finding["edge_node"].as_str().unwrap())
        };
        assert_eq!(findings.map(name).collect::<Vec<_>>(), expected, "in pages of {limit}");
    }
}

#[tokio::test]
async fn an_edge_node_is_held_against_every_rule() {
    let plant = lossy_plant();
    let answer = plant.get("/api/v1/edge-nodes/Acme:Dallas:Press/Line%201/conformance").await.json();
    assert_eq!((&answer["group"], &answer["edge_node"]), (&"Acme:Dallas:Press".into(), &"Line 1".into()));
    assert_eq!((&answer["state"], &answer["client_id"]), (&"online".into(), &"press-gateway".into()));
    assert_eq!(answer["since"], "2026-01-31T12:00:00.012Z");

    let rules = answer["rules"].as_array().unwrap();
    let rule = |id: &str| rules.iter().find(|rule| rule["tck_id"] == id).unwrap_or_else(|| panic!("{id} is missing"));
    let gap = rule(SEQ_GAP);
    assert_eq!((&gap["verdict"], &gap["findings"][0]["count"]), (&"violated".into(), &2.into()));
    assert_eq!(gap["findings"][0]["device"], "Robot3");
    assert_eq!(rule("tck-id-payloads-nbirth-timestamp")["verdict"], "observed");
    assert_eq!(rule("tck-id-payloads-ddeath-timestamp")["verdict"], "not_observed", "it has not left");
    assert_eq!(rule("tck-id-payloads-ndeath-bdseq")["verdict"], "not_observed");
    let unseen = rule("tck-id-principles-rbe-recommended");
    assert_eq!(unseen["verdict"], "not_visible");
    assert!(unseen["reason"].as_str().is_some_and(|reason| !reason.is_empty()));
    let alias = rules.iter().find(|rule| rule["same_as"] == json!([SEQ_GAP])).expect("some say the same");
    assert_eq!((&alias["verdict"], alias.get("findings")), (&"violated".into(), None));
    assert!(!rules.iter().any(|rule| rule["tck_id"].as_str().unwrap().contains("host-topic-phid")), "about hosts");

    let count =
        |verdict: &str| rules.iter().filter(|rule| rule["verdict"] == verdict && rule.get("same_as").is_none()).count();
    for verdict in ["violated", "observed", "not_observed", "not_visible"] {
        assert_eq!(answer["summary"][verdict], count(verdict), "{verdict}");
    }
    assert!(answer["summary"]["must_violated"].as_u64() >= Some(1));
}

#[tokio::test]
async fn what_cannot_be_asked_is_refused() {
    let plant = Plant::new();
    for (uri, kind, detail) in [
        ("/edge-nodes/G/N/conformance", "edge-node-not-found", "'N' of group 'G'"),
        ("/edge-nodes/G/%ff/conformance", "bad-path", "UTF-8"),
        ("/edge-nodes/G/N/conformance?limit=1", "bad-parameter", "no parameters"),
        ("/findings?limit=0", "bad-parameter", "from 1 to 1000"),
        ("/findings?cursor=QWNtZQ", "bad-parameter", "another route"),
        ("/findings?level=shall", "bad-parameter", "must, should, may"),
        ("/findings?since=yesterday", "bad-parameter", "2026-01-31T12:00:00Z"),
        ("/findings?since=1969-01-01T00:00:00Z", "bad-parameter", "2026-01-31T12:00:00Z"),
        ("/findings?device=D", "bad-parameter", "edge_node, client"),
    ] {
        let problem = plant.get(&format!("/api/v1{uri}")).await.problem();
        assert_eq!(problem["type"], format!("urn:factree:problem:{kind}"), "{uri}");
        assert!(problem["detail"].as_str().unwrap().contains(detail), "{uri}: {problem}");
    }
}
