//! What a Sparkplug Aware server adds to a plain one: certificate topics, and the time in an NDEATH.
//!
//! Both are matters of bytes. A certificate's topic is its birth's behind a prefix, and the payload is the birth's own. An
//! NDEATH is written when its client connects and published when nobody can ask it any more, so the server may put in the
//! time; the one field is spliced, since encoding the payload again would lose what we do not know.
//! Knows no broker and no clock. Invariant: but for the value of field 1, a stamped payload is the client's, byte for byte.

use std::ops::Range;

use prost::encoding::encode_varint;

use crate::payload::wire::{Wire, varint_field};
use crate::time::Timestamp;
use crate::topic::{NodeMessage, Topic};

/// What stands before a birth's topic in its certificate's (`tck-id-conformance-mqtt-aware-nbirth-mqtt-topic`,
/// `tck-id-conformance-mqtt-aware-dbirth-mqtt-topic`).
pub const CERTIFICATES: &str = "$sparkplug/certificates/";

/// The topic of the certificate of a birth on this topic.
pub fn certificate_topic(birth: Topic<'_>) -> Option<String> {
    birth.is_birth().then(|| format!("{CERTIFICATES}{birth}"))
}

/// The topic a certificate was published on by its Edge Node; none if it is no certificate's. Who may not read that one may
/// not read this one.
pub fn birth_topic(certificate: &str) -> Option<&str> {
    let birth = certificate.strip_prefix(CERTIFICATES)?;
    Topic::parse(birth).is_ok_and(|topic| topic.is_birth()).then_some(birth)
}

/// The payload of an NDEATH with the time at which it is delivered (`tck-id-conformance-mqtt-aware-ndeath-timestamp`). None
/// for other topics, and for a payload that is empty or no Sparkplug payload: it stays as it is.
pub fn stamped_ndeath(topic: &str, payload: &[u8], now: Timestamp) -> Option<Box<[u8]>> {
    match Topic::parse(topic) {
        Ok(Topic::Node { message: NodeMessage::Ndeath, .. }) if !payload.is_empty() => stamped(payload, now),
        Ok(_) | Err(_) => None,
    }
}

/// The payload with this timestamp in place of its own, or before everything else.
fn stamped(payload: &[u8], now: Timestamp) -> Option<Box<[u8]>> {
    let value = timestamp(payload)?;
    let mut stamped = Vec::with_capacity(payload.len() + 11);
    let Range { start, end } = value.unwrap_or_else(|| {
        encode_varint(varint_field(TIMESTAMP).into(), &mut stamped);
        0..0
    });
    stamped.extend_from_slice(&payload[..start]);
    encode_varint(now.0, &mut stamped);
    stamped.extend_from_slice(&payload[end..]);
    Some(stamped.into())
}

/// Of `Payload.timestamp`.
const TIMESTAMP: u32 = 1;

/// Where the value of field 1 is, if there is one: the last, which wins if there are more. None if the bytes are no protobuf
/// message.
fn timestamp(payload: &[u8]) -> Option<Option<Range<usize>>> {
    let mut wire = Wire::new(payload);
    let mut value = None;
    while !wire.is_at_end() {
        let tag = wire.tag().ok()?;
        let start = wire.at();
        wire.skip(tag).ok()?;
        if tag == varint_field(TIMESTAMP) {
            value = Some(start..wire.at());
        }
    }
    Some(value)
}
