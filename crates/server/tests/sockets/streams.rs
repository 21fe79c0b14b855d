//! Following the tree over real sockets, while MQTT clients publish.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};

use crate::plant::Plant;

/// An MQTT client that publishes plain topics, acknowledged one by one.
struct Publisher(TcpStream);

impl Publisher {
    fn new(plant: &Plant) -> Self {
        let mut stream = plant.socket();
        stream.write_all(b"\x10\x0d\x00\x04MQTT\x04\x02\x00\x3c\x00\x01p").unwrap();
        stream.read_exact(&mut [0; 4]).unwrap();
        Self(stream)
    }

    /// When this returns, the tree has it.
    fn publish(&mut self, topic: &str, payload: &str) {
        let mut packet = vec![0x32, (topic.len() + payload.len() + 4).try_into().unwrap(), 0, topic.len() as u8];
        assert!(packet[1] < 128, "one byte of length");
        packet.extend_from_slice(topic.as_bytes());
        packet.extend_from_slice(&[0, 1]);
        packet.extend_from_slice(payload.as_bytes());
        self.0.write_all(&packet).unwrap();
        self.0.read_exact(&mut [0; 4]).unwrap();
    }
}

/// A client of Server-Sent Events.
struct Events(BufReader<TcpStream>);

impl Events {
    fn open(plant: &Plant, query: &str, last_event_id: &str) -> Self {
        let mut stream = TcpStream::connect(plant.http).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        write!(
            stream,
            "GET /api/v1/stream?{query} HTTP/1.1\r\nHost: {}\r\nLast-Event-ID: {last_event_id}\r\n\r\n",
            plant.http
        )
        .unwrap();
        let mut events = Self(BufReader::new(stream));
        assert_eq!(events.line(), "HTTP/1.1 200 OK");
        while !events.line().is_empty() {}
        events
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.0.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    /// The lines of the next event, without those of the chunk it comes in.
    fn event(&mut self) -> (String, Value, String) {
        let field = |events: &mut Self, name: &str| loop {
            let line = events.line();
            if let Some(value) = line.strip_prefix(name) {
                return value.to_owned();
            }
        };
        let name = field(self, "event: ");
        let data = serde_json::from_str(&field(self, "data: ")).unwrap();
        let id = if name == "reread" { String::new() } else { field(self, "id: ") };
        (name, data, id)
    }
}

fn samples(data: &Value) -> Vec<(String, Value)> {
    let samples = data["samples"].as_array().unwrap();
    samples.iter().map(|sample| (sample["path"].as_str().unwrap().to_owned(), sample["value"].clone())).collect()
}

#[test]
fn events_follow_what_is_published_and_a_broken_connection_loses_nothing() {
    let plant = Plant::start();
    let mut publisher = Publisher::new(&plant);
    publisher.publish("Acme/Oven", "20");
    let mut events = Events::open(&plant, "filter=Acme/%23&interval=10", "");
    // An empty Last-Event-ID is what a browser never sends; it is no position.
    assert_eq!(events.event().1["reason"], "unknown_position");
    let (name, data, _) = events.event();
    assert_eq!((name.as_str(), samples(&data)), ("snapshot", vec![("Acme/Oven".into(), json!(20))]));
    publisher.publish("Acme/Oven", "21");
    let (name, data, id) = events.event();
    assert_eq!((name.as_str(), samples(&data)), ("changes", vec![("Acme/Oven".into(), json!(21))]));
    drop(events);
    publisher.publish("Acme/Oven", "22");
    publisher.publish("Acme/Oven", "23");
    publisher.publish("Acme/Press", "1");
    publisher.publish("Elsewhere", "1");
    let mut events = Events::open(&plant, "filter=Acme/%23", &id);
    let (name, data, _) = events.event();
    let missed = vec![("Acme/Oven".into(), json!(23)), ("Acme/Press".into(), json!(1))];
    assert_eq!((name.as_str(), samples(&data)), ("changes", missed));
}

#[test]
fn a_client_that_stops_reading_holds_up_nobody_and_the_server_stops_all_the_same() {
    let mut plant = Plant::start();
    let mut publisher = Publisher::new(&plant);
    let text = |letter: &str| format!("\"{}\"", letter.repeat(80));
    for number in 0..50 {
        publisher.publish(&format!("Acme/M{number}"), &text("a"));
    }
    let slow: Vec<Events> =
        (0..20).map(|_| Events::open(&plant, "filter=Acme/%23&interval=10&since=0-0", "")).collect();
    let mut fast = Events::open(&plant, "filter=Acme/%23&interval=10&fields=value", "1-1");
    fast.event();
    fast.event();
    let mut last = Value::Null;
    for round in 0..40 {
        let letter = ["b", "c"][round % 2];
        for number in 0..50 {
            publisher.publish(&format!("Acme/M{number}"), &text(letter));
        }
        publisher.publish("Acme/Round", &round.to_string());
        while last != json!(round) {
            let (_, data, _) = fast.event();
            last = samples(&data).into_iter().find(|(path, _)| path == "Acme/Round").map_or(last, |(_, value)| value);
        }
    }
    plant.stop();
    let mut rest = Vec::new();
    fast.0.read_to_end(&mut rest).unwrap();
    assert!(rest.ends_with(b"0\r\n\r\n"), "the response is whole");
    drop(slow);
}

/// A WebSocket's client.
struct Socket<'p> {
    plant: &'p Plant,
    inner: WebSocketStream<tokio::net::TcpStream>,
}

