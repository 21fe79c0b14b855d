//! `/api/v1/users`: who may log in, and which roles each has.
//!
//! Invariant: a password comes in and never goes out, not even as its hash.

use axum::extract::{Request, State};
use axum::http::header::LOCATION;
use axum::http::{HeaderValue, StatusCode, Uri};
use axum::response::Response;
use factree_auth::directory::{Command, User};
use factree_auth::{Directory, Name, Principal, Verb};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Desk, PAGE, USERS, body, chosen, done, name, names, not_let_in};
use crate::caller::Caller;
use crate::doorway::read;
use crate::openapi::shape;
use crate::problem::{Kind, Problem, clipped};
use crate::query::{Query, cursor};
use crate::{answer, behind, dto, path};

/// Somebody who may log in.
#[derive(Serialize, ToSchema)]
#[schema(as = User)]
pub(crate) struct Shown {
    #[schema(example = "anna")]
    name: String,
    /// What he may do.
    roles: Vec<String>,
    /// He may not log in for now.
    disabled: bool,
    /// Without one he proves himself by certificate only.
    has_password: bool,
    /// When he was added.
    #[schema(value_type = shape::Time)]
    created: String,
    /// Keys that are his.
    keys_count: usize,
    /// Browser sessions that he has now.
    sessions_count: usize,
}

impl Shown {
    fn of(directory: &Directory, name: &Name, user: &User) -> Self {
        Shown {
            name: name.to_string(),
            roles: user.roles.iter().map(ToString::to_string).collect(),
            disabled: user.disabled,
            has_password: user.has_password(),
            created: user.created.to_string(),
            keys_count: directory.keys().filter(|(_, key)| key.owner == *name).count(),
            sessions_count: directory.sessions().filter(|(_, session)| session.owner == *name).count(),
        }
    }
}

/// A page of users.
#[derive(Serialize, ToSchema)]
#[schema(as = Users)]
pub(crate) struct List {
    users: Vec<Shown>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

/// The users.
///
/// Everybody who may log in, by name.
#[utoipa::path(
    get, path = "/api/v1/users", tag = "access", operation_id = "list_users",
    params(
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 1000, description = "Users in a page; 100 if it is left \
            out."),
        ("cursor" = Option<String>, Query, description = "The `next_cursor` of the page before."),
    ),
    responses(
        (status = 200, description = "A page of users, by name.", body = List),
        (status = 400, description = "bad-parameter"),
        (status = 403, description = "not-allowed"),
        (status = 409, description = "no-logins"),
    )
)]
pub(crate) async fn list(State(desk): State<Desk>, caller: Caller, uri: Uri) -> Result<Response, Problem> {
    let query = Query::parse(uri.query(), &["limit", "cursor"])?;
    let limit = query.number("limit", 1..=PAGE.max, PAGE.default)?;
    let after = query.cursor()?;
    let authority = desk.managed(&caller, Verb::Read)?;
    let list = read(authority, |directory| {
        let behind = |name: &Name| after.as_deref().is_none_or(|after| name.as_str() > after);
        let mut found = directory.users().filter(|(name, _)| behind(name));
        let users: Vec<_> = found.by_ref().take(limit).map(|(name, user)| Shown::of(directory, name, user)).collect();
        let next_cursor = found.next().and(users.last()).map(|last| cursor(&last.name));
        List { users, next_cursor }
    });
    Ok(answer::json(dto::to_json(&list)))
}

/// One user.
#[utoipa::path(
    get, path = "/api/v1/users/{name}", tag = "access", operation_id = "read_user",
    params(("name" = String, Path, description = "His name, percent-encoded, a `/` in it too.", example = "anna")),
    responses(
        (status = 200, description = "The user.", body = Shown),
        (status = 400, description = "bad-path, bad-parameter"),
        (status = 403, description = "not-allowed"),
        (status = 404, description = "user-not-found"),
        (status = 409, description = "no-logins"),
    )
)]
pub(crate) async fn one(State(desk): State<Desk>, caller: Caller, uri: Uri) -> Result<Response, Problem> {
    Query::parse(uri.query(), &[])?;
    let authority = desk.managed(&caller, Verb::Read)?;
    let name = named(&uri)?;
    Ok(answer::json(shown(authority, &name)?))
}

/// A new user.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewUser, example = json!({"name": "anna", "password": "correct horse battery", "roles": ["operator"]}))]
struct New {
    /// 1 to 256 bytes without control characters.
    name: String,
    /// 8 characters at least. Without one he proves himself by certificate only.
    password: Option<String>,
    /// What he may do.
    #[serde(default)]
    roles: Vec<String>,
}

/// Add a user.
///
/// The body is at most 16 KiB.
#[utoipa::path(
    post, path = "/api/v1/users", tag = "access", operation_id = "add_user",
    request_body(content = New),
    responses(
        (status = 201, description = "He may log in.", body = Shown,
            headers(("Location" = String, description = "The address of the user."))),
        (status = 400, description = "bad-parameter, bad-body"),
        (status = 403, description = "not-allowed"),
        (status = 404, description = "role-not-found"),
        (status = 409, description = "no-logins, user-exists, too-many-of-them"),
        (status = 413, description = "body-too-large"),
        (status = 422, description = "unacceptable"),
        (status = 429, description = "too-many-tries"),
        (status = 503, description = "not-stored"),
    )
)]
pub(crate) async fn add(State(desk): State<Desk>, request: Request) -> Result<Response, Problem> {
    let caller = Caller::of_request(request.extensions())?;
    let authority = desk.managed(&caller, Verb::Admin)?;
    let New { name: text, password, roles } = body(request).await?;
    let (name, roles) = (name(&text)?, names(&roles)?);
    let password = match password {
        Some(password) => Some(hashed(authority, &password).await?),
        None => None,
    };
    let command = Command::AddUser { name: name.clone(), password, roles };
    desk.carry_out(&caller, "user.add", format!("user/{name}"), command).await?;
    let mut response = answer::with(StatusCode::CREATED, "application/json", shown(authority, name.as_str())?);
    let address = format!("{USERS}/{}", path::encode(name.as_str()).replace('/', "%2F"));
    response.headers_mut().insert(LOCATION, HeaderValue::from_str(&address).expect("encoded names are ASCII"));
    Ok(response)
}

