//! One client's session: what outlives its network connection, and the connection while there is one.
//!
//! ```text
//!             CONNECT                    connection ends, session kept
//!  (none) ──────────────► Connected ───────────────────────────────────► Absent ──── expiry ───► (none)
//!                           ▲  │ connection ends, session not kept            │
//!                           │  └──────────────────────────────► (none)        │ CONNECT, no clean start
//!                           └─────────────────────────────────────────────────┘
//! ```
//! Knows nothing of other sessions, of subscriptions or of who routes to it.
//! Invariant: what has no meaning while absent (window, keep-alive, wake) is in [`Connected`] and nowhere else.

use std::borrow::Cow;
use std::num::{NonZeroU16, NonZeroU32};
use std::sync::Arc;
use std::time::{Duration, Instant};

use factree_mqtt::{
    Acknowledgement, Disconnect, Handshake, Packet, PacketId, ProtocolVersion, QoS, ReasonCode, SessionExpiry,
    TopicName, encoded_len,
};

use crate::delivery::{Delivery, More};
use crate::holder::{Holder, Right, Subject};
use crate::identity::{ClientId, ConnectionId};
use crate::inbound::{Inbound, Received};
use crate::journal::{Finished, Journal};
use crate::limits::Limits;
use crate::outbound::{Outbound, Window};
use crate::output::Output;
use crate::publication::Publication;
use crate::queue::{Queue, Queued};
use crate::stats::Stats;
use crate::takeovers::Takeovers;
use crate::will::Will;
use crate::write::{Record, SessionNumber};

#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) client_id: ClientId,
    pub(crate) expiry: SessionExpiry,
    /// What the journal knows it by, if it outlives its connection.
    pub(crate) number: Option<SessionNumber>,
    pub(crate) link: Link,
    holder: Arc<Holder>,
    /// As its holder says; beside it, because it is asked for each delivery.
    is_restricted: bool,
    pub(crate) inbound: Inbound,
    pub(crate) outbound: Outbound,
    pub(crate) queue: Queue,
    /// The queue was full and somebody was told; until it is empty again nobody is told twice.
    told_full: bool,
    pub(crate) published: u64,
    pub(crate) delivered: u64,
    pub(crate) dropped: u64,
}

#[derive(Debug)]
pub(crate) enum Link {
    Connected(Connected),
    Absent(Absent),
}

#[derive(Debug)]
pub(crate) struct Connected {
    pub(crate) connection: ConnectionId,
    pub(crate) version: ProtocolVersion,
    pub(crate) keep_alive: Duration,
    pub(crate) last_packet: Instant,
    pub(crate) window: NonZeroU16,
    pub(crate) maximum_packet_size: Option<NonZeroU32>,
    pub(crate) will: Option<Will>,
    /// The driver was told that deliveries wait and has not taken them.
    pub(crate) woken: bool,
    /// Whether the client wants reason strings elsewhere than in CONNACK and DISCONNECT.
    pub(crate) wants_reasons: bool,
    /// A publication of this connection was refused and somebody was told.
    pub(crate) told_refused: bool,
    /// The same of a subscription.
    pub(crate) told_not_subscribed: bool,
    /// How often this client id's connections took each other over, up to this one.
    pub(crate) takeovers: Takeovers,
}

#[derive(Debug)]
pub(crate) struct Absent {
    pub(crate) since: Instant,
    /// `None`: kept for ever.
    pub(crate) expires: Option<Instant>,
    pub(crate) will: Option<(Instant, Will)>,
}

/// What became of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Offered {
    /// It waits, and the driver knows that something does.
    Waits,
    /// It waits, and the driver must be told.
    Wake(ConnectionId),
    /// Discarded by policy; `first` since the queue was last empty.
    Dropped { first: bool },
    /// QoS>0 and a connected client that does not keep up.
    Overrun,
}

impl Connected {
    /// How much may be in flight to it.
    fn window(&self, limits: &Limits) -> Window {
        Window { len: self.window.get().into(), bytes: limits.queue_bytes_max }
    }

    /// When the client is taken for dead `[MQTT-3.1.2-22]`. `None` beyond the end of time.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.last_packet.checked_add(self.keep_alive * 3 / 2)
    }

    /// The last word to this client, without the explanation if it is too much for it `[MQTT-3.14.2-3]`.
    pub(crate) fn farewell(&self, reason: ReasonCode, why: &'static str) -> Output {
        let disconnect = Disconnect { reason_string: Some(why), ..Disconnect::new(reason) };
        let said = disconnect.within(self.version, self.maximum_packet_size);
        Output::Close {
            connection: self.connection,
            reason: said.is_some().then_some(reason),
            reason_string: said.and_then(|said| said.reason_string).and(Some(Cow::Borrowed(why))),
        }
    }
}

