//! How the reports are drawn up: the host says how an Edge Node is, the tree says where.
//!
//! Reads only, under the lock of the caller; every report is a copy.

use std::ops::Bound;

use factree_namespace::{ElementId, Namespace, View};
use factree_sparkplug as sparkplug;
use sparkplug::host::{DeviceState, DeviceView, EdgeNodeState, EdgeNodeView};
use sparkplug::{DeviceId, EdgeNodeDescriptor, MetricView};

use crate::convert::timestamp;
use crate::edge_nodes::EdgeNodes;
use crate::report::{Counters, DeviceReport, EdgeNodeReport, Liveness, MetricReport, RebirthReport};
use crate::seat::Seat;

impl EdgeNodes {
    pub(crate) fn reports(
        &self,
        namespace: &Namespace,
        after: Option<(&str, &str)>,
        limit: usize,
    ) -> Vec<EdgeNodeReport> {
        let view = namespace.read();
        let start = after.map_or(Bound::Unbounded, |(group, id)| Bound::Excluded((group.into(), id.into())));
        self.order
            .range((start, Bound::Unbounded))
            .take(limit)
            .filter_map(|(_, index)| Some(self.draw_up(&view, &self.host.edge_node_at(*index)?)))
            .collect()
    }

    pub(crate) fn report(&self, namespace: &Namespace, group: &str, edge_node: &str) -> Option<EdgeNodeReport> {
        Some(self.draw_up(&namespace.read(), &self.find(group, edge_node)?))
    }

    /// Looks at every metric, and copies those of the page alone.
    pub(crate) fn metrics(
        &self,
        namespace: &Namespace,
        group: &str,
        edge_node: &str,
        after: Option<(&str, &str)>,
        limit: usize,
    ) -> Option<Vec<MetricReport>> {
        let node = self.find(group, edge_node)?;
        let device = |metric: &MetricView<'_>| Some(node.device(metric.device?)?.id);
        let order = |a: &MetricView<'_>, b: &MetricView<'_>| (device(a), a.name).cmp(&(device(b), b.name));
        let is_ahead = |metric: &MetricView<'_>| {
            after.is_none_or(|after| (device(metric).unwrap_or_default(), metric.name) > after)
        };
        let mut page: Vec<MetricView<'_>> =
            node.metrics().filter(|metric| metric.is_alive && is_ahead(metric)).collect();
        if page.len() > limit {
            page.select_nth_unstable_by(limit, order);
            page.truncate(limit);
        }
        page.sort_unstable_by(order);

        let view = namespace.read();
        let seat = self.seat(node.index());
        let report = page.iter().map(|metric| MetricReport {
            device: device(metric).map(str::to_owned),
            name: metric.name.to_owned(),
            alias: metric.alias,
            datatype: metric.datatype.name(),
            path: seat.and_then(|seat| seat.element(metric.index)).map(|element| view.path(element)),
        });
        Some(report.collect())
    }

    pub(crate) fn metric_alias(&self, group: &str, edge_node: &str, device: Option<&str>, name: &str) -> Option<u64> {
        let node = self.find(group, edge_node)?;
        let device = match device {
            None => None,
            Some(id) => Some(node.device_named(DeviceId::new(id)?)?.index),
        };
        node.metric(device, name)?.alias
    }

    fn find(&self, group: &str, edge_node: &str) -> Option<EdgeNodeView<'_>> {
        self.host.edge_node(EdgeNodeDescriptor::new(group, edge_node)?)
    }

    fn draw_up(&self, view: &View<'_>, node: &EdgeNodeView<'_>) -> EdgeNodeReport {
        let seat = self.seat(node.index());
        let path = |element: ElementId| view.path(element);
        let devices: Vec<DeviceReport> = node.devices().map(|device| report_device(view, seat, &device)).collect();
        let (liveness, since, bd_seq, next_seq) = match node.state() {
            EdgeNodeState::Unknown | EdgeNodeState::Forgotten => (Liveness::Unborn, node.last_message(), None, None),
            EdgeNodeState::Online { since, next, bd_seq, .. } => (Liveness::Online, since, bd_seq, Some(next)),
            EdgeNodeState::Reordering { since, next, bd_seq, held, .. } => {
                (Liveness::Reordering { held }, since, bd_seq, Some(next))
            }
            EdgeNodeState::Restored { since, bd_seq } => (Liveness::Restored, since, bd_seq, None),
            EdgeNodeState::Offline { since, bd_seq } => (Liveness::Offline, since, bd_seq, None),
        };
        let mut counters = Counters { findings: self.ledger.count(node.index()), ..Counters::default() };
        counters.add(&node.counters());
        EdgeNodeReport {
            group: node.group().to_owned(),
            edge_node: node.id().to_owned(),
            liveness,
            since: timestamp(since),
            born: node.birth().map(|birth| timestamp(birth.received)),
            bd_seq: bd_seq.map(sparkplug::BdSeq::get),
            next_seq: next_seq.map(sparkplug::Seq::get),
            client_id: seat.and_then(|seat| seat.client_id.as_deref().map(str::to_owned)),
            attachment: self.attachment(node),
            path: seat.map(|seat| path(seat.own.root)),
            metrics_len: node.metrics_len() + devices.iter().map(|device| device.metrics_len).sum::<usize>(),
            devices,
            counters,
            last_message: Some(timestamp(node.last_message())),
            rebirth: node
                .asked()
                .map(|asked| RebirthReport { asked: timestamp(asked.at), reason: asked.reason.code() }),
        }
    }
}

fn report_device(view: &View<'_>, seat: Option<&Seat>, device: &DeviceView<'_>) -> DeviceReport {
    let (liveness, since) = match device.state {
        DeviceState::Online { since, .. } => (Liveness::Online, since),
        // Born once, but not since its Edge Node was born again.
        DeviceState::Stale { since } => (Liveness::Unborn, since),
        DeviceState::Restored { since } => (Liveness::Restored, since),
        DeviceState::Offline { since } => (Liveness::Offline, since),
        DeviceState::Forgotten => unreachable!("devices that were forgotten are not listed"),
    };
    let corner = seat.and_then(|seat| seat.devices.get(&device.index));
    DeviceReport {
        device: device.id.to_owned(),
        liveness,
        since: timestamp(since),
        path: corner.map(|(_, corner)| view.path(corner.root)),
        metrics_len: device.metrics_len,
    }
}
