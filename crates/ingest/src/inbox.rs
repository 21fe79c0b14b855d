//! The inbox: publications on their way from the broker to the tree, in the broker's order.
//!
//! A connection task decodes what it read into a [`Batch`] of its own, under no lock. While the broker judges the packets
//! one by one, the task marks what was accepted, adds what the broker itself said (wills, ended sessions), and pushes the
//! batch into the [`Inbox`] before it lets go of the broker: so the order of the inbox is the broker's order. Whoever locks
//! the tree next applies all that waits. Batches are reused, so a steady stream of numeric DATA allocates nothing.
//! Knows nothing of MQTT packets: a publication is topic, payload, QoS, retain flag and the session it came from; what
//! else a client does is told in the few words that Sparkplug has a say in.
//! Invariant: what was neither accepted nor said by the broker never reaches the tree.

use std::ops::Range;
use std::time::Duration;

use factree_sparkplug as sparkplug;
use sparkplug::SessionKey;

use crate::Limits;
use crate::governance::{Deviation, Doorkeeper};
use crate::json::{self, Reading};
use crate::seen_command::SeenCommand;

/// A batch with more bytes than this is dropped after use instead of being kept for reuse.
const REUSED_BYTES_MAX: usize = 1 << 20;

/// A payload gives back memory for more metrics than these after use, so that one huge birth does not stay.
const REUSED_METRICS_MAX: usize = 1024;

/// What was read in one go, decoded, and what the broker made of it.
#[derive(Debug, Default)]
pub struct Batch {
    topics: String,
    bytes: Vec<u8>,
    publications: Vec<Held>,
    /// Decoded payloads; the first `payloads_used` belong to this batch, the others wait to be reused.
    payloads: Vec<sparkplug::Payload>,
    payloads_used: usize,
    /// Where a compressed payload inflates to, to be reused.
    inflated: Vec<u8>,
    /// What plain payloads say.
    readings: Vec<Reading>,
    /// What is wrong with them, by the number of the publication.
    deviations: Vec<(usize, Vec<Deviation>)>,
    agenda: Vec<Item>,
}

/// One publication of a batch: where in `topics` and `bytes` it is, and what those were parsed and decoded to.
#[derive(Debug)]
struct Held {
    session: SessionKey,
    manner: Manner,
    topic: Range<usize>,
    outline: Result<sparkplug::topic::Outline, sparkplug::TopicError>,
    payload: Range<usize>,
    /// What was decoded: the payload, or what was compressed in it.
    content: Range<usize>,
    decoded: Decoding,
}

/// How something was published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Manner {
    /// 0 to 2.
    pub qos: u8,
    /// Whether with the retain flag.
    pub retain: bool,
}

impl From<bool> for Manner {
    /// QoS 0, with the retain flag or not.
    fn from(retain: bool) -> Manner {
        Manner { qos: 0, retain }
    }
}

#[derive(Debug)]
enum Decoding {
    /// A Sparkplug topic without a Sparkplug payload, well-formed or not: nothing to decode.
    Nothing,
    /// The reading at this position of `Batch::readings`.
    Plain(usize),
    /// The payload at this position of `Batch::payloads`.
    Sparkplug(usize),
    Malformed(sparkplug::DecodeError),
}

#[derive(Debug)]
enum Item {
    Publication(usize),
    Deviations { publication: usize, of: usize, are_refused: bool },
    SessionStarted { session: SessionKey, client_id: Box<str> },
    Connected { session: SessionKey, connection: Box<Connected> },
    Subscribed { session: SessionKey, filter: Box<str>, qos: u8 },
    Disconnecting { session: SessionKey, with_will: bool },
    SessionEnded { session: SessionKey },
}

/// How a client has connected.
#[derive(Debug)]
struct Connected {
    is_v5: bool,
    clean_start: bool,
    session_expiry: Duration,
    will: Option<Will>,
}

/// A client's Will Message; the payload is kept only of what may be Sparkplug's.
#[derive(Debug)]
struct Will {
    topic: Box<str>,
    manner: Manner,
    payload: Box<[u8]>,
}

