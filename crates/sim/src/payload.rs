//! Payloads: what an Edge Node's metrics look like in births, in data and in deaths.
//!
//! Births name everything (name, metric alias, datatype, unit); data says alias, time and value.
//! Knows nothing of when to say what.

use factree_sparkplug::encode::{MetricBuilder, PayloadBuilder, REBIRTH};
use factree_sparkplug::{BdSeq, DataType, Payload, Seq, Timestamp, Value, interpret};

use crate::metric::Metric;

/// NBIRTH: `bdSeq` and `Node Control/Rebirth` first (`tck-id-topics-nbirth-bdseq-included`,
/// `tck-id-topics-nbirth-rebirth-metric`), and these without a metric alias
/// (`tck-id-operational-behavior-data-commands-rebirth-name-aliases`).
pub(crate) fn nbirth<'a>(at: Timestamp, seq: Seq, bd_seq: BdSeq, metrics: impl Iterator<Item = &'a Metric>) -> Vec<u8> {
    PayloadBuilder::at(at)
        .seq(seq)
        .metric(MetricBuilder::bd_seq(bd_seq).at(at))
        .metric(MetricBuilder::named(REBIRTH).at(at).boolean(false))
        .metrics(metrics.map(|metric| declared(metric, at)))
        .encode()
}

/// DBIRTH.
pub(crate) fn dbirth<'a>(at: Timestamp, seq: Seq, metrics: impl Iterator<Item = &'a Metric>) -> Vec<u8> {
    PayloadBuilder::at(at).seq(seq).metrics(metrics.map(|metric| declared(metric, at))).encode()
}

/// NDATA and DDATA.
pub(crate) fn data(at: Timestamp, seq: Seq, changes: Vec<MetricBuilder>) -> Vec<u8> {
    PayloadBuilder::at(at).seq(seq).metrics(changes).encode()
}

/// One metric of an NDATA or DDATA: its name stays behind in the birth (`tck-id-payloads-alias-data-cmd-requirement`).
pub(crate) fn change(metric: &Metric, at: Timestamp) -> MetricBuilder {
    valued(MetricBuilder::aliased(metric.alias).at(at), metric)
}

/// NDEATH: nothing but the `bdSeq`, no seq (`tck-id-topics-ndeath-payload`, `tck-id-payloads-ndeath-seq`).
pub(crate) fn ndeath(at: Timestamp, bd_seq: BdSeq) -> Vec<u8> {
    PayloadBuilder::at(at).metric(MetricBuilder::bd_seq(bd_seq)).encode()
}

/// DDEATH.
pub(crate) fn ddeath(at: Timestamp, seq: Seq) -> Vec<u8> {
    PayloadBuilder::at(at).seq(seq).encode()
}

/// Whether an NCMD asks for a rebirth (`tck-id-operational-behavior-data-commands-rebirth-value`).
pub(crate) fn asks_rebirth(bytes: &[u8], payload: &Payload) -> bool {
    payload.metrics.iter().any(|metric| {
        metric.name(bytes) == Some(REBIRTH)
            && interpret(DataType::Boolean, metric.wire_value(bytes)) == Ok(Value::Boolean(true))
    })
}

fn declared(metric: &Metric, at: Timestamp) -> MetricBuilder {
    let declared = MetricBuilder::named(&metric.name).alias(metric.alias).declare(metric.datatype).at(at);
    let with_value = valued(declared, metric);
    if metric.unit.is_empty() { with_value } else { with_value.text_property("engUnit", metric.unit) }
}

fn valued(builder: MetricBuilder, metric: &Metric) -> MetricBuilder {
    builder.value(metric.datatype, metric.reported()).expect("a metric's value fits its datatype")
}
