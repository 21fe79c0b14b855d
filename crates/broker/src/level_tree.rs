//! A tree of topic levels that holds a `T` at each level: the ground under subscriptions and retained messages.
//!
//! Branches live in one `Vec`; the way down is one hash table for the whole tree, keyed by parent and level, so a
//! branch is small and finding a child is one probe. The level `+` has a slot of its own (a topic name cannot contain
//! it). Siblings are linked in the order they came. Nothing here recurses: depth costs a loop, never stack.
//! Invariant: after [`LevelTree::prune`] a branch holds something, has children, or is the root.

use hashbrown::{DefaultHashBuilder, HashTable};
use std::hash::BuildHasher;
use std::num::NonZeroU32;
use std::ops::Range;

/// A place in the tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct BranchId(NonZeroU32);

impl BranchId {
    fn new(index: usize) -> Self {
        let place = u32::try_from(index + 1).ok().and_then(NonZeroU32::new);
        BranchId(place.expect("limits keep a tree below four billion branches"))
    }

    fn index(self) -> usize {
        self.0.get() as usize - 1
    }
}

#[derive(Debug)]
struct Branch<T> {
    level: Box<str>,
    parent: Option<BranchId>,
    plus: Option<BranchId>,
    first: Option<BranchId>,
    last: Option<BranchId>,
    before: Option<BranchId>,
    after: Option<BranchId>,
    value: T,
}

#[derive(Debug)]
pub(crate) struct LevelTree<T> {
    branches: Vec<Branch<T>>,
    free: Vec<BranchId>,
    ways: HashTable<BranchId>,
    hasher: DefaultHashBuilder,
}

impl<T: Default> LevelTree<T> {
    pub(crate) fn new() -> Self {
        let mut tree = LevelTree {
            branches: Vec::new(),
            free: Vec::new(),
            ways: HashTable::new(),
            hasher: DefaultHashBuilder::default(),
        };
        tree.branches.push(Branch::new("", None));
        tree
    }

    pub(crate) fn root(&self) -> BranchId {
        BranchId::new(0)
    }

    pub(crate) fn value(&self, branch: BranchId) -> &T {
        &self.branches[branch.index()].value
    }

    pub(crate) fn value_mut(&mut self, branch: BranchId) -> &mut T {
        &mut self.branches[branch.index()].value
    }

    /// What some of the branches hold, as they lie in memory; see [`LevelTree::places_len`].
    pub(crate) fn values(&self, places: Range<usize>) -> impl Iterator<Item = &T> {
        let upto = places.end.min(self.branches.len());
        self.branches[places.start.min(upto)..upto].iter().map(|branch| &branch.value)
    }

    /// One more than the last place of a branch.
    pub(crate) fn places_len(&self) -> usize {
        self.branches.len()
    }

    /// The child for a level of a topic name.
    pub(crate) fn child(&self, parent: BranchId, level: &str) -> Option<BranchId> {
        let branches = &self.branches;
        let found = self.ways.find(self.hasher.hash_one((parent, level)), |child| {
            let child = &branches[child.index()];
            child.parent == Some(parent) && *child.level == *level
        });
        found.copied()
    }

    /// The child for the level `+`.
    pub(crate) fn plus(&self, parent: BranchId) -> Option<BranchId> {
        self.branches[parent.index()].plus
    }

