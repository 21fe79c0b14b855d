//! A block: the cells of one source of batches, contiguous, behind one lock.
//!
//! A batch takes the lock once ([`Writer`]), then its revision, so whoever has read revision `r` and then locks the block
//! sees everything up to `r`. Cells and groups of 64 cells carry the revision of their last change: "what is new since"
//! looks at one word for 64 cells and writers never hear of readers.
//! Refuses to know paths: a slot number is all it needs. Invariant: a group's stamp is the newest of its cells' stamps, or
//! newer (a vacated cell leaves its stamp behind).

mod writer;

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use prefetch_index::prefetch_index;

use crate::cell::Cell;
use crate::element::CellId;
use crate::heavy::{Budget, Heavy};
use crate::{DataType, ElementId, OriginId, Provenance, Reading, Revision, Sample, Value};
pub use writer::{Scalars, Writer};

/// Cells in a group that shares one stamp.
pub(crate) const GROUP: usize = 64;

/// The cells of one source of batches. Made by [`Namespace::add_block`](crate::Namespace::add_block).
pub struct Block {
    pub(crate) index: u32,
    /// It has cells that belong to context documents.
    watched: AtomicBool,
    cells: RwLock<Cells>,
}

impl Block {
    pub(crate) fn new(index: u32, budget: Arc<Budget>) -> Self {
        Self { index, watched: AtomicBool::new(false), cells: RwLock::new(Cells::new(budget)) }
    }

    // A panic while the lock was held can leave a batch half applied but never a cell half written: each `set` is complete
    // in itself. So a poisoned lock is taken as it is; its source is asked for a Birth by whoever caught the panic.
    pub(crate) fn read(&self) -> RwLockReadGuard<'_, Cells> {
        self.cells.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn lock(&self) -> RwLockWriteGuard<'_, Cells> {
        self.cells.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has the cells of `slots` brought near, for they will be written soon, and waits for nothing. Of a million cells most are
    /// far away in memory.
    #[inline]
    pub fn foresee(&self, slots: impl Iterator<Item = u32>) {
        // Somebody who writes here now has no time for guesses.
        let Ok(cells) = self.cells.try_read() else { return };
        slots.for_each(|slot| prefetch_index(&cells.cells, slot as usize));
    }

    /// Its number among the blocks of its namespace.
    pub fn number(&self) -> u32 {
        self.index
    }

    /// Whether it has cells that belong to context documents, so that what is written to it is to be noted with
    /// [`Contexts::note`](crate::Contexts::note) before.
    #[inline]
    pub fn is_watched(&self) -> bool {
        self.watched.load(Ordering::Relaxed)
    }

    pub(crate) fn watch(&self, watched: bool) {
        self.watched.store(watched, Ordering::Relaxed);
    }

    /// The element placed at `slot`, if one is.
    pub fn element(&self, slot: u32) -> Option<ElementId> {
        self.read().element(slot)
    }

    /// Slots there are, vacant ones among them.
    pub fn slots_len(&self) -> u32 {
        self.read().len() as u32
    }

    /// Holds the samples still, for a reader who knows slots. Until it is dropped, its thread must ask neither namespace
    /// nor block for anything else, and the block's writer waits: it should live for microseconds.
    pub fn hold(&self) -> HeldBlock<'_> {
        HeldBlock { cells: self.read() }
    }

    /// Calls `each` with every cell that a batch after `since` has touched: slot, element, sample. Slots ascend.
    ///
    /// Reads one word per 64 cells, then only the cells of groups that changed. To follow a block: read
    /// [`Namespace::revision`](crate::Namespace::revision) first, then call this, then go on from the revision read.
    /// `each` runs under the block's lock: it must not lock anything of the namespace. If it wants names or paths, hold a
    /// [`View`](crate::View) before and around this call (locks are taken in the order tree, block).
    pub fn changed_since(&self, since: Revision, mut each: impl FnMut(u32, ElementId, Sample)) {
        let cells = self.read();
        for (group, _) in cells.stamps.iter().enumerate().filter(|(_, stamp)| **stamp > since) {
            let first = group * GROUP;
            let last = (first + GROUP).min(cells.cells.len());
            for slot in first..last {
                // What stands nowhere in the tree has changed for nobody.
                if cells.cells[slot].revision() > since && cells.elements[slot] != ElementId::ROOT {
                    let sample = cells.sample(slot as u32).expect("a stamped cell holds a sample");
                    each(slot as u32, cells.elements[slot], sample);
                }
            }
        }
    }
}

impl fmt::Debug for Block {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Block({})", self.index)
    }
}

/// A block's samples, held still. Made by [`Block::hold`].
pub struct HeldBlock<'a> {
    cells: RwLockReadGuard<'a, Cells>,
}

