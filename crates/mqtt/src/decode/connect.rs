//! CONNECT, CONNACK, DISCONNECT and AUTH, sections 3.1, 3.2, 3.14 and 3.15.
//!
//! Invariant: a CONNECT's fault comes with the version it asked for, as soon as that is known, so that the answer can
//! be in words the peer understands.

use std::time::Duration;

use super::publish::{message_property, reason_or_success, topic_name};
use crate::error::Violation;
use crate::limits::Limits;
use crate::packet::{
    Auth, ConnAck, ConnAckProperties, Connect, Disconnect, MessageProperties, ProtocolVersion, QoS, SessionExpiry,
    WillMessage,
};
use crate::property::{Property, Section};
use crate::reason::{Carrier, ReasonCode};
use crate::wire::Reader;

const CLEAN_START: u8 = 0b0000_0010;
const WILL: u8 = 0b0000_0100;
const WILL_QOS_SHIFT: u8 = 3;
const WILL_RETAIN: u8 = 0b0010_0000;
const PASSWORD: u8 = 0b0100_0000;
const USERNAME: u8 = 0b1000_0000;

/// A violation with the version the peer asked for, if it got so far.
type Fault = (Option<ProtocolVersion>, Violation);

pub(super) fn connect<'a>(body: &'a [u8], limits: &Limits) -> Result<Connect<'a>, Fault> {
    let mut reader = Reader::new(body);
    let version = version(&mut reader)?;
    let known = |what| (Some(version), what);
    let connect = connect_as(version, &mut reader, limits).map_err(known)?;
    if reader.is_empty() { Ok(connect) } else { Err(known(Violation::TrailingBytes)) }
}

/// Protocol name and level. A level nobody knows is answered in the nearest version's words: 0x84 is 3.1.1 with the
/// flag by which bridges introduce themselves.
fn version(reader: &mut Reader<'_>) -> Result<ProtocolVersion, Fault> {
    let name = reader.binary().map_err(|what| (None, what))?;
    if name != b"MQTT" {
        return Err((None, Violation::ProtocolName));
    }
    match reader.u8().map_err(|what| (None, what))? {
        4 => Ok(ProtocolVersion::V311),
        5 => Ok(ProtocolVersion::V5),
        level => {
            let nearest = if level & 0x7F < 5 { ProtocolVersion::V311 } else { ProtocolVersion::V5 };
            Err((Some(nearest), Violation::ProtocolVersionUnsupported))
        }
    }
}

fn connect_as<'a>(
    version: ProtocolVersion,
    reader: &mut Reader<'a>,
    limits: &Limits,
) -> Result<Connect<'a>, Violation> {
    let flags = reader.u8()?;
    if flags & 1 != 0 {
        return Err(Violation::ConnectFlagsReserved);
    }
    let clean_start = flags & CLEAN_START != 0;
    let mut connect = Connect::new(version, "");
    connect.clean_start = clean_start;
    connect.keep_alive = Duration::from_secs(reader.u16()?.into());
    match version {
        ProtocolVersion::V311 if !clean_start => connect.session_expiry = SessionExpiry::Never,
        ProtocolVersion::V311 => {}
        ProtocolVersion::V5 => connect_properties(&mut connect, reader, limits)?,
    }
    connect.client_id = reader.text()?;
    if connect.client_id.len() > usize::from(limits.client_id_bytes_max) {
        return Err(Violation::ClientIdTooLong);
    }
    if connect.client_id.is_empty() && version == ProtocolVersion::V311 && !clean_start {
        return Err(Violation::ClientIdMissing);
    }
    connect.will = will(version, flags, reader, limits)?;
    if flags & USERNAME != 0 {
        connect.username = Some(reader.text()?);
    }
    if flags & PASSWORD != 0 {
        if flags & USERNAME == 0 && version == ProtocolVersion::V311 {
            return Err(Violation::PasswordWithoutUserName);
        }
        connect.password = Some(reader.binary()?);
    }
    Ok(connect)
}

