//! Placement: which cell holds which point of the tree.
//!
//! Decided once, at Birth, under both locks; the data path then knows only slots. The first cell to be placed at a path
//! owns it. A second one is kept under `_conflicts/…`, readable like any other, and knows which element it disputes.
//! Refuses to know how a path was made: templates belong to `ingest`.
//! Invariant: a path has one owner, a slot has one element, and placing the same again changes neither.

use crate::element::CellId;
use crate::heavy::Budget;
use crate::tree::Tree;
use crate::{Block, DataType, ElementId, Kind, Limits, Metadata, OriginId, Refusal};

/// Where a cell belongs, from its origin's root.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PathSpec<'a> {
    /// The root itself: a plain topic whose payload is one sample.
    Root,
    /// Below the root, by the metric's own name, split at `/`. Empty segments are kept as empty names, so the name can be
    /// joined back together exactly.
    Below(&'a str),
    /// Below the root at one path, while the source calls it something else; that name is kept beside.
    Renamed {
        /// The path below the root.
        below: &'a str,
        /// What the source calls the metric.
        metric: &'a str,
    },
}

impl<'a> PathSpec<'a> {
    /// The names below the root. A path may be as long as its message, so it is not split further than the tree is deep.
    fn names(self, limits: &Limits) -> Result<Vec<&'a str>, Refusal> {
        let names: Vec<&str> = match self {
            Self::Root => Vec::new(),
            Self::Below(below) | Self::Renamed { below, .. } => below.split('/').take(limits.depth_max + 1).collect(),
        };
        if names.len() > limits.depth_max { Err(Refusal::TooDeep) } else { Ok(names) }
    }

    /// The metric's name, where the path does not tell it.
    fn metric(self) -> Option<&'a str> {
        match self {
            Self::Renamed { metric, .. } => Some(metric),
            Self::Root | Self::Below(_) => None,
        }
    }
}

/// One cell to be placed.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// The caller's number for the cell within its block; dense from 0, the block grows to hold it.
    pub slot: u32,
    /// Where it comes from; gives the root that `path` starts at.
    pub origin: OriginId,
    /// Where it belongs.
    pub path: PathSpec<'a>,
    /// [`Kind::Metric`] or [`Kind::Document`].
    pub kind: Kind,
    /// The declared type.
    pub datatype: DataType,
    /// What else was declared.
    pub metadata: &'a Metadata,
}

/// Where a cell was placed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Placed {
    /// Where it wanted to be.
    Owned(ElementId),
    /// Under `_conflicts`, because another cell owns the path.
    Conflict {
        /// Where it is now.
        element: ElementId,
        /// The element it wanted to be.
        instead_of: ElementId,
    },
}

impl Placed {
    /// The element that shows the cell.
    pub fn element(self) -> ElementId {
        match self {
            Self::Owned(element) | Self::Conflict { element, .. } => element,
        }
    }
}

impl Tree {
    pub(crate) fn place(
        &mut self,
        block: &Block,
        place: &Place<'_>,
        limits: &Limits,
        budget: &Budget,
    ) -> Result<Placed, Refusal> {
        if place.slot as usize >= limits.cells_per_block_max {
            return Err(Refusal::BlockFull);
        }
        let cell = CellId { block: block.index, slot: place.slot };
        let (weight, name) = (place.metadata.weigh(), place.path.metric());
        let name_bytes = name.map_or(0, str::len);
        if weight + name_bytes > limits.metadata_bytes_max {
            return Err(Refusal::MetadataTooLarge);
        }
        let known = self.catalogue.find(place.metadata);
        let cost = name_bytes + if known.is_some() { 0 } else { weight };
        budget.trade(0, cost, limits.values_bytes_max)?;
        let placed = self.settle(cell, place, limits).inspect_err(|_| budget.give_back(cost))?;
        let element = placed.element();

        // Shared before the former is released: they may be the same entry, and `cost` has counted on it.
        let metadata = self.catalogue.share(known, place.metadata);
        let mut freed = self.describe(element, metadata, name);
        let mut cells = block.lock();
        if let Some(former) = cells.element(place.slot).filter(|&former| former != element) {
            freed += self.detach(former);
        }
        cells.occupy(place.slot, element, place.origin, place.datatype);
        drop(cells);
        budget.give_back(freed);

        let at = self.element_mut(element);
        at.set_cell(Some(cell));
        at.kind = place.kind;
        match placed {
            Placed::Owned(_) => drop(self.conflicts.remove(&element)),
            Placed::Conflict { instead_of, .. } => drop(self.conflicts.insert(element, instead_of)),
        }
        Ok(placed)
    }

    /// Finds or makes the element for a cell: at its path, or where its conflict is kept.
    fn settle(&mut self, cell: CellId, place: &Place<'_>, limits: &Limits) -> Result<Placed, Refusal> {
        let names = place.path.names(limits)?;
        let origin = self.origin(cell.block, place.origin);
        let (at, missing) = self.descend(origin.root, &names);
        if !missing.is_empty() {
            return self.extend(at, missing, limits.depth_max, limits).map(Placed::Owned);
        }
        if at == ElementId::ROOT {
            return Err(Refusal::EmptyPath);
        }
        if !self.is_taken(at, cell) {
            return Ok(Placed::Owned(at));
        }
        let owner = at;
        let source = origin.source.clone();
        let aside: Vec<&str> = source.conflict_path().chain(names).collect();
        let (at, missing) = self.descend(ElementId::ROOT, &aside);
        if missing.is_empty() && self.is_taken(at, cell) {
            return Err(Refusal::PathTaken);
        }
        let element = self.extend(at, missing, limits.depth_max * 2, limits)?;
        Ok(Placed::Conflict { element, instead_of: owner })
    }

    fn is_taken(&self, element: ElementId, by_other_than: CellId) -> bool {
        self.element(element).cell().is_some_and(|owner| owner != by_other_than)
    }
}
