//! The metrics of one Edge Node and all its devices: who each number is.
//!
//! A metric is 8 bytes and a place in a hash table. It keeps its number for the life of the host, over rebirths and
//! over births it is missing from, until the Edge Node is full and the number of a vanished metric is needed for a new
//! one (SP22).
//! Invariant: `by_name` finds each record by its owner and name, and by nothing else.

use super::{
    DeviceIndex, MetricIndex,
    names::{NameIndex, Names},
};
use crate::DataType;
use hashbrown::HashTable;

/// Whose metric: the Edge Node's own, or a device's. 22 bits: [`crate::Limits::check`] sees to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Owner(u32);

impl Owner {
    pub(super) fn new(device: Option<DeviceIndex>) -> Owner {
        Owner(device.map_or(0, |device| device.0 + 1))
    }

    pub(super) fn device(self) -> Option<DeviceIndex> {
        self.0.checked_sub(1).map(DeviceIndex)
    }
}

#[derive(Debug, Default)]
pub(super) struct Metrics {
    records: Vec<Record>,
    by_name: HashTable<u32>,
    /// How many records are in their owner's latest birth.
    alive: u32,
    /// Where the search for a vanished metric goes on: round and round, so that each birth walks the records once at
    /// most.
    hand: usize,
}

#[derive(Debug)]
struct Record {
    name: NameIndex,
    owner_low: u16,
    /// The rest of the owner in six bits, [`LONG`] and [`ALIVE`].
    owner_high: u8,
    /// A byte of its own: DATA reads it for each of its metrics.
    datatype: DataType,
}

const _: () = assert!(size_of::<Record>() == 8, "a million of them is the point");

const ALIVE: u8 = 0x80;
/// Its birth had the value in the field for long numbers.
const LONG: u8 = 0x40;

impl Record {
    fn new(name: NameIndex, owner: Owner) -> Record {
        let owner_high = (owner.0 >> 16) as u8 & !(ALIVE | LONG);
        Record { name, owner_low: owner.0 as u16, owner_high, datatype: DataType::Unknown }
    }

    fn owner(&self) -> Owner {
        Owner(u32::from(self.owner_high & !(ALIVE | LONG)) << 16 | u32::from(self.owner_low))
    }

    fn is_alive(&self) -> bool {
        self.owner_high & ALIVE != 0
    }

    fn set_alive(&mut self, is_alive: bool) {
        self.set(ALIVE, is_alive);
    }

    fn set(&mut self, flag: u8, is_set: bool) {
        self.owner_high = if is_set { self.owner_high | flag } else { self.owner_high & !flag };
    }
}

impl Metrics {
    pub(super) fn find(&self, names: &Names, owner: Owner, name: &str) -> Option<MetricIndex> {
        let is_it = |&index: &u32| {
            let record = &self.records[index as usize];
            record.owner() == owner && names.get(record.name) == name
        };
        self.by_name.find(names.hash_of(owner.0, name), is_it).map(|&index| MetricIndex(index))
    }

    /// A number for a metric not yet known; none when `metrics_max` of them are alive.
    pub(super) fn add(&mut self, names: &mut Names, owner: Owner, name: &str, metrics_max: u32) -> Option<MetricIndex> {
        let record = |names: &mut Names| Record::new(names.take(name), owner);
        let index = if self.records.len() < metrics_max as usize {
            self.records.push(record(names));
            self.records.len() - 1
        } else {
            let index = self.evict(names)?;
            self.records[index] = record(names);
            index
        };
        let (records, names) = (&self.records, &*names);
        let hash = |&index: &u32| {
            let record = &records[index as usize];
            names.hash_of(record.owner().0, names.get(record.name))
        };
        self.by_name.insert_unique(names.hash_of(owner.0, name), index as u32, hash);
        Some(MetricIndex(index as u32))
    }

