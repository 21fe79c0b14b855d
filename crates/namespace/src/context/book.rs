//! Documents and what they said, together: the one thing that the lock of contexts guards.
//!
//! Beginning, noting and forgetting a history also says what the store has to know of it, in one place, so that neither can be
//! done without the other. Knows no lock. Invariant: `bytes` is the sum over all histories.

use std::sync::Arc;

use super::documents::{Cell, Documents, PartKey};
use super::history::{Bounds, History, Noted};
use crate::{
    ContextDocument, ContextEntry, ContextField, ContextInForce, ContextKnown, ContextSaid, ContextWrite, ElementId,
    Limits, Quality, Source, Timestamp, View,
};

/// A time this far ahead of our clock is no time at which anything can have been said.
const AHEAD_MAX_MS: u64 = 24 * 60 * 60 * 1000;

/// Documents, and their histories by number.
#[derive(Debug, Default)]
pub(crate) struct Book {
    pub(crate) documents: Documents,
    pub(crate) histories: Vec<(PartKey, History)>,
    pub(crate) bytes: usize,
    /// Not yet told to the store.
    pub(crate) writes: Vec<ContextWrite>,
}

impl Book {
    /// The history of that name, which may have to be begun.
    pub(crate) fn part(&mut self, key: PartKey) -> usize {
        if let Some(known) = self.documents.part(&key) {
            return known;
        }
        self.histories.push((key.clone(), History::default()));
        self.documents.number(key, self.histories.len() - 1);
        self.histories.len() - 1
    }

    /// Finds the documents that a cell belongs to; whether there are any that did not know it.
    pub(crate) fn register(&mut self, view: &View<'_>, id: ElementId, limits: &Limits) -> bool {
        let mut is_new = false;
        for found in self.documents.find(view, id) {
            let part = self.part(found.key.clone());
            is_new |= self.documents.add(view, found, part, limits);
        }
        is_new
    }

    /// Begins the histories of new cells with what they hold.
    pub(crate) fn begin(&mut self, view: &View<'_>, ids: &[ElementId], limits: &Limits) {
        type Held = (ContextField, Timestamp, Timestamp);
        let mut begun: Vec<(usize, Vec<Held>)> = Vec::new();
        for &id in ids {
            let Some((sample, cell)) = view.sample(id).zip(view.tree.element(id).cell()) else { continue };
            for Cell { part, field, .. } in self.documents.cells(cell) {
                if self.histories[*part].1.mentions(field) {
                    continue;
                }
                let held =
                    ContextField { name: Arc::clone(field), value: sample.value.clone(), quality: sample.quality };
                let held = (held, sensible(Some(sample.timestamp), sample.received), sample.received);
                match begun.iter_mut().find(|(known, _)| known == part) {
                    Some((_, fields)) => fields.push(held),
                    None => begun.push((*part, vec![held])),
                }
            }
        }
        for (part, held) in begun {
            let is_topic = matches!(self.histories[part].0.source, Source::Topic { .. });
            let latest = held.iter().map(|&(_, _, received)| received).max();
            let now = latest.unwrap_or_default();
            let mut by_time: Vec<(Timestamp, Vec<ContextField>)> = Vec::new();
            for (field, from, received) in held {
                // What a topic's last message did not have is no field of its document any more.
                if is_topic && Some(received) != latest {
                    continue;
                }
                match by_time.iter_mut().find(|(time, _)| is_topic || *time == from) {
                    Some((time, fields)) => {
                        *time = (*time).max(from);
                        fields.push(field);
                    }
                    None => by_time.push((from, vec![field])),
                }
            }
            by_time.sort_by_key(|&(time, _)| time);
            for (from, fields) in by_time {
                let said = if is_topic { ContextSaid::Whole(fields.into()) } else { ContextSaid::Some(fields.into()) };
                self.note(part, ContextEntry { from, said }, now, limits);
            }
        }
    }

    /// Notes a change, and makes room for it.
    pub(crate) fn note(&mut self, part: usize, entry: ContextEntry, now: Timestamp, limits: &Limits) {
        let age = limits.context_age_max.as_millis() as u64;
        let oldest = Timestamp(now.0.saturating_sub(age));
        let bounds = Bounds { entries_max: limits.context_changes_max.get(), oldest };
        self.change(part, |history, noted| history.note(entry, bounds, noted));
        while self.bytes > limits.context_bytes_max {
            let largest = (0..self.histories.len()).max_by_key(|&part| self.histories[part].1.bytes());
            let largest = largest.expect("something takes all that room");
            if !self.change(largest, History::halve) {
                // Even what is in force does not fit: then nobody knows it.
                self.change(largest, |history, noted| history.clear(noted));
            }
        }
    }

