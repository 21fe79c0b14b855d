//! What a peer did wrong, which rule says so, and what to answer.
//!
//! While decoding, an error is one byte, a [`Violation`]; only at the door does it become a [`DecodeError`] with the
//! packet it is about and the answer that the connection's version allows.
//! Invariant: an answer carries a reason code that its packet may carry.

use std::fmt;

use crate::packet::ProtocolVersion;
use crate::reason::{Carrier, ReasonCode};
use crate::topic::TopicError;

/// Why bytes are no packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DecodeError {
    /// The name of the packet, as its first byte says.
    pub packet: &'static str,
    /// The rule that was broken.
    pub what: Violation,
    /// What to tell a 5.0 peer.
    pub reason: ReasonCode,
    /// What to send before the connection is closed, which it must be.
    pub answer: Answer,
}

/// The last word to a peer that broke a rule. The connection is closed after it `[MQTT-4.13.1-1]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Close without a word: MQTT 3.1.1 has none, or the peer does not speak MQTT.
    Close,
    /// A CONNACK with this reason, encoded for this version.
    ConnAck(ProtocolVersion, ReasonCode),
    /// A DISCONNECT with this reason (5.0).
    Disconnect(ReasonCode),
}

/// The rule that was broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[rustfmt::skip]
#[allow(missing_docs, reason = "`facts` below says of each what it means, once")]
pub enum Violation {
    FirstPacketNotConnect, PacketTypeReserved, FixedHeaderFlags, VarintMalformed, PacketTooLarge, Truncated,
    TrailingBytes, TextNotUtf8, TextHasNul, PacketIdZero, QoS3, DupWithQoS0,
    TopicEmpty, TopicMissing, TopicWildcard, TopicTooLongOrDeep, TopicAliasZero, ResponseTopicInvalid,
    ProtocolName, ProtocolVersionUnsupported, ConnectFlagsReserved, WillFlags, PasswordWithoutUserName,
    ClientIdMissing, ClientIdTooLong, ConnAckFlagsReserved, SessionPresentOnFailure, ReasonCodeUnknown,
    FiltersEmpty, FiltersTooMany, SubscriptionOptionsReserved, RetainHandling3, NoLocalOnShared,
    PropertiesOverrun, PropertyUnknown, PropertyNotAllowed, PropertyRepeated, PropertyNotBoolean, MaximumQoSInvalid,
    SubscriptionIdentifierZero, ReceiveMaximumZero, MaximumPacketSizeZero, UserPropertiesTooMany,
    AuthenticationMethodMissing,
}

impl Violation {
    /// The reason code for a 5.0 peer.
    pub fn reason(self) -> ReasonCode {
        self.facts().0
    }

