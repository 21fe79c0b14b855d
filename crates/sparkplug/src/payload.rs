//! A Sparkplug payload read in place: numbers, and spans into the bytes they came from.
//!
//! [`decode`] walks the protobuf wire once and fills a reused [`Payload`]; numeric DATA allocates nothing. Properties,
//! metadata and DataSet stay spans and are read by those who want them, so a broken property set costs its metric the
//! properties and not the whole message (SP09); Template instances are unfolded into members at the end. Texts are proven
//! UTF-8 here. A payload inside a payload is another matter: [`inflate`].
//!
//! Knows nothing of what a metric means: no datatypes, no sequence numbers, no births.
//! Invariant: a `Payload` that `decode` filled holds only spans that lie within the bytes; one that it refused is
//! empty. It takes less than ten times the memory of the bytes it was read from.

mod compressed;
mod guess;
mod members;
mod metric;
mod traits;
pub(crate) mod wire;

pub(crate) use compressed::ALGORITHM;
pub use compressed::{COMPRESSED, inflate};
pub use members::Member;
pub(crate) use members::{IS_DEFINITION, MEMBER, PARAMETER, REFERENCE, VERSION};
pub use metric::{RawMetric, WireValue};
pub(crate) use traits::Traits;

use crate::{Limits, TemplateFault, Timestamp};

use guess::{METRIC, Shape};
use std::fmt;
use wire::Wire;

/// A decoded payload, to be reused: [`decode`] clears it and keeps its memory.
#[derive(Clone, Debug, Default)]
pub struct Payload {
    /// When the message was sent, as its sender says.
    pub timestamp: Option<Timestamp>,
    /// The sequence number field as it stands; [`crate::Seq::from_wire`] judges it.
    pub seq: Option<u64>,
    /// Names the schema of `body`.
    pub uuid: Option<Span>,
    /// Opaque bytes, for instance a compressed payload.
    pub body: Option<Span>,
    /// The metrics in the order of the message.
    pub metrics: Vec<RawMetric>,
    /// The members of the Template instances among the metrics, and of those among the members.
    members: Vec<Member>,
    /// Which Templates are broken, by position.
    template_faults: Vec<(u32, TemplateFault)>,
    has_templates: bool,
    traits: Traits,
    published_bytes: u32,
}

impl Payload {
    /// An empty payload without memory.
    pub fn new() -> Payload {
        Payload::default()
    }

    /// Forgets the content and keeps the memory.
    pub fn clear(&mut self) {
        self.metrics.clear();
        (self.timestamp, self.seq, self.uuid, self.body) = (None, None, None, None);
        self.traits = Traits::default();
        if self.has_templates {
            self.members.clear();
            self.template_faults.clear();
            self.has_templates = false;
        }
    }

    /// What is special about its metrics, those of Templates not counted.
    #[inline]
    pub(crate) fn traits(&self) -> Traits {
        self.traits
    }

    /// How many bytes were published: those it was decoded from or, where it was [`inflate`]d, those around it.
    pub fn published_bytes(&self) -> u32 {
        self.published_bytes
    }

    /// Gives back memory beyond `metrics_kept` metrics and as many members, so that one huge birth does not stay with its connection.
    pub fn trim(&mut self, metrics_kept: usize) {
        if self.metrics.capacity() > metrics_kept {
            self.metrics.truncate(metrics_kept);
            self.metrics.shrink_to(metrics_kept);
        }
        if self.has_templates {
            self.members.truncate(metrics_kept);
            self.members.shrink_to(metrics_kept);
            self.template_faults.truncate(metrics_kept);
            self.template_faults.shrink_to(metrics_kept);
        }
    }
}

/// A range of a payload's bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Span {
    start: u32,
    len: u32,
}

impl Span {
    /// The bytes it covers of the payload it was decoded from.
    ///
    /// # Panics
    /// When `bytes` are shorter than that payload: they are some other message's.
    pub fn of(self, bytes: &[u8]) -> &[u8] {
        &bytes[self.start as usize..][..self.len as usize]
    }

