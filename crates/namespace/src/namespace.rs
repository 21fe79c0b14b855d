//! The namespace: the tree behind its lock, the clock of revisions, and the doors in.
//!
//! Placement goes through the tree's lock and then the block's; a batch of samples through the block's alone. So data
//! flows while somebody pages through the tree, and readers wait for nobody but the batch being applied to the block
//! they look at.
//! Refuses to know who calls: `ingest` writes, `http` reads. Invariant: locks are taken in the order tree, contexts, block, and no
//! method takes the tree's lock while it holds a block's.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockWriteGuard};

use crate::block::{Block, Cells, Writer};
use crate::heavy::Budget;
use crate::source::{Origin, Origins};
use crate::tree::Tree;
use crate::type_registry::Declarer;
use crate::{
    Contexts, ElementId, Kind, Limits, Mover, OriginId, Place, Placed, Placer, Provenance, Refusal, Revision, Segment,
    Source, Timestamp, TypeDefinition, TypeStats, View,
};

/// Everything the plant publishes, by path, with its live samples. Shared by reference; every method takes `&self`.
///
/// A [`Block`] must be used with the namespace that made it.
pub struct Namespace {
    tree: RwLock<Tree>,
    revision: AtomicU64,
    budget: Arc<Budget>,
    contexts: Contexts,
    limits: Limits,
}

impl fmt::Debug for Namespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Namespace({})", self.revision())
    }
}

/// Sizes, for telemetry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Elements, the root included.
    pub elements: usize,
    /// Slots of all blocks.
    pub cells: usize,
    /// Blocks.
    pub blocks: usize,
    /// Elements kept under `_conflicts`.
    pub conflicts: usize,
    /// Heap in use, in bytes, near enough to plan with.
    pub bytes: usize,
    /// What of it counts against [`Limits::values_bytes_max`].
    pub values_bytes: usize,
    /// Types, and what is of them.
    pub types: TypeStats,
    /// The newest revision.
    pub revision: Revision,
}

impl Namespace {
    /// An empty tree.
    ///
    /// # Panics
    /// If `limits` contradict each other or do not fit 32-bit ids; the message says which.
    pub fn new(limits: Limits) -> Self {
        if let Err(relation) = limits.validate() {
            panic!("limits: {relation}");
        }
        Self {
            tree: RwLock::new(Tree::new()),
            revision: AtomicU64::new(0),
            budget: Arc::default(),
            contexts: Contexts::new(limits.clone()),
            limits,
        }
    }

    /// What was going on when samples were captured.
    pub fn contexts(&self) -> &Contexts {
        &self.contexts
    }

    /// The limits it keeps.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// A new block of cells: one for each Edge Node, one for the plain topics.
    ///
    /// # Errors
    /// [`Refusal::TooManyBlocks`].
    pub fn add_block(&self) -> Result<Arc<Block>, Refusal> {
        let mut tree = self.tree();
        if tree.blocks.len() - tree.closed_blocks >= self.limits.blocks_max {
            return Err(Refusal::TooManyBlocks);
        }
        let index = u32::try_from(tree.blocks.len()).expect("blocks_max keeps block indexes in 32 bits");
        let block = Arc::new(Block::new(index, Arc::clone(&self.budget)));
        tree.blocks.push(Arc::clone(&block));
        tree.origins.push(Origins::default());
        tree.layouts.add_block();
        Ok(block)
    }

    /// The origin of cells that `source` publishes below `root`. The same again gives the same id.
    ///
    /// # Errors
    /// [`Refusal::BlockFull`], [`Refusal::ValuesFull`].
    pub fn origin(&self, block: &Block, source: Source, root: ElementId) -> Result<OriginId, Refusal> {
        let mut tree = self.tree();
        let origins = &mut tree.origins[block.index as usize];
        let origin = Origin { source, root };
        if let Some(id) = origins.find(&origin) {
            return Ok(id);
        }
        let weight = origin.weigh();
        self.budget.trade(0, weight, self.limits.values_bytes_max)?;
        let Some(id) = origins.add(origin, self.limits.cells_per_block_max) else {
            self.budget.give_back(weight);
            return Err(Refusal::BlockFull);
        };
        tree.hold(root);
        Ok(id)
    }

    /// Takes the types that a source defines, in place of those it defined before. Elements of its block that are of one of
    /// them are so at once, those that are there already too. Says which were refused, by their number, and why.
    pub fn define(&self, block: &Block, origin: OriginId, types: Vec<TypeDefinition>) -> Vec<(usize, Refusal)> {
        let source = Declarer::Source(Provenance { block: block.index, origin });
        self.tree().define(source, types, &self.limits)
    }

