//! Selection: the elements with a cell that a filter means, a page at a time.
//!
//! The filter and the cursor go down the tree together. A literal segment is one lookup, so `Acme/Dallas/Press/#` visits
//! that subtree and nothing else; the cursor is the path of the last element returned and cuts off everything before it by
//! comparing names, so it still works when that element is gone.
//! Order: depth first, an element before its children, children by the bytes of their names.
//! Invariant: paging to the end yields each element once, if nothing is placed meanwhile.

use crate::filter::Part;
use crate::sight::Reach;
use crate::tree::Tree;
use crate::{ElementId, Extent};

pub(crate) struct Selection<'t, 'r, 'v> {
    tree: &'t Tree,
    /// What lies within somebody's horizon, if he has one.
    reach: Option<&'r mut Reach<'t, 'v>>,
    limit: usize,
    found: Vec<ElementId>,
}

impl<'t, 'r, 'v> Selection<'t, 'r, 'v> {
    /// Up to `limit` elements that `parts` mean, beyond the one at path `after`.
    pub(crate) fn of(
        tree: &'t Tree,
        parts: &[Part],
        after: Option<&str>,
        limit: usize,
        reach: Option<&'r mut Reach<'t, 'v>>,
    ) -> Vec<ElementId> {
        let after: Option<Vec<&str>> = after.map(|path| path.split('/').collect());
        let mut selection = Self { tree, reach, limit, found: Vec::new() };
        selection.visit(ElementId::ROOT, parts, after.as_deref());
        selection.found
    }

    /// `parts` is what the filter still asks for below `at`. `after` is where the cursor is, from `at` down: none when
    /// the cursor is behind us, empty when `at` is the cursor itself.
    fn visit(&mut self, at: ElementId, parts: &[Part], after: Option<&[&str]>) {
        if self.reach.as_mut().is_some_and(|reach| reach.extent(at) == Extent::Nothing) {
            return;
        }
        let is_meant = matches!(parts, [] | [Part::Rest]);
        if is_meant
            && after.is_none()
            && self.tree.element(at).cell().is_some()
            && self.reach.as_mut().is_none_or(|reach| reach.holds(at))
        {
            self.found.push(at);
        }
        let (below, parts) = match parts {
            [] => return,
            [Part::Name(name), parts @ ..] => {
                if let Some(child) = self.tree.child(at, name) {
                    self.enter(child, parts, after);
                }
                return;
            }
            [Part::Any, below @ ..] => (self.tree.children(at), below),
            [Part::Rest, ..] => (self.tree.children(at), parts),
        };
        let first = match after {
            Some([name, ..]) => below.partition_point(|&child| self.tree.name(child) < *name),
            Some([]) | None => 0,
        };
        for &child in &below[first..] {
            if self.is_full() {
                return;
            }
            self.enter(child, parts, after);
        }
    }

    fn enter(&mut self, child: ElementId, parts: &[Part], after: Option<&[&str]>) {
        if self.is_full() {
            return;
        }
        let after = match after {
            None | Some([]) => None,
            Some([name, rest @ ..]) => match self.tree.name(child).cmp(name) {
                std::cmp::Ordering::Less => return,
                std::cmp::Ordering::Equal => Some(rest),
                std::cmp::Ordering::Greater => None,
            },
        };
        self.visit(child, parts, after);
    }

    fn is_full(&self) -> bool {
        self.found.len() >= self.limit
    }
}
