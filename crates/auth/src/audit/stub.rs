//! What stays of entries that were dropped when their time was over.
//!
//! Old segments may be deleted; in their place stays one signed frame that says which entries there were, of what time,
//! and with which hash the rest of the log goes on. A later stub takes in the earlier one, so there is never more than
//! one. Knows nothing of how long entries are kept.
//! Invariant: a log whose first segment is gone verifies only behind the stub of exactly what is missing.

use std::fmt;

use super::frame::{Frame, FrameError, Hash, Kind, NOTHING_BEFORE, Parts};
use super::head::{Installation, PublicKey, SigningKey};
use crate::time::Timestamp;

const TAG: &[u8] = b"factree-audit-dropped-1\n";

/// What was dropped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dropped {
    /// Whose log.
    pub installation: Installation,
    /// Of the key that signed.
    pub fingerprint: [u8; 32],
    /// Entries 1 to this one are gone.
    pub last_seq: u64,
    /// Segments 1 to this one are gone.
    pub last_segment: u64,
    /// When the last segment that is gone had its last head or record.
    pub until: Timestamp,
    /// When they were dropped.
    pub time: Timestamp,
    pub(super) hash: Hash,
    signature: [u8; 64],
}

impl Dropped {
    /// What the stub in front of a log says, unproven; none if that is not how the log begins.
    ///
    /// # Errors
    /// [`FrameError`] if it cannot be read.
    pub fn read(log: impl std::io::Read) -> Result<Option<Self>, FrameError> {
        match super::Frames::new(log).next() {
            Some(frame) => Self::of(&frame?),
            None => Ok(None),
        }
    }

    fn signed(&self) -> Vec<u8> {
        let numbers = [self.last_seq, self.last_segment, self.until.0, self.time.0].map(u64::to_be_bytes).concat();
        [TAG, &self.installation.0, &self.fingerprint, &numbers, &self.hash].concat()
    }

    pub(super) fn of(frame: &Frame) -> Result<Option<Self>, FrameError> {
        if frame.kind != Kind::Dropped {
            return Ok(None);
        }
        let mut parts = Parts(&frame.body);
        let dropped = Dropped {
            installation: Installation(parts.array()?),
            fingerprint: parts.array()?,
            last_seq: parts.number()?,
            last_segment: parts.number()?,
            until: Timestamp(parts.number()?),
            time: Timestamp(parts.number()?),
            hash: parts.array()?,
            signature: parts.array()?,
        };
        parts.end()?;
        Ok(Some(dropped))
    }

    pub(super) fn is_signed_by(&self, key: &PublicKey) -> bool {
        self.fingerprint == key.fingerprint() && key.verifies_bytes(&self.signed(), &self.signature)
    }
}

/// Why there can be no stub.
#[derive(Debug)]
pub enum StubError {
    /// The segment cannot be read.
    Frame(FrameError),
    /// It does not begin with its start.
    NoStart,
}

impl fmt::Display for StubError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Frame(error) => error.fmt(f),
            Self::NoStart => f.write_str("a segment begins with its start"),
        }
    }
}

impl std::error::Error for StubError {}

/// The bytes of a stub for everything before a segment that stays, whose first bytes are read. `until` is the time of
/// the last thing that is dropped. Verify the log before; store the stub, and only then delete the segments.
///
/// # Errors
/// [`StubError`].
pub fn stub(
    key: &SigningKey,
    first_kept: impl std::io::Read,
    until: Timestamp,
    time: Timestamp,
) -> Result<Vec<u8>, StubError> {
    let first = super::Frames::new(first_kept).next().ok_or(StubError::NoStart)?.map_err(StubError::Frame)?;
    let start = Start::of(&first).map_err(StubError::Frame)?.ok_or(StubError::NoStart)?;
    let mut dropped = Dropped {
        installation: start.installation,
        fingerprint: key.public_key().fingerprint(),
        last_seq: first.seq.saturating_sub(1),
        last_segment: start.segment.saturating_sub(1),
        until,
        time,
        hash: start.previous,
        signature: [0; 64],
    };
    dropped.signature = key.sign(&dropped.signed());
    let body = [&dropped.signed()[TAG.len()..], &dropped.signature].concat();
    let mut bytes = Vec::new();
    Frame::chained(Kind::Dropped, dropped.last_seq, body, &NOTHING_BEFORE).write(&mut bytes);
    Ok(bytes)
}

/// Which entries a segment has and since when, as its first frame says, unproven.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SegmentStart {
    /// Its number, from 1.
    pub segment: u64,
    /// The number of its first entry.
    pub first_seq: u64,
    /// When it began, which is not before anything in the segment before it.
    pub time: Timestamp,
}

impl SegmentStart {
    /// Reads the first frame of a segment.
    ///
    /// # Errors
    /// [`StubError`].
    pub fn read(segment: impl std::io::Read) -> Result<Self, StubError> {
        let first = super::Frames::new(segment).next().ok_or(StubError::NoStart)?.map_err(StubError::Frame)?;
        let start = Start::of(&first).map_err(StubError::Frame)?.ok_or(StubError::NoStart)?;
        Ok(SegmentStart { segment: start.segment, first_seq: first.seq, time: start.time })
    }
}

/// How a segment begins: what one has to know to read it alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Start {
    pub(super) installation: Installation,
    pub(super) fingerprint: [u8; 32],
    /// From 1.
    pub(super) segment: u64,
    pub(super) time: Timestamp,
    /// The hash of the last frame of the segment before.
    pub(super) previous: Hash,
}

impl Start {
    pub(super) fn body(&self) -> Vec<u8> {
        let (segment, time) = (self.segment.to_be_bytes(), self.time.0.to_be_bytes());
        [&self.installation.0[..], &self.fingerprint, &segment, &time, &self.previous].concat()
    }

    pub(super) fn of(frame: &Frame) -> Result<Option<Self>, FrameError> {
        if frame.kind != Kind::Start {
            return Ok(None);
        }
        let mut parts = Parts(&frame.body);
        let start = Start {
            installation: Installation(parts.array()?),
            fingerprint: parts.array()?,
            segment: parts.number()?,
            time: Timestamp(parts.number()?),
            previous: parts.array()?,
        };
        parts.end()?;
        Ok(Some(start))
    }
}
