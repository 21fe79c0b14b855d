//! What Sparkplug asks of its broker, and of a Host Application that commands: over a socket, as others hear it.

use factree_mqtt::{Connect, QoS, TopicName, WillMessage};
use factree_sparkplug::encode::{MetricBuilder, PayloadBuilder};
use factree_sparkplug::{BdSeq, DataType, Limits, Payload, Seq, Timestamp, Value, WireValue, decode};
use serde_json::json;

use crate::aware::{Client, Heard, V5, found, now};
use crate::commands::ask;
use crate::plant::Plant;

const AT: Timestamp = Timestamp(1_700_000_000_000);
const NCMD: &str = "spBv1.0/g/NCMD/n";
const DCMD: &str = "spBv1.0/g/DCMD/n/d";
const ALIAS: u64 = 7;

/// An Edge Node with a Mode, and a Device whose Setpoint has a metric alias.
fn born(plant: &Plant) -> Client {
    let mut node = Client::connect(plant, "node");
    let payload = |seq| PayloadBuilder::at(AT).seq(Seq::new(seq));
    let mode = MetricBuilder::named("Mode").at(AT).declare(DataType::Int8);
    let birth = payload(0)
        .metric(MetricBuilder::bd_seq(BdSeq::new(0)).at(AT))
        .metric(MetricBuilder::named("Node Control/Rebirth").at(AT).boolean(false))
        .metric(mode.value(DataType::Int8, Value::Int(1)).unwrap());
    node.publish("spBv1.0/g/NBIRTH/n", &birth.encode(), false);
    let setpoint = MetricBuilder::named("Setpoint").alias(ALIAS).at(AT).declare(DataType::Float);
    let setpoint = setpoint.value(DataType::Float, Value::Float(1.5)).unwrap();
    node.publish("spBv1.0/g/DBIRTH/n/d", &payload(1).metric(setpoint).encode(), false);
    node
}

/// What holds of every command; its payload.
fn command(heard: &Heard) -> Payload {
    // tck-id-payloads-ncmd-qos, tck-id-payloads-dcmd-qos: heard by who takes QoS 1 as well.
    assert_eq!(heard.qos, QoS::AtMostOnce, "{heard:?}");
    let mut payload = Payload::new();
    decode(&heard.payload, &Limits::default(), &mut payload).expect("a Sparkplug payload");
    // tck-id-payloads-ncmd-timestamp, tck-id-topics-ncmd-timestamp, tck-id-payloads-dcmd-timestamp,
    // tck-id-topics-dcmd-timestamp.
    assert!(payload.timestamp.is_some_and(|at| AT < at && at <= now()), "{:?}", payload.timestamp);
    // tck-id-payloads-ncmd-seq, tck-id-payloads-dcmd-seq.
    assert_eq!(payload.seq, None);
    // tck-id-payloads-name-cmd-requirement: a time of its own is allowed, and that of its payload.
    assert!(payload.metrics.iter().all(|metric| metric.timestamp() == payload.timestamp));
    assert_eq!(payload.metrics.len(), 1);
    payload
}

