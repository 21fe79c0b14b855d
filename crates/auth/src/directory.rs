//! The directory: users, roles, keys and browser sessions, and who is not let in though he is none of its users.
//!
//! A command is looked at first ([`Directory::decide`]), which gives a [`Change`]: records to put and to remove. When
//! the store has them, the change is applied; a restart applies the same records. So what is in memory is never ahead
//! of the disk, and there is one way for anything to get in. Whoever logs in gets a [`Login`] with a [`Tenure`] that
//! ends when anything about it changes. Knows no disk and no clock, and no password but as a hash.
//! Invariant: a login is good only while what proved it is still there, unchanged.

mod change;
mod command;
mod compiled;
mod costs;
mod login;
mod record;
mod tenure;

pub use change::{Change, Put};
pub use command::{Command, NewKey, Refused};
pub use login::{Evidence, Login, PasswordCheck, ProvenUser, Refusal};
pub use record::RestoreError;
pub use tenure::Tenure;

use std::collections::BTreeMap;
use std::time::Duration;

use hashbrown::HashMap;

use crate::credential::{Cost, Digest, KeyId, PasswordHash, Revocations, SessionId};
use crate::name::Name;
use crate::principal::Principal;
use crate::role::Role;
use crate::time::Timestamp;
use crate::verb::Verbs;
use compiled::Compiled;
use costs::Costs;
use tenure::Reign;

/// How much there may be, and how long it lasts.
#[derive(Clone, Copy, Debug)]
pub struct DirectoryLimits {
    /// Users.
    pub users_max: usize,
    /// Roles, those of the configuration not counted.
    pub roles_max: usize,
    /// Roles of one user.
    pub roles_per_user_max: usize,
    /// Keys of one user.
    pub keys_per_user_max: usize,
    /// Browser sessions of one user; one more ends the oldest.
    pub sessions_per_user_max: usize,
    /// Certificates and tokens whose names are not let in.
    pub disabled_max: usize,
    /// A browser session ends so long after it was last used,
    pub session_idle: Duration,
    /// and so long after it began.
    pub session_longest: Duration,
    /// How exact it is on record when a key or session was last used.
    pub used_precision: Duration,
    /// What hashing a password costs from now on.
    pub password_cost: Cost,
}

impl Default for DirectoryLimits {
    /// 100,000 users, 1,000 roles, 100 of them, 100 keys and 32 sessions for each user, 10,000 disabled names;
    /// sessions last 30 minutes idle and 12 hours at most; use is noted to the minute.
    fn default() -> Self {
        DirectoryLimits {
            users_max: 100_000,
            roles_max: 1_000,
            roles_per_user_max: 100,
            keys_per_user_max: 100,
            sessions_per_user_max: 32,
            disabled_max: 10_000,
            session_idle: Duration::from_secs(30 * 60),
            session_longest: Duration::from_secs(12 * 3600),
            used_precision: Duration::from_secs(60),
            password_cost: Cost::default(),
        }
    }
}

/// A user's password, as far as it is known.
#[derive(Clone, Debug)]
pub(crate) struct StoredPassword {
    pub(crate) hash: PasswordHash,
    /// Of the hash it was set with. Stays when the same password is hashed anew, so that nobody has to log in for that.
    pub(crate) stamp: Digest,
}

impl StoredPassword {
    fn new(hash: PasswordHash) -> Self {
        let stamp = Digest::of(&[b"factree-password-1\n", hash.to_phc().as_bytes()]);
        StoredPassword { hash, stamp }
    }
}

/// A user.
#[derive(Clone, Debug)]
pub struct User {
    /// None: he proves himself by certificate only.
    pub(crate) password: Option<StoredPassword>,
    /// What he may do.
    pub roles: Vec<Name>,
    /// He may not log in.
    pub disabled: bool,
    /// When he was added.
    pub created: Timestamp,
}

impl User {
    /// Whether he can log in with a password.
    pub const fn has_password(&self) -> bool {
        self.password.is_some()
    }
}

/// A bearer key, without its secret.
#[derive(Clone, Debug)]
pub struct Key {
    pub(crate) digest: Digest,
    /// Whose it is. It never gives more than he has.
    pub owner: Name,
    /// What it is for.
    pub label: Name,
    /// Which of the owner's roles; none: all of them.
    pub roles: Option<Vec<Name>>,
    /// Which verbs of these.
    pub verbs: Verbs,
    /// When it was made.
    pub created: Timestamp,
    /// From when on it is good no more.
    pub expires: Option<Timestamp>,
    /// When it was last used, to [`DirectoryLimits::used_precision`].
    pub used: Option<Timestamp>,
}

