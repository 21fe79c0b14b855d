//! The broker's clients, told to whoever asks over HTTP, and disconnected if somebody wants that.
//!
//! A page is found in two passes: the client ids a slice of the sessions at a time, of which only the page is kept, and
//! then the sessions of the page, a few at a time. The core lock is let go in between, so publishers wait for neither.
//! Invariant: a page costs memory for itself, however many sessions there are.

use std::collections::BTreeSet;
use std::time::Instant;

use factree_broker::{ClientId, ConnectionId, Input, Lost, SessionView};
use factree_http::{
    ClientConnection, ClientReport, Clients, Disconnected, SUBSCRIPTIONS_SHOWN_MAX, SubscriptionReport,
};
use factree_ingest::Now;
use factree_mqtt::{ProtocolVersion, ReasonCode, SessionExpiry};
use factree_namespace::Timestamp;

use super::{Answer, Closer, Closing, Core, Hub, now};

/// Sessions that are copied under one lock.
const COPIED_AT_ONCE: usize = 64;

impl Clients for Hub {
    fn page(&self, after: Option<&str>, limit: usize) -> Vec<ClientReport> {
        let ids: Vec<ClientId> = self.client_ids(after, limit).into_iter().collect();
        let mut reports = Vec::with_capacity(ids.len());
        for some in ids.chunks(COPIED_AT_ONCE) {
            let (core, now) = (self.core(), now());
            // Who has gone since is left out.
            reports.extend(some.iter().filter_map(|id| core.client(id.as_str(), now)));
        }
        reports
    }

    fn one(&self, client_id: &str) -> Option<ClientReport> {
        let core = self.core();
        let mut report = core.client(client_id, now())?;
        let subscriptions = core.broker.subscriptions(client_id).take(SUBSCRIPTIONS_SHOWN_MAX);
        let told = |(filter, options): (&str, factree_mqtt::SubscriptionOptions)| SubscriptionReport {
            filter: filter.to_owned(),
            qos: options.maximum_qos as u8,
        };
        report.subscriptions = Some(subscriptions.map(told).collect());
        Some(report)
    }

    fn disconnect(&self, client_id: &str, with_session: bool) -> Disconnected {
        let mut become_of = Disconnected::Unknown;
        let _: Answer = self.visit(None, Box::default(), &mut Vec::new(), |visit| {
            let Some(session) = visit.core.broker.session(client_id) else { return };
            let (connection, principal) = (session.connection, session.principal.to_string());
            let reason = ReasonCode::AdministrativeAction;
            if let Some(mailbox) = connection.and_then(|connection| visit.core.mailboxes.get(&connection)) {
                mailbox.close(Closing { reason: Some(reason), reason_string: None, by: Closer::Broker });
            }
            become_of = match connection {
                Some(connection) if !with_session => {
                    visit.handle(Input::Lost { connection, cause: Lost::GivenUp(reason) }, None);
                    Disconnected::Done
                }
                Some(_) | None => {
                    visit.handle(Input::EndSession { client_id }, None);
                    Disconnected::SessionEnded { principal }
                }
            };
        });
        become_of
    }
}

impl Hub {
    /// The first `limit` client ids behind `after`.
    fn client_ids(&self, after: Option<&str>, limit: usize) -> BTreeSet<ClientId> {
        let (mut page, mut from) = (BTreeSet::<ClientId>::new(), Some(0));
        while let Some(slice) = from {
            from = self.core().broker.client_ids(slice, |id| {
                let is_behind = after.is_none_or(|after| id.as_str() > after);
                let has_room = page.len() < limit || page.last().is_some_and(|last| id < last);
                if is_behind && has_room && page.insert(id.clone()) && page.len() > limit {
                    page.pop_last();
                }
            });
        }
        page
    }
}

impl Core {
    fn client(&self, client_id: &str, now: Now) -> Option<ClientReport> {
        let session = self.broker.session(client_id)?;
        Some(ClientReport {
            client_id: client_id.to_owned(),
            principal: session.principal.to_string(),
            connection: session.connection.and_then(|connection| self.connection(connection, &session, now)),
            session_expiry: match session.session_expiry {
                SessionExpiry::After(time) => Some(time),
                SessionExpiry::Never => None,
            },
            subscriptions_len: session.subscriptions,
            subscriptions: None,
            queue_len: session.queue_len,
            queue_bytes: session.queue_bytes,
            in_flight: session.in_flight,
            published: session.published,
            delivered: session.delivered,
            dropped: session.dropped,
        })
    }

    fn connection(&self, connection: ConnectionId, session: &SessionView<'_>, now: Now) -> Option<ClientConnection> {
        let mailbox = self.mailboxes.get(&connection)?;
        Some(ClientConnection {
            number: connection.0,
            version: match session.version? {
                ProtocolVersion::V311 => "3.1.1",
                ProtocolVersion::V5 => "5.0",
            },
            address: mailbox.peer,
            username: mailbox.username().map(String::from),
            since: mailbox.since,
            last_packet: at(session.last_packet?, now),
            keep_alive: session.keep_alive?,
        })
    }
}

/// When by the calendar an instant was.
fn at(instant: Instant, now: Now) -> Timestamp {
    let ago = now.instant.saturating_duration_since(instant).as_millis();
    Timestamp(now.wall.0.saturating_sub(u64::try_from(ago).unwrap_or(u64::MAX)))
}
