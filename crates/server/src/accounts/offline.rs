//! Offline: orders on the data directory itself, which no server has meanwhile.
//!
//! The same directory and the same ledger as the server's, one order after the other.
//! Invariant: a change is applied when it is on disk, and not before.

use std::path::Path;

use factree_auth::Directory;
use factree_auth::credential::{BearerToken, HashingGate, Password, PasswordHash, random};
use factree_auth::directory::{Command, NewKey, Refused};

use super::{AccountsError, Carried, Order, page};
use crate::authority::{Done, Ledger, deed_of, wall};
use crate::config::AuthConfig;
use crate::data_directory::DataDirectory;
use crate::limits::AuthLimits;

/// A data directory that no server has, and whose users are at hand.
pub struct Offline {
    directory: Directory,
    ledger: Ledger,
    data: DataDirectory,
}

impl Offline {
    /// Takes the data directory, makes it if need be, and reads who is in it. `auth` knows the roles of the configuration.
    ///
    /// # Errors
    /// [`AccountsError`].
    pub fn open(data: &Path, auth: &AuthConfig, limits: &AuthLimits) -> Result<Self, AccountsError> {
        let data = DataDirectory::lock(data).map_err(AccountsError::DataDirectory)?;
        let mut directory = Directory::new(limits.directory(), auth.roles.clone());
        let ledger = Ledger::open(data.path(), &mut directory).map_err(AccountsError::Storage)?;
        Ok(Self { directory, ledger, data })
    }

    /// Carries out an order.
    ///
    /// # Errors
    /// [`AccountsError`]; nothing has changed then.
    pub fn carry_out(&mut self, order: Order) -> Result<Carried, AccountsError> {
        let directory = &self.directory;
        let mut key = None;
        let command = match order {
            Order::ListUsers => return Ok(shown(page::users(directory))),
            Order::ListRoles => return Ok(shown(page::roles(directory))),
            Order::ListKeys(owner) => return Ok(shown(page::keys(directory, owner.as_ref()))),
            Order::ShowRole(name) => {
                let role = directory.role(name.as_str()).ok_or(AccountsError::Refused(Refused::NoRole(name)))?;
                return Ok(shown(page::role(role)));
            }
            Order::AddUser { name, password, roles } => {
                Command::AddUser { name, password: password.as_ref().map(|it| self.hash(it)).transpose()?, roles }
            }
            Order::SetPassword { name, password } => {
                Command::SetPassword { name, password: password.as_ref().map(|it| self.hash(it)).transpose()? }
            }
            Order::RemoveUser(name) => Command::RemoveUser(name),
            Order::SetRoles { name, roles } => Command::SetRoles { name, roles },
            Order::SetDisabled { name, disabled } => Command::SetDisabled { name, disabled },
            Order::SetRole(role) => Command::SetRole(role),
            Order::RemoveRole(name) => Command::RemoveRole(name),
            Order::AddKey { owner, label, roles, verbs, lasts } => {
                let expires = lasts.map(|lasts| wall().after(lasts));
                let (token, secret) = BearerToken::mint(random().map_err(|_| AccountsError::NoRandomness)?);
                key = Some(secret);
                Command::AddKey(NewKey { token, owner, label, roles, verbs, expires })
            }
            Order::RemoveKey(id) => Command::RemoveKey(id),
        };
        let done = self.decide(command)?;
        Ok(Carried { text: page::done(&done, self.data.path()), key })
    }

    fn hash(&self, password: &Password) -> Result<PasswordHash, AccountsError> {
        let permit = HashingGate::new(1).enter().expect("nobody else hashes");
        let salt = random().map_err(|_| AccountsError::NoRandomness)?;
        Ok(PasswordHash::new(&permit, password, self.directory.limits().password_cost, salt))
    }

    fn decide(&mut self, command: Command) -> Result<Done, AccountsError> {
        let (verb, subject) = deed_of(&command, &self.directory);
        let old = subject.picture(&self.directory);
        let change = self.directory.decide(wall(), command).map_err(AccountsError::Refused)?;
        self.ledger.keep(&change)?;
        self.directory.apply(change);
        Ok(subject.done(verb, old, &self.directory))
    }
}

fn shown(text: String) -> Carried {
    Carried { text, key: None }
}
