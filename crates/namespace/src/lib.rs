//! The ISA-95 tree: everything the plant publishes, by path, with its live sample.
//!
//! Two halves, two locks. The *tree* (names, elements, who owns which path) changes only when something new appears and is
//! read by path. The *cells* (value, quality, timestamps) change all the time and are reached by a dense slot number that
//! the writer was given at placement, so no string is looked up on the data path. One [`Block`] of cells per source of
//! batches, one lock per batch: a reader sees a batch whole or not at all.
//!
//! Knows nothing of MQTT, Sparkplug payloads, JSON, sockets or clocks: time is an argument, a source is a [`Source`].
//! Invariant: `element.cell == (block, slot)` exactly when `block.elements[slot] == element`, and all growth is refused
//! by [`Limits`] before it happens.
//!
//! ```
//! use factree_namespace::*;
//!
//! let namespace = Namespace::new(Limits::default());
//! let block = namespace.add_block()?;
//! let root = namespace.ensure(&[Segment::at("Acme", Level::Enterprise), Segment::named("Robot3")], Kind::Equipment)?;
//! let source = Source::Sparkplug { group: "Acme".into(), edge_node: "Robot3".into(), device: None };
//! let origin = namespace.origin(&block, source, root)?;
//! let metadata = Metadata { unit: Some("°C".into()), ..Metadata::default() };
//! namespace.place(&block, &Place {
//!     slot: 0,
//!     origin,
//!     path: PathSpec::Below("Axis/1/Temperature"),
//!     kind: Kind::Metric,
//!     datatype: DataType::Double,
//!     metadata: &metadata,
//! })?;
//!
//! let mut writer = namespace.write(&block, Timestamp(1_000));
//! writer.set(0, ValueRef::Double(21.4), DataType::Double, Quality::Good, Timestamp(990))?;
//! let revision = writer.finish();
//!
//! let view = namespace.read();
//! let element = view.find("Acme/Robot3/Axis/1/Temperature").unwrap();
//! let sample = view.sample(element).unwrap();
//! assert_eq!((sample.value, sample.revision), (Value::Double(21.4), revision));
//! # Ok::<(), Refusal>(())
//! ```

mod block;
mod cell;
mod children;
mod context;
mod coverage;
mod datatype;
mod element;
mod filter;
mod gone;
mod heavy;
mod limits;
mod metadata;
mod model;
mod mover;
mod names;
mod namespace;
mod place;
mod sample;
mod search;
mod select;
mod sight;
mod source;
mod tree;
mod type_binding;
mod type_definition;
mod type_registry;
mod type_view;
mod value;
mod view;

pub use block::{Block, HeldBlock, Scalars, Writer};
pub use cell::Scalar;
pub use context::{
    ContextDocument, ContextEntry, ContextField, ContextInForce, ContextKnown, ContextRule, ContextSaid, ContextSample,
    ContextScope, ContextStats, ContextWrite, Contexts,
};
pub use coverage::{Change, Coverage, Cursor, Outdated};
pub use datatype::DataType;
pub use element::{ElementId, EquipmentKind, Kind, Level, Segment};
pub use filter::{Filter, FilterError};
pub use limits::{Limits, Refusal};
pub use metadata::{Bound, Metadata};
pub use model::Modelled;
pub use mover::{Mover, Shifted};
pub use namespace::{Namespace, Stats};
pub use place::{PathSpec, Place, Placed, Placer};
pub use sample::{Quality, Reading, Revision, Sample, Timestamp};
pub use search::{Search, SearchError};
pub use sight::{Extent, Horizon, Sight};
pub use source::{MetricName, OriginId, Provenance, Source};
pub use type_definition::{Member, MemberType, Parameter, TypeDefinition, TypeVersionId};
pub use type_registry::{TypeStats, TypeVersion};
pub use type_view::{Deviation, Deviations, Fault, Type};
pub use value::{Value, ValueRef};
pub use view::View;
