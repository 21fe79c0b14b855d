//! Limits: the most that a peer may make the codec look at.
//!
//! All of them are checked before memory is spent; none of them can be raised by what a peer declares.
//! Invariant: the defaults pass [`Limits::validate`], which the compiler checks.

use std::fmt;

use crate::topic::{TopicFilter, TopicName};

/// The longest string, and so the longest topic, that MQTT can say: its length is two bytes. Bytes.
pub(crate) const STRING_BYTES_MAX: usize = 65_535;

/// The largest packet that MQTT can say: a four-byte Remaining Length and the five bytes before it. Bytes.
const FRAME_BYTES_MAX: u32 = 268_435_455 + 5;

/// Sizes and counts that a packet must keep to. The peer's mistake costs the peer a reason code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The largest packet, fixed header included, in bytes. Default 4 MiB: 83 bytes for each of the
    /// 50,000 metrics that one payload may carry, so an NBIRTH of that many with names of some 50 bytes passes.
    pub packet_size_max: u32,
    /// The largest CONNECT in bytes: spent on peers that nobody has authenticated yet. Default 128 KiB: the largest
    /// possible will payload (64 KiB) and as much again.
    pub connect_size_max: u32,
    /// The longest client id in bytes; at least 23 `[MQTT-3.1.3-5]`. Default 1,024.
    pub client_id_bytes_max: u16,
    /// The longest topic name or filter in bytes. Default 65,535, all that MQTT can say.
    pub topic_bytes_max: u16,
    /// The most levels in a topic name or filter; bounds the depth of every tree built from topics. Default 128.
    pub topic_levels_max: u16,
    /// The most User Properties in one property section (a will has its own). Default 1,024.
    pub user_properties_max: u32,
    /// The most filters in one SUBSCRIBE or UNSUBSCRIBE. Default 65,536: a quota on subscriptions is the broker's, and
    /// is answered filter by filter; this only bounds the work of one packet.
    pub subscribe_filters_max: u32,
}

impl Limits {
    /// The defaults.
    pub const DEFAULT: Limits = Limits {
        packet_size_max: 4 << 20,
        connect_size_max: 128 << 10,
        client_id_bytes_max: 1024,
        topic_bytes_max: 65_535,
        topic_levels_max: 128,
        user_properties_max: 1024,
        subscribe_filters_max: 65_536,
    };

    /// Whether these limits can be kept together and leave room for the smallest conforming client.
    ///
    /// # Errors
    /// The operator must act: the error names the field and what it accepts.
    pub const fn validate(&self) -> Result<(), LimitsError> {
        if self.packet_size_max > FRAME_BYTES_MAX {
            return Err(LimitsError("packet_size_max is at most 268435460 bytes, the largest packet MQTT can say"));
        }
        if self.connect_size_max > self.packet_size_max {
            return Err(LimitsError("connect_size_max is at most packet_size_max"));
        }
        if self.client_id_bytes_max < 23 {
            return Err(LimitsError("client_id_bytes_max is at least 23 [MQTT-3.1.3-5]"));
        }
        // The fixed and variable header of a CONNECT without properties, and the length of the client id.
        if self.connect_size_max < self.client_id_bytes_max as u32 + 5 + 11 + 2 {
            return Err(LimitsError("connect_size_max is at least client_id_bytes_max + 18"));
        }
        // The fixed header, topic length, packet id and empty property section of a PUBLISH.
        if self.packet_size_max < self.topic_bytes_max as u32 + 5 + 2 + 2 + 1 {
            return Err(LimitsError("packet_size_max is at least topic_bytes_max + 10"));
        }
        if self.topic_bytes_max == 0 || self.topic_levels_max == 0 || self.subscribe_filters_max == 0 {
            return Err(LimitsError("topic_bytes_max, topic_levels_max and subscribe_filters_max are at least 1"));
        }
        Ok(())
    }

    /// Whether a topic name is short and shallow enough. [`decode`](crate::decode) has checked every topic it returns;
    /// names from elsewhere (HTTP, configuration) come here.
    pub fn admit_name(&self, name: TopicName<'_>) -> bool {
        self.admit(name.as_str())
    }

    /// Whether a filter, without its `$share/{name}/`, is short and shallow enough. Not checked while decoding, because
    /// a filter that is refused costs its own entry a reason code and not the connection.
    pub fn admit_filter(&self, filter: TopicFilter<'_>) -> bool {
        self.admit(filter.filter())
    }

    /// Whether the text is short and shallow enough.
    #[inline]
    pub(crate) fn admit(&self, topic: &str) -> bool {
        let levels_max = usize::from(self.topic_levels_max);
        // A topic shorter than the limit cannot have more levels than the limit, so most are never counted.
        topic.len() <= usize::from(self.topic_bytes_max)
            && (topic.len() < levels_max || topic.bytes().filter(|byte| *byte == b'/').count() < levels_max)
    }
}

const _: () = assert!(Limits::DEFAULT.validate().is_ok(), "the default limits contradict each other");

impl Default for Limits {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// Limits that contradict each other or the specification; the text says which and what is accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LimitsError(&'static str);

impl LimitsError {
    /// The sentence: the field and what it accepts.
    pub const fn what(self) -> &'static str {
        self.0
    }
}

impl fmt::Display for LimitsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for LimitsError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_that_contradict_each_other_are_named() {
        let said = |limits: Limits| limits.validate().unwrap_err().to_string();
        let d = Limits::default;
        assert!(said(Limits { connect_size_max: 5 << 20, ..d() }).contains("packet_size_max"));
        assert!(said(Limits { client_id_bytes_max: 22, ..d() }).contains("at least 23"));
        assert!(said(Limits { connect_size_max: 1000, ..d() }).contains("client_id_bytes_max + 18"));
        assert!(said(Limits { packet_size_max: 60_000, connect_size_max: 50_000, ..d() }).contains("topic_bytes_max"));
        assert!(said(Limits { packet_size_max: u32::MAX, ..d() }).contains("268435460"));
        assert!(said(Limits { topic_levels_max: 0, ..d() }).contains("at least 1"));
    }

    #[test]
    fn a_topic_as_deep_as_the_limit_is_admitted_and_one_deeper_is_not() {
        let limits = Limits { topic_levels_max: 3, ..Limits::default() };
        assert!(limits.admit("a/b/c"));
        assert!(limits.admit("a//"));
        assert!(!limits.admit("a/b/c/d"));
        assert!(!limits.admit("///"));
    }
}
