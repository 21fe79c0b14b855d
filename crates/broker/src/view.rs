//! Looking at a broker from outside: figures, sessions, deliveries.
//!
//! What the driver and an API ask for; nothing here routes or decides.
//! Invariant: but for taking deliveries, looking changes nothing.

use std::sync::Arc;
use std::time::{Duration, Instant};

use factree_auth::Principal;
use factree_mqtt::{ProtocolVersion, SessionExpiry, SubscriptionOptions, TopicName};

use crate::broker::Broker;
use crate::delivery::{Delivery, More};
use crate::identity::{ClientId, ConnectionId, SessionId};
use crate::limits::Limits;
use crate::publication::Publication;
use crate::session::Session;
use crate::stats::Stats;
use crate::subscriptions::Target;

/// Sessions that one slice of [`Broker::client_ids`] looks at.
const SLICE_LEN: usize = 1024;

/// One session, as it is now.
#[derive(Clone, Debug)]
pub struct SessionView<'a> {
    /// Whose.
    pub client_id: &'a ClientId,
    /// Whose it is.
    pub principal: &'a Principal,
    /// Over which connection, if the client is connected.
    pub connection: Option<ConnectionId>,
    /// In which version, if the client is connected.
    pub version: Option<ProtocolVersion>,
    /// How often the client says that it is there, if it is connected.
    pub keep_alive: Option<Duration>,
    /// When something was last heard, if it is connected.
    pub last_packet: Option<Instant>,
    /// How long it outlives its connection.
    pub session_expiry: SessionExpiry,
    /// Subscriptions, shared ones included.
    pub subscriptions: usize,
    /// Deliveries that wait.
    pub queue_len: usize,
    /// Live ones among them, in bytes of topic and payload.
    pub queue_bytes: usize,
    /// QoS>0 deliveries that were sent and not acknowledged.
    pub in_flight: usize,
    /// PUBLISH packets from this client in this session.
    pub published: u64,
    /// Deliveries to this client in this session, redeliveries included.
    pub delivered: u64,
    /// Deliveries that were discarded by policy.
    pub dropped: u64,
}

impl Broker {
    /// Moves deliveries to `connection` out of its session's queue, until `bytes_max` bytes (about; topic, payload and
    /// a little) are reached or nothing more can go: packet ids are given, the Receive Maximum `[MQTT-3.3.4-9]`, the
    /// Maximum Packet Size `[MQTT-3.1.2-24]` and message expiry are kept. Nothing for a connection that is over.
    /// `bytes_max` is at least 1, or nothing ever goes.
    pub fn take_deliveries(
        &mut self,
        now: Instant,
        connection: ConnectionId,
        bytes_max: usize,
        into: &mut Vec<Delivery>,
    ) -> More {
        let Some(id) = self.sessions.of_connection(connection) else { return More::No };
        self.sessions[id].take(now, bytes_max, into, &self.limits, (&mut self.stats, &mut self.journal))
    }

    /// The next instant at which [`Input::Tick`](crate::Input::Tick) does something: keep-alive, will delay, session
    /// and message expiry. May turn out too early, never too late.
    pub fn next_deadline(&self) -> Option<Instant> {
        [self.deadlines.next(), self.retained.next_expiry()].into_iter().flatten().min()
    }

    /// A number nobody else knows, from which the client ids are made that clients without one are given. Without it
    /// they can be guessed, and repeat after a restart.
    pub fn seed_client_ids(&mut self, seed: u64) {
        self.client_ids.seed = seed;
    }

    /// The version a connection speaks; `None` once it is over.
    pub fn version(&self, connection: ConnectionId) -> Option<ProtocolVersion> {
        let id = self.sessions.of_connection(connection)?;
        self.sessions[id].connected().map(|connected| connected.version)
    }

    /// The limits it was made with.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// What has been counted.
    pub fn stats(&self) -> &Stats {
        &self.stats
    }

    /// How many sessions there are, kept ones included.
    pub fn sessions_len(&self) -> usize {
        self.sessions.len()
    }

    /// How many clients are connected.
    pub fn connections_len(&self) -> usize {
        self.sessions.connected_len()
    }

    /// How many retained messages there are.
    pub fn retained_len(&self) -> usize {
        self.retained.len()
    }

    /// The same in bytes of topic, payload and properties.
    pub fn retained_bytes(&self) -> usize {
        self.retained.bytes()
    }

    /// The retained message of a topic.
    pub fn retained(&self, topic: TopicName<'_>) -> Option<&Arc<Publication>> {
        self.retained.get(topic)
    }

    /// Every session, in no order.
    pub fn sessions(&self) -> impl Iterator<Item = SessionView<'_>> {
        self.sessions.iter().map(|(id, session)| self.view(id, session))
    }

    /// Shows `each` the client ids of a slice of the sessions, in no order. `from` is 0 for the first slice and then what the
    /// last call returned, until that is `None`; the driver lets others in between. Who comes or goes meanwhile is shown
    /// once, twice or not at all.
    pub fn client_ids(&self, from: usize, each: impl FnMut(&ClientId)) -> Option<usize> {
        let upto = from.saturating_add(SLICE_LEN);
        self.sessions.slice(from..upto).map(|session| &session.client_id).for_each(each);
        (upto < self.sessions.places_len()).then_some(upto)
    }

    /// The session of a client.
    pub fn session(&self, client_id: &str) -> Option<SessionView<'_>> {
        let id = self.sessions.of_client(client_id)?;
        Some(self.view(id, &self.sessions[id]))
    }

    /// The subscriptions of a client, shared ones included, in no order.
    pub fn subscriptions(&self, client_id: &str) -> impl Iterator<Item = (&str, SubscriptionOptions)> {
        let own = self.sessions.of_client(client_id).into_iter().flat_map(|id| {
            let plain = self.subscriptions.of(Target::Session(id));
            plain.chain(self.shared.of(id))
        });
        own.map(|(filter, terms)| (filter, terms.options))
    }

    pub(crate) fn subscriptions_of(&self, id: SessionId) -> usize {
        self.subscriptions.len_of(Target::Session(id)) + self.shared.len_of(id)
    }

    fn view<'a>(&'a self, id: SessionId, session: &'a Session) -> SessionView<'a> {
        let connected = session.connected();
        SessionView {
            client_id: &session.client_id,
            principal: session.holder().principal(),
            connection: connected.map(|connected| connected.connection),
            version: connected.map(|connected| connected.version),
            keep_alive: connected.map(|connected| connected.keep_alive),
            last_packet: connected.map(|connected| connected.last_packet),
            session_expiry: session.expiry,
            subscriptions: self.subscriptions_of(id),
            queue_len: session.queue.len(),
            queue_bytes: session.queue.bytes(),
            in_flight: session.outbound.len(),
            published: session.published,
            delivered: session.delivered,
            dropped: session.dropped,
        }
    }
}