fn connect_properties<'a>(
    connect: &mut Connect<'a>,
    reader: &mut Reader<'a>,
    limits: &Limits,
) -> Result<(), Violation> {
    let mut section = Section::split_off(reader, limits.user_properties_max)?;
    while let Some(property) = section.next()? {
        match property {
            Property::SessionExpiry(seconds) => connect.session_expiry = SessionExpiry::from_seconds(seconds),
            Property::ReceiveMaximum(maximum) => connect.receive_maximum = maximum,
            Property::MaximumPacketSize(bytes) => connect.maximum_packet_size = Some(bytes),
            Property::TopicAliasMaximum(maximum) => connect.topic_alias_maximum = maximum,
            Property::RequestResponseInformation(yes) => connect.request_response_information = yes,
            Property::RequestProblemInformation(yes) => connect.request_problem_information = yes,
            Property::AuthenticationMethod(text) => connect.authentication_method = Some(text),
            Property::AuthenticationData(bytes) => connect.authentication_data = Some(bytes),
            Property::UserProperty(..) => {}
            _ => return Err(Violation::PropertyNotAllowed),
        }
    }
    connect.user_properties = section.user_properties();
    if connect.authentication_data.is_some() && connect.authentication_method.is_none() {
        return Err(Violation::AuthenticationMethodMissing);
    }
    Ok(())
}

fn will<'a>(
    version: ProtocolVersion,
    flags: u8,
    reader: &mut Reader<'a>,
    limits: &Limits,
) -> Result<Option<WillMessage<'a>>, Violation> {
    let qos = QoS::from_bits(flags >> WILL_QOS_SHIFT & 0b11).ok_or(Violation::WillFlags)?;
    let retain = flags & WILL_RETAIN != 0;
    if flags & WILL == 0 {
        return if retain || qos != QoS::AtMostOnce { Err(Violation::WillFlags) } else { Ok(None) };
    }
    let mut delay = Duration::ZERO;
    let mut properties = MessageProperties::default();
    if version == ProtocolVersion::V5 {
        let mut section = Section::split_off(reader, limits.user_properties_max)?;
        while let Some(property) = section.next()? {
            match property {
                Property::WillDelay(seconds) => delay = Duration::from_secs(seconds.into()),
                other => message_property(&mut properties, other)?,
            }
        }
        properties.user_properties = section.user_properties();
    }
    let topic = topic_name(reader.binary()?, limits)?;
    let payload = reader.binary()?;
    Ok(Some(WillMessage { topic, payload, qos, retain, delay, properties }))
}

pub(super) fn connack<'a>(
    version: ProtocolVersion,
    reader: &mut Reader<'a>,
    limits: &Limits,
) -> Result<ConnAck<'a>, Violation> {
    let flags = reader.u8()?;
    if flags > 1 {
        return Err(Violation::ConnAckFlagsReserved);
    }
    let session_present = flags == 1;
    let code = reader.u8()?;
    let reason = match version {
        ProtocolVersion::V311 => ReasonCode::from_connack_return_code(code),
        ProtocolVersion::V5 => Carrier::ConnAck.code(code),
    };
    let reason = reason.ok_or(Violation::ReasonCodeUnknown)?;
    if session_present && reason.is_failure() {
        return Err(Violation::SessionPresentOnFailure);
    }
    let properties = match version {
        ProtocolVersion::V311 => ConnAckProperties::default(),
        ProtocolVersion::V5 => connack_properties(reader, limits)?,
    };
    Ok(ConnAck { session_present, reason, properties })
}

