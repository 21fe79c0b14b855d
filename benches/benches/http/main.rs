//! Figures of reading over HTTP: a snapshot of 10,000 samples beside the same bytes from a static answer, one value beside
//! a server [rolled by hand](floor) for that one question.
//!
//! One value is asked of the binary, with all that stands before its routes; a snapshot of the routes alone. Every server is a
//! [process](serve) of its own and answers one kept connection; the figure is its processor time for a
//! request, and for snapshots the time until the last byte too, quiet and while 10,000 metrics a second are written in the
//! process that answers. Medians of alternating rounds.
//! `cargo build --release -p factree`, then `cargo bench -p factree-benches --bench http`. Linux only.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::Command;
use std::time::Instant;

use factree_benches::Server;
use mimalloc::MiMalloc;

mod floor;
mod plant;
mod serve;

/// As in the server.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

const ROUNDS: usize = 9;
const SNAPSHOTS: usize = 40;
const VALUES: usize = 10_000;
const SNAPSHOT: &str = "/api/v1/values?filter=Acme/%23&limit=10000";
const VALUE: &str = "/api/v1/values/Acme/Dallas/Press/Line3/Robot4/Temperature%2055";

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["serve", what, how] => serve::run(what, how),
        _ => {
            snapshot("quiet");
            snapshot("writing");
            value();
        }
    }
}

/// What a round of requests cost.
#[derive(Clone, Copy)]
struct Cost {
    /// Of the server, in µs a request.
    cpu: f64,
    /// Until the last byte, in µs a request.
    time: f64,
}

fn snapshot(how: &str) {
    let (ours, blob) = (server("factree", how), server("blob", how));
    let bytes = Client::connect(ours.address).get(SNAPSHOT);
    let same = Client::connect(blob.address).get(SNAPSHOT);
    assert!(bytes.abs_diff(same) < bytes / 50, "the same from both, but for digits of revisions");
    let (ours, blob) = alternating(|| cost(&ours, SNAPSHOT, SNAPSHOTS), || cost(&blob, SNAPSHOT, SNAPSHOTS));
    println!(
        "snapshot over HTTP, {how}: 10000 samples, {} kB in {:.0} µs, a static answer {:.0} µs: {:.0} %; server {:.0} µs \
         cpu, static {:.0} µs: {:.0} %",
        bytes / 1000,
        ours.time,
        blob.time,
        blob.time / ours.time * 100.0,
        ours.cpu,
        blob.cpu,
        blob.cpu / ours.cpu * 100.0
    );
}

fn value() {
    let [floor, axum, bytes] = ["floor", "axum", "bytes"].map(|what| server(what, "quiet"));
    let servers = [plant::factree(), floor, axum, bytes];
    let lengths: Vec<usize> = servers.iter().map(|server| Client::connect(http(server)).get(VALUE)).collect();
    // But for the digits of a revision.
    assert!(lengths.iter().all(|length| length.abs_diff(lengths[0]) < 8), "the same from all: {lengths:?}");
    let mut costs = servers.each_ref().map(|_| Vec::new());
    for _ in 0..ROUNDS {
        servers.iter().zip(&mut costs).for_each(|(server, costs)| costs.push(cost(server, VALUE, VALUES).cpu));
    }
    let [ours, floor, axum, bytes] = costs.map(median);
    println!(
        "GET one value: {ours:.2} µs cpu, rolled by hand (parses the request, finds the path in a map, writes JSON and \
         the same headers) {floor:.2} µs: {:.2} times; for information, fixed bytes by axum {axum:.2} µs, fixed bytes \
         without parsing the request {bytes:.2} µs",
        ours / floor
    );
}

/// Where a server answers.
fn http(server: &Server) -> SocketAddr {
    server.http.unwrap_or(server.address)
}

fn server(what: &str, how: &str) -> Server {
    let mut program = Command::new(std::env::current_exe().expect("this program"));
    program.args(["serve", what, how]);
    Server::own(program)
}

fn cost(server: &Server, target: &str, requests: usize) -> Cost {
    let mut client = Client::connect(http(server));
    (0..requests / 10).for_each(|_| assert!(client.get(target) > 0));
    let (cpu, started) = (server.cpu_seconds(), Instant::now());
    (0..requests).for_each(|_| assert!(client.get(target) > 0));
    let per_request = |seconds: f64| seconds * 1e6 / requests as f64;
    Cost { time: per_request(started.elapsed().as_secs_f64()), cpu: per_request(server.cpu_seconds() - cpu) }
}

fn alternating(ours: impl Fn() -> Cost, theirs: impl Fn() -> Cost) -> (Cost, Cost) {
    let (ours, theirs): (Vec<Cost>, Vec<Cost>) = (0..ROUNDS).map(|_| (ours(), theirs())).unzip();
    let middle = |costs: &[Cost]| Cost {
        cpu: median(costs.iter().map(|cost| cost.cpu).collect()),
        time: median(costs.iter().map(|cost| cost.time).collect()),
    };
    (middle(&ours), middle(&theirs))
}

/// A connection that is kept.
struct Client {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Client {
    fn connect(address: SocketAddr) -> Client {
        let stream = TcpStream::connect(address).expect("it listens");
        stream.set_nodelay(true).expect("a socket");
        Client { stream, buffer: vec![0; 1 << 20] }
    }

    /// Bytes of the body.
    fn get(&mut self, target: &str) -> usize {
        let request = format!("GET {target} HTTP/1.1\r\nhost: localhost\r\n\r\n");
        self.stream.write_all(request.as_bytes()).expect("it reads");
        let mut filled = 0;
        let head = loop {
            filled += self.read(filled);
            if let Some(head) = self.buffer[..filled].windows(4).position(|four| four == b"\r\n\r\n") {
                break head + 4;
            }
        };
        let text = std::str::from_utf8(&self.buffer[..head]).expect("ASCII");
        assert!(text.starts_with("HTTP/1.1 200"), "{text}");
        let length = text.lines().find_map(|line| line.strip_prefix("content-length: ")).expect("a length");
        let length: usize = length.parse().expect("a number");
        let mut left = length - (filled - head);
        while left > 0 {
            left -= self.read(0).min(left);
        }
        length
    }

    fn read(&mut self, from: usize) -> usize {
        let read = self.stream.read(&mut self.buffer[from..]).expect("it answers");
        assert!(read > 0, "it goes on");
        read
    }
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}
