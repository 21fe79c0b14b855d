//! The tree itself: elements, their names, and who is below whom.
//!
//! No path is stored anywhere. A child is found by hashing (parent, name id) into a table of element ids that compares
//! against the elements themselves, so a key costs nothing beyond the element; a path is the chain of parents.
//! Refuses to know values: cells are behind their blocks' locks. Lock order: tree, then block.
//! Invariant: [`Tree::extend`] checks everything it is about to need before it adds anything.

use std::hash::BuildHasher;
use std::sync::Arc;

use hashbrown::{DefaultHashBuilder, HashMap, HashTable};

use crate::block::Block;
use crate::children::Children;
use crate::coverage::Layouts;
use crate::element::{CellId, Element};
use crate::gone::Gone;
use crate::metadata::{Catalogue, MetadataId};
use crate::model::Model;
use crate::names::{NameId, Names};
use crate::source::{CONFLICTS, Origin, Origins, Source};
use crate::type_binding::Types;
use crate::{ElementId, EquipmentKind, Kind, Limits, Metadata, MetricName, OriginId, Refusal, Revision, Segment};

/// Room for the levels that most paths have.
const LEVELS: usize = 16;

pub(crate) struct Tree {
    elements: Vec<Element>,
    index: HashTable<ElementId>,
    hasher: DefaultHashBuilder,
    folders: Vec<Children>,
    names: Names,
    pub(crate) catalogue: Catalogue,
    /// By block index: the cells, behind their own lock.
    pub(crate) blocks: Vec<Arc<Block>>,
    /// By block index: where its cells come from. Apart from the blocks, so that reading samples at random finds those
    /// close together.
    pub(crate) origins: Vec<Origins>,
    /// Elements kept below `_conflicts`, and whose path each wanted.
    pub(crate) conflicts: HashMap<ElementId, ElementId>,
    /// Elements whose source calls them something else than their path says.
    pub(crate) renamed: HashMap<ElementId, Arc<str>>,
    /// What has changed about which cell belongs to which element, for those who follow the tree.
    pub(crate) layouts: Layouts,
    pub(crate) gone: Gone,
    /// What cells brought to elements that they have lost, for as long as they stand nowhere.
    pub(crate) laid_by: HashMap<CellId, Carried>,
    /// Kinds of equipment that placement rules name.
    pub(crate) equipment: HashMap<ElementId, EquipmentKind>,
    pub(crate) model: Model,
    pub(crate) types: Types,
    /// How many origins have their root at an element, which therefore stays.
    roots: HashMap<ElementId, u32>,
    /// Elements and folders that stand for nothing, to be used again.
    vacant: Vec<ElementId>,
    vacant_folders: Vec<u32>,
    /// How often things have been moved.
    pub(crate) layout: u64,
    /// The placement at hand: its number, and for which block.
    placement: (u64, u32),
    /// Blocks whose source is forgotten.
    pub(crate) closed_blocks: usize,
}

/// What a cell brings to the element that shows it.
pub(crate) struct Carried {
    kind: Kind,
    metadata: MetadataId,
    renamed: Option<Arc<str>>,
}

impl Tree {
    pub(crate) fn new() -> Self {
        Self {
            elements: vec![Element::new(Names::EMPTY, ElementId::ROOT)],
            index: HashTable::new(),
            hasher: DefaultHashBuilder::default(),
            folders: Vec::new(),
            names: Names::new(),
            catalogue: Catalogue::default(),
            blocks: Vec::new(),
            origins: Vec::new(),
            conflicts: HashMap::default(),
            renamed: HashMap::default(),
            layouts: Layouts::default(),
            gone: Gone::default(),
            laid_by: HashMap::default(),
            equipment: HashMap::default(),
            model: Model::default(),
            types: Types::default(),
            roots: HashMap::default(),
            vacant: Vec::new(),
            vacant_folders: Vec::new(),
            layout: 0,
            placement: (0, u32::MAX),
            closed_blocks: 0,
        }
    }