    /// Lets a history change, and notes that for the store.
    pub(crate) fn change<T>(&mut self, part: usize, change: impl FnOnce(&mut History, &mut Noted<'_>) -> T) -> T {
        let Self { histories, writes, bytes, .. } = self;
        let (PartKey { source, within }, history) = &mut histories[part];
        let before = history.bytes();
        let done = change(history, &mut |number, entry| {
            writes.push(ContextWrite {
                source: source.clone(),
                within: Arc::clone(within),
                number,
                entry: entry.cloned(),
            });
        });
        *bytes = *bytes + history.bytes() - before;
        done
    }

    /// What a source says of the present is so, even if its clock has gone back, or it was thought to be gone: from now on,
    /// or from its last change if that is later.
    pub(crate) fn affirm(&mut self, part: usize, mut fields: Vec<ContextField>, now: Timestamp, limits: &Limits) {
        let history = &self.histories[part].1;
        let Some((last, end)) = history.last().zip(history.in_force(Timestamp(u64::MAX))) else { return };
        fields.retain(|field| !end.has(field));
        if !fields.is_empty() {
            self.note(part, ContextEntry { from: last.max(now), said: ContextSaid::Some(fields.into()) }, now, limits);
        }
    }

    /// A document that was thought to be gone is said again, by its newest content: it holds from now on.
    pub(crate) fn revive(&mut self, part: usize, from: Timestamp, said: ContextSaid, now: Timestamp, limits: &Limits) {
        let history = &self.histories[part].1;
        if let Some(last) = history.distrusted().filter(|_| history.last_said().is_some_and(|newest| from >= newest)) {
            self.note(part, ContextEntry { from: last.max(now), said }, now, limits);
        }
    }

    pub(crate) fn distrust(&mut self, parts: &[usize], now: Timestamp, limits: &Limits) {
        for &part in parts {
            // A change from a clock ahead of ours came before this all the same, and was so for a moment.
            let Some(last) = self.histories[part].1.last() else { continue };
            let from = now.max(Timestamp(last.0.saturating_add(1)));
            let entry = ContextEntry { from, said: ContextSaid::Quality(Quality::Stale) };
            self.note(part, entry, now, limits);
        }
    }

    /// Forgets the histories that belong to no document.
    pub(crate) fn forget_unused(&mut self) {
        for part in 0..self.histories.len() {
            if !self.documents.is_used(part) {
                self.change(part, |history, noted| history.clear(noted));
            }
        }
        let (documents, mut number) = (&mut self.documents, 0);
        let mut left = Vec::new();
        let mut numbers = Vec::with_capacity(self.histories.len());
        for (part, history) in std::mem::take(&mut self.histories).into_iter().enumerate() {
            let is_used = documents.is_used(part);
            numbers.push(is_used.then_some(number));
            if is_used {
                number += 1;
                left.push(history);
            }
        }
        documents.renumber(&numbers);
        self.histories = left;
    }

    /// Adds what a document was at a time.
    pub(crate) fn tell(&self, document: usize, at: Timestamp, to: &mut ContextInForce) {
        let (name, path, scope) = self.documents.named(document);
        let mut known: Option<ContextKnown> = None;
        for (part, lead) in self.documents.parts(document) {
            let history = &self.histories[*part].1;
            let Some(in_force) = history.in_force(at) else {
                // Its source has not said anything yet, or nobody knows what.
                to.is_complete = false;
                to.until = earlier(to.until, history.first());
                continue;
            };
            to.from = to.from.max(in_force.from);
            to.until = earlier(to.until, in_force.until);
            let known =
                known.get_or_insert(ContextKnown { since: in_force.since, quality: Quality::Good, fields: Vec::new() });
            known.since = known.since.max(in_force.since);
            for field in in_force.fields {
                let name = match (lead.is_empty(), field.name.is_empty()) {
                    (true, _) => field.name,
                    (false, true) => Arc::clone(lead),
                    (false, false) => format!("{lead}/{}", field.name).into(),
                };
                if self.documents.wants(document, &name) {
                    known.quality = worse(known.quality, field.quality);
                    known.fields.push((name, field.value));
                }
            }
        }
        if let Some(known) = &mut known {
            known.fields.sort_by(|(one, _), (other, _)| one.cmp(other));
        }
        to.is_complete &= !self.documents.is_cut(document);
        to.documents.push(ContextDocument { name, path, scope, known });
    }
}

fn earlier(one: Option<Timestamp>, other: Option<Timestamp>) -> Option<Timestamp> {
    [one, other].into_iter().flatten().min()
}

fn worse(one: Quality, other: Quality) -> Quality {
    let rank = |quality: Quality| match quality {
        Quality::Good => 0,
        Quality::Uncertain => 1,
        Quality::Stale => 2,
        Quality::Bad => 3,
    };
    if rank(other) > rank(one) { other } else { one }
}

/// A document's own time, if it can be one; else the time at which it reached us.
pub(crate) fn sensible(said: Option<Timestamp>, now: Timestamp) -> Timestamp {
    said.filter(|said| said.0 > 0 && said.0 <= now.0.saturating_add(AHEAD_MAX_MS)).unwrap_or(now)
}
