//! `GET /api/v1/findings` and `/api/v1/edge-nodes/{group}/{edge_node}/conformance`: which rules were broken, Sparkplug's and the
//! operator's, by whom, how often; and how one Edge Node stands to all of Sparkplug's.
//!
//! They lock [`Ingest`](factree_ingest::Ingest), copy a report out and write JSON after.
//! Who may read the element that something was found about, or that of its Edge Node, sees what was said there; everybody else that it
//! was found.
//! Knows no rule. Invariant: a cursor holds a place in the order, so what stays remembered comes exactly once.

use std::collections::HashMap;

use axum::extract::State;
use axum::http::Uri;
use axum::response::Response;
use factree_auth::{Area, Verb};
use factree_ingest::{FindingPlace, FindingQuery, FindingReport, FindingSubject, Level};

use crate::caller::Caller;
use crate::dto::{Conformance, Findings};
use crate::edge_nodes::{PageSize, ask, foreign_cursor};
use crate::problem::Problem;
use crate::query::{Query, cursor};
use crate::wishes::Wishes;
use crate::{App, RESPONSE_BYTES_MAX, dto, edge_nodes};

/// Findings in one page.
const FINDINGS: PageSize = PageSize { default: 100, max: 1_000 };
/// The levels that can be asked for; each stands for its negation as well.
const LEVELS: &[(&str, Level)] = &[("must", Level::Must), ("should", Level::Should), ("may", Level::May)];
/// What can be asked about.
const SUBJECTS: &[(&str, FindingSubject)] =
    &[("sparkplug", FindingSubject::Sparkplug), ("values", FindingSubject::Values)];

/// What breaks the rules.
///
/// Sparkplug's, and the operator's about values. Each entry is what is alike: rule, Edge Node or Device or path, client id.
/// Counted since this process started.
#[utoipa::path(
    get, path = "/api/v1/findings", tag = "sparkplug", operation_id = "list_findings",
    params(
        ("about" = Option<String>, Query, description = "`sparkplug`: how messages keep to the specification; `values`: \
            what they say, held against the operator's rules. Both if it is left out.", example = "sparkplug"),
        ("tck_id" = Option<String>, Query, description = "Of this rule.", example =
            "tck-id-payloads-sequence-num-incrementing"),
        ("group" = Option<String>, Query, description = "Of Edge Nodes of this group."),
        ("edge_node" = Option<String>, Query, description = "Of Edge Nodes of this id."),
        ("client" = Option<String>, Query, description = "Of this MQTT client id."),
        ("level" = Option<String>, Query, description = "`must`, `should` or `may`; each stands for its negation as \
            well.", example = "must"),
        ("since" = Option<String>, Query, description = "Seen at this time [RFC 3339] or later.", example =
            "2026-01-31T12:00:00Z"),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 1000, description = "Findings in a page; 100 if it is \
            left out."),
        ("cursor" = Option<String>, Query, description = "The `next_cursor` of the page before."),
    ),
    responses(
        (status = 200, description = "A page of findings, by group, Edge Node, Device, rule, client and path.", body =
            dto::Findings<'static>),
        (status = 304, description = "It is what you have."),
        (status = 400, description = "bad-parameter"),
        (status = 403, description = "not-allowed"),
    )
)]
pub(crate) async fn list(
    State(app): State<App>,
    caller: Caller,
    wishes: Wishes,
    uri: Uri,
) -> Result<Response, Problem> {
    caller.manage(Verb::Read, Area::Conformance)?;
    const ACCEPTED: &[&str] = &["about", "tck_id", "group", "edge_node", "client", "level", "since", "limit", "cursor"];
    let query = Query::parse(uri.query(), ACCEPTED)?;
    let limit = query.number("limit", 1..=FINDINGS.max, FINDINGS.default)?;
    let wanted = FindingQuery {
        subject: query.choice("about", SUBJECTS)?,
        tck_id: query.text("tck_id")?,
        group: query.text("group")?,
        edge_node: query.text("edge_node")?,
        client_id: query.text("client")?,
        level: query.choice("level", LEVELS)?,
        since: query.time("since")?,
        after: query.cursor()?.map(|after| place(&after)).transpose()?,
    };
    // One more than asked for tells whether there is a next page.
    let (mut reports, stats) =
        ask(&app, |ingest| (ingest.findings(&wanted, limit + 1), [ingest.ledger(), ingest.deviations()]));
    let fitting = fitting(&reports).min(limit);
    let more = reports.len() > fitting;
    reports.truncate(fitting);
    let next_cursor = reports.last().filter(|_| more).map(|last| cursor(&text(last)));
    let reports = judged(&app, &caller, reports);
    Ok(wishes.json(dto::to_json(&Findings::of(&reports, stats, next_cursor))).await)
}

