//! `/api/v1/roles`: named sets of grants and pins.
//!
//! Invariant: a role that is built in or in the configuration file is shown and never changed here.

use axum::extract::{Request, State};
use axum::http::Uri;
use axum::response::Response;
use factree_auth::directory::Command;
use factree_auth::{Grant, Pin, Role, RoleError, Verb};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Desk, ROLES, body_of, done, name};
use crate::caller::Caller;
use crate::doorway::read;
use crate::problem::{Kind, Problem, clipped};
use crate::query::Query;
use crate::{answer, behind, dto, path};

/// A larger body is refused. It holds thousands of grants.
const ROLE_BYTES_MAX: usize = 1 << 20;

/// A named set of grants and pins.
#[derive(Serialize, ToSchema)]
#[schema(as = Role)]
pub(crate) struct Shown {
    #[schema(example = "press-operator")]
    name: String,
    /// What its holders may do.
    #[schema(example = json!(["read tree:Acme/Dallas/Press/#", "command tree:Acme/Dallas/Press/#"]))]
    grants: Vec<String>,
    /// As whom alone its holders may speak.
    pins: Vec<String>,
    /// It is built in or in the configuration file, and not changed here.
    fixed: bool,
    /// Users who have it.
    holders_count: usize,
}

/// All roles.
#[derive(Serialize, ToSchema)]
#[schema(as = Roles)]
pub(crate) struct List {
    roles: Vec<Shown>,
}

/// The roles.
///
/// Those that are built in, those of the configuration file and those made by command, by name.
#[utoipa::path(
    get, path = "/api/v1/roles", tag = "access", operation_id = "list_roles",
    responses(
        (status = 200, description = "All roles.", body = List),
        (status = 400, description = "bad-parameter"),
        (status = 403, description = "not-allowed"),
        (status = 409, description = "no-logins"),
    )
)]
pub(crate) async fn list(State(desk): State<Desk>, caller: Caller, uri: Uri) -> Result<Response, Problem> {
    Query::parse(uri.query(), &[])?;
    let authority = desk.managed(&caller, Verb::Read)?;
    Ok(answer::json(dto::to_json(&List { roles: shown(authority, |_| true) })))
}

/// One role.
#[utoipa::path(
    get, path = "/api/v1/roles/{name}", tag = "access", operation_id = "read_role",
    params(("name" = String, Path, description = "Its name, percent-encoded, a `/` in it too.", example = "operator")),
    responses(
        (status = 200, description = "The role.", body = Shown),
        (status = 400, description = "bad-path, bad-parameter"),
        (status = 403, description = "not-allowed"),
        (status = 404, description = "role-not-found"),
        (status = 409, description = "no-logins"),
    )
)]
pub(crate) async fn one(State(desk): State<Desk>, caller: Caller, uri: Uri) -> Result<Response, Problem> {
    Query::parse(uri.query(), &[])?;
    let authority = desk.managed(&caller, Verb::Read)?;
    Ok(answer::json(found(authority, &named(&uri)?)?))
}

/// What a role is to be.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = SetRole, example = json!({"grants": ["read tree:Acme/Dallas/#"], "pins": []}))]
struct Wanted {
    /// `{verbs} topics:{filter}`, `{verbs} tree:{filter}` or `{verbs} area:{area}`; see the guide.
    grants: Vec<String>,
    #[serde(default)]
    pins: Vec<String>,
}

