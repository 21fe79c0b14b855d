//! Topic aliases a client defines for its own connection, hop by hop.
//!
//! Belongs to the connection task, not to the broker: past this door every PUBLISH has its topic. Aliases die with the
//! network connection `[MQTT-3.3.2-7]`.
//! Invariant: no more than `maximum` aliases are held.

use factree_mqtt::{Publish, ReasonCode, TopicName, TopicNameBuf};

/// The topic aliases of one connection, client to server.
#[derive(Debug, Default)]
pub struct TopicAliases {
    maximum: u16,
    /// By alias minus one; grows only as far as the client's aliases do.
    topics: Vec<Option<TopicNameBuf>>,
}

/// The topic a PUBLISH is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ResolvedTopic<'a> {
    /// It was in the packet.
    Sent(TopicName<'a>),
    /// It was named by an alias defined earlier.
    Aliased(TopicNameBuf),
}

impl ResolvedTopic<'_> {
    /// The topic.
    pub fn topic(&self) -> TopicName<'_> {
        match self {
            ResolvedTopic::Sent(topic) => *topic,
            ResolvedTopic::Aliased(topic) => topic.as_name(),
        }
    }
}

impl TopicAliases {
    /// No aliases yet, and at most `maximum` of them: the Topic Alias Maximum of the CONNACK.
    pub fn new(maximum: u16) -> Self {
        TopicAliases { maximum, topics: Vec::new() }
    }

    /// The topic of a PUBLISH; remembers it if the packet defines an alias. An alias may be defined anew.
    ///
    /// # Errors
    /// What to tell the peer before closing: [`ReasonCode::TopicAliasInvalid`] for an alias above the maximum
    /// `[MQTT-3.3.2-9]` (zero is refused by the codec, `[MQTT-3.3.2-8]`), [`ReasonCode::ProtocolError`] for one that
    /// was never defined, or for a PUBLISH with neither topic nor alias.
    pub fn resolve<'a>(&mut self, publish: &Publish<'a>) -> Result<ResolvedTopic<'a>, ReasonCode> {
        match (publish.topic, publish.topic_alias) {
            (Some(topic), None) => Ok(ResolvedTopic::Sent(topic)),
            (None, None) => Err(ReasonCode::ProtocolError),
            (_, Some(alias)) if alias.0.get() > self.maximum => Err(ReasonCode::TopicAliasInvalid),
            (Some(topic), Some(alias)) => {
                let index = usize::from(alias.0.get()) - 1;
                if self.topics.len() <= index {
                    self.topics.resize(index + 1, None);
                }
                let known = self.topics[index].as_ref().is_some_and(|known| known.as_name() == topic);
                if !known {
                    self.topics[index] = Some(topic.to_buf());
                }
                Ok(ResolvedTopic::Sent(topic))
            }
            (None, Some(alias)) => {
                let known = self.topics.get(usize::from(alias.0.get()) - 1).cloned().flatten();
                known.map(ResolvedTopic::Aliased).ok_or(ReasonCode::ProtocolError)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use factree_mqtt::TopicAlias;

    use super::*;

    /// `t`, `t=1` (with alias 1), `=1` (alias only), or `` (neither).
    fn story(aliases: &mut TopicAliases, text: &str) -> Result<String, ReasonCode> {
        let (topic, alias) = text.split_once('=').unwrap_or((text, "0"));
        let publish = Publish {
            topic: TopicName::parse(topic).ok(),
            topic_alias: TopicAlias::new(alias.parse().unwrap()),
            ..Publish::new(TopicName::parse("unused").unwrap(), b"")
        };
        aliases.resolve(&publish).map(|resolved| resolved.topic().as_str().to_owned())
    }

    /// `[MQTT-3.3.2-12]`.
    #[test]
    fn an_alias_names_the_topic_it_was_last_sent_with() {
        let mut aliases = TopicAliases::new(2);
        let told =
            ["a", "a=1", "=1", "b=1", "=1", "c=2", "=1", "=2", "a"].map(|text| story(&mut aliases, text).unwrap());
        assert_eq!(told, ["a", "a", "a", "b", "b", "c", "b", "c", "a"]);
    }

    /// `[MQTT-3.3.2-9]`, `[MQTT-3.2.2-17]`, `[MQTT-3.2.2-18]`; row MP08.
    #[test]
    fn unknown_and_excessive_aliases_are_the_peers_mistake() {
        let mut aliases = TopicAliases::new(2);
        let said = ["=1", "a=3", "=3", "", "a=2", "=1"].map(|text| story(&mut aliases, text));
        use ReasonCode::{ProtocolError, TopicAliasInvalid};
        let wrong = [ProtocolError, TopicAliasInvalid, TopicAliasInvalid, ProtocolError];
        assert_eq!(said[..4], wrong.map(Err));
        assert_eq!(said[4..], [Ok("a".to_owned()), Err(ProtocolError)]);
        assert_eq!(story(&mut TopicAliases::new(0), "a=1"), Err(TopicAliasInvalid), "none is accepted");
    }
}
