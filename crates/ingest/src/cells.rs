//! Samples as bytes: what a record holds of each cell.
//!
//! One byte says form, quality, and whether datatype and times are those of the cell before, which within one message they
//! mostly are; numbers are as short as they get, times are differences. A double takes nine bytes then, and a cell without
//! a sample one. Nothing here knows which cell is which: the order is the reader's and the writer's agreement.
//! Invariant: whatever [`Cells::write`] wrote, [`Cells::read`] reads back; whatever else it is given, it takes no more memory
//! than a small multiple of it, and says so instead of guessing.

use std::sync::Arc;

use factree_namespace::{DataType, Quality, Sample, Timestamp, Value};

/// A sample as a record has it. Its revision meant something to the process before this one only.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct KeptSample {
    pub(crate) value: Value,
    /// The value was too large to be kept; it reads as null.
    pub(crate) is_cut: bool,
    pub(crate) quality: Quality,
    pub(crate) timestamp: Timestamp,
    pub(crate) received: Timestamp,
    pub(crate) datatype: DataType,
}

/// The bytes are not what was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Damaged;

/// What the cell before said, on both sides of the bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cells {
    datatype: DataType,
    timestamp: Timestamp,
    received: Timestamp,
}

/// Deeper values than the tree may be configured to hold are not ours.
const NESTING_MAX: usize = 256;

// The low four bits of a cell's first byte; a value inside another one has them alone.
const ABSENT: u8 = 0;
const NULL: u8 = 1;
const FALSE: u8 = 2;
const TRUE: u8 = 3;
const INT: u8 = 4;
const UINT: u8 = 5;
const FLOAT: u8 = 6;
const DOUBLE: u8 = 7;
const DATE_TIME: u8 = 8;
const STRING: u8 = 9;
const BYTES: u8 = 10;
const LIST: u8 = 11;
const OBJECT: u8 = 12;
const CUT: u8 = 13;
const FORM: u8 = 0x0f;
// Then two bits of quality, and these.
const SAME_TYPE: u8 = 0x40;
const SAME_TIMES: u8 = 0x80;

const QUALITIES: [Quality; 4] = [Quality::Good, Quality::Bad, Quality::Stale, Quality::Uncertain];

impl Cells {
    /// Before the first cell.
    pub(crate) fn new() -> Self {
        Self { datatype: DataType::Unknown, timestamp: Timestamp(0), received: Timestamp(0) }
    }

    /// Appends a cell. Of a value that takes more than `value_bytes_max` only its absence is kept.
    pub(crate) fn write(&mut self, sample: Option<&Sample>, value_bytes_max: usize, bytes: &mut Vec<u8>) {
        let Some(sample) = sample else { return bytes.push(ABSENT) };
        let head = bytes.len();
        bytes.push(0);
        let mut flags = (sample.quality as u8) << 4;
        if sample.datatype == self.datatype {
            flags |= SAME_TYPE;
        } else {
            self.datatype = sample.datatype;
            bytes.push(sample.datatype as u8);
        }
        if (sample.timestamp, sample.received) == (self.timestamp, self.received) {
            flags |= SAME_TIMES;
        } else {
            write_difference(self.timestamp, sample.timestamp, bytes);
            write_difference(self.received, sample.received, bytes);
            (self.timestamp, self.received) = (sample.timestamp, sample.received);
        }
        let start = bytes.len();
        let is_far_too_long = match &sample.value {
            Value::String(text) => text.len() > value_bytes_max,
            Value::Bytes(value) => value.len() > value_bytes_max,
            _ => false,
        };
        let mut form = if is_far_too_long { CUT } else { write_value(&sample.value, bytes) };
        if bytes.len() - start > value_bytes_max {
            bytes.truncate(start);
            form = CUT;
        }
        bytes[head] = flags | form;
    }

