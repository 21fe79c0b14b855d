//! Outputs: what the driver is to do, in this order.
//!
//! Knows nothing of how: the driver encodes, writes, closes. Outputs may name other connections than the one whose
//! input was handled.

use std::borrow::Cow;
use std::sync::Arc;

use factree_mqtt::ReasonCode;

use crate::event::Event;
use crate::holder::Holder;
use crate::identity::{ClientId, ConnectionId};
use crate::publication::Publication;
use crate::reply::Reply;

/// One thing to do.
#[derive(Clone, Debug)]
pub enum Output {
    /// Write this packet.
    Reply {
        /// To whom.
        to: ConnectionId,
        /// What.
        reply: Reply,
    },
    /// A publication passed, and is what the rest of the house is to take in, in this order.
    Accepted(Accepted),
    /// A publication was refused because somebody else in the house did not take it.
    Refused(Refused),
    /// Deliveries wait: call [`Broker::take_deliveries`](crate::Broker::take_deliveries). Said once until they were
    /// taken.
    Wake(ConnectionId),
    /// A client has subscribed and wants what is current there: hand over what the driver keeps, see
    /// [`Broker::hand_over_current`](crate::Broker::hand_over_current). Only after
    /// [`Broker::tell_subscriptions`](crate::Broker::tell_subscriptions), and for filters that begin with a name.
    Subscribed {
        /// Who.
        client_id: ClientId,
        /// To what.
        filter: Box<str>,
    },
    /// Write what was replied before, then DISCONNECT if there is a reason and the connection speaks 5.0, then close.
    /// Nothing more comes for this connection but its [`Output::Accepted`] will and [`Output::Ended`].
    Close {
        /// Which.
        connection: ConnectionId,
        /// What to say in the DISCONNECT; `None`: a CONNACK has said it, the client has disconnected itself, or it
        /// cannot take a packet of that size `[MQTT-3.1.2-24]`.
        reason: Option<ReasonCode>,
        /// For people and logs; no longer than the client can take.
        reason_string: Option<Cow<'static, str>>,
    },
    /// The network connection of an accepted CONNECT is over; its will, if published at once, was accepted before.
    Ended {
        /// Which.
        connection: ConnectionId,
        /// Whose.
        client_id: ClientId,
    },
    /// Something rare, for the log.
    Event(Event),
}

/// A publication that passed.
#[derive(Clone, Debug)]
pub enum Accepted {
    /// The PUBLISH that was just handed in.
    Packet {
        /// Whose.
        connection: ConnectionId,
    },
    /// A Will Message.
    Will {
        /// The connection that left it, over by now or in a moment.
        connection: ConnectionId,
        /// Whose it was.
        holder: Arc<Holder>,
        /// What.
        publication: Arc<Publication>,
    },
    /// The local session's publication that was just handed in.
    Local,
}

/// A publication that somebody else in the house did not take.
#[derive(Clone, Debug)]
pub enum Refused {
    /// The PUBLISH that was just handed in.
    Packet {
        /// Whose.
        connection: ConnectionId,
    },
    /// A Will Message. Nobody is told: its client is gone.
    Will {
        /// The connection that left it.
        connection: ConnectionId,
        /// What.
        publication: Arc<Publication>,
    },
}

/// Outputs in order, in a buffer that is used again and again.
#[derive(Debug, Default)]
pub struct Outputs {
    list: Vec<Output>,
}

impl Outputs {
    /// Takes all of them; the buffer keeps its memory.
    pub fn drain(&mut self) -> std::vec::Drain<'_, Output> {
        self.list.drain(..)
    }

    /// Looks at them.
    pub fn iter(&self) -> std::slice::Iter<'_, Output> {
        self.list.iter()
    }

    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    pub(crate) fn push(&mut self, output: Output) {
        self.list.push(output);
    }

    pub(crate) fn reply(&mut self, to: ConnectionId, reply: Reply) {
        self.push(Output::Reply { to, reply });
    }

    pub(crate) fn event(&mut self, event: Event) {
        self.push(Output::Event(event));
    }
}

impl<'a> IntoIterator for &'a Outputs {
    type Item = &'a Output;
    type IntoIter = std::slice::Iter<'a, Output>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}
