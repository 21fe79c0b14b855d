//! Bad input over real sockets, after the rows of the hostile-input table: the peer pays, nobody else does.

use std::io::{Read, Write};
use std::net::TcpStream;

use crate::plant::Plant;

/// CONNECT of MQTT 3.1.1: clean session, keep-alive 60 s, client id `a`.
const CONNECT_V311: &[u8] = b"\x10\x0d\x00\x04MQTT\x04\x02\x00\x3c\x00\x01a";
/// The same for 5.0.
const CONNECT_V5: &[u8] = b"\x10\x0e\x00\x04MQTT\x05\x02\x00\x3c\x00\x00\x01a";

/// Everything the broker says until it closes.
fn last_words(mut stream: TcpStream) -> Vec<u8> {
    let mut words = Vec::new();
    match stream.read_to_end(&mut words) {
        Ok(_) => words,
        Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => words,
        Err(error) => panic!("not closed: {error}"),
    }
}

fn says(plant: &Plant, bytes: &[u8]) -> Vec<u8> {
    let mut stream = plant.socket();
    stream.write_all(bytes).unwrap();
    last_words(stream)
}

fn still_serves(plant: &Plant) {
    let mut stream = plant.socket();
    stream.write_all(CONNECT_V311).unwrap();
    let mut connack = [0; 4];
    stream.read_exact(&mut connack).unwrap();
    assert_eq!(connack, [0x20, 0x02, 0x00, 0x00]);
}

#[test]
fn mf01_mf03_mf09_what_does_not_begin_with_a_connect_is_closed_without_a_word() {
    let plant = Plant::start();
    assert_eq!(says(&plant, b"\x40\x02\x00\x01"), b"", "MF01: PUBACK first");
    assert_eq!(says(&plant, b"\x30\xff\xff\xff\x7f"), b"", "MF03: a PUBLISH of 256 MiB first, refused by its header");
    assert_eq!(says(&plant, b"\x10\x0e\x00\x05MQTTT\x04\x02\x00\x3c\x00\x01a"), b"", "MF09: another protocol's name");
    assert_eq!(says(&plant, b"GET / HTTP/1.1\r\n\r\n"), b"", "a browser");
    still_serves(&plant);
}

#[test]
fn mf14_mf18_mf19_a_refusal_says_why_where_the_version_allows() {
    let plant = Plant::start();
    let nameless = b"\x10\x0c\x00\x04MQTT\x04\x00\x00\x3c\x00\x00";
    assert_eq!(says(&plant, nameless), b"\x20\x02\x00\x02", "MF14: 3.1.1, no client id, no clean session");
    let with = |connect: &[u8], packet: &[u8]| says(&plant, &[connect, packet].concat());
    let v5 = |packet: &[u8]| with(CONNECT_V5, packet);
    let reason = |words: &[u8]| {
        let connack_len = 2 + usize::from(words[1]);
        (words[connack_len], words[connack_len + 2])
    };
    assert_eq!(reason(&v5(b"\x00\x00")), (0xE0, 0x81), "MF18: packet type 0");
    assert_eq!(reason(&v5(b"\x20\x03\x00\x00\x00")), (0xE0, 0x82), "MF19: CONNACK from a client");
    assert_eq!(with(CONNECT_V311, b"\xf0\x00").len(), 4, "MF18: packet type 15 in 3.1.1 is closed after its CONNACK");
    still_serves(&plant);
}

#[test]
fn mf26_what_is_pipelined_behind_a_refused_connect_does_not_happen() {
    let plant = Plant::start();
    let refused = b"\x10\x0c\x00\x04MQTT\x04\x00\x00\x3c\x00\x00";
    let publish = b"\x30\x06\x00\x03a/bX";
    assert_eq!(says(&plant, &[refused.as_slice(), publish].concat()), b"\x20\x02\x00\x02");
    assert_eq!(plant.sample("a/b"), None);
}

#[test]
fn mw05_a_packet_that_arrives_byte_by_byte_is_the_same_packet() {
    let plant = Plant::start();
    let mut stream = plant.socket();
    stream.set_nodelay(true).unwrap();
    let publish = b"\x32\x09\x00\x03a/b\x00\x0142";
    for byte in [CONNECT_V311, publish].concat() {
        stream.write_all(&[byte]).unwrap();
    }
    let mut answers = [0; 8];
    stream.read_exact(&mut answers).unwrap();
    assert_eq!(answers, *b"\x20\x02\x00\x00\x40\x02\x00\x01");
    assert_eq!(plant.sample("a/b").unwrap()["value"], serde_json::json!(42));
}

#[test]
fn shutting_down_tells_5_0_clients_and_ends_in_order() {
    let mut plant = Plant::start();
    let mut stream = plant.socket();
    stream.write_all(CONNECT_V5).unwrap();
    let mut head = [0; 2];
    stream.read_exact(&mut head).unwrap();
    let mut rest = vec![0; usize::from(head[1])];
    stream.read_exact(&mut rest).unwrap();
    plant.stop();
    let words = last_words(stream);
    assert_eq!((words[0], words[2]), (0xE0, 0x8B), "DISCONNECT, server shutting down");
}
