//! Values between the test's JSON and srad's own conversions.
//!
//! 64-bit integers and times come and go as digits, bytes as hexadecimal digits. Each value is made of the Rust type that
//! srad has for it, so what goes on the wire is srad's choice; where srad has none (DataSet) its payload type is filled in.

use serde::Deserialize;
use serde_json::{Value as Json, json};
use srad::types::payload::{DataSet, DataType, data_set, metric};
use srad::types::traits::{HasDataType, MetricValue as IsMetricValue};
use srad::types::{DataSetValue, DateTime, MetricValue, MetricValueKind, Template, TemplateMetadata};

/// A value of any datatype.
pub(crate) struct AnyValue(MetricValue);

impl From<AnyValue> for MetricValue {
    fn from(value: AnyValue) -> Self {
        value.0
    }
}

impl From<MetricValue> for AnyValue {
    fn from(value: MetricValue) -> Self {
        Self(value)
    }
}

impl HasDataType for AnyValue {
    fn supported_datatypes() -> &'static [DataType] {
        static ALL: [DataType; 32] = [
            DataType::Int8,
            DataType::Int16,
            DataType::Int32,
            DataType::Int64,
            DataType::UInt8,
            DataType::UInt16,
            DataType::UInt32,
            DataType::UInt64,
            DataType::Float,
            DataType::Double,
            DataType::Boolean,
            DataType::String,
            DataType::DateTime,
            DataType::Text,
            DataType::Uuid,
            DataType::DataSet,
            DataType::Bytes,
            DataType::File,
            DataType::Template,
            DataType::Int8Array,
            DataType::Int16Array,
            DataType::Int32Array,
            DataType::Int64Array,
            DataType::UInt8Array,
            DataType::UInt16Array,
            DataType::UInt32Array,
            DataType::UInt64Array,
            DataType::FloatArray,
            DataType::DoubleArray,
            DataType::BooleanArray,
            DataType::StringArray,
            DataType::DateTimeArray,
        ];
        &ALL
    }
}

impl IsMetricValue for AnyValue {}

/// The only Template this Edge Node knows: srad makes Templates of Rust types.
#[derive(Clone, Default, Template)]
pub(crate) struct Motor {
    rpm: i32,
    #[template(rename = "name")]
    label: String,
}

impl TemplateMetadata for Motor {
    fn template_name() -> &'static str {
        "Motor"
    }
}

pub(crate) fn motor(value: &Json) -> Motor {
    let mut motor = Motor::default();
    for member in value["members"].as_array().into_iter().flatten() {
        match member["name"].as_str() {
            Some("rpm") => motor.rpm = number(&member["value"]),
            Some("name") => motor.label = text(&member["value"]),
            unknown => panic!("a Motor has no {unknown:?}"),
        }
    }
    motor
}

pub(crate) fn datatype(name: &str) -> DataType {
    let found = AnyValue::supported_datatypes().iter().find(|known| known.as_str_name() == name);
    *found.unwrap_or_else(|| panic!("no datatype {name}"))
}

/// None is null.
pub(crate) fn read(r#type: &str, value: &Json) -> Option<AnyValue> {
    if value.is_null() {
        return None;
    }
    let read: MetricValue = match datatype(r#type) {
        DataType::Int8 => number::<i8>(value).into(),
        DataType::Int16 => number::<i16>(value).into(),
        DataType::Int32 => number::<i32>(value).into(),
        DataType::Int64 => number::<i64>(value).into(),
        DataType::UInt8 => number::<u8>(value).into(),
        DataType::UInt16 => number::<u16>(value).into(),
        DataType::UInt32 => number::<u32>(value).into(),
        DataType::UInt64 => number::<u64>(value).into(),
        DataType::Float => number::<f32>(value).into(),
        DataType::Double => number::<f64>(value).into(),
        DataType::Boolean => boolean(value).into(),
        DataType::String | DataType::Text | DataType::Uuid => text(value).into(),
        DataType::DateTime => time(value).into(),
        DataType::DataSet => MetricValue(metric::Value::DatasetValue(table(value))),
        DataType::Bytes | DataType::File => bytes(value).into(),
        DataType::Int8Array => array(value, number::<i8>).into(),
        DataType::Int16Array => array(value, number::<i16>).into(),
        DataType::Int32Array => array(value, number::<i32>).into(),
        DataType::Int64Array => array(value, number::<i64>).into(),
        DataType::UInt8Array => array(value, number::<u8>).into(),
        DataType::UInt16Array => array(value, number::<u16>).into(),
        DataType::UInt32Array => array(value, number::<u32>).into(),
        DataType::UInt64Array => array(value, number::<u64>).into(),
        DataType::FloatArray => array(value, number::<f32>).into(),
        DataType::DoubleArray => array(value, number::<f64>).into(),
        DataType::BooleanArray => array(value, boolean).into(),
        DataType::StringArray => array(value, text).into(),
        DataType::DateTimeArray => array(value, time).into(),
        other => panic!("{other:?} is no metric's"),
    };
    Some(AnyValue(read))
}

