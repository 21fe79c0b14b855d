//! A witness: every sample that is written to the tree, for somebody who must not miss any.
//!
//! Who reads the tree later finds what is current; what was there for a moment between two looks is only seen by whoever looks
//! after each message. While somebody watches, the witness does, and copies what the message has changed. A message that
//! changes a great deal is noted as a range of revisions instead, to be read from the tree a little at a time. Cells that are
//! said to be unwanted are passed over by a bit.
//! Refuses to know who watches, and what for. While nobody does, a message costs one comparison.
//! Invariant: everything that was written while somebody watched, but for what is unwanted, is in [`Seen`] or in a [`Bulk`].

use std::collections::HashMap;
use std::sync::Arc;

use factree_namespace::{Block, Revision, Sample};

/// So many cells of one message are copied; more are a [`Bulk`].
const COPIED_MAX: usize = 1_000;
/// So many samples wait to be taken; what comes then is a [`Bulk`] too. About 1 MB.
const SEEN_MAX: usize = 8_192;

/// A sample as a message wrote it.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Whose cells.
    pub block: Arc<Block>,
    /// Which of them.
    pub slot: u32,
    /// What it held then.
    pub sample: Sample,
}

/// More than is copied: the cells of a block that were changed after one revision and up to another.
#[derive(Clone, Debug)]
pub struct Bulk {
    /// Whose cells.
    pub block: Arc<Block>,
    /// Changed after this,
    pub since: Revision,
    /// and not after this.
    pub until: Revision,
}

/// What was seen since it was last taken, in the order in which it was written; the bulks after everything else.
#[derive(Debug, Default)]
pub struct Sights {
    /// Samples.
    pub seen: Vec<Seen>,
    /// What is to be read from the tree.
    pub bulks: Vec<Bulk>,
}

/// Looks at what is written, while somebody watches.
#[derive(Debug, Default)]
pub(crate) struct Witness {
    is_watching: bool,
    /// By block: a bit for each slot that nobody wants.
    unwanted: HashMap<u32, Vec<u64>>,
    sights: Sights,
}

impl Sights {
    /// Whether nothing was seen.
    pub fn is_empty(&self) -> bool {
        self.seen.is_empty() && self.bulks.is_empty()
    }

    fn append(&mut self, mut other: Sights) {
        self.seen.append(&mut other.seen);
        self.bulks.append(&mut other.bulks);
    }
}

impl Witness {
    /// Somebody watches from now on, or nobody does. What was unwanted may be wanted again.
    pub(crate) fn watch(&mut self, is_watching: bool) {
        self.is_watching = is_watching;
        self.unwanted = HashMap::new();
    }

    /// Passes a cell over until [`Witness::watch`] is called again.
    pub(crate) fn ignore(&mut self, block: &Block, slot: u32) {
        let bits = self.unwanted.entry(block.number()).or_default();
        let word = slot as usize / 64;
        if word >= bits.len() {
            bits.resize(word + 1, 0);
        }
        bits[word] |= 1 << (slot % 64);
    }

    pub(crate) fn is_ignored(&self, block: &Block, slot: u32) -> bool {
        is_set(self.unwanted.get(&block.number()), slot)
    }

    /// A message has been written, and got this revision.
    #[inline]
    pub(crate) fn saw(&mut self, block: &Arc<Block>, revision: Revision) {
        if self.is_watching {
            self.look(block, Revision(revision.0.saturating_sub(1)), revision, None);
        }
    }

    /// The same where it is known which slots may have changed, each named once, because the block has many.
    #[inline]
    pub(crate) fn saw_among(&mut self, block: &Arc<Block>, revision: Revision, slots: impl Iterator<Item = u32>) {
        if self.is_watching {
            self.look(block, Revision(revision.0.saturating_sub(1)), revision, Some(slots.collect()));
        }
    }

    /// Looks at what was written to a block after one revision and up to another, the newest.
    #[cold]
    pub(crate) fn look(&mut self, block: &Arc<Block>, since: Revision, until: Revision, among: Option<Vec<u32>>) {
        let Self { unwanted, sights: Sights { seen, bulks }, .. } = self;
        let unwanted = unwanted.get(&block.number());
        let is_wanted = |slot: &u32| !is_set(unwanted, *slot);
        let held = block.hold();
        let changed: Vec<u32> = match among {
            Some(slots) => slots.into_iter().filter(|slot| is_wanted(slot) && held.has_changed(*slot, since)).collect(),
            None => held.changed_slots(0, since).filter(is_wanted).take(COPIED_MAX + 1).collect(),
        };
        if changed.len() > COPIED_MAX || seen.len() + changed.len() > SEEN_MAX {
            match bulks.last_mut() {
                Some(last) if Arc::ptr_eq(&last.block, block) => last.until = until,
                Some(_) | None => bulks.push(Bulk { block: Arc::clone(block), since, until }),
            }
            return;
        }
        seen.extend(changed.into_iter().map(|slot| Seen {
            block: Arc::clone(block),
            slot,
            sample: held.sample(slot).expect("a cell that has changed holds a sample"),
        }));
    }

