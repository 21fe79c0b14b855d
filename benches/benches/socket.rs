//! Figures of the main job over a socket: metrics per cpu-second from the wire to the queryable tree, beside a bare server
//! that reads the same bytes and only tells the packets apart.
//!
//! One Edge Node of 10,000 metrics sends NDATA of 10 metrics, QoS 0, 20 messages in a write or one. The figure is the
//! processor time of the server's process, so the sender's share of the machine does not count.
//! `cargo build --release -p factree`, then `cargo bench -p factree-benches --bench socket`. Linux only.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::Command;

use factree_benches::Server;
use factree_mqtt::{Connect, Decoded, Limits, Packet, ProtocolVersion, Publish, TopicName, decode, encode};
use factree_sparkplug::encode::{MetricBuilder, PayloadBuilder};
use factree_sparkplug::{DataType, Seq, Timestamp, Value};

const V311: ProtocolVersion = ProtocolVersion::V311;
const METRICS: u64 = 10_000;
const METRICS_PER_MESSAGE: u64 = 10;
const MESSAGES: usize = 200_000;
const ROUNDS: usize = 5;
const SENT: Timestamp = Timestamp(1_795_298_431_756);

fn main() {
    if std::env::args().any(|argument| argument == "bare") {
        return bare();
    }
    let factree = Server::factree();
    let mut program = Command::new(std::env::current_exe().expect("this program has a path"));
    program.arg("bare");
    let bare = Server::own(program);
    for (name, messages_per_write, messages) in
        [("20 messages a write", 20, MESSAGES), ("1 message a write", 1, MESSAGES / 4)]
    {
        let (mut ours, mut floor) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            ours.push(cost(&factree, messages, messages_per_write));
            floor.push(cost(&bare, messages, messages_per_write));
        }
        let (ours, floor) = (median(ours), median(floor));
        println!(
            "socket to tree, {METRICS_PER_MESSAGE} metrics a message, {name}: {:.2} µs a message, {:.1} M metrics per \
             cpu-second, {:.0} % of a bare parse ({:.2} µs)",
            ours * 1e6,
            METRICS_PER_MESSAGE as f64 / ours / 1e6,
            floor / ours * 100.0,
            floor * 1e6
        );
    }
}

/// Processor seconds of the server per message.
fn cost(server: &Server, messages: usize, messages_per_write: usize) -> f64 {
    let mut stream = TcpStream::connect(server.address).expect("it listens");
    stream.set_nodelay(true).expect("TCP_NODELAY");
    stream.write_all(&packets(&[Packet::Connect(Connect::new(V311, "edge"))])).expect("it reads");
    stream.read_exact(&mut [0; 4]).expect("a CONNACK");
    let topic = |kind: &str| format!("spBv1.0/Acme:Dallas:Press/{kind}/Line1");
    let (nbirth, ndata) = (topic("NBIRTH"), topic("NDATA"));
    stream.write_all(&publish(&nbirth, &birth())).expect("it reads");
    // 256 messages, so that `seq` goes once around and the same bytes can be sent again and again.
    let round: Vec<Vec<u8>> = (1..=256u64).map(|number| publish(&ndata, &data(number))).collect();
    settle(&mut stream);
    let before = server.cpu_seconds();
    let mut bytes = Vec::new();
    for number in 0..messages {
        bytes.extend_from_slice(&round[number % round.len()]);
        if (number + 1) % messages_per_write == 0 {
            stream.write_all(&bytes).expect("it reads");
            bytes.clear();
        }
    }
    settle(&mut stream);
    (server.cpu_seconds() - before) / messages as f64
}

/// Waits until everything sent has been handled.
fn settle(stream: &mut TcpStream) {
    stream.write_all(&packets(&[Packet::PingReq])).expect("it reads");
    stream.read_exact(&mut [0; 2]).expect("a PINGRESP");
}

fn birth() -> Vec<u8> {
    let metrics = (0..METRICS).map(|metric| {
        let named = MetricBuilder::named(&format!("Zone {}/Axis {metric}/Temperature", metric / 100)).alias(metric);
        let declared = named.at(SENT).declare(DataType::Double);
        declared.value(DataType::Double, Value::Double(0.0)).expect("a double")
    });
    PayloadBuilder::at(SENT).seq(Seq::ZERO).metrics(metrics).encode()
}

fn data(number: u64) -> Vec<u8> {
    let metrics = (0..METRICS_PER_MESSAGE).map(|position| {
        let metric = MetricBuilder::aliased((number * 7_919 + position * 31) % METRICS).at(SENT);
        metric.value(DataType::Double, Value::Double(position as f64 * 0.1)).expect("a double")
    });
    PayloadBuilder::at(SENT).seq(Seq::new(number as u8)).metrics(metrics).encode()
}

fn publish(topic: &str, payload: &[u8]) -> Vec<u8> {
    packets(&[Packet::Publish(Publish::new(TopicName::parse(topic).expect("a topic"), payload))])
}

fn packets(packets: &[Packet<'_>]) -> Vec<u8> {
    let mut bytes = Vec::new();
    packets.iter().for_each(|packet| encode(V311, packet, &mut bytes));
    bytes
}

/// The floor: reads, finds the packets in place, answers CONNECT and PINGREQ, forgets the rest.
fn bare() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    println!("{}", listener.local_addr().expect("an address"));
    for stream in listener.incoming() {
        let mut stream = stream.expect("a connection");
        stream.set_nodelay(true).expect("TCP_NODELAY");
        let (mut buffer, mut filled) = (vec![0; 1 << 20], 0);
        while let Ok(len @ 1..) = stream.read(&mut buffer[filled..]) {
            filled += len;
            let mut consumed = 0;
            let mut answer: &[u8] = &[];
            while let Ok(Decoded::Packet { packet, len }) = decode(V311, &buffer[consumed..filled], &Limits::DEFAULT) {
                consumed += len;
                match packet {
                    Packet::Connect(_) => answer = &[0x20, 2, 0, 0],
                    Packet::PingReq => answer = &[0xD0, 0],
                    packet => drop(std::hint::black_box(packet)),
                }
            }
            stream.write_all(answer).expect("the sender reads");
            buffer.copy_within(consumed..filled, 0);
            filled -= consumed;
        }
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
