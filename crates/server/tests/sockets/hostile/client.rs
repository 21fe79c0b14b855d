//! A client that says one thing at a time and reads what it is told, packet by packet.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use factree_mqtt::{Connect, Packet, ProtocolVersion, encode};

use super::notation::whole;

pub(super) struct Client {
    pub(super) stream: TcpStream,
    version: ProtocolVersion,
    unread: Vec<u8>,
}

impl Client {
    /// Connects, and is welcome.
    pub(super) fn connect(address: SocketAddr, connect: Connect<'_>) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let mut client = Self { stream, version: connect.version, unread: Vec::new() };
        client.say(&[Packet::Connect(connect)]);
        assert_eq!(client.told(), "CONNACK");
        client
    }

    pub(super) fn say(&mut self, packets: &[Packet<'_>]) {
        let mut bytes = Vec::new();
        packets.iter().for_each(|packet| encode(self.version, packet, &mut bytes));
        // A server that has closed is met when reading.
        let _: std::io::Result<()> = self.stream.write_all(&bytes);
    }

    /// The next packet, or `close`.
    pub(super) fn told(&mut self) -> String {
        loop {
            if let Some((name, len, _)) = whole(self.version, &self.unread) {
                self.unread.drain(..len);
                return name;
            }
            let mut chunk = [0; 64 << 10];
            match self.stream.read(&mut chunk) {
                Ok(0) => return "close".into(),
                Ok(len) => self.unread.extend_from_slice(&chunk[..len]),
                Err(error) if error.kind() == ErrorKind::ConnectionReset => return "close".into(),
                Err(error) => panic!("told nothing: {error}"),
            }
        }
    }

    /// All packets until the server closes.
    pub(super) fn told_until_close(&mut self) -> Vec<String> {
        let mut all = Vec::new();
        while all.last().is_none_or(|name| name != "close") {
            all.push(self.told());
        }
        all
    }

    /// That the connection is served, and nothing else was said.
    pub(super) fn pings(&mut self) {
        self.say(&[Packet::PingReq]);
        assert_eq!(self.told(), "PINGRESP");
    }
}
