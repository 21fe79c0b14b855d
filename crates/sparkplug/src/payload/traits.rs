//! What is special about the metrics of a payload: seen while it is decoded, for nothing, and asked for by those who judge
//! it, who need not look at plain numbers again.

/// What at least one metric of a payload has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Traits(u8);

impl Traits {
    pub(super) const NONE: Traits = Traits(0);
    /// A datatype.
    pub(crate) const DATATYPE: Traits = Traits(1);
    /// A metric alias and a name as well.
    pub(crate) const NAMED_ALIAS: Traits = Traits(2);
    /// Properties.
    pub(crate) const PROPERTIES: Traits = Traits(4);
    /// A DataSet.
    pub(crate) const DATA_SET: Traits = Traits(8);
    /// A Template.
    pub(crate) const TEMPLATE: Traits = Traits(16);
    /// A timestamp before that of the metric before it, neither being historical. Not all such are seen.
    pub(crate) const BACKWARDS: Traits = Traits(32);

    pub(super) fn add(&mut self, traits: Traits) {
        self.0 |= traits.0;
    }

    /// Whether there are any of these.
    #[inline]
    pub(crate) fn has(self, traits: Traits) -> bool {
        self.0 & traits.0 != 0
    }

    /// Whether there is nothing special.
    #[inline]
    pub(crate) fn is_plain(self) -> bool {
        self.0 == 0
    }
}

impl std::ops::BitOr for Traits {
    type Output = Traits;

    fn bitor(self, other: Traits) -> Traits {
        Traits(self.0 | other.0)
    }
}
