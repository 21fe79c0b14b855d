//! The doorway: makes the [`Caller`] of a request out of what it shows, or the answer that it is not let in.
//!
//! A key or a token in the `Authorization` header, or the cookie of a browser session; with a cookie, whatever may change
//! something needs the CSRF header too. Nothing else is a credential: what stands in a query string ends up in logs and
//! histories, and is refused. Some routes are there for everybody, so that somebody can log in at all. Who has been let in is
//! remembered for a few seconds, so that a dashboard does not cost a signature or a lock for each request.
//! Knows no route beyond those. Invariant: an open server asks for nothing and remembers nobody; of any other, a caller who
//! has shown nothing good may do nothing, or what anonymous callers may.

use std::collections::HashMap;
use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::http::header::{ACCEPT, AUTHORIZATION, COOKIE, SET_COOKIE, UPGRADE, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode};
use axum::response::{IntoResponse, Response};
use factree_auth::credential::{BearerToken, Digest, Password, PasswordHash, SessionToken};
use factree_auth::directory::{Command, Refused};
use factree_auth::{Access, Directory, Login, Timestamp};

use crate::caller::{By, Caller};
use crate::problem::{Kind, Problem};
use crate::{login, ui};

/// Where our own pages say that they are ours.
pub(crate) const CSRF: HeaderName = HeaderName::from_static("x-csrf-token");
/// Where they say that they ask by themselves, and that nobody has done anything lately.
pub(crate) const UNATTENDED: HeaderName = HeaderName::from_static("x-unattended");

/// How long a caller who has been let in is not asked for again, unless something about him changes. Shorter than the
/// precision with which the use of keys and sessions is noted.
const REMEMBERED: Duration = Duration::from_secs(20);
/// Callers who are remembered at once.
const REMEMBERED_MAX: usize = 4_096;

/// What resolves later.
pub type Pending<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What a request shows.
#[derive(Clone, Copy)]
pub enum Shown<'a> {
    /// Nothing.
    Nothing,
    /// A bearer key, or a token of an identity provider.
    Bearer(&'a str),
    /// The value of a browser session's cookie.
    Session(&'a str),
    /// The same, shown by a page that asks by itself while nobody does anything: it lets in, and is no use of the session.
    Watching(&'a str),
}

/// Why somebody is not let in. Of the reasons, the peer is told no more than this.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotLetIn {
    /// He shows nothing, or nothing good.
    NotGood,
    /// He, or everybody together, tries too often; when it may be worth another try.
    TooOften(Duration),
}

/// Why a command was not carried out. Nothing has changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CommandFailed {
    /// The directory refuses.
    Refused(Refused),
    /// The disk has no room, or has failed; in words.
    NotStored(String),
}

/// What a command has changed, for the audit log: nothing secret is in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changed {
    /// `user/anna`, `role/fitter`, `key/{id}`, `session/{owner}`
    pub target: String,
    /// How it was; none: it was not there.
    pub old: Option<String>,
    /// How it is; none: it is no more.
    pub new: Option<String>,
}

