//! Reading: the tree held still for a moment.
//!
//! A [`View`] holds the tree's lock for reading, so elements neither appear nor change hands while it lives; samples go on
//! changing and are copied out under their block's lock.
//! Refuses to render anything. Invariant: a view takes block locks only while it holds the tree's, never the other way.

use std::sync::{Arc, RwLockReadGuard};

use crate::block::Cells;
use crate::coverage::covers;
use crate::element::CellId;
use crate::select::Selection;
use crate::tree::Tree;
use crate::{
    Block, DataType, ElementId, EquipmentKind, Filter, Kind, Level, Metadata, MetricName, OriginId, Provenance,
    Reading, Revision, Sample, Source,
};

/// The tree, held still. Short-lived: nothing new can be placed while it is held.
///
/// One thread holds at most one view at a time: a second one may wait for a writer that waits for the first.
/// An [`ElementId`] from another namespace panics or names something else.
pub struct View<'a> {
    pub(crate) tree: RwLockReadGuard<'a, Tree>,
}

impl View<'_> {
    /// The element at `path`, whose segments are separated by `/`.
    pub fn find(&self, path: &str) -> Option<ElementId> {
        self.tree.walk(ElementId::ROOT, segments(path))
    }

    /// The element of that number; none from [`View::ids_end`] on, and for a number that is no element's at the moment.
    pub fn element(&self, number: usize) -> Option<ElementId> {
        let id = ElementId(u32::try_from(number).ok().filter(|_| number < self.tree.len())?);
        (!self.tree.element(id).is_vacant()).then_some(id)
    }

    /// The child of that name.
    pub fn child(&self, id: ElementId, name: &str) -> Option<ElementId> {
        self.tree.child(id, name)
    }

    /// Up to `limit` children in name order (by bytes), beyond the one named `after`.
    pub fn children(&self, id: ElementId, after: Option<&str>, limit: usize) -> &[ElementId] {
        let children = self.tree.children(id);
        let first = after.map_or(0, |after| children.partition_point(|&child| self.tree.name(child) <= after));
        &children[first..children.len().min(first.saturating_add(limit))]
    }

    /// How many children it has.
    pub fn child_count(&self, id: ElementId) -> usize {
        self.tree.child_count(id)
    }

    /// The element above; none for the root.
    pub fn parent(&self, id: ElementId) -> Option<ElementId> {
        (id != ElementId::ROOT).then(|| self.tree.element(id).parent)
    }

    /// Its own name; empty for the root, and for an empty segment.
    pub fn name(&self, id: ElementId) -> &str {
        self.tree.name(id)
    }

    /// Its path from the root, segments joined by `/`; empty for the root.
    pub fn path(&self, id: ElementId) -> String {
        self.tree.path_below(id, usize::MAX)
    }

    /// Its ISA-95 level, if placement gave it one, or the model by its kind of equipment.
    pub fn level(&self, id: ElementId) -> Option<Level> {
        self.tree.element(id).level.or_else(|| Some(self.tree.model.kind(id)?.level()))
    }

    /// The finer kind of equipment it is, if the model or a placement rule says so.
    pub fn equipment(&self, id: ElementId) -> Option<EquipmentKind> {
        self.tree.model.kind(id).or_else(|| self.tree.equipment.get(&id).copied())
    }

    /// What it is.
    pub fn kind(&self, id: ElementId) -> Kind {
        match self.tree.element(id).kind {
            Kind::Folder if self.tree.model.kind(id).is_some() => Kind::Equipment,
            kind => kind,
        }
    }

    /// What the model says about it, and where that is silent its source; none if nothing.
    pub fn metadata(&self, id: ElementId) -> Option<&Arc<Metadata>> {
        self.tree.metadata(id)
    }

    /// What its source itself says about it; none if nothing.
    pub fn declared(&self, id: ElementId) -> Option<&Arc<Metadata>> {
        self.tree.declared(id)
    }

    /// How often things have been moved. While it is the same, an [`ElementId`] stands for what it stood for, and a path for
    /// the same element.
    pub fn layout(&self) -> u64 {
        self.tree.layout
    }

    /// Goes up when a cell gets a place, or another one: while it is the same, every path has the cell it had, if any, and so
    /// the same [publisher](View::publisher).
    pub fn arrangement(&self) -> u64 {
        self.tree.layouts.now()
    }

    /// The declared type, if it has a cell.
    pub fn datatype(&self, id: ElementId) -> Option<DataType> {
        self.with_cell(id, |cells, cell| cells.datatype(cell.slot))
    }

    /// Its sample; none if it has no cell, or the cell has not been written yet.
    pub fn sample(&self, id: ElementId) -> Option<Sample> {
        self.with_cell(id, |cells, cell| cells.sample(cell.slot)).flatten()
    }

    /// Its sample, and where that comes from.
    pub fn reading(&self, id: ElementId) -> Option<Reading> {
        self.with_cell(id, Cells::reading).flatten()
    }

    /// The samples of many elements and where each comes from, in the order of `ids`, each block's as they were at one
    /// moment: what one batch wrote is seen whole.
    ///
    /// `each` runs under the locks of all blocks concerned, so it must not ask this view for samples, datatypes or
    /// [`View::source`], and it should be quick.
    pub fn samples(&self, ids: &[ElementId], mut each: impl FnMut(ElementId, Option<Reading>)) {
        let cell = |id: ElementId| self.tree.element(id).cell();
        let mut blocks: Vec<u32> = ids.iter().filter_map(|&id| Some(cell(id)?.block)).collect();
        // Neighbours in the tree are mostly neighbours in a block: this leaves little to sort.
        blocks.dedup();
        blocks.sort_unstable();
        blocks.dedup();
        let locked: Vec<_> = blocks.iter().map(|&block| self.block_at(block).read()).collect();
        let mut last = 0;
        for &id in ids {
            let reading = cell(id).and_then(|cell| {
                if blocks[last] != cell.block {
                    last = blocks.binary_search(&cell.block).expect("every block concerned is locked");
                }
                locked[last].reading(cell)
            });
            each(id, reading);
        }
    }

    /// Who publishes it, and what that source itself calls the metric; none if it has no cell.
    pub fn source(&self, id: ElementId) -> Option<(Source, String)> {
        let (block, origin) = self.with_cell(id, |cells, cell| (cell.block, cells.origin(cell.slot)))?;
        let origin = self.tree.origin(block, origin);
        let name = match self.tree.metric_name(id, origin) {
            MetricName::Renamed(name) => name.to_owned(),
            MetricName::PathBeyond(above) => self.tree.path_below(id, self.tree.depth(id) - above),
        };
        Some((origin.source.clone(), name))
    }

    /// Who publishes it; none if it has no cell.
    pub fn publisher(&self, id: ElementId) -> Option<&Source> {
        let (block, origin) = self.with_cell(id, |cells, cell| (cell.block, cells.origin(cell.slot)))?;
        Some(&self.tree.origin(block, origin).source)
    }

    /// Where its samples come from; none if it has no cell.
    pub fn provenance(&self, id: ElementId) -> Option<Provenance> {
        self.with_cell(id, |cells, cell| Provenance { block: cell.block, origin: cells.origin(cell.slot) })
    }

    /// Who publishes what has this provenance.
    pub fn source_of(&self, provenance: Provenance) -> &Source {
        &self.tree.origin(provenance.block, provenance.origin).source
    }

    /// What the source of a sample calls it, without building the name.
    pub fn metric_name(&self, id: ElementId, provenance: Provenance) -> MetricName<'_> {
        self.tree.metric_name(id, self.tree.origin(provenance.block, provenance.origin))
    }

    /// The origin of its cell, within the block of [`View::cell`].
    pub fn origin(&self, id: ElementId) -> Option<OriginId> {
        self.with_cell(id, |cells, cell| cells.origin(cell.slot))
    }

    /// The element whose path it wanted, if it is kept under `_conflicts`.
    pub fn conflict(&self, id: ElementId) -> Option<ElementId> {
        self.tree.conflicts.get(&id).copied()
    }

    /// The block that holds its cell, and the slot there.
    pub fn cell(&self, id: ElementId) -> Option<(&Arc<Block>, u32)> {
        let cell = self.tree.element(id).cell()?;
        Some((self.block_at(cell.block), cell.slot))
    }

    /// Up to `limit` elements with a cell that `filter` means, depth first in name order, beyond the one at path `after`.
    ///
    /// To page, give the path of the last element returned. What is placed meanwhile is seen if it lies ahead.
    pub fn select(&self, filter: &Filter, after: Option<&str>, limit: usize) -> Vec<ElementId> {
        Selection::of(&self.tree, filter.parts(), after, limit, None)
    }

    /// Whether any of the filters means the element.
    pub fn is_covered(&self, filters: &[Filter], id: ElementId) -> bool {
        !filters.is_empty() && covers(filters, &self.tree, id, &mut Vec::new())
    }

    /// The paths that lost their cell after `since` and up to `until` and have no sample since, the oldest first; none
    /// if too many have since then for all to be remembered. A path may come twice.
    pub fn gone(&self, since: Revision, until: Revision) -> Option<impl Iterator<Item = &str>> {
        let gone = self.tree.gone.between(since, until)?;
        Some(gone.filter(|path| self.find(path).and_then(|id| self.sample(id)).is_none()))
    }

    /// Every block, in the order they were added.
    pub fn blocks(&self) -> impl Iterator<Item = &Arc<Block>> {
        self.tree.blocks.iter()
    }

    /// Elements in the tree, the root included.
    pub fn element_count(&self) -> usize {
        self.tree.live_len()
    }

    /// All element ids are below this. Not every number is an element's, once things have been moved.
    pub fn ids_end(&self) -> usize {
        self.tree.len()
    }

    fn with_cell<T>(&self, id: ElementId, read: impl FnOnce(&Cells, CellId) -> T) -> Option<T> {
        let cell = self.tree.element(id).cell()?;
        Some(read(&self.block_at(cell.block).read(), cell))
    }

    fn block_at(&self, index: u32) -> &Arc<Block> {
        &self.tree.blocks[index as usize]
    }
}

/// What `path.split('/')` gives, for names as short as they are at a third of its instructions.
fn segments(path: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(path);
    std::iter::from_fn(move || {
        let text = rest?;
        let Some(at) = text.bytes().position(|byte| byte == b'/') else { return rest.take() };
        rest = Some(&text[at + 1..]);
        Some(&text[..at])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_are_what_a_split_gives() {
        for path in ["", "/", "a", "a/", "/a", "a//b", "Acme/Dallas/Line 1", "°/é"] {
            assert!(segments(path).eq(path.split('/')), "{path}");
        }
    }
}