    /// Takes a cell from the front of `bytes`; `Ok(None)` for one without a sample.
    pub(crate) fn read(&mut self, bytes: &mut &[u8]) -> Result<Option<KeptSample>, Damaged> {
        let head = take_byte(bytes)?;
        if head == ABSENT {
            return Ok(None);
        }
        if head & SAME_TYPE == 0 {
            let number = take_byte(bytes)?;
            self.datatype = DataType::ALL.get(usize::from(number)).copied().ok_or(Damaged)?;
        }
        if head & SAME_TIMES == 0 {
            self.timestamp = read_difference(self.timestamp, bytes)?;
            self.received = read_difference(self.received, bytes)?;
        }
        let form = head & FORM;
        let value = if form == CUT { Value::Null } else { read_value(form, bytes, NESTING_MAX)? };
        Ok(Some(KeptSample {
            value,
            is_cut: form == CUT,
            quality: QUALITIES[usize::from(head >> 4 & 3)],
            timestamp: self.timestamp,
            received: self.received,
            datatype: self.datatype,
        }))
    }
}

/// Appends a text with its length.
pub(crate) fn write_text(text: &str, bytes: &mut Vec<u8>) {
    write_number(text.len() as u64, bytes);
    bytes.extend_from_slice(text.as_bytes());
}

/// Takes a text from the front of `bytes`.
pub(crate) fn read_text<'b>(bytes: &mut &'b [u8]) -> Result<&'b str, Damaged> {
    std::str::from_utf8(take_counted(bytes)?).map_err(|_| Damaged)
}

/// Appends a value without its form, which is returned. Recursion is bounded: the tree bounds nesting.
fn write_value(value: &Value, bytes: &mut Vec<u8>) -> u8 {
    match value {
        Value::Null => NULL,
        Value::Boolean(false) => FALSE,
        Value::Boolean(true) => TRUE,
        Value::Int(number) => {
            write_number(zigzag(*number), bytes);
            INT
        }
        Value::UInt(number) => {
            write_number(*number, bytes);
            UINT
        }
        Value::Float(number) => {
            bytes.extend_from_slice(&number.to_bits().to_le_bytes());
            FLOAT
        }
        Value::Double(number) => {
            bytes.extend_from_slice(&number.to_bits().to_le_bytes());
            DOUBLE
        }
        Value::DateTime(ms) => {
            write_number(*ms, bytes);
            DATE_TIME
        }
        Value::String(text) => {
            write_text(text, bytes);
            STRING
        }
        Value::Bytes(value) => {
            write_number(value.len() as u64, bytes);
            bytes.extend_from_slice(value);
            BYTES
        }
        Value::List(items) => {
            write_number(items.len() as u64, bytes);
            items.iter().for_each(|item| write_inner(item, bytes));
            LIST
        }
        Value::Object(fields) => {
            write_number(fields.len() as u64, bytes);
            for (name, value) in fields.iter() {
                write_text(name, bytes);
                write_inner(value, bytes);
            }
            OBJECT
        }
    }
}

fn write_inner(value: &Value, bytes: &mut Vec<u8>) {
    let head = bytes.len();
    bytes.push(0);
    bytes[head] = write_value(value, bytes);
}

fn read_value(form: u8, bytes: &mut &[u8], nesting_left: usize) -> Result<Value, Damaged> {
    Ok(match form {
        NULL => Value::Null,
        FALSE => Value::Boolean(false),
        TRUE => Value::Boolean(true),
        INT => Value::Int(unzigzag(take_number(bytes)?)),
        UINT => Value::UInt(take_number(bytes)?),
        FLOAT => Value::Float(f32::from_bits(u32::from_le_bytes(take_array(bytes)?))),
        DOUBLE => Value::Double(f64::from_bits(u64::from_le_bytes(take_array(bytes)?))),
        DATE_TIME => Value::DateTime(take_number(bytes)?),
        STRING => Value::String(read_text(bytes)?.into()),
        BYTES => Value::Bytes(take_counted(bytes)?.into()),
        LIST => Value::List(read_items(bytes, nesting_left, read_inner)?),
        OBJECT => Value::Object(read_items(bytes, nesting_left, |bytes, nesting_left| {
            Ok((read_text(bytes)?.into(), read_inner(bytes, nesting_left)?))
        })?),
        _ => return Err(Damaged),
    })
}

fn read_inner(bytes: &mut &[u8], nesting_left: usize) -> Result<Value, Damaged> {
    read_value(take_byte(bytes)?, bytes, nesting_left)
}

