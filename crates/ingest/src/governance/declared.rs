//! What declared types demand of their instances, and declared elements of what is published at their paths.
//!
//! The configuration says both by paths, so it is known of a path before anything is published there, and no tree is asked.
//! Seen from one place ([`Declared::below`]) only what means something there is left, by the names from there on: an Edge
//! Node looks it up at its Birth, a plain topic when it is first published.
//! Refuses to know what only a source says: neither Templates nor the ranges that births declare are rules.
//! Invariant: of several types above an element that know its place the nearest is heard, as for what they tell of it.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::ops::Bound::{Excluded, Included, Unbounded};
use std::sync::Arc;

use factree_namespace::{Bound, Filter, Metadata, Modelled, TypeDefinition};
use serde_json::Value as Json;

use super::Rule;
use super::demand::Demand;
use super::rule::{RuleSource, keys};
use super::schema::Schema;

/// A JSON Schema, and where it was read.
#[derive(Clone, Debug, PartialEq)]
pub struct SchemaText {
    /// The schema.
    pub schema: Json,
    /// The file, for people; none if it stands in the configuration itself.
    pub file: Option<String>,
}

/// What an operator wrote in `[[namespace.type]]`.
#[derive(Clone, Debug)]
pub struct TypeRuleText<'t> {
    /// The type. The ranges of its members are rules.
    pub definition: &'t TypeDefinition,
    /// What is published whole at an instance.
    pub schema: Option<SchemaText>,
    /// Whether what breaks a rule of the type is refused where that is possible; none: as of the type that it extends.
    pub enforce: Option<bool>,
}

/// What an operator wrote in `[[namespace.element]]`.
#[derive(Clone, Debug)]
pub struct ElementRuleText<'t> {
    /// The element.
    pub modelled: &'t Modelled,
    /// What is published there whole.
    pub schema: Option<SchemaText>,
    /// Whether what breaks the schema or the range is refused; none: the range is no rule.
    pub enforce: Option<bool>,
}

/// Why a type or an element demands nothing that could be judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeclaredError {
    /// Whether it is an element; else it is a type.
    pub is_element: bool,
    /// Which one of its list, from zero.
    pub number: usize,
    /// Which key.
    pub key: &'static str,
    /// What is wrong with it.
    pub why: String,
}

impl fmt::Display for DeclaredError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "key `{}`: {}", self.key, self.why)
    }
}

impl std::error::Error for DeclaredError {}

/// What is demanded, as seen from one place.
#[derive(Clone, Debug, Default)]
pub(crate) struct Declared {
    types: Arc<[TypeRules]>,
    /// By path from here on: those that are of a type, or that demand something themselves.
    elements: BTreeMap<Box<str>, Element>,
    /// What is of which type; the first that means a path counts.
    instances: Vec<(Filter, usize)>,
    /// Types of what stands here and above, the nearest first, with the way from there to here as it stands before names:
    /// empty, or with a slash at its end.
    above: Vec<(usize, String)>,
}

/// What one type demands.
#[derive(Debug)]
struct TypeRules {
    /// Of what is published whole at an instance, by the type itself and by those that it extends.
    whole: Vec<Arc<Rule>>,
    /// Of each member; none of one that only keeps types above it from being heard.
    members: BTreeMap<Box<str>, Option<Arc<Rule>>>,
}

#[derive(Clone, Debug)]
struct Element {
    of: Option<usize>,
    rule: Option<Arc<Rule>>,
}

