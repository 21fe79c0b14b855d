//! Limits: how much of the broker's memory and patience a peer may use, and what happens when it asks for more.
//!
//! Every queue and table in this crate takes its size from here. Each field says what happens beyond it; nothing grows
//! without one of them.
//! Invariant: the defaults pass [`Limits::validate`], which the compiler checks.

use std::num::NonZeroU16;
use std::time::Duration;

use factree_mqtt::SessionExpiry;

/// The most a peer may use. `[MQTT-3.2.2-…]` names what of it a 5.0 client is told in its CONNACK.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The codec's limits; `packet.packet_size_max` is announced as Maximum Packet Size, `packet.topic_levels_max`
    /// bounds the depth of the retained and subscription trees. Beyond: 0x90 for a topic, 0x8F for a filter.
    pub packet: factree_mqtt::Limits,
    /// Sessions, connected or kept. Beyond: CONNACK 0x97 Quota Exceeded. Default 100,000.
    pub sessions_max: u32,
    /// Sessions of one principal that has proven who it is, so that no user's random client ids take everybody's place. At least
    /// 1. Beyond: CONNACK 0x97. Default 20,000: fleets share a user.
    pub sessions_per_principal_max: u32,
    /// The longest keep-alive, 1 to 65,535 whole seconds; a client that asks for more, or for none, is given this one
    /// (5.0: Server Keep Alive `[MQTT-3.2.2-21]`; 3.1.1: enforced silently, as its section 3.1.2.10 permits). Default
    /// 65,535 seconds, all that MQTT can say.
    pub keep_alive_max: Duration,
    /// The longest time a session is kept; a longer wish is cut to it. Default [`SessionExpiry::Never`].
    pub session_expiry_max: SessionExpiry,
    /// How often in a minute connections with one client id may take each other over, all at once at most; at least 1.
    /// Beyond: CONNACK 0x9F for the newcomer, and the connection that is there stays. Default 10.
    pub takeovers_per_minute_max: u32,
    /// QoS 2 publications a client may have unreleased, announced as Receive Maximum. Beyond: DISCONNECT 0x93. QoS 1
    /// never counts, it is acknowledged as it is handled. 3.1.1 cannot be told; its packet ids bound it to 65,535.
    /// Default 4,096.
    pub receive_maximum: NonZeroU16,
    /// Topic aliases a client may define towards us. Beyond: DISCONNECT 0x94. Also the most that we define towards a
    /// client, however many it takes. Default 64: aliases hold a topic of at most 64 KiB each.
    pub topic_alias_maximum: u16,
    /// Subscriptions of one session, and filters of one SUBSCRIBE. Beyond: SUBACK 0x97. Default 10,000.
    pub subscriptions_per_session_max: u32,
    /// QoS>0 deliveries a client has unacknowledged at once, if its own Receive Maximum is not lower. Beyond: they wait
    /// in the session's queue. Default 1,024.
    pub in_flight_max: NonZeroU16,
    /// Live deliveries that wait in one session's queue. Beyond: QoS 0 is dropped and counted; QoS>0 disconnects a
    /// connected client with 0x97, and is refused and counted for an absent one. Default 32,768.
    pub queue_len_max: usize,
    /// The same in bytes of topic and payload, counted per session although payloads are shared. At least the largest
    /// packet. Default 64 MiB.
    pub queue_bytes_max: usize,
    /// Retained messages of clients; those of the local session are not counted. Beyond: PUBACK or PUBREC 0x97, and the publication is not routed. Default 500,000.
    pub retained_max: usize,
    /// The same in bytes of topic, payload and properties. Default 512 MiB.
    pub retained_bytes_max: usize,
    /// Retained messages on their way to one new subscriber; not part of its queue. At least `retained_max`, so that
    /// one `#` always gets everything. Beyond: the client subscribes faster than it reads, DISCONNECT 0x97. Default
    /// 1,000,000.
    pub retained_backlog_max: usize,
    /// How often one SUBSCRIBE may have the whole tree of retained messages walked by its wildcards, however many
    /// filters it has. At least 1. Beyond: SUBACK 0x97 for the filter. Default 8.
    pub retained_walks_max: usize,
}

