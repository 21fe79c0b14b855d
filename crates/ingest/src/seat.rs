//! An Edge Node's seat in the tree: where its metrics begin, and how a message's values get into their cells.
//!
//! A seat is taken at the first Birth and kept; the metrics of later Births find their elements again by their numbers. Knows
//! neither when an Edge Node is alive nor what it did wrong.
//! Invariant: a metric that the tree refused has a slot without an element; writes to it come to nothing.

use std::collections::HashMap;
use std::sync::Arc;

use factree_namespace::{
    Block, ElementId, Kind, Namespace, OriginId, PathSpec, Place, Placer, Quality, Refusal, Scalar, Scalars, Segment,
    Source, Writer,
};
use factree_sparkplug as sparkplug;
use sparkplug::{Born, BornMetric, DataType, DeviceIndex, MetricIndex, Mismatch, Properties, RawMetric, Topic, Update};

use crate::claims::Claims;
use crate::edge_nodes::{Context, Received};
use crate::governance::Watched;
use crate::keep::Identity;
use crate::unfit::{Beyond, NotTaken, Unfit};
use crate::{convert, declare, definitions, gone};

/// An Edge Node's place in the tree.
#[derive(Debug)]
pub(crate) struct Seat {
    pub(crate) group: Arc<str>,
    pub(crate) edge_node: Arc<str>,
    pub(crate) block: Arc<Block>,
    /// The Edge Node's own metrics.
    pub(crate) own: Corner,
    /// Its Devices'.
    pub(crate) devices: HashMap<DeviceIndex, (Arc<str>, Corner)>,
    /// Who published the last NBIRTH.
    pub(crate) client_id: Option<Arc<str>>,
    /// The foreign broker it was heard on; none: our own.
    pub(crate) attachment: Option<u16>,
    /// Its metrics that rules mean, if any are.
    pub(crate) watched: Option<Box<Watched>>,
}

/// Where the metrics of an Edge Node itself, or of one Device, begin, and the Birth that declared them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Corner {
    pub(crate) origin: OriginId,
    pub(crate) root: ElementId,
    /// None until the first Birth has been carried out.
    pub(crate) birth: Option<Identity>,
    /// How many metrics that Birth declared.
    metrics_len: u32,
    /// Whether it defined types.
    defines_types: bool,
}

/// What became of the metrics of a Birth.
pub(crate) struct Borne {
    /// Why the tree did not take all of them.
    pub(crate) refusal: Option<Refusal>,
    /// How many it did not take.
    pub(crate) refused: usize,
    /// Of which it did not take the value.
    pub(crate) unfit: Option<Box<Unfit>>,
    /// How many nobody has known before.
    pub(crate) added: usize,
    /// How many are declared otherwise than before.
    pub(crate) changed: usize,
    /// Those that were gone, and are no more.
    pub(crate) back: Vec<BornMetric>,
    /// The metrics that were gone and whose slots others got, because the Edge Node is full: the elements they left, and the
    /// keys they were kept by.
    pub(crate) evicted: Vec<(ElementId, Option<Box<[u8]>>)>,
}

impl Seat {
    /// The element that shows a metric, if the tree took it.
    pub(crate) fn element(&self, metric: MetricIndex) -> Option<ElementId> {
        self.block.element(metric.0)
    }

    /// Where the metrics of the Edge Node itself, or of a device, begin.
    pub(crate) fn corner(&self, device: Option<DeviceIndex>) -> Option<Corner> {
        match device {
            None => Some(self.own),
            Some(device) => self.devices.get(&device).map(|(_, corner)| *corner),
        }
    }

