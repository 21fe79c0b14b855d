//! Filters, compiled: which verbs are granted for this topic?
//!
//! One node per level of a filter; `+` and `#` sit in slots of their own. A node with one literal child compares; one with more
//! finds it by hash, in one table for the whole trie. Each node knows the verbs of everything beneath it, so branches that cannot
//! answer are not entered. A walk never allocates, and it recurses no deeper than the deepest filter.
//! Knows neither topics nor paths, only levels between slashes.
//! Invariant: `beneath` of a node is the union of all verbs at it and below it.

use hashbrown::HashTable;

use crate::verb::{Verb, Verbs};

/// A place in the trie.
type Id = u32;

const ROOT: Id = 0;

#[derive(Debug, Default)]
struct Node {
    /// Filters that end here.
    here: Verbs,
    /// Filters that go on with `#` from here: they match this level and all below.
    rest: Verbs,
    beneath: Verbs,
    /// `+`
    any: Option<Id>,
    /// Literal children, in the order they came.
    literal: Vec<(Box<str>, Id)>,
}

/// A way from a node to a literal child of it.
#[derive(Clone, Copy, Debug)]
struct Way {
    from: Id,
    /// Which of its literal children.
    nth: u32,
}

/// Filters with the verbs they are granted for.
#[derive(Debug)]
pub(crate) struct Trie {
    nodes: Vec<Node>,
    ways: HashTable<Way>,
    /// Whether wildcards on the first level pass over what begins with `$` `[MQTT-4.7.2-1]`.
    hides_dollar: bool,
}

impl Trie {
    pub(crate) fn new(hides_dollar: bool) -> Self {
        Trie { nodes: vec![Node::default()], ways: HashTable::new(), hides_dollar }
    }

    /// Grants verbs for what a filter matches.
    pub(crate) fn insert(&mut self, filter: &str, verbs: Verbs) {
        let mut at = ROOT;
        for level in filter.split('/') {
            let node = &mut self.nodes[at as usize];
            node.beneath = node.beneath.or(verbs);
            if level == "#" {
                node.rest = node.rest.or(verbs);
                return;
            }
            at = self.child_or_new(at, level);
        }
        let node = &mut self.nodes[at as usize];
        node.beneath = node.beneath.or(verbs);
        node.here = node.here.or(verbs);
    }

    fn child_or_new(&mut self, from: Id, level: &str) -> Id {
        let new = Id::try_from(self.nodes.len()).expect("limits keep a trie below four billion nodes");
        let known = if level == "+" { self.nodes[from as usize].any } else { self.literal(from, level) };
        if let Some(known) = known {
            return known;
        }
        let node = &mut self.nodes[from as usize];
        if level == "+" {
            node.any = Some(new);
        } else {
            let nth = node.literal.len() as u32;
            node.literal.push((level.into(), new));
            let nodes = &self.nodes;
            let hash_of = |way: &Way| hash(way.from, &nodes[way.from as usize].literal[way.nth as usize].0);
            self.ways.insert_unique(hash(from, level), Way { from, nth }, hash_of);
        }
        self.nodes.push(Node::default());
        new
    }

    #[inline]
    fn literal(&self, from: Id, level: &str) -> Option<Id> {
        let children = &self.nodes[from as usize].literal;
        match &children[..] {
            [] => None,
            [(only, child)] => (**only == *level).then_some(*child),
            _ => {
                let is_it = |way: &Way| way.from == from && *children[way.nth as usize].0 == *level;
                let way = self.ways.find(hash(from, level), is_it)?;
                Some(children[way.nth as usize].1)
            }
        }
    }

    /// Whether the verb is granted for this name.
    #[inline]
    pub(crate) fn grants(&self, verb: Verb, name: &str) -> bool {
        let root = &self.nodes[ROOT as usize];
        if !root.beneath.has(verb) {
            return false;
        }
        if self.hides_dollar && name.starts_with('$') {
            let (level, rest) = split(name);
            return self.literal(ROOT, level).is_some_and(|child| self.grants_from(child, verb, rest));
        }
        self.grants_from(ROOT, verb, Some(name))
    }

    /// The same from a node on; None: the name ends here.
    fn grants_from(&self, at: Id, verb: Verb, name: Option<&str>) -> bool {
        let node = &self.nodes[at as usize];
        if !node.beneath.has(verb) {
            return false;
        }
        if node.rest.has(verb) {
            return true;
        }
        let Some(name) = name else { return node.here.has(verb) };
        if node.any.is_none() && node.literal.is_empty() {
            return false;
        }
        let (level, rest) = split(name);
        self.literal(at, level).is_some_and(|child| self.grants_from(child, verb, rest))
            || node.any.is_some_and(|child| self.grants_from(child, verb, rest))
    }