impl Limits {
    /// The defaults.
    pub const DEFAULT: Limits = Limits {
        packet: factree_mqtt::Limits::DEFAULT,
        sessions_max: 100_000,
        sessions_per_principal_max: 20_000,
        keep_alive_max: Duration::from_secs(65_535),
        session_expiry_max: SessionExpiry::Never,
        takeovers_per_minute_max: 10,
        receive_maximum: NonZeroU16::new(4096).unwrap(),
        topic_alias_maximum: 64,
        subscriptions_per_session_max: 10_000,
        in_flight_max: NonZeroU16::new(1024).unwrap(),
        queue_len_max: 32_768,
        queue_bytes_max: 64 << 20,
        retained_max: 500_000,
        retained_bytes_max: 512 << 20,
        retained_backlog_max: 1_000_000,
        retained_walks_max: 8,
    };

    /// The first relation that does not hold, in words for the operator: the key and what it accepts.
    ///
    /// # Errors
    /// The sentence names the field.
    pub const fn validate(&self) -> Result<(), &'static str> {
        if let Err(error) = self.packet.validate() {
            return Err(error.what());
        }
        if self.sessions_max == 0 {
            return Err("sessions_max is at least 1");
        }
        if self.sessions_per_principal_max == 0 {
            return Err("sessions_per_principal_max is at least 1");
        }
        if self.keep_alive_max.as_secs() == 0
            || self.keep_alive_max.as_secs() > 65_535
            || self.keep_alive_max.subsec_nanos() != 0
        {
            return Err("keep_alive_max is 1 to 65535 whole seconds");
        }
        if self.takeovers_per_minute_max == 0 {
            return Err("takeovers_per_minute_max is at least 1, or a client whose network broke could not come back");
        }
        if self.queue_len_max == 0 {
            return Err("queue_len_max is at least 1");
        }
        if self.queue_bytes_max < self.packet.packet_size_max as usize {
            return Err("queue_bytes_max is at least packet_size_max, or the largest packet could reach nobody");
        }
        if self.retained_bytes_max < self.packet.packet_size_max as usize {
            return Err("retained_bytes_max is at least packet_size_max");
        }
        if self.retained_backlog_max < self.retained_max {
            return Err("retained_backlog_max is at least retained_max, so that one subscription to # gets everything");
        }
        if self.retained_walks_max == 0 {
            return Err("retained_walks_max is at least 1");
        }
        Ok(())
    }
}

const _: () = assert!(Limits::DEFAULT.validate().is_ok(), "the default limits contradict each other");

impl Default for Limits {
    fn default() -> Self {
        Self::DEFAULT
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_that_contradict_each_other_are_named() {
        let said = |limits: Limits| limits.validate().unwrap_err();
        let default = Limits::default;
        assert!(said(Limits { keep_alive_max: Duration::ZERO, ..default() }).contains("keep_alive_max"));
        assert!(said(Limits { keep_alive_max: Duration::from_millis(1500), ..default() }).contains("whole seconds"));
        assert!(said(Limits { queue_bytes_max: 1 << 20, ..default() }).contains("packet_size_max"));
        assert!(said(Limits { retained_bytes_max: 1 << 20, ..default() }).contains("packet_size_max"));
        assert!(said(Limits { retained_backlog_max: 10, ..default() }).contains("retained_max"));
        assert!(said(Limits { retained_walks_max: 0, ..default() }).contains("retained_walks_max"));
        assert!(said(Limits { sessions_max: 0, ..default() }).contains("sessions_max"));
        assert!(said(Limits { sessions_per_principal_max: 0, ..default() }).contains("sessions_per_principal_max"));
        assert!(said(Limits { queue_len_max: 0, ..default() }).contains("queue_len_max"));
        let mut codec = default();
        codec.packet.topic_levels_max = 0;
        assert!(said(codec).contains("topic_levels_max"), "the codec's limits name their field too");
        assert!(said(Limits { takeovers_per_minute_max: 0, ..default() }).contains("takeovers_per_minute_max"));
    }
}
