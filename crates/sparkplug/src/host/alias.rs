//! Metric aliases: the numbers DATA messages use in place of names.
//!
//! Each Edge Node and each device has its own table, built whole at its birth. The specification wants aliases unique
//! over the Edge Node and all its devices; clients that number each device from 1 break that and are still understood,
//! because the topic says whose alias it is. Most clients count their metrics in the order of the birth, and so do we:
//! then the distance between the two numbers is the table, and what is left is a byte for each metric that says what it
//! was declared to be. Other numbers that lie close together are found in an array, the rest (some clients use hashes) in a
//! map. DATA of a million metrics look into the table for each of theirs, so the smaller it is, the more of it is near.
//!
//! An alias that one birth gives to two metrics means neither of them: no value may land on the wrong metric (SP15).

use super::{MetricIndex, Update};
use crate::{DataType, RawMetric};
use hashbrown::HashMap;

/// The metric aliases of one birth.
#[derive(Debug, Default)]
pub(super) struct MetricAliases {
    /// The lowest alias, found at the beginning of `near`.
    base: u64,
    near: Near,
    far: HashMap<u64, Slot>,
}

/// The aliases that lie close together, by their distance from the lowest.
#[derive(Debug)]
enum Near {
    /// All metrics in the order of their aliases: the number of the first one, and what each was declared to be.
    Run(MetricIndex, Box<[Option<DataType>]>),
    /// In any order.
    Mixed(Box<[Slot]>),
}

impl Default for Near {
    fn default() -> Near {
        Near::Run(MetricIndex(0), Box::default())
    }
}

/// What an alias stands for: a metric's number, and in the six bits above it what its birth declared it to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Slot(u32);

/// The bits of a metric's number. [`crate::Limits::check`] sees to it that they suffice.
pub(crate) const NUMBER_BITS: u32 = 26;
const NUMBER: u32 = (1 << NUMBER_BITS) - 1;

impl Slot {
    // Both have a datatype that there is not.
    const NONE: Slot = Slot(u32::MAX);
    const AMBIGUOUS: Slot = Slot(u32::MAX - 1);

    fn new(metric: MetricIndex, datatype: DataType) -> Slot {
        debug_assert!(metric.0 <= NUMBER, "the limits allow no such number");
        Slot((datatype as u32) << NUMBER_BITS | metric.0)
    }

    /// None if the alias stands for no metric, or for two.
    #[inline]
    fn metric(self) -> Option<(MetricIndex, DataType)> {
        DataType::from_wire(self.0 >> NUMBER_BITS).map(|datatype| (MetricIndex(self.0 & NUMBER), datatype))
    }
}

const _: () = assert!(DataType::ALL.len() < 63, "six bits, and the highest number is left for the others");
const _: () = assert!(size_of::<Option<DataType>>() == 1);

/// What a metric alias stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Resolved {
    Metric(MetricIndex),
    Ambiguous,
    Unknown,
}

impl MetricAliases {
    /// The table of these aliases, metrics and what those are declared to be. `on_duplicate` hears of each metric whose alias
    /// is taken.
    pub(super) fn build(
        entries: impl Iterator<Item = (u64, MetricIndex, DataType)> + Clone,
        mut on_duplicate: impl FnMut(MetricIndex),
    ) -> MetricAliases {
        let Some((base, first, _)) = entries.clone().min_by_key(|&(alias, ..)| alias) else {
            return MetricAliases::default();
        };
        // Up to four numbers per metric are worth an array: 16 bytes against a map's 20 or so.
        let window = 4 * entries.clone().count() as u64 + 64;
        let distances = entries.clone().map(|(alias, ..)| alias - base).filter(|&distance| distance < window);
        let len = distances.max().unwrap_or(0) as usize + 1;
        let run = run(base, first, len, entries.clone());
        if let Some(run) = run {
            return MetricAliases { base, near: Near::Run(first, run), far: HashMap::new() };
        }
        let (mut near, mut far) = (vec![Slot::NONE; len].into_boxed_slice(), HashMap::new());
        for (alias, metric, datatype) in entries {
            let distance = usize::try_from(alias - base).unwrap_or(usize::MAX);
            let slot = match near.get_mut(distance) {
                Some(slot) => slot,
                None => far.entry(alias).or_insert(Slot::NONE),
            };
            if *slot == Slot::NONE {
                *slot = Slot::new(metric, datatype);
            } else {
                *slot = Slot::AMBIGUOUS;
                on_duplicate(metric);
            }
        }
        MetricAliases { base, near: Near::Mixed(near), far }
    }