    /// Whether the verb is granted for everything that a filter matches, by one granted filter or by several together.
    ///
    /// `+` in the asked filter stands for infinitely many names, so for some that no granted filter spells out: those only
    /// go on through `+` and `#`, and what goes on for them goes on for all. Allocates; subscribing is rare.
    pub(crate) fn covers(&self, verb: Verb, filter: &str) -> bool {
        let mut at = vec![ROOT];
        let mut levels = filter.split('/').peekable();
        let mut is_first = true;
        while let Some(level) = levels.next() {
            let is_hidden = is_first && self.hides_dollar && level.starts_with('$');
            if !is_hidden && at.iter().any(|id| self.nodes[*id as usize].rest.has(verb)) {
                return true;
            }
            if level == "#" {
                return self.covers_all_below(verb, at, is_first);
            }
            at = self.step(verb, &at, |trie, from, to| {
                to.extend((level != "+").then(|| trie.literal(from, level)).flatten());
                to.extend((!is_hidden).then_some(trie.nodes[from as usize].any).flatten());
            });
            is_first = false;
        }
        at.iter().any(|id| self.nodes[*id as usize].here.or(self.nodes[*id as usize].rest).has(verb))
    }

    /// Whether these nodes grant for themselves (unless nothing can end here) and whatever may be below.
    fn covers_all_below(&self, verb: Verb, mut at: Vec<Id>, is_first: bool) -> bool {
        let mut nothing_ends_here = is_first;
        loop {
            if at.iter().any(|id| self.nodes[*id as usize].rest.has(verb)) {
                return true;
            }
            if at.is_empty() || !(nothing_ends_here || at.iter().any(|id| self.nodes[*id as usize].here.has(verb))) {
                return false;
            }
            nothing_ends_here = false;
            at = self.step(verb, &at, |trie, from, to| to.extend(trie.nodes[from as usize].any));
        }
    }

    /// Whether the verb is granted for anything at all that a filter matches.
    pub(crate) fn touches(&self, verb: Verb, filter: &str) -> bool {
        let mut at = vec![ROOT];
        let mut is_first = true;
        for level in filter.split('/') {
            let is_hidden = is_first && self.hides_dollar && level.starts_with('$');
            if !is_hidden && at.iter().any(|id| self.nodes[*id as usize].rest.has(verb)) {
                return true;
            }
            let passes = |name: &str| !(is_first && self.hides_dollar && name.starts_with('$'));
            at = match level {
                "#" if !is_first => return at.iter().any(|id| self.nodes[*id as usize].beneath.has(verb)),
                "#" | "+" => self.step(verb, &at, |trie, from, to| {
                    let node = &trie.nodes[from as usize];
                    to.extend(node.literal.iter().filter(|(name, _)| passes(name)).map(|(_, child)| *child));
                    to.extend(node.any);
                }),
                name => self.step(verb, &at, |trie, from, to| {
                    to.extend(trie.literal(from, name));
                    to.extend((!is_hidden).then_some(trie.nodes[from as usize].any).flatten());
                }),
            };
            if level == "#" {
                return !at.is_empty();
            }
            is_first = false;
        }
        at.iter().any(|id| self.nodes[*id as usize].here.or(self.nodes[*id as usize].rest).has(verb))
    }

    /// Whether the verb is granted for this name or for anything below it.
    pub(crate) fn reaches(&self, verb: Verb, name: Option<&str>) -> bool {
        let mut at = vec![ROOT];
        for level in name.iter().flat_map(|name| name.split('/')) {
            if at.iter().any(|id| self.nodes[*id as usize].rest.has(verb)) {
                return true;
            }
            at = self.step(verb, &at, |trie, from, to| {
                to.extend(trie.literal(from, level));
                to.extend(trie.nodes[from as usize].any);
            });
        }
        at.iter().any(|id| self.nodes[*id as usize].beneath.has(verb))
    }

    /// One level down from each, to where the verb is still to be had.
    fn step(&self, verb: Verb, at: &[Id], ways: impl Fn(&Self, Id, &mut Vec<Id>)) -> Vec<Id> {
        let mut below = Vec::new();
        for from in at {
            ways(self, *from, &mut below);
        }
        below.retain(|id| self.nodes[*id as usize].beneath.has(verb));
        below
    }
}

/// The first level, and what comes after the slash if there is one.
#[inline]
fn split(name: &str) -> (&str, Option<&str>) {
    match name.bytes().position(|byte| byte == b'/') {
        Some(at) => (&name[..at], Some(&name[at + 1..])),
        None => (name, None),
    }
}

/// FNV-1a, and the upper half folded into what the table looks at. Who grants chooses what is in the table, so there is
/// nobody to make it degenerate; 4 instructions a byte.
#[inline]
fn hash(from: Id, level: &str) -> u64 {
    const PRIME: u64 = 0x0000_0100_0000_01B3;
    let seed = 0xCBF2_9CE4_8422_2325 ^ u64::from(from).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let hash = level.bytes().fold(seed, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(PRIME));
    hash ^ (hash >> 32)
}
