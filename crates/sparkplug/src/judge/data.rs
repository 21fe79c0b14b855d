//! What is special about data: decoding has seen it, and here it is counted.

use super::{Said, birth::judge_data_set, properties};
use crate::{
    Limits, Rule, Topic,
    host::finding::{self, Reporter},
    payload::Traits,
};
use hashbrown::{DefaultHashBuilder, HashMap};
use std::hash::BuildHasher;

/// Judges the metrics of an NDATA or DDATA that are not plain.
pub(crate) fn judge(said: &Said<'_>, limits: &Limits, reporter: &mut Reporter<'_>) {
    let traits = said.payload.traits();
    if traits.has(Traits::DATATYPE) {
        count(said, finding::DATATYPE_IN_DATA, reporter, |metric| metric.datatype() != 0);
    }
    if traits.has(Traits::NAMED_ALIAS) {
        judge_names(said, reporter);
    }
    if traits.has(Traits::BACKWARDS) {
        judge_order(said, reporter);
    }
    if traits.has(Traits::PROPERTIES | Traits::DATA_SET) {
        for (position, metric) in said.payload.metrics.iter().enumerate() {
            if let Some(span) = metric.properties() {
                properties::judge(said.bytes, span, false, limits, position, reporter);
            }
            judge_data_set(said.bytes, metric, position, reporter);
        }
    }
}

/// Metrics of data and commands that have a metric alias and a name as well.
pub(super) fn judge_names(said: &Said<'_>, reporter: &mut Reporter<'_>) {
    count(said, finding::ALIAS_AND_NAME, reporter, |metric| {
        metric.alias().is_some() && metric.name(said.bytes).is_some()
    });
}

fn count(said: &Said<'_>, rule: Rule, reporter: &mut Reporter<'_>, breaks: impl Fn(&crate::RawMetric) -> bool + Copy) {
    let mut those = said.payload.metrics.iter().enumerate().filter(|(_, metric)| breaks(metric));
    if let Some((first, _)) = those.next() {
        reporter.report_metrics(rule, 1 + those.count() as u32, first as u32);
    }
}

/// Values of one metric out of their order in time. Different metrics may stand in any order: clients list them as they
/// know them, each with the time of its last change.
fn judge_order(said: &Said<'_>, reporter: &mut Reporter<'_>) {
    let rule = match said.topic {
        Topic::Device { .. } => finding::DEVICE_ORDER,
        Topic::Node { .. } | Topic::State { .. } => finding::NODE_ORDER,
    };
    let hasher = DefaultHashBuilder::default();
    let mut latest = HashMap::new();
    for (position, metric) in said.payload.metrics.iter().enumerate().filter(|(_, metric)| !metric.is_historical()) {
        let Some(timestamp) = metric.timestamp() else { continue };
        let name = match metric.alias() {
            Some(alias) => (Some(alias), 0),
            None => (None, hasher.hash_one(metric.name(said.bytes))),
        };
        if latest.insert(name, timestamp).is_some_and(|before| timestamp < before) {
            reporter.report_metric(rule, position);
        }
    }
}
