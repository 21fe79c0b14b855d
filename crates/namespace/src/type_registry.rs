//! The types that are known: by name, in versions, each with who defines it and which elements are of it.
//!
//! What is here is what the sources and the configuration say *now*: a version that nobody defines any more is gone, and
//! one that a hundred Edge Nodes define alike is there once. So the registry after a restart is the registry before it, in
//! whatever order births are read back. An element refers to a type by name and by whose word counts for it
//! ([`Scope`]); which version that is, is found when it is asked for, so a new definition needs no walk over instances.
//! Knows neither the tree nor a path. Invariant: a name is listed exactly while it has a version or an instance.

use std::collections::{BTreeMap, BTreeSet, BinaryHeap};
use std::ops::Bound;
use std::sync::Arc;

use hashbrown::{HashMap, HashSet};

use crate::type_definition::{TypeDefinition, TypeVersionId};
use crate::{ElementId, Limits, Provenance, Refusal};

/// Who defines types.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Declarer {
    /// The configuration.
    Configuration,
    /// A source.
    Source(Provenance),
}

/// Whose definition counts for an element.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Scope {
    /// That of the configuration.
    Configuration,
    /// That of the sources of this block; or, where they are silent, that of the configuration.
    Block(u32),
}

impl Declarer {
    fn scope(self) -> Scope {
        match self {
            Self::Configuration => Scope::Configuration,
            Self::Source(source) => Scope::Block(source.block),
        }
    }
}

/// One version of a type: one content, whoever defines it so.
#[derive(Clone, Debug)]
pub struct TypeVersion {
    id: TypeVersionId,
    definition: Arc<TypeDefinition>,
    is_declared: bool,
    /// Sorted.
    declarers: Vec<Provenance>,
}

impl TypeVersion {
    /// Its number.
    pub fn id(&self) -> TypeVersionId {
        self.id
    }

    /// What it says.
    pub fn definition(&self) -> &Arc<TypeDefinition> {
        &self.definition
    }

    /// Whether the configuration declares it.
    pub fn is_declared(&self) -> bool {
        self.is_declared
    }

    /// The sources that define it; [`View::source_of`](crate::View::source_of) says them in words.
    pub fn declarers(&self) -> &[Provenance] {
        &self.declarers
    }

    fn is_of(&self, scope: Scope) -> bool {
        match scope {
            Scope::Configuration => self.is_declared,
            Scope::Block(block) => self.declared_in(block).is_some(),
        }
    }

    /// The first source of a block that defines it.
    fn declared_in(&self, block: u32) -> Option<Provenance> {
        let first = self.declarers.partition_point(|source| source.block < block);
        self.declarers.get(first).copied().filter(|source| source.block == block)
    }
}

/// A name, what it stands for and for whom.
#[derive(Debug, Default)]
pub(crate) struct Named {
    versions: Vec<TypeVersion>,
    instances: BTreeMap<Scope, BTreeSet<ElementId>>,
}

/// Everything that is known of types.
#[derive(Debug, Default)]
pub(crate) struct Registry {
    names: BTreeMap<Arc<str>, Named>,
    /// The names that each defines; those without any are not listed.
    defined: HashMap<Declarer, Box<[Arc<str>]>>,
    /// How many definitions of each were not taken; those without any are not listed.
    refused: HashMap<Declarer, usize>,
    typed: HashMap<ElementId, (Arc<str>, Scope)>,
    /// Names that have a version.
    defined_len: usize,
    versions_len: usize,
    /// Bytes of all definitions.
    bytes: usize,
}

/// How many types there are, for telemetry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TypeStats {
    /// Types that somebody defines.
    pub types: usize,
    /// Their versions.
    pub versions: usize,
    /// Definitions that are not known because of a limit.
    pub refused: usize,
    /// Elements that are of a type, those among them whose type nobody defines.
    pub instances: usize,
}

