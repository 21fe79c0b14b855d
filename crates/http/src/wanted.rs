//! Values on their way in: from JSON to the value of a datatype, in the forms of [`crate::dto`] and no others.
//!
//! What a GET writes, a PUT takes. Nothing is rounded to fit and nothing guessed: `"5"` is a number only where a number may
//! be its digits, and 300 is no Int8.
//! Knows nothing of elements. Invariant: a value that is returned is of the kind the tree keeps for that datatype.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use factree_namespace::{DataType, Value};
use serde_json::Value as Json;

/// The value of a metric of this datatype.
///
/// # Errors
/// What the datatype takes.
pub(crate) fn of_datatype(json: &Json, datatype: DataType) -> Result<Value, String> {
    use DataType as D;
    if json.is_null() {
        return Ok(Value::Null);
    }
    let signed = |bits: u32| integer(json, -(1_i128 << (bits - 1))..=(1_i128 << (bits - 1)) - 1);
    let unsigned = |bits: u32| integer(json, 0..=(1_i128 << bits) - 1);
    let int = |number: i128| Value::Int(i64::try_from(number).expect("checked against its datatype's range"));
    let uint = |number: i128| Value::UInt(u64::try_from(number).expect("checked against its datatype's range"));
    match datatype {
        D::Int8 => signed(8).map(int),
        D::Int16 => signed(16).map(int),
        D::Int32 => signed(32).map(int),
        D::Int64 => signed(64).map(int),
        D::UInt8 => unsigned(8).map(uint),
        D::UInt16 => unsigned(16).map(uint),
        D::UInt32 => unsigned(32).map(uint),
        D::UInt64 => unsigned(64).map(uint),
        D::Float => {
            let number = float(json)?;
            let narrow = number as f32;
            if narrow.is_infinite() && number.is_finite() {
                return Err("a number within ±3.4028235e38".to_owned());
            }
            Ok(Value::Float(narrow))
        }
        D::Double => float(json).map(Value::Double),
        D::Boolean => json.as_bool().map(Value::Boolean).ok_or_else(|| "true or false".to_owned()),
        D::String | D::Text | D::Uuid => text(json).map(|text| Value::String(text.into())),
        D::DateTime => date_time(text(json)?).map(Value::DateTime),
        D::Bytes | D::File => {
            let bytes = BASE64_STANDARD.decode(text(json)?);
            bytes.map(|bytes| Value::Bytes(bytes.into())).map_err(|_| "base64 with padding".to_owned())
        }
        D::Int8Array => array(json, D::Int8),
        D::Int16Array => array(json, D::Int16),
        D::Int32Array => array(json, D::Int32),
        D::Int64Array => array(json, D::Int64),
        D::UInt8Array => array(json, D::UInt8),
        D::UInt16Array => array(json, D::UInt16),
        D::UInt32Array => array(json, D::UInt32),
        D::UInt64Array => array(json, D::UInt64),
        D::FloatArray => array(json, D::Float),
        D::DoubleArray => array(json, D::Double),
        D::BooleanArray => array(json, D::Boolean),
        D::StringArray => array(json, D::String),
        D::DateTimeArray => array(json, D::DateTime),
        D::DataSet => table(json),
        D::Template => Err("no value of its own: its members are set one by one".to_owned()),
        D::Unknown | D::Structure => Err("no value over HTTP".to_owned()),
    }
}

/// Items of one datatype; none of them null.
fn array(json: &Json, datatype: DataType) -> Result<Value, String> {
    let items = json.as_array().ok_or_else(|| format!("an array of {}", datatype.as_str()))?;
    let item = |(number, item): (usize, &Json)| {
        of_datatype(item, datatype)
            .and_then(not_null)
            .map_err(|takes| format!("an array of {}, and item {number} has to be {takes}", datatype.as_str()))
    };
    Ok(Value::List(items.iter().enumerate().map(item).collect::<Result<_, _>>()?))
}

/// `{"columns": [names], "types": [names], "rows": [[cells]]}`, every row as long as there are columns. A cell may be null.
fn table(json: &Json) -> Result<Value, String> {
    let shape = || "{\"columns\": [names], \"types\": [names], \"rows\": [[cells]]}".to_owned();
    let fields = json.as_object().filter(|fields| fields.len() == 3).ok_or_else(shape)?;
    let list = |name: &str| fields.get(name).and_then(Json::as_array).ok_or_else(shape);
    let texts = |name: &str| -> Result<Vec<&str>, String> {
        list(name)?.iter().map(|text| text.as_str().ok_or_else(shape)).collect()
    };
    let (columns, types) = (texts("columns")?, texts("types")?);
    if columns.len() != types.len() {
        return Err("as many types as columns".to_owned());
    }
    let datatypes: Vec<DataType> = types.iter().map(|name| column_type(name)).collect::<Result<_, _>>()?;
    let row = |(number, row): (usize, &Json)| {
        let cells = row.as_array().filter(|cells| cells.len() == columns.len());
        let cells = cells.ok_or_else(|| format!("rows as long as there are columns, and row {number} is none"))?;
        let cell = |(column, (cell, datatype)): (usize, (&Json, &DataType))| {
            of_datatype(cell, *datatype)
                .map_err(|takes| format!("in row {number}, column '{}', {takes}", columns[column]))
        };
        let cells = cells.iter().zip(&datatypes).enumerate().map(cell);
        Ok::<_, String>(Value::List(cells.collect::<Result<_, _>>()?))
    };
    let rows = list("rows")?.iter().enumerate().map(row).collect::<Result<_, _>>()?;
    let names = |names: &[&str]| Value::List(names.iter().map(|name| Value::String((*name).into())).collect());
    // In the order in which the tree has them, so that data can be held against it.
    let fields = [("columns", names(&columns)), ("types", names(&types)), ("rows", Value::List(rows))];
    Ok(Value::Object(fields.into_iter().map(|(name, value)| (name.into(), value)).collect()))
}

