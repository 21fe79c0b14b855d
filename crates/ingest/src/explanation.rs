//! Explanation: which rule put a source where it stands, and why the others did not.
//!
//! Asks [`Placement`] the same question as a Birth does and listens to what it tries, so the answer cannot differ from what
//! happens. A topic may be any: of Sparkplug, with the name of a metric behind it, or a plain one.
//! Knows no tree: what is disputed there shows in the tree. Invariant: it is a function of the rules and the question.

use std::fmt;
use std::sync::Arc;

use factree_sparkplug::{Topic, TopicError};

use crate::placement::{Place, PlacedBy, Placement};

/// What came of a rule that was tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tried {
    /// Which one of its list, from zero; none where there are no rules and the default applies.
    pub rule: Option<usize>,
    /// Whether it matched, or why not.
    pub outcome: Result<(), Mismatch>,
}

/// Why a rule does not place something. Reads as the rest of a sentence about the rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mismatch {
    /// A template does not match its text.
    Text {
        /// `group`, `node`, `device` or `topic`.
        key: &'static str,
        /// The template.
        template: Arc<str>,
    },
    /// It matches and would place it where only Factree puts things.
    Reserved {
        /// The first name of that path.
        name: Box<str>,
    },
    /// It matches and names no element at all.
    Nowhere,
    /// A topic of another meaning, Sparkplug A's for example, or one that only looks like Sparkplug B's.
    Foreign,
    /// A topic that begins with `$` is never in the tree.
    Dollar,
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text { key, template } => write!(f, "the {key} does not match {template:?}"),
            Self::Reserved { name } => write!(f, "it would stand below {name:?}, which is Factree's own"),
            Self::Nowhere => f.write_str("it names no element"),
            Self::Foreign => f.write_str("its first level belongs to another protocol than plain MQTT"),
            Self::Dollar => f.write_str("topics that begin with '$' are not the plant's"),
        }
    }
}

/// Whom an explanation is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// An Edge Node or a Device, and perhaps a metric of it.
    Sparkplug {
        /// Group id.
        group: String,
        /// Edge Node id.
        edge_node: String,
        /// Device id.
        device: Option<String>,
        /// The metric's name.
        metric: Option<String>,
    },
    /// A plain topic, and perhaps a field of its document.
    Topic {
        /// Topic name.
        topic: String,
        /// The field's path.
        field: Option<String>,
    },
}

/// Where something stands, and how that came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// Whom it is about.
    pub subject: Subject,
    /// The rules, in the order in which they were tried; the last one matched if anything did.
    pub tried: Vec<Tried>,
    /// Where the source stands; none for what is not in the tree.
    pub place: Option<Place>,
    /// The path of the element, the metric's name or the field included.
    pub path: Option<String>,
}

/// Why there is nothing to explain; reads as a sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unexplained {
    /// It claims to be Sparkplug and is not.
    Malformed {
        /// What is wrong with it.
        error: TopicError,
    },
    /// It is Sparkplug, and about no metric: a STATE message.
    State,
    /// No text at all.
    Empty,
    /// It has a wildcard or NUL in it, or is too long: nobody can publish there `[MQTT-3.3.2-2]` `[MQTT-4.7.3-2]`
    /// `[MQTT-4.7.3-3]`.
    NoTopicName,
}

/// Bytes of the longest topic.
const TOPIC_BYTES_MAX: usize = 65_535;

impl fmt::Display for Unexplained {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed { error: TopicError::LevelCount } => {
                write!(f, "this is no Sparkplug topic: {}; the metric's name is given apart", TopicError::LevelCount)
            }
            Self::Malformed { error } => write!(f, "this is no Sparkplug topic: {error}"),
            Self::State => f.write_str("a STATE message is about a Host Application, which has no place in the tree"),
            Self::Empty => f.write_str("the topic is empty"),
            Self::NoTopicName => {
                write!(
                    f,
                    "nobody can publish there: a topic has no '+', '#' or NUL, and at most {TOPIC_BYTES_MAX} bytes"
                )
            }
        }
    }
}