/// The version of a name that counts in a scope has become another one.
pub(crate) struct Redefined {
    pub(crate) name: Arc<str>,
    pub(crate) scope: Scope,
    pub(crate) before: Option<Arc<TypeDefinition>>,
    pub(crate) now: Option<Arc<TypeDefinition>>,
}

impl Named {
    /// The version that counts in a scope.
    pub(crate) fn resolve(&self, scope: Scope) -> Option<&TypeVersion> {
        let own = match scope {
            Scope::Configuration => None,
            // Two devices of one Edge Node may disagree; the one that was born first is heard.
            Scope::Block(block) => {
                let defining = self.versions.iter().filter(|version| version.is_of(scope));
                defining.min_by_key(|version| version.declared_in(block))
            }
        };
        own.or_else(|| self.versions.iter().find(|version| version.is_declared))
    }

    /// Every version: the one the configuration declares, then by how many define it, then by number.
    pub(crate) fn versions(&self) -> Vec<&TypeVersion> {
        let mut versions: Vec<&TypeVersion> = self.versions.iter().collect();
        versions.sort_by_key(|version| (!version.is_declared, usize::MAX - version.declarers.len(), version.id));
        versions
    }

    /// The instances of one version, or of all and of none, beyond the one given, in the order of their numbers.
    pub(crate) fn instances(
        &self,
        version: Option<TypeVersionId>,
        after: Option<ElementId>,
        limit: usize,
    ) -> Vec<ElementId> {
        let beyond = (after.map_or(Bound::Unbounded, Bound::Excluded), Bound::Unbounded);
        let mut first = BinaryHeap::new();
        for set in self.sets(version) {
            for &id in set.range::<ElementId, _>(beyond) {
                if first.len() == limit {
                    if first.peek().is_none_or(|&last| last < id) {
                        break;
                    }
                    first.pop();
                }
                first.push(id);
            }
        }
        first.into_sorted_vec()
    }

    /// How many instances there are of each version.
    pub(crate) fn census(&self) -> HashMap<TypeVersionId, usize> {
        let mut census = HashMap::new();
        for (&scope, set) in &self.instances {
            if let Some(version) = self.resolve(scope) {
                *census.entry(version.id).or_default() += set.len();
            }
        }
        census
    }

    pub(crate) fn instances_len(&self, version: Option<TypeVersionId>) -> usize {
        self.sets(version).map(BTreeSet::len).sum()
    }

    fn sets(&self, version: Option<TypeVersionId>) -> impl Iterator<Item = &BTreeSet<ElementId>> {
        let is_meant = move |scope: Scope| match version {
            None => true,
            Some(wanted) => self.resolve(scope).is_some_and(|version| version.id == wanted),
        };
        self.instances.iter().filter(move |&(&scope, _)| is_meant(scope)).map(|(_, set)| set)
    }

    fn is_empty(&self) -> bool {
        self.versions.is_empty() && self.instances.is_empty()
    }
}

impl Registry {
    pub(crate) fn stats(&self) -> TypeStats {
        TypeStats {
            types: self.defined_len,
            versions: self.versions_len,
            refused: self.refused.values().sum(),
            instances: self.typed.len(),
        }
    }

    /// Heap in use, in bytes, near enough.
    pub(crate) fn heap_bytes(&self) -> usize {
        let declarers = self.defined.values().map(|names| names.len() * size_of::<(Arc<str>, Provenance)>());
        let instances = self.typed.len() * size_of::<(ElementId, ElementId)>();
        self.bytes + declarers.sum::<usize>() + instances + self.typed.allocation_size()
    }

    /// Whether somebody defines types.
    pub(crate) fn is_defined_by(&self, declarer: Declarer) -> bool {
        self.defined.contains_key(&declarer)
    }

    /// Whether nothing is of any type.
    pub(crate) fn is_unused(&self) -> bool {
        self.typed.is_empty()
    }

    pub(crate) fn named(&self, name: &str) -> Option<(&Arc<str>, &Named)> {
        self.names.get_key_value(name)
    }

