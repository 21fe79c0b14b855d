//! Packets on their way into the broker, made by the task of their connection under no lock.

use factree_broker::{ConnectionId, Refusal, ResolvedTopic, TopicAliases};
use factree_ingest::{Batch, Doorkeeper, Manner};
use factree_mqtt::{Packet, ReasonCode, TopicNameBuf};

use super::{door, session};

/// A packet as it goes into the broker: decoded, its topic alias resolved, its payload in the batch.
pub(crate) struct Incoming<'a> {
    pub(super) packet: Packet<'a>,
    /// The topic that a topic alias stood for.
    pub(super) aliased: Option<TopicNameBuf>,
    /// The number in the batch, for a PUBLISH.
    pub(super) publication: Option<usize>,
    /// Why the broker is not to take it. Boxed: a read has many packets and hardly ever one of these.
    pub(super) refusal: Option<Box<Refusal>>,
}

impl<'a> Incoming<'a> {
    /// Resolves the topic alias and takes a publication into the batch, where its payload is decoded and judged.
    pub(crate) fn new(
        packet: Packet<'a>,
        connection: ConnectionId,
        aliases: &mut TopicAliases,
        (batch, doorkeeper): (&mut Batch, Option<&Doorkeeper>),
        limits: &factree_ingest::Limits,
    ) -> Result<Self, ReasonCode> {
        let Packet::Publish(publish) = &packet else {
            return Ok(Self { packet, aliased: None, publication: None, refusal: None });
        };
        let resolved = aliases.resolve(publish)?;
        let topic = resolved.topic().as_str();
        let manner = Manner { qos: publish.handshake.qos() as u8, retain: publish.retain };
        let publication = batch.push(session(connection), manner, topic, publish.payload, limits);
        let refusal = doorkeeper
            .and_then(|doorkeeper| batch.judge(publication, doorkeeper))
            .map(|why| Box::new(door::refusal(why)));
        let aliased = match resolved {
            ResolvedTopic::Sent(_) => None,
            ResolvedTopic::Aliased(topic) => Some(topic),
        };
        Ok(Self { packet, aliased, publication: Some(publication), refusal })
    }
}
