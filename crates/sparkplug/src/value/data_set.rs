//! DataSets, read in place: a table of typed columns and of rows.
//!
//! [`DataSet::parse`] proves all of it once (as many types as columns, as many cells in each row, every cell a value of its
//! column's type), so walking it cannot fail and the size of what will be built from it is known before it is built.
//!
//! Invariant: a `DataSet` has `columns_len * rows_len` cells.

use crate::{
    DataType, DecodeError, Mismatch, Value, WireValue, interpret,
    payload::wire::{self, Wire},
};
use std::fmt;

/// A well-formed DataSet, still encoded.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DataSet<'a> {
    bytes: &'a [u8],
    columns: u32,
    rows: u32,
}

/// One row of a DataSet.
#[derive(Clone, Copy, Debug)]
pub struct Row<'a> {
    bytes: &'a [u8],
    wire: Wire<'a>,
}

/// Why a DataSet is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DataSetFault {
    /// `num_of_columns` is not the number of columns.
    ColumnsLen,
    /// No types at all.
    TypesMissing,
    /// More types than columns, or fewer.
    TypesLen,
    /// More columns than [`DataSet::COLUMNS_MAX`].
    TooManyColumns,
    /// A column of a type that is none of the basic ones.
    Type,
    /// A row with more cells than columns, or fewer.
    Ragged,
    /// A cell that is no value of its column's type.
    Cell(Mismatch),
    /// Not decodable.
    Malformed(DecodeError),
}

impl DataSetFault {
    /// The assertion that is violated, or a rule of ours where the specification has none.
    pub fn tck_id(self) -> &'static str {
        match self {
            DataSetFault::ColumnsLen => "tck-id-payloads-dataset-column-size",
            DataSetFault::TypesMissing => "tck-id-payloads-dataset-parameter-type-req",
            DataSetFault::TypesLen => "tck-id-payloads-dataset-types-num",
            DataSetFault::TooManyColumns => "factree-limit-dataset",
            DataSetFault::Type => "tck-id-payloads-dataset-types-value",
            DataSetFault::Cell(_) => "tck-id-payloads-template-dataset-value",
            DataSetFault::Ragged | DataSetFault::Malformed(_) => "factree-malformed-dataset",
        }
    }
}

impl fmt::Display for DataSetFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            DataSetFault::ColumnsLen => "num_of_columns is not the number of columns",
            DataSetFault::TypesMissing => "the DataSet does not say the types of its columns",
            DataSetFault::TypesLen => "the DataSet has not as many types as columns",
            DataSetFault::TooManyColumns => "the DataSet has too many columns",
            DataSetFault::Type => "a column's type is none that a cell can have",
            DataSetFault::Ragged => "a row has not as many cells as there are columns",
            DataSetFault::Cell(mismatch) => return mismatch.fmt(f),
            DataSetFault::Malformed(error) => return error.fmt(f),
        })
    }
}

impl std::error::Error for DataSetFault {}

impl From<DecodeError> for DataSetFault {
    fn from(error: DecodeError) -> DataSetFault {
        DataSetFault::Malformed(error)
    }
}

const COLUMNS_LEN: u32 = wire::varint_field(1);
const COLUMN: u32 = wire::bytes_field(2);
const TYPE: u32 = wire::varint_field(3);
const TYPES_PACKED: u32 = wire::bytes_field(3);
const ROW: u32 = wire::bytes_field(4);
const CELL: u32 = wire::bytes_field(1);

impl<'a> DataSet<'a> {
    /// Most columns of one DataSet. Their types are the only memory that reading it takes, a byte each.
    pub const COLUMNS_MAX: usize = 4096;

