//! A client on a blocking socket: the same code, and so the same cost, for every broker.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use factree_mqtt::{
    Acknowledgement, Connect, Decoded, Handshake, Limits, Packet, PacketId, ProtocolVersion, Publish, QoS, Subscribe,
    SubscribeRequest, TopicName, decode, encode,
};

const V311: ProtocolVersion = ProtocolVersion::V311;
/// A subscriber that gets nothing for so long has got all it will get.
const STALL: Duration = Duration::from_secs(2);
/// How long a broker may take to answer.
const PATIENCE: Duration = Duration::from_secs(20);
/// Messages a publisher has under way at once.
const WINDOW: usize = 20;
const TOPIC: &str = "bench/topic";

pub(crate) struct Peer {
    stream: TcpStream,
    incoming: Vec<u8>,
}

impl Peer {
    /// Connected with a session that ends with the connection.
    pub(crate) fn connected(server: SocketAddr) -> Self {
        Self::connect(server, "", true)
    }

    /// Connected with a session that is kept.
    pub(crate) fn kept(server: SocketAddr, client_id: &str) -> Self {
        Self::connect(server, client_id, false)
    }

    fn connect(server: SocketAddr, client_id: &str, clean_start: bool) -> Self {
        let stream = TcpStream::connect(server).expect("the broker listens");
        stream.set_nodelay(true).expect("TCP_NODELAY");
        stream.set_read_timeout(Some(PATIENCE)).expect("a read timeout");
        let mut peer = Self { stream, incoming: Vec::new() };
        // Some peers refuse a client without an id.
        let own = format!("bench-{:?}", peer.stream.local_addr().map(|address| address.port()).unwrap_or_default());
        let mut connect = Connect::new(V311, if client_id.is_empty() { &own } else { client_id });
        connect.clean_start = clean_start;
        connect.keep_alive = Duration::from_secs(600);
        peer.send(&[Packet::Connect(connect)]);
        peer.next(|packet| matches!(packet, Packet::ConnAck(_)));
        peer
    }

    pub(crate) fn subscribed(mut self, qos: QoS) -> Self {
        let requests = [SubscribeRequest::new("bench/#", qos)];
        self.send(&[Packet::Subscribe(Subscribe::new(packet_id(1), requests.as_slice()))]);
        self.next(|packet| matches!(packet, Packet::SubAck(_)));
        self
    }

    fn send(&mut self, packets: &[Packet<'_>]) {
        let mut bytes = Vec::new();
        packets.iter().for_each(|packet| encode(V311, packet, &mut bytes));
        self.stream.write_all(&bytes).expect("the broker reads");
    }

    /// Publishes `count` messages, as many in a write as are allowed to be under way.
    pub(crate) fn publish(mut self, count: usize, qos: QoS, payload: &[u8]) {
        let topic = TopicName::parse(TOPIC).expect("a topic");
        let mut sent = 0;
        while sent < count {
            let burst = WINDOW.min(count - sent);
            let mut bytes = Vec::new();
            for number in 0..burst {
                let mut publish = Publish::new(topic, payload);
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
                assert_eq!(unacknowledged, 0, "the broker acknowledges");
            }
        }
        // Wait for the broker to have read everything before the socket goes.
        self.send(&[Packet::PingReq]);
        self.next(|packet| matches!(packet, Packet::PingResp));
    }

    /// Publishes at QoS 0 for as long as the broker reads; says how many bytes it took.
    pub(crate) fn flood(mut self, count: usize, payload: &[u8]) -> usize {
        self.stream.set_write_timeout(Some(PATIENCE)).expect("a write timeout");
        let publish = Publish::new(TopicName::parse(TOPIC).expect("a topic"), payload);
        let mut bytes = Vec::new();
        encode(V311, &Packet::Publish(publish), &mut bytes);
        let burst = bytes.repeat(WINDOW);
        (0..count / WINDOW).map_while(|_| self.stream.write_all(&burst).ok()).count() * burst.len()
    }

    /// Publishes the time of sending, one message every `period`, until `count` are sent.
    pub(crate) fn tick(mut self, count: usize, period: Duration, start: Instant) {
        let topic = TopicName::parse(TOPIC).expect("a topic");
        let mut bytes = Vec::new();
        for number in 0..count {
            let due = start + period * number as u32;
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
            let sent = (start.elapsed().as_nanos() as u64).to_be_bytes();
            bytes.clear();
            encode(V311, &Packet::Publish(Publish::new(topic, &sent)), &mut bytes);
            self.stream.write_all(&bytes).expect("the broker reads");
        }
        self.send(&[Packet::PingReq]);
        self.next(|packet| matches!(packet, Packet::PingResp));
    }

    /// How long each message of [`tick`](Self::tick) was under way.
    pub(crate) fn delays(mut self, count: usize, start: Instant) -> Vec<Duration> {
        self.stream.set_read_timeout(Some(STALL)).expect("a read timeout");
        let mut delays = Vec::with_capacity(count);
        self.each(|packet, _| {
            if let Packet::Publish(publish) = packet {
                let sent = publish.payload.try_into().map(u64::from_be_bytes).expect("eight bytes");
                delays.push(start.elapsed().saturating_sub(Duration::from_nanos(sent)));
            }
            delays.len() < count
        });
        delays
    }

    /// Counts publications until all came or none comes any more; returns how many and when the last came.
    pub(crate) fn count(mut self, expected: usize) -> (usize, Instant) {
        self.stream.set_read_timeout(Some(STALL)).expect("a read timeout");
        let (mut received, mut last) = (0, Instant::now());
        self.each(|packet, acks| {
            if let Packet::Publish(publish) = packet {
                received += 1;
                last = Instant::now();
                if let Handshake::AtLeastOnce(id) = publish.handshake {
                    encode(V311, &Packet::PubAck(Acknowledgement::new(id)), acks);
                }
            }
            received < expected
        });
        (received, last)
    }

    fn next(&mut self, wanted: impl Fn(&Packet<'_>) -> bool) {
        let mut seen = false;
        self.each(|packet, _| {
            seen |= wanted(packet);
            !seen
        });
        assert!(seen, "the broker answers");
    }

    /// Reads until `more` has been false for a packet, or nothing came in time; answers with what `more` encodes.
    fn each(&mut self, mut more: impl FnMut(&Packet<'_>, &mut Vec<u8>) -> bool) {
        let mut buffer = vec![0; 64 * 1024];
        let mut goes_on = true;
        while goes_on {
            let len = match self.stream.read(&mut buffer) {
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
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