/// Who says who is let in, and keeps users, roles, keys and sessions. Called without a lock held.
pub trait Authority: Send + Sync {
    /// Lets in whoever shows this, in microseconds; keys and sessions are noted as used. With [`Shown::Nothing`], who may come
    /// without.
    ///
    /// # Errors
    /// [`NotLetIn`].
    fn let_in(&self, shown: Shown<'_>, address: IpAddr) -> Result<(Login, Arc<Access>), NotLetIn>;

    /// Lets in whoever has this name and password, when it is his turn to have it hashed.
    ///
    /// # Errors
    /// [`NotLetIn`].
    fn prove(&self, name: String, password: Password, address: IpAddr) -> Pending<'_, Result<Login, NotLetIn>>;

    /// Hashes a password that is to be set.
    ///
    /// # Errors
    /// [`NotLetIn::TooOften`], if too many are being hashed.
    fn hash(&self, password: Password) -> Pending<'_, Result<PasswordHash, NotLetIn>>;

    /// What a command would change, as far as it is carried out: for the record, before it is.
    fn foresee(&self, command: &Command) -> Changed;

    /// Carries out a command: it is durable and in force when this resolves.
    ///
    /// # Errors
    /// [`CommandFailed`].
    fn decide(&self, command: Command) -> Pending<'_, Result<Changed, CommandFailed>>;

    /// Shows the directory, under its lock: to be copied from, quickly.
    fn read(&self, with: &mut dyn FnMut(&Directory));
}

/// What a reading of the directory gives.
pub(crate) fn read<T>(authority: &dyn Authority, with: impl FnOnce(&Directory) -> T) -> T {
    let (mut with, mut answer) = (Some(with), None);
    authority.read(&mut |directory| answer = with.take().map(|with| with(directory)));
    answer.expect("it shows the directory once")
}

/// Makes callers.
#[derive(Clone)]
pub struct Doorway(Option<Arc<Asking>>);

struct Asking {
    authority: Arc<dyn Authority>,
    is_encrypted: bool,
    remembered: Mutex<HashMap<Digest, Remembered>>,
    /// What anonymous callers may do, held so that it is not compiled anew for each of them.
    anonymous: Mutex<Option<Arc<Access>>>,
}

/// A caller who has been let in.
struct Remembered {
    caller: Caller,
    since: Instant,
    /// It was by [`Shown::Watching`], so a use still is to be noted.
    was_watching: bool,
}

impl Doorway {
    /// Of a server where nobody has to prove anything.
    pub fn open() -> Self {
        Doorway(None)
    }

    /// Of one where this says who is let in. `is_encrypted`: it is reached by TLS, so cookies are for TLS alone.
    pub fn new(authority: Arc<dyn Authority>, is_encrypted: bool) -> Self {
        Doorway(Some(Arc::new(Asking {
            authority,
            is_encrypted,
            remembered: Mutex::default(),
            anonymous: Mutex::default(),
        })))
    }

    /// Whether nobody has to prove anything.
    #[inline]
    pub fn is_open(&self) -> bool {
        self.0.is_none()
    }

    /// Who says who is let in; none if nobody is asked.
    pub(crate) fn authority(&self) -> Option<&Arc<dyn Authority>> {
        self.0.as_ref().map(|asking| &asking.authority)
    }

    /// Whether it is reached by TLS.
    pub(crate) fn is_encrypted(&self) -> bool {
        self.0.as_ref().is_some_and(|asking| asking.is_encrypted)
    }

    /// Who sends this request.
    ///
    /// # Errors
    /// The answer to one that is not let in.
    #[inline]
    pub fn caller<B>(&self, request: &Request<B>, address: IpAddr) -> Result<Caller, Box<Response>> {
        match &self.0 {
            None => Ok(Caller::open()),
            Some(asking) => asking.caller(request, address).map_err(|refused| Box::new(refused.into_response(request))),
        }
    }
}

/// Why there is no caller.
enum NoCaller {
    /// A credential in the query string.
    InQuery,
    /// The header is there and is none, or what it shows is not good.
    Bearer,
    /// The session is over.
    Session,
    /// Nothing is shown, and that is not enough.
    Nothing,
    /// The cookie is good, and the page may be anybody's.
    Csrf,
    TooOften(Duration),
}

impl Asking {
    fn caller<B>(&self, request: &Request<B>, address: IpAddr) -> Result<Caller, NoCaller> {
        if request.uri().query().is_some_and(has_credential) {
            return Err(NoCaller::InQuery);
        }
        let (method, headers) = (request.method(), request.headers());
        let is_for_all = is_for_all(method, request.uri().path());
        let mut authorizations = headers.get_all(AUTHORIZATION).iter();
        if let Some(authorization) = authorizations.next() {
            let token = bearer(authorization).filter(|_| authorizations.next().is_none()).ok_or(NoCaller::Bearer);
            return match token.and_then(|token| self.let_in(Shown::Bearer(token), address)) {
                Err(NoCaller::Bearer) if is_for_all => Ok(Caller::nobody(address)),
                answer => answer,
            };
        }
        if let Some(cookie) = session_cookie(headers, login::cookie_name(self.is_encrypted)) {
            let shown = if is_watching(headers) { Shown::Watching(cookie) } else { Shown::Session(cookie) };
            let caller = match self.let_in(shown, address) {
                Err(NoCaller::Session) if is_for_all => return Ok(Caller::nobody(address)),
                answer => answer?,
            };
            let may_be_foreign =
                method != Method::GET && method != Method::HEAD && !is_login(method, request.uri().path());
            if may_be_foreign && !is_ours(&caller, headers) {
                return Err(NoCaller::Csrf);
            }
            return Ok(caller);
        }
        match self.let_in(Shown::Nothing, address) {
            Err(_) if is_for_all => Ok(Caller::nobody(address)),
            answer => answer,
        }
    }