    /// Which metrics plain data mean, as far as it can be told without looking into the table.
    #[inline]
    pub(super) fn guess<'d>(&'d self, data: &'d [RawMetric]) -> impl Iterator<Item = MetricIndex> + use<'d> {
        let run = match &self.near {
            Near::Run(first, run) => Some((*first, run.len())),
            Near::Mixed(_) => None,
        };
        data.iter().filter_map(move |raw| {
            let alias = raw.alias_of_datum()?;
            let Some((first, len)) = run else { return self.find(alias).map(|(metric, _)| metric) };
            let distance = usize::try_from(alias.wrapping_sub(self.base)).ok()?;
            (distance < len).then_some(MetricIndex(first.0.wrapping_add(distance as u32)))
        })
    }

    pub(super) fn get(&self, alias: u64) -> Resolved {
        match self.find(alias) {
            Some((metric, _)) => Resolved::Metric(metric),
            None if self.is_ambiguous(alias) => Resolved::Ambiguous,
            None => Resolved::Unknown,
        }
    }

    /// The metric, if the alias stands for one, and what its birth declared it to be.
    #[inline]
    pub(super) fn find(&self, alias: u64) -> Option<(MetricIndex, DataType)> {
        let distance = usize::try_from(alias.wrapping_sub(self.base)).unwrap_or(usize::MAX);
        match &self.near {
            Near::Run(first, run) => {
                let datatype = (*run.get(distance)?)?;
                Some((MetricIndex(first.0 + distance as u32), datatype))
            }
            Near::Mixed(near) => match near.get(distance) {
                Some(slot) => slot.metric(),
                None => self.find_far(alias),
            },
        }
    }

    /// Lists the metrics that `data` begin with, the first one at `position` of its message, as updates, as long as they go by
    /// metric alias and are plain data; how many there were. Half the work of a message: loops of their own, so that what
    /// they need stays in registers.
    #[inline(never)]
    pub(super) fn resolve(&self, data: &[RawMetric], position: usize, updates: &mut Vec<Update>) -> usize {
        let positions = position as u32..;
        let before = updates.len();
        match &self.near {
            Near::Run(first, run) => updates.extend(positions.zip(data).map_while(|(position, raw)| {
                let distance = usize::try_from(raw.alias_of_datum()?.wrapping_sub(self.base)).ok()?;
                let datatype = (*run.get(distance)?).filter(|&datatype| datatype != DataType::Unknown)?;
                Some(Update {
                    metric: MetricIndex(first.0 + distance as u32),
                    position,
                    datatype,
                    is_historical: false,
                })
            })),
            Near::Mixed(_) => updates.extend(positions.zip(data).map_while(|(position, raw)| {
                let (metric, datatype) = self.find(raw.alias_of_datum()?)?;
                (datatype != DataType::Unknown).then_some(Update { metric, position, datatype, is_historical: false })
            })),
        }
        updates.len() - before
    }

    #[inline(never)]
    fn find_far(&self, alias: u64) -> Option<(MetricIndex, DataType)> {
        self.far.get(&alias)?.metric()
    }

    #[cold]
    fn is_ambiguous(&self, alias: u64) -> bool {
        let Near::Mixed(near) = &self.near else { return false };
        let distance = usize::try_from(alias.wrapping_sub(self.base)).unwrap_or(usize::MAX);
        near.get(distance).or_else(|| self.far.get(&alias)) == Some(&Slot::AMBIGUOUS)
    }

    /// The alias that stands for `metric`. Goes through a mixed table, four bytes an entry: a microsecond for thousands,
    /// which is less than eight bytes for each metric kept for those who ask.
    pub(super) fn of(&self, metric: MetricIndex) -> Option<u64> {
        match &self.near {
            Near::Run(first, run) => {
                let distance = metric.0.checked_sub(first.0)?;
                run.get(distance as usize).copied().flatten().map(|_| self.base + u64::from(distance))
            }
            Near::Mixed(_) => self.iter().find(|&(_, found)| found == metric).map(|(alias, _)| alias),
        }
    }

