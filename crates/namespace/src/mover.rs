//! Moving: the rules have changed, and every cell goes where it would stand had they always been so.
//!
//! One origin at a time gets another root, and its cells follow. *The oldest claimant owns a path*: who takes a path from a
//! younger cell puts that aside under `_conflicts`, so the order in which origins are moved does not matter. An origin that
//! has not been moved yet may still sit where another one belongs; that one waits under `_conflicts` until the disputes are
//! settled at the end. A metric with nothing below it takes its element along; folders that are left empty are removed.
//! Refuses to know how a path was made. Invariant: no cell loses its sample, and one that the tree has no room for keeps it
//! though it stands nowhere.

use std::sync::{Arc, RwLockWriteGuard};

use hashbrown::HashSet;

use crate::block::Cells;
use crate::element::CellId;
use crate::place::{CONFLICTS_NESTED_MAX, Names, Nearby};
use crate::tree::Tree;
use crate::{
    Block, ElementId, EquipmentKind, Filter, Kind, Level, Modelled, Namespace, OriginId, PathSpec, Placed, Refusal,
    Revision, Segment, TypeDefinition,
};

/// Moves what has been placed. The tree is locked for as long as it lives. Made by [`Namespace::mover`].
#[must_use = "a mover holds the lock of the tree"]
pub struct Mover<'a> {
    namespace: &'a Namespace,
    tree: RwLockWriteGuard<'a, Tree>,
    /// Elements that have lost a cell or a child.
    left: Vec<ElementId>,
    /// Something stands elsewhere than before.
    has_moved: bool,
    /// Much is said otherwise than before, though nothing has left its place.
    is_retold: bool,
    nearby: Nearby,
}

/// What became of cells that were to be moved.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Shifted {
    /// Cells that were looked at.
    pub cells: usize,
    /// Cells that stand elsewhere now.
    pub moved: usize,
    /// Cells that the tree has no room for at their new place. They keep their samples and stand nowhere.
    pub refused: usize,
}

/// The cells at hand, locked.
struct Held<'h> {
    block: u32,
    cells: &'h mut Cells,
    revision: Revision,
}

impl<'a> Mover<'a> {
    pub(crate) fn new(namespace: &'a Namespace, mut tree: RwLockWriteGuard<'a, Tree>) -> Self {
        tree.layout += 1;
        Self { namespace, tree, left: Vec::new(), has_moved: false, is_retold: false, nearby: Nearby::none() }
    }

    /// Finds or makes the element of a path, as [`Namespace::ensure`] does.
    ///
    /// # Errors
    /// Those of [`Namespace::ensure`].
    pub fn ensure(&mut self, path: &[Segment<'_>], kind: Kind) -> Result<ElementId, Refusal> {
        self.tree.ensure(path, kind, self.namespace.limits())
    }

    /// The element above.
    pub fn parent(&self, id: ElementId) -> ElementId {
        self.tree.element(id).parent
    }

    /// The path of an element.
    pub fn path(&self, id: ElementId) -> String {
        self.tree.path_below(id, usize::MAX)
    }

    /// Gives origins of one block another root, and moves their cells below it. No root: they stand nowhere, until they are
    /// given one again.
    ///
    /// `slots` are the slots to look at, and `name` says where a cell belongs below its root: by what its source calls it.
    pub fn shift<'n>(
        &mut self,
        block: &Block,
        roots: &[(OriginId, Option<ElementId>)],
        slots: impl Iterator<Item = u32>,
        name: impl Fn(u32) -> Option<PathSpec<'n>>,
    ) -> Shifted {
        let mut shifted = Shifted::default();
        let mut cells = block.lock();
        let revision = self.namespace.tick();
        let mut held = Held { block: block.index, cells: &mut cells, revision };
        let mut by_origin = roots.to_vec();
        by_origin.sort_unstable_by_key(|&(origin, _)| origin);
        for slot in slots {
            if !held.cells.is_placed(slot) {
                continue;
            }
            let origin = held.cells.origin(slot);
            let Ok(known) = by_origin.binary_search_by_key(&origin, |&(origin, _)| origin) else { continue };
            let (root, Some(path)) = (by_origin[known].1, name(slot)) else { continue };
            shifted.cells += 1;
            let Some(root) = root else {
                shifted.moved += usize::from(held.cells.element(slot).is_some());
                self.lay_by(&mut held, slot);
                continue;
            };
            match self.settle(&mut held, slot, root, path.below(), &name) {
                Ok(has_moved) => shifted.moved += usize::from(has_moved),
                Err(_) => {
                    shifted.refused += 1;
                    self.lay_by(&mut held, slot);
                }
            }
        }
        for &(origin, root) in roots {
            self.reroot(block.index, origin, root.unwrap_or(ElementId::ROOT));
        }
        shifted
    }

