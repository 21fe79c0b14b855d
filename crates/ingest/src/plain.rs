//! Plain topics: JSON and text from everything that does not speak Sparkplug.
//!
//! A topic is remembered once it has said something: where it stands, and which cell each of its fields owns. A field
//! that a later document no longer has becomes Stale; so does everything when the payload is empty. All
//! plain topics share one block of cells. Whoever publishes a plain topic may come and go: of sessions it only knows
//! over which link to a foreign broker a topic was last heard, because that is where a command to it belongs.
//! Invariant: a slot belongs to one field of one topic until that is forgotten, and `slots` says to which.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Instant;

use factree_namespace::{
    Block, ContextSample, DataType, ElementId, Kind, Metadata, Namespace, OriginId, PathSpec, Place, Quality, Refusal,
    Scalar, Segment, Source, Timestamp, Value, ValueRef,
};

use crate::cells::KeptSample;
use crate::claims::Claims;
use crate::context::said_plainly;
use crate::json::{self, Form, PAYLOAD_BYTES_MAX, Reading, Reported, TOO_LONG_NAMES};
use crate::keep::{CHUNK, Rejected, Restored};
use crate::placement::Placement;
use crate::plain_record::KeptField;
use crate::witness::Witness;
use crate::{Limits, SessionKey};

mod forget;

use forget::Slots;

/// All plain topics that belong to the tree.
#[derive(Debug)]
pub(crate) struct PlainTopics {
    pub(crate) block: Arc<Block>,
    pub(crate) topics: Vec<PlainTopic>,
    by_name: HashMap<Arc<str>, u32>,
    /// By slot: the topic's and the field's number.
    pub(crate) slots: Vec<(u32, u32)>,
    /// Whether fields have other numbers than in the process before this one, because records were missing: then the
    /// chunks in the store overlap and all have to be written anew.
    pub(crate) is_renumbered: bool,
    pub(crate) witness: Witness,
    /// How many topics have ever had a place.
    pub(crate) admitted: usize,
    /// Topics whose retained message has been cleared and that have said nothing since, while they are in the tree: they are kept
    /// for no restart.
    pub(crate) cleared: BTreeSet<u32>,
    /// When cleared topics last left it, or might have.
    pub(crate) swept: Option<Instant>,
    /// Numbers and slots that were forgotten topics'. Slots are used again when there are no others: until then who follows the
    /// tree need not look whose they are.
    vacant: Vec<u32>,
    vacant_slots: Vec<u32>,
}

/// One plain topic.
#[derive(Debug)]
pub(crate) struct PlainTopic {
    pub(crate) topic: Arc<str>,
    pub(crate) origin: OriginId,
    /// Where it stands; none while no rule wants it.
    pub(crate) root: Option<ElementId>,
    /// It has said something while no rule wanted it, so what is known of it is old.
    pub(crate) has_missed: bool,
    /// It was forgotten; its number is nobody's.
    pub(crate) is_nobodys: bool,
    /// In the order they came.
    pub(crate) fields: Vec<Field>,
    /// Where to find a path in `fields`, once they are more than [`FEW`].
    by_path: HashMap<Arc<str>, u32>,
    /// Counts its messages, so a field can tell whether the last one had it.
    messages: u64,
    /// The session with a foreign broker over which it was last heard; none: on our own.
    link: Option<SessionKey>,
}

const PLACED: &str = "a field has a cell";

/// So many fields are looked through faster than a map, which takes 120 bytes; most topics have one.
const FEW: usize = 8;

/// One field of a plain topic; the payload itself is the field without a path.
#[derive(Debug)]
pub(crate) struct Field {
    pub(crate) path: Arc<str>,
    pub(crate) slot: u32,
    /// What its messages have said of it so far.
    pub(crate) about: Option<Arc<Metadata>>,
    /// What it was last. JSON has one kind of number, and null has no type of its own.
    pub(crate) datatype: DataType,
    /// How its last message spelled it.
    form: Form,
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
    Names,
    Tree(Refusal),
}

