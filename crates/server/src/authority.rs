//! The authority: who is let in, and what he may do from then on.
//!
//! One per process. It joins the [`Directory`] with what the configuration says of certificates, tokens and anonymous
//! clients, with the threads that hash passwords and with the store that keeps it all. Every way in shows a [`Proof`]
//! and gets a [`Login`] or a [`NotLetIn`]; what can be said at once is said without waiting. Knows no socket and no packet.
//! Invariant: the directory in memory is what the store has; a command is applied when it is durable, one at a time.

mod absent;
pub(crate) mod deed;
mod hashing;
mod http;
mod ledger;
mod proof;
mod terms;
#[cfg(test)]
mod tests;
mod trusted;
mod upkeep;

use std::net::IpAddr;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use factree_auth::credential::{
    Backoff, BackoffLimits, BearerToken, Certificate, Jwks, Password, PasswordHash, Permit, SessionToken, SignedClaims,
    TokenError, random,
};
use factree_auth::directory::{Change, Command, Evidence, ProvenUser, Refusal};
use factree_auth::{Access, Directory, DirectoryLimits, Login, Name, Principal, Timestamp};
use tokio::sync::watch;
use tracing::warn;

use crate::config::AuthConfig;
use crate::limits::AuthLimits;
use crate::storage::StorageError;
use crate::web_client::WebAddress;
use hashing::Hashers;
pub(crate) use ledger::Ledger;
pub(crate) use proof::{CommandError, Done, NotLetIn, Proof, Why};
use terms::Terms;
pub(crate) use terms::TrustFiles;
use upkeep::{Bell, Used};

/// What a change may end.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ends {
    Tenures,
    Nothing,
}

/// How long who finds the line full is told to wait.
const LINE_IS_FULL: Duration = Duration::from_secs(2);

/// Who is let in. Shared by all ways in.
pub(crate) struct Authority {
    /// Nobody has to prove anything.
    is_open: bool,
    directory: Arc<Mutex<Directory>>,
    backoff: Arc<Mutex<Backoff>>,
    terms: Mutex<Arc<Terms>>,
    hashers: Hashers,
    changed: watch::Sender<u64>,
    /// Held from a decision to its being applied. None: there is nothing to decide about.
    ledger: Arc<tokio::sync::Mutex<Option<Ledger>>>,
    bell: Bell,
}

impl Authority {
    /// One that lets everybody in as admin: for listeners that only this machine can reach.
    pub(crate) fn open() -> Self {
        let directory = Directory::new(DirectoryLimits::default(), Vec::new());
        Self::with(true, directory, BackoffLimits::default(), Terms::default(), Hashers::none(), None)
    }

    /// One that asks everybody, by what the configuration says and the data directory holds.
    ///
    /// # Errors
    /// [`StorageError`]: what is stored cannot be read, or the machine refuses.
    pub(crate) fn start(auth: &AuthConfig, limits: &AuthLimits, data: &Path) -> Result<Self, StorageError> {
        let mut directory = Directory::new(limits.directory(), auth.roles.clone());
        let ledger = Ledger::open(data, &mut directory)?;
        if let Some(certificates) = &auth.certificates {
            directory.revoke_certificates(certificates.revocations.clone());
        }
        let others = auth.anonymous.is_some() || auth.certificates.is_some() || auth.tokens.is_some();
        if directory.users().next().is_none() && !others {
            warn!("there is no user yet, so nobody can log in: stop the server and say `factree user add`");
        }
        tell_unknown_roles(&directory, auth);
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        let threads = processors.min(limits.auth_hashing_threads_max.get().into());
        let hashers = Hashers::start(threads, limits.auth_logins_waiting_max.get()).map_err(StorageError::Thread)?;
        Ok(Self::with(false, directory, limits.backoff(), Terms::new(auth, None), hashers, Some(ledger)))
    }

    fn with(
        is_open: bool,
        directory: Directory,
        backoff: BackoffLimits,
        terms: Terms,
        hashers: Hashers,
        ledger: Option<Ledger>,
    ) -> Self {
        Authority {
            is_open,
            directory: Arc::new(Mutex::new(directory)),
            backoff: Arc::new(Mutex::new(Backoff::new(backoff))),
            terms: Mutex::new(Arc::new(terms)),
            hashers,
            changed: watch::Sender::new(0),
            ledger: Arc::new(tokio::sync::Mutex::new(ledger)),
            bell: Bell::new(),
        }
    }

