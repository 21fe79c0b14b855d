//! History: what has happened, and no crash undoes.
//!
//! All messages by number; who was entitled to which of them, and how it was to look; what reached whom. The checkers hold
//! one against the other.
//! Invariant: nothing is ever taken out.

use std::collections::{BTreeMap, BTreeSet};

use factree_mqtt::QoS;

use crate::message::Message;

#[derive(Debug, Default)]
pub(crate) struct History {
    /// By number; number 0 is nobody's.
    pub(crate) messages: Vec<Message>,
    /// Counts what reaches the broker; the order of the world.
    pub(crate) sequence: u64,
    /// By client and number.
    pub(crate) entitled: BTreeMap<(usize, u32), Vec<Entitlement>>,
    /// QoS 2 messages to which a session that ends with its connection was entitled so often.
    pub(crate) exactly_once: BTreeMap<(usize, u32), u32>,
    /// Shared subscriptions a message was routed to, with the sequence.
    pub(crate) to_groups: BTreeMap<u32, Vec<(&'static str, u64)>>,
    /// By client and shared filter.
    pub(crate) memberships: BTreeMap<(usize, &'static str), Vec<Membership>>,
    /// Who has got what, when last, and how often with QoS 2.
    pub(crate) received: BTreeMap<(usize, u32), Received>,
    /// QoS>0 that was routed at some time.
    pub(crate) accepted: BTreeSet<u32>,
    /// What its publisher was told is safe.
    pub(crate) acknowledged: BTreeSet<u32>,
}

/// Why a client may get a message, and how it then looks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entitlement {
    pub(crate) sequence: u64,
    pub(crate) look: Look,
    /// Routed to a standing subscription, or sent because of a new one.
    pub(crate) live: bool,
}

/// What depends on the subscriber.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Look {
    pub(crate) qos: QoS,
    pub(crate) retain: bool,
    /// In ascending order.
    pub(crate) identifiers: Vec<u32>,
}

/// A stay in a shared subscription, on the same terms.
#[derive(Clone, Debug)]
pub(crate) struct Membership {
    to: Option<u64>,
    pub(crate) maximum_qos: QoS,
    pub(crate) retain_as_published: bool,
    pub(crate) identifier: Option<u32>,
}

#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Received {
    pub(crate) last: u64,
    pub(crate) exactly_once: u32,
}

impl History {
    pub(crate) fn message(&self, number: u32) -> &Message {
        &self.messages[number as usize]
    }

    /// A member from now on, on these terms.
    pub(crate) fn join(
        &mut self,
        client: usize,
        filter: &'static str,
        maximum_qos: QoS,
        retain_as_published: bool,
        identifier: Option<u32>,
    ) {
        self.leave(client, filter);
        let stay = Membership { to: None, maximum_qos, retain_as_published, identifier };
        self.memberships.entry((client, filter)).or_default().push(stay);
    }

    pub(crate) fn leave(&mut self, client: usize, filter: &'static str) {
        let sequence = self.sequence;
        for stay in self.memberships.get_mut(&(client, filter)).into_iter().flatten() {
            stay.to.get_or_insert(sequence);
        }
    }

    /// How a message may look that comes to the client through a shared subscription, then or later.
    pub(crate) fn shared_looks(&self, client: usize, number: u32) -> Vec<Look> {
        let message = self.message(number);
        let mut looks = Vec::new();
        for (filter, sequence) in self.to_groups.get(&number).into_iter().flatten() {
            for stay in self.memberships.get(&(client, filter)).into_iter().flatten() {
                if stay.to.is_none_or(|to| to >= *sequence) {
                    looks.push(Look {
                        qos: message.qos.min(stay.maximum_qos),
                        retain: message.retain && stay.retain_as_published,
                        identifiers: stay.identifier.into_iter().collect(),
                    });
                }
            }
        }
        looks
    }
}