    /// How many bytes it covers.
    pub fn len(self) -> usize {
        self.len as usize
    }

    /// Whether it covers none.
    pub fn is_empty(self) -> bool {
        self.len == 0
    }

    /// The default span stands for "absent": no field's content starts at 0, a tag comes before it.
    fn present(self) -> Option<Span> {
        (self.start != 0).then_some(self)
    }

    /// The text it covers, which `decode` has proven to be one.
    pub(crate) fn text(self, bytes: &[u8]) -> &str {
        std::str::from_utf8(self.of(bytes)).expect("decode proves texts; these are the bytes of another message")
    }
}

/// Why bytes are not a payload, or not one we take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DecodeError {
    /// No bytes at all. Protobuf would read a payload that says nothing; MQTT uses it to take a retained message away.
    Empty,
    /// Larger than [`Limits::payload_bytes_max`].
    PayloadTooLarge,
    /// More metrics than [`Limits::metrics_per_payload_max`] (SP05).
    TooManyMetrics,
    /// More metrics than a payload of its size can say anything about: most of them are empty (SP05).
    HollowMetrics,
    /// A metric name longer than [`Limits::name_bytes_max`].
    NameTooLong,
    /// The bytes end inside a field (SP02).
    Truncated,
    /// A varint of more than 64 bits, or a tag of more than 32.
    Varint,
    /// A field number of 0, or a field on another wire type than its own.
    Field,
    /// A group: deprecated, never used by Sparkplug, and a way to nest without end (SP04).
    Group,
    /// A text that is not UTF-8.
    Utf8,
    /// A sub-message given twice. Protobuf would merge the two; nobody sends that, and we keep one span.
    Repeated,
    /// Compressed by an algorithm that is neither DEFLATE nor GZIP.
    Algorithm,
    /// A compressed body that is missing, cut short or not what its algorithm writes.
    Inflate,
    /// A body that inflates to more than [`Limits::inflated_bytes_max`] or [`Limits::inflate_ratio_max`] allow.
    InflatedTooLarge,
    /// A compressed payload inside a compressed payload.
    CompressedTwice,
}

impl DecodeError {
    /// Whether it is a limit of ours, and not the payload, that is in the way.
    pub fn is_about_limits(self) -> bool {
        use DecodeError as E;
        matches!(self, E::PayloadTooLarge | E::TooManyMetrics | E::NameTooLong)
    }

    /// Whether it is about the compressed form, and not about what is in it.
    pub fn is_about_compression(self) -> bool {
        use DecodeError as E;
        matches!(self, E::Algorithm | E::Inflate | E::InflatedTooLarge | E::CompressedTwice)
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            DecodeError::Empty => "the payload is empty, as it is when a retained message is cleared",
            DecodeError::PayloadTooLarge => "the payload is larger than payload_bytes_max",
            DecodeError::TooManyMetrics => "the payload has more metrics than metrics_per_payload_max",
            DecodeError::HollowMetrics => "most metrics of the payload are empty",
            DecodeError::NameTooLong => "a metric name is longer than name_bytes_max",
            DecodeError::Truncated => "the payload ends inside a field",
            DecodeError::Varint => "a number in the payload is longer than its field",
            DecodeError::Field => "a field has number 0 or the wrong wire type",
            DecodeError::Group => "the payload contains a protobuf group",
            DecodeError::Utf8 => "a text in the payload is not UTF-8",
            DecodeError::Repeated => "a sub-message is given twice",
            DecodeError::Algorithm => "the payload is compressed by neither DEFLATE nor GZIP",
            DecodeError::Inflate => "the compressed body does not inflate",
            DecodeError::InflatedTooLarge => "the body inflates beyond inflated_bytes_max or inflate_ratio_max",
            DecodeError::CompressedTwice => "a compressed payload holds a compressed payload",
        })
    }
}

impl std::error::Error for DecodeError {}

