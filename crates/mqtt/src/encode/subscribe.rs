//! SUBSCRIBE, UNSUBSCRIBE and their acknowledgements, sections 3.8 to 3.11.
//!
//! Invariant: no list is written empty, because no peer may send or accept one.

use super::publish::Explanation;
use super::{Properties, put, section};
use crate::packet::{ProtocolVersion, SubAck, Subscribe, UnsubAck, Unsubscribe};
use crate::property::Property;
use crate::wire::Sink;

pub(super) fn subscribe<S: Sink>(version: ProtocolVersion, packet: &Subscribe<'_>, to: &mut S) {
    assert!(!packet.requests.is_empty(), "a SUBSCRIBE of ours asks for nothing");
    to.u16(packet.packet_id.get());
    if version == ProtocolVersion::V5 {
        section(packet, to);
    }
    for request in packet.requests.iter() {
        to.text(request.filter);
        to.u8(match version {
            ProtocolVersion::V311 => request.options.maximum_qos as u8,
            ProtocolVersion::V5 => request.options.encode(),
        });
    }
}

impl Properties for Subscribe<'_> {
    fn encode<S: Sink>(&self, to: &mut S) {
        put(self.subscription_identifier, Property::SubscriptionIdentifier, to);
        self.user_properties.encode(to);
    }
}

pub(super) fn suback<S: Sink>(version: ProtocolVersion, packet: &SubAck<'_>, to: &mut S) {
    assert!(!packet.reasons.is_empty(), "a SUBACK of ours answers nothing");
    let SubAck { packet_id, reason_string, user_properties, ref reasons } = *packet;
    to.u16(packet_id.get());
    if version == ProtocolVersion::V5 {
        section(&Explanation { reason_string, user_properties }, to);
    }
    for reason in reasons.iter() {
        to.u8(match version {
            ProtocolVersion::V311 => reason.suback_return_code(),
            ProtocolVersion::V5 => reason.byte(),
        });
    }
}

pub(super) fn unsubscribe<S: Sink>(version: ProtocolVersion, packet: &Unsubscribe<'_>, to: &mut S) {
    assert!(!packet.filters.is_empty(), "an UNSUBSCRIBE of ours names nothing");
    to.u16(packet.packet_id.get());
    if version == ProtocolVersion::V5 {
        section(packet, to);
    }
    for filter in packet.filters.iter() {
        to.text(filter);
    }
}

impl Properties for Unsubscribe<'_> {
    fn encode<S: Sink>(&self, to: &mut S) {
        self.user_properties.encode(to);
    }
}

pub(super) fn unsuback<S: Sink>(version: ProtocolVersion, packet: &UnsubAck<'_>, to: &mut S) {
    let UnsubAck { packet_id, reason_string, user_properties, ref reasons } = *packet;
    to.u16(packet_id.get());
    // 3.1.1 has neither properties nor reason codes.
    if version == ProtocolVersion::V5 {
        assert!(!reasons.is_empty(), "an UNSUBACK of ours answers nothing");
        section(&Explanation { reason_string, user_properties }, to);
        for reason in reasons.iter() {
            to.u8(reason.byte());
        }
    }
}
