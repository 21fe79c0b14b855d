//! Metric names, each kept once for all Edge Nodes.
//!
//! A plant has many machines of few kinds, so a million metrics share some thousand names; an Edge Node keeps a 32-bit
//! [`NameIndex`] per metric. Names are counted and freed with their last use, so churning births leave nothing behind
//! (SP22).
//! Invariant: a text stands in `table` exactly once while its count is above zero.

use hashbrown::{DefaultHashBuilder, HashTable};
use std::hash::BuildHasher;

/// Stands for a name as long as it is in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NameIndex(u32);

#[derive(Debug, Default)]
pub(super) struct Names {
    table: HashTable<u32>,
    entries: Vec<Entry>,
    free: Vec<u32>,
    hasher: DefaultHashBuilder,
}

#[derive(Debug)]
struct Entry {
    text: Box<str>,
    uses: u32,
}

impl Names {
    /// One more use of the name.
    pub(super) fn take(&mut self, text: &str) -> NameIndex {
        let hash = self.hasher.hash_one(text);
        if let Some(&index) = self.table.find(hash, |&index| *self.entries[index as usize].text == *text) {
            self.entries[index as usize].uses += 1;
            return NameIndex(index);
        }
        let entry = Entry { text: text.into(), uses: 1 };
        let index = match self.free.pop() {
            Some(index) => {
                self.entries[index as usize] = entry;
                index
            }
            None => {
                self.entries.push(entry);
                self.entries.len() as u32 - 1
            }
        };
        let (entries, hasher) = (&self.entries, &self.hasher);
        self.table.insert_unique(hash, index, |&index| hasher.hash_one(&*entries[index as usize].text));
        NameIndex(index)
    }

    /// One use less; the last one frees the text.
    pub(super) fn give_back(&mut self, name: NameIndex) {
        let entry = &mut self.entries[name.0 as usize];
        entry.uses -= 1;
        if entry.uses == 0 {
            let text = std::mem::take(&mut entry.text);
            let found = self.table.find_entry(self.hasher.hash_one(&*text), |&index| index == name.0);
            found.expect("a name in use is in the table").remove();
            self.free.push(name.0);
        }
    }

    pub(super) fn get(&self, name: NameIndex) -> &str {
        &self.entries[name.0 as usize].text
    }

    /// The hash of a name within its owner, for the Edge Nodes' own tables.
    pub(super) fn hash_of(&self, owner: u32, text: &str) -> u64 {
        self.hasher.hash_one((owner, text))
    }

    #[cfg(test)]
    fn len(&self) -> usize {
        self.table.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_kept_once_and_freed_with_its_last_use() {
        let mut names = Names::default();
        let (first, second) = (names.take("Temperature"), names.take("Temperature"));
        assert_eq!(first, second);
        assert_eq!(names.len(), 1);
        names.give_back(first);
        assert_eq!(names.get(second), "Temperature");
        names.give_back(second);
        assert_eq!(names.len(), 0);
        assert_eq!(names.take("Pressure"), first, "the freed place is used again");
    }
}
