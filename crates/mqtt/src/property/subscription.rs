//! Subscription Identifiers of a delivery: which of the subscriber's subscriptions it is for.
//!
//! Decoded ones stay where they are in the packet; ones to send are a slice of the broker's.
//! Invariant: encoded ones have been walked once before they get here, so walking them again cannot fail.

use std::fmt;
use std::num::NonZeroU32;

use super::{Property, Walked};
use crate::wire::{Reader, Sink};

/// Subscription Identifiers in order. Equal if the numbers are. Made from a slice with `into()`.
#[derive(Clone, Copy)]
pub struct SubscriptionIdentifiers<'a> {
    form: Form<'a>,
}

#[derive(Clone, Copy)]
enum Form<'a> {
    /// Whole encoded properties; others may lie between.
    Encoded(&'a [u8]),
    Slice(&'a [NonZeroU32]),
}

impl<'a> SubscriptionIdentifiers<'a> {
    /// None.
    pub const EMPTY: SubscriptionIdentifiers<'static> = SubscriptionIdentifiers { form: Form::Slice(&[]) };

    pub(super) fn walked(encoded: &'a [u8]) -> Self {
        SubscriptionIdentifiers { form: Form::Encoded(encoded) }
    }

    /// Each of them, in order.
    pub fn iter(&self) -> impl Iterator<Item = NonZeroU32> + use<'a> {
        let (encoded, slice): (&'a [u8], &'a [NonZeroU32]) = match self.form {
            Form::Encoded(encoded) => (encoded, &[]),
            Form::Slice(slice) => (&[], slice),
        };
        let walked = Walked(Reader::new(encoded)).filter_map(|property| match property {
            Property::SubscriptionIdentifier(id) => Some(id),
            _ => None,
        });
        slice.iter().copied().chain(walked)
    }

    /// How many; walks over encoded ones.
    pub fn len(&self) -> usize {
        self.iter().count()
    }

    /// Whether there are none.
    #[inline]
    pub fn is_empty(&self) -> bool {
        match self.form {
            // A span of properties is empty or has at least one of them.
            Form::Encoded(encoded) => encoded.is_empty(),
            Form::Slice(slice) => slice.is_empty(),
        }
    }

    pub(crate) fn encode<S: Sink>(&self, to: &mut S) {
        for id in self.iter() {
            Property::SubscriptionIdentifier(id).encode(to);
        }
    }
}

impl<'a> From<&'a [NonZeroU32]> for SubscriptionIdentifiers<'a> {
    /// None may be above 268,435,455; a SUBSCRIBE cannot say more.
    fn from(slice: &'a [NonZeroU32]) -> Self {
        SubscriptionIdentifiers { form: Form::Slice(slice) }
    }
}

impl Default for SubscriptionIdentifiers<'_> {
    fn default() -> Self {
        Self::EMPTY
    }
}

impl PartialEq for SubscriptionIdentifiers<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for SubscriptionIdentifiers<'_> {}

impl fmt::Debug for SubscriptionIdentifiers<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}
