//! Encoding: packets to bytes.
//!
//! The body of a packet is written by one generic function, first into a counter and then into the buffer, so the
//! lengths in front of things are true by construction. What 5.0 has and 3.1.1 has not is left out; reason codes are
//! translated. Knows nothing of what the peer accepts: compare [`encoded_len`] with its Maximum Packet Size first.
//! Invariant: what is written decodes to an equal packet.

mod connect;
mod publish;
mod subscribe;

use crate::packet::{Packet, ProtocolVersion, Publish};
use crate::property::Property;
use crate::wire::{Count, Sink, varint_len};

/// Appends the packet to `out`.
///
/// Intervals are cut to whole seconds, and to the longest that MQTT can say. A CONNECT is encoded for its own version.
///
/// # Panics
/// If the packet cannot be said in MQTT, which decoded packets and their parts always can: a string, password
/// or correlation data of more than 65,535 bytes, a packet of more than 268,435,455, a SUBSCRIBE, UNSUBSCRIBE, SUBACK
/// or (5.0) UNSUBACK about nothing, an AUTH in 3.1.1, a PUBLISH with neither topic name nor alias, or with an alias
/// alone in 3.1.1.
pub fn encode(version: ProtocolVersion, packet: &Packet<'_>, out: &mut Vec<u8>) {
    if let Packet::Publish(publish) = packet {
        return encode_publish(version, publish, out);
    }
    let remaining = count(|counter| body(version, packet, counter));
    out.reserve(1 + varint_len(remaining) + remaining);
    out.u8(first_byte(packet));
    out.varint(remaining);
    body(version, packet, out);
}

/// Appends a PUBLISH to `out`: [`encode`] without the detour through [`Packet`].
///
/// # Panics
/// As [`encode`].
#[inline]
pub fn encode_publish(version: ProtocolVersion, publish: &Publish<'_>, out: &mut Vec<u8>) {
    publish::encode(version, publish, out);
}

/// How many bytes [`encode`] appends, fixed header included.
///
/// # Panics
/// As [`encode`].
pub fn encoded_len(version: ProtocolVersion, packet: &Packet<'_>) -> usize {
    let remaining = match packet {
        Packet::Publish(publish) => publish::Sizes::of(version, publish).remaining,
        packet => count(|counter| body(version, packet, counter)),
    };
    1 + varint_len(remaining) + remaining
}

/// How many bytes [`encode_publish`] appends, fixed header included.
///
/// # Panics
/// As [`encode`].
pub fn encoded_publish_len(version: ProtocolVersion, publish: &Publish<'_>) -> usize {
    let remaining = publish::Sizes::of(version, publish).remaining;
    1 + varint_len(remaining) + remaining
}

/// Type and flags, section 2.1. Those of a PUBLISH are its encoder's.
fn first_byte(packet: &Packet<'_>) -> u8 {
    let flags = match packet {
        Packet::PubRel(_) | Packet::Subscribe(_) | Packet::Unsubscribe(_) => 0b0010,
        _ => 0,
    };
    packet.packet_type() << 4 | flags
}

/// Everything behind the fixed header.
fn body<S: Sink>(version: ProtocolVersion, packet: &Packet<'_>, to: &mut S) {
    match packet {
        Packet::Connect(connect) => connect::connect(connect, to),
        Packet::ConnAck(connack) => connect::connack(version, connack, to),
        Packet::Publish(_) => unreachable!("a PUBLISH has its own way"),
        Packet::PubAck(acknowledgement)
        | Packet::PubRec(acknowledgement)
        | Packet::PubRel(acknowledgement)
        | Packet::PubComp(acknowledgement) => publish::acknowledgement(version, acknowledgement, to),
        Packet::Subscribe(subscribe) => subscribe::subscribe(version, subscribe, to),
        Packet::SubAck(suback) => subscribe::suback(version, suback, to),
        Packet::Unsubscribe(unsubscribe) => subscribe::unsubscribe(version, unsubscribe, to),
        Packet::UnsubAck(unsuback) => subscribe::unsuback(version, unsuback, to),
        Packet::PingReq | Packet::PingResp => {}
        Packet::Disconnect(disconnect) => connect::disconnect(version, disconnect, to),
        Packet::Auth(auth) => connect::auth(version, auth, to),
    }
}

fn count(write: impl FnOnce(&mut Count)) -> usize {
    let mut counter = Count::default();
    write(&mut counter);
    counter.0
}

/// What a packet says in its property section.
trait Properties {
    fn encode<S: Sink>(&self, to: &mut S);
}

/// Writes a property section: its length, then its properties.
fn section<S: Sink>(properties: &impl Properties, to: &mut S) {
    to.varint(section_len(properties));
    properties.encode(to);
}

/// The length of the properties in a section, without the length in front of them.
fn section_len(properties: &impl Properties) -> usize {
    count(|counter| properties.encode(counter))
}

/// Writes a property if it is there: `put(text, Property::ReasonString, to)`.
fn put<'a, T, S: Sink>(value: Option<T>, property: fn(T) -> Property<'a>, to: &mut S) {
    if let Some(value) = value {
        property(value).encode(to);
    }
}