/// A browser session.
#[derive(Clone, Debug)]
pub struct Session {
    /// Whose.
    pub owner: Name,
    /// When it began.
    pub created: Timestamp,
    /// When it was last used, to [`DirectoryLimits::used_precision`].
    pub used: Timestamp,
}

/// Users, roles, keys and sessions.
#[derive(Debug)]
pub struct Directory {
    limits: DirectoryLimits,
    /// The built-in roles and those of the configuration: no command changes them.
    fixed_roles: BTreeMap<Name, Role>,
    roles: BTreeMap<Name, Role>,
    users: BTreeMap<Name, User>,
    costs: Costs,
    keys: HashMap<KeyId, Key>,
    sessions: HashMap<SessionId, Session>,
    /// Named by a certificate or a token, and not let in, since when.
    disabled: BTreeMap<Principal, Timestamp>,
    revocations: Revocations,
    /// The tenures of each user, and those of everybody who is not in the directory.
    reigns: HashMap<Name, Reign>,
    strangers: Reign,
    compiled: Compiled,
}

impl Directory {
    /// A directory without users. `configured`: the roles of the configuration file.
    pub fn new(limits: DirectoryLimits, configured: Vec<Role>) -> Self {
        let mut directory = Directory {
            limits,
            fixed_roles: BTreeMap::new(),
            roles: BTreeMap::new(),
            users: BTreeMap::new(),
            costs: Costs::default(),
            keys: HashMap::new(),
            sessions: HashMap::new(),
            disabled: BTreeMap::new(),
            revocations: Revocations::default(),
            reigns: HashMap::new(),
            strangers: Reign::default(),
            compiled: Compiled::default(),
        };
        directory.configure(configured);
        directory
    }

    /// Takes the roles of the configuration file in place of those it had. They come before roles of the same name that
    /// were made by command.
    pub fn configure(&mut self, configured: Vec<Role>) {
        let roles = configured.into_iter().chain(Role::built_in());
        self.compiled.forget();
        self.fixed_roles = roles.map(|role| (role.name().clone(), role)).collect();
        self.reigns.values().for_each(Reign::end);
        self.strangers.end();
    }

    /// Takes a list of certificates that count no more in place of the one it had.
    pub fn revoke_certificates(&mut self, revocations: Revocations) {
        self.revocations = revocations;
        self.reigns.values().for_each(Reign::end);
        self.strangers.end();
    }

    /// What tokens, or those who show nothing, were let in by has changed: whoever is not in the directory has to be looked
    /// at again.
    pub fn doubt_strangers(&self) {
        self.strangers.end();
    }

    /// Users in the order of their names.
    pub fn users(&self) -> impl Iterator<Item = (&Name, &User)> {
        self.users.iter()
    }

    /// A user.
    pub fn user(&self, name: &str) -> Option<&User> {
        self.users.get(name)
    }

    /// All roles in the order of their names, and whether commands can change them.
    pub fn roles(&self) -> impl Iterator<Item = (&Role, bool)> {
        let made = self.roles.values().filter(|role| !self.fixed_roles.contains_key(role.name()));
        let fixed = self.fixed_roles.values().map(|role| (role, false));
        let mut all: Vec<_> = made.map(|role| (role, true)).chain(fixed).collect();
        all.sort_by_key(|(role, _)| role.name().clone());
        all.into_iter()
    }

    /// A role.
    pub fn role(&self, name: &str) -> Option<&Role> {
        self.fixed_roles.get(name).or_else(|| self.roles.get(name))
    }

    /// Keys in no order.
    pub fn keys(&self) -> impl Iterator<Item = (&KeyId, &Key)> {
        self.keys.iter()
    }

    /// A key.
    pub fn key(&self, id: &KeyId) -> Option<&Key> {
        self.keys.get(id)
    }

    /// Browser sessions in no order.
    pub fn sessions(&self) -> impl Iterator<Item = (&SessionId, &Session)> {
        self.sessions.iter()
    }

    /// Who is not let in though he is no user: names of certificates and tokens, in their order, and since when.
    pub fn disabled(&self) -> impl Iterator<Item = (&Principal, Timestamp)> {
        self.disabled.iter().map(|(who, since)| (who, *since))
    }

    /// Whether a command has said that he is not let in for now.
    pub fn is_disabled(&self, who: &Principal) -> bool {
        match who {
            Principal::User(name) => self.users.get(name).is_some_and(|user| user.disabled),
            Principal::Anonymous | Principal::Local | Principal::Certificate(_) | Principal::Token(_) => {
                self.disabled.contains_key(who)
            }
        }
    }

    /// How much there may be, and how long it lasts.
    pub const fn limits(&self) -> &DirectoryLimits {
        &self.limits
    }

    fn is_over(&self, session: &Session, now: Timestamp) -> bool {
        now >= session.created.after(self.limits.session_longest) || now >= session.used.after(self.limits.session_idle)
    }
}