    pub(crate) fn element(&self, id: ElementId) -> &Element {
        &self.elements[id.0 as usize]
    }

    pub(crate) fn element_mut(&mut self, id: ElementId) -> &mut Element {
        &mut self.elements[id.0 as usize]
    }

    /// All element ids are below this.
    pub(crate) fn len(&self) -> usize {
        self.elements.len()
    }

    /// Elements that stand for something.
    pub(crate) fn live_len(&self) -> usize {
        self.elements.len() - self.vacant.len()
    }

    /// An origin begins at `root`.
    pub(crate) fn hold(&mut self, root: ElementId) {
        *self.roots.entry(root).or_default() += 1;
    }

    /// An origin begins there no more.
    pub(crate) fn let_go(&mut self, root: ElementId) {
        if let Some(count) = self.roots.get_mut(&root) {
            *count -= 1;
            if *count == 0 {
                self.roots.remove(&root);
            }
        }
    }

    /// Whether an element is more than the place of a cell, so that it stays when the cell goes.
    pub(crate) fn is_held(&self, id: ElementId) -> bool {
        id == ElementId::ROOT || self.roots.contains_key(&id) || self.model.contains(id)
    }

    /// The number of the placement at hand, which is another one for each block that is placed in turn.
    pub(crate) fn placement(&mut self, block: u32) -> u64 {
        let (number, last) = &mut self.placement;
        *number += u64::from(std::mem::replace(last, block) != block);
        *number
    }

    /// A placement of a former process had this number.
    pub(crate) fn claimed(&mut self, claim: u64) {
        self.placement = (self.placement.0.max(claim), u32::MAX);
    }

    pub(crate) fn name(&self, id: ElementId) -> &str {
        self.names.get(self.element(id).name)
    }

    pub(crate) fn names(&self) -> &Names {
        &self.names
    }

    pub(crate) fn child(&self, parent: ElementId, name: &str) -> Option<ElementId> {
        self.child_named(parent, self.names.find(name)?)
    }