impl HeldBlock<'_> {
    /// Whether a batch after `since` has touched any cell, or emptied one. Reads one word per 64 cells.
    pub fn is_newer(&self, since: Revision) -> bool {
        self.cells.stamps.iter().any(|&stamp| stamp > since)
    }

    /// Whether a batch after `since` has touched the cell at `slot`.
    #[inline]
    pub fn has_changed(&self, slot: u32, since: Revision) -> bool {
        let at = slot as usize;
        // The group's stamp first: most groups have not changed, and it is one word for 64 cells.
        self.cells.stamps.get(at / GROUP).is_some_and(|&stamp| stamp > since) && self.cells.cells[at].revision() > since
    }

    /// The slots from `first` on whose cells a batch after `since` has touched, ascending.
    pub fn changed_slots(&self, first: u32, since: Revision) -> impl Iterator<Item = u32> {
        let groups = self.cells.stamps.iter().enumerate().skip(first as usize / GROUP);
        let cells = &self.cells.cells;
        groups
            .filter(move |(_, stamp)| **stamp > since)
            .flat_map(move |(group, _)| group * GROUP..((group + 1) * GROUP).min(cells.len()))
            .filter(move |&at| at >= first as usize && cells[at].revision() > since)
            .map(|at| at as u32)
    }

    /// What the cell at `slot` holds; `None` until its first sample.
    pub fn sample(&self, slot: u32) -> Option<Sample> {
        self.cells.sample(slot)
    }

    /// The number of the placement that first gave `slot` to somebody: of those that want one path, the one with the smallest
    /// owns it. None if it is nobody's.
    pub fn claim(&self, slot: u32) -> Option<u64> {
        self.cells.is_placed(slot).then(|| self.cells.age(slot))
    }
}

/// What the block's lock protects. The vectors run in parallel; they are apart because a batch touches only the first two.
pub(crate) struct Cells {
    cells: Vec<Cell>,
    stamps: Vec<Revision>,
    /// The root for a cell that stands nowhere: see [`Cells::unseat`].
    elements: Vec<ElementId>,
    origins: Vec<OriginId>,
    /// Which placement first gave a slot to somebody, from a slot on. Runs and not one for each: a Birth takes many.
    ages: Vec<(u32, u64)>,
    heavy: Heavy,
}

impl Cells {
    fn new(budget: Arc<Budget>) -> Self {
        Self {
            cells: Vec::new(),
            stamps: Vec::new(),
            elements: Vec::new(),
            origins: Vec::new(),
            ages: Vec::new(),
            heavy: Heavy::new(budget),
        }
    }

    /// The element placed at `slot`.
    pub(crate) fn element(&self, slot: u32) -> Option<ElementId> {
        let is_placed = self.is_placed(slot) && self.elements[slot as usize] != ElementId::ROOT;
        is_placed.then(|| self.elements[slot as usize])
    }

    /// Whether somebody's cell is at `slot`, in the tree or not.
    pub(crate) fn is_placed(&self, slot: u32) -> bool {
        self.cells.get(slot as usize).is_some_and(Cell::is_placed)
    }

    pub(crate) fn is_gone(&self, slot: u32) -> bool {
        self.cells.get(slot as usize).is_some_and(Cell::is_gone)
    }

    pub(crate) fn origin(&self, slot: u32) -> OriginId {
        self.origins[slot as usize]
    }

    pub(crate) fn datatype(&self, slot: u32) -> DataType {
        self.cells[slot as usize].datatype()
    }

    /// What the cell holds; `None` until its first sample.
    pub(crate) fn sample(&self, slot: u32) -> Option<Sample> {
        let cell = self.cells.get(slot as usize).filter(|cell| cell.revision() > Revision::ZERO)?;
        Some(Sample {
            value: self.value(cell),
            quality: cell.quality(),
            timestamp: cell.timestamp(),
            received: cell.received(),
            datatype: cell.datatype(),
            revision: cell.revision(),
            is_gone: cell.is_gone(),
        })
    }

    /// The sample of one of this block's cells, and where it comes from.
    pub(crate) fn reading(&self, CellId { block, slot }: CellId) -> Option<Reading> {
        let sample = self.sample(slot)?;
        Some((sample, Provenance { block, origin: self.origin(slot) }))
    }

    fn value(&self, cell: &Cell) -> Value {
        cell.scalar().unwrap_or_else(|| self.heavy.get(cell.heavy().expect("not a scalar")).clone())
    }

