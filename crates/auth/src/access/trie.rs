//! Filters, compiled: which verbs are granted for this topic?
//!
//! One branch per level of a filter; `+` and `#` sit in slots of their own. A branch with one literal child compares;
//! one with more finds it by hash, in one table for the whole trie; where there is only one way for several levels,
//! they are compared at once. Each branch knows the verbs of everything beneath it, so those that cannot answer are not
//! entered. Asking for a name never allocates, and it recurses no deeper than the deepest filter.
//! Knows neither topics nor paths, only levels between slashes.
//! Invariant: `beneath` of a branch is the union of all verbs at it and below it.

use hashbrown::HashTable;

use crate::level;
use crate::verb::{Verb, Verbs};

/// A place in the trie.
type Id = u32;

const ROOT: Id = 0;

#[derive(Debug, Default)]
struct Branch {
    /// Filters that end here.
    here: Verbs,
    /// Filters that go on with `#` from here: they match this level and all below.
    rest: Verbs,
    beneath: Verbs,
    /// `+`
    any: Option<Id>,
    /// Literal children, in the order they came.
    literal: Vec<(Box<[u8]>, Id)>,
    /// The levels down to the next branch where there is a choice or a verb, if there is only one way there.
    run: Option<(Box<[u8]>, Id)>,
}

/// A way from a branch to a literal child of it.
#[derive(Clone, Copy, Debug)]
struct Way {
    from: Id,
    /// Which of its literal children.
    nth: u32,
}

/// Filters with the verbs they are granted for.
#[derive(Debug)]
pub(crate) struct Trie {
    branches: Vec<Branch>,
    ways: HashTable<Way>,
    /// Whether wildcards on the first level pass over what begins with `$` `[MQTT-4.7.2-1]`.
    hides_dollar: bool,
}

impl Trie {
    pub(crate) fn new(hides_dollar: bool) -> Self {
        Trie { branches: vec![Branch::default()], ways: HashTable::new(), hides_dollar }
    }

    /// Grants verbs for what a filter matches.
    pub(crate) fn insert(&mut self, filter: &str, verbs: Verbs) {
        let mut at = ROOT;
        for level in filter.split('/') {
            let branch = &mut self.branches[at as usize];
            branch.beneath = branch.beneath.or(verbs);
            if level == "#" {
                branch.rest = branch.rest.or(verbs);
                return;
            }
            at = self.child_or_new(at, level);
        }
        let branch = &mut self.branches[at as usize];
        branch.beneath = branch.beneath.or(verbs);
        branch.here = branch.here.or(verbs);
    }

    fn child_or_new(&mut self, from: Id, level: &str) -> Id {
        let new = Id::try_from(self.branches.len()).expect("limits keep a trie below four billion branches");
        let known = if level == "+" { self.branches[from as usize].any } else { self.literal(from, level) };
        if let Some(known) = known {
            return known;
        }
        let branch = &mut self.branches[from as usize];
        if level == "+" {
            branch.any = Some(new);
        } else {
            let nth = branch.literal.len() as u32;
            branch.literal.push((level.as_bytes().into(), new));
            let branches = &self.branches;
            let hash_of = |way: &Way| hash(way.from, &branches[way.from as usize].literal[way.nth as usize].0);
            self.ways.insert_unique(hash(from, level.as_bytes()), Way { from, nth }, hash_of);
        }
        self.branches.push(Branch::default());
        new
    }

    fn literal(&self, from: Id, level: &str) -> Option<Id> {
        self.literal_at(from, level.as_bytes(), 0).map(|(child, _)| child)
    }

    /// The literal child for the level that begins at `at`, and where that level ends.
    #[inline]
    fn literal_at(&self, from: Id, name: &[u8], at: usize) -> Option<(Id, usize)> {
        let children = &self.branches[from as usize].literal;
        match &children[..] {
            [] => None,
            // No need to know where the level ends: it has to end where the child's name does.
            [(only, child)] => begins_with(&name[at..], only).then_some((*child, at + only.len())),
            _ => {
                let (end, hash) = level::end_and_hash(name, at, u64::from(from));
                let is_it = |way: &Way| way.from == from && *children[way.nth as usize].0 == name[at..end];
                let way = self.ways.find(hash, is_it)?;
                Some((children[way.nth as usize].1, end))
            }
        }
    }

    /// Notes the runs. To be called when all filters are in; without it walks are slower and not different.
    pub(crate) fn seal(&mut self) {
        // Inside a run nobody needs another one: texts would add up with the square of the depth.
        let mut is_inside = vec![false; self.branches.len()];
        for id in 0..self.branches.len() {
            if is_inside[id] {
                continue;
            }
            let (mut text, mut to) = (Vec::new(), id);
            while let Branch { any: None, literal, here, rest, .. } = &self.branches[to]
                && let [(only, child)] = &literal[..]
                && (to == id || here.or(*rest).is_empty())
            {
                if to != id {
                    text.push(b'/');
                    is_inside[to] = true;
                }
                text.extend_from_slice(only);
                to = *child as usize;
            }
            self.branches[id].run = (to != id).then(|| (text.into(), to as Id));
        }
    }

    /// Whether the verb is granted for this name.
    #[inline]
    pub(crate) fn grants(&self, verb: Verb, name: &str) -> bool {
        let name = name.as_bytes();
        if self.hides_dollar && name.first() == Some(&b'$') {
            return self
                .literal_at(ROOT, name, 0)
                .is_some_and(|(child, end)| self.grants_from(child, verb, name, end + 1));
        }
        self.grants_from(ROOT, verb, name, 0)
    }

