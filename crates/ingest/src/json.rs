//! What a plain payload says: one sample, a document of samples, or text that is no JSON.
//!
//! A scalar, an array, or an object with a `value` is one sample; any other object is a document whose fields are elements
//! below it. What stands beside a `value` speaks about it: time, quality, unit, description, range. The `timestamp` of a document
//! is that of all its fields that have none of their own. What is not JSON is kept as it came, with Bad quality: a value
//! that somebody published is neither dropped nor rounded in silence.
//! Knows nothing of topics or the tree. Nesting is bounded by the parser, fields by [`Limits`](crate::Limits).
//! Invariant: what a payload is read into takes memory in proportion to it.

mod parse;
mod wide;

use std::collections::HashSet;
use std::sync::Arc;

use factree_namespace::{Bound, DataType, Metadata, Quality, Timestamp, Value};
use factree_sparkplug as sparkplug;
use serde_json::Value as Json;

use crate::convert;
use crate::declare::{self, Meaning};
use crate::governance::clip;
use parse::{Fields, Parsed, field, parse};
pub(crate) use wide::held;

/// What a payload says.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Reading {
    /// Nothing: the retained message was cleared, so the source says no more.
    Empty,
    /// One sample at the topic itself.
    Sample(Reported),
    /// Samples below the topic: path and sample, in the document's order of names.
    Document(Vec<(String, Reported)>),
    /// One of the two above, and which of its fields lost their place to others, for people.
    Colliding(Box<(Reading, String)>),
    /// A document with more fields than the limit.
    TooManyFields,
    /// A document whose fields, each with the names of all it stands in, have names much longer than the document.
    TooLongNames,
    /// More than [`PAYLOAD_BYTES_MAX`], so not read at all.
    TooLarge,
}

/// A scalar in the form of its topic; none if it cannot be said in that form.
pub(crate) fn spell(value: &Value, form: Form, unit: Option<&str>) -> Option<Vec<u8>> {
    let json = match value {
        Value::Boolean(value) => Json::from(*value),
        Value::Int(value) => Json::from(*value),
        Value::UInt(value) => Json::from(*value),
        Value::Float(value) => Json::Number(serde_json::Number::from_f64(f64::from(*value))?),
        Value::Double(value) => Json::Number(serde_json::Number::from_f64(*value)?),
        Value::String(text) => Json::from(&**text),
        Value::Null | Value::DateTime(_) | Value::Bytes(_) | Value::List(_) | Value::Object(_) => return None,
    };
    match (form, json) {
        (Form::Scalar, json) => Some(json.to_string().into_bytes()),
        (Form::Object, json) => {
            let mut object = serde_json::json!({ "value": json });
            if let Some(unit) = unit {
                object["unit"] = unit.into();
            }
            Some(object.to_string().into_bytes())
        }
        // Whoever reads it would take `5` for a number.
        (Form::Text, Json::String(text)) => {
            let reads_as_json = serde_json::from_str::<Json>(&text).is_ok();
            (!reads_as_json && !text.is_empty()).then(|| text.into_bytes())
        }
        (Form::Text, _) => None,
    }
}

/// A value and what its payload says of it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Reported {
    pub(crate) value: Value,
    pub(crate) datatype: DataType,
    /// None if the payload does not say, which means Good.
    pub(crate) quality: Option<Quality>,
    pub(crate) timestamp: Option<Timestamp>,
    /// What it says of the element: unit, description, range.
    pub(crate) about: Option<Arc<Metadata>>,
    pub(crate) form: Form,
}

/// How a payload spells its sample, so that a value set by us is spelled as its topic's others are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// A JSON scalar or array.
    Scalar,
    /// An object with a `value`.
    Object,
    /// Text or bytes that are no JSON.
    Text,
}

impl Reported {
    fn plain(value: Value, datatype: DataType) -> Self {
        Self { value, datatype, quality: None, timestamp: None, about: None, form: Form::Scalar }
    }
}

/// Larger payloads are not parsed: what they say takes up to sixteen times their text.
pub(crate) const PAYLOAD_BYTES_MAX: usize = 1 << 20;