    /// Places the metrics of a Birth and writes their samples. The writer, so that more can be seen with them at once, and
    /// what became of them.
    pub(crate) fn bear<'n>(
        &'n self,
        namespace: &'n Namespace,
        corner: Corner,
        (metrics, claims): (&[BornMetric], &Claims),
        received: &Received<'_>,
    ) -> (Writer<'n>, Borne) {
        let mut borne = Borne {
            refusal: None,
            refused: 0,
            unfit: None,
            added: 0,
            changed: 0,
            back: Vec::new(),
            evicted: Vec::new(),
        };
        let mut placer = namespace.placer(&self.block);
        for (metric, claim) in metrics.iter().zip(claims.each(metrics.len())) {
            borne.added += usize::from(metric.is_new);
            match metric.is_new {
                true => borne.evicted.extend(placer.occupant(metric.metric.0).map(gone::evicted)),
                false if placer.is_gone(metric.metric.0) => borne.back.push(*metric),
                false => {}
            }
            claim.into_iter().for_each(|claim| placer.claimed(claim));
            match place(&mut placer, corner, metric, received) {
                Ok(has_changed) => borne.changed += usize::from(has_changed),
                Err(refused) => {
                    borne.refused += 1;
                    borne.refusal = Some(refused);
                }
            }
        }
        let mut writer = placer.write(convert::timestamp(received.now.wall));
        let updates = metrics.iter().map(|&BornMetric { metric, position, datatype, .. }| Update {
            metric,
            position,
            datatype,
            is_historical: false,
        });
        borne.unfit = write_all(&mut writer, updates, received);
        (writer, borne)
    }

    /// Notes the Birth that now says what the metrics of a corner are; how many the one before had.
    pub(crate) fn declare(&mut self, device: Option<DeviceIndex>, birth: Identity, metrics_len: usize) -> usize {
        let corner = self.corner_mut(device);
        corner.birth = Some(birth);
        std::mem::replace(&mut corner.metrics_len, metrics_len as u32) as usize
    }

    /// Takes the types that a Birth defines, in place of those that the one before did; before its metrics are placed, so
    /// that instances find them. Why not all of them are known, if so.
    pub(crate) fn define(
        &mut self,
        namespace: &Namespace,
        device: Option<DeviceIndex>,
        metrics: &[BornMetric],
        received: &Received<'_>,
    ) -> Option<Refusal> {
        let types = definitions::types(metrics, received);
        let corner = self.corner_mut(device);
        let is_news = std::mem::replace(&mut corner.defines_types, !types.is_empty()) || !types.is_empty();
        if !is_news {
            return None;
        }
        let origin = corner.origin;
        namespace.define(&self.block, origin, types).into_iter().last().map(|(_, refusal)| refusal)
    }

    fn corner_mut(&mut self, device: Option<DeviceIndex>) -> &mut Corner {
        match device {
            None => &mut self.own,
            Some(device) => &mut self.devices.get_mut(&device).expect("a Birth settles its device").1,
        }
    }

    fn new(context: &Context<'_>, topic: Topic<'_>) -> Result<Self, Refusal> {
        let descriptor = topic.edge_node().expect("a Birth is about an Edge Node");
        let group: Arc<str> = descriptor.group.as_str().into();
        let edge_node: Arc<str> = descriptor.edge_node.as_str().into();
        let block = context.namespace.add_block()?;
        let own = corner(context, &block, &group, &edge_node, None)?;
        Ok(Self {
            group,
            edge_node,
            block,
            own,
            devices: HashMap::new(),
            client_id: None,
            attachment: None,
            watched: None,
        })
    }
}

/// Finds an Edge Node or Device its place in the tree: the first time by the placement rules, then the same.
pub(crate) fn settle<'s>(
    seats: &'s mut Vec<Option<Seat>>,
    context: &Context<'_>,
    born: &Born,
    topic: Topic<'_>,
) -> Result<(&'s mut Seat, Corner), Refusal> {
    let index = born.edge_node.0 as usize;
    seats.resize_with(seats.len().max(index + 1), || None);
    let seat = match &mut seats[index] {
        Some(seat) => seat,
        empty => empty.insert(Seat::new(context, topic)?),
    };
    if let Some(corner) = seat.corner(born.device) {
        return Ok((seat, corner));
    }
    let (device, id) = born.device.zip(topic.device()).expect("only a device can be without a corner");
    let id: Arc<str> = id.as_str().into();
    let corner = corner(context, &seat.block, &seat.group, &seat.edge_node, Some(&id))?;
    seat.devices.insert(device, (id, corner));
    Ok((seat, corner))
}

/// Asks placement where something stands, and makes its element.
fn corner(
    context: &Context<'_>,
    block: &Block,
    group: &Arc<str>,
    edge_node: &Arc<str>,
    device: Option<&Arc<str>>,
) -> Result<Corner, Refusal> {
    let place = context.placement.place_sparkplug(group, edge_node, device.map(|device| &**device));
    let segments: Vec<Segment<'_>> =
        place.steps.iter().map(|step| Segment { name: &step.name, level: step.level, kind: step.kind }).collect();
    let root = context.namespace.ensure(&segments, Kind::Equipment)?;
    let source =
        Source::Sparkplug { group: Arc::clone(group), edge_node: Arc::clone(edge_node), device: device.cloned() };
    Ok(Corner {
        origin: context.namespace.origin(block, source, root)?,
        root,
        birth: None,
        metrics_len: 0,
        defines_types: false,
    })
}

