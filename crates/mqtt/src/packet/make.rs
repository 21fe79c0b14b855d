//! Small ways to make packets and to ask them things.
//!
//! Each constructor fills in what absence means, so that a packet's maker names only what it has to say:
//! `Publish { retain: true, ..Publish::new(topic, payload) }`.
//! Invariant: what a constructor returns encodes to the shortest form of its packet.

use super::*;
use crate::encode::encoded_len;

impl QoS {
    /// The QoS of two bits; 3 is none `[MQTT-3.3.1-4]`.
    #[inline]
    pub fn from_bits(bits: u8) -> Option<QoS> {
        match bits {
            0 => Some(QoS::AtMostOnce),
            1 => Some(QoS::AtLeastOnce),
            2 => Some(QoS::ExactlyOnce),
            _ => None,
        }
    }
}

impl PacketId {
    /// A packet id of a number; zero is none.
    pub const fn new(number: u16) -> Option<PacketId> {
        match NonZeroU16::new(number) {
            Some(number) => Some(PacketId(number)),
            None => None,
        }
    }

    /// The number.
    pub const fn get(self) -> u16 {
        self.0.get()
    }
}

impl TopicAlias {
    /// A topic alias of a number; zero is none.
    pub const fn new(number: u16) -> Option<TopicAlias> {
        match NonZeroU16::new(number) {
            Some(number) => Some(TopicAlias(number)),
            None => None,
        }
    }

    /// The number.
    pub const fn get(self) -> u16 {
        self.0.get()
    }
}

impl Handshake {
    /// The QoS.
    #[inline]
    pub const fn qos(self) -> QoS {
        match self {
            Handshake::AtMostOnce => QoS::AtMostOnce,
            Handshake::AtLeastOnce(_) => QoS::AtLeastOnce,
            Handshake::ExactlyOnce(_) => QoS::ExactlyOnce,
        }
    }

    /// The packet id, if the QoS has one.
    #[inline]
    pub const fn packet_id(self) -> Option<PacketId> {
        match self {
            Handshake::AtMostOnce => None,
            Handshake::AtLeastOnce(packet_id) | Handshake::ExactlyOnce(packet_id) => Some(packet_id),
        }
    }
}

impl Packet<'_> {
    /// The name of the packet in the specification, e.g. `"PUBLISH"`.
    pub const fn name(&self) -> &'static str {
        packet_name(self.packet_type())
    }

    /// The packet type: the upper four bits of the first byte.
    pub(crate) const fn packet_type(&self) -> u8 {
        match self {
            Packet::Connect(_) => 1,
            Packet::ConnAck(_) => 2,
            Packet::Publish(_) => 3,
            Packet::PubAck(_) => 4,
            Packet::PubRec(_) => 5,
            Packet::PubRel(_) => 6,
            Packet::PubComp(_) => 7,
            Packet::Subscribe(_) => 8,
            Packet::SubAck(_) => 9,
            Packet::Unsubscribe(_) => 10,
            Packet::UnsubAck(_) => 11,
            Packet::PingReq => 12,
            Packet::PingResp => 13,
            Packet::Disconnect(_) => 14,
            Packet::Auth(_) => 15,
        }
    }
}

/// The name of a packet type, section 2.1.2.
#[rustfmt::skip]
pub(crate) const fn packet_name(packet_type: u8) -> &'static str {
    const NAMES: [&str; 16] = [
        "packet type 0", "CONNECT", "CONNACK", "PUBLISH", "PUBACK", "PUBREC", "PUBREL", "PUBCOMP", "SUBSCRIBE", "SUBACK",
        "UNSUBSCRIBE", "UNSUBACK", "PINGREQ", "PINGRESP", "DISCONNECT", "AUTH",
    ];
    NAMES[(packet_type & 0x0F) as usize]
}

impl<'a> Connect<'a> {
    /// A clean start that ends with the connection, without keep-alive, will or credentials.
    pub fn new(version: ProtocolVersion, client_id: &'a str) -> Self {
        Connect {
            version,
            clean_start: true,
            keep_alive: Duration::ZERO,
            client_id,
            will: None,
            username: None,
            password: None,
            session_expiry: SessionExpiry::ENDS_WITH_CONNECTION,
            receive_maximum: NonZeroU16::MAX,
            maximum_packet_size: None,
            topic_alias_maximum: 0,
            request_response_information: false,
            request_problem_information: true,
            authentication_method: None,
            authentication_data: None,
            user_properties: UserProperties::EMPTY,
        }
    }
}

impl SessionExpiry {
    /// What absence means in a 5.0 CONNECT.
    pub const ENDS_WITH_CONNECTION: SessionExpiry = SessionExpiry::After(Duration::ZERO);

    /// From seconds on the wire.
    pub(crate) fn from_seconds(seconds: u32) -> Self {
        match seconds {
            u32::MAX => SessionExpiry::Never,
            seconds => SessionExpiry::After(Duration::from_secs(seconds.into())),
        }
    }

    /// To seconds on the wire; what is too long to say but ends is as long as can be said.
    pub(crate) fn seconds(self) -> u32 {
        match self {
            SessionExpiry::Never => u32::MAX,
            SessionExpiry::After(time) => seconds(time).min(u32::MAX - 1),
        }
    }
}

/// Whole seconds, rounded down; what is too long to say is as long as can be said.
pub(crate) fn seconds(time: Duration) -> u32 {
    u32::try_from(time.as_secs()).unwrap_or(u32::MAX)
}