/// What is wrong with [`Reading::TooLongNames`], for people.
pub(crate) const TOO_LONG_NAMES: &str =
    "the names of the document's fields, each behind those of the objects around it, are much longer than the document";

/// Reads a payload; a document may have `fields_max` fields.
pub(crate) fn read(payload: &[u8], fields_max: usize) -> Reading {
    if payload.is_empty() {
        return Reading::Empty;
    }
    if payload.len() > PAYLOAD_BYTES_MAX {
        return Reading::TooLarge;
    }
    let Some(Parsed { value, is_rounded, twice }) = parse(payload) else {
        return Reading::Sample(Reported { quality: Some(Quality::Bad), form: Form::Text, ..no_json(payload) });
    };
    let mut collision =
        twice.map(|name| format!("an object has two fields of the name {:?}, the last counts", clip(&name)));
    let mut reading = match value {
        Value::Object(fields) => match field(&fields, "value") {
            Some(value) => Reading::Sample(reported(value, &fields)),
            None => document(&fields, fields_max, names_bytes_max(payload.len()), &mut collision),
        },
        value => Reading::Sample(typed(value)),
    };
    if is_rounded {
        reading.doubt_wide();
    }
    match collision {
        Some(collision) if reading.is_read() => Reading::Colliding(Box::new((reading, collision))),
        Some(_) | None => reading,
    }
}

impl Reading {
    /// What there is to write.
    pub(crate) fn told(&self) -> &Reading {
        match self {
            Self::Colliding(colliding) => &colliding.0,
            whole => whole,
        }
    }

    fn is_read(&self) -> bool {
        matches!(self, Self::Sample(_) | Self::Document(_))
    }

    /// Leaves in doubt what may have been rounded.
    #[cold]
    fn doubt_wide(&mut self) {
        match self {
            Self::Sample(sample) => sample.doubt_if_wide(),
            Self::Document(fields) => fields.iter_mut().for_each(|(_, sample)| sample.doubt_if_wide()),
            Self::Empty | Self::Colliding(_) | Self::TooManyFields | Self::TooLongNames | Self::TooLarge => {}
        }
    }
}

impl Reported {
    fn doubt_if_wide(&mut self) {
        let is_in_doubt = matches!(self.quality, None | Some(Quality::Good | Quality::Uncertain));
        if is_in_doubt && has_wide(&self.value) {
            self.quality = Some(Quality::Uncertain);
        }
    }
}

/// Whether a number in it is [`wide::is_wide`]. As deep as the parser lets it be.
fn has_wide(value: &Value) -> bool {
    match value {
        Value::Double(value) => wide::is_wide(*value),
        Value::List(items) => items.iter().any(has_wide),
        Value::Object(fields) => fields.iter().any(|(_, value)| has_wide(value)),
        _ => false,
    }
}

/// Milliseconds of the year 1973: a smaller number is one of seconds, or something else altogether.
const MILLIS_MIN: u64 = 100_000_000_000;

/// Bytes that the paths of all fields of a document may have together. Each repeats the names it stands in, so without a bound
/// one long name around many fields is kept as often as there are fields. Documents of machines stay below three times their
/// text; small ones may do as they like.
fn names_bytes_max(payload_len: usize) -> usize {
    const FREE: usize = 64 << 10;
    FREE + 16 * payload_len
}

