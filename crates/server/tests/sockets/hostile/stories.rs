//! Rows of the table that take more than bytes to try.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::num::NonZeroU16;
use std::time::{Duration, Instant};

use factree_mqtt::{
    Acknowledgement, Connect, Handshake, Packet, PacketId, ProtocolVersion, Publish, QoS, SessionExpiry, Subscribe,
    SubscribeRequest, TopicName, UserPropertiesBuf, WillMessage,
};

use super::Arena;
use super::client::Client;
use super::notation::At;
use crate::plant::Plant;
use crate::telemetry::metrics;

const V311: ProtocolVersion = ProtocolVersion::V311;
const V5: ProtocolVersion = ProtocolVersion::V5;

fn id(number: u16) -> PacketId {
    PacketId(NonZeroU16::new(number).unwrap())
}

fn publish<'a>(topic: &'a str, payload: &'a [u8]) -> Publish<'a> {
    Publish::new(TopicName::parse(topic).unwrap(), payload)
}

fn retained_qos1<'a>(topic: &'a str, packet_id: u16) -> Packet<'a> {
    let handshake = Handshake::AtLeastOnce(id(packet_id));
    Packet::Publish(Publish { handshake, retain: true, ..publish(topic, b"1") })
}

fn subscribe<'a>(requests: &'a [SubscribeRequest<'a>]) -> Packet<'a> {
    Packet::Subscribe(Subscribe::new(id(1), requests))
}

// ---- Frames ------------------------------------------------------------------------------------------------------

pub(super) fn whoever_does_not_say_who_it_is_in_time_is_closed(_: &Arena) {
    let directory = tempfile::tempdir().unwrap();
    let own = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let (certificate, key) = (directory.path().join("c.pem"), directory.path().join("k.pem"));
    std::fs::write(&certificate, own.cert.pem()).unwrap();
    std::fs::write(&key, own.signing_key.serialize_pem()).unwrap();
    let listener = |rest: &str| format!("[[mqtt.listeners]]\nlisten = \"127.0.0.1:0\"\n{rest}\n");
    let tls = format!("certificate = {certificate:?}\nkey = {key:?}");
    let plant = Plant::configured(&format!(
        "[limits]\nconnect_timeout = \"600 ms\"\n{}{}{}",
        listener("transport = \"websocket\""),
        listener(&format!("transport = \"tls\"\n{tls}")),
        listener(&format!("transport = \"secure_websocket\"\n{tls}")),
    ));
    // Who is in time is not held to it later.
    let mut client = Client::connect(plant.mqtt, Connect::new(V311, "in-time"));
    // Each with the first byte of what it expects: a CONNECT, a GET, a TLS record.
    let everywhere = [&[plant.mqtt], &plant.further[..]].concat().into_iter().zip(*b"\x10G\x16\x16");
    let start = Instant::now();
    let mut slow: Vec<TcpStream> = everywhere.cycle().take(40).map(|(address, first)| begun(address, first)).collect();
    slow.iter_mut().for_each(|stream| assert_eq!(rest(stream), b""));
    assert!(start.elapsed() >= Duration::from_millis(600), "they were given their time");
    // Bytes that trickle in, for twice as long, buy no more of it.
    let mut trickling = begun(plant.mqtt, 0x10);
    for byte in b"\x0d\x00\x04MQTT\x04\x02\x00\x3c\x00\x01t" {
        if trickling.write_all(&[*byte]).is_err() {
            break;
        }
        std::thread::sleep(Duration::from_millis(80));
    }
    assert_eq!(rest(&mut trickling), b"");
    client.pings();
    plant.until("all are counted", |plant| metrics(plant)["factree_connects_timed_out_total"] == 41.0);
}

/// A connection that has sent one byte.
fn begun(address: SocketAddr, first: u8) -> TcpStream {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream.write_all(&[first]).unwrap();
    stream
}

/// All that comes until the end.
fn rest(stream: &mut TcpStream) -> Vec<u8> {
    let mut words = Vec::new();
    match stream.read_to_end(&mut words) {
        Ok(_) => words,
        Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => words,
        Err(error) => panic!("not closed: {error}"),
    }
}

pub(super) fn a_second_connect_leaves_the_session_and_publishes_the_will(arena: &Arena) {
    let will = WillMessage::new(TopicName::parse("mf08/will").unwrap(), b"gone");
    let expiry = SessionExpiry::After(Duration::from_secs(60));
    let connect = Connect { clean_start: false, session_expiry: expiry, ..Connect::new(V5, "mf08") };
    let mut listener = Client::connect(arena.plant.mqtt, Connect::new(V5, "mf08-listener"));
    listener.say(&[subscribe(&[SubscribeRequest::new("mf08/#", QoS::AtMostOnce)])]);
    assert_eq!(listener.told(), "SUBACK 0x00");
    let mut client = Client::connect(arena.plant.mqtt, Connect { will: Some(will), ..connect.clone() });
    client.say(&[Packet::Connect(connect.clone())]);
    assert_eq!(client.told_until_close(), ["DISCONNECT 0x82", "close"]);
    assert_eq!(listener.told(), "PUBLISH mf08/will gone");
    let mut again = arena.plant.socket();
    let mut bytes = Vec::new();
    factree_mqtt::encode(V5, &Packet::Connect(connect), &mut bytes);
    again.write_all(&bytes).unwrap();
    let mut connack = [0; 3];
    again.read_exact(&mut connack).unwrap();
    assert_eq!((connack[0], connack[2]), (0x20, 0x01), "session present");
}

pub(super) fn a_protocol_name_of_64_kib(arena: &Arena) {
    let name = [&[0x10, 0x80, 0x80, 0x04, 0xFF, 0xFF][..], &vec![b'M'; 65_534]].concat();
    assert_eq!(arena.verdict(At::First, &name), "close");
}

// ---- Topics ------------------------------------------------------------------------------------------------------

/// What was refused has left nothing behind for whoever comes later.
pub(super) fn nothing_is_retained_on_a(arena: &Arena) {
    let mut client = Client::connect(arena.plant.mqtt, Connect::new(V5, ""));
    client.say(&[subscribe(&[SubscribeRequest::new("a/#", QoS::AtMostOnce)])]);
    assert_eq!(client.told(), "SUBACK 0x00");
    client.pings();
    assert_eq!(arena.plant.sample("a"), None);
}

pub(super) fn odd_characters_leave_as_they_came(arena: &Arena) {
    let topics = ["\u{FEFF}o", "o\u{FEFF}", "o\u{FFFF}", "\u{1}o", "🤖/🔧", "\u{202E}o/b"];
    for version in [V311, V5] {
        let mut client = Client::connect(arena.plant.mqtt, Connect::new(version, ""));
        for topic in topics {
            client.say(&[
                subscribe(&[SubscribeRequest::new(topic, QoS::AtMostOnce)]),
                Packet::Publish(publish(topic, b"x")),
            ]);
            assert!(client.told().starts_with("SUBACK"));
            assert_eq!(client.told(), format!("PUBLISH {topic} x"));
        }
    }
}

pub(super) fn a_topic_of_65535_levels(arena: &Arena) {
    let elements = || metrics(&arena.plant)["factree_tree_elements"];
    // The watcher's own topic is an element; from here on no other comes.
    arena.watcher.goes_round(&arena.plant);
    let before = elements();
    for (at, tail, expected) in
        [(At::V5, &[0, 1, 0][..], "CONNACK, DISCONNECT 0x90, close"), (At::V311, &[0, 1][..], "CONNACK, close")]
    {
        let body = [&[0xFF, 0xFF][..], &vec![b'/'; 65_535], tail].concat();
        let len = [body.len() as u8 | 0x80, (body.len() >> 7) as u8 | 0x80, (body.len() >> 14) as u8];
        assert_eq!(arena.verdict(at, &[&[0x33], &len[..], &body].concat()), expected);
    }
    assert_eq!(elements(), before);
}

pub(super) fn sixty_thousand_filters(arena: &Arena) {
    let filters: Vec<String> = (0..60_000).map(|number| format!("mt10/{number}")).collect();
    let requests: Vec<_> = filters.iter().map(|filter| SubscribeRequest::new(filter, QoS::AtMostOnce)).collect();
    let mut client = Client::connect(arena.plant.mqtt, Connect::new(V5, "mt10"));
    client.say(&[subscribe(&requests)]);
    let suback = client.told();
    assert_eq!(suback.matches(" 0x00").count(), 10_000);
    assert_eq!(suback.matches(" 0x97").count(), 50_000);
    client.pings();
}

pub(super) fn what_may_not_be_published_is_counted(arena: &Arena) {
    let refused = || metrics(&arena.plant)["factree_publications_refused_total reason=topic"];
    let before = refused();
    assert_eq!(arena.verdict(At::V311, b"\x30\x07\x00\x05$SYS/"), "CONNACK, open");
    assert_eq!(refused(), before + 1.0);
}

pub(super) fn names_of_javascript_are_ordinary(arena: &Arena) {
    for name in ["__proto__", "constructor", "hasOwnProperty"] {
        let mut client = Client::connect(arena.plant.mqtt, Connect::new(V5, name));
        let topic = format!("mt15/{name}/{name}");
        client.say(&[subscribe(&[SubscribeRequest::new(&topic, QoS::AtMostOnce)]), retained_qos1(&topic, 2)]);
        assert_eq!(client.told(), "SUBACK 0x00");
        let mut both = [client.told(), client.told()];
        both.sort();
        assert_eq!(both, ["PUBACK".to_owned(), format!("PUBLISH {topic} 1")]);
        let sample = arena.plant.sample(&topic).expect("it is an element like any other");
        assert_eq!((&sample["path"], &sample["value"]), (&topic.into(), &1.into()));
    }
}

// ---- Properties --------------------------------------------------------------------------------------------------

pub(super) fn a_hundred_thousand_user_properties(arena: &Arena) {
    let many: UserPropertiesBuf = std::iter::repeat_n(("", "v"), 100_000).collect();
    let requests = [SubscribeRequest::new("mp01", QoS::AtMostOnce)];
    let mut with_many = publish("mp01", b"");
    with_many.properties.user_properties = many.as_properties();
    let subscribe = Subscribe { user_properties: many.as_properties(), ..Subscribe::new(id(1), &requests) };
    for packet in [Packet::Publish(with_many), Packet::Subscribe(subscribe)] {
        let mut client = Client::connect(arena.plant.mqtt, Connect::new(V5, ""));
        client.say(&[packet]);
        assert_eq!(client.told_until_close(), ["DISCONNECT 0x97", "close"]);
    }
    let connect = Connect { user_properties: many.as_properties(), ..Connect::new(V5, "") };
    let mut bytes = Vec::new();
    factree_mqtt::encode(V5, &Packet::Connect(connect), &mut bytes);
    assert_eq!(arena.verdict(At::FirstV5, &bytes), "close");
}

// ---- Flows -------------------------------------------------------------------------------------------------------

pub(super) fn a_puback_for_a_qos_2_delivery(arena: &Arena) {
    let mut client = Client::connect(arena.plant.mqtt, Connect::new(V5, "mq04"));
    client.say(&[subscribe(&[SubscribeRequest::new("mq04", QoS::ExactlyOnce)])]);
    assert_eq!(client.told(), "SUBACK 0x02");
    let handshake = Handshake::ExactlyOnce(id(5));
    client.say(&[Packet::Publish(Publish { handshake, ..publish("mq04", b"x") })]);
    let mut both = [client.told(), client.told()];
    both.sort();
    assert_eq!(both, ["PUBLISH mq04 x", "PUBREC"]);
    client.say(&[Packet::PubAck(Acknowledgement::new(id(1)))]);
    assert_eq!(client.told_until_close(), ["DISCONNECT 0x82", "close"]);
}

pub(super) fn sessions_are_counted_and_their_expiry_frees_them(_: &Arena) {
    let plant = Plant::configured("[limits]\nsessions_max = 20\nsession_expiry_max = \"2 s\"");
    let sessions = |plant: &Plant, state: &str| metrics(plant)[&format!("factree_sessions state={state}")];
    let kept = |client_id| Connect { session_expiry: SessionExpiry::Never, ..Connect::new(V5, client_id) };
    let ids: Vec<String> = (0..20).map(|number| format!("mq08-{number}")).collect();
    // All of them are connected, so none expires while the others come.
    let clients: Vec<Client> = ids.iter().map(|client_id| Client::connect(plant.mqtt, kept(client_id))).collect();
    let mut refused = plant.socket();
    let mut bytes = Vec::new();
    factree_mqtt::encode(V5, &Packet::Connect(Connect::new(V5, "one-too-many")), &mut bytes);
    refused.write_all(&bytes).unwrap();
    let words = rest(&mut refused);
    assert_eq!((words[0], words[3]), (0x20, 0x97));
    drop(clients);
    plant.until("they are absent", |plant| sessions(plant, "connected") == 0.0);
    plant.until("their expiry frees them", |plant| sessions(plant, "absent") == 0.0);
    drop(Client::connect(plant.mqtt, Connect::new(V5, "one-too-many")));
}

pub(super) fn retained_messages_are_counted(_: &Arena) {
    // `$SYS` and our STATE have room of their own, and would be counted.
    let quiet = "[mqtt]\nsys_interval = \"0 s\"\n[sparkplug]\npublish_state = false";
    let plant = Plant::configured(&format!("{quiet}\n[limits]\nretained_max = 50"));
    let mut client = Client::connect(plant.mqtt, Connect::new(V5, "mq09"));
    let topics: Vec<String> = (0..200).map(|number| format!("mq09/{number}")).collect();
    let packets: Vec<Packet<'_>> = topics.iter().zip(1..).map(|(topic, number)| retained_qos1(topic, number)).collect();
    client.say(&packets);
    let told: Vec<String> = topics.iter().map(|_| client.told()).collect();
    assert!(told[..50].iter().all(|name| name == "PUBACK") && told[50..].iter().all(|name| name == "PUBACK 0x97"));
    assert_eq!(metrics(&plant)["factree_retained_messages"], 50.0);
    assert_eq!(metrics(&plant)["factree_publications_refused_total reason=retained_quota"], 150.0);
    // What is there may be replaced.
    client.say(&[retained_qos1("mq09/0", 1)]);
    assert_eq!(client.told(), "PUBACK");
}

pub(super) fn idle_connections_end_and_leave_room_for_http(_: &Arena) {
    let plant = Plant::configured("[limits]\nkeep_alive_max = \"1 s\"\nconnections_max = 4");
    let asking = |version| Connect { keep_alive: Duration::ZERO, ..Connect::new(version, "") };
    let mut idle: Vec<Client> =
        [V311, V5, V311, V5].map(|version| Client::connect(plant.mqtt, asking(version))).into_iter().collect();
    let mut refused = plant.socket();
    assert_eq!(rest(&mut refused), b"", "every connection is taken");
    assert_eq!(plant.get("/healthz").0, 200);
    let told: Vec<Vec<String>> = idle.iter_mut().map(Client::told_until_close).collect();
    assert_eq!(told, [&["close"][..], &["DISCONNECT 0x8D", "close"], &["close"], &["DISCONNECT 0x8D", "close"]]);
}

pub(super) fn of_two_clients_with_one_id_the_newcomer_is_refused_in_time(_: &Arena) {
    let plant = Plant::configured("[limits]\ntakeovers_per_minute_max = 1");
    let mut first = Client::connect(plant.mqtt, Connect::new(V5, "twin"));
    let mut second = Client::connect(plant.mqtt, Connect::new(V5, "twin"));
    assert_eq!(first.told_until_close(), ["DISCONNECT 0x8E", "close"]);
    let start = Instant::now();
    let mut third = plant.socket();
    let mut bytes = Vec::new();
    factree_mqtt::encode(V5, &Packet::Connect(Connect::new(V5, "twin")), &mut bytes);
    third.write_all(&bytes).unwrap();
    let refusal = rest(&mut third);
    assert_eq!((refusal[0], refusal[3]), (0x20, 0x9F), "CONNACK, connection rate exceeded");
    assert!(start.elapsed() >= Duration::from_millis(900), "after a pause: who comes back at once costs little");
    second.pings();
    assert_eq!(metrics(&plant)["factree_takeovers_refused_total"], 1.0);
}

// ---- WebSocket ---------------------------------------------------------------------------------------------------

/// QoS 1 to `mw`, `42`.
const PUBLISH: &[u8] = b"\x32\x08\x00\x02mw\x00\x0142";
const PUBACK: &[u8] = b"\x40\x02\x00\x01";

fn websocket_plant() -> Plant {
    Plant::configured("[[mqtt.listeners]]\nlisten = \"127.0.0.1:0\"\ntransport = \"websocket\"")
}

/// Asks for an upgrade, with or without the sub-protocol; returns the head of the answer.
fn upgrade(plant: &Plant, protocol: &str) -> (TcpStream, String) {
    let mut stream = TcpStream::connect(plant.further[0]).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    write!(
        stream,
        "GET /mqtt HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{protocol}\r\n"
    )
    .unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
    (stream, String::from_utf8(head).unwrap())
}

fn websocket(plant: &Plant) -> TcpStream {
    let (stream, head) = upgrade(plant, "Sec-WebSocket-Protocol: mqtt\r\n");
    assert!(head.starts_with("HTTP/1.1 101"), "{head}");
    stream
}

/// A whole message in one frame, masked with zeros.
fn frame(kind: u8, payload: &[u8]) -> Vec<u8> {
    let len: Vec<u8> = match payload.len() {
        len @ 0..126 => vec![0x80 | len as u8],
        len => [&[0x80 | 126][..], &(len as u16).to_be_bytes()].concat(),
    };
    [&[0x80 | kind], &len[..], &[0; 4], payload].concat()
}

const TEXT: u8 = 1;
const BINARY: u8 = 2;

/// The next so many bytes of MQTT, however they are framed.
fn receive(stream: &mut TcpStream, len: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while bytes.len() < len {
        let mut head = [0; 2];
        stream.read_exact(&mut head).unwrap();
        assert_eq!(head[0], 0x80 | BINARY);
        let len = match head[1] {
            126 => {
                let mut len = [0; 2];
                stream.read_exact(&mut len).unwrap();
                u16::from_be_bytes(len).into()
            }
            len => usize::from(len),
        };
        let mut payload = vec![0; len];
        stream.read_exact(&mut payload).unwrap();
        bytes.extend(payload);
    }
    bytes
}

pub(super) fn what_a_websocket_must_be(_: &Arena) {
    let plant = websocket_plant();
    let (_, head) = upgrade(&plant, "");
    assert!(head.starts_with("HTTP/1.1 400"), "{head}");
    let mut stream = websocket(&plant);
    stream.write_all(&frame(TEXT, b"CONNECT")).unwrap();
    let close = rest(&mut stream);
    assert_eq!((close[0], &close[2..4]), (0x88, &1003u16.to_be_bytes()[..]));
    let mut stream = websocket(&plant);
    stream.write_all(b"\x82\x02\xc0\x00").unwrap();
    let close = rest(&mut stream);
    assert_eq!((close[0], &close[2..4]), (0x88, &1002u16.to_be_bytes()[..]), "a frame without a mask");
}

pub(super) fn a_packet_longer_than_its_frame(_: &Arena) {
    let plant = websocket_plant();
    let mut stream = websocket(&plant);
    stream.write_all(&frame(BINARY, &At::V311.connect())).unwrap();
    assert_eq!(receive(&mut stream, 4), b"\x20\x02\x00\x00");
    // QoS 1 to `mw` with a payload that makes the Remaining Length 4,096: three bytes now, the rest later.
    let packet = [b"\x32\x80\x20\x00\x02mw\x00\x01".as_slice(), &[b'7'; 4090]].concat();
    stream.write_all(&frame(BINARY, &packet[..3])).unwrap();
    // Another frame that is no packet either.
    stream.write_all(&frame(BINARY, &packet[3..7])).unwrap();
    stream.write_all(&frame(BINARY, &packet[7..])).unwrap();
    assert_eq!(receive(&mut stream, 4), PUBACK);
}

pub(super) fn packets_and_frames_need_not_agree(_: &Arena) {
    let plant = websocket_plant();
    let mut stream = websocket(&plant);
    for byte in At::V311.connect() {
        stream.write_all(&frame(BINARY, &[byte])).unwrap();
    }
    assert_eq!(receive(&mut stream, 4), b"\x20\x02\x00\x00");
    stream.write_all(&frame(BINARY, &PUBLISH.repeat(100))).unwrap();
    assert_eq!(receive(&mut stream, 400), PUBACK.repeat(100));
    assert_eq!(plant.sample("mw").unwrap()["value"], serde_json::json!(42));
}
