//! How a broker goes on after a restart: sessions, what they wait for, retained messages and wills, back from records.
//!
//! No client is connected: what was a connection when the process ended is one that was lost now, with its will. What
//! fits nothing (its session or its message is missing, because a damaged part of the disk was set aside) is an
//! orphan: counted, and crossed out.
//! Invariant: what is restored makes the same records again, but for orphans and the time the last connections ended.

use std::sync::Arc;
use std::time::Instant;

use factree_auth::Principal;
use factree_mqtt::{PacketId, SessionExpiry, TopicFilter};
use hashbrown::HashMap;

use crate::broker::Broker;
use crate::holder::Holder;
use crate::identity::{ClientId, ConnectionId, SessionId};
use crate::outbound::InFlight;
use crate::publication::{Identifiers, Publication};
use crate::queue::Queued;
use crate::session::{Absent, Link, Session};
use crate::subscribing::weight;
use crate::subscriptions::{Target, Terms};
use crate::will::Will;
use crate::write::{DeliveryNumber, Key, MessageNumber, Record, SessionNumber, Write};

/// What was found in the records.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Restored {
    /// Kept sessions.
    pub sessions: usize,
    /// Their subscriptions.
    pub subscriptions: usize,
    /// QoS>0 deliveries that wait or are in flight.
    pub deliveries: usize,
    /// Retained messages.
    pub retained: usize,
    /// Wills that are due now or later.
    pub wills: usize,
    /// Records that fit nothing.
    pub orphans: usize,
}

/// Records that wait until the sessions are there.
#[derive(Default)]
struct Waiting {
    subscriptions: Vec<(SessionNumber, Box<str>, Terms)>,
    deliveries: Vec<(SessionNumber, DeliveryNumber, Record)>,
    received: Vec<(SessionNumber, PacketId)>,
    wills: Vec<(ClientId, Record)>,
}

/// A broker while its records are read.
struct Restoring<'b> {
    broker: &'b mut Broker,
    now: Instant,
    sessions: HashMap<SessionNumber, SessionId>,
    /// Connected when the process ended.
    connected: Vec<SessionId>,
    messages: HashMap<MessageNumber, Message>,
    orphans: Vec<Key>,
    restored: Restored,
}

struct Message {
    publication: Arc<Publication>,
    /// A delivery waits with it.
    wanted: bool,
}

impl Broker {
    /// Goes on from these records, of which no key comes twice, and writes down every change from now on:
    /// [`Broker::take_writes`]. Called once and before any input; without it nothing is written down.
    ///
    /// # Panics
    /// If there was input before.
    pub fn restore(&mut self, now: Instant, records: impl IntoIterator<Item = (Key, Record)>) -> Restored {
        assert!(self.sessions.len() == 0 && self.retained.len() == 0, "a broker is restored before it is used");
        let mut restoring = Restoring {
            broker: self,
            now,
            sessions: HashMap::new(),
            connected: Vec::new(),
            messages: HashMap::new(),
            orphans: Vec::new(),
            restored: Restored::default(),
        };
        let mut waiting = Waiting::default();
        for (key, record) in records {
            restoring.take(key, record, &mut waiting);
        }
        restoring.finish(waiting)
    }

    /// Takes the writes that were made since they were last taken, in their order, and says how many were ever made.
    /// None before [`Broker::restore`].
    pub fn take_writes(&mut self, into: &mut Vec<Write>) -> u64 {
        self.journal.take(into)
    }

    /// How many writes were ever made. What a client is told may depend on each of them: replies, and QoS 2
    /// deliveries, go out once that many are durable.
    pub fn writes_made(&self) -> u64 {
        self.journal.made()
    }

    /// Whether the session of a connection is written down, to outlive the process.
    pub fn is_kept(&self, connection: ConnectionId) -> bool {
        self.sessions.of_connection(connection).is_some_and(|id| self.sessions[id].number.is_some())
    }

    /// How many bytes of messages the writes hold that were not taken.
    pub fn written_bytes(&self) -> usize {
        self.journal.bytes()
    }

    /// While the disk is full, QoS>0 publications are refused with 0x97 Quota Exceeded.
    pub fn set_storage_full(&mut self, full: bool) {
        self.storage_full = full;
    }
}

