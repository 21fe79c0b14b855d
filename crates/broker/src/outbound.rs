//! The sending half of the handshakes: QoS 1 and 2 deliveries that a client has not acknowledged yet.
//!
//! Packet ids are given in sequence, so an id's place in the ring is a subtraction: no search, no table of used ids,
//! and redelivery in the original order `[MQTT-4.6.0-1]` is a walk. A place that is acknowledged early stays as a gap
//! until the ones before it are; a client that never acknowledges the oldest stops itself after 65,535 others.
//! Invariant: `unacknowledged` counts what was sent over this connection, PUBLISH or PUBREL, and not answered finally;
//! no PUBLISH goes while it is as large as the window. `bytes` is the sum over all that is [`Place::Sent`].

use std::collections::VecDeque;

use factree_mqtt::{Handshake, PacketId, QoS};

use crate::journal::Finished;
use crate::publication::Publication;
use crate::queue::Queued;
use crate::write::DeliveryNumber;

/// As many as there are packet ids.
const RING_MAX: usize = 65_535;

#[derive(Debug)]
enum Place {
    /// Acknowledged, waits only for the ones before it.
    Gap,
    /// A PUBLISH was sent and waits for PUBACK or PUBREC, as its QoS says.
    Sent(Queued),
    /// PUBREC came, PUBREL was sent and waits for PUBCOMP. The message itself is not needed any more.
    Released(Option<DeliveryNumber>),
}

/// A delivery that was in flight before a restart.
#[derive(Debug)]
pub(crate) struct InFlight {
    packet_id: PacketId,
    place: Place,
}

impl InFlight {
    /// It waits for PUBACK or PUBREC.
    pub(crate) fn sent(packet_id: PacketId, queued: Queued) -> Self {
        InFlight { packet_id, place: Place::Sent(queued) }
    }

    /// It waits for PUBCOMP.
    pub(crate) fn released(packet_id: PacketId, number: DeliveryNumber) -> Self {
        InFlight { packet_id, place: Place::Released(Some(number)) }
    }
}

impl Place {
    /// What it holds.
    fn bytes(&self) -> usize {
        match self {
            Place::Sent(queued) => queued.bytes(),
            Place::Gap | Place::Released(_) => 0,
        }
    }

    /// Its message, if it still waits with one.
    fn into_queued(self) -> Option<Queued> {
        match self {
            Place::Sent(queued) => Some(queued),
            Place::Gap | Place::Released(_) => None,
        }
    }

    /// What it held and needs no more.
    fn finished(self) -> Finished {
        match self {
            Place::Gap => Finished::default(),
            Place::Sent(queued) => queued.finished(),
            Place::Released(number) => Finished { number, publication: None },
        }
    }
}

#[derive(Debug, Default)]
pub(crate) struct Outbound {
    ring: VecDeque<Place>,
    /// The packet id of the ring's first place, minus one.
    first: u16,
    /// Places from here on were sent over an earlier connection and not yet over this one.
    resend_at: usize,
    /// Sent over this connection.
    unacknowledged: usize,
    /// Of all that is held until its acknowledgement comes.
    bytes: usize,
}

/// How much may be in flight.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Window {
    /// Deliveries, by the client's Receive Maximum `[MQTT-3.3.4-9]` and by our limit.
    pub(crate) len: usize,
    /// From so many bytes on nothing is added.
    pub(crate) bytes: usize,
}

/// What an acknowledgement did.
#[derive(Debug)]
pub(crate) enum Acknowledged {
    /// It was expected, and ends the delivery or, for PUBREC, the need of its message.
    Yes(Finished),
    /// It has been answered before: PUBREC again.
    Again,
    /// No such packet id in flight.
    Unknown,
    /// It is in flight, but this packet is not the answer to it.
    Mismatch,
}

impl Outbound {
    /// How many deliveries are not acknowledged.
    pub(crate) fn len(&self) -> usize {
        self.ring.iter().filter(|place| !matches!(place, Place::Gap)).count()
    }

