//! What hostile inputs cost others: the rows of the table in `crates/server/tests/sockets/hostile` that say a time or an amount
//! of memory, which no test can hold without failing now and then for nothing.
//!
//! Beside each, a client publishes with QoS 1, one message at a time; the figures are its slowest answers with and without, and
//! how much memory the server takes meanwhile. `cargo build --release -p factree`, then `cargo bench -p factree-benches --bench hostile`,
//! with the id of a row as an argument if it is one. Linux only.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::process::{Command as Process, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use factree_auth::credential::{HashingGate, Password, PasswordHash, random};
use factree_auth::directory::Command;
use factree_auth::{Directory, DirectoryLimits, Name, Timestamp as Moment};
use factree_benches::Server;
use factree_mqtt::{Connect, Handshake, Packet, PacketId, ProtocolVersion, Publish, TopicName, encode};
use factree_sparkplug::encode::{MetricBuilder, PayloadBuilder};
use factree_sparkplug::{DataType, Seq, Timestamp, Value};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpSocket;

const V311: ProtocolVersion = ProtocolVersion::V311;
const SENT: Timestamp = Timestamp(1_795_298_431_756);
/// How long traffic is measured where nothing else happens.
const CALM: Duration = Duration::from_secs(5);
const MIB: f64 = (1 << 20) as f64;
const PASSWORD: &str = "correct horse battery";

fn main() {
    let wanted: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    for (id, row) in [("MA03", names as fn()), ("MA04", guesses), ("HT08", snapshots), ("HT10", deaf_readers)] {
        if wanted.is_empty() || wanted.iter().any(|wanted| wanted == id) {
            row();
        }
    }
}

/// MA03: checking the password of somebody who does not exist, and a wrong one of somebody who does, by turns.
fn names() {
    const CHECKS: usize = 500;
    let (gate, now) = (HashingGate::new(1), Moment(SENT.0));
    let permit = gate.enter().expect("nobody else hashes");
    let mut directory = Directory::new(DirectoryLimits::default(), Vec::new());
    let given = Password::given(PASSWORD.as_bytes()).expect("a password");
    let hash = PasswordHash::new(&permit, &given, directory.limits().password_cost, random().expect("random bytes"));
    let (name, roles) = (Name::parse("anna").expect("a name"), Vec::new());
    let change = directory.decide(now, Command::AddUser { name, password: Some(hash), roles }).expect("she is new");
    directory.apply(change);
    let wrong = Password::given(b"wrong horse battery").expect("a password");
    let mut times = [Vec::new(), Vec::new()];
    for _ in 0..CHECKS {
        for (name, times) in ["anna", "nobody"].iter().zip(&mut times) {
            let began = Instant::now();
            assert!(directory.password_check(name).run(&permit, &wrong).is_none(), "it is wrong");
            times.push(began.elapsed().as_secs_f64() * 1e3);
        }
    }
    let [known, unknown] = times.map(|times| at(times, 0.5));
    let apart = (unknown / known - 1.0) * 100.0;
    println!(
        "MA03: a wrong password {known:.2} ms, an unknown user {unknown:.2} ms (medians of {CHECKS}): {apart:+.1} %"
    );
}

/// MA04: five hundred wrong passwords at once, each from an address of its own, so that none is made to wait.
fn guesses() {
    const GUESSES: u32 = 500;
    let server = Server::factree_asking(|binary, data| {
        let mut child = Process::new(binary)
            .args(["user", "add", "plc", "--role", "writer", "--password-stdin", "--data"])
            .arg(data)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .expect("the binary starts");
        child.stdin.take().expect("piped").write_all(PASSWORD.as_bytes()).expect("it reads");
        assert!(child.wait().expect("it ends").success(), "the user is added");
    });
    let guess = async |address: SocketAddr, number: u32| {
        let socket = TcpSocket::new_v4().expect("a socket");
        let from = Ipv4Addr::from(0x7F01_0001 + number);
        socket.bind(SocketAddr::from((from, 0))).expect("this machine has a network of addresses");
        let mut stream = socket.connect(address).await.expect("it listens");
        stream.write_all(&connect(&format!("guess-{number}"), "wrong horse battery")).await.expect("it reads");
        let mut answer = [0; 4];
        // Whose turn does not come in time is closed without a word.
        stream.read_exact(&mut answer).await.is_ok_and(|_| answer[3] == 4)
    };
    beside("MA04: 500 wrong passwords at once", &server, |address| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let all = (0..GUESSES).map(|number| guess(address, number));
            let refused = futures_util::future::join_all(all).await.into_iter().filter(|refused| *refused).count();
            println!("  {refused} of them were told that they are wrong, the others had to wait for too long");
        });
    });
}

