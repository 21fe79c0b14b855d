//! What the two MQTT specifications say of connections, bytes and their order: only a running server can show it.
//!
//! The statements that a broker without sockets can show are in its stories, those of the codec in its tables.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::num::{NonZeroU16, NonZeroU32};
use std::time::Duration;

use crate::plant::Plant;
use factree_mqtt::{
    Acknowledgement, Connect, Decoded, Disconnect, Handshake, Limits, MessageProperties, Packet, PacketId,
    ProtocolVersion, Publish, QoS, ReasonCode, Subscribe, SubscribeRequest, TopicAlias, TopicName, Unsubscribe,
    WillMessage, decode, encode,
};

const V5: ProtocolVersion = ProtocolVersion::V5;
const V311: ProtocolVersion = ProtocolVersion::V311;

fn bytes(version: ProtocolVersion, packets: &[Packet<'_>]) -> Vec<u8> {
    let mut bytes = Vec::new();
    packets.iter().for_each(|packet| encode(version, packet, &mut bytes));
    bytes
}

fn connect(version: ProtocolVersion, client_id: &str) -> Packet<'_> {
    Packet::Connect(Connect::new(version, client_id))
}

fn publish<'a>(topic: &'a str, payload: &'a [u8]) -> Publish<'a> {
    Publish::new(TopicName::parse(topic).unwrap(), payload)
}

fn packet_id(number: u16) -> PacketId {
    PacketId(NonZeroU16::new(number).unwrap())
}

/// Sends, and reads until the server closes.
fn last_words(plant: &Plant, bytes: &[u8]) -> Vec<u8> {
    let mut stream = plant.socket();
    stream.write_all(bytes).unwrap();
    rest(&mut stream)
}

fn rest(stream: &mut TcpStream) -> Vec<u8> {
    let mut words = Vec::new();
    match stream.read_to_end(&mut words) {
        Ok(_) => words,
        Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => words,
        Err(error) => panic!("not closed: {error}"),
    }
}

/// Reads whole packets until so many are there, and says what they are.
fn told(stream: &mut TcpStream, version: ProtocolVersion, count: usize) -> Vec<String> {
    let mut all = Vec::new();
    let mut chunk = [0; 512];
    while names(version, &all).len() < count {
        let len = stream.read(&mut chunk).unwrap();
        assert!(len > 0, "closed after {:?}", names(version, &all));
        all.extend_from_slice(&chunk[..len]);
    }
    names(version, &all)
}

/// The packets at the front of the bytes, by name; with the reason where it is not success.
fn names(version: ProtocolVersion, mut bytes: &[u8]) -> Vec<String> {
    let mut names = Vec::new();
    while let Ok(Decoded::Packet { packet, len }) = decode(version, bytes, &Limits::default()) {
        let reason = match &packet {
            Packet::ConnAck(ack) => ack.reason,
            Packet::Disconnect(disconnect) => disconnect.reason,
            _ => ReasonCode::Success,
        };
        let reason = if reason == ReasonCode::Success { String::new() } else { format!(" {reason:?}") };
        names.push(format!("{}{reason}", packet.name()));
        bytes = &bytes[len..];
    }
    names
}

/// `[MQTT-4.2.0-1]`, 3.1.1: `[MQTT-7.1.1-1]`: a stream of bytes, and `[MQTT-4.13.1-1]`, 3.1.1: `[MQTT-7.0.0-2]`: no
/// more than the specification says.
#[test]
fn a_plain_client_over_tcp_is_served_in_both_versions() {
    let plant = Plant::start();
    for version in [V311, V5] {
        let mut stream = plant.socket();
        let requests = [SubscribeRequest::new("t", QoS::AtMostOnce)];
        let two = Publish { handshake: Handshake::ExactlyOnce(packet_id(3)), ..publish("t", b"2") };
        let packets = [
            connect(version, "a"),
            Packet::Subscribe(Subscribe::new(packet_id(1), &requests)),
            Packet::Publish(publish("t", b"0")),
            Packet::Publish(Publish { handshake: Handshake::AtLeastOnce(packet_id(2)), ..publish("t", b"1") }),
            Packet::Publish(two),
            Packet::PubRel(Acknowledgement::new(packet_id(3))),
            Packet::Unsubscribe(Unsubscribe::new(packet_id(4), &["t"])),
            Packet::PingReq,
        ];
        stream.write_all(&bytes(version, &packets)).unwrap();
        let mut told = told(&mut stream, version, 10);
        assert_eq!(told.remove(0), "CONNACK", "[MQTT-3.2.0-1]");
        told.sort();
        let answers =
            ["PINGRESP", "PUBACK", "PUBCOMP", "PUBLISH", "PUBLISH", "PUBLISH", "PUBREC", "SUBACK", "UNSUBACK"];
        assert_eq!(told, answers);
        stream.write_all(&bytes(version, &[Packet::Disconnect(Disconnect::new(ReasonCode::Success))])).unwrap();
        assert_eq!(rest(&mut stream), b"", "closed without a word");
    }
}

