//! Metric aliases: the numbers DATA messages use in place of names.
//!
//! Each Edge Node and each device has its own table, built whole at its birth. The specification wants aliases unique
//! over the Edge Node and all its devices; clients that number each device from 1 break that and are still understood,
//! because the topic says whose alias it is. Most numbers lie close together and are found in an array; the others
//! (some clients use hashes) in a map.
//!
//! An alias that one birth gives to two metrics means neither of them: no value may land on the wrong metric (SP15).

use super::MetricIndex;
use hashbrown::HashMap;

const NONE: u32 = u32::MAX;
const AMBIGUOUS: u32 = u32::MAX - 1;

/// The metric aliases of one birth.
#[derive(Debug, Default)]
pub(super) struct MetricAliases {
    /// The lowest alias, found at `dense[0]`.
    base: u64,
    dense: Box<[u32]>,
    sparse: HashMap<u64, u32>,
}

/// What a metric alias stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Resolved {
    Metric(MetricIndex),
    Ambiguous,
    Unknown,
}

impl Resolved {
    pub(super) fn metric(self) -> Option<MetricIndex> {
        match self {
            Resolved::Metric(metric) => Some(metric),
            Resolved::Ambiguous | Resolved::Unknown => None,
        }
    }
}

impl MetricAliases {
    /// The table of these aliases. `on_duplicate` hears of each metric whose alias is taken.
    pub(super) fn build(
        pairs: impl Iterator<Item = (u64, MetricIndex)> + Clone,
        mut on_duplicate: impl FnMut(MetricIndex),
    ) -> MetricAliases {
        let Some(base) = pairs.clone().map(|(alias, _)| alias).min() else { return MetricAliases::default() };
        // Up to four numbers per metric are worth an array: 16 bytes against a map's 20 or so.
        let window = 4 * pairs.clone().count() as u64 + 64;
        let last = pairs.clone().map(|(alias, _)| alias - base).filter(|&offset| offset < window).max().unwrap_or(0);
        let mut aliases =
            MetricAliases { base, dense: vec![NONE; last as usize + 1].into_boxed_slice(), sparse: HashMap::new() };
        for (alias, metric) in pairs {
            let offset = usize::try_from(alias - base).unwrap_or(usize::MAX);
            let slot = match aliases.dense.get_mut(offset) {
                Some(slot) => slot,
                None => aliases.sparse.entry(alias).or_insert(NONE),
            };
            if *slot == NONE {
                *slot = metric.0;
            } else {
                *slot = AMBIGUOUS;
                on_duplicate(metric);
            }
        }
        aliases
    }

    pub(super) fn get(&self, alias: u64) -> Resolved {
        match self.slot(alias) {
            NONE => Resolved::Unknown,
            AMBIGUOUS => Resolved::Ambiguous,
            metric => Resolved::Metric(MetricIndex(metric)),
        }
    }

    /// The metric, if the alias stands for one.
    #[inline]
    pub(super) fn find(&self, alias: u64) -> Option<MetricIndex> {
        let slot = self.slot(alias);
        (slot < AMBIGUOUS).then_some(MetricIndex(slot))
    }

    #[inline]
    fn slot(&self, alias: u64) -> u32 {
        let offset = usize::try_from(alias.wrapping_sub(self.base)).unwrap_or(usize::MAX);
        match self.dense.get(offset) {
            Some(&slot) => slot,
            None => self.far_slot(alias),
        }
    }

    #[inline(never)]
    fn far_slot(&self, alias: u64) -> u32 {
        self.sparse.get(&alias).copied().unwrap_or(NONE)
    }

    /// The alias that stands for `metric`. Goes through the table, four bytes an entry: a microsecond for thousands, which
    /// is less than eight bytes for each metric kept for those who ask.
    pub(super) fn of(&self, metric: MetricIndex) -> Option<u64> {
        let near = self.dense.iter().position(|&slot| slot == metric.0).map(|offset| self.base + offset as u64);
        near.or_else(|| self.sparse.iter().find(|&(_, &slot)| slot == metric.0).map(|(&alias, _)| alias))
    }

    /// Every alias that stands for a metric, in no particular order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u64, MetricIndex)> {
        let dense = self.dense.iter().enumerate().map(|(offset, &metric)| (self.base + offset as u64, metric));
        let sparse = self.sparse.iter().map(|(&alias, &metric)| (alias, metric));
        dense
            .chain(sparse)
            .filter(|&(_, metric)| metric < AMBIGUOUS)
            .map(|(alias, metric)| (alias, MetricIndex(metric)))
    }

    /// Whether both tables hold a same alias. Looks at no more than `looks` aliases: hashed aliases of many devices
    /// would otherwise cost a birth the square of its Edge Node's metrics.
    pub(super) fn meets(&self, other: &MetricAliases, looks: usize) -> bool {
        let (few, many) = if self.dense.len() <= other.dense.len() { (self, other) } else { (other, self) };
        few.iter().take(looks).any(|(alias, _)| many.get(alias) != Resolved::Unknown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(aliases: &[u64]) -> (MetricAliases, Vec<u32>) {
        let mut duplicates = Vec::new();
        let pairs = aliases.iter().enumerate().map(|(index, &alias)| (alias, MetricIndex(index as u32)));
        (MetricAliases::build(pairs, |metric| duplicates.push(metric.0)), duplicates)
    }

    #[test]
    fn near_numbers_far_numbers_and_the_largest_are_found() {
        let aliases = [1000, 1001, 1003, 4_118_749_568, u64::MAX, 0];
        let (table, duplicates) = table(&aliases);
        assert!(duplicates.is_empty());
        for (index, &alias) in aliases.iter().enumerate() {
            assert_eq!(table.get(alias), Resolved::Metric(MetricIndex(index as u32)));
            assert_eq!(table.of(MetricIndex(index as u32)), Some(alias));
        }
        assert_eq!(table.of(MetricIndex(6)), None);
        for unknown in [1, 999, 1002, 1004, 1 << 63] {
            assert_eq!(table.get(unknown), Resolved::Unknown);
        }
        let mut listed: Vec<u64> = table.iter().map(|(alias, _)| alias).collect();
        listed.sort_unstable();
        assert_eq!(listed, [0, 1000, 1001, 1003, 4_118_749_568, u64::MAX]);
    }

    #[test]
    fn sp15_an_alias_given_twice_means_neither_metric() {
        let (table, duplicates) = table(&[7, 8, 7, 7, 1 << 40, 1 << 40]);
        assert_eq!(duplicates, [2, 3, 5]);
        assert_eq!(table.get(7), Resolved::Ambiguous);
        assert_eq!(table.get(1 << 40), Resolved::Ambiguous);
        assert_eq!(table.get(8), Resolved::Metric(MetricIndex(1)));
    }

    #[test]
    fn one_far_alias_does_not_cost_an_array_of_its_size() {
        let (table, _) = table(&[0, 1 << 20]);
        assert!(table.dense.len() <= 64 + 8);
        assert_eq!(table.get(1 << 20), Resolved::Metric(MetricIndex(1)));
    }
}
