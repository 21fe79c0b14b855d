//! `POST` and `DELETE /api/v1/login`, `GET /api/v1/me` and `PUT /api/v1/me/password`: logging in by browser, and who one is.
//!
//! A session is a cookie that no script can read and no other site can send; what changes something needs the CSRF token
//! besides, which only our own pages are told. On a plain connection, which only this machine can have, the cookie has
//! another name, since browsers take one that is called `__Host-…` by TLS alone.
//! Invariant: a password is in a request's body and nowhere else, and no answer tells whether there is such a user.

use std::collections::BTreeMap;

use axum::extract::{Request, State};
use axum::http::header::{COOKIE, SET_COOKIE};
use axum::http::{HeaderValue, StatusCode, Uri};
use axum::response::Response;
use factree_auth::credential::{Password, Secret, SessionToken, random};
use factree_auth::directory::Command;
use factree_auth::{Area, Principal, Role, Verb};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::access::{Desk, body, done, failed, not_let_in};
use crate::audit::to_the_end;
use crate::caller::{By, Caller};
use crate::doorway::Authority;
use crate::openapi::shape;
use crate::problem::{Kind, Problem};
use crate::query::Query;
use crate::{answer, dto};

pub(crate) const LOGIN: &str = "/api/v1/login";
pub(crate) const ME: &str = "/api/v1/me";
pub(crate) const PASSWORD: &str = "/api/v1/me/password";

/// The cookie by TLS: browsers let nobody but this very host set it.
const COOKIE_SECURE: &str = "__Host-factree";
/// The cookie on a plain connection.
const COOKIE_PLAIN: &str = "factree";

/// Name and password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = LogIn, example = json!({"name": "anna", "password": "correct horse battery"}))]
struct LogIn {
    name: String,
    password: String,
}

/// Who asks, and what he may do.
#[derive(Serialize, ToSchema)]
pub(crate) struct Me {
    /// `user:anna`, `certificate:…`, `token:…` or `anonymous`.
    #[schema(example = "user:anna")]
    principal: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    /// Whether anybody has to show who he is here. If not, everybody may do everything.
    login_required: bool,
    /// Whether he has shown who he is.
    logged_in: bool,
    /// What he has shown: `key`, `token`, `session` or `nothing`.
    by: &'static str,
    /// What he may do comes from these.
    roles: Vec<String>,
    /// What he may do to some of the tree, or all of it: `read`, `write`, `command`.
    verbs: Vec<&'static str>,
    /// What he may do to the parts of Factree: `read`, `admin`.
    #[schema(example = json!({"conformance": ["read"]}))]
    areas: BTreeMap<&'static str, Vec<&'static str>>,
    /// With a session: what goes into `X-CSRF-Token` of every request that changes something.
    #[serde(skip_serializing_if = "Option::is_none")]
    csrf: Option<String>,
    /// When what he has shown is good no more, if that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<shape::Time>)]
    until: Option<String>,
}

impl Me {
    fn of(caller: &Caller, login_required: bool) -> Me {
        let access = caller.access();
        let of_area = |area: Area| {
            let verbs = [Verb::Read, Verb::Admin].into_iter().filter(|verb| access.may_manage(*verb, area));
            let verbs: Vec<&str> = verbs.map(Verb::as_str).collect();
            (!verbs.is_empty()).then_some((area.as_str(), verbs))
        };
        let of_tree = [Verb::Read, Verb::Write, Verb::Command].into_iter().filter(|verb| access.touches(*verb, "#"));
        let (by, csrf) = match caller.by() {
            By::Open | By::Nothing => ("nothing", None),
            By::Key => ("key", None),
            By::Token => ("token", None),
            By::Session(token) => ("session", Some(token.csrf().reveal().to_owned())),
        };
        Me {
            principal: caller.principal().to_string(),
            name: caller.principal().name().map(ToString::to_string),
            login_required,
            logged_in: by != "nothing",
            by,
            roles: access.roles().iter().map(Role::name).map(ToString::to_string).collect(),
            verbs: of_tree.map(Verb::as_str).collect(),
            areas: Area::ALL.into_iter().filter_map(of_area).collect(),
            csrf,
            until: caller.until().map(|until| until.to_string()),
        }
    }
}

