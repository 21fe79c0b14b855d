//! Who gets what: subscriptions, and where a publication goes. Chapter of the [`ledger`](super).

use std::collections::BTreeSet;
use std::time::Instant;

use factree_mqtt::{QoS, ReasonCode, RetainHandling, Subscribe, SubscriptionOptions, Unsubscribe};

use super::{GroupPromise, Kept, Ledger, Promise, Terms};
use crate::checkers::Findings;
use crate::history::{Entitlement, History, Look};
use crate::message::{FILTERS, SHARED, TOPICS, shared, wants};

impl Ledger {
    pub(super) fn subscribed(
        &mut self,
        now: Instant,
        client: usize,
        subscribe: &Subscribe<'_>,
        reasons: &[ReasonCode],
        history: &mut History,
    ) {
        let identifier = subscribe.subscription_identifier.map(std::num::NonZeroU32::get);
        for (request, reason) in subscribe.requests.iter().zip(reasons) {
            let known = FILTERS.into_iter().chain(SHARED).find(|filter| *filter == request.filter);
            let Some(filter) = known.filter(|_| !reason.is_failure()) else { continue };
            let session = self.sessions.get_mut(&client).expect("who subscribes has a session");
            let terms = Terms { options: request.options, identifier };
            let new = session.subscriptions.insert(filter, terms).is_none();
            if shared(filter).is_some() {
                let SubscriptionOptions { maximum_qos, retain_as_published, .. } = request.options;
                history.join(client, filter, maximum_qos, retain_as_published, identifier);
                if request.options.maximum_qos == QoS::AtMostOnce {
                    self.group_promises.retain(|promise| promise.filter != filter);
                }
                continue;
            }
            let wanted = match request.options.retain_handling {
                RetainHandling::Send => true,
                RetainHandling::SendIfNew => new,
                RetainHandling::DoNotSend => false,
            };
            let kept: Vec<(&str, Kept)> = self.retained.iter().map(|(topic, kept)| (*topic, *kept)).collect();
            for (_, kept) in kept.into_iter().filter(|(topic, _)| wanted && wants(filter, topic)) {
                if kept.expires.is_none_or(|at| at > now) {
                    let qos = history.message(kept.number).qos.min(request.options.maximum_qos);
                    let look = Look { qos, retain: true, identifiers: identifier.into_iter().collect() };
                    self.entitle(client, kept.number, look, false, kept.expires, history);
                }
            }
        }
    }

    pub(super) fn unsubscribed(
        &mut self,
        client: usize,
        unsubscribe: &Unsubscribe<'_>,
        reasons: &[ReasonCode],
        history: &mut History,
        findings: &mut Findings,
    ) {
        for (filter, reason) in unsubscribe.filters.iter().zip(reasons) {
            let session = self.sessions.get_mut(&client).expect("who unsubscribes has a session");
            let had = session.subscriptions.remove_entry(filter);
            findings.expect("subscriptions", had.is_some() == (*reason == ReasonCode::Success), || {
                format!("UNSUBSCRIBE {filter} is answered {reason:?}")
            });
            if let Some((filter, _)) = had.filter(|(filter, _)| shared(filter).is_some()) {
                history.leave(client, filter);
                self.dissolve(filter);
            }
        }
    }

    /// Promises of a shared subscription without members are nobody's.
    pub(super) fn dissolve(&mut self, filter: &str) {
        if !self.sessions.values().any(|session| session.subscriptions.contains_key(filter)) {
            self.group_promises.retain(|promise| promise.filter != filter);
        }
    }

    /// Who wants it? Overlapping subscriptions of one session count as one, with the highest QoS and all identifiers.
    #[allow(clippy::too_many_arguments, reason = "a message is a topic, a number and two flags here")]
    pub(super) fn route(
        &mut self,
        now: Instant,
        topic: &str,
        number: Option<u32>,
        qos: QoS,
        retain: bool,
        publisher: Option<usize>,
        ending: Option<usize>,
        history: &mut History,
    ) {
        // One input may route several: a will follows what made its client fall behind.
        history.sequence += 1;
        self.counts.accepted += 1;
        let expires = number.and_then(|number| history.message(number).expiry).map(|expiry| now + expiry);
        if retain {
            let topic = TOPICS.into_iter().find(|known| *known == topic).expect("clients know no other");
            match number {
                Some(number) => drop(self.retained.insert(topic, Kept { number, expires })),
                None => drop(self.retained.remove(topic)),
            }
        }
        let mut groups = BTreeSet::new();
        let mut wanted = Vec::new();
        for (client, session) in self.sessions.iter().filter(|(client, _)| Some(**client) != ending) {
            let mut look: Option<Look> = None;
            for (filter, terms) in &session.subscriptions {
                if let Some(inner) = shared(filter) {
                    if wants(inner, topic) {
                        groups.insert(*filter);
                    }
                } else if wants(filter, topic) && !(terms.options.no_local && publisher == Some(*client)) {
                    let look =
                        look.get_or_insert(Look { qos: QoS::AtMostOnce, retain: false, identifiers: Vec::new() });
                    look.qos = look.qos.max(qos.min(terms.options.maximum_qos));
                    look.retain |= retain && terms.options.retain_as_published;
                    look.identifiers.extend(terms.identifier);
                }
            }
            wanted.extend(look.map(|look| (*client, look)));
        }
        self.counts.offered += groups.len() as u64;
        let Some(number) = number else {
            self.counts.offered += wanted.len() as u64;
            return;
        };
        for (client, mut look) in wanted {
            look.identifiers.sort_unstable();
            self.entitle(client, number, look, true, expires, history);
        }
        for filter in groups {
            let sequence = history.sequence;
            history.to_groups.entry(number).or_default().push((filter, sequence));
            let members = self.sessions.values().filter_map(|it| Some((it.is_kept(), it.subscriptions.get(filter)?)));
            if qos != QoS::AtMostOnce && members.clone().all(|(_, terms)| terms.options.maximum_qos != QoS::AtMostOnce)
            {
                let promise = Promise { number, sequence, expires, live: true };
                let fragile = members.clone().any(|(kept, _)| !kept);
                self.group_promises.push(GroupPromise { filter, promise, fragile });
            }
        }
    }

    pub(super) fn entitle(
        &mut self,
        client: usize,
        number: u32,
        look: Look,
        live: bool,
        expires: Option<Instant>,
        history: &mut History,
    ) {
        self.counts.offered += 1;
        let sequence = history.sequence;
        let session = self.sessions.get_mut(&client).expect("only sessions are entitled");
        if look.qos != QoS::AtMostOnce {
            session.promises.push(Promise { number, sequence, expires, live });
        }
        if look.qos == QoS::ExactlyOnce {
            // What ends with its connection waits for no disk, and a crash does not undo it.
            let counts = if session.is_kept() { &mut self.exactly_once } else { &mut history.exactly_once };
            *counts.entry((client, number)).or_default() += 1;
        }
        history.entitled.entry((client, number)).or_default().push(Entitlement { sequence, look, live });
    }
}