impl<'p> Socket<'p> {
    fn open(plant: &'p Plant) -> Self {
        Self::try_open(plant, &[]).unwrap()
    }

    fn try_open(plant: &'p Plant, headers: &[(&'static str, &'static str)]) -> Result<Self, Error> {
        let mut request = format!("ws://{}/api/v1/ws", plant.http).into_client_request().unwrap();
        for &(name, value) in headers {
            request.headers_mut().insert(name, value.parse().unwrap());
        }
        let inner = plant.runtime().block_on(async {
            let stream = tokio::net::TcpStream::connect(plant.http).await.unwrap();
            tokio_tungstenite::client_async(request, stream).await
        })?;
        Ok(Self { plant, inner: inner.0 })
    }

    fn send(&mut self, message: Message) {
        self.plant.runtime().block_on(self.inner.send(message)).unwrap();
    }

    fn say(&mut self, message: &Value) {
        self.send(Message::text(message.to_string()));
    }

    /// The next message that is not a ping.
    fn next(&mut self) -> Option<Message> {
        let next = async {
            loop {
                match tokio::time::timeout(Duration::from_secs(10), self.inner.next()).await.expect("an answer") {
                    Some(Ok(Message::Ping(_))) => {}
                    message => return message.and_then(Result::ok),
                }
            }
        };
        self.plant.runtime().block_on(next)
    }

    fn hear(&mut self) -> Value {
        match self.next() {
            Some(Message::Text(text)) => serde_json::from_str(&text).unwrap(),
            other => panic!("{other:?}"),
        }
    }

    /// What the problem is that comes next.
    fn problem(&mut self) -> (Value, String) {
        let message = self.hear();
        assert_eq!(message["event"], "problem", "{message}");
        let uri = message["problem"]["type"].as_str().unwrap();
        (message["id"].clone(), uri.strip_prefix("urn:factree:problem:").unwrap().to_owned())
    }
}

#[test]
fn one_web_socket_follows_many_things() {
    let plant = Plant::start();
    let mut publisher = Publisher::new(&plant);
    publisher.publish("Acme/Oven", "20");
    publisher.publish("Acme/Press", "1");
    let mut socket = Socket::open(&plant);
    for (id, filter) in [("oven", json!("Acme/Oven")), ("both", json!(["Acme/Oven", "Acme/Press"]))] {
        socket.say(&json!({"subscribe": {"id": id, "filter": filter, "interval": 10, "fields": ["value"]}}));
        assert_eq!(socket.hear(), json!({"id": id, "event": "subscribed"}));
        let snapshot = socket.hear();
        assert_eq!((&snapshot["id"], &snapshot["event"]), (&json!(id), &json!("snapshot")));
        assert_eq!(snapshot["data"]["samples"][0], json!({"path": "Acme/Oven", "value": 20}));
    }
    publisher.publish("Acme/Press", "2");
    let changes = socket.hear();
    assert_eq!((&changes["id"], samples(&changes["data"])), (&json!("both"), vec![("Acme/Press".into(), json!(2))]));
    socket.say(&json!({"unsubscribe": {"id": "both"}}));
    assert_eq!(socket.hear(), json!({"id": "both", "event": "unsubscribed"}));
    publisher.publish("Acme/Press", "3");
    publisher.publish("Acme/Oven", "21");
    assert_eq!(socket.hear()["id"], "oven", "nothing more of the other");
    drop(socket);
    let mut again = Socket::open(&plant);
    let since = &changes["position"];
    again.say(&json!({"subscribe": {"id": "both", "filter": ["Acme/Oven", "Acme/Press"], "since": since}}));
    again.hear();
    let missed = again.hear();
    let values = vec![("Acme/Oven".into(), json!(21)), ("Acme/Press".into(), json!(3))];
    assert_eq!((&missed["event"], samples(&missed["data"])), (&json!("changes"), values));
}

