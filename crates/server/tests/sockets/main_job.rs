//! The main job over real sockets: clients of other people's making publish, and GET reads what they said.

use std::io::{Read, Write};
use std::time::Duration;

use crate::plant::Plant;
use factree_sparkplug::encode::{MetricBuilder, PayloadBuilder, ndeath};
use factree_sparkplug::{BdSeq, DataType, Seq, Timestamp, Value};
use rumqttc::{Client, Connection, Event, LastWill, MqttOptions, Packet, QoS};
use serde_json::json;

fn options(plant: &Plant, id: &str) -> MqttOptions {
    MqttOptions::new(id, plant.mqtt.ip().to_string(), plant.mqtt.port())
}

/// Works the connection until a packet comes that `wanted` accepts.
fn wait_for(connection: &mut Connection, mut wanted: impl FnMut(&Packet) -> bool) -> Packet {
    for event in connection.iter() {
        if let Event::Incoming(packet) = event.expect("the broker keeps the connection")
            && wanted(&packet)
        {
            return packet;
        }
    }
    panic!("the connection ended");
}

/// Lets the client's side send and receive what is due.
pub(crate) fn work(connection: &mut Connection) {
    let _: Result<_, _> = connection.recv_timeout(Duration::from_millis(5));
}

#[test]
fn a_puback_means_that_the_next_get_sees_the_value() {
    let plant = Plant::start();
    let (client, mut connection) = Client::new(options(&plant, "meter"), 10);
    for value in 0..100 {
        client.publish("Acme/Dallas/Energy", QoS::AtLeastOnce, false, value.to_string()).unwrap();
        wait_for(&mut connection, |packet| matches!(packet, Packet::PubAck(_)));
        assert_eq!(plant.sample("Acme/Dallas/Energy").unwrap()["value"], json!(value));
    }
    client.publish("Acme/Dallas/Energy", QoS::ExactlyOnce, false, "100").unwrap();
    wait_for(&mut connection, |packet| matches!(packet, Packet::PubRec(_)));
    assert_eq!(plant.sample("Acme/Dallas/Energy").unwrap()["value"], json!(100), "QoS 2: visible when received");
}

/// An Edge Node with one Device, as far as this test needs one.
pub(crate) fn edge_node(plant: &Plant, id: &str, bd_seq: u8) -> (Client, Connection) {
    let mut options = options(plant, id);
    let will =
        LastWill::new("spBv1.0/Acme:Dallas:Press/NDEATH/Line1", ndeath(BdSeq::new(bd_seq)), QoS::AtLeastOnce, false);
    options.set_last_will(will);
    let (client, mut connection) = Client::new(options, 10);
    let at = Timestamp(1_700_000_000_000);
    let temperature = MetricBuilder::named("Axis/1/Temperature").alias(7).at(at).declare(DataType::Double);
    let nbirth = PayloadBuilder::at(at)
        .seq(Seq::new(0))
        .metric(MetricBuilder::bd_seq(BdSeq::new(bd_seq)).at(at))
        .metric(MetricBuilder::named("Node Control/Rebirth").at(at).boolean(false));
    let dbirth = PayloadBuilder::at(at)
        .seq(Seq::new(1))
        .metric(temperature.value(DataType::Double, Value::Double(21.5)).unwrap().text_property("engUnit", "°C"));
    let publish = |topic: &str, payload: Vec<u8>| client.publish(topic, QoS::AtMostOnce, false, payload).unwrap();
    publish("spBv1.0/Acme:Dallas:Press/NBIRTH/Line1", nbirth.encode());
    publish("spBv1.0/Acme:Dallas:Press/DBIRTH/Line1/Robot3", dbirth.encode());
    wait_for(&mut connection, |packet| matches!(packet, Packet::ConnAck(_)));
    (client, connection)
}