impl std::error::Error for Unexplained {}

impl Placement {
    /// Explains where the messages of `topic` land. `metric` is the name of a metric, or the path of a field in a plain
    /// topic's document.
    ///
    /// # Errors
    /// [`Unexplained`].
    pub fn explain(&self, topic: &str, metric: Option<&str>) -> Result<Explanation, Unexplained> {
        if topic.is_empty() {
            return Err(Unexplained::Empty);
        }
        if topic.len() > TOPIC_BYTES_MAX {
            return Err(Unexplained::NoTopicName);
        }
        let parsed = match Topic::parse(topic) {
            Ok(parsed) => parsed,
            Err(TopicError::NotSparkplug) if topic.contains(['+', '#', '\0']) => return Err(Unexplained::NoTopicName),
            Err(TopicError::NotSparkplug) => return Ok(self.explain_topic(topic, metric)),
            Err(error) => return Err(Unexplained::Malformed { error }),
        };
        let Some(descriptor) = parsed.edge_node() else { return Err(Unexplained::State) };
        let (group, edge_node) = (descriptor.group.as_str(), descriptor.edge_node.as_str());
        let device = parsed.device();
        let device = device.as_ref().map(|device| device.as_str());
        Ok(self.explain_sparkplug(group, edge_node, device, metric))
    }

    /// Explains where an Edge Node, or one of its Devices, stands.
    pub fn explain_sparkplug(
        &self,
        group: &str,
        edge_node: &str,
        device: Option<&str>,
        metric: Option<&str>,
    ) -> Explanation {
        let mut tried = Vec::new();
        let place = self.seek_sparkplug(group, edge_node, device, |rule| tried.push(rule));
        let owned = |text: Option<&str>| text.map(str::to_owned);
        let (group, edge_node) = (group.to_owned(), edge_node.to_owned());
        let subject = Subject::Sparkplug { group, edge_node, device: owned(device), metric: owned(metric) };
        Explanation { subject, tried, path: Some(below(&place, metric)), place: Some(place) }
    }

    fn explain_topic(&self, topic: &str, field: Option<&str>) -> Explanation {
        let mut tried = Vec::new();
        let place = self.seek_topic(topic, |rule| tried.push(rule));
        let path = place.as_ref().map(|place| below(place, field));
        let subject = Subject::Topic { topic: topic.to_owned(), field: field.map(str::to_owned) };
        Explanation { subject, tried, place, path }
    }

    /// A rule as its operator wrote it: keys and templates. `is_sparkplug` says of which list.
    pub fn rule_text(&self, is_sparkplug: bool, rule: usize) -> String {
        let shown = |(key, template): (&str, &str)| format!("{key} = {template:?}");
        match is_sparkplug {
            true => {
                let keys: Vec<String> = self.sparkplug_rule(rule).into_iter().flatten().map(shown).collect();
                keys.join(", ")
            }
            false => self.topic_rule(rule).map(|template| shown(("topic", template))).unwrap_or_default(),
        }
    }
}

impl Explanation {
    /// Whether it is about Sparkplug, so that its rules are those of `[[namespace.sparkplug]]`.
    pub fn is_sparkplug(&self) -> bool {
        matches!(self.subject, Subject::Sparkplug { .. })
    }