#[test]
fn what_a_web_socket_does_not_understand_it_says() {
    let plant =
        Plant::configured("[limits]\nsubscriptions_per_web_socket_max = 1\nweb_socket_message_bytes_max = \"64 KiB\"");
    let mut socket = Socket::open(&plant);
    let subscribe = |subscribe: Value| json!({"subscribe": subscribe}).to_string();
    let many: Vec<&str> = vec!["a"; 10_000];
    for (message, id, kind) in [
        ("".to_owned(), Value::Null, "bad-message"),
        ("[]".into(), Value::Null, "bad-message"),
        ("{}".into(), Value::Null, "bad-message"),
        ("{\"subscribe\":{\"id\":\"a\"}".into(), Value::Null, "bad-message"),
        (subscribe(json!({"id": "a"})), Value::Null, "bad-message"),
        (subscribe(json!({"id": "a", "filter": "#", "__proto__": 1})), Value::Null, "bad-message"),
        (subscribe(json!({"id": "a".repeat(129), "filter": "#"})), Value::Null, "bad-message"),
        ("[".repeat(60_000), Value::Null, "bad-message"),
        (subscribe(json!({"id": "__proto__", "filter": "a/#/b"})), json!("__proto__"), "bad-filter"),
        (subscribe(json!({"id": "a", "filter": 5})), json!("a"), "bad-parameter"),
        (subscribe(json!({"id": "a", "filter": []})), json!("a"), "bad-parameter"),
        (subscribe(json!({"id": "a", "filter": many})), json!("a"), "bad-parameter"),
        (subscribe(json!({"id": "a", "filter": "#", "interval": 0})), json!("a"), "bad-parameter"),
        (subscribe(json!({"id": "a", "filter": "#", "fields": ["valve"]})), json!("a"), "bad-parameter"),
        (subscribe(json!({"id": "a", "filter": "#", "since": "yesterday"})), json!("a"), "bad-parameter"),
        (json!({"unsubscribe": {"id": "a"}}).to_string(), json!("a"), "subscription-not-found"),
    ] {
        socket.send(Message::text(message.clone()));
        assert_eq!(socket.problem(), (id, kind.into()), "{}", &message[..message.len().min(100)]);
    }
    socket.send(Message::binary(vec![0; 10]));
    assert_eq!(socket.problem(), (Value::Null, "bad-message".into()));
    socket.say(&json!({"subscribe": {"id": "a", "filter": "#"}}));
    assert_eq!(
        (socket.hear()["event"].clone(), socket.hear()["event"].clone()),
        (json!("subscribed"), json!("snapshot"))
    );
    for (id, kind) in [("a", "subscription-exists"), ("b", "too-many-streams")] {
        socket.say(&json!({"subscribe": {"id": id, "filter": "#"}}));
        assert_eq!(socket.problem(), (json!(id), kind.into()));
    }
    socket.send(Message::text("x".repeat((64 << 10) + 1)));
    let Some(Message::Close(Some(close))) = socket.next() else { panic!("not closed") };
    assert_eq!(u16::from(close.code), 1009);
}

#[test]
fn a_web_socket_is_for_our_own_pages_and_there_are_so_many() {
    let mut plant = Plant::configured("[limits]\nweb_sockets_max = 1");
    let status = |headers| match Socket::try_open(&plant, headers) {
        Err(Error::Http(response)) => response.status().as_u16(),
        Err(error) => panic!("{error}"),
        Ok(_) => 101,
    };
    assert_eq!(status(&[("origin", "http://evil.example")]), 403);
    assert_eq!(status(&[("sec-fetch-site", "cross-site")]), 403);
    assert_eq!(status(&[("sec-websocket-version", "12")]), 426);
    assert_eq!(plant.get("/api/v1/ws").0, 426);
    let mut one = Socket::open(&plant);
    assert_eq!(status(&[]), 503);
    one.say(&json!({"subscribe": {"id": "a", "filter": "#"}}));
    assert_eq!((one.hear()["event"].clone(), one.hear()["event"].clone()), (json!("subscribed"), json!("snapshot")));
    drop(one);
    plant.until("the place is free", |plant| Socket::try_open(plant, &[]).is_ok());
    plant.stop();
}

#[test]
fn who_pings_and_does_not_read_is_not_read_either() {
    // More than the machine keeps for a connection on both sides.
    const BYTES_MAX: usize = 64 << 20;
    let plant = Plant::start();
    let mut stream = TcpStream::connect(plant.http).unwrap();
    write!(
        stream,
        "GET /api/v1/ws HTTP/1.1\r\nHost: {}\r\nConnection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: \
         13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        plant.http
    )
    .unwrap();
    stream.read_exact(&mut [0; 12]).unwrap();
    let ping = [&[0x89, 0x80 | 125, 0, 0, 0, 0][..], &[b'x'; 125]].concat();
    let (pings, mut written) = (ping.repeat(1000), 0);
    stream.set_write_timeout(Some(Duration::from_secs(2))).unwrap();
    while stream.write_all(&pings).is_ok() {
        written += pings.len();
        assert!(written < BYTES_MAX, "answers to all of them wait for it");
    }
}