    /// Whether all that has to be sent again over this connection was.
    pub(crate) fn is_resent(&self) -> bool {
        self.resend_at == self.ring.len()
    }

    /// Whether a new delivery may go.
    pub(crate) fn has_room(&self, window: Window) -> bool {
        let is_within = self.unacknowledged < window.len && self.bytes < window.bytes;
        self.is_resent() && is_within && self.ring.len() < RING_MAX
    }

    /// Whether a redelivery may go.
    pub(crate) fn has_redelivery(&self, window: usize) -> bool {
        self.resend_at < self.ring.len() && self.unacknowledged < window
    }

    /// The packet id the next delivery gets.
    pub(crate) fn next_handshake(&self, qos: QoS) -> Handshake {
        Self::handshake(qos, self.packet_id(self.ring.len()))
    }

    /// A delivery with that id was sent.
    pub(crate) fn push(&mut self, queued: Queued) {
        debug_assert!(self.is_resent(), "nothing new goes before what is to be redelivered");
        self.bytes += queued.bytes();
        self.ring.push_back(Place::Sent(queued));
        self.resend_at += 1;
        self.unacknowledged += 1;
    }

    /// The next to be sent again over this connection.
    pub(crate) fn redeliver(&mut self, window: usize) -> Option<(Handshake, Queued)> {
        while self.has_redelivery(window) {
            let index = self.resend_at;
            self.resend_at += 1;
            match &self.ring[index] {
                Place::Gap => {}
                // Its PUBREL went out with the CONNACK and counts since then.
                Place::Released(_) => {}
                Place::Sent(queued) => {
                    let queued = queued.clone();
                    self.unacknowledged += 1;
                    return Some((Self::handshake(queued.qos, self.packet_id(index)), queued));
                }
            }
        }
        None
    }

    /// Over a new connection all is sent again `[MQTT-4.4.0-1]`: what this returns at once as PUBREL, the rest as it is
    /// asked for with [`redeliver`](Self::redeliver).
    pub(crate) fn resume(&mut self) -> Vec<PacketId> {
        self.resend_at = 0;
        let released = self.ring.iter().enumerate().filter(|(_, place)| matches!(place, Place::Released(_)));
        let released: Vec<PacketId> = released.map(|(index, _)| self.packet_id(index)).collect();
        self.unacknowledged = released.len();
        released
    }

    /// Takes up where another process left off: the packet ids stay, and what is missing between them was acknowledged.
    /// What shares its packet id with another, as only a damaged disk can have it, is sent anew: it comes back.
    pub(crate) fn restore(&mut self, mut in_flight: Vec<InFlight>) -> Vec<Queued> {
        in_flight.sort_by_key(|delivery| delivery.packet_id);
        // Ids go round: the oldest is the one behind the widest gap.
        let number = |index: usize| usize::from(in_flight[index].packet_id.get());
        let len = in_flight.len();
        let gap = |index: usize| (number(index) + RING_MAX - number((index + len - 1) % len)) % RING_MAX;
        let Some(oldest) = (0..len).max_by_key(|index| gap(*index)) else { return Vec::new() };
        in_flight.rotate_left(oldest);
        self.first = in_flight[0].packet_id.get() - 1;
        let mut doubled = Vec::new();
        for InFlight { packet_id, place } in in_flight {
            let index = (usize::from(packet_id.get() - 1) + RING_MAX - usize::from(self.first)) % RING_MAX;
            if index < self.ring.len() {
                doubled.extend(place.into_queued());
                continue;
            }
            while self.ring.len() < index {
                self.ring.push_back(Place::Gap);
            }
            self.bytes += place.bytes();
            self.ring.push_back(place);
        }
        doubled
    }

    /// The delivery was made ready but cannot be sent; it is over as if it had been acknowledged.
    pub(crate) fn abandon(&mut self, handshake: Handshake) -> Finished {
        let packet_id = handshake.packet_id();
        match packet_id.map(|packet_id| self.finish(packet_id, |_| true)) {
            Some(Acknowledged::Yes(finished)) => finished,
            None => Finished::default(),
            Some(Acknowledged::Again | Acknowledged::Unknown | Acknowledged::Mismatch) => {
                unreachable!("a delivery that was made ready is in flight")
            }
        }
    }

