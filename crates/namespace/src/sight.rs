//! Sight: the tree as far as somebody may see it.
//!
//! A [`View`] with a [`Horizon`]. What lies beyond is not there: it is not found, not listed and not counted. What only lies
//! on the way to something within is shown as a folder: its name and its level, and nothing that it holds. How much of a
//! branch is within is asked once for each branch, so a subtree that is whole or not there at all costs nothing more.
//! Refuses to know who looks, and why no further. Invariant: without a horizon, everything is as in the view.

use std::borrow::Cow;
use std::cell::RefCell;
use std::ops::Deref;
use std::sync::Arc;

use hashbrown::HashMap;

use crate::select::Selection;
use crate::{
    Block, DataType, Deviations, ElementId, EquipmentKind, Filter, Kind, Member, Metadata, OriginId, Provenance,
    Reading, Revision, Sample, Search, Source, Type, TypeVersion, TypeVersionId, View,
};

/// How much of an element and of all below it lies within a [`Horizon`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// All of it.
    Whole,
    /// Some of it.
    Part,
    /// None of it.
    Nothing,
}

/// How far somebody may see, by paths. The root's is empty.
pub trait Horizon: Send + Sync {
    /// How much lies within of the element at a path with all that is or may be below it; [`Extent::Part`] if in doubt.
    fn extent(&self, path: &str) -> Extent;
    /// Whether the element at a path itself does.
    fn holds(&self, path: &str) -> bool;
}

/// Instances looked at in one go.
const INSTANCES: usize = 256;

/// The tree, held still, as far as somebody may see it.
pub struct Sight<'v> {
    view: View<'v>,
    horizon: Option<&'v dyn Horizon>,
    /// What has been asked already.
    known: RefCell<HashMap<ElementId, Extent>>,
}

impl<'v> Deref for Sight<'v> {
    type Target = View<'v>;

    fn deref(&self) -> &View<'v> {
        &self.view
    }
}

/// What has the name of a method of [`View`] does the same within the horizon.
impl<'v> Sight<'v> {
    /// The view as far as the horizon; without one, all of it.
    #[inline]
    pub fn new(view: View<'v>, horizon: Option<&'v dyn Horizon>) -> Self {
        Sight { view, horizon, known: RefCell::default() }
    }

    /// Whether there is no horizon.
    pub fn is_unlimited(&self) -> bool {
        self.horizon.is_none()
    }

    /// How much of an element with all below it is within.
    pub fn extent(&self, id: ElementId) -> Extent {
        let Some(horizon) = self.horizon else { return Extent::Whole };
        Reach { view: &self.view, horizon, known: &mut self.known.borrow_mut() }.extent(id)
    }

    /// Whether an element is shown: it is within itself, or something below it may be.
    #[inline]
    pub fn shows(&self, id: ElementId) -> bool {
        self.horizon.is_none() || self.extent(id) != Extent::Nothing
    }

    /// Whether an element is within itself, and so what it holds.
    #[inline]
    pub fn holds(&self, id: ElementId) -> bool {
        let Some(horizon) = self.horizon else { return true };
        Reach { view: &self.view, horizon, known: &mut self.known.borrow_mut() }.holds(id)
    }

    /// The element at `path`.
    #[inline]
    pub fn find(&self, path: &str) -> Option<ElementId> {
        self.view.find(path).filter(|&id| self.shows(id))
    }

    /// The element of that number.
    pub fn element(&self, number: usize) -> Option<ElementId> {
        self.view.element(number).filter(|&id| self.shows(id))
    }

    /// The child of that name.
    pub fn child(&self, id: ElementId, name: &str) -> Option<ElementId> {
        self.view.child(id, name).filter(|&id| self.shows(id))
    }

