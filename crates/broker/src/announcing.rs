//! Topics whose current message the driver keeps: what has changed there, and what is current for a new subscription.
//!
//! The driver holds a state that changes, and a topic for each part of it. It announces what has changed, which goes to whoever
//! is subscribed and is kept nowhere; and hands over what is current when it is told [`Output::Subscribed`], a few at a time
//! and behind what waits already. So who subscribes gets what a retained message would be, and the broker holds no copy of it.
//! Such topics hide from leading wildcards, as those that begin with `$` do `[MQTT-4.7.2-1]`.
//! Knows nothing of what the state is.
//! Invariant: what goes to one session about one topic, goes in the order in which it was handed in.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use factree_mqtt::TopicFilter;

use crate::broker::Broker;
use crate::identity::{ConnectionId, SessionId};
use crate::judging;
use crate::output::{Output, Outputs};
use crate::publication::Publication;
use crate::queue::Queued;
use crate::subscriptions::{Target, Terms};

/// The most of what is current that is handed over at once, in messages.
const HANDED_OVER_MAX: usize = 256;

/// Where announced topics stand in the driver's tree: an announcement is judged by the right to its element.
pub trait Announced: fmt::Debug + Send {
    /// The path of the element that a topic tells of; none if it tells of none.
    fn path<'t>(&self, topic: &'t str) -> Option<Cow<'t, str>>;

    /// What a topic filter (without `$share/…`) means in the tree, or more than that; none if nothing.
    fn filter(&self, filter: &str) -> Option<String>;
}

/// Whether what is current can be handed over to a subscription now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Room {
    /// For so many messages, at least one.
    For(usize),
    /// The client has enough to read, ask again when deliveries were taken over its connection; or it is absent, ask again
    /// when it is connected.
    Later(Option<ConnectionId>),
    /// There is no such subscription any more.
    Gone,
}

impl Broker {
    /// From now on [`Output::Subscribed`] is said.
    pub fn tell_subscriptions(&mut self) {
        self.tells_subscriptions = true;
    }

    /// Has announcements judged, and subscriptions to them, by what they mean in the driver's tree. Without it only those hear
    /// of them who may do everything.
    pub fn judge_announced(&mut self, announced: Box<dyn Announced>) {
        self.announced = Some(announced);
    }

    /// Delivers a message to whoever is subscribed, but not by a filter that begins with a wildcard, and keeps it nowhere; it
    /// carries the retain flag for those who want it as published. Whether there was a subscriber.
    pub fn announce(&mut self, now: Instant, publication: &Arc<Publication>, out: &mut Outputs) -> bool {
        let mut matches = std::mem::take(&mut self.matches);
        self.subscriptions.lookup_hidden(publication.topic(), &mut matches);
        let subject = judging::subject(publication, &self.sessions, self.announced.as_deref());
        judging::keep_granted(&self.sessions, &self.shared, &mut self.stats, &subject, &mut matches);
        let found = !matches.is_empty();
        self.stats.accepted += u64::from(found);
        self.deliver(publication, &mut matches, out);
        self.matches = matches;
        self.close_condemned(now, out);
        found
    }

    /// How many messages of what is current may be handed over to a client's subscription now.
    pub fn room_for_current(&self, client_id: &str, filter: &str) -> Room {
        let Some((id, _)) = self.subscription(client_id, filter) else { return Room::Gone };
        let session = &self.sessions[id];
        let len_max = (self.limits.queue_len_max / 8).clamp(1, HANDED_OVER_MAX);
        let is_ready = session.connected().is_some()
            && session.queue.len() < len_max
            && session.queue.bytes() <= self.limits.queue_bytes_max / 8;
        if is_ready { Room::For(len_max) } else { Room::Later(session.connected().map(|link| link.connection)) }
    }

    /// Hands over what is current, in that order and with the retain flag or without, as far as there is room; how many
    /// were taken. None if there is no such subscription any more.
    pub fn hand_over_current(
        &mut self,
        now: Instant,
        (client_id, filter): (&str, &str),
        retain: bool,
        publications: &[Arc<Publication>],
        out: &mut Outputs,
    ) -> Option<usize> {
        let (id, terms) = self.subscription(client_id, filter)?;
        let mut taken = 0;
        for publication in publications {
            let session = &self.sessions[id];
            let is_heavy = session.queue.bytes() > self.limits.queue_bytes_max / 4;
            if is_heavy || !session.is_ready_for(publication, &self.limits) {
                break;
            }
            taken += 1;
            let subject = judging::subject(publication, &self.sessions, self.announced.as_deref());
            if !session.may_receive(&subject) {
                self.stats.refused_delivery += 1;
                continue;
            }
            let queued = Queued { retain, ..Queued::retained(publication, &terms) };
            self.offer(id, queued, out);
        }
        self.close_condemned(now, out);
        Some(taken)
    }

    /// How often a subscription was made that did not exist before, or taken away, counted together and with those of groups.
    pub fn subscription_changes(&self) -> u64 {
        self.subscriptions.changes()
    }

    /// The levels that filters begin with, wildcards left out; each once.
    pub fn subscribed_first_levels(&self) -> impl Iterator<Item = &str> {
        self.subscriptions.first_levels()
    }

    /// Whether a filter begins with this level.
    pub fn is_subscribed_below(&self, first_level: &str) -> bool {
        self.subscriptions.has_first_level(first_level)
    }

    fn subscription(&self, client_id: &str, filter: &str) -> Option<(SessionId, Terms)> {
        let id = self.sessions.of_client(client_id)?;
        Some((id, self.subscriptions.terms(Target::Session(id), filter)?))
    }

    /// Tells the driver of a subscription that wants what is current.
    pub(crate) fn tell_subscribed(&self, id: SessionId, filter: TopicFilter<'_>, out: &mut Outputs) {
        if self.tells_subscriptions && !filter.as_str().starts_with(['+', '#', '$']) {
            let client_id = self.sessions[id].client_id.clone();
            out.push(Output::Subscribed { client_id, filter: filter.as_str().into() });
        }
    }
}
