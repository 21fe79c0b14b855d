//! The oath every input must keep, for the replayed corpus and the fuzzer alike: what decodes, encodes to something no
//! longer that decodes to the same; what does not, is answered in words that decode; and nothing panics.
//!
//! Input: one byte that says how to decode (0: 3.1.1, 1: 5.0, 2: as a connection's first packet), then packets.

use factree_mqtt::*;

/// Keeps the oath for each packet of the input; says how many there were.
pub(crate) fn keep_oath(input: &[u8]) -> usize {
    let Some((how, mut rest)) = input.split_first() else { return 0 };
    let limits = Limits::default();
    let mut version = if how % 3 == 1 { ProtocolVersion::V5 } else { ProtocolVersion::V311 };
    let mut packets = 0;
    if how % 3 == 2 {
        match decode_connect(rest, &limits) {
            Ok(Decoded::Packet { packet, len }) => {
                version = packet.version;
                encode_and_decode(version, &Packet::Connect(packet), len, &limits);
                (rest, packets) = (&rest[len..], 1);
            }
            Ok(Decoded::Incomplete { .. }) => return 0,
            Err(error) => {
                answer(error);
                return 0;
            }
        }
    }
    loop {
        match decode(version, rest, &limits) {
            Ok(Decoded::Packet { packet, len }) => {
                encode_and_decode(version, &packet, len, &limits);
                (rest, packets) = (&rest[len..], packets + 1);
            }
            Ok(Decoded::Incomplete { need }) => {
                assert!(need > 0 && rest.len() + need <= limits.packet_size_max as usize);
                return packets;
            }
            Err(error) => {
                answer(error);
                return packets;
            }
        }
    }
}

/// Every answer is one that its packet may give; 3.1.1 has only a return code for it.
fn answer(error: DecodeError) {
    assert!(!error.to_string().is_empty());
    let (version, packet) = match error.answer {
        Answer::Close => return,
        Answer::ConnAck(version, reason) => (version, Packet::ConnAck(ConnAck::new(reason))),
        Answer::Disconnect(reason) => (ProtocolVersion::V5, Packet::Disconnect(Disconnect::new(reason))),
    };
    let mut bytes = Vec::new();
    encode(version, &packet, &mut bytes);
    match (decode(version, &bytes, &Limits::default()), version) {
        (Ok(Decoded::Packet { packet: again, .. }), ProtocolVersion::V5) => assert_eq!(again, packet),
        (Ok(Decoded::Packet { packet: Packet::ConnAck(connack), .. }), _) => assert!(connack.reason.is_failure()),
        (other, _) => panic!("{error} is answered by what decodes to {other:?}"),
    }
}

fn encode_and_decode(version: ProtocolVersion, packet: &Packet<'_>, len: usize, limits: &Limits) {
    let mut bytes = Vec::new();
    encode(version, packet, &mut bytes);
    assert!(bytes.len() <= len, "{packet:?} grew from {len} to {} bytes", bytes.len());
    assert_eq!(encoded_len(version, packet), bytes.len());
    match decode(version, &bytes, limits) {
        Ok(Decoded::Packet { packet: again, len }) => {
            assert_eq!(&again, packet);
            assert_eq!(len, bytes.len());
        }
        other => panic!("{packet:?} encodes to {bytes:02x?}, which decodes to {other:?}"),
    }
    // A name is the filter that asks for it alone, unless it looks like a shared subscription.
    if let Packet::Publish(Publish { topic: Some(topic), .. }) = packet {
        match TopicFilter::parse(topic.as_str()) {
            Ok(filter) if filter.share_name().is_none() => assert!(filter.matches(*topic), "{topic}"),
            Ok(_) | Err(TopicError::ShareName | TopicError::ShareFilter) => {}
            Err(error) => panic!("{topic} is a name and no filter: {error}"),
        }
    }
}
