//! What publications say about context: orders, batches, operators, and whatever else is declared to be context.
//!
//! The namespace knows which cells belong to documents and remembers what they said; here messages are told to it before the
//! tree shows them. Blocks without such cells cost a message one load.
//! Knows no history. Invariant: what of it must outlive the process is among the outputs of the batch that brought it.

use factree_namespace::{
    ContextEntry, ContextRule, ContextSample, ContextWrite, ElementId, Quality, Revision, Source, Timestamp, Value,
};
use factree_sparkplug as sparkplug;
use sparkplug::{Born, BornMetric, DataType, Died, EdgeNodeIndex, MetricIndex, Update};

use crate::context_record::{self, ContextKey};
use crate::edge_nodes::{Context, EdgeNodes, Received};
use crate::json::Reported;
use crate::keep::{Keep, Rejected, Restored, Table};
use crate::seat::said_quality;
use crate::{Ingest, Output, convert};

impl Ingest {
    /// Declares what is context, in place of what was declared before. Restored histories that belong to no document any more
    /// are forgotten, so this comes after [`Ingest::restore`].
    ///
    /// What is in the tree already is context since the time it has there. Right after a restart everything is Stale from
    /// when the former process was last heard of.
    pub fn declare_contexts(&mut self, rules: Vec<ContextRule>) {
        self.namespace.contexts().declare(&self.namespace.read(), rules);
    }

    /// The same for a process that has just restored what the one before it kept.
    pub fn restore_contexts(&mut self, rules: Vec<ContextRule>) {
        self.settle_disputes();
        let recalled = if rules.is_empty() { Vec::new() } else { self.namespace.contexts().last_words() };
        for (source, within, entry) in recalled {
            if let Source::Topic { topic } = source {
                self.recall(&topic, &within, &entry);
            }
        }
        let heard = if rules.is_empty() { Timestamp::default() } else { self.last_heard() };
        self.declare_contexts(rules);
        if self.namespace.contexts().is_declared() && heard > Timestamp::default() {
            self.namespace.contexts().stale_all(Timestamp(heard.0.saturating_add(1)));
        }
    }

    /// A document's last message may be newer than the samples that were kept: then the tree gets it from its history.
    fn recall(&mut self, topic: &str, within: &str, entry: &ContextEntry) {
        let path = |name: &str| match (within.is_empty(), name.is_empty()) {
            (true, _) => name.to_owned(),
            (false, true) => within.to_owned(),
            (false, false) => format!("{within}/{name}"),
        };
        let fields: Vec<(String, &Value)> =
            entry.fields().iter().map(|field| (path(&field.name), &field.value)).collect();
        self.plain.recall(&self.namespace, &self.placement, &self.limits, topic, entry.from, &fields);
    }

    /// When the newest of all samples was received.
    fn last_heard(&self) -> Timestamp {
        let mut heard = Timestamp::default();
        for block in self.namespace.read().blocks() {
            block.changed_since(Revision::ZERO, |_, _, sample| heard = heard.max(sample.received));
        }
        heard
    }

    /// Takes back a record of [`Table::Contexts`].
    pub(crate) fn restore_context(&mut self, key: &[u8], value: &[u8]) -> Result<Restored, Rejected> {
        let ContextKey { source, within, number } = context_record::read_key(key)?;
        let entry = context_record::read(value)?;
        self.namespace.contexts().restore(source, &within, number, entry);
        Ok(Restored::default())
    }

    /// Says what is to be kept of what was noted.
    pub(crate) fn keep_contexts(&self, out: &mut Vec<Output>) {
        for ContextWrite { source, within, number, entry } in self.namespace.contexts().take_writes() {
            let Some(key) = context_record::key(&source, &within, number) else { continue };
            out.push(Output::Keep(match entry {
                Some(entry) => Keep::Put(Table::Contexts, context_record::record(key, &entry)),
                None => Keep::Remove(Table::Contexts, key),
            }));
        }
    }
}

