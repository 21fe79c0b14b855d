//! What waits for one session: retained messages of new subscriptions first, then live deliveries in their order.
//!
//! The live part is bounded in number and bytes. The retained part is a snapshot of shared pointers, bounded on its
//! own, so that a subscription to `#` gets all of a large store without counting against the live part. Knows nothing
//! of packet ids or windows.
//! Invariant: `bytes` is the sum over the live part.

use std::collections::VecDeque;
use std::num::NonZeroU32;
use std::sync::Arc;

use factree_mqtt::QoS;

use crate::identity::GroupId;
use crate::journal::Finished;
use crate::limits::Limits;
use crate::publication::{Identifiers, Publication};
use crate::subscriptions::Terms;
use crate::write::DeliveryNumber;

/// A delivery without packet id.
#[derive(Clone, Debug)]
pub(crate) struct Queued {
    pub(crate) publication: Arc<Publication>,
    pub(crate) identifiers: Identifiers,
    /// The shared subscription it came through: it may go to another member.
    pub(crate) group: Option<GroupId>,
    /// What the journal knows it by, if it must outlive the process.
    pub(crate) number: Option<DeliveryNumber>,
    pub(crate) qos: QoS,
    pub(crate) retain: bool,
}

impl Queued {
    /// What it counts for: the message, as if it were not shared, and what is this delivery's own.
    #[inline]
    pub(crate) fn bytes(&self) -> usize {
        self.publication.bytes() + self.identifiers.bytes()
    }

    /// A retained message for a new subscription. It says that it was retained (3.1.1: `[MQTT-3.3.1-8]`).
    pub(crate) fn retained(publication: &Arc<Publication>, terms: &Terms) -> Self {
        Queued {
            qos: publication.qos().min(terms.options.maximum_qos),
            publication: publication.clone(),
            identifiers: Identifiers::of(terms.identifier),
            group: None,
            number: None,
            retain: true,
        }
    }

    /// It waits no more; what the journal has to cross out.
    pub(crate) fn finished(self) -> Finished {
        Finished { number: self.number, publication: Some(self.publication) }
    }

    /// Takes its number away; what the journal has to cross out.
    pub(crate) fn take_number(&mut self) -> Finished {
        Finished { number: self.number.take(), publication: Some(self.publication.clone()) }
    }
}

/// Retained messages for one new subscription.
#[derive(Debug)]
struct Backlog {
    publications: std::vec::IntoIter<Arc<Publication>>,
    maximum_qos: QoS,
    identifier: Option<NonZeroU32>,
    /// The number of the next QoS>0 delivery, if they have numbers; the others follow without a gap.
    number: Option<DeliveryNumber>,
}

#[derive(Debug, Default)]
pub(crate) struct Queue {
    backlogs: VecDeque<Backlog>,
    backlog_len: usize,
    live: VecDeque<Queued>,
    bytes: usize,
    /// What was offered since the client last took something, kept or not: a client that takes nothing is not waited for.
    offered_len: u32,
    offered_bytes: u32,
}

/// A queue that was longer than this gives its memory back once it is empty.
const KEPT_CAPACITY: usize = 256;

impl Queue {
    pub(crate) fn len(&self) -> usize {
        self.backlog_len + self.live.len()
    }

    /// Of the live part.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether one more live delivery of so many bytes would break a limit. The first is always let in: limits hold the largest
    /// packet.
    pub(crate) fn is_full_for(&self, bytes: usize, limits: &Limits) -> bool {
        let over = self.bytes + bytes > limits.queue_bytes_max && !self.live.is_empty();
        self.live.len() >= limits.queue_len_max || over
    }

    /// Notes that a delivery of so many bytes comes, kept or not. Says whether publishers are ahead of this client by so much that they
    /// should be slowed down before deliveries are lost: a quarter of the queue waits, and the client does take. Half a
    /// queue offered since it last took anything means that it does not.
    pub(crate) fn is_behind(&mut self, bytes: usize, limits: &Limits) -> bool {
        self.offered_len = self.offered_len.saturating_add(1);
        self.offered_bytes = self.offered_bytes.saturating_add(bytes as u32);
        let takes = (self.offered_len as usize) < limits.queue_len_max / 2
            && (self.offered_bytes as usize) < limits.queue_bytes_max / 2;
        takes && (self.live.len() >= limits.queue_len_max / 4 || self.bytes >= limits.queue_bytes_max / 4)
    }

    pub(crate) fn push(&mut self, queued: Queued) {
        self.bytes += queued.bytes();
        self.live.push_back(queued);
    }

    /// Whether so many more retained messages may wait. Those of a first subscription always may: they are no more than are
    /// kept, and bounded there.
    pub(crate) fn has_room_for_retained(&self, len: usize, backlog_max: usize) -> bool {
        len == 0 || self.backlog_len == 0 || self.backlog_len + len <= backlog_max
    }