    /// PUBACK.
    pub(crate) fn puback(&mut self, packet_id: PacketId) -> Acknowledged {
        self.finish(packet_id, |place| matches!(place, Place::Sent(queued) if queued.qos == QoS::AtLeastOnce))
    }

    /// PUBREC that refuses the message: the exchange ends here.
    pub(crate) fn pubrec_refused(&mut self, packet_id: PacketId) -> Acknowledged {
        self.finish(packet_id, |place| matches!(place, Place::Sent(queued) if queued.qos == QoS::ExactlyOnce))
    }

    /// PUBREC: a PUBREL is due, also for a repeated one.
    pub(crate) fn pubrec(&mut self, packet_id: PacketId) -> Acknowledged {
        let Some(index) = self.index(packet_id) else { return Acknowledged::Unknown };
        let number = match &self.ring[index] {
            Place::Sent(queued) if queued.qos == QoS::ExactlyOnce => queued.number,
            Place::Released(_) => return Acknowledged::Again,
            Place::Sent(_) => return Acknowledged::Mismatch,
            Place::Gap => return Acknowledged::Unknown,
        };
        // An answer to what was sent over an earlier connection: it counts from now on.
        self.unacknowledged += usize::from(index >= self.resend_at);
        let place = std::mem::replace(&mut self.ring[index], Place::Released(number));
        self.bytes -= place.bytes();
        Acknowledged::Yes(place.finished())
    }

    /// PUBCOMP.
    pub(crate) fn pubcomp(&mut self, packet_id: PacketId) -> Acknowledged {
        self.finish(packet_id, |place| matches!(place, Place::Released(_)))
    }

    /// The session ended: what was sent and never acknowledged.
    pub(crate) fn into_unacknowledged(self) -> impl Iterator<Item = Queued> {
        self.ring.into_iter().filter_map(Place::into_queued)
    }

    /// Takes out what is denied of what would be sent again over this connection. What was sent over it is with the client.
    pub(crate) fn take_denied(&mut self, is_denied: impl Fn(&Publication) -> bool) -> Vec<Queued> {
        let mut denied = Vec::new();
        for place in self.ring.range_mut(self.resend_at..) {
            if matches!(place, Place::Sent(queued) if is_denied(&queued.publication)) {
                self.bytes -= place.bytes();
                denied.extend(std::mem::replace(place, Place::Gap).into_queued());
            }
        }
        self.drop_gaps();
        denied
    }

    /// Everything in flight loses its number; what the journal has to cross out.
    pub(crate) fn take_numbers(&mut self, mut each: impl FnMut(&Finished)) {
        for place in &mut self.ring {
            match place {
                Place::Gap => {}
                Place::Sent(queued) => each(&queued.take_number()),
                Place::Released(number) => each(&Finished { number: number.take(), publication: None }),
            }
        }
    }

    fn finish(&mut self, packet_id: PacketId, answers: impl Fn(&Place) -> bool) -> Acknowledged {
        let Some(index) = self.index(packet_id) else { return Acknowledged::Unknown };
        match &self.ring[index] {
            Place::Gap => return Acknowledged::Unknown,
            place if !answers(place) => return Acknowledged::Mismatch,
            Place::Sent(_) | Place::Released(_) => {}
        }
        let place = std::mem::replace(&mut self.ring[index], Place::Gap);
        self.bytes -= place.bytes();
        let counted = index < self.resend_at || matches!(place, Place::Released(_));
        self.unacknowledged -= usize::from(counted);
        self.drop_gaps();
        Acknowledged::Yes(place.finished())
    }

    fn drop_gaps(&mut self) {
        while let Some(Place::Gap) = self.ring.front() {
            self.ring.pop_front();
            self.first = (self.first + 1) % 65_535;
            self.resend_at = self.resend_at.saturating_sub(1);
        }
    }

