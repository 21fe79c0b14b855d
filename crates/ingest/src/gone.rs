//! Metrics that are gone: no birth has them any more, and the tree keeps what they said last, across a restart too.
//!
//! A birth says nothing of them, so each is a record of its own, with unit, description and range: written once, when the
//! birth comes that no longer has it, for nothing is said of it afterwards. There are no more of them than an Edge Node may
//! have metrics, since each keeps a metric's number; a full Edge Node gives the numbers of those that are gone to new metrics,
//! and then they are forgotten.
//! Invariant: a metric that is gone has a record, and one that is back has none.

use std::sync::Arc;

use factree_namespace::{DataType, ElementId, Kind, Metadata, Namespace, PathSpec, Place, Quality, Source, ValueRef};
use factree_sparkplug as sparkplug;
use sparkplug::{DeviceId, DeviceMessage, EdgeNodeDescriptor, MetricIndex, NodeMessage, Topic};

use crate::Output;
use crate::cells::{Cells, Damaged, read_text, write_text};
use crate::claims::Claims;
use crate::edge_nodes::{Context, EdgeNodes, Received};
use crate::keep::{Keep, Record, Rejected, Restored, Table, begin_claimed, claimed, gone_key};
use crate::plain_record::{read_about, written_about};
use crate::restore::edge_node;
use crate::seat::{Borne, Seat};

/// Says what a birth means for those that it no longer has, those it has again, and those whose place others got.
pub(crate) fn keep(
    seat: &Seat,
    (node, vanished): (&sparkplug::EdgeNodeView<'_>, &[MetricIndex]),
    borne: &mut Borne,
    context: &Context<'_>,
    received: &Received<'_>,
    out: &mut Vec<Output>,
) {
    let key = |name: &str| gone_key(received.topic, name);
    for metric in std::mem::take(&mut borne.back) {
        let name = received.payload.name_of(received.bytes, metric.position);
        let key = name.and_then(|name| key(&name));
        out.extend(key.map(|key| Output::Keep(Keep::Remove(Table::Samples, key))));
    }
    if !borne.evicted.is_empty() {
        let (left, keys): (Vec<ElementId>, Vec<_>) = std::mem::take(&mut borne.evicted).into_iter().unzip();
        out.extend(keys.into_iter().flatten().map(|key| Output::Keep(Keep::Remove(Table::Samples, key))));
        context.namespace.mover().prune(left);
        if context.namespace.contexts().is_declared() {
            context.namespace.contexts().replaced(&context.namespace.read());
        }
    }
    if vanished.is_empty() {
        return;
    }
    let view = context.namespace.read();
    let elements: Vec<Option<ElementId>> = vanished.iter().map(|metric| seat.block.element(metric.0)).collect();
    let cells = seat.block.hold();
    for (metric, element) in vanished.iter().zip(elements) {
        // What the tree never took has nothing to come back to.
        let Some(claim) = cells.claim(metric.0) else { continue };
        let Some(key) = node.metric_name(*metric).and_then(key) else { continue };
        let mut value = begin_claimed(&Claims::one(claim));
        Cells::new().write(cells.sample(metric.0).as_ref(), context.kept_value_bytes_max, &mut value);
        if let Some(about) = element.and_then(|element| view.declared(element)) {
            write_text(&written_about(about), &mut value);
        }
        out.push(Output::Keep(Keep::Put(Table::Samples, Record { key, value: value.into() })));
    }
}

/// A metric whose slot is another's now, and the key it was kept by.
pub(crate) fn evicted((element, source, name): (ElementId, Source, String)) -> (ElementId, Option<Box<[u8]>>) {
    let key = || {
        let Source::Sparkplug { group, edge_node, device } = &source else { return None };
        gone_key(birth_topic(EdgeNodeDescriptor::new(group, edge_node)?, device.as_deref())?, &name)
    };
    (element, key())
}

/// The topic of the birth of an Edge Node, or of a Device of it.
pub(crate) fn birth_topic<'t>(descriptor: EdgeNodeDescriptor<'t>, device: Option<&'t str>) -> Option<Topic<'t>> {
    let EdgeNodeDescriptor { group, edge_node } = descriptor;
    Some(match device {
        None => Topic::Node { group, message: NodeMessage::Nbirth, edge_node },
        Some(device) => {
            Topic::Device { group, message: DeviceMessage::Dbirth, edge_node, device: DeviceId::new(device)? }
        }
    })
}

impl EdgeNodes {
    /// Takes in again a metric that the birth on this topic, which is there already, does not have.
    pub(crate) fn restore_gone(
        &mut self,
        namespace: &Namespace,
        (topic, name): (Topic<'_>, &str),
        value: &[u8],
    ) -> Result<Restored, Rejected> {
        let (claims, mut bytes) = claimed(value)?;
        let sample = Cells::new().read(&mut bytes).map_err(|Damaged| Rejected::Malformed)?;
        // Records of before unit, description and range were kept end here.
        let about = match bytes {
            [] => None,
            _ => read_about(read_text(&mut bytes).map_err(|Damaged| Rejected::Malformed)?),
        };
        let whose = (edge_node(topic), topic.device());
        let known = self.host.edge_node(whose.0).ok_or(Rejected::NoBirth)?;
        let device = match topic.device() {
            None => None,
            Some(id) => Some(known.device_named(id).ok_or(Rejected::NoBirth)?.index),
        };
        let seat = self.seats.get(known.index().0 as usize).and_then(Option::as_ref).ok_or(Rejected::NoBirth)?;
        let corner = seat.corner(device).ok_or(Rejected::NoBirth)?;
        let MetricIndex(slot) = self.host.restore_vanished(whose, name).map_err(Rejected::Host)?;
        let datatype = sample.as_ref().map_or(DataType::Unknown, |sample| sample.datatype);
        let mut placer = namespace.placer(&seat.block);
        claims.each(1).flatten().for_each(|claim| placer.claimed(claim));
        let (origin, path, kind) = (corner.origin, PathSpec::Below(name), Kind::Metric);
        let metadata = &about.map_or_else(Metadata::default, Arc::unwrap_or_clone);
        placer.place(&Place { slot, origin, path, kind, datatype, metadata }).map_err(Rejected::Tree)?;
        let mut writer = placer.write(factree_namespace::Timestamp::default());
        let mut restored = Restored::default();
        if let Some(sample) = &sample {
            let (value, times) = (ValueRef::from(&sample.value), (sample.timestamp, sample.received));
            match writer.restore(slot, value, datatype, Quality::Stale, times) {
                Ok(()) => restored.samples += 1,
                Err(_) => restored.refused += 1,
            }
        }
        writer.restore_gone(slot).expect("it has just been placed");
        Ok(restored)
    }
}
