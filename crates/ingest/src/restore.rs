//! Edge Nodes from before a restart: their births, then their samples.
//!
//! A birth is carried out as if it had just been published, save that nobody is online by it: placement, elements and
//! metric aliases stand, its own values are the samples, all Stale, with the times they had. Samples kept under that birth
//! then take their places. When the Edge Node comes back with its NBIRTH it finds everything where it left it.
//! Says nothing to anybody: no finding, no rebirth request, no event.
//! Invariant: samples are written only where the birth in force is the one they were taken under.

use factree_namespace::{Namespace, Quality, Refusal, ValueRef};
use factree_sparkplug as sparkplug;
use sparkplug::{EdgeNodeDescriptor, Now, Outputs, Payload, Topic};

use crate::cells::{Cells, KeptSample};
use crate::claims::Claims;
use crate::edge_nodes::{Context, EdgeNodes, Received};
use crate::keep::{Birth, CHUNK, Identity, Rejected, Restored, read_identity};
use crate::seat::settle;

impl EdgeNodes {
    /// Takes a birth in again.
    pub(crate) fn restore_birth(
        &mut self,
        context: &Context<'_>,
        (birth, claims): (&Birth<'_>, &Claims),
        outputs: &mut Outputs,
    ) -> Result<Restored, Rejected> {
        let &Context { namespace, limits, now, .. } = context;
        let &Birth { topic, received, payload: published } = birth;
        let (mut payload, mut inflated) = (Payload::new(), Vec::new());
        sparkplug::decode(published, limits, &mut payload).map_err(Rejected::Undecodable)?;
        let bytes = if payload.is_compressed(published) {
            sparkplug::inflate(published, limits, &mut payload, &mut inflated).map_err(Rejected::Undecodable)?;
            &inflated
        } else {
            published
        };
        let whose = (edge_node(topic), topic.device());
        self.host.restore(now, received, whose, (bytes, &payload), outputs).map_err(Rejected::Host)?;
        self.note_new(now);
        let born = outputs.iter().find_map(|output| match output {
            sparkplug::Output::Born(born) => Some(born),
            _ => None,
        });
        let born = born.expect("a birth that is taken in is answered by one");
        let metrics = outputs.born(born);
        let (seat, corner) = settle(&mut self.seats, context, born, topic).map_err(Rejected::Tree)?;
        seat.declare(born.device, Identity::of(birth, &payload, metrics), metrics.len());
        let then = Now { wall: received, ..now };
        let message = Received { topic, published, bytes, payload: &payload, limits, now: then };
        // What does not fit now was told when it was published.
        let _: Option<Refusal> = seat.define(namespace, born.device, metrics, &message);
        let (mut writer, borne) = seat.bear(namespace, corner, (metrics, claims), &message);
        for metric in metrics {
            // A metric that the tree did not take has nothing to go stale.
            let _: Result<(), Refusal> = writer.set_quality(metric.metric.0, Quality::Stale);
        }
        writer.finish();
        if !context.governance.is_empty() {
            self.watch_metrics(context, born.edge_node, corner, metrics, &message);
        }
        let refused = borne.refused + borne.unfit.map_or(0, |unfit| unfit.beyond() as usize);
        Ok(Restored { samples: metrics.len(), refused: refused.min(metrics.len()) })
    }

    /// Takes in again one chunk of the samples of an Edge Node or device, named by the topic of its birth.
    ///
    /// They are Stale whatever they were, as after a death: nobody knows what happened meanwhile.
    pub(crate) fn restore_samples(
        &mut self,
        namespace: &Namespace,
        (topic, chunk): (Topic<'_>, u32),
        value: &[u8],
    ) -> Result<Restored, Rejected> {
        let (identity, samples) = read_identity(value)?;
        let node = self.host.edge_node(edge_node(topic)).ok_or(Rejected::NoBirth)?;
        let device = match topic.device() {
            None => None,
            Some(id) => Some(node.device_named(id).ok_or(Rejected::NoBirth)?.index),
        };
        let seat = self.seat(node.index()).ok_or(Rejected::NoBirth)?;
        let born = seat.corner(device).and_then(|corner| corner.birth).ok_or(Rejected::NoBirth)?;
        if born != identity {
            return Err(Rejected::OtherBirth);
        }
        let first = (chunk as usize).saturating_mul(CHUNK);
        let roster = node.roster(device).ok_or(Rejected::NoBirth)?;
        let metrics = roster.at(first..first.saturating_add(CHUNK));
        let samples = read_chunk(samples, metrics.clone().count())?;

        let mut restored = Restored::default();
        // Every sample brings the time it was received at; the batch's own is used by none.
        let mut writer = namespace.write(&seat.block, factree_namespace::Timestamp::default());
        for (metric, sample) in metrics.zip(&samples) {
            let Some(KeptSample { value, timestamp, received, datatype, .. }) = sample else { continue };
            let times = (*timestamp, *received);
            match writer.restore(metric.0, ValueRef::from(value), *datatype, Quality::Stale, times) {
                Ok(()) => restored.samples += 1,
                Err(_) => restored.refused += 1,
            }
        }
        writer.finish();
        Ok(restored)
    }
}

pub(crate) fn edge_node(topic: Topic<'_>) -> EdgeNodeDescriptor<'_> {
    topic.edge_node().expect("a birth is about an Edge Node")
}

/// All of a chunk before any of it is written: half a record is none.
fn read_chunk(mut bytes: &[u8], len: usize) -> Result<Vec<Option<KeptSample>>, Rejected> {
    let mut cells = Cells::new();
    let samples: Vec<_> =
        (0..len).map(|_| cells.read(&mut bytes).map_err(|_| Rejected::Malformed)).collect::<Result<_, _>>()?;
    if bytes.is_empty() { Ok(samples) } else { Err(Rejected::Malformed) }
}