    fn packet_id(&self, index: usize) -> PacketId {
        let number = (usize::from(self.first) + index) % RING_MAX + 1;
        PacketId::new(number as u16).expect("1 to 65535")
    }

    fn index(&self, packet_id: PacketId) -> Option<usize> {
        let index = (usize::from(packet_id.get() - 1) + RING_MAX - usize::from(self.first)) % RING_MAX;
        (index < self.ring.len()).then_some(index)
    }

    fn handshake(qos: QoS, packet_id: PacketId) -> Handshake {
        match qos {
            QoS::AtMostOnce => Handshake::AtMostOnce,
            QoS::AtLeastOnce => Handshake::AtLeastOnce(packet_id),
            QoS::ExactlyOnce => Handshake::ExactlyOnce(packet_id),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Instant;

    use factree_mqtt::{Publish, TopicName};

    use super::*;
    use crate::publication::Identifiers;

    fn queued(qos: QoS) -> Queued {
        let topic = TopicName::parse("t").unwrap();
        let publication = Arc::new(Publication::of_publish(Instant::now(), topic, &Publish::new(topic, b"x")));
        Queued { publication, identifiers: Identifiers::None, group: None, number: None, qos, retain: false }
    }

    fn send(outbound: &mut Outbound) -> PacketId {
        let handshake = outbound.next_handshake(QoS::AtLeastOnce);
        outbound.push(queued(QoS::AtLeastOnce));
        handshake.packet_id().unwrap()
    }

    /// `[MQTT-2.2.1-4]`, `[MQTT-4.3.2-1]`, `[MQTT-4.3.3-1]`.
    #[test]
    fn packet_ids_go_round_without_zero() {
        let mut outbound = Outbound::default();
        let ids: Vec<u16> = (0..65_537)
            .map(|_| {
                let packet_id = send(&mut outbound);
                assert!(matches!(outbound.puback(packet_id), Acknowledged::Yes(_)));
                packet_id.get()
            })
            .collect();
        assert_eq!(ids[..2], [1, 2]);
        assert_eq!(ids[65_533..], [65_534, 65_535, 1, 2]);
        assert!(outbound.ring.is_empty());
    }

    #[test]
    fn nothing_is_added_to_so_many_bytes_until_some_are_acknowledged() {
        let mut outbound = Outbound::default();
        let window = Window { len: 1_000, bytes: 3 * queued(QoS::AtLeastOnce).bytes() };
        let fills = |outbound: &mut Outbound| {
            std::iter::from_fn(|| outbound.has_room(window).then(|| send(outbound))).collect::<Vec<_>>()
        };
        let sent = fills(&mut outbound);
        assert_eq!(sent.len(), 3);
        outbound.puback(sent[1]);
        assert_eq!(fills(&mut outbound).len(), 1);
        outbound.resume();
        assert_eq!(outbound.take_denied(|_| true).len(), 3);
        let handshake = outbound.next_handshake(QoS::ExactlyOnce);
        outbound.push(queued(QoS::ExactlyOnce));
        outbound.pubrec(handshake.packet_id().unwrap());
        assert_eq!((outbound.bytes, outbound.len()), (0, 1), "after PUBREC the message is not needed");
    }

    /// `[MQTT-2.2.1-4]`.
    #[test]
    fn an_oldest_that_is_never_acknowledged_stops_the_rest_before_an_id_is_used_twice() {
        let mut outbound = Outbound::default();
        let first = send(&mut outbound);
        let mut sent = 1;
        while outbound.has_room(Window { len: 2, bytes: usize::MAX }) {
            let packet_id = send(&mut outbound);
            assert_ne!(packet_id, first);
            outbound.puback(packet_id);
            sent += 1;
        }
        assert_eq!(sent, RING_MAX);
        assert!(matches!(outbound.puback(first), Acknowledged::Yes(_)));
        assert!(outbound.has_room(Window { len: 2, bytes: usize::MAX }));
        assert!(outbound.ring.is_empty(), "all the gaps behind it are gone");
    }
}
