//! Errands: what is still to be brought to subscribers, a little at a time.
//!
//! *What is current* goes to one new subscription, as far as its client reads. A *sweep* goes to all: what a message changed
//! that was too much to be told at once. Both are places in the tree and no messages, so however much there is to bring, an
//! errand is a few words.
//! Knows neither the broker nor the tree; it is asked what is next, and told how far that went.
//! Invariant: `keys` are those of `currents`, and of the one that is being run; of one block at most one sweep has not begun.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;

use factree_broker::{ClientId, Room};
use factree_ingest::Bulk;
use factree_mqtt::TopicFilter;
use factree_namespace::{Block, ElementId, Revision, View};

use super::topics::Meaning;

/// What is current, for a subscription.
#[derive(Debug)]
pub(crate) struct Current {
    pub(crate) client_id: ClientId,
    pub(crate) filter: Box<str>,
    pub(super) meaning: Meaning,
    /// The path of the last element that was brought, or looked at in vain.
    pub(crate) after: Option<String>,
    /// Whether it is brought as retained messages are; not, where it is news to an old subscription.
    pub(crate) retain: bool,
}

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
pub(crate) struct Errands {
    currents: VecDeque<Current>,
    keys: HashSet<(ClientId, Box<str>)>,
    sweeps: VecDeque<Sweep>,
}

impl Current {
    /// The next few elements that it may be about, at most `limit`.
    pub(crate) fn select(&self, view: &View<'_>, limit: usize) -> Vec<ElementId> {
        view.select(&self.meaning.filter, self.after.as_deref(), limit)
    }

    /// The topic filter, if not all of those are meant.
    pub(crate) fn narrower<'f>(&self, filter: TopicFilter<'f>) -> Option<TopicFilter<'f>> {
        Some(filter).filter(|_| self.meaning.is_wider)
    }
}

impl Errands {
    /// Begins anew where the same subscription was made again.
    pub(crate) fn add_current(&mut self, current: Current) {
        let key = (current.client_id.clone(), current.filter.clone());
        if !self.keys.insert(key) {
            self.currents.retain(|known| (&known.client_id, &known.filter) != (&current.client_id, &current.filter));
        }
        self.currents.push_back(current);
    }

    /// How many subscriptions wait for what is current.
    pub(crate) fn currents_len(&self) -> usize {
        self.currents.len()
    }

    /// The same, with the one that is being brought something.
    pub(crate) fn due(&self) -> usize {
        self.keys.len()
    }

    /// Looks at the next few, at most `limit`: the first that there is room for, and how much. Those that wait on come to the
    /// end of the line, those that nobody waits for are gone.
    pub(crate) fn next_current(&mut self, limit: usize, room: impl Fn(&Current) -> Room) -> Option<(Current, usize)> {
        for _ in 0..limit.min(self.currents.len()) {
            let current = self.currents.pop_front()?;
            match room(&current) {
                Room::For(messages) => return Some((current, messages)),
                Room::Later => self.currents.push_back(current),
                Room::Gone => self.forget(&current),
            }
        }
        None
    }

    /// There is more to bring, later.
    pub(crate) fn put_back(&mut self, current: Current) {
        // Unless the same subscription was made again meanwhile.
        if self.keys.contains(&(current.client_id.clone(), current.filter.clone())) {
            self.currents.push_back(current);
        }
    }

    /// All was brought, or there is nobody to bring it to.
    pub(crate) fn forget(&mut self, current: &Current) {
        self.keys.remove(&(current.client_id.clone(), current.filter.clone()));
    }

    /// Sweeps of one block that have not begun are one.
    pub(crate) fn add_bulk(&mut self, Bulk { block, since, until }: Bulk) {
        let waiting = self.sweeps.iter_mut().skip(1).find(|sweep| Arc::ptr_eq(&sweep.block, &block));
        match waiting {
            Some(sweep) => sweep.until = sweep.until.max(until),
            None => self.sweeps.push_back(Sweep { block, since, until, slot: 0 }),
        }
    }

    /// The sweep at hand.
    pub(crate) fn sweep(&self) -> Option<&Sweep> {
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

    use super::super::topics::FaceRoot;
    use super::*;

    fn current(client: &str, filter: &str) -> Current {
        let meaning = FaceRoot::default().meaning(filter).unwrap();
        Current { client_id: client.into(), filter: filter.into(), meaning, after: None, retain: true }
    }

    #[test]
    fn who_has_room_is_served_and_the_others_wait_in_line() {
        let mut errands = Errands::default();
        for client in ["slow", "gone", "ready"] {
            errands.add_current(current(client, "Acme/#"));
        }
        let room = |current: &Current| match current.client_id.as_str() {
            "slow" => Room::Later,
            "gone" => Room::Gone,
            _ => Room::For(9),
        };
        assert!(errands.next_current(1, room).is_none(), "only the first is looked at");
        let (ready, room_for) = errands.next_current(9, room).unwrap();
        assert_eq!((ready.client_id.as_str(), room_for, errands.currents_len()), ("ready", 9, 1));
        errands.put_back(ready);
        assert!(errands.next_current(1, room).is_none(), "slow");
        let (ready, _) = errands.next_current(1, room).unwrap();
        errands.forget(&ready);
        errands.put_back(ready);
        assert_eq!(errands.currents_len(), 1, "slow waits on");
    }

    #[test]
    fn a_subscription_that_is_made_again_begins_anew() {
        let mut errands = Errands::default();
        errands.add_current(Current { after: Some("Acme/t".into()), ..current("a", "Acme/#") });
        errands.add_current(current("a", "Acme/#"));
        errands.add_current(current("a", "Acme/+"));
        let (again, _) = errands.next_current(9, |_| Room::For(1)).unwrap();
        assert_eq!((again.after, errands.currents_len()), (None, 1));
    }

    #[test]
    fn what_comes_while_a_block_is_swept_is_swept_after_it() {
        let namespace = Namespace::new(Limits::default());
        let (one, two) = (namespace.add_block().unwrap(), namespace.add_block().unwrap());
        let mut errands = Errands::default();
        let bulk = |block: &Arc<Block>, since, until| Bulk {
            block: Arc::clone(block),
            since: Revision(since),
            until: Revision(until),
        };
        for bulk in [bulk(&one, 0, 1), bulk(&two, 1, 2), bulk(&one, 2, 3), bulk(&one, 3, 4), bulk(&two, 4, 5)] {
            errands.add_bulk(bulk);
        }
        errands.swept(Some(64));
        let mut told = Vec::new();
        while let Some(Sweep { block, since, until, slot }) = errands.sweep().cloned() {
            told.push((block.number(), since.0, until.0, slot));
            errands.swept(None);
        }
        assert_eq!(told, [(0, 0, 1, 64), (1, 1, 5, 0), (0, 2, 4, 0)]);
    }
}
