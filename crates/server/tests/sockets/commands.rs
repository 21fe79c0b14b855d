//! A value set over HTTP, from the PUT to an Edge Node's client and back.

use std::io::{Read, Write};
use std::net::TcpStream;

use factree_sparkplug::encode::{MetricBuilder, PayloadBuilder, ndeath};
use factree_sparkplug::{BdSeq, DataType, Limits, Payload, Seq, Timestamp, Value, WireValue, decode};
use rumqttc::{Client, Event, LastWill, MqttOptions, Packet, QoS};
use serde_json::json;

use crate::aware;
use crate::plant::Plant;

const AT: Timestamp = Timestamp(1_700_000_000_000);
pub(crate) const SETPOINT: &str = "/api/v1/values/Acme/Dallas/Press/Line1/Robot3/Setpoint";

/// One request with a body; the whole head, status, and the body.
pub(crate) fn ask(plant: &Plant, method: &str, target: &str, body: &str) -> (String, u16, serde_json::Value) {
    let mut stream = TcpStream::connect(plant.http).unwrap();
    let (host, length) = (plant.http, body.len());
    let head = format!(
        "{method} {target} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n\
         Content-Length: {length}\r\nConnection: close\r\n"
    );
    write!(stream, "{head}\r\n{body}").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (head.to_owned(), status, serde_json::from_str(body).unwrap())
}

pub(crate) fn location(head: &str) -> &str {
    head.lines().find_map(|line| line.strip_prefix("location: ")).expect("a Location")
}

/// An Edge Node with Robot3, whose Setpoint takes commands: it echoes what it is told, and answers rebirth requests. Runs
/// until the broker is gone; `heard` gets every topic.
pub(crate) fn edge_node(plant: &Plant, heard: std::sync::mpsc::Sender<String>) -> std::thread::JoinHandle<()> {
    let mut options = MqttOptions::new("gateway", plant.mqtt.ip().to_string(), plant.mqtt.port());
    let will = LastWill::new("spBv1.0/Acme:Dallas:Press/NDEATH/Line1", ndeath(BdSeq::new(0)), QoS::AtLeastOnce, false);
    options.set_last_will(will);
    let (client, mut connection) = Client::new(options, 10);
    client.subscribe("spBv1.0/Acme:Dallas:Press/NCMD/Line1", QoS::AtLeastOnce).unwrap();
    client.subscribe("spBv1.0/Acme:Dallas:Press/DCMD/Line1/+", QoS::AtLeastOnce).unwrap();
    let publish = move |topic: &str, payload: &PayloadBuilder| {
        let topic = format!("spBv1.0/Acme:Dallas:Press/{topic}");
        client.publish(topic, QoS::AtMostOnce, false, payload.encode()).unwrap();
    };
    let births = move |publish: &dyn Fn(&str, &PayloadBuilder)| {
        let payload = |seq| PayloadBuilder::at(AT).seq(Seq::new(seq));
        let rebirth = MetricBuilder::named("Node Control/Rebirth").at(AT).boolean(false);
        publish("NBIRTH/Line1", &payload(0).metric(MetricBuilder::bd_seq(BdSeq::new(0)).at(AT)).metric(rebirth));
        let setpoint = MetricBuilder::named("Setpoint").alias(7).at(AT).declare(DataType::Float);
        let setpoint = setpoint.value(DataType::Float, Value::Float(1.5)).unwrap();
        publish("DBIRTH/Line1/Robot3", &payload(1).metric(setpoint));
    };
    births(&publish);
    std::thread::spawn(move || {
        let (mut payload, mut seq) = (Payload::new(), Seq::new(2));
        for event in connection.iter() {
            let packet = match event {
                Ok(Event::Incoming(Packet::Publish(packet))) => packet,
                Ok(_) => continue,
                Err(_) => return,
            };
            decode(&packet.payload, &Limits::default(), &mut payload).expect("a Sparkplug payload");
            let metric = &payload.metrics[0];
            if packet.topic.contains("/NCMD/") && metric.name(&packet.payload) == Some("Node Control/Rebirth") {
                births(&publish);
                seq = Seq::new(2);
            } else if let (Some(7), WireValue::Float(value)) = (metric.alias(), metric.wire_value(&packet.payload)) {
                let echo = MetricBuilder::aliased(7).at(AT).value(DataType::Float, Value::Float(value)).unwrap();
                publish("DDATA/Line1/Robot3", &PayloadBuilder::at(AT).seq(seq).metric(echo));
                seq = seq.next();
            }
            heard.send(packet.topic).ok();
        }
    })
}

