//! Offline: orders on the data directory itself, which no server has meanwhile.
//!
//! The same directory, the same ledger and the same audit log as the server's, one order after the other. Whoever may open
//! the files may do everything, so nobody is asked who he is; on record is which of the machine's users it was.
//! Invariant: a change is applied when it is on disk, and not before; and none is made that cannot be put on record.

use std::path::Path;

use factree_auth::Directory;
use factree_auth::credential::{BearerToken, HashingGate, Password, PasswordHash, Secret, random};
use factree_auth::directory::{Command, NewKey, Refused};

use super::{AccountsError, Carried, Order, page};
use crate::audit::{Audit, AuditConfig, Outcome, OwnedEntry, Scribe};
use crate::authority::{Done, Ledger, deed, wall};
use crate::config::Config;
use crate::data_directory::DataDirectory;

/// A data directory that no server has, and whose users are at hand.
pub struct Offline {
    directory: Directory,
    ledger: Ledger,
    audit: AuditConfig,
    data: DataDirectory,
}

impl Offline {
    /// Takes the configuration's data directory, makes it if need be, and reads who is in it.
    ///
    /// # Errors
    /// [`AccountsError`].
    pub fn open(config: &Config) -> Result<Self, AccountsError> {
        let data = DataDirectory::lock(&config.data).map_err(AccountsError::DataDirectory)?;
        let roles = config.auth.iter().flat_map(|auth| auth.roles.iter().cloned()).collect();
        let mut directory = Directory::new(config.limits.auth.directory(), roles);
        let ledger = Ledger::open(data.path(), &mut directory).map_err(|error| AccountsError::Storage(error.into()))?;
        Ok(Self { directory, ledger, audit: config.audit.clone(), data })
    }

    /// Carries out an order.
    ///
    /// # Errors
    /// [`AccountsError`]; nothing has changed then.
    pub fn carry_out(&mut self, order: Order) -> Result<Carried, AccountsError> {
        let directory = &self.directory;
        let mut key = None;
        let command = match order {
            Order::ListUsers => {
                return Ok(shown(page::users(&page::UserRow::all(directory), &page::DisabledRow::all(directory))));
            }
            Order::ListRoles => return Ok(shown(page::roles(&page::RoleRow::all(directory)))),
            Order::ListKeys(owner) => return Ok(shown(page::keys(&page::KeyRow::all(directory), owner.as_ref()))),
            Order::ShowRole(name) => {
                let role = directory.role(name.as_str()).ok_or(AccountsError::Refused(Refused::NoRole(name)))?;
                return Ok(shown(page::role(&page::RoleRow::of(role, true, directory))));
            }
            Order::AddUser { name, password, roles } => {
                Command::AddUser { name, password: password.as_ref().map(|it| self.hash(it)).transpose()?, roles }
            }
            Order::SetPassword { name, password } => {
                Command::SetPassword { name, password: password.as_ref().map(|it| self.hash(it)).transpose()? }
            }
            Order::RemoveUser(name) => Command::RemoveUser(name),
            Order::SetRoles { name, roles } => Command::SetRoles { name, roles },
            Order::SetDisabled { who, disabled } => Command::SetDisabled { who, disabled },
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
        Ok(Carried { text: page::done(&done, &self.data.path().display()), key })
    }

    fn hash(&self, password: &Secret) -> Result<PasswordHash, AccountsError> {
        let password = Password::chosen(password.reveal()).map_err(AccountsError::Password)?;
        let permit = HashingGate::new(1).enter().expect("nobody else hashes");
        let salt = random().map_err(|_| AccountsError::NoRandomness)?;
        Ok(PasswordHash::new(&permit, &password, self.directory.limits().password_cost, salt))
    }

    fn decide(&mut self, command: Command) -> Result<Done, AccountsError> {
        let (verb, subject) = deed::of(&command, &self.directory);
        let Done { old, new: wanted, .. } = deed::foreseen(&command, &self.directory);
        let said = deed::said_of_password(&command, &self.directory);
        let change = self.directory.decide(wall(), command).map_err(AccountsError::Refused)?;
        // Ends, with its head signed, when this function does.
        let record = Record::open(self.data.path(), &self.audit)?;
        let begun = entry(verb, subject.target());
        record.write(OwnedEntry { outcome: Outcome::Begun, old: old.clone(), new: wanted, ..begun })?;
        self.ledger.keep(&change)?;
        self.directory.apply(change);
        let done = subject.done(verb, old, &self.directory);
        let done = Done { new: said.or(done.new), ..done };
        let (old, new) = (done.old.clone(), done.new.clone());
        // That it was begun is on record, if no more.
        let _: Result<(), AccountsError> = record.write(OwnedEntry { old, new, ..entry(verb, done.target.clone()) });
        Ok(done)
    }
}

/// By whom the machine says it is done.
fn entry(verb: &'static str, target: String) -> OwnedEntry {
    let mut entry = OwnedEntry::new("command line", verb, target);
    #[cfg(unix)]
    {
        entry.detail = Some(format!("by user {} of this machine", rustix::process::getuid().as_raw()));
    }
    entry
}

/// The audit log, for as long as an order takes.
struct Record {
    audit: Audit,
    _scribe: Scribe,
    runtime: tokio::runtime::Runtime,
}

impl Record {
    fn open(data: &Path, config: &AuditConfig) -> Result<Self, AccountsError> {
        let failed = |why: &dyn std::fmt::Display| AccountsError::Audit(why.to_string());
        let (audit, scribe) = Audit::open(data, config).map_err(|error| failed(&error))?;
        let runtime = tokio::runtime::Builder::new_current_thread().build().map_err(|error| failed(&error))?;
        Ok(Self { audit, _scribe: scribe, runtime })
    }

    fn write(&self, entry: OwnedEntry) -> Result<(), AccountsError> {
        let written = self.runtime.block_on(self.audit.record(entry));
        written.map_err(|_| AccountsError::Audit("the audit log cannot be written".into()))
    }
}

fn shown(text: String) -> Carried {
    Carried { text, key: None }
}
