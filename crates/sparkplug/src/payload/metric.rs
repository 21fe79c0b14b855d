//! One metric as it stands on the wire: 56 bytes of numbers and spans.
//!
//! The value is kept as 64 bits and a kind; [`RawMetric::wire_value`] gives it back typed. What the bits mean for the
//! metric's datatype is [`crate::interpret`]'s business.

use super::{DecodeError, Span, Traits, wire, wire::Wire};
use crate::{DataType, Timestamp, Value};

/// A metric of a decoded payload. Its texts and bytes are found in the bytes the payload was decoded from.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct RawMetric {
    alias: u64,
    timestamp: u64,
    /// A number's bits, or a span's start and, in the high half, its length.
    value: u64,
    name: Span,
    properties: Span,
    metadata: Span,
    datatype: u32,
    kind: Kind,
    marks: Marks,
}

const _: () = assert!(size_of::<RawMetric>() <= 56);

/// Which field of the value `oneof` was given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Kind {
    #[default]
    Absent,
    Int,
    Long,
    Float,
    Double,
    Boolean,
    String,
    Bytes,
    DataSet,
    Template,
    Extension,
}

/// The metric's boolean fields, one bit each, and which of the others it has: together they tell a plain number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Marks(u8);

impl Marks {
    const HISTORICAL: u8 = 1;
    const TRANSIENT: u8 = 2;
    const NULL: u8 = 4;
    const PROPERTIES: u8 = 8;
    const ALIAS: u8 = 16;
    const TIMESTAMP: u8 = 32;

    /// What a live number in a message of DATA has, and nothing that would make it more.
    const DATUM: u8 = Marks::ALIAS | Marks::TIMESTAMP;

    fn set(&mut self, mark: u8, on: bool) {
        self.0 = self.0 & !mark | if on { mark } else { 0 };
    }

    fn has(self, mark: u8) -> bool {
        self.0 & mark != 0
    }
}

/// A metric's value as the wire types it, before its datatype has had a say.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum WireValue<'a> {
    /// No value field, and not said to be null.
    Absent,
    /// `is_null`.
    Null,
    /// `int_value`.
    Int(u32),
    /// `long_value`.
    Long(u64),
    /// `float_value`.
    Float(f32),
    /// `double_value`.
    Double(f64),
    /// `boolean_value`.
    Boolean(bool),
    /// `string_value`.
    String(&'a str),
    /// `bytes_value`.
    Bytes(&'a [u8]),
    /// `dataset_value`, encoded.
    DataSet(&'a [u8]),
    /// `template_value`, encoded.
    Template(&'a [u8]),
    /// `extension_value`, encoded.
    Extension(&'a [u8]),
}

impl RawMetric {
    /// Its name; births have one, DATA with a metric alias need not. `bytes` are those the payload was decoded from.
    ///
    /// # Panics
    /// When `bytes` are another message's.
    pub fn name<'a>(&self, bytes: &'a [u8]) -> Option<&'a str> {
        self.name.present().map(|span| span.text(bytes))
    }

    /// Whether it has this name.
    ///
    /// # Panics
    /// When `bytes` are another message's.
    pub(crate) fn is_named(&self, bytes: &[u8], name: &str) -> bool {
        self.name.len() == name.len() && self.name.of(bytes) == name.as_bytes()
    }

    /// Its metric alias.
    #[inline]
    pub fn alias(&self) -> Option<u64> {
        self.marks.has(Marks::ALIAS).then_some(self.alias)
    }

    /// The same, if it has a timestamp as well and is neither historical nor null and without properties, as nearly all
    /// metrics of DATA are.
    #[inline]
    pub(crate) fn alias_of_datum(&self) -> Option<u64> {
        (self.marks == Marks(Marks::DATUM)).then_some(self.alias)
    }

    /// When the value was captured, as its sender says.
    #[inline]
    pub fn timestamp(&self) -> Option<Timestamp> {
        self.marks.has(Marks::TIMESTAMP).then_some(Timestamp(self.timestamp))
    }

    /// The datatype's number as it stands; 0 when there is none. [`crate::DataType::from_wire`] judges it.
    #[inline]
    pub fn datatype(&self) -> u32 {
        self.datatype
    }

    /// Whether the value is from the past and must not replace the live one.
    #[inline]
    pub fn is_historical(&self) -> bool {
        self.marks.has(Marks::HISTORICAL)
    }

    /// Whether the value is not to be stored.
    pub fn is_transient(&self) -> bool {
        self.marks.has(Marks::TRANSIENT)
    }

    /// Whether it is said to have no value.
    pub fn is_null(&self) -> bool {
        self.marks.has(Marks::NULL)
    }

    /// Its property set, encoded; [`crate::Properties::parse`] reads it.
    pub fn properties(&self) -> Option<Span> {
        self.properties.present()
    }

    /// Its metadata, encoded; [`crate::MetaData`] reads it.
    pub fn metadata(&self) -> Option<Span> {
        self.metadata.present()
    }

    /// Its value. `bytes` are those the payload was decoded from.
    ///
    /// # Panics
    /// When `bytes` are another message's.
    #[inline]
    pub fn wire_value<'a>(&self, bytes: &'a [u8]) -> WireValue<'a> {
        if self.is_null() {
            return WireValue::Null;
        }
        let span = self.value_span();
        match self.kind {
            Kind::Absent => WireValue::Absent,
            Kind::Int => WireValue::Int(self.value as u32),
            Kind::Long => WireValue::Long(self.value),
            Kind::Float => WireValue::Float(f32::from_bits(self.value as u32)),
            Kind::Double => WireValue::Double(f64::from_bits(self.value)),
            Kind::Boolean => WireValue::Boolean(self.value != 0),
            Kind::String => WireValue::String(span.text(bytes)),
            Kind::Bytes => WireValue::Bytes(span.of(bytes)),
            Kind::DataSet => WireValue::DataSet(span.of(bytes)),
            Kind::Template => WireValue::Template(span.of(bytes)),
            Kind::Extension => WireValue::Extension(span.of(bytes)),
        }
    }
}