    /// The names beyond the one given, in byte order.
    pub(crate) fn names(&self, after: Option<&str>) -> impl Iterator<Item = (&Arc<str>, &Named)> {
        let beyond = (after.map_or(Bound::Unbounded, Bound::Excluded), Bound::Unbounded);
        self.names.range::<str, _>(beyond)
    }

    /// The type of an element: its name, and the version if it is defined.
    pub(crate) fn type_of(&self, id: ElementId) -> Option<(&Arc<str>, Option<&TypeVersion>)> {
        // Asked for elements by the thousand, and mostly empty.
        if self.typed.is_empty() {
            return None;
        }
        let (name, scope) = self.typed.get(&id)?;
        Some((name, self.names.get(name)?.resolve(*scope)))
    }

    /// What an element is of from now on. What counted for it before and what counts now, if it was of something else.
    pub(crate) fn set(
        &mut self,
        id: ElementId,
        of: Option<(Arc<str>, Scope)>,
    ) -> Option<[Option<Arc<TypeDefinition>>; 2]> {
        let former = self.typed.get(&id);
        if former == of.as_ref() {
            return None;
        }
        let counting = [self.definition(former), self.definition(of.as_ref())];
        if let Some((name, scope)) = self.typed.remove(&id) {
            self.unlist(&name, scope, id);
        }
        if let Some((name, scope)) = of {
            self.names.entry(Arc::clone(&name)).or_default().instances.entry(scope).or_default().insert(id);
            self.typed.insert(id, (name, scope));
        }
        Some(counting)
    }

    /// The elements that are of a type by a certain word.
    pub(crate) fn instances_of(&self, name: &str, scope: Scope) -> Vec<ElementId> {
        let set = self.names.get(name).and_then(|named| named.instances.get(&scope));
        set.into_iter().flatten().copied().collect()
    }

    /// Takes the definitions of one who defines types, in place of those there were. Which were refused, by their number,
    /// and where another version counts now.
    pub(crate) fn define(
        &mut self,
        declarer: Declarer,
        definitions: Vec<TypeDefinition>,
        limits: &Limits,
    ) -> (Vec<(usize, Refusal)>, Vec<Redefined>) {
        let former = self.defined.remove(&declarer).unwrap_or_default();
        self.refused.remove(&declarer);
        let mut concerned = former.to_vec();
        concerned.extend(definitions.iter().map(|definition| Arc::clone(definition.name())));
        concerned.sort_unstable();
        concerned.dedup();
        let before: Vec<Redefined> = concerned.into_iter().flat_map(|name| self.counting(declarer, &name)).collect();

        for name in &former {
            self.withdraw(declarer, name);
        }
        let mut refused = Vec::new();
        let mut defined: HashSet<Arc<str>> = HashSet::new();
        for (number, definition) in definitions.into_iter().enumerate() {
            let name = Arc::clone(definition.name());
            // Of two with one name the first counts.
            if defined.contains(&name) {
                continue;
            }
            match self.add(declarer, definition, limits) {
                Ok(()) => drop(defined.insert(name)),
                Err(refusal) => refused.push((number, refusal)),
            }
        }
        if !defined.is_empty() {
            self.defined.insert(declarer, defined.into_iter().collect());
        }
        if !refused.is_empty() {
            self.refused.insert(declarer, refused.len());
        }
        let now = |name: &Arc<str>, scope| Some(self.names.get(name)?.resolve(scope)?.definition.clone());
        let changed = before.into_iter().map(|known| Redefined { now: now(&known.name, known.scope), ..known });
        let is_other = |it: &Redefined| match (&it.before, &it.now) {
            (Some(before), Some(now)) => !Arc::ptr_eq(before, now) && before.content() != now.content(),
            (None, None) => false,
            (Some(_), None) | (None, Some(_)) => true,
        };
        (refused, changed.filter(is_other).collect())
    }

