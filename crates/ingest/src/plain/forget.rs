//! Plain topics that leave: what is forgotten of them, and whose their numbers and slots are then.
//!
//! A topic that was cleared is kept for no restart from that moment on, and leaves the tree when that is worth it; one that speaks
//! again meanwhile stays. Numbers are used again at once, slots when there are no others.
//! Knows no clock. Invariant: a number in `vacant` is nobody's, and so is a slot in `vacant_slots`.

use std::collections::HashMap;
use std::sync::Arc;

use factree_namespace::{ElementId, Namespace, OriginId};

use super::{PlainTopic, PlainTopics};
use crate::keep::{CHUNK, Keep, Table, samples_key};
use crate::{Output, Vanished};

/// The slots of the block, and those that are nobody's.
pub(super) struct Slots<'s> {
    pub(super) given: &'s mut Vec<(u32, u32)>,
    pub(super) vacant: &'s mut Vec<u32>,
}

impl Slots<'_> {
    /// The slot that the next field may have.
    pub(super) fn next(&self, max: usize) -> u32 {
        let again = self.vacant.last().copied().filter(|_| self.given.len() >= max);
        again.unwrap_or(self.given.len() as u32)
    }

    /// It is this field's now.
    pub(super) fn give(self, slot: u32, field: (u32, u32)) {
        match self.given.get_mut(slot as usize) {
            Some(vacant) => {
                *vacant = field;
                self.vacant.pop();
            }
            None => self.given.push(field),
        }
    }
}

impl PlainTopics {
    /// The retained message of a topic has been cleared: nothing of it is kept. False if there is no such topic, or it holds
    /// context, or is waiting already.
    pub(crate) fn clear(&mut self, namespace: &Namespace, topic: &str, out: &mut Vec<Output>) -> bool {
        let Some(&number) = self.by_name.get(topic) else { return false };
        let entry = &self.topics[number as usize];
        let mut slots = entry.fields.iter().map(|field| field.slot);
        if self.block.is_watched() && namespace.contexts().have_any(&self.block, &mut slots) {
            return false;
        }
        let is_new = self.cleared.insert(number);
        if is_new {
            out.extend(entry.keys().map(|key| Output::Keep(Keep::Remove(Table::Samples, key))));
        }
        is_new
    }

    /// So many at most of those that have been cleared and have said nothing since.
    pub(crate) fn take_cleared(&mut self, max: usize) -> Vec<u32> {
        std::iter::from_fn(|| self.cleared.pop_first()).take(max).collect()
    }

    /// The topics that stand at an element.
    pub(crate) fn standing_at(&self, element: ElementId) -> Vec<u32> {
        let numbered = (0..).zip(&self.topics);
        numbered.filter(|(_, topic)| topic.root == Some(element)).map(|(number, _)| number).collect()
    }

    /// These topics leave the tree, and what is kept of them. The paths that lost a sample.
    pub(crate) fn forget(&mut self, namespace: &Namespace, numbers: &[u32], out: &mut Vec<Output>) -> Vec<Vanished> {
        let (mut vanished, mut origins, mut slots) = (Vec::new(), Vec::new(), Vec::new());
        for &number in numbers {
            self.cleared.remove(&number);
            let entry = &mut self.topics[number as usize];
            let nobody = PlainTopic::nobody(entry.origin);
            let entry = std::mem::replace(entry, nobody);
            self.by_name.remove(&entry.topic);
            out.extend(entry.keys().map(|key| Output::Keep(Keep::Remove(Table::Samples, key))));
            origins.push(entry.origin);
            let view = namespace.read();
            for field in &entry.fields {
                slots.push(field.slot);
                let Some(element) = self.block.element(field.slot) else { continue };
                let said_as = if field.path.is_empty() { String::new() } else { format!("/{}", field.path) };
                vanished
                    .push(Vanished { path: view.path(element), said_as: Some(format!("{}{said_as}", entry.topic)) });
            }
        }
        namespace.mover().remove(&self.block, &origins, slots.iter().copied());
        self.vacant.extend(numbers);
        self.vacant_slots.extend(slots);
        vanished
    }
}

impl PlainTopic {
    /// What is left of one that was forgotten.
    fn nobody(origin: OriginId) -> Self {
        Self {
            topic: Arc::from(""),
            origin,
            root: None,
            has_missed: false,
            is_nobodys: true,
            fields: Vec::new(),
            by_path: HashMap::new(),
            messages: 0,
            link: None,
        }
    }

    /// What its records are kept by.
    fn keys(&self) -> impl Iterator<Item = Box<[u8]>> {
        (0..self.fields.len().div_ceil(CHUNK)).filter_map(|chunk| samples_key(&self.topic, chunk as u32))
    }
}