    /// The slots from `first` on, among those whose bit is set in `mask` (a word for each group), whose cells a batch after
    /// `since` has touched; ascending.
    pub(crate) fn changed_among<'c>(
        &'c self,
        mask: &'c [u64],
        first: u32,
        since: Revision,
    ) -> impl Iterator<Item = u32> + 'c {
        let words = mask.iter().zip(&self.stamps).enumerate().skip(first as usize / GROUP);
        words.filter(move |&(_, (&word, &stamp))| word != 0 && stamp > since).flat_map(move |(group, (&word, _))| {
            let base = group * GROUP;
            let ahead = (first as usize).saturating_sub(base);
            // `ahead` is below 64: earlier groups are skipped.
            Bits(word & (u64::MAX << ahead))
                .map(move |bit| base + bit as usize)
                .filter(move |&at| self.cells[at].revision() > since)
                .map(|at| at as u32)
        })
    }

    /// Gives `slot` to `element`. The sample stays if the slot had it already, else the cell starts empty.
    pub(crate) fn occupy(&mut self, slot: u32, element: ElementId, origin: OriginId, datatype: DataType) {
        let at = slot as usize;
        if at >= self.cells.len() {
            self.cells.resize(at + 1, Cell::VACANT);
            self.elements.resize(at + 1, ElementId::ROOT);
            self.origins.resize(at + 1, OriginId(0));
            self.stamps.resize(self.cells.len().div_ceil(GROUP), Revision::ZERO);
        }
        if self.element(slot) == Some(element) {
            self.redeclare(slot, datatype);
        } else {
            if let Some(old) = self.cells[at].heavy() {
                self.heavy.remove(old);
            }
            self.cells[at] = Cell::placed(datatype);
            self.elements[at] = element;
        }
        self.origins[at] = origin;
    }

    /// Notes who came first: `ticket` is the number of the placement at hand. A slot that is somebody's keeps its age.
    pub(crate) fn enter(&mut self, slot: u32, ticket: u64) {
        if self.is_placed(slot) || self.age(slot) == ticket {
            return;
        }
        let (next, former) = (self.ages.partition_point(|&(first, _)| first <= slot), self.age(slot));
        // A slot that is given out again, as slots mostly are not, stands in a run of others.
        if (slot as usize) < self.cells.len() && self.ages.get(next).is_none_or(|&(first, _)| first > slot + 1) {
            self.ages.insert(next, (slot + 1, former));
        }
        match self.ages[..next].last_mut() {
            Some(run) if run.0 == slot => run.1 = ticket,
            Some(_) | None => self.ages.insert(next, (slot, ticket)),
        }
    }

    /// Which placement first gave `slot` to somebody: the smaller, the older.
    pub(crate) fn age(&self, slot: u32) -> u64 {
        let run = self.ages.partition_point(|&(first, _)| first <= slot).saturating_sub(1);
        self.ages.get(run).map_or(u64::MAX, |&(_, ticket)| ticket)
    }

    /// The cell at `slot` is shown by another element, and a reader of changes sees it there.
    pub(crate) fn reseat(&mut self, slot: u32, element: ElementId, revision: Revision) {
        let at = slot as usize;
        self.elements[at] = element;
        if self.cells[at].revision() > Revision::ZERO {
            self.cells[at].restamp(revision);
            self.stamps[at / GROUP] = revision;
        }
    }

    /// The cell at `slot` is shown by no element any more; it keeps its sample.
    pub(crate) fn unseat(&mut self, slot: u32) {
        self.elements[slot as usize] = ElementId::ROOT;
    }

    /// Nobody's cell is at `slot` any more.
    pub(crate) fn vacate(&mut self, slot: u32) {
        let at = slot as usize;
        if let Some(old) = self.cells[at].heavy() {
            self.heavy.remove(old);
        }
        self.cells[at] = Cell::VACANT;
        self.elements[at] = ElementId::ROOT;
    }

    /// All cells are vacant and none will be somebody's again: gives their memory back.
    pub(crate) fn close(&mut self) {
        self.cells = Vec::new();
        self.stamps = Vec::new();
        self.elements = Vec::new();
        self.origins = Vec::new();
        self.ages = Vec::new();
        self.heavy.close();
    }

    /// A new type for what is placed at `slot` and is not gone, or no longer; the sample stays.
    pub(crate) fn redeclare(&mut self, slot: u32, datatype: DataType) {
        let cell = &mut self.cells[slot as usize];
        cell.set_datatype(datatype);
        cell.set_gone(false);
    }

    pub(crate) fn len(&self) -> usize {
        self.cells.len()
    }

    /// Gives back what doubling took too much of, once a Birth is placed. An eighth is left, so that a block which grows a
    /// little with each of many Births is not copied at each.
    pub(crate) fn settle(&mut self) {
        let room = self.cells.len() + self.cells.len() / 8;
        self.cells.shrink_to(room);
        self.elements.shrink_to(room);
        self.origins.shrink_to(room);
    }

    /// Heap in use, in bytes, without the values themselves: those are counted by the budget.
    pub(crate) fn heap_bytes(&self) -> usize {
        self.cells.capacity() * size_of::<Cell>()
            + self.stamps.capacity() * size_of::<Revision>()
            + self.elements.capacity() * size_of::<ElementId>()
            + self.origins.capacity() * size_of::<OriginId>()
            + self.ages.capacity() * size_of::<(u32, u64)>()
            + self.heavy.heap_bytes()
    }
}

/// The numbers of the bits that are set, ascending.
struct Bits(u64);

impl Iterator for Bits {
    type Item = u32;

    fn next(&mut self) -> Option<u32> {
        let bit = self.0.trailing_zeros();
        // Zero has 64 of them.
        (bit < u64::BITS).then(|| {
            self.0 &= self.0 - 1;
            bit
        })
    }
}
