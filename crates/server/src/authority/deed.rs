//! Deeds: a command in words, for the audit log and for whoever gave it.
//!
//! What it is about, and how that was before and is after, as texts. Nothing secret is among them: a password shows as
//! there or not there, or changed, a key by its id. What is about to be done is shown as it is asked for.
//! Invariant: the pictures of what was done are made under the same decision as the change.

use factree_auth::directory::{Command, NewKey, User};
use factree_auth::{Directory, Name, Principal, Role, Timestamp};

use super::Done;

/// All that there is to be seen of somebody who is no user.
const DISABLED: &str = "disabled";

/// What a command is about.
pub(crate) enum Subject {
    User(Name),
    Role(Name),
    Key(factree_auth::credential::KeyId),
    SessionsOf(Option<Name>),
    /// Whom a certificate or a token names.
    Stranger(Principal),
}

/// The verb and the subject of a command.
pub(crate) fn of(command: &Command, directory: &Directory) -> (&'static str, Subject) {
    match command {
        Command::AddUser { name, .. } => ("user.add", Subject::User(name.clone())),
        Command::SetPassword { name, .. } => ("user.change", Subject::User(name.clone())),
        Command::RenewHash { name, .. } => ("user.rehash", Subject::User(name.clone())),
        Command::SetRoles { name, .. } => ("user.change", Subject::User(name.clone())),
        Command::SetDisabled { who: Principal::User(name), .. } => ("user.change", Subject::User(name.clone())),
        Command::SetDisabled { who, disabled: true } => ("principal.disable", Subject::Stranger(who.clone())),
        Command::SetDisabled { who, disabled: false } => ("principal.enable", Subject::Stranger(who.clone())),
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
            Subject::Stranger(who) => format!("principal/{who}"),
        }
    }

    /// How it is now; none: it is not there.
    pub(crate) fn picture(&self, directory: &Directory) -> Option<String> {
        match self {
            Subject::User(name) => directory.user(name.as_str()).map(|it| user(&it.roles, password(it), it.disabled)),
            Subject::Role(name) => directory.role(name.as_str()).map(role),
            Subject::Key(id) => directory
                .key(id)
                .map(|it| key(&it.owner, &it.label, it.roles.as_deref(), &it.verbs.to_string(), it.expires)),
            Subject::SessionsOf(owner) => {
                let count = directory.sessions().filter(|(_, session)| owner.as_ref() == Some(&session.owner)).count();
                (count > 0).then(|| format!("{count} open"))
            }
            Subject::Stranger(who) => directory.is_disabled(who).then(|| DISABLED.into()),
        }
    }

    /// What has become of it.
    pub(crate) fn done(&self, verb: &'static str, old: Option<String>, directory: &Directory) -> Done {
        Done { verb, target: self.target(), old, new: self.picture(directory) }
    }
}

/// What a command would do, if it is carried out.
pub(crate) fn foreseen(command: &Command, directory: &Directory) -> Done {
    let (verb, subject) = of(command, directory);
    let now = |name: &Name| directory.user(name.as_str());
    let new = match command {
        Command::AddUser { password, roles, .. } => {
            Some(user(roles, if password.is_some() { "; password" } else { "" }, false))
        }
        Command::SetPassword { .. } => said_of_password(command, directory),
        Command::SetRoles { name, roles } => now(name).map(|it| user(roles, password(it), it.disabled)),
        Command::SetDisabled { who: Principal::User(name), disabled } => {
            now(name).map(|it| user(&it.roles, password(it), *disabled))
        }
        Command::SetDisabled { disabled, .. } => disabled.then(|| DISABLED.into()),
        Command::SetRole(wanted) => Some(role(wanted)),
        Command::AddKey(NewKey { owner, label, roles, verbs, expires, .. }) => {
            Some(key(owner, label, roles.as_deref(), &verbs.to_string(), *expires))
        }
        Command::RenewHash { .. } | Command::OpenSession { .. } => subject.picture(directory),
        Command::RemoveUser(_)
        | Command::RemoveRole(_)
        | Command::RemoveKey(_)
        | Command::EndSession(_)
        | Command::EndSessionsOf(_) => None,
    };
    Done { verb, target: subject.target(), old: subject.picture(directory), new }
}

/// How a user is once he has another password, which no picture shows; none: it is another command.
pub(crate) fn said_of_password(command: &Command, directory: &Directory) -> Option<String> {
    let Command::SetPassword { name, password } = command else { return None };
    let said = if password.is_some() { "; password changed" } else { "; password removed" };
    directory.user(name.as_str()).map(|it| user(&it.roles, said, it.disabled))
}

fn user(roles: &[Name], password: &str, disabled: bool) -> String {
    format!("roles {}{password}{}", list(roles), if disabled { "; disabled" } else { "" })
}

fn password(user: &User) -> &'static str {
    if user.has_password() { "; password" } else { "" }
}

fn role(role: &Role) -> String {
    let grants = role.grants().iter().map(ToString::to_string);
    let pins = role.pins().iter().map(|pin| format!("pin {pin}"));
    grants.chain(pins).collect::<Vec<_>>().join("; ")
}

fn key(owner: &Name, label: &Name, roles: Option<&[Name]>, verbs: &str, expires: Option<Timestamp>) -> String {
    let roles = roles.map_or_else(|| "all".to_owned(), list);
    let expires = expires.map(|at| format!("; expires {at}")).unwrap_or_default();
    format!("of {owner}; {label}; roles {roles}; {verbs}{expires}")
}

fn list(names: &[Name]) -> String {
    if names.is_empty() {
        return "none".into();
    }
    names.iter().map(Name::as_str).collect::<Vec<_>>().join(",")
}
