//! Figures of streams: how long a change takes to a reader, and what a thousand readers cost.
//!
//! Latency: an NDATA of one metric until its event has arrived, beside the same payload from publisher to subscriber through
//! mosquitto; one at a time, alternating, medians of the rounds. Once in a plant that says nothing else, where a machine goes to sleep
//! between two messages, and once beside [Edge Nodes](plant) that nobody follows. Fan-out: a thousand readers of which half never read, 100
//! metrics that change 100,000 times a second, beside a [server](broadcast) that sends every reader every change. The
//! figure is the processor time of the server's process beyond what it takes without readers, by the change.
//! `cargo build --release -p factree`, then `cargo bench -p factree-benches --bench stream`. Linux only.
//! `stream ingest READERS METRICS` takes METRICS metrics into a tree that READERS follow and who do not run meanwhile: run it under
//! `valgrind --tool=callgrind` with two values of METRICS and subtract.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::Command;
use std::time::{Duration, Instant};

use factree_benches::Server;
use factree_mqtt::{
    Connect, Packet, PacketId, ProtocolVersion, Publish, QoS, Subscribe, SubscribeRequest, TopicName, encode,
};
use factree_sparkplug::encode::{MetricBuilder, PayloadBuilder};
use factree_sparkplug::{DataType, Seq, Timestamp, Value};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

mod broadcast;
mod ingest;
mod plant;

use plant::Plant;

const V311: ProtocolVersion = ProtocolVersion::V311;
const METRICS: u64 = 100;
const GROUP: &str = "Acme:Dallas:Press";
const SENT: Timestamp = Timestamp(1_795_298_431_756);
const ROUNDS: usize = 7;
const MESSAGES_PER_ROUND: usize = 200;
/// Longer than the interval that is asked for, so that no change waits for one before it.
const PAUSE: Duration = Duration::from_millis(12);
const READERS: usize = 1_000;
const CHANGES_PER_SECOND: usize = 100_000;
/// What the peer can keep up with.
const BROADCASTS_PER_SECOND: usize = 2_000;
const LOAD: Duration = Duration::from_secs(4);
const FAN_OUT_ROUNDS: usize = 3;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["broadcast"] => broadcast::run(),
        ["ingest", readers, metrics] => {
            ingest::run(readers.parse().expect("a number of readers"), metrics.parse().expect("a number of metrics"));
        }
        ["latency"] => latencies(),
        ["fan-out"] => fan_out(),
        _ => {
            latencies();
            fan_out();
        }
    }
}

fn latencies() {
    latency("alone", |_| None);
    latency("in a working plant", |address| Some(Plant::start(address)));
}

/// `plant` works while a round is measured.
fn latency(where_to: &str, plant: impl Fn(SocketAddr) -> Option<Plant>) {
    let factree = Server::factree();
    let Some(mosquitto) = Server::mosquitto() else { return println!("latency: mosquitto is not installed") };
    let mut edge_node = EdgeNode::connect(factree.address, GROUP, "Line1");
    let mut events = TcpStream::connect(factree.http.expect("Factree has HTTP")).expect("it listens");
    events.set_nodelay(true).expect("TCP_NODELAY");
    write!(events, "GET /api/v1/stream?filter=Acme/%23&interval=10 HTTP/1.1\r\nHost: localhost\r\n\r\n")
        .expect("it reads");
    // The head, then the snapshot.
    until_event(&mut events);

    let mut publisher = connected(mosquitto.address, "publisher");
    let mut subscriber = connected(mosquitto.address, "subscriber");
    subscribe(&mut subscriber, &format!("spBv1.0/{GROUP}/#"));

    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let working = plant(factree.address);
        ours.push(round(|| {
            let message = edge_node.data(1);
            let began = Instant::now();
            edge_node.stream.write_all(&message).expect("it reads");
            until_event(&mut events);
            began.elapsed()
        }));
        drop(working);
        let working = plant(mosquitto.address);
        theirs.push(round(|| {
            let message = edge_node.data(1);
            let mut answer = vec![0; message.len()];
            let began = Instant::now();
            publisher.write_all(&message).expect("it reads");
            subscriber.read_exact(&mut answer).expect("a delivery");
            began.elapsed()
        }));
        drop(working);
        // The sequence is whole again: what mosquitto was sent, Factree was not.
        edge_node.seq = edge_node.seq.wrapping_sub(MESSAGES_PER_ROUND as u8);
    }
    let of = |rounds: &[(f64, f64)], which: fn(&(f64, f64)) -> f64| median(rounds.iter().map(which).collect());
    let (p50, p99) = (of(&ours, |round| round.0), of(&ours, |round| round.1));
    let (peer_p50, peer_p99) = (of(&theirs, |round| round.0), of(&theirs, |round| round.1));
    println!(
        "latency {where_to}, NDATA to event: p50 {p50:.0} µs, p99 {p99:.0} µs; mosquitto to its subscriber {peer_p50:.0}, {peer_p99:.0}: \
         {:.2} and {:.2} times",
        p50 / peer_p50,
        p99 / peer_p99
    );
}

