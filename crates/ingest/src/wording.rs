//! The message of a command: a value of the tree in Sparkplug's words, and a member inside its Template.
//!
//! Knows no Edge Node and no element. Invariant: what is written reads back as the value that was wanted.

use factree_namespace::Value;
use factree_sparkplug as sparkplug;
use sparkplug::encode::{DataSetBuilder, MetricBuilder, TemplateBuilder, pack_array};
use sparkplug::{Array, DataType, Mismatch};

use crate::convert;

/// A Template instance around the metric that a command sets: how it is called where it stands, and its definition.
pub(crate) struct Holder {
    pub(crate) metric: MetricBuilder,
    pub(crate) definition: String,
}

/// The metric inside its Template instances, outermost first; the metric itself if there are none.
pub(crate) fn hold(metric: MetricBuilder, holders: Vec<Holder>) -> MetricBuilder {
    holders.into_iter().rev().fold(metric, |member, holder| {
        holder.metric.template(TemplateBuilder::instance(&holder.definition).metric(member))
    })
}

/// The metric with this value of its datatype.
///
/// # Errors
/// [`Mismatch`]: the value is none of that datatype.
pub(crate) fn set(metric: MetricBuilder, datatype: DataType, value: &Value) -> Result<MetricBuilder, Mismatch> {
    match (datatype, value) {
        (DataType::DataSet, Value::Object(fields)) => Ok(metric.data_set(table(fields)?)),
        (datatype, Value::List(items)) if datatype.is_array() => {
            let items: Vec<_> = items.iter().map(plain).collect::<Result<_, _>>()?;
            let bytes = pack_array(datatype, items)?;
            let array = Array::new(datatype, &bytes).ok_or(Mismatch::Array)?;
            metric.value(datatype, sparkplug::Value::Array(array))
        }
        (datatype, value) => metric.value(datatype, plain(value)?),
    }
}

/// What [`convert`] makes of a DataSet, read back.
fn table(fields: &[(std::sync::Arc<str>, Value)]) -> Result<DataSetBuilder, Mismatch> {
    let list = |wanted: &str| match fields.iter().find(|(name, _)| **name == *wanted) {
        Some((_, Value::List(items))) => Ok(items),
        _ => Err(Mismatch::DataSet),
    };
    let (names, types, rows) = (list("columns")?, list("types")?, list("rows")?);
    if names.len() != types.len() {
        return Err(Mismatch::DataSet);
    }
    let columns = names.iter().zip(types.iter()).map(|(name, datatype)| match (name, datatype) {
        (Value::String(name), Value::String(datatype)) => Ok((&**name, type_of(datatype)?)),
        _ => Err(Mismatch::DataSet),
    });
    let columns: Vec<_> = columns.collect::<Result<_, _>>()?;
    rows.iter().try_fold(DataSetBuilder::new(columns), |table, row| {
        let Value::List(cells) = row else { return Err(Mismatch::DataSet) };
        let cells: Vec<_> = cells.iter().map(plain).collect::<Result<_, _>>()?;
        table.row(&cells)
    })
}

fn type_of(name: &str) -> Result<DataType, Mismatch> {
    let mut types = DataType::ALL.into_iter();
    types.find(|datatype| convert::datatype(*datatype).as_str() == name).ok_or(Mismatch::DataSet)
}

fn plain(value: &Value) -> Result<sparkplug::Value<'_>, Mismatch> {
    Ok(match value {
        Value::Null => sparkplug::Value::Null,
        Value::Boolean(value) => sparkplug::Value::Boolean(*value),
        Value::Int(value) => sparkplug::Value::Int(*value),
        Value::UInt(value) => sparkplug::Value::UInt(*value),
        Value::Float(value) => sparkplug::Value::Float(*value),
        Value::Double(value) => sparkplug::Value::Double(*value),
        Value::DateTime(value) => sparkplug::Value::DateTime(*value),
        Value::String(text) => sparkplug::Value::String(text),
        Value::Bytes(bytes) => sparkplug::Value::Bytes(bytes),
        Value::List(_) | Value::Object(_) => return Err(Mismatch::Kind),
    })
}
