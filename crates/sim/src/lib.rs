//! A simulated plant of real Edge Nodes: for the demo, for load, and for the virtual world the pure crates are tested in.
//!
//! [`Plant`] says what there is; each [`Client`] is one MQTT client of it, sans-IO: an Edge Node with its devices, or an
//! MES that publishes plain JSON. They speak real MQTT and real Sparkplug through the same codecs as the broker, so
//! whoever carries their bytes (a TCP connection, or a test with no sockets at all) has a factory.
//!
//! Knows no socket, no clock and no task: time is an argument ([`Now`]), and chance comes from the plant's seed alone.

mod chance;
mod client;
mod device;
mod edge_node;
mod kind;
mod link;
mod machine;
mod mes;
mod metric;
mod model;
mod payload;
mod plant;
mod trouble;

pub use client::{Action, Client, ClientError, Reported};
pub use factree_sparkplug::{Now, Timestamp};
pub use plant::Plant;
