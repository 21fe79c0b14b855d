//! Context: what was going on when a sample was captured.
//!
//! A rule names *documents* (an order, a batch, an operator) by their paths. What a document says applies to everything below
//! the element it is about; of several by one name the nearest does. Nothing is stored for the samples: an element's
//! contexts are found by walking up, and what was in force at a sample's time is looked up in the [history](history) of each
//! document. A history belongs to a source and not to a path, so it goes along when other placement rules move things.
//! Its lock is taken after the tree's and before those of blocks. Knows no configuration and no JSON.
//! Invariant: a change is noted before the batch that brought it can be read, so who sees a sample sees its context.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use crate::element::CellId;
use crate::{Block, ElementId, Filter, Limits, OriginId, Quality, Source, Timestamp, Value, View};

mod documents;
mod history;

use documents::{Cell, Documents, PartKey};
use history::{Bounds, History};
pub use history::{ContextEntry, ContextField, ContextSaid};

/// A time this far ahead of our clock is no time at which anything can have been said.
const AHEAD_MAX_MS: u64 = 24 * 60 * 60 * 1000;

/// Which documents are context, and for what.
#[derive(Clone, Debug, PartialEq)]
pub struct ContextRule {
    /// What it is called: `order`.
    pub name: Arc<str>,
    /// The paths of its documents; without `#`, since a document is one element.
    pub path: Filter,
    /// What they apply to.
    pub scope: ContextScope,
    /// The fields that count, with what is below them; none: all.
    pub fields: Option<Arc<[Arc<str>]>>,
}

/// What a document applies to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ContextScope {
    /// The element so many levels above the document, and everything below that.
    Above(usize),
    /// The element at this path, and everything below that.
    Below(Arc<str>),
}

/// What the contexts of an element were at a time.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ContextInForce {
    /// The nearest first; of one name there is one.
    pub documents: Vec<ContextDocument>,
    /// Whether all is known that there is to know.
    pub is_complete: bool,
    /// It is the same from here…
    pub from: Timestamp,
    /// …up to here, unless something is said late.
    pub until: Option<Timestamp>,
}

/// A document as it was.
#[derive(Clone, Debug, PartialEq)]
pub struct ContextDocument {
    /// What the rule calls it.
    pub name: Arc<str>,
    /// Where the document is.
    pub path: Arc<str>,
    /// Where the element is that it applies to; empty for the root.
    pub scope: Arc<str>,
    /// What was in force; none if that is not known.
    pub known: Option<ContextKnown>,
}

/// What a document said.
#[derive(Clone, Debug, PartialEq)]
pub struct ContextKnown {
    /// Since when.
    pub since: Timestamp,
    /// The least of its fields'.
    pub quality: Quality,
    /// In the order of their names; one without a name is the document's own value.
    pub fields: Vec<(Arc<str>, Value)>,
}

/// What one cell of a document says.
#[derive(Clone, Debug)]
pub struct ContextSample {
    /// Its value.
    pub value: Value,
    /// How far to trust it.
    pub quality: Quality,
    /// Since when, if its source says so.
    pub timestamp: Option<Timestamp>,
    /// It is told of the past: something else may be so now.
    pub is_historical: bool,
}

/// A change to what has to be kept of the histories.
#[derive(Clone, Debug, PartialEq)]
pub struct ContextWrite {
    /// Whose history.
    pub source: Source,
    /// Which of them: where the document begins in what the source publishes.
    pub within: Arc<str>,
    /// Which entry.
    pub number: u64,
    /// What it says; none: it is forgotten.
    pub entry: Option<ContextEntry>,
}

/// Sizes, for telemetry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ContextStats {
    /// Documents.
    pub documents: usize,
    /// Changes remembered.
    pub changes: usize,
    /// What they hold, in bytes, near enough to plan with.
    pub bytes: usize,
    /// Documents and fields that were not taken, for a limit.
    pub refused: u64,
}

/// The contexts of a tree. Shared by reference; whoever writes to the tree also writes here, one at a time.
#[derive(Debug)]
pub struct Contexts {
    is_declared: AtomicBool,
    has_writes: AtomicBool,
    version: AtomicU64,
    inner: RwLock<Inner>,
    limits: Limits,
}

