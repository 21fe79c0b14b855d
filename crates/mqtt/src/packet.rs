//! The packet model: one set of types for MQTT 3.1.1 and 5.0, shaped like 5.0.
//!
//! Every packet borrows from the bytes it was decoded from (or from whatever its maker owns): decoding a PUBLISH allocates
//! nothing and copies nothing. Where MQTT 3.1.1 has no such field, the field holds what its absence means in 5.0. The
//! version is an argument of [`decode`](crate::decode) and [`encode`](crate::encode), never part of a packet.
//! Invariant: a value of these types is already legal on the wire; what could be malformed was refused while decoding.

mod make;

use std::num::{NonZeroU16, NonZeroU32};
use std::time::Duration;

pub(crate) use make::{packet_name, seconds};

use crate::list::List;
use crate::property::{SubscriptionIdentifiers, UserProperties};
use crate::reason::ReasonCode;
use crate::topic::TopicName;

/// The two protocol versions spoken on one port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ProtocolVersion {
    /// MQTT 3.1.1, protocol level 4.
    V311,
    /// MQTT 5.0, protocol level 5.
    V5,
}

/// Quality of Service: how hard sender and receiver try.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum QoS {
    /// QoS 0, fire and forget.
    #[default]
    AtMostOnce = 0,
    /// QoS 1, acknowledged with PUBACK.
    AtLeastOnce = 1,
    /// QoS 2, acknowledged in two steps.
    ExactlyOnce = 2,
}

/// Packet Identifier: never zero `[MQTT-2.2.1-3]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PacketId(pub NonZeroU16);

/// Topic Alias: never zero `[MQTT-3.3.2-8]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TopicAlias(pub NonZeroU16);