/// Median and 99th percentile in microseconds.
fn round(mut one: impl FnMut() -> Duration) -> (f64, f64) {
    let mut times: Vec<f64> = (0..MESSAGES_PER_ROUND)
        .map(|_| {
            std::thread::sleep(PAUSE);
            one().as_nanos() as f64 / 1e3
        })
        .collect();
    times.sort_by(f64::total_cmp);
    (times[times.len() / 2], times[times.len() * 99 / 100])
}

/// Reads to the end of an event: its empty line, and the end of its chunk.
fn until_event(events: &mut TcpStream) {
    let (mut bytes, mut buffer) = (Vec::new(), [0; 64 << 10]);
    while !bytes.ends_with(b"\n\n\r\n") {
        let read = events.read(&mut buffer).expect("an event");
        assert!(read > 0, "the stream goes on");
        bytes.extend_from_slice(&buffer[..read]);
    }
}

fn fan_out() {
    let factree = Server::factree();
    let mut edge_node = EdgeNode::connect(factree.address, GROUP, "Line1");
    let broadcast = own(&["broadcast"]);
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
    let (mut ours, mut alone, mut theirs) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..FAN_OUT_ROUNDS {
        let http = factree.http.expect("Factree has HTTP");
        let without = cost(&factree, || edge_node.load());
        let readers = runtime.block_on(readers(http, "/api/v1/stream?filter=Acme/%23"));
        let with = cost(&factree, || edge_node.load());
        drop(readers);
        alone.push(without);
        ours.push(with - without);

        let changes = BROADCASTS_PER_SECOND * LOAD.as_secs() as usize;
        let load = || broadcast::load(broadcast.address, changes, BROADCASTS_PER_SECOND);
        let without = cost(&broadcast, load);
        let readers = runtime.block_on(crate::readers(broadcast.address, "/stream"));
        let with = cost(&broadcast, load);
        drop(readers);
        theirs.push(with - without);
    }
    let (ours, alone, theirs) = (median(ours), median(alone), median(theirs));
    println!(
        "fan-out to {READERS} readers, half of them slow: {:.3} µs cpu a change at {CHANGES_PER_SECOND}/s (the change itself \
         {:.3}); per-change broadcast {:.1} at {BROADCASTS_PER_SECOND}/s: 1/{:.0}",
        ours * 1e6,
        alone * 1e6,
        theirs * 1e6,
        theirs / ours
    );
}

/// Processor seconds of the server by the change.
fn cost(server: &Server, load: impl FnOnce() -> usize) -> f64 {
    let before = server.cpu_seconds();
    let changes = load();
    (server.cpu_seconds() - before) / changes as f64
}

