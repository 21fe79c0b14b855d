//! A device: one machine and the metrics that watch it.
//!
//! Looked at from time to time; however long it was not, it has lived on in between. An Edge Node's own metrics are a
//! device too, of the kind `GATEWAY`.
//! Knows nothing of messages; `edge_node` decides what is said.
//! Invariant: metrics are advanced in the order of the table, so each sees the ones above as they are now.

use std::time::Instant;

use factree_sparkplug::{Now, Value};

use crate::chance::Chance;
use crate::kind::Kind;
use crate::machine::Machine;
use crate::metric::Metric;
use crate::model::Row;

/// The longest absence that is lived through in full, in seconds: a laptop that slept for a week must not stall.
const ABSENCE_MAX: f64 = 3600.0;

/// A device with its metrics.
#[derive(Clone, Debug)]
pub(crate) struct Device {
    pub(crate) id: String,
    machine: Machine,
    metrics: Vec<Metric>,
    chance: Chance,
    seen: Option<Instant>,
}

impl Device {
    /// A device of this kind; its metrics take their aliases from `aliases`.
    pub(crate) fn new(id: String, kind: &Kind, aliases: &mut impl Iterator<Item = u64>, mut chance: Chance) -> Self {
        let machine = Machine::new(kind.pace, &mut chance);
        let mut device = Device { id, machine, metrics: Vec::new(), chance, seen: None };
        kind.rows.iter().copied().flatten().for_each(|row| device.add(row, aliases));
        device
    }

    /// Adds the metrics of one more row.
    pub(crate) fn add(&mut self, row: &Row, aliases: &mut impl Iterator<Item = u64>) {
        for (number, alias) in (1..=row.times).zip(aliases) {
            let metric = Metric::new(row, number, alias, &self.machine, &self.metrics, &mut self.chance);
            self.metrics.push(metric);
        }
    }

    /// Lives up to now.
    pub(crate) fn advance(&mut self, now: Now) {
        let seen = self.seen.replace(now.instant).unwrap_or(now.instant);
        let elapsed = now.instant.saturating_duration_since(seen).as_secs_f64().min(ABSENCE_MAX);
        self.machine.advance(elapsed, now.wall.0, &mut self.chance);
        for i in 0..self.metrics.len() {
            let (above, rest) = self.metrics.split_at_mut(i);
            rest[0].advance(elapsed, &self.machine, above, &mut self.chance);
        }
    }

    pub(crate) fn metrics(&self) -> &[Metric] {
        &self.metrics
    }

    /// All metrics, reported: a Birth says them all.
    pub(crate) fn report_all(&mut self) -> impl Iterator<Item = &Metric> {
        self.metrics.iter_mut().map(|metric| {
            metric.report();
            &*metric
        })
    }

    /// The metrics that left their deadband, reported.
    pub(crate) fn report_due(&mut self) -> impl Iterator<Item = &Metric> {
        self.metrics.iter_mut().filter(|metric| metric.is_due()).map(|metric| {
            metric.report();
            &*metric
        })
    }

    /// Takes a command to the metric at `position`; the metric, reported, if it took it.
    pub(crate) fn command(&mut self, position: usize, value: Value<'_>) -> Option<&Metric> {
        let metric = &mut self.metrics[position];
        metric.command(value, &mut self.machine).then(|| {
            metric.report();
            &*metric
        })
    }
}
