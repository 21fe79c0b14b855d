//! The notation the stories are told in: a plant of sources, and its tree written down as lines.

use std::sync::Arc;

use factree_namespace::*;

pub(crate) struct Plant {
    pub(crate) namespace: Namespace,
}

impl Plant {
    pub(crate) fn new() -> Self {
        Self::within(Limits::default())
    }

    pub(crate) fn within(limits: Limits) -> Self {
        Self { namespace: Namespace::new(limits) }
    }

    /// A plant whose Edge Node `Line1` has `values_bytes` for values, beside what the origin itself takes.
    pub(crate) fn with_room_for(values_bytes: usize, limits: &Limits) -> Self {
        let plant = Self::new();
        plant.edge_node("Line1");
        Self::within(Limits { values_bytes_max: plant.namespace.stats().values_bytes + values_bytes, ..limits.clone() })
    }

    /// An Edge Node of group `Acme`, its root at `Acme/{name}`.
    pub(crate) fn edge_node(&self, name: &str) -> Publisher<'_> {
        let source = Source::Sparkplug { group: "Acme".into(), edge_node: name.into(), device: None };
        self.publisher(source, &format!("Acme/{name}"))
    }

    pub(crate) fn topic(&self, topic: &str) -> Publisher<'_> {
        self.publisher(Source::Topic { topic: topic.into() }, topic)
    }

    pub(crate) fn publisher(&self, source: Source, root: &str) -> Publisher<'_> {
        let block = self.namespace.add_block().unwrap();
        let origin = self.origin(&block, source, root);
        Publisher { plant: self, block, origin }
    }

    pub(crate) fn origin(&self, block: &Block, source: Source, root: &str) -> OriginId {
        let segments: Vec<_> = root.split('/').map(Segment::named).collect();
        let root = self.namespace.ensure(&segments, Kind::Equipment).unwrap();
        self.namespace.origin(block, source, root).unwrap()
    }

    pub(crate) fn sample(&self, path: &str) -> Option<Sample> {
        let view = self.namespace.read();
        view.sample(view.find(path)?)
    }

    /// What a filter selects, a line each: `path = value quality`.
    pub(crate) fn show(&self, filter: &str) -> Vec<String> {
        let view = self.namespace.read();
        let ids = view.select(&Filter::parse(filter).unwrap(), None, usize::MAX);
        let mut lines = Vec::new();
        view.samples(&ids, |id, reading| {
            lines.push(format!("{}{}", view.path(id), tell(reading.map(|(sample, _)| sample))));
        });
        lines
    }
}

fn tell(sample: Option<Sample>) -> String {
    let Some(Sample { value, quality, .. }) = sample else { return String::new() };
    let value = match value {
        Value::Double(v) => v.to_string(),
        Value::String(v) => v.to_string(),
        other => format!("{other:?}"),
    };
    format!(" = {value} {}", quality.as_str())
}

pub(crate) struct Publisher<'a> {
    pub plant: &'a Plant,
    pub block: Arc<Block>,
    pub origin: OriginId,
}

impl Publisher<'_> {
    pub(crate) fn try_place(&self, slot: u32, path: PathSpec<'_>) -> Result<Placed, Refusal> {
        let metadata = Metadata::default();
        self.place_as(slot, path, DataType::Double, &metadata)
    }

    pub(crate) fn place_as(
        &self,
        slot: u32,
        path: PathSpec<'_>,
        datatype: DataType,
        metadata: &Metadata,
    ) -> Result<Placed, Refusal> {
        let place = Place { slot, origin: self.origin, path, kind: Kind::Metric, datatype, metadata };
        self.plant.namespace.place(&self.block, &place)
    }

    pub(crate) fn place(&self, slot: u32, name: &str) -> Placed {
        self.try_place(slot, PathSpec::Below(name)).unwrap()
    }

    /// One batch of good doubles, received at 1000, dated 990.
    pub(crate) fn write(&self, samples: &[(u32, f64)]) -> Revision {
        let mut writer = self.plant.namespace.write(&self.block, Timestamp(1000));
        for &(slot, value) in samples {
            writer.set(slot, ValueRef::Double(value), DataType::Double, Quality::Good, Timestamp(990)).unwrap();
        }
        writer.finish()
    }

    pub(crate) fn set(&self, slot: u32, value: ValueRef<'_>) -> Result<Revision, Refusal> {
        let mut writer = self.plant.namespace.write(&self.block, Timestamp(1000));
        writer.set(slot, value, DataType::String, Quality::Good, Timestamp(990))?;
        Ok(writer.finish())
    }

    /// The slots that changed after `since`.
    pub(crate) fn changed_since(&self, since: Revision) -> Vec<u32> {
        let mut slots = Vec::new();
        self.block.changed_since(since, |slot, _, _| slots.push(slot));
        let held = self.block.hold();
        assert_eq!(held.changed_slots(0, since).collect::<Vec<_>>(), slots, "both ways of asking say the same");
        assert!(slots.iter().all(|&slot| held.has_changed(slot, since) && held.is_newer(since)));
        slots
    }
}
