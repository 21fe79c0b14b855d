//! The doorkeeper: judges what is published on plain topics before the broker takes it.
//!
//! Stands between the connection that read a publication and the broker, under no lock of theirs: a large document with a large
//! schema costs its publisher time and nobody else. A topic is looked up once in the placement and in the rules; after that
//! it is known what means it.
//! Knows no session and no broker: what is done with a deviation is said by whoever asks.
//! Invariant: what a topic's document says at a field is judged by the rules that mean the element of that field.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use factree_namespace::{Filter, Value};
use factree_sparkplug::{Topic, TopicError};

use super::demand::shown;
use super::{Breach, Declared, Governance, Parsed, Rule, clip};
use crate::Limits;
use crate::json::{self, PAYLOAD_BYTES_MAX, Reading, Reported, TOO_LONG_NAMES};
use crate::placement::Placement;

/// Topics it remembers, with rules or without: about 150 bytes each, more where rules mean it. When there are more it begins anew.
const TOPICS_MAX: usize = 100_000;
/// A longer one is looked up each time, so that what is remembered stays small.
const TOPIC_BYTES_MAX: usize = 1024;
/// Deviations that are told of one publication; the others are not looked for, but for the one that refuses it.
const DEVIATIONS_MAX: usize = 8;

/// Judges plain publications by the rules in force. Made anew when rules or placement change.
#[derive(Debug)]
pub struct Doorkeeper {
    governance: Arc<Governance>,
    placement: Arc<Placement>,
    topics: RwLock<HashMap<Box<str>, Option<Arc<Meant>>>>,
}

/// What means a topic.
#[derive(Debug)]
struct Meant {
    /// Where the topic stands in the tree.
    path: String,
    /// Rules that mean the topic itself.
    own: Box<[Arc<Rule>]>,
    /// Rules that mean something below it, and what.
    below: Box<[(Arc<Rule>, Filter)]>,
    /// What types and elements demand below it.
    declared: Declared,
}

/// Something that is not as a rule wants it.
#[derive(Clone, Debug)]
pub(crate) struct Deviation {
    pub(crate) rule: Arc<Rule>,
    pub(crate) path: String,
    pub(crate) breach: Breach,
    /// The value, or the beginning of what was published.
    pub(crate) value: Box<str>,
}

impl Doorkeeper {
    /// None if there is nothing to judge by.
    pub fn new(governance: Arc<Governance>, placement: Arc<Placement>) -> Option<Self> {
        (!governance.is_empty()).then(|| Self { governance, placement, topics: RwLock::default() })
    }

    /// Why a plain publication is to be refused, if it is: for whoever has no batch at hand.
    pub fn refuses(&self, topic: &str, payload: &[u8], limits: &Limits) -> Option<String> {
        let is_plain = matches!(Topic::parse(topic), Err(TopicError::NotSparkplug));
        if !is_plain || self.look_up(topic).is_none() {
            return None;
        }
        let reading = json::read(payload, limits.fields_per_document_max);
        let deviations = self.judge(topic, &reading, payload);
        let refused = deviations.iter().find(|deviation| deviation.rule.is_enforced)?;
        Some(refused.rule.complaint(&refused.breach))
    }

    /// What is wrong with a publication.
    pub(crate) fn judge(&self, topic: &str, reading: &Reading, payload: &[u8]) -> Vec<Deviation> {
        // Who clears a topic says nothing that could be wrong.
        let Some(meant) = self.look_up(topic).filter(|_| *reading != Reading::Empty) else { return Vec::new() };
        let mut found = Found { payload: Parsed::new(payload), start: beginning(payload), deviations: Vec::new() };
        match reading {
            Reading::Empty => {}
            Reading::Sample(Reported { value, .. }) => {
                for rule in &meant.own {
                    found.value(rule, &meant.path, value);
                    found.payload(rule, &meant.path);
                }
            }
            Reading::Document(fields) => {
                for rule in &meant.own {
                    found.payload(rule, &meant.path);
                }
                for (field, Reported { value, .. }) in fields {
                    let below = meant.below.iter().filter(|(_, filter)| filter.matches(field));
                    for rule in below.map(|(rule, _)| rule).chain(meant.declared.values(field)) {
                        found.value_of(rule, || format!("{}/{field}", meant.path), value);
                    }
                }
            }
            Reading::Colliding(colliding) => found.unjudged(&meant, &colliding.1),
            Reading::TooManyFields => found.unjudged(&meant, "it has more fields than fields_per_document_max"),
            Reading::TooLongNames => found.unjudged(&meant, TOO_LONG_NAMES),
            Reading::TooLarge => found.unjudged(&meant, &format!("it is larger than {PAYLOAD_BYTES_MAX} bytes")),
        }
        found.deviations
    }

