//! Commands: what an administrator can have done to the directory.
//!
//! Each is looked at against what is there and either refused with a reason or turned into a [`Change`]. Nothing is
//! changed here. Knows nothing of who asks; that he may is decided before.
//! Invariant: no command leaves the directory without an admin if it had one.

use std::fmt;

use super::change::Change;
use super::record::{Record, RecordId};
use super::{Directory, Key, Session, StoredPassword, User};
use crate::credential::{BearerToken, KeyId, PasswordHash, SessionId, SessionToken};
use crate::name::Name;
use crate::principal::Principal;
use crate::role::Role;
use crate::time::Timestamp;
use crate::verb::Verbs;

/// The role without which nobody can let anybody in.
const ADMIN: &str = "admin";

/// What is to be done.
#[derive(Clone, Debug)]
pub enum Command {
    /// A new user.
    AddUser {
        /// His name.
        name: Name,
        /// None: he proves himself by certificate only.
        password: Option<PasswordHash>,
        /// What he may do.
        roles: Vec<Name>,
    },
    /// Another password, or none. His browser sessions end, and so do logins by the old one.
    SetPassword {
        /// Whose.
        name: Name,
        /// None: he proves himself by certificate only.
        password: Option<PasswordHash>,
    },
    /// The same password, hashed at today's cost. Nothing ends.
    RenewHash {
        /// Whose.
        name: Name,
        /// The one that it replaces; if that is no longer his, nothing happens.
        before: PasswordHash,
        /// The new one.
        after: PasswordHash,
    },
    /// Other roles than before.
    SetRoles {
        /// Whose.
        name: Name,
        /// All he has from now on.
        roles: Vec<Name>,
    },
    /// He may not log in for now, or may again: a user, or whom a certificate or a token names, been here or not.
    SetDisabled {
        /// Who.
        who: Principal,
        /// Whether he may not.
        disabled: bool,
    },
    /// The end of a user, his keys and his sessions.
    RemoveUser(Name),
    /// A new role, or another content for one that is there.
    SetRole(Role),
    /// The end of a role that nobody has.
    RemoveRole(Name),
    /// A new key.
    AddKey(NewKey),
    /// The end of a key.
    RemoveKey(KeyId),
    /// A browser session begins.
    OpenSession {
        /// Its cookie.
        token: SessionToken,
        /// Whose.
        owner: Name,
    },
    /// A browser session ends.
    EndSession(SessionId),
    /// All browser sessions of a user end.
    EndSessionsOf(Name),
}

/// A key that is to be.
#[derive(Clone, Debug)]
pub struct NewKey {
    /// Its id and digest.
    pub token: BearerToken,
    /// Whose it is.
    pub owner: Name,
    /// What it is for.
    pub label: Name,
    /// Which of the owner's roles; none: all of them, also those he will have.
    pub roles: Option<Vec<Name>>,
    /// Which verbs of these.
    pub verbs: Verbs,
    /// From when on it is good no more.
    pub expires: Option<Timestamp>,
}

/// Why a command is refused, in words for whoever gave it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refused {
    /// There is one already.
    UserExists(Name),
    /// There is none.
    NoUser(Name),
    /// There is none.
    NoRole(Name),
    /// There is none.
    NoKey,
    /// There is none.
    NoSession,
    /// It is built in or in the configuration file.
    FixedRole(Name),
    /// Somebody has it.
    RoleInUse {
        /// Which.
        role: Name,
        /// Who, among others.
        holder: Name,
    },
    /// He does not have the role that his key was to have.
    NotHis(Name),
    /// He would be the last one who could let anybody in.
    LastAdmin,
    /// There are as many as there may be.
    TooMany(&'static str),
    /// It is in the past.
    Expired,
    /// He may log in as it is.
    NotDisabled(Principal),
    /// Who has no name is let in, or not, by the configuration.
    Nameless,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UserExists(name) => write!(f, "there is a user '{name}' already"),
            Self::NoUser(name) => write!(f, "there is no user '{name}'"),
            Self::NoRole(name) => write!(f, "there is no role '{name}'"),
            Self::NoKey => f.write_str("there is no such key"),
            Self::NoSession => f.write_str("there is no such session"),
            Self::FixedRole(name) => write!(f, "the role '{name}' is built in or in the configuration file"),
            Self::RoleInUse { role, holder } => write!(f, "the role '{role}' is in use: '{holder}' has it"),
            Self::NotHis(role) => write!(f, "the key's owner does not have the role '{role}'"),
            Self::LastAdmin => f.write_str("nobody with the role 'admin' would be left"),
            Self::TooMany(what) => write!(f, "there are as many {what} as there may be"),
            Self::Expired => f.write_str("the key would have expired already"),
            Self::NotDisabled(who) => write!(f, "'{who}' is not disabled"),
            Self::Nameless => f.write_str("only a user, certificate:NAME or token:NAME can be disabled"),
        }
    }
}

