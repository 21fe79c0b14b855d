//! Figures of the tree's own MQTT topics: what a sample costs that is told to a subscriber, beside an ordinary publication.
//!
//! One Edge Node of 1,000 metrics, NDATA of 10, and a subscriber by QoS 0: to nothing, to a topic of the tree that never
//! changes, to all of the tree. Beside it a client that publishes messages of the same topics and size to the same
//! subscriber. The figure is the processor time of the server's process. `cargo build --release -p factree`, then `cargo
//! bench -p factree-benches --bench mirror`. Linux only.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use factree_benches::Server;
use factree_mqtt::{
    Connect, Decoded, Limits, Packet, PacketId, ProtocolVersion, Publish, QoS, Subscribe, SubscribeRequest, TopicName,
    decode, encode,
};
use factree_sparkplug::encode::{MetricBuilder, PayloadBuilder};
use factree_sparkplug::{DataType, Seq, Timestamp, Value};

const V311: ProtocolVersion = ProtocolVersion::V311;
const METRICS: u64 = 1_000;
const METRICS_PER_MESSAGE: u64 = 10;
const MESSAGES: u64 = 30_000;
const ROUNDS: usize = 5;
const SENT: Timestamp = Timestamp(1_795_298_431_756);
/// Messages on their way at most: the subscriber has taken what came of them.
const WINDOW: u64 = 100;

fn main() {
    let server = Server::factree();
    let nobody = || cost(&server, None, &ndata, 0);
    let elsewhere = || cost(&server, Some("Acme/Dallas/Press/Line1/bdSeq"), &ndata, 0);
    let all = || cost(&server, Some("Acme/Dallas/Press/Line1/#"), &ndata, METRICS_PER_MESSAGE);
    let plain = || cost(&server, Some("Bolt/#"), &ordinary, METRICS_PER_MESSAGE);
    let unheard = || cost(&server, None, &ordinary, 0);
    let mut figures: [Vec<f64>; 5] = Default::default();
    for _ in 0..ROUNDS {
        let round = [nobody(), elsewhere(), all(), plain(), unheard()];
        figures.iter_mut().zip(round).for_each(|(figures, figure)| figures.push(figure));
    }
    let [nobody, elsewhere, all, plain, unheard] = figures.map(median);
    let each = METRICS_PER_MESSAGE as f64;
    println!(
        "NDATA of {each} metrics: {nobody:.2} µs if nobody is subscribed, {elsewhere:.2} µs if somebody is elsewhere"
    );
    println!("a sample told to one subscriber: {:.2} µs", (all - nobody) / each);
    println!(
        "a plain message of that size: {:.2} µs with the tree's part of it, told to one subscriber {:.2} µs more",
        unheard / each,
        (plain - unheard) / each
    );
}

/// Microseconds of the server's processor for what `message` makes.
fn cost(server: &Server, filter: Option<&str>, message: &dyn Fn(u64) -> Vec<u8>, told: u64) -> f64 {
    let mut sender = connected(server.address, "Line1");
    sender.write_all(&birth()).expect("it reads");
    settle(&mut sender);
    let mut reader = connected(server.address, "reader");
    let mut unread = Vec::new();
    if let Some(filter) = filter {
        subscribe(&mut reader, filter);
        // What is current.
        let current = if filter.ends_with("Line1/#") { METRICS + 2 } else { u64::from(filter.ends_with("bdSeq")) };
        take(&mut reader, &mut unread, current);
    }
    let before = server.cpu_seconds();
    for window in 0..MESSAGES / WINDOW {
        let bytes: Vec<u8> = (0..WINDOW).flat_map(|number| message(window * WINDOW + number)).collect();
        sender.write_all(&bytes).expect("it reads");
        take(&mut reader, &mut unread, told * WINDOW);
        settle(&mut sender);
    }
    (server.cpu_seconds() - before) / MESSAGES as f64 * 1e6
}

fn name(metric: u64) -> String {
    format!("Zone {}/Axis {metric}/Temperature", metric / 100)
}