    /// Takes what the configuration says now. Every login is looked at again; whether anybody has to log in at all is
    /// decided when the process starts.
    pub(crate) fn configure(&self, auth: &AuthConfig) {
        if self.is_open {
            return;
        }
        // Before tenures end, or somebody could get a new one by the old terms.
        {
            let mut terms = lock(&self.terms);
            *terms = Arc::new(Terms::new(auth, Some(&terms)));
        }
        {
            let mut directory = self.directory();
            directory.configure(auth.roles.clone());
            let revoked = auth.certificates.as_ref().map(|it| it.revocations.clone()).unwrap_or_default();
            directory.revoke_certificates(revoked);
            tell_unknown_roles(&directory, auth);
        }
        self.bell.unknown_key.notify_one();
        self.changed.send_modify(|count| *count += 1);
    }

    /// An identity provider has told its keys. Whoever was let in by one that it has taken back is looked at again.
    fn told(&self, provider: &WebAddress, keys: Jwks) {
        let is_any_gone = {
            let mut terms = lock(&self.terms);
            let Some((next, is_any_gone)) = terms.told(provider, keys) else { return };
            *terms = Arc::new(next);
            is_any_gone
        };
        if is_any_gone {
            self.directory().doubt_strangers();
            self.changed.send_modify(|count| *count += 1);
        }
    }