impl Connected {
    /// What a PUBACK or PUBREC of that reason explains to this client: nothing, if it does not want to know
    /// `[MQTT-3.1.2-29]` or cannot take it `[MQTT-3.4.2-2]`, `[MQTT-3.5.2-2]`.
    pub(crate) fn explain(&self, packet_id: PacketId, reason: ReasonCode, why: &str) -> Option<Box<str>> {
        let explained = Acknowledgement { reason_string: Some(why), ..Acknowledgement::with_reason(packet_id, reason) };
        let len = encoded_len(self.version, &Packet::PubAck(explained));
        let fits = self.maximum_packet_size.is_none_or(|maximum| len <= maximum.get() as usize);
        (self.wants_reasons && fits).then(|| why.into())
    }
}

impl Absent {
    /// Without a connection since then, and without a will.
    pub(crate) fn kept(since: Instant, expiry: SessionExpiry) -> Self {
        let expires = match expiry {
            SessionExpiry::After(time) => since.checked_add(time),
            SessionExpiry::Never => None,
        };
        Absent { since, expires, will: None }
    }

    pub(crate) fn deadline(&self) -> Option<Instant> {
        let will = self.will.as_ref().map(|(at, _)| *at);
        [self.expires, will].into_iter().flatten().min()
    }

    pub(crate) fn is_expired(&self, now: Instant) -> bool {
        self.expires.is_some_and(|at| at <= now)
    }
}

impl Session {
    pub(crate) fn new(client_id: ClientId, link: Connected, holder: Arc<Holder>) -> Self {
        Session::begin(client_id, SessionExpiry::ENDS_WITH_CONNECTION, None, Link::Connected(link), holder)
    }

    /// Back from its record, without what belongs to it.
    pub(crate) fn restored(
        client_id: ClientId,
        expiry: SessionExpiry,
        number: Option<SessionNumber>,
        absent: Absent,
        holder: Arc<Holder>,
    ) -> Self {
        Session::begin(client_id, expiry, number, Link::Absent(absent), holder)
    }

    fn begin(
        client_id: ClientId,
        expiry: SessionExpiry,
        number: Option<SessionNumber>,
        link: Link,
        holder: Arc<Holder>,
    ) -> Self {
        Session {
            is_restricted: !holder.is_unrestricted(),
            holder,
            client_id,
            expiry,
            number,
            link,
            inbound: Inbound::default(),
            outbound: Outbound::default(),
            queue: Queue::default(),
            told_full: false,
            published: 0,
            delivered: 0,
            dropped: 0,
        }
    }

    /// Whose it is.
    pub(crate) fn holder(&self) -> &Arc<Holder> {
        &self.holder
    }

    /// Whether its holder may not do everything.
    #[inline]
    pub(crate) fn is_restricted(&self) -> bool {
        self.is_restricted
    }

    /// To be called by the table of sessions, which counts.
    pub(crate) fn replace_holder(&mut self, holder: Arc<Holder>) -> Arc<Holder> {
        self.is_restricted = !holder.is_unrestricted();
        std::mem::replace(&mut self.holder, holder)
    }

    /// Whether its client may publish to a topic.
    #[inline]
    pub(crate) fn may_publish(&self, topic: TopicName<'_>, right: Right<'_>) -> bool {
        match right {
            Right::Denied => false,
            Right::GrantedTo(holder) if Arc::ptr_eq(&self.holder, holder) => true,
            Right::GrantedTo(_) | Right::Unasked => !self.is_restricted || self.holder.may_publish(topic),
        }
    }

    /// Whether a delivery may come here.
    #[inline]
    pub(crate) fn may_receive(&self, subject: &Subject<'_>) -> bool {
        !self.is_restricted || self.holder.may_receive(subject)
    }

    pub(crate) fn connected(&self) -> Option<&Connected> {
        match &self.link {
            Link::Connected(connected) => Some(connected),
            Link::Absent(_) => None,
        }
    }

    pub(crate) fn connected_mut(&mut self) -> Option<&mut Connected> {
        match &mut self.link {
            Link::Connected(connected) => Some(connected),
            Link::Absent(_) => None,
        }
    }

