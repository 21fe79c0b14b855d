//! `POST /api/v1/access/explain`: why somebody may do something, or may not.
//!
//! The verdict is the evaluator's own; what stands beside it are the rules that had something to do with it.
//! Invariant: about others only who may read the area `access` learns anything.

use axum::extract::{Request, State};
use axum::response::Response;
use factree_auth::access::{Explanation, Source};
use factree_auth::{Access, Area, Decision, Fill, Role, Target, Verb, Verbs};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Desk, body, users};
use crate::caller::Caller;
use crate::doorway::read;
use crate::problem::{Kind, Problem, clipped};
use crate::{answer, dto};

/// What is asked.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Explain, example = json!({"verb": "command", "element": "Acme/Dallas/Paint/Line1/Oven1/Zone/1/SetPoint"}))]
struct Asked {
    /// `read`, `write`, `command` or `admin`.
    verb: String,
    /// Publishing to this topic, or a delivery from it.
    topic: Option<String>,
    /// A subscription with this topic filter.
    filter: Option<String>,
    /// An element of the tree, by its path.
    element: Option<String>,
    /// All elements that a filter means.
    elements: Option<String>,
    /// `access`, `audit`, `clients`, `config`, `conformance` or `metrics`.
    area: Option<String>,
    /// Which user; who asks, if it is left out.
    user: Option<String>,
    /// What `{client_id}` is to stand for.
    client_id: Option<String>,
}

/// A rule that had something to do with it.
#[derive(Serialize, ToSchema)]
#[schema(as = ExplainedRule)]
struct Rule {
    /// The role it is in.
    role: String,
    /// The grant or pin as it is written.
    rule: String,
    /// What it became, if there was something to put in.
    #[serde(skip_serializing_if = "Option::is_none")]
    filled: Option<String>,
    /// Why it gives nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    unfit: Option<String>,
}

impl Rule {
    fn all(sources: Vec<Source>) -> Vec<Rule> {
        let rule = |Source { role, rule, filled, unfit }| Rule {
            role: role.to_string(),
            rule,
            filled,
            unfit: unfit.map(|unfit| unfit.to_string()),
        };
        sources.into_iter().map(rule).collect()
    }
}

/// Whether it may be done, and why.
#[derive(Serialize, ToSchema)]
#[schema(as = Explained)]
pub(crate) struct Explained {
    allowed: bool,
    /// The verb that was needed: publishing needs that of the message.
    verb: &'static str,
    /// The same in words.
    text: String,
    /// Grants that give the verb there; for a filter, for a part of it at least.
    grants: Vec<Rule>,
    /// Grants that might, could they be filled.
    unfit: Vec<Rule>,
    /// Pins that were held against it.
    pins: Vec<Rule>,
}

/// Why may he, or why not?
///
/// Whether somebody may do something, by which roles, grants and pins. About oneself, or with the area `access` about any
/// user. The body is at most 16 KiB.
#[utoipa::path(
    post, path = "/api/v1/access/explain", tag = "access", operation_id = "explain_access",
    request_body(content = Asked),
    responses(
        (status = 200, description = "Whether, and why.", body = Explained),
        (status = 400, description = "bad-parameter, bad-body"),
        (status = 403, description = "not-allowed"),
        (status = 404, description = "user-not-found"),
        (status = 409, description = "no-logins"),
        (status = 413, description = "body-too-large"),
        (status = 422, description = "unacceptable"),
    )
)]
pub(crate) async fn explain(State(desk): State<Desk>, request: Request) -> Result<Response, Problem> {
    let caller = Caller::of_request(request.extensions())?;
    let asked: Asked = body(request).await?;
    let bad = |why: String| Problem::new(Kind::Unacceptable, why);
    let Asked { topic, filter, element, elements, area, .. } = &asked;
    let verb = Verb::parse(&asked.verb).ok_or_else(|| bad(format!("'{}' is no verb", clipped(&asked.verb))))?;
    let target = match (topic, filter, element, elements, area) {
        (Some(topic), None, None, None, None) => Target::topic(topic).map_err(|why| bad(format!("topic: {why}")))?,
        (None, Some(filter), None, None, None) => {
            Target::filter(filter).map_err(|why| bad(format!("filter: {why}")))?
        }
        (None, None, Some(path), None, None) => Target::Element(path),
        (None, None, None, Some(filter), None) => {
            Target::elements(filter).map_err(|why| bad(format!("elements: {why}")))?
        }
        (None, None, None, None, Some(area)) => {
            Target::Area(Area::parse(area).ok_or_else(|| bad(format!("'{}' is no area", clipped(area))))?)
        }
        _ => return Err(bad("say one of topic, filter, element, elements and area".to_owned())),
    };
    let explanation = match (&asked.user, &asked.client_id) {
        (None, None) => caller.access().explain(verb, target),
        (user, client_id) => {
            let access = other(&desk, &caller, user.as_deref(), client_id.as_deref())?;
            access.explain(verb, target)
        }
    };
    let text = explanation.to_string();
    let Explanation { verb, decision, grants, unfit, pins } = explanation;
    let explained = Explained {
        allowed: decision == Decision::Allowed,
        verb: verb.as_str(),
        text,
        grants: Rule::all(grants),
        unfit: Rule::all(unfit),
        pins: Rule::all(pins),
    };
    Ok(answer::json(dto::to_json(&explained)))
}

/// What a user may do in an MQTT session of this client id.
fn other(desk: &Desk, caller: &Caller, user: Option<&str>, client_id: Option<&str>) -> Result<Access, Problem> {
    let own = caller.principal().name().map(factree_auth::Name::as_str);
    let Some(user) = user.filter(|user| Some(*user) != own) else {
        let fill = Fill { client_id, username: own };
        return Ok(Access::compile(caller.access().roles(), fill, caller.access().mask()));
    };
    let authority = desk.managed(caller, Verb::Read)?;
    let name = users::known(authority, user)?;
    let roles: Vec<Role> = read(authority, |directory| {
        let user = directory.user(name.as_str());
        user.iter().flat_map(|user| &user.roles).filter_map(|role| directory.role(role.as_str())).cloned().collect()
    });
    Ok(Access::compile(&roles, Fill { client_id, username: Some(name.as_str()) }, Verbs::ALL))
}
