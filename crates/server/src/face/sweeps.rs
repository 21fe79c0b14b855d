//! Sweeps: what a message changed that was too much to be told at once, still to be told to everybody.
//!
//! A sweep is a place in the tree and no messages, so however much there is to tell, it is a few words.
//! Knows neither the broker nor the tree; it is asked what is next, and told how far that went.
//! Invariant: of one block at most one sweep has not begun.

use std::collections::VecDeque;
use std::sync::Arc;

use factree_ingest::Bulk;
use factree_namespace::{Block, Revision};

/// What one or several messages changed, for everybody.
#[derive(Clone, Debug)]
pub(crate) struct Sweep {
    pub(crate) block: Arc<Block>,
    pub(crate) since: Revision,
    pub(crate) until: Revision,
    /// Where to go on.
    pub(crate) slot: u32,
}

#[derive(Debug, Default)]
pub(crate) struct Sweeps {
    sweeps: VecDeque<Sweep>,
}

impl Sweeps {
    /// Sweeps of one block that have not begun are one.
    pub(crate) fn add(&mut self, Bulk { block, since, until }: Bulk) {
        let waiting = self.sweeps.iter_mut().skip(1).find(|sweep| Arc::ptr_eq(&sweep.block, &block));
        match waiting {
            Some(sweep) => sweep.until = sweep.until.max(until),
            None => self.sweeps.push_back(Sweep { block, since, until, slot: 0 }),
        }
    }

    /// The sweep at hand.
    pub(crate) fn first(&self) -> Option<&Sweep> {
        self.sweeps.front()
    }

    /// It goes on at that slot, or it is done.
    pub(crate) fn swept(&mut self, next: Option<u32>) {
        match (self.sweeps.front_mut(), next) {
            (Some(sweep), Some(slot)) => sweep.slot = slot,
            (_, _) => drop(self.sweeps.pop_front()),
        }
    }
}

#[cfg(test)]
mod tests {
    use factree_namespace::{Limits, Namespace};

    use super::*;

    #[test]
    fn what_comes_while_a_block_is_swept_is_swept_after_it() {
        let namespace = Namespace::new(Limits::default());
        let (one, two) = (namespace.add_block().unwrap(), namespace.add_block().unwrap());
        let mut sweeps = Sweeps::default();
        let bulk = |block: &Arc<Block>, since, until| Bulk {
            block: Arc::clone(block),
            since: Revision(since),
            until: Revision(until),
        };
        for bulk in [bulk(&one, 0, 1), bulk(&two, 1, 2), bulk(&one, 2, 3), bulk(&one, 3, 4), bulk(&two, 4, 5)] {
            sweeps.add(bulk);
        }
        sweeps.swept(Some(64));
        let mut told = Vec::new();
        while let Some(Sweep { block, since, until, slot }) = sweeps.first().cloned() {
            told.push((block.number(), since.0, until.0, slot));
            sweeps.swept(None);
        }
        assert_eq!(told, [(0, 0, 1, 64), (1, 1, 5, 0), (0, 2, 4, 0)]);
    }
}
