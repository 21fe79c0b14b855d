//! `[namespace]`: where things land in the tree, and what is declared about them there.
//!
//! The rules themselves are ingest's to read; here they get their names in the file and the line they went wrong on.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;
use std::sync::Arc;

use factree_ingest::{
    Case, DeclaredError, ElementRuleText, Governance, Placement, RuleError, SparkplugRuleText, TopicRuleText,
    TypeRuleText,
};
use factree_namespace::{Bound, ContextRule, ContextScope, EquipmentKind, Filter, Level, Metadata, Modelled};
use serde::Deserialize;
use toml::Spanned;

use super::declared_types::{self, DeclaredType, DeclaredTypes, InstanceRule};
use super::lines::at;
use super::rules::{self, SchemaSource};
use super::{ConfigError, line, tables};
use crate::face::FaceRoot;

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Namespace {
    levels: Option<Vec<LevelName>>,
    #[serde(deserialize_with = "tables::each")]
    sparkplug: Vec<SparkplugRule>,
    #[serde(deserialize_with = "tables::each_if_any")]
    topics: Option<Vec<TopicRule>>,
    #[serde(deserialize_with = "tables::each")]
    element: Vec<Element>,
    #[serde(rename = "type", deserialize_with = "tables::each")]
    types: Vec<DeclaredType>,
    #[serde(deserialize_with = "tables::each")]
    instance: Vec<InstanceRule>,
    #[serde(deserialize_with = "tables::each")]
    rule: Vec<rules::Rule>,
    #[serde(deserialize_with = "tables::each")]
    context: Vec<Context>,
    #[serde(deserialize_with = "tables::one")]
    mqtt: Mqtt,
}

/// The tree's own topics.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Mqtt {
    enabled: bool,
    root: Spanned<String>,
}

impl Default for Mqtt {
    fn default() -> Self {
        Self { enabled: true, root: Spanned::new(0..0, String::new()) }
    }
}

#[derive(Deserialize, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[serde(rename_all = "snake_case")]
enum LevelName {
    Enterprise,
    Site,
    Area,
    WorkCenter,
    WorkUnit,
}

#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "snake_case")]
enum KindName {
    ProcessCell,
    ProductionUnit,
    ProductionLine,
    StorageZone,
    Unit,
    WorkCell,
    StorageUnit,
}

#[derive(Deserialize, Clone, Copy, Default)]
#[serde(rename_all = "snake_case")]
enum CaseName {
    #[default]
    Keep,
    Lower,
    Upper,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SparkplugRule {
    group: Spanned<String>,
    node: Option<Spanned<String>>,
    device: Option<Spanned<String>>,
    #[serde(default)]
    case: CaseName,
    #[serde(default)]
    kinds: BTreeMap<LevelName, KindName>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TopicRule {
    topic: Spanned<String>,
    #[serde(default)]
    case: CaseName,
    #[serde(default)]
    kinds: BTreeMap<LevelName, KindName>,
}

/// What is declared about one element.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Element {
    path: Spanned<String>,
    description: Option<String>,
    unit: Option<String>,
    kind: Option<KindName>,
    #[serde(rename = "type")]
    instance_of: Option<Spanned<String>>,
    owner: Option<String>,
    low: Option<f64>,
    high: Option<f64>,
    schema: Option<Spanned<SchemaSource>>,
    enforce: Option<Spanned<bool>>,
    #[serde(default)]
    tags: Vec<String>,
}

/// What is context.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Context {
    name: Spanned<String>,
    path: Spanned<String>,
    levels_up: Option<usize>,
    below: Option<String>,
    fields: Option<Vec<String>>,
}

/// Rules of context, and bytes of the name of one.
const CONTEXTS_MAX: usize = 100;
const CONTEXT_NAME_BYTES_MAX: usize = 64;

