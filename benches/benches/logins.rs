//! A storm of logins beside running traffic: what it costs those who are at work, and how long it takes.
//!
//! One client publishes, QoS 1, twenty on their way, as fast as it is answered. Then a thousand clients connect at once, each
//! with a user name and a password, and try again until they are in. The figures are ratios within one run: publications
//! a second, and the slowest answers, with the storm and without.
//! `cargo build --release -p factree`, then `cargo bench -p factree-benches --bench logins`, with the number of clients as an
//! argument if it is another. Linux only.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use factree_benches::Server;
use factree_mqtt::{Connect, Packet, PacketId, ProtocolVersion, Publish, QoS, TopicName, encode};

const V311: ProtocolVersion = ProtocolVersion::V311;
const CLIENTS: usize = 1_000;
/// Publications on their way.
const WINDOW: usize = 20;
const USER: &str = "plc";
const PASSWORD: &str = "correct horse battery";
/// How long traffic is measured where nobody logs in.
const CALM: Duration = Duration::from_secs(5);
/// A client that got no answer in this time tries again, as the server's connect_timeout has closed it by then.
const PATIENCE: Duration = Duration::from_secs(15);

fn main() {
    let clients = std::env::args().skip(1).find_map(|argument| argument.parse().ok()).unwrap_or(CLIENTS);
    let server = Server::factree_asking(|binary, data| {
        let mut child = Command::new(binary)
            .args(["user", "add", USER, "--role", "writer", "--password-stdin", "--data"])
            .arg(data)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .expect("the binary starts");
        child.stdin.take().expect("piped").write_all(PASSWORD.as_bytes()).expect("it reads");
        assert!(child.wait().expect("it ends").success(), "the user is added");
    });
    let one = login(server.address, "alone").expect("the first login");
    drop(one);
    let alone = (0..10).map(|number| {
        let began = Instant::now();
        drop(login(server.address, &format!("alone-{number}")).expect("a login"));
        began.elapsed().as_secs_f64()
    });
    println!("one login alone: {:.1} ms (median of 10)", median(alone.collect()) * 1e3);

    let before = server.resident_bytes();
    let (calm, calm_latencies) = traffic(server.address, &AtomicBool::new(false), Some(CALM));
    let is_over = Arc::new(AtomicBool::new(false));
    let running = thread::spawn({
        let (is_over, address) = (Arc::clone(&is_over), server.address);
        move || traffic(address, &is_over, None)
    });
    let began = Instant::now();
    let tries = Arc::new(AtomicU64::new(0));
    let storm: Vec<_> = (0..clients)
        .map(|number| {
            let (tries, address) = (Arc::clone(&tries), server.address);
            let client = move || {
                loop {
                    tries.fetch_add(1, Ordering::Relaxed);
                    if let Some(connection) = login(address, &format!("storm-{number}")) {
                        return connection;
                    }
                }
            };
            thread::Builder::new().stack_size(64 << 10).spawn(client).expect("a thread")
        })
        .collect();
    let connections: Vec<TcpStream> = storm.into_iter().map(|client| client.join().expect("it logs in")).collect();
    let took = began.elapsed();
    let peak = server.resident_bytes_peak();
    is_over.store(true, Ordering::Relaxed);
    let (stormy, stormy_latencies) = running.join().expect("traffic ends");
    drop(connections);
    println!(
        "{clients} logins at once: {:.1} s, {:.0} a second, {} tries; memory {:+.0} MiB at its peak",
        took.as_secs_f64(),
        clients as f64 / took.as_secs_f64(),
        tries.load(Ordering::Relaxed),
        (peak as f64 - before as f64) / f64::from(1 << 20)
    );
    println!(
        "running traffic: {calm:.0} publications a second alone, {stormy:.0} beside the storm: {:.2} of it",
        stormy / calm
    );
    for (name, of) in [("half", 0.5), ("99 %", 0.99), ("all", 1.0)] {
        let at = |latencies: &[f64]| latencies[((latencies.len() - 1) as f64 * of) as usize] * 1e3;
        println!(
            "  {name} answered within {:.2} ms alone, {:.2} ms beside it",
            at(&calm_latencies),
            at(&stormy_latencies)
        );
    }
}

/// Logs in; none if it was refused or not answered.
fn login(address: SocketAddr, client_id: &str) -> Option<TcpStream> {
    let mut stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    let connect = Connect {
        username: Some(USER),
        password: Some(PASSWORD.as_bytes()),
        keep_alive: Duration::ZERO,
        ..Connect::new(V311, client_id)
    };
    let mut bytes = Vec::new();
    encode(V311, &Packet::Connect(connect), &mut bytes);
    stream.write_all(&bytes).ok()?;
    let mut answer = [0; 4];
    stream.read_exact(&mut answer).ok()?;
    (answer == [0x20, 2, 0, 0]).then_some(stream)
}

/// Publishes until it is over or the time is: publications a second, and how long each window took, in order.
fn traffic(address: SocketAddr, is_over: &AtomicBool, for_as_long: Option<Duration>) -> (f64, Vec<f64>) {
    let mut stream = login(address, "at-work").expect("a login");
    stream.set_nodelay(true).expect("no delay");
    let mut bytes = Vec::new();
    for number in 1..=WINDOW {
        let topic = TopicName::parse("Acme/Dallas/Temperature").expect("a topic");
        let id = PacketId::new(number as u16).expect("not zero");
        let publish = Publish { qos: QoS::AtLeastOnce, packet_id: Some(id), ..Publish::new(topic, b"21.4") };
        encode(V311, &Packet::Publish(publish), &mut bytes);
    }
    let (began, mut latencies) = (Instant::now(), Vec::new());
    let mut answers = [0; 4 * WINDOW];
    while !is_over.load(Ordering::Relaxed) && for_as_long.is_none_or(|time| began.elapsed() < time) {
        let sent = Instant::now();
        stream.write_all(&bytes).expect("the server reads");
        stream.read_exact(&mut answers).expect("the server answers");
        latencies.push(sent.elapsed().as_secs_f64());
    }
    let rate = (latencies.len() * WINDOW) as f64 / began.elapsed().as_secs_f64();
    latencies.sort_by(f64::total_cmp);
    (rate, latencies)
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}
