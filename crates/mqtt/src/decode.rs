//! Decoding: bytes to packets, in place.
//!
//! The fixed header is judged as soon as its bytes are there: type and flags by the first of them, the length once it
//! is complete, so a declared length costs nobody memory. Then one function per packet reads its body. Text and
//! payloads stay in the bytes; lists and User Properties are walked once here and again by whoever wants them. Knows
//! nothing of who is allowed to send what, nor of the packets before this one.
//! Invariant: every byte of the frame is accounted for; what is left over is [`Violation::TrailingBytes`].

mod connect;
mod publish;
mod subscribe;

use crate::error::{DecodeError, Violation};
use crate::limits::Limits;
use crate::packet::{Connect, Packet, ProtocolVersion, packet_name};
use crate::wire::{self, Reader};

/// What the bytes begin with.
#[derive(Clone, Debug, PartialEq)]
pub enum Decoded<T> {
    /// A whole packet.
    Packet {
        /// The packet, borrowing from the bytes.
        packet: T,
        /// How many bytes it took: the next packet begins there.
        len: usize,
    },
    /// The beginning of a packet, and no fault in it yet.
    Incomplete {
        /// At least so many more bytes are needed.
        need: usize,
    },
}

/// Decodes the packet at the front of `bytes`, which may be any packet in any direction.
///
/// A CONNECT says itself which version it is; `version` is that of the connection and counts for everything else.
/// Nothing is allocated. `bytes` may hold the beginning of a packet or many packets; only the first is looked at.
/// Reserve [`Decoded::Incomplete::need`] bytes if you like: by then the length has been held against `limits`.
///
/// # Errors
/// The peer broke a rule or a limit: send it [`DecodeError::answer`] and close.
#[inline]
pub fn decode<'a>(
    version: ProtocolVersion,
    bytes: &'a [u8],
    limits: &Limits,
) -> Result<Decoded<Packet<'a>>, DecodeError> {
    let minimal = version == ProtocolVersion::V5;
    let fault = |what: Violation, first: u8| what.in_packet(packet_name(first >> 4), version);
    match frame(bytes, minimal, limits.packet_size_max, |first| first_byte(version, first)) {
        // Apart from the others, so that a PUBLISH is put together where it is returned and nowhere else.
        Ok(Frame::Whole { first, body, len }) if first >> 4 == PUBLISH => {
            match publish::publish(version, first & 0x0F, body, limits) {
                Ok(publish) => Ok(Decoded::Packet { packet: Packet::Publish(publish), len }),
                Err(what) => Err(fault(what, first)),
            }
        }
        Ok(Frame::Whole { first, body, len }) => match other_packet(version, first >> 4, body, limits) {
            Ok(packet) => Ok(Decoded::Packet { packet, len }),
            Err(what) => Err(fault(what, first)),
        },
        Ok(Frame::Incomplete { need }) => Ok(Decoded::Incomplete { need }),
        Err((first, what)) => Err(fault(what, first)),
    }
}

/// Decodes the first packet of a connection, which must be a CONNECT `[MQTT-3.1.0-1]`; anything else is refused by its
/// first byte, and more than [`Limits::connect_size_max`] by its length.
///
/// A Remaining Length in more bytes than needed passes here, because only 5.0 forbids it and the version is not known
/// yet.
///
/// # Errors
/// The peer broke a rule or a limit: send it [`DecodeError::answer`], a CONNACK or nothing, and close.
pub fn decode_connect<'a>(bytes: &'a [u8], limits: &Limits) -> Result<Decoded<Connect<'a>>, DecodeError> {
    let fault = |what: Violation, first: u8, version| what.in_connect(packet_name(first >> 4), version);
    let check = |first: u8| match first {
        0x10 => Ok(()),
        0x11..=0x1F => Err(Violation::FixedHeaderFlags),
        _ => Err(Violation::FirstPacketNotConnect),
    };
    match frame(bytes, false, limits.connect_size_max, check) {
        Ok(Frame::Whole { first, body, len }) => match connect::connect(body, limits) {
            Ok(packet) => Ok(Decoded::Packet { packet, len }),
            Err((version, what)) => Err(fault(what, first, version)),
        },
        Ok(Frame::Incomplete { need }) => Ok(Decoded::Incomplete { need }),
        Err((first, what)) => Err(fault(what, first, None)),
    }
}