/// What the tree is told, in order.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Input<'a> {
    /// A publication the broker accepted.
    Publication(Publication<'a>),
    /// A publication that is not as the operator's rules want it; if it was accepted all the same, it has come just before.
    Deviations {
        /// The MQTT connection it came from.
        session: SessionKey,
        /// Topic name.
        topic: &'a str,
        /// What is wrong with it.
        deviations: &'a [Deviation],
        /// Whether the broker has refused it.
        are_refused: bool,
    },
    /// A client has connected.
    SessionStarted {
        /// The MQTT connection, as the broker numbers it.
        session: SessionKey,
        /// Its client id.
        client_id: &'a str,
    },
    /// How the client has connected.
    Connected {
        /// The MQTT connection, as the broker numbers it.
        session: SessionKey,
        /// What Sparkplug has a say in.
        connection: sparkplug::Connection<'a>,
    },
    /// A client has subscribed.
    Subscribed {
        /// The MQTT connection, as the broker numbers it.
        session: SessionKey,
        /// Topic filter.
        filter: &'a str,
        /// What it asks for.
        qos: u8,
    },
    /// A client has sent DISCONNECT.
    Disconnecting {
        /// The MQTT connection, as the broker numbers it.
        session: SessionKey,
        /// Whether its will is to be published.
        with_will: bool,
    },
    /// A client's connection is over, however it ended. The death authority for Edge Nodes.
    SessionEnded {
        /// The MQTT connection, as the broker numbers it.
        session: SessionKey,
    },
}

/// A publication the broker accepted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Publication<'a> {
    /// The MQTT connection it came from.
    pub(crate) session: SessionKey,
    /// How it was published.
    pub(crate) manner: Manner,
    /// Topic name.
    pub(crate) topic: &'a str,
    /// What the topic is to Sparkplug.
    pub(crate) sparkplug: Result<sparkplug::Topic<'a>, sparkplug::TopicError>,
    /// Application message.
    pub(crate) payload: &'a [u8],
    /// What `decoded` was decoded from: the same bytes, unless they were compressed.
    pub(crate) content: &'a [u8],
    /// What the payload is.
    pub(crate) decoded: Decoded<'a>,
}

