//! Strategies for every packet in both versions.
//!
//! A generated packet borrows from leaked strings: a test process is short, and `Packet<'static>` needs no owner.
//! Invariant: a packet for 3.1.1 says nothing that only 5.0 can say, so that it survives the way there and back.

use std::num::{NonZeroU16, NonZeroU32};
use std::time::Duration;

use factree_mqtt::*;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

/// Any packet that the version has.
pub(crate) fn packet(version: ProtocolVersion) -> BoxedStrategy<Packet<'static>> {
    let acknowledgement = |codes: &'static [ReasonCode]| acknowledgement(version, codes);
    let both = prop_oneof![
        2 => connect(version).prop_map(Packet::Connect),
        1 => connack(version).prop_map(Packet::ConnAck),
        3 => publish(version).prop_map(Packet::Publish),
        1 => acknowledgement(PUBACK).prop_map(Packet::PubAck),
        1 => acknowledgement(PUBACK).prop_map(Packet::PubRec),
        1 => acknowledgement(PUBREL).prop_map(Packet::PubRel),
        1 => acknowledgement(PUBREL).prop_map(Packet::PubComp),
        2 => subscribe(version).prop_map(Packet::Subscribe),
        1 => suback(version).prop_map(Packet::SubAck),
        1 => unsubscribe(version).prop_map(Packet::Unsubscribe),
        1 => unsuback(version).prop_map(Packet::UnsubAck),
        1 => prop_oneof![Just(Packet::PingReq), Just(Packet::PingResp)],
        1 => disconnect(version).prop_map(Packet::Disconnect),
    ];
    match version {
        ProtocolVersion::V311 => both.boxed(),
        ProtocolVersion::V5 => prop_oneof![20 => both, 1 => auth().prop_map(Packet::Auth)].boxed(),
    }
}

/// A version and a packet that it has.
pub(crate) fn any_packet() -> impl Strategy<Value = (ProtocolVersion, Packet<'static>)> {
    prop_oneof![
        packet(ProtocolVersion::V311).prop_map(|packet| (ProtocolVersion::V311, packet)),
        packet(ProtocolVersion::V5).prop_map(|packet| (ProtocolVersion::V5, packet)),
    ]
}

use ReasonCode::*;
const PUBACK: &[ReasonCode] = &[Success, NoMatchingSubscribers, NotAuthorized, QuotaExceeded, PayloadFormatInvalid];
const PUBREL: &[ReasonCode] = &[Success, PacketIdentifierNotFound];
const SUBACK: &[ReasonCode] = &[Success, GrantedQoS1, GrantedQoS2, TopicFilterInvalid, UnspecifiedError];
const SUBACK_311: &[ReasonCode] = &[Success, GrantedQoS1, GrantedQoS2, UnspecifiedError];
const UNSUBACK: &[ReasonCode] = &[Success, NoSubscriptionExisted, NotAuthorized];
const CONNACK: &[ReasonCode] = &[ServerBusy, Banned, BadUserNameOrPassword, NotAuthorized, ConnectionRateExceeded];
const CONNACK_311: &[ReasonCode] =
    &[UnsupportedProtocolVersion, ClientIdentifierNotValid, ServerUnavailable, BadUserNameOrPassword, NotAuthorized];
const DISCONNECT: &[ReasonCode] = &[Success, DisconnectWithWillMessage, KeepAliveTimeout, SessionTakenOver];

fn leak<T>(items: Vec<T>) -> &'static [T] {
    Box::leak(items.into_boxed_slice())
}

/// Text of any characters but U+0000, often empty.
pub(crate) fn text() -> impl Strategy<Value = &'static str> {
    prop_oneof!["", "[a-zA-Z0-9 ]{1,12}", "\\PC{0,12}", "[\u{1}-\u{FFFF}]{0,6}"]
        .prop_map(|text| &*Box::leak(text.replace('\0', "").into_boxed_str()))
}

fn bytes() -> impl Strategy<Value = &'static [u8]> {
    prop_oneof![9 => vec(any::<u8>(), 0..40), 1 => vec(any::<u8>(), 100..400)].prop_map(leak)
}

