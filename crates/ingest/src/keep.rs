//! What must outlive the process, as records of bytes: births byte for byte, and last-known samples.
//!
//! A record is a key and a value; whoever has a store puts it there, and after a restart hands it back in the order of the
//! keys, births first. Both formats are this room's alone: each value begins with its version, and whatever bytes come back
//! are read with every length checked, so a damaged record costs itself and nothing else.
//! Knows no store, no file and no order of writing: [`Identity`] makes samples that meet another birth than their own harmless.
//! Invariant: no sample is restored to another metric than the one it was of.

use crate::cells::Damaged;
use crate::claims::Claims;
use factree_namespace::Refusal;
use factree_sparkplug as sparkplug;
use sparkplug::aware::certificate_topic;
use sparkplug::{BornMetric, DecodeError, NotRestored, Payload, Timestamp, Topic, TopicError};
use std::fmt;
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// Longest key, which is what stores take. A topic beyond it (longer than 65,529 bytes) is in the tree but is not kept.
pub(crate) const KEY_BYTES_MAX: usize = u16::MAX as usize;

/// The first byte of every value; another format will be another number.
const VERSION: u8 = 1;

/// The same, of values that say who came first ([`Claims`]) before they say anything else.
const WITH_CLAIMS: u8 = 2;

/// Cells whose samples share a record.
pub(crate) const CHUNK: usize = 64;

/// Where a record belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Table {
    /// Births as they were published. To be as durable as the acknowledgement of the message that brought them.
    Births,
    /// Last-known samples. May lag behind by a second.
    Samples,
    /// What context documents said, change by change. To be as durable as the acknowledgement of the message that brought it.
    Contexts,
}

/// Something to be kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Names it within its table; at most 65,535 bytes.
    pub key: Box<[u8]>,
    /// What to hand back.
    pub value: Box<[u8]>,
}

/// A change to what is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Keep {
    /// Keep this record in place of the one with its key.
    Put(Table, Record),
    /// Forget the record with this key, if there is one.
    Remove(Table, Box<[u8]>),
}

impl Keep {
    /// Bytes of key and value.
    pub fn bytes(&self) -> usize {
        match self {
            Self::Put(_, record) => record.key.len() + record.value.len(),
            Self::Remove(_, key) => key.len(),
        }
    }

    /// What it does to a birth's certificate (`tck-id-conformance-mqtt-aware-store`): its topic, and the birth's payload as it
    /// was published; empty for a birth that is kept no more. None if it is about no birth.
    pub fn certificate(&self) -> Option<(String, &[u8])> {
        let (key, payload) = match self {
            Self::Put(Table::Births, Record { key, value }) => (key, Birth::read(key, value).ok()?.payload),
            Self::Remove(Table::Births, key) => (key, &[][..]),
            Self::Put(Table::Samples | Table::Contexts, _) | Self::Remove(Table::Samples | Table::Contexts, _) => {
                return None;
            }
        };
        let birth = std::str::from_utf8(key.get(1..)?).ok()?;
        Some((certificate_topic(Topic::parse(birth).ok()?)?, payload))
    }
}

/// What a record brought back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Restored {
    /// Samples in the tree; for a birth, metrics.
    pub samples: usize,
    /// Samples that the tree did not take, because of a limit of its own.
    pub refused: usize,
}

/// Why a record brought nothing back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rejected {
    /// It is not a record of this table, or damaged.
    Malformed,
    /// A later format than this program knows.
    Version(u8),
    /// The birth does not decode within today's limits.
    Undecodable(DecodeError),
    /// The host did not take the birth.
    Host(NotRestored),
    /// The samples' Edge Node or device has no birth.
    NoBirth,
    /// The samples were taken under another birth than the one in force.
    OtherBirth,
    /// No placement rule wants the plain topic in the tree any more.
    Elsewhere,
    /// As many plain topics as [`Limits::topics_max`](crate::Limits::topics_max) are known already.
    TopicsFull,
    /// The topic's fields are more than [`Limits::fields_per_document_max`](crate::Limits::fields_per_document_max).
    FieldsFull,
    /// The tree has no room.
    Tree(Refusal),
}