impl<'a> WillMessage<'a> {
    /// QoS 0, not retained, without delay.
    pub fn new(topic: TopicName<'a>, payload: &'a [u8]) -> Self {
        WillMessage {
            topic,
            payload,
            qos: QoS::AtMostOnce,
            retain: false,
            delay: Duration::ZERO,
            properties: MessageProperties::default(),
        }
    }
}

impl ConnAck<'_> {
    /// Without session and properties.
    pub fn new(reason: ReasonCode) -> Self {
        ConnAck { session_present: false, reason, properties: ConnAckProperties::default() }
    }

    /// As a client with this Maximum Packet Size (in bytes) can take it: without Reason String and User Properties if
    /// they are too much `[MQTT-3.2.2-19]`, `[MQTT-3.2.2-20]`; `None` if the rest is `[MQTT-3.1.2-24]`.
    pub fn within(mut self, version: ProtocolVersion, maximum: Option<NonZeroU32>) -> Option<Self> {
        let is_too_large = |it: &Self| is_above(maximum, encoded_len(version, &Packet::ConnAck(it.clone())));
        if is_too_large(&self) {
            self.properties.reason_string = None;
            self.properties.user_properties = UserProperties::EMPTY;
        }
        (!is_too_large(&self)).then_some(self)
    }
}

fn is_above(maximum: Option<NonZeroU32>, len: usize) -> bool {
    maximum.is_some_and(|maximum| len > maximum.get() as usize)
}

impl<'a> Publish<'a> {
    /// QoS 0, not retained, without properties.
    #[inline]
    pub fn new(topic: TopicName<'a>, payload: &'a [u8]) -> Self {
        Publish {
            dup: false,
            handshake: Handshake::AtMostOnce,
            retain: false,
            topic: Some(topic),
            topic_alias: None,
            subscription_identifiers: SubscriptionIdentifiers::EMPTY,
            properties: MessageProperties::default(),
            payload,
        }
    }
}

impl Acknowledgement<'_> {
    /// Success, and nothing else to say.
    #[inline]
    pub fn new(packet_id: PacketId) -> Self {
        Self::with_reason(packet_id, ReasonCode::Success)
    }

    /// A reason code, and nothing else to say.
    #[inline]
    pub fn with_reason(packet_id: PacketId, reason: ReasonCode) -> Self {
        Acknowledgement { packet_id, reason, reason_string: None, user_properties: UserProperties::EMPTY }
    }
}

impl<'a> Subscribe<'a> {
    /// Without properties.
    pub fn new(packet_id: PacketId, requests: impl Into<SubscribeRequests<'a>>) -> Self {
        Subscribe {
            packet_id,
            subscription_identifier: None,
            user_properties: UserProperties::EMPTY,
            requests: requests.into(),
        }
    }
}

impl<'a> SubscribeRequest<'a> {
    /// A filter with a maximum QoS and the other options at their default.
    pub fn new(filter: &'a str, maximum_qos: QoS) -> Self {
        SubscribeRequest { filter, options: SubscriptionOptions { maximum_qos, ..Default::default() } }
    }
}

impl<'a> SubAck<'a> {
    /// Without properties.
    pub fn new(packet_id: PacketId, reasons: impl Into<ReasonCodes<'a>>) -> Self {
        SubAck { packet_id, reason_string: None, user_properties: UserProperties::EMPTY, reasons: reasons.into() }
    }
}

impl<'a> Unsubscribe<'a> {
    /// Without properties.
    pub fn new(packet_id: PacketId, filters: impl Into<Filters<'a>>) -> Self {
        Unsubscribe { packet_id, user_properties: UserProperties::EMPTY, filters: filters.into() }
    }
}

impl<'a> UnsubAck<'a> {
    /// Without properties.
    pub fn new(packet_id: PacketId, reasons: impl Into<ReasonCodes<'a>>) -> Self {
        UnsubAck { packet_id, reason_string: None, user_properties: UserProperties::EMPTY, reasons: reasons.into() }
    }
}

impl Disconnect<'_> {
    /// A reason, and nothing else to say.
    pub fn new(reason: ReasonCode) -> Self {
        Disconnect {
            reason,
            session_expiry: None,
            reason_string: None,
            user_properties: UserProperties::EMPTY,
            server_reference: None,
        }
    }

    /// As a peer with this Maximum Packet Size (in bytes) can take it: without Reason String and User Properties if
    /// they are too much `[MQTT-3.14.2-3]`, `[MQTT-3.14.2-4]`; `None` if the rest is `[MQTT-3.1.2-24]`.
    pub fn within(mut self, version: ProtocolVersion, maximum: Option<NonZeroU32>) -> Option<Self> {
        let is_too_large = |it: &Self| is_above(maximum, encoded_len(version, &Packet::Disconnect(it.clone())));
        if is_too_large(&self) {
            self.reason_string = None;
            self.user_properties = UserProperties::EMPTY;
        }
        (!is_too_large(&self)).then_some(self)
    }
}

impl<'a> Auth<'a> {
    /// The shortest AUTH: success, and nothing else to say. The only one without an Authentication Method.
    pub const SUCCESS: Auth<'static> = Auth {
        reason: ReasonCode::Success,
        authentication_method: None,
        authentication_data: None,
        reason_string: None,
        user_properties: UserProperties::EMPTY,
    };

    /// A reason and the method.
    pub fn new(reason: ReasonCode, authentication_method: &'a str) -> Self {
        Auth { reason, authentication_method: Some(authentication_method), ..Auth::SUCCESS }
    }
}
