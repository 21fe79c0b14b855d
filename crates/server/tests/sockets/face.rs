//! The tree's own topics on MQTT: what is current for who subscribes, and every sample after it.

mod client;
mod forgetting;
mod owners;
mod terms;
mod weight;

use factree_mqtt::ReasonCode;
use factree_sparkplug::encode::{MetricBuilder, PayloadBuilder};
use factree_sparkplug::{BdSeq, DataType, Seq, Timestamp, Value};

use crate::plant::Plant;
use client::{Client, V3, V5};

const AT: Timestamp = Timestamp(1_700_000_000_000);
const TEMPERATURE: &str = "Acme/Dallas/Press/Line1/Robot3/Axis/1/Temperature";

/// An Edge Node with one Device, as its messages.
pub(crate) struct EdgeNode {
    client: Client,
    seq: u8,
}

impl EdgeNode {
    /// Born, with the Device's metrics: Doubles in °C, all of this value; in the tree when this returns.
    pub(crate) fn born(plant: &Plant, metrics: &[&str], value: f64) -> Self {
        let will = ("spBv1.0/Acme:Dallas:Press/NDEATH/Line1", factree_sparkplug::encode::ndeath(BdSeq::new(0)));
        let mut node = EdgeNode { client: Client::mortal(plant, "Line1", will.0, &will.1), seq: 0 };
        let nbirth = PayloadBuilder::at(AT)
            .metric(MetricBuilder::bd_seq(BdSeq::new(0)).at(AT))
            .metric(MetricBuilder::named("Node Control/Rebirth").at(AT).boolean(false));
        node.publish("spBv1.0/Acme:Dallas:Press/NBIRTH/Line1", nbirth);
        let mut dbirth = PayloadBuilder::at(AT);
        for (metric_alias, name) in (1..).zip(metrics) {
            let metric = MetricBuilder::named(name).alias(metric_alias).at(AT).declare(DataType::Double);
            let metric = metric.value(DataType::Double, Value::Double(value)).unwrap();
            dbirth = dbirth.metric(metric.text_property("engUnit", "°C"));
        }
        node.publish("spBv1.0/Acme:Dallas:Press/DBIRTH/Line1/Robot3", dbirth);
        node.client.barrier();
        node
    }

    fn publish(&mut self, topic: &str, payload: PayloadBuilder) {
        self.client.publish(topic, &payload.seq(Seq::new(self.seq)).encode());
        self.seq = self.seq.wrapping_add(1);
    }

    /// New values, by metric alias; in the tree when this returns.
    pub(crate) fn says(&mut self, values: &[(u64, f64)]) {
        self.says_in_passing(values);
        self.client.barrier();
    }

    /// The same, without waiting.
    pub(crate) fn says_in_passing(&mut self, values: &[(u64, f64)]) {
        let payload = values.iter().fold(PayloadBuilder::at(AT), |payload, &(metric_alias, value)| {
            let metric = MetricBuilder::aliased(metric_alias).at(AT);
            payload.metric(metric.value(DataType::Double, Value::Double(value)).unwrap())
        });
        self.publish("spBv1.0/Acme:Dallas:Press/DDATA/Line1/Robot3", payload);
    }

    /// The socket is gone, without a DISCONNECT.
    pub(crate) fn dies(self) {}
}

/// Waits until every subscription has been told what is current; what is written after that is told once.
pub(crate) fn settled(plant: &Plant) {
    plant.until("what is current is told", |plant| plant.metric("factree_mirror_subscriptions_due ") == Some(0.0));
}

/// As one reads it: topic, value and quality, and whether it says that it is retained.
pub(crate) fn told(client: &mut Client, count: usize) -> Vec<String> {
    let one = |_| {
        let heard = client.hear();
        let message: serde_json::Value = serde_json::from_slice(&heard.payload).unwrap();
        let name = heard.topic.rsplit('/').next().unwrap();
        let retained = if heard.retain { " retained" } else { "" };
        format!("{name} {} {}{retained}", message["value"], message["quality"].as_str().unwrap())
    };
    (0..count).map(one).collect()
}

