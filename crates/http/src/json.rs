//! Values and times as JSON text: the forms that [`crate::dto`] documents.
//!
//! Appends to a `Vec<u8>` with no tree in between: a page of samples is written at 3 GB/s, which through
//! `serde_json::Value` would be 74 MB/s. The numbers and the escaping are serde_json's; only the forms that JSON lacks
//! are ours.
//! Knows nothing of elements or routes. Invariant: what is appended is one whole JSON value, or, where a function says
//! so, text that needs nothing but quotes around it.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use factree_namespace::{Timestamp, Value};
use jiff::fmt::temporal::DateTimePrinter;

/// The largest integer that every JSON reader keeps exactly: 2^53 − 1 [RFC 8259, 6].
pub(crate) const EXACT_MAX: u64 = (1 << 53) - 1;

/// Any value.
pub(crate) fn value(out: &mut Vec<u8>, value: &Value) {
    match value {
        Value::Null => out.extend_from_slice(b"null"),
        Value::Boolean(true) => out.extend_from_slice(b"true"),
        Value::Boolean(false) => out.extend_from_slice(b"false"),
        Value::Int(v) if v.unsigned_abs() <= EXACT_MAX => plain(out, v),
        Value::Int(v) => quoted(out, v),
        Value::UInt(v) => unsigned(out, *v),
        Value::Float(v) if v.is_finite() => plain(out, v),
        Value::Float(v) => not_finite(out, f64::from(*v)),
        Value::Double(v) if v.is_finite() => plain(out, v),
        Value::Double(v) => not_finite(out, *v),
        Value::DateTime(v) => string(out, &Clock::text(Timestamp(*v))),
        Value::String(v) => string(out, v),
        Value::Bytes(v) => bytes(out, v),
        Value::List(items) => {
            out.push(b'[');
            for (index, item) in items.iter().enumerate() {
                comma(out, index);
                self::value(out, item);
            }
            out.push(b']');
        }
        Value::Object(fields) => {
            out.push(b'{');
            for (index, (name, field)) in fields.iter().enumerate() {
                comma(out, index);
                string(out, name);
                out.push(b':');
                self::value(out, field);
            }
            out.push(b'}');
        }
    }
}

/// An unsigned integer: digits, in quotes when a reader that keeps numbers as doubles would round it.
pub(crate) fn unsigned(out: &mut Vec<u8>, v: u64) {
    if v <= EXACT_MAX { plain(out, &v) } else { quoted(out, &v) }
}

/// Text in quotes, escaped.
pub(crate) fn string(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    self::text(out, text);
    out.push(b'"');
}

/// Text, escaped, without its quotes, for what is written in parts or many times.
pub(crate) fn text(out: &mut Vec<u8>, text: &str) {
    // All of it, without a branch for each byte: sixteen at once.
    let needs_escape = |byte: u8| byte < b' ' || byte == b'"' || byte == b'\\';
    if !text.bytes().fold(false, |found, byte| found | needs_escape(byte)) {
        return out.extend_from_slice(text.as_bytes());
    }
    let start = out.len();
    plain(out, text);
    out.pop();
    out.remove(start);
}

/// A comma before every item but the first.
pub(crate) fn comma(out: &mut Vec<u8>, index: usize) {
    if index > 0 {
        out.push(b',');
    }
}

fn plain<T: serde::Serialize + ?Sized>(out: &mut Vec<u8>, value: &T) {
    serde_json::to_writer(out, value).expect("a Vec takes every write, and a scalar always has a JSON form");
}

fn quoted<T: serde::Serialize>(out: &mut Vec<u8>, value: &T) {
    out.push(b'"');
    plain(out, value);
    out.push(b'"');
}

fn not_finite(out: &mut Vec<u8>, v: f64) {
    out.extend_from_slice(match v {
        _ if v.is_nan() => b"\"NaN\"",
        _ if v > 0.0 => b"\"Infinity\"",
        _ => b"\"-Infinity\"",
    });
}

fn bytes(out: &mut Vec<u8>, v: &[u8]) {
    out.push(b'"');
    let start = out.len();
    out.resize(start + base64::encoded_len(v.len(), true).expect("value_bytes_max is far from usize::MAX"), 0);
    let written = BASE64_STANDARD.encode_slice(v, &mut out[start..]).expect("the room was measured");
    out.truncate(start + written);
    out.push(b'"');
}

/// Writes timestamps as RFC 3339 in UTC with milliseconds, and remembers the last second it wrote.
///
/// Most samples of a page share their second with the one before, and then only three digits differ.
#[derive(Default)]
pub(crate) struct Clock {
    second: u64,
    /// `2026-01-31T12:00:00.000Z`; empty before the first second.
    text: Vec<u8>,
}

/// Where the milliseconds stand in [`Clock::text`].
const MILLISECONDS: std::ops::Range<usize> = 20..23;