/// A payload as far as it could be decoded without knowing its Edge Node.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Decoded<'a> {
    /// A Sparkplug topic without a Sparkplug payload.
    Nothing,
    /// Not on a Sparkplug topic.
    Plain(&'a Reading),
    /// A Sparkplug payload.
    Sparkplug(&'a sparkplug::Payload),
    /// On a Sparkplug topic, but no Sparkplug payload.
    Malformed(&'a sparkplug::DecodeError),
}

impl Batch {
    /// Takes a publication in and decodes it. Returns its number in this batch, for [`Batch::accept`]. Where the QoS is
    /// not known, the retain flag says how it was published.
    pub fn push(
        &mut self,
        session: SessionKey,
        manner: impl Into<Manner>,
        topic: &str,
        payload: &[u8],
        limits: &Limits,
    ) -> usize {
        let parsed = sparkplug::Topic::parse(topic);
        let decoded = match parsed {
            Ok(parsed) if parsed.edge_node().is_some() => self.decode(payload, &limits.sparkplug),
            Err(sparkplug::TopicError::NotSparkplug) => {
                self.readings.push(json::read(payload, limits.fields_per_document_max));
                Decoding::Plain(self.readings.len() - 1)
            }
            Ok(_) | Err(_) => Decoding::Nothing,
        };
        let (topic_start, start) = (self.topics.len(), self.bytes.len());
        self.topics.push_str(topic);
        self.bytes.extend_from_slice(payload);
        let end = self.bytes.len();
        let content = if self.inflated.is_empty() {
            start..end
        } else {
            self.bytes.append(&mut self.inflated);
            end..self.bytes.len()
        };
        self.publications.push(Held {
            session,
            manner: manner.into(),
            topic: topic_start..self.topics.len(),
            outline: parsed.map(|parsed| parsed.outline()),
            payload: start..end,
            content,
            decoded,
        });
        self.publications.len() - 1
    }

    fn decode(&mut self, payload: &[u8], limits: &sparkplug::Limits) -> Decoding {
        if self.payloads_used == self.payloads.len() {
            self.payloads.push(sparkplug::Payload::new());
        }
        let into = &mut self.payloads[self.payloads_used];
        let decoded = match sparkplug::decode(payload, limits, into) {
            Ok(()) if into.is_compressed(payload) => sparkplug::inflate(payload, limits, into, &mut self.inflated),
            decoded => decoded,
        };
        match decoded {
            Ok(()) => {
                self.payloads_used += 1;
                Decoding::Sparkplug(self.payloads_used - 1)
            }
            Err(error) => {
                self.inflated.clear();
                Decoding::Malformed(error)
            }
        }
    }

    /// Holds a publication of this batch against the operator's rules; why it is to be refused, if it is. What is reported and
    /// not refused is told once it is accepted.
    ///
    /// # Panics
    /// If no publication of this batch has that number.
    pub fn judge(&mut self, number: usize, doorkeeper: &Doorkeeper) -> Option<String> {
        let held = &self.publications[number];
        let Decoding::Plain(reading) = held.decoded else { return None };
        let (topic, payload) = (&self.topics[held.topic.clone()], &self.bytes[held.payload.clone()]);
        let deviations = doorkeeper.judge(topic, &self.readings[reading], payload);
        let refused = deviations.iter().find(|deviation| deviation.rule.is_enforced);
        let refused = refused.map(|deviation| deviation.rule.complaint(&deviation.breach));
        if !deviations.is_empty() {
            self.deviations.push((number, deviations));
        }
        refused
    }

    /// What a publication of this batch tells an Edge Node or a Device to do, in words; none if it does not.
    ///
    /// # Panics
    /// If no publication of this batch has that number.
    #[inline]
    pub fn command(&self, number: usize) -> Option<SeenCommand> {
        let held = &self.publications[number];
        held.outline.is_ok_and(sparkplug::topic::Outline::is_command).then(|| SeenCommand::of(&self.publication(held)))
    }

    /// The broker has accepted a publication of this batch.
    ///
    /// # Panics
    /// If no publication of this batch has that number.
    pub fn accept(&mut self, number: usize) {
        assert!(number < self.publications.len(), "accepted publications were pushed before");
        self.agenda.push(Item::Publication(number));
        if !self.deviations.is_empty() {
            self.tell_deviations(number, false);
        }
    }

    /// The broker has refused a publication of this batch for what [`Batch::judge`] said of it.
    pub fn refuse(&mut self, number: usize) {
        self.tell_deviations(number, true);
    }

    fn tell_deviations(&mut self, publication: usize, are_refused: bool) {
        // Publications are judged in the order in which they were pushed.
        let of = self.deviations.binary_search_by_key(&publication, |(number, _)| *number);
        self.agenda.extend(of.map(|of| Item::Deviations { publication, of, are_refused }));
    }

    /// The broker has admitted a client.
    pub fn session_started(&mut self, session: SessionKey, client_id: &str) {
        self.agenda.push(Item::SessionStarted { session, client_id: client_id.into() });
    }

    /// How that client has connected. Said behind [`Batch::session_started`], and not of sessions of other brokers: who is
    /// not known to have connected is not judged by how it did.
    pub fn connected(&mut self, session: SessionKey, connection: &sparkplug::Connection<'_>) {
        let &sparkplug::Connection { is_v5, clean_start, session_expiry, will } = connection;
        let will = will.map(|will| {
            let payload = if is_about_sparkplug(will.topic) { will.payload } else { &[] };
            let manner = Manner { qos: will.qos, retain: will.retain };
            Will { topic: will.topic.into(), manner, payload: payload.into() }
        });
        let connection = Box::new(Connected { is_v5, clean_start, session_expiry, will });
        self.agenda.push(Item::Connected { session, connection });
    }

    /// A client has subscribed, asking for this QoS. Filters that no Sparkplug topic matches need not be told.
    pub fn subscribed(&mut self, session: SessionKey, filter: &str, qos: u8) {
        if is_about_sparkplug(filter) || filter.starts_with(['+', '#', '$']) {
            self.agenda.push(Item::Subscribed { session, filter: filter.into(), qos });
        }
    }

    /// A client has sent DISCONNECT, asking for its will to be published or not. Said before the will and the end.
    pub fn disconnecting(&mut self, session: SessionKey, with_will: bool) {
        self.agenda.push(Item::Disconnecting { session, with_will });
    }

    /// The broker has seen the end of a client's connection.
    pub fn session_ended(&mut self, session: SessionKey) {
        self.agenda.push(Item::SessionEnded { session });
    }

    /// Whether the tree has nothing to learn from this batch.
    pub fn is_empty(&self) -> bool {
        self.agenda.is_empty()
    }

    /// Forgets everything, keeps the memory.
    pub fn clear(&mut self) {
        if self.bytes.capacity() + self.topics.capacity() + self.inflated.capacity() > REUSED_BYTES_MAX {
            *self = Self::default();
        }
        self.topics.clear();
        self.bytes.clear();
        self.publications.clear();
        for payload in &mut self.payloads[..self.payloads_used] {
            payload.trim(REUSED_METRICS_MAX);
        }
        self.payloads_used = 0;
        self.readings.clear();
        self.deviations.clear();
        self.agenda.clear();
    }

    /// How much the tree is to be told.
    pub(crate) fn len(&self) -> usize {
        self.agenda.len()
    }

    /// What the tree is to be told, by its place in the order.
    #[inline]
    pub(crate) fn input(&self, position: usize) -> Input<'_> {
        match &self.agenda[position] {
            Item::Publication(number) => Input::Publication(self.publication(&self.publications[*number])),
            Item::Deviations { publication, of, are_refused } => {
                let Held { session, topic, .. } = &self.publications[*publication];
                let (session, topic) = (*session, &self.topics[topic.clone()]);
                Input::Deviations { session, topic, deviations: &self.deviations[*of].1, are_refused: *are_refused }
            }
            Item::SessionStarted { session, client_id } => Input::SessionStarted { session: *session, client_id },
            Item::Connected { session, connection } => {
                Input::Connected { session: *session, connection: connection.view() }
            }
            Item::Subscribed { session, filter, qos } => Input::Subscribed { session: *session, filter, qos: *qos },
            Item::Disconnecting { session, with_will } => {
                Input::Disconnecting { session: *session, with_will: *with_will }
            }
            Item::SessionEnded { session } => Input::SessionEnded { session: *session },
        }
    }

    /// Topic and payload of a Sparkplug message, by its place in the order; none where something else stands, or nothing.
    #[inline]
    pub(crate) fn sparkplug(&self, position: usize) -> Option<(sparkplug::Topic<'_>, &sparkplug::Payload)> {
        let Some(Item::Publication(number)) = self.agenda.get(position) else { return None };
        let held = &self.publications[*number];
        let (Ok(outline), Decoding::Sparkplug(payload)) = (held.outline, &held.decoded) else { return None };
        Some((outline.of(&self.topics[held.topic.clone()]), &self.payloads[*payload]))
    }

    fn publication<'a>(&'a self, held: &'a Held) -> Publication<'a> {
        let topic = &self.topics[held.topic.clone()];
        let decoded = match &held.decoded {
            Decoding::Nothing => Decoded::Nothing,
            Decoding::Plain(position) => Decoded::Plain(&self.readings[*position]),
            Decoding::Sparkplug(position) => Decoded::Sparkplug(&self.payloads[*position]),
            Decoding::Malformed(error) => Decoded::Malformed(error),
        };
        let (payload, content) = (&self.bytes[held.payload.clone()], &self.bytes[held.content.clone()]);
        let sparkplug = held.outline.map(|outline| outline.of(topic));
        Publication { session: held.session, manner: held.manner, topic, sparkplug, payload, content, decoded }
    }
}

impl Connected {
    fn view(&self) -> sparkplug::Connection<'_> {
        let will = self.will.as_ref().map(|will| sparkplug::Will {
            topic: &will.topic,
            qos: will.manner.qos,
            retain: will.manner.retain,
            payload: &will.payload,
        });
        let &Connected { is_v5, clean_start, session_expiry, .. } = self;
        sparkplug::Connection { is_v5, clean_start, session_expiry, will }
    }
}