    /// Retained messages for a new subscription, with the number of the first QoS>0 among them, if they have numbers.
    pub(crate) fn push_retained(
        &mut self,
        publications: Vec<Arc<Publication>>,
        maximum_qos: QoS,
        identifier: Option<NonZeroU32>,
        number: Option<DeliveryNumber>,
    ) {
        if !publications.is_empty() {
            self.backlog_len += publications.len();
            self.backlogs.push_back(Backlog {
                publications: publications.into_iter(),
                maximum_qos,
                identifier,
                number,
            });
        }
    }

    /// The next delivery's publication and QoS.
    #[inline]
    pub(crate) fn front(&self) -> Option<(&Publication, QoS)> {
        if self.backlog_len > 0 {
            let backlog = self.backlogs.front()?;
            let publication = backlog.publications.as_slice().first().expect("an emptied backlog is popped");
            return Some((publication, publication.qos().min(backlog.maximum_qos)));
        }
        self.live.front().map(|queued| (&*queued.publication, queued.qos))
    }

    /// Takes the next delivery.
    #[inline]
    pub(crate) fn pop(&mut self) -> Option<Queued> {
        if self.backlog_len > 0 {
            return self.pop_retained();
        }
        let queued = self.live.pop_front()?;
        self.bytes -= queued.bytes();
        (self.offered_len, self.offered_bytes) = (0, 0);
        if self.live.is_empty() && self.live.capacity() > KEPT_CAPACITY {
            self.live = VecDeque::new();
        }
        Some(queued)
    }

    #[cold]
    fn pop_retained(&mut self) -> Option<Queued> {
        let backlog = self.backlogs.front_mut()?;
        let publication = backlog.publications.next().expect("an emptied backlog is popped");
        let qos = publication.qos().min(backlog.maximum_qos);
        let identifiers = Identifiers::of(backlog.identifier);
        let number = if qos == QoS::AtMostOnce { None } else { backlog.number };
        if number.is_some() {
            backlog.number = number.map(DeliveryNumber::next);
        }
        self.backlog_len -= 1;
        if backlog.publications.as_slice().is_empty() {
            self.backlogs.pop_front();
        }
        // A retained message sent because of a subscription says so (3.1.1: `[MQTT-3.3.1-8]`).
        Some(Queued { publication, identifiers, group: None, number, qos, retain: true })
    }

    /// The client went away: QoS 0 does not wait for it. Says how many were dropped.
    pub(crate) fn keep_for_absent(&mut self) -> u64 {
        let before = self.len();
        self.keep_live(|queued| queued.qos != QoS::AtMostOnce);
        for backlog in std::mem::take(&mut self.backlogs) {
            let Backlog { publications, maximum_qos, identifier, number } = backlog;
            self.backlog_len -= publications.as_slice().len();
            let kept: Vec<_> = publications.filter(|kept| kept.qos().min(maximum_qos) != QoS::AtMostOnce).collect();
            self.push_retained(kept, maximum_qos, identifier, number);
        }
        (before - self.len()) as u64
    }

    /// Everything that waits loses its number; what the journal has to cross out.
    pub(crate) fn take_numbers(&mut self, mut each: impl FnMut(&Finished)) {
        for backlog in &mut self.backlogs {
            let Some(mut number) = backlog.number.take() else { continue };
            for publication in backlog.publications.as_slice() {
                if publication.qos().min(backlog.maximum_qos) != QoS::AtMostOnce {
                    each(&Finished { number: Some(number), publication: Some(publication.clone()) });
                    number = number.next();
                }
            }
        }
        self.live.iter_mut().for_each(|queued| each(&queued.take_number()));
    }

    /// Takes out what came through shared subscriptions.
    pub(crate) fn take_shared(&mut self) -> Vec<Queued> {
        let mut shared = Vec::new();
        self.keep_live(|queued| {
            if queued.group.is_some() {
                shared.push(queued.clone());
            }
            queued.group.is_none()
        });
        shared
    }

    /// Takes out what is denied.
    pub(crate) fn take_denied(&mut self, is_denied: impl Fn(&Publication) -> bool) -> Vec<Queued> {
        let mut waiting = self.backlogs.iter().flat_map(|backlog| backlog.publications.as_slice());
        if waiting.any(|publication| is_denied(publication)) {
            // Numbers of a backlog follow each other without a gap, so what is left of it waits one by one.
            let retained: Vec<Queued> = std::iter::from_fn(|| self.pop_retained()).collect();
            retained.into_iter().rev().for_each(|queued| self.live.push_front(queued));
        }
        let mut denied = Vec::new();
        self.keep_live(|queued| {
            let is_denied = is_denied(&queued.publication);
            if is_denied {
                denied.push(queued.clone());
            }
            !is_denied
        });
        denied
    }

