//! What the commands print: users, roles and keys in columns.
//!
//! Rows are read off the directory, or off the answers of a server; the latter may be anything, so what could move a cursor
//! or hide a line is escaped.
//! Invariant: nothing that lets anybody in is printed.

use std::fmt::Display;

use factree_auth::credential::KeyId;
use factree_auth::directory::{Key, User};
use factree_auth::{Directory, Name, Principal, Role, Timestamp, Verb};
use serde::Deserialize;

use crate::authority::Done;
use crate::sparkplug_report::plainly;

/// A user.
#[derive(Deserialize)]
pub(super) struct UserRow {
    name: String,
    roles: Vec<String>,
    disabled: bool,
    has_password: bool,
    keys_count: usize,
}

/// Whom a certificate or a token names, and who is not let in.
#[derive(Deserialize)]
pub(super) struct DisabledRow {
    principal: String,
    since: String,
}

/// A role.
#[derive(Deserialize)]
pub(super) struct RoleRow {
    name: String,
    grants: Vec<String>,
    pins: Vec<String>,
    fixed: bool,
    holders_count: usize,
}

/// A key.
#[derive(Deserialize)]
pub(super) struct KeyRow {
    id: String,
    owner: String,
    label: String,
    roles: Option<Vec<String>>,
    verbs: Vec<String>,
    created: String,
    expires: Option<String>,
    used: Option<String>,
}

impl UserRow {
    pub(super) fn all(directory: &Directory) -> Vec<UserRow> {
        let row = |(name, user): (&Name, &User)| UserRow {
            name: name.to_string(),
            roles: texts(&user.roles),
            disabled: user.disabled,
            has_password: user.has_password(),
            keys_count: directory.keys().filter(|(_, key)| key.owner == *name).count(),
        };
        directory.users().map(row).collect()
    }
}

impl DisabledRow {
    pub(super) fn all(directory: &Directory) -> Vec<DisabledRow> {
        let row = |(who, since): (&Principal, Timestamp)| DisabledRow {
            principal: who.to_string(),
            since: since.to_string(),
        };
        directory.disabled().map(row).collect()
    }
}

impl RoleRow {
    pub(super) fn all(directory: &Directory) -> Vec<RoleRow> {
        directory.roles().map(|(role, can_change)| RoleRow::of(role, can_change, directory)).collect()
    }

    pub(super) fn of(role: &Role, can_change: bool, directory: &Directory) -> RoleRow {
        RoleRow {
            name: role.name().to_string(),
            grants: texts(role.grants()),
            pins: texts(role.pins()),
            fixed: !can_change,
            holders_count: directory.users().filter(|(_, user)| user.roles.contains(role.name())).count(),
        }
    }
}

impl KeyRow {
    pub(super) fn all(directory: &Directory) -> Vec<KeyRow> {
        let time = |time: Timestamp| time.to_string();
        let row = |(id, key): (&KeyId, &Key)| KeyRow {
            id: id.to_string(),
            owner: key.owner.to_string(),
            label: key.label.to_string(),
            roles: key.roles.as_deref().map(texts),
            verbs: key.verbs.iter().map(Verb::as_str).map(str::to_owned).collect(),
            created: time(key.created),
            expires: key.expires.map(time),
            used: key.used.map(time),
        };
        directory.keys().map(row).collect()
    }
}

/// All users, and below them who else is disabled, if anybody is.
pub(super) fn users(users: &[UserRow], disabled: &[DisabledRow]) -> String {
    let row = |user: &UserRow| {
        let state = match (user.disabled, user.has_password) {
            (true, _) => "disabled",
            (false, true) => "password",
            (false, false) => "no password",
        };
        [user.name.clone(), state.into(), user.keys_count.to_string(), list(&user.roles)]
    };
    let users = table(["user", "logs in by", "keys", "roles"], users.iter().map(row).collect(), "There is no user.");
    if disabled.is_empty() {
        return users;
    }
    let disabled = disabled.iter().map(|row| [row.principal.clone(), row.since.clone()]).collect();
    format!("{users}\n{}", table(["not let in", "since"], disabled, ""))
}

/// All roles.
pub(super) fn roles(roles: &[RoleRow]) -> String {
    let row = |role: &RoleRow| {
        let origin = match (Role::is_built_in(&role.name), role.fixed) {
            (true, _) => "built in",
            (false, true) => "configuration",
            (false, false) => "made by command",
        };
        let counts = [role.grants.len(), role.pins.len(), role.holders_count].map(|count| count.to_string());
        let [grants, pins, holders] = counts;
        [role.name.clone(), origin.into(), grants, pins, holders]
    };
    let head = ["role", "from", "grants", "pins", "users"];
    table(head, roles.iter().map(row).collect(), "There is no role.")
}

/// One role: a line for each grant and pin, as they are written in.
pub(super) fn role(role: &RoleRow) -> String {
    let grants = role.grants.iter().map(|grant| format!("grant {}\n", plainly(grant)));
    let pins = role.pins.iter().map(|pin| format!("pin   {}\n", plainly(pin)));
    let text: String = grants.chain(pins).collect();
    if text.is_empty() { "It grants nothing.\n".into() } else { text }
}

/// All keys, or those of one user.
pub(super) fn keys(keys: &[KeyRow], owner: Option<&Name>) -> String {
    let mut keys: Vec<_> = keys.iter().filter(|key| owner.is_none_or(|owner| key.owner == owner.as_str())).collect();
    keys.sort_by(|a, b| (&a.owner, &a.created, &a.id).cmp(&(&b.owner, &b.created, &b.id)));
    let row = |key: &&KeyRow| {
        let roles = key.roles.as_deref().map_or_else(|| "all".into(), list);
        let time = |time: &Option<String>| time.clone().unwrap_or_else(|| "never".into());
        let (used, expires) = (time(&key.used), time(&key.expires));
        [key.id.clone(), key.owner.clone(), key.label.clone(), roles, key.verbs.join(","), used, expires]
    };
    let head = ["key", "of", "for", "roles", "verbs", "used", "expires"];
    table(head, keys.iter().map(row).collect(), "There is no key.")
}

/// What a command has done.
pub(super) fn done(done: &Done, place: &impl Display) -> String {
    let Done { verb, target, new, .. } = done;
    let now = new.as_ref().map(|now| format!(": {now}")).unwrap_or_default();
    format!("{verb} {target}{now}\nin {place}\n")
}

fn texts<T: Display>(list: &[T]) -> Vec<String> {
    list.iter().map(ToString::to_string).collect()
}

fn list(names: &[String]) -> String {
    if names.is_empty() { "–".into() } else { names.join(",") }
}

fn table<const N: usize>(head: [&str; N], rows: Vec<[String; N]>, none: &str) -> String {
    if rows.is_empty() {
        return format!("{none}\n");
    }
    let rows = std::iter::once(head.map(str::to_owned)).chain(rows).map(|row| row.map(|cell| plainly(&cell)));
    let rows: Vec<[String; N]> = rows.collect();
    let widths: [usize; N] =
        std::array::from_fn(|column| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0));
    let line = |row: &[String; N]| {
        let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
        format!("{}\n", cells.collect::<Vec<_>>().join("  ").trim_end())
    };
    rows.iter().map(line).collect()
}
