//! Replies: the small packets a broker answers with, owned.
//!
//! PUBLISH is not among them: that is a [`Delivery`](crate::Delivery).
//! Invariant: every reply can be said in both versions; what 3.1.1 has no word for is left out by the codec.

use std::num::{NonZeroU16, NonZeroU32};
use std::time::Duration;

use factree_mqtt::{
    Acknowledgement, ConnAck, ConnAckProperties, Packet, PacketId, ProtocolVersion, ReasonCode, SessionExpiry, SubAck,
    UnsubAck, UserProperties, encode, encoded_len,
};

use crate::identity::ClientId;

/// A packet to write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// CONNACK.
    ConnAck(Box<ConnAckReply>),
    /// PUBACK.
    PubAck {
        /// Which PUBLISH.
        packet_id: PacketId,
        /// How it went.
        reason: ReasonCode,
        /// The same for people, if there is more to say.
        reason_string: Option<Box<str>>,
    },
    /// PUBREC.
    PubRec {
        /// Which PUBLISH.
        packet_id: PacketId,
        /// How it went.
        reason: ReasonCode,
        /// The same for people, if there is more to say.
        reason_string: Option<Box<str>>,
    },
    /// PUBREL.
    PubRel {
        /// Which PUBLISH.
        packet_id: PacketId,
        /// Success, or 0x92 if it is not known.
        reason: ReasonCode,
    },
    /// PUBCOMP.
    PubComp {
        /// Which PUBLISH.
        packet_id: PacketId,
        /// Success, or 0x92 if it is not known.
        reason: ReasonCode,
    },
    /// SUBACK.
    SubAck {
        /// Which SUBSCRIBE.
        packet_id: PacketId,
        /// One per request `[MQTT-3.8.4-6]`.
        reasons: Vec<ReasonCode>,
    },
    /// UNSUBACK.
    UnsubAck {
        /// Which UNSUBSCRIBE.
        packet_id: PacketId,
        /// One per filter `[MQTT-3.11.3-1]`.
        reasons: Vec<ReasonCode>,
    },
    /// PINGRESP.
    PingResp,
}

/// What a CONNACK says. All but the first two only in 5.0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnAckReply {
    /// Whether a kept session goes on.
    pub session_present: bool,
    /// Success, or why not.
    pub reason: ReasonCode,
    /// If it is not what the client asked for.
    pub session_expiry: Option<SessionExpiry>,
    /// How many QoS>0 PUBLISH we take unacknowledged.
    pub receive_maximum: Option<NonZeroU16>,
    /// The largest packet we take, in bytes.
    pub maximum_packet_size: Option<NonZeroU32>,
    /// The id given to a client that sent none.
    pub assigned_client_id: Option<ClientId>,
    /// How many topic aliases we take.
    pub topic_alias_maximum: u16,
    /// If it is not what the client asked for.
    pub server_keep_alive: Option<Duration>,
    /// For people and logs.
    pub reason_string: Option<&'static str>,
}

impl ConnAckReply {
    /// A refusal.
    pub(crate) fn refusal(reason: ReasonCode, reason_string: Option<&'static str>) -> Self {
        ConnAckReply {
            session_present: false,
            reason,
            session_expiry: None,
            receive_maximum: None,
            maximum_packet_size: None,
            assigned_client_id: None,
            topic_alias_maximum: 0,
            server_keep_alive: None,
            reason_string,
        }
    }
}

impl ConnAckReply {
    /// As a client with this Maximum Packet Size can take it, maybe without its reason string `[MQTT-3.2.2-19]`; `None`
    /// if it is too large without.
    pub(crate) fn within(self, version: ProtocolVersion, maximum: Option<NonZeroU32>) -> Option<Self> {
        let explains = self.as_connack().within(version, maximum)?.properties.reason_string.is_some();
        Some(ConnAckReply { reason_string: self.reason_string.filter(|_| explains), ..self })
    }

    fn as_connack(&self) -> ConnAck<'_> {
        ConnAck {
            session_present: self.session_present,
            reason: self.reason,
            properties: ConnAckProperties {
                session_expiry: self.session_expiry,
                receive_maximum: self.receive_maximum,
                maximum_packet_size: self.maximum_packet_size,
                assigned_client_id: self.assigned_client_id.as_ref().map(ClientId::as_str),
                topic_alias_maximum: self.topic_alias_maximum,
                server_keep_alive: self.server_keep_alive,
                reason_string: self.reason_string,
                ..ConnAckProperties::default()
            },
        }
    }
}

impl Reply {
    /// Appends the packet's bytes.
    pub fn encode(&self, version: ProtocolVersion, out: &mut Vec<u8>) {
        encode(version, &self.as_packet(), out);
    }

    /// How many bytes [`encode`](Self::encode) appends.
    pub fn encoded_len(&self, version: ProtocolVersion) -> usize {
        encoded_len(version, &self.as_packet())
    }

    /// The packet.
    pub fn as_packet(&self) -> Packet<'_> {
        let acknowledgement = |packet_id: &PacketId, reason: &ReasonCode| Acknowledgement {
            packet_id: *packet_id,
            reason: *reason,
            reason_string: None,
            user_properties: UserProperties::EMPTY,
        };
        match self {
            Reply::ConnAck(reply) => Packet::ConnAck(reply.as_connack()),
            Reply::PubAck { packet_id, reason, reason_string } => {
                let reason_string = reason_string.as_deref();
                Packet::PubAck(Acknowledgement { reason_string, ..acknowledgement(packet_id, reason) })
            }
            Reply::PubRec { packet_id, reason, reason_string } => {
                let reason_string = reason_string.as_deref();
                Packet::PubRec(Acknowledgement { reason_string, ..acknowledgement(packet_id, reason) })
            }
            Reply::PubRel { packet_id, reason } => Packet::PubRel(acknowledgement(packet_id, reason)),
            Reply::PubComp { packet_id, reason } => Packet::PubComp(acknowledgement(packet_id, reason)),
            Reply::SubAck { packet_id, reasons } => Packet::SubAck(SubAck::new(*packet_id, &reasons[..])),
            Reply::UnsubAck { packet_id, reasons } => Packet::UnsubAck(UnsubAck::new(*packet_id, &reasons[..])),
            Reply::PingResp => Packet::PingResp,
        }
    }
}