/// Log in.
///
/// By name and password. The answer sets the cookie of a session, and tells what `/api/v1/me` does. The body is at most 16 KiB.
#[utoipa::path(
    post, path = "/api/v1/login", tag = "access", operation_id = "log_in",
    request_body(content = LogIn),
    responses(
        (status = 200, description = "You are.", body = Me,
            headers(("Set-Cookie" = String, description = "`__Host-factree`, or `factree` on a plain connection."))),
        (status = 400, description = "bad-parameter, bad-body"),
        (status = 401, description = "wrong-password"),
        (status = 409, description = "no-logins"),
        (status = 413, description = "body-too-large"),
        (status = 429, description = "too-many-tries"),
        (status = 503, description = "not-stored"),
    )
)]
pub(crate) async fn log_in(State(desk): State<Desk>, request: Request) -> Result<Response, Problem> {
    desk.authority()?;
    let before = Caller::of_request(request.extensions())?;
    let LogIn { name, password } = body(request).await?;
    let is_encrypted = desk.is_encrypted();
    // Who tries passwords and hangs up is on record as well.
    let logged_in = to_the_end(|_| async move {
        let logged_in = begin_session(desk.authority()?, &before, name.clone(), &password).await;
        desk.note_login(&name, before.address(), logged_in.as_ref().map(|(caller, _)| caller));
        logged_in
    });
    let (caller, cookie) = logged_in.await?;
    let mut response = answer::json(dto::to_json(&Me::of(&caller, true)));
    response.headers_mut().append(SET_COOKIE, cookie_of(&cookie, is_encrypted));
    Ok(response)
}

async fn begin_session(
    authority: &dyn Authority,
    before: &Caller,
    name: String,
    password: &str,
) -> Result<(Caller, Secret), Problem> {
    let wrong = || Problem::new(Kind::WrongPassword, "there is no such user with this password");
    let password = Password::given(password.as_bytes()).map_err(|_| wrong())?;
    let login = authority.prove(name, password, before.address()).await;
    let login = login.map_err(|why| not_let_in(why).unwrap_or_else(wrong))?;
    let owner = match login.principal() {
        Principal::User(name) => name.clone(),
        _ => return Err(wrong()),
    };
    let (token, cookie) = SessionToken::mint(random().map_err(|_| no_random())?);
    let id = token.id();
    // Whoever logs in again has one session, not two.
    if let By::Session(old) = before.by() {
        let _: Result<_, _> = authority.decide(Command::EndSession(old.id())).await;
    }
    authority.decide(Command::OpenSession { token: token.clone(), owner }).await.map_err(failed)?;
    let let_in = authority.let_in(crate::Shown::Session(cookie.reveal()), before.address());
    let Ok((login, access)) = let_in else {
        // Something about him has changed in between.
        let _: Result<_, _> = authority.decide(Command::EndSession(id)).await;
        return Err(wrong());
    };
    Ok((Caller::new(login, access, before.address(), By::Session(token)), cookie))
}

/// Log out.
///
/// Ends the session of the cookie, if there is one.
#[utoipa::path(
    delete, path = "/api/v1/login", tag = "access", operation_id = "log_out",
    responses(
        (status = 204, description = "You are.", headers(("Set-Cookie" = String, description = "Takes the cookie away."))),
        (status = 400, description = "bad-parameter"),
        (status = 503, description = "not-stored"),
    )
)]
pub(crate) async fn log_out(State(desk): State<Desk>, caller: Caller, request: Request) -> Result<Response, Problem> {
    Query::parse(request.uri().query(), &[])?;
    if let (By::Session(token), Ok(authority)) = (caller.by(), desk.authority()) {
        match authority.decide(Command::EndSession(token.id())).await {
            Ok(_) | Err(crate::CommandFailed::Refused(_)) => {}
            Err(why) => return Err(failed(why)),
        }
    }
    let mut response = answer::with(StatusCode::NO_CONTENT, "application/json", Vec::new());
    if request.headers().contains_key(COOKIE) {
        cookies_gone().into_iter().for_each(|gone| {
            response.headers_mut().append(SET_COOKIE, gone);
        });
    }
    Ok(response)
}

