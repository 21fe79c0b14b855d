//! Commands that other Host Applications send.
//!
//! A datatype in a command is advised against and not found here: clients exist that do not understand a command without
//! one, so whoever sends one is right.

use super::{Said, data::judge_names};
use crate::{
    DataType, RawMetric, Rule, Topic, WireValue,
    encode::REBIRTH,
    host::finding::{self, Reporter},
    interpret,
};

/// What the births have declared of a metric that is commanded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Declared {
    /// It has this datatype.
    As(DataType),
    /// It is in no birth.
    Not,
    /// There is no birth to go by.
    Unknown,
}

/// Judges an NCMD or DCMD. `declared` looks a metric up; a rebirth request is one if this returns true.
pub(crate) fn judge(said: &Said<'_>, declared: impl Fn(&RawMetric) -> Declared, reporter: &mut Reporter<'_>) -> bool {
    let rules = match said.topic {
        Topic::Device { .. } => &DCMD,
        Topic::Node { .. } | Topic::State { .. } => &NCMD,
    };
    if said.payload.timestamp.is_none() {
        reporter.report(rules.timestamp);
    }
    if said.payload.seq.is_some() {
        reporter.report(rules.seq);
    }
    if said.payload.metrics.is_empty() {
        reporter.report(rules.empty);
    }
    judge_names(said, reporter);
    let mut asks_rebirth = false;
    for (position, metric) in said.payload.metrics.iter().enumerate() {
        let value = metric.wire_value(said.bytes);
        if metric.is_named(said.bytes, REBIRTH) {
            asks_rebirth |= value == WireValue::Boolean(true);
            if value != WireValue::Boolean(true) {
                reporter.report_metric(finding::REBIRTH_REQUEST, position);
            }
            continue;
        }
        match declared(metric) {
            Declared::Unknown => {}
            Declared::Not => reporter.report_metric(rules.name, position),
            Declared::As(DataType::Unknown) => {}
            Declared::As(datatype) => {
                if interpret(datatype, value).is_err() {
                    reporter.report_metric(rules.value, position);
                }
            }
        }
    }
    asks_rebirth
}

struct Rules {
    timestamp: Rule,
    seq: Rule,
    empty: Rule,
    name: Rule,
    value: Rule,
}

const NCMD: Rules = Rules {
    timestamp: finding::NCMD_TIMESTAMP,
    seq: finding::NCMD_SEQ,
    empty: finding::NCMD_EMPTY,
    name: finding::NCMD_NAME,
    value: finding::NCMD_VALUE,
};

const DCMD: Rules = Rules {
    timestamp: finding::DCMD_TIMESTAMP,
    seq: finding::DCMD_SEQ,
    empty: finding::DCMD_EMPTY,
    name: finding::DCMD_NAME,
    value: finding::DCMD_VALUE,
};
