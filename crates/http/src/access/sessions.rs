//! `/api/v1/sessions`: who is logged in by browser.
//!
//! A session is named by a digest of its cookie, which does not lead back to it.
//! Invariant: who does not manage the area `access` sees and ends his own sessions only.

use axum::extract::State;
use axum::http::Uri;
use axum::response::Response;
use factree_auth::Verb;
use factree_auth::credential::SessionId;
use factree_auth::directory::{Command, Session};
use serde::Serialize;
use utoipa::ToSchema;

use super::{Desk, PAGE, SESSIONS, done, keys};
use crate::caller::{By, Caller};
use crate::doorway::read;
use crate::openapi::shape;
use crate::problem::{Kind, Problem, clipped};
use crate::query::{Query, cursor};
use crate::{answer, behind, dto};

/// A browser session.
#[derive(Serialize, ToSchema)]
#[schema(as = Session)]
pub(crate) struct Shown {
    id: String,
    /// Whose.
    owner: String,
    /// Whether it is that of this very request.
    current: bool,
    /// When it began.
    #[schema(value_type = shape::Time)]
    created: String,
    /// When it was last used, to the minute.
    #[schema(value_type = shape::Time)]
    used: String,
}

/// A page of sessions.
#[derive(Serialize, ToSchema)]
#[schema(as = Sessions)]
pub(crate) struct List {
    sessions: Vec<Shown>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

/// The browser sessions.
///
/// All of them for who may read the area `access`; otherwise one's own.
#[utoipa::path(
    get, path = "/api/v1/sessions", tag = "access", operation_id = "list_sessions",
    params(
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 1000, description = "Sessions in a page; 100 if it is \
            left out."),
        ("cursor" = Option<String>, Query, description = "The `next_cursor` of the page before."),
    ),
    responses(
        (status = 200, description = "A page of sessions, by id.", body = List),
        (status = 400, description = "bad-parameter"),
        (status = 403, description = "not-allowed"),
        (status = 409, description = "no-logins"),
    )
)]
pub(crate) async fn list(State(desk): State<Desk>, caller: Caller, uri: Uri) -> Result<Response, Problem> {
    let query = Query::parse(uri.query(), &["limit", "cursor"])?;
    let limit = query.number("limit", 1..=PAGE.max, PAGE.default)?;
    let after = query.cursor()?;
    let whose = keys::whose(&caller, Verb::Read)?;
    let current = if let By::Session(token) = caller.by() { Some(token.id()) } else { None };
    let mut found = read(desk.authority()?, |directory| {
        let is_meant = |session: &Session| whose.as_ref().is_none_or(|whose| *whose == session.owner);
        let found = directory.sessions().filter(|(_, session)| is_meant(session));
        let show = |(id, session): (&SessionId, &Session)| Shown {
            id: id.to_string(),
            owner: session.owner.to_string(),
            current: current == Some(*id),
            created: session.created.to_string(),
            used: session.used.to_string(),
        };
        found.map(show).collect::<Vec<_>>()
    });
    found.retain(|session| after.as_ref().is_none_or(|after| session.id > *after));
    found.sort_unstable_by(|a, b| a.id.cmp(&b.id));
    let more = found.len() > limit;
    found.truncate(limit);
    let next_cursor = found.last().filter(|_| more).map(|last| cursor(&last.id));
    Ok(answer::json(dto::to_json(&List { sessions: found, next_cursor })))
}

/// End a session.
#[utoipa::path(
    delete, path = "/api/v1/sessions/{id}", tag = "access", operation_id = "end_session",
    params(("id" = String, Path, description = "As it is listed.", example =
        "5f1c0a7e9b3d42868e0f7a6c5d4b3a291807f6e5d4c3b2a19081706f5e4d3c2b")),
    responses(
        (status = 204, description = "It has ended."),
        (status = 400, description = "bad-parameter"),
        (status = 403, description = "not-allowed"),
        (status = 404, description = "session-not-found"),
        (status = 409, description = "no-logins"),
        (status = 503, description = "not-stored"),
    )
)]
pub(crate) async fn end(State(desk): State<Desk>, caller: Caller, uri: Uri) -> Result<Response, Problem> {
    Query::parse(uri.query(), &[])?;
    let authority = desk.authority()?;
    let whose = keys::whose(&caller, Verb::Admin)?;
    let text = behind(&uri, SESSIONS);
    let unknown = || Problem::new(Kind::SessionNotFound, format!("there is no session '{}'", clipped(text)));
    let id = SessionId::parse(text).ok_or_else(unknown)?;
    let owner = read(authority, |directory| {
        directory.sessions().find(|(known, _)| **known == id).map(|(_, session)| session.owner.clone())
    });
    let owner = owner.filter(|owner| whose.as_ref().is_none_or(|whose| whose == owner)).ok_or_else(unknown)?;
    desk.carry_out(&caller, "session.end", format!("session/{owner}"), Command::EndSession(id)).await?;
    Ok(done())
}