impl Rejected {
    /// Whether the record may be good again, with a newer program or another configuration. One that may not is of no
    /// more use to anybody and should be removed from the store.
    pub fn may_fit_later(&self) -> bool {
        match self {
            Self::Malformed | Self::NoBirth | Self::OtherBirth | Self::Host(NotRestored::Known) => false,
            Self::Version(_)
            | Self::Undecodable(_)
            | Self::Host(_)
            | Self::Elsewhere
            | Self::TopicsFull
            | Self::FieldsFull
            | Self::Tree(_) => true,
        }
    }
}

impl fmt::Display for Rejected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed => f.write_str("the record is damaged, or not one of this table"),
            Self::Version(version) => write!(f, "the record has format {version}, this program knows {WITH_CLAIMS}"),
            Self::Undecodable(error) => write!(f, "the birth does not decode: {error}"),
            Self::Host(refused) => write!(f, "the birth is not taken: {refused}"),
            Self::NoBirth => f.write_str("the samples' Edge Node or device has no birth"),
            Self::OtherBirth => f.write_str("the samples belong to another birth than the one in force"),
            Self::Elsewhere => f.write_str("no rule wants the topic in the tree"),
            Self::TopicsFull => f.write_str("as many plain topics as topics_max are known already"),
            Self::FieldsFull => f.write_str("the topic has more fields than fields_per_document_max"),
            Self::Tree(refusal) => refusal.fmt(f),
        }
    }
}

impl std::error::Error for Rejected {}

/// A birth as a record has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Birth<'r> {
    /// The topic it was published on: an NBIRTH's or a DBIRTH's.
    pub topic: Topic<'r>,
    /// When it arrived, by our clock.
    pub received: Timestamp,
    /// Its payload, byte for byte.
    pub payload: &'r [u8],
}

impl<'r> Birth<'r> {
    /// The key of the birth on this topic, as text. Those of Edge Nodes come before those of devices, so births can be
    /// restored in the order of their keys. None for a topic that is not a birth's, or too long.
    pub fn key(topic: &str) -> Option<Box<[u8]>> {
        let rank = match Topic::parse(topic).ok().filter(Topic::is_birth)? {
            Topic::Node { .. } => 0,
            Topic::Device { .. } | Topic::State { .. } => 1,
        };
        let key: Vec<u8> = std::iter::once(rank).chain(topic.bytes()).collect();
        (key.len() <= KEY_BYTES_MAX).then(|| key.into())
    }

    /// Reads a record of [`Table::Births`].
    ///
    /// # Errors
    /// [`Rejected::Malformed`], [`Rejected::Version`].
    pub fn read(key: &'r [u8], value: &'r [u8]) -> Result<Self, Rejected> {
        let (rank, topic) = key.split_first().ok_or(Rejected::Malformed)?;
        let topic = std::str::from_utf8(topic).map_err(|_| Rejected::Malformed)?;
        let topic = Topic::parse(topic).ok().filter(Topic::is_birth).ok_or(Rejected::Malformed)?;
        if *rank != u8::from(topic.device().is_some()) {
            return Err(Rejected::Malformed);
        }
        let (_, rest) = claimed(value)?;
        let (received, payload) = rest.split_first_chunk().ok_or(Rejected::Malformed)?;
        Ok(Self { topic, received: Timestamp(u64::from_le_bytes(*received)), payload })
    }

    /// What the birth means for the store: it takes the place of the one before or, without room for it, only ends that.
    /// Nothing if its topic is too long for a key.
    pub(crate) fn keep(&self, has_room: bool, claims: &Claims) -> Option<Keep> {
        if !has_room {
            return Some(Keep::Remove(Table::Births, Self::key(&self.topic.to_string())?));
        }
        Some(Keep::Put(Table::Births, self.record(claims)?))
    }