#[test]
fn who_subscribes_gets_what_is_current_as_retained_and_every_later_sample_live() {
    for version in [V3, V5] {
        let plant = Plant::start();
        let mut node = EdgeNode::born(&plant, &["Axis/1/Temperature", "Pressure"], 21.5);
        node.says(&[(1, 21.4)]);
        let mut client = Client::connect(&plant, "reader", version);
        client.subscribe("Acme/Dallas/Press/Line1/Robot3/#");
        let first = client.hear();
        assert_eq!((first.topic.as_str(), first.retain), (TEMPERATURE, true));
        assert_eq!(
            String::from_utf8(first.payload).unwrap(),
            r#"{"value":21.4,"timestamp":"2023-11-14T22:13:20.000Z","quality":"Good","unit":"°C"}"#
        );
        assert_eq!(told(&mut client, 1), ["Pressure 21.5 Good retained"]);
        node.says(&[(2, 1.0), (1, 2.0)]);
        assert_eq!(told(&mut client, 2), ["Temperature 2.0 Good", "Pressure 1.0 Good"], "as their cells stand");
        node.dies();
        assert_eq!(told(&mut client, 2), ["Temperature 2.0 Stale", "Pressure 1.0 Stale"]);
        let _again = EdgeNode::born(&plant, &["Axis/1/Temperature", "Pressure"], 3.0);
        assert_eq!(told(&mut client, 2), ["Temperature 3.0 Good", "Pressure 3.0 Good"]);
        client.heard_nothing_else();
    }
}

#[test]
fn a_value_that_was_there_for_a_moment_is_told_too() {
    let plant = Plant::start();
    let mut node = EdgeNode::born(&plant, &["Axis/1/Temperature"], 0.0);
    let mut client = Client::connect(&plant, "reader", V5);
    client.subscribe(TEMPERATURE);
    assert_eq!(told(&mut client, 1), ["Temperature 0.0 Good retained"]);
    // So many that they come in few reads.
    (1..=500).for_each(|value| node.says_in_passing(&[(1, f64::from(value))]));
    let want: Vec<String> = (1..=500).map(|value| format!("Temperature {value}.0 Good")).collect();
    assert_eq!(told(&mut client, 500), want);
}

#[test]
fn what_is_born_later_is_told_to_who_was_there_first() {
    let plant = Plant::start();
    let mut client = Client::connect(&plant, "reader", V5);
    client.subscribe("Acme/#");
    settled(&plant);
    let _node = EdgeNode::born(&plant, &["Axis/1/Temperature"], 5.0);
    assert_eq!(told(&mut client, 3), ["bdSeq 0 Good", "Rebirth false Good", "Temperature 5.0 Good"]);
    client.heard_nothing_else();
}

