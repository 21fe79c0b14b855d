//! `POST /api/v1/placement/try`: what one more placement rule would do to the Edge Nodes that are known.
//!
//! The rule is put among those in force, and every Edge Node and Device is placed twice, by those and by these; what differs
//! is told. Nothing is changed by it. A plant that has lived without rules learns so before it finds everything under
//! `_unplaced`, since the first rule ends the default.
//! Invariant: it places as a Birth would, by the same code.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::body::to_bytes;
use axum::extract::{Request, State};
use axum::response::Response;
use factree_auth::{Area, Verb};
use factree_ingest::{EdgeNodeReport, Place, PlacedBy, Placement, SparkplugRuleText};
use factree_namespace::{EquipmentKind, Level};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::caller::Caller;
use crate::problem::{Kind, Problem, clipped};
use crate::query::Query;
use crate::{App, answer, dto, edge_nodes, placement};

/// A larger body is refused; a template is some hundred letters.
const BODY_BYTES_MAX: usize = 16 << 10;
/// Changes that are told one by one; beyond them they are counted.
const CHANGES_MAX: usize = 500;
/// Edge Nodes whose reports are copied under one lock.
const REPORTS_AT_ONCE: usize = 1_000;

/// A rule as `[[namespace.sparkplug]]` would have it, and where.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = RuleTrial, example = json!({
    "rule": { "group": "{enterprise}_{site}", "node": "{work_center}", "device": "{work_unit}" }
}))]
pub(crate) struct Wanted {
    rule: Rule,
    /// Which rule it would be, counted from 1; the last if it is left out.
    #[schema(minimum = 1)]
    at: Option<usize>,
}

/// The templates of a rule.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = TrialRule)]
pub(crate) struct Rule {
    /// Template of the group id.
    group: String,
    /// Template of the Edge Node id.
    node: Option<String>,
    /// Template of the Device id.
    device: Option<String>,
    /// The finer kind of what stands at a level, as `{"work_center": "production_line"}`.
    #[serde(default)]
    #[schema(required = false)]
    kinds: BTreeMap<String, String>,
}

/// What it would do.
#[derive(Serialize, ToSchema)]
#[schema(as = Trial)]
pub(crate) struct Body {
    /// Edge Nodes and Devices that are known.
    sources: usize,
    /// Those that have no place and would have one.
    placed: usize,
    /// Those that would stand elsewhere.
    moved: usize,
    /// Those that have a place and would have none.
    unplaced: usize,
    /// There are no rules yet, so everything stands by the default, which the first rule ends.
    ends_the_default: bool,
    /// Each of them, by group, Edge Node and Device; 500 at most.
    changes: Vec<Change>,
}

/// What would become of one of them.
#[derive(Serialize, ToSchema)]
#[schema(as = TrialChange)]
struct Change {
    group: String,
    edge_node: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    device: Option<String>,
    /// Where it stands by the rules in force.
    from: String,
    /// Where it would stand.
    to: String,
    becomes: Becomes,
}

/// In which way its place would change.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = TrialBecomes)]
enum Becomes {
    /// It has none, and would have one.
    Placed,
    /// It would have another.
    Moved,
    /// It would have none any more.
    Unplaced,
}

