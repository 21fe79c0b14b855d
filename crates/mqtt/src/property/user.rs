//! User Properties: pairs of names and values that only the two ends understand.
//!
//! Kept encoded, so that a section of a thousand costs the codec two words and the broker one copy; walked each time
//! somebody asks. Their order, and repeated names, are kept `[MQTT-3.3.2-18]`.
//! Invariant: the bytes have been walked once before they get here, so walking them again cannot fail.

use std::fmt;

use super::{Property, Walked};
use crate::error::Violation;
use crate::wire::{Reader, Sink};

/// User Properties in order. Equal if the pairs are.
#[derive(Clone, Copy, Default)]
pub struct UserProperties<'a> {
    /// Whole encoded properties.
    encoded: &'a [u8],
    /// Whether there are others among them. Without, encoding is one copy: 20 times cheaper than a walk.
    mixed: bool,
}

impl<'a> UserProperties<'a> {
    /// None.
    pub const EMPTY: UserProperties<'static> = UserProperties { encoded: &[], mixed: false };

    pub(super) fn walked(encoded: &'a [u8], mixed: bool) -> Self {
        UserProperties { encoded, mixed }
    }

    /// Back from the bytes of [`as_encoded`](Self::as_encoded), which are walked once; no copy.
    ///
    /// # Errors
    /// The first violation, if the bytes are not whole properties.
    pub fn from_encoded(encoded: &'a [u8]) -> Result<Self, Violation> {
        let mut reader = Reader::new(encoded);
        let mut mixed = false;
        while !reader.is_empty() {
            let id = reader.u8()?;
            let property = Property::decode(id, &mut reader)?;
            mixed |= !matches!(property, Property::UserProperty(..));
        }
        Ok(UserProperties { encoded, mixed })
    }

    /// The bytes to keep, for [`from_encoded`](Self::from_encoded). Whole encoded properties, among which there may be
    /// others than User Properties; [`to_buf`](Self::to_buf) leaves those out.
    pub fn as_encoded(&self) -> &'a [u8] {
        self.encoded
    }

    /// Name and value of each, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&'a str, &'a str)> + use<'a> {
        Walked(Reader::new(self.encoded)).filter_map(|property| match property {
            Property::UserProperty(name, value) => Some((name, value)),
            _ => None,
        })
    }

    /// How many; walks over all of them.
    pub fn len(&self) -> usize {
        self.iter().count()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        if self.mixed { self.iter().next().is_none() } else { self.encoded.is_empty() }
    }

    /// An owned copy.
    pub fn to_buf(&self) -> UserPropertiesBuf {
        let mut buf = UserPropertiesBuf::default();
        self.encode(&mut buf.encoded);
        buf
    }

    #[inline]
    pub(crate) fn encode<S: Sink>(&self, to: &mut S) {
        if !self.mixed {
            return to.bytes(self.encoded);
        }
        for (name, value) in self.iter() {
            Property::UserProperty(name, value).encode(to);
        }
    }
}

impl PartialEq for UserProperties<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.encoded == other.encoded || self.iter().eq(other.iter())
    }
}

impl Eq for UserProperties<'_> {}

impl fmt::Debug for UserProperties<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

/// Owned User Properties; also how to make some. Empty ones own no memory.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct UserPropertiesBuf {
    encoded: Vec<u8>,
}

impl UserPropertiesBuf {
    /// None yet.
    pub const fn new() -> Self {
        UserPropertiesBuf { encoded: Vec::new() }
    }

    /// Adds a pair at the end.
    ///
    /// # Panics
    /// If the name or the value is longer than 65,535 bytes or has U+0000, which MQTT cannot say: check what comes from
    /// elsewhere first.
    pub fn push(&mut self, name: &str, value: &str) {
        assert!(!name.contains('\0') && !value.contains('\0'), "a User Property of ours has U+0000");
        Property::UserProperty(name, value).encode(&mut self.encoded);
    }

    /// The borrowed form; no check is repeated.
    pub fn as_properties(&self) -> UserProperties<'_> {
        UserProperties { encoded: &self.encoded, mixed: false }
    }
}

impl fmt::Debug for UserPropertiesBuf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_properties().fmt(f)
    }
}

impl<'a> FromIterator<(&'a str, &'a str)> for UserPropertiesBuf {
    fn from_iter<I: IntoIterator<Item = (&'a str, &'a str)>>(pairs: I) -> Self {
        let mut buf = UserPropertiesBuf::new();
        for (name, value) in pairs {
            buf.push(name, value);
        }
        buf
    }
}