    fn record(&self, claims: &Claims) -> Option<Record> {
        let key = Self::key(&self.topic.to_string())?;
        let mut value = Vec::with_capacity(1 + 16 + 8 + self.payload.len());
        value.push(WITH_CLAIMS);
        claims.write(&mut value);
        value.extend_from_slice(&self.received.0.to_le_bytes());
        value.extend_from_slice(self.payload);
        Some(Record { key, value: value.into() })
    }
}

/// Tells a birth from every other, the same metrics born at another moment among them.
///
/// Samples are kept by their metric's position in the birth, so they mean nothing under another one. The payload's bytes
/// and the time it arrived decide; what was left out of it (names given twice, limits, the members of broken Templates) is
/// mixed in, since that moves positions and may be otherwise after a restart with other limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Identity(u64);

impl Identity {
    pub(crate) fn of(birth: &Birth<'_>, payload: &Payload, metrics: &[BornMetric]) -> Self {
        let mut hash = xxh3_64_with_seed(birth.payload, birth.received.0);
        let mut mix = |number: u64| hash = xxh3_64_with_seed(&number.to_le_bytes(), hash);
        for (place, metric) in (0..).zip(metrics) {
            if metric.position != place {
                mix(u64::from(place) << 32 | u64::from(metric.position));
            }
        }
        for (position, _) in payload.template_faults() {
            mix(1 << 63 | u64::from(*position));
        }
        mix(metrics.len() as u64);
        Self(hash)
    }
}

