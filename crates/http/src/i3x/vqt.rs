//! Value, quality and timestamp, as i3X has them.
//!
//! i3X knows four qualities, and which of them come with a value: `Good` and `Uncertain` always, `Bad` and `GoodNoData` never. So
//! what the tree holds of a machine that is gone is `Uncertain`, and what nobody should use is told without its value.
//! Knows no element. Invariant: what is written is valid against the schema of its type, or null; a timestamp is RFC 3339.

use factree_namespace::{DataType, Quality, Reading, Timestamp, Value, View};

use super::object_type::{JsonType, ObjectType};
use crate::json::{self, Clock};

/// The last millisecond that RFC 3339 can say, for [`Clock`].
const TIMESTAMP_MAX: u64 = 253_402_207_200_999;

/// One value of one object.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Vqt {
    value: Value,
    quality: &'static str,
    timestamp: Timestamp,
}

impl Vqt {
    /// What a sample says.
    pub(super) fn of(view: &View<'_>, (sample, provenance): &Reading) -> Vqt {
        let object_type = &ObjectType::of_metric(view.source_of(*provenance), sample.datatype);
        // A source may send any time; ours is always one.
        let timestamp = if sample.timestamp.0 <= TIMESTAMP_MAX { sample.timestamp } else { sample.received };
        let quality = match (sample.quality, &sample.value) {
            (Quality::Good | Quality::Uncertain, Value::Null) => "GoodNoData",
            (Quality::Stale, Value::Null) | (Quality::Bad, _) => "Bad",
            (_, value) if !fits(object_type, value) => "Bad",
            (Quality::Good, _) => "Good",
            (Quality::Stale | Quality::Uncertain, _) => "Uncertain",
        };
        match quality {
            "Good" | "Uncertain" => Vqt { value: sample.value.clone(), quality, timestamp: in_range(timestamp) },
            _ => Vqt::missing(quality, timestamp),
        }
    }

    /// What an object without a sample is.
    pub(super) fn nothing(now: Timestamp) -> Vqt {
        Vqt::missing("GoodNoData", now)
    }

    /// What is not in the tree any more.
    pub(super) fn gone(now: Timestamp) -> Vqt {
        Vqt::missing("Bad", now)
    }

    fn missing(quality: &'static str, timestamp: Timestamp) -> Vqt {
        Vqt { value: Value::Null, quality, timestamp: in_range(timestamp) }
    }

    /// The three members, without braces.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"\"value\":");
        match &self.value {
            // JSON has integers of any size, and so has the schema.
            Value::Int(number) => out.extend_from_slice(number.to_string().as_bytes()),
            Value::UInt(number) => out.extend_from_slice(number.to_string().as_bytes()),
            value => json::value(out, value),
        }
        out.extend_from_slice(b",\"quality\":\"");
        out.extend_from_slice(self.quality.as_bytes());
        out.extend_from_slice(b"\",\"timestamp\":\"");
        Clock::default().write(out, self.timestamp);
        out.push(b'"');
    }

    /// Bytes it keeps on the heap, near enough to bound it. What is shared with the tree is counted as if it were not.
    pub(super) fn heap_bytes(&self) -> usize {
        heap(&self.value)
    }
}

fn in_range(timestamp: Timestamp) -> Timestamp {
    Timestamp(timestamp.0.min(TIMESTAMP_MAX))
}

fn heap(value: &Value) -> usize {
    match value {
        Value::String(text) => text.len(),
        Value::Bytes(bytes) => bytes.len(),
        Value::List(items) => size_of_val::<[Value]>(items) + items.iter().map(heap).sum::<usize>(),
        Value::Object(fields) => fields.iter().map(|(name, value)| name.len() + 40 + heap(value)).sum(),
        _ => 0,
    }
}

/// Whether a value is one of its type. What a source declares is not always what it sends.
fn fits(object_type: &ObjectType, value: &Value) -> bool {
    use DataType as D;
    let is_number = match value {
        Value::Int(_) | Value::UInt(_) => true,
        Value::Float(number) => number.is_finite(),
        Value::Double(number) => number.is_finite(),
        _ => false,
    };
    let is_within = |least: i64, most: i64| match value {
        Value::Int(number) => (least..=most).contains(number),
        Value::UInt(number) => i64::try_from(*number).is_ok_and(|number| (least..=most).contains(&number)),
        _ => false,
    };
    let is_text = matches!(value, Value::String(_));
    let is_structure = matches!(value, Value::Object(_) | Value::List(_));
    match object_type {
        ObjectType::Json(JsonType::Number) => is_number,
        ObjectType::Json(JsonType::String) => is_text,
        ObjectType::Json(JsonType::Boolean) | ObjectType::Metric(D::Boolean) => matches!(value, Value::Boolean(_)),
        ObjectType::Json(JsonType::Structure) | ObjectType::Metric(D::Structure) => is_structure,
        ObjectType::Metric(datatype) => match datatype {
            D::Int8 => is_within(i8::MIN.into(), i8::MAX.into()),
            D::Int16 => is_within(i16::MIN.into(), i16::MAX.into()),
            D::Int32 => is_within(i32::MIN.into(), i32::MAX.into()),
            D::Int64 => matches!(value, Value::Int(_) | Value::UInt(_)),
            D::UInt8 => is_within(0, u8::MAX.into()),
            D::UInt16 => is_within(0, u16::MAX.into()),
            D::UInt32 => is_within(0, u32::MAX.into()),
            D::UInt64 => matches!(value, Value::UInt(_) | Value::Int(0..)),
            D::Float | D::Double => is_number,
            D::String | D::Text | D::Uuid => is_text,
            D::DateTime => matches!(value, Value::DateTime(_)),
            D::Bytes | D::File => matches!(value, Value::Bytes(_)),
            D::DataSet | D::Template | D::Unknown => matches!(value, Value::Object(_)),
            _ => matches!(value, Value::List(_)),
        },
        // They have none of their own.
        ObjectType::Level(_)
        | ObjectType::Equipment(_)
        | ObjectType::Machine
        | ObjectType::Folder
        | ObjectType::Document
        | ObjectType::Defined(..) => false,
    }
}
