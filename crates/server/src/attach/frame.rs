//! The outline of a PUBLISH that is not decoded: how long it is, and which packet id wants an acknowledgement.
//!
//! A publisher can send a broker what we do not take; the broker is not to blame and still waits for our PUBACK. So the
//! packet is measured, acknowledged and thrown away as its bytes come in. Looks at 65,544 bytes at most, whatever the
//! packet claims.
//! Invariant: knows only packets whose Remaining Length the codec has accepted.

use factree_mqtt::PacketId;

/// Where a packet's body begins, and its length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Frame {
    head_len: usize,
    body_len: usize,
}

/// The packet id of a PUBLISH.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PacketIdOf {
    /// QoS 0 has none.
    QoS0,
    /// This one.
    QoS1(PacketId),
    /// QoS 1, and the packet is too short for one.
    Missing,
    /// More bytes are needed.
    NotYet,
    /// A QoS that nobody asked for.
    Foreign,
}

impl Frame {
    /// Of the packet at the front, if its Remaining Length is complete.
    pub(super) fn of(bytes: &[u8]) -> Option<Frame> {
        let mut body_len = 0;
        for (position, byte) in bytes.iter().enumerate().skip(1).take(4) {
            body_len |= usize::from(byte & 0x7F) << (7 * (position - 1));
            if byte & 0x80 == 0 {
                return Some(Frame { head_len: position + 1, body_len });
            }
        }
        None
    }

    /// All of the packet.
    pub(super) fn len(self) -> usize {
        self.head_len + self.body_len
    }

    /// The packet id of this PUBLISH, of which `bytes` may hold the beginning only.
    pub(super) fn packet_id(self, bytes: &[u8]) -> PacketIdOf {
        match bytes[0] >> 1 & 0b11 {
            0 => return PacketIdOf::QoS0,
            1 => {}
            _ => return PacketIdOf::Foreign,
        }
        let body = &bytes[self.head_len..];
        let at = |position: usize| {
            let number = body.get(position..position + 2).map(|two| u16::from_be_bytes([two[0], two[1]]));
            match number {
                _ if position + 2 > self.body_len => Err(PacketIdOf::Missing),
                None => Err(PacketIdOf::NotYet),
                Some(number) => Ok(number),
            }
        };
        match at(0).and_then(|topic_len| at(2 + usize::from(topic_len))) {
            Ok(number) => PacketId::new(number).map_or(PacketIdOf::Missing, PacketIdOf::QoS1),
            Err(other) => other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_packet_id_is_found_as_soon_as_it_is_there() {
        // QoS 1, Remaining Length 300, topic of three bytes, packet id 7.
        let bytes = b"\x32\xAC\x02\x00\x03a/b\x00\x07";
        let frame = Frame::of(bytes).unwrap();
        assert_eq!(frame.len(), 303);
        for len in 3..bytes.len() {
            assert_eq!(frame.packet_id(&bytes[..len]), PacketIdOf::NotYet, "{len} bytes");
        }
        assert_eq!(frame.packet_id(bytes), PacketIdOf::QoS1(PacketId::new(7).unwrap()));
        assert_eq!(Frame::of(b"\x32\xAC"), None);
    }

    #[test]
    fn a_packet_without_a_packet_id_has_none() {
        let id = |bytes: &[u8]| Frame::of(bytes).unwrap().packet_id(bytes);
        assert_eq!(id(b"\x30\x05\x00\x03a/b"), PacketIdOf::QoS0);
        assert_eq!(id(b"\x32\x05\x00\x03a/b"), PacketIdOf::Missing, "too short for one");
        assert_eq!(id(b"\x32\x04\xFF\xFFab"), PacketIdOf::Missing, "the topic is longer than the packet");
        assert_eq!(id(b"\x32\x07\x00\x03a/b\x00\x00"), PacketIdOf::Missing, "zero is none");
        assert_eq!(id(b"\x34\x07\x00\x03a/b\x00\x01"), PacketIdOf::Foreign);
    }
}
