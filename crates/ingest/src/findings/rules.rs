//! Rules by number, so that a set of them is a few words and an entry is found by comparing numbers.
//!
//! Invariant: a rule's number is its place in the catalogue, below [`RuleNumber::END`].

use std::collections::HashMap;
use std::sync::LazyLock;

use factree_sparkplug::{Rule, catalogue};
use xxhash_rust::xxh3::Xxh3DefaultBuilder;

/// A rule's place in the catalogue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct RuleNumber(pub(super) u16);

/// The names are our own, so nobody can choose them to collide.
static NUMBERS: LazyLock<HashMap<&'static str, RuleNumber, Xxh3DefaultBuilder>> = LazyLock::new(|| {
    assert!(catalogue().len() <= RuleNumber::END as usize, "a set of rules has room for the catalogue");
    catalogue().iter().zip(0..).map(|(rule, number)| (rule.tck_id, RuleNumber(number))).collect()
});

impl RuleNumber {
    /// No rule has this number or a larger one.
    pub(super) const END: u16 = 512;

    pub(crate) fn of(rule: &Rule) -> RuleNumber {
        RuleNumber::named(rule.tck_id).expect("rules come from the catalogue")
    }

    pub(crate) fn named(tck_id: &str) -> Option<RuleNumber> {
        NUMBERS.get(tck_id).copied()
    }

    pub(crate) fn rule(self) -> &'static Rule {
        &catalogue()[self.0 as usize]
    }
}
