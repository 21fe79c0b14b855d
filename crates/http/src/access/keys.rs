//! `/api/v1/keys`: bearer keys, for programs.
//!
//! A key gives what its owner has or less. It is told once, in the answer that makes it; of the secret only a digest is kept.
//! Invariant: who does not manage the area `access` sees and makes his own keys only.

use axum::extract::{Request, State};
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use factree_auth::credential::{BearerToken, KeyId, random};
use factree_auth::directory::{Command, Key, NewKey};
use factree_auth::{Area, Name, Timestamp, Verb, Verbs};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Desk, KEYS, PAGE, body, done, name, names, users};
use crate::caller::Caller;
use crate::doorway::read;
use crate::openapi::shape;
use crate::problem::{Kind, Problem, clipped};
use crate::query::{Query, cursor};
use crate::{answer, behind, dto};

/// A key.
#[derive(Serialize, ToSchema)]
#[schema(as = Key)]
pub(crate) struct Shown {
    /// Names it; the first part of what is shown as a credential.
    #[schema(example = "cJ1w7Vd0aXQe")]
    id: String,
    /// Whose it is.
    owner: String,
    /// What it is for.
    #[schema(example = "historian")]
    label: String,
    /// Which of the owner's roles; left out: all of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    roles: Option<Vec<String>>,
    /// Which verbs of these.
    verbs: Vec<&'static str>,
    /// When it was made.
    #[schema(value_type = shape::Time)]
    created: String,
    /// From when on it is good no more.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<shape::Time>)]
    expires: Option<String>,
    /// When it was last used, to the minute.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<shape::Time>)]
    used: Option<String>,
    /// What goes behind `Authorization: Bearer`. Told once, by the answer that makes the key.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "ftk_cJ1w7Vd0aXQe.…")]
    secret: Option<String>,
}

impl Shown {
    fn of(id: &KeyId, key: &Key) -> Self {
        Shown {
            id: id.to_string(),
            owner: key.owner.to_string(),
            label: key.label.to_string(),
            roles: key.roles.as_ref().map(|roles| roles.iter().map(ToString::to_string).collect()),
            verbs: key.verbs.iter().map(Verb::as_str).collect(),
            created: key.created.to_string(),
            expires: key.expires.map(|time| time.to_string()),
            used: key.used.map(|time| time.to_string()),
            secret: None,
        }
    }
}

/// A page of keys.
#[derive(Serialize, ToSchema)]
#[schema(as = Keys)]
pub(crate) struct List {
    keys: Vec<Shown>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

/// The keys.
///
/// All of them for who may read the area `access`; otherwise one's own.
#[utoipa::path(
    get, path = "/api/v1/keys", tag = "access", operation_id = "list_keys",
    params(
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 1000, description = "Keys in a page; 100 if it is left \
            out."),
        ("cursor" = Option<String>, Query, description = "The `next_cursor` of the page before."),
    ),
    responses(
        (status = 200, description = "A page of keys, by id.", body = List),
        (status = 400, description = "bad-parameter"),
        (status = 403, description = "not-allowed"),
        (status = 409, description = "no-logins"),
    )
)]
pub(crate) async fn list(State(desk): State<Desk>, caller: Caller, uri: Uri) -> Result<Response, Problem> {
    let query = Query::parse(uri.query(), &["limit", "cursor"])?;
    let limit = query.number("limit", 1..=PAGE.max, PAGE.default)?;
    let after = query.cursor()?;
    let whose = whose(&caller, Verb::Read)?;
    let mut found = read(desk.authority()?, |directory| {
        let is_meant = |id: &KeyId, key: &Key| {
            after.as_deref().is_none_or(|after| id.as_str() > after) && whose.as_ref().is_none_or(|it| *it == key.owner)
        };
        let found = directory.keys().filter(|(id, key)| is_meant(id, key));
        found.map(|(id, key)| Shown::of(id, key)).collect::<Vec<_>>()
    });
    found.sort_unstable_by(|a, b| a.id.cmp(&b.id));
    let more = found.len() > limit;
    found.truncate(limit);
    let next_cursor = found.last().filter(|_| more).map(|last| cursor(&last.id));
    Ok(answer::json(dto::to_json(&List { keys: found, next_cursor })))
}

/// Whose keys or sessions somebody may see or change; none: everybody's.
pub(super) fn whose(caller: &Caller, verb: Verb) -> Result<Option<Name>, Problem> {
    match (caller.manage(verb, Area::Access), caller.own_name()) {
        (Ok(()), _) => Ok(None),
        (Err(_), Some(name)) => Ok(Some(name)),
        (Err(problem), None) => Err(problem),
    }
}

