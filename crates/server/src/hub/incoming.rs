//! Packets on their way into the broker, made by the task of their connection under no lock.

use factree_broker::{ConnectionId, ResolvedTopic, TopicAliases};
use factree_ingest::{Batch, Manner};
use factree_mqtt::{Packet, ReasonCode, TopicNameBuf};

use super::session;

/// A packet as it goes into the broker: decoded, its topic alias resolved, its payload in the batch.
pub(crate) struct Incoming<'a> {
    pub(super) packet: Packet<'a>,
    /// The topic that a topic alias stood for.
    pub(super) aliased: Option<TopicNameBuf>,
    /// The number in the batch, for a PUBLISH.
    pub(super) publication: Option<usize>,
    /// Why its client may not publish there.
    pub(super) forbidden: Option<String>,
}

impl<'a> Incoming<'a> {
    /// Resolves the topic alias and takes a publication into the batch, where its payload is decoded.
    pub(crate) fn new(
        packet: Packet<'a>,
        connection: ConnectionId,
        aliases: &mut TopicAliases,
        batch: &mut Batch,
        limits: &factree_ingest::Limits,
    ) -> Result<Self, ReasonCode> {
        let Packet::Publish(publish) = &packet else {
            return Ok(Self { packet, aliased: None, publication: None, forbidden: None });
        };
        let resolved = aliases.resolve(publish)?;
        let topic = resolved.topic().as_str();
        let manner = Manner { qos: publish.handshake.qos() as u8, retain: publish.retain };
        let publication = Some(batch.push(session(connection), manner, topic, publish.payload, limits));
        let aliased = match resolved {
            ResolvedTopic::Sent(_) => None,
            ResolvedTopic::Aliased(topic) => Some(topic),
        };
        Ok(Self { packet, aliased, publication, forbidden: None })
    }
}