impl RawMetric {
    /// Whether its value is in the field for long numbers.
    pub fn is_long(&self) -> bool {
        self.kind == Kind::Long
    }

    /// When it was captured and what [`crate::interpret`] would make of it, if it is a live number in the field that the
    /// specification gives numbers of this datatype, has a timestamp and no properties; `None` for all else, though it may
    /// have a value.
    ///
    /// One match from two bytes to the value, to be inlined where the value goes: 70 instructions from here to the cell,
    /// where the way through [`WireValue`] took 220 (`benches/benches/ingest.rs`).
    #[inline]
    pub fn live_number(&self, datatype: DataType) -> Option<(Timestamp, Value<'static>)> {
        let (bits, low) = (self.value, self.value as u32);
        if self.marks.0 & (Marks::NULL | Marks::PROPERTIES | Marks::HISTORICAL | Marks::TIMESTAMP) != Marks::TIMESTAMP {
            return None;
        }
        let number = match (datatype, self.kind) {
            (DataType::Double, Kind::Double) => Value::Double(f64::from_bits(bits)),
            (DataType::Float, Kind::Float) => Value::Float(f32::from_bits(low)),
            (DataType::Boolean, Kind::Boolean) => Value::Boolean(bits != 0),
            (DataType::Int32, Kind::Int) => Value::Int(low.cast_signed().into()),
            (DataType::Int64, Kind::Long) => Value::Int(bits.cast_signed()),
            (DataType::UInt32, Kind::Int) | (DataType::UInt64, Kind::Long) => Value::UInt(bits),
            (DataType::DateTime, Kind::Long) => Value::DateTime(bits),
            _ => return None,
        };
        Some((Timestamp(self.timestamp), number))
    }
}

const NAME: u32 = wire::bytes_field(1);
pub(super) const ALIAS: u32 = wire::varint_field(2);
pub(super) const TIMESTAMP: u32 = wire::varint_field(3);
pub(super) const DATATYPE: u32 = wire::varint_field(4);
const IS_HISTORICAL: u32 = wire::varint_field(5);
const IS_TRANSIENT: u32 = wire::varint_field(6);
const IS_NULL: u32 = wire::varint_field(7);
const METADATA: u32 = wire::bytes_field(8);
const PROPERTIES: u32 = wire::bytes_field(9);
pub(super) const INT: u32 = wire::varint_field(10);
pub(super) const LONG: u32 = wire::varint_field(11);
pub(super) const FLOAT: u32 = wire::fixed32_field(12);
pub(super) const DOUBLE: u32 = wire::fixed64_field(13);
pub(super) const BOOLEAN: u32 = wire::varint_field(14);
const STRING: u32 = wire::bytes_field(15);
const BYTES: u32 = wire::bytes_field(16);
const DATASET: u32 = wire::bytes_field(17);
const TEMPLATE: u32 = wire::bytes_field(18);
const EXTENSION: u32 = wire::bytes_field(19);