impl Namespace {
    /// `text` is the file's, to say on which line a rule went wrong.
    pub(super) fn placement(&self, text: &str) -> Result<Placement, ConfigError> {
        let levels: Vec<Level> = match &self.levels {
            None => Level::ALL.to_vec(),
            Some(names) => names.iter().copied().map(Level::from).collect(),
        };
        if !levels.is_sorted_by(|above, below| above < below) {
            return Err(ConfigError(format!(
                "{}[namespace] levels must go down the ISA-95 hierarchy, each once: enterprise, site, area, work_center, \
                 work_unit",
                at(text, &["namespace", "levels"])
            )));
        }
        let plain = |value: &Spanned<String>| value.get_ref().clone();
        let sparkplug: Vec<SparkplugRuleText> = self
            .sparkplug
            .iter()
            .map(|SparkplugRule { group, node, device, case, kinds: named }| SparkplugRuleText {
                group: plain(group),
                node: node.as_ref().map(plain),
                device: device.as_ref().map(plain),
                case: (*case).into(),
                kinds: kinds(named),
            })
            .collect();
        let rule = |TopicRule { topic, case, kinds: named }: &TopicRule| TopicRuleText {
            topic: plain(topic),
            case: (*case).into(),
            kinds: kinds(named),
        };
        let topics: Option<Vec<TopicRuleText>> = self.topics.as_ref().map(|topics| topics.iter().map(rule).collect());
        Placement::parse(&levels, &sparkplug, topics.as_deref()).map_err(|error| {
            let list = if error.is_sparkplug { "namespace.sparkplug" } else { "namespace.topics" };
            let line = self.line_of(&error, text);
            ConfigError(format!("line {line}: [[{list}]] {error}"))
        })
    }

    /// The line of the value that a rule's error is about, from one.
    fn line_of(&self, error: &RuleError, text: &str) -> usize {
        let topic = self.topics.iter().flatten().map(|rule| &rule.topic).nth(error.rule);
        let rule = self.sparkplug.get(error.rule);
        let value = match error.key {
            _ if !error.is_sparkplug => topic,
            "node" => rule.and_then(|rule| rule.node.as_ref()),
            "device" => rule.and_then(|rule| rule.device.as_ref()),
            _ => rule.map(|rule| &rule.group),
        };
        line(text, value.map_or(0, |value| value.span().start))
    }

    /// The types, and the rules about what is of them.
    pub(super) fn types(&self, text: &str) -> Result<DeclaredTypes, ConfigError> {
        declared_types::types(&self.types, &self.instance, text)
    }

    /// What may be published where.
    pub(super) fn governance(&self, text: &str, directory: &Path) -> Result<Governance, ConfigError> {
        let governance = rules::governance(&self.rule, text, directory)?;
        let (declared, model) = (self.types(text)?, self.model(text)?);
        let refuse = |is_element, number, key: &str, why: &str| {
            let (list, name, schema, enforce) = match is_element {
                true => {
                    let Element { path, schema, enforce, .. } = &self.element[number];
                    ("element", path, schema, enforce)
                }
                false => {
                    let DeclaredType { name, schema, enforce, .. } = &self.types[number];
                    ("type", name, schema, enforce)
                }
            };
            let span = match key {
                "schema" => schema.as_ref().map(Spanned::span),
                _ => enforce.as_ref().map(Spanned::span),
            };
            let line = line(text, span.unwrap_or_else(|| name.span()).start);
            ConfigError(format!("line {line}: [[namespace.{list}]] {:?}, key `{key}`: {why}", name.get_ref()))
        };
        let read = |is_element, number, schema: &Option<Spanned<SchemaSource>>| {
            let schema = schema.as_ref().map(|schema| schema.get_ref().read(directory)).transpose();
            schema.map_err(|why| refuse(is_element, number, "schema", &why))
        };
        let types = self.types.iter().zip(&declared.definitions).enumerate().map(|(number, (each, definition))| {
            let enforce = each.enforce.as_ref().map(|enforce| *enforce.get_ref());
            Ok(TypeRuleText { definition, schema: read(false, number, &each.schema)?, enforce })
        });
        let elements = self.element.iter().zip(&model).enumerate().map(|(number, (each, modelled))| {
            let enforce = each.enforce.as_ref().map(|enforce| *enforce.get_ref());
            Ok(ElementRuleText { modelled, schema: read(true, number, &each.schema)?, enforce })
        });
        let types: Vec<TypeRuleText<'_>> = types.collect::<Result<_, _>>()?;
        let elements: Vec<ElementRuleText<'_>> = elements.collect::<Result<_, _>>()?;
        let governance = governance.declaring(&types, &declared.rules, &elements);
        governance.map_err(|DeclaredError { is_element, number, key, why }| refuse(is_element, number, key, &why))
    }