/// Who am I?
///
/// There for everybody: who has shown nothing learns that he has to.
#[utoipa::path(
    get, path = "/api/v1/me", tag = "access", operation_id = "me",
    responses(
        (status = 200, description = "Who you are, and what you may do.", body = Me),
        (status = 400, description = "bad-parameter"),
    )
)]
pub(crate) async fn me(State(desk): State<Desk>, caller: Caller, uri: Uri) -> Result<Response, Problem> {
    Query::parse(uri.query(), &[])?;
    Ok(answer::json(dto::to_json(&Me::of(&caller, !desk.is_open()))))
}

/// Another password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ChangePassword, example = json!({"current": "correct horse battery", "new": "staple correct horse"}))]
struct ChangePassword {
    /// The one that is to go.
    current: String,
    /// 8 characters at least.
    new: String,
}

/// Change my password.
///
/// All sessions end, this one too: log in again. The body is at most 16 KiB.
#[utoipa::path(
    put, path = "/api/v1/me/password", tag = "access", operation_id = "change_my_password",
    request_body(content = ChangePassword),
    responses(
        (status = 204, description = "It is another."),
        (status = 400, description = "bad-parameter, bad-body"),
        (status = 401, description = "wrong-password"),
        (status = 403, description = "not-allowed"),
        (status = 409, description = "no-logins"),
        (status = 413, description = "body-too-large"),
        (status = 422, description = "unacceptable"),
        (status = 429, description = "too-many-tries"),
        (status = 503, description = "not-stored"),
    )
)]
pub(crate) async fn change_password(State(desk): State<Desk>, request: Request) -> Result<Response, Problem> {
    let authority = desk.authority()?;
    let caller = Caller::of_request(request.extensions())?;
    let name = caller.own_name().ok_or_else(|| {
        Problem::new(Kind::NotAllowed, "a password is changed by who has logged in with it, in a session of his own")
    })?;
    let ChangePassword { current, new } = body(request).await?;
    let wrong = || Problem::new(Kind::WrongPassword, "this is not the password that is to be changed");
    let current = Password::given(current.as_bytes()).map_err(|_| wrong())?;
    let new = crate::access::chosen(&new)?;
    let proven = authority.prove(name.to_string(), current, caller.address()).await;
    proven.map_err(|why| not_let_in(why).unwrap_or_else(wrong))?;
    let hash = authority.hash(new).await.map_err(|why| not_let_in(why).unwrap_or_else(no_random))?;
    let command = Command::SetPassword { name: name.clone(), password: Some(hash) };
    desk.carry_out(&caller, "user.change", format!("user/{name}"), command).await?;
    Ok(done())
}

fn no_random() -> Problem {
    Problem::new(Kind::NotStored, "the system gave no random bytes")
}

/// What the cookie is called: here it has no other name.
pub(crate) const fn cookie_name(is_encrypted: bool) -> &'static str {
    if is_encrypted { COOKIE_SECURE } else { COOKIE_PLAIN }
}

/// Ends with the browser, or when the session does.
fn cookie_of(value: &Secret, is_encrypted: bool) -> HeaderValue {
    let (name, secure) = (cookie_name(is_encrypted), if is_encrypted { "; Secure" } else { "" });
    let text = format!("{name}={}{secure}; HttpOnly; SameSite=Strict; Path=/", value.reveal());
    let mut cookie = HeaderValue::from_str(&text).expect("base64 and plain words");
    cookie.set_sensitive(true);
    cookie
}

/// What takes the cookie away, whichever it is.
pub(crate) fn cookies_gone() -> [HeaderValue; 2] {
    [
        HeaderValue::from_static("__Host-factree=; Secure; HttpOnly; SameSite=Strict; Path=/; Max-Age=0"),
        HeaderValue::from_static("factree=; HttpOnly; SameSite=Strict; Path=/; Max-Age=0"),
    ]
}
