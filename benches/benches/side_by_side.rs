//! Factree beside mosquitto over real sockets, in alternating runs: throughput many to one and one to many.
//!
//! Messages of 250 bytes, MQTT 3.1.1. Each side gets the same bytes from the same threads of this process, which share the
//! machine's cores with the broker; only ratios mean something. `cargo build --release -p factree` first, then
//! `cargo bench -p factree-benches --bench side_by_side`. FACTREE_BIN names another binary. Without mosquitto on the PATH
//! only Factree's own figures are printed.

use std::fmt;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use factree_benches::Server;
use factree_mqtt::{
    Acknowledgement, Connect, Decoded, Handshake, Limits, Packet, PacketId, ProtocolVersion, Publish, QoS, Subscribe,
    SubscribeRequest, SubscriptionOptions, TopicName, decode, encode,
};

const V311: ProtocolVersion = ProtocolVersion::V311;
const PAYLOAD: [u8; 250] = [b'x'; 250];
const ROUNDS: usize = 5;
/// A subscriber that gets nothing for so long has got all it will get.
const STALL: Duration = Duration::from_secs(2);
/// QoS 1 messages a publisher has under way at once.
const WINDOW: usize = 20;

fn main() {
    let factree = Server::factree();
    let mosquitto = Server::mosquitto();
    let rows = [
        Row { name: "50 -> 1, QoS 0", publishers: 50, subscribers: 1, each: 10_000, qos: QoS::AtMostOnce },
        Row { name: "50 -> 1, QoS 1", publishers: 50, subscribers: 1, each: 2_000, qos: QoS::AtLeastOnce },
        Row { name: "1 -> 50, QoS 0", publishers: 1, subscribers: 50, each: 10_000, qos: QoS::AtMostOnce },
    ];
    for row in rows {
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            ours.push(row.run(factree.address));
            theirs.extend(mosquitto.as_ref().map(|server| row.run(server.address)));
        }
        let ours = median(ours).expect("rounds were run");
        match median(theirs) {
            Some(theirs) => {
                println!(
                    "{}: factree {ours}, mosquitto {theirs}, {:.1} times as fast",
                    row.name,
                    ours.rate / theirs.rate
                );
            }
            None => println!("{}: factree {ours}", row.name),
        }
    }
}

/// A scenario.
#[derive(Clone, Copy)]
struct Row {
    name: &'static str,
    publishers: usize,
    subscribers: usize,
    /// Messages of each publisher.
    each: usize,
    qos: QoS,
}

/// Deliveries per second, and how many never came.
#[derive(Clone, Copy)]
struct Outcome {
    rate: f64,
    lost: usize,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.0}k/s", self.rate / 1e3)?;
        if self.lost > 0 { write!(f, " ({} lost)", self.lost) } else { Ok(()) }
    }
}

fn median(mut outcomes: Vec<Outcome>) -> Option<Outcome> {
    outcomes.sort_by(|a, b| a.rate.total_cmp(&b.rate));
    outcomes.get(outcomes.len() / 2).copied()
}

impl Row {
    fn run(self, server: SocketAddr) -> Outcome {
        let expected = self.publishers * self.each;
        let subscribers: Vec<Peer> = (0..self.subscribers).map(|_| Peer::subscribed(server, self.qos)).collect();
        let publishers: Vec<Peer> = (0..self.publishers).map(|_| Peer::connected(server)).collect();
        let start = Instant::now();
        let (received, last) = std::thread::scope(|scope| {
            for publisher in publishers {
                scope.spawn(move || publisher.publish(self.each, self.qos));
            }
            let counting: Vec<_> =
                subscribers.into_iter().map(|subscriber| scope.spawn(move || subscriber.count(expected))).collect();
            counting
                .into_iter()
                .map(|counting| counting.join().expect("a subscriber counts"))
                .fold((0, start), |(all, last), (received, at)| (all + received, last.max(at)))
        });
        let rate = received as f64 / last.duration_since(start).as_secs_f64();
        Outcome { rate, lost: expected * self.subscribers - received }
    }
}

/// A client of ours on a blocking socket.
struct Peer {
    stream: TcpStream,
    incoming: Vec<u8>,
}

