//! Encoding: packets to bytes.
//!
//! The body of a packet is written by one generic function, first into a counter and then into the buffer, so the lengths
//! in front of things are true by construction. What 5.0 has and 3.1.1 has not is left out; reason codes are translated.
//! Knows nothing of what the peer accepts: compare [`encoded_len`] with its Maximum Packet Size first.
//! Invariant: what is written decodes to an equal packet.

use crate::packet::{Packet, ProtocolVersion, Publish};

/// Appends the packet to `out`.
pub fn encode(_version: ProtocolVersion, _packet: &Packet<'_>, _out: &mut Vec<u8>) {}

/// Appends a PUBLISH to `out`: [`encode`] without the detour through [`Packet`].
pub fn encode_publish(_version: ProtocolVersion, _publish: &Publish<'_>, _out: &mut Vec<u8>) {}

/// How many bytes [`encode`] appends, fixed header included.
pub fn encoded_len(_version: ProtocolVersion, _packet: &Packet<'_>) -> usize {
    0
}
