//! Who may publish to the tree's topics: whoever owns them, and where nobody does, anybody.

use factree_mqtt::{Connect, ReasonCode, TopicName, WillMessage};

use super::client::{Client, V3, V5};
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