impl Peer {
    fn connected(server: SocketAddr) -> Self {
        let stream = TcpStream::connect(server).expect("the broker listens");
        stream.set_nodelay(true).expect("TCP_NODELAY");
        let mut peer = Self { stream, incoming: Vec::new() };
        let mut connect = Connect::new(V311, "");
        connect.clean_start = true;
        peer.send(&[Packet::Connect(connect)]);
        peer.next(|packet| matches!(packet, Packet::ConnAck(_)));
        peer
    }

    fn subscribed(server: SocketAddr, qos: QoS) -> Self {
        let mut peer = Self::connected(server);
        let options = SubscriptionOptions { maximum_qos: qos, ..SubscriptionOptions::default() };
        let requests = [SubscribeRequest { filter: "bench/#", options }];
        peer.send(&[Packet::Subscribe(Subscribe::new(packet_id(1), requests.as_slice()))]);
        peer.next(|packet| matches!(packet, Packet::SubAck(_)));
        peer
    }

    fn send(&mut self, packets: &[Packet<'_>]) {
        let mut bytes = Vec::new();
        packets.iter().for_each(|packet| encode(V311, packet, &mut bytes));
        self.stream.write_all(&bytes).expect("the broker reads");
    }

    /// Publishes `count` messages, as many in a write as are allowed to be under way.
    fn publish(mut self, count: usize, qos: QoS) {
        let topic = TopicName::parse("bench/topic").expect("a topic");
        let mut sent = 0;
        while sent < count {
            let burst = WINDOW.min(count - sent);
            let mut bytes = Vec::new();
            for number in 0..burst {
                let mut publish = Publish::new(topic, &PAYLOAD);
                if qos == QoS::AtLeastOnce {
                    publish.handshake = Handshake::AtLeastOnce(packet_id(number as u16 + 1));
                }
                encode(V311, &Packet::Publish(publish), &mut bytes);
            }
            self.stream.write_all(&bytes).expect("the broker reads");
            sent += burst;
            if qos == QoS::AtLeastOnce {
                let mut unacknowledged = burst;
                self.each(|packet, _| {
                    unacknowledged -= usize::from(matches!(packet, Packet::PubAck(_)));
                    unacknowledged > 0
                });
            }
        }
        // Wait for the broker to have read everything before the socket goes.
        self.send(&[Packet::PingReq]);
        self.next(|packet| matches!(packet, Packet::PingResp));
    }

    /// Counts publications until all came or none comes any more; returns how many and when the last came.
    fn count(mut self, expected: usize) -> (usize, Instant) {
        self.stream.set_read_timeout(Some(STALL)).expect("a read timeout");
        let mut received = 0;
        let mut last = Instant::now();
        while received < expected {
            let before = received;
            self.each(|packet, acks| {
                if let Packet::Publish(publish) = packet {
                    received += 1;
                    if let Handshake::AtLeastOnce(id) = publish.handshake {
                        encode(V311, &Packet::PubAck(Acknowledgement::new(id)), acks);
                    }
                }
                false
            });
            if received == before {
                break;
            }
            last = Instant::now();
        }
        (received, last)
    }

    fn next(&mut self, wanted: impl Fn(&Packet<'_>) -> bool) {
        self.each(|packet, _| !wanted(packet));
    }

    /// Reads until `more` has been false for a packet, or nothing came in time; answers with what `more` encodes.
    fn each(&mut self, mut more: impl FnMut(&Packet<'_>, &mut Vec<u8>) -> bool) {
        let mut buffer = vec![0; 64 * 1024];
        let mut goes_on = true;
        while goes_on {
            let len = match self.stream.read(&mut buffer) {
                Ok(0) | Err(_) => return,
                Ok(len) => len,
            };
            self.incoming.extend_from_slice(&buffer[..len]);
            let (mut consumed, mut answers) = (0, Vec::new());
            while let Ok(Decoded::Packet { packet, len }) = decode(V311, &self.incoming[consumed..], &Limits::DEFAULT) {
                consumed += len;
                goes_on = more(&packet, &mut answers);
            }
            self.incoming.drain(..consumed);
            if !answers.is_empty() && self.stream.write_all(&answers).is_err() {
                return;
            }
        }
    }
}

fn packet_id(number: u16) -> PacketId {
    PacketId::new(number).expect("not zero")
}