    /// Why no rule placed it, in one line; none if one did, or none was needed.
    pub fn reason(&self) -> Option<String> {
        if matches!(&self.place, Some(Place { by: PlacedBy::Rule(_) | PlacedBy::Default, .. })) {
            return None;
        }
        let shown = |tried: &Tried| {
            let why = tried.outcome.as_ref().err()?;
            Some(match tried.rule {
                Some(rule) => format!("rule {}: {why}", rule + 1),
                None => why.to_string(),
            })
        };
        const SHOWN_MAX: usize = 10;
        let mut lines: Vec<String> = self.tried.iter().take(SHOWN_MAX).filter_map(shown).collect();
        if self.tried.len() > SHOWN_MAX {
            lines.push(format!("and {} further rules", self.tried.len() - SHOWN_MAX));
        }
        if lines.is_empty() {
            lines.push("there is no rule for plain topics".into());
        }
        Some(lines.join("; "))
    }
}

fn below(place: &Place, name: Option<&str>) -> String {
    match name {
        Some(name) => format!("{}/{name}", place.path()),
        None => place.path(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rule::{SparkplugRuleText, TopicRuleText};
    use factree_namespace::Level;

    fn story(placement: &Placement, topic: &str) -> String {
        match placement.explain(topic, None) {
            Ok(it) => format!("{} | {}", it.path.as_deref().unwrap_or("-"), it.reason().unwrap_or_default()),
            Err(why) => why.to_string(),
        }
    }

    #[test]
    fn without_rules_the_default_is_told() {
        let default = Placement::default();
        let it = default.explain("spBv1.0/Acme:Dallas:Press/DDATA/Line1/Robot3", Some("Axis/1/Temperature")).unwrap();
        assert_eq!(it.path.unwrap(), "Acme/Dallas/Press/Line1/Robot3/Axis/1/Temperature");
        assert_eq!(story(&default, "spBv1.0/G/NBIRTH/N"), "G/N | ");
        assert_eq!(story(&default, "Acme/Speed"), "Acme/Speed | ");
    }

    #[test]
    fn what_no_rule_places_is_told_why() {
        let rules = [
            SparkplugRuleText { group: "{site}:{area}".into(), ..SparkplugRuleText::default() },
            SparkplugRuleText {
                group: "{site}".into(),
                node: Some("{area}-{work_center}".into()),
                ..SparkplugRuleText::default()
            },
        ];
        let topics = [TopicRuleText { topic: "{site}/x".into(), ..TopicRuleText::default() }];
        let placement = Placement::parse(&Level::ALL, &rules, Some(&topics)).unwrap();
        assert_eq!(
            story(&placement, "spBv1.0/G/NDATA/N"),
            "_unplaced/G/N | rule 1: the group does not match \"{site}:{area}\"; rule 2: the node does not match \
             \"{area}-{work_center}\""
        );
        assert_eq!(story(&placement, "spBv1.0/G:H/NDATA/N"), "G/H/N | ");
        assert_eq!(story(&placement, "a/b"), "- | rule 1: the topic does not match \"{site}/x\"");
        assert_eq!(story(&placement, "$SYS/a"), "- | topics that begin with '$' are not the plant's");
        let none = Placement::parse(&Level::ALL, &[], Some(&[])).unwrap();
        assert_eq!(story(&none, "a/b"), "- | there is no rule for plain topics");
        let default = Placement::default();
        assert!(story(&default, "_conflicts/x").contains("which is Factree's own"));
        assert!(story(&default, "spAv1.0/x").contains("another protocol"));
    }

    #[test]
    fn what_cannot_be_explained_says_so() {
        let default = Placement::default();
        assert!(story(&default, "spBv1.0/STATE/host").contains("Host Application"));
        assert!(story(&default, "spBv1.0/G/XDATA/N").contains("no Sparkplug topic"));
        assert!(story(&default, "spBv1.0/G/DDATA/N/D/Axis/1").contains("given apart"));
        assert_eq!(story(&default, ""), "the topic is empty");
        let longest = "x".repeat(TOPIC_BYTES_MAX);
        for none in ["a/+/c", "a/#", "a\0b", &format!("{longest}x")] {
            assert!(story(&default, none).contains("nobody can publish there"), "{none:?}");
        }
        assert_eq!(story(&default, &longest), format!("{longest} | "));
    }
}