/// Any MQTT control packet.
#[derive(Clone, Debug, PartialEq)]
pub enum Packet<'a> {
    /// 1, client to server.
    Connect(Connect<'a>),
    /// 2, server to client.
    ConnAck(ConnAck<'a>),
    /// 3, both ways.
    Publish(Publish<'a>),
    /// 4, both ways: QoS 1 acknowledged.
    PubAck(Acknowledgement<'a>),
    /// 5, both ways: QoS 2 received, step 1.
    PubRec(Acknowledgement<'a>),
    /// 6, both ways: QoS 2 released, step 2.
    PubRel(Acknowledgement<'a>),
    /// 7, both ways: QoS 2 complete, step 3.
    PubComp(Acknowledgement<'a>),
    /// 8, client to server.
    Subscribe(Subscribe<'a>),
    /// 9, server to client.
    SubAck(SubAck<'a>),
    /// 10, client to server.
    Unsubscribe(Unsubscribe<'a>),
    /// 11, server to client.
    UnsubAck(UnsubAck<'a>),
    /// 12, client to server.
    PingReq,
    /// 13, server to client.
    PingResp,
    /// 14, both ways in 5.0, client to server in 3.1.1.
    Disconnect(Disconnect<'a>),
    /// 15, both ways, 5.0 only.
    Auth(Auth<'a>),
}

/// CONNECT: a client asks for a session.
#[derive(Clone, Debug, PartialEq)]
pub struct Connect<'a> {
    /// Which version this connection speaks from here on.
    pub version: ProtocolVersion,
    /// Clean Session (3.1.1) or Clean Start (5.0).
    pub clean_start: bool,
    /// Zero turns keep-alive off.
    pub keep_alive: Duration,
    /// Empty asks the server to assign one.
    pub client_id: &'a str,
    /// What to publish when the connection ends without a DISCONNECT.
    pub will: Option<WillMessage<'a>>,
    /// User Name.
    pub username: Option<&'a str>,
    /// Password; binary data.
    pub password: Option<&'a [u8]>,
    /// How long the session outlives the connection. In 3.1.1: zero with Clean Session, else [`SessionExpiry::Never`].
    pub session_expiry: SessionExpiry,
    /// How many QoS>0 PUBLISH the client takes unacknowledged; 65,535 if absent.
    pub receive_maximum: NonZeroU16,
    /// The largest packet, in bytes, that the client accepts.
    pub maximum_packet_size: Option<NonZeroU32>,
    /// How many topic aliases the client accepts from the server; zero is none.
    pub topic_alias_maximum: u16,
    /// Whether the client asks for Response Information in the CONNACK.
    pub request_response_information: bool,
    /// Whether the server may send Reason Strings and User Properties on failures.
    pub request_problem_information: bool,
    /// Enhanced authentication method.
    pub authentication_method: Option<&'a str>,
    /// Enhanced authentication data.
    pub authentication_data: Option<&'a [u8]>,
    /// User Properties in order.
    pub user_properties: UserProperties<'a>,
}

/// Session Expiry Interval.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SessionExpiry {
    /// So long after the connection closed; zero ends the session with the connection.
    After(Duration),
    /// 0xFFFFFFFF: the session does not expire.
    Never,
}

/// The Will Message of a CONNECT.
#[derive(Clone, Debug, PartialEq)]
pub struct WillMessage<'a> {
    /// Where it is published.
    pub topic: TopicName<'a>,
    /// What is published.
    pub payload: &'a [u8],
    /// With which QoS.
    pub qos: QoS,
    /// Whether it becomes the retained message of its topic.
    pub retain: bool,
    /// How long after the connection is lost.
    pub delay: Duration,
    /// The properties it is published with.
    pub properties: MessageProperties<'a>,
}

/// What a message carries besides topic and payload, end to end. Empty in 3.1.1.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MessageProperties<'a> {
    /// Payload Format Indicator: 1, the payload is UTF-8 text; 0, it is any bytes, as it is without one. Kept apart so
    /// that it leaves as it came `[MQTT-3.3.2-4]`.
    pub payload_is_utf8: Option<bool>,
    /// Message Expiry Interval.
    pub message_expiry: Option<Duration>,
    /// MIME type or any other text agreed upon.
    pub content_type: Option<&'a str>,
    /// Where a response should be published.
    pub response_topic: Option<TopicName<'a>>,
    /// What identifies the request in the response.
    pub correlation_data: Option<&'a [u8]>,
    /// User Properties in order `[MQTT-3.3.2-17]`, `[MQTT-3.3.2-18]`.
    pub user_properties: UserProperties<'a>,
}

/// CONNACK: the answer to a CONNECT.
#[derive(Clone, Debug, PartialEq)]
pub struct ConnAck<'a> {
    /// Whether a kept session was resumed.
    pub session_present: bool,
    /// [`ReasonCode::Success`] or why not. Sent to 3.1.1 clients as the nearest return code.
    pub reason: ReasonCode,
    /// Properties; ignored when encoding for 3.1.1.
    pub properties: ConnAckProperties<'a>,
}

/// Properties of a CONNACK. The default says what the absence of each says.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ConnAckProperties<'a> {
    /// If the server uses another one than the client asked for.
    pub session_expiry: Option<SessionExpiry>,
    /// How many QoS>0 PUBLISH the server takes unacknowledged.
    pub receive_maximum: Option<NonZeroU16>,
    /// The highest QoS the server supports, if not 2.
    pub maximum_qos: Option<QoS>,
    /// Whether retained messages are supported; absent means yes.
    pub retain_available: Option<bool>,
    /// The largest packet, in bytes, that the server accepts.
    pub maximum_packet_size: Option<NonZeroU32>,
    /// The id the server gave to a client that sent none.
    pub assigned_client_id: Option<&'a str>,
    /// How many topic aliases the server accepts; zero is none.
    pub topic_alias_maximum: u16,
    /// For people and logs.
    pub reason_string: Option<&'a str>,
    /// User Properties in order.
    pub user_properties: UserProperties<'a>,
    /// Whether wildcard subscriptions are supported; absent means yes.
    pub wildcard_subscription_available: Option<bool>,
    /// Whether subscription identifiers are supported; absent means yes.
    pub subscription_identifiers_available: Option<bool>,
    /// Whether shared subscriptions are supported; absent means yes.
    pub shared_subscription_available: Option<bool>,
    /// The keep-alive the client must use instead of its own.
    pub server_keep_alive: Option<Duration>,
    /// Basis for response topics.
    pub response_information: Option<&'a str>,
    /// Another server to use.
    pub server_reference: Option<&'a str>,
    /// Enhanced authentication method.
    pub authentication_method: Option<&'a str>,
    /// Enhanced authentication data.
    pub authentication_data: Option<&'a [u8]>,
}

/// PUBLISH, in either direction.
#[derive(Clone, Debug, PartialEq)]
pub struct Publish<'a> {
    /// Set on a repeated attempt; never with QoS 0 `[MQTT-3.3.1-2]`.
    pub dup: bool,
    /// QoS and, for QoS>0, the packet id.
    pub handshake: Handshake,
    /// Retain flag.
    pub retain: bool,
    /// The topic; `None` when it is named by `topic_alias` only (5.0), which is then present.
    pub topic: Option<TopicName<'a>>,
    /// Topic Alias: hop by hop, so not part of [`MessageProperties`].
    pub topic_alias: Option<TopicAlias>,
    /// Subscription identifiers, server to client only.
    pub subscription_identifiers: SubscriptionIdentifiers<'a>,
    /// What travels with the message end to end.
    pub properties: MessageProperties<'a>,
    /// The application message.
    pub payload: &'a [u8],
}

/// QoS of a PUBLISH together with what that QoS needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Handshake {
    /// QoS 0 has no packet id `[MQTT-2.2.1-2]`.
    AtMostOnce,
    /// QoS 1.
    AtLeastOnce(PacketId),
    /// QoS 2.
    ExactlyOnce(PacketId),
}

/// PUBACK, PUBREC, PUBREL or PUBCOMP.
#[derive(Clone, Debug, PartialEq)]
pub struct Acknowledgement<'a> {
    /// Which PUBLISH.
    pub packet_id: PacketId,
    /// Always [`ReasonCode::Success`] in 3.1.1.
    pub reason: ReasonCode,
    /// For people and logs; 5.0 only.
    pub reason_string: Option<&'a str>,
    /// User Properties in order; 5.0 only.
    pub user_properties: UserProperties<'a>,
}

/// SUBSCRIBE; at least one filter `[MQTT-3.8.3-2]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Subscribe<'a> {
    /// Answered by the SUBACK with the same.
    pub packet_id: PacketId,
    /// 1 to 268,435,455; comes back with each matching delivery.
    pub subscription_identifier: Option<NonZeroU32>,
    /// User Properties in order.
    pub user_properties: UserProperties<'a>,
    /// What is asked for.
    pub requests: SubscribeRequests<'a>,
}

/// The entries of a SUBSCRIBE, in order. Made from a slice with `into()`.
pub type SubscribeRequests<'a> = List<'a, SubscribeRequest<'a>>;

/// The filters of an UNSUBSCRIBE, in order and as sent. Made from a slice with `into()`.
pub type Filters<'a> = List<'a, &'a str>;

/// The reason codes of a SUBACK or UNSUBACK, in order. Made from a slice with `into()`.
pub type ReasonCodes<'a> = List<'a, ReasonCode>;

/// One entry of a SUBSCRIBE.
///
/// The filter is UTF-8 text, not yet a `TopicFilter`: a malformed filter costs its own entry a reason code in the SUBACK
/// (0x8F), not the connection; [`TopicFilter::parse`](crate::TopicFilter::parse) is where it becomes one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SubscribeRequest<'a> {
    /// As sent.
    pub filter: &'a str,
    /// How it is to be served.
    pub options: SubscriptionOptions,
}

/// Subscription Options; in 3.1.1 only the QoS is sent, the rest is the default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct SubscriptionOptions {
    /// The maximum QoS of deliveries.
    pub maximum_qos: QoS,
    /// Do not deliver what this client published itself.
    pub no_local: bool,
    /// Keep the retain flag as it was published.
    pub retain_as_published: bool,
    /// What to do with retained messages when the subscription is made.
    pub retain_handling: RetainHandling,
}

