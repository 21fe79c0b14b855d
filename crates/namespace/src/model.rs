//! The model: what somebody has declared about elements, whether anything is published there or not.
//!
//! It stands over what sources declare: where both speak, the model is heard. Both are kept, so that what a source said is
//! there again when the model says it no more.
//! Knows no tree. Invariant: what is shown of an element is the model's words over those its source said last.

use std::sync::Arc;

use hashbrown::HashMap;

use crate::{ElementId, EquipmentKind, Metadata};

/// What is declared about one element.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Modelled {
    /// Its path; a path that nothing has been published at is a folder.
    pub path: String,
    /// Its kind of equipment, which also says its level if no placement rule does.
    pub kind: Option<EquipmentKind>,
    /// Everything else.
    pub metadata: Metadata,
}

/// By element. Small: a person has written it.
#[derive(Default)]
pub(crate) struct Model {
    entries: HashMap<ElementId, Entry>,
}

/// What was declared, by element.
pub(crate) type Former = HashMap<ElementId, Entry>;

pub(crate) struct Entry {
    kind: Option<EquipmentKind>,
    declared: Arc<Metadata>,
    shown: Arc<Metadata>,
}

impl Model {
    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub(crate) fn contains(&self, id: ElementId) -> bool {
        self.entries.contains_key(&id)
    }

    pub(crate) fn kind(&self, id: ElementId) -> Option<EquipmentKind> {
        self.entries.get(&id)?.kind
    }

    /// The type it declares an element to be of.
    pub(crate) fn instance_of(&self, id: ElementId) -> Option<&Arc<str>> {
        self.entries.get(&id)?.declared.instance_of.as_ref()
    }

    pub(crate) fn metadata(&self, id: ElementId) -> Option<&Arc<Metadata>> {
        // Asked for every sample that is read, and mostly empty.
        if self.entries.is_empty() {
            return None;
        }
        self.entries.get(&id).map(|entry| &entry.shown)
    }

    /// The source has said something else.
    pub(crate) fn refresh(&mut self, id: ElementId, said: Option<&Arc<Metadata>>) {
        if self.entries.is_empty() {
            return;
        }
        if let Some(Entry { declared, shown, .. }) = self.entries.get_mut(&id) {
            *shown = match said {
                Some(said) => Arc::new(declared.over(said)),
                None => Arc::clone(declared),
            };
        }
    }

    /// Forgets everything; what that was.
    pub(crate) fn clear(&mut self) -> Former {
        std::mem::take(&mut self.entries)
    }

    /// Whether the same is declared as was, of the same elements.
    pub(crate) fn says_what_was_said(&self, former: &Former) -> bool {
        let says = |(id, now): (&ElementId, &Entry)| {
            former.get(id).is_some_and(|was| (was.kind, &was.declared) == (now.kind, &now.declared))
        };
        self.entries.len() == former.len() && self.entries.iter().all(says)
    }

    pub(crate) fn insert(&mut self, id: ElementId, kind: Option<EquipmentKind>, metadata: &Metadata) {
        let declared = Arc::new(metadata.clone());
        self.entries.insert(id, Entry { kind, shown: Arc::clone(&declared), declared });
    }
}