#[rustfmt::skip]
fn connack_properties<'a>(reader: &mut Reader<'a>, limits: &Limits) -> Result<ConnAckProperties<'a>, Violation> {
    use Property as P;
    let mut to = ConnAckProperties::default();
    let mut section = Section::split_off(reader, limits.user_properties_max)?;
    while let Some(property) = section.next()? {
        match property {
            P::SessionExpiry(seconds) => to.session_expiry = Some(SessionExpiry::from_seconds(seconds)),
            P::ReceiveMaximum(maximum) => to.receive_maximum = Some(maximum),
            P::MaximumQoS(qos) => to.maximum_qos = Some(qos),
            P::RetainAvailable(yes) => to.retain_available = Some(yes),
            P::MaximumPacketSize(bytes) => to.maximum_packet_size = Some(bytes),
            P::AssignedClientId(text) => to.assigned_client_id = Some(text),
            P::TopicAliasMaximum(maximum) => to.topic_alias_maximum = maximum,
            P::ReasonString(text) => to.reason_string = Some(text),
            P::UserProperty(..) => {}
            P::WildcardSubscriptionAvailable(yes) => to.wildcard_subscription_available = Some(yes),
            P::SubscriptionIdentifiersAvailable(yes) => to.subscription_identifiers_available = Some(yes),
            P::SharedSubscriptionAvailable(yes) => to.shared_subscription_available = Some(yes),
            P::ServerKeepAlive(seconds) => to.server_keep_alive = Some(Duration::from_secs(seconds.into())),
            P::ResponseInformation(text) => to.response_information = Some(text),
            P::ServerReference(text) => to.server_reference = Some(text),
            P::AuthenticationMethod(text) => to.authentication_method = Some(text),
            P::AuthenticationData(bytes) => to.authentication_data = Some(bytes),
            _ => return Err(Violation::PropertyNotAllowed),
        }
    }
    to.user_properties = section.user_properties();
    Ok(to)
}

/// Reason code and properties may be left out from the end.
pub(super) fn disconnect<'a>(
    version: ProtocolVersion,
    reader: &mut Reader<'a>,
    limits: &Limits,
) -> Result<Disconnect<'a>, Violation> {
    let mut disconnect = Disconnect::new(ReasonCode::Success);
    if version == ProtocolVersion::V311 {
        return Ok(disconnect);
    }
    disconnect.reason = reason_or_success(Carrier::Disconnect, reader)?;
    if reader.is_empty() {
        return Ok(disconnect);
    }
    let mut section = Section::split_off(reader, limits.user_properties_max)?;
    while let Some(property) = section.next()? {
        match property {
            Property::SessionExpiry(seconds) => disconnect.session_expiry = Some(SessionExpiry::from_seconds(seconds)),
            Property::ReasonString(text) => disconnect.reason_string = Some(text),
            Property::ServerReference(text) => disconnect.server_reference = Some(text),
            Property::UserProperty(..) => {}
            _ => return Err(Violation::PropertyNotAllowed),
        }
    }
    disconnect.user_properties = section.user_properties();
    Ok(disconnect)
}

/// All of it may be left out, which is the only way to go without an Authentication Method.
pub(super) fn auth<'a>(reader: &mut Reader<'a>, limits: &Limits) -> Result<Auth<'a>, Violation> {
    let mut auth = Auth::SUCCESS;
    if reader.is_empty() {
        return Ok(auth);
    }
    auth.reason = Carrier::Auth.code(reader.u8()?).ok_or(Violation::ReasonCodeUnknown)?;
    let mut section = Section::split_off(reader, limits.user_properties_max)?;
    while let Some(property) = section.next()? {
        match property {
            Property::AuthenticationMethod(text) => auth.authentication_method = Some(text),
            Property::AuthenticationData(bytes) => auth.authentication_data = Some(bytes),
            Property::ReasonString(text) => auth.reason_string = Some(text),
            Property::UserProperty(..) => {}
            _ => return Err(Violation::PropertyNotAllowed),
        }
    }
    auth.user_properties = section.user_properties();
    if auth.authentication_method.is_none() { Err(Violation::AuthenticationMethodMissing) } else { Ok(auth) }
}
