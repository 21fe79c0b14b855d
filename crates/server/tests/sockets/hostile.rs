//! Hostile input over real sockets: one table, every row against a running server.
//!
//! [`table`] has the rows: what comes in, what is to come of it. Here is the arena they run in: a server, and a watcher, a
//! client like any other that publishes, receives and acknowledges a heartbeat at QoS 1 all the while. After each row the
//! watcher must have gone round once more, so the broker is alive and nobody else noticed. Nothing hostile may reach it:
//! it listens on `a` and all below, where only refused inputs publish.
//! Rows that wait say what for.

mod client;
mod elsewhere;
mod notation;
mod outbreak;
mod stories;
mod table;

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use factree_mqtt::{
    Acknowledgement, Connect, Decoded, Handshake, Limits, Packet, PacketId, ProtocolVersion, Publish, QoS, Subscribe,
    SubscribeRequest, TopicName, decode, encode,
};

use crate::plant::Plant;
use elsewhere::ELSEWHERE;
use notation::{At, bytes, names, whole};
use table::{Row, TABLE, Trial};

/// What every row runs against.
pub(crate) struct Arena {
    pub(crate) plant: Plant,
    watcher: Watcher,
}

impl Arena {
    fn new() -> Self {
        let plant = Plant::start();
        let watcher = Watcher::start(&plant);
        Self { plant, watcher }
    }

    /// What is said over a connection that sends this: until the server closes, or answers a last PINGREQ.
    fn verdict(&self, at: At, input: &[u8]) -> String {
        self.verdict_behind(at, &at.connect(), input)
    }

    fn verdict_behind(&self, at: At, connect: &[u8], input: &[u8]) -> String {
        let mut stream = self.plant.socket();
        let ping: &[u8] = if at == At::First { b"" } else { b"\xc0\x00" };
        // The server may close before it has read all: that is an answer too.
        let _: std::io::Result<()> = stream.write_all(&[connect, input, ping].concat());
        let said = until_closed_or_ponged(&mut stream, at.version());
        said.join(", ")
    }
}

/// Names of the packets that come until PINGRESP (`open`) or the end (`close`).
fn until_closed_or_ponged(stream: &mut TcpStream, version: ProtocolVersion) -> Vec<String> {
    let (mut received, mut chunk) = (Vec::new(), [0; 4096]);
    loop {
        let mut said = names(version, &received);
        if said.last().is_some_and(|name| name == "PINGRESP") {
            said.pop();
            said.push("open".into());
            return said;
        }
        match stream.read(&mut chunk) {
            Ok(0) => {}
            Ok(len) => {
                received.extend_from_slice(&chunk[..len]);
                continue;
            }
            Err(error) if error.kind() == ErrorKind::ConnectionReset => {}
            Err(error) => panic!("neither closed nor answered: {error}"),
        }
        said.push("close".into());
        return said;
    }
}

/// Another client, on a thread of its own.
struct Watcher {
    rounds: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
    /// What it heard that it should not have.
    disturbed: Arc<Mutex<Option<String>>>,
    thread: Option<JoinHandle<()>>,
}

impl Watcher {
    fn start(plant: &Plant) -> Self {
        let (rounds, stop, disturbed) = <(Arc<AtomicU64>, Arc<AtomicBool>, Arc<Mutex<Option<String>>>)>::default();
        let stream = plant.socket();
        stream.set_nodelay(true).unwrap();
        let thread = std::thread::spawn({
            let (rounds, stop, disturbed) = (Arc::clone(&rounds), Arc::clone(&stop), Arc::clone(&disturbed));
            move || {
                if let Err(why) = beat(stream, &rounds, &stop) {
                    *disturbed.lock().unwrap() = Some(why);
                }
            }
        });
        Self { rounds, stop, disturbed, thread: Some(thread) }
    }

    /// Waits for a heartbeat that began after this call.
    fn goes_round(&self, plant: &Plant) {
        let enough = self.rounds.load(Ordering::SeqCst) + 2;
        plant.until("the watcher's heart beats", |_| {
            self.is_undisturbed();
            self.rounds.load(Ordering::SeqCst) >= enough
        });
    }

    fn is_undisturbed(&self) {
        if let Some(why) = self.disturbed.lock().unwrap().as_ref() {
            panic!("another client was disturbed: {why}");
        }
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
            && !std::thread::panicking()
        {
            panic!("the watcher panicked");
        }
    }
}