    /// Does what has to be done now and then, for as long as it is polled.
    pub(crate) async fn keep_up(self: Arc<Self>) {
        if !self.is_open {
            upkeep::keep(self).await;
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
        self.by_terms_in_force(|terms| self.judge(proof, terms, peer))
    }

    fn judge(&self, proof: &Proof<'_>, terms: &Terms, peer: IpAddr) -> Option<Result<Login, NotLetIn>> {
        let now = wall();
        Some(match proof {
            Proof::Nothing => self.log_in_by_address(peer, terms),
            Proof::Password { username, password } => {
                let token =
                    password.as_token().filter(|token| BearerToken::looks_like_one(token) || terms.takes_tokens())?;
                self.log_in_by_token(token, terms, now).and_then(|login| matching(login, Some(username)))
            }
            Proof::Certificate { certificate, username } => {
                let login = self.log_in_by_certificate(certificate, terms, Some(now));
                login.and_then(|login| matching(login, *username))
            }
            Proof::Bearer(token) => self.log_in_by_token(token, terms, now),
            Proof::Session(cookie) => self.log_in_by_session(cookie, now, true),
            Proof::Watching(cookie) => self.log_in_by_session(cookie, now, false),
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
        self.not_too_often(username, peer)?;
        let (directory, backoff, name) = (Arc::clone(&self.directory), Arc::clone(&self.backoff), username.to_owned());
        let checked = self.hashers.run(move |permit| check(permit, &directory, &backoff, &name, &password, peer)).await;
        let (proven, renewal) = checked.map_err(|_| NotLetIn::because(Why::TooOften { wait: LINE_IS_FULL }))??;
        if let Some(renewal) = renewal {
            // The old hash is as good; it is tried again at the next login.
            let _: Result<Done, CommandError> = self.decide(renewal).await;
        }
        Ok(self.directory().login_by_password(&proven, wall())?)
    }

    fn not_too_often(&self, username: &str, peer: IpAddr) -> Result<(), NotLetIn> {
        refuse_haste(&lock(&self.backoff), username, peer)
    }

    fn log_in_by_token(&self, token: &str, terms: &Terms, now: Timestamp) -> Result<Login, NotLetIn> {
        if BearerToken::looks_like_one(token) {
            let key = BearerToken::parse(token).ok_or(Refusal::Unknown)?;
            let mut directory = self.directory();
            let login = directory.login_by_key(&key, now)?;
            if directory.note_key_used(&key.id, now).is_some() {
                self.note(Used::Key(key.id));
            }
            return Ok(login);
        }
        let claims = terms.open(token).inspect_err(|error| {
            if *error == TokenError::UnknownKey {
                self.bell.unknown_key.notify_one();
            }
        })?;
        self.log_in_by_claims(&Arc::new(claims), terms, Some(now))
    }

    fn log_in_by_claims(
        &self,
        claims: &Arc<SignedClaims>,
        terms: &Terms,
        now: Option<Timestamp>,
    ) -> Result<Login, NotLetIn> {
        let subject = terms.subject(claims, now)?;
        Ok(self.directory().login_by_token(subject, claims, now.unwrap_or_default())?)
    }

    fn log_in_by_certificate(
        &self,
        shown: &Arc<Certificate>,
        terms: &Terms,
        now: Option<Timestamp>,
    ) -> Result<Login, NotLetIn> {
        let named = |refused: NotLetIn| {
            shown.names.said().map_or(refused.clone(), |name| refused.of(&format!("certificate {name}")))
        };
        terms.verify(shown, now).map_err(|refusal| named(refusal.into()))?;
        let owner = terms.owner(shown).map_err(|unmapped| named(NotLetIn::because(Why::Certificate(unmapped))))?;
        Ok(self.directory().login_by_certificate(owner, shown, now.unwrap_or_default())?)
    }

    fn log_in_by_address(&self, peer: IpAddr, terms: &Terms) -> Result<Login, NotLetIn> {
        let roles = terms.anonymous_from(peer).ok_or(NotLetIn::because(Why::NoProof))?;
        Ok(self.directory().login_anonymous(peer, roles))
    }

    fn log_in_by_session(&self, cookie: &str, now: Timestamp, is_use: bool) -> Result<Login, NotLetIn> {
        let token = SessionToken::parse(cookie).ok_or(Refusal::Unknown)?;
        let mut directory = self.directory();
        let login = directory.login_by_session(&token, now)?;
        if is_use && directory.note_session_used(token.id(), now).is_some() {
            self.note(Used::Session(token.id()));
        }
        Ok(login)
    }

    /// What finds no room is used again.
    fn note(&self, used: Used) {
        let _: Result<(), _> = self.bell.used.try_send(used);
    }

    /// What a login may do now; `client_id` is that of the MQTT session, if it is one.
    ///
    /// # Errors
    /// [`Refusal`]: it is good no more.
    pub(crate) fn access_of(&self, login: &Login, client_id: Option<&str>) -> Result<Arc<Access>, Refusal> {
        self.directory().access_of(login, client_id, wall())
    }

    /// Looks at a login again. If it goes on, its rights may be others: ask [`access_of`](Self::access_of) anew. What the
    /// directory does not keep is let in once more, by the terms of now, and has to be who it was.
    ///
    /// # Errors
    /// [`Refusal`]: whoever holds it is cut off.
    pub(crate) fn renew(&self, login: &mut Login) -> Result<(), Refusal> {
        match login.evidence() {
            Some(evidence) => self.judge_again(login, &evidence, Some(wall())),
            None => self.directory().renew(login, wall()),
        }
    }

    /// Without a time, whenever the evidence is or was good.
    fn judge_again(&self, login: &mut Login, evidence: &Evidence, now: Option<Timestamp>) -> Result<(), Refusal> {
        let anew = self.by_terms_in_force(|terms| match evidence {
            Evidence::Nothing(from) => self.log_in_by_address(*from, terms),
            Evidence::Certificate(shown) => self.log_in_by_certificate(shown, terms, now),
            Evidence::Token(claims) => self.log_in_by_claims(claims, terms, now),
        });
        let anew = anew.map_err(|refused| refused.why.as_refusal())?;
        if anew.principal() != login.principal() {
            return Err(Refusal::Changed);
        }
        *login = anew;
        Ok(())
    }

    /// Decides about a command, stores what comes of it, and applies it when it is durable. One at a time; once it has
    /// begun it is carried through, whoever waits for it.
    ///
    /// # Errors
    /// [`CommandError`]; nothing has changed then.
    pub(crate) async fn decide(&self, command: Command) -> Result<Done, CommandError> {
        let forgotten = match &command {
            Command::SetPassword { name, .. } | Command::RemoveUser(name) => Some(name.clone()),
            _ => None,
        };
        let done = self
            .carry_out(Ends::Tenures, move |directory, now| {
                let (verb, subject) = deed::of(&command, directory);
                let (old, said) = (subject.picture(directory), deed::said_of_password(&command, directory));
                let change = directory.decide(now, command).map_err(CommandError::Refused)?;
                Ok((change, move |directory: &Directory| {
                    let done = subject.done(verb, old, directory);
                    Done { new: said.or(done.new), ..done }
                }))
            })
            .await?;
        if let Some(name) = forgotten {
            lock(&self.backoff).forget(name.as_str());
        }
        Ok(done)
    }

    /// Stores and applies a change that no command asks for.
    async fn keep(
        &self,
        ends: Ends,
        change: impl FnOnce(&Directory, Timestamp) -> Option<Change> + Send + 'static,
    ) -> Result<(), CommandError> {
        let change =
            move |directory: &Directory, now| Ok((change(directory, now).unwrap_or_default(), |_: &Directory| ()));
        self.carry_out(ends, change).await
    }

    async fn carry_out<R: Send + 'static, T: FnOnce(&Directory) -> R + Send + 'static>(
        &self,
        ends: Ends,
        decide: impl FnOnce(&Directory, Timestamp) -> Result<(Change, T), CommandError> + Send + 'static,
    ) -> Result<R, CommandError> {
        let mut ledger = Arc::clone(&self.ledger).lock_owned().await;
        let (directory, changed) = (Arc::clone(&self.directory), self.changed.clone());
        // Not on this task: it may be dropped, and what is on disk must be applied.
        let carried_out = tokio::task::spawn_blocking(move || {
            let ledger = ledger.as_mut().ok_or(CommandError::Open)?;
            let (change, tell) = decide(&lock(&directory), wall())?;
            if change.is_empty() {
                return Ok(tell(&lock(&directory)));
            }
            ledger.keep(&change)?;
            let told = {
                let mut directory = lock(&directory);
                directory.apply(change);
                tell(&directory)
            };
            if ends == Ends::Tenures {
                changed.send_modify(|count| *count += 1);
            }
            Ok(told)
        });
        carried_out.await.unwrap_or_else(|broken| Err(CommandError::Failed(format!("a mistake of ours: {broken}"))))
    }

    /// Hashes a password that is to be set, in the line of those that log in.
    ///
    /// # Errors
    /// [`Why::TooOften`] if the line is full.
    pub(crate) async fn hash(&self, password: Password) -> Result<PasswordHash, NotLetIn> {
        let full = || NotLetIn::because(Why::TooOften { wait: LINE_IS_FULL });
        let cost = self.read(|directory| directory.limits().password_cost);
        let salt = random().map_err(|_| full())?;
        self.hashers.run(move |permit| PasswordHash::new(permit, &password, cost, salt)).await.map_err(|_| full())
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

    /// Does it by the terms in force; again, if they have changed meanwhile, since that ended no tenure that began later.
    fn by_terms_in_force<R>(&self, mut with: impl FnMut(&Terms) -> R) -> R {
        loop {
            let terms = self.terms();
            let answer = with(&terms);
            if Arc::ptr_eq(&terms, &self.terms()) {
                return answer;
            }
        }
    }

    fn terms(&self) -> Arc<Terms> {
        Arc::clone(&lock(&self.terms))
    }
}

/// Checks a password, when its turn has come.
fn check(
    permit: &Permit,
    directory: &Mutex<Directory>,
    backoff: &Mutex<Backoff>,
    username: &str,
    password: &Password,
    peer: IpAddr,
) -> Result<(ProvenUser, Option<Command>), NotLetIn> {
    // Others of his may have failed while he was in line.
    refuse_haste(&lock(backoff), username, peer)?;
    let check = lock(directory).password_check(username);
    let proven = check.run(permit, password);
    let now = Instant::now();
    let Some(proven) = proven else {
        lock(backoff).failed(now, username, peer);
        return Err(NotLetIn::from(Refusal::Unknown));
    };
    lock(backoff).succeeded(now, username, peer);
    let outdated = {
        let directory = lock(directory);
        proven.outdated_hash(&directory).map(|before| (before.clone(), directory.limits().password_cost))
    };
    let renewal = outdated.and_then(|(before, cost)| {
        let after = PasswordHash::new(permit, password, cost, random().ok()?);
        Some(Command::RenewHash { name: proven.name().clone(), before, after })
    });
    Ok((proven, renewal))
}

fn refuse_haste(backoff: &Backoff, username: &str, peer: IpAddr) -> Result<(), NotLetIn> {
    match backoff.wait(Instant::now(), username, peer) {
        Duration::ZERO => Ok(()),
        wait => Err(NotLetIn::because(Why::TooOften { wait })),
    }
}

/// Roles that the configuration names and nobody knows: whoever has them has nothing, which may be a slip of the pen.
fn tell_unknown_roles(directory: &Directory, auth: &AuthConfig) {
    for role in Terms::named_roles(auth).filter(|role| directory.role(role.as_str()).is_none()) {
        warn!(%role, "[auth] names a role that does not exist");
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

/// The clock on the wall. Whoever waits by another one has to expect that it steps, and looks at it again.
pub(crate) fn wall() -> Timestamp {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let wall = Timestamp(u64::try_from(since_epoch.as_millis()).unwrap_or(u64::MAX));
    #[cfg(test)]
    let wall = Timestamp(wall.0.saturating_add_signed(STEP.get()));
    wall
}

#[cfg(test)]
std::thread_local! {
    /// By how many milliseconds somebody has set the clock, as far as this thread sees.
    pub(crate) static STEP: std::cell::Cell<i64> = const { std::cell::Cell::new(0) };
}

/// What is locked here is whole after every statement.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