impl Declared {
    /// Reads what is declared. `instances` says what is of which type, besides elements themselves; who names a type that is
    /// not declared is of none.
    pub(super) fn parse(
        types: &[TypeRuleText<'_>],
        instances: &[(Filter, Arc<str>)],
        elements: &[ElementRuleText<'_>],
    ) -> Result<Self, DeclaredError> {
        let by_name: HashMap<&str, usize> =
            types.iter().enumerate().map(|(number, text)| (&**text.definition.name(), number)).collect();
        let refuse = |is_element, number, (key, why)| DeclaredError { is_element, number, key, why };
        let elements = elements.iter().enumerate().filter_map(|(number, text)| {
            let of = text.modelled.metadata.instance_of.as_deref().and_then(|name| by_name.get(name).copied());
            match text.rule() {
                Ok(None) if of.is_none() => None,
                Ok(rule) => Some(Ok((text.modelled.path.as_str().into(), Element { of, rule }))),
                Err(error) => Some(Err(refuse(true, number, error))),
            }
        });
        let elements: BTreeMap<Box<str>, Element> = elements.collect::<Result<_, _>>()?;
        let schemas = types.iter().enumerate().map(|(number, text)| {
            let schema = text.schema.as_ref().map(|text| Schema::compile(&text.schema)).transpose();
            schema.map_err(|why| refuse(false, number, ("schema", why)))
        });
        let schemas: Vec<Option<Schema>> = schemas.collect::<Result<_, _>>()?;
        let types: Arc<[TypeRules]> = (0..types.len()).map(|of| TypeRules::of(of, types, &schemas, &by_name)).collect();
        if types.iter().all(TypeRules::is_empty) && elements.values().all(|element| element.rule.is_none()) {
            return Ok(Self::default());
        }
        let instances = instances.iter().filter_map(|(filter, name)| Some((filter.clone(), *by_name.get(&**name)?)));
        Ok(Self { types, elements, instances: instances.collect(), above: Vec::new() })
    }

    /// Whether nothing is demanded from here on.
    pub(crate) fn is_empty(&self) -> bool {
        self.elements.is_empty() && self.instances.is_empty() && self.above.is_empty()
    }

    /// How many rules there are.
    pub(super) fn len(&self) -> usize {
        let types = self.types.iter().map(|of| of.whole.len() + of.rules("").count());
        types.sum::<usize>() + self.elements.values().filter(|element| element.rule.is_some()).count()
    }

    /// The same as seen from `path`, without what is demanded there itself.
    pub(crate) fn below(&self, path: &str) -> Self {
        if self.is_empty() {
            return Self::default();
        }
        let here = format!("{path}/");
        let elements = self.elements.range::<str, _>((Excluded(&*here), Unbounded));
        let elements = elements.map_while(|(path, element)| Some((path.strip_prefix(&*here)?.into(), element.clone())));
        let instances = self.instances.iter().filter_map(|(filter, of)| Some((filter.below(path)?, *of)));
        let up = upwards(path).map(|(above, way)| (above, format!("{way}/")));
        let above = std::iter::once((path, String::new())).chain(up);
        let above = above.filter_map(|(above, way)| Some((self.type_of(above)?, way)));
        let above = above.chain(self.above.iter().map(|(of, way)| (*of, format!("{way}{here}"))));
        Self {
            types: Arc::clone(&self.types),
            elements: elements.collect(),
            instances: instances.collect(),
            above: above.filter(|(of, way)| self.types[*of].knows_below(way)).collect(),
        }
    }

    /// What is demanded of what is published at `name`.
    pub(crate) fn about<'d>(&'d self, name: &str) -> impl Iterator<Item = &'d Arc<Rule>> + use<'d> {
        let whole = self.type_of(name).map(|of| &self.types[of].whole);
        self.values(name).chain(whole.into_iter().flatten())
    }

    /// What is demanded of single values at `name`, and by elements also of what is published whole.
    pub(crate) fn values<'d>(&'d self, name: &str) -> impl Iterator<Item = &'d Arc<Rule>> + use<'d> {
        let own = self.elements.get(name).and_then(|element| element.rule.as_ref());
        own.into_iter().chain(self.member(name))
    }

    /// Everything that may be demanded of single values from here on.
    pub(crate) fn anything(&self) -> impl Iterator<Item = &Arc<Rule>> {
        let above = self.above.iter().flat_map(|(of, way)| self.types[*of].rules(way));
        let own = self.elements.values().filter_map(|element| element.rule.as_ref());
        let own = own.filter(|rule| rule.demand.is_about_values());
        let of = self.elements.values().filter_map(|element| element.of);
        let of = of.chain(self.instances.iter().map(|(_, of)| *of));
        above.chain(own).chain(of.flat_map(|of| self.types[of].rules("")))
    }

    fn type_of(&self, name: &str) -> Option<usize> {
        let own = self.elements.get(name).and_then(|element| element.of);
        own.or_else(|| self.instances.iter().find(|(filter, _)| filter.matches(name)).map(|(_, of)| *of))
    }

