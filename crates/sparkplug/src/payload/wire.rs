//! The protobuf wire format, one field at a time, over a range of the payload's bytes.
//!
//! A [`Wire`] for a sub-message shares the bytes of its parent, so offsets stay those of the payload and an eight-byte
//! load may look past the sub-message's end (never past the payload's). No recursion, no memory.
//! Invariant: `at <= end <= bytes.len()`.

use super::{DecodeError, Span};

/// The tag of a varint field.
pub(crate) const fn varint_field(number: u32) -> u32 {
    number << 3
}

/// The tag of a little-endian 64-bit field.
pub(crate) const fn fixed64_field(number: u32) -> u32 {
    number << 3 | 1
}

/// The tag of a length-delimited field: text, bytes, sub-message.
pub(crate) const fn bytes_field(number: u32) -> u32 {
    number << 3 | 2
}

/// The tag of a little-endian 32-bit field.
pub(crate) const fn fixed32_field(number: u32) -> u32 {
    number << 3 | 5
}

/// A cursor over the fields of one message.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wire<'a> {
    bytes: &'a [u8],
    at: usize,
    end: usize,
}

impl<'a> Wire<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Wire<'a> {
        Wire { bytes, at: 0, end: bytes.len() }
    }

    /// The fields of the sub-message that `span` covers.
    pub(crate) fn within(bytes: &'a [u8], span: Span) -> Wire<'a> {
        let start = span.start as usize;
        let end = start + span.len as usize;
        assert!(end <= bytes.len(), "a span is of another message's bytes");
        Wire { bytes, at: start, end }
    }

    #[inline]
    pub(crate) fn is_at_end(&self) -> bool {
        self.at == self.end
    }

    /// How far it has read, from the start of the bytes.
    pub(crate) fn at(&self) -> usize {
        self.at
    }

    /// What is still unread of the message.
    #[inline]
    pub(super) fn rest(&self) -> &'a [u8] {
        &self.bytes[self.at..self.end]
    }

    /// Steps over bytes that [`Wire::rest`] has shown.
    #[inline]
    pub(super) fn advance(&mut self, len: usize) {
        self.at += len;
    }

    /// The next field's tag: its number and wire type. Never that of field 0.
    #[inline]
    pub(crate) fn tag(&mut self) -> Result<u32, DecodeError> {
        match self.rest().first() {
            Some(&byte @ 8..0x80) => {
                self.at += 1;
                Ok(byte.into())
            }
            _ => self.long_tag(),
        }
    }

    fn long_tag(&mut self) -> Result<u32, DecodeError> {
        let tag = u32::try_from(self.varint()?).map_err(|_| DecodeError::Varint)?;
        if tag >> 3 == 0 { Err(DecodeError::Field) } else { Ok(tag) }
    }

    /// A number of up to 64 bits.
    #[inline]
    pub(crate) fn varint(&mut self) -> Result<u64, DecodeError> {
        match self.bytes.get(self.at) {
            Some(&byte) if byte < 0x80 && self.at < self.end => {
                self.at += 1;
                Ok(u64::from(byte))
            }
            _ => self.long_varint(),
        }
    }

    /// A varint of several bytes: of up to eight at once where the payload has eight more to load.
    fn long_varint(&mut self) -> Result<u64, DecodeError> {
        if let Some(word) = self.bytes.get(self.at..).and_then(|rest| rest.first_chunk())
            && let (value, len @ 1..) = short_varint(u64::from_le_bytes(*word))
            && self.at + len <= self.end
        {
            self.at += len;
            return Ok(value);
        }
        self.any_varint()
    }

    #[cold]
    fn any_varint(&mut self) -> Result<u64, DecodeError> {
        let mut value = 0;
        for (index, &byte) in self.bytes[self.at..self.end].iter().take(10).enumerate() {
            value |= u64::from(byte & 0x7F) << (7 * index);
            if byte < 0x80 {
                // The tenth byte has room for one bit.
                if index == 9 && byte > 1 {
                    return Err(DecodeError::Varint);
                }
                self.at += index + 1;
                return Ok(value);
            }
        }
        Err(if self.end - self.at >= 10 { DecodeError::Varint } else { DecodeError::Truncated })
    }

    #[inline]
    pub(crate) fn fixed32(&mut self) -> Result<u32, DecodeError> {
        self.fixed().map(u32::from_le_bytes)
    }

    #[inline]
    pub(crate) fn fixed64(&mut self) -> Result<u64, DecodeError> {
        self.fixed().map(u64::from_le_bytes)
    }

    #[inline]
    fn fixed<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let chunk = self.bytes[self.at..self.end].first_chunk().ok_or(DecodeError::Truncated)?;
        self.at += N;
        Ok(*chunk)
    }

    /// A length-delimited field's content, stepped over.
    #[inline]
    pub(crate) fn span(&mut self) -> Result<Span, DecodeError> {
        let len = self.varint()?;
        if len > (self.end - self.at) as u64 {
            return Err(DecodeError::Truncated);
        }
        let span = Span { start: self.at as u32, len: len as u32 };
        self.at += len as usize;
        Ok(span)
    }

    /// A length-delimited field that must be text.
    pub(crate) fn text(&mut self) -> Result<Span, DecodeError> {
        let span = self.span()?;
        let bytes = span.of(self.bytes);
        // Names are ASCII mostly, and that is quicker to see.
        if bytes.is_ascii() || std::str::from_utf8(bytes).is_ok() { Ok(span) } else { Err(DecodeError::Utf8) }
    }

    /// The fields of the sub-message that comes next, stepped over.
    #[inline]
    pub(crate) fn enter(&mut self) -> Result<Wire<'a>, DecodeError> {
        let span = self.span()?;
        Ok(Wire { bytes: self.bytes, at: span.start as usize, end: self.at })
    }

    /// Steps over the content of a field nobody asked for.
    pub(crate) fn skip(&mut self, tag: u32) -> Result<(), DecodeError> {
        match tag & 7 {
            0 => self.varint().map(drop),
            1 => self.fixed64().map(drop),
            2 => self.span().map(drop),
            5 => self.fixed32().map(drop),
            3 | 4 => Err(DecodeError::Group),
            _ => Err(DecodeError::Field),
        }
    }
}

