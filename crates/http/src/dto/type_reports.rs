//! Types, in JSON.
//!
//! # Type
//!
//! ```json
//! { "name": "Motor", "instances_count": 12,
//!   "versions": [
//!     { "version": "36e76de2e4ff9d12", "label": "2.0", "description": "Turns", "declarers_count": 3, "instances_count": 11,
//!       "declarers": [ { "type": "sparkplug", "group": "Acme:Dallas:Press", "edge_node": "Line1" } ],
//!       "members": [ { "name": "rpm", "datatype": "Int32", "required": true, "unit": "1/min", "low": 0, "high": 3000 },
//!                    { "name": "Gear", "type": "Gear", "required": true } ],
//!       "parameters": [ { "name": "Poles", "datatype": "Int32", "default": 4 } ] } ],
//!   "deviations": [ { "path": "Acme/Dallas/Press/Line1/Main", "member": "rpm", "fault": "datatype", "found": "Double" } ],
//!   "checked": 12 }
//! ```
//!
//! | member | |
//! |---|---|
//! | `name` | |
//! | `instances_count` | elements that are of it, in all versions and in none; of a version, in that one |
//! | `versions` | that of the configuration first, then the one that most sources define; empty if nobody defines the type |
//! | `version` | a number made of the content: whoever says the same says the same version, today and after a restart |
//! | `label` | what its sources call this version |
//! | `declared` | `true` if the configuration declares it |
//! | `description`, `extends` | in words, and the type it refines |
//! | `declarers_count`, `declarers` | the sources that define it; 100 of them are named at most |
//! | `members` | by name, which is the path below an element of the type; `datatype` or `type`, neither if anything will do |
//! | `unit`, `description`, `low`, `high` | of a member: what is shown of the element where its source is silent |
//! | `parameters` | by name, with their defaults in the form of values |
//! | `truncated` | `true` if the response was full before the members and parameters of this version: ask for it on its own |
//! | `deviations` | instances that lack a required member, or have one of another datatype or type |
//! | `fault`, `found` | `missing`, `datatype`, `type`, and what is there instead; left out if that has none |
//! | `checked`, `deviations_more` | how many instances were looked at, and `true` if that was not all, or there are more deviations |
//!
//! Lists have types without `members`, `parameters`, `declarers` and `deviations`: `{"types":[…],"refused":…,"next_cursor":…}`.
//! `refused` is how many definitions are not known because of a limit, if there are any.
//!
//! Instances are pages of `{"elements":[…],"next_cursor":…}`: elements without children, in the order in which they appeared.

use std::sync::Arc;

use factree_namespace::{
    Bound, DataType, Deviation, Deviations, Fault, Member, MemberType, Parameter, Sight, Source, Type, TypeVersion,
    TypeVersionId, View,
};
use serde::Serialize;

use crate::json;
use crate::query::cursor;

/// Sources named for one version.
const DECLARERS_MAX: usize = 100;

/// A page of types.
#[derive(Serialize)]
pub(crate) struct Types<'a> {
    types: Vec<TypeReport<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refused: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

/// A type.
#[derive(Serialize)]
pub(crate) struct TypeReport<'a> {
    name: &'a str,
    instances_count: usize,
    versions: Vec<Version<'a>>,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    deviations: Option<DeviationsOf<'a>>,
}

/// One version of it.
#[derive(Serialize)]
struct Version<'a> {
    version: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    label: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    declared: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    extends: Option<&'a str>,
    declarers_count: usize,
    instances_count: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    declarers: Option<Vec<SourceOf<'a>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    members: Option<Vec<MemberOf<'a>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parameters: Option<Vec<ParameterOf<'a>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    truncated: Option<bool>,
}

/// A source, as a sample names it.
#[derive(Serialize, PartialEq, Eq, PartialOrd, Ord)]
#[serde(tag = "type", rename_all = "snake_case")]
enum SourceOf<'a> {
    Sparkplug {
        group: &'a str,
        edge_node: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        device: Option<&'a str>,
    },
    Mqtt {
        topic: &'a str,
    },
}

/// A member of a version.
#[derive(Serialize)]
struct MemberOf<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    datatype: Option<&'static str>,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    of: Option<&'a str>,
    required: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    unit: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    low: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    high: Option<f64>,
}

/// A parameter of a version.
#[derive(Serialize)]
struct ParameterOf<'a> {
    name: &'a str,
    datatype: &'static str,
    default: serde_json::Value,
}

/// Where instances deviate.
#[derive(Serialize)]
struct DeviationsOf<'a> {
    deviations: Vec<DeviationOf<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    deviations_more: Option<bool>,
    checked: usize,
}

/// One of them.
#[derive(Serialize)]
struct DeviationOf<'a> {
    path: String,
    member: &'a str,
    fault: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    found: Option<&'a str>,
}

impl<'a> Types<'a> {
    /// A page of `limit` types at most; fewer if that is more than `bytes_max`.
    pub(crate) fn of(
        sight: &'a Sight<'_>,
        mut types: impl Iterator<Item = Type<'a>>,
        limit: usize,
        bytes_max: usize,
        refused: usize,
    ) -> Self {
        let (mut page, mut bytes) = (Vec::new(), 0);
        let next_cursor = loop {
            let Some(of) = types.next() else { break None };
            if let Some(TypeReport { name, .. }) = page.last().filter(|_| page.len() == limit || bytes > bytes_max) {
                break Some(cursor(name));
            }
            let report = TypeReport::brief(sight, of);
            bytes += report.len();
            page.push(report);
        };
        Types { types: page, refused: Some(refused).filter(|&refused| refused > 0), next_cursor }
    }
}