/// HT08: a million metrics, and fifty clients that read the root, ten pages each.
fn snapshots() {
    const CLIENTS: usize = 50;
    const PAGES: usize = 10;
    let server = Server::factree();
    let mut edge = connected(server.address, "edge");
    for edge_node in 0..200 {
        born(&mut edge, &format!("Line{edge_node}"), 5_000);
    }
    let http = server.http.expect("Factree has HTTP");
    beside("HT08: 50 clients that read a million metrics", &server, |_| {
        let (told_later, bytes) = (AtomicU64::new(0), AtomicU64::new(0));
        thread::scope(|scope| {
            for _ in 0..CLIENTS {
                scope.spawn(|| {
                    let mut cursor = String::new();
                    for _ in 0..PAGES {
                        let target = format!("/api/v1/values?filter=%23&limit=10000{cursor}");
                        let page = loop {
                            match get(http, &target) {
                                (200, page) => break page,
                                (429, _) => told_later.fetch_add(1, Ordering::Relaxed),
                                (status, page) => panic!("{status} {page}"),
                            };
                            thread::sleep(Duration::from_millis(50));
                        };
                        bytes.fetch_add(page.len() as u64, Ordering::Relaxed);
                        let next = page.split("\"next_cursor\":\"").nth(1).and_then(|rest| rest.split('"').next());
                        cursor = format!("&cursor={}", next.expect("a million are many pages"));
                    }
                });
            }
        });
        let megabytes = bytes.into_inner() as f64 / MIB;
        println!("  {megabytes:.0} MiB were read, {} times a client was told to come later", told_later.into_inner());
    });
}

/// HT10: a thousand readers of streams that never read, while a hundred thousand values change a second.
fn deaf_readers() {
    const READERS: usize = 1_000;
    let server = Server::factree();
    let mut edge = connected(server.address, "edge");
    born(&mut edge, "Line0", 100);
    let http = server.http.expect("Factree has HTTP");
    let (before, mut readers) = (server.resident_bytes(), Vec::new());
    for _ in 0..READERS {
        let mut reader = TcpStream::connect(http).expect("it listens");
        let request = "GET /api/v1/stream?filter=Acme/%23&interval=10 HTTP/1.1\r\nHost: localhost\r\n\r\n";
        reader.write_all(request.as_bytes()).expect("it reads");
        reader.read_exact(&mut [0; 15]).expect("an answer");
        readers.push(reader);
    }
    let each = (server.resident_bytes() as f64 - before as f64) / READERS as f64 / 1024.0;
    println!("HT10: {READERS} readers take {each:.0} KiB each while nothing changes");
    beside("HT10: 1,000 streams that nobody reads", &server, |_| {
        let mut seq = 0u8;
        let began = Instant::now();
        while began.elapsed() < CALM {
            for _ in 0..10 {
                seq = seq.wrapping_add(1);
                let metrics = (0..100).map(|alias| {
                    let metric = MetricBuilder::aliased(alias).at(SENT);
                    metric.value(DataType::Double, Value::Double(f64::from(seq))).expect("a double")
                });
                let data = PayloadBuilder::at(SENT).seq(Seq::new(seq)).metrics(metrics).encode();
                edge.write_all(&publish("spBv1.0/Acme/NDATA/Line0", Handshake::AtMostOnce, &data)).expect("it reads");
            }
            thread::sleep(Duration::from_millis(10));
        }
    });
    drop(readers);
}