/// What is to be otherwise about a user; what is left out stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ChangeUser, example = json!({"roles": ["operator", "fitter"], "disabled": false}))]
struct Change {
    /// All he has from now on.
    roles: Option<Vec<String>>,
    /// Whether he may not log in for now. His sessions end.
    disabled: Option<bool>,
    /// 8 characters at least. His sessions end.
    password: Option<String>,
}

/// Change a user.
///
/// In force within 5 s wherever he is connected. The body is at most 16 KiB.
#[utoipa::path(
    put, path = "/api/v1/users/{name}", tag = "access", operation_id = "change_user",
    params(("name" = String, Path, description = "His name, percent-encoded, a `/` in it too.", example = "anna")),
    request_body(content = Change),
    responses(
        (status = 200, description = "The user as he is now.", body = Shown),
        (status = 400, description = "bad-path, bad-parameter, bad-body"),
        (status = 403, description = "not-allowed"),
        (status = 404, description = "user-not-found, role-not-found"),
        (status = 409, description = "no-logins, last-admin, too-many-of-them"),
        (status = 413, description = "body-too-large"),
        (status = 422, description = "unacceptable"),
        (status = 429, description = "too-many-tries"),
        (status = 503, description = "not-stored"),
    )
)]
pub(crate) async fn change(State(desk): State<Desk>, request: Request) -> Result<Response, Problem> {
    let caller = Caller::of_request(request.extensions())?;
    let authority = desk.managed(&caller, Verb::Admin)?;
    let name = named(request.uri())?;
    let Change { roles, disabled, password } = body(request).await?;
    let owner = known(authority, &name)?;
    let mut commands = Vec::new();
    if let Some(roles) = roles {
        commands.push(Command::SetRoles { name: owner.clone(), roles: names(&roles)? });
    }
    if let Some(password) = password {
        let password = Some(hashed(authority, &password).await?);
        commands.push(Command::SetPassword { name: owner.clone(), password });
    }
    if let Some(disabled) = disabled {
        commands.push(Command::SetDisabled { who: Principal::User(owner.clone()), disabled });
    }
    for command in commands {
        desk.carry_out(&caller, "user.change", format!("user/{owner}"), command).await?;
    }
    Ok(answer::json(shown(authority, &name)?))
}

/// Remove a user.
///
/// With his keys and his sessions. Within 5 s he is connected nowhere.
#[utoipa::path(
    delete, path = "/api/v1/users/{name}", tag = "access", operation_id = "remove_user",
    params(("name" = String, Path, description = "His name, percent-encoded, a `/` in it too.", example = "anna")),
    responses(
        (status = 204, description = "He is no more."),
        (status = 400, description = "bad-path, bad-parameter"),
        (status = 403, description = "not-allowed"),
        (status = 404, description = "user-not-found"),
        (status = 409, description = "no-logins, last-admin"),
        (status = 503, description = "not-stored"),
    )
)]
pub(crate) async fn remove(State(desk): State<Desk>, caller: Caller, uri: Uri) -> Result<Response, Problem> {
    Query::parse(uri.query(), &[])?;
    let authority = desk.managed(&caller, Verb::Admin)?;
    let owner = known(authority, &named(&uri)?)?;
    desk.carry_out(&caller, "user.remove", format!("user/{owner}"), Command::RemoveUser(owner)).await?;
    Ok(done())
}

fn named(uri: &Uri) -> Result<String, Problem> {
    path::decode_text(behind(uri, USERS)).map_err(|why| Problem::new(Kind::BadPath, why))
}

fn unknown(name: &str) -> Problem {
    Problem::new(Kind::UserNotFound, format!("there is no user '{}'", clipped(name))).ask([USERS.to_owned()])
}

/// The name of somebody there is.
pub(super) fn known(authority: &dyn crate::Authority, name: &str) -> Result<Name, Problem> {
    let is_known = read(authority, |directory| directory.user(name).is_some());
    Name::parse(name).ok().filter(|_| is_known).ok_or_else(|| unknown(name))
}

fn shown(authority: &dyn crate::Authority, name: &str) -> Result<Vec<u8>, Problem> {
    let found = read(authority, |directory| {
        let found = directory.users().find(|(known, _)| known.as_str() == name);
        found.map(|(name, user)| Shown::of(directory, name, user))
    });
    found.map(|shown| dto::to_json(&shown)).ok_or_else(|| unknown(name))
}

async fn hashed(
    authority: &dyn crate::Authority,
    password: &str,
) -> Result<factree_auth::credential::PasswordHash, Problem> {
    let hashing = authority.hash(chosen(password)?);
    let no_room = || Problem::new(Kind::TooManyTries, "too many passwords are being hashed");
    hashing.await.map_err(|why| not_let_in(why).unwrap_or_else(no_room))
}