    /// The elements under `_conflicts` whose dispute is to be [settled](Mover::decide).
    pub fn disputes(&self) -> Vec<ElementId> {
        let mut disputes: Vec<ElementId> = self.tree.conflicts.keys().copied().collect();
        disputes.sort_unstable();
        disputes
    }

    /// Lets the oldest claimant have the path that the cell shown by `dispute` wants. Whether it has moved.
    pub fn decide(&mut self, dispute: ElementId) -> bool {
        // Its dispute may have been settled by another one's.
        let cell = self.tree.conflicts.get(&dispute).and_then(|_| self.tree.element(dispute).cell());
        let Some(cell) = cell else { return false };
        let block = Arc::clone(&self.tree.blocks[cell.block as usize]);
        let mut cells = block.lock();
        let revision = self.namespace.tick();
        let mut held = Held { block: cell.block, cells: &mut cells, revision };
        let root = self.tree.origin(cell.block, held.cells.origin(cell.slot)).root;
        let name = self.own_name(&held, cell.slot, dispute);
        self.settle(&mut held, cell.slot, root, name.as_deref(), &|_| None).unwrap_or(false)
    }

    /// Takes what origins of one block have out of the tree: their cells among `slots`, and their samples. The elements go with
    /// them, unless somebody else has something there. Who has waited under `_conflicts` for a path that is free now gets it, the
    /// oldest claimant first. The paths that have lost a sample.
    pub fn remove(&mut self, block: &Block, origins: &[OriginId], slots: impl Iterator<Item = u32>) -> Vec<String> {
        let (mut removed, mut paths, mut freed) = (HashSet::new(), Vec::new(), 0);
        let is_meant: HashSet<OriginId> = origins.iter().copied().collect();
        {
            let mut cells = block.lock();
            for slot in slots {
                if !cells.is_placed(slot) || !is_meant.contains(&cells.origin(slot)) {
                    continue;
                }
                freed += self.tree.forget(CellId { block: block.index, slot });
                if let Some(element) = cells.element(slot) {
                    paths.extend(cells.sample(slot).map(|_| self.path(element)));
                    freed += self.tree.detach(element);
                    removed.insert(element);
                }
                cells.vacate(slot);
            }
        }
        for &origin in origins {
            let (root, bytes) = self.tree.origins[block.index as usize].retire(origin);
            freed += bytes;
            self.tree.let_go(root);
            self.left.push(root);
        }
        self.left.extend(&removed);
        for path in &paths {
            self.tree.gone.note(self.namespace.tick(), path.clone());
        }
        self.namespace.budget().give_back(freed);
        let is_free = |(_, wanted): &(&ElementId, &ElementId)| removed.contains(*wanted);
        let mut disputes: Vec<ElementId> = self.tree.conflicts.iter().filter(is_free).map(|(id, _)| *id).collect();
        disputes.sort_unstable();
        for dispute in disputes {
            self.decide(dispute);
        }
        paths
    }

    /// Elements that have lost their cells stand for nothing, unless somebody else has something there: they go.
    pub fn prune(&mut self, elements: Vec<ElementId>) {
        self.left.extend(elements);
    }

    /// Nothing of this block is in the tree any more, and nothing will be: its room is somebody else's.
    pub fn close(&mut self, block: &Block) {
        block.lock().close();
        self.tree.closed_blocks += 1;
    }

