//! Every bound on what a peer may make us read, keep or do, in one place.
//!
//! Counts and sizes are checked before memory is spent. Invariant: [`Limits::check`] holds for every `Limits` in use;
//! the host asserts it once.

use crate::{SessionKey, host::NUMBER_BITS};
use std::time::Duration;

/// Bounds on payloads, on what the host remembers, and on what it asks of Edge Nodes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Largest payload decoded. At most 4 GiB - 1: spans are 32 bits.
    pub payload_bytes_max: u32,
    /// Most bytes that the body of a compressed payload inflates to; at most `payload_bytes_max` all the same.
    pub inflated_bytes_max: u32,
    /// Most bytes that a byte of a compressed body inflates to. DEFLATE itself can do 1,032; repetitive births do 20.
    pub inflate_ratio_max: u32,
    /// Most metrics in one payload, members of Template instances included (SP05).
    pub metrics_per_payload_max: u32,
    /// Longest metric name.
    pub name_bytes_max: u32,
    /// Most properties in one property set.
    pub properties_max: u32,
    /// How deep property sets may nest; the metric's own set is at depth 1 (SP09).
    pub property_depth_max: u32,
    /// How deep Template instances may nest; a metric's own is at depth 1.
    pub template_depth_max: u32,
    /// Most parameters of one Template.
    pub template_parameters_max: u32,
    /// Most cells of a DataSet, each row counted as one more: it bounds what a value is built of.
    pub data_set_cells_max: u32,
    /// Most Edge Nodes remembered.
    pub edge_nodes_max: u32,
    /// Most devices remembered for one Edge Node.
    pub devices_per_edge_node_max: u32,
    /// Most metrics remembered for one Edge Node, its devices' included, alive or vanished (SP22).
    pub metrics_per_edge_node_max: u32,
    /// Most bytes of births that are kept byte for byte, all Edge Nodes together. They go to the store; the host holds none.
    pub birth_bytes_max: u64,
    /// How long a message that comes too early waits for those before it, from clients of our own broker. Zero: it is taken
    /// at once, since there the broker's order is the publisher's (`tck-id-operational-behavior-host-reordering-param`).
    pub reorder_window: Duration,
    /// The same over attachments to other brokers, whose order may not be the publisher's.
    pub reorder_window_attached: Duration,
    /// How many places out of order a message may come: as many are held for one Edge Node while others are missing. At
    /// most 127, half the circle that seq goes round.
    pub reorder_messages_max: u32,
    /// Most bytes held for one Edge Node.
    pub reorder_bytes_per_edge_node_max: usize,
    /// Most bytes held for all Edge Nodes together.
    pub reorder_bytes_max: usize,
    /// One Edge Node is asked for a rebirth at most once in this time.
    pub rebirth_cooldown: Duration,
    /// All Edge Nodes together are asked for at most this many rebirths per second; so many may go out at once.
    pub rebirths_per_second_max: u32,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            payload_bytes_max: 16 * 1024 * 1024,
            inflated_bytes_max: 16 * 1024 * 1024,
            inflate_ratio_max: 100,
            metrics_per_payload_max: 50_000,
            name_bytes_max: 4096,
            properties_max: 256,
            property_depth_max: 8,
            template_depth_max: 8,
            template_parameters_max: 1024,
            data_set_cells_max: 40_000,
            edge_nodes_max: 100_000,
            devices_per_edge_node_max: 10_000,
            metrics_per_edge_node_max: 200_000,
            birth_bytes_max: 1 << 30,
            reorder_window: Duration::ZERO,
            reorder_window_attached: Duration::from_secs(2),
            reorder_messages_max: 64,
            reorder_bytes_per_edge_node_max: 4 * 1024 * 1024,
            reorder_bytes_max: 64 * 1024 * 1024,
            rebirth_cooldown: Duration::from_secs(5),
            rebirths_per_second_max: 50,
        }
    }
}

impl Limits {
    /// The longest that a message may wait for others.
    pub const REORDER_WINDOW_MAX: Duration = Duration::from_secs(3600);

    /// How long a message that came too early over this session waits.
    pub(crate) fn reorder_window(&self, session: SessionKey) -> Duration {
        if session.attachment().is_some() { self.reorder_window_attached } else { self.reorder_window }
    }

    /// The relations between limits; the message names the two that contradict each other.
    pub fn check(&self) -> Result<(), &'static str> {
        let rules = [
            (self.payload_bytes_max < u32::MAX, "payload_bytes_max must stay below 4 GiB"),
            (self.inflate_ratio_max >= 1, "inflate_ratio_max must be at least 1"),
            (self.name_bytes_max <= self.payload_bytes_max, "name_bytes_max exceeds payload_bytes_max"),
            (
                self.metrics_per_payload_max <= self.metrics_per_edge_node_max,
                "metrics_per_payload_max exceeds metrics_per_edge_node_max: a birth could never be complete",
            ),
            (self.property_depth_max >= 1, "property_depth_max must be at least 1"),
            (self.property_depth_max <= 64, "property_depth_max must be at most 64: it bounds our own stack"),
            (
                self.reorder_window.max(self.reorder_window_attached) <= Limits::REORDER_WINDOW_MAX,
                "reorder_window and reorder_window_attached must be at most an hour",
            ),
            (self.reorder_messages_max <= 127, "reorder_messages_max must be at most 127: seq goes round at 256"),
            (
                self.reorder_bytes_per_edge_node_max <= self.reorder_bytes_max,
                "reorder_bytes_per_edge_node_max exceeds reorder_bytes_max",
            ),
            (self.rebirths_per_second_max >= 1, "rebirths_per_second_max must be at least 1"),
            (self.metrics_per_edge_node_max <= 1 << NUMBER_BITS, "metrics_per_edge_node_max must be at most 2^26"),
            (self.edge_nodes_max < u32::MAX, "edge_nodes_max must stay below 2^32 - 1"),
            (self.devices_per_edge_node_max < 1 << 22, "devices_per_edge_node_max must stay below 2^22"),
        ];
        rules.iter().find(|(holds, _)| !holds).map_or(Ok(()), |(_, rule)| Err(rule))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_do_not_contradict_each_other() {
        assert_eq!(Limits::default().check(), Ok(()));
    }

    #[test]
    fn a_contradiction_is_named() {
        let limits = Limits { metrics_per_edge_node_max: 10, ..Limits::default() };
        assert!(limits.check().is_err_and(|rule| rule.contains("metrics_per_payload_max")));
    }
}
