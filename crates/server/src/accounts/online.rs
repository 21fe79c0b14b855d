//! Online: orders carried out by a running server, over its HTTP API.
//!
//! A key of somebody who may manage the area `access` says who asks; that, and nothing here, is what lets him.
//! Invariant: only an answer that says so counts as done.

use factree_auth::credential::Secret;
use factree_auth::{Principal, Verb};
use hyper::{Method, StatusCode};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::page::{self, DisabledRow, KeyRow, RoleRow, UserRow};
use super::{AccountsError, Carried, Order};
use crate::authority::wall;
use crate::web_client::{Answer, Question, WebAddress, ask};

/// A page of a list is never larger.
const ANSWER_BYTES_MAX: usize = 64 << 20;
const USERS: &str = "/api/v1/users";
const ROLES: &str = "/api/v1/roles";
const KEYS: &str = "/api/v1/keys";
const DISABLED: &str = "/api/v1/disabled";

/// A running server, and a key to it.
pub struct Online {
    /// Where it is.
    pub address: WebAddress,
    /// Of somebody who may manage users.
    pub key: Secret,
}

/// What a problem document says.
#[derive(Deserialize)]
struct Problem {
    detail: String,
}

impl Online {
    /// Carries out an order.
    ///
    /// # Errors
    /// [`AccountsError`]; nothing has changed then, unless the connection broke before the answer was here.
    pub async fn carry_out(&self, order: Order) -> Result<Carried, AccountsError> {
        let revealed = |password: Option<Secret>| password.map(|password| password.reveal().to_owned());
        let (method, path, body) = match order {
            Order::ListUsers => {
                let disabled = self.all::<DisabledRow>(DISABLED, "disabled").await?;
                return Ok(shown(page::users(&self.all::<UserRow>(USERS, "users").await?, &disabled)));
            }
            Order::ListRoles => return Ok(shown(page::roles(&self.all::<RoleRow>(ROLES, "roles").await?))),
            Order::ListKeys(owner) => {
                return Ok(shown(page::keys(&self.all::<KeyRow>(KEYS, "keys").await?, owner.as_ref())));
            }
            Order::ShowRole(name) => {
                let role = self.ask(Method::GET, &of(ROLES, name.as_str()), None).await?;
                return Ok(shown(page::role(&self.read::<RoleRow>(&role)?)));
            }
            Order::AddUser { name, password, roles } => {
                let roles: Vec<_> = roles.iter().map(ToString::to_string).collect();
                let user = json!({"name": name.to_string(), "password": revealed(password), "roles": roles});
                (Method::POST, USERS.to_owned(), Some(user))
            }
            Order::RemoveUser(name) => (Method::DELETE, of(USERS, name.as_str()), None),
            Order::SetPassword { name, password } => match revealed(password) {
                Some(password) => (Method::PUT, of(USERS, name.as_str()), Some(json!({"password": password}))),
                None => {
                    let why = "a password is taken away while the server does not run: stop it, and say --data DIR";
                    return Err(AccountsError::Problem(why.into()));
                }
            },
            Order::SetRoles { name, roles } => {
                let roles: Vec<_> = roles.iter().map(ToString::to_string).collect();
                (Method::PUT, of(USERS, name.as_str()), Some(json!({"roles": roles})))
            }
            Order::SetDisabled { who: Principal::User(name), disabled } => {
                (Method::PUT, of(USERS, name.as_str()), Some(json!({"disabled": disabled})))
            }
            Order::SetDisabled { who, disabled } => {
                (if disabled { Method::PUT } else { Method::DELETE }, of(DISABLED, &who.to_string()), None)
            }
            Order::SetRole(role) => {
                let grants: Vec<_> = role.grants().iter().map(ToString::to_string).collect();
                let pins: Vec<_> = role.pins().iter().map(ToString::to_string).collect();
                (Method::PUT, of(ROLES, role.name().as_str()), Some(json!({"grants": grants, "pins": pins})))
            }
            Order::RemoveRole(name) => (Method::DELETE, of(ROLES, name.as_str()), None),
            Order::AddKey { owner, label, roles, verbs, lasts } => {
                let roles = roles.map(|roles| roles.iter().map(ToString::to_string).collect::<Vec<_>>());
                let verbs: Vec<_> = verbs.iter().map(Verb::as_str).collect();
                let expires = lasts.map(|lasts| wall().after(lasts).to_string());
                let (owner, label) = (owner.to_string(), label.to_string());
                let key = json!({"owner": owner, "label": label, "roles": roles, "verbs": verbs, "expires": expires});
                return self.add_key(key).await;
            }
            Order::RemoveKey(id) => (Method::DELETE, of(KEYS, id.as_str()), None),
        };
        self.ask(method, &path, body).await?;
        Ok(shown(format!("Done, at {}.\n", self.address)))
    }