    fn evict(&mut self, names: &mut Names) -> Option<usize> {
        if self.alive as usize >= self.records.len() {
            return None;
        }
        while self.records[self.hand].is_alive() {
            self.hand = (self.hand + 1) % self.records.len();
        }
        let evicted = self.hand;
        self.hand = (self.hand + 1) % self.records.len();
        let record = &self.records[evicted];
        let hash = names.hash_of(record.owner().0, names.get(record.name));
        let found = self.by_name.find_entry(hash, |&index| index as usize == evicted);
        found.expect("every record is found by its name").remove();
        names.give_back(record.name);
        Some(evicted)
    }

    /// All of it is forgotten, and so are the names that nobody else has.
    pub(super) fn give_back(self, names: &mut Names) {
        self.records.into_iter().for_each(|record| names.give_back(record.name));
    }

    /// It is in its owner's latest birth, or no longer.
    pub(super) fn set_alive(&mut self, metric: MetricIndex, is_alive: bool) {
        let record = &mut self.records[metric.0 as usize];
        match (record.is_alive(), is_alive) {
            (false, true) => self.alive += 1,
            (true, false) => self.alive -= 1,
            (false, false) | (true, true) => {}
        }
        record.set_alive(is_alive);
    }

    pub(super) fn is_alive(&self, metric: MetricIndex) -> bool {
        self.records[metric.0 as usize].is_alive()
    }

    #[inline]
    pub(super) fn datatype(&self, metric: MetricIndex) -> DataType {
        self.records[metric.0 as usize].datatype
    }

    pub(super) fn declare(&mut self, metric: MetricIndex, datatype: DataType) {
        self.records[metric.0 as usize].datatype = datatype;
    }

    /// Whether its birth had the value in the field for long numbers, where the specification has another for its datatype.
    pub(super) fn is_long(&self, metric: MetricIndex) -> bool {
        self.records[metric.0 as usize].owner_high & LONG != 0
    }

    pub(super) fn set_long(&mut self, metric: MetricIndex, is_long: bool) {
        self.records[metric.0 as usize].set(LONG, is_long);
    }

    pub(super) fn name<'a>(&self, names: &'a Names, metric: MetricIndex) -> Option<&'a str> {
        self.records.get(metric.0 as usize).map(|record| names.get(record.name))
    }

    pub(super) fn owner(&self, metric: MetricIndex) -> Owner {
        self.records[metric.0 as usize].owner()
    }

    /// How many numbers are given out.
    pub(super) fn len(&self) -> u32 {
        self.records.len() as u32
    }

    /// Gives back what doubling took too much of, once a birth is done.
    pub(super) fn settle(&mut self) {
        self.records.shrink_to(self.records.len() + self.records.len() / 8);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NODE: Owner = Owner(0);

    #[test]
    fn a_record_keeps_the_last_possible_device_apart_from_being_alive() {
        let owner = Owner::new(Some(DeviceIndex((1 << 22) - 2)));
        let mut record = Record::new(Names::default().take("a"), owner);
        for is_alive in [true, false] {
            record.set_alive(is_alive);
            record.set(LONG, !is_alive);
            assert_eq!((record.owner(), record.is_alive()), (owner, is_alive));
        }
    }

    #[test]
    fn sp22_a_full_edge_node_gives_the_numbers_of_vanished_metrics_away() {
        let (mut metrics, mut names) = (Metrics::default(), Names::default());
        let add = |metrics: &mut Metrics, names: &mut Names, name: &str| {
            let metric = metrics.add(names, NODE, name, 3)?;
            metrics.set_alive(metric, true);
            Some(metric.0)
        };
        assert_eq!(["a", "b", "c"].map(|name| add(&mut metrics, &mut names, name)), [Some(0), Some(1), Some(2)]);
        assert_eq!(add(&mut metrics, &mut names, "d"), None, "all three are alive");
        metrics.set_alive(MetricIndex(1), false);
        assert_eq!(metrics.find(&names, NODE, "b"), Some(MetricIndex(1)), "vanished, and still known");
        assert_eq!(add(&mut metrics, &mut names, "d"), Some(1));
        assert_eq!(metrics.find(&names, NODE, "b"), None);
        assert_eq!(metrics.find(&names, NODE, "d"), Some(MetricIndex(1)));
        assert_eq!(metrics.find(&names, Owner::new(Some(DeviceIndex(0))), "d"), None, "a device's d is another metric");
    }
}
