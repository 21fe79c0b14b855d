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
        let start = reporter.outputs.updates.len();
        let metrics = &message.payload.metrics[..];
        reporter.outputs.updates.reserve(metrics.len());
        let mut position = 0;
        loop {
            position += self.roster.aliases.resolve(&metrics[position..], position, &mut reporter.outputs.updates);
            let Some(raw) = metrics.get(position) else { break };
            match self.look_closer(message, position, unknown, reporter) {
                Resolved::Metric(metric) => {
                    let update = update(self.metrics.datatype(metric), metric, position, raw);
                    reporter.outputs.updates.push(update);
                }
                Resolved::Unknown => unknown_count += 1,
                Resolved::Ambiguous => {}
            }
            position += 1;
        }
        if !message.payload.members().is_empty() || !message.payload.template_faults().is_empty() {
            self.resolve_members(message, start, reporter);
        }
        unknown_count
    }

    /// Lists the known members of the Templates among the updates, from `start` on. They are found by name below the
    /// metric that holds them, which has been listed before them. One that no birth declared costs no rebirth: its
    /// instance was born without it, and would be again.
    #[inline(never)]
    fn resolve_members(&self, message: &Message<'_>, start: usize, reporter: &mut Reporter<'_>) {
        let (payload, names) = (message.payload, &self.registrar.names);
        let mut path = String::new();
        for (number, member) in payload.members().iter().enumerate() {
            let position = payload.metrics.len() + number;
            let Some(name) = member.metric.name(message.bytes) else {
                reporter.report_metric(finding::MEMBER_NAME_MISSING, position);
                continue;
            };
            // Positions ascend among the updates.
            let known = &reporter.outputs.updates[start..];
            let Ok(holder) = known.binary_search_by_key(&member.holder, |update| update.position) else { continue };
            path.clear();
            path.push_str(self.metrics.name(names, known[holder].metric).unwrap_or_default());
            path.push('/');
            path.push_str(name);
            let metric = self.metrics.find(names, self.owner, &path);
            match metric.filter(|&metric| self.metrics.is_alive(metric)) {
                Some(metric) => {
                    let update = update(self.metrics.datatype(metric), metric, position, &member.metric);
                    reporter.outputs.updates.push(update);
                }
                None => reporter.report_metric(finding::TEMPLATE_MEMBER, position),
            }
        }
        for (position, _) in payload.template_faults() {
            reporter.report_metric(finding::TEMPLATE, *position as usize);
        }
    }

    /// By metric alias, then by name: clients that send both mean the same metric. Reports what is wrong.
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