    /// Asks the authority, unless it has just been asked.
    fn let_in(&self, shown: Shown<'_>, address: IpAddr) -> Result<Caller, NoCaller> {
        let key = match shown {
            Shown::Nothing => None,
            Shown::Bearer(text) => Some(Digest::of_credential("header", text)),
            Shown::Session(text) | Shown::Watching(text) => Some(Digest::of_credential("cookie", text)),
        };
        let is_watching = matches!(shown, Shown::Watching(_));
        let now = Instant::now();
        let remembered = key.and_then(|key| self.remembered(key, now, is_watching));
        if let Some(caller) = remembered.filter(|it| it.address() == address) {
            return Ok(caller);
        }
        let (login, access) = self.authority.let_in(shown, address).map_err(|why| match (why, shown) {
            (NotLetIn::TooOften(wait), _) => NoCaller::TooOften(wait),
            (NotLetIn::NotGood, Shown::Nothing) => NoCaller::Nothing,
            (NotLetIn::NotGood, Shown::Bearer(_)) => NoCaller::Bearer,
            (NotLetIn::NotGood, Shown::Session(_) | Shown::Watching(_)) => NoCaller::Session,
        })?;
        let by = match shown {
            Shown::Nothing => By::Nothing,
            Shown::Bearer(text) if BearerToken::looks_like_one(text) => By::Key,
            Shown::Bearer(_) => By::Token,
            Shown::Session(text) | Shown::Watching(text) => {
                By::Session(SessionToken::parse(text).ok_or(NoCaller::Session)?)
            }
        };
        if key.is_none() {
            *self.anonymous.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&access));
        }
        let caller = Caller::new(login, access, address, by);
        if let Some(key) = key {
            self.remember(key, Remembered { caller: caller.clone(), since: now, was_watching: is_watching });
        }
        Ok(caller)
    }

    fn remembered(&self, key: Digest, now: Instant, is_watching: bool) -> Option<Caller> {
        let remembered = self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
        let Remembered { caller, since, was_watching } = remembered.get(&key)?;
        let is_fresh = now.saturating_duration_since(*since) < REMEMBERED && !caller.is_over(wall());
        (is_fresh && (is_watching || !was_watching)).then(|| caller.clone())
    }

    fn remember(&self, key: Digest, caller: Remembered) {
        let now = caller.since;
        let mut remembered = self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
        if remembered.len() >= REMEMBERED_MAX {
            remembered.retain(|_, known| now.saturating_duration_since(known.since) < REMEMBERED);
        }
        // If there is no room still, he is asked for again each time.
        if remembered.len() < REMEMBERED_MAX {
            remembered.insert(key, caller);
        }
    }
}

impl NoCaller {
    /// What is said to the peer.
    fn problem(&self) -> Problem {
        match self {
            NoCaller::InQuery => Problem::new(
                Kind::NotLoggedIn,
                "a credential does not belong into an address, which others keep; show it as 'Authorization: Bearer …'",
            ),
            NoCaller::Bearer => Problem::new(
                Kind::NotLoggedIn,
                "what the Authorization header shows is not good: it takes 'Bearer' and a key or token that is in force",
            ),
            NoCaller::Session => Problem::new(Kind::NotLoggedIn, "the session is over; log in again"),
            NoCaller::Nothing => Problem::new(
                Kind::NotLoggedIn,
                "show a key or a token as 'Authorization: Bearer …', or log in at /api/v1/login",
            ),
            NoCaller::Csrf => Problem::new(
                Kind::CsrfMissing,
                "with the cookie of a session, what changes something needs the header X-CSRF-Token with the csrf that \
                 /api/v1/me tells",
            ),
            NoCaller::TooOften(wait) => {
                Problem::new(Kind::TooManyTries, "too many tries; wait before the next one").retry_after(*wait)
            }
        }
    }

