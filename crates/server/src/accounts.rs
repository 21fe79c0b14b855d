//! Accounts: users, roles and keys, as the commands `factree user`, `role` and `key` see them.
//!
//! An [`Order`] is carried out in one of two ways: on the data directory itself while no server runs ([`offline`]), or by a
//! running server over its HTTP API ([`online`]). Both decide by the same directory, so they refuse the same.
//! Knows no terminal: passwords and keys come and go as values.
//! Invariant: an order that is said to be done is on disk.

mod offline;
mod online;
mod page;

use std::fmt;
use std::time::Duration;

use factree_auth::credential::{KeyId, PasswordError, Secret};
use factree_auth::directory::Refused;
use factree_auth::{Name, Principal, Role, Verbs};

use crate::authority::CommandError;
use crate::data_directory::DataDirectoryError;
use crate::storage::StorageError;

pub use offline::Offline;
pub use online::Online;

/// What is to be done, or shown.
#[derive(Debug)]
pub enum Order {
    /// All users, and who else is disabled.
    ListUsers,
    /// A new user.
    AddUser {
        /// His name.
        name: Name,
        /// None: he has to show a certificate, or keys.
        password: Option<Secret>,
        /// What he may do.
        roles: Vec<Name>,
    },
    /// The end of a user.
    RemoveUser(Name),
    /// Another password, or none.
    SetPassword {
        /// Whose.
        name: Name,
        /// None: he has to show a certificate, or keys.
        password: Option<Secret>,
    },
    /// Other roles.
    SetRoles {
        /// Whose.
        name: Name,
        /// All of them.
        roles: Vec<Name>,
    },
    /// He may not log in for now, or may again: a user, or whom a certificate or a token names.
    SetDisabled {
        /// Who.
        who: Principal,
        /// Whether he may not.
        disabled: bool,
    },
    /// All roles.
    ListRoles,
    /// What a role grants.
    ShowRole(Name),
    /// A new role, or other grants for one.
    SetRole(Role),
    /// The end of a role.
    RemoveRole(Name),
    /// All keys, or those of one user.
    ListKeys(Option<Name>),
    /// A new key.
    AddKey {
        /// Whose.
        owner: Name,
        /// What for.
        label: Name,
        /// Which of his roles; none: all.
        roles: Option<Vec<Name>>,
        /// Which verbs of these.
        verbs: Verbs,
        /// How long it is good.
        lasts: Option<Duration>,
    },
    /// The end of a key.
    RemoveKey(KeyId),
}

/// What has come of an order.
#[derive(Debug)]
pub struct Carried {
    /// What to tell whoever gave it.
    pub text: String,
    /// A key that was made, to be shown this once.
    pub key: Option<Secret>,
}

/// Why an order was not carried out; reads as a sentence for whoever gave it.
#[derive(Debug)]
pub enum AccountsError {
    /// The data directory is not ours.
    DataDirectory(DataDirectoryError),
    /// What is in it cannot be read.
    Storage(Box<StorageError>),
    /// The directory refuses.
    Refused(Refused),
    /// The disk has no room, or has failed.
    Disk(String),
    /// A password that cannot be set.
    Password(PasswordError),
    /// The audit log cannot be written, or not be gone on with.
    Audit(String),
    /// The server that is asked gives no answer, or another one than was asked for.
    NoAnswer {
        /// Where.
        at: String,
        /// What went wrong.
        why: String,
    },
    /// It refuses, in its words.
    Problem(String),
    /// The system has no random bytes to give.
    NoRandomness,
}

impl fmt::Display for AccountsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DataDirectory(DataDirectoryError::Locked { path, process }) => write!(
                f,
                "a running factree (process {process}) has {}: ask it, with --http ADDR and a key of an admin \
                 (--key-file FILE, or the environment variable FACTREE_KEY)",
                path.display()
            ),
            Self::DataDirectory(error) => error.fmt(f),
            Self::Storage(error) => error.fmt(f),
            Self::Refused(refused) => refused.fmt(f),
            Self::Password(error) => error.fmt(f),
            Self::Audit(why) => write!(f, "nothing has changed, because it would not be on record: {why}"),
            Self::NoAnswer { at, why } => write!(f, "{at}: {why}"),
            Self::Disk(why) | Self::Problem(why) => f.write_str(why),
            Self::NoRandomness => f.write_str("the system gave no random bytes"),
        }
    }
}

impl std::error::Error for AccountsError {}

impl From<CommandError> for AccountsError {
    fn from(error: CommandError) -> Self {
        match error {
            CommandError::Refused(refused) => Self::Refused(refused),
            CommandError::Open | CommandError::Full | CommandError::Failed(_) => Self::Disk(error.to_string()),
        }
    }
}
