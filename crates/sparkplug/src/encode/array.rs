//! Packing arrays, the reverse of [`Array`](crate::Array).

use crate::{DataType, Mismatch, Value};

/// The bytes of an array of type `datatype` with these items.
///
/// # Errors
/// [`Mismatch::Datatype`]: it is no array's. [`Mismatch::Range`]: an integer is too large for the items' type.
/// [`Mismatch::Array`]: a text has a NUL in it, which ends a text, or there are more than a 32-bit count of booleans.
/// [`Mismatch::Kind`]: an item is of another kind.
pub fn pack_array<'a>(datatype: DataType, items: impl IntoIterator<Item = Value<'a>>) -> Result<Vec<u8>, Mismatch> {
    let mut bytes = Vec::new();
    if datatype == DataType::BooleanArray {
        return pack_booleans(items.into_iter());
    }
    for item in items {
        match (datatype, item) {
            (DataType::Int8Array, Value::Int(item)) => bytes.extend(narrow::<i8, _>(item)?.to_le_bytes()),
            (DataType::Int16Array, Value::Int(item)) => bytes.extend(narrow::<i16, _>(item)?.to_le_bytes()),
            (DataType::Int32Array, Value::Int(item)) => bytes.extend(narrow::<i32, _>(item)?.to_le_bytes()),
            (DataType::Int64Array, Value::Int(item)) => bytes.extend(item.to_le_bytes()),
            (DataType::UInt8Array, Value::UInt(item)) => bytes.extend(narrow::<u8, _>(item)?.to_le_bytes()),
            (DataType::UInt16Array, Value::UInt(item)) => bytes.extend(narrow::<u16, _>(item)?.to_le_bytes()),
            (DataType::UInt32Array, Value::UInt(item)) => bytes.extend(narrow::<u32, _>(item)?.to_le_bytes()),
            (DataType::UInt64Array, Value::UInt(item)) => bytes.extend(item.to_le_bytes()),
            (DataType::FloatArray, Value::Float(item)) => bytes.extend(item.to_le_bytes()),
            (DataType::DoubleArray, Value::Double(item)) => bytes.extend(item.to_le_bytes()),
            (DataType::DateTimeArray, Value::DateTime(item)) => bytes.extend(item.to_le_bytes()),
            (DataType::StringArray, Value::String(item)) if item.contains('\0') => return Err(Mismatch::Array),
            (DataType::StringArray, Value::String(item)) => {
                bytes.extend(item.as_bytes());
                bytes.push(0);
            }
            (datatype, _) if datatype.is_array() => return Err(Mismatch::Kind),
            (_, _) => return Err(Mismatch::Datatype),
        }
    }
    if datatype.is_array() { Ok(bytes) } else { Err(Mismatch::Datatype) }
}

fn pack_booleans<'a>(items: impl Iterator<Item = Value<'a>>) -> Result<Vec<u8>, Mismatch> {
    let mut bytes = vec![0; size_of::<u32>()];
    let mut count: u32 = 0;
    for item in items {
        let Value::Boolean(item) = item else { return Err(Mismatch::Kind) };
        if count.is_multiple_of(8) {
            bytes.push(0);
        }
        let last = bytes.last_mut().expect("a byte was pushed for the first of eight");
        *last |= u8::from(item) << (7 - count % 8);
        count = count.checked_add(1).ok_or(Mismatch::Array)?;
    }
    bytes[..size_of::<u32>()].copy_from_slice(&count.to_le_bytes());
    Ok(bytes)
}

fn narrow<N: TryFrom<W>, W>(item: W) -> Result<N, Mismatch> {
    N::try_from(item).map_err(|_| Mismatch::Range)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Array;

    fn packed(datatype: DataType, items: &[Value<'_>]) -> Vec<u8> {
        let bytes = pack_array(datatype, items.iter().copied()).unwrap();
        let read: Vec<Value<'_>> = Array::new(datatype, &bytes).unwrap().iter().collect();
        assert_eq!(read, items, "{datatype}");
        bytes
    }

    #[test]
    fn what_is_packed_is_read() {
        packed(DataType::Int8Array, &[Value::Int(-128), Value::Int(127)]);
        packed(DataType::Int16Array, &[Value::Int(-32_768), Value::Int(32_767)]);
        packed(DataType::Int32Array, &[Value::Int(i32::MIN.into()), Value::Int(i32::MAX.into())]);
        packed(DataType::Int64Array, &[Value::Int(i64::MIN), Value::Int(i64::MAX)]);
        packed(DataType::UInt8Array, &[Value::UInt(0), Value::UInt(255)]);
        packed(DataType::UInt16Array, &[Value::UInt(65_535)]);
        packed(DataType::UInt32Array, &[Value::UInt(u32::MAX.into())]);
        packed(DataType::UInt64Array, &[Value::UInt(u64::MAX)]);
        packed(DataType::FloatArray, &[Value::Float(21.4), Value::Float(f32::NEG_INFINITY)]);
        packed(DataType::DoubleArray, &[Value::Double(5e-324)]);
        packed(DataType::DateTimeArray, &[Value::DateTime(u64::MAX)]);
        packed(DataType::StringArray, &[Value::String("ABC"), Value::String(""), Value::String("°")]);
        for len in [0, 1, 7, 8, 9, 16, 17] {
            let bits: Vec<Value<'_>> = (0..len).map(|bit| Value::Boolean(bit % 3 == 0)).collect();
            packed(DataType::BooleanArray, &bits);
        }
    }

    #[test]
    fn the_specifications_example_of_booleans() {
        let bits = [false, false, true, true, false, true, false, false, true, true, false, true];
        assert_eq!(packed(DataType::BooleanArray, &bits.map(Value::Boolean)), [12, 0, 0, 0, 0x34, 0xD0]);
    }

    #[test]
    fn what_has_no_place_in_an_array_is_refused() {
        for (datatype, item, expected) in [
            (DataType::Int8Array, Value::Int(128), Mismatch::Range),
            (DataType::UInt16Array, Value::UInt(65_536), Mismatch::Range),
            (DataType::UInt16Array, Value::Int(1), Mismatch::Kind),
            (DataType::BooleanArray, Value::Int(1), Mismatch::Kind),
            (DataType::StringArray, Value::String("a\0b"), Mismatch::Array),
            (DataType::StringArray, Value::Null, Mismatch::Kind),
            (DataType::Int8, Value::Int(1), Mismatch::Datatype),
        ] {
            assert_eq!(pack_array(datatype, [item]), Err(expected), "{datatype} {item:?}");
        }
        assert_eq!(pack_array(DataType::Int8, []), Err(Mismatch::Datatype));
    }
}