#[test]
fn a_put_reaches_the_edge_node_and_its_echo_confirms_it() {
    let mut plant = Plant::start();
    let (heard, hears) = std::sync::mpsc::channel();
    let client = edge_node(&plant, heard);
    plant.until("the birth is in the tree", |plant| plant.get(SETPOINT).0 == 200);

    let (head, status, command) = ask(&plant, "PUT", SETPOINT, r#"{"value": 21.4}"#);
    assert_eq!((status, &command["value"], &command["datatype"]), (202, &json!(21.4), &json!("Float")), "{command}");
    plant.until("the echo confirms the command", |plant| plant.get(location(&head)).1["state"] == json!("confirmed"));
    assert_eq!(plant.get(SETPOINT).1["value"], json!(21.4));
    assert_eq!(hears.recv().unwrap(), "spBv1.0/Acme:Dallas:Press/DCMD/Line1/Robot3");

    let (_, status, _) = ask(&plant, "POST", "/api/v1/edge-nodes/Acme:Dallas:Press/Line1/rebirth", "");
    assert_eq!(status, 202);
    assert_eq!(hears.recv().unwrap(), "spBv1.0/Acme:Dallas:Press/NCMD/Line1");
    plant.until("the rebirth is in the tree", |plant| plant.get(SETPOINT).1["value"] == json!(1.5));
    let (_, status, _) = ask(&plant, "PUT", SETPOINT, r#"{"value": 1e39}"#);
    assert_eq!(status, 422);
    plant.stop();
    client.join().unwrap();
    assert_eq!(hears.try_iter().count(), 0, "what was refused was not sent");
}

#[test]
fn a_put_to_a_plain_topic_is_published_there() {
    let plant = Plant::start();
    let options = MqttOptions::new("oven", plant.mqtt.ip().to_string(), plant.mqtt.port());
    let (client, mut connection) = Client::new(options, 10);
    client.publish("Oven/Setpoint", QoS::AtLeastOnce, false, "180.5").unwrap();
    client.subscribe("Oven/#", QoS::AtMostOnce).unwrap();
    let mut next = |wanted: fn(&Packet) -> bool| loop {
        match connection.iter().next().expect("connected").expect("the broker keeps the connection") {
            Event::Incoming(packet) if wanted(&packet) => return packet,
            _ => {}
        }
    };
    next(|packet| matches!(packet, Packet::SubAck(_)));
    let (head, status, _) = ask(&plant, "PUT", "/api/v1/values/Oven/Setpoint", r#"{"value": 181.5}"#);
    assert_eq!(status, 202);
    assert_eq!(plant.get("/api/v1/values/Oven/Setpoint").1["value"], json!(181.5));
    assert_eq!(plant.get(location(&head)).1["state"], json!("confirmed"));
    let Packet::Publish(publish) = next(|packet| matches!(packet, Packet::Publish(_))) else { unreachable!() };
    assert_eq!((&*publish.topic, &*publish.payload, publish.retain), ("Oven/Setpoint", b"181.5".as_slice(), false));
}

#[test]
fn a_put_takes_the_place_of_what_is_retained_and_leaves_what_is_not() {
    let plant = Plant::start();
    let mut oven = aware::Client::connect(&plant, "oven");
    oven.publish("Oven/Setpoint", b"180.5", true);
    oven.publish("Oven/Speed", b"1", false);
    for value in ["Setpoint", "Speed"] {
        assert_eq!(ask(&plant, "PUT", &format!("/api/v1/values/Oven/{value}"), r#"{"value": 7}"#).1, 202);
    }
    let found: Vec<_> = aware::found(&plant, "Oven/#").into_iter().map(|heard| (heard.topic, heard.payload)).collect();
    assert_eq!(found, [("Oven/Setpoint".into(), b"7".to_vec())], "a newcomer is told what the tree says");
    oven.publish("Oven/Setpoint", b"", true);
    assert_eq!(aware::found(&plant, "Oven/#"), [], "and who may publish may clear it");
}
