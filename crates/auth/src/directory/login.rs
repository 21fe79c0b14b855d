//! Logins: somebody has proven who he is; what may he do, and for how long?
//!
//! A password is checked outside of any lock: [`Directory::password_check`] gives what is needed for it, for those who
//! do not exist as for those who do, so that neither the answer nor its time tells them apart. When a tenure is over,
//! the same login is looked at again ([`Directory::renew`]): what proved it has to be there still, unchanged. What the
//! directory does not keep (certificates, tokens, who shows nothing) a login carries with it as [`Evidence`], for whoever
//! knows the terms by which it was judged: by those of today it is let in anew, or not.
//! Invariant: every way in ends in [`Directory::access_of`].

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use super::{Directory, Tenure, User};
use crate::access::Access;
use crate::credential::{
    BearerToken, Certificate, Cost, Digest, KeyId, Mapped, Password, PasswordHash, Permit, SessionId, SessionToken,
    SignedClaims, TokenSubject,
};
use crate::name::Name;
use crate::principal::Principal;
use crate::role::Role;
use crate::template::Fill;
use crate::time::Timestamp;
use crate::verb::Verbs;

/// What a login was proven by.
#[derive(Clone, Debug)]
enum Proof {
    /// The stamp of the password, which changes with it.
    Password(Digest),
    Key(KeyId, Part),
    Session(SessionId),
    /// No roles: a user of the directory.
    Certificate {
        shown: Arc<Certificate>,
        roles: Option<Vec<Name>>,
    },
    Token {
        claims: Arc<SignedClaims>,
        roles: Vec<Name>,
    },
    /// Let in without, and from where if that counts.
    None {
        from: Option<IpAddr>,
        roles: Vec<Name>,
    },
    /// A user's session waits for him.
    Absent(Part),
}

/// What a login was let in by that the directory does not keep.
#[derive(Clone, Debug)]
pub enum Evidence {
    /// A certificate that TLS has verified.
    Certificate(Arc<Certificate>),
    /// What an identity provider has signed.
    Token(Arc<SignedClaims>),
    /// Nothing was shown, from there.
    Nothing(IpAddr),
}

/// What of its owner's rights a key gives: no command changes it.
#[derive(Clone, Debug)]
struct Part {
    /// None: all he has.
    roles: Option<Vec<Name>>,
    verbs: Verbs,
}

/// Somebody who has proven who he is.
#[derive(Clone, Debug)]
pub struct Login {
    principal: Principal,
    proof: Proof,
    until: Option<Timestamp>,
    tenure: Tenure,
}

/// Why somebody is not let in, or not any longer. For the audit log; the peer is told nothing of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// No such user, key or session, or not his password.
    Unknown,
    /// He may not log in for now.
    Disabled,
    /// It is good no more: a key, a session, a token.
    Expired,
    /// The certificate was revoked.
    Revoked,
    /// What proved it has changed since: the password, or the key is gone.
    Changed,
    /// None of the authorities that are trusted now vouches for the certificate.
    Untrusted,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unknown => "unknown, or not the right secret",
            Self::Disabled => "disabled",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
            Self::Changed => "what proved it has changed",
            Self::Untrusted => "of no authority that is trusted now",
        })
    }
}

impl std::error::Error for Refusal {}

/// What is needed to check a password, without the directory.
#[derive(Debug)]
pub struct PasswordCheck {
    user: Option<(Name, Digest)>,
    hash: PasswordHash,
}

/// Somebody whose password was right at the time.
#[derive(Debug)]
pub struct ProvenUser {
    name: Name,
    stamp: Digest,
    hash: PasswordHash,
}

impl PasswordCheck {
    /// What running it takes.
    pub const fn cost(&self) -> Cost {
        self.hash.cost()
    }

    /// Hashes the password, which takes tens of milliseconds: not on a task that others wait for. Costs the same
    /// whether there is such a user or not.
    pub fn run(self, permit: &Permit, password: &Password) -> Option<ProvenUser> {
        let is_right = self.hash.matches(permit, password);
        let (name, stamp) = self.user?;
        is_right.then_some(ProvenUser { name, stamp, hash: self.hash })
    }
}

impl ProvenUser {
    /// His hash, if it was made at another cost than today's: hash the password anew and give the
    /// [`Command::RenewHash`](super::Command::RenewHash).
    pub fn outdated_hash(&self, directory: &Directory) -> Option<&PasswordHash> {
        self.hash.is_outdated(directory.limits.password_cost).then_some(&self.hash)
    }

    /// Who.
    pub const fn name(&self) -> &Name {
        &self.name
    }
}

impl Login {
    /// Who has logged in.
    pub const fn principal(&self) -> &Principal {
        &self.principal
    }

    /// Whether a password has proven it, and not something that may give less than its owner has.
    pub const fn is_by_password(&self) -> bool {
        matches!(self.proof, Proof::Password(_))
    }