/// `[MQTT-3.14.4-1]`, `[MQTT-3.14.4-2]`, `[MQTT-3.14.2-2]`, `[MQTT-4.13.2-1]`; 3.1.1: `[MQTT-3.1.0-2]`,
/// 3.1.1: `[MQTT-4.8.0-1]`.
#[test]
fn a_disconnect_is_the_last_packet_explains_itself_and_the_connection_is_closed() {
    let plant = Plant::start();
    let requests = [SubscribeRequest::new("t", QoS::AtMostOnce)];
    let story = |version| {
        let packets = [
            connect(version, "a"),
            Packet::Subscribe(Subscribe::new(packet_id(1), &requests)),
            Packet::Publish(publish("t", b"before")),
            connect(version, "a"),
            Packet::Publish(publish("t", b"behind")),
            Packet::PingReq,
        ];
        last_words(&plant, &bytes(version, &packets))
    };
    let words = story(V5);
    assert_eq!(names(V5, &words).last().unwrap(), "DISCONNECT ProtocolError");
    let at = words.windows(2).position(|pair| pair[0] == 0xE0 && pair[1] > 1).expect("a DISCONNECT with properties");
    match decode(V5, &words[at..], &Limits::default()) {
        Ok(Decoded::Packet { packet: Packet::Disconnect(disconnect), len }) => {
            assert_eq!(at + len, words.len());
            assert_eq!(disconnect.session_expiry, None);
            assert_eq!(disconnect.reason_string, Some("a second CONNECT [MQTT-3.1.0-2]"));
        }
        other => panic!("{other:?}"),
    }
    let words = names(V311, &story(V311));
    assert!(!words.contains(&"DISCONNECT".to_owned()) && !words.contains(&"PINGRESP".to_owned()), "{words:?}");
    assert_eq!(words.iter().filter(|name| *name == "CONNACK").count(), 1, "[MQTT-3.2.0-2]");
}

/// `[MQTT-3.14.0-1]`, `[MQTT-3.1.4-6]`, `[MQTT-3.2.2-7]`; 3.1.1: `[MQTT-3.1.4-5]`, `[MQTT-3.2.2-5]`.
#[test]
fn before_a_connack_that_accepts_there_is_no_disconnect() {
    let mut plant = Plant::start();
    let behind = Packet::Publish(Publish { retain: true, ..publish("a/b", b"1") });
    let unknown = Connect { authentication_method: Some("unknown"), ..Connect::new(V5, "a") };
    let words = last_words(&plant, &bytes(V5, &[Packet::Connect(unknown), behind.clone()]));
    assert_eq!(names(V5, &words), ["CONNACK BadAuthenticationMethod"]);
    let nameless = Connect { clean_start: false, ..Connect::new(V311, "") };
    let words = last_words(&plant, &bytes(V311, &[Packet::Connect(nameless), behind.clone()]));
    assert_eq!(words, [0x20, 2, 0, 2]);
    assert_eq!(last_words(&plant, &bytes(V5, &[behind])), b"", "[MQTT-3.1.0-1]");
    assert_eq!(plant.sample("a/b"), None);

    let mut silent = plant.socket();
    silent.write_all(b"\x10").unwrap();
    plant.stop();
    assert_eq!(rest(&mut silent), b"", "nor when the server shuts down");
}

