//! Tally: what all sessions hold together, counted a slice at a time.
//!
//! Keeping these sums up to date would cost every message something; they are wanted every few seconds by somebody who can
//! wait. So they are counted when asked for, a bounded number of sessions at a time, and the driver lets others in between
//! two slices. What changes meanwhile is counted before or after its change, which for a gauge is as good.

use factree_mqtt::ProtocolVersion;

use crate::broker::Broker;

/// Sessions that one slice looks at.
const SLICE_LEN: usize = 1024;

/// Sums over sessions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Clients connected with 3.1.1.
    pub connected_v311: u64,
    /// Clients connected with 5.0.
    pub connected_v5: u64,
    /// Sessions kept for clients that are absent.
    pub absent: u64,
    /// Deliveries that wait in queues.
    pub queue_len: u64,
    /// Live ones among them, in bytes of topic and payload; counted per session although payloads are shared.
    pub queue_bytes: u64,
    /// QoS>0 deliveries that were sent and not acknowledged.
    pub in_flight: u64,
}

impl Broker {
    /// Adds a slice of the sessions to `into`. `from` is 0 for the first slice and then what the last call returned, until
    /// that is `None`.
    pub fn tally(&self, from: usize, into: &mut Tally) -> Option<usize> {
        let upto = from.saturating_add(SLICE_LEN);
        for session in self.sessions.slice(from..upto) {
            match session.connected().map(|connected| connected.version) {
                Some(ProtocolVersion::V311) => into.connected_v311 += 1,
                Some(ProtocolVersion::V5) => into.connected_v5 += 1,
                None => into.absent += 1,
            }
            into.queue_len += session.queue.len() as u64;
            into.queue_bytes += session.queue.bytes() as u64;
            into.in_flight += session.outbound.len() as u64;
        }
        (upto < self.sessions.places_len()).then_some(upto)
    }

    /// How many subscriptions there are, those of shared subscriptions' members among them.
    pub fn subscriptions_len(&self) -> usize {
        // A group is subscribed once for all its members; its members are counted instead.
        self.subscriptions.len() - self.shared.groups_len() + self.shared.len()
    }

    /// How many memberships in shared subscriptions there are.
    pub fn shared_subscriptions_len(&self) -> usize {
        self.shared.len()
    }
}
