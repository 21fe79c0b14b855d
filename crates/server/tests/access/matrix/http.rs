//! What the server itself answers over HTTP, and the WebSocket that is one: told to the same six as MQTT is.
//!
//! The routes of the API are in the matrix of its own crate, which knows no probes and has no sockets.

use std::io::{Read, Write};
use std::net::TcpStream;

use serde_json::Value;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{self, Error, HandshakeError, Message, WebSocket};

use super::cell::{SPEED, Stage};
use super::credential::Credential;
use super::{Asker, Told, plant};
use crate::plant::{PATIENCE, Plant};

struct Question {
    name: &'static str,
    /// Asks, loses what he is to lose, and says what he was told after that.
    ask: fn(&Plant, &Credential) -> String,
    told: Told,
}

const QUESTIONS: &[Question] = &[
    Question { name: "/healthz", ask: |plant, credential| get(plant, credential, "/healthz"), told: ["200"; 6] },
    Question {
        name: "/readyz",
        ask: |plant, credential| get(plant, credential, "/readyz"),
        told: ["200", "200", "200", "200 with figures", "200", "200"],
    },
    Question {
        name: "/metrics",
        ask: |plant, credential| get(plant, credential, "/metrics"),
        told: ["403", "401", "403", "200 with figures", "403", "401"],
    },
    Question {
        name: "/api/v1/ws",
        ask: |plant, credential| follows(plant, credential).unwrap_or_else(|status| status),
        told: ["nothing", "401", "nothing", "a sample", "a sample, close 1008", "a sample, close 1008"],
    },
    Question {
        name: "/api/v1/ws, afterwards",
        ask: |plant, credential| {
            credential.is_taken_away(plant);
            hears(plant, credential).map_or_else(|status| status, |(_, heard)| heard.to_owned())
        },
        told: ["nothing", "401", "nothing", "a sample", "nothing", "401"],
    },
];

fn get(plant: &Plant, credential: &Credential, target: &str) -> String {
    credential.is_taken_away(plant);
    let mut stream = TcpStream::connect(plant.http).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let shown = credential.key().map(|key| format!("Authorization: Bearer {key}\r\n")).unwrap_or_default();
    write!(stream, "GET {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{shown}\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let status = answer.split(' ').nth(1).unwrap().to_owned();
    let has_figures = ["factree_connections", "\"disk\""].iter().any(|figure| answer.contains(figure));
    if has_figures { status + " with figures" } else { status }
}

/// Follows everything by a WebSocket, and hears what its snapshot has; or the status of the refusal.
fn hears(plant: &Plant, credential: &Credential) -> Result<(WebSocket<TcpStream>, &'static str), String> {
    let stream = TcpStream::connect(plant.http).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut request = format!("ws://{}/api/v1/ws", plant.http).into_client_request().unwrap();
    if let Some(key) = credential.key() {
        request.headers_mut().insert("Authorization", format!("Bearer {key}").parse().unwrap());
    }
    let mut socket = match tungstenite::client(request, stream) {
        Ok((socket, _)) => socket,
        Err(HandshakeError::Failure(Error::Http(refusal))) => return Err(refusal.status().as_u16().to_string()),
        Err(error) => panic!("{error}"),
    };
    socket.send(Message::text(r##"{"subscribe": {"id": "all", "filter": "#"}}"##)).unwrap();
    loop {
        // Between messages the server asks whether we are there.
        let Message::Text(text) = socket.read().unwrap() else { continue };
        let message: Value = serde_json::from_str(&text).unwrap();
        if message["event"] == "snapshot" {
            let heard = if message.to_string().contains(SPEED) { "a sample" } else { "nothing" };
            return Ok((socket, heard));
        }
    }
}

/// The same, and how it ends for who loses something meanwhile.
fn follows(plant: &Plant, credential: &Credential) -> Result<String, String> {
    let (mut socket, heard) = hears(plant, credential)?;
    if !credential.is_taken_away(plant) {
        return Ok(heard.to_owned());
    }
    loop {
        match socket.read() {
            Ok(Message::Close(Some(frame))) => return Ok(format!("{heard}, close {}", u16::from(frame.code))),
            Ok(_) => {}
            Err(error) => panic!("no word at the end: {error}"),
        }
    }
}

#[test]
fn everybody_is_told_by_http_what_the_table_says() {
    let stage = Stage::new(plant());
    for Question { name, ask, told } in QUESTIONS {
        let said = Asker::ALL.map(|asker| {
            let credential = Credential::of(asker, &stage.plant);
            let said = ask(&stage.plant, &credential);
            credential.is_given_back(&stage.plant);
            said
        });
        assert_eq!(said, *told, "{name}");
    }
}