    /// Every alias that stands for a metric, in no particular order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u64, MetricIndex)> {
        let (first, run, mixed) = match &self.near {
            Near::Run(first, run) => (*first, &**run, [].as_slice()),
            Near::Mixed(mixed) => (MetricIndex(0), [].as_slice(), &**mixed),
        };
        let run = run.iter().enumerate().filter(|(_, datatype)| datatype.is_some());
        let run = run.map(move |(at, _)| (self.base + at as u64, MetricIndex(first.0 + at as u32)));
        let mixed = mixed.iter().enumerate().map(|(at, slot)| (self.base + at as u64, slot));
        let mixed = mixed.chain(self.far.iter().map(|(&alias, slot)| (alias, slot)));
        run.chain(mixed.filter_map(|(alias, slot)| slot.metric().map(|(metric, _)| (alias, metric))))
    }

    fn near_len(&self) -> usize {
        match &self.near {
            Near::Run(_, run) => run.len(),
            Near::Mixed(near) => near.len(),
        }
    }

    /// Whether both tables hold a same alias. Looks at no more than `looks` aliases: hashed aliases of many devices
    /// would otherwise cost a birth the square of its Edge Node's metrics.
    pub(super) fn meets(&self, other: &MetricAliases, looks: usize) -> bool {
        let (few, many) = if self.near_len() <= other.near_len() { (self, other) } else { (other, self) };
        few.iter().take(looks).any(|(alias, _)| many.get(alias) != Resolved::Unknown)
    }
}

/// What was declared of each alias from `base` on, if the metrics are numbered in the order of their aliases.
fn run(
    base: u64,
    first: MetricIndex,
    len: usize,
    mut entries: impl Iterator<Item = (u64, MetricIndex, DataType)>,
) -> Option<Box<[Option<DataType>]>> {
    let mut run = vec![None; len];
    let is_run = entries.all(|(alias, metric, datatype)| {
        let is_next = u64::from(metric.0) == u64::from(first.0).wrapping_add(alias - base);
        let slot = usize::try_from(alias - base).ok().and_then(|distance| run.get_mut(distance));
        // A metric that a birth names twice is listed once.
        is_next && slot.is_some_and(|slot| slot.replace(datatype).is_none())
    });
    is_run.then(|| run.into_boxed_slice())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(aliases: &[u64]) -> (MetricAliases, Vec<u32>) {
        let mut duplicates = Vec::new();
        let entry = |(index, &alias)| (alias, MetricIndex(index as u32), DataType::Double);
        let entries = aliases.iter().enumerate().map(entry);
        (MetricAliases::build(entries, |metric| duplicates.push(metric.0)), duplicates)
    }

    #[test]
    fn metrics_in_the_order_of_their_aliases_take_a_byte_each() {
        let entry = |number: u32| (u64::from(number) + 1_000, MetricIndex(number + 7), DataType::ALL[number as usize]);
        let table = MetricAliases::build([2, 0, 1, 5].map(entry).into_iter(), |_| unreachable!("no alias comes twice"));
        assert!(matches!(table.near, Near::Run(MetricIndex(7), _)));
        for number in [0, 1, 2, 5] {
            let (alias, metric, datatype) = entry(number);
            assert_eq!((table.find(alias), table.of(metric)), (Some((metric, datatype)), Some(alias)));
        }
        for (unknown, metric) in [(999, 6), (1_003, 10), (1_006, 13), (u64::MAX, u32::MAX)] {
            assert_eq!((table.get(unknown), table.of(MetricIndex(metric))), (Resolved::Unknown, None));
        }
        let listed: Vec<u64> = table.iter().map(|(alias, _)| alias).collect();
        assert_eq!(listed, [1_000, 1_001, 1_002, 1_005]);
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
    fn the_highest_number_and_datatype_are_kept_apart() {
        let entry = (3, MetricIndex(NUMBER), *DataType::ALL.last().expect("there are some"));
        let other = (4, MetricIndex(0), DataType::Int8);
        let table = MetricAliases::build([entry, other].into_iter(), |_| {});
        assert!(matches!(table.near, Near::Mixed(_)));
        assert_eq!(table.find(3), Some((entry.1, entry.2)));
    }

    #[test]
    fn one_far_alias_does_not_cost_an_array_of_its_size() {
        let (table, _) = table(&[0, 1 << 20]);
        assert!(table.near_len() <= 64 + 8);
        assert_eq!(table.get(1 << 20), Resolved::Metric(MetricIndex(1)));
    }
}