/// Whose samples a record holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Owner<'r> {
    /// An Edge Node's or a device's, named by the topic of its birth.
    Sparkplug(Topic<'r>),
    /// A plain topic's.
    Plain(&'r str),
    /// Of a metric that the birth on this topic no longer has, by its name.
    Gone(Topic<'r>, &'r str),
}

/// The key of one chunk of an owner's samples: the topic of its birth, or the plain topic, and which chunk. None if the
/// topic is too long.
pub(crate) fn samples_key(topic: &str, chunk: u32) -> Option<Box<[u8]>> {
    // No topic holds a zero byte, so a shorter topic's keys are apart from a longer one's.
    let key: Vec<u8> = topic.bytes().chain([0]).chain(chunk.to_be_bytes()).collect();
    (key.len() <= KEY_BYTES_MAX).then(|| key.into())
}

/// What stands behind a birth's topic in the key of a metric that is gone: beyond all numbers of chunks.
const GONE: u8 = 0xff;

/// The key of a metric that the birth on this topic no longer has. None if topic and name are too long.
pub(crate) fn gone_key(topic: Topic<'_>, name: &str) -> Option<Box<[u8]>> {
    let topic = topic.to_string();
    let key: Vec<u8> = topic.bytes().chain([0, GONE]).chain(name.bytes()).collect();
    (key.len() <= KEY_BYTES_MAX).then(|| key.into())
}

/// Removes the chunks of samples that a birth of fewer metrics than the one before leaves behind.
pub(crate) fn forget_beyond(topic: Topic<'_>, metrics_len: usize, former_len: usize) -> impl Iterator<Item = Keep> {
    let left_behind = metrics_len.div_ceil(CHUNK)..former_len.div_ceil(CHUNK);
    left_behind.filter_map(move |chunk| {
        let key = samples_key(&topic.to_string(), chunk as u32)?;
        Some(Keep::Remove(Table::Samples, key))
    })
}

/// Whose samples, and which chunk of them.
pub(crate) fn read_samples_key(key: &[u8]) -> Result<(Owner<'_>, u32), Rejected> {
    if let Some((topic, name)) = split_gone(key) {
        return Ok((Owner::Gone(topic, name), 0));
    }
    let (rest, chunk) = key.split_last_chunk().ok_or(Rejected::Malformed)?;
    let (0, topic) = rest.split_last().ok_or(Rejected::Malformed)? else { return Err(Rejected::Malformed) };
    let topic = std::str::from_utf8(topic).map_err(|_| Rejected::Malformed)?;
    let owner = match Topic::parse(topic) {
        Ok(topic) if topic.is_birth() => Owner::Sparkplug(topic),
        Err(TopicError::NotSparkplug) => Owner::Plain(topic),
        Ok(_) | Err(_) => return Err(Rejected::Malformed),
    };
    Ok((owner, u32::from_be_bytes(*chunk)))
}

/// The birth's topic and the name, if this is the key of a metric that is gone.
fn split_gone(key: &[u8]) -> Option<(Topic<'_>, &str)> {
    let end = key.iter().position(|byte| *byte == 0)?;
    let name = key[end + 1..].strip_prefix(&[GONE])?;
    let topic = Topic::parse(std::str::from_utf8(&key[..end]).ok()?).ok().filter(Topic::is_birth)?;
    Some((topic, std::str::from_utf8(name).ok()?))
}

/// The beginning of a value of samples; those of a birth name it.
pub(crate) fn begin_samples(identity: Option<Identity>) -> Vec<u8> {
    let mut value = vec![VERSION];
    if let Some(Identity(hash)) = identity {
        value.extend_from_slice(&hash.to_le_bytes());
    }
    value
}

/// The birth that samples were taken under, and the samples.
pub(crate) fn read_identity(value: &[u8]) -> Result<(Identity, &[u8]), Rejected> {
    let (hash, samples) = versioned(value)?.split_first_chunk().ok_or(Rejected::Malformed)?;
    Ok((Identity(u64::from_le_bytes(*hash)), samples))
}

/// What stands behind the version.
pub(crate) fn versioned(value: &[u8]) -> Result<&[u8], Rejected> {
    match value.split_first() {
        Some((&VERSION, rest)) => Ok(rest),
        Some((&version, _)) if version > VERSION => Err(Rejected::Version(version)),
        Some(_) | None => Err(Rejected::Malformed),
    }
}

/// The beginning of a value of cells that know who came first.
pub(crate) fn begin_claimed(claims: &Claims) -> Vec<u8> {
    let mut value = vec![WITH_CLAIMS];
    claims.write(&mut value);
    value
}

/// Who came first, and what stands behind that. The first format did not say.
pub(crate) fn claimed(value: &[u8]) -> Result<(Claims, &[u8]), Rejected> {
    match value.split_first() {
        Some((&VERSION, rest)) => Ok((Claims::default(), rest)),
        Some((&WITH_CLAIMS, mut rest)) => Ok((Claims::read(&mut rest).map_err(|Damaged| Rejected::Malformed)?, rest)),
        Some((&version, _)) if version > WITH_CLAIMS => Err(Rejected::Version(version)),
        Some(_) | None => Err(Rejected::Malformed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn birth<'r>(topic: &'r str, payload: &'r [u8]) -> Birth<'r> {
        Birth { topic: Topic::parse(topic).expect("a birth's topic"), received: Timestamp(7), payload }
    }

    #[test]
    fn a_birth_comes_back_byte_for_byte_and_edge_nodes_before_devices() {
        let mut records = ["spBv1.0/a/DBIRTH/n/d", "spBv1.0/z/NBIRTH/n"].map(|topic| {
            let record = birth(topic, b"\x08\x01").record(&Claims::default()).expect("short enough");
            assert_eq!(Birth::read(&record.key, &record.value), Ok(birth(topic, b"\x08\x01")));
            record.key
        });
        records.sort_unstable();
        assert!(records[0].ends_with(b"NBIRTH/n"), "in the order of the keys");
    }

    #[test]
    fn a_record_of_a_later_format_is_left_for_a_later_program() {
        let record = birth("spBv1.0/g/NBIRTH/n", b"").record(&Claims::default()).expect("short enough");
        let later = [&[WITH_CLAIMS + 1], &record.value[1..]].concat();
        let rejected = Birth::read(&record.key, &later).expect_err("unknown format");
        assert_eq!((rejected, rejected.may_fit_later()), (Rejected::Version(WITH_CLAIMS + 1), true));
        assert_eq!(Birth::read(&record.key, &record.value[..8]), Err(Rejected::Malformed), "a time cut short");
        assert_eq!(Birth::read(b"\x01spBv1.0/g/NBIRTH/n", &record.value), Err(Rejected::Malformed));
        assert_eq!(Birth::read(b"\0spBv1.0/g/NDATA/n", &record.value), Err(Rejected::Malformed));
    }

    #[test]
    fn a_birth_of_the_first_format_is_read_and_nobody_knows_who_came_first() {
        let value = [&[VERSION][..], &7_u64.to_le_bytes(), b"\x08\x01"].concat();
        let key = Birth::key("spBv1.0/a/NBIRTH/n").expect("a birth's topic");
        assert_eq!(Birth::read(&key, &value), Ok(birth("spBv1.0/a/NBIRTH/n", b"\x08\x01")));
        assert_eq!(claimed(&value).expect("read").0, Claims::default());
    }

    #[test]
    fn a_metric_that_is_gone_has_a_key_that_is_no_chunks() {
        let topic = Topic::parse("spBv1.0/g/DBIRTH/n/d").expect("a birth's topic");
        for name in ["", "a", "abc", "Axis/1\0"] {
            let key = gone_key(topic, name).expect("short enough");
            assert_eq!(read_samples_key(&key), Ok((Owner::Gone(topic, name), 0)));
        }
        assert_eq!(gone_key(topic, &"x".repeat(KEY_BYTES_MAX)), None);
    }

    #[test]
    fn a_key_says_whose_samples_they_are() {
        for (topic, chunk) in [("spBv1.0/g/DBIRTH/n/d", 0), ("Acme/Line1", u32::MAX)] {
            let key = samples_key(topic, chunk).expect("short enough");
            let (owner, read) = read_samples_key(&key).expect("a key");
            assert_eq!((matches!(owner, Owner::Plain(_)), read), (topic == "Acme/Line1", chunk));
        }
        assert_eq!(samples_key(&"x".repeat(KEY_BYTES_MAX - 4), 0), None, "no store takes such a key");
        for key in [b"".as_slice(), b"abc", b"Acme\x01\0\0\0\0", b"spBv1.0/g/NDATA/n\0\0\0\0\0", b"\xFF\0\0\0\0\0"] {
            assert_eq!(read_samples_key(key), Err(Rejected::Malformed));
        }
    }

    #[test]
    fn births_are_told_apart_by_bytes_moment_and_what_was_left_out() {
        let metric = |position| BornMetric {
            metric: sparkplug::MetricIndex(0),
            position,
            datatype: sparkplug::DataType::Double,
            is_new: true,
        };
        let (all, one_less, other) = ([metric(0), metric(1)], [metric(0)], [metric(0), metric(2)]);
        let born = birth("spBv1.0/g/NBIRTH/n", b"abc");
        let of = |birth: Birth<'_>, metrics: &[BornMetric]| Identity::of(&birth, &Payload::new(), metrics);
        let mut identities = vec![
            of(born, &all),
            of(born, &one_less),
            of(born, &other),
            of(Birth { payload: b"abd", ..born }, &all),
            of(Birth { received: Timestamp(8), ..born }, &all),
        ];
        assert_eq!(of(born, &all), identities[0]);
        identities.dedup();
        identities.sort_unstable_by_key(|identity| identity.0);
        identities.dedup();
        assert_eq!(identities.len(), 5);
    }
}