impl Clock {
    /// A timestamp without its quotes; beyond what RFC 3339 can say (for jiff, the last day of the year 9999), the
    /// milliseconds since the epoch in digits.
    pub(crate) fn write(&mut self, out: &mut Vec<u8>, timestamp: Timestamp) {
        let (second, millisecond) = (timestamp.0 / 1000, timestamp.0 % 1000);
        if self.text.is_empty() || second != self.second {
            let Some(time) = i64::try_from(second).ok().and_then(|second| jiff::Timestamp::from_second(second).ok())
            else {
                return plain(out, &timestamp.0);
            };
            self.second = second;
            self.text.clear();
            let printer = DateTimePrinter::new().precision(Some(3));
            printer.print_timestamp(&time, &mut self.text).expect("a Vec takes every write");
        }
        let digit = |divisor| b'0' + (millisecond / divisor % 10) as u8;
        self.text[MILLISECONDS].copy_from_slice(&[digit(100), digit(10), digit(1)]);
        out.extend_from_slice(&self.text);
    }

    /// The same, as text on its own.
    pub(crate) fn text(timestamp: Timestamp) -> String {
        let mut out = Vec::new();
        Clock::default().write(&mut out, timestamp);
        String::from_utf8(out).expect("digits and punctuation")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(v: &Value) -> String {
        let mut out = Vec::new();
        value(&mut out, v);
        String::from_utf8(out).unwrap()
    }

    /// Every row of the table in `dto.rs`, and the edges of each.
    #[test]
    fn every_value_has_its_form() {
        let list = |items: Vec<Value>| Value::List(items.into());
        let object =
            |fields: Vec<(&str, Value)>| Value::Object(fields.into_iter().map(|(k, v)| (k.into(), v)).collect());
        let table: Vec<(Value, &str)> = vec![
            (Value::Null, "null"),
            (Value::Boolean(true), "true"),
            (Value::Boolean(false), "false"),
            (Value::Int(0), "0"),
            (Value::Int(-128), "-128"),
            (Value::Int(9_007_199_254_740_991), "9007199254740991"),
            (Value::Int(-9_007_199_254_740_991), "-9007199254740991"),
            (Value::Int(9_007_199_254_740_992), "\"9007199254740992\""),
            (Value::Int(-9_007_199_254_740_992), "\"-9007199254740992\""),
            (Value::Int(i64::MIN), "\"-9223372036854775808\""),
            (Value::UInt(9_007_199_254_740_991), "9007199254740991"),
            (Value::UInt(9_007_199_254_740_992), "\"9007199254740992\""),
            (Value::UInt(u64::MAX), "\"18446744073709551615\""),
            (Value::Float(21.4), "21.4"),
            (Value::Float(-0.0), "-0.0"),
            (Value::Float(f32::MIN_POSITIVE), "1.1754944e-38"),
            (Value::Float(f32::NAN), "\"NaN\""),
            (Value::Float(f32::INFINITY), "\"Infinity\""),
            (Value::Float(f32::NEG_INFINITY), "\"-Infinity\""),
            (Value::Double(21.4), "21.4"),
            (Value::Double(f64::from(21.4_f32)), "21.399999618530273"),
            (Value::Double(1e300), "1e+300"),
            (Value::Double(5e-324), "5e-324"),
            (Value::Double(f64::NAN), "\"NaN\""),
            (Value::Double(f64::INFINITY), "\"Infinity\""),
            (Value::Double(f64::NEG_INFINITY), "\"-Infinity\""),
            (Value::DateTime(0), "\"1970-01-01T00:00:00.000Z\""),
            (Value::DateTime(1_709_210_096_789), "\"2024-02-29T12:34:56.789Z\""),
            (Value::DateTime(253_402_207_200_999), "\"9999-12-30T22:00:00.999Z\""),
            (Value::DateTime(253_402_207_201_000), "\"253402207201000\""),
            (Value::DateTime(u64::MAX), "\"18446744073709551615\""),
            (Value::String("".into()), "\"\""),
            (Value::String("a\"b\\c\n\u{0}°</script>".into()), r#""a\"b\\c\n\u0000°</script>""#),
            (Value::Bytes([].as_slice().into()), "\"\""),
            (Value::Bytes([0xfb, 0xff].as_slice().into()), "\"+/8=\""),
            (Value::Bytes(b"Factree".as_slice().into()), "\"RmFjdHJlZQ==\""),
            (list(vec![]), "[]"),
            (list(vec![Value::Int(1), Value::Null, list(vec![Value::Float(0.1)])]), "[1,null,[0.1]]"),
            (object(vec![]), "{}"),
            (
                object(vec![("__proto__", Value::Int(1)), ("", object(vec![("\"", Value::Null)]))]),
                r#"{"__proto__":1,"":{"\"":null}}"#,
            ),
        ];
        for (value, expected) in table {
            assert_eq!(form(&value), expected, "{value:?}");
            serde_json::from_str::<serde::de::IgnoredAny>(expected).unwrap();
        }
    }

    #[test]
    fn a_clock_that_remembers_a_second_says_what_a_fresh_one_says() {
        let mut clock = Clock::default();
        for ms in
            [0, 1, 999, 1000, 999, u64::MAX, 1001, 59_999, 60_000, 253_402_207_200_000, 1 << 63, 86_400_007, 86_400_070]
        {
            let mut remembered = Vec::new();
            clock.write(&mut remembered, Timestamp(ms));
            assert_eq!(String::from_utf8(remembered).unwrap(), Clock::text(Timestamp(ms)));
        }
    }
}
