//! Reason codes: the one vocabulary in which MQTT 5.0 says how something went, and its poorer 3.1.1 translations.
//!
//! 0x00 has three names in the specification (Success, Normal disconnection, Granted QoS 0); here it has one.
//! Invariant: `ReasonCode::ALL` lists every variant in the order of its byte.

use std::fmt;

/// How something went. The discriminant is the byte on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
#[rustfmt::skip]
#[allow(missing_docs, reason = "the specification's own names, section 2.4; the one with three names is documented")]
pub enum ReasonCode {
    /// Success; also Normal disconnection and Granted QoS 0.
    Success = 0x00,
    GrantedQoS1 = 0x01,
    GrantedQoS2 = 0x02,
    DisconnectWithWillMessage = 0x04,
    NoMatchingSubscribers = 0x10,
    NoSubscriptionExisted = 0x11,
    ContinueAuthentication = 0x18,
    ReAuthenticate = 0x19,
    UnspecifiedError = 0x80,
    MalformedPacket = 0x81,
    ProtocolError = 0x82,
    ImplementationSpecificError = 0x83,
    UnsupportedProtocolVersion = 0x84,
    ClientIdentifierNotValid = 0x85,
    BadUserNameOrPassword = 0x86,
    NotAuthorized = 0x87,
    ServerUnavailable = 0x88,
    ServerBusy = 0x89,
    Banned = 0x8A,
    ServerShuttingDown = 0x8B,
    BadAuthenticationMethod = 0x8C,
    KeepAliveTimeout = 0x8D,
    SessionTakenOver = 0x8E,
    TopicFilterInvalid = 0x8F,
    TopicNameInvalid = 0x90,
    PacketIdentifierInUse = 0x91,
    PacketIdentifierNotFound = 0x92,
    ReceiveMaximumExceeded = 0x93,
    TopicAliasInvalid = 0x94,
    PacketTooLarge = 0x95,
    MessageRateTooHigh = 0x96,
    QuotaExceeded = 0x97,
    AdministrativeAction = 0x98,
    PayloadFormatInvalid = 0x99,
    RetainNotSupported = 0x9A,
    QoSNotSupported = 0x9B,
    UseAnotherServer = 0x9C,
    ServerMoved = 0x9D,
    SharedSubscriptionsNotSupported = 0x9E,
    ConnectionRateExceeded = 0x9F,
    MaximumConnectTime = 0xA0,
    SubscriptionIdentifiersNotSupported = 0xA1,
    WildcardSubscriptionsNotSupported = 0xA2,
}

use ReasonCode::*;

impl ReasonCode {
    /// Every reason code of MQTT 5.0, by byte.
    #[rustfmt::skip]
    pub const ALL: [ReasonCode; 43] = [
        Success, GrantedQoS1, GrantedQoS2, DisconnectWithWillMessage, NoMatchingSubscribers, NoSubscriptionExisted,
        ContinueAuthentication, ReAuthenticate,
        UnspecifiedError, MalformedPacket, ProtocolError, ImplementationSpecificError, UnsupportedProtocolVersion,
        ClientIdentifierNotValid, BadUserNameOrPassword, NotAuthorized, ServerUnavailable, ServerBusy, Banned,
        ServerShuttingDown, BadAuthenticationMethod, KeepAliveTimeout, SessionTakenOver, TopicFilterInvalid,
        TopicNameInvalid, PacketIdentifierInUse, PacketIdentifierNotFound, ReceiveMaximumExceeded, TopicAliasInvalid,
        PacketTooLarge, MessageRateTooHigh, QuotaExceeded, AdministrativeAction, PayloadFormatInvalid,
        RetainNotSupported, QoSNotSupported, UseAnotherServer, ServerMoved, SharedSubscriptionsNotSupported,
        ConnectionRateExceeded, MaximumConnectTime, SubscriptionIdentifiersNotSupported,
        WildcardSubscriptionsNotSupported,
    ];

    /// The reason code of a byte, if MQTT 5.0 knows it.
    pub fn from_byte(byte: u8) -> Option<ReasonCode> {
        Some(match byte {
            0x00 => Success,
            0x01 => GrantedQoS1,
            0x02 => GrantedQoS2,
            0x04 => DisconnectWithWillMessage,
            0x10 => NoMatchingSubscribers,
            0x11 => NoSubscriptionExisted,
            0x18 => ContinueAuthentication,
            0x19 => ReAuthenticate,
            // From 0x80 on there are no gaps, so the table after its first eight entries is the answer.
            0x80..=0xA2 => Self::ALL[8 + usize::from(byte - 0x80)],
            _ => return None,
        })
    }

    /// The byte on the wire.
    pub const fn byte(self) -> u8 {
        self as u8
    }

    /// Whether this code says that something failed: 0x80 and above.
    pub const fn is_failure(self) -> bool {
        self.byte() >= 0x80
    }

    /// The nearest CONNACK return code of MQTT 3.1.1 (0 to 5), table 3.1 there.
    pub const fn connack_return_code(self) -> u8 {
        match self {
            UnsupportedProtocolVersion => 1,
            ClientIdentifierNotValid => 2,
            BadUserNameOrPassword | BadAuthenticationMethod => 4,
            NotAuthorized | Banned => 5,
            // 3.1.1 has no word for all the rest; "server unavailable" is the one that lets a client try again.
            other if other.is_failure() => 3,
            _ => 0,
        }
    }

