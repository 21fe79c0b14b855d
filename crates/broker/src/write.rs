//! Writes: what must outlive the process, one record after another.
//!
//! The broker says what changed as it changes; whoever keeps records applies the writes in their order and hands the
//! records back with [`Broker::restore`](crate::Broker::restore) after a restart. A later write of a key replaces an
//! earlier one, so writes that wait may be folded. How a record is spelled in bytes is [`bytes`](self::bytes); where
//! and when it is written this crate does not know.
//! Invariant: after any whole number of inputs, the records describe a broker that could go on from there.

use std::num::{NonZeroU32, NonZeroU64};
use std::sync::Arc;
use std::time::{Duration, Instant};

use factree_auth::Principal;
use factree_mqtt::{PacketId, QoS, SessionExpiry, SubscriptionOptions, TopicNameBuf};

use crate::identity::ClientId;
use crate::publication::Publication;

mod bytes;

pub use bytes::{Calendar, UnreadableRecord};

/// A record comes, or replaces the one of the same key, or goes.
#[derive(Clone, Debug)]
pub struct Write {
    /// Which record.
    pub key: Key,
    /// What it says from now on; `None`: it is gone.
    pub record: Option<Record>,
}

/// A kept session, as records name it. Not reused while anything is recorded of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SessionNumber(pub(crate) NonZeroU64);

/// A delivery that waits or is in flight. They rise in the order of the queue, over all sessions, and are not reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DeliveryNumber(pub(crate) NonZeroU64);

impl DeliveryNumber {
    /// The one after it.
    pub(crate) fn next(self) -> Self {
        DeliveryNumber(self.0.saturating_add(1))
    }
}

/// A publication that deliveries wait with; one record for all of them. Not reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MessageNumber(pub(crate) NonZeroU64);

/// Which record. Each kind is a table of its own, in ascending order of what is inside.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Key {
    /// A session that outlives its connection.
    Session(SessionNumber),
    /// A subscription of such a session, by its filter; a shared one with its `$share/{name}/`.
    Subscription(SessionNumber, Box<str>),
    /// A publication that at least one delivery waits with.
    Message(MessageNumber),
    /// A QoS>0 delivery that is not acknowledged finally.
    Delivery(SessionNumber, DeliveryNumber),
    /// A QoS 2 publication of such a session's client that was taken and is not released.
    Received(SessionNumber, PacketId),
    /// The Will Message of a client, whether its session outlives the connection or not.
    Will(ClientId),
    /// The retained message of a topic.
    Retained(TopicNameBuf),
}

/// The kind of a record, which is also the table it is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// [`Key::Session`]
    Session,
    /// [`Key::Subscription`]
    Subscription,
    /// [`Key::Message`]
    Message,
    /// [`Key::Delivery`]
    Delivery,
    /// [`Key::Received`]
    Received,
    /// [`Key::Will`]
    Will,
    /// [`Key::Retained`]
    Retained,
}

/// What a record says.
#[derive(Clone, Debug)]
pub enum Record {
    /// Of [`Key::Session`].
    Session {
        /// Whose.
        client_id: ClientId,
        /// How long it is kept without a connection.
        expiry: SessionExpiry,
        /// Since when it has none; `None` while it has one.
        absent_since: Option<Instant>,
        /// Whom it belongs to.
        principal: Principal,
    },
    /// Of [`Key::Subscription`].
    Subscription {
        /// How it is subscribed.
        options: SubscriptionOptions,
        /// What deliveries for it carry.
        identifier: Option<NonZeroU32>,
    },
    /// Of [`Key::Message`] and [`Key::Retained`].
    Publication(Arc<Publication>),
    /// Of [`Key::Delivery`], before a PUBACK or PUBREC.
    Delivery {
        /// What is delivered.
        message: MessageNumber,
        /// The lower of the publication's and the subscription's.
        qos: QoS,
        /// The retain flag of this delivery.
        retain: bool,
        /// The identifiers of the subscriptions it is for.
        identifiers: Box<[NonZeroU32]>,
        /// The packet id it was sent under, if it was sent.
        sent_as: Option<PacketId>,
    },
    /// Of [`Key::Delivery`], after PUBREC: the PUBREL of this packet id is not answered.
    Released(PacketId),
    /// Of [`Key::Received`]; its being there is all it says.
    Received,
    /// Of [`Key::Will`].
    Will {
        /// What is published.
        publication: Arc<Publication>,
        /// How long after the connection ended.
        delay: Duration,
        /// When, once the connection has ended.
        due: Option<Instant>,
        /// Who has left it.
        principal: Principal,
    },
}

impl Key {
    /// The longest filter, in bytes, that a key can name within 65,535 bytes; a longer one is refused with 0x8F.
    pub(crate) const FILTER_BYTES_MAX: usize = 65_535 - 8;

    /// Its kind.
    pub fn kind(&self) -> Kind {
        match self {
            Key::Session(_) => Kind::Session,
            Key::Subscription(..) => Kind::Subscription,
            Key::Message(_) => Kind::Message,
            Key::Delivery(..) => Kind::Delivery,
            Key::Received(..) => Kind::Received,
            Key::Will(_) => Kind::Will,
            Key::Retained(_) => Kind::Retained,
        }
    }
}

impl Kind {
    /// All of them.
    pub const ALL: [Kind; 7] =
        [Kind::Session, Kind::Subscription, Kind::Message, Kind::Delivery, Kind::Received, Kind::Will, Kind::Retained];
}

impl Write {
    /// Whether its key has not been written before and will not come again once it is gone: if the record goes before
    /// it was kept anywhere, it need never have been.
    pub fn is_new(&self) -> bool {
        match (&self.key, &self.record) {
            (Key::Message(_), Some(_)) => true,
            (Key::Delivery(..), Some(Record::Delivery { sent_as, .. })) => sent_as.is_none(),
            _ => false,
        }
    }
}