    /// The branch of a topic name or of a filter that ends in no `#`.
    pub(crate) fn find<'a>(&self, levels: impl Iterator<Item = &'a str>) -> Option<BranchId> {
        let mut branch = self.root();
        for level in levels {
            branch = self.step(branch, level)?;
        }
        Some(branch)
    }

    /// The same, made where it is missing.
    pub(crate) fn reach<'a>(&mut self, levels: impl Iterator<Item = &'a str>) -> BranchId {
        let mut branch = self.root();
        for level in levels {
            branch = match self.step(branch, level) {
                Some(child) => child,
                None => self.grow(branch, level),
            };
        }
        branch
    }

    fn step(&self, parent: BranchId, level: &str) -> Option<BranchId> {
        if level == "+" { self.plus(parent) } else { self.child(parent, level) }
    }

    fn grow(&mut self, parent: BranchId, level: &str) -> BranchId {
        let mut branch = Branch::new(level, Some(parent));
        let before = self.branches[parent.index()].last;
        if level != "+" {
            branch.before = before;
        }
        let id = match self.free.pop() {
            Some(id) => {
                self.branches[id.index()] = branch;
                id
            }
            None => {
                self.branches.push(branch);
                BranchId::new(self.branches.len() - 1)
            }
        };
        if level == "+" {
            self.branches[parent.index()].plus = Some(id);
            return id;
        }
        match before {
            Some(before) => self.branches[before.index()].after = Some(id),
            None => self.branches[parent.index()].first = Some(id),
        }
        self.branches[parent.index()].last = Some(id);
        let (branches, hasher) = (&self.branches, &self.hasher);
        self.ways.insert_unique(hasher.hash_one((parent, level)), id, |id| {
            let branch = &branches[id.index()];
            hasher.hash_one((branch.parent.expect("only the root has no parent"), &*branch.level))
        });
        id
    }

    /// The text of a branch's own level.
    pub(crate) fn level(&self, branch: BranchId) -> &str {
        &self.branches[branch.index()].level
    }

    /// The children of topic levels, last come first: pushed on a stack they come off in order.
    pub(crate) fn children_backwards(&self, parent: BranchId) -> impl Iterator<Item = BranchId> + '_ {
        let mut next = self.branches[parent.index()].last;
        std::iter::from_fn(move || {
            let child = next?;
            next = self.branches[child.index()].before;
            Some(child)
        })
    }

    /// Takes away a branch that holds nothing, and its parents that hold nothing then.
    pub(crate) fn prune(&mut self, branch: BranchId, is_empty: impl Fn(&T) -> bool) {
        let mut at = branch;
        loop {
            let branch = &self.branches[at.index()];
            let Some(parent) = branch.parent else { return };
            if branch.first.is_some() || branch.plus.is_some() || !is_empty(&branch.value) {
                return;
            }
            self.cut(at, parent);
            at = parent;
        }
    }

    fn cut(&mut self, id: BranchId, parent: BranchId) {
        let gone = std::mem::replace(&mut self.branches[id.index()], Branch::new("", None));
        self.free.push(id);
        if self.branches[parent.index()].plus == Some(id) {
            self.branches[parent.index()].plus = None;
            return;
        }
        match gone.before {
            Some(before) => self.branches[before.index()].after = gone.after,
            None => self.branches[parent.index()].first = gone.after,
        }
        match gone.after {
            Some(after) => self.branches[after.index()].before = gone.before,
            None => self.branches[parent.index()].last = gone.before,
        }
        let way = self.ways.find_entry(self.hasher.hash_one((parent, &*gone.level)), |way| *way == id);
        way.expect("every branch but the root and '+' has its way").remove();
    }

    /// How many branches there are, the root included.
    pub(crate) fn len(&self) -> usize {
        self.branches.len() - self.free.len()
    }
}

impl<T: Default> Branch<T> {
    fn new(level: &str, parent: Option<BranchId>) -> Self {
        Branch {
            level: level.into(),
            parent,
            plus: None,
            first: None,
            last: None,
            before: None,
            after: None,
            value: T::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reach(tree: &mut LevelTree<bool>, topic: &str) -> BranchId {
        let branch = tree.reach(topic.split('/'));
        *tree.value_mut(branch) = true;
        branch
    }

    fn children(tree: &LevelTree<bool>) -> Vec<&str> {
        tree.children_backwards(tree.root()).map(|child| tree.level(child)).collect()
    }

    #[test]
    fn pruning_takes_away_what_holds_nothing_and_leads_nowhere() {
        let mut tree = LevelTree::new();
        let topics = ["a/b/c", "a/b", "a/+/c", "x", "/", "a//"];
        let branches = topics.map(|topic| reach(&mut tree, topic));
        for (topic, branch) in topics.iter().zip(branches) {
            assert_eq!(tree.find(topic.split('/')), Some(branch));
        }
        assert_eq!(tree.len(), 11, "root, a, b, c, +, c, x, '', '' below it, '' and '' below a");
        for branch in branches {
            *tree.value_mut(branch) = false;
            tree.prune(branch, |held| !held);
        }
        assert_eq!(tree.len(), 1, "the root");
        assert!(topics.iter().all(|topic| tree.find(topic.split('/')).is_none()));
    }

    #[test]
    fn siblings_keep_the_order_they_came_in_and_places_are_used_again() {
        let mut tree = LevelTree::new();
        let [_, b, _, d] = ["a", "b", "c", "d"].map(|topic| reach(&mut tree, topic));
        for gone in [b, d] {
            *tree.value_mut(gone) = false;
            tree.prune(gone, |held| !held);
        }
        assert_eq!(children(&tree), ["c", "a"]);
        reach(&mut tree, "e");
        reach(&mut tree, "f");
        assert_eq!(children(&tree), ["f", "e", "c", "a"]);
        assert_eq!(tree.branches.len(), 5, "freed places were used");
    }
}
