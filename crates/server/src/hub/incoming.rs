//! Packets on their way into the broker, made by the task of their connection under no lock.
//!
//! Invariant: nobody's payload is read who may not publish it.

use std::sync::Arc;

use factree_broker::{ConnectionId, Holder, Refusal, ResolvedTopic, Right, TopicAliases};
use factree_ingest::{Batch, Doorkeeper, Manner};
use factree_mqtt::{Packet, ReasonCode, TopicNameBuf};

use super::{door, session};

/// A packet as it goes into the broker: decoded, its topic alias resolved, its payload in the batch.
pub(crate) struct Incoming<'a> {
    pub(super) packet: Packet<'a>,
    /// The topic that a topic alias stood for.
    pub(super) aliased: Option<TopicNameBuf>,
    /// The number in the batch, for a PUBLISH that may be published.
    pub(super) publication: Option<usize>,
    /// Whether it may.
    pub(super) right: Right<'a>,
    /// Why the broker is not to take it. Boxed: a read has many packets and hardly ever one of these.
    pub(super) refusal: Option<Box<Refusal>>,
}

impl<'a> Incoming<'a> {
    /// Resolves the topic alias and takes a publication into the batch, where its payload is decoded and judged. `restricted` is
    /// the client, unless it may do everything.
    pub(crate) fn new(
        packet: Packet<'a>,
        (connection, restricted): (ConnectionId, Option<&'a Arc<Holder>>),
        aliases: &mut TopicAliases,
        (batch, doorkeeper): (&mut Batch, Option<&Doorkeeper>),
        limits: &factree_ingest::Limits,
    ) -> Result<Self, ReasonCode> {
        let Packet::Publish(publish) = &packet else {
            return Ok(Self { packet, aliased: None, publication: None, right: Right::Unasked, refusal: None });
        };
        let resolved = aliases.resolve(publish)?;
        let topic = resolved.topic();
        let right = match restricted {
            None => Right::Unasked,
            // No client may publish there, whatever it is granted.
            Some(_) if topic.is_dollar() => Right::Denied,
            Some(holder) if holder.may_publish(topic) => Right::GrantedTo(holder),
            Some(_) => Right::Denied,
        };
        let publication = (!matches!(right, Right::Denied)).then(|| {
            let manner = Manner { qos: publish.handshake.qos() as u8, retain: publish.retain };
            batch.push(session(connection), manner, topic.as_str(), publish.payload, limits)
        });
        let judged = publication.zip(doorkeeper).and_then(|(number, doorkeeper)| batch.judge(number, doorkeeper));
        let refusal = judged.map(|why| Box::new(door::refusal(why)));
        let aliased = match resolved {
            ResolvedTopic::Sent(_) => None,
            ResolvedTopic::Aliased(topic) => Some(topic),
        };
        Ok(Self { packet, aliased, publication, right, refusal })
    }
}

#[cfg(test)]
mod tests {
    use factree_auth::{Access, Fill, Grant, Principal, Role, Verbs};
    use factree_mqtt::{Publish, TopicName};

    use super::*;

    #[test]
    fn what_its_client_may_not_publish_is_not_read() {
        let role = Role::new("fitter", vec![Grant::parse("read,write topics:a/#").unwrap()], vec![]).unwrap();
        let access = Arc::new(Access::compile([&role], Fill::default(), Verbs::ALL));
        let fitter = Arc::new(Holder::with_access(Principal::Anonymous, access));
        let (mut aliases, limits) = (TopicAliases::new(0), factree_ingest::Limits::default());
        let mut comes = |topic, restricted| {
            let mut batch = Batch::default();
            let packet = Packet::Publish(Publish::new(TopicName::parse(topic).unwrap(), b"1"));
            let to = (&mut batch, None);
            let incoming = Incoming::new(packet, (ConnectionId(1), restricted), &mut aliases, to, &limits).unwrap();
            (incoming.publication, incoming.right)
        };
        assert!(matches!(comes("a/1", Some(&fitter)), (Some(0), Right::GrantedTo(_))));
        for topic in ["b/1", "spBv1.0/G/NBIRTH/E", "$SYS/x"] {
            assert!(matches!(comes(topic, Some(&fitter)), (None, Right::Denied)), "{topic}");
        }
        assert!(matches!(comes("b/1", None), (Some(0), Right::Unasked)), "nobody is asked on an open server");
    }
}
