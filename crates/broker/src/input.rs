//! Inputs: all that can happen to a broker.
//!
//! The driver owns sockets and the clock; it decodes, resolves topic aliases, and hands in one thing after another.
//! What it hands in is borrowed from its read buffer.
//! Invariant: what happens to one connection is handed in in the order in which it happened.

use std::sync::Arc;

use factree_mqtt::{Connect, Packet, Publish, ReasonCode};

use crate::holder::{Holder, Right};
use crate::identity::ConnectionId;
use crate::refusal::Refusal;

/// One thing that happened.
#[derive(Clone, Copy, Debug)]
pub enum Input<'a> {
    /// The first packet of a connection.
    Connect {
        /// The new connection's id.
        connection: ConnectionId,
        /// Already decoded.
        connect: &'a Connect<'a>,
        /// Who has proven to be behind it, and what he may do.
        holder: &'a Arc<Holder>,
    },
    /// Any later packet. A PUBLISH has its topic: aliases were resolved with
    /// [`TopicAliases`](crate::TopicAliases).
    Packet {
        /// Whose.
        connection: ConnectionId,
        /// What.
        packet: &'a Packet<'a>,
    },
    /// A PUBLISH like any, of which something is known before the broker has it.
    JudgedPublish {
        /// Whose.
        connection: ConnectionId,
        /// What. It has its topic.
        publish: &'a Publish<'a>,
        /// Whether the client has a right to it.
        right: Right<'a>,
        /// Why somebody else in the house does not take it, if so. It is refused for that, unless the broker refuses it for a
        /// reason of its own, or has taken it before.
        refusal: Option<&'a Refusal>,
    },
    /// A CONNECT of somebody who is not let in, or with something that its client has no right to. It is refused for that, unless
    /// the connection has sent one before.
    RefusedConnect {
        /// Whose.
        connection: ConnectionId,
        /// What.
        connect: &'a Connect<'a>,
        /// What the client is told.
        reason: ReasonCode,
        /// For people and logs: why not.
        why: &'static str,
    },
    /// A connection is over without a DISCONNECT; its will is published. Ignored if the broker closed it before.
    Lost {
        /// Which.
        connection: ConnectionId,
        /// Why.
        cause: Lost,
    },
    /// A client's session is to be forgotten with all that belongs to it. Its connection is over then, if it has one; a will that
    /// waits is published, as always when a session ends (section 3.1.3.2.2). Nothing, if there is no such session.
    EndSession {
        /// Whose.
        client_id: &'a str,
    },
    /// The local session publishes: what Factree itself has to say. Its packet id, if any, means nothing.
    Publish {
        /// What. It has a topic.
        publication: &'a Publish<'a>,
    },
    /// The instant of [`Broker::next_deadline`](crate::Broker::next_deadline) has come.
    Tick,
}

/// Why the driver gave a connection up. It has told the peer what there was to tell; no
/// [`Output::Close`](crate::Output::Close) follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lost {
    /// The socket closed or failed.
    Closed,
    /// The bytes or a topic alias broke the protocol.
    ProtocolError(ReasonCode),
    /// The driver gives up: shutdown, an administrator, a socket that does not drain.
    GivenUp(ReasonCode),
}
