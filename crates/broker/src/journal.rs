//! The journal: writes down what must outlive the process, and gives the numbers it is known by.
//!
//! Only what belongs to sessions that outlive their connection, retained messages and wills is written; and nothing at
//! all before [`Broker::restore`](crate::Broker::restore) has opened the journal. A publication that many sessions wait
//! for is written once and counted.
//! Knows nothing of where writes go. Invariant: `messages` has each publication that a recorded delivery waits with,
//! and how many do.

use std::num::NonZeroU64;
use std::sync::Arc;
use std::time::Instant;

use factree_mqtt::{PacketId, QoS};
use hashbrown::HashMap;
use hashbrown::hash_map::Entry;

use crate::holder::Holder;
use crate::identity::ClientId;
use crate::publication::Publication;
use crate::queue::Queued;
use crate::subscriptions::Terms;
use crate::will::Will;
use crate::write::{DeliveryNumber, Key, MessageNumber, Record, SessionNumber, Write};

#[derive(Debug, Default)]
pub(crate) struct Journal {
    open: bool,
    writes: Vec<Write>,
    /// Of the messages in `writes`.
    bytes: usize,
    made: u64,
    /// The numbers given last.
    sessions: u64,
    deliveries: u64,
    message: u64,
    /// By the address of the publication: it stays where it is as long as a delivery waits with it.
    messages: HashMap<usize, Message>,
}

#[derive(Debug)]
struct Message {
    number: MessageNumber,
    deliveries: u32,
}

/// What an acknowledged delivery leaves to be crossed out.
#[derive(Debug, Default)]
pub(crate) struct Finished {
    pub(crate) number: Option<DeliveryNumber>,
    /// `None` if PUBREC has done with it before.
    pub(crate) publication: Option<Arc<Publication>>,
}

impl Journal {
    /// From now on writes are made; these are the highest numbers in use of sessions, deliveries and messages.
    pub(crate) fn open(&mut self, [sessions, deliveries, messages]: [u64; 3]) {
        *self = Journal { open: true, sessions, deliveries, message: messages, ..Journal::default() };
    }

    /// Takes the writes made since they were last taken, and says how many were ever made.
    pub(crate) fn take(&mut self, into: &mut Vec<Write>) -> u64 {
        into.append(&mut self.writes);
        self.bytes = 0;
        self.made
    }

    /// How many writes were ever made.
    pub(crate) fn made(&self) -> u64 {
        self.made
    }