/// A column is of a basic type.
fn column_type(name: &str) -> Result<DataType, String> {
    use DataType as D;
    match DataType::parse(name) {
        Some(
            known @ (D::Int8
            | D::Int16
            | D::Int32
            | D::Int64
            | D::UInt8
            | D::UInt16
            | D::UInt32
            | D::UInt64
            | D::Float
            | D::Double
            | D::Boolean
            | D::String
            | D::DateTime
            | D::Text
            | D::Uuid),
        ) => Ok(known),
        Some(_) | None => Err("columns of scalar types other than Bytes and File".to_owned()),
    }
}

/// The value of a plain topic whose last one was of this datatype: a number for a number, text for text.
///
/// # Errors
/// What the topic takes.
pub(crate) fn of_topic(json: &Json, datatype: DataType) -> Result<Value, String> {
    use DataType as D;
    match datatype {
        D::Boolean => of_datatype(json, D::Boolean).and_then(not_null),
        D::String => of_datatype(json, D::String).and_then(not_null),
        D::Int64 | D::UInt64 | D::Double => match json {
            Json::Number(number) => Ok(match (number.as_i64(), number.as_u64()) {
                (Some(number), _) => Value::Int(number),
                (None, Some(number)) => Value::UInt(number),
                (None, None) => Value::Double(number.as_f64().unwrap_or(f64::NAN)),
            }),
            _ => Err("a number".to_owned()),
        },
        // Nothing but null has been heard yet.
        D::Unknown => match json {
            Json::Bool(_) => of_topic(json, D::Boolean),
            Json::Number(_) => of_topic(json, D::Double),
            Json::String(_) => of_topic(json, D::String),
            Json::Null | Json::Array(_) | Json::Object(_) => Err("a number, text, true or false".to_owned()),
        },
        _ => Err("no value over HTTP: only scalars can be set on a plain topic".to_owned()),
    }
}

fn not_null(value: Value) -> Result<Value, String> {
    if value == Value::Null { Err("a value, and null is none".to_owned()) } else { Ok(value) }
}

/// A JSON number without a fraction, or its digits as a string.
fn integer(json: &Json, range: std::ops::RangeInclusive<i128>) -> Result<i128, String> {
    let number = match json {
        Json::Number(number) => number.as_i64().map(i128::from).or(number.as_u64().map(i128::from)),
        Json::String(digits) => digits.parse().ok().filter(|_| !digits.starts_with('+')),
        _ => None,
    };
    number
        .filter(|number| range.contains(number))
        .ok_or_else(|| format!("a whole number from {} to {}", range.start(), range.end()))
}

fn float(json: &Json) -> Result<f64, String> {
    let number = match json {
        Json::Number(number) => number.as_f64(),
        Json::String(text) => match text.as_str() {
            "NaN" => Some(f64::NAN),
            "Infinity" => Some(f64::INFINITY),
            "-Infinity" => Some(f64::NEG_INFINITY),
            _ => None,
        },
        _ => None,
    };
    number.ok_or_else(|| "a number, \"NaN\", \"Infinity\" or \"-Infinity\"".to_owned())
}

fn text(json: &Json) -> Result<&str, String> {
    json.as_str().ok_or_else(|| "a string".to_owned())
}

