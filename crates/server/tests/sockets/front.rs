//! Hostile HTTP over real sockets: one table, every row against a running server, and stories of what takes time or number.
//!
//! A row's bytes are followed by an honest request, so that what is said shows whether the connection is still in step
//! (`open`) or was given up (`close`). Ids stand for kinds of input, as in [`hostile`](crate::hostile).

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use crate::plant::Plant;

/// The honest request behind each row.
const HONEST: &str = "GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
const VALUE: &str = "/api/v1/values/Acme/Temperature";

fn connect(plant: &Plant) -> TcpStream {
    let stream = TcpStream::connect(plant.http).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    stream
}

/// All that comes until the server closes.
fn until_closed(stream: &mut TcpStream) -> Vec<u8> {
    let (mut said, mut chunk) = (Vec::new(), [0; 4096]);
    loop {
        match stream.read(&mut chunk) {
            Ok(0) => return said,
            Ok(len) => said.extend_from_slice(&chunk[..len]),
            Err(error) if error.kind() == ErrorKind::ConnectionReset => return said,
            Err(error) => panic!("neither closed nor answered: {error}; {}", String::from_utf8_lossy(&said)),
        }
    }
}

/// The statuses of answers, and `open` instead of the one to the honest request, else `close`.
fn verdict(said: &[u8]) -> String {
    let (mut rest, mut verdict) = (std::str::from_utf8(said).unwrap(), String::new());
    while let Some((head, behind)) = rest.split_once("\r\n\r\n") {
        let length =
            head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
        let (body, next) = behind.split_at(length.unwrap_or(0));
        if body.contains("\"durability\"") {
            return verdict + "open";
        }
        verdict += head.split(' ').nth(1).unwrap();
        verdict += " ";
        rest = next;
    }
    verdict + "close"
}

fn say(plant: &Plant, bytes: &[u8]) -> String {
    let mut stream = connect(plant);
    // The server may close before it has read all: that is an answer too.
    let _: std::io::Result<()> = stream.write_all(&[bytes, HONEST.as_bytes()].concat());
    verdict(&until_closed(&mut stream))
}

/// A GET with further header fields, each ended by CR LF.
fn get(target: &str, fields: &str) -> Vec<u8> {
    format!("GET {target} HTTP/1.1\r\nHost: localhost\r\n{fields}\r\n").into_bytes()
}

/// A PUT of a value with such fields, its length among them.
fn put(fields: &str, body: &str) -> Vec<u8> {
    format!("PUT {VALUE} HTTP/1.1\r\nHost: localhost\r\n{fields}Content-Length: {}\r\n\r\n{body}", body.len())
        .into_bytes()
}

fn put_json(body: &str) -> Vec<u8> {
    put("Content-Type: application/json\r\n", body)
}

fn put_framed(fields: &str, body: &str) -> Vec<u8> {
    format!("PUT {VALUE} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n{fields}\r\n{body}")
        .into_bytes()
}

