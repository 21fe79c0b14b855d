//! CONNECT, CONNACK, DISCONNECT and AUTH, sections 3.1, 3.2, 3.14 and 3.15.
//!
//! Invariant: a property that says no more than its absence is not written.

use std::num::NonZeroU16;
use std::time::Duration;

use super::{Properties, put, section, section_len};
use crate::packet::{
    Auth, ConnAck, ConnAckProperties, Connect, Disconnect, ProtocolVersion, QoS, SessionExpiry, WillMessage, seconds,
};
use crate::property::Property;
use crate::reason::ReasonCode;
use crate::wire::Sink;

pub(super) fn connect<S: Sink>(connect: &Connect<'_>, to: &mut S) {
    to.text("MQTT");
    to.u8(match connect.version {
        ProtocolVersion::V311 => 4,
        ProtocolVersion::V5 => 5,
    });
    to.u8(connect_flags(connect));
    to.u16(seconds_u16(connect.keep_alive));
    if connect.version == ProtocolVersion::V5 {
        section(connect, to);
    }
    to.text(connect.client_id);
    if let Some(will) = &connect.will {
        if connect.version == ProtocolVersion::V5 {
            section(will, to);
        }
        to.text(will.topic.as_str());
        to.binary(will.payload);
    }
    if let Some(username) = connect.username {
        to.text(username);
    }
    if let Some(password) = connect.password {
        to.binary(password);
    }
}

fn connect_flags(connect: &Connect<'_>) -> u8 {
    let will = connect.will.as_ref().map_or(0, |will| 1 << 2 | (will.qos as u8) << 3 | u8::from(will.retain) << 5);
    u8::from(connect.clean_start) << 1
        | will
        | u8::from(connect.password.is_some()) << 6
        | u8::from(connect.username.is_some()) << 7
}

fn seconds_u16(time: Duration) -> u16 {
    u16::try_from(time.as_secs()).unwrap_or(u16::MAX)
}

impl Properties for Connect<'_> {
    fn encode<S: Sink>(&self, to: &mut S) {
        let session_expiry =
            (self.session_expiry != SessionExpiry::ENDS_WITH_CONNECTION).then_some(self.session_expiry);
        put(session_expiry.map(SessionExpiry::seconds), Property::SessionExpiry, to);
        let receive_maximum = (self.receive_maximum != NonZeroU16::MAX).then_some(self.receive_maximum);
        put(receive_maximum, Property::ReceiveMaximum, to);
        put(self.maximum_packet_size, Property::MaximumPacketSize, to);
        put(unless_zero(self.topic_alias_maximum), Property::TopicAliasMaximum, to);
        put(self.request_response_information.then_some(true), Property::RequestResponseInformation, to);
        put((!self.request_problem_information).then_some(false), Property::RequestProblemInformation, to);
        put(self.authentication_method, Property::AuthenticationMethod, to);
        put(self.authentication_data, Property::AuthenticationData, to);
        self.user_properties.encode(to);
    }
}

fn unless_zero(maximum: u16) -> Option<u16> {
    (maximum != 0).then_some(maximum)
}

impl Properties for WillMessage<'_> {
    fn encode<S: Sink>(&self, to: &mut S) {
        let delay = seconds(self.delay);
        put((delay != 0).then_some(delay), Property::WillDelay, to);
        Properties::encode(&self.properties, to);
    }
}

pub(super) fn connack<S: Sink>(version: ProtocolVersion, connack: &ConnAck<'_>, to: &mut S) {
    // Only a CONNACK that accepts can find a session present [MQTT-3.2.2-6].
    to.u8((connack.session_present && !connack.reason.is_failure()).into());
    match version {
        ProtocolVersion::V311 => to.u8(connack.reason.connack_return_code()),
        ProtocolVersion::V5 => {
            to.u8(connack.reason.byte());
            section(&connack.properties, to);
        }
    }
}

impl Properties for ConnAckProperties<'_> {
    fn encode<S: Sink>(&self, to: &mut S) {
        put(self.session_expiry.map(SessionExpiry::seconds), Property::SessionExpiry, to);
        put(self.receive_maximum, Property::ReceiveMaximum, to);
        // QoS 2 is what absence says; the property cannot say it.
        put(self.maximum_qos.filter(|qos| *qos != QoS::ExactlyOnce), Property::MaximumQoS, to);
        put(self.retain_available, Property::RetainAvailable, to);
        put(self.maximum_packet_size, Property::MaximumPacketSize, to);
        put(self.assigned_client_id, Property::AssignedClientId, to);
        put(unless_zero(self.topic_alias_maximum), Property::TopicAliasMaximum, to);
        put(self.reason_string, Property::ReasonString, to);
        put(self.wildcard_subscription_available, Property::WildcardSubscriptionAvailable, to);
        put(self.subscription_identifiers_available, Property::SubscriptionIdentifiersAvailable, to);
        put(self.shared_subscription_available, Property::SharedSubscriptionAvailable, to);
        put(self.server_keep_alive.map(seconds_u16), Property::ServerKeepAlive, to);
        put(self.response_information, Property::ResponseInformation, to);
        put(self.server_reference, Property::ServerReference, to);
        put(self.authentication_method, Property::AuthenticationMethod, to);
        put(self.authentication_data, Property::AuthenticationData, to);
        self.user_properties.encode(to);
    }
}

/// Reason code and properties are left out from the end if they say nothing.
pub(super) fn disconnect<S: Sink>(version: ProtocolVersion, disconnect: &Disconnect<'_>, to: &mut S) {
    if version == ProtocolVersion::V311 {
        return;
    }
    let silent = section_len(disconnect) == 0;
    if silent && disconnect.reason == ReasonCode::Success {
        return;
    }
    to.u8(disconnect.reason.byte());
    if !silent {
        section(disconnect, to);
    }
}

impl Properties for Disconnect<'_> {
    fn encode<S: Sink>(&self, to: &mut S) {
        put(self.session_expiry.map(SessionExpiry::seconds), Property::SessionExpiry, to);
        put(self.reason_string, Property::ReasonString, to);
        put(self.server_reference, Property::ServerReference, to);
        self.user_properties.encode(to);
    }
}

pub(super) fn auth<S: Sink>(version: ProtocolVersion, auth: &Auth<'_>, to: &mut S) {
    assert!(version == ProtocolVersion::V5, "MQTT 3.1.1 has no AUTH");
    if *auth == Auth::SUCCESS {
        return;
    }
    assert!(auth.authentication_method.is_some(), "an AUTH of ours has no Authentication Method");
    to.u8(auth.reason.byte());
    section(auth, to);
}

impl Properties for Auth<'_> {
    fn encode<S: Sink>(&self, to: &mut S) {
        put(self.authentication_method, Property::AuthenticationMethod, to);
        put(self.authentication_data, Property::AuthenticationData, to);
        put(self.reason_string, Property::ReasonString, to);
        self.user_properties.encode(to);
    }
}
