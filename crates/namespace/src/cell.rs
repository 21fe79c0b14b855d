//! One cell: a sample in 32 bytes.
//!
//! A number sits in the cell itself; text and structures sit in the block's [`Heavy`](crate::heavy::Heavy) store and the cell holds their
//! index. `received` takes 48 bits, which is enough until the year 10889, so that value, both times, revision, form,
//! quality and datatype share half a cache line.
//! Refuses to know locks. Invariant: `bits` is an index into `Heavy` exactly when `form` is `Heavy`.

use crate::value::Value;
use crate::{DataType, Quality, Revision, Timestamp};

/// A value that fits a cell: every one but text, bytes and structures.
///
/// For writers on a hot path, who know what they have. A [`ValueRef`](crate::ValueRef) says the same and costs 20
/// instructions more per sample (`benches/benches/ingest.rs`), because the variants of an enum keep their bits in
/// different places.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scalar {
    form: Form,
    bits: u64,
}

impl Scalar {
    /// No value.
    pub const NULL: Self = Self { form: Form::Null, bits: 0 };

    /// True or false.
    #[inline]
    pub fn boolean(v: bool) -> Self {
        Self { form: Form::Boolean, bits: v.into() }
    }

    /// A signed integer.
    #[inline]
    pub fn int(v: i64) -> Self {
        Self { form: Form::Int, bits: v.cast_unsigned() }
    }

    /// An unsigned integer.
    #[inline]
    pub fn uint(v: u64) -> Self {
        Self { form: Form::UInt, bits: v }
    }

    /// A 32-bit float.
    #[inline]
    pub fn float(v: f32) -> Self {
        Self { form: Form::Float, bits: v.to_bits().into() }
    }

    /// A 64-bit float.
    #[inline]
    pub fn double(v: f64) -> Self {
        Self { form: Form::Double, bits: v.to_bits() }
    }

    /// Milliseconds since the Unix epoch, UTC.
    #[inline]
    pub fn date_time(v: u64) -> Self {
        Self { form: Form::DateTime, bits: v }
    }
}

/// How to read `bits`. Numbered so that one bit test tells a scalar: [`Cell::is_scalar`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
enum Form {
    Null = 0,
    Boolean = 1,
    Int = 2,
    UInt = 3,
    Float = 4,
    Double = 5,
    DateTime = 6,
    Heavy = 8,
    /// Nothing is placed here.
    Vacant = 16,
}

/// Set while the source no longer has what the cell holds. A sample that is written to it unsets it.
const GONE: u8 = 0x20;

const NO_SCALAR: u8 = Form::Heavy as u8 | Form::Vacant as u8;

#[derive(Clone)]
pub(crate) struct Cell {
    bits: u64,
    timestamp: u64,
    revision: u64,
    received_low: u32,
    received_high: u16,
    /// [`Form`] in the low five bits, then [`GONE`], [`Quality`] in the high two: all are needed, one byte is left.
    form_and_quality: u8,
    datatype: DataType,
}

const _: () = assert!(size_of::<Cell>() == 32, "two cells share a cache line");

impl Cell {
    pub(crate) const VACANT: Self = Self {
        bits: 0,
        timestamp: 0,
        revision: 0,
        received_low: 0,
        received_high: 0,
        form_and_quality: pack(Form::Vacant, Quality::Uncertain),
        datatype: DataType::Unknown,
    };

    pub(crate) fn placed(datatype: DataType) -> Self {
        Self { form_and_quality: pack(Form::Null, Quality::Uncertain), datatype, ..Self::VACANT }
    }

    #[inline]
    fn form(&self) -> Form {
        match self.form_and_quality & !GONE & 0x3f {
            0 => Form::Null,
            1 => Form::Boolean,
            2 => Form::Int,
            3 => Form::UInt,
            4 => Form::Float,
            5 => Form::Double,
            6 => Form::DateTime,
            8 => Form::Heavy,
            _ => Form::Vacant,
        }
    }

