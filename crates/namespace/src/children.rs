//! The children of one folder, in the order they came and in the order of their names.
//!
//! Births append; readers want pages in name order. Sorting happens at the first read after a change and is kept until the
//! next one, and a change keeps what was sorted as the head of the list, which the sort recognises: a folder of 100,000
//! that gains one child is put in order by about 100,000 comparisons, not 1,700,000.
//! Invariant: `sorted`, where present, is a permutation of `ids`.

use std::cmp::Ordering;
use std::sync::OnceLock;

use crate::ElementId;

#[derive(Default)]
pub(crate) struct Children {
    ids: Vec<ElementId>,
    sorted: OnceLock<Box<[ElementId]>>,
}

impl Children {
    pub(crate) fn add(&mut self, child: ElementId) {
        if let Some(sorted) = self.sorted.take() {
            self.ids = sorted.into_vec();
        }
        if self.ids.len() == self.ids.capacity() {
            // A quarter more and not twice as much: most folders are small and there are many, three bytes for each metric.
            self.ids.reserve_exact(2 + self.ids.len() / 4);
        }
        self.ids.push(child);
    }

    /// Forgets those that `stay` does not want; one that was added twice is kept once.
    pub(crate) fn retain(&mut self, stay: impl Fn(ElementId) -> bool) {
        self.sorted.take();
        self.ids.retain(|&id| stay(id));
        self.ids.sort_unstable();
        self.ids.dedup();
    }

    pub(crate) fn len(&self) -> usize {
        self.ids.len()
    }

    /// All children in the order `compare` gives; the same order every time it is called.
    pub(crate) fn sorted(&self, compare: impl Fn(ElementId, ElementId) -> Ordering) -> &[ElementId] {
        self.sorted.get_or_init(|| {
            let mut ids = self.ids.clone();
            ids.sort_by(|&a, &b| compare(a, b));
            ids.into_boxed_slice()
        })
    }

    /// Heap in use, in bytes.
    pub(crate) fn heap_bytes(&self) -> usize {
        (self.ids.capacity() + self.sorted.get().map_or(0, |sorted| sorted.len())) * size_of::<ElementId>()
    }
}
