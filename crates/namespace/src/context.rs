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

mod book;
mod documents;
mod history;

use book::{Book, sensible};
use documents::{Cell, PartKey};
use history::History;
pub use history::{ContextEntry, ContextField, ContextSaid};

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
    book: RwLock<Book>,
    limits: Limits,
}

impl Contexts {
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            is_declared: AtomicBool::new(false),
            has_writes: AtomicBool::new(false),
            version: AtomicU64::new(0),
            book: RwLock::default(),
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
        let mut book = self.write();
        self.is_declared.store(!rules.is_empty(), Ordering::Relaxed);
        book.documents.declare(rules);
        self.rebuild(&mut book, view);
    }

    /// Things have been moved: finds all documents anew. What belongs to none any more is forgotten.
    pub fn replaced(&self, view: &View<'_>) {
        let mut book = self.write();
        self.rebuild(&mut book, view);
    }

    /// Looks whether new elements belong to documents. To be called after they were placed; with what they hold, if
    /// anything, their histories begin.
    pub fn placed(&self, view: &View<'_>, ids: impl Iterator<Item = ElementId>) {
        let mut book = self.write();
        if book.documents.layout() != view.layout() {
            // Things are being moved, and will all be looked at when that has ended.
            return;
        }
        let new: Vec<_> = ids.filter(|&id| book.register(view, id, &self.limits)).collect();
        book.documents.house(view);
        if !new.is_empty() {
            book.begin(view, &new, &self.limits);
            self.changed(&book, usize::MAX);
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
        let mut book = self.write();
        // By part and time: what one message says of one moment is one change.
        let mut told: Vec<(usize, Timestamp, Vec<ContextField>)> = Vec::new();
        // What is so from now on, whatever its time says.
        let mut current: Vec<(usize, Vec<ContextField>)> = Vec::new();
        for (slot, said) in said {
            let mut cells = book.documents.cells(CellId { block: block.index, slot }).peekable();
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
        let before = book.writes.len();
        for (part, from, fields) in told {
            book.note(part, ContextEntry { from, said: ContextSaid::Some(fields.into()) }, now, &self.limits);
        }
        for (part, fields) in current {
            book.affirm(part, fields, now, &self.limits);
        }
        self.changed(&book, before);
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
        let mut book = self.write();
        let mut told: Vec<(usize, Vec<ContextField>)> = Vec::new();
        for slot in slots {
            for cell in book.documents.cells(CellId { block: block.index, slot }) {
                if told.iter().all(|(part, _)| *part != cell.part) {
                    told.push((cell.part, Vec::new()));
                }
            }
        }
        if told.is_empty() {
            return;
        }
        for (slot, ContextSample { value, quality, .. }) in samples {
            for cell in book.documents.cells(CellId { block: block.index, slot: *slot }) {
                let (value, quality) = self.cut(value.clone(), *quality);
                let field = ContextField { name: Arc::clone(&cell.field), value, quality };
                let part = told.iter_mut().find(|(part, _)| *part == cell.part);
                part.expect("the slots of a message are among those of its source").1.push(field);
            }
        }
        let own = at.or_else(|| samples.iter().filter_map(|(_, sample)| sample.timestamp).max());
        let from = sensible(own, now);
        let before = book.writes.len();
        for (part, fields) in told {
            let said = ContextSaid::Whole(fields.into());
            book.note(part, ContextEntry { from, said: said.clone() }, now, &self.limits);
            book.revive(part, from, said, now, &self.limits);
        }
        self.changed(&book, before);
    }

    /// The documents of a block, or of one origin in it, are Stale from now on, or from their last change if that is later.
    /// To be called before the block's samples are. The block must not be locked.
    pub fn stale(&self, block: &Block, origin: Option<OriginId>, now: Timestamp) {
        let mut book = self.write();
        let before = book.writes.len();
        let cells = block.read();
        let is_meant =
            |cell: &CellId| cell.block == block.index && origin.is_none_or(|origin| cells.origin(cell.slot) == origin);
        let parts = book.documents.parts_of(is_meant);
        drop(cells);
        book.distrust(&parts, now, &self.limits);
        self.changed(&book, before);
    }

    /// The documents that cells belong to are Stale from now on, whole.
    pub fn stale_documents(&self, block: &Block, slots: impl Iterator<Item = u32>, now: Timestamp) {
        let mut book = self.write();
        let before = book.writes.len();
        let cells = slots.flat_map(|slot| book.documents.cells(CellId { block: block.index, slot }));
        let mut parts: Vec<usize> = cells.map(|cell| cell.part).collect();
        parts.sort_unstable();
        parts.dedup();
        book.distrust(&parts, now, &self.limits);
        self.changed(&book, before);
    }

    /// Whether any of these cells of a block belongs to a document.
    pub fn have_any(&self, block: &Block, slots: impl Iterator<Item = u32>) -> bool {
        let book = self.read();
        let mut slots = slots;
        slots.any(|slot| book.documents.cells(CellId { block: block.index, slot }).next().is_some())
    }

    /// Some cells are Stale from now on, because their source has them no more.
    pub fn stale_slots(&self, block: &Block, slots: impl Iterator<Item = u32>, now: Timestamp) {
        let mut book = self.write();
        let before = book.writes.len();
        for slot in slots {
            let cells: Vec<Cell> = book.documents.cells(CellId { block: block.index, slot }).cloned().collect();
            for Cell { part, field, .. } in cells {
                let end = book.histories[part].1.in_force(Timestamp(u64::MAX)).unwrap_or_default();
                let fields = end.fields.into_iter().filter(|known| known.name == field);
                let stale = fields.map(|field| ContextField { quality: Quality::Stale, ..field }).collect();
                book.affirm(part, stale, now, &self.limits);
            }
        }
        self.changed(&book, before);
    }

    /// Every document is Stale from then on: nobody knows what was said while this process was not there.
    pub fn stale_all(&self, since: Timestamp) {
        let mut book = self.write();
        let parts: Vec<usize> = (0..book.histories.len()).collect();
        book.distrust(&parts, since, &self.limits);
        self.changed(&book, usize::MAX);
    }

    /// Takes back an entry of a former process. All of a history come in the order of their numbers, before anything is
    /// declared.
    pub fn restore(&self, source: Source, within: &str, number: u64, entry: ContextEntry) {
        let mut book = self.write();
        let part = book.part(PartKey { source, within: within.into() });
        let (_, history) = &mut book.histories[part];
        let before = history.bytes();
        history.restore(number, entry);
        book.bytes = book.bytes + book.histories[part].1.bytes() - before;
    }

    /// The histories there are, and the last thing each has said with the fields it then had.
    pub fn last_words(&self) -> Vec<(Source, Arc<str>, ContextEntry)> {
        let book = self.read();
        let last = |(key, history): &(PartKey, History)| {
            let in_force = history.in_force(Timestamp(u64::MAX))?;
            let said = ContextSaid::Some(in_force.fields.into());
            Some((key.source.clone(), Arc::clone(&key.within), ContextEntry { from: in_force.since, said }))
        };
        book.histories.iter().filter_map(last).collect()
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
        let book = self.read();
        let is_scope = |id: &ElementId| book.documents.is_scope(*id);
        view.tree.ancestry(id).find(is_scope).or(Some(ElementId::ROOT).filter(is_scope))
    }

    /// What the contexts of an element were at a time.
    pub fn in_force(&self, view: &View<'_>, id: ElementId, at: Timestamp) -> ContextInForce {
        let book = self.read();
        let mut in_force = ContextInForce { is_complete: true, ..ContextInForce::default() };
        if !self.is_declared() {
            return in_force;
        }
        // While things are being moved nobody knows what is above.
        if book.documents.layout() != view.layout() || book.documents.is_full() {
            in_force.is_complete = false;
        }
        if book.documents.layout() == view.layout() {
            for document in book.documents.applying(view, id) {
                book.tell(document, at, &mut in_force);
            }
        }
        in_force
    }

    /// The names of the contexts of an element, and the paths of their documents.
    pub fn applying(&self, view: &View<'_>, id: ElementId) -> Vec<(Arc<str>, Arc<str>)> {
        if !self.is_declared() {
            return Vec::new();
        }
        let book = self.read();
        if book.documents.layout() != view.layout() {
            return Vec::new();
        }
        let documents = book.documents.applying(view, id).into_iter();
        documents.map(|document| book.documents.named(document)).map(|(name, path, _)| (name, path)).collect()
    }

    /// Up to `limit` documents in the order of name and path, beyond that one, each as it is according to what it said last.
    pub fn list(&self, after: Option<(&str, &str)>, limit: usize) -> Vec<ContextDocument> {
        let book = self.read();
        let mut listed: Vec<_> =
            (0..book.documents.len()).map(|document| (book.documents.named(document), document)).collect();
        listed.retain(|((name, path, _), _)| after.is_none_or(|after| (&**name, &**path) > after));
        listed.sort_unstable();
        let tell = |(_, document)| {
            let mut told = ContextInForce::default();
            book.tell(document, Timestamp(u64::MAX), &mut told);
            told.documents.pop().expect("one was told")
        };
        listed.into_iter().take(limit).map(tell).collect()
    }

    /// Sizes.
    pub fn stats(&self) -> ContextStats {
        let book = self.read();
        ContextStats {
            documents: book.documents.len(),
            changes: book.histories.iter().map(|(_, history)| history.len()).sum(),
            bytes: book.bytes,
            refused: book.documents.refused(),
        }
    }

    fn rebuild(&self, book: &mut Book, view: &View<'_>) {
        view.blocks().for_each(|block| block.watch(false));
        book.documents.clear(view.layout());
        let mut new = Vec::new();
        for filter in book.documents.filters() {
            // As many as all documents may have cells.
            let cells_max = self.limits.context_documents_max.saturating_mul(self.limits.context_fields_max);
            for id in view.select(&filter, None, cells_max) {
                if book.register(view, id, &self.limits) {
                    new.push(id);
                }
            }
        }
        book.documents.house(view);
        book.begin(view, &new, &self.limits);
        book.forget_unused();
        self.changed(book, usize::MAX);
    }

    /// Answers may be others now, unless there are as many writes as `before`: what is repeated is none.
    fn changed(&self, book: &Book, before: usize) {
        self.has_writes.store(!book.writes.is_empty(), Ordering::Relaxed);
        if book.writes.len() != before {
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
    fn read(&self) -> RwLockReadGuard<'_, Book> {
        self.book.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Book> {
        self.book.write().unwrap_or_else(PoisonError::into_inner)
    }
}