/// RFC 3339 to the millisecond, not before 1970; or the milliseconds since then in digits.
fn date_time(text: &str) -> Result<u64, String> {
    let refused =
        || "RFC 3339 with at most milliseconds, from 1970 on, or the milliseconds since then in digits".to_owned();
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return text.parse().map_err(|_| refused());
    }
    let time: jiff::Timestamp = text.parse().map_err(|_| refused())?;
    if time.as_nanosecond() % 1_000_000 != 0 {
        return Err(refused());
    }
    u64::try_from(time.as_millisecond()).map_err(|_| refused())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json;

    fn read(text: &str, datatype: DataType) -> Result<Value, String> {
        of_datatype(&serde_json::from_str(text).unwrap(), datatype)
    }

    fn list<const N: usize>(items: [Value; N]) -> Value {
        Value::List(items.into_iter().collect())
    }

    /// A table of one row.
    fn step(row: Value) -> Value {
        let names = |names: [&str; 2]| list(names.map(|name| Value::String(name.into())));
        let fields = [("columns", names(["step", "°C"])), ("types", names(["String", "Float"])), ("rows", list([row]))];
        Value::Object(fields.into_iter().map(|(name, value)| (name.into(), value)).collect())
    }

    #[test]
    fn what_a_get_writes_a_put_takes() {
        for (datatype, value) in [
            (DataType::Int8, Value::Int(-128)),
            (DataType::Int64, Value::Int(i64::MIN)),
            (DataType::UInt64, Value::UInt(u64::MAX)),
            (DataType::UInt32, Value::UInt(u32::MAX.into())),
            (DataType::Float, Value::Float(21.4)),
            (DataType::Float, Value::Float(f32::MAX)),
            (DataType::Float, Value::Float(f32::NEG_INFINITY)),
            (DataType::Double, Value::Double(5e-324)),
            (DataType::Boolean, Value::Boolean(true)),
            (DataType::Text, Value::String("\"°\n".into())),
            (DataType::DateTime, Value::DateTime(1_709_210_096_789)),
            (DataType::DateTime, Value::DateTime(u64::MAX)),
            (DataType::Bytes, Value::Bytes(b"Factree".as_slice().into())),
            (DataType::UInt16, Value::Null),
            (DataType::Int32Array, list([Value::Int(1), Value::Int(-1)])),
            (DataType::UInt64Array, list([Value::UInt(u64::MAX)])),
            (DataType::FloatArray, list([Value::Float(21.4), Value::Float(f32::INFINITY)])),
            (DataType::StringArray, list([])),
            (DataType::BooleanArray, list([Value::Boolean(true)])),
            (DataType::DateTimeArray, list([Value::DateTime(1_709_210_096_789)])),
            (DataType::DataSet, step(list([Value::String("Mix".into()), Value::Null]))),
        ] {
            let mut written = Vec::new();
            json::value(&mut written, &value);
            assert_eq!(read(std::str::from_utf8(&written).unwrap(), datatype), Ok(value), "{datatype:?}");
        }
        assert!(matches!(read("\"NaN\"", DataType::Double), Ok(Value::Double(nan)) if nan.is_nan()));
    }

    #[test]
    fn what_does_not_fit_is_refused_and_never_bent() {
        for (datatype, text) in [
            (DataType::Int8, "128"),
            (DataType::Int8, "-129"),
            (DataType::Int8, "5.0"),
            (DataType::Int8, "true"),
            (DataType::UInt8, "-1"),
            (DataType::UInt8, "256"),
            (DataType::UInt64, "18446744073709551616"),
            (DataType::UInt64, "\"18446744073709551616\""),
            (DataType::Int64, "\"+5\""),
            (DataType::Int64, "\" 5\""),
            (DataType::Int64, "\"\""),
            (DataType::Float, "1e39"),
            (DataType::Float, "\"21.4\""),
            (DataType::Double, "\"nan\""),
            (DataType::Boolean, "1"),
            (DataType::Boolean, "\"true\""),
            (DataType::String, "5"),
            (DataType::DateTime, "0"),
            (DataType::DateTime, "\"2024-02-29T12:34:56.7891Z\""),
            (DataType::DateTime, "\"1969-12-31T23:59:59Z\""),
            (DataType::DateTime, "\"yesterday\""),
            (DataType::Bytes, "\"RmFjdHJlZQ\""),
            (DataType::Int32Array, "1"),
            (DataType::Int32Array, "[1, null]"),
            (DataType::Int32Array, "[1, 2147483648]"),
            (DataType::Int32Array, "[[1]]"),
            (DataType::DataSet, "{}"),
            (DataType::DataSet, r#"{"columns": ["a"], "types": [], "rows": []}"#),
            (DataType::DataSet, r#"{"columns": ["a"], "types": ["Bytes"], "rows": []}"#),
            (DataType::DataSet, r#"{"columns": ["a"], "types": ["Int8"], "rows": [[1, 2]]}"#),
            (DataType::DataSet, r#"{"columns": ["a"], "types": ["Int8"], "rows": [[128]]}"#),
            (DataType::DataSet, r#"{"columns": ["a"], "types": ["Int8"], "rows": [[1]], "more": 1}"#),
            (DataType::Template, "{}"),
            (DataType::Structure, "{}"),
        ] {
            assert!(read(text, datatype).is_err(), "{text} as {datatype:?}");
        }
    }

    #[test]
    fn a_topic_takes_the_kind_of_value_it_has() {
        let json = |text| serde_json::from_str(text).unwrap();
        assert_eq!(of_topic(&json("21"), DataType::Double), Ok(Value::Int(21)));
        assert_eq!(of_topic(&json("21.5"), DataType::Int64), Ok(Value::Double(21.5)));
        assert_eq!(of_topic(&json("true"), DataType::Unknown), Ok(Value::Boolean(true)));
        for (text, datatype) in [
            ("\"21\"", DataType::Double),
            ("21", DataType::String),
            ("null", DataType::String),
            ("null", DataType::Unknown),
            ("[1]", DataType::Structure),
        ] {
            assert!(of_topic(&json(text), datatype).is_err(), "{text} as {datatype:?}");
        }
    }
}
