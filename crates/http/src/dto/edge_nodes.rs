//! Edge Nodes in JSON: who is alive, what they declared and what was counted.
//!
//! Knows nothing of routes. Invariant: a member that nobody knows is left out, never `null`.

use std::collections::BTreeMap;

use factree_ingest::{Counters, DeviceReport, EdgeNodeReport, Liveness, MetricReport};
use serde::Serialize;
use utoipa::ToSchema;

use super::{Exact, Rfc3339, state};
use crate::attachments::AttachmentReport;

/// A page of Edge Nodes, by group and Edge Node id.
#[derive(Serialize, ToSchema)]
pub(crate) struct EdgeNodes<'a> {
    pub(crate) edge_nodes: Vec<EdgeNode<'a>>,
    /// Where the next page begins; left out with the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) next_cursor: Option<String>,
}

/// An Edge Node and what Sparkplug says about it.
#[derive(Serialize, ToSchema)]
pub(crate) struct EdgeNode<'a> {
    #[schema(example = "Acme:Dallas:Press")]
    group: &'a str,
    #[schema(example = "Line1")]
    edge_node: &'a str,
    #[schema(value_type = crate::openapi::shape::EdgeNodeState)]
    state: &'static str,
    /// With `reordering`: how many messages wait for one that is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    held: Option<usize>,
    /// When it came into this state, by our clock.
    since: Rfc3339,
    /// When its last NBIRTH came, by our clock.
    #[serde(skip_serializing_if = "Option::is_none")]
    born: Option<Rfc3339>,
    /// The `bdSeq` of its last NBIRTH.
    #[serde(skip_serializing_if = "Option::is_none")]
    bd_seq: Option<u8>,
    /// What its next message should carry as `seq`.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_seq: Option<u8>,
    /// The MQTT client it is connected as. A foreign broker does not tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    client_id: Option<&'a str>,
    /// `attach:{name}` if it was last born on a foreign broker.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "attach:plant2")]
    link: Option<String>,
    /// Where it stands in the tree.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "Acme/Dallas/Press/Line1")]
    path: Option<&'a str>,
    /// Metrics of its own and of its Devices.
    metrics_count: usize,
    devices: Vec<Device<'a>>,
    counters: EdgeNodeCounters,
    /// When it was last heard, by our clock.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_message: Option<Rfc3339>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rebirth: Option<Rebirth>,
    /// With `?metrics=true` only: by Device and name.
    #[serde(skip_serializing_if = "Option::is_none")]
    metrics: Option<Vec<Metric<'a>>>,
    /// Where the next page of metrics begins; left out with the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<&'a str>,
}

/// The last rebirth an Edge Node was asked for.
#[derive(Serialize, ToSchema)]
struct Rebirth {
    /// When, by our clock.
    asked: Rfc3339,
    /// Why.
    #[schema(example = "seq_gap")]
    reason: &'static str,
}

/// A Device of an Edge Node.
#[derive(Serialize, ToSchema)]
struct Device<'a> {
    #[schema(example = "Robot3")]
    device: &'a str,
    #[schema(value_type = crate::openapi::shape::EdgeNodeState)]
    state: &'static str,
    /// When it came into this state, by our clock.
    since: Rfc3339,
    /// Where it stands in the tree.
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<&'a str>,
    metrics_count: usize,
}

/// What an Edge Node sent and got since this process started.
#[derive(Serialize, ToSchema)]
struct EdgeNodeCounters {
    /// NBIRTH and DBIRTH.
    births: u64,
    /// NDATA and DDATA.
    data: u64,
    /// NDEATH and DDEATH.
    deaths: u64,
    /// Times that a `seq` was missing.
    seq_gaps: u64,
    /// Messages that came after others that should have come later.
    seq_late: u64,
    /// Messages that waited for one that was missing.
    held: u64,
    /// Of these, dropped because there was no room.
    held_dropped: u64,
    /// Times that another client took its place.
    displaced: u64,
    /// Rebirths that it was asked for.
    rebirths_asked: u64,
    /// The same by reason.
    rebirths: BTreeMap<&'static str, u64>,
    /// Payloads that did not decode.
    malformed: u64,
    /// Breaches of Sparkplug's rules.
    findings: u64,
}

/// A metric as its Birth declared it.
#[derive(Serialize, ToSchema)]
struct Metric<'a> {
    /// Left out for a metric of the Edge Node itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    device: Option<&'a str>,
    #[schema(example = "Axis/1/Temperature")]
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    metric_alias: Option<Exact>,
    #[schema(value_type = crate::openapi::shape::Datatype)]
    datatype: &'static str,
    /// Where it stands in the tree.
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<&'a str>,
}