/// `[MQTT-3.3.2-7]`, `[MQTT-3.3.2-12]`.
#[test]
fn topic_aliases_belong_to_one_connection() {
    let plant = Plant::start();
    let aliased = |topic, number| {
        let (topic, topic_alias) = (TopicName::parse(topic).ok(), TopicAlias::new(number));
        let handshake = Handshake::AtLeastOnce(packet_id(1));
        Packet::Publish(Publish { topic, topic_alias, handshake, ..publish("unused", b"1") })
    };
    let mut first = plant.socket();
    let all = (1..=64).map(|number| aliased("a/b", number)).chain((1..=64).map(|number| aliased("", number)));
    let packets: Vec<_> = std::iter::once(connect(V5, "a")).chain(all).collect();
    first.write_all(&bytes(V5, &packets)).unwrap();
    assert_eq!(told(&mut first, V5, 129)[1..], ["PUBACK"; 128]);
    let words = last_words(&plant, &bytes(V5, &[connect(V5, "b"), aliased("", 1)]));
    assert_eq!(names(V5, &words), ["CONNACK", "DISCONNECT ProtocolError"]);
    let words = last_words(&plant, &bytes(V5, &[connect(V5, "c"), aliased("a/b", 65)]));
    assert_eq!(names(V5, &words), ["CONNACK", "DISCONNECT TopicAliasInvalid"]);
}

/// `[MQTT-3.1.2-26]`, `[MQTT-3.1.2-27]`.
#[test]
fn topic_aliases_go_out_to_a_client_that_takes_them() {
    let plant = Plant::start();
    let requests = [SubscribeRequest::new("plant/a", QoS::AtMostOnce)];
    let topics = |topic_alias_maximum| {
        let mut stream = plant.socket();
        let packets = [
            Packet::Connect(Connect { topic_alias_maximum, ..Connect::new(V5, "a") }),
            Packet::Subscribe(Subscribe::new(packet_id(1), &requests)),
            Packet::Publish(publish("plant/a", b"1")),
            Packet::Publish(publish("plant/a", b"2")),
            Packet::Disconnect(Disconnect::new(ReasonCode::Success)),
        ];
        stream.write_all(&bytes(V5, &packets[..4])).unwrap();
        let mut read = Vec::new();
        while names(V5, &read).iter().filter(|name| *name == "PUBLISH").count() < 2 {
            let mut chunk = [0; 512];
            let len = stream.read(&mut chunk).unwrap();
            read.extend_from_slice(&chunk[..len]);
        }
        read.windows(7).filter(|bytes| *bytes == b"plant/a").count()
    };
    assert_eq!((topics(0), topics(1)), (2, 1));
}

/// `[MQTT-3.14.2-3]`, and `[MQTT-3.14.4-2]` without the reset that would take the last word away.
#[test]
fn a_last_word_arrives_although_the_client_goes_on_sending_and_is_no_longer_than_it_takes() {
    let plant = Plant::start();
    for (maximum, length) in [(None, 30..100), (NonZeroU32::new(20), 3..4)] {
        let mut stream = plant.socket();
        let hello = Connect { maximum_packet_size: maximum, ..Connect::new(V5, "a") };
        stream.write_all(&bytes(V5, &[Packet::Connect(hello)])).unwrap();
        let malformed = [0x36, 0x00];
        stream.write_all(&malformed).unwrap();
        for _ in 0..50 {
            std::thread::sleep(Duration::from_millis(1));
            stream.write_all(&bytes(V5, &[Packet::PingReq])).unwrap();
        }
        stream.shutdown(Shutdown::Write).unwrap();
        let mut words = Vec::new();
        stream.read_to_end(&mut words).unwrap();
        assert_eq!(names(V5, &words), ["CONNACK", "DISCONNECT MalformedPacket"]);
        let connack_len = 2 + usize::from(words[1]);
        assert!(length.contains(&(words.len() - connack_len)), "{words:?}");
    }
}