/// Reads `bytes` into `payload`, whose earlier content is forgotten and whose memory is reused.
///
/// Takes what protobuf takes (fields in any order, the last of a repeated scalar wins, unknown fields are skipped),
/// except groups and sub-messages given twice.
///
/// # Errors
/// [`DecodeError`]; `payload` is then empty, so that no prefix of a broken message can be applied (SP02).
pub fn decode(bytes: &[u8], limits: &Limits, payload: &mut Payload) -> Result<(), DecodeError> {
    payload.clear();
    // In one comparison, since every message pays for it.
    if bytes.len().wrapping_sub(1) >= limits.payload_bytes_max as usize {
        return Err(if bytes.is_empty() { DecodeError::Empty } else { DecodeError::PayloadTooLarge });
    }
    payload.published_bytes = bytes.len() as u32;
    // What fewer bytes than these say of a metric is nothing: there is no room for a name or an alias and a value.
    let metrics_max = (bytes.len() / METRIC_BYTES_MIN).max(METRICS_FREE).min(limits.metrics_per_payload_max as usize);
    let outcome = fill(bytes, limits, payload, metrics_max);
    if outcome.is_err() {
        payload.clear();
    } else if payload.has_templates {
        members::unfold(bytes, limits, payload, metrics_max);
    }
    outcome
}

/// Above this many metrics, the rest of the message is counted before more memory is taken.
const METRICS_TRUSTED: usize = 1024;

/// The shortest metric that means anything: tag, length, and a metric alias with a boolean.
const METRIC_BYTES_MIN: usize = 6;

/// So many metrics may be shorter.
const METRICS_FREE: usize = 8;

fn fill(bytes: &[u8], limits: &Limits, payload: &mut Payload, most: usize) -> Result<(), DecodeError> {
    const TIMESTAMP: u32 = wire::varint_field(1);
    const SEQ: u32 = wire::varint_field(3);
    const UUID: u32 = wire::bytes_field(4);
    const BODY: u32 = wire::bytes_field(5);

    let mut wire = Wire::new(bytes);
    let mut shape = Shape::NONE;
    let mut metrics_max = METRICS_TRUSTED.min(most);
    while !wire.is_at_end() {
        let rest = wire.rest();
        if u32::from(rest[0]) == METRIC
            && let guessed @ 1.. = shape.read(rest, &mut payload.metrics, metrics_max)
        {
            wire.advance(guessed);
            continue;
        }
        match wire.tag()? {
            METRIC => {
                if payload.metrics.len() == metrics_max {
                    let more = count_metrics(rest)?;
                    metrics_max += more;
                    if metrics_max > limits.metrics_per_payload_max as usize {
                        return Err(DecodeError::TooManyMetrics);
                    }
                    if metrics_max > most {
                        return Err(DecodeError::HollowMetrics);
                    }
                    payload.metrics.reserve_exact(more);
                }
                let metric = RawMetric::decode(wire.enter()?, limits.name_bytes_max)?;
                payload.has_templates |= metric.is_template();
                shape.note(&metric);
                payload.metrics.push(metric);
            }
            TIMESTAMP => payload.timestamp = Some(Timestamp(wire.varint()?)),
            SEQ => payload.seq = Some(wire.varint()?),
            UUID => payload.uuid = Some(wire.text()?),
            BODY => payload.body = Some(wire.span()?),
            tag if (1..=5).contains(&(tag >> 3)) => return Err(DecodeError::Field),
            tag => wire.skip(tag)?,
        }
    }
    payload.traits = shape.traits();
    Ok(())
}

/// How many metrics `rest`, which begins with a field's tag, still holds.
fn count_metrics(rest: &[u8]) -> Result<usize, DecodeError> {
    let mut wire = Wire::new(rest);
    let mut count = 0;
    while !wire.is_at_end() {
        let tag = wire.tag()?;
        count += usize::from(tag == METRIC);
        wire.skip(tag)?;
    }
    Ok(count)
}
