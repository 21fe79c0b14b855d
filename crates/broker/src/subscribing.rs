//! How interest begins and ends: SUBSCRIBE and UNSUBSCRIBE, chapters 3.8 and 3.10.
//!
//! Filter by filter: is it one, is there room for it, what retained messages come with it. One that is refused costs its
//! own entry in the answer.
//! Invariant: a subscription stands in the tree, or in a group that stands in the tree, and in the journal if its session
//! does.

use std::sync::Arc;
use std::time::Instant;

use factree_mqtt::{ReasonCode, RetainHandling, Subscribe, SubscribeRequest, TopicFilter, Unsubscribe};

use crate::broker::{Broker, Client};
use crate::holder::Subject;
use crate::identity::SessionId;
use crate::output::Outputs;
use crate::publication::Publication;
use crate::queue::Queued;
use crate::reply::Reply;
use crate::subscriptions::{Target, Terms};
use crate::write::{DeliveryNumber, Key};

impl Broker {
    pub(crate) fn on_subscribe(&mut self, now: Instant, from: Client, subscribe: &Subscribe<'_>, out: &mut Outputs) {
        let mut reasons = Vec::with_capacity(subscribe.requests.len());
        let mut visits = self.retained.visits_in_walks(self.limits.retained_walks_max);
        let requests_max = self.limits.subscriptions_per_session_max as usize;
        for (position, request) in subscribe.requests.iter().enumerate() {
            // More than a session may have say something twice, or are too many: nobody waits for them to be looked at.
            if position >= requests_max {
                reasons.push(ReasonCode::QuotaExceeded);
                continue;
            }
            let terms = Terms { options: request.options, identifier: subscribe.subscription_identifier };
            match self.subscribe_one(now, from.session, &request, terms, &mut visits, out) {
                Ok(()) => reasons.push(request.options.maximum_qos.into()),
                Err(Refused::Request(reason)) => reasons.push(reason),
                Err(Refused::Connection(why)) => return self.close(now, from, ReasonCode::QuotaExceeded, why, out),
            }
        }
        self.answer(now, from, Reply::SubAck { packet_id: subscribe.packet_id, reasons }, out);
    }

    fn subscribe_one(
        &mut self,
        now: Instant,
        id: SessionId,
        request: &SubscribeRequest<'_>,
        terms: Terms,
        visits: &mut usize,
        out: &mut Outputs,
    ) -> Result<(), Refused> {
        let parsed = TopicFilter::parse(request.filter).ok().filter(|filter| {
            self.limits.packet.admit_filter(*filter) && filter.as_str().len() <= Key::FILTER_BYTES_MAX
        });
        let Some(filter) = parsed else { return Err(Refused::Request(ReasonCode::TopicFilterInvalid)) };
        let text = filter.as_str();
        // Before anything is looked up, so that nobody learns what there is.
        if !self.may_subscribe(id, filter) {
            self.tell_not_subscribed(id, text, out);
            return Err(Refused::Request(ReasonCode::NotAuthorized));
        }
        let shared = filter.share_name().is_some();
        let known = if shared { self.shared.has(id, text) } else { self.subscriptions.has(Target::Session(id), text) };
        if !known && self.subscriptions_of(id) >= self.limits.subscriptions_per_session_max as usize {
            return Err(Refused::Request(ReasonCode::QuotaExceeded));
        }
        if shared {
            self.record_subscription(id, text, terms);
            if let Some(founded) = self.shared.join(id, text, terms) {
                self.subscriptions.subscribe(Target::Group(founded), filter.filter(), terms);
            }
            // Retained messages are not sent to a shared subscription (section 4.8.2).
            return Ok(());
        }
        let wanted = match request.options.retain_handling {
            RetainHandling::Send => true,
            RetainHandling::SendIfNew => !known,
            RetainHandling::DoNotSend => false,
        };
        let mut kept = match wanted {
            true => self.retained.matching(now, text, visits).ok_or(Refused::Request(ReasonCode::QuotaExceeded))?,
            false => Vec::new(),
        };
        if self.sessions[id].is_restricted() {
            let (session, before) = (&self.sessions[id], kept.len());
            kept.retain(|kept| session.may_receive(&Subject::Topic(kept.topic())));
            self.stats.refused_delivery += (before - kept.len()) as u64;
        }
        self.subscriptions.subscribe(Target::Session(id), text, terms);
        self.record_subscription(id, text, terms);
        let limit = self.limits.retained_backlog_max;
        if !self.sessions[id].queue.has_room_for_retained(kept.len(), limit) {
            return Err(Refused::Connection("it subscribes faster than it reads retained messages"));
        }
        let number = self.record_retained(id, &kept, terms);
        self.sessions[id].queue.push_retained(kept, request.options.maximum_qos, terms.identifier, number);
        if wanted {
            self.tell_subscribed(id, filter, out);
        }
        Ok(())
    }