/// Each with whether the caller may see what was said there.
fn judged(app: &App, caller: &Caller, reports: Vec<FindingReport>) -> Vec<(FindingReport, bool)> {
    let mut nodes: HashMap<(String, String), bool> = HashMap::new();
    let may_see = |report: &FindingReport| match (&report.path, &report.group, &report.edge_node) {
        _ if caller.bounds().is_none() => true,
        (Some(path), ..) => caller.may_read(path),
        (None, Some(group), Some(edge_node)) => {
            let known = nodes.entry((group.clone(), edge_node.clone()));
            *known.or_insert_with(|| may_see_edge_node(app, caller, group, edge_node))
        }
        // Of something that has no place in the tree.
        (None, ..) => false,
    };
    let seen: Vec<bool> = reports.iter().map(may_see).collect();
    reports.into_iter().zip(seen).collect()
}

/// Whether the caller may read the element where an Edge Node stands.
fn may_see_edge_node(app: &App, caller: &Caller, group: &str, edge_node: &str) -> bool {
    caller.bounds().is_none()
        || ask(app, |ingest| ingest.edge_node(group, edge_node))
            .and_then(|report| report.path)
            .is_some_and(|path| caller.may_read(&path))
}

/// How many of them fit a response, one at least: names may be as long as topics.
fn fitting(reports: &[FindingReport]) -> usize {
    /// What a finding takes besides the names of others.
    const FIXED: usize = 2_500;
    let len = |name: &Option<String>| name.as_ref().map_or(0, String::len);
    let mut bytes = 0;
    let fits = |report: &&FindingReport| {
        let FindingReport { group, edge_node, device, client_id, path, .. } = report;
        let is_first = bytes == 0;
        bytes += FIXED + [group, edge_node, device, client_id, path].map(len).iter().sum::<usize>();
        is_first || bytes <= RESPONSE_BYTES_MAX
    };
    reports.iter().take_while(fits).count()
}

/// One Edge Node held against every rule.
///
/// Which rules of Sparkplug it has broken, which it was seen to keep, and of which nothing can be said.
#[utoipa::path(
    get, path = "/api/v1/edge-nodes/{group}/{edge_node}/conformance", tag = "sparkplug", operation_id = "read_conformance",
    params(
        ("group" = String, Path, description = "Its group id, percent-encoded.", example = "Acme:Dallas:Press"),
        ("edge_node" = String, Path, description = "Its Edge Node id, percent-encoded.", example = "Line1"),
    ),
    responses(
        (status = 200, description = "Every rule with its verdict.", body = dto::Conformance<'static>),
        (status = 304, description = "It is what you have."),
        (status = 400, description = "bad-path, bad-parameter"),
        (status = 403, description = "not-allowed"),
        (status = 404, description = "edge-node-not-found"),
    )
)]
pub(crate) async fn conformance(
    State(app): State<App>,
    caller: Caller,
    wishes: Wishes,
    uri: Uri,
) -> Result<Response, Problem> {
    caller.manage(Verb::Read, Area::Conformance)?;
    Query::parse(uri.query(), &[])?;
    let (group, edge_node) = edge_nodes::named(&uri)?;
    let report = ask(&app, |ingest| ingest.conformance(&group, &edge_node));
    let report = report.ok_or_else(|| edge_nodes::unknown(&group, &edge_node))?;
    let with_values = may_see_edge_node(&app, &caller, &group, &edge_node);
    Ok(wishes.json(dto::to_json(&Conformance::of(&report, with_values))).await)
}

fn text(finding: &FindingReport) -> String {
    let FindingPlace { group, edge_node, device, tck_id, client_id, path, rule } = finding.place();
    serde_json::Value::from(vec![group, edge_node, device, tck_id, client_id, path, rule]).to_string()
}

fn place(cursor: &str) -> Result<FindingPlace, Problem> {
    let names: [String; 7] = serde_json::from_str(cursor).map_err(|_| foreign_cursor())?;
    let [group, edge_node, device, tck_id, client_id, path, rule] = names;
    Ok(FindingPlace { group, edge_node, device, tck_id, client_id, path, rule })
}