    fn look_up(&self, topic: &str) -> Option<Arc<Meant>> {
        if topic.len() > TOPIC_BYTES_MAX {
            return self.find(topic).map(Arc::new);
        }
        let known = self.topics.read().unwrap_or_else(PoisonError::into_inner).get(topic).cloned();
        known.unwrap_or_else(|| {
            let meant = self.find(topic).map(Arc::new);
            let mut topics = self.topics.write().unwrap_or_else(PoisonError::into_inner);
            if topics.len() >= TOPICS_MAX {
                topics.clear();
            }
            topics.insert(topic.into(), meant.clone());
            meant
        })
    }

    fn find(&self, topic: &str) -> Option<Meant> {
        let path = self.placement.place_topic(topic)?.path();
        let Governance { rules, declared } = &*self.governance;
        let own = self.governance.meaning(&path).cloned().collect();
        let of_values = rules.iter().filter(|(_, rule)| rule.demand.is_about_values());
        let below = of_values.filter_map(|(filter, rule)| Some((Arc::clone(rule), filter.below(&path)?))).collect();
        let declared = declared.below(&path);
        let meant = Meant { path, own, below, declared };
        (!meant.own.is_empty() || !meant.below.is_empty() || !meant.declared.is_empty()).then_some(meant)
    }
}

/// What is found in one publication.
struct Found<'p> {
    payload: Parsed<'p>,
    start: Box<str>,
    deviations: Vec<Deviation>,
}

impl Found<'_> {
    /// Whether a breach of this rule would still be told.
    fn wants(&self, rule: &Rule) -> bool {
        let refuses = |found: &Deviation| found.rule.is_enforced;
        self.deviations.len() < DEVIATIONS_MAX || rule.is_enforced && !self.deviations.iter().any(refuses)
    }

    fn value(&mut self, rule: &Arc<Rule>, path: &str, value: &Value) {
        self.value_of(rule, || path.to_owned(), value);
    }

    fn value_of(&mut self, rule: &Arc<Rule>, path: impl FnOnce() -> String, value: &Value) {
        if self.wants(rule)
            && let Some(breach) = rule.demand.judge_value(value)
        {
            let value = clip(&shown(value)).into();
            self.deviations.push(Deviation { rule: Arc::clone(rule), path: path(), breach, value });
        }
    }

    fn payload(&mut self, rule: &Arc<Rule>, path: &str) {
        if self.wants(rule)
            && let Some(breach) = rule.demand.judge_payload(&mut self.payload)
        {
            let (rule, path, value) = (Arc::clone(rule), path.to_owned(), self.start.clone());
            self.deviations.push(Deviation { rule, path, breach, value });
        }
    }

    /// Nobody has read it, so nobody can say that it is as it should be.
    fn unjudged(&mut self, meant: &Meant, why: &str) {
        let below = meant.below.iter().map(|(rule, _)| rule).chain(meant.declared.anything());
        let below = below.filter(|rule| !meant.own.iter().any(|own| Arc::ptr_eq(own, rule)));
        for rule in meant.own.iter().chain(below) {
            if self.wants(rule) {
                let (path, value) = (meant.path.clone(), self.start.clone());
                let breach = rule.demand.unjudged(why);
                self.deviations.push(Deviation { rule: Arc::clone(rule), path, breach, value });
            }
        }
    }
}

/// The beginning of a payload, for people.
fn beginning(payload: &[u8]) -> Box<str> {
    let start = &payload[..payload.len().min(super::demand::CLIPPED)];
    match std::str::from_utf8(start) {
        Ok(text) => text.into(),
        // Cut within a letter, or no text at all.
        Err(error) if start.len() - error.valid_up_to() < 4 => {
            String::from_utf8_lossy(&start[..error.valid_up_to()]).into()
        }
        Err(_) => format!("({} bytes)", payload.len()).into(),
    }
}

#[cfg(test)]
impl Doorkeeper {
    pub(super) fn topics_len(&self) -> usize {
        self.topics.read().unwrap_or_else(PoisonError::into_inner).len()
    }
}
