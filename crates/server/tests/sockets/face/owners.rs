//! Who may publish to the tree's topics: whoever owns them, and where nobody does, anybody.

use factree_mqtt::{Connect, Handshake, Packet, Publish, ReasonCode, TopicName, WillMessage};

use super::client::{Client, V3, V5, id};
use super::{EdgeNode, TEMPERATURE, told};
use crate::plant::Plant;

#[test]
fn a_topic_that_an_edge_node_owns_is_refused_to_everybody_with_the_way_to_set_its_value() {
    let plant = Plant::start();
    let _node = EdgeNode::born(&plant, &["Axis/1/Temperature", "50 %"], 21.5);
    let mut reader = Client::connect(&plant, "reader", V5);
    reader.subscribe(TEMPERATURE);
    assert_eq!(told(&mut reader, 1), ["Temperature 21.5 Good retained"]);
    let mut client = Client::connect(&plant, "intruder", V5);
    let owner = "Device Robot3 of the Edge Node Acme:Dallas:Press/Line1 owns this topic";
    let refused = |path: &str| {
        (ReasonCode::NotAuthorized, Some(format!("{owner}; set its value with PUT /api/v1/values/{path}")))
    };
    assert_eq!(client.publish_1(TEMPERATURE, b"1"), refused(TEMPERATURE));
    let odd = client.publish_1("Acme/Dallas/Press/Line1/Robot3/50 %25", b"1");
    assert_eq!(odd, refused("Acme/Dallas/Press/Line1/Robot3/50%20%25"));
    client.publish(TEMPERATURE, b"2");
    let mut older = Client::connect(&plant, "older", V3);
    assert_eq!(older.publish_1(TEMPERATURE, b"3").0, ReasonCode::Success, "it can be told no better (3.3.5.2)");
    reader.heard_nothing_else();
    assert_eq!(plant.sample(TEMPERATURE).unwrap()["value"], 21.5);
    assert_eq!(plant.metric("factree_publications_refused_total{reason=\"topic\"}"), Some(4.0));
}

#[test]
fn where_nobody_is_the_owner_or_a_plain_topic_is_anybody_may_publish() {
    let plant = Plant::start();
    let _node = EdgeNode::born(&plant, &["Axis/1/Temperature"], 21.5);
    let mut client = Client::connect(&plant, "mes", V5);
    for topic in ["Acme/Dallas/order", "Acme/Dallas/order", "Acme/Dallas/Press/Line1/Robot3", "elsewhere"] {
        assert!(!client.publish_1(topic, b"1").0.is_failure(), "{topic}");
        assert_eq!(plant.sample(topic).unwrap()["value"], 1);
    }
}

#[test]
fn what_stands_nowhere_by_the_rules_is_its_edge_nodes_too() {
    let plant = Plant::configured("[[namespace.sparkplug]]\ngroup = \"{enterprise}:only\"");
    let _node = EdgeNode::born(&plant, &["t"], 1.0);
    let topic = "_unplaced/Acme:Dallas:Press/Line1/Robot3/t";
    let mut client = Client::connect(&plant, "reader", V5);
    client.subscribe("_unplaced/#");
    assert_eq!(told(&mut client, 3), ["Rebirth false Good retained", "t 1.0 Good retained", "bdSeq 0 Good retained"]);
    assert_eq!(client.publish_1(topic, b"1").0, ReasonCode::NotAuthorized);
}

#[test]
fn nobody_leaves_a_will_for_a_topic_that_an_edge_node_owns() {
    let plant = Plant::start();
    let _node = EdgeNode::born(&plant, &["Axis/1/Temperature"], 21.5);
    let connect = |topic| {
        let will = WillMessage::new(TopicName::parse(topic).unwrap(), b"gone");
        Client::connect_with(&plant, Connect { will: Some(will), ..Connect::new(V5, "mortal") }).1
    };
    assert_eq!(connect(TEMPERATURE), ReasonCode::NotAuthorized);
    assert_eq!(connect("Acme/Dallas/mortal"), ReasonCode::Success);
}

