//! The declared type of a metric.
//!
//! Sparkplug's names, because they are the field's standard; plain JSON maps onto them (`Int64`, `UInt64`, `Double`,
//! `String`, `Boolean`, and `Structure` for arrays and objects). Refuses to know Sparkplug's type numbers: `ingest` maps.
//! Invariant: fits one byte, because every cell holds one.

macro_rules! datatypes {
    ($($name:ident $text:literal $doc:literal)*) => {
        /// The declared type of a metric. See the module's comment for where the names come from.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u8)]
        pub enum DataType {
            $(#[doc = $doc] $name,)*
        }

        impl DataType {
            /// Every type, in declaration order.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The name used in the API.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }

            /// The type of that name, exactly as [`DataType::as_str`] writes it.
            pub fn parse(text: &str) -> Option<Self> {
                match text {
                    $($text => Some(Self::$name),)*
                    _ => None,
                }
            }
        }
    };
}

datatypes! {
    Unknown "Unknown" "Not declared, or a type number nobody knows."
    Int8 "Int8" "Signed, 8 bits."
    Int16 "Int16" "Signed, 16 bits."
    Int32 "Int32" "Signed, 32 bits."
    Int64 "Int64" "Signed, 64 bits."
    UInt8 "UInt8" "Unsigned, 8 bits."
    UInt16 "UInt16" "Unsigned, 16 bits."
    UInt32 "UInt32" "Unsigned, 32 bits."
    UInt64 "UInt64" "Unsigned, 64 bits."
    Float "Float" "IEEE 754, 32 bits."
    Double "Double" "IEEE 754, 64 bits."
    Boolean "Boolean" "True or false."
    String "String" "UTF-8 text."
    DateTime "DateTime" "Milliseconds since the Unix epoch, UTC."
    Text "Text" "UTF-8 text; Sparkplug keeps it apart from String."
    Uuid "UUID" "A UUID, as text."
    DataSet "DataSet" "A Sparkplug table of typed columns."
    Bytes "Bytes" "An array of bytes."
    File "File" "The bytes of a file."
    Template "Template" "A Sparkplug Template: definition or instance."
    Int8Array "Int8Array" "Array of Int8."
    Int16Array "Int16Array" "Array of Int16."
    Int32Array "Int32Array" "Array of Int32."
    Int64Array "Int64Array" "Array of Int64."
    UInt8Array "UInt8Array" "Array of UInt8."
    UInt16Array "UInt16Array" "Array of UInt16."
    UInt32Array "UInt32Array" "Array of UInt32."
    UInt64Array "UInt64Array" "Array of UInt64."
    FloatArray "FloatArray" "Array of Float."
    DoubleArray "DoubleArray" "Array of Double."
    BooleanArray "BooleanArray" "Array of Boolean."
    StringArray "StringArray" "Array of String."
    DateTimeArray "DateTimeArray" "Array of DateTime."
    Structure "Structure" "A JSON array or object, kept as a value."
}
