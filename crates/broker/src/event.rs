//! Events: the rare things, for the log and the audit chain.
//!
//! What a person would want to read one line about. Frequent things are counted in [`Stats`](crate::Stats); a condition
//! that repeats (refused publications, a full queue) is told once until it has passed.
//! Invariant: nothing here is told per message.

use std::time::Duration;

use factree_auth::Principal;
use factree_mqtt::{ProtocolVersion, ReasonCode, TopicNameBuf};

use crate::identity::{ClientId, ConnectionId};
use crate::input::Lost;

/// Something rare.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A client is connected.
    Connected {
        /// Over which connection.
        connection: ConnectionId,
        /// Who.
        client_id: ClientId,
        /// Speaking what.
        version: ProtocolVersion,
        /// The keep-alive in force.
        keep_alive: Duration,
        /// Whether it asked to begin anew.
        clean_start: bool,
        /// Whether a kept session goes on.
        resumed: bool,
    },
    /// A CONNECT was refused.
    Refused {
        /// Whose.
        connection: ConnectionId,
        /// As sent, maybe empty.
        client_id: ClientId,
        /// What the client was told.
        reason: ReasonCode,
        /// What a person is told.
        why: &'static str,
    },
    /// Connections with one client id have taken each other over too often, most likely two clients with the same id: the
    /// newcomer was refused. Told once until they stop; the others are counted.
    Flapping {
        /// Whose.
        client_id: ClientId,
        /// The connection that stays.
        connection: ConnectionId,
        /// The connection that was refused.
        refused: ConnectionId,
    },
    /// A client's network connection is over.
    Disconnected {
        /// Which.
        connection: ConnectionId,
        /// Whose.
        client_id: ClientId,
        /// Why.
        cause: Ending,
    },
    /// A Will Message was published.
    WillPublished {
        /// Whose.
        client_id: ClientId,
        /// To which topic.
        topic: TopicNameBuf,
    },
    /// A session is forgotten, with its subscriptions and all that waited for it.
    SessionEnded {
        /// Whose.
        client_id: ClientId,
        /// Whether it was kept for an absent client until its expiry passed.
        expired: bool,
    },
    /// A client's publication was refused: the first of this connection, the others are counted unless their topic is one of
    /// those that [`Broker::tell_each_refusal`](crate::Broker::tell_each_refusal) names; or its will.
    PublicationRefused {
        /// Whose.
        client_id: ClientId,
        /// To whom its session belongs, or belonged.
        principal: Principal,
        /// To which topic.
        topic: TopicNameBuf,
        /// What a 5.0 client was told, if it was QoS>0.
        reason: ReasonCode,
        /// Nothing was told before of this connection.
        is_first: bool,
    },
    /// A client's subscription was refused, or taken away because its rights have changed: the first of this connection.
    SubscriptionRefused {
        /// Whose.
        client_id: ClientId,
        /// To what.
        filter: Box<str>,
    },
    /// A session's queue is full and a delivery was discarded: the first, the others are counted until it is drained.
    QueueFull {
        /// Whose.
        client_id: ClientId,
    },
}

/// Why a network connection is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The client said DISCONNECT, with this reason.
    Disconnect(ReasonCode),
    /// The driver said so.
    Lost(Lost),
    /// Nothing was heard for one and a half times the keep-alive `[MQTT-3.1.2-22]`.
    KeepAlive,
    /// The same client id connected again `[MQTT-3.1.4-3]`; whether it continues the session.
    TakenOver {
        /// The new connection goes on with the session.
        resumed: bool,
    },
    /// The broker closed it: what the peer did wrong.
    Closed(ReasonCode),
}
