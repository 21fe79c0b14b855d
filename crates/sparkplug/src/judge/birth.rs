//! What a birth says of its metrics: a value or null, metric aliases for all or none, datatypes, properties, structures.
//!
//! The largest messages there are, and rare: each metric is looked at whole.

use super::{Said, clock, properties};
use crate::{
    DataSet, DataSetFault, DataType, Limits, MetaData, Mismatch, RawMetric, Rule, Template, Topic, WireValue,
    encode::{BD_SEQ, REBIRTH},
    host::finding::{self, Reporter},
    interpret,
};
use hashbrown::{DefaultHashBuilder, HashMap};
use std::hash::{BuildHasher, Hasher};

/// Judges the metrics of an NBIRTH or DBIRTH.
pub(crate) fn judge(said: &Said<'_>, limits: &Limits, reporter: &mut Reporter<'_>) {
    let valueless = match said.topic {
        Topic::Device { .. } => finding::DBIRTH_VALUE,
        Topic::Node { .. } | Topic::State { .. } => finding::NBIRTH_VALUE,
    };
    judge_timestamp(said, reporter);
    judge_aliases(said, reporter);
    judge_spelling(said, reporter);
    let wall = said.now.wall;
    for (position, metric) in said.payload.metrics.iter().enumerate() {
        if metric.has_value_field() == metric.is_null() {
            reporter.report_metric(valueless, position);
        }
        if metric.timestamp().is_some_and(|timestamp| clock::is_wrong(timestamp, wall)) {
            reporter.report_metric(finding::METRIC_UTC, position);
        }
        judge_content(said.bytes, metric, limits, position, reporter);
    }
    for (number, member) in said.payload.members().iter().enumerate() {
        let position = said.payload.metrics.len() + number;
        judge_content(said.bytes, &member.metric, limits, position, reporter);
    }
}

/// Judges when a message says it was sent.
fn judge_timestamp(said: &Said<'_>, reporter: &mut Reporter<'_>) {
    if let Some(timestamp) = said.payload.timestamp.filter(|&timestamp| clock::is_wrong(timestamp, said.now.wall)) {
        reporter.report_numbers(finding::PAYLOAD_UTC, said.now.wall.0, timestamp.0);
    }
}

fn judge_content(bytes: &[u8], metric: &RawMetric, limits: &Limits, position: usize, reporter: &mut Reporter<'_>) {
    if let Some(span) = metric.properties() {
        properties::judge(bytes, span, true, limits, position, reporter);
    }
    if metric.metadata().is_some_and(|span| MetaData::parse(bytes, span).is_err()) {
        reporter.report_metric(finding::METADATA, position);
    }
    judge_data_set(bytes, metric, position, reporter);
    let datatype = DataType::from_wire(metric.datatype()).unwrap_or_default();
    let mismatch = match (datatype, metric.wire_value(bytes)) {
        // Judged already: no datatype, no value, or a structure.
        (DataType::Unknown, _) | (_, WireValue::Absent | WireValue::DataSet(_) | WireValue::Template(_)) => return,
        (datatype, value) => interpret(datatype, value).err(),
    };
    if let Some(Mismatch::Datatype | Mismatch::Kind | Mismatch::Range | Mismatch::Array) = mismatch {
        reporter.report_metric(finding::VALUE_MISMATCH, position);
    }
}

/// Judges a metric's DataSet, if it has one.
pub(super) fn judge_data_set(bytes: &[u8], metric: &RawMetric, position: usize, reporter: &mut Reporter<'_>) {
    let WireValue::DataSet(data_set) = metric.wire_value(bytes) else { return };
    let Err(fault) = DataSet::parse(data_set) else { return };
    let rule: Rule = match fault {
        DataSetFault::ColumnsLen => finding::DATA_SET_COLUMNS,
        DataSetFault::TypesMissing => finding::DATA_SET_TYPES_MISSING,
        DataSetFault::TypesLen => finding::DATA_SET_TYPES_LEN,
        DataSetFault::Type => finding::DATA_SET_TYPE,
        DataSetFault::Cell(_) => finding::DATA_SET_CELL,
        DataSetFault::TooManyColumns => finding::DATA_SET_FULL,
        DataSetFault::Ragged | DataSetFault::Malformed(_) => finding::DATA_SET,
    };
    reporter.report_metric(rule, position);
}

/// All metrics have a metric alias, or none. Those are not counted that a host must know by name (of which
/// 'Node Control/Rebirth' must have none), nor Template definitions, which have no values.
fn judge_aliases(said: &Said<'_>, reporter: &mut Reporter<'_>) {
    let (mut aliased, mut bare, mut first_bare) = (0, 0, 0);
    for (position, metric) in said.payload.metrics.iter().enumerate() {
        if metric.is_named(said.bytes, REBIRTH) {
            if metric.alias().is_some() {
                reporter.report_metric(finding::REBIRTH_ALIAS, position);
            }
        } else if metric.is_named(said.bytes, BD_SEQ) || is_definition(metric, said.bytes) {
            continue;
        } else if metric.alias().is_some() {
            aliased += 1;
        } else {
            if bare == 0 {
                first_bare = position;
            }
            bare += 1;
        }
    }
    if aliased > 0 && bare > 0 {
        reporter.report_metrics(finding::ALIAS_MIXED, bare, first_bare as u32);
    }
}

fn is_definition(metric: &RawMetric, bytes: &[u8]) -> bool {
    let WireValue::Template(template) = metric.wire_value(bytes) else { return false };
    Template::parse(template).is_ok_and(|template| template.is_definition())
}

/// Names that differ in case only.
fn judge_spelling(said: &Said<'_>, reporter: &mut Reporter<'_>) {
    let hasher = DefaultHashBuilder::default();
    let mut first: HashMap<u64, &str> = HashMap::with_capacity(said.payload.metrics.len());
    for (position, metric) in said.payload.metrics.iter().enumerate() {
        let Some(name) = metric.name(said.bytes) else { continue };
        if *first.entry(caseless(&hasher, &[name])).or_insert(name) != name {
            reporter.report_metric(finding::NAME_CASE, position);
        }
    }
}

/// The same for all spellings of some texts that differ in case only. One hash from end to end: a hash that is hashed again
/// by the same hasher may cancel its seed, and then everything is the same.
pub(super) fn caseless(hasher: &DefaultHashBuilder, texts: &[&str]) -> u64 {
    let mut state = hasher.build_hasher();
    for text in texts {
        if text.is_ascii() {
            text.bytes().for_each(|byte| state.write_u8(byte.to_ascii_lowercase()));
        } else {
            text.chars().flat_map(char::to_lowercase).for_each(|letter| state.write_u32(letter.into()));
        }
        // No id holds it, and it stands between two.
        state.write_u8(b'/');
    }
    state.finish()
}