    pub(crate) fn quality(&self) -> Quality {
        match self.form_and_quality >> 6 {
            0 => Quality::Good,
            1 => Quality::Bad,
            2 => Quality::Stale,
            _ => Quality::Uncertain,
        }
    }

    pub(crate) fn datatype(&self) -> DataType {
        self.datatype
    }

    pub(crate) fn set_datatype(&mut self, datatype: DataType) {
        self.datatype = datatype;
    }

    pub(crate) fn timestamp(&self) -> Timestamp {
        Timestamp(self.timestamp)
    }

    pub(crate) fn received(&self) -> Timestamp {
        Timestamp(u64::from(self.received_high) << 32 | u64::from(self.received_low))
    }

    /// The last batch that changed this cell; zero until the first.
    pub(crate) fn revision(&self) -> Revision {
        Revision(self.revision)
    }

    /// Whether it is placed and holds its value itself.
    #[inline]
    pub(crate) fn is_scalar(&self) -> bool {
        self.form_and_quality & NO_SCALAR == 0
    }

    pub(crate) fn is_placed(&self) -> bool {
        self.form() != Form::Vacant
    }

    /// The index into [`Heavy`](crate::heavy::Heavy), if the value is there.
    #[inline]
    pub(crate) fn heavy(&self) -> Option<u32> {
        (self.form() == Form::Heavy).then_some(self.bits as u32)
    }

    /// The value, unless it is heavy.
    pub(crate) fn scalar(&self) -> Option<Value> {
        Some(match self.form() {
            Form::Vacant | Form::Null => Value::Null,
            Form::Boolean => Value::Boolean(self.bits != 0),
            Form::Int => Value::Int(self.bits.cast_signed()),
            Form::UInt => Value::UInt(self.bits),
            Form::Float => Value::Float(f32::from_bits(self.bits as u32)),
            Form::Double => Value::Double(f64::from_bits(self.bits)),
            Form::DateTime => Value::DateTime(self.bits),
            Form::Heavy => return None,
        })
    }

    #[inline]
    pub(crate) fn set_scalar(&mut self, scalar: Scalar, quality: Quality, datatype: DataType, timestamp: Timestamp) {
        self.bits = scalar.bits;
        self.form_and_quality = pack(scalar.form, quality);
        self.datatype = datatype;
        self.timestamp = timestamp.0;
    }

    /// The value is in [`Heavy`](crate::heavy::Heavy), at `index`.
    pub(crate) fn set_heavy(&mut self, index: u32, quality: Quality, datatype: DataType, timestamp: Timestamp) {
        self.set_scalar(Scalar { form: Form::Heavy, bits: index.into() }, quality, datatype, timestamp);
    }

    pub(crate) fn set_quality(&mut self, quality: Quality) {
        self.form_and_quality = pack(self.form(), quality) | self.form_and_quality & GONE;
    }

    /// Whether the source no longer has what it holds.
    pub(crate) fn is_gone(&self) -> bool {
        self.form_and_quality & GONE != 0
    }

    pub(crate) fn set_gone(&mut self, is_gone: bool) {
        self.form_and_quality = self.form_and_quality & !GONE | if is_gone { GONE } else { 0 };
    }

    #[inline]
    pub(crate) fn stamp(&mut self, revision: Revision, received: Received) {
        self.revision = revision.0;
        self.received_low = received.low;
        self.received_high = received.high;
    }

    /// Another revision has changed what is known about the sample, and not the sample.
    pub(crate) fn restamp(&mut self, revision: Revision) {
        self.revision = revision.0;
    }
}

const fn pack(form: Form, quality: Quality) -> u8 {
    form as u8 | (quality as u8) << 6
}

/// The time a batch was received, split once per batch into the widths a cell has for it.
#[derive(Clone, Copy)]
pub(crate) struct Received {
    low: u32,
    high: u16,
}

impl From<Timestamp> for Received {
    fn from(Timestamp(ms): Timestamp) -> Self {
        let ms = ms.min((1 << 48) - 1);
        Self { low: ms as u32, high: (ms >> 32) as u16 }
    }
}
