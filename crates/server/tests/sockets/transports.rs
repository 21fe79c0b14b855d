//! The same MQTT by TLS and by WebSocket, with other people's TLS and WebSocket clients.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;

use crate::plant::Plant;

const CONNECT: &[u8] = b"\x10\x0d\x00\x04MQTT\x04\x02\x00\x3c\x00\x01a";
const CONNACK: &[u8] = b"\x20\x02\x00\x00";
/// QoS 1 to `a/b`, `42`.
const PUBLISH: &[u8] = b"\x32\x09\x00\x03a/b\x00\x0142";
const PUBACK: &[u8] = b"\x40\x02\x00\x01";

/// A server with one further listener for each transport, and a client configuration that trusts its certificate.
fn plant() -> (Plant, Arc<ClientConfig>) {
    let directory = tempfile::tempdir().unwrap();
    let own = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let (certificate, key) = (directory.path().join("c.pem"), directory.path().join("k.pem"));
    std::fs::write(&certificate, own.cert.pem()).unwrap();
    std::fs::write(&key, own.signing_key.serialize_pem()).unwrap();
    let tls = format!("certificate = {certificate:?}\nkey = {key:?}\n");
    let listener = |transport: &str, tls: &str| {
        format!("[[mqtt.listeners]]\nlisten = \"127.0.0.1:0\"\ntransport = \"{transport}\"\n{tls}")
    };
    let file = [listener("tls", &tls), listener("websocket", ""), listener("secure_websocket", &tls)].concat();
    let mut roots = RootCertStore::empty();
    roots.add(own.cert.der().clone()).unwrap();
    let client = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    (Plant::configured(&file), Arc::new(client))
}

async fn tls(address: SocketAddr, config: Arc<ClientConfig>) -> TlsStream<tokio::net::TcpStream> {
    let stream = tokio::net::TcpStream::connect(address).await.unwrap();
    TlsConnector::from(config).connect(ServerName::try_from("localhost").unwrap(), stream).await.unwrap()
}

async fn websocket<S>(stream: S) -> WebSocketStream<S>
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
{
    let mut request = "ws://localhost/mqtt".into_client_request().unwrap();
    request.headers_mut().insert("Sec-WebSocket-Protocol", HeaderValue::from_static("mqtt"));
    let (socket, response) = tokio_tungstenite::client_async(request, stream).await.unwrap();
    assert_eq!(response.headers()["Sec-WebSocket-Protocol"], "mqtt");
    socket
}

/// The next `len` bytes of MQTT, however they are framed.
async fn receive<S>(socket: &mut WebSocketStream<S>, len: usize) -> Vec<u8>
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
{
    let mut bytes = Vec::new();
    while bytes.len() < len {
        let message = tokio::time::timeout(Duration::from_secs(10), socket.next()).await.expect("in time").unwrap();
        bytes.extend_from_slice(&message.unwrap().into_data());
    }
    bytes
}

#[test]
fn tls_carries_the_main_job() {
    let (plant, client) = plant();
    let address = plant.further[0];
    plant.runtime().block_on(async {
        let mut stream = tls(address, client).await;
        stream.write_all(&[CONNECT, PUBLISH].concat()).await.unwrap();
        let mut answers = [0; 8];
        stream.read_exact(&mut answers).await.unwrap();
        assert_eq!(answers, *[CONNACK, PUBACK].concat());
    });
    assert_eq!(plant.sample("a/b").unwrap()["value"], json!(42));
}

#[test]
fn ma19_what_is_no_tls_on_the_tls_port_is_closed() {
    let (plant, _) = plant();
    let mut stream = TcpStream::connect(plant.further[0]).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    stream.write_all(CONNECT).unwrap();
    let mut words = Vec::new();
    let _: Result<usize, _> = stream.read_to_end(&mut words);
    assert!(!words.starts_with(CONNACK), "at most a TLS alert: {words:?}");
    assert_eq!(plant.sample("a/b"), None);
}

/// A ClientHello of this version that knows no later one.
fn hello(version: [u8; 2]) -> Vec<u8> {
    let hello = [
        &version[..],
        &[7; 32],
        b"\x00",
        // Two cipher suites of that time, no compression.
        b"\x00\x04\xc0\x13\x00\x2f\x01\x00",
        // One group.
        b"\x00\x08\x00\x0a\x00\x04\x00\x02\x00\x17",
    ]
    .concat();
    let length = |bytes: &[u8]| (bytes.len() as u16).to_be_bytes();
    let handshake = [&b"\x01\x00"[..], &length(&hello), &hello].concat();
    [&b"\x16\x03\x01"[..], &length(&handshake), &handshake].concat()
}

#[test]
fn ma19_tls_of_an_earlier_time_gets_an_alert_and_nothing_else() {
    let (plant, _) = plant();
    for version in [[3, 0], [3, 1], [3, 2]] {
        let mut stream = TcpStream::connect(plant.further[0]).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        stream.write_all(&hello(version)).unwrap();
        let mut words = Vec::new();
        stream.read_to_end(&mut words).unwrap();
        assert_eq!((words.len(), words[0], &words[3..6]), (7, 0x15, &[0, 2, 2][..]), "one fatal alert: {words:?}");
    }
    plant.until("all are counted", |plant| plant.metric("factree_handshakes_failed_total ") == Some(3.0));
}

