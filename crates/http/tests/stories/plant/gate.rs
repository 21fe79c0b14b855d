//! A gate in front of a plant: a real directory and a real doorway, as a server has them.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

use axum::body::{Body, to_bytes};
use axum::http::Request;
use axum::response::Response;
use factree_auth::credential::{BearerToken, Cost, HashingGate, Password, PasswordHash, SessionToken, random};
use factree_auth::directory::{Command, NewKey};
use factree_auth::{Access, Directory, DirectoryLimits, Grant, Login, Name, Principal, Role, Timestamp, Verbs};
use factree_http::{Auditor, Authority, Changed, CommandFailed, Doorway, NotLetIn, Pending, Shown, access_router};
use tokio::sync::watch;
use tower::ServiceExt;

use super::Answer;

/// Keeps a directory in memory.
pub(crate) struct Gatekeeper {
    directory: Mutex<Directory>,
    gate: HashingGate,
    /// Roles of those who show nothing.
    pub(crate) anonymous: Mutex<Option<Vec<Name>>>,
    /// Whether the next who logs in has tried too often.
    pub(crate) is_hasty: Mutex<bool>,
    /// Whether nothing can be stored.
    pub(crate) is_full: Mutex<bool>,
    /// Whether passwords take their time.
    pub(crate) is_slow: watch::Sender<bool>,
    /// How often a session was used, and not only watched by.
    pub(crate) uses: Mutex<u32>,
}

fn now() -> Timestamp {
    Timestamp(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as u64)
}

pub(crate) fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

impl Gatekeeper {
    pub(crate) fn new() -> Arc<Gatekeeper> {
        let cheap = DirectoryLimits {
            password_cost: Cost::new(8, 1, 1).unwrap(),
            keys_per_user_max: 3,
            users_max: 8,
            roles_max: 4,
            roles_per_user_max: 3,
            disabled_max: 2,
            ..DirectoryLimits::default()
        };
        let directory = Mutex::new(Directory::new(cheap, Vec::new()));
        let (anonymous, is_hasty, is_full) = (Mutex::default(), Mutex::default(), Mutex::default());
        let (gate, is_slow, uses) = (HashingGate::new(1), watch::Sender::default(), Mutex::default());
        Arc::new(Gatekeeper { directory, gate, anonymous, is_hasty, is_full, is_slow, uses })
    }

    pub(crate) fn doorway(self: &Arc<Self>) -> Doorway {
        Doorway::new(Arc::clone(self) as Arc<dyn Authority>, false)
    }

    pub(crate) fn command(&self, command: Command) {
        let mut directory = self.directory.lock().unwrap();
        let change = directory.decide(now(), command).unwrap();
        directory.apply(change);
    }

    /// A role of these grants.
    pub(crate) fn role(&self, role: &str, grants: &[&str]) {
        let grants = grants.iter().map(|grant| Grant::parse(grant).unwrap()).collect();
        self.command(Command::SetRole(Role::new(role, grants, Vec::new()).unwrap()));
    }

    /// A user whose password is his name, twice.
    pub(crate) fn user(&self, user: &str, roles: &[&str]) {
        let roles = roles.iter().map(|role| name(role)).collect();
        let password = Password::given(user.repeat(2).as_bytes()).unwrap();
        let cost = self.directory.lock().unwrap().limits().password_cost;
        let hash = PasswordHash::new(&self.gate.enter().unwrap(), &password, cost, random().unwrap());
        self.command(Command::AddUser { name: name(user), password: Some(hash), roles });
    }

    /// A key of his, as it is shown, and how to revoke it.
    pub(crate) fn key(&self, owner: &str) -> (String, Command) {
        self.key_with(owner, None)
    }

    /// One that has some of his roles.
    pub(crate) fn key_of(&self, owner: &str, roles: &[&str]) -> (String, Command) {
        self.key_with(owner, Some(roles.iter().map(|role| name(role)).collect()))
    }

    fn key_with(&self, owner: &str, roles: Option<Vec<Name>>) -> (String, Command) {
        let (token, secret) = BearerToken::mint(random().unwrap());
        let id = token.id.clone();
        let (owner, label) = (name(owner), name("test"));
        let key = NewKey { token, owner, label, roles, verbs: Verbs::ALL, expires: None };
        self.command(Command::AddKey(key));
        (secret.reveal().to_owned(), Command::RemoveKey(id))
    }

    /// How the session of a cookie is listed.
    pub(crate) fn session_id(&self, cookie: &str) -> String {
        SessionToken::parse(cookie).unwrap().id().to_string()
    }