    fn into_response<B>(self, request: &Request<B>) -> Response {
        let problem = self.problem();
        let is_of_i3x = request.uri().path().starts_with(crate::i3x::ROUTE);
        let is_login_wanted = matches!(self, NoCaller::Nothing | NoCaller::Session);
        let mut response = if is_of_i3x {
            crate::i3x::refusal(problem)
        } else if is_login_wanted && ui::is_visit(request.method(), request.headers()) {
            // The page asks who it is, and shows what was asked for when somebody has said so.
            ui::page_instead(StatusCode::UNAUTHORIZED)
        } else {
            problem.into_response()
        };
        let challenge = match &self {
            NoCaller::Bearer => Some("Bearer realm=\"factree\", error=\"invalid_token\""),
            NoCaller::InQuery | NoCaller::Session | NoCaller::Nothing => Some("Bearer realm=\"factree\""),
            NoCaller::Csrf | NoCaller::TooOften(_) => None,
        };
        if let Some(challenge) = challenge {
            response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
        }
        if let NoCaller::Session = self {
            // Or the browser would go on showing it, and never come as anonymous.
            for gone in login::cookies_gone() {
                response.headers_mut().append(SET_COOKIE, gone);
            }
        }
        response
    }
}

/// Routes that are there for everybody, or nobody could log in: what says that we live, the pages, and the login.
fn is_for_all(method: &Method, path: &str) -> bool {
    let is_read = method == Method::GET || method == Method::HEAD;
    match path {
        "/healthz" | "/readyz" | login::ME => is_read,
        login::LOGIN => true,
        _ => is_read && ui::is_of_ui(path),
    }
}

/// Whoever logs in anew has no CSRF token yet; that he does so from a page of ours is the guard's to see.
fn is_login(method: &Method, path: &str) -> bool {
    method == Method::POST && path == login::LOGIN
}

/// What stands behind `Bearer ` [RFC 6750, 2.1].
fn bearer(value: &HeaderValue) -> Option<&str> {
    let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
    let token = token.trim_start_matches(' ');
    (scheme.eq_ignore_ascii_case("Bearer") && !token.is_empty() && !token.contains([' ', ','])).then_some(token)
}

/// The session's cookie. Only the name that we set here counts: any page of a neighbouring host can set another.
fn session_cookie<'h>(headers: &'h HeaderMap, wanted: &str) -> Option<&'h str> {
    let cookies = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    cookies.flat_map(|value| value.split(';')).find_map(|cookie| {
        let (name, value) = cookie.trim().split_once('=')?;
        (name == wanted).then_some(value)
    })
}

/// Whether nobody does what a request does: the page says so, or it opens a stream, as pages do again whenever one was cut.
fn is_watching(headers: &HeaderMap) -> bool {
    let is_stream = headers.get(ACCEPT).is_some_and(|it| it == "text/event-stream");
    headers.contains_key(&UNATTENDED) || headers.contains_key(UPGRADE) || is_stream
}

fn is_ours(caller: &Caller, headers: &HeaderMap) -> bool {
    match caller.by() {
        By::Session(token) => {
            headers.get(CSRF).and_then(|it| it.to_str().ok()).is_some_and(|it| token.csrf_matches(it))
        }
        By::Open | By::Nothing | By::Key | By::Token => true,
    }
}

/// Whether a query string has a parameter that is called like a credential, or is one of our keys.
fn has_credential(query: &str) -> bool {
    const NAMES: [&str; 9] =
        ["access_token", "id_token", "token", "bearer", "authorization", "api_key", "apikey", "key", "password"];
    query.split('&').any(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        NAMES.iter().any(|known| name.eq_ignore_ascii_case(known)) || BearerToken::looks_like_one(value)
    })
}

/// The clock on the wall.
pub(crate) fn wall() -> Timestamp {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    Timestamp(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}
