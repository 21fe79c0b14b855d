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
    pub(super) fn resolve_all(&self, message: &Message<'_>, unknown: Rule, reporter: &mut Reporter<'_>) -> u32 {
        let mut unknown_count = 0;
        // Out of the reporter's hands while they are listed, so that their length stays in a register.
        let mut updates = std::mem::take(&mut reporter.outputs.updates);
        updates.reserve(message.payload.metrics.len());
        let (aliases, metrics) = (&self.roster.aliases, self.metrics);
        for (position, raw) in message.payload.metrics.iter().enumerate() {
            let by_alias = raw.alias().and_then(|alias| aliases.find(alias)).filter(|_| raw.timestamp().is_some());
            let Some(metric) = by_alias.or_else(|| {
                let metric = self.look_closer(message, position, unknown, reporter);
                unknown_count += u32::from(metric == Resolved::Unknown);
                metric.metric()
            }) else {
                continue;
            };
            updates.push(update(metrics.datatype(metric), metric, position, raw));
        }
        reporter.outputs.updates = updates;
        unknown_count
    }

    /// By metric alias, then by name: clients that send both mean the same metric. Reports what is wrong.
    ///
    /// Apart from the loop, which with it takes 7 instructions more for each metric that needs none of this
    /// (`benches/benches/ingest.rs`).
    #[inline(never)]
    fn look_closer(
        &self,
        message: &Message<'_>,
        position: usize,
        unknown: Rule,
        reporter: &mut Reporter<'_>,
    ) -> Resolved {
        let raw = &message.payload.metrics[position];
        if raw.timestamp().is_none() {
            reporter.report_metric(finding::METRIC_TIMESTAMP, position);
        }
        let resolved = self.resolve(raw, message.bytes);
        match resolved {
            Resolved::Metric(_) => {}
            Resolved::Ambiguous => reporter.report_metric(finding::ALIAS_TWICE, position),
            Resolved::Unknown => reporter.report_metric(unknown, position),
        }
        resolved
    }

    fn resolve(&self, raw: &RawMetric, bytes: &[u8]) -> Resolved {
        let by_alias = raw.alias().map_or(Resolved::Unknown, |alias| self.roster.aliases.get(alias));
        if matches!(by_alias, Resolved::Metric(_)) {
            return by_alias;
        }
        let by_name = raw.name(bytes).and_then(|name| self.metrics.find(&self.registrar.names, self.owner, name));
        by_name.filter(|&metric| self.metrics.is_alive(metric)).map_or(by_alias, Resolved::Metric)
    }
}

#[inline]
fn update(declared: DataType, metric: MetricIndex, position: usize, raw: &RawMetric) -> Update {
    let datatype = match declared {
        DataType::Unknown => DataType::from_wire(raw.datatype()).unwrap_or_default(),
        declared => declared,
    };
    Update { metric, position: position as u32, datatype, is_historical: raw.is_historical() }
}