    /// The rule in plain words, with its identifier where the specification gives it one.
    pub fn rule(self) -> &'static str {
        self.facts().1
    }

    #[rustfmt::skip]
    fn facts(self) -> (ReasonCode, &'static str) {
        use ReasonCode::*;
        use Violation as V;
        match self {
            V::FirstPacketNotConnect => (ProtocolError, "packet before CONNECT [MQTT-3.1.0-1]"),
            V::PacketTypeReserved => (MalformedPacket, "packet type is reserved in this version (2.1.2)"),
            V::FixedHeaderFlags => (MalformedPacket, "flags in the fixed header are not what this packet type demands [MQTT-2.1.3-1]"),
            V::VarintMalformed => (MalformedPacket, "variable byte integer is longer than needed or than four bytes [MQTT-1.5.5-1]"),
            V::PacketTooLarge => (PacketTooLarge, "packet is larger than this server accepts [MQTT-3.2.2-15]"),
            V::Truncated => (MalformedPacket, "packet ends inside a field"),
            V::TrailingBytes => (MalformedPacket, "packet goes on behind its last field"),
            V::TextNotUtf8 => (MalformedPacket, "string is not well-formed UTF-8 [MQTT-1.5.4-1]"),
            V::TextHasNul => (MalformedPacket, "string contains U+0000 [MQTT-1.5.4-2]"),
            V::PacketIdZero => (ProtocolError, "packet id is zero [MQTT-2.2.1-3]"),
            V::QoS3 => (MalformedPacket, "QoS 3 does not exist [MQTT-3.3.1-4]"),
            V::DupWithQoS0 => (MalformedPacket, "DUP is set with QoS 0 [MQTT-3.3.1-2]"),
            V::TopicEmpty => (TopicNameInvalid, "topic name is empty [MQTT-4.7.3-1]"),
            V::TopicMissing => (ProtocolError, "neither topic name nor topic alias (3.3.2.1)"),
            V::TopicWildcard => (TopicNameInvalid, "topic name contains a wildcard [MQTT-3.3.2-2]"),
            V::TopicTooLongOrDeep => (TopicNameInvalid, "topic name is longer or has more levels than this server accepts"),
            V::TopicAliasZero => (TopicAliasInvalid, "topic alias is zero [MQTT-3.3.2-8]"),
            V::ResponseTopicInvalid => (ProtocolError, "response topic is not a topic name [MQTT-3.3.2-14]"),
            V::ProtocolName => (UnsupportedProtocolVersion, "protocol name is not 'MQTT' [MQTT-3.1.2-1]"),
            V::ProtocolVersionUnsupported => (UnsupportedProtocolVersion, "protocol version is neither 3.1.1 nor 5.0 [MQTT-3.1.2-2]"),
            V::ConnectFlagsReserved => (MalformedPacket, "reserved connect flag is set [MQTT-3.1.2-3]"),
            V::WillFlags => (MalformedPacket, "will QoS is 3, or will QoS or will retain without a will [MQTT-3.1.2-11] [MQTT-3.1.2-12] [MQTT-3.1.2-13]"),
            V::PasswordWithoutUserName => (MalformedPacket, "password without user name, which 3.1.1 forbids (3.1.1: [MQTT-3.1.2-22])"),
            V::ClientIdMissing => (ClientIdentifierNotValid, "client id is empty and Clean Session is 0 (3.1.1: [MQTT-3.1.3-8])"),
            V::ClientIdTooLong => (ClientIdentifierNotValid, "client id is longer than this server accepts [MQTT-3.1.3-8]"),
            V::ConnAckFlagsReserved => (MalformedPacket, "reserved CONNACK flag is set [MQTT-3.2.2-1]"),
            V::SessionPresentOnFailure => (ProtocolError, "session present in a CONNACK that refuses [MQTT-3.2.2-6]"),
            V::ReasonCodeUnknown => (ProtocolError, "reason code is not one of this packet's (2.4)"),
            V::FiltersEmpty => (ProtocolError, "no topic filter [MQTT-3.8.3-2] [MQTT-3.10.3-2]"),
            V::FiltersTooMany => (QuotaExceeded, "more topic filters in one packet than this server accepts"),
            V::SubscriptionOptionsReserved => (MalformedPacket, "reserved subscription option is set [MQTT-3.8.3-5]"),
            V::RetainHandling3 => (ProtocolError, "retain handling 3 does not exist (3.8.3.1)"),
            V::NoLocalOnShared => (ProtocolError, "no local on a shared subscription [MQTT-3.8.3-4]"),
            V::PropertiesOverrun => (MalformedPacket, "properties are longer than the packet (2.2.2.1)"),
            V::PropertyUnknown => (MalformedPacket, "property does not exist (2.2.2.2)"),
            V::PropertyNotAllowed => (MalformedPacket, "property is not allowed in this packet (2.2.2.2)"),
            V::PropertyRepeated => (ProtocolError, "property is there twice (2.2.2.2)"),
            V::PropertyNotBoolean => (ProtocolError, "property is neither 0 nor 1"),
            V::MaximumQoSInvalid => (ProtocolError, "Maximum QoS is neither 0 nor 1 (3.2.2.3.4)"),
            V::SubscriptionIdentifierZero => (ProtocolError, "Subscription Identifier is zero (3.8.2.1.2)"),
            V::ReceiveMaximumZero => (ProtocolError, "Receive Maximum is zero (3.1.2.11.3)"),
            V::MaximumPacketSizeZero => (ProtocolError, "Maximum Packet Size is zero (3.1.2.11.4)"),
            V::UserPropertiesTooMany => (QuotaExceeded, "more User Properties than this server accepts"),
            V::AuthenticationMethodMissing => (ProtocolError, "Authentication Data or AUTH without Authentication Method (3.1.2.11.10, 3.15.2.2.2)"),
        }
    }

    /// What is left to say to a peer that is past its CONNECT.
    pub(crate) fn in_packet(self, packet: &'static str, version: ProtocolVersion) -> DecodeError {
        let reason = self.reason();
        let answer = match version {
            ProtocolVersion::V311 => Answer::Close,
            // What a DISCONNECT cannot say is wrong with a CONNECT, and that was the second one [MQTT-3.1.0-2].
            ProtocolVersion::V5 => Answer::Disconnect(Carrier::Disconnect.nearest(reason)),
        };
        DecodeError { packet, what: self, reason, answer }
    }

    /// What is left to say to a peer whose CONNECT is wrong; `version` if it got so far as to tell.
    pub(crate) fn in_connect(self, packet: &'static str, version: Option<ProtocolVersion>) -> DecodeError {
        let reason = self.reason();
        let answer = match (version, self) {
            (Some(ProtocolVersion::V5), _) => Answer::ConnAck(ProtocolVersion::V5, Carrier::ConnAck.nearest(reason)),
            // 3.1.1 has a return code for these only, and wants the connection closed for the rest (3.1.1: [MQTT-4.8.0-1]).
            (
                Some(ProtocolVersion::V311),
                Violation::ProtocolVersionUnsupported | Violation::ClientIdMissing | Violation::ClientIdTooLong,
            ) => Answer::ConnAck(ProtocolVersion::V311, reason),
            (Some(ProtocolVersion::V311) | None, _) => Answer::Close,
        };
        DecodeError { packet, what: self, reason, answer }
    }
}

impl From<TopicError> for Violation {
    /// What a malformed topic name means in a packet.
    fn from(error: TopicError) -> Self {
        match error {
            TopicError::Empty => Violation::TopicEmpty,
            TopicError::TooLong => Violation::TopicTooLongOrDeep,
            TopicError::Nul => Violation::TextHasNul,
            TopicError::WildcardInName
            | TopicError::MultiLevelWildcard
            | TopicError::SingleLevelWildcard
            | TopicError::ShareName
            | TopicError::ShareFilter => Violation::TopicWildcard,
        }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.rule())
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}; ", self.packet, self.what)?;
        match self.answer {
            Answer::Close => f.write_str("closing without a reply"),
            Answer::ConnAck(ProtocolVersion::V311, reason) => {
                write!(f, "answering CONNACK with return code {}", reason.connack_return_code())
            }
            Answer::ConnAck(ProtocolVersion::V5, reason) => write!(f, "answering CONNACK {reason}"),
            Answer::Disconnect(reason) => write!(f, "answering DISCONNECT {reason}"),
        }
    }
}

impl std::error::Error for DecodeError {}