    /// Where the tree stands among MQTT topics, if it does.
    pub(super) fn face(&self, text: &str) -> Result<Option<FaceRoot>, ConfigError> {
        let Mqtt { enabled, root } = &self.mqtt;
        let parsed = FaceRoot::parse(root.get_ref()).map_err(|takes| {
            ConfigError(format!("line {}: [namespace.mqtt] root {takes}", line(text, root.span().start)))
        })?;
        Ok(enabled.then_some(parsed))
    }

    /// What is declared about elements.
    pub(super) fn model(&self, text: &str) -> Result<Vec<Modelled>, ConfigError> {
        let mut seen = HashSet::new();
        self.element
            .iter()
            .map(|element| {
                let refuse = |why: &str| {
                    let line = line(text, element.path.span().start);
                    ConfigError(format!("line {line}: [[namespace.element]] {why}"))
                };
                if !seen.insert(element.path.get_ref()) {
                    return Err(refuse("this path is declared twice; put it all into one"));
                }
                if let Some(name) = &element.instance_of {
                    declared_types::known(&self.types, name)
                        .map_err(|why| declared_types::refusal(text, name, "element", &why))?;
                }
                element.modelled().map_err(refuse)
            })
            .collect()
    }
}

impl Namespace {
    /// What is context.
    pub(super) fn contexts(&self, text: &str) -> Result<Vec<ContextRule>, ConfigError> {
        if let Some(context) = self.context.get(CONTEXTS_MAX) {
            let line = line(text, context.name.span().start);
            let why = format!("line {line}: [[namespace.context]] there are at most {CONTEXTS_MAX} of them");
            return Err(ConfigError(why));
        }
        let rule = |context: &Context| {
            context.rule().map_err(|(at, why)| {
                let line = line(text, at);
                ConfigError(format!("line {line}: [[namespace.context]] {why}"))
            })
        };
        self.context.iter().map(rule).collect()
    }
}

impl Context {
    /// The rule; or where the mistake is, and what.
    fn rule(&self) -> Result<ContextRule, (usize, String)> {
        let (name, path) = (self.name.get_ref().as_str(), self.path.get_ref().as_str());
        let in_name = |why: &str| (self.name.span().start, why.to_owned());
        let in_path = |why: String| (self.path.span().start, why);
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
        if name.is_empty() || name.len() > CONTEXT_NAME_BYTES_MAX || !name.bytes().all(is_plain) {
            return Err(in_name("`name` is a word of letters, digits, `_` and `-`, as in order"));
        }
        let filter = Filter::parse(path).map_err(|why| in_path(format!("`path`: {why}")))?;
        if filter.is_open() {
            return Err(in_path(
                "`path` names documents, and a document is one element: it takes `+` but no `#`".into(),
            ));
        }
        let scope = match (self.levels_up, &self.below) {
            (Some(_), Some(_)) => return Err(in_path("`levels_up` and `below` say the same twice; write one".into())),
            (None, Some(_)) if filter.is_wild() => {
                return Err(in_path("`below` names one element, so `path` names one document, without `+`".into()));
            }
            (None, Some(below)) if below.is_empty() => return Err(in_path("`below` is empty".into())),
            (None, Some(below)) => ContextScope::Below(below.as_str().into()),
            (Some(levels), None) if levels > filter.segments_len() => {
                let most = filter.segments_len();
                return Err(in_path(format!(
                    "`levels_up` is {levels}, but only {most} levels are above the document, the root among them"
                )));
            }
            (levels, None) => ContextScope::Above(levels.unwrap_or(1)),
        };
        let fields = match &self.fields {
            None => None,
            Some(fields) if fields.is_empty() || fields.iter().any(String::is_empty) => {
                return Err(in_path("`fields` names fields; leave it out if all of them count".into()));
            }
            Some(fields) => Some(fields.iter().map(|field| field.as_str().into()).collect()),
        };
        Ok(ContextRule { name: name.into(), path: filter, scope, fields })
    }
}

