//! Findings and the conformance of an Edge Node, in JSON.
//!
//! # Finding
//!
//! ```json
//! { "tck_id": "tck-id-payloads-sequence-num-incrementing", "level": "MUST",
//!   "text": "seq goes up by one from message to message, 0 after 255.",
//!   "group": "Acme:Dallas:Press", "edge_node": "Line1", "device": "Robot3", "client_id": "press-gateway", "session": 12,
//!   "first": "2026-01-31T12:00:00.012Z", "last": "2026-01-31T12:07:31.114Z", "count": 17,
//!   "example": { "occasion": "DDATA", "topic": "spBv1.0/Acme:Dallas:Press/DDATA/Line1/Robot3", "expected": 4, "got": 6 } }
//! ```
//!
//! | member | |
//! |---|---|
//! | `tck_id` | the rule: an assertion of the specification, `factree-…` where it is ours, `governance-…` for an operator's, `json-invalid`, `json-collision` |
//! | `level` | `MUST`, `MUST NOT`, `SHOULD`, `SHOULD NOT`, `MAY` |
//! | `text` | what the rule asks for |
//! | `group`, `edge_node` | left out together if it is about no Edge Node that is known |
//! | `device` | if it is about a Device |
//! | `client_id` | the MQTT client whose message broke it, if that is known |
//! | `session` | the MQTT connection of the last one, as the log numbers it (`connection=`) |
//! | `first`, `last`, `count` | by our clock, since this process started |
//! | `refused` | how many of them were refused, if any were |
//! | `rule`, `path` | of what was published against an operator's rule: the name of that rule, and the element |
//! | `example` | the first one: `occasion` (`NBIRTH`, `DDATA` … or the MQTT packet that showed it), `topic`, `metric`, `value` and `why`, 256 bytes of each at most, `expected` and `got`, each if there is one; but for `occasion`, `topic` and `metric` left out for who may not read the element, or that of the Edge Node |
//!
//! Pages are `{"findings":[…],"entries":…,"dropped":…,"next_cursor":…}`. `entries` is how many are remembered in all, and
//! `dropped` how many are no longer, because there was no room.
//!
//! # Conformance
//!
//! `{"group","edge_node","state","client_id","since","summary":{"violated","must_violated","observed","not_observed",
//! "not_visible"},"rules":[{"tck_id","level","text","verdict","reason","same_as":[ids],"findings":[…]}]}`
//!
//! | `verdict` | |
//! |---|---|
//! | `violated` | it was broken; `findings` are entries, ten at most, and none if they have been dropped since |
//! | `observed` | what the rule is about was seen, and nothing was found |
//! | `not_observed` | nothing of the kind has been seen, or nothing tells whether it was |
//! | `not_visible` | a breach could not be seen; `reason` says why |
//!
//! Where several assertions say the same, `same_as` names those that a breach is reported under, and the verdict is theirs.
//! `must_violated` counts the violated rules that are a MUST or a MUST NOT, those with `same_as` left out, as in no count a
//! breach is to be found twice.

use factree_ingest::{ConformanceReport, Example, FindingReport, LedgerStats, Level, RuleReport, Verdict};
use serde::Serialize;
use utoipa::ToSchema;

use super::{Exact, Rfc3339, state};

/// A page of findings.
#[derive(Serialize, ToSchema)]
pub(crate) struct Findings<'a> {
    findings: Vec<Finding<'a>>,
    /// How many are remembered in all.
    entries: u64,
    /// How many are no longer, because there was no room.
    dropped: u64,
    /// Where the next page begins; left out with the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

impl<'a> Findings<'a> {
    /// Each with whether its values may be seen.
    pub(crate) fn of(
        reports: &'a [(FindingReport, bool)],
        stats: [LedgerStats; 2],
        next_cursor: Option<String>,
    ) -> Self {
        let entries = stats.iter().map(|stats| stats.entries).sum();
        let dropped = stats.iter().map(|stats| stats.dropped).sum();
        let findings = reports.iter().map(|(report, with_values)| Finding::of(report, *with_values)).collect();
        Findings { findings, entries, dropped, next_cursor }
    }
}

/// Findings that are alike.
#[derive(Serialize, ToSchema)]
struct Finding<'a> {
    /// The rule: an assertion of the specification, `factree-…` where it is ours, `governance-…` where it is the operator's.
    #[schema(example = "tck-id-payloads-sequence-num-incrementing")]
    tck_id: &'a str,
    #[schema(value_type = crate::openapi::shape::RuleLevel)]
    level: &'static str,
    /// What the rule asks for.
    text: &'a str,
    /// Left out, with `edge_node`, if it is about no Edge Node that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    group: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    edge_node: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    device: Option<&'a str>,
    /// The MQTT client whose message broke it, if that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    client_id: Option<&'a str>,
    /// The MQTT connection of the last one, as the log numbers it.
    session: Exact,
    /// By our clock.
    first: Rfc3339,
    /// By our clock.
    last: Rfc3339,
    /// Since this process started.
    count: Exact,
    /// Messages among them that were refused because of it; left out if there were none.
    #[serde(skip_serializing_if = "Option::is_none")]
    refused: Option<Exact>,
    /// Which of the operator's rules.
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<&'a str>,
    /// The element that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<&'a str>,
    example: FindingExample<'a>,
}

