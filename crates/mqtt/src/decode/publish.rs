//! PUBLISH and its acknowledgements, sections 3.3 to 3.7.
//!
//! Most packets are a PUBLISH without properties, so that way is straight: topic, packet id, payload. It is inlined
//! down to the caller of [`decode`](super::decode), so that a packet is put together once and not moved from result to
//! result.
//! Invariant: a decoded PUBLISH has a topic name or a topic alias.

use std::time::Duration;

use crate::error::Violation;
use crate::limits::Limits;
use crate::packet::{
    Acknowledgement, Handshake, MessageProperties, PacketId, ProtocolVersion, Publish, QoS, TopicAlias,
};
use crate::property::{Property, Section, SubscriptionIdentifiers};
use crate::reason::{Carrier, ReasonCode};
use crate::topic::TopicName;
use crate::wire::Reader;

#[inline(always)]
pub(super) fn publish<'a>(
    version: ProtocolVersion,
    flags: u8,
    body: &'a [u8],
    limits: &Limits,
) -> Result<Publish<'a>, Violation> {
    let mut reader = Reader::new(body);
    let dup = flags & 0b1000 != 0;
    let qos = QoS::from_bits(flags >> 1 & 0b11).ok_or(Violation::QoS3)?;
    let topic = reader.binary()?;
    let handshake = match qos {
        QoS::AtMostOnce if dup => return Err(Violation::DupWithQoS0),
        QoS::AtMostOnce => Handshake::AtMostOnce,
        QoS::AtLeastOnce => Handshake::AtLeastOnce(packet_id(&mut reader)?),
        QoS::ExactlyOnce => Handshake::ExactlyOnce(packet_id(&mut reader)?),
    };
    let PublishProperties { topic_alias, subscription_identifiers, message } = match version {
        ProtocolVersion::V311 => PublishProperties::default(),
        ProtocolVersion::V5 if reader.skip_empty_section() => PublishProperties::default(),
        ProtocolVersion::V5 => publish_properties(&mut reader, limits)?,
    };
    let topic = match (topic, version) {
        ([], ProtocolVersion::V5) if topic_alias.is_some() => None,
        ([], ProtocolVersion::V5) => return Err(Violation::TopicMissing),
        (topic, _) => Some(topic_name(topic, limits)?),
    };
    Ok(Publish {
        dup,
        handshake,
        retain: flags & 1 != 0,
        topic,
        topic_alias,
        subscription_identifiers,
        properties: message,
        payload: reader.rest(),
    })
}

#[inline]
pub(super) fn packet_id(reader: &mut Reader<'_>) -> Result<PacketId, Violation> {
    PacketId::new(reader.u16()?).ok_or(Violation::PacketIdZero)
}

/// A topic name that this server accepts.
#[inline]
pub(super) fn topic_name<'a>(bytes: &'a [u8], limits: &Limits) -> Result<TopicName<'a>, Violation> {
    let text = std::str::from_utf8(bytes).map_err(|_| Violation::TextNotUtf8)?;
    let name = TopicName::parse(text)?;
    if limits.admit_name(name) { Ok(name) } else { Err(Violation::TopicTooLongOrDeep) }
}

#[derive(Default)]
struct PublishProperties<'a> {
    topic_alias: Option<TopicAlias>,
    subscription_identifiers: SubscriptionIdentifiers<'a>,
    message: MessageProperties<'a>,
}

fn publish_properties<'a>(reader: &mut Reader<'a>, limits: &Limits) -> Result<PublishProperties<'a>, Violation> {
    let mut properties = PublishProperties::default();
    let mut section = Section::split_off(reader, limits.user_properties_max)?;
    while let Some(property) = section.next()? {
        match property {
            Property::TopicAlias(alias) => properties.topic_alias = Some(alias),
            Property::SubscriptionIdentifier(_) => {}
            other => message_property(&mut properties.message, other)?,
        }
    }
    properties.subscription_identifiers = section.subscription_identifiers();
    properties.message.user_properties = section.user_properties();
    Ok(properties)
}

/// Takes what a PUBLISH and a will have in common.
pub(super) fn message_property<'a>(
    message: &mut MessageProperties<'a>,
    property: Property<'a>,
) -> Result<(), Violation> {
    match property {
        Property::PayloadIsUtf8(yes) => message.payload_is_utf8 = Some(yes),
        Property::MessageExpiry(seconds) => message.message_expiry = Some(Duration::from_secs(seconds.into())),
        Property::ContentType(text) => message.content_type = Some(text),
        Property::ResponseTopic(text) => {
            message.response_topic = Some(TopicName::parse(text).map_err(|_| Violation::ResponseTopicInvalid)?);
        }
        Property::CorrelationData(bytes) => message.correlation_data = Some(bytes),
        // Kept by the section, as a span.
        Property::UserProperty(..) => {}
        _ => return Err(Violation::PropertyNotAllowed),
    }
    Ok(())
}

/// PUBACK, PUBREC, PUBREL or PUBCOMP. Reason code and properties may be left out from the end.
pub(super) fn acknowledgement<'a>(
    version: ProtocolVersion,
    carrier: Carrier,
    reader: &mut Reader<'a>,
    limits: &Limits,
) -> Result<Acknowledgement<'a>, Violation> {
    let mut acknowledgement = Acknowledgement::new(packet_id(reader)?);
    if version == ProtocolVersion::V5 {
        acknowledgement.reason = reason_or_success(carrier, reader)?;
        let explanation = Explanation::decode_or_none(reader, limits)?;
        acknowledgement.reason_string = explanation.reason_string;
        acknowledgement.user_properties = explanation.user_properties;
    }
    Ok(acknowledgement)
}

/// The reason code of a packet that may end before it.
pub(super) fn reason_or_success(carrier: Carrier, reader: &mut Reader<'_>) -> Result<ReasonCode, Violation> {
    if reader.is_empty() {
        return Ok(ReasonCode::Success);
    }
    carrier.code(reader.u8()?).ok_or(Violation::ReasonCodeUnknown)
}

/// The properties that every acknowledgement may have.
#[derive(Default)]
pub(super) struct Explanation<'a> {
    pub(super) reason_string: Option<&'a str>,
    pub(super) user_properties: crate::property::UserProperties<'a>,
}

impl<'a> Explanation<'a> {
    pub(super) fn decode_or_none(reader: &mut Reader<'a>, limits: &Limits) -> Result<Self, Violation> {
        if reader.is_empty() { Ok(Explanation::default()) } else { Self::decode(reader, limits) }
    }

    pub(super) fn decode(reader: &mut Reader<'a>, limits: &Limits) -> Result<Self, Violation> {
        let mut explanation = Explanation::default();
        let mut section = Section::split_off(reader, limits.user_properties_max)?;
        while let Some(property) = section.next()? {
            match property {
                Property::ReasonString(text) => explanation.reason_string = Some(text),
                Property::UserProperty(..) => {}
                _ => return Err(Violation::PropertyNotAllowed),
            }
        }
        explanation.user_properties = section.user_properties();
        Ok(explanation)
    }
}
