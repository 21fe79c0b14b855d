//! Types and what is of them, as `dto/type_reports.rs` and `namespace.rs` write them.
//!
//! Invariant: what only a single type is told with is an `Option`.

use serde::Serialize;
use utoipa::ToSchema;

use super::{Datatype, Element, Fault, Owner, SampleValue, True};

/// What an element is an instance of.
#[derive(Serialize, ToSchema)]
pub(crate) struct InstanceOf {
    #[schema(example = "Motor")]
    name: String,
    /// A number made of the content.
    #[schema(example = "36e76de2e4ff9d12")]
    version: Option<String>,
    /// What its sources call this version.
    label: Option<String>,
    /// Nobody defines it.
    undefined: Option<True>,
}

/// A page of elements that are of a type, each without its children.
#[derive(Serialize, ToSchema)]
pub(crate) struct Instances {
    elements: Vec<Element>,
    /// Where the next page begins; left out with the last.
    next_cursor: Option<String>,
}

/// A page of types, by name, without what they are made of.
#[derive(Serialize, ToSchema)]
pub(crate) struct Types {
    types: Vec<Type>,
    /// How many definitions are not known because of a limit.
    refused: Option<u64>,
    /// Where the next page begins; left out with the last.
    next_cursor: Option<String>,
}

/// A type.
#[derive(Serialize, ToSchema)]
pub(crate) struct Type {
    #[schema(example = "Motor")]
    name: String,
    /// Elements that are of it, in all versions and in none.
    instances_count: u64,
    /// That of the configuration first, then the one that most sources define; empty if nobody defines the type.
    versions: Vec<TypeVersion>,
    /// Instances that lack a required member, or have one of another datatype or type. This and the next two come where one
    /// type is asked for.
    deviations: Option<Vec<Deviation>>,
    /// There are more, or not all instances were looked at.
    deviations_more: Option<True>,
    /// How many instances were looked at.
    checked: Option<u64>,
}

/// One version of a type.
#[derive(Serialize, ToSchema)]
struct TypeVersion {
    /// A number made of the content: whoever says the same says the same version, today and after a restart.
    #[schema(example = "36e76de2e4ff9d12")]
    version: String,
    /// What its sources call it.
    label: Option<String>,
    /// The configuration declares it.
    declared: Option<True>,
    description: Option<String>,
    /// The type that it refines.
    extends: Option<String>,
    /// How many sources define it.
    declarers_count: u64,
    /// Elements that are of this version.
    instances_count: u64,
    /// The sources that define it, a hundred at most. This and the next two come where one type is asked for.
    declarers: Option<Vec<Owner>>,
    /// By name.
    members: Option<Vec<Member>>,
    /// By name.
    parameters: Option<Vec<Parameter>>,
    /// The response was full before the members of this version: ask for it on its own.
    truncated: Option<True>,
}

/// A member of a type: it has a `datatype` or a `type`, or neither if anything will do.
#[derive(Serialize, ToSchema)]
struct Member {
    /// The path below an element of the type.
    #[schema(example = "rpm")]
    name: String,
    datatype: Option<Datatype>,
    /// The type that it is an instance of.
    #[serde(rename = "type")]
    of: Option<String>,
    required: bool,
    /// Shown of the element where its source is silent, as are the next three.
    unit: Option<String>,
    description: Option<String>,
    low: Option<f64>,
    high: Option<f64>,
}

/// A parameter of a type.
#[derive(Serialize, ToSchema)]
struct Parameter {
    #[schema(example = "Poles")]
    name: String,
    datatype: Datatype,
    default: SampleValue,
}

/// Where an instance is not as its type says.
#[derive(Serialize, ToSchema)]
struct Deviation {
    /// The instance.
    path: String,
    /// The member at fault.
    member: String,
    fault: Fault,
    /// The datatype or type that is there instead; left out if there is none.
    found: Option<String>,
}