/// Two fields are at one path only if a name has a `/` in it; then the first in the order of names counts.
fn document(fields: &Fields, fields_max: usize, names_bytes_max: usize, collision: &mut Option<String>) -> Reading {
    let of_all = field(fields, "timestamp").and_then(document_time).filter(|time| time.0 >= MILLIS_MIN);
    let mut samples = Vec::new();
    let mut names_bytes_left = names_bytes_max;
    let mut has_slash = false;
    // Depth first by hand: the parser bounds the depth, this bounds count and bytes before more is built.
    let mut open = vec![(None::<String>, fields.iter())];
    while let Some((path, fields)) = open.last_mut() {
        let Some((name, value)) = fields.next() else {
            open.pop();
            continue;
        };
        // What has no field in it costs as much to look through.
        let around = path.as_deref().map_or(0, str::len);
        match names_bytes_left.checked_sub(around + name.len()) {
            Some(left) => names_bytes_left = left,
            None => return Reading::TooLongNames,
        }
        has_slash |= name.contains('/');
        let path = path.as_ref().map_or_else(|| name.to_string(), |path| format!("{path}/{name}"));
        match value {
            Value::Object(inner) => match field(inner, "value") {
                Some(value) => samples.push((path, reported(value, inner))),
                None => open.push((Some(path), inner.iter())),
            },
            scalar => samples.push((path, typed(scalar.clone()))),
        }
        if samples.len() > fields_max {
            return Reading::TooManyFields;
        }
    }
    // Depth first, and in the order of names: a field without one is the first, if it is there.
    if samples.first().is_some_and(|(path, _)| path.is_empty()) {
        samples.remove(0);
        collision.get_or_insert_with(|| "a field has no name, so it has no place below the topic".to_owned());
    }
    if has_slash {
        let mut taken = HashSet::new();
        let is_free: Vec<bool> = samples.iter().map(|(path, _)| taken.insert(path.as_str())).collect();
        let mut is_free = is_free.into_iter();
        samples.retain(|(path, _)| {
            let is_free = is_free.next().expect("one for each");
            if !is_free {
                collision.get_or_insert_with(|| {
                    format!("two fields are at {:?}, the first in the order of names counts", clip(path))
                });
            }
            is_free
        });
    }
    if of_all.is_some() {
        samples.iter_mut().for_each(|(_, sample)| sample.timestamp = sample.timestamp.or(of_all));
    }
    Reading::Document(samples)
}

/// An object with a `value`: what stands beside it speaks about it.
fn reported(value: &Value, beside: &Fields) -> Reported {
    let claimed = field(beside, "timestamp");
    let timestamp = claimed.and_then(document_time);
    let said = field(beside, "quality").and_then(quality);
    // A time that cannot be read leaves its value in doubt, whatever is said of it.
    let in_doubt = claimed.is_some() && timestamp.is_none();
    let said = said.filter(|&said| !in_doubt || said != Quality::Good);
    Reported {
        quality: said.or(in_doubt.then_some(Quality::Uncertain)),
        timestamp,
        about: about(beside),
        form: Form::Object,
        ..typed(value.clone())
    }
}

/// A longer text is left out, so that a garrulous value loses words and not its place in the tree.
const TEXT_BYTES_MAX: usize = 1024;

/// What the members beside a value say of its element, by the names that Sparkplug clients have for the same.
fn about(beside: &Fields) -> Option<Arc<Metadata>> {
    let mut said = Metadata::default();
    for (name, value) in beside {
        let text = || match value {
            Value::String(text) if text.len() <= TEXT_BYTES_MAX => Some(Arc::clone(text)),
            _ => None,
        };
        let bound = || match value {
            Value::Int(number) => Bound::new(*number as f64),
            Value::UInt(number) => Bound::new(*number as f64),
            Value::Double(number) => Bound::new(*number),
            _ => None,
        };
        match declare::meaning(name) {
            Some(Meaning::Unit) => said.unit = text().or(said.unit),
            Some(Meaning::Description) => said.description = text().or(said.description),
            Some(Meaning::Low) => said.low = bound().or(said.low),
            Some(Meaning::High) => said.high = bound().or(said.high),
            None => {}
        }
    }
    (said != Metadata::default()).then(|| Arc::new(said))
}

/// What stands as `quality` beside a value: one of our words, or a code of Sparkplug's. What else is said may mean that the value
/// is good for nothing, so it leaves it in doubt; null says nothing.
fn quality(said: &Value) -> Option<Quality> {
    let all = [Quality::Good, Quality::Bad, Quality::Stale, Quality::Uncertain];
    let known = match said {
        Value::Null => return None,
        Value::String(word) => all.into_iter().find(|quality| quality.as_str().eq_ignore_ascii_case(word)),
        Value::Int(code) => u64::try_from(*code).ok().and_then(sparkplug::Quality::from_wire).map(convert::quality),
        _ => None,
    };
    Some(known.unwrap_or(Quality::Uncertain))
}

