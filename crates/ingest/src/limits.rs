//! Bounds on what publications may make the tree grow by.

use std::num::NonZeroUsize;
use std::time::Duration;

use factree_sparkplug as sparkplug;

/// Bounds of this room; those of the tree itself are the namespace's.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Payloads, Edge Nodes, rebirth requests.
    pub sparkplug: sparkplug::Limits,
    /// Plain topics remembered. About 650 bytes each with one field, elements and sample included (`restart plain`,
    /// `benches/benches/restart.rs`).
    pub topics_max: usize,
    /// Fields of one JSON document, those that its topic once had and has no more among them.
    pub fields_per_document_max: usize,
    /// Bytes of one sample's value in a record for the store. Of a larger one only quality and times survive a restart.
    pub kept_value_bytes_max: usize,
    /// Commands remembered, those that wait for their confirmation among them. The settled ones make room first, the oldest
    /// before the others; while all wait, a new command is refused.
    pub commands_max: NonZeroUsize,
    /// How long data may take to confirm a command.
    pub command_timeout: Duration,
    /// How long a command is remembered after it was sent; at least `command_timeout`.
    pub command_memory: Duration,
    /// Entries of the ledger of findings, about 400 bytes each; findings that are alike are one entry. Beyond it, the client
    /// that holds most of them loses the one not seen for longest.
    pub findings_max: NonZeroUsize,
    /// Entries about one Edge Node and its Devices, at most `findings_max`. Beyond it, the one not seen for longest goes.
    pub findings_per_edge_node_max: NonZeroUsize,
    /// Entries of what is published and is not as the operator's rules want it, about 700 bytes each; what is alike is one
    /// entry. Beyond it, the client that holds most of them loses the one not seen for longest.
    pub deviations_max: NonZeroUsize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            sparkplug: sparkplug::Limits::default(),
            topics_max: 500_000,
            fields_per_document_max: 10_000,
            kept_value_bytes_max: 64 << 10,
            commands_max: const { NonZeroUsize::new(1_000).unwrap() },
            command_timeout: Duration::from_secs(30),
            command_memory: Duration::from_secs(3_600),
            findings_max: const { NonZeroUsize::new(10_000).unwrap() },
            findings_per_edge_node_max: const { NonZeroUsize::new(500).unwrap() },
            deviations_max: const { NonZeroUsize::new(10_000).unwrap() },
        }
    }
}
