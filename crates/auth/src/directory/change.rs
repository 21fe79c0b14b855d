//! Changes: what a command comes to, as records.
//!
//! Decided first, stored, then applied; a restart applies what was stored. Whoever is concerned by a change loses his
//! tenure.
//! Invariant: applying a change a second time changes nothing.

use std::fmt;

use super::record::{Record, RecordId, RestoreError};
use super::{Directory, Key, Session};
use crate::credential::{KeyId, SessionId};
use crate::name::Name;
use crate::time::Timestamp;

/// What is to be stored, and then [applied](Directory::apply).
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct Change {
    steps: Vec<Step>,
}

#[derive(Clone, Debug)]
pub(super) enum Step {
    Put(Record),
    Remove(RecordId),
}

/// One thing for the store to do; key and value are bytes.
#[derive(Clone, PartialEq, Eq)]
pub enum Put {
    /// Keep this value under this key, in place of what was there.
    Keep(Vec<u8>, Vec<u8>),
    /// Forget what is under this key.
    Remove(Vec<u8>),
}

impl fmt::Debug for Put {
    /// The value may contain the hash of a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Put::Keep(key, value) => write!(f, "Keep({}, {} bytes)", String::from_utf8_lossy(key), value.len()),
            Put::Remove(key) => write!(f, "Remove({})", String::from_utf8_lossy(key)),
        }
    }
}

impl Change {
    pub(super) fn put(record: Record) -> Self {
        Change { steps: vec![Step::Put(record)] }
    }

    pub(super) fn and_put(mut self, record: Record) -> Self {
        self.steps.push(Step::Put(record));
        self
    }

    pub(super) fn and_remove(mut self, ids: impl IntoIterator<Item = RecordId>) -> Self {
        self.steps.extend(ids.into_iter().map(Step::Remove));
        self
    }

    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// What is to be stored, as one batch.
    pub fn puts(&self) -> Vec<Put> {
        let put = |step: &Step| match step {
            Step::Put(record) => Put::Keep(record.id().to_key(), record.to_value()),
            Step::Remove(id) => Put::Remove(id.to_key()),
        };
        self.steps.iter().map(put).collect()
    }
}

impl Directory {
    /// Makes a change that is in the store.
    pub fn apply(&mut self, change: Change) {
        for step in change.steps {
            match step {
                Step::Put(record) => self.take(record),
                Step::Remove(id) => self.forget(&id),
            }
        }
    }

    /// Takes a record back after a restart.
    ///
    /// # Errors
    /// [`RestoreError`]; the directory is as it was.
    pub fn restore(&mut self, key: &[u8], value: &[u8]) -> Result<(), RestoreError> {
        Record::read(key, value).map(|record| self.take(record))
    }

    fn take(&mut self, record: Record) {
        match record {
            Record::User(name, user) => {
                self.end_tenures_of(&name);
                self.costs.count(&user);
                if let Some(before) = self.users.insert(name, user) {
                    self.costs.discount(&before);
                }
            }
            Record::Role(role) => {
                self.end_tenures_under(role.name());
                self.compiled.forget();
                self.roles.insert(role.name().clone(), role);
            }
            // A key or a session that is there already was only used: that concerns nobody. No command changes one
            // otherwise.
            Record::Key(id, key) => {
                self.keys.insert(id, key);
            }
            Record::Session(id, session) => {
                self.sessions.insert(id, session);
            }
            Record::Disabled(who, since) => {
                self.disabled.insert(who, since);
                self.strangers.end();
            }
        }
    }

    fn forget(&mut self, id: &RecordId) {
        match id {
            RecordId::User(name) => {
                if let Some(before) = self.users.remove(name) {
                    self.costs.discount(&before);
                }
                if let Some(reign) = self.reigns.remove(name) {
                    reign.end();
                }
            }
            RecordId::Role(name) => {
                self.roles.remove(name);
                self.compiled.forget();
                self.end_tenures_under(name);
            }
            RecordId::Key(id) => {
                if let Some(Key { owner, .. }) = self.keys.remove(id) {
                    self.end_tenures_of(&owner);
                }
            }
            RecordId::Session(id) => {
                if let Some(Session { owner, .. }) = self.sessions.remove(id) {
                    self.end_tenures_of(&owner);
                }
            }
            RecordId::Disabled(who) => {
                self.disabled.remove(who);
            }
        }
    }

    fn end_tenures_of(&self, user: &Name) {
        if let Some(reign) = self.reigns.get(user) {
            reign.end();
        }
    }

    /// Of everybody who has this role, or may have it without being in the directory.
    fn end_tenures_under(&self, role: &Name) {
        let holders = self.users.iter().filter(|(_, user)| user.roles.contains(role));
        holders.for_each(|(name, _)| self.end_tenures_of(name));
        self.strangers.end();
    }

    /// A change that notes that a key was used, if it has not been noted lately.
    pub fn note_key_used(&self, id: &KeyId, now: Timestamp) -> Option<Change> {
        let key = self.keys.get(id)?;
        let is_noted = key.used.is_some_and(|used| now.since(used) < self.limits.used_precision);
        (!is_noted).then(|| Change::put(Record::Key(id.clone(), Key { used: Some(now), ..key.clone() })))
    }

    /// The same for a browser session. Without it, a session ends although it is used.
    pub fn note_session_used(&self, id: SessionId, now: Timestamp) -> Option<Change> {
        let session = self.sessions.get(&id)?;
        let is_noted = now.since(session.used) < self.limits.used_precision;
        (!is_noted).then(|| Change::put(Record::Session(id, Session { used: now, ..session.clone() })))
    }

    /// A change that removes what has run out: sessions and keys. To be asked now and then.
    pub fn sweep(&self, now: Timestamp) -> Change {
        let sessions = self.sessions.iter().filter(|(_, session)| self.is_over(session, now));
        let keys = self.keys.iter().filter(|(_, key)| key.expires.is_some_and(|expires| expires <= now));
        let sessions = sessions.map(|(id, _)| RecordId::Session(*id));
        Change::default().and_remove(sessions.chain(keys.map(|(id, _)| RecordId::Key(id.clone()))))
    }
}
