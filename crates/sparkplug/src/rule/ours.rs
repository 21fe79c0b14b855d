//! What Factree asks for beyond the specification: payloads that can be read, and messages within its limits.
//!
//! A row says the rule, whom it binds, where a breach shows and what is made of it; [`super`] explains the words.

use super::Rule;

rules! {
    "factree-malformed-payload" Must Anyone Payload detected
        "A payload decodes.";
    "factree-compressed-payload" Must Anyone Payload detected
        "A compressed payload inflates to a payload.";
    "factree-malformed-properties" Must Anyone Payload detected
        "A metric's properties decode.";
    "factree-malformed-metadata" Must Anyone Payload detected
        "A metric's metadata decode.";
    "factree-malformed-dataset" Must Anyone Payload detected
        "A DataSet decodes, and its rows have as many cells as there are columns.";
    "factree-malformed-template" Must Anyone Payload detected
        "A Template decodes, within the limits for depth, members, their names and parameters.";
    "factree-value-mismatch" Must Anyone Payload detected
        "A metric's value is of its datatype.";
    "factree-metric-twice" Must Anyone Payload detected
        "A birth names a metric once; the last one counts.";
    "factree-ndeath-session" Must EdgeNode Order detected
        "An NDEATH comes over the session of the NBIRTH it ends; another is ignored.";
    "factree-limit-edge-nodes" Must Anyone Publish detected
        "There are at most edge_nodes_max Edge Nodes; another is not taken in.";
    "factree-limit-devices" Must Anyone Publish detected
        "An Edge Node has at most devices_per_edge_node_max devices; another is not taken in.";
    "factree-limit-metrics" Must Anyone Payload detected
        "An Edge Node has at most metrics_per_edge_node_max metrics; another is left out.";
    "factree-limit-birth-bytes" Must Anyone Payload detected
        "Births take at most birth_bytes_max together; another is not kept for after a restart.";
    "factree-limit-tree" Must Anyone Payload detected
        "The tree has room for what is published; what has none is left out.";
    "factree-limit-properties" Must Anyone Payload detected
        "Property sets stay within properties_max and property_depth_max.";
    "factree-limit-dataset" Must Anyone Payload detected
        "A DataSet stays within the limit for columns.";
}