/// Make a role, or change one.
///
/// In force within 5 s for everybody who has it. The body is at most 1 MiB.
#[utoipa::path(
    put, path = "/api/v1/roles/{name}", tag = "access", operation_id = "set_role",
    params(("name" = String, Path, description = "Its name, percent-encoded, a `/` in it too.", example = "fitter")),
    request_body(content = Wanted),
    responses(
        (status = 200, description = "The role as it is now.", body = Shown),
        (status = 400, description = "bad-path, bad-parameter, bad-body"),
        (status = 403, description = "not-allowed"),
        (status = 409, description = "no-logins, role-fixed, too-many-of-them"),
        (status = 413, description = "body-too-large"),
        (status = 422, description = "unacceptable"),
        (status = 503, description = "not-stored"),
    )
)]
pub(crate) async fn set(State(desk): State<Desk>, request: Request) -> Result<Response, Problem> {
    let caller = Caller::of_request(request.extensions())?;
    let authority = desk.managed(&caller, Verb::Admin)?;
    let name = named(request.uri())?;
    let Wanted { grants, pins } = body_of(request, ROLE_BYTES_MAX).await?;
    let bad = |text: &str, why: String| Problem::new(Kind::Unacceptable, format!("'{}': {why}", clipped(text)));
    let grants = grants.iter().map(|text| Grant::parse(text).map_err(|why| bad(text, why.to_string())));
    let pins = pins.iter().map(|text| Pin::parse(text).map_err(|why| bad(text, why.to_string())));
    let (grants, pins) = (grants.collect::<Result<_, _>>()?, pins.collect::<Result<_, _>>()?);
    let role = Role::new(&name, grants, pins).map_err(|why| match why {
        RoleError::BuiltIn => Problem::new(Kind::RoleFixed, why.to_string()),
        RoleError::Name(_) | RoleError::TooManyGrants => bad(&name, why.to_string()),
    })?;
    desk.carry_out(&caller, "role.change", format!("role/{name}"), Command::SetRole(role)).await?;
    Ok(answer::json(found(authority, &name)?))
}

/// Remove a role.
///
/// One that nobody has.
#[utoipa::path(
    delete, path = "/api/v1/roles/{name}", tag = "access", operation_id = "remove_role",
    params(("name" = String, Path, description = "Its name, percent-encoded, a `/` in it too.", example = "fitter")),
    responses(
        (status = 204, description = "It is no more."),
        (status = 400, description = "bad-path, bad-parameter"),
        (status = 403, description = "not-allowed"),
        (status = 404, description = "role-not-found"),
        (status = 409, description = "no-logins, role-fixed, role-in-use"),
        (status = 503, description = "not-stored"),
    )
)]
pub(crate) async fn remove(State(desk): State<Desk>, caller: Caller, uri: Uri) -> Result<Response, Problem> {
    Query::parse(uri.query(), &[])?;
    let authority = desk.managed(&caller, Verb::Admin)?;
    let role = named(&uri)?;
    let is_known = read(authority, |directory| directory.role(&role).is_some());
    let role = name(&role).ok().filter(|_| is_known).ok_or_else(|| unknown(&role))?;
    desk.carry_out(&caller, "role.remove", format!("role/{role}"), Command::RemoveRole(role)).await?;
    Ok(done())
}

fn named(uri: &Uri) -> Result<String, Problem> {
    path::decode_text(behind(uri, ROLES)).map_err(|why| Problem::new(Kind::BadPath, why))
}

fn unknown(name: &str) -> Problem {
    Problem::new(Kind::RoleNotFound, format!("there is no role '{}'", clipped(name))).ask([ROLES.to_owned()])
}

fn shown(authority: &dyn crate::Authority, is_wanted: impl Fn(&str) -> bool) -> Vec<Shown> {
    read(authority, |directory| {
        let wanted = directory.roles().filter(|(role, _)| is_wanted(role.name().as_str()));
        let show = |(role, is_changeable): (&Role, bool)| Shown {
            name: role.name().to_string(),
            grants: role.grants().iter().map(ToString::to_string).collect(),
            pins: role.pins().iter().map(ToString::to_string).collect(),
            fixed: !is_changeable,
            holders_count: directory.users().filter(|(_, user)| user.roles.contains(role.name())).count(),
        };
        wanted.map(show).collect()
    })
}

fn found(authority: &dyn crate::Authority, name: &str) -> Result<Vec<u8>, Problem> {
    let found = shown(authority, |known| known == name).pop();
    found.map(|role| dto::to_json(&role)).ok_or_else(|| unknown(name))
}
