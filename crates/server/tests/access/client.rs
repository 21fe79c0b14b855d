//! An MQTT client that says one thing at a time and tells in words what it is told.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};

use factree_mqtt::{
    Acknowledgement, Connect, Decoded, Handshake, Limits, Packet, PacketId, ProtocolVersion, Publish, QoS, ReasonCode,
    SessionExpiry, Subscribe, SubscribeRequest, TopicName, WillMessage, decode, encode,
};

use crate::plant::{PATIENCE, Plant};

/// What bytes go over.
pub(crate) trait Stream: Read + Write {}

impl<S: Read + Write> Stream for S {}

pub(crate) struct Client {
    stream: Box<dyn Stream>,
    version: ProtocolVersion,
    unread: Vec<u8>,
    packet_id: u16,
}

/// A CONNECT with whatever it takes; `..Who::is("anna")`.
#[derive(Clone, Copy)]
pub(crate) struct Who<'a> {
    pub(crate) client_id: &'a str,
    pub(crate) username: Option<&'a str>,
    pub(crate) password: Option<&'a str>,
    pub(crate) version: ProtocolVersion,
    pub(crate) will: Option<&'a str>,
    pub(crate) resumes: bool,
}

impl<'a> Who<'a> {
    /// A client that shows nothing.
    pub(crate) fn nobody(client_id: &'a str) -> Self {
        let version = ProtocolVersion::V5;
        Self { client_id, username: None, password: None, version, will: None, resumes: false }
    }

    /// A client of a user, by his key.
    pub(crate) fn user(client_id: &'a str, user: &'a str, plant: &'a Plant) -> Self {
        Self { username: Some(user), password: Some(&plant.keys[user]), ..Self::nobody(client_id) }
    }

    pub(crate) fn v311(self) -> Self {
        Self { version: ProtocolVersion::V311, ..self }
    }
}

impl Client {
    /// Connects; the client, and what it was told.
    pub(crate) fn try_connect(address: SocketAddr, who: Who<'_>) -> (Self, String) {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Self::over(Box::new(stream), who)
    }

    /// The same over something that is connected.
    pub(crate) fn over(stream: Box<dyn Stream>, who: Who<'_>) -> (Self, String) {
        let mut connect = Connect::new(who.version, who.client_id);
        (connect.username, connect.password) = (who.username, who.password.map(str::as_bytes));
        connect.clean_start = !who.resumes;
        connect.will = who.will.map(|topic| WillMessage::new(TopicName::parse(topic).unwrap(), b"gone"));
        if who.resumes {
            connect.session_expiry = SessionExpiry::Never;
        }
        Self::bringing(stream, connect)
    }

    /// Connects with a CONNECT of any kind.
    pub(crate) fn saying(address: SocketAddr, connect: Connect<'_>) -> (Self, String) {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Self::bringing(Box::new(stream), connect)
    }

    fn bringing(stream: Box<dyn Stream>, connect: Connect<'_>) -> (Self, String) {
        let mut client = Self { stream, version: connect.version, unread: Vec::new(), packet_id: 0 };
        client.say(&Packet::Connect(connect));
        let told = client.told();
        (client, told)
    }

    /// Connects, and is welcome.
    pub(crate) fn connect(address: SocketAddr, who: Who<'_>) -> Self {
        let (client, told) = Self::try_connect(address, who);
        assert!(told == "CONNACK" || told == "CONNACK present", "{told}");
        client
    }

    pub(crate) fn say(&mut self, packet: &Packet<'_>) {
        let mut bytes = Vec::new();
        encode(self.version, packet, &mut bytes);
        // A server that has closed is met when reading.
        let _: std::io::Result<()> = self.stream.write_all(&bytes).and_then(|()| self.stream.flush());
    }

    fn next_id(&mut self) -> PacketId {
        self.packet_id += 1;
        PacketId::new(self.packet_id).unwrap()
    }

