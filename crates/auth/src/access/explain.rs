//! Why something may be done, or may not: the answer with the rules it comes from.
//!
//! Asked by people, so it looks at one rule after another and says of each whether it applies. The verdict itself is
//! the evaluator's, never a second opinion. Knows no formatting beyond one line for each thing.
//! Invariant: `decision` is what [`Access::may`] says.

use std::fmt;

use super::{Access, Decision, Target, Trie};
use crate::grant::Scope;
use crate::name::Name;
use crate::pin::Pins;
use crate::sparkplug::{Message, original, originals};
use crate::template::Unfit;
use crate::verb::{Verb, Verbs};

/// A rule that had something to do with an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// The role it is in.
    pub role: Name,
    /// The grant or pin as it is written.
    pub rule: String,
    /// What it became for this principal, if there was something to put in.
    pub filled: Option<String>,
    /// Why it could not be filled; such a grant gives nothing.
    pub unfit: Option<Unfit>,
}

/// An answer and where it comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// The verb that was needed. Publishing needs the verb of the message, whichever was asked.
    pub verb: Verb,
    /// The answer.
    pub decision: Decision,
    /// Grants that give the verb there; for a filter, those that give it for a part at least.
    pub grants: Vec<Source>,
    /// Grants that would name the target or another, had their placeholders been filled.
    pub unfit: Vec<Source>,
    /// Pins that were held against the message; empty if there are none.
    pub pins: Vec<Source>,
}

impl Access {
    /// Answers as [`may`](Access::may) does, and says why.
    pub fn explain(&self, verb: Verb, target: Target<'_>) -> Explanation {
        let message = match target {
            Target::Topic(topic) => Message::of(topic.as_str()),
            Target::Filter(_) | Target::Element(_) | Target::Elements(_) | Target::Area(_) => Message::Plain,
        };
        let verb = match (verb, target) {
            (Verb::Write | Verb::Command, Target::Topic(_)) => message.verb(),
            _ => verb,
        };
        let mut explanation = Explanation {
            verb,
            decision: self.may(verb, target),
            grants: Vec::new(),
            unfit: Vec::new(),
            pins: Vec::new(),
        };
        let is_pinnable = matches!(verb, Verb::Write | Verb::Command)
            && matches!(message, Message::EdgeNode { .. } | Message::State { .. });
        for role in &self.roles {
            let source = |rule: String, filled: Result<Option<String>, Unfit>| Source {
                role: role.name().clone(),
                rule,
                unfit: filled.as_ref().err().copied(),
                filled: filled.ok().flatten(),
            };
            for grant in role.grants() {
                if !grant.verbs().and(self.mask).has(verb) || !is_about(grant.scope(), target) {
                    continue;
                }
                let filled = grant.scope().filled(self.fill());
                let source = source(grant.to_string(), filled);
                if source.unfit.is_some() {
                    explanation.unfit.push(source);
                } else if applies(grant.scope(), source.filled.as_deref(), verb, target) {
                    explanation.grants.push(source);
                }
            }
            for pin in role.pins().iter().filter(|_| is_pinnable) {
                let unfit = Pins::default().add(pin, self.fill()).map(|()| None);
                explanation.pins.push(source(pin.to_string(), unfit));
            }
        }
        explanation
    }
}

/// Whether a scope is of the target's world.
fn is_about(scope: &Scope, target: Target<'_>) -> bool {
    match target {
        Target::Topic(_) | Target::Filter(_) => matches!(scope, Scope::Topics(_)),
        Target::Element(_) | Target::Elements(_) => matches!(scope, Scope::Tree(_)),
        Target::Area(_) => matches!(scope, Scope::Area(_)),
    }
}

/// Whether this one filter has something to do with the target.
fn applies(scope: &Scope, filter: Option<&str>, verb: Verb, target: Target<'_>) -> bool {
    let alone = |hides_dollar: bool| {
        let mut trie = Trie::new(hides_dollar);
        if let Some(filter) = filter {
            trie.insert(filter, Verbs::from(verb));
        }
        trie
    };
    match target {
        Target::Topic(topic) if verb == Verb::Read => alone(true).grants(verb, original(topic.as_str())),
        Target::Topic(topic) => alone(true).grants(verb, topic.as_str()),
        Target::Filter(asked) => alone(true).touches(verb, &originals(asked.filter())),
        Target::Element(path) => alone(false).grants(verb, path),
        Target::Elements(asked) => alone(false).touches(verb, asked),
        Target::Area(asked) => matches!(scope, Scope::Area(area) if area.is_none_or(|area| area == asked)),
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "role {}: {}", self.role, self.rule)?;
        if let Some(filled) = &self.filled
            && !self.rule.ends_with(&format!(":{filled}"))
        {
            write!(f, ", here {filled}")?;
        }
        match &self.unfit {
            Some(unfit) => write!(f, ", which gives nothing: {unfit}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.decision {
            Decision::Allowed => write!(f, "allowed: {}", self.verb)?,
            Decision::NoGrant(verb) if self.grants.is_empty() => write!(f, "denied: no grant gives {verb} there")?,
            Decision::NoGrant(verb) => write!(f, "denied: the grants give {verb} for a part of it only")?,
            Decision::Pinned => write!(f, "denied: pinned to other ids")?,
        }
        let mut list =
            |title: &str, sources: &[Source]| sources.iter().try_for_each(|source| write!(f, "\n  {title} {source}"));
        list("by", &self.grants)?;
        list("not", &self.unfit)?;
        list("pinned by", &self.pins)
    }
}