#[test]
fn an_edge_node_stands_in_the_tree_and_goes_stale_with_its_socket() {
    const PATH: &str = "Acme/Dallas/Press/Line1/Robot3/Axis/1/Temperature";
    let plant = Plant::start();
    let (client, mut connection) = edge_node(&plant, "edge", 0);
    plant.until("the birth is in the tree", |plant| {
        work(&mut connection);
        plant.sample(PATH).is_some()
    });
    let sample = plant.sample(PATH).unwrap();
    assert_eq!(
        (&sample["value"], &sample["datatype"], &sample["unit"], &sample["quality"]),
        (&json!(21.5), &json!("Double"), &json!("°C"), &json!("Good"))
    );
    assert_eq!(
        sample["source"],
        json!({"type": "sparkplug", "group": "Acme:Dallas:Press", "edge_node": "Line1", "device": "Robot3",
               "metric": "Axis/1/Temperature", "metric_alias": 7})
    );
    let (_, tree) = plant.get("/api/v1/namespace?depth=3");
    assert_eq!(tree["children"][0]["children"][0]["children"][0]["level"], json!("area"));

    let ddata = PayloadBuilder::at(Timestamp(1_700_000_001_000)).seq(Seq::new(2)).metric(
        MetricBuilder::aliased(7)
            .at(Timestamp(1_700_000_001_000))
            .value(DataType::Double, Value::Double(22.25))
            .unwrap(),
    );
    client.publish("spBv1.0/Acme:Dallas:Press/DDATA/Line1/Robot3", QoS::AtMostOnce, false, ddata.encode()).unwrap();
    plant.until("DDATA moves the value", |plant| {
        work(&mut connection);
        plant.sample(PATH).unwrap()["value"] == json!(22.25)
    });

    // The socket goes without a DISCONNECT, as it does when a process is killed.
    drop(connection);
    plant.until("the subtree is Stale", |plant| plant.sample(PATH).unwrap()["quality"] == json!("Stale"));
    let (_, node) = plant.get("/api/v1/edge-nodes/Acme:Dallas:Press/Line1");
    assert_eq!((&node["state"], &node["client_id"]), (&json!("offline"), &json!("edge")));
}

#[test]
fn the_same_client_id_takes_over_and_the_new_birth_lives() {
    let plant = Plant::start();
    let (_first, _first_connection) = edge_node(&plant, "edge", 0);
    let (client, mut connection) = edge_node(&plant, "edge", 1);
    // A round trip: what the second connection published before this is in the tree.
    client.publish("barrier", QoS::AtLeastOnce, false, "1").unwrap();
    wait_for(&mut connection, |packet| matches!(packet, Packet::PubAck(_)));
    let (_, node) = plant.get("/api/v1/edge-nodes/Acme:Dallas:Press/Line1");
    assert_eq!((&node["state"], &node["bd_seq"]), (&json!("online"), &json!(1)));
}

#[test]
fn a_message_that_cannot_be_placed_makes_factree_ask_for_a_rebirth() {
    let plant = Plant::start();
    let (client, mut connection) = Client::new(options(&plant, "edge"), 10);
    client.subscribe("spBv1.0/G/NCMD/E", QoS::AtLeastOnce).unwrap();
    wait_for(&mut connection, |packet| matches!(packet, Packet::SubAck(_)));
    let ndata = PayloadBuilder::at(Timestamp(1)).seq(Seq::new(5)).metric(MetricBuilder::aliased(1)).encode();
    client.publish("spBv1.0/G/NDATA/E", QoS::AtMostOnce, false, ndata).unwrap();
    let Packet::Publish(ncmd) = wait_for(&mut connection, |packet| matches!(packet, Packet::Publish(_))) else {
        unreachable!("waited for a PUBLISH")
    };
    let payload = String::from_utf8_lossy(&ncmd.payload);
    assert_eq!(ncmd.topic, "spBv1.0/G/NCMD/E");
    assert!(payload.contains("Node Control/Rebirth"), "{payload}");
}

