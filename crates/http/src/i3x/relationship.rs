//! The relationships between objects: who stands above whom, and who is a part of whom.
//!
//! The tree says both; nothing is stored. What stands on its own (a level of ISA-95, an Edge Node, a Device) is a child of
//! what is above it. What says something about it (a metric, a document, a folder of metrics) is its component.
//! Invariant: each relationship has its reverse, and where one leads the reverse leads back.

use factree_namespace::{ElementId, Kind, Level, Sight, Source};

/// A relationship type of i3X.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Relationship {
    HasParent,
    HasChildren,
    HasComponent,
    ComponentOf,
}

impl Relationship {
    pub(super) const ALL: [Self; 4] = [Self::HasParent, Self::HasChildren, Self::HasComponent, Self::ComponentOf];
    /// The namespace of relationships, which are i3X's own.
    pub(super) const NAMESPACE: &str = "https://cesmii.org/i3x";

    /// Its elementId and its name.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::HasParent => "HasParent",
            Self::HasChildren => "HasChildren",
            Self::HasComponent => "HasComponent",
            Self::ComponentOf => "ComponentOf",
        }
    }

    pub(super) fn named(element_id: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|relationship| relationship.as_str() == element_id)
    }

    pub(super) fn reverse(self) -> Self {
        match self {
            Self::HasParent => Self::HasChildren,
            Self::HasChildren => Self::HasParent,
            Self::HasComponent => Self::ComponentOf,
            Self::ComponentOf => Self::HasComponent,
        }
    }
}

/// Whether i3X has an object for this element. Not for the root, which is nothing, and not for `bdSeq`, which tells one
/// connection of an Edge Node from the next.
pub(super) fn is_object(view: &Sight<'_>, id: ElementId) -> bool {
    let is_connection = || {
        let source = view.provenance(id).map(|provenance| view.source_of(provenance));
        matches!(source, Some(Source::Sparkplug { device: None, .. }))
    };
    id != ElementId::ROOT && !(view.name(id) == "bdSeq" && is_connection())
}

/// The object above this one; none for a root.
pub(super) fn parent(view: &Sight<'_>, id: ElementId) -> Option<ElementId> {
    view.parent(id).filter(|&parent| parent != ElementId::ROOT)
}

/// What leads from an object to its parent.
pub(super) fn upwards(view: &Sight<'_>, id: ElementId, parent: ElementId) -> Relationship {
    match Below::of(view, parent).is_component(view, id) {
        true => Relationship::ComponentOf,
        false => Relationship::HasParent,
    }
}

/// Whether it has components.
pub(super) fn is_composition(view: &Sight<'_>, id: ElementId) -> bool {
    let below = Below::of(view, id);
    view.children(id, None, usize::MAX).iter().any(|&child| below.is_component(view, child) && is_object(view, child))
}

/// How those below one object relate to it.
pub(super) struct Below {
    /// Whether a folder here is a part of a machine, and not only a place.
    is_machine: bool,
}

impl Below {
    pub(super) fn of(view: &Sight<'_>, id: ElementId) -> Below {
        let above = std::iter::successors(Some(id), |&at| parent(view, at));
        let nearest = { above }.find(|&at| view.kind(at) == Kind::Equipment);
        let is_machine = |at| matches!(view.level(at), None | Some(Level::WorkCenter | Level::WorkUnit));
        Below { is_machine: nearest.is_some_and(is_machine) }
    }

    /// Whether `child` is a component, and not an object of its own.
    pub(super) fn is_component(&self, view: &Sight<'_>, child: ElementId) -> bool {
        match view.kind(child) {
            Kind::Equipment => false,
            Kind::Metric | Kind::Document => true,
            Kind::Folder => self.is_machine,
        }
    }

    /// What leads to `child`.
    pub(super) fn downwards(&self, view: &Sight<'_>, child: ElementId) -> Relationship {
        if self.is_component(view, child) { Relationship::HasComponent } else { Relationship::HasChildren }
    }
}
