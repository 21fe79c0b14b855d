//! A second opinion: the public codec `mqtt5-protocol`.
//!
//! We encode, it decodes and encodes again, we decode: the packet must be the one we began with. Where the oracle errs
//! or cannot say something, the packet is kept from it and the reason written down in `beyond_the_oracle`.

use crate::generate::any_packet;
use factree_mqtt::*;
use mqtt5_protocol::packet::{FixedHeader, MqttPacket, Packet as Theirs};
use proptest::prelude::*;

fn through_the_oracle(version: ProtocolVersion, bytes: &[u8]) -> Result<Vec<u8>, mqtt5_protocol::MqttError> {
    let level = match version {
        ProtocolVersion::V311 => 4,
        ProtocolVersion::V5 => 5,
    };
    let mut input = bytes;
    let header = FixedHeader::decode(&mut input)?;
    assert_eq!(header.remaining_length as usize, input.len());
    let theirs = Theirs::decode_from_body_with_version(header.packet_type, &header, &mut input, level)?;
    assert!(input.is_empty(), "the oracle left {input:02x?}");
    let mut again = Vec::new();
    match theirs {
        Theirs::Connect(packet) => packet.encode(&mut again),
        Theirs::ConnAck(packet) => packet.encode(&mut again),
        Theirs::Publish(packet) => packet.encode(&mut again),
        Theirs::PubAck(packet) => packet.encode(&mut again),
        Theirs::PubRec(packet) => packet.encode(&mut again),
        Theirs::PubRel(packet) => packet.encode(&mut again),
        Theirs::PubComp(packet) => packet.encode(&mut again),
        Theirs::Subscribe(packet) => packet.encode(&mut again),
        Theirs::SubAck(packet) => packet.encode(&mut again),
        Theirs::Unsubscribe(packet) => packet.encode(&mut again),
        Theirs::UnsubAck(packet) => packet.encode(&mut again),
        Theirs::PingReq => mqtt5_protocol::packet::pingreq::PingReqPacket::default().encode(&mut again),
        Theirs::PingResp => mqtt5_protocol::packet::pingresp::PingRespPacket::default().encode(&mut again),
        Theirs::Disconnect(packet) => packet.encode(&mut again),
        Theirs::Auth(packet) => packet.encode(&mut again),
    }?;
    Ok(again)
}

/// What the oracle gets wrong or cannot say.
fn beyond_the_oracle(packet: &Packet<'_>) -> bool {
    match packet {
        // 5.0 allows a password without user name (3.1.2.9); the oracle refuses it.
        Packet::Connect(connect) => connect.password.is_some() && connect.username.is_none(),
        _ => false,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_oracle_reads_what_we_write_and_we_read_what_it_writes((version, packet) in any_packet()) {
        prop_assume!(!beyond_the_oracle(&packet));
        let mut bytes = Vec::new();
        encode(version, &packet, &mut bytes);
        let again = match through_the_oracle(version, &bytes) {
            Ok(again) => again,
            Err(error) => return Err(TestCaseError::fail(format!("{version:?} {bytes:02x?}: {error:?}"))),
        };
        let len = again.len();
        prop_assert_eq!(decode(version, &again, &Limits::default()), Ok(Decoded::Packet { packet, len }));
    }
}