/// What traffic suffers beside something, and how much memory that takes at most.
fn beside(what: &str, server: &Server, something: impl FnOnce(SocketAddr)) {
    let calm = traffic(server.address, &AtomicBool::new(false), Some(CALM));
    let is_over = Arc::new(AtomicBool::new(false));
    let (before, began) = (server.resident_bytes(), Instant::now());
    println!("{what}:");
    let (peak, beside) = thread::scope(|scope| {
        let (watched, over) = (&is_over, Arc::clone(&is_over));
        let peak = scope.spawn(move || {
            let mut peak = 0;
            while !watched.load(Ordering::Relaxed) {
                peak = peak.max(server.resident_bytes());
                thread::sleep(Duration::from_millis(2));
            }
            peak
        });
        let running = scope.spawn(move || traffic(server.address, &over, None));
        something(server.address);
        is_over.store(true, Ordering::Relaxed);
        (peak.join().expect("it looks on"), running.join().expect("traffic ends"))
    });
    println!(
        "  {:.1} s; memory {:+.0} MiB at its peak; a PUBACK within {:.2} ms (half), {:.2} ms (99 %) alone, {:.2} ms, {:.2} ms beside it",
        began.elapsed().as_secs_f64(),
        (peak as f64 - before as f64) / MIB,
        at(calm.clone(), 0.5),
        at(calm, 0.99),
        at(beside.clone(), 0.5),
        at(beside, 0.99)
    );
}

/// Publishes until it is over or the time is: how long each answer took, in ms.
fn traffic(address: SocketAddr, is_over: &AtomicBool, for_as_long: Option<Duration>) -> Vec<f64> {
    let mut stream = connected(address, "at-work");
    let id = PacketId::new(1).expect("not zero");
    let message = publish("Acme/Dallas/Temperature", Handshake::AtLeastOnce(id), b"21.4");
    let (began, mut latencies) = (Instant::now(), Vec::new());
    while !is_over.load(Ordering::Relaxed) && for_as_long.is_none_or(|time| began.elapsed() < time) {
        let sent = Instant::now();
        stream.write_all(&message).expect("the server reads");
        stream.read_exact(&mut [0; 4]).expect("the server answers");
        latencies.push(sent.elapsed().as_secs_f64() * 1e3);
    }
    latencies
}

/// An Edge Node with so many metrics; in the tree when this returns.
fn born(stream: &mut TcpStream, edge_node: &str, metrics: u64) {
    let metrics = (0..metrics).map(|metric| {
        let named = MetricBuilder::named(&format!("Zone {}/Axis {metric}", metric / 10)).alias(metric);
        let declared = named.at(SENT).declare(DataType::Double);
        declared.value(DataType::Double, Value::Double(0.0)).expect("a double")
    });
    let birth = PayloadBuilder::at(SENT).seq(Seq::ZERO).metrics(metrics).encode();
    let id = PacketId::new(1).expect("not zero");
    let topic = format!("spBv1.0/Acme/NBIRTH/{edge_node}");
    stream.write_all(&publish(&topic, Handshake::AtLeastOnce(id), &birth)).expect("it reads");
    stream.read_exact(&mut [0; 4]).expect("a PUBACK");
}

fn publish(topic: &str, handshake: Handshake, payload: &[u8]) -> Vec<u8> {
    let topic = TopicName::parse(topic).expect("a topic");
    packet(&Packet::Publish(Publish { handshake, ..Publish::new(topic, payload) }))
}

fn connect(client_id: &str, password: &str) -> Vec<u8> {
    let user = Some("plc").filter(|_| client_id == "at-work" || client_id == "edge").unwrap_or(client_id);
    packet(&Packet::Connect(Connect {
        username: Some(user),
        password: Some(password.as_bytes()),
        keep_alive: Duration::ZERO,
        ..Connect::new(V311, client_id)
    }))
}

fn packet(packet: &Packet<'_>) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode(V311, packet, &mut bytes);
    bytes
}

/// A connection whose CONNACK was read.
fn connected(address: SocketAddr, client_id: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).expect("it listens");
    stream.set_nodelay(true).expect("TCP_NODELAY");
    stream.write_all(&connect(client_id, PASSWORD)).expect("it reads");
    stream.read_exact(&mut [0; 4]).expect("a CONNACK");
    stream
}

/// One GET; status and body.
fn get(address: SocketAddr, target: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).expect("it listens");
    write!(stream, "GET {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").expect("it reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
    (head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status"), body.to_owned())
}

/// The value that this part of them is not above.
fn at(mut values: Vec<f64>, part: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    values[((values.len() - 1) as f64 * part) as usize]
}
