//! Attached to a foreign broker: the same plant as if it were connected to us.
//!
//! Two servers in one process: the foreign broker is one of our own, which is an ordinary MQTT broker to the other.
//! What a link says packet by packet is told in `src/attach/link/story.rs`; brokers of other people's making are in
//! `interop/`.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc;

use factree_sparkplug::encode::{MetricBuilder, PayloadBuilder};
use factree_sparkplug::{BdSeq, DataType, Seq, Timestamp, Value};
use rumqttc::{Client, Connection, Event, MqttOptions, Packet, QoS};
use serde_json::{Value as Json, json};

use crate::commands::{SETPOINT, ask, location};
use crate::plant::Plant;
use crate::{commands, main_job};
use door::Door;

mod door;

const LINE: &str = "/api/v1/edge-nodes/Acme:Dallas:Press/Line1";
const TEMPERATURE: &str = "Acme/Dallas/Press/Line1/Robot3/Axis/1/Temperature";

/// A table of the configuration, with little patience.
fn table(name: &str, url: &str, more: &str) -> String {
    format!(
        "[[attach]]\nname = \"{name}\"\nurl = \"{url}\"\nhost_id = \"scada\"\nclient_id = \"{name}-client\"\n\
         retry_min = \"10 ms\"\nretry_max = \"20 ms\"\n{more}\n"
    )
}

fn attached(address: SocketAddr, more: &str) -> Plant {
    let plant = Plant::configured(&table("plant1", &format!("mqtt://{address}"), more));
    until_online(&plant, 0);
    plant
}

fn attachment(plant: &Plant, number: usize) -> Json {
    plant.get("/api/v1/attachments").1["attachments"][number].clone()
}

fn until_online(plant: &Plant, number: usize) {
    plant.until("attached", |plant| attachment(plant, number)["state"] == json!("online"));
}

/// Waits for a last error with these words.
fn until_error(plant: &Plant, class: &str, words: &str) -> String {
    let error = |plant: &Plant| attachment(plant, 0)["last_error"].clone();
    plant.until(words, |plant| {
        let error = error(plant);
        error["class"] == json!(class) && error["text"].as_str().unwrap_or_default().contains(words)
    });
    error(plant)["text"].as_str().unwrap().to_owned()
}

fn is_online(plant: &Plant) -> bool {
    plant.get(LINE).1["state"] == json!("online")
}

/// A client of a broker, subscribed to `filter`.
fn listener(plant: &Plant, id: &str, filter: &str) -> (Client, Connection) {
    let options = MqttOptions::new(id, plant.mqtt.ip().to_string(), plant.mqtt.port());
    let (client, mut connection) = Client::new(options, 100);
    client.subscribe(filter, QoS::AtLeastOnce).unwrap();
    next(&mut connection, |packet| matches!(packet, Packet::SubAck(_)));
    (client, connection)
}

fn next(connection: &mut Connection, wanted: impl Fn(&Packet) -> bool) -> Packet {
    loop {
        match connection.iter().next().expect("connected").expect("the broker keeps the connection") {
            Event::Incoming(packet) if wanted(&packet) => return packet,
            _ => {}
        }
    }
}

fn next_message(connection: &mut Connection) -> (String, String, bool) {
    let Packet::Publish(publish) = next(connection, |packet| matches!(packet, Packet::Publish(_))) else {
        unreachable!()
    };
    (publish.topic.clone(), String::from_utf8(publish.payload.to_vec()).unwrap(), publish.retain)
}