/// Gives a metric of a Birth its element, or the same one as before with what is new about it. Whether it is one that is
/// declared otherwise than before.
fn place(
    placer: &mut Placer<'_>,
    corner: Corner,
    metric: &BornMetric,
    received: &Received<'_>,
) -> Result<bool, Refusal> {
    let &Received { bytes, payload, limits, .. } = received;
    let metadata = declare::metadata(payload.metric(metric.position), bytes, limits);
    let (slot, datatype) = (metric.metric.0, convert::datatype(metric.datatype));
    // The host's numbers stand for the same device and name in every Birth, so for the same path.
    if !metric.is_new
        && let Some(has_changed) = placer.redeclare(slot, datatype, &metadata)?
    {
        return Ok(has_changed);
    }
    let name = payload.name_of(bytes, metric.position).unwrap_or_default();
    let path = PathSpec::Below(&name);
    let placed =
        placer.place(&Place { slot, origin: corner.origin, path, kind: Kind::Metric, datatype, metadata: &metadata });
    placed.map(|_| false)
}

/// Writes the samples of a message; what of it the tree did not take, if anything. A function of its own, with everything that only the rare
/// metric needs behind one reference, so that the loop has registers enough: 15 instructions less per metric
/// (`benches/benches/ingest.rs`).
#[inline(never)]
pub(crate) fn write_all(
    writer: &mut Writer<'_>,
    updates: impl Iterator<Item = Update>,
    received: &Received<'_>,
) -> Option<Box<Unfit>> {
    let mut unfit = None;
    let mut updates = updates;
    while let Some(update) = write_numbers(&mut writer.scalars(), &mut updates, received) {
        let raw = received.payload.metric(update.position);
        if !update.is_historical
            && let Err(why) = write_any(writer, update, raw, received)
        {
            Unfit::add(&mut unfit, update.metric, why);
        }
    }
    unfit
}

/// Writes the samples that are live numbers, up to the first one that is not: that one.
#[inline(never)]
fn write_numbers(
    scalars: &mut Scalars<'_>,
    updates: &mut impl Iterator<Item = Update>,
    received: &Received<'_>,
) -> Option<Update> {
    updates.find(|update| {
        let number = received.payload.metric(update.position).live_number(update.datatype);
        let Some((timestamp, Some(scalar))) = number.map(|(timestamp, value)| (timestamp, convert::scalar(value)))
        else {
            return true;
        };
        let (datatype, timestamp) = (convert::datatype(update.datatype), convert::timestamp(timestamp));
        !scalars.set(update.metric.0, scalar, datatype, Quality::Good, timestamp)
    })
}

/// Writes a sample that is more than a number. What is no value of its datatype, or beyond a limit, costs this metric its value
/// and quality, and nothing else (SP10).
///
/// # Errors
/// Why it is NULL and Bad, unless the host says so too. A metric without a place is none: it was told when it was born.
#[inline(never)]
fn write_any(
    writer: &mut Writer<'_>,
    Update { metric: MetricIndex(slot), position, datatype, .. }: Update,
    raw: &RawMetric,
    received: &Received<'_>,
) -> Result<(), NotTaken> {
    let timestamp = received.captured(raw);
    let declared = convert::datatype(datatype);
    let is_broken = datatype == DataType::Template && received.payload.template_fault(position).is_some();
    let why = match sparkplug::interpret(datatype, raw.wire_value(received.bytes)) {
        Ok(_) if is_broken => None,
        Ok(value) => match convert::fits(&value, received.limits, writer.value_bytes_max()) {
            Ok(()) => {
                let quality = match raw.properties() {
                    None => Quality::Good,
                    Some(span) => said_quality(span, received),
                };
                match convert::with_value(value, |value| writer.set(slot, value, declared, quality, timestamp)) {
                    Ok(()) | Err(Refusal::NoSuchSlot) => return Ok(()),
                    Err(refusal) => Some(NotTaken::Beyond(Beyond::Tree(refusal))),
                }
            }
            Err(beyond) => Some(NotTaken::Beyond(beyond)),
        },
        // What is wrong with a datatype was said of the birth, and what is wrong with a structure is said of each.
        Err(Mismatch::Datatype | Mismatch::DataSet | Mismatch::Template) => None,
        Err(mismatch) => Some(NotTaken::Mismatched(mismatch)),
    };
    match writer.set_scalar(slot, Scalar::NULL, declared, Quality::Bad, timestamp) {
        Ok(()) => why.map_or(Ok(()), Err),
        Err(_) => Ok(()),
    }
}

/// What the property `Quality` says; Good without one, Uncertain if it says something undefined.
pub(crate) fn said_quality(span: sparkplug::Span, received: &Received<'_>) -> Quality {
    match Properties::parse(received.bytes, span, received.limits).map(|properties| properties.quality()) {
        Ok(None) | Err(_) => Quality::Good,
        Ok(Some(Ok(quality))) => convert::quality(quality),
        Ok(Some(Err(_undefined))) => Quality::Uncertain,
    }
}
