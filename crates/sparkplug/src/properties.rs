//! A metric's properties, read in place.
//!
//! On the wire a property set is two lists, keys and values, that correspond by position. [`Properties::parse`] proves
//! the correspondence, the depth and the counts in one walk without memory; after that two cursors in step yield the
//! pairs. Nested sets stay encoded until somebody asks.
//!
//! Invariant: a `Properties` has as many keys as values, all keys are UTF-8, and no nesting exceeds the limit (SP09).

use crate::{
    DecodeError, Limits, Span,
    payload::wire::{self, Fields, Wire},
};
use std::fmt;

/// A well-formed property set, still encoded.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Properties<'a> {
    bytes: &'a [u8],
    span: Span,
}

/// A list of well-formed property sets, still encoded.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PropertySetList<'a> {
    bytes: &'a [u8],
    span: Span,
}

impl<'a> PropertySetList<'a> {
    /// The property sets in order.
    pub fn iter(&self) -> impl Iterator<Item = Properties<'a>> + use<'a> {
        let bytes = self.bytes;
        Fields::new(Wire::within(bytes, self.span), LIST_ITEM).map(move |span| Properties { bytes, span })
    }
}

/// A property's value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum PropertyValue<'a> {
    /// `is_null`, or no value at all.
    Null,
    /// `int_value`, unsigned as it stands; the declared type may call it signed.
    Int(u32),
    /// `long_value`, unsigned as it stands.
    Long(u64),
    /// `float_value`.
    Float(f32),
    /// `double_value`.
    Double(f64),
    /// `boolean_value`.
    Boolean(bool),
    /// `string_value`.
    String(&'a str),
    /// `propertyset_value`.
    Set(Properties<'a>),
    /// `propertysets_value`.
    SetList(PropertySetList<'a>),
    /// `extension_value`, encoded.
    Extension(&'a [u8]),
}

/// A property: its key, the number of the type it declares (0 for none) and its value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Property<'a> {
    /// Its key.
    pub key: &'a str,
    /// The declared type's number as it stands.
    pub datatype: u32,
    /// Its value.
    pub value: PropertyValue<'a>,
}

/// Why a property set is dropped. Its metric is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PropertyFault {
    /// More keys than values, or fewer.
    KeysAndValues,
    /// Nested deeper than [`Limits::property_depth_max`].
    TooDeep,
    /// More properties than [`Limits::properties_max`].
    TooMany,
    /// Not decodable.
    Malformed(DecodeError),
}

impl PropertyFault {
    /// The assertion that is violated, or a rule of ours where the specification has none.
    pub fn tck_id(self) -> &'static str {
        match self {
            PropertyFault::KeysAndValues => "tck-id-payloads-propertyset-keys-array-size",
            PropertyFault::TooDeep | PropertyFault::TooMany => "factree-limit-properties",
            PropertyFault::Malformed(_) => "factree-malformed-properties",
        }
    }
}

impl fmt::Display for PropertyFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PropertyFault::KeysAndValues => f.write_str("the property set has not as many keys as values"),
            PropertyFault::TooDeep => f.write_str("property sets nest deeper than property_depth_max"),
            PropertyFault::TooMany => f.write_str("the property set has more than properties_max properties"),
            PropertyFault::Malformed(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for PropertyFault {}

impl From<DecodeError> for PropertyFault {
    fn from(error: DecodeError) -> PropertyFault {
        PropertyFault::Malformed(error)
    }
}

const KEY: u32 = wire::bytes_field(1);
const VALUE: u32 = wire::bytes_field(2);
const LIST_ITEM: u32 = wire::bytes_field(1);
const TYPE: u32 = wire::varint_field(1);
const IS_NULL: u32 = wire::varint_field(2);
const INT: u32 = wire::varint_field(3);
const LONG: u32 = wire::varint_field(4);
const FLOAT: u32 = wire::fixed32_field(5);
const DOUBLE: u32 = wire::fixed64_field(6);
const BOOLEAN: u32 = wire::varint_field(7);
const STRING: u32 = wire::bytes_field(8);
const SET: u32 = wire::bytes_field(9);
const SET_LIST: u32 = wire::bytes_field(10);
const EXTENSION: u32 = wire::bytes_field(11);

impl<'a> Properties<'a> {
    /// Reads the property set that `span` covers of a payload's `bytes`.
    ///
    /// # Errors
    /// [`PropertyFault`]: the properties are to be dropped, and reported.
    ///
    /// # Panics
    /// When `bytes` are not the payload's that `span` comes from.
    pub fn parse(bytes: &'a [u8], span: Span, limits: &Limits) -> Result<Properties<'a>, PropertyFault> {
        check_set(Wire::within(bytes, span), limits, limits.property_depth_max)?;
        Ok(Properties { bytes, span })
    }

    /// How many properties there are.
    pub fn len(&self) -> usize {
        Fields::new(Wire::within(self.bytes, self.span), KEY).count()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The properties in order. A key may come twice; the later one counts.
    pub fn iter(&self) -> impl Iterator<Item = Property<'a>> + use<'a> {
        let wire = Wire::within(self.bytes, self.span);
        let (mut keys, mut values) = (Fields::new(wire, KEY), Fields::new(wire, VALUE));
        let bytes = self.bytes;
        std::iter::from_fn(move || {
            let key = keys.next()?.text(bytes);
            let (datatype, value) = read_value(Wire::within(bytes, values.next()?), bytes).ok()?;
            Some(Property { key, datatype, value })
        })
    }

    /// The value of the property called `key`; the last, if there are several.
    pub fn get(&self, key: &str) -> Option<PropertyValue<'a>> {
        self.iter().filter(|property| property.key == key).last().map(|property| property.value)
    }

    /// The engineering unit: `engUnit` or `engUnits`. A convention of clients, not of the specification.
    pub fn unit(&self) -> Option<&'a str> {
        self.text(&["engUnit", "engUnits"])
    }

    /// What the metric is about: `Description`, `description` or `Documentation`, again by convention.
    pub fn description(&self) -> Option<&'a str> {
        self.text(&["Description", "description", "Documentation"])
    }

    /// The sample's quality by the property `Quality`: 0 bad, 192 good, 500 stale. `None` without one;
    /// `Some(Err(number))` for anything else (`tck-id-payloads-propertyset-quality-value-value`).
    pub fn quality(&self) -> Option<Result<Quality, u64>> {
        match self.get("Quality")? {
            PropertyValue::Int(number) => Some(Quality::from_wire(number.into()).ok_or(number.into())),
            PropertyValue::Long(number) => Some(Quality::from_wire(number).ok_or(number)),
            _ => None,
        }
    }

    fn text(&self, keys: &[&str]) -> Option<&'a str> {
        keys.iter().find_map(|key| match self.get(key)? {
            PropertyValue::String(text) => Some(text),
            _ => None,
        })
    }
}

