//! What makes the broker a Sparkplug Aware server, and Factree a Host Application to its clients.
//!
//! Certificates are births said once more by the local session, in the order in which the tree took them. They stand in the
//! broker's memory like every retained message and nowhere on disk: there the births themselves are, and the next process
//! makes certificates of those.
//! Invariant: a birth's acknowledgement leaves after its certificate is there.

use factree_broker::Broker;
use factree_ingest::{Birth, Output};
use factree_mqtt::TopicName;
use factree_sparkplug::HostApplication;
use factree_sparkplug::aware::{certificate_topic, stamped_ndeath};

use super::visit::{Left, Words};
use super::{Core, Hub, lock, now};

impl Hub {
    /// Publishes the certificates of the births among what the tree says; whoever calls has the ingest lock, which is what
    /// keeps them in order.
    pub(super) fn certify(&self, core: &mut Core, said: &[Output]) -> Option<Left> {
        if !self.certificates {
            return None;
        }
        let births = said.iter().filter_map(|output| match output {
            Output::Keep(keep) => keep.certificate(),
            Output::Publish(_) | Output::State(_) | Output::Event(_) | Output::Vanished(_) => None,
        });
        // With its prefix the longest of topics is too long.
        let mut births = births.filter(|(topic, _)| TopicName::parse(topic).is_ok()).peekable();
        births.peek()?;
        Some(self.enter_locked(core, None, Box::default(), &mut Vec::new(), |visit| {
            births.for_each(|(topic, payload)| visit.say(Words { topic: &topic, payload, retained: true }));
        }))
    }

    /// We are this Host Application, and say so; before the first connection, so that nobody sees what a former process has
    /// left on the topic. What we say is later than that.
    pub(crate) fn go_online(&self, mut application: HostApplication) {
        let topic = TopicName::parse(application.topic()).expect("a host id may stand in a topic");
        let left = self.core().broker.retained(topic).map(|left| left.payload().to_vec());
        if let Some(left) = left {
            // Nothing has been said yet.
            let _: bool = application.resume(&left);
        }
        let mut said = Vec::new();
        lock(&self.ingest).go_online(now(), application, &mut said);
        self.speak(said);
    }

    /// We end in order, and say so, while there are connections to say it to.
    pub(crate) fn go_offline(&self) {
        let mut said = Vec::new();
        lock(&self.ingest).go_offline(now(), &mut said);
        self.speak(said);
    }
}

/// A birth that a former process kept gets its certificate back. Delivered to nobody: whoever was subscribed has had it.
pub(crate) fn certify_again(broker: &mut Broker, birth: &Birth<'_>) {
    let topic = certificate_topic(birth.topic).expect("a birth has a certificate");
    let words = Words { topic: &topic, payload: birth.payload, retained: true };
    if let Some(publication) = words.publication() {
        broker.retain(now().instant, &publication);
    }
}

/// The time of its delivery for a will that is an NDEATH.
pub(super) fn stamp_ndeath(topic: TopicName<'_>, payload: &[u8]) -> Option<Box<[u8]>> {
    stamped_ndeath(topic.as_str(), payload, now().wall)
}
