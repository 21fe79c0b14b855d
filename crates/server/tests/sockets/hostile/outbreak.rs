//! Rows of the table that come in masses: thousands of packets or connections, sometimes against a process of its own.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::num::NonZeroU16;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use factree_mqtt::{
    Acknowledgement, Connect, Disconnect, Handshake, Packet, PacketId, ProtocolVersion, Publish, QoS, Subscribe,
    SubscribeRequest, TopicName, Unsubscribe, WillMessage, encode,
};

use super::client::Client;
use super::notation::At;
use super::{Arena, Watcher};
use crate::plant::Plant;
use crate::telemetry::metrics;

const V5: ProtocolVersion = ProtocolVersion::V5;

fn id(number: u16) -> PacketId {
    PacketId(NonZeroU16::new(number).unwrap())
}

fn publish<'a>(topic: &'a str, payload: &'a [u8], handshake: Handshake) -> Publish<'a> {
    Publish { handshake, ..Publish::new(TopicName::parse(topic).unwrap(), payload) }
}

/// One of each packet that a client sends, the CONNECT first.
fn every_packet(version: ProtocolVersion) -> Vec<Vec<u8>> {
    let topic = TopicName::parse("mass/will").unwrap();
    let mut connect = Connect { will: Some(WillMessage::new(topic, b"gone")), ..Connect::new(version, "") };
    connect.username = Some("user");
    connect.password = Some(b"secret");
    let requests =
        [SubscribeRequest::new("mass/+", QoS::ExactlyOnce), SubscribeRequest::new("mass/#", QoS::AtMostOnce)];
    let mut packets = vec![
        Packet::Connect(connect),
        Packet::Publish(publish("mass/0", b"payload", Handshake::AtMostOnce)),
        Packet::Publish(publish("mass/1", b"payload", Handshake::AtLeastOnce(id(1)))),
        Packet::Publish(publish("mass/2", b"payload", Handshake::ExactlyOnce(id(2)))),
        Packet::PubAck(Acknowledgement::new(id(1))),
        Packet::PubRec(Acknowledgement::new(id(1))),
        Packet::PubRel(Acknowledgement::new(id(2))),
        Packet::PubComp(Acknowledgement::new(id(1))),
        Packet::Subscribe(Subscribe::new(id(3), &requests)),
        Packet::Unsubscribe(Unsubscribe::new(id(4), &["mass/+"])),
        Packet::PingReq,
    ];
    packets.push(Packet::Disconnect(Disconnect::new(factree_mqtt::ReasonCode::Success)));
    packets.iter().map(|packet| encoded(version, packet)).collect()
}

fn encoded(version: ProtocolVersion, packet: &Packet<'_>) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode(version, packet, &mut bytes);
    bytes
}

/// Sends, says that no more comes, and reads until the server has closed too.
fn send_and_half_close(plant: &Plant, bytes: &[u8]) {
    let mut stream = plant.socket();
    let _: std::io::Result<()> = stream.write_all(bytes).and_then(|()| stream.shutdown(Shutdown::Write));
    let closed = stream.read_to_end(&mut Vec::new());
    let reset = |error: &std::io::Error| error.kind() == std::io::ErrorKind::ConnectionReset;
    assert!(closed.as_ref().is_ok() || closed.as_ref().is_err_and(reset), "{closed:?} after {bytes:02x?}");
}

fn only_the_watcher_is_left(plant: &Plant) {
    plant.until("only the watcher's connection is left", |plant| {
        let now = metrics(plant);
        now["factree_connections transport=tcp"] == 1.0 && now["factree_sessions state=connected"] == 1.0
    });
}

pub(super) fn truncated_packets_leave_no_connection(arena: &Arena) {
    for at in [At::V311, At::V5] {
        for (number, packet) in every_packet(at.version()).iter().enumerate() {
            let before = if number == 0 { Vec::new() } else { at.connect() };
            for cut in 0..packet.len() {
                send_and_half_close(&arena.plant, &[&before, &packet[..cut]].concat());
            }
        }
    }
    only_the_watcher_is_left(&arena.plant);
}