/// The time that a value says: milliseconds since the epoch, or RFC 3339.
pub(crate) fn document_time(value: &Value) -> Option<Timestamp> {
    match value {
        Value::Int(number) => u64::try_from(*number).ok().map(Timestamp),
        Value::UInt(number) => Some(Timestamp(*number)),
        Value::String(text) => {
            let timestamp: jiff::Timestamp = text.parse().ok()?;
            u64::try_from(timestamp.as_millisecond()).ok().map(Timestamp)
        }
        _ => None,
    }
}

/// The type that JSON gives a value.
pub(crate) fn datatype_of(value: &Value) -> DataType {
    match value {
        Value::Boolean(_) => DataType::Boolean,
        Value::Int(_) => DataType::Int64,
        Value::UInt(_) => DataType::UInt64,
        Value::Float(_) | Value::Double(_) => DataType::Double,
        Value::String(_) => DataType::String,
        Value::Bytes(_) => DataType::Bytes,
        Value::DateTime(_) => DataType::DateTime,
        Value::List(_) | Value::Object(_) => DataType::Structure,
        Value::Null => DataType::Unknown,
    }
}

fn typed(value: Value) -> Reported {
    let datatype = datatype_of(&value);
    Reported::plain(value, datatype)
}

fn no_json(payload: &[u8]) -> Reported {
    match std::str::from_utf8(payload) {
        Ok(text) => Reported::plain(Value::String(text.into()), DataType::String),
        Err(_) => Reported::plain(Value::Bytes(payload.into()), DataType::Bytes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(payload: &str) -> Reported {
        match read(payload.as_bytes(), 100) {
            Reading::Sample(sample) => sample,
            other => panic!("one sample, not {other:?}"),
        }
    }

    #[test]
    fn a_scalar_is_one_sample_of_its_json_type() {
        let cases = [
            ("42", Value::Int(42), DataType::Int64),
            ("-9223372036854775808", Value::Int(i64::MIN), DataType::Int64),
            ("18446744073709551615", Value::UInt(u64::MAX), DataType::UInt64),
            ("21.5", Value::Double(21.5), DataType::Double),
            ("true", Value::Boolean(true), DataType::Boolean),
            ("\"Running\"", Value::String("Running".into()), DataType::String),
            ("null", Value::Null, DataType::Unknown),
            ("[1,2]", Value::List([Value::Int(1), Value::Int(2)].into()), DataType::Structure),
        ];
        for (payload, value, datatype) in cases {
            assert_eq!(sample(payload), Reported::plain(value, datatype), "{payload}");
        }
    }

    #[test]
    fn an_object_with_a_value_is_one_sample_and_says_more_about_it() {
        let said = sample(r#"{"value":21.4,"timestamp":"2026-01-02T03:04:05.678Z","quality":"uncertain","unit":"°C"}"#);
        assert_eq!(
            said,
            Reported {
                value: Value::Double(21.4),
                datatype: DataType::Double,
                quality: Some(Quality::Uncertain),
                timestamp: Some(Timestamp(1_767_323_045_678)),
                about: Some(Arc::new(Metadata { unit: Some("°C".into()), ..Metadata::default() })),
                form: Form::Object,
            }
        );
        assert_eq!(sample(r#"{"value":1,"timestamp":1700000000000}"#).timestamp, Some(Timestamp(1_700_000_000_000)));
        let doubtful = sample(r#"{"value":1,"timestamp":"yesterday"}"#);
        assert_eq!((doubtful.timestamp, doubtful.quality), (None, Some(Quality::Uncertain)));
    }

    #[test]
    fn a_quality_that_is_not_understood_is_not_taken_for_good() {
        let told = |beside: &str| sample(&format!(r#"{{"value":1,{beside}}}"#)).quality;
        assert_eq!([r#""quality":"GOOD""#, r#""quality":192"#].map(told), [Some(Quality::Good); 2]);
        assert_eq!([r#""quality":"bad""#, r#""quality":0"#].map(told), [Some(Quality::Bad); 2]);
        assert_eq!([r#""quality":"Stale""#, r#""quality":500"#].map(told), [Some(Quality::Stale); 2]);
        let unknown =
            ["-1", "24", "true", r#""BAD_NO_COMM""#, r#""""#, "{}"].map(|said| format!(r#""quality":{said}"#));
        assert_eq!(unknown.each_ref().map(|said| told(said)), [Some(Quality::Uncertain); 6]);
        assert_eq!(told(r#""quality":null"#), None, "nothing is said");
        let boastful = |timestamp: &str| told(&format!(r#""quality":"Good","timestamp":{timestamp}"#));
        assert_eq!((boastful("1700000000000"), boastful("\"x\"")), (Some(Quality::Good), Some(Quality::Uncertain)));
        assert_eq!(told(r#""quality":"Bad","timestamp":"x""#), Some(Quality::Bad));
    }

    #[test]
    fn what_stands_beside_a_value_says_what_its_element_is() {
        let said = sample(r#"{"value":1,"engUnit":"bar","Description":"Oil pressure","min":0.5,"high":16,"note":"x"}"#);
        let about = said.about.unwrap();
        assert_eq!((about.unit.as_deref(), about.description.as_deref()), (Some("bar"), Some("Oil pressure")));
        assert_eq!((about.low.map(Bound::get), about.high.map(Bound::get)), (Some(0.5), Some(16.0)));
        let long = sample(&format!(r#"{{"value":1,"unit":"K","description":"{}"}}"#, "x".repeat(5_000)));
        assert_eq!(long.about.unwrap().description, None, "words are lost, not the value");
        assert_eq!(sample(r#"{"value":1,"unit":5,"low":"x"}"#).about, None);
    }

    #[test]
    fn the_time_of_a_document_is_that_of_fields_without_their_own() {
        let times = |payload: &str| match read(payload.as_bytes(), 9) {
            Reading::Document(fields) => {
                fields.into_iter().map(|(path, sample)| (path, sample.timestamp.map(|time| time.0))).collect::<Vec<_>>()
            }
            other => panic!("a document, not {other:?}"),
        };
        let own = times(r#"{"a":1,"b":{"value":2,"timestamp":5},"c":{"d":3},"timestamp":1700000000000}"#);
        let (doc, named) = (Some(1_700_000_000_000), |path: &str| path.to_owned());
        assert_eq!(own, [(named("a"), doc), (named("b"), Some(5)), (named("c/d"), doc), (named("timestamp"), doc)]);
        assert_eq!(times(r#"{"a":1,"timestamp":1700000000}"#)[0].1, None, "seconds are no time of ours");
        assert_eq!(times(r#"{"a":1,"timestamp":"noon"}"#)[0].1, None);
    }

    #[test]
    fn any_other_object_is_a_document_of_fields() {
        let Reading::Document(fields) =
            read(br#"{"order":"PO-1","qty":5,"oven":{"temp":{"value":180,"unit":"K"}}}"#, 9)
        else {
            panic!("a document")
        };
        let shown: Vec<_> = fields.iter().map(|(path, sample)| (path.as_str(), &sample.value)).collect();
        assert_eq!(
            shown,
            [("order", &Value::String("PO-1".into())), ("oven/temp", &Value::Int(180)), ("qty", &Value::Int(5)),]
        );
        assert_eq!(read(br#"{"a":1,"b":2,"c":3}"#, 2), Reading::TooManyFields);
    }

    #[test]
    fn of_fields_for_one_place_the_first_counts_and_the_others_are_told() {
        let colliding = |payload: &str| match read(payload.as_bytes(), 9) {
            Reading::Colliding(colliding) => {
                let Reading::Document(fields) = colliding.0 else { panic!("a document") };
                let shown: Vec<_> = fields.iter().map(|(path, sample)| format!("{path}={:?}", sample.value)).collect();
                (shown.join(" "), colliding.1)
            }
            other => panic!("two fields for one place, not {other:?}"),
        };
        let told = |fields: &str, why: &str| (fields.to_owned(), why.to_owned());
        let two = "two fields are at \"a/b\", the first in the order of names counts";
        assert_eq!(colliding(r#"{"a/b":1,"a":{"b":2},"c":3}"#), told("a/b=Int(2) c=Int(3)", two));
        let nameless = "a field has no name, so it has no place below the topic";
        assert_eq!(colliding(r#"{"":3,"b":1}"#), told("b=Int(1)", nameless));
        let twice = "an object has two fields of the name \"b\", the last counts";
        assert_eq!(colliding(r#"{"b":1,"b":2}"#), told("b=Int(2)", twice));
        let apart = read(r#"{"a/b":1,"a":{"":2},"":{"b":3}}"#.as_bytes(), 9);
        let Reading::Document(fields) = apart else { panic!("three places") };
        assert_eq!(fields.iter().map(|(path, _)| path.as_str()).collect::<Vec<_>>(), ["/b", "a/", "a/b"]);
    }

    #[test]
    fn what_64_bits_do_not_hold_is_rounded_and_uncertain() {
        let shown = |payload: &str| {
            let Reported { value, quality, datatype, .. } = sample(payload);
            (value, quality, datatype)
        };
        let doubtful = |value: f64| (Value::Double(value), Some(Quality::Uncertain), DataType::Double);
        assert_eq!(shown("18446744073709551617"), doubtful(18_446_744_073_709_551_616.0));
        assert_eq!((shown("1e400"), shown("-1e400")), (doubtful(f64::MAX), doubtful(f64::MIN)));
        let (boastful, bad) =
            (r#"{"value":1e400,"quality":"Good"}"#, r#"{"value":18446744073709551617,"quality":"Bad"}"#);
        assert_eq!((shown(boastful).1, shown(bad).1), (Some(Quality::Uncertain), Some(Quality::Bad)));
        assert_eq!(shown("[1,[123456789012345678901234]]").1, Some(Quality::Uncertain));
        assert_eq!((shown("6.02214076e23").1, shown("36893488147419103232").1), (None, None), "nothing is lost");
        let Reading::Document(fields) = read(br#"{"id":123456789012345678901234,"n":1}"#, 9) else {
            panic!("a document")
        };
        let qualities: Vec<_> = fields.iter().map(|(_, sample)| sample.quality).collect();
        assert_eq!(qualities, [Some(Quality::Uncertain), None]);
    }

    #[test]
    fn a_long_name_is_not_repeated_for_each_of_many_fields() {
        let fields = |len: usize| (0..len).map(|at| format!("\"f{at}\":1")).collect::<Vec<_>>().join(",");
        let around = |name: &str, inner: &str| format!("{{\"{name}\":{{{inner}}}}}");
        let read = |payload: &str| match read(payload.as_bytes(), 10_000) {
            Reading::Document(fields) => Ok(fields.iter().map(|(path, _)| path.len()).sum::<usize>()),
            other => Err(other),
        };
        let long = "n".repeat(40_000);
        assert_eq!(read(&around(&long, &fields(5_000))), Err(Reading::TooLongNames), "200 MB of names in 84 KB");
        let empty = fields(5_000).replace(":1", ":{}");
        assert_eq!(
            read(&around(&long, &empty)),
            Err(Reading::TooLongNames),
            "nor looked through, where nothing is kept"
        );
        let machine = "Acme/Dallas/Press/Line 1/Robot 3/Axis 1/Measurements/Temperatures";
        assert!(read(&around(machine, &fields(5_000))).unwrap() > 5_000 * machine.len());
        assert!(read(&around(&"n".repeat(600), &fields(100))).is_ok(), "a small document may do as it likes");
    }

    #[test]
    fn what_is_no_json_is_kept_with_bad_quality() {
        let text = sample("RUNNING");
        assert_eq!((text.value, text.quality), (Value::String("RUNNING".into()), Some(Quality::Bad)));
        let Reading::Sample(bytes) = read(&[0xFF, 0xFE], 9) else { panic!("one sample") };
        assert_eq!((bytes.value, bytes.quality), (Value::Bytes([0xFF, 0xFE].as_slice().into()), Some(Quality::Bad)));
        let deep = "[".repeat(100_000);
        assert_eq!(sample(&deep).quality, Some(Quality::Bad), "nesting is bounded by the parser, not by the stack");
        assert_eq!(read(b"", 9), Reading::Empty);
        assert_eq!(read(&vec![b'1'; PAYLOAD_BYTES_MAX + 1], 9), Reading::TooLarge);
    }
}