    /// Moves what was seen into `into`.
    pub(crate) fn take(&mut self, into: &mut Sights) {
        into.append(std::mem::take(&mut self.sights));
    }
}

fn is_set(bits: Option<&Vec<u64>>, slot: u32) -> bool {
    bits.and_then(|bits| bits.get(slot as usize / 64)).is_some_and(|word| word >> (slot % 64) & 1 == 1)
}

#[cfg(test)]
mod tests {
    use factree_namespace::{
        DataType, Kind, Limits, Metadata, Namespace, PathSpec, Place, Quality, Segment, Source, Timestamp, Value,
        ValueRef,
    };

    use super::*;

    /// The revisions of a bulk: since, until.
    type Span = (Revision, Revision);

    struct Story {
        namespace: Namespace,
        block: Arc<Block>,
        witness: Witness,
    }

    impl Story {
        fn with_cells(cells: u32) -> Self {
            let namespace = Namespace::new(Limits::default());
            let block = namespace.add_block().unwrap();
            let root = namespace.ensure(&[Segment::named("Acme")], Kind::Equipment).unwrap();
            let source = Source::Sparkplug { group: "Acme".into(), edge_node: "Line1".into(), device: None };
            let origin = namespace.origin(&block, source, root).unwrap();
            for slot in 0..cells {
                let name = slot.to_string();
                let (kind, metadata) = (Kind::Metric, &Metadata::default());
                let path = PathSpec::Below(&name);
                let place = Place { slot, origin, path, kind, datatype: DataType::Int32, metadata };
                namespace.place(&block, &place).unwrap();
            }
            Story { namespace, block, witness: Witness::default() }
        }

        /// One message that sets these slots.
        fn message(&mut self, slots: impl Iterator<Item = u32>, value: i64) -> Revision {
            let mut writer = self.namespace.write(&self.block, Timestamp(1));
            for slot in slots {
                writer.set(slot, ValueRef::Int(value), DataType::Int32, Quality::Good, Timestamp(1)).unwrap();
            }
            let revision = writer.finish();
            self.witness.saw(&self.block, revision);
            revision
        }

        fn sights(&mut self) -> (Vec<(u32, Value)>, Vec<Span>) {
            let mut sights = Sights::default();
            self.witness.take(&mut sights);
            let seen = sights.seen.into_iter().map(|seen| (seen.slot, seen.sample.value)).collect();
            (seen, sights.bulks.into_iter().map(|bulk| (bulk.since, bulk.until)).collect())
        }
    }

    #[test]
    fn every_message_is_seen_while_somebody_watches_and_none_before() {
        let mut story = Story::with_cells(3);
        story.message(0..3, 1);
        assert_eq!(story.sights(), (vec![], vec![]));
        story.witness.watch(true);
        story.message(0..2, 2);
        story.message(1..3, 3);
        let int = |slot, value| (slot, Value::Int(value));
        assert_eq!(story.sights().0, [int(0, 2), int(1, 2), int(1, 3), int(2, 3)]);
        story.witness.ignore(&story.block, 1);
        story.message(0..3, 4);
        assert_eq!(story.sights().0, [int(0, 4), int(2, 4)]);
        story.witness.watch(true);
        story.message(0..2, 5);
        assert_eq!(story.sights().0, [int(0, 5), int(1, 5)], "wanted again");
        story.witness.watch(false);
        story.message(0..3, 6);
        assert_eq!(story.sights(), (vec![], vec![]));
    }

    #[test]
    fn a_great_deal_is_a_range_to_be_read_from_the_tree() {
        let cells = COPIED_MAX as u32 + 1;
        let mut story = Story::with_cells(cells);
        story.witness.watch(true);
        let first = story.message(0..cells, 1);
        let second = story.message(0..cells, 2);
        assert_eq!(story.sights(), (vec![], vec![(Revision(first.0 - 1), second)]), "of one block, taken together");
        for value in 0..SEEN_MAX as i64 {
            story.message(7..8, value);
        }
        let last = story.message(7..8, -1);
        let (seen, bulks) = story.sights();
        assert_eq!((seen.len(), bulks), (SEEN_MAX, vec![(Revision(last.0 - 1), last)]), "what waits is bounded");
    }
}
