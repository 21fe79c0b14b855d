//! Templates, read in place: what a type looks like, or what an instance of it says about itself.
//!
//! A definition lists members and parameters with their types and defaults. An instance names its definition; its members
//! are [`crate::payload::Member`]s by then, so what is read here is the rest of it.
//!
//! Invariant: a [`Template`] has been walked once from end to end, so reading it cannot fail.

use crate::{
    DataType, DecodeError, Mismatch, RawMetric, Value, WireValue, interpret,
    payload::{
        IS_DEFINITION, MEMBER, PARAMETER, REFERENCE, VERSION,
        wire::{self, Wire},
    },
};
use std::fmt;

/// A well-formed Template, still encoded.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Template<'a> {
    bytes: &'a [u8],
    is_definition: bool,
    says_which: bool,
}

/// A parameter of a Template.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Parameter<'a> {
    /// Its name; empty if it has none, which `tck-id-payloads-template-parameter-name-required` forbids.
    pub name: &'a str,
    /// Its declared type.
    pub datatype: DataType,
    /// Its value, or why what is there is none; Null where there is nothing, as a definition may have it.
    pub value: Result<Value<'a>, Mismatch>,
}

/// Why a Template is of no use. Its metric is of bad quality then, its siblings are not concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TemplateFault {
    /// Templates nest deeper than [`crate::Limits::template_depth_max`].
    TooDeep,
    /// With its members the payload has more metrics than [`crate::Limits::metrics_per_payload_max`], or more than its size
    /// can say anything about.
    TooMany,
    /// The names of all members of the payload together, each behind those of what holds it, are much longer than the payload.
    TooLongNames,
    /// More parameters than [`crate::Limits::template_parameters_max`].
    TooManyParameters,
    /// Not decodable.
    Malformed(DecodeError),
}

impl fmt::Display for TemplateFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TemplateFault::TooDeep => f.write_str("Templates nest deeper than template_depth_max"),
            TemplateFault::TooMany => f.write_str("the payload has more members than metrics_per_payload_max"),
            TemplateFault::TooLongNames => f.write_str(
                "the names of the members, each behind those of what holds it, are much longer than the payload",
            ),
            TemplateFault::TooManyParameters => {
                f.write_str("the Template has more than template_parameters_max parameters")
            }
            TemplateFault::Malformed(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for TemplateFault {}

impl From<DecodeError> for TemplateFault {
    fn from(error: DecodeError) -> TemplateFault {
        TemplateFault::Malformed(error)
    }
}

impl<'a> Template<'a> {
    /// What the name of a definition's metric may begin with (Tahu), while instances refer to it without.
    pub const TYPES_PREFIX: &'static str = "_types_/";

    /// Proves that `bytes` are a Template. What its members nest is not looked at.
    ///
    /// # Errors
    /// [`TemplateFault::Malformed`].
    pub fn parse(bytes: &'a [u8]) -> Result<Template<'a>, TemplateFault> {
        let (mut is_definition, mut has_reference) = (None, false);
        let mut wire = Wire::new(bytes);
        while !wire.is_at_end() {
            match wire.tag()? {
                MEMBER => _ = RawMetric::decode(wire.enter()?, u32::MAX)?,
                PARAMETER => _ = read_parameter(wire.enter()?, bytes)?,
                REFERENCE => has_reference = !wire.text()?.is_empty(),
                VERSION => drop(wire.text()?),
                IS_DEFINITION => is_definition = Some(wire.varint()? != 0),
                tag if (1..=5).contains(&(tag >> 3)) => return Err(DecodeError::Field.into()),
                tag => wire.skip(tag)?,
            }
        }
        let says_which = is_definition.is_some();
        Ok(Template { bytes, is_definition: is_definition.unwrap_or(!has_reference), says_which })
    }

    /// Whether it defines a type; else it is an instance of one. One that does not say (`says_which`) is a definition
    /// unless it refers to one.
    pub fn is_definition(&self) -> bool {
        self.is_definition
    }

    /// Whether `is_definition` was given, as `tck-id-payloads-template-is-definition` wants.
    pub fn says_which(&self) -> bool {
        self.says_which
    }

    /// The definition it is an instance of, as it stands: the name of the definition's metric, with or without
    /// [`Template::TYPES_PREFIX`].
    pub fn reference(&self) -> Option<&'a str> {
        self.last_text(REFERENCE)
    }

    /// The version of the type.
    pub fn version(&self) -> Option<&'a str> {
        self.last_text(VERSION)
    }

    /// A definition's name without the prefix, so that those who write it and those who do not mean the same.
    pub fn type_name(name: &str) -> &str {
        name.strip_prefix(Self::TYPES_PREFIX).unwrap_or(name)
    }

    /// The parameters in order.
    pub fn parameters(&self) -> impl Iterator<Item = Parameter<'a>> + use<'a> {
        self.raw_parameters().map(|RawParameter { name, number, value }| {
            let datatype = DataType::from_wire(number).unwrap_or_default();
            Parameter { name, datatype, value: interpret(datatype, value) }
        })
    }

    /// The parameters as they stand.
    pub(crate) fn raw_parameters(&self) -> impl Iterator<Item = RawParameter<'a>> + use<'a> {
        let bytes = self.bytes;
        wire::Fields::new(Wire::new(bytes), PARAMETER)
            .filter_map(move |span| read_parameter(Wire::within(bytes, span), bytes).ok())
    }

    /// The members in order, with their texts in [`Template::bytes`].
    pub fn metrics(&self) -> impl Iterator<Item = RawMetric> + use<'a> {
        let bytes = self.bytes;
        wire::Fields::new(Wire::new(bytes), MEMBER)
            .filter_map(move |span| RawMetric::decode(Wire::within(bytes, span), u32::MAX).ok())
    }

    /// The Template as it is encoded.
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    fn last_text(&self, tag: u32) -> Option<&'a str> {
        wire::Fields::new(Wire::new(self.bytes), tag)
            .last()
            .map(|span| span.text(self.bytes))
            .filter(|text| !text.is_empty())
    }
}