/// Id, bytes, and what is to come of them.
fn table() -> Vec<(&'static str, Vec<u8>, &'static str)> {
    let rebound = |request: &str| format!("{request} HTTP/1.1\r\nHost: evil.example\r\n\r\n").into_bytes();
    let smuggled = "0\r\n\r\nGET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let chunk = format!("10000\r\n{}\r\n", " ".repeat(0x10000));
    vec![
        // A name that was rebound to this machine, whatever it asks for.
        ("HT02", rebound("GET /"), "421 open"),
        ("HT02", rebound("GET /ui/app.js"), "421 open"),
        ("HT02", rebound("GET /api/v1/values?filter=%23"), "421 open"),
        ("HT02", rebound("GET /api/v1/stream?filter=%23"), "421 open"),
        ("HT02", rebound("GET /api/v1/ws"), "421 open"),
        ("HT02", rebound("GET /i3x/v1/info"), "421 open"),
        ("HT02", rebound("GET /metrics"), "421 open"),
        ("HT02", rebound("GET /healthz"), "421 open"),
        ("HT02", rebound("GET /nowhere"), "421 open"),
        ("HT02", rebound("POST /api/v1/admin/reload"), "421 open"),
        ("HT02", rebound("GET http://localhost/healthz"), "421 open"),
        ("HT02", b"GET http://evil.example/healthz HTTP/1.1\r\nHost: localhost\r\n\r\n".into(), "421 open"),
        ("HT02", b"GET http://localhost:1/healthz HTTP/1.1\r\nHost: localhost\r\n\r\n".into(), "200 open"),
        ("HT02", b"GET /healthz HTTP/1.1\r\n\r\n".into(), "400 open"),
        ("HT02", b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n".into(), "400 open"),
        ("HT02", b"GET /healthz HTTP/1.0\r\nConnection: keep-alive\r\n\r\n".into(), "200 open"),
        // A page of another site.
        ("HT03", get(VALUE, "Sec-Fetch-Site: cross-site\r\n"), "403 open"),
        ("HT03", get("/metrics", "Sec-Fetch-Site: same-site\r\n"), "403 open"),
        ("HT03", get("/api/v1/stream?filter=%23", "Origin: http://evil.example\r\n"), "403 open"),
        ("HT03", get("/api/v1/ws", "Upgrade: websocket\r\nConnection: upgrade\r\nOrigin: null\r\n"), "403 open"),
        (
            "HT03",
            get("/", "Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: iframe\r\n"),
            "403 open",
        ),
        (
            "HT03",
            get("/nowhere", "Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document\r\n"),
            "404 open",
        ),
        ("HT03", put("Cookie: a=b\r\nContent-Type: text/plain\r\nSec-Fetch-Site: cross-site\r\n", "{}"), "403 open"),
        ("HT03", put("Content-Type: application/json\r\nOrigin: http://evil.example\r\n", "{}"), "403 open"),
        ("HT03", put("Content-Type: text/plain\r\n", "{\"value\":1}"), "415 open"),
        ("HT03", put("", "{\"value\":1}"), "415 open"),
        (
            "HT03",
            b"OPTIONS /healthz HTTP/1.1\r\nHost: localhost\r\nOrigin: http://evil.example\r\n\r\n".into(),
            "403 open",
        ),
        // Too much of something.
        (
            "HT12",
            get("/api/v1/stream?filter=%23", &format!("Last-Event-ID: {}\r\n", "9".repeat(64 << 10))),
            "431 close",
        ),
        ("HT13", get("/healthz", &format!("X: {}\r\n", "x".repeat(1 << 20))), "431 close"),
        ("HT13", get("/healthz", &"X: x\r\n".repeat(100)), "431 close"),
        ("HT13", get("/healthz", &"X: x\r\n".repeat(100_000)), "431 close"),
        ("HT13", get("/healthz", &"X: x\r\n".repeat(99)), "200 open"),
        ("HT13", get(&format!("/{}", "x".repeat(16 << 10)), ""), "414 open"),
        ("HT13", get(&format!("/{}", "x".repeat(17 << 10)), ""), "414 close"),
        // Whose first line alone is more than a head may be.
        ("HT13", get(&format!("/{}", "x".repeat(1 << 20)), ""), "414 close"),
        ("HT13", [get("/healthz", ""), get(&format!("/?{}", "x".repeat(1 << 20)), "")].concat(), "200 414 close"),
        ("HT13", "x".repeat(1 << 20).into_bytes(), "400 close"),
        // Where a message ends.
        ("HT15", put_framed("Content-Length: 2\r\nContent-Length: 3\r\n", "{}x"), "400 close"),
        ("HT15", put_framed("Content-Length: +2\r\n", "{}"), "400 close"),
        ("HT15", put_framed("Content-Length: 2, 2\r\n", "{}"), "400 close"),
        ("HT15", put_framed("Content-Length: 99999999999999999999\r\n", "{}"), "400 close"),
        // Transfer-Encoding counts [RFC 9112, 6.3], and nothing behind it is a request.
        ("HT15", put_framed("Content-Length: 6\r\nTransfer-Encoding: chunked\r\n", smuggled), "400 close"),
        ("HT15", put_framed("Transfer-Encoding: chunked\r\nContent-Length: 6\r\n", smuggled), "400 close"),
        ("HT15", put_framed("Transfer-Encoding: gzip\r\n", "x"), "400 close"),
        ("HT15", put_framed("Transfer-Encoding: chunked, identity\r\n", smuggled), "400 close"),
        ("HT15", put_framed("Transfer-Encoding : chunked\r\n", smuggled), "400 close"),
        ("HT15", put_framed("Transfer-Encoding: chunked\r\n", "FFFFFFFFFFFFFFFFF\r\n{}"), "413 close"),
        ("HT15", put_framed("Transfer-Encoding: chunked\r\n", "x\r\n{}"), "413 close"),
        ("HT15", put_framed("Transfer-Encoding: chunked\r\n", &chunk.repeat(64)), "413 close"),
        ("HT15", put_framed("Transfer-Encoding: chunked\r\n", &format!("1;{}\r\n", "x".repeat(1 << 20))), "413 close"),
        ("HT15", get("/healthz", "X: x\r\n y\r\n"), "400 close"),
        ("HT15", get("/healthz", "X: x\ry\r\n"), "400 close"),
        ("HT15", get("/healthz", "X: x\0\r\n"), "400 close"),
        // A line ends in CR LF, whatever others make of an LF alone; in a body it is a character.
        ("HT15", b"GET /healthz HTTP/1.1\nHost: localhost\n\n".into(), "400 close"),
        ("HT15", get("/healthz", "X: x\nY: y\r\n"), "400 close"),
        ("HT15", b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\n".into(), "400 close"),
        ("HT15", b"\nGET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n".into(), "400 close"),
        ("HT15", b"\r\nGET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n".into(), "200 open"),
        ("HT15", [get("/healthz", ""), b"GET /healthz HTTP/1.1\nHost: localhost\n\n".into()].concat(), "200 400 close"),
        ("HT15", [put_json("{}"), get("/healthz", "X: x\nY: y\r\n")].concat(), "400 400 close"),
        ("HT15", put_json("{\n\"value\":\n1}\n\n"), "404 open"),
        // Behind a body that says its length by ending nothing is read.
        ("HT15", put_framed("Transfer-Encoding: chunked\r\n", "b\r\n{\"value\":1}\r\n0\r\n\r\n"), "404 close"),
        ("HT15", b"GET /\0 HTTP/1.1\r\nHost: localhost\r\n\r\n".into(), "400 close"),
        ("HT15", b"GET /api/v1/values/a%00b HTTP/1.1\r\nHost: localhost\r\n\r\n".into(), "404 open"),
        ("HT15", b"GET /api/v1/values/a%FFb HTTP/1.1\r\nHost: localhost\r\n\r\n".into(), "400 open"),
        ("HT15", b"GET /../../etc/passwd HTTP/1.1\r\nHost: localhost\r\n\r\n".into(), "404 open"),
        ("HT15", b"GET  /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n".into(), "400 close"),
        ("HT15", b"GET /healthz\r\n\r\n".into(), "400 close"),
        ("HT15", b"GET /healthz HTTP/3.0\r\nHost: localhost\r\n\r\n".into(), "400 close"),
        ("HT15", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".into(), "400 close"),
        ("HT15", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".into(), "400 close"),
        ("HT15", b"TRACE / HTTP/1.1\r\nHost: localhost\r\n\r\n".into(), "405 open"),
        ("HT15", b"CONNECT localhost:22 HTTP/1.1\r\nHost: localhost\r\n\r\n".into(), "501 open"),
        ("HT17", put("Content-Type: application/json\r\nContent-Encoding: gzip\r\n", "\x1f"), "415 open"),
        ("HT17", put_framed("Content-Length: 2097153\r\n", ""), "413 close"),
        // JSON that is none, or means nothing.
        ("HT18", put_json(&format!("{{\"value\":{}}}", "[".repeat(30_000))), "400 open"),
        ("HT18", put_json("{\"value\":1e999}"), "400 open"),
        ("HT18", put_json("{\"value\":1,\"value\":2}"), "400 open"),
        ("HT18", put_json("{\"value\":\"\\ud800\"}"), "400 open"),
        ("HT18", put_json("{\"value\":18446744073709551616}"), "404 open"),
    ]
}

#[test]
fn what_is_hostile_is_refused_and_the_connection_stays_in_step_or_is_closed() {
    let plant = Plant::start();
    let wrong: Vec<String> = table()
        .into_iter()
        .filter_map(|(id, bytes, expected)| {
            let said = say(&plant, &bytes);
            let shown: String = String::from_utf8_lossy(&bytes).chars().take(150).collect();
            (said != expected).then(|| format!("{id} {shown:?}: {said}, not {expected}"))
        })
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert_eq!(plant.metric("factree_http_requests "), Some(1.0), "this one alone has a place");
    assert!(plant.metric("factree_http_requests_refused_total{reason=\"host\"}").unwrap() >= 14.0);
    assert!(plant.metric("factree_http_malformed_total ").unwrap() >= 10.0);
}

#[test]
fn ht03_a_name_of_the_configuration_is_ours() {
    let plant = Plant::configured("[http]\nhosts = [\"factree.plant.example\"]");
    let named = |host: &str| say(&plant, format!("GET /healthz HTTP/1.1\r\nHost: {host}\r\n\r\n").as_bytes());
    assert_eq!(named("factree.plant.example:8443"), "200 open");
    assert_eq!(named("plant.example"), "421 open");
}

#[test]
fn ht20_every_answer_says_what_a_browser_may_not_do_with_it() {
    let plant = Plant::start();
    for target in
        ["/", "/ui/app.js", "/metrics", "/readyz", "/healthz", "/nowhere", VALUE, "/i3x/v1/info", "/api/v1/clients"]
    {
        let mut stream = connect(&plant);
        stream.write_all(&get(target, "Connection: close\r\n")).unwrap();
        let said = String::from_utf8(until_closed(&mut stream)).unwrap();
        let (head, _) = said.split_once("\r\n\r\n").unwrap();
        let field = |name: &str| head.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
        assert_eq!(field("x-content-type-options: "), "nosniff", "{target}");
        assert_eq!(field("referrer-policy: "), "no-referrer", "{target}");
        assert_eq!(field("cross-origin-resource-policy: "), "same-origin", "{target}");
        let policy = field("content-security-policy: ");
        assert!(
            policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"),
            "{target}: {policy}"
        );
        assert!(!policy.contains("unsafe"), "{target}: {policy}");
        assert!(field("server: ").is_empty() && field("access-control-allow-origin: ").is_empty(), "{target}");
    }
}

#[test]
fn ht13_a_request_that_does_not_become_whole_is_closed_and_a_stream_is_not() {
    let plant = Plant::configured("[limits]\nhttp_request_timeout = \"200 ms\"");
    let mut events = connect(&plant);
    events.write_all(&get("/api/v1/stream?filter=%23", "")).unwrap();
    let mut said = [0; 15];
    events.read_exact(&mut said).unwrap();
    assert_eq!(&said, b"HTTP/1.1 200 OK");

    let owing = [
        b"".to_vec(),
        b"GET /healthz HT".to_vec(),
        get("/healthz", ""),
        put_framed("Content-Length: 9\r\n", "{"),
        put_framed("Transfer-Encoding: chunked\r\n", "5\r\n{"),
    ];
    for bytes in owing {
        let mut stream = connect(&plant);
        stream.write_all(&bytes).unwrap();
        let said = until_closed(&mut stream);
        assert!(verdict(&said) == "close" || bytes == get("/healthz", ""), "{}", String::from_utf8_lossy(&said));
    }
    // Byte by byte, so that something comes all the time.
    let mut stream = connect(&plant);
    stream.set_read_timeout(Some(Duration::from_millis(10))).unwrap();
    let is_open = |read: std::io::Result<usize>| match read {
        Ok(len) => len > 0,
        Err(error) => matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut),
    };
    let trickled = (0..10_000).take_while(|_| stream.write_all(b"x").is_ok() && is_open(stream.read(&mut [0]))).count();
    assert!(trickled < 10_000);

    assert_eq!(plant.metric("factree_http_connections_timed_out_total "), Some(6.0));
    events.set_read_timeout(Some(Duration::from_millis(1))).unwrap();
    let mut rest = [0; 64 << 10];
    while let Ok(len) = events.read(&mut rest) {
        assert_ne!(len, 0, "the stream is open");
    }
}

/// A request that has a place and keeps it: its body does not come.
fn holds_a_place(plant: &Plant) -> TcpStream {
    let mut stream = connect(plant);
    // The server says so when it reads the body, so its request has the place.
    stream.write_all(&put_framed("Content-Length: 11\r\nExpect: 100-continue\r\nConnection: close\r\n", "{")).unwrap();
    let mut said = [0; 25];
    stream.read_exact(&mut said).unwrap();
    assert_eq!(&said, b"HTTP/1.1 100 Continue\r\n\r\n");
    stream
}

#[test]
fn ht08_one_request_too_many_is_told_to_come_again() {
    let plant = Plant::configured("[limits]\nhttp_requests_max = 1\nhttp_request_timeout = \"1 h\"");
    let mut first = holds_a_place(&plant);
    let mut second = connect(&plant);
    second.write_all(&get(VALUE, "Connection: close\r\n")).unwrap();
    let refusal = String::from_utf8(until_closed(&mut second)).unwrap();
    assert!(refusal.contains("retry-after: 1\r\n") && refusal.contains("http_requests_max"), "{refusal}");
    first.write_all(b"\"value\":1}").unwrap();
    assert_eq!(verdict(&until_closed(&mut first)), "404 close");
    plant.until("the place is free", |plant| say(plant, &get(VALUE, "")) == "404 open");
}

#[test]
fn ht08_probes_are_answered_though_all_places_are_taken() {
    let plant = Plant::configured("[limits]\nhttp_requests_max = 1\nhttp_request_timeout = \"1 h\"");
    let _first = holds_a_place(&plant);
    let said = ["/healthz", "/readyz?", "/metrics", VALUE].map(|target| say(&plant, &get(target, "")));
    assert_eq!(said, ["200 open", "open", "200 open", "429 open"]);
}

#[test]
fn ht08_who_makes_us_wait_gives_his_place_to_who_comes() {
    let silent = put_framed("Content-Length: 11\r\n", "{");
    // More than the machine keeps for a connection on both sides.
    let deaf = get("/openapi.json", "").repeat(500);
    for hog in [silent, deaf] {
        let plant = Plant::configured("[limits]\nhttp_requests_max = 1\nhttp_request_timeout = \"400 ms\"");
        plant.until("a place is given up", |plant| {
            let mut stream = connect(plant);
            let _: std::io::Result<()> = stream.write_all(&hog);
            // One hog at a time: another would be as quick to take what this one gives up, or loses when its time is over.
            plant.until("somebody else is served", |plant| say(plant, &get(VALUE, "")) == "404 open");
            plant.metric("factree_http_requests_given_up_total ") > Some(0.0)
        });
    }
}

#[test]
fn ht08_streams_hold_no_place() {
    let plant = Plant::configured("[limits]\nhttp_requests_max = 1");
    let mut events: Vec<TcpStream> = (0..3).map(|_| connect(&plant)).collect();
    for stream in &mut events {
        stream.write_all(&get("/api/v1/stream?filter=%23", "")).unwrap();
        let mut said = [0; 15];
        stream.read_exact(&mut said).unwrap();
        assert_eq!(&said, b"HTTP/1.1 200 OK");
    }
    assert_eq!(say(&plant, &get("/healthz", "")), "200 open");
}

#[test]
fn mq11_one_http_connection_too_many_is_closed_and_the_next_place_is_given_again() {
    for limit in ["http_connections_max = 2", "http_connections_per_address_max = 2"] {
        let plant = Plant::configured(&format!("[limits]\n{limit}"));
        let mut open: Vec<TcpStream> = (0..2).map(|_| connect(&plant)).collect();
        for stream in &mut open {
            stream.write_all(&get("/healthz", "")).unwrap();
            stream.read_exact(&mut [0; 15]).unwrap();
        }
        assert_eq!(say(&plant, b""), "close", "{limit}");
        drop(open.pop());
        plant.until("the place is free", |plant| say(plant, b"") == "open");
    }
}

#[test]
fn a_shutdown_ends_idle_connections_and_those_that_never_spoke() {
    let mut plant = Plant::start();
    let (mut idle, mut silent) = (connect(&plant), connect(&plant));
    idle.write_all(&get("/healthz", "")).unwrap();
    idle.read_exact(&mut [0; 15]).unwrap();
    plant.until("both are there", |plant| plant.metric("factree_http_connections ") == Some(3.0));
    plant.stop();
    until_closed(&mut idle);
    assert_eq!(until_closed(&mut silent), b"");
}
