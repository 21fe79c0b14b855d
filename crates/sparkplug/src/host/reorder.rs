//! Messages that came too early, held for those before them.
//!
//! A message that is ahead of its turn is kept as it was published. When its turn comes it is decoded again and handled as
//! any other; when the time is up, or the room, all that wait are handled in their order, the gap is found, and a rebirth
//! asked for (`tck-id-operational-behavior-host-reordering-start`, `-success`, `-rebirth`). What is held is taken rather
//! than dropped: before a death too, but not before an NBIRTH, which says everything anew and means other metrics by its
//! metric aliases.
//!
//! Invariant: an Edge Node is reordering exactly while something is held for it, and then it has one deadline.

use super::{
    EdgeNodeIndex, Host, Message, Outputs, SessionKey, Turn,
    edge_node::{Life, State},
};
use crate::{DecodeError, Limits, Now, Payload, Seq, Timestamp, Topic, decode, inflate};
use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Instant;

/// What one Edge Node's messages wait in, in the order of their turns.
#[derive(Debug)]
pub(super) struct Held {
    messages: VecDeque<HeldMessage>,
    bytes: usize,
    deadline: Instant,
}

#[derive(Debug)]
struct HeldMessage {
    seq: Seq,
    arrived: Now,
    /// When it will have waited long enough.
    deadline: Instant,
    session: SessionKey,
    retained: bool,
    topic: Box<str>,
    published: Box<[u8]>,
}

impl HeldMessage {
    /// What it takes of the memory.
    fn bytes(&self) -> usize {
        size_of::<HeldMessage>() + self.topic.len() + self.published.len()
    }
}

impl Held {
    /// How many messages wait.
    pub(super) fn len(&self) -> usize {
        self.messages.len()
    }

    fn put(&mut self, next: Seq, message: HeldMessage) {
        self.bytes += message.bytes();
        let turn = next.gap_to(message.seq);
        let place = self.messages.partition_point(|other| next.gap_to(other.seq) <= turn);
        self.messages.insert(place, message);
    }

    /// The first, if it is due or its number has been taken by another.
    fn next_due(&mut self, life: &Life) -> Option<HeldMessage> {
        let first = self.messages.front()?;
        let is_due = first.seq == life.next || first.seq.next() == life.next;
        let message = if is_due { self.messages.pop_front() } else { None }?;
        self.bytes -= message.bytes();
        Some(message)
    }
}

/// When time is up for whom, and how much is held for all together.
#[derive(Debug, Default)]
pub(super) struct WaitingRoom {
    deadlines: BTreeSet<(Instant, EdgeNodeIndex)>,
    bytes: usize,
}

impl WaitingRoom {
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        self.deadlines.first().map(|&(deadline, _)| deadline)
    }

    fn leave(&mut self, index: EdgeNodeIndex, held: &Held) {
        self.deadlines.remove(&(held.deadline, index));
        self.bytes -= held.bytes;
    }
}

/// A message that was held and is handled now.
#[derive(Debug)]
pub struct Unheld {
    topic: Box<str>,
    received: Timestamp,
    published: Box<[u8]>,
    inflated: Option<Vec<u8>>,
    payload: Payload,
}

impl Unheld {
    /// # Errors
    /// If it does not decode, which it did once: by other limits than the host's.
    fn new(topic: Box<str>, received: Timestamp, published: Box<[u8]>, limits: &Limits) -> Result<Unheld, DecodeError> {
        let (mut payload, mut inflated) = (Payload::new(), Vec::new());
        decode(&published, limits, &mut payload)?;
        let is_compressed = payload.is_compressed(&published);
        if is_compressed {
            inflate(&published, limits, &mut payload, &mut inflated)?;
        }
        Ok(Unheld { topic, received, published, inflated: is_compressed.then_some(inflated), payload })
    }

    /// Its topic.
    pub fn topic(&self) -> Topic<'_> {
        Topic::parse(&self.topic).expect("it was written by a topic")
    }

    /// When it arrived, by our clock.
    pub fn received(&self) -> Timestamp {
        self.received
    }

    /// Its payload as it was published.
    pub fn published(&self) -> &[u8] {
        &self.published
    }

    /// The bytes that [`Unheld::payload`] was decoded from: the same, or what was compressed in them.
    pub fn bytes(&self) -> &[u8] {
        self.inflated.as_deref().unwrap_or(&self.published)
    }

    /// Its payload, decoded.
    pub fn payload(&self) -> &Payload {
        &self.payload
    }
}

