//! What ingest wants done: messages to be published, events for the log, births to be kept.

use factree_sparkplug::StateMessage;

use crate::{Keep, SessionKey, Vanished};

/// Something to be done by whoever called.
#[derive(Clone, Debug, PartialEq)]
pub enum Output {
    /// Publish this, QoS 0 and not retained: through our broker's front door, or over the attachment that its session
    /// belongs to.
    Publish(Message),
    /// Publish what the Host Application says of itself to our own clients: QoS 1, retained, through our broker's front door.
    State(StateMessage),
    /// Tell people.
    Event(Event),
    /// These paths of the tree have no sample any more: who follows them by MQTT is told.
    Vanished(Vec<Vanished>),
    /// Change what outlives the process, before the message that led to it is acknowledged.
    Keep(Keep),
}

/// A message of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Topic name.
    pub topic: String,
    /// Application message.
    pub payload: Vec<u8>,
    /// The session over which its addressee was last heard; `None` if it is nobody's in particular.
    pub session: Option<SessionKey>,
}

/// The rare things that happen to the plant as the tree sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// An Edge Node, or a Device of it, came online or was born again.
    Born {
        /// Group id.
        group: String,
        /// Edge Node id.
        edge_node: String,
        /// Device id.
        device: Option<String>,
        /// How many metrics its Birth declared.
        metrics_len: usize,
        /// How many of them nobody has known before.
        added: usize,
        /// How many that an earlier Birth had are gone.
        gone: usize,
        /// How many are of another datatype, or say otherwise what they are, than before.
        changed: usize,
    },
    /// An Edge Node, or a Device of it, that was known from before our restart went on without a Birth. It is online; its
    /// metrics are Stale until they speak.
    Adopted {
        /// Group id.
        group: String,
        /// Edge Node id.
        edge_node: String,
        /// Device id.
        device: Option<String>,
        /// The client id of the session it speaks over.
        client_id: Option<String>,
    },
    /// Two MQTT sessions publish NBIRTHs of one Edge Node in turn. Told the first time, the second, the fourth and so on.
    Rivals {
        /// Group id.
        group: String,
        /// Edge Node id.
        edge_node: String,
        /// The client id of the one that is listened to now.
        winner: Option<String>,
        /// The client id of the one before.
        loser: Option<String>,
    },
    /// An Edge Node, or a Device of it, went offline; its samples are Stale.
    Died {
        /// Group id.
        group: String,
        /// Edge Node id.
        edge_node: String,
        /// Device id.
        device: Option<String>,
        /// What ended it.
        cause: &'static str,
    },
    /// A Rebirth was asked of an Edge Node.
    RebirthAsked {
        /// Group id.
        group: String,
        /// Edge Node id.
        edge_node: String,
        /// Why.
        reason: &'static str,
    },
    /// The first time an Edge Node breaks a rule; further ones are counted.
    Finding {
        /// Group id; empty if the Edge Node is not known.
        group: String,
        /// Edge Node id; empty if the Edge Node is not known.
        edge_node: String,
        /// The MQTT client id of whoever did it, if it is known.
        client_id: Option<String>,
        /// The rule: `tck-id-…`, or `factree-…` where it is ours.
        tck_id: &'static str,
        /// What the rule asks for, and what it got instead.
        text: String,
    },
    /// The first time that something is published which is not as the operator's rules want it; further ones are counted.
    Deviation {
        /// The element.
        path: String,
        /// The MQTT client id of whoever published it, if it is known.
        client_id: Option<String>,
        /// In which way, as findings name it.
        id: &'static str,
        /// The operator's rule, if it is about one.
        rule: Option<String>,
        /// What is wrong with it.
        text: String,
        /// Whether it was refused.
        is_refused: bool,
    },
    /// Handling a message failed halfway, through a mistake of ours.
    Panicked {
        /// Its topic; empty if it was no message.
        topic: String,
    },
    /// A client made our STATE topic say something else than that we are online; it has been put right.
    StateContradicted {
        /// The client, if it is still known.
        client_id: Option<String>,
        /// What it said.
        said: String,
    },
    /// A client says to be online under our host id.
    StateRival {
        /// The client, if it is still known.
        client_id: Option<String>,
    },
}