    /// Follows names down from `from`.
    pub(crate) fn walk<'s>(&self, from: ElementId, mut names: impl Iterator<Item = &'s str>) -> Option<ElementId> {
        names.try_fold(from, |at, name| self.child(at, name))
    }

    /// All children in name order (by bytes).
    pub(crate) fn children(&self, id: ElementId) -> &[ElementId] {
        match self.folder(id) {
            None => &[],
            Some(folder) => folder.sorted(|a, b| self.name(a).cmp(self.name(b))),
        }
    }

    pub(crate) fn child_count(&self, id: ElementId) -> usize {
        self.folder(id).map_or(0, Children::len)
    }

    /// Segments from the root to `id`.
    pub(crate) fn depth(&self, id: ElementId) -> usize {
        self.ancestry(id).count()
    }

    /// `id` and its parents, upwards, without the root.
    pub(crate) fn ancestry(&self, id: ElementId) -> impl Iterator<Item = ElementId> {
        let above = move |id: ElementId| (id != ElementId::ROOT).then_some(id);
        std::iter::successors(above(id), move |&id| above(self.element(id).parent))
    }

    /// The names of the last `depth` segments of `id`, joined by `/`.
    pub(crate) fn path_below(&self, id: ElementId, depth: usize) -> String {
        let mut chain = Vec::with_capacity(LEVELS);
        chain.extend(self.ancestry(id).take(depth));
        chain.reverse();
        let mut path = String::with_capacity(chain.iter().map(|&id| self.name(id).len() + 1).sum());
        for (position, &id) in chain.iter().enumerate() {
            if position > 0 {
                path.push('/');
            }
            path.push_str(self.name(id));
        }
        path
    }

    /// Elements have been moved at `revision`, otherwise than by placing cells one by one: whoever follows the tree reads it
    /// again.
    pub(crate) fn reshaped(&mut self, revision: Revision) {
        self.layouts.reshaped();
        self.gone.note_all(revision);
    }

    /// Where a cell comes from.
    pub(crate) fn origin(&self, block: u32, origin: OriginId) -> &Origin {
        self.origins[block as usize].get(origin)
    }

    /// What the source itself calls the metric at `id`, which has a cell of `origin`.
    pub(crate) fn metric_name(&self, id: ElementId, origin: &Origin) -> MetricName<'_> {
        if let Some(name) = self.renamed.get(&id) {
            return MetricName::Renamed(name);
        }
        MetricName::PathBeyond(match self.conflicts.get(&id) {
            Some(_) => self.conflict_depth(id, &origin.source),
            None => self.depth(origin.root),
        })
    }

    /// How many segments there are before what a source itself calls the metric at `id`, which stands below `_conflicts`.
    pub(crate) fn conflict_depth(&self, id: ElementId, source: &Source) -> usize {
        // From the element up to the root: the run of them that ends at the root counts.
        let nested = self.ancestry(id).fold(0, |run, id| if self.name(id) == CONFLICTS { run + 1 } else { 0 });
        source.conflict_path(nested).count()
    }

    /// Follows names down from `from` as far as they exist: the last element found, and the names still missing.
    pub(crate) fn descend<'s, N>(&self, from: ElementId, mut names: N) -> (ElementId, N)
    where
        N: Iterator<Item = &'s str> + Clone,
    {
        let mut at = from;
        loop {
            let missing = names.clone();
            match names.next().and_then(|name| self.child(at, name)) {
                Some(child) => at = child,
                None => return (at, missing),
            }
        }
    }

    /// Adds `missing` names below `at`, each below the one before; or refuses, and adds none.
    pub(crate) fn extend<'s>(
        &mut self,
        at: ElementId,
        missing: impl Iterator<Item = &'s str> + Clone,
        depth_max: usize,
        limits: &Limits,
    ) -> Result<ElementId, Refusal> {
        self.room_for(at, missing.clone(), depth_max, limits)?;
        Ok(missing.fold(at, |parent, name| self.add(parent, name)))
    }

    /// Finds or adds a path of folders and equipment from the root. A level, once given, stays: the first to name it
    /// decides. A kind is only ever raised from folder.
    pub(crate) fn ensure(&mut self, path: &[Segment<'_>], kind: Kind, limits: &Limits) -> Result<ElementId, Refusal> {
        if path.iter().any(|segment| segment.name.contains('/')) {
            return Err(Refusal::SlashInName);
        }
        let (at, missing) = self.descend(ElementId::ROOT, path.iter().map(|segment| segment.name));
        let element = self.extend(at, missing, limits.depth_max, limits)?;
        let chain: Vec<ElementId> = self.ancestry(element).collect();
        for (&id, segment) in chain.iter().rev().zip(path) {
            if let Some(kind) = segment.kind {
                self.equipment.entry(id).or_insert(kind);
            }
            let element = self.element_mut(id);
            element.level = element.level.or(segment.level);
            if element.kind == Kind::Folder && element.level.is_some() {
                element.kind = Kind::Equipment;
            }
        }
        let last = self.element_mut(element);
        if last.kind == Kind::Folder && element != ElementId::ROOT {
            last.kind = kind;
        }
        Ok(element)
    }

    /// Heap in use by elements, names, index and folders, in bytes; metadata and origins are counted by the budget.
    pub(crate) fn heap_bytes(&self) -> usize {
        self.elements.capacity() * size_of::<Element>()
            + self.index.allocation_size()
            + self.folders.capacity() * size_of::<Children>()
            + self.folders.iter().map(Children::heap_bytes).sum::<usize>()
            + self.names.heap_bytes()
            + self.catalogue.heap_bytes()
            + self.types.heap_bytes()
            + self.layouts.heap_bytes()
    }

    pub(crate) fn room_for<'s>(
        &self,
        at: ElementId,
        missing: impl Iterator<Item = &'s str>,
        depth_max: usize,
        limits: &Limits,
    ) -> Result<(), Refusal> {
        // Counted as if every name were new: a refusal slightly early is better than a second pass at each Birth.
        let (mut count, mut bytes, mut longest) = (0, 0, 0);
        for name in missing {
            (count, bytes, longest) = (count + 1, bytes + name.len(), longest.max(name.len()));
        }
        if count == 0 {
            return Ok(());
        }
        if self.depth(at) + count > depth_max {
            return Err(Refusal::TooDeep);
        }
        if longest > limits.name_bytes_max {
            return Err(Refusal::NameTooLong);
        }
        if self.live_len() + count > limits.elements_max {
            return Err(Refusal::TooManyElements);
        }
        if self.names.bytes_len() + bytes > limits.names_bytes_max {
            return Err(Refusal::NamesFull);
        }
        Ok(())
    }

    pub(crate) fn add(&mut self, parent: ElementId, name: &str) -> ElementId {
        let name = self.names.intern(name);
        let id = match self.vacant.pop() {
            Some(id) => {
                *self.element_mut(id) = Element::new(name, parent);
                id
            }
            None => {
                let id = u32::try_from(self.elements.len()).expect("elements_max keeps element ids in 32 bits");
                self.elements.push(Element::new(name, parent));
                ElementId(id)
            }
        };
        self.list(id);
        self.appeared(id);
        id
    }

    /// An element with nothing below it goes to another place. The folder it leaves is to be [swept](Tree::sweep).
    pub(crate) fn relink(&mut self, id: ElementId, parent: ElementId, name: &str) {
        self.unlist(id);
        let name = self.names.intern(name);
        let element = self.element_mut(id);
        (element.parent, element.name) = (parent, name);
        self.list(id);
        self.appeared(id);
    }

    /// An element that shows nothing and has nothing below it stands for nothing any more. Its parent is to be swept.
    fn remove(&mut self, id: ElementId) {
        self.unlist(id);
        self.vanished(id);
        self.equipment.remove(&id);
        let folder = self.element(id).folder;
        if folder != Element::LEAF {
            self.vacant_folders.push(folder);
        }
        *self.element_mut(id) = Element::vacant();
        self.vacant.push(id);
    }

    /// Puts the lists of children right after things have left these elements, and removes what is empty then, upwards.
    pub(crate) fn sweep(&mut self, mut left: Vec<ElementId>) {
        while !left.is_empty() {
            left.sort_unstable();
            left.dedup();
            let mut gone = Vec::new();
            for &id in &left {
                let elements = &self.elements;
                let element = &elements[id.0 as usize];
                if let Some(children) = self.folders.get_mut(element.folder as usize) {
                    children.retain(|child| {
                        let child = &elements[child.0 as usize];
                        child.parent == id && !child.is_vacant()
                    });
                }
                let is_bare = element.cell().is_none() && !element.is_vacant();
                if is_bare && self.child_count(id) == 0 && !self.is_held(id) {
                    gone.push(id);
                }
            }
            left = gone.iter().map(|&id| self.element(id).parent).collect();
            gone.into_iter().for_each(|id| self.remove(id));
        }
    }

    fn list(&mut self, id: ElementId) {
        let Self { elements, index, hasher, .. } = self;
        let hash = |id: ElementId| {
            let element: &Element = &elements[id.0 as usize];
            key(hasher, element.parent, element.name)
        };
        index.insert_unique(hash(id), id, |&id| hash(id));
        let parent = self.element(id).parent;
        self.folder_mut(parent).add(id);
    }

    fn unlist(&mut self, id: ElementId) {
        let element = self.element(id);
        let hash = key(&self.hasher, element.parent, element.name);
        if let Ok(listed) = self.index.find_entry(hash, |&listed| listed == id) {
            listed.remove();
        }
    }

    fn child_named(&self, parent: ElementId, name: NameId) -> Option<ElementId> {
        let is_it = |&id: &ElementId| {
            let element = self.element(id);
            element.parent == parent && element.name == name
        };
        self.index.find(key(&self.hasher, parent, name), is_it).copied()
    }

    fn folder(&self, id: ElementId) -> Option<&Children> {
        self.folders.get(self.element(id).folder as usize)
    }

    fn folder_mut(&mut self, id: ElementId) -> &mut Children {
        if self.element(id).folder == Element::LEAF {
            let folder = self.vacant_folders.pop().unwrap_or_else(|| {
                self.folders.push(Children::default());
                u32::try_from(self.folders.len() - 1).expect("folders are fewer than elements")
            });
            self.element_mut(id).folder = folder;
        }
        let folder = self.element(id).folder;
        &mut self.folders[folder as usize]
    }

    /// The element loses its cell, so its path is free for others; the bytes of metadata that nobody needs any more.
    pub(crate) fn detach(&mut self, id: ElementId) -> usize {
        let Carried { metadata, renamed, .. } = self.pick_up(id);
        self.catalogue.release(metadata) + renamed.map_or(0, |name| name.len())
    }

    /// The element loses its cell, and what that brought.
    pub(crate) fn pick_up(&mut self, id: ElementId) -> Carried {
        self.conflicts.remove(&id);
        let renamed = self.renamed.remove(&id);
        let element = self.element_mut(id);
        element.set_cell(None);
        let bare = if element.level.is_some() { Kind::Equipment } else { Kind::Folder };
        let kind = std::mem::replace(&mut element.kind, bare);
        let metadata = std::mem::replace(&mut element.metadata, MetadataId::NONE);
        self.refresh(id, None);
        Carried { kind, metadata, renamed }
    }

    /// The element gets a cell, with what it brings; it has none.
    pub(crate) fn put_down(&mut self, id: ElementId, cell: CellId, Carried { kind, metadata, renamed }: Carried) {
        let element = self.element_mut(id);
        debug_assert!(element.cell().is_none() && element.metadata == MetadataId::NONE);
        element.set_cell(Some(cell));
        (element.kind, element.metadata) = (kind, metadata);
        if let Some(name) = renamed {
            self.renamed.insert(id, name);
        }
        self.refresh(id, Some(cell.block));
    }

    /// What a cell that stands nowhere has laid by is forgotten; the bytes that nobody needs any more.
    pub(crate) fn forget(&mut self, cell: CellId) -> usize {
        if self.laid_by.is_empty() {
            return 0;
        }
        self.laid_by.remove(&cell).map_or(0, |Carried { metadata, renamed, .. }| {
            self.catalogue.release(metadata) + renamed.map_or(0, |name| name.len())
        })
    }

    /// What is declared about an element, by the model, its source or its type.
    pub(crate) fn metadata(&self, id: ElementId) -> Option<&Arc<Metadata>> {
        self.model.metadata(id).or_else(|| self.said(id))
    }

    /// What its source says about an element, and where that is silent its type.
    fn said(&self, id: ElementId) -> Option<&Arc<Metadata>> {
        self.types.metadata(id).or_else(|| self.declared(id))
    }

    /// What its source itself says about an element.
    pub(crate) fn declared(&self, id: ElementId) -> Option<&Arc<Metadata>> {
        self.catalogue.get(self.element(id).metadata)
    }

    /// What counts beneath the model has become another.
    pub(crate) fn refresh_model(&mut self, id: ElementId) {
        let Self { model, catalogue, types, elements, .. } = self;
        let said = types.metadata(id).or_else(|| catalogue.get(elements[id.0 as usize].metadata));
        model.refresh(id, said);
    }

    /// Exchanges what is declared about an element that shows a cell of `block`, its source's own name for it included; the
    /// bytes of what was declared before that nobody needs any more.
    pub(crate) fn describe(&mut self, id: ElementId, block: u32, metadata: MetadataId, name: Option<&str>) -> usize {
        let former = std::mem::replace(&mut self.element_mut(id).metadata, metadata);
        let former_name = match name {
            Some(name) => self.renamed.insert(id, name.into()),
            None => self.renamed.remove(&id),
        };
        self.refresh(id, Some(block));
        self.catalogue.release(former) + former_name.map_or(0, |name| name.len())
    }
}

fn key(hasher: &DefaultHashBuilder, parent: ElementId, name: NameId) -> u64 {
    hasher.hash_one((parent, name))
}