impl Host {
    /// Keeps a message for those before it. If there is no room for it, nothing of the Edge Node's is kept any longer.
    #[cold]
    pub(super) fn hold(&mut self, index: EdgeNodeIndex, message: &Message<'_>, outputs: &mut Outputs) {
        let limits = &self.limits;
        let node = self.edge_nodes.get_mut(index);
        let deadline = message.now.instant + limits.reorder_window(message.session);
        let (life, mut held) = match node.state.take() {
            State::Online(life) => (life, Held { messages: VecDeque::new(), bytes: 0, deadline }),
            State::Reordering(life, held) => {
                self.waiting_room.leave(index, &held);
                (life, held)
            }
            State::Unknown | State::Restored(_) | State::Offline(_) | State::Forgotten => {
                unreachable!("only who is online can be early")
            }
        };
        node.counters.held += 1;
        let seq = Seq::new(message.payload.seq.expect("only a message with a seq can be early") as u8);
        let is_too_early = u32::from(life.next.gap_to(seq)) > limits.reorder_messages_max;
        held.put(
            life.next,
            HeldMessage {
                seq,
                arrived: message.now,
                deadline,
                session: message.session,
                retained: message.retained,
                topic: message.topic.to_string().into(),
                published: message.published.into(),
            },
        );
        let is_full = held.len() > limits.reorder_messages_max as usize
            || held.bytes > limits.reorder_bytes_per_edge_node_max
            || self.waiting_room.bytes + held.bytes > limits.reorder_bytes_max;
        self.waiting_room.bytes += held.bytes;
        self.waiting_room.deadlines.insert((held.deadline, index));
        node.state = State::Reordering(life, held);
        if is_too_early || is_full {
            self.give_up(index, Turn::Unheld, message.now, outputs);
        }
    }

    /// Handles what has its turn now that a message has come.
    #[cold]
    pub(super) fn drain(&mut self, index: EdgeNodeIndex, now: Now, outputs: &mut Outputs) {
        loop {
            let node = self.edge_nodes.get_mut(index);
            let State::Reordering(life, held) = &mut node.state else { return };
            self.waiting_room.leave(index, held);
            let message = held.next_due(life);
            match held.messages.iter().map(|message| message.deadline).min() {
                Some(deadline) => {
                    held.deadline = deadline;
                    self.waiting_room.bytes += held.bytes;
                    self.waiting_room.deadlines.insert((deadline, index));
                }
                None => {
                    let State::Reordering(life, _) = node.state.take() else { unreachable!("it is reordering") };
                    node.state = State::Online(life);
                }
            }
            let Some(message) = message else { return };
            self.unhold(message, Turn::Unheld, now, outputs);
        }
    }

    /// Handles all that is held, in its order, though messages before it are missing.
    pub(super) fn give_up(&mut self, index: EdgeNodeIndex, turn: Turn, now: Now, outputs: &mut Outputs) {
        let Some(held) = self.take_held(index) else { return };
        for message in held.messages {
            self.unhold(message, turn, now, outputs);
        }
    }

    /// Drops all that is held.
    pub(super) fn forget_held(&mut self, index: EdgeNodeIndex) {
        if let Some(held) = self.take_held(index) {
            self.edge_nodes.get_mut(index).counters.held_dropped += held.len() as u64;
        }
    }

    /// A session is over: what it said and nobody has heard yet comes before its end.
    pub(super) fn give_up_for(&mut self, session: SessionKey, now: Now, outputs: &mut Outputs) {
        let waiting: Vec<EdgeNodeIndex> = self.waiting_room.deadlines.iter().map(|&(_, index)| index).collect();
        for index in waiting {
            if let State::Reordering(life, held) = &self.edge_nodes.get_mut(index).state
                && life.session != session
                && held.messages.iter().any(|message| message.session == session)
            {
                self.give_up(index, Turn::Unheld, now, outputs);
            }
        }
    }

    /// Time is up for those who waited long enough.
    pub(super) fn on_tick(&mut self, now: Now, outputs: &mut Outputs) {
        while let Some(&(deadline, index)) = self.waiting_room.deadlines.first()
            && deadline <= now.instant
        {
            self.give_up(index, Turn::Unheld, now, outputs);
        }
    }

    #[inline]
    fn take_held(&mut self, index: EdgeNodeIndex) -> Option<Held> {
        let state = &mut self.edge_nodes.get_mut(index).state;
        if !matches!(state, State::Reordering(..)) {
            return None;
        }
        let State::Reordering(life, held) = state.take() else { unreachable!("it has just been one") };
        *state = State::Online(life);
        self.waiting_room.leave(index, &held);
        Some(held)
    }

    fn unhold(&mut self, message: HeldMessage, turn: Turn, now: Now, outputs: &mut Outputs) {
        let HeldMessage { session, retained, topic, published, arrived: Now { wall, .. }, .. } = message;
        let unheld = match Unheld::new(topic.clone(), wall, published, &self.limits) {
            Ok(unheld) => Arc::new(unheld),
            Err(error) => {
                let topic = Topic::parse(&topic).expect("it was written by a topic");
                return self.on_malformed(now, session, &topic, error, outputs);
            }
        };
        outputs.begin_unheld(session, Arc::clone(&unheld));
        let topic = &unheld.topic();
        let message = Message {
            now: Now { wall, ..now },
            session,
            retained,
            topic,
            published: &unheld.published,
            bytes: unheld.bytes(),
            payload: &unheld.payload,
            turn,
            expected: None,
        };
        self.on_message(&message, outputs);
    }
}
