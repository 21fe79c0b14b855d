//! Settling: what waits in the inbox becomes the tree, and what the tree wants said goes out.
//!
//! Whoever has filled the inbox settles it, whoever's it is, until nothing comes back: what the tree says enters by the broker's
//! front door and may fill the inbox again. Knows no packet and no connection.
//! Invariant: when [`Hub::settle`] returns, what its caller has put into the inbox is in the tree.

use factree_ingest::{Ingest, Output, SessionKey};

use super::visit::{Left, Words};
use super::{Core, Hub, lock, now};
use crate::events;
use crate::face::Applied;

impl Hub {
    /// Applies all that waits in the inbox, and says what the tree wants said. Whether those who follow the tree on MQTT do not
    /// keep up.
    pub(super) fn settle(&self) -> bool {
        let mut are_subscribers_behind = false;
        loop {
            let mut ingest = lock(&self.ingest);
            // Taken under the ingest lock: whoever finds the inbox empty knows that its own batch has been applied.
            let (batches, heard) = {
                let mut core = self.core();
                (core.inbox.take(), self.face.hear(&core.broker))
            };
            if let Some(heard) = heard {
                self.face.heed(&mut ingest, heard);
            }
            let Some(batches) = batches else { return are_subscribers_behind };
            let (mut said, mut shown) = (Vec::new(), Vec::new());
            for batch in &batches {
                let since = self.face.owners.namespace.revision();
                ingest.apply(now(), batch, &mut said);
                shown.extend(self.show(&mut ingest, Applied { since, is_news: !said.is_empty() }));
            }
            let (is_news, has_moved) = (!said.is_empty(), lets_go(&said));
            // Still under the ingest lock: whoever finds the inbox empty knows that the births in it are noted, and a newer
            // birth's certificate comes after an older one's.
            let certified = {
                let mut core = self.core();
                core.inbox.give_back(batches);
                self.note_said(&mut core, &ingest, &mut said)
            };
            drop(ingest);
            if is_news {
                self.face.note_arrangement();
            }
            if has_moved {
                self.show_moved();
            }
            self.streams.ring();
            certified.iter().chain(&shown).for_each(|left| left.carry_out(&self.audit, &self.recent));
            are_subscribers_behind |= shown.iter().any(|left| left.answer.subscribers_behind);
            if !self.say(said) {
                return are_subscribers_behind;
            }
        }
    }

    /// Lets the tree act on its deadline, if that has come.
    pub(super) fn tick_tree(&self) {
        let (mut ingest, now, mut said) = (lock(&self.ingest), now(), Vec::new());
        if ingest.next_deadline().is_none_or(|deadline| deadline > now.instant) {
            return;
        }
        let since = self.face.owners.namespace.revision();
        ingest.tick(now, &mut said);
        let shown = self.show(&mut ingest, Applied { since, is_news: !said.is_empty() });
        let has_moved = lets_go(&said);
        let certified = self.note_said(&mut self.core(), &ingest, &mut said);
        drop(ingest);
        self.face.note_arrangement();
        if has_moved {
            self.show_moved();
        }
        certified.iter().chain(&shown).for_each(|left| left.carry_out(&self.audit, &self.recent));
        self.speak(said);
    }

    /// Notes of what the tree said whatever must be noted in its order, and when the tree wants to be woken.
    pub(super) fn note_said(&self, core: &mut Core, ingest: &Ingest, said: &mut Vec<Output>) -> Vec<Left> {
        let mut left = Vec::new();
        if !said.is_empty() {
            left.extend(self.certify(core, said));
            left.extend(self.clear_vanished(core, said));
            self.note_births(core, said);
        }
        if core.tree_deadline != ingest.next_deadline() {
            core.tree_deadline = ingest.next_deadline();
            self.arm(core);
        }
        left
    }

    /// Says what the tree wants said because somebody asked over HTTP, with everything it leads to.
    pub(crate) fn speak(&self, mut said: Vec<Output>) {
        if said.iter().any(|output| matches!(output, Output::Keep(_) | Output::Vanished(_))) {
            let ingest = lock(&self.ingest);
            let left = self.note_said(&mut self.core(), &ingest, &mut said);
            drop(ingest);
            left.iter().for_each(|left| left.carry_out(&self.audit, &self.recent));
        }
        // A command to a plain topic is in the tree already.
        self.streams.ring();
        if self.face.is_watching() {
            let applied = Applied { since: self.face.owners.namespace.revision(), is_news: false };
            let shown = self.show(&mut lock(&self.ingest), applied);
            shown.iter().for_each(|left| left.carry_out(&self.audit, &self.recent));
        }
        if self.say(said) {
            self.settle();
        }
    }

    /// What the tree says enters by the broker's front door, or goes to the foreign broker its addressee was heard on.
    /// Returns whether there was anything that comes back to it.
    fn say(&self, said: Vec<Output>) -> bool {
        let mut messages = Vec::new();
        for output in said {
            match output {
                Output::Publish(message) => match message.session.and_then(SessionKey::attachment) {
                    Some(number) => self.outlets.send(number, message),
                    None => messages.push((message.topic, message.payload, false)),
                },
                Output::State(message) => {
                    messages.push((message.topic.into(), message.payload.into_boxed_bytes().into(), true));
                }
                Output::Event(event) => {
                    events::log_ingest(&event);
                    self.recent.note_ingest(factree_namespace::Timestamp(now().wall.0), &event);
                }
                Output::Keep(_) | Output::Vanished(_) => unreachable!("what is kept, or has vanished, is noted before"),
            }
        }
        if messages.is_empty() {
            return false;
        }
        let left = self.enter(None, Box::default(), &mut Vec::new(), |visit| {
            for (topic, payload, retained) in &messages {
                visit.say(Words { topic, payload, retained: *retained });
            }
        });
        left.carry_out(&self.audit, &self.recent);
        true
    }
}

/// Whether something has left the tree: whoever waited for its path may stand there now.
fn lets_go(said: &[Output]) -> bool {
    said.iter().any(|output| matches!(output, Output::Vanished(_)))
}