/// MF16: a client that goes away inside any packet, in either version, is closed and forgotten, with its will if its
/// CONNECT was whole.
#[test]
fn mf16_a_packet_may_be_cut_anywhere() {
    let plant = Plant::start();
    let requests = [SubscribeRequest::new("a/+", QoS::AtLeastOnce)];
    for version in [V311, V5] {
        let mut hello = Connect::new(version, "cut");
        hello.will = Some(WillMessage::new(TopicName::parse("w").unwrap(), b"x"));
        hello.username = Some("u");
        let properties = match version {
            V311 => MessageProperties::default(),
            V5 => MessageProperties { content_type: Some("text"), ..MessageProperties::default() },
        };
        let whole = Publish { properties, handshake: Handshake::AtLeastOnce(packet_id(1)), ..publish("a/b", b"1") };
        let later = [
            Packet::Publish(whole),
            Packet::Subscribe(Subscribe::new(packet_id(1), &requests)),
            Packet::Unsubscribe(Unsubscribe::new(packet_id(1), &["a/+"])),
            Packet::PubRel(Acknowledgement::new(packet_id(1))),
            Packet::PingReq,
        ];
        let hello = bytes(version, &[Packet::Connect(hello)]);
        let beginnings = (0..hello.len()).map(|cut| hello[..cut].to_vec());
        let cut_later = later.iter().flat_map(|packet| {
            let packet = bytes(version, std::slice::from_ref(packet));
            let hello = &hello;
            (0..packet.len()).map(move |cut| [hello, &packet[..cut]].concat()).collect::<Vec<_>>()
        });
        for sent in beginnings.chain(cut_later) {
            let mut stream = plant.socket();
            stream.write_all(&sent).unwrap();
            stream.shutdown(Shutdown::Write).unwrap();
            let words = names(version, &rest(&mut stream));
            assert!(words.is_empty() || words == ["CONNACK"], "{sent:?}: {words:?}");
        }
    }
    assert_eq!(plant.sample("a/b"), None, "half a PUBLISH is none");
    assert_eq!(plant.sample("w").unwrap()["value"], "x", "the will of a client that went away is published");
    let mut stream = plant.socket();
    stream.write_all(&bytes(V5, &[connect(V5, "alive")])).unwrap();
    assert_eq!(told(&mut stream, V5, 1), ["CONNACK"]);
}

/// A WebSocket, by hand: what the server answers to the upgrade, and frames of one byte's length.
fn upgraded(address: SocketAddr, protocols: &str) -> (TcpStream, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    write!(
        stream,
        "GET /mqtt HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: {protocols}\r\n\r\n"
    )
    .unwrap();
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap() == 1 {
        head.push(byte[0]);
    }
    (stream, String::from_utf8(head).unwrap().to_ascii_lowercase())
}

/// A masked frame; the mask is zero.
fn frame(opcode: u8, payload: &[u8]) -> Vec<u8> {
    [&[0x80 | opcode, 0x80 | u8::try_from(payload.len()).unwrap(), 0, 0, 0, 0], payload].concat()
}

/// `[MQTT-6.0.0-1]`, `[MQTT-6.0.0-2]`, `[MQTT-6.0.0-4]`; 3.1.1: `[MQTT-6.0.0-1]`, `[MQTT-6.0.0-2]`, `[MQTT-6.0.0-4]`.
#[test]
fn by_websocket_packets_go_in_binary_frames_wherever_those_end() {
    let plant = Plant::configured("[[mqtt.listeners]]\nlisten = \"127.0.0.1:0\"\ntransport = \"websocket\"\n");
    for version in [V311, V5] {
        let (mut stream, head) = upgraded(plant.further[0], "other, mqtt");
        assert!(head.starts_with("http/1.1 101"), "{head}");
        assert!(head.contains("sec-websocket-protocol: mqtt\r\n"), "{head}");
        let hello = bytes(version, &[connect(version, "w"), Packet::PingReq]);
        let (a, b) = hello.split_at(5);
        stream.write_all(&[frame(2, a), frame(2, b)].concat()).unwrap();
        let mut answer = Vec::new();
        while !answer.ends_with(&[0xD0, 0]) {
            let mut byte = [0];
            assert_eq!(stream.read(&mut byte).unwrap(), 1);
            answer.push(byte[0]);
        }
        assert_eq!(answer[0], 0x82, "a whole binary frame");

        stream.write_all(&frame(1, &bytes(version, &[Packet::PingReq]))).unwrap();
        let words = rest(&mut stream);
        assert!(!words.windows(2).any(|pair| pair == [0xD0, 0]), "a text frame is not served: {words:?}");
        assert_eq!(words.first().map(|first| first & 0x0F), Some(8), "it ends with a close frame: {words:?}");
    }
    let (_, head) = upgraded(plant.further[0], "other");
    assert!(!head.starts_with("http/1.1 101"), "[MQTT-6.0.0-3]: {head}");
}