pub(crate) fn topic() -> impl Strategy<Value = TopicName<'static>> {
    "[^+#/]{0,6}(/[^+#/]{0,6}){0,5}"
        .prop_filter_map("topic names", |text| TopicName::parse(Box::leak(text.into_boxed_str())).ok())
}

pub(crate) fn filter() -> impl Strategy<Value = &'static str> {
    "(\\$share/[a-z]{1,3}/)?([a-z]{0,3}|\\+)(/([a-z]{0,3}|\\+)){0,3}(/#)?"
        .prop_map(|text| &*Box::leak(text.into_boxed_str()))
}

/// Whole seconds, with the edges.
fn time(seconds_max: u32) -> impl Strategy<Value = Duration> {
    prop_oneof![Just(0), Just(1), Just(seconds_max), 0..=seconds_max]
        .prop_map(|seconds| Duration::from_secs(seconds.into()))
}

fn session_expiry() -> impl Strategy<Value = SessionExpiry> {
    prop_oneof![Just(SessionExpiry::Never), time(u32::MAX - 1).prop_map(SessionExpiry::After)]
}

fn qos() -> impl Strategy<Value = QoS> {
    prop_oneof![Just(QoS::AtMostOnce), Just(QoS::AtLeastOnce), Just(QoS::ExactlyOnce)]
}

fn u16_not_zero() -> impl Strategy<Value = NonZeroU16> {
    (1..=u16::MAX).prop_map(|number| NonZeroU16::new(number).unwrap())
}

fn u32_not_zero(max: u32) -> impl Strategy<Value = NonZeroU32> {
    prop_oneof![Just(1), Just(127), Just(128), Just(16_384), Just(2_097_152), Just(max), 1..=max]
        .prop_map(|number| NonZeroU32::new(number).unwrap())
}

fn packet_id() -> impl Strategy<Value = PacketId> {
    u16_not_zero().prop_map(PacketId)
}

fn reason(codes: &'static [ReasonCode]) -> impl Strategy<Value = ReasonCode> {
    proptest::sample::select(codes)
}

fn user_properties(version: ProtocolVersion) -> impl Strategy<Value = UserProperties<'static>> {
    let most = if version == ProtocolVersion::V5 { 4 } else { 0 };
    vec((text(), text()), 0..=most).prop_map(|pairs| {
        let buf: &UserPropertiesBuf = Box::leak(Box::new(pairs.into_iter().collect()));
        buf.as_properties()
    })
}

/// What only 5.0 has: sometimes there, and never in 3.1.1.
fn v5<S: Strategy>(version: ProtocolVersion, strategy: S) -> impl Strategy<Value = Option<S::Value>> {
    option::weighted(0.4, strategy).prop_map(move |value| value.filter(|_| version == ProtocolVersion::V5))
}

fn message_properties(version: ProtocolVersion) -> impl Strategy<Value = MessageProperties<'static>> {
    (
        v5(version, any::<bool>()),
        v5(version, time(u32::MAX)),
        v5(version, text()),
        v5(version, topic()),
        v5(version, bytes()),
        user_properties(version),
    )
        .prop_map(|(utf8, message_expiry, content_type, response_topic, correlation_data, user_properties)| {
            MessageProperties {
                payload_is_utf8: utf8,
                message_expiry,
                content_type,
                response_topic,
                correlation_data,
                user_properties,
            }
        })
}

