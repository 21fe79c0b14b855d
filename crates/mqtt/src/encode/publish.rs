//! PUBLISH and its acknowledgements, sections 3.3 to 3.7.
//!
//! Most packets are a PUBLISH without properties: its length is a sum, and the only loop is the copy of its bytes.
//! Invariant: [`Sizes::remaining`] is what [`encode`] writes behind the fixed header.

use super::{Properties, put, section, section_len};
use crate::packet::{Acknowledgement, MessageProperties, ProtocolVersion, Publish, seconds};
use crate::property::{Property, UserProperties};
use crate::reason::ReasonCode;
use crate::topic::TopicName;
use crate::wire::{Sink, varint_len};

/// The lengths in front of the parts of a PUBLISH, in bytes.
pub(super) struct Sizes {
    /// Everything behind the fixed header.
    pub(super) remaining: usize,
    /// The properties, if the version has any.
    properties: Option<usize>,
}

impl Sizes {
    #[inline]
    pub(super) fn of(version: ProtocolVersion, publish: &Publish<'_>) -> Self {
        let topic = publish.topic.map_or(0, |topic| topic.as_str().len());
        let packet_id = if publish.handshake.packet_id().is_some() { 2 } else { 0 };
        let plain = 2 + topic + packet_id + publish.payload.len();
        match version {
            ProtocolVersion::V311 => Sizes { remaining: plain, properties: None },
            ProtocolVersion::V5 => {
                let properties = section_len(publish);
                Sizes { remaining: plain + varint_len(properties) + properties, properties: Some(properties) }
            }
        }
    }
}

#[inline]
pub(super) fn encode(version: ProtocolVersion, publish: &Publish<'_>, out: &mut Vec<u8>) {
    let Sizes { remaining, properties } = Sizes::of(version, publish);
    out.reserve(1 + varint_len(remaining) + remaining);
    let flags = u8::from(publish.dup) << 3 | (publish.handshake.qos() as u8) << 1 | u8::from(publish.retain);
    out.u8(3 << 4 | flags);
    out.varint(remaining);
    match publish.topic {
        Some(topic) => out.text(topic.as_str()),
        None => {
            let aliased = version == ProtocolVersion::V5 && publish.topic_alias.is_some();
            assert!(aliased, "a PUBLISH of ours has neither topic name nor topic alias");
            out.text("");
        }
    }
    if let Some(packet_id) = publish.handshake.packet_id() {
        out.u16(packet_id.get());
    }
    if let Some(len) = properties {
        out.varint(len);
        if len > 0 {
            Properties::encode(publish, out);
        }
    }
    out.bytes(publish.payload);
}

impl Properties for Publish<'_> {
    #[inline]
    fn encode<S: Sink>(&self, to: &mut S) {
        put(self.topic_alias, Property::TopicAlias, to);
        if !self.subscription_identifiers.is_empty() {
            self.subscription_identifiers.encode(to);
        }
        self.properties.encode(to);
    }
}

impl Properties for MessageProperties<'_> {
    #[inline]
    fn encode<S: Sink>(&self, to: &mut S) {
        put(self.payload_is_utf8, Property::PayloadIsUtf8, to);
        put(self.message_expiry.map(seconds), Property::MessageExpiry, to);
        put(self.content_type, Property::ContentType, to);
        put(self.response_topic.map(TopicName::as_str), Property::ResponseTopic, to);
        put(self.correlation_data, Property::CorrelationData, to);
        self.user_properties.encode(to);
    }
}

/// Reason code and properties are left out from the end if they say nothing.
pub(super) fn acknowledgement<S: Sink>(version: ProtocolVersion, packet: &Acknowledgement<'_>, to: &mut S) {
    to.u16(packet.packet_id.get());
    let explanation = Explanation { reason_string: packet.reason_string, user_properties: packet.user_properties };
    if version == ProtocolVersion::V311 || (packet.reason == ReasonCode::Success && explanation.is_empty()) {
        return;
    }
    to.u8(packet.reason.byte());
    if !explanation.is_empty() {
        section(&explanation, to);
    }
}

/// The properties that every acknowledgement may have.
pub(super) struct Explanation<'a> {
    pub(super) reason_string: Option<&'a str>,
    pub(super) user_properties: UserProperties<'a>,
}

impl Explanation<'_> {
    fn is_empty(&self) -> bool {
        self.reason_string.is_none() && self.user_properties.is_empty()
    }
}

impl Properties for Explanation<'_> {
    fn encode<S: Sink>(&self, to: &mut S) {
        put(self.reason_string, Property::ReasonString, to);
        self.user_properties.encode(to);
    }
}