#[test]
fn a_plant_behind_a_foreign_broker_stands_in_the_tree_and_takes_commands() {
    for version in ["3.1.1", "5.0"] {
        let foreign = Plant::start();
        let plant = attached(foreign.mqtt, &format!("version = \"{version}\""));
        let (heard, hears) = mpsc::channel();
        let _node = commands::edge_node(&foreign, heard);
        plant.until("the birth is in the tree", |plant| plant.get(SETPOINT).0 == 200);
        let (_, node) = plant.get(LINE);
        assert_eq!(
            (&node["state"], &node["link"], node.get("client_id")),
            (&json!("online"), &json!("attach:plant1"), None)
        );

        let (head, status, _) = ask(&plant, "PUT", SETPOINT, r#"{"value": 21.4}"#);
        assert_eq!(status, 202);
        plant.until("the echo confirms it", |plant| plant.get(location(&head)).1["state"] == json!("confirmed"));
        assert_eq!(hears.recv().unwrap(), "spBv1.0/Acme:Dallas:Press/DCMD/Line1/Robot3");
        let (_, status, _) = ask(&plant, "POST", &format!("{LINE}/rebirth"), "");
        assert_eq!(status, 202);
        assert_eq!(hears.recv().unwrap(), "spBv1.0/Acme:Dallas:Press/NCMD/Line1");
        plant.until("the rebirth is in the tree", |plant| plant.get(SETPOINT).1["value"] == json!(1.5));
        let counters = attachment(&plant, 0)["counters"].clone();
        assert_eq!((&counters["sent"], &counters["unsent"]), (&json!(2), &json!(0)), "{counters}");
    }
}

#[test]
fn an_edge_node_that_dies_there_is_stale_here() {
    let foreign = Plant::start();
    let plant = attached(foreign.mqtt, "");
    let (_client, mut connection) = main_job::edge_node(&foreign, "edge", 3);
    plant.until("the birth is in the tree", |plant| {
        main_job::work(&mut connection);
        plant.sample(TEMPERATURE).is_some_and(|sample| sample["quality"] == json!("Good"))
    });
    drop(connection);
    plant.until("its will has killed it", |plant| plant.sample(TEMPERATURE).unwrap()["quality"] == json!("Stale"));
    assert_eq!(plant.get(LINE).1["state"], json!("offline"));
}

/// `non-testable-host-stale-on-server-loss`.
#[test]
fn everything_heard_over_a_lost_link_is_stale_and_comes_back_with_a_rebirth() {
    let foreign = Plant::start();
    let door = Door::to(foreign.mqtt);
    let plant = attached(door.address, "");
    let (heard, hears) = mpsc::channel();
    let _node = commands::edge_node(&foreign, heard);
    plant.until("the birth is in the tree", |plant| plant.get(SETPOINT).0 == 200);

    door.shut();
    plant.until("the link is lost", |plant| !is_online(plant));
    assert_eq!(plant.get(SETPOINT).1["quality"], json!("Stale"));
    let (_, status, problem) = ask(&plant, "PUT", SETPOINT, r#"{"value": 2.5}"#);
    assert_eq!((status, &problem["type"]), (409, &json!("urn:factree:problem:offline")), "{problem}");
    let (_, _, ours) = ask(&plant, "GET", "/healthz", "");
    assert_eq!(ours["status"], json!("ok"), "our own side goes on");

    door.open(foreign.mqtt);
    until_online(&plant, 0);
    assert!(!is_online(&plant), "nobody knows how it is before it says something");
    // Its data without a birth make us ask for one; who sets the value there is another host.
    let (other, _connection) = listener(&foreign, "other-host", "nothing");
    let command = MetricBuilder::aliased(7).value(DataType::Float, Value::Float(3.5)).unwrap();
    let command = PayloadBuilder::at(Timestamp(1)).metric(command).encode();
    let worker = std::thread::spawn(move || {
        let mut connection = _connection;
        for event in connection.iter() {
            if event.is_err() {
                return;
            }
        }
    });
    other.publish("spBv1.0/Acme:Dallas:Press/DCMD/Line1/Robot3", QoS::AtLeastOnce, false, command).unwrap();
    plant.until("it was born again", |plant| is_online(plant) && plant.get(SETPOINT).1["quality"] == json!("Good"));
    let heard: Vec<String> = [hears.recv().unwrap(), hears.recv().unwrap()].into();
    assert_eq!(heard, ["spBv1.0/Acme:Dallas:Press/DCMD/Line1/Robot3", "spBv1.0/Acme:Dallas:Press/NCMD/Line1"]);
    other.disconnect().unwrap();
    worker.join().unwrap();
}

#[test]
fn after_a_lost_link_anybody_may_ask_for_a_rebirth() {
    let foreign = Plant::start();
    let door = Door::to(foreign.mqtt);
    let plant = attached(door.address, "");
    let (heard, hears) = mpsc::channel();
    let _node = commands::edge_node(&foreign, heard);
    plant.until("the birth is in the tree", is_online);
    door.shut();
    plant.until("the link is lost", |plant| !is_online(plant));
    door.open(foreign.mqtt);
    until_online(&plant, 0);
    assert_eq!(ask(&plant, "POST", &format!("{LINE}/rebirth"), "").1, 202);
    plant.until("it was born again", is_online);
    assert_eq!(hears.recv().unwrap(), "spBv1.0/Acme:Dallas:Press/NCMD/Line1");
}

/// `tck-id-operational-behavior-primary-application-state-with-multiple-servers-state-subs`: with two brokers, ours and theirs, it
/// is said on both.
#[test]
fn state_is_true_whatever_happens_to_the_link() {
    let foreign = Plant::start();
    let (other, mut states) = listener(&foreign, "listener", "spBv1.0/STATE/scada");
    let door = Door::to(foreign.mqtt);
    let mut plant = attached(door.address, "");
    let mut said = || {
        let (_, payload, _) = next_message(&mut states);
        let state: Json = serde_json::from_str(&payload).unwrap();
        (state["online"].as_bool().unwrap(), state["timestamp"].as_u64().unwrap())
    };
    let (online, since) = said();
    assert!(online);
    let (_ours, mut ours) = listener(&plant, "ours", "spBv1.0/STATE/+");
    assert!(next_message(&mut ours).1.contains("\"online\":true"));
    // tck-id-message-flow-hid-sparkplug-state-message-delivered
    let false_death = format!("{{\"online\":false,\"timestamp\":{since}}}");
    other.publish("spBv1.0/STATE/scada", QoS::AtLeastOnce, true, false_death).unwrap();
    assert_eq!([said(), said()], [(false, since), (true, since)]);

    door.shut();
    assert_eq!(said(), (false, since), "its will, with the timestamp of its CONNECT");
    door.open(foreign.mqtt);
    let (online, since_then) = said();
    assert!(online && since_then >= since);

    plant.stop();
    let (online, at_last) = said();
    assert!(!online && at_last >= since_then, "a clean stop says goodbye");
    other.disconnect().unwrap();
    let (_late, mut states) = listener(&foreign, "latecomer", "spBv1.0/STATE/scada");
    let (_, payload, retained) = next_message(&mut states);
    assert!(retained && payload.contains("false"), "{payload}");
}

#[test]
fn the_newest_birth_owns_an_edge_node_that_two_brokers_have() {
    let (one, two) = (Plant::start(), Plant::start());
    let url = |plant: &Plant| format!("mqtt://{}", plant.mqtt);
    let plant = Plant::configured(&[table("one", &url(&one), ""), table("two", &url(&two), "")].concat());
    until_online(&plant, 0);
    until_online(&plant, 1);
    let born = |foreign: &Plant, link: &str| {
        let (client, mut connection) = main_job::edge_node(foreign, "edge", 0);
        plant.until("it was born there", |plant| {
            main_job::work(&mut connection);
            plant.get(LINE).1["link"] == json!(link) && is_online(plant)
        });
        (client, connection)
    };
    let (_first, first) = born(&one, "attach:one");
    let (_second, _second_connection) = born(&two, "attach:two");
    // The death of the old one is not the death of the new one; a barrier tells when it has been heard.
    drop(first);
    let (other, _connection) = listener(&one, "barrier", "spBv1.0/Acme:Dallas:Press/NDEATH/Line1");
    drop((other, _connection));
    plant.until("the death has been heard", |plant| plant.get(LINE).1["counters"]["deaths"] == json!(1));
    assert!(is_online(&plant), "{}", plant.get(LINE).1);
    assert_eq!(plant.get(LINE).1["link"], json!("attach:two"));
}

#[test]
fn plain_topics_that_are_asked_for_are_in_the_tree_and_others_are_not() {
    let foreign = Plant::start();
    let options = MqttOptions::new("oven", foreign.mqtt.ip().to_string(), foreign.mqtt.port());
    let (client, mut connection) = Client::new(options, 10);
    let mut publish = |topic: &str, retain: bool, payload: &str| {
        client.publish(topic, QoS::AtLeastOnce, retain, payload).unwrap();
        next(&mut connection, |packet| matches!(packet, Packet::PubAck(_)));
    };
    publish("Acme/Oven/Setpoint", true, "180.5");
    publish("Elsewhere/Setpoint", true, "1");
    let door = Door::to(foreign.mqtt);
    let plant = attached(door.address, "filters = [\"Acme/#\"]");
    plant.until("what stood there is in the tree", |plant| plant.sample("Acme/Oven/Setpoint").is_some());
    publish("Elsewhere/Setpoint", false, "2");
    publish("Acme/Oven/Setpoint", false, "181.5");
    plant.until("and what comes", |plant| plant.sample("Acme/Oven/Setpoint").unwrap()["value"] == json!(181.5));
    assert_eq!(plant.sample("Elsewhere/Setpoint"), None);

    // A value that is set goes where the topic was heard.
    let (_other, mut heard) = listener(&foreign, "listener", "Acme/#");
    assert_eq!(next_message(&mut heard).1, "180.5", "what is retained");
    let put = |value: &str| ask(&plant, "PUT", "/api/v1/values/Acme/Oven/Setpoint", value);
    assert_eq!(put(r#"{"value": 182.5}"#).1, 202);
    assert_eq!(next_message(&mut heard), ("Acme/Oven/Setpoint".into(), "182.5".into(), false));
    assert_eq!(plant.sample("Acme/Oven/Setpoint").unwrap()["value"], json!(182.5));
    door.shut();
    plant.until("a lost link refuses it", |_| put(r#"{"value": 183.5}"#).1 == 409);
}

#[test]
fn a_burst_arrives_whole_and_in_order() {
    const MESSAGES: u64 = 5000;
    let foreign = Plant::start();
    let plant = attached(foreign.mqtt, "");
    let options = MqttOptions::new("edge", foreign.mqtt.ip().to_string(), foreign.mqtt.port());
    let (client, mut connection) = Client::new(options, 100);
    let pump = std::thread::spawn(move || while connection.recv().is_ok_and(|event| event.is_ok()) {});
    let publish = |kind: &str, payload: &PayloadBuilder, qos| {
        client.publish(format!("spBv1.0/G/{kind}/E"), qos, false, payload.encode()).unwrap();
    };
    let at = Timestamp(1_700_000_000_000);
    let metric =
        |number: u64| MetricBuilder::named("Count").at(at).value(DataType::UInt64, Value::UInt(number)).unwrap();
    let bd_seq = MetricBuilder::bd_seq(BdSeq::new(0)).at(at);
    let count = metric(0).declare(DataType::UInt64);
    publish("NBIRTH", &PayloadBuilder::at(at).seq(Seq::new(0)).metric(bd_seq).metric(count), QoS::AtMostOnce);
    let mut seq = Seq::new(1);
    for number in 1..=MESSAGES {
        // QoS 1 keeps the publisher in step with its broker, so that it is never dropped for being fast.
        publish("NDATA", &PayloadBuilder::at(at).seq(seq).metric(metric(number)), QoS::AtLeastOnce);
        seq = seq.next();
    }
    plant.until("the last one", |plant| plant.sample("G/E/Count").is_some_and(|it| it["value"] == json!(MESSAGES)));
    let counters = plant.get("/api/v1/edge-nodes/G/E").1["counters"].clone();
    assert_eq!((&counters["data"], &counters["seq_gaps"]), (&json!(MESSAGES), &json!(0)));
    assert_eq!(attachment(&plant, 0)["counters"]["messages"].as_u64().unwrap(), MESSAGES + 1, "birth and data");
    client.disconnect().unwrap();
    pump.join().unwrap();
}

/// A foreign broker by TLS and secure WebSocket, and the file with its certificate.
fn secured(directory: &std::path::Path) -> (Plant, std::path::PathBuf) {
    let own = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let (certificate, key) = (directory.join("c.pem"), directory.join("k.pem"));
    std::fs::write(&certificate, own.cert.pem()).unwrap();
    std::fs::write(&key, own.signing_key.serialize_pem()).unwrap();
    let listener = |transport: &str| {
        format!(
            "[[mqtt.listeners]]\nlisten = \"127.0.0.1:0\"\ntransport = \"{transport}\"\n\
             certificate = {certificate:?}\nkey = {key:?}\n"
        )
    };
    (Plant::configured(&[listener("tls"), listener("secure_websocket")].concat()), certificate)
}

#[test]
fn tls_and_websocket_carry_a_link() {
    let directory = tempfile::tempdir().unwrap();
    let (foreign, certificate) = secured(directory.path());
    let [tls, websocket] = [0, 1].map(|number| foreign.further[number].port());
    let ca = format!("ca = {certificate:?}");
    let file = [
        table("tls", &format!("mqtts://localhost:{tls}"), &ca),
        table("websocket", &format!("wss://localhost:{websocket}/mqtt"), &ca),
    ];
    let plant = Plant::configured(&file.concat());
    until_online(&plant, 0);
    until_online(&plant, 1);
}

#[test]
fn a_certificate_that_nobody_we_trust_has_signed_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let (foreign, _) = secured(directory.path());
    let stranger = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let ca = directory.path().join("other.pem");
    std::fs::write(&ca, stranger.cert.pem()).unwrap();
    let port = foreign.further[0].port();
    let plant = Plant::configured(&table("plant1", &format!("mqtts://localhost:{port}"), &format!("ca = {ca:?}")));
    until_error(&plant, "handshake", "TLS handshake failed");
}

/// A broker that answers every connection with these bytes, and then waits for its end.
fn scripted(answer: &'static [u8]) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            std::thread::spawn(move || {
                let mut stream: TcpStream = stream.unwrap();
                // A client that has gone away is no concern of this broker's.
                let _: std::io::Result<()> = stream.write_all(answer);
                let _: std::io::Result<u64> = std::io::copy(&mut stream, &mut std::io::sink());
            });
        }
    });
    address
}