    /// The same from a branch on, with the levels of the name that begin at `at`; behind the end there are none.
    fn grants_from(&self, mut id: Id, verb: Verb, name: &[u8], mut at: usize) -> bool {
        loop {
            let branch = &self.branches[id as usize];
            if branch.rest.has(verb) {
                return true;
            }
            if at > name.len() {
                return branch.here.has(verb);
            }
            if !branch.beneath.has(verb) {
                return false;
            }
            let end = if let Some((run, to)) = &branch.run {
                if !begins_with(&name[at..], run) {
                    return false;
                }
                id = *to;
                at + run.len()
            } else {
                match (self.literal_at(id, name, at), branch.any) {
                    (None, None) => return false,
                    (Some((child, end)), None) => {
                        id = child;
                        end
                    }
                    (None, Some(any)) => {
                        id = any;
                        level::end(name, at)
                    }
                    (Some((child, end)), Some(any)) => {
                        if self.grants_from(child, verb, name, end + 1) {
                            return true;
                        }
                        id = any;
                        end
                    }
                }
            };
            at = end + 1;
        }
    }

    /// Whether the verb is granted for everything that a filter matches, by one granted filter or by several together.
    ///
    /// `+` in the asked filter stands for infinitely many names, so for some that no granted filter spells out: those
    /// only go on through `+` and `#`, and what goes on for them goes on for all. Allocates; subscribing is rare.
    pub(crate) fn covers(&self, verb: Verb, filter: &str) -> bool {
        let mut at = vec![ROOT];
        let mut is_first = true;
        for level in filter.split('/') {
            let is_hidden = is_first && self.hides_dollar && level.starts_with('$');
            if !is_hidden && at.iter().any(|id| self.branches[*id as usize].rest.has(verb)) {
                return true;
            }
            if level == "#" {
                // No name is empty, so `/#` does not match the level above.
                return self.covers_all_below(verb, at, is_first || filter == "/#");
            }
            at = self.step(verb, &at, |trie, from, to| {
                to.extend((level != "+").then(|| trie.literal(from, level)).flatten());
                to.extend((!is_hidden).then_some(trie.branches[from as usize].any).flatten());
            });
            is_first = false;
        }
        at.iter().any(|id| self.branches[*id as usize].here.or(self.branches[*id as usize].rest).has(verb))
    }

    /// Whether these branches grant for themselves (unless nothing can end here) and whatever may be below.
    fn covers_all_below(&self, verb: Verb, mut at: Vec<Id>, mut nothing_ends_here: bool) -> bool {
        loop {
            if at.iter().any(|id| self.branches[*id as usize].rest.has(verb)) {
                return true;
            }
            if at.is_empty() || !(nothing_ends_here || at.iter().any(|id| self.branches[*id as usize].here.has(verb))) {
                return false;
            }
            nothing_ends_here = false;
            at = self.step(verb, &at, |trie, from, to| to.extend(trie.branches[from as usize].any));
        }
    }

    /// Whether the verb is granted for anything at all that a filter matches.
    pub(crate) fn touches(&self, verb: Verb, filter: &str) -> bool {
        let mut at = vec![ROOT];
        let mut is_first = true;
        for level in filter.split('/') {
            let is_hidden = is_first && self.hides_dollar && level.starts_with('$');
            if !is_hidden && at.iter().any(|id| self.branches[*id as usize].rest.has(verb)) {
                return true;
            }
            let passes = |name: &[u8]| !(is_first && self.hides_dollar && name.starts_with(b"$"));
            at = match level {
                "#" if !is_first => return at.iter().any(|id| self.branches[*id as usize].beneath.has(verb)),
                "#" | "+" => self.step(verb, &at, |trie, from, to| {
                    let branch = &trie.branches[from as usize];
                    to.extend(branch.literal.iter().filter(|(name, _)| passes(name)).map(|(_, child)| *child));
                    to.extend(branch.any);
                }),
                name => self.step(verb, &at, |trie, from, to| {
                    to.extend(trie.literal(from, name));
                    to.extend((!is_hidden).then_some(trie.branches[from as usize].any).flatten());
                }),
            };
            if level == "#" {
                return !at.is_empty();
            }
            is_first = false;
        }
        at.iter().any(|id| self.branches[*id as usize].here.or(self.branches[*id as usize].rest).has(verb))
    }

    /// Whether the verb is granted for this name or for anything below it.
    pub(crate) fn reaches(&self, verb: Verb, name: Option<&str>) -> bool {
        let mut at = vec![ROOT];
        for level in name.iter().flat_map(|name| name.split('/')) {
            if at.iter().any(|id| self.branches[*id as usize].rest.has(verb)) {
                return true;
            }
            at = self.step(verb, &at, |trie, from, to| {
                to.extend(trie.literal(from, level));
                to.extend(trie.branches[from as usize].any);
            });
        }
        at.iter().any(|id| self.branches[*id as usize].beneath.has(verb))
    }

    /// One level down from each, to where the verb is still to be had.
    fn step(&self, verb: Verb, at: &[Id], ways: impl Fn(&Self, Id, &mut Vec<Id>)) -> Vec<Id> {
        let mut below = Vec::new();
        for from in at {
            ways(self, *from, &mut below);
        }
        below.retain(|id| self.branches[*id as usize].beneath.has(verb));
        below
    }
}

/// Whether a name begins with these levels.
#[inline]
fn begins_with(name: &[u8], levels: &[u8]) -> bool {
    name.starts_with(levels) && name.get(levels.len()).is_none_or(|next| *next == b'/')
}

fn hash(from: Id, level: &[u8]) -> u64 {
    level::end_and_hash(level, 0, u64::from(from)).1
}
