//! Figures of the main job over a socket: metrics per cpu-second from the wire to the queryable tree.
//!
//! Beside it [bare](bare) servers that read the same bytes and only tell the packets apart, a task for each connection or a thread
//! that blocks, and what people build today: mosquitto with a [host](host) of prost and a map behind it. A plant of a million metrics, 100 Edge Nodes behind one
//! connection; NDATA of 10 metrics, QoS 0, 20 messages in a write or one. The figure is the processor time of the servers'
//! processes, so the sender's share of the machine does not count.
//! `cargo build --release -p factree`, then `cargo bench -p factree-benches --bench socket`, with the number of Edge Nodes
//! as an argument if it is another. Linux only.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::Command;

use factree_benches::Server;
use factree_mqtt::{
    Connect, Packet, PacketId, ProtocolVersion, Publish, QoS, Subscribe, SubscribeRequest, TopicName, encode,
};
use factree_sparkplug::encode::{MetricBuilder, PayloadBuilder};
use factree_sparkplug::{DataType, Seq, Timestamp, Value};

mod bare;
mod host;

const V311: ProtocolVersion = ProtocolVersion::V311;
const EDGE_NODES: usize = 100;
const METRICS: u64 = 10_000;
const METRICS_PER_MESSAGE: u64 = 10;
const MESSAGES: usize = 200_000;
const ROUNDS: usize = 5;
const SENT: Timestamp = Timestamp(1_795_298_431_756);
/// Messages on their way at most. mosquitto drops what its subscriber has no room for, and a figure with drops is none.
const WINDOW: usize = 400;
/// What the last message of a window is followed by; who has handled it has handled them.
const MARK: &str = "mark";
/// Where the host says that it has seen a mark.
const MARKED: &str = "marked";

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[1..] {
        ["bare"] => return bare::run(),
        ["blocking"] => return bare::run_blocking(),
        ["host", address] => return host::run(address.parse().expect("an address")),
        _ => {}
    }
    let edge_nodes = arguments.iter().find_map(|argument| argument.parse().ok()).unwrap_or(EDGE_NODES);
    let factree = System { servers: vec![Server::factree()], is_marked: false };
    let bare = System { servers: vec![own(&["bare"])], is_marked: false };
    let blocking = System { servers: vec![own(&["blocking"])], is_marked: false };
    let today = Server::mosquitto().map(|mosquitto| {
        let host = own(&["host", &mosquitto.address.to_string()]);
        System { servers: vec![mosquitto, host], is_marked: true }
    });
    for (name, messages_per_write, messages) in
        [("20 messages a write", 20, MESSAGES), ("1 message a write", 1, MESSAGES / 4)]
    {
        let cost = |system: &System| cost(system, edge_nodes, messages, messages_per_write);
        let (mut ours, mut floor, mut blocked, mut theirs) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            ours.push(cost(&factree));
            floor.push(cost(&bare));
            blocked.push(cost(&blocking));
            theirs.extend(today.as_ref().map(cost));
        }
        let (ours, floor, blocked) = (median(ours), median(floor), median(blocked));
        println!(
            "socket to tree, {} metrics, {METRICS_PER_MESSAGE} a message, {name}: {:.2} µs a message, {:.1} M metrics per \
             cpu-second, {:.0} % of a bare parse ({:.2} µs), {:.0} % of one in a thread that blocks ({:.2} µs)",
            METRICS * edge_nodes as u64,
            ours * 1e6,
            METRICS_PER_MESSAGE as f64 / ours / 1e6,
            floor / ours * 100.0,
            floor * 1e6,
            blocked / ours * 100.0,
            blocked * 1e6
        );
        if !theirs.is_empty() {
            let theirs = median(theirs);
            println!(
                "  mosquitto with a host of prost and a map: {:.2} µs a message, {:.1} times as much",
                theirs * 1e6,
                theirs / ours
            );
        }
    }
}

/// What stands between a publisher and who asks for a value.
struct System {
    /// The first is the one to publish to.
    servers: Vec<Server>,
    /// Whether somebody answers a mark; otherwise an answered PINGREQ says that all before it was handled.
    is_marked: bool,
}

impl System {
    fn cpu_seconds(&self) -> f64 {
        self.servers.iter().map(Server::cpu_seconds).sum()
    }
}