/// What a command has brought, as `read` would take it.
pub(crate) fn write(r#type: &str, value: MetricValue) -> Json {
    match MetricValueKind::try_from_metric_value(datatype(r#type), value)
        .expect("a command in the datatype of the birth")
    {
        MetricValueKind::Int8(value) => json!(value),
        MetricValueKind::Int16(value) => json!(value),
        MetricValueKind::Int32(value) => json!(value),
        MetricValueKind::Int64(value) => json!(value.to_string()),
        MetricValueKind::UInt8(value) => json!(value),
        MetricValueKind::UInt16(value) => json!(value),
        MetricValueKind::UInt32(value) => json!(value),
        MetricValueKind::UInt64(value) => json!(value.to_string()),
        MetricValueKind::Float(value) => json!(value.to_string()),
        MetricValueKind::Double(value) => json!(value.to_string()),
        MetricValueKind::Boolean(value) => json!(value),
        MetricValueKind::String(value) | MetricValueKind::Text(value) | MetricValueKind::Uuid(value) => json!(value),
        MetricValueKind::DateTime(value) => json!(value.date_time.to_string()),
        MetricValueKind::Bytes(bytes) | MetricValueKind::File(bytes) => {
            json!(bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>())
        }
        MetricValueKind::DataSet(table) => written_table(table),
        MetricValueKind::Int8Array(values) => json!(values),
        MetricValueKind::Int16Array(values) => json!(values),
        MetricValueKind::Int32Array(values) => json!(values),
        MetricValueKind::Int64Array(values) => digits(values),
        MetricValueKind::UInt8Array(values) => json!(values),
        MetricValueKind::UInt16Array(values) => json!(values),
        MetricValueKind::UInt32Array(values) => json!(values),
        MetricValueKind::UInt64Array(values) => digits(values),
        MetricValueKind::FloatArray(values) => digits(values),
        MetricValueKind::DoubleArray(values) => digits(values),
        MetricValueKind::BooleanArray(values) => json!(values),
        MetricValueKind::StringArray(values) => json!(values),
        MetricValueKind::DateTimeArray(values) => digits(values.into_iter().map(|time| time.date_time)),
        MetricValueKind::Template(_) => panic!("no command sets a Template here"),
    }
}

fn digits<N: ToString>(values: impl IntoIterator<Item = N>) -> Json {
    values.into_iter().map(|value| value.to_string()).collect()
}

fn written_table(table: DataSet) -> Json {
    use data_set::data_set_value::Value;
    let cell = |cell: data_set::DataSetValue| match cell.value {
        None | Some(Value::ExtensionValue(_)) => Json::Null,
        Some(Value::IntValue(value)) => json!(value.cast_signed()), // columns of Int32 only, see `cell`
        Some(Value::LongValue(value)) => json!(value.to_string()),
        Some(Value::FloatValue(value)) => json!(value.to_string()),
        Some(Value::DoubleValue(value)) => json!(value.to_string()),
        Some(Value::BooleanValue(value)) => json!(value),
        Some(Value::StringValue(value)) => json!(value),
    };
    let types: Vec<&str> = (table.types.iter())
        .map(|&number| DataType::try_from(number as i32).expect("a datatype").as_str_name())
        .collect();
    let rows: Vec<Json> = table.rows.into_iter().map(|row| row.elements.into_iter().map(cell).collect()).collect();
    json!({ "columns": table.columns, "types": types, "rows": rows })
}

/// A JSON number, or the same as text.
fn number<N: std::str::FromStr>(value: &Json) -> N {
    let digits = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    digits.parse().unwrap_or_else(|_| panic!("{digits} does not fit"))
}

fn boolean(value: &Json) -> bool {
    value.as_bool().expect("true or false")
}

fn text(value: &Json) -> String {
    value.as_str().expect("text").to_owned()
}

fn time(value: &Json) -> DateTime {
    DateTime::new(number(value))
}

fn bytes(value: &Json) -> Vec<u8> {
    let digits = text(value);
    (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16).expect("digits")).collect()
}

fn array<T>(value: &Json, read: fn(&Json) -> T) -> Vec<T> {
    value.as_array().expect("an array").iter().map(read).collect()
}

fn table(value: &Json) -> DataSet {
    #[derive(Deserialize)]
    struct Table {
        columns: Vec<String>,
        types: Vec<String>,
        rows: Vec<Vec<Json>>,
    }
    let table = Table::deserialize(value).expect("a table");
    let row = |row: Vec<Json>| {
        let cells =
            row.iter().zip(&table.types).map(|(value, r#type)| data_set::DataSetValue { value: cell(r#type, value) });
        data_set::Row { elements: cells.collect() }
    };
    DataSet {
        num_of_columns: Some(table.columns.len() as u64),
        rows: table.rows.into_iter().map(row).collect(),
        types: table.types.iter().map(|name| datatype(name) as u32).collect(),
        columns: table.columns,
    }
}

fn cell(r#type: &str, value: &Json) -> Option<data_set::data_set_value::Value> {
    if value.is_null() {
        return None;
    }
    let cell: DataSetValue = match datatype(r#type) {
        DataType::Int32 => number::<i32>(value).into(),
        DataType::Double => number::<f64>(value).into(),
        DataType::Boolean => boolean(value).into(),
        DataType::String => text(value).into(),
        other => panic!("no column of {other:?}"),
    };
    Some(cell.0)
}
