//! Property sections whose parts lie among each other, and what can be kept of them.

use std::num::NonZeroU32;

use factree_mqtt::*;

/// `26 a=b · 03 x · 0B 1 · 26 c=d · 0B 2`, as a 5.0 peer may order them.
const MIXED: &[u8] = b"\x26\0\x01a\0\x01b\x03\0\x01x\x0B\x01\x26\0\x01c\0\x01d\x0B\x02";

fn mixed_publish() -> Vec<u8> {
    [&[0x30, 4 + MIXED.len() as u8][..], b"\0\x01t", &[MIXED.len() as u8], MIXED].concat()
}

fn decoded(bytes: &[u8]) -> Publish<'_> {
    match decode(ProtocolVersion::V5, bytes, &Limits::default()) {
        Ok(Decoded::Packet { packet: Packet::Publish(publish), .. }) => publish,
        other => panic!("{other:?}"),
    }
}

#[test]
fn properties_that_lie_among_each_other_are_told_apart() {
    let bytes = mixed_publish();
    let publish = decoded(&bytes);
    let user_properties = publish.properties.user_properties;
    assert_eq!(user_properties.iter().collect::<Vec<_>>(), [("a", "b"), ("c", "d")]);
    assert_eq!(format!("{:?}", publish.subscription_identifiers), "[1, 2]");
    assert_eq!((user_properties.len(), publish.subscription_identifiers.len()), (2, 2));
    assert_eq!(publish.properties.content_type, Some("x"));
}

#[test]
fn what_was_kept_of_user_properties_is_equal_and_no_more_than_they_are() {
    let bytes = mixed_publish();
    let original = decoded(&bytes).properties.user_properties;
    let kept = original.to_buf();
    assert_eq!(kept.as_properties(), original);
    assert_eq!(kept.as_properties().as_encoded().len(), 2 * 7);
    assert_eq!(UserProperties::from_encoded(original.as_encoded()), Ok(original));
    assert_eq!(kept, [("a", "b"), ("c", "d")].into_iter().collect());
    assert_ne!(kept.as_properties(), UserProperties::EMPTY);
    // Cut inside a property, they are not to be had back.
    let cut = &original.as_encoded()[..original.as_encoded().len() - 1];
    assert_eq!(UserProperties::from_encoded(cut), Err(Violation::Truncated));
}

/// What 5.0 says and 3.1.1 cannot is left out, and what is left decodes.
#[test]
fn a_5_0_packet_speaks_3_1_1_with_what_it_has_in_common() {
    let bytes = mixed_publish();
    let mut older = Vec::new();
    encode_publish(ProtocolVersion::V311, &decoded(&bytes), &mut older);
    assert_eq!(older, b"\x30\x03\0\x01t");

    let suback = SubAck::new(PacketId::new(1).unwrap(), &[ReasonCode::GrantedQoS1, ReasonCode::NotAuthorized]);
    let mut older = Vec::new();
    encode(ProtocolVersion::V311, &Packet::SubAck(suback), &mut older);
    assert_eq!(older, [0x90, 4, 0, 1, 1, 0x80]);

    let mut older = Vec::new();
    encode(ProtocolVersion::V311, &Packet::ConnAck(ConnAck::new(ReasonCode::BadUserNameOrPassword)), &mut older);
    assert_eq!(older, [0x20, 2, 0, 4]);

    let mut older = Vec::new();
    encode(ProtocolVersion::V311, &Packet::Disconnect(Disconnect::new(ReasonCode::ServerBusy)), &mut older);
    assert_eq!(older, [0xE0, 0]);
}

/// `[MQTT-3.2.2-6]`, 3.1.1: `[MQTT-3.2.2-4]`.
#[test]
fn a_connack_that_refuses_finds_no_session() {
    let refusal = ConnAck { session_present: true, ..ConnAck::new(ReasonCode::NotAuthorized) };
    for (version, expected) in
        [(ProtocolVersion::V311, &[0x20, 2, 0, 5][..]), (ProtocolVersion::V5, &[0x20, 3, 0, 0x87, 0])]
    {
        let mut bytes = Vec::new();
        encode(version, &Packet::ConnAck(refusal.clone()), &mut bytes);
        assert_eq!(bytes, expected);
    }
}

/// `[MQTT-3.2.2-19]`, `[MQTT-3.2.2-20]`, `[MQTT-3.14.2-3]`, `[MQTT-3.14.2-4]`: what explains is left out before what
/// says is; what is too large without it is not sent `[MQTT-3.1.2-24]`.
#[test]
fn a_packet_is_cut_to_what_its_reader_takes() {
    let v5 = ProtocolVersion::V5;
    let user: UserPropertiesBuf = [("why", "so")].into_iter().collect();
    let user_properties = user.as_properties();
    let at_most = |bytes| NonZeroU32::new(bytes);

    let disconnect =
        Disconnect { reason_string: Some("0123456789"), user_properties, ..Disconnect::new(ReasonCode::ServerBusy) };
    let len = encoded_len(v5, &Packet::Disconnect(disconnect.clone())) as u32;
    let cut = Some(Disconnect::new(ReasonCode::ServerBusy));
    assert_eq!(disconnect.clone().within(v5, None), Some(disconnect.clone()));
    assert_eq!(disconnect.clone().within(v5, at_most(len)), Some(disconnect.clone()));
    assert_eq!(disconnect.clone().within(v5, at_most(len - 1)), cut);
    assert_eq!(disconnect.clone().within(v5, at_most(3)), cut);
    assert_eq!(disconnect.clone().within(v5, at_most(2)), None);

    let properties =
        ConnAckProperties { reason_string: Some("0123456789"), user_properties, ..ConnAckProperties::default() };
    let connack = ConnAck { properties, ..ConnAck::new(ReasonCode::ServerBusy) };
    let len = encoded_len(v5, &Packet::ConnAck(connack.clone())) as u32;
    let cut = Some(ConnAck::new(ReasonCode::ServerBusy));
    assert_eq!(connack.clone().within(v5, at_most(len)), Some(connack.clone()));
    assert_eq!(connack.clone().within(v5, at_most(len - 1)), cut);
    assert_eq!(connack.clone().within(v5, at_most(5)), cut);
    assert_eq!(connack.clone().within(v5, at_most(4)), None);
}
