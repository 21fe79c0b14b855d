//! Plain topics: JSON and text from everything that does not speak Sparkplug.
//!
//! A topic is remembered once it has said something: where it stands, and which cell each of its fields owns. A field that
//! a later document no longer has becomes Stale; so does everything when the retained message is cleared. All plain topics
//! share one block of cells.
//! Knows nothing of sessions: who publishes a plain topic may come and go.
//! Invariant: a slot belongs to one field of one topic for as long as the process lives.

use std::collections::HashMap;
use std::sync::Arc;

use factree_namespace::{
    Block, DataType, Kind, Metadata, Namespace, OriginId, PathSpec, Place, Quality, Refusal, Segment, Source,
    Timestamp, Value, ValueRef,
};

use crate::Limits;
use crate::json::{PAYLOAD_BYTES_MAX, Reading, Reported};
use crate::placement::Placement;

/// All plain topics that belong to the tree.
#[derive(Debug)]
pub(crate) struct PlainTopics {
    block: Arc<Block>,
    topics: HashMap<Box<str>, PlainTopic>,
    slots_len: u32,
}

#[derive(Debug)]
struct PlainTopic {
    origin: OriginId,
    fields: HashMap<Box<str>, Field>,
    /// Counts its messages, so a field can tell whether the last one had it.
    messages: u64,
}

#[derive(Debug)]
struct Field {
    slot: u32,
    unit: Option<Arc<str>>,
    /// What it was last. JSON has one kind of number, and null has no type of its own.
    datatype: DataType,
    /// The message that last had it.
    seen: u64,
}

/// What became of a plain publication.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kept {
    /// In the tree.
    Whole,
    /// Not in the tree, because no rule wants the topic.
    Elsewhere,
    /// Refused, in whole or in part, because of a limit.
    Refused(Shortage),
}

/// The limit in the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shortage {
    Topics,
    PayloadBytes,
    Fields,
    Tree(Refusal),
}

impl PlainTopics {
    pub(crate) fn new(namespace: &Namespace) -> Self {
        let block = namespace.add_block().expect("the first block of a namespace fits its limits");
        Self { block, topics: HashMap::new(), slots_len: 0 }
    }

    /// Applies one publication.
    pub(crate) fn apply(
        &mut self,
        namespace: &Namespace,
        placement: &Placement,
        limits: &Limits,
        received: Timestamp,
        topic: &str,
        reading: &Reading,
    ) -> Kept {
        if !self.topics.contains_key(topic) {
            match self.admit(namespace, placement, limits, topic, reading) {
                Ok(true) => {}
                Ok(false) => return Kept::Elsewhere,
                Err(shortage) => return Kept::Refused(shortage),
            }
        }
        let (own, below) = match reading {
            Reading::Empty => (None, [].as_slice()),
            Reading::Sample(sample) => (Some(("", sample)), [].as_slice()),
            Reading::Document(samples) => (None, samples.as_slice()),
            Reading::TooManyFields => return Kept::Refused(Shortage::Fields),
            Reading::TooLarge => return Kept::Refused(Shortage::PayloadBytes),
        };
        let samples = own.into_iter().chain(below.iter().map(|(path, sample)| (path.as_str(), sample)));
        let entry = self.topics.get_mut(topic).expect("admitted above");
        entry.messages += 1;
        let mut kept = Kept::Whole;
        for (path, sample) in samples.clone() {
            // What a topic once had is remembered and looked at with each of its messages, so it counts as well.
            if entry.fields.len() >= limits.fields_per_document_max && !entry.fields.contains_key(path) {
                kept = Kept::Refused(Shortage::Fields);
            } else if let Err(refusal) = entry.place(namespace, &self.block, &mut self.slots_len, path, sample) {
                kept = Kept::Refused(Shortage::Tree(refusal));
            }
        }
        let mut writer = namespace.write(&self.block, received);
        for (path, sample) in samples {
            let Some(field) = entry.fields.get_mut(path) else { continue };
            field.seen = entry.messages;
            let (value, datatype) = field.settle(sample);
            let timestamp = sample.timestamp.unwrap_or(received);
            let quality = sample.quality.unwrap_or(Quality::Good);
            if let Err(refusal) = writer.set(field.slot, value, datatype, quality, timestamp) {
                kept = Kept::Refused(Shortage::Tree(refusal));
            }
        }
        for vanished in entry.fields.values().filter(|field| field.seen < entry.messages) {
            writer.set_quality(vanished.slot, Quality::Stale).expect("a field has a cell");
        }
        writer.finish();
        kept
    }