impl std::error::Error for Refused {}

impl Directory {
    /// Looks at a command. What comes out is to be stored and then [applied](Directory::apply), with nothing decided in
    /// between.
    ///
    /// # Errors
    /// [`Refused`].
    pub fn decide(&self, now: Timestamp, command: Command) -> Result<Change, Refused> {
        match command {
            Command::AddUser { name, password, roles } => {
                if self.users.contains_key(&name) {
                    return Err(Refused::UserExists(name));
                }
                bounded(self.users.len(), self.limits.users_max, "users")?;
                let (roles, password) = (self.known_roles(roles)?, password.map(StoredPassword::new));
                Ok(Change::put(Record::User(name, User { password, roles, disabled: false, created: now })))
            }
            Command::SetPassword { name, password } => {
                let user = User { password: password.map(StoredPassword::new), ..self.known_user(&name)?.clone() };
                let sessions = self.sessions_of(&name);
                Ok(Change::put(Record::User(name, user)).and_remove(sessions))
            }
            Command::RenewHash { name, before, after } => {
                let user = self.known_user(&name)?;
                match &user.password {
                    Some(password) if password.hash == before => {
                        let password = Some(StoredPassword { hash: after, stamp: password.stamp });
                        Ok(Change::put(Record::User(name, User { password, ..user.clone() })))
                    }
                    _ => Ok(Change::default()),
                }
            }
            Command::SetRoles { name, roles } => {
                let user = User { roles: self.known_roles(roles)?, ..self.known_user(&name)?.clone() };
                self.with_an_admin(&name, Some(&user))?;
                Ok(Change::put(Record::User(name, user)))
            }
            Command::SetDisabled { who: Principal::User(name), disabled } => {
                let user = User { disabled, ..self.known_user(&name)?.clone() };
                self.with_an_admin(&name, Some(&user))?;
                let sessions = if disabled { self.sessions_of(&name) } else { Vec::new() };
                Ok(Change::put(Record::User(name, user)).and_remove(sessions))
            }
            Command::SetDisabled { who: Principal::Anonymous | Principal::Local, .. } => Err(Refused::Nameless),
            Command::SetDisabled { who: who @ (Principal::Certificate(_) | Principal::Token(_)), disabled } => {
                match (self.disabled.contains_key(&who), disabled) {
                    (true, true) => Ok(Change::default()),
                    (false, false) => Err(Refused::NotDisabled(who)),
                    (true, false) => Ok(Change::default().and_remove([RecordId::Disabled(who)])),
                    (false, true) => {
                        bounded(self.disabled.len(), self.limits.disabled_max, "disabled certificates and tokens")?;
                        Ok(Change::put(Record::Disabled(who, now)))
                    }
                }
            }
            Command::RemoveUser(name) => {
                self.known_user(&name)?;
                self.with_an_admin(&name, None)?;
                let mut gone = self.sessions_of(&name);
                gone.extend(self.keys_of(&name).map(|id| RecordId::Key(id.clone())));
                Ok(Change::default().and_remove(gone).and_remove([RecordId::User(name)]))
            }
            Command::SetRole(role) => {
                self.made_by_command(role.name())?;
                if !self.roles.contains_key(role.name()) {
                    bounded(self.roles.len(), self.limits.roles_max, "roles")?;
                }
                Ok(Change::put(Record::Role(role)))
            }
            Command::RemoveRole(name) => {
                self.made_by_command(&name)?;
                if !self.roles.contains_key(&name) {
                    return Err(Refused::NoRole(name));
                }
                match self.users.iter().find(|(_, user)| user.roles.contains(&name)) {
                    Some((holder, _)) => Err(Refused::RoleInUse { role: name, holder: holder.clone() }),
                    None => Ok(Change::default().and_remove([RecordId::Role(name)])),
                }
            }
            Command::AddKey(new) => self.add_key(now, new),
            Command::RemoveKey(id) if self.keys.contains_key(&id) => {
                Ok(Change::default().and_remove([RecordId::Key(id)]))
            }
            Command::RemoveKey(_) => Err(Refused::NoKey),
            Command::OpenSession { token, owner } => self.open_session(now, &token, &owner),
            Command::EndSession(id) if self.sessions.contains_key(&id) => {
                Ok(Change::default().and_remove([RecordId::Session(id)]))
            }
            Command::EndSession(_) => Err(Refused::NoSession),
            Command::EndSessionsOf(name) => Ok(Change::default().and_remove(self.sessions_of(&name))),
        }
    }

