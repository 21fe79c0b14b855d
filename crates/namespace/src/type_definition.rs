//! A type: what some elements are made of, as an Edge Node's Template or the configuration defines it.
//!
//! Two definitions are the same *version* if their content is the same, whoever says so and in whatever order, so a version
//! is named by a number made of its content: it needs no table that outlives the process, and is the same in every process.
//! Knows no tree and no source. Invariant: members and parameters are sorted by name, each name once, so equal content has
//! equal bytes.

use std::fmt;
use std::sync::Arc;

use crate::{DataType, Metadata, Value};

/// What a type is, as somebody defines it.
#[derive(Clone, Debug)]
pub struct TypeDefinition {
    name: Arc<str>,
    label: Option<Arc<str>>,
    description: Option<Arc<str>>,
    extends: Option<Arc<str>>,
    members: Box<[Member]>,
    parameters: Box<[Parameter]>,
    /// What the defaults of the parameters say about each element of the type.
    inherited: Metadata,
}

/// One part of a type. Below an element of the type it is the element at the path of its name.
#[derive(Clone, Debug)]
pub struct Member {
    /// Its name, which may be a path: `Axis/1/Temperature`.
    pub name: Arc<str>,
    /// What is to stand there.
    pub of: MemberType,
    /// Whether an element of the type is to have it.
    pub is_required: bool,
    /// What it says about the element that stands there: unit, description and range, where nobody else says it.
    pub metadata: Arc<Metadata>,
}

/// What a member is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MemberType {
    /// Anything.
    Any,
    /// A sample of this datatype.
    Value(DataType),
    /// An element of the type of this name, in whatever version.
    Type(Arc<str>),
}

/// Something that is said of an element as a whole when it is made, as a Sparkplug Template's parameters are.
#[derive(Clone, Debug)]
pub struct Parameter {
    /// Its name.
    pub name: Arc<str>,
    /// Its datatype.
    pub datatype: DataType,
    /// What it is where nothing else is said; Null if nothing is.
    pub default: Value,
}

/// The number of a version: made of the definition's content, so the same definition has the same number in every process
/// and whoever says it. Written as 16 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TypeVersionId(pub(crate) u64);

impl TypeVersionId {
    /// The number that a text is, exactly as it is written.
    pub fn parse(text: &str) -> Option<Self> {
        let is_one = text.len() == 16 && text.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'));
        is_one.then(|| u64::from_str_radix(text, 16).ok().map(Self)).flatten()
    }
}

impl fmt::Display for TypeVersionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// Bytes of names and texts that an element inherits: each element of the type refers to them.
const INHERITED_BYTES_MAX: usize = 4096;

/// The defaults of parameters as properties of an element, as far as there is room for them; an inside has no text.
fn inherited(parameters: &[Parameter]) -> Vec<(Arc<str>, Arc<str>)> {
    let mut left = INHERITED_BYTES_MAX;
    let mut properties = Vec::new();
    for Parameter { name, default, .. } in parameters {
        let text: Arc<str> = match default {
            Value::Boolean(value) => value.to_string().into(),
            Value::Int(value) => value.to_string().into(),
            Value::UInt(value) | Value::DateTime(value) => value.to_string().into(),
            Value::Float(value) => value.to_string().into(),
            Value::Double(value) => value.to_string().into(),
            Value::String(text) => Arc::clone(text),
            Value::Null | Value::Bytes(_) | Value::List(_) | Value::Object(_) => continue,
        };
        if let Some(rest) = left.checked_sub(PARAMETERS.len() + name.len() + text.len()) {
            left = rest;
            properties.push((format!("{PARAMETERS}{name}").into(), text));
        }
    }
    properties
}

/// What stands before the name of a parameter among an element's properties.
const PARAMETERS: &str = "parameters/";

impl TypeDefinition {
    /// A type without members.
    pub fn named(name: impl Into<Arc<str>>) -> Self {
        Self {
            name: name.into(),
            label: None,
            description: None,
            extends: None,
            members: Box::default(),
            parameters: Box::default(),
            inherited: Metadata::default(),
        }
    }

    /// The same with what whoever defines it calls this version.
    #[must_use]
    pub fn labelled(self, label: Option<Arc<str>>) -> Self {
        Self { label, ..self }
    }

    /// The same with what it is, in words.
    #[must_use]
    pub fn described(self, description: Option<Arc<str>>) -> Self {
        Self { description, ..self }
    }

