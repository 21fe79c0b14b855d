//! A client's life: connect, speak, lose the connection, connect again.
//!
//! A [`Role`] says what the client says and keeps what an MQTT client must keep across connections; the loop here owns
//! the socket, which blocks, and dies with its server. One thread per client.
//! Invariant: all that arrived before the world severs its connections is handled, so an acknowledgement that a killed
//! server had sent counts; nothing that arrives later is.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

use factree_mqtt::{Connect, Decoded, Disconnect, Limits, Packet, ProtocolVersion, ReasonCode, decode, encode};

use super::world::World;

/// How long a client waits for bytes before it takes its turn.
const READ_TIMEOUT: Duration = Duration::from_millis(4);
const WRITE_TIMEOUT: Duration = Duration::from_secs(2);
const RETRY_AFTER: Duration = Duration::from_millis(2);

/// What a client does; see the loop.
pub(super) trait Role {
    /// Whether it wants to be connected now.
    fn wants_in(&mut self) -> bool {
        true
    }

    /// The first packet of its next connection.
    fn connect(&mut self) -> Connect<'_>;

    /// The server has accepted it, and has its session or not.
    fn connected(&mut self, session_present: bool, out: &mut Out);

    /// Anything else that came.
    fn on_packet(&mut self, packet: &Packet<'_>, out: &mut Out);

    /// Its turn, after whatever came.
    fn turn(&mut self, out: &mut Out) -> Turn;

    /// The connection has ended, if there ever was one.
    fn ended(&mut self) {}
}

/// How a turn ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    Stay,
    /// Close the socket without a word.
    Drop,
    /// Say DISCONNECT first.
    Leave,
}

/// Bytes on their way to the server.
pub(super) struct Out {
    version: ProtocolVersion,
    bytes: Vec<u8>,
}

impl Out {
    pub(super) fn send(&mut self, packet: &Packet<'_>) {
        encode(self.version, packet, &mut self.bytes);
    }
}

/// Lives until the world is over.
pub(super) fn live(role: &mut dyn Role, world: &World) {
    while !world.is_over() {
        // Before the port, so that a connection to a server that is about to be cut off is severed too.
        let severed = world.severed();
        match world.mqtt() {
            Some(server) if role.wants_in() => {
                let over = || world.is_over() || world.severed() != severed;
                // However it ends, the next connection tells the rest.
                let _: io::Result<()> = connection(role, server, &over);
                role.ended();
            }
            _ => {}
        }
        std::thread::sleep(RETRY_AFTER);
    }
}

/// One connection, until `over` or a turn ends it.
///
/// # Errors
/// The server ended it, or refused it.
pub(super) fn connection(role: &mut dyn Role, server: u16, over: &dyn Fn() -> bool) -> io::Result<()> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, server));
    let mut stream = TcpStream::connect_timeout(&address, WRITE_TIMEOUT)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(READ_TIMEOUT))?;
    stream.set_write_timeout(Some(WRITE_TIMEOUT))?;
    let connect = role.connect();
    let mut out = Out { version: connect.version, bytes: Vec::new() };
    out.send(&Packet::Connect(connect));
    let (mut inbox, mut online) = (Vec::new(), false);
    while !over() {
        if let Err(error) = stream.write_all(&out.bytes) {
            // The server is gone; what it said before is still to be read.
            while read(&mut stream, &mut inbox).is_ok_and(|more| more) {}
            if !over() {
                handle(role, &mut inbox, &mut online, &mut out)?;
            }
            return Err(error);
        }
        out.bytes.clear();
        let end = read(&mut stream, &mut inbox);
        if over() {
            break;
        }
        handle(role, &mut inbox, &mut online, &mut out)?;
        end?;
        let turn = if online { role.turn(&mut out) } else { Turn::Stay };
        match turn {
            Turn::Stay => {}
            Turn::Drop => return Ok(()),
            Turn::Leave => {
                out.send(&Packet::Disconnect(Disconnect::new(ReasonCode::Success)));
                return stream.write_all(&out.bytes);
            }
        }
    }
    Ok(())
}

/// Reads what has come; whether there was anything.
fn read(stream: &mut TcpStream, inbox: &mut Vec<u8>) -> io::Result<bool> {
    let mut buffer = [0; 16 * 1024];
    match stream.read(&mut buffer) {
        Ok(0) => Err(io::ErrorKind::UnexpectedEof.into()),
        Ok(len) => {
            inbox.extend_from_slice(&buffer[..len]);
            Ok(true)
        }
        Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => Ok(false),
        Err(error) => Err(error),
    }
}

fn handle(role: &mut dyn Role, inbox: &mut Vec<u8>, online: &mut bool, out: &mut Out) -> io::Result<()> {
    let mut consumed = 0;
    loop {
        let decoded = decode(out.version, &inbox[consumed..], &Limits::DEFAULT);
        let decoded = decoded.map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error.to_string()))?;
        let Decoded::Packet { packet, len } = decoded else { break };
        consumed += len;
        match &packet {
            Packet::ConnAck(connack) if connack.reason.is_failure() => {
                return Err(io::ErrorKind::ConnectionRefused.into());
            }
            Packet::ConnAck(connack) => {
                *online = true;
                role.connected(connack.session_present, out);
            }
            Packet::Disconnect(_) => return Err(io::ErrorKind::ConnectionAborted.into()),
            packet => role.on_packet(packet, out),
        }
    }
    inbox.drain(..consumed);
    Ok(())
}