pub(super) fn mutated_packets_harm_nobody(arena: &Arena) {
    let mut seed = 0x9E37_79B9_7F4A_7C15u64;
    let mut chance = |below: usize| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        (seed % below as u64) as usize
    };
    for at in [At::V311, At::V5] {
        let packets = every_packet(at.version());
        for round in 0..600 {
            let number = round % packets.len();
            let mut mutated = packets[number].clone();
            for _ in 0..=chance(10) {
                let place = chance(mutated.len());
                match chance(3) {
                    0 => mutated[place] = chance(256) as u8,
                    1 => mutated.insert(place, chance(256) as u8),
                    _ if mutated.len() > 1 => drop(mutated.remove(place)),
                    _ => {}
                }
            }
            let before = if number == 0 { Vec::new() } else { at.connect() };
            send_and_half_close(&arena.plant, &[before, mutated].concat());
        }
    }
    only_the_watcher_is_left(&arena.plant);
}

pub(super) fn qos_2_without_pubrel(arena: &Arena) {
    let mut client = Client::connect(arena.plant.mqtt, Connect::new(V5, "mq01"));
    let flood: Vec<u8> = (1..=u16::MAX)
        .chain(1..=34_465)
        .flat_map(|number| encoded(V5, &Packet::Publish(publish("mq01", b"x", Handshake::ExactlyOnce(id(number))))))
        .collect();
    // The server stops taking them long before the end.
    let _: std::io::Result<()> = client.stream.write_all(&flood);
    let told = client.told_until_close();
    assert_eq!(told.iter().filter(|name| *name == "PUBREC").count(), 4096, "receive_maximum");
    assert_eq!(told[4096..], ["DISCONNECT 0x93", "close"]);
}

pub(super) fn a_subscriber_that_stops_reading(_: &Arena) {
    let plant = Plant::configured("[limits]\nqueue_len_max = 500");
    let watcher = Watcher::start(&plant);
    let stalled = |client_id, qos| {
        let mut client = Client::connect(plant.mqtt, Connect::new(V5, client_id));
        client.say(&[Packet::Subscribe(Subscribe::new(id(1), &[SubscribeRequest::new("#", qos)]))]);
        assert!(client.told().starts_with("SUBACK"));
        client
    };
    let (_at_qos_0, _at_qos_1) = (stalled("stalled-0", QoS::AtMostOnce), stalled("stalled-1", QoS::AtLeastOnce));
    let mut publisher = Client::connect(plant.mqtt, Connect::new(V5, "publisher"));
    let payload = vec![b'x'; 16 << 10];
    // Until the sockets' buffers and the queues are full: as many as it takes, and no more than 256 MiB.
    let full = |plant: &Plant| {
        let now = metrics(plant);
        assert!(now["factree_queued_deliveries"] <= 1100.0, "two queues of 500 and the heartbeats");
        now["factree_deliveries_dropped_total reason=slow"] > 100.0
            && now["factree_deliveries_dropped_total reason=overrun"] >= 1.0
    };
    for _ in 0..256 {
        for number in 1..=64 {
            publisher.say(&[Packet::Publish(publish("mq06/t", &payload, Handshake::AtLeastOnce(id(number))))]);
        }
        for _ in 1..=64 {
            assert_eq!(publisher.told(), "PUBACK", "the publisher notices nothing");
        }
        if full(&plant) {
            break;
        }
    }
    assert!(full(&plant), "{:?}", metrics(&plant));
    watcher.goes_round(&plant);
    // The one at QoS 1 was disconnected, the one at QoS 0 was not.
    plant.until("it is gone", |plant| metrics(plant)["factree_sessions state=connected"] == 3.0);
}

// ---- Against a process of its own --------------------------------------------------------------------------------

/// A process, killed when its story is over.
struct Factree {
    child: Child,
    mqtt: SocketAddr,
    http: SocketAddr,
    _data: tempfile::TempDir,
}

