//! A payload inside a payload, compressed: a convention of Tahu's and npm's clients, not of the specification.
//!
//! The payload around it has the uuid [`COMPRESSED`], the inner payload as its body, and perhaps a metric `algorithm` that
//! says `DEFLATE` (zlib's form of it; also what is meant without that metric) or `GZIP`. Tahu repeats the seq outside, npm
//! has timestamp and seq inside only; the inner ones count, the outer ones stand in.
//!
//! What comes out is held against two limits while it comes out, so a bomb costs no more than what is allowed.
//! Invariant: `inflated` never holds more than [`Limits::inflated_bytes_max`] and one byte.

use super::{DecodeError, Payload, WireValue, decode};
use crate::Limits;
use flate2::bufread::{GzDecoder, ZlibDecoder};
use std::io::Read;

/// The uuid that says that the body is a compressed payload.
pub const COMPRESSED: &str = "SPBV1.0_COMPRESSED";

/// The metric that names the algorithm.
pub(crate) const ALGORITHM: &str = "algorithm";

impl Payload {
    /// Whether the metrics are inside the body, for [`inflate`] to get at. `bytes` are those the payload was decoded from.
    #[inline]
    pub fn is_compressed(&self, bytes: &[u8]) -> bool {
        self.uuid.is_some_and(|uuid| uuid.of(bytes) == COMPRESSED.as_bytes())
    }
}

/// Replaces `payload`, which was decoded from `bytes` and [is compressed](Payload::is_compressed), by the payload in its
/// body; its spans are those of `inflated` from then on.
///
/// # Errors
/// [`DecodeError`]: of the compressed form, or of what was in it. `payload` is then empty.
pub fn inflate(
    bytes: &[u8],
    limits: &Limits,
    payload: &mut Payload,
    inflated: &mut Vec<u8>,
) -> Result<(), DecodeError> {
    inflated.clear();
    let outer = (payload.timestamp, payload.seq, payload.published_bytes);
    let outcome = unpack(bytes, limits, payload, inflated).and_then(|()| decode(inflated, limits, payload));
    let outcome = match outcome {
        Ok(()) if payload.is_compressed(inflated) => Err(DecodeError::CompressedTwice),
        // What says it all outside has something around it, so nobody clears a retained message.
        Err(DecodeError::Empty) => Ok(()),
        outcome => outcome,
    };
    let (timestamp, seq, published_bytes) = outer;
    match outcome {
        Ok(()) => {
            payload.timestamp = payload.timestamp.or(timestamp);
            payload.seq = payload.seq.or(seq);
            payload.published_bytes = published_bytes;
        }
        Err(_) => payload.clear(),
    }
    outcome
}

fn unpack(bytes: &[u8], limits: &Limits, payload: &Payload, inflated: &mut Vec<u8>) -> Result<(), DecodeError> {
    let is_gzip = is_gzip(bytes, payload)?;
    let body = payload.body.ok_or(DecodeError::Inflate)?.of(bytes);
    let ratio_bytes_max = body.len().saturating_mul(limits.inflate_ratio_max as usize);
    let bytes_max = ratio_bytes_max.min(limits.inflated_bytes_max.min(limits.payload_bytes_max) as usize);
    // One byte more than allowed, to see that there is more.
    let beyond = bytes_max as u64 + 1;
    let (read, rest) = if is_gzip {
        let mut decoder = GzDecoder::new(body);
        (decoder.by_ref().take(beyond).read_to_end(inflated), decoder.into_inner())
    } else {
        let mut decoder = ZlibDecoder::new(body);
        (decoder.by_ref().take(beyond).read_to_end(inflated), decoder.into_inner())
    };
    match read {
        Ok(len) if len > bytes_max => Err(DecodeError::InflatedTooLarge),
        // What follows the end is not what the algorithm has written.
        Ok(_) if rest.is_empty() => Ok(()),
        Ok(_) | Err(_) => Err(DecodeError::Inflate),
    }
}

fn is_gzip(bytes: &[u8], payload: &Payload) -> Result<bool, DecodeError> {
    let named = payload.metrics.iter().rev().find(|metric| metric.is_named(bytes, ALGORITHM));
    match named.map(|metric| metric.wire_value(bytes)) {
        None => Ok(false),
        Some(WireValue::String(name)) if name.eq_ignore_ascii_case("DEFLATE") => Ok(false),
        Some(WireValue::String(name)) if name.eq_ignore_ascii_case("GZIP") => Ok(true),
        Some(_) => Err(DecodeError::Algorithm),
    }
}
