//! The data representations of section 1.5: integers, strings, binary data, variable byte integers, and their limits.
//!
//! [`Reader`] walks over borrowed bytes; [`Sink`] is written to. A sink either keeps the bytes or only counts them, so
//! that the length in front of a section and the section itself come from the same code and cannot disagree.
//! Invariant: a `Reader` never looks behind its slice; running out is [`Violation::Truncated`].

use crate::error::Violation;
use crate::limits::STRING_BYTES_MAX;

/// The largest variable byte integer: four bytes of seven bits.
pub(crate) const VARINT_MAX: usize = 268_435_455;

/// Reads from the front of borrowed bytes.
#[derive(Clone, Copy, Debug)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    #[inline]
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Reader { rest: bytes }
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// What has not been read yet.
    #[inline]
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// Takes all that has not been read yet.
    pub(crate) fn take_rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.rest)
    }

    /// Whether there is an empty property section here, which is then behind.
    #[inline]
    pub(crate) fn skip_empty_section(&mut self) -> bool {
        match self.rest {
            [0, rest @ ..] => {
                self.rest = rest;
                true
            }
            _ => false,
        }
    }

    #[inline]
    pub(crate) fn take(&mut self, len: usize) -> Result<&'a [u8], Violation> {
        let (taken, rest) = self.rest.split_at_checked(len).ok_or(Violation::Truncated)?;
        self.rest = rest;
        Ok(taken)
    }

    #[inline]
    fn array<const N: usize>(&mut self) -> Result<[u8; N], Violation> {
        let (taken, rest) = self.rest.split_first_chunk().ok_or(Violation::Truncated)?;
        self.rest = rest;
        Ok(*taken)
    }

    #[inline]
    pub(crate) fn u8(&mut self) -> Result<u8, Violation> {
        self.array().map(|[byte]| byte)
    }

    #[inline]
    pub(crate) fn u16(&mut self) -> Result<u16, Violation> {
        self.array().map(u16::from_be_bytes)
    }

    #[inline]
    pub(crate) fn u32(&mut self) -> Result<u32, Violation> {
        self.array().map(u32::from_be_bytes)
    }

    /// A variable byte integer of at most four bytes `[MQTT-1.5.5-1]`.
    #[inline]
    pub(crate) fn varint(&mut self) -> Result<u32, Violation> {
        match varint(self.rest, true)? {
            Some((value, len)) => {
                self.rest = &self.rest[len..];
                Ok(value)
            }
            None => Err(Violation::Truncated),
        }
    }

    #[inline]
    pub(crate) fn binary(&mut self) -> Result<&'a [u8], Violation> {
        let len = self.u16()?;
        self.take(usize::from(len))
    }

    /// A UTF-8 string without U+0000 `[MQTT-1.5.4-1]`, `[MQTT-1.5.4-2]`. Everything else, a byte order mark or a
    /// control character too, passes unchanged `[MQTT-1.5.4-3]`.
    #[inline]
    pub(crate) fn text(&mut self) -> Result<&'a str, Violation> {
        let bytes = self.binary()?;
        let text = std::str::from_utf8(bytes).map_err(|_| Violation::TextNotUtf8)?;
        if bytes.contains(&0) { Err(Violation::TextHasNul) } else { Ok(text) }
    }
}

/// The variable byte integer at the front of `bytes` and its length; `None` if it goes on behind them. `minimal`
/// demands the shortest form `[MQTT-1.5.5-1]`, of which MQTT 3.1.1 says nothing.
#[inline]
pub(crate) fn varint(bytes: &[u8], minimal: bool) -> Result<Option<(u32, usize)>, Violation> {
    let mut value = 0;
    for (at, byte) in bytes.iter().take(4).enumerate() {
        value |= u32::from(byte & 0x7F) << (7 * at);
        if byte & 0x80 == 0 {
            let padded = minimal && *byte == 0 && at > 0;
            return if padded { Err(Violation::VarintMalformed) } else { Ok(Some((value, at + 1))) };
        }
    }
    if bytes.len() < 4 { Ok(None) } else { Err(Violation::VarintMalformed) }
}

/// How many bytes a variable byte integer takes.
#[inline]
pub(crate) fn varint_len(value: usize) -> usize {
    match value {
        0..=0x7F => 1,
        0x80..=0x3FFF => 2,
        0x4000..=0x1F_FFFF => 3,
        _ => 4,
    }
}

/// What encoded bytes go to.
pub(crate) trait Sink {
    fn bytes(&mut self, bytes: &[u8]);

    #[inline]
    fn u8(&mut self, value: u8) {
        self.bytes(&[value]);
    }

    #[inline]
    fn u16(&mut self, value: u16) {
        self.bytes(&value.to_be_bytes());
    }

    #[inline]
    fn u32(&mut self, value: u32) {
        self.bytes(&value.to_be_bytes());
    }

    #[inline]
    fn varint(&mut self, value: usize) {
        assert!(value <= VARINT_MAX, "a packet or section of ours has {value} bytes; MQTT can say {VARINT_MAX}");
        let mut left = value;
        while left > 0x7F {
            self.u8(left as u8 | 0x80);
            left >>= 7;
        }
        self.u8(left as u8);
    }

    #[inline]
    fn binary(&mut self, bytes: &[u8]) {
        let len = bytes.len();
        assert!(len <= STRING_BYTES_MAX, "a string or binary field of ours has {len} bytes; MQTT can say 65535");
        self.u16(len as u16);
        self.bytes(bytes);
    }

    #[inline]
    fn text(&mut self, text: &str) {
        self.binary(text.as_bytes());
    }
}

impl Sink for Vec<u8> {
    #[inline]
    fn bytes(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }
}

/// The sink that only counts.
#[derive(Default)]
pub(crate) struct Count(pub(crate) usize);

impl Sink for Count {
    #[inline]
    fn bytes(&mut self, bytes: &[u8]) {
        self.0 += bytes.len();
    }
}