#[derive(Debug, Default)]
struct Inner {
    documents: Documents,
    histories: Vec<(PartKey, History)>,
    bytes: usize,
    /// Not yet told to the store.
    writes: Vec<ContextWrite>,
}

impl Contexts {
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            is_declared: AtomicBool::new(false),
            has_writes: AtomicBool::new(false),
            version: AtomicU64::new(0),
            inner: RwLock::default(),
            limits,
        }
    }

    /// Whether there is any rule.
    #[inline]
    pub fn is_declared(&self) -> bool {
        self.is_declared.load(Ordering::Relaxed)
    }

    /// Moves with every change of what any of this answers.
    pub fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    /// Declares what is context, in place of what was declared before. What is in the tree already counts from its own
    /// time on.
    pub fn declare(&self, view: &View<'_>, rules: Vec<ContextRule>) {
        let mut inner = self.write();
        self.is_declared.store(!rules.is_empty(), Ordering::Relaxed);
        inner.documents.declare(rules);
        self.rebuild(&mut inner, view);
    }

    /// Things have been moved: finds all documents anew. What belongs to none any more is forgotten.
    pub fn replaced(&self, view: &View<'_>) {
        let mut inner = self.write();
        self.rebuild(&mut inner, view);
    }

    /// Looks whether new elements belong to documents. To be called after they were placed; with what they hold, if
    /// anything, their histories begin.
    pub fn placed(&self, view: &View<'_>, ids: impl Iterator<Item = ElementId>) {
        let mut inner = self.write();
        if inner.documents.layout() != view.layout() {
            // Things are being moved, and will all be looked at when that has ended.
            return;
        }
        let new: Vec<_> = ids.filter(|&id| inner.register(view, id, &self.limits)).collect();
        inner.documents.house(view);
        if !new.is_empty() {
            inner.begin(view, &new, &self.limits);
            self.changed(&inner, usize::MAX);
        }
    }

    /// What cells of a block say from now on, or from their own times: each by itself. Nothing happens for cells that belong
    /// to no document. To be called before the batch can be read.
    ///
    /// `said` gives the slots, and for the few of documents `say` is asked what they say.
    pub fn note<T>(
        &self,
        block: &Block,
        now: Timestamp,
        said: impl Iterator<Item = (u32, T)>,
        say: impl Fn(T) -> ContextSample,
    ) {
        let mut inner = self.write();
        // By part and time: what one message says of one moment is one change.
        let mut told: Vec<(usize, Timestamp, Vec<ContextField>)> = Vec::new();
        // What is so from now on, whatever its time says.
        let mut current: Vec<(usize, Vec<ContextField>)> = Vec::new();
        for (slot, said) in said {
            let mut cells = inner.documents.cells(CellId { block: block.index, slot }).peekable();
            if cells.peek().is_none() {
                continue;
            }
            let ContextSample { value, quality, timestamp, is_historical } = say(said);
            let (value, quality) = self.cut(value, quality);
            let from = sensible(timestamp, now);
            for cell in cells {
                let field = ContextField { name: Arc::clone(&cell.field), value: value.clone(), quality };
                if !is_historical {
                    let known = current.iter().position(|(part, _)| *part == cell.part);
                    let known = known.unwrap_or_else(|| {
                        current.push((cell.part, Vec::new()));
                        current.len() - 1
                    });
                    let fields = &mut current[known].1;
                    fields.retain(|former| former.name != field.name);
                    fields.push(field.clone());
                }
                match told.iter_mut().find(|(part, at, _)| (*part, *at) == (cell.part, from)) {
                    Some((_, _, fields)) if fields.iter().all(|known| known.name != field.name) => fields.push(field),
                    _ => told.push((cell.part, from, vec![field])),
                }
            }
        }
        let before = inner.writes.len();
        for (part, from, fields) in told {
            inner.note(part, ContextEntry { from, said: ContextSaid::Some(fields.into()) }, now, &self.limits);
        }
        for (part, fields) in current {
            inner.affirm(part, fields, now, &self.limits);
        }
        self.changed(&inner, before);
    }

    /// The same for a message that says all there is: of the cells in `slots`, those that are not in it have no value from
    /// then on. Since when is the time in `at`, or else the latest of the samples', or else now.
    pub fn note_whole(
        &self,
        block: &Block,
        now: Timestamp,
        at: Option<Timestamp>,
        slots: impl Iterator<Item = u32>,
        samples: &[(u32, ContextSample)],
    ) {
        let mut inner = self.write();
        let mut told: Vec<(usize, Vec<ContextField>)> = Vec::new();
        for slot in slots {
            for cell in inner.documents.cells(CellId { block: block.index, slot }) {
                if told.iter().all(|(part, _)| *part != cell.part) {
                    told.push((cell.part, Vec::new()));
                }
            }
        }
        if told.is_empty() {
            return;
        }
        for (slot, ContextSample { value, quality, .. }) in samples {
            for cell in inner.documents.cells(CellId { block: block.index, slot: *slot }) {
                let (value, quality) = self.cut(value.clone(), *quality);
                let field = ContextField { name: Arc::clone(&cell.field), value, quality };
                let part = told.iter_mut().find(|(part, _)| *part == cell.part);
                part.expect("the slots of a message are among those of its source").1.push(field);
            }
        }
        let own = at.or_else(|| samples.iter().filter_map(|(_, sample)| sample.timestamp).max());
        let from = sensible(own, now);
        let before = inner.writes.len();
        for (part, fields) in told {
            let said = ContextSaid::Whole(fields.into());
            inner.note(part, ContextEntry { from, said: said.clone() }, now, &self.limits);
            inner.revive(part, from, said, now, &self.limits);
        }
        self.changed(&inner, before);
    }

    /// The documents of a block, or of one origin in it, are Stale from now on, or from their last change if that is later.
    /// To be called before the block's samples are. The block must not be locked.
    pub fn stale(&self, block: &Block, origin: Option<OriginId>, now: Timestamp) {
        let mut inner = self.write();
        let before = inner.writes.len();
        let cells = block.read();
        let is_meant =
            |cell: &CellId| cell.block == block.index && origin.is_none_or(|origin| cells.origin(cell.slot) == origin);
        let parts = inner.documents.parts_of(is_meant);
        drop(cells);
        inner.distrust(&parts, now, &self.limits);
        self.changed(&inner, before);
    }

    /// The documents that cells belong to are Stale from now on, whole.
    pub fn stale_documents(&self, block: &Block, slots: impl Iterator<Item = u32>, now: Timestamp) {
        let mut inner = self.write();
        let before = inner.writes.len();
        let cells = slots.flat_map(|slot| inner.documents.cells(CellId { block: block.index, slot }));
        let mut parts: Vec<usize> = cells.map(|cell| cell.part).collect();
        parts.sort_unstable();
        parts.dedup();
        inner.distrust(&parts, now, &self.limits);
        self.changed(&inner, before);
    }

    /// Some cells are Stale from now on, because their source has them no more.
    pub fn stale_slots(&self, block: &Block, slots: impl Iterator<Item = u32>, now: Timestamp) {
        let mut inner = self.write();
        let before = inner.writes.len();
        for slot in slots {
            let cells: Vec<Cell> = inner.documents.cells(CellId { block: block.index, slot }).cloned().collect();
            for Cell { part, field, .. } in cells {
                let end = inner.histories[part].1.in_force(Timestamp(u64::MAX)).unwrap_or_default();
                let fields = end.fields.into_iter().filter(|known| known.name == field);
                let stale = fields.map(|field| ContextField { quality: Quality::Stale, ..field }).collect();
                inner.affirm(part, stale, now, &self.limits);
            }
        }
        self.changed(&inner, before);
    }

    /// Every document is Stale from then on: nobody knows what was said while this process was not there.
    pub fn stale_all(&self, since: Timestamp) {
        let mut inner = self.write();
        let parts: Vec<usize> = (0..inner.histories.len()).collect();
        inner.distrust(&parts, since, &self.limits);
        self.changed(&inner, usize::MAX);
    }

    /// Takes back an entry of a former process. All of a history come in the order of their numbers, before anything is
    /// declared.
    pub fn restore(&self, source: Source, within: &str, number: u64, entry: ContextEntry) {
        let mut inner = self.write();
        let part = inner.part(PartKey { source, within: within.into() });
        let (_, history) = &mut inner.histories[part];
        let before = history.bytes();
        history.restore(number, entry);
        inner.bytes = inner.bytes + inner.histories[part].1.bytes() - before;
    }

    /// The histories there are, and the last thing each has said with the fields it then had.
    pub fn last_words(&self) -> Vec<(Source, Arc<str>, ContextEntry)> {
        let inner = self.read();
        let last = |(key, history): &(PartKey, History)| {
            let in_force = history.in_force(Timestamp(u64::MAX))?;
            let said = ContextSaid::Some(in_force.fields.into());
            Some((key.source.clone(), Arc::clone(&key.within), ContextEntry { from: in_force.since, said }))
        };
        inner.histories.iter().filter_map(last).collect()
    }

    /// What the store is to be told since the last time.
    pub fn take_writes(&self) -> Vec<ContextWrite> {
        if !self.has_writes.load(Ordering::Relaxed) {
            return Vec::new();
        }
        self.has_writes.store(false, Ordering::Relaxed);
        std::mem::take(&mut self.write().writes)
    }

    /// The nearest element, from `id` upwards, that documents apply to. All below it, up to the next such element, have the
    /// same contexts; none if there are none.
    pub fn scope(&self, view: &View<'_>, id: ElementId) -> Option<ElementId> {
        if !self.is_declared() {
            return None;
        }
        let inner = self.read();
        let is_scope = |id: &ElementId| inner.documents.is_scope(*id);
        view.tree.ancestry(id).find(is_scope).or(Some(ElementId::ROOT).filter(is_scope))
    }

    /// What the contexts of an element were at a time.
    pub fn in_force(&self, view: &View<'_>, id: ElementId, at: Timestamp) -> ContextInForce {
        let inner = self.read();
        let mut in_force = ContextInForce { is_complete: true, ..ContextInForce::default() };
        if !self.is_declared() {
            return in_force;
        }
        // While things are being moved nobody knows what is above.
        if inner.documents.layout() != view.layout() || inner.documents.is_full() {
            in_force.is_complete = false;
        }
        if inner.documents.layout() == view.layout() {
            for document in inner.documents.applying(view, id) {
                inner.tell(document, at, &mut in_force);
            }
        }
        in_force
    }

    /// The names of the contexts of an element, and the paths of their documents.
    pub fn applying(&self, view: &View<'_>, id: ElementId) -> Vec<(Arc<str>, Arc<str>)> {
        if !self.is_declared() {
            return Vec::new();
        }
        let inner = self.read();
        if inner.documents.layout() != view.layout() {
            return Vec::new();
        }
        let documents = inner.documents.applying(view, id).into_iter();
        documents.map(|document| inner.documents.named(document)).map(|(name, path, _)| (name, path)).collect()
    }

    /// Up to `limit` documents in the order of name and path, beyond that one, each as it is according to what it said last.
    pub fn list(&self, after: Option<(&str, &str)>, limit: usize) -> Vec<ContextDocument> {
        let inner = self.read();
        let mut listed: Vec<_> =
            (0..inner.documents.len()).map(|document| (inner.documents.named(document), document)).collect();
        listed.retain(|((name, path, _), _)| after.is_none_or(|after| (&**name, &**path) > after));
        listed.sort_unstable();
        let tell = |(_, document)| {
            let mut told = ContextInForce::default();
            inner.tell(document, Timestamp(u64::MAX), &mut told);
            told.documents.pop().expect("one was told")
        };
        listed.into_iter().take(limit).map(tell).collect()
    }

    /// Sizes.
    pub fn stats(&self) -> ContextStats {
        let inner = self.read();
        ContextStats {
            documents: inner.documents.len(),
            changes: inner.histories.iter().map(|(_, history)| history.len()).sum(),
            bytes: inner.bytes,
            refused: inner.documents.refused(),
        }
    }

    fn rebuild(&self, inner: &mut Inner, view: &View<'_>) {
        view.blocks().for_each(|block| block.watch(false));
        inner.documents.clear(view.layout());
        let mut new = Vec::new();
        for filter in inner.documents.filters() {
            // As many as all documents may have cells.
            let cells_max = self.limits.context_documents_max.saturating_mul(self.limits.context_fields_max);
            for id in view.select(&filter, None, cells_max) {
                if inner.register(view, id, &self.limits) {
                    new.push(id);
                }
            }
        }
        inner.documents.house(view);
        inner.begin(view, &new, &self.limits);
        inner.forget_unused();
        self.changed(inner, usize::MAX);
    }

    /// Answers may be others now, unless there are as many writes as `before`: what is repeated is none.
    fn changed(&self, inner: &Inner, before: usize) {
        self.has_writes.store(!inner.writes.is_empty(), Ordering::Relaxed);
        if inner.writes.len() != before {
            self.version.fetch_add(1, Ordering::AcqRel);
        }
    }

    /// A value too large for a history is none there.
    fn cut(&self, value: Value, quality: Quality) -> (Value, Quality) {
        match value.weigh(self.limits.nesting_max, self.limits.context_value_bytes_max) {
            Some(_) => (value, quality),
            None => (Value::Null, Quality::Bad),
        }
    }

    // Each change leaves it readable, so a poisoned lock is taken as it is.
    fn read(&self) -> RwLockReadGuard<'_, Inner> {
        self.inner.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Inner> {
        self.inner.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    /// The history of that name, which may have to be begun.
    fn part(&mut self, key: PartKey) -> usize {
        if let Some(known) = self.documents.part(&key) {
            return known;
        }
        self.histories.push((key.clone(), History::default()));
        self.documents.number(key, self.histories.len() - 1);
        self.histories.len() - 1
    }

    /// Finds the documents that a cell belongs to; whether there are any that did not know it.
    fn register(&mut self, view: &View<'_>, id: ElementId, limits: &Limits) -> bool {
        let mut is_new = false;
        for found in self.documents.find(view, id) {
            let part = self.part(found.key.clone());
            is_new |= self.documents.add(view, found, part, limits);
        }
        is_new
    }

    /// Begins the histories of new cells with what they hold.
    fn begin(&mut self, view: &View<'_>, ids: &[ElementId], limits: &Limits) {
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
    fn note(&mut self, part: usize, entry: ContextEntry, now: Timestamp, limits: &Limits) {
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
    fn change<T>(&mut self, part: usize, change: impl FnOnce(&mut History, &mut history::Noted<'_>) -> T) -> T {
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
    fn affirm(&mut self, part: usize, mut fields: Vec<ContextField>, now: Timestamp, limits: &Limits) {
        let history = &self.histories[part].1;
        let Some((last, end)) = history.last().zip(history.in_force(Timestamp(u64::MAX))) else { return };
        fields.retain(|field| !end.has(field));
        if !fields.is_empty() {
            self.note(part, ContextEntry { from: last.max(now), said: ContextSaid::Some(fields.into()) }, now, limits);
        }
    }

    /// A document that was thought to be gone is said again, by its newest content: it holds from now on.
    fn revive(&mut self, part: usize, from: Timestamp, said: ContextSaid, now: Timestamp, limits: &Limits) {
        let history = &self.histories[part].1;
        if let Some(last) = history.distrusted().filter(|_| history.last_said().is_some_and(|newest| from >= newest)) {
            self.note(part, ContextEntry { from: last.max(now), said }, now, limits);
        }
    }

    fn distrust(&mut self, parts: &[usize], now: Timestamp, limits: &Limits) {
        for &part in parts {
            // A change from a clock ahead of ours came before this all the same, and was so for a moment.
            let Some(last) = self.histories[part].1.last() else { continue };
            let from = now.max(Timestamp(last.0.saturating_add(1)));
            let entry = ContextEntry { from, said: ContextSaid::Quality(Quality::Stale) };
            self.note(part, entry, now, limits);
        }
    }

    /// Forgets the histories that belong to no document.
    fn forget_unused(&mut self) {
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
    fn tell(&self, document: usize, at: Timestamp, to: &mut ContextInForce) {
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
fn sensible(said: Option<Timestamp>, now: Timestamp) -> Timestamp {
    said.filter(|said| said.0 > 0 && said.0 <= now.0.saturating_add(AHEAD_MAX_MS)).unwrap_or(now)
}
