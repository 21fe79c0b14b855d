//! Reading types: which there are, what is of them, and which of their instances deviate.
//!
//! All of it is looked up when it is asked for; only who is of what is kept.
//! Refuses to render anything. Invariant: an order is one of names or of element numbers, so whoever pages through it
//! meets what stays exactly once, as long as nothing is moved.

use std::sync::Arc;

use crate::type_registry::{Named, Scope};
use crate::{
    DataType, ElementId, Member, MemberType, Source, TypeDefinition, TypeStats, TypeVersion, TypeVersionId, View,
};

/// Refinements of refinements that are followed.
const REFINEMENTS_MAX: usize = 64;

/// A name that types are defined under, or elements refer to.
#[derive(Clone, Copy, Debug)]
pub struct Type<'v> {
    name: &'v Arc<str>,
    named: &'v Named,
}

impl<'v> Type<'v> {
    /// Its name.
    pub fn name(&self) -> &'v Arc<str> {
        self.name
    }

    /// Its versions: that of the configuration first, then the one that most sources define; none if elements refer to a
    /// type that nobody defines.
    pub fn versions(&self) -> Vec<&'v TypeVersion> {
        self.named.versions()
    }

    /// Its versions in the same order, each with how many elements are of it.
    pub fn census(&self) -> Vec<(&'v TypeVersion, usize)> {
        let census = self.named.census();
        let count = |version: &TypeVersion| census.get(&version.id()).copied().unwrap_or_default();
        self.versions().into_iter().map(|version| (version, count(version))).collect()
    }

    /// How many elements are of it, in one version or in all and none.
    pub fn instances_len(&self, version: Option<TypeVersionId>) -> usize {
        self.named.instances_len(version)
    }

    /// Up to `limit` elements that are of it, in one version or in all and none, in the order of their numbers, beyond the
    /// one given.
    pub fn instances(&self, version: Option<TypeVersionId>, after: Option<ElementId>, limit: usize) -> Vec<ElementId> {
        self.named.instances(version, after, limit)
    }
}

/// What an element lacks, or has otherwise, that its type says it has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deviation {
    /// The element that is of the type.
    pub element: ElementId,
    /// The member.
    pub member: Arc<str>,
    /// What is wrong with it.
    pub fault: Fault,
}

/// What is wrong with a member of an element.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It is required, and nothing is there.
    Missing,
    /// It has another datatype; none: it has no sample.
    Datatype(Option<DataType>),
    /// It is of another type; none: it is of no type.
    Type(Option<Arc<str>>),
}

/// Where elements deviate from their types, as far as it was looked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Deviations {
    /// What was found.
    pub found: Vec<Deviation>,
    /// Instances that were looked at.
    pub checked: usize,
    /// There are more, or there may be.
    pub more: bool,
}

