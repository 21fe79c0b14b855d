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
use jiff::tz::Offset;

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
    if is_plain(text.as_bytes()) {
        return out.extend_from_slice(text.as_bytes());
    }
    let start = out.len();
    plain(out, text);
    out.pop();
    out.remove(start);
}

/// Whether JSON text says it as it is: no quote, no backslash, no control character. Eight bytes at once, the last eight
/// again with what is left over: half the instructions of one at a time, for names of 14 bytes.
pub(crate) fn is_plain(bytes: &[u8]) -> bool {
    const EACH: u64 = u64::from_ne_bytes([1; 8]);
    // Of each byte its highest bit: set in one at least exactly if one at least is below `least`, which is up to 128.
    let below = |word: u64, least: u8| word.wrapping_sub(EACH * u64::from(least)) & !word & (EACH << 7);
    let is = |word: u64, byte: u8| below(word ^ (EACH * u64::from(byte)), 1);
    let escapes = |word: u64| below(word, b' ') | is(word, b'"') | is(word, b'\\');
    let (words, _) = bytes.as_chunks::<8>();
    match bytes.last_chunk::<8>() {
        Some(last) => {
            let found = |found, word: &[u8; 8]| found | escapes(u64::from_ne_bytes(*word));
            words.iter().fold(found(0, last), found) == 0
        }
        None => bytes.iter().all(|&byte| byte >= b' ' && byte != b'"' && byte != b'\\'),
    }
}

/// A comma before every item but the first.
pub(crate) fn comma(out: &mut Vec<u8>, index: usize) {
    if index > 0 {
        out.push(b',');
    }
}

/// A scalar as JSON has it.
pub(crate) fn plain<T: serde::Serialize + ?Sized>(out: &mut Vec<u8>, value: &T) {
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
pub(crate) struct Clock {
    second: u64,
    text: [u8; 24],
}

impl Default for Clock {
    fn default() -> Clock {
        Clock { second: 0, text: *b"1970-01-01T00:00:00.000Z" }
    }
}

impl Clock {
    /// A timestamp without its quotes; beyond what RFC 3339 can say (for jiff, the last day of the year 9999), the
    /// milliseconds since the epoch in digits.
    pub(crate) fn write(&mut self, out: &mut Vec<u8>, timestamp: Timestamp) {
        let (second, millisecond) = (timestamp.0 / 1000, (timestamp.0 % 1000) as u16);
        if second != self.second && self.set(second).is_none() {
            return plain(out, &timestamp.0);
        }
        digits::<3>(&mut self.text, 20, millisecond);
        out.extend_from_slice(&self.text);
    }

    /// None if it has no such form.
    fn set(&mut self, second: u64) -> Option<()> {
        let time = jiff::Timestamp::from_second(i64::try_from(second).ok()?).ok()?;
        let time = Offset::UTC.to_datetime(time);
        self.second = second;
        digits::<4>(&mut self.text, 0, time.year().unsigned_abs());
        let pairs = [(5, time.month()), (8, time.day()), (11, time.hour()), (14, time.minute()), (17, time.second())];
        pairs.into_iter().for_each(|(at, number)| digits::<2>(&mut self.text, at, number.unsigned_abs().into()));
        Some(())
    }

    /// The same, as text on its own.
    pub(crate) fn text(timestamp: Timestamp) -> String {
        let mut out = Vec::new();
        Clock::default().write(&mut out, timestamp);
        String::from_utf8(out).expect("digits and punctuation")
    }
}

/// `number` in `LEN` digits.
fn digits<const LEN: usize>(text: &mut [u8; 24], at: usize, mut number: u16) {
    for digit in text[at..at + LEN].iter_mut().rev() {
        *digit = b'0' + (number % 10) as u8;
        number /= 10;
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
    fn an_escape_is_found_wherever_it_stands() {
        for len in 1..20 {
            for (at, byte) in (0..len).flat_map(|at| (0..128).map(move |byte| (at, byte))) {
                let mut name = vec![b'~'; len];
                name[at] = byte;
                let name = String::from_utf8(name).unwrap();
                let mut written = Vec::new();
                string(&mut written, &name);
                assert_eq!(written, serde_json::to_vec(&name).unwrap());
            }
        }
        assert!(is_plain("°C, °F and \u{7f}".as_bytes()));
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
