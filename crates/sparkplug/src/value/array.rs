//! Packed arrays: many values of one kind in a metric's bytes field.
//!
//! [`Array::new`] proves the packing once, so walking the items cannot fail. Numbers are little-endian at their natural
//! width; booleans are a 32-bit count and then bits, most significant first; texts end with a NUL byte each.

use crate::{DataType, Value};

/// A well-formed packed array.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Array<'a> {
    datatype: DataType,
    len: u32,
    bytes: &'a [u8],
}

impl<'a> Array<'a> {
    /// The array of type `datatype` that `bytes` pack; none if the datatype is not an array's or the packing is broken.
    pub fn new(datatype: DataType, bytes: &'a [u8]) -> Option<Array<'a>> {
        let len = match datatype {
            DataType::BooleanArray => booleans(bytes)?,
            DataType::StringArray => texts(bytes)?,
            _ => numbers(bytes, width(datatype)?)?,
        };
        Some(Array { datatype, len: u32::try_from(len).ok()?, bytes })
    }

    /// The array's datatype, for instance [`DataType::Int32Array`].
    pub fn datatype(&self) -> DataType {
        self.datatype
    }

    /// How many items there are.
    pub fn len(&self) -> usize {
        self.len as usize
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The array as it is packed on the wire.
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// The items in order.
    pub fn iter(&self) -> ArrayItems<'a> {
        let rest = match self.datatype {
            DataType::BooleanArray => &self.bytes[COUNT_BYTES..],
            _ => self.bytes,
        };
        ArrayItems { datatype: self.datatype, rest, next: 0, len: self.len }
    }
}

impl<'a> IntoIterator for Array<'a> {
    type Item = Value<'a>;
    type IntoIter = ArrayItems<'a>;

    fn into_iter(self) -> ArrayItems<'a> {
        self.iter()
    }
}

impl<'a> IntoIterator for &Array<'a> {
    type Item = Value<'a>;
    type IntoIter = ArrayItems<'a>;

    fn into_iter(self) -> ArrayItems<'a> {
        self.iter()
    }
}

/// The items of an [`Array`], in order.
#[derive(Clone, Debug)]
pub struct ArrayItems<'a> {
    datatype: DataType,
    /// What is still packed. Booleans stay and are found by `next`.
    rest: &'a [u8],
    next: u32,
    len: u32,
}

impl<'a> Iterator for ArrayItems<'a> {
    type Item = Value<'a>;

    fn next(&mut self) -> Option<Value<'a>> {
        if self.next == self.len {
            return None;
        }
        let index = self.next as usize;
        self.next += 1;
        Some(match self.datatype {
            DataType::BooleanArray => Value::Boolean(self.rest.get(index / 8)? >> (7 - index % 8) & 1 == 1),
            DataType::StringArray => {
                let end = self.rest.iter().position(|&byte| byte == 0)?;
                let (text, rest) = self.rest.split_at(end);
                self.rest = &rest[1..];
                Value::String(std::str::from_utf8(text).ok()?)
            }
            DataType::Int8Array => Value::Int(i8::from_le_bytes(self.take()?).into()),
            DataType::Int16Array => Value::Int(i16::from_le_bytes(self.take()?).into()),
            DataType::Int32Array => Value::Int(i32::from_le_bytes(self.take()?).into()),
            DataType::Int64Array => Value::Int(i64::from_le_bytes(self.take()?)),
            DataType::UInt8Array => Value::UInt(u8::from_le_bytes(self.take()?).into()),
            DataType::UInt16Array => Value::UInt(u16::from_le_bytes(self.take()?).into()),
            DataType::UInt32Array => Value::UInt(u32::from_le_bytes(self.take()?).into()),
            DataType::UInt64Array => Value::UInt(u64::from_le_bytes(self.take()?)),
            DataType::FloatArray => Value::Float(f32::from_le_bytes(self.take()?)),
            DataType::DoubleArray => Value::Double(f64::from_le_bytes(self.take()?)),
            DataType::DateTimeArray => Value::DateTime(u64::from_le_bytes(self.take()?)),
            _ => return None,
        })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = (self.len - self.next) as usize;
        (left, Some(left))
    }
}

