//! Bounds on what publications may make the tree grow by.

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
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            sparkplug: sparkplug::Limits::default(),
            topics_max: 500_000,
            fields_per_document_max: 10_000,
            kept_value_bytes_max: 64 << 10,
        }
    }
}