/// Whatever a foreign broker does, our own clients are served.
fn still_serves(plant: &Plant) {
    let mut stream = plant.socket();
    stream.write_all(b"\x10\x0d\x00\x04MQTT\x04\x02\x00\x3c\x00\x01a\x32\x09\x00\x03a/b\x00\x0142").unwrap();
    let mut answers = [0; 8];
    stream.read_exact(&mut answers).unwrap();
    assert_eq!(answers, *b"\x20\x02\x00\x00\x40\x02\x00\x01");
}

#[test]
fn a_broker_that_refuses_us_is_told_of_without_the_password() {
    let address = scripted(b"\x20\x03\x00\x86\x00");
    let login = "username = \"plant\"\npassword = \"hunter2\"";
    let plant = Plant::configured(&table("plant1", &format!("mqtt://{address}"), login));
    let error = until_error(&plant, "refused", "BadUserNameOrPassword");
    assert!(error.contains("`password`"), "{error}");
    assert!(!attachment(&plant, 0).to_string().contains("hunter2"));
    still_serves(&plant);
}

#[test]
fn a_broker_that_never_answers_is_given_up_and_tried_again() {
    let address = scripted(b"");
    let plant = Plant::configured(&table("plant1", &format!("mqtt://{address}"), "connect_timeout = \"30 ms\""));
    until_error(&plant, "silent", "no CONNACK within 30ms");
    plant.until("it is tried again", |plant| {
        let failures = plant.metric("factree_attachment_failures_total{attachment=\"plant1\",class=\"silent\"}");
        failures.is_some_and(|failures| failures > 2.0)
    });
    still_serves(&plant);
}

