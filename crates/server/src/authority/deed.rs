//! Deeds: a command in words, for the audit log and for whoever gave it.
//!
//! What it is about, and how that was before and is after, as texts. Nothing secret is among them: a password shows as
//! there or not there, a key by its id.
//! Invariant: the pictures are made under the same decision as the change.

use factree_auth::directory::Command;
use factree_auth::{Directory, Name};

use super::Done;

/// What a command is about.
pub(crate) enum Subject {
    User(Name),
    Role(Name),
    Key(factree_auth::credential::KeyId),
    SessionsOf(Option<Name>),
}

/// The verb and the subject of a command.
pub(crate) fn of(command: &Command, directory: &Directory) -> (&'static str, Subject) {
    match command {
        Command::AddUser { name, .. } => ("user.add", Subject::User(name.clone())),
        Command::SetPassword { name, .. } => ("user.change", Subject::User(name.clone())),
        Command::RenewHash { name, .. } => ("user.rehash", Subject::User(name.clone())),
        Command::SetRoles { name, .. } => ("user.change", Subject::User(name.clone())),
        Command::SetDisabled { name, .. } => ("user.change", Subject::User(name.clone())),
        Command::RemoveUser(name) => ("user.remove", Subject::User(name.clone())),
        Command::SetRole(role) => ("role.change", Subject::Role(role.name().clone())),
        Command::RemoveRole(name) => ("role.remove", Subject::Role(name.clone())),
        Command::AddKey(key) => ("key.add", Subject::Key(key.token.id.clone())),
        Command::RemoveKey(id) => ("key.remove", Subject::Key(id.clone())),
        Command::OpenSession { owner, .. } => ("session.begin", Subject::SessionsOf(Some(owner.clone()))),
        Command::EndSession(id) => {
            let owner = directory.sessions().find(|(known, _)| *known == id).map(|(_, session)| session.owner.clone());
            ("session.end", Subject::SessionsOf(owner))
        }
        Command::EndSessionsOf(owner) => ("session.end", Subject::SessionsOf(Some(owner.clone()))),
    }
}

impl Subject {
    /// What it is called: `user/anna`.
    pub(crate) fn target(&self) -> String {
        match self {
            Subject::User(name) => format!("user/{name}"),
            Subject::Role(name) => format!("role/{name}"),
            Subject::Key(id) => format!("key/{id}"),
            Subject::SessionsOf(Some(owner)) => format!("session/{owner}"),
            Subject::SessionsOf(None) => "session".into(),
        }
    }

    /// How it is now; none: it is not there.
    pub(crate) fn picture(&self, directory: &Directory) -> Option<String> {
        match self {
            Subject::User(name) => directory.user(name.as_str()).map(|user| {
                let password = if user.has_password() { "; password" } else { "" };
                let disabled = if user.disabled { "; disabled" } else { "" };
                format!("roles {}{password}{disabled}", list(&user.roles))
            }),
            Subject::Role(name) => directory.role(name.as_str()).map(|role| {
                let grants = role.grants().iter().map(ToString::to_string);
                let pins = role.pins().iter().map(|pin| format!("pin {pin}"));
                grants.chain(pins).collect::<Vec<_>>().join("; ")
            }),
            Subject::Key(id) => directory.key(id).map(|key| {
                let roles = key.roles.as_deref().map_or_else(|| "all".to_owned(), list);
                let expires = key.expires.map(|at| format!("; expires {at}")).unwrap_or_default();
                format!("of {}; {}; roles {roles}; {}{expires}", key.owner, key.label, key.verbs)
            }),
            Subject::SessionsOf(owner) => {
                let count = directory.sessions().filter(|(_, session)| owner.as_ref() == Some(&session.owner)).count();
                (count > 0).then(|| format!("{count} open"))
            }
        }
    }

    /// What has become of it.
    pub(crate) fn done(&self, verb: &'static str, old: Option<String>, directory: &Directory) -> Done {
        Done { verb, target: self.target(), old, new: self.picture(directory) }
    }
}

fn list(names: &[Name]) -> String {
    if names.is_empty() {
        return "none".into();
    }
    names.iter().map(Name::as_str).collect::<Vec<_>>().join(",")
}
