//! Messages that can be told apart: each publication of a life has a number of its own, written in its payload.
//!
//! Invariant: what a message looks like follows from this value alone, so a delivery can be compared with it.

use std::time::Duration;

use factree_mqtt::{MessageProperties, QoS, TopicName};

/// Where clients publish. Long ones get a topic alias; `$` is not theirs.
pub(crate) const TOPICS: [&str; 8] = ["a", "b", "a/b", "a/b/c", "b/a", "plant/line", "plant/line/robot", "$s/a"];
/// What they subscribe to.
pub(crate) const FILTERS: [&str; 12] =
    ["a", "b", "a/b", "a/+", "a/#", "#", "+", "+/+", "plant/#", "plant/line/robot", "+/line/#", "$s/#"];
/// What they share.
pub(crate) const SHARED: [&str; 3] = ["$share/g/a/#", "$share/g/plant/+", "$share/h/#"];

/// One publication, by whoever it was.
#[derive(Clone, Debug)]
pub(crate) struct Message {
    pub(crate) number: u32,
    pub(crate) topic: &'static str,
    pub(crate) qos: QoS,
    pub(crate) retain: bool,
    pub(crate) expiry: Option<Duration>,
    /// Bytes behind the number.
    pub(crate) filler: usize,
    /// Takes the retained message of its topic away.
    pub(crate) empty: bool,
    /// Has the properties of 5.0 that travel from end to end.
    pub(crate) dressed: bool,
}

impl Message {
    pub(crate) fn name(&self) -> TopicName<'static> {
        TopicName::parse(self.topic).expect("they are written above")
    }

    pub(crate) fn payload(&self) -> Vec<u8> {
        if self.empty {
            return Vec::new();
        }
        let mut payload = format!("{}:", self.number).into_bytes();
        payload.resize(payload.len() + self.filler, b'.');
        payload
    }

    pub(crate) fn properties(&self) -> MessageProperties<'static> {
        let mut properties = MessageProperties { message_expiry: self.expiry, ..MessageProperties::default() };
        if self.dressed {
            properties.payload_is_utf8 = Some(true);
            properties.content_type = Some("text/plain");
            properties.response_topic = TopicName::parse("answer").ok();
            properties.correlation_data = Some(b"7");
        }
        properties
    }

    /// No PUBLISH with it is longer, whatever a delivery adds to it.
    pub(crate) fn packet_bytes_max(&self) -> usize {
        80 + self.topic.len() + self.payload().len()
    }
}

/// The number in a payload.
pub(crate) fn number_of(payload: &[u8]) -> Option<u32> {
    let end = payload.iter().position(|byte| *byte == b':')?;
    str::from_utf8(&payload[..end]).ok()?.parse().ok()
}

/// Whether a filter (without `$share/…`) wants a topic: section 4.7, level by level.
pub(crate) fn wants(filter: &str, topic: &str) -> bool {
    let hidden = topic.starts_with('$') && filter.starts_with(['+', '#']);
    let mut levels = topic.split('/');
    for wanted in filter.split('/') {
        match (wanted, levels.next()) {
            ("#", _) => return !hidden,
            ("+", Some(_)) => {}
            (wanted, Some(level)) if wanted == level => {}
            _ => return false,
        }
    }
    levels.next().is_none() && !hidden
}

/// `$share/{name}/{filter}`: the filter.
pub(crate) fn shared(filter: &str) -> Option<&str> {
    filter.strip_prefix("$share/").and_then(|rest| rest.split_once('/')).map(|(_, filter)| filter)
}
