//! Rules as an operator writes them, and what is said of one that cannot be used.
//!
//! Knows nothing of matching. Invariant: an error names the rule, the key and what to write instead.

use factree_namespace::{EquipmentKind, Level};

use crate::template::{Case, TemplateError};

/// Rules of one list.
pub(crate) const RULES_MAX: usize = 1_000;

/// What an operator wrote in `[[namespace.sparkplug]]`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SparkplugRuleText {
    /// Template of the group id.
    pub group: String,
    /// Template of the edge node id; without it the Edge Node hangs below under its own id.
    pub node: Option<String>,
    /// Template of the device id; without it Devices hang below under their own ids. Needs `node`.
    pub device: Option<String>,
    /// What becomes of upper and lower case.
    pub case: Case,
    /// The finer kinds of what stands at a level.
    pub kinds: Vec<(Level, EquipmentKind)>,
}

/// What an operator wrote in `[[namespace.topics]]`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TopicRuleText {
    /// Template of the topic.
    pub topic: String,
    /// What becomes of upper and lower case.
    pub case: Case,
    /// The finer kinds of what stands at a level.
    pub kinds: Vec<(Level, EquipmentKind)>,
}

/// Why a rule was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleError {
    /// Whether its list is that for Sparkplug, or that for plain topics.
    pub is_sparkplug: bool,
    /// Which rule of its list, from zero.
    pub rule: usize,
    /// Which key of the rule: `group`, `node`, `device`, `topic` or `kinds`.
    pub key: &'static str,
    /// What is wrong with it.
    pub error: RuleFault,
}

/// What is wrong with a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RuleFault {
    /// The template itself.
    Template(TemplateError),
    /// `device` without `node`: the Device would stand above its Edge Node.
    DeviceWithoutNode,
    /// A kind of equipment at a level where ISA-95 has none such.
    KindAtLevel(EquipmentKind, Level),
    /// A kind for a level that the rule's templates do not name.
    KindWithoutLevel(Level),
    /// More rules than a list may have.
    TooMany,
}

impl std::fmt::Display for RuleError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { rule, key, error, .. } = self;
        let number = rule + 1;
        match error {
            RuleFault::Template(error) => write!(f, "rule {number}, key `{key}`: {error}"),
            RuleFault::DeviceWithoutNode => {
                write!(f, "rule {number}: `device` needs `node`; add node = \"{{work_center}}\" or drop `device`")
            }
            RuleFault::KindAtLevel(kind, level) => {
                let (kind, level, belongs) = (kind.as_str(), level.as_str(), kind.level().as_str());
                write!(f, "rule {number}, key `kinds`: a {kind} is a {belongs}, not a {level}")
            }
            RuleFault::KindWithoutLevel(level) => {
                write!(f, "rule {number}, key `kinds`: no template of the rule names {{{}}}", level.as_str())
            }
            RuleFault::TooMany => write!(f, "rule {number}: there may be {RULES_MAX} rules in a list"),
        }
    }
}

impl std::error::Error for RuleError {}