    /// Up to `limit` children in name order, beyond the one named `after`.
    pub fn children(&self, id: ElementId, after: Option<&str>, limit: usize) -> Cow<'_, [ElementId]> {
        match self.extent(id) {
            Extent::Whole => Cow::Borrowed(self.view.children(id, after, limit)),
            Extent::Nothing => Cow::Borrowed(&[]),
            Extent::Part => {
                let all = self.view.children(id, after, usize::MAX).iter().copied();
                Cow::Owned(all.filter(|&child| self.shows(child)).take(limit).collect())
            }
        }
    }

    /// How many children it has.
    pub fn child_count(&self, id: ElementId) -> usize {
        match self.extent(id) {
            Extent::Whole => self.view.child_count(id),
            Extent::Nothing => 0,
            Extent::Part => self.view.children(id, None, usize::MAX).iter().filter(|&&child| self.shows(child)).count(),
        }
    }

    /// What it is; on the way to something within, a folder.
    pub fn kind(&self, id: ElementId) -> Kind {
        if self.holds(id) { self.view.kind(id) } else { Kind::Folder }
    }

    /// The finer kind of equipment it is.
    pub fn equipment(&self, id: ElementId) -> Option<EquipmentKind> {
        if self.holds(id) { self.view.equipment(id) } else { None }
    }

    /// What the model or its source says about it.
    pub fn metadata(&self, id: ElementId) -> Option<&Arc<Metadata>> {
        if self.holds(id) { self.view.metadata(id) } else { None }
    }

    /// The declared type, if it has a cell.
    pub fn datatype(&self, id: ElementId) -> Option<DataType> {
        if self.holds(id) { self.view.datatype(id) } else { None }
    }

    /// Its sample.
    pub fn sample(&self, id: ElementId) -> Option<Sample> {
        if self.holds(id) { self.view.sample(id) } else { None }
    }

    /// Its sample, and where that comes from.
    #[inline]
    pub fn reading(&self, id: ElementId) -> Option<Reading> {
        if self.holds(id) { self.view.reading(id) } else { None }
    }

    /// The samples of many elements; see [`View::samples`].
    pub fn samples(&self, ids: &[ElementId], mut each: impl FnMut(ElementId, Option<Reading>)) {
        if self.horizon.is_none() {
            return self.view.samples(ids, each);
        }
        // Asked before the blocks are locked.
        let holds: Vec<bool> = ids.iter().map(|&id| self.holds(id)).collect();
        let mut holds = holds.into_iter();
        self.view.samples(ids, |id, reading| {
            let is_within = holds.next().expect("one for each element");
            each(id, reading.filter(|_| is_within));
        });
    }

    /// Who publishes it, and what that source calls it.
    pub fn source(&self, id: ElementId) -> Option<(Source, String)> {
        if self.holds(id) { self.view.source(id) } else { None }
    }

    /// Who publishes it.
    pub fn publisher(&self, id: ElementId) -> Option<&Source> {
        if self.holds(id) { self.view.publisher(id) } else { None }
    }

    /// Where its samples come from.
    pub fn provenance(&self, id: ElementId) -> Option<Provenance> {
        if self.holds(id) { self.view.provenance(id) } else { None }
    }

    /// The origin of its cell.
    pub fn origin(&self, id: ElementId) -> Option<OriginId> {
        if self.holds(id) { self.view.origin(id) } else { None }
    }

    /// The element whose path it wanted.
    pub fn conflict(&self, id: ElementId) -> Option<ElementId> {
        self.view.conflict(id).filter(|&wanted| self.holds(id) && self.holds(wanted))
    }

    /// The block that holds its cell, and the slot there.
    pub fn cell(&self, id: ElementId) -> Option<(&Arc<Block>, u32)> {
        if self.holds(id) { self.view.cell(id) } else { None }
    }

    /// The type that it is of, and which version.
    pub fn type_of(&self, id: ElementId) -> Option<(&Arc<str>, Option<&TypeVersion>)> {
        if self.holds(id) { self.view.type_of(id) } else { None }
    }

    /// The member that it is; see [`View::member_of`].
    pub fn member_of(&self, id: ElementId) -> Option<(ElementId, &TypeVersion, &Member)> {
        self.view.member_of(id).filter(|&(of, ..)| self.holds(id) && self.holds(of))
    }

    /// The element in the place of a member.
    pub fn member(&self, id: ElementId, name: &str) -> Option<ElementId> {
        self.view.member(id, name).filter(|&member| self.shows(member))
    }

    /// What has gone between two revisions; see [`View::gone`].
    pub fn gone(&self, since: Revision, until: Revision) -> Option<impl Iterator<Item = &str>> {
        let is_held = |path: &&str| self.horizon.is_none_or(|horizon| horizon.holds(path));
        Some(self.view.gone(since, until)?.filter(is_held))
    }

    /// Up to `limit` elements with a cell that `filter` means.
    pub fn select(&self, filter: &Filter, after: Option<&str>, limit: usize) -> Vec<ElementId> {
        match self.horizon {
            None => self.view.select(filter, after, limit),
            Some(horizon) => self.view.select_within(&mut self.known.borrow_mut(), horizon, filter, after, limit),
        }
    }

    /// The elements that a search means.
    pub fn search(&self, search: &Search, limit: usize) -> (Vec<ElementId>, bool) {
        self.view.search_among(search, limit, |id| self.holds(id))
    }

    /// The types beyond the one named `after`, by name in byte order: those that something within is of.
    pub fn types(&self, after: Option<&str>) -> impl Iterator<Item = Type<'_>> {
        self.view.types(after).filter(|of| self.knows(*of))
    }

    /// The type of that name.
    pub fn type_named(&self, name: &str) -> Option<Type<'_>> {
        self.view.type_named(name).filter(|of| self.knows(*of))
    }

    fn knows(&self, of: Type<'_>) -> bool {
        self.horizon.is_none() || !self.instances(of, None, None, 1).is_empty()
    }

    /// The versions of a type, each with how many elements within are of it; without a horizon also those that none is of.
    pub fn census<'t>(&self, of: Type<'t>) -> Vec<(&'t TypeVersion, usize)> {
        if self.horizon.is_none() {
            return of.census();
        }
        let counted = of.versions().into_iter().map(|version| (version, self.instances_len(of, Some(version.id()))));
        counted.filter(|(_, count)| *count > 0).collect()
    }

    /// The instances of a type that are within.
    pub fn instances(
        &self,
        of: Type<'_>,
        version: Option<TypeVersionId>,
        mut after: Option<ElementId>,
        limit: usize,
    ) -> Vec<ElementId> {
        if self.horizon.is_none() {
            return of.instances(version, after, limit);
        }
        let mut found = Vec::new();
        loop {
            let some = of.instances(version, after, INSTANCES);
            found.extend(some.iter().copied().filter(|&id| self.holds(id)).take(limit - found.len()));
            if found.len() >= limit || some.len() < INSTANCES {
                return found;
            }
            after = some.last().copied();
        }
    }

    /// Where instances that are within deviate from their type; see [`View::deviations`]. Of members that are not within nothing
    /// is said, be they there or missing.
    pub fn deviations(
        &self,
        of: Type<'_>,
        version: Option<TypeVersionId>,
        looks_max: usize,
        limit: usize,
    ) -> Deviations {
        let may_see_member = |of: ElementId, name: &str| match (self.horizon, self.extent(of)) {
            (None, _) | (_, Extent::Whole) => true,
            (Some(horizon), _) => horizon.holds(&format!("{}/{name}", self.view.path(of))),
        };
        self.view.deviations_among(of, version, looks_max, limit, |id| self.holds(id), may_see_member)
    }

    /// How many they are.
    pub fn instances_len(&self, of: Type<'_>, version: Option<TypeVersionId>) -> usize {
        match self.horizon {
            None => of.instances_len(version),
            Some(_) => self.instances(of, version, None, usize::MAX).len(),
        }
    }
}

