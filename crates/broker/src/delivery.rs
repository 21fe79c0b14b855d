//! Delivery: a message on its way out, complete but for its bytes.
//!
//! Everything that needs the broker is decided; encoding needs only this value, so the connection task does it outside
//! the lock.
//! Invariant: encoding a delivery twice gives the same bytes.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use factree_mqtt::{Handshake, Packet, ProtocolVersion, Publish, encode_publish, encoded_len};

use crate::publication::{Identifiers, Publication};

/// One PUBLISH to one client.
#[derive(Clone, Debug)]
pub struct Delivery {
    pub(crate) publication: Arc<Publication>,
    pub(crate) identifiers: Identifiers,
    pub(crate) message_expiry: Option<Duration>,
    pub(crate) handshake: Handshake,
    pub(crate) dup: bool,
    pub(crate) retain: bool,
}

/// Whether [`Broker::take_deliveries`](crate::Broker::take_deliveries) left something that could go now.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum More {
    /// The bytes asked for were reached: call again when the socket has room. No [`Output::Wake`](crate::Output::Wake)
    /// will remind of it.
    Yes,
    /// Nothing can go now; a `Wake` follows when that changes.
    No,
}

impl Delivery {
    /// What is delivered.
    pub fn publication(&self) -> &Arc<Publication> {
        &self.publication
    }

    /// QoS, and the packet id it goes under.
    pub fn handshake(&self) -> Handshake {
        self.handshake
    }

    /// Whether it was sent before, over an earlier connection `[MQTT-3.3.1-1]`.
    pub fn dup(&self) -> bool {
        self.dup
    }

    /// The retain flag of this delivery `[MQTT-3.3.1-12]`, `[MQTT-3.3.1-13]`.
    pub fn retain(&self) -> bool {
        self.retain
    }

    /// The identifiers of the subscriptions it is for `[MQTT-3.3.4-3]`.
    pub fn subscription_identifiers(&self) -> &[NonZeroU32] {
        self.identifiers.as_slice()
    }

    /// What is left of the message expiry, in whole seconds.
    pub fn message_expiry(&self) -> Option<Duration> {
        self.message_expiry
    }

    /// The packet.
    pub fn as_publish(&self) -> Publish<'_> {
        self.publication.publish(self.handshake, self.dup, self.retain, &self.identifiers, self.message_expiry)
    }

    /// Appends the packet's bytes.
    pub fn encode(&self, version: ProtocolVersion, out: &mut Vec<u8>) {
        encode_publish(version, &self.as_publish(), out);
    }

    /// How many bytes [`encode`](Self::encode) appends.
    pub fn encoded_len(&self, version: ProtocolVersion) -> usize {
        encoded_len(version, &Packet::Publish(self.as_publish()))
    }
}
