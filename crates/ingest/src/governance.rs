//! Governance: what may be published where, as an operator wrote it, and what is made of what may not.
//!
//! A rule means paths of the tree by a filter and says what their values are: within a range, one of some words, or what a
//! JSON Schema describes. Types and elements that the configuration declares demand the same without a filter ([`declared`]).
//! Which rules mean what is found out once: for a metric at its Birth ([`watch`]), for a plain topic when it is first
//! published ([`Doorkeeper`]). Nobody whom no rule means pays for those who are.
//! Plain topics are judged before the broker takes them, in the publisher's task and under no lock, so a rule that is
//! enforced refuses them; what Sparkplug owns is judged after it is written, and reported.
//! Knows neither sockets nor files: a schema is JSON that was read by others.
//! Invariant: what is refused breaks a rule that is enforced.

use std::sync::Arc;

use factree_namespace::{Filter, Value};
use factree_sparkplug::{Now, SessionKey};
use serde_json::Value as Json;

use crate::findings::{Example, LedgerStats, NewDeviation};
use crate::plain::Shortage;
use crate::{Ingest, convert, json};

mod declared;
mod demand;
mod doorkeeper;
mod rule;
mod schema;
mod watch;

pub(crate) use declared::Declared;
pub use declared::{DeclaredError, ElementRuleText, SchemaText, TypeRuleText};
pub(crate) use demand::{Breach, BreachKind, clip};
pub(crate) use doorkeeper::Deviation;
pub use doorkeeper::Doorkeeper;
pub(crate) use rule::Rule;
pub use rule::{GovernanceError, GovernanceRuleText, RuleSource};
pub(crate) use watch::{Nearby, Watched};

/// What shows a deviation on a plain topic.
const PUBLISH: &str = "PUBLISH";

/// All rules in force about what may be published.
#[derive(Clone, Debug, Default)]
pub struct Governance {
    rules: Vec<(Filter, Arc<Rule>)>,
    declared: Declared,
}

/// A rule that means some path, for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GoverningRule<'g> {
    /// Where it stands.
    pub source: &'g RuleSource,
    /// What it is called.
    pub name: &'g str,
    /// What it says, as its operator wrote it.
    pub text: &'g str,
    /// Whether what breaks it is refused where that is possible, or only reported.
    pub is_enforced: bool,
}

impl Governance {
    /// Reads rules and compiles their schemas.
    ///
    /// # Errors
    /// [`GovernanceError`] names the rule and the key.
    pub fn parse(rules: &[GovernanceRuleText]) -> Result<Self, GovernanceError> {
        Ok(Self { rules: rule::parse(rules)?, declared: Declared::default() })
    }

    /// The same with what declared types and elements demand. `instances` says what is of which type, besides elements that say
    /// it themselves; the first that means a path counts.
    ///
    /// # Errors
    /// [`DeclaredError`] names the type or element and the key.
    pub fn declaring(
        self,
        types: &[TypeRuleText<'_>],
        instances: &[(Filter, Arc<str>)],
        elements: &[ElementRuleText<'_>],
    ) -> Result<Self, DeclaredError> {
        Ok(Self { declared: Declared::parse(types, instances, elements)?, ..self })
    }

    /// Whether there is no rule at all.
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty() && self.declared.is_empty()
    }

    /// How many rules there are.
    pub fn len(&self) -> usize {
        self.rules.len() + self.declared.len()
    }

    /// The rules that mean the element at `path`: those with a filter in their order, then those of elements and types.
    pub fn about<'g>(&'g self, path: &'g str) -> impl Iterator<Item = GoverningRule<'g>> {
        self.meaning(path).map(|rule| GoverningRule {
            source: &rule.source,
            name: &rule.name,
            text: &rule.text,
            is_enforced: rule.is_enforced,
        })
    }

    fn meaning<'g>(&'g self, path: &'g str) -> impl Iterator<Item = &'g Arc<Rule>> {
        let meant = self.rules.iter().filter(|(filter, _)| filter.matches(path)).map(|(_, rule)| rule);
        meant.chain(self.declared.about(path))
    }

    /// Why a value may not be set at `path`, as a sentence; none if it may. `payload` is what would be published, where that is
    /// JSON of its own. What only would be reported may not be set either: we do not publish ourselves what a rule calls wrong.
    pub(crate) fn judge_command(&self, path: &str, value: &Value, payload: Option<&[u8]>) -> Option<String> {
        let judge = |rule: &Arc<Rule>| {
            let by_value = rule.demand.judge_value(value);
            let breach = by_value.or_else(|| match payload {
                Some(payload) => rule.demand.judge_payload(&mut Parsed::new(payload)),
                None => rule.demand.judge_as_json(value),
            })?;
            Some(rule.complaint(&breach))
        };
        self.meaning(path).find_map(judge)
    }
}

impl Ingest {
    /// What may be published from now on. Metrics that are in the tree already are held against it when everything is placed
    /// anew: see [`Ingest::replace`].
    pub fn govern(&mut self, governance: Arc<Governance>) {
        self.governance = governance;
    }