impl EdgeNodes {
    /// Notes what data say, before the tree has it. Apart from the data path: most plants have no context in it.
    #[cold]
    pub(crate) fn note_data(
        &self,
        context: &Context<'_>,
        edge_node: EdgeNodeIndex,
        updates: impl Iterator<Item = Update>,
        received: &Received<'_>,
    ) {
        let Some(seat) = self.seat(edge_node).filter(|seat| seat.block.is_watched()) else { return };
        let now = convert::timestamp(received.now.wall);
        let said = updates.map(|update| (update.metric.0, update));
        context.namespace.contexts().note(&seat.block, now, said, |update| {
            said_by(update, received, context.namespace.limits().value_bytes_max)
        });
    }

    /// The same for a Birth, whose metrics that are no more are Stale.
    #[cold]
    pub(crate) fn note_birth(
        &self,
        context: &Context<'_>,
        born: &Born,
        metrics: &[BornMetric],
        vanished: &[MetricIndex],
        received: &Received<'_>,
    ) {
        let updates = metrics.iter().map(|&BornMetric { metric, position, datatype, .. }| Update {
            metric,
            position,
            datatype,
            is_historical: false,
        });
        self.note_data(context, born.edge_node, updates, received);
        let Some(seat) = self.seat(born.edge_node).filter(|seat| seat.block.is_watched()) else { return };
        let now = convert::timestamp(received.now.wall);
        let vanished = vanished.iter().map(|metric| metric.0);
        context.namespace.contexts().stale_slots(&seat.block, vanished, now);
    }

    /// Looks whether what a Birth brought belongs to documents, once it is placed.
    #[cold]
    pub(crate) fn note_placed(&self, context: &Context<'_>, born: &Born, metrics: &[BornMetric]) {
        let Some(seat) = self.seat(born.edge_node) else { return };
        let elements: Vec<ElementId> = metrics.iter().filter_map(|born| seat.element(born.metric)).collect();
        context.namespace.contexts().placed(&context.namespace.read(), elements.into_iter());
    }

    /// Notes that documents are Stale, before their samples are.
    #[cold]
    pub(crate) fn note_death(&self, context: &Context<'_>, died: &Died) {
        let Some(seat) = self.seat(died.edge_node).filter(|seat| seat.block.is_watched()) else { return };
        let origin = match died.device {
            None => None,
            Some(device) => match seat.devices.get(&device) {
                Some((_, corner)) => Some(corner.origin),
                None => return,
            },
        };
        context.namespace.contexts().stale(&seat.block, origin, convert::timestamp(context.now.wall));
    }
}

/// What one metric of a message says.
fn said_by(update: Update, received: &Received<'_>, value_bytes_max: usize) -> ContextSample {
    let Update { position, datatype, is_historical, .. } = update;
    let raw = received.payload.metric(position);
    let is_broken = datatype == DataType::Template && received.payload.template_fault(position).is_some();
    let (value, quality) = match sparkplug::interpret(datatype, raw.wire_value(received.bytes)) {
        Ok(value) if !is_broken && convert::fits(&value, received.limits, value_bytes_max).is_ok() => {
            let quality = raw.properties().map_or(Quality::Good, |span| said_quality(span, received));
            (convert::with_value(value, |value| Value::from(value)), quality)
        }
        Ok(_) | Err(_) => (Value::Null, Quality::Bad),
    };
    let timestamp = raw.timestamp().or(received.payload.timestamp).map(convert::timestamp);
    ContextSample { value, quality, timestamp, is_historical }
}

/// What a field of a plain message says.
pub(crate) fn said_plainly(sample: &Reported) -> ContextSample {
    ContextSample {
        value: sample.value.clone(),
        quality: sample.quality.unwrap_or(Quality::Good),
        timestamp: sample.timestamp,
        is_historical: false,
    }
}