    /// What it was let in by, if the directory does not keep that: [`Directory::renew`] knows of it only whether it has
    /// expired or was revoked.
    pub fn evidence(&self) -> Option<Evidence> {
        match &self.proof {
            Proof::Certificate { shown, .. } => Some(Evidence::Certificate(Arc::clone(shown))),
            Proof::Token { claims, .. } => Some(Evidence::Token(Arc::clone(claims))),
            Proof::None { from, .. } => from.map(Evidence::Nothing),
            Proof::Password(_) | Proof::Key(..) | Proof::Session(_) | Proof::Absent(_) => None,
        }
    }

    /// The key that has proven it, if it was one.
    pub const fn key(&self) -> Option<&KeyId> {
        if let Proof::Key(id, ..) = &self.proof { Some(id) } else { None }
    }

    /// Until when it is good, if that is known: a connection ends then.
    pub const fn until(&self) -> Option<Timestamp> {
        self.until
    }

    /// Whether it has to be [renewed](Directory::renew) before anything else is done.
    #[inline]
    pub fn is_stale(&self) -> bool {
        self.tenure.is_over()
    }

    /// Whether it is to be looked at now: it is stale, or its time is up.
    pub fn is_due(&self, now: Timestamp) -> bool {
        self.is_stale() || self.until.is_some_and(|until| until <= now)
    }
}

impl Part {
    fn of(&self, user: &User) -> (Vec<Name>, Verbs) {
        let is_in = |role: &&Name| self.roles.as_ref().is_none_or(|roles| roles.contains(role));
        (user.roles.iter().filter(is_in).cloned().collect(), self.verbs)
    }
}

impl Directory {
    /// What is needed to check somebody's password. Whoever does not exist, may not log in or has no password is
    /// checked against a hash that nothing matches.
    pub fn password_check(&self, name: &str) -> PasswordCheck {
        let known = self.users.get_key_value(name).filter(|(_, user)| !user.disabled);
        match known.and_then(|(name, user)| Some((name, user.password.clone()?))) {
            Some((name, password)) => PasswordCheck { user: Some((name.clone(), password.stamp)), hash: password.hash },
            None => PasswordCheck { user: None, hash: PasswordHash::nobodys(self.nobodys_cost()) },
        }
    }

    /// That of most hashes there are, or another time would tell who is not known.
    fn nobodys_cost(&self) -> Cost {
        self.costs.usual().unwrap_or(self.limits.password_cost)
    }

    /// Lets in whose password was right.
    ///
    /// # Errors
    /// [`Refusal`], if something has changed since it was checked.
    pub fn login_by_password(&mut self, proven: &ProvenUser, now: Timestamp) -> Result<Login, Refusal> {
        self.login(Principal::User(proven.name.clone()), Proof::Password(proven.stamp), None, now)
    }