    fn add_key(&self, now: Timestamp, new: NewKey) -> Result<Change, Refused> {
        let owner = self.known_user(&new.owner)?;
        if let Some(role) = new.roles.iter().flatten().find(|role| !owner.roles.contains(role)) {
            return Err(Refused::NotHis(role.clone()));
        }
        if new.expires.is_some_and(|expires| expires <= now) {
            return Err(Refused::Expired);
        }
        bounded(self.keys_of(&new.owner).count(), self.limits.keys_per_user_max, "keys of this user")?;
        let key = Key {
            digest: new.token.digest,
            owner: new.owner,
            label: new.label,
            roles: new.roles,
            verbs: new.verbs,
            created: now,
            expires: new.expires,
            used: None,
        };
        Ok(Change::put(Record::Key(new.token.id, key)))
    }

    fn open_session(&self, now: Timestamp, token: &SessionToken, owner: &Name) -> Result<Change, Refused> {
        self.known_user(owner)?;
        let mut his: Vec<_> = self.sessions.iter().filter(|(_, session)| session.owner == *owner).collect();
        his.sort_by_key(|(_, session)| session.used);
        let too_many = (his.len() + 1).saturating_sub(self.limits.sessions_per_user_max.max(1));
        let oldest = his.iter().take(too_many).map(|(id, _)| RecordId::Session(**id));
        let session = Session { owner: owner.clone(), created: now, used: now };
        Ok(Change::default().and_remove(oldest).and_put(Record::Session(token.id(), session)))
    }

    fn known_user(&self, name: &Name) -> Result<&User, Refused> {
        self.users.get(name).ok_or_else(|| Refused::NoUser(name.clone()))
    }

    fn known_roles(&self, mut roles: Vec<Name>) -> Result<Vec<Name>, Refused> {
        roles.sort();
        roles.dedup();
        if let Some(unknown) = roles.iter().find(|role| self.role(role.as_str()).is_none()) {
            return Err(Refused::NoRole(unknown.clone()));
        }
        bounded(roles.len().saturating_sub(1), self.limits.roles_per_user_max, "roles of a user")?;
        Ok(roles)
    }

    fn made_by_command(&self, role: &Name) -> Result<(), Refused> {
        if self.fixed_roles.contains_key(role) { Err(Refused::FixedRole(role.clone())) } else { Ok(()) }
    }

    fn sessions_of(&self, owner: &Name) -> Vec<RecordId> {
        let his = self.sessions.iter().filter(|(_, session)| session.owner == *owner);
        his.map(|(id, _)| RecordId::Session(*id)).collect()
    }

    fn keys_of(&self, owner: &Name) -> impl Iterator<Item = &KeyId> {
        self.keys.iter().filter(move |(_, key)| key.owner == *owner).map(|(id, _)| id)
    }

    /// Whether somebody can still let others in when this user is as he will be, if somebody could before.
    fn with_an_admin(&self, changed: &Name, after: Option<&User>) -> Result<(), Refused> {
        let is_admin = |user: &User| !user.disabled && user.roles.iter().any(|role| role.as_str() == ADMIN);
        let was = self.users.get(changed).is_some_and(is_admin);
        let others = || self.users.iter().any(|(name, user)| name != changed && is_admin(user));
        if was && !after.is_some_and(is_admin) && !others() { Err(Refused::LastAdmin) } else { Ok(()) }
    }
}

fn bounded(count: usize, max: usize, what: &'static str) -> Result<(), Refused> {
    if count < max { Ok(()) } else { Err(Refused::TooMany(what)) }
}