#[test]
fn commands_are_as_sparkplug_wants_them() {
    let plant = Plant::start();
    let _node = born(&plant);
    let mut listener = Client::connect(&plant, "listener");
    listener.subscribe("spBv1.0/#");
    listener.all();
    let put = |path: &str, value: serde_json::Value| {
        ask(&plant, "PUT", &format!("/api/v1/values/g/n/{path}"), &json!({ "value": value }).to_string()).1
    };

    // tck-id-operational-behavior-data-commands-ncmd-verb, tck-id-topics-ncmd-topic, tck-id-topics-ncmd-payload: a value set at
    // the Edge Node, by the name and in the datatype of its birth:
    // tck-id-operational-behavior-data-commands-ncmd-metric-name, tck-id-operational-behavior-data-commands-ncmd-metric-value.
    assert_eq!(put("Mode", json!(-5)), 202);
    let heard = listener.next();
    let payload = command(&heard);
    let metric = &payload.metrics[0];
    assert_eq!((&*heard.topic, metric.name(&heard.payload), metric.alias()), (NCMD, Some("Mode"), None));
    assert_eq!(DataType::from_wire(metric.datatype()), Some(DataType::Int8));
    assert_eq!(metric.wire_value(&heard.payload), WireValue::Int(-5_i32 as u32));

    // tck-id-operational-behavior-data-commands-dcmd-verb, tck-id-topics-dcmd-topic, tck-id-topics-dcmd-payload: at a Device, by
    // the metric alias that its birth gave the name:
    // tck-id-operational-behavior-data-commands-dcmd-metric-name, tck-id-operational-behavior-data-commands-dcmd-metric-value.
    assert_eq!(put("d/Setpoint", json!(21.5)), 202);
    let heard = listener.next();
    let payload = command(&heard);
    let metric = &payload.metrics[0];
    assert_eq!((&*heard.topic, metric.name(&heard.payload), metric.alias()), (DCMD, None, Some(ALIAS)));
    assert_eq!(DataType::from_wire(metric.datatype()), Some(DataType::Float));
    assert_eq!(metric.wire_value(&heard.payload), WireValue::Float(21.5));

    // What is in no birth, or does not fit the datatype there, is not said at all.
    assert_eq!([put("Mood", json!(1)), put("Mode", json!(300)), put("d/Setpoint", json!("hot"))], [404, 422, 422]);

    // tck-id-operational-behavior-data-commands-ncmd-rebirth-verb, tck-id-operational-behavior-data-commands-ncmd-rebirth-name,
    // tck-id-operational-behavior-data-commands-ncmd-rebirth-value.
    assert_eq!(ask(&plant, "POST", "/api/v1/edge-nodes/g/n/rebirth", "").1, 202);
    let heard = listener.next();
    let payload = command(&heard);
    let metric = &payload.metrics[0];
    assert_eq!((&*heard.topic, metric.name(&heard.payload)), (NCMD, Some("Node Control/Rebirth")));
    assert_eq!(metric.wire_value(&heard.payload), WireValue::Boolean(true));

    // tck-id-payloads-ncmd-retain, tck-id-payloads-dcmd-retain, tck-id-topics-ncmd-mqtt, tck-id-topics-dcmd-mqtt.
    assert_eq!(found(&plant, "spBv1.0/g/#"), []);
    assert_eq!(listener.all(), []);
}

/// What a subscriber hears when a client says something in this way, and what a newcomer finds.
fn said(qos: QoS, retain: bool) -> (Heard, Vec<Heard>) {
    let plant = Plant::start();
    let mut listener = Client::connect(&plant, "listener");
    listener.subscribe("a/b");
    let mut client = Client::connect(&plant, "client");
    match qos {
        QoS::AtMostOnce => client.mention("a/b", b"1"),
        QoS::AtLeastOnce | QoS::ExactlyOnce => _ = client.publish("a/b", b"1", retain),
    }
    (listener.next(), found(&plant, "a/b"))
}

fn message(qos: QoS, retain: bool) -> Heard {
    Heard { topic: "a/b".into(), payload: b"1".into(), qos, retain }
}

#[test]
fn tck_id_conformance_mqtt_qos0() {
    assert_eq!(said(QoS::AtMostOnce, false), (message(QoS::AtMostOnce, false), vec![]));
}

#[test]
fn tck_id_conformance_mqtt_qos1() {
    assert_eq!(said(QoS::AtLeastOnce, false), (message(QoS::AtLeastOnce, false), vec![]));
}

#[test]
fn tck_id_conformance_mqtt_retained() {
    let kept = message(QoS::AtLeastOnce, true);
    assert_eq!(said(QoS::AtLeastOnce, true), (message(QoS::AtLeastOnce, false), vec![kept]));
}

#[test]
fn tck_id_conformance_mqtt_will_messages() {
    let plant = Plant::start();
    let mut listener = Client::connect(&plant, "listener");
    listener.subscribe("a/b");
    for retain in [false, true] {
        let will =
            WillMessage { qos: QoS::AtLeastOnce, retain, ..WillMessage::new(TopicName::parse("a/b").unwrap(), b"1") };
        drop(Client::connect_with(&plant, Connect { will: Some(will), ..Connect::new(V5, "mortal") }));
        assert_eq!(listener.next(), message(QoS::AtLeastOnce, false), "left as it was announced");
        let kept = if retain { vec![message(QoS::AtLeastOnce, true)] } else { vec![] };
        assert_eq!(found(&plant, "a/b"), kept);
    }
}
