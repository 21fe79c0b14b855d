//! Names, each kept once.
//!
//! One long text and where each name ends in it: four bytes a name beside its letters, and a table of ids that hashes the
//! text itself, so nothing is stored twice. A plant repeats its names a thousandfold (`Temperature`), its paths never.
//! Refuses to know the tree. Invariant: equal names have equal ids, and id 0 is the empty name.

use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashTable};
use regex::Regex;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct NameId(u32);

impl NameId {
    /// Dense from 0, for tables beside the names.
    pub(crate) fn index(self) -> usize {
        self.0 as usize
    }
}

pub(crate) struct Names {
    text: String,
    ends: Vec<u32>,
    ids: HashTable<NameId>,
    hasher: DefaultHashBuilder,
}

impl Names {
    pub(crate) const EMPTY: NameId = NameId(0);

    pub(crate) fn new() -> Self {
        let mut names = Self {
            text: String::new(),
            ends: Vec::new(),
            ids: HashTable::new(),
            hasher: DefaultHashBuilder::default(),
        };
        let empty = names.intern("");
        debug_assert_eq!(empty, Self::EMPTY);
        names
    }

    pub(crate) fn get(&self, id: NameId) -> &str {
        text_of(&self.text, &self.ends, id)
    }

    pub(crate) fn find(&self, name: &str) -> Option<NameId> {
        let hash = self.hasher.hash_one(name);
        self.ids.find(hash, |&id| self.get(id) == name).copied()
    }

    /// The caller has made sure that there is room: see [`Names::bytes_len`].
    pub(crate) fn intern(&mut self, name: &str) -> NameId {
        if let Some(id) = self.find(name) {
            return id;
        }
        let id =
            NameId(u32::try_from(self.ends.len()).expect("names_bytes_max and elements_max keep name ids in 32 bits"));
        self.text.push_str(name);
        self.ends.push(u32::try_from(self.text.len()).expect("names_bytes_max keeps name offsets in 32 bits"));
        let Self { text, ends, ids, hasher } = self;
        ids.insert_unique(hasher.hash_one(name), id, |&id| hasher.hash_one(text_of(text, ends, id)));
        id
    }

    /// How many names there are; their ids are dense below this.
    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    /// The names that a pattern matches within, in the order of their ids. All of them are one text, so the pattern runs
    /// over it once; a match that reaches from one name into the next is none.
    pub(crate) fn each_with(&self, pattern: &Regex, mut each: impl FnMut(NameId)) {
        let mut from = 0;
        while let Some(found) = pattern.find_at(&self.text, from) {
            // Empty names end where the one before them does, and hold nothing.
            let at = self.ends.partition_point(|&end| end as usize <= found.start());
            let end = self.ends[at] as usize;
            if found.end() <= end {
                each(NameId(at as u32));
                from = end;
            } else {
                from = self.text.ceil_char_boundary(found.start() + 1);
            }
        }
    }

    /// Bytes of all names together.
    pub(crate) fn bytes_len(&self) -> usize {
        self.text.len()
    }

    /// Heap in use, in bytes.
    pub(crate) fn heap_bytes(&self) -> usize {
        self.text.capacity() + self.ends.capacity() * size_of::<u32>() + self.ids.allocation_size()
    }
}

fn text_of<'a>(text: &'a str, ends: &[u32], NameId(id): NameId) -> &'a str {
    let start = if id == 0 { 0 } else { ends[id as usize - 1] };
    &text[start as usize..ends[id as usize] as usize]
}
