//! What a metric's value is, once its datatype and its field on the wire are brought together.
//!
//! Births declare the datatype, DATA carries a bare field; [`interpret`] joins them. It forgives what real clients do
//! (an Int8 sign-extended or not, a UInt32 in the long field) and refuses the rest as a [`Mismatch`], which costs that
//! one metric its quality and nothing else (SP10).
//!
//! Texts, bytes and structures borrow from the payload; structures are proven here and stay encoded.

mod array;
mod data_set;
mod template;

pub use array::{Array, ArrayItems};
pub use data_set::{DataSet, DataSetFault, Row};
pub(crate) use template::read_parameter;
pub use template::{Parameter, Template, TemplateFault};

use crate::{DataType, WireValue};
use std::fmt;

/// A metric's value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value<'a> {
    /// `is_null`: said to have no value.
    Null,
    /// Boolean.
    Boolean(bool),
    /// Int8, Int16, Int32, Int64.
    Int(i64),
    /// UInt8, UInt16, UInt32, UInt64.
    UInt(u64),
    /// Float.
    Float(f32),
    /// Double.
    Double(f64),
    /// String, Text, UUID.
    String(&'a str),
    /// DateTime: milliseconds since 1970-01-01T00:00:00Z, any 64-bit number (SP12).
    DateTime(u64),
    /// Bytes, File.
    Bytes(&'a [u8]),
    /// One of the array datatypes, still packed.
    Array(Array<'a>),
    /// DataSet, still encoded.
    DataSet(DataSet<'a>),
    /// Template, still encoded. Members of an instance are metrics of their own: [`crate::Payload::members`].
    Template(Template<'a>),
}

/// Why a metric's field on the wire is no value of its datatype.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mismatch {
    /// The datatype is not declared, outside the set, or one that only a property may have.
    Datatype,
    /// The field holds a value of another kind.
    Kind,
    /// The field holds a number too large for the datatype.
    Range,
    /// A packed array is cut short, or not text where it should be.
    Array,
    /// A DataSet is broken.
    DataSet,
    /// A Template is broken.
    Template,
    /// There is neither a value nor `is_null`.
    Absent,
}

impl Mismatch {
    /// The assertion that is violated.
    pub fn tck_id(self) -> &'static str {
        match self {
            Mismatch::Datatype => "tck-id-payloads-metric-datatype-value",
            Mismatch::Kind | Mismatch::Range | Mismatch::Array => "tck-id-payloads-metric-datatype-value-type",
            Mismatch::DataSet => "factree-malformed-dataset",
            Mismatch::Template => "factree-malformed-template",
            Mismatch::Absent => "tck-id-operational-behavior-data-publish-nbirth-values",
        }
    }
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Mismatch::Datatype => "the datatype is not one a metric can have",
            Mismatch::Kind => "the value is of another kind than the datatype",
            Mismatch::Range => "the value does not fit the datatype",
            Mismatch::Array => "the array is not packed as the datatype demands",
            Mismatch::DataSet => "the DataSet is broken",
            Mismatch::Template => "the Template is broken",
            Mismatch::Absent => "there is no value and is_null is not set",
        })
    }
}

impl std::error::Error for Mismatch {}

/// The value that `wire` stands for in a metric of type `datatype`.
///
/// # Errors
/// [`Mismatch`] when it stands for none; the metric is then of bad quality, its siblings are not concerned.
pub fn interpret<'a>(datatype: DataType, wire: WireValue<'a>) -> Result<Value<'a>, Mismatch> {
    match (datatype, wire) {
        (_, WireValue::Null) => Ok(Value::Null),
        (DataType::Unknown | DataType::PropertySet | DataType::PropertySetList, _) => Err(Mismatch::Datatype),
        (_, WireValue::Absent) => Err(Mismatch::Absent),
        (DataType::Double, WireValue::Double(value)) => Ok(Value::Double(value)),
        (DataType::Float, WireValue::Float(value)) => Ok(Value::Float(value)),
        (DataType::Boolean, WireValue::Boolean(value)) => Ok(Value::Boolean(value)),
        (DataType::Int8, wire) => signed(8, wire),
        (DataType::Int16, wire) => signed(16, wire),
        (DataType::Int32, wire) => signed(32, wire),
        (DataType::Int64, wire) => signed(64, wire),
        (DataType::UInt8, wire) => unsigned(u8::MAX.into(), wire),
        (DataType::UInt16, wire) => unsigned(u16::MAX.into(), wire),
        (DataType::UInt32, wire) => unsigned(u32::MAX.into(), wire),
        (DataType::UInt64, wire) => unsigned(u64::MAX, wire),
        (DataType::DateTime, WireValue::Long(value)) => Ok(Value::DateTime(value)),
        (DataType::String | DataType::Text | DataType::UUID, WireValue::String(value)) => Ok(Value::String(value)),
        (DataType::Bytes | DataType::File, WireValue::Bytes(value)) => Ok(Value::Bytes(value)),
        (DataType::DataSet, WireValue::DataSet(value)) => {
            DataSet::parse(value).map(Value::DataSet).map_err(|_| Mismatch::DataSet)
        }
        (DataType::Template, WireValue::Template(value)) => {
            Template::parse(value).map(Value::Template).map_err(|_| Mismatch::Template)
        }
        (_, WireValue::Bytes(value)) if datatype.is_array() => {
            Array::new(datatype, value).map(Value::Array).ok_or(Mismatch::Array)
        }
        _ => Err(Mismatch::Kind),
    }
}

