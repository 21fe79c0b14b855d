//! A metric's metadata, read in place: what its bytes are, or which part of a longer whole.
//!
//! Invariant: texts are UTF-8; what does not decode is no metadata at all, and costs its metric nothing else.

use crate::{
    DecodeError, Span,
    payload::wire::{self, Wire},
};

/// What a metric says about its value beside its properties.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MetaData<'a> {
    /// Whether the value is one part of several.
    pub is_multi_part: Option<bool>,
    /// Media type.
    pub content_type: Option<&'a str>,
    /// Bytes, or for text characters.
    pub size: Option<u64>,
    /// Which part this is.
    pub seq: Option<u64>,
    /// Name of the file.
    pub file_name: Option<&'a str>,
    /// Type of the file: `xml`, `json` …
    pub file_type: Option<&'a str>,
    /// MD5 of the whole, in whatever digits the client writes.
    pub md5: Option<&'a str>,
    /// What the metric is about.
    pub description: Option<&'a str>,
}

impl<'a> MetaData<'a> {
    /// Reads the metadata that `span` covers of a payload's `bytes`.
    ///
    /// # Errors
    /// [`DecodeError`]: it is to be dropped.
    ///
    /// # Panics
    /// When `bytes` are not the payload's that `span` comes from.
    pub fn parse(bytes: &'a [u8], span: Span) -> Result<MetaData<'a>, DecodeError> {
        const IS_MULTI_PART: u32 = wire::varint_field(1);
        const CONTENT_TYPE: u32 = wire::bytes_field(2);
        const SIZE: u32 = wire::varint_field(3);
        const SEQ: u32 = wire::varint_field(4);
        const FILE_NAME: u32 = wire::bytes_field(5);
        const FILE_TYPE: u32 = wire::bytes_field(6);
        const MD5: u32 = wire::bytes_field(7);
        const DESCRIPTION: u32 = wire::bytes_field(8);

        let mut read = MetaData::default();
        let mut wire = Wire::within(bytes, span);
        while !wire.is_at_end() {
            match wire.tag()? {
                IS_MULTI_PART => read.is_multi_part = Some(wire.varint()? != 0),
                CONTENT_TYPE => read.content_type = Some(wire.text()?.text(bytes)),
                SIZE => read.size = Some(wire.varint()?),
                SEQ => read.seq = Some(wire.varint()?),
                FILE_NAME => read.file_name = Some(wire.text()?.text(bytes)),
                FILE_TYPE => read.file_type = Some(wire.text()?.text(bytes)),
                MD5 => read.md5 = Some(wire.text()?.text(bytes)),
                DESCRIPTION => read.description = Some(wire.text()?.text(bytes)),
                tag if (1..=8).contains(&(tag >> 3)) => return Err(DecodeError::Field),
                tag => wire.skip(tag)?,
            }
        }
        Ok(read)
    }
}