    /// What the nearest type above demands of the member that stands at `name`.
    fn member(&self, name: &str) -> Option<&Arc<Rule>> {
        let inner = upwards(name).filter_map(|(above, way)| self.types[self.type_of(above)?].members.get(way));
        let mut above = self.above.iter().filter_map(|(of, way)| match &**way {
            "" => self.types[*of].members.get(name),
            way => self.types[*of].members.get(&*format!("{way}{name}")),
        });
        inner.into_iter().next().or_else(|| above.next())?.as_ref()
    }
}

impl TypeRules {
    fn of(
        number: usize,
        types: &[TypeRuleText<'_>],
        schemas: &[Option<Schema>],
        by_name: &HashMap<&str, usize>,
    ) -> Self {
        let extended = |&of: &usize| by_name.get(types[of].definition.extends()?).copied();
        // Who goes round in circles has been everywhere after so many steps.
        let chain: Vec<usize> = std::iter::successors(Some(number), extended).take(types.len()).collect();
        let definition = types[number].definition;
        let is_enforced = chain.iter().find_map(|&of| types[of].enforce).unwrap_or_default();
        let rule = |name: String, demand: Demand, text: String| {
            let source = RuleSource::Type(definition.name().to_string());
            Arc::new(Rule { name: name.into(), demand, is_enforced, text, source })
        };
        let whole = chain.iter().filter_map(|&of| {
            let demand = Demand { schema: Some(schemas[of].clone()?), ..Demand::default() };
            let text = keys(None, None, None, types[of].schema.as_ref(), is_enforced);
            Some(rule(format!("type {}", types[of].definition.name()), demand, text))
        });
        let members = definition.members().iter().map(|member| {
            let rule = range(&member.metadata).map(|(low, high)| {
                let demand = Demand { low, high, ..Demand::default() };
                let text = format!("member = {:?}, {}", member.name, keys(low, high, None, None, is_enforced));
                rule(format!("type {}, {}", definition.name(), member.name), demand, text)
            });
            ((&*member.name).into(), rule)
        });
        Self { whole: whole.collect(), members: members.collect() }
    }

    fn is_empty(&self) -> bool {
        self.whole.is_empty() && self.members.values().all(Option::is_none)
    }

    /// Whether it has members whose names begin so.
    fn knows_below(&self, way: &str) -> bool {
        self.below(way).next().is_some()
    }

    fn rules(&self, way: &str) -> impl Iterator<Item = &Arc<Rule>> {
        self.below(way).filter_map(|(_, rule)| rule.as_ref())
    }

    fn below(&self, way: &str) -> impl Iterator<Item = (&Box<str>, &Option<Arc<Rule>>)> {
        let members = self.members.range::<str, _>((Included(way), Unbounded));
        members.take_while(move |(name, _)| name.starts_with(way))
    }
}

impl ElementRuleText<'_> {
    fn rule(&self) -> Result<Option<Arc<Rule>>, (&'static str, String)> {
        let Self { modelled, schema, enforce } = self;
        let range = range(&modelled.metadata).filter(|_| enforce.is_some());
        if schema.is_none() && range.is_none() {
            return match enforce {
                Some(_) => Err(("enforce", "the element demands nothing; give it `low`, `high` or `schema`".into())),
                None => Ok(None),
            };
        }
        let (low, high) = range.unwrap_or_default();
        let compiled = schema.as_ref().map(|text| Schema::compile(&text.schema)).transpose();
        let is_enforced = enforce.unwrap_or_default();
        Ok(Some(Arc::new(Rule {
            name: format!("element {}", modelled.path).into(),
            demand: Demand { low, high, one_of: None, schema: compiled.map_err(|why| ("schema", why))? },
            is_enforced,
            text: keys(low, high, None, schema.as_ref(), is_enforced),
            source: RuleSource::Element(modelled.path.clone()),
        })))
    }
}

/// The ends of a range, if there is one.
fn range(metadata: &Metadata) -> Option<(Option<f64>, Option<f64>)> {
    let Metadata { low, high, .. } = metadata;
    (low.is_some() || high.is_some()).then(|| (low.map(Bound::get), high.map(Bound::get)))
}

/// What stands above a path, the nearest first, and the way from there.
fn upwards(path: &str) -> impl Iterator<Item = (&str, &str)> {
    path.rmatch_indices('/').map(|(at, _)| (&path[..at], &path[at + 1..]))
}