impl<'a> TypeReport<'a> {
    /// For a list.
    pub(crate) fn brief(sight: &'a Sight<'_>, of: Type<'a>) -> Self {
        let brief = |(version, count)| Version::brief(sight, version, count);
        let versions = sight.census(of).into_iter().map(brief).collect();
        TypeReport { name: of.name(), instances_count: sight.instances_len(of, None), versions, deviations: None }
    }

    /// Bytes in JSON, for a list, near enough.
    fn len(&self) -> usize {
        /// What a version takes beside its texts.
        const FIXED: usize = 150;
        let text = |text: Option<&str>| text.map_or(0, str::len);
        let texts = |version: &Version<'_>| text(version.label) + text(version.description) + text(version.extends);
        FIXED + self.name.len() + self.versions.iter().map(|version| FIXED + texts(version)).sum::<usize>()
    }

    /// All about it, in one version or in all. What does not fit `bytes_max` is left out, and said.
    pub(crate) fn whole(
        view: &'a Sight<'_>,
        of: Type<'a>,
        wanted: Option<TypeVersionId>,
        deviations: &'a Deviations,
        bytes_max: usize,
    ) -> Self {
        let mut bytes = 0;
        let is_wanted = |version: &TypeVersion| wanted.is_none_or(|wanted| wanted == version.id());
        let versions = view.census(of).into_iter().filter(|(version, _)| is_wanted(version));
        let versions = versions.map(|(version, count)| {
            let is_first = bytes == 0;
            bytes += len(version);
            Version::whole(view, version, count, is_first || bytes <= bytes_max)
        });
        let versions = versions.collect();
        let deviations = DeviationsOf {
            deviations: deviations.found.iter().map(|deviation| DeviationOf::of(view, deviation)).collect(),
            deviations_more: deviations.more.then_some(true),
            checked: deviations.checked,
        };
        TypeReport {
            name: of.name(),
            instances_count: view.instances_len(of, wanted),
            versions,
            deviations: Some(deviations),
        }
    }
}

/// Bytes of a version in JSON, near enough.
fn len(version: &TypeVersion) -> usize {
    /// What a member takes beside its texts.
    const FIXED: usize = 150;
    let definition = version.definition();
    let text = |text: &Option<Arc<str>>| text.as_ref().map_or(0, |text| text.len());
    let members = definition
        .members()
        .iter()
        .map(|Member { name, metadata, .. }| FIXED + name.len() + text(&metadata.unit) + text(&metadata.description));
    let parameters = definition.parameters().iter().map(|parameter| FIXED + parameter.name.len());
    members.sum::<usize>() + parameters.sum::<usize>()
}

impl<'a> Version<'a> {
    fn brief(sight: &Sight<'_>, version: &'a TypeVersion, instances_count: usize) -> Self {
        let definition = version.definition();
        Version {
            version: version.id().to_string(),
            label: definition.label(),
            declared: version.is_declared().then_some(true),
            description: definition.description(),
            extends: definition.extends(),
            // Who else declares it is for those who may see everything.
            declarers_count: if sight.is_unlimited() { version.declarers().len() } else { 0 },
            instances_count,
            declarers: None,
            members: None,
            parameters: None,
            truncated: None,
        }
    }

    fn whole(view: &'a Sight<'_>, version: &'a TypeVersion, instances_count: usize, fits: bool) -> Self {
        let brief = Version::brief(view, version, instances_count);
        if !fits {
            return Version { truncated: Some(true), ..brief };
        }
        let definition = version.definition();
        let known = if view.is_unlimited() { version.declarers() } else { &[] };
        let mut declarers: Vec<_> = known.iter().map(|&source| SourceOf::of(view.source_of(source))).collect();
        declarers.sort_unstable();
        declarers.truncate(DECLARERS_MAX);
        Version {
            declarers: Some(declarers),
            members: Some(definition.members().iter().map(MemberOf::of).collect()),
            parameters: Some(definition.parameters().iter().map(ParameterOf::of).collect()),
            ..brief
        }
    }
}

impl<'a> SourceOf<'a> {
    fn of(source: &'a Source) -> Self {
        match source {
            Source::Sparkplug { group, edge_node, device } => {
                SourceOf::Sparkplug { group, edge_node, device: device.as_deref() }
            }
            Source::Topic { topic } => SourceOf::Mqtt { topic },
        }
    }
}

impl<'a> MemberOf<'a> {
    fn of(member: &'a Member) -> Self {
        let (datatype, of) = match &member.of {
            MemberType::Any => (None, None),
            MemberType::Value(datatype) => (Some(datatype.as_str()), None),
            MemberType::Type(name) => (None, Some(&**name)),
        };
        let metadata = &member.metadata;
        MemberOf {
            name: &member.name,
            datatype,
            of,
            required: member.is_required,
            unit: metadata.unit.as_deref(),
            description: metadata.description.as_deref(),
            low: metadata.low.map(Bound::get),
            high: metadata.high.map(Bound::get),
        }
    }
}

impl<'a> ParameterOf<'a> {
    fn of(parameter: &'a Parameter) -> Self {
        let mut default = Vec::new();
        json::value(&mut default, &parameter.default);
        ParameterOf {
            name: &parameter.name,
            datatype: parameter.datatype.as_str(),
            default: serde_json::from_slice(&default).expect("what is written is one JSON value"),
        }
    }
}

impl<'a> DeviationOf<'a> {
    fn of(view: &View<'_>, Deviation { element, member, fault }: &'a Deviation) -> Self {
        let (fault, found) = match fault {
            Fault::Missing => ("missing", None),
            Fault::Datatype(found) => ("datatype", found.map(DataType::as_str)),
            Fault::Type(found) => ("type", found.as_deref()),
        };
        DeviationOf { path: view.path(*element), member, fault, found }
    }
}