    /// QoS 1; what comes of it.
    pub(crate) fn publish(&mut self, topic: &str) -> String {
        let handshake = Handshake::AtLeastOnce(self.next_id());
        self.say(&Packet::Publish(Publish { handshake, ..Publish::new(TopicName::parse(topic).unwrap(), b"x") }));
        self.told()
    }

    /// At QoS 1; what comes of it.
    pub(crate) fn subscribe(&mut self, filters: &[&str]) -> String {
        let packet_id = self.next_id();
        let requests: Vec<_> = filters.iter().map(|filter| SubscribeRequest::new(filter, QoS::AtLeastOnce)).collect();
        self.say(&Packet::Subscribe(Subscribe::new(packet_id, &requests[..])));
        self.told()
    }

    /// Everything that was delivered until now.
    pub(crate) fn delivered(&mut self) -> Vec<String> {
        self.say(&Packet::PingReq);
        let mut all = Vec::new();
        loop {
            match self.told() {
                told if told == "PINGRESP" => return all,
                told if told == "close" => panic!("closed after {all:?}"),
                told => all.push(told),
            }
        }
    }

    /// The same for who may publish to this topic and is subscribed to it: what was routed before it comes before it, however busy
    /// the server is.
    pub(crate) fn delivered_before(&mut self, topic: &str) -> Vec<String> {
        let handshake = Handshake::AtLeastOnce(self.next_id());
        self.say(&Packet::Publish(Publish { handshake, ..Publish::new(TopicName::parse(topic).unwrap(), b"x") }));
        let (mut all, last) = (Vec::new(), format!("{topic} x"));
        loop {
            match self.told() {
                told if told == last => return all,
                told if told == "PUBACK" => {}
                told if told == "close" => panic!("closed after {all:?}"),
                told => all.push(told),
            }
        }
    }

    /// The next packet in words, or `close`. What is delivered is acknowledged.
    pub(crate) fn told(&mut self) -> String {
        loop {
            if let Ok(Decoded::Packet { packet, len }) = decode(self.version, &self.unread, &Limits::default()) {
                let (told, ack) = show(self.version, &packet);
                self.unread.drain(..len);
                if let Some(packet_id) = ack {
                    self.say(&Packet::PubAck(Acknowledgement::new(packet_id)));
                }
                return told;
            }
            let mut chunk = [0; 4096];
            match self.stream.read(&mut chunk) {
                Ok(0) => return "close".into(),
                Ok(len) => self.unread.extend_from_slice(&chunk[..len]),
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                    panic!("told nothing: {error}")
                }
                Err(_) => return "close".into(),
            }
        }
    }
}

fn show(version: ProtocolVersion, packet: &Packet<'_>) -> (String, Option<PacketId>) {
    let hex = |reason: ReasonCode| format!(" 0x{:02X}", reason.byte());
    let verdict = |reason: ReasonCode| match reason {
        ReasonCode::Success | ReasonCode::NoMatchingSubscribers => String::new(),
        reason => hex(reason),
    };
    match packet {
        Packet::ConnAck(ack) => {
            let present = if ack.session_present { " present" } else { "" };
            let code = match version {
                ProtocolVersion::V311 if ack.reason != ReasonCode::Success => {
                    format!(" {}", ack.reason.connack_return_code())
                }
                _ => verdict(ack.reason),
            };
            (format!("CONNACK{code}{present}"), None)
        }
        Packet::Publish(publish) => {
            let payload = String::from_utf8_lossy(publish.payload);
            let packet_id = publish.handshake.packet_id();
            (format!("{} {payload}", publish.topic.map_or("", TopicName::as_str)), packet_id)
        }
        Packet::PubAck(ack) | Packet::PubRec(ack) | Packet::PubComp(ack) => {
            (format!("{}{}", packet.name(), verdict(ack.reason)), None)
        }
        Packet::SubAck(ack) => (format!("SUBACK{}", ack.reasons.iter().map(hex).collect::<String>()), None),
        Packet::Disconnect(disconnect) => (format!("DISCONNECT{}", hex(disconnect.reason)), None),
        other => (other.name().to_owned(), None),
    }
}