/// The contents of one length-delimited field of a message, all its occurrences, skipping the other fields. Ends where
/// the message is broken, so who cares has walked it before.
#[derive(Clone, Debug)]
pub(crate) struct Fields<'a> {
    wire: Wire<'a>,
    tag: u32,
}

impl<'a> Fields<'a> {
    pub(crate) fn new(wire: Wire<'a>, tag: u32) -> Fields<'a> {
        Fields { wire, tag }
    }
}

impl Iterator for Fields<'_> {
    type Item = Span;

    fn next(&mut self) -> Option<Span> {
        while !self.wire.is_at_end() {
            let tag = self.wire.tag().ok()?;
            if tag == self.tag {
                return self.wire.span().ok();
            }
            self.wire.skip(tag).ok()?;
        }
        None
    }
}

/// The varint that the low bytes of `word` hold, and its length; 0 if it is longer than eight bytes. Without branches:
/// a misprediction costs as much as the whole of it.
#[inline]
pub(super) fn short_varint(word: u64) -> (u64, usize) {
    let ends = !word & 0x8080_8080_8080_8080;
    let len = ends.trailing_zeros() / 8 + 1;
    // All bits up to the first byte that has no continuation bit.
    let bits = word & (ends ^ ends.wrapping_sub(1)) & 0x7F7F_7F7F_7F7F_7F7F;
    // Close the gaps: 7 bits of 8, then 14 of 16, then 28 of 32.
    let bits = bits & 0x007F_007F_007F_007F | (bits & 0x7F00_7F00_7F00_7F00) >> 1;
    let bits = bits & 0x0000_3FFF_0000_3FFF | (bits & 0x3FFF_0000_3FFF_0000) >> 2;
    let bits = bits & 0x0000_0000_0FFF_FFFF | (bits & 0x0FFF_FFFF_0000_0000) >> 4;
    if ends == 0 { (0, 0) } else { (bits, len as usize) }
}
