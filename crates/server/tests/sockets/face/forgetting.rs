//! What is forgotten, as who follows it by MQTT hears of it.

use factree_mqtt::{Handshake, Packet, Publish, TopicName};

use super::client::{Client, V5, id};
use super::{EdgeNode, settled, told};
use crate::plant::Plant;

const NODE: &str = "/api/v1/edge-nodes/Acme%3ADallas%3APress/Line1";
const CERTIFICATES: &str = "$sparkplug/certificates/spBv1.0/#";

fn retains(client: &mut Client, topic: &str, payload: &[u8]) {
    let publish = Publish {
        retain: true,
        handshake: Handshake::AtLeastOnce(id(7)),
        ..Publish::new(TopicName::parse(topic).unwrap(), payload)
    };
    client.send(&Packet::Publish(publish));
    client.answer(|packet| matches!(packet, Packet::PubAck(_)).then_some(()));
}

#[test]
fn a_forgotten_edge_node_is_gone_for_everybody_at_once() {
    let plant = Plant::start();
    let node = EdgeNode::born(&plant, &["Pressure"], 21.5);
    let mut other = Client::connect(&plant, "other", V5);
    // It has waited for the path since before.
    let (status, problem) = plant.delete(NODE);
    assert_eq!((status, problem["type"].as_str()), (409, Some("urn:factree:problem:online")), "{problem}");
    assert!(problem["detail"].as_str().unwrap().contains("disconnect its client"), "{problem}");
    node.dies();
    plant.until("it is offline", |plant| plant.get(NODE).1["state"] == "offline");
    let mut reader = Client::connect(&plant, "reader", V5);
    reader.subscribe("Acme/Dallas/Press/Line1/Robot3/#");
    assert_eq!(told(&mut reader, 1), ["Pressure 21.5 Stale retained"]);
    settled(&plant);
    assert_eq!(plant.delete(NODE).0, 204);
    let heard = reader.hear();
    assert_eq!((heard.topic.as_str(), heard.payload.len()), ("Acme/Dallas/Press/Line1/Robot3/Pressure", 0));
    assert_eq!(plant.get(NODE).0, 404);
    assert_eq!(plant.get("/api/v1/namespace/Acme").0, 404);
    let mut late = Client::connect(&plant, "late", V5);
    late.subscribe(CERTIFICATES);
    late.heard_nothing_else();
    let (_, census) = plant.get("/api/v1/edge-nodes");
    assert_eq!(census["edge_nodes"], serde_json::json!([]));
    assert_eq!(plant.delete(NODE).0, 404);

    // Anybody may publish there now.
    other.publish("Acme/Dallas/Press/Line1/Robot3/Pressure", b"3");
    other.barrier();
    assert_eq!(plant.sample("Acme/Dallas/Press/Line1/Robot3/Pressure").unwrap()["value"], 3);
    let mut again = EdgeNode::born(&plant, &["Pressure"], 4.0);
    again.says(&[(1, 5.0)]);
    let conflict = "_conflicts/spBv1.0/Acme:Dallas:Press/Line1/Robot3/Pressure";
    assert_eq!(plant.sample(conflict).unwrap()["value"], 5.0);
    assert_eq!(plant.delete("/api/v1/values/Acme/Dallas/Press/Line1/Robot3/Pressure?reason=in+the+way").0, 204);
    assert_eq!(plant.sample("Acme/Dallas/Press/Line1/Robot3/Pressure").unwrap()["value"], 5.0, "its path is free");
}

#[test]
fn a_plain_topic_goes_with_its_retained_message() {
    let plant = Plant::configured("[namespace.mqtt]\nroot = \"uns\"\n");
    let mut client = Client::connect(&plant, "meter", V5);
    retains(&mut client, "Acme/Energy", b"7");
    let mut reader = Client::connect(&plant, "reader", V5);
    reader.subscribe("uns/#");
    assert_eq!(told(&mut reader, 1), ["Energy 7 Good retained"]);
    settled(&plant);
    assert_eq!(plant.delete("/api/v1/values/Acme/Energy").0, 204);
    let heard = reader.hear();
    assert_eq!((heard.topic.as_str(), heard.payload.len()), ("uns/Acme/Energy", 0));
    let mut late = Client::connect(&plant, "late", V5);
    late.subscribe("Acme/#");
    late.heard_nothing_else();

    retains(&mut client, "Acme/Energy", b"8");
    assert_eq!(late.hear().payload, b"8");
    assert_eq!(told(&mut reader, 1), ["Energy 8 Good"]);
    retains(&mut client, "Acme/Energy", b"");
    assert_eq!(late.hear().payload, b"", "as it was published, and once");
    late.heard_nothing_else();
    while !reader.hear().payload.is_empty() {}
    assert_eq!(plant.get("/api/v1/values/Acme/Energy").0, 404);
}
