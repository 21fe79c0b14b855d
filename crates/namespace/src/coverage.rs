//! Coverage: the cells that some filters mean, and which of them have changed since a revision.
//!
//! For somebody who follows a part of the tree. One bit a cell, so that looking for changes is a comparison for each 64
//! cells and nothing is said about names. What is placed later is found by what the tree notes about the layout of its
//! blocks: only slots that are new are held against the filters, or one block's whose cells changed hands.
//! Refuses to know time and who follows. Invariant: where [`Coverage::is_current`], a bit is set exactly for the slots
//! whose element a filter means; slots beyond `evaluated` have none.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use hashbrown::HashMap;

use crate::block::GROUP;
use crate::element::CellId;
use crate::sight::Reach;
use crate::tree::Tree;
use crate::{ElementId, Filter, Horizon, Reading, Revision, View};

/// The cells that filters mean. Made and kept current under a [`View`], a slice at a time.
pub struct Coverage {
    filters: Vec<Filter>,
    /// How far whoever follows may see; none: everywhere.
    horizon: Option<Arc<dyn Horizon>>,
    /// By block: a bit for each slot, in words of [`GROUP`].
    masks: BTreeMap<u32, Vec<u64>>,
    /// By block: slots that have been held against the filters.
    evaluated: Vec<u32>,
    /// The state of the tree's layouts that is taken account of, once nothing is pending.
    layouts: u64,
    pending: Pending,
}

/// What remains to be done.
#[derive(Debug)]
enum Pending {
    Nothing,
    /// The first time: the filter at hand, and the path of the last element found by it.
    Fill {
        filter: usize,
        after: Option<String>,
    },
    /// New slots, from this block on.
    Slots {
        block: u32,
    },
}

/// Where a look at the changes of a [`Coverage`] stands. The default is the beginning.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cursor {
    block: u32,
    slot: u32,
}

/// A cell that has changed, copied out.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// Its element.
    pub element: ElementId,
    /// Its sample, and where that comes from.
    pub reading: Reading,
    /// Where to begin again if this is not taken.
    pub at: Cursor,
}

/// The tree has changed shape since the coverage was last refreshed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outdated;

impl Coverage {
    /// Nothing yet; [`Coverage::refresh`] fills it.
    pub fn new(view: &View<'_>, filters: Vec<Filter>) -> Self {
        Self::within(view, filters, None)
    }

    /// The same for somebody who may see so far. What is beyond is not covered.
    pub fn within(view: &View<'_>, filters: Vec<Filter>, horizon: Option<Arc<dyn Horizon>>) -> Self {
        let layouts = &view.tree.layouts;
        // What is there now will be found by the filters themselves; what comes later, slot by slot.
        let evaluated = layouts.iter().map(|layout| layout.len).collect();
        let pending = Pending::Fill { filter: 0, after: None };
        Self { filters, horizon, masks: BTreeMap::new(), evaluated, layouts: layouts.now(), pending }
    }

    /// The filters.
    pub fn filters(&self) -> &[Filter] {
        &self.filters
    }

    /// Whether a filter means the element.
    pub fn covers(&self, view: &View<'_>, id: ElementId) -> bool {
        let horizon = self.horizon.as_deref();
        view.is_covered(&self.filters, id) && horizon.is_none_or(|horizon| horizon.holds(&view.path(id)))
    }

    /// Whether a filter means the path, which nothing need stand at.
    pub fn covers_path(&self, path: &str) -> bool {
        let horizon = self.horizon.as_deref();
        self.filters.iter().any(|filter| filter.matches_names(path.split('/')))
            && horizon.is_none_or(|horizon| horizon.holds(path))
    }

    /// Whether it says what the tree says now.
    pub fn is_current(&self, view: &View<'_>) -> bool {
        matches!(self.pending, Pending::Nothing) && self.layouts == view.tree.layouts.now()
    }

    /// Takes account of what was placed, looking at about `budget` elements; whether it is current now. If it is not,
    /// let go of the view for a moment and call again.
    pub fn refresh(&mut self, view: &View<'_>, budget: usize) -> bool {
        let mut left = budget.max(1);
        while left > 0 && !self.is_current(view) {
            match std::mem::replace(&mut self.pending, Pending::Nothing) {
                Pending::Nothing => self.note_layouts(&view.tree),
                Pending::Fill { filter, after } => self.pending = self.fill(view, filter, after.as_deref(), &mut left),
                Pending::Slots { block } => self.pending = self.evaluate(view, block, &mut left),
            }
        }
        self.is_current(view)
    }

    /// Appends up to `limit` cells that a batch after `since` has touched. Begins at `from`; returns where to go on if there
    /// are more. Each block's samples are as they were at one moment.
    ///
    /// To follow, read [`Namespace::revision`](crate::Namespace::revision) first and go on from there when all is found:
    /// nothing is missed then, and what changes while we look may be found again.
    ///
    /// # Errors
    /// [`Outdated`]: refresh first, under the same view.
    pub fn changes(
        &self,
        view: &View<'_>,
        since: Revision,
        from: Cursor,
        limit: usize,
        found: &mut Vec<Change>,
    ) -> Result<Option<Cursor>, Outdated> {
        if !self.is_current(view) {
            return Err(Outdated);
        }
        let end = found.len() + limit;
        for (&block, mask) in self.masks.range(from.block..) {
            let first = if block == from.block { from.slot } else { 0 };
            let cells = view.tree.blocks[block as usize].read();
            for slot in cells.changed_among(mask, first, since) {
                let at = Cursor { block, slot };
                if found.len() >= end {
                    return Ok(Some(at));
                }
                let reading = cells.reading(CellId { block, slot }).expect("a stamped cell holds a sample");
                let element = cells.element(slot).expect("a cell that is current is placed");
                found.push(Change { element, reading, at });
            }
        }
        Ok(None)
    }

