//! From the metrics of a DATA message to their numbers.
//!
//! By metric alias in its owner's table, which is the hot path: an array access. By name otherwise. What resolves to
//! nothing, or to two metrics, is left out and reported, never guessed (SP15).

use super::{
    Message, MetricIndex, Update,
    alias::Resolved,
    finding::{self, Reporter, Rule},
    metrics::{Metrics, Owner},
    roster::{Registrar, Roster},
};
use crate::{DataType, RawMetric};

/// Where the metrics of a DATA message are looked up.
pub(super) struct Lookup<'a> {
    pub(super) owner: Owner,
    pub(super) roster: &'a Roster,
    pub(super) metrics: &'a Metrics,
    pub(super) registrar: &'a Registrar,
}

impl Lookup<'_> {
    /// Lists every known metric of the message as an update and returns how many are unknown.
    #[inline]
    pub(super) fn resolve_all(&self, message: &Message<'_>, unknown: Rule, reporter: &mut Reporter<'_>) -> u32 {
        let mut unknown_count = 0;
        reporter.outputs.updates.reserve(message.payload.metrics.len());
        for (position, raw) in message.payload.metrics.iter().enumerate() {
            if raw.timestamp().is_none() {
                reporter.report_metric(finding::METRIC_TIMESTAMP, position);
            }
            match self.resolve(raw, message.bytes) {
                Resolved::Metric(metric) => reporter.outputs.updates.push(self.update(metric, position, raw)),
                Resolved::Ambiguous => reporter.report_metric(finding::ALIAS_TWICE, position),
                Resolved::Unknown => {
                    reporter.report_metric(unknown, position);
                    unknown_count += 1;
                }
            }
        }
        unknown_count
    }

    /// By metric alias, then by name: clients that send both mean the same metric.
    #[inline]
    fn resolve(&self, raw: &RawMetric, bytes: &[u8]) -> Resolved {
        let by_alias = raw.alias().map_or(Resolved::Unknown, |alias| self.roster.aliases.get(alias));
        if matches!(by_alias, Resolved::Metric(_)) {
            return by_alias;
        }
        let by_name = raw.name(bytes).and_then(|name| self.metrics.find(&self.registrar.names, self.owner, name));
        by_name.filter(|&metric| self.metrics.is_alive(metric)).map_or(by_alias, Resolved::Metric)
    }

    #[inline]
    fn update(&self, metric: MetricIndex, position: usize, raw: &RawMetric) -> Update {
        let declared = self.metrics.datatype(metric);
        let datatype = match declared {
            DataType::Unknown => DataType::from_wire(raw.datatype()).unwrap_or_default(),
            declared => declared,
        };
        Update { metric, position: position as u32, datatype, is_historical: raw.is_historical() }
    }
}
