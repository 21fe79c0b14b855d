//! All bounds of the process in one place, and how they hang together.
//!
//! Each room documents its own; here they are put side by side, because a limit is only right in relation to the next one
//! down the road: what the codec lets through, the tree must be able to take or to refuse by name.

/// Bounds of all rooms.
#[derive(Clone, Debug, Default)]
pub struct Limits {
    /// Packets, sessions, queues, retained messages.
    pub broker: factree_broker::Limits,
    /// Payloads, Edge Nodes, plain topics.
    pub ingest: factree_ingest::Limits,
    /// The tree.
    pub namespace: factree_namespace::Limits,
}

impl Limits {
    /// Relates the limits of the rooms to each other.
    ///
    /// # Panics
    /// If they contradict each other, which is a mistake of ours.
    pub fn check(&self) {
        assert!(
            self.broker.packet.packet_size_max <= self.ingest.sparkplug.payload_bytes_max,
            "a payload that fits an MQTT packet must fit the Sparkplug decoder, or it would be malformed for its size"
        );
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_defaults_do_not_contradict_each_other() {
        super::Limits::default().check();
    }
}
