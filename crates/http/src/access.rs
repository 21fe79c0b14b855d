//! Users, roles, keys, sessions and who is disabled over HTTP, and why somebody may do something.
//!
//! A router of its own, because the directory is the server's: it hands in a [`Doorway`](crate::Doorway). Who may manage the
//! area `access` may do all of this; everybody else has his own password, keys and sessions, if he has logged in himself: a
//! key cannot make keys. Nothing is changed while the audit log cannot be written.
//! Knows no store. Invariant: no answer holds a secret but the one that tells a new key, once.

pub(crate) mod disabled;
pub(crate) mod explain;
pub(crate) mod keys;
pub(crate) mod roles;
pub(crate) mod sessions;
pub(crate) mod users;

use std::net::IpAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::to_bytes;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::response::Response;
use factree_auth::audit::{Outcome, OwnedEntry};
use factree_auth::credential::Password;
use factree_auth::directory::{Command, Refused};
use factree_auth::{Area, Name, Principal, Verb};
use serde::de::DeserializeOwned;
use utoipa_axum::routes;

use crate::audit::{Deed, to_the_end};
use crate::caller::{By, Caller};
use crate::openapi::routes::Routes;
use crate::problem::{Kind, Problem, clipped};
use crate::query::Query;
use crate::{Auditor, Authority, Changed, CommandFailed, Doorway, NoAudit, NotLetIn, answer, login};

/// A larger body is refused, but of a role.
const BODY_BYTES_MAX: usize = 16 << 10;
/// Users, keys and sessions in one page.
const PAGE: crate::edge_nodes::PageSize = crate::edge_nodes::PageSize { default: 100, max: 1_000 };

const USERS: &str = "/api/v1/users";
const ROLES: &str = "/api/v1/roles";
const KEYS: &str = "/api/v1/keys";
const SESSIONS: &str = "/api/v1/sessions";
const DISABLED: &str = "/api/v1/disabled";
const EXPLAIN: &str = "/api/v1/access/explain";

/// The routes alone. Without an auditor nothing is written down.
pub fn access_router(doorway: Doorway, auditor: Option<Arc<dyn Auditor>>) -> Router {
    let desk = Desk { doorway, auditor: auditor.unwrap_or_else(|| Arc::new(NoAudit)) };
    routes().router().method_not_allowed_fallback(crate::wrong_method).with_state(desk)
}

pub(crate) fn routes() -> Routes<Desk> {
    Routes::new()
        .at(login::LOGIN, routes!(login::log_in, login::log_out))
        .at(login::ME, routes!(login::me))
        .at(login::PASSWORD, routes!(login::change_password))
        .at(USERS, routes!(users::list, users::add))
        .at(&format!("{USERS}/{{name}}"), routes!(users::one, users::change, users::remove))
        .at(ROLES, routes!(roles::list))
        .at(&format!("{ROLES}/{{name}}"), routes!(roles::one, roles::set, roles::remove))
        .at(KEYS, routes!(keys::list, keys::add))
        .at(&format!("{KEYS}/{{id}}"), routes!(keys::remove))
        .at(SESSIONS, routes!(sessions::list))
        .at(&format!("{SESSIONS}/{{id}}"), routes!(sessions::end))
        .at(DISABLED, routes!(disabled::list))
        .at(&format!("{DISABLED}/{{principal}}"), routes!(disabled::disable, disabled::enable))
        .at(EXPLAIN, routes!(explain::explain))
}

/// What these routes work with.
#[derive(Clone)]
pub(crate) struct Desk {
    doorway: Doorway,
    auditor: Arc<dyn Auditor>,
}

impl Desk {
    pub(crate) fn is_open(&self) -> bool {
        self.doorway.is_open()
    }

    pub(crate) fn is_encrypted(&self) -> bool {
        self.doorway.is_encrypted()
    }

    /// Who keeps the directory.
    pub(crate) fn authority(&self) -> Result<&dyn Authority, Problem> {
        self.doorway.authority().map(|authority| &**authority).ok_or_else(no_logins)
    }

    /// The same, for who may manage it.
    fn managed(&self, caller: &Caller, verb: Verb) -> Result<&dyn Authority, Problem> {
        caller.manage(verb, Area::Access)?;
        self.authority()
    }

    /// Writes down who has logged in, or has not, by the name he came with.
    pub(crate) fn note_login(&self, name: &str, address: IpAddr, outcome: Result<&Caller, &Problem>) {
        let entry = |who: String| OwnedEntry::new(who, "log in", "http").from(address);
        self.auditor.note(match outcome {
            Ok(caller) => entry(caller.principal().to_string()),
            Err(problem) => entry(name.to_owned()).ended(Outcome::Refused, problem.said()),
        });
    }

