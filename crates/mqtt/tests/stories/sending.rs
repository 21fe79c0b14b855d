//! What we send, byte by byte, where a statement of the specifications is about single bits of it.

use factree_mqtt::*;

fn sent(version: ProtocolVersion, packet: &Packet<'_>) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode(version, packet, &mut bytes);
    bytes
}

fn id(number: u16) -> PacketId {
    PacketId::new(number).unwrap()
}

/// `[MQTT-2.2.1-2]`, `[MQTT-2.2.2-1]`, `[MQTT-3.3.2-1]`, `[MQTT-4.3.1-1]`; 3.1.1: `[MQTT-2.3.1-5]`, `[MQTT-3.3.2-1]`.
#[test]
fn a_qos_0_publish_begins_with_its_topic_and_has_no_packet_id_and_says_that_it_has_no_properties() {
    let packet = Packet::Publish(Publish::new(TopicName::parse("t").unwrap(), b"x"));
    assert_eq!(sent(ProtocolVersion::V5, &packet), b"\x30\x05\x00\x01t\x00x");
    assert_eq!(sent(ProtocolVersion::V311, &packet), b"\x30\x04\x00\x01tx");
}

/// `[MQTT-2.1.3-1]`; 3.1.1: `[MQTT-2.2.2-1]`.
#[test]
fn reserved_flags_are_as_the_table_says() {
    let (ack, topic) = (Acknowledgement::new(id(1)), TopicName::parse("t").unwrap());
    let request = [SubscribeRequest::new("t", QoS::AtMostOnce)];
    let packets = [
        (Packet::Connect(Connect::new(ProtocolVersion::V5, "a")), 0x10),
        (Packet::ConnAck(ConnAck::new(ReasonCode::Success)), 0x20),
        (Packet::Publish(Publish::new(topic, b"")), 0x30),
        (Packet::PubAck(ack.clone()), 0x40),
        (Packet::PubRec(ack.clone()), 0x50),
        (Packet::PubRel(ack.clone()), 0x62),
        (Packet::PubComp(ack), 0x70),
        (Packet::Subscribe(Subscribe::new(id(1), &request)), 0x82),
        (Packet::SubAck(SubAck::new(id(1), &[ReasonCode::Success])), 0x90),
        (Packet::Unsubscribe(Unsubscribe::new(id(1), &["t"])), 0xA2),
        (Packet::UnsubAck(UnsubAck::new(id(1), &[ReasonCode::Success])), 0xB0),
        (Packet::PingReq, 0xC0),
        (Packet::PingResp, 0xD0),
        (Packet::Disconnect(Disconnect::new(ReasonCode::Success)), 0xE0),
        (Packet::Auth(Auth::SUCCESS), 0xF0),
    ];
    for (packet, first) in packets {
        assert_eq!(sent(ProtocolVersion::V5, &packet)[0], first, "{}", packet.name());
        if !matches!(packet, Packet::Auth(_)) {
            assert_eq!(sent(ProtocolVersion::V311, &packet)[0], first, "{}", packet.name());
        }
    }
}

/// `[MQTT-3.2.2-1]`.
#[test]
fn a_connack_has_one_flag() {
    for (session_present, flags) in [(false, 0), (true, 1)] {
        let packet = Packet::ConnAck(ConnAck { session_present, ..ConnAck::new(ReasonCode::Success) });
        assert_eq!(sent(ProtocolVersion::V5, &packet), [0x20, 3, flags, 0, 0]);
        assert_eq!(sent(ProtocolVersion::V311, &packet), [0x20, 2, flags, 0]);
    }
}

/// `[MQTT-1.5.5-1]`.
#[test]
fn a_remaining_length_takes_as_few_bytes_as_it_can() {
    for (payload, bytes) in [(0, 1), (124, 1), (125, 2), (16_380, 2), (16_381, 3), (2_097_148, 3), (2_097_149, 4)] {
        let payload = vec![0; payload];
        let packet = Packet::Publish(Publish::new(TopicName::parse("t").unwrap(), &payload));
        let sent = sent(ProtocolVersion::V311, &packet);
        assert_eq!(sent.len(), 1 + bytes + 3 + payload.len());
        assert_ne!(sent[bytes], 0, "the last byte says something");
    }
}

/// `[MQTT-2.2.1-5]`, `[MQTT-2.2.1-6]`; 3.1.1: `[MQTT-2.3.1-6]`, `[MQTT-2.3.1-7]`.
#[test]
fn an_answer_has_the_packet_id_it_is_given() {
    let ack = Acknowledgement::new(id(0x1234));
    let packets = [
        Packet::PubAck(ack.clone()),
        Packet::PubRec(ack.clone()),
        Packet::PubRel(ack.clone()),
        Packet::PubComp(ack),
        Packet::SubAck(SubAck::new(id(0x1234), &[ReasonCode::Success])),
        Packet::UnsubAck(UnsubAck::new(id(0x1234), &[ReasonCode::Success])),
    ];
    for packet in packets {
        for version in [ProtocolVersion::V311, ProtocolVersion::V5] {
            assert_eq!(sent(version, &packet)[2..4], [0x12, 0x34], "{}", packet.name());
        }
    }
}
