//! Lists in a packet's payload: filters with options, filters, reason codes.
//!
//! A list is either the encoded bytes of a decoded packet, walked each time it is asked, or a slice of its maker's;
//! both read the same and are equal if their items are. Neither owns anything.
//! Invariant: encoded items have been walked once while decoding, so walking them again cannot fail.

use std::fmt;

use crate::error::Violation;
use crate::packet::{QoS, RetainHandling, SubscribeRequest, SubscriptionOptions};
use crate::reason::ReasonCode;
use crate::wire::Reader;

/// Items of one packet, in order. Made from a slice with `into()`, or by decoding.
#[derive(Clone, Copy)]
pub struct List<'a, T> {
    form: Form<'a, T>,
}

#[derive(Clone, Copy)]
enum Form<'a, T> {
    Encoded { bytes: &'a [u8], len: usize },
    Slice(&'a [T]),
}

/// What a [`List`] may hold: [`SubscribeRequest`], `&str` or [`ReasonCode`].
pub trait Item<'a>: Copy + PartialEq + fmt::Debug {
    #[doc(hidden)]
    fn read(reader: &mut Reader<'a>) -> Result<Self, Violation>;
}

impl<'a, T: Item<'a>> List<'a, T> {
    /// Walks over the rest of a packet, so that nobody else has to doubt it.
    pub(crate) fn decode(
        bytes: &'a [u8],
        len_max: u32,
        mut check: impl FnMut(T) -> Result<(), Violation>,
    ) -> Result<Self, Violation> {
        let mut reader = Reader::new(bytes);
        let mut len = 0;
        while !reader.is_empty() {
            if len == len_max as usize {
                return Err(Violation::FiltersTooMany);
            }
            check(T::read(&mut reader)?)?;
            len += 1;
        }
        Ok(List { form: Form::Encoded { bytes, len } })
    }

    /// The items in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = T> + use<'a, T> {
        match self.form {
            Form::Encoded { bytes, len } => Iter { reader: Reader::new(bytes), slice: [].iter(), left: len },
            Form::Slice(slice) => Iter { reader: Reader::new(&[]), slice: slice.iter(), left: slice.len() },
        }
    }

    /// How many items.
    pub fn len(&self) -> usize {
        match self.form {
            Form::Encoded { len, .. } => len,
            Form::Slice(slice) => slice.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

struct Iter<'a, T> {
    reader: Reader<'a>,
    slice: std::slice::Iter<'a, T>,
    left: usize,
}

impl<'a, T: Item<'a>> Iterator for Iter<'a, T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        self.left = self.left.checked_sub(1)?;
        match self.slice.next() {
            Some(item) => Some(*item),
            None => Some(T::read(&mut self.reader).expect("a list's items were walked while decoding")),
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl<'a, T: Item<'a>> ExactSizeIterator for Iter<'a, T> {}

impl<'a, T> From<&'a [T]> for List<'a, T> {
    fn from(slice: &'a [T]) -> Self {
        List { form: Form::Slice(slice) }
    }
}

impl<'a, T, const N: usize> From<&'a [T; N]> for List<'a, T> {
    fn from(slice: &'a [T; N]) -> Self {
        List { form: Form::Slice(slice) }
    }
}

impl<T> Default for List<'_, T> {
    fn default() -> Self {
        List { form: Form::Slice(&[]) }
    }
}

impl<'a, T: Item<'a>> PartialEq for List<'a, T> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl<'a, T: Item<'a>> fmt::Debug for List<'a, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl<'a> Item<'a> for &'a str {
    fn read(reader: &mut Reader<'a>) -> Result<Self, Violation> {
        reader.text()
    }
}

impl Item<'_> for ReasonCode {
    fn read(reader: &mut Reader<'_>) -> Result<Self, Violation> {
        ReasonCode::from_byte(reader.u8()?).ok_or(Violation::ReasonCodeUnknown)
    }
}

impl<'a> Item<'a> for SubscribeRequest<'a> {
    fn read(reader: &mut Reader<'a>) -> Result<Self, Violation> {
        Ok(SubscribeRequest { filter: reader.text()?, options: SubscriptionOptions::decode(reader.u8()?)? })
    }
}

impl SubscriptionOptions {
    /// Section 3.8.3.1. In 3.1.1 every bit but the QoS is reserved, which the caller checks.
    fn decode(byte: u8) -> Result<Self, Violation> {
        Ok(SubscriptionOptions {
            maximum_qos: QoS::from_bits(byte & 0b11).ok_or(Violation::QoS3)?,
            no_local: byte & 0b100 != 0,
            retain_as_published: byte & 0b1000 != 0,
            retain_handling: match byte >> 4 {
                0 => RetainHandling::Send,
                1 => RetainHandling::SendIfNew,
                2 => RetainHandling::DoNotSend,
                3 => return Err(Violation::RetainHandling3),
                _ => return Err(Violation::SubscriptionOptionsReserved),
            },
        })
    }

    pub(crate) fn encode(self) -> u8 {
        self.maximum_qos as u8
            | u8::from(self.no_local) << 2
            | u8::from(self.retain_as_published) << 3
            | (self.retain_handling as u8) << 4
    }
}
