//! Which elements are of which type, and what a type tells of its members.
//!
//! An element is of the type that the model declares for it, or a rule of the configuration for its path, or else its
//! source. What a type's member says (unit, description, range) is shown at the element that stands in the member's place
//! below, where its source is silent; of several types above that know the place the nearest is heard. So is what a type says of
//! its parameters, at the element that is of it.
//! Found when something appears or is said, so that reading costs one look into a table, and none while nothing is of a type.
//! Invariant: `completed` has an element exactly if a type adds to what its source says.

use std::sync::Arc;

use hashbrown::HashMap;

use crate::metadata::{Catalogue, MetadataId};
use crate::tree::Tree;
use crate::type_registry::{Declarer, Redefined, Registry, Scope};
use crate::{ElementId, Filter, Limits, Member, Metadata, Refusal, TypeDefinition, TypeVersion};

/// The tree's side of types.
#[derive(Default)]
pub(crate) struct Types {
    pub(crate) registry: Registry,
    /// The first that means an element counts.
    rules: Vec<(Filter, Arc<str>)>,
    /// Which of the rules means an element.
    ruled: HashMap<ElementId, u32>,
    /// What sources and types say together.
    completed: HashMap<ElementId, MetadataId>,
    catalogue: Catalogue,
}

impl Types {
    /// What its source and its type say about an element, if its type says anything.
    pub(crate) fn metadata(&self, id: ElementId) -> Option<&Arc<Metadata>> {
        // Asked for every sample that is read, and mostly empty.
        if self.completed.is_empty() {
            return None;
        }
        self.catalogue.get(*self.completed.get(&id)?)
    }

    /// The type that a rule names for an element.
    fn ruling(&self, id: ElementId) -> Option<&Arc<str>> {
        let (_, name) = self.rules.get(*self.ruled.get(&id)? as usize)?;
        Some(name)
    }

    /// Whether the configuration says anything about types.
    pub(crate) fn is_configured(&self) -> bool {
        !self.rules.is_empty() || self.registry.is_defined_by(Declarer::Configuration)
    }

    /// Whether nothing is of a type, and no rule would make it so.
    fn is_idle(&self) -> bool {
        self.rules.is_empty() && self.registry.is_unused() && self.completed.is_empty() && self.ruled.is_empty()
    }

    /// Heap in use by tables, in bytes.
    pub(crate) fn heap_bytes(&self) -> usize {
        self.registry.heap_bytes()
            + self.ruled.allocation_size()
            + self.completed.allocation_size()
            + self.catalogue.heap_bytes()
            + self.catalogue.iter().map(Metadata::weigh).sum::<usize>()
    }
}

impl Tree {
    /// Whether elements are what their sources say and nothing more: nobody has declared anything about them, and nothing is of
    /// a type. Most births are of this kind, and a look into each of the tables that are empty then was 237 instructions of a
    /// metric's first birth and 58 of every other (`ingest births`, `benches/benches/ingest.rs`).
    #[inline]
    fn is_plain(&self) -> bool {
        self.types.is_idle() && self.model.is_empty()
    }

    /// An element is at another place than before, or new.
    #[inline]
    pub(crate) fn appeared(&mut self, id: ElementId) {
        if !self.is_plain() {
            self.settle_type(id);
        }
    }

    /// Something else is said about an element, which shows a cell of `block`, if it shows one.
    #[inline]
    pub(crate) fn refresh(&mut self, id: ElementId, block: Option<u32>) {
        let said = self.catalogue.get(self.element(id).metadata);
        if !self.is_plain() || said.is_some_and(|said| said.instance_of.is_some()) {
            self.retype(id, block);
            self.complete(id);
        }
    }

    #[inline(never)]
    fn settle_type(&mut self, id: ElementId) {
        if self.types.is_configured() || !self.types.registry.is_unused() {
            match self.ruling(id) {
                Some(rule) => drop(self.types.ruled.insert(id, rule)),
                None => drop(self.types.ruled.remove(&id)),
            }
            self.retype(id, self.block_of(id));
        }
        self.complete(id);
    }

    /// An element with nothing below it stands for nothing any more.
    pub(crate) fn vanished(&mut self, id: ElementId) {
        self.types.ruled.remove(&id);
        self.types.registry.set(id, None);
        if let Some(completed) = self.types.completed.remove(&id) {
            self.types.catalogue.release(completed);
        }
    }

    /// Finds what an element is of, once its source, the model or a rule says something else.
    fn retype(&mut self, id: ElementId, block: Option<u32>) {
        let configured = self.model.instance_of(id).or_else(|| self.types.ruling(id));
        let of = configured.map(|name| (Arc::clone(name), Scope::Configuration)).or_else(|| {
            let said = self.catalogue.get(self.element(id).metadata)?;
            Some((said.instance_of.clone()?, Scope::Block(block?)))
        });
        if of.is_none() && self.types.registry.is_unused() {
            return;
        }
        if let Some(definitions) = self.types.registry.set(id, of) {
            self.complete_members(id, definitions.into_iter().flatten());
        }
    }

