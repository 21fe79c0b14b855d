//! Clients over HTTP: real sessions of the broker, told page by page, and disconnected.

use std::io::{Read, Write};
use std::net::TcpStream;

use factree_mqtt::{
    Connect, Decoded, Limits, Packet, PacketId, ProtocolVersion, QoS, ReasonCode, SessionExpiry, Subscribe,
    SubscribeRequest, TopicName, WillMessage, decode, encode,
};

use crate::plant::Plant;

const V5: ProtocolVersion = ProtocolVersion::V5;

/// A connected client, whose session outlives it, with a will and a subscription; its SUBACK has been read.
fn connect(plant: &Plant, client_id: &str) -> TcpStream {
    let mut stream = plant.socket();
    let topic = format!("Plant/{client_id}/State");
    let will = WillMessage {
        topic: TopicName::parse(&topic).unwrap(),
        payload: b"gone",
        qos: QoS::AtMostOnce,
        retain: false,
        delay: std::time::Duration::ZERO,
        properties: factree_mqtt::MessageProperties::default(),
    };
    let expiry = SessionExpiry::After(std::time::Duration::from_secs(600));
    let connect = Connect { will: Some(will), session_expiry: expiry, ..Connect::new(V5, client_id) };
    let requests = [SubscribeRequest::new("Plant/orders", QoS::AtLeastOnce)];
    let mut bytes = Vec::new();
    encode(V5, &Packet::Connect(connect), &mut bytes);
    encode(V5, &Packet::Subscribe(Subscribe::new(PacketId::new(1).unwrap(), &requests)), &mut bytes);
    stream.write_all(&bytes).unwrap();
    let mut received = Vec::new();
    while !kinds(&received).contains(&"SUBACK".to_owned()) {
        read(&mut stream, &mut received);
    }
    stream
}

fn read(stream: &mut TcpStream, into: &mut Vec<u8>) -> usize {
    let mut chunk = [0; 1024];
    let len = stream.read(&mut chunk).unwrap();
    into.extend_from_slice(&chunk[..len]);
    len
}

/// What the packets in some bytes are.
fn kinds(mut bytes: &[u8]) -> Vec<String> {
    let mut kinds = Vec::new();
    while let Ok(Decoded::Packet { packet, len }) = decode(V5, bytes, &Limits::default()) {
        kinds.push(match packet {
            Packet::SubAck(_) => "SUBACK".to_owned(),
            Packet::Disconnect(disconnect) => format!("DISCONNECT {:?}", disconnect.reason),
            _ => "other".to_owned(),
        });
        bytes = &bytes[len..];
    }
    kinds
}

/// One DELETE; its status.
fn delete(plant: &Plant, target: &str) -> u16 {
    let mut stream = TcpStream::connect(plant.http).unwrap();
    write!(stream, "DELETE {target} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", plant.http).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer.split(' ').nth(1).unwrap().parse().unwrap()
}

#[test]
fn sessions_are_told_page_by_page() {
    let plant = Plant::start();
    let _connected = ["c", "a", "b/1", "d", "b"].map(|client_id| connect(&plant, client_id));
    let (mut told, mut cursor) = (Vec::new(), String::new());
    loop {
        let (status, page) = plant.get(&format!("/api/v1/clients?limit=2{cursor}"));
        assert_eq!(status, 200, "{page}");
        told.extend(page["clients"].as_array().unwrap().iter().map(|it| it["client_id"].as_str().unwrap().to_owned()));
        let Some(next) = page["next_cursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    assert_eq!(told, ["a", "b", "b/1", "c", "d"]);

    let (_, told) = plant.get("/api/v1/clients/b/1");
    assert_eq!((&told["state"], &told["version"]), (&"connected".into(), &"5.0".into()), "{told}");
    assert_eq!(told["session_expiry_seconds"], 600);
    assert_eq!(told["subscriptions"], serde_json::json!([{"filter": "Plant/orders", "qos": 1}]));
}

#[test]
fn a_client_that_is_disconnected_is_told_why_and_its_will_is_in_the_tree() {
    let plant = Plant::start();
    let mut client = connect(&plant, "press");
    assert_eq!(delete(&plant, "/api/v1/clients/press"), 204);
    assert_eq!(plant.sample("Plant/press/State").unwrap()["value"], "gone", "when the answer is there");
    assert_eq!(plant.get("/api/v1/clients/press").1["state"], "absent");
    let mut received = Vec::new();
    while read(&mut client, &mut received) > 0 {}
    assert_eq!(kinds(&received), [format!("DISCONNECT {:?}", ReasonCode::AdministrativeAction)]);
    assert_eq!(delete(&plant, "/api/v1/clients/press"), 204);
    assert_eq!(plant.get("/api/v1/clients/press").0, 404, "the session is gone too");
    assert_eq!(delete(&plant, "/api/v1/clients/nobody"), 404);
}
