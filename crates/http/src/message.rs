//! A sample as an MQTT message: what stands on the topic of its element, as [`crate::dto`] describes it.
//!
//! The forms of values and times are those of every other answer, because the same functions write them.
//! Knows neither topics nor subscribers. Invariant: what is appended is one whole JSON object.

use factree_namespace::Sample;

use crate::json::{self, Clock};

/// Writes samples as payloads, one after another.
#[derive(Default)]
pub struct MessageWriter {
    timestamp: Clock,
}

impl MessageWriter {
    /// Appends `{"value":…,"timestamp":"…","quality":"…","unit":"…"}`; without `unit` if there is none, and with
    /// `"gone":true` at the end if the source no longer has what it holds.
    pub fn write(&mut self, out: &mut Vec<u8>, sample: &Sample, unit: Option<&str>) {
        out.extend_from_slice(b"{\"value\":");
        json::value(out, &sample.value);
        out.extend_from_slice(b",\"timestamp\":\"");
        self.timestamp.write(out, sample.timestamp);
        out.extend_from_slice(b"\",\"quality\":\"");
        out.extend_from_slice(sample.quality.as_str().as_bytes());
        out.push(b'"');
        if let Some(unit) = unit {
            out.extend_from_slice(b",\"unit\":");
            json::string(out, unit);
        }
        if sample.is_gone {
            out.extend_from_slice(b",\"gone\":true");
        }
        out.push(b'}');
    }
}

#[cfg(test)]
mod tests {
    use factree_namespace::{DataType, Quality, Revision, Timestamp, Value};

    use super::*;

    #[test]
    fn a_message_says_what_a_get_says() {
        let written = |value: Value, timestamp, quality, unit, is_gone| {
            let (received, datatype, revision) = (Timestamp(0), DataType::Unknown, Revision(1));
            let timestamp = Timestamp(timestamp);
            let sample = Sample { value, quality, timestamp, received, datatype, revision, is_gone };
            let mut out = Vec::new();
            MessageWriter::default().write(&mut out, &sample, unit);
            String::from_utf8(out).unwrap()
        };
        let at = 1_700_000_000_000;
        let told = [
            written(Value::Float(21.4), at, Quality::Good, Some("°C"), false),
            written(Value::UInt(u64::MAX), at, Quality::Uncertain, None, false),
            written(Value::Double(f64::NAN), at, Quality::Bad, None, false),
            written(Value::String("a\"b".into()), u64::MAX, Quality::Stale, Some("\\"), true),
        ];
        let want = [
            r#"{"value":21.4,"timestamp":"2023-11-14T22:13:20.000Z","quality":"Good","unit":"°C"}"#,
            r#"{"value":"18446744073709551615","timestamp":"2023-11-14T22:13:20.000Z","quality":"Uncertain"}"#,
            r#"{"value":"NaN","timestamp":"2023-11-14T22:13:20.000Z","quality":"Bad"}"#,
            r#"{"value":"a\"b","timestamp":"18446744073709551615","quality":"Stale","unit":"\\","gone":true}"#,
        ];
        assert_eq!(told, want);
    }
}