#[test]
fn a_plain_topic_is_delivered_as_it_was_published_and_said_again_only_where_it_was_moved_to() {
    let rules = "[[namespace.topics]]\ntopic = \"old/{enterprise}/{rest...}\"\n\
                 [[namespace.topics]]\ntopic = \"{enterprise}/{site}/{rest...}\"";
    let plant = Plant::configured(rules);
    let mut client = Client::connect(&plant, "reader", V5);
    client.subscribe("Acme/#");
    settled(&plant);
    client.publish("Acme/Dallas/energy", b"17");
    client.publish("Acme/Dallas/order", br#"{"id": 4711, "product": {"name": "lid"}}"#);
    let heard: Vec<_> = (0..2).map(|_| client.hear().payload).collect();
    assert_eq!(heard, [b"17".as_slice(), br#"{"id": 4711, "product": {"name": "lid"}}"#]);
    client.publish("old/Acme/meter", br#"{"value": 3, "unit": "kWh"}"#);
    let moved = client.hear();
    let message: serde_json::Value = serde_json::from_slice(&moved.payload).unwrap();
    assert_eq!((moved.topic.as_str(), &message["value"], &message["unit"]), ("Acme/meter", &3.into(), &"kWh".into()));
    client.heard_nothing_else();
    let mut late = Client::connect(&plant, "late", V5);
    late.subscribe("Acme/#");
    assert_eq!(told(&mut late, 1), ["meter 3 Good retained"], "nothing else was retained");
    late.heard_nothing_else();
}

#[test]
fn names_that_a_topic_cannot_hold_are_encoded() {
    let plant = Plant::start();
    let mut node = EdgeNode::born(&plant, &["a+b/#1", "50 %", "Ärger"], 1.0);
    let mut client = Client::connect(&plant, "reader", V5);
    client.subscribe("Acme/Dallas/Press/Line1/Robot3/a%2Bb/#");
    let heard = client.hear();
    assert_eq!(heard.topic, "Acme/Dallas/Press/Line1/Robot3/a%2Bb/%231");
    client.subscribe("Acme/Dallas/Press/Line1/Robot3/+");
    assert_eq!(told(&mut client, 2), ["50 %25 1.0 Good retained", "Ärger 1.0 Good retained"]);
    node.says(&[(1, 2.0)]);
    assert_eq!(told(&mut client, 1), ["%231 2.0 Good"]);
    client.heard_nothing_else();
}

#[test]
fn the_tree_stands_below_a_root_or_nowhere_if_the_operator_says_so() {
    let plant = Plant::configured("[namespace.mqtt]\nroot = \"factory/uns\"");
    let mut node = EdgeNode::born(&plant, &["t"], 1.0);
    let mut client = Client::connect(&plant, "reader", V5);
    client.subscribe("factory/+/Acme/#");
    assert_eq!(told(&mut client, 3), ["Rebirth false Good retained", "t 1.0 Good retained", "bdSeq 0 Good retained"]);
    client.subscribe("Acme/#");
    node.says(&[(1, 2.0)]);
    assert_eq!(client.hear().topic, "factory/uns/Acme/Dallas/Press/Line1/Robot3/t");
    client.heard_nothing_else();
    for topic in ["factory/uns/Acme/Dallas/Press/Line1/Robot3/t", "factory/uns/Acme/nobodys", "factory/uns"] {
        assert_eq!(client.publish_1(topic, b"9").0, ReasonCode::NotAuthorized, "it would look as if the tree said it");
    }
    assert!(!client.publish_1("factory/unsaid", b"9").0.is_failure());

    let plant = Plant::configured("[namespace.mqtt]\nenabled = false");
    let mut node = EdgeNode::born(&plant, &["t"], 1.0);
    let mut client = Client::connect(&plant, "reader", V5);
    client.subscribe("Acme/#");
    node.says(&[(1, 2.0)]);
    client.heard_nothing_else();
}

#[test]
fn what_moves_is_told_where_it_stands_from_then_on() {
    let rules = std::sync::Arc::new(std::sync::Mutex::new(String::new()));
    let source = std::sync::Arc::clone(&rules);
    let plant = Plant::reloading("", |server| {
        server.reloading(move || factree::Config::parse(&source.lock().unwrap(), factree::Overrides::default()))
    });
    let mut node = EdgeNode::born(&plant, &["t"], 1.0);
    let mut client = Client::connect(&plant, "reader", V5);
    client.subscribe("Press/#");
    client.subscribe("Acme/Dallas/Press/Line1/Robot3/#");
    assert_eq!(told(&mut client, 1), ["t 1.0 Good retained"]);
    *rules.lock().unwrap() =
        "[[namespace.sparkplug]]\ngroup = \"{area}:{site}:{enterprise}\"\nnode = \"{work_center}\"".into();
    settled(&plant);
    assert_eq!(crate::reload::reload(&plant, "localhost").0, 200);
    let mut topics: Vec<String> = (0..3).map(|_| client.hear().topic).collect();
    topics.sort();
    assert_eq!(
        topics,
        ["Node Control/Rebirth", "Robot3/t", "bdSeq"].map(|name| format!("Press/Dallas/Acme/Line1/{name}"))
    );
    node.says(&[(1, 2.0)]);
    assert_eq!(told(&mut client, 1), ["t 2.0 Good"]);
    client.heard_nothing_else();
}