    fn record_subscription(&mut self, id: SessionId, filter: &str, terms: Terms) {
        if let Some(number) = self.sessions[id].number {
            self.journal.subscription(number, filter, Some(terms));
        }
    }

    /// Writes down the QoS>0 among retained messages that begin to wait; the number of the first.
    fn record_retained(&mut self, id: SessionId, kept: &[Arc<Publication>], terms: Terms) -> Option<DeliveryNumber> {
        let session = self.sessions[id].number?;
        let queued = kept.iter().map(|publication| Queued::retained(publication, &terms));
        let mut first = None;
        for mut queued in queued {
            self.journal.wait(Some(session), &mut queued);
            first = first.or(queued.number);
        }
        first
    }

    pub(crate) fn on_unsubscribe(
        &mut self,
        now: Instant,
        from: Client,
        unsubscribe: &Unsubscribe<'_>,
        out: &mut Outputs,
    ) {
        let reason = |had| if had { ReasonCode::Success } else { ReasonCode::NoSubscriptionExisted };
        let mut reasons = Vec::with_capacity(unsubscribe.filters.len());
        for filter in unsubscribe.filters.iter() {
            reasons.push(match TopicFilter::parse(filter) {
                Ok(parsed) => reason(self.unsubscribe_one(from.session, parsed)),
                Err(_) => ReasonCode::TopicFilterInvalid,
            });
        }
        self.answer(now, from, Reply::UnsubAck { packet_id: unsubscribe.packet_id, reasons }, out);
    }

    /// Says whether there was such a subscription.
    pub(crate) fn unsubscribe_one(&mut self, id: SessionId, filter: TopicFilter<'_>) -> bool {
        let text = filter.as_str();
        let had = match filter.share_name() {
            Some(_) => self.leave_group(id, text),
            None => self.subscriptions.unsubscribe(Target::Session(id), text),
        };
        if let (true, Some(number)) = (had, self.sessions[id].number) {
            self.journal.subscription(number, text, None);
        }
        had
    }

    /// Answers with a packet that may be large: one the client cannot take is not sent `[MQTT-3.1.2-24]`, and since it
    /// would wait for it, the connection ends.
    fn answer(&mut self, now: Instant, from: Client, reply: Reply, out: &mut Outputs) {
        let connected = self.sessions[from.session].connected().expect("a connection's session is connected");
        let maximum = connected.maximum_packet_size.map_or(usize::MAX, |maximum| maximum.get() as usize);
        if reply.encoded_len(connected.version) > maximum {
            let why = "the answer is larger than the client's Maximum Packet Size [MQTT-3.1.2-24]";
            return self.close(now, from, ReasonCode::PacketTooLarge, why, out);
        }
        out.reply(from.connection, reply);
        self.wake(from.session, out);
    }

    fn leave_group(&mut self, id: SessionId, filter: &str) -> bool {
        let Some(dissolved) = self.shared.leave(id, filter) else { return false };
        if let Some(group) = dissolved {
            self.subscriptions.unsubscribe_all(Target::Group(group));
        }
        true
    }
}

/// Why a subscription was not made, and what that costs.
enum Refused {
    /// This request gets a reason code.
    Request(ReasonCode),
    /// The connection is closed, 0x97.
    Connection(&'static str),
}