    /// The rules in force about what may be published.
    pub fn governance(&self) -> &Arc<Governance> {
        &self.governance
    }

    /// What is wrong with a plain publication, that was refused for it or not.
    #[cold]
    pub(crate) fn note_deviations(
        &mut self,
        now: Now,
        (session, topic): (SessionKey, &str),
        deviations: &[Deviation],
        are_refused: bool,
    ) {
        let client_id = self.clients.get(&session);
        for Deviation { rule, path, breach, value } in deviations {
            let new = NewDeviation {
                kind: breach.kind,
                rule: Some(&rule.name),
                is_enforced: rule.is_enforced,
                is_refused: are_refused,
                spot: path,
                edge_node: None,
                session,
                at: convert::timestamp(now.wall),
            };
            let example = || Example {
                occasion: PUBLISH,
                topic: Some(topic.into()),
                metric: None,
                expected_got: None,
                value: Some(value.clone()),
                why: Some(breach.why.clone()),
            };
            self.edge_nodes.deviations.note(new, client_id, || path.clone(), example);
        }
    }

    /// A plain payload is no JSON, and in the tree all the same.
    #[cold]
    pub(crate) fn note_no_json(&mut self, now: Now, from: (SessionKey, &str), value: &Value) {
        if self.plain.root(from.1).is_some() {
            self.note_plain(now, from, BreachKind::NotJson, || (Some(demand::shown(value).into()), None));
        }
    }

    /// A plain payload says two things of one place, and one of them is not in the tree.
    #[cold]
    pub(crate) fn note_collision(&mut self, now: Now, from: (SessionKey, &str), why: &str) {
        if self.plain.root(from.1).is_some() {
            self.note_plain(now, from, BreachKind::Collision, || (None, Some(why.into())));
        }
    }

    /// Takes down that the tree did not take what a plain topic says, or not all of it.
    #[cold]
    pub(crate) fn note_beyond(&mut self, now: Now, from: (SessionKey, &str), shortage: Shortage) {
        self.note_plain(now, from, BreachKind::Beyond, || (None, Some(shortage.to_string().into())));
    }

    /// `said` is the value of the example, and why.
    fn note_plain(
        &mut self,
        now: Now,
        (session, topic): (SessionKey, &str),
        kind: BreachKind,
        said: impl FnOnce() -> (Option<Box<str>>, Option<Box<str>>),
    ) {
        let (root, namespace) = (self.plain.root(topic), &self.namespace);
        let new = NewDeviation {
            kind,
            rule: None,
            is_enforced: false,
            is_refused: false,
            spot: topic,
            edge_node: None,
            session,
            at: convert::timestamp(now.wall),
        };
        let example = || {
            let (value, why) = said();
            Example { occasion: PUBLISH, topic: Some(topic.into()), metric: None, expected_got: None, value, why }
        };
        // A topic that was not admitted stands nowhere.
        let path = || root.map_or_else(|| topic.to_owned(), |root| namespace.read().path(root));
        self.edge_nodes.deviations.note(new, self.clients.get(&session), path, example);
    }

    /// How often each kind of deviation was seen since this process started, by its name in findings.
    pub fn deviations_by_kind(&self) -> impl Iterator<Item = (&'static str, u64)> {
        self.edge_nodes.deviations.by_kind().map(|(kind, count)| (kind.id(), count))
    }

    /// How full the ledger of deviations is.
    pub fn deviations(&self) -> LedgerStats {
        self.edge_nodes.deviations.stats()
    }
}

/// A payload that is parsed when somebody first asks what it says.
pub(crate) struct Parsed<'p> {
    payload: &'p [u8],
    json: Option<Option<Json>>,
}

impl<'p> Parsed<'p> {
    pub(crate) fn new(payload: &'p [u8]) -> Self {
        Self { payload, json: None }
    }

    /// None if it is no JSON.
    fn json(&mut self) -> Option<&Json> {
        let held = || serde_json::from_slice(&json::held(self.payload)?).ok();
        self.json.get_or_insert_with(|| serde_json::from_slice(self.payload).ok().or_else(held)).as_ref()
    }
}

#[cfg(test)]
mod tests;