fn connect(version: ProtocolVersion) -> impl Strategy<Value = Connect<'static>> {
    let will = (topic(), bytes(), qos(), any::<bool>(), v5(version, time(u32::MAX)), message_properties(version))
        .prop_map(|(topic, payload, qos, retain, delay, properties)| WillMessage {
            topic,
            payload,
            qos,
            retain,
            delay: delay.unwrap_or_default(),
            properties,
        });
    let identity = (text(), option::of(text()), option::of(bytes()), any::<bool>(), time(65_535), option::of(will));
    let properties = (
        v5(version, session_expiry()),
        v5(version, u16_not_zero()),
        v5(version, u32_not_zero(u32::MAX)),
        v5(version, any::<u16>()),
        v5(version, Just(true)),
        v5(version, Just(false)),
        v5(version, (text(), option::of(bytes()))),
        user_properties(version),
    );
    (identity, properties).prop_map(move |(identity, properties)| {
        let (client_id, username, password, clean_start, keep_alive, will) = identity;
        let (expiry, receive_maximum, maximum_packet_size, aliases, response, problem, auth, user_properties) =
            properties;
        let v5 = version == ProtocolVersion::V5;
        let clean_start = clean_start || (client_id.is_empty() && !v5);
        let unsaid = if v5 || clean_start { SessionExpiry::ENDS_WITH_CONNECTION } else { SessionExpiry::Never };
        Connect {
            clean_start,
            keep_alive,
            will,
            username,
            password: password.filter(|_| v5 || username.is_some()),
            session_expiry: expiry.unwrap_or(unsaid),
            receive_maximum: receive_maximum.unwrap_or(NonZeroU16::MAX),
            maximum_packet_size,
            topic_alias_maximum: aliases.unwrap_or(0),
            request_response_information: response.is_some(),
            request_problem_information: problem.is_none(),
            authentication_method: auth.map(|(method, _)| method),
            authentication_data: auth.and_then(|(_, data)| data),
            user_properties,
            ..Connect::new(version, client_id)
        }
    })
}

fn connack(version: ProtocolVersion) -> impl Strategy<Value = ConnAck<'static>> {
    let failures = if version == ProtocolVersion::V5 { CONNACK } else { CONNACK_311 };
    let reason = prop_oneof![
        any::<bool>().prop_map(|session_present| (session_present, Success)),
        reason(failures).prop_map(|reason| (false, reason)),
    ];
    let numbers = (
        v5(version, session_expiry()),
        v5(version, u16_not_zero()),
        v5(version, prop_oneof![Just(QoS::AtMostOnce), Just(QoS::AtLeastOnce)]),
        v5(version, u32_not_zero(u32::MAX)),
        v5(version, any::<u16>()),
        v5(version, time(65_535)),
    );
    let switches = (
        v5(version, any::<bool>()),
        v5(version, any::<bool>()),
        v5(version, any::<bool>()),
        v5(version, any::<bool>()),
    );
    let texts = (
        v5(version, text()),
        v5(version, text()),
        v5(version, text()),
        v5(version, text()),
        v5(version, text()),
        v5(version, bytes()),
        user_properties(version),
    );
    (reason, numbers, switches, texts).prop_map(|((session_present, reason), numbers, switches, texts)| ConnAck {
        session_present,
        reason,
        properties: ConnAckProperties {
            session_expiry: numbers.0,
            receive_maximum: numbers.1,
            maximum_qos: numbers.2,
            maximum_packet_size: numbers.3,
            topic_alias_maximum: numbers.4.unwrap_or(0),
            server_keep_alive: numbers.5,
            retain_available: switches.0,
            wildcard_subscription_available: switches.1,
            subscription_identifiers_available: switches.2,
            shared_subscription_available: switches.3,
            assigned_client_id: texts.0,
            reason_string: texts.1,
            response_information: texts.2,
            server_reference: texts.3,
            authentication_method: texts.4,
            authentication_data: texts.5,
            user_properties: texts.6,
        },
    })
}

pub(crate) fn publish(version: ProtocolVersion) -> impl Strategy<Value = Publish<'static>> {
    let handshake = prop_oneof![
        Just(Handshake::AtMostOnce),
        packet_id().prop_map(Handshake::AtLeastOnce),
        packet_id().prop_map(Handshake::ExactlyOnce),
    ];
    let identifiers = v5(version, vec(u32_not_zero(268_435_455), 0..4).prop_map(leak));
    (
        any::<bool>(),
        handshake,
        any::<bool>(),
        topic(),
        any::<bool>(),
        v5(version, u16_not_zero().prop_map(TopicAlias)),
        identifiers,
        message_properties(version),
        bytes(),
    )
        .prop_map(|(dup, handshake, retain, topic, named, topic_alias, identifiers, properties, payload)| {
            Publish {
                dup: dup && handshake.qos() != QoS::AtMostOnce,
                handshake,
                retain,
                topic: (named || topic_alias.is_none()).then_some(topic),
                topic_alias,
                subscription_identifiers: identifiers.unwrap_or_default().into(),
                properties,
                payload,
            }
        })
}