    /// Takes the place of the model there was; says which entries were refused, by their number, and why.
    pub fn model(&mut self, entries: &[Modelled]) -> Vec<(usize, Refusal)> {
        let former = self.tree.model.clear();
        self.left.extend(former.keys());
        let mut refused = Vec::new();
        for (number, Modelled { path, kind, metadata }) in entries.iter().enumerate() {
            let segments: Vec<Segment<'_>> = path.split('/').map(Segment::named).collect();
            match self.tree.ensure(&segments, Kind::Folder, self.namespace.limits()) {
                Ok(id) => {
                    self.tree.model.insert(id, *kind, metadata);
                    self.tree.refresh_here(id);
                }
                Err(refusal) => refused.push((number, refusal)),
            }
        }
        self.is_retold |= !self.tree.model.says_what_was_said(&former);
        former.into_keys().for_each(|id| self.tree.refresh_here(id));
        refused
    }

    /// Takes the place of the types that the configuration declared, and of its rules about which elements are of them: the
    /// first whose filter means an element counts. Says which types were refused, by their number, and why. What appears
    /// from now on meets them; for what is there go on with [`Mover::retype_some`] from 0.
    pub fn types(&mut self, types: Vec<TypeDefinition>, rules: Vec<(Filter, Arc<str>)>) -> Vec<(usize, Refusal)> {
        self.tree.configure(types, rules, self.namespace.limits())
    }

    /// Finds anew what elements are of, and what their types say of them: of up to `max` elements, from the number given on.
    /// Where to go on; none if that was all.
    pub fn retype_some(&mut self, from: u32, max: usize) -> Option<u32> {
        let next = self.tree.retype_some(from, max);
        self.is_retold |= next.is_none();
        next
    }

    /// Gives the elements that `named` names their levels and kinds of equipment, and takes them from all others. Walks all
    /// elements: for the end.
    pub fn rename_levels(&mut self, named: impl Fn(ElementId) -> Option<(Option<Level>, Option<EquipmentKind>)>) {
        for id in (1..self.tree.len() as u32).map(ElementId) {
            if self.tree.element(id).level.is_none() && self.tree.element(id).kind != Kind::Equipment {
                continue;
            }
            let (level, is_named) = named(id).map_or((None, false), |(level, _)| (level, true));
            let element = self.tree.element_mut(id);
            element.level = level;
            if element.kind == Kind::Equipment && !is_named {
                element.kind = Kind::Folder;
            }
        }
        self.tree.equipment.retain(|&id, kind| match named(id) {
            Some((_, Some(named))) => {
                *kind = named;
                true
            }
            Some((_, None)) | None => false,
        });
    }