    /// Whether the session is over when its connection is.
    pub(crate) fn ends_with_connection(&self) -> bool {
        self.expiry == SessionExpiry::ENDS_WITH_CONNECTION
    }

    /// What is recorded of it.
    pub(crate) fn record(&self) -> Record {
        let absent_since = match &self.link {
            Link::Connected(_) => None,
            Link::Absent(absent) => Some(absent.since),
        };
        let principal = self.holder.principal().clone();
        Record::Session { client_id: self.client_id.clone(), expiry: self.expiry, absent_since, principal }
    }

    /// Everything that waits or is in flight loses its number; what the journal has to cross out.
    pub(crate) fn take_numbers(&mut self, mut each: impl FnMut(&Finished)) {
        self.queue.take_numbers(&mut each);
        self.outbound.take_numbers(&mut each);
    }

    /// The instant at which this session wants to be looked at.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        match &self.link {
            Link::Connected(connected) => connected.deadline(),
            Link::Absent(absent) => absent.deadline(),
        }
    }

    /// A PUBLISH came: what is it?
    pub(crate) fn receive(&mut self, handshake: Handshake, limits: &Limits) -> Received {
        self.published += 1;
        // 3.1.1 knows no Receive Maximum, so it cannot be held to one.
        let told = self.connected().is_some_and(|connected| connected.version == ProtocolVersion::V5);
        self.inbound.receive(handshake, told.then_some(limits.receive_maximum))
    }

    /// Whether a member of a shared subscription would take this one now.
    pub(crate) fn is_ready_for(&self, publication: &Publication, limits: &Limits) -> bool {
        self.connected().is_some() && !self.queue.is_full_for(publication.bytes(), limits)
    }

    /// Puts a delivery in the queue, or says which policy it fell under.
    pub(crate) fn offer(
        &mut self,
        mut queued: Queued,
        limits: &Limits,
        stats: &mut Stats,
        journal: &mut Journal,
    ) -> Offered {
        let bytes = queued.bytes();
        let (full, behind) = (self.queue.is_full_for(bytes, limits), self.queue.is_behind(bytes, limits));
        match &mut self.link {
            Link::Connected(_) if full && queued.qos != QoS::AtMostOnce => {
                stats.dropped_overrun += 1;
                self.dropped += 1;
                return Offered::Overrun;
            }
            Link::Connected(_) if full => {
                stats.dropped_slow += 1;
                return self.drop_one();
            }
            Link::Absent(_) if queued.qos == QoS::AtMostOnce => {
                stats.dropped_absent += 1;
                self.dropped += 1;
                return Offered::Dropped { first: false };
            }
            Link::Absent(_) if full => {
                stats.dropped_queue_full += 1;
                return self.drop_one();
            }
            Link::Connected(_) => stats.queued_behind += u64::from(behind),
            Link::Absent(_) => {}
        }
        stats.queued += 1;
        journal.wait(self.number, &mut queued);
        self.queue.push(queued);
        match self.wake(limits) {
            Some(connection) => Offered::Wake(connection),
            None => Offered::Waits,
        }
    }

    /// Takes out what waits or would be sent again, and is denied. Of what is in flight only QoS 1 keeps its group, since QoS 2
    /// must not go to another member `[MQTT-4.8.2-5]`.
    pub(crate) fn take_denied(&mut self, is_denied: impl Fn(&Publication) -> bool) -> Vec<Queued> {
        let mut denied = self.outbound.take_denied(&is_denied);
        for queued in &mut denied {
            queued.group = queued.group.filter(|_| queued.qos == QoS::AtLeastOnce);
        }
        denied.append(&mut self.queue.take_denied(is_denied));
        self.dropped += denied.len() as u64;
        denied
    }

    fn drop_one(&mut self) -> Offered {
        self.dropped += 1;
        Offered::Dropped { first: !std::mem::replace(&mut self.told_full, true) }
    }

    /// The connection to wake: something can go, and its driver does not know.
    pub(crate) fn wake(&mut self, limits: &Limits) -> Option<ConnectionId> {
        let Link::Connected(connected) = &mut self.link else { return None };
        if connected.woken || !can_go(&self.queue, &self.outbound, connected.window(limits)) {
            return None;
        }
        connected.woken = true;
        Some(connected.connection)
    }

    /// Moves deliveries out until `bytes_max` is reached or nothing more can go.
    pub(crate) fn take(
        &mut self,
        now: Instant,
        bytes_max: usize,
        into: &mut Vec<Delivery>,
        limits: &Limits,
        (stats, journal): (&mut Stats, &mut Journal),
    ) -> More {
        let Link::Connected(connected) = &mut self.link else { return More::No };
        let window = connected.window(limits);
        let mut bytes = 0;
        while bytes < bytes_max {
            let from = Source { queue: &mut self.queue, outbound: &mut self.outbound, number: self.number };
            let Some(delivery) = next(now, from, window, stats, journal) else { break };
            // Exact where it decides, near enough where it only paces.
            if let Some(maximum) = connected.maximum_packet_size {
                let len = delivery.encoded_len(connected.version);
                if len > maximum.get() as usize {
                    // As if it had been sent and acknowledged `[MQTT-3.1.2-25]`.
                    let finished = self.outbound.abandon(delivery.handshake);
                    journal.delivery_ended(self.number, &finished);
                    stats.dropped_too_large += 1;
                    self.dropped += 1;
                    continue;
                }
            }
            bytes += delivery.publication.bytes() + delivery.identifiers.bytes() + 8;
            stats.delivered += 1;
            stats.delivered_bytes += delivery.publication.payload().len() as u64;
            stats.redelivered += u64::from(delivery.dup);
            self.delivered += 1;
            into.push(delivery);
        }
        if self.queue.is_empty() {
            self.told_full = false;
        }
        if can_go(&self.queue, &self.outbound, window) {
            return More::Yes;
        }
        connected.woken = false;
        More::No
    }
}