/// Try a placement rule.
///
/// What one more rule for Sparkplug would do to all that is known, without doing it. The body is at most 16 KiB.
#[utoipa::path(
    post, path = "/api/v1/placement/try", tag = "tree", operation_id = "try_placement_rule",
    request_body(content = Wanted),
    responses(
        (status = 200, description = "What it would do.", body = Body),
        (status = 400, description = "bad-body, bad-parameter"),
        (status = 403, description = "not-allowed"),
        (status = 413, description = "body-too-large"),
        (status = 422, description = "configuration-refused"),
    )
)]
pub(crate) async fn attempt(State(app): State<App>, caller: Caller, request: Request) -> Result<Response, Problem> {
    caller.manage(Verb::Read, Area::Conformance)?;
    let (head, body) = request.into_parts();
    Query::parse(head.uri.query(), &[])?;
    let body = to_bytes(body, BODY_BYTES_MAX).await.map_err(|_| {
        let detail = format!("the body is larger than {BODY_BYTES_MAX} bytes, or did not arrive whole");
        Problem::new(Kind::BodyTooLarge, detail)
    })?;
    let Wanted { rule, at } = parse(&body)?;
    let now = placement::in_force(&app);
    let at = at.map_or(usize::MAX, |at| at.saturating_sub(1));
    let then = now
        .with_sparkplug_rule(at, &text(rule)?)
        .map_err(|why| Problem::new(Kind::ConfigurationRefused, why.to_string()))?;
    let mut told = Body {
        sources: 0,
        placed: 0,
        moved: 0,
        unplaced: 0,
        ends_the_default: now.sparkplug_rules_len() == 0,
        changes: Vec::new(),
    };
    each_edge_node(&app, |node| {
        let devices = node.devices.iter().map(|device| Some(device.device.as_str()));
        for device in std::iter::once(None).chain(devices) {
            told.hold((&now, &then), node, device);
        }
    });
    Ok(answer::json(dto::to_json(&told)))
}

impl Body {
    fn hold(&mut self, (now, then): (&Arc<Placement>, &Placement), node: &EdgeNodeReport, device: Option<&str>) {
        let place = |rules: &Placement| rules.place_sparkplug(&node.group, &node.edge_node, device);
        let (from, to) = (place(now), place(then));
        self.sources += 1;
        let has_place = |place: &Place| place.by != PlacedBy::Nothing;
        let becomes = match (has_place(&from), has_place(&to)) {
            (false, true) => Becomes::Placed,
            (true, false) => Becomes::Unplaced,
            (true, true) if from.steps != to.steps => Becomes::Moved,
            (true, true) | (false, false) => return,
        };
        *match becomes {
            Becomes::Placed => &mut self.placed,
            Becomes::Moved => &mut self.moved,
            Becomes::Unplaced => &mut self.unplaced,
        } += 1;
        if self.changes.len() < CHANGES_MAX {
            self.changes.push(Change {
                group: node.group.clone(),
                edge_node: node.edge_node.clone(),
                device: device.map(str::to_owned),
                from: from.path(),
                to: to.path(),
                becomes,
            });
        }
    }
}

/// Hands over every Edge Node that is known; ingest is let go between some and the next.
fn each_edge_node(app: &App, mut hand_over: impl FnMut(&EdgeNodeReport)) {
    let mut last: Option<(String, String)> = None;
    loop {
        let after = last.as_ref().map(|(group, edge_node)| (group.as_str(), edge_node.as_str()));
        let reports = edge_nodes::ask(app, |ingest| ingest.edge_nodes(after, REPORTS_AT_ONCE));
        reports.iter().for_each(&mut hand_over);
        match reports.last() {
            Some(report) if reports.len() == REPORTS_AT_ONCE => {
                last = Some((report.group.clone(), report.edge_node.clone()));
            }
            Some(_) | None => return,
        }
    }
}

fn parse(body: &[u8]) -> Result<Wanted, Problem> {
    let refused = |why: &str| {
        let detail =
            format!("the body is {{\"rule\": {{\"group\": …}}}} in JSON, with \"at\" if wanted: {}", clipped(why));
        Problem::new(Kind::BadBody, detail)
    };
    // To serde `[5]` is a struct as well.
    if !body.trim_ascii_start().starts_with(b"{") {
        return Err(refused("it is no object"));
    }
    serde_json::from_slice(body).map_err(|why| refused(&why.to_string()))
}

fn text(Rule { group, node, device, kinds }: Rule) -> Result<SparkplugRuleText, Problem> {
    let kind = |(level, kind): (&String, &String)| Some((Level::parse(level)?, EquipmentKind::parse(kind)?));
    let read = kinds.iter().map(|it| {
        kind(it).ok_or_else(|| {
            let detail =
                format!("kinds: '{} = {}' is no finer kind at a level of ISA-95", clipped(it.0), clipped(it.1));
            Problem::new(Kind::ConfigurationRefused, detail)
        })
    });
    Ok(SparkplugRuleText {
        group,
        node,
        device,
        kinds: read.collect::<Result<_, _>>()?,
        ..SparkplugRuleText::default()
    })
}
