//! The doors: a CONNECT over every transport, by everybody, and what becomes of who is let in.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;

use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::{self, Message, WebSocket};

use super::credential::Credential;
use super::{Asker, FILE, Told, USERS};
use crate::client::{Client, Stream, Who};
use crate::plant::{PATIENCE, Plant};

/// A server that lets nobody in who shows nothing, with a listener for each transport.
struct Site {
    plant: Plant,
    certificate: CertificateDer<'static>,
    _directory: tempfile::TempDir,
}

impl Site {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let own = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let (certificate, key) = (directory.path().join("c.pem"), directory.path().join("k.pem"));
        std::fs::write(&certificate, own.cert.pem()).unwrap();
        std::fs::write(&key, own.signing_key.serialize_pem()).unwrap();
        let listener = |transport: &str, more: &str| {
            format!("[[mqtt.listeners]]\nlisten = \"127.0.0.1:0\"\ntransport = \"{transport}\"\n{more}")
        };
        let tls = format!("certificate = {certificate:?}\nkey = {key:?}\n");
        let listeners = [listener("tls", &tls), listener("websocket", ""), listener("secure_websocket", &tls)].concat();
        let users = USERS.map(|(user, role)| (user, role, (user == "right").then_some("correct horse")));
        let file = FILE.replace("anonymous = [\"public\"]", "") + &listeners;
        let plant = Plant::start(&file, &users);
        Self { plant, certificate: own.cert.der().clone(), _directory: directory }
    }

    fn tcp(&self, listener: usize) -> TcpStream {
        let stream = TcpStream::connect(self.plant.further[listener]).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    fn tls(&self, listener: usize) -> StreamOwned<ClientConnection, TcpStream> {
        let mut roots = RootCertStore::empty();
        roots.add(self.certificate.clone()).unwrap();
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let session = ClientConnection::new(Arc::new(config), ServerName::try_from("localhost").unwrap()).unwrap();
        StreamOwned::new(session, self.tcp(listener))
    }
}

/// The bytes in a WebSocket's frames.
struct Framed<S>(WebSocket<S>, Vec<u8>);

impl<S: Read + Write> Framed<S> {
    fn open(stream: S) -> Self {
        let mut request = "ws://localhost/mqtt".into_client_request().unwrap();
        request.headers_mut().insert("Sec-WebSocket-Protocol", HeaderValue::from_static("mqtt"));
        let Ok((socket, _)) = tungstenite::client(request, stream) else { panic!("no WebSocket") };
        Self(socket, Vec::new())
    }
}

impl<S: Read + Write> Read for Framed<S> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        while self.1.is_empty() {
            match self.0.read() {
                Ok(Message::Binary(bytes)) => self.1 = bytes.into(),
                Ok(_) | Err(tungstenite::Error::ConnectionClosed) => return Ok(0),
                Err(error) => return Err(std::io::Error::other(error)),
            }
        }
        let len = buffer.len().min(self.1.len());
        buffer[..len].copy_from_slice(&self.1[..len]);
        self.1.drain(..len);
        Ok(len)
    }
}

impl<S: Read + Write> Write for Framed<S> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.send(Message::Binary(bytes.to_vec().into())).map_err(std::io::Error::other)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

struct Door {
    name: &'static str,
    open: fn(&Site) -> Box<dyn Stream>,
    is_v311: bool,
    told: Told,
}

/// Who is let in is served; the sixth is, until his login ends, and not again.
const NEW: Told =
    ["CONNACK 0x87", "CONNACK 0x86", "served", "served", "served", "DISCONNECT 0x87, close, CONNACK 0x86"];
const OLD: Told = ["CONNACK 5", "CONNACK 4", "served", "served", "served", "close, close, CONNACK 4"];

const DOORS: &[Door] = &[
    Door {
        name: "TCP",
        open: |site| Box::new(TcpStream::connect(site.plant.mqtt).unwrap()),
        is_v311: false,
        told: NEW,
    },
    Door { name: "TLS", open: |site| Box::new(site.tls(0)), is_v311: false, told: NEW },
    Door { name: "WebSocket", open: |site| Box::new(Framed::open(site.tcp(1))), is_v311: false, told: NEW },
    Door { name: "WebSocket in TLS", open: |site| Box::new(Framed::open(site.tls(2))), is_v311: false, told: NEW },
    Door { name: "TLS in 3.1.1", open: |site| Box::new(site.tls(0)), is_v311: true, told: OLD },
];

/// What this one is told who connects, is served, loses what he is to lose, and is still there or not.
fn told(site: &Site, door: &Door, asker: Asker) -> String {
    let credential = Credential::of(asker, &site.plant);
    let password = if asker == Asker::Wrong { Some("wrong horse") } else { credential.key() };
    let who = Who::nobody(asker.username().unwrap_or("nobody"));
    let who = Who { username: asker.username(), password, ..who };
    let who = if door.is_v311 { who.v311() } else { who };
    let (mut client, told) = Client::over((door.open)(site), who);
    if told != "CONNACK" {
        return told;
    }
    credential.is_taken_away(&site.plant);
    if asker == Asker::Ended {
        return [client.told(), client.told(), Client::over((door.open)(site), who).1].join(", ");
    }
    assert!(client.delivered().is_empty());
    credential.is_given_back(&site.plant);
    "served".to_owned()
}

#[test]
fn every_door_lets_in_the_same() {
    let site = Site::new();
    for door in DOORS {
        assert_eq!(Asker::ALL.map(|asker| told(&site, door, asker)), door.told, "{}", door.name);
    }
}
