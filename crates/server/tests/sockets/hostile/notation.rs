//! The notation of the table: bytes as people write them, packets as they are read.

use factree_mqtt::{
    Acknowledgement, Decoded, Handshake, Limits, Packet, PacketId, ProtocolVersion, ReasonCode, decode,
};

/// Where in a connection the bytes come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum At {
    /// As its first bytes.
    First,
    /// The same, and answers are read as 5.0.
    FirstV5,
    /// Behind an accepted CONNECT of 3.1.1.
    V311,
    /// Behind an accepted CONNECT of 5.0.
    V5,
}

impl At {
    pub(super) fn version(self) -> ProtocolVersion {
        match self {
            Self::First | Self::V311 => ProtocolVersion::V311,
            Self::FirstV5 | Self::V5 => ProtocolVersion::V5,
        }
    }

    /// The CONNECT before them. It has no client id, so that no row takes over the connection of another.
    pub(super) fn connect(self) -> Vec<u8> {
        match self {
            Self::First | Self::FirstV5 => Vec::new(),
            Self::V311 => bytes("10 {['MQTT'] 04 02 00 3C []}"),
            Self::V5 => bytes("10 {['MQTT'] 05 02 00 3C 00 []}"),
        }
    }
}

/// Hex digits and `'text'`; `{…}` is a body with its Remaining Length or property length in front (below 128), `[…]` a
/// string with its two bytes of length.
pub(super) fn bytes(notation: &str) -> Vec<u8> {
    let mut open: Vec<(char, Vec<u8>)> = vec![(' ', Vec::new())];
    let mut rest = notation;
    while let Some(first) = rest.chars().next() {
        let mut used = first.len_utf8();
        match first {
            ' ' => {}
            '{' | '[' => open.push((first, Vec::new())),
            '}' | ']' => {
                let (kind, inside) = open.pop().expect(notation);
                let to = &mut open.last_mut().expect(notation).1;
                match kind {
                    '{' => to.push(u8::try_from(inside.len()).ok().filter(|len| *len < 128).expect(notation)),
                    _ => to.extend(u16::try_from(inside.len()).expect(notation).to_be_bytes()),
                }
                to.extend(inside);
            }
            '\'' => {
                let text = rest[1..].split('\'').next().expect(notation);
                open.last_mut().expect(notation).1.extend(text.bytes());
                used = text.len() + 2;
            }
            _ => {
                open.last_mut().expect(notation).1.push(u8::from_str_radix(&rest[..2], 16).expect(notation));
                used = 2;
            }
        }
        rest = &rest[used..];
    }
    assert_eq!(open.len(), 1, "{notation}");
    open.remove(0).1
}

/// The packets at the front, by name, with what was decided.
pub(super) fn names(version: ProtocolVersion, bytes: &[u8]) -> Vec<String> {
    let mut names = Vec::new();
    super::packets(version, bytes, |packet| names.push(name(version, packet)));
    names
}

/// The first packet, if it is whole: its name, its length, and the packet id if it is a PUBLISH to be acknowledged.
pub(super) fn whole(version: ProtocolVersion, bytes: &[u8]) -> Option<(String, usize, Option<PacketId>)> {
    let Ok(Decoded::Packet { packet, len }) = decode(version, bytes, &Limits::default()) else { return None };
    let id = match &packet {
        Packet::Publish(publish) => match publish.handshake {
            Handshake::AtLeastOnce(packet_id) => Some(packet_id),
            Handshake::AtMostOnce | Handshake::ExactlyOnce(_) => None,
        },
        _ => None,
    };
    Some((name(version, &packet), len, id))
}

fn name(version: ProtocolVersion, packet: &Packet<'_>) -> String {
    let hex = |reason: &ReasonCode| format!(" 0x{:02X}", reason.byte());
    let unless_success = |reason: ReasonCode| match reason {
        // Nobody subscribed to what a row publishes; that is no verdict on it.
        ReasonCode::Success | ReasonCode::NoMatchingSubscribers => String::new(),
        reason => hex(&reason),
    };
    let said = match packet {
        Packet::ConnAck(ack) if version == ProtocolVersion::V311 => match ack.reason.connack_return_code() {
            0 => String::new(),
            code => format!(" {code}"),
        },
        Packet::ConnAck(ack) => unless_success(ack.reason),
        Packet::PubAck(ack) | Packet::PubRec(ack) | Packet::PubRel(ack) | Packet::PubComp(ack) => {
            let Acknowledgement { reason, .. } = ack;
            unless_success(*reason)
        }
        Packet::SubAck(ack) => ack.reasons.iter().map(|reason| hex(&reason)).collect(),
        Packet::UnsubAck(ack) => ack.reasons.iter().map(|reason| hex(&reason)).collect(),
        Packet::Disconnect(disconnect) => unless_success(disconnect.reason),
        Packet::Publish(publish) => {
            let topic = publish.topic.map_or("", |topic| topic.as_str());
            format!(" {topic} {}", String::from_utf8_lossy(publish.payload))
        }
        _ => String::new(),
    };
    format!("{}{said}", packet.name())
}