impl Element {
    fn modelled(&self) -> Result<Modelled, &'static str> {
        let path = self.path.get_ref().as_str();
        match path.split('/').next() {
            Some("") | None => return Err("`path` begins with the name of an element, as in Acme/Dallas"),
            Some("_unplaced" | "_conflicts") => {
                return Err("what stands below _unplaced and _conflicts is Factree's own");
            }
            Some(_) => {}
        }
        let (low, high) = range(self.low, self.high)?;
        let text = |text: &Option<String>| text.as_deref().map(Arc::from);
        let metadata = Metadata {
            unit: text(&self.unit),
            description: text(&self.description),
            low,
            high,
            instance_of: self.instance_of.as_ref().map(|name| name.get_ref().as_str().into()),
            owner: text(&self.owner),
            tags: self.tags.iter().map(|tag| tag.as_str().into()).collect(),
            ..Metadata::default()
        };
        Ok(Modelled { path: path.to_owned(), kind: self.kind.map(EquipmentKind::from), metadata })
    }
}

/// The two ends of a range, as far as they are given.
pub(super) fn range(low: Option<f64>, high: Option<f64>) -> Result<(Option<Bound>, Option<Bound>), &'static str> {
    let bound = |number: Option<f64>| match number {
        None => Ok(None),
        Some(number) => Bound::new(number).map(Some).ok_or("`low` and `high` are finite numbers"),
    };
    if low.zip(high).is_some_and(|(low, high)| low > high) {
        return Err("`low` is above `high`");
    }
    Ok((bound(low)?, bound(high)?))
}

fn kinds(named: &BTreeMap<LevelName, KindName>) -> Vec<(Level, EquipmentKind)> {
    named.iter().map(|(&level, &kind)| (level.into(), kind.into())).collect()
}

impl From<LevelName> for Level {
    fn from(name: LevelName) -> Self {
        match name {
            LevelName::Enterprise => Self::Enterprise,
            LevelName::Site => Self::Site,
            LevelName::Area => Self::Area,
            LevelName::WorkCenter => Self::WorkCenter,
            LevelName::WorkUnit => Self::WorkUnit,
        }
    }
}

impl From<KindName> for EquipmentKind {
    fn from(name: KindName) -> Self {
        match name {
            KindName::ProcessCell => Self::ProcessCell,
            KindName::ProductionUnit => Self::ProductionUnit,
            KindName::ProductionLine => Self::ProductionLine,
            KindName::StorageZone => Self::StorageZone,
            KindName::Unit => Self::Unit,
            KindName::WorkCell => Self::WorkCell,
            KindName::StorageUnit => Self::StorageUnit,
        }
    }
}

impl From<CaseName> for Case {
    fn from(name: CaseName) -> Self {
        match name {
            CaseName::Keep => Self::Keep,
            CaseName::Lower => Self::Lower,
            CaseName::Upper => Self::Upper,
        }
    }
}

#[cfg(test)]
mod tests {
    use factree_namespace::ContextScope;

    use crate::{Config, Overrides};

    fn refusal(text: &str) -> String {
        Config::parse(text, Overrides::default()).expect_err("must be refused").to_string()
    }

