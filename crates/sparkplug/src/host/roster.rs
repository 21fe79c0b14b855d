//! The metrics of one birth: which numbers they have, and which metric aliases stand for them.
//!
//! A [`Roster`] is replaced whole by the next birth of the same Edge Node or device. A metric is the same one if the
//! device and the name are, so elements of the tree keep their identity over rebirths.
//! Invariant: exactly the metrics of the latest birth are alive.

use super::{
    BornMetric, Message, MetricIndex,
    alias::MetricAliases,
    finding::{self, Reporter},
    metrics::{Metrics, Owner},
    names::Names,
};
use crate::{DataType, Limits};
use std::ops::Range;

/// The metrics of the latest birth of an Edge Node or device, in the order of its payload.
///
/// A first birth takes numbers one after the other, so most rosters are two numbers and not four bytes for each metric.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RosterMetrics {
    /// From this number on, so many.
    Run(Range<u32>),
    /// Any numbers.
    List(Box<[MetricIndex]>),
}

impl Default for RosterMetrics {
    fn default() -> RosterMetrics {
        RosterMetrics::Run(0..0)
    }
}

impl RosterMetrics {
    fn of(born: &[BornMetric]) -> RosterMetrics {
        let first = born.first().map_or(0, |entry| entry.metric.0);
        let run = first..first + born.len() as u32;
        if born.iter().map(|entry| entry.metric.0).eq(run.clone()) {
            RosterMetrics::Run(run)
        } else {
            RosterMetrics::List(born.iter().map(|entry| entry.metric).collect())
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        match self {
            RosterMetrics::Run(run) => run.len(),
            RosterMetrics::List(list) => list.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The metrics at these places of the order, as far as there are any.
    pub fn at(&self, places: Range<usize>) -> impl Iterator<Item = MetricIndex> + Clone {
        let places = places.start.min(self.len())..places.end.min(self.len());
        let (run, list) = match self {
            RosterMetrics::Run(run) => (run.start + places.start as u32..run.start + places.end as u32, [].as_slice()),
            RosterMetrics::List(list) => (0..0, &list[places]),
        };
        run.map(MetricIndex).chain(list.iter().copied())
    }
}

#[derive(Debug, Default)]
pub(super) struct Roster {
    metrics: RosterMetrics,
    pub(super) aliases: MetricAliases,
    is_partial: bool,
}

/// What births are taken down with; shared by all Edge Nodes, one birth at a time.
#[derive(Debug, Default)]
pub(super) struct Registrar {
    pub(super) names: Names,
    /// By metric number: where in the birth at hand it stands, counted from 1. All zeros between births.
    seen: Vec<u32>,
}

/// Where in the outputs a birth's metrics and the vanished ones stand.
pub(super) type Enrolled = (Range<u32>, Range<u32>);

impl Roster {
    /// Replaces the roster by the metrics of `message`.
    pub(super) fn enrol(
        &mut self,
        owner: Owner,
        message: &Message<'_>,
        limits: &Limits,
        metrics: &mut Metrics,
        registrar: &mut Registrar,
        reporter: &mut Reporter<'_>,
    ) -> Enrolled {
        let born = reporter.outputs.born.len();
        let vanished = reporter.outputs.vanished.len();
        self.is_partial = registrar.take_down(owner, message, limits, metrics, reporter);
        self.bury(metrics, registrar, reporter);
        let outputs = &*reporter.outputs;
        let entries = &outputs.born[born..];
        self.metrics = RosterMetrics::of(entries);
        for entry in entries.iter().filter(|entry| entry.datatype == DataType::UInt32) {
            metrics.set_long(entry.metric, message.payload.metric(entry.position).is_long());
        }
        registrar.wipe(entries);
        metrics.settle();
        let enrolled = (born as u32..outputs.born.len() as u32, vanished as u32..outputs.vanished.len() as u32);
        self.alias(born, message, reporter);
        enrolled
    }

    pub(super) fn metrics(&self) -> &RosterMetrics {
        &self.metrics
    }

    pub(super) fn len(&self) -> usize {
        self.metrics.len()
    }

    /// Whether metrics of the birth had to be left out.
    pub(super) fn is_partial(&self) -> bool {
        self.is_partial
    }

    /// Lists the metrics that the birth at hand no longer has.
    fn bury(&mut self, metrics: &mut Metrics, registrar: &Registrar, reporter: &mut Reporter<'_>) {
        for metric in self.metrics.at(0..usize::MAX) {
            if registrar.seen[metric.0 as usize] == 0 {
                metrics.set_alive(metric, false);
                reporter.outputs.vanished.push(metric);
            }
        }
    }

    fn alias(&mut self, born: usize, message: &Message<'_>, reporter: &mut Reporter<'_>) {
        let entries = &reporter.outputs.born[born..];
        // Members of Templates go by name: clients count their aliases anew in each Template.
        let alias_of = |entry: &BornMetric| message.payload.metrics.get(entry.position as usize)?.alias();
        let aliased =
            entries.iter().filter_map(|entry| alias_of(entry).map(|alias| (alias, entry.metric, entry.datatype)));
        let (mut duplicates, mut first) = (0, None);
        self.aliases = MetricAliases::build(aliased, |metric| {
            duplicates += 1;
            first.get_or_insert(metric);
        });
        let example = first.and_then(|metric| entries.iter().find(|entry| entry.metric == metric));
        if let Some(position) = example.map(|entry| entry.position) {
            reporter.report_metrics(finding::ALIAS_TWICE, duplicates, position);
        }
    }
}

impl Registrar {
    /// Gives every metric of the birth its number and lists it. Returns whether some had to be left out.
    fn take_down(
        &mut self,
        owner: Owner,
        message: &Message<'_>,
        limits: &Limits,
        metrics: &mut Metrics,
        reporter: &mut Reporter<'_>,
    ) -> bool {
        let mut left_out = false;
        let first = reporter.outputs.born.len();
        self.seen.resize(self.seen.len().max(metrics.len() as usize), 0);
        for (position, raw) in message.payload.metrics.iter().enumerate() {
            let Some(name) = raw.name(message.bytes) else {
                reporter.report_metric(finding::NAME_MISSING, position);
                left_out = true;
                continue;
            };
            if raw.timestamp().is_none() {
                reporter.report_metric(finding::METRIC_TIMESTAMP, position);
            }
            let datatype = datatype(raw.datatype(), position, reporter);
            left_out |= !self.take_one((owner, name), position, datatype, first, limits, metrics, reporter);
        }
        let members = message.payload.members();
        for (number, member) in members.iter().enumerate() {
            let position = message.payload.metrics.len() + number;
            let name = member.metric.name(message.bytes).and(message.payload.name_of(message.bytes, position as u32));
            let Some(name) = name.filter(|name| name.len() <= limits.name_bytes_max as usize) else {
                reporter.report_metric(finding::MEMBER_NAME_MISSING, position);
                left_out = true;
                continue;
            };
            let datatype = datatype(member.metric.datatype(), position, reporter);
            left_out |= !self.take_one((owner, &name), position, datatype, first, limits, metrics, reporter);
        }
        for (position, _) in message.payload.template_faults() {
            reporter.report_metric(finding::TEMPLATE, *position as usize);
        }
        left_out
    }

    /// Gives one metric its number and lists it; false if there is no room for it.
    #[allow(clippy::too_many_arguments, reason = "a birth's whole surroundings, for its two kinds of metrics")]
    fn take_one(
        &mut self,
        (owner, name): (Owner, &str),
        position: usize,
        datatype: DataType,
        first: usize,
        limits: &Limits,
        metrics: &mut Metrics,
        reporter: &mut Reporter<'_>,
    ) -> bool {
        let known = metrics.find(&self.names, owner, name);
        let added = || metrics.add(&mut self.names, owner, name, limits.metrics_per_edge_node_max);
        let Some(metric) = known.or_else(added) else {
            reporter.report_metric(finding::METRICS_FULL, position);
            return false;
        };
        metrics.declare(metric, datatype);
        metrics.set_alive(metric, true);
        let entry = BornMetric { metric, position: position as u32, datatype, is_new: known.is_none() };
        self.list(entry, first, reporter);
        true
    }

    /// Lists a metric, or moves it to its later position if the birth has named it before.
    fn list(&mut self, entry: BornMetric, first: usize, reporter: &mut Reporter<'_>) {
        let number = entry.metric.0 as usize;
        if number >= self.seen.len() {
            self.seen.resize(number + 1, 0);
        }
        match self.seen[number].checked_sub(1) {
            None => {
                reporter.outputs.born.push(entry);
                self.seen[number] = (reporter.outputs.born.len() - first) as u32;
            }
            Some(earlier) => {
                reporter.report_metric(finding::NAME_TWICE, entry.position as usize);
                let listed = &mut reporter.outputs.born[first + earlier as usize];
                *listed = BornMetric { is_new: listed.is_new, ..entry };
            }
        }
    }

    fn wipe(&mut self, entries: &[BornMetric]) {
        for entry in entries {
            self.seen[entry.metric.0 as usize] = 0;
        }
    }
}

fn datatype(number: u32, position: usize, reporter: &mut Reporter<'_>) -> DataType {
    match DataType::from_wire(number) {
        Some(DataType::Unknown) => reporter.report_metric(finding::DATATYPE_MISSING, position),
        Some(datatype) => return datatype,
        None => reporter.report_metric(finding::DATATYPE_RANGE, position),
    }
    DataType::Unknown
}
