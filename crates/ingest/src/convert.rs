//! Sparkplug's values in the tree's words. The two rooms do not know each other; this is the only place that knows both.

use factree_namespace::{DataType, Quality, Scalar, Timestamp, Value, ValueRef};
use factree_sparkplug as sparkplug;

/// The same moment.
pub(crate) fn timestamp(timestamp: sparkplug::Timestamp) -> Timestamp {
    Timestamp(timestamp.0)
}

/// The same type; the names are the field's standard in both rooms.
pub(crate) fn datatype(datatype: sparkplug::DataType) -> DataType {
    use sparkplug::DataType as S;
    match datatype {
        S::Unknown | S::PropertySet | S::PropertySetList => DataType::Unknown,
        S::Int8 => DataType::Int8,
        S::Int16 => DataType::Int16,
        S::Int32 => DataType::Int32,
        S::Int64 => DataType::Int64,
        S::UInt8 => DataType::UInt8,
        S::UInt16 => DataType::UInt16,
        S::UInt32 => DataType::UInt32,
        S::UInt64 => DataType::UInt64,
        S::Float => DataType::Float,
        S::Double => DataType::Double,
        S::Boolean => DataType::Boolean,
        S::String => DataType::String,
        S::DateTime => DataType::DateTime,
        S::Text => DataType::Text,
        S::UUID => DataType::Uuid,
        S::DataSet => DataType::DataSet,
        S::Bytes => DataType::Bytes,
        S::File => DataType::File,
        S::Template => DataType::Template,
        S::Int8Array => DataType::Int8Array,
        S::Int16Array => DataType::Int16Array,
        S::Int32Array => DataType::Int32Array,
        S::Int64Array => DataType::Int64Array,
        S::UInt8Array => DataType::UInt8Array,
        S::UInt16Array => DataType::UInt16Array,
        S::UInt32Array => DataType::UInt32Array,
        S::UInt64Array => DataType::UInt64Array,
        S::FloatArray => DataType::FloatArray,
        S::DoubleArray => DataType::DoubleArray,
        S::BooleanArray => DataType::BooleanArray,
        S::StringArray => DataType::StringArray,
        S::DateTimeArray => DataType::DateTimeArray,
    }
}

/// What a value says of itself.
pub(crate) fn quality(quality: sparkplug::properties::Quality) -> Quality {
    match quality {
        sparkplug::properties::Quality::Bad => Quality::Bad,
        sparkplug::properties::Quality::Good => Quality::Good,
        sparkplug::properties::Quality::Stale => Quality::Stale,
    }
}

/// A number as a cell keeps it.
#[inline]
pub(crate) fn scalar(number: sparkplug::Value<'_>) -> Option<Scalar> {
    Some(match number {
        sparkplug::Value::Null => Scalar::NULL,
        sparkplug::Value::Boolean(value) => Scalar::boolean(value),
        sparkplug::Value::Int(value) => Scalar::int(value),
        sparkplug::Value::UInt(value) => Scalar::uint(value),
        sparkplug::Value::Float(value) => Scalar::float(value),
        sparkplug::Value::Double(value) => Scalar::double(value),
        sparkplug::Value::DateTime(value) => Scalar::date_time(value),
        _ => return None,
    })
}

/// Hands a Sparkplug value to `write` in the tree's form; numbers and text are borrowed, arrays are built.
///
/// A DataSet or Template stays encoded, as bytes of that datatype.
#[inline]
pub(crate) fn with_value<T>(value: sparkplug::Value<'_>, write: impl FnOnce(ValueRef<'_>) -> T) -> T {
    match value {
        sparkplug::Value::Array(items) => {
            let list: Value = Value::List(items.iter().map(item).collect());
            write((&list).into())
        }
        scalar => write(borrowed(scalar)),
    }
}

#[inline]
fn borrowed(value: sparkplug::Value<'_>) -> ValueRef<'_> {
    match value {
        sparkplug::Value::Null => ValueRef::Null,
        sparkplug::Value::Boolean(value) => ValueRef::Boolean(value),
        sparkplug::Value::Int(value) => ValueRef::Int(value),
        sparkplug::Value::UInt(value) => ValueRef::UInt(value),
        sparkplug::Value::Float(value) => ValueRef::Float(value),
        sparkplug::Value::Double(value) => ValueRef::Double(value),
        sparkplug::Value::String(value) => ValueRef::String(value),
        sparkplug::Value::DateTime(value) => ValueRef::DateTime(value),
        sparkplug::Value::Bytes(value) | sparkplug::Value::DataSet(value) | sparkplug::Value::Template(value) => {
            ValueRef::Bytes(value)
        }
        sparkplug::Value::Array(array) => ValueRef::Bytes(array.bytes()),
    }
}

/// An item of an array, owned.
fn item(value: sparkplug::Value<'_>) -> Value {
    match borrowed(value) {
        ValueRef::Null => Value::Null,
        ValueRef::Boolean(value) => Value::Boolean(value),
        ValueRef::Int(value) => Value::Int(value),
        ValueRef::UInt(value) => Value::UInt(value),
        ValueRef::Float(value) => Value::Float(value),
        ValueRef::Double(value) => Value::Double(value),
        ValueRef::DateTime(value) => Value::DateTime(value),
        ValueRef::String(text) => Value::String(text.into()),
        ValueRef::Bytes(bytes) => Value::Bytes(bytes.into()),
        ValueRef::Structure(value) => value.clone(),
    }
}