    /// What counts for the instances that a word of `declarer` about `name` is heard by.
    fn counting(&self, declarer: Declarer, name: &Arc<str>) -> Vec<Redefined> {
        let Some(named) = self.names.get(name) else { return Vec::new() };
        let is_meant = |scope: Scope| scope == declarer.scope() || declarer == Declarer::Configuration;
        let scopes = named.instances.keys().copied().filter(|&scope| is_meant(scope));
        let before = |scope| named.resolve(scope).map(|version| Arc::clone(&version.definition));
        scopes.map(|scope| Redefined { name: Arc::clone(name), scope, before: before(scope), now: None }).collect()
    }

    fn add(&mut self, declarer: Declarer, definition: TypeDefinition, limits: &Limits) -> Result<(), Refusal> {
        let named = self.names.get(definition.name());
        let versions = named.map_or(&[][..], |named| &named.versions);
        let content = definition.content();
        let is_it = |version: &TypeVersion| version.definition.content() == content;
        let mut id = definition.version();
        let known = loop {
            match versions.iter().position(|version| version.id == id) {
                Some(found) if is_it(&versions[found]) => break Some(found),
                // Made by somebody so that two share a number.
                Some(_) => id = TypeVersionId(id.0.wrapping_add(1)),
                None => break None,
            }
        };
        let at = match known {
            Some(found) => found,
            None => {
                let bytes = definition.weigh();
                let parts = definition.members().len() + definition.parameters().len();
                if parts > limits.type_members_max || bytes > limits.type_bytes_max {
                    return Err(Refusal::TypeTooLarge);
                }
                if versions.is_empty() && self.defined_len >= limits.types_max {
                    return Err(Refusal::TooManyTypes);
                }
                if versions.len() >= limits.type_versions_max {
                    return Err(Refusal::TooManyTypeVersions);
                }
                if self.bytes + bytes > limits.types_bytes_max {
                    return Err(Refusal::TypesFull);
                }
                self.bytes += bytes;
                self.versions_len += 1;
                self.defined_len += usize::from(versions.is_empty());
                versions.len()
            }
        };
        let named = self.names.entry(Arc::clone(definition.name())).or_default();
        if known.is_none() {
            let definition = Arc::new(definition);
            named.versions.push(TypeVersion { id, definition, is_declared: false, declarers: Vec::new() });
        }
        let version = &mut named.versions[at];
        match declarer {
            Declarer::Configuration => version.is_declared = true,
            Declarer::Source(source) => {
                if let Err(at) = version.declarers.binary_search(&source) {
                    version.declarers.insert(at, source);
                }
            }
        }
        Ok(())
    }

    /// One who defined `name` does so no more.
    fn withdraw(&mut self, declarer: Declarer, name: &str) {
        let Some(named) = self.names.get_mut(name) else { return };
        let mut freed = 0;
        let before = named.versions.len();
        named.versions.retain_mut(|version| {
            match declarer {
                Declarer::Configuration => version.is_declared = false,
                Declarer::Source(source) => version.declarers.retain(|&known| known != source),
            }
            let is_needed = version.is_declared || !version.declarers.is_empty();
            freed += if is_needed { 0 } else { version.definition.weigh() };
            is_needed
        });
        self.bytes -= freed;
        self.versions_len -= before - named.versions.len();
        self.defined_len -= usize::from(before > 0 && named.versions.is_empty());
        if named.is_empty() {
            self.names.remove(name);
        }
    }

    fn unlist(&mut self, name: &str, scope: Scope, id: ElementId) {
        let Some(named) = self.names.get_mut(name) else { return };
        if let Some(set) = named.instances.get_mut(&scope) {
            set.remove(&id);
            if set.is_empty() {
                named.instances.remove(&scope);
            }
        }
        if named.is_empty() {
            self.names.remove(name);
        }
    }

    fn definition(&self, of: Option<&(Arc<str>, Scope)>) -> Option<Arc<TypeDefinition>> {
        let (name, scope) = of?;
        Some(Arc::clone(&self.names.get(name)?.resolve(*scope)?.definition))
    }
}