/// Processor seconds per message, of all servers of a system.
fn cost(system: &System, edge_nodes: usize, messages: usize, messages_per_write: usize) -> f64 {
    let mut sender = Sender::connect(system);
    let topic = |kind: &str, number: usize| format!("spBv1.0/Acme:Dallas:Press/{kind}/Line{number}");
    let birth = birth();
    for number in 0..edge_nodes {
        sender.write(&publish(&topic("NBIRTH", number), &birth));
        sender.settle();
    }
    // 256 messages for each, so that `seq` goes once around and the same bytes can be sent again and again.
    let round: Vec<Vec<u8>> = (0..256 * edge_nodes)
        .map(|number| {
            publish(&topic("NDATA", number % edge_nodes), &data(number as u64, 1 + (number / edge_nodes) as u64))
        })
        .collect();
    let before = system.cpu_seconds();
    let mut bytes = Vec::new();
    for number in 0..messages {
        bytes.extend_from_slice(&round[number % round.len()]);
        if (number + 1) % messages_per_write == 0 {
            sender.write(&bytes);
            bytes.clear();
        }
        if (number + 1) % WINDOW == 0 {
            sender.settle();
        }
    }
    sender.settle();
    (system.cpu_seconds() - before) / messages as f64
}

struct Sender {
    stream: TcpStream,
    is_marked: bool,
}

impl Sender {
    fn connect(system: &System) -> Self {
        let stream = connected(system.servers[0].address, "edge");
        let mut sender = Self { stream, is_marked: system.is_marked };
        if sender.is_marked {
            subscribe(&mut sender.stream, MARKED);
        }
        sender
    }

    fn write(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).expect("it reads");
    }

    /// Waits until everything sent has been handled.
    fn settle(&mut self) {
        if self.is_marked {
            self.write(&publish(MARK, &[]));
            self.stream.read_exact(&mut vec![0; publish(MARKED, &[]).len()]).expect("an answer to the mark");
        } else {
            self.write(&packets(&[Packet::PingReq]));
            self.stream.read_exact(&mut [0; 2]).expect("a PINGRESP");
        }
    }
}

/// A connection whose CONNACK was read.
fn connected(address: SocketAddr, client_id: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).expect("it listens");
    stream.set_nodelay(true).expect("TCP_NODELAY");
    stream.write_all(&packets(&[Packet::Connect(Connect::new(V311, client_id))])).expect("it reads");
    stream.read_exact(&mut [0; 4]).expect("a CONNACK");
    stream
}

/// Subscribes and reads the SUBACK.
fn subscribe(stream: &mut TcpStream, filter: &str) {
    let requests = [SubscribeRequest::new(filter, QoS::AtMostOnce)];
    let first = PacketId::new(1).expect("not 0");
    stream.write_all(&packets(&[Packet::Subscribe(Subscribe::new(first, requests.as_slice()))])).expect("it reads");
    stream.read_exact(&mut [0; 5]).expect("a SUBACK");
}

fn birth() -> Vec<u8> {
    let metrics = (0..METRICS).map(|metric| {
        let named = MetricBuilder::named(&format!("Zone {}/Axis {metric}/Temperature", metric / 100)).alias(metric);
        let declared = named.at(SENT).declare(DataType::Double);
        declared.value(DataType::Double, Value::Double(0.0)).expect("a double")
    });
    PayloadBuilder::at(SENT).seq(Seq::ZERO).metrics(metrics).encode()
}

fn data(number: u64, seq: u64) -> Vec<u8> {
    let metrics = (0..METRICS_PER_MESSAGE).map(|position| {
        let metric = MetricBuilder::aliased((number * 7_919 + position * 31) % METRICS).at(SENT);
        metric.value(DataType::Double, Value::Double(position as f64 * 0.1)).expect("a double")
    });
    PayloadBuilder::at(SENT).seq(Seq::new(seq as u8)).metrics(metrics).encode()
}

fn publish(topic: &str, payload: &[u8]) -> Vec<u8> {
    packets(&[Packet::Publish(Publish::new(TopicName::parse(topic).expect("a topic"), payload))])
}

fn packets(packets: &[Packet<'_>]) -> Vec<u8> {
    let mut bytes = Vec::new();
    packets.iter().for_each(|packet| encode(V311, packet, &mut bytes));
    bytes
}

/// This program again, as something else.
fn own(arguments: &[&str]) -> Server {
    let mut program = Command::new(std::env::current_exe().expect("this program has a path"));
    program.args(arguments);
    Server::own(program)
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