    async fn add_key(&self, key: Value) -> Result<Carried, AccountsError> {
        #[derive(Deserialize)]
        struct Made {
            #[serde(flatten)]
            key: KeyRow,
            secret: String,
        }
        let made = self.ask(Method::POST, KEYS, Some(key)).await?;
        let Made { key, secret } = self.read(&made)?;
        Ok(Carried { text: page::keys(&[key], None), key: Some(Secret::new(secret)) })
    }

    /// All pages of a list.
    async fn all<T: DeserializeOwned>(&self, path: &str, list: &str) -> Result<Vec<T>, AccountsError> {
        let (mut rows, mut query) = (Vec::new(), String::new());
        // Roles come all at once, and know no limit.
        let limit = if path == ROLES { "" } else { "?limit=1000" };
        loop {
            let body = self.ask(Method::GET, &format!("{path}{limit}{query}"), None).await?;
            let mut page: Value = self.read(&body)?;
            let more: Vec<T> = serde_json::from_value(page[list].take()).map_err(|_| self.strange())?;
            rows.extend(more);
            let Some(next) = page["next_cursor"].as_str() else { return Ok(rows) };
            query = format!("&cursor={}", utf8_percent_encode(next, NON_ALPHANUMERIC));
        }
    }

    async fn ask(&self, method: Method, path: &str, body: Option<Value>) -> Result<Vec<u8>, AccountsError> {
        let body = body.map(|body| body.to_string());
        let question = Question { method, path, key: Some(&self.key), body, answer_bytes_max: ANSWER_BYTES_MAX };
        let no_answer = |why: &dyn std::fmt::Display| AccountsError::NoAnswer {
            at: self.address.to_string(),
            why: why.to_string(),
        };
        let Answer { status, is_problem, body } = ask(&self.address, question).await.map_err(|why| no_answer(&why))?;
        if status.is_success() {
            return Ok(body);
        }
        let problem = serde_json::from_slice::<Problem>(&body).ok().filter(|_| is_problem);
        Err(match (problem, status) {
            (_, StatusCode::UNAUTHORIZED) => AccountsError::Problem("the key is not good there, or no more".into()),
            (Some(Problem { detail }), _) => AccountsError::Problem(crate::sparkplug_report::plainly(&detail)),
            (None, status) => no_answer(&format_args!("answers with status {}, as Factree does not", status.as_u16())),
        })
    }

    fn read<T: DeserializeOwned>(&self, body: &[u8]) -> Result<T, AccountsError> {
        serde_json::from_slice(body).map_err(|_| self.strange())
    }

    fn strange(&self) -> AccountsError {
        AccountsError::NoAnswer { at: self.address.to_string(), why: "answers otherwise than Factree does".into() }
    }
}

fn of(path: &str, name: &str) -> String {
    format!("{path}/{}", utf8_percent_encode(name, NON_ALPHANUMERIC))
}

fn shown(text: String) -> Carried {
    Carried { text, key: None }
}