    /// The same as a refinement of another type, whose members it has among its own.
    #[must_use]
    pub fn extending(self, extends: Option<Arc<str>>) -> Self {
        Self { extends, ..self }
    }

    /// The same with these members; of those with one name the first counts.
    #[must_use]
    pub fn with_members(self, mut members: Vec<Member>) -> Self {
        members.sort_by(|one, other| one.name.cmp(&other.name));
        members.dedup_by(|later, earlier| later.name == earlier.name);
        Self { members: members.into(), ..self }
    }

    /// The same with these parameters; of those with one name the first counts.
    #[must_use]
    pub fn with_parameters(self, mut parameters: Vec<Parameter>) -> Self {
        parameters.sort_by(|one, other| one.name.cmp(&other.name));
        parameters.dedup_by(|later, earlier| later.name == earlier.name);
        let inherited = Metadata { properties: inherited(&parameters), ..Metadata::default() };
        Self { parameters: parameters.into(), inherited, ..self }
    }

    /// Its name.
    pub fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// What whoever defines it calls this version: a text for people, which two versions may share.
    pub fn label(&self) -> Option<&str> {
        self.label.as_deref()
    }

    /// What it is, in words.
    pub fn description(&self) -> Option<&str> {
        self.description.as_deref()
    }

    /// The type it refines. Its members are among [`TypeDefinition::members`].
    pub fn extends(&self) -> Option<&str> {
        self.extends.as_deref()
    }

    /// Its members, by name in byte order.
    pub fn members(&self) -> &[Member] {
        &self.members
    }

    /// Its parameters, by name in byte order.
    pub fn parameters(&self) -> &[Parameter] {
        &self.parameters
    }

    /// What it says about each element of the type that does not say so itself: the defaults of its parameters, as properties
    /// `parameters/{name}`. Defaults beyond four kilobytes are left to who reads the definition.
    pub(crate) fn inherited(&self) -> &Metadata {
        &self.inherited
    }

    /// The member of that name.
    pub fn member(&self, name: &str) -> Option<&Member> {
        let found = self.members.binary_search_by(|member| (*member.name).cmp(name)).ok()?;
        Some(&self.members[found])
    }

    /// Whether a member stands somewhere below `path`.
    pub(crate) fn has_below(&self, path: &str) -> bool {
        let below = || path.bytes().chain([b'/']);
        let first = self.members.partition_point(|member| member.name.bytes().lt(below()));
        let next = self.members.get(first).and_then(|member| member.name.strip_prefix(path));
        next.is_some_and(|rest| rest.starts_with('/'))
    }

    /// Bytes this occupies on the heap, near enough to bound it.
    pub(crate) fn weigh(&self) -> usize {
        let text = |text: &Option<Arc<str>>| text.as_ref().map_or(0, |text| text.len());
        let members = self.members.iter().map(|member| {
            let of = match &member.of {
                MemberType::Type(name) => name.len(),
                MemberType::Any | MemberType::Value(_) => 0,
            };
            size_of::<Member>() + member.name.len() + of + member.metadata.weigh()
        });
        let parameters = self.parameters.iter().map(|parameter| {
            let default = match &parameter.default {
                Value::String(text) => text.len(),
                _ => 0,
            };
            size_of::<Parameter>() + parameter.name.len() + default
        });
        let texts = self.name.len() + text(&self.label) + text(&self.description) + text(&self.extends);
        size_of::<Self>() + texts + members.sum::<usize>() + parameters.sum::<usize>() + self.inherited.weigh()
    }

