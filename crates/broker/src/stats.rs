//! Stats: what happens too often to be an event.
//!
//! Plain counters since the broker began; names and labels for the outside are given elsewhere.
//! Invariant: a message that is lost by policy is counted in exactly one of the `dropped_*`, `expired` or `refused_*`
//! fields.

/// Counters, all monotonic, all in messages unless they say otherwise.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// CONNECTs answered with success.
    pub connected: u64,
    /// CONNECTs refused.
    pub connections_refused: u64,
    /// CONNECTs refused because connections with one client id took each other over too often; among those refused.
    pub takeovers_refused: u64,
    /// Network connections taken over by another with the same client id.
    pub taken_over: u64,
    /// Sessions that ended because their expiry had passed.
    pub sessions_expired: u64,
    /// Network connections that ended, for whatever cause.
    pub ended: u64,
    /// Connections closed by the broker because of the peer: protocol errors, quotas, keep-alive.
    pub closed: u64,
    /// PUBLISH packets from clients, repeats included.
    pub publish_received: u64,
    /// Bytes of payload in them.
    pub publish_received_bytes: u64,
    /// QoS 2 repeats that were not routed again.
    pub publish_repeated: u64,
    /// Publications accepted and routed, those of the local session and wills included.
    pub accepted: u64,
    /// Publications refused: topics that clients may not publish to.
    pub refused_topic: u64,
    /// Publications refused: retained quota.
    pub refused_retained: u64,
    /// Publications refused, wills among them: somebody else in the house did not take them.
    pub refused_elsewhere: u64,
    /// Publications refused: the disk has no room for what would have to be kept.
    pub refused_storage: u64,
    /// Publications refused, wills among them: no grant allows them to who published them.
    pub refused_access: u64,
    /// Subscriptions refused, and taken away from sessions, because no grant allows all of them any more.
    pub refused_subscription: u64,
    /// Deliveries that somebody was subscribed to and may not have.
    pub refused_delivery: u64,
    /// Wills published.
    pub wills: u64,
    /// Deliveries put in a session's queue.
    pub queued: u64,
    /// Those put in a queue of a connected client that was already a quarter full although the client takes: the driver
    /// should let it catch up before it reads on.
    pub queued_behind: u64,
    /// Deliveries handed to the driver, redeliveries included.
    pub delivered: u64,
    /// Bytes of payload in them.
    pub delivered_bytes: u64,
    /// Redeliveries among them.
    pub redelivered: u64,
    /// Deliveries discarded: QoS 0 and the queue of a connected client was full.
    pub dropped_slow: u64,
    /// Deliveries discarded: QoS 0 and the client was absent.
    pub dropped_absent: u64,
    /// Deliveries discarded: QoS>0 and the queue of an absent client was full.
    pub dropped_queue_full: u64,
    /// Deliveries discarded because a connected client fell so far behind with QoS>0 that it was disconnected.
    pub dropped_overrun: u64,
    /// Deliveries discarded: larger than the client's Maximum Packet Size `[MQTT-3.1.2-25]`.
    pub dropped_too_large: u64,
    /// Deliveries discarded when their session ended, and nobody else could take them.
    pub dropped_session_ended: u64,
    /// Deliveries and retained messages discarded: Message Expiry `[MQTT-3.3.2-5]`.
    pub expired: u64,
    /// Acknowledgements for packet ids that were not in flight.
    pub acknowledgements_unknown: u64,
}
