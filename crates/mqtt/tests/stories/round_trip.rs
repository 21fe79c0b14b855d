//! Every packet, both versions: there and back, cut short, and garbage.

use crate::generate::any_packet;
use crate::twice;
use factree_mqtt::*;
use proptest::prelude::*;

fn encoded(version: ProtocolVersion, packet: &Packet<'_>) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode(version, packet, &mut bytes);
    bytes
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_was_encoded_decodes_to_itself((version, packet) in any_packet()) {
        let mut bytes = encoded(version, &packet);
        let len = bytes.len();
        prop_assert_eq!(encoded_len(version, &packet), len);
        // Whatever follows in the buffer is none of this packet's business.
        bytes.extend_from_slice(&[0xFF, 0x00]);
        prop_assert_eq!(decode(version, &bytes, &Limits::default()), Ok(Decoded::Packet { packet, len }));
    }

    #[test]
    fn a_connect_decodes_to_itself_before_its_version_is_known((version, packet) in any_packet()) {
        let bytes = encoded(version, &packet);
        match (decode_connect(&bytes, &Limits::default()), packet) {
            (Ok(Decoded::Packet { packet: connect, len }), packet @ Packet::Connect(_)) => {
                prop_assert_eq!(Packet::Connect(connect), packet);
                prop_assert_eq!(len, bytes.len());
            }
            (Err(error), packet) => {
                prop_assert_eq!(error.what, Violation::FirstPacketNotConnect);
                prop_assert_eq!(error.answer, Answer::Close);
                prop_assert!(!matches!(packet, Packet::Connect(_)));
            }
            (other, packet) => prop_assert!(false, "{:?} from {:?}", other, packet),
        }
    }

    /// MF16: never a fault, never a panic, and `need` never asks for more than is missing.
    #[test]
    fn every_beginning_of_a_packet_is_incomplete((version, packet) in any_packet()) {
        let bytes = encoded(version, &packet);
        for cut in 0..bytes.len() {
            match decode(version, &bytes[..cut], &Limits::default()) {
                Ok(Decoded::Incomplete { need }) => prop_assert!(need >= 1 && cut + need <= bytes.len()),
                other => prop_assert!(false, "{} of {:02x?}: {:?}", cut, bytes, other),
            }
        }
    }

    #[test]
    fn random_bytes_keep_the_oath(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        twice::keep_oath(&bytes);
    }

    /// MF28 in small: one byte of a valid packet changed, and the frame's length kept true or not.
    #[test]
    fn mutated_packets_keep_the_oath((version, packet) in any_packet(), at in any::<usize>(), byte in any::<u8>()) {
        let mut input = vec![u8::from(version == ProtocolVersion::V5)];
        encode(version, &packet, &mut input);
        let at = 1 + at % (input.len() - 1);
        input[at] = byte;
        twice::keep_oath(&input);
    }

    /// MF16 with a lie: the packet is cut and its Remaining Length agrees.
    #[test]
    fn a_body_that_ends_early_is_a_fault_or_a_shorter_packet((version, packet) in any_packet(), cut in any::<usize>()) {
        let bytes = encoded(version, &packet);
        let header = 1 + bytes[1..].iter().take_while(|byte| **byte & 0x80 != 0).count() + 1;
        let body = &bytes[header..];
        let body = &body[..cut % (body.len() + 1)];
        let mut input = vec![u8::from(version == ProtocolVersion::V5), bytes[0]];
        let mut left = body.len();
        while left > 0x7F {
            input.push(left as u8 | 0x80);
            left >>= 7;
        }
        input.push(left as u8);
        input.extend_from_slice(body);
        twice::keep_oath(&input);
    }
}

/// A packet that is a thousand times this size has a length in three bytes, and so on up: the header's edges.
#[test]
fn lengths_at_the_edges_of_the_remaining_length_survive() {
    let limits = Limits { packet_size_max: 3 << 20, ..Limits::default() };
    for payload_len in [0, 122, 123, 124, 16_378, 16_379, 16_380, 2_097_146, 2_097_147, 2_097_148] {
        let payload = vec![7; payload_len];
        let packet = Packet::Publish(Publish::new(TopicName::parse("abc").unwrap(), &payload));
        let bytes = encoded(ProtocolVersion::V311, &packet);
        assert_eq!(bytes.len(), encoded_len(ProtocolVersion::V311, &packet));
        let len = bytes.len();
        assert_eq!(decode(ProtocolVersion::V311, &bytes, &limits), Ok(Decoded::Packet { packet, len }));
    }
}