/// A key that is to be.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewKey, example = json!({"label": "historian", "verbs": ["read"], "expires": "2027-01-31T12:00:00Z"}))]
struct New {
    /// What it is for.
    label: String,
    /// Whose it is; who asks, if it is left out.
    owner: Option<String>,
    /// Which of the owner's roles; all of them if it is left out, also those that he will have.
    roles: Option<Vec<String>>,
    /// Which verbs of these: `read`, `write`, `command`, `admin`; all of them if it is left out.
    verbs: Option<Vec<String>>,
    /// From when on it is good no more [RFC 3339].
    expires: Option<String>,
}

/// Make a key.
///
/// For oneself, in a session of one's own; for others with the area `access`. The body is at most 16 KiB.
#[utoipa::path(
    post, path = "/api/v1/keys", tag = "access", operation_id = "add_key",
    request_body(content = New),
    responses(
        (status = 201, description = "The key. Its secret is told this once.", body = Shown),
        (status = 400, description = "bad-parameter, bad-body"),
        (status = 403, description = "not-allowed"),
        (status = 404, description = "user-not-found"),
        (status = 409, description = "no-logins, too-many-of-them"),
        (status = 413, description = "body-too-large"),
        (status = 422, description = "unacceptable"),
        (status = 503, description = "not-stored"),
    )
)]
pub(crate) async fn add(State(desk): State<Desk>, request: Request) -> Result<Response, Problem> {
    let caller = Caller::of_request(request.extensions())?;
    let authority = desk.authority()?;
    let whose = whose(&caller, Verb::Admin)?;
    let New { label, owner, roles, verbs, expires } = body(request).await?;
    let own = caller.principal().name().map(ToString::to_string).unwrap_or_default();
    let owner = users::known(authority, &owner.unwrap_or(own))?;
    if whose.is_some_and(|whose| whose != owner) {
        caller.manage(Verb::Admin, Area::Access)?;
    }
    let bad = |why: String| Problem::new(Kind::Unacceptable, why);
    let verbs = match verbs {
        None => Verbs::ALL,
        Some(words) => {
            let verb = |word: &String| {
                let refused =
                    || bad(format!("'{}' is no verb: there are read, write, command and admin", clipped(word)));
                Verb::parse(word).ok_or_else(refused)
            };
            Verbs::of(words.iter().map(verb).collect::<Result<Vec<_>, _>>()?)
        }
    };
    let time = |text: &String| {
        let time = text.parse::<jiff::Timestamp>().ok().and_then(|time| u64::try_from(time.as_millisecond()).ok());
        let refused = || bad(format!("expires is '{}'; it takes a time like 2026-01-31T12:00:00Z", clipped(text)));
        time.map(Timestamp).ok_or_else(refused)
    };
    let expires = expires.as_ref().map(time).transpose()?;
    let (label, roles) = (name(&label)?, roles.as_deref().map(names).transpose()?);
    let no_random = |_| Problem::new(Kind::NotStored, "the system gave no random bytes");
    let (token, secret) = BearerToken::mint(random().map_err(no_random)?);
    let id = token.id.clone();
    let key = NewKey { token, owner, label, roles, verbs, expires };
    desk.carry_out(&caller, "key.add", format!("key/{id}"), Command::AddKey(key)).await?;
    let key = read(authority, |directory| directory.key(&id).map(|key| Shown::of(&id, key)));
    let key = key.ok_or_else(|| unknown(id.as_str()))?;
    let made = Shown { secret: Some(secret.reveal().to_owned()), ..key };
    Ok(answer::with(StatusCode::CREATED, "application/json", dto::to_json(&made)))
}

/// Revoke a key.
///
/// Within 5 s it lets nobody in, and who was let in by it is cut off.
#[utoipa::path(
    delete, path = "/api/v1/keys/{id}", tag = "access", operation_id = "remove_key",
    params(("id" = String, Path, description = "As it is listed.", example = "cJ1w7Vd0aXQe")),
    responses(
        (status = 204, description = "It is no more."),
        (status = 400, description = "bad-parameter"),
        (status = 403, description = "not-allowed"),
        (status = 404, description = "key-not-found"),
        (status = 409, description = "no-logins"),
        (status = 503, description = "not-stored"),
    )
)]
pub(crate) async fn remove(State(desk): State<Desk>, caller: Caller, uri: Uri) -> Result<Response, Problem> {
    Query::parse(uri.query(), &[])?;
    let authority = desk.authority()?;
    let whose = whose(&caller, Verb::Admin)?;
    let text = behind(&uri, KEYS);
    let id = KeyId::parse(text).ok_or_else(|| unknown(text))?;
    let owner = read(authority, |directory| directory.key(&id).map(|key| key.owner.clone()));
    // Another's is not there for who may not change it.
    owner.filter(|owner| whose.as_ref().is_none_or(|whose| whose == owner)).ok_or_else(|| unknown(text))?;
    desk.carry_out(&caller, "key.remove", format!("key/{id}"), Command::RemoveKey(id)).await?;
    Ok(done())
}

fn unknown(id: &str) -> Problem {
    Problem::new(Kind::KeyNotFound, format!("there is no key '{}'", clipped(id))).ask([KEYS.to_owned()])
}
