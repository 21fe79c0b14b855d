//! What the API answers, as far as a report needs it.
//!
//! Members that are not named here are passed over, so a newer Factree may say more.

use serde::{Deserialize, Deserializer};

/// A page of findings, or all of them.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Findings {
    pub(super) findings: Vec<Finding>,
    pub(super) entries: u64,
    pub(super) dropped: u64,
    pub(super) next_cursor: Option<String>,
}

/// Findings that are alike.
#[derive(Debug, Deserialize)]
pub(super) struct Finding {
    pub(super) tck_id: String,
    pub(super) level: String,
    pub(super) text: String,
    pub(super) group: Option<String>,
    pub(super) edge_node: Option<String>,
    pub(super) device: Option<String>,
    pub(super) client_id: Option<String>,
    pub(super) first: String,
    pub(super) last: String,
    #[serde(deserialize_with = "exact")]
    pub(super) count: u64,
    pub(super) example: Example,
}

impl Finding {
    /// Whether the rule is a MUST or a MUST NOT.
    pub(super) fn is_must(&self) -> bool {
        self.level.starts_with("MUST")
    }
}

/// What one of them looked like.
#[derive(Debug, Deserialize)]
pub(super) struct Example {
    pub(super) occasion: String,
    pub(super) topic: Option<String>,
    pub(super) metric: Option<String>,
    #[serde(default, deserialize_with = "some_exact")]
    pub(super) expected: Option<u64>,
    #[serde(default, deserialize_with = "some_exact")]
    pub(super) got: Option<u64>,
    pub(super) why: Option<String>,
}

/// A page of Edge Nodes, which are only counted.
#[derive(Debug, Deserialize)]
pub(super) struct EdgeNodes {
    pub(super) edge_nodes: Vec<serde::de::IgnoredAny>,
    pub(super) next_cursor: Option<String>,
}

/// One Edge Node against every rule.
#[derive(Debug, Deserialize)]
pub(super) struct Conformance {
    pub(super) group: String,
    pub(super) edge_node: String,
    pub(super) state: String,
    pub(super) client_id: Option<String>,
    pub(super) since: String,
    pub(super) summary: Summary,
    pub(super) rules: Vec<Judged>,
}

/// How many rules came out how.
#[derive(Debug, Deserialize)]
pub(super) struct Summary {
    pub(super) violated: u64,
    pub(super) must_violated: u64,
    pub(super) observed: u64,
    pub(super) not_observed: u64,
    pub(super) not_visible: u64,
}

/// One rule.
#[derive(Debug, Deserialize)]
pub(super) struct Judged {
    pub(super) tck_id: String,
    pub(super) level: String,
    pub(super) text: String,
    pub(super) verdict: String,
    #[serde(default)]
    pub(super) same_as: Vec<String>,
    #[serde(default)]
    pub(super) findings: Vec<Finding>,
}

/// Beyond 2^53 the API writes a number as its digits in a string.
fn exact<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Exact {
        Number(u64),
        Digits(String),
    }
    match Exact::deserialize(deserializer)? {
        Exact::Number(number) => Ok(number),
        Exact::Digits(digits) => digits.parse().map_err(serde::de::Error::custom),
    }
}

fn some_exact<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    exact(deserializer).map(Some)
}