impl<'a> EdgeNode<'a> {
    /// From ingest's report, the attachments by number, and a page of its metrics with the cursor of the next when they
    /// were asked for.
    pub(crate) fn of(
        report: &'a EdgeNodeReport,
        attachments: &[AttachmentReport],
        metrics: Option<&'a (Vec<MetricReport>, Option<String>)>,
    ) -> Self {
        let attachment = report.attachment.and_then(|number| attachments.get(usize::from(number)));
        EdgeNode {
            group: &report.group,
            edge_node: &report.edge_node,
            state: state(report.liveness),
            held: match report.liveness {
                Liveness::Reordering { held } => Some(held),
                Liveness::Online | Liveness::Restored | Liveness::Offline | Liveness::Unborn => None,
            },
            since: Rfc3339(report.since),
            born: report.born.map(Rfc3339),
            bd_seq: report.bd_seq,
            next_seq: report.next_seq,
            client_id: report.client_id.as_deref(),
            link: attachment.map(|attachment| format!("attach:{}", attachment.name)),
            path: report.path.as_deref(),
            metrics_count: report.metrics_len,
            devices: report.devices.iter().map(Device::of).collect(),
            counters: EdgeNodeCounters::of(report.counters),
            last_message: report.last_message.map(Rfc3339),
            rebirth: report.rebirth.map(|last| Rebirth { asked: Rfc3339(last.asked), reason: last.reason }),
            metrics: metrics.map(|(metrics, _)| metrics.iter().map(Metric::of).collect()),
            next_cursor: metrics.and_then(|(_, next)| next.as_deref()),
        }
    }
}

impl<'a> Device<'a> {
    fn of(report: &'a DeviceReport) -> Self {
        Device {
            device: &report.device,
            state: state(report.liveness),
            since: Rfc3339(report.since),
            path: report.path.as_deref(),
            metrics_count: report.metrics_len,
        }
    }
}

impl EdgeNodeCounters {
    fn of(counters: Counters) -> Self {
        let rebirths = counters.rebirths_by_reason().filter(|&(_, count)| count > 0).collect();
        let rebirths_asked = counters.rebirths_asked();
        let Counters { births, data, deaths, seq_gaps, seq_late, held, held_dropped, displaced, malformed, .. } =
            counters;
        EdgeNodeCounters {
            births,
            data,
            deaths,
            seq_gaps,
            seq_late,
            held,
            held_dropped,
            displaced,
            rebirths_asked,
            rebirths,
            malformed,
            findings: counters.findings,
        }
    }
}

impl<'a> Metric<'a> {
    fn of(report: &'a MetricReport) -> Self {
        Metric {
            device: report.device.as_deref(),
            name: &report.name,
            metric_alias: report.alias.map(Exact),
            datatype: report.datatype,
            path: report.path.as_deref(),
        }
    }
}

#[cfg(test)]
mod tests {
    use factree_namespace::Timestamp;

    use super::super::to_json;
    use super::*;

    #[test]
    fn an_edge_node_leaves_out_what_nobody_knows() {
        let report = EdgeNodeReport {
            group: "G".into(),
            edge_node: "N".into(),
            liveness: Liveness::Unborn,
            since: Timestamp(0),
            born: None,
            bd_seq: None,
            next_seq: None,
            client_id: None,
            attachment: None,
            path: None,
            metrics_len: 0,
            devices: Vec::new(),
            counters: Counters { seq_gaps: 1, rebirths: [0, 3, 0, 0, 0, 0, 1], ..Counters::default() },
            last_message: None,
            rebirth: None,
        };
        let json = |metrics| String::from_utf8(to_json(&EdgeNode::of(&report, &[], metrics))).unwrap();
        let beginning = concat!(
            r#"{"group":"G","edge_node":"N","state":"unborn","since":"1970-01-01T00:00:00.000Z","metrics_count":0,"#,
            r#""devices":[],"counters":{"births":0,"data":0,"deaths":0,"seq_gaps":1,"seq_late":0,"held":0,"#,
            r#""held_dropped":0,"displaced":0,"rebirths_asked":4,"rebirths":{"doubt":1,"seq_gap":3},"malformed":0,"findings":0}"#,
        );
        assert_eq!(json(None), format!("{beginning}}}"));

        let metric = |alias| MetricReport { device: None, name: "M".into(), alias, datatype: "Int8", path: None };
        let page = (vec![metric(None), metric(Some(1)), metric(Some(u64::MAX))], Some("TQ".to_owned()));
        let metrics = concat!(
            r#","metrics":[{"name":"M","datatype":"Int8"},{"name":"M","metric_alias":1,"datatype":"Int8"},"#,
            r#"{"name":"M","metric_alias":"18446744073709551615","datatype":"Int8"}],"next_cursor":"TQ"}"#,
        );
        assert_eq!(json(Some(&page)), format!("{beginning}{metrics}"));
    }
}