    /// What a CONNACK return code of MQTT 3.1.1 means; `None` above 5, which is reserved.
    pub const fn from_connack_return_code(code: u8) -> Option<ReasonCode> {
        Some(match code {
            0 => Success,
            1 => UnsupportedProtocolVersion,
            2 => ClientIdentifierNotValid,
            3 => ServerUnavailable,
            4 => BadUserNameOrPassword,
            5 => NotAuthorized,
            _ => return None,
        })
    }

    /// The SUBACK return code of MQTT 3.1.1: the granted QoS, or 0x80 for any failure `[MQTT-3.9.3-2]`.
    pub const fn suback_return_code(self) -> u8 {
        if self.is_failure() { 0x80 } else { self.byte() }
    }
}

impl From<crate::QoS> for ReasonCode {
    /// The code of a SUBACK that grants this QoS.
    fn from(granted: crate::QoS) -> Self {
        match granted {
            crate::QoS::AtMostOnce => Success,
            crate::QoS::AtLeastOnce => GrantedQoS1,
            crate::QoS::ExactlyOnce => GrantedQoS2,
        }
    }
}

impl fmt::Display for ReasonCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?} (0x{:02X})", self.byte())
    }
}

/// Which codes a packet may carry: a value outside its packet's table is a Protocol Error, e.g. `[MQTT-3.4.2-1]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Carrier {
    ConnAck,
    PubAckOrPubRec,
    PubRelOrPubComp,
    SubAck,
    SubAckV311,
    UnsubAck,
    Disconnect,
    Auth,
}

impl Carrier {
    /// The code of a byte, if this packet may carry it. Section 2.4 of MQTT 5.0; 3.9.3 of MQTT 3.1.1.
    #[rustfmt::skip]
    pub(crate) fn code(self, byte: u8) -> Option<ReasonCode> {
        let code = ReasonCode::from_byte(byte)?;
        let fits = match self {
            Carrier::ConnAck => matches!(code, Success | UnspecifiedError | MalformedPacket | ProtocolError
                | ImplementationSpecificError | UnsupportedProtocolVersion | ClientIdentifierNotValid
                | BadUserNameOrPassword | NotAuthorized | ServerUnavailable | ServerBusy | Banned
                | BadAuthenticationMethod | TopicNameInvalid | PacketTooLarge | QuotaExceeded | PayloadFormatInvalid
                | RetainNotSupported | QoSNotSupported | UseAnotherServer | ServerMoved | ConnectionRateExceeded),
            Carrier::PubAckOrPubRec => matches!(code, Success | NoMatchingSubscribers | UnspecifiedError
                | ImplementationSpecificError | NotAuthorized | TopicNameInvalid | PacketIdentifierInUse
                | QuotaExceeded | PayloadFormatInvalid),
            Carrier::PubRelOrPubComp => matches!(code, Success | PacketIdentifierNotFound),
            Carrier::SubAck => matches!(code, Success | GrantedQoS1 | GrantedQoS2 | UnspecifiedError
                | ImplementationSpecificError | NotAuthorized | TopicFilterInvalid | PacketIdentifierInUse
                | QuotaExceeded | SharedSubscriptionsNotSupported | SubscriptionIdentifiersNotSupported
                | WildcardSubscriptionsNotSupported),
            Carrier::SubAckV311 => matches!(code, Success | GrantedQoS1 | GrantedQoS2 | UnspecifiedError),
            Carrier::UnsubAck => matches!(code, Success | NoSubscriptionExisted | UnspecifiedError
                | ImplementationSpecificError | NotAuthorized | TopicFilterInvalid | PacketIdentifierInUse),
            Carrier::Disconnect => matches!(code, Success | DisconnectWithWillMessage | UnspecifiedError
                | MalformedPacket | ProtocolError | ImplementationSpecificError | NotAuthorized | ServerBusy
                | ServerShuttingDown | BadAuthenticationMethod | KeepAliveTimeout | SessionTakenOver
                | TopicFilterInvalid | TopicNameInvalid | ReceiveMaximumExceeded | TopicAliasInvalid
                | PacketTooLarge | MessageRateTooHigh | QuotaExceeded | AdministrativeAction | PayloadFormatInvalid
                | RetainNotSupported | QoSNotSupported | UseAnotherServer | ServerMoved
                | SharedSubscriptionsNotSupported | ConnectionRateExceeded | MaximumConnectTime
                | SubscriptionIdentifiersNotSupported | WildcardSubscriptionsNotSupported),
            Carrier::Auth => matches!(code, Success | ContinueAuthentication | ReAuthenticate),
        };
        fits.then_some(code)
    }

    /// This code if the packet may carry it, else the one that says least.
    pub(crate) fn nearest(self, code: ReasonCode) -> ReasonCode {
        self.code(code.byte()).unwrap_or(ReasonCode::ProtocolError)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_comes_back_from_its_byte_and_no_other_byte_is_a_code() {
        let known: Vec<_> = (0..=255).filter_map(ReasonCode::from_byte).collect();
        assert_eq!(known, ReasonCode::ALL);
        assert!(known.iter().all(|code| ReasonCode::from_byte(code.byte()) == Some(*code)));
    }

    #[test]
    fn what_3_1_1_can_say_survives_and_the_rest_is_a_failure_still() {
        for code in 0..=5 {
            assert_eq!(ReasonCode::from_connack_return_code(code).unwrap().connack_return_code(), code);
        }
        for code in ReasonCode::ALL {
            assert_eq!(code.connack_return_code() != 0, code.is_failure(), "{code}");
            assert_eq!(code.suback_return_code() == 0x80, code.is_failure(), "{code}");
        }
    }
}
