//! Limits as an operator sets them, over real sockets: who is refused, and that nobody else notices.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::plant::Plant;

const CONNACK: [u8; 4] = [0x20, 0x02, 0x00, 0x00];

/// CONNECT of 3.1.1 with a one-letter client id.
fn connect(client_id: u8) -> Vec<u8> {
    [b"\x10\x0d\x00\x04MQTT\x04\x02\x00\x3c\x00\x01".as_slice(), &[client_id]].concat()
}

/// CONNECT of 5.0 with a one-letter client id.
fn connect_v5(client_id: u8) -> Vec<u8> {
    [b"\x10\x0e\x00\x04MQTT\x05\x02\x00\x3c\x00\x00\x01".as_slice(), &[client_id]].concat()
}

fn is_welcome(stream: &mut TcpStream, client_id: u8) -> bool {
    let mut answer = [0; 4];
    stream.write_all(&connect(client_id)).and_then(|()| stream.read_exact(&mut answer)).is_ok() && answer == CONNACK
}

/// Everything the broker says until it closes.
fn last_words(stream: &mut TcpStream) -> Vec<u8> {
    let mut words = Vec::new();
    match stream.read_to_end(&mut words) {
        Ok(_) => words,
        Err(error) if error.kind() == ErrorKind::ConnectionReset => words,
        Err(error) => panic!("not closed: {error}"),
    }
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
    let welcome = (0..6).filter(|number| is_welcome(&mut plant.socket(), b'a' + number)).count();
    // Another place comes back every third of a second, which a slow machine may take.
    assert!((3..6).contains(&welcome), "{welcome}");
    plant.until("it may again", |plant| is_welcome(&mut plant.socket(), b'z'));
}

#[test]
fn mf06_whoever_does_not_say_who_it_is_in_time_is_closed() {
    let directory = tempfile::tempdir().unwrap();
    let own = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let (certificate, key) = (directory.path().join("c.pem"), directory.path().join("k.pem"));
    std::fs::write(&certificate, own.cert.pem()).unwrap();
    std::fs::write(&key, own.signing_key.serialize_pem()).unwrap();
    let listener = |rest: String| format!("[[mqtt.listeners]]\nlisten = \"127.0.0.1:0\"\n{rest}\n");
    let tls = format!("certificate = {certificate:?}\nkey = {key:?}");
    let plant = Plant::configured(&format!(
        "[limits]\nconnect_timeout = \"300 ms\"\n{}{}{}",
        listener("transport = \"websocket\"".into()),
        listener(format!("transport = \"tls\"\n{tls}")),
        listener(format!("transport = \"secure_websocket\"\n{tls}")),
    ));
    // One that is in time is not held to it later.
    let mut watcher = plant.socket();
    assert!(is_welcome(&mut watcher, b'w'));
    let everywhere = [&[plant.mqtt], &plant.further[..]].concat();
    let start = Instant::now();
    let mut slow: Vec<TcpStream> = (0..10)
        .flat_map(|_| everywhere.iter())
        .map(|address| {
            let mut stream = TcpStream::connect(address).unwrap();
            stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
            stream.write_all(b"\x10").unwrap();
            stream
        })
        .collect();
    for stream in &mut slow {
        last_words(stream);
    }
    assert!(start.elapsed() >= Duration::from_millis(300), "they were given their time");
    // Bytes that trickle in, for twice as long, do not buy more time.
    let mut trickling = plant.socket();
    for byte in connect(b't') {
        if trickling.write_all(&[byte]).is_err() {
            break;
        }
        std::thread::sleep(Duration::from_millis(40));
    }
    assert_eq!(last_words(&mut trickling), b"");
    watcher.write_all(b"\xc0\x00").unwrap();
    let mut pong = [0; 2];
    watcher.read_exact(&mut pong).unwrap();
    assert_eq!(pong, [0xd0, 0x00]);
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

#[test]
fn mq14_of_two_clients_with_one_id_the_newcomer_is_refused_in_time() {
    let plant = Plant::configured("[limits]\ntakeovers_per_minute_max = 1");
    let mut first = plant.socket();
    let mut second = plant.socket();
    first.write_all(&connect_v5(b'x')).unwrap();
    let mut head = [0; 2];
    first.read_exact(&mut head).unwrap();
    first.read_exact(&mut vec![0; head[1].into()]).unwrap();
    assert!(is_welcome(&mut second, b'x'));
    let told = last_words(&mut first);
    assert_eq!((told[0], told[2]), (0xe0, 0x8e), "DISCONNECT, session taken over");
    let start = Instant::now();
    let mut third = plant.socket();
    third.write_all(&connect_v5(b'x')).unwrap();
    let refusal = last_words(&mut third);
    assert_eq!((refusal[0], refusal[3]), (0x20, 0x9f), "CONNACK, connection rate exceeded");
    assert!(start.elapsed() >= Duration::from_millis(900), "after a pause: who comes back at once costs little");
    second.write_all(b"\xc0\x00").unwrap();
    let mut pong = [0; 2];
    second.read_exact(&mut pong).unwrap();
    assert_eq!(pong, [0xd0, 0x00], "the connection that is there stays");
}
