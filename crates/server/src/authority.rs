//! The authority: who is let in, and what he may do from then on.
//!
//! One per process. It joins the [`Directory`] with what the configuration says of certificates, tokens and anonymous
//! clients, with the threads that hash passwords and with the store that keeps it all. Every way in shows a [`Proof`]
//! and gets a [`Login`] or a [`NotLetIn`]; what can be said at once is said without waiting. Knows no socket and no packet.
//! Invariant: the directory in memory is what the store has; a command is applied when it is durable, one at a time.

mod hashing;
mod proof;
mod terms;

use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use factree_auth::credential::{
    Backoff, BackoffLimits, BearerToken, CertificateRule, Password, PasswordHash, SessionToken,
};
use factree_auth::directory::{Command, Refusal};
use factree_auth::{Access, Directory, DirectoryLimits, Login, Name, Principal, Timestamp};
use tokio::sync::watch;

use hashing::Hashers;
pub(crate) use proof::{CommandError, Done, NotLetIn, Proof, Why};
use terms::Terms;

/// Who is let in. Shared by all ways in.
pub(crate) struct Authority {
    /// Nobody has to prove anything.
    is_open: bool,
    directory: Mutex<Directory>,
    backoff: Mutex<Backoff>,
    terms: Mutex<Arc<Terms>>,
    hashers: Hashers,
    changed: watch::Sender<u64>,
    /// Held from a decision to its being applied.
    deciding: tokio::sync::Mutex<()>,
}

impl Authority {
    /// One that lets everybody in as admin: for listeners that only this machine can reach.
    pub(crate) fn open() -> Self {
        Authority {
            is_open: true,
            directory: Mutex::new(Directory::new(DirectoryLimits::default(), Vec::new())),
            backoff: Mutex::new(Backoff::new(BackoffLimits::default())),
            terms: Mutex::default(),
            hashers: Hashers::none(),
            changed: watch::Sender::new(0),
            deciding: tokio::sync::Mutex::default(),
        }
    }

    /// Whether nobody has to prove anything: everybody is [`Principal::Anonymous`] and an admin.
    pub(crate) fn is_open(&self) -> bool {
        self.is_open
    }

    /// Says at once who is let in, in microseconds and without waiting. None: a password has to be hashed, see
    /// [`log_in`](Self::log_in).
    pub(crate) fn log_in_at_once(&self, proof: &Proof<'_>, peer: IpAddr) -> Option<Result<Login, NotLetIn>> {
        if self.is_open {
            return Some(Ok(self.directory().login_without_proof(Principal::Anonymous, vec![admin()])));
        }
        let terms = self.terms();
        let now = wall();
        Some(match proof {
            Proof::Nothing => match terms.anonymous_from(peer) {
                Some(roles) => Ok(self.directory().login_without_proof(Principal::Anonymous, roles)),
                None => Err(NotLetIn::because(Why::NoProof)),
            },
            Proof::Password { username, password } => {
                let token =
                    password.as_token().filter(|token| BearerToken::looks_like_one(token) || terms.takes_tokens())?;
                self.log_in_by_token(token, &terms, now).and_then(|login| matching(login, Some(username)))
            }
            Proof::Certificate { certificate, username } => {
                let mapped = CertificateRule::map(&terms.certificates, &certificate.names);
                mapped.map_err(|unmapped| NotLetIn::because(Why::Certificate(unmapped))).and_then(|mapped| {
                    let (issuer, serial, until) = (&certificate.issuer, &certificate.serial, Some(certificate.until));
                    let login = self.directory().login_by_certificate(mapped, issuer, serial, until, now);
                    login.map_err(NotLetIn::from).and_then(|login| matching(login, *username))
                })
            }
            Proof::Bearer(token) => self.log_in_by_token(token, &terms, now),
            Proof::Session(cookie) => match SessionToken::parse(cookie) {
                Some(token) => self.directory().login_by_session(&token, now).map_err(NotLetIn::from),
                None => Err(NotLetIn::from(Refusal::Unknown)),
            },
        })
    }

