//! `GET /api/v1/placement?topic=…&metric=…`: which rule puts a source where it stands, why the others did not, and what may be
//! published there.
//!
//! The answer is that of the rules in force, whether anything has been published there or not.

use std::sync::{Arc, PoisonError};

use axum::extract::State;
use axum::http::Uri;
use axum::response::Response;
use factree_auth::{Area, Verb};
use factree_ingest::{Explanation, Governance, GoverningRule, PlacedBy, Placement, RuleSource};
use factree_namespace::{EquipmentKind, Level};
use serde::Serialize;
use utoipa::ToSchema;

use crate::caller::Caller;
use crate::openapi::shape;
use crate::problem::{Kind, Problem};
use crate::query::{Query, refused};
use crate::{App, answer, dto};

/// Where a source stands and why.
#[derive(Serialize, ToSchema)]
#[schema(as = Explanation)]
pub(crate) struct Body<'a> {
    topic: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    metric: Option<&'a str>,
    /// Where it stands; left out for what is not in the tree.
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<&'a str>,
    #[schema(value_type = shape::PlacedBy)]
    placed_by: &'static str,
    /// Which rule, counted from 1 in the order of the file.
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<usize>,
    /// Why it is not placed.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    levels: Vec<Step<'a>>,
    /// Up to and with the rule that matched.
    tried: Vec<Tried>,
    /// The operator's rules about what may be published there, if there are any.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    rules: Vec<Rule>,
}

/// A rule about what may be published there.
#[derive(Serialize, ToSchema)]
#[schema(as = GoverningRule)]
struct Rule {
    /// Which of `[[namespace.rule]]`, counted from 1 in the order of the file. This or one of the next two says where it stands
    /// in the configuration.
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<usize>,
    /// In which declared type.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    of_type: Option<String>,
    /// In which declared element.
    #[serde(skip_serializing_if = "Option::is_none")]
    element: Option<String>,
    name: String,
    /// What it asks for.
    text: String,
    /// Whether what breaks it is refused.
    enforce: bool,
}

/// A name on the way, from the top.
#[derive(Serialize, ToSchema)]
#[schema(as = PlacementStep)]
struct Step<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<shape::Level>)]
    level: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<shape::EquipmentKind>)]
    equipment: Option<&'static str>,
}

/// What a rule made of it.
#[derive(Serialize, ToSchema)]
#[schema(as = TriedRule)]
struct Tried {
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    template: Option<String>,
    matched: bool,
    /// Why it does not match.
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
}

/// The rules in force.
pub(crate) fn in_force(app: &App) -> Arc<Placement> {
    Arc::clone(app.ingest.lock().unwrap_or_else(PoisonError::into_inner).placement())
}

/// Which rule puts a topic where.
///
/// And why the others do not, by the rules in force.
#[utoipa::path(
    get, path = "/api/v1/placement", tag = "tree", operation_id = "explain_placement",
    params(
        ("topic" = String, Query, description = "A Sparkplug topic or a plain one, published to or not.", example =
            "spBv1.0/Acme:Dallas:Press/DDATA/Line1/Robot3"),
        ("metric" = Option<String>, Query, description = "A metric of it.", example = "Axis/1/Temperature"),
    ),
    responses(
        (status = 200, description = "Where it stands, and what each rule made of it.", body = Body<'static>),
        (status = 400, description = "bad-parameter"),
        (status = 403, description = "not-allowed"),
    )
)]
pub(crate) async fn explain(State(app): State<App>, caller: Caller, uri: Uri) -> Result<Response, Problem> {
    caller.manage(Verb::Read, Area::Conformance)?;
    let query = Query::parse(uri.query(), &["topic", "metric"])?;
    let Some(topic) = query.text("topic")? else {
        return Err(refused("topic", "say which with ?topic=, e.g. spBv1.0/Acme:Dallas/DDATA/Line1/Robot3"));
    };
    let metric = query.text("metric")?;
    let (placement, governance) = {
        let ingest = app.ingest.lock().unwrap_or_else(PoisonError::into_inner);
        (Arc::clone(ingest.placement()), Arc::clone(ingest.governance()))
    };
    let explained = placement.explain(&topic, metric.as_deref());
    let explained = explained.map_err(|why| Problem::new(Kind::BadParameter, why.to_string()).parameter("topic"))?;
    let body = body((&placement, &governance), &topic, metric.as_deref(), &explained);
    Ok(answer::json(dto::to_json(&body)))
}

fn body<'a>(
    (placement, governance): (&Placement, &Governance),
    topic: &'a str,
    metric: Option<&'a str>,
    it: &'a Explanation,
) -> Body<'a> {
    let by = it.place.as_ref().map(|place| place.by);
    let steps = it.place.iter().flat_map(|place| &place.steps);
    let template = |rule| placement.rule_text(it.is_sparkplug(), rule);
    Body {
        topic,
        metric,
        path: it.path.as_deref(),
        placed_by: match by {
            Some(PlacedBy::Default) => "default",
            Some(PlacedBy::Rule(_)) => "rule",
            Some(PlacedBy::Nothing) | None => "nothing",
        },
        rule: match by {
            Some(PlacedBy::Rule(rule)) => Some(rule + 1),
            Some(PlacedBy::Default | PlacedBy::Nothing) | None => None,
        },
        reason: it.reason(),
        levels: steps
            .map(|step| Step {
                name: &step.name,
                level: step.level.map(Level::as_str),
                equipment: step.kind.map(EquipmentKind::as_str),
            })
            .collect(),
        tried: it
            .tried
            .iter()
            .map(|tried| Tried {
                rule: tried.rule.map(|rule| rule + 1),
                template: tried.rule.map(template),
                matched: tried.outcome.is_ok(),
                why: tried.outcome.as_ref().err().map(ToString::to_string),
            })
            .collect(),
        rules: it
            .path
            .iter()
            .flat_map(|path| governance.about(path))
            .map(|GoverningRule { source, name, text, is_enforced }| {
                let (rule, of_type, element) = match source {
                    RuleSource::Rule(number) => (Some(number + 1), None, None),
                    RuleSource::Type(name) => (None, Some(name.clone()), None),
                    RuleSource::Element(path) => (None, None, Some(path.clone())),
                };
                Rule { rule, of_type, element, name: name.to_owned(), text: text.to_owned(), enforce: is_enforced }
            })
            .collect(),
    }
}