impl<'a> Finding<'a> {
    fn of(report: &'a FindingReport, with_values: bool) -> Self {
        Finding {
            tck_id: report.tck_id,
            level: report.level.as_str(),
            text: report.text,
            group: report.group.as_deref(),
            edge_node: report.edge_node.as_deref(),
            device: report.device.as_deref(),
            client_id: report.client_id.as_deref(),
            session: Exact(report.session),
            first: Rfc3339(report.first),
            last: Rfc3339(report.last),
            count: Exact(report.count),
            refused: (report.refused > 0).then_some(Exact(report.refused)),
            rule: report.rule.as_deref(),
            path: report.path.as_deref(),
            example: FindingExample::of(&report.example, with_values),
        }
    }
}

/// What the first of them looked like.
#[derive(Serialize, ToSchema)]
struct FindingExample<'a> {
    /// The kind of message, as `DDATA`, or the MQTT packet that showed it.
    #[schema(example = "DDATA")]
    occasion: &'static str,
    /// At most 256 bytes of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    topic: Option<&'a str>,
    /// At most 256 bytes of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    metric: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expected: Option<Exact>,
    #[serde(skip_serializing_if = "Option::is_none")]
    got: Option<Exact>,
    /// What was said there, at most 256 bytes of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<&'a str>,
    /// What is wrong with it, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<&'a str>,
}

impl<'a> FindingExample<'a> {
    fn of(Example { occasion, topic, metric, expected_got, value, why }: &'a Example, with_values: bool) -> Self {
        let (expected, got) = expected_got.filter(|_| with_values).unzip();
        FindingExample {
            occasion,
            topic: topic.as_deref(),
            metric: metric.as_deref(),
            expected: expected.map(Exact),
            got: got.map(Exact),
            value: value.as_deref().filter(|_| with_values),
            why: why.as_deref().filter(|_| with_values),
        }
    }
}

/// One Edge Node held against the rules.
#[derive(Serialize, ToSchema)]
pub(crate) struct Conformance<'a> {
    group: &'a str,
    edge_node: &'a str,
    #[schema(value_type = crate::openapi::shape::EdgeNodeState)]
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_id: Option<&'a str>,
    /// Since when it is watched, by our clock.
    since: Rfc3339,
    summary: ConformanceSummary,
    rules: Vec<JudgedRule<'a>>,
}

impl<'a> Conformance<'a> {
    pub(crate) fn of(report: &'a ConformanceReport, with_values: bool) -> Self {
        Conformance {
            group: &report.group,
            edge_node: &report.edge_node,
            state: state(report.liveness),
            client_id: report.client_id.as_deref(),
            since: Rfc3339(report.since),
            summary: ConformanceSummary::of(&report.rules),
            rules: report.rules.iter().map(|rule| JudgedRule::of(rule, with_values)).collect(),
        }
    }
}

/// How many rules came out how, those that are reported under others left out.
#[derive(Default, Serialize, ToSchema)]
struct ConformanceSummary {
    violated: usize,
    /// Of these, a MUST or a MUST NOT.
    must_violated: usize,
    observed: usize,
    not_observed: usize,
    not_visible: usize,
}

impl ConformanceSummary {
    fn of(rules: &[RuleReport]) -> Self {
        let mut summary = ConformanceSummary::default();
        for rule in rules.iter().filter(|rule| rule.same_as.is_empty()) {
            match rule.verdict {
                Verdict::Violated => {
                    summary.violated += 1;
                    summary.must_violated += usize::from(matches!(rule.level, Level::Must | Level::MustNot));
                }
                Verdict::Observed => summary.observed += 1,
                Verdict::NotObserved => summary.not_observed += 1,
                Verdict::NotVisible { .. } => summary.not_visible += 1,
            }
        }
        summary
    }
}

/// One rule.
#[derive(Serialize, ToSchema)]
struct JudgedRule<'a> {
    tck_id: &'a str,
    #[schema(value_type = crate::openapi::shape::RuleLevel)]
    level: &'static str,
    /// What the rule asks for.
    text: &'a str,
    #[schema(value_type = crate::openapi::shape::RuleVerdict)]
    verdict: &'static str,
    /// With `not_visible`: why.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    /// The rules that a breach of this one is reported under.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    #[schema(required = false)]
    same_as: &'a [&'a str],
    /// With `violated`: ten at most, and none if they have been dropped since.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    findings: Vec<Finding<'a>>,
}

impl<'a> JudgedRule<'a> {
    fn of(report: &'a RuleReport, with_values: bool) -> Self {
        let (verdict, reason) = match &report.verdict {
            Verdict::Violated => ("violated", None),
            Verdict::Observed => ("observed", None),
            Verdict::NotObserved => ("not_observed", None),
            Verdict::NotVisible { reason } => ("not_visible", Some(reason.as_ref())),
        };
        JudgedRule {
            tck_id: report.tck_id,
            level: report.level.as_str(),
            text: report.text,
            verdict,
            reason,
            same_as: report.same_as,
            findings: report.findings.iter().map(|finding| Finding::of(finding, with_values)).collect(),
        }
    }
}