/// Retains a message with QoS 1; how that went.
fn retain(client: &mut Client, topic: &str, payload: &[u8]) -> ReasonCode {
    let (handshake, topic) = (Handshake::AtLeastOnce(id(9)), TopicName::parse(topic).unwrap());
    client.send(&Packet::Publish(Publish { handshake, retain: true, ..Publish::new(topic, payload) }));
    client.answer(|packet| if let Packet::PubAck(ack) = packet { Some(ack.reason) } else { None })
}

/// No rule wants plain topics of these names, so nobody owns them before an Edge Node does.
const ELSEWHERE: &str = "[[namespace.topics]]\ntopic = \"elsewhere/{enterprise}/{rest...}\"";

#[test]
fn a_will_is_not_published_to_a_topic_that_has_an_owner_by_now() {
    let plant = Plant::start();
    let topic = TopicName::parse(TEMPERATURE).unwrap();
    let will = |retain| WillMessage { retain, ..WillMessage::new(topic, br#"{"value":999}"#) };
    let leave = |client, retain| {
        Client::connect_with(&plant, Connect { will: Some(will(retain)), ..Connect::new(V5, client) }).0
    };
    let mortals = [leave("first", true), leave("second", false)];
    let _node = EdgeNode::born(&plant, &["Axis/1/Temperature"], 21.5);
    let mut reader = Client::connect(&plant, "reader", V5);
    reader.subscribe(TEMPERATURE);
    drop(mortals);
    plant.until("they are gone", |plant| {
        ["first", "second"].iter().all(|client| plant.get(&format!("/api/v1/clients/{client}")).0 == 404)
    });
    assert_eq!(told(&mut reader, 1), ["Temperature 21.5 Good retained"]);
    reader.heard_nothing_else();
    assert_eq!(plant.metric("factree_publications_refused_total{reason=\"topic\"}"), Some(2.0));
    assert_eq!(plant.get("/api/v1/namespace/_conflicts").0, 404, "the tree has heard of nothing");
}

#[test]
fn what_was_retained_before_its_topic_had_an_owner_goes() {
    let plant = Plant::configured(ELSEWHERE);
    let mut client = Client::connect(&plant, "early", V5);
    for topic in [TEMPERATURE, "Acme/Dallas/order"] {
        assert!(!retain(&mut client, topic, br#"{"value":999}"#).is_failure());
    }
    let before = plant.metric("factree_retained_messages ").unwrap();
    // Births have certificates, which are retained.
    let _node = EdgeNode::born(&plant, &["Axis/1/Temperature"], 21.5);
    plant.until("it is gone", |plant| plant.metric("factree_retained_messages ") == Some(before + 1.0));
    let mut reader = Client::connect(&plant, "reader", V5);
    reader.subscribe("Acme/Dallas/order");
    assert_eq!(reader.hear().payload, br#"{"value":999}"#, "which nobody owns");
    reader.subscribe(TEMPERATURE);
    assert_eq!(told(&mut reader, 1), ["Temperature 21.5 Good retained"]);
    reader.heard_nothing_else();
}

#[test]
fn a_retained_message_may_be_cleared_whoever_owns_its_topic() {
    let plant = Plant::start();
    let _node = EdgeNode::born(&plant, &["Axis/1/Temperature"], 21.5);
    let mut reader = Client::connect(&plant, "reader", V5);
    reader.subscribe(TEMPERATURE);
    assert_eq!(told(&mut reader, 1), ["Temperature 21.5 Good retained"]);
    for version in [V3, V5] {
        let mut client = Client::connect(&plant, "janitor", version);
        assert_eq!(retain(&mut client, TEMPERATURE, b""), ReasonCode::Success);
        assert_eq!(client.publish_1(TEMPERATURE, b"").0.is_failure(), version == V5, "it has nothing to clear");
    }
    reader.heard_nothing_else();
    assert_eq!(plant.sample(TEMPERATURE).unwrap()["value"], 21.5);
}