    /// Says who is let in. A password waits in line for its turn to be hashed; what cannot even stand in line is refused
    /// as too often. Dropped, it leaves the line.
    ///
    /// # Errors
    /// [`NotLetIn`].
    pub(crate) async fn log_in(&self, proof: Proof<'_>, peer: IpAddr) -> Result<Login, NotLetIn> {
        if let Some(answer) = self.log_in_at_once(&proof, peer) {
            return answer;
        }
        let Proof::Password { username, password } = proof else { unreachable!("only a password has to be hashed") };
        let answer = self.log_in_by_password(username, password, peer).await;
        answer.map_err(|refused| refused.of(username))
    }

    async fn log_in_by_password(&self, username: &str, password: Password, peer: IpAddr) -> Result<Login, NotLetIn> {
        let _ = (username, password, peer);
        Err(NotLetIn::from(Refusal::Unknown))
    }

    fn log_in_by_token(&self, token: &str, terms: &Terms, now: Timestamp) -> Result<Login, NotLetIn> {
        if BearerToken::looks_like_one(token) {
            let key = BearerToken::parse(token).ok_or(Refusal::Unknown)?;
            return Ok(self.directory().login_by_key(&key, now)?);
        }
        let subject = terms.subject(token, now)?;
        Ok(self.directory().login_by_token(subject, now)?)
    }

    /// What a login may do now; `client_id` is that of the MQTT session, if it is one.
    ///
    /// # Errors
    /// [`Refusal`]: it is good no more.
    pub(crate) fn access_of(&self, login: &Login, client_id: Option<&str>) -> Result<Arc<Access>, Refusal> {
        self.directory().access_of(login, client_id, wall())
    }

    /// Looks at a stale login again. If it goes on, its rights may be others: ask [`access_of`](Self::access_of) anew.
    ///
    /// # Errors
    /// [`Refusal`]: whoever holds it is cut off.
    pub(crate) fn renew(&self, login: &mut Login) -> Result<(), Refusal> {
        self.directory().renew(login, wall())
    }

    /// Decides about a command, stores what comes of it, and applies it when it is durable. One at a time.
    ///
    /// # Errors
    /// [`CommandError`]; nothing has changed then.
    pub(crate) async fn decide(&self, command: Command) -> Result<Done, CommandError> {
        let _one_at_a_time = self.deciding.lock().await;
        let _ = command;
        Err(CommandError::Open)
    }

    /// Hashes a password that is to be set, in the line of those that log in.
    ///
    /// # Errors
    /// [`Why::TooOften`] if the line is full.
    pub(crate) async fn hash(&self, password: Password) -> Result<PasswordHash, NotLetIn> {
        let _ = password;
        Err(NotLetIn::because(Why::TooOften { wait: Duration::from_secs(1) }))
    }

    /// Reads the directory, under its lock: quickly, and without asking this for anything else.
    pub(crate) fn read<R>(&self, with: impl FnOnce(&Directory) -> R) -> R {
        with(&self.directory())
    }

    /// Goes up when any tenure may have ended.
    pub(crate) fn changed(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    /// Never held across an await, nor together with any other lock.
    fn directory(&self) -> MutexGuard<'_, Directory> {
        lock(&self.directory)
    }

    fn terms(&self) -> Arc<Terms> {
        Arc::clone(&lock(&self.terms))
    }
}

/// Whoever calls himself something beside a proof must be called that.
fn matching(login: Login, username: Option<&str>) -> Result<Login, NotLetIn> {
    match username {
        Some(username) if !username.is_empty() && login.principal().name().map(Name::as_str) != Some(username) => {
            Err(NotLetIn::because(Why::AnotherName).of(username))
        }
        _ => Ok(login),
    }
}

fn admin() -> Name {
    Name::parse("admin").expect("a plain word")
}

/// The clock on the wall.
pub(crate) fn wall() -> Timestamp {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(u64::try_from(since_epoch.as_millis()).unwrap_or(u64::MAX))
}

/// What is locked here is whole after every statement.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
