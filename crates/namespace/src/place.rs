//! Placement: which cell holds which point of the tree.
//!
//! Decided once, at Birth, under both locks; the data path then knows only slots. The first cell to be placed at a path
//! owns it. A second one is kept under `_conflicts/…`, readable like any other, and knows which element it disputes.
//! Refuses to know how a path was made: templates belong to `ingest`.
//! Invariant: a path has one owner, a slot has one element, and placing the same again changes neither.

use std::sync::RwLockWriteGuard;

use crate::block::Cells;
use crate::element::CellId;
use crate::heavy::Budget;
use crate::metadata::MetadataId;
use crate::tree::Tree;
use crate::{
    Block, DataType, ElementId, Kind, Limits, Metadata, MetricName, Namespace, OriginId, Refusal, Source, Timestamp,
    Writer,
};

/// How often `_conflicts` may stand at the beginning of a path. Two metrics can want one place even among the conflicts: the
/// metric `Pump/Speed` of an Edge Node, and the metric `Speed` of its Device `Pump`. The younger stands one deeper.
pub(crate) const CONFLICTS_NESTED_MAX: usize = 4;

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
    /// The path below the root; none for the root itself.
    pub(crate) fn below(self) -> Option<&'a str> {
        match self {
            Self::Root => None,
            Self::Below(below) | Self::Renamed { below, .. } => Some(below),
        }
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

/// Places the cells of one block. Tree and block are locked for as long as it lives, so what is placed is seen whole, and
/// with [`Placer::write`] together with its first samples.
#[must_use = "a placer holds the locks of the tree and of a block"]
pub struct Placer<'a> {
    namespace: &'a Namespace,
    tree: RwLockWriteGuard<'a, Tree>,
    cells: RwLockWriteGuard<'a, Cells>,
    block: u32,
    /// The number of this placement: who comes first has the smaller one.
    number: u64,
    nearby: Nearby,
}

impl<'a> Placer<'a> {
    pub(crate) fn new(namespace: &'a Namespace, mut tree: RwLockWriteGuard<'a, Tree>, block: &'a Block) -> Self {
        let number = tree.placement(block.index);
        Self { namespace, tree, cells: block.lock(), block: block.index, number, nearby: Nearby::none() }
    }

    /// Places a cell. See [`Namespace::place`].
    ///
    /// # Errors
    /// Those of [`Namespace::place`].
    pub fn place(&mut self, place: &Place<'_>) -> Result<Placed, Refusal> {
        let (limits, budget) = (self.namespace.limits(), self.namespace.budget());
        if place.slot as usize >= limits.cells_per_block_max {
            return Err(Refusal::BlockFull);
        }
        let name = place.path.metric();
        let declared = Declared::new(&self.tree, place.metadata, name, limits, budget)?;
        let cell = CellId { block: self.block, slot: place.slot };
        let settled = self.tree.settle(cell, place, limits, &mut self.nearby);
        let placed = settled.inspect_err(|_| budget.give_back(declared.cost))?;
        let element = placed.element();

        let mut freed = declared.apply(&mut self.tree, element, self.block);
        let former = self.cells.element(place.slot);
        if let Some(former) = former.filter(|&former| former != element) {
            freed += self.tree.detach(former);
            let path = self.tree.path_below(former, usize::MAX);
            self.tree.gone.note(self.namespace.tick(), path);
        }
        if former != Some(element) {
            self.tree.layouts.occupied(self.block, place.slot);
        }
        freed += self.tree.forget(cell);
        self.cells.enter(place.slot, self.number);
        self.cells.occupy(place.slot, element, place.origin, place.datatype);
        budget.give_back(freed);

        let at = self.tree.element_mut(element);
        at.set_cell(Some(cell));
        at.kind = place.kind;
        match placed {
            Placed::Owned(_) => drop(self.tree.conflicts.remove(&element)),
            Placed::Conflict { instead_of, .. } => drop(self.tree.conflicts.insert(element, instead_of)),
        }
        Ok(placed)
    }

    /// What is placed from now on, and was nobody's, was first placed by the placement of this number, in a process before this
    /// one. Placements of this process are younger.
    pub fn claimed(&mut self, number: u64) {
        self.number = number;
        self.tree.claimed(number);
    }

    /// Whether the source no longer has what is at `slot`.
    pub fn is_gone(&self, slot: u32) -> bool {
        self.cells.is_gone(slot)
    }

    /// What stands in the tree at `slot`: its element, who publishes it, and what he calls it.
    pub fn occupant(&self, slot: u32) -> Option<(ElementId, Source, String)> {
        let element = self.cells.element(slot)?;
        let origin = self.tree.origin(self.block, self.cells.origin(slot));
        let name = match self.tree.metric_name(element, origin) {
            MetricName::Renamed(name) => name.to_owned(),
            MetricName::PathBeyond(above) => {
                self.tree.path_below(element, self.tree.depth(element).saturating_sub(above))
            }
        };
        Some((element, origin.source.clone(), name))
    }

    /// Declares anew what is placed at `slot` by its path: its type and metadata change, where it is does not. Whether
    /// that was anything new; none if the slot is vacant or a conflict, which is to be placed again, since its path may
    /// have become free.
    ///
    /// For the Rebirth of a metric: 220 instructions, where to find its place again takes 1,500 (`ingest births`,
    /// `benches/benches/ingest.rs`).
    ///
    /// # Errors
    /// [`Refusal::MetadataTooLarge`], [`Refusal::ValuesFull`].
    pub fn redeclare(&mut self, slot: u32, datatype: DataType, metadata: &Metadata) -> Result<Option<bool>, Refusal> {
        let Some(element) = self.cells.element(slot) else { return Ok(None) };
        if self.tree.conflicts.contains_key(&element) || self.tree.renamed.contains_key(&element) {
            return Ok(None);
        }
        let budget = self.namespace.budget();
        let declared = Declared::new(&self.tree, metadata, None, self.namespace.limits(), budget)?;
        let former = (self.tree.element(element).metadata, self.cells.datatype(slot));
        budget.give_back(declared.apply(&mut self.tree, element, self.block));
        self.cells.redeclare(slot, datatype);
        Ok(Some(former != (self.tree.element(element).metadata, datatype)))
    }