/// Int8 to Int64. -5 as an Int8 arrives as 251 from clients that write 8 bits and as 4294967291 from those that extend
/// the sign to 32; keeping the low bits reads both. The bits cut off must be zeros or a proper sign extension.
fn signed(bits: u32, wire: WireValue<'_>) -> Result<Value<'static>, Mismatch> {
    let wide = match wire {
        WireValue::Int(value) => i64::from(value.cast_signed()),
        WireValue::Long(value) => value.cast_signed(),
        _ => return Err(Mismatch::Kind),
    };
    let value = (wide << (64 - bits)) >> (64 - bits);
    let fits = value == wide || wide.cast_unsigned() >> (bits - 1) >> 1 == 0;
    if fits { Ok(Value::Int(value)) } else { Err(Mismatch::Range) }
}

/// UInt8 to UInt64, in whichever of the two integer fields: the specification puts UInt32 in the int field, three
/// widespread clients put it in the long one.
fn unsigned(max: u64, wire: WireValue<'_>) -> Result<Value<'static>, Mismatch> {
    let value = match wire {
        WireValue::Int(value) => u64::from(value),
        WireValue::Long(value) => value,
        _ => return Err(Mismatch::Kind),
    };
    if value <= max { Ok(Value::UInt(value)) } else { Err(Mismatch::Range) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encode::{MetricBuilder, PayloadBuilder};
    use crate::{Limits, Payload, Timestamp, decode};
    use DataType as D;
    use WireValue as W;

    #[test]
    fn integers_arrive_in_the_forms_real_clients_send() {
        for (datatype, wire, expected) in [
            (D::Int8, W::Int(251), Value::Int(-5)),
            (D::Int8, W::Int(4_294_967_291), Value::Int(-5)),
            (D::Int8, W::Long(-5i64 as u64), Value::Int(-5)),
            (D::Int16, W::Int(35_536), Value::Int(-30_000)),
            (D::Int16, W::Int(-30_000i32 as u32), Value::Int(-30_000)),
            (D::Int32, W::Int(u32::MAX), Value::Int(-1)),
            (D::Int32, W::Long(4_294_967_295), Value::Int(-1)),
            (D::Int64, W::Long(u64::MAX), Value::Int(-1)),
            (D::Int64, W::Int(7), Value::Int(7)),
            (D::UInt8, W::Int(250), Value::UInt(250)),
            (D::UInt32, W::Int(u32::MAX), Value::UInt(4_294_967_295)),
            (D::UInt32, W::Long(3_293_969_225), Value::UInt(3_293_969_225)),
            (D::UInt64, W::Long(u64::MAX), Value::UInt(u64::MAX)),
            (D::DateTime, W::Long(u64::MAX), Value::DateTime(u64::MAX)),
        ] {
            assert_eq!(interpret(datatype, wire), Ok(expected), "{datatype} from {wire:?}");
        }
    }

    #[test]
    fn sp10_a_value_of_another_kind_is_a_mismatch() {
        for (datatype, wire, expected) in [
            (D::Unknown, W::Int(1), Mismatch::Datatype),
            (D::PropertySet, W::Int(1), Mismatch::Datatype),
            (D::Int8, W::Int(256), Mismatch::Range),
            (D::Int8, W::Int(128 + 256), Mismatch::Range),
            (D::UInt8, W::Int(u32::MAX), Mismatch::Range),
            (D::UInt32, W::Long(1 << 32), Mismatch::Range),
            (D::Double, W::Float(1.0), Mismatch::Kind),
            (D::Boolean, W::Int(1), Mismatch::Kind),
            (D::String, W::Bytes(b"x"), Mismatch::Kind),
            (D::Int32Array, W::Bytes(b"xyz"), Mismatch::Array),
            (D::Int32Array, W::Int(1), Mismatch::Kind),
            (D::Double, W::Absent, Mismatch::Absent),
        ] {
            assert_eq!(interpret(datatype, wire), Err(expected), "{datatype} from {wire:?}");
        }
    }

    /// The short way of [`RawMetric::live_number`] and the long one agree wherever there is a short one.
    #[test]
    fn a_live_number_is_what_interpreting_it_gives() {
        let mut live = 0;
        for declared in D::ALL {
            for written in [D::Int32, D::Int64, D::UInt32, D::UInt64, D::Float, D::Double, D::Boolean, D::DateTime] {
                let value = match written {
                    D::Int32 | D::Int64 => Value::Int(-5),
                    D::Float => Value::Float(-0.5),
                    D::Double => Value::Double(f64::MIN),
                    D::Boolean => Value::Boolean(true),
                    D::DateTime => Value::DateTime(1 << 60),
                    _ => Value::UInt(4_294_967_295),
                };
                let metric = MetricBuilder::aliased(1).at(Timestamp(7)).value(written, value).expect("of its datatype");
                let bytes = PayloadBuilder::at(Timestamp(1)).metric(metric).encode();
                let mut payload = Payload::new();
                decode(&bytes, &Limits::default(), &mut payload).expect("well-formed");
                let raw = &payload.metrics[0];
                if let Some((captured, number)) = raw.live_number(declared) {
                    assert_eq!(captured, Timestamp(7));
                    assert_eq!(interpret(declared, raw.wire_value(&bytes)), Ok(number), "{declared} from {written}");
                    live += 1;
                }
            }
        }
        // Int32 and UInt32 share a field; so do Int64, UInt64 and DateTime.
        assert_eq!(live, 3 + 2 * 2 + 3 * 3);
    }

    #[test]
    fn null_is_null_whatever_the_datatype() {
        assert_eq!(interpret(D::Int8, W::Null), Ok(Value::Null));
        assert_eq!(interpret(D::Template, W::Null), Ok(Value::Null));
    }
}
