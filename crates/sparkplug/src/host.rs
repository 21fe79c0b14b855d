//! What a Host Application knows about each Edge Node.
//!
//! Knows nothing of MQTT packets, sockets, clocks or the tree.

mod finding;
mod outputs;

pub use finding::{Finding, Rule};
pub use outputs::{
    AskRebirth, Born, BornMetric, Cause, Data, DeviceIndex, Died, EdgeNodeIndex, MetricIndex, Output, Outputs, Reason,
    Update,
};

use crate::{DecodeError, Limits, Now, Payload, Topic};

/// One MQTT connection's lifetime, as its broker numbers it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionKey(pub u64);

/// Something the host is told, in the broker's order.
#[derive(Clone, Copy, Debug)]
pub enum Input<'a> {
    /// A Sparkplug message whose payload decoded.
    Message {
        /// The MQTT session that published it.
        session: SessionKey,
        /// The retain flag it was published with.
        retained: bool,
        /// Its topic.
        topic: Topic<'a>,
        /// Its payload's bytes.
        bytes: &'a [u8],
        /// What [`crate::decode`] made of `bytes`.
        payload: &'a Payload,
    },
    /// A Sparkplug message whose payload did not decode.
    Malformed {
        /// The MQTT session that published it.
        session: SessionKey,
        /// Its topic.
        topic: Topic<'a>,
        /// What is wrong with it.
        error: DecodeError,
    },
    /// An MQTT session is over. This is the death authority: whatever it gave birth to is offline.
    SessionEnded {
        /// The session.
        session: SessionKey,
    },
}

/// The Host Application's knowledge of all Edge Nodes.
#[derive(Debug)]
pub struct Host {
    limits: Limits,
}

impl Host {
    /// A host that knows no Edge Node.
    ///
    /// # Panics
    /// When the limits contradict each other.
    pub fn new(limits: Limits) -> Host {
        limits.check().expect("the limits contradict each other");
        Host { limits }
    }

    /// Handles one input and appends what is to be done.
    pub fn handle(&mut self, _now: Now, _input: Input<'_>, _outputs: &mut Outputs) {
        let _ = &self.limits;
    }
}
