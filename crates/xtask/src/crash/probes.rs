//! Clients of a moment: who looks at the retained messages, who says the fence, who asks whether the rest goes on.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::time::{Duration, Instant};

use factree_mqtt::{
    Connect, Handshake, Packet, PacketId, ProtocolVersion, Publish, QoS, Subscribe, SubscribeRequest, TopicName,
};

use super::link::{self, Out, Role, Turn};

const TIMEOUT: Duration = Duration::from_secs(5);
const ONE: PacketId = PacketId::new(1).expect("not zero");

/// What is retained below `filter`. Ends soon after all of `certain` have come.
pub(super) fn retained(server: u16, filter: &str, certain: &[String]) -> BTreeMap<String, Vec<u8>> {
    let mut look = Look { filter, certain, found: BTreeMap::new(), subscribed: false, turns: 0 };
    run(&mut look, server);
    look.found
}

struct Look<'a> {
    filter: &'a str,
    certain: &'a [String],
    found: BTreeMap<String, Vec<u8>>,
    subscribed: bool,
    /// Without anything missing.
    turns: u32,
}

impl Role for Look<'_> {
    fn connect(&mut self) -> Connect<'_> {
        Connect::new(ProtocolVersion::V5, "look")
    }

    fn connected(&mut self, _session_present: bool, out: &mut Out) {
        let request = [SubscribeRequest::new(self.filter, QoS::AtMostOnce)];
        out.send(&Packet::Subscribe(Subscribe::new(ONE, &request[..])));
    }

    fn on_packet(&mut self, packet: &Packet<'_>, _out: &mut Out) {
        self.subscribed |= matches!(packet, Packet::SubAck(_));
        if let Packet::Publish(Publish { retain: true, topic: Some(topic), payload, .. }) = packet {
            self.found.insert(topic.as_str().into(), payload.to_vec());
        }
    }

    fn turn(&mut self, _out: &mut Out) -> Turn {
        let complete = self.subscribed && self.certain.iter().all(|topic| self.found.contains_key(topic));
        self.turns += u32::from(complete);
        // A few more, for what should not be there; all retained messages come in one go.
        if self.turns > 3 { Turn::Leave } else { Turn::Stay }
    }
}

/// Publishes once with QoS 1; whether it was acknowledged or refused, if either.
pub(super) fn publish(server: u16, topic: &str, payload: &[u8], patience: Duration) -> Option<bool> {
    let mut say = Say { topic, payload, retain: false, acknowledged: None };
    run_for(patience, &mut say, server);
    say.acknowledged
}

/// The same, to be retained.
pub(super) fn retain(server: u16, topic: &str, payload: &[u8], patience: Duration) -> Option<bool> {
    let mut say = Say { topic, payload, retain: true, acknowledged: None };
    run_for(patience, &mut say, server);
    say.acknowledged
}

struct Say<'a> {
    topic: &'a str,
    payload: &'a [u8],
    retain: bool,
    acknowledged: Option<bool>,
}

impl Role for Say<'_> {
    fn connect(&mut self) -> Connect<'_> {
        Connect::new(ProtocolVersion::V5, "say")
    }

    fn connected(&mut self, _session_present: bool, out: &mut Out) {
        let topic = TopicName::parse(self.topic).expect("a topic without wildcards");
        let (handshake, retain) = (Handshake::AtLeastOnce(ONE), self.retain);
        out.send(&Packet::Publish(Publish { handshake, retain, ..Publish::new(topic, self.payload) }));
    }

    fn on_packet(&mut self, packet: &Packet<'_>, _out: &mut Out) {
        if let Packet::PubAck(ack) = packet {
            self.acknowledged = Some(!ack.reason.is_failure());
        }
    }

    fn turn(&mut self, _out: &mut Out) -> Turn {
        if self.acknowledged.is_some() { Turn::Leave } else { Turn::Stay }
    }
}

/// Subscribes and publishes with QoS 0 over one connection; whether it came back.
pub(super) fn echo(server: u16) -> bool {
    let mut echo = Echo { came_back: false };
    run(&mut echo, server);
    echo.came_back
}

struct Echo {
    came_back: bool,
}

impl Role for Echo {
    fn connect(&mut self) -> Connect<'_> {
        Connect::new(ProtocolVersion::V5, "echo")
    }

    fn connected(&mut self, _session_present: bool, out: &mut Out) {
        let request = [SubscribeRequest::new("echo", QoS::AtMostOnce)];
        out.send(&Packet::Subscribe(Subscribe::new(ONE, &request[..])));
        out.send(&Packet::Publish(Publish::new(TopicName::parse("echo").expect("plain"), b"?")));
    }

    fn on_packet(&mut self, packet: &Packet<'_>, _out: &mut Out) {
        self.came_back |= matches!(packet, Packet::Publish(_));
    }

    fn turn(&mut self, _out: &mut Out) -> Turn {
        if self.came_back { Turn::Leave } else { Turn::Stay }
    }
}

/// Whether the API answers a GET with 200.
pub(super) fn get(server: u16, path: &str) -> bool {
    let ask = || {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, server))?;
        stream.set_read_timeout(Some(TIMEOUT))?;
        write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
        let mut head = [0; 12];
        stream.read_exact(&mut head)?;
        std::io::Result::Ok(head == *b"HTTP/1.1 200")
    };
    ask().unwrap_or(false)
}

fn run(role: &mut dyn Role, server: u16) {
    run_for(TIMEOUT, role, server);
}

fn run_for(patience: Duration, role: &mut dyn Role, server: u16) {
    let began = Instant::now();
    // What it saw before an error is all there is to see.
    let _: std::io::Result<()> = link::connection(role, server, &|| began.elapsed() > patience);
}