/// What the property `Quality` can say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Quality {
    /// 0.
    Bad,
    /// 192.
    Good,
    /// 500.
    Stale,
}

impl Quality {
    /// The quality with this code.
    pub fn from_wire(code: u64) -> Option<Quality> {
        match code {
            0 => Some(Quality::Bad),
            192 => Some(Quality::Good),
            500 => Some(Quality::Stale),
            _ => None,
        }
    }
}

/// Proves a property set. `depth` is how deep it may go, itself included; it bounds the
/// recursion.
fn check_set(mut wire: Wire<'_>, limits: &Limits, depth: u32) -> Result<(), PropertyFault> {
    let Some(deeper) = depth.checked_sub(1) else { return Err(PropertyFault::TooDeep) };
    let (mut keys, mut values) = (0, 0);
    while !wire.is_at_end() {
        match wire.tag()? {
            KEY => {
                wire.text()?;
                keys += 1;
            }
            VALUE => {
                check_value(wire.enter()?, limits, deeper)?;
                values += 1;
            }
            tag => wire.skip(tag)?,
        }
        if keys > limits.properties_max || values > limits.properties_max {
            return Err(PropertyFault::TooMany);
        }
    }
    if keys == values { Ok(()) } else { Err(PropertyFault::KeysAndValues) }
}

fn check_value(mut wire: Wire<'_>, limits: &Limits, depth: u32) -> Result<(), PropertyFault> {
    while !wire.is_at_end() {
        match wire.tag()? {
            SET => check_set(wire.enter()?, limits, depth)?,
            SET_LIST => check_list(wire.enter()?, limits, depth)?,
            STRING => drop(wire.text()?),
            TYPE | IS_NULL | INT | LONG | BOOLEAN => drop(wire.varint()?),
            FLOAT => drop(wire.fixed32()?),
            DOUBLE => drop(wire.fixed64()?),
            EXTENSION => drop(wire.span()?),
            tag if (1..=11).contains(&(tag >> 3)) => return Err(DecodeError::Field.into()),
            tag => wire.skip(tag)?,
        }
    }
    Ok(())
}

fn check_list(mut wire: Wire<'_>, limits: &Limits, depth: u32) -> Result<(), PropertyFault> {
    while !wire.is_at_end() {
        match wire.tag()? {
            LIST_ITEM => check_set(wire.enter()?, limits, depth)?,
            tag => wire.skip(tag)?,
        }
    }
    Ok(())
}

fn read_value<'a>(mut wire: Wire<'a>, bytes: &'a [u8]) -> Result<(u32, PropertyValue<'a>), DecodeError> {
    let (mut datatype, mut is_null, mut value) = (0, false, PropertyValue::Null);
    while !wire.is_at_end() {
        match wire.tag()? {
            TYPE => datatype = wire.varint()? as u32,
            IS_NULL => is_null = wire.varint()? != 0,
            INT => value = PropertyValue::Int(wire.varint()? as u32),
            LONG => value = PropertyValue::Long(wire.varint()?),
            FLOAT => value = PropertyValue::Float(f32::from_bits(wire.fixed32()?)),
            DOUBLE => value = PropertyValue::Double(f64::from_bits(wire.fixed64()?)),
            BOOLEAN => value = PropertyValue::Boolean(wire.varint()? != 0),
            STRING => value = PropertyValue::String(wire.text()?.text(bytes)),
            SET => value = PropertyValue::Set(Properties { bytes, span: wire.span()? }),
            SET_LIST => value = PropertyValue::SetList(PropertySetList { bytes, span: wire.span()? }),
            EXTENSION => value = PropertyValue::Extension(wire.span()?.of(bytes)),
            tag => wire.skip(tag)?,
        }
    }
    Ok((datatype, if is_null { PropertyValue::Null } else { value }))
}
