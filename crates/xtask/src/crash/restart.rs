//! How long a plant waits after a restart: 100,000 retained messages and 10,000 kept sessions of five subscriptions,
//! from `kill -9` on.
//!
//! They are put there with `durability = "process"`, which is quicker and leaves the same files; the starts that are
//! measured promise what the options say. Cold means that the machine has forgotten the files, which only root can ask
//! for.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use std::{fs, thread};

use factree_mqtt::{
    Connect, Handshake, Packet, PacketId, ProtocolVersion, Publish, QoS, SessionExpiry, Subscribe, SubscribeRequest,
    TopicName,
};

use super::link::{self, Out, Role, Turn};
use super::process::Binary;

const RETAINED: usize = 100_000;
const SESSIONS: usize = 10_000;
const SUBSCRIPTIONS: usize = 5;
const WINDOW: usize = 500;
/// How many sessions are made at the same time.
const HANDS: usize = 16;
const STARTS: usize = 5;

/// Fills a directory and measures starts on it, warm and, if this machine allows, cold.
pub(super) fn measure(binary: &Binary) -> Result<String, String> {
    let began = Instant::now();
    let server = Binary { durability: "process".into(), ..binary.clone() }.start()?.ready()?;
    let failed = |error: io::Error| format!("cannot fill the server: {error}");
    let mut publisher = Fill { sent: 0, acknowledged: 0 };
    link::connection(&mut publisher, server.mqtt, &|| false).map_err(failed)?;
    let next = AtomicUsize::new(0);
    thread::scope(|scope| {
        let hands: Vec<_> = (0..HANDS).map(|_| scope.spawn(|| make_sessions(server.mqtt, &next))).collect();
        hands.into_iter().try_for_each(|hand| hand.join().expect("a client of the harness panicked"))
    })
    .map_err(failed)?;
    println!("filled in {:.1} s", began.elapsed().as_secs_f64());
    server.kill();
    let warm = starts(binary, || Ok(()))?;
    let cold = starts(binary, || fs::write("/proc/sys/vm/drop_caches", "3"));
    let cold = cold.unwrap_or_else(|why| format!("not measured ({why})"));
    Ok(format!(
        "{RETAINED} retained messages, {SESSIONS} kept sessions of {SUBSCRIPTIONS} subscriptions, from start to first \
         CONNACK:\n  warm {warm}\n  cold {cold}"
    ))
}

fn starts(binary: &Binary, before: impl Fn() -> io::Result<()>) -> Result<String, String> {
    let mut times: Vec<Duration> = Vec::new();
    for _ in 0..STARTS {
        before().map_err(|error| error.to_string())?;
        let server = binary.start()?.ready()?;
        times.push(server.ready_in);
        let found = server.found();
        // One retained message more than clients published: our own STATE.
        if found != format!("{SESSIONS} sessions, {} retained messages, 0 Edge Nodes", RETAINED + 1) {
            return Err(format!("the server went on with {found}"));
        }
        server.kill();
    }
    times.sort();
    Ok(format!("p50 {} ms, max {} ms", times[STARTS / 2].as_millis(), times[STARTS - 1].as_millis()))
}

fn make_sessions(server: u16, next: &AtomicUsize) -> io::Result<()> {
    loop {
        let number = next.fetch_add(1, Ordering::Relaxed);
        if number >= SESSIONS {
            return Ok(());
        }
        let mut session = Session { name: format!("session-{number}"), number, done: false };
        link::connection(&mut session, server, &|| false)?;
    }
}

struct Session {
    name: String,
    number: usize,
    done: bool,
}

impl Role for Session {
    fn connect(&mut self) -> Connect<'_> {
        let connect = Connect::new(ProtocolVersion::V5, &self.name);
        Connect { clean_start: false, session_expiry: SessionExpiry::Never, ..connect }
    }

    fn connected(&mut self, _session_present: bool, out: &mut Out) {
        let filters: Vec<_> = (0..SUBSCRIPTIONS).map(|filter| format!("own/{}/{filter}/#", self.number)).collect();
        let requests: Vec<_> = filters.iter().map(|filter| SubscribeRequest::new(filter, QoS::AtLeastOnce)).collect();
        let packet_id = PacketId::new(1).expect("not zero");
        out.send(&Packet::Subscribe(Subscribe::new(packet_id, requests.as_slice())));
    }

    fn on_packet(&mut self, packet: &Packet<'_>, _out: &mut Out) {
        self.done |= matches!(packet, Packet::SubAck(_));
    }

    fn turn(&mut self, _out: &mut Out) -> Turn {
        if self.done { Turn::Drop } else { Turn::Stay }
    }
}

/// Publishes the retained messages.
struct Fill {
    sent: usize,
    acknowledged: usize,
}

impl Role for Fill {
    fn connect(&mut self) -> Connect<'_> {
        Connect::new(ProtocolVersion::V5, "fill")
    }

    fn connected(&mut self, _session_present: bool, _out: &mut Out) {}

    fn on_packet(&mut self, packet: &Packet<'_>, _out: &mut Out) {
        self.acknowledged += usize::from(matches!(packet, Packet::PubAck(ack) if !ack.reason.is_failure()));
    }

    fn turn(&mut self, out: &mut Out) -> Turn {
        while self.sent < RETAINED && self.sent - self.acknowledged < WINDOW {
            let topic = format!("plant/area-{}/line-{}/value", self.sent / 1000, self.sent % 1000);
            let topic = TopicName::parse(&topic).expect("a topic without wildcards");
            let packet_id = PacketId::new((self.sent % WINDOW) as u16 + 1).expect("from one");
            let publish = Publish::new(topic, br#"{"value":21.4,"timestamp":"2026-11-22T01:09:34.916Z"}"#);
            out.send(&Packet::Publish(Publish {
                retain: true,
                handshake: Handshake::AtLeastOnce(packet_id),
                ..publish
            }));
            self.sent += 1;
        }
        if self.acknowledged >= RETAINED { Turn::Leave } else { Turn::Stay }
    }
}
