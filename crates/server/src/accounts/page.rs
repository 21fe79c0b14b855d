//! What the commands print: users, roles and keys in columns.
//!
//! Names cannot move a cursor or hide a line: [`Name`] refuses what would.
//! Invariant: nothing that lets anybody in is printed.

use std::path::Path;

use factree_auth::{Directory, Name, Role};

use crate::authority::Done;

/// All users.
pub(super) fn users(directory: &Directory) -> String {
    let row = |(name, user): (&Name, &factree_auth::directory::User)| {
        let state = match (user.disabled, user.has_password()) {
            (true, _) => "disabled",
            (false, true) => "password",
            (false, false) => "no password",
        };
        let keys = directory.keys().filter(|(_, key)| key.owner == *name).count();
        [name.to_string(), state.into(), keys.to_string(), list(&user.roles)]
    };
    table(["user", "logs in by", "keys", "roles"], directory.users().map(row).collect(), "There is no user.")
}

/// All roles.
pub(super) fn roles(directory: &Directory) -> String {
    let row = |(role, can_change): (&Role, bool)| {
        let origin = match (Role::is_built_in(role.name().as_str()), can_change) {
            (true, _) => "built in",
            (false, true) => "made by command",
            (false, false) => "configuration",
        };
        [role.name().to_string(), origin.into(), role.grants().len().to_string(), role.pins().len().to_string()]
    };
    table(["role", "from", "grants", "pins"], directory.roles().map(row).collect(), "There is no role.")
}

/// One role: a line for each grant and pin, as they are written in.
pub(super) fn role(role: &Role) -> String {
    let grants = role.grants().iter().map(|grant| format!("grant {grant}\n"));
    let pins = role.pins().iter().map(|pin| format!("pin   {pin}\n"));
    let text: String = grants.chain(pins).collect();
    if text.is_empty() { "It grants nothing.\n".into() } else { text }
}

/// All keys, or those of one user.
pub(super) fn keys(directory: &Directory, owner: Option<&Name>) -> String {
    let mut keys: Vec<_> = directory.keys().filter(|(_, key)| owner.is_none_or(|owner| key.owner == *owner)).collect();
    keys.sort_by_key(|(id, key)| (key.owner.clone(), key.created, (*id).clone()));
    let time = |time: Option<factree_auth::Timestamp>| time.map_or_else(|| "never".into(), |time| time.to_string());
    let row = |(id, key): &(&factree_auth::credential::KeyId, &factree_auth::directory::Key)| {
        let roles = key.roles.as_deref().map_or_else(|| "all".into(), list);
        let verbs = key.verbs.to_string();
        [id.to_string(), key.owner.to_string(), key.label.to_string(), roles, verbs, time(key.used), time(key.expires)]
    };
    table(["key", "of", "for", "roles", "verbs", "used", "expires"], keys.iter().map(row).collect(), "There is no key.")
}

/// What a command has done.
pub(super) fn done(done: &Done, data: &Path) -> String {
    let Done { verb, target, new, .. } = done;
    let now = new.as_ref().map(|now| format!(": {now}")).unwrap_or_default();
    format!("{verb}, {target}{now}\nin {}\n", data.display())
}

fn list(names: &[Name]) -> String {
    if names.is_empty() { "–".into() } else { names.iter().map(Name::as_str).collect::<Vec<_>>().join(",") }
}

fn table<const N: usize>(head: [&str; N], rows: Vec<[String; N]>, none: &str) -> String {
    if rows.is_empty() {
        return format!("{none}\n");
    }
    let rows = std::iter::once(head.map(str::to_owned)).chain(rows);
    let rows: Vec<[String; N]> = rows.collect();
    let widths: [usize; N] =
        std::array::from_fn(|column| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0));
    let line = |row: &[String; N]| {
        let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
        format!("{}\n", cells.collect::<Vec<_>>().join("  ").trim_end())
    };
    rows.iter().map(line).collect()
}
