//! How connections and sessions end, with the wills that follow, and what a crash leaves. Chapter of the
//! [`ledger`](super).

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use factree_broker::ConnectionId;
use factree_mqtt::{QoS, ReasonCode, SessionExpiry, SubscriptionOptions};

use super::{GroupPromise, Ledger, Session};
use crate::checkers::Findings;
use crate::history::History;
use crate::message::{SHARED, shared};

impl Ledger {
    pub(super) fn will_published(
        &mut self,
        now: Instant,
        connection: ConnectionId,
        number: u32,
        history: &mut History,
        findings: &mut Findings,
    ) {
        self.counts.wills += 1;
        let live = self.sessions.iter_mut().find_map(|(client, session)| {
            let ends = session.ends_with_connection();
            Some((*client, ends, session.connection.as_mut().filter(|line| line.id == connection)?))
        });
        let (client, ending) = match live {
            Some((client, ends, line)) => {
                let ends = ends || self.connecting == Some((client, true));
                let will = line.will.take();
                let due = will.is_some_and(|will| will.number == number && (will.delay.is_zero() || ends))
                    && line.farewell != Some(ReasonCode::Success);
                findings.expect("wills", due, || format!("will n={number} of client {client} was not to be published"));
                (client, ends)
            }
            None => {
                // After a crash nobody knows the connection any more.
                let found = self.wills.iter().find(|(_, (_, will))| will.number == number);
                let Some((client, at)) = found.map(|(client, (at, _))| (*client, *at)) else {
                    return findings.report("wills", format!("will n={number} was published twice, or not to be"));
                };
                let session = self.sessions.get(&client);
                let ends = self.connecting == Some((client, true))
                    || session.is_none_or(|session| session.expires_at.is_some_and(|at| at <= now));
                findings.expect("wills", at <= now || ends, || {
                    format!("will n={number} of client {client} came too early")
                });
                self.wills.remove(&client);
                (client, ends)
            }
        };
        let message = history.message(number);
        let (topic, qos, retain) = (message.topic, message.qos, message.retain);
        self.route(now, topic, Some(number), qos, retain, Some(client), ending.then_some(client), history);
    }

    pub(super) fn ended(&mut self, now: Instant, connection: ConnectionId, findings: &mut Findings) {
        self.counts.ended += 1;
        let found = self.sessions.iter_mut().find_map(|(client, session)| {
            session.connection.take_if(|line| line.id == connection).map(|line| (*client, line, session))
        });
        let Some((client, line, session)) = found else {
            return findings.report("sessions", format!("connection {} ended and was not", connection.0));
        };
        self.silence = Some((now - line.heard, line.keep_alive));
        let anew = self.connecting == Some((client, true));
        session.expires_at = match session.expiry {
            SessionExpiry::After(time) => now.checked_add(time),
            SessionExpiry::Never => None,
        };
        let Some(will) = line.will.filter(|_| line.farewell != Some(ReasonCode::Success)) else { return };
        let resumed = self.connecting == Some((client, false)) && !session.ends_with_connection();
        if will.delay.is_zero() || session.ends_with_connection() || anew {
            findings.report("wills", format!("will n={} of client {client} was not published", will.number));
        } else if !resumed {
            let at = [Some(now + will.delay), session.expires_at].into_iter().flatten().min();
            self.wills.insert(client, (at.expect("a delay is not for ever"), will));
        }
    }

    pub(super) fn session_ended(
        &mut self,
        now: Instant,
        client: usize,
        history: &mut History,
        findings: &mut Findings,
    ) {
        let Some(session) = self.sessions.remove(&client) else {
            return findings.report("sessions", format!("client {client} had no session to end"));
        };
        let anew = self.connecting == Some((client, true));
        let due = anew || session.ends_with_connection() || session.expires_at.is_some_and(|at| at <= now);
        findings.expect("sessions", due && session.connection.is_none(), || {
            format!("the session of client {client} was to be kept")
        });
        self.counts.lost_in_flight += session.in_flight.len() as u64;
        if self.crashed {
            // What came through a shared subscription before a crash is its session's alone since.
            self.group_promises.retain(|promise| !promise.fragile);
        }
        for filter in session.subscriptions.into_keys().filter(|filter| shared(filter).is_some()) {
            history.leave(client, filter);
            self.dissolve(filter);
        }
        // What was on its way to a member with QoS 2 goes to nobody else `[MQTT-4.8.2-5]`, though it has left meanwhile.
        self.group_promises.retain(|GroupPromise { filter, promise, .. }| {
            history.message(promise.number).qos != QoS::ExactlyOnce
                || !history.memberships.contains_key(&(client, filter))
        });
    }

    /// The process was killed, and this is what was durable: every connection is lost now, and what ends with it is over.
    pub(crate) fn crash(&mut self, now: Instant, history: &mut History) {
        self.crashed = true;
        let fragile = |promise: &GroupPromise, sessions: &BTreeMap<usize, Session>| {
            let mut members = sessions.values().filter(|session| session.subscriptions.contains_key(promise.filter));
            promise.fragile || members.any(|session| !session.is_kept())
        };
        self.group_promises.retain(|promise| !fragile(promise, &self.sessions));
        self.group_promises.iter_mut().for_each(|promise| promise.fragile = true);
        let stays: Vec<(usize, &'static str)> = history.memberships.keys().copied().collect();
        stays.into_iter().for_each(|(client, filter)| history.leave(client, filter));
        for (client, session) in &mut self.sessions {
            let will = session.connection.take().and_then(|line| line.will);
            if session.is_kept() {
                session.expires_at = session.expires_at.or(match session.expiry {
                    SessionExpiry::After(time) => now.checked_add(time),
                    SessionExpiry::Never => None,
                });
            } else {
                // Nothing is left of it but its will.
                session.expires_at = Some(now);
                session.subscriptions.clear();
                session.promises.clear();
            }
            if let Some(will) = will {
                let at = session.expires_at.map_or(now + will.delay, |expires| expires.min(now + will.delay));
                self.wills.insert(*client, (at, will));
            }
            for (filter, terms) in session.subscriptions.iter().filter(|(filter, _)| shared(filter).is_some()) {
                let SubscriptionOptions { maximum_qos, retain_as_published, .. } = terms.options;
                history.join(*client, filter, maximum_qos, retain_as_published, terms.identifier);
            }
        }
        let wills = &self.wills;
        self.sessions.retain(|client, session| session.is_kept() || wills.contains_key(client));
        let filters: BTreeSet<&str> = SHARED.into_iter().collect();
        filters.into_iter().for_each(|filter| self.dissolve(filter));
    }
}