impl View<'_> {
    /// How many types there are.
    pub fn type_stats(&self) -> TypeStats {
        self.tree.types.registry.stats()
    }

    /// The types beyond the one named `after`, by name in byte order; those among them that elements refer to and nobody
    /// defines.
    pub fn types(&self, after: Option<&str>) -> impl Iterator<Item = Type<'_>> {
        self.tree.types.registry.names(after).map(|(name, named)| Type { name, named })
    }

    /// The type of that name.
    pub fn type_named(&self, name: &str) -> Option<Type<'_>> {
        let (name, named) = self.tree.types.registry.named(name)?;
        Some(Type { name, named })
    }

    /// What an element is of: the name of its type, and which version, if somebody defines it whose word counts: of a source's
    /// element the sources of its block (an Edge Node and its Devices), then the configuration.
    pub fn type_of(&self, id: ElementId) -> Option<(&Arc<str>, Option<&TypeVersion>)> {
        self.tree.types.registry.type_of(id)
    }

    /// The member that an element is: the element above that has it, the version of that one's type, and the member. Of
    /// several types above that know its place the nearest is heard.
    pub fn member_of(&self, id: ElementId) -> Option<(ElementId, &TypeVersion, &Member)> {
        self.tree.member_at(id)
    }

    /// The element in the place of a member of the instance `id`.
    pub fn member(&self, id: ElementId, name: &str) -> Option<ElementId> {
        self.tree.walk(id, name.split('/'))
    }

    /// Where instances of a type, in one version or in all, deviate from what their version says. Looks at `looks_max`
    /// instances and members and finds `limit` deviations at most.
    pub fn deviations(
        &self,
        of: Type<'_>,
        version: Option<TypeVersionId>,
        looks_max: usize,
        limit: usize,
    ) -> Deviations {
        self.deviations_among(of, version, looks_max, limit, |_| true, |_, _| true)
    }

    /// The same among instances, and members of them, that are somebody's to see.
    pub(crate) fn deviations_among(
        &self,
        of: Type<'_>,
        version: Option<TypeVersionId>,
        looks_max: usize,
        limit: usize,
        may_see: impl Fn(ElementId) -> bool,
        may_see_member: impl Fn(ElementId, &str) -> bool,
    ) -> Deviations {
        const AT_A_TIME: usize = 1_000;
        let mut deviations = Deviations::default();
        let (mut looks, mut after) = (0, None);
        loop {
            let instances = of.instances(version, after, AT_A_TIME);
            let Some(&last) = instances.last() else { return deviations };
            after = Some(last);
            for element in instances.into_iter().filter(|&id| may_see(id)) {
                let Some((_, Some(version))) = self.type_of(element) else { continue };
                let members = version.definition().members();
                looks += 1 + members.len();
                if looks > looks_max {
                    deviations.more = true;
                    return deviations;
                }
                deviations.checked += 1;
                let seen = members.iter().filter(|member| may_see_member(element, &member.name));
                for (member, fault) in seen.filter_map(|member| Some((member, self.fault(element, member)?))) {
                    if deviations.found.len() == limit {
                        deviations.more = true;
                        return deviations;
                    }
                    deviations.found.push(Deviation { element, member: Arc::clone(&member.name), fault });
                }
            }
        }
    }

    /// What is wrong with a member of an instance.
    fn fault(&self, instance: ElementId, Member { name, of, is_required, .. }: &Member) -> Option<Fault> {
        let Some(element) = self.member(instance, name) else { return is_required.then_some(Fault::Missing) };
        match of {
            MemberType::Any => None,
            MemberType::Value(wanted) => {
                let found = self.datatype(element);
                let is_it = found.is_some_and(|found| found == *wanted || self.is_as_good(element, found, *wanted));
                (!is_it).then_some(Fault::Datatype(found))
            }
            MemberType::Type(wanted) => {
                let found = self.type_of(element).map(|(name, version)| (name, version.map(TypeVersion::definition)));
                let is_it = found.is_some_and(|(name, definition)| name == wanted || self.refines(definition, wanted));
                (!is_it).then(|| Fault::Type(found.map(|(name, _)| Arc::clone(name))))
            }
        }
    }

    /// What a plain topic says has the datatypes that JSON has: numbers with and without a fraction, and text.
    fn is_as_good(&self, element: ElementId, found: DataType, wanted: DataType) -> bool {
        use DataType as D;
        let wants_whole =
            matches!(wanted, D::Int8 | D::Int16 | D::Int32 | D::Int64 | D::UInt8 | D::UInt16 | D::UInt32 | D::UInt64);
        let wants_number = wants_whole || matches!(wanted, D::Float | D::Double);
        let is_as_good = match found {
            D::Int64 | D::UInt64 => wants_number,
            D::Double => wanted == D::Float,
            D::String => matches!(wanted, D::Text | D::Uuid | D::DateTime),
            _ => false,
        };
        is_as_good && matches!(self.source(element), Some((Source::Topic { .. }, _)))
    }

    /// Whether a type refines another, in however many steps.
    fn refines(&self, definition: Option<&Arc<TypeDefinition>>, wanted: &str) -> bool {
        let above = |definition: &Arc<TypeDefinition>| {
            let (_, named) = self.tree.types.registry.named(definition.extends()?)?;
            Some(Arc::clone(named.resolve(Scope::Configuration)?.definition()))
        };
        let mut chain = std::iter::successors(definition.cloned(), above).take(REFINEMENTS_MAX);
        chain.any(|definition| definition.extends() == Some(wanted))
    }
}