    #[test]
    fn a_rule_says_case_and_kinds_in_words() {
        let rule = "[[namespace.sparkplug]]\ngroup = \"{site}\"\nnode = \"{work_center}\"\n";
        let with = |rest: &str| format!("{rule}{rest}");
        Config::parse(&with("case = \"lower\"\nkinds = { work_center = \"production_line\" }"), Overrides::default())
            .expect("valid");
        assert!(refusal(&with("case = \"title\"")).contains("`upper`"));
        assert!(refusal(&with("kinds = { work_center = \"line\" }")).contains("`production_line`"));
        let message = refusal(&with("kinds = { work_center = \"unit\" }"));
        assert!(message.starts_with("line 2: [[namespace.sparkplug]] rule 1, key `kinds`: a unit is a work_unit"));
        let message = refusal("[[namespace.topics]]\ntopic = \"{site}\"\nkinds = { area = \"unit\" }");
        assert!(message.starts_with("line 2: [[namespace.topics]] rule 1, key `kinds`"), "{message}");
    }

    #[test]
    fn context_is_a_document_and_what_it_applies_to() {
        let context = |rest: &str| format!("[[namespace.context]]\nname = \"order\"\n{rest}");
        let parsed = |rest: &str| Config::parse(&context(rest), Overrides::default()).unwrap().contexts.remove(0);
        assert_eq!(parsed("path = \"Acme/+/Order\"").scope, ContextScope::Above(1));
        assert_eq!(parsed("path = \"Acme/+/Order\"\nlevels_up = 2").scope, ContextScope::Above(2));
        assert_eq!(parsed("path = \"MES/Order\"\nbelow = \"Acme/Ulm\"").scope, ContextScope::Below("Acme/Ulm".into()));
        assert_eq!(parsed("path = \"a/b\"\nfields = [\"Number\"]").fields, Some(["Number".into()].into()));
        for (rest, why) in [
            ("path = \"Acme/#\"", "line 3: [[namespace.context]] `path` names documents"),
            ("path = \"Acme/x+\"", "`path`: '+' and '#' must stand alone"),
            ("path = \"a/b\"\nlevels_up = 3", "`levels_up` is 3, but only 2 levels are above"),
            ("path = \"a/b\"\nlevels_up = 1\nbelow = \"a\"", "say the same twice"),
            ("path = \"a/+\"\nbelow = \"a\"", "names one document, without `+`"),
            ("path = \"a/b\"\nfields = []", "leave it out if all of them count"),
            ("path = \"a/b\"\napplies_to = \"x\"", "`levels_up`"),
        ] {
            assert!(refusal(&context(rest)).contains(why), "{rest}: {}", refusal(&context(rest)));
        }
        assert!(refusal("[[namespace.context]]\nname = \"the order\"\npath = \"a/b\"").contains("line 2: "));
        let many = "[[namespace.context]]\nname = \"order\"\npath = \"a/b\"\n".repeat(101);
        assert!(refusal(&many).contains("at most 100"));
    }

    #[test]
    fn an_element_is_declared_once_and_in_range() {
        let text = "[[namespace.element]]\npath = \"Acme/Dallas\"\nowner = \"Team 4\"\ntags = [\"press\"]\nlow = -1\nhigh = 2.5\n";
        let model = Config::parse(text, Overrides::default()).unwrap().model;
        assert_eq!(
            (model[0].path.as_str(), model[0].metadata.high.map(factree_namespace::Bound::get)),
            ("Acme/Dallas", Some(2.5))
        );
        assert!(
            refusal(&format!("{text}{text}")).starts_with("line 8: [[namespace.element]] this path is declared twice")
        );
        let wrong = |rest: &str| refusal(&format!("[[namespace.element]]\n{rest}"));
        assert!(wrong("path = \"/a\"").contains("begins with the name"));
        assert!(wrong("path = \"_conflicts/a\"").contains("Factree's own"));
        assert!(wrong("path = \"a\"\nlow = 2\nhigh = 1").contains("`low` is above `high`"));
        assert!(wrong("path = \"a\"\nlow = nan").contains("finite"));
        assert!(wrong("path = \"a\"\nlimit = 1").contains("`low`"));
    }
}