    /// How many cells are covered.
    pub fn len(&self) -> usize {
        self.masks.values().flatten().map(|word| word.count_ones() as usize).sum()
    }

    /// Whether no cell is covered.
    pub fn is_empty(&self) -> bool {
        self.masks.is_empty()
    }

    /// Blocks whose cells changed hands are held against the filters anew.
    fn note_layouts(&mut self, tree: &Tree) {
        self.evaluated.resize(tree.layouts.iter().len(), 0);
        for (block, layout) in tree.layouts.iter().enumerate() {
            if layout.reshuffled > self.layouts {
                self.evaluated[block] = 0;
                self.masks.remove(&(block as u32));
            }
        }
        self.layouts = tree.layouts.now();
        self.pending = Pending::Slots { block: 0 };
    }

    fn fill(&mut self, view: &View<'_>, filter: usize, after: Option<&str>, left: &mut usize) -> Pending {
        let Some(at) = self.filters.get(filter) else { return Pending::Nothing };
        let found = match self.horizon.as_deref() {
            None => view.select(at, after, *left),
            Some(horizon) => view.select_within(&mut HashMap::new(), horizon, at, after, *left),
        };
        for &id in &found {
            let cell = view.tree.element(id).cell().expect("selection gives elements with a cell");
            // A block that came after us is evaluated slot by slot.
            if self.evaluated.get(cell.block as usize).is_some_and(|&evaluated| cell.slot < evaluated) {
                set(&mut self.masks, cell);
            }
        }
        let is_all = found.len() < *left;
        *left = left.saturating_sub(found.len().max(1));
        match found.last() {
            Some(&last) if !is_all => Pending::Fill { filter, after: Some(view.path(last)) },
            Some(_) | None => Pending::Fill { filter: filter + 1, after: None },
        }
    }

    fn evaluate(&mut self, view: &View<'_>, first: u32, left: &mut usize) -> Pending {
        let tree: &Tree = &view.tree;
        let (mut chain, mut known) = (Vec::new(), HashMap::new());
        let horizon = self.horizon.as_deref();
        let mut is_within = |id| horizon.is_none_or(|horizon| Reach { view, horizon, known: &mut known }.holds(id));
        for block in first..self.evaluated.len() as u32 {
            let evaluated = &mut self.evaluated[block as usize];
            // A block may have come while we were not looking; then there is more to take account of.
            let len = tree.layouts.get(block).len;
            if *evaluated >= len {
                continue;
            }
            let cells = tree.blocks[block as usize].read();
            while *evaluated < len {
                if *left == 0 {
                    return Pending::Slots { block };
                }
                *left -= 1;
                let slot = *evaluated;
                *evaluated += 1;
                if cells.element(slot).is_some_and(|id| covers(&self.filters, tree, id, &mut chain) && is_within(id)) {
                    set(&mut self.masks, CellId { block, slot });
                }
            }
        }
        Pending::Nothing
    }
}

impl fmt::Debug for Coverage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Coverage({} filters, {} cells)", self.filters.len(), self.len())
    }
}

pub(crate) fn covers(filters: &[Filter], tree: &Tree, id: ElementId, chain: &mut Vec<ElementId>) -> bool {
    chain.clear();
    chain.extend(tree.ancestry(id));
    filters.iter().any(|filter| filter.matches_names(chain.iter().rev().map(|&at| tree.name(at))))
}

fn set(masks: &mut BTreeMap<u32, Vec<u64>>, CellId { block, slot }: CellId) {
    let mask = masks.entry(block).or_default();
    let word = slot as usize / GROUP;
    if word >= mask.len() {
        mask.resize(word + 1, 0);
    }
    mask[word] |= 1 << (slot as usize % GROUP);
}

/// The layout of all blocks: what a [`Coverage`] needs to know to stay current. Changed under the tree's lock.
#[derive(Default)]
pub(crate) struct Layouts {
    now: u64,
    blocks: Vec<Layout>,
}

/// The layout of one block.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Layout {
    /// Its slots.
    len: u32,
    /// When a slot it had was given to another element.
    reshuffled: u64,
}

impl Layouts {
    pub(crate) fn add_block(&mut self) {
        self.now += 1;
        self.blocks.push(Layout::default());
    }

    /// A slot was given to an element that had it not before.
    pub(crate) fn occupied(&mut self, block: u32, slot: u32) {
        self.now += 1;
        let layout = &mut self.blocks[block as usize];
        if slot < layout.len {
            layout.reshuffled = self.now;
        } else {
            layout.len = slot + 1;
        }
    }

    /// Any slot may have been given to another element, or any element to another path.
    pub(crate) fn reshaped(&mut self) {
        self.now += 1;
        self.blocks.iter_mut().for_each(|layout| layout.reshuffled = self.now);
    }

    pub(crate) fn now(&self) -> u64 {
        self.now
    }

    fn get(&self, block: u32) -> Layout {
        self.blocks[block as usize]
    }

    fn iter(&self) -> impl ExactSizeIterator<Item = &Layout> {
        self.blocks.iter()
    }

    /// Heap in use, in bytes.
    pub(crate) fn heap_bytes(&self) -> usize {
        self.blocks.capacity() * size_of::<Layout>()
    }
}
