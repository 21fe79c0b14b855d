//! A client of the plant: an MQTT connection with an Edge Node or an MES behind it, without the socket.
//!
//! The driver owns socket and clock. It opens a connection and says [`Client::connected`]; hands over what arrives with
//! [`Client::received`]; calls [`Client::wake`] at [`Client::next_wake`]; and sends whatever the client appended to `out`.
//! When `wake` answers [`Action::DropConnection`], or the socket fails, the driver closes it and connects again at
//! `next_wake`.
//!
//! Invariant: bytes are appended to `out` only between `connected` and the end of that connection.

use std::fmt;
use std::time::{Duration, Instant};

use factree_mqtt::{DecodeError, Decoded, Handshake, Limits, Packet, ReasonCode, decode};
use factree_sparkplug::{DataType, Now, Value};

use crate::edge_node::{EdgeNode, Watched};
use crate::link::{Link, Wire};
use crate::mes::Mes;

/// One MQTT client of the plant.
#[derive(Clone, Debug)]
pub struct Client {
    link: Link,
    role: Role,
}

#[derive(Clone, Debug)]
pub(crate) enum Role {
    EdgeNode(Box<EdgeNode>),
    Mes(Mes),
}

/// What the driver is to do after [`Client::wake`].
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Nothing but to send what was written.
    Stay,
    /// Close the socket without sending anything more, and connect again at [`Client::next_wake`]: the client died, or its
    /// server no longer answers.
    DropConnection,
}

/// Why a client gives up a connection; the driver closes the socket and calls [`Client::lost`].
#[derive(Clone, Debug, PartialEq)]
pub enum ClientError {
    /// The server's bytes are no MQTT.
    Decode(DecodeError),
    /// The server refused the connection.
    Refused(ReasonCode),
    /// The server refused a subscription.
    SubscriptionRefused(ReasonCode),
    /// The server closed the connection and said why; MQTT 5.0 only.
    Closed(ReasonCode),
    /// A packet that no server may send at this point.
    Unexpected(&'static str),
}

impl fmt::Display for ClientError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ClientError::Decode(error) => write!(f, "the server's bytes are no MQTT: {error}"),
            ClientError::Refused(reason) => write!(f, "the server refused the connection: {reason}"),
            ClientError::SubscriptionRefused(reason) => write!(f, "the server refused a subscription: {reason}"),
            ClientError::Closed(reason) => write!(f, "the server closed the connection: {reason}"),
            ClientError::Unexpected(packet) => write!(f, "the server sent {packet} at the wrong time"),
        }
    }
}

impl std::error::Error for ClientError {}

/// A metric of an Edge Node as the world should know it: what a Host Application must show.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reported<'a> {
    /// Group id.
    pub group: &'a str,
    /// Edge Node id.
    pub edge_node: &'a str,
    /// Device id; none for the Edge Node's own metrics.
    pub device: Option<&'a str>,
    /// Metric name.
    pub name: &'a str,
    /// Metric alias.
    pub alias: u64,
    /// Its datatype.
    pub datatype: DataType,
    /// Engineering unit; empty if it has none.
    pub unit: &'a str,
    /// The value last published.
    pub value: Value<'a>,
    /// Whether Edge Node and device are alive; if not, the value is Stale.
    pub alive: bool,
}

/// How long a client waits before it connects again after a connection it did not give up itself.
const RETRY_AFTER: Duration = Duration::from_secs(2);

impl Client {
    pub(crate) fn new(link: Link, role: Role) -> Self {
        Client { link, role }
    }

    /// MQTT client id.
    pub fn client_id(&self) -> &str {
        &self.link.client_id
    }

    /// The socket is open: writes CONNECT, with the NDEATH as will for an Edge Node.
    pub fn connected(&mut self, now: Now, out: &mut Vec<u8>) {
        let will = match &mut self.role {
            Role::EdgeNode(edge_node) => Some(edge_node.connecting(now)),
            Role::Mes(_) => None,
        };
        self.link.connect(now, will.as_ref(), out);
    }

    /// Bytes came. Returns how many of them were whole packets and are done with; the rest must be handed in again, with
    /// more behind.
    ///
    /// # Errors
    /// [`ClientError`]: close the socket, call [`lost`](Self::lost).
    pub fn received(&mut self, now: Now, bytes: &[u8], out: &mut Vec<u8>) -> Result<usize, ClientError> {
        let mut consumed = 0;
        loop {
            match decode(self.link.version, &bytes[consumed..], &Limits::DEFAULT).map_err(ClientError::Decode)? {
                Decoded::Incomplete { .. } => return Ok(consumed),
                Decoded::Packet { packet, len } => {
                    consumed += len;
                    self.handle(now, &packet, out)?;
                }
            }
        }
    }

    /// Time passed: writes what changed, and PINGREQ when it is due. Call it at [`next_wake`](Self::next_wake); earlier or
    /// later does no harm. Does nothing while not connected.
    pub fn wake(&mut self, now: Now, out: &mut Vec<u8>) -> Action {
        if self.link.is_online() && !self.speak(now, out) {
            let away = match &mut self.role {
                Role::EdgeNode(edge_node) => edge_node.absence(),
                Role::Mes(_) => RETRY_AFTER,
            };
            self.link.ended(Some(now.instant + away));
            return Action::DropConnection;
        }
        if !self.link.keep_alive(now, out) {
            self.lost(now);
            return Action::DropConnection;
        }
        Action::Stay
    }

