//! One cell: a sample in 32 bytes.
//!
//! A number sits in the cell itself; text and structures sit in the block's [`Heavy`](crate::heavy::Heavy) store and the cell holds their
//! index. `received` takes 48 bits, which is enough until the year 10889, so that value, both times, revision, form,
//! quality and datatype share half a cache line.
//! Refuses to know locks. Invariant: `bits` is an index into `Heavy` exactly when `form` is `Heavy`.

use crate::value::{Value, ValueRef};
use crate::{DataType, Quality, Revision, Timestamp};

/// How to read `bits`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Form {
    /// Nothing is placed here.
    Vacant,
    Null,
    Boolean,
    Int,
    UInt,
    Float,
    Double,
    DateTime,
    Heavy,
}

#[derive(Clone)]
pub(crate) struct Cell {
    bits: u64,
    timestamp: u64,
    revision: u64,
    received_low: u32,
    received_high: u16,
    /// [`Form`] in the low six bits, [`Quality`] in the high two: both are needed, one byte is left.
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

    pub(crate) fn form(&self) -> Form {
        match self.form_and_quality & 0x3f {
            0 => Form::Vacant,
            1 => Form::Null,
            2 => Form::Boolean,
            3 => Form::Int,
            4 => Form::UInt,
            5 => Form::Float,
            6 => Form::Double,
            7 => Form::DateTime,
            _ => Form::Heavy,
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

    /// The index into [`Heavy`](crate::heavy::Heavy), if the value is there.
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
    pub(crate) fn set_value(
        &mut self,
        form: Form,
        bits: u64,
        quality: Quality,
        datatype: DataType,
        timestamp: Timestamp,
    ) {
        self.bits = bits;
        self.form_and_quality = pack(form, quality);
        self.datatype = datatype;
        self.timestamp = timestamp.0;
    }

    pub(crate) fn set_quality(&mut self, quality: Quality) {
        self.form_and_quality = pack(self.form(), quality);
    }

    #[inline]
    pub(crate) fn stamp(&mut self, revision: Revision, received: Received) {
        self.revision = revision.0;
        self.received_low = received.low;
        self.received_high = received.high;
    }
}

const fn pack(form: Form, quality: Quality) -> u8 {
    form as u8 | (quality as u8) << 6
}

/// A scalar as a cell keeps it, or `None` for what must go to [`Heavy`](crate::heavy::Heavy).
#[inline]
pub(crate) fn scalar(value: ValueRef<'_>) -> Option<(Form, u64)> {
    Some(match value {
        ValueRef::Null => (Form::Null, 0),
        ValueRef::Boolean(v) => (Form::Boolean, u64::from(v)),
        ValueRef::Int(v) => (Form::Int, v.cast_unsigned()),
        ValueRef::UInt(v) => (Form::UInt, v),
        ValueRef::Float(v) => (Form::Float, u64::from(v.to_bits())),
        ValueRef::Double(v) => (Form::Double, v.to_bits()),
        ValueRef::DateTime(v) => (Form::DateTime, v),
        ValueRef::String(_) | ValueRef::Bytes(_) | ValueRef::Structure(_) => return None,
    })
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