/// As many items as a number in front says. Memory grows with what has been read, not with what was promised.
fn read_items<T>(
    bytes: &mut &[u8],
    nesting_left: usize,
    read: impl Fn(&mut &[u8], usize) -> Result<T, Damaged>,
) -> Result<Arc<[T]>, Damaged> {
    let nesting_left = nesting_left.checked_sub(1).ok_or(Damaged)?;
    let count = take_number(bytes)?;
    let mut items = Vec::new();
    for _ in 0..count {
        items.push(read(bytes, nesting_left)?);
    }
    Ok(items.into())
}

fn write_difference(before: Timestamp, after: Timestamp, bytes: &mut Vec<u8>) {
    write_number(zigzag(after.0.wrapping_sub(before.0).cast_signed()), bytes);
}

fn read_difference(before: Timestamp, bytes: &mut &[u8]) -> Result<Timestamp, Damaged> {
    let difference = unzigzag(take_number(bytes)?);
    Ok(Timestamp(before.0.wrapping_add(difference.cast_unsigned())))
}

/// Small numbers of either sign become small numbers.
fn zigzag(number: i64) -> u64 {
    (number << 1 ^ number >> 63).cast_unsigned()
}

fn unzigzag(number: u64) -> i64 {
    (number >> 1).cast_signed() ^ -(number & 1).cast_signed()
}

/// Seven bits a byte, the low ones first, the top bit while more follow.
pub(crate) fn write_number(mut number: u64, bytes: &mut Vec<u8>) {
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

pub(crate) fn take_number(bytes: &mut &[u8]) -> Result<u64, Damaged> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let byte = take_byte(bytes)?;
        let bits = u64::from(byte & 0x7f);
        if bits << shift >> shift != bits {
            return Err(Damaged);
        }
        number |= bits << shift;
        if byte & 0x80 == 0 {
            return Ok(number);
        }
    }
    Err(Damaged)
}

fn take_counted<'b>(bytes: &mut &'b [u8]) -> Result<&'b [u8], Damaged> {
    let len = usize::try_from(take_number(bytes)?).map_err(|_| Damaged)?;
    bytes.split_off(..len).ok_or(Damaged)
}

fn take_array<const N: usize>(bytes: &mut &[u8]) -> Result<[u8; N], Damaged> {
    let (array, rest) = bytes.split_first_chunk().ok_or(Damaged)?;
    *bytes = rest;
    Ok(*array)
}

fn take_byte(bytes: &mut &[u8]) -> Result<u8, Damaged> {
    bytes.split_off_first().copied().ok_or(Damaged)
}