    /// When to call [`wake`](Self::wake); after the end of a connection, when to connect again. `None`: at once.
    pub fn next_wake(&self) -> Option<Instant> {
        let role = match &self.role {
            Role::EdgeNode(edge_node) => edge_node.next_wake(),
            Role::Mes(mes) => mes.next_wake(),
        };
        let link = self.link.next_wake();
        if self.link.is_online() { [link, role].into_iter().flatten().min() } else { link }
    }

    /// The connection ended, or could not be opened, without the client's doing. It wants to connect again after two
    /// seconds, or later if it had chosen to stay away for longer.
    pub fn lost(&mut self, now: Now) {
        let retry_at = now.instant + RETRY_AFTER;
        let chosen = if self.link.is_offline() { self.link.next_wake() } else { None };
        self.link.ended(chosen.max(Some(retry_at)));
    }

    /// A clean stop: writes NDEATH, then DISCONNECT; the driver sends them and closes. It may connect again any time.
    pub fn disconnecting(&mut self, now: Now, out: &mut Vec<u8>) {
        if !self.link.is_online() {
            return self.link.ended(None);
        }
        match &mut self.role {
            Role::EdgeNode(edge_node) => {
                edge_node.disconnecting(&mut Wire { link: &mut self.link, now, out });
                self.link.disconnect(true, out);
            }
            Role::Mes(_) => self.link.disconnect(false, out),
        }
    }

    /// Every metric behind this client, as last published; none for an MES.
    pub fn metrics(&self) -> impl Iterator<Item = Reported<'_>> {
        let edge_node = match &self.role {
            Role::EdgeNode(edge_node) => Some(edge_node),
            Role::Mes(_) => None,
        };
        edge_node.into_iter().flat_map(move |edge_node| {
            let devices = edge_node.devices.iter().map(|watched| (Some(watched.device.id.as_str()), watched));
            [(None, &edge_node.own)].into_iter().chain(devices).flat_map(move |(device, watched): (_, &Watched)| {
                watched.device.metrics().iter().map(move |metric| Reported {
                    group: &edge_node.group,
                    edge_node: &edge_node.id,
                    device,
                    name: &metric.name,
                    alias: metric.alias,
                    datatype: metric.datatype,
                    unit: metric.unit,
                    value: metric.reported(),
                    alive: self.link.is_online() && watched.is_alive(),
                })
            })
        })
    }

    /// Every document behind this client, as topic and JSON text, as last published; none for an Edge Node.
    pub fn documents(&self) -> impl Iterator<Item = (&str, &str)> {
        let mes = match &self.role {
            Role::EdgeNode(_) => None,
            Role::Mes(mes) => Some(mes),
        };
        mes.into_iter().flat_map(Mes::documents)
    }

    fn handle(&mut self, now: Now, packet: &Packet<'_>, out: &mut Vec<u8>) -> Result<(), ClientError> {
        match packet {
            Packet::ConnAck(connack) if connack.reason.is_failure() => Err(ClientError::Refused(connack.reason)),
            Packet::ConnAck(_) => {
                if !self.link.accepted(now) {
                    return Err(ClientError::Unexpected(packet.name()));
                }
                let mut wire = Wire { link: &mut self.link, now, out };
                match &mut self.role {
                    Role::EdgeNode(edge_node) => edge_node.connected(&mut wire),
                    Role::Mes(mes) => mes.connected(&mut wire),
                }
                Ok(())
            }
            Packet::Disconnect(disconnect) => Err(ClientError::Closed(disconnect.reason)),
            // [MQTT-3.2.0-1]: the first packet of a server is the CONNACK.
            _ if !self.link.is_online() => Err(ClientError::Unexpected(packet.name())),
            Packet::SubAck(suback) => match suback.reasons.iter().find(|reason| reason.is_failure()) {
                Some(reason) => Err(ClientError::SubscriptionRefused(reason)),
                None => Ok(()),
            },
            Packet::Publish(publish) => {
                let Some(topic) = publish.topic else { return Err(ClientError::Unexpected("a topic alias")) };
                let mut wire = Wire { link: &mut self.link, now, out };
                match publish.handshake {
                    Handshake::AtMostOnce => {}
                    Handshake::AtLeastOnce(packet_id) => wire.acknowledge(packet_id),
                    Handshake::ExactlyOnce(_) => return Err(ClientError::Unexpected("a PUBLISH of QoS 2")),
                }
                match &mut self.role {
                    Role::EdgeNode(edge_node) => edge_node.heard(&mut wire, topic.as_str(), publish.payload),
                    Role::Mes(_) => {}
                }
                Ok(())
            }
            // What is retained is sent again on the next connection, so an acknowledgement has nothing to release.
            Packet::PubAck(_) => Ok(()),
            Packet::PingResp => {
                self.link.ping_answered();
                Ok(())
            }
            Packet::Connect(_)
            | Packet::PubRec(_)
            | Packet::PubRel(_)
            | Packet::PubComp(_)
            | Packet::Subscribe(_)
            | Packet::Unsubscribe(_)
            | Packet::UnsubAck(_)
            | Packet::PingReq
            | Packet::Auth(_) => Err(ClientError::Unexpected(packet.name())),
        }
    }

    /// False if the role lets the connection die.
    fn speak(&mut self, now: Now, out: &mut Vec<u8>) -> bool {
        let mut wire = Wire { link: &mut self.link, now, out };
        match &mut self.role {
            Role::EdgeNode(edge_node) => edge_node.wake(&mut wire),
            Role::Mes(mes) => {
                mes.wake(&mut wire);
                true
            }
        }
    }
}
