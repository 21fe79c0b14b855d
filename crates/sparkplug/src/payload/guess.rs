//! A guess at the next metric of DATA: metric alias, the timestamp of the metric before it, a number.
//!
//! Almost every metric of almost every DATA message has that shape, and most of a general decoder's time goes into
//! finding out (mispredicted branches, one field at a time). Here the tags and the timestamp are compared as one word
//! with what the last metric had, and a wrong guess falls back to [`RawMetric::decode`], which starts over. On DDATA of
//! 100 metrics this is 85 instructions per metric where the general decoder takes 346 (`benches/benches/decode.rs`).
//!
//! Invariant: a guess that succeeds has read exactly the fields that the general decoder would have.

use super::{
    metric::{self, Kind, RawMetric},
    traits::Traits,
    wire::{bytes_field, short_varint},
};

/// The tag of a metric in a payload.
pub(super) const METRIC: u32 = bytes_field(2);

/// What the last guessed metric had: the timestamp's tag and its six bytes (any time from 2004 to 2109) as they lie on
/// the wire, and the timestamp.
#[derive(Debug)]
pub(super) struct Shape {
    tag_and_timestamp: u64,
    timestamp: u64,
    /// Of the last metric that is not historical, guessed or not.
    latest: u64,
    traits: Traits,
}

/// What a guess has read: the numbers of one metric, and how many bytes of the payload it took, tag and length
/// included.
struct Guess {
    alias: u64,
    datatype: u32,
    kind: Kind,
    value: u64,
    len: usize,
}

/// How far a guess looks at most: 2 for the metric's tag and length, 1 + 8 for the alias, 7 for the timestamp, 2 for
/// the datatype, 1 + 8 for the value; rounded up.
const WINDOW: usize = 32;

const SEVEN_BYTES: u64 = 0x00FF_FFFF_FFFF_FFFF;

impl Shape {
    /// Nothing learnt yet: what no seven bytes are equal to.
    pub(super) const NONE: Shape = Shape { tag_and_timestamp: u64::MAX, timestamp: 0, latest: 0, traits: Traits::NONE };

    /// What is special about the metrics so far.
    pub(super) fn traits(&self) -> Traits {
        self.traits
    }

    /// Takes notice of a metric that was no guess.
    pub(super) fn note(&mut self, metric: &RawMetric) {
        self.traits.add(metric.traits());
        if !metric.is_historical()
            && let Some(timestamp) = metric.timestamp()
        {
            self.follow(timestamp.0);
        }
    }

    fn follow(&mut self, timestamp: u64) {
        if timestamp < self.latest {
            self.traits.add(Traits::BACKWARDS);
        }
        self.latest = timestamp;
    }

    /// Reads the metrics that `rest` of a payload begins with into `metrics`, for as long as they look as expected and
    /// until there are `metrics_max`; how many bytes they took. A function of its own, so that the loop has registers
    /// enough: 10 instructions per metric.
    #[inline(never)]
    pub(super) fn read(&mut self, rest: &[u8], metrics: &mut Vec<RawMetric>, metrics_max: usize) -> usize {
        let (mut left, mut datatypes) = (rest, 0);
        while metrics.len() < metrics_max
            && let Some(guess) = self.guess(left)
        {
            metrics.push(RawMetric::datum(guess.alias, self.timestamp, guess.datatype, guess.kind, guess.value));
            datatypes |= guess.datatype;
            left = &left[guess.len..];
        }
        if datatypes != 0 {
            self.traits.add(Traits::DATATYPE);
        }
        rest.len() - left.len()
    }

    /// The metric that `rest` of a payload begins with, if it begins with one and that looks as expected.
    #[inline]
    fn guess(&mut self, rest: &[u8]) -> Option<Guess> {
        if u32::from(*rest.first()?) != METRIC {
            return None;
        }
        let padded;
        let window = match rest.first_chunk() {
            Some(window) => window,
            None => {
                padded = padded_window(rest);
                &padded
            }
        };
        if u32::from(window[2]) != metric::ALIAS {
            return None;
        }
        // Counted aliases are short; hashed ones take five bytes.
        let counted = shorter_varint(u32::from_le_bytes([window[3], window[4], window[5], window[6]]));
        let (alias, alias_len) = match counted {
            Some(short) => short,
            None => long_alias(window)?,
        };
        let at = 3 + alias_len;
        let next = word(window, at)?;
        if next & SEVEN_BYTES != self.tag_and_timestamp {
            self.learn(next & SEVEN_BYTES)?;
        }
        // The eighth byte is the tag after the timestamp.
        let (mut at, mut tag, mut datatype) = (at + 8, (next >> 56) as u32, 0);
        if tag == metric::DATATYPE {
            datatype = u32::from(*window.get(at).filter(|&&byte| byte < 0x80)?);
            tag = u32::from(*window.get(at + 1)?);
            at += 2;
        }
        let value = word(window, at)?;
        let (kind, value, value_len) = match tag {
            metric::DOUBLE => (Kind::Double, value, 8),
            metric::FLOAT => (Kind::Float, value & u64::from(u32::MAX), 4),
            metric::LONG => varint(Kind::Long, value, u64::MAX)?,
            metric::INT => varint(Kind::Int, value, u64::from(u32::MAX))?,
            metric::BOOLEAN if value & 0xFE == 0 => (Kind::Boolean, value & 1, 1),
            _ => return None,
        };
        let len = at + value_len;
        // A length below 0x80 is one byte. This proves the guess: each field was where the one before it ended.
        (len == 2 + usize::from(window[1]) && len <= rest.len()).then_some(Guess { alias, datatype, kind, value, len })
    }

    #[cold]
    fn learn(&mut self, tag_and_timestamp: u64) -> Option<()> {
        let (timestamp, 6) = short_varint(tag_and_timestamp >> 8) else { return None };
        if tag_and_timestamp & 0xFF != u64::from(metric::TIMESTAMP) {
            return None;
        }
        (self.tag_and_timestamp, self.timestamp) = (tag_and_timestamp, timestamp);
        self.follow(timestamp);
        Some(())
    }
}

/// The last bytes of a payload, followed by zeros.
#[inline]
fn padded_window(rest: &[u8]) -> [u8; WINDOW] {
    let mut window = [0; WINDOW];
    for (to, from) in window.iter_mut().zip(rest) {
        *to = *from;
    }
    window
}

#[inline]
fn word(window: &[u8; WINDOW], at: usize) -> Option<u64> {
    window.get(at..)?.first_chunk().map(|word| u64::from_le_bytes(*word))
}

#[inline]
fn varint(kind: Kind, word: u64, mask: u64) -> Option<(Kind, u64, usize)> {
    match short_varint(word) {
        (_, 0) => None,
        (value, len) => Some((kind, value & mask, len)),
    }
}

fn long_alias(window: &[u8; WINDOW]) -> Option<(u64, usize)> {
    let (alias, len) = short_varint(word(window, 3)?);
    (len != 0).then_some((alias, len))
}

/// The varint that `word` begins with, and its length; none if it is longer than four bytes.
#[inline]
fn shorter_varint(word: u32) -> Option<(u64, usize)> {
    let ends = !word & 0x8080_8080;
    if ends == 0 {
        return None;
    }
    let len = ends.trailing_zeros() / 8 + 1;
    let bits = word & (ends ^ (ends - 1)) & 0x7F7F_7F7F;
    let bits = bits & 0x007F_007F | (bits & 0x7F00_7F00) >> 1;
    let bits = bits & 0x0000_3FFF | (bits & 0x3FFF_0000) >> 2;
    Some((bits.into(), len as usize))
}
