//! Decoding: bytes to packets, in place.
use crate::error::{DecodeError, Violation};
use crate::limits::Limits;
use crate::packet::{Connect, Packet, ProtocolVersion};

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

/// Decodes the packet at the front of `bytes`.
pub fn decode<'a>(
    version: ProtocolVersion,
    _bytes: &'a [u8],
    _limits: &Limits,
) -> Result<Decoded<Packet<'a>>, DecodeError> {
    Err(Violation::Truncated.in_packet("?", version))
}

/// Decodes the first packet of a connection.
pub fn decode_connect<'a>(_bytes: &'a [u8], _limits: &Limits) -> Result<Decoded<Connect<'a>>, DecodeError> {
    Err(Violation::Truncated.in_connect("?", None))
}