    fn keep_live(&mut self, keep: impl FnMut(&Queued) -> bool) {
        self.live.retain(keep);
        self.bytes = self.live.iter().map(Queued::bytes).sum();
        self.live.shrink_to(KEPT_CAPACITY);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use factree_mqtt::{Publish, TopicName};

    use super::*;

    fn publication(payload: &[u8]) -> Arc<Publication> {
        let topic = TopicName::parse("t").unwrap();
        Arc::new(Publication::of_publish(Instant::now(), topic, &Publish::new(topic, payload)))
    }

    fn queued(payload: &[u8], qos: QoS) -> Queued {
        let publication = publication(payload);
        Queued { publication, identifiers: Identifiers::None, group: None, number: None, qos, retain: false }
    }

    #[test]
    fn full_is_counted_in_bytes_too_and_what_leaves_makes_room() {
        let limits = Limits { queue_bytes_max: 25, ..Limits::default() };
        let mut queue = Queue::default();
        let ten = publication(b"123456789").bytes();
        assert!(!queue.is_full_for(publication(&[0; 100]).bytes(), &limits), "an empty queue takes the largest");
        for _ in 0..100 {
            queue.push(queued(b"123456789", QoS::AtMostOnce));
            assert!(!queue.is_full_for(ten, &limits));
            queue.push(queued(b"123456789", QoS::AtLeastOnce));
            assert!(queue.is_full_for(ten, &limits));
            queue.keep_for_absent();
            assert!(!queue.is_full_for(ten, &limits), "QoS 0 left");
            queue.pop();
        }
        assert_eq!((queue.bytes, queue.len()), (0, 0));
    }

    #[test]
    fn a_delivery_counts_for_the_identifiers_that_it_carries() {
        let limits = Limits { queue_bytes_max: 10_000, ..Limits::default() };
        let all: Vec<NonZeroU32> = (1..=1_000).filter_map(NonZeroU32::new).collect();
        let delivery = || Queued { identifiers: Identifiers::from(&all), ..queued(b"x", QoS::AtLeastOnce) };
        let mut queue = Queue::default();
        let waits = std::iter::from_fn(|| {
            let delivery = delivery();
            (!queue.is_full_for(delivery.bytes(), &limits)).then(|| queue.push(delivery))
        });
        assert_eq!(waits.count(), 2, "4,000 bytes each for one byte of payload");
        queue.keep_for_absent();
        assert!(queue.bytes() > 8_000);
        while queue.pop().is_some() {}
        assert_eq!(queue.bytes(), 0);
    }

    #[test]
    fn retained_messages_come_first_subscription_by_subscription_and_have_a_limit_of_their_own() {
        let mut queue = Queue::default();
        let one = NonZeroU32::new(1);
        queue.push(queued(b"live", QoS::AtMostOnce));
        queue.push_retained(vec![publication(b"a"), publication(b"b")], QoS::AtMostOnce, one, None);
        queue.push_retained(vec![], QoS::AtMostOnce, one, None);
        assert!(queue.has_room_for_retained(1, 3));
        queue.push_retained(vec![publication(b"c")], QoS::AtMostOnce, None, None);
        assert!(queue.has_room_for_retained(0, 3) && !queue.has_room_for_retained(1, 3), "the limit");
        assert!(Queue::default().has_room_for_retained(4, 3), "the first");
        assert_eq!(queue.len(), 4);
        let told: Vec<_> = std::iter::from_fn(|| queue.pop())
            .map(|queued| (queued.publication.payload().to_vec(), queued.retain, queued.identifiers.as_slice().len()))
            .collect();
        let want = [("a", true, 1), ("b", true, 1), ("c", true, 0), ("live", false, 0)];
        assert_eq!(told, want.map(|(payload, retain, ids)| (payload.as_bytes().to_vec(), retain, ids)));
        assert!(queue.is_empty());
    }

    #[test]
    fn a_client_is_behind_from_a_quarter_of_its_queue_on_as_long_as_it_takes() {
        let limits = Limits { queue_len_max: 32, queue_bytes_max: 1 << 20, ..Limits::default() };
        let mut queue = Queue::default();
        let offer = |queue: &mut Queue| {
            let delivery = queued(b"x", QoS::AtMostOnce);
            let behind = queue.is_behind(delivery.bytes(), &limits);
            queue.push(delivery);
            behind
        };
        assert_eq!((0..8).filter(|_| offer(&mut queue)).count(), 0, "less than a quarter waits");
        assert_eq!((8..15).filter(|_| offer(&mut queue)).count(), 7);
        assert_eq!((15..30).filter(|_| offer(&mut queue)).count(), 0, "it takes nothing: nobody waits for it");
        queue.pop();
        assert!(offer(&mut queue), "it takes again");

        let limits = Limits { queue_len_max: 32, queue_bytes_max: 100, ..Limits::default() };
        let mut queue = Queue::default();
        let mut offer = || {
            let delivery = queued(&[0; 14], QoS::AtMostOnce);
            let behind = queue.is_behind(delivery.bytes(), &limits);
            queue.push(delivery);
            behind
        };
        assert_eq!([offer(), offer(), offer(), offer()], [false, false, true, false], "the same in bytes");
    }
}
