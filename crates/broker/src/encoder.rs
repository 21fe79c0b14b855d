//! Encoding deliveries for one connection: its version, and the topic aliases we define for its client.
//!
//! Belongs to the connection task, not to the broker, as [`TopicAliases`](crate::TopicAliases) does for the other way.
//! A table has a place for each alias; a topic's place follows from its hash, and the topic that was last sent there
//! has the alias. So nothing is searched and nothing is remembered of what was used when: a topic that is sent often
//! has its alias most of the time, and two that share a place cost three bytes more each time they alternate.
//! Invariant: a PUBLISH without topic name goes only where the packets before it defined its alias.

use std::hash::BuildHasher;
use std::num::NonZeroU32;

use factree_mqtt::{Connect, ProtocolVersion, TopicAlias, TopicNameBuf, encode_publish, encoded_publish_len};
use hashbrown::DefaultHashBuilder;

use crate::delivery::Delivery;
use crate::limits::Limits;

/// Encodes the deliveries of one connection, in the order in which they are written. Dies with the connection, and the
/// aliases with it `[MQTT-3.3.2-7]`.
#[derive(Debug)]
pub struct DeliveryEncoder {
    version: ProtocolVersion,
    maximum_packet_size: Option<NonZeroU32>,
    /// By alias minus one. Without places there are no aliases.
    topics: Box<[Option<TopicNameBuf>]>,
    places: DefaultHashBuilder,
}

/// A shorter topic name is not worth an alias: the property takes three bytes, and may lengthen what is in front of it.
const WORTH_BYTES: usize = 5;

impl DeliveryEncoder {
    /// For the client that sent this CONNECT: no more aliases than it takes `[MQTT-3.1.2-26]`, none if it did not say
    /// so `[MQTT-3.1.2-27]`, and no more than [`Limits::topic_alias_maximum`].
    pub fn new(connect: &Connect<'_>, limits: &Limits) -> Self {
        let maximum = match connect.version {
            ProtocolVersion::V311 => 0,
            ProtocolVersion::V5 => connect.topic_alias_maximum.min(limits.topic_alias_maximum),
        };
        DeliveryEncoder {
            version: connect.version,
            maximum_packet_size: connect.maximum_packet_size,
            topics: vec![None; maximum.into()].into(),
            places: DefaultHashBuilder::default(),
        }
    }

    /// Appends the packet's bytes.
    pub fn encode(&mut self, delivery: &Delivery, out: &mut Vec<u8>) {
        let topic = delivery.publication().topic_buf();
        if self.topics.is_empty() || topic.as_str().len() < WORTH_BYTES {
            return delivery.encode(self.version, out);
        }
        let place = self.places.hash_one(topic.as_str()) as usize % self.topics.len();
        let mut publish = delivery.as_publish();
        // There are at most 65,535 places, and their numbers begin at 1 `[MQTT-3.3.2-8]`.
        publish.topic_alias = TopicAlias::new(place as u16 + 1);
        if self.topics[place].as_ref() == Some(topic) {
            publish.topic = None;
        } else if self.admits(encoded_publish_len(self.version, &publish)) {
            self.topics[place] = Some(topic.clone());
        } else {
            publish.topic_alias = None;
        }
        encode_publish(self.version, &publish, out);
    }

    /// The packet that defines an alias is longer than the one that was measured against the client's Maximum Packet
    /// Size `[MQTT-3.1.2-24]`.
    fn admits(&self, len: usize) -> bool {
        self.maximum_packet_size.is_none_or(|maximum| len <= maximum.get() as usize)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Instant;

    use factree_mqtt::{Decoded, Handshake, Packet, Publish, TopicName, decode};

    use super::*;
    use crate::publication::{Identifiers, Publication};

    fn encoder(topic_alias_maximum: u16, maximum_packet_size: u32) -> DeliveryEncoder {
        let connect = Connect {
            topic_alias_maximum,
            maximum_packet_size: NonZeroU32::new(maximum_packet_size),
            ..Connect::new(ProtocolVersion::V5, "a")
        };
        DeliveryEncoder::new(&connect, &Limits { topic_alias_maximum: 8, ..Limits::default() })
    }

    /// What a client reads: `topic=alias`, either of them maybe missing.
    fn sent(encoder: &mut DeliveryEncoder, topic: &str) -> String {
        let topic = TopicName::parse(topic).unwrap();
        let publication = Arc::new(Publication::of_publish(Instant::now(), topic, &Publish::new(topic, b"x")));
        let delivery = Delivery {
            publication,
            identifiers: Identifiers::None,
            message_expiry: None,
            handshake: Handshake::AtMostOnce,
            dup: false,
            retain: false,
        };
        let mut bytes = Vec::new();
        encoder.encode(&delivery, &mut bytes);
        assert!(encoder.admits(bytes.len()), "[MQTT-3.1.2-24]");
        match decode(ProtocolVersion::V5, &bytes, &factree_mqtt::Limits::default()) {
            Ok(Decoded::Packet { packet: Packet::Publish(publish), .. }) => {
                let alias = publish.topic_alias.map(|alias| format!("={}", alias.get()));
                format!("{}{}", publish.topic.map_or("", TopicName::as_str), alias.unwrap_or_default())
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_topic_goes_once_with_its_name_and_then_by_its_alias() {
        let mut encoder = encoder(1, 1000);
        let told = ["plant/a", "plant/a", "plant/b", "plant/a", "tiny", "plant/a"].map(|it| sent(&mut encoder, it));
        assert_eq!(told, ["plant/a=1", "=1", "plant/b=1", "plant/a=1", "tiny", "=1"]);
    }

    /// `[MQTT-3.1.2-26]`, `[MQTT-3.1.2-27]`, `[MQTT-3.3.2-8]`, `[MQTT-3.3.2-11]`.
    #[test]
    fn aliases_are_from_one_to_the_clients_maximum_or_ours() {
        for (maximum, highest) in [(0, 0), (3, 3), (65_535, 8)] {
            let mut encoder = encoder(maximum, 1000);
            let mut seen = std::collections::BTreeSet::new();
            for number in 0..200 {
                let told = sent(&mut encoder, &format!("plant/{number}"));
                seen.extend(told.split_once('=').map(|(_, alias)| alias.parse::<u16>().unwrap()));
            }
            assert!(seen.iter().copied().eq(1..=highest), "{maximum}: {seen:?}");
        }
    }

    #[test]
    fn no_alias_is_defined_where_the_packet_would_grow_over_the_clients_maximum_packet_size() {
        let plain = 2 + 2 + "plant/a".len() + 1 + 1;
        let mut encoder = encoder(1, plain as u32 + 2);
        assert_eq!([(); 2].map(|()| sent(&mut encoder, "plant/a")), ["plant/a", "plant/a"]);
        let mut encoder = self::encoder(1, plain as u32 + 3);
        assert_eq!([(); 2].map(|()| sent(&mut encoder, "plant/a")), ["plant/a=1", "=1"]);
    }
}