#[test]
fn a_message_that_never_comes_is_waited_for_and_then_asked_for_by_the_clock_alone() {
    let plant = Plant::configured("[sparkplug]\nreorder_window = \"200 ms\"");
    let (client, mut connection) = Client::new(options(&plant, "edge"), 10);
    client.subscribe("spBv1.0/G/NCMD/E", QoS::AtLeastOnce).unwrap();
    wait_for(&mut connection, |packet| matches!(packet, Packet::SubAck(_)));
    let payload = |seq| PayloadBuilder::at(Timestamp(1)).seq(Seq::new(seq));
    let count = |value| {
        MetricBuilder::named("Count")
            .at(Timestamp(1))
            .declare(DataType::Int32)
            .value(DataType::Int32, Value::Int(value))
            .unwrap()
    };
    client.publish("spBv1.0/G/NBIRTH/E", QoS::AtLeastOnce, false, payload(0).metric(count(0)).encode()).unwrap();
    client.publish("spBv1.0/G/NDATA/E", QoS::AtLeastOnce, false, payload(2).metric(count(2)).encode()).unwrap();
    let ncmd = wait_for(&mut connection, |packet| matches!(packet, Packet::Publish(_)));
    assert!(matches!(ncmd, Packet::Publish(ncmd) if ncmd.topic == "spBv1.0/G/NCMD/E"));
    assert_eq!(plant.sample("G/E/Count").unwrap()["value"], json!(2), "a late value is better than none");
    let (_, node) = plant.get("/api/v1/edge-nodes/G/E");
    assert_eq!((&node["rebirth"]["reason"], &node["counters"]["held"]), (&json!("seq_gap"), &json!(1)));
}

#[test]
fn the_demo_plant_stands_within_the_newcomers_patience() {
    let plant = Plant::start();
    let demo = plant.runtime().spawn(factree::demo::run(plant.mqtt));
    plant.until("a hundred Devices are online", |plant| {
        let (_, answer) = plant.get("/api/v1/edge-nodes?limit=100");
        let nodes = answer["edge_nodes"].as_array().unwrap();
        let online = nodes.iter().flat_map(|node| node["devices"].as_array().unwrap());
        online.filter(|device| device["state"] == json!("online")).count() >= 90
    });
    let (_, tree) = plant.get("/api/v1/namespace?depth=2");
    let sites: Vec<_> = tree["children"][0]["children"].as_array().unwrap().iter().map(|site| &site["name"]).collect();
    assert_eq!(sites, ["Dallas", "Munich"]);
    demo.abort();
}

#[test]
fn shutting_down_tells_5_0_clients_and_ends_in_order() {
    let mut plant = Plant::start();
    let mut stream = plant.socket();
    stream.write_all(b"\x10\x0e\x00\x04MQTT\x05\x02\x00\x3c\x00\x00\x01a").unwrap();
    let mut head = [0; 2];
    stream.read_exact(&mut head).unwrap();
    stream.read_exact(&mut vec![0; head[1].into()]).unwrap();
    plant.stop();
    let mut words = Vec::new();
    stream.read_to_end(&mut words).unwrap();
    assert_eq!((words[0], words[2]), (0xE0, 0x8B), "DISCONNECT, server shutting down");
}

#[test]
fn a_packet_that_arrives_byte_by_byte_is_the_same_packet() {
    let plant = Plant::start();
    let mut stream = plant.socket();
    stream.set_nodelay(true).unwrap();
    for byte in b"\x10\x0d\x00\x04MQTT\x04\x02\x00\x3c\x00\x01a\x32\x09\x00\x03a/b\x00\x0142" {
        stream.write_all(&[*byte]).unwrap();
    }
    let mut answers = [0; 8];
    stream.read_exact(&mut answers).unwrap();
    assert_eq!(answers, *b"\x20\x02\x00\x00\x40\x02\x00\x01");
    assert_eq!(plant.sample("a/b").unwrap()["value"], json!(42));
}
