//! What is remembered of one Edge Node whatever becomes of its entries: how often it broke rules, which,
//! and what was seen of it.
//!
//! Invariant: a rule in [`Record::broken`] stays in it, so it is news once for each Edge Node.

use factree_namespace::Timestamp;
use factree_sparkplug::SessionKey;

use super::clients::Speaker;
use super::lane::Lane;
use super::rules::RuleNumber;
use crate::conformance::Sights;

/// What is remembered of one Edge Node.
#[derive(Debug)]
pub(super) struct Record {
    /// Since when it is watched.
    pub(super) since: Timestamp,
    /// Findings about it.
    pub(super) count: u64,
    pub(super) broken: RuleSet,
    pub(super) sights: Sights,
    /// Over which its last NBIRTH came.
    pub(super) born_over: Option<SessionKey>,
    pub(super) entries: Lane,
    /// Who broke a rule last.
    pub(super) speaker: Option<Speaker>,
}

impl Record {
    pub(super) fn new(since: Timestamp) -> Record {
        let (broken, sights) = (RuleSet::default(), Sights::default());
        Record { since, count: 0, broken, sights, born_over: None, entries: Lane::default(), speaker: None }
    }
}

/// Rules by number.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct RuleSet([u64; RuleSet::WORDS]);

impl RuleSet {
    const WORDS: usize = RuleNumber::END as usize / 64;

    /// Whether it is new.
    pub(super) fn insert(&mut self, rule: RuleNumber) -> bool {
        let (word, bit) = RuleSet::place(rule);
        let is_new = self.0[word] & bit == 0;
        self.0[word] |= bit;
        is_new
    }

    pub(super) fn contains(&self, rule: RuleNumber) -> bool {
        let (word, bit) = RuleSet::place(rule);
        self.0[word] & bit != 0
    }

    fn place(RuleNumber(number): RuleNumber) -> (usize, u64) {
        (number as usize / 64, 1 << (number % 64))
    }
}