    /// Moves the cell at `slot` to its path below `root`, or aside if an older cell owns that. Whether it stands elsewhere
    /// than before.
    fn settle<'n>(
        &mut self,
        held: &mut Held<'_>,
        slot: u32,
        root: ElementId,
        below: Option<&str>,
        name: &dyn Fn(u32) -> Option<PathSpec<'n>>,
    ) -> Result<bool, Refusal> {
        let cell = CellId { block: held.block, slot };
        let (from, rest) = match below {
            Some(path) => {
                let (from, rest) = self.nearby.start(root, path);
                (from, Some(rest))
            }
            None => (root, None),
        };
        let (at, missing) = self.tree.descend(from, Names(rest));
        if let Some(missing) = missing.0 {
            if let Some(element) = self.movable(held, slot) {
                self.relink(held, slot, element, (at, missing))?;
                self.note_folder(root, below, element, from);
                return Ok(true);
            }
            let limits = self.namespace.limits();
            let element = self.tree.extend(at, Names(Some(missing)), limits.depth_max, limits)?;
            self.note_folder(root, below, element, from);
            self.seat(held, slot, Placed::Owned(element));
            return Ok(true);
        }
        if at == ElementId::ROOT {
            return Err(Refusal::EmptyPath);
        }
        self.note_folder(root, below, at, from);
        match self.tree.element(at).cell() {
            Some(other) if other != cell => {
                if !self.is_older(held, cell, other) {
                    return self.put_aside(held, slot, below, (at, 1), name);
                }
                self.displace(held, other, at, name);
            }
            Some(_) | None => {}
        }
        Ok(self.seat(held, slot, Placed::Owned(at)))
    }

    fn note_folder(&mut self, root: ElementId, below: Option<&str>, element: ElementId, from: ElementId) {
        let folder = self.tree.element(element).parent;
        if let Some(path) = below.filter(|_| folder != from) {
            self.nearby.remember(root, path, folder);
        }
    }

    /// The element that goes where its cell goes, because it is nothing else than that cell's place.
    fn movable(&self, held: &Held<'_>, slot: u32) -> Option<ElementId> {
        let element = held.cells.element(slot)?;
        (self.tree.child_count(element) == 0 && !self.tree.is_held(element)).then_some(element)
    }

    /// Makes the folders on the way and puts the element there.
    fn relink(
        &mut self,
        held: &mut Held<'_>,
        slot: u32,
        element: ElementId,
        (at, missing): (ElementId, &str),
    ) -> Result<(), Refusal> {
        let limits = self.namespace.limits();
        self.tree.room_for(at, Names(Some(missing)), limits.depth_max, limits)?;
        let (folders, last) = match missing.rsplit_once('/') {
            Some((folders, last)) => (Some(folders), last),
            None => (None, missing),
        };
        let parent = Names(folders).fold(at, |parent, name| self.tree.add(parent, name));
        self.leave(self.tree.element(element).parent);
        self.tree.relink(element, parent, last);
        self.tree.conflicts.remove(&element);
        held.cells.reseat(slot, element, held.revision);
        Ok(())
    }

    /// The cell is shown by another element from now on; whether that is one.
    fn seat(&mut self, held: &mut Held<'_>, slot: u32, placed: Placed) -> bool {
        let (cell, element) = (CellId { block: held.block, slot }, placed.element());
        let former = held.cells.element(slot);
        if former != Some(element) {
            let carried = match former {
                Some(former) => {
                    self.leave(former);
                    Some(self.tree.pick_up(former))
                }
                None => self.tree.laid_by.remove(&cell),
            };
            let carried = carried.expect("a cell that stands nowhere has laid by what it had");
            self.tree.put_down(element, cell, carried);
            held.cells.reseat(slot, element, held.revision);
        }
        match placed {
            Placed::Owned(_) => drop(self.tree.conflicts.remove(&element)),
            Placed::Conflict { instead_of, .. } => drop(self.tree.conflicts.insert(element, instead_of)),
        }
        former != Some(element)
    }

    /// The cell stands nowhere from now on.
    fn lay_by(&mut self, held: &mut Held<'_>, slot: u32) {
        let Some(former) = held.cells.element(slot) else { return };
        self.leave(former);
        let carried = self.tree.pick_up(former);
        self.tree.laid_by.insert(CellId { block: held.block, slot }, carried);
        held.cells.unseat(slot);
    }

    /// The cell goes where conflicts are kept, below at least `nested` of `_conflicts`. There too the older one comes first.
    fn put_aside<'n>(
        &mut self,
        held: &mut Held<'_>,
        slot: u32,
        below: Option<&str>,
        (instead_of, nested): (ElementId, usize),
        name: &dyn Fn(u32) -> Option<PathSpec<'n>>,
    ) -> Result<bool, Refusal> {
        let cell = CellId { block: held.block, slot };
        let source = self.tree.origin(held.block, held.cells.origin(slot)).source.clone();
        for nested in nested..=CONFLICTS_NESTED_MAX {
            let aside = source.conflict_path(nested).chain(Names(below));
            let (at, missing) = self.tree.descend(ElementId::ROOT, aside);
            let is_new = missing.clone().next().is_some();
            match self.tree.element(at).cell().filter(|&other| !is_new && other != cell) {
                None => {
                    let limits = self.namespace.limits();
                    let element = self.tree.extend(at, missing, limits.depth_max * 2, limits)?;
                    return Ok(self.seat(held, slot, Placed::Conflict { element, instead_of }));
                }
                // What wants one place there is of one block.
                Some(other) if other.block == held.block && self.is_older(held, cell, other) => {
                    let disputed = self.tree.conflicts.get(&at).copied().unwrap_or(at);
                    let theirs = self.name_of(held, other.slot, at, name);
                    self.clear(held, other.slot, theirs.as_deref(), (disputed, nested + 1), name);
                    return Ok(self.seat(held, slot, Placed::Conflict { element: at, instead_of }));
                }
                Some(_) => {}
            }
        }
        Err(Refusal::PathTaken)
    }

    /// `other`, which owns `at`, makes room for an older cell.
    fn displace<'n>(
        &mut self,
        held: &mut Held<'_>,
        other: CellId,
        at: ElementId,
        name: &dyn Fn(u32) -> Option<PathSpec<'n>>,
    ) {
        if other.block == held.block {
            let below = self.name_of(held, other.slot, at, name);
            return self.clear(held, other.slot, below.as_deref(), (at, 1), name);
        }
        let block = Arc::clone(&self.tree.blocks[other.block as usize]);
        let mut cells = block.lock();
        let revision = self.namespace.tick();
        let mut theirs = Held { block: other.block, cells: &mut cells, revision };
        let below = self.own_name(&theirs, other.slot, at);
        self.clear(&mut theirs, other.slot, below.as_deref(), (at, 1), &|_| None);
    }

    fn clear<'n>(
        &mut self,
        held: &mut Held<'_>,
        slot: u32,
        below: Option<&str>,
        instead_of: (ElementId, usize),
        name: &dyn Fn(u32) -> Option<PathSpec<'n>>,
    ) {
        if self.put_aside(held, slot, below, instead_of, name).is_err() {
            self.lay_by(held, slot);
        }
    }

    /// Where a cell of the block that is moved belongs below its root. Its origin may be about to get another root, and then
    /// its path does not tell.
    fn name_of<'n>(
        &self,
        held: &Held<'_>,
        slot: u32,
        element: ElementId,
        name: &dyn Fn(u32) -> Option<PathSpec<'n>>,
    ) -> Option<String> {
        let told = name(slot).map(|path| path.below().map(str::to_owned));
        told.unwrap_or_else(|| self.own_name(held, slot, element))
    }

    /// Where a cell stands below its root, by the element that shows it; none for the root itself.
    fn own_name(&self, held: &Held<'_>, slot: u32, element: ElementId) -> Option<String> {
        let origin = self.tree.origin(held.block, held.cells.origin(slot));
        let above = match self.tree.conflicts.contains_key(&element) {
            true => self.tree.conflict_depth(element, &origin.source),
            false => self.tree.depth(origin.root),
        };
        let depth = self.tree.depth(element).saturating_sub(above);
        (depth > 0).then(|| self.tree.path_below(element, depth))
    }

    /// Which of two cells was placed first.
    fn is_older(&self, held: &Held<'_>, cell: CellId, other: CellId) -> bool {
        let age = match other.block == held.block {
            true => held.cells.age(other.slot),
            false => self.tree.blocks[other.block as usize].read().age(other.slot),
        };
        (held.cells.age(cell.slot), cell.slot) < (age, other.slot)
    }

    fn reroot(&mut self, block: u32, origin: OriginId, root: ElementId) {
        let former = self.tree.origin(block, origin).root;
        if former == root {
            return;
        }
        self.tree.hold(root);
        self.tree.let_go(former);
        self.tree.origins[block as usize].reroot(origin, root);
        self.leave(former);
    }

    /// Something has left `element`, or from below it.
    fn leave(&mut self, element: ElementId) {
        self.has_moved = true;
        if self.left.last() != Some(&element) {
            self.left.push(element);
        }
    }
}

impl Drop for Mover<'_> {
    /// Lists of children are put right and empty folders removed, whatever way the move has ended; who follows the tree reads
    /// it again, unless things have but gone.
    fn drop(&mut self) {
        self.tree.sweep(std::mem::take(&mut self.left));
        if self.has_moved || self.is_retold {
            let revision = self.namespace.tick();
            self.tree.reshaped(revision);
        }
    }
}