/// The packet type of most packets.
const PUBLISH: u8 = 3;

enum Frame<'a> {
    Whole { first: u8, body: &'a [u8], len: usize },
    Incomplete { need: usize },
}

/// Splits the fixed header off. A fault comes with the first byte, so that it can be named.
#[inline(always)]
fn frame(
    bytes: &[u8],
    minimal: bool,
    size_max: u32,
    check: impl Fn(u8) -> Result<(), Violation>,
) -> Result<Frame<'_>, (u8, Violation)> {
    let Some((&first, behind)) = bytes.split_first() else { return Ok(Frame::Incomplete { need: 2 }) };
    check(first).map_err(|what| (first, what))?;
    let Some((remaining, header)) = wire::varint(behind, minimal).map_err(|what| (first, what))? else {
        return Ok(Frame::Incomplete { need: 1 });
    };
    let len = 1 + header + remaining as usize;
    if len > size_max as usize {
        return Err((first, Violation::PacketTooLarge));
    }
    match bytes.get(1 + header..len) {
        Some(body) => Ok(Frame::Whole { first, body, len }),
        None => Ok(Frame::Incomplete { need: len - bytes.len() }),
    }
}

/// Type and flags, section 2.1. The flags of a PUBLISH are its decoder's.
#[inline]
fn first_byte(version: ProtocolVersion, first: u8) -> Result<(), Violation> {
    match (first >> 4, first & 0x0F) {
        (0, _) => Err(Violation::PacketTypeReserved),
        (15, _) if version == ProtocolVersion::V311 => Err(Violation::PacketTypeReserved),
        (PUBLISH, _) | (6 | 8 | 10, 0b0010) => Ok(()),
        (6 | 8 | 10, _) => Err(Violation::FixedHeaderFlags),
        (_, 0) => Ok(()),
        _ => Err(Violation::FixedHeaderFlags),
    }
}

fn other_packet<'a>(
    version: ProtocolVersion,
    packet_type: u8,
    body: &'a [u8],
    limits: &Limits,
) -> Result<Packet<'a>, Violation> {
    use crate::reason::Carrier::{PubAckOrPubRec, PubRelOrPubComp};
    let mut reader = Reader::new(body);
    let reader = &mut reader;
    let packet = match packet_type {
        1 => return connect::connect(body, limits).map(Packet::Connect).map_err(|(_, what)| what),
        2 => Packet::ConnAck(connect::connack(version, reader, limits)?),
        4 => Packet::PubAck(publish::acknowledgement(version, PubAckOrPubRec, reader, limits)?),
        5 => Packet::PubRec(publish::acknowledgement(version, PubAckOrPubRec, reader, limits)?),
        6 => Packet::PubRel(publish::acknowledgement(version, PubRelOrPubComp, reader, limits)?),
        7 => Packet::PubComp(publish::acknowledgement(version, PubRelOrPubComp, reader, limits)?),
        8 => Packet::Subscribe(subscribe::subscribe(version, reader, limits)?),
        9 => Packet::SubAck(subscribe::suback(version, reader, limits)?),
        10 => Packet::Unsubscribe(subscribe::unsubscribe(version, reader, limits)?),
        11 => Packet::UnsubAck(subscribe::unsuback(version, reader, limits)?),
        12 => Packet::PingReq,
        13 => Packet::PingResp,
        14 => Packet::Disconnect(connect::disconnect(version, reader, limits)?),
        15 => Packet::Auth(connect::auth(reader, limits)?),
        _ => return Err(Violation::PacketTypeReserved),
    };
    if reader.is_empty() { Ok(packet) } else { Err(Violation::TrailingBytes) }
}