fn acknowledgement(
    version: ProtocolVersion,
    codes: &'static [ReasonCode],
) -> impl Strategy<Value = Acknowledgement<'static>> {
    (packet_id(), v5(version, reason(codes)), v5(version, text()), user_properties(version)).prop_map(
        |(packet_id, reason, reason_string, user_properties)| Acknowledgement {
            packet_id,
            reason: reason.unwrap_or(Success),
            reason_string,
            user_properties,
        },
    )
}

fn subscribe(version: ProtocolVersion) -> impl Strategy<Value = Subscribe<'static>> {
    let handling =
        prop_oneof![Just(RetainHandling::Send), Just(RetainHandling::SendIfNew), Just(RetainHandling::DoNotSend)];
    let request = (filter(), qos(), v5(version, (any::<bool>(), any::<bool>(), handling))).prop_map(
        |(filter, maximum_qos, rest)| {
            let (no_local, retain_as_published, retain_handling) = rest.unwrap_or_default();
            let no_local = no_local && !filter.starts_with("$share/");
            let options = SubscriptionOptions { maximum_qos, no_local, retain_as_published, retain_handling };
            SubscribeRequest { filter, options }
        },
    );
    (packet_id(), v5(version, u32_not_zero(268_435_455)), user_properties(version), vec(request, 1..5)).prop_map(
        |(packet_id, subscription_identifier, user_properties, requests)| Subscribe {
            packet_id,
            subscription_identifier,
            user_properties,
            requests: leak(requests).into(),
        },
    )
}

fn suback(version: ProtocolVersion) -> impl Strategy<Value = SubAck<'static>> {
    let codes = if version == ProtocolVersion::V5 { SUBACK } else { SUBACK_311 };
    (packet_id(), v5(version, text()), user_properties(version), vec(reason(codes), 1..5)).prop_map(
        |(packet_id, reason_string, user_properties, reasons)| SubAck {
            packet_id,
            reason_string,
            user_properties,
            reasons: leak(reasons).into(),
        },
    )
}

fn unsubscribe(version: ProtocolVersion) -> impl Strategy<Value = Unsubscribe<'static>> {
    (packet_id(), user_properties(version), vec(filter(), 1..5)).prop_map(|(packet_id, user_properties, filters)| {
        Unsubscribe { packet_id, user_properties, filters: leak(filters).into() }
    })
}

fn unsuback(version: ProtocolVersion) -> impl Strategy<Value = UnsubAck<'static>> {
    let len = if version == ProtocolVersion::V5 { 1..5 } else { 0..1 };
    (packet_id(), v5(version, text()), user_properties(version), vec(reason(UNSUBACK), len)).prop_map(
        |(packet_id, reason_string, user_properties, reasons)| UnsubAck {
            packet_id,
            reason_string,
            user_properties,
            reasons: leak(reasons).into(),
        },
    )
}

fn disconnect(version: ProtocolVersion) -> impl Strategy<Value = Disconnect<'static>> {
    (
        v5(version, reason(DISCONNECT)),
        v5(version, session_expiry()),
        v5(version, text()),
        user_properties(version),
        v5(version, text()),
    )
        .prop_map(|(reason, session_expiry, reason_string, user_properties, server_reference)| Disconnect {
            reason: reason.unwrap_or(Success),
            session_expiry,
            reason_string,
            user_properties,
            server_reference,
        })
}

fn auth() -> impl Strategy<Value = Auth<'static>> {
    let codes = &[Success, ContinueAuthentication, ReAuthenticate];
    let version = ProtocolVersion::V5;
    let said = (reason(codes), text(), option::of(bytes()), option::of(text()), user_properties(version)).prop_map(
        |(reason, method, authentication_data, reason_string, user_properties)| Auth {
            authentication_data,
            reason_string,
            user_properties,
            ..Auth::new(reason, method)
        },
    );
    prop_oneof![9 => said, 1 => Just(Auth::SUCCESS)]
}