    /// Puts together what is said about an element, once its source says something else or another type counts above it.
    fn complete(&mut self, id: ElementId) {
        if !self.types.registry.is_unused() || !self.types.completed.is_empty() {
            let said = self.catalogue.get(self.element(id).metadata);
            let member = self.member_at(id).map(|(_, _, member)| &member.metadata).filter(|told| !told.is_empty());
            let of = self.types.registry.type_of(id).and_then(|(_, version)| version);
            let own = of.map(|version| version.definition().inherited()).filter(|told| !told.is_empty());
            let mut both: Option<Metadata> = None;
            for told in [member.map(|told| &**told), own].into_iter().flatten() {
                let before = both.as_ref().or(said.map(|said| &**said));
                both = Some(before.map_or_else(|| told.clone(), |before| before.over(told)));
            }
            let both = both.filter(|both| said.is_none_or(|said| **said != *both));
            let Types { completed, catalogue, .. } = &mut self.types;
            let former = match both {
                Some(both) => completed.insert(id, catalogue.share(catalogue.find(&both), &both)),
                None => completed.remove(&id),
            };
            if let Some(former) = former {
                catalogue.release(former);
            }
        }
        self.refresh_model(id);
    }

    /// The member that an element is, of the nearest type above that has one in its place: the element that is of the type,
    /// the type's version, and the member.
    pub(crate) fn member_at(&self, id: ElementId) -> Option<(ElementId, &TypeVersion, &Member)> {
        if self.types.registry.is_unused() {
            return None;
        }
        self.ancestry(self.element(id).parent).enumerate().find_map(|(between, above)| {
            let (_, version) = self.types.registry.type_of(above)?;
            let version = version?;
            let member = version.definition().member(&self.path_below(id, between + 1))?;
            Some((above, version, member))
        })
    }

    /// Somebody defines other types than before.
    pub(crate) fn define(
        &mut self,
        declarer: Declarer,
        types: Vec<TypeDefinition>,
        limits: &Limits,
    ) -> Vec<(usize, Refusal)> {
        let (refused, redefined) = self.types.registry.define(declarer, types, limits);
        for Redefined { name, scope, before, now } in redefined {
            for instance in self.types.registry.instances_of(&name, scope) {
                self.complete(instance);
                self.complete_members(instance, [&before, &now].into_iter().flatten().map(Arc::clone));
            }
        }
        refused
    }

    /// The configuration says something else about types. What it means for the elements there are is found by
    /// [`Tree::retype_some`].
    pub(crate) fn configure(
        &mut self,
        types: Vec<TypeDefinition>,
        rules: Vec<(Filter, Arc<str>)>,
        limits: &Limits,
    ) -> Vec<(usize, Refusal)> {
        self.types.rules = rules;
        self.types.ruled.clear();
        self.types.registry.define(Declarer::Configuration, types, limits).0
    }

    /// Finds anew what elements are of and what their types say, from the one of that number on; where to go on, if there are
    /// more than `max`.
    pub(crate) fn retype_some(&mut self, from: u32, max: usize) -> Option<u32> {
        let end = (from as usize).saturating_add(max).min(self.len());
        for id in (from.max(1)..end as u32).map(ElementId) {
            if !self.element(id).is_vacant() {
                self.appeared(id);
            }
        }
        (end < self.len()).then_some(end as u32)
    }

    /// As [`Tree::refresh`], of an element that stays what it is.
    pub(crate) fn refresh_here(&mut self, id: ElementId) {
        self.refresh(id, self.block_of(id));
    }

    fn block_of(&self, id: ElementId) -> Option<u32> {
        self.element(id).cell().map(|cell| cell.block)
    }

    /// The first rule that means an element.
    fn ruling(&self, id: ElementId) -> Option<u32> {
        if self.types.rules.is_empty() {
            return None;
        }
        let mut chain: Vec<ElementId> = self.ancestry(id).collect();
        chain.reverse();
        let is_meant = |filter: &Filter| filter.matches_names(chain.iter().map(|&id| self.name(id)));
        let found = self.types.rules.iter().position(|(filter, _)| is_meant(filter))?;
        Some(u32::try_from(found).expect("rules come from a file of bounded size"))
    }

    /// Puts together anew what is said about the members of an instance.
    fn complete_members(&mut self, instance: ElementId, definitions: impl Iterator<Item = Arc<TypeDefinition>>) {
        let mut members = Vec::new();
        for definition in definitions {
            self.members(instance, &definition, &mut members);
        }
        for member in members {
            self.complete(member);
        }
    }

    /// The elements in the places of members, those too that have nothing to say, since they silence the types above. Costs as
    /// much as there are members or elements, whichever is less: either may be somebody's million.
    fn members(&self, instance: ElementId, definition: &TypeDefinition, found: &mut Vec<ElementId>) {
        if definition.members().len() <= self.child_count(instance) {
            let members = definition.members().iter();
            found.extend(members.filter_map(|member| self.walk(instance, member.name.split('/'))));
        } else {
            self.members_below(instance, &mut String::new(), definition, found);
        }
    }

    fn members_below(&self, at: ElementId, path: &mut String, definition: &TypeDefinition, found: &mut Vec<ElementId>) {
        let len = path.len();
        for &child in self.children(at) {
            path.push_str(self.name(child));
            if definition.member(path).is_some() {
                found.push(child);
            }
            if definition.has_below(path) {
                path.push('/');
                self.members_below(child, path, definition, found);
            }
            path.truncate(len);
        }
    }
}
