//! `GET /api/v1/edge-nodes` and `/api/v1/edge-nodes/{group}/{edge_node}`: what Sparkplug says about who is alive.
//!
//! They lock [`Ingest`](factree_ingest::Ingest), copy reports out and write JSON after.
//! Invariant: no lock of the tree is held while that one is taken, since ingest takes them in the other order.

use std::sync::PoisonError;

use axum::extract::State;
use axum::http::Uri;
use axum::response::Response;
use factree_auth::{Area, Verb};
use factree_ingest::{EdgeNodeReport, Ingest, Liveness, MetricReport};

use crate::caller::Caller;
use crate::problem::{Kind, Problem, clipped};
use crate::query::{Query, cursor, refused};
use crate::wishes::Wishes;
use crate::{App, EDGE_NODES, behind, dto, path};

/// Edge Nodes in one page.
const NODES: PageSize = PageSize { default: 100, max: 1_000 };
/// Metrics of one Edge Node in one page.
const METRICS: PageSize = PageSize { default: 1_000, max: 10_000 };

/// How many come at once unless asked for otherwise, and at most.
pub(crate) struct PageSize {
    pub(crate) default: usize,
    pub(crate) max: usize,
}

/// All Edge Nodes.
///
/// By group and Edge Node id: who is alive, since when, what was counted.
#[utoipa::path(
    get, path = "/api/v1/edge-nodes", tag = "sparkplug", operation_id = "list_edge_nodes",
    params(
        ("online" = Option<bool>, Query, description = "Only those that are online, or only those that are not; all of them \
            if it is left out. One that waits for a message that is missing is online."),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 1000, description = "Edge Nodes in a page; 100 if it is \
            left out."),
        ("cursor" = Option<String>, Query, description = "The `next_cursor` of the page before."),
    ),
    responses(
        (status = 200, description = "A page of Edge Nodes.", body = dto::EdgeNodes<'static>),
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
    let query = Query::parse(uri.query(), &["online", "limit", "cursor"])?;
    let wanted = query.choice("online", &[("true", true), ("false", false)])?;
    let limit = query.number("limit", 1..=NODES.max, NODES.default)?;
    let after = query.cursor()?;
    let after = after.as_deref().map(|after| after.split_once('/').ok_or_else(foreign_cursor)).transpose()?;

    // One more than asked for tells whether there is a next page.
    let mut reports = match wanted {
        None => ask(&app, |ingest| ingest.edge_nodes(after, limit + 1)),
        Some(is_online) => those(&app, is_online, after, limit + 1),
    };
    let more = reports.len() > limit;
    reports.truncate(limit);
    let last = reports.last().filter(|_| more);
    let next_cursor = last.map(|last| cursor(&format!("{}/{}", last.group, last.edge_node)));
    let attachments = (app.attachments)();
    let edge_nodes = reports.iter().map(|report| dto::EdgeNode::of(report, &attachments, None)).collect();
    Ok(wishes.json(dto::to_json(&dto::EdgeNodes { edge_nodes, next_cursor })).await)
}

/// Some of those that are online, or of those that are not; ingest is let go between a thousand and the next.
fn those(app: &App, is_online: bool, after: Option<(&str, &str)>, wanted: usize) -> Vec<EdgeNodeReport> {
    let mut found = Vec::new();
    let mut last = after.map(|(group, edge_node)| (group.to_owned(), edge_node.to_owned()));
    loop {
        let after = last.as_ref().map(|(group, edge_node)| (group.as_str(), edge_node.as_str()));
        let reports = ask(app, |ingest| ingest.edge_nodes(after, NODES.max));
        last = reports.last().map(|report| (report.group.clone(), report.edge_node.clone()));
        let is_end = reports.len() < NODES.max;
        found.extend(reports.into_iter().filter(|report| is_alive(report) == is_online));
        found.truncate(wanted);
        if is_end || found.len() == wanted {
            return found;
        }
    }
}

fn is_alive(report: &EdgeNodeReport) -> bool {
    match report.liveness {
        Liveness::Online | Liveness::Reordering { .. } => true,
        Liveness::Restored | Liveness::Offline | Liveness::Unborn => false,
    }
}

/// One Edge Node.
///
/// With `metrics=true` also the metrics that its Births declared.
#[utoipa::path(
    get, path = "/api/v1/edge-nodes/{group}/{edge_node}", tag = "sparkplug", operation_id = "read_edge_node",
    params(
        ("group" = String, Path, description = "Its group id, percent-encoded.", example = "Acme:Dallas:Press"),
        ("edge_node" = String, Path, description = "Its Edge Node id, percent-encoded.", example = "Line1"),
        ("metrics" = Option<bool>, Query, description = "Whether to show the metrics that it declared."),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 10000, description = "Metrics in a page; 1,000 if it is \
            left out."),
        ("cursor" = Option<String>, Query, description = "The `next_cursor` of the page before."),
    ),
    responses(
        (status = 200, description = "The Edge Node.", body = dto::EdgeNode<'static>),
        (status = 304, description = "It is what you have."),
        (status = 400, description = "bad-path, bad-parameter"),
        (status = 403, description = "not-allowed"),
        (status = 404, description = "edge-node-not-found"),
    )
)]
pub(crate) async fn one(State(app): State<App>, caller: Caller, wishes: Wishes, uri: Uri) -> Result<Response, Problem> {
    caller.manage(Verb::Read, Area::Conformance)?;
    let query = Query::parse(uri.query(), &["metrics", "limit", "cursor"])?;
    let limit = query.number("limit", 1..=METRICS.max, METRICS.default)?;
    let after = query.cursor()?;
    // A device id holds no '/'; the cursor of a metric of the Edge Node itself begins with one.
    let after = after.as_deref().map(|after| after.split_once('/').ok_or_else(foreign_cursor)).transpose()?;
    let (group, edge_node) = named(&uri)?;

    let with_metrics = query.flag("metrics")?;
    let (report, metrics) = ask(&app, |ingest| {
        let metrics = if with_metrics { ingest.metrics(&group, &edge_node, after, limit + 1) } else { None };
        (ingest.edge_node(&group, &edge_node), metrics)
    });
    let report = report.ok_or_else(|| unknown(&group, &edge_node))?;
    let page = metrics.map(|metrics| page(metrics, limit));
    let attachments = (app.attachments)();
    Ok(wishes.json(dto::to_json(&dto::EdgeNode::of(&report, &attachments, page.as_ref()))).await)
}