/// Readers that live until this is dropped; every second one never reads.
async fn readers(address: SocketAddr, target: &str) -> tokio::task::JoinSet<()> {
    let mut readers = tokio::task::JoinSet::new();
    for number in 0..READERS {
        let mut stream = tokio::net::TcpStream::connect(address).await.expect("it listens");
        let request = format!("GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n");
        stream.write_all(request.as_bytes()).await.expect("it reads");
        let mut first = [0; 15];
        stream.read_exact(&mut first).await.expect("an answer");
        assert_eq!(&first, b"HTTP/1.1 200 OK");
        readers.spawn(async move {
            let mut buffer = vec![0; 64 << 10];
            if number % 2 == 1 {
                std::future::pending::<()>().await;
            }
            while stream.read(&mut buffer).await.is_ok_and(|read| read > 0) {}
        });
    }
    // All have had what is there at the beginning.
    tokio::time::sleep(Duration::from_millis(500)).await;
    readers
}

/// An Edge Node of [`METRICS`] metrics that is online.
struct EdgeNode {
    stream: TcpStream,
    group: &'static str,
    id: String,
    seq: u8,
    value: f64,
}

impl EdgeNode {
    fn connect(address: SocketAddr, group: &'static str, id: &str) -> Self {
        let stream = connected(address, &format!("{group}-{id}"));
        let mut edge_node = Self { stream, group, id: id.into(), seq: 0, value: 0.0 };
        let metrics = (0..METRICS).map(|metric| {
            let named = MetricBuilder::named(&format!("Zone {}/Axis {metric}/Temperature", metric / 10)).alias(metric);
            let declared = named.at(SENT).declare(DataType::Double);
            declared.value(DataType::Double, Value::Double(0.0)).expect("a double")
        });
        let birth = PayloadBuilder::at(SENT).seq(Seq::ZERO).metrics(metrics).encode();
        edge_node.stream.write_all(&edge_node.message("NBIRTH", &birth)).expect("it reads");
        edge_node.settle();
        edge_node
    }

    /// The next NDATA: that many metrics, all of them changed.
    fn data(&mut self, metrics: u64) -> Vec<u8> {
        self.seq = self.seq.wrapping_add(1);
        self.value += 0.25;
        let metrics = (0..metrics).map(|alias| {
            let metric = MetricBuilder::aliased(alias).at(SENT);
            metric.value(DataType::Double, Value::Double(self.value)).expect("a double")
        });
        self.message("NDATA", &PayloadBuilder::at(SENT).seq(Seq::new(self.seq)).metrics(metrics).encode())
    }

    fn message(&self, kind: &str, payload: &[u8]) -> Vec<u8> {
        let topic = format!("spBv1.0/{}/{kind}/{}", self.group, self.id);
        packets(&[Packet::Publish(Publish::new(TopicName::parse(&topic).expect("a topic"), payload))])
    }

    /// [`CHANGES_PER_SECOND`] for as long as [`LOAD`]; how many it were.
    fn load(&mut self) -> usize {
        const TICK: Duration = Duration::from_millis(10);
        let messages_per_tick = CHANGES_PER_SECOND / METRICS as usize / 100;
        let began = Instant::now();
        let mut messages = 0;
        while began.elapsed() < LOAD {
            let bytes: Vec<u8> = (0..messages_per_tick).flat_map(|_| self.data(METRICS)).collect();
            self.stream.write_all(&bytes).expect("it reads");
            messages += messages_per_tick;
            let due = TICK * (messages / messages_per_tick) as u32;
            std::thread::sleep(due.saturating_sub(began.elapsed()));
        }
        self.settle();
        messages * METRICS as usize
    }

    /// Waits until everything sent has been handled.
    fn settle(&mut self) {
        self.stream.write_all(&packets(&[Packet::PingReq])).expect("it reads");
        self.stream.read_exact(&mut [0; 2]).expect("a PINGRESP");
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