/// MA19: who connects to an address has no name to ask for.
#[test]
fn a_client_that_names_no_server_is_served() {
    let (plant, client) = plant();
    let mut nameless = ClientConfig::clone(&client);
    nameless.enable_sni = false;
    plant.runtime().block_on(async {
        let mut stream = tls(plant.further[0], Arc::new(nameless)).await;
        stream.write_all(CONNECT).await.unwrap();
        let mut answer = [0; 4];
        stream.read_exact(&mut answer).await.unwrap();
        assert_eq!(answer, *CONNACK);
    });
}

#[test]
fn a_secure_websocket_is_both() {
    let (plant, client) = plant();
    let address = plant.further[2];
    plant.runtime().block_on(async {
        let mut socket = websocket(tls(address, client).await).await;
        socket.send(Message::Binary([CONNECT, PUBLISH].concat().into())).await.unwrap();
        assert_eq!(receive(&mut socket, 8).await, [CONNACK, PUBACK].concat());
    });
}

/// MW04
#[test]
fn a_websocket_carries_small_packets_in_large_messages_and_large_bursts_of_them() {
    const BURST: usize = 1_000;
    for packet_size_max in ["1 KiB", "65 KiB", "1 MiB"] {
        let plant = Plant::configured(&format!(
            "[limits]\npacket_size_max = \"{packet_size_max}\"\nconnect_size_max = \"1 KiB\"\ntopic_bytes_max = 200\n\
             client_id_bytes_max = 100\n[[mqtt.listeners]]\nlisten = \"127.0.0.1:0\"\ntransport = \
             \"websocket\"\n"
        ));
        plant.runtime().block_on(async {
            let stream = tokio::net::TcpStream::connect(plant.further[0]).await.unwrap();
            let mut socket = websocket(stream).await;
            // More than a packet may be, of packets that may each be.
            let message = [CONNECT, &PUBLISH.repeat(200)].concat();
            socket.send(Message::Binary(message.into())).await.unwrap();
            assert_eq!(receive(&mut socket, 4 + 4 * 200).await, [CONNACK, &PUBACK.repeat(200)].concat());
            // All of it is there at once, and read when the last has come in.
            let subscribe = b"\x82\x08\x00\x01\x00\x03b/#\x00";
            socket.send(Message::Binary(subscribe.as_slice().into())).await.unwrap();
            assert_eq!(receive(&mut socket, 5).await, b"\x90\x03\x00\x01\x00");
            let mut publisher = tokio::net::TcpStream::connect(plant.mqtt).await.unwrap();
            let publish = [&b"\x30\xe9\x07\x00\x03b/c"[..], &[b'x'; 996]].concat();
            publisher.write_all(b"\x10\x0d\x00\x04MQTT\x04\x02\x00\x3c\x00\x01p").await.unwrap();
            publisher.write_all(&[publish.repeat(BURST), b"\xc0\x00".to_vec()].concat()).await.unwrap();
            let mut answers = [0; 6];
            publisher.read_exact(&mut answers).await.unwrap();
            assert_eq!(answers, *b"\x20\x02\x00\x00\xd0\x00");
            assert!(receive(&mut socket, publish.len() * BURST).await == publish.repeat(BURST), "{packet_size_max}");
        });
    }
}

/// The status of an upgrade that says this, beside what every upgrade says.
fn upgrade(address: SocketAddr, said: &str) -> u16 {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let request = format!(
        "GET /mqtt HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Protocol: mqtt\r\n{said}\r\n"
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut status = [0; 12];
    stream.read_exact(&mut status).unwrap();
    std::str::from_utf8(&status[9..]).unwrap().parse().unwrap()
}

#[test]
fn mw06_a_page_connects_if_it_is_named() {
    let listener = "[[mqtt.listeners]]\nlisten = \"127.0.0.1:0\"\ntransport = \"websocket\"\n";
    let named = "origins = [\"https://hmi.plant.example\"]\n";
    let open = Plant::configured(&[listener, named].concat());
    let asking = Plant::configured(&[listener, named, "[auth]\nanonymous = [\"admin\"]\n"].concat());
    for (said, [where_open, where_asked]) in [
        ("Host: localhost:9001\r\n", [101, 101]),
        ("Host: localhost:9001\r\nOrigin: http://localhost:9001\r\n", [101, 101]),
        ("Host: localhost:9001\r\nOrigin: https://hmi.plant.example\r\nSec-Fetch-Site: cross-site\r\n", [101, 101]),
        ("Host: broker\r\n", [403, 101]),
        ("Host: evil.example\r\nOrigin: http://evil.example\r\nSec-Fetch-Site: same-origin\r\n", [403, 403]),
        ("Host: localhost:9001\r\nOrigin: http://evil.example\r\n", [403, 403]),
        ("Host: localhost:9001\r\nOrigin: http://localhost:3000\r\nSec-Fetch-Site: same-site\r\n", [403, 403]),
        ("Host: localhost:9001\r\nOrigin: null\r\n", [403, 403]),
        ("Host: localhost:9001\r\nSec-Fetch-Site: cross-site\r\n", [403, 403]),
    ] {
        assert_eq!([&open, &asking].map(|plant| upgrade(plant.further[0], said)), [where_open, where_asked], "{said}");
    }
    open.until("each is counted", |open| open.metric("factree_handshakes_failed_total") == Some(6.0));
}
