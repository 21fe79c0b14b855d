//! `/api/v1/disabled`: who is not let in, though he is no user whom one could disable.
//!
//! A certificate or a token says by itself whose it is, and is good until it ends. By the name in it its bearer is kept out
//! here, and is let in again. Users are disabled where [`users`](super::users) are changed.
//! Invariant: who is listed is let in nowhere.

use axum::extract::State;
use axum::http::Uri;
use axum::response::Response;
use factree_auth::directory::Command;
use factree_auth::{Principal, Timestamp, Verb};
use serde::Serialize;
use utoipa::ToSchema;

use super::{DISABLED, Desk, PAGE, done};
use crate::caller::Caller;
use crate::doorway::read;
use crate::openapi::shape;
use crate::problem::{Kind, Problem, clipped};
use crate::query::{Query, cursor};
use crate::{answer, behind, dto, path};

/// Somebody who is not let in.
#[derive(Serialize, ToSchema)]
#[schema(as = Disabled)]
pub(crate) struct Shown {
    /// `token:…` or `certificate:…`.
    #[schema(example = "token:carl")]
    principal: String,
    /// From when on.
    #[schema(value_type = shape::Time)]
    since: String,
}

/// A page of those who are not let in.
#[derive(Serialize, ToSchema)]
#[schema(as = DisabledPage)]
pub(crate) struct List {
    disabled: Vec<Shown>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

/// Who is not let in.
///
/// Names in certificates and tokens. Users who are disabled say so among the users.
#[utoipa::path(
    get, path = "/api/v1/disabled", tag = "access", operation_id = "list_disabled",
    params(
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 1000, description = "Names in a page; 100 if it is left \
            out."),
        ("cursor" = Option<String>, Query, description = "The `next_cursor` of the page before."),
    ),
    responses(
        (status = 200, description = "A page of them, by name.", body = List),
        (status = 400, description = "bad-parameter"),
        (status = 403, description = "not-allowed"),
        (status = 409, description = "no-logins"),
    )
)]
pub(crate) async fn list(State(desk): State<Desk>, caller: Caller, uri: Uri) -> Result<Response, Problem> {
    let query = Query::parse(uri.query(), &["limit", "cursor"])?;
    let limit = query.number("limit", 1..=PAGE.max, PAGE.default)?;
    let after = query.cursor()?;
    let list = read(desk.managed(&caller, Verb::Read)?, |directory| {
        let after = after.as_deref().and_then(Principal::parse);
        let mut found = directory.disabled().filter(|(who, _)| after.as_ref().is_none_or(|after| *who > after));
        let show =
            |(who, since): (&Principal, Timestamp)| Shown { principal: who.to_string(), since: since.to_string() };
        let disabled: Vec<_> = found.by_ref().take(limit).map(show).collect();
        let next_cursor = found.next().and(disabled.last()).map(|last| cursor(&last.principal));
        List { disabled, next_cursor }
    });
    Ok(answer::json(dto::to_json(&list)))
}

/// Let somebody in no longer.
///
/// Whom a certificate or a token names, whether he has been here or not. Within 5 s he is connected nowhere.
#[utoipa::path(
    put, path = "/api/v1/disabled/{principal}", tag = "access", operation_id = "disable_principal",
    params(("principal" = String, Path, description = "`token:NAME` or `certificate:NAME`, percent-encoded, a `/` in it \
        too.", example = "token:carl")),
    responses(
        (status = 204, description = "He is not let in any more."),
        (status = 400, description = "bad-path, bad-parameter"),
        (status = 403, description = "not-allowed"),
        (status = 404, description = "principal-not-found"),
        (status = 409, description = "no-logins, too-many-of-them"),
        (status = 503, description = "not-stored"),
    )
)]
pub(crate) async fn disable(State(desk): State<Desk>, caller: Caller, uri: Uri) -> Result<Response, Problem> {
    set(&desk, &caller, &uri, true).await
}

/// Let somebody in again.
#[utoipa::path(
    delete, path = "/api/v1/disabled/{principal}", tag = "access", operation_id = "enable_principal",
    params(("principal" = String, Path, description = "As it is listed, percent-encoded, a `/` in it too.", example =
        "token:carl")),
    responses(
        (status = 204, description = "He is let in again, if what he shows is good."),
        (status = 400, description = "bad-path, bad-parameter"),
        (status = 403, description = "not-allowed"),
        (status = 404, description = "principal-not-found"),
        (status = 409, description = "no-logins"),
        (status = 503, description = "not-stored"),
    )
)]
pub(crate) async fn enable(State(desk): State<Desk>, caller: Caller, uri: Uri) -> Result<Response, Problem> {
    set(&desk, &caller, &uri, false).await
}

async fn set(desk: &Desk, caller: &Caller, uri: &Uri, disabled: bool) -> Result<Response, Problem> {
    Query::parse(uri.query(), &[])?;
    desk.managed(caller, Verb::Admin)?;
    let text = path::decode_text(behind(uri, DISABLED)).map_err(|why| Problem::new(Kind::BadPath, why))?;
    let unknown = || {
        let detail = format!("'{}' is neither token:NAME nor certificate:NAME", clipped(&text));
        Problem::new(Kind::PrincipalNotFound, detail).ask([DISABLED.to_owned()])
    };
    let who = Principal::parse(&text)
        .filter(|who| matches!(who, Principal::Certificate(_) | Principal::Token(_)))
        .ok_or_else(unknown)?;
    let verb = if disabled { "principal.disable" } else { "principal.enable" };
    desk.carry_out(caller, verb, format!("principal/{who}"), Command::SetDisabled { who, disabled }).await?;
    Ok(done())
}