impl RawMetric {
    /// Reads a metric, whatever its fields and their order.
    pub(crate) fn decode(mut wire: Wire<'_>, name_bytes_max: u32) -> Result<RawMetric, DecodeError> {
        let mut metric = RawMetric::default();
        while !wire.is_at_end() {
            match wire.tag()? {
                NAME => metric.name = name(&mut wire, name_bytes_max)?,
                ALIAS => {
                    metric.alias = wire.varint()?;
                    metric.marks.set(Marks::ALIAS, true);
                }
                TIMESTAMP => {
                    metric.timestamp = wire.varint()?;
                    metric.marks.set(Marks::TIMESTAMP, true);
                }
                DATATYPE => metric.datatype = wire.varint()? as u32,
                IS_HISTORICAL => metric.marks.set(Marks::HISTORICAL, wire.varint()? != 0),
                IS_TRANSIENT => metric.marks.set(Marks::TRANSIENT, wire.varint()? != 0),
                IS_NULL => metric.marks.set(Marks::NULL, wire.varint()? != 0),
                METADATA => set_once(&mut metric.metadata, wire.span()?)?,
                PROPERTIES => {
                    set_once(&mut metric.properties, wire.span()?)?;
                    metric.marks.set(Marks::PROPERTIES, true);
                }
                INT => metric.set(Kind::Int, wire.varint()? & u64::from(u32::MAX)),
                LONG => metric.set(Kind::Long, wire.varint()?),
                FLOAT => metric.set(Kind::Float, wire.fixed32()?.into()),
                DOUBLE => metric.set(Kind::Double, wire.fixed64()?),
                BOOLEAN => metric.set(Kind::Boolean, u64::from(wire.varint()? != 0)),
                STRING => metric.set_span(Kind::String, wire.text()?)?,
                BYTES => metric.set_span(Kind::Bytes, wire.span()?)?,
                DATASET => metric.set_span(Kind::DataSet, wire.span()?)?,
                TEMPLATE => metric.set_span(Kind::Template, wire.span()?)?,
                EXTENSION => metric.set_span(Kind::Extension, wire.span()?)?,
                tag if (1..=19).contains(&(tag >> 3)) => return Err(DecodeError::Field),
                tag => wire.skip(tag)?,
            }
        }
        Ok(metric)
    }

    /// What is special about it alone.
    pub(super) fn traits(&self) -> Traits {
        let mut traits = Traits::NONE;
        for (is_so, trait_of_it) in [
            (self.datatype != 0, Traits::DATATYPE),
            (self.marks.has(Marks::ALIAS) && self.name.present().is_some(), Traits::NAMED_ALIAS),
            (self.marks.has(Marks::PROPERTIES), Traits::PROPERTIES),
            (self.kind == Kind::DataSet, Traits::DATA_SET),
            (self.kind == Kind::Template, Traits::TEMPLATE),
        ] {
            if is_so {
                traits.add(trait_of_it);
            }
        }
        traits
    }

    /// Whether a value field is there, said to be null or not.
    pub(crate) fn has_value_field(&self) -> bool {
        self.kind != Kind::Absent
    }

    /// Whether its value field is a Template, null or not.
    pub(super) fn is_template(&self) -> bool {
        self.kind == Kind::Template
    }

    /// Where its Template lies, if it has one and is not null.
    pub(super) fn template(&self) -> Option<Span> {
        (self.is_template() && !self.is_null()).then_some(self.value_span())
    }

    /// What a member of a Template does not say, the metric that holds it says: when it was captured, and whether it is
    /// from the past or not to be stored.
    pub(super) fn inherit(&mut self, holder: &RawMetric) {
        let mut inherited = Marks::HISTORICAL | Marks::TRANSIENT;
        if !self.marks.has(Marks::TIMESTAMP) {
            self.timestamp = holder.timestamp;
            inherited |= Marks::TIMESTAMP;
        }
        self.marks.0 |= holder.marks.0 & inherited;
    }

    fn value_span(&self) -> Span {
        Span { start: self.value as u32, len: (self.value >> 32) as u32 }
    }

    pub(super) fn set(&mut self, kind: Kind, value: u64) {
        (self.kind, self.value) = (kind, value);
    }

    /// A metric of DATA: metric alias, timestamp, perhaps a datatype, and a number.
    #[inline]
    pub(super) fn datum(alias: u64, timestamp: u64, datatype: u32, kind: Kind, value: u64) -> RawMetric {
        RawMetric { alias, timestamp, datatype, kind, value, marks: Marks(Marks::DATUM), ..RawMetric::default() }
    }

    fn set_span(&mut self, kind: Kind, span: Span) -> Result<(), DecodeError> {
        let is_message = matches!(kind, Kind::DataSet | Kind::Template | Kind::Extension);
        if is_message && self.kind == kind {
            return Err(DecodeError::Repeated);
        }
        self.set(kind, u64::from(span.len) << 32 | u64::from(span.start));
        Ok(())
    }
}

fn name(wire: &mut Wire<'_>, name_bytes_max: u32) -> Result<Span, DecodeError> {
    let span = wire.text()?;
    if span.len > name_bytes_max { Err(DecodeError::NameTooLong) } else { Ok(span) }
}

fn set_once(slot: &mut Span, span: Span) -> Result<(), DecodeError> {
    if slot.present().is_some() {
        return Err(DecodeError::Repeated);
    }
    *slot = span;
    Ok(())
}