    /// Lets go of the tree and goes on to write samples: nobody sees what was placed without them.
    pub fn write(mut self, received: Timestamp) -> Writer<'a> {
        self.cells.settle();
        // The tree goes free here, the block does not: a reader comes as far as the block's lock.
        self.namespace.writer(self.cells, received)
    }
}

/// What is to be declared about an element, weighed and paid for.
struct Declared<'d> {
    metadata: &'d Metadata,
    known: Option<MetadataId>,
    name: Option<&'d str>,
    cost: usize,
}

impl<'d> Declared<'d> {
    fn new(
        tree: &Tree,
        metadata: &'d Metadata,
        name: Option<&'d str>,
        limits: &Limits,
        budget: &Budget,
    ) -> Result<Self, Refusal> {
        let (weight, name_bytes) = (metadata.weigh(), name.map_or(0, str::len));
        if weight + name_bytes > limits.metadata_bytes_max {
            return Err(Refusal::MetadataTooLarge);
        }
        let known = tree.catalogue.find(metadata);
        let cost = name_bytes + if known.is_some() { 0 } else { weight };
        budget.trade(0, cost, limits.values_bytes_max)?;
        Ok(Self { metadata, known, name, cost })
    }

    /// The bytes of what was declared before and nobody needs any more.
    fn apply(self, tree: &mut Tree, element: ElementId, block: u32) -> usize {
        // Shared before the former is released: they may be the same entry, and `cost` has counted on it.
        let metadata = tree.catalogue.share(self.known, self.metadata);
        tree.describe(element, block, metadata, self.name)
    }
}

/// The folder that the last metric was placed in: a Birth names most of its metrics one folder after the other, so most
/// paths need one name looked up and not all of them.
pub(crate) struct Nearby {
    /// Below this root, with the `/` at its end; empty before the first.
    path: String,
    root: ElementId,
    folder: ElementId,
}

impl Nearby {
    pub(crate) fn none() -> Self {
        Self { path: String::new(), root: ElementId::ROOT, folder: ElementId::ROOT }
    }

    /// Where to begin on the way from `root` to `path`, and what is left of it.
    pub(crate) fn start<'p>(&self, root: ElementId, path: &'p str) -> (ElementId, &'p str) {
        match path.strip_prefix(&*self.path) {
            Some(rest) if self.root == root && !self.path.is_empty() => (self.folder, rest),
            Some(_) | None => (root, path),
        }
    }

    /// The last name of `path` is in `folder`.
    pub(crate) fn remember(&mut self, root: ElementId, path: &str, folder: ElementId) {
        let end = path.rfind('/').map_or(0, |last| last + 1);
        self.path.clear();
        self.path.push_str(&path[..end]);
        (self.root, self.folder) = (root, folder);
    }
}

/// The names of a path, by bytes: `str::split` at a char was a sixth of placing a metric (`tree place`,
/// `benches/benches/tree.rs`).
#[derive(Clone)]
pub(crate) struct Names<'a>(pub(crate) Option<&'a str>);

impl<'a> Iterator for Names<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        let path = self.0?;
        match path.bytes().position(|byte| byte == b'/') {
            Some(end) => {
                self.0 = Some(&path[end + 1..]);
                Some(&path[..end])
            }
            None => self.0.take(),
        }
    }
}

impl Tree {
    /// Finds or makes the element for a cell: at its path, or where its conflict is kept.
    fn settle(
        &mut self,
        cell: CellId,
        place: &Place<'_>,
        limits: &Limits,
        nearby: &mut Nearby,
    ) -> Result<Placed, Refusal> {
        let root = self.origin(cell.block, place.origin).root;
        let below = place.path.below();
        let (from, rest) = match below {
            Some(path) => {
                let (from, rest) = nearby.start(root, path);
                (from, Some(rest))
            }
            None => (root, None),
        };
        let (at, missing) = self.descend(from, Names(rest));
        let is_new = missing.0.is_some();
        let owned = if is_new { self.extend(at, missing, limits.depth_max, limits)? } else { at };
        if owned == ElementId::ROOT {
            return Err(Refusal::EmptyPath);
        }
        let folder = self.element(owned).parent;
        if let Some(path) = below.filter(|_| folder != from) {
            nearby.remember(root, path, folder);
        }
        if is_new || !self.is_taken(owned, cell) {
            return Ok(Placed::Owned(owned));
        }
        let source = self.origin(cell.block, place.origin).source.clone();
        let (at, missing) = (1..=CONFLICTS_NESTED_MAX)
            .map(|nested| self.descend(ElementId::ROOT, source.conflict_path(nested).chain(Names(below))))
            .find(|(at, missing)| missing.clone().next().is_some() || !self.is_taken(*at, cell))
            .ok_or(Refusal::PathTaken)?;
        let element = self.extend(at, missing, limits.depth_max * 2, limits)?;
        Ok(Placed::Conflict { element, instead_of: owned })
    }

    pub(crate) fn is_taken(&self, element: ElementId, by_other_than: CellId) -> bool {
        self.element(element).cell().is_some_and(|owner| owner != by_other_than)
    }
}
