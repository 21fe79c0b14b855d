//! Limits as an operator sets them, over real sockets: who is refused, and that nobody else notices.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::plant::Plant;

const CONNACK: [u8; 4] = [0x20, 0x02, 0x00, 0x00];

/// CONNECT of 3.1.1 with a one-letter client id.
fn connect(client_id: u8) -> Vec<u8> {
    [b"\x10\x0d\x00\x04MQTT\x04\x02\x00\x3c\x00\x01".as_slice(), &[client_id]].concat()
}

fn is_welcome(stream: &mut TcpStream, client_id: u8) -> bool {
    let mut answer = [0; 4];
    stream.write_all(&connect(client_id)).and_then(|()| stream.read_exact(&mut answer)).is_ok() && answer == CONNACK
}

#[test]
fn one_connection_too_many_is_closed_and_the_next_place_is_given_again() {
    for file in ["[limits]\nconnections_max = 2", "[limits]\nconnections_per_address_max = 2"] {
        let plant = Plant::configured(file);
        let mut first = plant.socket();
        let mut second = plant.socket();
        assert!(is_welcome(&mut first, b'a') && is_welcome(&mut second, b'b'), "{file}");
        assert!(!is_welcome(&mut plant.socket(), b'c'), "{file}");
        drop(first);
        plant.until("the place is free", |plant| is_welcome(&mut plant.socket(), b'd'));
        second.write_all(b"\xc0\x00").unwrap();
        let mut pong = [0; 2];
        second.read_exact(&mut pong).unwrap();
        assert_eq!(pong, [0xd0, 0x00], "who is connected notices nothing");
    }
}

#[test]
fn a_full_listener_leaves_the_others_alone() {
    let listener = "[[mqtt.listeners]]\nlisten = \"127.0.0.1:0\"\nconnections_max = 1";
    let plant = Plant::configured(listener);
    let further = || {
        let stream = TcpStream::connect(plant.further[0]).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        stream
    };
    let mut first = further();
    assert!(is_welcome(&mut first, b'a'));
    assert!(!is_welcome(&mut further(), b'b'));
    assert!(is_welcome(&mut plant.socket(), b'c'));
}

#[test]
fn an_address_that_connects_too_fast_is_closed() {
    let plant = Plant::configured("[limits]\nconnects_per_second_per_address_max = 3");
    let welcome = (0..40).filter(|number| is_welcome(&mut plant.socket(), b'A' + number)).count();
    // Another place comes back every third of a second; no machine takes that long for each of forty.
    assert!((3..40).contains(&welcome), "{welcome}");
    plant.until("it may again", |plant| is_welcome(&mut plant.socket(), b'z'));
}

#[test]
fn a_client_beyond_its_rate_is_slowed_and_loses_nothing() {
    let plant = Plant::configured("[limits]\npublishes_per_second_max = 20");
    let mut stream = plant.socket();
    assert!(is_welcome(&mut stream, b'a'));
    let start = Instant::now();
    // QoS 1 to `t`, 30 of them in one write: the first 20 at once, the others in half a second.
    let burst: Vec<u8> = (1..=30u8).flat_map(|id| [0x32, 0x06, 0x00, 0x01, b't', 0x00, id, b'0' + id % 10]).collect();
    stream.write_all(&burst).unwrap();
    let mut acknowledged = [0; 30 * 4];
    stream.read_exact(&mut acknowledged).unwrap();
    let ids: Vec<u8> = acknowledged.chunks(4).map(|puback| puback[3]).collect();
    assert_eq!(ids, (1..=30).collect::<Vec<u8>>());
    assert!(start.elapsed() >= Duration::from_millis(450), "{:?}", start.elapsed());
}