/// A parameter as the wire has it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RawParameter<'a> {
    pub(crate) name: &'a str,
    /// Of its type, as it stands; 0 for none.
    pub(crate) number: u32,
    pub(crate) value: WireValue<'a>,
}

/// Reads a parameter, whatever its fields and their order; `bytes` are those `wire` goes over.
pub(crate) fn read_parameter<'a>(mut wire: Wire<'a>, bytes: &'a [u8]) -> Result<RawParameter<'a>, DecodeError> {
    const NAME: u32 = wire::bytes_field(1);
    const TYPE: u32 = wire::varint_field(2);
    const INT: u32 = wire::varint_field(3);
    const LONG: u32 = wire::varint_field(4);
    const FLOAT: u32 = wire::fixed32_field(5);
    const DOUBLE: u32 = wire::fixed64_field(6);
    const BOOLEAN: u32 = wire::varint_field(7);
    const STRING: u32 = wire::bytes_field(8);
    const EXTENSION: u32 = wire::bytes_field(9);

    let (mut name, mut number, mut value) = ("", 0, WireValue::Null);
    while !wire.is_at_end() {
        match wire.tag()? {
            NAME => name = wire.text()?.text(bytes),
            TYPE => number = wire.varint()? as u32,
            INT => value = WireValue::Int(wire.varint()? as u32),
            LONG => value = WireValue::Long(wire.varint()?),
            FLOAT => value = WireValue::Float(f32::from_bits(wire.fixed32()?)),
            DOUBLE => value = WireValue::Double(f64::from_bits(wire.fixed64()?)),
            BOOLEAN => value = WireValue::Boolean(wire.varint()? != 0),
            STRING => value = WireValue::String(wire.text()?.text(bytes)),
            EXTENSION => drop(wire.span()?),
            tag if (1..=9).contains(&(tag >> 3)) => return Err(DecodeError::Field),
            tag => wire.skip(tag)?,
        }
    }
    Ok(RawParameter { name, number, value })
}
