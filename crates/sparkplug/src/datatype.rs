//! Sparkplug's datatypes: the closed set 0 to 34 that a metric, a property or a data set column may declare.
//!
//! The number on the wire is untrusted; past [`DataType::from_wire`] it cannot be anything else.

use std::fmt;

macro_rules! datatypes {
    ($($(#[$doc:meta])* $name:ident = $number:literal,)*) => {
        /// What kind of value a metric holds, as its birth declares it (`tck-id-payloads-metric-datatype-value`).
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u8)]
        pub enum DataType {
            $($(#[$doc])* $name = $number,)*
        }

        impl DataType {
            /// Every datatype, in the order of its number on the wire: `ALL[n]` has number `n`.
            pub const ALL: [DataType; 35] = [$(DataType::$name),*];

            /// The specification's spelling.
            pub const fn name(self) -> &'static str {
                match self {
                    $(DataType::$name => stringify!($name),)*
                }
            }
        }
    };
}

datatypes! {
    /// Not declared, or not one of the others.
    #[default]
    Unknown = 0,
    /// Signed, 8 bits.
    Int8 = 1,
    /// Signed, 16 bits.
    Int16 = 2,
    /// Signed, 32 bits.
    Int32 = 3,
    /// Signed, 64 bits.
    Int64 = 4,
    /// Unsigned, 8 bits.
    UInt8 = 5,
    /// Unsigned, 16 bits.
    UInt16 = 6,
    /// Unsigned, 32 bits.
    UInt32 = 7,
    /// Unsigned, 64 bits.
    UInt64 = 8,
    /// IEEE 754, 32 bits.
    Float = 9,
    /// IEEE 754, 64 bits.
    Double = 10,
    /// True or false.
    Boolean = 11,
    /// UTF-8 text.
    String = 12,
    /// Milliseconds since 1970-01-01T00:00:00Z.
    DateTime = 13,
    /// UTF-8 text, long.
    Text = 14,
    /// A UUID in its textual form.
    UUID = 15,
    /// A table of rows and typed columns.
    DataSet = 16,
    /// Opaque bytes.
    Bytes = 17,
    /// A file's bytes; the metric's metadata describes it.
    File = 18,
    /// A composed value: a definition or an instance of one.
    Template = 19,
    /// A nested property set; properties only.
    PropertySet = 20,
    /// A list of property sets; properties only.
    PropertySetList = 21,
    /// Packed signed 8-bit integers.
    Int8Array = 22,
    /// Packed little-endian signed 16-bit integers.
    Int16Array = 23,
    /// Packed little-endian signed 32-bit integers.
    Int32Array = 24,
    /// Packed little-endian signed 64-bit integers.
    Int64Array = 25,
    /// Packed unsigned 8-bit integers.
    UInt8Array = 26,
    /// Packed little-endian unsigned 16-bit integers.
    UInt16Array = 27,
    /// Packed little-endian unsigned 32-bit integers.
    UInt32Array = 28,
    /// Packed little-endian unsigned 64-bit integers.
    UInt64Array = 29,
    /// Packed little-endian 32-bit floats.
    FloatArray = 30,
    /// Packed little-endian 64-bit floats.
    DoubleArray = 31,
    /// A little-endian 32-bit count, then bits, most significant first.
    BooleanArray = 32,
    /// Texts, each ended by a NUL byte.
    StringArray = 33,
    /// Packed little-endian 64-bit milliseconds.
    DateTimeArray = 34,
}

impl DataType {
    /// The datatype with this number on the wire; none for a number outside the set (SP10).
    pub fn from_wire(number: u32) -> Option<DataType> {
        DataType::ALL.get(number as usize).copied()
    }

    /// Its number on the wire, 0 to 34.
    pub const fn number(self) -> u32 {
        self as u32
    }

    /// Whether it is one of the packed array types.
    pub const fn is_array(self) -> bool {
        self as u8 >= DataType::Int8Array as u8
    }
}

impl fmt::Display for DataType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sp10_a_number_is_its_datatype_or_none() {
        for (number, datatype) in DataType::ALL.into_iter().enumerate() {
            assert_eq!(datatype.number() as usize, number);
            assert_eq!(DataType::from_wire(number as u32), Some(datatype));
        }
        assert_eq!(DataType::from_wire(35), None);
        assert_eq!(DataType::from_wire(u32::MAX), None);
    }
}