    /// Has a command carried out and written down. Nothing is while the audit log cannot be written.
    pub(crate) async fn carry_out(
        &self,
        caller: &Caller,
        verb: &'static str,
        target: String,
        command: Command,
    ) -> Result<(), Problem> {
        let Changed { old, new, .. } = self.authority()?.foresee(&command);
        let deed = Deed::new(&self.auditor, caller, verb, target).old(old).wanted(new);
        let desk = self.clone();
        let carried_out = to_the_end(|whole| async move {
            let authority = desk.authority()?;
            let unrecorded = |why: Problem| Problem::new(Kind::NotStored, why.into_parts().2);
            let mut begun = deed.begin(&whole).await.map_err(unrecorded)?;
            match authority.decide(command).await {
                Ok(Changed { old, new, .. }) => {
                    begun.changed(old, new);
                    begun.done();
                    Ok(())
                }
                // It was begun, so that it came to nothing is its end.
                Err(why) => {
                    begun.failed_for(match &why {
                        CommandFailed::Refused(why) => why.to_string(),
                        CommandFailed::NotStored(why) => why.clone(),
                    });
                    Err(failed(why))
                }
            }
        });
        carried_out.await
    }
}

impl Caller {
    /// The user who has logged in himself, and so may manage what is his own.
    pub(crate) fn own_name(&self) -> Option<Name> {
        match (self.by(), self.principal()) {
            (By::Session(_), Principal::User(name)) => Some(name.clone()),
            _ => None,
        }
    }
}

pub(crate) fn no_logins() -> Problem {
    Problem::new(Kind::NoLogins, "nobody has to log in here: there is no [auth] in the configuration")
}

/// What a peer is told who was not let in; none if it is nothing but that.
pub(crate) fn not_let_in(why: NotLetIn) -> Option<Problem> {
    match why {
        NotLetIn::NotGood => None,
        NotLetIn::TooOften(wait) => {
            Some(Problem::new(Kind::TooManyTries, "too many tries; wait before the next one").retry_after(wait))
        }
    }
}

/// What is said of a command that was not carried out.
pub(crate) fn failed(why: CommandFailed) -> Problem {
    let refused = match why {
        CommandFailed::NotStored(why) => return Problem::new(Kind::NotStored, why),
        CommandFailed::Refused(refused) => refused,
    };
    let kind = match &refused {
        Refused::UserExists(_) => Kind::UserExists,
        Refused::NoUser(_) => Kind::UserNotFound,
        Refused::NoRole(_) => Kind::RoleNotFound,
        Refused::NoKey => Kind::KeyNotFound,
        Refused::NoSession => Kind::SessionNotFound,
        Refused::FixedRole(_) => Kind::RoleFixed,
        Refused::RoleInUse { .. } => Kind::RoleInUse,
        Refused::LastAdmin => Kind::LastAdmin,
        Refused::TooMany(_) => Kind::TooManyOfThem,
        Refused::NotDisabled(_) => Kind::PrincipalNotFound,
        Refused::NotHis(_) | Refused::Expired | Refused::Nameless => Kind::Unacceptable,
    };
    Problem::new(kind, refused.to_string())
}

/// A password that is to be set.
pub(crate) fn chosen(password: &str) -> Result<Password, Problem> {
    Password::chosen(password).map_err(|why| Problem::new(Kind::Unacceptable, why.to_string()))
}

/// A name out of a body.
fn name(text: &str) -> Result<Name, Problem> {
    Name::parse(text).map_err(|why| Problem::new(Kind::Unacceptable, format!("'{}': {why}", clipped(text))))
}

/// Names of roles out of a body.
fn names(texts: &[String]) -> Result<Vec<Name>, Problem> {
    texts.iter().map(|text| name(text)).collect()
}

/// A JSON object out of a request that has no query.
pub(crate) async fn body<T: DeserializeOwned>(request: Request) -> Result<T, Problem> {
    body_of(request, BODY_BYTES_MAX).await
}

async fn body_of<T: DeserializeOwned>(request: Request, bytes_max: usize) -> Result<T, Problem> {
    Query::parse(request.uri().query(), &[])?;
    let body = to_bytes(request.into_body(), bytes_max).await.map_err(|_| {
        let detail = format!("the body is larger than {bytes_max} bytes, or did not arrive whole");
        Problem::new(Kind::BodyTooLarge, detail)
    })?;
    let refused = |why: &str| Problem::new(Kind::BadBody, format!("the body is not what it should be: {why}"));
    // To serde an array is a struct as well.
    if !body.trim_ascii_start().starts_with(b"{") {
        return Err(refused("it is no JSON object"));
    }
    // A member's text may be a password, so nothing of the body is said back but where it is wrong.
    serde_json::from_slice(&body).map_err(|why| {
        let what = match why.classify() {
            serde_json::error::Category::Data => "a member is missing, of another type, or not known",
            _ => "it is no JSON",
        };
        refused(&format!("{what} (line {}, column {})", why.line(), why.column()))
    })
}

/// 204.
pub(crate) fn done() -> Response {
    answer::with(StatusCode::NO_CONTENT, "application/json", Vec::new())
}
