//! Frames: the entries of a log as bytes, and the chain that they form.
//!
//! A frame is `kind · number · length of body · body · hash`, numbers big-endian, and the hash is SHA-256 over a tag,
//! the hash of the frame before, and everything of this frame that stands before it. So there is no byte in a log that
//! no hash covers. Reading holds every length against a bound before memory is spent. Knows nothing of signatures.
//! Invariant: the same frames are the same bytes; there is one way to write each.

use std::fmt;
use std::io::{self, Read};

use ring::digest;

use crate::limits::AUDIT_BODY_BYTES_MAX;

/// A link of the chain.
pub(super) type Hash = [u8; 32];

/// What the first frame of a log has before it.
pub(super) const NOTHING_BEFORE: Hash = [0; 32];

/// Says what is hashed, and in which version of the format.
const TAG: &[u8] = b"factree-audit-1\n";

/// Bytes before the body.
const HEADER_LEN: usize = 13;

/// What a frame is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `S`: a segment begins.
    Start,
    /// `R`: something happened.
    Record,
    /// `H`: everything before it, signed.
    Head,
    /// `D`: entries that were dropped when their time was over, signed. The first of a log, if it is there.
    Dropped,
}

impl Kind {
    const fn byte(self) -> u8 {
        match self {
            Kind::Start => b'S',
            Kind::Record => b'R',
            Kind::Head => b'H',
            Kind::Dropped => b'D',
        }
    }

    fn of(byte: u8) -> Option<Self> {
        [Kind::Start, Kind::Record, Kind::Head, Kind::Dropped].into_iter().find(|kind| kind.byte() == byte)
    }
}

/// One entry, as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// What it is.
    pub kind: Kind,
    /// Its number: every frame of a log has the next one, from 1.
    pub seq: u64,
    pub(super) body: Vec<u8>,
    pub(super) hash: Hash,
}

/// Why bytes are no frame.
#[derive(Debug)]
pub enum FrameError {
    /// The reader failed.
    Io(io::Error),
    /// They end in the middle of one.
    Torn,
    /// They say something that no frame says.
    Format(&'static str),
}

impl fmt::Display for FrameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => write!(f, "the log cannot be read: {error}"),
            Self::Torn => f.write_str("the log ends in the middle of an entry"),
            Self::Format(what) => write!(f, "not an entry: {what}"),
        }
    }
}

impl std::error::Error for FrameError {}

impl Frame {
    /// A frame behind another.
    pub(super) fn chained(kind: Kind, seq: u64, body: Vec<u8>, previous: &Hash) -> Self {
        let mut frame = Frame { kind, seq, body, hash: NOTHING_BEFORE };
        frame.hash = frame.hash_behind(previous);
        frame
    }

    /// What its hash has to be behind a frame with this one.
    pub(super) fn hash_behind(&self, previous: &Hash) -> Hash {
        let mut context = digest::Context::new(&digest::SHA256);
        context.update(TAG);
        context.update(previous);
        context.update(&self.header());
        context.update(&self.body);
        sha256(context)
    }

    fn header(&self) -> [u8; HEADER_LEN] {
        let mut header = [0; HEADER_LEN];
        header[0] = self.kind.byte();
        header[1..9].copy_from_slice(&self.seq.to_be_bytes());
        let len = u32::try_from(self.body.len()).expect("a body is within its bound");
        header[9..].copy_from_slice(&len.to_be_bytes());
        header
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.header());
        out.extend_from_slice(&self.body);
        out.extend_from_slice(&self.hash);
    }

    /// Bytes of the whole frame.
    pub(super) fn bytes(&self) -> u64 {
        (HEADER_LEN + self.body.len() + self.hash.len()) as u64
    }

    /// Reads the next one; none if there is nothing more.
    fn read(from: &mut impl Read) -> Result<Option<Self>, FrameError> {
        let mut header = [0; HEADER_LEN];
        match fill(from, &mut header)? {
            0 => return Ok(None),
            HEADER_LEN => {}
            _ => return Err(FrameError::Torn),
        }
        let kind = Kind::of(header[0]).ok_or(FrameError::Format("a kind that is not known"))?;
        let seq = u64::from_be_bytes(header[1..9].try_into().expect("eight bytes"));
        let len = u32::from_be_bytes(header[9..].try_into().expect("four bytes")) as usize;
        if len > AUDIT_BODY_BYTES_MAX {
            return Err(FrameError::Format("longer than any entry"));
        }
        let mut body = vec![0; len];
        let mut hash = NOTHING_BEFORE;
        if fill(from, &mut body)? < len || fill(from, &mut hash)? < hash.len() {
            return Err(FrameError::Torn);
        }
        Ok(Some(Frame { kind, seq, body, hash }))
    }
}

/// Reads until the buffer is full or there is nothing more.
fn fill(from: &mut impl Read, buffer: &mut [u8]) -> Result<usize, FrameError> {
    let mut filled = 0;
    while filled < buffer.len() {
        match from.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(more) => filled += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(FrameError::Io(error)),
        }
    }
    Ok(filled)
}

/// The SHA-256 of a text, in hexadecimal: tells in an entry whether something long is what it was.
pub fn fingerprint(text: &[u8]) -> String {
    digest::digest(&digest::SHA256, text).as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(super) fn sha256(context: digest::Context) -> Hash {
    context.finish().as_ref().try_into().expect("SHA-256 has 32 bytes")
}

/// The frames of a log, one after another. Nothing about the chain is checked; that is [`verify`](super::verify())'s.
#[derive(Debug)]
pub struct Frames<R> {
    from: R,
}

impl<R: Read> Frames<R> {
    /// The frames of one segment, or of several chained by `Read::chain`. The reader should have a buffer.
    pub const fn new(from: R) -> Self {
        Frames { from }
    }
}

impl<R: Read> Iterator for Frames<R> {
    type Item = Result<Frame, FrameError>;

    /// The next frame. After an error there is nothing sensible to come.
    fn next(&mut self) -> Option<Self::Item> {
        Frame::read(&mut self.from).transpose()
    }
}

/// A body that is taken apart: fixed numbers and texts with their length before them.
pub(super) struct Parts<'a>(pub(super) &'a [u8]);

/// The length of a text that is not there, which is another thing than an empty one.
const ABSENT: u32 = u32::MAX;

impl<'a> Parts<'a> {
    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], FrameError> {
        let (array, rest) = self.0.split_first_chunk().ok_or(FrameError::Format("a body that is too short"))?;
        self.0 = rest;
        Ok(*array)
    }

    pub(super) fn number(&mut self) -> Result<u64, FrameError> {
        self.array().map(u64::from_be_bytes)
    }

    pub(super) fn text(&mut self) -> Result<Option<&'a str>, FrameError> {
        let len = u32::from_be_bytes(self.array()?);
        if len == ABSENT {
            return Ok(None);
        }
        let (text, rest) =
            self.0.split_at_checked(len as usize).ok_or(FrameError::Format("a field that is longer than its entry"))?;
        self.0 = rest;
        std::str::from_utf8(text).map(Some).map_err(|_| FrameError::Format("a field that is not UTF-8"))
    }

    pub(super) fn end(self) -> Result<(), FrameError> {
        if self.0.is_empty() { Ok(()) } else { Err(FrameError::Format("a body that is too long")) }
    }
}

pub(super) fn put_text(body: &mut Vec<u8>, text: Option<&str>) {
    let len = text.map_or(ABSENT, |text| u32::try_from(text.len()).expect("a field is within its bound"));
    body.extend_from_slice(&len.to_be_bytes());
    body.extend_from_slice(text.unwrap_or_default().as_bytes());
}