/// Retain Handling option of a subscription.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum RetainHandling {
    /// 0: send retained messages whenever the subscription is made.
    #[default]
    Send = 0,
    /// 1: send them only if the subscription is new.
    SendIfNew = 1,
    /// 2: do not send them.
    DoNotSend = 2,
}

/// SUBACK.
#[derive(Clone, Debug, PartialEq)]
pub struct SubAck<'a> {
    /// The SUBSCRIBE's.
    pub packet_id: PacketId,
    /// For people and logs; 5.0 only.
    pub reason_string: Option<&'a str>,
    /// User Properties in order; 5.0 only.
    pub user_properties: UserProperties<'a>,
    /// One per request, in their order `[MQTT-3.8.4-5]`. Failures go to 3.1.1 clients as 0x80.
    pub reasons: ReasonCodes<'a>,
}

/// UNSUBSCRIBE; at least one filter `[MQTT-3.10.3-2]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Unsubscribe<'a> {
    /// Answered by the UNSUBACK with the same.
    pub packet_id: PacketId,
    /// User Properties in order.
    pub user_properties: UserProperties<'a>,
    /// The filters as sent, compared byte for byte `[MQTT-3.10.4-1]`.
    pub filters: Filters<'a>,
}

/// UNSUBACK.
#[derive(Clone, Debug, PartialEq)]
pub struct UnsubAck<'a> {
    /// The UNSUBSCRIBE's.
    pub packet_id: PacketId,
    /// For people and logs; 5.0 only.
    pub reason_string: Option<&'a str>,
    /// User Properties in order; 5.0 only.
    pub user_properties: UserProperties<'a>,
    /// One per filter, in their order; empty in 3.1.1.
    pub reasons: ReasonCodes<'a>,
}

/// DISCONNECT.
#[derive(Clone, Debug, PartialEq)]
pub struct Disconnect<'a> {
    /// Normal disconnection in 3.1.1.
    pub reason: ReasonCode,
    /// A new session expiry, client to server, 5.0 only.
    pub session_expiry: Option<SessionExpiry>,
    /// For people and logs; 5.0 only.
    pub reason_string: Option<&'a str>,
    /// User Properties in order; 5.0 only.
    pub user_properties: UserProperties<'a>,
    /// Another server to use; 5.0 only.
    pub server_reference: Option<&'a str>,
}

/// AUTH, 5.0 only.
#[derive(Clone, Debug, PartialEq)]
pub struct Auth<'a> {
    /// Success, continue authentication or re-authenticate.
    pub reason: ReasonCode,
    /// Enhanced authentication method.
    pub authentication_method: Option<&'a str>,
    /// Enhanced authentication data.
    pub authentication_data: Option<&'a [u8]>,
    /// For people and logs.
    pub reason_string: Option<&'a str>,
    /// User Properties in order.
    pub user_properties: UserProperties<'a>,
}