#[cfg(test)]
mod tests {
    use super::*;
    use factree_namespace::Revision;
    use proptest::prelude::*;

    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::Boolean),
            any::<i64>().prop_map(Value::Int),
            any::<u64>().prop_map(Value::UInt),
            any::<f32>().prop_map(Value::Float),
            any::<f64>().prop_map(Value::Double),
            any::<u64>().prop_map(Value::DateTime),
            ".{0,9}".prop_map(|text| Value::String(text.into())),
            proptest::collection::vec(any::<u8>(), 0..9).prop_map(|bytes| Value::Bytes(bytes.into())),
        ];
        leaf.prop_recursive(3, 20, 5, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..5).prop_map(|items| Value::List(items.into())),
                proptest::collection::vec((".{0,5}".prop_map(Arc::from), inner), 0..5)
                    .prop_map(|fields| Value::Object(fields.into())),
            ]
        })
    }

    prop_compose! {
        fn sample()(
            value in value(),
            quality in 0..4_usize,
            (timestamp, received) in prop_oneof![Just((5, 5)), any::<(u64, u64)>()],
            datatype in 0..DataType::ALL.len(),
        ) -> Sample {
            Sample {
                value,
                quality: QUALITIES[quality],
                timestamp: Timestamp(timestamp),
                received: Timestamp(received),
                datatype: DataType::ALL[datatype],
                revision: Revision(1),
                is_gone: false,
            }
        }
    }

    fn written(samples: &[Option<Sample>], value_bytes_max: usize) -> Vec<u8> {
        let (mut cells, mut bytes) = (Cells::new(), Vec::new());
        samples.iter().for_each(|sample| cells.write(sample.as_ref(), value_bytes_max, &mut bytes));
        bytes
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(samples in proptest::collection::vec(proptest::option::of(sample()), 0..9)) {
            let bytes = written(&samples, usize::MAX);
            let (mut cells, mut rest) = (Cells::new(), bytes.as_slice());
            for sample in &samples {
                let read = cells.read(&mut rest).expect("whole");
                let again = read.map(|kept| Sample {
                    value: kept.value,
                    quality: kept.quality,
                    timestamp: kept.timestamp,
                    received: kept.received,
                    datatype: kept.datatype,
                    revision: Revision(1),
                    is_gone: false,
                });
                // NaN is not equal to itself, its print is.
                prop_assert_eq!(format!("{again:?}"), format!("{sample:?}"));
            }
            prop_assert!(rest.is_empty());
        }

        #[test]
        fn damaged_bytes_are_read_or_refused_and_never_more(
            samples in proptest::collection::vec(proptest::option::of(sample()), 1..5),
            (at, byte) in any::<(prop::sample::Index, u8)>(),
            junk in proptest::collection::vec(any::<u8>(), 0..64),
        ) {
            let mut bytes = written(&samples, usize::MAX);
            let at = at.index(bytes.len());
            bytes[at] = byte;
            for bytes in [bytes, junk] {
                let (mut cells, mut rest) = (Cells::new(), bytes.as_slice());
                let mut left = rest.len();
                while !rest.is_empty() && cells.read(&mut rest).is_ok() {
                    prop_assert!(rest.len() < left, "every cell takes a byte at least");
                    left = rest.len();
                }
            }
        }
    }

    fn double(number: f64) -> Option<Sample> {
        Some(Sample {
            value: Value::Double(number),
            quality: Quality::Good,
            timestamp: Timestamp(1_795_298_431_756),
            received: Timestamp(1_795_298_431_760),
            datatype: DataType::Double,
            revision: Revision(1),
            is_gone: false,
        })
    }

    #[test]
    fn a_double_of_the_same_message_takes_nine_bytes() {
        let one = written(&[double(1.0)], 64).len();
        assert_eq!(written(&[double(1.0), double(2.0), None], 64).len() - one, 9 + 1);
    }

    #[test]
    fn a_value_too_large_to_be_kept_is_known_to_be_missing() {
        let large = Value::List((0..100).map(Value::Int).collect());
        for value in [large, Value::String("x".repeat(100).into()), Value::Bytes([0; 100].as_slice().into())] {
            let sample = Sample { value, ..double(0.0).expect("one") };
            let bytes = written(&[Some(sample), double(3.0)], 64);
            let (mut cells, mut rest) = (Cells::new(), bytes.as_slice());
            let cut = cells.read(&mut rest).expect("whole").expect("a sample");
            assert_eq!((cut.value, cut.is_cut), (Value::Null, true));
            assert_eq!(cells.read(&mut rest).expect("whole").expect("a sample").value, Value::Double(3.0));
        }
    }

    #[test]
    fn a_promise_of_many_items_costs_nothing_and_nesting_is_bounded() {
        let mut bytes = vec![LIST, 0, 0, 0];
        write_number(u64::MAX, &mut bytes);
        assert_eq!(Cells::new().read(&mut bytes.as_slice()), Err(Damaged));
        let deep = [[LIST, 1].repeat(100_000), vec![NULL]].concat();
        assert_eq!(read_inner(&mut deep.as_slice(), NESTING_MAX), Err(Damaged));
    }

    #[test]
    fn datatypes_and_qualities_keep_their_numbers_because_they_are_on_disk() {
        let names: Vec<&str> = DataType::ALL.iter().map(|datatype| datatype.as_str()).collect();
        assert_eq!(
            names.join(" "),
            "Unknown Int8 Int16 Int32 Int64 UInt8 UInt16 UInt32 UInt64 Float Double Boolean String DateTime Text UUID \
             DataSet Bytes File Template Int8Array Int16Array Int32Array Int64Array UInt8Array UInt16Array UInt32Array \
             UInt64Array FloatArray DoubleArray BooleanArray StringArray DateTimeArray Structure"
        );
        for (number, &datatype) in DataType::ALL.iter().enumerate() {
            assert_eq!(datatype as usize, number);
        }
        for (number, quality) in QUALITIES.into_iter().enumerate() {
            assert_eq!(quality as usize, number);
        }
    }
}
