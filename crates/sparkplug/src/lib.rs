//! Sparkplug B: topics, payloads, and what a Host Application knows about each Edge Node.
//!
//! The way in is [`Topic::parse`], then [`decode`] into a reused [`Payload`], then [`Host::handle`], which answers with
//! [`Outputs`]; a payload that is compressed goes through [`inflate`] in between. Payloads are read in place: a decoded metric is numbers and spans into the bytes it came from, so
//! numeric DATA allocates nothing. The way out is [`encode`](mod@encode).
//!
//! Knows nothing of MQTT packets, sockets, clocks or the tree: time is an argument ([`Now`]), an MQTT session is a
//! number ([`SessionKey`]), and where a metric belongs is somebody else's question.

pub mod aware;
pub mod datatype;
pub mod encode;
pub mod host_application;
#[rustfmt::skip]
#[allow(missing_docs, unreachable_pub, clippy::all)]
pub mod generated;
pub mod host;
mod judge;
pub mod limits;
pub mod metadata;
pub mod payload;
pub mod properties;
pub mod rule;
pub mod seq;
pub mod time;
pub mod topic;
pub mod value;

pub use datatype::DataType;
pub use host::{
    Adopted, AskRebirth, Asked, Birth, Born, BornMetric, Cause, Counters, Data, DeviceIndex, DeviceState, DeviceView,
    Died, EdgeNodeIndex, EdgeNodeState, EdgeNodeView, Finding, Host, Input, MetricIndex, MetricView, NotForgotten,
    NotRestored, Occasion, Output, Outputs, Reason, Rebirths, Rivals, RosterMetrics, SessionKey, Unheld, UnheldIndex,
    Update,
};
pub use host_application::{HostApplication, HostState, Legacy, StateFault, StateHeard, StateMessage};
pub use judge::{Connection, Will};
pub use limits::Limits;
pub use metadata::MetaData;
pub use payload::{COMPRESSED, DecodeError, Member, Payload, RawMetric, Span, WireValue, decode, inflate};
pub use properties::{Properties, Property, PropertyFault, PropertySetList, PropertyValue, Quality};
pub use rule::{Detection, Level, Party, Rule, SeenIn, catalogue};
pub use seq::{BdSeq, Seq};
pub use time::{Now, Timestamp};
pub use topic::{
    DeviceId, DeviceMessage, EdgeNodeDescriptor, EdgeNodeId, GroupId, HostId, NodeMessage, Outline, Topic, TopicError,
};
pub use value::{Array, DataSet, DataSetFault, Mismatch, Parameter, Row, Template, TemplateFault, Value, interpret};