/// Asks a horizon, and remembers what it said.
pub(crate) struct Reach<'a, 'v> {
    pub(crate) view: &'a View<'v>,
    pub(crate) horizon: &'a dyn Horizon,
    pub(crate) known: &'a mut HashMap<ElementId, Extent>,
}

impl Reach<'_, '_> {
    pub(crate) fn extent(&mut self, id: ElementId) -> Extent {
        if let Some(&known) = self.known.get(&id) {
            return known;
        }
        let above = match self.view.parent(id) {
            None => Extent::Part,
            // As deep as a path, which is bounded.
            Some(parent) => self.extent(parent),
        };
        match above {
            // Not remembered: what is above says it for all of them.
            Extent::Whole | Extent::Nothing => above,
            Extent::Part => {
                let extent = self.horizon.extent(&self.view.path(id));
                self.known.insert(id, extent);
                extent
            }
        }
    }

    pub(crate) fn holds(&mut self, id: ElementId) -> bool {
        match self.extent(id) {
            Extent::Whole => true,
            Extent::Nothing => false,
            Extent::Part => self.horizon.holds(&self.view.path(id)),
        }
    }
}

impl View<'_> {
    /// [`View::select`] within a horizon.
    pub(crate) fn select_within(
        &self,
        known: &mut HashMap<ElementId, Extent>,
        horizon: &dyn Horizon,
        filter: &Filter,
        after: Option<&str>,
        limit: usize,
    ) -> Vec<ElementId> {
        let mut reach = Reach { view: self, horizon, known };
        Selection::of(&self.tree, filter.parts(), after, limit, Some(&mut reach))
    }
}