    /// Finds or makes the folders and equipment of a path from the root. `kind` is for the last segment; those above it are
    /// equipment if they have a level, else folders. Existing elements gain a level and a kind of equipment that they lack and
    /// keep those they have.
    /// An empty path is the root.
    ///
    /// # Errors
    /// Those of [`Limits`], and [`Refusal::SlashInName`].
    pub fn ensure(&self, path: &[Segment<'_>], kind: Kind) -> Result<ElementId, Refusal> {
        self.tree().ensure(path, kind, &self.limits)
    }

    /// Places a cell in the tree. The first cell at a path owns it; another is kept under
    /// `_conflicts/spBv1.0/{group}/{edge node}[/{device}]/…` or `_conflicts/mqtt/{topic}/…`.
    ///
    /// Placing a slot again at the same path keeps element and sample, and may change kind, datatype and metadata; at
    /// another path it empties the cell and frees the path it had. A conflict whose path has become free moves there.
    ///
    /// # Errors
    /// Those of [`Limits`], [`Refusal::EmptyPath`], [`Refusal::PathTaken`]. Nothing has changed then.
    pub fn place(&self, block: &Block, place: &Place<'_>) -> Result<Placed, Refusal> {
        self.placer(block).place(place)
    }

    /// Begins to place many cells of one block, as [`Namespace::place`] does one. Until it is finished or dropped, its
    /// thread must ask neither namespace nor block for anything else.
    pub fn placer<'a>(&'a self, block: &'a Block) -> Placer<'a> {
        Placer::new(self, self.tree(), block)
    }

    /// Begins a batch: locks the block, takes the next revision. Until it is finished, its thread must ask neither
    /// namespace nor block for anything else: a placement may hold the tree and wait for this block.
    pub fn write<'a>(&'a self, block: &'a Block, received: Timestamp) -> Writer<'a> {
        self.writer(block.lock(), received)
    }

    /// Begins to move what has been placed, because the rules have changed. Until it is dropped, its thread must ask neither
    /// namespace nor any block for anything else.
    pub fn mover(&self) -> Mover<'_> {
        Mover::new(self, self.tree())
    }

    pub(crate) fn writer<'a>(&'a self, cells: RwLockWriteGuard<'a, Cells>, received: Timestamp) -> Writer<'a> {
        Writer::new(cells, &self.revision, &self.limits, received)
    }

    /// The next revision, for a change that no batch makes.
    pub(crate) fn tick(&self) -> Revision {
        Revision(self.revision.fetch_add(1, Ordering::SeqCst) + 1)
    }

    pub(crate) fn budget(&self) -> &Budget {
        &self.budget
    }

    /// Lets whoever follows the tree read it again: for when so much is placed anew that telling it one by one would be
    /// longer. Its revision.
    pub fn reshape(&self) -> Revision {
        let mut tree = self.tree();
        // Under the lock: whoever has seen this revision reads the tree after us.
        let revision = self.tick();
        tree.reshaped(revision);
        revision
    }

    /// Holds the tree still for reading.
    pub fn read(&self) -> View<'_> {
        View { tree: self.tree.read().unwrap_or_else(PoisonError::into_inner) }
    }

    /// The newest revision given out. What has it may still be on its way in; locking its block waits for it.
    pub fn revision(&self) -> Revision {
        Revision(self.revision.load(Ordering::SeqCst))
    }

    /// Sizes, for telemetry. Walks all folders and blocks: for a scrape, not for a loop. Not while holding a [`View`].
    pub fn stats(&self) -> Stats {
        let view = self.read();
        let values_bytes = self.budget.used();
        let mut stats = Stats {
            elements: view.tree.live_len(),
            blocks: view.tree.blocks.len() - view.tree.closed_blocks,
            conflicts: view.tree.conflicts.len(),
            bytes: view.tree.heap_bytes() + values_bytes,
            values_bytes,
            types: view.tree.types.registry.stats(),
            revision: self.revision(),
            ..Stats::default()
        };
        for block in view.blocks() {
            let cells = block.read();
            stats.cells += cells.len();
            stats.bytes += size_of::<Block>() + cells.heap_bytes();
        }
        stats
    }

    // Placement checks everything before it changes anything, and what it changes it changes in an order that leaves the
    // tree readable after each step; so a poisoned lock is taken as it is.
    fn tree(&self) -> RwLockWriteGuard<'_, Tree> {
        self.tree.write().unwrap_or_else(PoisonError::into_inner)
    }
}