/// Where deliveries come from.
struct Source<'s> {
    queue: &'s mut Queue,
    outbound: &'s mut Outbound,
    number: Option<SessionNumber>,
}

/// Whether there is something to deliver that the window lets through.
fn can_go(queue: &Queue, outbound: &Outbound, window: Window) -> bool {
    if outbound.has_redelivery(window.len) {
        return true;
    }
    match queue.front() {
        Some((_, QoS::AtMostOnce)) => outbound.is_resent(),
        Some(_) => outbound.has_room(window),
        None => false,
    }
}

/// What goes next: redeliveries, then the queue in its order. A QoS 0 behind a QoS>0 that has to wait waits too, so
/// that one order holds for all (section 4.9 leaves it to us).
#[inline]
fn next(
    now: Instant,
    Source { queue, outbound, number }: Source<'_>,
    window: Window,
    stats: &mut Stats,
    journal: &mut Journal,
) -> Option<Delivery> {
    if !outbound.is_resent()
        && let Some((handshake, queued)) = outbound.redeliver(window.len)
    {
        let message_expiry = queued.publication.remaining_expiry(now);
        return Some(Delivery {
            publication: queued.publication,
            identifiers: queued.identifiers,
            message_expiry,
            handshake,
            dup: true,
            retain: queued.retain,
        });
    }
    loop {
        let (publication, qos) = queue.front()?;
        if publication.is_expired(now) {
            let expired = queue.pop().expect("it has a front");
            journal.delivery_ended(number, &expired.finished());
            stats.expired += 1;
            continue;
        }
        let may_go = if qos == QoS::AtMostOnce { outbound.is_resent() } else { outbound.has_room(window) };
        if !may_go {
            return None;
        }
        let handshake = match qos {
            QoS::AtMostOnce => Handshake::AtMostOnce,
            QoS::AtLeastOnce | QoS::ExactlyOnce => outbound.next_handshake(qos),
        };
        let queued = queue.pop().expect("it has a front");
        // QoS 0 is moved out; what has to be acknowledged stays, and a copy of it goes.
        if qos != QoS::AtMostOnce {
            if let Some(session) = number {
                journal.delivery(session, &queued, handshake.packet_id());
            }
            outbound.push(queued.clone());
        }
        return Some(Delivery {
            message_expiry: queued.publication.remaining_expiry(now),
            publication: queued.publication,
            identifiers: queued.identifiers,
            handshake,
            dup: false,
            retain: queued.retain,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_idle_session_and_a_queued_delivery_stay_small() {
        // Bytes that every idle client costs (and as much again in tables and its id), and each delivery that waits.
        assert!(size_of::<Session>() <= 456);
        assert!(size_of::<Queued>() <= 48);
        assert!(size_of::<Delivery>() <= 48);
    }
}