    /// Lets in whoever shows a key.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn login_by_key(&mut self, token: &BearerToken, now: Timestamp) -> Result<Login, Refusal> {
        let key = self.keys.get(&token.id).filter(|key| key.digest == token.digest).ok_or(Refusal::Unknown)?;
        let (owner, until) = (key.owner.clone(), key.expires);
        let part = Part { roles: key.roles.clone(), verbs: key.verbs };
        self.login(Principal::User(owner), Proof::Key(token.id.clone(), part), until, now)
    }

    /// Lets in whoever shows a browser session's cookie. [`note_session_used`](Directory::note_session_used) keeps it
    /// going.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn login_by_session(&mut self, token: &SessionToken, now: Timestamp) -> Result<Login, Refusal> {
        let session = self.sessions.get(&token.id()).ok_or(Refusal::Unknown)?;
        let (owner, until) = (session.owner.clone(), session.created.after(self.limits.session_longest));
        self.login(Principal::User(owner), Proof::Session(token.id()), Some(until), now)
    }

    /// Lets in whoever a certificate is of, until that ends.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn login_by_certificate(
        &mut self,
        mapped: Mapped,
        shown: &Arc<Certificate>,
        now: Timestamp,
    ) -> Result<Login, Refusal> {
        let (principal, roles) = match mapped {
            Mapped::User(name) => (Principal::User(name), None),
            Mapped::Own { name, roles } => (Principal::Certificate(name), Some(roles)),
        };
        self.login(principal, Proof::Certificate { shown: Arc::clone(shown), roles }, Some(shown.until), now)
    }

    /// Lets in whoever a verified token is of.
    ///
    /// # Errors
    /// [`Refusal::Expired`].
    pub fn login_by_token(
        &mut self,
        subject: TokenSubject,
        claims: &Arc<SignedClaims>,
        now: Timestamp,
    ) -> Result<Login, Refusal> {
        let TokenSubject { name, roles, until } = subject;
        self.login(Principal::Token(name), Proof::Token { claims: Arc::clone(claims), roles }, Some(until), now)
    }

    /// Lets in whoever shows nothing, where that is allowed from there.
    pub fn login_anonymous(&self, from: IpAddr, roles: Vec<Name>) -> Login {
        self.without_proof(Principal::Anonymous, Some(from), roles)
    }

    /// Lets in whoever does not have to prove anything: everybody of an open server, and Factree itself.
    pub fn login_without_proof(&self, principal: Principal, roles: Vec<Name>) -> Login {
        debug_assert!(matches!(principal, Principal::Anonymous | Principal::Local), "everybody else proves it");
        self.without_proof(principal, None, roles)
    }

    fn without_proof(&self, principal: Principal, from: Option<IpAddr>, roles: Vec<Name>) -> Login {
        let tenure = self.strangers.begin_tenure();
        Login { principal, proof: Proof::None { from, roles }, until: None, tenure }
    }

    fn login(
        &mut self,
        principal: Principal,
        proof: Proof,
        until: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<Login, Refusal> {
        // Before it is looked at: what changes from here on ends it.
        let tenure = self.begin_tenure(&principal);
        let login = Login { principal, proof, until, tenure };
        self.standing(&login, now)?;
        Ok(login)
    }

    fn begin_tenure(&mut self, principal: &Principal) -> Tenure {
        match principal {
            // Only for those who exist, so that no peer makes the table grow.
            Principal::User(name) if self.users.contains_key(name) => {
                self.reigns.entry(name.clone()).or_default().begin_tenure()
            }
            _ => self.strangers.begin_tenure(),
        }
    }

    /// Looks at a login again whose tenure is over. If it is good still, it goes on under a new one, with other rights
    /// perhaps.
    ///
    /// # Errors
    /// [`Refusal`]: whoever holds it is cut off.
    pub fn renew(&mut self, login: &mut Login, now: Timestamp) -> Result<(), Refusal> {
        let tenure = self.begin_tenure(&login.principal);
        self.standing(login, now)?;
        login.tenure = tenure;
        Ok(())
    }

    /// What a login may do now; `client_id` is that of the MQTT session, if it is one.
    ///
    /// # Errors
    /// [`Refusal`]: it is good no more.
    pub fn access_of(
        &mut self,
        login: &Login,
        client_id: Option<&str>,
        now: Timestamp,
    ) -> Result<Arc<Access>, Refusal> {
        let (names, mask) = self.standing(login, now)?;
        let fill = Fill { client_id, username: login.principal.name().map(Name::as_str) };
        let role = |name: &Name| self.fixed_roles.get(name).or_else(|| self.roles.get(name));
        let roles: Vec<&Role> = names.iter().filter_map(role).collect();
        Ok(self.compiled.access(&roles, fill, mask))
    }

    /// A login of a user who is not here, for a session that waits for him: all that his roles give, as long as he may log in.
    ///
    /// # Errors
    /// [`Refusal`]: he is not there, or may not log in.
    pub fn login_in_absence(&mut self, name: &Name, now: Timestamp) -> Result<Login, Refusal> {
        self.login(Principal::User(name.clone()), Proof::Absent(Part { roles: None, verbs: Verbs::ALL }), None, now)
    }

    /// The time of a login is up whose client is away. It goes on without an end, for what waits in its name: that is judged by
    /// what it would give today.
    ///
    /// # Errors
    /// [`Refusal`]: it would not be good for another reason either.
    pub fn outlive(&mut self, login: &mut Login, now: Timestamp) -> Result<(), Refusal> {
        login.until = None;
        // A key that has expired is swept away.
        if let Proof::Key(_, part) = &login.proof {
            login.proof = Proof::Absent(part.clone());
        }
        self.renew(login, now)
    }

    /// The roles that a login gives, and the verbs of them; or why it gives none.
    fn standing(&self, login: &Login, now: Timestamp) -> Result<(Vec<Name>, Verbs), Refusal> {
        if login.until.is_some_and(|until| until <= now) {
            return Err(Refusal::Expired);
        }
        if self.disabled.contains_key(&login.principal) {
            return Err(Refusal::Disabled);
        }
        match &login.proof {
            Proof::Password(stamp) => {
                let user = self.active(login)?;
                let is_same = user.password.as_ref().is_some_and(|password| password.stamp == *stamp);
                if is_same { Ok((user.roles.clone(), Verbs::ALL)) } else { Err(Refusal::Changed) }
            }
            Proof::Key(id, _) if !self.keys.contains_key(id) => Err(Refusal::Changed),
            Proof::Key(_, part) | Proof::Absent(part) => Ok(part.of(self.active(login)?)),
            Proof::Session(id) => {
                let user = self.active(login)?;
                let session = self.sessions.get(id).ok_or(Refusal::Changed)?;
                if self.is_over(session, now) { Err(Refusal::Expired) } else { Ok((user.roles.clone(), Verbs::ALL)) }
            }
            Proof::Certificate { shown, .. } if self.revocations.cover(&shown.issuer, &shown.serial) => {
                Err(Refusal::Revoked)
            }
            Proof::Certificate { roles: None, .. } => Ok((self.active(login)?.roles.clone(), Verbs::ALL)),
            Proof::Certificate { roles: Some(roles), .. } | Proof::Token { roles, .. } | Proof::None { roles, .. } => {
                Ok((roles.clone(), Verbs::ALL))
            }
        }
    }

    fn active(&self, login: &Login) -> Result<&User, Refusal> {
        let user = login.principal.name().and_then(|name| self.users.get(name)).ok_or(Refusal::Unknown)?;
        if user.disabled { Err(Refusal::Disabled) } else { Ok(user) }
    }
}
