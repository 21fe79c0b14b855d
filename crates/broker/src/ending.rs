//! How connections and sessions end: DISCONNECT, chapter 3.14, expiry, and the wills that follow.
//!
//! A connection ends in one place, whatever the cause, in one order: will, [`Output::Ended`], session. So a will is
//! accepted before its connection is reported over, and both before a connection that takes over says anything.

use std::sync::Arc;
use std::time::Instant;

use factree_mqtt::{Disconnect, QoS, ReasonCode, SessionExpiry};

use crate::broker::{Broker, Client};
use crate::event::{Ending, Event};
use crate::identity::SessionId;
use crate::input::Lost;
use crate::output::{Accepted, Output, Outputs, Refused};
use crate::queue::Queued;
use crate::session::{Absent, Link};
use crate::subscriptions::Target;
use crate::will::{Fate, Will};

impl Broker {
    pub(crate) fn on_disconnect(&mut self, now: Instant, from: Client, disconnect: &Disconnect<'_>, out: &mut Outputs) {
        let session = &mut self.sessions[from.session];
        if let Some(expiry) = disconnect.session_expiry {
            if session.ends_with_connection() && expiry != SessionExpiry::ENDS_WITH_CONNECTION {
                return self.violation(now, from, "session expiry raised from zero (3.14.2.2.2)", out);
            }
            session.expiry = expiry.min(self.limits.session_expiry_max);
        }
        out.push(Output::Close { connection: from.connection, reason: None, reason_string: None });
        self.end_connection(now, from, Ending::Disconnect(disconnect.reason), out);
    }

    /// The network connection is over.
    pub(crate) fn end_connection(&mut self, now: Instant, client: Client, ending: Ending, out: &mut Outputs) {
        let Client { session: id, connection } = client;
        self.stats.ended += 1;
        self.stats.taken_over += u64::from(matches!(ending, Ending::TakenOver { .. }));
        self.sessions.detach(connection);
        let session = &mut self.sessions[id];
        let client_id = session.client_id.clone();
        let session_ends = session.ends_with_connection() || ending == Ending::TakenOver { resumed: false };
        let absent = Link::Absent(Absent::kept(now, session.expiry));
        let Link::Connected(link) = std::mem::replace(&mut session.link, absent) else {
            unreachable!("a connection's session is connected");
        };
        if session_ends {
            self.forget_records(id);
            // Its own will must not find it.
            self.unsubscribe_all(id);
        } else if let Some(number) = self.sessions[id].number {
            self.journal.session(number, Some(self.sessions[id].record()));
        }
        match link.will.map(|will| will.fate(now, ending, session_ends)) {
            None => {}
            Some(Fate::Forgotten) => self.journal.will_gone(&client_id),
            Some(Fate::Now(will)) => self.publish_will(now, id, will, out),
            Some(Fate::At(at, will)) => {
                let whose = (&client_id, &**self.sessions[id].holder());
                self.journal.will(whose, &will, Some(at));
                if let Link::Absent(absent) = &mut self.sessions[id].link {
                    absent.will = Some((at, will));
                }
            }
        }
        out.push(Output::Ended { connection, client_id: client_id.clone() });
        out.event(Event::Disconnected { connection, client_id, cause: ending });
        if session_ends {
            self.end_session(now, id, false, out);
        } else {
            self.keep_absent(id, out);
        }
    }

    /// Somebody above it all ends a session.
    pub(crate) fn on_end_session(&mut self, now: Instant, client_id: &str, out: &mut Outputs) {
        let Some(id) = self.sessions.of_client(client_id) else { return };
        let session = &mut self.sessions[id];
        let Some(connection) = session.connected().map(|connected| connected.connection) else {
            return self.end_session(now, id, false, out);
        };
        session.expiry = SessionExpiry::ENDS_WITH_CONNECTION;
        let cause = Lost::GivenUp(ReasonCode::AdministrativeAction);
        self.end_connection(now, Client { session: id, connection }, Ending::Lost(cause), out);
    }

    /// What waits for an absent client: nothing of QoS 0, and nothing that another member of a group may have.
    fn keep_absent(&mut self, id: SessionId, out: &mut Outputs) {
        let mut shared = self.sessions[id].queue.take_shared();
        for queued in &mut shared {
            self.journal.delivery_ended(self.sessions[id].number, &queued.take_number());
        }
        self.hand_over(shared, out);
        let session = &mut self.sessions[id];
        let dropped = session.queue.keep_for_absent();
        session.dropped += dropped;
        self.stats.dropped_absent += dropped;
        self.deadlines.set(id, session.deadline());
    }