fn birth() -> Vec<u8> {
    let metrics = (0..METRICS).map(|metric| {
        let declared = MetricBuilder::named(&name(metric)).alias(metric + 1).at(SENT).declare(DataType::Double);
        declared.value(DataType::Double, Value::Double(0.0)).expect("a double").text_property("engUnit", "°C")
    });
    let rebirth = MetricBuilder::named("Node Control/Rebirth").at(SENT).boolean(false);
    let bd_seq = MetricBuilder::bd_seq(factree_sparkplug::BdSeq::new(0)).at(SENT);
    let payload = PayloadBuilder::at(SENT).seq(Seq::ZERO).metric(bd_seq).metric(rebirth).metrics(metrics);
    publish("spBv1.0/Acme:Dallas:Press/NBIRTH/Line1", &payload.encode())
}

fn value(number: u64, position: u64) -> (u64, f64) {
    ((number * 7_919 + position * 31) % METRICS, (number % 1_000) as f64 * 0.1)
}

fn ndata(number: u64) -> Vec<u8> {
    let metrics = (0..METRICS_PER_MESSAGE).map(|position| {
        let (metric, value) = value(number, position);
        let metric = MetricBuilder::aliased(metric + 1).at(SENT);
        metric.value(DataType::Double, Value::Double(value)).expect("a double")
    });
    let payload = PayloadBuilder::at(SENT).seq(Seq::new((number + 1) as u8)).metrics(metrics).encode();
    publish("spBv1.0/Acme:Dallas:Press/NDATA/Line1", &payload)
}

/// The messages that come of an NDATA, as an ordinary client would publish them.
fn ordinary(number: u64) -> Vec<u8> {
    let message = |position| {
        let (metric, value) = value(number, position);
        let payload =
            format!(r#"{{"value":{value},"timestamp":"2026-11-22T08:00:31.756Z","quality":"Good","unit":"°C"}}"#);
        publish(&format!("Bolt/Dallas/Press/Line1/{}", name(metric)), payload.as_bytes())
    };
    (0..METRICS_PER_MESSAGE).flat_map(message).collect()
}

/// A connection whose CONNACK was read.
fn connected(address: SocketAddr, client_id: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).expect("it listens");
    stream.set_nodelay(true).expect("TCP_NODELAY");
    stream.write_all(&packet(&Packet::Connect(Connect::new(V311, client_id)))).expect("it reads");
    stream.read_exact(&mut [0; 4]).expect("a CONNACK");
    stream
}

/// Subscribes and reads the SUBACK.
fn subscribe(stream: &mut TcpStream, filter: &str) {
    let requests = [SubscribeRequest::new(filter, QoS::AtMostOnce)];
    let first = PacketId::new(1).expect("not 0");
    stream.write_all(&packet(&Packet::Subscribe(Subscribe::new(first, &requests[..])))).expect("it reads");
    stream.read_exact(&mut [0; 5]).expect("a SUBACK");
}

/// Waits until everything sent has been handled.
fn settle(stream: &mut TcpStream) {
    stream.write_all(&packet(&Packet::PingReq)).expect("it reads");
    stream.read_exact(&mut [0; 2]).expect("a PINGRESP");
}

/// Reads so many messages.
fn take(stream: &mut TcpStream, unread: &mut Vec<u8>, mut messages: u64) {
    let mut bytes = vec![0; 64 << 10];
    while messages > 0 {
        let mut at = 0;
        while let Ok(Decoded::Packet { len, .. }) = decode(V311, &unread[at..], &Limits::default()) {
            (at, messages) = (at + len, messages - 1);
        }
        unread.drain(..at);
        if messages > 0 {
            let len = stream.read(&mut bytes).expect("messages");
            assert!(len > 0, "the server closed the connection");
            unread.extend_from_slice(&bytes[..len]);
        }
    }
}

fn publish(topic: &str, payload: &[u8]) -> Vec<u8> {
    packet(&Packet::Publish(Publish::new(TopicName::parse(topic).expect("a topic"), payload)))
}

fn packet(packet: &Packet<'_>) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode(V311, packet, &mut bytes);
    bytes
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
