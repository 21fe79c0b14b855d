//! A rule as an operator writes it, and read.
//!
//! Invariant: an error names the rule, the key and what to write instead; what was read judges without further errors.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use factree_namespace::Filter;
use serde_json::Value as Json;

use super::declared::SchemaText;
use super::demand::{Breach, Demand};
use super::schema::Schema;

/// Rules there may be.
const RULES_MAX: usize = 1_000;
/// Values a rule may name.
const ONE_OF_MAX: usize = 1_000;

/// What an operator wrote in `[[namespace.rule]]`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GovernanceRuleText {
    /// What findings call it; without it, `rule` and its number.
    pub name: Option<String>,
    /// Which paths it means.
    pub filter: String,
    /// What is published there whole.
    pub schema: Option<SchemaText>,
    /// The least a number may be.
    pub low: Option<f64>,
    /// The most a number may be.
    pub high: Option<f64>,
    /// All that a value may be: texts, numbers, truth values.
    pub one_of: Option<Vec<Json>>,
    /// Whether what breaks it is refused where that is possible.
    pub enforce: bool,
}

/// Why a rule was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GovernanceError {
    /// Which rule of its list, from zero.
    pub rule: usize,
    /// Which key of the rule.
    pub key: &'static str,
    /// What is wrong with it.
    pub why: String,
}

impl fmt::Display for GovernanceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rule, key, why } = self;
        write!(f, "rule {}, key `{key}`: {why}", rule + 1)
    }
}

impl std::error::Error for GovernanceError {}

/// A rule that was read.
#[derive(Debug)]
pub(crate) struct Rule {
    pub(crate) name: Arc<str>,
    pub(crate) demand: Demand,
    pub(crate) is_enforced: bool,
    /// As its operator wrote it.
    pub(super) text: String,
    pub(super) source: RuleSource,
}

/// Where in the configuration a rule stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RuleSource {
    /// In `[[namespace.rule]]`; which one, from zero.
    Rule(usize),
    /// In `[[namespace.type]]`, of this name.
    Type(String),
    /// In `[[namespace.element]]`, of this path.
    Element(String),
}

impl Rule {
    /// What somebody is told who broke it.
    pub(crate) fn complaint(&self, breach: &Breach) -> String {
        format!("{}: {}", self.name, breach.why)
    }
}

pub(super) fn parse(rules: &[GovernanceRuleText]) -> Result<Vec<(Filter, Arc<Rule>)>, GovernanceError> {
    let mut names = HashSet::new();
    let read = |(number, text): (usize, &GovernanceRuleText)| {
        let refuse = |key, why: String| GovernanceError { rule: number, key, why };
        if number >= RULES_MAX {
            return Err(refuse("filter", format!("there may be {RULES_MAX} rules")));
        }
        let (filter, rule) = read(number, text).map_err(|(key, why)| refuse(key, why))?;
        if !names.insert(Arc::clone(&rule.name)) {
            return Err(refuse("name", format!("another rule is called {:?} too", rule.name)));
        }
        Ok((filter, Arc::new(rule)))
    };
    rules.iter().enumerate().map(read).collect()
}

fn read(number: usize, text: &GovernanceRuleText) -> Result<(Filter, Rule), (&'static str, String)> {
    let GovernanceRuleText { name, filter: paths, schema, low, high, one_of, enforce } = text;
    let filter = Filter::parse(paths).map_err(|why| ("filter", why.to_string()))?;
    if name.as_ref().is_some_and(|name| name.is_empty() || name.len() > 100) {
        return Err(("name", "a name has 1 to 100 bytes".into()));
    }
    for (key, bound) in [("low", low), ("high", high)] {
        if bound.is_some_and(|bound| !bound.is_finite()) {
            return Err((key, "a bound is a finite number".into()));
        }
    }
    if low.zip(*high).is_some_and(|(low, high)| low > high) {
        return Err(("low", "`low` is above `high`".into()));
    }
    if let Some(allowed) = one_of {
        if allowed.is_empty() || allowed.len() > ONE_OF_MAX {
            return Err(("one_of", format!("names 1 to {ONE_OF_MAX} values")));
        }
        if allowed.iter().any(|it| matches!(it, Json::Null | Json::Array(_) | Json::Object(_))) {
            return Err(("one_of", "names texts, numbers and truth values; for more, write a schema".into()));
        }
    }
    if schema.is_none() && low.is_none() && high.is_none() && one_of.is_none() {
        return Err(("filter", "the rule demands nothing; give it `low`, `high`, `one_of` or `schema`".into()));
    }
    let compiled =
        schema.as_ref().map(|text| Schema::compile(&text.schema)).transpose().map_err(|why| ("schema", why))?;
    let rule = Rule {
        name: name.clone().unwrap_or_else(|| format!("rule {}", number + 1)).into(),
        demand: Demand { low: *low, high: *high, one_of: one_of.clone().map(Into::into), schema: compiled },
        is_enforced: *enforce,
        text: format!("filter = {paths:?}, {}", keys(*low, *high, one_of.as_deref(), schema.as_ref(), *enforce)),
        source: RuleSource::Rule(number),
    };
    Ok((filter, rule))
}

/// What is demanded, in a line, as it stands in the file.
pub(super) fn keys(
    low: Option<f64>,
    high: Option<f64>,
    one_of: Option<&[Json]>,
    schema: Option<&SchemaText>,
    enforce: bool,
) -> String {
    let mut keys = Vec::new();
    keys.extend(low.map(|low| format!("low = {low}")));
    keys.extend(high.map(|high| format!("high = {high}")));
    keys.extend(one_of.map(|allowed| {
        const SHOWN_MAX: usize = 10;
        let more = if allowed.len() > SHOWN_MAX { ", …" } else { "" };
        let shown: Vec<String> = allowed.iter().take(SHOWN_MAX).map(Json::to_string).collect();
        format!("one_of = [{}{more}]", shown.join(", "))
    }));
    keys.extend(schema.map(|SchemaText { file, .. }| match file {
        Some(file) => format!("schema = {file:?}"),
        None => "schema = {…}".into(),
    }));
    keys.extend(enforce.then(|| "enforce = true".to_owned()));
    keys.join(", ")
}
