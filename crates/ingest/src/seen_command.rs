//! Commands that somebody else gives: an NCMD or a DCMD on its way through the broker, in words for whoever keeps a record.
//!
//! Invariant: the words are bounded, however large the payload is.

use std::fmt::Write;

use factree_sparkplug::WireValue;

use crate::inbox::{Decoded, Publication};

/// Metrics that are told; of further ones their number.
const METRICS_MAX: usize = 50;
/// Bytes of a value that are told.
const VALUE_BYTES_MAX: usize = 100;

/// A command to an Edge Node or a Device, published by a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenCommand {
    /// The topic.
    pub topic: String,
    /// Names or metric aliases and values, as they were published.
    pub says: String,
}

impl SeenCommand {
    #[cold]
    pub(crate) fn of(publication: &Publication<'_>) -> Self {
        let mut says = String::new();
        match publication.decoded {
            Decoded::Sparkplug(payload) => {
                for (number, metric) in payload.metrics.iter().take(METRICS_MAX).enumerate() {
                    let comma = if number > 0 { ", " } else { "" };
                    let name = metric.name(publication.content).map(clipped);
                    let alias = metric.alias().map(|alias| format!("alias {alias}")).unwrap_or_default();
                    let value = said(metric.wire_value(publication.content));
                    write!(says, "{comma}{} = {value}", name.unwrap_or(&alias)).expect("a String takes everything");
                }
                if let Some(more @ 1..) = payload.metrics.len().checked_sub(METRICS_MAX) {
                    write!(says, " and {more} more").expect("a String takes everything");
                }
            }
            Decoded::Malformed(why) => says = format!("{} bytes: {why}", publication.payload.len()),
            Decoded::Nothing | Decoded::Plain(_) => says = format!("{} bytes", publication.payload.len()),
        }
        SeenCommand { topic: publication.topic.to_owned(), says }
    }
}

fn clipped(text: &str) -> &str {
    &text[..text.floor_char_boundary(VALUE_BYTES_MAX)]
}

fn said(value: WireValue<'_>) -> String {
    match value {
        WireValue::Absent => "nothing".into(),
        WireValue::Null => "null".into(),
        WireValue::Int(value) => value.to_string(),
        WireValue::Long(value) => value.to_string(),
        WireValue::Float(value) => value.to_string(),
        WireValue::Double(value) => value.to_string(),
        WireValue::Boolean(value) => value.to_string(),
        WireValue::String(text) => format!("{:?}", clipped(text)),
        WireValue::Bytes(bytes) => format!("{} bytes", bytes.len()),
        WireValue::DataSet(bytes) => format!("a DataSet of {} bytes", bytes.len()),
        WireValue::Template(bytes) => format!("a Template of {} bytes", bytes.len()),
        WireValue::Extension(bytes) => format!("an extension of {} bytes", bytes.len()),
    }
}