impl Factree {
    /// With at most so many file descriptors.
    fn start(files_max: u32) -> Self {
        let data = tempfile::tempdir().unwrap();
        let config = data.path().join("factree.toml");
        std::fs::write(&config, "[data]\ndurability = \"memory\"\n").unwrap();
        let mut child = Command::new("sh")
            .args(["-c", &format!("ulimit -n {files_max}; exec \"$0\" \"$@\""), env!("CARGO_BIN_EXE_factree")])
            .args(["--mqtt", "127.0.0.1:0", "--http", "127.0.0.1:0", "--config"])
            .arg(&config)
            .arg("--data")
            .arg(data.path().join("data"))
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut banner = String::new();
        for line in BufReader::new(child.stdout.take().unwrap()).lines() {
            banner += &line.unwrap();
            banner.push('\n');
            if banner.contains("Ctrl-C") {
                break;
            }
        }
        let address = |word: &str| {
            let (_, rest) = banner.split_once(word).unwrap_or_else(|| panic!("no {word} in {banner}"));
            rest.split_whitespace().next().unwrap().trim_start_matches("http://").parse().unwrap()
        };
        Self { mqtt: address("MQTT"), http: address("HTTP"), child, _data: data }
    }

    fn resident_bytes(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.split_whitespace().next().unwrap().parse::<u64>().unwrap() * 1024
    }

    fn socket(&self) -> TcpStream {
        let stream = TcpStream::connect(self.mqtt).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream
    }

    /// A connection with an accepted CONNECT; `None` if it was closed.
    fn welcome(&self) -> Option<TcpStream> {
        let mut stream = self.socket();
        let mut connack = [0; 4];
        stream.write_all(&At::V311.connect()).and_then(|()| stream.read_exact(&mut connack)).ok()?;
        (connack == *b"\x20\x02\x00\x00").then_some(stream)
    }

    fn is_healthy(&self) -> bool {
        let mut stream = TcpStream::connect(self.http).unwrap();
        let _: std::io::Result<()> =
            stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).is_ok() && answer.starts_with("HTTP/1.1 200")
    }
}

impl Drop for Factree {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

/// Two hundred clients begin a PUBLISH of 2 MiB each and send three bytes of it.
pub(super) fn declared_lengths_cost_nothing(_: &Arena) {
    if !cfg!(target_os = "linux") {
        return;
    }
    let factree = Factree::start(1024);
    let mut open: Vec<TcpStream> = (0..200).map(|_| factree.welcome().expect("a place")).collect();
    let before = factree.resident_bytes();
    for stream in &mut open {
        stream.write_all(b"\x30\xff\xff\x7f\x00\x01t").unwrap();
    }
    // Whoever connects and is answered now was served after them.
    (0..20).for_each(|_| drop(factree.welcome().expect("a place")));
    let grown = factree.resident_bytes().saturating_sub(before);
    assert!(grown < 200 * (64 << 10), "{grown} bytes for 200 connections");
}

pub(super) fn more_connections_than_files(_: &Arena) {
    if !cfg!(unix) {
        return;
    }
    let factree = Factree::start(256);
    let open: Vec<TcpStream> = (0..300).filter_map(|_| factree.welcome()).collect();
    assert_eq!(open.len(), 144, "64 are left to files, and to HTTP a quarter of the rest");
    assert!(factree.is_healthy(), "HTTP is served");
    let mut asking: Vec<TcpStream> = (0..100).map(|_| TcpStream::connect(factree.http).unwrap()).collect();
    for stream in &mut asking[48..] {
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        assert_eq!(stream.read(&mut [0]).ok(), Some(0), "one too many is closed, not left for want of descriptors");
    }
    drop(asking);
    let patience = std::time::Instant::now() + Duration::from_secs(20);
    while !factree.is_healthy() {
        assert!(std::time::Instant::now() < patience, "HTTP is served again");
    }
    let hung_up = Command::new("kill").args(["-HUP", &factree.child.id().to_string()]).status().unwrap();
    assert!(hung_up.success() && factree.is_healthy(), "the signal changes nothing");
    let mut one = open.into_iter().next().unwrap();
    one.write_all(b"\xc0\x00").unwrap();
    let mut pong = [0; 2];
    one.read_exact(&mut pong).unwrap();
    // All places but one are free again.
    let patience = std::time::Instant::now() + Duration::from_secs(20);
    while factree.welcome().is_none() {
        assert!(std::time::Instant::now() < patience, "no place is given again");
    }
}