impl ExactSizeIterator for ArrayItems<'_> {}

impl ArrayItems<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (item, rest) = self.rest.split_first_chunk()?;
        self.rest = rest;
        Some(*item)
    }
}

const COUNT_BYTES: usize = 4;

fn booleans(bytes: &[u8]) -> Option<usize> {
    let (count, bits) = bytes.split_first_chunk::<COUNT_BYTES>()?;
    let count = u32::from_le_bytes(*count) as usize;
    (count.div_ceil(8) == bits.len()).then_some(count)
}

fn texts(bytes: &[u8]) -> Option<usize> {
    let text = std::str::from_utf8(bytes).ok()?;
    let is_ended = text.is_empty() || text.ends_with('\0');
    is_ended.then(|| bytes.iter().filter(|&&byte| byte == 0).count())
}

fn numbers(bytes: &[u8], width: usize) -> Option<usize> {
    bytes.len().is_multiple_of(width).then_some(bytes.len() / width)
}

/// Bytes per item of a packed numeric array; none for other datatypes.
fn width(datatype: DataType) -> Option<usize> {
    match datatype {
        DataType::Int8Array | DataType::UInt8Array => Some(1),
        DataType::Int16Array | DataType::UInt16Array => Some(2),
        DataType::Int32Array | DataType::UInt32Array | DataType::FloatArray => Some(4),
        DataType::Int64Array | DataType::UInt64Array | DataType::DoubleArray | DataType::DateTimeArray => Some(8),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn items(datatype: DataType, bytes: &[u8]) -> Option<Vec<Value<'_>>> {
        Array::new(datatype, bytes).map(|array| {
            assert_eq!(array.iter().len(), array.iter().count());
            array.iter().collect()
        })
    }

    #[test]
    fn the_specifications_examples_as_corrected_on_branch_3_x() {
        assert_eq!(items(DataType::Int8Array, &[0xE9, 0x7B]), Some(vec![Value::Int(-23), Value::Int(123)]));
        assert_eq!(
            items(
                DataType::DateTimeArray,
                &[0xC7, 0xD0, 0x90, 0x75, 0x24, 1, 0, 0, 0xB8, 0xBA, 0xB8, 0x97, 0x81, 1, 0, 0]
            ),
            Some(vec![Value::DateTime(1_256_102_875_335), Value::DateTime(1_656_107_875_000)])
        );
        let bits = [false, false, true, true, false, true, false, false, true, true, false, true];
        assert_eq!(
            items(DataType::BooleanArray, &[12, 0, 0, 0, 0x34, 0xD0]),
            Some(bits.into_iter().map(Value::Boolean).collect())
        );
        assert_eq!(
            items(DataType::StringArray, b"ABC\0hello\0"),
            Some(vec![Value::String("ABC"), Value::String("hello")])
        );
    }

    #[test]
    fn a_broken_packing_is_no_array() {
        assert_eq!(items(DataType::Int16Array, &[1, 2, 3]), None);
        assert_eq!(items(DataType::BooleanArray, &[12, 0, 0]), None);
        assert_eq!(items(DataType::BooleanArray, &[255, 255, 255, 255, 0]), None);
        assert_eq!(items(DataType::StringArray, b"not ended"), None);
        assert_eq!(items(DataType::StringArray, &[0xFF, 0]), None);
        assert_eq!(items(DataType::Double, &[]), None);
    }

    #[test]
    fn an_empty_array_has_no_items() {
        assert_eq!(items(DataType::DoubleArray, &[]), Some(vec![]));
        assert_eq!(items(DataType::BooleanArray, &[0, 0, 0, 0]), Some(vec![]));
        assert_eq!(items(DataType::StringArray, &[]), Some(vec![]));
    }
}