impl PlainTopics {
    pub(crate) fn new(namespace: &Namespace) -> Self {
        let block = namespace.add_block().expect("the first block of a namespace fits its limits");
        Self {
            block,
            topics: Vec::new(),
            by_name: HashMap::new(),
            slots: Vec::new(),
            is_renumbered: false,
            witness: Witness::default(),
            admitted: 0,
            cleared: BTreeSet::new(),
            swept: None,
            vacant: Vec::new(),
            vacant_slots: Vec::new(),
        }
    }

    /// Applies one publication.
    pub(crate) fn apply(
        &mut self,
        namespace: &Namespace,
        placement: &Placement,
        limits: &Limits,
        received: Timestamp,
        (topic, link): (&str, Option<SessionKey>),
        reading: &Reading,
    ) -> Kept {
        let reading = reading.told();
        let number = match self.by_name.get(topic) {
            Some(&number) => number,
            // An empty payload says nothing, so it makes no element.
            None if *reading == Reading::Empty => return Kept::Elsewhere,
            None => match self.admit(namespace, placement, limits, topic) {
                Ok(Some(number)) => number,
                Ok(None) => return Kept::Elsewhere,
                Err(shortage) => return Kept::Refused(shortage),
            },
        };
        if *reading != Reading::Empty {
            self.cleared.remove(&number);
        }
        let (own, below) = match reading {
            Reading::Empty => (None, [].as_slice()),
            Reading::Sample(sample) => (Some(("", sample)), [].as_slice()),
            Reading::Document(samples) => (None, samples.as_slice()),
            Reading::Colliding(_) => unreachable!("what it holds is read"),
            Reading::TooManyFields => return self.miss(namespace, number, (received, link), Shortage::Fields),
            Reading::TooLongNames => return self.miss(namespace, number, (received, link), Shortage::Names),
            Reading::TooLarge => return self.miss(namespace, number, (received, link), Shortage::PayloadBytes),
        };
        let samples = own.into_iter().chain(below.iter().map(|(path, sample)| (path.as_str(), sample)));
        let entry = &mut self.topics[number as usize];
        if entry.root.is_none() {
            entry.has_missed = true;
            return Kept::Elsewhere;
        }
        entry.messages += 1;
        entry.link = link;
        let mut kept = Kept::Whole;
        let known_len = entry.fields.len();
        for (path, sample) in samples.clone() {
            // What a topic once had is remembered and looked at with each of its messages, so it counts as well.
            let declared = (&sample.about, sample.datatype);
            if entry.fields.len() >= limits.fields_per_document_max && entry.find(path).is_none() {
                kept = Kept::Refused(Shortage::Fields);
            } else {
                let slots = Slots { given: &mut self.slots, vacant: &mut self.vacant_slots };
                if let Err(refusal) = entry.place(namespace, &self.block, (number, slots), (path, None), declared) {
                    kept = Kept::Refused(Shortage::Tree(refusal));
                }
            }
        }
        if namespace.contexts().is_declared() {
            if entry.fields.len() > known_len {
                let new = entry.fields[known_len..].iter().filter_map(|field| self.block.element(field.slot)).collect();
                let new: Vec<ElementId> = new;
                namespace.contexts().placed(&namespace.read(), new.into_iter());
            }
            entry.note(namespace, &self.block, received, reading, samples.clone());
        }
        let mut writer = namespace.write(&self.block, received);
        for (path, sample) in samples {
            let Some(field) = entry.find(path) else { continue };
            let field = &mut entry.fields[field];
            field.seen = entry.messages;
            let (value, datatype) = field.settle(sample);
            let timestamp = sample.timestamp.unwrap_or(received);
            let quality = sample.quality.unwrap_or(Quality::Good);
            if let Err(refusal) = writer.set(field.slot, value, datatype, quality, timestamp) {
                kept = Kept::Refused(Shortage::Tree(refusal));
                // What was there before must not pass for what was said now.
                writer.set_scalar(field.slot, Scalar::NULL, datatype, Quality::Bad, timestamp).expect(PLACED);
            }
        }
        for vanished in entry.fields.iter().filter(|field| field.seen < entry.messages) {
            writer.set_quality(vanished.slot, Quality::Stale).expect(PLACED);
        }
        let revision = writer.finish();
        self.witness.saw_among(&self.block, revision, entry.fields.iter().map(|field| field.slot));
        kept
    }