    /// The number of the version that it is.
    pub fn version(&self) -> TypeVersionId {
        // FNV-1a: short, and the same for ever. Who makes two definitions that share a number gets two versions all the same,
        // since their bytes are compared.
        let hash = self.content().iter().fold(0xcbf2_9ce4_8422_2325, |hash: u64, &byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        });
        TypeVersionId(hash)
    }

    /// Everything it says, in one way only. Numbers of versions are made of this, so they change when it does.
    pub(crate) fn content(&self) -> Vec<u8> {
        let mut content = Content(Vec::with_capacity(64 * (1 + self.members.len())));
        content.text(Some(&self.name));
        content.text(self.label.as_deref());
        content.text(self.description.as_deref());
        content.text(self.extends.as_deref());
        content.number(self.members.len() as u64);
        for Member { name, of, is_required, metadata } in &self.members {
            content.text(Some(name));
            match of {
                MemberType::Any => content.0.push(0),
                MemberType::Value(datatype) => {
                    content.0.push(1);
                    content.text(Some(datatype.as_str()));
                }
                MemberType::Type(name) => {
                    content.0.push(2);
                    content.text(Some(name));
                }
            }
            content.0.push(u8::from(*is_required));
            content.text(metadata.unit.as_deref());
            content.text(metadata.description.as_deref());
            for bound in [metadata.low, metadata.high] {
                content.0.push(u8::from(bound.is_some()));
                content.number(bound.map_or(0, |bound| bound.get().to_bits()));
            }
        }
        content.number(self.parameters.len() as u64);
        for Parameter { name, datatype, default } in &self.parameters {
            content.text(Some(name));
            content.text(Some(datatype.as_str()));
            content.value(default);
        }
        content.0
    }
}

/// What a definition says, as bytes.
struct Content(Vec<u8>);

impl Content {
    fn number(&mut self, number: u64) {
        self.0.extend_from_slice(&number.to_le_bytes());
    }

    fn text(&mut self, text: Option<&str>) {
        self.0.push(u8::from(text.is_some()));
        let text = text.unwrap_or_default();
        self.number(text.len() as u64);
        self.0.extend_from_slice(text.as_bytes());
    }

    fn value(&mut self, value: &Value) {
        let (kind, bits) = match value {
            Value::Null => (0, 0),
            Value::Boolean(value) => (1, u64::from(*value)),
            Value::Int(value) => (2, value.cast_unsigned()),
            Value::UInt(value) => (3, *value),
            Value::Float(value) => (4, u64::from(value.to_bits())),
            Value::Double(value) => (5, value.to_bits()),
            Value::DateTime(value) => (6, *value),
            Value::String(_) => (7, 0),
            // A parameter is a number, a text or nothing.
            Value::Bytes(_) | Value::List(_) | Value::Object(_) => (8, 0),
        };
        self.0.push(kind);
        self.number(bits);
        if let Value::String(text) = value {
            self.text(Some(text));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn motor(members: &[&str]) -> TypeDefinition {
        let member = |name: &&str| Member {
            name: (*name).into(),
            of: MemberType::Value(DataType::Double),
            is_required: true,
            metadata: Arc::default(),
        };
        TypeDefinition::named("Motor").with_members(members.iter().map(member).collect())
    }

    #[test]
    fn a_version_is_what_is_said_and_not_in_which_order() {
        assert_eq!(motor(&["rpm", "amps"]).version(), motor(&["amps", "rpm", "amps"]).version());
        let others = [
            motor(&["rpm"]),
            motor(&["rpmamps"]),
            motor(&["rpm", "amps"]).labelled(Some("2".into())),
            motor(&["rpm", "amps"]).described(Some("2".into())),
            motor(&["rpm", "amps"]).extending(Some("2".into())),
            motor(&["rpm", "amps"]).with_parameters(vec![Parameter {
                name: "p".into(),
                datatype: DataType::Float,
                default: Value::Float(f32::NAN),
            }]),
        ];
        let mut versions: Vec<_> = others.iter().map(TypeDefinition::version).collect();
        versions.push(motor(&["rpm", "amps"]).version());
        versions.sort_unstable();
        versions.dedup();
        assert_eq!(versions.len(), others.len() + 1);
    }

    #[test]
    fn a_version_has_the_number_it_has_had_in_every_process() {
        let version = motor(&["rpm"]).version();
        assert_eq!(version.to_string(), "a8f5b2c62e11b2ea");
        assert_eq!(TypeVersionId::parse(&version.to_string()), Some(version));
        assert_eq!(["", "a8f5", "A8F5B2C62E11B2EA", "+8f5b2c62e11b2ea"].map(TypeVersionId::parse), [None; 4]);
    }

    #[test]
    fn a_member_below_a_path_is_seen_past_names_that_only_look_alike() {
        let axis = motor(&["Axis", "Axis 1", "Axis-2/rpm", "Axis/1/rpm", "Axle"]);
        assert!(axis.has_below("Axis") && axis.has_below("Axis/1") && axis.has_below("Axis-2"));
        assert!(!axis.has_below("Axis 1") && !axis.has_below("Axis/1/rpm") && !axis.has_below("Ax"));
    }
}
