//! What has gone: the paths that lost their cell, in order, for readers who follow the tree.
//!
//! A cell that changes carries its revision with it, so a reader needs no log of changes. A cell that is taken away carries
//! nothing; so the last few thousand are written down, by path, since the element may be gone too. Whoever is further behind reads
//! everything again, which is what so great a change asks for anyway.
//! Refuses to know elements and readers. Invariant: revisions ascend, and all later than [`Gone::forgotten`] are here.

use std::collections::VecDeque;

use crate::Revision;

/// Entries kept.
const ENTRIES_MAX: usize = 4096;
/// Bytes of their paths together.
const BYTES_MAX: usize = 1 << 20;

#[derive(Default)]
pub(crate) struct Gone {
    entries: VecDeque<(Revision, Box<str>)>,
    bytes: usize,
    /// The newest entry that was dropped.
    forgotten: Revision,
}

impl Gone {
    /// The path has no cell from `revision` on.
    pub(crate) fn note(&mut self, revision: Revision, path: String) {
        self.bytes += path.len();
        self.entries.push_back((revision, path.into()));
        while self.entries.len() > ENTRIES_MAX || self.bytes > BYTES_MAX {
            let Some((revision, path)) = self.entries.pop_front() else { return };
            (self.forgotten, self.bytes) = (revision, self.bytes - path.len());
        }
    }

    /// So much has gone at `revision` that it is not written down: whoever was told before reads everything again.
    pub(crate) fn note_all(&mut self, revision: Revision) {
        self.entries.clear();
        self.bytes = 0;
        self.forgotten = revision;
    }

    /// What has gone after `since` and up to `until`, the oldest first; none if that is no longer known.
    pub(crate) fn between(&self, since: Revision, until: Revision) -> Option<impl Iterator<Item = &str>> {
        let position = |revision| self.entries.partition_point(|&(at, _)| at <= revision);
        let (first, end) = (position(since), position(until.max(since)));
        (since >= self.forgotten).then(|| self.entries.range(first..end).map(|(_, path)| &**path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_forgotten_is_not_taken_for_nothing() {
        let mut gone = Gone::default();
        let told = |gone: &Gone, since, until| {
            gone.between(Revision(since), Revision(until))
                .map(|paths| paths.map(|path| path.parse().unwrap()).collect::<Vec<u32>>())
        };
        assert_eq!(told(&gone, 0, 9), Some(vec![]));
        (1..=ENTRIES_MAX as u32).for_each(|number| gone.note(Revision(u64::from(number) * 2), number.to_string()));
        assert_eq!(told(&gone, 1, 6), Some(vec![1, 2, 3]));
        assert_eq!(told(&gone, 6, 1), Some(vec![]), "a range the wrong way round is empty");
        gone.note(Revision(1 << 20), "7".into());
        assert_eq!(told(&gone, 1, 6), None);
        assert_eq!(told(&gone, 2, 6), Some(vec![2, 3]));
        gone.note(Revision(1 << 21), "8".repeat(BYTES_MAX + 1));
        assert_eq!((told(&gone, 1 << 20, 1 << 21), gone.bytes), (None, 0), "nor what is too long");
    }
}