    /// A message of a known topic that cannot be read: what its fields were before must not pass for what it says.
    #[cold]
    fn miss(
        &mut self,
        namespace: &Namespace,
        number: u32,
        (received, link): (Timestamp, Option<SessionKey>),
        shortage: Shortage,
    ) -> Kept {
        let entry = &mut self.topics[number as usize];
        if entry.root.is_none() {
            entry.has_missed = true;
            return Kept::Elsewhere;
        }
        entry.link = link;
        let mut writer = namespace.write(&self.block, received);
        for field in &entry.fields {
            writer.set_scalar(field.slot, Scalar::NULL, field.datatype, Quality::Bad, received).expect(PLACED);
        }
        let revision = writer.finish();
        self.witness.saw_among(&self.block, revision, entry.fields.iter().map(|field| field.slot));
        Kept::Refused(shortage)
    }

    /// How the payload of a topic that is one sample is spelled, and its unit; none if it is a document, or not known.
    pub(crate) fn spelling(&self, topic: &str, slot: u32) -> Option<(Form, Option<&str>)> {
        let &number = self.by_name.get(topic)?;
        let topic = &self.topics[number as usize];
        let field = &topic.fields[topic.find("")?];
        (field.slot == slot).then_some((field.form, field.about.as_ref().and_then(|about| about.unit.as_deref())))
    }

    /// Where the topic stands, if it is in the tree.
    pub(crate) fn root(&self, topic: &str) -> Option<ElementId> {
        let &number = self.by_name.get(topic)?;
        self.topics[number as usize].root
    }

    /// The session with a foreign broker over which the topic was last heard.
    pub(crate) fn link(&self, topic: &str) -> Option<SessionKey> {
        let &number = self.by_name.get(topic)?;
        self.topics[number as usize].link
    }

    /// Finds the topic its place, once; its number, or none if no rule wants it.
    fn admit(
        &mut self,
        namespace: &Namespace,
        placement: &Placement,
        limits: &Limits,
        topic: &str,
    ) -> Result<Option<u32>, Shortage> {
        let Some(place) = placement.place_topic(topic) else { return Ok(None) };
        if self.by_name.len() >= limits.topics_max {
            return Err(Shortage::Topics);
        }
        let segments: Vec<Segment<'_>> =
            place.steps.iter().map(|step| Segment { name: &step.name, level: step.level, kind: step.kind }).collect();
        let root = namespace.ensure(&segments, Kind::Folder).map_err(Shortage::Tree)?;
        let topic: Arc<str> = topic.into();
        let source = Source::Topic { topic: Arc::clone(&topic) };
        let origin = namespace.origin(&self.block, source, root).map_err(Shortage::Tree)?;
        let entry = PlainTopic {
            topic,
            origin,
            root: Some(root),
            has_missed: false,
            is_nobodys: false,
            fields: Vec::new(),
            by_path: HashMap::new(),
            messages: 0,
            link: None,
        };
        let number = match self.vacant.pop() {
            Some(number) => number,
            None => u32::try_from(self.topics.len()).expect("a topic has a slot, and slots are 32 bits"),
        };
        self.by_name.insert(Arc::clone(&entry.topic), number);
        self.admitted += 1;
        match self.topics.get_mut(number as usize) {
            Some(vacant) => *vacant = entry,
            None => self.topics.push(entry),
        }
        Ok(Some(number))
    }

