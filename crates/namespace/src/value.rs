//! Values: owned for readers, borrowed for writers.
//!
//! A reader gets a [`Value`], whose text and structures are shared (`Arc`). A writer hands in a [`ValueRef`], so a number
//! costs no allocation and unchanged text costs a comparison.
//! Refuses to know JSON or protobuf. Invariant: integers stay integers of their sign; a float keeps its width and its bits.

use std::sync::Arc;

use crate::Scalar;

/// A list or object inside another, whatever is in it.
const LIST_BYTES: usize = 2;

/// A value, owned and cheap to clone.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Value {
    /// No value: the source said so, or never said.
    #[default]
    Null,
    /// True or false.
    Boolean(bool),
    /// A signed integer of any width.
    Int(i64),
    /// An unsigned integer of any width.
    UInt(u64),
    /// A 32-bit float, kept as such so that 21.4 stays 21.4 when printed.
    Float(f32),
    /// A 64-bit float.
    Double(f64),
    /// Milliseconds since the Unix epoch, UTC, untrusted.
    DateTime(u64),
    /// Text.
    String(Arc<str>),
    /// Bytes.
    Bytes(Arc<[u8]>),
    /// Values in order.
    List(Arc<[Value]>),
    /// Named values, in the order they came.
    Object(Arc<[(Arc<str>, Value)]>),
}

/// A value on its way in, borrowed from the payload it was decoded from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ValueRef<'a> {
    /// No value.
    Null,
    /// True or false.
    Boolean(bool),
    /// A signed integer.
    Int(i64),
    /// An unsigned integer.
    UInt(u64),
    /// A 32-bit float.
    Float(f32),
    /// A 64-bit float.
    Double(f64),
    /// Milliseconds since the Unix epoch, UTC.
    DateTime(u64),
    /// Text; copied only if it differs from what the cell holds.
    String(&'a str),
    /// Bytes; copied only if they differ from what the cell holds.
    Bytes(&'a [u8]),
    /// A list or object the caller has built; shared, not copied. Scalars work too.
    Structure(&'a Value),
}

impl<'a> From<&'a Value> for ValueRef<'a> {
    fn from(value: &'a Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Boolean(v) => Self::Boolean(*v),
            Value::Int(v) => Self::Int(*v),
            Value::UInt(v) => Self::UInt(*v),
            Value::Float(v) => Self::Float(*v),
            Value::Double(v) => Self::Double(*v),
            Value::DateTime(v) => Self::DateTime(*v),
            Value::String(v) => Self::String(v),
            Value::Bytes(v) => Self::Bytes(v),
            Value::List(_) | Value::Object(_) => Self::Structure(value),
        }
    }
}

impl From<ValueRef<'_>> for Value {
    fn from(value: ValueRef<'_>) -> Self {
        match value {
            ValueRef::Null => Self::Null,
            ValueRef::Boolean(v) => Self::Boolean(v),
            ValueRef::Int(v) => Self::Int(v),
            ValueRef::UInt(v) => Self::UInt(v),
            ValueRef::Float(v) => Self::Float(v),
            ValueRef::Double(v) => Self::Double(v),
            ValueRef::DateTime(v) => Self::DateTime(v),
            ValueRef::String(text) => Self::String(text.into()),
            ValueRef::Bytes(bytes) => Self::Bytes(bytes.into()),
            ValueRef::Structure(value) => value.clone(),
        }
    }
}

impl ValueRef<'_> {
    /// The value, if it fits a cell.
    #[inline]
    pub fn scalar(self) -> Option<Scalar> {
        Some(match self {
            Self::Null => Scalar::NULL,
            Self::Boolean(v) => Scalar::boolean(v),
            Self::Int(v) => Scalar::int(v),
            Self::UInt(v) => Scalar::uint(v),
            Self::Float(v) => Scalar::float(v),
            Self::Double(v) => Scalar::double(v),
            Self::DateTime(v) => Scalar::date_time(v),
            Self::String(_) | Self::Bytes(_) | Self::Structure(_) => return None,
        })
    }
}

impl Value {
    /// Whether the value is no larger than `bytes_max` as its source would pack it, and nests no deeper than `nesting_max`
    /// levels: a number counts the bytes it takes on the wire, so that what a source may send does not depend on how we keep it.
    /// Stops as soon as either is spent.
    pub(crate) fn is_within(&self, nesting_max: usize, bytes_max: usize) -> bool {
        // What holds it all is not packed.
        self.pack(nesting_max, bytes_max.saturating_add(LIST_BYTES)).is_some()
    }

    /// What is left of `bytes_left`. Everything takes a byte at least.
    fn pack(&self, nesting_left: usize, bytes_left: usize) -> Option<usize> {
        let whole = |bits: u32| match bits {
            0..=8 => 1,
            9..=16 => 2,
            17..=32 => 4,
            _ => 8,
        };
        let bytes = match self {
            Self::Null | Self::Boolean(_) => 1,
            // One bit is the sign.
            Self::Int(value) => whole(u64::BITS + 1 - (value ^ (value >> 63)).leading_zeros()),
            Self::UInt(value) => whole(u64::BITS - value.leading_zeros()),
            Self::Float(_) => 4,
            Self::Double(_) | Self::DateTime(_) => 8,
            Self::String(text) => text.len() + 1,
            Self::Bytes(bytes) => bytes.len() + 1,
            Self::List(items) => {
                let nesting_left = nesting_left.checked_sub(1)?;
                let left = bytes_left.checked_sub(LIST_BYTES)?;
                return items.iter().try_fold(left, |left, item| item.pack(nesting_left, left));
            }
            Self::Object(fields) => {
                let nesting_left = nesting_left.checked_sub(1)?;
                let left = bytes_left.checked_sub(LIST_BYTES)?;
                return fields
                    .iter()
                    .try_fold(left, |left, (name, value)| value.pack(nesting_left, left.checked_sub(name.len() + 1)?));
            }
        };
        bytes_left.checked_sub(bytes)
    }

    /// What the value holds on the heap, in bytes, or `None` if it nests deeper than `nesting_left` levels or does not
    /// fit `bytes_left`. Stops as soon as either is spent, so its cost is bounded by the limits and not by the value.
    pub(crate) fn weigh(&self, nesting_left: usize, bytes_left: usize) -> Option<usize> {
        let left = self.spend(nesting_left, bytes_left)?;
        Some(bytes_left - left)
    }

    /// What is left of `bytes_left`.
    fn spend(&self, nesting_left: usize, bytes_left: usize) -> Option<usize> {
        match self {
            Self::Null
            | Self::Boolean(_)
            | Self::Int(_)
            | Self::UInt(_)
            | Self::Float(_)
            | Self::Double(_)
            | Self::DateTime(_) => Some(bytes_left),
            Self::String(text) => bytes_left.checked_sub(text.len()),
            Self::Bytes(bytes) => bytes_left.checked_sub(bytes.len()),
            Self::List(items) => {
                let nesting_left = nesting_left.checked_sub(1)?;
                let left = bytes_left.checked_sub(size_of_val::<[Self]>(items))?;
                items.iter().try_fold(left, |left, item| item.spend(nesting_left, left))
            }
            Self::Object(fields) => {
                let nesting_left = nesting_left.checked_sub(1)?;
                let left = bytes_left.checked_sub(size_of_val::<[(Arc<str>, Self)]>(fields))?;
                fields
                    .iter()
                    .try_fold(left, |left, (name, value)| value.spend(nesting_left, left.checked_sub(name.len())?))
            }
        }
    }
}
