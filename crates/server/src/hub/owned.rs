//! Keeps clients off topics that Edge Nodes own: what they publish, leave as wills, and have retained before.
//!
//! Retained messages are held against the tree when anything in it has got another place, by the task that runs errands, a slice at
//! a time and with no lock held in between.
//! Invariant: the tree is not held by whoever waits for the core lock; who has the core lock may look into the tree.

use factree_broker::Refusal;
use factree_mqtt::{Connect, Packet, ReasonCode, TopicName, TopicNameBuf};
use tracing::info;

use super::{Answer, Hub, Incoming};
use crate::face::Owners;

impl Hub {
    /// Marks the publications that go to topics which Edge Nodes own.
    pub(crate) fn forbid(&self, incoming: &mut [Incoming<'_>]) {
        let owners = &self.face.owners;
        let mut view = None;
        for Incoming { packet, aliased, refusal, .. } in incoming {
            let Packet::Publish(publish) = packet else { continue };
            let topic = aliased.as_ref().map(TopicNameBuf::as_str).or(publish.topic.map(TopicName::as_str));
            let Some(topic) = topic.filter(|topic| owners.are_asked(topic)) else { continue };
            let view = view.get_or_insert_with(|| owners.namespace.read());
            if let Some(why) = owners.forbids(view, topic) {
                *refusal = Some(Box::new(refused(why)));
            }
        }
    }

    /// Whether a client may not leave the will it brings.
    pub(super) fn forbids_will(&self, connect: &Connect<'_>) -> bool {
        let is_forbidden = |topic: &str| self.face.owners.forbid(topic).is_some();
        connect.will.as_ref().is_some_and(|will| is_forbidden(will.topic.as_str()))
    }

    /// Forgets what clients have retained on topics that Edge Nodes own by now, before anybody is let in.
    pub(crate) fn forget_all_owned(&self) {
        while self.forget_some_owned() {}
    }

    /// The same with the next few retained messages; whether there were any to look at.
    pub(super) fn forget_some_owned(&self) -> bool {
        let Some(from) = self.face.next_retained() else { return false };
        let mut topics: Vec<TopicNameBuf> = Vec::new();
        let next = self.core().broker.retained_topics(from, |topic| topics.push(topic.clone()));
        {
            let (owners, view) = (&self.face.owners, self.face.owners.namespace.read());
            topics.retain(|topic| owners.are_asked(topic.as_str()) && owners.forbids(&view, topic.as_str()).is_some());
        }
        if let Some(first) = topics.first() {
            let _: Answer = self.visit(None, Box::default(), &mut Vec::new(), |visit| {
                for topic in &topics {
                    visit.core.broker.forget_retained(topic.as_name());
                }
            });
            info!(
                topics = topics.len(),
                first = first.as_str(),
                "retained messages removed: Edge Nodes own their topics"
            );
        }
        self.face.have_looked_at_retained(next);
        true
    }
}

/// Why a will is not published, if an Edge Node owns its topic by now.
pub(super) fn will_refusal(owners: &Owners, topic: TopicName<'_>) -> Option<Refusal> {
    owners.forbid(topic.as_str()).map(refused)
}

/// In MQTT's words.
fn refused(why: String) -> Refusal {
    Refusal { reason: ReasonCode::NotAuthorized, why: why.into() }
}