#[test]
fn a_broker_that_is_not_there_or_no_broker_costs_nobody_anything() {
    let nowhere = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let plant = Plant::configured(&table("plant1", &format!("mqtt://{nowhere}"), ""));
    until_error(&plant, "unreachable", "cannot be reached");
    still_serves(&plant);
    let hostile: [&'static [u8]; 3] = [
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        // CONNACK with properties that claim 256 MB.
        b"\x20\xFF\xFF\xFF\x7F",
        b"\x20\x03\x00\x00\x00\xF0\x02\x00\x00",
    ];
    for answer in hostile {
        let plant = Plant::configured(&table("plant1", &format!("mqtt://{}", scripted(answer)), ""));
        until_error(&plant, "protocol", "");
        still_serves(&plant);
    }
}

#[test]
fn figures_tell_how_an_attachment_is_doing() {
    let foreign = Plant::start();
    let door = Door::to(foreign.mqtt);
    let plant = attached(door.address, "");
    let of = |name: &str| format!("factree_attachment_{name}{{attachment=\"plant1\"}}");
    assert_eq!(plant.metric(&of("up")), Some(1.0));
    door.shut();
    plant.until("it is down", |plant| plant.metric(&of("up")) == Some(0.0));
    door.open(foreign.mqtt);
    plant.until("it is up again", |plant| plant.metric(&of("connects_total")) == Some(2.0));
}
