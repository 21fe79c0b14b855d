//! Lanes: entries of one owner in the order in which they were last seen.
//!
//! An entry is a number, and a lane strings numbers together through [`Links`], which hold two neighbours for each. So who
//! was not seen for longest is known without looking at the others, and seeing an entry again allocates nothing.
//! Knows nothing of what the numbers stand for.
//! Invariant: a number stands in at most one lane of the same links.

/// No entry.
const NONE: u32 = u32::MAX;

/// The entries of one owner.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lane {
    oldest: u32,
    newest: u32,
    len: u32,
}

/// Who stands beside whom.
#[derive(Debug, Default)]
pub(super) struct Links(Vec<Link>);

#[derive(Clone, Copy, Debug)]
struct Link {
    older: u32,
    newer: u32,
}

impl Default for Lane {
    fn default() -> Lane {
        Lane { oldest: NONE, newest: NONE, len: 0 }
    }
}

impl Lane {
    pub(super) fn len(&self) -> usize {
        self.len as usize
    }

    /// The entry that was not seen for longest.
    pub(super) fn oldest(&self) -> Option<u32> {
        (self.oldest != NONE).then_some(self.oldest)
    }
}

impl Links {
    /// `entry`, which is in no lane, has been seen.
    pub(super) fn push(&mut self, lane: &mut Lane, entry: u32) {
        let alone = Link { older: NONE, newer: NONE };
        self.0.resize(self.0.len().max(entry as usize + 1), alone);
        self.0[entry as usize] = Link { older: lane.newest, newer: NONE };
        match lane.newest {
            NONE => lane.oldest = entry,
            before => self.0[before as usize].newer = entry,
        }
        lane.newest = entry;
        lane.len += 1;
    }

    /// `entry` of this lane leaves it.
    pub(super) fn remove(&mut self, lane: &mut Lane, entry: u32) {
        let Link { older, newer } = self.0[entry as usize];
        match older {
            NONE => lane.oldest = newer,
            older => self.0[older as usize].newer = newer,
        }
        match newer {
            NONE => lane.newest = older,
            newer => self.0[newer as usize].older = older,
        }
        lane.len -= 1;
    }

    /// `entry` of this lane has been seen again.
    pub(super) fn refresh(&mut self, lane: &mut Lane, entry: u32) {
        if lane.newest != entry {
            self.remove(lane, entry);
            self.push(lane, entry);
        }
    }

    /// The entries of a lane, those not seen for longest first.
    pub(super) fn of(&self, lane: &Lane) -> impl Iterator<Item = u32> {
        let newer = |entry: &u32| Some(self.0[*entry as usize].newer).filter(|&entry| entry != NONE);
        std::iter::successors(lane.oldest(), newer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Beside the obvious: two vectors.
        #[test]
        fn a_lane_is_a_vector_in_which_the_seen_moves_to_the_end(
            steps in proptest::collection::vec((0..3_u8, 0..2_usize, 0..9_u32), 0..60),
        ) {
            let (mut links, mut lanes, mut model) = (Links::default(), [Lane::default(); 2], [vec![], vec![]]);
            for (step, which, entry) in steps {
                let stands = model.iter().position(|lane| lane.contains(&entry));
                match (step, stands) {
                    (0, None) => {
                        links.push(&mut lanes[which], entry);
                        model[which].push(entry);
                    }
                    (1, Some(which)) => {
                        links.remove(&mut lanes[which], entry);
                        model[which].retain(|&other| other != entry);
                    }
                    (2, Some(which)) => {
                        links.refresh(&mut lanes[which], entry);
                        model[which].retain(|&other| other != entry);
                        model[which].push(entry);
                    }
                    _ => {}
                }
                for (lane, model) in lanes.iter().zip(&model) {
                    prop_assert_eq!(&links.of(lane).collect::<Vec<_>>(), model);
                    prop_assert_eq!((lane.len(), lane.oldest()), (model.len(), model.first().copied()));
                }
            }
        }
    }
}