impl Restoring<'_> {
    /// Takes in what stands for itself, and puts the rest where it waits for the sessions.
    fn take(&mut self, key: Key, record: Record, waiting: &mut Waiting) {
        match (key, record) {
            (Key::Session(number), Record::Session { client_id, expiry, absent_since, principal })
                if self.broker.sessions.of_client(client_id.as_str()).is_none() =>
            {
                self.restored.sessions += 1;
                let since = absent_since.unwrap_or(self.now);
                let id = self.session((client_id, principal), expiry, Some(number), Absent::kept(since, expiry));
                self.sessions.insert(number, id);
                if absent_since.is_none() {
                    self.connected.push(id);
                }
            }
            (Key::Subscription(session, filter), Record::Subscription { options, identifier }) => {
                waiting.subscriptions.push((session, filter, Terms { options, identifier }));
            }
            (Key::Message(number), Record::Publication(publication)) => {
                self.messages.insert(number, Message { publication, wanted: false });
            }
            (Key::Delivery(session, number), record @ (Record::Delivery { .. } | Record::Released(_))) => {
                waiting.deliveries.push((session, number, record));
            }
            (Key::Received(session, packet_id), Record::Received) => waiting.received.push((session, packet_id)),
            (Key::Will(client_id), record @ Record::Will { .. }) => waiting.wills.push((client_id, record)),
            (Key::Retained(_), Record::Publication(publication)) => {
                self.restored.retained += 1;
                self.broker.retained.keep(&publication);
            }
            (key, _) => self.orphans.push(key),
        }
    }

    fn finish(mut self, waiting: Waiting) -> Restored {
        let sessions = self.sessions.keys().map(|number| number.0.get()).max();
        let deliveries = waiting.deliveries.iter().map(|(_, number, _)| number.0.get()).max();
        let messages = self.messages.keys().map(|number| number.0.get()).max();
        let numbers = [sessions, deliveries, messages].map(Option::unwrap_or_default);
        self.broker.journal.open(numbers);
        for id in std::mem::take(&mut self.connected) {
            let session = &self.broker.sessions[id];
            self.broker.journal.session(session.number.expect("it has a record"), Some(session.record()));
        }
        for (session, filter, terms) in waiting.subscriptions {
            self.subscription(session, filter, terms);
        }
        self.deliveries(waiting.deliveries);
        for (session, packet_id) in waiting.received {
            match self.sessions.get(&session) {
                Some(id) => self.broker.sessions[*id].inbound.restore(packet_id),
                None => self.orphans.push(Key::Received(session, packet_id)),
            }
        }
        for (client_id, record) in waiting.wills {
            self.will(client_id, record);
        }
        let unwanted = self.messages.iter().filter(|(_, message)| !message.wanted);
        self.orphans.extend(unwanted.map(|(number, _)| Key::Message(*number)));
        self.restored.orphans = self.orphans.len();
        self.orphans.drain(..).for_each(|key| self.broker.journal.orphan(key));
        self.restored
    }

    fn session(
        &mut self,
        (client_id, principal): (ClientId, Principal),
        expiry: SessionExpiry,
        number: Option<SessionNumber>,
        absent: Absent,
    ) -> SessionId {
        let session = Session::restored(client_id, expiry, number, absent, Arc::new(Holder::known_by_name(principal)));
        let deadline = session.deadline();
        let id = self.broker.sessions.insert(session);
        self.broker.deadlines.set(id, deadline);
        id
    }

    fn subscription(&mut self, session: SessionNumber, filter: Box<str>, terms: Terms) {
        let parsed = TopicFilter::parse(&filter).ok();
        let (Some(id), Some(parsed)) = (self.sessions.get(&session), parsed) else {
            return self.orphans.push(Key::Subscription(session, filter));
        };
        self.restored.subscriptions += 1;
        self.broker.sessions[*id].subscriptions_weight += weight(parsed);
        let target = match parsed.share_name() {
            None => Some(Target::Session(*id)),
            Some(_) => self.broker.shared.join(*id, &filter, terms).map(Target::Group),
        };
        if let Some(target) = target {
            self.broker.subscriptions.subscribe(target, parsed.filter(), terms);
        }
    }

    /// What was in flight takes its packet ids again; the rest waits in the order of its numbers.
    fn deliveries(&mut self, mut records: Vec<(SessionNumber, DeliveryNumber, Record)>) {
        records.sort_unstable_by_key(|(session, number, _)| (*session, *number));
        let mut in_flight: HashMap<SessionId, Vec<InFlight>> = HashMap::new();
        for (session, number, record) in records {
            let Some(id) = self.sessions.get(&session).copied() else {
                self.orphans.push(Key::Delivery(session, number));
                continue;
            };
            match record {
                Record::Released(packet_id) => {
                    in_flight.entry(id).or_default().push(InFlight::released(packet_id, number));
                }
                Record::Delivery { message, qos, retain, identifiers, sent_as } => {
                    let Some(found) = self.messages.get_mut(&message) else {
                        self.orphans.push(Key::Delivery(session, number));
                        continue;
                    };
                    found.wanted = true;
                    let publication = found.publication.clone();
                    self.broker.journal.restored(&publication, message);
                    let identifiers = Identifiers::from(&identifiers);
                    // Whatever group it came through: after a restart it is this session's.
                    let queued = Queued { publication, identifiers, group: None, number: Some(number), qos, retain };
                    match sent_as {
                        Some(packet_id) => in_flight.entry(id).or_default().push(InFlight::sent(packet_id, queued)),
                        None => self.broker.sessions[id].queue.push(queued),
                    }
                }
                _ => unreachable!("only these two were put here"),
            }
            self.restored.deliveries += 1;
        }
        for (id, in_flight) in in_flight {
            let session = &mut self.broker.sessions[id];
            for queued in session.outbound.restore(in_flight) {
                session.queue.push(queued);
            }
        }
    }

    /// A will that was due is due; one of a connection is due as if the connection had been lost now. If its session ended
    /// with the connection, one without connection takes its place, and ends at once.
    fn will(&mut self, client_id: ClientId, record: Record) {
        let Record::Will { publication, delay, due, principal } = record else {
            unreachable!("only wills were put here")
        };
        let will = Will::restored(delay, publication);
        self.restored.wills += 1;
        let Some(id) = self.broker.sessions.of_client(client_id.as_str()) else {
            let absent = Absent { since: self.now, expires: Some(self.now), will: Some((self.now, will)) };
            self.session((client_id, principal), SessionExpiry::ENDS_WITH_CONNECTION, None, absent);
            return;
        };
        let at = due.or_else(|| self.now.checked_add(delay));
        let Some(at) = at else { return };
        if due.is_none() {
            let holder = self.broker.sessions[id].holder();
            self.broker.journal.will((&client_id, holder), &will, Some(at));
        }
        let session = &mut self.broker.sessions[id];
        if let Link::Absent(absent) = &mut session.link {
            absent.will = Some((at, will));
        }
        self.broker.deadlines.set(id, session.deadline());
    }
}