/// The Edge Node that a URI names in the two segments behind `/edge-nodes/`.
pub(crate) fn named(uri: &Uri) -> Result<(String, String), Problem> {
    let mut names = behind(uri, EDGE_NODES).split('/').map(path::decode);
    let mut name = || names.next().expect("the route has two segments here");
    Ok((name()?, name()?))
}

/// Runs `question` under the lock. A panic in ingest is survivable, and so is its poison: the reports are still true of
/// what was applied before.
pub(crate) fn ask<T>(app: &App, question: impl FnOnce(&Ingest) -> T) -> T {
    question(&app.ingest.lock().unwrap_or_else(PoisonError::into_inner))
}

/// A page of metrics, of which one more was asked for, and the cursor of the page after it.
fn page(mut metrics: Vec<MetricReport>, limit: usize) -> (Vec<MetricReport>, Option<String>) {
    let more = metrics.len() > limit;
    metrics.truncate(limit);
    let key = |metric: &MetricReport| format!("{}/{}", metric.device.as_deref().unwrap_or_default(), metric.name);
    let next = metrics.last().filter(|_| more).map(|last| cursor(&key(last)));
    (metrics, next)
}

pub(crate) fn unknown(group: &str, edge_node: &str) -> Problem {
    let (group, edge_node) = (clipped(group), clipped(edge_node));
    let detail = format!("no Edge Node '{edge_node}' of group '{group}' is known");
    Problem::new(Kind::EdgeNodeNotFound, detail).ask([EDGE_NODES.to_owned()])
}

pub(crate) fn foreign_cursor() -> Problem {
    refused("cursor", "'cursor' is the next_cursor of another route")
}