    /// Finds the topic its place, once. An empty payload says nothing, so it makes no element.
    fn admit(
        &mut self,
        namespace: &Namespace,
        placement: &Placement,
        limits: &Limits,
        topic: &str,
        reading: &Reading,
    ) -> Result<bool, Shortage> {
        if *reading == Reading::Empty {
            return Ok(false);
        }
        let Some(place) = placement.place_topic(topic) else { return Ok(false) };
        if self.topics.len() >= limits.topics_max {
            return Err(Shortage::Topics);
        }
        let segments: Vec<Segment<'_>> =
            place.steps.iter().map(|step| Segment { name: &step.name, level: step.level }).collect();
        let root = namespace.ensure(&segments, Kind::Folder).map_err(Shortage::Tree)?;
        let source = Source::Topic { topic: topic.into() };
        let origin = namespace.origin(&self.block, source, root).map_err(Shortage::Tree)?;
        self.topics.insert(topic.into(), PlainTopic { origin, fields: HashMap::new(), messages: 0 });
        Ok(true)
    }
}

impl PlainTopic {
    /// Gives a field its cell, and its element what is new about it.
    fn place(
        &mut self,
        namespace: &Namespace,
        block: &Block,
        slots_len: &mut u32,
        path: &str,
        sample: &Reported,
    ) -> Result<(), Refusal> {
        let known = self.fields.get(path);
        if known.is_some_and(|field| sample.unit.is_none() || field.unit == sample.unit) {
            return Ok(());
        }
        let slot = known.map_or(*slots_len, |field| field.slot);
        namespace.place(
            block,
            &Place {
                slot,
                origin: self.origin,
                path: if path.is_empty() { PathSpec::Root } else { PathSpec::Below(path) },
                kind: Kind::Metric,
                datatype: sample.datatype,
                metadata: &Metadata { unit: sample.unit.clone(), ..Metadata::default() },
            },
        )?;
        match self.fields.get_mut(path) {
            Some(field) => field.unit.clone_from(&sample.unit),
            None => {
                *slots_len += 1;
                let field = Field { slot, unit: sample.unit.clone(), datatype: sample.datatype, seen: 0 };
                self.fields.insert(path.into(), field);
            }
        }
        Ok(())
    }
}

impl Field {
    /// The value and type to write. Null keeps the type the field had, and an integer in a field of Doubles is a Double, so
    /// a type does not flap with the digits of its number.
    fn settle<'s>(&mut self, sample: &'s Reported) -> (ValueRef<'s>, DataType) {
        let value = match (&sample.value, self.datatype) {
            (Value::Null, _) => return (ValueRef::Null, self.datatype),
            (Value::Int(value), DataType::Double) if (*value as f64) as i64 == *value => {
                return (ValueRef::Double(*value as f64), DataType::Double);
            }
            (value, _) => value,
        };
        self.datatype = sample.datatype;
        (value.into(), self.datatype)
    }
}

impl std::fmt::Display for Shortage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Topics => f.write_str("as many plain topics as topics_max are known already"),
            Self::PayloadBytes => write!(f, "the payload is larger than {PAYLOAD_BYTES_MAX} bytes"),
            Self::Fields => f.write_str("the topic has, or had, more fields than fields_per_document_max"),
            Self::Tree(refusal) => refusal.fmt(f),
        }
    }
}