    /// Proves that `bytes` are a DataSet.
    ///
    /// # Errors
    /// [`DataSetFault`].
    pub fn parse(bytes: &'a [u8]) -> Result<DataSet<'a>, DataSetFault> {
        let (mut said, mut columns, mut rows) = (None, 0, 0);
        let mut types = Vec::new();
        let mut wire = Wire::new(bytes);
        while !wire.is_at_end() {
            match wire.tag()? {
                COLUMNS_LEN => said = Some(wire.varint()?),
                COLUMN => {
                    wire.text()?;
                    columns += 1;
                }
                TYPE => types.push(column_type(wire.varint()?)?),
                TYPES_PACKED => {
                    let mut packed = wire.enter()?;
                    while !packed.is_at_end() && types.len() <= Self::COLUMNS_MAX {
                        types.push(column_type(packed.varint()?)?);
                    }
                }
                ROW => {
                    wire.span()?;
                    rows += 1;
                }
                tag if (1..=4).contains(&(tag >> 3)) => return Err(DecodeError::Field.into()),
                tag => wire.skip(tag)?,
            }
            if columns > Self::COLUMNS_MAX || types.len() > Self::COLUMNS_MAX {
                return Err(DataSetFault::TooManyColumns);
            }
        }
        if types.is_empty() && columns > 0 {
            return Err(DataSetFault::TypesMissing);
        }
        if types.len() != columns {
            return Err(DataSetFault::TypesLen);
        }
        if said.is_some_and(|said| said != columns as u64) {
            return Err(DataSetFault::ColumnsLen);
        }
        let data_set = DataSet { bytes, columns: columns as u32, rows };
        data_set.rows().try_for_each(|row| row.check(&types))?;
        Ok(data_set)
    }

    /// How many columns there are.
    pub fn columns_len(&self) -> usize {
        self.columns as usize
    }

    /// How many rows there are.
    pub fn rows_len(&self) -> usize {
        self.rows as usize
    }

    /// The names of the columns.
    pub fn columns(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        let bytes = self.bytes;
        wire::Fields::new(Wire::new(bytes), COLUMN).map(move |span| span.text(bytes))
    }

    /// The types of the columns.
    pub fn types(&self) -> Vec<DataType> {
        let mut types = Vec::with_capacity(self.columns_len());
        let mut wire = Wire::new(self.bytes);
        let mut read = || -> Result<(), DataSetFault> {
            while !wire.is_at_end() {
                match wire.tag()? {
                    TYPE => types.push(column_type(wire.varint()?)?),
                    TYPES_PACKED => {
                        let mut packed = wire.enter()?;
                        while !packed.is_at_end() {
                            types.push(column_type(packed.varint()?)?);
                        }
                    }
                    tag => wire.skip(tag)?,
                }
            }
            Ok(())
        };
        read().expect("a DataSet has been proven");
        types
    }

    /// The rows in order.
    pub fn rows(&self) -> impl Iterator<Item = Row<'a>> + use<'a> {
        let bytes = self.bytes;
        wire::Fields::new(Wire::new(bytes), ROW).map(move |span| Row { bytes, wire: Wire::within(bytes, span) })
    }

    /// The DataSet as it is encoded.
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }
}

impl<'a> Row<'a> {
    /// The cells, one for each of the DataSet's [`types`](DataSet::types); [`Value::Null`] for an empty one.
    pub fn cells(&self, types: &[DataType]) -> impl Iterator<Item = Value<'a>> {
        let bytes = self.bytes;
        let cells = wire::Fields::new(self.wire, CELL);
        cells.zip(types).map(move |(span, &datatype)| {
            cell(Wire::within(bytes, span), bytes, datatype).expect("a DataSet has been proven")
        })
    }

    fn check(mut self, types: &[DataType]) -> Result<(), DataSetFault> {
        let mut types = types.iter();
        while !self.wire.is_at_end() {
            match self.wire.tag()? {
                CELL => {
                    let datatype = types.next().ok_or(DataSetFault::Ragged)?;
                    cell(self.wire.enter()?, self.bytes, *datatype)?;
                }
                tag if tag >> 3 == 1 => return Err(DecodeError::Field.into()),
                tag => self.wire.skip(tag)?,
            }
        }
        if types.next().is_none() { Ok(()) } else { Err(DataSetFault::Ragged) }
    }
}

/// Int8 to Text, and UUID, whose cells are texts.
fn column_type(number: u64) -> Result<DataType, DataSetFault> {
    let datatype = u32::try_from(number).ok().and_then(DataType::from_wire).ok_or(DataSetFault::Type)?;
    if (DataType::Int8..=DataType::UUID).contains(&datatype) { Ok(datatype) } else { Err(DataSetFault::Type) }
}

fn cell<'a>(mut wire: Wire<'a>, bytes: &'a [u8], datatype: DataType) -> Result<Value<'a>, DataSetFault> {
    const INT: u32 = wire::varint_field(1);
    const LONG: u32 = wire::varint_field(2);
    const FLOAT: u32 = wire::fixed32_field(3);
    const DOUBLE: u32 = wire::fixed64_field(4);
    const BOOLEAN: u32 = wire::varint_field(5);
    const STRING: u32 = wire::bytes_field(6);
    const EXTENSION: u32 = wire::bytes_field(7);

    let mut value = WireValue::Null;
    while !wire.is_at_end() {
        match wire.tag()? {
            INT => value = WireValue::Int(wire.varint()? as u32),
            LONG => value = WireValue::Long(wire.varint()?),
            FLOAT => value = WireValue::Float(f32::from_bits(wire.fixed32()?)),
            DOUBLE => value = WireValue::Double(f64::from_bits(wire.fixed64()?)),
            BOOLEAN => value = WireValue::Boolean(wire.varint()? != 0),
            STRING => value = WireValue::String(wire.text()?.text(bytes)),
            EXTENSION => drop(wire.span()?),
            tag if (1..=7).contains(&(tag >> 3)) => return Err(DecodeError::Field.into()),
            tag => wire.skip(tag)?,
        }
    }
    interpret(datatype, value).map_err(DataSetFault::Cell)
}