    /// The session is forgotten with all that belongs to it. A will that still waited is published now (section
    /// 3.1.3.2.2).
    pub(crate) fn end_session(&mut self, now: Instant, id: SessionId, expired: bool, out: &mut Outputs) {
        self.forget_records(id);
        self.unsubscribe_all(id);
        if let Link::Absent(absent) = &mut self.sessions[id].link
            && let Some((_, will)) = absent.will.take()
        {
            self.publish_will(now, id, will, out);
        }
        self.deadlines.set(id, None);
        self.stats.sessions_expired += u64::from(expired);
        let mut session = self.sessions.remove(id);
        // Of what is in flight only QoS 1 may go to another member of a group, QoS 2 must not `[MQTT-4.8.2-5]`.
        let in_flight = session.outbound.into_unacknowledged();
        let (mut shared, lost): (Vec<_>, Vec<_>) =
            in_flight.partition(|queued| queued.group.is_some() && queued.qos == QoS::AtLeastOnce);
        shared.append(&mut session.queue.take_shared());
        self.stats.dropped_session_ended += (lost.len() + session.queue.len()) as u64;
        self.hand_over(shared, out);
        out.event(Event::SessionEnded { client_id: session.client_id, expired });
    }

    /// Crosses out everything of a session that does not outlive its connection any more.
    pub(crate) fn forget_records(&mut self, id: SessionId) {
        let Some(number) = self.sessions[id].number.take() else { return };
        let own = self.subscriptions.of(Target::Session(id));
        for (filter, _) in own.chain(self.shared.of(id)) {
            self.journal.subscription(number, filter, None);
        }
        for packet_id in self.sessions[id].inbound.held() {
            self.journal.released(number, packet_id);
        }
        self.sessions[id].take_numbers(|finished| self.journal.delivery_ended(Some(number), finished));
        self.journal.session(number, None);
    }

    fn unsubscribe_all(&mut self, id: SessionId) {
        self.subscriptions.unsubscribe_all(Target::Session(id));
        for group in self.shared.leave_all(id) {
            self.subscriptions.unsubscribe_all(Target::Group(group));
        }
    }

    /// Deliveries of shared subscriptions go to other members.
    pub(crate) fn hand_over(&mut self, shared: Vec<Queued>, out: &mut Outputs) {
        for queued in shared {
            let taken = queued.group.is_some_and(|group| self.offer_to_group(group, &queued.publication, out));
            self.stats.dropped_session_ended += u64::from(!taken);
        }
    }

    fn publish_will(&mut self, now: Instant, id: SessionId, will: Will, out: &mut Outputs) {
        let client_id = self.sessions[id].client_id.clone();
        self.journal.will_gone(&client_id);
        let (connection, publication) = will.publish(now, self.rewrite_will);
        let holder = Arc::clone(self.sessions[id].holder());
        let refused = |reason| {
            let (principal, topic) = (holder.principal().clone(), publication.topic_buf().clone());
            Event::PublicationRefused { client_id: client_id.clone(), principal, topic, reason, is_first: true }
        };
        if !holder.may_have_left(publication.topic()) {
            self.stats.refused_access += 1;
            return out.event(refused(ReasonCode::NotAuthorized));
        }
        if let Some(judge) = &self.will_judge
            && let Some(refusal) = (judge.0)(&publication)
        {
            self.count_refused(refusal.reason);
            let told = refused(refusal.reason);
            out.push(Output::Refused(Refused::Will { connection, publication }));
            return out.event(told);
        }
        self.stats.wills += 1;
        out.push(Output::Accepted(Accepted::Will { connection, holder, publication: publication.clone() }));
        out.event(Event::WillPublished { client_id, topic: publication.topic_buf().clone() });
        self.route_will(id, &publication, out);
    }

    /// Everything that is due.
    pub(crate) fn on_tick(&mut self, now: Instant, out: &mut Outputs) {
        let journal = &mut self.journal;
        self.stats.expired += self.retained.expire(now, |gone| journal.retained_gone(gone));
        while let Some(id) = self.deadlines.take_due(now) {
            // Its connection ended with the last process, which could not end it.
            let is_left_over = self.sessions[id].ends_with_connection();
            match &mut self.sessions[id].link {
                Link::Connected(connected) => {
                    let client = Client { session: id, connection: connected.connection };
                    if connected.deadline().is_some_and(|at| at <= now) {
                        let why = "nothing was heard for one and a half times the keep-alive [MQTT-3.1.2-22]";
                        self.close(now, client, ReasonCode::KeepAliveTimeout, why, out);
                        continue;
                    }
                }
                Link::Absent(absent) => {
                    if absent.is_expired(now) {
                        self.end_session(now, id, !is_left_over, out);
                        continue;
                    }
                    if let Some((_, will)) = absent.will.take_if(|(at, _)| *at <= now) {
                        self.publish_will(now, id, will, out);
                    }
                }
            }
            self.deadlines.set(id, self.sessions[id].deadline());
        }
    }
}