/// Heartbeats until told to stop: each published at QoS 1, acknowledged, delivered once and in order.
fn beat(mut stream: TcpStream, rounds: &AtomicU64, stop: &AtomicBool) -> Result<(), String> {
    let version = ProtocolVersion::V5;
    let requests = ["heartbeat", "a/#"].map(|filter| SubscribeRequest::new(filter, QoS::AtLeastOnce));
    let mut bytes = Vec::new();
    encode(version, &Packet::Connect(Connect::new(version, "watcher")), &mut bytes);
    encode(version, &Packet::Subscribe(Subscribe::new(PacketId::new(1).unwrap(), &requests)), &mut bytes);
    let mut received: Vec<u8> = Vec::new();
    let mut next = |stream: &mut TcpStream, expected: &str| -> Result<(), String> {
        loop {
            if let Some((name, len, id)) = whole(version, &received) {
                received.drain(..len);
                if name != expected {
                    return Err(format!("heard {name} instead of {expected}"));
                }
                if let Some(packet_id) = id {
                    let mut ack = Vec::new();
                    encode(version, &Packet::PubAck(Acknowledgement::new(packet_id)), &mut ack);
                    stream.write_all(&ack).map_err(|error| error.to_string())?;
                }
                return Ok(());
            }
            let mut chunk = [0; 1024];
            match stream.read(&mut chunk) {
                Ok(0) => return Err("closed".into()),
                Ok(len) => received.extend_from_slice(&chunk[..len]),
                Err(error) => return Err(error.to_string()),
            }
        }
    };
    stream.write_all(&bytes).map_err(|error| error.to_string())?;
    next(&mut stream, "CONNACK")?;
    next(&mut stream, "SUBACK 0x01 0x01")?;
    while !stop.load(Ordering::SeqCst) {
        let round = rounds.load(Ordering::SeqCst);
        let payload = round.to_string();
        let handshake = Handshake::AtLeastOnce(PacketId::new(2).unwrap());
        let publish = Publish { handshake, ..Publish::new(TopicName::parse("heartbeat").unwrap(), payload.as_bytes()) };
        let mut bytes = Vec::new();
        encode(version, &Packet::Publish(publish), &mut bytes);
        stream.write_all(&bytes).map_err(|error| error.to_string())?;
        next(&mut stream, "PUBACK")?;
        next(&mut stream, &format!("PUBLISH heartbeat {payload}"))?;
        rounds.store(round + 1, Ordering::SeqCst);
    }
    Ok(())
}

/// Runs the rows whose id begins so.
fn run(family: &str) {
    let arena = Arena::new();
    let mut wrong = Vec::new();
    for Row { id, trials, .. } in TABLE.iter().filter(|row| row.id.starts_with(family)) {
        for trial in *trials {
            match trial {
                Trial::Bytes(at, input, expected) => {
                    let said = arena.verdict(*at, &bytes(input));
                    if said != *expected {
                        wrong.push(format!("{id} {at:?} {input}: {said}, not {expected}"));
                    }
                }
                Trial::Story(story) => story(&arena),
                Trial::Elsewhere(..) => {}
            }
            arena.watcher.goes_round(&arena.plant);
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn frames() {
    run("MF");
}

#[test]
fn topics() {
    run("MT");
}

#[test]
fn properties() {
    run("MP");
}

#[test]
fn flows() {
    run("MQ");
}

#[test]
fn websockets() {
    run("MW");
}

/// No row is missing, none is there twice, and each is tried, here or in a test that there is and that names it.
#[test]
fn the_table_is_whole() {
    let ids = "MF01 MF03 MF04 MF06 MF08 MF09 MF11 MF13 MF14 MF16 MF18 MF19 MF21 MF23 MF24 MF26 MF28 \
               MT01 MT03 MT05 MT06 MT08 MT10 MT11 MT13 MT15 \
               MP01 MP03 MP05 MP06 MP08 MP10 MP11 MP13 MP15 MP16 \
               MQ01 MQ03 MQ04 MQ06 MQ08 MQ09 MQ11 MQ13 MQ14 \
               MW02 MW04 MW05 MW06 \
               MA01 MA03 MA04 MA06 MA08 MA09 MA11 MA13 MA14 MA16 MA18 MA19 \
               SP19 SP20 SP27 \
               HT02 HT03 HT05 HT07 HT08 HT10 HT12 HT13 HT15 HT17 HT18 HT20 HT22 HT23 HT25 \
               CF02 CF03 CF05 CF07 CF08 CF10 ST02 ST09 AU02 AU03";
    let rows = || TABLE.iter().chain(ELSEWHERE);
    assert_eq!(rows().map(|row| row.id).collect::<Vec<_>>(), ids.split_whitespace().collect::<Vec<_>>());
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    for Row { id, input, expected, trials } in rows() {
        assert!(!trials.is_empty() && !input.is_empty() && !expected.is_empty(), "{id}");
        for trial in *trials {
            let Trial::Elsewhere(file, name) = trial else { continue };
            let text = std::fs::read_to_string(crates.join(file)).unwrap();
            let is_there = match file.ends_with(".rs") {
                true => text.contains(&format!("fn {name}(")) && text.to_uppercase().contains(id),
                false => text.contains(name),
            };
            assert!(is_there, "{id} is to be tried in {file}, and named there: {name}");
        }
    }
}

/// Whole packets at the front of what was received.
fn packets(version: ProtocolVersion, mut bytes: &[u8], mut each: impl FnMut(&Packet<'_>)) {
    while let Ok(Decoded::Packet { packet, len }) = decode(version, bytes, &Limits::default()) {
        each(&packet);
        bytes = &bytes[len..];
    }
}