fn is_about_sparkplug(topic: &str) -> bool {
    topic.starts_with(sparkplug::topic::NAMESPACE)
}

/// Batches that wait for the tree, oldest first, and empty ones that wait for work.
#[derive(Debug, Default)]
#[expect(clippy::vec_box, reason = "a batch is handed on five times, and each would copy its 300 bytes")]
pub struct Inbox {
    waiting: Vec<Box<Batch>>,
    spare: Vec<Box<Batch>>,
}

impl Inbox {
    /// How many empty batches are kept; more connections at once than this allocate anew.
    const SPARE_MAX: usize = 64;

    /// An empty batch.
    pub fn batch(&mut self) -> Box<Batch> {
        self.spare.pop().unwrap_or_default()
    }

    /// Queues a batch behind all others. Each connection task pushes at most one before it drains the inbox, so the
    /// number of connections bounds the queue.
    pub fn push(&mut self, batch: Box<Batch>) {
        if batch.is_empty() {
            self.recycle(batch);
        } else {
            self.waiting.push(batch);
        }
    }

    /// All that waits, if anything does.
    pub fn take(&mut self) -> Option<Vec<Box<Batch>>> {
        (!self.waiting.is_empty()).then(|| std::mem::take(&mut self.waiting))
    }

    /// Takes back what was taken, for reuse.
    pub fn give_back(&mut self, mut batches: Vec<Box<Batch>>) {
        batches.drain(..).for_each(|batch| self.recycle(batch));
        if self.waiting.capacity() == 0 {
            self.waiting = batches;
        }
    }

    fn recycle(&mut self, mut batch: Box<Batch>) {
        if self.spare.len() < Self::SPARE_MAX {
            batch.clear();
            self.spare.push(batch);
        }
    }
}