    /// Bytes of the messages among the writes that were not taken.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    fn write(&mut self, key: Key, record: Option<Record>) {
        self.made += 1;
        if let Some(Record::Publication(publication)) = &record {
            self.bytes += publication.bytes();
        }
        self.writes.push(Write { key, record });
    }

    // ---- Sessions -------------------------------------------------------------------------------------------------

    /// The number of a session that is to be kept; `None` while the journal is closed.
    pub(crate) fn number_session(&mut self) -> Option<SessionNumber> {
        self.open.then(|| {
            self.sessions += 1;
            SessionNumber(NonZeroU64::new(self.sessions).expect("counted from one"))
        })
    }

    pub(crate) fn session(&mut self, session: SessionNumber, record: Option<Record>) {
        self.write(Key::Session(session), record);
    }

    pub(crate) fn subscription(&mut self, session: SessionNumber, filter: &str, terms: Option<Terms>) {
        let record = terms.map(|Terms { options, identifier }| Record::Subscription { options, identifier });
        self.write(Key::Subscription(session, filter.into()), record);
    }

    /// A QoS 2 publication was taken.
    pub(crate) fn received(&mut self, session: SessionNumber, packet_id: PacketId) {
        self.write(Key::Received(session, packet_id), Some(Record::Received));
    }

    /// It was released.
    pub(crate) fn released(&mut self, session: SessionNumber, packet_id: PacketId) {
        self.write(Key::Received(session, packet_id), None);
    }

    // ---- Deliveries -----------------------------------------------------------------------------------------------

    /// A delivery begins to wait: it gets its number, unless it is QoS 0.
    pub(crate) fn wait(&mut self, session: Option<SessionNumber>, queued: &mut Queued) {
        let Some(session) = session else { return };
        if queued.qos == QoS::AtMostOnce {
            return;
        }
        self.deliveries += 1;
        queued.number = NonZeroU64::new(self.deliveries).map(DeliveryNumber);
        self.delivery(session, queued, None);
    }

    /// A delivery that has its number waits, or was sent under a packet id.
    pub(crate) fn delivery(&mut self, session: SessionNumber, queued: &Queued, sent_as: Option<PacketId>) {
        let Some(number) = queued.number else { return };
        let record = Record::Delivery {
            message: self.message(&queued.publication, sent_as.is_none()),
            qos: queued.qos,
            retain: queued.retain,
            identifiers: queued.identifiers.as_slice().into(),
            sent_as,
        };
        self.write(Key::Delivery(session, number), Some(record));
    }

    /// PUBREC came: only the packet id is needed any more.
    pub(crate) fn delivery_released(&mut self, session: SessionNumber, finished: &Finished, packet_id: PacketId) {
        let Some(number) = finished.number else { return };
        self.write(Key::Delivery(session, number), Some(Record::Released(packet_id)));
        self.done_with(finished.publication.as_ref());
    }

    /// A delivery waits no more and is in flight no more.
    pub(crate) fn delivery_ended(&mut self, session: Option<SessionNumber>, finished: &Finished) {
        if let (Some(session), Some(number)) = (session, finished.number) {
            self.write(Key::Delivery(session, number), None);
            self.done_with(finished.publication.as_ref());
        }
    }

    /// The number of a publication; one more delivery `waits` with it, or one that did was sent.
    fn message(&mut self, publication: &Arc<Publication>, waits: bool) -> MessageNumber {
        match self.messages.entry(address(publication)) {
            Entry::Occupied(mut known) => {
                known.get_mut().deliveries += u32::from(waits);
                known.get().number
            }
            Entry::Vacant(vacant) => {
                assert!(waits, "what was sent has waited before");
                self.message += 1;
                let number = MessageNumber(NonZeroU64::new(self.message).expect("counted from one"));
                vacant.insert(Message { number, deliveries: 1 });
                self.write(Key::Message(number), Some(Record::Publication(publication.clone())));
                number
            }
        }
    }

    fn done_with(&mut self, publication: Option<&Arc<Publication>>) {
        let Some(publication) = publication else { return };
        let Entry::Occupied(mut known) = self.messages.entry(address(publication)) else {
            unreachable!("a recorded delivery's publication is counted");
        };
        known.get_mut().deliveries -= 1;
        if known.get().deliveries == 0 {
            let number = known.remove().number;
            self.write(Key::Message(number), None);
        }
    }

    /// A restored delivery waits with a restored publication.
    pub(crate) fn restored(&mut self, publication: &Arc<Publication>, number: MessageNumber) {
        self.messages.entry(address(publication)).or_insert(Message { number, deliveries: 0 }).deliveries += 1;
    }

    // ---- Retained messages and wills ------------------------------------------------------------------------------

    /// A topic's retained message was replaced, or cleared by one without payload. Topics that begin with `$` are the
    /// server's own: it says them anew when it starts.
    pub(crate) fn retained(&mut self, publication: &Arc<Publication>) {
        if self.open && !publication.topic().is_dollar() {
            let key = Key::Retained(publication.topic_buf().clone());
            let record = Record::Publication(publication.clone());
            self.write(key, (!publication.payload().is_empty()).then_some(record));
        }
    }

    /// A retained message expired, or was taken away.
    pub(crate) fn retained_gone(&mut self, publication: &Publication) {
        if self.open && !publication.topic().is_dollar() {
            self.write(Key::Retained(publication.topic_buf().clone()), None);
        }
    }

    /// A client left a will, or it became due at that time.
    pub(crate) fn will(&mut self, (client_id, holder): (&ClientId, &Holder), will: &Will, due: Option<Instant>) {
        if self.open {
            self.write(Key::Will(client_id.clone()), Some(will.record(due, holder.principal().clone())));
        }
    }

    /// A will was published or forgotten.
    pub(crate) fn will_gone(&mut self, client_id: &ClientId) {
        if self.open {
            self.write(Key::Will(client_id.clone()), None);
        }
    }

    /// A record that fits nothing: it is not to come again.
    pub(crate) fn orphan(&mut self, key: Key) {
        self.write(key, None);
    }
}

fn address(publication: &Arc<Publication>) -> usize {
    Arc::as_ptr(publication).addr()
}