    /// Takes in again one chunk of a topic's fields. A field that has spoken since, or stood in a chunk before this one,
    /// stays as it is.
    ///
    /// What was Good is Stale until the topic's next message. The broker may still hold the topic's retained message, but
    /// that is as old as this: a plain topic's publisher has no birth and no death, so only its next message says that the
    /// value still holds.
    pub(crate) fn restore(
        &mut self,
        namespace: &Namespace,
        placement: &Placement,
        limits: &Limits,
        (topic, chunk): (&str, u32),
        (fields, claims): (&[KeptField<'_>], &Claims),
    ) -> Result<Restored, Rejected> {
        let number = match self.by_name.get(topic) {
            Some(&number) => number,
            None => self.admit(namespace, placement, limits, topic).map_err(rejected)?.ok_or(Rejected::Elsewhere)?,
        };
        let entry = &mut self.topics[number as usize];
        self.is_renumbered |= entry.fields.len() != chunk as usize * CHUNK;
        if entry.fields.len() + fields.len() > limits.fields_per_document_max {
            self.is_renumbered = true;
            return Err(Rejected::FieldsFull);
        }
        let mut restored = Restored::default();
        for (field, claim) in fields.iter().zip(claims.each(fields.len())) {
            let slots = Slots { given: &mut self.slots, vacant: &mut self.vacant_slots };
            if entry.find(field.path).is_some() {
                self.is_renumbered = true;
            } else if entry.restore(namespace, &self.block, (number, slots), (field, claim)).is_ok() {
                restored.samples += 1;
            } else {
                self.is_renumbered = true;
                restored.refused += 1;
            }
        }
        Ok(restored)
    }

    /// What a former process was told of a topic and did not get into its samples: in the tree again, Stale. Fields that are
    /// there and no older stay as they are.
    pub(crate) fn recall(
        &mut self,
        namespace: &Namespace,
        placement: &Placement,
        limits: &Limits,
        topic: &str,
        from: Timestamp,
        fields: &[(String, &Value)],
    ) {
        for (path, value) in fields {
            let known = self.by_name.get(topic).map(|&number| &self.topics[number as usize]);
            let slot = known.and_then(|topic| Some(topic.fields[topic.find(path)?].slot));
            let datatype = json::datatype_of(value);
            if let Some(slot) = slot {
                if self.block.hold().sample(slot).is_none_or(|sample| sample.timestamp < from) {
                    let mut writer = namespace.write(&self.block, from);
                    // A value that the tree has no room for is in the history all the same.
                    let times = (from, from);
                    let _: Result<(), Refusal> =
                        writer.restore(slot, ValueRef::from(*value), datatype, Quality::Stale, times);
                    writer.finish();
                }
                continue;
            }
            let sample = KeptSample {
                value: (*value).clone(),
                is_cut: false,
                quality: Quality::Stale,
                timestamp: from,
                received: from,
                datatype,
            };
            let field = KeptField { path, about: None, sample: Some(sample) };
            let chunk = known.map_or(0, |topic| topic.fields.len() / CHUNK) as u32;
            let kept = (std::slice::from_ref(&field), &Claims::default());
            // As above.
            let _: Result<Restored, Rejected> = self.restore(namespace, placement, limits, (topic, chunk), kept);
        }
    }
}

fn rejected(shortage: Shortage) -> Rejected {
    match shortage {
        Shortage::Topics => Rejected::TopicsFull,
        Shortage::Tree(refusal) => Rejected::Tree(refusal),
        Shortage::PayloadBytes | Shortage::Fields | Shortage::Names => {
            unreachable!("only a payload is too large, or has too many fields or too long names")
        }
    }
}

impl PlainTopic {
    /// A field from before, with its sample.
    fn restore(
        &mut self,
        namespace: &Namespace,
        block: &Block,
        slots: (u32, Slots<'_>),
        (KeptField { path, about, sample }, claim): (&KeptField<'_>, Option<u64>),
    ) -> Result<(), Refusal> {
        let datatype = sample.as_ref().map_or(DataType::Unknown, |sample| sample.datatype);
        self.place(namespace, block, slots, (path, claim), (about, datatype))?;
        let Some(KeptSample { value, quality, timestamp, received, .. }) = sample else { return Ok(()) };
        let field = self.fields.last_mut().expect("it has just been placed");
        if *quality == Quality::Bad && matches!(value, Value::String(_)) {
            // What is no JSON is kept as Bad text.
            field.form = Form::Text;
        }
        let slot = field.slot;
        let quality = if *quality == Quality::Good { Quality::Stale } else { *quality };
        let mut writer = namespace.write(block, *received);
        writer.restore(slot, ValueRef::from(value), datatype, quality, (*timestamp, *received))?;
        writer.finish();
        Ok(())
    }

    /// Notes what a message says, before the tree has it, in case it is a context document or part of one.
    fn note<'s>(
        &self,
        namespace: &Namespace,
        block: &Block,
        received: Timestamp,
        reading: &Reading,
        samples: impl Iterator<Item = (&'s str, &'s Reported)>,
    ) {
        if !block.is_watched() {
            return;
        }
        if *reading == Reading::Empty {
            let slots = self.fields.iter().map(|field| field.slot);
            return namespace.contexts().stale_documents(block, slots, received);
        }
        let mut own = None;
        let samples: Vec<(u32, ContextSample)> = samples
            .filter_map(|(path, sample)| {
                if path == "timestamp" {
                    own = json::document_time(&sample.value);
                }
                Some((self.fields[self.find(path)?].slot, said_plainly(sample)))
            })
            .collect();
        let slots = self.fields.iter().map(|field| field.slot);
        namespace.contexts().note_whole(block, received, own, slots, &samples);
    }

    /// Which of its fields has this path.
    fn find(&self, path: &str) -> Option<usize> {
        if self.fields.len() <= FEW {
            return self.fields.iter().position(|field| *field.path == *path);
        }
        self.by_path.get(path).map(|&field| field as usize)
    }

    fn add(&mut self, field: Field) {
        // One by one at first, and not four at once: 224 bytes.
        if self.fields.len() == self.fields.capacity() {
            self.fields.reserve_exact(1 + self.fields.len() / 4);
        }
        self.fields.push(field);
        let indexed = match self.fields.len() {
            len if len <= FEW => return,
            len if len == FEW + 1 => 0,
            len => len - 1,
        };
        let numbered = self.fields.iter().enumerate().skip(indexed);
        self.by_path.extend(numbered.map(|(number, field)| (Arc::clone(&field.path), number as u32)));
    }

    /// Gives a field its cell, and its element what is new about it. `slots` comes with this topic's number, and the path with the
    /// claim that the field had in a process before this one.
    fn place(
        &mut self,
        namespace: &Namespace,
        block: &Block,
        (number, slots): (u32, Slots<'_>),
        (path, claim): (&str, Option<u64>),
        (about, datatype): (&Option<Arc<Metadata>>, DataType),
    ) -> Result<(), Refusal> {
        let known = self.find(path);
        if known.is_some_and(|field| about.is_none() || self.fields[field].about == *about) {
            return Ok(());
        }
        // A message that says less than those before it has not taken anything back.
        let former = known.and_then(|field| self.fields[field].about.as_ref());
        let about = match (about, former) {
            (Some(about), Some(former)) => Some(Arc::new(about.over(former))),
            (about, _) => about.clone(),
        };
        if known.is_some() && about.as_ref() == former {
            return Ok(());
        }
        let slot = match known {
            Some(field) => self.fields[field].slot,
            None => slots.next(namespace.limits().cells_per_block_max),
        };
        let mut placer = namespace.placer(block);
        claim.into_iter().for_each(|claim| placer.claimed(claim));
        placer.place(&Place {
            slot,
            origin: self.origin,
            path: if path.is_empty() { PathSpec::Root } else { PathSpec::Below(path) },
            kind: Kind::Metric,
            datatype,
            metadata: about.as_deref().unwrap_or(&Metadata::default()),
        })?;
        drop(placer);
        match known {
            Some(field) => self.fields[field].about = about,
            None => {
                // A message that is applied says better; after a restart what was beside the value betrays the object.
                let form = if about.is_some() { Form::Object } else { Form::Scalar };
                slots.give(slot, (number, self.fields.len() as u32));
                self.add(Field { path: path.into(), slot, about, datatype, form, seen: 0 });
            }
        }
        Ok(())
    }
}

impl Field {
    /// The value and type to write. Null keeps the type the field had, and an integer in a field of Doubles is a Double, so
    /// a type does not flap with the digits of its number.
    fn settle<'s>(&mut self, sample: &'s Reported) -> (ValueRef<'s>, DataType) {
        self.form = sample.form;
        let value = match (&sample.value, self.datatype) {
            (Value::Null, _) => return (ValueRef::Null, self.datatype),
            (Value::Int(value), DataType::Double) if (*value as f64) as i128 == i128::from(*value) => {
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
            Self::Names => f.write_str(TOO_LONG_NAMES),
            Self::Tree(refusal) => refusal.fmt(f),
        }
    }
}
