//! `[namespace]`: where things land in the tree.
//!
//! The rules themselves are ingest's to read; here they get their names in the file and the line they went wrong on.

use factree_ingest::{Placement, RuleError, SparkplugRuleText};
use factree_namespace::Level;
use serde::Deserialize;
use toml::Spanned;

use super::{ConfigError, line};

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Namespace {
    levels: Option<Vec<LevelName>>,
    sparkplug: Vec<SparkplugRule>,
    topics: Option<Vec<TopicRule>>,
}

#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "snake_case")]
enum LevelName {
    Enterprise,
    Site,
    Area,
    WorkCenter,
    WorkUnit,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SparkplugRule {
    group: Spanned<String>,
    node: Option<Spanned<String>>,
    device: Option<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TopicRule {
    topic: Spanned<String>,
}

impl Namespace {
    /// `text` is the file's, to say on which line a rule went wrong.
    pub(super) fn placement(&self, text: &str) -> Result<Placement, ConfigError> {
        let levels: Vec<Level> = match &self.levels {
            None => Level::ALL.to_vec(),
            Some(names) => names.iter().copied().map(Level::from).collect(),
        };
        if !levels.is_sorted_by(|above, below| above < below) {
            return Err(ConfigError(
                "[namespace] levels must go down the ISA-95 hierarchy, each once: enterprise, site, area, work_center, \
                 work_unit"
                    .into(),
            ));
        }
        let plain = |value: &Spanned<String>| value.get_ref().clone();
        let sparkplug: Vec<SparkplugRuleText> = self
            .sparkplug
            .iter()
            .map(|SparkplugRule { group, node, device }| SparkplugRuleText {
                group: plain(group),
                node: node.as_ref().map(plain),
                device: device.as_ref().map(plain),
            })
            .collect();
        let topics: Option<Vec<String>> =
            self.topics.as_ref().map(|topics| topics.iter().map(|TopicRule { topic }| plain(topic)).collect());
        Placement::parse(&levels, &sparkplug, topics.as_deref()).map_err(|error| {
            let list = if error.key == "topic" { "namespace.topics" } else { "namespace.sparkplug" };
            let line = self.line_of(&error, text);
            ConfigError(format!("line {line}: [[{list}]] {error}"))
        })
    }

    /// The line of the value that a rule's error is about, from one.
    fn line_of(&self, error: &RuleError, text: &str) -> usize {
        let topic = self.topics.iter().flatten().map(|rule| &rule.topic).nth(error.rule);
        let rule = self.sparkplug.get(error.rule);
        let value = match error.key {
            "topic" => topic,
            "node" => rule.and_then(|rule| rule.node.as_ref()),
            "device" => rule.and_then(|rule| rule.device.as_ref()),
            _ => rule.map(|rule| &rule.group),
        };
        line(text, value.map_or(0, |value| value.span().start))
    }
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
