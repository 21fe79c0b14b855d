//! Sparkplug's values in the tree's words. The two rooms do not know each other; this is the only place that knows both.

use factree_namespace::{DataType, Quality, Refusal, Scalar, Timestamp, Value, ValueRef};
use factree_sparkplug as sparkplug;

use crate::unfit::Beyond;

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

/// Whether a value's form in the tree may be built: how much that takes is known before.
///
/// # Errors
/// The limit in the way.
pub(crate) fn fits(
    value: &sparkplug::Value<'_>,
    limits: &sparkplug::Limits,
    value_bytes_max: usize,
) -> Result<(), Beyond> {
    match value {
        sparkplug::Value::DataSet(data_set) => {
            let cells = data_set.rows_len().saturating_mul(data_set.columns_len() + 1);
            if cells <= limits.data_set_cells_max as usize { Ok(()) } else { Err(Beyond::Cells) }
        }
        // Booleans are packed tighter than the tree counts them.
        sparkplug::Value::Array(array) if array.len().max(array.bytes().len()) > value_bytes_max => {
            Err(Beyond::Tree(Refusal::ValueTooLarge))
        }
        _ => Ok(()),
    }
}

/// Hands a Sparkplug value to `write` in the tree's form; numbers and text are borrowed, structures are built.
///
/// Of a Template only a definition has a value. An instance is its members, which are metrics of their own.
#[inline]
pub(crate) fn with_value<T>(value: sparkplug::Value<'_>, write: impl FnOnce(ValueRef<'_>) -> T) -> T {
    match value {
        sparkplug::Value::Array(items) => {
            let list: Value = Value::List(items.iter().map(item).collect());
            write((&list).into())
        }
        sparkplug::Value::DataSet(data_set) => write((&table(data_set)).into()),
        sparkplug::Value::Template(template) if template.is_definition() => write((&definition(template)).into()),
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
        sparkplug::Value::Bytes(value) => ValueRef::Bytes(value),
        sparkplug::Value::Array(array) => ValueRef::Bytes(array.bytes()),
        // Values that are built come here from inside a definition only, which says what a member is and not its default.
        sparkplug::Value::DataSet(_) | sparkplug::Value::Template(_) => ValueRef::Null,
    }
}

/// `{"columns": [names], "types": [names], "rows": [[cells]]}`.
fn table(data_set: sparkplug::DataSet<'_>) -> Value {
    let types = data_set.types();
    let text = |text: &str| Value::String(text.into());
    let names = types.iter().map(|each| text(datatype(*each).as_str())).collect();
    let rows = data_set.rows().map(|row| Value::List(row.cells(&types).map(item).collect())).collect();
    object([
        ("columns", Value::List(data_set.columns().map(text).collect())),
        ("types", Value::List(names)),
        ("rows", Value::List(rows)),
    ])
}

/// `{"definition": true, "version": …, "parameters": [{"name", "datatype", "value"}], "members": [the same]}`; of a member
/// that is an instance, `template` names its definition.
fn definition(template: sparkplug::Template<'_>) -> Value {
    let text = |text: &str| Value::String(text.into());
    let parameters = template.parameters().map(|parameter| {
        let value = parameter.value.map_or(Value::Null, item);
        let datatype = datatype(parameter.datatype).as_str();
        object([("name", text(parameter.name)), ("datatype", text(datatype)), ("value", value)])
    });
    let members = template.metrics().map(|metric| {
        let declared = sparkplug::DataType::from_wire(metric.datatype()).unwrap_or_default();
        let value = sparkplug::interpret(declared, metric.wire_value(template.bytes()));
        let name = text(metric.name(template.bytes()).unwrap_or_default());
        let head = [("name", name), ("datatype", text(datatype(declared).as_str()))];
        match value {
            Ok(sparkplug::Value::Template(inner)) => {
                let reference = inner.reference().map_or(Value::Null, text);
                object(head.into_iter().chain([("template", reference)]))
            }
            value => object(head.into_iter().chain([("value", value.map_or(Value::Null, item))])),
        }
    });
    object([
        ("definition", Value::Boolean(true)),
        ("version", template.version().map_or(Value::Null, text)),
        ("parameters", Value::List(parameters.collect())),
        ("members", Value::List(members.collect())),
    ])
}

fn object(fields: impl IntoIterator<Item = (&'static str, Value)>) -> Value {
    Value::Object(fields.into_iter().map(|(name, value)| (name.into(), value)).collect())
}

/// An item of an array, or another value without an inside, owned.
pub(crate) fn item(value: sparkplug::Value<'_>) -> Value {
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