    /// A browser session of his: cookie and CSRF token.
    pub(crate) fn session(&self, owner: &str) -> (String, String) {
        let (token, cookie) = SessionToken::mint(random().unwrap());
        let csrf = token.csrf().reveal().to_owned();
        self.command(Command::OpenSession { token, owner: name(owner) });
        (cookie.reveal().to_owned(), csrf)
    }
}

impl Authority for Gatekeeper {
    fn let_in(&self, shown: Shown<'_>, _: IpAddr) -> Result<(Login, Arc<Access>), NotLetIn> {
        let mut directory = self.directory.lock().unwrap();
        let login = match shown {
            Shown::Nothing => {
                let roles = self.anonymous.lock().unwrap().clone().ok_or(NotLetIn::NotGood)?;
                Ok(directory.login_without_proof(Principal::Anonymous, roles))
            }
            Shown::Bearer(text) => {
                let token = BearerToken::parse(text).ok_or(NotLetIn::NotGood)?;
                directory.login_by_key(&token, now())
            }
            Shown::Session(text) | Shown::Watching(text) => {
                *self.uses.lock().unwrap() += u32::from(matches!(shown, Shown::Session(_)));
                let token = SessionToken::parse(text).ok_or(NotLetIn::NotGood)?;
                directory.login_by_session(&token, now())
            }
        };
        let login = login.map_err(|_| NotLetIn::NotGood)?;
        let access = directory.access_of(&login, None, now()).map_err(|_| NotLetIn::NotGood)?;
        Ok((login, access))
    }

    fn prove(&self, name: String, password: Password, _: IpAddr) -> Pending<'_, Result<Login, NotLetIn>> {
        Box::pin(async move {
            let _: Result<_, _> = self.is_slow.subscribe().wait_for(|is_slow| !is_slow).await;
            if *self.is_hasty.lock().unwrap() {
                return Err(NotLetIn::TooOften(std::time::Duration::from_millis(1_500)));
            }
            let mut directory = self.directory.lock().unwrap();
            let proven = directory.password_check(&name).run(&self.gate.enter().unwrap(), &password);
            directory.login_by_password(&proven.ok_or(NotLetIn::NotGood)?, now()).map_err(|_| NotLetIn::NotGood)
        })
    }

    fn hash(&self, password: Password) -> Pending<'_, Result<PasswordHash, NotLetIn>> {
        Box::pin(async move {
            if *self.is_hasty.lock().unwrap() {
                return Err(NotLetIn::TooOften(std::time::Duration::from_millis(1_500)));
            }
            let cost = self.directory.lock().unwrap().limits().password_cost;
            Ok(PasswordHash::new(&self.gate.enter().unwrap(), &password, cost, random().unwrap()))
        })
    }

    fn foresee(&self, _: &Command) -> Changed {
        Changed::default()
    }

    fn decide(&self, command: Command) -> Pending<'_, Result<Changed, CommandFailed>> {
        Box::pin(async move {
            if *self.is_full.lock().unwrap() {
                return Err(CommandFailed::NotStored("the disk is full".to_owned()));
            }
            let mut directory = self.directory.lock().unwrap();
            let change = directory.decide(now(), command).map_err(CommandFailed::Refused)?;
            directory.apply(change);
            Ok(Changed::default())
        })
    }

    fn read(&self, with: &mut dyn FnMut(&Directory)) {
        with(&self.directory.lock().unwrap());
    }
}

/// Routes behind a doorway, as the server's front has them.
#[derive(Clone)]
pub(crate) struct Gated {
    doorway: Doorway,
    router: axum::Router,
}

impl Gated {
    /// These routes, and those that manage who may ask.
    pub(crate) fn new(doorway: Doorway, routes: axum::Router) -> Gated {
        Gated::recorded(doorway, routes, None)
    }

    /// The same, with somebody who writes down what is done.
    pub(crate) fn recorded(doorway: Doorway, routes: axum::Router, auditor: Option<Arc<dyn Auditor>>) -> Gated {
        let router = routes.merge(access_router(doorway.clone(), auditor));
        Gated { doorway, router }
    }

    pub(crate) async fn answer(&self, mut request: Request<Body>) -> Response {
        match self.doorway.caller(&request, IpAddr::V4(Ipv4Addr::LOCALHOST)) {
            Err(refused) => *refused,
            Ok(caller) => {
                request.extensions_mut().insert(caller);
                self.router.clone().oneshot(request).await.unwrap()
            }
        }
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        let (parts, body) = self.answer(request).await.into_parts();
        let body = to_bytes(body, usize::MAX).await.unwrap();
        Answer { status: parts.status, headers: parts.headers, body: String::from_utf8(body.to_vec()).unwrap() }
    }
}
